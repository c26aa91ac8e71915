// Package durable opens the folders and SQLite files of an instance's state so
// that what was committed is on the disk, and nobody else can read it.
package durable

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
)

// Folder makes dir with mode 0700 where it does not exist; its parent must. It
// refuses what is no folder, is a symbolic link, or is open to other users.
func Folder(dir string) error {
	switch err := os.Mkdir(dir, 0o700); {
	case err == nil:
		return SyncFolder(filepath.Dir(dir))
	case !errors.Is(err, fs.ErrExist):
		return fmt.Errorf("state folder: %w", unplaced(err))
	}
	fi, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("state folder: %w", unplaced(err))
	}
	name := filepath.Base(dir) // its place is nobody's business
	if !fi.IsDir() {
		return fmt.Errorf("state folder: %s is a file or a symbolic link: name the folder itself", name)
	}
	if fi.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("state folder: %s is open to other users (mode %04o): run chmod 700 on it", name, fi.Mode().Perm())
	}
	return nil
}

// unplaced drops the path from an error.
func unplaced(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// File makes an empty file with mode 0600 where there is none, and refuses what
// is no regular file or is open to other users.
func File(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err == nil {
		if err := f.Close(); err != nil {
			return err
		}
		return SyncFolder(filepath.Dir(path))
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	fi, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !fi.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file: name the file itself, no symbolic link", path)
	}
	if fi.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s is open to other users (mode %04o): run chmod 600 on it", path, fi.Mode().Perm())
	}
	return nil
}

// SyncFolder makes the names in dir durable. After an error the caller stops:
// a second sync may report success for what was lost.
func SyncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if err != nil {
		err = &SyncError{err}
	}
	return errors.Join(err, f.Close())
}

// A SyncError is a failed sync of a file or folder.
type SyncError struct{ Err error }

func (e *SyncError) Error() string { return "sync: " + e.Err.Error() }

// Unwrap returns what the system said.
func (e *SyncError) Unwrap() error { return e.Err }

// A Schema is what a file must hold, word for word.
type Schema struct {
	Version int      // ≥ 1, in user_version
	Create  []string // CREATE statements, one object each
	Upgrade []string // what a file of the version before lacks of them; nil: it is not read
}

// Open opens the SQLite file at path, in a folder that [Folder] has accepted,
// and makes it by s where it is new. Transactions of the result are IMMEDIATE.
// Every connection is checked for the settings in [settings] before it is used.
func Open(ctx context.Context, path string, s Schema) (*sql.DB, error) {
	path, err := filepath.Abs(path) // a URI has no relative form
	if err != nil {
		return nil, err
	}
	unlock, err := hold(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := File(path); err != nil {
		return nil, err
	}
	base, err := sqlite.NewConnector(dsn(path))
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(checked{base})
	db.SetMaxOpenConns(1)
	if err := s.apply(ctx, db); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", filepath.Base(path), err), db.Close())
	}
	return db, nil
}

// hold keeps other processes from opening files in dir at the same time: two
// that turn one new file to WAL fail with "locked" at once, whatever the timeout.
func hold(dir string) (release func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock of %s: %w", dir, err), f.Close())
	}
	return func() { _ = f.Close() }, nil // nothing was written through f
}

// A setting is a pragma and what it must read back as.
type setting struct{ pragma, value, reads string }

// settings are in the order in which they are made.
func settings() []setting {
	return []setting{
		{"busy_timeout", "30000", "30000"},
		{"journal_mode", "WAL", "wal"},
		{"synchronous", "FULL", "2"},
		{"fullfsync", "1", "1"}, // macOS; nothing elsewhere
		{"secure_delete", "1", "1"},
		{"foreign_keys", "1", "1"},
		{"recursive_triggers", "1", "1"}, // else REPLACE deletes past a trigger
	}
}

func dsn(path string) string {
	q := url.Values{"_txlock": {"immediate"}, "_defensive": {"1"}}
	for _, s := range settings() {
		q.Add("_pragma", s.pragma+"("+s.value+")")
	}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
}

// checked refuses connections that do not keep what they are told.
type checked struct{ driver.Connector }

func (c checked) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := check(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func check(ctx context.Context, conn driver.Conn) error {
	q, ok := conn.(driver.QueryerContext)
	if !ok {
		return errors.New("the SQLite driver cannot be asked for its settings")
	}
	for _, s := range settings() {
		got, err := one(ctx, q, "PRAGMA "+s.pragma)
		if err != nil {
			return err
		}
		if got != s.reads {
			return fmt.Errorf("SQLite keeps %s at %s, not %s: is the state folder on a network disk? Move it to a local one", s.pragma, got, s.reads)
		}
	}
	v, err := one(ctx, q, "SELECT sqlite_version()")
	if err != nil {
		return err
	}
	if older(v, [3]int{3, 51, 3}) {
		return fmt.Errorf("SQLite %s can lose a commit in WAL mode: 3.51.3 or later is needed", v)
	}
	return nil
}

func one(ctx context.Context, q driver.QueryerContext, query string) (string, error) {
	rows, err := q.QueryContext(ctx, query, nil)
	if err != nil {
		return "", err
	}
	row := make([]driver.Value, len(rows.Columns()))
	err = rows.Next(row)
	if err := errors.Join(err, rows.Close()); err != nil {
		return "", fmt.Errorf("%s: %w", query, err)
	}
	return fmt.Sprint(row[0]), nil
}

// older reports whether a version a.b.c is before least, or is none.
func older(version string, least [3]int) bool {
	parts := strings.SplitN(version, ".", 3)
	for i, want := range least {
		if i >= len(parts) {
			return true
		}
		got, err := strconv.Atoi(parts[i])
		if err != nil {
			return true
		}
		if got != want {
			return got < want
		}
	}
	return false
}

// apply makes what s says in an empty file, and compares what another holds.
func (s Schema) apply(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	var version, objects int
	if err := tx.QueryRowContext(ctx, "SELECT user_version, (SELECT count(*) FROM sqlite_schema) FROM pragma_user_version").Scan(&version, &objects); err != nil {
		return err
	}
	if version == 0 && objects == 0 {
		for _, c := range append(s.Create, "PRAGMA user_version="+strconv.Itoa(s.Version)) {
			if _, err := tx.ExecContext(ctx, c); err != nil {
				return err
			}
		}
	} else if version == s.Version-1 && s.Upgrade != nil {
		for _, c := range append(slices.Clone(s.Upgrade), "PRAGMA user_version="+strconv.Itoa(s.Version)) {
			if _, err := tx.ExecContext(ctx, c); err != nil {
				return err
			}
		}
	} else if version != s.Version {
		return fmt.Errorf("format %d, this halftone knows %d only: use the halftone that wrote it", version, s.Version)
	}
	if err := s.compare(ctx, tx); err != nil {
		return err
	}
	var sound string
	if err := tx.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&sound); err != nil {
		return err
	}
	if sound != "ok" {
		return fmt.Errorf("the file is damaged: %s", sound)
	}
	return tx.Commit()
}

// compare fails when a table, index or trigger is missing, changed or added.
func (s Schema) compare(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'")
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	want := map[string]bool{}
	for _, c := range s.Create {
		want[c] = true
	}
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return err
		}
		if !want[text] {
			return fmt.Errorf("%s was changed or added by something that is not halftone", name)
		}
		delete(want, text)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if len(want) > 0 {
		return fmt.Errorf("%d tables, indexes or triggers are gone", len(want))
	}
	return nil
}

// Full reports whether err says that a disk has no room.
func Full(err error) bool {
	const full, shm = 13, 10 | 19<<8 // SQLITE_FULL; SQLITE_IOERR_SHMSIZE, which is one in disguise
	if e, ok := errors.AsType[*sqlite.Error](err); ok && (e.Code() == full || e.Code() == shm) {
		return true
	}
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

// Closed reports whether err says that files cannot be written at all.
func Closed(err error) bool {
	const readonly, cantopen = 8, 14 // of SQLite
	if e, ok := errors.AsType[*sqlite.Error](err); ok && (e.Code()&0xff == readonly || e.Code()&0xff == cantopen) {
		return true
	}
	return errors.Is(err, unix.EROFS)
}

// Lost reports whether err says that the disk failed, so that nobody knows what
// is on it: the process stops and the next one reads it again. A full disk or a
// busy file is no such error.
func Lost(err error) bool {
	const ioerr = 10 // SQLITE_IOERR; what went wrong is in the higher bits
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()&0xff == ioerr
	}
	_, ok := errors.AsType[*SyncError](err)
	return ok
}
