package report

import (
	"fmt"
	"html/template"
	"math"

	"halftone/outputs"
	"halftone/outputs/chart"
	"halftone/outputs/claims"
	"halftone/privacy"
)

// The first screen: what a reader in a hurry takes away.
type first struct {
	Headline  string
	Withdrawn []string // sentences
	Sub       []string
	Points    []claims.Sentence
	Odds      string
	Chart     drawing
	Panels    []panel
	Caption   string
	Data      *grid // nil where no table is small enough for a chart
	Coverage  drawing
	Get       []link
}

type link struct{ Text, Href string }

func (w writer) first() (first, error) {
	t := w.tables[w.lead]
	f := first{Headline: w.Headline(w.v, w.tables, w.claims), Withdrawn: w.withdrawn(), Sub: w.sub(), Points: w.points(),
		Odds: w.Percent(float64(w.v.Spent.Guess()) / 100)}
	var err error
	if p, ok := w.pictured(); ok {
		if f.Chart, f.Panels, err = w.figure(p, "lead", "Recorded "+w.Counts(w.about)); err != nil {
			return f, err
		}
		data := w.grid(p, "lead")
		f.Caption, f.Data = w.caption(), &data
	}
	if f.Coverage, err = w.coverage(); err != nil {
		return f, err
	}
	f.Get = []link{{"CSV", "../data/" + t.Name + ".csv"}, {"Parquet", "../data/" + t.Name + ".parquet"},
		{"All tables", "#get"}, {"Cite", "#cite"}}
	return f, nil
}

// pictured is the table of the first chart: the lead table, or where that is
// large the one with the fewest cells. There may be none.
func (w writer) pictured() (best outputs.Table, ok bool) {
	if t := w.tables[w.lead]; claims.Cells(t) <= claims.HeadlineCells {
		return t, true
	}
	for _, t := range w.tables {
		if n := claims.Cells(t); n <= claims.HeadlineCells && (!ok || n < claims.Cells(best)) {
			best, ok = t, true
		}
	}
	return best, ok
}

func (w writer) sub() []string {
	every := map[string]string{"year": "Yearly", "quarter": "Quarterly", "month": "Monthly"}[w.about.Every]
	first, last := w.Period(w.span[0]), w.Period(w.span[len(w.span)-1])
	span := first
	if first != last {
		span = first + "–" + last
		if w.newest().Months() < 12 {
			span = first + " – " + last
		}
	}
	if every != "" {
		span = every + ", " + span
	}
	sources := "1 source"
	if n := len(w.about.Sources); n != 1 {
		sources = w.Int(int64(n)) + " sources"
	}
	return []string{span, sources, "version " + w.v.Name}
}

// points are the three or four sentences of the first screen: the lead figure,
// then from the coarsest tables, whose cells are largest against their noise,
// one that is more, one that is fewer, one that is not detected.
func (w writer) points() []claims.Sentence {
	t := w.tables[w.lead]
	from, end := t.Newest()
	last := end - 1
	var out []claims.Sentence
	if claims.Cells(t) == 1 {
		lead := w.newestClaims(t.Name)
		if !t.Status[last].Empty() && (len(lead) == 0 || lead[0].Verdict == claims.CannotSay) {
			out = append(out, w.Figure(w.about, t, last))
		}
		if len(lead) > 0 {
			out = append(out, w.sentence(lead[0]))
		}
	}
	for _, verdict := range []claims.Verdict{claims.More, claims.Fewer, claims.NotDetected} {
		if c, ok := w.clearest(verdict); ok && len(out) < 4 {
			out = append(out, w.sentence(c))
		}
	}
	if n := claims.Cells(t); len(out) == 0 && n <= chart.MaxLines { // nothing to compare: the figures themselves
		for i := from; i <= last; i++ {
			if !t.Status[i].Empty() {
				out = append(out, w.Figure(w.about, t, i))
			}
		}
	}
	return out
}

// newestClaims are those of a table about the newest period, the headline's kind
// first.
func (w writer) newestClaims(table string) (out []claims.Claim) {
	for _, first := range []bool{true, false} {
		for _, c := range w.claims {
			if c.Table == table && c.To.Last == w.newest() && (c.Kind == w.leadKind()) == first {
				out = append(out, c)
			}
		}
	}
	return out
}

func (w writer) leadKind() claims.Kind {
	return claims.Leading(w.tables[w.lead].Name, w.claims, w.newest())
}

// clearest finds the first table, coarsest first, that has a claim of a verdict,
// and of its claims the largest against its noise; of those not detected the
// first.
func (w writer) clearest(v claims.Verdict) (best claims.Claim, ok bool) {
	for _, t := range claims.Headline(w.about, w.tables) {
		if t.Name == w.tables[w.lead].Name && claims.Cells(t) == 1 || len(t.Dimensions) > 1 && !ok && w.coarser(t, v) {
			continue
		}
		for _, c := range w.newestClaims(t.Name) {
			if c.Verdict == v && (!ok || v != claims.NotDetected && math.Abs(c.D)/c.SD > math.Abs(best.D)/best.SD) {
				best, ok = c, true
			}
		}
		if ok {
			return best, true
		}
	}
	return best, false
}

// coarser reports whether a table of fewer dimensions has a claim of v: its
// cells say it more simply.
func (w writer) coarser(t outputs.Table, v claims.Verdict) bool {
	for _, c := range w.claims {
		o := w.table(c)
		if c.Verdict == v && len(o.Dimensions) < len(t.Dimensions) && len(o.Dimensions) > 0 && c.To.Last == w.newest() {
			return true
		}
	}
	return false
}

func (w writer) coverage() (drawing, error) {
	c := chart.Coverage{Head: chart.Head{ID: "coverage", Title: "Who reported when"}, Breaks: w.breaks}
	for _, p := range w.span {
		c.Periods = append(c.Periods, tick(p))
	}
	missing, withdrawn := 0, 0
	for _, s := range w.slots {
		if s.Withdrawn != nil {
			withdrawn++
		}
	}
	for _, s := range w.about.Sources {
		row := chart.CoverageRow{Label: source(s)}
		for _, at := range w.at {
			state := chart.NotExpected
			var e outputs.Edition
			gone := at >= 0 && w.slots[at].Withdrawn != nil
			if at >= 0 && !gone {
				e = w.v.Releases[w.slots[at].Release]
			}
			switch {
			case gone:
				state = chart.Withdrawn
			case has(e.Reporting, s.Name):
				state = chart.Reported
			case has(e.Expected, s.Name):
				state = chart.Missing
				missing++
			}
			row.Cells = append(row.Cells, state)
		}
		c.Rows = append(c.Rows, row)
	}
	if len(c.Rows) == 0 {
		return drawing{}, nil
	}
	c.Desc = fmt.Sprintf("%s, %d periods. Expected and missing: %d.", w.sub()[1], len(c.Periods), missing)
	if withdrawn > 0 {
		c.Desc += fmt.Sprintf(" Withdrawn: %d.", withdrawn)
	}
	c.Desc += " The list is under Who reported."
	return draw(c.SVG)
}

// draw draws a chart wide and narrow.
func draw(svg func(chart.Size) (string, error)) (d drawing, err error) {
	wide, err := svg(chart.Wide)
	if err != nil {
		return d, err
	}
	narrow, err := svg(chart.Narrow)
	if err != nil {
		return d, err
	}
	return drawing{template.HTML(wide), template.HTML(narrow)}, nil // chart escapes every text
}

// tick is a period's name at an axis: the published form.
func tick(p privacy.Period) string { return p.String() }

func source(s outputs.Source) string {
	if s.Agency != "" {
		return s.Agency
	}
	return s.Name
}

func has(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
