package audit

import (
	"fmt"
	"math/big"
	"slices"

	"halftone/privacy"
)

// A world is dimensions and tables, with the definitions of 10-privacy written
// out over full matrices: slow, exact, and apart from the code under audit.
type world struct {
	dims   []privacy.Dimension
	tables []privacy.Table
	used   [][]int // per dimension: levels that a table uses, and the root
}

func newWorld(dims []privacy.Dimension, levels ...[]int) *world {
	w := &world{dims: dims}
	for i, l := range levels {
		w.tables = append(w.tables, privacy.Table{Name: fmt.Sprint("t", i), Levels: l})
	}
	for d := range dims {
		used := []int{0}
		for _, l := range levels {
			used = append(used, l[d])
		}
		slices.Sort(used)
		w.used = append(w.used, slices.Compact(used))
	}
	return w
}

// tree is a dimension; sizes[l] are the children of the nodes of level l.
func tree(name string, sizes ...[]int) privacy.Dimension {
	dim := privacy.Dimension{Name: name, Levels: []privacy.Level{{Name: "all", Codes: []string{privacy.Total}}}}
	for l, kids := range sizes {
		lv := privacy.Level{Name: fmt.Sprint("level", l+1)}
		for parent, n := range kids {
			for range n {
				lv.Codes = append(lv.Codes, fmt.Sprint(len(lv.Codes)))
				lv.Parent = append(lv.Parent, uint32(parent))
			}
		}
		dim.Levels = append(dim.Levels, lv)
	}
	return dim
}

// randomWorld has up to three dimensions of up to three levels below the root,
// sibling groups of 1 to 5, at most 60 leaf cells, and up to five tables.
func randomWorld(pick Pick) *world {
	var dims []privacy.Dimension
	room := 60
	for d := range 1 + pick(3) {
		var sizes [][]int
		nodes := 1
		for range 1 + pick(3) {
			kids, sum := make([]int, nodes), 0
			for i := range kids {
				kids[i] = 1 + pick(max(1, min(5, room-sum-(nodes-1-i))))
				sum += kids[i]
			}
			if sum > room {
				break
			}
			sizes, nodes = append(sizes, kids), sum
		}
		dims = append(dims, tree(fmt.Sprint("d", d), sizes...))
		room /= nodes
	}
	var levels [][]int
	for range 1 + pick(5) {
		l := make([]int, len(dims))
		for d := range l {
			l[d] = pick(len(dims[d].Levels))
		}
		levels = append(levels, l)
	}
	return newWorld(dims, levels...)
}

// up is the ancestor at level to.
func (w *world) up(d, from, node, to int) int {
	for l := from; l > to; l-- {
		node = int(w.dims[d].Levels[l].Parent[node])
	}
	return node
}

// siblings are the nodes of level l, a used one, that share node's ancestor at
// the used level above.
func (w *world) siblings(d, l, node int) (group []int) {
	if l == 0 {
		return []int{0}
	}
	above := w.used[d][slices.Index(w.used[d], l)-1]
	mine := w.up(d, l, node, above)
	for j := range w.dims[d].Levels[l].Codes {
		if w.up(d, l, j, above) == mine {
			group = append(group, j)
		}
	}
	return group
}

// cells lists the cells of a tuple of levels, row-major.
func (w *world) cells(levels []int) [][]int {
	out := [][]int{{}}
	for d, l := range levels {
		var next [][]int
		for _, c := range out {
			for j := range w.dims[d].Levels[l].Codes {
				next = append(next, append(slices.Clone(c), j))
			}
		}
		out = next
	}
	return out
}

func (w *world) leaves() []int {
	l := make([]int, len(w.dims))
	for d := range l {
		l[d] = len(w.dims[d].Levels) - 1
	}
	return l
}

func (w *world) ancestor(from, cell, to []int) []int {
	out := make([]int, len(cell))
	for d := range cell {
		out[d] = w.up(d, from[d], cell[d], to[d])
	}
	return out
}

func below(a, b []int) bool {
	for d := range a {
		if a[d] > b[d] {
			return false
		}
	}
	return true
}

// measurements are the tuples of used levels that are nowhere finer than some
// table and have a sibling group of two or more in every dimension that counts.
func (w *world) measurements() (out [][]int) {
	all := [][]int{{}}
	for d := range w.dims {
		var next [][]int
		for _, a := range all {
			for _, l := range w.used[d] {
				next = append(next, append(slices.Clone(a), l))
			}
		}
		all = next
	}
	for _, a := range all {
		wanted := slices.ContainsFunc(w.tables, func(t privacy.Table) bool { return below(a, t.Levels) })
		for d, l := range a {
			many := l == 0
			for j := range w.dims[d].Levels[l].Codes {
				many = many || len(w.siblings(d, l, j)) > 1
			}
			wanted = wanted && many
		}
		if wanted {
			out = append(out, a)
		}
	}
	return out
}

// entry is the row of ⊗(c·I − 11ᵀ) of cell z of measurement a, at the cell u of
// the same levels; 0 where they are in different blocks.
func (w *world) entry(a, z, u []int) int64 {
	v := int64(1)
	for d, l := range a {
		if l == 0 {
			continue
		}
		group := w.siblings(d, l, u[d])
		switch {
		case !slices.Contains(group, z[d]):
			return 0
		case z[d] == u[d]:
			v *= int64(len(group)) - 1
		default:
			v = -v
		}
	}
	return v
}

// matrix maps leaf cells to what measurement a measures.
func (w *world) matrix(a []int) [][]int64 {
	leaf := w.leaves()
	leaves := w.cells(leaf)
	var rows [][]int64
	for _, z := range w.cells(a) {
		row := make([]int64, len(leaves))
		for i, k := range leaves {
			row[i] = w.entry(a, z, w.ancestor(leaf, k, a))
		}
		rows = append(rows, row)
	}
	return rows
}

// block returns N and D of the block of a that cell u is in.
func (w *world) block(a, u []int) (n, d int64) {
	n, d = 1, 1
	for i, l := range a {
		if l > 0 {
			c := int64(len(w.siblings(i, l, u[i])))
			n, d = n*c, d*c*(c-1)
		}
	}
	return n, d
}

// weight is the coefficient of what measurement a measures at z in the estimate
// of cell b of a table: ⊗(c·I − 11ᵀ)/N², spread evenly over the levels between.
func (w *world) weight(a, z, table, b []int) *big.Rat {
	if !below(a, table) {
		return new(big.Rat)
	}
	u := w.ancestor(table, b, a)
	e := w.entry(a, z, u)
	if e == 0 {
		return new(big.Rat)
	}
	n, _ := w.block(a, u)
	f := big.NewRat(e, n*n)
	for d := range a {
		for i := len(w.used[d]) - 1; i > 0; i-- {
			if l := w.used[d][i]; l > a[d] && l <= table[d] {
				f.Mul(f, big.NewRat(1, int64(len(w.siblings(d, l, w.up(d, table[d], b[d], l))))))
			}
		}
	}
	return f
}

// count adds leaf counts up to a tuple of levels.
func (w *world) count(y []int64, levels []int) []int64 {
	leaf := w.leaves()
	at := map[string]int{}
	for i, c := range w.cells(levels) {
		at[fmt.Sprint(c)] = i
	}
	out := make([]int64, len(at))
	for i, k := range w.cells(leaf) {
		out[at[fmt.Sprint(w.ancestor(leaf, k, levels))]] += y[i]
	}
	return out
}

// spec makes a world a spec of one source that adds m to a period, all in figures
// that move by 1.
func (w *world) spec(mechanism string, m int64, budget uint64) privacy.Spec {
	s := privacy.Spec{Dataset: "made-up", Series: 1, Measure: "flow", Unit: "person", Every: "year",
		Dimensions: w.dims, Tables: w.tables, Editions: 1, Mechanism: mechanism,
		Sources: []privacy.Source{{Name: "a", PerPeriod: m, Periods: 1, Sensitivity: 1}}}
	s.Budget = privacy.Budget{NanoEpsilon: budget, NanoRho: budget, Delta: 1e-6}
	return s
}
