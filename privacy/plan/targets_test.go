package plan

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"halftone/privacy/domain"
)

// flat dimensions of the sizes, and all tables of up to ways of them.
func flat(t testing.TB, ways int, sizes ...int) *Geometry {
	t.Helper()
	var dims []domain.Dimension
	for _, n := range sizes {
		dims = append(dims, domain.Dimension{Levels: []domain.Level{{Codes: []string{"_T"}}, {Codes: make([]string, n), Parent: make([]uint32, n)}}})
	}
	var tables []domain.Table
	for mask := range 1 << len(sizes) {
		levels, n := make([]int, len(sizes)), 0
		for d := range levels {
			levels[d] = mask >> d & 1
			n += levels[d]
		}
		if n <= ways {
			tables = append(tables, domain.Table{Levels: levels})
		}
	}
	g, err := NewGeometry(dims, tables)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func exampleE(t testing.TB) *Geometry {
	t.Helper()
	place := domain.Dimension{Levels: []domain.Level{{Codes: []string{"_T"}}, {Codes: make([]string, 3), Parent: make([]uint32, 3)},
		{Codes: make([]string, 8), Parent: []uint32{0, 1, 1, 2, 2, 2, 2, 2}}}}
	sex := domain.Dimension{Levels: []domain.Level{{Codes: []string{"_T"}}, {Codes: make([]string, 3), Parent: make([]uint32, 3)}}}
	g, err := NewGeometry([]domain.Dimension{place, sex}, []domain.Table{{Levels: []int{2, 1}}, {Levels: []int{1, 0}}, {Levels: []int{0, 0}}})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// The figures of checks/privacy/04_targets.py: least ρ at which the mean variances
// meet the targets, and how fast it is found. Worst cells cost 3.5 % more in E.
func TestTargetFigures(t *testing.T) {
	ways := func(g *Geometry, one, more float64) (tau []float64) {
		for _, b := range g.tables {
			n, v := 0, one
			for _, l := range b {
				n += l
			}
			if n > 1 {
				v = more
			}
			tau = append(tau, v)
		}
		return tau
	}
	cube, twelve := flat(t, 3, 48, 6, 3, 4), flat(t, 2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
	for _, tc := range []struct {
		name  string
		g     *Geometry
		tau   []float64
		tol   float64
		rho   float64
		steps int
	}{
		{"E: sd 3, 2, 2", exampleE(t), []float64{9, 4, 4}, 1e-6, 0.242238, 23},
		{"cube to 2-way: sd 2 and 4", flat(t, 2, 48, 6, 3, 4), nil, 1e-3, 0.5544, 11},
		{"cube to 3-way: sd 2 and 4", cube, ways(cube, 4, 16), 1e-3, 0.5939, 11},
		{"12 dimensions, 79 tables: sd 10", twelve, ways(twelve, 100, 100), 1e-3, 0.2685, 10},
	} {
		if tc.tau == nil {
			tc.tau = ways(tc.g, 4, 16)
		}
		a := aim{g: tc.g, m: 1, tau: tc.tau}
		for i := range tc.g.tables {
			a.tables, a.effects = append(a.tables, i), append(a.effects, tc.g.effects(i))
		}
		steps, gap, bound := a.optimum(tc.tol)
		sum := 0.0
		for _, x := range a.share {
			sum += x
		}
		if math.Abs(sum/2-tc.rho) > 0.51e-4 || gap > tc.tol || math.Abs(sum/bound-1-gap) > 1e-9 || steps != tc.steps {
			t.Errorf("%s: ρ %.6f after %d steps, gap %.1e; want %v after %d", tc.name, sum/2, steps, gap, tc.rho, tc.steps)
		}
		// All the way, with integers and worst cells. In flat dimensions that costs
		// the rounding of noise only.
		least, err := tc.g.ForTargets(1, tc.tau)
		rho := least.NanoRho
		if err != nil {
			t.Fatal(err)
		}
		total := float64(cost(rho)) / 1e9
		if tc.name[0] != 'E' && math.Abs(total/tc.rho-1) > 2e-3 {
			t.Errorf("%s: the worst cells take ρ %.6f, the means %.6f", tc.name, total, tc.rho)
		}
		checkTargets(t, tc.g, 1, tc.tau, rho)
		if least.Gap() > 1e-3 || least.Gap() < 0 {
			t.Errorf("%s: a gap of %.2g", tc.name, least.Gap())
		}
		t.Logf("%s: mean ρ %.6f, worst cells ρ %.6f, gap %.3g", tc.name, sum/2, total, least.Gap())
	}
}

func cost(rho []uint64) (sum uint64) {
	for _, r := range rho {
		sum += r
	}
	return sum
}

// meets reports whether every cell is as good as its target.
func meets(g *Geometry, m int64, tau []float64, rho []uint64) bool {
	scales, err := g.Scales(m, rho)
	if err != nil {
		return false
	}
	for i, x := range tau {
		if x > 0 && slices.Max(scales.Variance(i)) > x {
			return false
		}
	}
	return true
}

// checkTargets wants the targets met, and not met with a thousandth less.
func checkTargets(t tb, g *Geometry, m int64, tau []float64, rho []uint64) {
	if !meets(g, m, tau, rho) {
		t.Errorf("a target is not met: %v", rho)
	}
	less := slices.Clone(rho)
	for a, r := range rho {
		less[a] = max(1, r-(r+999)/1000)
	}
	if !slices.Equal(less, rho) && meets(g, m, tau, less) {
		t.Errorf("a thousandth less is enough: %v", less)
	}
}

func TestForTargetsOnTrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, err := NewGeometry(throw(t).trees())
		if err != nil {
			t.Fatal(err)
		}
		m := rapid.Int64Range(1, 20).Draw(t, "M")
		tau := rapid.SliceOfN(rapid.Float64Range(0.5, 1e6), len(g.tables), len(g.tables)).Draw(t, "targets")
		for i := range tau {
			if i > 0 && rapid.Bool().Draw(t, "none") {
				tau[i] = rapid.SampledFrom([]float64{0, math.Inf(1)}).Draw(t, "as")
			}
		}
		least, err := g.ForTargets(m, tau)
		rho := least.NanoRho
		if err != nil {
			t.Fatal(err)
		}
		checkTargets(t, g, m, tau, rho)
		again, err := g.ForTargets(m, tau)
		if err != nil || !slices.Equal(rho, again.NanoRho) {
			t.Errorf("another answer: %v, %v, %v", rho, again, err)
		}
		if slices.Contains(rho, 0) {
			t.Errorf("a measurement without budget: %v", rho)
		}
		// The certificate: rounding noise up and whole nano-ρ are the rest of it.
		rest := 2e-3 + float64(len(rho))/least.Bound
		for _, x := range tau {
			if x > 0 {
				rest += 4.0 / 1024 / x
			}
		}
		if gap := least.Gap(); gap < -1e-9 || gap > rest {
			t.Errorf("a gap of %.3g", gap)
		}
		// No other proportions that meet the targets cost less than the bound.
		other := slices.Clone(rho)
		for a := range other {
			other[a] = max(1, uint64(float64(other[a])*rapid.Float64Range(0.2, 3).Draw(t, "other")))
		}
		for !meets(g, m, tau, other) {
			for a := range other {
				other[a] += other[a]/16 + 1
			}
		}
		if float64(cost(other)) < least.Bound*(1-1e-9) {
			t.Errorf("%v meet the targets for %d nano-ρ, below the bound of %.0f", other, cost(other), least.Bound)
		}
	})
}

// A table without a target changes nothing for the others but a hundredth of the
// cost, and is published still.
func TestForTargetsLeavesTablesOut(t *testing.T) {
	g := flat(t, 2, 48, 6)
	of := func(levels ...int) int {
		return slices.IndexFunc(g.tables, func(b []int) bool { return slices.Equal(b, levels) })
	}
	tau := make([]float64, len(g.tables))
	tau[of(0, 1)] = 100
	least, err := g.ForTargets(3, tau)
	if err != nil {
		t.Fatal(err)
	}
	rho := least.NanoRho
	var needed, others uint64
	for k, a := range g.parts {
		if a[0] == 0 {
			needed += rho[k]
		} else {
			others += rho[k]
		}
	}
	if share := float64(others) / float64(needed); math.Abs(share-0.01) > 1e-6 {
		t.Errorf("tables without a target get %v of what the others get", share)
	}
	tau[of(1, 1)] = 1e300 // as good as no target: met by anything, but it has its say
	if loose, err := g.ForTargets(3, tau); err != nil || cost(loose.NanoRho) > cost(rho) {
		t.Errorf("with a loose target %d nano-ρ, without %d: %v", cost(loose.NanoRho), cost(rho), err)
	}
}

func TestForTargetsRefuses(t *testing.T) {
	g := exampleE(t)
	for name, tau := range map[string][]float64{
		"too few":   {1, 1},
		"negative":  {1, -1, 1},
		"NaN":       {1, 1, math.NaN()},
		"none":      {0, math.Inf(1), 0},
		"too small": {1e-6, 1, 1},
	} {
		if rho, err := g.ForTargets(1, tau); err == nil {
			t.Errorf("%s: accepted, %v", name, rho)
		}
	}
	if _, err := g.ForTargets(0, []float64{1, 1, 1}); err == nil {
		t.Error("M 0: accepted")
	}
}
