package noise

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// The battery looks at real draws from real randomness. Each statistic is a z
// (or a χ² turned into one) against the exact distribution, and must fail when
// the same draws are held against σ ± 10 %, so that it cannot pass by being
// blind. A statistic fails at |z| > limit. The chance of that for a right
// sampler is 4·10⁻¹¹ if it is exactly normal, and with the skewness that is
// left at this many draws below 10⁻⁸ for each; for a run of all below 10⁻⁶. The
// wrong scales are farther off than limit by 7 sd of z at least.
const (
	limit = 6.6
	draws = 200_000
)

// batteryOf has an s for each width, and more for the one that is used.
var batteryOf = []Gaussian{
	{300, 1024}, {3, 1}, {100, 1}, {12_345, 1}, {1_000_000, 1}, {50_000_000, 1}, {1 << 40, 1}, {1 << 60, 1},
}

func take(t *testing.T, g Gaussian) []int64 {
	t.Helper()
	r := NewSource()
	defer r.Close()
	x := make([]int64, draws)
	if err := g.Add(x, r); err != nil {
		t.Fatal(err)
	}
	return x
}

// power fails t unless z passes at the true s and fails at σ ± 10 %.
func power(t *testing.T, name string, s theta, z func(theta) float64) {
	t.Helper()
	if got := z(s); !(math.Abs(got) <= limit) {
		t.Errorf("%s: z = %.2f", name, got)
	}
	for _, f := range []float64{0.9, 1.1} {
		if got := z(s * theta(f*f)); math.Abs(got) <= limit {
			t.Errorf("%s has no power: z = %.2f at %v times the sd", name, got, f)
		}
	}
}

func eachBattery(t *testing.T, do func(t *testing.T, s theta, x []int64)) {
	for _, g := range batteryOf {
		t.Run(fmt.Sprintf("s=%d_%d", g.P, g.Q), func(t *testing.T) {
			t.Parallel()
			do(t, g.real(), take(t, g))
		})
	}
}

// χ² over classes that are 0.15 sd wide, or one integer if that is wider, merged
// until 200 draws are expected in each.
func TestChiSquare(t *testing.T) {
	eachBattery(t, func(t *testing.T, s theta, x []int64) {
		var lower []int64 // classes are [lower[i], lower[i+1])
		for c := -3.5; c <= 3.5; c += 0.15 {
			if e := int64(math.Round(c * math.Sqrt(float64(s)))); len(lower) == 0 || e > lower[len(lower)-1] {
				lower = append(lower, e)
			}
		}
		power(t, "χ²", s, func(s theta) float64 { return chiSquare(s, x, lower) })
	})
}

// chiSquare turns Pearson's χ² into a z by Wilson and Hilferty.
func chiSquare(s theta, x []int64, lower []int64) float64 {
	seen := make([]float64, len(lower)+1)
	for _, v := range x {
		i, found := slices.BinarySearch(lower, v)
		if found {
			i++
		}
		seen[i]++
	}
	sum, df, before := 0.0, -1.0, 0.0
	o, e := 0.0, 0.0
	for i := range seen {
		until := 1.0
		if i < len(lower) {
			until = below(s, lower[i])
		}
		o, e = o+seen[i], e+(until-before)*float64(len(x))
		before = until
		if rest := (1 - until) * float64(len(x)); e >= 200 && rest >= 200 || i == len(lower) {
			sum += (o - e) * (o - e) / e
			df++
			o, e = 0, 0
		}
	}
	v := 2 / (9 * df)
	return (math.Cbrt(sum/df) - (1 - v)) / math.Sqrt(v)
}

// below is P(X < k).
func below(s theta, k int64) float64 {
	if k > 0 {
		return 1 - s.tail(k)/2
	}
	return s.tail(1-k) / 2
}

// moment is E X^p: summed for small s, that of the normal distribution (to a
// relative 10⁻⁷) else.
func moment(s theta, p float64) float64 {
	if s > 400 {
		return map[float64]float64{2: 1, 4: 3, 8: 105}[p] * math.Pow(float64(s), p/2)
	}
	sum := 0.0
	s.each(1, func(k, e float64) { sum += 2 * math.Pow(k, p) * e })
	return sum / s.total()
}

// The mean does not depend on σ, so that its power is shown for a shift of a
// tenth of an sd, that of the lag for draws that go into their neighbours, and
// that of the kurtosis, which has no scale, for proposals taken without the
// last coin.
func TestMoments(t *testing.T) {
	eachBattery(t, func(t *testing.T, s theta, x []int64) {
		n, sd := float64(len(x)), math.Sqrt(moment(s, 2))
		m1, m2, m4, lag := 0.0, 0.0, 0.0, 0.0
		before := float64(x[len(x)-1])
		for _, v := range x {
			f := float64(v)
			m1, m2, m4, lag = m1+f/n, m2+f*f/n, m4+f*f*f*f/n, lag+f*before/n
			before = f
		}
		power(t, "variance", s, func(s theta) float64 {
			v := moment(s, 2)
			return (m2 - v) / math.Sqrt((moment(s, 4)-v*v)/n)
		})
		power(t, "fourth moment", s, func(s theta) float64 {
			v := moment(s, 4)
			return (m4 - v) / math.Sqrt((moment(s, 8)-v*v)/n)
		})
		mean := func(shift float64) float64 { return (m1 + shift*sd) / sd * math.Sqrt(n) }
		if z := mean(0); math.Abs(z) > limit {
			t.Errorf("mean: z = %.2f", z)
		}
		if math.Abs(mean(0.1)) < limit {
			t.Error("the mean has no power")
		}
		// cov(x+cy, y) = c·var
		serial := func(c float64) float64 { return (lag + c*m2) / (sd * sd) * math.Sqrt(n) }
		if z := serial(0); math.Abs(z) > limit {
			t.Errorf("lag: z = %.2f", z)
		}
		if math.Abs(serial(0.1)) < limit {
			t.Error("the lag has no power")
		}
	})
}

func kurtosisZ(s theta, x []float64) float64 {
	m2, m4 := 0.0, 0.0
	for _, f := range x {
		m2, m4 = m2+f*f, m4+f*f*f*f
	}
	n := float64(len(x))
	m2, m4 = m2/n, m4/n
	// For s >= 3 the discrete Gaussian has the moments of the normal one, to 10⁻²⁰.
	return (m4/(m2*m2) - 3) * math.Sqrt(n/24)
}

func TestKurtosis(t *testing.T) {
	eachBattery(t, func(t *testing.T, s theta, x []int64) {
		if s < 3 {
			t.Skip("the limits are those of the normal distribution")
		}
		f := make([]float64, len(x))
		for i, v := range x {
			f[i] = float64(v)
		}
		if z := kurtosisZ(s, f); math.Abs(z) > limit {
			t.Errorf("z = %.2f", z)
		}
		r := NewSource()
		defer r.Close()
		p := newSampler(Gaussian{uint64(s), 1}, r)
		for i := range f {
			y := p.propose()
			f[i] = float64(y.u) + float64(p.t)*float64(y.v)
		}
		if z := kurtosisZ(s, f); math.Abs(z) < limit {
			t.Errorf("no power: z = %.2f without the last coin", z)
		}
	})
}

// How many draws are at least 1, 2 and 3 sd out. Rare classes are skipped: they
// would be far from normal.
func TestTails(t *testing.T) {
	eachBattery(t, func(t *testing.T, s theta, x []int64) {
		for _, c := range []float64{2, 3} {
			k := int64(math.Ceil(c * math.Sqrt(float64(s))))
			seen := 0.0
			for _, v := range x {
				if v >= k || v <= -k {
					seen++
				}
			}
			if s.tail(k)*float64(len(x)) < 50 {
				continue
			}
			power(t, fmt.Sprintf("%v sd", c), s, func(s theta) float64 {
				p := s.tail(k)
				return (seen - p*float64(len(x))) / math.Sqrt(p*(1-p)*float64(len(x)))
			})
		}
	})
}

// The privacy loss itself: of draws about 0 and draws about Δ in equal numbers,
// the odds that a number x is of the second kind are e^(xΔ/s − Δ²/2s). The
// score Σ(kind − P(kind | x))·(x − Δ/2) has mean 0 and a known variance given
// the x, whatever they are, exactly if that is the log-ratio of the two
// distributions. Kinds are drawn by coins.
func TestLogRatio(t *testing.T) {
	eachBattery(t, func(t *testing.T, s theta, x []int64) {
		delta := max(1, int64(math.Sqrt(float64(s))))
		r := NewSource()
		defer r.Close()
		kind := make([]float64, len(x))
		for i := range x {
			if r.below(2) == 1 {
				kind[i] = 1
				x[i] += delta
			}
		}
		d := float64(delta)
		power(t, "score", s, func(s theta) float64 {
			score, v := 0.0, 0.0
			for i := range x {
				mid := float64(x[i]) - d/2
				p := 1 / (1 + math.Exp(-mid*d/float64(s)))
				score += (kind[i] - p) * mid
				v += p * (1 - p) * mid * mid
			}
			return score / math.Sqrt(v)
		})
	})
}
