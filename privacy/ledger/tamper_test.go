package ledger

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the file as any other program sees it

	"halftone/privacy"
)

// two makes a closed ledger with two releases, one published.
func two(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "state")
	l := opened(t, dir)
	release(t, l, key("2025", 1))
	release(t, l, key("2026", 1))
	if err := errors.Join(l.Publish(t.Context(), "d", "2026.11-1", 1, strings.Repeat("ab", 32), key("2025", 1)), l.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

func raw(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// Invariant 4: SQLite itself refuses to change, take away or put between.
func TestInvariant4AppendOnly(t *testing.T) {
	dir := two(t)
	db := raw(t, dir)
	for _, q := range []string{
		"UPDATE link SET entry = '{}'",
		"UPDATE link SET seq = 9 WHERE seq = 5",
		"UPDATE OR REPLACE link SET hash = 'x' WHERE seq = 5",
		"DELETE FROM link",
		"DELETE FROM link WHERE seq = 5",
		"INSERT INTO link SELECT 7, entry, digest, hash || 'x' FROM link WHERE seq = 5",
		"INSERT INTO link SELECT 0, '{}', digest, hash || 'x' FROM link WHERE seq = 5",
		"INSERT OR REPLACE INTO link SELECT seq, '{}', digest, hash || 'x' FROM link WHERE seq = 5",
		"INSERT INTO link SELECT 6, entry, digest, hash || 'x' FROM link WHERE seq = 1",
		"INSERT INTO link SELECT 6, entry, digest, hash || 'x' FROM link WHERE seq = 2",
		"INSERT INTO link SELECT 6, entry, digest, hash || 'x' FROM link WHERE seq = 5",
		"INSERT OR REPLACE INTO link SELECT 6, entry, digest, hash || 'x' FROM link WHERE seq = 1",
		"INSERT OR REPLACE INTO link SELECT 6, entry, digest, hash || 'x' FROM link WHERE seq = 5",
		"INSERT OR REPLACE INTO link SELECT 6, '{}', digest, hash FROM link WHERE seq = 1",
		"INSERT INTO link SELECT 6, 'no json', digest, hash || 'x' FROM link WHERE seq = 1",
	} {
		if _, err := db.ExecContext(t.Context(), q); err == nil {
			t.Errorf("accepted: %s", q)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if h, err := opened(t, dir).Head(t.Context()); err != nil || h == "" {
		t.Errorf("head %q, %v", h, err)
	}
}

// change does what the triggers refuse, and puts them back.
func change(t *testing.T, dir, query string, args ...any) {
	t.Helper()
	db := raw(t, dir)
	var triggers []string
	for _, c := range schema().Create {
		if name, ok := strings.CutPrefix(c, "CREATE TRIGGER "); ok {
			name, _, _ = strings.Cut(name, " ")
			triggers = append(triggers, c)
			if _, err := db.ExecContext(t.Context(), "DROP TRIGGER "+name); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, q := range append([]string{query}, triggers...) {
		if _, err := db.ExecContext(t.Context(), q, args...); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		args = nil
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func text(t *testing.T, dir, column string, seq int) (s string) {
	t.Helper()
	db := raw(t, dir)
	if err := errors.Join(db.QueryRowContext(t.Context(), "SELECT "+column+" FROM link WHERE seq = ?", seq).Scan(&s), db.Close()); err != nil {
		t.Fatal(err)
	}
	return s
}

// Invariant 4: one byte of one column of one row.
func TestInvariant4FlippedByte(t *testing.T) {
	for _, column := range []string{"entry", "digest", "hash"} {
		for seq := 1; seq <= 5; seq++ {
			dir := two(t)
			old := text(t, dir, column, seq)
			i := strings.LastIndexAny(old, "0123456789")
			flipped := old[:i] + string('0'+(old[i]-'0')^1) + old[i+1:]
			change(t, dir, "UPDATE link SET "+column+" = ? WHERE seq = ?", flipped, seq)
			if _, err := Open(t.Context(), dir, clock); err == nil || !strings.Contains(err.Error(), "chain is broken") {
				t.Errorf("%s of entry %d: %v", column, seq, err)
			}
		}
	}
	for name, q := range map[string]string{
		"row moved":         "UPDATE link SET seq = 9 WHERE seq = 5",
		"row gone":          "DELETE FROM link WHERE seq = 2",
		"first gone":        "DELETE FROM link WHERE seq = 1",
		"hash of the other": "UPDATE link SET digest = (SELECT digest FROM link WHERE seq = 1) WHERE seq = 3",
	} {
		dir := two(t)
		change(t, dir, q)
		if _, err := Open(t.Context(), dir, clock); err == nil || !strings.Contains(err.Error(), "chain is broken at entry") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A chain that was forged as a whole, hashes and all, still has to obey the rules.
func TestInvariant1ForgedChain(t *testing.T) {
	p := key("2026", 1).Period
	terms := charge(key("2026", 1), 1).Terms
	ok := privacy.Entry{Day: "2026-11-23", Kind: privacy.EntryCharge, Dataset: "d", Series: 1, Period: &p, Edition: 1, Cost: 500, Terms: &terms, SpecDigest: "s", InputDigest: "i"}
	with := func(f func(*privacy.Entry)) privacy.Entry { e := ok; f(&e); return e }
	for name, entries := range map[string][]privacy.Entry{
		"overspent":     {ok, with(func(e *privacy.Entry) { e.Edition, e.Cost = 2, 1 })},
		"charged twice": {ok, ok},
		"seal first": {with(func(e *privacy.Entry) {
			*e = privacy.Entry{Kind: privacy.EntrySeal, Dataset: "d", Series: 1, Period: &p, Edition: 1, Sealed: "x"}
		})},
		"seal of nothing":    {ok, {Kind: privacy.EntrySeal, Dataset: "d", Series: 1, Period: &p, Edition: 1}},
		"other terms":        {ok, with(func(e *privacy.Entry) { e.Edition, e.Cost, e.Terms = 2, 1, &privacy.Terms{} })},
		"no terms":           {with(func(e *privacy.Entry) { e.Terms = nil })},
		"approved by others": {{Kind: privacy.EntryApprove, Dataset: "d", Series: 1, Period: &p, Edition: 1, SpecDigest: "s", By: []string{"A"}}, with(func(e *privacy.Entry) { e.By = []string{"B"} })},
		"unknown kind":       {with(func(e *privacy.Entry) { e.Kind = "refund" })},
		"publish unsealed":   {ok, {Kind: privacy.EntryPublish, Dataset: "d", Series: 1, Version: "v", Sequence: 1, Manifest: strings.Repeat("ab", 32), Releases: []string{"2026.1"}}},
	} {
		b := newBook()
		for i, e := range entries {
			l, err := privacy.NewLink(b.n+1, b.head, e)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.apply(l); (err != nil) != (i == len(entries)-1) {
				t.Errorf("%s: entry %d: %v", name, i+1, err)
			}
		}
	}
}

// Any byte of the file: the ledger does not open, or says what it said before.
func TestInvariant4FlippedByteOfFile(t *testing.T) {
	dir := two(t)
	path := filepath.Join(dir, "ledger.db")
	l := opened(t, dir)
	want, err := l.Links(t.Context(), "d")
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for at := 0; at < len(b); at += 97 {
		c := slices.Clone(b)
		c[at] ^= 1 << (at % 8)
		if err := os.WriteFile(path, c, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{"-wal", "-shm"} {
			if err := os.RemoveAll(path + s); err != nil {
				t.Fatal(err)
			}
		}
		l, err := Open(t.Context(), dir, clock)
		if err != nil {
			refused++
			continue
		}
		if got, err := l.Links(t.Context(), "d"); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("byte %d: opened, and says something else (%v)", at, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if refused < 10 {
		t.Errorf("only %d of %d refused", refused, len(b)/97)
	}
}

func TestChangedSchema(t *testing.T) {
	for name, q := range map[string]string{
		"trigger gone":  "DROP TRIGGER no_update",
		"index gone":    "DROP INDEX once",
		"table added":   "CREATE TABLE x (y)",
		"trigger added": "CREATE TRIGGER x AFTER INSERT ON link BEGIN SELECT 1; END",
		"newer":         "PRAGMA user_version = 3",
		"older":         "PRAGMA user_version = 0",
	} {
		dir := two(t)
		db := raw(t, dir)
		_, err := db.ExecContext(t.Context(), q)
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), dir, clock); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}

func TestSealedFileIsChecked(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"gone":    os.Remove,
		"changed": func(p string) error { return os.WriteFile(p, []byte("d@2026.2"), 0o600) },
		"cut":     func(p string) error { return os.Truncate(p, 3) },
		"linked": func(p string) error {
			return errors.Join(os.Rename(p, p+".x"), os.Symlink(p+".x", p))
		},
	} {
		l, k := opened(t, two(t)), key("2026", 1)
		if _, err := l.Sealed(t.Context(), k); err != nil {
			t.Fatal(err)
		}
		if err := damage(disk(l).sealed.path(k)); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Sealed(t.Context(), k); err == nil || errors.Is(err, privacy.ErrNotReleased) || !strings.Contains(err.Error(), "sealed/d/1/2026.1.json") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Invariant 8 as far as it goes without unlocking: a copy of ledger.db from
// before, brought back, charges nothing.
func TestInvariant8RestoredCopy(t *testing.T) {
	dir := two(t)
	path := filepath.Join(dir, "ledger.db")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	restore := func() *Ledger {
		t.Helper()
		if err := os.WriteFile(path, before, 0o600); err != nil {
			t.Fatal(err)
		}
		return opened(t, dir)
	}
	l, third := opened(t, dir), key("2027", 1)
	release(t, l, third)
	head, err := l.Head(t.Context())
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	// The sealed folder shows it.
	l = restore()
	if err := l.Reserve(t.Context(), charge(third, 100)); !errors.Is(err, privacy.ErrLocked) {
		t.Errorf("with the later sealed file: %v", err)
	}
	if _, err := l.Sealed(t.Context(), key("2026", 1)); err != nil {
		t.Errorf("reading: %v", err)
	}
	// Without it, the public folder does, also after other charges.
	if err := errors.Join(l.Close(), os.Remove(disk(l).sealed.path(third))); err != nil {
		t.Fatal(err)
	}
	l = restore()
	release(t, l, key("2028", 1))
	if err := l.CheckWitness(t.Context(), []Witness{{Where: "d/2027.11-1/manifest.json", Head: head}}); !errors.Is(err, privacy.ErrLocked) || !strings.Contains(err.Error(), "d/2027.11-1/manifest.json") {
		t.Errorf("witness: %v", err)
	}
	if err := l.Reserve(t.Context(), charge(third, 100)); !errors.Is(err, privacy.ErrLocked) {
		t.Errorf("after the witness: %v", err)
	}
}

// Invariant 3 across handles: both have drawn, one seals, the other's bytes go.
func TestInvariant3TwoDraws(t *testing.T) {
	dir, k := filepath.Join(t.TempDir(), "state"), key("2026", 1)
	a, b := opened(t, dir), opened(t, dir)
	for _, l := range []*Ledger{a, b} {
		if err := l.Reserve(t.Context(), charge(k, 100)); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Seal(t.Context(), k, []byte("a")); err != nil {
		t.Fatal(err)
	}
	if err := b.Seal(t.Context(), k, []byte("b")); err == nil {
		t.Fatal("sealed twice")
	}
	for _, l := range []*Ledger{a, b} {
		if file, err := l.Sealed(t.Context(), k); err != nil || string(file) != "a" {
			t.Errorf("%q, %v", file, err)
		}
	}
	if names, err := os.ReadDir(filepath.Dir(disk(a).sealed.path(k))); err != nil || len(names) != 1 {
		t.Errorf("files left: %v, %v", names, err)
	}
}

// A file that was replaced under an open ledger is noticed before anything is charged.
func TestReplacedWhileOpen(t *testing.T) {
	dir := two(t)
	for name, q := range map[string]string{"other last entry": "UPDATE link SET hash = hash || 'x' WHERE seq = 5", "shorter": "DELETE FROM link WHERE seq = 5"} {
		l := opened(t, dir)
		change(t, dir, q)
		if err := l.Reserve(t.Context(), charge(key("2027", 1), 1)); !errors.Is(err, privacy.ErrLocked) {
			t.Errorf("%s: %v", name, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		dir = two(t)
	}
}
