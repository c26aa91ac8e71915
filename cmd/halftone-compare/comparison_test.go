package main

import (
	"math"
	"slices"
	"testing"
	"time"

	"halftone/privacy"
	"halftone/privacy/plan"
)

func someDay() time.Time { return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) }

// theoretical is the outcome of c without a release.
func theoretical(t *testing.T, name string) outcome {
	t.Helper()
	all, err := comparisons(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(c comparison) bool { return c.name == name })
	c := all[i]
	s := c.with(planner)
	ls, err := newLeastSquares(s.Dimensions, s.Tables)
	if err != nil {
		t.Fatal(err)
	}
	o := outcome{comparison: c, tables: s.Tables, cells: newTabulation(s.Dimensions, s.Tables).cells}
	if o.exact, err = c.theory(ls); err != nil {
		t.Fatal(err)
	}
	return o
}

func about(t *testing.T, what string, got, want, off float64) {
	t.Helper()
	if math.Abs(got-want) > off {
		t.Errorf("%s: %.4f, want %.4f", what, got, want)
	}
}

// The reference figures of the privacy design: RMSE of a cell 3.87 with noise on
// every table, 3.00 with least squares, 2.69 with the planner; sd of the total
// 3.87, 2.75, 3.12. Laplace by a sum over its rounded density.
func TestReferenceCube(t *testing.T) {
	o := theoretical(t, "cube")
	for m, want := range map[string][2]float64{gaussian: {3.87, 3.87}, fitted: {3.00, 2.75}, planner: {2.69, 3.12}} {
		about(t, m+", a cell", o.overCells(o.exact[m]), want[0], 0.005)
		about(t, m+", total", math.Sqrt(o.exact[m][0]), want[1], 0.005)
	}
	b, sum := 15/5.2215, 0.0
	for k := 1; k < 300; k++ {
		sum += 2 * float64(k*k) * math.Exp(-float64(k)/b) * math.Sinh(0.5/b)
	}
	about(t, "laplace, a cell", o.overCells(o.exact[laplace]), math.Sqrt(sum), 1e-3)
	if len(o.tables) != 15 || o.tables[0].Name != "total" || o.tables[14].Name != "type-sex-age" {
		t.Errorf("tables %v", o.tables)
	}
	about(t, "epsilon of rho 0.5", float64(o.budget.NanoEpsilon)/1e9, 5.2215, 5e-5)
}

// The figures of the exact reference implementation for the eight tables of the
// demonstration: root of the mean over tables 8.45 with the planner, 12.82 with
// Gaussian noise at δ = 10⁻⁶, 10.77 and 16.34 at 10⁻⁹; Σ of the mean variances
// after least squares is 28.459 at ρ 0.5. Laplace of scale 8, rounded, has
// variance 2·8² + 1/12 (next to exactly).
func TestReferenceDemonstration(t *testing.T) {
	rounded := math.Sqrt(2*8*8 + 1.0/12)
	for name, want := range map[string][3]float64{"us-offences-1e-6": {8.45, rounded, 12.82}, "us-offences-1e-9": {10.77, rounded, 16.34}} {
		o := theoretical(t, name)
		for i, m := range []string{planner, laplace, gaussian} {
			about(t, name+", "+m, o.overTables(o.exact[m]), want[i], 0.006)
		}
		at := 28.459 * 0.5 / (float64(o.budget.NanoRho) / 1e9)
		about(t, name+", least squares", o.overTables(o.exact[fitted]), math.Sqrt(at/8), 0.003)
	}
}

// At equal budgets no mechanism is charged more than another: what a person
// costs with Gaussian noise is at most ρ, and so is what Measure charges.
func TestEqualBudgets(t *testing.T) {
	all, err := comparisons(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		g, err := c.gaussian()
		if err != nil {
			t.Fatal(err)
		}
		s := c.with(planner)
		cost := float64(len(s.Tables)) / (2 * g.Parameter()) * 1e9
		if rho := float64(c.budget.NanoRho); cost > rho || cost < 0.999*rho {
			t.Errorf("%s: Gaussian noise costs %v nano-rho of %v", c.name, cost, rho)
		}
		for m, want := range map[string]uint64{planner: c.budget.NanoRho, laplace: c.budget.NanoEpsilon} {
			p, err := privacy.NewPlan(c.with(m), 1)
			if err != nil || p.Cost() != want {
				t.Errorf("%s: %s costs %d of %d, %v", c.name, m, p.Cost(), want, err)
			}
		}
	}
}

// What is simulated has the variance that is computed, by every mechanism, for
// the 102 cells of by-state-form in 40 releases. The mean square of a Gaussian
// vector with covariance Σ over R releases is off, relative to its mean, by more
// than 2√(x/R)·f+2x/R·f upwards or 2√(x/R)·f downwards, f = ‖Σ‖₂/tr Σ in the
// Frobenius norm, with a chance of at most e⁻ˣ each (Laurent and Massart 2000,
// lemma 1). f is 1/√102 for plain noise and computed for the planner; with least
// squares no eigenvalue is above the plain noise's, so f is at most 1/√102
// divided by the part of the variance that is left. x = 16: 2·3·1.1e-7. Laplace: 4,080 independent squares, sd of their mean 3.5 % of it;
// ±0.32 is 9 sd, and one draw that does it alone, beyond 50 b, has a chance of
// e⁻⁵⁰. Together below 10⁻⁶ a run. A wrong cell order or half the noise is off by
// half and more.
func TestSimulationHasItsVariance(t *testing.T) {
	c := theoretical(t, "us-offences-1e-6").comparison
	o, err := c.run(t.Context(), 5, someDay)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(o.tables, func(t privacy.Table) bool { return t.Name == "by-state-form" })
	r, x := float64(o.releases), 16.0
	if r != 40 {
		t.Fatalf("%v releases", r)
	}
	f := map[string]float64{gaussian: 1 / math.Sqrt(102), planner: spread(t, c, i)}
	f[fitted] = f[gaussian] * o.exact[gaussian][i] / o.exact[fitted][i]
	for m, f := range f {
		between(t, m, o.estimate[m][i]/o.exact[m][i], 1-2*math.Sqrt(x/r)*f, 1+(2*math.Sqrt(x/r)+2*x/r)*f)
	}
	between(t, laplace, o.estimate[laplace][i]/o.exact[laplace][i], 0.68, 1.32)
	for _, m := range []string{planner, laplace} {
		// Cutting at zero and rounding takes more away than it adds where most
		// counts are small: half of these are below 6, and the noise is 8 and more.
		if o.value(m)[i] >= o.estimate[m][i] || o.value(m)[i] <= 0 {
			t.Errorf("%s: mean squared error of value %v, of the estimate %v", m, o.value(m)[i], o.estimate[m][i])
		}
	}
}

func between(t *testing.T, what string, got, low, high float64) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%s: simulated is %.3f of computed, outside [%.3f, %.3f]", what, got, low, high)
	}
}

// spread is the Frobenius norm over the trace of the covariance of table i.
func spread(t *testing.T, c comparison, i int) float64 {
	t.Helper()
	s := c.with(planner)
	p, err := privacy.NewPlan(s, 1)
	if err != nil {
		t.Fatal(err)
	}
	var m *plan.Model
	if m, err = p.Open(s.Dimensions, s.Tables, s.Bound().PerPeriod); err != nil {
		t.Fatal(err)
	}
	places, forms := len(s.Dimensions[0].Leaf().Codes), len(s.Dimensions[1].Leaf().Codes)
	squares, trace := 0.0, 0.0
	for a := range places * forms {
		for b := range places * forms {
			v := m.Scales().Covariance(i, []int{a / forms, a % forms}, i, []int{b / forms, b % forms})
			squares += v * v
			if a == b {
				trace += v
			}
		}
	}
	return math.Sqrt(squares) / trace
}
