package format

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"halftone/connectors"
)

// A page ends at pageRows records or once pageBytes of values are in it,
// whichever comes first: small enough to be quick to release, large enough that
// the cost of a page does not show.
const (
	pageRows  = 16 << 10
	pageBytes = 8 << 20
)

// table collects records and cuts them into pages. The caller calls begin,
// then value once for each column, and page when full or at the end.
type table struct {
	in      Input
	schema  *arrow.Schema
	columns []*array.StringBuilder
	n       int
	bytes   int
	first   int64   // row of the first record of this page
	next    int64   // row that would follow the last record
	rows    []int64 // nil while rows follow each other
	blank   []int   // records of this page without any text
}

// newTable makes a table of the columns whose first record is expected at row.
// The caller calls release.
func newTable(in Input, columns []string, row int64) *table {
	t := &table{in: in, first: row, next: row}
	fields := make([]arrow.Field, len(columns))
	for i, name := range columns {
		fields[i] = arrow.Field{Name: name, Type: arrow.BinaryTypes.String}
		t.columns = append(t.columns, array.NewStringBuilder(in.Alloc))
	}
	t.schema = arrow.NewSchema(fields, nil)
	return t
}

func (t *table) release() {
	for _, c := range t.columns {
		c.Release()
	}
}

func (t *table) full() bool { return t.n == pageRows || t.bytes >= pageBytes }

// begin starts the record that stands at row.
func (t *table) begin(row int64) {
	if t.n == 0 {
		t.first = row
		for _, c := range t.columns {
			c.Reserve(pageRows)
		}
	} else if row != t.next && t.rows == nil {
		t.rows = make([]int64, t.n, pageRows)
		for i := range t.rows {
			t.rows[i] = t.first + int64(i)
		}
	}
	if t.rows != nil {
		t.rows = append(t.rows, row)
	}
	t.n, t.next = t.n+1, row+1
}

// value appends v, copied, to column i. begin has reserved the slot.
func (t *table) value(i int, v []byte) {
	c := t.columns[i]
	if c.DataCap()-c.DataLen() < len(v) {
		c.ReserveData(max(len(v), c.DataCap(), 16<<10))
	}
	c.UnsafeAppend(v)
	t.bytes += len(v)
}

// isBlank says that the record that was begun last has no text in any cell.
func (t *table) isBlank() { t.blank = append(t.blank, t.n-1) }

// page cuts what is there, which the receiver owns. Every begun record has all
// its values.
func (t *table) page(total connectors.Total) connectors.Page {
	arrays := make([]arrow.Array, len(t.columns))
	for i, c := range t.columns {
		arrays[i] = c.NewArray()
	}
	records := array.NewRecordBatch(t.schema, arrays, int64(t.n))
	for _, a := range arrays {
		a.Release()
	}
	p := connectors.Page{
		Records: records,
		Origin:  connectors.Origin{File: t.in.Name, Row: t.first},
		Rows:    t.rows,
		Blank:   t.blank,
		Total:   total,
	}
	t.n, t.bytes, t.rows, t.blank, t.first = 0, 0, nil, nil, t.next
	return p
}
