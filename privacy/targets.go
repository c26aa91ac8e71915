package privacy

import (
	"fmt"

	"halftone/privacy/plan"
)

// Priced plans one release whose worst cell of each table is known to ± half[table]
// 95 times in 100, 0 for a table without a target, at the least cost, whatever the
// budget of s. gap is how far that may be above the least that measurements of
// these levels cost (0.001 is 0.1 %), by the dual problem; what only tables without a
// target need, a hundredth of the cost at most, is not in it. It touches no data. The
// mechanism is the planner's, whatever that of s.
func (s Spec) Priced(half []float64) (p Plan, gap float64, err error) {
	if len(half) != len(s.Tables) {
		return Plan{}, 0, fmt.Errorf("privacy: %d targets for %d tables", len(half), len(s.Tables))
	}
	return plan.Priced(s.Dimensions, s.Tables, s.Bound().PerPeriod, half)
}

// AccuracyOf is [Spec.Accuracy] with a plan that need not fit the budget.
func (s Spec) AccuracyOf(p Plan, comparisons func(table int) int) ([]Accuracy, error) {
	m, err := p.Open(s.Dimensions, s.Tables, s.Bound().PerPeriod)
	if err != nil {
		return nil, err
	}
	var out []Accuracy
	for i := range s.Tables {
		out = append(out, m.Accuracy(i, comparisons(i)))
	}
	return out, nil
}
