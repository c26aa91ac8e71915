package report

import (
	"fmt"
	"strconv"

	"halftone/outputs/claims"
	"halftone/outputs/report/page"
)

// privacyBox is the promise and what it rests on.
type privacyBox struct {
	Epsilon, Factor string // spent so far by the releases, e^ε
	Declared        string
	PerPeriod       bool
	PerPeriodMax    string // M
	Periods         string // P
	StatedBy        []string
	Mechanism       string
	Releases        string
	Head            string
}

func (w writer) privacy() (privacyBox, error) {
	m, err := w.v.Releases[len(w.v.Releases)-1].Release.Model()
	if err != nil {
		return privacyBox{}, err
	}
	b := privacyBox{Epsilon: page.Epsilon(w.v.Spent.NanoEpsilon), Factor: page.Factor(w.v.Spent.NanoEpsilon),
		PerPeriod: m.Bound.Periods == 0, PerPeriodMax: w.Int(m.Bound.PerPeriod), Periods: w.bound(m.Bound.Periods),
		Mechanism: m.Plan.Mechanism, Releases: w.Int(int64(len(w.v.Releases))), Head: w.v.Head}
	b.Declared = "ε " + strconv.FormatFloat(w.about.Budget.Epsilon, 'g', -1, 64)
	if d := w.about.Budget.Delta; d > 0 {
		b.Declared += ", δ " + strconv.FormatFloat(d, 'g', -1, 64)
	}
	for _, s := range w.about.Sources {
		if s.StatedBy != "" {
			b.StatedBy = append(b.StatedBy, source(s)+": "+s.StatedBy)
		}
	}
	return b, nil
}

// A file is a row of the list of tables.
type file struct {
	Title, Name, CSV, Parquet, Cells, Rows, Half, Share string
}

func (w writer) files() (out []file, err error) {
	for _, t := range w.tables {
		half, err := w.half(t)
		if err != nil {
			return nil, err
		}
		noise, numbers := noisy(t)
		out = append(out, file{w.title(t), t.Name, "../data/" + t.Name + ".csv", "../data/" + t.Name + ".parquet",
			w.Int(int64(claims.Cells(t))), w.Int(int64(t.Rows())), w.Int(half), w.share(noise, numbers)})
	}
	return out, nil
}

func (w writer) cite() string {
	s := fmt.Sprintf("%s (%d). %s, version %s.", w.about.Publisher.Name, w.v.Composed.Year(), w.about.Title.In(w.Tag), w.v.Name)
	if w.about.BaseURL != "" {
		s += " " + page.Join(w.about.BaseURL, "datasets", w.about.Dataset, "versions", w.v.Name) + "/"
	}
	return s
}
