package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"

	"halftone/connectors"
	"halftone/connectors/all"
	"halftone/pipeline"
	"halftone/pipeline/config"
)

// lines are the datasets that -C names: that of the folder, or all of an instance.
// It opens nothing.
func (a *app) lines() ([]pipeline.Line, error) {
	in, ok, err := a.instance(a.dir)
	if err != nil {
		return nil, err
	}
	if ok {
		return a.instanceLines(in), nil
	}
	// A dataset below an instance shares its state.
	parent, err := filepath.Abs(filepath.Join(a.dir, ".."))
	if err != nil {
		return nil, err
	}
	if in, ok, err = a.instance(parent); err != nil {
		return nil, err
	}
	if ok {
		own, err := filepath.Abs(a.dir)
		if err != nil {
			return nil, err
		}
		ls := a.instanceLines(in)
		i := slices.IndexFunc(ls, func(l pipeline.Line) bool { return l.Dataset.Dir == own })
		if i >= 0 {
			return ls[i : i+1], nil
		}
	}
	d, warnings, err := config.Load(a.dir, "halftone.yaml", a.kindNames())
	if err != nil {
		return nil, err
	}
	a.warnings = warnings
	return []pipeline.Line{a.newLine(d, a.dir, filepath.Join(a.dir, ".halftone"), d.Public)}, nil
}

// instance reads the instance of a folder, if it is one.
func (a *app) instance(dir string) (config.Instance, bool, error) {
	in, warnings, err := config.LoadInstance(dir, a.kindNames())
	if errors.Is(err, fs.ErrNotExist) {
		return in, false, nil
	}
	a.warnings = warnings
	return in, err == nil, err
}

func (a *app) instanceLines(in config.Instance) []pipeline.Line {
	var ls []pipeline.Line
	for i, d := range in.Datasets {
		state := in.State
		if !filepath.IsAbs(state) {
			state = filepath.Join(in.Dir, state)
		}
		l := a.newLine(d, in.Dir, state, in.Public)
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
		Secret: connectors.Secrets(d.Dir, a.lookupEnv), By: a.by, Workers: runtime.NumCPU(), Tool: tool()}
}

// line is the one dataset of a command that is about one.
func (a *app) line() (pipeline.Line, error) {
	ls, err := a.lines()
	if err != nil {
		return pipeline.Line{}, err
	}
	if len(ls) != 1 {
		return pipeline.Line{}, usage("this is an instance of %d datasets; name the folder of one: -C %s", len(ls), filepath.Base(ls[0].Dataset.Dir))
	}
	return ls[0], nil
}

// each runs do for every dataset that -C names. One that fails does not keep the
// others from their turn; the first error gives the exit code. With --json their
// objects stand in one.
func (a *app) each(do func(l pipeline.Line) error) error {
	ls, err := a.lines()
	if err != nil {
		return err
	}
	if len(ls) == 1 {
		return do(ls[0])
	}
	a.collected = map[string]json.RawMessage{}
	var first error
	for i, l := range ls {
		if !a.json && i > 0 {
			a.print("\n")
		}
		a.current = l.Dataset.Name
		if err := do(l); err != nil {
			if first == nil {
				first = err
			} else {
				a.complain(err)
			}
		}
	}
	if !a.json {
		return first
	}
	collected := a.collected
	a.collected = nil
	return errors.Join(a.object(map[string]any{"datasets": collected}), first)
}
