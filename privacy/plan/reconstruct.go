package plan

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"halftone/privacy/domain"
	"halftone/privacy/noise"
)

// Scales are the noise variances of one plan: measurement and D → s. Cells of a
// measurement differ only by D.
type Scales struct {
	g  *Geometry
	of []map[uint64]noise.Gaussian
}

// Scales returns the noise of measurements whose parts of the budget are rho, for
// people who change the leaf cells of a period by at most m (L1).
func (g *Geometry) Scales(m int64, rho []uint64) (*Scales, error) {
	if len(rho) != len(g.parts) {
		return nil, fmt.Errorf("plan: %d parts of the budget for %d measurements", len(rho), len(g.parts))
	}
	s := &Scales{g: g, of: make([]map[uint64]noise.Gaussian, len(rho))}
	for k, a := range g.parts {
		s.of[k] = map[uint64]noise.Gaussian{}
		for _, d := range g.products(a) {
			if d == 0 {
				continue
			}
			var err error
			if s.of[k][d], err = Noise(m, d, rho[k]); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// products are the different D of a tuple.
func (g *Geometry) products(a []int) []uint64 {
	out := []uint64{1}
	for d, l := range a {
		if l == 0 {
			continue
		}
		var own, next []uint64
		for _, r := range g.trees[d].runs[l] {
			own = append(own, r.d)
		}
		slices.Sort(own)
		for _, x := range slices.Compact(own) {
			for _, p := range out {
				next = append(next, p*x)
			}
		}
		slices.Sort(next)
		out = slices.Compact(next)
	}
	return out
}

// Runs calls do for the cells lo to hi−1 of measurement k, row-major, that have
// noise of one variance, in order. Cells in no run have nothing to measure.
func (s *Scales) Runs(k int, do func(lo, hi int, v noise.Gaussian)) {
	s.g.eachRun(k, func(lo, hi int, _, d uint64) {
		if v, ok := s.of[k][d]; ok {
			do(lo, hi, v)
		}
	})
}

// A Reconstruction computes estimates from sealed integers. It is a pure
// function of them.
type Reconstruction struct {
	g *Geometry
	r [][]float64 // residual of every measurement
}

// Reconstruct takes T+Z of every measurement, row-major. It needs 8 bytes for
// each of them, and does nothing that spans more than one measurement.
func (g *Geometry) Reconstruct(noisy [][]int64) (*Reconstruction, error) {
	if len(noisy) != len(g.parts) {
		return nil, fmt.Errorf("plan: %d lists of numbers for %d measurements", len(noisy), len(g.parts))
	}
	for k, a := range g.parts {
		if _, cells := g.strides(a); len(noisy[k]) != cells {
			return nil, fmt.Errorf("plan: measurement %d has %d numbers, want %d", k, len(noisy[k]), cells)
		}
	}
	rec := &Reconstruction{g, make([][]float64, len(g.parts))}
	// Finest, and so mostly largest, first. Nothing depends on the order.
	var taken atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(g.parts)) {
		workers.Go(func() {
			for k := len(g.parts) - int(taken.Add(1)); k >= 0; k = len(g.parts) - int(taken.Add(1)) {
				rec.r[k] = g.smooth(k, noisy[k])
			}
		})
	}
	workers.Wait()
	return rec, nil
}

// smooth is r̂ = ⊗(c_i·I − 11ᵀ)(T+Z)/N² of measurement k.
func (g *Geometry) smooth(k int, noisy []int64) []float64 {
	r := make([]float64, len(noisy))
	for i, v := range noisy {
		r[i] = float64(v)
	}
	residual(g, k, r)
	g.eachRun(k, func(lo, hi int, n, _ uint64) { // 0 already where D is
		nn := float64(n) * float64(n)
		for i := lo; i < hi; i++ {
			r[i] /= nn
		}
	})
	return r
}

// Table returns the estimates of table i, row-major: Σ_{a≤B} u(b,a)·r̂_a[anc_a b].
// They are unbiased and add up over all tables and levels.
func (r *Reconstruction) Table(i int) []float64 {
	d := descent{g: r.g, table: r.g.tables[i], add: func(k int, out []float64) {
		for i, v := range r.r[k] {
			out[i] += v
		}
	}}
	return d.run()
}

// Variance returns the variances of the estimates of table i, row-major:
// Σ_{a≤B} (s/N²)·∏_{a_i>0}(1−1/c_i)·u(b,a)².
func (s *Scales) Variance(i int) []float64 { return s.g.unfold(s.g.tables[i], s.byClass(i)) }

// byClass has the variances of table i by the classes of its cells, row-major: each
// variance in the table at least once, and few of them.
func (s *Scales) byClass(i int) []float64 {
	g := s.g.shape
	d := descent{g: g, table: g.tables[i], squared: true, add: func(k int, out []float64) {
		// ∏(1−1/c) = ∏c(c−1)/c² = D/N².
		g.eachRun(k, func(lo, hi int, n, d uint64) {
			v, ok := s.of[k][d]
			if !ok {
				return
			}
			nn := float64(n) * float64(n)
			q := v.Parameter() / nn * (float64(d) / nn)
			for i := lo; i < hi; i++ {
				out[i] += float64(q)
			}
		})
	}}
	return d.run()
}

// Covariance of cell b of table i and cell c of table j, given as one node a
// dimension: Σ over a below both tables, where b and c lie in one block, of
// (s/N²)·∏_{a_i>0}(1[same node] − 1/c_i)·u(b,a)·u(c,a).
func (s *Scales) Covariance(i int, b []int, j int, c []int) float64 {
	g, sum := s.g, 0.0
	for k, a := range g.parts {
		if domain.Below(a, g.tables[i]) && domain.Below(a, g.tables[j]) {
			sum += s.shared(k, g.tables[i], b, g.tables[j], c)
		}
	}
	return sum
}

// shared is what measurement k adds to the covariance of two cells.
func (s *Scales) shared(k int, bi, b, ci, c []int) float64 {
	f, n, dd := 1.0, uint64(1), uint64(1)
	for d, l := range s.g.parts[k] {
		t := s.g.trees[d]
		x, u := t.up(bi[d], b[d], l)
		y, w := t.up(ci[d], c[d], l)
		f *= u * w
		if l == 0 {
			continue
		}
		if t.parent[l][x] != t.parent[l][y] {
			return 0
		}
		size := t.group[l][x]
		same := 0.0
		if x == y {
			same = 1
		}
		f *= same - 1/float64(size)
		n, dd = n*size, dd*size*(size-1)
	}
	v, ok := s.of[k][dd]
	if !ok {
		return 0
	}
	return f * v.Parameter() / (float64(n) * float64(n))
}

// up is the ancestor at level a of node j of level b, and the product of 1/c on
// the way.
func (t tree) up(b, j, a int) (node int, spread float64) {
	node, spread = j, 1
	for l := b; l > a; l-- {
		spread /= float64(t.group[l][node])
		node = int(t.parent[l][node])
	}
	return node, spread
}
