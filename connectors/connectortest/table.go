package connectortest

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// A Table is what the harness has to serve, header and rows.
type Table struct {
	Columns []string
	Rows    [][]string
}

// MakeTable gives n rows of period, name and value; name is not mapped.
func MakeTable(n int) Table {
	t := Table{Columns: []string{"period", Canary + "name", "value"}}
	for i := range n {
		t.Rows = append(t.Rows, []string{fmt.Sprintf("%d-%s", 2000+i%25, Canary), Canary + "person", fmt.Sprint(i)})
	}
	return t
}

// CSV writes t with a header on line 1 and one line a row.
func (t Table) CSV() []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := errors.Join(w.Write(t.Columns), w.WriteAll(t.Rows)); err != nil {
		panic(err) // bytes.Buffer does not fail
	}
	return b.Bytes()
}

// JSON writes t as an array of objects of texts.
func (t Table) JSON() []byte {
	rows := make([]map[string]string, len(t.Rows))
	for i, r := range t.Rows {
		rows[i] = map[string]string{}
		for j, c := range t.Columns {
			rows[i][c] = r[j]
		}
	}
	b, err := json.Marshal(rows)
	if err != nil {
		panic(err) // strings marshal
	}
	return b
}

// SeparatedBy is CSV with another delimiter.
func (t Table) SeparatedBy(comma rune) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Comma = comma
	if err := errors.Join(w.Write(t.Columns), w.WriteAll(t.Rows)); err != nil {
		panic(err) // bytes.Buffer does not fail
	}
	return b.Bytes()
}

// JSONLines writes t as an object of texts a line.
func (t Table) JSONLines() []byte {
	lines := bytes.TrimSuffix(bytes.TrimPrefix(t.JSON(), []byte("[")), []byte("]"))
	return append(bytes.ReplaceAll(lines, []byte("},{"), []byte("}\n{")), '\n')
}

// Zip packs parts, in order of their names.
func Zip(parts map[string][]byte) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(parts[name])
		}
		if err != nil {
			panic(err) // bytes.Buffer does not fail
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// Workbook packs the XML of a sheet's rows, and of what stands behind them, as
// an xlsx with one sheet. parts are more parts, or others in place of its own.
func Workbook(rows, behind string, parts map[string]string) []byte {
	const rel = `http://schemas.openxmlformats.org/officeDocument/2006/relationships`
	all := map[string][]byte{
		"[Content_Types].xml": []byte(`<Types/>`),
		"_rels/.rels":         []byte(`<Relationships><Relationship Id="rId1" Type="` + rel + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`),
		"xl/workbook.xml":     []byte(`<workbook xmlns:r="` + rel + `"><sheets><sheet name="Data" sheetId="1" r:id="rId1"/></sheets></workbook>`),
		"xl/_rels/workbook.xml.rels": []byte(`<Relationships><Relationship Id="rId1" Type="` + rel + `/worksheet" Target="worksheets/sheet1.xml"/>` +
			`<Relationship Id="rId2" Type="` + rel + `/worksheet" Target="worksheets/sheet2.xml"/>` +
			`<Relationship Id="rId3" Type="` + rel + `/sharedStrings" Target="sharedStrings.xml"/><Relationship Id="rId4" Type="` + rel + `/styles" Target="styles.xml"/></Relationships>`),
		"xl/worksheets/sheet1.xml": []byte(`<worksheet><dimension ref="A1"/><sheetData>` + rows + `</sheetData>` + behind + `</worksheet>`),
	}
	for name, body := range parts {
		all[name] = []byte(body)
	}
	return Zip(all)
}

// XLSX writes t as a workbook: texts in the cells, numbers as numbers.
func (t Table) XLSX() []byte { return Workbook(t.rowsXML(), "", nil) }

func (t Table) rowsXML() string {
	var b strings.Builder
	for i, row := range append([][]string{t.Columns}, t.Rows...) {
		fmt.Fprintf(&b, `<row r="%d">`, i+1)
		for _, cell := range row {
			if number(cell) {
				fmt.Fprintf(&b, `<c><v>%s</v></c>`, cell)
			} else {
				fmt.Fprintf(&b, `<c t="inlineStr"><is><t>%s</t></is></c>`, cell)
			}
		}
		b.WriteString(`</row>`)
	}
	return b.String()
}

// BrokenXLSX is XLSX with a last row that refers to a text that is not there.
func (t Table) BrokenXLSX() []byte {
	return Workbook(t.rowsXML()+`<row><c t="s"><v>7</v></c></row>`, "", nil)
}

func number(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// Parquet writes t as columns of texts that may be null.
func (t Table) Parquet() []byte {
	columns := parquet.Group{}
	for _, c := range t.Columns {
		columns[c] = parquet.Optional(parquet.Encoded(parquet.String(), &parquet.RLEDictionary))
	}
	var b bytes.Buffer
	w := parquet.NewGenericWriter[map[string]any](&b, parquet.NewSchema("table", columns), parquet.Compression(&parquet.Snappy))
	for _, row := range t.Rows {
		record := map[string]any{}
		for i, c := range t.Columns {
			record[c] = row[i]
		}
		if _, err := w.Write([]map[string]any{record}); err != nil {
			panic(err) // bytes.Buffer does not fail
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}
