// Package noise holds the integer noise that releases are made with: how it is
// drawn, and what is exactly known of its distribution.
//
// Randomness comes from crypto/rand, as it is or as the key of a stream, and from
// nothing else; there is no seed. Everything but drawing is a pure function of
// public parameters. PROOF.md says why the discrete Gaussian is exact.
package noise

import (
	"math"
	"sort"
)

// A Dist is the distribution of symmetric integer noise around 0.
type Dist interface {
	// Variance in squared units of the count.
	Variance() float64
	// Char is the characteristic function at t, real because of symmetry.
	Char(t float64) float64
	// Shrunk is the same shape with its scale divided by f.
	Shrunk(f float64) Dist
}

// A Sum is the distribution of a sum of independent terms. Signs of the terms
// do not matter: each is symmetric.
type Sum []Dist

// Variance implements [Dist].
func (s Sum) Variance() (v float64) {
	for _, d := range s {
		v += d.Variance()
	}
	return v
}

// Shrunk implements [Dist].
func (s Sum) Shrunk(f float64) Dist {
	out := make(Sum, len(s))
	for i, d := range s {
		out[i] = d.Shrunk(f)
	}
	return out
}

// Char implements [Dist].
func (s Sum) Char(t float64) float64 {
	c := 1.0
	for _, d := range s {
		c *= d.Char(t)
	}
	return c
}

// Tail returns P(|X| >= k) for integer X of distribution d, for any k.
//
// The characteristic function on the N-th roots of unity gives the
// distribution of X modulo N without error; N is chosen so large that what
// wraps around weighs less than 10^-16 (N/2 is at least k + 40 sd, and no noise
// here has tails heavier than Laplace: e^(-40·√2)). The sum over |X| < k is a
// Dirichlet kernel, so a tail costs N evaluations. Absolute error below 10^-12.
//
// Noise of an sd above 2048 is shrunk to that first: integers are then so fine
// that k is off by at most a 4096th of an sd.
//
// Of discrete Gaussians, alone or in a sum where each has s >= 3, the tail is
// taken in closed form ([Gaussian.Tail]): far faster, never shrunk, and within
// a relative n·10⁻¹² of it for n terms.
func Tail(d Dist, k int64) float64 {
	if k <= 0 {
		return 1
	}
	if s, ok := asGaussian(d); ok {
		return s.tail(k)
	}
	return invert(d, k)
}

// invert is Tail from the characteristic function, k >= 1.
func invert(d Dist, k int64) float64 {
	sd := math.Sqrt(d.Variance())
	if float64(k) > 64*sd+64 {
		return 0 // below 10⁻³⁸ for every distribution here, and dear to compute
	}
	if f := sd / coarse; f > 1 {
		k, d = max(1, int64(math.Round((float64(k)-0.5)/f+0.5))), d.Shrunk(f)
	}
	n := points(d, k)
	// j and n-j give the same term, and n is even: half the circle twice.
	within := float64(2*k-1) + d.Char(math.Pi)*kernel(k, math.Pi/2)
	for j := 1; j < n/2; j++ {
		half := math.Pi * float64(j) / float64(n)
		within += 2 * d.Char(2*half) * kernel(k, half)
	}
	return min(1, max(0, 1-within/float64(n)))
}

const coarse = 2048

func points(d Dist, k int64) int {
	need := 2 * (float64(k) + 40*math.Sqrt(d.Variance()) + 64)
	return 1 << int(math.Ceil(math.Log2(need)))
}

// kernel is the sum of cos(2·half·i) over |i| < k.
func kernel(k int64, half float64) float64 {
	return math.Sin(float64(2*k-1)*half) / math.Sin(half)
}

// Quantile returns the least k >= 0 with P(|X| > k) <= alpha, for alpha from
// 10^-9 to 1.
func Quantile(d Dist, alpha float64) int64 {
	hi := int64(40*math.Sqrt(d.Variance())) + 2
	return int64(sort.Search(int(hi), func(k int) bool { return Tail(d, int64(k)+1) <= alpha }))
}
