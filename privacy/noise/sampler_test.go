package noise

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func bigU(x uint64) *big.Int { return new(big.Int).SetUint64(x) }

func pow2(n uint) *big.Int { return new(big.Int).Lsh(big.NewInt(1), n) }

// edge is the least w with high word k and low word at least 2⁶⁴ mod n in w·n.
func edge(k, n uint64) uint64 {
	surplus := new(big.Int).Mod(pow2(64), bigU(n))
	w := new(big.Int).Add(new(big.Int).Lsh(bigU(k), 64), surplus)
	w.Add(w, bigU(n-1))
	return w.Div(w, bigU(n)).Uint64()
}

func (g Gaussian) rat() *big.Rat { return new(big.Rat).SetFrac(bigU(g.P), bigU(g.Q)) }

// forced is a sampler that may use no width narrower than from.
func forced(g Gaussian, r *Source, from width) sampler {
	s := newSampler(g, r)
	s.from = max(s.from, from)
	return s
}

func (s *sampler) value(y proposal) *big.Int {
	v := new(big.Int).Mul(bigU(s.t), bigU(y.v))
	if v.Add(v, bigU(y.u)); y.neg {
		v.Neg(v)
	}
	return v
}

// read is how much of r has been used.
func (r *Source) read(fills *int) int { return *fills*sourceSize + r.at }

func counted(seed uint64) (*Source, *int) {
	r, n := seeded(seed), 0
	fill := r.fill
	r.fill = func(b []byte) { n++; fill(b) }
	return r, &n
}

var edges = []Gaussian{
	{1, 1024}, {300, 1024}, {3, 1}, {4096, 1024}, {7777, 1024}, {1 << 20, 1024}, {1023, 1}, {1024, 1},
	{1_000_000, 1}, {50_000_000, 1}, {100_000_000, 1}, {most64, 1}, {most64 + 1, 1}, {1 << 30, 1},
	{1 << 40, 1}, {most128, 1}, {most128 + 1, 1}, {1 << 62, 1}, {1<<64 - 1, 1},
}

// All widths give the draws of the reference and read as many words for them.
func TestWidthsAgree(t *testing.T) {
	for _, g := range edges {
		ref, refFills := counted(7)
		var all [3]sampler
		var fills [3]*int
		for w := range all {
			var r *Source
			r, fills[w] = counted(7)
			all[w] = forced(g, r, width(w))
		}
		for i := range 300 {
			want := reference{ref}.draw(g.rat())
			for w := range all {
				s := &all[w]
				if got := s.value(s.draw()); got.Cmp(want) != 0 || s.src.read(fills[w]) != ref.read(refFills) {
					t.Fatalf("s=%v draw %d: width %d and the reference part", g.rat(), i, w)
				}
			}
		}
	}
}

// twin recomputes what the sampler computes for one proposal, in big integers,
// and holds it to the bounds of the proof. It returns x = n/d.
func twin(t interface{ Fatalf(string, ...any) }, g Gaussian, s *sampler, y proposal) (n, d *big.Int) {
	hold := func(what string, x *big.Int, bits uint) {
		if x.Sign() < 0 || x.Cmp(pow2(bits)) >= 0 {
			t.Fatalf("s=%v: %s is not below 2^%d", g.rat(), what, bits)
		}
	}
	tt := scale(g.rat())
	if tt.Cmp(bigU(s.t)) != 0 || s.qt != g.Q*s.t {
		t.Fatalf("s=%v: scale %d, want %v", g.rat(), s.t, tt)
	}
	qt := new(big.Int).Mul(bigU(g.Q), tt)
	d = new(big.Int).Mul(new(big.Int).Mul(qt, tt), bigU(g.P))
	d.Lsh(d, 1)
	mag := new(big.Int).Add(new(big.Int).Mul(tt, bigU(y.v)), bigU(y.u))
	prod := new(big.Int).Mul(mag, qt)
	a := new(big.Int).Sub(prod, bigU(g.P))
	a.Abs(a)
	n = new(big.Int).Mul(a, a)
	hold("2t", new(big.Int).Lsh(tt, 1), 34)
	if s.from == width64 {
		hold("d", d, 58)
		hold("63d", new(big.Int).Mul(d, big.NewInt(joint)), 64)
		if y.v < farLaplace {
			hold("|Y|", mag, 31)
			hold("|Y|qt", prod, 46)
		}
		if d.Cmp(bigU(s.d64)) != 0 {
			t.Fatalf("s=%v: d64 is %d, want %v", g.rat(), s.d64, d)
		}
	}
	if s.from <= width128 {
		hold("t", tt, 30)
		hold("d", d, 120)
		hold("63d", new(big.Int).Mul(d, big.NewInt(joint)), 126)
		if got := new(big.Int).Add(new(big.Int).Lsh(bigU(s.d128.hi), 64), bigU(s.d128.lo)); got.Cmp(d) != 0 {
			t.Fatalf("s=%v: d128 is %v, want %v", g.rat(), got, d)
		}
		if y.v < farLaplace {
			hold("|Y|", mag, 46)
		}
	}
	return n, d
}

// judge gives accept, from each width, the words that make every coin of bias
// 1/e succeed, so that what is left of x after its whole units decides.
func judge(t interface{ Fatalf(string, ...any) }, g Gaussian, y proposal, seed uint64) {
	s := newSampler(g, seeded(seed))
	n, d := twin(t, g, &s, y)
	units := new(big.Int).Div(n, d)
	if units.Cmp(big.NewInt(600)) > 0 { // at the largest s of a width its limit is at 512 or less
		units.SetInt64(3)
	}
	var words []uint64
	for range units.Int64() {
		words = append(words, 0, math.MaxUint64) // A₂ true, A₃ false
	}
	ref := script(seed, words...)
	want := reference{ref}.accept(g.rat(), scale(g.rat()), new(big.Int).Abs(s.value(y)))
	for w := s.from; w <= widthBig; w++ {
		s := forced(g, script(seed, words...), w)
		if got := s.accept(y); got != want || s.src.at != ref.at {
			t.Fatalf("s=%v: proposal %v of width %d and the reference part", g.rat(), y, w)
		}
	}
}

// Proposals at and about the limits of the widths.
func TestAcceptAtTheLimits(t *testing.T) {
	for _, g := range edges {
		s := newSampler(g, seeded(1))
		// v at which |Y|·q·t is about to pass 2³² and 2⁶⁴, and far out
		step := float64(s.qt) * float64(s.t)
		vs := []uint64{0, 1, 2, farLaplace - 1, farLaplace, 1 << 40, math.MaxUint64}
		if v := new(big.Int).ModInverse(bigU(s.t), pow2(64)); v != nil {
			vs = append(vs, v.Uint64()) // t·v would wrap to 1
		}
		for _, limit := range []float64{1 << 32, 1 << 64} {
			v := (limit + float64(s.p)) / step
			for _, d := range []float64{-1, 0, 1} {
				if v+d >= 0 && v+d < 1<<63 {
					vs = append(vs, uint64(v+d))
				}
			}
		}
		for _, v := range vs {
			for _, u := range []uint64{0, s.t / 2, s.t - 1} {
				for seed := range uint64(2) {
					judge(t, g, proposal{u: u, v: v}, seed)
				}
			}
		}
	}
}

func FuzzGaussianBounds(f *testing.F) {
	for _, g := range edges {
		f.Add(g.P, g.Q, uint64(3), uint64(17), uint64(1))
	}
	f.Add(uint64(0), uint64(1), uint64(0), uint64(0), uint64(0))
	f.Add(uint64(1<<20+1), uint64(1024), uint64(0), uint64(0), uint64(0))
	f.Fuzz(func(t *testing.T, p, q, u, v, seed uint64) {
		if q%3 != 0 { // most of the numbers are no denominators
			q = []uint64{0, 1, 1024}[q%3]
		}
		if q == fine && seed%8 != 0 {
			p %= fine*fine + 1
		}
		g := Gaussian{p, q}
		x := []int64{1 << 61, 0, -1 << 61}
		if g.Check() != nil {
			if g.Add(x, seeded(seed)) == nil || x[0] != 1<<61 {
				t.Fatal("drawn with refused parameters")
			}
			return
		}
		if err := g.Add(x, seeded(seed)); err != nil {
			t.Fatal(err)
		}
		ref := reference{seeded(seed)}
		for i, was := range []int64{1 << 61, 0, -1 << 61} {
			z := ref.draw(g.rat())
			if z.Add(z, big.NewInt(was)).Cmp(big.NewInt(x[i])) != 0 {
				t.Fatalf("s=%v: draw %d parts from the reference", g.rat(), i)
			}
		}
		judge(t, g, proposal{u: u % scale(g.rat()).Uint64(), v: v}, seed)
		judge(t, g, proposal{u: u % scale(g.rat()).Uint64(), v: v % 64}, seed)
	})
}

// The coins of all widths read the same words to the same end, also where the
// first words do not decide or only just do.
func TestCoinsAgree(t *testing.T) {
	for seed := range uint64(5_000) {
		n, d, words := hardCoin(seed)
		by := func(coin func(r *Source) bool) (bool, int) {
			r := script(seed, words...)
			return coin(r), r.at
		}
		want, read := by(func(r *Source) bool { return reference{r}.coin(new(big.Rat).SetFrac(n, d)) })
		coins := []func(r *Source) bool{
			func(r *Source) bool { return r.coinBig(new(big.Int).Set(n), d) },
			func(r *Source) bool { return r.coin128(split(n), split(d)) },
			func(r *Source) bool { return r.coin(split(n).lo, split(d).lo) },
		}
		switch {
		case d.BitLen() > 127:
			coins = coins[:1]
		case d.BitLen() > 64:
			coins = coins[:2]
		}
		for i, coin := range coins {
			if got, at := by(coin); got != want || at != read {
				t.Fatalf("coin %d of %v/%v: %v after %d bytes, want %v after %d", i, n, d, got, at, want, read)
			}
		}
	}
}

// hardCoin is a bias n/d, in numbers of any length up to 128 bits, and the words
// that a coin of it will find hardest: up to three digits of n/d to base 2⁶⁴,
// which leave it open, the last of them or one a little below.
func hardCoin(seed uint64) (n, d *big.Int, words []uint64) {
	r := seeded(seed)
	number := func(bits int) *big.Int {
		x := new(big.Int).Lsh(bigU(r.word()), 64)
		x.Add(x, bigU(r.word()))
		return x.Rsh(x, uint(128-r.below(uint64(bits)+1)))
	}
	width := []int{64, 127, 128}[r.below(3)]
	d = number(width)
	if d.Sign() == 0 || r.below(4) == 0 {
		d = pow2(uint(r.below(uint64(width))))
	}
	n = number([]int{width, d.BitLen()}[r.below(2)])
	n.Mod(n, new(big.Int).Add(d, big.NewInt(1)))
	rest, digit := new(big.Int).Set(n), new(big.Int)
	for range r.below(4) {
		if rest.Cmp(d) < 0 {
			digit.DivMod(rest.Lsh(rest, 64), d, rest)
			words = append(words, digit.Uint64())
		}
	}
	if last := len(words) - 1; last >= 0 {
		words[last] -= min(words[last], r.below(8))
	}
	return n, d, words
}

func split(x *big.Int) u128 {
	lo := new(big.Int).Mod(x, pow2(64))
	return u128{new(big.Int).Rsh(x, 64).Uint64(), lo.Uint64()}
}

// From the 64th coin on a coin of bias γ/k is two. Words of 0 make every coin
// succeed that can; the end is set by hand.
func TestLongChains(t *testing.T) {
	for _, last := range []uint64{5, 62, 63, 64, 65, 80, 81} {
		var words []uint64
		for k := uint64(1); k < last; k++ {
			words = append(words, 0)
			if k > joint {
				words = append(words, 0)
			}
		}
		words = append(words, math.MaxUint64) // coin number `last` fails
		for name, exp := range map[string]func(r *Source) bool{
			"64":  func(r *Source) bool { return r.exp(1<<57, 1<<58-1) },
			"128": func(r *Source) bool { return r.exp128(u128{1 << 55, 0}, u128{1<<56 - 1, 0}) },
			"big": func(r *Source) bool { return r.expBig(pow2(200), pow2(201)) },
		} {
			r := script(3, words...)
			if got := exp(r); got != (last%2 == 1) || r.at != 8*len(words) {
				t.Errorf("exp%s, %d coins: %v after %d words of %d", name, last, got, r.at/8, len(words))
			}
		}
	}
}

// The sum is cut alike for every x.
func TestPlus(t *testing.T) {
	for _, g := range edges {
		s := newSampler(g, seeded(1))
		for _, v := range []uint64{0, 1, 1 << 29, 1 << 30, 1 << 31, 1 << 61, 1 << 62, math.MaxUint64} {
			for _, x := range []int64{0, 1, -1, 1 << 61, -1 << 61} {
				for _, neg := range []bool{false, true} {
					y := proposal{s.t - 1, v, neg}
					want := new(big.Int).Add(s.value(y), big.NewInt(x))
					if lim := big.NewInt(cut); want.CmpAbs(lim) > 0 {
						want.Set(lim)
						if neg {
							want.Neg(want)
						}
					}
					if got := s.plus(x, y); want.Cmp(big.NewInt(got)) != 0 {
						t.Errorf("s=%v: %d and %v is %d, want %v", g.rat(), x, y, got, want)
					}
				}
			}
		}
	}
}

func TestRoot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64().Draw(t, "n")
		if d := rapid.Uint64Range(0, 1<<32-1).Draw(t, "near"); rapid.Bool().Draw(t, "square") {
			n = d*d + rapid.Uint64Range(0, 2).Draw(t, "off") - 1
		}
		if got, want := root(n), new(big.Int).Sqrt(bigU(n)); want.Cmp(bigU(got)) != 0 {
			t.Fatalf("root of %d is %d, want %v", n, got, want)
		}
	})
}

func TestAddRefuses(t *testing.T) {
	for name, g := range map[string]Gaussian{
		"zero": {}, "no variance": {0, 1}, "no denominator": {5, 0}, "denominator": {5, 2}, "fine and large": {1<<20 + 1, 1024},
	} {
		x := []int64{4}
		if g.Check() == nil || g.Add(x, seeded(1)) == nil || x[0] != 4 {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestAddAllocatesNothing(t *testing.T) {
	x, r := make([]int64, 100), seeded(1)
	for _, g := range []Gaussian{{300, 1024}, {100, 1}, {1 << 40, 1}} {
		if n := testing.AllocsPerRun(10, func() {
			if err := g.Add(x, r); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("s=%v: %v allocations", g.rat(), n)
		}
	}
}
