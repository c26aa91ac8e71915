package privacy

import (
	"math"
	"testing"
)

func planned(s Spec, rho uint64) Spec {
	s.Mechanism, s.Budget.NanoRho = "planner", rho
	return s
}

// Estimates add up over all tables and levels, and the sealed file is all that
// they are made of.
func TestPlannedEstimatesAddUp(t *testing.T) {
	s, l := planned(tree(), 20_000_000), newTestLedger()
	k := Key{"t", 1, year(t, 2026), 1}
	r, err := Measure(t.Context(), s, filled(t, s, k.Period, [][]uint32{{1, 7, 0}, {0, 2, 1}}, []int64{500, 90, 12}), k, Input{Digest: "in"}, l)
	if err != nil {
		t.Fatal(err)
	}
	if c := l.charges[k]; c.Cost != 20_000_000 || c.Terms.Unit != RhoNano {
		t.Errorf("charge %+v", c)
	}
	sum := func(table string) (v float64) {
		c, err := r.Cells(table)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range c.Estimate {
			v += e
			if c.Low[i] > c.Value[i] || c.High[i] < c.Value[i] || c.Low[i] < 0 {
				t.Errorf("%s: value %d outside [%d, %d]", table, c.Value[i], c.Low[i], c.High[i])
			}
		}
		return v
	}
	total := sum("total")
	for _, table := range []string{"region", "district-sex", "sex"} {
		if v := sum(table); math.Abs(v-total) > 1e-6*(1+math.Abs(total)) {
			t.Errorf("%s adds up to %v, the total is %v", table, v, total)
		}
	}
}

// The noise that Measure really draws has the variance that is published: 600
// releases of example E's kind, worst z of 40 cells. Under the truth Σz² over 600
// draws of one cell is χ² with 600 degrees, sd of the ratio 0.058; ±0.32 is 5.5 sd
// over 36 cells: a false alarm in 700,000 runs. s halved or N forgotten moves the
// ratio to 0.5 or beyond 1.9.
func TestPlannedNoiseHasItsVariance(t *testing.T) {
	s := planned(tree(), 500_000_000)
	k := Key{"t", 1, year(t, 2026), 1}
	sq, n := map[string][]float64{}, 600
	truth := map[string][]int64{}
	c := filled(t, s, k.Period, [][]uint32{{1, 7, 0}, {0, 2, 1}}, []int64{500, 90, 12})
	for _, tb := range s.Tables {
		truth[tb.Name], _ = c.exact().table(s.Dimensions, tb.Levels)
	}
	for range n {
		r, err := Measure(t.Context(), s, c, k, Input{}, newTestLedger())
		if err != nil {
			t.Fatal(err)
		}
		for _, tb := range s.Tables {
			cells, err := r.Cells(tb.Name)
			if err != nil {
				t.Fatal(err)
			}
			if sq[tb.Name] == nil {
				sq[tb.Name] = make([]float64, len(cells.Estimate))
			}
			for i, e := range cells.Estimate {
				z := (e - float64(truth[tb.Name][i])) / cells.SD[i]
				sq[tb.Name][i] += z * z
			}
		}
	}
	for name, v := range sq {
		for i, x := range v {
			if ratio := x / float64(n); ratio < 0.68 || ratio > 1.32 {
				t.Errorf("%s cell %d: variance is %.3f of what is published", name, i, ratio)
			}
		}
	}
}

// auto: three tables at (1, 10⁻⁹) are better off with Laplace, eight and more with
// the planner (10-privacy: sd 4.2 / 9.2 and 11.3 / 10.8).
func TestChoose(t *testing.T) {
	s := tree()
	s.Budget = Budget{NanoEpsilon: 1e9, NanoRho: 14_973_057, Delta: 1e-9}
	s.Tables = s.Tables[:3]
	if c, err := Choose(s); err != nil || c.Mechanism != "laplace" || c.Planner <= c.Laplace {
		t.Errorf("%+v, %v", c, err)
	}
	s.Budget.NanoRho = 0
	if c, err := Choose(s); err != nil || c.Mechanism != "laplace" || c.Planner != 0 {
		t.Errorf("without delta: %+v, %v", c, err)
	}
	s.Budget = Budget{NanoRho: 1}
	if c, err := Choose(s); err == nil {
		t.Errorf("a budget too small for the measurements: %+v", c)
	}
	s.Budget = Budget{NanoRho: 1e9}
	if c, err := Choose(s); err != nil || c.Mechanism != "planner" {
		t.Errorf("in rho: %+v, %v", c, err)
	}
}
