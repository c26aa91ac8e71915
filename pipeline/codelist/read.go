package codelist

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/language"

	"halftone/outputs"
	"halftone/privacy"
)

// maxBytes is far above any code list: all OCHA P-codes take 3 MB.
const maxBytes = 64 << 20

// maxProblems is how many problems of one file are told at once.
const maxProblems = 20

// An Error says what is wrong with a line of a code list. Its text may name
// codes and labels: they are public.
type Error struct {
	List string
	Line int // of the file, 1-based; 0: the list as a whole
	What string
}

var _ error = (*Error)(nil)

func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.List, e.What)
	}
	return fmt.Sprintf("%s:%d: %s", e.List, e.Line, e.What)
}

// Read reads a code list in CSV, UTF-8 with or without a byte-order mark. The
// columns are code, parent, level, one label_LANG a language, synonyms
// (separated by |), valid_from, valid_to, source, status and note, in any order;
// all but code may be absent, others are not looked at. Without level, levels are counted from the
// top: "level 1", "level 2" (see [List.For]). The root _T may be a line; if not
// it is implied, and its level is "all". name is for messages.
//
// Errors are [*Error], several of one file joined.
func Read(name string, r io.Reader) (List, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return List{}, fmt.Errorf("%s: %w", name, err)
	}
	sum := sha256.Sum256(raw)
	rd := &reader{list: List{Name: name, Digest: hex.EncodeToString(sum[:])}}
	switch {
	case len(raw) > maxBytes:
		rd.problem(0, "larger than 64 MB, which no code list is")
	case !utf8.Valid(raw):
		rd.problem(1+bytes.Count(raw[:firstInvalid(raw)], []byte("\n")), "not UTF-8: save the file as UTF-8")
	default:
		rd.read(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")))
	}
	if len(rd.problems) > 0 {
		return List{}, errors.Join(rd.problems...)
	}
	return rd.list, nil
}

func firstInvalid(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return len(b)
}

// A reader holds a list while it is read. lines[i] is the line of entry i.
type reader struct {
	list     List
	lines    []int
	langs    []string // of the column of each index; empty where it is no label
	problems []error
}

func (rd *reader) problem(line int, format string, args ...any) {
	if len(rd.problems) < maxProblems {
		rd.problems = append(rd.problems, &Error{List: rd.list.Name, Line: line, What: fmt.Sprintf(format, args...)})
	}
}

func (rd *reader) read(text []byte) {
	if rd.rows(text); len(rd.problems) > 0 {
		return
	}
	// Each step rests on the ones before it.
	for _, step := range []func(){rd.root, rd.codes, rd.parents, rd.levels, rd.labels} {
		if step(); len(rd.problems) > 0 {
			return
		}
	}
	rd.list.tree = newTree(rd.list)
}

// Columns of a code list that are no labels.
const (
	colCode, colParent, colLevel, colSynonyms = "code", "parent", "level", "synonyms"
	colFrom, colTo, labelPrefix               = "valid_from", "valid_to", "label_"
	colSource, colStatus, colNote             = "source", "status", "note"
)

// columns are those of a code list, labels aside.
var columns = [...]string{colCode, colParent, colLevel, colSynonyms, colFrom, colTo, colSource, colStatus, colNote}

// rows reads the lines into entries, as they stand.
func (rd *reader) rows(text []byte) {
	c := csv.NewReader(bytes.NewReader(text))
	header, err := c.Read()
	if err != nil {
		rd.csvProblem(err, "is empty: want the columns code,parent,level,label_en")
		return
	}
	at := map[string]int{}
	for i, h := range header {
		h = strings.TrimSpace(h)
		if _, twice := at[h]; twice && h != "" {
			rd.problem(1, "column %s stands twice", h)
		}
		at[h] = i
		lang, isLabel := strings.CutPrefix(h, labelPrefix)
		if !isLabel && !slices.Contains(columns[:], h) && h != "" {
			rd.list.Unread = append(rd.list.Unread, h)
		}
		if rd.langs = append(rd.langs, lang); !isLabel {
			rd.langs[i] = ""
		} else if _, err := language.Parse(lang); err != nil {
			rd.problem(1, "column %s names no language: want label_en, label_fr …", h)
		}
	}
	if _, ok := at[colCode]; !ok {
		rd.problem(1, "has no column code: want code,parent,level,label_en, separated by commas")
		return
	}
	for {
		f, err := c.Read()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				rd.csvProblem(err, "")
			}
			return
		}
		if line, _ := c.FieldPos(0); strings.TrimSpace(strings.Join(f, "")) != "" {
			rd.row(line, at, f)
		}
	}
}

func (rd *reader) csvProblem(err error, empty string) {
	switch line, what := LineOf(err); {
	case errors.Is(err, io.EOF):
		rd.problem(0, "%s", empty)
	case line > 0:
		rd.problem(line, "not a line of CSV: %v", what)
	default:
		rd.problem(0, "%v", err)
	}
}

// LineOf takes apart an error of [encoding/csv]: the line that is none, and what is
// wrong with it. Of other errors the line is 0.
func LineOf(err error) (line int, what error) {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return p.Line, p.Err
	}
	return 0, err
}

func (rd *reader) row(line int, at map[string]int, f []string) {
	get := func(name string) string {
		if i, ok := at[name]; ok {
			return f[i]
		}
		return ""
	}
	code := get(colCode)
	rd.formula(line, colCode, code)
	e := Entry{
		Code: Clean(code), Parent: Clean(get(colParent)), Level: Clean(get(colLevel)), Label: outputs.Text{},
		ValidFrom: Clean(get(colFrom)), ValidTo: Clean(get(colTo)),
		Source: Clean(get(colSource)), Status: Clean(get(colStatus)), Note: Clean(get(colNote)),
	}
	for i, lang := range rd.langs {
		if lang != "" && Clean(f[i]) != "" {
			rd.formula(line, labelPrefix+lang, f[i])
			e.Label[lang] = Clean(f[i])
		}
	}
	for s := range strings.SplitSeq(get(colSynonyms), "|") {
		if s = Clean(s); s != "" {
			e.Synonyms = append(e.Synonyms, s)
		}
	}
	rd.list.Entries, rd.lines = append(rd.list.Entries, e), append(rd.lines, line)
}

// formula refuses what a spreadsheet would run when a reader opens a table.
func (rd *reader) formula(line int, column, text string) {
	for _, s := range []string{text, Clean(text)} {
		if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
			rd.problem(line, "%s begins with %q, which spreadsheets take for a formula", column, s[0])
			return
		}
	}
}

// root puts the root first, given or implied, and names it as the parent of
// the top codes.
func (rd *reader) root() {
	l := &rd.list
	at := -1
	for i, e := range l.Entries {
		if e.Code == privacy.Total {
			if e.Parent != "" {
				rd.problem(rd.lines[i], "_T is the root: it has no parent")
			}
			if at >= 0 {
				rd.problem(rd.lines[i], "code _T stands twice, first in line %d", rd.lines[at])
			}
			at = i
		} else if e.Parent == "" {
			l.Entries[i].Parent = privacy.Total
		}
	}
	if len(l.Entries) == 0 || len(l.Entries) == 1 && at == 0 {
		rd.problem(0, "has no codes")
		return
	}
	root, line := Entry{Code: privacy.Total, Level: rootLevel}, 0
	if at >= 0 {
		root, line = l.Entries[at], rd.lines[at]
		l.Entries, rd.lines = slices.Delete(l.Entries, at, at+1), slices.Delete(rd.lines, at, at+1)
	}
	l.Entries, rd.lines = slices.Insert(l.Entries, 0, root), slices.Insert(rd.lines, 0, line)
}
