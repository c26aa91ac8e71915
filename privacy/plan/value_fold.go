package plan

import (
	"cmp"
	"slices"

	"halftone/privacy/domain"
)

// A node is a table in a vector of all nodes; but for the first, its cells are
// added up from those of a finer node before it.
type node struct {
	levels   []int
	from     int
	at, size int        // where it stands in a vector
	place    [][]uint32 // per dimension: code of the first node → its part of the cell's index
	fold     fold       // from → this
}

// cells are those of n in a vector of all nodes.
func cells[T any](n node, v []T) []T { return v[n.at : n.at+n.size] }

// cell is the one that a cell of the first node is part of.
func (n *node) cell(code []int) int {
	k := uint32(0)
	for d, c := range code {
		k += n.place[d][c]
	}
	return int(k)
}

// link makes the nodes: the finest common table, the tables with more than one
// cell, and what it pays to add up on the way to them, from fine to coarse.
func link(dims []domain.Dimension, finest []int, tables []domain.Table) []node {
	size := func(levels []int) int {
		n, _ := domain.Cells(dims, levels) // no more than finest has
		return n
	}
	nodes := []node{{levels: finest, size: size(finest)}}
	for _, t := range tables {
		if n := size(t.Levels); n > 1 && !has(nodes, t.Levels) {
			nodes = append(nodes, node{levels: t.Levels, size: n})
		}
	}
	order(nodes)
	for {
		levels := detour(nodes, size)
		if levels == nil {
			break
		}
		nodes = append(nodes, node{levels: levels, size: size(levels)})
		order(nodes)
	}
	at := 0
	for i := range nodes {
		n := &nodes[i]
		n.at, at = at, at+n.size
		n.place = places(dims, finest, n.levels)
		if i > 0 {
			n.fold = newFold(places(dims, nodes[n.from].levels, n.levels))
		}
	}
	return nodes
}

func has(nodes []node, levels []int) bool {
	return slices.ContainsFunc(nodes, func(n node) bool { return slices.Equal(n.levels, levels) })
}

// order puts every node behind those that are finer and adds it up from the
// smallest of them.
func order(nodes []node) {
	depth := func(levels []int) (sum int) {
		for _, l := range levels {
			sum += l
		}
		return sum
	}
	slices.SortFunc(nodes[1:], func(a, b node) int {
		return cmp.Or(b.size-a.size, depth(b.levels)-depth(a.levels), slices.Compare(a.levels, b.levels))
	})
	for i := 1; i < len(nodes); i++ {
		nodes[i].from = 0
		for j := range i {
			if domain.Below(nodes[i].levels, nodes[j].levels) && nodes[j].size <= nodes[nodes[i].from].size {
				nodes[i].from = j
			}
		}
	}
}

// detour returns the levels of the new node, one level of another changed, that
// saves most additions because several can be added up from it, or nil. It must
// save half a pass over the finest common table; then there cannot be many.
func detour(nodes []node, size func([]int) int) (best []int) {
	most := nodes[0].size / 2
	for p, from := range nodes {
		var below [][]int
		for _, n := range nodes[1:] {
			if n.from == p {
				below = append(below, n.levels)
			}
		}
		if len(below)*from.size <= most {
			continue
		}
		for d, top := range from.levels {
			for l := range top {
				via := slices.Clone(from.levels)
				via[d] = l
				served := 0
				for _, b := range below {
					if domain.Below(b, via) {
						served++
					}
				}
				if saved := (served-1)*from.size - served*size(via); saved > most && !has(nodes, via) {
					most, best = saved, via
				}
			}
		}
	}
	return best
}

// places returns, for each dimension, what a code of level fine adds to the
// row-major index of the cell of a table with levels coarse.
func places(dims []domain.Dimension, fine, coarse []int) [][]uint32 {
	out, stride := make([][]uint32, len(dims)), uint32(1)
	for d := len(dims) - 1; d >= 0; d-- {
		out[d] = dims[d].Climb(fine[d], coarse[d])
		for i := range out[d] {
			out[d][i] *= stride
		}
		stride *= uint32(len(dims[d].Levels[coarse[d]].Codes))
	}
	return out
}

// A fold adds a table up to a coarser one. The fine table is cut into runs of one
// length that all fold in the same way, each from another place on.
type fold struct {
	run    int
	to     []int32 // run → where it begins in the coarse table
	copied bool    // a run goes to as many cells one behind the other; else
	within []int32 // the place of each cell of a run, counted from there; nil: all go to one
}

// Without an index inside, runs should have shortRun cells; with one, longRun, so
// that the lists of places stay small beside the tables.
const (
	shortRun = 16
	longRun  = 256
)

// newFold makes the fold of a table from the places of its codes.
func newFold(place [][]uint32) fold {
	f := fold{run: 1}
	d := len(place)
	for ; d > 0; d-- {
		copied, joined := true, true
		for i, u := range place[d-1] {
			copied, joined = copied && int(u) == i*f.run, joined && u == 0
		}
		if f.run > 1 {
			copied, joined = copied && f.copied, joined && !f.copied
		}
		if !copied && !joined {
			break
		}
		f.run, f.copied = f.run*len(place[d-1]), copied
	}
	if f.run < shortRun && d > 0 {
		f.run, f.copied = 1, false
		for d = len(place); d > 0 && f.run < longRun; d-- {
			f.run *= len(place[d-1])
		}
		f.within = offsets(place[d:])
	}
	f.to = offsets(place[:d])
	return f
}

// offsets are the sums of one place of each dimension, in row-major order.
func offsets(place [][]uint32) []int32 {
	out := []int32{0}
	for _, p := range place {
		next := make([]int32, 0, len(out)*len(p))
		for _, o := range out {
			for _, u := range p {
				next = append(next, o+int32(u))
			}
		}
		out = next
	}
	return out
}

// addTo adds the fine table to the coarse one.
func addTo[T int64 | float64](f *fold, coarse, fine []T) {
	for r, o := range f.to {
		run := fine[r*f.run:][:f.run]
		switch {
		case f.within != nil:
			to := coarse[o:]
			for j, u := range f.within[:len(run)] {
				to[u] += run[j]
			}
		case f.copied:
			to := coarse[o:][:len(run)]
			for j, v := range run {
				to[j] += v
			}
		default:
			sum := T(0)
			for _, v := range run {
				sum += v
			}
			coarse[o] += sum
		}
	}
}

// spreadTo adds to each cell of the fine table the cell of the coarse one that it
// is part of: the transpose of addTo.
func spreadTo(f *fold, fine, coarse []float64) {
	for r, o := range f.to {
		run := fine[r*f.run:][:f.run]
		switch {
		case f.within != nil:
			from := coarse[o:]
			for j, u := range f.within[:len(run)] {
				run[j] += from[u]
			}
		case f.copied:
			for j, v := range coarse[o:][:len(run)] {
				run[j] += v
			}
		default:
			v := coarse[o]
			for j := range run {
				run[j] += v
			}
		}
	}
}

// addUp fills all nodes of v from the first.
func addUp[T int64 | float64](f *Fitting, v []T) {
	clear(v[f.nodes[0].size:])
	for i := 1; i < len(f.nodes); i++ {
		n := &f.nodes[i]
		addTo(&n.fold, cells(*n, v), cells(f.nodes[n.from], v))
	}
}

// gather is the transpose: to each cell of the first node it adds the cells of
// all others that it is part of. What it leaves in those has no meaning.
func gather(f *Fitting, v []float64) {
	for i := len(f.nodes) - 1; i > 0; i-- {
		n := &f.nodes[i]
		spreadTo(&n.fold, cells(f.nodes[n.from], v), cells(*n, v))
	}
}
