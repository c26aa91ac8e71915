package claims

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"halftone/outputs"
	"halftone/outputs/claims/claimstest"
	"halftone/privacy"
)

// false alarm rate of each limit below: the tests fail a right program less than
// once in 100,000 runs.
const falseAlarm = 1e-5

// limit is the least c with P(Binomial(n, p) >= c) < falseAlarm.
func limit(n int, p float64) int {
	tail := 0.0
	for c := n; c >= 0; c-- {
		a, _ := math.Lgamma(float64(n + 1))
		b, _ := math.Lgamma(float64(c + 1))
		d, _ := math.Lgamma(float64(n - c + 1))
		tail += math.Exp(a - b - d + float64(c)*math.Log(p) + float64(n-c)*math.Log1p(-p))
		if tail >= falseAlarm {
			return c + 1
		}
	}
	return 0
}

// A study makes versions of two years and 13 headline cells, by real releases.
type study struct {
	spec  privacy.Spec
	about outputs.About
	years [2]privacy.Period
}

func newStudy(t testing.TB) study {
	dim := privacy.Dimension{Name: "d", Levels: []privacy.Level{{Name: "all", Codes: []string{"_T"}}, {Name: "cell"}}}
	for i := range 12 {
		dim.Levels[1].Codes = append(dim.Levels[1].Codes, string(rune('a'+i)))
		dim.Levels[1].Parent = append(dim.Levels[1].Parent, 0)
	}
	return study{
		spec: privacy.Spec{Dataset: "s", Series: 1, Measure: "flow", Unit: "case", Every: "year", Editions: 1,
			Dimensions: []privacy.Dimension{dim}, Mechanism: "laplace",
			Tables:  []privacy.Table{{Name: "all", Levels: []int{0}}, {Name: "cells", Levels: []int{1}}},
			Sources: []privacy.Source{{Name: "a", PerPeriod: 1, Periods: 1, Sensitivity: 1}},
			Budget:  privacy.Budget{NanoEpsilon: 1e9}},
		about: outputs.About{Dataset: "s", Lead: "all", Measure: "flow", Material: 0.05, Sources: []outputs.Source{{Name: "a"}}},
		years: [2]privacy.Period{claimstest.Period(t, "2019"), claimstest.Period(t, "2020")},
	}
}

// family makes the comparisons of one version with the given counts a year.
func (s study) family(t testing.TB, counts [2][12]int64) []comparison {
	v := outputs.Version{About: s.about}
	for y, p := range s.years {
		codes := [][]uint32{make([]uint32, 12)}
		for i := range codes[0] {
			codes[0][i] = uint32(i)
		}
		r := claimstest.Measure(t, s.spec, p, codes, counts[y][:])
		v.Releases = append(v.Releases, claimstest.Edition(s.about, r, time.Time{}))
	}
	f, err := family(v, claimstest.Tables(t, v))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func any(f []comparison, ok func(Claim) bool) bool {
	for _, c := range f {
		if ok(c.Claim) {
			return true
		}
	}
	return false
}

func asIs(p []float64) []float64 { return p }

// Of 1,000 versions (200 with the race detector) of unchanged counts at most 5 % may say anything, also that
// there are "about as many". Without Holm four in ten do (13 comparisons).
func TestUnchangedCounts(t *testing.T) {
	const n = simulations
	s := newStudy(t)
	wrong, withoutHolm := 0, 0
	for range n {
		f := s.family(t, [2][12]int64{{3, 40, 20, 9, 0, 1, 17, 5, 12, 30, 8, 2}, {3, 40, 20, 9, 0, 1, 17, 5, 12, 30, 8, 2}})
		g := append([]comparison{}, f...)
		decide(f, s.about.Material, holm)
		decide(g, s.about.Material, asIs)
		if any(f, Claim.Detected) {
			wrong++
		}
		if any(g, Claim.Detected) {
			withoutHolm++
		}
	}
	if max := limit(n, Alpha); wrong >= max {
		t.Errorf("%d of %d versions of unchanged counts claim something; %d fails", wrong, n, max)
	} else if withoutHolm < max {
		t.Errorf("the test cannot fail: without Holm %d of %d claim something", withoutHolm, n)
	}
}

// Of 1,000 versions (200 with the race detector) with Poisson counts of a constant rate at most 5 % may say
// "more" or "fewer". Without Holm, or with noise alone, far more do.
func TestConstantRate(t *testing.T) {
	const n = simulations
	s := newStudy(t)
	rates := [12]float64{60, 40, 50, 9, 0.3, 70, 40, 5, 60, 30, 55, 45}
	rng := rand.New(rand.NewPCG(1, 2))
	wrong, withoutHolm, noiseOnly := 0, 0, 0
	changed := func(c Claim) bool { return c.Verdict == More || c.Verdict == Fewer }
	for range n {
		var counts [2][12]int64
		for y := range counts {
			for i, r := range rates {
				counts[y][i] = poisson(rng, r)
			}
		}
		f := s.family(t, counts)
		g, h := append([]comparison{}, f...), append([]comparison{}, f...)
		for i := range h {
			h[i].ChanceP = h[i].P
		}
		decide(f, s.about.Material, holm)
		decide(g, s.about.Material, asIs)
		decide(h, s.about.Material, holm)
		if any(f, changed) {
			wrong++
		}
		if any(g, changed) {
			withoutHolm++
		}
		if any(h, changed) {
			noiseOnly++
		}
	}
	max := limit(n, Alpha)
	if wrong >= max {
		t.Errorf("%d of %d versions of a constant rate claim a change; %d fails", wrong, n, max)
	}
	if withoutHolm < max || noiseOnly < max {
		t.Errorf("the test cannot fail: without Holm %d, with noise alone %d of %d claim a change", withoutHolm, noiseOnly, n)
	}
}

// poisson is Knuth's product method: the rates here are below 700.
func poisson(rng *rand.Rand, rate float64) (k int64) {
	for p := rng.Float64(); p > math.Exp(-rate); p *= rng.Float64() {
		k++
	}
	return k
}

// A change of the size that is said to be visible is detected four times in
// five, as the only change of a version.
func TestVisibleIsSeen(t *testing.T) {
	const n = simulations / 2
	s := newStudy(t)
	base := [12]int64{50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50}
	f := s.family(t, [2][12]int64{base, base})
	visible := f[5].noise.Visible(Alpha / float64(len(f)))
	seen := 0
	for range n {
		after := base
		after[3] += visible
		f := s.family(t, [2][12]int64{base, after})
		decide(f, 0, holm)
		for _, c := range f {
			if c.Table == "cells" && c.Codes[0] == "d" && c.Detected() {
				seen++
			}
		}
	}
	// At least 0.8 by Bonferroni; 1-limit(n, 0.2) is the bound for missing it.
	if n-seen >= limit(n, 0.2) {
		t.Errorf("a change of %d was seen %d times in %d", visible, seen, n)
	}
	if seen > n-n/100 { // 0.87 are expected
		t.Errorf("a change of %d is seen nearly always (%d of %d): a smaller one is visible", visible, seen, n)
	}
}
