package format_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"halftone/connectors"
	"halftone/connectors/connectortest"
)

// text is a cell of text in a workbook's sheet.
func text(at, s string) string {
	return fmt.Sprintf(`<c r="%s" t="inlineStr"><is><t>%s</t></is></c>`, at, s)
}

const ab = `<row r="1"><c t="inlineStr"><is><t>a</t></is></c><c t="inlineStr"><is><t>b</t></is></c></row>`

// cells is a sheet with one row of two cells below the header.
func cells(a, b string) string { return ab + `<row r="2">` + a + b + `</row>` }

const merges = `<mergeCells count="2"><mergeCell ref="A2:A3"/><mergeCell ref="B2:C2"/></mergeCells>`

// under is a header of two rows, one merged, below a title.
var under = `<row r="1">` + text("A1", "by State, 2014") + `</row><row r="2">` + text("A2", "a") + text("B2", "g  \n") + `<c r="C2" s="3"/></row><row r="3">` +
	text("B3", "b") + text("C3", "c") + `</row><row r="4">` + text("A4", "1") + text("B4", "2") + text("C4", "3") + `</row>`

var (
	xlsxFormat = connectors.Layout{Format: "xlsx"}
	stacked    = connectors.Layout{Header: connectors.Header{Find: []string{"a"}, Rows: 2, Label: "^(?:g / )?(.*)$"}}
)

const (
	relation  = `http://schemas.openxmlformats.org/officeDocument/2006/relationships`
	twoSheets = `<workbook xmlns:q="` + relation + `"><workbookPr date1904="1"/><sheets><sheet name="First" sheetId="1" state="%s" q:id="rId1"/>` +
		`<sheet name="Second " sheetId="2" q:id="rId2"/><sheet name="Diagram" sheetId="3" q:id="rId9"/></sheets></workbook>`
)

func two(state string) map[string]string {
	return map[string]string{
		"xl/workbook.xml":          fmt.Sprintf(twoSheets, state),
		"xl/worksheets/sheet2.xml": `<worksheet><sheetData>` + cells(text("A2", "two"), `<c r="B2" s="1"><v>1</v></c>`) + `</sheetData></worksheet>`,
		"xl/styles.xml":            styles,
	}
}

const styles = `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="[$-409]dd\ mmm\ yyyy;@"/><numFmt numFmtId="165" formatCode="#,##0&quot;d&quot;"/>` +
	`<numFmt numFmtId="166" formatCode="[h]:mm"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>` +
	`<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="22"/><xf numFmtId="20"/><xf numFmtId="166"/></cellXfs></styleSheet>`

func TestReadsXLSX(t *testing.T) {
	styled := map[string]string{"xl/styles.xml": styles}
	shared := map[string]string{"xl/sharedStrings.xml": `<sst><si><t xml:space="preserve"> x </t></si><si><r><t>ri</t></r><r><rPr/><t>ch</t></r><rPh><t>no</t></rPh></si><si/></sst>`}
	for _, c := range []struct {
		name         string
		layout       connectors.Layout
		rows, behind string
		parts        map[string]string
		want         string
	}{
		{"wrong dimension", xlsxFormat, cells(text("A2", "1"), text("B2", "2")) + `<row r="5"><c r="B5"><v>3</v></c></row>`, "", nil, "2:1|2 5:|3"},
		{"cells and rows without places", xlsxFormat, ab + `<row><c><v>1</v></c><c><v>2</v></c></row><row><c/><c><v>3</v></c></row>`, "", nil, "2:1|2 3:|3"},
		{"cells beyond the header", xlsxFormat, cells(text("A2", "1"), text("F2", canary)), "", nil, "2:1|"},
		{"a row with nothing but looks", xlsxFormat, cells(text("A2", "1"), "") + `<row r="3"><c r="A3" s="1"/></row><row r="4"/>`, "", nil, "2:1| 3:| 4:|"},
		{"pictures that are not there", xlsxFormat, cells(text("A2", "1"), ""), `<drawing r:id="rId7"/><legacyDrawing r:id="rId8"/>`,
			map[string]string{"xl/worksheets/_rels/sheet1.xml.rels": `<Relationships><Relationship Id="rId7" Type="x/drawing" Target="../drawings/none.xml"/></Relationships>`}, "2:1|"},
		{"shared texts", xlsxFormat, cells(`<c t="s"><v>0</v></c>`, `<c t="s"><v> 1</v></c>`) + `<row><c t="s"><v>2</v></c></row>`, "", shared, "2: x |rich 3:|"},
		{"numbers as written", xlsxFormat, cells(`<c><v>0.28999999999999998</v></c>`, `<c><v>12345678901234567890</v></c>`) + `<row><c><v>1E5</v></c><c><v>-0.50</v></c></row><row><c><v>1e-9</v></c><c t="n"><v>-0.0</v></c></row>`, "", nil,
			"2:0.29|12345678901234567890 3:100000|-0.5 4:1e-09|0"},
		{"dates", xlsxFormat, cells(`<c s="1"><v>45292</v></c>`, `<c s="2"><v>36526</v></c>`) + `<row><c s="4"><v>45292.75</v></c><c s="5"><v>0.5</v></c></row><row><c s="3"><v>45292</v></c><c s="6"><v>1.5</v></c></row>` +
			`<row><c s="1"><v>-1</v></c><c s="1"><v>59</v></c></row><row><c t="d"><v>2024-02-29</v></c><c s="99"><v>7</v></c></row>`, "", styled,
			"2:2024-01-01|2000-01-01 3:2024-01-01T18:00:00|12:00:00 4:45292|1.5 5:-1|1900-02-28 6:2024-02-29|7"},
		{"kinds of values", xlsxFormat, cells(`<c t="b"><v>1</v></c>`, `<c t="e"><v>#N/A</v></c>`) + `<row><c t="str"><f>A1</f><v>x_x000D_y</v></c><c><f>1+1</f><v>2</v></c></row>`, "", nil, "2:true|#N/A 3:x\ry|2"},
		{"a formula without result in a column nobody mapped", xlsxFormat, ab + `<row><c><v>1</v></c><c><v>2</v></c><c><f>1+1</f></c></row>`, "", nil, "2:1|2"},
		{"title and header by labels", connectors.Layout{Header: connectors.Header{Find: []string{"a", "b"}}}, `<row r="1">` + text("A1", "Title of a b") + `</row><row r="3">` + text("B3", " a") + text("D3", "b") + `</row><row r="4">` + text("B4", "1") + text("D4", "2") + `</row>`, "", nil, "4:1|2"},
		{"merged header", stacked, under, merges, nil, "4:1|2"},
		{"cell above", connectors.Layout{Cells: map[string]string{"b": "A1"}, Header: connectors.Header{Row: 2, Rows: 2}}, under, "", nil, "4:1|by State, 2014"},
		{"hxl as names", connectors.Layout{HXL: "names", Header: connectors.Header{Label: "x"}}, `<row>` + text("A1", "x") + `</row><row>` + text("A2", "#a") + `</row><row>` + text("A3", "1") + `</row>`, "", nil, "column"},
		{"the only sheet to be seen", xlsxFormat, "", "", two("hidden"), "2:two|1904-01-02"},
		{"a sheet by name", connectors.Layout{Sheet: "second"}, cells("", ""), "", two("visible"), "2:two|1904-01-02"},
		{"a sheet by number", connectors.Layout{SheetNumber: 2}, cells("", ""), "", two("visible"), "2:two|1904-01-02"},
		{"the first of those to be seen", connectors.Layout{SheetNumber: 1}, cells("", ""), "", two("veryHidden"), "2:two|1904-01-02"},
		{"a hidden sheet by name", connectors.Layout{Sheet: "First"}, cells(text("A2", "one"), ""), "", two("veryHidden"), "2:one|"},
		{"other name spaces and places", xlsxFormat, "", "", map[string]string{
			"_rels/.rels":             `<p:Relationships xmlns:p="x"><p:Relationship Id="a" Type="http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument" Target="/w/Book.xml"/></p:Relationships>`,
			"w/book.xml":              `<x:workbook xmlns:x="y" xmlns:r="z"><x:sheets><x:sheet name="S" r:id="k"/></x:sheets></x:workbook>`,
			"w/_rels/Book.xml.rels":   `<Relationships><Relationship Id="k" Type="http://purl.oclc.org/ooxml/officeDocument/relationships/worksheet" Target="..\x\s.xml"/></Relationships>`,
			"x/S.xml":                 `<x:worksheet><x:sheetData><x:row>` + strings.NewReplacer("</", "</x:", "<", "<x:").Replace(text("A1", "a")+text("B1", "b")) + `</x:row><x:row><x:c><x:v>1</x:v></x:c></x:row></x:sheetData></x:worksheet>`,
			"xl/worksheets/dummy.xml": "",
		}, "2:1|"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _, err := decode(t.Context(), input(connectortest.Workbook(c.rows, c.behind, c.parts), c.layout, false))
			if c.want == "column" {
				connectortest.CheckError(t, err, connectors.Column)
				return
			}
			if err != nil || strings.Join(got, " ") != c.want {
				t.Errorf("got %q, %v\nwant %q", got, err, c.want)
			}
		})
	}
}

func TestStopsXLSX(t *testing.T) {
	long := strings.Repeat("x", 257)
	parts := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	row := `<row>` + text("A2", canary) + `</row>`
	for _, c := range []struct {
		name   string
		layout connectors.Layout
		body   []byte
		reason connectors.Reason
		row    int64
		column string
	}{
		{"archive", xlsxFormat, connectortest.Zip(map[string][]byte{"a.csv": []byte("a,b\n")}), connectors.Malformed, 0, ""},
		{"OpenDocument", xlsxFormat, connectortest.Zip(map[string][]byte{"mimetype": nil}), connectors.Malformed, 0, ""},
		{"binary workbook", xlsxFormat, connectortest.Workbook("", "", parts("xl/workbook.bin", "x")), connectors.Malformed, 0, ""},
		{"cut", xlsxFormat, connectortest.Workbook(ab, "", nil)[:600], connectors.Malformed, 0, ""},
		{"several sheets", xlsxFormat, connectortest.Workbook(ab, "", two("visible")), connectors.Malformed, 0, ""},
		{"no such sheet", connectors.Layout{Sheet: canary + "x"}, connectortest.Workbook(ab, "", nil), connectors.NotFound, 0, ""},
		{"no such number", connectors.Layout{SheetNumber: 2}, connectortest.Workbook(ab, "", nil), connectors.NotFound, 0, ""},
		{"a sheet that is not there", xlsxFormat, connectortest.Workbook(ab, "", parts("xl/_rels/workbook.xml.rels", `<R><Relationship Id="rId1" Type="x/worksheet" Target="none.xml"/></R>`)), connectors.Malformed, 0, ""},
		{"no sheet", xlsxFormat, connectortest.Workbook(ab, "", parts("xl/workbook.xml", "<workbook/>")), connectors.Malformed, 0, ""},
		{"empty sheet", xlsxFormat, connectortest.Workbook("", "", nil), connectors.Malformed, 0, ""},
		{"header cut short", stacked, connectortest.Workbook(`<row>`+text("A1", "a")+`</row><row r="3">`+text("A3", "b")+`</row>`, "", nil), connectors.Malformed, 2, ""},
		{"missing column", xlsxFormat, connectortest.Workbook(`<row>`+text("A1", "a")+`</row>`+row, "", nil), connectors.Column, 0, "b"},
		{"merged over two columns", xlsxFormat, connectortest.Workbook(ab+row, `<mergeCells><mergeCell ref="B1:C1"/></mergeCells>`, nil), connectors.Column, 0, "b"},
		{"text that is not there", xlsxFormat, connectortest.Workbook(ab+row+`<row><c t="s"><v>0</v></c></row>`, "", nil), connectors.Malformed, 3, ""},
		{"formula without result", xlsxFormat, connectortest.Workbook(ab+`<row><c><f>`+canary+`</f></c></row>`, "", nil), connectors.Malformed, 2, ""},
		{"bad XML", xlsxFormat, connectortest.Workbook(ab+row+`<row><c></row>&`+canary+`;`, "", nil), connectors.Malformed, 3, ""},
		{"foreign entity", xlsxFormat, connectortest.Workbook(ab+`<row>`+text("A2", "&lol;")+`</row>`, "", nil), connectors.Malformed, 2, ""},
		{"bad byte", xlsxFormat, connectortest.Workbook(ab+`<row>`+text("A2", "\xff")+`</row>`, "", nil), connectors.Malformed, 2, ""},
		{"rows out of order", xlsxFormat, connectortest.Workbook(ab+row+`<row r="2"/>`, "", nil), connectors.Malformed, 2, ""},
		{"cells out of order", xlsxFormat, connectortest.Workbook(ab+`<row>`+text("B2", "1")+text("A2", canary)+`</row>`, "", nil), connectors.Malformed, 2, ""},
		{"a row beyond all rows", xlsxFormat, connectortest.Workbook(ab+`<row r="1048577"/>`, "", nil), connectors.Malformed, 1, ""},
		{"bad merge", xlsxFormat, connectortest.Workbook(ab, `<mergeCell ref="`+canary+`"/>`, nil), connectors.Malformed, 0, ""},
		{"long value", xlsxFormat, connectortest.Workbook(ab+`<row>`+text("A2", long)+`</row>`, "", nil), connectors.Limit, 2, "a"},
		{"long token", xlsxFormat, connectortest.Workbook(ab+`<row>`+text("A2", strings.Repeat("0123456789abcdef", 1<<15))+`</row>`, "", nil), connectors.Limit, 2, ""},
		{"many columns", xlsxFormat, connectortest.Workbook(`<row>`+text("BZ1", "x")+`</row>`, "", nil), connectors.Limit, 1, ""},
		{"bomb", xlsxFormat, connectortest.Workbook(ab+strings.Repeat(`<row></row>`, 1<<19), "", nil), connectors.Limit, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := decode(t.Context(), input(c.body, c.layout, false))
			e := connectortest.CheckError(t, err, c.reason)
			if e.File != "in" || c.name != "bomb" && (e.Row != c.row || e.Column != c.column) {
				t.Errorf("at %s:%d %q, want in:%d %q: %v", e.File, e.Row, e.Column, c.row, c.column, err)
			}
		})
	}
}

// sheet makes an xls with a header and what fill adds below it.
func sheet(fill func(*connectortest.BIFF)) []byte {
	return xls(nil, connectortest.Sheet{Name: "S", Fill: func(b *connectortest.BIFF) {
		b.Label(0, 0, "a")
		b.Label(0, 1, "b")
		fill(b)
	}})
}

func xls(globals func(*connectortest.BIFF), sheets ...connectortest.Sheet) []byte {
	return connectortest.CompoundFile("Workbook", connectortest.Sheets(globals, sheets...))
}

func u16(v ...uint16) (b []byte) {
	for _, v := range v {
		b = append(b, connectortest.U16(v)...)
	}
	return b
}

func TestReadsXLS(t *testing.T) {
	one := func(text string) connectortest.Sheet {
		return connectortest.Sheet{Name: text, Fill: func(b *connectortest.BIFF) {
			b.Label(0, 0, "a")
			b.Label(0, 1, "b")
			b.Label(1, 0, text)
		}}
	}
	hidden := one("two")
	hidden.Hidden = true
	result := func(column uint16, v uint64) [][]byte {
		return [][]byte{u16(1, column, 0), connectortest.U64(v), u16(0, 0, 0)}
	}
	for _, c := range []struct {
		name   string
		layout connectors.Layout
		body   []byte
		want   string
	}{
		{"numbers", connectors.Layout{}, sheet(func(b *connectortest.BIFF) {
			b.Number(1, 0, 0, 0.30000000000000004)
			b.Number(1, 1, 0, 1e5)
			b.Record(0x027e, u16(2, 0, 0), connectortest.U32(123<<2|3))
			b.Record(0x027e, u16(2, 1, 0), connectortest.U32(0x40590000))
			b.Record(0x00bd, u16(4, 0), u16(0), connectortest.U32(0xfffffff6), u16(0), connectortest.U32(5<<2|2), u16(1))
		}), "2:0.30000000000000004|100000 3:1.23|100 5:-3|5"},
		{"formulas", connectors.Layout{}, sheet(func(b *connectortest.BIFF) {
			b.Record(0x0006, result(0, 0xffff000000000000)...)
			b.Record(0x04bc, []byte("shared"))
			b.Record(0x0207, connectortest.Wide("té"))
			b.Record(0x0006, result(1, math.Float64bits(7))...)
			b.Record(0x0205, u16(2, 0, 0), []byte{1, 0})
			b.Record(0x0205, u16(2, 1, 0), []byte{0x2a, 1})
		}), "2:té|7 3:true|#N/A"},
		{"rows of looks", connectors.Layout{}, sheet(func(b *connectortest.BIFF) {
			b.Record(0x0201, u16(1, 0, 0))
			b.Record(0x00be, u16(2, 0, 0, 0, 1))
		}), "2:| 3:|"},
		{"a diagram on the sheet", connectors.Layout{}, sheet(func(b *connectortest.BIFF) {
			b.Begin(32)
			b.Label(9, 9, canary)
			b.Record(0x000a)
			b.Label(1, 0, "1")
		}), "2:1|"},
		{"merged header", stacked, xls(nil, connectortest.Sheet{Name: "S", Fill: func(b *connectortest.BIFF) {
			b.Label(0, 0, "title")
			b.Label(1, 0, "a")
			b.Label(1, 1, "g")
			b.Label(2, 1, "b")
			b.Label(2, 2, "c")
			b.Number(3, 0, 0, 1)
			b.Number(3, 1, 0, 2)
			b.Record(0x00e5, u16(2, 1, 2, 0, 0, 1, 1, 1, 2))
		}}), "4:1|2"},
		{"hidden sheets", connectors.Layout{}, xls(nil, hidden, one("three")), "2:three|"},
		{"a hidden sheet by name", connectors.Layout{Sheet: "TWO"}, xls(nil, hidden, one("three")), "2:two|"},
		{"a sheet by number", connectors.Layout{SheetNumber: 2}, xls(nil, one("one"), hidden, one("three")), "2:three|"},
		{"shared texts over two records", connectors.Layout{}, xls(func(b *connectortest.BIFF) {
			b.Record(0x00fc, connectortest.U32(9), connectortest.U32(3), u16(3), []byte{0}, []byte("x\xe9z"), u16(4), []byte{8}, u16(1), []byte("ab"))
			b.Record(0x003c, []byte{1}, u16('c', 0x4e2d), make([]byte, 4), u16(2), []byte{5}, connectortest.U32(3), u16(0xd83d, 0xde00))
			b.Record(0x003c, []byte{1, 2, 3})
		}, connectortest.Sheet{Name: "S", Fill: func(b *connectortest.BIFF) {
			b.Label(0, 0, "a")
			b.Label(0, 1, "b")
			for i := range 3 {
				b.Record(0x00fd, u16(uint16(1+i/2), uint16(i%2), 0), connectortest.U32(uint32(i)))
			}
		}}), "2:xéz|abc中 3:😀|"},
		{"dates", connectors.Layout{}, xls(func(b *connectortest.BIFF) {
			b.Record(0x0022, u16(1))
			b.Record(0x041e, u16(164), connectortest.Wide("d/m/yy"))
			for _, f := range []uint16{0, 14, 164} {
				b.Record(0x00e0, u16(0, f), make([]byte, 16))
			}
		}, connectortest.Sheet{Name: "S", Fill: func(b *connectortest.BIFF) {
			b.Label(0, 0, "a")
			b.Label(0, 1, "b")
			b.Number(1, 0, 1, 1)
			b.Number(1, 1, 2, 1.5)
		}}), "2:1904-01-02|1904-01-02T12:00:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _, err := decode(t.Context(), input(c.body, c.layout, false))
			if err != nil || strings.Join(got, " ") != c.want {
				t.Errorf("got %q, %v\nwant %q", got, err, c.want)
			}
		})
	}
}

func TestStopsXLS(t *testing.T) {
	old := connectortest.BIFF{}
	old.Record(0x0809, u16(0x0500, 5), make([]byte, 4))
	for _, c := range []struct {
		name   string
		body   []byte
		reason connectors.Reason
		row    int64
	}{
		{"of another program", connectortest.CompoundFile("WordDocument", nil), connectors.Malformed, 0},
		{"protected", connectortest.CompoundFile("EncryptedPackage", nil), connectors.Malformed, 0},
		{"protected within", xls(func(b *connectortest.BIFF) { b.Record(0x002f, u16(1)) }), connectors.Malformed, 0},
		{"of Excel 95", connectortest.CompoundFile("Book", old.Stream), connectors.Malformed, 0},
		{"of Excel 95 under another name", connectortest.CompoundFile("Workbook", old.Stream), connectors.Malformed, 0},
		{"cut", sheet(func(*connectortest.BIFF) {})[:1200], connectors.Malformed, 0},
		{"no end", connectortest.CompoundFile("Workbook", nil), connectors.Malformed, 0},
		{"no sheet", xls(nil), connectors.Malformed, 0},
		{"rows out of order", sheet(func(b *connectortest.BIFF) { b.Label(2, 0, "x"); b.Label(1, 0, canary) }), connectors.Malformed, 3},
		{"short record", sheet(func(b *connectortest.BIFF) { b.Record(0x0203, u16(1, 0, 0)) }), connectors.Malformed, 2},
		{"short text", sheet(func(b *connectortest.BIFF) { b.Record(0x0204, u16(1, 0, 0, 9), []byte{0}, []byte(canary)[:5]) }), connectors.Malformed, 2},
		{"short table of texts", xls(func(b *connectortest.BIFF) { b.Record(0x00fc, connectortest.U32(0), connectortest.U32(0xffffffff)) }), connectors.Malformed, 0},
		{"long value", sheet(func(b *connectortest.BIFF) { b.Label(1, 0, strings.Repeat("x", 257)) }), connectors.Limit, 2},
		{"many columns", sheet(func(b *connectortest.BIFF) { b.Label(0, 99, "x") }), connectors.Limit, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := decode(t.Context(), input(c.body, connectors.Layout{}, false))
			if e := connectortest.CheckError(t, err, c.reason); e.File != "in" || e.Row != c.row {
				t.Errorf("at %s:%d, want in:%d: %v", e.File, e.Row, c.row, err)
			}
		})
	}
}
