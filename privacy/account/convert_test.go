package account

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestGolden(t *testing.T) {
	for _, g := range goldenEpsilon {
		if got := Epsilon(g.rho, g.delta); got != g.eps {
			t.Errorf("Epsilon(%d, %g) = %x, want %x", g.rho, g.delta, got, g.eps)
		}
	}
	for _, g := range goldenDelta {
		if got := Delta(g.rho, g.eps); got != g.delta {
			t.Errorf("Delta(%d, %g) = %x, want %x", g.rho, g.eps, got, g.delta)
		}
	}
	for _, g := range goldenRho {
		if got := Rho(g.eps, g.delta); got != g.rho {
			t.Errorf("Rho(%g, %g) = %d, want %d", g.eps, g.delta, got, g.rho)
		}
	}
}

func TestDesignFigures(t *testing.T) {
	for rho, want := range map[NanoRho]float64{50_000_000: 1.4716, 100_000_000: 2.1419, 500_000_000: 5.2215, 1_000_000_000: 7.7662} {
		if got := Epsilon(rho, 1e-6); math.Abs(got-want) > 5e-5 {
			t.Errorf("Epsilon(%d, 1e-6) = %.5f, want %.4f", rho, got, want)
		}
	}
	if a, b := Rho(1, 1e-6), Rho(1, 1e-9); a != 24_355_970 || b != 14_973_057 {
		t.Errorf("nano-rho of (1, 1e-6), (1, 1e-9): %d, %d", a, b)
	}
}

func TestOutsideTheRange(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, d := range []float64{nan, inf, -inf, -1, 0, math.Copysign(0, -1), 1, 2} {
		if e, r := Epsilon(1, d), Rho(1, d); e != inf || r != 0 {
			t.Errorf("delta %g: epsilon %g, rho %d", d, e, r)
		}
	}
	for _, e := range []float64{nan, -inf, -1e-300, -1} {
		if d, r := Delta(1, e), Rho(e, 1e-6); d != 1 || r != 0 {
			t.Errorf("epsilon %g: delta %g, rho %d", e, d, r)
		}
	}
	if r := Rho(inf, 1e-6); r != 0 {
		t.Errorf("Rho(+Inf) = %d: a budget without end", r)
	}
	if d := Delta(1, inf); d != 0 {
		t.Errorf("Delta(1, +Inf) = %g", d)
	}
	if e, d := Epsilon(0, 1e-15), Delta(0, 0); e != 0 || d != 0 {
		t.Errorf("nothing charged: epsilon %g, delta %g", e, d)
	}
	if r := Rho(math.MaxFloat64, 1e-6); r != math.MaxUint64 {
		t.Errorf("Rho(largest) = %d", r)
	}
}

// checkInverse holds for every float64: Rho is the largest ρ within ε, to a nano,
// and Epsilon of Delta gets back to ε.
func checkInverse(t interface{ Errorf(string, ...any) }, eps, delta float64) {
	r := Rho(eps, delta)
	if valid := eps >= 0 && !math.IsInf(eps, 1) && delta > 0 && delta < 1; !valid {
		if r != 0 {
			t.Errorf("Rho(%g, %g) = %d", eps, delta, r)
		}
		return
	}
	if e := Epsilon(r, delta); !(e <= eps) {
		t.Errorf("Epsilon(Rho(%g, %g)) = %g", eps, delta, e)
	}
	if r < math.MaxUint64 {
		if e := Epsilon(r+1, delta); !(e > eps) {
			t.Errorf("Epsilon(Rho(%g, %g)+1 nano) = %g", eps, delta, e)
		}
	}
	if d := Delta(r, eps); !(d <= delta) {
		t.Errorf("Delta(Rho(%g, %g), %g) = %g", eps, delta, eps, d)
	}
	if d := Delta(r, eps); r > 0 && d < 1 {
		if e := Epsilon(r, d); !(e <= math.Nextafter(eps, math.Inf(1))) {
			t.Errorf("Epsilon(%d, Delta(%d, %g)) = %g", r, r, eps, e)
		}
	}
}

func FuzzInverse(f *testing.F) {
	for _, eps := range []float64{0, 5e-324, 1e-9, 1, 1e3, 1e11, math.MaxFloat64, math.Inf(1), math.NaN(), -1} {
		for _, delta := range []float64{5e-324, 1e-15, 1e-6, 0.5, 1 - 0x1p-53, 1, 0, math.NaN()} {
			f.Add(eps, delta)
		}
	}
	f.Fuzz(func(t *testing.T, eps, delta float64) { checkInverse(t, eps, delta) })
}

var (
	anyEpsilon = rapid.Custom(func(t *rapid.T) float64 { return math.Exp(rapid.Float64Range(-12, 8).Draw(t, "ln eps")) })
	anyDelta   = rapid.Custom(func(t *rapid.T) float64 { return math.Exp(rapid.Float64Range(-35, -0.69).Draw(t, "ln delta")) })
	anyRho     = rapid.Custom(func(t *rapid.T) NanoRho {
		return NanoRho(math.Exp(rapid.Float64Range(0, 27.7).Draw(t, "ln nano-rho")))
	})
)

func TestInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkInverse(t, anyEpsilon.Draw(t, "eps"), anyDelta.Draw(t, "delta")) })
}

// The nearest neighbours are the hardest: a nano of ρ, a bit of δ or ε.
func TestMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rho, eps, delta := anyRho.Draw(t, "rho"), anyEpsilon.Draw(t, "eps"), anyDelta.Draw(t, "delta")
		moreEps, moreDelta := math.Nextafter(eps, 1e9), math.Nextafter(delta, 1)
		e, d, r := Epsilon(rho, delta), Delta(rho, eps), Rho(eps, delta)
		if e2 := Epsilon(rho+1, delta); e2 < e || e2 == e && e > 0 && e < 1e5 {
			t.Errorf("epsilon of one nano more: %x after %x", e2, e)
		}
		if e2 := Epsilon(rho, moreDelta); e2 > e {
			t.Errorf("epsilon of more delta: %x after %x", e2, e)
		}
		if d2 := Delta(rho+1, eps); d2 < d {
			t.Errorf("delta of one nano more: %x after %x", d2, d)
		}
		if d2 := Delta(rho, moreEps); d2 > d {
			t.Errorf("delta of more epsilon: %x after %x", d2, d)
		}
		if r2 := Rho(moreEps, delta); r2 < r {
			t.Errorf("rho of more epsilon: %d after %d", r2, r)
		}
		if r2 := Rho(eps, moreDelta); r2 < r {
			t.Errorf("rho of more delta: %d after %d", r2, r)
		}
	})
}

// discreteGaussian is the exact δ(ε) of the discrete Gaussian with parameter s
// and sensitivity d, and of the continuous one.
func gaussianDelta(s, d, eps float64) (discrete, continuous float64) {
	r := int(40*math.Sqrt(s)+2*d) + 60
	var total float64
	for x := -r; x <= r; x++ {
		p, q := math.Exp(-float64(x*x)/(2*s)), math.Exp(-(float64(x)-d)*(float64(x)-d)/(2*s))
		total += p
		discrete += max(0, q-math.Exp(eps)*p)
	}
	cdf := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	mu := d / math.Sqrt(s)
	return discrete / total, cdf(mu/2-eps/mu) - math.Exp(eps)*cdf(-mu/2-eps/mu)
}

// What the mechanism really loses is within what is stated; with half the ρ
// stated it is not.
func TestDeltaHoldsForGaussians(t *testing.T) {
	caught := 0
	for _, s := range []float64{0.5, 1, 3, 20, 400} {
		for _, d := range []float64{1, 2, 5} {
			rho := NanoRho(math.Ceil(d * d / (2 * s) * 1e9))
			for _, eps := range []float64{0, 0.1, 0.5, 1, 2, 4} {
				discrete, continuous := gaussianDelta(s, d, eps)
				real := max(discrete, continuous) * (1 - 1e-9) // of the sums above
				if got := Delta(rho, eps); real > got && real > 1e-14 {
					t.Errorf("s %g, change %g, eps %g: delta %g, stated %g", s, d, eps, real, got)
				}
				if real > Delta(rho/2, eps) && real > 1e-14 {
					caught++
				}
			}
		}
	}
	if caught < 20 {
		t.Errorf("half of rho stated: caught in %d of 90 cases only", caught)
	}
}

const exactLn2 = "0.69314718055994530941723212145817656807550013436025525412068000949339362196969471560586332699642"

// units rounds a decimal number down to 2^-frac.
func units(t *testing.T, decimal string) *big.Int {
	t.Helper()
	f, _, err := big.ParseFloat(decimal, 10, 400, big.ToNearestEven)
	if err != nil {
		t.Fatal(err)
	}
	i, _ := f.SetMantExp(f, frac).Int(nil)
	return i
}

func TestLn(t *testing.T) {
	const unit = 1 << 16
	for _, c := range []struct{ name, x, want string }{
		{"1", "1", "0"},
		{"2", "2", exactLn2},
		{"10", "10", "2.3025850929940456840179914546843642076011014886287729760333279009675726096773524802359972050896"},
		{"1+2^128", "340282366920938463463374607431768211457", "88.722839111672999605405711546646600713666955933989728246216963056497439226315465943358158527123"},
	} {
		x, _ := new(big.Int).SetString(c.x, 10)
		miss := new(big.Int).Sub(units(t, c.want), ln(new(big.Int).Lsh(x, frac)))
		if miss.Sign() < 0 || miss.Cmp(big.NewInt(unit)) >= 0 {
			t.Errorf("ln %s: %d units below", c.name, miss)
		}
	}
	if miss := new(big.Int).Sub(units(t, exactLn2), ln2); miss.Sign() < 0 || miss.BitLen() > 8 {
		t.Errorf("ln 2: %d units below", miss)
	}
	for _, k := range []int{1, 2, 1000, 1074} {
		least := new(big.Int).Mul(units(t, exactLn2), big.NewInt(int64(k)))
		if above := least.Sub(lnInverse(math.Ldexp(1, -k)), least); above.Sign() < 0 || above.BitLen() > 20 {
			t.Errorf("ln 2^%d: %d units above", k, above)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64Range(1, 1<<62)
		x, y := new(big.Int).SetUint64(n.Draw(t, "x")), new(big.Int).SetUint64(n.Draw(t, "y"))
		fix := func(i *big.Int) *big.Int { return new(big.Int).Lsh(i, frac) }
		miss := ln(fix(new(big.Int).Mul(x, y)))
		miss.Sub(miss, ln(fix(x))).Sub(miss, ln(fix(y)))
		if miss.CmpAbs(big.NewInt(2*unit)) >= 0 {
			t.Errorf("ln xy - ln x - ln y = %d units", miss)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		d := anyDelta.Draw(t, "d")
		miss := new(big.Int).Sub(lnInverse(d), ln(divDown(one, fromFloat(d))))
		if miss.Sign() < 0 || miss.BitLen() > 80 { // 1/d is rounded too
			t.Errorf("ln 1/%g: %d units above", d, miss)
		}
	})
}

func TestLargest(t *testing.T) {
	const full = math.MaxUint64
	for _, want := range []uint64{0, 1, 2, 1000, 1 << 63, full - 2, full - 1, full} {
		for _, off := range []uint64{0, 1, full, 2, full - 1, 1 << 40} {
			asked := 0
			got := largest(want+off, func(n uint64) bool { asked++; return n <= want })
			if got != want || asked > 68 {
				t.Errorf("guess %d: %d, want %d, after %d questions", want+off, got, want, asked)
			}
		}
	}
}

func TestFromPureEpsilon(t *testing.T) {
	for eps, want := range map[NanoEpsilon]NanoRho{
		0: 0, 1: 1, 1_000_000_000: 500_000_000, 1_000_000_001: 500_000_002, 100_000_000: 5_000_000,
		math.MaxUint64: math.MaxUint64, 192_076_864_000_000_000: math.MaxUint64,
	} {
		if got := FromPureEpsilon(eps); got != want {
			t.Errorf("%d: %d, want %d", eps, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		e := rapid.Uint64().Draw(t, "nano-epsilon")
		want := new(big.Int).SetUint64(e)
		want.Mul(want, want).Add(want, big.NewInt(2e9-1)).Div(want, big.NewInt(2e9))
		if !want.IsUint64() {
			want.SetUint64(math.MaxUint64)
		}
		if got := FromPureEpsilon(NanoEpsilon(e)); uint64(got) != want.Uint64() {
			t.Errorf("%d: %d, want %d", e, got, want)
		}
	})
}

func TestGuess(t *testing.T) {
	for rho, want := range map[NanoRho]int{0: 50, 1: 51, 800_000: 51, 800_001: 52, 24_355_970: 56, 500_000_000: 75,
		2_000_000_000: 100, math.MaxUint64: 100} {
		if got := rho.Guess(); got != want {
			t.Errorf("rho %d: %d %%, want %d %%", rho, got, want)
		}
	}
	for eps, want := range map[NanoEpsilon]int{0: 50, 1: 51, 40_005_334: 51, 40_005_335: 52, 1_000_000_000: 74,
		4_595_119_850: 99, 4_595_119_851: 100, math.MaxUint64: 100} {
		if got := eps.Guess(); got != want {
			t.Errorf("epsilon %d: %d %%, want %d %%", eps, got, want)
		}
	}
}

func BenchmarkEpsilon(b *testing.B) {
	for b.Loop() {
		Epsilon(500_000_000, 1e-6)
	}
}

func BenchmarkRho(b *testing.B) {
	for b.Loop() {
		Rho(1, 1e-9)
	}
}
