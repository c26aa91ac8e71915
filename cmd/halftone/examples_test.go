package main

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"halftone/connectors"
	"halftone/connectors/all"
	"halftone/connectors/connectortest"
	"halftone/pipeline/config"
	"halftone/pipeline/normalize"
)

const documented = "../../docs/examples"

// merges are the merged cells of the workbooks of the pages.
var merges = map[string][]string{"merged-headers": {"A4:A5", "B4:C4", "D4:E4", "F4:G4"}}

// block is a fenced block of a page that is held to something else: after the
// language stands what. ```` ```csv data/records.csv ````
var block = regexp.MustCompile("(?ms)^```[a-z]+ (\\S+)\n(.*?)^```$")

// Every page of docs/examples shows a file, a source, what pull prints and what
// comes out. The test runs the example and compares all four, so that no page
// can go stale; with -update it writes them.
func TestDocumentedExamples(t *testing.T) {
	dirs, err := filepath.Glob(documented + "/*/halftone.yaml")
	if err != nil || len(dirs) != 8 {
		t.Fatalf("%d examples, %v", len(dirs), err)
	}
	index, err := os.ReadFile(documented + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range dirs {
		from := filepath.Dir(file)
		name := filepath.Base(from)
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(string(index), "]("+name+"/README.md)") {
				t.Error("docs/examples/README.md does not lead to it")
			}
			page := filepath.Join(from, "README.md")
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			e := example{t: t, name: name, from: from}
			seen := map[string]bool{}
			now := block.ReplaceAllStringFunc(string(text), func(b string) string {
				m := block.FindStringSubmatch(b)
				seen[m[1]] = true
				fence, _, _ := strings.Cut(b, "\n")
				return fence + "\n" + e.block(m[1], m[2]) + "```"
			})
			for _, what := range []string{"halftone.yaml", "pull", "observations"} {
				if !seen[what] || len(seen) != 4 {
					t.Errorf("the page has the blocks %v", seen)
				}
			}
			if now == string(text) {
				return
			}
			if *update {
				if err := os.WriteFile(page, []byte(now), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			t.Errorf("docs/examples/%s/README.md is not what a run says: go test ./cmd/halftone -run DocumentedExamples -update\n%s", name, firstDifference(string(text), now))
		})
	}
}

func firstDifference(a, b string) string {
	other := strings.Split(b, "\n")
	for i, line := range strings.Split(a, "\n") {
		if i >= len(other) || line != other[i] {
			return fmt.Sprintf("line %d: %q, want %q", i+1, line, slices.Concat(other, []string{""})[min(i, len(other))])
		}
	}
	return ""
}

type example struct {
	t          *testing.T
	name, from string
}

// block gives what a block has to hold. Only a workbook is made of its block.
func (e example) block(what, now string) string {
	switch {
	case what == "halftone.yaml":
		return e.source()
	case what == "pull":
		return e.pull()
	case what == "observations":
		return e.observations()
	case strings.HasSuffix(what, ".xlsx"):
		e.workbook(what, now)
		return now
	}
	return e.file(what)
}

func (e example) file(name string) string {
	b, err := os.ReadFile(filepath.Join(e.from, name))
	if err != nil {
		e.t.Fatal(err)
	}
	return string(b)
}

// source is the part of halftone.yaml that the page is about.
func (e example) source() string {
	_, after, _ := strings.Cut(e.file("halftone.yaml"), "\nsources:\n")
	source, _, found := strings.Cut(after, "\n\ntables:")
	if !found {
		e.t.Error("halftone.yaml has no blank line above tables")
	}
	return "sources:\n" + source + "\n"
}

// pull runs the program on a copy, as a person would.
func (e example) pull() string {
	dir := e.t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(e.from)); err != nil {
		e.t.Fatal(err)
	}
	for _, command := range []string{"validate", "pull"} {
		var out, errs bytes.Buffer
		a := &app{in: strings.NewReader(""), out: &out, err: &errs, clock: stopped{}, lookupEnv: func(string) (string, bool) { return "", false }, by: "an officer", holder: "a test"}
		if code := a.execute(e.t.Context(), []string{"-C", dir, command}); code != 0 || command == "validate" && errs.Len() > 0 {
			e.t.Fatalf("halftone %s: exit code %d\n%s%s", command, code, &out, &errs)
		}
		if command == "pull" {
			return strings.ReplaceAll(out.String(), "-C "+dir+" ", "")
		}
	}
	return ""
}

// stopped is a clock that stands: nothing on a page may hang on the day.
type stopped struct{ connectors.WallClock }

func (stopped) Now() time.Time { return time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC) }

// observations are the rows that are counted, as CSV.
func (e example) observations() string {
	d, _, err := config.Load(e.from, "halftone.yaml", (&app{}).kindNames())
	if err != nil {
		e.t.Fatal(err)
	}
	s := d.Sources[0]
	kinds := all.Kinds()
	kind := kinds[slices.IndexFunc(kinds, func(k connectors.Kind) bool { return k.Name == s.Kind })]
	src, err := kind.Open(e.t.Context(), connectors.Env{Dir: e.from, Columns: s.Columns, Match: s.Match, Layout: s.Layout}, s.Decode)
	if err != nil {
		e.t.Fatal(err)
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	header := []string{"period"}
	for _, dim := range d.Spec.Dimensions {
		header = append(header, dim.Name)
	}
	_ = w.Write(append(header, "value", "status")) // a strings.Builder does not fail
	emit := func(o normalize.Observations) error {
		for i, v := range o.Value {
			row := []string{o.Periods[o.Period[i]].String()}
			for _, c := range o.Dims {
				row = append(row, c.Dict[c.Index[i]])
			}
			status := normalize.Exact
			if o.Status != nil {
				status = o.Status[i]
			}
			_ = w.Write(append(row, fmt.Sprint(v), status.String()))
		}
		return nil
	}
	n := normalize.New(s.Mapping, d.Calendar.Holds, d.Spec.Every, d.Calendar.Bands)
	for page, err := range src.Read(e.t.Context(), "") {
		if err == nil {
			err = n.Page(page, emit)
			page.Records.Release()
		}
		if err != nil {
			e.t.Fatal(err)
		}
	}
	if _, err := n.Close(emit); err != nil {
		e.t.Fatal(err)
	}
	w.Flush()
	return b.String()
}

// workbook holds a workbook to the rows that the page shows, cells between |.
func (e example) workbook(name, rows string) {
	want := workbookParts(strings.Split(strings.TrimSuffix(rows, "\n"), "\n"), merges[e.name])
	path := filepath.Join(e.from, name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			e.t.Fatal(err)
		}
		if err := os.WriteFile(path, connectortest.Zip(want), 0o644); err != nil {
			e.t.Fatal(err)
		}
	}
	z, err := zip.OpenReader(path)
	if err != nil {
		e.t.Fatal(err)
	}
	defer func() { _ = z.Close() }()
	for part, body := range want {
		f, err := z.Open(part)
		if err != nil {
			e.t.Fatal(err)
		}
		got, err := io.ReadAll(f)
		if err != nil || !bytes.Equal(got, body) {
			e.t.Errorf("%s of %s is not what the page shows: %v", part, name, err)
		}
		_ = f.Close()
	}
}

// workbookParts is the least that spreadsheets open: a sheet of texts.
func workbookParts(rows, merged []string) map[string][]byte {
	const (
		head     = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
		main     = `http://schemas.openxmlformats.org/spreadsheetml/2006/main`
		rel      = `http://schemas.openxmlformats.org/officeDocument/2006/relationships`
		packages = `http://schemas.openxmlformats.org/package/2006/`
		sheets   = `application/vnd.openxmlformats-officedocument.spreadsheetml.`
	)
	var sheet strings.Builder
	for i, row := range rows {
		fmt.Fprintf(&sheet, `<row r="%d">`, i+1)
		for j, cell := range strings.Split(row, "|") {
			if cell != "" {
				fmt.Fprintf(&sheet, `<c r="%c%d" t="inlineStr"><is><t>%s</t></is></c>`, 'A'+j, i+1, strings.ReplaceAll(cell, "<", "&lt;"))
			}
		}
		sheet.WriteString("</row>")
	}
	merge := ""
	for _, m := range merged {
		merge += fmt.Sprintf(`<mergeCell ref="%s"/>`, m)
	}
	if merge != "" {
		merge = fmt.Sprintf(`<mergeCells count="%d">%s</mergeCells>`, len(merged), merge)
	}
	return map[string][]byte{
		"[Content_Types].xml": []byte(head + `<Types xmlns="` + packages + `content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
			`<Override PartName="/xl/workbook.xml" ContentType="` + sheets + `sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="` + sheets + `worksheet+xml"/></Types>`),
		"_rels/.rels":                []byte(head + `<Relationships xmlns="` + packages + `relationships"><Relationship Id="rId1" Type="` + rel + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`),
		"xl/workbook.xml":            []byte(head + `<workbook xmlns="` + main + `" xmlns:r="` + rel + `"><sheets><sheet name="Data" sheetId="1" r:id="rId1"/></sheets></workbook>`),
		"xl/_rels/workbook.xml.rels": []byte(head + `<Relationships xmlns="` + packages + `relationships"><Relationship Id="rId1" Type="` + rel + `/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`),
		"xl/worksheets/sheet1.xml":   []byte(head + `<worksheet xmlns="` + main + `"><sheetData>` + sheet.String() + `</sheetData>` + merge + `</worksheet>`),
	}
}
