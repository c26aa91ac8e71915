package format

import (
	"archive/zip"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"

	"halftone/connectors"
)

// decodeXLSX reads one sheet of a workbook (ECMA-376, Office Open XML). It
// opens the parts that it needs and no other, so that pictures which are named
// but not there do not matter, and it writes nothing to disk. Rows are those of
// the sheet. Numbers come out as the shortest decimal, dates in ISO 8601,
// formulas as their last result.
func decodeXLSX(ctx context.Context, in Input, at io.ReaderAt, size int64, page func(connectors.Page) bool) error {
	b, err := in.openXLSX(ctx, at, size)
	if err != nil {
		return err
	}
	sheet, err := in.pickSheet(b.sheets)
	if err != nil {
		return err
	}
	rows := &xlsxRows{in: in, book: b, part: b.sheets[sheet].part}
	defer rows.close()
	return in.decodeRows(ctx, rows, nil, page)
}

// openXLSX reads everything of a workbook but its rows.
func (in Input) openXLSX(ctx context.Context, at io.ReaderAt, size int64) (*book, error) {
	a, err := OpenArchive(ctx, in, at, size)
	if err != nil {
		return nil, err
	}
	b := &book{in: in, archive: a, parts: make(map[string]*zip.File, len(a.Files))}
	for _, f := range a.Files {
		if name := partName(f.Name); b.parts[name] == nil {
			b.parts[name] = f
		}
	}
	return b, b.read()
}

// IsWorkbook reports whether an archive is an Office document, or one in the
// open format, and not a folder of files.
func IsWorkbook(files []*zip.File) bool {
	for _, f := range files {
		if name := partName(f.Name); name == "[content_types].xml" || name == "mimetype" {
			return true
		}
	}
	return false
}

// A book is a workbook that is being read.
type book struct {
	in       Input
	archive  *Archive
	parts    map[string]*zip.File
	sheets   []bookSheet
	from1904 bool
	strings  textTable
	shapes   []shape // of the cell styles
}

// A bookSheet is a sheet of cells. Diagrams on sheets of their own are none.
type bookSheet struct {
	name   string
	part   string // or nothing, for a sheet that is no table
	hidden bool
}

// pickSheet gives the sheet that `sheet` names, else the only one to be seen.
func (in Input) pickSheet(sheets []bookSheet) (int, error) {
	found, visible := -1, 0
	for i, s := range sheets {
		if s.part == "" {
			continue
		}
		if !s.hidden {
			visible++
		}
		switch want := in.Layout; {
		case want.Sheet != "":
			if found < 0 && strings.EqualFold(tidy(s.name), tidy(want.Sheet)) {
				found = i
			}
		case s.hidden:
		case want.SheetNumber == visible, want.SheetNumber == 0 && visible == 1:
			found = i
		}
	}
	stop := func(r connectors.Reason, what, do string) (int, error) {
		return 0, &connectors.SourceError{Reason: r, File: in.Name, What: what, Do: do}
	}
	switch named := in.Layout.Sheet != "" || in.Layout.SheetNumber > 0; {
	case named && found < 0:
		return stop(connectors.NotFound, "the workbook has no such sheet", "check `sheet`: a name, or a number counted over the sheets that can be seen")
	case !named && visible > 1:
		return stop(connectors.Malformed, "the workbook has several sheets", "name one: `read: {sheet: …}`")
	case found < 0:
		return stop(connectors.Malformed, "the workbook has no sheet that can be seen", "name a hidden one: `read: {sheet: …}`")
	}
	return found, nil
}

// read finds the sheets, and reads what their cells refer to.
func (b *book) read() error {
	_, binary := b.parts["xl/workbook.bin"]
	_, open := b.parts["mimetype"]
	_, any := b.parts["[content_types].xml"]
	switch {
	case binary:
		return b.in.malformed(0, "this is a binary workbook (xlsb)", "save it as xlsx or CSV")
	case open:
		return b.in.malformed(0, "this is an OpenDocument file", "save it as xlsx or CSV")
	case !any:
		return b.in.malformed(0, "this is a zip archive and not a workbook", "unpack it; `file` reads archives itself")
	}
	main := "xl/workbook.xml"
	root, err := b.relations("")
	if err != nil {
		return err
	}
	for _, r := range root {
		if strings.HasSuffix(r.kind, "/officeDocument") {
			main = r.part
		}
	}
	links, err := b.relations(main)
	if err != nil {
		return err
	}
	if err := b.workbook(main, links); err != nil {
		return err
	}
	for _, r := range links {
		switch {
		case strings.HasSuffix(r.kind, "/sharedStrings"):
			err = b.sharedStrings(r.part)
		case strings.HasSuffix(r.kind, "/styles"):
			err = b.styles(r.part)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// walk calls start for each element of a part; a part that is not there has none.
func (b *book) walk(part string, start func(xml.StartElement) error) error {
	return b.tokens(part, func(tok xml.Token) error {
		if e, ok := tok.(xml.StartElement); ok {
			return start(e)
		}
		return nil
	})
}

// tokens calls take for each token of a part; a part that is not there has none.
func (b *book) tokens(part string, take func(xml.Token) error) error {
	f := b.parts[partName(part)]
	if f == nil {
		return nil
	}
	r, err := b.archive.Open(f)
	if err != nil {
		return err
	}
	defer r.Close()
	x := newXMLReader(b.in, r)
	for {
		tok, err := x.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := take(tok); err != nil {
			return err
		}
	}
}

type relation struct{ kind, part string }

// relations reads what a part refers to, by id; those of the package are under "".
func (b *book) relations(part string) (map[string]relation, error) {
	dir, base := path.Split(part)
	out := map[string]relation{}
	err := b.walk(dir+"_rels/"+base+".rels", func(e xml.StartElement) error {
		if e.Name.Local != "Relationship" || attribute(e, "TargetMode") == "External" {
			return nil
		}
		target := strings.ReplaceAll(attribute(e, "Target"), `\`, "/")
		if !strings.HasPrefix(target, "/") {
			target = "/" + dir + target
		}
		out[attribute(e, "Id")] = relation{attribute(e, "Type"), strings.TrimPrefix(path.Clean(target), "/")}
		return nil
	})
	return out, err
}

func (b *book) workbook(part string, links map[string]relation) error {
	if b.parts[partName(part)] == nil {
		return b.in.damagedBook(0)
	}
	return b.walk(part, func(e xml.StartElement) error {
		switch e.Name.Local {
		case "workbookPr":
			b.from1904 = truth(attribute(e, "date1904"))
		case "sheet":
			s := bookSheet{name: attribute(e, "name")}
			for _, a := range e.Attr { // r:id, where r is whatever the file calls it
				if a.Name.Local == "id" && a.Name.Space != "" && strings.HasSuffix(links[a.Value].kind, "/worksheet") {
					s.part = links[a.Value].part
				}
			}
			state := attribute(e, "state")
			s.hidden = state == "hidden" || state == "veryHidden"
			b.sheets = append(b.sheets, s)
			if len(b.sheets) > b.in.Limits.Items {
				return &connectors.SourceError{Reason: connectors.Limit, File: b.in.Name, What: "there are more sheets than the limit"}
			}
		}
		return nil
	})
}

// styles reads which cell styles show a number as a date or time.
func (b *book) styles(part string) error {
	const most = 1 << 17 // twice what spreadsheet programs allow
	codes, cells := map[int]shape{}, false
	return b.walk(part, func(e xml.StartElement) error {
		switch e.Name.Local {
		case "numFmt":
			if id, err := strconv.Atoi(attribute(e, "numFmtId")); err == nil && len(codes) < most {
				codes[id] = shapeOf(attribute(e, "formatCode"))
			}
		case "cellXfs", "cellStyleXfs", "cellStyles", "dxfs":
			cells = e.Name.Local == "cellXfs"
		case "xf":
			if !cells || len(b.shapes) == most {
				return nil
			}
			id, err := strconv.Atoi(attribute(e, "numFmtId"))
			s, own := codes[id]
			if err == nil && !own {
				s = builtIn(id)
			}
			b.shapes = append(b.shapes, s)
		}
		return nil
	})
}
