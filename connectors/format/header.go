package format

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"halftone/connectors"
)

// A head is what the header says of the rows below it.
type head struct {
	names     []string // of the columns that are kept
	at        []int    // the cell of each; -1: it is a constant
	constants [][]byte
	width     int  // cells of the header
	sheet     bool // rows may be shorter or longer
	notes     bool // a row of one field is a note between title and end
}

// head reads up to the header and a row of tags below it.
func (in Input) head(src rowReader, label func(string) string) (*head, error) {
	s := in.headOf(src)
	labels, err := s.names(label)
	if err != nil {
		return nil, err
	}
	h := &head{width: s.width, sheet: s.sheet != nil, notes: len(in.Layout.Header.Find) > 0}
	if err := s.choose(h, labels); err != nil {
		return nil, err
	}
	if s.sheet != nil {
		s.sheet.keep(h.at)
	}
	return h, nil
}

func (in Input) headOf(src rowReader) *headSearch {
	s := &headSearch{in: in, src: src, outside: map[string][]byte{}}
	s.sheet, _ = src.(sheetReader)
	s.places = in.addresses()
	return s
}

// names reads the header, and gives the names of the columns.
func (s *headSearch) names(label func(string) string) ([]string, error) {
	labels, err := s.labels()
	if err != nil {
		return nil, err
	}
	if label == nil {
		label = s.in.labeller()
	}
	for i, l := range labels {
		labels[i] = tidy(label(l))
	}
	return s.tags(labels)
}

// tidy makes a name of a label.
func tidy(label string) string { return norm.NFC.String(strings.Join(strings.Fields(label), " ")) }

// labeller cuts the name out of a label.
func (in Input) labeller() func(string) string {
	if in.Layout.Header.Label == "" {
		return func(l string) string { return l }
	}
	re := regexp.MustCompile(in.Layout.Header.Label) // Check has seen it
	return func(l string) string {
		if m := re.FindStringSubmatch(l); len(m) > 1 {
			return m[1]
		}
		return l
	}
}

// headSearch goes through the rows at the top.
type headSearch struct {
	in      Input
	src     rowReader
	sheet   sheetReader // src, if it is one
	width   int
	only    string // the first cell of the header, as it is written
	places  map[string]area
	outside map[string][]byte // text of the cells above the rows
}

// next reads a row and takes the cells that `cells` names.
func (s *headSearch) next() ([][]byte, int64, error) {
	cells, row, err := s.src.next()
	if err != nil {
		return cells, row, err
	}
	if len(cells) > s.in.Limits.Columns {
		return nil, row, &connectors.SourceError{Reason: connectors.Limit, File: s.in.Name, Row: row, What: "there are more columns than the limit"}
	}
	for name, a := range s.places {
		if a.top == row && a.left < len(cells) && len(bytes.TrimSpace(cells[a.left])) > 0 {
			s.outside[name] = bytes.Clone(cells[a.left])
		}
	}
	return cells, row, nil
}

// first reads up to the row where the header starts.
func (s *headSearch) first() ([][]byte, int64, error) {
	at := s.in.Layout.Header
	for n := 0; ; n++ {
		if len(at.Find) > 0 && n == connectors.HeaderRows {
			return nil, 0, s.in.malformed(0, "no header row: none of the first 50 rows has all the labels of `find`", "compare them with the header")
		}
		cells, row, err := s.next()
		switch wanted := int64(at.Row); {
		case errors.Is(err, io.EOF):
			return nil, 0, s.in.malformed(0, "no header row", "the file is empty or ends above its header; see `header`")
		case err != nil:
			return nil, 0, err
		case len(at.Find) > 0:
			if s.holds(cells, at.Find) {
				return cells, row, nil
			}
		case row > wanted && wanted > 0:
			return nil, 0, s.in.malformed(wanted, "no header row", "the line that `header` names is blank or in the middle of a row")
		case row == wanted || wanted == 0 && (s.sheet == nil || !blank(cells)):
			return cells, row, nil
		}
	}
}

// holds reports whether all labels are among the cells.
func (s *headSearch) holds(cells [][]byte, labels []string) bool {
	for _, l := range labels {
		l = tidy(l)
		if !slices.ContainsFunc(cells, func(c []byte) bool { return strings.EqualFold(tidy(string(c)), l) }) {
			return false
		}
	}
	return true
}

func blank(cells [][]byte) bool {
	return !slices.ContainsFunc(cells, hasText)
}

// hasText reports whether there is anything but white space.
func hasText(v []byte) bool { return len(bytes.TrimSpace(v)) > 0 }

// labels reads the header's rows and joins them to one label a column.
func (s *headSearch) labels() ([]string, error) {
	cells, row, err := s.first()
	if err != nil {
		return nil, err
	}
	if len(cells) > 0 {
		s.only = string(cells[0])
	}
	var merged []area
	if s.sheet != nil {
		if merged, err = s.sheet.merged(); err != nil {
			return nil, err
		}
	}
	rows := max(1, s.in.Layout.Header.Rows)
	stack := make([][]string, 0, rows)
	for {
		stack = append(stack, s.level(cells, row, merged))
		s.width = max(s.width, len(stack[len(stack)-1]))
		if len(stack) == rows {
			break
		}
		above := row
		cells, row, err = s.next()
		switch {
		case errors.Is(err, io.EOF), err == nil && s.sheet != nil && row != above+1:
			return nil, s.in.malformed(above+1, "the header has fewer rows than `header: {rows: …}` says", "count its rows")
		case err != nil:
			return nil, err
		case s.sheet == nil && len(cells) != s.width:
			return nil, s.in.uneven(row)
		}
	}
	if s.in.Layout.Header.Fill {
		s.fill(stack)
	}
	return s.join(stack), nil
}

// level gives the labels of one row; a merged cell labels all its columns.
func (s *headSearch) level(cells [][]byte, row int64, merged []area) []string {
	level := make([]string, len(cells))
	for i, c := range cells {
		if l := tidy(string(c)); !slices.Contains(s.in.Layout.Header.Blank, l) {
			level[i] = l
		}
	}
	for _, a := range merged {
		if a.top != row || a.left >= len(level) || a.right >= s.in.Limits.Columns {
			continue
		}
		for len(level) <= a.right {
			level = append(level, "")
		}
		for i := a.left + 1; i <= a.right; i++ {
			level[i] = level[a.left]
		}
	}
	return level
}

// fill does for a table that lost its merged cells what level does. A label
// goes no further than the label above it.
func (s *headSearch) fill(stack [][]string) {
	for k := range len(stack) - 1 {
		for i := 1; i < len(stack[k]); i++ {
			under := slices.ContainsFunc(stack[:k], func(above []string) bool { return i < len(above) && above[i] != above[i-1] })
			if stack[k][i] == "" && !under {
				stack[k][i] = stack[k][i-1]
			}
		}
	}
}

func (s *headSearch) join(stack [][]string) []string {
	between := s.in.Layout.Header.Join
	if between == "" {
		between = " / "
	}
	labels := make([]string, s.width)
	for i := range labels {
		var parts []string
		for _, level := range stack {
			if i < len(level) && level[i] != "" {
				parts = append(parts, level[i])
			}
		}
		labels[i] = strings.Join(parts, between)
	}
	return labels
}

// tags reads the row of HXL tags, where there is one, and gives the names.
func (s *headSearch) tags(labels []string) ([]string, error) {
	if s.in.Layout.HXL == "" {
		return labels, nil
	}
	cells, row, err := s.next()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err != nil || !tagged(cells) {
		return nil, s.in.malformed(max(row, 1), "there is no row of HXL tags below the header", "take `hxl` out, or see where the header stands")
	}
	if s.sheet == nil && len(cells) != s.width {
		return nil, s.in.uneven(row)
	}
	if s.in.Layout.HXL == "drop" {
		return labels, nil
	}
	s.width = max(s.width, len(cells))
	names := make([]string, s.width)
	for i, c := range cells {
		names[i] = tidy(string(c))
	}
	return names, nil
}

// tagged reports whether a row holds HXL tags and nothing else.
func tagged(cells [][]byte) bool {
	n := 0
	for _, c := range cells {
		switch c = bytes.TrimSpace(c); {
		case len(c) == 0:
		case len(c) > 1 && c[0] == '#':
			n++
		default:
			return false
		}
	}
	return n > 0
}

// choose finds the columns to keep.
func (s *headSearch) choose(h *head, there []string) error {
	first, known := make(map[string]int, len(there)), map[string]string{} // tidy name → name as configured
	for i, name := range there {
		if _, ok := first[name]; !ok {
			first[name] = i
		}
	}
	add := func(name string, at int, constant []byte) {
		h.names, h.at, h.constants = append(h.names, name), append(h.at, at), append(h.constants, constant)
	}
	for _, name := range s.in.Columns {
		known[tidy(name)] = name
		at, found := first[tidy(name)]
		_, outside := s.places[name]
		switch text := s.outside[name]; {
		case outside && found:
			return s.in.column(name, "a mapped column is there twice", "`cells` gives it, and the table has it: choose another name")
		case outside && text == nil:
			return s.in.column(name, "the cell that `cells` names is blank or does not stand above the rows", "look where it stands: A3 is the first cell of row 3")
		case outside:
			add(name, -1, text)
		case !found:
			return s.in.column(name, "the column is missing", s.missing())
		default:
			add(name, at, nil)
		}
	}
	for i, name := range there {
		configured, ok := known[name]
		switch {
		case ok && first[name] < i:
			return s.in.column(configured, "a mapped column is there twice", "ask for an export in which it is there once")
		case !ok && name != "" && s.in.Match != nil && s.in.Match.MatchString(name):
			known[name] = "" // it comes from the file
			add(name, i, nil)
		}
	}
	return nil
}

// missing says what to do about a column that is not in the header. It tells the
// usual cause from a header of one field.
func (s *headSearch) missing() string {
	if s.width == 1 && s.sheet == nil {
		for _, d := range []struct{ char, do string }{
			{";", "the header is one column with \";\" in it: say so with `read: {delimiter: …}`"},
			{"\t", "the header is one column with a tab in it: say so with `read: {delimiter: …}`"},
			{",", "the header is one column with a comma in it: say so with `read: {delimiter: …}`"},
			{"|", "the header is one column with \"|\" in it: say so with `read: {delimiter: …}`"},
		} {
			if strings.Contains(s.only, d.char) {
				return d.do
			}
		}
	}
	return "compare its name with the header, letter by letter; `delimiter` and `header` say where it stands"
}

func (in Input) column(name, what, do string) error {
	return &connectors.SourceError{Reason: connectors.Column, File: in.Name, Column: name, What: what, Do: do}
}
