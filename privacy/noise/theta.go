package noise

import "math"

// theta is N_Z(0, s) at a real s > 0. Its sums over the integers are theta
// functions: each has two series, one in e^(−1/2s) and, by Poisson summation,
// one in e^(−2π²s), and one of them always ends after a few terms.
type theta float64

var _ Dist = theta(1)

// narrow is the s from which the second series is taken. At this s both are
// exact in float64 with five terms.
const narrow = 0.5

// each calls do with k and e^(−k²/2s) for k = from, from+1, … until terms no
// longer count beside sum's.
func (s theta) each(from float64, do func(k, e float64)) {
	first := 0.0
	for k := from; ; k++ {
		e := math.Exp(-k * k / (2 * float64(s)))
		do(k, e)
		first = max(first, e)
		if e <= 1e-20*first {
			return
		}
	}
}

// wrapped is Σ_j e^(−s(t+2πj)²/2), |t| <= π, s >= narrow.
func (s theta) wrapped(t float64) (sum float64) {
	for j := -2.0; j <= 2; j++ {
		u := t + 2*math.Pi*j
		sum += math.Exp(-float64(s) * u * u / 2)
	}
	return sum
}

// total is Σ_k e^(−k²/2s).
func (s theta) total() float64 {
	if s >= narrow {
		return math.Sqrt(2*math.Pi*float64(s)) * s.wrapped(0)
	}
	sum := 1.0
	s.each(1, func(_, e float64) { sum += 2 * e })
	return sum
}

// Variance is Σk²P(k), or from the other series s − 8π²s²·Σ_{j>0} j²e^(−2π²sj²)/W
// with W = Σ_j e^(−2π²sj²): minus the derivative of ln Σe^(−βk²) by β = 1/2s.
func (s theta) Variance() float64 {
	v := float64(s)
	if s >= narrow {
		less := 0.0
		for j := 1.0; j <= 3; j++ {
			less += j * j * math.Exp(-2*math.Pi*math.Pi*v*j*j)
		}
		return v - 8*math.Pi*math.Pi*v*v*less/s.wrapped(0)
	}
	sum := 0.0
	s.each(1, func(k, e float64) { sum += 2 * k * k * e })
	return sum / s.total()
}

// Char implements [Dist].
func (s theta) Char(t float64) float64 {
	t = math.Remainder(t, 2*math.Pi)
	if s >= narrow {
		return s.wrapped(t) / s.wrapped(0)
	}
	sum := 1.0
	s.each(1, func(k, e float64) { sum += 2 * e * math.Cos(k*t) })
	return sum / s.total()
}

// Shrunk implements [Dist].
func (s theta) Shrunk(f float64) Dist { return s / theta(f*f) }

// tail is P(|X| >= k).
//
// From an sd of 20 on it is the Euler–Maclaurin expansion about z = (k−½)/√s,
//
//	2[1 − Φ(z) − φ(z)(z/24s − 7(z³−3z)/5760s² + 31(z⁵−10z³+15z)/967680s³)]
//
// (coefficients B_2m(½)/(2m)!), whose next term is under 10⁻¹⁵.
func (s theta) tail(k int64) float64 {
	if k <= 0 {
		return 1
	}
	if s < 400 {
		sum := 0.0
		s.each(float64(k), func(_, e float64) { sum += 2 * e })
		return min(1, sum/s.total())
	}
	v := float64(s)
	z := (float64(k) - 0.5) / math.Sqrt(v)
	if z > 38 {
		return 0 // under 10⁻³¹⁴
	}
	z2 := z * z
	phi := math.Exp(-z2/2) / math.Sqrt(2*math.Pi)
	return math.Erfc(z/math.Sqrt2) - 2*phi*z*(1/(24*v)-7*(z2-3)/(5760*v*v)+31*(z2*z2-10*z2+15)/(967680*v*v*v))
}

// asGaussian tells whether d is a discrete Gaussian, or a sum of independent
// ones that is as good as one: all terms have s >= 3.
//
// N_Z(0, a) + N_Z(0, b) at x is e^(−x²/2(a+b)) times Σ_y e^(−(y−c)²/2h) with h =
// ab/(a+b) and a c that depends on x. By Poisson summation that sum is the same
// for all c but for a relative 2e^(−2π²h)(1+10⁻¹²) to either side. With a, b >= 3, h >= 3/2
// and probabilities differ from those of N_Z(0, a+b) by a relative 6·10⁻¹³ at
// most; a sum of n by less than n·10⁻¹².
func asGaussian(d Dist) (theta, bool) {
	switch d := d.(type) {
	case Gaussian:
		return d.real(), true
	case theta:
		return d, true
	case Sum:
		sum, least := theta(0), theta(math.Inf(1))
		for _, term := range d {
			s, ok := asGaussian(term)
			if !ok {
				return 0, false
			}
			sum, least = sum+s, min(least, s)
		}
		return sum, len(d) == 1 || len(d) > 1 && least >= 3
	}
	return 0, false
}
