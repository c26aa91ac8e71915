package ledgertest

import (
	"errors"
	"testing"

	"halftone/privacy"
	"halftone/privacy/ledger"
)

// A release that was given up is never drawn, and its charge stays.
func burn(t *testing.T, l Ledger) {
	ctx := t.Context()
	by := []string{"A. Person"}
	c := Charge(Key("d", "2026", 1), 300)
	if err := l.GiveUp(ctx, c.Key, by, "rows are gone"); err == nil {
		t.Error("a release that is not charged was given up")
	}
	must(t, l.Reserve(ctx, c))
	if err := l.GiveUp(ctx, c.Key, nil, "rows are gone"); err == nil {
		t.Error("nobody answers for it")
	}
	must(t, l.GiveUp(ctx, c.Key, by, "rows are gone"))
	must(t, l.GiveUp(ctx, c.Key, by, "again"))
	want(t, l.Reserve(ctx, c), privacy.ErrBurnt)
	want(t, l.Seal(ctx, c.Key, []byte("x")), privacy.ErrBurnt)
	want(t, l.Reserve(ctx, Charge(Key("d", "2026", 2), 201)), privacy.ErrBudget)
	must(t, l.Reserve(ctx, Charge(Key("d", "2026", 2), 200)))
	must(t, l.Seal(ctx, Key("d", "2026", 2), []byte("x")))
	if err := l.GiveUp(ctx, Key("d", "2026", 2), by, "no"); err == nil {
		t.Error("a sealed release was given up")
	}
	a, err := l.Account(ctx, "d")
	must(t, err)
	if p := a.Periods[0]; p.Burnt != 300 || p.Spent != 200 || p.Reserved != 0 || p.Left != 0 || p.Editions != 2 || a.PersonCost != 500 {
		t.Errorf("%+v", a)
	}
	if n := kinds(t, l, "d")[privacy.EntryBurn]; n != 1 {
		t.Errorf("%d burns recorded", n)
	}
}

// An older ledger takes in what was published and pays for what may have been drawn.
func unlock(open func(t *testing.T) Ledger) func(t *testing.T, lost Ledger) {
	return func(t *testing.T, lost Ledger) {
		ctx := t.Context()
		// 1. The ledger that was lost: two releases, one version.
		sealed := map[privacy.Key][]byte{}
		for _, p := range []string{"2025", "2026"} {
			k := Key("d", p, 1)
			sealed[k] = []byte("sealed " + p)
			must(t, lost.Reserve(ctx, Charge(k, 300)))
			must(t, lost.Seal(ctx, k, sealed[k]))
		}
		links, err := lost.Links(ctx, "d")
		must(t, err)
		old := open(t)
		must(t, old.Reserve(ctx, Charge(Key("d", "2025", 1), 300))) // a backup from before the first seal
		head := links[len(links)-1].Hash
		want(t, old.CheckWitness(ctx, []ledger.Witness{{Where: "manifest.json", Head: head}}), privacy.ErrLocked)
		want(t, old.Reserve(ctx, Charge(Key("d", "2027", 1), 1)), privacy.ErrLocked)

		// 2. What is refused.
		r := ledger.Replay{Links: links, Sealed: sealed, By: []string{"A", "B"}, Reason: "restored",
			Burn: []privacy.Charge{Charge(Key("d", "2027", 1), 300), Charge(Key("d", "2026", 2), 300)}}
		for name, spoil := range map[string]func(*ledger.Replay){
			"one person": func(r *ledger.Replay) { r.By = []string{"A", " a "} },
			"no reason":  func(r *ledger.Replay) { r.Reason = "" },
			"no sealed file": func(r *ledger.Replay) {
				r.Sealed = map[privacy.Key][]byte{Key("d", "2025", 1): sealed[Key("d", "2025", 1)]}
			},
			"another file": func(r *ledger.Replay) {
				r.Sealed = map[privacy.Key][]byte{Key("d", "2025", 1): []byte("x"), Key("d", "2026", 1): []byte("x")}
			},
			"a broken chain":    func(r *ledger.Replay) { r.Links = append(r.Links[:1:1], r.Links[2:]...) },
			"an entry left out": func(r *ledger.Replay) { r.Links = append([]privacy.Link{}, r.Links...); r.Links[2].Entry = nil },
		} {
			bad := r
			spoil(&bad)
			if _, _, err := old.Unlock(ctx, bad); err == nil {
				t.Errorf("%s: unlocked", name)
			}
		}
		want(t, old.Reserve(ctx, Charge(Key("d", "2027", 1), 1)), privacy.ErrLocked)

		// 3. Replayed; a burn takes what the period has left.
		n, burnt, err := old.Unlock(ctx, r)
		must(t, err)
		if n != 3 || len(burnt) != 2 {
			t.Errorf("%d entries replayed, %v burnt", n, burnt)
		}
		must(t, old.CheckWitness(ctx, []ledger.Witness{{Where: "manifest.json", Head: head}}))
		for k, file := range sealed {
			if b, err := old.Sealed(ctx, k); err != nil || string(b) != string(file) {
				t.Errorf("%s: %q, %v", k, b, err)
			}
		}
		a, err := old.Account(ctx, "d")
		must(t, err)
		for _, p := range a.Periods {
			if p.Spent+p.Burnt != map[string]uint64{"2025": 300, "2026": 500, "2027": 300}[p.Period.String()] {
				t.Errorf("%+v", p)
			}
		}
		want(t, old.Reserve(ctx, Charge(Key("d", "2027", 1), 300)), privacy.ErrBurnt)
		must(t, old.Reserve(ctx, Charge(Key("d", "2027", 2), 200)))

		// 4. A ledger that went its own way.
		fork := open(t)
		must(t, fork.Reserve(ctx, Charge(Key("d", "2025", 1), 299)))
		if _, _, err := fork.Unlock(ctx, r); !errors.Is(err, ledger.ErrFork) {
			t.Errorf("fork: %v", err)
		}
	}
}
