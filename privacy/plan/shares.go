package plan

import "slices"

// MeanVariances are the variances of a cell of each table, averaged over its
// cells. With the planner it is the closed form Σ_a θ_a·∏φ that the split makes
// least, θ_a = M²/2ρ_a, which needs no table of cells; the rounding of s adds to it
// one part in a thousand at most where s ≥ 1.
func (o *Model) MeanVariances(m int64) []float64 {
	out := make([]float64, len(o.tables))
	if o.scales == nil {
		for i := range out {
			out[i] = o.Variance(i)[0]
		}
		return out
	}
	for i := range out {
		for _, e := range o.scales.g.effects(i) {
			out[i] += float64(m) * float64(m) / 2 / (float64(o.plan.Measurements[e.part].NanoRho) / 1e9) * e.phi
		}
	}
	return out
}

// Shares divide the budget among tables and add up to 1. A measurement that
// several tables rest on is divided by what it adds to their mean variances: by the
// weight that each has in the split.
func (o *Model) Shares() []float64 {
	out := make([]float64, len(o.tables))
	if o.scales == nil {
		for i := range out {
			out[i] = 1 / float64(len(out))
		}
		return out
	}
	total := 0.0
	for _, me := range o.plan.Measurements {
		total += float64(me.NanoRho)
	}
	sums := o.scales.g.weights(slices.Repeat([]float64{1}, len(out)))
	for i := range out {
		for _, e := range o.scales.g.effects(i) {
			out[i] += e.phi / sums[e.part] * float64(o.plan.Measurements[e.part].NanoRho) / total
		}
	}
	return out
}
