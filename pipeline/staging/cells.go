package staging

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"halftone/pipeline/normalize"
	"halftone/privacy"
)

// A Cell is what rows of one period with the same codes add up to.
type Cell struct {
	Value      int64
	Suppressed bool // some of them are
}

// Cells are cells by their codes, in the order of the dimensions.
type Cells map[string]*Cell

// between stands between codes, in none of which it can be.
const between = "\x00"

// Codes gives the codes of a key of Cells.
func Codes(key string) []string { return strings.Split(key, between) }

// A Level says to which code of a coarser level a leaf code of a dimension belongs.
type Level func(code string) string

// Cells adds the rows that some batches of a source hold of a period to cells, at
// a level of each dimension; nil levels are the leaves. Memory is that of the
// cells and of one row group.
func (s *Store) Cells(source string, p privacy.Period, batches, dims []string, levels []Level, into Cells) error {
	for _, b := range batches {
		f, err := s.openRows(source, p.String(), b)
		if err != nil {
			return err
		}
		for _, rg := range f.RowGroups() {
			if err = addCells(f.File, rg, dims, levels, into); err != nil {
				break
			}
		}
		f.close()
		if err != nil {
			return fmt.Errorf("staging: batch %s of %s: %w", b, source, err)
		}
	}
	return nil
}

func addCells(f *parquet.File, rg parquet.RowGroup, dims []string, levels []Level, into Cells) error {
	o, err := readCodes(f, rg, dims)
	if err != nil {
		return err
	}
	hidden, err := readSuppressed(f, rg)
	if err != nil {
		return err
	}
	for d, level := range levels {
		for i, code := range o.Dims[d].Dict {
			o.Dims[d].Dict[i] = level(code)
		}
	}
	var key []byte
	for i, v := range o.Value {
		key = key[:0]
		for d, c := range o.Dims {
			if d > 0 {
				key = append(key, between...)
			}
			key = append(key, c.Dict[c.Index[i]]...)
		}
		cell := into[string(key)]
		if cell == nil {
			cell = &Cell{}
			into[string(key)] = cell
		}
		cell.Value += v
		cell.Suppressed = cell.Suppressed || hidden != nil && hidden[i]
	}
	return nil
}

// readCodes reads codes and values. A dimension that there was not when the rows
// were staged has the code "".
func readCodes(f *parquet.File, rg parquet.RowGroup, dims []string) (o normalize.Observations, err error) {
	there := slices.DeleteFunc(slices.Clone(dims), func(d string) bool {
		_, err := column(f, rg, "dim_"+d)
		return err != nil
	})
	if err := readRows(f, rg, there, &o); err != nil {
		return o, err
	}
	for i, d := range dims {
		if !slices.Contains(there, d) {
			o.Dims = slices.Insert(o.Dims, i, normalize.Column{Dict: []string{""}, Index: make([]uint32, rg.NumRows())})
		}
	}
	return o, nil
}

// readSuppressed says which rows are; nil: batches of before there was a status.
func readSuppressed(f *parquet.File, rg parquet.RowGroup) ([]bool, error) {
	col, err := column(f, rg, "status")
	if err != nil {
		return nil, nil //nolint:nilerr // there is no such column
	}
	words, err := readTexts("status", col, whole(rg))
	if err != nil {
		return nil, err
	}
	out := make([]bool, len(words.Index))
	for i, k := range words.Index {
		out[i] = words.Dict[k] == normalize.Suppressed.String()
	}
	return out, nil
}

// A Diff says what a pull changed since the one before it. It is exact, for the
// officer, and goes with the rows.
type Diff struct {
	Since   time.Time      `json:"since"`   // the pull before
	At      time.Time      `json:"at"`      // this pull
	Periods []PeriodChange `json:"periods"` // in order; the others are as they were
	// Vocabulary says what of codes, units and texts of the mapping came or went.
	// Nil where nobody knows what the pull before had.
	Vocabulary *Vocabulary `json:"vocabulary,omitempty"`
	// Before is what became of the rows of the pull before.
	Before map[normalize.Outcome]int64 `json:"before,omitempty"`
}

// How a period changed.
const (
	PeriodNew      = "new"
	PeriodChanged  = "changed"
	PeriodVanished = "vanished"
)

// A PeriodChange is that of one period. Rows are those that count.
type PeriodChange struct {
	Period     string `json:"period"`
	Change     string `json:"change"`
	Before     int64  `json:"rows_before"`
	Now        int64  `json:"rows"`
	Cells      int    `json:"cells"`      // that have another figure, of the finest codes
	Shown      int    `json:"shown"`      // cells that were suppressed and no longer are
	Suppressed int    `json:"suppressed"` // cells that are, and were not
}

// A Vocabulary says what came and went. Texts are those of the mapping, with
// their keys; codes those of code lists: no label of a row that nobody mapped.
type Vocabulary struct {
	Codes map[string]Change `json:"codes,omitempty"` // by dimension
	Units Change            `json:"units,omitzero"`
	Texts Change            `json:"texts,omitzero"` // of the mapping, that rows have now, or none has any more
}

// A Change lists what came and what went.
type Change struct {
	New  []string `json:"new,omitempty"`
	Gone []string `json:"gone,omitempty"`
}

// IsZero reports whether nothing came or went.
func (c Change) IsZero() bool { return len(c.New)+len(c.Gone) == 0 }

// IsZero reports whether nothing came or went.
func (v Vocabulary) IsZero() bool { return len(v.Codes) == 0 && v.Units.IsZero() && v.Texts.IsZero() }

// without is d without what it says of some periods, and without sums that cannot
// be told apart by period.
func (d Diff) without(periods []string) Diff {
	left := Diff{Since: d.Since, At: d.At}
	for _, c := range d.Periods {
		if !slices.Contains(periods, c.Period) {
			left.Periods = append(left.Periods, c)
		}
	}
	return left
}

// Compare counts what became of the cells before.
func (c Cells) Compare(before Cells) (changed, shown, suppressed int) {
	for key, is := range c {
		was := before[key]
		switch {
		case was == nil:
			changed++
			continue
		case was.Value != is.Value:
			changed++
		}
		if was.Suppressed && !is.Suppressed {
			shown++
		}
		if is.Suppressed && !was.Suppressed {
			suppressed++
		}
	}
	for key := range before {
		if c[key] == nil {
			changed++
		}
	}
	return changed, shown, suppressed
}
