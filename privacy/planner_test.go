package privacy

import (
	"math"
	"strconv"
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

// Every cell is drawn, in however many pieces: of 20,000 empty cells with an sd of
// 4,000 or more no four neighbours are all 0 (each is with a chance below 10⁻⁴, so
// a false alarm has one below 10⁻¹¹).
func TestEveryCellIsDrawn(t *testing.T) {
	codes := make([]string, 20_000)
	for i := range codes {
		codes[i] = strconv.Itoa(i)
	}
	for _, mechanism := range []string{PlannerMechanism, LaplaceMechanism} {
		s := Spec{Dataset: "t", Series: 1, Measure: "flow", Unit: "case", Every: "year", Editions: 1, Mechanism: mechanism,
			Dimensions: []Dimension{{Name: "d", Levels: []Level{{Name: "all", Codes: []string{Total}}, {Name: "code", Codes: codes, Parent: make([]uint32, len(codes))}}}},
			Tables:     []Table{{Name: "by-code", Levels: []int{1}}, {Name: "total", Levels: []int{0}}},
			Sources:    []Source{{Name: "s", PerPeriod: 1 << 12, Periods: 1, Sensitivity: 1}}, Budget: Budget{NanoEpsilon: 1e9, NanoRho: 24_355_970, Delta: 1e-6}}
		k := Key{"t", 1, year(t, 2026), 1}
		c, err := NewCube(s, k.Period)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Measure(t.Context(), s, c, k, Input{Digest: "in"}, newTestLedger())
		if err != nil {
			t.Fatal(err)
		}
		for _, numbers := range r.noised.file.Noisy {
			zeros := 0
			for i, v := range numbers {
				if zeros++; v != 0 {
					zeros = 0
				}
				if zeros == 4 {
					t.Fatalf("%s: no noise in cell %d of %d", mechanism, i, len(numbers))
				}
			}
		}
	}
}

// Each planned edition is priced at its own share, and auto looks at all of them.
func TestEditionsHaveTheirShares(t *testing.T) {
	s := planned(tree(), 100_000_000)
	s.Editions, s.FirstShare = 3, 600_000_000
	for e, want := range []uint64{60_000_000, 20_000_000, 20_000_000} {
		if p, err := NewPlan(s, e+1); err != nil || p.Cost() != want {
			t.Errorf("edition %d costs %d, want %d: %v", e+1, p.Cost(), want, err)
		}
	}
	for _, e := range []int{0, 4} {
		if _, err := NewPlan(s, e); err == nil {
			t.Errorf("edition %d has a plan", e)
		}
	}
	s.Budget.NanoEpsilon = 1e9
	c, err := Choose(s)
	if err != nil {
		t.Fatal(err)
	}
	mean := 0.0
	for e := range 3 {
		m, err := s.model(e + 1)
		if err != nil {
			t.Fatal(err)
		}
		mean += m.MeanVariance() / 3
	}
	if math.Abs(c.Planner-mean) > 1e-9*mean {
		t.Errorf("auto compares %g, over editions it is %g", c.Planner, mean)
	}
}

// What datasets of other period lengths cost adds up a month.
func TestPerson(t *testing.T) {
	p := func(s string) Period {
		p, err := ParsePeriod(s)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	charges := []PeriodCost{{p("2026"), 300}, {p("2026-Q1"), 200}, {p("2026-02"), 7}, {p("2027"), 400}, {p("2026"), 50}}
	for periods, want := range map[int64]uint64{0: 557, 1: 557, 2: 557 + 550, -1: 557 + 550} {
		if periods == -1 {
			continue
		}
		if got := Person(charges, periods); got != want {
			t.Errorf("P %d: %d, want %d", periods, got, want)
		}
	}
	if got := Person(nil, 3); got != 0 {
		t.Errorf("nothing costs %d", got)
	}
}

// Whatever could fail because of a value, or could not be opened again, stops before
// the charge.
func TestNothingIsChargedThatCannotBeReleased(t *testing.T) {
	// Two maximal tables over more than 2²⁴ cells: a cube of two parts.
	codes := func(n int) Dimension {
		d := Dimension{Name: "d" + strconv.Itoa(n), Levels: []Level{{Name: "all", Codes: []string{Total}}, {Name: "code", Parent: make([]uint32, n)}}}
		for i := range n {
			d.Levels[1].Codes = append(d.Levels[1].Codes, strconv.Itoa(i))
		}
		return d
	}
	s := Spec{Dataset: "t", Series: 1, Measure: "flow", Unit: "case", Every: "year", Editions: 1, Mechanism: PlannerMechanism,
		Dimensions: []Dimension{codes(5000), codes(5001)}, Tables: []Table{{Name: "a", Levels: []int{1, 0}}, {Name: "b", Levels: []int{0, 1}}},
		Sources: []Source{{Name: "s", PerPeriod: 1, Periods: 1, Sensitivity: 1}}, Budget: Budget{NanoRho: 24_355_970}}
	k := Key{"t", 1, year(t, 2026), 1}
	// In the first part +2⁴⁰ and −2⁴⁰ fall on one code and cancel, in the second not.
	c, l := filled(t, s, k.Period, [][]uint32{{0, 0}, {0, 1}}, []int64{1 << 40, -1 << 40}), newTestLedger()
	if parts := len(c.exact().parts); parts != 2 {
		t.Fatalf("%d parts", parts)
	}
	if _, err := Measure(t.Context(), s, c, k, Input{Digest: "in"}, l); err == nil || len(l.charges) > 0 {
		t.Errorf("counts beyond 2^40: %v, %d charges", err, len(l.charges))
	}
	// Targets that cost more than the share.
	s.Targets = []float64{1, 0}
	if _, err := NewPlan(s, 1); err == nil {
		t.Error("targets that the budget does not pay for have a plan")
	}
	s.Targets = []float64{30, 0}
	p, err := NewPlan(s, 1)
	if err != nil || p.Cost() == 0 || p.Cost() >= s.Budget.NanoRho {
		t.Errorf("targets within the budget: %d, %v", p.Cost(), err)
	}
}
