package privacy

import (
	"errors"
	"fmt"
	"io"
	"log/slog"

	"halftone/privacy/domain"
)

// ErrExact is returned when something tries to encode a [Cube].
var ErrExact = errors.New("privacy: exact counts cannot be encoded")

// Limits of a cube. A part holds at most 1 GiB; more than one part is used when
// a single one at the finest levels would be larger than 128 MiB. The sum of
// absolute counts leaves room for any noise that a plan accepts.
const (
	denseCells = 1 << 24
	partCells  = 1 << 27
	maxSum     = 1 << 40
)

// A Cube holds the exact counts of one period. Nothing outside this package
// can read it, print it or encode it. Adding is commutative: any sharding of the same
// rows, merged, gives the same cube.
//
// A Cube may be filled by one goroutine at a time. Copies share the counts.
type Cube struct {
	// A function, not a pointer: where a Cube is an unexported field of another
	// value, fmt cannot call Format, and with %s or %q follows a pointer.
	open func() *cubeState
}

func (c Cube) exact() *cubeState {
	if c.open == nil {
		return nil
	}
	return c.open()
}

type cubeState struct {
	digest string // of the Spec: cubes of different specs do not merge
	period Period
	parts  []part
}

// A part is one table that all the published tables below it add up from.
type part struct {
	levels []int
	offset [][]uint64 // per dimension: leaf code → offset in n
	n      []int64
}

// NewCube returns a cube of zeros.
func NewCube(s Spec, p Period) (Cube, error) {
	if err := s.Check(); err != nil {
		return Cube{}, err
	}
	if p == (Period{}) {
		return Cube{}, errors.New("privacy: a cube needs a period")
	}
	c := &cubeState{digest: s.Digest(), period: p}
	for _, levels := range layout(s) {
		cells, err := domain.Cells(s.Dimensions, levels)
		if err != nil || cells > partCells {
			return Cube{}, fmt.Errorf("privacy: a table is too large for a cube (over 2^27 cells)")
		}
		pt := part{levels: levels, n: make([]int64, cells)}
		stride := uint64(cells)
		for d, l := range levels {
			dim := s.Dimensions[d]
			stride /= uint64(len(dim.Levels[l].Codes))
			up := dim.Climb(len(dim.Levels)-1, l)
			off := make([]uint64, len(up))
			for i, u := range up {
				off[i] = uint64(u) * stride
			}
			pt.offset = append(pt.offset, off)
		}
		c.parts = append(c.parts, pt)
	}
	return Cube{func() *cubeState { return c }}, nil
}

// layout picks the parts: one at the finest levels that any table asks for if
// that is small enough, else one for each maximal table.
func layout(s Spec) [][]int {
	finest := make([]int, len(s.Dimensions))
	for _, t := range s.Tables {
		for d, l := range t.Levels {
			finest[d] = max(finest[d], l)
		}
	}
	if n, err := domain.Cells(s.Dimensions, finest); err == nil && n <= denseCells {
		return [][]int{finest}
	}
	var maximal [][]int
	for i, t := range s.Tables {
		covered := false
		for j, u := range s.Tables {
			covered = covered || i != j && domain.Below(t.Levels, u.Levels) && (j < i || !domain.Below(u.Levels, t.Levels))
		}
		if !covered {
			maximal = append(maximal, t.Levels)
		}
	}
	return maximal
}

// Add adds n[i] to the cell whose leaf code in dimension d is codes[d][i].
// n may be negative (corrections, rests). On an error the cube is spoilt and
// must be thrown away.
//
// The caller guarantees that no person adds more than the Spec's bound to the
// period's cubes together, and that each row is added once.
func (c Cube) Add(codes [][]uint32, n []int64) error {
	st := c.exact()
	if st == nil || len(st.parts) == 0 || len(codes) != len(st.parts[0].offset) {
		return errors.New("privacy: wrong number of dimensions, or no cube")
	}
	for d := range codes {
		if len(codes[d]) != len(n) {
			return errors.New("privacy: columns of different length")
		}
	}
	const chunk = 2048
	var idx [chunk]uint64
	for lo := 0; lo < len(n); lo += chunk {
		hi := min(lo+chunk, len(n))
		for p := range st.parts {
			ix := idx[:hi-lo]
			if err := st.parts[p].cells(ix, codes, lo); err != nil {
				return err
			}
			for i, k := range ix {
				sum, ok := plus(st.parts[p].n[k], n[lo+i])
				if !ok {
					return errors.New("privacy: a count is too large")
				}
				st.parts[p].n[k] = sum
			}
		}
	}
	return nil
}

// inside reports whether there is a count in a structural zero: rows there are kept
// out long before, and what is published of such a cell is 0.
func (st *cubeState) inside(s Spec) bool {
	for _, p := range st.parts {
		for i, zero := range domain.Within(s.Dimensions, s.Zeros, p.levels) {
			if zero && p.n[i] != 0 {
				return true
			}
		}
	}
	return false
}

// cells writes the cell of each of the rows from lo on to ix.
func (p *part) cells(ix []uint64, codes [][]uint32, lo int) error {
	clear(ix)
	for d, off := range p.offset {
		for i, code := range codes[d][lo : lo+len(ix)] {
			if int(code) >= len(off) {
				return fmt.Errorf("privacy: a code is outside dimension %d", d)
			}
			ix[i] += off[code]
		}
	}
	return nil
}

// plus adds, and reports whether the sum stayed in range.
func plus(a, b int64) (int64, bool) {
	c := a + b
	return c, (c > a) == (b > 0)
}

// Merge adds o to c. Afterwards o is empty and must not be used.
func (c Cube) Merge(o Cube) error {
	into, from := c.exact(), o.exact()
	if into == nil || from == nil || into == from ||
		into.digest != from.digest || into.period != from.period || len(into.parts) != len(from.parts) {
		return errors.New("privacy: cubes of different specs or periods do not merge")
	}
	for p := range into.parts {
		a, b := into.parts[p].n, from.parts[p].n
		for i := range a {
			sum, ok := plus(a[i], b[i])
			if !ok {
				return errors.New("privacy: a count is too large")
			}
			a[i] = sum
		}
	}
	from.parts = nil
	return nil
}

// inRange reports whether the absolute counts add up to at most 2^40, so that
// nothing after the charge can fail because of a value.
func (c *cubeState) inRange() bool {
	for _, p := range c.parts {
		sum := int64(0)
		for _, v := range p.n {
			if v < 0 {
				v = -v
			}
			if v < 0 || v > maxSum-sum {
				return false
			}
			sum += v
		}
	}
	return true
}

// table adds a part up to the table with the given levels.
func (c *cubeState) table(dims []Dimension, levels []int) ([]int64, error) {
	for _, p := range c.parts {
		if !domain.Below(levels, p.levels) {
			continue
		}
		cells, err := domain.Cells(dims, levels)
		if err != nil {
			return nil, err
		}
		f := folding{out: make([]int64, cells)}
		for d, dim := range dims {
			f.up = append(f.up, dim.Climb(p.levels[d], levels[d]))
			f.width = append(f.width, len(dim.Levels[levels[d]].Codes))
		}
		f.add(p.n, 0, 0)
		return f.out, nil
	}
	return nil, errors.New("privacy: no part holds this table")
}

// A folding adds a finer table up to a coarser one.
type folding struct {
	up    [][]uint32 // per dimension: fine code → coarse code
	width []int      // per dimension: coarse codes
	out   []int64
}

// add adds the row-major block n, which spans the dimensions from at on, to the
// cells of out that share the coarse prefix o.
func (f folding) add(n []int64, at, o int) {
	if at == len(f.up) {
		f.out[o] += n[0]
		return
	}
	if at == len(f.up)-1 { // a row at a time: a call for each cell would triple the time
		row := f.out[o*f.width[at]:]
		for i, u := range f.up[at] {
			row[u] += n[i]
		}
		return
	}
	size := len(n) / len(f.up[at])
	for i, u := range f.up[at] {
		f.add(n[i*size:(i+1)*size], at+1, o*f.width[at]+int(u))
	}
}

const withheld = "privacy.Cube(withheld)"

// Format implements [fmt.Formatter] and prints no count.
func (c Cube) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, withheld) }

// LogValue implements [slog.LogValuer] and logs no count.
func (c Cube) LogValue() slog.Value { return slog.StringValue(withheld) }

// MarshalJSON always fails with [ErrExact]; so do the text, binary and gob forms.
func (c Cube) MarshalJSON() ([]byte, error)   { return nil, ErrExact }
func (c Cube) MarshalText() ([]byte, error)   { return nil, ErrExact }
func (c Cube) MarshalBinary() ([]byte, error) { return nil, ErrExact }
func (c Cube) GobEncode() ([]byte, error)     { return nil, ErrExact }
