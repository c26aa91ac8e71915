package plan

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

const (
	// enough is how far above the least possible a budget for targets may be.
	enough   = 1e-3
	maxSteps = 10_000
	// leftover is what measurements that no target needs get together, as a part
	// of what the others get.
	leftover = 0.01
)

// ForTargets returns the parts of a budget, in nano-ρ a measurement, with which
// the worst cell of each table meets its target, a variance; 0 or +Inf is none.
// People change the leaf cells of a period by at most m (L1). What it costs is the
// sum; [Geometry.Scales] makes the noise of it.
//
// The proportions are those with which the *mean* variances meet the targets at
// least cost, to 0.1 % (after 10,000 steps to what was reached: never below what
// is needed). Then all are scaled by the least factor, to 10⁻⁹, with which the
// worst cells do, the rounding of noise included. Where all cells of a table have
// one variance, as with flat dimensions, the mean is the worst.
//
// A table without a target has no say in the proportions. Measurements that only
// such tables need get a hundredth of what the others get, shared out as by
// [Geometry.Split]: these tables are published, but with much noise.
//
// It fails when no table has a target, and when noise cannot be so small: a
// measured entry has a variance parameter of 1/1024 at least.
func (g *Geometry) ForTargets(m int64, target []float64) ([]uint64, error) {
	if len(target) != len(g.tables) || m < 1 {
		return nil, fmt.Errorf("plan: %d targets for %d tables and a bound of %d", len(target), len(g.tables), m)
	}
	t := aim{g: g, m: m}
	without := make([]float64, len(target)) // weight 1 where there is no target
	for i, tau := range target {
		switch {
		case math.IsNaN(tau) || tau < 0:
			return nil, fmt.Errorf("plan: the target of table %d is not a variance", i)
		case tau == 0 || math.IsInf(tau, 1):
			without[i] = 1
		default:
			t.tables, t.tau, t.effects = append(t.tables, i), append(t.tau, tau), append(t.effects, g.effects(i))
		}
	}
	if len(t.tables) == 0 {
		return nil, errors.New("plan: no table has a target")
	}
	t.optimum(enough)
	t.rest(g.weights(without))
	return t.scale()
}

// An aim is the search for the least budget. share has a number for each
// measurement, 1/θ_a: times M²/2 it is ρ_a.
type aim struct {
	g       *Geometry
	m       int64
	tables  []int
	tau     []float64
	effects [][]effect
	share   []float64
}

// optimum finds the shares with the least sum for which the mean variances,
// Σ_a θ_a V_aB, are at most τ_B. Any multipliers λ > 0 give θ_a = (Σ_B λ_B V_aB)^−½,
// which is feasible when divided by the largest Var_B/τ_B, and a bound below for all
// sums, (Σ 1/θ)²/Σ λτ: the dual at its best multiple of λ. λ_B ← λ_B·Var_B/τ_B
// brings the two together. It returns the steps taken and the relative gap.
func (t *aim) optimum(tol float64) (steps int, gap float64) {
	lambda := make([]float64, len(t.tau))
	for i, tau := range t.tau {
		lambda[i] = 1 / tau
	}
	least, bound := math.Inf(1), 0.0
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
		if gap = least/bound - 1; gap <= tol || steps == maxSteps {
			return steps, gap
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
	for i, table := range t.tables {
		if slices.Max(scales.byClass(table)) > t.tau[i] {
			return false
		}
	}
	return true
}
