package plan

import "slices"

// Published numbers must be the same bytes on every platform. Go may fuse x·y + z
// into one rounding where the processor can, so every product that is added to
// something is written float64(x*y) in this package, and sums have one order.

// A descent adds up what all measurements below a table say of its cells,
// Σ_a u(b, a)·x_a[anc_a b], or with u². Dimension by dimension and level by level
// the sum so far is handed down to the next finer level, each node getting 1/c of
// its parent's, so that a cell costs a few operations however many measurements
// there are. Beside the table it needs room for one coarser level a dimension.
type descent struct {
	g       *Geometry
	table   []int
	squared bool                       // 1/c² instead
	add     func(k int, out []float64) // adds the numbers of measurement k
}

func (s descent) run() []float64 {
	_, cells := s.g.strides(s.table)
	out := make([]float64, cells)
	s.fill(make([]int, len(s.table)), len(s.table), out)
	return out
}

// fill adds to out, whose first n dimensions are at the table's levels and the
// others at those of at, all measurements at or above the former and at the latter.
func (s descent) fill(at []int, n int, out []float64) {
	if n == 0 {
		if k, ok := slices.BinarySearchFunc(s.g.parts, at, slices.Compare); ok {
			s.add(k, out)
		}
		return
	}
	n--
	stride, _ := s.g.strides(at) // that of n depends on later dimensions only
	rest := len(out) / s.g.trees[n].size[s.table[n]]
	var above []float64
	for l := 0; l <= s.table[n]; l++ {
		at[n] = l
		here := out
		if l < s.table[n] {
			here = make([]float64, rest*s.g.trees[n].size[l])
		}
		if l > 0 {
			s.down(here, above, s.g.trees[n], l, stride[n])
		}
		s.fill(at, n, here)
		above = here
	}
}

// down adds to the numbers of level l what comes from the level above.
func (s descent) down(out, above []float64, t tree, l, stride int) {
	for len(out) > 0 {
		for j, p := range t.parent[l] {
			c := float64(t.group[l][j])
			if s.squared {
				c *= c
			}
			from := above[int(p)*stride:][:stride]
			for k := range from {
				out[j*stride+k] += from[k] / c
			}
		}
		out, above = out[t.size[l]*stride:], above[t.size[l-1]*stride:]
	}
}

// unfold takes numbers by class to the cells of table b.
func (g *Geometry) unfold(b []int, v []float64) []float64 {
	stride := 1
	for d := len(b) - 1; d >= 0; d-- {
		t, l := g.trees[d], b[d]
		block := t.shape.size[l] * stride
		out := make([]float64, 0, len(v)/t.shape.size[l]*t.size[l])
		for ; len(v) > 0; v = v[block:] {
			for _, u := range t.class[l] {
				out = append(out, v[int(u)*stride:][:stride]...)
			}
		}
		v, stride = out, stride*t.size[l]
	}
	return v
}
