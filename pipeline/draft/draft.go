// Package draft looks at a file of an agency and writes a first halftone.yaml for
// it: how the table stands in it, which columns look like a period, a count or a
// classification, and TODO for every decision that a person has to make. A TODO
// does not validate, so that nothing is decided by machine.
//
// It is the one place that reads all columns of a file, once, at the wish of the
// officer who has it, and keeps nothing. What it writes holds names of columns,
// shapes of texts and marks such as `<5`, never a label or a count; labels are in
// Draft.Labels, for the officer's terminal.
package draft

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"halftone/connectors"
	"halftone/connectors/format"
)

// A Draft is what was made of a file.
type Draft struct {
	Text   string   // halftone.yaml
	Open   int      // how many TODOs it has
	Labels []Labels // of the columns that look like classifications

	Layout  connectors.Layout // what `read` says
	Unpivot []string          // the columns that `read.unpivot` names
}

// Labels are what stands in a column: of the agency's data, not to be written
// anywhere.
type Labels struct {
	Column string
	Some   []string // at most mostShown, in order of appearance
	More   bool     // there are others
}

const mostShown = 12

// Of drafts a file. path is the file, as is how `from` names it.
func Of(ctx context.Context, path, as string) (Draft, error) {
	f, err := os.Open(path)
	if err != nil {
		return Draft{}, fmt.Errorf("draft: %w", err)
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return Draft{}, fmt.Errorf("draft: %s is not a file", filepath.Base(path))
	}
	d := &drafter{ctx: ctx, as: as, in: format.Input{
		Name: filepath.Base(path), Limits: connectors.DefaultLimits(), Alloc: memory.DefaultAllocator,
		Open: func() (io.Reader, error) {
			_, err := f.Seek(0, io.SeekStart)
			return f, err
		},
	}}
	if err := d.table(); err != nil {
		return Draft{}, err
	}
	if err := d.columns(); err != nil {
		return Draft{}, err
	}
	d.assign()
	if len(d.period) == 0 && d.found.title != "" {
		d.in.Layout.Cells = map[string]string{title: d.found.title}
	}
	return d.write(), nil
}

// A drafter is one file that is being drafted.
type drafter struct {
	ctx    context.Context
	as     string
	in     format.Input
	look   format.Look
	found  table
	stats  []*column
	broken error // where reading ended before the end
	roles
}

// table finds out where the table stands: what `read` has to say.
func (d *drafter) table() error {
	var err error
	if d.look, err = format.LookAt(d.ctx, d.in, connectors.HeaderRows+30); err != nil {
		return err
	}
	l := &d.in.Layout
	l.Encoding, l.SkipInitialSpace = d.look.Encoding, d.look.SkipInitialSpace
	if len(d.look.Sheets) > 1 {
		l.Sheet = d.look.Sheet
	}
	switch d.look.Format {
	case "json", "jsonl":
		return d.records()
	case "parquet":
	case "sdmx-csv":
		l.Format = "sdmx-csv"
		err = d.header()
	default:
		if usual := map[string]string{"csv": ",", "tsv": "\t"}[d.look.Format]; d.look.Delimiter != usual {
			l.Delimiter = d.look.Delimiter
		}
		err = d.header()
	}
	if err != nil {
		return err
	}
	names, err := format.Names(d.ctx, d.in)
	if err != nil {
		return err
	}
	d.found.names = names
	return nil
}

// mostRows is how far a file is read.
const mostRows = 1 << 20

// columns reads the rows and gathers what stands in each column.
func (d *drafter) columns() error {
	err := d.read()
	var s *connectors.SourceError
	if errors.As(err, &s) && s.Reason == connectors.Malformed && s.Row > 0 && len(d.in.Layout.Header.Find) == 0 && d.look.Delimiter != "" && len(d.found.labels) > 0 {
		d.in.Layout.Header = connectors.Header{Find: d.found.labels} // notes below the table may be passed over by it
		err = d.read()
	}
	switch {
	case errors.As(err, &s):
		d.broken = err
		return nil
	}
	return err
}

func (d *drafter) read() error {
	d.stats, d.broken = nil, nil
	in := d.in
	seen := map[string]int{}
	for _, n := range d.found.names {
		seen[n]++
	}
	for _, n := range d.found.names {
		if n != "" && seen[n] == 1 {
			in.Columns = append(in.Columns, n)
			d.stats = append(d.stats, newColumn(n))
		}
	}
	if len(in.Columns) == 0 {
		return &connectors.SourceError{Reason: connectors.Malformed, File: in.Name, What: "no column has a name of its own", Do: "see whether the file has a header"}
	}
	rows := 0
	for page, err := range format.Pages(d.ctx, in) {
		if err != nil {
			return err
		}
		n := int(page.Records.NumRows())
		for r := range n {
			d.row(page, r)
		}
		page.Records.Release()
		if rows += n; rows >= mostRows {
			break
		}
	}
	return nil
}

// row takes one row into the columns. A row with text in one column alone is a
// note beside a table, where the header says that there may be some.
func (d *drafter) row(page connectors.Page, r int) {
	filled, last := 0, -1
	for i := range d.stats {
		if v, ok := page.Records.Column(i).(*array.String); ok && strings.TrimSpace(v.Value(r)) != "" {
			filled, last = filled+1, i
		}
	}
	if filled == 0 { // a blank row is none
		return
	}
	if filled == 1 && len(d.stats) > 1 && len(d.in.Layout.Header.Find) > 0 {
		d.stats[last].alone = true
		return
	}
	for i, c := range d.stats {
		if v, ok := page.Records.Column(i).(*array.String); ok {
			c.take(v.Value(r))
		}
	}
}

// by finds a column.
func (d *drafter) by(name string) *column {
	i := slices.IndexFunc(d.stats, func(c *column) bool { return c.name == name })
	if i < 0 {
		return nil
	}
	return d.stats[i]
}
