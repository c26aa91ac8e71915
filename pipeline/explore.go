package pipeline

import (
	"context"
	"fmt"
	"math"
	"slices"

	"halftone/privacy"
)

// An Exploration says what budgets and tables would buy, so that people can choose
// before any data are touched. It is made from the configuration alone.
type Exploration struct {
	Spec       privacy.Spec // as declared, with the mechanism that a release would use, without targets
	Mechanisms []string     // that the budget allows; the one in use first
	Grid       []BudgetPoint
	Tables     []string
	Cells      []int
	Variants   []Variant
	Targets    bool // halftone.yaml has some: they are left out here
	Guarantees privacy.Guarantees
}

// A BudgetPoint is a budget of a person for everything (or of a person and period),
// as a multiple of the declared one.
type BudgetPoint struct {
	Factor  float64
	Epsilon float64
	Delta   float64              // 0: a pure epsilon
	Errors  map[string]PointCost // by mechanism; none where the budget is too small for it
}

// A PointCost is what a mechanism makes of a budget.
type PointCost struct {
	privacy.Cost
	Half []int64 // ± at 95 % of the worst cell of each table, first edition
}

// A Variant is the same budget for other tables.
type Variant struct {
	Without   []string // tables that are dropped
	Dimension string   // or the dimension whose finest level is made coarser
	From, To  string   // levels
	Root      bool     // To is the total: nothing is broken down by the dimension
	Changed   []string // tables that this touches
	Errors    map[string]VariantCost
}

// A VariantCost is what a mechanism makes of it.
type VariantCost struct {
	Half  []int64 // as in [PointCost], of the tables of the exploration; -1 for one that is gone
	Ratio float64 // what the ± of the tables that stay are multiplied by, geometric mean
	Worth float64 // the epsilon for which they would be as good with all tables
}

// budgetFactors are the grid.
var budgetFactors = []float64{1. / 4, 1. / 3, 1. / 2, 2. / 3, 1, 1.5, 2, 3, 4}

// Explore looks at budgets around the declared one, and at fewer and coarser tables
// at the declared one. Of the ledger it needs the mechanism only, which the first
// charge has fixed.
func (l Line) Explore(ctx context.Context) (Exploration, error) {
	lk, err := l.lookAtLedger(ctx)
	if err != nil {
		return Exploration{}, err
	}
	spec := l.settle(lk.account).Dataset.Spec
	x := Exploration{Targets: spec.Targets != nil, Mechanisms: []string{spec.Mechanism}, Guarantees: l.guarantees(lk.account)}
	spec.Targets, x.Spec = nil, spec
	x.Spec.Targets = nil
	for _, m := range []string{privacy.PlannerMechanism, privacy.LaplaceMechanism} {
		s := spec
		s.Mechanism = m
		if m != spec.Mechanism && budgetIn(s) > 0 {
			if _, err := privacy.NewPlan(s, 1); err == nil {
				x.Mechanisms = append(x.Mechanisms, m)
			}
		}
	}
	for _, t := range spec.Tables {
		x.Tables, x.Cells = append(x.Tables, t.Name), append(x.Cells, cells(spec, t))
	}
	for _, f := range budgetFactors {
		p, err := x.point(f)
		if err != nil {
			return Exploration{}, err
		}
		x.Grid = append(x.Grid, p)
	}
	return x, x.variants()
}

func budgetIn(s privacy.Spec) uint64 {
	if s.Mechanism == privacy.PlannerMechanism {
		return s.Budget.NanoRho
	}
	return s.Budget.NanoEpsilon
}

// epsilon is that of the declared budget, and its δ.
func (x Exploration) epsilon() (epsilon, delta float64) {
	b := x.Spec.Budget
	if b.NanoEpsilon > 0 {
		return float64(b.NanoEpsilon) / 1e9, b.Delta
	}
	return privacy.Cost{NanoRho: b.NanoRho}.Epsilon(privacy.ShownDelta), privacy.ShownDelta
}

// scaled is the spec with a budget of another epsilon, at the same δ.
func (x Exploration) scaled(factor float64, mechanism string) privacy.Spec {
	s := x.Spec
	s.Mechanism = mechanism
	epsilon, delta := x.epsilon()
	if factor != 1 {
		if s.Budget.NanoEpsilon > 0 {
			s.Budget.NanoEpsilon = uint64(math.Round(factor * float64(s.Budget.NanoEpsilon)))
		}
		if s.Budget.NanoRho > 0 {
			s.Budget.NanoRho = privacy.NanoRho(factor*epsilon, delta)
		}
	}
	return s
}

func (x Exploration) point(factor float64) (BudgetPoint, error) {
	epsilon, delta := x.epsilon()
	p := BudgetPoint{Factor: factor, Epsilon: factor * epsilon, Delta: delta, Errors: map[string]PointCost{}}
	for _, m := range x.Mechanisms {
		s := x.scaled(factor, m)
		if _, err := privacy.NewPlan(s, 1); err != nil { // too small a budget for so many tables, or too large
			continue
		}
		a, err := s.Accuracy(func(int) int { return 1 })
		if err != nil {
			return p, err
		}
		c := PointCost{Cost: s.Terms().Cost(budgetIn(s))}
		for _, t := range a {
			c.Half = append(c.Half, t.HalfWidth)
		}
		p.Errors[m] = c
	}
	return p, nil
}

// variants drop each table, and make the finest level of each dimension coarser.
func (x *Exploration) variants() error {
	for i, t := range x.Spec.Tables {
		if len(x.Spec.Tables) == 1 {
			break
		}
		now := slices.Repeat([]int{0}, len(x.Spec.Tables))
		for j := range now {
			now[j] = j
		}
		now[i] = -1
		left := slices.Delete(slices.Clone(x.Spec.Tables), i, i+1)
		for j := i + 1; j < len(now); j++ {
			now[j]--
		}
		v, err := x.variant(left, now)
		if err != nil {
			return err
		}
		v.Without, v.Changed = []string{t.Name}, []string{t.Name}
		x.Variants = append(x.Variants, v)
	}
	for d := range x.Spec.Dimensions {
		v, ok, err := x.coarser(d)
		if err != nil {
			return err
		}
		if ok {
			x.Variants = append(x.Variants, v)
		}
	}
	return nil
}

// coarser takes the tables at the finest level of a dimension that any table has to
// the level above, and drops those that are there already.
func (x *Exploration) coarser(d int) (Variant, bool, error) {
	finest := 0
	for _, t := range x.Spec.Tables {
		finest = max(finest, t.Levels[d])
	}
	if finest == 0 {
		return Variant{}, false, nil
	}
	levels := x.Spec.Dimensions[d].Levels
	var tables []privacy.Table
	var changed []string
	place := map[string]int{}
	now := make([]int, len(x.Spec.Tables))
	add := func(i int, t privacy.Table) {
		key := fmt.Sprint(t.Levels)
		at, have := place[key]
		if !have {
			at, place[key] = len(tables), len(tables)
			tables = append(tables, t)
		}
		now[i] = at
	}
	for i, t := range x.Spec.Tables {
		if t.Levels[d] < finest {
			add(i, t)
		}
	}
	for i, t := range x.Spec.Tables {
		if t.Levels[d] == finest {
			changed = append(changed, t.Name)
			t.Levels = slices.Clone(t.Levels)
			t.Levels[d]--
			_, have := place[fmt.Sprint(t.Levels)]
			add(i, t)
			if have {
				now[i] = -1 // there is such a table already
			}
		}
	}
	v, err := x.variant(tables, now)
	v.Dimension, v.From, v.To, v.Changed, v.Root = x.Spec.Dimensions[d].Name, levels[finest].Name, levels[finest-1].Name, changed, finest == 1
	return v, true, err
}

// variant computes the errors of other tables; now is where each table of the
// exploration is among them, -1 for nowhere.
func (x *Exploration) variant(tables []privacy.Table, now []int) (Variant, error) {
	v := Variant{Errors: map[string]VariantCost{}}
	for _, m := range x.Mechanisms {
		s := x.scaled(1, m)
		before, err := s.Accuracy(func(int) int { return 1 })
		if err != nil {
			return v, err
		}
		s.Tables = tables
		after, err := s.Accuracy(func(int) int { return 1 })
		if err != nil {
			return v, err
		}
		c, kept := VariantCost{}, 0.0
		for i, at := range now {
			if at < 0 {
				c.Half = append(c.Half, -1)
				continue
			}
			c.Half = append(c.Half, after[at].HalfWidth)
			if slices.Equal(tables[at].Levels, x.Spec.Tables[i].Levels) {
				c.Ratio += math.Log(after[at].SD / before[i].SD)
				kept++
			}
		}
		c.Ratio = math.Exp(c.Ratio / max(1, kept))
		c.Worth = x.worth(s, c.Ratio)
		v.Errors[m] = c
	}
	return v, nil
}

// worth is the epsilon with which errors are ratio times what they are now: Laplace
// noise goes with 1/ε, Gaussian with 1/√ρ.
func (x *Exploration) worth(s privacy.Spec, ratio float64) float64 {
	epsilon, delta := x.epsilon()
	if s.Mechanism == privacy.LaplaceMechanism {
		return epsilon / ratio
	}
	return privacy.Cost{NanoRho: uint64(float64(s.Budget.NanoRho) / ratio / ratio)}.Epsilon(delta)
}
