package ledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"halftone/privacy"
)

// ErrFork says that a published chain does not continue this ledger's: two ledgers
// have gone their own ways, and no rule can join them.
var ErrFork = errors.New("ledger: what was published does not continue this ledger")

// A Replay is what the public folder has seen and this ledger may have forgotten.
type Replay struct {
	Links  []privacy.Link         // the longest published chain, every entry in it
	Sealed map[privacy.Key][]byte // published sealed files
	Burn   []privacy.Charge       // releases that may have been drawn and not published: key, cost, terms, digest of the spec
	By     []string               // two people, named
	Reason string
	// Withdrawn are releases that were taken from the public, with the reasons.
	Withdrawn map[privacy.Key]string
}

// Unlock takes in what a public folder has seen, gives up what may have been drawn
// without being published, and records who answers for it. Then the ledger is
// locked no more, unless it is for another reason: the caller checks witnesses
// again. It returns how many entries were replayed and the releases that were burnt.
//
// The published chain must begin with this ledger's whole chain ([ErrFork]); what
// this ledger knows beyond it stays, if the chain begins with the published one.
func (l *Ledger) Unlock(ctx context.Context, r Replay) (replayed int, burnt []privacy.Key, err error) {
	if nobody := slices.ContainsFunc(r.By, func(n string) bool { return folded(n) == "" }); nobody || len(distinct(r.By)) < 2 || r.Reason == "" {
		return 0, nil, errors.New("ledger: two different people must be named, and a reason given")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil && !errors.Is(err, privacy.ErrLocked) {
		return 0, nil, err
	}
	own, err := l.store.links(ctx)
	if err != nil {
		return 0, nil, l.note(err)
	}
	if _, err := privacy.CheckChain(r.Links); err != nil {
		return 0, nil, err
	}
	common := min(len(own), len(r.Links))
	if common > 0 && own[common-1].Hash != r.Links[common-1].Hash {
		return 0, nil, fmt.Errorf("%w: they differ at or before entry %d", ErrFork, common)
	}
	more := slices.Clone(r.Links[common:])
	replayed = len(more)
	if err := complete(more); err != nil {
		return 0, nil, err
	}
	after, made, burnt, err := l.answer(own, more, r)
	if err != nil {
		return 0, nil, err
	}
	place, drop, err := l.stageFiles(r.Sealed, more, after)
	if err != nil {
		return 0, nil, l.note(err)
	}
	defer drop()
	// One transaction: a ledger that knows what was published and has not given up
	// what was drawn besides would pass for whole.
	fresh, err := bookOf(own)
	if err != nil {
		return 0, nil, err
	}
	if err := l.note(l.store.adopt(ctx, l.epoch, fresh, append(more, made...), place)); err != nil {
		return 0, nil, err
	}
	l.book, l.locked = fresh, nil
	return replayed, burnt, nil
}

// complete fails at a link without its entry.
func complete(links []privacy.Link) error {
	for _, l := range links {
		if l.Entry == nil {
			return fmt.Errorf("ledger: entry %d is another dataset's, and stands in no version of it: it cannot be replayed; bring back the newest copy of the state folder", l.Seq)
		}
	}
	return nil
}

// answer makes the links that follow the replayed ones: burns, withdrawals, and who
// unlocked. b is the book of them all.
func (l *Ledger) answer(own, more []privacy.Link, r Replay) (b *book, made []privacy.Link, burnt []privacy.Key, err error) {
	if b, err = bookOf(append(slices.Clone(own), more...)); err != nil {
		return nil, nil, nil, err
	}
	add := func(e *privacy.Entry) error {
		e.Day = l.now().UTC().Format(time.DateOnly)
		link, err := privacy.NewLink(b.n+1, b.head, *e)
		if err != nil {
			return err
		}
		made = append(made, link)
		return b.apply(link)
	}
	for _, c := range r.Burn {
		e, err := b.burn(c, r.By, r.Reason)
		if err == nil && e != nil {
			err, burnt = add(e), append(burnt, c.Key)
		}
		if err != nil {
			return nil, nil, nil, err
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(r.Withdrawn), compare) {
		e, err := b.withdraw(k, r.By, r.Withdrawn[k])
		if err == nil && e != nil {
			err = add(e)
		}
		if err != nil {
			return nil, nil, nil, err
		}
	}
	err = add(&privacy.Entry{Kind: privacy.EntryUnlock, By: r.By, Reason: r.Reason})
	return b, made, burnt, err
}

// bookOf is the book of a chain.
func bookOf(links []privacy.Link) (*book, error) {
	b := newBook()
	for _, link := range links {
		if err := b.apply(link); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// stageFiles stages the sealed files that links record. place puts them where they
// belong, drop removes those that were not placed. after is the book that they lead
// to: what nobody will ask for then may be missing.
func (l *Ledger) stageFiles(sealed map[privacy.Key][]byte, links []privacy.Link, after *book) (place func() error, drop func(), err error) {
	var places []func() error
	var drops []func()
	all := func() {
		for _, d := range drops {
			d()
		}
	}
	defer func() {
		if err != nil {
			all()
		}
	}()
	for e, err := range privacy.Entries(links) {
		if err != nil {
			return nil, nil, err
		}
		if e.Kind != privacy.EntrySeal {
			continue
		}
		b, ok := sealed[e.Key()]
		if !ok && after.past(e.Key()) {
			continue
		}
		if !ok || sha(b) != e.Sealed {
			return nil, nil, fmt.Errorf("ledger: the sealed file of %s is not among the published ones, or is another", e.Key())
		}
		p, d, err := l.store.stage(e.Key(), b)
		if err != nil {
			return nil, nil, err
		}
		places, drops = append(places, p), append(drops, d)
	}
	return func() error {
		for _, p := range places {
			if err := p(); err != nil {
				return err
			}
		}
		return nil
	}, all, nil
}

// GiveUp records that a charged release will never be drawn, because the rows that
// it was pinned to are gone or a person says so. Its charge stays.
func (l *Ledger) GiveUp(ctx context.Context, k privacy.Key, by []string, reason string) error {
	if err := checkKey(k); err != nil {
		return err
	}
	if len(by) == 0 || reason == "" {
		return errors.New("ledger: somebody must answer for giving a release up, with a reason")
	}
	return l.write(ctx, func() (*privacy.Entry, error) {
		if l.book.charged(k) == nil {
			return nil, fmt.Errorf("ledger: %s is not charged, so there is nothing to give up", k)
		}
		return l.book.burn(privacy.Charge{Key: k}, by, reason)
	})
}

// Restore takes the whole chain of a backup into an empty ledger, with the sealed
// files that it records. It fails when the ledger has an entry.
func (l *Ledger) Restore(ctx context.Context, links []privacy.Link, sealed map[privacy.Key][]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(ctx); err != nil {
		return err
	}
	if own, err := l.store.links(ctx); err != nil || len(own) > 0 {
		return cmpErr(l.note(err), fmt.Sprintf("ledger: it has %d entries already, and a backup is never mixed with what is there", len(own)))
	}
	if err := complete(links); err != nil {
		return err
	}
	after, err := bookOf(links)
	if err != nil {
		return err
	}
	place, drop, err := l.stageFiles(sealed, links, after)
	if err != nil {
		return l.note(err)
	}
	defer drop()
	fresh := newBook()
	if err := l.note(l.store.adopt(ctx, l.epoch, fresh, links, place)); err != nil {
		return err
	}
	l.book = fresh
	return nil
}
