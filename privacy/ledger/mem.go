package ledger

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"halftone/privacy"
)

// NewMem returns an empty ledger in memory, for tests and previews: it forgets.
// Nobody else can use it, so it holds the lease. now is asked for the day of an entry.
func NewMem(now func() time.Time) *Ledger {
	l := newLedger(&memory{files: map[privacy.Key][]byte{}, now: now}, now)
	l.epoch = anyEpoch
	return l
}

// memory is the store of a ledger in memory. Several may share one, if one at a
// time uses it.
type memory struct {
	chain []privacy.Link
	files map[privacy.Key][]byte
	held  lease
	now   func() time.Time
}

func (m *memory) transact(ctx context.Context, epoch int64, b *book, decide func() (*privacy.Entry, error)) error {
	if err := m.held.admits(epoch); err != nil {
		return err
	}
	if err := m.catchUp(ctx, b); err != nil {
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
	m.chain = append(m.chain, l)
	return b.apply(l)
}

func (m *memory) catchUp(ctx context.Context, b *book) error {
	for _, l := range m.chain[b.n:] {
		if err := b.apply(l); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (m *memory) lease(ctx context.Context, decide func(time.Time, lease) (lease, error)) error {
	l, err := decide(m.now(), m.held)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		m.held = l
	}
	return err
}

func (m *memory) close() error { return nil }

func (m *memory) adopt(ctx context.Context, epoch int64, b *book, links []privacy.Link, place func() error) error {
	if err := errors.Join(ctx.Err(), m.held.admits(epoch)); err != nil {
		return err
	}
	if err := place(); err != nil {
		return err
	}
	for _, l := range links {
		if err := b.apply(l); err != nil {
			return err
		}
	}
	m.chain = append(m.chain, links...)
	return nil
}

func (m *memory) links(context.Context) ([]privacy.Link, error) { return slices.Clone(m.chain), nil }

func (m *memory) stage(k privacy.Key, file []byte) (func() error, func(), error) {
	file = bytes.Clone(file)
	return func() error { m.files[k] = file; return nil }, func() {}, nil
}

func (m *memory) read(_ context.Context, k privacy.Key) ([]byte, error) {
	if b, ok := m.files[k]; ok {
		return bytes.Clone(b), nil
	}
	return nil, fs.ErrNotExist
}
