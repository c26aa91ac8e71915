package audit

import (
	"context"
	"fmt"
	"math/big"
	"slices"

	"halftone/privacy"
	"halftone/privacy/plan"
)

// Sharding deals random rows to random shards in random order, merges the cubes
// in random order, and releases the result at a budget so large that the noise
// is 0: the sealed numbers must be those of the same rows in one cube. It checks
// each against counts that are added up here, too.
//
// With an s of 1/128 at most a draw of the planner is not 0 with probability
// 2e^(−64); Laplace noise at ε 1000 and at most five tables is not 0 with
// probability e^(−100) at most. There are under 10⁴ draws in a try.
func Sharding(ctx context.Context, pick Pick, tries int) (Finding, error) {
	var p property
	for i := range tries {
		w := randomWorld(pick)
		s := w.spec(plan.PlannerMechanism, 1, 1_000_000_000_000_000)
		silent, err := w.silent(s)
		if err != nil {
			return Finding{}, err
		}
		if !silent || i%4 == 3 { // slower
			s = w.spec(plan.LaplaceMechanism, 1, 1_000_000_000_000)
		}
		if err := w.shard(ctx, &p, pick, s); err != nil {
			return Finding{}, err
		}
	}
	f := p.finding("sharding", fmt.Sprintf("%d random trees and sets of rows", tries))
	f.FalseAlarm = 1e-20 * float64(tries)
	return f, nil
}

// silent says that the noise of every cell has an s of at most 1/128.
func (w *world) silent(s privacy.Spec) (bool, error) {
	r, err := w.planned(s, 1)
	if err != nil {
		return false, err
	}
	for _, of := range r.s {
		for _, v := range of {
			if v != nil && v.Cmp(big.NewRat(1, 128)) > 0 {
				return false, nil
			}
		}
	}
	return true, nil
}

func (w *world) shard(ctx context.Context, p *property, pick Pick, s privacy.Spec) error {
	leaves := w.cells(w.leaves())
	y := make([]int64, len(leaves))
	var in rows
	in.codes = make([][]uint32, len(w.dims))
	for range pick(200) {
		k, n := pick(len(leaves)), int64(pick(30)-5)
		y[k] += n
		in.n = append(in.n, n)
		for d, code := range leaves[k] {
			in.codes[d] = append(in.codes[d], uint32(code))
		}
	}
	whole, err := release(ctx, s, in)
	if err != nil {
		return err
	}
	c, err := w.merged(pick, s, in)
	if err != nil {
		return err
	}
	parts, err := measured(ctx, s, c)
	if err != nil {
		return err
	}
	a, err := sealedNumbers(whole)
	if err != nil {
		return err
	}
	b, err := sealedNumbers(parts)
	if err != nil {
		return err
	}
	p.check(slices.EqualFunc(a, b, slices.Equal[[]int64]), "%s: shards of %d rows give another release than the rows at once", s.Mechanism, len(in.n))
	for i, t := range w.tables {
		cells, err := parts.Cells(t.Name)
		if err != nil {
			return err
		}
		for j, want := range w.count(y, t.Levels) {
			p.check(near(cells.Estimate[j], float64(want), 1e-6), "%s: table %d cell %d is not the sum of its rows", s.Mechanism, i, j)
		}
	}
	return nil
}

// merged deals rows to up to six cubes, in random order and in runs of random
// length, and merges the cubes in random order.
func (w *world) merged(pick Pick, s privacy.Spec, in rows) (privacy.Cube, error) {
	cubes := make([]privacy.Cube, 1+pick(6))
	for i := range cubes {
		var err error
		if cubes[i], err = privacy.NewCube(s, period()); err != nil {
			return privacy.Cube{}, err
		}
	}
	order := make([]int, len(in.n))
	for i := range order {
		j := pick(i + 1)
		order[i], order[j] = order[j], i
	}
	for len(order) > 0 {
		run := order[:1+pick(len(order))]
		order = order[len(run):]
		part := rows{codes: make([][]uint32, len(in.codes))}
		for _, i := range run {
			part.n = append(part.n, in.n[i])
			for d := range in.codes {
				part.codes[d] = append(part.codes[d], in.codes[d][i])
			}
		}
		if err := cubes[pick(len(cubes))].Add(part.codes, part.n); err != nil {
			return privacy.Cube{}, err
		}
	}
	for len(cubes) > 1 {
		from := 1 + pick(len(cubes)-1)
		if err := cubes[0].Merge(cubes[from]); err != nil {
			return privacy.Cube{}, err
		}
		cubes = slices.Delete(cubes, from, from+1)
	}
	return cubes[0], nil
}
