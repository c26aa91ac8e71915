// Package format turns the bytes of one item, a file or a reply, into pages of
// text columns. It decodes the columns of the allow-list only; what stands in
// other columns is stepped over in a buffer that is overwritten and never
// reaches a page, an error or a log. A workbook keeps the texts of all its cells
// in one table, which is in memory until the workbook has been read; nothing is
// written to disk.
//
// A format is a value of type Format; All lists them. Adding one is writing
// its Decode and a line in All.
package format

import (
	"context"
	"io"
	"iter"
	"regexp"

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
	// called more than once: the digest has to be known before the first page. A
	// reader is not used after the next call. Each reading must give the same
	// bytes; that is checked. Formats that are not text are read in place where
	// the reader is also an io.ReaderAt and io.Seeker, else from memory, within
	// Limits.Body.
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
	// Decode reads a format that is text, and is nil for others. It calls page
	// for each page in order and stops with nil when page answers false. It
	// reads text to its end before the last page, so that a truncated item does
	// not look complete. It must not keep text. The caller sets Item and gives
	// valid UTF-8 without byte-order mark.
	Decode func(ctx context.Context, in Input, text io.Reader, page func(connectors.Page) bool) error
	// DecodeBytes is Decode for a format that is no text and begins with Magic.
	// Malformed bytes must lead to an error: no panic, no endless loop, and no
	// more memory than Limits.Body and a page or two.
	DecodeBytes func(ctx context.Context, in Input, at io.ReaderAt, size int64, page func(connectors.Page) bool) error
	Magic       string
}

// All lists the formats.
func All() []Format {
	return []Format{
		{Name: "csv", Extensions: []string{".csv"}, Decode: decodeDelimited(',')},
		{Name: "tsv", Extensions: []string{".tsv", ".tab"}, Decode: decodeDelimited('\t')},
		{Name: "xlsx", Extensions: []string{".xlsx", ".xlsm"}, DecodeBytes: decodeXLSX, Magic: "PK\x03\x04"},
		{Name: "xls", Extensions: []string{".xls"}, DecodeBytes: decodeXLS, Magic: "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"},
		{Name: "json", Extensions: []string{".json"}, Decode: decodeJSON},
		{Name: "jsonl", Extensions: []string{".jsonl", ".ndjson"}, Decode: decodeJSONLines},
		{Name: "parquet", Extensions: []string{".parquet"}, DecodeBytes: decodeParquet, Magic: "PAR1"},
		{Name: "sdmx-csv", Decode: decodeSDMX},
	}
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
