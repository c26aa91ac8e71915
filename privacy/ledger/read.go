package ledger

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"halftone/privacy"
)

// Head is the hash of the last entry, "" for an empty ledger. It goes into every
// published manifest.
func (l *Ledger) Head(ctx context.Context) (head string, err error) {
	err = l.read(ctx, func() error { head = l.book.head; return nil })
	return head, err
}

// Links returns the whole chain, with the entries of the dataset only: that is
// its ledger.jsonl, one link a line. What other datasets have charged stays out.
func (l *Ledger) Links(ctx context.Context, dataset string) ([]privacy.Link, error) {
	var all []privacy.Link
	err := l.read(ctx, func() (err error) {
		all, err = l.store.links(ctx)
		return l.note(err)
	})
	if err != nil {
		return nil, err
	}
	if _, err := privacy.CheckChain(all); err != nil {
		return nil, err
	}
	for i := range all {
		e, err := all[i].Decode()
		if err != nil {
			return nil, err
		}
		if e.Dataset != dataset && e.Dataset != "" { // an unlock is everybody's
			all[i].Entry = nil
		}
	}
	return all, nil
}

// Charges returns the charges of a dataset, all series, by period, series and
// edition.
func (l *Ledger) Charges(ctx context.Context, dataset string) (out []Charged, err error) {
	err = l.read(ctx, func() error { out = l.book.accounts[dataset].sorted(); return nil })
	return out, err
}

// Charge returns the charge of k, and false if there is none.
func (l *Ledger) Charge(ctx context.Context, k privacy.Key) (out Charged, ok bool, err error) {
	err = l.read(ctx, func() error {
		if c := l.book.charged(k); c != nil {
			out, ok = c.clone(), true
		}
		return nil
	})
	return out, ok, err
}

// Account returns what a dataset has cost, an empty account if nothing.
func (l *Ledger) Account(ctx context.Context, dataset string) (out Account, err error) {
	err = l.read(ctx, func() error { out = l.book.accounts[dataset].public(dataset); return nil })
	return out, err
}

// Versions returns the published versions of a dataset, oldest first.
func (l *Ledger) Versions(ctx context.Context, dataset string) (out []Version, err error) {
	err = l.read(ctx, func() error {
		if a := l.book.accounts[dataset]; a != nil {
			for _, v := range a.versions {
				v.Releases = slices.Clone(v.Releases)
				out = append(out, v)
			}
		}
		return nil
	})
	return out, err
}

// A Witness is the head that a published manifest gives.
type Witness struct {
	Where string // the manifest, by its path below the public folder
	Head  string
	// Withdrawn are releases that were taken from the public for good.
	Withdrawn []privacy.Key
}

// CheckWitness fails with [privacy.ErrLocked] when a published head is not in
// the chain: then this ledger is older than what the world has seen, or is
// another one. From then on nothing can be charged, sealed or published with l.
func (l *Ledger) CheckWitness(ctx context.Context, witnesses []Witness) error {
	return l.read(ctx, func() error {
		if l.locked != nil && l.book.unlocks > l.then { // by another process
			l.locked = nil
		}
		for _, w := range witnesses {
			for _, k := range w.Withdrawn {
				if c := l.book.charged(k); c == nil || c.Withdrawn == "" {
					l.then = l.book.unlocks
					l.locked = fmt.Errorf("%w: beside %s it is said that %s was withdrawn, which the ledger does not know: it is older than what has been published "+
						"(a restored backup?). Nothing will be charged; bring back the newest copy of the state folder, or, if it is lost: halftone unlock --help",
						privacy.ErrLocked, w.Where, k)
					return l.locked
				}
			}
			if !l.book.hashes[w.Head] {
				l.then = l.book.unlocks
				l.locked = fmt.Errorf("%w: %s names head %.8s, which the ledger does not know: the ledger is older than what has been published "+
					"(a restored backup?), or is another one. Nothing will be charged; bring back the newest copy of the state folder, or, if it is lost: halftone unlock --help",
					privacy.ErrLocked, w.Where, w.Head)
				return l.locked
			}
		}
		return l.locked
	})
}

// Past reports whether nobody will ask for the sealed file of k any more: it is
// withdrawn, or a later edition of its period is sealed.
func (l *Ledger) Past(ctx context.Context, k privacy.Key) (past bool, err error) {
	err = l.read(ctx, func() error { past = l.book.past(k); return nil })
	return past, err
}

// Population lists the datasets that share a population and have charges, by name.
func (l *Ledger) Population(ctx context.Context, name string) (out []Member, err error) {
	err = l.read(ctx, func() error { out = l.book.population(name); return nil })
	return out, err
}

// Datasets lists those that have charges, by name.
func (l *Ledger) Datasets(ctx context.Context) (out []string, err error) {
	err = l.read(ctx, func() error { out = slices.Sorted(maps.Keys(l.book.accounts)); return nil })
	return out, err
}

// Left is what another charge of a period may cost a dataset on these terms.
func (l *Ledger) Left(ctx context.Context, dataset string, t privacy.Terms, p privacy.Period) (left uint64, err error) {
	err = l.read(ctx, func() error { left = l.book.accounts[dataset].left(t, p); return nil })
	return left, err
}
