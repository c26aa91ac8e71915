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

	once     sync.Once // made when the first table is asked for
	estimate [][]float64
	value    [][]int64
	err      error
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
		Dimensions: f.Dimensions, Tables: f.Tables, Zeros: f.Zeros, Plan: f.Plan, EstimatesAdd: r.noised.model.Additive()}, nil
}

// A Model says how a release was made. All of it is public.
type Model struct {
	SpecDigest string
	Unit       string
	Measure    string
	Bound      Bound
	Dimensions []Dimension
	Tables     []Table
	Zeros      []Zero
	Plan       Plan
	// EstimatesAdd says that estimates add up over tables and levels.
	EstimatesAdd bool
}

// Cost is what the release was charged.
func (m Model) Cost() Cost { return Cost{m.Plan.NanoEpsilon, m.Plan.NanoRho} }

// Additive reports whether the values of m's tables add up across tables and
// levels: they do unless the finest common table has more than 2²⁰ cells.
func (m Model) Additive() bool { return plan.Fits(m.Dimensions, m.Tables) }

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
	Zero     []bool // structural zeros; nil: there are none
}

// Cells reconstructs one table. It is deterministic.
//
// Value is what non-negative whole numbers of the finest common table add up to,
// near to the estimates of all tables (see [plan.Fitting]); beyond 2²⁰ cells it is
// the estimate, rounded and cut at 0 ([Model.Additive] is false then).
//
// The interval is the estimate ± 1.96 sd, with Laplace ± the exact 97.5 %
// quantile of the noise, rounded outward, cut at 0 because a recorded count is a
// non-negative integer, and widened to contain Value; each step only adds
// coverage. Structural zeros have the value 0 and the interval 0 to 0; their
// estimates stay, so that estimates add up.
func (r Release) Cells(table string) (Cells, error) {
	if r.noised == nil {
		return Cells{}, ErrNotReleased
	}
	i := slices.IndexFunc(r.noised.file.Tables, func(t Table) bool { return t.Name == table })
	if i < 0 {
		return Cells{}, fmt.Errorf("privacy: no table %q in this release", table)
	}
	if r.noised.once.Do(r.noised.reconstruct); r.noised.err != nil {
		return Cells{}, r.noised.err
	}
	return r.noised.cells(i), nil
}

// reconstruct computes the estimates of all tables, and the values from them.
func (r *releaseState) reconstruct() {
	g := r.model.Geometry()
	var rec *plan.Reconstruction
	if g != nil {
		if rec, r.err = g.Reconstruct(r.file.Noisy); r.err != nil {
			return
		}
	}
	mean := make([]float64, len(r.file.Tables))
	for i := range r.file.Tables {
		var estimate []float64
		if g != nil {
			estimate = rec.Table(i)
		} else {
			for _, v := range r.file.Noisy[i] {
				estimate = append(estimate, float64(v))
			}
		}
		r.estimate = append(r.estimate, estimate)
		variance := r.model.Variance(i)
		for _, v := range variance {
			mean[i] += v / float64(len(variance))
		}
	}
	f, ok := plan.NewFitting(r.file.Dimensions, r.file.Tables)
	if ok {
		f.Zero(domain.Within(r.file.Dimensions, r.file.Zeros, plan.Finest(r.file.Dimensions, r.file.Tables)))
		r.value = f.Values(r.estimate, mean, f.Total(r.estimate, mean))
		return
	}
	for _, estimate := range r.estimate {
		value := make([]int64, len(estimate)) // cells have 0 in structural zeros, whatever it is
		for k, e := range estimate {
			value[k] = max(0, int64(math.Round(e)))
		}
		r.value = append(r.value, value)
	}
}

func (r *releaseState) cells(i int) Cells {
	n := len(r.estimate[i])
	c := Cells{slices.Clone(r.estimate[i]), make([]float64, n), slices.Clone(r.value[i]), make([]int64, n), make([]int64, n),
		domain.Within(r.file.Dimensions, r.file.Zeros, r.file.Tables[i].Levels)}
	variance := r.model.Variance(i) // with Laplace one for all
	h := 0.0
	if r.model.Geometry() == nil {
		h = float64(noise.Laplace{B: r.file.Plan.Measurements[i].B}.Quantile(0.05))
	}
	for k, e := range c.Estimate {
		c.SD[k] = math.Sqrt(variance[min(k, len(variance)-1)])
		if r.model.Geometry() != nil {
			h = float64(1.96 * c.SD[k]) // rounded here: a fused product would differ by platform
		}
		c.Low[k], c.High[k] = max(0, int64(math.Floor(e-h))), max(0, int64(math.Ceil(e+h)))
		c.Low[k], c.High[k] = min(c.Value[k], c.Low[k]), max(c.Value[k], c.High[k])
		if c.Zero != nil && c.Zero[k] {
			c.Value[k], c.Low[k], c.High[k] = 0, 0, 0
		}
	}
	return c
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
