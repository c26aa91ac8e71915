package report

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"halftone/outputs"
	"halftone/outputs/chart"
	"halftone/outputs/claims"
	"halftone/privacy"
)

// A section is one headline table: chart, what may be said, numbers.
type section struct {
	ID, Title, Caption string
	Chart              drawing // of at most four cells
	Panels             []panel // of more, on one scale
	Points             []claims.Sentence
	Undetected         string // names of cells
	Three              bool   // panels stand three abreast
	Data               grid
	CSV, Parquet       string
}

type panel struct {
	Label string
	SVG   template.HTML
}

// A grid is a data table: periods down, cells across.
type grid struct {
	ID, Caption string
	Cells       []string
	Rows        []gridRow
	Faint       bool // some cell is smaller than its noise
}

type gridRow struct {
	Period string
	Cells  []gridCell
}

type gridCell struct {
	Value, Range string // Value is empty where the cell has no number
	Faint        bool
	Withdrawn    bool
}

func (w writer) section(t outputs.Table) (section, error) {
	s := section{ID: "t-" + t.Name, Title: w.title(t), Caption: w.caption(), CSV: "../data/" + t.Name + ".csv",
		Parquet: "../data/" + t.Name + ".parquet", Data: w.grid(t, t.Name)}
	var err error
	if s.Chart, s.Panels, err = w.figure(t, s.ID, s.Title); err != nil {
		return s, err
	}
	s.Three = three(len(s.Panels))
	s.Points, s.Undetected = w.said(t)
	return s, nil
}

// said are the sentences on a table's newest period, and the names of the cells
// without a detectable change.
func (w writer) said(t outputs.Table) (points []claims.Sentence, undetected string) {
	var names []string
	for _, c := range w.newestClaims(t.Name) {
		switch {
		case c.Detected():
			points = append(points, w.sentence(c))
		case c.Verdict == claims.NotDetected && c.Kind == w.leadKind():
			names = append(names, w.Cell(w.about, t, c.Codes))
		}
	}
	return points, strings.Join(names, ", ")
}

// figure draws a headline table: bars for a single period, up to four lines, or
// a panel a cell on one scale.
func (w writer) figure(t outputs.Table, id, title string) (d drawing, panels []panel, err error) {
	cells := w.cells(t)
	switch {
	case len(w.span) == 1:
		d, err = w.bars(id, title, cells)
	case len(cells) <= chart.MaxLines:
		d, err = w.lines(id, title, cells)
	default:
		for i, c := range cells {
			svg, err := w.panel(fmt.Sprintf("%s-%d", id, i), title+": "+c.Label, cells, i)
			if err != nil {
				return d, nil, err
			}
			panels = append(panels, panel{c.Label, svg})
		}
	}
	return d, panels, err
}

// three reports whether so many panels stand better three abreast than four.
func three(panels int) bool { return panels > 0 && panels%3 == 0 && panels%4 != 0 }

// title says what a table is broken down by.
func (w writer) title(t outputs.Table) string {
	if len(t.Dimensions) == 0 {
		return "Total"
	}
	var by []string
	for _, d := range t.Dimensions {
		name := d.Level
		if name == "" {
			name = d.Name
		}
		by = append(by, name)
	}
	return "By " + strings.Join(by, " and ")
}

func (w writer) caption() string {
	return fmt.Sprintf("Recorded %s a %s", w.Counts(w.about), w.length())
}

func (w writer) length() string {
	switch w.newest().Months() {
	case 1:
		return "month"
	case 3:
		return "quarter"
	case 12:
		return "year"
	}
	return "period"
}

// cells are a table's cells as lines, in the order of the code list.
func (w writer) cells(t outputs.Table) []chart.Series {
	n := claims.Cells(t)
	out := make([]chart.Series, n)
	for cell := range out {
		out[cell].Label = w.label(t, cell)
		for _, at := range w.at {
			p := chart.Point{Empty: true}
			if i := at*n + cell; at >= 0 && !t.Status[i].Empty() {
				p = chart.Point{Y: float64(t.Value[i]), Low: float64(t.Low[i]), High: float64(t.High[i]), Faint: dominated(t, i)}
			}
			out[cell].Points = append(out[cell].Points, p)
		}
	}
	return out
}

func (w writer) label(t outputs.Table, i int) string {
	if len(t.Codes) == 0 {
		return "All " + w.Counts(w.about)
	}
	codes := make([]string, len(t.Codes))
	for d := range codes {
		codes[d] = t.Codes[d][i]
	}
	return w.Cell(w.about, t, codes)
}

// dominated reports whether a cell is smaller than its noise, also where its
// status says something stronger; a structural zero is known without noise.
func dominated(t outputs.Table, i int) bool {
	return !t.Status[i].Empty() && t.Status[i] != outputs.StructuralZero && 1.96*t.SD[i] > max(t.Estimate[i], 1)
}

func (w writer) lines(id, title string, cells []chart.Series) (drawing, error) {
	return draw(w.chart(id, title, cells).SVG)
}

// panel draws one of many cells, on the scale of all.
func (w writer) panel(id, title string, cells []chart.Series, i int) (template.HTML, error) {
	c := w.chart(id, title, cells[i:i+1])
	c.Top = chart.Highest(cells)
	size := chart.Panel
	if three(len(cells)) {
		size = chart.Third
	}
	s, err := c.SVG(size)
	return template.HTML(s), err // chart escapes every text
}

func (w writer) chart(id, title string, cells []chart.Series) chart.Lines {
	c := chart.Lines{Head: chart.Head{ID: id, Title: title, Desc: w.desc(cells)}, Series: cells, Breaks: w.breaks,
		Break: "break", Number: w.Int}
	for _, p := range w.span {
		c.Periods = append(c.Periods, tick(p))
	}
	return c
}

func (w writer) bars(id, title string, cells []chart.Series) (drawing, error) {
	c := chart.Bars{Head: chart.Head{ID: id, Title: title, Desc: w.desc(cells)}, Number: w.Int}
	for _, s := range cells {
		c.Bars = append(c.Bars, chart.Bar{Label: s.Label, Point: s.Points[0]})
	}
	return draw(c.SVG)
}

// desc says in words what a chart of lines shows.
func (w writer) desc(cells []chart.Series) string {
	var out []string
	newest := slices.Index(w.span, w.newest())
	for _, s := range cells {
		p := s.Points[newest]
		if p.Empty {
			continue
		}
		out = append(out, fmt.Sprintf("%s: %s in %s, 95%% interval %s", s.Label, w.Int(int64(p.Y)), w.Period(w.newest()),
			w.Range(int64(p.Low), int64(p.High))))
	}
	return strings.Join(out, ". ") + ". All numbers stand in the data table."
}

func (w writer) grid(t outputs.Table, id string) grid {
	n := claims.Cells(t)
	g := grid{ID: "d-" + id, Caption: fmt.Sprintf("%s: recorded %s, and below each the 95%% interval", w.title(t), w.Counts(w.about))}
	for i := range t.Period {
		if i < n {
			g.Cells = append(g.Cells, w.label(t, i))
		}
		if i%n == 0 {
			g.Rows = append(g.Rows, gridRow{Period: w.Period(t.Period[i])})
		}
		c := gridCell{Withdrawn: t.Status[i] == outputs.Withdrawn}
		if !t.Status[i].Empty() {
			c = gridCell{Value: w.Int(t.Value[i]), Range: w.Range(t.Low[i], t.High[i]), Faint: dominated(t, i)}
			g.Faint = g.Faint || c.Faint
		}
		row := &g.Rows[len(g.Rows)-1]
		row.Cells = append(row.Cells, c)
	}
	return g
}

// half is how far the worst cell of a table's newest period may be from its
// true count, 95 times in 100.
func (w writer) half(t outputs.Table) (half int64, err error) {
	last := w.v.Releases[len(w.v.Releases)-1].Release
	var worst privacy.Noise
	for i, end := t.Newest(); i < end; i++ {
		if t.Cell[i] < 0 {
			continue
		}
		n, err := last.Noise(t.Name, t.Cell[i])
		if err != nil {
			return 0, err
		}
		if n.SD() > worst.SD() {
			worst = n
		}
	}
	return worst.Quantile(0.05), nil
}
