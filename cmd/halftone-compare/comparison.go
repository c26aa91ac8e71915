package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"halftone/privacy"
	"halftone/privacy/account"
	"halftone/privacy/ledger"
	"halftone/privacy/noise"
	"halftone/privacy/plan"
)

// The mechanisms, as in the CSV.
const (
	planner  = plan.PlannerMechanism
	laplace  = plan.LaplaceMechanism
	gaussian = "gaussian"
	fitted   = "least_squares" // the Gaussian noise of gaussian, then least squares
)

// readable are those whose releases have a value for reading.
var readable = []string{planner, laplace}

// A comparison is one dataset at one budget. Mechanisms in ρ spend what the
// budget allows in zCDP; Laplace spends the same ε, and none of δ.
type comparison struct {
	name   string
	title  string
	about  string // what the budget is
	truth  truth
	budget privacy.Budget // of one person
}

// comparisons are those that the program makes.
func comparisons(ctx context.Context, seed uint64) ([]comparison, error) {
	demo, err := demonstration(ctx)
	if err != nil {
		return nil, fmt.Errorf("examples/us-offences: %w", err)
	}
	cube, err := madeUp(seed)
	if err != nil {
		return nil, err
	}
	var out []comparison
	for _, d := range []struct {
		delta float64
		name  string
	}{{1e-6, "1e-6"}, {1e-9, "1e-9"}} {
		eps := demo.spec.Budget.NanoEpsilon
		rho := account.Rho(float64(eps)/1e9, d.delta)
		out = append(out, comparison{
			name:  "us-offences-" + d.name,
			title: "Demonstration dataset: offences by place (nation > region > division > state) and form",
			about: fmt.Sprintf("One offence has (epsilon, delta) = (%g, %s). In zCDP that is rho %.9f, which the planner and Gaussian\n"+
				"noise spend; Laplace spends epsilon %g and no delta.", float64(eps)/1e9, d.name, float64(rho)/1e9, float64(eps)/1e9),
			truth:  demo,
			budget: privacy.Budget{NanoEpsilon: eps, NanoRho: uint64(rho), Delta: d.delta},
		})
	}
	const rho, delta = 500_000_000, 1e-6
	eps := uint64(account.Epsilon(rho, delta) * 1e9)
	return append(out, comparison{
		name:  "cube",
		title: "Made-up cube: geo 48 x type 6 x sex 3 x age 4, all tables of up to three dimensions",
		about: fmt.Sprintf("One person has rho 0.5 in zCDP, which the planner and Gaussian noise spend. Laplace has no rho: it spends\n"+
			"epsilon %.4f, the least epsilon that rho 0.5 is good for at delta 1e-6. All have (%.4f, 1e-6).", float64(eps)/1e9, float64(eps)/1e9),
		truth:  cube,
		budget: privacy.Budget{NanoEpsilon: eps, NanoRho: rho, Delta: delta},
	}), nil
}

// An outcome is what came out, mean squared errors a table.
type outcome struct {
	comparison
	tables   []privacy.Table
	cells    []int
	releases int
	exact    map[string][]float64
	estimate map[string][]float64
	readings map[string]*readings // planner and Laplace
}

// with is the spec at the budget of c.
func (c comparison) with(mechanism string) privacy.Spec {
	s := c.truth.spec
	s.Mechanism, s.Budget = mechanism, c.budget
	s.Budget.PerPeriod = s.Bound().Periods == 0
	return s
}

// gaussian is the noise of every cell where all tables share ρ equally: a person
// moves each table by at most M in L2, which costs M²/2s a table.
func (c comparison) gaussian() (noise.Gaussian, error) {
	s := c.with(planner)
	share := s.Terms().Cap() / uint64(s.Editions) / uint64(len(s.Tables))
	return plan.Noise(s.Bound().PerPeriod, 1, share)
}

// theory gives the mean variance of every table's cells, by mechanism.
func (c comparison) theory(ls leastSquares) (map[string][]float64, error) {
	out := map[string][]float64{}
	for _, mechanism := range []string{planner, laplace} {
		s := c.with(mechanism)
		p, err := privacy.NewPlan(s, 1)
		if err != nil {
			return nil, err
		}
		m, err := p.Open(s.Dimensions, s.Tables, s.Bound().PerPeriod)
		if err != nil {
			return nil, err
		}
		for i := range s.Tables {
			out[mechanism] = append(out[mechanism], mean(m.Variance(i)))
		}
	}
	g, err := c.gaussian()
	if err != nil {
		return nil, err
	}
	for _, v := range ls.variance() {
		out[gaussian] = append(out[gaussian], g.Variance())
		out[fitted] = append(out[fitted], v*g.Variance())
	}
	return out, nil
}

// run makes n releases of every year by every mechanism.
func (c comparison) run(ctx context.Context, n int, now func() time.Time) (outcome, error) {
	spec := c.with(planner)
	t := newTabulation(spec.Dimensions, spec.Tables)
	ls, err := newLeastSquares(spec.Dimensions, spec.Tables)
	if err != nil {
		return outcome{}, err
	}
	o := outcome{comparison: c, tables: spec.Tables, cells: t.cells, releases: n * len(c.truth.years),
		estimate: map[string][]float64{}, readings: map[string]*readings{}}
	if o.exact, err = c.theory(ls); err != nil {
		return outcome{}, err
	}
	for _, m := range []string{planner, laplace, gaussian, fitted} {
		o.estimate[m] = make([]float64, len(t.cells))
	}
	for _, m := range readable {
		o.readings[m] = &readings{tables: make([]reading, len(t.cells))}
	}
	for _, y := range c.truth.years {
		exact := add(t, y.leaf)
		for _, m := range readable {
			if err := o.measured(ctx, n, m, y, exact, now); err != nil {
				return outcome{}, err
			}
		}
		if err := o.noised(ctx, n, exact, ls); err != nil {
			return outcome{}, err
		}
	}
	return o, nil
}

// measured adds the errors of n releases of y by the real [privacy.Measure],
// each charged to a ledger of its own: they stand for n possible worlds.
func (o *outcome) measured(ctx context.Context, n int, mechanism string, y year, exact [][]int64, now func() time.Time) error {
	s := o.with(mechanism)
	cube, err := y.cube(s)
	if err != nil {
		return err
	}
	k := privacy.Key{Dataset: s.Dataset, Series: s.Series, Period: y.period, Edition: 1}
	for range n {
		l := ledger.NewMem(now)
		if _, err := privacy.Measure(ctx, s, cube, k, privacy.Input{Digest: "public counts"}, l); err != nil {
			return err
		}
		r, err := privacy.OpenRelease(ctx, k, l)
		if err != nil {
			return err
		}
		for i, t := range o.tables {
			c, err := r.Cells(t.Name)
			if err != nil {
				return err
			}
			o.estimate[mechanism][i] += squared(c.Estimate, exact[i]) / float64(o.releases)
			o.read(mechanism, i, c.Estimate, c.Value, exact[i])
		}
	}
	return nil
}

// noised adds the errors of n draws of Gaussian noise on every table, before and
// after least squares.
func (o *outcome) noised(ctx context.Context, n int, exact [][]int64, ls leastSquares) error {
	g, err := o.gaussian()
	if err != nil {
		return err
	}
	random := noise.NewSource()
	defer random.Close()
	for range n {
		if err := ctx.Err(); err != nil {
			return err
		}
		noisy := make([][]float64, len(exact))
		for i, table := range exact {
			x := append([]int64(nil), table...)
			if err := g.Add(x, random); err != nil {
				return err
			}
			for _, v := range x {
				noisy[i] = append(noisy[i], float64(v))
			}
			o.estimate[gaussian][i] += squared(noisy[i], table) / float64(o.releases)
		}
		for i, e := range ls.estimate(noisy) {
			o.estimate[fitted][i] += squared(e, exact[i]) / float64(o.releases)
		}
	}
	return nil
}

// squared is the mean squared error of a table.
func squared(got []float64, exact []int64) (sum float64) {
	for k, v := range got {
		e := v - float64(exact[k])
		sum += e * e
	}
	return sum / float64(len(got))
}

func mean(v []float64) (m float64) {
	for _, x := range v {
		m += x / float64(len(v))
	}
	return m
}

// overCells is the root mean square over all cells of all tables.
func (o outcome) overCells(squares []float64) float64 {
	sum, n := 0.0, 0
	for i, c := range o.cells {
		sum, n = sum+squares[i]*float64(c), n+c
	}
	return math.Sqrt(sum / float64(n))
}

// overTables is the same with each table alike: what the planner minimises.
func (o outcome) overTables(squares []float64) float64 { return math.Sqrt(mean(squares)) }
