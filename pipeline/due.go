package pipeline

import (
	"slices"
	"time"

	"halftone/pipeline/config"
	"halftone/privacy"
	"halftone/privacy/ledger"
)

// due are the releases to make at now, oldest period first, given what has been
// charged, the days of seals, and the editions that somebody has asked for. Of a period at most one edition is due: the
// first, or a planned revision whose day has come since the edition before it was
// sealed. A day that had passed by then is lost: two editions of the same rows
// would spend twice and tell nothing new.
func due(l Line, now time.Time, charges []ledger.Charged, sealed map[privacy.Key]time.Time, asked []privacy.Key) []privacy.Key {
	charged, burnt := map[privacy.Key]bool{}, map[privacy.Key]bool{}
	for _, c := range charges {
		charged[c.Key], burnt[c.Key] = true, c.Burnt
	}
	var out []privacy.Key
	for _, p := range l.Dataset.Calendar.Due(now) {
		var before time.Time // day of the newest edition's seal
		for e := 1; e <= l.Dataset.Spec.Editions; e++ {
			k := l.key(p, e)
			at := l.Dataset.Calendar.EditionDueAt(p, e)
			if burnt[k] { // the next planned edition may come, if the period has room for it
				continue
			}
			if charged[k] {
				day, ok := sealed[k]
				if !ok { // the next run finishes it first
					break
				}
				before = day
				continue
			}
			if slices.Contains(asked, k) {
				out = append(out, k)
				break
			}
			if e > 1 && !before.Before(at) {
				continue // lost
			}
			if !at.After(now) {
				out = append(out, k)
			}
			break
		}
	}
	return out
}

// A Revision is a planned later edition and the day from which it is due.
type Revision struct {
	Key  privacy.Key
	At   time.Time
	Kept bool // its period has budget left for it; else it will not be made
}

// nextRevision is the first planned edition that is not due yet, nil if there is none.
func nextRevision(l Line, now time.Time, sealed map[privacy.Key]time.Time, account Account) *Revision {
	var next *Revision
	for k, day := range sealed {
		for e := k.Edition + 1; e <= l.Dataset.Spec.Editions; e++ {
			later, at := l.key(k.Period, e), l.Dataset.Calendar.EditionDueAt(k.Period, e)
			if _, done := sealed[later]; done || k.Series != later.Series {
				break
			}
			if !at.After(now) || !day.Before(at) {
				continue
			}
			if next == nil || at.Before(next.At) || at.Equal(next.At) && later.Period.Before(next.Key.Period) {
				next = &Revision{Key: later, At: at}
			}
			break
		}
	}
	if next != nil {
		plan, err := privacy.NewPlan(l.Dataset.Spec, next.Key.Edition)
		p, charged := account.Of(next.Key.Period)
		next.Kept = err == nil && charged && plan.Cost() <= p.Left
	}
	return next
}

// final reports whether no later edition of k's period can come.
func final(c config.Calendar, k privacy.Key, editions int, sealed time.Time) bool {
	for e := k.Edition + 1; e <= editions; e++ {
		if sealed.Before(c.EditionDueAt(k.Period, e)) {
			return false
		}
	}
	return true
}

// settle gives a line whose mechanism is chosen by `auto` the one that its first
// charge has fixed.
func (l Line) settle(a Account) Line {
	if l.Dataset.Auto && len(a.Periods) > 0 {
		l.Dataset.Spec.Mechanism = a.Terms.Mechanism
	}
	return l
}
