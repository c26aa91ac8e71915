package plan

import (
	"math"
	"slices"
)

// When a fit stops.
const (
	fitSteps   = 3000
	checkEvery = 100     // steps
	littleGain = 1e-4    // of the objective, in so many steps
	closeFit   = 1e-3    // no table cell is off by more
	leastPart  = 0x1p-40 // of the largest weight, that a table has at least
	firstReach = 4       // tried first; 1 is always short enough
	moreReach  = 1.1
	lessReach  = 0.8
	mostReach  = 64
)

// A problem is to minimise F(x) = ½ Σ_B w_B‖M_B x − e_B‖² on {x ≥ 0, Σx = t},
// w_B = 1/mean variance. Its vectors hold x and, behind it, the sums of all nodes:
// 24 bytes a cell of a node, and 12 more a cell of the finest common table.
type problem struct {
	f        *Fitting
	total    float64     // t, a whole number
	estimate [][]float64 // by node; nil where there is no table
	weight   []float64   // by node, of the largest; 0 where there is no table
	least    float64     // of the weights
	step     []float64   // 1/D of each cell, 0 in structural zeros
	reach    float64     // steps taken are reach/D
	tau      float64     // threshold of the last projection
	open     []int32     // cells that the projection leaves above 0

	x, before, next []float64
}

func (f *Fitting) problem(estimates [][]float64, meanVariance []float64, total float64) *problem {
	p := &problem{
		f: f, total: total, least: 1, reach: firstReach,
		estimate: make([][]float64, len(f.nodes)), weight: make([]float64, len(f.nodes)),
		x: make([]float64, f.length), before: make([]float64, f.length), next: make([]float64, f.length),
	}
	least := slices.Min(meanVariance)
	for i, n := range f.tables {
		if n < 0 {
			continue
		}
		e, w := estimates[i], max(least/meanVariance[i], leastPart)
		if slices.Max(e) > largest || slices.Min(e) < -largest {
			e = slices.Clone(e)
			for k := range e {
				e[k] = bounded(e[k])
			}
		}
		if p.weight[n] > 0 { // a table that stands twice
			e = mean(p.estimate[n], p.weight[n], e, w)
		}
		p.estimate[n], p.weight[n] = e, p.weight[n]+w
		p.least = min(p.least, w)
	}
	p.setSteps()
	p.open = make([]int32, 0, len(p.step))
	return p
}

func mean(a []float64, wa float64, b []float64, wb float64) []float64 {
	out := make([]float64, len(a))
	for k := range a {
		out[k] = (float64(wa*a[k]) + float64(wb*b[k])) / (wa + wb)
	}
	return out
}

// setSteps sets D_k to the sum of row k of A = Σ_B w_B M_BᵀM_B. As no entry of A
// is negative, D − A is diagonally dominant: D ⪰ A.
func (p *problem) setSteps() {
	p.step = make([]float64, p.f.nodes[0].size)
	for k := range p.step {
		if p.f.zero == nil || !p.f.zero[k] {
			p.step[k] = 1
		}
	}
	copy(p.x, p.step)
	addUp(p.f, p.x)
	for i, n := range p.f.nodes {
		in := cells(n, p.x)
		for k := range in {
			in[k] *= p.weight[i]
		}
	}
	gather(p.f, p.x)
	for k, d := range p.x[:len(p.step)] {
		if p.step[k] > 0 && d > 0 {
			p.step[k] = 1 / d
		}
	}
}

// minimise leaves the fit in p.x: accelerated projected gradient in the norm of D
// (FISTA, Beck and Teboulle 2009) with steps that adapt (Scheinberg, Goldfarb and
// Bai 2014) and restart (O'Donoghue and Candès 2015).
//
// Why it converges, but for rounding. A step is taken only if ‖next − z‖² in the
// norm of A is at most that in the norm of D/reach, which holds for every
// reach ≤ 1, as D ⪰ A; so reach stays
// from lessReach to mostReach. F never rises, since
// a step that raises it is not taken. After a restart the step starts from z = x
// and lowers F by at least half ‖next − x‖² in the norm of D/reach. If there are
// infinitely many restarts these gains tend to 0, so x comes to where a step does
// not move it, the minimum, as F is convex. If finitely many, the bound of FISTA
// holds: F − min F is at most 2‖x₀ − x*‖²/n² in the norm of D/lessReach, n steps
// after the last. It ends after fitSteps in any case.
func (p *problem) minimise() {
	clear(p.x)
	p.project(p.x)
	addUp(p.f, p.x)
	goal, _ := p.objective(p.x, 0)
	checked, enough := goal, float64(p.least*closeFit*closeFit)
	theta, was := 0.0, p.reach // theta 0 is a restart
	for step := 1; step <= fitSteps && goal > enough; step++ {
		t := (1 + math.Sqrt(1+float64(4*theta*theta*was/p.reach))) / 2
		beta := max(0, theta-1) / t
		p.descend(beta)
		g, bent := p.objective(p.next, beta)
		moved, back := p.moved(beta)
		switch {
		case bent > moved && p.reach > lessReach:
			p.reach *= lessReach
		case g > goal && beta == 0:
			return // nothing is left but rounding
		case g > goal:
			theta = 0
		default:
			goal, theta, was = g, t, p.reach
			if back {
				theta = 0
			}
			p.reach = min(p.reach*moreReach, mostReach)
			p.before, p.x, p.next = p.x, p.next, p.before
		}
		if step%checkEvery == 0 {
			if checked-goal <= float64(littleGain*goal) {
				return
			}
			checked = goal
		}
	}
}

// ahead is z = x + beta·(x − before), in one cell.
func ahead(x, before, beta float64) float64 { return x + float64(beta*(x-before)) }

// objective returns 2F(v) and ‖v − z‖² in the norm of A.
func (p *problem) objective(v []float64, beta float64) (goal, bent float64) {
	for i, n := range p.f.nodes {
		if p.weight[i] == 0 {
			continue
		}
		sum, square := 0.0, 0.0
		x, before, est := cells(n, p.x), cells(n, p.before), p.estimate[i]
		for k, s := range cells(n, v) {
			e := s - est[k]
			m := s - ahead(x[k], before[k], beta)
			sum += float64(e * e)
			square += float64(m * m)
		}
		goal += float64(p.weight[i] * sum)
		bent += float64(p.weight[i] * square)
	}
	return goal, bent
}

// descend puts into next the projection of z − reach/D·(gradient of F at z), and
// its sums.
func (p *problem) descend(beta float64) {
	for i, n := range p.f.nodes {
		to, w := cells(n, p.next), p.weight[i]
		if w == 0 {
			clear(to)
			continue
		}
		x, before, est := cells(n, p.x), cells(n, p.before), p.estimate[i]
		for k, s := range x {
			to[k] = w * (ahead(s, before[k], beta) - est[k])
		}
	}
	gather(p.f, p.next)
	y := p.next[:len(p.step)]
	x, before := p.x[:len(y)], p.before[:len(y)]
	for k, d := range p.step {
		y[k] = ahead(x[k], before[k], beta) - float64(p.reach*d*y[k])
	}
	p.project(p.next)
	addUp(p.f, p.next)
}

// moved returns ‖next − z‖² in the norm of D/reach, and whether the step went
// back against its momentum: ⟨z − next, next − x⟩ > 0 in that norm.
func (p *problem) moved(beta float64) (square float64, back bool) {
	along := 0.0
	x, before, next := p.x[:len(p.step)], p.before[:len(p.step)], p.next[:len(p.step)]
	for k, d := range p.step {
		s, n := x[k], next[k]
		m := ahead(s, before[k], beta) - n
		if m != 0 { // never in a structural zero
			by := m / d
			square += float64(by * m)
			along += float64(by * (n - s))
		}
	}
	return square / p.reach, along > 0
}

// project replaces y, the first node of v, by the nearest x in the norm of D with
// x ≥ 0, Σx = t and x = 0 in structural zeros: x_k = max(0, y_k − tau/D_k).
//
// The excess Σ max(0, y_k − tau/D_k) − t is convex in tau, falls, and is linear
// between the places where a cell drops out. So a step of Newton's method from
// anywhere does not pass its zero from below, and from there the steps rise, drop
// at least a cell each, and end. Cells that have dropped out stay out. The first
// tau is that of the projection before.
func (p *problem) project(v []float64) {
	y := v[:len(p.step)]
	tau := p.tau
	sum, slope := p.above(y, tau)
	if sum < p.total { // beyond the zero: step back, or to where all cells count
		if slope > 0 {
			tau += (sum - p.total) / slope
		} else {
			for k, d := range p.step {
				if d > 0 {
					sum, slope = sum+y[k], slope+d
				}
			}
			tau = (sum - p.total) / slope
		}
		sum, slope = p.above(y, tau)
	}
	for slope > 0 {
		last := tau
		if tau += (sum - p.total) / slope; tau <= last {
			break
		}
		sum, slope = 0, 0
		open := p.open[:0]
		for _, k := range p.open {
			d := p.step[k]
			if e := y[k] - float64(tau*d); e >= 0 {
				open, sum, slope = append(open, k), sum+e, slope+d
			}
		}
		if len(open) == len(p.open) {
			break
		}
		p.open = open
	}
	p.tau = tau
	for k, d := range p.step {
		e := y[k] - float64(tau*d)
		y[k] = (e + math.Abs(e)) / 2 // max(0, e) without a branch
	}
}

// above adds up y − tau/D where that is not negative, and 1/D, and lists the
// cells. There are no branches, as the signs cannot be foretold.
func (p *problem) above(y []float64, tau float64) (sum, slope float64) {
	open, n := p.open[:len(p.step)], 0
	for k, d := range p.step {
		e := y[k] - float64(tau*d)
		negative := math.Float64bits(e) >> 63
		sum += (e + math.Abs(e)) / 2
		slope += math.Float64frombits(math.Float64bits(d) &^ -negative)
		open[n] = int32(k)
		n += int(1 - negative)
	}
	p.open = open[:n]
	return sum, slope
}
