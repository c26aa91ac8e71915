package main

import (
	"errors"
	"fmt"
	"math"

	"halftone/privacy"
	"halftone/privacy/domain"
)

// A tabulation adds leaf cells up to tables.
type tabulation struct {
	leaf  int
	cells []int   // a table
	of    [][]int // table, leaf cell → cell of the table
}

func newTabulation(dims []privacy.Dimension, tables []privacy.Table) tabulation {
	at := newLeafIndex(dims)
	t := tabulation{leaf: at.cells}
	for _, table := range tables {
		of, cells := make([]int, at.cells), 1
		for d, dim := range dims {
			l := table.Levels[d]
			up, size := dim.Climb(len(dim.Levels)-1, l), len(dim.Levels[l].Codes)
			for k := range of {
				of[k] = of[k]*size + int(up[k/at.stride[d]%len(up)])
			}
			cells *= size
		}
		t.of, t.cells = append(t.of, of), append(t.cells, cells)
	}
	return t
}

// add gives the tables of leaf counts.
func add[T int64 | float64](t tabulation, leaf []T) [][]T {
	out := make([][]T, len(t.of))
	for i, of := range t.of {
		out[i] = make([]T, t.cells[i])
		for k, v := range leaf {
			out[i][of[k]] += v
		}
	}
	return out
}

// leastSquares finds the tables that add up and are nearest to noisy ones, all
// cells of which have independent noise of one variance: the best linear
// unbiased estimate (Gauss–Markov).
type leastSquares interface {
	// estimate takes and gives tables in row-major order.
	estimate(noisy [][]float64) [][]float64
	// variance is the mean variance of the cells of every table, for noise of variance 1.
	variance() []float64
}

// newLeastSquares takes the closed form where every dimension is flat, and the
// normal equations else.
func newLeastSquares(dims []privacy.Dimension, tables []privacy.Table) (leastSquares, error) {
	for _, d := range dims {
		if len(d.Levels) != 2 {
			return newNormal(newTabulation(dims, tables))
		}
	}
	return newSubspaces(dims, tables), nil
}

// mostUnknowns bounds the normal equations: their cost is the cube of it.
const mostUnknowns = 2000

// normal solves the normal equations MᵀM·x = Mᵀy in the leaf cells x by
// Cholesky's MᵀM = LLᵀ. M has a row for each cell of each table.
type normal struct {
	t tabulation
	l [][]float64
}

func newNormal(t tabulation) (*normal, error) {
	if t.leaf > mostUnknowns {
		return nil, fmt.Errorf("least squares: %d unknowns, at most %d are taken", t.leaf, mostUnknowns)
	}
	l := make([][]float64, t.leaf)
	for i := range l {
		l[i] = make([]float64, i+1)
		for j := range l[i] {
			for _, of := range t.of {
				if of[i] == of[j] {
					l[i][j]++
				}
			}
		}
	}
	for i := range l {
		for j := range l[i] {
			for k := range j {
				l[i][j] -= l[i][k] * l[j][k]
			}
			switch {
			case j < i:
				l[i][j] /= l[j][j]
			case l[i][i] < 1e-9:
				return nil, errors.New("least squares: the tables do not determine the leaf cells")
			default:
				l[i][i] = math.Sqrt(l[i][i])
			}
		}
	}
	return &normal{t, l}, nil
}

// forward solves L·z = v in place.
func (n *normal) forward(v []float64) {
	for i, row := range n.l {
		for k, z := range v[:i] {
			v[i] -= row[k] * z
		}
		v[i] /= row[i]
	}
}

func (n *normal) estimate(noisy [][]float64) [][]float64 {
	x := make([]float64, n.t.leaf)
	for i, of := range n.t.of {
		for k, c := range of {
			x[k] += noisy[i][c]
		}
	}
	n.forward(x)
	for i := len(x) - 1; i >= 0; i-- { // Lᵀx = z
		x[i] /= n.l[i][i]
		for k := range i {
			x[k] -= n.l[i][k] * x[i]
		}
	}
	return add(n.t, x)
}

// variance of a cell with row m of M is mᵀ(LLᵀ)⁻¹m = ‖L⁻¹m‖².
func (n *normal) variance() []float64 {
	out := make([]float64, len(n.t.of))
	m := make([]float64, n.t.leaf)
	for i, of := range n.t.of {
		for c := range n.t.cells[i] {
			for k := range m {
				m[k] = 0
				if of[k] == c {
					m[k] = 1
				}
			}
			n.forward(m)
			for _, z := range m {
				out[i] += z * z / float64(n.t.cells[i])
			}
		}
	}
	return out
}

// subspaces is the closed form for flat dimensions. The cells of a table split
// into orthogonal residuals, one for each choice a of its dimensions: what is
// left after all coarser tables. Every table that has the dimensions of a
// measures that residual, with noise in proportion to the cells that it adds up;
// least squares is their weighted mean, residual by residual.
type subspaces struct {
	size   []int
	tables [][]int
	parts  [][]int // every a below some table
}

func newSubspaces(dims []privacy.Dimension, tables []privacy.Table) *subspaces {
	s := &subspaces{}
	for _, d := range dims {
		s.size = append(s.size, len(d.Leaf().Codes))
	}
	for _, t := range tables {
		s.tables = append(s.tables, t.Levels)
	}
	for mask := range 1 << len(dims) {
		a := make([]int, len(dims))
		for d := range a {
			a[d] = mask >> d & 1
		}
		for _, b := range s.tables {
			if domain.Below(a, b) {
				s.parts = append(s.parts, a)
				break
			}
		}
	}
	return s
}

// cells of a tuple of levels.
func (s *subspaces) cells(levels []int) int {
	n := 1
	for d, l := range levels {
		if l > 0 {
			n *= s.size[d]
		}
	}
	return n
}

// share is 1 ÷ how many cells of b a cell of a adds up.
func (s *subspaces) share(a, b []int) float64 { return float64(s.cells(a)) / float64(s.cells(b)) }

func (s *subspaces) weight(a []int) (w float64) {
	for _, b := range s.tables {
		if domain.Below(a, b) {
			w += s.share(a, b)
		}
	}
	return w
}

func (s *subspaces) estimate(noisy [][]float64) [][]float64 {
	out := make([][]float64, len(s.tables))
	for i, b := range s.tables {
		out[i] = make([]float64, s.cells(b))
	}
	for _, a := range s.parts {
		r, w := make([]float64, s.cells(a)), s.weight(a)
		for i, b := range s.tables {
			if domain.Below(a, b) {
				for k, v := range s.residual(a, b, noisy[i]) {
					r[k] += v * s.share(a, b) / w
				}
			}
		}
		for i, b := range s.tables {
			if domain.Below(a, b) {
				for k, v := range s.spread(a, b, r) {
					out[i][k] += v
				}
			}
		}
	}
	return out
}

// residual of a in table y of levels b: summed over the dimensions that a lacks,
// and less its mean in those that it has.
func (s *subspaces) residual(a, b []int, y []float64) []float64 {
	stride := 1
	for d := len(a) - 1; d >= 0; d-- {
		switch n := s.size[d]; {
		case b[d] == 0:
		case a[d] == 0:
			y = sumOut(y, n, stride)
		default:
			mean := repeat(sumOut(y, n, stride), n, stride)
			less := make([]float64, len(y))
			for k, m := range mean {
				less[k] = y[k] - m
			}
			y, stride = less, stride*n
		}
	}
	return y
}

// spread takes a residual of a evenly to the cells of table b.
func (s *subspaces) spread(a, b []int, r []float64) []float64 {
	stride := 1
	for d := len(a) - 1; d >= 0; d-- {
		if b[d] == 0 {
			continue
		}
		if a[d] == 0 {
			r = repeat(r, s.size[d], stride)
		}
		stride *= s.size[d]
	}
	return r
}

// sumOut adds up the dimension that has n codes, runs of stride entries each.
func sumOut(y []float64, n, stride int) []float64 {
	out := make([]float64, len(y)/n)
	for k, v := range y {
		out[k/(n*stride)*stride+k%stride] += v
	}
	return out
}

// repeat gives each of n codes of a new dimension an nth.
func repeat(y []float64, n, stride int) []float64 {
	out := make([]float64, len(y)*n)
	for k := range out {
		out[k] = y[k/(n*stride)*stride+k%stride] / float64(n)
	}
	return out
}

func (s *subspaces) variance() []float64 {
	out := make([]float64, len(s.tables))
	for i, b := range s.tables {
		for _, a := range s.parts {
			if !domain.Below(a, b) {
				continue
			}
			v := s.share(a, b) * s.share(a, b) / s.weight(a)
			for d, l := range a {
				if l > 0 {
					v *= 1 - 1/float64(s.size[d])
				}
			}
			out[i] += v
		}
	}
	return out
}
