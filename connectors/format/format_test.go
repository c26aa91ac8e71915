package format_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"halftone/connectors"
	"halftone/connectors/connectortest"
	"halftone/connectors/format"
)

const canary = connectortest.Canary

// input reads body, byte by byte if slow, for columns a and b.
func input(body []byte, layout connectors.Layout, slow bool) format.Input {
	env := connectors.Env{Columns: []string{"a", "b"}, Limits: connectors.DefaultLimits(), Alloc: memory.DefaultAllocator}
	env.Limits.Field, env.Limits.Depth, env.Limits.Columns = 256, 8, 64
	return format.NewInput(env, "in", layout, func() (io.Reader, error) {
		if slow {
			return iotest.OneByteReader(bytes.NewReader(body)), nil
		}
		return bytes.NewReader(body), nil
	})
}

// decode gives each record as "row:a|b".
func decode(ctx context.Context, in format.Input) (records []string, total connectors.Total, err error) {
	for p, err := range format.Pages(ctx, in) {
		if err != nil {
			return records, total, err
		}
		for i := range int(p.Records.NumRows()) {
			a, b := p.Records.Column(0).(*array.String), p.Records.Column(1).(*array.String)
			records = append(records, fmt.Sprintf("%d:%s|%s", p.Row(i), a.Value(i), b.Value(i)))
		}
		total = p.Total
		p.Records.Release()
	}
	return records, total, nil
}

func header(h connectors.Header) connectors.Layout { return connectors.Layout{Header: h} }

func TestReads(t *testing.T) {
	csv, tsv, js, lines := connectors.Layout{Format: "csv"}, connectors.Layout{Format: "tsv"}, connectors.Layout{Format: "json"}, connectors.Layout{Format: "jsonl"}
	find := header(connectors.Header{Find: []string{"a", " B"}})
	for _, c := range []struct {
		name   string
		layout connectors.Layout
		body   string
		want   string
	}{
		{"csv", csv, "a,b\n1,2\n3,4\n", "2:1|2 3:3|4"},
		{"no line break at the end", csv, "a,b\n1,2", "2:1|2"},
		{"other columns and order", csv, "x,b,y,a\n9,2,9,1\n", "2:1|2"},
		{"unmapped column twice", csv, "x,x,a,b\n9,9,1,2\n", "2:1|2"},
		{"byte-order mark", csv, "\ufeffa,b\r\n1,2\r\n", "2:1|2"},
		{"CRLF", csv, "a,b\r\n1,2\r\n3,4\r\n", "2:1|2 3:3|4"},
		{"blank lines count", csv, "\n\na,b\n\n1,2\n\r\n3,4\n\n", "5:1|2 7:3|4"},
		{"quotes", csv, "\"a\",b\n\"x \"\"y\"\", z\",\"\"\n", "2:x \"y\", z|"},
		{"quoted line break", csv, "a,b\n\"1\r\n1\",2\n3,4\n\"5\n\n5\",6\n7,8\n", "2:1\r\n1|2 4:3|4 5:5\n\n5|6 8:7|8"},
		{"as written", csv, "a,b\n 1 ,1e+05\n\u00a0,\ufffd\n", "2: 1 |1e+05 3:\u00a0|\ufffd"},
		{"header only", csv, "a,b\n", ""},
		{"tsv", tsv, "a\tb\n1,1\t2\n", "2:1,1|2"},
		{"delimiter", connectors.Layout{Delimiter: ";"}, "a;b\n1,5;2\n", "2:1,5|2"},
		{"initial space", connectors.Layout{SkipInitialSpace: true}, "a, b\n1, 2\n\"3\", \"4 \"\n", "2:1|2 3:3|4 "},
		{"header row", connectors.Layout{Header: connectors.Header{Row: 4}}, "Title\n\"of, it\"\n\na,b\n1,2\n", "5:1|2"},
		{"header labels", connectors.Layout{Header: connectors.Header{Label: `^([^:]+)`}}, "a: Eh,c,b: Bee\n1,0,2\n", "2:1|2"},
		{"utf-16", csv, "\xff\xfea\x00,\x00b\x00\n\x001\x00,\x00\xe9\x00\n\x00", "2:1|é"},
		{"windows-1252", connectors.Layout{Encoding: "windows-1252"}, "a,b\nCura\xe7ao,\x80\n", "2:Curaçao|€"},

		{"names are tidied", csv, " a ,\"b\n\"\n1,2\n", "3:1|2"},
		{"header by labels", find, "Title\n\na,x\na,x, b \n1,0,2\n", "5:1|2"},
		{"notes", find, "T,1\na,b\n1,2\n* a note\n", "3:1|2 4:* a note|"},
		{"stacked header", header(connectors.Header{Rows: 2, Join: "-"}), "a,,x\n,b,y\n1,2,3\n", "3:1|2"},
		{"stacked header filled", connectors.Layout{Header: connectors.Header{Find: []string{"g"}, Rows: 2, Join: "", Fill: true, Blank: []string{"NA"}, Label: "^(?:g / )?(.*)"}},
			"t\ng,NA,h,NA\na,b,c,NA\n1,2,3,4\n", "4:1|2"},
		{"filled under its own group only", header(connectors.Header{Rows: 3, Fill: true, Label: `^(?:p / q|r) / ([a-z])$`}), "p,,r\nq,,\na,c,b\n1,9,2\n", "4:1|2"},
		{"cell above", connectors.Layout{Cells: map[string]string{"b": "B2", "c": "A1"}, Header: connectors.Header{Row: 3}}, "x\ny,of 2024\na,z\n1,9\n2,9\n", "4:1|of 2024 5:2|of 2024"},
		{"hxl dropped", connectors.Layout{HXL: "drop"}, "a,x,b\n#adm1,,#affected +f\n1,0,2\n", "3:1|2"},
		{"hxl as names", connectors.Layout{HXL: "names", Header: connectors.Header{Label: "^(.)"}, Cells: map[string]string{"a": "A1", "b": "B1"}}, "x,y\n#a,#b\n1,2\n", "3:x|y"},
		{"sdmx 2", connectors.Layout{Format: "sdmx-csv"}, "STRUCTURE[|];ACTION;a: An A;b[en|fr]: Bee\ndataflow;I;1: One;2,5\ndataflow;;3;4\n", "2:1: One|2,5 3:3|4"},
		{"sdmx 1", connectors.Layout{Format: "sdmx-csv"}, "DATAFLOW,a,A label,b\nX(1.0),1,\"One, two\",2\n", "2:1|2"},
		{"sdmx with ; within cells", connectors.Layout{Format: "sdmx-csv"}, "STRUCTURE[;],a,\"b[;]\"\nx,1,2;3\n", "2:1|2;3"},
		{"sdmx by tab", connectors.Layout{Format: "sdmx-csv"}, "\"DATA,FLOW\"\ta\tb\nX\t1\t2\n", "2:1|2"},

		{"jsonl", lines, "{\"a\":1,\"b\":2}\n\n {\"b\":4,\n\"a\":3}\n{\"a\":5}", "1:1|2 3:3|4 5:5|"},
		{"jsonl empty", lines, "", ""},
		{"jsonl of arrays", connectors.Layout{Format: "jsonl", Rows: "[].r[]", Outer: []string{"b"}}, "{\"b\":1,\"r\":[{\"a\":2}]}\n{\"r\":[{\"a\":3},{\"a\":4}],\"b\":5}", "1:2|1 2:3|5 2:4|5"},
		{"json keys as a column", connectors.Layout{Rows: "d.{b}"}, `{"d":{"May-2019":{"a":0},"Jun-2019":{"a":1,"c":{}}}}`, "1:0|May-2019 2:1|Jun-2019"},
		{"json keys over keys", connectors.Layout{Rows: "{a}.{b}[]"}, `{"x":{"y":[{},{}],"z":[]},"w":{"v":[{}]}}`, "1:x|y 2:x|y 3:w|v"},
		{"json keys beside a total", connectors.Layout{Rows: "{b}", Total: "n"}, `{"n":1,"x":{"a":2}}`, "1:2|x"},
		{"json outer", connectors.Layout{Rows: "g[].r[]", Outer: []string{"b"}}, `{"b":"top","g":[{"r":[{"a":1},{"a":2,"b":"own"}],"b":"late"},{"r":[{"a":3}],"x":{"b":"no"}},{"b":null,"r":[{"a":4}]}]}`, "1:1|late 2:2|own 3:3|top 4:4|"},
		{"json outer at the end", connectors.Layout{Rows: "r[]", Outer: []string{"b"}}, `{"r":[{"a":1},{"a":2}],"b":true}`, "1:1|true 2:2|true"},
		{"json arrays", connectors.Layout{Rows: "rows[]", Names: "headers[].name"}, `{"headers":[{"name":"b","x":1},{"name":"x"},{"name":"a"}],"rows":[["2",{"n":[1]},"1"],[4,null,3]]}`, "1:1|2 2:3|4"},
		{"json arrays with plain names", connectors.Layout{Rows: "r[]", Names: "h[]"}, `{"h":["a","b"],"r":[[1,2]]}`, "1:1|2"},
		{"json", js, `[{"a":"1","b":"2"},{"b":"4","a":"3","c":{"d":[1]}}]`, "1:1|2 2:3|4"},
		{"json by content", connectors.Layout{}, "\ufeff \n[{\"a\":\"1\",\"b\":\"2\"}]", "1:1|2"},
		{"json empty path said", connectors.Layout{Rows: "[]"}, `[{"a":"1","b":"2"}]`, "1:1|2"},
		{"json types", js, `[{"a":303.0,"b":1e+05},{"a":true,"b":null},{"a":"\u00e9\n","b":-0}]`, "1:303.0|1e+05 2:true| 3:é\n|-0"},
		{"json absent key", js, `[{"a":1},{"b":2},{}]`, "1:1| 2:|2 3:|"},
		{"json path", connectors.Layout{Rows: "data.rows[]"}, `{"rows":[{"a":9}],"data":{"x":[1],"rows":[{"a":1,"b":2}]}}`, "1:1|2"},
		{"json path over arrays", connectors.Layout{Rows: "g[].r[]"}, `{"g":[{"r":[{"a":1,"b":2}]},{"r":[]},{"r":[{"a":3,"b":4}]}]}`, "1:1|2 2:3|4"},
		{"json array of arrays", connectors.Layout{Rows: "r[][]"}, `{"r":[[{"a":1,"b":2}],[{"a":3,"b":4}]]}`, "1:1|2 2:3|4"},
		{"json none", connectors.Layout{Rows: "r[]"}, `{"r":[]}`, ""},
		{"json none above", connectors.Layout{Rows: "g[].r[]"}, `{"g":[]}`, ""},
	} {
		for _, slow := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/slow=%v", c.name, slow), func(t *testing.T) {
				got, _, err := decode(t.Context(), input([]byte(c.body), c.layout, slow))
				if err != nil || strings.Join(got, " ") != c.want {
					t.Errorf("got %q, %v\nwant %q", got, err, c.want)
				}
			})
		}
	}
}

func TestStops(t *testing.T) {
	csv, js, lines := connectors.Layout{Format: "csv"}, connectors.Layout{Format: "json"}, connectors.Layout{Format: "jsonl"}
	long := strings.Repeat("x", 257)
	for _, c := range []struct {
		name   string
		layout connectors.Layout
		body   string
		reason connectors.Reason
		row    int64
		column string
	}{
		{"empty", csv, "", connectors.Malformed, 0, ""},
		{"blank lines only", csv, "\n\r\n\n", connectors.Malformed, 0, ""},
		{"ends above its header", connectors.Layout{Header: connectors.Header{Row: 3}}, "x\na,b\n", connectors.Malformed, 0, ""},
		{"header line is blank", connectors.Layout{Header: connectors.Header{Row: 2}}, "x\n\na,b\n", connectors.Malformed, 2, ""},
		{"header line is in a field", connectors.Layout{Header: connectors.Header{Row: 2}}, "\"x\ny\"\na,b\n", connectors.Malformed, 2, ""},
		{"column missing", csv, "a,B\n1,2\n", connectors.Column, 0, "b"},
		{"column twice", csv, "a,b,a\n1,2,3\n", connectors.Column, 0, "a"},
		{"short row", csv, "a,b\n1,2\n" + canary + "\n", connectors.Malformed, 3, ""},
		{"long row", csv, "a,b\n\n\n1,2," + canary + "\n", connectors.Malformed, 4, ""},
		{"bare quote", csv, "a,b\n1," + canary + "\"\n", connectors.Malformed, 2, ""},
		{"quote goes on", csv, "a,b\n1,\"2\"" + canary + "\n", connectors.Malformed, 2, ""},
		{"open quote", csv, "a,b\n1,2\n1,\"" + canary + "\n\n", connectors.Malformed, 3, ""},
		{"bad byte", csv, "a,b\n1,2\n\"\n\n\",x\xffy\n", connectors.Malformed, 3, ""},
		{"bad byte in a column nobody mapped", csv, "a,b,c\n1,2,\xe9\n", connectors.Malformed, 2, ""},
		{"cut rune at the end", csv, "a,b\n1,\xc3", connectors.Malformed, 2, ""},
		{"NUL", csv, "a,b\n1,2\n1,\x00\n", connectors.Malformed, 3, ""},
		{"long field", csv, "a,b\n1,2\n1," + long + "\n", connectors.Limit, 3, "b"},
		{"long record", csv, "a,b\n1,2\n1,\"" + strings.Repeat("x\n", 1<<12), connectors.Limit, 3, ""},
		{"many columns", csv, "a,b" + strings.Repeat(",", 80) + "\n", connectors.Limit, 1, ""},
		{"web page", csv, " \n<!doctype HTML><p>" + canary, connectors.Status, 0, ""},
		{"web page for json", js, "<html>" + canary, connectors.Status, 0, ""},
		{"xml", js, "<?xml version='1.0'?>", connectors.Status, 0, ""},
		{"gzip", csv, "\x1f\x8b\x08", connectors.Malformed, 0, ""},

		{"no such header", header(connectors.Header{Find: []string{"a", "z"}}), strings.Repeat("a,b\n", 60), connectors.Malformed, 0, ""},
		{"no such header in a short file", header(connectors.Header{Find: []string{"z"}}), "a,b\n" + canary, connectors.Malformed, 0, ""},
		{"header found at row 51", header(connectors.Header{Find: []string{"a"}}), strings.Repeat("x\n", 50) + "a,b\n1,2\n", connectors.Malformed, 0, ""},
		{"header cut", header(connectors.Header{Rows: 2}), "a,b\n", connectors.Malformed, 2, ""},
		{"header uneven", header(connectors.Header{Rows: 2}), "a,b\nx\n", connectors.Malformed, 2, ""},
		{"two fields are no note", header(connectors.Header{Find: []string{"a"}}), "a,b,c\n1,2\n", connectors.Malformed, 2, ""},
		{"column twice but for blanks", csv, "a,b, a\n1,2,3\n", connectors.Column, 0, "a"},
		{"cell is blank", connectors.Layout{Cells: map[string]string{"b": "C1"}, Header: connectors.Header{Row: 2}}, "x, , \na,c,d\n1,2,3\n", connectors.Column, 0, "b"},
		{"cell is below", connectors.Layout{Cells: map[string]string{"b": "A2"}}, "a,c\n1,2\n", connectors.Column, 0, "b"},
		{"cell and column", connectors.Layout{Cells: map[string]string{"b": "A1"}}, "a,b\n1,2\n", connectors.Column, 0, "b"},
		{"no tags", connectors.Layout{HXL: "drop"}, "a,b\n#x," + canary + "\n", connectors.Malformed, 2, ""},
		{"no row of tags", connectors.Layout{HXL: "drop"}, "a,b\n", connectors.Malformed, 2, ""},
		{"tags uneven", connectors.Layout{HXL: "drop"}, "a,b\n#x\n", connectors.Malformed, 2, ""},
		{"sheet of text", connectors.Layout{Sheet: "x"}, "a,b\n", connectors.Malformed, 0, ""},
		{"hxl of json", connectors.Layout{HXL: "drop"}, "[]", connectors.Malformed, 0, ""},
		{"outer of csv", connectors.Layout{Format: "csv", Outer: []string{"b"}}, "a,b\n", connectors.Malformed, 0, ""},
		{"sdmx deletes", connectors.Layout{Format: "sdmx-csv"}, "STRUCTURE,ACTION,a,b\nx,I,1,2\nx,D,1," + canary + "\n", connectors.Malformed, 3, ""},

		{"jsonl cut", lines, "{\"a\":1,\"b\":2}\n{\"a\":\"" + canary, connectors.Short, 2, ""},
		{"jsonl bad", lines, "{\"a\":1,\"b\":2}\n\n" + canary, connectors.Malformed, 3, ""},
		{"jsonl bad after", lines, "{\"a\":1,\"b\":2}\n]", connectors.Malformed, 0, ""},
		{"jsonl of texts", lines, "{\"a\":1,\"b\":2}\n\"" + canary + "\"", connectors.Malformed, 2, ""},
		{"jsonl path leads nowhere", connectors.Layout{Format: "jsonl", Rows: "[].r[]"}, "{\"a\":1}\n", connectors.NotFound, 0, ""},
		{"json keys with a text", connectors.Layout{Rows: "{b}"}, `{"x":"` + canary + `"}`, connectors.Malformed, 1, ""},
		{"json outer absent", connectors.Layout{Rows: "r[]", Outer: []string{"b"}}, `{"r":[{"a":1}]}`, connectors.Column, 0, "b"},
		{"json outer nested", connectors.Layout{Rows: "r[]", Outer: []string{"b"}}, `{"r":[{"a":1}],"b":["` + canary + `"]}`, connectors.Column, 0, "b"},
		{"json outer twice", connectors.Layout{Rows: "r[]", Outer: []string{"b"}}, `{"b":1,"r":[],"b":2}`, connectors.Malformed, 0, "b"},
		{"json outer long", connectors.Layout{Rows: "r[]", Outer: []string{"b"}}, `{"b":"` + long + `","r":[]}`, connectors.Limit, 1, "b"},
		{"json outer too late", connectors.Layout{Rows: "r[]", Outer: []string{"b"}}, `{"r":[` + strings.Repeat(`{"a":1},`, 17_000) + `{"a":1}],"b":2}`, connectors.Limit, 0, "b"},
		{"json names after", connectors.Layout{Rows: "r[]", Names: "h[]"}, `{"r":[[1,2]],"h":["a","b"]}`, connectors.Malformed, 1, ""},
		{"json short array", connectors.Layout{Rows: "r[]", Names: "h[]"}, `{"h":["a","b"],"r":[[1,2],["` + canary + `"]]}`, connectors.Malformed, 2, ""},
		{"json long array", connectors.Layout{Rows: "r[]", Names: "h[]"}, `{"h":["a","b"],"r":[[1,2,"` + canary + `"]]}`, connectors.Malformed, 1, ""},
		{"json name twice", connectors.Layout{Rows: "r[]", Names: "h[]"}, `{"h":["a","a"],"r":[[1,2]]}`, connectors.Malformed, 1, "a"},
		{"json name absent", connectors.Layout{Rows: "r[]", Names: "h[]"}, `{"h":["a"],"r":[[1]]}`, connectors.Column, 0, "b"},
		{"json object with names", connectors.Layout{Rows: "r[]", Names: "h[]"}, `{"h":["a"],"r":[{"a":1}]}`, connectors.Malformed, 1, ""},
		{"json name is no text", connectors.Layout{Rows: "r[]", Names: "h[]"}, `{"h":[1],"r":[]}`, connectors.Malformed, 0, ""},
		{"json empty", js, "", connectors.Short, 1, ""},
		{"json cut", js, `[{"a":1,"b":"` + canary, connectors.Short, 1, ""},
		{"json cut between", js, `[{"a":1,"b":1},`, connectors.Short, 2, ""},
		{"json cut at the end", js, `[{"a":1,"b":1}`, connectors.Short, 2, ""},
		{"json bad", js, `[{"a":1,"b":1},{"a":` + canary + `}]`, connectors.Malformed, 2, ""},
		{"json text after", js, `[{"a":1,"b":1}] ` + canary, connectors.Malformed, 0, ""},
		{"json lines said to be json", js, "[]\n[]", connectors.Malformed, 0, ""},
		{"json nested value", js, `[{"a":1,"b":1},{"a":{"x":"` + canary + `"}}]`, connectors.Malformed, 2, "a"},
		{"json list value", js, `[{"a":[1]}]`, connectors.Malformed, 1, "a"},
		{"json key twice", js, `[{"a":1,"a":2}]`, connectors.Malformed, 1, "a"},
		{"json record is a list", js, `[[1]]`, connectors.Malformed, 1, ""},
		{"json record is text", js, `["` + canary + `"]`, connectors.Malformed, 1, ""},
		{"json key in no record", js, `[{"a":1},{"a":2}]`, connectors.Column, 0, "b"},
		{"json object at the top", js, `{"error":"` + canary + `"}`, connectors.NotFound, 0, ""},
		{"json scalar at the top", js, `1`, connectors.NotFound, 0, ""},
		{"json path leads nowhere", connectors.Layout{Rows: "x.y[]"}, `{"x":{"z":[]},"y":[]}`, connectors.NotFound, 0, ""},
		{"json path leads to null", connectors.Layout{Rows: "x[]"}, `{"x":null}`, connectors.NotFound, 0, ""},
		{"json empty key is no array", js, `{"":[{"a":1,"b":2}]}`, connectors.NotFound, 0, ""},
		{"json path twice", connectors.Layout{Rows: "x[]"}, `{"x":[],"x":[{"a":1,"b":2}]}`, connectors.Malformed, 0, ""},
		{"json deep", js, `[{"a":1,"b":1},{"c":` + strings.Repeat("[", 9) + strings.Repeat("]", 9) + `}]`, connectors.Limit, 2, ""},
		{"json deep beside", connectors.Layout{Rows: "x[]"}, strings.Repeat(`{"y":`, 9) + "1" + strings.Repeat("}", 9), connectors.Limit, 1, ""},
		{"json long value", js, `[{"a":"` + long + `"}]`, connectors.Limit, 1, "a"},
		{"json endless value", js, `[{"c":"` + strings.Repeat("x", 1<<16), connectors.Limit, 1, ""},
		{"json endless blank", js, `[` + strings.Repeat(" ", 1<<16), connectors.Limit, 1, ""},
		{"json bad byte", js, `[{"a":1,"b":1},{"a":"` + "\xff", connectors.Malformed, 2, ""},
		{"json NUL", js, `[{"a":"\u0000"}]`, connectors.Malformed, 1, "a"},
		{"json total absent", connectors.Layout{Rows: "r[]", Total: "n"}, `{"r":[]}`, connectors.Short, 0, ""},
		{"json total no number", connectors.Layout{Rows: "r[]", Total: "n"}, `{"n":"` + canary + `","r":[]}`, connectors.Malformed, 0, ""},
		{"json total negative", connectors.Layout{Rows: "r[]", Total: "n"}, `{"n":-1,"r":[]}`, connectors.Malformed, 0, ""},
	} {
		for _, slow := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/slow=%v", c.name, slow), func(t *testing.T) {
				_, _, err := decode(t.Context(), input([]byte(c.body), c.layout, slow))
				e := connectortest.CheckError(t, err, c.reason)
				if e.File != "in" || e.Row != c.row || e.Column != c.column {
					t.Errorf("at %s:%d %q, want in:%d %q: %v", e.File, e.Row, e.Column, c.row, c.column, err)
				}
			})
		}
	}
}

func TestMatch(t *testing.T) {
	read := func(body, as string) (string, error) {
		in := input([]byte(body), connectors.Layout{Format: as}, false)
		in.Match = regexp.MustCompile(`^(?:f|f_\d+|a)$`)
		for p, err := range format.Pages(t.Context(), in) {
			if err != nil {
				return "", err
			}
			defer p.Records.Release()
			var got []string
			for i, f := range p.Records.Schema().Fields() {
				got = append(got, f.Name+"="+p.Records.Column(i).(*array.String).Value(0))
			}
			return strings.Join(got, " "), nil
		}
		return "", nil
	}
	if got, err := read("f_2,"+canary+",b,xf_1,f_1,a,c,f_1x\n1,2,3,4,5,6,7,8\n", "csv"); err != nil || got != "a=6 b=3 f_2=1 f_1=5" {
		t.Errorf("got %s, %v", got, err)
	}
	for name, c := range map[string]struct{ body, format string }{
		"twice":      {"a,b,f_1,f_1\n1,2,3,4\n", "csv"},
		"no pattern": {"[]", "json"},
	} {
		_, err := read(c.body, c.format)
		if e := connectortest.CheckError(t, err, connectors.Column); e.Column != "" {
			t.Errorf("%s: it names column %q", name, e.Column)
		}
	}
	_, err := read("a,b,f_1\n1,2,"+strings.Repeat("x", 300)+"\n", "csv")
	if e := connectortest.CheckError(t, err, connectors.Limit); e.Column != "" || e.Row != 2 {
		t.Errorf("it is at %q, row %d", e.Column, e.Row)
	}
}

func TestTotal(t *testing.T) {
	for name, body := range map[string]string{
		"before": `{"m":{"n":7},"r":[{"a":1,"b":2}]}`, "after": `{"r":[{"a":1,"b":2}],"m":{"x":[1],"n":"7"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, total, err := decode(t.Context(), input([]byte(body), connectors.Layout{Rows: "r[]", Total: "m.n"}, false))
			if err != nil || total != (connectors.Total{Rows: 7, Known: true}) {
				t.Errorf("got %+v, %v", total, err)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		layout connectors.Layout
		key    string
	}{
		{connectors.Layout{}, ""},
		{connectors.Layout{Format: "tsv", Encoding: "utf-16", Delimiter: `\t`, Rows: "a.b[][].c[]", Total: "a.b"}, ""},
		{connectors.Layout{Format: "docx"}, "format"},
		{connectors.Layout{Encoding: "latin"}, "encoding"},
		{connectors.Layout{Delimiter: "::"}, "delimiter"},
		{connectors.Layout{Delimiter: `"`}, "delimiter"},
		{connectors.Layout{Delimiter: "é"}, "delimiter"},
		{connectors.Layout{Header: connectors.Header{Row: -1}}, "header"},
		{connectors.Layout{Header: connectors.Header{Label: "("}}, "header"},
		{connectors.Layout{Header: connectors.Header{Label: "x"}}, "header"},
		{connectors.Layout{Rows: "a.b"}, "rows"},
		{connectors.Layout{Rows: "a..b[]"}, "rows"},
		{connectors.Layout{Rows: "a[].[]"}, "rows"},
		{connectors.Layout{Rows: "a[0]"}, "rows"},
		{connectors.Layout{Rows: "a]["}, "rows"},
		{connectors.Layout{Rows: "a.{month}"}, ""},
		{connectors.Layout{Rows: "a.{month}.r[]", Names: "h[].n"}, ""},
		{connectors.Layout{Rows: "a.{}"}, "rows"},
		{connectors.Layout{Rows: "a.{m"}, "rows"},
		{connectors.Layout{Rows: "a.m}[]"}, "rows"},
		{connectors.Layout{Rows: "{a{b}}"}, "rows"},
		{connectors.Layout{Names: "h.n"}, "columns"},
		{connectors.Layout{Names: "h[].{n}"}, "columns"},
		{connectors.Layout{Total: "{a}"}, "total"},
		{connectors.Layout{Sheet: "a", SheetNumber: 1}, "sheet"},
		{connectors.Layout{SheetNumber: -1}, "sheet"},
		{connectors.Layout{Cells: map[string]string{"t": "3A"}}, "cells"},
		{connectors.Layout{Cells: map[string]string{"t": "AA10"}}, ""},
		{connectors.Layout{Cells: map[string]string{"t": "A0"}}, "cells"},
		{connectors.Layout{HXL: "use"}, "hxl"},
		{connectors.Layout{Header: connectors.Header{Row: 1, Find: []string{"a"}}}, "header"},
		{connectors.Layout{Header: connectors.Header{Find: []string{" "}}}, "header"},
		{connectors.Layout{Header: connectors.Header{Rows: 51}}, "header"},
		{connectors.Layout{Total: "a[]"}, "total"},
	} {
		err := format.Check(c.layout)
		var e *connectors.SettingError
		if got := errors.As(err, &e); got != (c.key != "") || got && e.Key != c.key {
			t.Errorf("%+v: %v, want key %q", c.layout, err, c.key)
		}
	}
}

func TestDigestIsOfTheRawBytesAndChangeIsSeen(t *testing.T) {
	n := 0
	in := input(nil, connectors.Layout{}, false)
	in.Open = func() (io.Reader, error) {
		n++
		return strings.NewReader(fmt.Sprintf("a,b\n1,%d\n", n)), nil
	}
	_, _, err := decode(t.Context(), in)
	connectortest.CheckError(t, err, connectors.Changed)
}

func TestReadErrorsHaveTheirPlace(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		reason connectors.Reason
	}{
		"foreign": {errors.New(canary), connectors.Network},
		"own":     {&connectors.SourceError{Reason: connectors.Limit, What: "x"}, connectors.Limit},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(nil, connectors.Layout{}, false)
			in.Open = func() (io.Reader, error) {
				return io.MultiReader(strings.NewReader("a,b\n1,2\n"), iotest.ErrReader(c.err)), nil
			}
			_, _, err := decode(t.Context(), in)
			connectortest.CheckError(t, err, c.reason)
		})
	}
	t.Run("bytes over the limit", func(t *testing.T) {
		in := input([]byte("a,b\n1,2\n"), connectors.Layout{}, false)
		in.Limits.Bytes = 8
		if _, _, err := decode(t.Context(), in); err != nil {
			t.Errorf("at the limit: %v", err)
		}
		in.Limits.Bytes = 7
		_, _, err := decode(t.Context(), in)
		connectortest.CheckError(t, err, connectors.Limit)
	})
	t.Run("ended context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := decode(ctx, input([]byte("a,b\n"), connectors.Layout{}, false)); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestPagesAreBounded(t *testing.T) {
	var body bytes.Buffer
	body.WriteString("a,b\n")
	for range 70_000 {
		fmt.Fprintf(&body, "%s,1\n", strings.Repeat("x", 200))
	}
	rows, pages, next := int64(0), 0, int64(2)
	for p, err := range format.Pages(t.Context(), input(body.Bytes(), connectors.Layout{}, false)) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Origin.Row != next || p.Rows != nil {
			t.Errorf("page %d begins at %d, want %d", pages, p.Origin.Row, next)
		}
		pages, rows, next = pages+1, rows+p.Records.NumRows(), next+p.Records.NumRows()
		p.Records.Release()
	}
	if rows != 70_000 || pages != 5 {
		t.Errorf("%d rows in %d pages", rows, pages)
	}
}
