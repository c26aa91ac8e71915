// Package report writes the trend report of a version: one self-contained HTML
// page for people who fund, plan or study. It works without script, prints, and
// asks no other server for anything.
//
// It shows released numbers and public text, and says of changes only what
// package claims allows. The same version gives the same bytes.
package report

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html/template"

	"halftone/outputs"
	"halftone/outputs/claims"
	"halftone/outputs/report/page"
	"halftone/privacy"
)

//go:embed report.html
var layout string

// Write returns report/index.html of a version. Links in it are relative to
// that place: data lies in ../data. tables are those of v, and recorded all of its
// claims, as [claims.Recorded] returns them.
func Write(v outputs.Version, tables []outputs.Table, recorded []claims.Claim) ([]byte, error) {
	w, err := newWriter(v, tables, recorded)
	if err != nil {
		return nil, err
	}
	view, err := w.view()
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	t, err := template.New("report").Funcs(template.FuncMap{"css": page.CSS, "tone": page.Tone}).Parse(layout)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, view); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return b.Bytes(), nil
}

// A writer has what every part of a report is made of.
type writer struct {
	claims.Language
	v      outputs.Version
	about  outputs.About
	tables []outputs.Table
	lead   int // place in tables
	claims []claims.Claim
	slots  []outputs.Slot
	span   []privacy.Period // from the first to the last, those without a release too
	at     []int            // per span: place in slots, and so of its block in every table; -1 for none
	breaks []int            // places in span

	guarantees privacy.Guarantees // for the people behind which sources the promise is made
	corrected  []string           // sources with corrections made by hand
}

func newWriter(v outputs.Version, tables []outputs.Table, recorded []claims.Claim) (writer, error) {
	w := writer{Language: claims.English(), v: v, about: v.About, tables: tables, claims: recorded}
	var err error
	if w.slots, err = v.Slots(); err != nil {
		return w, fmt.Errorf("report: %w", err)
	}
	if w.lead = claims.Lead(v.About, w.tables); w.lead < 0 {
		return w, errors.New("report: the version has no table")
	}
	if w.guarantees, err = v.Guarantees(); err != nil {
		return w, fmt.Errorf("report: %w", err)
	}
	if w.corrected, err = v.Corrected(); err != nil {
		return w, fmt.Errorf("report: %w", err)
	}
	w.timeline()
	return w, nil
}

// timeline places the releases and breaks among all periods.
func (w *writer) timeline() {
	for i, s := range w.slots {
		for n := len(w.span); n > 0 && w.span[n-1].Next().Before(s.Period); n++ {
			w.span, w.at = append(w.span, w.span[n-1].Next()), append(w.at, -1)
		}
		w.span, w.at = append(w.span, s.Period), append(w.at, i)
	}
	for _, b := range w.v.Breaks {
		for i := 1; i < len(w.span); i++ {
			if w.span[i-1].Before(b.At) && !w.span[i].Before(b.At) {
				w.breaks = append(w.breaks, i)
			}
		}
	}
}

// newest is the newest period that is shown.
func (w writer) newest() privacy.Period {
	for i := len(w.slots) - 1; i >= 0; i-- {
		if w.slots[i].Withdrawn == nil {
			return w.slots[i].Period
		}
	}
	return privacy.Period{} // not reached: a version has a release
}

// withdrawn says in sentences what is shown no more.
func (w writer) withdrawn() []string {
	var ws []outputs.Withdrawal
	for _, s := range w.slots {
		if s.Withdrawn != nil {
			ws = append(ws, *s.Withdrawn)
		}
	}
	return outputs.WithdrawnInWords(ws, w.Period)
}

// table returns the table that c is about.
func (w writer) table(c claims.Claim) outputs.Table {
	for _, t := range w.tables {
		if t.Name == c.Table {
			return t
		}
	}
	return outputs.Table{}
}

func (w writer) sentence(c claims.Claim) claims.Sentence {
	return w.Sentence(w.about, w.table(c), c)
}
