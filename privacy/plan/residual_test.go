package plan

import (
	"encoding/json"
	"math"
	"math/big"
	"os"
	"slices"
	"testing"

	"halftone/privacy/domain"
	"halftone/privacy/noise"
)

// golden is one of the oracle's files: levels, parents, M, nano-ρ, counts and
// noise, and what must come out, as fractions.
type golden struct {
	Dimensions []struct {
		Name    string
		Parents [][]uint32
	}
	Tables       [][]int
	M            int64
	RhoNano      uint64 `json:"rho_nano"`
	Leaf         [][]int
	Counts       []int64
	Measurements []struct {
		Levels        []int
		RhoNano       uint64 `json:"rho_nano"`
		Cells         [][]int
		T, Z, Noisy   []int64
		NoiseVariance []string `json:"noise_variance"`
	}
	Estimates []struct {
		Table, Cell        []int
		Exact              int64
		Estimate, Variance string
		SD                 float64
	}
	Covariances []struct {
		A, B [][]int
		Cov  string
	}
}

func fraction(t *testing.T, s string) float64 {
	t.Helper()
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		t.Fatalf("not a fraction: %s", s)
	}
	f, _ := r.Float64()
	return f
}

func (g golden) shape() ([]domain.Dimension, []domain.Table) {
	var dims []domain.Dimension
	for _, d := range g.Dimensions {
		dim := domain.Dimension{Name: d.Name, Levels: []domain.Level{{Name: "0", Codes: []string{"_T"}}}}
		for _, p := range d.Parents {
			dim.Levels = append(dim.Levels, domain.Level{Codes: make([]string, len(p)), Parent: p})
		}
		dims = append(dims, dim)
	}
	var tables []domain.Table
	for _, l := range g.Tables {
		tables = append(tables, domain.Table{Levels: l})
	}
	return dims, tables
}

// table adds the leaf counts up to a tuple of levels.
func (g golden) table(geo *Geometry, levels []int) []int64 {
	stride, cells := geo.strides(levels)
	out := make([]int64, cells)
	for i, leaf := range g.Leaf {
		at := 0
		for d, j := range leaf {
			node, _ := geo.trees[d].up(len(geo.trees[d].size)-1, j, levels[d])
			at += node * stride[d]
		}
		out[at] += g.Counts[i]
	}
	return out
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9*(1+math.Abs(want)) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// Everything the oracle says of examples E and F comes out: split, T, noise
// variances, estimates, variances, covariances.
func TestGolden(t *testing.T) {
	for _, name := range []string{"golden-e.json", "golden-f.json"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		var g golden
		if err := json.Unmarshal(b, &g); err != nil {
			t.Fatal(err)
		}
		dims, tables := g.shape()
		geo, err := NewGeometry(dims, tables)
		if err != nil {
			t.Fatal(err)
		}
		rho, err := geo.Split(g.RhoNano, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(rho) != len(g.Measurements) {
			t.Fatalf("%s: %d measurements, want %d", name, len(rho), len(g.Measurements))
		}
		scales, err := geo.Scales(g.M, rho)
		if err != nil {
			t.Fatal(err)
		}
		var noisy [][]int64
		for k, m := range g.Measurements {
			if !slices.Equal(geo.parts[k], m.Levels) || rho[k] != m.RhoNano {
				t.Errorf("%s: measurement %d is %v with %d nano-ρ, want %v with %d", name, k, geo.parts[k], rho[k], m.Levels, m.RhoNano)
			}
			y := g.table(geo, m.Levels)
			geo.Residual(k, y)
			if !slices.Equal(y, m.T) {
				t.Errorf("%s %v: T %v, want %v", name, m.Levels, y, m.T)
			}
			s := make([]float64, len(y))
			scales.Runs(k, func(lo, hi int, v noise.Gaussian) {
				for cell := lo; cell < hi; cell++ {
					s[cell] += v.Parameter()
				}
			})
			for cell, got := range s {
				if want := fraction(t, m.NoiseVariance[cell]); got != want {
					t.Errorf("%s %v cell %d: noise variance %v, want %v", name, m.Levels, cell, got, m.NoiseVariance[cell])
				}
			}
			noisy = append(noisy, m.Noisy)
		}
		checkGoldenEstimates(t, name, g, geo, scales, noisy)
	}
}

func checkGoldenEstimates(t *testing.T, name string, g golden, geo *Geometry, scales *Scales, noisy [][]int64) {
	t.Helper()
	rec, err := geo.Reconstruct(noisy)
	if err != nil {
		t.Fatal(err)
	}
	index := func(levels []int) int {
		return slices.IndexFunc(geo.tables, func(b []int) bool { return slices.Equal(b, levels) })
	}
	for _, e := range g.Estimates {
		i := index(e.Table)
		stride, _ := geo.strides(e.Table)
		at := 0
		for d, j := range e.Cell {
			at += j * stride[d]
		}
		near(t, name+" estimate", rec.Table(i)[at], fraction(t, e.Estimate))
		near(t, name+" variance", scales.Variance(i)[at], fraction(t, e.Variance))
		near(t, name+" variance as a covariance", scales.Covariance(i, e.Cell, i, e.Cell), fraction(t, e.Variance))
		if sd := math.Sqrt(scales.Variance(i)[at]); math.Abs(sd-e.SD) > 1e-6 {
			t.Errorf("%s: sd %v, want %v", name, sd, e.SD)
		}
	}
	for _, c := range g.Covariances {
		near(t, name+" covariance", scales.Covariance(index(c.A[0]), c.A[1], index(c.B[0]), c.B[1]), fraction(t, c.Cov))
	}
}

// The reference cube geo48×type6×sex3×age4 with all tables of up to three
// dimensions at ρ 0.5: RMSE a cell 2.69, sd of the total 3.12.
func TestReferenceCube(t *testing.T) {
	g, rho := cube(t)
	scales, err := g.Scales(1, rho)
	if err != nil {
		t.Fatal(err)
	}
	sum, cells, total := 0.0, 0.0, 0.0
	for i := range g.tables {
		for _, v := range scales.Variance(i) {
			sum, cells = sum+v, cells+1
		}
		if slices.Equal(g.tables[i], []int{0, 0, 0, 0}) {
			total = math.Sqrt(scales.Variance(i)[0])
		}
	}
	if rmse := math.Sqrt(sum / cells); math.Abs(rmse-2.69) > 0.005 {
		t.Errorf("RMSE a cell %.4f, want 2.69", rmse)
	}
	if math.Abs(total-3.12) > 0.005 {
		t.Errorf("sd of the total %.4f, want 3.12", total)
	}
}

func cube(t testing.TB) (*Geometry, []uint64) {
	t.Helper()
	var dims []domain.Dimension
	for _, n := range []int{48, 6, 3, 4} {
		dims = append(dims, domain.Dimension{Levels: []domain.Level{{Codes: []string{"_T"}}, {Codes: make([]string, n), Parent: make([]uint32, n)}}})
	}
	var tables []domain.Table
	for mask := range 15 { // all but the four-way table
		levels := make([]int, 4)
		for d := range levels {
			levels[d] = mask >> d & 1
		}
		tables = append(tables, domain.Table{Levels: levels})
	}
	g, err := NewGeometry(dims, tables)
	if err != nil {
		t.Fatal(err)
	}
	rho, err := g.Split(500_000_000, nil)
	if err != nil {
		t.Fatal(err)
	}
	return g, rho
}

func BenchmarkPlanReferenceCube(b *testing.B) {
	for b.Loop() {
		cube(b)
	}
}

// The largest blocks with the largest counts stay within 2⁶¹, exactly; a group more
// is refused.
func TestLargestBlocks(t *testing.T) {
	one := func(sizes ...int) (*Geometry, error) {
		var dims []domain.Dimension
		for _, n := range sizes {
			dims = append(dims, domain.Dimension{Levels: []domain.Level{{Codes: []string{"_T"}}, {Codes: make([]string, n), Parent: make([]uint32, n)}}})
		}
		return NewGeometry(dims, []domain.Table{{Levels: slices.Repeat([]int{1}, len(sizes))}})
	}
	for _, sizes := range [][]int{{1 << 21}, {1 << 11, 1 << 10}, {2, 1 << 10, 1 << 10}} {
		if _, err := one(sizes...); err == nil {
			t.Errorf("groups of %v: accepted", sizes)
		}
	}
	for _, sizes := range [][]int{{1<<21 - 1}, {1<<11 - 1, 1 << 10}} {
		g, err := one(sizes...)
		if err != nil {
			t.Fatal(err)
		}
		k := len(g.parts) - 1
		_, cells := g.strides(g.parts[k])
		y := make([]int64, cells)
		y[0] = -1 << 40
		g.Residual(k, y)
		first, last, limit := big.NewInt(-1<<40), big.NewInt(-1<<40), new(big.Int).Lsh(big.NewInt(1), 61)
		for _, c := range sizes {
			first.Mul(first, big.NewInt(int64(c)-1))
			last.Neg(last)
		}
		if big.NewInt(y[0]).Cmp(first) != 0 || big.NewInt(y[cells-1]).Cmp(last) != 0 || first.CmpAbs(limit) >= 0 {
			t.Errorf("groups of %v: T is %d and %d, want %d and %d", sizes, y[0], y[cells-1], first, last)
		}
	}
}
