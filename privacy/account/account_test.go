package account

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A release as a person meets it: drawn at a time, from the data as they then
// are, of one period. Later ones of the same period are its editions.
type drawn struct {
	time, period int
	cost         uint64
}

var anyReleases = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) drawn {
	return drawn{rapid.IntRange(0, 3).Draw(t, "time"), rapid.IntRange(0, 3).Draw(t, "period"), rapid.Uint64Range(1, 9).Draw(t, "cost")}
}), 0, 8)

// worst tries everything a person can be in, and adds up the releases of it. A
// person is, at each time, in a set of periods: of at most P over all times, or
// (not what is declared) of at most P at any one time.
func worst(releases []drawn, periods int, atOneTime bool) (cost uint64) {
	for choice := range 1 << len(releases) {
		sum, in := uint64(0), map[[2]int]bool{}
		count := map[int]int{} // periods, by time if atOneTime
		for i, r := range releases {
			if choice>>i&1 == 0 {
				continue
			}
			sum += r.cost
			place := [2]int{0, r.period}
			if atOneTime {
				place[0] = r.time
			}
			if !in[place] {
				in[place] = true
				count[place[0]]++
			}
		}
		allowed := true
		for _, n := range count {
			allowed = allowed && (n <= periods)
		}
		if allowed {
			cost = max(cost, sum)
		}
	}
	return cost
}

func periodSums(releases []drawn) []uint64 {
	sums := make([]uint64, 4)
	for _, r := range releases {
		sums[r.period] += r.cost
	}
	return sums
}

func TestPersonAgainstEnumeration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyReleases.Draw(t, "releases"), anyReleases.Draw(t, "of another dataset")
		p, q := rapid.IntRange(1, 4).Draw(t, "P"), rapid.IntRange(1, 4).Draw(t, "its P")
		if got, want := Person(periodSums(a), int64(p)), worst(a, p, false); got != want {
			t.Fatalf("Person = %d, the worst person costs %d", got, want)
		}
		both := Sum(Person(periodSums(a), int64(p)), Person(periodSums(b), int64(q)))
		if want := worst(a, p, false) + worst(b, q, false); both != want {
			t.Fatalf("population = %d, the worst person costs %d", both, want)
		}
		// Unlimited: of a person and period.
		dearest := worst(a, 1, false)
		if got := Person(periodSums(a), 0); got != dearest {
			t.Fatalf("Person(0) = %d, the dearest period costs %d", got, dearest)
		}
	})
}

// Every wrong way to count must undercharge somebody among a few hundred ledgers.
func TestWrongCountsAreCaught(t *testing.T) {
	largest := func(v []uint64, p int) uint64 { return Person(v, int64(p)) }
	wrong := map[string]func([]drawn, int) (stated, real uint64){
		"P promised at any one time only": func(r []drawn, p int) (uint64, uint64) {
			return largest(periodSums(r), p), worst(r, p, true)
		},
		"P largest of what one time shows": func(r []drawn, p int) (stated, real uint64) {
			for time := range 4 {
				stated = max(stated, largest(periodSums(slices.DeleteFunc(slices.Clone(r), func(d drawn) bool { return d.time != time })), p))
			}
			return stated, worst(r, p, false)
		},
		"editions not added": func(r []drawn, p int) (uint64, uint64) {
			dearest := make([]uint64, 4)
			for _, d := range r {
				dearest[d.period] = max(dearest[d.period], d.cost)
			}
			return largest(dearest, p), worst(r, p, false)
		},
		"P largest charges": func(r []drawn, p int) (uint64, uint64) {
			var all []uint64
			for _, d := range r {
				all = append(all, d.cost)
			}
			return largest(all, p), worst(r, p, false)
		},
		"P periods, the newest": func(r []drawn, p int) (uint64, uint64) {
			return Sum(periodSums(r)[4-p:]...), worst(r, p, false)
		},
		"one period less": func(r []drawn, p int) (uint64, uint64) {
			return largest(periodSums(r), max(1, p-1)), worst(r, p, false)
		},
	}
	for name, count := range wrong {
		t.Run(name, func(t *testing.T) {
			for seed := range 300 {
				stated, real := count(anyReleases.Example(seed), seed%4+1)
				if stated < real {
					return
				}
			}
			t.Error("undercharges nobody: the enumeration has no power")
		})
	}
}

// The case of the design: re-dated before each of six releases.
func TestRedatedBeforeEachRelease(t *testing.T) {
	var r []drawn
	for i := range 6 {
		r = append(r, drawn{i, i, 1})
	}
	if over, once := worst(r, 1, false), worst(r, 1, true); over != 1 || once != 6 {
		t.Errorf("over all pulls %d, at any one time %d; want 1 and 6", over, once)
	}
}

func TestPersonEdges(t *testing.T) {
	full := uint64(math.MaxUint64)
	for _, c := range []struct {
		name    string
		sums    []uint64
		periods int64
		want    uint64
	}{
		{"nothing", nil, 3, 0},
		{"nothing, unlimited", nil, 0, 0},
		{"fewer than P", []uint64{1, 2}, 9, 3},
		{"P as large as can be", []uint64{1, 2}, math.MaxInt64, 3},
		{"no declaration", []uint64{1, 5, 2}, -1, 8},
		{"stops", []uint64{full, 1, full}, 2, full},
		{"stops exactly", []uint64{full - 1, 1}, 2, full},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := slices.Clone(c.sums)
			if got := Person(c.sums, c.periods); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
			if !slices.Equal(before, c.sums) {
				t.Error("the caller's sums were reordered")
			}
		})
	}
}

// However many periods are released, each for its share, and whatever editions
// take of it, a person's budget holds.
func TestBudgetHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		budget, p := NanoRho(rapid.Uint64().Draw(t, "budget")), rapid.Int64Range(0, 40).Draw(t, "P")
		editions := rapid.IntRange(1, 6).Draw(t, "editions")
		first := rapid.SampledFrom([]*big.Rat{nil, big.NewRat(3, 5), big.NewRat(1, 3), big.NewRat(1, 1<<40), big.NewRat(1<<40-1, 1<<40)}).Draw(t, "first")
		share := PeriodShare(budget, p)
		shares := Shares(share, editions, first)
		if len(shares) != editions {
			t.Fatalf("%d shares of %d editions", len(shares), editions)
		}
		exact := new(big.Int)
		for _, s := range shares {
			exact.Add(exact, new(big.Int).SetUint64(uint64(s)))
		}
		if exact.Cmp(new(big.Int).SetUint64(uint64(share))) > 0 {
			t.Fatalf("shares %d sum to more than %d", shares, share)
		}
		if left := uint64(share) - exact.Uint64(); left > uint64(editions) {
			t.Fatalf("shares %d of %d leave %d", shares, share, left)
		}
		sums := slices.Repeat([]NanoRho{Sum(shares...)}, rapid.IntRange(0, 50).Draw(t, "periods"))
		cost := new(big.Int)
		for _, s := range sums[:min(int64(len(sums)), max(1, p))] {
			cost.Add(cost, new(big.Int).SetUint64(uint64(s)))
		}
		if person := Person(sums, p); person > budget || cost.Cmp(new(big.Int).SetUint64(uint64(person))) != 0 {
			t.Fatalf("a person costs %d (%d) of %d", person, cost, budget)
		}
	})
}

func TestShares(t *testing.T) {
	half, all := big.NewRat(1, 2), big.NewRat(1, 1)
	for _, c := range []struct {
		period   uint64
		editions int
		first    *big.Rat
		want     []uint64
	}{
		{10, 1, nil, []uint64{10}},
		{10, 3, nil, []uint64{3, 3, 3}},
		{10, 1, half, []uint64{10}},
		{10, 3, big.NewRat(6, 10), []uint64{6, 2, 2}},
		{11, 3, half, []uint64{5, 3, 3}},
		{math.MaxUint64, 2, half, []uint64{1<<63 - 1, 1 << 63}},
		{10, 0, nil, nil},
		{10, -1, nil, nil},
		{10, 2, all, nil},
		{10, 2, new(big.Rat), nil},
		{10, 2, big.NewRat(-1, 2), nil},
	} {
		t.Run(fmt.Sprint(c.period, c.editions, c.first), func(t *testing.T) {
			if got := Shares(c.period, c.editions, c.first); !slices.Equal(got, c.want) || (got == nil) != (c.want == nil) {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
	if PeriodShare(uint64(10), -1) != 0 || PeriodShare(uint64(10), 0) != 10 || PeriodShare(uint64(11), 3) != 3 {
		t.Error("PeriodShare")
	}
}

func TestExceeding(t *testing.T) {
	full := uint64(math.MaxUint64)
	if r := NanoRho(7).Exceeding(3); r != 63 {
		t.Errorf("three times M: %d, want 63", r)
	}
	if r := NanoEpsilon(7).Exceeding(3); r != 21 {
		t.Errorf("three times M: %d, want 21", r)
	}
	if uint64(NanoRho(2).Exceeding(1<<32)) != full || uint64(NanoRho(1).Exceeding(full)) != full ||
		uint64(NanoEpsilon(3).Exceeding(1<<63)) != full || NanoRho(0).Exceeding(full) != 0 {
		t.Error("does not stop at the largest number")
	}
}
