package plan

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"halftone/privacy/domain"
	"halftone/privacy/noise"
)

// A release is a random case: trees with groups of 1 to 5 in any order, tables,
// bound, budget, counts and noise.
type release struct {
	oracle
	*dice
	geo    *Geometry
	m      int64
	budget uint64
	counts []int64 // of the leaf cells
	rho    []uint64
	scales *Scales
	rows   [][][]int64 // matrix of every measurement
	exact  [][]int64   // T
	noisy  [][]int64
	s      [][]*big.Rat // variance parameter of every entry; nil where nothing is measured
}

// A dice turns bytes into numbers, so that rapid and the fuzzer drive the same
// property. When they have run out every throw is the lowest.
type dice []byte

// from lo to hi.
func (d *dice) from(lo, hi int) int {
	width := 1
	for hi-lo >= 1<<(8*width) {
		width++
	}
	n := 0
	for range width {
		n <<= 8
		if len(*d) > 0 {
			n |= int((*d)[0])
			*d = (*d)[1:]
		}
	}
	return lo + n%(hi-lo+1)
}

func throw(t *rapid.T) *dice {
	d := dice(rapid.SliceOfN(rapid.Byte(), 150, 300).Draw(t, "dice"))
	return &d
}

func (d *dice) trees() (dims []domain.Dimension, tables []domain.Table) {
	room := 20 // leaf cells
	for n := range d.from(1, 3) {
		dim := domain.Dimension{Name: fmt.Sprint(n), Levels: []domain.Level{{Name: "0", Codes: []string{"_T"}}}}
		for l := range d.from(1, 3) {
			var lv domain.Level
			above := len(dim.Levels[l].Codes)
			for p := range above {
				for range d.from(1, max(1, min(5, room-len(lv.Codes)-(above-p-1)))) {
					lv.Codes, lv.Parent = append(lv.Codes, fmt.Sprint(len(lv.Codes))), append(lv.Parent, uint32(p))
				}
			}
			for i := range lv.Parent { // siblings need not stand together
				j := d.from(i, len(lv.Parent)-1)
				lv.Parent[i], lv.Parent[j] = lv.Parent[j], lv.Parent[i]
			}
			dim.Levels = append(dim.Levels, lv)
		}
		room /= len(dim.Leaf().Codes)
		dims = append(dims, dim)
	}
	for i := range d.from(1, 3) {
		tb := domain.Table{Name: fmt.Sprint(i)}
		for _, dim := range dims {
			tb.Levels = append(tb.Levels, d.from(0, len(dim.Levels)-1))
		}
		tables = append(tables, tb)
	}
	return dims, tables
}

func (d *dice) release(t tb) release {
	dims, tables := d.trees()
	r := release{dice: d, oracle: newOracle(dims, tables), m: int64(d.from(1, 50)), budget: uint64(d.from(1000, 20_000_000_000))}
	for range r.leaf {
		r.counts = append(r.counts, int64(d.from(-20, 65_000)))
	}
	var weights []float64
	for range tables {
		weights = append(weights, float64(d.from(1, 200))/10)
	}
	var err error
	if r.geo, err = NewGeometry(dims, tables); err != nil {
		t.Fatal(err)
	}
	if r.rho, err = r.geo.Split(r.budget, weights); err != nil {
		t.Fatal(err)
	}
	if r.scales, err = r.geo.Scales(r.m, r.rho); err != nil {
		t.Fatal(err)
	}
	for k := range r.geo.parts {
		r.measure(k)
	}
	return r
}

// measure applies the oracle's matrix, the package's s and thrown noise.
func (r *release) measure(k int) {
	rows := r.matrix(r.geo.levels(k))
	exact, noisy, s := make([]int64, len(rows)), make([]int64, len(rows)), make([]*big.Rat, len(rows))
	r.scales.Runs(k, func(lo, hi int, v noise.Gaussian) {
		for i := lo; i < hi; i++ {
			s[i] = new(big.Rat).SetFrac(new(big.Int).SetUint64(v.P), new(big.Int).SetUint64(v.Q))
		}
	})
	for i, row := range rows {
		for j, c := range row {
			exact[i] += c * r.counts[j]
		}
		noisy[i] = exact[i]
		if s[i] != nil {
			noisy[i] += int64(r.from(-1000, 1000))
		}
	}
	r.rows, r.exact, r.noisy, r.s = append(r.rows, rows), append(r.exact, exact), append(r.noisy, noisy), append(r.s, s)
}

// tb is what rapid and testing have in common.
type tb interface {
	Fatal(...any)
	Fatalf(string, ...any)
	Errorf(string, ...any)
}

// trees holds everything that PROOF.md claims of one release against exact
// fractions.
func trees(t tb, d *dice) {
	r := d.release(t)
	r.checkParts(t)
	r.checkResiduals(t)
	r.checkCost(t)
	r.checkEstimates(t)
	r.checkMoments(t)
}

func TestTrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { trees(t, throw(t)) })
}

// Run it with -fuzzminimizetime 1x: to shorten an input that is merely new takes
// the fuzzer up to a minute, in which it tries nothing else.
func FuzzTrees(f *testing.F) {
	for seed := range byte(20) {
		b := make([]byte, 300)
		_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d := dice(b)
		trees(t, &d)
	})
}

// What is not measured has nothing to measure, and only that.
func (r release) checkParts(t tb) {
	want := map[string]bool{}
	for _, tb := range r.tables {
		var walk func(a []int)
		walk = func(a []int) {
			if d := len(a); d < len(r.dims) {
				for _, l := range r.keep[d] {
					if l <= tb.Levels[d] {
						walk(append(slices.Clone(a), l))
					}
				}
				return
			}
			for _, row := range r.matrix(a) {
				if slices.ContainsFunc(row, func(v int64) bool { return v != 0 }) {
					want[fmt.Sprint(a)] = true
				}
			}
		}
		walk(nil)
	}
	for k := range r.geo.parts {
		if key := fmt.Sprint(r.geo.levels(k)); !want[key] {
			t.Fatalf("measurement %s measures nothing or stands twice", key)
		} else {
			delete(want, key)
		}
	}
	if len(want) > 0 {
		t.Fatalf("not measured: %v", want)
	}
}

// table adds the counts up to the levels, by definition.
func (r release) table(levels []int) []int64 {
	finest := make([]int, len(levels))
	for d := range finest {
		finest[d] = len(r.dims[d].Levels) - 1
	}
	cells := r.cells(levels)
	out := make([]int64, len(cells))
	for i, leaf := range r.leaf {
		at := r.climb(finest, leaf, levels)
		out[slices.IndexFunc(cells, func(c []int) bool { return slices.Equal(c, at) })] += r.counts[i]
	}
	return out
}

func (r release) checkResiduals(t tb) {
	for k := range r.geo.parts {
		y := r.table(r.geo.levels(k))
		r.geo.Residual(k, y)
		if !slices.Equal(y, r.exact[k]) {
			t.Fatalf("T of %v is %v, by definition %v", r.geo.levels(k), y, r.exact[k])
		}
		for i, s := range r.s[k] {
			if s == nil && r.exact[k][i] != 0 {
				t.Fatalf("%v cell %d is not 0 and has no noise", r.geo.levels(k), i)
			}
		}
	}
}

// cost is Σ_a ‖T_a Δ‖²/2s, entry by entry, for measurements k in from to to−1.
func (r release) cost(from, to int, delta []int64) *big.Rat {
	sum := new(big.Rat)
	for k := from; k < to; k++ {
		for i, row := range r.rows[k] {
			moved := int64(0)
			for j, c := range row {
				moved += c * delta[j]
			}
			if moved != 0 { // s is nil: the test should fail
				sum.Add(sum, new(big.Rat).Quo(big.NewRat(moved*moved, 2), r.s[k][i]))
			}
		}
	}
	return sum
}

// M units in any one leaf cost each measurement at most its part, and any other
// change of L1 norm M no more than the charge.
func (r release) checkCost(t tb) {
	nano := func(n uint64) *big.Rat {
		return new(big.Rat).SetFrac(new(big.Int).SetUint64(n), big.NewInt(1e9))
	}
	total := uint64(0)
	for _, n := range r.rho {
		total += n
	}
	if total > r.budget {
		t.Fatalf("the parts sum to %d of %d nano-ρ", total, r.budget)
	}
	delta := make([]int64, len(r.leaf))
	for i := range r.leaf {
		clear(delta)
		delta[i] = r.m
		for k := range r.geo.parts {
			if c := r.cost(k, k+1, delta); c.Cmp(nano(r.rho[k])) > 0 {
				t.Fatalf("%d units in leaf %d cost measurement %d %s of %d nano-ρ", r.m, i, k, c.FloatString(12), r.rho[k])
			}
		}
	}
	clear(delta)
	for range r.m {
		delta[r.from(0, len(delta)-1)] += int64(2*r.from(0, 1) - 1)
	}
	if c := r.cost(0, len(r.rho), delta); c.Cmp(nano(total)) > 0 {
		t.Fatalf("%v costs %s of %d nano-ρ", delta, c.FloatString(12), total)
	}
}

// estimate of cell b of table i from the entries x, exactly.
func (r release) estimate(i int, b []int, x [][]int64) *big.Rat {
	sum := new(big.Rat)
	for k := range r.geo.parts {
		for j, c := range r.coefficients(r.geo.levels(k), r.tables[i].Levels, b) {
			if c.Sign() != 0 {
				sum.Add(sum, new(big.Rat).Mul(c, big.NewRat(x[k][j], 1)))
			}
		}
	}
	return sum
}

// Without noise the counts come out; with it what the definition gives, and
// tables add up to each other.
func (r release) checkEstimates(t tb) {
	exact, err := r.geo.Reconstruct(r.exact)
	if err != nil {
		t.Fatal(err)
	}
	noisy, err := r.geo.Reconstruct(r.noisy)
	if err != nil {
		t.Fatal(err)
	}
	for i, tb := range r.tables {
		counts, without, with := r.table(tb.Levels), exact.Table(i), noisy.Table(i)
		for j, b := range r.cells(tb.Levels) {
			if r.estimate(i, b, r.exact).Cmp(big.NewRat(counts[j], 1)) != 0 {
				t.Fatalf("table %d cell %v: the definition does not give the count", i, b)
			}
			want, _ := r.estimate(i, b, r.noisy).Float64()
			if math.Abs(without[j]-float64(counts[j])) > 1e-6 || math.Abs(with[j]-want) > 1e-6 {
				t.Fatalf("table %d cell %v: %v without noise, count %d; %v with noise, want %v", i, b, without[j], counts[j], with[j], want)
			}
		}
		for i2, fine := range r.tables {
			if domain.Below(tb.Levels, fine.Levels) {
				r.checkSums(t, tb.Levels, with, fine.Levels, noisy.Table(i2))
			}
		}
	}
}

func (r release) checkSums(t tb, levels []int, coarse []float64, finer []int, fine []float64) {
	cells, sums := r.cells(levels), make([]float64, len(coarse))
	for j, c := range r.cells(finer) {
		at := r.climb(finer, c, levels)
		sums[slices.IndexFunc(cells, func(c []int) bool { return slices.Equal(c, at) })] += fine[j]
	}
	for j := range sums {
		if math.Abs(sums[j]-coarse[j]) > 1e-6 {
			t.Fatalf("%v cell %d is %v, its cells in %v sum to %v", levels, j, coarse[j], finer, sums[j])
		}
	}
}

// Variances and covariances are sums over independent entries of their coefficients
// times s.
func (r release) checkMoments(t tb) {
	type cell struct {
		table int
		at    []int
	}
	var all []cell
	for i, tb := range r.tables {
		for _, b := range r.cells(tb.Levels) {
			all = append(all, cell{i, b})
		}
	}
	moment := func(x, y cell) float64 {
		sum := new(big.Rat)
		for k := range r.geo.parts {
			cx, cy := r.coefficients(r.geo.levels(k), r.tables[x.table].Levels, x.at), r.coefficients(r.geo.levels(k), r.tables[y.table].Levels, y.at)
			for j := range min(len(cx), len(cy)) {
				if r.s[k][j] != nil && cx[j].Sign() != 0 && cy[j].Sign() != 0 {
					sum.Add(sum, new(big.Rat).Mul(r.s[k][j], new(big.Rat).Mul(cx[j], cy[j])))
				}
			}
		}
		f, _ := sum.Float64()
		return f
	}
	place, table := 0, 0
	variance := r.scales.Variance(0)
	for n, x := range all {
		if x.table != table {
			table, place, variance = x.table, n, r.scales.Variance(x.table)
		}
		want := moment(x, x)
		if got := variance[n-place]; math.Abs(got-want) > 1e-9*want {
			t.Fatalf("variance of %v: %v, want %v", x, got, want)
		}
	}
	for range 10 {
		x, y := all[r.from(0, len(all)-1)], all[r.from(0, len(all)-1)]
		got, want := r.scales.Covariance(x.table, x.at, y.table, y.at), moment(x, y)
		if math.Abs(got-want) > 1e-9*math.Sqrt(moment(x, x)*moment(y, y)) {
			t.Fatalf("covariance of %v and %v: %v, want %v", x, y, got, want)
		}
	}
}
