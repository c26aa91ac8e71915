// Package plan decides what to measure and with how much noise. It is a pure
// function of public configuration: nothing here has seen data.
//
// A plan is a list of measurements. With the Laplace mechanism each published
// table is measured on its own; a planner that measures other tables than it
// publishes has the same shape.
package plan

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"halftone/privacy/domain"
	"halftone/privacy/noise"
)

// The mechanisms, by their names in files.
const (
	LaplaceMechanism = "laplace" // a draw a published cell, pure ε
	PlannerMechanism = "planner" // residual measurements with discrete Gaussian noise, zCDP
)

// A Measurement is one table that is counted, noised and sealed. With Laplace it
// is a published table; with the planner it is the residuals of a tuple of levels.
type Measurement struct {
	Table   string  `json:"table,omitempty"`    // Laplace
	Levels  []int   `json:"levels"`             // one a dimension, 0 the root
	B       float64 `json:"b,omitempty"`        // Laplace: scale of the noise of every cell
	NanoRho uint64  `json:"rho_nano,omitempty"` // planner: its part of the budget
}

// A Plan is public: it is sealed with the numbers and ships as the noise model.
// It is the plan of one release.
type Plan struct {
	Mechanism    string        `json:"mechanism"`
	NanoEpsilon  uint64        `json:"epsilon_nano,omitempty"` // charged, Laplace
	NanoRho      uint64        `json:"rho_nano,omitempty"`     // charged, planner
	Measurements []Measurement `json:"measurements"`
}

// Cost is what a release is charged, in the unit of its mechanism.
func (p Plan) Cost() uint64 { return p.NanoEpsilon + p.NanoRho }

// Laplace plans one release in which a person changes each table by at most m
// (L1) and everything together costs nanoEpsilon.
func Laplace(tables []domain.Table, m int64, nanoEpsilon uint64) (Plan, error) {
	draw := noise.LaplaceDraw{Tables: int64(len(tables)), PerTable: m, NanoEpsilon: nanoEpsilon}
	l, err := draw.Scale()
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Mechanism: LaplaceMechanism, NanoEpsilon: nanoEpsilon}
	for _, t := range tables {
		p.Measurements = append(p.Measurements, Measurement{Table: t.Name, Levels: t.Levels, B: l.B})
	}
	return p, nil
}

// Residual plans one release in which a person changes the leaf cells by at most
// m (L1) and everything together costs nanoRho.
func Residual(dims []domain.Dimension, tables []domain.Table, m int64, nanoRho uint64) (Plan, error) {
	g, err := NewGeometry(dims, tables)
	if err != nil {
		return Plan{}, err
	}
	rho, err := g.Split(nanoRho, nil)
	if err != nil {
		return Plan{}, err
	}
	if _, err := g.Scales(m, rho); err != nil {
		return Plan{}, err
	}
	return g.plan(nanoRho, rho), nil
}

func (g *Geometry) plan(cost uint64, rho []uint64) Plan {
	p := Plan{Mechanism: PlannerMechanism, NanoRho: cost}
	for k, r := range rho {
		p.Measurements = append(p.Measurements, Measurement{Levels: g.levels(k), NanoRho: r})
	}
	return p
}

// Targeted plans one release in which a person changes the leaf cells by at most m
// (L1) and the worst cell of each table is known to ± half[table] 95 times in 100
// (1.96 sd), 0 for a table without a target, at the least cost. It fails when that
// is more than most, in nano-ρ.
func Targeted(dims []domain.Dimension, tables []domain.Table, m int64, most uint64, half []float64) (Plan, error) {
	p, _, err := Priced(dims, tables, m, half)
	if err == nil && p.NanoRho > most {
		return Plan{}, fmt.Errorf("plan: the targets cost rho %.6g a release, and %.6g is what one may cost", float64(p.NanoRho)/1e9, float64(most)/1e9)
	}
	return p, err
}

// Priced is [Targeted] whatever it costs. gap is how far that may be above the
// least that measurements of these levels cost: 0.001 is 0.1 %.
func Priced(dims []domain.Dimension, tables []domain.Table, m int64, half []float64) (p Plan, gap float64, err error) {
	g, err := NewGeometry(dims, tables)
	if err != nil {
		return Plan{}, 0, err
	}
	variance := make([]float64, len(half))
	for i, h := range half {
		variance[i] = h / 1.96 * (h / 1.96)
	}
	l, err := g.ForTargets(m, variance)
	if err != nil {
		return Plan{}, 0, err
	}
	cost := uint64(0)
	for _, r := range l.NanoRho {
		cost += r
	}
	return g.plan(cost, l.NanoRho), l.Gap(), nil
}

// A Model is a plan with its geometry: what is known of the noise in every cell.
type Model struct {
	plan   Plan
	tables []domain.Table
	scales *Scales // planner

	mu      sync.Mutex
	details [][]float64 // variances of a table, once they were asked for
}

// Open checks that p is a plan for these tables and a bound m that costs no more
// than it is charged, and makes its model.
func (p Plan) Open(dims []domain.Dimension, tables []domain.Table, m int64) (*Model, error) {
	o := &Model{plan: p, tables: tables, details: make([][]float64, len(tables))}
	switch p.Mechanism {
	case LaplaceMechanism:
		if len(p.Measurements) != len(tables) {
			return nil, errors.New("plan: not one measurement a table")
		}
		for i, me := range p.Measurements {
			if me.Table != tables[i].Name || !slices.Equal(me.Levels, tables[i].Levels) || !(me.B > 0) || me.B > 1<<30 {
				return nil, fmt.Errorf("plan: measurement %d does not fit its table", i)
			}
		}
		return o, nil
	case PlannerMechanism:
		g, err := NewGeometry(dims, tables)
		if err != nil {
			return nil, err
		}
		rho := make([]uint64, len(p.Measurements))
		left := p.NanoRho // no plan costs more than it is charged, wherever it comes from
		for k, me := range p.Measurements {
			if k >= len(g.parts) || !slices.Equal(me.Levels, g.levels(k)) || me.NanoRho == 0 {
				return nil, fmt.Errorf("plan: measurement %d does not fit the tables", k)
			}
			if me.NanoRho > left {
				return nil, fmt.Errorf("plan: the measurements cost more than the %d nano-ρ of the plan", p.NanoRho)
			}
			rho[k], left = me.NanoRho, left-me.NanoRho
		}
		o.scales, err = g.Scales(m, rho)
		return o, err
	}
	return nil, fmt.Errorf("plan: no mechanism %q", p.Mechanism)
}

// Geometry is the planner's, nil with Laplace.
func (o *Model) Geometry() *Geometry {
	if o.scales == nil {
		return nil
	}
	return o.scales.g
}

// Scales are the planner's, nil with Laplace.
func (o *Model) Scales() *Scales { return o.scales }

// Additive reports whether estimates add up over tables and levels.
func (o *Model) Additive() bool { return o.scales != nil }

// Noise is the distribution of the noise in the estimate of a cell, by its place
// in row-major order. With the planner it is a sum of many scaled discrete
// Gaussians, which the lattice Gaussian of the same variance stands for.
func (o *Model) Noise(table string, cell int) (noise.Dist, error) {
	i := slices.IndexFunc(o.tables, func(t domain.Table) bool { return t.Name == table })
	if i < 0 || cell < 0 {
		return nil, fmt.Errorf("plan: no table %q", table)
	}
	if o.scales == nil {
		return noise.Laplace{B: o.plan.Measurements[i].B}, nil
	}
	v := o.variance(i)
	if cell >= len(v) {
		return nil, fmt.Errorf("plan: table %q has no cell %d", table, cell)
	}
	return noise.OfVariance(v[cell]), nil
}

// Variance returns the variances of the estimates of table i, row-major; with
// Laplace one for all cells.
func (o *Model) Variance(i int) []float64 {
	if o.scales == nil {
		return []float64{noise.Laplace{B: o.plan.Measurements[i].B}.Variance()}
	}
	return o.variance(i)
}

func (o *Model) variance(i int) []float64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.details[i] == nil {
		o.details[i] = o.scales.Variance(i)
	}
	return o.details[i]
}

// An Accuracy says what a table's worst and best cell are known to, privacy noise
// only.
type Accuracy struct {
	SD             float64 // standard deviation of an estimate
	HalfWidth      int64   // the true count is within ± this of the estimate 95 times in 100
	Detectable     int64   // smallest change between two periods that is seen 4 times in 5
	BestHalfWidth  int64
	BestDetectable int64
}

// Accuracy forecasts the worst and the best cell of table i in which comparisons cells are
// compared between two releases of this plan, so that the chance of any false
// claim is at most 5 % (Bonferroni), and a change is seen with power 0.8.
//
// The tails are those of the noise itself: at 51 cells the normal
// approximation of 10-privacy would understate Laplace's by a factor of six.
func (o *Model) Accuracy(i, comparisons int) Accuracy {
	v := o.spread(i)
	a := Accuracy{SD: math.Sqrt(slices.Max(v))}
	a.HalfWidth, a.Detectable = o.known(i, slices.Max(v), comparisons)
	a.BestHalfWidth, a.BestDetectable = a.HalfWidth, a.Detectable
	if o.scales != nil && slices.Min(v) < slices.Max(v) {
		a.BestHalfWidth, a.BestDetectable = o.known(i, slices.Min(v), comparisons)
	}
	return a
}

// spread are the different variances of the cells of table i.
func (o *Model) spread(i int) []float64 {
	if o.scales == nil {
		return o.Variance(i)
	}
	return o.scales.byClass(i)
}

// mostExact is the scale up to which tails of Laplace noise are computed as they are.
const mostExact = 64

// laplaceScale is that of table i's cells, 0 with the planner.
func (o *Model) laplaceScale(i int) float64 {
	if o.scales != nil {
		return 0
	}
	return o.plan.Measurements[i].B
}

// known is ± and smallest visible change of a cell of table i with a variance.
func (o *Model) known(i int, variance float64, comparisons int) (half, detectable int64) {
	d := noise.OfVariance(variance)
	if o.scales == nil {
		d = noise.Laplace{B: o.plan.Measurements[i].B}
	}
	if b := o.laplaceScale(i); b > mostExact {
		// Laplace noise scales; beyond this width rounding to whole numbers is nothing.
		small := noise.Sum{noise.Laplace{B: mostExact}, noise.Laplace{B: mostExact}}
		scaled := func(q int64) int64 { return int64(math.Ceil(float64(q) * b / mostExact)) }
		return noise.Laplace{B: b}.Quantile(0.05), scaled(noise.Quantile(small, 0.05/float64(max(1, comparisons)))) + 1 + scaled(noise.Quantile(small, 0.4))
	}
	diff := noise.Sum{d, d}
	seen := noise.Quantile(diff, 0.05/float64(max(1, comparisons))) + 1 // least difference that is claimed
	// P(X <= q) >= 0.8 for symmetric X is P(|X| > q) <= 0.4.
	return noise.Quantile(d, 0.05), seen + noise.Quantile(diff, 0.4)
}

// MeanVariance is the sum over tables of the mean variance of their cells: what
// the split minimises and mechanisms are compared by.
func (o *Model) MeanVariance() (sum float64) {
	for i := range o.tables {
		v, mean := o.Variance(i), 0.0
		for _, x := range v {
			mean += x / float64(len(v))
		}
		sum += mean
	}
	return sum
}
