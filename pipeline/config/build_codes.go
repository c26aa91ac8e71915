package config

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"unicode/utf8"

	"halftone/pipeline/codelist"
)

// shippedPrefixes are the code lists that the design ships; they are not paths.
var shippedPrefixes = [...]string{"halftone/", "htcds/", "iso/", "unsd/"}

// codeList reads the code list that v names. Its own problems carry the line
// of the list.
func (b *builder) codeList(v cursor) (codelist.List, bool) {
	path := v.text()
	raw, err := b.open(path)
	if err != nil {
		b.unreadable(v, "code list", err)
		return codelist.List{}, false
	}
	l, err := codelist.Read(path, bytes.NewReader(raw))
	if err != nil {
		b.listProblems(v, path, err)
		return l, false
	}
	return l, true
}

// listProblems takes apart the joined errors of a code list.
func (b *builder) listProblems(v cursor, path string, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			b.listProblems(v, path, e)
		}
		return
	}
	var e *codelist.Error
	if !errors.As(err, &e) {
		v.add(err.Error(), "")
		return
	}
	p := Problem{File: path, Line: e.Line, Message: e.What, Fix: "correct the code list"}
	if p.Line > 0 {
		p.Column = 1
	}
	b.problems = append(b.problems, p)
}

func (b *builder) unreadable(v cursor, what string, err error) {
	path := v.text()
	if errors.Is(err, fs.ErrNotExist) {
		for _, prefix := range shippedPrefixes {
			if strings.HasPrefix(path, prefix) && !strings.HasSuffix(path, ".csv") {
				v.add(fmt.Sprintf("shipped code lists such as %s are not implemented yet", quoted(path)), "name a CSV file of your own")
				return
			}
		}
		v.add(fmt.Sprintf("there is no %s %s", what, quoted(path)), "paths are relative to the folder of this file")
		return
	}
	v.add(fmt.Sprintf("%s %s cannot be read: %v", what, quoted(path), cause(err)), "")
}

// A table holds label → code with the line of each, in order.
type table []tableRow

type tableRow struct {
	label, code string
	at          place
}

// codes reads a map, a table or a list of these into label → code; the first
// that has a label wins. check says what is wrong with a code.
func (b *builder) codes(v cursor, check func(code string) (message, fix string)) map[string]string {
	if !v.given() {
		return nil
	}
	out, seen := map[string]string{}, map[string]bool{}
	for part := range v.items() {
		file, rows := b.src.file, table{}
		if part.isMap() {
			for p, c := range part.each() {
				rows = append(rows, tableRow{p.key, c.text(), c.at})
			}
		} else {
			file = part.text()
			rows = b.table(part)
		}
		here := map[string]string{}
		for _, r := range rows {
			if message, fix := check(r.code); message != "" {
				b.problems = append(b.problems, Problem{File: file, Line: r.at.line, Column: r.at.col, Message: message, Fix: fix})
			}
			folded := codelist.Fold(r.label)
			if other, twice := here[folded]; twice && other != r.code {
				b.problems = append(b.problems, Problem{File: file, Line: r.at.line, Column: r.at.col, Message: "this label has another code above; case and white space do not tell labels apart", Fix: "keep one of them"})
			}
			here[folded] = r.code
			if !seen[folded] {
				out[r.label] = r.code
			}
		}
		for f := range here {
			seen[f] = true
		}
	}
	return out
}

// Columns of a reviewed code table.
var tableColumns = [...]string{"label", "code", "decided_by", "decided_on", "note"}

// table reads a reviewed code table. Labels are agency text: no message quotes one.
func (b *builder) table(v cursor) table {
	path := v.text()
	if t, ok := b.tables[path]; ok {
		return t
	}
	b.tables[path] = nil
	raw, err := b.open(path)
	if err != nil {
		b.unreadable(v, "code table", err)
		return nil
	}
	t, problems := parseTable(path, raw)
	b.problems = append(b.problems, problems...)
	b.tables[path] = t
	return t
}

func parseTable(path string, raw []byte) (table, []Problem) {
	var problems []Problem
	bad := func(line int, message, fix string) {
		problems = append(problems, Problem{File: path, Line: line, Column: 1, Message: message, Fix: fix})
	}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(raw) {
		return nil, []Problem{{File: path, Message: "not UTF-8", Fix: "save the file as UTF-8"}}
	}
	r := csv.NewReader(bytes.NewReader(raw))
	header, err := r.Read()
	if err != nil {
		bad(1, "no header", "the first line is label,code,decided_by,decided_on,note")
		return nil, problems
	}
	at, strange := map[string]int{}, []string{}
	for i, h := range header {
		h = strings.TrimSpace(h)
		if _, twice := at[h]; twice || !slices.Contains(tableColumns[:], h) {
			strange = append(strange, quoted(h))
		}
		at[h] = i
	}
	label, hasLabel := at["label"]
	code, hasCode := at["code"]
	if len(strange) > 0 || !hasLabel || !hasCode {
		message := "the columns label and code are needed"
		if len(strange) > 0 {
			message = "unknown or repeated columns " + list(strange, "and") + ": not a reviewed code table"
		}
		bad(1, message, "the columns are label,code,decided_by,decided_on,note")
		return nil, problems
	}
	var t table
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return t, problems
		}
		if err != nil {
			line := 1
			var pe *csv.ParseError
			if errors.As(err, &pe) {
				line, err = pe.Line, pe.Err
			}
			bad(line, "not a line of CSV: "+err.Error(), "quote texts that hold commas, quotes or line breaks")
			return t, problems
		}
		line, col := r.FieldPos(code)
		t = append(t, tableRow{row[label], strings.TrimSpace(row[code]), place{line, col}})
	}
}
