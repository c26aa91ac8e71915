package pipeline

import (
	"slices"
	"time"

	"halftone/pipeline/config"
	"halftone/pipeline/staging"
	"halftone/privacy"
	"halftone/privacy/ledger"
)

// A keeping knows until when the rows of a period are needed, by what the ledger
// has now.
type keeping struct {
	l        Line // with the mechanism that was fixed
	now      time.Time
	charges  map[privacy.Key]ledger.Charged
	sealed   map[privacy.Key]time.Time
	asked    []privacy.Key                // editions that somebody wants before their day, or after it
	last     map[privacy.Period]time.Time // day of the newest seal, of any series
	reserved map[privacy.Period]bool      // a release is charged and not sealed, of any series
	account  Account
	cost     map[int]uint64 // of an edition, once it was asked for
}

// keeping is what a look at the ledger says. Where there is none all rows are needed.
func (l Line) keeping(lk look) *keeping {
	k := &keeping{l: l.settle(lk.account), now: l.Clock.Now(), charges: map[privacy.Key]ledger.Charged{}, sealed: lk.sealed, asked: lk.asked,
		last: map[privacy.Period]time.Time{}, reserved: map[privacy.Period]bool{}, account: lk.account, cost: map[int]uint64{}}
	for _, c := range lk.charges {
		k.charges[c.Key] = c
		if c.State() == ledger.Reserved {
			k.reserved[c.Key.Period] = true
		}
		if day := lk.sealed[c.Key]; day.After(k.last[c.Key.Period]) {
			k.last[c.Key.Period] = day
		}
	}
	return k
}

// over reports whether no release can need the rows of p any more and they have
// been kept as long as was declared.
func (k *keeping) over(p privacy.Period, keep config.Duration) bool {
	return !k.reserved[p] && k.waits(p) == 0 && !k.until(p, keep).After(k.now)
}

// until is the first instant at which the rows of p may go: keep after its last
// planned edition is due, and after the day of its newest seal.
func (k *keeping) until(p privacy.Period, keep config.Duration) time.Time {
	at := keep.After(k.l.Dataset.Calendar.EditionDueAt(p, k.l.Dataset.Spec.Editions))
	if day, ok := k.last[p]; ok {
		if sealed := keep.After(day); sealed.After(at) {
			return sealed
		}
	}
	return at
}

// waits is the planned edition of p that is still to come, 0 if there is none: all
// are sealed, given up, or lost as [due] has it. A revision whose day has come and
// for which the period has nothing left is none; what is spent does not come back.
// Of what is no period of the calendar no edition comes.
func (k *keeping) waits(p privacy.Period) int {
	c := k.l.Dataset.Calendar
	if !c.Holds(p) {
		return 0
	}
	var before time.Time
	for e := 1; e <= k.l.Dataset.Spec.Editions; e++ {
		at, key := c.EditionDueAt(p, e), k.l.key(p, e)
		charge, charged := k.charges[key]
		switch day, sealed := k.sealed[key]; {
		case charge.Burnt:
		case sealed:
			before = day
		case charged, e == 1, slices.Contains(k.asked, key):
			return e
		case !before.Before(at): // lost
		case at.After(k.now) || k.room(p, e):
			return e
		}
	}
	return 0
}

// room reports whether the budget of p pays for a revision.
func (k *keeping) room(p privacy.Period, edition int) bool {
	if _, known := k.cost[edition]; !known {
		if plan, err := privacy.NewPlan(k.l.Dataset.Spec, edition); err == nil { // else none is made, and a run says why
			k.cost[edition] = plan.Cost()
		}
	}
	a, charged := k.account.Of(p)
	return !charged || k.cost[edition] <= a.Left
}

// ended reports whether no period will be due any more and none needs its rows.
func (k *keeping) ended() bool {
	c := k.l.Dataset.Calendar
	if _, more := c.Next(k.now); more || len(k.reserved) > 0 {
		return false
	}
	return !slices.ContainsFunc(c.Due(k.now), func(p privacy.Period) bool {
		return slices.ContainsFunc(k.l.Dataset.Sources, func(s config.Source) bool { return !k.over(p, s.Keep) })
	})
}

// losses says what is to be destroyed of a source's batches, oldest first.
func (k *keeping) losses(src config.Source, batches []staging.Batch) (out []staging.Loss, err error) {
	superseded := map[string]bool{} // periods that a newer batch holds
	made := k.l.making(src.Name).Source
	for _, b := range slices.Backward(batches) {
		l := staging.Loss{Source: src.Name, Batch: b.ID}
		for text, held := range b.Periods {
			p, err := privacy.ParsePeriod(text)
			if err != nil {
				return nil, err
			}
			switch {
			case superseded[text] && !k.reserved[p]:
				l.Superseded = append(l.Superseded, text)
			case held.Rows > 0 && k.over(p, src.Keep):
				l.Over = append(l.Over, text)
			}
		}
		// Only what was pulled as it would be today replaces what was there before:
		// `delivers` may have been changed by mistake.
		for text, held := range b.Periods {
			if (src.Delivers == "whole" || src.Delivers == "upsert") && b.Made.Source == made && !held.Gone {
				superseded[text] = true
			}
		}
		if len(l.Over)+len(l.Superseded) > 0 || !b.Holds() {
			out = append(out, l)
		}
	}
	slices.Reverse(out)
	return out, nil
}

// kept are the rows that losses leave, by period.
func (k *keeping) kept(src config.Source, batches []staging.Batch, losses []staging.Loss) (out []KeptRows, err error) {
	var periods []privacy.Period
	for _, b := range batches {
		if i := slices.IndexFunc(losses, func(l staging.Loss) bool { return l.Batch == b.ID }); i >= 0 {
			b = b.After(losses[i])
		}
		for text := range b.Periods {
			ps, err := withRows(b, []string{text})
			if err != nil {
				return nil, err
			}
			periods = append(periods, ps...)
		}
	}
	for _, p := range inOrder(periods) {
		r := KeptRows{Period: p, Until: k.until(p, src.Keep), Waits: k.waits(p), Charged: k.reserved[p]}
		if soonest := src.Keep.After(day(k.now)); (r.Waits > 0 || r.Charged) && r.Until.Before(soonest) {
			r.Until = soonest
		}
		out = append(out, r)
	}
	return out, nil
}
