package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"halftone/privacy"
	"halftone/privacy/ledger/durable"
)

// database is the store of a ledger in a state folder: ledger.db and sealed/.
// Several processes may have it open at once.
type database struct {
	db     *sql.DB
	sealed folder
	now    func() time.Time
}

// schema keeps links and nothing else. What the indexes are over stands in the
// entry, so that no column can say another thing.
func schema() durable.Schema {
	const (
		once    = `json_extract(entry,'$.kind'), json_extract(entry,'$.dataset'), json_extract(entry,'$.series'), json_extract(entry,'$.period'), json_extract(entry,'$.edition')`
		version = `json_extract(entry,'$.dataset'), json_extract(entry,'$.version')`
		isOnce  = ` json_extract(entry,'$.kind') IN ('charge','seal')`
		isVer   = ` json_extract(entry,'$.kind') = 'publish'`
		refuse  = ` BEGIN SELECT RAISE(ABORT,'the ledger is append-only'); END`
	)
	of := func(key string) string { return strings.ReplaceAll(key, "entry", "NEW.entry") }
	const leases = `CREATE TABLE lease (one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL, holder TEXT NOT NULL, until INTEGER NOT NULL) STRICT`
	return durable.Schema{Version: 2, Upgrade: []string{leases}, Create: []string{
		leases,
		`CREATE TABLE link (seq INTEGER PRIMARY KEY, entry TEXT NOT NULL CHECK (json_valid(entry)), digest TEXT NOT NULL, hash TEXT NOT NULL UNIQUE) STRICT`,
		`CREATE UNIQUE INDEX once ON link (` + once + `) WHERE` + isOnce,
		`CREATE UNIQUE INDEX version ON link (` + version + `) WHERE` + isVer,
		// INSERT OR REPLACE takes the old row away without asking the index or, in
		// another program, no_delete: so the trigger asks what the indexes do.
		`CREATE TRIGGER append_only BEFORE INSERT ON link WHEN NEW.seq IS NOT (SELECT coalesce(max(seq),0)+1 FROM link)
OR EXISTS (SELECT 1 FROM link WHERE hash = NEW.hash)
OR EXISTS (SELECT 1 FROM link WHERE` + isOnce + ` AND (` + once + `) = (` + of(once) + `))
OR EXISTS (SELECT 1 FROM link WHERE` + isVer + ` AND` + of(isVer) + ` AND (` + version + `) = (` + of(version) + `))` + refuse,
		`CREATE TRIGGER no_update BEFORE UPDATE ON link` + refuse,
		`CREATE TRIGGER no_delete BEFORE DELETE ON link` + refuse,
	}}
}

// Open opens the ledger in the state folder dir, makes it where there is none,
// and checks it from its first entry on. now is asked for the day of an entry.
//
// A sealed file of a release that was never charged shows that ledger.db is
// older than the folder: the ledger then can be read, and charges nothing.
func Open(ctx context.Context, dir string, now func() time.Time) (*Ledger, error) {
	sealed := folder{filepath.Join(dir, "sealed"), (*os.File).Sync}
	for _, d := range []string{dir, sealed.root} {
		if err := durable.Folder(d); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
	}
	// Before the chain: another process charges a release first, then writes its file.
	files, err := sealed.list()
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	db, err := durable.Open(ctx, filepath.Join(dir, "ledger.db"), schema())
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	d := &database{db, sealed, now}
	l := newLedger(d, now)
	if err := d.catchUp(ctx, l.book); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	l.lockOver(files, "ledger.db is older than the sealed files (a restored backup?). Nothing will be charged; bring back the newest copy of the state folder")
	return l, nil
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (d *database) transact(ctx context.Context, epoch int64, b *book, decide func() (*privacy.Entry, error)) error {
	tx, err := d.db.BeginTx(ctx, nil) // IMMEDIATE: from here on nobody else writes
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := fenced(ctx, tx, epoch); err != nil {
		return err
	}
	if err := catchUp(ctx, tx, b); err != nil {
		return err
	}
	e, err := decide()
	if err != nil || e == nil {
		return err
	}
	l, err := privacy.NewLink(b.n+1, b.head, *e)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO link (seq, entry, digest, hash) VALUES (?, ?, ?, ?)", l.Seq, string(l.Entry), l.Digest, l.Hash); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	// If this fails nobody knows whether it was done; b is left as it was, and the
	// next look at the file tells.
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return b.apply(l)
}

func (d *database) catchUp(ctx context.Context, b *book) error { return catchUp(ctx, d.db, b) }

func catchUp(ctx context.Context, q querier, b *book) error {
	return follow(b, func(from int64, f func(privacy.Link) error) error { return each(ctx, q, from, f) },
		"ledger.db was replaced while it was open; nothing was charged: stop, and start again with the newest copy")
}

func (d *database) adopt(ctx context.Context, epoch int64, b *book, links []privacy.Link, place func() error) error {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := fenced(ctx, tx, epoch); err != nil {
		return err
	}
	if err := catchUp(ctx, tx, b); err != nil {
		return err
	}
	if err := place(); err != nil {
		return err
	}
	for _, l := range links {
		if err := b.apply(l); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO link (seq, entry, digest, hash) VALUES (?, ?, ?, ?)", l.Seq, string(l.Entry), l.Digest, l.Hash); err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

func (d *database) links(ctx context.Context) (all []privacy.Link, err error) {
	err = each(ctx, d.db, 0, func(l privacy.Link) error { all = append(all, l); return nil })
	return all, err
}

// each calls f for the links from seq on.
func each(ctx context.Context, q querier, seq int64, f func(privacy.Link) error) error {
	rows, err := q.QueryContext(ctx, "SELECT seq, entry, digest, hash FROM link WHERE seq >= ? ORDER BY seq", seq)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var l privacy.Link
		var entry string
		if err := rows.Scan(&l.Seq, &entry, &l.Digest, &l.Hash); err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		l.Entry = []byte(entry)
		if err := f(l); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

// fenced fails unless the lease has an epoch.
func fenced(ctx context.Context, tx *sql.Tx, epoch int64) error {
	l, err := leaseIn(ctx, tx)
	if err != nil {
		return err
	}
	return l.admits(epoch)
}

func leaseIn(ctx context.Context, tx *sql.Tx) (l lease, err error) {
	var until int64
	err = tx.QueryRowContext(ctx, "SELECT epoch, holder, until FROM lease").Scan(&l.epoch, &l.holder, &until)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return l, fmt.Errorf("ledger: %w", err)
	}
	l.until = time.Unix(until, 0)
	return l, nil
}

func (d *database) lease(ctx context.Context, decide func(time.Time, lease) (lease, error)) error {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	l, err := leaseIn(ctx, tx)
	if err != nil {
		return err
	}
	if l, err = decide(d.now(), l); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO lease (one, epoch, holder, until) VALUES (1, ?1, ?2, ?3) ON CONFLICT (one) DO UPDATE SET epoch = ?1, holder = ?2, until = ?3",
		l.epoch, l.holder, l.until.Unix()); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

func (d *database) close() error { return d.db.Close() }

func (d *database) stage(k privacy.Key, file []byte) (func() error, func(), error) {
	return d.sealed.stage(k, file)
}

func (d *database) read(_ context.Context, k privacy.Key) ([]byte, error) { return d.sealed.read(k) }
