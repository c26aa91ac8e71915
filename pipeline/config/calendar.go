package config

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"halftone/privacy"
)

// A Calendar says which periods there are and when they are due.
type Calendar struct {
	Every     string           // month, quarter, year or band
	From      privacy.Period   // first, not with bands
	To        privacy.Period   // last; zero: none
	Bands     []privacy.Period // the whole list in order, with bands
	Wait      Duration         // a period is due this long after its end
	Revisions []Duration       // its planned later editions are, in order
}

// A Duration is a number of calendar units: a month is not a number of hours.
type Duration struct{ Years, Months, Days int }

// After returns t plus d in t's zone.
func (d Duration) After(t time.Time) time.Time { return t.AddDate(d.Years, d.Months, d.Days) }

// Due returns the periods that are due at now, oldest first.
func (c Calendar) Due(now time.Time) []privacy.Period {
	var due []privacy.Period
	for p, ok := c.first(); ok && !c.DueAt(p).After(now); p, ok = c.after(p) {
		due = append(due, p)
	}
	return due
}

// DueAt is the first instant at which p is due, in UTC.
func (c Calendar) DueAt(p privacy.Period) time.Time { return c.Wait.After(p.End()) }

// EditionDueAt is the first instant at which an edition of p is due, 1 the first,
// in UTC.
func (c Calendar) EditionDueAt(p privacy.Period, edition int) time.Time {
	if edition == 1 {
		return c.DueAt(p)
	}
	return c.Revisions[edition-2].After(p.End())
}

// Next returns the first period that is not due at now, if there is one.
func (c Calendar) Next(now time.Time) (privacy.Period, bool) {
	for p, ok := c.first(); ok; p, ok = c.after(p) {
		if c.DueAt(p).After(now) {
			return p, true
		}
	}
	return privacy.Period{}, false
}

// Last reports whether no period comes after p.
func (c Calendar) Last(p privacy.Period) bool {
	_, ok := c.after(p)
	return !ok
}

func (c Calendar) first() (privacy.Period, bool) {
	if c.Every != "band" {
		return c.From, c.From != (privacy.Period{})
	}
	if len(c.Bands) == 0 {
		return privacy.Period{}, false
	}
	return c.Bands[0], true
}

func (c Calendar) after(p privacy.Period) (privacy.Period, bool) {
	n := p.Next()
	if c.Every == "band" {
		i := 0
		for i < len(c.Bands) && !p.Before(c.Bands[i]) {
			i++
		}
		if i == len(c.Bands) {
			return privacy.Period{}, false
		}
		n = c.Bands[i]
	}
	return n, c.To == (privacy.Period{}) || !c.To.Before(n)
}

// Holds reports whether p is one of the calendar's periods, due or not.
func (c Calendar) Holds(p privacy.Period) bool {
	if c.Every == "band" {
		return slices.Contains(c.Bands, p)
	}
	return p.Months() == c.From.Months() && !p.Before(c.From) && (c.To == (privacy.Period{}) || !c.To.Before(p))
}

// UsualKeep is how long rows are kept where nobody says it.
func UsualKeep() Duration {
	d, _ := parseDuration(DefaultKeep) // a test reads it
	return d
}

// String writes d in words: "1 month", "2 years 10 days".
func (d Duration) String() string {
	var parts []string
	for _, u := range []struct {
		n    int
		unit string
	}{{d.Years, "year"}, {d.Months, "month"}, {d.Days, "day"}} {
		switch {
		case u.n == 1:
			parts = append(parts, "1 "+u.unit)
		case u.n != 0:
			parts = append(parts, strconv.Itoa(u.n)+" "+u.unit+"s")
		}
	}
	if len(parts) == 0 {
		return "0 days"
	}
	return strings.Join(parts, " ")
}
