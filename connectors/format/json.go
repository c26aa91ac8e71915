package format

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"halftone/connectors"
)

// errStop says that the receiver wants no more.
var errStop = errors.New("stopped")

// decodeJSON reads one JSON document. Its rows are the 1-based places of the
// records among the records of the item. Text comes out decoded, a number as
// it is written, true and false by name, null and an absent key as empty text.
// An unpaired surrogate escape comes out as U+FFFD, as encoding/json has it.
func decodeJSON(ctx context.Context, in Input, text io.Reader, page func(connectors.Page) bool) error {
	return in.decodeJSON(ctx, text, page, false)
}

// decodeJSONLines reads one JSON value a line, as if the lines were the
// elements of an array. Its rows are physical lines.
func decodeJSONLines(ctx context.Context, in Input, text io.Reader, page func(connectors.Page) bool) error {
	return in.decodeJSON(ctx, text, page, true)
}

func (in Input) decodeJSON(ctx context.Context, text io.Reader, page func(connectors.Page) bool, lines bool) error {
	if in.Match != nil {
		return in.column("", "columns cannot be chosen by a pattern in JSON", "list the labels under `unpivot`")
	}
	var t trail
	var err error
	if t.rows, err = parsePath(in.Layout.Rows, pathOfRows); err != nil {
		return err
	}
	if t.names, err = parsePath(in.Layout.Names, pathOfNames); err != nil {
		return err
	}
	if t.total, err = parsePath(in.Layout.Total, pathOfTotal); err != nil {
		return err
	}
	w := newWalker(ctx, in, text, page, lines)
	defer w.records.table.release()
	if lines {
		err = w.lines(t)
	} else {
		err = w.value(t, 0)
	}
	switch {
	case errors.Is(err, errStop):
		return nil
	case err != nil:
		return err
	}
	if err := w.end(t.total != nil); err != nil {
		return err
	}
	page(w.records.page(w.total))
	return nil
}

// tokenReader bounds what the decoder holds: it buffers a whole token before
// it hands it out, however long that is. It also counts lines.
type tokenReader struct {
	r     io.Reader
	given int64
	taken func() int64
	limit int64

	lines  bool
	line   int64   // line breaks that were passed
	breaks []int64 // offsets of those that were not
}

func (t *tokenReader) Read(p []byte) (int, error) {
	if t.given-t.taken() > t.limit {
		return 0, errTooLong
	}
	n, err := t.r.Read(p)
	for i := 0; t.lines && i < n; i++ {
		if p[i] == '\n' {
			t.breaks = append(t.breaks, t.given+int64(i))
		}
	}
	t.given += int64(n)
	return n, err
}

// at gives the line of what was taken last. What is no line but a record has none.
func (t *tokenReader) at() int64 {
	n := 0
	for n < len(t.breaks) && t.breaks[n] < t.taken() {
		n++
	}
	t.line += int64(n)
	t.breaks = t.breaks[:copy(t.breaks, t.breaks[n:])]
	return t.line + 1
}

// token gives the next one; its error has its place and none of its text.
func (w *walker) token() (json.Token, error) {
	tok, err := w.dec.Token()
	if err == nil {
		return tok, nil
	}
	var syntax *json.SyntaxError
	switch row := w.place(); {
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

// end checks what only the whole document can say.
func (w *walker) end(wantTotal bool) error {
	var syntax *json.SyntaxError
	switch _, err := w.dec.Token(); {
	case errors.Is(err, io.EOF):
	case err == nil:
		return w.in.malformed(0, "there is more than one JSON value", "if each line is a value of its own, say `read: {format: jsonl}`")
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
	for i, seen := range w.records.seen {
		if !seen && w.records.any {
			return w.in.column(w.in.Columns[i], "no record has this key", "check the name; keys are compared letter by letter")
		}
	}
	return nil
}
