package format_test

import (
	"bytes"
	"context"
	stdcsv "encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"halftone/connectors"
	"halftone/connectors/format"
)

// literals is the source of this package: a message that stands in it word by
// word was written by us and holds no value.
func literals(t testing.TB) string {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no source files", err)
	}
	var all strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(strings.ReplaceAll(string(b), `\"`, `"`))
	}
	return all.String()
}

func checkFuzzed(t *testing.T, ours string, err error) {
	var e *connectors.SourceError
	switch {
	case err == nil:
		return
	case !errors.As(err, &e):
		t.Fatalf("%T: %v", err, err)
	case e.File != "in" || e.Err != nil || e.Column != "" && e.Column != "a" && e.Column != "b":
		t.Fatalf("%#v", e)
	}
	for _, part := range []string{strings.TrimPrefix(e.What, "this is "), e.Do} {
		if !strings.Contains(ours, part) {
			t.Fatalf("%q is no message of ours", part)
		}
	}
}

func FuzzCSV(f *testing.F) {
	for _, seed := range []string{
		"a,b\n1,2\n", "\ufeffa,b\r\n\"1\r\n\"\"x\"\"\",2", "b,a,a\n", "a,b\n\"", "a,b\n\n\"x\"y,2", "a,b\n1,2,3", "a,b\n\xff,1\n",
		"\xff\xfea\x00,\x00b\x00\n\x00", "<html>", "", "\"a\",\"b\"\r\n\"\",\"\"\r\r\n", "a,b\n1,\xe2\x82",
		"a;b\n1;2\n", "a|b\n", " a,\"b\n\"\n1,2\n", "a,b,\va\n",
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	ours := literals(f)
	f.Fuzz(func(t *testing.T, body []byte, slow bool) {
		got, _, err := decode(context.Background(), input(body, connectors.Layout{Format: "csv"}, slow))
		checkFuzzed(t, ours, err)
		want, ok, comparable := byStandardLibrary(body)
		if !comparable {
			return
		}
		if ok != (err == nil) || ok && !slices.Equal(normal(got), normal(want)) {
			t.Fatalf("got %q, %v\nencoding/csv %q, %v", got, err, want, ok)
		}
	})
}

// normal undoes what encoding/csv does to line breaks in quotes.
func normal(records []string) []string {
	out := make([]string, len(records))
	for i, r := range records {
		out[i] = strings.ReplaceAll(r, "\r\n", "\n")
	}
	return out
}

// byStandardLibrary reads with encoding/csv what does not fall under our own
// stricter rules.
func byStandardLibrary(body []byte) (records []string, ok, comparable bool) {
	if !utf8.Valid(body) || bytes.IndexByte(body, 0) >= 0 || bytes.HasPrefix(body, []byte("\ufeff")) || format.IsMarkup(body) ||
		bytes.HasPrefix(body, []byte("PK\x03\x04")) || bytes.HasPrefix(body, []byte("PAR1")) || bytes.HasPrefix(body, []byte("%PDF")) || len(body) > 256 {
		return nil, false, false
	}
	r := stdcsv.NewReader(bytes.NewReader(body))
	all, err := r.ReadAll() // all rows as long as the first
	if err != nil || len(all) == 0 || len(all[0]) > 64 {
		return nil, false, true
	}
	at := []int{-1, -1}
	for i, name := range []string{"a", "b"} {
		for j, h := range all[0] {
			h = strings.Join(strings.Fields(h), " ")
			if h == name && at[i] >= 0 {
				return nil, false, true
			} else if h == name {
				at[i] = j
			}
		}
		if at[i] < 0 {
			return nil, false, true
		}
	}
	r = stdcsv.NewReader(bytes.NewReader(body))
	for n := 0; ; n++ {
		rec, err := r.Read()
		if err != nil {
			return records, true, true
		}
		if line, _ := r.FieldPos(0); n > 0 {
			records = append(records, fmt.Sprintf("%d:%s|%s", line, rec[at[0]], rec[at[1]]))
		}
	}
}

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`[{"a":1,"b":"x"}]`, `{"r":[{"a":null,"b":true}],"n":1}`, `[{"a":{}}]`, `[`, `[[`, `{"r":[{"a":"\ud800"}]}`, `[{"a":1e999,"b":-0.10}]`,
		`[{"":1}]`, `[{"a":1,"a":2}]`, "\ufeff[]", `[] []`, "[{\"a\":\"\xff\"}]", `{"n":"3","r":[]}`,
	} {
		f.Add([]byte(seed), false, "", "")
		f.Add([]byte(seed), true, "r[]", "n")
	}
	ours := literals(f)
	f.Fuzz(func(t *testing.T, body []byte, slow bool, rows, total string) {
		layout := connectors.Layout{Format: "json", Rows: rows, Total: total}
		if err := format.Check(layout); err != nil {
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
