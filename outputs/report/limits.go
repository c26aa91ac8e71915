package report

import (
	"fmt"
	"math"
	"time"

	"halftone/outputs"
	"halftone/outputs/claims"
)

// An undetected comparison and the smallest change that would have been seen.
type undetected struct{ Table, Cell, From, To, Before, After, Visible string }

func (w writer) undetected() (out []undetected) {
	for _, c := range w.claims {
		if c.Verdict != claims.NotDetected {
			continue
		}
		t := w.table(c)
		cell := w.Cell(w.about, t, c.Codes)
		if cell == "" {
			cell = "All " + w.Counts(w.about)
		}
		count := func(x float64) string { return w.Int(max(0, int64(math.Round(x)))) }
		out = append(out, undetected{w.title(t), cell, w.Window(c.Kind, c.From), w.Window(c.Kind, c.To), count(c.Before), count(c.After),
			w.Int(c.Visible)})
	}
	return out
}

func (w writer) unsaid() (out []claims.Sentence) {
	for _, c := range w.claims {
		if c.Verdict == claims.CannotSay {
			out = append(out, w.sentence(c))
		}
	}
	return out
}

// limits are facts for the section on what the figures cannot say.
type limits struct {
	Tables   []string // those whose cells are mostly noise, over all periods
	Negative bool     // some estimate is below 0 and shown as 0
	Additive bool
}

func (w writer) limits() limits {
	l := limits{Additive: true}
	for _, t := range w.tables {
		l.Additive = l.Additive && t.Additive
		noise, numbers := noisy(t)
		for i := range t.Estimate {
			l.Negative = l.Negative || !t.Status[i].Empty() && t.Estimate[i] < 0
		}
		if 2*noise > numbers {
			l.Tables = append(l.Tables, fmt.Sprintf("%s, %s of %s cells", w.title(t), w.share(noise, numbers), w.Int(int64(numbers))))
		}
	}
	return l
}

// noisy counts the cells over all periods that are smaller than their noise, and
// those that have a number.
func noisy(t outputs.Table) (noise, numbers int) {
	for i := range t.Status {
		if !t.Status[i].Empty() {
			numbers++
		}
		if dominated(t, i) {
			noise++
		}
	}
	return noise, numbers
}

// A reporter is a row of the table of who reported.
type reporter struct {
	Agency, Reporter, PerPeriod, Periods, StatedBy, Reported string
}

func (w writer) sources() (out []reporter) {
	for _, s := range w.about.Sources {
		reported, expected := 0, 0
		for _, e := range w.v.Releases {
			if has(e.Reporting, s.Name) {
				reported++
			}
			if has(e.Expected, s.Name) {
				expected++
			}
		}
		out = append(out, reporter{w.named(s), s.Reporter, w.Int(s.PerPeriod), w.bound(s.Periods), s.StatedBy,
			w.Int(int64(reported)) + " of " + w.Int(int64(expected))})
	}
	return out
}

// named is a source, with the name that sentences call it by where there is one about it.
func (w writer) named(s outputs.Source) string {
	name, agency := s.Name, source(s)
	none, corrected := has(w.guarantees.None(), name), has(w.corrected, name)
	if (none || corrected) && agency != name {
		agency += ", source " + name
	}
	if none {
		agency += ", no guarantee"
	}
	if corrected {
		agency += ", corrected by hand"
	}
	return agency
}

func (w writer) bound(periods int64) string {
	if periods == 0 {
		return "any number"
	}
	return w.Int(periods)
}

// An edition is a row of the table of releases.
type edition struct {
	Period, Edition, Released, State, Reported, Note string
}

func (w writer) editions() (out []edition) {
	for _, s := range w.slots {
		if g := s.Withdrawn; g != nil {
			out = append(out, edition{w.Period(s.Period), w.Int(int64(g.Key.Edition)), g.Released.Format(time.DateOnly), "withdrawn", "–", g.Note()})
			continue
		}
		e := w.v.Releases[s.Release]
		k, err := e.Release.Key()
		if err != nil {
			continue // Tables has read every key
		}
		state := "final"
		if e.Provisional {
			state = "provisional"
		}
		out = append(out, edition{w.Period(k.Period), w.Int(int64(k.Edition)), e.Released.Format("2006-01-02"), state,
			w.Int(int64(len(e.Reporting))) + " of " + w.Int(int64(len(e.Expected))), e.Note.In(w.Tag)})
	}
	return out
}

// A gap is a break in the series or a period without a release.
type gap struct{ At, Text string }

func (w writer) gaps() (out []gap) {
	kinds := map[string]string{"reporterjoined": "A source joined.", "reporterleft": "A source left.",
		"codes_changed": "The list of codes changed.", "tables_changed": "The tables changed.",
		"bound_changed": "What one unit may contribute changed.", "definition_changed": "The definition changed."}
	for _, b := range w.v.Breaks {
		text := kinds[b.Kind]
		if note := b.Note.In(w.Tag); note != "" {
			text = note
		}
		out = append(out, gap{w.Period(b.At), text})
	}
	for i, p := range w.span {
		if w.at[i] < 0 {
			out = append(out, gap{w.Period(p), "Not released."})
		} else if g := w.slots[w.at[i]].Withdrawn; g != nil {
			out = append(out, gap{w.Period(p), fmt.Sprintf("Withdrawn on %s: %s.", g.Day.Format(time.DateOnly), outputs.ReasonInWords(g.Reason))})
		}
	}
	return out
}
