package format

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"

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

// decodeCSV reads delimited text with a header. Its rows are physical lines.
func decodeCSV(comma byte) func(context.Context, Input, io.Reader, func(connectors.Page) bool) error {
	return func(ctx context.Context, in Input, text io.Reader, page func(connectors.Page) bool) error {
		comma, err := delimiter(in.Layout.Delimiter, comma)
		if err != nil {
			return err
		}
		s := newScanner(text, comma, in.Layout.SkipInitialSpace, in.Limits.RecordBytes())
		names, at, width, err := in.header(s)
		if err != nil {
			return err
		}
		t := newTable(in, names, s.line)
		defer t.release()
		for {
			line, err := s.next()
			if errors.Is(err, io.EOF) {
				page(t.page(connectors.Total{}))
				return nil
			}
			if err != nil {
				return in.recordFault(line, err)
			}
			if t.full() {
				if err := ctx.Err(); err != nil {
					return err
				}
				if !page(t.page(connectors.Total{})) {
					return nil
				}
			}
			if len(s.fields) != width {
				return in.malformed(line, "the row has more or fewer fields than the header", "look for a stray delimiter, an unclosed quote or a footnote")
			}
			if err := in.record(t, s, line, at); err != nil {
				return err
			}
		}
	}
}

func (in Input) record(t *table, s *scanner, line int64, at []int) error {
	t.begin(line)
	for col, i := range at {
		v := s.fields[i]
		if len(v) > in.Limits.Field {
			name := "" // names that matched come from the file
			if col < len(in.Columns) {
				name = in.Columns[col]
			}
			return in.tooLong(line, name)
		}
		t.value(col, v)
	}
	return nil
}

// missing says what to do about a column that is not in the header. It tells the
// usual cause from a header of one field.
func missing(fields [][]byte) string {
	if len(fields) == 1 {
		for _, d := range []struct{ char, name string }{{";", `";"`}, {"\t", "a tab"}, {",", "a comma"}, {"|", `"|"`}} {
			if bytes.Contains(fields[0], []byte(d.char)) {
				return fmt.Sprintf("the header is one column with %s in it: say so with `read: {delimiter: …}`", d.name)
			}
		}
	}
	return "compare its name with the header, letter by letter; `delimiter` and `header` say where it stands"
}

// header finds the columns to keep: at[i] is the field of names[i].
func (in Input) header(s *scanner) (names []string, at []int, width int, err error) {
	if err := in.headerLine(s); err != nil {
		return nil, nil, 0, err
	}
	if len(s.fields) > in.Limits.Columns {
		return nil, nil, 0, &connectors.SourceError{Reason: connectors.Limit, File: in.Name, What: "there are more columns than the limit"}
	}
	there := in.labels(s.fields)
	for _, name := range in.Columns {
		i := slices.Index(there, name)
		if i < 0 {
			return nil, nil, 0, in.column(name, "the column is missing", missing(s.fields))
		}
		names, at = append(names, name), append(at, i)
	}
	for i, name := range there {
		switch {
		case slices.Index(there, name) < i && slices.Contains(names, name):
			if !slices.Contains(in.Columns, name) {
				name = "" // it comes from the file
			}
			return nil, nil, 0, in.column(name, "a mapped column is there twice", "ask for an export in which it is there once")
		case in.Match != nil && in.Match.MatchString(name) && !slices.Contains(names, name):
			names, at = append(names, name), append(at, i)
		}
	}
	return names, at, len(there), nil
}

// headerLine reads up to the header.
func (in Input) headerLine(s *scanner) error {
	for {
		line, err := s.next()
		switch wanted := int64(in.Layout.Header); {
		case errors.Is(err, io.EOF):
			return in.malformed(0, "no header row", "the file is empty or ends above its header")
		case err != nil:
			return in.recordFault(line, err)
		case line > wanted && wanted > 0:
			return in.malformed(wanted, "no header row", "the line that `header` names is blank or in the middle of a row")
		case line == wanted || wanted == 0:
			return nil
		}
	}
}

// labels are the names that the header gives.
func (in Input) labels(header [][]byte) []string {
	var label *regexp.Regexp
	if in.Layout.Label != "" {
		label = regexp.MustCompile(in.Layout.Label) // Check has seen it
	}
	names := make([]string, len(header))
	for i, h := range header {
		names[i] = string(h)
		if label == nil {
			continue
		}
		if m := label.FindStringSubmatch(names[i]); len(m) > 1 {
			names[i] = m[1]
		}
	}
	return names
}

func (in Input) column(name, what, do string) error {
	return &connectors.SourceError{Reason: connectors.Column, File: in.Name, Column: name, What: what, Do: do}
}

func (in Input) tooLong(row int64, column string) error {
	return &connectors.SourceError{Reason: connectors.Limit, File: in.Name, Row: row, Column: column, What: "the value is longer than the limit"}
}

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
