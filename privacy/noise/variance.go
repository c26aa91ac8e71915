package noise

// OfVariance is the lattice Gaussian with a variance of at least v > 0, by the
// least s that has it. It stands for a sum of scaled discrete Gaussians, such as
// the noise in an estimate.
//
// Below 3 the variance of N_Z(0, s) is less than s, so s = v would promise less
// noise than there is (0.86 of it at ¼); above, by less than a relative 10⁻²⁰.
func OfVariance(v float64) Dist {
	if v >= 3 {
		return theta(v)
	}
	low, high := v, v+1 // the variance of N_Z(0, v+1) is above v
	for range 60 {
		if mid := low + (high-low)/2; theta(mid).Variance() < v {
			low = mid
		} else {
			high = mid
		}
	}
	return theta(high)
}
