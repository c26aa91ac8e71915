package plan

import (
	"fmt"
	"slices"

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
		var next []uint64
		groups := slices.Clone(g.trees[d].group[l])
		slices.Sort(groups)
		for _, c := range slices.Compact(groups) {
			for _, p := range out {
				next = append(next, p*c*(c-1))
			}
		}
		slices.Sort(next)
		out = slices.Compact(next)
	}
	return out
}

// Each calls do for every cell of measurement k, in row-major order, with the
// variance of its noise; ok is false where nothing is measured.
func (s *Scales) Each(k int, do func(cell int, v noise.Gaussian, ok bool)) {
	s.g.eachCell(k, func(cell int, _, d uint64) {
		v, ok := s.of[k][d]
		do(cell, v, ok)
	})
}

// A Reconstruction computes estimates from sealed integers. It is a pure
// function of them.
type Reconstruction struct {
	g *Geometry
	r [][]float64 // residual of every measurement
}

// Reconstruct takes T+Z of every measurement, row-major.
func (g *Geometry) Reconstruct(noisy [][]int64) (*Reconstruction, error) {
	if len(noisy) != len(g.parts) {
		return nil, fmt.Errorf("plan: %d lists of numbers for %d measurements", len(noisy), len(g.parts))
	}
	rec := &Reconstruction{g: g}
	for k, a := range g.parts {
		_, cells := g.strides(a)
		if len(noisy[k]) != cells {
			return nil, fmt.Errorf("plan: measurement %d has %d numbers, want %d", k, len(noisy[k]), cells)
		}
		r := make([]float64, cells)
		for i, v := range noisy[k] {
			r[i] = float64(v)
		}
		residual(g, k, r)
		g.eachCell(k, func(cell int, n, d uint64) {
			if d == 0 {
				r[cell] = 0
				return
			}
			r[cell] /= float64(n) * float64(n)
		})
		rec.r = append(rec.r, r)
	}
	return rec, nil
}

// Table returns the estimates of table i, row-major: Σ_{a≤B} u(b,a)·r̂_a[anc_a b].
// They are unbiased and add up over all tables and levels.
func (r *Reconstruction) Table(i int) []float64 {
	b := r.g.tables[i]
	_, cells := r.g.strides(b)
	out := make([]float64, cells)
	for k, a := range r.g.parts {
		if domain.Below(a, b) {
			r.g.spread(a, b, false).add(out, r.r[k])
		}
	}
	return out
}

// A spreading takes numbers of a coarse tuple's cells to those of a finer one.
type spreading struct {
	anc    [][]uint32  // per dimension: fine node → coarse node
	weight [][]float64 // per dimension: fine node → weight
	size   []int       // per dimension: coarse nodes
}

// spread has the weights u(b, a), or their squares.
func (g *Geometry) spread(a, b []int, squared bool) spreading {
	var s spreading
	for d := range a {
		anc, w := g.trees[d].climb(b[d], a[d])
		if squared {
			for j := range w {
				w[j] *= w[j]
			}
		}
		s.anc, s.weight, s.size = append(s.anc, anc), append(s.weight, w), append(s.size, g.trees[d].size[a[d]])
	}
	return s
}

// add adds the spread numbers to out.
func (s spreading) add(out, from []float64) {
	if len(s.anc) == 0 {
		out[0] += from[0]
		return
	}
	s.walk(out, from, 0, 0, 0, 1)
}

// walk returns the place in out behind the block that it has filled.
func (s spreading) walk(out, from []float64, dim, at, coarse int, w float64) int {
	anc, weight, size := s.anc[dim], s.weight[dim], s.size[dim]
	if dim == len(s.anc)-1 {
		row := from[coarse*size : (coarse+1)*size]
		for j, u := range anc {
			out[at+j] += w * weight[j] * row[u]
		}
		return at + len(anc)
	}
	for j, u := range anc {
		at = s.walk(out, from, dim+1, at, coarse*size+int(u), w*weight[j])
	}
	return at
}

// Variance returns the variances of the estimates of table i, row-major:
// Σ_{a≤B} (s/N²)·∏_{a_i>0}(1−1/c_i)·u(b,a)².
func (s *Scales) Variance(i int) []float64 {
	g, b := s.g, s.g.tables[i]
	_, cells := g.strides(b)
	out := make([]float64, cells)
	for k, a := range g.parts {
		if !domain.Below(a, b) {
			continue
		}
		_, n := g.strides(a)
		q := make([]float64, n)
		// ∏(1−1/c)/N² is D/N³: ∏c(c−1)/c² = ∏(1−1/c) = D/N².
		g.eachCell(k, func(cell int, n, d uint64) {
			if v, ok := s.of[k][d]; ok {
				nn := float64(n) * float64(n)
				q[cell] = v.Parameter() / nn * (float64(d) / nn)
			}
		})
		g.spread(a, b, true).add(out, q)
	}
	return out
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
