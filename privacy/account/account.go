// Package account says what releases tell about one person: in ρ of
// zero-concentrated differential privacy (zCDP), in ε of pure differential
// privacy, in (ε, δ), and in plain odds; over periods, editions and datasets.
//
// Budgets and charges are integers, charges rounded up and budgets down. Logarithms
// are computed in integers too, each rounded in a proven direction; a float64 is
// only taken apart or put together, so that every platform gives the same bits.
// PROOF.md holds the arguments.
//
// The caller guarantees that a charge is what a release costs, and that a person
// is in as many periods as declared, over all pulls ever made.
package account

import (
	"math"
	"math/big"
	"math/bits"
	"slices"
)

// NanoRho is ρ of zCDP in billionths.
type NanoRho uint64

// NanoEpsilon is ε of pure differential privacy in billionths.
type NanoEpsilon uint64

// Nano is a cost in one of the units. A sum has one unit: costs in different ones
// do not compile.
type Nano interface{ ~uint64 }

// perUnit is how many nano make one.
const perUnit = 1_000_000_000

// Sum is what all costs together come to, as of datasets of one population. It
// stops at the largest number instead of passing it.
func Sum[N Nano](costs ...N) N {
	var total N
	for _, c := range costs {
		total = add(total, c)
	}
	return total
}

// Person is what one person can cost who is in at most so many periods: the sum
// of that many of the largest period sums. A period sum is what all editions, of
// all series, of one period were charged. Periods 0 stands for unlimited: what is
// protected is then a person and period, and the dearest period is the cost. Less
// than 0 is no declaration, and everything is counted. periodSums stays as it is.
func Person[N Nano](periodSums []N, periods int64) N {
	sorted := slices.Clone(periodSums)
	slices.Sort(sorted)
	slices.Reverse(sorted)
	if periods == 0 {
		periods = 1
	}
	if periods > 0 && periods < int64(len(sorted)) {
		sorted = sorted[:periods]
	}
	return Sum(sorted...)
}

// PeriodShare is what one period may cost, all its editions together, so that the
// person's budget holds however many periods are released: ⌊budget/periods⌋, and
// the whole budget, which is then one of a person and period, if periods is 0
// (unlimited). Less than 0 is no declaration and gives nothing.
func PeriodShare[N Nano](budget N, periods int64) N {
	switch {
	case periods < 0:
		return 0
	case periods == 0:
		return budget
	}
	return budget / N(periods)
}

// Shares divides a period's share among its planned editions, the first one
// first. firstShare, between 0 and 1, is the part that the first one takes while
// the others share the rest alike; nil divides equally, and one edition alone
// takes all. Every share is rounded down, so they never sum to more than period.
// The answer is nil if editions is below 1 or firstShare not between 0 and 1.
func Shares[N Nano](period N, editions int, firstShare *big.Rat) []N {
	if editions < 1 || firstShare != nil && (firstShare.Sign() <= 0 || firstShare.Cmp(big.NewRat(1, 1)) >= 0) {
		return nil
	}
	n := N(editions)
	shares := slices.Repeat([]N{period / n}, editions)
	if firstShare != nil && editions > 1 {
		f := new(big.Int).SetUint64(uint64(period))
		f.Mul(f, firstShare.Num()).Quo(f, firstShare.Denom())
		shares[0] = N(f.Uint64())
		for i := 1; i < editions; i++ {
			shares[i] = (period - shares[0]) / (n - 1)
		}
	}
	return shares
}

// Exceeding is the cost to someone who changes the counts by times as much as
// declared, or to a group of so many people: times²·ρ. It stops at the largest
// number.
func (r NanoRho) Exceeding(times uint64) NanoRho {
	return NanoRho(mul(mul(uint64(r), times), times))
}

// Exceeding is the cost to someone who changes the counts by times as much as
// declared, or to a group of so many people: times·ε. It stops at the largest
// number.
func (e NanoEpsilon) Exceeding(times uint64) NanoEpsilon {
	return NanoEpsilon(mul(uint64(e), times))
}

func add[N Nano](x, y N) N {
	s, carry := bits.Add64(uint64(x), uint64(y), 0)
	if carry != 0 {
		return math.MaxUint64
	}
	return N(s)
}

func mul(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x, y)
	if hi != 0 {
		return math.MaxUint64
	}
	return lo
}
