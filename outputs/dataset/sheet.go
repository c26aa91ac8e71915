// Package dataset writes tables in the formats that analysts read: CSV and
// Parquet, and the lists beside them.
//
// Everything here is made from noised numbers and public text. The same table
// gives the same bytes.
package dataset

import (
	"fmt"
	"math"
	"strconv"

	"halftone/outputs"
)

// A Kind is the type of a column.
type Kind int

// The kinds of columns: UTF-8 text, 64-bit integers, doubles.
const (
	Text Kind = iota
	Integer
	Number
)

// A Column of a sheet. Exactly one of Text, Int and Float has a value a row,
// the one of its Kind.
type Column struct {
	Name  string
	Kind  Kind
	Text  []string
	Int   []int64
	Float []float64 // at most 3 decimals
	Null  []bool    // rows without a number; nil for a column that always has a value
}

// A Sheet is a table in the columns that are published, in their order. CSV,
// Parquet and the checks of verify all go through it, so that they cannot
// disagree on what a row says.
type Sheet struct {
	Name    string
	Rows    int
	Columns []Column
}

// NewSheet lays out t: period, period_start, code and label per dimension that t
// breaks down, value, ci_low, ci_high, estimate, sd, status, edition. Labels
// are in the first language of a.
func NewSheet(a outputs.About, t outputs.Table) Sheet {
	s := Sheet{Name: t.Name, Rows: t.Rows(), Columns: periods(t)}
	for d, dim := range t.Dimensions {
		s.Columns = append(s.Columns, coded(a, dim.Name, t.Codes[d])...)
	}
	s.Columns = append(s.Columns, numbers(t)...)
	return s
}

// AllName is the name of the sheet of all tables.
const AllName = "all-tables"

// NewAllSheet stacks tables into one sheet: column `table` first, then every
// dimension of the dataset, with the code _T where a table does not break it down.
func NewAllSheet(a outputs.About, dimensions []string, tables []outputs.Table) Sheet {
	all := Sheet{Name: AllName}
	for _, t := range tables {
		s := Sheet{Rows: t.Rows(), Columns: []Column{{Name: "table", Text: repeat(t.Name, t.Rows())}}}
		s.Columns = append(s.Columns, periods(t)...)
		for _, name := range dimensions {
			codes := repeat(total, t.Rows())
			for d, dim := range t.Dimensions {
				if dim.Name == name {
					codes = t.Codes[d]
				}
			}
			s.Columns = append(s.Columns, coded(a, name, codes)...)
		}
		s.Columns = append(s.Columns, numbers(t)...)
		all.append(s)
	}
	return all
}

// append adds the rows of o, which has the same columns.
func (s *Sheet) append(o Sheet) {
	if s.Columns == nil {
		s.Columns = make([]Column, len(o.Columns))
		for i, c := range o.Columns {
			s.Columns[i] = Column{Name: c.Name, Kind: c.Kind}
		}
	}
	for i, c := range o.Columns {
		to := &s.Columns[i]
		to.Text, to.Int, to.Float = append(to.Text, c.Text...), append(to.Int, c.Int...), append(to.Float, c.Float...)
		to.Null = append(to.Null, c.Null...)
	}
	s.Rows += o.Rows
}

const total = "_T"

func repeat(s string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = s
	}
	return out
}

func periods(t outputs.Table) []Column {
	p, start := Column{Name: "period"}, Column{Name: "period_start"}
	for _, q := range t.Period {
		p.Text, start.Text = append(p.Text, q.String()), append(start.Text, q.Start().Format("2006-01-02"))
	}
	return []Column{p, start}
}

// coded is a dimension's column of codes and its column of labels.
func coded(a outputs.About, dimension string, codes []string) []Column {
	lang, known := Languages(a)[0], map[string]string{}
	labels := make([]string, len(codes))
	for i, c := range codes {
		l, ok := known[c]
		if !ok { // looking a label up walks the code list
			l = a.Label(dimension, c, lang)
			known[c] = l
		}
		labels[i] = l
	}
	return []Column{{Name: dimension, Text: codes}, {Name: dimension + "_label", Text: labels}}
}

func numbers(t outputs.Table) []Column {
	null, status, edition := make([]bool, t.Rows()), make([]string, t.Rows()), make([]int64, t.Rows())
	for i := range null {
		null[i], status[i], edition[i] = t.Status[i].Empty(), string(t.Status[i]), int64(t.Edition[i])
	}
	return []Column{
		{Name: "value", Kind: Integer, Int: t.Value, Null: null},
		{Name: "ci_low", Kind: Integer, Int: t.Low, Null: null},
		{Name: "ci_high", Kind: Integer, Int: t.High, Null: null},
		{Name: "estimate", Kind: Number, Float: thousandths(t.Estimate), Null: null},
		{Name: "sd", Kind: Number, Float: thousandths(t.SD), Null: null},
		{Name: "status", Text: status},
		{Name: "edition", Kind: Integer, Int: edition},
	}
}

// thousandths rounds to the three decimals that are published, so that CSV and
// Parquet hold the same doubles.
func thousandths(x []float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		r, err := strconv.ParseFloat(decimals(v), 64)
		if err != nil {
			r = math.NaN() // not reached: FormatFloat's output parses
		}
		out[i] = r
	}
	return out
}

// decimals writes x with three decimals and no negative zero.
func decimals(x float64) string {
	s := strconv.FormatFloat(x, 'f', 3, 64)
	if s == "-0.000" {
		return "0.000"
	}
	return s
}

// Cell is the text of a row in CSV.
func (c Column) Cell(row int) string {
	switch {
	case c.Null != nil && c.Null[row]:
		return ""
	case c.Kind == Integer:
		return strconv.FormatInt(c.Int[row], 10)
	case c.Kind == Number:
		return decimals(c.Float[row])
	}
	return c.Text[row]
}

// A Difference is the first place at which two sheets are not alike.
type Difference struct {
	Row    int    // from 0; -1 where the sheets differ in shape
	Column string // empty where the sheets differ in shape
}

// Compare returns the first difference of s from want, by row, or false.
func (s Sheet) Compare(want Sheet) (Difference, bool) {
	if len(s.Columns) != len(want.Columns) {
		return Difference{Row: -1}, true
	}
	for i, c := range s.Columns {
		if c.Name != want.Columns[i].Name || c.Kind != want.Columns[i].Kind {
			return Difference{Row: -1}, true
		}
	}
	for row := range min(s.Rows, want.Rows) {
		for i, c := range s.Columns {
			if !c.same(want.Columns[i], row) {
				return Difference{row, c.Name}, true
			}
		}
	}
	if s.Rows != want.Rows {
		return Difference{Row: -1}, true
	}
	return Difference{}, false
}

func (c Column) same(o Column, row int) bool {
	none := c.Null != nil && c.Null[row]
	if none != (o.Null != nil && o.Null[row]) {
		return false
	}
	switch {
	case none:
		return true
	case c.Kind == Integer:
		return c.Int[row] == o.Int[row]
	case c.Kind == Number:
		return c.Float[row] == o.Float[row]
	}
	return c.Text[row] == o.Text[row]
}

// Languages are the languages of a's labels, at least one.
func Languages(a outputs.About) []string {
	if len(a.Languages) == 0 {
		return []string{"en"}
	}
	return a.Languages
}

// String names the kind as Table Schema does.
func (k Kind) String() string {
	switch k {
	case Integer:
		return "integer"
	case Number:
		return "number"
	case Text:
		return "string"
	}
	return fmt.Sprintf("kind %d", int(k))
}
