// Package config reads halftone.yaml.
package config

import (
	"time"

	"halftone/outputs"
	"halftone/pipeline/codelist"
	"halftone/pipeline/normalize"
	"halftone/privacy"
)

// A Dataset is one halftone.yaml, decoded and cross-checked.
type Dataset struct {
	Name     string
	Spec     privacy.Spec  // mechanism resolved, checked
	About    outputs.About // public text
	Calendar Calendar
	Lists    []codelist.List // one a dimension
	Sources  []Source
	Schedule *Schedule // nil: by hand
	Public   string    // folder of `publish`, as written; default "public"
	Auto     bool      // mechanism: auto, as written
}

// A Calendar says which periods there are and when they are due.
type Calendar struct {
	Every string           // month, quarter, year or band
	From  privacy.Period   // first, not with bands
	To    privacy.Period   // last; zero: none
	Bands []privacy.Period // the whole list, with bands
	Wait  Duration         // a period is due this long after its end
}

// A Duration is a number of calendar units: a month is not a number of hours.
type Duration struct{ Years, Months, Days int }

// After returns t plus d in t's zone.
func (d Duration) After(t time.Time) time.Time { return t.AddDate(d.Years, d.Months, d.Days) }

// Due returns the periods that are due at now, oldest first.
func (c Calendar) Due(now time.Time) []privacy.Period {
	var due []privacy.Period
	for p, ok := c.first(); ok; p, ok = c.after(p) {
		if !c.DueAt(p).After(now) {
			due = append(due, p)
		} else if c.Every != "band" {
			break
		}
	}
	return due
}

// DueAt is the first instant at which p is due, in UTC.
func (c Calendar) DueAt(p privacy.Period) time.Time { return c.Wait.After(p.End()) }

// Next returns the first period that is not due at now, if there is one.
func (c Calendar) Next(now time.Time) (privacy.Period, bool) {
	for p, ok := c.first(); ok; p, ok = c.after(p) {
		if c.DueAt(p).After(now) {
			return p, true
		}
	}
	return privacy.Period{}, false
}

func (c Calendar) first() (privacy.Period, bool) {
	if c.Every == "band" {
		return c.Bands[0], true
	}
	return c.From, true
}

func (c Calendar) after(p privacy.Period) (privacy.Period, bool) {
	if c.Every == "band" {
		for i, b := range c.Bands[:len(c.Bands)-1] {
			if b == p {
				return c.Bands[i+1], true
			}
		}
		return p, false
	}
	n := p.Next()
	return n, c.To == (privacy.Period{}) || !c.To.Before(n)
}

// A Source is one feed, ready to be opened.
type Source struct {
	Name     string
	Agency   string
	Kind     string               // connector kind
	Decode   func(into any) error // strict decode of the kind's settings
	Hosts    []string             // the only names it may dial; nil: the URL's
	Delivers string               // whole or append
	Required bool                 //
	Mapping  normalize.Mapping    //
	Columns  []string             // every column the mapping reads: the allow-list
}

// A Schedule says when the line runs by itself.
type Schedule struct {
	Cron     string
	Timezone string
	Missed   string // run or skip
}
