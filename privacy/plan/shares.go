package plan

import "halftone/privacy/domain"

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
	g := o.scales.g
	for k, a := range g.parts {
		theta := float64(m) * float64(m) / 2 / (float64(o.plan.Measurements[k].NanoRho) / 1e9)
		for i, b := range g.tables {
			if domain.Below(a, b) {
				out[i] += theta * g.coefficient(a, b)
			}
		}
	}
	return out
}

// coefficient is ∏φ_d(a_d, b_d): what a unit of θ_a adds to the mean variance of
// table b.
func (g *Geometry) coefficient(a, b []int) float64 {
	p := 1.0
	for d := range a {
		p *= g.trees[d].phi[a[d]][b[d]]
	}
	return p
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
	g, total := o.scales.g, 0.0
	for _, me := range o.plan.Measurements {
		total += float64(me.NanoRho)
	}
	for k, a := range g.parts {
		weight, sum := make([]float64, len(out)), 0.0
		for i, b := range g.tables {
			if domain.Below(a, b) {
				weight[i] = g.coefficient(a, b)
				sum += weight[i]
			}
		}
		for i, w := range weight {
			out[i] += w / sum * float64(o.plan.Measurements[k].NanoRho) / total
		}
	}
	return out
}
