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
	"syscall"
	"unicode/utf8"

	"halftone/pipeline/codelist"
)

// codeList reads the code list that v names: a shipped one by its name, or a
// file. A file of a shipped list's name is only meant by a path that is none:
// ./halftone/sex, halftone/sex.csv. A list's own problems carry its lines.
func (b *builder) codeList(v cursor) (codelist.List, bool) {
	path := v.text()
	raw, ok := codelist.ShippedCSV(path)
	if !ok {
		var err error
		if raw, err = b.open(path); err != nil {
			b.noList(v, err)
			return codelist.List{}, false
		}
	}
	l, err := codelist.Read(path, bytes.NewReader(raw))
	if err != nil {
		b.listProblems(v, path, err)
		return l, false
	}
	return l, true
}

// noList says what is wrong with a name or path that gave no code list.
func (b *builder) noList(v cursor, err error) {
	path, names := v.text(), codelist.ShippedNames()
	missing := errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) // a file may be called halftone
	if !missing || strings.HasSuffix(path, ".csv") {
		b.unreadable(v, "code list", err)
		return
	}
	guess := meant(path, names)
	for _, n := range names { // sex for halftone/sex, ISO/Countries for iso/countries
		if guess == "" && (strings.EqualFold(n, path) || strings.HasSuffix(n, "/"+strings.ToLower(path))) {
			guess = "; did you mean " + quoted(n) + "?"
		}
	}
	v.add(fmt.Sprintf("there is no shipped code list and no file %s%s", quoted(path), guess),
		"`halftone codes` lists the shipped ones; a list of your own is a path relative to the folder of this file, such as codes/places.csv")
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
			line, what := codelist.LineOf(err)
			bad(max(1, line), "not a line of CSV: "+what.Error(), "quote texts that hold commas, quotes or line breaks")
			return t, problems
		}
		line, col := r.FieldPos(code)
		t = append(t, tableRow{row[label], strings.TrimSpace(row[code]), place{line, col}})
	}
}
