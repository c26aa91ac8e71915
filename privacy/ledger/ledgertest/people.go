package ledgertest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"halftone/privacy"
	"halftone/privacy/ledger"
)

// refusedWith fails unless err says each of the texts.
func refusedWith(t *testing.T, what string, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: accepted", what)
		return
	}
	for _, s := range texts {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%s: %q does not say %q", what, err, s)
		}
	}
}

// released makes a release of d, sealed with its name.
func released(t *testing.T, l Ledger, k privacy.Key, cost uint64) {
	t.Helper()
	must(t, l.Reserve(t.Context(), Charge(k, cost)))
	must(t, l.Seal(t.Context(), k, []byte(k.String())))
}

// entries counts the entries of dataset d of one kind.
func entries(t *testing.T, l Ledger, kind string, want int) {
	t.Helper()
	if n := kinds(t, l, "d")[kind]; n != want {
		t.Errorf("%d entries %s, want %d", n, kind, want)
	}
}

// An edition before its day is asked for by one person and approved by another.
func revise(t *testing.T, l Ledger) {
	ctx, why := t.Context(), "source_corrected"
	first, second := Key("d", "2026", 1), Key("d", "2026", 2)
	refusedWith(t, "nothing released", l.Revise(ctx, second, "A", why), "the edition before it is not released")
	must(t, l.Reserve(ctx, Charge(first, 100)))
	refusedWith(t, "charged, not sealed", l.Revise(ctx, second, "A", why), "the edition before it is not released")
	must(t, l.Seal(ctx, first, []byte("x")))
	refusedWith(t, "nobody", l.Revise(ctx, second, " ", why), "by name")
	refusedWith(t, "a reason of one's own", l.Revise(ctx, second, "A", "counts looked wrong"), "mapping_error", "would be published")
	refusedWith(t, "charged", l.Revise(ctx, first, "A", why))
	refusedWith(t, "too far", l.Revise(ctx, Key("d", "2026", 3), "A", why), "the edition before it is not released")
	entries(t, l, privacy.EntryRevise, 0)

	must(t, l.Revise(ctx, second, "A", why))
	must(t, l.Revise(ctx, second, "B", "mapping_error")) // it is asked for already
	entries(t, l, privacy.EntryRevise, 1)
	asked, err := l.Asked(ctx, second, "spec")
	must(t, err)
	if asked.By != "A" || asked.Reason != why || len(asked.Approved) > 0 {
		t.Errorf("asked %+v", asked)
	}
	requests(t, l, second)

	// Nobody's word alone will do, whatever approvals the dataset has.
	want(t, l.Reserve(ctx, Charge(second, 100)), privacy.ErrApproval)
	refusedWith(t, "by who asked", l.Approve(ctx, second, "spec", " a "), "another person")
	must(t, l.Approve(ctx, second, "another spec", "B"))
	want(t, l.Reserve(ctx, Charge(second, 100)), privacy.ErrApproval)
	if n := count(t, l, "d"); n != 1 {
		t.Errorf("%d charges", n)
	}
	must(t, l.Approve(ctx, second, "spec", "B"))
	must(t, l.Reserve(ctx, Charge(second, 100)))
	by(t, l, second, "B")
	requests(t, l)
	refusedWith(t, "charged", l.Revise(ctx, second, "A", why), "charged already")
	refusedWith(t, "charged", l.Approve(ctx, second, "spec", "C"), "charged already")

	// A release that was given up may be asked for again, as the next edition.
	must(t, l.GiveUp(ctx, second, []string{"A"}, "rows are gone"))
	must(t, l.Revise(ctx, Key("d", "2026", 3), "A", why))
	requests(t, l, Key("d", "2026", 3))
	// An approval that came before who asks: it is nobody's own.
	released(t, l, Key("d", "2027", 1), 100)
	must(t, l.Approve(ctx, Key("d", "2027", 2), "spec", "A"))
	must(t, l.Revise(ctx, Key("d", "2027", 2), "A", why))
	want(t, l.Reserve(ctx, Charge(Key("d", "2027", 2), 1)), privacy.ErrApproval)
}

func requests(t *testing.T, l Ledger, want ...privacy.Key) {
	t.Helper()
	got, err := l.Requests(t.Context(), "d")
	must(t, err)
	if !slices.Equal(got, want) {
		t.Errorf("requests %v, want %v", got, want)
	}
}

// by checks who has approved the charge of k, as the chain has it.
func by(t *testing.T, l Ledger, k privacy.Key, names ...string) {
	t.Helper()
	links, err := l.Links(t.Context(), k.Dataset)
	must(t, err)
	for _, link := range links {
		if e, err := link.Decode(); err == nil && e.Kind == privacy.EntryCharge && e.Key() == k {
			if !slices.Equal(e.By, names) {
				t.Errorf("%s is approved by %q, want %q", k, e.By, names)
			}
			return
		}
	}
	t.Errorf("%s is not charged", k)
}

// A charge that needs approvals has them from as many different people, for its spec.
func approve(t *testing.T, l Ledger) {
	ctx, k := t.Context(), Key("d", "2026", 1)
	c := Charge(k, 100)
	c.Approvals = 2
	refusedWith(t, "nobody", l.Approve(ctx, k, "spec", ""), "a name")
	refusedWith(t, "nothing", l.Approve(ctx, k, "", "A"), "digest")
	err := l.Reserve(ctx, c)
	want(t, err, privacy.ErrApproval)
	refusedWith(t, "none", err, "approved by 0 of 2", "nothing was charged", "halftone approve d@2026.1")
	must(t, l.Approve(ctx, k, "spec", "A. Person"))
	must(t, l.Approve(ctx, k, "spec", "a.  PERSON"))
	must(t, l.Approve(ctx, k, "another spec", "B. Person"))
	must(t, l.Approve(ctx, Key("d", "2026", 2), "spec", "B. Person"))
	must(t, l.Approve(ctx, Key("e", "2026", 1), "spec", "B. Person"))
	entries(t, l, privacy.EntryApprove, 3)
	err = l.Reserve(ctx, c)
	want(t, err, privacy.ErrApproval)
	refusedWith(t, "one", err, "approved by 1 of 2")
	if n := count(t, l, "d"); n != 0 {
		t.Errorf("%d charges", n)
	}
	must(t, l.Approve(ctx, k, "spec", "B. Person"))
	asked, err := l.Asked(ctx, k, "spec")
	must(t, err)
	if !slices.Equal(asked.Approved, []string{"A. Person", "B. Person"}) {
		t.Errorf("approved by %q", asked.Approved)
	}
	other := c
	other.SpecDigest = "a third spec"
	want(t, l.Reserve(ctx, other), privacy.ErrApproval)
	must(t, l.Reserve(ctx, c))
	must(t, l.Reserve(ctx, c)) // nothing happens
	by(t, l, k, "A. Person", "B. Person")
	must(t, l.Reserve(ctx, Charge(Key("d", "2027", 1), 100))) // nobody asks for approvals
	by(t, l, Key("d", "2027", 1))
}

// What is withdrawn is shown no more and stays paid for.
func withdraw(t *testing.T, l Ledger) {
	ctx, who, why := t.Context(), []string{"A", "B"}, "permission_withdrawn"
	k, second := Key("d", "2026", 1), Key("d", "2026", 2)
	want(t, l.Withdraw(ctx, k, who, why), privacy.ErrNotReleased)
	must(t, l.Reserve(ctx, Charge(k, 300)))
	want(t, l.Withdraw(ctx, k, who, why), privacy.ErrNotReleased)
	must(t, l.Seal(ctx, k, []byte("x")))
	must(t, l.Publish(ctx, "d", "2026.11-1", 1, Manifest, k))
	refusedWith(t, "nobody", l.Withdraw(ctx, k, []string{""}, why), "by name")
	refusedWith(t, "a reason of one's own", l.Withdraw(ctx, k, who, "a family has complained"), "data_protection", "would be published")
	if c, _, err := l.Charge(ctx, k); err != nil || c.State() != ledger.Published {
		t.Errorf("%s, %v", c.State(), err)
	}
	must(t, l.Withdraw(ctx, k, who, why))
	must(t, l.Withdraw(ctx, k, who, "mapping_error")) // it is withdrawn already
	entries(t, l, privacy.EntryWithdraw, 1)
	c, _, err := l.Charge(ctx, k)
	must(t, err)
	if c.State() != ledger.Withdrawn || c.Withdrawn != why {
		t.Errorf("%s, %q", c.State(), c.Withdrawn)
	}
	refusedWith(t, "published again", l.Publish(ctx, "d", "2026.11-2", 2, Manifest, k), "withdrawn")
	if b, err := l.Sealed(ctx, k); err != nil || string(b) != "x" {
		t.Errorf("the sealed file: %q, %v", b, err)
	}
	a, err := l.Account(ctx, "d")
	must(t, err)
	if p := a.Periods[0]; p.Spent != 300 || p.Left != 200 || a.PersonCost != 300 {
		t.Errorf("a withdrawal gives nothing back: %+v", a)
	}
	want(t, l.Reserve(ctx, Charge(second, 201)), privacy.ErrBudget)
	released(t, l, second, 200)
	must(t, l.Publish(ctx, "d", "2026.11-2", 2, Manifest, second))
}

// Terms are amended upwards only, by two people, and restate what was charged.
func amend(t *testing.T, l Ledger) {
	ctx := t.Context()
	terms := Charge(Key("d", "2026", 1), 1).Terms
	terms.Population = privacy.Population{Name: "people", Cost: privacy.Cost{NanoEpsilon: 2000}}
	charge := func(k privacy.Key, cost uint64, terms privacy.Terms) error {
		c := Charge(k, cost)
		c.Terms = terms
		return l.Reserve(ctx, c)
	}
	with := func(change func(*ledger.Amendment)) ledger.Amendment {
		m := ledger.Amendment{Dataset: "d", Terms: terms, By: []string{"A", "B"}, Reason: "budget_raised"}
		m.Terms.Budget = 2000
		change(&m)
		return m
	}
	good := with(func(*ledger.Amendment) {})
	refusedWith(t, "nothing charged", l.Amend(ctx, good), "nothing of d is charged")
	must(t, charge(Key("d", "2026", 1), 500, terms))
	must(t, charge(Key("d", "2025", 1), 100, terms))
	for name, change := range map[string]func(*ledger.Amendment){
		"one person":             func(m *ledger.Amendment) { m.By = []string{"A", " a "} },
		"a reason of one's own":  func(m *ledger.Amendment) { m.Reason = "more is needed" },
		"nothing":                func(m *ledger.Amendment) { m.Terms = terms },
		"a smaller budget":       func(m *ledger.Amendment) { m.Terms.Budget = 999 },
		"another unit":           func(m *ledger.Amendment) { m.Terms.Unit = privacy.RhoNano },
		"another mechanism":      func(m *ledger.Amendment) { m.Terms.Mechanism = "planner" },
		"another delta":          func(m *ledger.Amendment) { m.Terms.Delta = 1e-5 },
		"fewer periods":          func(m *ledger.Amendment) { m.Terms.Periods = 1 },
		"a period at a time":     func(m *ledger.Amendment) { m.Terms.Periods, m.Terms.PerPeriod = 0, true },
		"both kinds of budget":   func(m *ledger.Amendment) { m.Terms.PerPeriod = true },
		"no population":          func(m *ledger.Amendment) { m.Terms.Population = privacy.Population{} },
		"another population":     func(m *ledger.Amendment) { m.Terms.Population.Name = "others" },
		"a smaller cap":          func(m *ledger.Amendment) { m.Terms.Population.NanoEpsilon = 1999 },
		"a cap that was none":    func(m *ledger.Amendment) { m.Terms.Population.NanoRho = 1 },
		"a bound that was none":  func(m *ledger.Amendment) { m.BoundNow = 2 },
		"a bound that stays":     func(m *ledger.Amendment) { m.BoundWas, m.BoundNow = 2, 2 },
		"a bound that shrinks":   func(m *ledger.Amendment) { m.BoundWas, m.BoundNow = 2, 1 },
		"a dataset that is none": func(m *ledger.Amendment) { m.Dataset = "e" },
	} {
		refusedWith(t, name, l.Amend(ctx, with(change)))
	}
	entries(t, l, privacy.EntryAmend, 0)

	// 1. More budget: there is room, on the new terms only.
	must(t, l.Amend(ctx, good))
	refusedWith(t, "once more", l.Amend(ctx, good), "nothing differs")
	want(t, charge(Key("d", "2026", 2), 1, terms), privacy.ErrTerms)
	must(t, charge(Key("d", "2026", 2), 100, good.Terms))
	// 2. A larger bound: what was charged counts more, what comes does not.
	bound := with(func(m *ledger.Amendment) { m.BoundWas, m.BoundNow, m.Reason = 2, 3, "bound_corrected" })
	must(t, l.Amend(ctx, bound))
	costs(t, l, map[string]uint64{"2025": 150, "2026": 900}, 1050)
	want(t, charge(Key("d", "2026", 3), 101, good.Terms), privacy.ErrBudget)
	must(t, charge(Key("d", "2026", 3), 100, good.Terms))
	costs(t, l, map[string]uint64{"2025": 150, "2026": 1000}, 1150)
	if c, _, err := l.Charge(ctx, Key("d", "2026", 1)); err != nil || c.Cost != 500 || c.Counts != 750 || c.Bound != 3 {
		t.Errorf("cost %d counts %d for a bound of %d, %v", c.Cost, c.Counts, c.Bound, err)
	}
	// 3. More periods: a person may be in the year before, too.
	must(t, charge(Key("d", "2024", 1), 500, good.Terms))
	costs(t, l, map[string]uint64{"2024": 500, "2025": 150, "2026": 1000}, 1500)
	must(t, l.Amend(ctx, with(func(m *ledger.Amendment) { m.Terms.Periods, m.Reason = 3, "bound_corrected" })))
	costs(t, l, map[string]uint64{"2024": 500, "2025": 150, "2026": 1000}, 1650)
	// 4. A larger cap of the population, which must be one for all of its datasets.
	more := with(func(m *ledger.Amendment) { m.Terms.Periods, m.Terms.Population.NanoEpsilon = 3, 3000 })
	must(t, l.Amend(ctx, more))
	must(t, charge(Key("d", "2023", 1), 500, more.Terms))
}

func costs(t *testing.T, l Ledger, want map[string]uint64, person uint64) {
	t.Helper()
	a, err := l.Account(t.Context(), "d")
	must(t, err)
	for _, p := range a.Periods {
		if got := p.Spent + p.Reserved + p.Burnt; got != want[p.Period.String()] {
			t.Errorf("%s counts %d, want %d", p.Period, got, want[p.Period.String()])
		}
	}
	if a.PersonCost != person {
		t.Errorf("a person costs %d, want %d", a.PersonCost, person)
	}
}

// The chain alone gives the same book again, whatever people have done.
func replayed(open func(t *testing.T) Ledger) func(t *testing.T, l Ledger) {
	return func(t *testing.T, l Ledger) {
		ctx := t.Context()
		first, second := Key("d", "2026", 1), Key("d", "2026", 2)
		released(t, l, first, 100)
		must(t, l.Publish(ctx, "d", "2026.11-1", 1, Manifest, first))
		must(t, l.Revise(ctx, second, "A", "mapping_error"))
		must(t, l.Approve(ctx, second, "spec", "B"))
		released(t, l, second, 100)
		must(t, l.Withdraw(ctx, first, []string{"C"}, "mapping_error"))
		must(t, l.Revise(ctx, Key("d", "2026", 3), "A", "software_error"))
		must(t, l.Approve(ctx, Key("d", "2026", 3), "spec", "B"))
		terms := Charge(first, 1).Terms
		terms.Budget = 3000
		must(t, l.Amend(ctx, ledger.Amendment{Dataset: "d", Terms: terms, BoundWas: 1, BoundNow: 2, By: []string{"A", "B"}, Reason: "bound_corrected"}))

		links, err := l.Links(ctx, "d")
		must(t, err)
		again := open(t)
		sealed := map[privacy.Key][]byte{first: []byte(first.String()), second: []byte(second.String())}
		_, _, err = again.Unlock(ctx, ledger.Replay{Links: links, Sealed: sealed, By: []string{"A", "B"}, Reason: "lost"})
		must(t, err)
		if was, is := told(t, l), told(t, again); was != is {
			t.Errorf("the book was\n%s\nreplayed\n%s", was, is)
		}
	}
}

// told is all that a ledger says of dataset d.
func told(t *testing.T, l Ledger) string {
	t.Helper()
	ctx := t.Context()
	account, err := l.Account(ctx, "d")
	charges, err2 := l.Charges(ctx, "d")
	versions, err3 := l.Versions(ctx, "d")
	asks, err4 := l.Requests(ctx, "d")
	asked, err5 := l.Asked(ctx, Key("d", "2026", 3), "spec")
	must(t, errors.Join(err, err2, err3, err4, err5))
	for i := range charges {
		charges[i].Approvals = 0 // it is asked once, when the charge is made
	}
	return fmt.Sprintf("%+v\n%+v\n%+v\n%+v\n%+v", account, charges, versions, asks, asked)
}
