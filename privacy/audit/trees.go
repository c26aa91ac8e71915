package audit

import (
	"fmt"
	"math/big"
	"slices"

	"halftone/privacy"
	"halftone/privacy/noise"
	"halftone/privacy/plan"
)

// Trees plans releases of random trees, random tables and random sources, and
// holds the code against full matrices in exact fractions:
//
//   - M is the most that the declared sources let a person move the leaf counts;
//   - the measurements are those of 10-privacy, and what is measured is the integer T;
//   - M units in any leaf cost at most the charge, and M²D/2s in each block; units
//     that are spread over leaves or taken off cost no more; who is alone in a
//     sibling group pays less;
//   - without noise the estimates are the counts; with noise they are the exact
//     fractions, and add up over tables and levels;
//   - variances and covariances are the exact fractions, to 10⁻⁹.
func Trees(pick Pick, trees int) Finding {
	var p property
	for range trees {
		w := randomWorld(pick)
		s := w.spec(plan.PlannerMechanism, 1, uint64(1+pick(4_000))*1_000_000)
		m, periods := randomSources(pick, &s)
		p.check(s.Bound() == privacy.Bound{PerPeriod: m, Periods: periods}, "sources that move the counts by %d in %d periods: the bound is %v", m, periods, s.Bound())
		s.Editions = 1 + pick(3)
		w.laplace(&p, s, m)
		w.planner(&p, pick, s, m)
	}
	return p.finding("trees", fmt.Sprintf("%d random trees", trees))
}

// randomSources gives s up to three sources, and says how far a person who is in
// at most Overlap of them moves the leaf counts of a period, and in how many
// periods: tried for every choice of them.
func randomSources(pick Pick, s *privacy.Spec) (most, periods int64) {
	s.Sources = nil
	for i := range 1 + pick(3) {
		s.Sources = append(s.Sources, privacy.Source{Name: fmt.Sprint("s", i), PerPeriod: int64(1 + pick(3)),
			Periods: int64(1 + pick(3)), Sensitivity: int64(1 + pick(4))})
	}
	s.Overlap = pick(len(s.Sources) + 1)
	for set := range 1 << len(s.Sources) {
		in, moved, over := 0, int64(0), int64(0)
		for i, src := range s.Sources {
			if set>>i&1 == 1 {
				in++
				// PerPeriod units, each of which the source's rules move by Sensitivity.
				moved, over = moved+src.PerPeriod*src.Sensitivity, over+src.Periods
			}
		}
		if s.Overlap == 0 || in <= s.Overlap {
			most, periods = max(most, moved), max(periods, over)
		}
	}
	return most, periods
}

// laplace checks that M units, which are M units in each table, cost at most the
// charge: Σ M/b <= ε.
func (w *world) laplace(p *property, s privacy.Spec, m int64) {
	s.Mechanism = plan.LaplaceMechanism
	pl, err := privacy.NewPlan(s, 1)
	if err != nil {
		p.check(false, "laplace: %v", err)
		return
	}
	cost := new(big.Rat)
	for _, me := range pl.Measurements {
		b := new(big.Rat).SetFloat64(me.B)
		cost.Add(cost, new(big.Rat).Quo(big.NewRat(m, 1), b))
	}
	p.check(len(pl.Measurements) == len(w.tables) && cost.Cmp(nano(pl.NanoEpsilon)) <= 0,
		"laplace, M %d: %d tables cost ε %s, charged %d nano", m, len(w.tables), cost.FloatString(12), pl.NanoEpsilon)
}

func nano(n uint64) *big.Rat { return new(big.Rat).SetFrac(new(big.Int).SetUint64(n), big.NewInt(1e9)) }

// A planned release: the plan, and for each measurement its matrix and noise.
type planned struct {
	*world
	m      int64
	plan   privacy.Plan
	scales *plan.Scales
	geo    *plan.Geometry
	a      [][]int // levels
	matrix [][][]int64
	s      [][]*big.Rat // parameter of each entry; nil where nothing is measured
}

func (w *world) planned(s privacy.Spec, m int64) (*planned, error) {
	pl, err := privacy.NewPlan(s, 1)
	if err != nil {
		return nil, err
	}
	model, err := pl.Open(s.Dimensions, s.Tables, s.Bound().PerPeriod)
	if err != nil {
		return nil, err
	}
	r := &planned{world: w, m: m, plan: pl, scales: model.Scales(), geo: model.Geometry()}
	for k, me := range pl.Measurements {
		r.a, r.matrix = append(r.a, me.Levels), append(r.matrix, w.matrix(me.Levels))
		s := make([]*big.Rat, len(r.matrix[k]))
		r.scales.Runs(k, func(lo, hi int, g noise.Gaussian) {
			for cell := lo; cell < hi; cell++ {
				s[cell] = new(big.Rat).SetFrac(new(big.Int).SetUint64(g.P), new(big.Int).SetUint64(g.Q))
			}
		})
		r.s = append(r.s, s)
	}
	return r, nil
}

func (w *world) planner(p *property, pick Pick, s privacy.Spec, m int64) {
	r, err := w.planned(s, m)
	if err != nil {
		p.check(false, "planner: %v", err)
		return
	}
	all := uint64(s.Editions) * uint64(s.Bound().Periods) * r.plan.Cost()
	p.check(all <= s.Budget.NanoRho, "all editions of the periods that a person is in cost %d of a budget of %d", all, s.Budget.NanoRho)
	want := w.measurements()
	slices.SortFunc(want, slices.Compare[[]int])
	p.check(slices.EqualFunc(r.a, want, slices.Equal[[]int]), "measurements are %v, want %v", r.a, want)
	r.costs(p, pick)
	r.estimates(p, pick)
	r.covariances(p, pick)
}

// cost is Σ Δ²/2s over the entries of measurement k, Δ what the change of the
// leaf counts does to them. Where no noise is, nothing may move.
func (r *planned) cost(k int, change []int64) (sum *big.Rat, bare bool) {
	sum = new(big.Rat)
	for z, row := range r.matrix[k] {
		d := int64(0)
		for i, c := range change {
			d += row[i] * c
		}
		switch {
		case d == 0:
		case r.s[k][z] == nil || r.s[k][z].Sign() == 0:
			bare = true
		default:
			sum.Add(sum, new(big.Rat).Quo(big.NewRat(d*d, 2), r.s[k][z]))
		}
	}
	return sum, bare
}

func (r *planned) costs(p *property, pick Pick) {
	leaf := r.leaves()
	leaves := r.cells(leaf)
	charge, dearest := nano(r.plan.Cost()), new(big.Rat)
	for i, at := range leaves {
		change := make([]int64, len(leaves))
		change[i] = r.m
		total, alone := new(big.Rat), false
		for k, a := range r.a {
			c, bare := r.cost(k, change)
			_, d := r.block(a, r.ancestor(leaf, at, a))
			alone = alone || d == 0
			p.check(!bare, "measurement %v: a leaf moves what has no noise", a)
			p.check(c.Cmp(nano(r.plan.Measurements[k].NanoRho)) <= 0, "measurement %v: %d units in leaf %d cost ρ %s, its part is %d nano",
				a, r.m, i, c.FloatString(12), r.plan.Measurements[k].NanoRho)
			p.check((d == 0) == (c.Sign() == 0), "measurement %v, leaf %d: D %d, cost %s", a, i, d, c.FloatString(12))
			total.Add(total, c)
		}
		p.check(total.Cmp(charge) <= 0, "%d units in leaf %d cost ρ %s, charged %d nano", r.m, i, total.FloatString(12), r.plan.Cost())
		if total.Cmp(dearest) > 0 {
			dearest = total
		}
		// Rounding loses less than a nano-ρ and a 1024th of s a measurement.
		if least := new(big.Rat).Mul(charge, big.NewRat(1, 2)); alone {
			p.check(total.Cmp(charge) < 0, "leaf %d, alone in a group, pays the full charge", i)
		} else if r.plan.Cost() > 1000*uint64(len(r.a)) && r.generous() {
			p.check(total.Cmp(least) > 0, "leaf %d pays %s of %s: noise is wasted", i, total.FloatString(12), charge.FloatString(12))
		}
	}
	for range 5 {
		change := make([]int64, len(leaves))
		for range r.m {
			change[pick(len(leaves))] += int64(2*pick(2) - 1)
		}
		total := new(big.Rat)
		for k := range r.a {
			c, _ := r.cost(k, change)
			total.Add(total, c)
		}
		p.check(total.Cmp(dearest) <= 0, "a spread change of %d units costs %s, one leaf %s", r.m, total.FloatString(12), dearest.FloatString(12))
	}
}

// generous says that every s is at least a 100th, where rounding up to a 1024th
// is small beside it.
func (r *planned) generous() bool {
	for _, s := range r.s {
		for _, v := range s {
			if v != nil && v.Cmp(big.NewRat(1, 100)) < 0 {
				return false
			}
		}
	}
	return true
}

// estimates checks T, the counts without noise, fractions with noise, and sums.
func (r *planned) estimates(p *property, pick Pick) {
	leaves := r.cells(r.leaves())
	y := make([]int64, len(leaves))
	for i := range y {
		y[i] = int64(pick(2000) - 200)
	}
	var exact, noisy [][]int64
	for k, a := range r.a {
		t := r.count(y, a)
		r.geo.Residual(k, t)
		z := make([]int64, len(t))
		for e, row := range r.matrix[k] {
			want := int64(0)
			for i, c := range row {
				want += c * y[i]
			}
			p.check(t[e] == want, "measurement %v entry %d: T %d, want %d", a, e, t[e], want)
			if z[e] = t[e]; r.s[k][e] != nil {
				z[e] += int64(pick(400) - 200)
			}
		}
		exact, noisy = append(exact, t), append(noisy, z)
	}
	still, err := r.geo.Reconstruct(exact)
	if err != nil {
		p.check(false, "reconstruct: %v", err)
		return
	}
	moved, err := r.geo.Reconstruct(noisy)
	if err != nil {
		p.check(false, "reconstruct: %v", err)
		return
	}
	for i, t := range r.tables {
		counts, estimates, got := r.count(y, t.Levels), still.Table(i), moved.Table(i)
		for c, b := range r.cells(t.Levels) {
			p.check(near(estimates[c], float64(counts[c]), 1e-9), "table %v cell %v: estimate %v without noise, count %d", t.Levels, b, estimates[c], counts[c])
			if c%3 == 0 { // fractions are slow
				p.check(r.estimate(exact, t.Levels, b).Cmp(big.NewRat(counts[c], 1)) == 0, "table %v cell %v: biased", t.Levels, b)
				want, _ := r.estimate(noisy, t.Levels, b).Float64()
				p.check(near(got[c], want, 1e-9), "table %v cell %v: estimate %v, want %v", t.Levels, b, got[c], want)
			}
		}
		r.sums(p, i, moved)
	}
}

// estimate in fractions.
func (r *planned) estimate(numbers [][]int64, table, b []int) *big.Rat {
	sum := new(big.Rat)
	for k, a := range r.a {
		for e, z := range r.cells(a) {
			if f := r.weight(a, z, table, b); f.Sign() != 0 {
				sum.Add(sum, f.Mul(f, big.NewRat(numbers[k][e], 1)))
			}
		}
	}
	return sum
}

// sums checks that table i adds up to every coarser one.
func (r *planned) sums(p *property, i int, rec *plan.Reconstruction) {
	fine := r.tables[i].Levels
	for j, t := range r.tables {
		if i == j || !below(t.Levels, fine) {
			continue
		}
		coarse, sum := rec.Table(j), map[string]float64{}
		values := rec.Table(i)
		for c, b := range r.cells(fine) {
			sum[fmt.Sprint(r.ancestor(fine, b, t.Levels))] += values[c]
		}
		for c, b := range r.cells(t.Levels) {
			p.check(near(sum[fmt.Sprint(b)], coarse[c], 1e-8), "table %v cell %v: %v, its parts in %v are %v", t.Levels, b, coarse[c], fine, sum[fmt.Sprint(b)])
		}
	}
}

// covariances compares variances and covariances with Σ s·weight·weight.
func (r *planned) covariances(p *property, pick Pick) {
	for range 12 {
		i, j := pick(len(r.tables)), pick(len(r.tables))
		bs, cs := r.cells(r.tables[i].Levels), r.cells(r.tables[j].Levels)
		bi := pick(len(bs))
		b, c := bs[bi], cs[pick(len(cs))]
		variance := r.covariance(i, b, i, b)
		got := r.scales.Variance(i)[bi]
		p.check(near(got/variance, 1, 1e-9), "table %v cell %v: variance %v, want %v", r.tables[i].Levels, b, got, variance)
		want := r.covariance(i, b, j, c)
		got = r.scales.Covariance(i, b, j, c)
		p.check(near(got/variance, want/variance, 1e-9), "tables %v, %v cells %v, %v: covariance %v, want %v",
			r.tables[i].Levels, r.tables[j].Levels, b, c, got, want)
	}
}

func (r *planned) covariance(i int, b []int, j int, c []int) float64 {
	sum := new(big.Rat)
	for k, a := range r.a {
		for e, z := range r.cells(a) {
			if r.s[k][e] == nil {
				continue
			}
			f := r.weight(a, z, r.tables[i].Levels, b)
			if f.Sign() != 0 {
				f.Mul(f, r.weight(a, z, r.tables[j].Levels, c))
				sum.Add(sum, f.Mul(f, r.s[k][e]))
			}
		}
	}
	v, _ := sum.Float64()
	return v
}
