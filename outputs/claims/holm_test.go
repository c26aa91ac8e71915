package claims

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestHolm(t *testing.T) {
	for name, tc := range map[string]struct{ p, want []float64 }{
		"none":     {nil, []float64{}},
		"one":      {[]float64{0.03}, []float64{0.03}},
		"classic":  {[]float64{0.01, 0.04, 0.03, 0.005}, []float64{0.03, 0.06, 0.06, 0.02}},
		"monotone": {[]float64{0.01, 0.011}, []float64{0.02, 0.02}},
		"capped":   {[]float64{0.9, 1, 0.8}, []float64{1, 1, 1}},
	} {
		for i, got := range holm(tc.p) {
			if math.Abs(got-tc.want[i]) > 1e-12 {
				t.Errorf("%s: %v, want %v", name, holm(tc.p), tc.want)
			}
		}
	}
}

// Adjusted values are between p and Bonferroni's, in the order of p, and move
// with it when the family is shuffled.
func TestHolmLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 30).Draw(t, "p")
		adj := holm(p)
		for i := range p {
			if adj[i] < p[i] || adj[i] > min(1, float64(len(p))*p[i])+1e-15 {
				t.Fatalf("p %v adjusted %v", p[i], adj[i])
			}
			for j := range p {
				if p[i] < p[j] && adj[i] > adj[j] {
					t.Fatalf("order is lost: %v %v", p, adj)
				}
			}
		}
		turned := slices.Clone(p)
		slices.Reverse(turned)
		back := holm(turned)
		slices.Reverse(back)
		if !slices.Equal(back, adj) {
			t.Fatalf("depends on order: %v %v", adj, back)
		}
	})
}
