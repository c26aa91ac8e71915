package ledger

import (
	"context"
	"errors"
	"fmt"

	"halftone/privacy"
	"halftone/privacy/ledger/durable"
)

// SealedName is the path of a release's sealed file below the state folder, with
// slashes.
func SealedName(k privacy.Key) string { return sealedName(k) }

// Chain returns the whole chain with the entries of every dataset.
func (l *Ledger) Chain(ctx context.Context) (all []privacy.Link, err error) {
	err = l.read(ctx, func() (err error) {
		all, err = l.store.links(ctx)
		return l.note(err)
	})
	if err != nil {
		return nil, err
	}
	_, err = privacy.CheckChain(all)
	return all, err
}

// Snapshot writes the chain as it stands into a new ledger.db at path, mode 0600:
// others may append meanwhile. The copy is the links alone; every seal that it knows
// has its sealed file, since that is placed first.
func (l *Ledger) Snapshot(ctx context.Context, path string) error {
	links, err := l.Chain(ctx)
	if err != nil {
		return err
	}
	db, err := durable.Open(ctx, path, schema())
	if err != nil {
		return fmt.Errorf("ledger: copy: %w", err)
	}
	d := &database{db: db, now: l.now}
	return errors.Join(d.adopt(ctx, anyEpoch, newBook(), links, func() error { return nil }), db.Close())
}
