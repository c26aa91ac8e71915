package main

import (
	"math"
	"strconv"

	"github.com/spf13/cobra"

	"halftone/pipeline"
)

func (a *app) planCommand() *cobra.Command {
	return &cobra.Command{
		Use: "plan", Short: "say what a release would cost and how accurate it would be", Args: none,
		Long: "Prices one release and forecasts the accuracy of every table, from halftone.yaml and the ledger alone. Touches no data.",
		RunE: func(c *cobra.Command, _ []string) error {
			l, err := a.line()
			if err != nil {
				return err
			}
			f, err := l.Forecast(c.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.object(planJSON(l, f))
			}
			a.printPlan(l, f)
			return nil
		},
	}
}

type planObject struct {
	Mechanism   string      `json:"mechanism"`
	NanoEpsilon uint64      `json:"epsilon_nano"`
	Epsilon     float64     `json:"epsilon"`
	Delta       float64     `json:"delta"`
	Tables      []planTable `json:"tables"`
}

type planTable struct {
	Name       string  `json:"name"`
	Cells      int     `json:"cells"`
	SD         float64 `json:"sd"`
	Detectable int64   `json:"detectable"`
}

// planJSON is about one release; delta is what the mechanism spends: none.
func planJSON(_ pipeline.Line, f pipeline.Forecast) planObject {
	o := planObject{Mechanism: f.Plan.Mechanism, NanoEpsilon: f.Plan.NanoEpsilon, Epsilon: float64(f.Plan.NanoEpsilon) / 1e9}
	for _, t := range f.Tables {
		o.Tables = append(o.Tables, planTable{t.Name, t.Cells, math.Round(t.SD*1e6) / 1e6, t.Detectable})
	}
	return o
}

func (a *app) printPlan(l pipeline.Line, f pipeline.Forecast) {
	d := l.Dataset
	a.print("%s · series %d · touches no data · plan %s\n", d.Name, d.Spec.Series, short(f.Digest))
	a.printDue(l, f)
	g := grid{left: map[int]bool{5: true}}
	g.add("", "cells", "± at 95%", "smallest visible change", "a cell is known within ±20% above")
	for _, t := range f.Tables {
		g.add(t.Name, group(t.Cells), "± "+group(t.HalfWidth), group(t.Detectable), group(t.KnownTo)+" "+d.About.Counts.In("en"))
	}
	a.print("\n")
	g.write(a.out)
	a.print("± and change are of the worst cell, privacy noise only, before any data are read; change is within one table alone.\nA report compares more at once and so needs somewhat larger changes.\n\n")
	a.printPlanBudget(l, f)
	if t := dearest(f); t.Without > 0 {
		a.print("\nEach table costs 1/%d of the budget. Without one of them, any of them, the others would be ± %s.\n", len(f.Tables), group(t.Without))
	}
	if len(f.Due) > 0 {
		a.print("Next: halftone run        charges %s, one a period. Nothing has been charged by this command.\n", plural(len(f.Due), "release", "releases"))
		return
	}
	a.print("Next: halftone status     nothing is due now, and nothing has been charged by this command.\n")
}

func (a *app) printDue(l pipeline.Line, f pipeline.Forecast) {
	c := l.Dataset.Calendar
	last := ""
	if p := c.To; p.Months() > 0 {
		last = "; the last declared is " + p.String()
	}
	if len(f.Due) == 0 {
		a.print("No period is due (a period is due %s after its end%s)\n", c.Wait, last)
		return
	}
	verb := "are"
	if len(f.Due) == 1 {
		verb = "is"
	}
	a.print("%s %s due: %s (a period is due %s after its end%s)\n", plural(len(f.Due), "period", "periods"), verb, span(f.Due), c.Wait, last)
}

func (a *app) printPlanBudget(l pipeline.Line, f pipeline.Forecast) {
	b, unit := l.Dataset.Spec.Budget, article(l.Dataset.Spec.Unit)
	who := unit
	if b.PerPeriod {
		who = unit + " in one period"
	}
	g := grid{}
	g.add("budget of "+who, "in all", "each period", "of which now")
	g.add("epsilon", epsilon(b.NanoEpsilon), epsilon(l.Dataset.Spec.Terms().Cap()), epsilon(f.Plan.NanoEpsilon))
	g.write(a.out)
	if b.Delta > 0 {
		a.print("The budget allows delta %s as well; the Laplace mechanism spends it as pure epsilon and needs no delta.\n", strconv.FormatFloat(b.Delta, 'g', -1, 64))
	}
	if p := f.Bound.Periods; p > 0 {
		a.print("%s is in at most %s and changes its counts by at most %d (stated, not enforced), so all periods together cost one what %s cost.\n",
			capital(unit), plural(int(p), "period", "periods"), f.Bound.PerPeriod, plural(int(p), "period", "periods"))
	} else {
		a.print("%s may be in any number of periods: the promise is about one period at a time.\n", capital(unit))
	}
	how := ""
	if l.Dataset.Auto {
		how = " (auto: it is the one that this version has)"
	}
	a.print("mechanism  Laplace, one draw a cell%s: every cell has the same noise, and values do not add up over tables\n", how)
}

// dearest is the first table: with one draw a cell all cost alike.
func dearest(f pipeline.Forecast) pipeline.TableForecast { return f.Tables[0] }

func article(unit string) string {
	if unit == "event" {
		return "an event"
	}
	return "a " + unit
}

func capital(s string) string { return string(s[0]-'a'+'A') + s[1:] }
