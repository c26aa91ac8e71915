package backup

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"testing"
	"testing/iotest"
	"time"

	"filippo.io/age"
)

func key(t testing.TB) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

var content = map[string][]byte{
	LedgerFile:                  bytes.Repeat([]byte("ledger "), 30000), // several chunks of age
	"sealed/d/1/2026-01.1.json": []byte(`{"a":1}`), "sealed/d-2/12/2026-Q1.2.json": []byte(`{}`),
	SigningFile: []byte("secret"), PublicFile: []byte("RW"),
}

func manifest() Manifest {
	m := Manifest{Made: time.Date(2026, 11, 24, 10, 0, 0, 5, time.UTC), Tool: "halftone test", Head: "abc", Entries: 4}
	for _, name := range slices.Sorted(maps.Keys(content)) {
		m.Files = append(m.Files, NewFile(name, content[name]))
	}
	return m
}

func written(t testing.TB, to ...age.Recipient) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, manifest(), func(f File) ([]byte, error) { return content[f.Path], nil }, to...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func all(r *Reader, err error) (map[string][]byte, error) {
	got := map[string][]byte{}
	if err != nil {
		return got, err
	}
	return got, r.Files(func(f File, b []byte) error { got[f.Path] = b; return nil })
}

func TestRoundTrip(t *testing.T) {
	mine, other := key(t), key(t)
	b := written(t, mine.Recipient(), other.Recipient())
	for _, id := range []*age.X25519Identity{mine, other} {
		r, err := Open(bytes.NewReader(b), key(t), id)
		if err != nil {
			t.Fatal(err)
		}
		if r.Manifest.Sealed() != 2 || !r.Manifest.Signing() || r.Manifest.Head != "abc" || !r.Manifest.Made.Equal(manifest().Made) {
			t.Errorf("manifest %+v", r.Manifest)
		}
		if got, err := all(r, nil); err != nil || !maps.EqualFunc(got, content, bytes.Equal) {
			t.Errorf("%d files, %v", len(got), err)
		}
	}
	if _, err := Open(bytes.NewReader(b), key(t)); !errors.Is(err, ErrKey) {
		t.Errorf("another key: %v", err)
	}
	for _, secret := range []string{"ledger ", "secret", "sealed/"} {
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("%q can be read", secret)
		}
	}
}

// No flipped byte and no cut goes unnoticed, whatever was read before it.
func TestChangedOrCut(t *testing.T) {
	id := key(t)
	b := written(t, id.Recipient())
	try := func(what string, at int, b []byte) {
		t.Helper()
		if _, err := all(Open(bytes.NewReader(b), id)); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrKey) {
			t.Errorf("%s at %d of %d: %v", what, at, len(b), err)
		}
	}
	for at := 0; at < len(b); at += 1 + at/50 {
		spoilt := bytes.Clone(b)
		spoilt[at] ^= 4
		try("flipped", at, spoilt)
		try("cut", at, b[:at])
	}
	try("cut", len(b)-1, b[:len(b)-1])
	try("longer", len(b), append(bytes.Clone(b), 0))
}

func TestWriteRefuses(t *testing.T) {
	id := key(t)
	ok := func(f File) ([]byte, error) { return content[f.Path], nil }
	for name, tc := range map[string]struct {
		change func(*Manifest)
		read   func(File) ([]byte, error)
	}{
		"a batch key":   {func(m *Manifest) { m.Files[0].Path = "keys/batch/d/b.key" }, ok},
		"an input key":  {func(m *Manifest) { m.Files[0].Path = "keys/input/d.key" }, ok},
		"staging":       {func(m *Manifest) { m.Files[0].Path = "staging/d/s/2026/b.parquet.age" }, ok},
		"a way out":     {func(m *Manifest) { m.Files[0].Path = "sealed/../1/2026.1.json" }, ok},
		"no ledger":     {func(m *Manifest) { m.Files = m.Files[:1] }, ok},
		"a file twice":  {func(m *Manifest) { m.Files = append(m.Files, m.Files[0]) }, ok},
		"other content": {func(*Manifest) {}, func(File) ([]byte, error) { return []byte("x"), nil }},
		"no content":    {func(*Manifest) {}, func(File) ([]byte, error) { return nil, errors.New("gone") }},
	} {
		m := manifest()
		tc.change(&m)
		if err := Write(&bytes.Buffer{}, m, tc.read, id.Recipient()); err == nil {
			t.Errorf("%s: written", name)
		}
	}
	if err := Write(&bytes.Buffer{}, manifest(), ok); err == nil {
		t.Error("written for nobody")
	}
}

type entry struct {
	name string
	kind byte
	body []byte
}

func tarred(t testing.TB, entries []entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: e.kind, Size: int64(len(e.body)), Mode: 0o600}
		if e.kind != tar.TypeReg {
			h.Size, h.Linkname = 0, "/etc/passwd"
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write(e.body); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func entries(t testing.TB, m Manifest) []entry {
	t.Helper()
	m.Format = Format
	list, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	out := []entry{{manifestFile, tar.TypeReg, list}}
	for _, f := range m.Files {
		out = append(out, entry{f.Path, tar.TypeReg, content[f.Path]})
	}
	return out
}

// Whoever knows the public key can make a backup: nothing but what the manifest
// lists is taken, and nothing that has no place in one.
func TestHostile(t *testing.T) {
	if _, err := all(open(bytes.NewReader(tarred(t, entries(t, manifest()))))); err != nil {
		t.Fatalf("the control: %v", err)
	}
	for name, change := range map[string]func([]entry) []entry{
		"a file more":        func(e []entry) []entry { return append(e, entry{"keys/batch/d/b.key", tar.TypeReg, nil}) },
		"a file less":        func(e []entry) []entry { return e[:len(e)-1] },
		"another order":      func(e []entry) []entry { e[1], e[2] = e[2], e[1]; return e },
		"manifest not first": func(e []entry) []entry { e[0], e[1] = e[1], e[0]; return e },
		"no manifest":        func(e []entry) []entry { return e[1:] },
		"other bytes":        func(e []entry) []entry { e[1].body = bytes.ToUpper(e[1].body); e[3].body = []byte("x"); return e },
		"a symbolic link":    func(e []entry) []entry { e[1].kind = tar.TypeSymlink; return e },
		"another name":       func(e []entry) []entry { e[1].name = "../" + e[1].name; return e },
		"nothing":            func([]entry) []entry { return nil },
	} {
		if _, err := all(open(bytes.NewReader(tarred(t, change(entries(t, manifest())))))); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	end := io.MultiReader(bytes.NewReader(tarred(t, entries(t, manifest()))), iotest.ErrReader(errors.New("not authentic")))
	if _, err := all(open(end)); !errors.Is(err, ErrDamaged) {
		t.Errorf("an end that is not authentic: %v", err)
	}
	for _, path := range []string{"keys/batch/d/b.key", "keys/input/d.key", "../ledger.db", "/ledger.db", "ledger.db-wal", "runs.db",
		"sealed/../../x/1.1.json", "sealed/d/1/.2026.1.json", "sealed/d/1/2026.1.json/x", "sealed/D/1/2026.1.json", "sealed/d/1/2026.1.json\x00"} {
		m := manifest()
		m.Files = append(m.Files, NewFile(path, nil))
		if _, err := open(bytes.NewReader(tarred(t, entries(t, m)[:1]))); !errors.Is(err, ErrDamaged) {
			t.Errorf("%q: %v", path, err)
		}
	}
	m := entries(t, manifest())
	m[0].body = bytes.Replace(m[0].body, []byte(Format), []byte("halftone-backup/2"), 1)
	if _, err := open(bytes.NewReader(tarred(t, m))); err == nil || errors.Is(err, ErrDamaged) {
		t.Errorf("a newer format: %v", err)
	}
}

// What is read without an error holds the files of its manifest and no others.
func FuzzOpen(f *testing.F) {
	small := Manifest{Files: []File{NewFile(LedgerFile, nil)}}
	b := tarred(f, append(entries(f, small)[:1], entry{LedgerFile, tar.TypeReg, nil}))
	f.Add(b)
	sealed := Manifest{Files: []File{NewFile(LedgerFile, nil), NewFile("sealed/d/1/2026-01.1.json", content["sealed/d/1/2026-01.1.json"])}}
	e := entries(f, sealed)
	e[1].body = nil
	f.Add(tarred(f, e))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := open(bytes.NewReader(b))
		got, err := all(r, err)
		if err != nil {
			return
		}
		if len(got) != len(r.Manifest.Files) {
			t.Errorf("%d files of %d", len(got), len(r.Manifest.Files))
		}
		for _, f := range r.Manifest.Files {
			if NewFile(f.Path, got[f.Path]) != f {
				t.Errorf("%s is not what was listed", f.Path)
			}
		}
	})
}
