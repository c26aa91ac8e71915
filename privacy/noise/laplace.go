package noise

import (
	"fmt"
	"math"

	"github.com/google/differential-privacy/go/v3/noise"
	"github.com/google/differential-privacy/go/v3/rand"
)

// A Laplace is Laplace noise of scale B rounded to the nearest integer, which
// is what go/v3 adds to an int64 (checked against its draws in a test; it is
// not the discrete Laplace distribution).
type Laplace struct{ B float64 }

var _ Dist = Laplace{}

// Variance is 2·sinh(1/2b)·q(1+q)/(1-q)³ with q = e^(-1/b), from summing
// k²·P(k), P(k) = sinh(1/2b)·q^|k| for k ≠ 0.
func (l Laplace) Variance() float64 {
	q, p := math.Exp(-1/l.B), -math.Expm1(-1/l.B)
	return 2 * math.Sinh(0.5/l.B) * q * (1 + q) / (p * p * p)
}

// Shrunk implements [Dist].
func (l Laplace) Shrunk(f float64) Dist { return Laplace{l.B / f} }

// Char is P(0) + 2·sinh(1/2b)·Σ q^k cos(kt), the sum in closed form.
func (l Laplace) Char(t float64) float64 {
	q := math.Exp(-1 / l.B)
	p := -math.Expm1(-1 / l.B) // 1-q without cancellation
	c := 1 - math.Cos(t)
	if t < 1e-3 {
		s := math.Sin(t / 2)
		c = 2 * s * s
	}
	// q cos t - q² = q(p - c);  1 - 2q cos t + q² = p² + 2qc
	return -math.Expm1(-0.5/l.B) + 2*math.Sinh(0.5/l.B)*q*(p-c)/(p*p+2*q*c)
}

// Tail is P(|X| >= k) in closed form: e^(-(k-½)/b) for k >= 1.
func (l Laplace) Tail(k int64) float64 {
	if k <= 0 {
		return 1
	}
	return math.Exp(-(float64(k) - 0.5) / l.B)
}

// Quantile is the least k >= 0 with P(|X| > k) <= alpha.
func (l Laplace) Quantile(alpha float64) int64 {
	return max(0, int64(math.Ceil(-l.B*math.Log(alpha)-0.5)))
}

// A LaplaceDraw says how much a person may change the tables that are measured
// together, and what that may cost.
type LaplaceDraw struct {
	Tables      int64  // measured tables, each person in one cell of each
	PerTable    int64  // M: the most that a person changes the cells of one table, L1
	NanoEpsilon uint64 // of one release, all tables together
}

// Scale returns b = tables·M/ε. The draws use one nano-ε less than is charged:
// the library's float64 sampler is off by a relative 2⁻⁴⁰ at most, by reading
// and not proven.
func (d LaplaceDraw) Scale() (Laplace, error) {
	if d.Tables < 1 || d.PerTable < 1 || d.NanoEpsilon < 2 {
		return Laplace{}, fmt.Errorf("noise: there is no table or contribution, or the budget is too small for any noise")
	}
	b := float64(d.Tables) * float64(d.PerTable) / d.epsilon()
	if b > 1<<30 || d.epsilon() > 1<<10 {
		return Laplace{}, fmt.Errorf("noise: this budget asks for a scale that is not useful (b = %.3g)", b)
	}
	return Laplace{b}, nil
}

func (d LaplaceDraw) epsilon() float64 { return float64(d.NanoEpsilon-1) / 1e9 }

// Add adds one independent draw to each x. It fails only for parameters that
// [LaplaceDraw.Scale] refuses, never because of a value.
//
// The caller guarantees that |x| <= 2^40 and that the charge is durable.
func (d LaplaceDraw) Add(x []int64) error {
	if _, err := d.Scale(); err != nil {
		return err
	}
	flush()
	for i := range x {
		v, err := noise.Laplace().AddNoiseInt64(x[i], d.Tables, d.PerTable, d.epsilon(), 0)
		if err != nil {
			return fmt.Errorf("noise: the library refuses the parameters")
		}
		x[i] = v
	}
	return nil
}

// flush drops what the library has buffered of the system's randomness (64 KiB
// and a byte of bits), so that two processes that go on from one snapshot of
// memory do not draw the same noise.
func flush() {
	for range 8192 {
		rand.U64()
	}
	for range 8 {
		rand.Boolean()
	}
}
