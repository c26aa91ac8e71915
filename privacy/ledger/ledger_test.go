package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"halftone/privacy"
	"halftone/privacy/ledger"
	"halftone/privacy/ledger/ledgertest"
)

// today is the 23rd in UTC, and the 24th where the clock stands.
func today() time.Time {
	return time.Date(2026, 11, 24, 12, 30, 0, 0, time.FixedZone("", 13*3600))
}

// state is a state folder that does not exist yet.
func state(t testing.TB) string { return filepath.Join(t.TempDir(), ".halftone") }

func open(t testing.TB, dir string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(context.Background(), dir, today)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return ledger.Unfenced(l)
}

func TestMem(t *testing.T) {
	ledgertest.Run(t, func(*testing.T) ledgertest.Ledger { return ledger.NewMem(today) })
}

func TestSQLite(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) ledgertest.Ledger { return open(t, state(t)) })
}

// twin charges through one handle and does all else through another, as two
// processes would: each has to see what the other appended.
type twin struct {
	*ledger.Ledger
	charging *ledger.Ledger
}

func (d twin) Reserve(ctx context.Context, c privacy.Charge) error {
	if _, err := d.Head(ctx); err != nil {
		return err
	}
	return d.charging.Reserve(ctx, c)
}

func (d twin) CheckWitness(ctx context.Context, w []ledger.Witness) error {
	return errors.Join(d.Ledger.CheckWitness(ctx, w), d.charging.CheckWitness(ctx, w))
}

func TestSQLiteTwoHandles(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) ledgertest.Ledger {
		dir := state(t)
		return twin{open(t, dir), open(t, dir)}
	})
}

// later is a clock that a test moves on.
type later struct{ by time.Duration }

func (c *later) now() time.Time { return today().Add(c.by) }

func (c *later) expire(*testing.T) { c.by += time.Hour }

func TestMemLeases(t *testing.T) {
	ledgertest.Leases(t, func(*testing.T) ledgertest.Store {
		c := &later{}
		another := ledger.Shared(c.now)
		return ledgertest.Store{Open: func(*testing.T) ledgertest.Ledger { return another() }, Expire: c.expire}
	})
}

func TestSQLiteLeases(t *testing.T) {
	ledgertest.Leases(t, func(t *testing.T) ledgertest.Store {
		c, dir := &later{}, state(t)
		return ledgertest.Store{Expire: c.expire, Open: func(t *testing.T) ledgertest.Ledger {
			l, err := ledger.Open(t.Context(), dir, c.now)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			return l
		}}
	})
}

// A model that keeps lists and looks at all of them each time.
type model struct {
	charges []privacy.Charge
	sealed  map[privacy.Key]string
}

func (m *model) reserve(c privacy.Charge) error {
	for _, o := range m.charges {
		if o.Key.Dataset == c.Key.Dataset && o.Terms != c.Terms {
			return privacy.ErrTerms
		}
	}
	for _, o := range m.charges {
		if o.Key == c.Key {
			if o.SpecDigest != c.SpecDigest || o.Cost != c.Cost {
				return privacy.ErrPinned
			}
			return nil
		}
	}
	// Each month by itself, in numbers that cannot overflow.
	for month := c.Key.Period.Start(); month.Before(c.Key.Period.End()); month = month.AddDate(0, 1, 0) {
		sum := float64(c.Cost)
		for _, o := range m.charges {
			if o.Key.Dataset == c.Key.Dataset && covers(o.Key.Period, month) {
				sum += float64(o.Cost)
			}
		}
		if sum > float64(c.Terms.Cap()) {
			return privacy.ErrBudget
		}
	}
	m.charges = append(m.charges, c)
	return nil
}

func covers(p privacy.Period, month time.Time) bool {
	return !month.Before(p.Start()) && month.Before(p.End())
}

// dearest is the most that a person costs who is in at most n months, in no two
// of one period of the shortest length: what all charges cost that cover one.
func (m *model) dearest(dataset string, n int) uint64 {
	var months []time.Time
	for _, c := range m.charges {
		for t := c.Key.Period.Start(); c.Key.Dataset == dataset && t.Before(c.Key.Period.End()); t = t.AddDate(0, 3, 0) {
			months = append(months, t)
		}
	}
	cost := func(in []time.Time) (sum uint64) {
		for _, c := range m.charges {
			if c.Key.Dataset == dataset && slices.ContainsFunc(in, func(t time.Time) bool { return covers(c.Key.Period, t) }) {
				sum += c.Cost
			}
		}
		return sum
	}
	var best uint64
	for i, a := range months {
		best = max(best, cost(months[i:i+1]))
		for _, b := range months[i+1:] {
			if n == 2 {
				best = max(best, cost([]time.Time{a, b}))
			}
		}
	}
	return best
}

// Invariants 1, 2, 3 and 5: whatever is asked in whatever order on whatever day,
// the ledger answers as the model does, and no person costs more than the budget.
func TestInvariant1AgainstModel(t *testing.T) {
	for name, make := range map[string]func(t *testing.T, now func() time.Time) ledgertest.Ledger{
		"mem": func(_ *testing.T, now func() time.Time) ledgertest.Ledger { return ledger.NewMem(now) },
		"sqlite": func(t *testing.T, now func() time.Time) ledgertest.Ledger {
			l, err := ledger.Open(context.Background(), state(t), now)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			return ledger.Unfenced(l)
		},
	} {
		t.Run(name, func(test *testing.T) {
			rapid.Check(test, func(t *rapid.T) {
				day := today()
				walk(t, make(test, func() time.Time { return day }), &day)
			})
		})
	}
}

func walk(t *rapid.T, l ledgertest.Ledger, day *time.Time) {
	ctx, m := context.Background(), &model{sealed: map[privacy.Key]string{}}
	terms := map[string]int64{"d": rapid.Int64Range(1, 2).Draw(t, "P"), "e": 0}
	for range rapid.IntRange(5, 25).Draw(t, "steps") {
		*day = day.AddDate(0, rapid.IntRange(-50, 50).Draw(t, "clock"), 0) // invariant 5: time gives nothing back
		k := ledgertest.Key(rapid.SampledFrom([]string{"d", "e"}).Draw(t, "dataset"),
			rapid.SampledFrom([]string{"2025", "2026", "2025-Q1", "2026-Q4", "2025-2026"}).Draw(t, "period"), rapid.IntRange(1, 3).Draw(t, "edition"))
		k.Series = rapid.IntRange(1, 2).Draw(t, "series")
		if rapid.Bool().Draw(t, "charge") {
			c := ledgertest.Charge(k, rapid.SampledFrom([]uint64{1, 99, 100, 250, 500, 501, 1000, 1001, 1<<64 - 1}).Draw(t, "cost"))
			c.Terms.Periods, c.Terms.PerPeriod = terms[k.Dataset], terms[k.Dataset] == 0
			c.SpecDigest = rapid.SampledFrom([]string{"spec", "spec", "spec", "other"}).Draw(t, "spec")
			if rapid.IntRange(0, 9).Draw(t, "other terms") == 0 {
				c.Terms.Delta = 0.5
			}
			if got, want := l.Reserve(ctx, c), m.reserve(c); !errors.Is(got, want) || want == nil && got != nil {
				t.Fatalf("%v cost %d: %v, model %v", k, c.Cost, got, want)
			}
		} else {
			file := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "file")
			charged := slices.ContainsFunc(m.charges, func(c privacy.Charge) bool { return c.Key == k })
			may := charged && (m.sealed[k] == "" || m.sealed[k] == file)
			if err := l.Seal(ctx, k, []byte(file)); (err == nil) != may {
				t.Fatalf("seal of %v: %v", k, err)
			}
			if may {
				m.sealed[k] = file
			}
		}
		if b, err := l.Sealed(ctx, k); string(b) != m.sealed[k] || (m.sealed[k] == "") != errors.Is(err, privacy.ErrNotReleased) {
			t.Fatalf("sealed %v: %q, %v", k, b, err)
		}
	}
	for d, p := range terms {
		a, err := l.Account(ctx, d)
		if err != nil {
			t.Fatal(err)
		}
		if real := m.dearest(d, max(1, int(p))); a.PersonCost > a.Terms.Budget || real > a.PersonCost {
			t.Fatalf("%s: a person costs %d, the ledger says %d of %d", d, real, a.PersonCost, a.Terms.Budget)
		}
		var sum, want uint64
		for _, p := range a.Periods {
			sum += p.Spent + p.Reserved
		}
		for _, c := range m.charges {
			if c.Key.Dataset == d {
				want += c.Cost
			}
		}
		if sum != want {
			t.Fatalf("%s: the account holds %d, charged were %d", d, sum, want)
		}
	}
}

func spec() privacy.Spec {
	return privacy.Spec{Dataset: "d", Series: 1, Measure: "flow", Unit: "event", Every: "year", Editions: 1, Mechanism: "laplace",
		Dimensions: []privacy.Dimension{{Name: "sex", Levels: []privacy.Level{{Name: "all", Codes: []string{privacy.Total}}, {Name: "sex", Codes: []string{"F", "M"}, Parent: []uint32{0, 0}}}}},
		Tables:     []privacy.Table{{Name: "by-sex", Levels: []int{1}}},
		Sources:    []privacy.Source{{Name: "a", PerPeriod: 1, Periods: 1, Sensitivity: 1, Mapping: "m"}},
		Budget:     privacy.Budget{NanoEpsilon: 1e9, Delta: 1e-6}}
}

func cube(t *testing.T, p privacy.Period) privacy.Cube {
	t.Helper()
	c, err := privacy.NewCube(spec(), p)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Add([][]uint32{{0, 1}}, []int64{20, 30}); err != nil {
		t.Fatal(err)
	}
	return c
}

// failing loses power instead of sealing.
type failing struct{ privacy.Ledger }

var errPower = errors.New("power cut")

func (failing) Seal(context.Context, privacy.Key, []byte) error { return errPower }

// Invariant 2, 3 and the protocol as Measure walks it: a crash after the charge
// is finished on the same charge, and what is sealed is never drawn again.
func TestInvariant3MeasureAfterCrash(t *testing.T) {
	dir, k := state(t), ledgertest.Key("d", "2026", 1)
	in := privacy.Input{Digest: "in", Expected: []string{"a"}, Reporting: []string{"a"}}
	l := open(t, dir)
	if _, err := privacy.Measure(t.Context(), spec(), cube(t, k.Period), k, in, failing{l}); !errors.Is(err, errPower) {
		t.Fatal(err)
	}
	if c, ok, err := l.Charge(t.Context(), k); err != nil || !ok || c.State() != ledger.Reserved {
		t.Fatalf("%+v, %v", c, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir)
	other := in
	other.Digest = "late rows"
	if _, err := privacy.Measure(t.Context(), spec(), cube(t, k.Period), k, other, l); !errors.Is(err, privacy.ErrPinned) {
		t.Fatalf("other rows on the same charge: %v", err)
	}
	r, err := privacy.Measure(t.Context(), spec(), cube(t, k.Period), k, in, l)
	if err != nil {
		t.Fatal(err)
	}
	again, err := privacy.Measure(t.Context(), spec(), cube(t, k.Period), k, other, open(t, dir))
	if err != nil || !bytes.Equal(r.File(), again.File()) {
		t.Fatalf("measured again: %v", err)
	}
	links, err := l.Links(t.Context(), "d")
	if err != nil || len(links) != 2 {
		t.Fatalf("%d entries, want one charge and one seal; %v", len(links), err)
	}
	if c, _, err := l.Charge(t.Context(), k); err != nil || c.State() != ledger.Sealed || c.Cost != 1e9 {
		t.Fatalf("%+v, %v", c, err)
	}
}

func TestReopen(t *testing.T) {
	dir, k := state(t), ledgertest.Key("d", "2026", 1)
	for i := range 3 {
		l := open(t, dir)
		for _, err := range []error{l.Reserve(t.Context(), ledgertest.Charge(k, 100)), l.Seal(t.Context(), k, []byte("x")),
			l.Publish(t.Context(), "d", "2026.11-1", 1, ledgertest.Manifest, k)} {
			if err != nil {
				t.Fatalf("round %d: %v", i, err)
			}
		}
		links, err := l.Links(t.Context(), "d")
		if err != nil || len(links) != 3 {
			t.Fatalf("round %d: %d entries, %v", i, len(links), err)
		}
		if err := errors.Join(l.Close(), l.Close()); err != nil {
			t.Fatal(err)
		}
		if err := l.Reserve(t.Context(), ledgertest.Charge(k, 100)); err == nil {
			t.Fatal("a closed ledger charges")
		}
	}
}

// What a refusal says is enough to act on.
func TestRefusalSentences(t *testing.T) {
	l, k := ledger.NewMem(today), ledgertest.Key("d", "2026", 1)
	if err := l.Reserve(t.Context(), ledgertest.Charge(k, 400)); err != nil {
		t.Fatal(err)
	}
	second, other, pinned := ledgertest.Charge(ledgertest.Key("d", "2026", 2), 101), ledgertest.Charge(k, 400), ledgertest.Charge(k, 400)
	other.Terms.Budget, pinned.InputDigest = 2000, "other"
	for _, c := range []struct {
		c    privacy.Charge
		want string
	}{
		{second, "privacy: the budget has no room for this release: it costs 101 epsilon_nano, and of the 500 of its period 100 are left; nothing was charged, see halftone budget"},
		{other, "privacy: the terms differ from those of the dataset's first charge: budget was 1e-06 (epsilon), is now 2e-06 (epsilon); nothing was charged: take the change back"},
		{pinned, "privacy: this release is pinned to another spec or input: the input is not that of its charge; a charged release cannot be changed: put back what was charged"},
	} {
		if got := fmt.Sprint(l.Reserve(t.Context(), c.c)); got != c.want {
			t.Errorf("%s\nwant %s", got, c.want)
		}
	}
}
