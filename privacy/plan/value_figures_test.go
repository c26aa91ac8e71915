package plan

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"halftone/privacy/domain"
	"halftone/privacy/noise"
)

// Root mean square errors a cell over all tables: the oracle's figures. The seeds
// are fixed, so there is no false alarm; the bounds leave room for the few
// releases, whose counts differ from the oracle's.
func TestValueFigures(t *testing.T) {
	us := []domain.Dimension{states(), dimension(children(2))}
	cube := flatDims(48, 6, 3, 4)
	for _, c := range []struct {
		name                   string
		dims                   []domain.Dimension
		tables                 []domain.Table
		people                 int
		rho                    uint64
		releases               int
		value, clamp, estimate float64
		within                 float64
	}{
		{"cube, up to 3 dimensions", cube, upTo(3, 4), 2000, 500_000_000, 4, 1.37, 2.15, 2.69, 0.10},
		{"cube, almost empty", cube, upTo(3, 4), 60, 15_000_000, 4, 1.31, 11.00, 15.56, 0.35},
		{"states by form, all levels", us, allLevels(us), 1500, 50_000_000, 60, 4.48, 5.12, 5.85, 0.08},
	} {
		f, _ := NewFitting(c.dims, c.tables)
		rng := rand.New(rand.NewPCG(7, 8))
		var value, clamp, estimate, cells float64
		for range c.releases {
			est, truth, v := sample(t, rng, c.dims, c.tables, c.people, c.rho)
			for i, n := range f.Values(est, v, f.Total(est, v)) {
				for k, x := range truth[i] {
					value += math.Pow(float64(n[k])-x, 2)
					clamp += math.Pow(max(0, math.Round(est[i][k]))-x, 2)
					estimate += math.Pow(est[i][k]-x, 2)
					cells++
				}
			}
		}
		for _, m := range []struct {
			name      string
			sum, want float64
		}{{"value", value, c.value}, {"clamping", clamp, c.clamp}, {"estimate", estimate, c.estimate}} {
			got := math.Sqrt(m.sum / cells)
			t.Logf("%s: RMSE of %s %.3f, the oracle's %.2f", c.name, m.name, got, m.want)
			if math.Abs(got/m.want-1) > c.within {
				t.Errorf("%s: RMSE of %s %.3f, want %.2f", c.name, m.name, got, m.want)
			}
		}
	}
}

// A plain projected gradient, written down as the oracle has it and run far
// longer, finds nothing better than the fit by 1 in 1,000.
func TestFitIsMinimal(t *testing.T) {
	us := []domain.Dimension{states(), dimension(children(2))}
	small := flatDims(7, 5, 4)
	rng := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct {
		dims   []domain.Dimension
		tables []domain.Table
		people int
		rho    uint64
	}{
		{us, allLevels(us), 1500, 50_000_000},
		{us, []domain.Table{{Levels: []int{0, 0}}, {Levels: []int{1, 0}}, {Levels: []int{3, 1}}}, 1500, 15_000_000},
		{small, upTo(2, 3), 300, 500_000_000},
		{small, upTo(3, 3), 30, 50_000_000},
		{flatDims(12, 6, 3, 4), upTo(3, 4), 1000, 500_000_000},
	} {
		est, _, v := sample(t, rng, c.dims, c.tables, c.people, c.rho)
		f, _ := NewFitting(c.dims, c.tables)
		total := math.Round(max(0, f.Total(est, v)))
		p := f.problem(est, v, total)
		p.minimise()
		x := slices.Clone(p.x[:len(p.step)])
		sum := 0.0
		for _, y := range x {
			sum += y
		}
		if slices.Min(x) < 0 || math.Abs(sum-total) > 1e-9*total {
			t.Fatalf("not in the simplex: sum %v, total %v", sum, total)
		}
		o := naive{dims: c.dims, tables: c.tables, finest: f.nodes[0].levels, est: est, v: v}
		got, best := o.objective(x), o.objective(o.minimise(len(x), total, 2500))
		if got > best*1.001 {
			t.Errorf("%d cells, %d tables: objective %v, a long plain run %v", len(x), len(c.tables), got, best)
		}
	}
}

// naive knows the problem by indices only.
type naive struct {
	dims   []domain.Dimension
	tables []domain.Table
	finest []int
	est    [][]float64
	v      []float64
	index  [][]int
}

func (o *naive) objective(x []float64) (sum float64) {
	for i, tab := range o.tables {
		for k, s := range addedUp(o.dims, o.finest, tab.Levels, x) {
			sum += (s - o.est[i][k]) * (s - o.est[i][k]) / o.v[i]
		}
	}
	return sum
}

// minimise takes steps of 1/L, without acceleration.
func (o *naive) minimise(n int, total float64, steps int) []float64 {
	one, lipschitz := make([]float64, n), 0.0
	for i, tab := range o.tables {
		in := make([]int, n)
		for k := range in {
			clear(one)
			one[k] = 1
			in[k] = slices.Index(addedUp(o.dims, o.finest, tab.Levels, one), 1)
		}
		o.index = append(o.index, in)
		for k := range one {
			one[k] = 1
		}
		if len(o.est[i]) > 1 { // the total is fixed
			lipschitz += slices.Max(addedUp(o.dims, o.finest, tab.Levels, one)) / o.v[i]
		}
	}
	x := make([]float64, n)
	for k := range x {
		x[k] = total / float64(n)
	}
	for range steps {
		g := make([]float64, n)
		for i, in := range o.index {
			s := make([]float64, len(o.est[i]))
			for k, c := range in {
				s[c] += x[k]
			}
			for k, c := range in {
				g[k] += (s[c] - o.est[i][c]) / o.v[i]
			}
		}
		for k := range x {
			x[k] -= g[k] / lipschitz
		}
		sorted := slices.Clone(x)
		slices.Sort(sorted)
		slices.Reverse(sorted)
		sum, tau := 0.0, 0.0
		for k, y := range sorted {
			sum += y
			if t := (sum - total) / float64(k+1); y > t {
				tau = t
			}
		}
		for k := range x {
			x[k] = max(0, x[k]-tau)
		}
	}
	return x
}

// Rounding costs about what it does to give the missing units one at a time to the
// cell where Σ w·(error of the table cell)² rises least. (It is a fifth of that in
// 65,536 cells, where this would take too long.)
func TestRoundingAgainstGreedy(t *testing.T) {
	us := []domain.Dimension{states(), dimension(children(2))}
	for _, c := range []struct {
		dims   []domain.Dimension
		tables []domain.Table
		people int
	}{{us, allLevels(us), 1500}, {flatDims(12, 6, 3, 4), upTo(3, 4), 1000}, {flatDims(12, 6, 3, 4), upTo(2, 4), 1000}} {
		rng := rand.New(rand.NewPCG(5, 6))
		f, _ := NewFitting(c.dims, c.tables)
		var diffused, greedy float64
		for range 6 {
			est, _, v := sample(t, rng, c.dims, c.tables, c.people, 100_000_000)
			p := f.problem(est, v, math.Round(max(0, f.Total(est, v))))
			p.minimise()
			fit := slices.Clone(p.x)
			greedy += p.error(fit, p.greedy())
			diffused += p.error(fit, p.round())
		}
		t.Logf("%d cells, %d tables: %.1f by diffusion, %.1f greedy", f.nodes[0].size, len(c.tables), diffused, greedy)
		if diffused > greedy*1.3 {
			t.Errorf("%d cells, %d tables: rounding costs %v, greedy %v", f.nodes[0].size, len(c.tables), diffused, greedy)
		}
	}
}

// error is Σ w·(M b − M x)².
func (p *problem) error(x []float64, b []int64) (sum float64) {
	v := make([]float64, len(x))
	for k, n := range b {
		v[k] = float64(n)
	}
	addUp(p.f, v)
	for i, n := range p.f.nodes {
		for k, s := range cells(n, v) {
			sum += p.weight[i] * math.Pow(s-cells(n, x)[k], 2)
		}
	}
	return sum
}

func (p *problem) greedy() []int64 {
	out := make([]int64, len(p.step))
	off := make([]float64, len(p.x))
	missing := int(p.total)
	for k := range out {
		out[k] = int64(p.x[k])
		off[k] = float64(out[k]) - p.x[k]
		missing -= int(out[k])
	}
	addUp(p.f, off)
	code := make([]int, len(p.f.shape))
	for ; missing > 0; missing-- {
		best, least := -1, math.Inf(1)
		for k := range out {
			p.f.codes(code, k)
			rise := 0.0
			for i, n := range p.f.nodes {
				rise += p.weight[i] * (1 + 2*off[n.at+n.cell(code)])
			}
			if rise < least {
				best, least = k, rise
			}
		}
		out[best]++
		p.f.codes(code, best)
		for _, n := range p.f.nodes {
			off[n.at+n.cell(code)]++
		}
	}
	return out
}

func BenchmarkValues(b *testing.B) {
	us := []domain.Dimension{states(), dimension(children(2))}
	large := slices.DeleteFunc(upTo(3, 6), func(t domain.Table) bool { return !slices.Contains(t.Levels, 0) || sum(t.Levels) < 3 })
	for _, c := range []struct {
		name   string
		dims   []domain.Dimension
		tables []domain.Table
		people int
		rho    uint64
	}{
		{"102cells8tables", us, allLevels(us), 1500, 50_000_000},
		{"3456cells15tables", flatDims(48, 6, 3, 4), upTo(3, 4), 2000, 500_000_000},
		{"65536cells15tables", flatDims(64, 16, 8, 8), upTo(3, 4), 100_000, 500_000_000},
		{"1048576cells20tables", flatDims(64, 16, 8, 8, 4, 4), large, 1_000_000, 500_000_000},
	} {
		b.Run(c.name, func(b *testing.B) {
			if testing.Short() && c.people > 100_000 {
				b.Skip("a minute")
			}
			est, _, v := sample(b, rand.New(rand.NewPCG(1, 2)), c.dims, c.tables, c.people, c.rho)
			f, _ := NewFitting(c.dims, c.tables)
			for b.Loop() {
				f.Values(est, v, f.Total(est, v))
			}
		})
	}
}

func sum(x []int) (s int) {
	for _, v := range x {
		s += v
	}
	return s
}

// sample draws counts of a sparse cube and makes a release of them with the
// planner's noise, from a continuous normal distribution rounded.
func sample(t testing.TB, rng *rand.Rand, dims []domain.Dimension, tables []domain.Table, people int, rho uint64) (est, truth [][]float64, v []float64) {
	t.Helper()
	g, err := NewGeometry(dims, tables)
	if err != nil {
		t.Fatal(err)
	}
	split, err := g.Split(rho, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := g.Scales(1, split)
	if err != nil {
		t.Fatal(err)
	}
	leaf := make([]int, len(dims))
	for d := range dims {
		leaf[d] = len(dims[d].Levels) - 1
	}
	counts := sparse(rng, dims, leaf, people)
	var noisy [][]int64
	for k := range g.parts {
		fold := newFold(places(dims, leaf, g.levels(k)))
		_, n := g.strides(g.parts[k])
		y := make([]int64, n)
		addTo(&fold, y, counts)
		g.Residual(k, y)
		s.Runs(k, func(lo, hi int, z noise.Gaussian) {
			for cell := lo; cell < hi; cell++ {
				y[cell] += int64(math.Round(math.Sqrt(z.Parameter()) * rng.NormFloat64()))
			}
		})
		noisy = append(noisy, y)
	}
	rec, err := g.Reconstruct(noisy)
	if err != nil {
		t.Fatal(err)
	}
	for i, tab := range tables {
		fold, mean := newFold(places(dims, leaf, tab.Levels)), 0.0
		variance := s.Variance(i)
		for _, x := range variance {
			mean += x / float64(len(variance))
		}
		y, exact := make([]int64, len(variance)), make([]float64, len(variance))
		addTo(&fold, y, counts)
		for k, n := range y {
			exact[k] = float64(n)
		}
		est, truth, v = append(est, rec.Table(i)), append(truth, exact), append(v, mean)
	}
	return est, truth, v
}

// sparse are counts as in the oracle: shares of each dimension are
// Dirichlet(½), and cells vary around their product by a factor e.
func sparse(rng *rand.Rand, dims []domain.Dimension, leaf []int, people int) []int64 {
	w := []float64{1}
	for d, l := range leaf {
		n := len(dims[d].Levels[l].Codes)
		next := make([]float64, 0, len(w)*n)
		share := make([]float64, n)
		for i := range share {
			z := rng.NormFloat64()
			share[i] = z * z
		}
		for _, x := range w {
			for _, q := range share {
				next = append(next, x*q)
			}
		}
		w = next
	}
	sum := 0.0
	for k := range w {
		sum += w[k] * math.Exp(rng.NormFloat64())
		w[k] = sum
	}
	out := make([]int64, len(w))
	for range people {
		k, _ := slices.BinarySearch(w, rng.Float64()*sum)
		out[k]++
	}
	return out
}
