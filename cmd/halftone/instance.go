package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"halftone/connectors"
	"halftone/connectors/all"
	"halftone/pipeline"
	"halftone/pipeline/config"
)

// lines are the datasets that -C names: that of the folder, or all of an instance
// by name, and whether it is all of one. It opens nothing.
func (a *app) lines() (ls []pipeline.Line, whole bool, err error) {
	dirs, err := around(a.dir)
	if err != nil {
		return nil, false, err
	}
	// A dataset beside instance.yaml, or below, has the instance's state.
	for i, dir := range dirs {
		in, warnings, err := config.LoadInstance(dir, a.kindNames())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, false, err
		}
		a.warnings = warnings
		ls := a.instanceLines(in)
		n := slices.IndexFunc(ls, func(l pipeline.Line) bool { return sameFolder(l.Dataset.Dir, a.dir) })
		switch {
		case i == 0 && (n < 0 || len(ls) > 1):
			return ls, true, nil
		case n >= 0:
			return ls[n : n+1], false, nil
		}
	}
	d, warnings, err := config.Load(a.dir, "halftone.yaml", a.kindNames())
	if err != nil {
		return nil, false, err
	}
	a.warnings = map[string][]config.Warning{d.Name: warnings}
	return []pipeline.Line{a.newLine(d, a.dir, filepath.Join(a.dir, pipeline.OwnState), d.Public)}, false, nil
}

// around are a folder and those above it, by its name and without links: a dataset
// that was reached through a link must not miss the ledger of its instance.
func around(dir string) ([]string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	dirs := []string{dir}
	above := []string{filepath.Join(dir, ".."), filepath.Dir(abs)}
	if resolved, err := filepath.EvalSymlinks(abs); err == nil { // else config says what is missing
		above = append(above, filepath.Dir(resolved))
	}
	for _, d := range above {
		if !slices.ContainsFunc(dirs, func(have string) bool { return sameFolder(have, d) }) {
			dirs = append(dirs, d)
		}
	}
	return dirs, nil
}

func sameFolder(x, y string) bool {
	a, err := os.Stat(x)
	if err != nil {
		return false
	}
	b, err := os.Stat(y)
	return err == nil && os.SameFile(a, b)
}

func (a *app) instanceLines(in config.Instance) []pipeline.Line {
	var ls []pipeline.Line
	for i, d := range in.Datasets {
		state := in.State
		if !filepath.IsAbs(state) {
			state = filepath.Join(in.Dir, state)
		}
		l := a.newLine(d, in.Dir, state, in.Public)
		l.Store = in.Store
		l.Others = slices.Delete(slices.Clone(in.Datasets), i, i+1)
		ls = append(ls, l)
	}
	return ls
}

// newLine says what a dataset runs on. public is relative to base.
func (a *app) newLine(d config.Dataset, base, state, public string) pipeline.Line {
	data := a.data
	if data == "" {
		data = d.Dir
	}
	if !filepath.IsAbs(public) {
		public = filepath.Join(base, public)
	}
	return pipeline.Line{Dataset: d, State: state, Public: public, Data: data, Kinds: all.Kinds(), Clock: a.clock,
		Secret: connectors.Secrets(d.Dir, a.lookupEnv), By: a.by, Holder: a.holder, Workers: runtime.NumCPU(), Tool: tool()}
}

// line is the one dataset of a command that is about one.
func (a *app) line() (pipeline.Line, error) {
	ls, _, err := a.lines()
	if err != nil {
		return pipeline.Line{}, err
	}
	if len(ls) != 1 {
		return pipeline.Line{}, usage("this is an instance of %d datasets; name the folder of one, such as: -C %s", len(ls), ls[0].Dataset.Dir)
	}
	return ls[0], nil
}

// anyLine is for what the datasets of an instance share: the state folder.
func (a *app) anyLine() (pipeline.Line, error) {
	ls, _, err := a.lines()
	if err != nil {
		return pipeline.Line{}, err
	}
	return ls[0], nil
}

// each runs do for every dataset that -C names, and with --json prints the objects
// of an instance's as one.
func (a *app) each(do func(l pipeline.Line) error) error {
	ls, whole, err := a.lines()
	if err != nil {
		return err
	}
	if !whole {
		return do(ls[0])
	}
	if !a.json {
		return a.all(ls, func(l pipeline.Line) error {
			if l.Dataset.Name != ls[0].Dataset.Name {
				a.print("\n")
			}
			return do(l)
		})
	}
	a.collected = map[string]json.RawMessage{}
	failed := a.all(ls, do)
	all := map[string]any{"datasets": a.collected}
	a.collected = nil
	if err := a.object(all); err != nil {
		return err
	}
	return failed
}

// all runs do for every dataset of an instance. One that fails does not keep the
// others from their turn; what it says is said at once, and the exit code is the
// worst of all.
func (a *app) all(ls []pipeline.Line, do func(l pipeline.Line) error) error {
	worst := 0
	for _, l := range ls {
		a.current = l.Dataset.Name
		err := do(l)
		if code := a.fail(err); slices.Index(severity[:], code) > slices.Index(severity[:], worst) {
			worst = code
		}
		if errors.Is(err, context.Canceled) {
			break // somebody has stopped the command
		}
	}
	a.current = ""
	if worst == 0 {
		return nil
	}
	return &exitError{worst, nil}
}

// severity are the exit codes of a command over datasets, the worst last: what
// waits, what an agency must mend, what the officer must, what is broken.
var severity = [...]int{0, 3, 4, 2, 6, 1, 5}

// heading names the dataset at hand where what follows does not.
func (a *app) heading() {
	if a.current != "" && !a.json {
		a.print("%s\n", a.current)
	}
}
