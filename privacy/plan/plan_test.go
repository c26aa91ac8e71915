package plan

import (
	"math"
	"slices"
	"testing"

	"halftone/privacy/domain"
)

// A sealed file from anywhere is opened with its plan: it may not have more
// measured, or better, than it says was charged.
func TestOpenRefusesPlans(t *testing.T) {
	dims := []domain.Dimension{{Name: "a", Levels: []domain.Level{{Codes: []string{"_T"}}, {Codes: []string{"x", "y"}, Parent: []uint32{0, 0}}}}}
	tables := []domain.Table{{Name: "a", Levels: []int{1}}, {Name: "total", Levels: []int{0}}}
	for name, change := range map[string]func(p *Plan){
		"as planned":           func(*Plan) {},
		"one nano less spent":  func(p *Plan) { p.Measurements[0].NanoRho-- },
		"one nano too many":    func(p *Plan) { p.Measurements[0].NanoRho += p.NanoRho - sumOf(*p) + 1 },
		"charged too little":   func(p *Plan) { p.NanoRho = sumOf(*p) - 1 },
		"wraps around":         func(p *Plan) { p.Measurements[0].NanoRho, p.Measurements[1].NanoRho = math.MaxUint64, 2 },
		"nothing charged":      func(p *Plan) { p.NanoRho = 0 },
		"nothing spent":        func(p *Plan) { p.Measurements[1].NanoRho = 0 },
		"another level":        func(p *Plan) { p.Measurements[1].Levels = []int{0} },
		"one measurement less": func(p *Plan) { p.Measurements = p.Measurements[:1] },
		"one more":             func(p *Plan) { p.Measurements = append(p.Measurements, p.Measurements[1]) },
		"no mechanism":         func(p *Plan) { p.Mechanism = "" },
	} {
		p, err := Residual(dims, tables, 2, 1_000_003)
		if err != nil {
			t.Fatal(err)
		}
		change(&p)
		good := name == "as planned" || name == "one nano less spent"
		if _, err := p.Open(dims, tables, 2); (err == nil) != good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func sumOf(p Plan) (sum uint64) {
	for _, m := range p.Measurements {
		sum += m.NanoRho
	}
	return sum
}

// A budget of a few nano-ρ is refused or kept to; each measurement gets some of it.
func TestSplitOfNextToNothing(t *testing.T) {
	g := exampleE(t)
	few := uint64(len(g.parts))
	for _, w := range [][]float64{nil, {1, 1, 1}, {1e9, 1, 1}, {1e-9, 1, 1}, {1e-9, 1, 1e9}} {
		for budget := range uint64(100) {
			rho, err := g.Split(budget, w)
			if budget < few && err == nil || w == nil && budget > 2*few && err != nil {
				t.Errorf("%d nano-ρ for %d measurements: %v, %v", budget, few, rho, err)
			}
			if err == nil && (cost(rho) > budget || slices.Min(rho) == 0) {
				t.Errorf("%d nano-ρ are split into %v", budget, rho)
			}
		}
	}
}

// The best and the worst cell of a forecast are those of the table.
func TestAccuracyIsOfTheTable(t *testing.T) {
	g := exampleE(t)
	rho, err := g.Split(500_000_000, nil)
	if err != nil {
		t.Fatal(err)
	}
	scales, err := g.Scales(1, rho)
	if err != nil {
		t.Fatal(err)
	}
	o := &Model{scales: scales, tables: make([]domain.Table, 3), details: make([][]float64, 3)}
	v := scales.Variance(0)
	if a := o.Accuracy(0, 1); a.SD != math.Sqrt(slices.Max(v)) || a.BestHalfWidth >= a.HalfWidth || a.BestDetectable >= a.Detectable {
		t.Errorf("%+v, want %v to %v", a, math.Sqrt(slices.Min(v)), math.Sqrt(slices.Max(v)))
	}
}
