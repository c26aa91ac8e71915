package format

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"halftone/connectors"
)

// walker goes through the document once, along the paths of the records, of
// their names and of the total, and steps over everything else.
type walker struct {
	ctx   context.Context // of the one read that it serves
	in    Input
	dec   *json.Decoder
	bytes *tokenReader
	page  func(connectors.Page) bool

	records *records
	names   []string // of the elements of records that are arrays
	found   bool     // the array of the records is there
	total   connectors.Total
	open    []byte // arrays and objects that skip is in
}

func (w *walker) place() int64 {
	if w.bytes.lines {
		return w.bytes.at()
	}
	return w.records.row + 1
}

// lines reads values up to the end of the text.
func (w *walker) lines(t trail) error {
	w.found = len(t.rows) == 1 || !w.dec.More()
	for w.dec.More() {
		if err := w.value(t.element(), 1); err != nil {
			return err
		}
	}
	return nil
}

// value reads one value.
func (w *walker) value(t trail, depth int) error {
	tok, err := w.token()
	if err != nil {
		return err
	}
	text, isText := tok.(string)
	switch {
	case t.rows != nil && len(t.rows) == 0:
		return w.record(tok, depth+1)
	case t.total != nil && len(t.total) == 0:
		return w.count(tok)
	case t.names != nil && len(t.names) == 0:
		if !isText || len(w.names) >= w.in.Limits.Columns || len(text) > w.in.Limits.Field {
			return w.in.malformed(0, "a name is no text, or there are too many", "check `columns`")
		}
		w.names = append(w.names, text)
	case depth >= w.in.Limits.Depth:
		return w.tooDeep()
	case t.off():
		return w.skip(tok, depth)
	case tok == json.Delim('{'):
		return w.object(t, depth)
	case tok == json.Delim('['):
		return w.array(t.element(), depth)
	}
	return nil
}

func (w *walker) object(t trail, depth int) error {
	w.records.enter(t.rows != nil)
	if len(t.rows) == 1 && t.rows[0].over == eachKey {
		w.found = true
	}
	var on trail // the paths that have gone on from here
	twice := func(next, before []step) bool { return next != nil && before != nil }
	for w.dec.More() {
		tok, err := w.token()
		if err != nil {
			return err
		}
		key, _ := tok.(string)
		next, bound := t.key(key)
		if bound != "" {
			w.records.bind(bound, key)
		} else {
			if twice(next.rows, on.rows) || twice(next.names, on.names) || twice(next.total, on.total) {
				return w.in.malformed(0, "a key of a path is there twice", "ask the agency which one holds")
			}
			on = on.also(next)
			if i := w.records.outer(key); i >= 0 && next.off() && t.rows != nil {
				if err := w.scalar(i, key, depth+1); err != nil {
					return err
				}
				continue
			}
		}
		if err := w.value(next, depth+1); err != nil {
			return err
		}
	}
	w.records.leave()
	_, err := w.token()
	return err
}

// also gives the paths that are in one of the two.
func (t trail) also(o trail) trail {
	either := func(a, b []step) []step {
		if a != nil {
			return a
		}
		return b
	}
	return trail{either(t.rows, o.rows), either(t.names, o.names), either(t.total, o.total)}
}

// scalar takes a value of an object around the records that is a column.
func (w *walker) scalar(i int, key string, depth int) error {
	tok, err := w.token()
	if err != nil {
		return err
	}
	if _, nested := tok.(json.Delim); nested {
		return w.skip(tok, depth)
	}
	text, err := w.text(nil, tok, key)
	if err != nil {
		return err
	}
	if w.records.frames[len(w.records.frames)-1].texts[i] != nil {
		return w.in.badCell(0, key, "the key is there twice in one object", "ask the agency which one holds")
	}
	if !w.records.around(i, text) {
		return &connectors.SourceError{Reason: connectors.Limit, File: w.in.Name, Column: key,
			What: "the key stands behind more records than can be held", Do: "ask for a smaller extract, or for the key before the records"}
	}
	return nil
}

func (w *walker) array(t trail, depth int) error {
	// An empty array on the way to the records says "none" as well as one at the end.
	if t.rows != nil && (len(t.rows) == 0 || !w.dec.More()) {
		w.found = true
	}
	for w.dec.More() {
		if err := w.value(t, depth+1); err != nil {
			return err
		}
	}
	_, err := w.token()
	return err
}

// record reads one record behind its first token.
func (w *walker) record(tok json.Token, depth int) error {
	if w.records.table.full() {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		if !w.page(w.records.page(w.total)) {
			return errStop
		}
	}
	w.records.begin(w.place())
	var err error
	switch list := w.in.Layout.Names != ""; {
	case !list && tok == json.Delim('{'):
		err = w.keys(depth)
	case list && tok == json.Delim('['):
		err = w.elements(depth)
	case list:
		return w.in.malformed(w.place(), "a record is not a JSON array", "check `rows`, and `columns`, which names the elements of arrays")
	default:
		return w.in.malformed(w.place(), "a record is not a JSON object", "check `rows`")
	}
	if err != nil {
		return err
	}
	if _, err := w.token(); err != nil {
		return err
	}
	w.records.end()
	return nil
}

// keys reads the wanted keys of a record.
func (w *walker) keys(depth int) error {
	for n := 0; w.dec.More(); n++ {
		tok, err := w.token()
		if err != nil {
			return err
		}
		if n >= w.in.Limits.Columns {
			return &connectors.SourceError{Reason: connectors.Limit, File: w.in.Name, Row: w.place(), What: "the record has more keys than the limit"}
		}
		key, _ := tok.(string)
		if err := w.cell(key, depth); err != nil {
			return err
		}
	}
	return nil
}

// elements reads the wanted elements of a record that is an array.
func (w *walker) elements(depth int) error {
	n := 0
	for ; w.dec.More(); n++ {
		if n >= len(w.names) {
			break
		}
		if err := w.cell(w.names[n], depth); err != nil {
			return err
		}
	}
	if n != len(w.names) || w.dec.More() {
		return w.in.malformed(w.place(), "a record has more or fewer elements than `columns` names", "check `columns`: the names have to stand before the records")
	}
	return nil
}

// cell reads the value of a key, or steps over it.
func (w *walker) cell(key string, depth int) error {
	tok, err := w.token()
	if err != nil {
		return err
	}
	i, wanted := w.records.index[key]
	w.records.look(tok)
	if !wanted {
		return w.skip(tok, depth)
	}
	if w.records.have[i] {
		return w.in.badCell(w.place(), key, "the key is there twice in one record", "ask the agency which one holds")
	}
	w.records.have[i], w.records.seen[i] = true, true
	w.records.cells[i], err = w.text(w.records.cells[i][:0], tok, key)
	return err
}

func (in Input) badCell(row int64, column, what, do string) error {
	return &connectors.SourceError{Reason: connectors.Malformed, File: in.Name, Row: row, Column: column, What: what, Do: do}
}

// text appends a plain value as text.
func (w *walker) text(to []byte, tok json.Token, column string) ([]byte, error) {
	switch v := tok.(type) {
	case string:
		to = append(to, v...)
	case json.Number:
		to = append(to, v...)
	case bool:
		to = strconv.AppendBool(to, v)
	case json.Delim:
		return nil, w.in.badCell(w.place(), column, "there is an object or array where one value is expected", "map a column with plain values")
	}
	if slices.Contains(to, 0) {
		return nil, w.in.badCell(w.place(), column, "there is a NUL character", "")
	}
	if len(to) > w.in.Limits.Field {
		return nil, w.in.tooLong(w.place(), column)
	}
	return to, nil
}

// What comes next in an array or object that skip is in.
const (
	inArray = iota
	inObjectKey
	inObjectValue
)

// skip steps over a value whose first token is tok, and looks whether it says
// anything: keys do not.
func (w *walker) skip(tok json.Token, depth int) error {
	open := w.open[:0]
	for {
		done := true // with a value
		switch d, nested := tok.(json.Delim); {
		case d == '{':
			open, done = append(open, inObjectKey), false
		case d == '[':
			open, done = append(open, inArray), false
		case nested:
			open = open[:len(open)-1]
		case len(open) > 0 && open[len(open)-1] == inObjectKey:
			open[len(open)-1], done = inObjectValue, false
		default:
			w.records.look(tok)
		}
		w.open = open
		switch top := len(open) - 1; {
		case top < 0:
			return nil
		case done && open[top] == inObjectValue:
			open[top] = inObjectKey
		}
		if depth+len(open) > w.in.Limits.Depth {
			return w.tooDeep()
		}
		var err error
		if tok, err = w.token(); err != nil {
			return err
		}
	}
}

func (w *walker) tooDeep() error {
	return &connectors.SourceError{Reason: connectors.Limit, File: w.in.Name, Row: w.place(), What: "it is nested deeper than the limit"}
}

// count reads the source's own total.
func (w *walker) count(tok json.Token) error {
	text, ok := tok.(json.Number)
	if !ok {
		if s, isText := tok.(string); isText { // some APIs write their numbers as text
			text, ok = json.Number(s), true
		}
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if !ok || err != nil || n < 0 {
		return w.in.malformed(0, "the source's own total is not a whole number", "check `total`")
	}
	w.total = connectors.Total{Rows: n, Known: true}
	return nil
}
