package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"halftone/outputs"
	"halftone/outputs/chart"
	"halftone/outputs/report/page"
	"halftone/pipeline"
	"halftone/privacy"
)

//go:embed explore.html
var exploreText string

var exploreTemplate = template.Must(template.New("explore").Funcs(template.FuncMap{"css": page.CSS}).Parse(exploreText))

// An exploreView is what the page shows.
type exploreView struct {
	Title, Unit, OneUnit, Counts string
	Epsilon, Delta, Guess        string
	Used                         string
	Targets                      bool
	Contribution                 string
	NoGuarantee                  string // sentences; "": the promise is made for all
	OfSources                    string
	Panels                       []explorePanel
	Key                          string
	Budgets                      []exploreTable
	Mechanisms                   []string
	Variants                     []exploreRow
	Best                         []string // sentences
}

type explorePanel struct {
	Label string
	SVG   template.HTML
}

type exploreTable struct {
	ID, Caption string
	Head        []exploreHead
	Rows        []exploreRow
}

type exploreHead struct {
	Epsilon, Guess string
	Declared       bool
}

type exploreRow struct {
	Label string
	Cells []exploreCell
}

type exploreCell struct {
	Text     string
	Declared bool
}

// explorePage draws x: one self-contained page that reads without JavaScript.
func explorePage(l pipeline.Line, x pipeline.Exploration) ([]byte, error) {
	v := newExploreView(l, x)
	for i, name := range x.Tables {
		p, err := explorePlot(x, i)
		if err != nil {
			return nil, fmt.Errorf("explore: %s: %w", name, err)
		}
		v.Panels = append(v.Panels, p)
	}
	var b bytes.Buffer
	if err := exploreTemplate.Execute(&b, v); err != nil {
		return nil, fmt.Errorf("explore: %w", err)
	}
	return b.Bytes(), nil
}

func newExploreView(l pipeline.Line, x pipeline.Exploration) exploreView {
	d, at := l.Dataset, declared(x)
	v := exploreView{Title: d.About.Title.In("en"), Unit: outputs.Protected(x.Spec.Unit, x.Guarantees), OneUnit: protected(x.Spec.Unit, x.Guarantees), NoGuarantee: outputs.NoGuaranteeInWords(x.Guarantees), OfSources: ofSources(x.Guarantees), Counts: d.About.Counts.In("en"),
		Epsilon: short3(at.Epsilon), Used: mechanismShort[x.Mechanisms[0]], Targets: x.Targets}
	if m := x.Mechanisms[0]; deltaOf(m, at) > 0 {
		v.Delta = outputs.Plain(at.Delta)
	}
	if c, ok := at.Errors[x.Mechanisms[0]]; ok {
		v.Guess = fmt.Sprintf("%d%%", c.Guess())
	}
	b := x.Spec.Bound()
	v.Contribution = fmt.Sprintf("%s changes the counts of a period by at most %d", capital(v.OneUnit), b.PerPeriod)
	if b.Periods > 0 {
		v.Contribution += fmt.Sprintf(" and is in at most %s", plural(int(b.Periods), "period", "periods"))
	}
	for _, m := range x.Mechanisms {
		v.Mechanisms = append(v.Mechanisms, mechanismShort[m])
		v.Budgets = append(v.Budgets, budgetsOf(x, m))
	}
	if len(x.Mechanisms) > 1 {
		v.Key = "Circles: " + v.Mechanisms[0] + ", in use. Squares: " + v.Mechanisms[1] + "."
	}
	for _, k := range x.Variants {
		row := exploreRow{Label: capital(what(k))}
		for _, m := range x.Mechanisms {
			c := k.Errors[m]
			row.Cells = append(row.Cells, exploreCell{Text: fmt.Sprintf("× %.2f", c.Ratio)}, exploreCell{Text: short3(c.Worth)})
		}
		v.Variants = append(v.Variants, row)
	}
	v.Best = sentences(x, at)
	return v
}

func declared(x pipeline.Exploration) pipeline.BudgetPoint {
	return x.Grid[slices.IndexFunc(x.Grid, func(p pipeline.BudgetPoint) bool { return p.Factor == 1 })]
}

func budgetsOf(x pipeline.Exploration, m string) exploreTable {
	t := exploreTable{ID: "budgets-" + m, Caption: capital(strings.ToLower(mechanismShort[m][:1])+mechanismShort[m][1:]) + ": ± at 95% of the worst cell of each table"}
	for _, p := range x.Grid {
		h := exploreHead{Epsilon: short3(p.Epsilon), Guess: "–", Declared: p.Factor == 1}
		if c, ok := p.Errors[m]; ok {
			h.Guess = fmt.Sprintf("%d%%", c.Guess())
		}
		t.Head = append(t.Head, h)
	}
	for i, name := range x.Tables {
		row := exploreRow{Label: fmt.Sprintf("%s (%s)", name, plural(x.Cells[i], "cell", "cells"))}
		for _, p := range x.Grid {
			cell := exploreCell{Text: "–", Declared: p.Factor == 1}
			if c, ok := p.Errors[m]; ok {
				cell.Text = "± " + group(c.Half[i])
			}
			row.Cells = append(row.Cells, cell)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// sentences say in words what stands out.
func sentences(x pipeline.Exploration, at pipeline.BudgetPoint) (out []string) {
	m := x.Mechanisms[0]
	half := func(factor float64) []int64 {
		for _, p := range x.Grid {
			if p.Factor == factor {
				return p.Errors[m].Half
			}
		}
		return nil
	}
	if now, less, more := at.Errors[m].Half, half(0.5), half(2); now != nil && less != nil && more != nil {
		i := largest(x.Cells)
		out = append(out, fmt.Sprintf("With half the budget the worst cell of %s would be known to ± %s instead of ± %s; with twice the budget to ± %s.",
			x.Tables[i], group(less[i]), group(now[i]), group(more[i])))
	}
	if best := bestVariant(x, m, false); best != nil {
		out = append(out, fmt.Sprintf("%s: the noise of the other tables falls to %.0f%%, which is as good as epsilon %s with all tables.", capital(what(*best)), 100*best.Errors[m].Ratio, short3(best.Errors[m].Worth)))
	}
	if best := bestVariant(x, m, true); best != nil {
		out = append(out, fmt.Sprintf("%s: the noise of the other tables falls to %.0f%%, which is as good as epsilon %s with the finer ones.", capital(what(*best)), 100*best.Errors[m].Ratio, short3(best.Errors[m].Worth)))
	}
	return out
}

func largest(cells []int) int {
	return slices.Index(cells, slices.Max(cells))
}

// bestVariant is the one that helps the others most, by 3 % at least.
func bestVariant(x pipeline.Exploration, m string, coarser bool) *pipeline.Variant {
	var best *pipeline.Variant
	for i := range x.Variants {
		v := &x.Variants[i]
		if (v.Dimension != "") == coarser && v.Errors[m].Ratio < 0.97 && (best == nil || v.Errors[m].Ratio < best.Errors[m].Ratio) {
			best = v
		}
	}
	return best
}

// explorePlot is the error of one table against epsilon, a line a mechanism.
func explorePlot(x pipeline.Exploration, table int) (explorePanel, error) {
	c := chart.Lines{Head: chart.Head{ID: fmt.Sprintf("table-%d", table), Title: "± of " + x.Tables[table] + " by epsilon"},
		Number: func(n int64) string { return group(n) }}
	for _, p := range x.Grid {
		c.Periods = append(c.Periods, short3(p.Epsilon))
	}
	var said []string
	for _, m := range x.Mechanisms {
		s := chart.Series{Label: map[string]string{privacy.PlannerMechanism: "planner", privacy.LaplaceMechanism: "Laplace"}[m]}
		for _, p := range x.Grid {
			e, ok := p.Errors[m]
			if !ok {
				s.Points = append(s.Points, chart.Point{Empty: true})
				continue
			}
			y := float64(e.Half[table])
			s.Points = append(s.Points, chart.Point{Y: y, Low: y, High: y})
			if p.Factor == 1 {
				said = append(said, fmt.Sprintf("%s: ± %s at the declared epsilon %s", mechanismShort[m], group(e.Half[table]), short3(p.Epsilon)))
			}
		}
		if slices.ContainsFunc(s.Points, func(p chart.Point) bool { return !p.Empty }) {
			c.Series = append(c.Series, s)
		}
	}
	c.Desc = "The half width of the 95 percent interval of the worst cell falls as epsilon grows. " + strings.Join(said, "; ") + ". The numbers are in the table below."
	svg, err := c.SVG(chart.Size{Name: "e", W: 340, H: 215}) // beside each other, and on a phone
	return explorePanel{Label: fmt.Sprintf("%s, %s", x.Tables[table], plural(x.Cells[table], "cell", "cells")), SVG: template.HTML(svg)}, err
}
