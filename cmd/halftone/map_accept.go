package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"halftone/pipeline"
	"halftone/pipeline/codelist"
	"halftone/pipeline/config"
)

func (a *app) mapAcceptCommand() *cobra.Command {
	var by, into string
	c := &cobra.Command{
		Use: "accept SOURCE", Short: "take the marked suggestions into the reviewed code table", Args: one("one source"),
		Long: "Moves the suggestions that have an x in `accept` into the reviewed code table that the mapping names (`codes: maps/x.csv`), with\n" +
			"the name of the person who decided, and the date. Where the mapping names none, a table is made in maps/ of the project,\n" +
			"and what to write into halftone.yaml is said. Everything is checked first: one wrong line, and nothing is changed.",
		RunE: func(_ *cobra.Command, args []string) error {
			if strings.TrimSpace(by) == "" || len(by) > 200 || strings.ContainsFunc(by, unicode.IsControl) {
				return usage("say who decided: --by 'A. Person', on one line. The name stands in the table, beside each code")
			}
			l, err := a.line()
			if err != nil {
				return err
			}
			return a.mapAccept(l, args[0], strings.TrimSpace(by), into)
		},
	}
	c.Flags().StringVar(&by, "by", "", "name of the person who decided; it stands in the table")
	c.Flags().StringVar(&into, "into", "", "the table, where the mapping of a dimension names several")
	return c
}

// An accepted is what map accept does for one dimension.
type accepted struct {
	Dimension string `json:"dimension"`
	Accepted  int    `json:"accepted"`
	Left      int    `json:"left"`
	Table     string `json:"table"`
	Named     bool   `json:"named"` // by the mapping

	file  string // of suggestions
	left  []proposal
	table string // where it is
	bytes []byte // the table as it will be
}

func (a *app) mapAccept(l pipeline.Line, source, by, into string) error {
	if err := a.knownSource(l, source); err != nil {
		return err
	}
	s := l.Dataset.Sources[slices.IndexFunc(l.Dataset.Sources, func(s config.Source) bool { return s.Name == source })]
	dir, err := l.MapsFolder()
	if err != nil {
		return err
	}
	// 1. All is checked.
	var done []accepted
	found := false
	for i, d := range l.Dataset.Spec.Dimensions {
		file := suggestedFile(dir, source, d.Name)
		ps, err := readSuggested(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		found = true
		r, err := a.review(l, s, l.Dataset.Lists[i], d.Name, file, ps, by, into)
		if err != nil {
			return err
		}
		if r.Accepted > 0 {
			done = append(done, r)
		}
	}
	switch {
	case !found:
		return usage("there are no suggestions for %s: halftone map suggest %s makes them", source, source)
	case len(done) == 0:
		return usage("no line is marked: put an x into the column accept of maps/%s-….suggested.csv in the state folder", source)
	}
	// 2. All is written: first what was decided, then what is left. Stopped in
	// between, a label stands in both, and accepting it again changes nothing.
	for _, r := range done {
		if err := a.writeAccepted(l, r); err != nil {
			return fmt.Errorf("map: %w", err)
		}
	}
	if a.json {
		return a.object(map[string]any{"source": source, "by": by, "dimensions": done})
	}
	a.printAccepted(source, done)
	return nil
}

// review checks the marked lines of one dimension and says what they come to.
func (a *app) review(l pipeline.Line, s config.Source, list codelist.List, dimension, file string, ps []proposal, by, into string) (r accepted, err error) {
	r = accepted{Dimension: dimension, file: file}
	if r.Table, r.Named, err = tableOf(s, dimension, into); err != nil {
		return r, err
	}
	if r.table = r.Table; !filepath.IsAbs(r.table) {
		r.table = filepath.Join(l.Dataset.Dir, r.table)
	}
	t, err := readTable(r.table, r.Table)
	if err != nil {
		return r, err
	}
	suggester, day := list.Suggester(), a.clock.Now().UTC().Format("2006-01-02")
	var rows []map[string]string
	for _, p := range ps {
		bad := func(format string, args ...any) error {
			return usage("%s:%d: %s; nothing was changed", filepath.Base(file), p.line, fmt.Sprintf(format, args...))
		}
		yes, known := accepts[codelist.Fold(p.accept)]
		switch {
		case !known:
			return r, bad("accept is an x, or empty")
		case !yes:
			r.left = append(r.left, p)
			continue
		case p.code == "":
			return r, bad("accepted without a code")
		case p.how == noMatch:
			return r, bad("no code can help: `regex` of the mapping does not match the label")
		}
		if _, _, ok := list.Leaf(p.code); !ok && p.code != codelist.Exclude {
			return r, bad("%q is no code of %s, _T, _U, X/_U for a code X that has others below it, or exclude", p.code, list.Name)
		}
		r.Accepted++
		switch there, ok := t.codes[codelist.Fold(p.label)]; {
		case ok && there.code == p.code:
			continue
		case ok:
			return r, bad("the label has another code in %s, line %d", r.Table, there.line)
		}
		note := byHand
		if g, ok := suggester.Suggest(p.label); ok && g.Code == p.code {
			note = "proposed by " + g.How
		}
		t.codes[codelist.Fold(p.label)] = tableCode{code: p.code, line: p.line}
		rows = append(rows, map[string]string{"label": p.label, "code": p.code, "decided_by": by, "decided_on": day, "note": note})
	}
	r.Left = len(r.left)
	r.bytes, err = t.with(rows)
	return r, err
}

// tableOf names the reviewed table of a dimension: the one of the mapping, the one
// of --into, or a new one.
func tableOf(s config.Source, dimension, into string) (path string, named bool, err error) {
	tables := s.Tables[dimension]
	switch {
	case into != "" && slices.Contains(tables, into):
		return into, true, nil
	case into != "" && len(tables) > 0:
		return "", false, usage("%s: the mapping of %s names no table %q, but %s", s.Name, dimension, into, strings.Join(tables, ", "))
	case len(tables) == 1:
		return tables[0], true, nil
	case len(tables) > 1:
		return "", false, usage("%s: the mapping of %s names several tables: say which by --into: %s", s.Name, dimension, strings.Join(tables, ", "))
	case into != "":
		return into, false, nil
	}
	return filepath.Join("maps", s.Name+"-"+dimension+".csv"), false, nil
}

// writeAccepted writes a table and takes what it has out of the suggestions.
func (a *app) writeAccepted(l pipeline.Line, r accepted) error {
	// A new table is read by whom halftone.yaml is read.
	info, err := os.Stat(r.table)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeFolder(filepath.Dir(r.table)); err != nil {
			return err
		}
		info, err = os.Stat(filepath.Join(l.Dataset.Dir, "halftone.yaml"))
	}
	if err != nil {
		return err
	}
	if err := replaceFile(r.table, r.bytes, info.Mode().Perm()); err != nil {
		return err
	}
	if len(r.left) == 0 {
		return os.Remove(r.file)
	}
	return writeSuggested(r.file, r.left)
}

func (a *app) printAccepted(source string, done []accepted) {
	for _, r := range done {
		a.print("accepted  %s: %s into %s, %s left without a decision\n", r.Dimension, plural(r.Accepted, "label", "labels"), strings.ReplaceAll(r.Table, "%", "%%"), group(r.Left))
		if !r.Named {
			a.print("          the mapping of %s does not name it yet; in halftone.yaml: %s: {column: …, codes: %s}\n", r.Dimension, r.Dimension, strings.ReplaceAll(r.Table, "%", "%%"))
		}
	}
	a.print("Next: halftone validate, halftone pull %s --dry-run; commit the table: it is a part of the mapping\n", source)
}
