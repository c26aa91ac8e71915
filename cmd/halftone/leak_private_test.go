package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"halftone/privacy"
)

func leakSealed(name string) bool { return strings.HasPrefix(name, "sealed/") }

func leakNotifications(t *testing.T, ws leakWorlds) {
	w := ws.live[0]
	for _, setting := range []string{"notify: {on: [failed], webhook: \"" + w.site.URL + "\"}\n", "webhook: x\n", "smtp: x\n"} {
		w.refusesSetting(t, setting)
	}
	w.site.mu.Lock()
	defer w.site.mu.Unlock()
	for _, r := range w.site.received {
		if r != "GET /cases.csv" {
			t.Errorf("the program has sent %q", r)
		}
	}
	if len(w.site.received) == 0 {
		t.Error("the web source was never asked")
	}
}

// refusesSetting: a key that this version does not have is an error. Whoever adds
// it has to say here what leaves by it.
func (w *leakWorld) refusesSetting(t *testing.T, setting string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(w.dir)); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(filepath.Join(dir, "halftone.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(setting, ":")
	w.write(t, filepath.Join(dir, "halftone.yaml"), string(good)+setting)
	if code := run(t.Context(), []string{"-C", dir, "validate"}, strings.NewReader(""), io.Discard, io.Discard); code != 2 {
		t.Errorf("the setting %q is taken (exit %d): test what leaves by it", name, code)
	}
}

// refusesCommand does the same for a command or a flag.
func (w *leakWorld) refusesCommand(t *testing.T, args ...string) {
	t.Helper()
	if code := run(t.Context(), append([]string{"-C", w.dir}, args...), strings.NewReader(""), io.Discard, io.Discard); code != 2 {
		t.Errorf("halftone %v is taken (exit %d): test what leaves by it", args, code)
	}
}

// Two copies of one state, taken between charge and seal, draw noise of their own:
// nothing random is in a snapshot of the state.
func leakRandomness(t *testing.T, ws leakWorlds) {
	for _, w := range ws.live {
		planA, a := noiseParts(t, w.forks[0])
		planB, b := noiseParts(t, w.forks[1])
		if !maps.EqualFunc(planA, planB, func(x, y json.RawMessage) bool { return bytes.Equal(x, y) }) {
			t.Errorf("%s: two plans for one charge", w.mechanism)
		}
		same, all := 0, 0
		for i := range a {
			for k := range a[i] {
				if all++; a[i][k] == b[i][k] {
					same++
				}
			}
		}
		// A Laplace figure with b = 6 is the same in two draws once in 24 times; 8 of 10 are once in 10^9 runs.
		if all < 10 || same > all-3 {
			t.Errorf("%s: %d of %d figures are the same in two draws", w.mechanism, same, all)
		}
	}
}

// leakUnusedLines are what the source report says of labels that no row has.
var leakUnusedLines = regexp.MustCompile(`(?m)^ +no row has .*$|"unused":\[[^\]]*\]`)

func leakLogs(t *testing.T, ws leakWorlds) {
	for i, w := range ws.all() {
		for name, b := range w.said {
			w.noLeak(t, fmt.Sprintf("world %d, what %q says", i, name), leakUnusedLines.ReplaceAll(b, nil))
			if bytes.Contains(b, []byte(".halftone")) {
				t.Errorf("world %d, %s: %q names a path in the state folder", i, w.mechanism, name)
			}
		}
	}
	for _, w := range ws.live {
		leakFormats(t, w)
	}
}

// leakFormats prints a cube that holds planted counts, in every way that code
// under a debugger's pen has.
func leakFormats(t *testing.T, w *leakWorld) {
	t.Helper()
	place := privacy.Dimension{Name: "place", Levels: []privacy.Level{{Name: "all", Codes: []string{privacy.Total}}, {Name: "place", Codes: []string{"N", "S"}, Parent: []uint32{0, 0}}}}
	s := privacy.Spec{Dataset: "leak-check", Series: 1, Measure: "flow", Unit: "case", Every: "year", Dimensions: []privacy.Dimension{place},
		Tables: []privacy.Table{{Name: "total", Levels: []int{1}}}, Sources: []privacy.Source{{Name: "a", PerPeriod: 1, Periods: 1, Sensitivity: 1}},
		Budget: privacy.Budget{NanoEpsilon: 1e9}, Editions: 1, Mechanism: privacy.LaplaceMechanism}
	p, err := privacy.ParsePeriod("2023")
	if err != nil {
		t.Fatal(err)
	}
	cube, err := privacy.NewCube(s, p)
	if err == nil {
		err = cube.Add([][]uint32{{0}}, []int64{w.canaries.count(leakFirst)})
	}
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	held := struct{ cube, other any }{cube, &cube}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		for _, what := range []any{cube, &cube, held, []privacy.Cube{cube}, fmt.Errorf("%w: %v", io.EOF, cube)} {
			fmt.Fprintf(&b, verb+"\n", what)
		}
	}
	slog.New(slog.NewTextHandler(&b, nil)).Info("cube", "c", cube, "p", &cube)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("cube", "c", cube, "p", &cube)
	if text, err := json.Marshal(cube); err == nil {
		b.Write(text)
	}
	w.noLeak(t, "a printed cube", b.Bytes())
}

func leakMetrics(t *testing.T, ws leakWorlds) {
	for _, w := range ws.served {
		for name, code := range w.codes {
			page := name[strings.LastIndexByte(name, ' ')+1:]
			switch {
			case slices.Contains(leakUnknown, page) && code == 200,
				strings.HasPrefix(name, "operator ") && page != "healthz" && code == 200,
				strings.HasPrefix(name, "public ") && page == "healthz" && code != 404:
				t.Errorf("%s: %s answers %d: test what it shows", w.mechanism, name, code)
			}
			if _, path, _ := strings.Cut(name, " GET "); !leakNoised(path) && path != "" || w.mechanism == "planner" {
				w.noLeak(t, name, w.answers[name])
			} else if found := w.canaries.in(w.answers[name], false); found != nil {
				t.Errorf("%s: %s: %q", w.mechanism, name, found)
			}
		}
		if w.codes["operator GET healthz"] != 200 || w.codes["public GET datasets/leak-check/"] != 200 {
			t.Errorf("%s: the listeners did not answer: %v", w.mechanism, w.codes)
		}
	}
	for _, flag := range []string{"--cpuprofile", "--memprofile", "--trace", "--metrics", "--pprof"} {
		ws.live[0].refusesCommand(t, "status", flag, "x")
	}
	for _, imp := range linked(t) {
		for _, never := range []string{"net/http/pprof", "expvar", "prometheus", "opentelemetry", "opencensus", "sentry"} {
			if strings.Contains(imp, never) {
				t.Errorf("the program has %s in it: test what it shows", imp)
			}
		}
	}
}

// linked are the packages that the program is made of.
func linked(t *testing.T) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.Fields(string(out))
}

func leakTiming(t *testing.T, ws leakWorlds) {
	allowed := []string{"cost", "dataset", "day", "edition", "input_digest", "kind", "period", "sealed_sha256", "series", "sources_expected", "sources_reporting", "spec_digest", "terms"}
	for i, w := range ws.all() {
		for _, e := range leakEntries(t, w) {
			for key := range e {
				if !slices.Contains(allowed, key) {
					t.Errorf("world %d: an entry of the ledger has %q", i, key)
				}
			}
			if day := fmt.Sprint(e["day"]); len(day) != len("2006-01-02") {
				t.Errorf("world %d: an entry of the ledger has the day %q", i, day)
			}
		}
		for name, b := range w.said {
			if m := leakDuration.Find(b); m != nil && name != "serve" { // stacks say how long a goroutine has waited
				t.Errorf("world %d: %q says how long something took: %s", i, name, m)
			}
		}
	}
	versionFiles(t, ws, "json", func(where string, _ *leakWorld, b []byte) {
		if m := leakDuration.Find(b); m != nil {
			t.Errorf("%s says how long something took: %s", where, m)
		}
	})
}

func leakFloats(t *testing.T, ws leakWorlds) {
	versionFiles(t, ws, ".1.json", func(where string, _ *leakWorld, b []byte) {
		_, noisy := noiseParts(t, b)
		for _, table := range noisy {
			for _, n := range table {
				if _, err := n.Int64(); err != nil {
					t.Errorf("%s: %s is no integer", where, n)
				}
			}
		}
		if bytes.Contains(bytes.ToLower(b), []byte("seed")) {
			t.Errorf("%s speaks of a seed", where)
		}
	})
	for _, name := range []string{"run", "plan", "serve"} {
		ws.live[0].refusesCommand(t, name, "--seed", "1")
	}
	ws.live[0].refusesSetting(t, "seed: 1\n")
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	ours := 0
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "halftone/") {
			if ours++; strings.Contains(line, " math/rand") {
				t.Errorf("randomness that a seed gives: %s", line)
			}
		}
	}
	if ours < 20 {
		t.Errorf("only %d packages found: the list is not whole", ours)
	}
}

func leakLooking(t *testing.T, ws leakWorlds) {
	planned := regexp.MustCompile(` plan ([0-9a-f]{8})`)
	for i, w := range ws.twin {
		before := planned.FindStringSubmatch(ws.live[i].outs["plan before"])
		if before == nil {
			t.Fatal("plan says no digest")
		}
		for _, world := range []*leakWorld{ws.live[i], w, ws.served[i]} {
			for _, e := range leakEntries(t, world) {
				if d, ok := e["spec_digest"].(string); ok && !strings.HasPrefix(d, before[1]) {
					t.Errorf("%s: planned %s before any pull, charged for %s", w.mechanism, before[1], d)
				}
			}
		}
	}
	// What is charged cannot be changed after a look at rows.
	for _, w := range ws.live {
		if out := string(w.said["changed while reserved"]); !strings.Contains(out, "is charged and not sealed, and the configuration has changed") {
			t.Errorf("%s: a table was added after the charge: %s", w.mechanism, out)
		}
	}
}

func leakPreviews(t *testing.T, ws leakWorlds) {
	for i, w := range ws.twin {
		live := ws.live[i].outs
		twin := strings.ReplaceAll(w.outs["plan before"], w.dir, ws.live[i].dir) // it says where to go on
		if live["plan before"] != live["plan after"] || live["plan before"] != twin || twin == "" {
			t.Errorf("%s: a plan depends on rows:\n%s\n%s\n%s", w.mechanism, live["plan before"], live["plan after"], twin)
		}
		// What budgets, tables and targets would buy is the same for other rows, before
		// and after they are pulled; of the first two also when they are released.
		for _, name := range []string{"explore", "explore json", "explore page", "targets"} {
			before := live[name+" before"]
			twin := strings.ReplaceAll(w.outs[name+" before"], w.dir, ws.live[i].dir)
			if before == "" || before != live[name+" after"] || before != twin {
				t.Errorf("%s: %s depends on rows:\n%s\n%s\n%s", w.mechanism, name, before, live[name+" after"], twin)
			}
			if after := live[name+" of released periods"]; name != "targets" && before != after {
				t.Errorf("%s: %s depends on releases:\n%s\n%s", w.mechanism, name, before, after)
			}
		}
	}
	for _, w := range ws.served {
		for _, page := range []string{"", "console", "runs", "status"} {
			if code := w.codes["operator GET "+page]; code != 404 {
				t.Errorf("the operator's listener has a page /%s (%d): test what it shows", page, code)
			}
		}
	}
	for _, args := range [][]string{{"preview"}, {"console"}} {
		ws.live[0].refusesCommand(t, args...)
	}
}

func leakTemp(t *testing.T, ws leakWorlds) {
	for i, w := range ws.all() {
		for when, files := range w.states {
			kept := maps.Clone(files)
			for name, b := range kept {
				kept[name] = leakUnusedLines.ReplaceAll(b, nil)
				if bytes.Contains(b, []byte("PAR1")) {
					t.Errorf("world %d, %s: %s holds rows that are not encrypted", i, when, name)
				}
			}
			w.noLeakFiles(t, "state "+when, kept, leakSealed)
		}
		for _, left := range w.leftovers(t) {
			t.Errorf("world %d: %s is left behind", i, left)
		}
		err := filepath.WalkDir(w.state(), func(path string, e os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := e.Info()
			if err == nil && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("world %d: others may use %s (%v)", i, path, info.Mode())
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, w := range ws.live {
		if len(w.states["open"]["ledger.db-wal"]) == 0 {
			t.Errorf("%s: no write-ahead log was seen: nothing was checked", w.mechanism)
		}
	}
	for i, w := range ws.live {
		w.noLeak(t, fmt.Sprintf("world %d, ledger export", i), []byte(w.ht(t, "export", 0, "ledger", "export")))
		w.ht(t, "backup without a key", 2, "backup", filepath.Join(t.TempDir(), "b")) // what is in one: see backup_test.go
	}
	for _, w := range ws.live {
		leakRetention(t, w)
	}
}

// leakRetention: of rows whose time is over nothing is left, wherever somebody has a
// copy of their files, and nothing tells how many there were.
func leakRetention(t *testing.T, w *leakWorld) {
	t.Helper()
	if w.opened < 4 || len(w.sealed) < 6 {
		t.Fatalf("%s: %d of %d staged files could be opened before: nothing was checked", w.mechanism, w.opened, len(w.sealed))
	}
	if n := w.opens(t); n > 0 {
		t.Errorf("%s: %d staged files can be opened with keys that are left", w.mechanism, n)
	}
	for _, when := range []string{"retained", "after retention"} {
		described := 0
		for name, b := range w.states[when] {
			if _, key := strings.CutPrefix(name, "keys/batch/"); key || strings.HasSuffix(name, ".age") || strings.Contains(name, "/.reports/") || strings.Contains(name, "/.pins/") {
				t.Errorf("%s, %s: %s is left", w.mechanism, when, name)
			}
			if strings.HasPrefix(name, "keys/input/") && when == "retained" { // the run after it makes another
				t.Errorf("%s: the key of input digests is left", w.mechanism)
			}
			if !strings.HasPrefix(name, "staging/") || !strings.HasSuffix(name, ".json") {
				continue
			}
			described++
			var d struct {
				Periods map[string]map[string]any
				Items   []any
			}
			if err := json.Unmarshal(b, &d); err != nil {
				t.Fatal(err)
			}
			for p, held := range d.Periods {
				if fmt.Sprint(held) != "map[digest: gone:true rows:0]" {
					t.Errorf("%s, %s: %s still tells of %s: %v", w.mechanism, when, name, p, held)
				}
			}
			if len(d.Items) > 0 || bytes.Contains(b, []byte("report")) {
				t.Errorf("%s, %s: %s says what was taken: %s", w.mechanism, when, name, b)
			}
		}
		if described != 2 {
			t.Errorf("%s, %s: %d batches are described", w.mechanism, when, described)
		}
	}
}

// opens counts the staged files, also those that are gone by now, that a key in
// the state folder opens.
func (w *leakWorld) opens(t *testing.T) (n int) {
	t.Helper()
	var keys []age.Identity
	for _, b := range leakFiles(t, w.state()) {
		for _, text := range regexp.MustCompile(`AGE-SECRET-KEY-1[A-Z0-9]+`).FindAll(b, -1) {
			if id, err := age.ParseX25519Identity(string(text)); err == nil {
				keys = append(keys, id)
			}
		}
	}
	for name, b := range w.sealed {
		if len(keys) == 0 {
			break
		}
		r, err := age.Decrypt(bytes.NewReader(b), keys...)
		if err != nil {
			continue
		}
		n++
		if plain, err := io.ReadAll(r); err != nil || !bytes.HasPrefix(plain, []byte("PAR1")) {
			t.Errorf("%s: %s is no staged file: %v", w.mechanism, name, err)
		}
	}
	return n
}
