// Package audit attacks Halftone's own releases. It holds what the code draws,
// charges and publishes against what the privacy core claims, and shares no
// arithmetic with it where the claim can be computed another way.
//
//	sampler     draws of the discrete Gaussian against its pmf, in every width of the sampler
//	block       privacy loss of blocks and of whole releases, summed over the pmf, against the charge
//	trees       measurements, costs, estimates and covariances on random trees, in exact fractions
//	black box   releases of two neighbouring cubes through [privacy.Measure], told apart as well as can be
//	accounts    what a person can cost, by brute force over random ledgers
//	coverage    published intervals against known counts
//	sharding    rows in any order and any shards give one release
//
// A check is a function that returns a [Finding]: what was tried, a figure, the
// bound it must keep, and how often a right implementation would fail. Sums over
// a pmf and checks in fractions never fail by chance. Sizes are arguments: the
// short form runs with the tests, the long one writes a report ([WriteReport]).
//
// That the checks can fail is shown in two ways. The tests hold right draws
// against wrong claims; and they break the code, one line at a time, in every way
// that 10-privacy lists, and want the check that should see it to fail.
//
// An audit bounds a loss from below. It finds mistakes and proves nothing: the
// proofs stand beside the code (PROOF.md in noise and account). All data here are
// made up.
package audit

import (
	"fmt"
	"math"
)

// A Pick returns a choice from 0 to n−1, n >= 1. It decides which cases are
// tried, never what noise is drawn.
type Pick func(n int) int

// A Finding is what one check found.
type Finding struct {
	Check      string  // name of the check
	Tried      string  // on what
	Statistic  string  // what Value is
	Value      float64 //
	Bound      float64 // most that Value may be
	FalseAlarm float64 // chance that it fails though nothing is wrong; 0: never
	Failure    string  // first case that was not as claimed, "" for none
}

// Pass reports whether the code kept its claim.
func (f Finding) Pass() bool { return f.Failure == "" && f.Value <= f.Bound }

// String is one line.
func (f Finding) String() string {
	s := fmt.Sprintf("%s, %s: %s %.6g, at most %.6g", f.Check, f.Tried, f.Statistic, f.Value, f.Bound)
	if f.Failure != "" {
		s += ": " + f.Failure
	}
	return s
}

// FalseAlarm is the chance that any of the findings fails though nothing is
// wrong, at most (union bound).
func FalseAlarm(all []Finding) (sum float64) {
	for _, f := range all {
		sum += f.FalseAlarm
	}
	return sum
}

// A property is a finding of cases that hold or do not: Value counts those that
// do not.
type property struct {
	cases, failed int
	first         string
}

// check counts one case.
func (p *property) check(ok bool, format string, args ...any) {
	p.cases++
	if ok {
		return
	}
	p.failed++
	if p.first == "" {
		p.first = fmt.Sprintf(format, args...)
	}
}

func (p *property) finding(check, tried string) Finding {
	return Finding{Check: check, Tried: tried, Statistic: fmt.Sprintf("of %d statements, false", p.cases), Value: float64(p.failed), Failure: p.first}
}

// near compares within an absolute and a relative error.
func near(a, b, tolerance float64) bool {
	return math.Abs(a-b) <= tolerance*math.Max(1, math.Abs(b))
}
