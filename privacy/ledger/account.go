package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"halftone/privacy"
	accounting "halftone/privacy/account"
)

// A State is how far a release has come.
type State string

// The states of a release. A ledger knows nothing of a planned one.
const (
	Planned   State = "planned"
	Reserved  State = "reserved"
	Sealed    State = "sealed"
	Published State = "published"
	Burnt     State = "burnt"     // charged, given up, never drawn
	Withdrawn State = "withdrawn" // shown no more
)

// Charged is a charge and what followed it.
type Charged struct {
	privacy.Charge
	Sealed  string // SHA-256 of the sealed file; "" before
	Version string // the first version that holds the release; "" before
	Burnt   bool   // given up before it was sealed
	// Counts is what the release counts, Cost before an amendment of the bound.
	Counts    uint64
	Bound     int64  // that Counts is for; 0: the one that the release was made with
	Withdrawn string // why it is shown no more; "": it is not withdrawn
}

// State is how far the release has come.
func (c Charged) State() State {
	switch {
	case c.Burnt:
		return Burnt
	case c.Withdrawn != "":
		return Withdrawn
	case c.Version != "":
		return Published
	case c.Sealed != "":
		return Sealed
	case c.Cost > 0:
		return Reserved
	default:
		return Planned
	}
}

func (c Charged) clone() Charged {
	c.Expected, c.Reporting = slices.Clone(c.Expected), slices.Clone(c.Reporting)
	c.NoGuarantee, c.Corrected = slices.Clone(c.NoGuarantee), slices.Clone(c.Corrected)
	return c
}

// An Account says what a dataset has cost so far, in the unit of its terms.
type Account struct {
	Dataset string
	Terms   privacy.Terms // of the first charge, as amended; zero before
	Periods []PeriodAccount
	// PersonCost is what everything charged could tell about one person: the sum
	// of the P dearest periods, of the dearest one if P is unlimited.
	PersonCost uint64
	Guarantees privacy.Guarantees // for the people behind which sources the promise is made
}

// Of is what the releases of a period cost; false before the first.
func (a Account) Of(p privacy.Period) (PeriodAccount, bool) {
	i := slices.IndexFunc(a.Periods, func(o PeriodAccount) bool { return o.Period == p })
	if i < 0 {
		return PeriodAccount{}, false
	}
	return a.Periods[i], true
}

// A PeriodAccount is what the releases of one period, all series and editions,
// cost.
type PeriodAccount struct {
	Period   privacy.Period
	Spent    uint64 // sealed, whether shown or withdrawn
	Reserved uint64 // charged, not sealed yet
	Burnt    uint64 // charged, given up; never refunded
	Left     uint64 // what another release of the period may cost at most
	Editions int    // charges
}

// A Member is a dataset of a population and what it has cost one person so far.
type Member struct {
	Dataset    string
	Terms      privacy.Terms
	PersonCost uint64 // in the unit of Terms
}

// Cost is m's cost with its unit.
func (m Member) Cost() privacy.Cost { return m.Terms.Cost(m.PersonCost) }

// Costs are added up a month: see [privacy.Person].

// guarantees are those of the charges so far; a may be nil.
func (a *account) guarantees() privacy.Guarantees {
	if a == nil {
		return privacy.Guarantees{}
	}
	return a.promised
}

// spread adds a charge to the months that its period covers.
func (a *account) spread(c *Charged) {
	for m, end := span(c.Key.Period); m < end; m++ {
		a.months[m] = accounting.Sum(a.months[m], c.Counts)
	}
}

// left is what another charge of p may cost, under terms t; a may be nil.
func (a *account) left(t privacy.Terms, p privacy.Period) uint64 {
	var dearest uint64
	if a != nil {
		for m, end := span(p); m < end; m++ {
			dearest = max(dearest, a.months[m])
		}
	}
	return t.Cap() - min(t.Cap(), dearest)
}

// personCost is what one person is charged when next is charged too; a may be nil.
func (a *account) personCost(next ...privacy.Charge) uint64 {
	var costs []privacy.PeriodCost
	p := int64(0)
	if a != nil {
		p = a.terms.Periods
		for k, c := range a.charges {
			costs = append(costs, privacy.PeriodCost{Period: k.Period, Nano: c.Counts})
		}
	}
	for _, c := range next {
		p = c.Terms.Periods
		costs = append(costs, privacy.PeriodCost{Period: c.Key.Period, Nano: c.Cost})
	}
	return privacy.Person(costs, p)
}

// span is the months of p, from and up to but not including, since year 0.
func span(p privacy.Period) (from, end int) {
	s := p.Start()
	from = s.Year()*12 + int(s.Month()) - 1
	return from, from + p.Months()
}

// public is what readers may know of a; a may be nil.
func (a *account) public(dataset string) Account {
	out := Account{Dataset: dataset}
	if a == nil {
		return out
	}
	out.Terms, out.PersonCost, out.Guarantees = a.terms, a.personCost(), a.promised.Clone()
	for _, c := range a.sorted() {
		if n := len(out.Periods); n == 0 || out.Periods[n-1].Period != c.Key.Period {
			out.Periods = append(out.Periods, PeriodAccount{Period: c.Key.Period, Left: a.left(a.terms, c.Key.Period)})
		}
		p := &out.Periods[len(out.Periods)-1]
		p.Editions++
		switch {
		case c.Burnt:
			p.Burnt = accounting.Sum(p.Burnt, c.Counts)
		case c.Sealed != "":
			p.Spent = accounting.Sum(p.Spent, c.Counts)
		default:
			p.Reserved = accounting.Sum(p.Reserved, c.Counts)
		}
	}
	return out
}

// sorted returns the charges by period, series and edition.
func (a *account) sorted() []Charged {
	if a == nil {
		return nil
	}
	out := make([]Charged, 0, len(a.charges))
	for _, c := range a.charges {
		out = append(out, c.clone())
	}
	slices.SortFunc(out, func(x, y Charged) int { return compare(x.Key, y.Key) })
	return out
}

func compare(x, y privacy.Key) int {
	return cmp.Or(x.Period.Start().Compare(y.Period.Start()), cmp.Compare(x.Period.Months(), y.Period.Months()),
		cmp.Compare(x.Series, y.Series), cmp.Compare(x.Edition, y.Edition))
}

// A Version is a published version of a dataset.
type Version struct {
	Name     string        // 2026.11-1
	Sequence int           // rises from version to version
	Manifest string        // SHA-256 of manifest.json
	Releases []privacy.Key // by period
}

var (
	versionName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$`)
	hexSum      = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

func newVersion(dataset, name string, sequence int, manifest string, keys []privacy.Key) (Version, error) {
	v := Version{name, sequence, manifest, slices.Clone(keys)}
	switch {
	case !versionName.MatchString(name):
		return Version{}, errors.New("ledger: not the name of a version (want 2026.11-1)")
	case sequence < 1 || !hexSum.MatchString(manifest) || len(keys) == 0:
		return Version{}, fmt.Errorf("ledger: version %s needs a sequence from 1, the SHA-256 of its manifest, and a release", name)
	}
	for _, k := range v.Releases {
		if err := checkKey(k); err != nil {
			return Version{}, err
		}
		if k.Dataset != dataset || k.Series != keys[0].Series {
			return Version{}, fmt.Errorf("ledger: version %s holds releases of another dataset or of several series", name)
		}
	}
	slices.SortFunc(v.Releases, compare)
	if len(slices.Compact(slices.Clone(v.Releases))) != len(keys) {
		return Version{}, fmt.Errorf("ledger: version %s holds a release twice", name)
	}
	return v, nil
}

// versionOf reads a publish entry back.
func versionOf(e privacy.Entry) (Version, error) {
	var keys []privacy.Key
	for _, r := range e.Releases {
		i := strings.LastIndexByte(r, '.')
		if i < 0 {
			return Version{}, errors.New("a release without an edition")
		}
		p, err := privacy.ParsePeriod(r[:i])
		if err != nil {
			return Version{}, err
		}
		edition, err := strconv.Atoi(r[i+1:])
		if err != nil {
			return Version{}, errors.New("an edition that is no number")
		}
		keys = append(keys, privacy.Key{Dataset: e.Dataset, Series: e.Series, Period: p, Edition: edition})
	}
	return newVersion(e.Dataset, e.Version, e.Sequence, e.Manifest, keys)
}
