package audit

import (
	"fmt"
	"math"
	"slices"

	"halftone/privacy"
	"halftone/privacy/account"
	"halftone/privacy/plan"
)

// A Shape is a product of trees that is measured as one table of leaf cells, the
// most that a person moves it, and the budget of the release.
type Shape struct {
	Sizes [][][]int // per dimension and level below the root: children of each node
	M     int64
	Rho   account.NanoRho
}

func (b Shape) String() string {
	return fmt.Sprintf("groups %v, M %d, ρ %g", b.Sizes, b.M, float64(b.Rho)/1e9)
}

// Shapes are flat blocks of 2 to 5 in one and two dimensions, and a tree of
// uneven groups, 10-privacy's example E.
func Shapes(m []int64, rho []account.NanoRho, sizes ...int) (out []Shape) {
	for _, m := range m {
		for _, rho := range rho {
			for i, c := range sizes {
				out = append(out, Shape{[][][]int{{{c}}}, m, rho})
				for _, d := range sizes[i:] {
					out = append(out, Shape{[][][]int{{{c}}, {{d}}}, m, rho})
				}
			}
			out = append(out, Shape{[][][]int{{{3}, {1, 2, 5}}, {{3}}}, m, rho})
		}
	}
	return out
}

// Block sums the privacy loss between neighbours over the pmf: for all M units in
// each leaf, and for others changes of at most M units that pick chooses. The
// figures are δ(ε) of a block over [account.Delta] of its part of the budget, and
// of the whole release over that of the charge, and the Rényi divergence of a
// block over α times its part, which the discrete Gaussian reaches at integer α.
//
// Both directions of a pair of neighbours have the same loss, since the noise is
// symmetric.
func Block(b Shape, pick Pick, others int) (delta, renyi Finding) {
	const rounding = 1e-9 // of sums in float64
	v := verdict{
		Finding{Check: "block", Tried: b.String(), Statistic: "δ(ε) over the charged δ", Bound: 1 + rounding},
		Finding{Check: "block", Tried: b.String(), Statistic: "Rényi divergence D_α over the charged αρ", Bound: 1 + rounding},
	}
	r, err := b.planned()
	if err != nil {
		v.delta.Failure, v.renyi.Failure = err.Error(), err.Error()
		return v.delta, v.renyi
	}
	v.changes(r, pick, others)
	return v.delta, v.renyi
}

// planned is a release of the leaf cells and, in a tree of several levels, of
// its first.
func (b Shape) planned() (*planned, error) {
	var dims []privacy.Dimension
	var leaf []int
	for d, sizes := range b.Sizes {
		dims, leaf = append(dims, tree(fmt.Sprint("d", d), sizes...)), append(leaf, len(sizes))
	}
	tables := [][]int{leaf}
	if leaf[0] > 1 {
		tables = append(tables, append([]int{1}, make([]int, len(leaf)-1)...))
	}
	w := newWorld(dims, tables...)
	return w.planned(w.spec(plan.PlannerMechanism, b.M, uint64(b.Rho)), b.M)
}

// A verdict holds privacy losses against charges.
type verdict struct{ delta, renyi Finding }

func (v *verdict) changes(r *planned, pick Pick, others int) {
	seen := map[string]bool{}
	for _, change := range r.changes(pick, others) {
		losses := r.losses(change)
		if key := fmt.Sprint(losses); !seen[key] { // leaves in like groups are alike
			seen[key] = true
			v.hold(r, losses)
		}
	}
}

// changes are M units in each leaf, and others of L1 norm at most M.
func (r *planned) changes(pick Pick, others int) (out [][]int64) {
	n := len(r.cells(r.leaves()))
	for i := range n {
		c := make([]int64, n)
		c[i] = r.m
		out = append(out, c)
	}
	for range others {
		c := make([]int64, n)
		for range r.m {
			c[pick(n)] += int64(1 - pick(3))
		}
		out = append(out, c)
	}
	return out
}

// A loss is what a change does to one measurement: its entries move by delta under
// noise of parameter s. Entries with different s make several losses.
type loss struct {
	k     int
	s     float64
	delta []int64 // by size; those of 0 are left out
}

// losses takes what the real code measures of the change; T is linear.
func (r *planned) losses(change []int64) (out []loss) {
	for k, a := range r.a {
		t := r.count(change, a)
		r.geo.Residual(k, t)
		bySize := map[float64][]int64{}
		var order []float64
		for e, d := range t {
			if d == 0 {
				continue
			}
			s := 0.0
			if r.s[k][e] != nil {
				s, _ = r.s[k][e].Float64()
			}
			if bySize[s] == nil {
				order = append(order, s)
			}
			bySize[s] = append(bySize[s], max(d, -d))
		}
		for _, s := range order {
			slices.Sort(bySize[s])
			out = append(out, loss{k, s, bySize[s]})
		}
	}
	return out
}

// epsilons at which δ is compared, for a charge of rho: around the mean loss ρ and
// up to six sd √2ρ above it.
func epsilons(rho float64) (out []float64) {
	for _, z := range []float64{-1, 0, 1, 2, 3, 4.5, 6} {
		if e := rho + z*math.Sqrt(2*rho); e >= 0 {
			out = append(out, e)
		}
	}
	return append(out, 0)
}

// worst takes one figure in.
func (f *Finding) worst(ratio float64, format string, args ...any) {
	f.Value = max(f.Value, ratio)
	if !(ratio <= f.Bound) && f.Failure == "" {
		f.Failure = fmt.Sprintf(format, args...) + fmt.Sprintf(" is %.9g of what is charged", ratio)
	}
}

func (v *verdict) hold(r *planned, losses []loss) {
	parts := map[int][]loss{} // of a measurement; one, for a leaf
	for _, l := range losses {
		if l.s == 0 {
			v.renyi.worst(math.Inf(1), "measurement %v: what moves by %v has no noise: its loss", r.a[l.k], l.delta)
			return
		}
		parts[l.k] = append(parts[l.k], l)
	}
	release := grid{p: []float64{1}}
	for k, a := range r.a {
		if parts[k] == nil {
			continue
		}
		rho := account.NanoRho(r.plan.Measurements[k].NanoRho)
		for _, alpha := range []float64{1.5, 2, 3, 8} {
			d := 0.0
			for _, l := range parts[k] {
				d += l.renyi(alpha)
			}
			v.renyi.worst(d/alpha/(float64(rho)/1e9), "measurement %v: D_%v", a, alpha)
		}
		for _, l := range parts[k] {
			s := l.distribution()
			release = release.plus(s)
			if len(parts[k]) == 1 {
				v.deltas(s, rho, fmt.Sprintf("measurement %v", a))
			}
		}
	}
	v.deltas(release.spread(), account.NanoRho(r.plan.Cost()), "the release")
}

func (v *verdict) deltas(s spread, charge account.NanoRho, what string) {
	for _, eps := range epsilons(float64(charge) / 1e9) {
		v.delta.worst(s.delta(eps)/account.Delta(charge, eps), "%s: δ(%.3g)", what, eps)
	}
}

// renyi is D_α of the entries about delta from those about 0: they are
// independent, so it is a sum over entries of ln Σ P^α·Q^(1−α)/(α−1).
func (l loss) renyi(alpha float64) (sum float64) {
	p := halfPMF(l.s)
	logTotal := -math.Log(p[0]) // P(k) = e^(−k²/2s − logTotal)
	log := func(k float64) float64 { return -k*k/(2*l.s) - logTotal }
	known := map[int64]float64{}
	for _, d := range l.delta {
		if _, ok := known[d]; !ok {
			// The terms are largest about αd.
			mid, half := alpha*float64(d), float64(len(p))
			peak := alpha*log(mid-float64(d)) + (1-alpha)*log(mid)
			terms := 0.0
			for k := math.Floor(mid - half); k <= mid+half; k++ {
				terms += math.Exp(alpha*log(k-float64(d)) + (1-alpha)*log(k) - peak)
			}
			known[d] = (math.Log(terms) + peak) / (alpha - 1)
		}
		sum += known[d]
	}
	return sum
}

// A spread is the distribution of a privacy loss: p[i] at first + i·step, and what
// of it was cut off at the ends.
type spread struct {
	first, step float64
	p           []float64
	cut         float64
}

// distribution of the loss ln P(x)/Q(x) = Σ(Δ² + 2Δz)/2s: with s the same in all
// entries it depends on the integer W = ΣΔz alone, whose pmf is a convolution.
func (l loss) distribution() spread {
	half := halfPMF(l.s)
	g, square := int64(0), 0.0
	for _, d := range l.delta {
		g, square = gcd(g, d), square+float64(d)*float64(d)
	}
	reach := int(12*math.Sqrt(square*math.Max(l.s, 1)))/int(g) + 12*int(l.delta[len(l.delta)-1]/g)
	w, out := []float64{1}, spread{step: 2 * float64(g) / (2 * l.s)}
	for _, d := range l.delta {
		stride := int(d / g)
		next := make([]float64, len(w)+2*stride*(len(half)-1))
		mid := stride * (len(half) - 1)
		for i, v := range w {
			if v < 1e-40 {
				out.cut += v
				continue
			}
			for k, q := range half {
				next[i+mid+k*stride] += v * q
				if k > 0 {
					next[i+mid-k*stride] += v * q
				}
			}
		}
		if over := (len(next)-1)/2 - reach; over > 0 {
			for i := range over {
				out.cut += next[i] + next[len(next)-1-i]
			}
			next = next[over : len(next)-over]
		}
		w = next
	}
	out.p = w
	out.first = square/(2*l.s) - float64((len(w)-1)/2)*out.step
	return out
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// delta is δ(ε) = E[(1 − e^(ε−loss))⁺], from the smallest terms on.
func (s spread) delta(eps float64) float64 {
	sum := s.cut
	for i := len(s.p) - 1; i >= 0; i-- {
		v := s.first + float64(i)*s.step
		if v <= eps {
			break
		}
		sum += s.p[i] * -math.Expm1(eps-v)
	}
	return sum
}

// A grid is a distribution of losses that are rounded up to multiples of 1/fine,
// so that its δ is at least the true one: spread with step 1/fine.
type grid struct {
	first int
	p     []float64
	cut   float64
}

const fine = 128

// plus adds an independent loss.
func (g grid) plus(s spread) grid {
	at := func(i int) int { return int(math.Ceil((s.first + float64(i)*s.step) * fine)) }
	first := at(0)
	add := make([]float64, at(len(s.p)-1)-first+1)
	out := grid{first: g.first + first, cut: g.cut + s.cut}
	for i, p := range s.p {
		if p < 1e-22 {
			out.cut += p
		} else {
			add[at(i)-first] += p
		}
	}
	out.p = make([]float64, len(g.p)+len(add)-1)
	for j, q := range add {
		if q > 0 {
			for i, p := range g.p {
				out.p[i+j] += p * q
			}
		}
	}
	return out
}

func (g grid) spread() spread { return spread{float64(g.first) / fine, 1.0 / fine, g.p, g.cut} }
