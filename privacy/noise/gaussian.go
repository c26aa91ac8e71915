package noise

import (
	"errors"
	"fmt"
)

// A Gaussian is the discrete Gaussian distribution N_Z(0, s), s = P/Q: the
// integers with P(k) ∝ e^(−k²/2s) (arXiv 2004.00010). Q is 1, or 1024 for s in
// 1024ths up to 1024. P is any positive number.
//
// Added to an integer that one person moves by Δ, it costs Δ²/2s in zCDP.
type Gaussian struct{ P, Q uint64 }

var _ Dist = Gaussian{}

// Check reports whether g can be drawn from. The zero Gaussian cannot.
func (g Gaussian) Check() error {
	switch {
	case g.P == 0 || g.Q == 0:
		return errors.New("noise: the variance parameter must be positive")
	case g.Q == fine && g.P > fine*fine:
		return fmt.Errorf("noise: a variance parameter above %d is a whole number", fine)
	case g.Q != 1 && g.Q != fine:
		return fmt.Errorf("noise: the denominator of a variance parameter is 1 or %d", fine)
	}
	return nil
}

// Add adds one independent exact draw to each x. It fails only for parameters
// that [Gaussian.Check] refuses and for a source that is closed or copied; then
// x is as it was. It never fails because of a value.
//
// The caller guarantees |x| <= 2⁶¹, that the charge is durable, and that nobody
// sees how long it took: the time depends on what was drawn.
func (g Gaussian) Add(x []int64, r *Source) error {
	if err := g.Check(); err != nil {
		return err
	}
	if !r.usable() {
		return errSource
	}
	s := newSampler(g, r)
	for i := range x {
		x[i] = s.plus(x[i], s.draw())
	}
	return nil
}

// Parameter is s = P/Q, which is above the variance by next to nothing: see Variance.
func (g Gaussian) Parameter() float64 { return float64(g.P) / float64(g.Q) }

func (g Gaussian) real() theta { return theta(g.Parameter()) }

// Variance is that of the distribution, which is below the parameter s: by less
// than 3·10⁻⁷ of it for s >= 1, by all of it as s nears 0.
func (g Gaussian) Variance() float64 { return g.real().Variance() }

// Char implements [Dist].
func (g Gaussian) Char(t float64) float64 { return g.real().Char(t) }

// Shrunk implements [Dist]: N_Z(0, s/f²).
func (g Gaussian) Shrunk(f float64) Dist { return g.real().Shrunk(f) }

// Tail is P(|X| >= k), to an absolute 10⁻¹². It is never above the normal tail
// with continuity correction, 2(1−Φ((k−½)/√s)).
func (g Gaussian) Tail(k int64) float64 { return g.real().tail(k) }

// Quantile is the least k >= 0 with P(|X| > k) <= alpha.
func (g Gaussian) Quantile(alpha float64) int64 { return Quantile(g, alpha) }
