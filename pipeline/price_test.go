package pipeline

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"halftone/privacy"
)

const withTargets = "privacy: {budget: {person: {epsilon: 1, delta: 1e-6}}, revisions: [6 months], targets: {total: \"±300\"}}\n"

func priced(t *testing.T, budget string) Line {
	t.Helper()
	yaml := strings.Replace(base, "privacy: {budget: {person: {epsilon: 1}}}\n", budget, 1)
	yaml = strings.Replace(yaml, "  by-place: {place: place}\n", "  by-region: {place: region}\n  by-place: {place: place}\n", 1)
	l, _ := made(t, yaml, map[string]string{"places.csv": "code,parent,level,label_en\nN,,region,North\nS,,region,South\nN1,N,place,N one\nN2,N,place,N two\nS1,S,place,S one\nS2,S,place,S two\nS3,S,place,S three\n"})
	return l
}

func TestPrice(t *testing.T) {
	l := priced(t, withTargets)
	p, err := l.Price(t.Context(), map[string]float64{"by-region": 60, "by-place": 40})
	if err != nil {
		t.Fatal(err)
	}
	if p.Refused != "" || p.Most != l.Dataset.Spec.Shares()[0] || p.Gap < 0 || p.Gap > 1e-3 {
		t.Errorf("refused %q, a release may cost %d, gap %g", p.Refused, p.Most, p.Gap)
	}
	if names := []string{p.Tables[0].Name, p.Tables[1].Name, p.Tables[2].Name}; !slices.Equal(names, []string{"total", "by-region", "by-place"}) {
		t.Fatalf("tables %v", names)
	}
	sum := uint64(0)
	for _, row := range p.Tables {
		if row.Target > 0 && (1.96*row.SD > row.Target*(1+1e-9) || row.Alone == 0 || row.Alone > p.Plan.NanoRho || row.Without == 0 || row.Without > p.Plan.NanoRho) {
			t.Errorf("%+v of %d nano-rho", row, p.Plan.NanoRho)
		}
		if row.Target == 0 && row.Alone+row.Without > 0 {
			t.Errorf("%s has no target and costs %d", row.Name, row.Alone)
		}
		sum += row.Alone
	}
	// With two targets, what one adds is the whole less the other alone.
	if a, b := p.Tables[1], p.Tables[2]; a.Without != b.Alone || b.Without != a.Alone || sum < p.Plan.NanoRho {
		t.Errorf("%+v and %+v cost %d together", a, b, p.Plan.NanoRho)
	}
	// The run is charged what the plan says.
	l.Dataset.Spec.Targets = []float64{0, 60, 40}
	if got, err := privacy.NewPlan(l.Dataset.Spec, 1); err != nil || got.NanoRho != p.Plan.NanoRho {
		t.Errorf("a run costs %d, the plan said %d (%v)", got.NanoRho, p.Plan.NanoRho, err)
	}
	if p, err := l.Price(t.Context(), map[string]float64{"total": 3}); err != nil || p.Refused != "a release may not cost so much" || p.Plan.NanoRho <= p.Most {
		t.Errorf("too dear: %q, %v", p.Refused, err)
	}
	if _, err := l.Price(t.Context(), map[string]float64{"by-plaice": 3}); !errors.Is(err, ErrUsage) {
		t.Errorf("no such table: %v", err)
	}
	for budget, want := range map[string]string{
		"privacy: {budget: {person: {epsilon: 1}}}\n":                                  "a pure epsilon",
		"privacy: {mechanism: laplace, budget: {person: {epsilon: 1, delta: 1e-6}}}\n": "halftone.yaml asks for the Laplace mechanism",
	} {
		if p, err := priced(t, budget).Price(t.Context(), map[string]float64{"total": 300}); err != nil || !strings.Contains(p.Refused, want) || p.Plan.NanoRho == 0 {
			t.Errorf("%s: %q, %v", budget, p.Refused, err)
		}
	}
}

func TestExplore(t *testing.T) {
	for budget, mechanisms := range map[string][]string{
		withTargets: {privacy.PlannerMechanism, privacy.LaplaceMechanism},
		"privacy: {mechanism: laplace, budget: {person: {epsilon: 1, delta: 1e-6}}}\n": {privacy.LaplaceMechanism, privacy.PlannerMechanism},
		"privacy: {budget: {person: {epsilon: 1}}}\n":                                  {privacy.LaplaceMechanism},
		"privacy: {budget: {person: {rho: 0.02}}}\n":                                   {privacy.PlannerMechanism},
	} {
		l := priced(t, budget)
		x, err := l.Explore(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(x.Mechanisms, mechanisms) || x.Targets != (budget == withTargets) || !slices.Equal(x.Cells, []int{1, 2, 5}) {
			t.Errorf("%s: %v, targets %v, cells %v", budget, x.Mechanisms, x.Targets, x.Cells)
		}
		for _, m := range mechanisms {
			exploreGrid(t, l, x, m)
			exploreVariants(t, x, m)
		}
	}
}

// exploreGrid holds the grid against plans of configurations with such budgets.
func exploreGrid(t *testing.T, l Line, x Exploration, m string) {
	t.Helper()
	for i, p := range x.Grid {
		s := l.Dataset.Spec
		s.Targets, s.Mechanism = nil, m
		if s.Budget.NanoEpsilon > 0 {
			s.Budget.NanoEpsilon = uint64(math.Round(1e9 * p.Epsilon))
			s.Budget.NanoRho = privacy.NanoRho(p.Epsilon, s.Budget.Delta)
		} else if p.Factor != 1 {
			s.Budget.NanoRho = privacy.NanoRho(p.Epsilon, privacy.ShownDelta)
		}
		want, err := s.Accuracy(func(int) int { return 1 })
		if err != nil {
			t.Fatal(err)
		}
		c := p.Errors[m]
		for k, a := range want {
			if c.Half[k] != a.HalfWidth {
				t.Errorf("%s at epsilon %v: %s is ± %d, a plan says %d", m, p.Epsilon, x.Tables[k], c.Half[k], a.HalfWidth)
			}
			if i > 0 && c.Half[k] >= x.Grid[i-1].Errors[m].Half[k] {
				t.Errorf("%s at epsilon %v: no better than with less", m, p.Epsilon)
			}
		}
	}
}

func exploreVariants(t *testing.T, x Exploration, m string) {
	t.Helper()
	if len(x.Variants) != 4 { // three tables, one dimension
		t.Fatalf("%d variants", len(x.Variants))
	}
	last, finest := x.Variants[3], x.Variants[2]
	if last.Dimension != "place" || last.From != "place" || last.To != "region" || last.Root || !slices.Equal(last.Changed, []string{"by-place"}) || !slices.Equal(finest.Without, []string{"by-place"}) {
		t.Errorf("%+v and %+v", finest, last)
	}
	// There is a table by region already: to coarsen by-place is to drop it.
	if a, b := last.Errors[m], finest.Errors[m]; !slices.Equal(a.Half, b.Half) || a.Ratio != b.Ratio || a.Half[2] != -1 {
		t.Errorf("%+v and %+v", a, b)
	}
	for _, v := range x.Variants {
		c := v.Errors[m]
		epsilon := x.Grid[4].Epsilon
		if !(c.Ratio < 1) || c.Worth <= epsilon {
			t.Errorf("%s without %v: × %v, worth %v", m, v.Without, c.Ratio, c.Worth)
		}
		// Laplace noise is divided among tables.
		if m == privacy.LaplaceMechanism && math.Abs(c.Ratio-2.0/3) > 1e-2 {
			t.Errorf("one table of three less: × %v", c.Ratio)
		}
	}
}
