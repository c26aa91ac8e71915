package claims

import (
	"math"
	"strings"

	"halftone/outputs"
	"halftone/privacy"
)

// Sentence says c. t is the table that c is about.
func (l Language) Sentence(a outputs.About, t outputs.Table, c Claim) Sentence {
	key := string(c.Verdict)
	switch c.Verdict {
	case CannotSay:
		key = string(c.Reason)
	case AboutAsMany:
		key = string(c.Reason) + ".up"
		if c.D < 0 {
			key = string(c.Reason) + ".down"
		}
	case More, Fewer:
		if c.Before >= 2*c.SD && c.After >= 0 && c.percent() >= 1 { // a share of little more than noise says nothing
			key += ".percent"
		}
	}
	cell := l.Cell(a, t, c.Codes)
	if cell != "" {
		key += ".cell"
	}
	return l.fill(key, "cell", cell, "counts", l.Counts(a), "n", l.Int(c.Value),
		"low", l.Int(c.ToLow), "high", l.Int(c.ToHigh), "change", l.Int(c.change()),
		"percent", l.Percent(c.percent()/100), "visible", l.Int(c.Visible), "to", l.Window(c.Kind, c.To), "from", l.Window(c.Kind, c.From))
}

// Figure says what was recorded in row i of t, and compares it with nothing. The
// row must have numbers.
func (l Language) Figure(a outputs.About, t outputs.Table, i int) Sentence {
	codes := make([]string, len(t.Codes))
	for d := range codes {
		codes[d] = t.Codes[d][i]
	}
	key, cell := "figure", l.Cell(a, t, codes)
	if cell != "" {
		key = "figure.cell"
	}
	return l.fill(key, "cell", cell, "counts", l.Counts(a), "n", l.Int(t.Value[i]), "low", l.Int(t.Low[i]),
		"high", l.Int(t.High[i]), "to", l.Period(t.Period[i]))
}

// change is D for reading: between figures that are not below 0, as those that stand
// beside it are.
func (c Claim) change() int64 {
	return int64(math.Round(math.Abs(max(0, c.After) - max(0, c.Before))))
}

func (c Claim) percent() float64 { return math.Round(100 * math.Abs(c.D) / c.Before) }

// Window names a window of a comparison: 2020, the 12 months to May 2026.
func (l Language) Window(k Kind, w Window) string {
	if k == TwelveMonths {
		return l.fill("window.twelve", "period", l.Period(w.Last)).String()
	}
	return l.Period(w.Last)
}

// Headline says what the newest figures of the lead table are, in one sentence,
// and in a second one that newer ones are withdrawn, if they are. claims are all of
// v's, as [Recorded] returns them.
func (l Language) Headline(v outputs.Version, tables []outputs.Table, claims []Claim) string {
	lead := Lead(v.About, tables)
	if lead < 0 || len(v.Releases) == 0 {
		return v.About.Title.In(l.Tag)
	}
	t := tables[lead]
	_, end := t.Newest()
	if end == 0 {
		return v.About.Title.In(l.Tag)
	}
	headline := l.headline(v, t, end-1, claims)
	gone := int64((t.Rows() - end) / Cells(t))
	if gone == 0 {
		return headline
	}
	if !strings.HasSuffix(headline, ".") {
		headline += "." // a title
	}
	key := "headline.withdrawn"
	if gone > 1 {
		key = "headline.withdrawn.many"
	}
	return l.fill(key, "headline", headline, "period", l.Period(t.Period[end]), "n", l.Int(gone)).String()
}

// headline is that of the newest period that is shown; last is its last row in the
// lead table.
func (l Language) headline(v outputs.Version, t outputs.Table, last int, claims []Claim) string {
	cells, newest := Cells(t), t.Period[last]
	with := []string{"who", l.Who(v.About, v.Releases[len(v.Releases)-1].Reporting), "counts", l.Counts(v.About),
		"n", l.Int(t.Value[last]), "period", l.Period(newest), "cells", l.Int(int64(cells))}
	now, before := leading(t.Name, claims, newest)
	switch {
	case cells > 1 && (len(now) == 0 || now[0].Reason == AcrossWithdrawn): // which holds for all cells
		return v.About.Title.In(l.Tag)
	case len(now) == 0:
		return l.fill("headline.first", append(with, "to", l.Period(newest))...).String()
	}
	c := now[0]
	with = append(with, "to", l.Window(c.Kind, c.To), "from", l.Window(c.Kind, c.From))
	if cells > 1 {
		var more, fewer int64
		for _, c := range now {
			switch c.Verdict {
			case More:
				more++
			case Fewer:
				fewer++
			}
		}
		return l.fill("headline.cells", append(with, "more", l.Int(more), "fewer", l.Int(fewer))...).String()
	}
	says := string(c.Verdict)
	if c.Reason == WithinChance { // it may be twice as many
		says = "within_chance.up"
		if c.D < 0 {
			says = "within_chance.down"
		}
		with = append(with, "change", l.Int(c.change()))
	}
	key := "headline." + says
	if len(before) > 0 && before[0].Reason != WithinChance {
		two := "headline." + string(before[0].Verdict) + "." + says
		if _, ok := l.phrases[two]; ok {
			key, with = two, append(with, "mid", l.Period(before[0].To.Last))
		}
	}
	return l.fill(key, with...).String()
}

// Leading is the kind of comparison that a headline speaks of: of the newest
// period in the lead table, that over the longest windows of those that can be
// made. It follows from public facts only.
func Leading(table string, claims []Claim, newest privacy.Period) Kind {
	for _, sayable := range []bool{true, false} {
		for _, k := range []Kind{TwelveMonths, YearAgo, Previous} {
			for _, c := range claims {
				if c.Table == table && c.Kind == k && c.To.Last == newest && (!sayable || c.Verdict != CannotSay) {
					return k
				}
			}
		}
	}
	return Previous
}

// leading picks the claims of the lead table that a headline is made of: those
// about the newest period, and with years those about the period before it.
func leading(table string, claims []Claim, newest privacy.Period) (now, before []Claim) {
	kind := Leading(table, claims, newest)
	for _, c := range claims {
		switch {
		case c.Table != table || c.Kind != kind:
		case c.To.Last == newest:
			now = append(now, c)
		default:
			before = append(before, c)
		}
	}
	return now, before
}
