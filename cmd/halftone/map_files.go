package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"halftone/pipeline/codelist"
)

// The two files of `map`: suggestions, which are in the state folder and the
// officer's alone, and the reviewed code table, which is a part of the project.

var suggestedColumns = []string{"label", "rows", "code", "how", "score", "accept"}

// guard puts an apostrophe before a text that a spreadsheet would run; unguard
// takes it away again. Labels are others' text, and people open the file to mark it.
func guard(label string) string {
	if isFormula(label) {
		return "'" + label
	}
	return label
}

func unguard(label string) string {
	if strings.HasPrefix(label, "'") && isFormula(label[1:]) {
		return label[1:]
	}
	return label
}

// isFormula reports whether a text begins, after apostrophes, as a formula does.
func isFormula(label string) bool {
	label = strings.TrimLeft(label, "'")
	return label != "" && strings.ContainsRune("=+-@\t\r", rune(label[0]))
}

func writeSuggested(name string, ps []proposal) error {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write(suggestedColumns); err != nil {
		return err
	}
	for _, p := range ps {
		if err := w.Write([]string{guard(p.label), strconv.FormatInt(p.rows, 10), p.code, p.how, p.score, p.accept}); err != nil {
			return err
		}
	}
	if w.Flush(); w.Error() != nil {
		return w.Error()
	}
	return replaceFile(name, b.Bytes(), 0o600)
}

// readSuggested reads a file that a person may have edited, with a spreadsheet
// that separates by semicolons, too. Messages name lines, never a label.
func readSuggested(name string) ([]proposal, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	bad := func(line int, format string, args ...any) error {
		return usage("%s:%d: %s", filepath.Base(name), line, fmt.Sprintf(format, args...))
	}
	r := csv.NewReader(bytes.NewReader(raw))
	first, _, _ := bytes.Cut(raw, []byte("\n"))
	if bytes.Count(first, []byte(";")) > bytes.Count(first, []byte(",")) {
		r.Comma = ';'
	}
	header, err := r.Read()
	if err != nil {
		return nil, bad(1, "no header: halftone map suggest makes the file anew")
	}
	at := map[string]int{}
	for i, h := range header {
		at[strings.TrimSpace(h)] = i
	}
	for _, c := range suggestedColumns {
		if _, ok := at[c]; !ok {
			return nil, bad(1, "the column %s is missing: halftone map suggest makes the file anew, and keeps no marks", c)
		}
	}
	var out []proposal
	for {
		f, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			line, what := codelist.LineOf(err)
			return nil, bad(line, "not a line of CSV: %v", what)
		}
		line, _ := r.FieldPos(0)
		rows, err := strconv.ParseInt(strings.TrimSpace(f[at["rows"]]), 10, 64)
		if err != nil {
			return nil, bad(line, "rows is no whole number")
		}
		out = append(out, proposal{unguard(f[at["label"]]), rows, codelist.Clean(f[at["code"]]), f[at["how"]], f[at["score"]], strings.TrimSpace(f[at["accept"]]), line})
	}
}

// yes and no are what people put into `accept`.
var accepts = map[string]bool{"x": true, "y": true, "yes": true, "1": true, "true": true, "ok": true, "oui": true, "o": true, "sí": true, "si": true, "s": true,
	"": false, "n": false, "no": false, "0": false, "false": false, "non": false}

var tableHeader = []string{"label", "code", "decided_by", "decided_on", "note"}

// A codeTable is a reviewed table as it stands in the project.
type codeTable struct {
	raw    []byte
	header []string
	codes  map[string]tableCode // by folded label
}

type tableCode struct {
	code string
	line int
}

// readTable reads a reviewed table that a validated configuration names, or the
// default one, which need not be there.
func readTable(name, shown string) (codeTable, error) {
	t := codeTable{header: tableHeader, codes: map[string]tableCode{}}
	raw, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return t, usage("%s cannot be read: %w", shown, err)
	}
	t.raw = raw
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))))
	rows, err := r.ReadAll()
	if err != nil || len(rows) == 0 {
		return t, usage("%s is not a table of label,code,decided_by,decided_on,note", shown)
	}
	t.header = nil
	for _, h := range rows[0] {
		t.header = append(t.header, strings.TrimSpace(h))
	}
	for _, c := range tableHeader[:4] {
		if !slices.Contains(t.header, c) {
			return t, usage("%s has no column %s: add it to the first line, and a comma to the others, so that who decided can be said", shown, c)
		}
	}
	label, code := slices.Index(t.header, "label"), slices.Index(t.header, "code")
	for i, row := range rows[1:] {
		t.codes[codelist.Fold(row[label])] = tableCode{strings.TrimSpace(row[code]), i + 2}
	}
	return t, nil
}

// with gives the bytes of the table with rows added below; what stands there stays
// byte for byte.
func (t codeTable) with(rows []map[string]string) ([]byte, error) {
	var b bytes.Buffer
	b.Write(t.raw)
	if n := len(t.raw); n > 0 && t.raw[n-1] != '\n' {
		b.WriteByte('\n')
	}
	w := csv.NewWriter(&b)
	w.UseCRLF = bytes.Contains(t.raw, []byte("\r\n"))
	if len(t.raw) == 0 {
		if err := w.Write(t.header); err != nil {
			return nil, err
		}
	}
	for _, row := range rows {
		f := make([]string, len(t.header))
		for i, h := range t.header {
			f[i] = row[h]
		}
		if err := w.Write(f); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// replaceFile writes a file beside its place and then moves it there.
func replaceFile(name string, b []byte, mode fs.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".halftone-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(b)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
