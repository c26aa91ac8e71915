package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"halftone/privacy"
)

// dimension has a root and levels of the given parents.
func dimension(name string, parents ...[]uint32) privacy.Dimension {
	d := privacy.Dimension{Name: name, Levels: []privacy.Level{{Name: "all", Codes: []string{privacy.Total}}}}
	for l, p := range parents {
		level := privacy.Level{Name: fmt.Sprint("level", l+1), Parent: p}
		for i := range p {
			level.Codes = append(level.Codes, fmt.Sprint(name, l+1, "-", i))
		}
		d.Levels = append(d.Levels, level)
	}
	return d
}

func flatDimension(name string, n int) privacy.Dimension {
	return dimension(name, make([]uint32, n))
}

func levels(l ...int) privacy.Table { return privacy.Table{Name: fmt.Sprint(l), Levels: l} }

// A problem is dimensions, tables, and what they are called.
type problem struct {
	name   string
	dims   []privacy.Dimension
	tables []privacy.Table
}

func problems() []problem {
	tree := dimension("place", []uint32{0, 0, 0}, []uint32{0, 1, 1, 2, 2, 2, 2, 2})
	return []problem{
		{"flat, without its leaf table", []privacy.Dimension{flatDimension("a", 3), flatDimension("b", 2), flatDimension("c", 4)},
			[]privacy.Table{levels(0, 0, 0), levels(1, 1, 0), levels(0, 1, 1), levels(1, 0, 1)}},
		{"flat, one table twice", []privacy.Dimension{flatDimension("a", 3), flatDimension("b", 2)},
			[]privacy.Table{levels(1, 1), levels(0, 1), levels(0, 1)}},
		{"flat, without a total", []privacy.Dimension{flatDimension("a", 5), flatDimension("b", 1)},
			[]privacy.Table{levels(1, 0), levels(0, 1)}},
		{"tree", []privacy.Dimension{tree, flatDimension("sex", 3)},
			[]privacy.Table{levels(2, 1), levels(1, 0), levels(0, 0), levels(0, 1)}},
	}
}

func floats(tables [][]int64) [][]float64 {
	out := make([][]float64, len(tables))
	for i, t := range tables {
		for _, v := range t {
			out[i] = append(out[i], float64(v))
		}
	}
	return out
}

// What adds up stays as it is: least squares is unbiased. And what comes out
// adds up, whatever goes in: applied twice it is the same as once.
func TestLeastSquaresIsAProjection(t *testing.T) {
	for _, p := range problems() {
		t.Run(p.name, func(t *testing.T) {
			ls, err := newLeastSquares(p.dims, p.tables)
			if err != nil {
				t.Fatal(err)
			}
			tab := newTabulation(p.dims, p.tables)
			rapid.Check(t, func(t *rapid.T) {
				leaf := make([]int64, tab.leaf)
				for k := range leaf {
					leaf[k] = rapid.Int64Range(-5, 500).Draw(t, "count")
				}
				exact := floats(add(tab, leaf))
				same(t, "exact tables", ls.estimate(exact), exact)
				for i := range exact {
					for k := range exact[i] {
						exact[i][k] += rapid.Float64Range(-9, 9).Draw(t, "noise")
					}
				}
				once := ls.estimate(exact)
				same(t, "a second time", ls.estimate(once), once)
				// Nothing that adds up is nearer: what is left is at right angles to
				// the tables of every leaf cell.
				for k := range leaf {
					sum := 0.0
					for i, of := range tab.of {
						sum += exact[i][of[k]] - once[i][of[k]]
					}
					if math.Abs(sum) > 1e-8 {
						t.Fatalf("leaf cell %d: not the nearest, %v", k, sum)
					}
				}
			})
		})
	}
}

type failing interface{ Fatalf(string, ...any) }

func same(t failing, what string, got, want [][]float64) {
	for i := range want {
		for k := range want[i] {
			if math.Abs(got[i][k]-want[i][k]) > 1e-8 {
				t.Fatalf("%s: table %d cell %d is %v, want %v", what, i, k, got[i][k], want[i][k])
			}
		}
	}
}

// The variance is what a linear estimate has by its own coefficients: unit
// noise, cell by cell.
func TestLeastSquaresVariance(t *testing.T) {
	for _, p := range problems() {
		t.Run(p.name, func(t *testing.T) {
			ls, err := newLeastSquares(p.dims, p.tables)
			if err != nil {
				t.Fatal(err)
			}
			tab := newTabulation(p.dims, p.tables)
			want := make([]float64, len(p.tables))
			in := floats(add(tab, make([]int64, tab.leaf)))
			for i := range in {
				for k := range in[i] {
					in[i][k] = 1
					for j, e := range ls.estimate(in) {
						for _, c := range e {
							want[j] += c * c / float64(len(e))
						}
					}
					in[i][k] = 0
				}
			}
			got := ls.variance()
			for i := range want {
				if math.Abs(got[i]-want[i]) > 1e-9 {
					t.Errorf("table %s: %v, want %v", p.tables[i].Name, got[i], want[i])
				}
			}
		})
	}
}

// Both ways agree where both apply.
func TestClosedFormIsTheNormalEquations(t *testing.T) {
	dims := []privacy.Dimension{flatDimension("a", 4), flatDimension("b", 3), flatDimension("c", 2)}
	tables := []privacy.Table{levels(1, 1, 1), levels(1, 0, 0), levels(0, 1, 1), levels(0, 0, 0)}
	tab := newTabulation(dims, tables)
	n, err := newNormal(tab)
	if err != nil {
		t.Fatal(err)
	}
	s := newSubspaces(dims, tables)
	random := rand.New(rand.NewPCG(1, 2))
	noisy := floats(add(tab, make([]int64, tab.leaf)))
	for i := range noisy {
		for k := range noisy[i] {
			noisy[i][k] = random.NormFloat64()
		}
	}
	same(t, "estimate", s.estimate(noisy), n.estimate(noisy))
	same(t, "variance", [][]float64{s.variance()}, [][]float64{n.variance()})
}

func TestNormalEquationsRefuse(t *testing.T) {
	tree := dimension("place", []uint32{0, 0}, []uint32{0, 0, 1})
	for _, tc := range []struct {
		name, want string
		p          problem
	}{
		{"no leaf table", "do not determine", problem{"", []privacy.Dimension{tree}, []privacy.Table{levels(1), levels(0)}}},
		{"too many", "unknowns", problem{"", []privacy.Dimension{tree, flatDimension("a", mostUnknowns)}, []privacy.Table{levels(2, 1)}}},
	} {
		if _, err := newLeastSquares(tc.p.dims, tc.p.tables); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}
