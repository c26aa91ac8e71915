// Package format turns the bytes of one item, a file or a reply, into pages of
// text columns. It decodes the columns of the allow-list only; what stands in
// other columns is stepped over in a buffer that is overwritten and never
// reaches a page, an error or a log.
//
// A format is a value of type Format; All lists them. Adding one is writing
// its Decode and a line in All.
package format

import (
	"context"
	"io"
	"iter"
	"regexp"
	"slices"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"halftone/connectors"
)

// Input is one item and how to read it.
type Input struct {
	Name    string         // for Origin.File and Item.Name
	Columns []string       // the allow-list, each once
	Match   *regexp.Regexp // as Env.Match in the Env given to a Kind's open function, which is anchored
	Layout  connectors.Layout
	Limits  connectors.Limits // every field set: that of an Env given to a Kind's open function
	Alloc   memory.Allocator
	// Open gives the bytes from their start, after any Content-Encoding. It is
	// called twice: the digest has to be known before the first page. The first
	// reader is not used after the second call. The second reading must give
	// the same bytes; that is checked.
	Open func() (io.Reader, error)
}

// NewInput is the part of Input that an Env decides.
func NewInput(env connectors.Env, name string, layout connectors.Layout, open func() (io.Reader, error)) Input {
	return Input{Name: name, Columns: env.Columns, Match: env.Match, Layout: layout, Limits: env.Limits, Alloc: env.Alloc, Open: open}
}

// A Format decodes one kind of content.
type Format struct {
	Name       string
	Extensions []string // lower case, with the dot
	// Decode calls page for each page in order and stops with nil when page
	// answers false. It reads text to its end before the last page, so that a
	// truncated item does not look complete. It must not keep text. The caller
	// sets Item and gives valid UTF-8 without byte-order mark.
	Decode func(ctx context.Context, in Input, text io.Reader, page func(connectors.Page) bool) error
}

// All lists the formats.
func All() []Format {
	return []Format{
		{Name: "csv", Extensions: []string{".csv"}, Decode: decodeCSV(',')},
		{Name: "tsv", Extensions: []string{".tsv", ".tab"}, Decode: decodeCSV('\t')},
		{Name: "json", Extensions: []string{".json"}, Decode: decodeJSON},
	}
}

// Check refuses a layout that no item can have. Connectors call it when they
// open, so that a mistake costs no pull. The error is a *connectors.SettingError.
func Check(l connectors.Layout) error {
	bad := func(key, what, do string) error {
		return &connectors.SettingError{Key: key, What: what, Do: do}
	}
	if i := slices.IndexFunc(All(), func(f Format) bool { return f.Name == l.Format }); l.Format != "" && i < 0 {
		return bad("format", "this format cannot be read", "use csv, tsv or json")
	}
	if !slices.Contains([]string{"", "utf-8", "utf-16", "windows-1252"}, l.Encoding) {
		return bad("encoding", "this encoding cannot be read", "use utf-8, utf-16 or windows-1252")
	}
	if _, err := delimiter(l.Delimiter, ','); err != nil {
		return bad("delimiter", err.Error(), `give one of , ; | or "\t"`)
	}
	if l.Header < 0 {
		return bad("header", "a header row is counted from 1", "")
	}
	if re, err := regexp.Compile(l.Label); err != nil || l.Label != "" && re.NumSubexp() < 1 {
		return bad("header", "`label` is not a regular expression with a group", "write the part to keep in parentheses: ^([^:]+)")
	}
	if _, err := parsePath(l.Rows, true); err != nil {
		return bad("rows", err.Error(), "write names joined by dots, [] after each array: data.rows[]")
	}
	if _, err := parsePath(l.Total, false); err != nil {
		return bad("total", err.Error(), "write names joined by dots: meta.count")
	}
	return nil
}

// Pages reads the item: once for its digest and once for its pages. It yields
// at least one page or one error, and an error comes last.
func Pages(ctx context.Context, in Input) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) {
		open := true
		err := in.pages(ctx, func(p connectors.Page) bool {
			open = yield(p, nil)
			return open
		})
		if err != nil && open {
			yield(connectors.Page{}, err)
		}
	}
}
