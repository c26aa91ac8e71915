package audit

import (
	"context"

	"halftone/privacy/account"
	"halftone/privacy/plan"
)

// A Form says how much is tried.
type Form struct {
	Draws            int // of each width
	Shapes           []Shape
	Others           int // changes of a shape that are not all in one leaf
	Trees            int
	Releases         int // of each of two neighbouring cubes, planner
	LaplaceReleases  int // same, Laplace: the library draws slowly
	Coverage         int // releases, planner
	LaplaceCoverage  int
	Ledgers, Shuffle int
}

// Short is the form that runs with the tests: a few seconds.
func Short() Form {
	return Form{Draws: 50_000, Shapes: Shapes([]int64{2}, []account.NanoRho{250_000_000, 4_000_000_000}, 2, 3), Others: 1, Trees: 40,
		Releases: 4_000, LaplaceReleases: 1_000, Coverage: 500, LaplaceCoverage: 200, Ledgers: 100, Shuffle: 40}
}

// Tiny is [Short] where code runs ten times slower, as under the race detector.
func Tiny() Form {
	return Form{Draws: 20_000, Shapes: Shapes([]int64{1}, []account.NanoRho{250_000_000}, 2), Others: 1, Trees: 8,
		Releases: 300, LaplaceReleases: 20, Coverage: 60, LaplaceCoverage: 20, Ledgers: 20, Shuffle: 10}
}

// Long takes minutes.
func Long() Form {
	return Form{Draws: 3_000_000, Shapes: Shapes([]int64{1, 2, 3}, []account.NanoRho{250_000_000, 4_000_000_000}, 2, 3, 4, 5), Others: 1, Trees: 1_000,
		Releases: 100_000, LaplaceReleases: 10_000, Coverage: 20_000, LaplaceCoverage: 4_000, Ledgers: 3_000, Shuffle: 1_000}
}

// A Check is one attack.
type Check struct {
	Name string // in lower case, one word
	Run  func(ctx context.Context, f Form, pick Pick) ([]Finding, error)
}

// Checks are all attacks.
func Checks() []Check {
	one := func(f Finding, err error) ([]Finding, error) { return []Finding{f}, err }
	return []Check{
		{"sampler", func(_ context.Context, f Form, _ Pick) (all []Finding, err error) {
			for _, g := range Widths() {
				found, err := Sampler(g, f.Draws)
				if err != nil {
					return nil, err
				}
				all = append(all, found)
			}
			return all, nil
		}},
		{"block", func(_ context.Context, f Form, pick Pick) (all []Finding, _ error) {
			for _, s := range f.Shapes {
				delta, renyi := Block(s, pick, f.Others)
				all = append(all, delta, renyi)
			}
			return all, nil
		}},
		{"trees", func(_ context.Context, f Form, pick Pick) ([]Finding, error) {
			return []Finding{Trees(pick, f.Trees)}, nil
		}},
		{"blackbox-planner", func(ctx context.Context, f Form, _ Pick) ([]Finding, error) {
			return one(BlackBox(ctx, plan.PlannerMechanism, f.Releases))
		}},
		{"blackbox-laplace", func(ctx context.Context, f Form, _ Pick) ([]Finding, error) {
			return one(BlackBox(ctx, plan.LaplaceMechanism, f.LaplaceReleases))
		}},
		{"accounts", func(ctx context.Context, f Form, pick Pick) ([]Finding, error) {
			return one(Accounts(ctx, pick, f.Ledgers))
		}},
		{"coverage-planner", func(ctx context.Context, f Form, _ Pick) ([]Finding, error) {
			// Noise of 1.4 to 2 and of 7 to 10: roundings count in one, the tails of the other are smooth.
			some, err := Coverage(ctx, plan.PlannerMechanism, 500_000_000, f.Coverage)
			if err != nil {
				return nil, err
			}
			more, err := Coverage(ctx, plan.PlannerMechanism, 20_000_000, f.Coverage)
			return append(some, more...), err
		}},
		{"coverage-laplace", func(ctx context.Context, f Form, _ Pick) ([]Finding, error) {
			return Coverage(ctx, plan.LaplaceMechanism, 1_000_000_000, f.LaplaceCoverage)
		}},
		{"sharding", func(ctx context.Context, f Form, pick Pick) ([]Finding, error) {
			return one(Sharding(ctx, pick, f.Shuffle))
		}},
	}
}
