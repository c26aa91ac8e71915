package outputs

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"halftone/privacy"
)

// A Withdrawal is a release that is shown no more: the newest of its period. No
// older edition takes its place. What it has cost stays spent.
type Withdrawal struct {
	Key      privacy.Key
	Released time.Time // day of its seal
	Day      time.Time // of the withdrawal
	Reason   string    // one of privacy.Reasons(privacy.EntryWithdraw)
	Cost     privacy.Cost
	Sealed   string // SHA-256 of the sealed file
}

// reasons say in words why people did what they did; their keys are the closed
// lists of package privacy.
var reasons = map[string]string{
	"source_corrected":     "the source has corrected its records",
	"mapping_error":        "an error in the mapping",
	"software_error":       "an error in the software",
	"permission_withdrawn": "permission to publish was withdrawn",
	"data_protection":      "data protection",
	"budget_raised":        "the budget was raised",
	"bound_corrected":      "a stated bound was too low",
}

// ReasonInWords is a reason of a closed list in plain English.
func ReasonInWords(reason string) string { return reasons[reason] }

// Note is what a list of releases says of w.
func (w Withdrawal) Note() string {
	return fmt.Sprintf("withdrawn on %s: %s", w.Day.Format(time.DateOnly), ReasonInWords(w.Reason))
}

// WithdrawnInWords says what was withdrawn, in one sentence or two a day and
// reason, in the order of periods. name names a period.
func WithdrawnInWords(ws []Withdrawal, name func(privacy.Period) string) (out []string) {
	for len(ws) > 0 {
		n := 1
		for n < len(ws) && ws[n].Day.Equal(ws[0].Day) && ws[n].Reason == ws[0].Reason {
			n++
		}
		var names []string
		for _, w := range ws[:n] {
			names = append(names, name(w.Key.Period))
		}
		were, its := "was", "Its"
		if n > 1 {
			were, its = "were", "Their"
		}
		out = append(out, fmt.Sprintf("%s %s %s. %s figures are not to be used.", list(names), were, ws[0].Note(), its))
		ws = ws[n:]
	}
	return out
}

// list writes names as a sentence has them: a, b and c.
func list(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// entries are what the ledger has recorded of v's dataset, in order.
func (v Version) entries() ([]privacy.Entry, error) {
	var out []privacy.Entry
	for e, err := range privacy.Entries(v.Ledger) {
		if err != nil {
			return nil, fmt.Errorf("outputs: %w", err)
		}
		if e.Dataset == v.About.Dataset {
			out = append(out, e)
		}
	}
	return out, nil
}

// Withdrawn returns the periods of v's series whose newest sealed edition is
// withdrawn, by period: no release of theirs is shown. It fails when v shows a
// release all the same, that one or an older edition.
func (v Version) Withdrawn() ([]Withdrawal, error) {
	newest, gone, err := v.withdrawals()
	if err != nil || len(gone) == 0 {
		return nil, err
	}
	for _, e := range v.Releases {
		k, err := e.Release.Key()
		if err != nil {
			return nil, fmt.Errorf("outputs: %w", err)
		}
		if _, ok := gone[k]; ok {
			return nil, fmt.Errorf("outputs: release %s is withdrawn and cannot be shown", k)
		}
		if _, ok := gone[newest[k.Period]]; ok {
			return nil, fmt.Errorf("outputs: %s is withdrawn, and %s cannot take its place", newest[k.Period], k)
		}
	}
	var out []Withdrawal
	for _, k := range newest {
		if w, ok := gone[k]; ok {
			out = append(out, w)
		}
	}
	slices.SortFunc(out, func(a, b Withdrawal) int {
		return cmp.Or(a.Key.Period.Start().Compare(b.Key.Period.Start()), cmp.Compare(a.Key.Period.Months(), b.Key.Period.Months()))
	})
	return out, nil
}

// withdrawals are the newest sealed edition of every period of v's series, and all
// releases of it that are withdrawn.
func (v Version) withdrawals() (newest map[privacy.Period]privacy.Key, gone map[privacy.Key]Withdrawal, err error) {
	entries, err := v.entries()
	if err != nil {
		return nil, nil, err
	}
	charges := map[privacy.Key]Withdrawal{}
	newest, gone = map[privacy.Period]privacy.Key{}, map[privacy.Key]Withdrawal{}
	for _, e := range entries {
		if e.Series != v.About.Series || e.Period == nil {
			continue
		}
		k := e.Key()
		switch w := charges[k]; e.Kind {
		case privacy.EntryCharge:
			if e.Terms != nil {
				charges[k] = Withdrawal{Key: k, Cost: e.Terms.Cost(e.Cost)}
			}
		case privacy.EntrySeal:
			w.Key, w.Sealed = k, e.Sealed
			if w.Released, err = time.Parse(time.DateOnly, e.Day); err != nil {
				return nil, nil, fmt.Errorf("outputs: the seal of %s has no day", k)
			}
			charges[k] = w
			if k.Edition > newest[k.Period].Edition {
				newest[k.Period] = k
			}
		case privacy.EntryWithdraw:
			w.Reason = e.Reason
			if w.Day, err = time.Parse(time.DateOnly, e.Day); err != nil || w.Sealed == "" || !slices.Contains(privacy.Reasons(e.Kind), e.Reason) {
				return nil, nil, fmt.Errorf("outputs: the withdrawal of %s has no day, no reason that there is, or nothing to withdraw", k)
			}
			gone[k] = w
		}
	}
	return newest, gone, nil
}

// A Slot is one period of a version: a release, or one that was withdrawn.
type Slot struct {
	Period    privacy.Period
	Release   int         // place in the version's Releases, -1 where it is withdrawn
	Withdrawn *Withdrawal // nil where it is not
}

// Slots are the periods of v in order: block i of the rows of every table is slot i.
func (v Version) Slots() ([]Slot, error) {
	withdrawn, err := v.Withdrawn()
	if err != nil {
		return nil, err
	}
	var out []Slot
	for i, e := range v.Releases {
		k, err := e.Release.Key()
		if err != nil {
			return nil, fmt.Errorf("outputs: %w", err)
		}
		out = append(out, Slot{k.Period, i, nil})
	}
	if len(withdrawn) == 0 {
		return out, nil
	}
	for i := range withdrawn {
		out = append(out, Slot{withdrawn[i].Key.Period, -1, &withdrawn[i]})
	}
	slices.SortStableFunc(out, func(a, b Slot) int { return a.Period.Start().Compare(b.Period.Start()) })
	for i := 1; i < len(out); i++ {
		if !out[i-1].Period.Before(out[i].Period) {
			return nil, fmt.Errorf("outputs: releases of %s and %s begin on one day", out[i-1].Period, out[i].Period)
		}
	}
	return out, nil
}

// An Amendment is a change of the promise by people: more budget, or a bound that
// was found to be larger than was stated.
type Amendment struct {
	Day                time.Time
	Reason             string // one of privacy.Reasons(privacy.EntryAmend)
	Was, Now           privacy.Terms
	BoundWas, BoundNow int64 // M; 0: it stays
	before             map[privacy.Key]bool
}

// Amendments are those of v's dataset, in order.
func (v Version) Amendments() ([]Amendment, error) {
	entries, err := v.entries()
	if err != nil {
		return nil, err
	}
	var out []Amendment
	var terms *privacy.Terms
	charged := map[privacy.Key]bool{}
	for _, e := range entries {
		switch {
		case e.Kind == privacy.EntryAmend && e.Terms != nil && terms != nil:
			a := Amendment{Reason: e.Reason, Was: *terms, Now: *e.Terms, BoundWas: e.BoundWas, BoundNow: e.BoundNow, before: map[privacy.Key]bool{}}
			if a.Day, err = time.Parse(time.DateOnly, e.Day); err != nil || !slices.Contains(privacy.Reasons(e.Kind), e.Reason) {
				return nil, errors.New("outputs: an amendment has no day, or no reason that there is")
			}
			for k := range charged {
				a.before[k] = true
			}
			out, terms = append(out, a), e.Terms
		case e.Kind == privacy.EntryAmend:
			return nil, errors.New("outputs: an amendment has no terms, or nothing to amend")
		case e.Terms != nil:
			terms, charged[e.Key()] = e.Terms, true
		}
	}
	return out, nil
}

// Bound is what the promise of v is for: M and P of its newest release, as people
// have amended them since. A release that was made before an amendment of M counts
// as one for the larger M, at a larger cost. It fails when a release was made for
// less than an amendment says: it would then count too little.
func (v Version) Bound() (privacy.Bound, error) {
	if len(v.Releases) == 0 {
		return privacy.Bound{}, privacy.ErrNotReleased
	}
	amendments, err := v.Amendments()
	if err != nil {
		return privacy.Bound{}, err
	}
	var b privacy.Bound
	for _, e := range v.Releases {
		k, err := e.Release.Key()
		if err != nil {
			return privacy.Bound{}, fmt.Errorf("outputs: %w", err)
		}
		m, err := e.Release.Model()
		if err != nil {
			return privacy.Bound{}, fmt.Errorf("outputs: %w", err)
		}
		b = m.Bound
		for _, a := range amendments {
			b.Periods = a.Now.Periods
			if a.BoundNow == 0 || !a.before[k] {
				continue
			}
			if b.PerPeriod < a.BoundWas {
				return privacy.Bound{}, fmt.Errorf("outputs: release %s was made for a bound of %d, and an amendment says %d", k, b.PerPeriod, a.BoundWas)
			}
			b.PerPeriod = max(b.PerPeriod, a.BoundNow)
		}
	}
	return b, nil
}

// InWords says what a changes, in plain sentences; unit is what the promise protects.
func (a Amendment) InWords(unit string) string {
	var out []string
	if a.BoundNow > 0 {
		out = append(out, fmt.Sprintf("it was found that one %s may change a period's counts by %d, not %d: releases charged until then count %s what was charged",
			unit, a.BoundNow, a.BoundWas, times(a.Now, a.BoundWas, a.BoundNow)))
	}
	if a.Now.Periods != a.Was.Periods {
		out = append(out, fmt.Sprintf("it was found that one %s may be in %d periods, not %d", unit, a.Now.Periods, a.Was.Periods))
	}
	if a.Now.Budget != a.Was.Budget {
		name := "epsilon"
		if a.Now.Unit == privacy.RhoNano {
			name = "rho"
		}
		out = append(out, fmt.Sprintf("the budget of one %s was raised from %s %s to %s", unit, name, Plain(float64(a.Was.Budget)/1e9), Plain(float64(a.Now.Budget)/1e9)))
	}
	if a.Now.Population != a.Was.Population {
		out = append(out, fmt.Sprintf("the population %s, with which costs add up, was declared or its cap was raised", a.Now.Population.Name))
	}
	day := "On " + a.Day.Format(time.DateOnly) + " "
	return day + strings.Join(out, ". "+day) + "."
}

// times says by how much releases count more when M is found to be now: ε grows
// with it, ρ with its square. Rounded up.
func times(t privacy.Terms, was, now int64) string {
	hundredths := t.Restate(100, was, now)
	switch {
	case hundredths == 200:
		return "twice"
	case hundredths%100 == 0 && hundredths/100 < 10:
		return []string{"", "", "", "three", "four", "five", "six", "seven", "eight", "nine"}[hundredths/100] + " times"
	}
	return Plain(float64(hundredths)/100) + " times"
}
