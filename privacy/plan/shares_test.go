package plan

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// Shares are of one budget, and the closed form of the mean variances is that of
// the cells, but for the rounding of s.
func TestShares(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dims, tables := throw(t).trees()
		const m, budget = 2, 20_000_000
		p, err := Residual(dims, tables, m, budget)
		if err != nil {
			t.Skip(err)
		}
		o, err := p.Open(dims, tables, m)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, s := range o.Shares() {
			sum += s
		}
		if math.Abs(sum-1) > 1e-9 {
			t.Fatalf("shares add up to %g", sum)
		}
		for i, want := range o.MeanVariances(m) {
			v, mean := o.Variance(i), 0.0
			for _, x := range v {
				mean += x / float64(len(v))
			}
			if mean < want*(1-1e-9) || mean > want*1.05 {
				t.Fatalf("table %d: mean variance %g, in closed form %g", i, mean, want)
			}
		}
	})
}
