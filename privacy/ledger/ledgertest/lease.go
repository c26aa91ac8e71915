package ledgertest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"halftone/privacy"
	"halftone/privacy/ledger"
)

// A Store is one empty store.
type Store struct {
	Open   func(t *testing.T) Ledger // another worker's view of it, without a lease
	Expire func(t *testing.T)        // what was taken for at most an hour has run out, by the store's own clock
}

// Leases holds a store to invariant 9: one worker at a time writes, and one that has
// lost its lease writes nothing. Each test gets a store of its own.
func Leases(t *testing.T, make func(t *testing.T) Store) {
	for name, test := range map[string]func(*testing.T, Store){
		"Invariant9OneHolder":    oneHolder,
		"Invariant9RunsOut":      runsOut,
		"Invariant9Fenced":       fenced,
		"Invariant9FencedUnlock": fencedUnlock,
		"Invariant9Give":         give,
	} {
		t.Run(name, func(t *testing.T) { test(t, make(t)) })
	}
}

const hour = time.Hour

// writes tries a write, and says what came of it.
func writes(t *testing.T, l Ledger, k privacy.Key) error {
	t.Helper()
	return l.Reserve(t.Context(), Charge(k, 1))
}

func oneHolder(t *testing.T, s Store) {
	ctx := t.Context()
	a, b := s.Open(t), s.Open(t)
	want(t, writes(t, a, Key("d", "2026", 1)), ledger.ErrFenced)
	want(t, a.Renew(ctx, hour), ledger.ErrFenced) // what was never taken
	must(t, a.Take(ctx, "worker a", hour, false))
	must(t, writes(t, a, Key("d", "2026", 1)))
	err := b.Take(ctx, "worker b", hour, false)
	want(t, err, ledger.ErrHeld)
	if !strings.Contains(err.Error(), "worker a, until 20") {
		t.Errorf("%q does not say who has it until when", err)
	}
	want(t, writes(t, b, Key("d", "2026", 2)), ledger.ErrFenced)
	want(t, b.Renew(ctx, hour), ledger.ErrFenced)
	must(t, b.Give(ctx)) // another's lease is not given up
	must(t, a.Renew(ctx, hour))
	must(t, writes(t, a, Key("d", "2026", 2)))
	if n := count(t, b, "d"); n != 2 {
		t.Errorf("who holds no lease reads %d charges, want 2", n)
	}
	// Sure that nobody else is alive: at once.
	must(t, b.Take(ctx, "worker b", hour, true))
	must(t, writes(t, b, Key("d", "2026", 3)))
	want(t, writes(t, a, Key("d", "2026", 4)), ledger.ErrFenced)
	// Also from oneself, a new worker of the same name.
	want(t, s.Open(t).Take(ctx, "worker b", hour, false), ledger.ErrHeld)
}

func runsOut(t *testing.T, s Store) {
	ctx := t.Context()
	a, b := s.Open(t), s.Open(t)
	must(t, a.Take(ctx, "a", hour, false))
	s.Expire(t)
	// Nobody has taken it: who had it goes on, and may have it for longer.
	must(t, writes(t, a, Key("d", "2026", 1)))
	must(t, a.Renew(ctx, hour))
	want(t, b.Take(ctx, "b", hour, false), ledger.ErrHeld)
	s.Expire(t)
	must(t, b.Take(ctx, "b", hour, false))
	want(t, writes(t, a, Key("d", "2026", 2)), ledger.ErrFenced)
	err := a.Renew(ctx, hour)
	want(t, err, ledger.ErrFenced)
	if !strings.HasSuffix(err.Error(), ": b") {
		t.Errorf("%q does not say who has taken over", err)
	}
	want(t, a.Take(ctx, "a", hour, false), ledger.ErrHeld)
	must(t, writes(t, b, Key("d", "2026", 2)))
	// And back again: an epoch never returns.
	s.Expire(t)
	must(t, a.Take(ctx, "a", hour, false))
	must(t, writes(t, a, Key("d", "2026", 3)))
	want(t, writes(t, b, Key("d", "2026", 4)), ledger.ErrFenced)
}

// fenced lets a worker wake up before each of its writes.
func fenced(t *testing.T, s Store) {
	ctx := t.Context()
	old, other := s.Open(t), s.Open(t)
	sealed, reserved, fresh := Key("d", "2026", 1), Key("d", "2026", 2), Key("d", "2027", 1)
	must(t, old.Take(ctx, "old", hour, false))
	released(t, old, sealed, 100)
	must(t, old.Reserve(ctx, Charge(reserved, 100)))
	s.Expire(t)
	must(t, other.Take(ctx, "other", hour, false))
	before := told(t, other)
	head, err := other.Head(ctx)
	must(t, err)
	terms := Charge(sealed, 1).Terms
	terms.Budget = 2000
	for name, write := range map[string]func(l Ledger) error{
		"reserve":  func(l Ledger) error { return l.Reserve(ctx, Charge(fresh, 1)) },
		"again":    func(l Ledger) error { return l.Reserve(ctx, Charge(reserved, 100)) },
		"seal":     func(l Ledger) error { return l.Seal(ctx, reserved, []byte("draw")) },
		"publish":  func(l Ledger) error { return l.Publish(ctx, "d", "2026.11-1", 1, Manifest, sealed) },
		"give up":  func(l Ledger) error { return l.GiveUp(ctx, reserved, []string{"A"}, "rows are gone") },
		"withdraw": func(l Ledger) error { return l.Withdraw(ctx, sealed, []string{"A"}, "mapping_error") },
		"approve":  func(l Ledger) error { return l.Approve(ctx, fresh, "spec", "A") },
		"revise":   func(l Ledger) error { return l.Revise(ctx, Key("d", "2026", 2), "A", "mapping_error") },
		"amend": func(l Ledger) error {
			return l.Amend(ctx, ledger.Amendment{Dataset: "d", Terms: terms, By: []string{"A", "B"}, Reason: "budget_raised"})
		},
	} {
		if err := write(old); !errors.Is(err, ledger.ErrFenced) || !strings.Contains(err.Error(), "other") {
			t.Errorf("%s: %v, want that the other has taken over", name, err)
		}
		if now, err := other.Head(ctx); err != nil || now != head {
			t.Fatalf("%s: an entry was written (%v)", name, err)
		}
	}
	if now := told(t, other); now != before {
		t.Errorf("the book was\n%s\nis\n%s", before, now)
	}
	if _, err := other.Sealed(ctx, reserved); !errors.Is(err, privacy.ErrNotReleased) {
		t.Errorf("the draw of a fenced worker: %v", err)
	}
	must(t, other.Seal(ctx, reserved, []byte("the other's draw")))
	for _, l := range []Ledger{old, other, s.Open(t)} { // and the fenced one's bytes are nowhere
		if b, err := l.Sealed(ctx, reserved); err != nil || string(b) != "the other's draw" {
			t.Errorf("%q, %v", b, err)
		}
	}
	must(t, other.CheckWitness(ctx, nil))
}

func fencedUnlock(t *testing.T, s Store) {
	ctx, k := t.Context(), Key("d", "2026", 1)
	// 1. Another ledger, whose chain was published.
	lost := ledger.NewMem(func() time.Time { return time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC) })
	released(t, lost, k, 100)
	links, err := lost.Links(ctx, "d")
	must(t, err)
	r := ledger.Replay{Links: links, Sealed: map[privacy.Key][]byte{k: []byte(k.String())}, By: []string{"A", "B"}, Reason: "lost"}
	// 2. Taken over before it is unlocked.
	old, other := s.Open(t), s.Open(t)
	must(t, old.Take(ctx, "old", hour, false))
	s.Expire(t)
	must(t, other.Take(ctx, "other", hour, false))
	if _, _, err := old.Unlock(ctx, r); !errors.Is(err, ledger.ErrFenced) {
		t.Errorf("unlock: %v", err)
	}
	if h, err := other.Head(ctx); err != nil || h != "" {
		t.Fatalf("an entry was written (%v)", err)
	}
	must(t, s.Open(t).CheckWitness(ctx, nil)) // no sealed file of a fenced unlock is left to lock it
	n, _, err := other.Unlock(ctx, r)
	must(t, err)
	if b, err := other.Sealed(ctx, k); n != 2 || err != nil || string(b) != k.String() {
		t.Errorf("%d entries, %q, %v", n, b, err)
	}
}

func give(t *testing.T, s Store) {
	ctx := t.Context()
	a, b := s.Open(t), s.Open(t)
	must(t, a.Give(ctx)) // nothing happens
	late := s.Open(t)
	must(t, late.Take(ctx, "late", hour, false))
	s.Expire(t)
	must(t, a.Take(ctx, "a", hour, false))
	must(t, a.Give(ctx))
	want(t, writes(t, a, Key("d", "2026", 1)), ledger.ErrFenced)
	want(t, a.Renew(ctx, hour), ledger.ErrFenced)
	must(t, b.Take(ctx, "b", hour, false)) // without waiting
	must(t, writes(t, b, Key("d", "2026", 1)))
	want(t, writes(t, late, Key("d", "2026", 2)), ledger.ErrFenced) // its epoch did not come back
	must(t, a.Give(ctx))                                            // what one has no more
	must(t, writes(t, b, Key("d", "2026", 2)))
	// Who was late gives nothing that another has.
	s.Expire(t)
	c := s.Open(t)
	must(t, c.Take(ctx, "c", hour, false))
	must(t, b.Give(ctx))
	want(t, a.Take(ctx, "a", hour, false), ledger.ErrHeld)
}
