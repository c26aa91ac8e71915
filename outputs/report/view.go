package report

import (
	"html/template"

	"halftone/outputs"
	"halftone/outputs/claims"
	"halftone/outputs/report/page"
)

// A view is the report as the template reads it: text and drawings, in the
// order of the page.
type view struct {
	Lang  string
	Words words
	First first
	// then
	Sections    []section // headline tables
	Large       []large   // tables too large for a chart a cell
	Undetected  []undetected
	Unsaid      []claims.Sentence
	Comparisons string
	Limits      limits
	Sources     []reporter
	Editions    []edition
	Gaps        []gap
	Privacy     privacyBox
	Files       []file
	Cite        string
}

// words are the words of the dataset that sentences of the template use.
type words struct {
	Title, Summary, Dataset, Version, Publisher, PublisherURL, Contact, Help string
	Counts, Who, Unit, OneUnit                                               string
	Newest, Licence, Tool                                                    string
}

// A drawing is one chart drawn for wide and for narrow pages.
type drawing struct{ Wide, Narrow template.HTML }

func (w writer) view() (view, error) {
	out := view{Lang: w.Tag, Words: w.words(), Comparisons: w.Int(int64(len(w.claims)))}
	var err error
	if out.First, err = w.first(); err != nil {
		return out, err
	}
	for i := range w.tables {
		t := w.tables[i]
		switch n := claims.Cells(t); {
		case i == w.lead && n == 1:
		case n <= claims.HeadlineCells:
			s, err := w.section(t)
			if err != nil {
				return out, err
			}
			out.Sections = append(out.Sections, s)
		default:
			l, err := w.large(t)
			if err != nil {
				return out, err
			}
			out.Large = append(out.Large, l)
		}
	}
	out.Undetected, out.Unsaid = w.undetected(), w.unsaid()
	out.Limits = w.limits()
	out.Sources, out.Editions, out.Gaps = w.sources(), w.editions(), w.gaps()
	if out.Privacy, err = w.privacy(); err != nil {
		return out, err
	}
	if out.Files, err = w.files(); err != nil {
		return out, err
	}
	out.Cite = w.cite()
	return out, nil
}

func (w writer) words() words {
	a, unit := w.about, w.unit()
	last := w.v.Releases[len(w.v.Releases)-1]
	return words{
		Title: a.Title.In(w.Tag), Summary: a.Summary.In(w.Tag), Dataset: a.Dataset, Version: w.v.Name,
		Publisher: a.Publisher.Name, PublisherURL: a.Publisher.URL, Contact: a.Publisher.Contact, Help: a.Contact.In(w.Tag),
		Counts: w.Counts(a), Who: w.Who(a, last.Reporting), Unit: unit, OneUnit: page.A(unit),
		Newest: w.Period(w.newest()), Licence: a.Licence, Tool: w.v.Tool,
	}
}

// unit is what the promise protects.
func (w writer) unit() string {
	if w.about.Unit == "" {
		return outputs.Protected("person", w.guarantees)
	}
	return outputs.Protected(w.about.Unit, w.guarantees)
}
