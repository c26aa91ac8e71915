// Package plan decides what to measure and with how much noise. It is a pure
// function of public configuration: nothing here has seen data.
//
// A plan is a list of measurements. With the Laplace mechanism each published
// table is measured on its own; a planner that measures other tables than it
// publishes has the same shape.
package plan

import (
	"fmt"
	"math"

	"halftone/privacy/domain"
	"halftone/privacy/noise"
)

// LaplaceMechanism is the name of the mechanism as it stands in files.
const LaplaceMechanism = "laplace"

// A Measurement is one table that is counted, noised and sealed.
type Measurement struct {
	Table  string  `json:"table"`
	Levels []int   `json:"levels"` // one a dimension, 0 the root
	B      float64 `json:"b"`      // scale of the rounded Laplace noise of every cell
}

// A Plan is public: it is sealed with the numbers and ships as the noise model.
type Plan struct {
	Mechanism    string        `json:"mechanism"`
	NanoEpsilon  uint64        `json:"epsilon_nano"` // charged a release
	Measurements []Measurement `json:"measurements"`
}

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

// Noise is the distribution of the noise in a cell's estimate. A plan's cells of
// one table may differ; with Laplace all are alike and cell is not looked at.
func (p Plan) Noise(table string, cell int) (noise.Dist, error) {
	for _, m := range p.Measurements {
		if m.Table == table && cell >= 0 {
			return noise.Laplace{B: m.B}, nil
		}
	}
	return nil, fmt.Errorf("plan: no table %q", table)
}

// An Accuracy says what a table's worst cell is known to, privacy noise only.
type Accuracy struct {
	SD         float64 // standard deviation of an estimate
	HalfWidth  int64   // the true count is within ± this of the estimate 95 times in 100
	Detectable int64   // smallest change between two periods that is seen 4 times in 5
}

// Accuracy forecasts the worst cell of a table in which comparisons cells are
// compared between two releases of this plan, so that the chance of any false
// claim is at most 5 % (Bonferroni), and a change is seen with power 0.8.
//
// The tails are those of the noise itself: at 51 cells the normal
// approximation of 10-privacy would understate Laplace's by a factor of six.
func (p Plan) Accuracy(table string, comparisons int) (Accuracy, error) {
	d, err := p.Noise(table, 0)
	if err != nil {
		return Accuracy{}, err
	}
	diff := noise.Sum{d, d}
	a := Accuracy{SD: math.Sqrt(d.Variance()), HalfWidth: noise.Quantile(d, 0.05)}
	seen := noise.Quantile(diff, 0.05/float64(max(1, comparisons))) + 1 // least difference that is claimed
	// P(X <= q) >= 0.8 for symmetric X is P(|X| > q) <= 0.4.
	a.Detectable = seen + noise.Quantile(diff, 0.4)
	return a, nil
}
