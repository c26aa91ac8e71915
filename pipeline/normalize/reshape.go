package normalize

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"halftone/connectors"
)

// Columns that a row has besides those of the source.
const (
	fileColumn   = "@file"   // name of the file
	columnColumn = "@column" // after unpivot, the name of the column that the cell stands in
)

// A Reshape makes the rows of a source into rows of one figure each, before
// anything is mapped: blank rows go out, blanks that repeat the cell above are
// filled, and columns become rows.
type Reshape struct {
	FillDown []string `json:"fill_down,omitempty"`
	Unpivot  *Unpivot `json:"unpivot,omitempty"`
}

// An Unpivot makes one row a matching column. All cells of the row stay readable.
type Unpivot struct {
	Match  string   `json:"match,omitempty"`  // regular expression of whole names; its named groups become columns
	Labels []string `json:"labels,omitempty"` // or the names themselves
	Into   string   `json:"into,omitempty"`   // column that gets the name; "" with named groups
	Value  string   `json:"value"`            // column that gets the cell
}

// pattern is u.Match against whole names; nil with labels. u was checked.
func (u *Unpivot) pattern() *regexp.Regexp {
	if u == nil || u.Match == "" {
		return nil
	}
	return regexp.MustCompile(`^(?:` + u.Match + `)$`)
}

// made are the columns that u makes.
func (u *Unpivot) made() []string {
	if u == nil {
		return nil
	}
	out := []string{columnColumn, u.Value}
	if u.Into != "" {
		out = append(out, u.Into)
	}
	if re := u.pattern(); re != nil {
		for _, g := range re.SubexpNames() {
			if g != "" && !slices.Contains(out, g) {
				out = append(out, g)
			}
		}
	}
	return out
}

// check says what is wrong with r.
func (r Reshape) check() (key, what string) {
	u := r.Unpivot
	switch {
	case u == nil:
		return "", ""
	case (u.Match == "") == (len(u.Labels) == 0):
		return "columns", "want a regular expression, or a list of columns"
	case u.Value == "":
		return "value", "is missing: the column that the cells go to"
	}
	if u.Match != "" {
		if _, err := regexp.Compile(u.Match); err != nil {
			return "columns", "is no regular expression: " + err.Error()
		}
	}
	if made := u.made(); len(made) == 2 {
		return "into", "is missing: the column that the names go to, or named groups such as (?P<sex>F|M)"
	} else if slices.Contains(made[2:], u.Value) || u.Into == columnColumn || u.Value == columnColumn {
		return "into", "two of the columns that it makes have one name"
	}
	return "", ""
}

// source are the names, of all that a mapping reads, that the source must have.
func (r Reshape) source(names []string) []string {
	made := append(r.Unpivot.made(), fileColumn)
	var out []string
	for _, n := range append(slices.Clone(names), r.FillDown...) {
		if !slices.Contains(made, n) && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	if r.Unpivot != nil {
		for _, l := range r.Unpivot.Labels {
			if !slices.Contains(out, l) {
				out = append(out, l)
			}
		}
	}
	return out
}

// A reshaper reshapes the pages of one pull.
type reshaper struct {
	r     Reshape
	re    *regexp.Regexp
	given func(string) bool // what is known of a row besides its cells
	names []string          // that the mapping reads
	file  bool              // @file is read
	above []string
	last  string // file of the row above
	rows  int64  // that are not blank
	blank int64
}

func newReshaper(m Mapping, names []string) *reshaper {
	r := m.Reshape
	file := slices.Contains(names, fileColumn)
	if len(r.FillDown) == 0 && r.Unpivot == nil && !file {
		return nil
	}
	return &reshaper{r: r, given: m.given, re: r.Unpivot.pattern(), names: names, file: file, above: make([]string, len(r.FillDown))}
}

// page returns p reshaped. It does not release p; the caller releases the result.
func (s *reshaper) page(p connectors.Page) (connectors.Page, error) {
	if p.Records == nil || p.Records.NumRows() == 0 {
		return p, nil
	}
	in, err := textColumns(p)
	if err != nil {
		return p, err
	}
	// 1. Blank rows are none.
	var rows []int
	fields := p.Records.Schema().Fields()
	blank := p.Blank
	for i := range int(p.Records.NumRows()) {
		none := len(blank) > 0 && blank[0] == i
		if none {
			blank = blank[1:]
		}
		for c := range in {
			none = none && (s.given(fields[c].Name) || strings.TrimSpace(in[c].Value(i)) == "")
		}
		if none {
			s.blank++
		} else {
			rows = append(rows, i)
		}
	}
	s.rows += int64(len(rows))
	// 2. What each column says of them.
	filled, err := s.fill(p, in, rows)
	if err != nil {
		return p, err
	}
	cells := s.cells(fields)
	if s.r.Unpivot != nil && len(cells) == 0 {
		return p, fmt.Errorf("%w in %s", errNoCells, p.Origin.File)
	}
	// 3. Out, column by column.
	return s.write(p, in, rows, filled, cells), nil
}

var errNoCells = fmt.Errorf("no column matches `unpivot`")

func textColumns(p connectors.Page) ([]*array.String, error) {
	in := make([]*array.String, p.Records.NumCols())
	for i := range in {
		c, ok := p.Records.Column(i).(*array.String)
		if !ok {
			return nil, fmt.Errorf("column %d of a page is no text", i+1)
		}
		in[i] = c
	}
	return in, nil
}

// fill gives the texts of the columns that repeat the cell above, by place in the
// page; nil for the others. A file begins anew.
func (s *reshaper) fill(p connectors.Page, in []*array.String, rows []int) ([][]string, error) {
	out := make([][]string, len(in))
	if p.Origin.File != s.last {
		clear(s.above)
		s.last = p.Origin.File
	}
	for k, name := range s.r.FillDown {
		at := p.Records.Schema().FieldIndices(name)
		if len(at) != 1 {
			return nil, fmt.Errorf("there is no column %q to fill", name)
		}
		for _, i := range rows {
			if text := in[at[0]].Value(i); strings.TrimSpace(text) != "" {
				s.above[k] = strings.Clone(text) // the page's memory is not ours to keep
			}
			out[at[0]] = append(out[at[0]], s.above[k])
		}
	}
	return out, nil
}

// A cellColumn is one that becomes rows.
type cellColumn struct {
	at     int
	name   string
	groups []string // of the pattern, by number
}

func (s *reshaper) cells(fields []arrow.Field) (out []cellColumn) {
	if s.r.Unpivot == nil {
		return nil
	}
	for at, f := range fields {
		switch {
		case s.re == nil && slices.Contains(s.r.Unpivot.Labels, f.Name):
			out = append(out, cellColumn{at, f.Name, nil})
		case s.re != nil:
			if groups := s.re.FindStringSubmatch(f.Name); groups != nil {
				out = append(out, cellColumn{at, f.Name, groups})
			}
		}
	}
	return out
}

// write makes the page: for each row one record, or one a cell column.
func (s *reshaper) write(p connectors.Page, in []*array.String, rows []int, filled [][]string, cells []cellColumn) connectors.Page {
	each := max(1, len(cells))
	var fields []arrow.Field
	var columns []arrow.Array
	column := func(name string, text func(row, cell int) string) {
		b := array.NewStringBuilder(memory.DefaultAllocator)
		defer b.Release()
		b.Reserve(len(rows) * each)
		for r := range rows {
			for c := range each {
				b.Append(text(r, c))
			}
		}
		fields = append(fields, arrow.Field{Name: name, Type: arrow.BinaryTypes.String})
		columns = append(columns, b.NewArray())
	}
	for at, f := range p.Records.Schema().Fields() {
		switch {
		case !slices.Contains(s.names, f.Name) && slices.ContainsFunc(cells, func(c cellColumn) bool { return c.at == at }):
		case filled[at] != nil:
			column(f.Name, func(r, _ int) string { return filled[at][r] })
		default:
			column(f.Name, func(r, _ int) string { return in[at].Value(rows[r]) })
		}
	}
	if u := s.r.Unpivot; u != nil {
		column(columnColumn, func(_, c int) string { return cells[c].name })
		column(u.Value, func(r, c int) string { return in[cells[c].at].Value(rows[r]) })
		if u.Into != "" {
			column(u.Into, func(_, c int) string { return cells[c].name })
		}
		s.groups(column, cells)
	}
	if s.file && len(p.Records.Schema().FieldIndices(fileColumn)) == 0 {
		column(fileColumn, func(_, _ int) string { return p.Origin.File })
	}
	out := p
	out.Blank = nil
	out.Records = array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, int64(len(rows)*each))
	for _, c := range columns {
		c.Release()
	}
	out.Rows = make([]int64, 0, len(rows)*each)
	for _, i := range rows {
		for range each {
			out.Rows = append(out.Rows, p.Row(i))
		}
	}
	return out
}

// groups makes a column of each named group of the pattern; a name that stands
// twice, in branches of which one matches, is one column.
func (s *reshaper) groups(column func(string, func(row, cell int) string), cells []cellColumn) {
	if s.re == nil {
		return
	}
	numbers := map[string][]int{}
	var names []string
	for i, name := range s.re.SubexpNames() {
		if name == "" {
			continue
		}
		if numbers[name] == nil {
			names = append(names, name)
		}
		numbers[name] = append(numbers[name], i)
	}
	for _, name := range names {
		column(name, func(_, c int) string {
			for _, i := range numbers[name] {
				if g := cells[c].groups[i]; g != "" {
					return g
				}
			}
			return ""
		})
	}
}
