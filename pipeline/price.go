package pipeline

import (
	"context"
	"slices"
	"strings"

	"halftone/privacy"
)

// A Price is what it costs to know tables to within targets. It is made from the
// configuration and the ledger: no data, nothing is charged.
type Price struct {
	Spec    privacy.Spec // with the planner, and the targets that were asked for
	Plan    privacy.Plan // of one release, at the least cost
	Gap     float64      // how far that may be above the least possible: 0.001 is 0.1 %
	Most    uint64       // what a first edition may cost, nano-ρ; 0 where the budget has none
	Refused string       // why a run with these targets would refuse; "": it would not
	Due     []privacy.Key
	Tables  []TargetTable
}

// A TargetTable is one table of such a release.
type TargetTable struct {
	Name   string
	Cells  int
	Target float64 // ± of the worst cell; 0: none
	privacy.Accuracy
	Alone   uint64 // what the target would cost were it the only one, nano-ρ
	Without uint64 // what the others would cost without it; 0: it is the only one
}

// Price prices targets, ± by the name of a table, in place of those of the
// configuration.
func (l Line) Price(ctx context.Context, targets map[string]float64) (Price, error) {
	lk, err := l.lookAtLedger(ctx)
	if err != nil {
		return Price{}, err
	}
	if err := l.TermsHold(lk.account); err != nil {
		return Price{}, err
	}
	spec := l.Dataset.Spec
	spec.Mechanism, spec.Targets = privacy.PlannerMechanism, make([]float64, len(spec.Tables))
	var names []string
	for i, t := range spec.Tables {
		names, spec.Targets[i] = append(names, t.Name), targets[t.Name]
	}
	for name := range targets {
		if !slices.Contains(names, name) {
			return Price{}, usage("there is no table %q; the tables are %s", name, strings.Join(names, ", "))
		}
	}
	p := Price{Spec: spec, Due: lk.due(l.settle(lk.account))}
	if p.Plan, p.Gap, err = spec.Priced(spec.Targets); err != nil {
		return Price{}, err
	}
	if err := p.tables(); err != nil {
		return Price{}, err
	}
	if spec.Budget.NanoRho > 0 {
		p.Most = spec.Shares()[0]
	}
	p.Refused = p.refused(l, lk)
	return p, nil
}

func (p *Price) tables() error {
	accuracy, err := p.Spec.AccuracyOf(p.Plan, func(i int) int { return cells(p.Spec, p.Spec.Tables[i]) })
	if err != nil {
		return err
	}
	given := 0
	for _, t := range p.Spec.Targets {
		if t > 0 {
			given++
		}
	}
	for i, t := range p.Spec.Tables {
		row := TargetTable{Name: t.Name, Cells: cells(p.Spec, t), Target: p.Spec.Targets[i], Accuracy: accuracy[i], Alone: p.Plan.NanoRho}
		if row.Target == 0 {
			row.Alone = 0
		} else if given > 1 {
			only, others := make([]float64, len(p.Spec.Targets)), slices.Clone(p.Spec.Targets)
			only[i], others[i] = row.Target, 0
			alone, _, err := p.Spec.Priced(only)
			if err != nil {
				return err
			}
			without, _, err := p.Spec.Priced(others)
			if err != nil {
				return err
			}
			row.Alone, row.Without = alone.NanoRho, without.NanoRho
		}
		p.Tables = append(p.Tables, row)
	}
	return nil
}

// refused says what stands in the way of a run with these targets.
func (p Price) refused(l Line, lk look) string {
	if len(lk.account.Periods) > 0 && lk.account.Terms.Mechanism == privacy.LaplaceMechanism {
		return "the first charge has fixed the Laplace mechanism, and targets go with the planner"
	}
	if l.Dataset.Spec.Mechanism == privacy.LaplaceMechanism && !l.Dataset.Auto {
		return "halftone.yaml asks for the Laplace mechanism, and targets go with the planner"
	}
	if p.Most == 0 {
		return "the budget is a pure epsilon, and targets go with the planner, whose noise is Gaussian and needs a delta"
	}
	if p.Plan.NanoRho > p.Most {
		return "a release may not cost so much"
	}
	var short []string
	for _, k := range p.Due {
		if a, charged := lk.account.Of(k.Period); charged && a.Left < p.Plan.NanoRho {
			short = append(short, k.Period.String())
		}
	}
	if len(short) > 0 {
		return "too little is left of the budget of " + strings.Join(short, ", ")
	}
	return ""
}
