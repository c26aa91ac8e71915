package format

import (
	"context"
	"errors"
	"io"

	"halftone/connectors"
)

// A rowReader gives the rows of a table, the header's and what stands above it
// among them: what all formats with a header have in common.
type rowReader interface {
	// next gives the cells of the next row, which are valid until the next call,
	// and the row's place as Origin.Row has it. At the end the error is io.EOF;
	// any other has its place.
	next() (cells [][]byte, row int64, err error)
	// following is the place that a row behind the last one would have.
	following() int64
}

// A sheetReader reads a sheet of cells: its rows may have fewer or more cells
// than the header, and come without the blank rows between them.
type sheetReader interface {
	rowReader
	// merged gives the areas of merged cells.
	merged() ([]area, error)
	// keep says, once the header is known, which cells are wanted: the others
	// need not be decoded any more, as far as texts can do without.
	keep(fields []int)
	// texts gives how many cells of the current row have text, wanted or not: 0, 1,
	// or 2 for more.
	texts() int
}

// An area is a rectangle of cells: rows as in Origin.Row, columns from 0, both ends within.
type area struct {
	top, bottom int64
	left, right int
}

// decodeRows makes pages of the rows below the header. label, if not nil, makes
// names of the header's labels.
func (in Input) decodeRows(ctx context.Context, src rowReader, label func(string) string, page func(connectors.Page) bool) error {
	h, err := in.head(src, label)
	if err != nil {
		return err
	}
	t := newTable(in, h.names, src.following())
	defer t.release()
	for {
		cells, row, err := src.next()
		if errors.Is(err, io.EOF) {
			page(t.page(connectors.Total{}))
			return nil
		}
		if err != nil {
			return err
		}
		if t.full() {
			if err := ctx.Err(); err != nil {
				return err
			}
			if !page(t.page(connectors.Total{})) {
				return nil
			}
		}
		if len(cells) != h.width && !h.sheet && (len(cells) > 1 || !h.notes) {
			return in.uneven(row)
		}
		if err := in.record(t, h, cells, row); err != nil {
			return err
		}
		if h.blank(src, cells) {
			t.isBlank()
		}
	}
}

// blank reports whether a row has no text in any cell, or is a note: then what is
// wanted of it may have text all the same.
func (h *head) blank(src rowReader, cells [][]byte) bool {
	if s, ok := src.(sheetReader); ok {
		n := s.texts()
		return n == 0 || n == 1 && h.notes && h.width > 1
	}
	return blank(cells) || len(cells) == 1 && h.notes && h.width > 1
}

func (in Input) uneven(row int64) error {
	return in.malformed(row, "the row has more or fewer fields than the header", "look for a stray delimiter, an unclosed quote or a footnote")
}

func (in Input) record(t *table, h *head, cells [][]byte, row int64) error {
	t.begin(row)
	for col, i := range h.at {
		var v []byte
		switch {
		case i < 0:
			v = h.constants[col]
		case i < len(cells):
			v = cells[i]
		}
		if len(v) > in.Limits.Field {
			name := "" // names that matched come from the file
			if col < len(in.Columns) {
				name = in.Columns[col]
			}
			return in.tooLong(row, name)
		}
		t.value(col, v)
	}
	return nil
}

func (in Input) tooLong(row int64, column string) error {
	return &connectors.SourceError{Reason: connectors.Limit, File: in.Name, Row: row, Column: column, What: "the value is longer than the limit"}
}
