package durable

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"modernc.org/sqlite"
)

func TestOlder(t *testing.T) {
	for v, want := range map[string]bool{"3.51.3": false, "3.51.2": true, "3.50.9": true, "3.52.0": false, "4.0.0": false, "2.99.99": true, "3.54.1": false, "3.51": true, "": true, "3.51.x": true} {
		if older(v, [3]int{3, 51, 3}) != want {
			t.Errorf("%q: want older = %v", v, want)
		}
	}
}

// A connection that does not keep a setting is refused: memory has no WAL, and a
// file opened without our settings has none of them.
func TestConnectionIsChecked(t *testing.T) {
	for name, c := range map[string]struct{ dsn, want string }{
		"memory":  {"file::memory:?" + strings.SplitN(dsn("/x"), "?", 2)[1], "journal_mode at memory"},
		"default": {filepath.Join(t.TempDir(), "x.db"), "busy_timeout at 0"},
	} {
		base, err := sqlite.NewConnector(c.dsn)
		if err != nil {
			t.Fatal(err)
		}
		if conn, err := (checked{base}).Connect(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v %v", name, conn, err)
		}
	}
}

func TestOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b?c#d%20") // every byte of the path counts
	if err := Folder(dir); err != nil {
		t.Fatal(err)
	}
	s := Schema{Version: 1, Create: []string{"CREATE TABLE x (y TEXT) STRICT"}}
	for i := range 2 {
		db, err := Open(t.Context(), filepath.Join(dir, "x.db"), s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), "INSERT INTO x VALUES ('z')"); err != nil {
			t.Fatal(err)
		}
		var n int
		if err := errors.Join(db.QueryRowContext(t.Context(), "SELECT count(*) FROM x").Scan(&n), db.Close()); err != nil || n != i+1 {
			t.Errorf("%d rows, %v", n, err)
		}
	}
	if names, err := filepath.Glob(filepath.Join(filepath.Dir(dir), "*")); err != nil || len(names) != 1 {
		t.Errorf("files beside the folder: %v, %v", names, err)
	}
	for name, s := range map[string]Schema{
		"other version": {Version: 2, Create: s.Create},
		"more":          {Version: 1, Create: append(s.Create, "CREATE TABLE z (y)")},
		"other text":    {Version: 1, Create: []string{"CREATE TABLE x (y TEXT)"}},
	} {
		if _, err := Open(t.Context(), filepath.Join(dir, "x.db"), s); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	more := "CREATE TABLE lately (y TEXT) STRICT"
	for range 2 { // a file of the version before gets what it lacks, once
		db, err := Open(t.Context(), filepath.Join(dir, "x.db"), Schema{Version: 2, Create: append(s.Create, more), Upgrade: []string{more}})
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if err := errors.Join(db.QueryRowContext(t.Context(), "SELECT (SELECT count(*) FROM x) + (SELECT count(*) FROM lately)").Scan(&n), db.Close()); err != nil || n != 2 {
			t.Errorf("%d rows, %v", n, err)
		}
	}
}

func TestLost(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"none": {nil, false}, "full": {syscall.ENOSPC, false},
		"sync": {fmt.Errorf("x: %w", &SyncError{syscall.EIO}), true},
	} {
		if Lost(c.err) != c.want {
			t.Errorf("%s: %v", name, c.err)
		}
	}
}

// A full disk is told from a failing one, and a read-only one from both.
func TestFull(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if err := Folder(dir); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), filepath.Join(dir, "x.db"), Schema{Version: 1, Create: []string{"CREATE TABLE x (y TEXT) STRICT"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "PRAGMA max_page_count = 3"); err != nil {
		t.Fatal(err)
	}
	_, full := db.ExecContext(t.Context(), "INSERT INTO x VALUES (?)", strings.Repeat("z", 1<<16))
	if _, err := db.ExecContext(t.Context(), "PRAGMA query_only = 1"); err != nil {
		t.Fatal(err)
	}
	_, closed := db.ExecContext(t.Context(), "INSERT INTO x VALUES ('z')")
	for name, c := range map[string]struct {
		err                error
		full, lost, closed bool
	}{
		"database full":      {fmt.Errorf("x: %w", full), true, false, false},
		"database read-only": {fmt.Errorf("x: %w", closed), false, false, true},
		"disk full":          {fmt.Errorf("x: %w", syscall.ENOSPC), true, false, false},
		"disk read-only":     {fmt.Errorf("x: %w", syscall.EROFS), false, false, true},
		"sync":               {&SyncError{syscall.EIO}, false, true, false},
		"none":               {nil, false, false, false},
	} {
		if Full(c.err) != c.full || Lost(c.err) != c.lost || Closed(c.err) != c.closed {
			t.Errorf("%s (%v): full %v, lost %v, closed %v", name, c.err, Full(c.err), Lost(c.err), Closed(c.err))
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
