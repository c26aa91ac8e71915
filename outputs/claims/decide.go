package claims

import (
	"fmt"
	"math"
	"slices"

	"halftone/outputs"
)

// Recorded returns every comparison of a version with its verdict. tables are
// those of v; the claims come in the order of [Headline], then of cells, then of
// kinds. It is deterministic.
func Recorded(v outputs.Version, tables []outputs.Table) ([]Claim, error) {
	f, err := family(v, tables)
	if err != nil {
		return nil, fmt.Errorf("claims: %w", err)
	}
	decide(f, v.About.Material, holm)
	out := make([]Claim, len(f))
	widths := map[shape]width{}
	for i, c := range f {
		if c.Verdict != CannotSay {
			s := shape{c.Table, c.Kind, c.to.SD(), c.noise.SD()}
			w, ok := widths[s]
			if !ok {
				w = width{c.to.Quantile(Alpha), c.noise.Quantile(Alpha), c.noise.Visible(Alpha / float64(len(f)))}
				widths[s] = w
			}
			if c.To.First != c.To.Last {
				c.Value = max(0, int64(math.Round(c.After)))
				c.ToLow, c.ToHigh = max(0, int64(math.Floor(c.After))-w.to), max(0, int64(math.Ceil(c.After))+w.to)
			}
			c.Low, c.High = int64(math.Floor(c.D))-w.d, int64(math.Ceil(c.D))+w.d
			c.SD, c.Visible = s.d, w.visible
		}
		out[i] = c.Claim
	}
	return out, nil
}

// A shape is what cells with the same noise have in common: sums of as many
// draws for one table, with the same standard deviations. Quantiles are costly
// and are found once a shape.
type shape struct {
	table string
	kind  Kind
	to, d float64
}

type width struct{ to, d, visible int64 }

// decide passes every comparison of a family through the three gates.
func decide(f []comparison, material float64, adjust func([]float64) []float64) {
	p, chance := make([]float64, len(f)), make([]float64, len(f))
	for i, c := range f {
		p[i], chance[i] = c.P, c.ChanceP // 1 where nothing can be said
	}
	p, chance = adjust(p), adjust(chance)
	for i := range f {
		c := &f[i]
		c.Adjusted, c.ChanceAdjusted = p[i], chance[i]
		switch {
		case c.Verdict == CannotSay:
		case c.Adjusted > Alpha:
			c.Verdict = NotDetected
		case math.Abs(c.D) <= material*c.Before:
			c.Verdict, c.Reason = AboutAsMany, NotMaterial
		case c.ChanceAdjusted > Alpha:
			c.Verdict, c.Reason = AboutAsMany, WithinChance
		case c.D > 0:
			c.Verdict = More
		default:
			c.Verdict = Fewer
		}
	}
}

// holm returns Holm's adjusted p values: the i-th smallest of m times m-i, made
// monotone. Rejecting where they are at most α keeps the chance of any false
// rejection at α under any dependence (Holm 1979).
func holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case p[a] < p[b]:
			return -1
		case p[a] > p[b]:
			return 1
		}
		return 0
	})
	out := make([]float64, len(p))
	worst := 0.0
	for k, i := range order {
		worst = max(worst, min(1, float64(len(p)-k)*p[i]))
		out[i] = worst
	}
	return out
}
