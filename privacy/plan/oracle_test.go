package plan

import (
	"math/big"
	"slices"

	"halftone/privacy/domain"
)

// oracle computes from the definitions of 10-privacy, in fractions and by looking
// at every pair of cells. It shares no code with the package.
type oracle struct {
	dims   []domain.Dimension
	keep   [][]int // per dimension: levels that tables use, the root first
	tables []domain.Table
	leaf   [][]int // all leaf cells, row-major
}

func newOracle(dims []domain.Dimension, tables []domain.Table) oracle {
	o := oracle{dims: dims, tables: tables}
	finest := make([]int, len(dims))
	for d := range dims {
		keep := []int{0}
		for l := 1; l < len(dims[d].Levels); l++ {
			if slices.ContainsFunc(tables, func(t domain.Table) bool { return t.Levels[d] == l }) {
				keep = append(keep, l)
			}
		}
		o.keep, finest[d] = append(o.keep, keep), len(dims[d].Levels)-1
	}
	o.leaf = o.cells(finest)
	return o
}

// cells of a tuple of levels, row-major.
func (o oracle) cells(levels []int) [][]int {
	out := [][]int{{}}
	for d, l := range levels {
		var next [][]int
		for _, c := range out {
			for j := range o.dims[d].Levels[l].Codes {
				next = append(next, append(slices.Clone(c), j))
			}
		}
		out = next
	}
	return out
}

func (o oracle) up(d, from, j, to int) int {
	for ; from > to; from-- {
		j = int(o.dims[d].Levels[from].Parent[j])
	}
	return j
}

// siblings are the nodes of level l that share j's ancestor at the kept level above.
func (o oracle) siblings(d, l, j int) (out []int) {
	above := o.keep[d][slices.Index(o.keep[d], l)-1]
	for i := range o.dims[d].Levels[l].Codes {
		if o.up(d, l, i, above) == o.up(d, l, j, above) {
			out = append(out, i)
		}
	}
	return out
}

// entry is the coefficient of cell y in row z of ⊗(c·I − 11ᵀ), both of the levels a.
func (o oracle) entry(a, z, y []int) int64 {
	v := int64(1)
	for d, l := range a {
		if l == 0 {
			continue
		}
		group := o.siblings(d, l, z[d])
		switch {
		case !slices.Contains(group, y[d]):
			return 0
		case z[d] == y[d]:
			v *= int64(len(group)) - 1
		default:
			v = -v
		}
	}
	return v
}

func (o oracle) climb(from, cell, to []int) []int {
	out := make([]int, len(cell))
	for d := range cell {
		out[d] = o.up(d, from[d], cell[d], to[d])
	}
	return out
}

// matrix has a row for each entry that measurement a releases, over leaf cells.
func (o oracle) matrix(a []int) (rows [][]int64) {
	finest := make([]int, len(a))
	for d := range a {
		finest[d] = len(o.dims[d].Levels) - 1
	}
	for _, z := range o.cells(a) {
		var row []int64
		for _, leaf := range o.leaf {
			row = append(row, o.entry(a, z, o.climb(finest, leaf, a)))
		}
		rows = append(rows, row)
	}
	return rows
}

// coefficients of the entries of measurement a in the estimate of cell b of a table
// of levels to; nil where a is not below it.
func (o oracle) coefficients(a, to, b []int) []*big.Rat {
	if !domain.Below(a, to) {
		return nil
	}
	at, u := o.climb(to, b, a), big.NewRat(1, 1)
	for d, l := range a {
		if l > 0 { // 1/N²
			n := int64(len(o.siblings(d, l, at[d])))
			u.Mul(u, big.NewRat(1, n*n))
		}
		for _, m := range o.keep[d] {
			if m > l && m <= to[d] {
				u.Mul(u, big.NewRat(1, int64(len(o.siblings(d, m, o.up(d, to[d], b[d], m))))))
			}
		}
	}
	var out []*big.Rat
	for _, z := range o.cells(a) {
		out = append(out, new(big.Rat).Mul(u, big.NewRat(o.entry(a, at, z), 1)))
	}
	return out
}
