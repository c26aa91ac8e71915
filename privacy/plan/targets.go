package plan

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

const (
	// enough is how far above the least possible the proportions of a budget for
	// targets may be. Rounding noise up adds to that: together a thousandth at most
	// but for targets of less than a few units.
	enough   = 2.5e-4
	maxSteps = 10_000
	// Search ends after so many products, and there are no more of them a step:
	// beyond, mean variances stand for those of cells.
	maxWork, maxEffects = 1 << 29, 1 << 19
	// leftover is what measurements that no target needs get together, as a part
	// of what the others get.
	leftover = 0.01
)

// A Least is a budget for targets with the proof that it is hardly more than needed.
type Least struct {
	NanoRho []uint64 // a measurement; what it costs is the sum
	// Bound is what measurements of these tuples cost together at least, in nano-ρ, if
	// the worst cell of each table with a target is to meet it, whatever their
	// proportions: from the dual problem, so that anyone can check it.
	Bound float64
	Needs uint64 // of the cost, what the tables with a target need; the rest is for those without
}

// Gap is how far the cost is above the bound: 0.001 is 0.1 %.
func (l Least) Gap() float64 { return float64(l.Needs)/l.Bound - 1 }

// ForTargets returns the parts of a budget, in nano-ρ a measurement, with which
// the worst cell of each table meets its target, a variance; 0 or +Inf is none.
// People change the leaf cells of a period by at most m (L1). What it costs is the
// sum; [Geometry.Scales] makes the noise of it.
//
// The proportions are those with which all cells meet the targets at least cost
// (after 10,000 steps, or 2²⁹ products, what was reached: never below what is
// needed). Then all are scaled by the least factor, to 10⁻⁹, with which they do, the
// rounding of noise included. Cells of one class have one variance, so that each
// class is one condition; where tables have too many of them, with all measurements
// more than 2¹⁹ products, the mean variance of a table stands for its cells.
//
// A table without a target has no say in the proportions. Measurements that only
// such tables need get a hundredth of what the others get, shared out as by
// [Geometry.Split]: these tables are published, but with much noise.
//
// It fails when no table has a target, and when noise cannot be so small: a
// measured entry has a variance parameter of 1/1024 at least.
func (g *Geometry) ForTargets(m int64, target []float64) (Least, error) {
	if len(target) != len(g.tables) || m < 1 {
		return Least{}, fmt.Errorf("plan: %d targets for %d tables and a bound of %d", len(target), len(g.tables), m)
	}
	t := aim{g: g, m: m, target: target}
	without := make([]float64, len(target)) // weight 1 where there is no target
	for i, tau := range target {
		switch {
		case math.IsNaN(tau) || tau < 0:
			return Least{}, fmt.Errorf("plan: the target of table %d is not a variance", i)
		case tau == 0 || math.IsInf(tau, 1):
			without[i] = 1
		default:
			t.tables = append(t.tables, i)
		}
	}
	if len(t.tables) == 0 {
		return Least{}, errors.New("plan: no table has a target")
	}
	t.conditions()
	_, _, bound := t.optimum(enough)
	needed := make([]bool, len(t.share))
	for a, x := range t.share {
		needed[a] = x > 0
	}
	t.rest(g.weights(without))
	rho, err := t.scale()
	l := Least{NanoRho: rho, Bound: 1e9 / 2 * float64(m) * float64(m) * bound}
	for a, r := range rho {
		if needed[a] {
			l.Needs += r
		}
	}
	return l, err
}

// An aim is the search for the least budget. share has a number for each
// measurement, 1/θ_a: times M²/2 it is ρ_a.
type aim struct {
	g       *Geometry
	m       int64
	target  []float64
	tables  []int      // that have a target
	tau     []float64  // of each condition
	effects [][]effect // of each condition
	share   []float64
}

// conditions are the variances of cells, one a class, that the targets are about.
func (t *aim) conditions() {
	work := 0
	for _, i := range t.tables {
		work += t.g.classes(i) * len(t.g.effects(i))
	}
	for _, i := range t.tables {
		of := [][]effect{t.g.effects(i)}
		if work <= maxEffects {
			of = t.g.cellEffects(i)
		}
		for _, es := range of {
			t.tau, t.effects = append(t.tau, t.target[i]), append(t.effects, es)
		}
	}
}

// classes is the number of classes of cells of table i.
func (g *Geometry) classes(i int) int {
	n := 1
	for d, l := range g.tables[i] {
		if n *= g.shape.trees[d].size[l]; n > maxEffects {
			return n
		}
	}
	return n
}

// cellEffects are what a unit of θ_a adds to the variance of a cell of table i, for
// each class of cells: ∏ (1−1/c)²·u², the terms that φ is the mean of.
func (g *Geometry) cellEffects(i int) [][]effect {
	b := g.tables[i]
	out := make([][]effect, g.classes(i))
	for _, e := range g.effects(i) {
		products := []float64{1}
		for d, a := range g.parts[e.part] {
			one := g.shape.trees[d].weights(a, b[d])
			next := make([]float64, 0, len(products)*len(one))
			for _, x := range products {
				for _, w := range one {
					next = append(next, float64(x*w))
				}
			}
			products = next
		}
		for class, x := range products {
			if x > 0 {
				out[class] = append(out[class], effect{e.part, x})
			}
		}
	}
	return out
}

// optimum finds the shares with the least sum for which the mean variances,
// Σ_a θ_a V_aB, are at most τ_B. Any multipliers λ > 0 give θ_a = (Σ_B λ_B V_aB)^−½,
// which is feasible when divided by the largest Var_B/τ_B, and a bound below for all
// sums, (Σ 1/θ)²/Σ λτ: the dual at its best multiple of λ. λ_B ← λ_B·Var_B/τ_B
// brings the two together. It returns the steps taken, the relative gap, and the
// bound.
func (t *aim) optimum(tol float64) (steps int, gap, bound float64) {
	work := 0
	for _, es := range t.effects {
		work += len(es)
	}
	lambda := make([]float64, len(t.tau))
	for i, tau := range t.tau {
		lambda[i] = 1 / tau
	}
	least := math.Inf(1)
	for steps = 1; ; steps++ {
		inv := make([]float64, len(t.g.parts))
		for i, es := range t.effects {
			for _, e := range es {
				inv[e.part] += float64(lambda[i] * e.phi)
			}
		}
		sum, weight, worst := 0.0, 0.0, 0.0
		for a, v := range inv {
			inv[a] = math.Sqrt(v)
			sum += inv[a]
		}
		for i, es := range t.effects {
			mean := 0.0
			for _, e := range es {
				mean += e.phi / inv[e.part]
			}
			weight += float64(lambda[i] * t.tau[i])
			// A table that others serve well enough loses its say, but not
			// for good: 0 could not grow again.
			lambda[i] = max(lambda[i]*(mean/t.tau[i]), 1e-200/t.tau[i])
			worst = max(worst, mean/t.tau[i])
		}
		if worst*sum < least {
			least, t.share = worst*sum, inv
			for a := range inv {
				inv[a] *= worst
			}
		}
		bound = max(bound, sum*sum/weight)
		if gap = least/bound - 1; gap <= tol || steps == maxSteps || steps*work > maxWork {
			return steps, gap, bound
		}
	}
}

// rest gives the measurements that no target needs their shares, v being their
// weights in the tables without one.
func (t *aim) rest(v []float64) {
	sum, roots := 0.0, 0.0
	for a, x := range t.share {
		sum += x
		if x == 0 {
			roots += math.Sqrt(v[a])
		}
	}
	for a, x := range t.share {
		if x == 0 {
			t.share[a] = leftover * sum * math.Sqrt(v[a]) / roots
		}
	}
}

// scale finds the least multiple of the shares with which the worst cells meet the
// targets. More budget never means more noise, so that bisection finds it.
func (t *aim) scale() ([]uint64, error) {
	low, high := 0.0, 1.0
	rho, err := t.budget(high)
	for err == nil && !t.met(rho) {
		low, high = high, 2*high
		rho, err = t.budget(high)
	}
	if err != nil {
		return nil, err
	}
	for high-low > float64(1e-9*high) && high > 1e-12 {
		x := (low + high) / 2
		less, err := t.budget(x)
		if err != nil {
			return nil, err
		}
		if t.met(less) {
			rho, high = less, x
		} else {
			low = x
		}
	}
	return rho, nil
}

// budget is x times the shares, rounded up to nano-ρ.
func (t *aim) budget(x float64) ([]uint64, error) {
	rho := make([]uint64, len(t.share))
	half := 1e9 / 2 * float64(t.m) * float64(t.m)
	left := float64(1 << 62)
	for a, s := range t.share {
		r := math.Ceil(half * s * x)
		if !(r < left) {
			return nil, errors.New("plan: no noise is small enough for these targets")
		}
		rho[a] = max(1, uint64(r))
		left -= r
	}
	return rho, nil
}

// met reports whether no cell of a table is above its target. Noise too large to be
// useful meets none.
func (t *aim) met(rho []uint64) bool {
	scales, err := t.g.Scales(t.m, rho)
	if err != nil {
		return false
	}
	for _, i := range t.tables {
		if slices.Max(scales.byClass(i)) > t.target[i] {
			return false
		}
	}
	return true
}
