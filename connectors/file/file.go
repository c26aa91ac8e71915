// Package file reads files that an agency has put in a folder.
package file

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"

	"halftone/connectors"
	"halftone/connectors/format"
)

// Settings is what stands under `from: {file: …}`.
type Settings struct {
	// Path is relative to --data, by default the folder of halftone.yaml, or
	// absolute; * and ? and [a-z] match within a name. Every match is read, in
	// order of the names; a path that leaves the folder is the officer's choice.
	Path    string `yaml:"path" json:"path" jsonschema:"required"`
	Entries string `yaml:"entries,omitempty" json:"entries,omitempty"` // zip archives: names of the entries that are read, * allowed; default all
	Format  string `yaml:"format,omitempty" json:"format,omitempty"`   // as read.format; default by content and extension
	Rows    string `yaml:"rows,omitempty" json:"rows,omitempty"`       // JSON: path of the records, as read.rows
	Total   string `yaml:"total,omitempty" json:"total,omitempty"`     // JSON: path of the file's own count of rows
}

// Kind is the registry entry.
func Kind() connectors.Kind { return connectors.NewKind("file", open) }

func open(_ context.Context, env connectors.Env, s Settings) (connectors.Source, error) {
	layout, err := env.Layout.With(s.Format, s.Rows, s.Total)
	if err != nil {
		return nil, err
	}
	if err := format.Check(layout); err != nil {
		return nil, err
	}
	if s.Path == "" {
		return nil, &connectors.SettingError{Key: "path", What: "no file is named", Do: "give a path, * allowed"}
	}
	pattern := s.Path
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(escape(env.Dir), pattern)
	}
	if _, err := filepath.Match(pattern, ""); err != nil {
		return nil, &connectors.SettingError{Key: "path", What: "the pattern has an open bracket", Do: "write [[] for a bracket in a name"}
	}
	if _, err := path.Match(s.Entries, ""); err != nil {
		return nil, &connectors.SettingError{Key: "entries", What: "the pattern has an open bracket", Do: "write [[] for a bracket in a name"}
	}
	return &source{pattern: pattern, entries: s.Entries, env: env, layout: layout}, nil
}

// escape makes a folder that happens to hold a * mean itself.
func escape(dir string) string {
	var b []byte
	for _, c := range []byte(dir) {
		if c == '*' || c == '?' || c == '[' || c == '\\' {
			b = append(b, '\\')
		}
		b = append(b, c)
	}
	return string(b)
}

type source struct {
	pattern string
	entries string
	env     connectors.Env
	layout  connectors.Layout
}

var _ connectors.Source = (*source)(nil)

// Read reads every matching file from its start: since is not used, and the
// digest of each item tells the receiver what it has taken before.
func (s *source) Read(ctx context.Context, _ connectors.Cursor) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) {
		paths, err := s.match()
		if err != nil {
			yield(connectors.Page{}, err)
			return
		}
		p := &pull{source: s, ctx: ctx, yield: yield}
		for _, path := range paths {
			if !p.file(path) {
				return
			}
		}
	}
}

// A pull is one reading of all files.
type pull struct {
	*source
	ctx   context.Context
	yield func(connectors.Page, error) bool
	total totals
	items int
}

// totals adds the files' own counts up to one of the pull.
type totals struct {
	before int64 // of the files that are done
	last   connectors.Total
}

func (t *totals) next() { t.before, t.last = t.before+t.last.Rows, connectors.Total{} }

func (t *totals) of(p connectors.Total) connectors.Total {
	t.last = p
	if p.Known {
		p.Rows += t.before
	}
	return p
}

func (s *source) match() ([]string, error) {
	stop := func(r connectors.Reason, what, do string) ([]string, error) {
		return nil, &connectors.SourceError{Reason: r, File: filepath.Base(s.pattern), What: what, Do: do}
	}
	paths, err := filepath.Glob(s.pattern)
	switch {
	case err != nil:
		return stop(connectors.NotFound, "the pattern cannot be used", "check `path`")
	case len(paths) == 0:
		return stop(connectors.NotFound, "no file matches", "check `path` and --data: relative paths start there")
	case len(paths) > s.env.Limits.Items:
		return stop(connectors.Limit, "more files match than the limit", "narrow `path`")
	}
	slices.Sort(paths)
	return paths, nil
}

// file yields one file's pages and says whether to go on.
func (p *pull) file(path string) bool {
	name := filepath.Base(path)
	f, err := openRegular(path)
	if err != nil {
		return p.stop(fault(name, err))
	}
	defer f.Close()
	archive, err := p.archive(name, f)
	if err != nil {
		return p.stop(err)
	}
	if archive != nil {
		return p.unpack(name, archive)
	}
	// One handle for all readings: a file that is replaced meanwhile is not mixed with the old one.
	return p.item(name, func() (io.Reader, error) {
		_, err := f.Seek(0, io.SeekStart)
		return f, err
	})
}

func (p *pull) stop(err error) bool {
	p.yield(connectors.Page{}, err)
	return false
}

// item yields the pages of a file, or of an entry of an archive.
func (p *pull) item(name string, open func() (io.Reader, error)) bool {
	if p.items++; p.items > p.env.Limits.Items {
		return p.stop(&connectors.SourceError{Reason: connectors.Limit, File: name, What: "there are more files than the limit", Do: "narrow `path` or `entries`"})
	}
	p.total.next()
	for page, err := range format.Pages(p.ctx, format.NewInput(p.env, name, p.layout, open)) {
		if err == nil {
			page.Total = p.total.of(page.Total)
		}
		if !p.yield(page, err) || err != nil {
			return false
		}
	}
	return true
}

var errNotRegular = errors.New("not a regular file")

// openRegular refuses what could block for ever or never end.
func openRegular(path string) (*os.File, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, errNotRegular
	}
	return os.Open(path)
}

func fault(name string, err error) error {
	e := &connectors.SourceError{Reason: connectors.NotFound, File: name, What: "the file cannot be opened", Do: "check that it is there"}
	switch {
	case errors.Is(err, errNotRegular):
		e.What, e.Do = "it is a folder, pipe or device and not a file", "narrow `path`"
	case errors.Is(err, fs.ErrPermission):
		e.What, e.Do = "the file may not be read", "give the user that runs halftone the right to read it"
	}
	return e.Wrap(err)
}
