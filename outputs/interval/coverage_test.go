package interval_test

import (
	"flag"
	"maps"
	"math"
	"testing"

	"halftone/outputs/interval"
	"halftone/privacy"
)

// docs/intervals.md has the figures of 2,000.
var runs = flag.Int("interval.runs", usualRuns, "pairs of releases that coverage is tested on")

// tooMany is the least number of misses that runs with 5 in 100 pass with a chance
// of 3e-7 at most (Binomial).
func tooMany(runs int) int {
	tail, k := 1.0, 0
	for ; tail > 3e-7; k++ {
		n, x := float64(runs), float64(k)
		a, _ := math.Lgamma(n + 1)
		b, _ := math.Lgamma(x + 1)
		c, _ := math.Lgamma(n - x + 1)
		tail -= math.Exp(a - b - c + x*math.Log(0.05) + (n-x)*math.Log(0.95))
	}
	return k
}

// pairs draws two releases again and again, and hands on the version that they make.
// Its noise model is always the same.
func pairs(t *testing.T, s privacy.Spec, do func(*interval.Version)) {
	f := publish(t, about, release(t, s, "2018", 1), release(t, s, "2019", 1))
	v := open(t, f)
	for range *runs {
		maps.Copy(f, tables(t, about, release(t, s, "2018", 1), release(t, s, "2019", 1)))
		do(v)
	}
}

// sumOf adds up the recorded counts of a year: of districts and forms that keep holds for.
func sumOf(year string, keep func(d, f int) bool) (sum float64) {
	for d := range counts {
		for f := range 2 {
			if keep(d, f) {
				sum += float64(count(year, d, f))
			}
		}
	}
	return sum
}

func everything(int, int) bool { return true }
func south(d, _ int) bool      { return d >= 3 }
func north(d, _ int) bool      { return d == 0 }

// Over releases made by the real code, intervals miss the recorded figure at most
// 5 times in 100.
//
// False alarms: an interval that misses just 5 % of the time has too many misses with
// a chance of 3e-7. 30 checks: below 1e-5 in all. Half the sd, or 1.5 of it for 1.96,
// is found; whether covariances are right is for [TestRecipes], whose readers share
// no code, and [TestAnswers].
func TestCoverage(t *testing.T) {
	all18, all19 := sumOf("2018", everything), sumOf("2019", everything)
	south18, south19, north19 := sumOf("2018", south), sumOf("2019", south), sumOf("2019", north)
	form := func(d, f int) bool { return f == 0 && south(d, f) }
	questions := []struct {
		kind, text string
		truth      float64
	}{
		{"sum over tables", "by-region[N] + by-district[S1] + by-district[S5] - by-form[B]", north19 + sumOf("2019", func(d, _ int) bool { return d == 3 || d == 7 }) - sumOf("2019", func(_, f int) bool { return f == 1 })},
		{"sum of a figure and its parts", "total + by-region[S] + by-district[S5] + by-district-form[S5,A]", all19 + south19 + float64(2*count("2019", 7, 0)+count("2019", 7, 1))},
		{"sum", "by-district-form[place=*,form=A]", sumOf("2019", func(_, f int) bool { return f == 0 })},
		{"difference over periods", "by-region[S]@2019 - by-region[S]@2018", south19 - south18},
		{"ratio over periods", "2019/2018", all19 / all18},
		{"ratio of small figures", "by-district[E1]@2019 / by-district-form[S3,A]@2018", float64(count("2019", 1, 0)+count("2019", 1, 1)) / 33},
		{"share", "share(by-region[S], total)", south19 / all19},
		{"share over tables", "share(by-district-form[S1,A]+by-district-form[S2,A]+by-district-form[S3,A]+by-district-form[S4,A]+by-district-form[S5,A], by-region[S])", sumOf("2019", form) / south19},
		{"difference of shares", "share(by-region[S], total) - share(by-region[S]@2018, 2018)", south19/all19 - south18/all18},
		{"change over 0", "(by-region[S]@2019 - by-region[S]@2018) / by-region[S]@2018", south19/south18 - 1},
	}
	for _, m := range []struct {
		name, mechanism string
		nano            uint64
	}{
		{"planner", "planner", 2e7},
		{"planner, little noise", "planner", 3e9},
		{"laplace", "laplace", 2e9},
	} {
		t.Run(m.name, func(t *testing.T) {
			missed, refused := make([]int, len(questions)), make([]int, len(questions))
			pairs(t, ragged(m.mechanism, m.nano), func(v *interval.Version) {
				for i, q := range questions {
					a := must(t, v, q.text)
					switch {
					case !a.Bounded:
						refused[i]++
					case a.Low > q.truth+1e-9 || a.High < q.truth-1e-9:
						missed[i]++
					}
				}
			})
			n := float64(*runs)
			for i, q := range questions {
				t.Logf("%s: misses %.1f %%, refuses %.1f %%", q.kind, 100*float64(missed[i])/n, 100*float64(refused[i])/n)
				if missed[i] >= tooMany(*runs) {
					t.Errorf("%s misses %d of %d", q.kind, missed[i], *runs)
				}
			}
		})
	}
}

// A denominator that may be anything near 0: whatever the truth, at most 5 of 100
// questions get an interval that misses. First-order intervals miss far more.
//
// False alarms: at most 3e-7 each, 2 checks.
func TestNoisyDenominators(t *testing.T) {
	s := ragged("planner", 4e5) // sd of about 70
	questions := []struct {
		text                   string
		truth                  float64
		missed, refused, first int
	}{
		{text: "by-region[S] / by-district[S2]@2018", truth: sumOf("2019", south) / 150},
		{text: "by-region[N]@2018 / (by-district[S4] - by-district[S2])", truth: 480 / float64(count("2019", 6, 0)+count("2019", 6, 1)-count("2019", 4, 0)-count("2019", 4, 1))},
	}
	pairs(t, s, func(v *interval.Version) {
		for i := range questions {
			q := &questions[i]
			a := must(t, v, q.text)
			if math.Abs(a.Estimate-q.truth) > 1.96*a.SD {
				q.first++
			}
			switch {
			case !a.Bounded:
				q.refused++
			case a.Low > q.truth || a.High < q.truth:
				q.missed++
			}
		}
	})
	n := float64(*runs)
	for _, q := range questions {
		t.Logf("%s: misses %.1f %%, refuses %.1f %%; estimate ± 1.96 sd to first order misses %.1f %%", q.text, 100*float64(q.missed)/n, 100*float64(q.refused)/n, 100*float64(q.first)/n)
		if q.missed >= tooMany(*runs) {
			t.Errorf("%s misses %d of %d", q.text, q.missed, *runs)
		}
		if q.refused == 0 || q.refused == *runs { // once in 10^10 runs of 60
			t.Errorf("%s refuses %d of %d: the case tests nothing", q.text, q.refused, *runs)
		}
	}
}
