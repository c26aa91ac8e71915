// Package config reads halftone.yaml: it decodes it strictly, cross-checks it
// with its code lists and gives what the rest of the line works from.
//
// Nothing here looks at data or dials anything. A configuration is accepted
// whole or refused with all of its problems at once, each with its place; a key
// that the design knows and this version does not have is refused as such,
// because ignoring it would change what is published.
//
// The language is declared once, as data: strict checking, defaults, the JSON
// Schema ([Schema]) and the reference page ([Reference]) come from it.
//
// What it does not promise: that what is stated (contribution, overlap) is true.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"halftone/connectors"
	"halftone/outputs"
	"halftone/pipeline/codelist"
	"halftone/pipeline/normalize"
	"halftone/privacy"
)

// A Dataset is one halftone.yaml, decoded and cross-checked.
type Dataset struct {
	Name      string
	Dir       string        // folder of the file: the base of its paths
	Spec      privacy.Spec  // mechanism resolved, checked
	About     outputs.About // public text; BaseURL is the caller's
	Calendar  Calendar
	Lists     []codelist.List // one a dimension, in the spec's order
	Sources   []Source        // in the order of the file
	Schedule  *Schedule       // nil: by hand
	Public    string          // folder of `publish`, as written; default "public"
	Approvals int             // people who must approve a release before it is charged
	Auto      bool            // mechanism: auto, as written
	places    places
	Choice    privacy.Choice // what auto compared
}

// places are where an instance finds fault with a dataset that is sound by itself.
type places struct{ name, folder Problem }

// A Source is one feed, ready to be opened.
type Source struct {
	Name     string
	Agency   string
	Kind     string            // connector kind
	Decode   connectors.Decode // strict decode of the kind's settings; its errors are Errors
	Layout   connectors.Layout // `read`: how the table stands in the bytes
	Hosts    []string          // the only names it may dial; nil: the URL's
	Delivers string            // whole, append or upsert
	Check    bool              // `use: check`: it counts nothing, and is not in the Spec
	Required bool              // false: a due period is released without it, marked partial
	Keep     Duration          // `keep_rows`: rows go this long after the last planned edition of their period
	Mapping  normalize.Mapping //
	Columns  []string          // every column the mapping reads, each once: the allow-list
	Match    *regexp.Regexp    // and those whose whole name it matches; nil: none

	// Tables are the reviewed code tables that the rules of a dimension name, as
	// written, each once.
	Tables map[string][]string
	Digest string // of all that decides what observations its bytes give but the code lists: that of the Spec, where it counts
}

// A Schedule says when the line runs by itself. The fields are of
// cron.ParseStandard, without a time zone in them.
type Schedule struct {
	Cron     string
	Timezone string // IANA name; it loads
	Missed   string // run or skip
}

// Load reads file in the folder dir, and the code lists and code tables that it
// names. kinds are the names of the connectors that there are. A problem of
// the configuration gives [Errors], all of them; any other error is of reading
// the file. It reads no environment, clock or network.
func Load(dir, file string, kinds []string) (Dataset, []Warning, error) {
	text, err := readFile(filepath.Join(dir, file))
	if errors.Is(err, fs.ErrNotExist) {
		return Dataset{}, nil, Errors{{File: file, Message: "there is no such file", Fix: "halftone init DIR makes a project; -C DIR names its folder"}}
	}
	if err != nil {
		return Dataset{}, nil, fmt.Errorf("config: %s: %w", file, cause(err))
	}
	return load(dir, file, string(text), kinds, func(path string) ([]byte, error) {
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		return readFile(path)
	})
}

// maxTable is how large a code list or code table may be.
const maxTable = 64 << 20

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil, errors.Join(err, errors.New("not a file"))
	}
	b, err := io.ReadAll(io.LimitReader(f, maxTable+1))
	if err == nil && len(b) > maxTable {
		return nil, fmt.Errorf("larger than %d bytes", maxTable)
	}
	return b, err
}

// cause drops the path from an error: messages name paths as configured.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// load is Load on a text. open reads a path as written in it.
func load(dir, file, text string, kinds []string, open func(string) ([]byte, error)) (Dataset, []Warning, error) {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(text, "\ufeff"))
	src := newSource(file, text)
	root, problems := parse(src, text)
	if root == nil {
		return Dataset{}, nil, src.errors(problems)
	}
	f := wholeFile(kinds)
	c := newChecker(src)
	c.problems = problems
	c.check(root, f, file)
	b := &builder{checker: c, open: open, kinds: kinds, tables: map[string]table{}, meant: map[string]bool{}}
	b.out.Dir = dir
	if root.kind == mapNode && !c.open { // what hangs on an open decision would be found at fault for it
		b.build(c.root(root, f))
	}
	if len(c.problems) > 0 {
		return Dataset{}, nil, src.errors(c.problems)
	}
	for i := range b.warnings {
		w := &b.warnings[i]
		w.Excerpt = src.excerpt(place{w.Line, w.Column})
	}
	for _, p := range []*Problem{&b.out.places.name, &b.out.places.folder} {
		p.Excerpt = src.excerpt(place{p.Line, p.Column})
	}
	return b.out, b.warnings, nil
}
