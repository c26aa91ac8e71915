package normalize

import (
	"slices"

	"halftone/pipeline/codelist"
	"halftone/privacy"
)

// What becomes of totals.
const (
	totalsDrop  = "drop"
	totalsCheck = "check"
	totalsRest  = "rest"
)

// maxGrains is far above any chain: one more than the levels of all dimensions.
const maxGrains = 64

// leftOut stands for the level of a dimension that a grain leaves out: the root.
const leftOut = 0

// levels gives the level of each dimension of m in a grain, leftOut where it
// has none.
func (m Mapping) levels(g Grain) []int {
	out := make([]int, len(m.Dimensions))
	for i, d := range m.Dimensions {
		for _, l := range g {
			if l.Dimension == d.Name {
				out[i] = d.level(l.Level)
			}
		}
	}
	return out
}

// level finds a level of the code list, "" being the finest; leftOut when there
// is none of that name below the root.
func (d Dimension) level(name string) int {
	if name == "" {
		return max(leftOut, len(d.List.Levels)-1) // a list that could not be read has none
	}
	return max(leftOut, slices.Index(d.List.Levels, name))
}

// named gives a grain in canonical form: in the order of dimensions, every
// level by name.
func (m Mapping) named(g Grain) Grain {
	out := Grain{}
	for i, l := range m.levels(g) {
		if l != leftOut {
			out = append(out, Level{m.Dimensions[i].Name, m.Dimensions[i].List.Levels[l]})
		}
	}
	return out
}

// Levels gives, for each dimension, the level of its code list that the counted
// rows of m are at by declaration: 0, the root, where it is not mapped or the grain
// leaves it out.
func (m Mapping) Levels() []int {
	out := make([]int, len(m.Dimensions))
	for i, d := range m.Dimensions {
		if code, ok := d.constant(); !ok || code != privacy.Total {
			out[i] = d.level("")
		}
	}
	if len(m.Grains) > 0 {
		out = m.levels(m.Grains[0])
	}
	return out
}

// RollUp gives the code of a level that a leaf code lies in. A code that is not of
// the list stays as it is.
func RollUp(l codelist.List, level int) func(leaf string) string {
	t := newCodes(l)
	return func(leaf string) string {
		if c, ok := t.number[leaf]; ok {
			return t.codes[t.at(c, level)]
		}
		return leaf
	}
}

// counting are the grains of which rows reach the cube.
func (m Mapping) counting() []Grain {
	if m.Totals.Use == totalsRest {
		return m.Grains
	}
	return m.Grains[:min(1, len(m.Grains))]
}

// grainUnknowns adds the codes of d that need a child _U where m has grains.
func (m Mapping) grainUnknowns(d Dimension, parents map[string]bool) {
	t := newCodes(d.List)
	at := slices.IndexFunc(m.Dimensions, func(o Dimension) bool { return o.Name == d.Name })
	for _, g := range m.counting() {
		level := m.levels(g)[at]
		for number, code := range t.codes {
			leaf, parent, _ := d.List.Leaf(code)
			if parent != "" && leaf != code && t.fits(uint32(number), level) {
				parents[parent] = true
			}
		}
		for _, r := range d.Rules {
			for _, code := range r.declared() {
				if leaf, parent, ok := d.List.Leaf(code); ok && parent != "" && leaf == code && t.fits(t.number[code], level) {
					parents[parent] = true
				}
			}
		}
	}
}

// A codes numbers all codes that rows of a dimension may have: those of the
// list, and a child _U of each that has codes below it.
type codes struct {
	codes  []string
	number map[string]uint32
	depth  []int    // of a code's level; of a child _U, one below its parent's
	parent []uint32 // of the root, itself
	above  []bool   // it has codes below it
}

func newCodes(l codelist.List) *codes {
	t := &codes{number: map[string]uint32{}}
	level := map[string]int{}
	for i, name := range l.Levels {
		level[name] = i
	}
	add := func(code string, depth int, above bool) {
		t.number[code] = uint32(len(t.codes))
		t.codes, t.depth, t.above = append(t.codes, code), append(t.depth, depth), append(t.above, above)
	}
	for _, e := range l.Entries {
		add(e.Code, level[e.Level], !l.IsLeaf(e.Code))
	}
	for _, e := range l.Entries {
		if unknown, parent, _ := l.Leaf(e.Code); parent == e.Code {
			if _, given := t.number[unknown]; !given {
				add(unknown, level[e.Level]+1, false)
			}
		}
	}
	for i, code := range t.codes {
		parent := uint32(i)
		if path := l.Path(code); len(path) > 1 {
			parent = t.number[path[1]]
		}
		t.parent = append(t.parent, parent)
	}
	return t
}

// at gives the code of a level that c lies in. A code without codes below it
// stands for itself at finer levels, and so does a child _U: not said where in
// its parent is all that is known of it there too.
func (t *codes) at(c uint32, level int) uint32 {
	for t.depth[t.parent[c]] >= level && t.parent[c] != c {
		c = t.parent[c]
	}
	return c
}

// fits reports whether rows of a code are of a grain with that level of the
// dimension: at _T where the grain leaves it out.
func (t *codes) fits(c uint32, level int) bool {
	if level == leftOut {
		return t.parent[c] == c
	}
	return t.parent[c] != c && t.at(c, level) == c && (!t.above[c] || t.depth[c] >= level)
}

// A graded dimension knows of each code of which grains it is.
type graded struct {
	*codes
	leaf []uint32   // where rows of a code are counted
	fits []uint64   // bit g: rows of the code may be of grain g
	up   [][]uint32 // by grain: the code of that grain that a code lies in
}

// noLeaf marks a code of which no rows are counted.
const noLeaf = ^uint32(0)

// A grading tells parts, totals and other breakdowns apart.
type grading struct {
	totals   Totals
	grains   uint64 // a bit for each
	dims     []graded
	chain    []*totals // of each grain but the first
	codes    []uint32  // of the row at hand, as they are counted
	finished TotalsReport
}

func (n *Normalizer) compileGrains() {
	if n.m.Grains == nil {
		return
	}
	g := &grading{totals: n.m.Totals, grains: 1<<len(n.m.Grains) - 1, codes: make([]uint32, len(n.m.Dimensions))}
	var sizes []int
	for i, dim := range n.rules.dims {
		d := graded{codes: dim.graded}
		for c, code := range d.codes.codes {
			leaf, _, _ := dim.list.Leaf(code)
			at, ok := dim.leaves[leaf]
			if !ok {
				at = noLeaf
			}
			d.leaf = append(d.leaf, at)
			fits := uint64(0)
			for k, grain := range n.m.Grains {
				if d.codes.fits(uint32(c), n.m.levels(grain)[i]) {
					fits |= 1 << k
				}
			}
			d.fits = append(d.fits, fits)
		}
		for _, grain := range n.m.Grains {
			var up []uint32
			for c := range d.codes.codes {
				up = append(up, d.at(uint32(c), n.m.levels(grain)[i]))
			}
			d.up = append(d.up, up)
		}
		g.dims, sizes = append(g.dims, d), append(sizes, len(d.codes.codes))
	}
	if g.totals.Use == totalsCheck || g.totals.Use == totalsRest {
		for range n.m.Grains[1:] {
			g.chain = append(g.chain, newTotals(sizes))
		}
	}
	n.grades = g
}

// grade ends a row at its grain: the first that it fits.
func (n *Normalizer) grade(period uint32, codes []uint32, v int64, s Status, at spot, out *batch) {
	g := n.grades
	fits := g.grains
	for d, c := range codes {
		fits &= g.dims[d].fits[c]
	}
	switch {
	case fits == 0:
		n.tally.ended[endOther]++
	case n.zeros != nil && (fits&1 == 1 || g.totals.Use == totalsRest) && n.zeros.hold(n.leaves(codes)):
		n.nobody(at)
	case fits&1 == 1:
		n.tally.ended[endCounted]++
		n.tally.count(period)
		n.add(period, codes, v, s, at, out)
		if len(g.chain) > 0 {
			n.part(0, period, codes, v, s, at)
		}
	default:
		n.tally.ended[endTotal]++
		if g.totals.Use == totalsRest {
			n.tally.count(period)
		}
		if len(g.chain) > 0 {
			n.total(fits, period, codes, v, s, at)
		}
	}
}

// add puts a row at its leaves.
func (n *Normalizer) add(period uint32, codes []uint32, v int64, s Status, at spot, out *batch) {
	out.add(period, n.leaves(codes), v, s, at)
}

// leaves are where rows of these codes are counted, until the next call.
func (n *Normalizer) leaves(codes []uint32) []uint32 {
	for d, c := range codes {
		n.grades.codes[d] = n.grades.dims[d].leaf[c]
	}
	return n.grades.codes
}

// gradeHeld ends the rows that waited for others with the same key.
func (n *Normalizer) gradeHeld(held *batch) *batch {
	out := n.newBatch(len(held.value))
	codes := make([]uint32, len(held.codes))
	for i, v := range held.value {
		for d := range codes {
			codes[d] = held.codes[d][i]
		}
		if n.person != nil {
			n.who = held.who[i]
		}
		n.grade(held.period[i], codes, v, held.status[i], spot{held.file[i], held.row[i]}, out)
	}
	return out
}

// root reports whether the dimension is only ever at one code by its rules:
// that code, or _T where it is not mapped.
func (d Dimension) constant() (code string, ok bool) {
	if len(d.Rules) == 0 {
		return privacy.Total, true
	}
	for i, r := range d.Rules {
		if r.Const == "" || i > 0 && r.Const != code {
			return "", false
		}
		code = r.Const
	}
	return code, true
}
