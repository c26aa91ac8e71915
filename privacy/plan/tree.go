package plan

import (
	"slices"

	"halftone/privacy/domain"
)

// A tree is a dimension contracted to the levels that some table uses. Level 0
// is the root.
type tree struct {
	level  []int      // level of the dimension
	size   []int      // nodes
	parent [][]uint32 // node → node of the level above; nil at the root
	group  [][]uint64 // node → c: how many share its parent; 1 at the root
	runs   [][]run    // nodes in a row that have one c
	phi    [][]float64
	class  [][]uint32 // node → node of shape
	shape  *tree      // what the noise depends on; nil in a shape itself
}

// A run is the nodes lo to hi−1, with what they bring to N and D of a block.
type run struct {
	lo, hi int
	n, d   uint64 // c and c(c−1); 1 and 1 at the root
}

// contract keeps the root and the given levels.
func contract(d domain.Dimension, levels []int) tree {
	keep := append([]int{0}, levels...)
	slices.Sort(keep)
	keep = slices.Compact(keep)
	var t tree
	for i, l := range keep {
		n := len(d.Levels[l].Codes)
		t.level, t.size = append(t.level, l), append(t.size, n)
		group := make([]uint64, n)
		if i == 0 {
			t.parent, t.group = append(t.parent, nil), append(t.group, []uint64{1})
			continue
		}
		up := d.Climb(l, keep[i-1])
		kids := make([]uint64, t.size[i-1])
		for _, p := range up {
			kids[p]++
		}
		for j, p := range up {
			group[j] = kids[p]
		}
		t.parent, t.group = append(t.parent, up), append(t.group, group)
	}
	t.class, t.shape = t.classes()
	t.runs, t.shape.runs = t.split(), t.shape.split()
	t.phi = make([][]float64, len(keep))
	for a := range keep {
		t.phi[a] = make([]float64, len(keep))
		for b := a; b < len(keep); b++ {
			t.phi[a][b] = t.meanWeight(a, b)
		}
	}
	return t
}

// classes merges the nodes of a level that have the same c on every level down to
// them: variances cannot tell them apart. A class has a class as its parent.
func (t tree) classes() (class [][]uint32, shape *tree) {
	class, shape = [][]uint32{{0}}, &tree{level: t.level, size: []int{1}, parent: [][]uint32{nil}, group: [][]uint64{{1}}}
	type key struct {
		above uint32
		c     uint64
	}
	for l := 1; l < len(t.size); l++ {
		seen := map[key]uint32{}
		of := make([]uint32, t.size[l])
		var parent []uint32
		var group []uint64
		for j, p := range t.parent[l] {
			k := key{class[l-1][p], t.group[l][j]}
			u, ok := seen[k]
			if !ok {
				u = uint32(len(seen))
				seen[k] = u
				parent, group = append(parent, k.above), append(group, k.c)
			}
			of[j] = u
		}
		class = append(class, of)
		shape.size, shape.parent, shape.group = append(shape.size, len(seen)), append(shape.parent, parent), append(shape.group, group)
	}
	return class, shape
}

// split lists the runs of every level.
func (t tree) split() [][]run {
	out := [][]run{{{0, 1, 1, 1}}}
	for _, group := range t.group[1:] {
		var runs []run
		for j, c := range group {
			if j > 0 && c == group[j-1] {
				runs[len(runs)-1].hi++
				continue
			}
			runs = append(runs, run{j, j + 1, c, c * (c - 1)})
		}
		out = append(out, runs)
	}
	return out
}

// climb returns, for each node of level b, its ancestor at level a ≤ b and the
// product of 1/c on the way from below a down to it.
func (t tree) climb(b, a int) (anc []uint32, spread []float64) {
	anc, spread = make([]uint32, t.size[b]), make([]float64, t.size[b])
	for j := range anc {
		node, f := uint32(j), 1.0
		for l := b; l > a; l-- {
			f /= float64(t.group[l][node])
			node = t.parent[l][node]
		}
		anc[j], spread[j] = node, f
	}
	return anc, spread
}

// meanWeight is φ(a, b) of 10-privacy: the mean over the nodes j of level b of
// (1 − 1/c(anc_a j))² · spread², the first factor 1 for a = 0.
func (t tree) meanWeight(a, b int) float64 {
	sum := 0.0
	w := t.weights(a, b)
	for _, x := range w {
		sum += x
	}
	return sum / float64(len(w))
}

// weights are what φ(a, b) is the mean of, one a node of level b.
func (t tree) weights(a, b int) []float64 {
	anc, spread := t.climb(b, a)
	out := make([]float64, len(anc))
	for j, u := range anc {
		p := 1.0
		if a > 0 {
			p = 1 - 1/float64(t.group[a][u])
		}
		out[j] = float64(p * p * spread[j] * spread[j])
	}
	return out
}

// alone reports whether every sibling group of level a has one member: then
// nothing is left to measure there.
func (t tree) alone(a int) bool {
	return a > 0 && slices.Max(t.group[a]) == 1
}

// subtract replaces the entries y of a table that has n nodes of level a in this
// dimension, runs of stride entries each, by c·y − Σ of y over the siblings.
func subtract[T int64 | float64](t tree, a int, y []T, stride int) {
	if a == 0 {
		return
	}
	n, parents := t.size[a], t.size[a-1]
	sums := make([]T, parents*stride)
	for lo := 0; lo < len(y); lo += n * stride {
		clear(sums)
		for j := range n {
			p := int(t.parent[a][j]) * stride
			for k, v := range y[lo+j*stride : lo+(j+1)*stride] {
				sums[p+k] += v
			}
		}
		for j := range n {
			p, c := int(t.parent[a][j])*stride, T(t.group[a][j])
			row := y[lo+j*stride : lo+(j+1)*stride]
			for k := range row {
				row[k] = T(c*row[k]) - sums[p+k] //nolint:unconvert // it rounds
			}
		}
	}
}
