package format_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"halftone/connectors"
	"halftone/connectors/connectortest"
	"halftone/connectors/format"
)

// said puts a look into a line.
func said(l format.Look) string {
	s := strings.Join(strings.Fields(fmt.Sprintf("%s %s %q %s %s", l.Format, l.Encoding, l.Delimiter, strings.Join(l.Sheets, ","), l.Sheet)), " ")
	if l.SkipInitialSpace {
		s += " spaced"
	}
	for _, r := range l.Rows {
		s += fmt.Sprintf(" %d:%s", r.Row, strings.Join(r.Cells, "|"))
		if slices.Contains(r.Covered, true) {
			s += fmt.Sprint(r.Covered)
		}
	}
	return s
}

func TestLookAt(t *testing.T) {
	hidden := connectortest.Sheet{Name: "Two", Hidden: true, Fill: func(b *connectortest.BIFF) { b.Label(0, 0, "x") }}
	plain := connectortest.Sheet{Name: "One", Fill: func(b *connectortest.BIFF) { b.Label(0, 0, "a"); b.Number(1, 0, 0, 5) }}
	for _, c := range []struct {
		name string
		body string
		want string
	}{
		{"comma", "a,b\n1,2\n", `csv "," 1:a|b 2:1|2`},
		{"semicolon beside decimal commas", "a;b\n1,5;2,5\n1,5;3,5\n", `csv ";" 1:a|b 2:1,5|2,5 3:1,5|3,5`},
		{"tab", "a\tb\n1\t2\n", `csv "\t" 1:a|b 2:1|2`},
		{"bar", "a|b\n1|2\n", `csv "|" 1:a|b 2:1|2`},
		{"a title above", "Title, with a comma\na;b;c\n1;2;3\n4;5;6\n", `csv ";" 1:Title, with a comma 2:a|b|c 3:1|2|3 4:4|5|6`},
		{"space before quotes", "\"a\", \"b\"\n\"1\", \"2\"\n", `csv "," spaced 1:a|b 2:1|2`},
		{"Windows-1252", "caf\xe9,b\n1,2\n", `csv windows-1252 "," 1:café|b 2:1|2`},
		{"byte-order mark", "\xef\xbb\xbfa,b\n1,2\n", `csv "," 1:a|b 2:1|2`},
		{"UTF-16", "\xff\xfea\x00,\x00b\x00\n\x00", `csv "," 1:a|b`},
		{"SDMX-CSV", "SEX: Sex,TIME_PERIOD: Time,OBS_VALUE\nF,2019,1\n", `sdmx-csv "," 1:SEX: Sex|TIME_PERIOD: Time|OBS_VALUE 2:F|2019|1`},
		{"JSON", `{"a": 1}`, `json ""`},
		{"no more rows than asked for", strings.Repeat("a,b\n", 9), `csv "," 1:a|b 2:a|b 3:a|b 4:a|b`},
		{"workbook", string(connectortest.Workbook(`<row r="1">`+text("A1", "t")+`</row><row r="2">`+text("A2", "a")+text("B2", "b")+`</row>`, `<mergeCells><mergeCell ref="A1:B1"/><mergeCell ref="B2:B3"/></mergeCells>`, nil)),
			`xlsx "" Data Data 1:t[false true] 2:a|b`},
		{"workbook of several sheets", string(connectortest.Workbook(ab, "", two("visible"))), `xlsx "" First,Second First 1:a|b`},
		{"old workbook", string(connectortest.CompoundFile("Workbook", connectortest.Sheets(nil, hidden, plain))), `xls "" One One 1:a 2:5`},
		{"Parquet", string(connectortest.MakeTable(2).Parquet()), `parquet ""`},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := format.LookAt(t.Context(), input([]byte(c.body), connectors.Layout{}, false), 4)
			if got := said(l); err != nil || got != c.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, c.want)
			}
		})
	}
}

func TestNames(t *testing.T) {
	sheet := connectortest.Workbook(`<row r="1">`+text("A1", "t")+`</row><row r="2">`+text("A2", "a")+text("B2", "g")+`</row><row r="3">`+text("B3", "b")+text("C3", "c")+`</row>`, `<mergeCells><mergeCell ref="B2:C2"/></mergeCells>`, nil)
	for _, c := range []struct {
		name   string
		layout connectors.Layout
		body   string
		want   string
	}{
		{"of text", connectors.Layout{}, "a, b  b ,,a\n1,2,3,4\n", "a|b b||a"},
		{"tags", connectors.Layout{HXL: "names"}, "a,b\n#x,#y\n", "#x|#y"},
		{"of SDMX-CSV", connectors.Layout{Format: "sdmx-csv"}, "A: x;\"B[en;fr]\"\n", "A|B"},
		{"of a workbook with a stacked header", connectors.Layout{Header: connectors.Header{Row: 2, Rows: 2}}, string(sheet), "a|g / b|g / c"},
		{"of JSON", connectors.Layout{}, "[]", ""},
		{"of Parquet", connectors.Layout{}, string(connectortest.Table{Columns: []string{"b", "a"}, Rows: [][]string{{"1", "2"}}}.Parquet()), "a|b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := format.Names(t.Context(), input([]byte(c.body), c.layout, false))
			if err != nil || strings.Join(got, "|") != c.want {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

// What is broken says so, and of columns that do not exist nothing is made up.
func TestLookStops(t *testing.T) {
	for _, c := range []struct{ name, body string }{
		{"an open quote", "a,\"b\n1,2\n"},
		{"a cut workbook", string(connectortest.Workbook(ab, "", nil)[:300])},
		{"a cut old workbook", string(connectortest.CompoundFile("Workbook", nil)[:900])},
		{"a byte of no encoding", "a\x81,b\n1,2\n"},
		{"nothing", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := format.LookAt(t.Context(), input([]byte(c.body), connectors.Layout{}, false), 4)
			if err == nil || len(l.Rows) > 0 {
				t.Errorf("got %s", said(l))
			}
			if _, err := format.Names(t.Context(), input([]byte(c.body), connectors.Layout{}, false)); err == nil {
				t.Error("it has names")
			}
		})
	}
}
