package format

import (
	"context"
	"errors"
	"io"

	"halftone/connectors"
)

// delimiter reads the setting; empty is the format's own.
func delimiter(s string, otherwise byte) (byte, error) {
	switch {
	case s == "":
		return otherwise, nil
	case s == `\t`:
		return '\t', nil
	case len(s) == 1 && s[0] < 0x80 && s[0] != '"' && s[0] != '\n' && s[0] != '\r' && s[0] != 0:
		return s[0], nil
	default:
		return 0, errors.New("the delimiter is not one ASCII character")
	}
}

// decodeDelimited reads delimited text with a header. Its rows are physical lines.
func decodeDelimited(comma byte) func(context.Context, Input, io.Reader, func(connectors.Page) bool) error {
	return func(ctx context.Context, in Input, text io.Reader, page func(connectors.Page) bool) error {
		comma, err := delimiter(in.Layout.Delimiter, comma)
		if err != nil {
			return err
		}
		return in.decodeRows(ctx, in.lines(text, comma), nil, page)
	}
}

// textRows are the records of delimited text.
type textRows struct {
	in Input
	s  *scanner
}

var _ rowReader = (*textRows)(nil)

func (in Input) lines(text io.Reader, comma byte) *textRows {
	return &textRows{in, newScanner(text, comma, in.Layout.SkipInitialSpace, in.Limits.RecordBytes())}
}

func (t *textRows) next() ([][]byte, int64, error) {
	line, err := t.s.next()
	switch {
	case err == nil:
		return t.s.fields, line, nil
	case errors.Is(err, io.EOF):
		return nil, line, io.EOF
	default:
		return nil, line, t.in.recordFault(line, err)
	}
}

func (t *textRows) following() int64 { return t.s.line }

// recordFault gives a scanner's failure its place.
func (in Input) recordFault(line int64, err error) error {
	switch {
	case errors.Is(err, errQuote):
		return in.malformed(line, "a quote stands in the middle of a field", `quote the whole field and double the quotes in it: "a ""b"" c"`)
	case errors.Is(err, errOpen):
		return in.malformed(line, "a quoted field is not closed", "the file may be cut off, or a quote may be missing in this row")
	case errors.Is(err, errTooLong):
		return &connectors.SourceError{Reason: connectors.Limit, File: in.Name, Row: line, What: "the row is longer than the limit", Do: "look for a quote that is not closed"}
	default:
		return in.fault(line, err)
	}
}
