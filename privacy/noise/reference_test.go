package noise

import "math/big"

// The reference is CKS20's algorithms 1 to 3 in fractions of any size, from the
// same words as the sampler. It shares no arithmetic with it.
type reference struct{ src *Source }

func (r reference) coin(p *big.Rat) bool {
	lo, width := new(big.Rat), big.NewRat(1, 1)
	for {
		width.Quo(width, new(big.Rat).SetInt(pow2(64)))
		step := new(big.Rat).SetInt(bigU(r.src.word()))
		lo.Add(lo, step.Mul(step, width))
		if lo.Cmp(p) >= 0 {
			return false
		}
		if new(big.Rat).Add(lo, width).Cmp(p) <= 0 {
			return true
		}
	}
}

// exp is a coin of bias e^(−γ); A₁ needs no words where γ = 1 is known.
func (r reference) exp(gamma *big.Rat, first int64) bool {
	for k := first; ; k++ {
		if !r.coin(new(big.Rat).Quo(gamma, big.NewRat(k, 1))) {
			return k%2 == 1
		}
	}
}

func (r reference) exp1() bool { return r.exp(big.NewRat(1, 1), 2) }

func (r reference) below(n *big.Int) *big.Int {
	surplus := new(big.Int).Mod(pow2(64), n)
	for {
		hi, lo := new(big.Int).DivMod(new(big.Int).Mul(bigU(r.src.word()), n), pow2(64), new(big.Int))
		if lo.Cmp(surplus) >= 0 {
			return hi
		}
	}
}

func (r reference) accept(s *big.Rat, t, y *big.Int) bool {
	x := new(big.Rat).SetInt(y)
	x.Sub(x, new(big.Rat).Quo(s, new(big.Rat).SetInt(t)))
	x.Mul(x, x)
	x.Quo(x, new(big.Rat).Mul(s, big.NewRat(2, 1)))
	one := big.NewRat(1, 1)
	for ; x.Cmp(one) >= 0; x.Sub(x, one) {
		if !r.exp1() {
			return false
		}
	}
	return r.exp(x, 1)
}

func scale(s *big.Rat) *big.Int {
	t := new(big.Int).Div(s.Num(), s.Denom())
	return t.Add(t.Sqrt(t), big.NewInt(1))
}

func (r reference) draw(s *big.Rat) *big.Int {
	t := scale(s)
	for {
		u, sign := new(big.Int).DivMod(r.below(new(big.Int).Lsh(t, 1)), big.NewInt(2), new(big.Int))
		if !r.exp(new(big.Rat).SetFrac(u, t), 1) {
			continue
		}
		v := int64(0)
		for r.exp1() {
			v++
		}
		y := new(big.Int).Add(u, new(big.Int).Mul(t, big.NewInt(v)))
		if sign.Sign() > 0 && y.Sign() == 0 {
			continue
		}
		if r.accept(s, t, y) {
			if sign.Sign() > 0 {
				y.Neg(y)
			}
			return y
		}
	}
}
