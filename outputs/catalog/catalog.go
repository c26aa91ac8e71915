// Package catalog writes the front page of a public folder: one card a dataset,
// made from the newest version of each.
package catalog

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"halftone/outputs"
	"halftone/outputs/chart"
	"halftone/outputs/claims"
	"halftone/outputs/report/page"
)

//go:embed index.html
var layout string

// Index returns index.html of the public folder. versions are the newest of each
// dataset, in any order; links are relative to the folder. No version gives a
// page that says so.
func Index(versions []outputs.Version) ([]byte, error) {
	versions = slices.Clone(versions)
	slices.SortFunc(versions, func(a, b outputs.Version) int { return strings.Compare(a.About.Dataset, b.About.Dataset) })
	view := struct {
		Lang      string
		Publisher string
		Cards     []card
	}{Lang: "en"}
	for i, v := range versions {
		if i > 0 && versions[i-1].About.Dataset == v.About.Dataset {
			return nil, fmt.Errorf("catalog: two versions of %s; want the newest of each dataset", v.About.Dataset)
		}
		c, err := newCard(v)
		if err != nil {
			return nil, fmt.Errorf("catalog: %s: %w", v.About.Dataset, err)
		}
		view.Cards = append(view.Cards, c)
		if name := v.About.Publisher.Name; !strings.Contains(view.Publisher, name) {
			view.Publisher = strings.TrimPrefix(view.Publisher+", "+name, ", ")
		}
	}
	t, err := template.New("index").Funcs(template.FuncMap{"css": page.CSS, "tone": page.Tone}).Parse(layout)
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, view); err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	return b.Bytes(), nil
}

// A card is one dataset.
type card struct {
	Dataset, Title, Summary string
	Figure, What            string // the newest figure of the lead table, and what it is
	Spark                   template.HTML
	Span, Tables, Licence   string
	Version, Composed       string
	Publisher, Epsilon      string
	Unit                    string
	Report, CSV, Data       string
	Withdrawn               []string // sentences
	NoGuarantee             string   // sentences; "": the promise is made for all
}

func newCard(v outputs.Version) (card, error) {
	l, a := claims.English(), v.About
	tables, err := v.Tables()
	if err != nil {
		return card{}, err
	}
	lead := claims.Lead(a, tables)
	if lead < 0 {
		return card{}, fmt.Errorf("version %s has no table", v.Name)
	}
	t := tables[lead]
	folder := "datasets/" + a.Dataset + "/latest/"
	_, end := t.Newest()
	if end == 0 {
		return card{}, fmt.Errorf("version %s shows no period", v.Name)
	}
	first, last := l.Period(t.Period[0]), l.Period(t.Period[end-1])
	c := card{Dataset: a.Dataset, Title: a.Title.In(l.Tag), Summary: a.Summary.In(l.Tag), Span: first,
		Tables: l.Int(int64(len(tables))), Licence: a.Licence, Version: v.Name, Composed: v.Composed.Format("2006-01-02"),
		Publisher: a.Publisher.Name, Epsilon: v.Spent.EpsilonText(), Unit: a.Unit,
		Report: folder + "report/index.html", CSV: folder + "data/" + t.Name + ".csv", Data: folder + "report/index.html#get"}
	if first != last {
		c.Span = first + " – " + last
	}
	g, err := v.Guarantees()
	if err != nil {
		return card{}, err
	}
	c.Unit, c.NoGuarantee = outputs.Protected(c.Unit, g), outputs.NoGuaranteeInWords(g)
	ws, err := v.Withdrawn()
	if err != nil {
		return card{}, err
	}
	c.Withdrawn = outputs.WithdrawnInWords(ws, l.Period)
	if n := claims.Cells(t); n == 1 {
		i := end - 1
		if !t.Status[i].Empty() {
			c.Figure = l.Int(t.Value[i])
			c.What = fmt.Sprintf("%s recorded in %s (%s)", l.Counts(a), last, l.Range(t.Low[i], t.High[i]))
		}
		c.Spark, err = spark(l, v, t)
	}
	return c, err
}

// spark draws the lead table's one line over all periods, with gaps and breaks.
func spark(l claims.Language, v outputs.Version, t outputs.Table) (template.HTML, error) {
	var points []chart.Point
	var breaks []int
	for i, p := range t.Period {
		if i > 0 {
			for q := t.Period[i-1].Next(); q.Before(p); q = q.Next() {
				points = append(points, chart.Point{Empty: true})
			}
			for _, b := range v.Breaks {
				if t.Period[i-1].Before(b.At) && !p.Before(b.At) {
					breaks = append(breaks, len(points))
				}
			}
		}
		points = append(points, chart.Point{Y: float64(t.Value[i]), Low: float64(t.Low[i]), High: float64(t.High[i]), Empty: t.Status[i].Empty()})
	}
	title := "Recorded " + l.Counts(v.About)
	s, err := chart.Spark(chart.Head{ID: "spark-" + v.About.Dataset, Title: title,
		Desc: fmt.Sprintf("%s over %d periods. The numbers stand in the report.", title, len(points))}, points, breaks, chart.Size{Name: "s", W: 480, H: 84})
	return template.HTML(s), err // chart escapes every text
}
