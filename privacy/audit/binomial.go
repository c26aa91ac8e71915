package audit

import (
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// clopperPearson returns bounds of a probability after k of n: the true one is
// below low with probability alpha at most, and above high with alpha at most
// (exact; Clopper and Pearson 1934).
func clopperPearson(k, n int, alpha float64) (low, high float64) {
	low, high = 0, 1
	if k > 0 {
		low = least(func(p float64) bool { return mathext.RegIncBeta(float64(k), float64(n-k+1), p) >= alpha })
	}
	if k < n {
		high = least(func(p float64) bool { return mathext.RegIncBeta(float64(k+1), float64(n-k), p) >= 1-alpha })
	}
	return low, high
}

// least is the p in [0, 1] from which on at holds, by bisection.
func least(at func(p float64) bool) float64 {
	low, high := 0.0, 1.0
	for range 60 {
		if mid := (low + high) / 2; at(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}

// zLimit is the |z| beyond which a check of a nearly normal statistic fails, and
// zAlarm the false-alarm rate that is stated for it: a normal z passes 7 with
// probability 3·10⁻¹², and the skewness that is left in the statistics here
// multiplies that by less than a hundred (the fourth moment of 20,000 draws has a
// skewness of 0.071, e^(0.071·7³/6) = 58).
const (
	zLimit = 7
	zAlarm = 3e-10
)

// upperTail is P(Z >= z) of the normal distribution.
func upperTail(z float64) float64 { return math.Erfc(z/math.Sqrt2) / 2 }

// chiSquareZ turns Pearson's χ² into a z (Wilson and Hilferty).
func chiSquareZ(sum, df float64) float64 {
	v := 2 / (9 * df)
	return (math.Cbrt(sum/df) - (1 - v)) / math.Sqrt(v)
}

// binomialZ turns k of n at a claimed p into the z of the same exact tail
// probability: an unlikely k has a large |z|, rare events included.
func binomialZ(k, n int, p float64) float64 {
	b := distuv.Binomial{N: float64(n), P: p}
	if float64(k) < p*float64(n) {
		return -tailZ(b.CDF(float64(k)))
	}
	// P(X >= k) is I_p(k, n−k+1), small numbers included.
	return tailZ(mathext.RegIncBeta(float64(k), float64(n-k+1), p))
}

// tailZ is the z with P(Z >= z) = p, for p <= ½.
func tailZ(p float64) float64 {
	if p >= 0.5 {
		return 0
	}
	z := least(func(u float64) bool { return upperTail(38*u) <= p })
	return 38 * z
}
