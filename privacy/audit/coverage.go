package audit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"

	"gonum.org/v1/gonum/mathext"

	"halftone/privacy"
	"halftone/privacy/plan"
)

// missAlarm is the false-alarm rate of each cell's miss count.
const missAlarm = 1e-9

// Coverage makes releases of one cube with known counts (10-privacy's example E,
// some counts 0) and looks at each cell: how often its interval misses the count,
// which may be at most 5 %; how often estimate ± 1.96 sd does, which must be what
// the noise says (with the planner 5 %, within a point, where the sd is 6 or more:
// below, a step of the lattice that the estimate lies on is more than that); and
// the mean of ((estimate − count)/sd)², which must be 1.
func Coverage(ctx context.Context, mechanism string, budget uint64, releases int) ([]Finding, error) {
	w := newWorld([]privacy.Dimension{tree("place", []int{3}, []int{1, 2, 5}), tree("sex", []int{3})}, []int{2, 1}, []int{1, 0}, []int{0, 0})
	y := make([]int64, len(w.cells(w.leaves())))
	for i := range y {
		y[i] = int64(i%4) * int64(i*i%61)
	}
	workers := runtime.GOMAXPROCS(0)
	parts, errs := make([]map[string]*tally, workers), make([]error, workers)
	var wg sync.WaitGroup
	for i := range workers {
		parts[i] = map[string]*tally{}
		wg.Go(func() {
			for j := i; j < releases && errs[i] == nil; j += workers {
				errs[i] = w.look(ctx, w.spec(mechanism, 1, budget), y, parts[i])
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	all := parts[0]
	for _, part := range parts[1:] {
		for cell, t := range part {
			if all[cell] == nil {
				all[cell] = &tally{expected: t.expected, coarse: t.coarse}
			}
			all[cell].add(t)
		}
	}
	tried := fmt.Sprintf("%s, budget %g, %d releases, %d cells", mechanism, float64(budget)/1e9, releases, len(all))
	return judgeCoverage(mechanism, tried, releases, all), nil
}

// A tally is what was seen of one cell.
type tally struct {
	n, misses, beyond int     // beyond: estimate ± 1.96 sd
	square            float64 // Σ((estimate − count)/sd)²
	expected          float64 // share of beyond; 0 where only that of the normal distribution is known
	coarse            bool    // the sd is small beside a step of the lattice
}

func (t *tally) add(o *tally) {
	t.n, t.misses, t.beyond, t.square = t.n+o.n, t.misses+o.misses, t.beyond+o.beyond, t.square+o.square
}

func (w *world) look(ctx context.Context, s privacy.Spec, y []int64, into map[string]*tally) error {
	r, err := release(ctx, s, w.rowsOf(y))
	if err != nil {
		return err
	}
	for _, table := range w.tables {
		counts := w.count(y, table.Levels)
		c, err := r.Cells(table.Name)
		if err != nil {
			return err
		}
		for i, count := range counts {
			at := fmt.Sprintf("table %v cell %d", table.Levels, i)
			t := into[at]
			if t == nil {
				t = &tally{coarse: s.Mechanism == plan.PlannerMechanism && c.SD[i] < 6}
				if s.Mechanism == plan.LaplaceMechanism {
					n, err := r.Noise(table.Name, i)
					if err != nil {
						return err
					}
					t.expected = n.P(math.Floor(1.96*c.SD[i]) + 1)
				}
				into[at] = t
			}
			z := (c.Estimate[i] - float64(count)) / c.SD[i]
			one := tally{n: 1, square: z * z}
			if count < c.Low[i] || count > c.High[i] {
				one.misses = 1
			}
			if math.Abs(z) > 1.96 {
				one.beyond = 1
			}
			t.add(&one)
		}
	}
	return nil
}

func judgeCoverage(mechanism, tried string, releases int, all map[string]*tally) []Finding {
	const point = 0.01
	most := mostMisses(releases, 0.05)
	misses := Finding{Check: "coverage", Tried: tried, Statistic: "share of intervals that miss, worst cell",
		Bound: float64(most) / float64(releases), FalseAlarm: missAlarm * float64(len(all))}
	beyond := Finding{Check: "coverage", Tried: tried, Statistic: "estimate ± 1.96 sd, |z| of the misses, worst cell", Bound: zLimit, FalseAlarm: zAlarm * float64(len(all))}
	scale := Finding{Check: "coverage", Tried: tried, Statistic: "|z| of the mean ((estimate − count)/sd)², worst", Bound: zLimit, FalseAlarm: zAlarm}
	pool, judged := tally{}, false
	// A mean of n squares of Laplace noise has the variance of a χ² of 0.4n degrees.
	off := func(t *tally, degrees float64) float64 {
		df := degrees * float64(t.n)
		return math.Abs(chiSquareZ(t.square*degrees, df))
	}
	for at, t := range all {
		misses.most(float64(t.misses)/float64(t.n), at)
		low, high := 0.05-point, 0.05+point
		if t.expected > 0 {
			low, high = t.expected, t.expected
		}
		if !t.coarse {
			beyond.most(max(-binomialZ(t.beyond, t.n, low), binomialZ(t.beyond, t.n, high)), at)
			judged = true
		}
		pool.add(t)
		if mechanism == plan.PlannerMechanism {
			scale.most(off(t, 1), at)
		}
	}
	if mechanism == plan.LaplaceMechanism { // long tails: all cells together; their noise is independent
		scale.most(off(&pool, 0.4), "all cells")
	} else {
		scale.FalseAlarm *= float64(len(all))
	}
	if !judged {
		return []Finding{misses, scale}
	}
	return []Finding{misses, beyond, scale}
}

// most takes a figure of one cell in.
func (f *Finding) most(v float64, at string) {
	if v > f.Value {
		f.Value = v
		if v > f.Bound {
			f.Failure = at
		}
	}
}

// mostMisses is the largest k that n tries of probability p reach with
// probability missAlarm or more.
func mostMisses(n int, p float64) int {
	k := int(p * float64(n))
	for k < n && mathext.RegIncBeta(float64(k+1), float64(n-k), p) >= missAlarm {
		k++
	}
	return k
}
