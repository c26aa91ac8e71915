package draft_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"halftone/connectors"
	"halftone/connectors/connectortest"
	"halftone/pipeline/config"
	"halftone/pipeline/draft"
)

var update = flag.Bool("update", false, "write the golden drafts")

// of drafts a file of these bytes.
func of(t testing.TB, ctx context.Context, name, data string) (draft.Draft, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return draft.Of(ctx, path, "data/"+name)
}

// hidden stands in labels, names of people and free texts: nothing of it may be
// in a draft.
const hidden = "canary"

func workbook(merges string, rows ...string) string {
	var b strings.Builder
	for _, row := range rows {
		b.WriteString("<row>")
		for i, cell := range strings.Split(row, "|") {
			if cell != "" {
				b.WriteString(`<c r="` + string(rune('A'+i)) + `" t="inlineStr"><is><t>` + strings.ReplaceAll(cell, "<", "&lt;") + "</t></is></c>")
			} else {
				b.WriteString("<c/>")
			}
		}
		b.WriteString("</row>")
	}
	return string(connectortest.Workbook(strings.ReplaceAll(b.String(), ` r="`, ` x="`), merges, nil))
}

func files() map[string]string {
	return map[string]string{
		"long.xlsx": workbook("", "Table of victims", "as of 2024", "Iso3|Sex|Year|Unit|Value", "TCD|Female|2019|Counts "+hidden+"|1,282", "NER|Male|2019|Counts "+hidden+"|<5",
			"NER|Total|2020|Rates "+hidden+"|7", "NER|Female "+hidden+"|2020|Rates "+hidden+"|9", "TCD|Male|2020|Rates "+hidden+"|"),
		"merged.xlsx": workbook(`<mergeCell ref="B3:C3"/><mergeCell ref="A3:A4"/>`, "by State, 2014", "", "State|Acts||", "|Offenses|Cleared", "North "+hidden+"|5|1", "|4|0", "South "+hidden+"|3|0", "|2|0", "* "+hidden),
		"wide.csv":    "Year;Country;Women;Men;Unknown\n2019;" + hidden + "1;4;5;NA\n2019;" + hidden + "2;6;-;7\n2020;" + hidden + "1;4;5;1\n2020;" + hidden + "2;6;8;7\n",
		"records.csv": "case_name,registered,gender,notes\n" + hidden + " A,31/12/2019,Female," + hidden + " one\n" + hidden + " B,01/02/2020,Male,\n" + hidden + " C,03/04/2020,Female," + hidden + " two\n",
		"report.json": `{"data":{"id":1,"report":{"Jan-2024":{"_total":9,"female":5},"Feb-2024":{"_total":6,"female":null,"name":{"en":"` + hidden + `"}}}}}`,
		"latin.csv":   "Ann\xe9e,Forme,Nombre\n2019/20,Travail forc\xe9 " + hidden + ",12\n2020/21,Autre,3\n2021/22,Autre,4\n",
		"sdmx.csv":    "REF_AREA: Area,SEX: Sex,TIME_PERIOD: Time,OBS_VALUE: Value\nTCD: " + hidden + ",F: Female,2019-Q1,4\nTCD: " + hidden + ",M: Male,2019-Q1,5\n",
		"tabs.csv":    "Year\tOffice\tCases\n2019\t" + hidden + "1\t4\n2020\t" + hidden + "1\t5\n2020\t" + hidden + "2\t7\n2021\t" + hidden + "2\t8\n",
		"notes.csv":   "Cases by office\n\"Year\",\"Office\",\"Cases\"\n2019,\"" + hidden + " 1\",4\n2020,\"" + hidden + " 1\",5\n2020,\"" + hidden + " 2\",5*\nSource: " + hidden + "\n",
	}
}

// TestDrafts holds what a person gets, file by file.
func TestDrafts(t *testing.T) {
	for name, data := range files() {
		t.Run(name, func(t *testing.T) {
			d, err := of(t, t.Context(), name, data)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(strings.ToLower(d.Text), hidden) {
				t.Errorf("a label of the data is in the draft:\n%s", d.Text)
			}
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(d.Text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || d.Text != string(want) {
				t.Errorf("%v: go test ./pipeline/draft -run Drafts -update\n%s", err, d.Text)
			}
			onlyOpen(t, d)
		})
	}
}

// onlyOpen loads a draft: it must be refused, and for its TODOs alone.
func onlyOpen(t *testing.T, d draft.Draft) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "halftone.yaml"), []byte(d.Text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := config.Load(dir, "halftone.yaml", []string{"file"})
	var problems config.Errors
	if !errors.As(err, &problems) || len(problems) != d.Open {
		t.Fatalf("%d decisions are open: %v", d.Open, err)
	}
	for _, p := range problems {
		if !strings.HasPrefix(p.Message, "still to be decided: ") {
			t.Errorf("%v", p)
		}
	}
}

// TestAnyFile drafts all files beside the checkout: each is drafted, or refused as
// what it is, and nothing but decisions is wrong with a draft.
func TestAnyFile(t *testing.T) {
	var paths []string
	for _, pattern := range []string{"data/*/*", "data/*/*/*"} {
		found, err := filepath.Glob(shared + pattern)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	if len(paths) == 0 {
		t.Skipf("the real inputs are not beside the checkout (%sdata)", shared)
	}
	n := 0
	for _, path := range paths {
		if st, err := os.Stat(path); err != nil || st.IsDir() || !small(path) {
			continue
		}
		d, err := drafted(t.Context(), path)
		var refused *connectors.SourceError
		switch {
		case errors.As(err, &refused):
			t.Logf("%s", err)
		case err != nil:
			t.Errorf("%s: %v", filepath.Base(path), err)
		default:
			n++
			onlyOpen(t, d)
		}
	}
	if n < 60 {
		t.Errorf("%d files were drafted", n)
	}
}

func TestLabels(t *testing.T) {
	d, err := of(t, t.Context(), "a.csv", "Year,Sex,Cases\n2019,Female,4\n2019,Male,5\n2020,Female,6\n2020,Male,7\n")
	if err != nil || len(d.Labels) != 1 || d.Labels[0].Column != "Sex" || strings.Join(d.Labels[0].Some, " ") != "Female Male" || d.Labels[0].More {
		t.Errorf("%+v, %v", d.Labels, err)
	}
}

func TestRefuses(t *testing.T) {
	for _, c := range []struct{ name, file, data, want string }{
		{"a web page", "a.csv", "<html><body>Log in</body></html>", "web page"},
		{"no table", "a.txt", "Dear colleague,\nplease find attached\nnothing\nat all\n", "does not look like a table"},
		{"no records", "a.json", `{"error": "no"}`, "no records"},
		{"not JSON", "a.json", `{"error": `, "not valid JSON"},
		{"nested too deeply", "a.json", strings.Repeat("[", 5000), "nested too deeply"},
		{"a PDF", "a.csv", "%PDF-1.7", "a PDF"},
		{"neither UTF-8 nor Windows-1252", "a.csv", "Year,Cases\n2019,\x81\n", "neither UTF-8 nor Windows-1252"},
		{"an empty file", "a.csv", "", "no header row"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := of(t, t.Context(), c.file, c.data)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// Whatever the bytes: no panic, and a draft is open for its decisions alone.
func FuzzDraft(f *testing.F) {
	for name, data := range files() {
		f.Add(filepath.Ext(name), data)
	}
	f.Add(".tsv", "a\tTODO\t#x: y\n1\t'\"\\\t2\n3\t<5\t4\n")
	f.Add(".jsonl", `{"Year":2019,"a: b #":"x"}`+"\n"+`{"Year":2020,"a: b #":"y"}`)
	f.Fuzz(func(t *testing.T, ext, data string) {
		if !map[string]bool{".csv": true, ".tsv": true, ".json": true, ".jsonl": true, ".xlsx": true, ".xls": true, ".parquet": true}[ext] {
			ext = ".csv"
		}
		d, err := of(t, t.Context(), "in"+ext, data)
		if err == nil {
			onlyOpen(t, d)
		}
	})
}
