// Package domain says which cells exist: periods, dimensions, levels, codes
// and tables. It holds no counts. Everything in it is public and is fixed
// before any data are read.
package domain

import (
	"fmt"
	"math/bits"
)

// Total is the code of the root of every dimension (SDMX).
const Total = "_T"

// Unknown is the code of "not said where in its parent"; the child of X that
// stands for it is written X/_U, the one below the root plain _U.
const Unknown = "_U"

// A Level is one list of codes. Parent[i] is the index, in the level above, of
// the code that Codes[i] belongs to; it is nil at the first level.
type Level struct {
	Name   string   `json:"name"`
	Codes  []string `json:"codes"`
	Parent []uint32 `json:"parent,omitempty"`
}

// A Dimension is a tree of codes, coarsest level first. Its first level has
// exactly one code, the total.
type Dimension struct {
	Name   string  `json:"name"`
	Levels []Level `json:"levels"`
}

// Check reports why d is not a tree.
func (d Dimension) Check() error {
	if len(d.Levels) == 0 || len(d.Levels[0].Codes) != 1 || d.Levels[0].Parent != nil {
		return fmt.Errorf("dimension %s: the first level must have exactly one code and no parent", d.Name)
	}
	for l := 1; l < len(d.Levels); l++ {
		if err := d.checkLevel(d.Levels[l], d.Levels[l-1]); err != nil {
			return err
		}
	}
	return nil
}

func (d Dimension) checkLevel(lv, up Level) error {
	if len(lv.Parent) != len(lv.Codes) {
		return fmt.Errorf("dimension %s, level %s: %d codes, %d parents", d.Name, lv.Name, len(lv.Codes), len(lv.Parent))
	}
	used := make([]bool, len(up.Codes))
	twice := make(map[string]bool, len(lv.Codes))
	for i, p := range lv.Parent {
		if int(p) >= len(up.Codes) {
			return fmt.Errorf("dimension %s, level %s: code %s has no parent", d.Name, lv.Name, lv.Codes[i])
		}
		if twice[lv.Codes[i]] {
			return fmt.Errorf("dimension %s, level %s: code %s stands twice", d.Name, lv.Name, lv.Codes[i])
		}
		used[p], twice[lv.Codes[i]] = true, true
	}
	for i, ok := range used {
		if !ok {
			return fmt.Errorf("dimension %s, level %s: no code below %s", d.Name, lv.Name, up.Codes[i])
		}
	}
	return nil
}

// Leaf returns the finest level.
func (d Dimension) Leaf() Level { return d.Levels[len(d.Levels)-1] }

// Climb returns, for each code of level from, the index of its ancestor at
// level to, which must not be finer than from.
func (d Dimension) Climb(from, to int) []uint32 {
	up := make([]uint32, len(d.Levels[from].Codes))
	for i := range up {
		c := uint32(i)
		for l := from; l > to; l-- {
			c = d.Levels[l].Parent[c]
		}
		up[i] = c
	}
	return up
}

// A Table is one choice of level in every dimension, by index; 0 is the root.
type Table struct {
	Name   string `json:"name"`
	Levels []int  `json:"levels"`
}

// MaxCells is the most cells that a table may have.
const MaxCells = 1 << 40

// Cells counts the cells of the table with the given levels, or fails when
// there are more than [MaxCells].
func Cells(dims []Dimension, levels []int) (int, error) {
	n := uint64(1)
	for d, l := range levels {
		hi, lo := bits.Mul64(n, uint64(len(dims[d].Levels[l].Codes)))
		if hi != 0 || lo > MaxCells {
			return 0, fmt.Errorf("a table has more than 2^40 cells")
		}
		n = lo
	}
	return int(n), nil
}

// Below reports whether a is nowhere finer than b, so that a's cells are sums of b's.
func Below(a, b []int) bool {
	for d := range a {
		if a[d] > b[d] {
			return false
		}
	}
	return true
}
