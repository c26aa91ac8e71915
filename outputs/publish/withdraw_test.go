package publish

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"halftone/outputs"
	"halftone/outputs/describe"
	"halftone/privacy"
)

// shown is a version that shows a release of 2018, with a sealed file and a ledger.
func shown(t testing.TB, name string, sequence int) outputs.Files {
	t.Helper()
	files := version(t, name, sequence)
	m, err := describe.ReadManifest(files["manifest.json"])
	if err != nil {
		t.Fatal(err)
	}
	m.Releases = []describe.ManifestRelease{{Key: key(t), File: "sealed/2018.1.json", Sealed: describe.Sum([]byte("{}"))}}
	if files["manifest.json"], err = m.JSON(); err != nil {
		t.Fatal(err)
	}
	files["sealed/2018.1.json"], files["ledger.jsonl"] = []byte("{}"), []byte("\n")
	delete(files, "SHA256SUMS")
	files["SHA256SUMS"] = describe.Sums(files)
	files["SHA256SUMS.minisig"] = []byte("a signature")
	return files
}

func key(t testing.TB) privacy.Key {
	t.Helper()
	p, err := privacy.ParsePeriod("2018")
	if err != nil {
		t.Fatal(err)
	}
	return privacy.Key{Dataset: "d", Series: 1, Period: p, Edition: 1}
}

// note is the WITHDRAWN.json of a version.
func note(t testing.TB, files outputs.Files, use string) []byte {
	t.Helper()
	k := key(t)
	l, err := privacy.NewLink(1, "", privacy.Entry{Day: "2026-11-24", Kind: privacy.EntryWithdraw, Dataset: k.Dataset, Series: k.Series,
		Period: &k.Period, Edition: k.Edition, Reason: "mapping_error"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := describe.NewWithdrawnNote(files["manifest.json"], []privacy.Link{l}, use)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// names are the files of a published version, sorted.
func names(t testing.TB, root, version string) (out []string) {
	t.Helper()
	dir := filepath.Join(root, "datasets/d/versions", version)
	if err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && p != dir {
			rel, rerr := filepath.Rel(dir, p)
			out, err = append(out, rel), rerr
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

var remaining = []string{"SHA256SUMS", "SHA256SUMS.minisig", "WITHDRAWN.json", "ledger.jsonl", "manifest.json"}

func TestWithdraw(t *testing.T) {
	root := t.TempDir()
	f, one, two := open(t, root), shown(t, "2026.11-1", 1), version(t, "2026.11-2", 2)
	if err := errors.Join(publishIn(t.Context(), f, "2026.11-1", one), publishIn(t.Context(), f, "2026.11-2", two)); err != nil {
		t.Fatal(err)
	}
	before, err := f.Heads(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Withdrawn("d", "2026.11-1"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a note before it is withdrawn: %v", err)
	}
	n := note(t, one, "2026.11-2")
	for i, want := range []bool{true, false} { // the second time there is nothing to do
		if done, err := f.Withdraw(t.Context(), "d", "2026.11-1", n); err != nil || done != want {
			t.Errorf("time %d: %v, %v", i+1, done, err)
		}
	}
	if got := names(t, root, "2026.11-1"); !slices.Equal(got, remaining) {
		t.Errorf("left: %v", got)
	}
	checkModes(t, root)
	if w, err := f.Withdrawn("d", "2026.11-1"); err != nil || w.Use != "2026.11-2" || len(w.Releases) != 1 {
		t.Errorf("%+v, %v", w, err)
	}
	after, err := f.Heads(t.Context())
	if err != nil || len(after[0].Withdrawn) != 1 {
		t.Fatalf("it is no witness of its withdrawal: %+v, %v", after, err)
	}
	after[0].Withdrawn = nil
	if !reflect.DeepEqual(after, before) {
		t.Errorf("it is no witness any more: %+v, %v", after, err)
	}
	if v, err := f.Versions("d"); err != nil || len(v) != 2 {
		t.Errorf("versions %v, %v", v, err)
	}
	for name, gone := range map[string]bool{"ledger.jsonl": false, "manifest.json": false, "WITHDRAWN.json": false, "sealed/2018.1.json": true, "data/a.csv": true, "never.txt": true} {
		b, err := f.ReadFile("d", "2026.11-1", name)
		if gone != errors.Is(err, ErrWithdrawn) || !gone && (err != nil || len(b) == 0) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.ReadFile("d", "2026.11-2", "never.txt"); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrWithdrawn) {
		t.Errorf("of another version: %v", err)
	}
	if b, err := f.ReadFile("d", "2026.11-2", "data/a.csv"); err != nil || len(b) == 0 {
		t.Errorf("of another version: %v", err)
	}
	// It does not come back.
	if err := f.Put(t.Context(), "d", "2026.11-1", one); !errors.Is(err, ErrWithdrawn) {
		t.Errorf("put again: %v", err)
	}
	later := note(t, one, "2026.11-3") // that version is withdrawn, too, and another is to be used
	if done, err := f.Withdraw(t.Context(), "d", "2026.11-1", later); err != nil || !done {
		t.Errorf("another note: %v, %v", done, err)
	}
	if w, err := f.Withdrawn("d", "2026.11-1"); err != nil || w.Use != "2026.11-3" {
		t.Errorf("%+v, %v", w, err)
	}
}

// The latest version can be withdrawn where nothing is left; nothing points to a
// withdrawn one anew.
func TestPointToWithdrawn(t *testing.T) {
	f, one, two := open(t, t.TempDir()), shown(t, "2026.11-1", 1), shown(t, "2026.11-2", 2)
	if err := errors.Join(publishIn(t.Context(), f, "2026.11-1", one), f.Put(t.Context(), "d", "2026.11-2", two)); err != nil {
		t.Fatal(err)
	}
	for v, files := range map[string]outputs.Files{"2026.11-1": one, "2026.11-2": two} {
		if done, err := f.Withdraw(t.Context(), "d", v, note(t, files, "")); err != nil || !done {
			t.Fatal(done, err)
		}
	}
	if err := f.Point(t.Context(), "d", "2026.11-1"); err != nil {
		t.Errorf("what is the latest stays it: %v", err)
	}
	if err := f.Point(t.Context(), "d", "2026.11-2"); !errors.Is(err, ErrWithdrawn) {
		t.Errorf("pointed to a withdrawn version: %v", err)
	}
}

// A withdrawal that is killed at any step has said so before a file is gone, and
// the next one finishes it.
func TestWithdrawKilledAtEveryStep(t *testing.T) {
	one, two := shown(t, "2026.11-1", 1), version(t, "2026.11-2", 2)
	n := note(t, one, "2026.11-2")
	for kill := 1; ; kill++ {
		root := t.TempDir()
		f := open(t, root)
		if err := errors.Join(publishIn(t.Context(), f, "2026.11-1", one), publishIn(t.Context(), f, "2026.11-2", two)); err != nil {
			t.Fatal(err)
		}
		steps := 0
		f.step = func(string) error {
			if steps++; steps == kill {
				return errCrash
			}
			return nil
		}
		_, err := f.Withdraw(t.Context(), "d", "2026.11-1", n)
		if err == nil {
			if kill < 10 {
				t.Errorf("only %d steps", kill)
			}
			return
		}
		if !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		left := names(t, root, "2026.11-1")
		said := slices.Contains(left, "WITHDRAWN.json")
		for _, name := range one.Names() {
			if !slices.Contains(left, name) && !said {
				t.Errorf("killed at %d: %s is gone, and nothing says why", kill, name)
			}
		}
		if heads, err := open(t, root).Heads(t.Context()); err != nil || len(heads) != 2 {
			t.Errorf("killed at %d: witnesses %v, %v", kill, heads, err)
		}
		again := open(t, root)
		if _, err := again.ReadFile("d", "2026.11-1", "sealed/2018.1.json"); said != errors.Is(err, ErrWithdrawn) {
			t.Errorf("killed at %d: a file of a version that is half gone: %v", kill, err)
		}
		if done, err := again.Withdraw(t.Context(), "d", "2026.11-1", n); err != nil || !done && len(left) > len(remaining) {
			t.Errorf("killed at %d: %v, %v", kill, done, err)
		}
		if got := names(t, root, "2026.11-1"); !slices.Equal(got, remaining) {
			t.Errorf("killed at %d: left %v", kill, got)
		}
		checkModes(t, root)
	}
}

func TestWithdrawRefuses(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	f, one := open(t, root), shown(t, "2026.11-1", 1)
	if err := publishIn(t.Context(), f, "2026.11-1", one); err != nil {
		t.Fatal(err)
	}
	n := note(t, one, "")
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	for name, withdraw := range map[string]func() (bool, error){
		"no note": func() (bool, error) { return f.Withdraw(t.Context(), "d", "2026.11-1", nil) },
		"another's note": func() (bool, error) {
			return f.Withdraw(t.Context(), "d", "2026.11-1", note(t, shown(t, "2026.11-2", 2), ""))
		},
		"not published":     func() (bool, error) { return f.Withdraw(t.Context(), "d", "2026.11-2", n) },
		"dataset of dots":   func() (bool, error) { return f.Withdraw(t.Context(), "..", "2026.11-1", n) },
		"version of a path": func() (bool, error) { return f.Withdraw(t.Context(), "d", "../2026.11-1", n) },
	} {
		if done, err := withdraw(); done || err == nil {
			t.Errorf("%s: %v, %v", name, done, err)
		}
	}
	if got := names(t, root, "2026.11-1"); slices.Contains(got, "WITHDRAWN.json") || !slices.Contains(got, "data/a.csv") {
		t.Errorf("a refusal changed something: %v", got)
	}
	if _, err := f.Withdraw(stopped, "d", "2026.11-1", n); err == nil {
		t.Error("not stopped")
	}
	// What is linked from outside is not touched.
	if err := errors.Join(os.WriteFile(filepath.Join(outside, "x"), []byte("x"), 0o600), os.Symlink(outside, filepath.Join(root, "datasets/d/versions/2026.11-1/link"))); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Withdraw(t.Context(), "d", "2026.11-1", n); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(outside, "x")); err != nil {
		t.Errorf("what lies outside is gone: %v", err)
	}
	if got := names(t, root, "2026.11-1"); !slices.Equal(got, remaining) {
		t.Errorf("left %v", got)
	}
}

func TestPutDataset(t *testing.T) {
	root := t.TempDir()
	f := open(t, root)
	if err := publishIn(t.Context(), f, "2026.11-1", version(t, "2026.11-1", 1)); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "two", "two"} {
		if err := f.PutDataset(t.Context(), "d", "changes.json", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(filepath.Join(root, "datasets/d/changes.json")); err != nil || string(b) != text {
			t.Errorf("%q, %v", b, err)
		}
	}
	steps := 0
	f.step = func(string) error { steps++; return nil }
	if err := f.PutDataset(t.Context(), "d", "changes.json", []byte("two")); err != nil || steps > 0 {
		t.Errorf("the same bytes took %d steps, %v", steps, err)
	}
	f.step = func(string) error { return errCrash }
	if err := f.PutDataset(t.Context(), "d", "changes.json", []byte("three")); !errors.Is(err, errCrash) {
		t.Error(err)
	}
	f.step = nil
	if b, err := os.ReadFile(filepath.Join(root, "datasets/d/changes.json")); err != nil || string(b) != "two" {
		t.Errorf("after a crash: %q, %v", b, err)
	}
	for _, bad := range [][2]string{{"..", "a"}, {"d", "latest"}, {"d", "latest.json"}, {"d", "versions"}, {"d", "../x"}, {"d", ".hidden"}, {"d", "a/b"}, {"d", ""}} {
		if err := f.PutDataset(t.Context(), bad[0], bad[1], nil); err == nil {
			t.Errorf("%v: accepted", bad)
		}
	}
	if err := f.PutDataset(t.Context(), "new", "changes.json", []byte("x")); err != nil {
		t.Errorf("a dataset without a version: %v", err)
	}
	checkModes(t, root)
	var p Pointer
	if b, err := os.ReadFile(filepath.Join(root, "datasets/d/latest.json")); err != nil || json.Unmarshal(b, &p) != nil || p.Version != "2026.11-1" {
		t.Errorf("the pointer has changed: %s, %v", b, err)
	}
}
