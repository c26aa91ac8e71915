package verify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"halftone/outputs/describe"
	"halftone/privacy"
)

// ErrReadOnly is returned by a [Ledger] that is asked to charge or to seal.
var ErrReadOnly = errors.New("verify: a published ledger is read only")

// A Ledger reads the sealed files of a published version. It neither charges nor
// seals.
type Ledger struct {
	Links   []privacy.Link
	Account describe.Account
	read    func(ctx context.Context, name string) ([]byte, error)
}

var _ privacy.Ledger = (*Ledger)(nil)

// OpenLedger opens the ledger export and the sealed files of a version's
// folder. The chain must be whole.
func OpenLedger(fsys fs.FS, dataset string) (*Ledger, error) {
	p := folder{fsys, "."}
	b, err := p.read(context.Background(), ledgerFile)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	l, err := newLedger(b, dataset, p.read)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	return l, nil
}

func newLedger(export []byte, dataset string, read func(context.Context, string) ([]byte, error)) (*Ledger, error) {
	links, err := describe.ReadLedger(export)
	if err != nil {
		return nil, err
	}
	if _, err := privacy.CheckChain(links); err != nil {
		return nil, err
	}
	acc, err := describe.NewAccount(dataset, links)
	if err != nil {
		return nil, err
	}
	return &Ledger{links, acc, read}, nil
}

// Reserve implements [privacy.Ledger]; it always fails.
func (l *Ledger) Reserve(context.Context, privacy.Charge) error { return ErrReadOnly }

// Seal implements [privacy.Ledger]; it always fails.
func (l *Ledger) Seal(context.Context, privacy.Key, []byte) error { return ErrReadOnly }

// Sealed implements [privacy.Ledger]: the file must have the digest that the
// ledger recorded.
func (l *Ledger) Sealed(ctx context.Context, k privacy.Key) ([]byte, error) {
	e, ok := l.Account.Seals[k]
	if !ok {
		return nil, privacy.ErrNotReleased
	}
	b, err := l.read(ctx, describe.SealedFile(k))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", describe.SealedFile(k), err)
	}
	if describe.Sum(b) != e.Sealed {
		return nil, fmt.Errorf("%s is not the file that the ledger has sealed", describe.SealedFile(k))
	}
	return b, nil
}
