package format

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"

	"halftone/connectors"
)

// records gathers the records of a document, with the texts that the objects
// around them give to all records in them: keys that became a column, and
// scalars, which may also stand behind the records.
type records struct {
	table *table
	row   int64  // of the last record, among the records
	any   bool   // there was one
	place int64  // of the current one, as Origin.Row has it
	some  bool   // the current record has a value that is not blank
	have  []bool // columns that are in the current record
	seen  []bool // in any record
	cells [][]byte

	columns []string
	index   map[string]int // of the columns
	isLate  []bool
	late    []late // the columns that objects around may give
	frames  []frame
	given   int64 // records that were handed out in pages
}

// A late column has its texts beside the page that is being gathered, until
// the page is cut.
type late struct {
	column int
	scalar bool // from a key; else from keys that became a column
	texts  [][]byte
	depth  []int // of the object that each is from
}

// A frame is an object around the records.
type frame struct {
	first int64    // the record before the first in it
	texts [][]byte // by late column; nil: none yet
}

// inRecord is the depth of a text that the record itself has.
const inRecord = 1 << 30

func newWalker(ctx context.Context, in Input, text io.Reader, page func(connectors.Page) bool, lines bool) *walker {
	n := len(in.Columns)
	r := &records{table: newTable(in, in.Columns, 1), columns: in.Columns, index: make(map[string]int, n), isLate: make([]bool, n),
		cells: make([][]byte, n), have: make([]bool, n), seen: make([]bool, n)}
	for i, name := range in.Columns {
		r.index[name] = i
	}
	for _, name := range in.Layout.Outer {
		r.addLate(name, true)
	}
	if steps, err := parsePath(in.Layout.Rows, pathOfRows); err == nil {
		for _, st := range steps {
			if st.over == eachKey {
				r.addLate(st.name, false)
			}
		}
	}
	bounded := &tokenReader{r: text, limit: int64(in.Limits.RecordBytes()), lines: lines}
	w := &walker{ctx: ctx, in: in, bytes: bounded, page: page, records: r, dec: json.NewDecoder(bounded)}
	w.dec.UseNumber()
	bounded.taken = w.dec.InputOffset
	return w
}

func (r *records) addLate(name string, scalar bool) {
	if i, ok := r.index[name]; ok && !r.isLate[i] {
		r.isLate[i] = true
		r.late = append(r.late, late{column: i, scalar: scalar})
	}
}

// enter opens an object, on the way to the records or not.
func (r *records) enter(onRows bool) {
	f := frame{first: r.row}
	if onRows && len(r.late) > 0 {
		f.texts = make([][]byte, len(r.late))
	}
	r.frames = append(r.frames, f)
}

func (r *records) leave() { r.frames = r.frames[:len(r.frames)-1] }

func (r *records) find(name string, scalar bool) int {
	return slices.IndexFunc(r.late, func(l late) bool { return l.scalar == scalar && r.columns[l.column] == name })
}

// outer gives the late column that a scalar of that key is, or -1.
func (r *records) outer(key string) int { return r.find(key, true) }

// bind gives the records to come in this object the text of a key.
func (r *records) bind(column, key string) {
	if i := r.find(column, false); i >= 0 {
		r.seen[r.late[i].column] = true
		r.frames[len(r.frames)-1].texts[i] = []byte(key)
	}
}

// around gives all records in this object, those before it among them, the
// text of a scalar. It is false if some were handed out before.
func (r *records) around(i int, text []byte) bool {
	depth := len(r.frames)
	if text == nil {
		text = []byte{}
	}
	l, f := &r.late[i], &r.frames[depth-1]
	f.texts[i] = text
	r.seen[l.column] = true
	if r.given > f.first {
		return false
	}
	for k := max(0, f.first-r.given); k < int64(len(l.texts)); k++ {
		if l.texts[k] == nil || l.depth[k] < depth {
			l.texts[k], l.depth[k] = text, depth
		}
	}
	return true
}

// begin starts the record that stands at place.
func (r *records) begin(place int64) {
	r.place, r.some = place, false
	clear(r.have)
	for i := range r.cells {
		r.cells[i] = r.cells[i][:0]
	}
}

// end puts the record into the table.
func (r *records) end() {
	r.row, r.any = r.row+1, true
	r.table.begin(r.place)
	for i, v := range r.cells {
		if !r.isLate[i] {
			r.table.value(i, v)
		}
	}
	for i := range r.late {
		l := &r.late[i]
		var text []byte
		depth := 0
		if r.have[l.column] {
			text, depth = slices.Clone(r.cells[l.column]), inRecord
			if text == nil {
				text = []byte{}
			}
		}
		for k := len(r.frames) - 1; k >= 0 && text == nil; k-- {
			if f := r.frames[k]; f.texts != nil && f.texts[i] != nil {
				text, depth = f.texts[i], k+1
			}
		}
		l.texts, l.depth = append(l.texts, text), append(l.depth, depth)
		r.table.bytes += len(text)
	}
	if !r.some {
		r.table.isBlank()
	}
}

// look notes whether a value of the current record is not blank, and keeps nothing of it.
func (r *records) look(tok json.Token) {
	switch v := tok.(type) {
	case string:
		r.some = r.some || strings.TrimSpace(v) != ""
	case json.Number, bool:
		r.some = true
	}
}

// page cuts what is there.
func (r *records) page(total connectors.Total) connectors.Page {
	for i := range r.late {
		l := &r.late[i]
		for _, text := range l.texts {
			r.table.value(l.column, text)
		}
		clear(l.texts)
		l.texts, l.depth = l.texts[:0], l.depth[:0]
	}
	r.given = r.row
	return r.table.page(total)
}
