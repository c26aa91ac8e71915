package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"halftone/outputs/claims"
)

// leakNoised says which public files have published figures.
func leakNoised(name string) bool {
	for _, part := range []string{"/data/", "/report/", "/sealed/"} {
		if strings.Contains("/"+name, part) {
			return true
		}
	}
	return path.Base(name) == claims.File || name == "index.html" || name == "./" // as a web server names it
}

// versionFiles are those of the first version of every world, by world and name.
func versionFiles(t *testing.T, ws leakWorlds, suffix string, do func(where string, w *leakWorld, b []byte)) {
	t.Helper()
	done := 0
	for i, w := range ws.all() {
		for name, b := range w.version(t) {
			if strings.HasSuffix(name, suffix) {
				do(fmt.Sprintf("world %d, %s, %s", i, w.mechanism, name), w, b)
				done++
			}
		}
	}
	if done == 0 {
		t.Fatalf("no file *%s is published: nothing was checked", suffix)
	}
}

func leakDictionaries(t *testing.T, ws leakWorlds) {
	entries := 0
	versionFiles(t, ws, ".parquet", func(where string, _ *leakWorld, b []byte) {
		for _, c := range readLeakColumns(t, where, b) {
			entries += len(c.dictionary)
			for _, s := range strayDictionary(c) {
				t.Errorf("%s: the dictionary of %s has %q, which no row has", where, c.name, s)
			}
		}
	})
	if entries == 0 {
		t.Error("no column has a dictionary: nothing was checked")
	}
	for _, w := range ws.all() {
		for when, files := range w.publics {
			w.noLeakFiles(t, "public "+when, files, leakNoised)
		}
	}
}

func leakFooters(t *testing.T, ws leakWorlds) {
	versionFiles(t, ws, ".parquet", func(where string, _ *leakWorld, b []byte) {
		f := openLeakParquet(t, where, b)
		m := f.Metadata()
		if m.CreatedBy != "halftone version 1(build )" {
			t.Errorf("%s: created by %q", where, m.CreatedBy)
		}
		var keys []string
		for _, kv := range m.KeyValueMetadata {
			keys = append(keys, kv.Key)
		}
		slices.Sort(keys)
		if !slices.Equal(keys, []string{"dataset", "guarantee", "licence", "version"}) {
			t.Errorf("%s: the footer has the keys %q", where, keys)
		}
		for _, c := range readLeakColumns(t, where, b) {
			for _, s := range strayStatistics(c) {
				t.Errorf("%s: column %s: %s", where, c.name, s)
			}
		}
	})
}

// leakTables reads every CSV of figures of a version, without its header.
func leakTables(t *testing.T, w *leakWorld) map[string][]map[string]string {
	t.Helper()
	out := map[string][]map[string]string{}
	for name, b := range w.version(t) {
		if !strings.HasPrefix(name, "data/") || !strings.HasSuffix(name, ".csv") {
			continue
		}
		rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows[1:] {
			m := map[string]string{}
			for i, column := range rows[0] {
				m[column] = r[i]
			}
			out[name] = append(out[name], m)
		}
	}
	return out
}

// Every cell of the declared domain is published, in the order of its codes,
// whether a row has it or not.
func leakRows(t *testing.T, ws leakWorlds) {
	var cells []string
	for _, period := range []string{"2023", "2024"} {
		for _, place := range []string{"N", "S", "W"} {
			cells = append(cells, period+place+"A", period+place+"B")
		}
	}
	for i, w := range ws.all() {
		tables := leakTables(t, w)
		var got []string
		for _, r := range tables["data/by-place-kind.csv"] {
			got = append(got, r["period"]+r["place"]+r["kind"])
		}
		if !slices.Equal(got, cells) || len(tables["data/by-place.csv"]) != 6 || len(tables["data/total.csv"]) != 2 {
			t.Errorf("world %d, %s: the rows are %q", i, w.mechanism, got)
		}
		if i > 0 {
			a, b := slices.Sorted(maps.Keys(w.version(t))), slices.Sorted(maps.Keys(ws.all()[0].version(t)))
			if !slices.Equal(a, b) {
				t.Errorf("world %d: the files are %q, elsewhere %q", i, a, b)
			}
		}
	}
}

// A clock time, or a duration as people or Go print it.
var (
	leakClock    = regexp.MustCompile(`[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?\b|\bT[0-9]{6}`)
	leakDuration = regexp.MustCompile(`\b[0-9.]+ ?(ns|µs|us|ms|m?s|seconds?|minutes?|secs?)\b|(?i)\belapsed\b|\bduration\b|\btook\b`)
)

func leakPublishTime(t *testing.T, ws leakWorlds) {
	versionFiles(t, ws, "", func(where string, _ *leakWorld, b []byte) {
		if strings.HasSuffix(where, ".parquet") || strings.HasSuffix(where, ".html") || strings.HasSuffix(where, ".py") {
			return // pages and programs have colons of other kinds; what they say of days is in the manifest
		}
		for _, m := range leakClock.FindAllString(string(b), -1) {
			if !strings.HasPrefix(m, "00:00") { // of a day
				t.Errorf("%s: a clock time: %s", where, m)
			}
		}
	})
	// The twin has no row of 2024, and says what the others say.
	for i, w := range ws.twin {
		if n := len(leakTables(t, w)["data/total.csv"]); n != 2 {
			t.Errorf("%s: %d periods are published, want 2: one has no rows", w.mechanism, n)
		}
		sameText(t, w.mechanism+" releases.csv", ws.live[i].version(t)["releases.csv"], w.version(t)["releases.csv"])
		sameText(t, w.mechanism+" latest.json", ws.live[i].publics["published"]["datasets/leak-check/latest.json"], w.publics["published"]["datasets/leak-check/latest.json"])
	}
}

// Days and digests of bytes differ from run to run.
var leakVarying = regexp.MustCompile(`[0-9a-f]{64}|[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}\.[0-9]{2}-[0-9]+|"bytes": [0-9]+`)

func sameText(t *testing.T, what string, a, b []byte) {
	t.Helper()
	x, y := leakVarying.ReplaceAllString(string(a), "#"), leakVarying.ReplaceAllString(string(b), "#")
	if len(a) == 0 || x != y {
		t.Errorf("%s depends on the rows:\n%s\n%s", what, x, y)
	}
}

func leakRevisions(t *testing.T, ws leakWorlds) {
	for _, w := range ws.live {
		// Rows that come late, or a changed label, change no byte of what is out.
		if !maps.EqualFunc(w.publics["published"], w.publics["late"], bytes.Equal) {
			t.Errorf("%s: late rows have changed what is published", w.mechanism)
		}
		if !bytes.Equal(w.states["published"]["ledger.db"], w.states["late"]["ledger.db"]) {
			t.Errorf("%s: late rows have changed the ledger", w.mechanism)
		}
		if out := string(w.said["run with late rows"]); !strings.Contains(out, "Nothing is due") || !strings.Contains(out, "rows of 2024 have changed") {
			t.Errorf("%s: %s", w.mechanism, out)
		}
	}
	// All tables of a period are one release: one charge, one seal, one draw.
	for i, w := range ws.all() {
		kinds := map[string]int{}
		for _, e := range leakEntries(t, w) {
			kinds[fmt.Sprint(e["kind"], " ", e["period"])]++
		}
		if want := map[string]int{"charge 2023": 1, "charge 2024": 1, "seal 2023": 1, "seal 2024": 1}; !maps.Equal(kinds, want) {
			t.Errorf("world %d, %s: the ledger has %v", i, w.mechanism, kinds)
		}
	}
}

// leakEntries are those of the published ledger.
func leakEntries(t *testing.T, w *leakWorld) (out []map[string]any) {
	t.Helper()
	for line := range bytes.Lines(w.version(t)["ledger.jsonl"]) {
		var l struct{ Entry map[string]any }
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatal(err)
		}
		out = append(out, l.Entry)
	}
	return out
}

func leakCoverage(t *testing.T, ws leakWorlds) {
	for i, w := range ws.twin {
		live, twin := ws.live[i].version(t), w.version(t)
		for _, name := range []string{"releases.csv", "privacy-label.json", "datapackage.json", "ledger.jsonl", "manifest.json", "README.md", "CITATION.cff"} {
			sameText(t, w.mechanism+" "+name, live[name], twin[name])
		}
	}
	versionFiles(t, ws, "", func(where string, _ *leakWorld, _ []byte) {
		if strings.HasSuffix(where, "changes.json") {
			t.Errorf("%s is new: hold it to closed lists here", where)
		}
	})
}

// noiseParts are what a sealed file says, but for its figures.
func noiseParts(t *testing.T, b []byte) (map[string]json.RawMessage, [][]json.Number) {
	t.Helper()
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(b, &parts); err != nil {
		t.Fatal(err)
	}
	var noisy [][]json.Number
	if err := json.Unmarshal(parts["noisy"], &noisy); err != nil {
		t.Fatal(err)
	}
	delete(parts, "noisy")
	return parts, noisy
}

func leakNoiseScale(t *testing.T, ws leakWorlds) {
	for i, w := range ws.twin {
		sameText(t, w.mechanism+" noise-model.json", ws.live[i].version(t)["noise-model.json"], w.version(t)["noise-model.json"])
		for _, period := range []string{"2023", "2024"} {
			name := "sealed/" + period + ".1.json"
			a, _ := noiseParts(t, ws.live[i].version(t)[name])
			b, _ := noiseParts(t, w.version(t)[name])
			if !maps.EqualFunc(a, b, func(x, y json.RawMessage) bool { return bytes.Equal(x, y) }) {
				t.Errorf("%s: the plan of %s depends on the rows:\n%s\n%s", w.mechanism, period, a, b)
			}
		}
		twin := leakTables(t, w)
		for name, rows := range leakTables(t, ws.live[i]) {
			for k, r := range rows {
				if r["sd"] != twin[name][k]["sd"] || r["sd"] == "" {
					t.Errorf("%s %s row %d: sd %s, with other rows %s", w.mechanism, name, k, r["sd"], twin[name][k]["sd"])
				}
			}
		}
	}
}

func leakCodeLists(t *testing.T, ws leakWorlds) {
	versionFiles(t, ws, ".csv", func(where string, _ *leakWorld, b []byte) {
		if strings.Contains(where, "codes/") {
			if header, _, _ := bytes.Cut(b, []byte("\n")); string(header) != "code,parent,level,label_en" {
				t.Errorf("%s has the columns %s", where, header)
			}
		}
	})
	for _, w := range ws.all() {
		for when, files := range w.publics {
			for name, b := range files {
				if bytes.Contains(leakLower(b), []byte(leakCodeMark)) || strings.Contains(name, "labels") {
					t.Errorf("%s, %s: %s has a label, a synonym or a label table", w.mechanism, when, name)
				}
			}
		}
		for file := range leakProject { // as they stand in the project
			if b, ok := w.version(t)["codes/"+file]; ok && string(b) == leakProject[file] {
				t.Errorf("%s: %s is published as it is", w.mechanism, file)
			}
		}
	}
}

// Nothing is hidden because it is small, so nothing can be found by subtraction:
// every cell has a figure, and each figure its noise.
func leakComplementary(t *testing.T, ws leakWorlds) {
	for i, w := range ws.all() {
		for name, rows := range leakTables(t, w) {
			for _, r := range rows {
				for _, column := range []string{"value", "ci_low", "ci_high", "estimate", "sd"} {
					if strings.Trim(r[column], "-0123456789.") != "" || r[column] == "" || r["sd"] == "0" {
						t.Errorf("world %d, %s: %s is %q in %v", i, name, column, r[column], r)
					}
				}
				if s := r["status"]; s != "ok" && s != "noise_dominated" {
					t.Errorf("world %d, %s: a cell is %q", i, name, s)
				}
			}
		}
	}
	// There is noise: figures of a period without rows are not all 0. A Laplace figure
	// with b = 6 is once in 12 times; 10 are once in 10^10 runs.
	for _, w := range ws.twin {
		zero, empty := 0, 0
		for _, rows := range leakTables(t, w) {
			for _, r := range rows {
				if r["period"] == "2024" {
					if empty++; strings.Trim(r["estimate"], "-0.") == "" {
						zero++
					}
				}
			}
		}
		if empty != 10 || zero == empty {
			t.Errorf("%s: %d of %d figures of a period without rows are exactly 0", w.mechanism, zero, empty)
		}
	}
}
