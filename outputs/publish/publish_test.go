package publish

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"halftone/outputs"
	"halftone/outputs/describe"
)

func version(t testing.TB, name string, sequence int) outputs.Files {
	m := describe.Manifest{Format: describe.ManifestFormat, Dataset: "d", Version: name, Sequence: sequence, Head: fmt.Sprint("head", sequence), Entries: 2 * sequence}
	b, err := m.JSON()
	if err != nil {
		t.Fatal(err)
	}
	files := outputs.Files{"manifest.json": b, "data/a.csv": []byte("a\n" + name + "\n"), "report/fr/index.html": []byte("<p>")}
	files["SHA256SUMS"] = describe.Sums(files)
	return files
}

func open(t testing.TB, root string) *Folder {
	f, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func publishIn(ctx context.Context, f *Folder, name string, files outputs.Files) error {
	if err := f.Put(ctx, "d", name, files); err != nil {
		return err
	}
	return f.Point(ctx, "d", name)
}

func TestPutAndPoint(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077)) // as the program runs
	root := filepath.Join(t.TempDir(), "public")
	f, one, two := open(t, root), version(t, "2026.11-1", 1), version(t, "2026.11-10", 2)
	if _, err := f.Latest("d"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("latest of nothing: %v", err)
	}
	for range 2 { // the second time changes nothing
		if err := publishIn(t.Context(), f, "2026.11-1", one); err != nil {
			t.Fatal(err)
		}
	}
	if err := publishIn(t.Context(), f, "2026.11-10", two); err != nil {
		t.Fatal(err)
	}
	p, err := f.Latest("d")
	if err != nil || p != (Pointer{"d", "2026.11-10", 2, "versions/2026.11-10/", describe.Sum(two["manifest.json"])}) {
		t.Errorf("latest %+v, %v", p, err)
	}
	b, err := os.ReadFile(filepath.Join(root, "datasets/d/latest/data/a.csv"))
	if err != nil || string(b) != "a\n2026.11-10\n" {
		t.Errorf("through the link: %q, %v", b, err)
	}
	if to, err := os.Readlink(filepath.Join(root, "datasets/d/latest")); err != nil || to != "versions/2026.11-10" {
		t.Errorf("link to %q, %v", to, err)
	}
	if v, err := f.Versions("d"); err != nil || fmt.Sprint(v) != "[2026.11-1 2026.11-10]" {
		t.Errorf("versions %v, %v", v, err)
	}
	heads, err := f.Heads(t.Context())
	if err != nil || len(heads) != 2 || !reflect.DeepEqual(heads[1], Witness{Dataset: "d", Version: "2026.11-10", Sequence: 2, Head: "head2", Entries: 4, Manifest: describe.Sum(two["manifest.json"]), Path: "datasets/d/versions/2026.11-10/manifest.json"}) {
		t.Errorf("heads %+v, %v", heads, err)
	}
	if err := f.PutIndex(t.Context(), "index.html", []byte("<h1>")); err != nil {
		t.Fatal(err)
	}
	checkModes(t, root)
}

// Everything is readable by all, and nothing is left over.
func checkModes(t *testing.T, root string) {
	t.Helper()
	if err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == root {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o644)
		if d.IsDir() {
			want = fs.ModeDir | 0o755
		}
		if d.Type()&fs.ModeSymlink == 0 && info.Mode() != want {
			t.Errorf("%s: mode %v, want %v", p, info.Mode(), want)
		}
		if strings.HasPrefix(d.Name(), ".") {
			t.Errorf("left over: %s", p)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// What killed runs left of a dataset and of the front page goes; what is published,
// other datasets and other files stay.
func TestSweep(t *testing.T) {
	root := filepath.Join(t.TempDir(), "public")
	f := open(t, root)
	if err := f.Sweep("d"); err != nil { // nothing is there yet
		t.Fatal(err)
	}
	if err := publishIn(t.Context(), f, "2026.11-1", version(t, "2026.11-1", 1)); err != nil {
		t.Fatal(err)
	}
	left := []string{"datasets/d/.incoming-2026.11-2", ".incoming-index.html", "datasets/d/.incoming-latest.json"}
	kept := []string{"datasets/e/.incoming-2026.11-2", ".well-known", "datasets/d/latest.json", "datasets/d/versions/2026.11-1/manifest.json"}
	for _, name := range append(left, kept[:2]...) {
		if err := os.MkdirAll(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Sweep("d"); err != nil {
		t.Fatal(err)
	}
	for _, name := range append(left, kept...) {
		_, err := os.Lstat(filepath.Join(root, name))
		if gone := errors.Is(err, fs.ErrNotExist); gone != slices.Contains(left, name) {
			t.Errorf("%s is gone: %v", name, gone)
		}
	}
	if err := f.Sweep("../d"); err == nil {
		t.Error("swept outside")
	}
}

func TestNeverOverwrites(t *testing.T) {
	root := t.TempDir()
	f, files := open(t, root), version(t, "2026.11-1", 1)
	if err := f.Put(t.Context(), "d", "2026.11-1", files); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(outputs.Files){
		"other bytes": func(f outputs.Files) { f["data/a.csv"] = []byte("a\n2026.11-2\n") },
		"longer":      func(f outputs.Files) { f["data/a.csv"] = append(f["data/a.csv"], 'x') },
		"one more":    func(f outputs.Files) { f["data/b.csv"] = []byte("b") },
		"one less":    func(f outputs.Files) { delete(f, "data/a.csv") },
	} {
		other := version(t, "2026.11-1", 1)
		spoil(other)
		if err := f.Put(t.Context(), "d", "2026.11-1", other); !errors.Is(err, ErrDiffers) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n, want := range files {
		if b, err := os.ReadFile(filepath.Join(root, "datasets/d/versions/2026.11-1", n)); err != nil || string(b) != string(want) {
			t.Errorf("%s has changed: %v", n, err)
		}
	}
}

func TestPointNeverGoesBack(t *testing.T) {
	f := open(t, t.TempDir())
	for i, v := range []string{"2026.11-9", "2026.11-10"} {
		if err := publishIn(t.Context(), f, v, version(t, v, i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Point(t.Context(), "d", "2026.11-9"); err == nil {
		t.Error("went back")
	}
	if err := f.Point(t.Context(), "d", "2026.11-11"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("to a version that is not there: %v", err)
	}
	if p, err := f.Latest("d"); err != nil || p.Version != "2026.11-10" {
		t.Errorf("latest %+v, %v", p, err)
	}
}

var errCrash = errors.New("killed")

// A run that is killed at any step leaves the old or the new version whole, in
// the folder and behind both pointers, and the next run finishes.
func TestKilledAtEveryStep(t *testing.T) {
	one, two := version(t, "2026.11-1", 1), version(t, "2026.12-1", 2)
	for kill := 1; ; kill++ {
		root := t.TempDir()
		if err := publishIn(t.Context(), open(t, root), "2026.11-1", one); err != nil {
			t.Fatal(err)
		}
		f, steps := open(t, root), 0
		f.step = func(string) error {
			if steps++; steps == kill {
				return errCrash
			}
			return nil
		}
		err := publishIn(t.Context(), f, "2026.12-1", two)
		if err == nil {
			if kill < 15 {
				t.Errorf("only %d steps", kill)
			}
			return
		}
		if !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		whole(t, root, kill, map[string]outputs.Files{"2026.11-1": one, "2026.12-1": two})
		if err := publishIn(t.Context(), open(t, root), "2026.12-1", two); err != nil {
			t.Fatalf("killed at %d: %v", kill, err)
		}
		if p, err := open(t, root).Latest("d"); err != nil || p.Version != "2026.12-1" {
			t.Errorf("killed at %d: latest %+v, %v", kill, p, err)
		}
		checkModes(t, root)
	}
}

func whole(t *testing.T, root string, kill int, versions map[string]outputs.Files) {
	t.Helper()
	p, err := open(t, root).Latest("d")
	if err != nil {
		t.Fatalf("killed at %d: %v", kill, err)
	}
	entries, err := os.ReadDir(filepath.Join(root, "datasets/d/versions"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		for n, want := range versions[e.Name()] {
			if b, err := os.ReadFile(filepath.Join(root, "datasets/d/versions", e.Name(), n)); err != nil || string(b) != string(want) {
				t.Errorf("killed at %d: %s/%s is not whole: %v", kill, e.Name(), n, err)
			}
		}
		if versions[e.Name()] == nil {
			t.Errorf("killed at %d: %s is visible", kill, e.Name())
		}
	}
	for _, at := range []string{"latest", "versions/" + p.Version} {
		if _, err := os.ReadFile(filepath.Join(root, "datasets/d", at, "manifest.json")); err != nil {
			t.Errorf("killed at %d: %s: %v", kill, at, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	f, files := open(t, root), version(t, "2026.11-1", 1)
	for name, put := range map[string]func() error{
		"dataset with dots": func() error { return f.Put(t.Context(), "..", "2026.11-1", files) },
		"dataset with path": func() error { return f.Put(t.Context(), "a/b", "2026.11-1", files) },
		"version with path": func() error { return f.Put(t.Context(), "d", "../2026.11-1", files) },
		"another version":   func() error { return f.Put(t.Context(), "d", "2026.11-2", files) },
		"another dataset":   func() error { return f.Put(t.Context(), "e", "2026.11-1", files) },
		"no manifest":       func() error { return f.Put(t.Context(), "d", "2026.11-1", outputs.Files{"a": nil}) },
		"file outside": func() error {
			v := version(t, "2026.11-1", 1)
			v["../../../escaped"] = []byte("x")
			return f.Put(t.Context(), "d", "2026.11-1", v)
		},
		"hidden file": func() error {
			v := version(t, "2026.11-1", 1)
			v[".htaccess"] = []byte("x")
			return f.Put(t.Context(), "d", "2026.11-1", v)
		},
		"index with path": func() error { return f.PutIndex(t.Context(), "../index.html", nil) },
		"index over data": func() error { return f.PutIndex(t.Context(), "datasets", nil) },
		"stopped": func() error {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return f.Put(ctx, "d", "2026.11-1", files)
		},
	} {
		if put() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, link := range []string{"datasets/d/versions/2026.11-1", "datasets/d/versions", "datasets/d", "datasets"} {
		at := filepath.Join(root, link)
		if err := os.RemoveAll(at); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(outside, at); err != nil {
			t.Fatal(err)
		}
		if err := f.Put(t.Context(), "d", "2026.11-1", files); err == nil {
			t.Errorf("%s is a link and was written through", link)
		}
	}
	if got, err := os.ReadDir(outside); err != nil || len(got) > 0 {
		t.Errorf("outside: %v, %v", got, err)
	}
}

// A link within the public folder would publish into another dataset.
func TestLinkWithinTheFolder(t *testing.T) {
	root := t.TempDir()
	f := open(t, root)
	if err := os.MkdirAll(filepath.Join(root, "datasets/other"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("other", filepath.Join(root, "datasets/d")); err != nil {
		t.Fatal(err)
	}
	if err := f.Put(t.Context(), "d", "2026.11-1", version(t, "2026.11-1", 1)); err == nil {
		t.Error("written through a link")
	}
	if _, err := f.Heads(t.Context()); err == nil {
		t.Error("a link among the datasets was passed over")
	}
}

func TestHeadsOfSpoiltManifest(t *testing.T) {
	root := t.TempDir()
	f := open(t, root)
	if h, err := f.Heads(t.Context()); err != nil || h != nil {
		t.Errorf("of nothing: %v, %v", h, err)
	}
	if err := f.Put(t.Context(), "d", "2026.11-1", version(t, "2026.11-1", 1)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "datasets/readme.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if h, err := f.Heads(t.Context()); err != nil || len(h) != 1 {
		t.Errorf("beside another file: %v, %v", h, err)
	}
	if err := os.WriteFile(filepath.Join(root, "datasets/d/versions/2026.11-1/manifest.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Heads(t.Context()); err == nil {
		t.Error("a spoilt manifest was passed over")
	}
}

func FuzzReadPointer(f *testing.F) {
	f.Add([]byte(`{"dataset":"d","version":"2026.11-1","sequence":1,"path":"versions/2026.11-1/","manifest_sha256":""}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := ReadPointer(b); err == nil && !fs.ValidPath("versions/"+p.Version) {
			t.Fatalf("accepted %+v", p)
		}
	})
}

func TestWritable(t *testing.T) {
	dir := t.TempDir()
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := f.Writable("d"); err != nil {
		t.Error(err)
	}
	// What is in the place of a folder and cannot be one, whoever asks.
	if err := os.MkdirAll(filepath.Join(dir, "datasets"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "datasets", "d"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := f.Writable("d"); err == nil || !strings.Contains(err.Error(), "datasets/d") {
		t.Error(err)
	}
}
