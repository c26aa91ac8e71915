package format_test

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"halftone/connectors"
	"halftone/connectors/connectortest"
)

// small is a table of a few rows with text, numbers and blanks.
var small = connectortest.Table{Columns: []string{"a", "x", "b"}, Rows: [][]string{{"1", "2", "é"}, {"", "", ""}, {"2024-01-01", "x", "3"}, {"1", "1", "1"}}}

// fuzzBytes reads what the fuzzer makes of a format that is no text: it may
// fail with an error of ours, and may not take much memory.
func fuzzBytes(t *testing.T, ours, magic string, body []byte, layout connectors.Layout) {
	if !bytes.HasPrefix(body, []byte(magic)) || len(body) > 1<<16 {
		return
	}
	in := input(body, layout, false)
	in.Limits.Body, in.Limits.Bytes, in.Limits.Rows, in.Limits.Items = 1<<20, 1<<20, 1<<16, 64
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n := 0
	for p, err := range pagesOf(in) {
		checkFuzzed(t, ours, err)
		if err != nil {
			break
		}
		n += int(p.Records.NumRows())
		p.Records.Release()
		if n > 1<<16 { // a run of nulls may be as long as it says: pages come one by one
			break
		}
	}
	if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 64<<20 {
		t.Fatalf("%d bytes were allocated for %d", after.TotalAlloc-before.TotalAlloc, len(body))
	}
}

func FuzzXLSX(f *testing.F) {
	f.Add(small.XLSX(), false)
	f.Add(small.BrokenXLSX(), false)
	f.Add(connectortest.Workbook(under, merges, map[string]string{"xl/styles.xml": styles, "xl/sharedStrings.xml": "<sst><si><t>a</t></si></sst>"}), true)
	f.Add(connectortest.Workbook(cells(`<c t="s"><v>0</v></c>`, `<c s="1"><v>1.5</v></c>`), "", two("hidden")), false)
	ours := literals(f)
	f.Fuzz(func(t *testing.T, body []byte, rows bool) {
		layout := connectors.Layout{Format: "xlsx"}
		if rows {
			layout.Header.Rows = 2
		}
		fuzzBytes(t, ours, "PK\x03\x04", body, layout)
	})
}

// FuzzSheet fuzzes the XML within a workbook, which a fuzzer of archives
// hardly gets to.
func FuzzSheet(f *testing.F) {
	f.Add(ab+`<row r="2"><c t="s"><v>0</v></c><c r="B2" s="1"><f>1</f><v>45292.5</v></c></row>`, merges, `<sst><si><t>a</t></si><si><r><t>_x0041_</t></r></si></sst>`, styles)
	f.Add(under, merges, "", `<numFmt numFmtId="1" formatCode="&quot;"/><cellXfs/><xf numFmtId="1"/>`)
	ours := literals(f)
	f.Fuzz(func(t *testing.T, rows, behind, texts, look string) {
		body := connectortest.Workbook(rows, behind, map[string]string{"xl/sharedStrings.xml": texts, "xl/styles.xml": look})
		fuzzBytes(t, ours, "PK", body, stacked)
		fuzzBytes(t, ours, "PK", body, connectors.Layout{})
	})
}

func FuzzXLS(f *testing.F) {
	f.Add(small.XLS())
	f.Add(small.BrokenXLS())
	f.Add(connectortest.CompoundFile("Book", nil))
	ours := literals(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		fuzzBytes(t, ours, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", body, connectors.Layout{})
	})
}

// FuzzBIFF fuzzes the stream within a workbook.
func FuzzBIFF(f *testing.F) {
	f.Add(connectortest.Sheets(func(b *connectortest.BIFF) {
		b.Record(0x00fc, connectortest.U32(1), connectortest.U32(1), u16(1), []byte{12}, u16(1), connectortest.U32(1), []byte("a"))
		b.Record(0x003c, make([]byte, 5))
		b.Record(0x041e, u16(164), connectortest.Wide("d/m/yy"))
		b.Record(0x00e0, u16(0, 164), make([]byte, 16))
	}, connectortest.Sheet{Name: "S", Fill: func(b *connectortest.BIFF) {
		b.Record(0x00fd, u16(0, 0, 0), connectortest.U32(0))
		b.Label(0, 1, "b")
		b.Number(1, 0, 0, 1.5)
		b.Record(0x00bd, u16(1, 1), u16(0), connectortest.U32(7), u16(1))
		b.Record(0x0006, u16(2, 0, 0), connectortest.U64(0xffff000000000000), u16(0, 0, 0))
		b.Record(0x0207, connectortest.Wide("t"))
		b.Record(0x00e5, u16(1, 0, 0, 1, 1))
	}}))
	ours := literals(f)
	f.Fuzz(func(t *testing.T, stream []byte) {
		if len(stream) < 1<<15 {
			fuzzBytes(t, ours, "", connectortest.CompoundFile("Workbook", stream), connectors.Layout{})
		}
	})
}

func FuzzParquet(f *testing.F) {
	f.Add(small.Parquet())
	for _, seed := range parquetFiles(f) {
		f.Add(seed.body)
	}
	ours := literals(f)
	f.Fuzz(func(t *testing.T, body []byte) { fuzzBytes(t, ours, "PAR1", body, connectors.Layout{}) })
}

func FuzzJSONLines(f *testing.F) {
	for _, seed := range []string{
		"{\"a\":1,\"b\":2}\n{\"a\":3}\n", "\n\n{\"a\":\n1}{\"b\":2} ", "[1]\n", "{\"h\":[\"a\",\"b\"],\"r\":[[1,2]],\"b\":1}\n", "{\"a\":{\"b\":{}}}",
	} {
		f.Add([]byte(seed), false, "", "", "")
		f.Add([]byte(seed), true, "[].r[]", "[].h[]", "b")
		f.Add([]byte(seed), true, "[].{a}", "", "b")
	}
	ours := literals(f)
	f.Fuzz(func(t *testing.T, body []byte, slow bool, rows, names, outer string) {
		layout := connectors.Layout{Format: "jsonl", Rows: rows, Names: names, Outer: []string{outer}}
		if checkLayout(layout) != nil {
			return
		}
		got, _, err := decode(context.Background(), input(body, layout, slow))
		checkFuzzed(t, ours, err)
		for _, r := range got {
			if !utf8.ValidString(r) || strings.ContainsRune(r, 0) {
				t.Fatalf("%q", r)
			}
		}
	})
}

func FuzzHeader(f *testing.F) {
	for _, seed := range []string{"t\na,b\n1,2\n", "a,,b\n,x,\n#a,,#b\n1,2,3\n", "STRUCTURE[;],a: A,ACTION,b\nx,1,D,2\n", "\xef\xbb\xbfa;b\n"} {
		f.Add([]byte(seed), "csv", "a", byte(2), true, "NA", `^(.)`, "")
		f.Add([]byte(seed), "sdmx-csv", "", byte(1), false, "", "", "names")
		f.Add([]byte(seed), "tsv", "", byte(3), true, "", "", "drop")
	}
	ours := literals(f)
	f.Fuzz(func(t *testing.T, body []byte, as, find string, rows byte, fill bool, blank, label, hxl string) {
		layout := connectors.Layout{Format: as, HXL: hxl, Cells: map[string]string{"b": "B1"},
			Header: connectors.Header{Rows: int(rows), Fill: fill, Blank: []string{blank}, Label: label}}
		if find != "" {
			layout.Header.Find = []string{find}
		}
		if as != "csv" && as != "tsv" && as != "sdmx-csv" || checkLayout(layout) != nil {
			return
		}
		_, _, err := decode(context.Background(), input(body, layout, false))
		checkFuzzed(t, ours, err)
		layout.Cells = nil
		_, _, err = decode(context.Background(), input(body, layout, true))
		checkFuzzed(t, ours, err)
	})
}
