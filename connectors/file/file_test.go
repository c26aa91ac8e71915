package file_test

import (
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
	t.Run("csv", func(t *testing.T) {
		connectortest.Run(t, connectortest.Harness{
			Kind: file.Kind(), FirstRow: 2,
			Serve: func(t *testing.T, table connectortest.Table) connectortest.Setup {
				return serve(t, "in.csv", table.CSV())
			},
			Broken: func(t *testing.T, table connectortest.Table) connectortest.Setup {
				return serve(t, "in.csv", append(table.CSV(), connectortest.Canary+",\xff,1\n"...))
			},
		})
	})
	t.Run("json", func(t *testing.T) {
		connectortest.Run(t, connectortest.Harness{
			Kind: file.Kind(), FirstRow: 1,
			Serve: func(t *testing.T, table connectortest.Table) connectortest.Setup {
				return serve(t, "in.json", table.JSON())
			},
			Broken: func(t *testing.T, table connectortest.Table) connectortest.Setup {
				return serve(t, "in.json", bytes.TrimSuffix(table.JSON(), []byte("]")))
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
		{"workbook", map[string]string{"a.csv": "PK\x03\x04"}, file.Settings{Path: "a.csv"}, connectors.Malformed, "a.csv"},
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
