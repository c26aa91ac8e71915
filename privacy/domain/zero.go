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

// mark goes over the cells of the zero alone, one of its codes after the other.
func (z Zero) mark(dims []Dimension, levels []int, out []bool) {
	cells, size := []int{0}, 1 // of the dimensions so far, the last one first
	for d := len(levels) - 1; d >= 0; d-- {
		var next []int
		for c, in := range z.Inside(dims, d, levels[d]) {
			if !in {
				continue
			}
			for _, k := range cells {
				next = append(next, k+c*size)
			}
		}
		cells, size = next, size*len(dims[d].Levels[levels[d]].Codes)
	}
	for _, k := range cells {
		out[k] = true
	}
}

// Inside marks the codes of a level of dimension d that are part of z's code there.
// The level is not above that code's.
func (z Zero) Inside(dims []Dimension, d, level int) []bool {
	code := uint32(slices.Index(dims[d].Levels[z.Levels[d]].Codes, z.Codes[d]))
	inside := make([]bool, len(dims[d].Levels[level].Codes))
	for i, up := range dims[d].Climb(level, z.Levels[d]) {
		inside[i] = up == code
	}
	return inside
}
