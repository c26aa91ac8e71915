package noise

import (
	"math/big"
	"math/bits"
)

// A sampler draws from N_Z(0, s), s = p/q, by CKS20's algorithm 3 on integers:
// propose Y of the discrete Laplace distribution of scale t = ⌊√s⌋+1, take it
// with probability e^(−x),
//
//	x = (|Y| − s/t)²/2s = (|Y|·q·t − p)² / 2pqt² = a²/d.
//
// The proposal fits in 64 bits for every s. a² and d do so for s <= 2²⁸ and
// for q = 1024; for s <= 2⁵⁹ they fit in 128; else they are big integers. A
// proposal that is so far out that its a does not fit is judged in the next
// width, with the same answer from the same words. PROOF.md has the bounds.
type sampler struct {
	src  *Source
	p    uint64
	t    uint64 // scale of the proposal, <= 2³²
	qt   uint64
	from width // narrowest width that holds d
	d64  uint64
	d128 u128
	dBig *big.Int // nil until needed
}

type width int

const (
	width64 width = iota
	width128
	widthBig
)

const (
	fine       = 1024    // denominator of a variance parameter below 1024
	most64     = 1 << 28 // s up to which d < 2⁵⁸
	most128    = 1 << 59 // s up to which d < 2¹²⁰
	farLaplace = 1 << 16 // proposals of 2¹⁶ scales and more go to big integers
)

// newSampler wants parameters that g.Check accepts and a usable source.
func newSampler(g Gaussian, r *Source) sampler {
	s := sampler{src: r, p: g.P, t: root(g.P/g.Q) + 1} // ⌊√(p/q)⌋ = ⌊√⌊p/q⌋⌋
	s.qt = g.Q * s.t
	switch {
	case g.Q == fine || g.P <= most64:
		s.d64 = 2 * g.P * s.qt * s.t
		s.d128 = u128{0, s.d64}
	case g.P <= most128:
		s.from = width128
		hi, lo := bits.Mul64(s.t, s.t) // t² < 2⁶⁰: hi is 0
		s.d128 = u128{hi, lo}.times(2 * g.P)
	default:
		s.from = widthBig
	}
	return s
}

// root is ⌊√n⌋, bit by bit.
func root(n uint64) (r uint64) {
	for b := uint64(1) << (bits.Len64(n) / 2); b > 0; b >>= 1 {
		// (r+b)² <= n without overflow: r+b <= 2³²
		if c := r + b; c < 1<<32 && c*c <= n {
			r = c
		}
	}
	return r
}

// A proposal is ±(u + t·v), 0 <= u < t.
type proposal struct {
	u, v uint64
	neg  bool
}

// draw returns one exact draw.
func (s *sampler) draw() proposal {
	for {
		if y := s.propose(); s.accept(y) {
			return y
		}
	}
}

// propose draws from the discrete Laplace distribution, P(Y) ∝ e^(−|Y|/t)
// (CKS20, algorithm 2). The sign is the last bit of the draw of u.
func (s *sampler) propose() proposal {
	for {
		both := s.src.below(2 * s.t)
		y := proposal{u: both >> 1, neg: both&1 == 1}
		if !s.src.exp(y.u, s.t) {
			continue
		}
		for s.src.exp1() {
			y.v++
		}
		if !y.neg || y.u != 0 || y.v != 0 { // 0 has one sign
			return y
		}
	}
}

// accept is true with probability e^(−x).
func (s *sampler) accept(y proposal) bool {
	if y.v < farLaplace && s.from < widthBig {
		// |Y| < 2¹⁶·2³⁰, so that only the product can be over 64 bits.
		hi, a := bits.Mul64(y.u+s.t*y.v, s.qt)
		if hi == 0 {
			a = max(a, s.p) - min(a, s.p)
			if s.from == width64 && a < 1<<32 {
				return s.accept64(a)
			}
			return s.accept128(a)
		}
	}
	return s.acceptBig(y)
}

// accept64 takes a proposal of a = ||Y|·q·t − p| < 2³². e^(−x) is one coin of
// bias e⁻¹ for each whole unit of x, and one for what is left.
func (s *sampler) accept64(a uint64) bool {
	n := a * a
	for ; n >= s.d64; n -= s.d64 {
		if !s.src.exp1() {
			return false
		}
	}
	return s.src.exp(n, s.d64)
}

// accept128 is accept64 for any a that fits in a word.
func (s *sampler) accept128(a uint64) bool {
	hi, lo := bits.Mul64(a, a)
	n := u128{hi, lo}
	for ; !n.less(s.d128); n = n.minus(s.d128) {
		if !s.src.exp1() {
			return false
		}
	}
	return s.src.exp128(n, s.d128)
}

// acceptBig is accept for any proposal.
func (s *sampler) acceptBig(y proposal) bool {
	var n, x, t, qt, p big.Int
	t.SetUint64(s.t)
	qt.SetUint64(s.qt)
	p.SetUint64(s.p)
	if s.dBig == nil {
		s.dBig = new(big.Int).Lsh(x.Mul(&p, x.Mul(&qt, &t)), 1)
	}
	n.Mul(&t, x.SetUint64(y.v))
	n.Add(&n, x.SetUint64(y.u))
	n.Sub(n.Mul(&n, &qt), &p)
	n.Mul(&n, &n)
	for ; n.Cmp(s.dBig) >= 0; n.Sub(&n, s.dBig) {
		if !s.src.exp1() {
			return false
		}
	}
	return s.src.expBig(&n, s.dBig)
}

// plus is x + Y, cut to ±cut. What is cut depends on the sum alone, so that it
// reveals no more than the sum does; it takes a draw of over 2²⁸ sd.
//
// The caller guarantees |x| <= 2⁶¹.
func (s *sampler) plus(x int64, y proposal) int64 {
	hi, lo := bits.Mul64(s.t, y.v)
	mag, carry := bits.Add64(lo, y.u, 0)
	if hi != 0 || carry != 0 || mag > cut+1<<61 {
		mag = cut + 1<<61 // x ± mag is cut for every x
	}
	z := int64(mag)
	if y.neg {
		z = -z
	}
	return min(max(x+z, -cut), cut) // |x+z| < 2⁶³
}

const cut = 1<<62 - 1
