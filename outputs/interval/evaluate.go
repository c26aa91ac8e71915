package interval

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"slices"

	"halftone/privacy"
)

// Covers says what an interval is about.
const Covers = "the noise that was added for privacy, and nothing else: not cases that nobody recorded, cases recorded twice, or agencies that began or stopped reporting"

// An Answer is an estimate with its 95 % interval.
type Answer struct {
	Estimate float64 // means little where there is no interval
	SD       float64 // of a ratio: to first order
	Bounded  bool    // there is an interval
	Low      float64
	High     float64
	Method   string   // how the interval is made, in words
	Refused  string   // why there is none; "" where there is
	Terms    []Term   // the figures, in the order in which they were named
	Warnings []string // what else the reader must know
	Ratio    bool     // of figures: without a unit
}

// A Term is a figure with what it does to the estimate.
type Term struct {
	*Cell
	Weight   float64 // what the estimate changes by when the figure does by one
	Estimate float64
	SD       float64
	Status   string
}

// Ask answers a question. A mistake in it is a [*Mistake]; other errors are of the
// files.
func (v *Version) Ask(ctx context.Context, e Expression) (Answer, error) {
	r := resolver{ctx: ctx, text: e.text, v: v, known: map[string]int{}}
	c, err := r.combine(e.root)
	if err != nil {
		return Answer{}, err
	}
	if len(r.cells) == 0 {
		return Answer{}, mistake(e.text, 0, "the expression names no figure")
	}
	if err := r.read(); err != nil {
		return Answer{}, fmt.Errorf("interval: %w", err)
	}
	for _, cell := range r.cells {
		if math.IsNaN(cell.published.estimate) {
			return Answer{}, mistake(e.text, 0, "%s has no number: %s", cell, cell.published.status)
		}
	}
	a, err := v.answer(c, r.cells)
	if err != nil {
		return Answer{}, fmt.Errorf("interval: %w", err)
	}
	a.Warnings = v.warnings(r.cells)
	return a, nil
}

// read reads every table once, and holds it against the noise model.
func (r *resolver) read() error {
	type file struct {
		v     *Version
		table string
	}
	var order []file
	in := map[file][]*Cell{}
	for _, c := range r.cells {
		f := file{c.version, c.Table}
		if in[f] == nil {
			order = append(order, f)
		}
		in[f] = append(in[f], c)
	}
	for _, f := range order {
		if err := f.v.read(r.ctx, f.table, in[f]); err != nil {
			return err
		}
	}
	for _, c := range r.cells {
		if math.IsNaN(c.published.estimate) {
			continue
		}
		v, err := c.version.noise.Variance(c.version.cell(c))
		if err != nil {
			return err
		}
		if math.Abs(math.Sqrt(v)-c.published.sd) > 0.001+1e-9*c.published.sd {
			return fmt.Errorf("the sd of %s in its file is not that of noise-model.json: see halftone verify", c)
		}
	}
	return nil
}

// A linear is a form with float weights and its estimate.
type linear struct {
	form
	estimate float64
	step     float64
	terms    []privacy.NoiseTerm
	of       []*Version // of each term
}

func newLinear(f form, cells []*Cell) linear {
	l := linear{form: f}
	l.estimate, _ = f.constant.Float64()
	l.step, _ = f.step().Float64()
	for _, i := range f.figures() {
		w, _ := f.weight[i].Float64()
		c := cells[i]
		l.estimate += w * c.published.estimate
		l.terms, l.of = append(l.terms, privacy.NoiseTerm{Cell: c.version.cell(c), Weight: w}), append(l.of, c.version)
	}
	return l
}

// variance is that of weighted sums: releases of different versions are different
// releases, and so independent.
func variance(parts ...linear) (sum float64, err error) {
	by := map[*Version][]privacy.NoiseTerm{}
	var order []*Version
	for _, l := range parts {
		for i, t := range l.terms {
			if by[l.of[i]] == nil {
				order = append(order, l.of[i])
			}
			by[l.of[i]] = append(by[l.of[i]], t)
		}
	}
	for _, v := range order {
		s, err := v.noise.Sum(by[v]...)
		if err != nil {
			return 0, err
		}
		sum += s.SD * s.SD
	}
	return sum, nil
}

func (l linear) scaled(by float64) linear {
	out := l
	out.terms = slices.Clone(l.terms)
	for i := range out.terms {
		out.terms[i].Weight *= by
	}
	return out
}

// answer computes the interval of c. Where c has several parts (ratios with
// different denominators, and a sum beside them), each part's interval fails so
// seldom that together they hold 95 times in 100 (Bonferroni), and their ends add.
func (v *Version) answer(c combination, cells []*Cell) (Answer, error) {
	sum := newLinear(c.form, cells)
	parts := len(c.quotients)
	if len(c.weight) > 0 {
		parts++
	}
	z := v.quantile(0.05 / float64(parts))
	a := Answer{Bounded: true, Estimate: sum.estimate, Ratio: len(c.quotients) > 0 && len(c.weight) == 0}
	first := []linear{sum} // to first order
	lows, highs := sum.estimate, sum.estimate
	if len(c.weight) > 0 {
		vs, err := variance(sum)
		if err != nil {
			return a, err
		}
		lows, highs = sum.interval(z * math.Sqrt(vs))
	}
	for _, q := range c.quotients {
		f, err := newFieller(q, cells)
		if err != nil {
			return a, err
		}
		low, high, why := f.interval(z)
		if why != "" {
			a.Bounded, a.Refused = false, why
		}
		if f.den.estimate == 0 { // refused; the figures are listed without weights
			first = append(first, f.num.scaled(0), f.den.scaled(0))
			continue
		}
		theta := f.num.estimate / f.den.estimate
		a.Estimate += theta
		first = append(first, f.num.scaled(1/f.den.estimate), f.den.scaled(-theta/f.den.estimate))
		lows, highs = lows+low, highs+high
	}
	vs, err := variance(first...)
	if err != nil {
		return a, err
	}
	a.SD, a.Terms = math.Sqrt(vs), terms(first, cells)
	if a.Method = method(c, parts); a.Bounded {
		a.Low, a.High = lows, highs
	}
	if i, one := c.single(); one && c.constant.Sign() == 0 { // the figure itself: as published
		a.Low, a.High = float64(cells[i].published.low), float64(cells[i].published.high)
		a.Method = "as published: estimate ± the noise's 95 % half width, rounded outward, cut at 0, and holding the value"
	}
	return a, nil
}

// single reports whether f is one figure as it is.
func (c combination) single() (int, bool) {
	f := c.figures()
	if len(f) != 1 || len(c.quotients) > 0 || c.weight[f[0]].Cmp(big.NewRat(1, 1)) != 0 {
		return 0, false
	}
	return f[0], true
}

func method(c combination, parts int) string {
	s := "estimate ± the noise's 95 % half width, rounded outward"
	switch {
	case len(c.quotients) > 0 && parts == 1:
		s = "Fieller's interval of a ratio, with exact covariances"
	case parts > 1:
		return fmt.Sprintf("ends of %d parts added, each part's interval wide enough that all hold 95 times in 100 (Bonferroni); ratios by Fieller", parts)
	case c.adds():
		s += ", cut at 0"
	}
	return s
}

// quantile is the half width, in sd, of an interval that misses alpha of the time.
func (v *Version) quantile(alpha float64) float64 {
	switch {
	case alpha == 0.05:
		return privacy.HalfInSD(v.model.Mechanism)
	case v.model.Mechanism == privacy.LaplaceMechanism:
		return math.Log(1/alpha) / math.Sqrt2
	}
	return math.Sqrt2 * math.Erfinv(1-alpha)
}

// interval is that of a sum: rounded outward to its constant and multiples of its
// step, which are all that it can be, and cut at 0 where it adds only.
func (l linear) interval(half float64) (low, high float64) {
	c, _ := l.constant.Float64()
	low = c + l.step*math.Floor((l.estimate-half-c)/l.step)
	high = c + l.step*math.Ceil((l.estimate+half-c)/l.step)
	if l.adds() {
		low, high = max(0, low), max(0, high)
	}
	return low, high
}

// terms are the figures with their weight to first order.
func terms(first []linear, cells []*Cell) []Term {
	weight := make([]float64, len(cells))
	for _, l := range first {
		for n, i := range l.figures() {
			weight[i] += l.terms[n].Weight
		}
	}
	out := make([]Term, len(cells))
	for i, c := range cells {
		out[i] = Term{c, weight[i], c.published.estimate, c.published.sd, c.published.status}
	}
	return out
}

// warnings are about what noise is not.
func (v *Version) warnings(cells []*Cell) (out []string) {
	var partial []string
	first, last := cells[0].Period, cells[0].Period
	for _, c := range cells {
		if c.Period.Before(first) {
			first = c.Period
		}
		if last.Before(c.Period) {
			last = c.Period
		}
		if c.published.status == "structural_zero" {
			out = append(out, fmt.Sprintf("%s is zero by definition: its estimate is noise alone", c))
		}
		if p := c.Period.String(); c.published.status == "partial" && !slices.Contains(partial, p) {
			partial = append(partial, p)
		}
	}
	for _, b := range v.breaks {
		if first.Before(b.at) && !last.Before(b.at) {
			out = append(out, fmt.Sprintf("a break lies at %s (%s): figures before and from then on are not alike", b.at, b.text))
		}
	}
	for _, p := range v.gone {
		if first.Before(p) && p.Before(last) {
			out = append(out, fmt.Sprintf("%s lies between the periods and is withdrawn: a report compares nothing across it", p))
		}
	}
	if len(partial) > 0 {
		out = append(out, "an expected source is missing in "+list(partial))
	}
	return out
}
