package ledger

import (
	"bytes"
	"context"
	"io/fs"
	"slices"
	"time"

	"halftone/privacy"
)

// Mem is a ledger in memory, for tests and previews: it forgets.
type Mem struct{ *core }

// NewMem returns an empty ledger. now is asked for the day of an entry.
func NewMem(now func() time.Time) *Mem {
	return &Mem{newCore(&memory{files: map[privacy.Key][]byte{}}, now)}
}

// memory is the store of a [Mem]; core excludes concurrent calls.
type memory struct {
	chain []privacy.Link
	files map[privacy.Key][]byte
}

func (m *memory) transact(ctx context.Context, b *book, decide func() (*privacy.Entry, error)) error {
	if err := ctx.Err(); err != nil {
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

func (m *memory) catchUp(ctx context.Context, _ *book) error { return ctx.Err() }

func (m *memory) adopt(ctx context.Context, b *book, links []privacy.Link) error {
	if err := ctx.Err(); err != nil {
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

func (m *memory) read(k privacy.Key) ([]byte, error) {
	if b, ok := m.files[k]; ok {
		return bytes.Clone(b), nil
	}
	return nil, fs.ErrNotExist
}
