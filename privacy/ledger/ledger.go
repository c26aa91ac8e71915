// Package ledger keeps the charges and sealed files of an instance's datasets: on
// disk ([Open]), in Postgres ([OpenPostgres]), or in memory for tests ([NewMem]).
//
// A ledger is one append-only chain of entries (charge, seal, publish, burn, unlock,
// and what people ask and answer for: revise, approve, withdraw, amend). All else
// is derived from it: what is left of a budget, the state of a release, which
// bytes a sealed file must have. Every transaction first reads what others have
// appended, then decides, then appends.
//
//	planned ─► reserved ─► sealed ─► published ─► withdrawn, its charge stays
//	               └─► burnt, its charge stays
//
// Only the worker that holds the lease may append: [Ledger.Take]. Every transaction
// asks for its epoch, so that one that was thought dead, and was only slow, writes
// nothing any more.
//
// A release is charged before noise is drawn for it, and its sealed file is on
// the disk before the digest is recorded. A crash between the two leaves a file
// that no entry knows: nobody reads it, and the next [Ledger.Seal] replaces it.
//
// The head of the chain stands in every published manifest, so that a ledger
// that was restored from an older backup can be told: [Ledger.CheckWitness].
package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"halftone/privacy"
	"halftone/privacy/ledger/durable"
)

// A store keeps the links of a chain, the sealed files beside it, and the lease.
type store interface {
	// transact brings b up to date and appends the entry that decide returns, if
	// any, in one transaction that excludes every other. It is durable on return.
	// No other transaction runs while decide does. It fails with [ErrFenced] unless
	// the lease has the epoch; anyEpoch does not ask.
	transact(ctx context.Context, epoch int64, b *book, decide func() (*privacy.Entry, error)) error
	// catchUp brings b up to date.
	catchUp(ctx context.Context, b *book) error
	// adopt calls place and appends links of an export as they stand, in one
	// transaction like transact's. b is a book of the chain as it is in the store, and
	// has them taken in on return.
	adopt(ctx context.Context, epoch int64, b *book, links []privacy.Link, place func() error) error
	// lease replaces the lease by what decide makes of it at the store's own time,
	// in one transaction that excludes every other.
	lease(ctx context.Context, decide func(now time.Time, l lease) (lease, error)) error
	// links returns the whole chain.
	links(ctx context.Context) ([]privacy.Link, error)
	// stage puts the bytes of a sealed file where they survive, under no final
	// name. place gives them theirs, over what may be there, durably at the latest
	// with the transaction that it is called in; drop removes them if they have none.
	stage(k privacy.Key, file []byte) (place func() error, drop func(), err error)
	// read returns the sealed file of k.
	read(ctx context.Context, k privacy.Key) ([]byte, error)
	// close ends the use of the store.
	close() error
}

// A Ledger is one worker's view of a ledger in any store. Its methods are safe for
// concurrent use.
type Ledger struct {
	mu     sync.Mutex
	store  store
	now    func() time.Time
	book   *book
	epoch  int64 // of the lease that it holds; 0: none, and nothing can be written
	first  taker // takes the lease with the first thing that is written; nil: nobody does
	locked error // says why nothing is charged; it stays until the ledger is opened again or unlocked
	then   int   // unlocks that the book had when it was locked
	lost   error // the disk failed: nobody knows what is on it
}

func newLedger(s store, now func() time.Time) *Ledger {
	return &Ledger{store: s, now: now, book: newBook()}
}

// Reserve implements [privacy.Ledger]. The charge fails, too, when its dataset's
// name is no name, its cost is 0, or a digest is missing.
func (l *Ledger) Reserve(ctx context.Context, c privacy.Charge) error {
	if err := checkCharge(c); err != nil {
		return err
	}
	return l.write(ctx, func() (*privacy.Entry, error) { return l.book.reserve(c) })
}

// Seal implements [privacy.Ledger]. Sealing again with the same bytes succeeds.
func (l *Ledger) Seal(ctx context.Context, k privacy.Key, file []byte) error {
	if err := checkKey(k); err != nil {
		return err
	}
	digest := sha(file)
	// The slow part, before others have to wait.
	place, drop, err := l.stage(ctx, k, file)
	if err != nil {
		return err
	}
	defer drop()
	return l.write(ctx, func() (*privacy.Entry, error) {
		e, err := l.book.seal(k, digest)
		if err != nil || e == nil {
			return nil, err
		}
		// No entry knows a file of k, and none will before this transaction ends:
		// what is there is left from a crash.
		return e, place()
	})
}

func (l *Ledger) stage(ctx context.Context, k privacy.Key, file []byte) (place func() error, drop func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return nil, nil, err
	}
	place, drop, err = l.store.stage(k, file)
	return place, drop, l.note(err)
}

// Sealed implements [privacy.Ledger]. A file that no entry knows is not sealed;
// one that was recorded and is gone or changed is an error of another kind than
// [privacy.ErrNotReleased].
func (l *Ledger) Sealed(ctx context.Context, k privacy.Key) ([]byte, error) {
	if err := checkKey(k); err != nil {
		return nil, err
	}
	var file []byte
	err := l.read(ctx, func() error {
		c := l.book.charged(k)
		if c == nil || c.Sealed == "" {
			return fmt.Errorf("ledger: %s is not sealed: %w", k, privacy.ErrNotReleased)
		}
		const restore = "bring %s back from a backup or a published version; it can never be drawn again"
		b, err := l.store.read(ctx, k)
		if errors.Is(err, ErrPostgres) { // which may have the file all the same
			return err
		}
		if err != nil {
			return fmt.Errorf("ledger: the sealed file of %s cannot be read: "+restore+": %w", k, sealedName(k), err)
		}
		if sha(b) != c.Sealed {
			return fmt.Errorf("ledger: the sealed file of %s is not what was sealed: "+restore, k, sealedName(k))
		}
		file = b
		return nil
	})
	return file, err
}

// Publish records that a version holds the given releases, all of one series of
// the dataset and sealed. manifest is the SHA-256 of its manifest.json, in
// lower-case hexadecimal; sequence rises from version to version of a dataset.
// Publishing a version again with everything alike succeeds and records nothing.
func (l *Ledger) Publish(ctx context.Context, dataset, version string, sequence int, manifest string, keys ...privacy.Key) error {
	v, err := newVersion(dataset, version, sequence, manifest, keys)
	if err != nil {
		return err
	}
	return l.write(ctx, func() (*privacy.Entry, error) { return l.book.publish(v) })
}

// write runs one transaction in which decide says what to append.
func (l *Ledger) write(ctx context.Context, decide func() (*privacy.Entry, error)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return err
	}
	return l.note(l.store.transact(ctx, l.epoch, l.book, func() (*privacy.Entry, error) {
		e, err := decide()
		if err != nil || e == nil {
			return nil, err
		}
		e.Day = l.now().UTC().Format(time.DateOnly)
		return e, nil
	}))
}

// read runs look over a book that is up to date.
func (l *Ledger) read(ctx context.Context, look func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost != nil {
		return l.lost
	}
	if err := l.note(l.store.catchUp(ctx, l.book)); err != nil {
		return err
	}
	return look()
}

// lockOver locks l if one of the releases that have a sealed file was never charged:
// why says what that shows.
func (l *Ledger) lockOver(files []privacy.Key, why string) {
	for _, k := range files {
		if l.book.charged(k) == nil {
			l.locked = fmt.Errorf("%w: %s is there, but its release was never charged: %s", privacy.ErrLocked, sealedName(k), why)
			return
		}
	}
}

// follow applies what each gives after the last link that b knows. It reads that
// link, too: a store that was replaced while it was open is noticed, as replaced says.
func follow(b *book, each func(from int64, f func(privacy.Link) error) error, replaced string) error {
	known, head := b.n, b.head
	found := known == 0
	err := each(known, func(l privacy.Link) error {
		if l.Seq == known {
			found = l.Hash == head
			return nil
		}
		if !found {
			return nil
		}
		return b.apply(l)
	})
	if err == nil && !found {
		err = fmt.Errorf("%w: %s", privacy.ErrLocked, replaced)
	}
	return err
}

func (l *Ledger) usable(ctx context.Context) error {
	switch {
	case l.lost != nil:
		return l.lost
	case l.epoch == 0 && l.first == nil:
		return fmt.Errorf("%w: no lease is held", ErrFenced)
	case l.epoch == 0:
		if err := l.leases(ctx, l.first); err != nil {
			return err
		}
	}
	return l.locked
}

// note remembers an error after which nobody knows what is on the disk.
func (l *Ledger) note(err error) error {
	if durable.Lost(err) {
		l.lost = fmt.Errorf("ledger: the disk failed, and what was being written may be lost; stop, look at the disk, start again: %w", err)
		return l.lost
	}
	return err
}

// Close closes the ledger. After the disk has failed it touches no file any
// more, since closing would sync once again; the process is to end then.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if errors.Is(l.lost, errClosed) {
		return nil
	}
	if l.lost != nil {
		return l.lost
	}
	l.lost = errClosed
	return l.store.close()
}

var _ privacy.Ledger = (*Ledger)(nil)

// errClosed is what a closed ledger answers.
var errClosed = errors.New("ledger: closed")
