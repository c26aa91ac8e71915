package file_test

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"halftone/connectors"
	"halftone/connectors/connectortest"
	"halftone/connectors/file"
)

func serve(t *testing.T, name string, body []byte) connectortest.Setup {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), body, 0o600); err != nil {
		t.Fatal(err)
	}
	return connectortest.Setup{Env: connectors.Env{Dir: dir}, Decode: connectortest.Settings(file.Settings{Path: name})}
}

func TestConformance(t *testing.T) {
	zipped := func(body []byte) []byte { return connectortest.Zip(map[string][]byte{"x/in.csv": body}) }
	for _, c := range []struct {
		name, file string
		first      int64
		write      func(connectortest.Table) []byte
		breaks     func(connectortest.Table) []byte
	}{
		{"csv", "in.csv", 2, connectortest.Table.CSV,
			func(t connectortest.Table) []byte { return append(t.CSV(), connectortest.Canary+",\xff,1\n"...) }},
		{"tsv", "in.tsv", 2, func(t connectortest.Table) []byte { return t.SeparatedBy('\t') },
			func(t connectortest.Table) []byte {
				return append(t.SeparatedBy('\t'), connectortest.Canary+"\t1\n"...)
			}},
		{"json", "in.json", 1, connectortest.Table.JSON,
			func(t connectortest.Table) []byte { return bytes.TrimSuffix(t.JSON(), []byte("]")) }},
		{"jsonl", "in.jsonl", 1, connectortest.Table.JSONLines,
			func(t connectortest.Table) []byte {
				return append(t.JSONLines(), `{"period":"`+connectortest.Canary...)
			}},
		{"xlsx", "in.xlsx", 2, connectortest.Table.XLSX, connectortest.Table.BrokenXLSX},
		{"xls", "in.xls", 2, connectortest.Table.XLS, connectortest.Table.BrokenXLS},
		{"parquet", "in.parquet", 1, connectortest.Table.Parquet,
			func(t connectortest.Table) []byte { return slices.Delete(t.Parquet(), 1000, 1010) }},
		{"zip", "in.zip", 2, func(t connectortest.Table) []byte { return zipped(t.CSV()) },
			func(t connectortest.Table) []byte { return zipped(append(t.CSV(), '"')) }},
	} {
		written := map[int][]byte{} // the suite asks for the same tables again and again
		t.Run(c.name, func(t *testing.T) {
			connectortest.Run(t, connectortest.Harness{
				Kind: file.Kind(), FirstRow: c.first,
				Serve: func(t *testing.T, table connectortest.Table) connectortest.Setup {
					n := len(table.Rows)
					if written[n] == nil {
						written[n] = c.write(table)
					}
					return serve(t, c.file, written[n])
				},
				Broken: func(t *testing.T, table connectortest.Table) connectortest.Setup {
					return serve(t, c.file, c.breaks(table))
				},
			})
		})
	}
	t.Run("sdmx-csv", func(t *testing.T) {
		write := func(t *testing.T, body []byte) connectortest.Setup {
			s := serve(t, "in.csv", body)
			s.Env.Layout.Format = "sdmx-csv"
			return s
		}
		connectortest.Run(t, connectortest.Harness{
			Kind: file.Kind(), FirstRow: 2,
			Serve: func(t *testing.T, table connectortest.Table) connectortest.Setup {
				return write(t, table.SeparatedBy(';'))
			},
			Broken: func(t *testing.T, table connectortest.Table) connectortest.Setup {
				return write(t, append(table.SeparatedBy(';'), connectortest.Canary+";1\n"...))
			},
		})
	})
}

// pull writes files, reads path and gives "file:row" of each row.
func pull(t *testing.T, files map[string]string, s file.Settings) (places []string, digests []string, err error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "with [brackets] *")
	for name, body := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	src, err := file.Kind().Open(t.Context(), connectors.Env{Dir: dir, Columns: []string{"a"}}, connectortest.Settings(s))
	if err != nil {
		return nil, nil, err
	}
	for p, err := range src.Read(t.Context(), "") {
		if err != nil {
			return places, digests, err
		}
		for i := range int(p.Records.NumRows()) {
			places = append(places, p.Origin.File+":"+string(rune('0'+p.Row(i))))
		}
		digests = append(digests, p.Item.Digest)
		p.Records.Release()
	}
	return places, digests, nil
}

func TestGlobIsReadInOrderOfName(t *testing.T) {
	places, digests, err := pull(t, map[string]string{
		"d/b.csv": "a\n1\n", "d/a.csv": "a,b\n1,2\n3,4\n", "d/c.csv": "a\n1\n", "d/skip.txt": "x",
	}, file.Settings{Path: "d/*.csv"})
	if err != nil || !slices.Equal(places, []string{"a.csv:2", "a.csv:3", "b.csv:2", "c.csv:2"}) {
		t.Fatalf("%v, %v", places, err)
	}
	if digests[0] == digests[1] || digests[1] != digests[2] {
		t.Errorf("same bytes have the same digest and others another: %v", digests)
	}
}

func TestStops(t *testing.T) {
	for _, c := range []struct {
		name     string
		files    map[string]string
		settings file.Settings
		reason   connectors.Reason
		file     string
	}{
		{"no match", map[string]string{"a.csv": "a\n"}, file.Settings{Path: "*.tsv"}, connectors.NotFound, "*.tsv"},
		{"one of a glob lacks the column", map[string]string{"1.csv": "a\n1\n", "2.csv": "b\n1\n"}, file.Settings{Path: "*.csv"}, connectors.Column, "2.csv"},
		{"folder", map[string]string{"d/a.csv": "a\n"}, file.Settings{Path: "d"}, connectors.NotFound, "d"},
		{"web page", map[string]string{"a.csv": "\ufeff\n<HTML>a\n"}, file.Settings{Path: "a.csv"}, connectors.Status, "a.csv"},
		{"torn workbook", map[string]string{"a.csv": "PK\x03\x04"}, file.Settings{Path: "a.csv"}, connectors.Malformed, "a.csv"},
		{"workbook that should be CSV", map[string]string{"a.csv": book}, file.Settings{Path: "a.csv", Format: "csv"}, connectors.Malformed, "a.csv"},
		{"CSV that should be a workbook", map[string]string{"a.xlsx": "a\n1\n"}, file.Settings{Path: "a.xlsx", Format: "xlsx"}, connectors.Malformed, "a.xlsx"},
		{"archive without entries", map[string]string{"a.zip": zipped("x/", "", "__MACOSX/b.csv", "a\n", ".DS_Store", "a\n")}, file.Settings{Path: "a.zip"}, connectors.NotFound, "a.zip"},
		{"no entry is wanted", map[string]string{"a.zip": zipped("b.csv", "a\n1\n")}, file.Settings{Path: "a.zip", Entries: "c*"}, connectors.NotFound, "a.zip"},
		{"entries of one name", map[string]string{"a.zip": zipped("b.csv", "a\n1\n", "x/../b.csv", "a\n1\n")}, file.Settings{Path: "a.zip"}, connectors.Malformed, "a.zip"},
		{"archive in an archive", map[string]string{"a.zip": zipped("b.zip", zipped("c.csv", "a\n1\n"))}, file.Settings{Path: "a.zip"}, connectors.Malformed, "a.zip/b.zip"},
		{"entry that is a bomb", map[string]string{"a.zip": zipped("b.csv", "a\n"+strings.Repeat("1\n", 4<<20))}, file.Settings{Path: "a.zip"}, connectors.Limit, "a.zip"},
		{"damaged entry", map[string]string{"a.zip": strings.Replace(zipped("b.csv", "a\n123456789\n"), "PK\x07\x08", "PK\x07\x09", 1)}, file.Settings{Path: "a.zip"}, connectors.Malformed, "a.zip"},
		{"own total not met", map[string]string{"a.json": `{"n":3,"r":[{"a":1}]}`}, file.Settings{Path: "a.json", Rows: "r[]", Total: "n"}, connectors.Short, ""},
		{"own totals add up over files", map[string]string{"a.json": `{"n":1,"r":[{"a":1}]}`, "b.json": `{"n":2,"r":[{"a":1}]}`},
			file.Settings{Path: "*.json", Rows: "r[]", Total: "n"}, connectors.Short, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := pull(t, c.files, c.settings)
			if e := connectortest.CheckError(t, err, c.reason); e.File != c.file {
				t.Errorf("at %q, want %q", e.File, c.file)
			}
		})
	}
}

// zipped packs names and bodies, in that order.
func zipped(parts ...string) string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		w, err := z.Create(parts[i])
		if err == nil && parts[i+1] != "" {
			_, err = w.Write([]byte(parts[i+1]))
		}
		if err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.String()
}

var book = string(connectortest.Table{Columns: []string{"a"}, Rows: [][]string{{"1"}, {"2"}}}.XLSX())

func TestArchives(t *testing.T) {
	all := zipped("z/c.csv", "a\n1\n2\n", "b.xlsx", book, "notes.txt", "a\n1\n", `w\x.json`, `[{"a":1}]`, "../../etc/d.csv", "a\n1\n", "new\nline.csv", "a\n1\n")
	for _, c := range []struct{ name, entries, want string }{
		{"all, in order of their names", "", "a.zip/b.xlsx:2 a.zip/b.xlsx:3 a.zip/etc/d.csv:2 a.zip/new?line.csv:2 a.zip/notes.txt:2 a.zip/w/x.json:1 a.zip/z/c.csv:2 a.zip/z/c.csv:3"},
		{"by name", "c.*", "a.zip/z/c.csv:2 a.zip/z/c.csv:3"},
		{"by path", "z/*", "a.zip/z/c.csv:2 a.zip/z/c.csv:3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			places, digests, err := pull(t, map[string]string{"a.zip": all}, file.Settings{Path: "*.zip", Entries: c.entries})
			if got := strings.Join(places, " "); err != nil || got != c.want {
				t.Errorf("got %s, %v\nwant %s", got, err, c.want)
			}
			if len(digests) > 1 && digests[1] != digests[3] {
				t.Error("entries of the same bytes have different digests")
			}
		})
	}
	t.Run("more entries than the limit", func(t *testing.T) {
		setup := serve(t, "a.zip", []byte(zipped("b.csv", "a\n1\n", "c.csv", "a\n1\n")))
		setup.Env.Columns, setup.Env.Limits.Items = []string{"a"}, 1
		src, err := file.Kind().Open(t.Context(), setup.Env, connectortest.Settings(file.Settings{Path: "a.zip"}))
		if err != nil {
			t.Fatal(err)
		}
		for p, err := range src.Read(t.Context(), "") {
			if err == nil {
				p.Records.Release()
				t.Error("a page came")
				continue
			}
			connectortest.CheckError(t, err, connectors.Limit)
		}
	})
}

func TestTotalsOfSeveralFilesAdd(t *testing.T) {
	places, _, err := pull(t, map[string]string{"a.json": `{"n":2,"r":[{"a":1},{"a":2}]}`, "b.json": `{"r":[{"a":1}],"n":"1"}`},
		file.Settings{Path: "*.json", Rows: "r[]", Total: "n"})
	if err != nil || len(places) != 3 {
		t.Fatalf("%v, %v", places, err)
	}
}

func TestSettings(t *testing.T) {
	for name, s := range map[string]file.Settings{
		"no path":        {},
		"open bracket":   {Path: "[a"},
		"open entries":   {Path: "a", Entries: "[a"},
		"unknown format": {Path: "a", Format: "docx"},
		"rows":           {Path: "a", Rows: "a.b"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := pull(t, nil, s)
			if _, ok := err.(*connectors.SettingError); !ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestFileThatGrowsWhileItIsReadIsRefused(t *testing.T) {
	var body strings.Builder
	body.WriteString("a\n")
	for range 40_000 {
		body.WriteString("1\n")
	}
	setup := serve(t, "in.csv", []byte(body.String()))
	setup.Env.Columns = []string{"a"}
	src, err := file.Kind().Open(t.Context(), setup.Env, setup.Decode)
	if err != nil {
		t.Fatal(err)
	}
	var last error
	for p, err := range src.Read(t.Context(), "") {
		if last = err; err != nil {
			continue
		}
		p.Records.Release()
		f, err := os.OpenFile(filepath.Join(setup.Env.Dir, "in.csv"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("2\n"); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	connectortest.CheckError(t, last, connectors.Changed)
}
