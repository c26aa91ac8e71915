// Package ledgertest holds every ledger to what package privacy asks of it, and
// to the invariants 1 to 6 of the release protocol as far as one ledger can
// show them without a disk.
package ledgertest

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"halftone/privacy"
	"halftone/privacy/ledger"
)

// A Ledger is everything that a ledger does.
type Ledger interface {
	privacy.Ledger
	Publish(ctx context.Context, dataset, version string, sequence int, manifest string, keys ...privacy.Key) error
	Head(ctx context.Context) (string, error)
	Links(ctx context.Context, dataset string) ([]privacy.Link, error)
	Charge(ctx context.Context, k privacy.Key) (ledger.Charged, bool, error)
	Charges(ctx context.Context, dataset string) ([]ledger.Charged, error)
	Account(ctx context.Context, dataset string) (ledger.Account, error)
	Versions(ctx context.Context, dataset string) ([]ledger.Version, error)
	Population(ctx context.Context, name string) ([]ledger.Member, error)
	GiveUp(ctx context.Context, k privacy.Key, by []string, reason string) error
	Unlock(ctx context.Context, r ledger.Replay) (int, []privacy.Key, error)
	CheckWitness(ctx context.Context, witnesses []ledger.Witness) error
	Take(ctx context.Context, holder string, ttl time.Duration, sure bool) error
	Renew(ctx context.Context, ttl time.Duration) error
	Give(ctx context.Context) error
	Revise(ctx context.Context, k privacy.Key, by, reason string) error
	Approve(ctx context.Context, k privacy.Key, spec, by string) error
	Withdraw(ctx context.Context, k privacy.Key, by []string, reason string) error
	Amend(ctx context.Context, m ledger.Amendment) error
	Asked(ctx context.Context, k privacy.Key, spec string) (ledger.Asked, error)
	Requests(ctx context.Context, dataset string) ([]privacy.Key, error)
}

// TB is what both a test and a property's check offer.
type TB interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// Run runs the suite. open returns an empty ledger whose day is 2026-11-23, and that
// writes without a lease: see [Leases].
func Run(t *testing.T, open func(t *testing.T) Ledger) {
	for name, test := range map[string]func(*testing.T, Ledger){
		"Invariant1BudgetOfAPeriod":       budgetOfAPeriod,
		"Invariant1PeriodsOfOtherLengths": otherLengths,
		"Invariant1NoOverflow":            noOverflow,
		"Invariant1Populations":           populations,
		"Invariant2ChargeBeforeBytes":     chargeBeforeBytes,
		"Invariant3OneChargeOneSeal":      oneChargeOneSeal,
		"Invariant3TermsAreFixed":         termsAreFixed,
		"Invariant3GuaranteesAreFixed":    guaranteesAreFixed,
		"Invariant4ChainAndExport":        chainAndExport,
		"Burn":                            burn,
		"Unlock":                          unlock(open),
		"Publish":                         publish,
		"Account":                         account,
		"Witness":                         witness,
		"Refused":                         refused,
		"Sources":                         sources,
		"Revise":                          revise,
		"Approve":                         approve,
		"Withdraw":                        withdraw,
		"Amend":                           amend,
		"Replayed":                        replayed(open),
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// Key returns the key of a release of series 1.
func Key(dataset, period string, edition int) privacy.Key {
	p, err := privacy.ParsePeriod(period)
	if err != nil {
		panic(err)
	}
	return privacy.Key{Dataset: dataset, Series: 1, Period: p, Edition: edition}
}

// Charge returns a charge against a budget of 1000 over two periods.
func Charge(k privacy.Key, cost uint64) privacy.Charge {
	return privacy.Charge{Key: k, Cost: cost, SpecDigest: "spec", InputDigest: "input", Expected: []string{"a", "b"}, Reporting: []string{"a"},
		Terms: privacy.Terms{Unit: privacy.EpsilonNano, Mechanism: "laplace", Budget: 1000, Delta: 1e-6, Periods: 2}}
}

// Manifest is a well-formed digest.
var Manifest = strings.Repeat("ab", 32)

func must(t TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t TB, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("error %v, want %v", err, kind)
	}
}

func count(t TB, l Ledger, dataset string) int {
	t.Helper()
	c, err := l.Charges(context.Background(), dataset)
	must(t, err)
	return len(c)
}

func budgetOfAPeriod(t *testing.T, l Ledger) {
	ctx := t.Context()
	must(t, l.Reserve(ctx, Charge(Key("d", "2026", 1), 300)))
	must(t, l.Reserve(ctx, Charge(Key("d", "2026", 2), 200)))
	want(t, l.Reserve(ctx, Charge(Key("d", "2026", 3), 1)), privacy.ErrBudget)
	other := Charge(Key("d", "2026", 1), 1)
	other.Key.Series = 2
	want(t, l.Reserve(ctx, other), privacy.ErrBudget)
	want(t, l.Reserve(ctx, Charge(Key("d", "2027", 1), 501)), privacy.ErrBudget)
	for _, p := range []string{"2025", "2027", "2028"} {
		must(t, l.Reserve(ctx, Charge(Key("d", p, 1), 500)))
	}
	must(t, l.Reserve(ctx, Charge(Key("e", "2026", 1), 500)))
	if n := count(t, l, "d"); n != 5 {
		t.Errorf("%d charges, want 5: a refused one must leave nothing", n)
	}
	// Where a person may be in any number of periods, the budget is a period's.
	c := Charge(Key("f", "2026", 1), 1000)
	c.Terms.Periods, c.Terms.PerPeriod = 0, true
	must(t, l.Reserve(ctx, c))
	c.Key.Edition, c.Cost = 2, 1
	want(t, l.Reserve(ctx, c), privacy.ErrBudget)
	c.Key = Key("f", "2027", 1)
	must(t, l.Reserve(ctx, c))
}

// Datasets of one population cost the same people: together at most its cap, in
// pure ε, or in ρ where one of them is paid in it.
func populations(t *testing.T, l Ledger) {
	ctx := t.Context()
	charge := func(dataset, period, unit string, cost uint64, cap privacy.Population) privacy.Charge {
		c := Charge(Key(dataset, period, 1), cost)
		c.Terms = privacy.Terms{Unit: unit, Mechanism: unit, Budget: 2e9, Periods: 1, Population: cap}
		return c
	}
	pure := privacy.Population{Name: "people", Cost: privacy.Cost{NanoEpsilon: 3e9}}
	must(t, l.Reserve(ctx, charge("a", "2026", privacy.EpsilonNano, 2e9, pure)))
	must(t, l.Reserve(ctx, charge("b", "2026", privacy.EpsilonNano, 5e8, pure)))
	want(t, l.Reserve(ctx, charge("c", "2026", privacy.EpsilonNano, 5e8+1, pure)), privacy.ErrBudget)
	must(t, l.Reserve(ctx, charge("c", "2026", privacy.EpsilonNano, 5e8, pure)))
	must(t, l.Reserve(ctx, charge("b", "2027", privacy.EpsilonNano, 5e8, pure))) // another period of a person who is in one
	want(t, l.Reserve(ctx, charge("b", "2028", privacy.EpsilonNano, 5e8+1, pure)), privacy.ErrBudget)
	must(t, l.Reserve(ctx, charge("other", "2026", privacy.EpsilonNano, 2e9, privacy.Population{Name: "others"})))
	want(t, l.Reserve(ctx, charge("d", "2026", privacy.EpsilonNano, 1, privacy.Population{Name: "people"})), privacy.ErrTerms)

	// ε 1 is ρ ½ (ε²/2), beside which ρ ¼ has room and a little more has none.
	mixed := privacy.Population{Name: "mixed", Cost: privacy.Cost{NanoEpsilon: 1e9, NanoRho: 75e7}, Delta: 1e-6}
	must(t, l.Reserve(ctx, charge("e", "2026", privacy.EpsilonNano, 1e9, mixed)))
	want(t, l.Reserve(ctx, charge("f", "2026", privacy.RhoNano, 25e7+1, mixed)), privacy.ErrBudget)
	must(t, l.Reserve(ctx, charge("f", "2026", privacy.RhoNano, 25e7, mixed)))

	members, err := l.Population(ctx, "people")
	must(t, err)
	var got []string
	var costs []privacy.Cost
	for _, m := range members {
		got, costs = append(got, m.Dataset), append(costs, m.Cost())
	}
	if strings.Join(got, " ") != "a b c" || privacy.Together(costs...) != (privacy.Cost{NanoEpsilon: 3e9}) {
		t.Errorf("%v, %v", got, costs)
	}
	if m, err := l.Population(ctx, ""); err != nil || len(m) > 0 {
		t.Errorf("no population has members: %v, %v", m, err)
	}
}

// A person is in a year and in its quarters, whatever series they belong to.
func otherLengths(t *testing.T, l Ledger) {
	ctx := t.Context()
	must(t, l.Reserve(ctx, Charge(Key("d", "2026", 1), 300)))
	must(t, l.Reserve(ctx, Charge(Key("d", "2026-Q1", 1), 200)))
	want(t, l.Reserve(ctx, Charge(Key("d", "2026-02", 1), 1)), privacy.ErrBudget)
	must(t, l.Reserve(ctx, Charge(Key("d", "2026-Q2", 1), 100)))
	must(t, l.Reserve(ctx, Charge(Key("d", "2026-04", 1), 100)))
	want(t, l.Reserve(ctx, Charge(Key("d", "2014-2026", 1), 1)), privacy.ErrBudget)
	must(t, l.Reserve(ctx, Charge(Key("d", "2014-2025", 1), 500)))
}

func noOverflow(t *testing.T, l Ledger) {
	ctx := t.Context()
	for _, budget := range []uint64{1, 1000, math.MaxUint64 - 1, math.MaxUint64} {
		k := Key("d"+string(rune('a'+budget%26)), "2026", 1)
		c := Charge(k, 1)
		c.Terms.Budget, c.Terms.Periods = budget, 1
		must(t, l.Reserve(ctx, c))
		c.Key.Edition = 2
		for _, cost := range []uint64{math.MaxUint64, math.MaxUint64 - 1, budget} {
			if c.Cost = cost; cost <= budget-1 {
				continue // fits
			}
			want(t, l.Reserve(ctx, c), privacy.ErrBudget)
		}
		if c.Cost = budget - 1; c.Cost > 0 {
			must(t, l.Reserve(ctx, c))
		}
		a, err := l.Account(ctx, k.Dataset)
		must(t, err)
		if a.PersonCost != budget || a.Periods[0].Left != 0 {
			t.Errorf("budget %d: person %d, left %d", budget, a.PersonCost, a.Periods[0].Left)
		}
	}
}

func chargeBeforeBytes(t *testing.T, l Ledger) {
	ctx, k := t.Context(), Key("d", "2026", 1)
	if l.Seal(ctx, k, []byte("x")) == nil {
		t.Fatal("sealed what was not charged")
	}
	if _, err := l.Sealed(ctx, k); !errors.Is(err, privacy.ErrNotReleased) {
		t.Fatal(err)
	}
	want(t, l.Reserve(ctx, Charge(k, 501)), privacy.ErrBudget)
	if l.Seal(ctx, k, []byte("x")) == nil {
		t.Fatal("sealed what was refused")
	}
	must(t, l.Reserve(ctx, Charge(k, 500)))
	if _, err := l.Sealed(ctx, k); !errors.Is(err, privacy.ErrNotReleased) {
		t.Fatal(err)
	}
	want(t, l.Publish(ctx, "d", "2026.11-1", 1, Manifest, k), privacy.ErrNotReleased)
}

// A source stays what it was: with a guarantee or without one, in every series. One
// that comes later may be either.
func guaranteesAreFixed(t *testing.T, l Ledger) {
	ctx := t.Context()
	charge := func(period string, series int, expected, none []string) privacy.Charge {
		c := Charge(Key("d", period, 1), 10)
		c.Key.Series, c.Expected, c.NoGuarantee, c.Reporting, c.Corrected = series, expected, none, nil, expected[:1]
		return c
	}
	must(t, l.Reserve(ctx, charge("2024", 1, []string{"a", "b"}, []string{"b"})))
	for name, c := range map[string]privacy.Charge{
		"taken back":   charge("2025", 1, []string{"a", "b"}, []string{"a", "b"}),
		"given late":   charge("2025", 1, []string{"a", "b"}, nil),
		"both":         charge("2025", 1, []string{"a", "b"}, []string{"a"}),
		"a new series": charge("2025", 2, []string{"a", "b"}, nil),
	} {
		if err := l.Reserve(ctx, c); !errors.Is(err, privacy.ErrTerms) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if l.Reserve(ctx, charge("2025", 1, []string{"a", "b"}, []string{"b", "z"})) == nil {
		t.Error("a source without a guarantee that is not expected")
	}
	must(t, l.Reserve(ctx, charge("2025", 2, []string{"a", "c", "d"}, []string{"d"})))
	must(t, l.Reserve(ctx, charge("2026", 1, []string{"c", "b"}, []string{"b"})))
	a, err := l.Account(ctx, "d")
	must(t, err)
	if got := a.Guarantees.None(); !slices.Equal(got, []string{"b", "d"}) || a.Guarantees.Nobody() {
		t.Errorf("no guarantee for %v", got)
	}
	c, _, err := l.Charge(ctx, Key("d", "2024", 1))
	must(t, err)
	if !slices.Equal(c.NoGuarantee, []string{"b"}) || !slices.Equal(c.Corrected, []string{"a"}) {
		t.Errorf("the charge has %v and %v", c.NoGuarantee, c.Corrected)
	}
	must(t, l.Reserve(ctx, charge("2024", 1, []string{"a", "b"}, []string{"b"}))) // again, as after a crash
}

func oneChargeOneSeal(t *testing.T, l Ledger) {
	ctx, k := t.Context(), Key("d", "2026", 1)
	c := Charge(k, 100)
	for range 3 {
		must(t, l.Reserve(ctx, c))
	}
	for name, change := range map[string]func(*privacy.Charge){
		"spec":      func(c *privacy.Charge) { c.SpecDigest = "other" },
		"input":     func(c *privacy.Charge) { c.InputDigest = "other" },
		"cost":      func(c *privacy.Charge) { c.Cost = 99 },
		"expected":  func(c *privacy.Charge) { c.Expected = []string{"a"} },
		"reporting": func(c *privacy.Charge) { c.Reporting = []string{"a", "b"} },
		"guarantee": func(c *privacy.Charge) { c.NoGuarantee = []string{"a"} },
		"corrected": func(c *privacy.Charge) { c.Corrected = []string{"a"} },
	} {
		o := c
		change(&o)
		if err := l.Reserve(ctx, o); !errors.Is(err, privacy.ErrPinned) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	if n := count(t, l, "d"); n != 1 {
		t.Fatalf("%d charges", n)
	}
	must(t, l.Seal(ctx, k, []byte("noisy")))
	must(t, l.Seal(ctx, k, []byte("noisy")))
	if l.Seal(ctx, k, []byte("noisier")) == nil {
		t.Error("sealed with other bytes")
	}
	b, err := l.Sealed(ctx, k)
	must(t, err)
	if !bytes.Equal(b, []byte("noisy")) {
		t.Errorf("%q", b)
	}
	must(t, l.Reserve(ctx, c)) // nothing happens
	if n := kinds(t, l, "d"); n[privacy.EntryCharge] != 1 || n[privacy.EntrySeal] != 1 {
		t.Errorf("entries %v", n)
	}
}

// kinds counts the entries of a dataset, after checking the chain.
func kinds(t TB, l Ledger, dataset string) map[string]int {
	t.Helper()
	links, err := l.Links(context.Background(), dataset)
	must(t, err)
	head, err := privacy.CheckChain(links)
	must(t, err)
	now, err := l.Head(context.Background())
	must(t, err)
	if head != now {
		t.Fatalf("export ends with %.8s, head %.8s", head, now)
	}
	n := map[string]int{}
	for _, k := range links {
		if k.Entry == nil {
			n[""]++
			continue
		}
		e, err := k.Decode()
		must(t, err)
		n[e.Kind]++
	}
	return n
}

func termsAreFixed(t *testing.T, l Ledger) {
	ctx := t.Context()
	must(t, l.Reserve(ctx, Charge(Key("d", "2026", 1), 100)))
	for name, change := range map[string]func(*privacy.Terms){
		"unit":      func(c *privacy.Terms) { c.Unit = "rho_nano" },
		"mechanism": func(c *privacy.Terms) { c.Mechanism = "gaussian" },
		"budget":    func(c *privacy.Terms) { c.Budget++ },
		"delta":     func(c *privacy.Terms) { c.Delta = 0 },
		"periods":   func(c *privacy.Terms) { c.Periods = 1 },
		"unlimited": func(c *privacy.Terms) { c.Periods, c.PerPeriod = 0, true },
	} {
		for _, series := range []int{1, 2} {
			c := Charge(Key("d", "2027", 1), 1)
			c.Key.Series = series
			change(&c.Terms)
			if err := l.Reserve(ctx, c); !errors.Is(err, privacy.ErrTerms) {
				t.Errorf("another %s: %v", name, err)
			}
		}
	}
	other := Charge(Key("e", "2026", 1), 100)
	other.Terms.Budget = 7000
	must(t, l.Reserve(ctx, other))
}

func chainAndExport(t *testing.T, l Ledger) {
	ctx := t.Context()
	if h, err := l.Head(ctx); err != nil || h != "" {
		t.Fatalf("head of nothing: %q, %v", h, err)
	}
	for _, d := range []string{"d", "e", "d"} {
		k := Key(d, "2026", count(t, l, d)+1)
		must(t, l.Reserve(ctx, Charge(k, 100)))
		must(t, l.Seal(ctx, k, []byte(k.String())))
	}
	must(t, l.Publish(ctx, "e", "2026.11-1", 1, Manifest, Key("e", "2026", 1)))
	if n := kinds(t, l, "d"); n[privacy.EntryCharge] != 2 || n[privacy.EntrySeal] != 2 || n[""] != 3 {
		t.Errorf("d: %v", n)
	}
	if n := kinds(t, l, "e"); n[privacy.EntryCharge] != 1 || n[privacy.EntryPublish] != 1 || n[""] != 4 {
		t.Errorf("e: %v", n)
	}
	links, err := l.Links(ctx, "d")
	must(t, err)
	for _, k := range links {
		if bytes.Contains(k.Entry, []byte(`"e"`)) || k.Entry != nil && !bytes.HasPrefix(k.Entry, []byte(`{"day":"2026-11-23","kind"`)) {
			t.Errorf("entry %s", k.Entry)
		}
	}
}

func publish(t *testing.T, l Ledger) {
	ctx := t.Context()
	a, b := Key("d", "2026", 1), Key("d", "2027", 1)
	for _, k := range []privacy.Key{a, b} {
		must(t, l.Reserve(ctx, Charge(k, 100)))
		must(t, l.Seal(ctx, k, []byte("x")))
	}
	must(t, l.Publish(ctx, "d", "2026.11-1", 3, Manifest, a))
	must(t, l.Publish(ctx, "d", "2026.11-1", 3, Manifest, a))
	must(t, l.Publish(ctx, "d", "2026.11-2", 4, Manifest, b, a))
	must(t, l.Publish(ctx, "d", "2026.11-2", 4, Manifest, a, b))
	series2 := a
	series2.Series = 2
	for name, err := range map[string]error{
		"other manifest":   l.Publish(ctx, "d", "2026.11-1", 3, strings.Repeat("cd", 32), a),
		"other sequence":   l.Publish(ctx, "d", "2026.11-1", 5, Manifest, a),
		"other releases":   l.Publish(ctx, "d", "2026.11-1", 3, Manifest, a, b),
		"old sequence":     l.Publish(ctx, "d", "2026.11-3", 4, Manifest, a),
		"not a digest":     l.Publish(ctx, "d", "2026.11-3", 5, "x", a),
		"no release":       l.Publish(ctx, "d", "2026.11-3", 5, Manifest),
		"release twice":    l.Publish(ctx, "d", "2026.11-3", 5, Manifest, a, a),
		"two series":       l.Publish(ctx, "d", "2026.11-3", 5, Manifest, a, series2),
		"other dataset":    l.Publish(ctx, "e", "2026.11-3", 5, Manifest, a),
		"no name":          l.Publish(ctx, "d", "", 5, Manifest, a),
		"name with a path": l.Publish(ctx, "d", "../x", 5, Manifest, a),
		"not charged":      l.Publish(ctx, "d", "2026.11-3", 5, Manifest, Key("d", "2028", 1)),
	} {
		if err == nil {
			t.Errorf("%s: published", name)
		}
	}
	v, err := l.Versions(ctx, "d")
	must(t, err)
	if len(v) != 2 || v[0].Name != "2026.11-1" || v[1].Sequence != 4 || len(v[1].Releases) != 2 || v[1].Releases[0] != a {
		t.Errorf("versions %+v", v)
	}
	c, err := l.Charges(ctx, "d")
	must(t, err)
	if c[0].Version != "2026.11-1" || c[1].Version != "2026.11-2" || c[1].State() != ledger.Published {
		t.Errorf("charges %+v", c)
	}
}

func account(t *testing.T, l Ledger) {
	ctx := t.Context()
	if a, err := l.Account(ctx, "d"); err != nil || a.Periods != nil || a.PersonCost != 0 || a.Terms != (privacy.Terms{}) {
		t.Fatalf("empty: %+v, %v", a, err)
	}
	for _, c := range []privacy.Charge{Charge(Key("d", "2027", 1), 50), Charge(Key("d", "2026", 2), 30), Charge(Key("d", "2026", 1), 100), Charge(Key("d", "2025", 1), 20)} {
		must(t, l.Reserve(ctx, c))
	}
	must(t, l.Seal(ctx, Key("d", "2026", 1), []byte("x")))
	a, err := l.Account(ctx, "d")
	must(t, err)
	y := func(s string) privacy.Period { return Key("d", s, 1).Period }
	for i, p := range []ledger.PeriodAccount{
		{Period: y("2025"), Reserved: 20, Left: 480, Editions: 1},
		{Period: y("2026"), Spent: 100, Reserved: 30, Left: 370, Editions: 2},
		{Period: y("2027"), Reserved: 50, Left: 450, Editions: 1},
	} {
		if a.Periods[i] != p {
			t.Errorf("period %d: %+v, want %+v", i, a.Periods[i], p)
		}
	}
	if a.PersonCost != 180 || len(a.Periods) != 3 || a.Terms.Budget != 1000 {
		t.Errorf("%+v", a)
	}
	for _, s := range []struct {
		k    privacy.Key
		want ledger.State
	}{{Key("d", "2026", 1), ledger.Sealed}, {Key("d", "2026", 2), ledger.Reserved}, {Key("d", "2026", 3), ledger.Planned}} {
		c, ok, err := l.Charge(ctx, s.k)
		must(t, err)
		if c.State() != s.want || ok != (s.want != ledger.Planned) {
			t.Errorf("%s is %s", s.k, c.State())
		}
	}
}

func witness(t *testing.T, l Ledger) {
	ctx, k := t.Context(), Key("d", "2026", 1)
	var seen []ledger.Witness
	for _, step := range []func() error{
		func() error { return l.Reserve(ctx, Charge(k, 100)) },
		func() error { return l.Seal(ctx, k, []byte("x")) },
		func() error { return l.Publish(ctx, "d", "2026.11-1", 1, Manifest, k) },
	} {
		must(t, l.CheckWitness(ctx, seen))
		must(t, step())
		h, err := l.Head(ctx)
		must(t, err)
		seen = append(seen, ledger.Witness{Where: "d/2026.11-1/manifest.json", Head: h})
	}
	must(t, l.CheckWitness(ctx, seen))
	err := l.CheckWitness(ctx, append(seen, ledger.Witness{Where: "d/2026.12-1/manifest.json", Head: Manifest}))
	want(t, err, privacy.ErrLocked)
	for _, s := range []string{"d/2026.12-1/manifest.json", "older than what has been published", "restored backup?", "Nothing will be charged"} {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q does not say %q", err, s)
		}
	}
	want(t, l.Reserve(ctx, Charge(Key("d", "2027", 1), 100)), privacy.ErrLocked)
	want(t, l.Seal(ctx, k, []byte("x")), privacy.ErrLocked)
	want(t, l.Publish(ctx, "d", "2026.11-2", 2, Manifest, k), privacy.ErrLocked)
	if _, err := l.Sealed(ctx, k); err != nil {
		t.Errorf("a locked ledger can be read: %v", err)
	}
	if n := kinds(t, l, "d"); n[privacy.EntryCharge] != 1 || n[privacy.EntryPublish] != 1 {
		t.Errorf("entries %v", n)
	}
}

func refused(t *testing.T, l Ledger) {
	ctx := t.Context()
	for name, change := range map[string]func(*privacy.Charge){
		"no dataset":          func(c *privacy.Charge) { c.Key.Dataset = "" },
		"dataset with a path": func(c *privacy.Charge) { c.Key.Dataset = "../d" },
		"no series":           func(c *privacy.Charge) { c.Key.Series = 0 },
		"no edition":          func(c *privacy.Charge) { c.Key.Edition = 0 },
		"no period":           func(c *privacy.Charge) { c.Key.Period = privacy.Period{} },
		"no cost":             func(c *privacy.Charge) { c.Cost = 0 },
		"no spec":             func(c *privacy.Charge) { c.SpecDigest = "" },
		"no input":            func(c *privacy.Charge) { c.InputDigest = "" },
		"no unit":             func(c *privacy.Charge) { c.Terms.Unit = "" },
		"no budget":           func(c *privacy.Charge) { c.Terms.Budget = 0 },
		"delta not a number":  func(c *privacy.Charge) { c.Terms.Delta = math.NaN() },
		"delta 1":             func(c *privacy.Charge) { c.Terms.Delta = 1 },
		"both budgets":        func(c *privacy.Charge) { c.Terms.PerPeriod = true },
		"neither budget":      func(c *privacy.Charge) { c.Terms.Periods = 0 },
		"negative periods":    func(c *privacy.Charge) { c.Terms.Periods = -1 },
	} {
		c := Charge(Key("d", "2026", 1), 100)
		change(&c)
		if err := l.Reserve(ctx, c); err == nil {
			t.Errorf("%s: charged", name)
		}
		if name[3:] == "period" || strings.HasPrefix(name, "dataset") {
			if _, err := l.Sealed(ctx, c.Key); err == nil || l.Seal(ctx, c.Key, nil) == nil {
				t.Errorf("%s: sealed", name)
			}
		}
	}
	if h, err := l.Head(ctx); err != nil || h != "" {
		t.Errorf("head %q, %v", h, err)
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	if l.Reserve(done, Charge(Key("d", "2026", 1), 100)) == nil {
		t.Error("charged after the end of the context")
	}
}

// What a caller does to its slices later changes nothing.
func sources(t *testing.T, l Ledger) {
	ctx, c := t.Context(), Charge(Key("d", "2026", 1), 100)
	must(t, l.Reserve(ctx, c))
	c.Expected[0] = "z"
	got, _, err := l.Charge(ctx, c.Key)
	must(t, err)
	got.Reporting[0] = "y"
	must(t, l.Reserve(ctx, Charge(c.Key, 100)))
}
