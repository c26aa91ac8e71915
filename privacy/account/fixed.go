package account

import (
	"math"
	"math/big"
)

// A fixed-point number is a big.Int in units of 2^-frac. One rounding moves it by
// less than a unit; how far roundings can add up is in PROOF.md.
const frac = 256

var (
	one = new(big.Int).Lsh(big.NewInt(1), frac)
	// ln2 is below ln 2, by less than 2^8 units.
	ln2 = twiceArtanh(new(big.Int).Quo(one, big.NewInt(3)))
)

// twiceArtanh is at most 2·artanh(z), 0 <= z <= 1/3: every term of z + z³/3 + …
// and every power is rounded down.
func twiceArtanh(z *big.Int) *big.Int {
	square := mulDown(z, z)
	power := new(big.Int).Set(z)
	sum, term, odd, rest := new(big.Int), new(big.Int), new(big.Int), new(big.Int)
	for j := int64(1); ; j += 2 {
		if term.QuoRem(power, odd.SetInt64(j), rest); term.Sign() == 0 {
			return sum.Lsh(sum, 1)
		}
		sum.Add(sum, term)
		power.Rsh(term.Mul(power, square), frac)
	}
}

// ln is at most the natural logarithm of x >= 1, and below it by less than 2^16
// units for x < 2^200. With x = m·2^k, 1 <= m < 2: k·ln 2 + 2·artanh((m−1)/(m+1)).
func ln(x *big.Int) *big.Int {
	k := x.BitLen() - 1 - frac
	m := new(big.Int).Rsh(x, uint(k))
	z := divDown(new(big.Int).Sub(m, one), new(big.Int).Add(m, one))
	sum := twiceArtanh(z)
	return sum.Add(sum, new(big.Int).Mul(ln2, big.NewInt(int64(k))))
}

// ln1p is ln(1+x), rounded as ln does, x >= 0.
func ln1p(x *big.Int) *big.Int { return ln(new(big.Int).Add(one, x)) }

// lnInverse is at least ln(1/d), and above it by less than 2^20 units, 0 < d < 1.
func lnInverse(d float64) *big.Int {
	m, e := math.Frexp(d) // d = 2m·2^(e−1), 1 <= 2m < 2, exact
	l := new(big.Int).Mul(new(big.Int).Add(ln2, big.NewInt(1<<8)), big.NewInt(int64(1-e)))
	return l.Sub(l, ln(fromFloat(2*m)))
}

// fromFloat is the largest fixed-point number not above a finite f >= 0.
func fromFloat(f float64) *big.Int {
	b := new(big.Float).SetFloat64(f)
	i, _ := b.SetMantExp(b, frac).Int(nil)
	return i
}

// floatAbove is the least float64 not below x >= 0.
func floatAbove(x *big.Int) float64 {
	b := new(big.Float).SetPrec(53).SetMode(big.ToPositiveInf).SetInt(x)
	f, _ := b.SetMantExp(b, -frac).Float64()
	return f
}

// mulDown is x·y, rounded down.
func mulDown(x, y *big.Int) *big.Int {
	p := new(big.Int).Mul(x, y)
	return p.Rsh(p, frac)
}

// divDown is x/y, rounded down, y > 0.
func divDown(x, y *big.Int) *big.Int {
	q := new(big.Int).Lsh(x, frac)
	return q.Div(q, y)
}

// divUp is x/y, rounded up, y > 0.
func divUp(x, y *big.Int) *big.Int {
	q := divDown(new(big.Int).Neg(x), y)
	return q.Neg(q)
}

// times is nano·x, nano in billionths, rounded up, x >= 0.
func times(nano uint64, x *big.Int) *big.Int {
	p := new(big.Int).SetUint64(nano)
	p.Mul(p, x).Add(p, big.NewInt(perUnit-1))
	return p.Quo(p, big.NewInt(perUnit))
}
