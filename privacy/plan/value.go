package plan

import (
	"math"
	"slices"

	"halftone/privacy/domain"
)

// Limits of a fit. Beyond maxFitted cells of the finest common table there is no
// additive value. Estimates beyond ±largest are taken for ±largest: whole
// numbers up to it, and their sums over tables, are exact in a float64.
const (
	maxFitted = 1 << 20
	largest   = 1 << 50
)

// A Fitting turns the estimates of all tables of a release into values:
// non-negative whole numbers that add up over all tables and levels (10-privacy,
// "What is published for a cell"). It knows the tables only, no numbers, and may
// be used by many goroutines at once.
//
// A value is what some whole numbers x ≥ 0 in the finest common table (at the
// finest level, in each dimension, that any table has) add up to. So values add
// up whatever x is, and x only decides how close they come to the estimates. They
// are computed from estimates alone and cost no budget.
type Fitting struct {
	nodes  []node // finest common table first
	length int    // cells of all nodes
	tables []int  // table → node; -1 for a table of one cell, which holds the total
	shape  []int  // codes of the finest common table, by dimension
	zero   []bool // structural zeros of the finest common table; nil: none
}

// NewFitting prepares the fit of tables over dims. It reports false when the
// finest common table has more than 2²⁰ cells; then there is no additive value.
//
// The caller guarantees at least one table, that dims pass their check, and that
// each table has a level of each.
func NewFitting(dims []domain.Dimension, tables []domain.Table) (*Fitting, bool) {
	if !Fits(dims, tables) {
		return nil, false
	}
	finest := Finest(dims, tables)
	f := &Fitting{nodes: link(dims, finest, tables)}
	for d, l := range finest {
		f.shape = append(f.shape, len(dims[d].Levels[l].Codes))
	}
	last := f.nodes[len(f.nodes)-1]
	f.length = last.at + last.size
	for _, t := range tables {
		at := -1
		if n, _ := domain.Cells(dims, t.Levels); n > 1 { // no more than finest has
			at = slices.IndexFunc(f.nodes, func(n node) bool { return slices.Equal(n.levels, t.Levels) })
		}
		f.tables = append(f.tables, at)
	}
	return f, true
}

// Fits reports whether tables over dims have a [Fitting].
func Fits(dims []domain.Dimension, tables []domain.Table) bool {
	cells, err := domain.Cells(dims, Finest(dims, tables))
	return err == nil && cells <= maxFitted
}

// Finest are the levels of the finest common table: in each dimension the finest
// that any table has.
func Finest(dims []domain.Dimension, tables []domain.Table) []int {
	finest := make([]int, len(dims))
	for _, t := range tables {
		for d, l := range t.Levels {
			finest[d] = max(finest[d], l)
		}
	}
	return finest
}

// Zero declares the marked cells of the finest common table structural zeros: the
// values there are 0. nil: none are. It must not be called beside Values.
func (f *Fitting) Zero(cells []bool) { f.zero = cells }

// codes are those of cell k of the finest common table.
func (f *Fitting) codes(code []int, k int) {
	for d := len(code) - 1; d >= 0; d-- {
		code[d], k = k%f.shape[d], k/f.shape[d]
	}
}

// Total is the estimate of everybody: the mean of the tables' sums, each weighted
// by 1/(cells · mean variance), the precision of a sum of independent estimates.
// With Laplace the sums differ, and this is the best linear unbiased estimate.
// With the planner they are all the same, and so is their mean.
//
// The caller guarantees what [Fitting.Values] asks for.
func (f *Fitting) Total(estimates [][]float64, meanVariance []float64) float64 {
	least := math.Inf(1)
	for i, v := range meanVariance {
		least = min(least, float64(len(estimates[i]))*v)
	}
	sum, weights := 0.0, 0.0
	for i, v := range meanVariance {
		w := least / (float64(len(estimates[i])) * v)
		all := 0.0
		for _, e := range estimates[i] {
			all += bounded(e)
		}
		sum, weights = sum+float64(w*all), weights+w
	}
	return sum / weights
}

func bounded(e float64) float64 { return min(max(e, -largest), largest) }

// Values returns the values of all tables, row-major: the sums of whole numbers
// x ≥ 0 that add up to max(0, round(total)) and are 0 in structural zeros (if
// there is nothing else, they add up to 0). x is near the minimum of
// Σ_B ‖M_B x − estimate_B‖²/meanVariance_B, where M_B adds x up to table B.
// Values are biased, upwards in empty cells and downwards in small ones; whoever
// compares or adds over periods should take the estimates.
//
// The same input gives the same values on every machine: additions have a fixed
// order, and no product is fused with one.
//
// The caller guarantees estimates in the shape of each table, a mean variance of
// the cells of each table above 0, and that nothing is NaN. total is the estimate
// of everybody, as from [Fitting.Total].
func (f *Fitting) Values(estimates [][]float64, meanVariance []float64, total float64) [][]int64 {
	t := math.Round(min(max(0, total), largest))
	if f.zero != nil && !slices.Contains(f.zero, false) {
		t = 0
	}
	p := f.problem(estimates, meanVariance, t)
	p.minimise()
	sums := make([]int64, f.length)
	copy(sums, p.round())
	addUp(f, sums)
	out := make([][]int64, len(f.tables))
	for i, n := range f.tables {
		if n < 0 {
			out[i] = []int64{int64(t)}
		} else {
			out[i] = slices.Clone(cells(f.nodes[n], sums))
		}
	}
	return out
}
