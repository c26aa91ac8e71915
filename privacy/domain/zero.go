package domain

import (
	"errors"
	"fmt"
	"slices"
)

// A Zero declares cells where nobody can be, by definition: those that are part of
// its code in every dimension. It is declared before any data are read, as all of
// this package is; that no row of a source is there is never one.
type Zero struct {
	Levels []int    `json:"levels"` // one a dimension; 0 where it says nothing
	Codes  []string `json:"codes"`  // one a dimension, of that level
}

// Check reports why z is none over dims.
func (z Zero) Check(dims []Dimension) error {
	if len(z.Levels) != len(dims) || len(z.Codes) != len(dims) {
		return fmt.Errorf("structural zero: %d levels and %d codes for %d dimensions", len(z.Levels), len(z.Codes), len(dims))
	}
	says := false
	for d, l := range z.Levels {
		if l < 0 || l >= len(dims[d].Levels) {
			return fmt.Errorf("structural zero: dimension %s has no level %d", dims[d].Name, l)
		}
		if !slices.Contains(dims[d].Levels[l].Codes, z.Codes[d]) {
			return fmt.Errorf("structural zero: dimension %s has no code %s at level %s", dims[d].Name, z.Codes[d], dims[d].Levels[l].Name)
		}
		says = says || l > 0
	}
	if !says {
		return errors.New("structural zero: it names no dimension, so that every cell would be one")
	}
	return nil
}

// Within marks the cells of the table with the given levels, in row-major order,
// that lie within one of zeros; nil for none. Cells that hold more than a zero does are
// not within it.
//
// The caller guarantees that dims, zeros and levels pass their checks, and that
// the table has no more cells than fit into memory.
func Within(dims []Dimension, zeros []Zero, levels []int) []bool {
	var out []bool
	for _, z := range zeros {
		if !Below(z.Levels, levels) {
			continue
		}
		if out == nil {
			n, _ := Cells(dims, levels)
			out = make([]bool, n)
		}
		z.mark(dims, levels, out)
	}
	return out
}

// mark goes over the cells as an odometer goes over its digits.
func (z Zero) mark(dims []Dimension, levels []int, out []bool) {
	inside := make([][]bool, len(dims)) // code of the table's level → part of z's code
	for d, l := range levels {
		code := uint32(slices.Index(dims[d].Levels[z.Levels[d]].Codes, z.Codes[d]))
		for _, up := range dims[d].Climb(l, z.Levels[d]) {
			inside[d] = append(inside[d], up == code)
		}
	}
	at := make([]int, len(dims))
	for i := range out {
		out[i] = out[i] || z.holds(inside, at)
		for d := len(at) - 1; d >= 0; d-- {
			if at[d]++; at[d] < len(inside[d]) {
				break
			}
			at[d] = 0
		}
	}
}

func (z Zero) holds(inside [][]bool, at []int) bool {
	for d, c := range at {
		if !inside[d][c] {
			return false
		}
	}
	return true
}
