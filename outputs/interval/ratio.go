package interval

import "math"

// A fieller is a ratio with the variances and the covariance of its parts, the
// denominator's estimate not below 0.
type fieller struct {
	num, den    linear
	x, y        float64 // estimates
	vx, vy, cxy float64
}

func newFieller(q quotient, cells []*Cell) (f fieller, err error) {
	f.num, f.den = newLinear(q.num, cells), newLinear(q.den, cells)
	f.x, f.y = f.num.estimate, f.den.estimate
	if f.vx, err = variance(f.num); err != nil {
		return f, err
	}
	if f.vy, err = variance(f.den); err != nil {
		return f, err
	}
	both, err := variance(f.num, f.den)
	f.cxy = (both - f.vx - f.vy) / 2
	if f.y < 0 {
		f.x, f.y = -f.x, -f.y
	}
	return f, err
}

// interval are the ends of {θ : |x − θy| ≤ z·sd(x − θy) + (step_x + |θ|·step_y)/2}
// (Fieller 1954). At the true θ the left side is noise alone, whose distribution is
// that of a sum: so the set misses θ as seldom as a sum's interval its sum, for any
// θ. The last term is for noise on a lattice, whose tails are as much as half a
// step farther out than those of the continuous one; rounding outward does the same
// for sums.
//
// The right side is convex in θ and the left side linear to either side of x/y, so
// there is one root to either side, that of a quadratic whose x and y are moved by
// half a step. There is none where y is within its own interval of 0: then any
// ratio, however large, agrees with the figures, and why says so.
func (f fieller) interval(z float64) (low, high float64, why string) {
	if f.y-f.den.step/2 <= z*math.Sqrt(f.vy) {
		return 0, 0, "the denominator is not told from 0: its own 95 % interval reaches it, so no ratio can be ruled out"
	}
	hx, hy := f.num.step/2, f.den.step/2
	if high = f.root(z, hx, -hy, +1); high < 0 {
		high = f.root(z, hx, +hy, +1)
	}
	if low = f.root(z, -hx, +hy, -1); low < 0 {
		low = f.root(z, -hx, -hy, -1)
	}
	if f.num.adds() && f.den.adds() {
		low, high = max(0, low), max(0, high)
	}
	return low, high, ""
}

// root is the larger (side +1) or smaller one of (x − θy)² = z²·var(x − θy), with x
// and y moved. It is above (below) their ratio.
func (f fieller) root(z, hx, hy, side float64) float64 {
	x, y := f.x+hx, f.y+hy
	a, b, c := y*y-z*z*f.vy, x*y-z*z*f.cxy, x*x-z*z*f.vx
	d := math.Sqrt(max(0, b*b-a*c))
	return (b + side*d) / a
}
