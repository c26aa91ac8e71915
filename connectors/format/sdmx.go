package format

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"

	"halftone/connectors"
)

// decodeSDMX reads SDMX-CSV 1.0 and 2.0, which is delimited text with agreed
// columns: their names are the ids of the components, whatever labels and marks
// of several values stand beside them in the header. Cells stay as they are
// written, `ID: Label` where the reply has both.
func decodeSDMX(ctx context.Context, in Input, text io.Reader, page func(connectors.Page) bool) error {
	br := bufio.NewReaderSize(text, readBuffer)
	comma, err := delimiter(in.Layout.Delimiter, 0)
	if err != nil {
		return err
	}
	if comma == 0 {
		head, err := br.Peek(readBuffer / 2)
		if err != nil && len(head) == 0 && !errors.Is(err, io.EOF) {
			return in.fault(0, err)
		}
		comma = sdmxDelimiter(head)
	}
	label := in.labeller()
	if in.Layout.Header.Label == "" {
		label = componentID
	}
	return in.decodeRows(ctx, &sdmxRows{textRows: in.lines(br, comma), action: -1}, label, page)
}

// sdmxDelimiter takes the first of , ; and tab that stands outside brackets,
// which hold the delimiter of several values in one cell, and quotes.
func sdmxDelimiter(head []byte) byte {
	brackets, quoted := 0, false
	for _, c := range head {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '\n':
			return ','
		case c == '[':
			brackets++
		case c == ']':
			brackets--
		case brackets == 0 && (c == ',' || c == ';' || c == '\t'):
			return c
		}
	}
	return ','
}

var marks = regexp.MustCompile(`\[[^\]]*\]`)

// componentID takes the id out of `DIM_1: Dimension 1`, `ATTR_1[en;fr]` and `STRUCTURE[;]`.
func componentID(label string) string {
	id, _, _ := strings.Cut(label, ": ")
	return marks.ReplaceAllString(id, "")
}

// sdmxRows watch the column ACTION of SDMX-CSV 2.0: a row that deletes, read as
// one that informs, would count what is not there any more.
type sdmxRows struct {
	*textRows
	begun  bool
	action int // -1: there is no such column
}

func (s *sdmxRows) next() ([][]byte, int64, error) {
	cells, row, err := s.textRows.next()
	if err != nil {
		return cells, row, err
	}
	if !s.begun {
		s.begun = true
		if !slices.Contains(s.in.Columns, "ACTION") {
			s.action = slices.IndexFunc(cells, func(c []byte) bool { return componentID(string(c)) == "ACTION" })
		}
	} else if s.action >= 0 && s.action < len(cells) && bytes.EqualFold(bytes.TrimSpace(cells[s.action]), []byte("D")) {
		return nil, row, s.in.malformed(row, "the row deletes what was sent before", "ask for all data and not for changes, or filter with `where: {ACTION: …}`")
	}
	return cells, row, nil
}
