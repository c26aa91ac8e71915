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
	"slices"

	"halftone/outputs"
	"halftone/outputs/dataset"
	"halftone/privacy"
)

// An Account is what the ledger's entries of one dataset add up to, in the unit
// of its terms.
type Account struct {
	Terms   privacy.Terms
	Periods []PeriodCost // by first charge
	Person  uint64       // what the releases so far cost one unit, or one unit and period
	Charges map[privacy.Key]privacy.Entry
	Seals   map[privacy.Key]privacy.Entry
}

// A PeriodCost is what all editions and series of a period cost together.
type PeriodCost struct {
	Period   privacy.Period
	Nano     uint64
	Editions int
}

// NewAccount adds up the charges of a dataset: a unit pays for the P dearest
// periods, with P unlimited for the dearest one. It fails on a link that is
// unreadable, on two charges or seals of one key, and on charges whose terms differ.
func NewAccount(dataset string, links []privacy.Link) (Account, error) {
	a := Account{Charges: map[privacy.Key]privacy.Entry{}, Seals: map[privacy.Key]privacy.Entry{}}
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
			return errors.New("a charge on other terms than the first")
		}
		a.Terms, a.Charges[k] = *e.Terms, e
		i := slices.IndexFunc(a.Periods, func(p PeriodCost) bool { return p.Period == *e.Period })
		if i < 0 {
			i, a.Periods = len(a.Periods), append(a.Periods, PeriodCost{Period: *e.Period})
		}
		p := &a.Periods[i]
		if p.Nano+e.Cost < p.Nano {
			return errors.New("a cost is too large")
		}
		p.Nano, p.Editions = p.Nano+e.Cost, p.Editions+1
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

// Dearest is what the dearest period cost, all that overlap it included.
func (a Account) Dearest() uint64 { return privacy.Person(a.costs(), 1) }

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
	return encode(m)
}

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
	m, err := newest(v)
	if err != nil {
		return "", err
	}
	return guarantee(m, v.Spent), nil
}

func guarantee(m privacy.Model, person outputs.Spent) string {
	per := "one " + m.Unit + " over all releases so far"
	if m.Bound.Periods == 0 {
		per = "one " + m.Unit + " and period"
	}
	price := "epsilon " + dataset.Nano(person.NanoEpsilon) + ", delta 0"
	if !person.Pure() {
		price = fmt.Sprintf("zCDP rho %s, which is epsilon %s at delta %s", dataset.Nano(person.NanoRho), person.EpsilonText(), outputs.Plain(person.Delta))
	}
	return fmt.Sprintf("differential privacy: %s, for %s, if it changes the counts of a period by at most %d, in %s",
		price, per, m.Bound.PerPeriod, periodsInWords(m.Bound.Periods))
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
