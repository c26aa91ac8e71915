package audit

import (
	"fmt"
	"math"
	"slices"

	"halftone/privacy/noise"
)

// Widths are parameters in every path of the sampler: s in 1024ths and whole in
// 64 bits, one below 1, 128 bits, big integers.
func Widths() []noise.Gaussian {
	return []noise.Gaussian{
		{P: 300, Q: 1024}, {P: 5_000, Q: 1024}, {P: 3, Q: 1}, {P: 100, Q: 1}, {P: 12_345, Q: 1},
		{P: 50_000_000, Q: 1}, {P: 1 << 40, Q: 1}, {P: 1<<59 + 1, Q: 1}, {P: 1 << 60, Q: 1},
	}
}

// Sampler draws and holds the draws against the pmf e^(−k²/2s)/Σ: χ², mean,
// variance, fourth moment, tails at 2 and 3 sd, and the log-ratio of draws about
// 0 and about Δ, which is the privacy loss itself. Value is the largest |z|.
func Sampler(g noise.Gaussian, draws int) (Finding, error) {
	x, err := drawn(g, draws)
	if err != nil {
		return Finding{}, err
	}
	return hold(x, g.Parameter(), fmt.Sprintf("s = %d/%d, %d draws", g.P, g.Q, draws)), nil
}

func drawn(g noise.Gaussian, draws int) ([]int64, error) {
	r := noise.NewSource()
	defer r.Close()
	x := make([]int64, draws)
	return x, g.Add(x, r)
}

// hold compares draws with a law of parameter s.
func hold(x []int64, s float64, tried string) Finding {
	l := newLaw(s)
	f := Finding{Check: "sampler", Tried: tried, Statistic: "largest |z|", Bound: zLimit}
	for _, t := range []struct {
		name string
		z    float64
	}{
		{"χ²", l.chiSquare(x)},
		{"mean", l.mean(x)},
		{"variance", l.moment(x, 2)},
		{"fourth moment", l.moment(x, 4)},
		{"tail at 2 sd", l.tail(x, 2)},
		{"tail at 3 sd", l.tail(x, 3)},
		{"log-ratio", l.logRatio(x)},
	} {
		f.FalseAlarm += zAlarm
		if z := math.Abs(t.z); z > f.Value || math.IsNaN(z) {
			f.Value = z
			f.Statistic = "largest |z| (" + t.name + ")"
		}
		if !(math.Abs(t.z) <= zLimit) && f.Failure == "" {
			f.Failure = fmt.Sprintf("%s: z = %.2f", t.name, t.z)
		}
	}
	return f
}

// A law is the discrete Gaussian of parameter s, summed term by term up to an s
// of 10⁶, and above that the normal distribution, whose tails at half-integers
// and moments differ from it by a relative 10⁻⁷ at most.
type law struct {
	s   float64
	p   []float64 // P(0), P(1), …; nil above 10⁶
	sum []float64 // P(X >= k)
}

const summed = 1e6

func newLaw(s float64) law {
	l := law{s: s}
	if s > summed {
		return l
	}
	l.p = halfPMF(s)
	l.sum = make([]float64, len(l.p)+1)
	for k := len(l.p) - 1; k >= 0; k-- {
		l.sum[k] = l.sum[k+1] + l.p[k]
	}
	return l
}

// halfPMF is P(0), P(1), … of the discrete Gaussian, to 13 sd and at least 13:
// what is left out weighs less than 10⁻³⁶.
func halfPMF(s float64) []float64 {
	n := int(13*math.Max(1, math.Sqrt(s))) + 2
	p, total := make([]float64, n), 0.0
	for k := n - 1; k >= 0; k-- {
		p[k] = math.Exp(-float64(k) * float64(k) / (2 * s))
		total += 2 * p[k]
	}
	total-- // 0 was counted twice
	for k := range p {
		p[k] /= total
	}
	return p
}

// above is P(X >= k).
func (l law) above(k int64) float64 {
	switch {
	case k <= 0:
		return 1 - l.above(1-k)
	case l.p == nil:
		return upperTail((float64(k) - 0.5) / math.Sqrt(l.s))
	case k < int64(len(l.sum)):
		return l.sum[k]
	}
	return 0
}

// raw is E X^p, p even.
func (l law) raw(p float64) (m float64) {
	if l.p == nil {
		return map[float64]float64{2: 1, 4: 3, 8: 105}[p] * math.Pow(l.s, p/2)
	}
	for k := len(l.p) - 1; k > 0; k-- {
		m += 2 * math.Pow(float64(k), p) * l.p[k]
	}
	return m
}

// chiSquare has classes of 0.15 sd, or of one integer if that is wider, merged
// until 100 draws are expected in each and beyond the last.
func (l law) chiSquare(x []int64) float64 {
	sorted := slices.Sorted(slices.Values(x))
	n, sd := float64(len(x)), math.Sqrt(l.s)
	sum, classes, seen, from := 0.0, 0.0, 0, 1.0 // from is P(X >= first of the class)
	for c := -4.0; c <= 4; c += 0.15 {
		edge := int64(math.Round(c * sd)) // first of the next class
		rest := l.above(edge)
		if e := (from - rest) * n; e >= 100 && rest*n >= 100 {
			at, _ := slices.BinarySearch(sorted, edge)
			o := float64(at - seen)
			sum, classes, seen, from = sum+(o-e)*(o-e)/e, classes+1, at, rest
		}
	}
	e, o := from*n, float64(len(x)-seen)
	return chiSquareZ(sum+(o-e)*(o-e)/e, classes)
}

func (l law) mean(x []int64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v)
	}
	return sum / math.Sqrt(l.raw(2)*float64(len(x)))
}

func (l law) moment(x []int64, p float64) float64 {
	sum, n := 0.0, float64(len(x))
	for _, v := range x {
		sum += math.Pow(float64(v), p) / n
	}
	m := l.raw(p)
	return (sum - m) / math.Sqrt((l.raw(2*p)-m*m)/n)
}

// tail counts what is c sd out or farther, and takes the exact binomial tail.
func (l law) tail(x []int64, c float64) float64 {
	k, seen := int64(math.Ceil(c*math.Sqrt(l.s))), 0
	for _, v := range x {
		if v >= k || v <= -k {
			seen++
		}
	}
	return binomialZ(seen, len(x), 2*l.above(k))
}

// logRatio moves every second draw by Δ, about an sd. The odds that a number x
// was moved are then e^((2xΔ−Δ²)/2s). The score Σ(moved − P(moved|x))·(x−Δ/2) has
// mean 0, and given the x a known variance, exactly if those are the odds. Which
// draws are moved does not depend on them.
func (l law) logRatio(x []int64) float64 {
	delta := math.Max(1, math.Floor(math.Sqrt(l.s)))
	score, variance := 0.0, 0.0
	for i, v := range x {
		moved := float64(i & 1)
		mid := float64(v) + moved*delta - delta/2
		p := 1 / (1 + math.Exp(-mid*delta/l.s))
		score += (moved - p) * mid
		variance += p * (1 - p) * mid * mid
	}
	return score / math.Sqrt(variance)
}
