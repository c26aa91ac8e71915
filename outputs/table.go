package outputs

import (
	"fmt"
	"math"

	"halftone/privacy"
)

// A Status says how a cell may be read. The first that holds applies.
type Status string

// The statuses, strongest first. NotReleased marks a cell of a table or code
// that is newer than its period's release.
const (
	Withdrawn      Status = "withdrawn"
	NotReleased    Status = "not_released"
	NotCollected   Status = "not_collected"
	StructuralZero Status = "structural_zero"
	Partial        Status = "partial"
	NoiseDominated Status = "noise_dominated"
	OK             Status = "ok"
)

// Empty reports whether a cell of this status has no numbers.
func (s Status) Empty() bool { return s == Withdrawn || s == NotReleased || s == NotCollected }

// A Table is one table over all periods, in columns: dense, sorted by period
// and then by code-list order, row-major. Row i of a period's block is cell i
// of its release where the release has the same codes. Block i is that of slot i
// ([Version.Slots]).
type Table struct {
	Name       string
	Levels     []int       // one a dimension of the newest release; 0 is the root
	Dimensions []Dimension // that the table breaks down, in order
	Additive   bool        // values add up over tables and levels
	Period     []privacy.Period
	Codes      [][]string // per entry of Dimensions
	Cell       []int      // place in the period's release, -1 where it has none
	Status     []Status
	Value      []int64
	Low, High  []int64
	Estimate   []float64
	SD         []float64
	Edition    []int
}

// A Dimension of a table, at one level.
type Dimension struct{ Name, Level string }

// Rows is the number of cells over all periods.
func (t Table) Rows() int { return len(t.Period) }

// Newest are the rows of the newest period that is not withdrawn, none if all are.
func (t Table) Newest() (from, end int) {
	for end = t.Rows(); end > 0 && t.Status[end-1] == Withdrawn; { // a period is withdrawn as a whole
		end--
	}
	for from = end; from > 0 && t.Period[from-1] == t.Period[end-1]; {
		from--
	}
	return from, end
}

// Tables stacks the releases of v: one table per table name of the newest
// release, dense over its codes and all periods. Cells that an older release
// does not have are [NotReleased], those of a withdrawn one [Withdrawn].
func (v Version) Tables() ([]Table, error) {
	if len(v.Releases) == 0 {
		return nil, privacy.ErrNotReleased
	}
	last, err := v.Releases[len(v.Releases)-1].Release.Model()
	if err != nil {
		return nil, fmt.Errorf("outputs: %w", err)
	}
	slots, err := v.Slots()
	if err != nil {
		return nil, err
	}
	var out []Table
	for _, pt := range last.Tables {
		t := Table{Name: pt.Name, Levels: pt.Levels, Additive: last.Additive()}
		for d, l := range pt.Levels {
			if l > 0 { // a dimension at its total is no column
				dim := last.Dimensions[d]
				t.Dimensions = append(t.Dimensions, Dimension{dim.Name, dim.Levels[l].Name})
			}
		}
		t.Codes = make([][]string, len(t.Dimensions))
		for _, s := range slots {
			if s.Withdrawn != nil {
				t.withdraw(s.Withdrawn.Key, last, pt)
				continue
			}
			if err := t.stack(v.Releases[s.Release], last, pt); err != nil {
				return nil, fmt.Errorf("outputs: table %s: %w", pt.Name, err)
			}
		}
		out = append(out, t)
	}
	return out, nil
}

// stack appends the cells of one release.
func (t *Table) stack(e Edition, shape privacy.Model, pt privacy.Table) error {
	k, err := e.Release.Key()
	if err != nil {
		return err
	}
	m, err := e.Release.Model()
	if err != nil {
		return err
	}
	place, c, err := locate(e.Release, m, pt.Name, shape)
	if err != nil {
		return err
	}
	for row := range shape.Cells(pt) {
		codes := codesAt(shape, pt, row)
		cell, ok := place(codes)
		if !ok {
			t.empty(k, pt, codes, NotReleased)
			continue
		}
		t.name(k, pt, codes)
		t.Cell, t.Status = append(t.Cell, cell), append(t.Status, status(e, c, cell))
		t.Value, t.Low, t.High = append(t.Value, c.Value[cell]), append(t.Low, c.Low[cell]), append(t.High, c.High[cell])
		t.Estimate, t.SD = append(t.Estimate, c.Estimate[cell]), append(t.SD, c.SD[cell])
	}
	return nil
}

// withdraw appends the cells of a period that is shown no more.
func (t *Table) withdraw(k privacy.Key, shape privacy.Model, pt privacy.Table) {
	for row := range shape.Cells(pt) {
		t.empty(k, pt, codesAt(shape, pt, row), Withdrawn)
	}
}

// empty appends a cell without numbers.
func (t *Table) empty(k privacy.Key, pt privacy.Table, codes []string, s Status) {
	t.name(k, pt, codes)
	t.Cell, t.Status = append(t.Cell, -1), append(t.Status, s)
	t.Value, t.Low, t.High = append(t.Value, 0), append(t.Low, 0), append(t.High, 0)
	t.Estimate, t.SD = append(t.Estimate, 0), append(t.SD, 0)
}

// name appends what a row is about.
func (t *Table) name(k privacy.Key, pt privacy.Table, codes []string) {
	col := 0
	for d, l := range pt.Levels {
		if l > 0 {
			t.Codes[col] = append(t.Codes[col], codes[d])
			col++
		}
	}
	t.Period, t.Edition = append(t.Period, k.Period), append(t.Edition, k.Edition)
}

// status is decided from public rules and noised values only.
func status(e Edition, c privacy.Cells, cell int) Status {
	switch {
	case c.Zero != nil && c.Zero[cell]:
		return StructuralZero
	case len(e.Reporting) < len(e.Expected):
		return Partial
	case 1.96*c.SD[cell] > math.Max(c.Estimate[cell], 1):
		return NoiseDominated
	}
	return OK
}

// codesAt returns one code per dimension of the cell at a row-major place.
func codesAt(m privacy.Model, t privacy.Table, cell int) []string {
	codes := make([]string, len(t.Levels))
	for d := len(t.Levels) - 1; d >= 0; d-- {
		lv := m.Dimensions[d].Levels[t.Levels[d]]
		codes[d], cell = lv.Codes[cell%len(lv.Codes)], cell/len(lv.Codes)
	}
	return codes
}

// locate returns where r has the cell with the given codes of shape's
// dimensions, by name: an older release may lack tables, dimensions or codes.
func locate(r privacy.Release, m privacy.Model, table string, shape privacy.Model) (func([]string) (int, bool), privacy.Cells, error) {
	none := func([]string) (int, bool) { return 0, false }
	pt, ok := m.Table(table)
	if !ok {
		return none, privacy.Cells{}, nil
	}
	c, err := r.Cells(table)
	if err != nil {
		return nil, c, err
	}
	index := make([]map[string]int, len(m.Dimensions))
	from := make([]int, len(m.Dimensions)) // dimension of shape that gives the code, -1 for none
	for d, dim := range m.Dimensions {
		index[d], from[d] = map[string]int{}, -1
		for i, code := range dim.Levels[pt.Levels[d]].Codes {
			index[d][code] = i
		}
		for s := range shape.Dimensions {
			if shape.Dimensions[s].Name == dim.Name {
				from[d] = s
			}
		}
	}
	return func(codes []string) (int, bool) {
		cell := 0
		for d := range m.Dimensions {
			i, ok := 0, false
			if from[d] >= 0 {
				i, ok = index[d][codes[from[d]]]
			}
			if !ok {
				return 0, false
			}
			cell = cell*len(index[d]) + i
		}
		return cell, true
	}, c, nil
}
