package privacy

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"halftone/privacy/domain"
	"halftone/privacy/noise"
	"halftone/privacy/plan"
)

// A Release is the noised numbers of one period and edition. The zero Release
// answers every question with an error or nothing.
type Release struct{ noised *releaseState }

type releaseState struct {
	file  sealedFile
	raw   []byte
	model *plan.Model

	once sync.Once // a reconstruction is made when the first table is asked for
	rec  *plan.Reconstruction
	err  error
}

// Key names r.
func (r Release) Key() (Key, error) {
	if r.noised == nil {
		return Key{}, ErrNotReleased
	}
	return r.noised.file.Key, nil
}

// File returns the bytes of the sealed file. They are public once published.
func (r Release) File() []byte {
	if r.noised == nil {
		return nil
	}
	return r.noised.raw
}

// Model is what a reader may know of how r was made.
func (r Release) Model() (Model, error) {
	if r.noised == nil {
		return Model{}, ErrNotReleased
	}
	f := r.noised.file
	return Model{SpecDigest: f.SpecDigest, Unit: f.Unit, Measure: f.Measure, Bound: Bound{f.PerPeriod, f.Periods},
		Dimensions: f.Dimensions, Tables: f.Tables, Plan: f.Plan, EstimatesAdd: r.noised.model.Additive()}, nil
}

// A Model says how a release was made. All of it is public.
type Model struct {
	SpecDigest string
	Unit       string
	Measure    string
	Bound      Bound
	Dimensions []Dimension
	Tables     []Table
	Plan       Plan
	// EstimatesAdd says that estimates add up over tables and levels.
	EstimatesAdd bool
}

// Cost is what the release was charged.
func (m Model) Cost() Cost { return Cost{m.Plan.NanoEpsilon, m.Plan.NanoRho} }

// Additive reports whether the values of m's tables add up across tables and
// levels. They do not yet: a value is its own estimate, rounded and cut at 0.
func (m Model) Additive() bool { return false }

// Table returns the table of that name.
func (m Model) Table(name string) (Table, bool) {
	for _, t := range m.Tables {
		if t.Name == name {
			return t, true
		}
	}
	return Table{}, false
}

// Cells are the numbers of one table, in row-major order of its codes.
type Cells struct {
	Estimate []float64 // unbiased; may be negative
	SD       []float64 // standard deviation of the estimate, privacy noise only
	Value    []int64   // non-negative, for reading
	Low      []int64   // 95 % interval of the true count, within the integers ≥ 0
	High     []int64
}

// Cells reconstructs one table. It is deterministic.
//
// The interval is the estimate ± 1.96 sd, with Laplace ± the exact 97.5 %
// quantile of the noise, rounded outward, cut at 0 because a recorded count is a
// non-negative integer, and widened to contain Value; each step only adds
// coverage.
func (r Release) Cells(table string) (Cells, error) {
	if r.noised == nil {
		return Cells{}, ErrNotReleased
	}
	i := slices.IndexFunc(r.noised.file.Tables, func(t Table) bool { return t.Name == table })
	if i < 0 {
		return Cells{}, fmt.Errorf("privacy: no table %q in this release", table)
	}
	if r.noised.model.Geometry() == nil {
		return r.noised.laplace(i), nil
	}
	return r.noised.residual(i)
}

func newCells(n int) Cells {
	return Cells{make([]float64, n), make([]float64, n), make([]int64, n), make([]int64, n), make([]int64, n)}
}

func (r *releaseState) laplace(i int) Cells {
	l := noise.Laplace{B: r.file.Plan.Measurements[i].B}
	sd, half := math.Sqrt(l.Variance()), l.Quantile(0.05)
	c := newCells(len(r.file.Noisy[i]))
	for k, v := range r.file.Noisy[i] {
		c.Estimate[k], c.SD[k], c.Value[k] = float64(v), sd, max(0, v)
		c.Low[k], c.High[k] = max(0, v-half), max(0, v+half)
	}
	return c
}

func (r *releaseState) residual(i int) (Cells, error) {
	r.once.Do(func() { r.rec, r.err = r.model.Geometry().Reconstruct(r.file.Noisy) })
	if r.err != nil {
		return Cells{}, r.err
	}
	estimate, variance := r.rec.Table(i), r.model.Variance(i)
	c := newCells(len(estimate))
	for k, e := range estimate {
		half := float64(1.96 * math.Sqrt(variance[k])) // rounded here: a fused product would differ by platform
		value := max(0, int64(math.Round(e)))
		c.Estimate[k], c.SD[k], c.Value[k] = e, math.Sqrt(variance[k]), value
		c.Low[k], c.High[k] = min(value, max(0, int64(math.Floor(e-half)))), max(value, int64(math.Ceil(e+half)))
	}
	return c, nil
}

// A Noise is the distribution of the noise in one published estimate, or in a
// sum of independent ones; signs do not matter. It compares no counts.
type Noise struct{ terms noise.Sum }

// Noise of one cell of a table, by its place in row-major order.
func (r Release) Noise(table string, cell int) (Noise, error) {
	if r.noised == nil {
		return Noise{}, ErrNotReleased
	}
	d, err := r.noised.model.Noise(table, cell)
	if err != nil {
		return Noise{}, err
	}
	return Noise{noise.Sum{d}}, nil
}

// Plus is the noise of a sum or difference of independent estimates: cells of
// releases of different periods, or with Laplace of one release.
func (n Noise) Plus(o ...Noise) Noise {
	out := Noise{append(noise.Sum{}, n.terms...)}
	for _, m := range o {
		out.terms = append(out.terms, m.terms...)
	}
	return out
}

// PlusChance adds what chance alone makes of the difference of two counts with
// one constant rate, whose sum is total (Skellam: a difference of two Poisson
// counts). A total below 0 adds nothing.
func (n Noise) PlusChance(total float64) Noise {
	if total <= 0 {
		return n
	}
	return Noise{append(append(noise.Sum{}, n.terms...), noise.Skellam{Total: total})}
}

// SD is the standard deviation.
func (n Noise) SD() float64 { return math.Sqrt(n.terms.Variance()) }

// P is the chance that noise alone is as far from 0 as d, or farther. It is
// exact for integer estimates and rounds d towards 0 for others.
func (n Noise) P(d float64) float64 {
	return noise.Tail(n.terms, int64(math.Floor(math.Abs(d)+1e-6)))
}

// Quantile is the least k >= 0 with P(|noise| > k) at most alpha: an estimate
// ± Quantile(0.05) holds the true count 95 times in 100.
func (n Noise) Quantile(alpha float64) int64 { return noise.Quantile(n.terms, alpha) }

// Visible is the least difference that has P at most alpha, plus what it takes
// that a true change of this size passes it four times in five.
func (n Noise) Visible(alpha float64) int64 {
	return noise.Quantile(n.terms, alpha) + 1 + noise.Quantile(n.terms, 0.4)
}

// Codes are those of cell i of t, one a dimension, in row-major order.
func (m Model) Codes(t Table, i int) []string {
	out := make([]string, len(t.Levels))
	for d := len(t.Levels) - 1; d >= 0; d-- {
		codes := m.Dimensions[d].Levels[t.Levels[d]].Codes
		out[d] = codes[i%len(codes)]
		i /= len(codes)
	}
	return out
}

// Cells of a table, counted.
func (m Model) Cells(t Table) int {
	n, err := domain.Cells(m.Dimensions, t.Levels)
	if err != nil {
		return 0
	}
	return n
}
