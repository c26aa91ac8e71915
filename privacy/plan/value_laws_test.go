package plan

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"halftone/privacy/domain"

	"pgregory.net/rapid"
)

// A simulated release is what is known of one, with tables of random levels.
type simulated struct {
	dims   []domain.Dimension
	tables []domain.Table
	finest []int
	est    [][]float64
	v      []float64
	total  float64
	zero   []int // of table 0
}

// draw picks a release by choices in [0, n].
func draw(choose func(n int) int, number func() float64) simulated {
	var r simulated
	for range 1 + choose(2) {
		var parents [][]uint32
		up := 1
		for range choose(3) {
			var sizes []int
			more := 12 - up
			for range up {
				n := choose(min(3, more)) * choose(1)
				sizes, more = append(sizes, 1+n), more-n
			}
			p := children(sizes...)
			i, j := choose(len(p)-1), choose(len(p)-1) // codes need not be in the order of their parents
			p[i], p[j] = p[j], p[i]
			parents, up = append(parents, p), len(p)
		}
		r.dims = append(r.dims, dimension(parents...))
	}
	r.finest = make([]int, len(r.dims))
	for range 1 + choose(5) {
		var l []int
		for d, dim := range r.dims {
			l = append(l, choose(len(dim.Levels)-1))
			r.finest[d] = max(r.finest[d], l[d])
		}
		n, _ := domain.Cells(r.dims, l)
		e := make([]float64, n)
		for k := range e {
			e[k] = number()
		}
		r.tables, r.est = append(r.tables, domain.Table{Levels: l}), append(r.est, e)
		r.v = append(r.v, math.Ldexp(1, 30-choose(60)))
	}
	r.total = number()
	for range choose(3) {
		r.zero = append(r.zero, choose(len(r.est[0])-1))
	}
	return r
}

// check reports what is wrong with the values of a release.
func (r simulated) check(fatal func(string, ...any)) {
	f, ok := NewFitting(r.dims, r.tables)
	if !ok {
		return
	}
	f.Zero(domain.Within(r.dims, zeros(r.dims, r.tables[0].Levels, r.zero), Finest(r.dims, r.tables)))
	got := f.Values(r.est, r.v, r.total)
	if !slices.EqualFunc(got, f.Values(r.est, r.v, r.total), slices.Equal) {
		fatal("not the same twice")
	}
	want := int64(math.Round(min(max(0, r.total), largest)))
	if f.zero != nil && !slices.Contains(f.zero, false) {
		want = 0
	}
	for i, v := range got {
		if len(v) != len(r.est[i]) || slices.Min(v) < 0 {
			fatal("table %v: %v", r.tables[i].Levels, v)
		}
		sum := int64(0)
		for _, n := range v {
			sum += n
		}
		if sum != want {
			fatal("table %v adds up to %d, want %d", r.tables[i].Levels, sum, want)
		}
		for j, c := range r.tables {
			if domain.Below(c.Levels, r.tables[i].Levels) && !slices.Equal(addedUp(r.dims, r.tables[i].Levels, c.Levels, v), got[j]) {
				fatal("table %v does not add up to %v: %v, %v", r.tables[i].Levels, c.Levels, v, got[j])
			}
		}
	}
	for _, k := range r.zero {
		if got[0][k] != 0 {
			fatal("%d in a structural zero", got[0][k])
		}
	}
}

// On any tables over ragged trees and with any numbers.
func TestValuesAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]float64{1, 10, 1e4, 1e9, 1 << 50, math.MaxFloat64}).Draw(t, "size")
		draw(func(n int) int { return rapid.IntRange(0, n).Draw(t, "choice") }, func() float64 {
			return rapid.OneOf(rapid.Float64Range(-size, size), rapid.Float64Range(0, size), rapid.Just(0.0), rapid.Just(size)).Draw(t, "number")
		}).check(t.Fatalf)
	})
}

func FuzzValues(f *testing.F) {
	f.Add([]byte{1, 2, 1, 1, 0, 2, 1, 3, 7, 7, 7, 7, 7, 7, 7, 0x43})
	f.Add([]byte("\x02\x02\x01\x01\x01\x03\x01\x00\x00\x02\x01\x02\x01some estimates of any size and sign, and more of them"))
	f.Fuzz(func(t *testing.T, b []byte) {
		next := func(n int) []byte {
			out := make([]byte, n)
			b = b[copy(out, b):]
			return out
		}
		draw(func(n int) int { return int(next(1)[0]) % (n + 1) }, func() float64 {
			x := math.Float64frombits(binary.LittleEndian.Uint64(next(8)))
			if x-x != 0 { // infinite or NaN
				return 0
			}
			return x
		}).check(t.Fatalf)
	})
}

// Estimates that are non-negative whole numbers and agree are the values, if the
// finest common table is one of them.
func TestValuesOfCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := draw(func(n int) int { return rapid.IntRange(0, n).Draw(t, "choice") }, func() float64 { return 0 })
		r.tables, r.v = append(r.tables, domain.Table{Levels: r.finest}), append(r.v, 1)
		n, _ := domain.Cells(r.dims, r.finest)
		x := make([]float64, n)
		total := 0.0
		for k := range x {
			x[k] = float64(rapid.OneOf(rapid.Int64Range(0, 2), rapid.Int64Range(0, 100000)).Draw(t, "count"))
			total += x[k]
		}
		var est [][]float64
		for i, tab := range r.tables {
			est = append(est, addedUp(r.dims, r.finest, tab.Levels, x))
			r.v[i] = float64(rapid.IntRange(1, 4).Draw(t, "variance"))
		}
		f, _ := NewFitting(r.dims, r.tables)
		for i, v := range f.Values(est, r.v, total) {
			for k, got := range v {
				if got != int64(est[i][k]) {
					t.Fatalf("table %v, variances %v: %v, want %v", r.tables[i].Levels, r.v, v, est[i])
				}
			}
		}
	})
}
