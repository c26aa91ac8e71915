package claims

import (
	"math"
	"strconv"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"halftone/outputs"
	"halftone/privacy"
)

// A Language makes sentences, numbers and names of periods. Each sentence is one
// whole template, so that word order is the language's own. A Language may be
// used by one goroutine at a time.
type Language struct {
	Tag     string // BCP 47
	printer *message.Printer
	months  [12]string
	phrases map[string]phrase
}

// A phrase is a sentence with {places} to fill, in two parts: the first may be
// set in bold, the second follows it directly.
type phrase struct{ lead, rest string }

// A Sentence is plain text in two parts, to be read one after the other.
type Sentence struct{ Lead, Rest string }

// String is the whole sentence.
func (s Sentence) String() string { return s.Lead + s.Rest }

// English is the language that everything is written in first.
func English() Language {
	return Language{Tag: "en", printer: message.NewPrinter(language.English), months: englishMonths(), phrases: english()}
}

// Int writes n with the language's thousands separators and a real minus sign.
func (l Language) Int(n int64) string {
	s := l.printer.Sprintf("%d", n)
	return strings.Replace(s, "-", "−", 1)
}

// Range writes "2,147 to 2,173".
func (l Language) Range(low, high int64) string {
	return l.fill("range", "low", l.Int(low), "high", l.Int(high)).String()
}

// Percent writes a share from 0 to 1, rounded to whole per cent.
func (l Language) Percent(share float64) string {
	return l.fill("percent", "n", l.Int(int64(math.Round(100*share)))).String()
}

// Period writes a period's name: 2026, Q3 2026, November 2026, 2014–2018.
func (l Language) Period(p privacy.Period) string {
	if p == (privacy.Period{}) {
		return ""
	}
	start, year := p.Start(), strconv.Itoa(p.Start().Year())
	switch p.Months() {
	case 1:
		return l.fill("month", "month", l.months[start.Month()-1], "year", year).String()
	case 3:
		return l.fill("quarter", "quarter", strconv.Itoa(int(start.Month()-1)/3+1), "year", year).String()
	case 12:
		return year
	}
	return strings.Replace(p.String(), "-", "–", 1)
}

// Cell names a cell by the labels of its codes, "" for the total of everything.
func (l Language) Cell(a outputs.About, t outputs.Table, codes []string) string {
	var labels []string
	for d, code := range codes {
		labels = append(labels, a.Label(t.Dimensions[d].Name, code, l.Tag))
	}
	return strings.Join(labels, " · ")
}

// Counts is the word for what is counted.
func (l Language) Counts(a outputs.About) string {
	if s := a.Counts.In(l.Tag); s != "" {
		return s
	}
	return l.phrases["counts"].lead
}

// Who names those who recorded: up to two reporters by name, more by number.
// Sources of one reporter are one. reporting are names of sources.
func (l Language) Who(a outputs.About, reporting []string) string {
	var names []string
	seen := map[string]bool{}
	for _, s := range a.Sources {
		for _, r := range reporting {
			name := firstOf(s.Reporter, s.Agency, s.Name)
			if r == s.Name && !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	switch len(names) {
	case 0:
		return l.phrases["who.none"].lead
	case 1:
		return names[0]
	case 2:
		return l.fill("who.two", "a", names[0], "b", names[1]).String()
	}
	return l.fill("who.many", "n", l.Int(int64(len(names)))).String()
}

func firstOf(s ...string) string {
	for _, x := range s {
		if x != "" {
			return x
		}
	}
	return ""
}

// fill fills the places of a phrase; with are names and values in turn. A value
// that looks like a place is left alone.
func (l Language) fill(key string, with ...string) Sentence {
	pairs := make([]string, len(with))
	for i, s := range with {
		pairs[i] = s
		if i%2 == 0 {
			pairs[i] = "{" + s + "}"
		}
	}
	r, p := strings.NewReplacer(pairs...), l.phrases[key]
	return Sentence{r.Replace(p.lead), r.Replace(p.rest)}
}
