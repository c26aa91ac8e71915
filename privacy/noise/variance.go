package noise

// OfVariance is the lattice Gaussian of a variance v > 0. It stands for a sum of
// scaled discrete Gaussians, such as the noise in an estimate.
func OfVariance(v float64) Dist { return theta(v) }
