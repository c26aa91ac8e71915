package account

import (
	"math"
	"math/big"
	"math/bits"
)

// With β = α − 1 > 0 and L = ln(1/δ), the bound of Canonne, Kamath and Steinke
// (arXiv 2004.00010) on δ reads, solved for ε or for L,
//
//	ε(β) = (1+β)ρ + (L − ln(1+β))/β − ln(1+1/β)
//	L(β) = β(ε − (1+β)ρ + ln(1+1/β)) + ln(1+β)
//
// Any β gives a valid statement. So the search for the best one may be off; what
// is rounded outward is the value at the β it found.

// Epsilon is an ε such that ρ-zCDP is (ε, δ)-differentially private: the least
// that the bound gives, rounded up. It rises with ρ and falls with δ. A δ that is
// not between 0 and 1 promises nothing: +Inf.
func Epsilon(rho NanoRho, delta float64) float64 {
	if !(0 < delta && delta < 1) {
		return math.Inf(1)
	}
	return floatAbove(epsilonAbove(uint64(rho), lnInverse(delta)))
}

// Delta is a δ such that ρ-zCDP is (ε, δ)-differentially private: the least that
// the bound gives, rounded up, and never 0 unless ρ is 0 or ε infinite. An ε that
// is negative or no number promises nothing: 1.
func Delta(rho NanoRho, eps float64) float64 {
	switch {
	case math.IsNaN(eps) || eps < 0:
		return 1
	case rho == 0 || math.IsInf(eps, 1):
		return 0
	}
	e := fromFloat(eps)
	// L'(β) = ε − (1+2β)ρ + ln(1+1/β) falls.
	beta := search(func(beta *big.Int) bool {
		slope := new(big.Int).Add(e, ln1p(divDown(one, beta)))
		return slope.Cmp(times(uint64(rho), onePlusTwice(beta))) > 0
	})
	l := new(big.Int).Add(e, ln1p(divDown(one, beta)))
	l.Sub(l, times(uint64(rho), new(big.Int).Add(one, beta)))
	l.Add(mulDown(beta, l), ln1p(beta))
	// The least δ with ln(1/δ) <= l: positive float64 are in the order of their bits.
	end := math.Float64bits(1)
	tooSmall := func(bits uint64) bool {
		return bits == 0 || bits < end && lnInverse(math.Float64frombits(bits)).Cmp(l) > 0
	}
	return math.Float64frombits(largest(end/2, tooSmall) + 1)
}

// Rho is the budget that (ε, δ) gives: the largest ρ with Epsilon(ρ, δ) <= eps. It
// rises with both. An ε that is negative, infinite or no number, or a δ that is
// not between 0 and 1, gives none: 0.
func Rho(eps, delta float64) NanoRho {
	if !(0 <= eps && eps <= math.MaxFloat64 && 0 < delta && delta < 1) {
		return 0
	}
	e, l := fromFloat(eps), lnInverse(delta)
	// β is best for ρ = (L − ln(1+β))/β², whose ε = (1+2β)ρ − ln(1+1/β) falls with β.
	beta := search(func(beta *big.Int) bool {
		rho := divDown(divDown(new(big.Int).Sub(l, ln1p(beta)), beta), beta)
		best := mulDown(rho, onePlusTwice(beta))
		return best.Sub(best, ln1p(divDown(one, beta))).Cmp(e) > 0
	})
	// What is left of ε at this β pays for (1+β)ρ.
	rho := new(big.Int).Sub(e, divUp(new(big.Int).Sub(l, ln1p(beta)), beta))
	rho.Add(rho, ln1p(divDown(one, beta))).Mul(rho, big.NewInt(perUnit))
	rho.Div(rho, new(big.Int).Add(one, beta))
	// A guess out of range (below 0, above the largest) only costs more questions.
	return NanoRho(largest(rho.Uint64(), func(r uint64) bool { return epsilonAbove(r, l).Cmp(e) <= 0 }))
}

// FromPureEpsilon is ρ of a release that is ε-differentially private: ε²/2 (Bun
// and Steinke, arXiv 1605.02065, proposition 1.4), rounded up. ε·tanh(ε/2) is
// less, 0.46 for 0.5 at ε 1, but no integer; the ledger holds one unit and never
// converts, so nothing is gained by it. It stops at the largest number.
func FromPureEpsilon(eps NanoEpsilon) NanoRho {
	const divisor = 2 * perUnit
	hi, lo := bits.Mul64(uint64(eps), uint64(eps))
	lo, carry := bits.Add64(lo, divisor-1, 0)
	if hi += carry; hi >= divisor {
		return math.MaxUint64
	}
	q, _ := bits.Div64(hi, lo, divisor)
	return NanoRho(q)
}

// Guess is how often, of 100 times, someone is right at most who is asked whether
// a person is in the data, held either equally likely before, and saw everything
// that r is the cost of: ½+√(ρ/8), rounded up to a percent.
func (r NanoRho) Guess() int {
	over := uint64(0) // in percent over 50: 100·√(ρ/8)
	for over < 50 && over*over*(8*perUnit/10_000) < uint64(r) {
		over++
	}
	return 50 + int(over)
}

// Guess is how often, of 100 times, someone is right at most who is asked whether
// a person is in the data, held either equally likely before, and saw everything
// that e is the cost of: e^ε/(1+e^ε), rounded up to a percent.
func (e NanoEpsilon) Guess() int {
	eps := times(uint64(e), one)
	percent := int64(50) // p is enough if ε <= ln(p/(1−p))
	for percent < 100 && eps.Cmp(ln(divDown(big.NewInt(percent), big.NewInt(100-percent)))) > 0 {
		percent++
	}
	return int(percent)
}

// epsilonAbove is at least ε at the best β, l being at least ln(1/δ), and not
// below 0: what holds for less holds for 0.
func epsilonAbove(rho uint64, l *big.Int) *big.Int {
	if rho == 0 {
		return new(big.Int)
	}
	// ε'(β) = ρ − (L − ln(1+β))/β² has one root.
	beta := search(func(beta *big.Int) bool {
		left := times(rho, mulDown(beta, beta))
		return left.Add(left, ln1p(beta)).Cmp(l) < 0
	})
	eps := times(rho, new(big.Int).Add(one, beta))
	eps.Add(eps, divUp(new(big.Int).Sub(l, ln1p(beta)), beta))
	eps.Sub(eps, ln1p(divDown(one, beta)))
	if eps.Sign() < 0 {
		return new(big.Int)
	}
	return eps
}

// search finds β between 2^-128 and 2^21 where below turns from true to false, bit
// by bit from the highest, 64 bits after its first.
func search(below func(beta *big.Int) bool) *big.Int {
	beta, last := new(big.Int), frac-128
	for bit := frac + 20; bit >= last; bit-- {
		switch none := beta.Sign() == 0; {
		case !below(beta.SetBit(beta, bit, 1)):
			beta.SetBit(beta, bit, 0)
		case none:
			last = max(last, bit-64)
		}
	}
	if beta.Sign() == 0 {
		beta.SetBit(beta, last, 1)
	}
	return beta
}

// largest is the largest number that holds, where 0 does and none does above one
// that does not. A guess that is off by one at most saves all but two questions.
func largest(guess uint64, holds func(uint64) bool) uint64 {
	low, high := uint64(0), uint64(math.MaxUint64)
	ask := func(at uint64) {
		switch {
		case at <= low || at >= high: // known
		case holds(at):
			low = at
		default:
			high = at
		}
	}
	ask(guess)
	ask(guess + 1)
	ask(guess - 1)
	for high-low > 1 {
		ask(low + (high-low)/2)
	}
	if low == math.MaxUint64-1 && holds(math.MaxUint64) {
		return math.MaxUint64
	}
	return low
}

func onePlusTwice(x *big.Int) *big.Int {
	y := new(big.Int).Lsh(x, 1)
	return y.Add(y, one)
}
