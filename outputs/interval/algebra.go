package interval

import (
	"maps"
	"math/big"
	"slices"
)

// A form is a constant and a weighted sum of figures, by their number. Weights are
// exact, so that what cancels is gone, and rounding outward knows the steps.
type form struct {
	constant *big.Rat
	weight   map[int]*big.Rat // none is 0
}

func constant(r *big.Rat) form { return form{r, nil} }

func (f form) plus(o form, sign int64) form {
	s := big.NewRat(sign, 1)
	out := form{new(big.Rat).Add(f.constant, new(big.Rat).Mul(s, o.constant)), maps.Clone(f.weight)}
	if out.weight == nil {
		out.weight = map[int]*big.Rat{}
	}
	for i, w := range o.weight {
		sum := new(big.Rat).Mul(s, w)
		if have := out.weight[i]; have != nil {
			sum.Add(sum, have)
		}
		if out.weight[i] = sum; sum.Sign() == 0 {
			delete(out.weight, i)
		}
	}
	return out
}

func (f form) times(r *big.Rat) form {
	out := form{new(big.Rat).Mul(r, f.constant), map[int]*big.Rat{}}
	if r.Sign() == 0 {
		return out
	}
	for i, w := range f.weight {
		out.weight[i] = new(big.Rat).Mul(r, w)
	}
	return out
}

func (f form) same(o form) bool {
	return f.constant.Cmp(o.constant) == 0 && maps.EqualFunc(f.weight, o.weight, func(x, y *big.Rat) bool { return x.Cmp(y) == 0 })
}

// figures are the numbers of those in f, sorted.
func (f form) figures() []int { return slices.Sorted(maps.Keys(f.weight)) }

// adds reports whether f cannot be below 0: nothing is taken away.
func (f form) adds() bool {
	for _, w := range f.weight {
		if w.Sign() < 0 {
			return false
		}
	}
	return f.constant.Sign() >= 0
}

// step is the largest number of which all weights are multiples, 0 without
// figures: counts are whole, so f is its constant and a multiple of step.
func (f form) step() *big.Rat {
	num, den := new(big.Int), big.NewInt(1)
	for _, w := range f.weight { // lcm of denominators
		g := new(big.Int).GCD(nil, nil, den, w.Denom())
		den.Div(den, g).Mul(den, w.Denom())
	}
	for _, w := range f.weight {
		n := new(big.Int).Mul(w.Num(), new(big.Int).Div(den, w.Denom()))
		num.GCD(nil, nil, num, n.Abs(n))
	}
	return new(big.Rat).SetFrac(num, den)
}

// A quotient of two forms; den has figures.
type quotient struct{ num, den form }

// A combination is a form and a sum of quotients, no two with one denominator.
type combination struct {
	form
	quotients []quotient
}

func (c combination) plus(o combination, sign int64) combination {
	out := combination{c.form.plus(o.form, sign), slices.Clone(c.quotients)}
	for _, q := range o.quotients {
		q.num = q.num.times(big.NewRat(sign, 1))
		if i := slices.IndexFunc(out.quotients, func(h quotient) bool { return h.den.same(q.den) }); i >= 0 {
			out.quotients[i].num = out.quotients[i].num.plus(q.num, 1)
		} else {
			out.quotients = append(out.quotients, q)
		}
	}
	return out
}

func (c combination) times(r *big.Rat) combination {
	out := combination{form: c.form.times(r)}
	for _, q := range c.quotients {
		out.quotients = append(out.quotients, quotient{q.num.times(r), q.den})
	}
	return out
}

// plain reports whether c is a number.
func (c combination) plain() bool { return len(c.weight) == 0 && len(c.quotients) == 0 }

// over divides c by o; a text says why that cannot be done.
func (c combination) over(o combination) (combination, string) {
	switch {
	case o.plain() && o.constant.Sign() == 0:
		return c, "division by 0"
	case o.plain():
		return c.times(new(big.Rat).Inv(o.constant)), ""
	case len(o.quotients) == 1 && len(o.weight) == 0 && o.constant.Sign() == 0 && c.plain():
		q := o.quotients[0]
		if len(q.num.weight) == 0 {
			if q.num.constant.Sign() == 0 {
				return c, "division by 0"
			}
			return combination{form: q.den.times(new(big.Rat).Quo(c.constant, q.num.constant))}, ""
		}
		return combination{constant(new(big.Rat)), []quotient{{q.den.times(c.constant), q.num}}}, ""
	case len(o.quotients) > 0 || len(c.quotients) > 0:
		return c, "a ratio of ratios has no sound interval here: ask for its parts one by one"
	}
	return combination{constant(new(big.Rat)), []quotient{{c.form, o.form}}}, ""
}
