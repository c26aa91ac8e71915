package ledger

import (
	"context"
	"fmt"

	"halftone/privacy"
	"halftone/privacy/ledger/durable"
)

// SealedName is the path of a release's sealed file below the state folder, with
// slashes.
func SealedName(k privacy.Key) string { return sealedName(k) }

// Chain returns the whole chain with the entries of every dataset.
func (l *core) Chain(ctx context.Context) (all []privacy.Link, err error) {
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

// Snapshot writes the ledger as it stands into a new file, mode 0600, in one read
// transaction: others may append meanwhile. The copy is the links alone; every
// seal that it knows has its file in the state folder, since that is placed first.
func (l *SQLite) Snapshot(ctx context.Context, path string) error {
	if err := durable.File(path); err != nil { // SQLite would make it by the umask
		return fmt.Errorf("ledger: %w", err)
	}
	return l.read(ctx, func() error {
		if _, err := l.db.db.ExecContext(ctx, "VACUUM INTO ?", path); err != nil {
			return l.note(fmt.Errorf("ledger: copy: %w", err))
		}
		return nil
	})
}
