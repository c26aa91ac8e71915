package noise

import "math"

// A Skellam is the difference of two Poisson counts of one rate. Total is twice
// that rate: the expected sum of both, and the variance of the difference.
type Skellam struct{ Total float64 }

var _ Dist = Skellam{}

// Variance implements [Dist].
func (s Skellam) Variance() float64 { return s.Total }

// Char is exp(-total·(1 - cos t)).
func (s Skellam) Char(t float64) float64 { return math.Exp(-s.Total * (1 - math.Cos(t))) }

// Shrunk implements [Dist]. At the size where noise is shrunk a Skellam is
// normal, and stays in its family.
func (s Skellam) Shrunk(f float64) Dist { return Skellam{s.Total / (f * f)} }
