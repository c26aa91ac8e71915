package plan

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"halftone/privacy/domain"
)

// dimension makes one from the parents of each level below the root.
func dimension(parents ...[]uint32) domain.Dimension {
	d := domain.Dimension{Levels: []domain.Level{{Codes: []string{"_T"}}}}
	for _, p := range parents {
		l := domain.Level{Parent: p}
		for i := range p {
			l.Codes = append(l.Codes, strconv.Itoa(i))
		}
		d.Levels = append(d.Levels, l)
	}
	return d
}

// children are the parents of a level whose groups have these sizes.
func children(sizes ...int) (p []uint32) {
	for i, n := range sizes {
		p = append(p, slices.Repeat([]uint32{uint32(i)}, n)...)
	}
	return p
}

func flatDims(sizes ...int) (dims []domain.Dimension) {
	for _, n := range sizes {
		dims = append(dims, dimension(children(n)))
	}
	return dims
}

// upTo are the tables of up to n of the dimensions, all flat.
func upTo(n, dims int) (tables []domain.Table) {
	for mask := range 1 << dims {
		l, sum := make([]int, dims), 0
		for d := range l {
			l[d] = mask >> d & 1
			sum += l[d]
		}
		if sum <= n {
			tables = append(tables, domain.Table{Levels: l})
		}
	}
	return tables
}

// states are the nation, 4 regions, 9 divisions and 51 states.
func states() domain.Dimension {
	return dimension(children(4), children(2, 2, 3, 2), children(6, 3, 5, 7, 9, 4, 4, 8, 5))
}

func allLevels(dims []domain.Dimension) []domain.Table {
	tables := []domain.Table{{}}
	for _, d := range dims {
		var next []domain.Table
		for _, t := range tables {
			for l := range d.Levels {
				next = append(next, domain.Table{Levels: append(slices.Clone(t.Levels), l)})
			}
		}
		tables = next
	}
	return tables
}

// addedUp adds a table up to a coarser one, cell by cell.
func addedUp[T int64 | float64](dims []domain.Dimension, fine, coarse []int, x []T) []T {
	n, _ := domain.Cells(dims, coarse)
	out, up := make([]T, n), make([][]uint32, len(dims))
	for d := range dims {
		up[d] = dims[d].Climb(fine[d], coarse[d])
	}
	for k, v := range x {
		cell, stride := 0, 1
		for d := len(dims) - 1; d >= 0; d-- {
			cell += stride * int(up[d][k%len(up[d])])
			stride *= len(dims[d].Levels[coarse[d]].Codes)
			k /= len(up[d])
		}
		out[cell] += v
	}
	return out
}

// zeros declares cells of the table with these levels structural zeros.
func zeros(dims []domain.Dimension, levels, cells []int) (out []domain.Zero) {
	for _, k := range cells {
		z := domain.Zero{Levels: levels, Codes: make([]string, len(dims))}
		for d := len(dims) - 1; d >= 0; d-- {
			codes := dims[d].Levels[levels[d]].Codes
			z.Codes[d], k = codes[k%len(codes)], k/len(codes)
		}
		out = append(out, z)
	}
	return out
}

func TestValues(t *testing.T) {
	ragged := []domain.Dimension{dimension(children(3), children(1, 2, 1))}
	for _, c := range []struct {
		name   string
		dims   []domain.Dimension
		tables [][]int
		est    [][]float64
		v      []float64
		total  float64
		zero   []int // of the first table
		want   [][]int64
	}{
		{"projection", flatDims(3), [][]int{{1}}, [][]float64{{2.2, -1, 3.9}}, []float64{1}, 5.2, nil, [][]int64{{2, 0, 3}}},
		{"ties by index", flatDims(4), [][]int{{1}}, [][]float64{{0.5, 0.5, 0.5, 0.5}}, []float64{1}, 2, nil, [][]int64{{1, 0, 1, 0}}},
		{"negative total", flatDims(3), [][]int{{1}, {0}}, [][]float64{{2, -1, -9}, {-8}}, []float64{1, 1}, -8, nil, [][]int64{{0, 0, 0}, {0}}},
		{"all zero", flatDims(3, 2), [][]int{{1, 1}}, [][]float64{make([]float64, 6)}, []float64{1}, 0, nil, [][]int64{make([]int64, 6)}},
		{"total table only", flatDims(3), [][]int{{0}}, [][]float64{{7.5}}, []float64{4}, 7.5, nil, [][]int64{{8}}},
		{"only children", ragged, [][]int{{2}, {1}}, [][]float64{{4, 1, 2, 3}, {4, 3, 3}}, []float64{1, 1}, 10, nil, [][]int64{{4, 1, 2, 3}, {4, 3, 3}}},
		{"the precise table wins", ragged, [][]int{{2}, {1}}, [][]float64{{0, 5, 5, 0}, {4, 3, 3}}, []float64{1e6, 1}, 10, nil, [][]int64{{4, 2, 1, 3}, {4, 3, 3}}},
		{"structural zero", flatDims(3), [][]int{{1}}, [][]float64{{3, 3, 3}}, []float64{1}, 9, []int{1}, [][]int64{{5, 0, 4}}},
		{"nothing but structural zeros", flatDims(2), [][]int{{1}}, [][]float64{{3, 3}}, []float64{1}, 6, []int{0, 1}, [][]int64{{0, 0}}},
		{"a table twice", flatDims(2), [][]int{{1}, {1}}, [][]float64{{0, 4}, {4, 0}}, []float64{1, 1}, 4, nil, [][]int64{{2, 2}, {2, 2}}},
		{"beyond the largest", flatDims(2), [][]int{{1}, {0}}, [][]float64{{1e300, -1e300}, {1e300}}, []float64{1, 1}, 1e300, nil, [][]int64{{1 << 50, 0}, {1 << 50}}},
	} {
		var tables []domain.Table
		for _, l := range c.tables {
			tables = append(tables, domain.Table{Levels: l})
		}
		f, ok := NewFitting(c.dims, tables)
		if !ok {
			t.Fatalf("%s: refused", c.name)
		}
		f.Zero(domain.Within(c.dims, zeros(c.dims, c.tables[0], c.zero), Finest(c.dims, tables)))
		if got := f.Values(c.est, c.v, c.total); !slices.EqualFunc(got, c.want, slices.Equal) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// Values add up to the total, whatever the fractions of a fit are; among numbers so
// large that a unit is lost in their last bit, even if the fit does not.
func TestRoundAddsUp(t *testing.T) {
	large, _ := NewFitting(flatDims(250), []domain.Table{{Levels: []int{1}}})
	large.Zero(domain.Within(flatDims(250), zeros(flatDims(250), []int{1}, []int{7}), []int{1}))
	for _, total := range []float64{0, 1, 5, 1000, 1e9, largest} {
		for _, x := range []float64{0, 0.3, 1, 7.5, 1e6, largest / 4} {
			p := large.problem([][]float64{slices.Repeat([]float64{x}, 250)}, []float64{1}, total)
			for k := range p.step {
				if p.step[k] > 0 {
					p.x[k] = x
				}
			}
			sum := int64(0)
			for k, n := range p.round() {
				if sum += n; n < 0 || k == 7 && n != 0 {
					t.Fatalf("total %v of %v each: %d in cell %d", total, x, n, k)
				}
			}
			if sum != int64(total) {
				t.Errorf("total %v of %v each: adds up to %d", total, x, sum)
			}
		}
	}
	// With any fractions, and tables that pull in all directions.
	dims := flatDims(3, 4, 2)
	f, _ := NewFitting(dims, upTo(2, 3))
	est, v := [][]float64{}, []float64{}
	for i, tab := range upTo(2, 3) {
		n, _ := domain.Cells(dims, tab.Levels)
		est, v = append(est, make([]float64, n)), append(v, 1+float64(i%3))
	}
	rng := rand.New(rand.NewPCG(9, 9))
	for range 500 {
		p, all := f.problem(est, v, float64(rng.IntN(40))), 0.0
		for k := range p.step {
			p.x[k] = rng.ExpFloat64() * rng.ExpFloat64()
			all += p.x[k]
		}
		sum := int64(0)
		for k := range p.step {
			p.x[k] *= p.total / all
		}
		for _, n := range p.round() {
			sum += n
		}
		if sum != int64(p.total) {
			t.Fatalf("total %v adds up to %d", p.total, sum)
		}
	}
	same := [][]float64{slices.Repeat([]float64{largest}, 250)} // found to be off by a tenth
	for total := 500.0; total < 700; total++ {
		sum := int64(0)
		for _, n := range large.Values(same, []float64{1}, total)[0] {
			sum += n
		}
		if sum != int64(total) {
			t.Errorf("total %v adds up to %d", total, sum)
		}
	}
}

func TestFittingLimit(t *testing.T) {
	tables := []domain.Table{{Levels: []int{1, 0}}, {Levels: []int{0, 1}}}
	if _, ok := NewFitting(flatDims(1<<10, 1<<10), tables); !ok {
		t.Error("2^20 cells refused")
	}
	if _, ok := NewFitting(flatDims(1<<10, 1<<10+1), tables); ok {
		t.Error("more than 2^20 cells accepted")
	}
	if _, ok := NewFitting(flatDims(slices.Repeat([]int{10}, 12)...), upTo(2, 12)); ok {
		t.Error("10^12 cells accepted")
	}
}

// The sum of n cells of variance v has variance n·v.
func TestTotal(t *testing.T) {
	f, _ := NewFitting(flatDims(2, 3), []domain.Table{{Levels: []int{1, 0}}, {Levels: []int{0, 1}}})
	near(t, "total", f.Total([][]float64{{4, 6}, {5, 5, 6}}, []float64{3, 1}), (10./6+16./3)/(1./6+1./3))
	near(t, "equal sums", f.Total([][]float64{{4, 6}, {2, 5, 3}}, []float64{3, 1}), 10)
}

// Adding up and spreading are what they should be, and transposes.
func TestFold(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		var dims []domain.Dimension
		var fine, coarse []int
		for range 1 + rng.IntN(4) {
			var sizes []int
			for range 1 + rng.IntN(5) {
				sizes = append(sizes, 1+rng.IntN(4))
			}
			dims = append(dims, dimension(children(len(sizes)), children(sizes...)))
			hi := rng.IntN(3)
			fine, coarse = append(fine, hi), append(coarse, rng.IntN(hi+1))
		}
		f := newFold(places(dims, fine, coarse))
		n, _ := domain.Cells(dims, fine)
		x := make([]float64, n)
		for k := range x {
			x[k] = float64(rng.IntN(1000))
		}
		want := addedUp(dims, fine, coarse, x)
		got, y := make([]float64, len(want)), make([]float64, len(want))
		addTo(&f, got, x)
		if !slices.Equal(got, want) {
			t.Fatalf("%v to %v: %v, want %v", fine, coarse, got, want)
		}
		back, a, b := make([]float64, n), 0.0, 0.0
		for k := range y {
			y[k] = float64(rng.IntN(1000))
			a += y[k] * want[k]
		}
		spreadTo(&f, back, y)
		for k := range back {
			b += back[k] * x[k]
		}
		if a != b {
			t.Fatalf("%v to %v is not transposed", fine, coarse)
		}
	}
}

// The same bits everywhere: run it with GOAMD64=v3, which fuses, or on arm64.
// The number changes only when what is published does.
func TestValuesToTheBit(t *testing.T) {
	dims := []domain.Dimension{states(), dimension(children(2)), dimension(children(3))}
	tables := allLevels(dims)
	rng := rand.New(rand.NewPCG(2, 3))
	var est [][]float64
	var v []float64
	for i, tab := range tables {
		n, _ := domain.Cells(dims, tab.Levels)
		e := make([]float64, n)
		for k := range e {
			e[k] = float64(rng.IntN(1<<20)-1<<18) / 1000
		}
		est, v = append(est, e), append(v, 1+float64(i)/7)
	}
	f, _ := NewFitting(dims, tables)
	h := fnv.New64a()
	for _, n := range slices.Concat(f.Values(est, v, 12345)...) {
		_ = binary.Write(h, binary.LittleEndian, n)
	}
	p := f.problem(est, v, 12345)
	p.minimise()
	_ = binary.Write(h, binary.LittleEndian, p.x)
	if got := h.Sum64(); got != 0x112ad01b65c9a0e3 {
		t.Errorf("%#x", got)
	}
}
