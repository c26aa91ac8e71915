package main

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"

	"halftone/connectors"
	"halftone/pipeline/draft"
)

// draft makes a project of one halftone.yaml, drafted for a file.
func (a *app) draft(ctx context.Context, dir, file string) error {
	isNew, err := empty(dir)
	if err != nil {
		return err
	}
	if st, err := os.Stat(file); err != nil || !st.Mode().IsRegular() {
		return usage("%s is not a file that can be read", file)
	}
	as, err := a.fromPath(dir, file)
	if err != nil {
		return err
	}
	d, err := draft.Of(ctx, file, as) // before anything is made
	var source *connectors.SourceError
	if errors.As(err, &source) {
		return &exitError{4, err}
	}
	if err != nil {
		return err
	}
	if err := makeFolder(dir); err != nil {
		return err
	}
	made := filepath.Join(dir, "halftone.yaml")
	if err := errors.Join(writeNew(made, []byte(d.Text)), writeNew(filepath.Join(dir, ".gitignore"), []byte(ignored))); err != nil {
		_ = os.Remove(made) // leave nothing behind
		_ = os.Remove(filepath.Join(dir, ".gitignore"))
		if isNew {
			_ = os.Remove(dir)
		}
		return err
	}
	if a.json {
		return a.object(map[string]any{"dir": dir, "file": as, "open": d.Open})
	}
	a.print("Made %s, a draft for %s.\n%s left to you, each marked TODO. Nothing was decided by machine.\n\n", made, filepath.Base(file), plural(d.Open, "decision is", "decisions are"))
	a.labels(d.Labels)
	a.print("Next: edit %s; docs/examples has sources like yours\n", made)
	a.print("      halftone -C %s validate   names what is still open\n", path.Clean(dir))
	a.print("      halftone -C %s pull --dry-run   says what would become of every row\n", path.Clean(dir))
	return nil
}

// fromPath is how halftone.yaml names the file: from --data, or from its own
// folder, unless that leads far away.
func (a *app) fromPath(dir, file string) (string, error) {
	if a.data != "" {
		dir = a.data
	}
	base, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	whole, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	if near, err := filepath.Rel(base, whole); err == nil && !strings.HasPrefix(near, filepath.Join("..", "..", "..")) {
		return near, nil
	}
	return whole, nil
}

// labels shows what stands in the columns that are to be decided about. It is text
// of the agency's data: a terminal may show it, no file may hold it.
func (a *app) labels(columns []draft.Labels) {
	if len(columns) == 0 {
		return
	}
	if !a.terminal || a.json {
		a.note("Labels of the data are shown on a terminal only.")
		return
	}
	a.note("What stands in columns that look like classifications:")
	for _, c := range columns {
		var texts []string
		for _, s := range c.Some {
			texts = append(texts, strings.Map(shownRune, s[:min(len(s), 60)]))
		}
		more := ""
		if c.More {
			more = ", …"
		}
		a.note("  %s: %s%s", strings.Map(shownRune, c.Column), strings.Join(texts, " | "), more)
	}
	a.note("")
}

// shownRune keeps texts of a file from steering the terminal.
func shownRune(r rune) rune {
	if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
		return '?'
	}
	return r
}
