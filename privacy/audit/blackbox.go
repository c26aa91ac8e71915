package audit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"

	"halftone/privacy"
	"halftone/privacy/account"
	"halftone/privacy/plan"
)

// An attack tells two neighbouring cubes apart by what is released: one has M
// more units, all in the dearest leaf. It knows everything but which one it is.
type attack struct {
	*world
	spec   privacy.Spec
	m      int64
	counts [2][]int64 // without and with the person
	leaf   int        // the person's leaf cell
	charge uint64
	shift  map[string][]shift // of measurements of the planner, by levels
}

// A shift is what the person does to one entry of a measurement, and the entry
// without them; d is D of its block.
type shift struct {
	entry        int
	exact, moves int64
	d            int64
}

// The person is in one source that adds 1 to a figure which moves by 4, as one
// that is rounded to a base of 4 does: M is 4.
func newAttack(mechanism string) attack {
	w := newWorld([]privacy.Dimension{tree("place", []int{2}, []int{1, 3})}, []int{2}, []int{0})
	a := attack{world: w, m: 4, leaf: 3, charge: 1_000_000_000}
	if mechanism == plan.PlannerMechanism { // noise a table makes more tables cost power
		a.world = newWorld(w.dims, []int{2}, []int{1}, []int{0})
	}
	a.spec = a.world.spec(mechanism, 1, a.charge)
	a.spec.Sources[0].Sensitivity = a.m
	a.counts = [2][]int64{{4, 0, 7, 1}, {4, 0, 7, 1 + a.m}}
	a.shift = a.shifts()
	return a
}

// eventAlarm is the chance that one Clopper–Pearson bound is on the wrong side.
const eventAlarm = 1e-8

// BlackBox makes releases of two neighbouring cubes through [privacy.Measure],
// that many of each, and reads the sealed files and the published estimates. An
// event is that the log-likelihood ratio of what was released passes a threshold
// that was fixed before; δ is what the charge allows at that threshold. ε then is
// at least ln((low − δ)/high), by Clopper–Pearson bounds of the event's
// probability under the two cubes. Value is the largest such ε over the charged
// one.
func BlackBox(ctx context.Context, mechanism string, releases int) (Finding, error) {
	a := newAttack(mechanism)
	scores, err := a.run(ctx, releases)
	if err != nil {
		return Finding{}, err
	}
	return a.judge(scores, a.charge), nil
}

// Scores are log-likelihood ratios of releases of each cube: of the sealed
// numbers, and of the person's leaf among the estimates.
type scores [2][kinds][]float64

const kinds = 2

var kindNames = [kinds]string{"sealed numbers", "estimate"}

// run makes the releases on all cores.
func (a attack) run(ctx context.Context, releases int) (out scores, err error) {
	workers := runtime.GOMAXPROCS(0)
	parts, errs := make([]scores, workers), make([]error, workers)
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			var r [2]rows
			for side := range r {
				r[side] = a.rowsOf(a.counts[side])
			}
			for j := i; j < 2*releases && errs[i] == nil; j += workers {
				side := j / releases
				var s [kinds]float64
				s, errs[i] = a.score(ctx, r[side])
				for kind, v := range s {
					parts[i][side][kind] = append(parts[i][side][kind], v)
				}
			}
		})
	}
	wg.Wait()
	for _, p := range parts {
		for side := range p {
			for kind, v := range p[side] {
				out[side][kind] = append(out[side][kind], v...)
			}
		}
	}
	return out, errors.Join(errs...)
}

func (a attack) score(ctx context.Context, r rows) (out [kinds]float64, err error) {
	rel, err := release(ctx, a.spec, r)
	if err != nil {
		return out, err
	}
	model, err := rel.Model()
	if err != nil {
		return out, err
	}
	numbers, err := sealedNumbers(rel)
	if err != nil {
		return out, err
	}
	cells, err := rel.Cells(a.tables[0].Name)
	if err != nil {
		return out, err
	}
	x, y0, y1 := cells.Estimate[a.leaf], float64(a.counts[0][a.leaf]), float64(a.counts[1][a.leaf])
	if a.spec.Mechanism == plan.LaplaceMechanism {
		for k, me := range model.Plan.Measurements {
			t := [2][]int64{a.count(a.counts[0], me.Levels), a.count(a.counts[1], me.Levels)}
			for e, v := range numbers[k] {
				out[0] += laplaceLog(me.B, v-t[1][e]) - laplaceLog(me.B, v-t[0][e])
			}
		}
		b := model.Plan.Measurements[0].B
		out[1] = laplaceLog(b, int64(x-y1)) - laplaceLog(b, int64(x-y0))
		return out, nil
	}
	for k, me := range model.Plan.Measurements {
		out[0] += a.gaussian(model, me, numbers[k])
	}
	out[1] = gaussianLog(x-y0, float64(a.m), cells.SD[a.leaf]*cells.SD[a.leaf])
	return out, nil
}

// shifts are the entries of every measurement that the person moves.
func (a attack) shifts() map[string][]shift {
	out := map[string][]shift{}
	for _, levels := range a.measurements() {
		matrix := a.matrix(levels)
		for e, z := range a.cells(levels) {
			s := shift{entry: e}
			for i, c := range matrix[e] {
				s.exact += c * a.counts[0][i]
				s.moves += c * (a.counts[1][i] - a.counts[0][i])
			}
			if _, s.d = a.block(levels, z); s.moves != 0 {
				out[fmt.Sprint(levels)] = append(out[fmt.Sprint(levels)], s)
			}
		}
	}
	return out
}

// gaussian is the log-likelihood ratio of one measurement under s = M²D/2ρ, from
// what is published with a release.
func (a attack) gaussian(model privacy.Model, me plan.Measurement, numbers []int64) (sum float64) {
	m := float64(model.Bound.PerPeriod)
	for _, s := range a.shift[fmt.Sprint(me.Levels)] {
		variance := m * m * float64(s.d) / (2 * float64(me.NanoRho) / 1e9)
		sum += gaussianLog(float64(numbers[s.entry]-s.exact), float64(s.moves), variance)
	}
	return sum
}

// gaussianLog is ln P(x − move)/P(x) of the (discrete) Gaussian.
func gaussianLog(x, move, s float64) float64 { return (2*x*move - move*move) / (2 * s) }

// laplaceLog is ln P(k) of Laplace noise of scale b rounded to integers.
func laplaceLog(b float64, k int64) float64 {
	if k == 0 {
		return math.Log(-math.Expm1(-0.5 / b))
	}
	return math.Log(math.Sinh(0.5/b)) - math.Abs(float64(k))/b
}

// A claim is (ε, δ), and the threshold of the event that tries it.
type claim struct{ threshold, eps, delta float64 }

// claims of a charge. A charge of ρ is many claims: one for each ε. The best event
// is that the log-likelihood ratio passes ε; the half is tried for noise of half the
// variance that is said, whose ratio is twice what is computed. A charge of ε is one
// claim, which any event may break.
func (a attack) claims(charge uint64) (out []claim) {
	eps := float64(charge) / 1e9
	if a.spec.Mechanism == plan.LaplaceMechanism {
		for _, part := range []float64{0.1, 0.5, 0.8, 0.999} {
			out = append(out, claim{part * eps, eps, 0})
		}
		return out
	}
	for _, e := range []float64{0.5, 1, 1.5, 2, 2.5, 3.5} {
		d := account.Delta(account.NanoRho(charge), e)
		out = append(out, claim{e, e, d}, claim{e / 2, e, d})
	}
	return out
}

// judge holds scores against a charge.
func (a attack) judge(s scores, charge uint64) Finding {
	f := Finding{Check: "black box", Statistic: "lower bound of ε over the charged ε", Bound: 1,
		Tried: fmt.Sprintf("%s, two neighbouring cubes, %d releases of each", a.spec.Mechanism, len(s[0][0]))}
	for _, c := range a.claims(charge) {
		for kind, name := range kindNames {
			for with := range 2 { // which cube the event points to
				sign := float64(2*with - 1)
				count := func(side int) (k, n int) {
					for _, v := range s[side][kind] {
						if sign*v > c.threshold {
							k++
						}
					}
					return k, len(s[side][kind])
				}
				k1, n1 := count(with)
				k0, n0 := count(1 - with)
				low, _ := clopperPearson(k1, n1, eventAlarm)
				_, high := clopperPearson(k0, n0, eventAlarm)
				f.FalseAlarm += 2 * eventAlarm
				if low <= c.delta {
					continue
				}
				f.worst(math.Log((low-c.delta)/high)/c.eps, "ε at δ %.3g from the %s (%d of %d releases against %d of %d)", c.delta, name, k1, n1, k0, n0)
			}
		}
	}
	return f
}
