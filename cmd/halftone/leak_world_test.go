package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"halftone/privacy/ledger"
)

const leakConfig = `halftone: 1
dataset: leak-check
title: Cases
counts: cases
unit: case
licence: CC-BY-4.0
publisher: {name: Office, contact: data@example.org}
period: {every: year, from: 2023, to: 2024}
dimensions:
  place: places.csv
  kind: kinds.csv
sources:
  register:
    agency: Office
    from: {file: {path: register.csv}}
    map:
      unit: count
      period: year
      place: {column: place, codes: labels.csv}
      kind: {column: kind, codes: {` + leakInline + `: B}}
      value: cases
    key: row
    quarantine: 40%
    contribution: {per_period: BOUND, periods: 1, stated_by: "A. Person, 2026-01-15"}
  web:
    agency: Bureau
    from: {http: {url: "SITE/cases.csv?key=` + leakQuery + `", format: csv, headers: {Authorization: "Bearer env:HALFTONE_LEAK_TOKEN"}}}
    hosts: ["HOST"]
    map: {unit: count, period: year, place: place, kind: kind, value: cases}
    key: row
    contribution: {per_period: BOUND, periods: 1, stated_by: "B. Person, 2026-01-15"}
tables:
  total: {}
  by-place: {place: place}
  by-place-kind: {place: place, kind: kind}
privacy: {mechanism: MECHANISM, budget: {person: {BUDGET}}}
schedule: {cron: "0 6 * * *", timezone: Africa/Ndjamena}
`

// leakProject are the files of the project folder, but for halftone.yaml.
var leakProject = map[string]string{
	"places.csv": "code,parent,level,label_en,synonyms\nN,,place,North,\nS,,place,South," + leakRareLabel + "\nW,,place,West,\n",
	"kinds.csv":  "code,parent,level,label_en\nA,,kind,Alpha\nB,,kind,Beta\n",
	"labels.csv": "label,code\n" + leakTabled + ",N\n",
}

const leakHeader = "year,place,kind,cases," + leakNotes + "\n"

// What agencies send. West has no row: it is published all the same.
func (c leakCanaries) register() string {
	return leakHeader + c.row("2023,N,A", leakFirst) + c.row("2023,"+leakRareLabel+","+leakInline, leakSecond) +
		c.row("2024,"+leakTabled+",A", leakFourth) + c.row("2024,S,B", leakSeventh) +
		c.row("2024,"+leakUnmapped+",A", leakHidden)
}

func (c leakCanaries) web() string {
	return leakHeader + c.row("2023,N,A", leakThird) + c.row("2023,S,B", leakFifth) + c.row("2024,N,A", leakSixth) + c.row("2024,S,B", leakEighth)
}

func (c leakCanaries) row(codes string, count int64) string {
	return fmt.Sprintf("%s,%d,%s\n", codes, c.count(count), leakPerson)
}

// Other rows under the same configuration: another label, nothing quarantined,
// another number of rows, no row at all of 2024.
const (
	leakRegisterTwin = leakHeader + "2023,W,B,3,x\n2023,W,B,7,x\n2023,S,A,11,x\n"
	leakWebTwin      = leakHeader + "2023,S,A,1,x\n2023,S,B,2,x\n"
)

// A leakSite is an agency's web server. It gives nothing to who lacks the credential.
type leakSite struct {
	*httptest.Server
	mu       sync.Mutex
	body     string
	answer   func(w http.ResponseWriter) bool // instead of the body
	received []string                         // method and path of each request
}

func newLeakSite(t *testing.T) *leakSite {
	s := &leakSite{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.received = append(s.received, r.Method+" "+r.URL.Path)
		if r.Header.Get("Authorization") != "Bearer "+leakCredential {
			http.Error(w, "who are you", http.StatusUnauthorized)
			return
		}
		if s.answer != nil && s.answer(w) {
			return
		}
		w.Header().Set("Content-Type", "text/csv")
		_, _ = w.Write([]byte(s.body))
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *leakSite) set(body string, answer func(w http.ResponseWriter) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.body, s.answer = body, answer
}

// A leakWorld is one project and everything that left it.
type leakWorld struct {
	mechanism       string
	canaries        leakCanaries
	dir, data, temp string
	site            *leakSite
	said            map[string][]byte            // what each command wrote, by a name for it
	outs            map[string]string            // standard output alone
	states          map[string]map[string][]byte // the state folder at several moments, without encrypted staging
	publics         map[string]map[string][]byte // the public folder
	sealed          map[string][]byte            // every staged file that there ever was, as a copy of the disk has it
	opened          int                          // of them, by the keys there were before retention
	answers         map[string][]byte            // of both listeners: headers and bodies
	codes           map[string]int               // status of each answer
	forks           [2][]byte                    // the sealed file of one charge, drawn from two copies of the state
}

// newLeakWorld makes a project with planted rows.
func newLeakWorld(t *testing.T, site *leakSite, mechanism string) *leakWorld {
	t.Helper()
	base := t.TempDir()
	w := &leakWorld{mechanism: mechanism, canaries: newLeakCanaries(mechanism), dir: filepath.Join(base, "project"), data: filepath.Join(base, leakFolder), temp: filepath.Join(base, "temp"),
		site: site, said: map[string][]byte{}, outs: map[string]string{}, states: map[string]map[string][]byte{}, publics: map[string]map[string][]byte{}, sealed: map[string][]byte{},
		answers: map[string][]byte{}, codes: map[string]int{}}
	for _, d := range []string{w.dir, w.data, w.temp} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("TMPDIR", w.temp)
	t.Setenv("HALFTONE_LEAK_TOKEN", leakCredential)
	bound, budget := "1", "epsilon: 1"
	if mechanism == "planner" {
		bound, budget = "100000", "rho: 0.000004" // see leakCanaries.sums
	}
	config := strings.NewReplacer("BOUND", bound, "BUDGET", budget, "SITE", site.URL, "HOST", strings.TrimPrefix(site.URL, "http://"), "MECHANISM", mechanism).Replace(leakConfig)
	w.write(t, filepath.Join(w.dir, "halftone.yaml"), config)
	for name, text := range leakProject {
		w.write(t, filepath.Join(w.dir, name), text)
	}
	w.feed(t, w.canaries.register())
	return w
}

func (w *leakWorld) write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (w *leakWorld) feed(t *testing.T, register string) {
	t.Helper()
	w.write(t, filepath.Join(w.data, "register.csv"), register)
}

func (w *leakWorld) state() string  { return filepath.Join(w.dir, ".halftone") }
func (w *leakWorld) public() string { return filepath.Join(w.dir, "public") }

// ht runs a command of the program and keeps what it says under a name.
func (w *leakWorld) ht(t *testing.T, name string, want int, args ...string) string {
	t.Helper()
	var out, err bytes.Buffer
	code := run(t.Context(), append([]string{"-C", w.dir, "--data", w.data}, args...), strings.NewReader(""), &out, &err)
	w.outs[name] = out.String()
	w.said[name] = append(out.Bytes(), err.Bytes()...)
	if code != want {
		t.Errorf("%s: %v exits with %d, want %d:\n%s%s", name, args, code, want, out.String(), err.String())
	}
	return out.String() + err.String()
}

// explores asks what budgets and tables would buy, as text, object and page, and
// what targets would cost.
func (w *leakWorld) explores(t *testing.T, when string) {
	t.Helper()
	page := filepath.Join(t.TempDir(), "explore.html")
	w.ht(t, "explore "+when, 0, "plan", "--explore")
	w.ht(t, "explore json "+when, 0, "--json", "plan", "--explore", "--html", page)
	w.ht(t, "targets "+when, 0, "plan", "--target", "by-place: ±200")
	b, err := os.ReadFile(page)
	if err != nil {
		t.Error(err)
	}
	w.outs["explore page "+when], w.said["explore page "+when] = string(b), b
}

// look keeps what is in both folders now.
func (w *leakWorld) look(t *testing.T, name string) {
	t.Helper()
	if _, err := os.Stat(w.public()); err == nil {
		w.publics[name] = leakFiles(t, w.public())
	}
	if _, err := os.Stat(w.state()); err != nil {
		return
	}
	w.states[name] = leakFiles(t, w.state())
	maps.DeleteFunc(w.states[name], func(file string, b []byte) bool {
		// Encrypted staging alone is let through, and only if it is encrypted.
		through := strings.HasPrefix(file, "staging/") && strings.HasSuffix(file, ".age") && bytes.HasPrefix(b, []byte("age-encryption.org/v1\n"))
		if through {
			w.sealed[file] = b
		}
		return through
	})
}

// live takes a project from its first plan through failures, a release that
// stops between charge and seal, its resumption, late rows, and verification.
func (w *leakWorld) live(t *testing.T) {
	t.Helper()
	w.site.set(w.canaries.web(), nil)
	w.look(t, "fresh")
	w.ht(t, "plan before", 0, "plan")
	w.explores(t, "before")
	w.ht(t, "validate", 0, "validate")
	w.ht(t, "doctor before", 0, "--debug", "doctor")
	w.fail(t)
	w.ht(t, "dry run", 0, "pull", "--dry-run")
	w.ht(t, "pull", 0, "--debug", "pull", "register")
	w.ht(t, "pull json", 0, "--json", "pull", "web")
	w.ht(t, "quarantine", 0, "quarantine", "register")
	w.ht(t, "quarantine json", 0, "--json", "quarantine", "register")
	w.maps(t)
	w.ht(t, "plan after", 0, "plan")
	w.explores(t, "after")
	w.look(t, "pulled")
	w.interrupt(t)
	led, err := ledger.Open(t.Context(), w.state(), time.Now) // who else has it open keeps its write-ahead log on disk
	if err != nil {
		t.Fatal(err)
	}
	w.ht(t, "run", 0, "--debug", "--plain", "run")
	w.look(t, "open")
	if err := led.Close(); err != nil {
		t.Fatal(err)
	}
	w.look(t, "published")
	w.ht(t, "run again", 0, "--json", "run")
	w.feed(t, w.canaries.register()+w.canaries.row("2024,W,B", leakFirst))
	w.ht(t, "run with late rows", 0, "run")
	w.look(t, "late")
	for _, c := range []string{"status", "budget", "doctor"} {
		w.ht(t, c, 0, c)
		w.ht(t, c+" json", 0, "--json", c)
	}
	w.ht(t, "status runs", 0, "status", "--runs")
	w.ht(t, "plan of nothing", 0, "plan")
	w.explores(t, "of released periods")
	w.check(t)
	w.look(t, "end")
	w.retain(t)
}

// maps has labels proposed and accepted. The file of suggestions is where they are
// seen, and the officer's own; what is said elsewhere holds none.
func (w *leakWorld) maps(t *testing.T) {
	t.Helper()
	w.ht(t, "map suggest", 0, "map", "suggest", "register")
	w.ht(t, "map suggest json", 0, "--json", "map", "suggest", "register")
	w.ht(t, "map accept of nothing", 2, "map", "accept", "register", "--by", "A. Person")
	folder := filepath.Join(w.state(), "maps")
	file := filepath.Join(folder, "register-place.suggested.csv")
	text, err := os.ReadFile(file)
	if err != nil || !bytes.Contains(text, []byte(leakUnmapped)) {
		t.Fatalf("the label is not among the suggestions: %v", err)
	}
	w.write(t, file, string(text[:len(text)-1])+"perhaps\n")
	w.ht(t, "map accept of a wrong mark", 2, "map", "accept", "register", "--by", "A. Person")
	w.write(t, file, string(text[:len(text)-1])+"x\n")
	w.ht(t, "map accept without a code", 2, "map", "accept", "register", "--by", "A. Person")
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
}

// retain lets the time of all rows be over.
func (w *leakWorld) retain(t *testing.T) {
	t.Helper()
	w.opened = w.opens(t)
	file := filepath.Join(w.dir, "halftone.yaml")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w.ht(t, "retention before", 0, "retention")
	w.write(t, file, strings.ReplaceAll(string(good), "    key: row\n", "    key: row\n    keep_rows: 0 days\n"))
	w.ht(t, "retention dry run", 0, "retention", "--dry-run")
	w.ht(t, "retention json", 0, "--debug", "--json", "retention")
	w.look(t, "retained")
	w.ht(t, "run after retention", 0, "--debug", "run")
	w.ht(t, "quarantine after retention", 0, "quarantine", "register")
	w.look(t, "after retention")
}

// fail makes sources stop in the ways in which errors like to quote.
func (w *leakWorld) fail(t *testing.T) {
	t.Helper()
	c := w.canaries
	good, first := c.register(), c.count(leakFirst)
	over := good + strings.Repeat(c.row("2023,"+leakUnmapped+",A", leakHidden), 9)
	for name, register := range map[string]string{
		"over quarantine": over,
		"ragged":          good + fmt.Sprintf("2023,N,A,%d,%s,%s\n", first, leakPerson, leakPerson),
		"open quote":      good + fmt.Sprintf("2023,N,A,\"%d\"%s,\n", first, leakUnmapped),
		"word":            good + fmt.Sprintf("2023,N,A,%s,%s\n", leakUnmapped, leakPerson),
		"negative":        good + fmt.Sprintf("2023,N,A,-%d,%s\n", first, leakPerson),
		"fraction":        good + fmt.Sprintf("2023,N,A,%d.5,%s\n", first, leakPerson),
		"huge":            good + fmt.Sprintf("2023,N,A,%d%d,%s\n", first, first, leakPerson),
		"no column":       strings.Replace(good, "cases", leakUnmapped, 1),
		"bad bytes":       good + "2023,N,A,\xff\xfe\x00" + leakUnmapped + ",\n",
		"empty":           "",
	} {
		w.feed(t, register)
		w.ht(t, name, 4, "--debug", "run")
		w.ht(t, name+" quarantine", 0, "quarantine", "register")
		w.look(t, name)
	}
	w.feed(t, over)
	w.ht(t, "over quarantine json", 4, "--json", "pull", "register")
	w.ht(t, "over quarantine json rows", 0, "--json", "quarantine", "register")
	if err := os.Remove(filepath.Join(w.data, "register.csv")); err != nil {
		t.Fatal(err)
	}
	w.ht(t, "no file", 4, "--debug", "run")
	if err := os.Mkdir(filepath.Join(w.data, "register.csv"), 0o755); err != nil { // unreadable, for root too
		t.Fatal(err)
	}
	w.ht(t, "unreadable", 4, "--debug", "run")
	if err := os.Remove(filepath.Join(w.data, "register.csv")); err != nil {
		t.Fatal(err)
	}
	w.feed(t, good)
	echo := leakCredential + " " + leakPerson + " " + fmt.Sprint(first)
	for name, answer := range map[string]func(http.ResponseWriter) bool{
		"echo": func(h http.ResponseWriter) bool { http.Error(h, echo, http.StatusForbidden); return true },
		"redirect": func(h http.ResponseWriter) bool {
			h.Header().Set("Location", "http://127.0.0.2:1/"+leakCredential)
			h.WriteHeader(302)
			return true
		},
		"web page": func(h http.ResponseWriter) bool { _, _ = h.Write([]byte("<!DOCTYPE html><html>" + echo)); return true },
	} {
		w.site.set(w.canaries.web(), answer)
		w.ht(t, name, 4, "--debug", "pull", "web")
	}
	w.site.set(w.canaries.web(), nil)
	t.Setenv("HALFTONE_LEAK_TOKEN", leakCredential+"\r\nX: "+leakCredential)
	w.ht(t, "bad credential", 4, "--debug", "pull", "web")
	t.Setenv("HALFTONE_LEAK_TOKEN", "")
	w.ht(t, "no credential", 4, "--debug", "pull", "web")
	t.Setenv("HALFTONE_LEAK_TOKEN", leakCredential)
	w.ht(t, "no command", 2, "--debug", "export")
	w.look(t, "failed")
}

// interrupt stops a run between charge and seal: what is drawn finds its place
// taken. A changed configuration does not go on with it.
func (w *leakWorld) interrupt(t *testing.T) {
	t.Helper()
	sealed := filepath.Join(w.state(), "sealed")
	blocked := filepath.Join(sealed, "leak-check")
	if err := os.MkdirAll(sealed, 0o700); err != nil {
		t.Fatal(err)
	}
	w.write(t, blocked, "")
	if err := os.Chmod(blocked, 0o600); err != nil {
		t.Fatal(err)
	}
	w.ht(t, "interrupted", 1, "--debug", "run")
	if err := os.Remove(blocked); err != nil {
		t.Fatal(err)
	}
	var b budgetObject
	if err := json.Unmarshal([]byte(w.ht(t, "budget while reserved", 0, "--json", "budget")), &b); err != nil {
		t.Fatal(err)
	}
	if len(b.Periods) != 1 || b.Periods[0].Reserved == 0 || b.Periods[0].Spent != 0 {
		t.Fatalf("the run was not stopped between charge and seal: %+v", b)
	}
	w.look(t, "interrupted")
	good, err := os.ReadFile(filepath.Join(w.dir, "halftone.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, filepath.Join(w.dir, "halftone.yaml"), strings.Replace(string(good), "tables:\n", "tables:\n  by-kind: {kind: kind}\n", 1))
	w.ht(t, "changed while reserved", 3, "--debug", "run")
	w.write(t, filepath.Join(w.dir, "halftone.yaml"), string(good))
	w.fork(t)
}

// fork lets two copies of the state go on, as two snapshots of a machine would.
func (w *leakWorld) fork(t *testing.T) {
	t.Helper()
	for i := range w.forks {
		fork := *w
		fork.dir = filepath.Join(t.TempDir(), "project")
		if err := os.CopyFS(fork.dir, os.DirFS(w.dir)); err != nil {
			t.Fatal(err)
		}
		if err := filepath.WalkDir(fork.state(), func(path string, e os.DirEntry, err error) error {
			if err == nil && e.IsDir() {
				return os.Chmod(path, 0o700)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		fork.ht(t, fmt.Sprint("fork ", i), 0, "--debug", "run")
		var err error
		if w.forks[i], err = os.ReadFile(filepath.Join(fork.state(), "sealed", "leak-check", "1", "2023.1.json")); err != nil {
			t.Fatal(err)
		}
	}
}

// check verifies what is published, then a changed copy of it.
func (w *leakWorld) check(t *testing.T) {
	t.Helper()
	folder := filepath.Join(w.public(), "datasets", "leak-check")
	w.ht(t, "verify", 0, "--debug", "verify", folder)
	file := filepath.Join(folder, "latest", "data", "total.csv")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, file, strings.Replace(string(good), "2023", "2022", 1))
	w.ht(t, "verify changed", 6, "--json", "verify", folder)
	w.write(t, file, string(good))
}

// twin takes a project straight to its first version.
func (w *leakWorld) twin(t *testing.T) {
	t.Helper()
	w.site.set(leakWebTwin, nil)
	w.feed(t, leakRegisterTwin)
	w.ht(t, "plan before", 0, "plan")
	w.explores(t, "before")
	w.ht(t, "run", 0, "--debug", "run")
	w.ht(t, "budget", 0, "budget")
	w.look(t, "published")
}

// version are the files of the first version.
func (w *leakWorld) version(t *testing.T) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for name, b := range w.publics["published"] {
		if _, file, ok := strings.Cut(name, "/versions/"); ok {
			_, file, _ = strings.Cut(file, "/")
			out[file] = b
		}
	}
	if len(out) == 0 {
		t.Fatal("no version was published")
	}
	return out
}

// keepUmask undoes what the program sets for its whole process.
func keepUmask(t *testing.T) {
	old := syscall.Umask(0o022)
	t.Cleanup(func() { syscall.Umask(old) })
}
