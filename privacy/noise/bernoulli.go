package noise

import (
	"math/big"
	"math/bits"
)

// Coins of rational and of exponential bias, in three widths. A uniform real U
// = 0.w₁w₂… in base 2⁶⁴ is drawn word by word until U < n/d is decided. With
// rest = n·2⁶⁴ − w·d after a word w:
//
//	rest <= 0    U >= n/d, whatever follows
//	rest >= d    U < n/d, whatever follows
//	otherwise    U < n/d exactly if the rest of U is under rest/d
//
// The rule does not depend on the width, nor on whether n/d is reduced: all
// three read the same words and give the same answer.

// A u128 is hi·2⁶⁴ + lo.
type u128 struct{ hi, lo uint64 }

func (a u128) less(b u128) bool { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }

func (a u128) minus(b u128) u128 {
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	hi, _ := bits.Sub64(a.hi, b.hi, borrow)
	return u128{hi, lo}
}

// times is a·k where that is below 2¹²⁸.
func (a u128) times(k uint64) u128 {
	hi, lo := bits.Mul64(a.lo, k)
	return u128{a.hi*k + hi, lo}
}

// coin is true with probability n/d; n <= d, 1 <= d < 2⁶⁴.
func (r *Source) coin(n, d uint64) bool {
	for {
		hi, lo := bits.Mul64(r.word(), d)
		if hi >= n {
			return false // w·d >= n·2⁶⁴
		}
		// rest = (n−hi)·2⁶⁴ − lo > 0, and d < 2⁶⁴
		if n-hi > 1 || lo == 0 || -lo >= d {
			return true
		}
		n = -lo
	}
}

// coin128 is true with probability n/d; n <= d, 1 <= d < 2¹²⁷.
func (r *Source) coin128(n, d u128) bool {
	for {
		w := r.word()
		c, low := bits.Mul64(w, d.lo)
		hi, mid := bits.Mul64(w, d.hi)
		mid, carry := bits.Add64(mid, c, 0)
		high := u128{hi + carry, mid} // w·d = high·2⁶⁴ + low
		if !high.less(n) {
			return false
		}
		n = n.minus(high) // rest = n·2⁶⁴ − low > 0
		if n.hi != 0 {
			return true // rest > 2¹²⁷ > d
		}
		n = u128{n.lo, 0}.minus(u128{0, low})
		if !n.less(d) {
			return true
		}
	}
}

// coinBig is true with probability n/d; 0 <= n <= d, d >= 1. n is overwritten.
func (r *Source) coinBig(n, d *big.Int) bool {
	var w big.Int
	for {
		w.SetUint64(r.word())
		n.Sub(n.Lsh(n, 64), w.Mul(&w, d))
		if n.Sign() <= 0 {
			return false
		}
		if n.Cmp(d) >= 0 {
			return true
		}
	}
}

// The coins of bias e^(−γ), γ = n/d in [0, 1], are CKS20's algorithm 1 (after
// von Neumann): with A_k a coin of bias γ/k, the first k with A_k false is odd
// with probability e^(−γ). A coin of bias γ/k is one of bias n/(d·k) up to k =
// joint, which keeps d·k in the width; from there it is two, of bias γ and 1/k.
const joint = 63

// exp1 is true with probability e⁻¹. A₁ is certain.
func (r *Source) exp1() bool {
	k := uint64(2)
	for r.coin(1, k) {
		k++
	}
	return k&1 == 1
}

// exp is true with probability e^(−n/d); n <= d, 1 <= d < 2⁵⁸.
func (r *Source) exp(n, d uint64) bool {
	k := uint64(1)
	for k <= joint && r.coin(n, d*k) || k > joint && r.coin(n, d) && r.coin(1, k) {
		k++
	}
	return k&1 == 1
}

// exp128 is true with probability e^(−n/d); n <= d, 1 <= d < 2¹²⁰.
func (r *Source) exp128(n, d u128) bool {
	k := uint64(1)
	for k <= joint && r.coin128(n, d.times(k)) || k > joint && r.coin128(n, d) && r.coin(1, k) {
		k++
	}
	return k&1 == 1
}

// expBig is true with probability e^(−n/d); 0 <= n <= d, d >= 1.
func (r *Source) expBig(n, d *big.Int) bool {
	var m, dk big.Int
	k := uint64(1)
	for {
		m.Set(n) // a coin overwrites it
		if k <= joint && !r.coinBig(&m, dk.Mul(d, dk.SetUint64(k))) ||
			k > joint && !(r.coinBig(&m, d) && r.coin(1, k)) {
			return k&1 == 1
		}
		k++
	}
}
