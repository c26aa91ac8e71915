package report

import (
	"fmt"
	"html/template"

	"halftone/outputs"
	"halftone/outputs/chart"
	"halftone/outputs/claims"
)

// A large table has too many cells for a chart each. Its cells that are larger
// than their noise in the newest period are listed, in the order of the code
// list; the others are counted, since a reader could take noise for them.
type large struct {
	ID, Title    string
	Cells, Shown string
	Share        string            // of the cells of the newest period that are smaller than their noise
	Half         string            // ± of a cell
	Points       []claims.Sentence // only where it is the lead table
	Undetected   string
	Rows         []largeRow
	Dots         drawing
	CSV, Parquet string
}

type largeRow struct {
	Label, Value, Range string
	Bar                 template.HTML
}

var intervalSize = chart.Size{W: 220, H: 16}

func (w writer) large(t outputs.Table) (large, error) {
	n := claims.Cells(t)
	half, err := w.half(t)
	if err != nil {
		return large{}, err
	}
	l := large{ID: "t-" + t.Name, Title: w.title(t), Cells: w.Int(int64(n)), Half: w.Int(half),
		CSV: "../data/" + t.Name + ".csv", Parquet: "../data/" + t.Name + ".parquet"}
	if t.Name == w.tables[w.lead].Name {
		l.Points, l.Undetected = w.said(t)
	}
	from, end := t.Newest()
	top := 0.0
	for i := from; i < end; i++ {
		top = max(top, float64(t.High[i]))
	}
	numbers := 0
	var filled []bool
	for i := from; i < end; i++ {
		counts := !t.Status[i].Empty() && t.Status[i] != outputs.StructuralZero // of which there is something to say
		filled = append(filled, counts && !dominated(t, i))
		if !counts {
			continue
		}
		numbers++
		if dominated(t, i) {
			continue
		}
		bar, err := chart.Interval(chart.Point{Y: float64(t.Value[i]), Low: float64(t.Low[i]), High: float64(t.High[i])}, top, intervalSize)
		if err != nil {
			return l, fmt.Errorf("table %s: %w", t.Name, err)
		}
		l.Rows = append(l.Rows, largeRow{w.label(t, i), w.Int(t.Value[i]), w.Range(t.Low[i], t.High[i]), template.HTML(bar)})
	}
	l.Shown = w.Int(int64(len(l.Rows)))
	l.Share = w.share(numbers-len(l.Rows), numbers)
	h := chart.Head{ID: l.ID, Title: l.Title + ", one dot a cell",
		Desc: fmt.Sprintf("%s of %s dots are filled: the cells that are larger than their noise.", l.Shown, l.Cells)}
	l.Dots, err = draw(func(s chart.Size) (string, error) { return chart.Dots(h, filled, s) })
	return l, err
}

// share writes n of all as a per cent.
func (w writer) share(n, all int) string {
	return w.Percent(float64(n) / float64(max(1, all)))
}
