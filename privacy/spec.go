// Package privacy turns exact counts into differentially private releases.
//
// It is the wall. A [Cube] takes counts and gives none back; a [Release] holds
// noised numbers only, and only [Measure] and [OpenRelease] make one. The way
// through is one-way: [Measure] charges a [Ledger], draws the noise once, and
// seals what it drew.
//
// The wall stops accidents, not a hostile author: whoever may change this
// package, or reads staging or a core dump, sees exact counts. It also promises
// nothing about whether and when a release appears.
package privacy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"

	"halftone/privacy/account"
	"halftone/privacy/domain"
	"halftone/privacy/plan"
)

// The shape of the data, for packages that may import this one only.
type (
	Dimension = domain.Dimension
	Level     = domain.Level
	Period    = domain.Period
	Table     = domain.Table
	Zero      = domain.Zero
	Plan      = plan.Plan
	Accuracy  = plan.Accuracy
)

// The mechanisms, by their names in files.
const (
	LaplaceMechanism = plan.LaplaceMechanism
	PlannerMechanism = plan.PlannerMechanism
)

// Codes that every dimension may use (SDMX).
const (
	Total   = domain.Total
	Unknown = domain.Unknown
)

// ParsePeriod reads 2026, 2026-Q3, 2026-11 or the band 2014-2018.
func ParsePeriod(s string) (Period, error) { return domain.ParsePeriod(s) }

// NewPeriod returns the period of 1, 3 or 12 months that a month lies in.
func NewPeriod(year, month, months int) (Period, error) { return domain.NewPeriod(year, month, months) }

// A Source is what the promise needs to know of one feed. All of it is
// declared; nothing of it is read from data.
type Source struct {
	Name        string `json:"name"`
	PerPeriod   int64  `json:"per_period"`  // m: the most that one person adds to its counts of one period
	Periods     int64  `json:"periods"`     // p: the periods that one person is in, over all pulls; 0: any number
	Sensitivity int64  `json:"sensitivity"` // L: the most that a figure moves when its own count moves by one
	Mapping     string `json:"mapping"`     // digest of how its rows become counts
	// NoGuarantee says that its figures depend on each other, so that nothing bounds
	// what one person changes: no promise is made for the people behind them.
	NoGuarantee bool `json:"no_guarantee,omitempty"`
	Corrected   bool `json:"corrected,omitempty"` // people have corrections of its rows, made by hand
	// Namespace is that of the person keys by which rows are bounded to PerPeriod a
	// person, over all sources of the namespace together: see [Cube.AddPersons]. "":
	// PerPeriod is the agency's word.
	Namespace string `json:"namespace,omitempty"`
}

// A Budget is what everything that a dataset releases may tell about one
// person, or about one person and period where a person may be in any number.
type Budget struct {
	NanoEpsilon uint64  `json:"epsilon_nano"` // as declared; 0 for a budget in ρ
	NanoRho     uint64  `json:"rho_nano"`     // as declared, or what (ε, δ) allows; 0 where δ is 0
	Delta       float64 `json:"delta"`        // as declared; the Laplace mechanism spends none of it
	PerPeriod   bool    `json:"per_period"`
}

// in is the budget in the unit of a mechanism.
func (b Budget) in(mechanism string) uint64 {
	if mechanism == plan.PlannerMechanism {
		return b.NanoRho
	}
	return b.NanoEpsilon
}

// A Spec is everything that the promise rests on. It is fixed before a pull;
// its digest is pinned by every charge.
type Spec struct {
	Dataset    string      `json:"dataset"`
	Series     int         `json:"series"`
	Measure    string      `json:"measure"`               // flow or stock
	Unit       string      `json:"unit"`                  // person, case or event: what the promise protects
	Every      string      `json:"every"`                 // length of a period
	Dimensions []Dimension `json:"dimensions"`            // codes and parents, no labels
	Tables     []Table     `json:"tables"`                //
	Sources    []Source    `json:"sources"`               //
	Overlap    int         `json:"overlap"`               // most sources that one person is in; 0: all
	Budget     Budget      `json:"budget"`                //
	Editions   int         `json:"editions"`              // planned a period, the first included
	FirstShare uint64      `json:"first_share,omitempty"` // billionths of a period's budget that the first edition takes; 0: all take the same
	Mechanism  string      `json:"mechanism"`             // resolved: never "auto"
	Population Population  `json:"population,omitzero"`
	// Targets are the ± at 95 % that the worst cell of each table must be known to,
	// in the order of Tables, 0 for none; planner only. A release then costs what
	// they need, at most its share.
	Targets []float64 `json:"targets,omitempty"`
	// Zeros are cells where nobody can be, by definition. The promise does not rest on
	// them; what is published of a cell does.
	Zeros []Zero `json:"structural_zeros,omitempty"`
}

// A Population is a name that datasets share that may count the same people:
// their costs add. The cap on the sum, in both units as far as it has one, is the
// instance's; without one nothing is refused for it.
type Population struct {
	Name string `json:"name"`
	Cost
	Delta float64 `json:"delta,omitempty"`
}

// MaxZeros is the most structural zeros of a spec.
const MaxZeros = 1 << 12

// Digest is the SHA-256 of s in canonical form: JSON with fields in the order
// of the type, no maps, no labels.
func (s Spec) Digest() string {
	b, err := json.Marshal(s)
	if err != nil { // NaN as delta: Check refuses it
		return "invalid"
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// A Bound is the most that one person does to a dataset.
type Bound struct {
	PerPeriod int64 // M: changes the leaf cells of one period by at most this, L1
	Periods   int64 // P: in at most this many periods; 0: any number
}

// Bound adds up the sources that one person may be in: M is the sum of the k
// largest m·L, P that of the k largest p, k = Overlap. Sources of one namespace
// are bounded together, and are one for M.
func (s Spec) Bound() Bound {
	k := s.Overlap
	if k == 0 || k > len(s.Sources) {
		k = len(s.Sources)
	}
	var ms, ps []int64
	unlimited := false
	for i, src := range s.Sources {
		together := src.Namespace != "" && slices.ContainsFunc(s.Sources[:i], func(o Source) bool { return o.Namespace == src.Namespace })
		if !together {
			ms = append(ms, src.PerPeriod*src.Sensitivity)
		}
		ps = append(ps, src.Periods)
		unlimited = unlimited || src.Periods == 0
	}
	b := Bound{sumLargest(ms, min(k, len(ms))), sumLargest(ps, k)}
	if unlimited {
		b.Periods = 0
	}
	return b
}

func sumLargest(v []int64, k int) (sum int64) {
	slices.Sort(v)
	for _, x := range v[len(v)-k:] {
		sum += x
	}
	return sum
}

// maxContribution keeps m·L and sums of them far from overflow.
const maxContribution = 1 << 20

// Check cross-checks the fields of s.
func (s Spec) Check() error {
	if s.Dataset == "" || s.Series < 1 || s.Editions < 1 || len(s.Tables) == 0 || len(s.Sources) == 0 {
		return errors.New("privacy: dataset, series, editions, tables and sources must be given")
	}
	for _, d := range s.Dimensions {
		if err := d.Check(); err != nil {
			return fmt.Errorf("privacy: %w", err)
		}
	}
	if err := s.checkTables(); err != nil {
		return err
	}
	if len(s.Zeros) > MaxZeros {
		return fmt.Errorf("privacy: more than %d structural zeros", MaxZeros)
	}
	for _, z := range s.Zeros {
		if err := z.Check(s.Dimensions); err != nil {
			return fmt.Errorf("privacy: %w", err)
		}
	}
	for _, src := range s.Sources {
		if src.PerPeriod < 1 || src.Sensitivity < 1 || src.Periods < 0 ||
			max(src.PerPeriod, src.Sensitivity, src.Periods) > maxContribution {
			return fmt.Errorf("privacy: source %s: contribution out of range (1 to 2^20)", src.Name)
		}
	}
	if err := s.checkNamespaces(); err != nil {
		return err
	}
	if b := s.Bound(); b.PerPeriod > maxContribution || b.Periods > maxContribution {
		return errors.New("privacy: the contributions of the sources add up to more than 2^20")
	}
	return s.checkBudget()
}

func (s Spec) checkBudget() error {
	if s.FirstShare >= 1e9 || s.FirstShare > 0 && s.Editions == 1 {
		return errors.New("privacy: the first edition's share must be below the whole, and goes with planned revisions")
	}
	if s.Mechanism != plan.LaplaceMechanism && s.Mechanism != plan.PlannerMechanism {
		return fmt.Errorf("privacy: no mechanism %q", s.Mechanism)
	}
	if b := s.Budget; b.in(s.Mechanism) == 0 || math.IsNaN(b.Delta) || b.Delta < 0 || b.Delta >= 1 {
		return errors.New("privacy: the budget must be positive, delta from 0 to below 1")
	}
	if s.Targets != nil && (len(s.Targets) != len(s.Tables) || s.Mechanism != plan.PlannerMechanism) {
		return errors.New("privacy: targets are one a table, and go with the planner")
	}
	if unlimited := s.Bound().Periods == 0; unlimited != s.Budget.PerPeriod {
		return errors.New("privacy: a budget a person-period goes with sources whose periods are unlimited, and only with them")
	}
	return nil
}

func (s Spec) checkTables() error {
	names := map[string]bool{}
	for _, t := range s.Tables {
		if len(t.Levels) != len(s.Dimensions) {
			return fmt.Errorf("privacy: table %s: %d levels for %d dimensions", t.Name, len(t.Levels), len(s.Dimensions))
		}
		if names[t.Name] {
			return fmt.Errorf("privacy: table %s stands twice", t.Name)
		}
		names[t.Name] = true
		for d, l := range t.Levels {
			if l < 0 || l >= len(s.Dimensions[d].Levels) {
				return fmt.Errorf("privacy: table %s: dimension %s has no level %d", t.Name, s.Dimensions[d].Name, l)
			}
		}
	}
	return nil
}

// Shares are what the editions of one period may cost each, the first one first,
// in the unit of the mechanism. They never add up to more than the period's cap.
func (s Spec) Shares() []uint64 {
	var first *big.Rat
	if s.FirstShare > 0 {
		first = new(big.Rat).SetFrac64(int64(s.FirstShare), 1e9)
	}
	return account.Shares(s.Terms().Cap(), s.Editions, first)
}

// NewPlan prices the release of one edition, 1 the first. It touches no data.
func NewPlan(s Spec, edition int) (Plan, error) {
	if err := s.Check(); err != nil {
		return Plan{}, err
	}
	if edition < 1 || edition > s.Editions {
		return Plan{}, fmt.Errorf("privacy: edition %d is not planned", edition)
	}
	share := s.Shares()[edition-1]
	if s.Targets != nil {
		return plan.Targeted(s.Dimensions, s.Tables, s.Bound().PerPeriod, share, s.Targets)
	}
	if s.Mechanism == plan.PlannerMechanism {
		return plan.Residual(s.Dimensions, s.Tables, s.Bound().PerPeriod, share)
	}
	return plan.Laplace(s.Tables, s.Bound().PerPeriod, share)
}

// model opens the plan of one edition.
func (s Spec) model(edition int) (*plan.Model, error) {
	p, err := NewPlan(s, edition)
	if err != nil {
		return nil, err
	}
	return p.Open(s.Dimensions, s.Tables, s.Bound().PerPeriod)
}

// Accuracy forecasts the worst and the best cell of each table in the first
// edition of s, when comparisons(table) cells are compared. It touches no data.
func (s Spec) Accuracy(comparisons func(table int) int) ([]Accuracy, error) {
	p, err := NewPlan(s, 1)
	if err != nil {
		return nil, err
	}
	return s.AccuracyOf(p, comparisons)
}

// A Division says how the tables of a release divide its budget.
type Division struct {
	Share []float64 // of the budget; together 1
	Mean  []float64 // variance of a cell, averaged over the table's cells
}

// Division is that of the first edition of s.
func (s Spec) Division() (Division, error) {
	m, err := s.model(1)
	if err != nil {
		return Division{}, err
	}
	return Division{m.Shares(), m.MeanVariances(s.Bound().PerPeriod)}, nil
}

// A Choice compares the mechanisms at a person's whole budget.
type Choice struct {
	Mechanism        string
	Laplace, Planner float64 // Σ over tables of the mean variance of a cell; 0 where the budget does not allow it
}

// Choose returns the mechanism with the least mean variance over tables, and over
// planned editions, when a person's whole budget is divided among periods and
// editions. The Mechanism of s does not count. A budget without δ leaves Laplace,
// one in ρ or with targets the planner; so does a mechanism that cannot do with the budget or the
// tables.
func Choose(s Spec) (Choice, error) {
	var c Choice
	var why error
	for _, mechanism := range []string{plan.LaplaceMechanism, plan.PlannerMechanism} {
		s.Mechanism = mechanism
		if s.Budget.in(mechanism) == 0 || s.Targets != nil && mechanism == plan.LaplaceMechanism {
			continue
		}
		v, err := s.meanVariance()
		if err != nil {
			why = errors.Join(why, err)
			continue
		}
		if mechanism == plan.LaplaceMechanism {
			c.Laplace = v
		} else {
			c.Planner = v
		}
		if c.Mechanism == "" || v < c.Laplace {
			c.Mechanism = mechanism
		}
	}
	if c.Mechanism == "" {
		return c, errors.Join(errors.New("privacy: the budget allows no mechanism"), why)
	}
	return c, nil
}

// meanVariance is what mechanisms are compared by: Σ over tables of the mean
// variance of a cell, averaged over editions.
func (s Spec) meanVariance() (mean float64, err error) {
	for e := range s.Editions {
		m, err := s.model(e + 1)
		if err != nil {
			return 0, err
		}
		mean += m.MeanVariance() / float64(s.Editions)
	}
	return mean, nil
}
