// Package schedule is a pure calendar: it turns a cron line and a time zone into
// occurrences.
//
// robfig/cron parses the line and finds the next match, but only in naive
// wall-clock time; the step to instants is made here. Asked in a zone, the
// library skips a daily midnight job on the day that clocks go forward at
// midnight (Cairo, Beirut) and fires 01:30 twice in autumn. An occurrence is
// therefore identified by its naive local time.
package schedule

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// A Calendar is a cron line in a zone. The zero Calendar is invalid.
type Calendar struct {
	line cron.Schedule
	zone *time.Location
}

// An Occurrence is one fire of a calendar.
type Occurrence struct {
	Local string    // naive local time, its identity: 2026-11-22T06:00
	At    time.Time // the instant, in the calendar's zone
}

const naive = "2006-01-02T15:04"

// Parse reads a cron line of five fields in an IANA zone.
func Parse(line, zone string) (Calendar, error) {
	if strings.Contains(line, "TZ=") { // a zone without fields makes the library panic
		return Calendar{}, fmt.Errorf("a zone inside the cron line is not allowed: use timezone")
	}
	s, err := cron.ParseStandard(line)
	if err != nil {
		return Calendar{}, fmt.Errorf("cron line: %w", err)
	}
	if _, every := s.(cron.ConstantDelaySchedule); every {
		return Calendar{}, fmt.Errorf("@every counts from the start of a process and has no fixed times: use five fields")
	}
	loc, err := time.LoadLocation(zone)
	if err != nil || zone == "" || zone == "Local" {
		return Calendar{}, fmt.Errorf("no time zone %q (want an IANA name such as Africa/Ndjamena)", zone)
	}
	c := Calendar{s, loc}
	if _, ok := c.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)); !ok {
		return Calendar{}, fmt.Errorf("the cron line never fires")
	}
	return c, nil
}

// Zone is the calendar's.
func (c Calendar) Zone() *time.Location { return c.zone }

// Next returns the first occurrence whose instant is after t, or false if there
// is none within five years.
func (c Calendar) Next(t time.Time) (Occurrence, bool) {
	local := t.In(c.zone)
	// Two occurrences may share an instant after a gap, and local time may run
	// back: start a day early and skip what is not after t.
	from := time.Date(local.Year(), local.Month(), local.Day()-1, local.Hour(), local.Minute(), 0, 0, time.UTC)
	for {
		from = c.line.Next(from)
		if from.IsZero() {
			return Occurrence{}, false
		}
		if at := instant(from, c.zone); at.After(t) {
			return Occurrence{from.Format(naive), at}, true
		}
	}
}

// After returns the first occurrence after the one with the given naive local
// time, whatever its instant.
func (c Calendar) After(local string) (Occurrence, error) {
	from, err := time.Parse(naive, local)
	if err != nil {
		return Occurrence{}, fmt.Errorf("not an occurrence: %q", local)
	}
	n := c.line.Next(from)
	if n.IsZero() {
		return Occurrence{}, fmt.Errorf("the cron line fires no more after %s", local)
	}
	return Occurrence{n.Format(naive), instant(n, c.zone)}, nil
}

// instant maps a wall-clock time to an instant: one that does not exist to the
// first instant after the gap, one that exists twice to the first.
func instant(wall time.Time, zone *time.Location) time.Time {
	y, m, d := wall.Date()
	at := time.Date(y, m, d, wall.Hour(), wall.Minute(), 0, 0, zone)
	if at.Hour() == wall.Hour() && at.Minute() == wall.Minute() && at.Day() == d {
		// Of two such instants, take the earlier.
		if start, _ := at.ZoneBounds(); !start.IsZero() {
			_, now := at.Zone()
			_, before := start.Add(-time.Second).Zone()
			if early := at.Add(time.Duration(now-before) * time.Second); before > now && early.Before(start) {
				return early
			}
		}
		return at
	}
	// In a gap time.Date uses one of both offsets; the gap's end is a zone bound near it.
	start, end := at.ZoneBounds()
	for _, b := range []time.Time{start, end} {
		if !b.IsZero() && b.Sub(at).Abs() < 24*time.Hour {
			return b.In(zone)
		}
	}
	return at
}
