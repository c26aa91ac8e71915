package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"math"
	"slices"
	"strings"

	"halftone/outputs/compose"
	"halftone/outputs/describe"
	"halftone/privacy"
)

// checkPrivacy recomputes the price of every release from its noise, and what
// all of them cost together, and holds both against the ledger's charges, the
// budget, the noise model and the privacy label.
func (c *checker) checkPrivacy(context.Context) (string, error) {
	if c.shown.Releases == nil {
		return "", errEarlier("releases")
	}
	acc := c.ledger.Account
	var last privacy.Model
	var opened []privacy.Release
	for i, k := range c.keys() {
		r := c.shown.Releases[i].Release
		var err error
		if last, err = r.Model(); err != nil {
			return "", err
		}
		if err := checkPrice(k, last, acc); err != nil {
			return "", err
		}
		opened = append(opened, r)
	}
	for _, r := range c.manifest.Releases {
		if charge := acc.Charges[r.Key]; r.Cost != acc.Terms.Cost(charge.Cost) || r.SpecDigest != charge.SpecDigest {
			return "", fmt.Errorf("%s: manifest.json and the ledger's charge do not agree", r.Key)
		}
	}
	if len(acc.Over) > 0 {
		return "", fmt.Errorf("the releases of period %s cost more than a period may, those that overlap it included", acc.Over[0])
	}
	bound, err := c.shown.Bound() // what releases before an amendment were made for, too
	if err != nil {
		return "", err
	}
	spent := acc.Spent()
	c.report.Spent = Spent{spent.Cost, spent.Epsilon(spent.Delta), spent.Delta, last.Unit, acc.Terms.PerPeriod, bound.PerPeriod, bound.Periods, nil, acc.Guarantees.None(), acc.Guarantees.Nobody()}
	if err := c.checkNoiseModel(opened, acc.Person); err != nil {
		return "", err
	}
	if err := c.checkLabel(bound, acc); err != nil {
		return "", err
	}
	unit := map[bool]string{true: "epsilon", false: "rho"}[spent.Pure()]
	within := "within the budget"
	if acc.Person > acc.Terms.Budget { // each was, on the terms of its day
		within = "within the budget when charged, and more than it since the promise was restated"
	}
	if names := acc.Guarantees.None(); len(names) > 0 {
		within += "; no guarantee for the people behind " + strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s of %s recomputed from the noise model: equal to what was charged; %s", unit, plural(len(opened), "release"), within), nil
}

// checkPrice holds what a release paid against the noise that it has.
func checkPrice(k privacy.Key, m privacy.Model, acc describe.Account) error {
	charge, ok := acc.Charges[k]
	if !ok || acc.Terms.Cost(charge.Cost) != m.Cost() || charge.SpecDigest != m.SpecDigest {
		return fmt.Errorf("%s: the sealed file and the ledger's charge do not agree", k)
	}
	t := *charge.Terms // those of its day: people may have amended them since
	if m.Plan.Mechanism != t.Mechanism || m.Bound.Periods != t.Periods || (t.Periods == 0) != t.PerPeriod {
		return fmt.Errorf("%s: the sealed file and the terms of the ledger do not agree", k)
	}
	if !m.Cost().Pure() {
		return checkRho(k, m)
	}
	return checkEpsilon(k, m)
}

// checkRho adds up what the measurements of a release cost. The noise of every
// block is s = M²D/2ρ rounded up, computed from these ρ whenever an sd is, so that
// there is no other number for it that could differ.
func checkRho(k privacy.Key, m privacy.Model) error {
	sum := uint64(0)
	for _, me := range m.Plan.Measurements {
		if sum+me.NanoRho < sum {
			return fmt.Errorf("%s: the measurements cost more than was charged", k)
		}
		sum += me.NanoRho
	}
	if sum > m.Plan.NanoRho {
		return fmt.Errorf("%s: the measurements cost %d nano-rho and %d were charged", k, sum, m.Plan.NanoRho)
	}
	if most := uint64(len(m.Plan.Measurements)) * 2; m.Plan.NanoRho-sum > most {
		return fmt.Errorf("%s: the measurements cost %d nano-rho of the %d that were charged: less than rounding explains", k, sum, m.Plan.NanoRho)
	}
	return nil
}

// checkEpsilon recomputes b = tables·M/ε, where the draws use one nano-ε less
// than is charged.
func checkEpsilon(k privacy.Key, m privacy.Model) error {
	if m.Plan.NanoEpsilon < 2 {
		return fmt.Errorf("%s: a price of nothing", k)
	}
	want := float64(len(m.Tables)) * float64(m.Bound.PerPeriod) * 1e9 / float64(m.Plan.NanoEpsilon-1)
	for i, me := range m.Plan.Measurements {
		if !(math.Abs(me.B-want) <= 1e-12*want) {
			return fmt.Errorf("%s: the noise of table %s is not what the charge pays for: scale %.6g, want %.6g", k, me.Table, me.B, want)
		}
		if !slices.Equal(me.Levels, m.Tables[i].Levels) {
			return fmt.Errorf("%s: table %s was measured at other levels than it has", k, me.Table)
		}
	}
	return nil
}

func (c *checker) checkNoiseModel(releases []privacy.Release, person uint64) error {
	want, err := privacy.NewNoiseModel(c.manifest.Version, releases, person)
	if err != nil {
		return err
	}
	want.NoGuarantee = c.ledger.Account.Guarantees.None()
	var got privacy.NoiseModel
	if err := decode(c.files[compose.NoiseModelFile], &got); err != nil {
		return fmt.Errorf("%s is unreadable", compose.NoiseModelFile)
	}
	// Another reader may see a key that stands twice, or in another case, otherwise.
	if again, err := describe.EncodeNoiseModel(got); err != nil || !bytes.Equal(again, c.files[compose.NoiseModelFile]) {
		return fmt.Errorf("%s is not written as it must be", compose.NoiseModelFile)
	}
	if err := alike(compose.NoiseModelFile, got, want); err != nil {
		return err
	}
	// People run it: a script that nobody knows is not verified.
	if !bytes.Equal(c.files[compose.NoiseReaderFile], describe.NoiseReader()) {
		return fmt.Errorf("%s is not the one that this program knows: do not run it, or verify with the program that published the version", compose.NoiseReaderFile)
	}
	return c.checkSpreads(got, releases)
}

// checkSpreads computes the sd of every cell from noise-model.json alone and
// compares it with that of the sealed file's plan.
func (c *checker) checkSpreads(m privacy.NoiseModel, releases []privacy.Release) error {
	reader, err := m.Open()
	if err != nil {
		return fmt.Errorf("%s: %w", compose.NoiseModelFile, err)
	}
	for _, r := range releases {
		k, err := r.Key()
		if err != nil {
			return err
		}
		model, err := r.Model()
		if err != nil {
			return err
		}
		for _, t := range model.Tables {
			cells, err := r.Cells(t.Name)
			if err != nil {
				return err
			}
			for i, sd := range cells.SD {
				v, err := reader.Variance(privacy.NoiseCell{Table: t.Name, Period: k.Period, Edition: k.Edition, Codes: model.Codes(t, i)})
				if err != nil {
					return fmt.Errorf("%s: %w", compose.NoiseModelFile, err)
				}
				if !(math.Abs(math.Sqrt(v)-sd) <= 1e-9*sd) {
					return fmt.Errorf("%s: %s, table %s, cell %d: an sd of %.6g, and the sealed file has %.6g", compose.NoiseModelFile, k, t.Name, i+1, math.Sqrt(v), sd)
				}
			}
		}
	}
	return nil
}

// checkLabel compares the figures of the label. Its words are the publisher's.
func (c *checker) checkLabel(b privacy.Bound, acc describe.Account) error {
	var got describe.Label
	if err := decode(c.files[compose.PrivacyLabelFile], &got); err != nil {
		return fmt.Errorf("%s is unreadable", compose.PrivacyLabelFile)
	}
	want, err := describe.LabelFigures(c.shown, acc)
	if err != nil {
		return err
	}
	if err := checkStated(got.Contribution.StatedBy, b, acc.Guarantees); err != nil {
		return fmt.Errorf("%s: %w", compose.PrivacyLabelFile, err)
	}
	for _, s := range got.Contribution.StatedBy {
		c.report.Spent.Sources = append(c.report.Spent.Sources, s.Source)
	}
	want.State(got.Contribution.StatedBy, acc.Guarantees)
	// What other datasets cost stands in their ledgers' exports, not in this one.
	want.Population = got.Population
	if name := acc.Terms.Population.Name; (got.Population == nil) != (name == "") || got.Population != nil &&
		(got.Population.Name != name || !slices.Contains(got.Population.Datasets, c.manifest.Dataset) || lessThan(got.Population.Cost, acc.Spent().Cost)) {
		return fmt.Errorf("%s: the population is not the one of the ledger's charges", compose.PrivacyLabelFile)
	}
	if err := alike(compose.PrivacyLabelFile, got, want); err != nil {
		return err
	}
	return c.checkSaid(want)
}

// checkSaid demands that what limits the promise, or the figures, stands where people
// read, whoever has written the pages.
func (c *checker) checkSaid(l describe.Label) error {
	var pkg struct {
		Privacy struct {
			Guarantee string `json:"guarantee"`
		} `json:"privacy"`
	}
	if err := json.Unmarshal(c.files[compose.DataPackageFile], &pkg); err != nil || pkg.Privacy.Guarantee != l.Guarantee {
		return fmt.Errorf("%s: its guarantee is not that of the label", compose.DataPackageFile)
	}
	for _, s := range []*describe.SourcesLabel{l.NoGuarantee, l.Corrected} {
		if s == nil {
			continue
		}
		for _, file := range []string{compose.ReadmeFile, compose.ReportFile} {
			if text := string(c.files[file]); !strings.Contains(text, s.Words) && !strings.Contains(text, html.EscapeString(s.Words)) {
				return fmt.Errorf("%s does not say what the label says of %s: %.60s…", file, strings.Join(s.Sources, ", "), s.Words)
			}
		}
	}
	return nil
}

// lessThan reports whether the cost of several datasets is below that of one of them.
func lessThan(all, one privacy.Cost) bool {
	if all.Pure() == one.Pure() {
		return all.Nano() < one.Nano()
	}
	return all.Pure() // one in rho among them makes the sum one in rho
}

// checkStated holds what sources stated against the bound that the noise was made for.
func checkStated(stated []describe.Stated, b privacy.Bound, g privacy.Guarantees) error {
	if len(stated) == 0 {
		return errors.New("nobody stated the bounds")
	}
	for _, s := range stated {
		unlimited := s.Periods == 0
		if s.PerPeriod < 1 || s.Sensitivity < 1 || s.PerPeriod > b.PerPeriod/s.Sensitivity || s.Periods < 0 ||
			unlimited && b.Periods > 0 || !unlimited && b.Periods > 0 && s.Periods > b.Periods {
			return fmt.Errorf("source %s states more than the bounds that the noise was made for", s.Source)
		}
		if s.Guarantee != "" && s.Guarantee != "none" || (s.Guarantee == "none") != slices.Contains(g.None(), s.Source) {
			return fmt.Errorf("source %s: its guarantee is not that of the ledger's charges", s.Source)
		}
	}
	return nil
}

// alike compares two values by the JSON that is published.
func alike(name string, got, want any) error {
	a, err := json.Marshal(got)
	if err != nil {
		return err
	}
	b, err := json.Marshal(want)
	if err != nil {
		return err
	}
	if !bytes.Equal(a, b) {
		return fmt.Errorf("%s differs from the sealed files and the ledger", name)
	}
	return nil
}

func decode(b []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}
