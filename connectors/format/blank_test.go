package format_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"

	"halftone/connectors"
	"halftone/connectors/connectortest"
	"halftone/connectors/format"
)

// blanks gives the rows that are blank in the source, and how many there are.
func blanks(t rapid.TB, in format.Input) (blank []int64, rows int) {
	for p, err := range pagesOf(in) {
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range p.Blank {
			blank = append(blank, p.Row(i))
		}
		rows += int(p.Records.NumRows())
		p.Records.Release()
	}
	return blank, rows
}

// Columns a and b are wanted; what else a row has tells whether it is blank.
func TestBlankRows(t *testing.T) {
	csv, js, lines := connectors.Layout{Format: "csv"}, connectors.Layout{Format: "json"}, connectors.Layout{Format: "jsonl"}
	found := connectors.Layout{Header: connectors.Header{Find: []string{"a", "b"}}}
	shared := map[string]string{"xl/sharedStrings.xml": `<sst><si><t xml:space="preserve"> </t></si><si><t>x</t></si></sst>`}
	head := `<row r="1">` + text("A1", "a") + text("B1", "b") + text("C1", "c") + text("D1", "d") + `</row>`
	// Rows 2 …: the cells of each.
	sheet := func(rows ...string) []byte {
		s := head
		for i, r := range rows {
			s += fmt.Sprintf(`<row r="%d">%s</row>`, i+2, r)
		}
		return connectortest.Workbook(s, "", shared)
	}
	long := strings.Repeat(" ", 1000)
	for _, c := range []struct {
		name   string
		layout connectors.Layout
		body   []byte
		want   string
	}{
		{"csv", csv, []byte("x,a,y,b\n,,,\n 1,,,\n,1,,\n,,2,\n,\u00a0,\t,\" \"\n,,\"\",0\n"), "[2 6] of 6"},
		{"csv without blank rows", csv, []byte("x,a,y,b\n,1,,\n"), "[] of 1"},
		{"csv, a row of nothing but constants", connectors.Layout{Format: "csv", Header: connectors.Header{Row: 2}, Cells: map[string]string{"a": "B1"}}, []byte("t,title,\nx,b,y\n,,\n,,1\n"), "[3] of 2"},
		{"tsv", connectors.Layout{Format: "tsv"}, []byte("a\tb\tc\n\t\t\n\t\tx\n"), "[2] of 2"},
		{"sdmx-csv", connectors.Layout{Format: "sdmx-csv"}, []byte("a: A,b: B,c: C\n,,\n,,x\n"), "[2] of 2"},
		{"a note is none of the rows", found, []byte("Title\nx,a,b\n1,2,3\n,,\nSource: them\n4,,\n"), "[4 5] of 4"},
		{"without find a row of one field is one", csv, []byte("a\n1\n"), "column"},
		{"xlsx", xlsxFormat, sheet(
			text("A2", "1")+text("C2", "x"),
			text("A3", " ")+text("C3", " \u00a0")+`<c r="D3" s="1"/>`,
			text("C4", "x"),
			`<c r="D5"><v>0</v></c>`,
			`<c r="C6" t="s"><v>0</v></c><c r="D6" t="str"><f>A1</f><v> </v></c>`,
			`<c r="C7" t="s"><v>1</v></c>`,
			`<c r="C8" t="b"><v>0</v></c>`,
			`<c r="C9"><f>1+1</f></c>`,
			`<c r="C10" t="s"><v>99</v></c>`,
			text("C11", long),
			text("C12", long+"x"),
			`<c r="C13" t="str"><v>`+long+`</v></c><c r="Z13" t="str"><v>`+long+`x</v></c>`,
			`<c r="C14" t="inlineStr"><is><rPh><t>no</t></rPh></is></c>`,
		), "[3 6 9 11 14] of 13"},
		{"xlsx, a note", found, sheet(text("A2", "1"), text("C3", "Source: them"), text("C4", "x")+text("D4", "y"), text("D5", " ")), "[2 3 5] of 4"},
		{"xls", connectors.Layout{}, connectortest.Table{Columns: []string{"x", "a", "b", "y"}, Rows: [][]string{{"", "", "", ""}, {"x", "", "", ""}, {"", " ", "", " "}, {"", "", "", "0"}, {"", "1", "", ""}}}.XLS(), "[2 4] of 5"},
		{"json", js, []byte(`[{}, {"a":null,"z":" "}, {"z":0}, {"z":false}, {"z":{"y":[null,{"x":""}]}}, {"z":{"y":[null,{"x":"t"}]}}, {"b":"\u00a0"}, {"b":1,"a":""}]`), "[1 2 5 7] of 8"},
		{"json of arrays", connectors.Layout{Format: "json", Rows: "rows[]", Names: "h[]"}, []byte(`{"h":["a","z","b"],"rows":[["","",null],["","x",null]]}`), "[1] of 2"},
		{"json, what is around is no cell", connectors.Layout{Format: "json", Rows: "r[].rows[]", Outer: []string{"a"}}, []byte(`{"r":[{"a":"1","rows":[{},{"b":"1"},{"z":"x"}]}]}`), "[1] of 3"},
		{"jsonl", lines, []byte("{\"a\":\"\",\"b\":\"\"}\n\n{\"a\":\"\",\"b\":\"\",\"c\":\"x\"}\n"), "[1] of 2"},
		{"parquet", connectors.Layout{}, connectortest.Table{Columns: []string{"x", "a", "b", "y"}, Rows: [][]string{{"", "", "", ""}, {"x", "", "", ""}, {"", " ", "", "\u00a0"}, {"", "", "", "0"}, {"", "1", "", ""}}}.Parquet(), "[1 3] of 5"},
		{"parquet with nothing else", connectors.Layout{}, connectortest.Table{Columns: []string{"a", "b"}, Rows: [][]string{{"", ""}, {"1", ""}}}.Parquet(), "[1] of 2"},
		{"parquet of two row groups", connectors.Layout{}, groups(t), "[3 4] of 5"},
		{"parquet with lists", connectors.Layout{}, lists(t), "[] of 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := input(c.body, c.layout, false)
			in.Limits.Field = 4 << 10
			if c.want == "column" {
				_, _, err := decode(t.Context(), in)
				connectortest.CheckError(t, err, connectors.Column)
				return
			}
			if blank, rows := blanks(t, in); fmt.Sprintf("%d of %d", blank, rows) != c.want {
				t.Errorf("got %d of %d, want %s", blank, rows, c.want)
			}
		})
	}
}

// groups is a file of two row groups: of the first, row 3 is blank, of the second row 1.
func groups(t *testing.T) []byte {
	t.Helper()
	var body bytes.Buffer
	text := parquet.Optional(parquet.String())
	w := parquet.NewGenericWriter[map[string]any](&body, parquet.NewSchema("t", parquet.Group{"a": text, "b": text, "x": text}))
	for _, g := range [][]map[string]any{{{"x": "1"}, {"x": "2"}, {}}, {{}, {"x": "5"}}} {
		if _, err := w.Write(g); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return body.Bytes()
}

// lists is a file of blank rows with lists, which nobody can read and which may say something.
func lists(t *testing.T) []byte {
	t.Helper()
	var body bytes.Buffer
	text := parquet.Optional(parquet.String())
	w := parquet.NewGenericWriter[map[string]any](&body, parquet.NewSchema("t", parquet.Group{"a": text, "b": text, "x": parquet.Repeated(parquet.String())}))
	if _, err := w.Write([]map[string]any{{"x": []string{"y"}}, {}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return body.Bytes()
}

// All formats say the same of one table, whichever columns are wanted.
func TestBlankRowsAreAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := connectortest.Table{Columns: []string{"x", "a", "b", "y"}}
		sometimes := rapid.SampledFrom([]string{"", "", "", " ", "t", "7"})
		for range rapid.IntRange(1, 8).Draw(t, "rows") {
			table.Rows = append(table.Rows, []string{sometimes.Draw(t, "x"), sometimes.Draw(t, "a"), sometimes.Draw(t, "b"), sometimes.Draw(t, "y")})
		}
		alike(t, table, rapid.SampledFrom([][]string{{"a", "b"}, {"b"}, {"y", "a"}, {"x", "a", "b", "y"}}).Draw(t, "columns"))
	})
}

// The same over two pages.
func TestBlankRowsOfManyPages(t *testing.T) {
	table := connectortest.Table{Columns: []string{"x", "a", "b", "y"}}
	for i := range 17_000 {
		row := []string{"", "", "", ""}
		if i%7 > 0 {
			row[i%4] = "t"
		}
		table.Rows = append(table.Rows, row)
	}
	alike(t, table, []string{"b"})
}

func alike(t rapid.TB, table connectortest.Table, columns []string) {
	t.Helper()
	var want []int64
	for i, r := range table.Rows {
		if strings.TrimSpace(strings.Join(r, "")) == "" {
			want = append(want, int64(i)+1)
		}
	}
	for name, f := range map[string]struct {
		body   []byte
		header int64
	}{"csv": {table.CSV(), 1}, "xlsx": {table.XLSX(), 1}, "xls": {table.XLS(), 1}, "json": {table.JSON(), 0}, "parquet": {table.Parquet(), 0}} {
		in := input(f.body, connectors.Layout{}, false)
		in.Columns = columns
		blank, rows := blanks(t, in)
		for i := range blank {
			blank[i] -= f.header
		}
		if rows != len(table.Rows) || !slices.Equal(blank, want) {
			t.Fatalf("%s: %d of %d, want %d of %d", name, blank, rows, want, len(table.Rows))
		}
	}
}
