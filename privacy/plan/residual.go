package plan

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"

	"halftone/privacy/domain"
	"halftone/privacy/noise"
)

// A Geometry is a set of tables over trees, and the measurements that they are
// made of: every tuple of levels that is nowhere finer than some table. It is
// the residual planner of 10-privacy (after ResidualPlanner, arXiv 2305.08175,
// stated here for trees with groups of different sizes).
//
// Levels of tuples count the levels that tables use, the root as 0.
type Geometry struct {
	trees  []tree
	tables [][]int
	parts  [][]int   // measurements, in lexical order
	shape  *Geometry // over the classes of nodes; what variances are computed on
}

// Limits of a geometry. N·2⁴⁰ < 2⁶¹ keeps a measured entry in an int64.
const (
	maxGroup        = 1 << 21 // N: product of the group sizes of a block
	maxMeasurements = 1 << 16
)

// NewGeometry contracts the dimensions to the levels that tables use and lists
// the measurements. It fails when a block is too large for 64 bits.
func NewGeometry(dims []domain.Dimension, tables []domain.Table) (*Geometry, error) {
	if len(tables) == 0 {
		return nil, errors.New("plan: no tables")
	}
	g := &Geometry{}
	for d, dim := range dims {
		var used []int
		for _, t := range tables {
			used = append(used, t.Levels[d])
		}
		g.trees = append(g.trees, contract(dim, used))
	}
	for _, t := range tables {
		at := make([]int, len(dims))
		for d, l := range t.Levels {
			at[d] = slices.Index(g.trees[d].level, l)
		}
		g.tables = append(g.tables, at)
	}
	if err := g.close(); err != nil {
		return nil, err
	}
	g.shape = &Geometry{tables: g.tables, parts: g.parts}
	for _, t := range g.trees {
		g.shape.trees = append(g.shape.trees, *t.shape)
	}
	return g, nil
}

// close lists the measurements: the tuples below some table, but for those whose
// sibling groups all have one member in some dimension.
func (g *Geometry) close() error {
	seen := map[string]bool{}
	for _, b := range g.tables {
		a := make([]int, len(b))
		for {
			if key := fmt.Sprint(a); !seen[key] {
				seen[key] = true
				if !g.empty(a) {
					g.parts = append(g.parts, slices.Clone(a))
				}
				if len(seen) > maxMeasurements {
					return fmt.Errorf("plan: the tables need more than %d measurements", maxMeasurements)
				}
			}
			d := len(a) - 1
			for ; d >= 0 && a[d] == b[d]; d-- {
				a[d] = 0
			}
			if d < 0 {
				break
			}
			a[d]++
		}
	}
	slices.SortFunc(g.parts, slices.Compare[[]int])
	for _, a := range g.parts {
		n := uint64(1)
		for d, l := range a {
			if c := slices.Max(g.trees[d].group[l]); n*c >= maxGroup {
				return errors.New("plan: the sibling groups of a table are too large (their product is over 2²¹); put a level between")
			} else {
				n *= c
			}
		}
	}
	return nil
}

func (g *Geometry) empty(a []int) bool {
	for d, l := range a {
		if g.trees[d].alone(l) {
			return true
		}
	}
	return false
}

// An effect is what a unit of θ_a = M²/2ρ_a adds to the mean variance of a table:
// ∏ φ_i(a_i, B_i).
type effect struct {
	part int
	phi  float64
}

// effects are those of all measurements below table i.
func (g *Geometry) effects(i int) (out []effect) {
	b := g.tables[i]
	for k, a := range g.parts {
		if !domain.Below(a, b) {
			continue
		}
		p := 1.0
		for d := range a {
			p *= g.trees[d].phi[a[d]][b[d]]
		}
		out = append(out, effect{k, p})
	}
	return out
}

// weights are V_a = Σ_B w_B ∏ φ_i(a_i, B_i).
func (g *Geometry) weights(w []float64) []float64 {
	v := make([]float64, len(g.parts))
	for i := range g.tables {
		for _, e := range g.effects(i) {
			v[e.part] += float64(w[i] * e.phi)
		}
	}
	return v
}

// Split gives each measurement its part of rho, in nano-ρ: ρ_a = ρ·√V_a/Σ√V,
// floored, at least 1 (Cauchy–Schwarz: Σ w_B·mean variance of B is least). The
// sum never exceeds rho. One weight a table; nil is 1 each.
func (g *Geometry) Split(rho uint64, w []float64) ([]uint64, error) {
	if w == nil {
		w = slices.Repeat([]float64{1}, len(g.tables))
	}
	v := g.weights(w)
	sum := 0.0
	for _, x := range v {
		sum += math.Sqrt(x)
	}
	out := make([]uint64, len(v))
	left := rho
	for k, x := range v {
		if left == 0 {
			return nil, fmt.Errorf("plan: a budget of %d nano-ρ is too small for %d measurements", rho, len(v))
		}
		out[k] = min(left, max(1, uint64(float64(rho)*math.Sqrt(x)/sum)))
		left -= out[k]
	}
	return out, nil
}

// fine is the denominator of a variance below 1024.
const fine = 1024

// Noise returns the noise of s = M²D/2ρ_a rounded up: to a whole number from 1024 on, to a
// 1024th below, so that M units cost M²D/2s ≤ ρ_a.
func Noise(m int64, d, rho uint64) (noise.Gaussian, error) {
	num := new(big.Int).SetInt64(m)
	num.Mul(num, num).Mul(num, new(big.Int).SetUint64(d)).Mul(num, big.NewInt(1e9))
	den := new(big.Int).SetUint64(rho)
	den.Lsh(den, 1)
	q := uint64(1)
	if num.Cmp(new(big.Int).Mul(den, big.NewInt(fine))) < 0 {
		q = fine
		num.Mul(num, big.NewInt(fine))
	}
	p, rest := num.QuoRem(num, den, new(big.Int))
	if rest.Sign() > 0 {
		p.Add(p, big.NewInt(1))
	}
	if !p.IsUint64() || p.Uint64() >= 1<<61 {
		return noise.Gaussian{}, errors.New("plan: this budget asks for noise that is not useful")
	}
	return noise.Gaussian{P: p.Uint64(), Q: q}, nil
}

// strides of the row-major order of a tuple's table, and its cells.
func (g *Geometry) strides(a []int) (stride []int, cells int) {
	stride, cells = make([]int, len(a)), 1
	for d := len(a) - 1; d >= 0; d-- {
		stride[d] = cells
		cells *= g.trees[d].size[a[d]]
	}
	return stride, cells
}

// Residual turns the exact table y of measurement k, row-major, into what is
// measured, in place: T = ⊗(c_i·I − 11ᵀ) y, block by block.
//
// The caller guarantees Σ|y| ≤ 2⁴⁰; then |T| < 2⁶¹.
func (g *Geometry) Residual(k int, y []int64) { residual(g, k, y) }

func residual[T int64 | float64](g *Geometry, k int, y []T) {
	stride, _ := g.strides(g.parts[k])
	for d, l := range g.parts[k] {
		subtract(g.trees[d], l, y, stride[d])
	}
}

// eachRun calls do for the cells of measurement k, in runs lo to hi−1 of row-major
// order, with N = ∏c and D = ∏c(c−1) of the blocks that they are in, over the
// dimensions with a_i > 0. D is 0 where a sibling group has one member.
func (g *Geometry) eachRun(k int, do func(lo, hi int, n, d uint64)) {
	a := g.parts[k]
	stride, cells := g.strides(a)
	n, d, tail := uint64(1), uint64(1), len(a)
	for ; tail > 0; tail-- { // dimensions at the end with one c
		runs := g.trees[tail-1].runs[a[tail-1]]
		if len(runs) > 1 {
			break
		}
		n, d = n*runs[0].n, d*runs[0].d
	}
	var walk func(dim, at int, n, d uint64)
	walk = func(dim, at int, n, d uint64) {
		for _, r := range g.trees[dim].runs[a[dim]] {
			n, d := n*r.n, d*r.d
			if dim == tail-1 {
				do(at+r.lo*stride[dim], at+r.hi*stride[dim], n, d)
				continue
			}
			for j := r.lo; j < r.hi; j++ {
				walk(dim+1, at+j*stride[dim], n, d)
			}
		}
	}
	if tail == 0 {
		do(0, cells, n, d)
		return
	}
	walk(0, 0, n, d)
}

// levels are those of measurement k in the dimensions, unused ones counted.
func (g *Geometry) levels(k int) []int {
	out := make([]int, len(g.trees))
	for d, l := range g.parts[k] {
		out[d] = g.trees[d].level[l]
	}
	return out
}
