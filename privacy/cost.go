package privacy

import (
	"math"
	"math/big"
	"slices"

	"halftone/privacy/account"
	"halftone/privacy/plan"
)

// Units of accounts: pure ε with Laplace, zCDP's ρ with the planner.
const (
	EpsilonNano = "epsilon_nano"
	RhoNano     = "rho_nano"
)

// ShownDelta is the δ at which ε of a ρ is shown where the budget declares none.
const ShownDelta = 1e-6

// A Cost is what releases tell about one person, in the unit of their mechanism:
// one of the two is 0. Costs of one unit add; those of different units do not.
type Cost struct {
	NanoEpsilon uint64 `json:"epsilon_nano,omitempty"` // of pure differential privacy, in billionths
	NanoRho     uint64 `json:"rho_nano,omitempty"`     // of zero-concentrated differential privacy, in billionths
}

// Nano is c in its unit.
func (c Cost) Nano() uint64 { return c.NanoEpsilon + c.NanoRho }

// Pure reports whether c is one of pure ε: then δ is 0.
func (c Cost) Pure() bool { return c.NanoRho == 0 }

// Epsilon is the ε of c at δ: any δ will do for a pure ε; ρ's is rounded up.
func (c Cost) Epsilon(delta float64) float64 {
	if c.Pure() {
		return float64(c.NanoEpsilon) / 1e9
	}
	return account.Epsilon(account.NanoRho(c.NanoRho), delta)
}

// Guess is how often, of 100 times, someone is right at most who is asked whether
// a person is in the data, held either equally likely before, and has read
// everything that c is the cost of.
func (c Cost) Guess() int {
	if c.Pure() {
		return account.NanoEpsilon(c.NanoEpsilon).Guess()
	}
	return account.NanoRho(c.NanoRho).Guess()
}

// Together is what costs of datasets with the same people come to: pure ε's add
// as such; where one is in ρ the pure ones count as ε²/2 of it.
func Together(costs ...Cost) Cost {
	var epsilon account.NanoEpsilon
	var rho account.NanoRho
	pure := true
	for _, c := range costs {
		pure = pure && c.Pure()
		epsilon = account.Sum(epsilon, account.NanoEpsilon(c.NanoEpsilon))
		rho = account.Sum(rho, account.NanoRho(c.NanoRho), account.FromPureEpsilon(account.NanoEpsilon(c.NanoEpsilon)))
	}
	if pure {
		return Cost{NanoEpsilon: uint64(epsilon)}
	}
	return Cost{NanoRho: uint64(rho)}
}

// Within reports whether people of p may have cost so much in all: a pure ε within
// p's, or its ρ within p's ρ. A population without a cap allows everything.
func (p Population) Within(c Cost) bool {
	if p.Nano() == 0 || c.Pure() && c.NanoEpsilon <= p.NanoEpsilon {
		return true
	}
	rho := account.Sum(account.NanoRho(c.NanoRho), account.FromPureEpsilon(account.NanoEpsilon(c.NanoEpsilon)))
	return uint64(rho) <= p.NanoRho
}

// A PeriodCost is what one charge, or several, cost for a period.
type PeriodCost struct {
	Period Period
	Nano   uint64
}

// Person is what charges cost one person who is in at most so many periods, 0 for
// any number: the sum of the dearest period sums, or the dearest one.
//
// Periods of one length do not overlap, and a period's sum is that of its own
// charges. A dataset whose periods change their length starts a new series, and the
// same person is then in a year and in a quarter of it: so costs are added up a
// month, and months that the same charges cover count as one period. Where periods
// of several lengths are charged it may count a long one once for each short one in
// it: too much, never too little.
func Person(charges []PeriodCost, periods int64) uint64 {
	var edges []int // where the set of covering charges may change
	for _, c := range charges {
		from, end := span(c.Period)
		edges = append(edges, from, end)
	}
	slices.Sort(edges)
	var sums []uint64
	for _, m := range slices.Compact(edges) {
		sum := uint64(0)
		for _, c := range charges {
			if from, end := span(c.Period); from <= m && m < end {
				sum = account.Sum(sum, c.Nano)
			}
		}
		sums = append(sums, sum)
	}
	return account.Person(sums, max(0, periods))
}

// span is the months of p, from and up to but not including, since year 0.
func span(p Period) (from, end int) {
	s := p.Start()
	from = s.Year()*12 + int(s.Month()) - 1
	return from, from + p.Months()
}

// Cost is so many nano in the unit of t.
func (t Terms) Cost(nano uint64) Cost {
	if t.Unit == RhoNano {
		return Cost{NanoRho: nano}
	}
	return Cost{NanoEpsilon: nano}
}

// Restate is what a release that cost nano tells about a person who changes the
// counts of a period by up to now, where it was made for one who changes them by
// was: ε grows with the bound, ρ with its square. Rounded up; at most the largest
// number.
func (t Terms) Restate(nano uint64, was, now int64) uint64 {
	if was <= 0 || now <= was {
		return nano
	}
	r := new(big.Int).SetUint64(nano)
	by, was2 := big.NewInt(now), big.NewInt(was)
	if t.Unit == RhoNano {
		by, was2 = by.Mul(by, by), was2.Mul(was2, was2)
	}
	r.Mul(r, by).Add(r, was2).Sub(r, big.NewInt(1)).Div(r, was2)
	if !r.IsUint64() {
		return math.MaxUint64
	}
	return r.Uint64()
}

// ShownDelta is the δ at which t's costs are shown as (ε, δ): none with a pure ε,
// else the declared one, and 10⁻⁶ where a budget in ρ declares none.
func (t Terms) ShownDelta() float64 {
	switch {
	case t.Unit != RhoNano:
		return 0
	case t.Delta == 0:
		return ShownDelta
	}
	return t.Delta
}

// NanoRho is the largest budget in ρ that (ε, δ) allows; 0 for a δ of 0 or none.
func NanoRho(epsilon, delta float64) uint64 { return uint64(account.Rho(epsilon, delta)) }

// HalfInSD is the half width of a 95 % interval in standard deviations of the noise:
// 1.96 of a Gaussian; with Laplace (ln 20)/√2, what the tails of a single cell need,
// and no sum of cells needs more.
func HalfInSD(mechanism string) float64 {
	if mechanism == LaplaceMechanism {
		return math.Log(20) / math.Sqrt2
	}
	return 1.96
}

// unitOf is the unit of a mechanism's costs.
func unitOf(mechanism string) string {
	if mechanism == plan.PlannerMechanism {
		return RhoNano
	}
	return EpsilonNano
}
