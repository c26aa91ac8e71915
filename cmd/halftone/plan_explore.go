package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"

	"halftone/outputs"
	"halftone/pipeline"
	"halftone/privacy"
)

// An exploreObject is what is asked of a plan with --explore.
type exploreObject struct {
	Budgets  []exploreBudget  `json:"budgets"`
	Variants []exploreVariant `json:"variants"`
}

// An exploreBudget is one mechanism at one budget: ± of the worst cell by table.
type exploreBudget struct {
	Mechanism string  `json:"mechanism"`
	Factor    float64 `json:"factor"` // of the declared budget
	Epsilon   float64 `json:"epsilon"`
	Delta     float64 `json:"delta"`
	privacy.Cost
	Guess int              `json:"guess_percent"`
	Half  map[string]int64 `json:"half_width"`
}

type exploreVariant struct {
	Mechanism string           `json:"mechanism"`
	Without   []string         `json:"without,omitempty"`
	Dimension string           `json:"dimension,omitempty"`
	From      string           `json:"from,omitempty"`
	To        string           `json:"to,omitempty"`
	Ratio     float64          `json:"ratio"` // of the ± of the tables that stay
	Worth     float64          `json:"worth_epsilon"`
	Half      map[string]int64 `json:"half_width"`
}

func (a *app) explore(ctx context.Context, l pipeline.Line, page string) error {
	if page != "" && a.current != "" {
		return usage("--html writes one dataset: -C its folder")
	}
	x, err := l.Explore(ctx)
	if err != nil {
		return err
	}
	if page != "" {
		if err := writePage(page, l, x); err != nil {
			return err
		}
	}
	if !a.json {
		a.printExplore(l, x, page)
		return nil
	}
	f, err := l.Forecast(ctx)
	if err != nil {
		return err
	}
	o := planJSON(f)
	o.Explore = exploreJSON(x)
	return a.object(o)
}

func exploreJSON(x pipeline.Exploration) *exploreObject {
	named := func(half []int64) map[string]int64 {
		out := map[string]int64{}
		for i, h := range half {
			if h >= 0 {
				out[x.Tables[i]] = h
			}
		}
		return out
	}
	o := &exploreObject{Budgets: []exploreBudget{}, Variants: []exploreVariant{}}
	for _, m := range x.Mechanisms {
		for _, p := range x.Grid {
			if c, ok := p.Errors[m]; ok {
				o.Budgets = append(o.Budgets, exploreBudget{m, rounded(p.Factor), rounded(p.Epsilon), deltaOf(m, p), c.Cost, c.Guess(), named(c.Half)})
			}
		}
		for _, v := range x.Variants {
			if c, ok := v.Errors[m]; ok {
				o.Variants = append(o.Variants, exploreVariant{m, v.Without, v.Dimension, v.From, v.To, rounded(c.Ratio), rounded(c.Worth), named(c.Half)})
			}
		}
	}
	return o
}

// deltaOf is the δ that a mechanism spends.
func deltaOf(mechanism string, p pipeline.BudgetPoint) float64 {
	if mechanism == privacy.LaplaceMechanism {
		return 0
	}
	return p.Delta
}

func rounded(x float64) float64 { return math.Round(x*1e6) / 1e6 }

// short3 writes a number with at most three digits that count: 0.25, 1, 1.33, 24.
func short3(x float64) string {
	s := strconv.FormatFloat(x, 'g', 3, 64)
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		s = strconv.FormatFloat(f, 'f', -1, 64)
	}
	return s
}

var mechanismShort = map[string]string{privacy.LaplaceMechanism: "Laplace", privacy.PlannerMechanism: "residual planner"}

func (a *app) printExplore(l pipeline.Line, x pipeline.Exploration, page string) {
	unit := protected(x.Spec.Unit, x.Guarantees)
	if x.Spec.Budget.PerPeriod {
		unit += " in one period"
	}
	a.print("%s · series %d · touches no data: what budgets and tables would buy\n", l.Dataset.Name, x.Spec.Series)
	if x.Targets {
		a.print("The targets of halftone.yaml are left out here: every budget is spent whole.\n")
	}
	for i, m := range x.Mechanisms {
		used := "in use"
		if i > 0 {
			used = "the other one"
		}
		a.print("\n%s (%s): ± at 95%% of the worst cell, by epsilon of the budget of %s%s\n", mechanismShort[m], used, unit, deltaNote(m, x))
		a.printBudgets(x, m)
	}
	a.print("The budget is for all periods and editions together. guess: someone 50%% sure that %s is in the data%s is right at most so often after reading all of it.\n",
		protected(x.Spec.Unit, x.Guarantees), ofSources(x.Guarantees))
	a.printNoGuarantee("", x.Guarantees)
	a.printVariants(x)
	if page != "" {
		a.print("\nwritten    %s\n", page)
	}
	a.print("\nNext: change privacy.budget or tables in halftone.yaml before the first charge, then halftone plan. Nothing has been charged.\n")
}

func deltaNote(mechanism string, x pipeline.Exploration) string {
	if mechanism == privacy.LaplaceMechanism {
		return ""
	}
	return " at delta " + outputs.Plain(x.Grid[0].Delta)
}

func (a *app) printBudgets(x pipeline.Exploration, m string) {
	g := grid{}
	head, times, guess := []string{"epsilon"}, []string{"of the declared"}, []string{"guess"}
	for _, p := range x.Grid {
		mark := "× " + short3(p.Factor)
		if p.Factor == 1 {
			mark = "declared"
		}
		head, times = append(head, short3(p.Epsilon)), append(times, mark)
		said := "–"
		if c, ok := p.Errors[m]; ok {
			said = fmt.Sprintf("%d%%", c.Guess())
		}
		guess = append(guess, said)
	}
	g.add(head...)
	g.add(times...)
	g.add(guess...)
	for i, name := range x.Tables {
		row := []string{name}
		for _, p := range x.Grid {
			text := "–"
			if c, ok := p.Errors[m]; ok {
				text = "± " + group(c.Half[i])
			}
			row = append(row, text)
		}
		g.add(row...)
	}
	g.write(a.out)
}

// what says what a variant does.
func what(v pipeline.Variant) string {
	if v.Dimension == "" {
		return "without " + list(v.Without)
	}
	if v.Root {
		return fmt.Sprintf("%s left out (%s)", v.Dimension, list(v.Changed))
	}
	return fmt.Sprintf("%s by %s, not %s (%s)", v.Dimension, v.To, v.From, list(v.Changed))
}

func (a *app) printVariants(x pipeline.Exploration) {
	if len(x.Variants) == 0 {
		return
	}
	a.print("\nFewer or coarser tables at the declared budget\n")
	g := grid{}
	head := []string{""}
	for _, m := range x.Mechanisms {
		head = append(head, mechanismShort[m], "as epsilon")
	}
	g.add(head...)
	for _, v := range x.Variants {
		row := []string{what(v)}
		for _, m := range x.Mechanisms {
			c := v.Errors[m]
			row = append(row, fmt.Sprintf("× %.2f", c.Ratio), short3(c.Worth))
		}
		g.add(row...)
	}
	g.write(a.out)
	a.print("×: what the ± of the tables that stay is multiplied by. As epsilon: the one with which they would be as accurate with all tables.\n")
}

// writePage writes the page; a file that is there and is none is left alone.
func writePage(name string, l pipeline.Line, x pipeline.Exploration) error {
	old, err := os.ReadFile(name)
	if err == nil && !strings.HasPrefix(string(old), "<!doctype html>") {
		return usage("--html %s: the file is there and is not a page", name)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return usage("--html: %w", err)
	}
	b, err := explorePage(l, x)
	if err != nil {
		return err
	}
	if err := os.WriteFile(name, b, 0o644); err != nil { //nolint:gosec // a page to show
		return usage("--html: %w", err)
	}
	return nil
}
