package format

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strconv"

	"halftone/connectors"
)

// errStop says that the receiver wants no more.
var errStop = errors.New("stopped")

// decodeJSON reads one JSON document. Its rows are the 1-based places of the
// records among the records of the item. Text comes out decoded, a number as
// it is written, true and false by name, null and an absent key as empty text.
// An unpaired surrogate escape comes out as U+FFFD, as encoding/json has it.
func decodeJSON(ctx context.Context, in Input, text io.Reader, page func(connectors.Page) bool) error {
	if in.Match != nil {
		return in.column("", "columns cannot be chosen by a pattern in JSON", "list the labels under `unpivot`")
	}
	rows, err := parsePath(in.Layout.Rows, true)
	if err != nil {
		return err
	}
	total, err := parsePath(in.Layout.Total, false)
	if err != nil {
		return err
	}
	w := newWalker(ctx, in, text, page)
	defer w.table.release()
	switch err := w.value(rows, total, 0); {
	case errors.Is(err, errStop):
		return nil
	case err != nil:
		return err
	}
	if err := w.end(total != nil); err != nil {
		return err
	}
	page(w.table.page(w.total))
	return nil
}

// walker goes through the document once, along the path of the records and
// that of the total, and steps over everything else.
type walker struct {
	ctx   context.Context // of the one read that it serves
	in    Input
	dec   *json.Decoder
	table *table
	page  func(connectors.Page) bool

	index map[string]int // of the wanted columns
	cells [][]byte       // of the current record
	have  []bool         // in the current record
	seen  []bool         // in any record
	row   int64
	found bool // the array of the records is there
	total connectors.Total
}

func newWalker(ctx context.Context, in Input, text io.Reader, page func(connectors.Page) bool) *walker {
	n := len(in.Columns)
	w := &walker{ctx: ctx, in: in, table: newTable(in, in.Columns, 1), page: page,
		index: make(map[string]int, n), cells: make([][]byte, n), have: make([]bool, n), seen: make([]bool, n)}
	for i, name := range in.Columns {
		w.index[name] = i
	}
	bounded := &tokenReader{r: text, limit: int64(in.Limits.RecordBytes())}
	w.dec = json.NewDecoder(bounded)
	w.dec.UseNumber()
	bounded.taken = w.dec.InputOffset
	return w
}

// tokenReader bounds what the decoder holds: it buffers a whole token before
// it hands it out, however long that is.
type tokenReader struct {
	r     io.Reader
	given int64
	taken func() int64
	limit int64
}

func (t *tokenReader) Read(p []byte) (int, error) {
	if t.given-t.taken() > t.limit {
		return 0, errTooLong
	}
	n, err := t.r.Read(p)
	t.given += int64(n)
	return n, err
}

// token gives the next one; its error has its place and none of its text.
func (w *walker) token() (json.Token, error) {
	tok, err := w.dec.Token()
	var syntax *json.SyntaxError
	switch row := w.row + 1; {
	case err == nil:
		return tok, nil
	case errors.As(err, &syntax):
		return nil, w.in.malformed(row, "it is not valid JSON", "pull again; if it stays so, the agency's export is faulty")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, &connectors.SourceError{Reason: connectors.Short, File: w.in.Name, Row: row, What: "it ends in the middle", Do: "pull again: it was cut off"}
	case errors.Is(err, errTooLong):
		return nil, &connectors.SourceError{Reason: connectors.Limit, File: w.in.Name, Row: row, What: "a value is longer than the limit"}
	default:
		return nil, w.in.fault(row, err)
	}
}

// value reads one value. rows and total are what is left of the two paths:
// nil when it is not on them, empty when this is their end.
func (w *walker) value(rows, total []step, depth int) error {
	tok, err := w.token()
	if err != nil {
		return err
	}
	if rows != nil && len(rows) == 0 {
		if tok != json.Delim('{') {
			return w.in.malformed(w.row+1, "a record is not a JSON object", "check `rows`")
		}
		return w.record(depth + 1)
	}
	if total != nil && len(total) == 0 {
		return w.count(tok)
	}
	switch {
	case depth >= w.in.Limits.Depth:
		return w.tooDeep()
	case rows == nil && total == nil:
		return w.skip(tok, depth)
	case tok == json.Delim('{'):
		return w.object(rows, total, depth)
	case tok == json.Delim('['):
		return w.array(after(rows, each), depth)
	}
	return nil
}

func (w *walker) object(rows, total []step, depth int) error {
	var onRows, onTotal bool
	for w.dec.More() {
		tok, err := w.token()
		if err != nil {
			return err
		}
		var r, t []step
		if key, _ := tok.(string); key != "" { // an empty key would look like the step into an array
			r, t = after(rows, step(key)), after(total, step(key))
		}
		if r != nil && onRows || t != nil && onTotal {
			return w.in.malformed(0, "a key of the path `rows` or `total` is there twice", "")
		}
		onRows, onTotal = onRows || r != nil, onTotal || t != nil
		if err := w.value(r, t, depth+1); err != nil {
			return err
		}
	}
	_, err := w.token()
	return err
}

func (w *walker) array(rows []step, depth int) error {
	// An empty array on the way to the records says "none" as well as one at the end.
	if rows != nil && (len(rows) == 0 || !w.dec.More()) {
		w.found = true
	}
	for w.dec.More() {
		if err := w.value(rows, nil, depth+1); err != nil {
			return err
		}
	}
	_, err := w.token()
	return err
}

// record reads one record behind its brace.
func (w *walker) record(depth int) error {
	if w.table.full() {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		if !w.page(w.table.page(w.total)) {
			return errStop
		}
	}
	clear(w.have)
	for i := range w.cells {
		w.cells[i] = w.cells[i][:0]
	}
	for keys := 0; w.dec.More(); keys++ {
		tok, err := w.token()
		if err != nil {
			return err
		}
		if keys >= w.in.Limits.Columns {
			return &connectors.SourceError{Reason: connectors.Limit, File: w.in.Name, Row: w.row + 1, What: "the record has more keys than the limit"}
		}
		key, _ := tok.(string)
		i, wanted := w.index[key]
		if tok, err = w.token(); err != nil {
			return err
		}
		if !wanted {
			err = w.skip(tok, depth)
		} else {
			err = w.cell(i, tok)
		}
		if err != nil {
			return err
		}
	}
	if _, err := w.token(); err != nil {
		return err
	}
	w.row++
	w.table.begin(w.row)
	for i, v := range w.cells {
		w.table.value(i, v)
	}
	return nil
}

func (w *walker) cell(i int, tok json.Token) error {
	name := w.in.Columns[i]
	fail := func(what, do string) error {
		return &connectors.SourceError{Reason: connectors.Malformed, File: w.in.Name, Row: w.row + 1, Column: name, What: what, Do: do}
	}
	if w.have[i] {
		return fail("the key is there twice in one record", "ask the agency which one holds")
	}
	w.have[i], w.seen[i] = true, true
	switch v := tok.(type) {
	case string:
		w.cells[i] = append(w.cells[i], v...)
	case json.Number:
		w.cells[i] = append(w.cells[i], v...)
	case bool:
		w.cells[i] = strconv.AppendBool(w.cells[i], v)
	case json.Delim:
		return fail("there is an object or array where one value is expected", "map a column with plain values")
	}
	for _, c := range w.cells[i] {
		if c == 0 {
			return fail("there is a NUL character", "")
		}
	}
	if len(w.cells[i]) > w.in.Limits.Field {
		return w.in.tooLong(w.row+1, name)
	}
	return nil
}

// skip steps over a value whose first token is tok.
func (w *walker) skip(tok json.Token, depth int) error {
	open := 0
	for {
		if d, ok := tok.(json.Delim); ok {
			if d == '{' || d == '[' {
				open++
			} else {
				open--
			}
		}
		if open == 0 {
			return nil
		}
		if depth+open > w.in.Limits.Depth {
			return w.tooDeep()
		}
		var err error
		if tok, err = w.token(); err != nil {
			return err
		}
	}
}

func (w *walker) tooDeep() error {
	return &connectors.SourceError{Reason: connectors.Limit, File: w.in.Name, Row: w.row + 1, What: "it is nested deeper than the limit"}
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

// end checks what only the whole document can say.
func (w *walker) end(wantTotal bool) error {
	var syntax *json.SyntaxError
	switch _, err := w.dec.Token(); {
	case errors.Is(err, io.EOF):
	case err == nil:
		return w.in.malformed(0, "there is more than one JSON value", "JSON lines cannot be read yet: ask for one array")
	case errors.As(err, &syntax):
		return w.in.malformed(0, "something that is not JSON follows the JSON value", "pull again; if it stays so, the agency's export is faulty")
	case errors.Is(err, errTooLong):
		return &connectors.SourceError{Reason: connectors.Limit, File: w.in.Name, What: "too much blank space follows the JSON value"}
	default:
		return w.in.fault(0, err)
	}
	if !w.found {
		return &connectors.SourceError{Reason: connectors.NotFound, File: w.in.Name, What: "there is no array of records where `rows` says", Do: "check `rows`; an error reply often looks like this"}
	}
	if wantTotal && !w.total.Known {
		return &connectors.SourceError{Reason: connectors.Short, File: w.in.Name, What: "the source's own total is not where `total` says", Do: "check `total`: without it a short read could not be seen"}
	}
	for i, seen := range w.seen {
		if !seen && w.row > 0 {
			return w.in.column(w.in.Columns[i], "no record has this key", "check the name; keys are compared letter by letter")
		}
	}
	return nil
}
