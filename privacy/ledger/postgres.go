package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"halftone/privacy"
)

// postgres is the store of a ledger that several replicas share: a schema halftone
// in a database, one ledger a database. It has one connection, made again when it
// broke between two transactions.
//
// Every transaction first locks the one row of the lease, so that the server runs
// them one after the other, also one whose client is gone and whose COMMIT is still
// at work. It never rests on a session: a pooler may give it another one each time.
type postgres struct {
	server
	// placed are sealed files that the transaction at hand inserts.
	placed map[privacy.Key][]byte
}

// OpenPostgres opens the ledger in a Postgres database, makes it where there is
// none, and checks it from its first entry on. dsn is a connection string as libpq
// has it; what it leaves out comes from PG* variables and ~/.pgpass. now is asked for
// the day of an entry; leases run by the server's clock.
//
// It refuses a server that may lose what it has confirmed, a standby, and a schema
// that something else has changed. Errors name the host at most.
//
// A sealed file of a release that was never charged shows that the chain is older
// than the files: the ledger then can be read, and charges nothing.
func OpenPostgres(ctx context.Context, dsn string, now func() time.Time) (*Ledger, error) {
	s, err := newServer(dsn)
	if err != nil {
		return nil, err
	}
	p := &postgres{server: s, placed: map[privacy.Key][]byte{}}
	l := newLedger(p, now)
	if err := p.open(ctx, l); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return l, nil
}

func (p *postgres) open(ctx context.Context, l *Ledger) error {
	if err := p.dial(ctx); err != nil {
		return err
	}
	if err := p.within(ctx, p.makeSchema); err != nil {
		return err
	}
	// Before the chain, as in a folder.
	files, err := p.list(ctx)
	if err != nil {
		return err
	}
	if err := p.catchUp(ctx, l.book); err != nil {
		return err
	}
	l.lockOver(files, "the chain in Postgres is older than its sealed files (a restored backup?). Nothing will be charged; bring back the newest backup of the database")
	return nil
}

func (p *postgres) transact(ctx context.Context, epoch int64, b *book, decide func() (*privacy.Entry, error)) error {
	defer clear(p.placed) // a failed transaction takes its files along
	return p.exclusive(ctx, epoch, func(ctx context.Context, tx pgx.Tx) (func() error, error) {
		if err := p.follow(ctx, tx, b); err != nil {
			return nil, err
		}
		e, err := decide()
		if err != nil || e == nil {
			return nil, err
		}
		l, err := privacy.NewLink(b.n+1, b.head, *e)
		if err != nil {
			return nil, err
		}
		// Only after the commit: if that fails, b is as it was, and the next look tells.
		return func() error { return b.apply(l) }, p.insert(ctx, tx, l)
	})
}

func (p *postgres) adopt(ctx context.Context, epoch int64, b *book, links []privacy.Link, place func() error) error {
	defer clear(p.placed)
	return p.exclusive(ctx, epoch, func(ctx context.Context, tx pgx.Tx) (func() error, error) {
		if err := p.follow(ctx, tx, b); err != nil {
			return nil, err
		}
		if err := place(); err != nil {
			return nil, err
		}
		for _, l := range links {
			if err := b.apply(l); err != nil {
				return nil, err
			}
			if err := p.insert(ctx, tx, l); err != nil {
				return nil, err
			}
		}
		return func() error { return nil }, nil
	})
}

// exclusive runs do in a transaction that holds the lease's row, if the lease has the
// epoch, commits, and runs what do returned. Without that nothing is to be committed.
func (p *postgres) exclusive(ctx context.Context, epoch int64, do func(context.Context, pgx.Tx) (func() error, error)) error {
	then := func() error { return nil }
	err := p.within(ctx, func(ctx context.Context, tx pgx.Tx) (bool, error) {
		l, err := p.leaseIn(ctx, tx)
		if err != nil {
			return false, err
		}
		if err := l.admits(epoch); err != nil {
			return false, err
		}
		done, err := do(ctx, tx)
		if done != nil {
			then = done
		}
		return done != nil, err
	})
	if err != nil {
		return err
	}
	return then()
}

// insert appends a link, and the sealed file that it records before it: the schema
// refuses a seal without its file.
func (p *postgres) insert(ctx context.Context, tx pgx.Tx, l privacy.Link) error {
	e, err := l.Decode()
	if err != nil {
		return err
	}
	if e.Kind == privacy.EntrySeal {
		k := e.Key()
		file, ok := p.placed[k]
		if !ok || sha(file) != e.Sealed {
			return fmt.Errorf("ledger: the sealed file of %s was not placed", k)
		}
		// No entry knows a file of k, or the schema would refuse: what is there is left over.
		if _, err := tx.Exec(ctx, `INSERT INTO halftone.sealed (dataset, series, period, edition, file) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (dataset, series, period, edition) DO UPDATE SET file = $5`, k.Dataset, k.Series, k.Period.String(), k.Edition, file); err != nil {
			return p.fault(err)
		}
	}
	_, err = tx.Exec(ctx, "INSERT INTO halftone.link (seq, entry, digest, hash) VALUES ($1, $2, $3, $4)", l.Seq, string(l.Entry), l.Digest, l.Hash)
	return p.fault(err)
}

// A reader is a connection or a transaction.
type reader interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func (p *postgres) follow(ctx context.Context, q reader, b *book) error {
	return follow(b, func(from int64, f func(privacy.Link) error) error { return p.each(ctx, q, from, f) },
		"the Postgres store was replaced while it was open; nothing was charged: stop, and start again with the newest copy")
}

// each calls f for the links from seq on.
func (p *postgres) each(ctx context.Context, q reader, seq int64, f func(privacy.Link) error) error {
	rows, err := q.Query(ctx, "SELECT seq, entry, digest, hash FROM halftone.link WHERE seq >= $1 ORDER BY seq", seq)
	if err != nil {
		return p.fault(err)
	}
	defer rows.Close()
	for rows.Next() {
		var l privacy.Link
		var entry string
		if err := rows.Scan(&l.Seq, &entry, &l.Digest, &l.Hash); err != nil {
			return p.fault(err)
		}
		l.Entry = []byte(entry)
		if err := f(l); err != nil {
			return err
		}
	}
	return p.fault(rows.Err())
}

func (p *postgres) catchUp(ctx context.Context, b *book) error {
	return p.look(ctx, func(ctx context.Context, tx pgx.Tx) error { return p.follow(ctx, tx, b) })
}

func (p *postgres) links(ctx context.Context) (all []privacy.Link, err error) {
	err = p.look(ctx, func(ctx context.Context, tx pgx.Tx) error {
		all = nil
		return p.each(ctx, tx, 0, func(l privacy.Link) error { all = append(all, l); return nil })
	})
	return all, err
}

// leaseIn locks the lease until the end of the transaction, and checks once more
// that the server keeps what it confirms: whoever runs it may have changed that.
func (p *postgres) leaseIn(ctx context.Context, tx pgx.Tx) (l lease, err error) {
	var s settings
	row := tx.QueryRow(ctx, "SELECT epoch, holder, until, "+settingsQuery+" FROM halftone.lease FOR UPDATE")
	if err := row.Scan(append([]any{&l.epoch, &l.holder, &l.until}, s.fields()...)...); err != nil {
		return l, p.fault(err)
	}
	return l, p.durable(s)
}

func (p *postgres) lease(ctx context.Context, decide func(time.Time, lease) (lease, error)) error {
	return p.within(ctx, func(ctx context.Context, tx pgx.Tx) (bool, error) {
		l, err := p.leaseIn(ctx, tx)
		if err != nil {
			return false, err
		}
		// Not in the query above: it may have waited for the lock after it read the time.
		var now time.Time
		if err := tx.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&now); err != nil {
			return false, p.fault(err)
		}
		if l, err = decide(now, l); err != nil {
			return false, err
		}
		_, err = tx.Exec(ctx, "UPDATE halftone.lease SET epoch = $1, holder = $2, until = $3", l.epoch, l.holder, l.until)
		return err == nil, p.fault(err)
	})
}

// stage keeps the file in memory: it is inserted by the transaction that records it.
func (p *postgres) stage(k privacy.Key, file []byte) (place func() error, drop func(), err error) {
	return func() error { p.placed[k] = file; return nil }, func() {}, nil
}

func (p *postgres) read(ctx context.Context, k privacy.Key) (file []byte, err error) {
	err = p.look(ctx, func(ctx context.Context, tx pgx.Tx) error {
		row := tx.QueryRow(ctx, "SELECT file FROM halftone.sealed WHERE (dataset, series, period, edition) = ($1, $2, $3, $4)", k.Dataset, k.Series, k.Period.String(), k.Edition)
		if err := row.Scan(&file); errors.Is(err, pgx.ErrNoRows) {
			return errors.New("it is not in the Postgres store")
		} else if err != nil {
			return p.fault(err)
		}
		return nil
	})
	return file, err
}

// list returns the releases that have a sealed file, whether recorded or not.
func (p *postgres) list(ctx context.Context) (keys []privacy.Key, err error) {
	err = p.look(ctx, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT dataset, series, period, edition FROM halftone.sealed")
		if err != nil {
			return p.fault(err)
		}
		defer rows.Close()
		for rows.Next() {
			var k privacy.Key
			var period string
			if err := rows.Scan(&k.Dataset, &k.Series, &period, &k.Edition); err != nil {
				return p.fault(err)
			}
			if k.Period, err = privacy.ParsePeriod(period); err != nil {
				return fmt.Errorf("ledger: the Postgres store has a sealed file of no period: it was changed by something that is not halftone")
			}
			keys = append(keys, k)
		}
		return p.fault(rows.Err())
	})
	return keys, err
}
