package noise

import "testing"

// The stand-in for the noise of an estimate never promises less noise.
func TestOfVariance(t *testing.T) {
	for _, v := range []float64{1e-9, 1e-3, 0.05, 0.25, 0.5, 0.9, 1, 1.7, 2.99, 3, 10, 1e6} {
		got := OfVariance(v).Variance()
		if got < v*(1-1e-12) || got > v*(1+1e-6) {
			t.Errorf("variance %g for %g", got, v)
		}
	}
}
