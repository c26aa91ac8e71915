// Package describe says what a version is, to machines and to people: manifest
// and checksums, Data Package, privacy label, noise model, ledger, README,
// licence and citation.
//
// It repeats what releases, the ledger and the public description say and adds
// no number of its own. The same version gives the same bytes.
package describe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"halftone/outputs"
	"halftone/outputs/dataset"
	"halftone/privacy"
)

// An Account is what the ledger's entries of one dataset add up to, in the unit
// of its terms.
type Account struct {
	Terms   privacy.Terms // as amended
	Periods []PeriodCost  // by first charge
	Person  uint64        // what the releases so far cost one unit, or one unit and period
	Charges map[privacy.Key]privacy.Entry
	Seals   map[privacy.Key]privacy.Entry
	// Counts is what a charge counts: its cost, and more where people have since found
	// that one unit may change the counts by more than was stated.
	Counts map[privacy.Key]uint64
	Over   []privacy.Period // that had no room for a charge when it was made
	// Guarantees says for the people behind which sources the promise is made.
	Guarantees privacy.Guarantees
}

// A PeriodCost is what all editions and series of a period count together.
type PeriodCost struct {
	Period   privacy.Period
	Nano     uint64
	Editions int
}

// NewAccount adds up the charges of a dataset: a unit pays for the P dearest
// periods, with P unlimited for the dearest one. Amendments change the terms, and
// what the charges before them count. It fails on a link that is unreadable, on two
// charges or seals of one key, on charges whose terms are not those of the first
// as amended, on an amendment that makes a promise smaller, and on a guarantee that
// is taken back or given afterwards.
func NewAccount(dataset string, links []privacy.Link) (Account, error) {
	a := newAccount()
	for _, l := range links {
		if len(l.Entry) == 0 {
			continue // another dataset's
		}
		e, err := l.Decode()
		if err != nil {
			return a, fmt.Errorf("describe: %w", err)
		}
		if e.Dataset != dataset {
			continue
		}
		if err := a.add(e); err != nil {
			return a, fmt.Errorf("describe: ledger entry %d: %w", l.Seq, err)
		}
	}
	if len(a.Charges) == 0 {
		return a, fmt.Errorf("describe: the ledger has no charge of %s", dataset)
	}
	a.Person = privacy.Person(a.costs(), a.Terms.Periods)
	return a, nil
}

func newAccount() Account {
	return Account{Charges: map[privacy.Key]privacy.Entry{}, Seals: map[privacy.Key]privacy.Entry{}, Counts: map[privacy.Key]uint64{}}
}

func (a *Account) add(e privacy.Entry) error {
	k := e.Key()
	_, charged := a.Charges[k]
	_, sealed := a.Seals[k]
	switch e.Kind {
	case privacy.EntryCharge:
		if charged {
			return errors.New("a release is charged twice")
		}
		if e.Terms == nil || e.Period == nil || len(a.Charges) > 0 && *e.Terms != a.Terms {
			return errors.New("a charge on other terms than the first, as amended")
		}
		if err := a.Guarantees.Take(e.Expected, e.NoGuarantee); err != nil {
			return err
		}
		return a.charge(e)
	case privacy.EntryBurn:
		if charged == (e.Cost > 0) || sealed {
			return errors.New("a release is given up that is sealed, or is charged twice")
		}
		if !charged { // given up without a draw: its price is paid all the same
			e.Kind = privacy.EntryCharge
			return a.add(e)
		}
	case privacy.EntrySeal:
		if !charged || sealed {
			return errors.New("a seal without a charge, or a second one")
		}
		a.Seals[k] = e
	case privacy.EntryAmend:
		return a.amend(e)
	}
	return nil
}

func (a *Account) charge(e privacy.Entry) error {
	k := e.Key()
	a.Terms, a.Charges[k], a.Counts[k] = *e.Terms, e, e.Cost
	i := slices.IndexFunc(a.Periods, func(p PeriodCost) bool { return p.Period == *e.Period })
	if i < 0 {
		i, a.Periods = len(a.Periods), append(a.Periods, PeriodCost{Period: *e.Period})
	}
	p := &a.Periods[i]
	if p.Nano+e.Cost < p.Nano {
		return errors.New("a cost is too large")
	}
	p.Nano, p.Editions = p.Nano+e.Cost, p.Editions+1
	// Periods that all overlap one period and each other have a month of it in common.
	var here []privacy.PeriodCost
	for _, q := range a.Periods {
		if q.Period.Start().Before(e.Period.End()) && e.Period.Start().Before(q.Period.End()) {
			here = append(here, privacy.PeriodCost{Period: q.Period, Nano: q.Nano})
		}
	}
	if privacy.Person(here, 1) > a.Terms.Cap() {
		a.Over = append(a.Over, *e.Period)
	}
	return nil
}

// amend takes new terms, and restates what was charged before.
func (a *Account) amend(e privacy.Entry) error {
	bound := e.BoundWas != 0 || e.BoundNow != 0
	switch {
	case e.Terms == nil || len(a.Charges) == 0:
		return errors.New("an amendment without terms, or with nothing to amend")
	case !slices.Contains(privacy.Reasons(e.Kind), e.Reason):
		return errors.New("an amendment for no reason that there is")
	case bound && (e.BoundWas < 1 || e.BoundNow <= e.BoundWas):
		return errors.New("a bound is amended to one that is not larger")
	}
	if was, now := a.Terms, *e.Terms; was.Unit != now.Unit || was.Mechanism != now.Mechanism || was.Delta != now.Delta ||
		was.PerPeriod != now.PerPeriod || now.Periods < was.Periods || now.Budget < was.Budget {
		return errors.New("an amendment that makes a promise smaller than it was made")
	}
	a.Terms = *e.Terms
	if !bound {
		return nil
	}
	for i := range a.Periods {
		a.Periods[i].Nano = 0
	}
	for k, n := range a.Counts {
		a.Counts[k] = a.Terms.Restate(n, e.BoundWas, e.BoundNow)
		i := slices.IndexFunc(a.Periods, func(p PeriodCost) bool { return p.Period == k.Period })
		p := &a.Periods[i]
		if p.Nano += a.Counts[k]; p.Nano < a.Counts[k] {
			p.Nano = math.MaxUint64
		}
	}
	return nil
}

func (a Account) costs() []privacy.PeriodCost {
	out := make([]privacy.PeriodCost, len(a.Periods))
	for i, p := range a.Periods {
		out[i] = privacy.PeriodCost{Period: p.Period, Nano: p.Nano}
	}
	return out
}

// person is [privacy.Person] of a, found faster where no two periods overlap:
// months, quarters or years alone.
func (a Account) person() uint64 {
	sums := make([]uint64, 0, len(a.Periods))
	for _, p := range a.Periods {
		if m := p.Period.Months(); m != a.Periods[0].Period.Months() || m > 12 {
			return privacy.Person(a.costs(), a.Terms.Periods)
		}
		sums = append(sums, p.Nano)
	}
	slices.Sort(sums)
	slices.Reverse(sums)
	total := uint64(0)
	for _, n := range sums[:min(int64(len(sums)), max(1, a.Terms.Periods))] {
		if total += n; total < n {
			return math.MaxUint64
		}
	}
	return total
}

// Spent is what all releases so far cost one unit, or one unit and period.
func (a Account) Spent() outputs.Spent { return outputs.NewSpent(a.Terms, a.Person) }

// Ledger writes ledger.jsonl, one link a line.
func Ledger(links []privacy.Link) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, l := range links {
		if err := enc.Encode(l); err != nil {
			return nil, fmt.Errorf("describe: ledger: %w", err)
		}
	}
	return b.Bytes(), nil
}

// ReadLedger reads ledger.jsonl, which may come from anywhere. It must be written as
// [Ledger] writes it: there is one way to say a thing. The chain is not checked.
func ReadLedger(b []byte) ([]privacy.Link, error) {
	var links []privacy.Link
	for line := range bytes.Lines(b) {
		var l privacy.Link
		dec := json.NewDecoder(bytes.NewReader(line))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&l); err != nil {
			return nil, fmt.Errorf("ledger.jsonl line %d is unreadable", len(links)+1)
		}
		again, err := Ledger([]privacy.Link{l})
		if err != nil || !bytes.Equal(again, line) {
			return nil, fmt.Errorf("ledger.jsonl line %d is not written as a ledger writes it", len(links)+1)
		}
		links = append(links, l)
	}
	return links, nil
}

// NoiseModel writes noise-model.json.
func NoiseModel(v outputs.Version) ([]byte, error) {
	m, err := privacy.NewNoiseModel(v.Name, releases(v), v.Spent.Nano())
	if err != nil {
		return nil, fmt.Errorf("describe: noise model: %w", err)
	}
	g, err := v.Guarantees()
	if err != nil {
		return nil, fmt.Errorf("describe: noise model: %w", err)
	}
	m.NoGuarantee = g.None()
	return EncodeNoiseModel(m)
}

// EncodeNoiseModel writes a noise model as every version has it.
func EncodeNoiseModel(m privacy.NoiseModel) ([]byte, error) { return encode(m) }

func releases(v outputs.Version) []privacy.Release {
	out := make([]privacy.Release, len(v.Releases))
	for i, e := range v.Releases {
		out[i] = e.Release
	}
	return out
}

// newest is how the newest release was made.
func newest(v outputs.Version) (privacy.Model, error) {
	if len(v.Releases) == 0 {
		return privacy.Model{}, privacy.ErrNotReleased
	}
	m, err := v.Releases[len(v.Releases)-1].Release.Model()
	if err != nil {
		return m, fmt.Errorf("describe: %w", err)
	}
	return m, nil
}

// Guarantee is the promise in one line, as it stands in Parquet footers.
func Guarantee(v outputs.Version) (string, error) {
	m, err := promised(v)
	if err != nil {
		return "", err
	}
	as, err := v.Amendments()
	if err != nil {
		return "", fmt.Errorf("describe: %w", err)
	}
	g, err := v.Guarantees()
	if err != nil {
		return "", fmt.Errorf("describe: %w", err)
	}
	return guarantee(m, v.Spent, as, g), nil
}

// promised is how the newest release was made, with the bound that the promise is
// for, which people may have amended since.
func promised(v outputs.Version) (privacy.Model, error) {
	m, err := newest(v)
	if err == nil {
		m.Bound, err = v.Bound()
	}
	return m, err
}

func guarantee(m privacy.Model, person outputs.Spent, as []outputs.Amendment, g privacy.Guarantees) string {
	unit := outputs.Protected(m.Unit, g)
	per := "one " + unit + " over all releases so far"
	if m.Bound.Periods == 0 {
		per = "one " + unit + " and period"
	}
	price := "epsilon " + dataset.Nano(person.NanoEpsilon) + ", delta 0"
	if !person.Pure() {
		price = fmt.Sprintf("zCDP rho %s, which is epsilon %s at delta %s", dataset.Nano(person.NanoRho), person.EpsilonText(), outputs.Plain(person.Delta))
	}
	line := fmt.Sprintf("differential privacy: %s, for %s, if it changes the counts of a period by at most %d, in %s",
		price, per, m.Bound.PerPeriod, periodsInWords(m.Bound.Periods))
	if n := len(as); n > 0 {
		line += "; restated on " + as[n-1].Day.Format(time.DateOnly)
	}
	if names := g.None(); len(names) > 0 {
		line += "; no guarantee for the people behind " + strings.Join(names, ", ")
	}
	return line
}

func periodsInWords(p int64) string {
	switch p {
	case 0:
		return "any number of periods"
	case 1:
		return "at most 1 period"
	}
	return fmt.Sprintf("at most %d periods", p)
}

// encode writes JSON as people read it: indented, nothing escaped that need not be.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("describe: %w", err)
	}
	return b.Bytes(), nil
}
