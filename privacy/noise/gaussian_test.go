package noise

import (
	"fmt"
	"math"
	"testing"
)

var someS = []theta{1. / 1024, 0.01, 0.1, 0.3, 0.499, 0.5, 0.501, 0.7, 1, 1.5, 3, 10, 99.7, 399.9, 400, 1000, 12_345}

// plain is P(k) for |k| <= n with nothing but the definition.
func plain(s theta) (p []float64, n int) {
	n = int(40*math.Sqrt(float64(s))) + 10
	p = make([]float64, 2*n+1)
	sum := 0.0
	for i := range p {
		k := float64(i - n)
		p[i] = math.Exp(-k * k / (2 * float64(s)))
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p, n
}

func near(a, b, abs, rel float64) bool { return math.Abs(a-b) <= abs+rel*math.Abs(b) }

func TestGaussianAgainstDefinition(t *testing.T) {
	for _, s := range someS {
		p, n := plain(s)
		v := 0.0
		for i, q := range p {
			v += q * float64(i-n) * float64(i-n)
		}
		if !near(s.Variance(), v, 0, 1e-12) {
			t.Errorf("s=%v: variance %v, want %v", s, s.Variance(), v)
		}
		if less := 1 - s.Variance()/float64(s); s >= 1 && !(less >= 0 && less < 3e-7) {
			t.Errorf("s=%v: variance %v is not within 3·10⁻⁷ below s", s, s.Variance())
		}
		for _, u := range []float64{0, 1e-6, 0.01, 0.5, 1, 3, math.Pi, 4, -1, 100} {
			c := 0.0
			for i, q := range p {
				c += q * math.Cos(u*float64(i-n))
			}
			if !near(s.Char(u), c, 1e-13, 0) {
				t.Errorf("s=%v: Char(%v) = %v, want %v", s, u, s.Char(u), c)
			}
		}
		for _, z := range []float64{0, 0.01, 0.5, 1, 2, 4, 8, 20, 37} {
			k := int64(z*math.Sqrt(float64(s))) + 1
			tail := 0.0
			for i := len(p) - 1; i >= n+int(k); i-- {
				tail += 2 * p[i]
			}
			if !near(s.tail(k), tail, 1e-13, 1e-7) && !near(s.tail(k), tail, 1e-300, 1e-4) {
				t.Errorf("s=%v: P(|X|>=%d) = %v, want %v", s, k, s.tail(k), tail)
			}
			normal := math.Erfc((float64(k) - 0.5) / math.Sqrt(2*float64(s)))
			if s.tail(k) > normal*(1+1e-12) {
				t.Errorf("s=%v: P(|X|>=%d) = %v is over the normal %v", s, k, s.tail(k), normal)
			}
		}
	}
}

func (s theta) String() string { return fmt.Sprintf("%g", float64(s)) }

// At large s the tail must be the normal one but for the first correction.
func TestTailOfLargeGaussian(t *testing.T) {
	for _, g := range []Gaussian{{1_000_000, 1}, {50_000_000, 1}, {10_000_000_000, 1}, {1 << 60, 1}, {1<<64 - 1, 1}} {
		sd := math.Sqrt(float64(g.P))
		for _, z := range []float64{0.001, 0.5, 1, 2, 3, 6, 12, 40} {
			k := int64(z*sd) + 1
			u := (float64(k) - 0.5) / sd
			normal := math.Erfc(u / math.Sqrt2)
			if got := g.Tail(k); got > normal || got < normal-u*math.Exp(-u*u/2)/sd/sd {
				t.Errorf("s=%d: P(|X|>=%d) = %v, normal %v", g.P, k, got, normal)
			}
		}
		if q := float64(g.Quantile(0.05)); math.Abs(q/sd-1.959964) > 2/sd+1e-5 {
			t.Errorf("s=%d: the 95 %% quantile is %v sd", g.P, q/sd)
		}
	}
}

// The closed forms against the inversion that serves any distribution, and a sum
// against the convolution of its terms.
func TestClosedTailsAgainstInversion(t *testing.T) {
	for _, s := range someS {
		if s < 0.1 || s > 1100 {
			continue
		}
		for _, z := range []float64{0.1, 1, 2, 4} {
			k := int64(z*math.Sqrt(float64(s))) + 1
			if got, want := Tail(s, k), invert(s, k); !near(got, want, 1e-12, 0) {
				t.Errorf("s=%v: closed %v, inverted %v", s, got, want)
			}
		}
	}
	for name, sum := range map[string]Sum{
		"two": {Gaussian{3, 1}, Gaussian{3, 1}}, "one": {Gaussian{1, 1}},
		"nested": {Sum{Gaussian{4000, 1024}, Gaussian{70, 1}}, Gaussian{3, 1}, Gaussian{200, 1}},
	} {
		if _, ok := asGaussian(sum); !ok {
			t.Errorf("%s: no closed form", name)
		}
		for _, k := range []int64{1, 2, 5, 9, 20} {
			if got, want := Tail(sum, k), invert(sum, k); !near(got, want, 4e-12, 0) {
				t.Errorf("%s: P(|X|>=%d) = %v, inverted %v", name, k, got, want)
			}
		}
	}
	// Small s does not add up within the family, and other noise is not of it.
	for _, sum := range []Sum{{}, {Gaussian{1, 1}, Gaussian{1, 1}}, {Gaussian{9, 1}, Laplace{3}}} {
		if _, ok := asGaussian(sum); ok {
			t.Errorf("%v has no closed form", sum)
		}
	}
	a, n := plain(0.4)
	two := 0.0
	for i, p := range a {
		for j, q := range a {
			if d := i + j - 2*n; d >= 2 || d <= -2 {
				two += p * q
			}
		}
	}
	if got := Tail(Sum{theta(0.4), theta(0.4)}, 2); !near(got, two, 1e-12, 0) {
		t.Errorf("sum of two narrow ones: %v, want %v", got, two)
	}
	if got := Tail(Sum{Gaussian{1 << 33, 1}, Laplace{2}}, 100_000); !near(got, Gaussian{1 << 33, 1}.Tail(100_000), 1e-3, 0) {
		t.Errorf("wide Gaussian with narrow Laplace: %v", got)
	}
}

// Cost of a shift: D_α of the distribution and its shift by Δ is αΔ²/2s, without
// error where αΔ is an integer (the shifted sums of e^(−x²/2s) are then equal),
// and never more: αΔ²/2s for all α is what zCDP says. Summed from the definition.
func TestShiftCostsZCDP(t *testing.T) {
	for _, s := range []theta{0.2, 1, 3, 40.5, 1000} {
		p, n := plain(s)
		for _, delta := range []int{1, 2, 5} {
			for _, alpha := range []float64{1.25, 1.5, 2, 3, 7, 16} {
				// the power mean's peak, at αΔ, must be well inside
				if alpha*float64(delta) > float64(n)/2 || float64(delta*delta)*alpha*alpha/float64(s) > 600 {
					continue
				}
				sum := 0.0
				for i := delta; i < len(p); i++ {
					if p[i] == 0 || p[i-delta] == 0 {
						continue
					}
					sum += math.Exp(alpha*math.Log(p[i-delta]) + (1-alpha)*math.Log(p[i]))
				}
				got, want := math.Log(sum)/(alpha-1), alpha*float64(delta*delta)/(2*float64(s))
				whole := alpha*float64(delta) == math.Trunc(alpha*float64(delta))
				if whole && !near(got, want, 0, 1e-9) || got > want*(1+1e-9) {
					t.Errorf("s=%v Δ=%d α=%v: %v, want %v", s, delta, alpha, got, want)
				}
				// A sampler whose σ is a tenth smaller would cost more than is charged.
				if over := alpha * float64(delta*delta) / (2 * 0.81 * float64(s)); near(got, over, 0, 1e-2) {
					t.Errorf("s=%v: blind to the scale", s)
				}
			}
		}
	}
}
