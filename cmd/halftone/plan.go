package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"halftone/outputs"
	"halftone/outputs/report/page"
	"halftone/pipeline"
	"halftone/privacy"
)

func (a *app) planCommand() *cobra.Command {
	var targets []string
	var explore bool
	var page string
	c := &cobra.Command{
		Use: "plan", Short: "say what a release would cost and how accurate it would be", Args: none,
		Long: "Prices one release and forecasts the accuracy of every table, from halftone.yaml and the ledger alone. Touches no data.\n" +
			"  --target \"by-region: ±20\"    the least budget with which the worst cell of the table is known to ± 20, and what each target costs;\n" +
			"                               more than one may be given, in place of privacy.targets\n" +
			"  --explore                    error against epsilon, and what fewer or coarser tables would buy; --html FILE writes it as a page",
		RunE: func(c *cobra.Command, _ []string) error {
			if explore && len(targets) > 0 {
				return usage("--target and --explore are two questions: ask one at a time")
			}
			if page != "" && !explore {
				return usage("--html goes with --explore")
			}
			want, err := readTargets(targets)
			if err != nil {
				return err
			}
			return a.each(func(l pipeline.Line) error {
				switch {
				case want != nil:
					return a.price(c.Context(), l, want)
				case explore:
					return a.explore(c.Context(), l, page)
				}
				f, err := l.Forecast(c.Context())
				if err != nil {
					return err
				}
				if a.json {
					return a.object(planJSON(f))
				}
				a.printPlan(l, f)
				return nil
			})
		},
	}
	c.Flags().StringArrayVar(&targets, "target", nil, "a table and its ± at 95 %, as in \"by-region: ±20\": price that, in place of privacy.targets (may be repeated)")
	c.Flags().BoolVar(&explore, "explore", false, "error against epsilon, and what fewer or coarser tables would buy")
	c.Flags().StringVar(&page, "html", "", "with --explore: write it as a page, too")
	return c
}

type planObject struct {
	Mechanism string `json:"mechanism"`
	privacy.Cost
	Epsilon float64     `json:"epsilon"`
	Delta   float64     `json:"delta"`
	Tables  []planTable `json:"tables"`
	// Sources for the people behind which nothing is promised.
	NoGuarantee []string       `json:"no_guarantee,omitempty"`
	Targets     *planTargets   `json:"targets,omitempty"` // with --target
	Explore     *exploreObject `json:"explore,omitempty"` // with --explore
}

// printNoGuarantee says for whom no promise is made.
func (a *app) printNoGuarantee(label string, g privacy.Guarantees) {
	if s := outputs.NoGuaranteeInWords(g); s != "" {
		a.print("%s%s\n", label, s)
	}
}

type planTable struct {
	Name       string  `json:"name"`
	Cells      int     `json:"cells"`
	SD         float64 `json:"sd"`
	Detectable int64   `json:"detectable"`
	// With --target, nano-rho.
	Target  float64 `json:"target,omitempty"`
	Alone   uint64  `json:"alone_nano,omitempty"`
	Without uint64  `json:"without_nano,omitempty"`
}

// planJSON is about one release; delta is what the mechanism spends, 0 with a
// pure epsilon.
func planJSON(f pipeline.Forecast) planObject {
	t := f.Spec.Terms()
	cost := t.Cost(f.Plan.Cost())
	o := planObject{Mechanism: f.Plan.Mechanism, Cost: cost, Epsilon: math.Ceil(1e6*cost.Epsilon(t.ShownDelta())-1e-3) / 1e6, Delta: t.ShownDelta(), NoGuarantee: f.Guarantees.None()}
	for _, t := range f.Tables {
		o.Tables = append(o.Tables, planTable{Name: t.Name, Cells: t.Cells, SD: math.Round(t.SD*1e6) / 1e6, Detectable: t.Detectable})
	}
	return o
}

func (a *app) printPlan(l pipeline.Line, f pipeline.Forecast) {
	d := l.Dataset
	counts := d.About.Counts.In("en")
	a.print("%s · series %d · touches no data · plan %s\n", d.Name, d.Spec.Series, short(f.Spec.Digest()))
	a.printDue(l, f)
	g := grid{left: map[int]bool{6: true}}
	g.add("", "cells", "of the budget", "± at 95%", "smallest visible change", "a cell is known within ±20% above")
	for _, t := range f.Tables {
		large := ""
		switch {
		case t.Large >= 0 && 5*t.Large < t.Cells && t.Cells > 1:
			large = fmt.Sprintf("few are so large (%d of %d in %s)", t.Large, t.Cells, f.Seen.Period)
		case t.Large == 0:
			large = "not so large in " + f.Seen.Period.String()
		}
		g.add(t.Name, group(t.Cells), fmt.Sprintf("%.0f%%", 100*t.Share), "± "+ends(t.BestHalfWidth, t.HalfWidth), ends(t.BestDetectable, t.Detectable), group(t.KnownTo)+" "+counts, large)
	}
	a.print("\n")
	g.write(a.out)
	a.print("± and change are of the best … the worst cell, privacy noise only, before any data are read; change is within one table alone.\n")
	a.print("A report compares more at once and so needs somewhat larger changes.\n")
	a.printUseless(f, counts)
	a.print("\n")
	a.printPlanBudget(l, f)
	a.printGains(f)
	for _, r := range f.Rules {
		a.print("source %s: its own rules (suppression, rounding) make a figure move by up to %d for one %s, so the noise of every table is %s times\n"+
			"what exact figures would need. Ask the agency for unsuppressed counts.\n", r.Source, r.L, d.Spec.Unit, outputs.Plain(math.Round(r.Factor*10)/10))
	}
	if len(f.NoRoom) > 0 {
		a.print("The budget of %s is spent (all series of a period share it): a run refuses.\nNext: halftone budget\n", spanKeys(f.NoRoom))
		return
	}
	if len(f.Due) > 0 {
		if l.Dataset.Approvals > 0 {
			a.print("Next: halftone run        says which of %s %s must approve before they are charged. Nothing has been charged by this command.\n",
				plural(len(f.Due), "release", "releases"), plural(l.Dataset.Approvals, "person", "people"))
			return
		}
		a.print("Next: halftone run        charges %s, one a period. Nothing has been charged by this command.\n", plural(len(f.Due), "release", "releases"))
		return
	}
	a.print("Next: halftone status     nothing is due now, and nothing has been charged by this command.\n")
}

// ends are the best and the worst cell's figure, one where they are the same.
func ends(best, worst int64) string {
	if best == worst {
		return group(worst)
	}
	return group(best) + " … " + group(worst)
}

// printUseless names tables whose cells drown, and before anything is released
// what the finest table asks for.
func (a *app) printUseless(f pipeline.Forecast, counts string) {
	var names []string
	for _, t := range f.Tables {
		if t.Large == 0 {
			names = append(names, t.Name)
		}
	}
	if len(names) > 0 {
		a.print("Useless at this budget, going by what is published of %s: %s. No cell is larger than five times its ±.\n", f.Seen.Period, strings.Join(names, ", "))
	}
	finest := slices.MaxFunc(f.Tables, func(x, y pipeline.TableForecast) int { return x.Cells - y.Cells })
	if finest.Large < 0 && finest.Cells > 1 {
		a.print("For the average cell of %s to be so large, a period needs %s %s in all; with far fewer the table is useless at this budget.\n",
			finest.Name, group(finest.KnownTo*int64(finest.Cells)), counts)
	}
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
	a.print("%s %s due: %s (a period is due %s after its end%s)\n", plural(len(f.Due), "period", "periods"), verb, spanKeys(f.Due), c.Wait, last)
}

func (a *app) printPlanBudget(l pipeline.Line, f pipeline.Forecast) {
	t, unit := f.Spec.Terms(), protected(f.Spec.Unit, f.Guarantees)
	who := unit
	if t.PerPeriod {
		who = unit + " in one period"
	}
	kept := t.Cap() - f.Shares[0]
	row := func(name string, text func(nano uint64) string) []string {
		last := "–"
		if f.Spec.Editions > 1 {
			last = text(kept)
		}
		return []string{name, text(t.Budget), text(t.Cap()), text(f.Plan.Cost()), last}
	}
	g := grid{}
	g.add("budget of "+who, "in all", "each period", "of which now", "kept for revisions")
	name := "epsilon"
	if t.Unit == privacy.RhoNano {
		name = fmt.Sprintf("epsilon (delta %s)", outputs.Plain(t.ShownDelta()))
	}
	g.add(row(name, func(n uint64) string { return a.epsilonOf(t, n) })...)
	if t.Unit == privacy.RhoNano {
		g.add(row("nano-rho", func(n uint64) string { return group(n) })...)
	}
	g.write(a.out)
	if f.Spec.Editions > 1 {
		a.printRevisions(l, f)
	}
	if t.Delta > 0 && t.Unit == privacy.EpsilonNano {
		a.print("The budget allows delta %s as well; the Laplace mechanism spends it as pure epsilon and needs no delta.\n", outputs.Plain(t.Delta))
	}
	if b := f.Spec.Bound(); b.Periods > 0 {
		a.print("%s is in at most %s and changes its counts by at most %d (%s), so all periods together cost one what %s cost.\n",
			capital(unit), plural(int(b.Periods), "period", "periods"), b.PerPeriod, enforced(f.Spec), plural(int(b.Periods), "period", "periods"))
	} else {
		a.print("%s may be in any number of periods: the promise is about one period at a time. It changes the counts of one by at most %d (%s).\n", capital(unit), b.PerPeriod, enforced(f.Spec))
	}
	where := "in the data"
	if t.PerPeriod {
		where += " of a period"
	}
	where += ofSources(f.Guarantees)
	a.print("in words   when all of it is spent, someone 50%% sure that %s is %s is right at most %d%% of the time\n", unit, where, t.Cost(t.Budget).Guess())
	a.printNoGuarantee("", f.Guarantees)
	a.print("mechanism  %s%s\n", mechanismName[f.Plan.Mechanism], whyMechanism(l, f))
	if f.Spec.Targets != nil {
		a.print("targets    are met with %.0f%% of what this release may cost; the rest is not spent\n", 100*float64(f.Plan.Cost())/float64(f.Shares[0]))
	}
}

// printRevisions says what is kept for, and what of it is lost.
func (a *app) printRevisions(l pipeline.Line, f pipeline.Forecast) {
	if f.Spec.Terms().Unit == privacy.RhoNano {
		a.print("Nano-rho add up, their epsilons do not.\n")
	}
	now, late := a.clock.Now(), 0
	for _, k := range f.Due {
		if k.Edition == 1 && !l.Dataset.Calendar.EditionDueAt(k.Period, 2).After(now) {
			late++
		}
	}
	if late > 0 {
		a.print("Of %s the day of a planned revision has passed already: that revision will not be made, and what is kept for it is lost.\n",
			plural(late, "due period", "due periods"))
	}
}

var mechanismName = map[string]string{
	privacy.LaplaceMechanism: "Laplace, one draw a cell; estimates do not add up over tables",
	privacy.PlannerMechanism: "residual planner, discrete Gaussian noise; estimates add up over tables",
}

// whyMechanism sets both mechanisms side by side.
func whyMechanism(l pipeline.Line, f pipeline.Forecast) string {
	how := ""
	if l.Dataset.Auto {
		how = " (auto: a budget with a delta would let it compare the planner)"
		if f.Spec.Budget.NanoEpsilon == 0 {
			how = " (auto: a budget in rho is the planner's)"
		}
		if f.Spec.Targets != nil {
			how = " (auto: targets go with it)"
		}
		if f.Other != nil {
			how = " (auto: least mean variance over tables)"
		}
		if f.Seen.Dataset != "" {
			how = " (auto: fixed by the first charge)"
		}
	}
	if f.Other == nil {
		return how
	}
	other := map[string]string{privacy.LaplaceMechanism: "Laplace", privacy.PlannerMechanism: "the planner"}[f.Other.Mechanism]
	var best, worst int64 = math.MaxInt64, 0
	for _, t := range f.Other.Tables {
		best, worst = min(best, t.BestHalfWidth), max(worst, t.HalfWidth)
	}
	return fmt.Sprintf("%s;\n           %s would give ± %s (sd of a cell over tables, root mean square: %.1f, with %s %.1f)",
		how, other, ends(best, worst), f.Other.Mean, other, f.Other.Other)
}

// printGains says what dropping tables would give, the largest gains first.
func (a *app) printGains(f pipeline.Forecast) {
	for i, g := range f.Gains {
		if i == 3 || g.Then > 0.97*g.Now {
			return
		}
		a.print("Without %s a cell of %s would be ± %.1f on average instead of ± %.1f.\n", list(g.Without), g.Table, g.Then, g.Now)
	}
}

// list writes a, b and c.
func list(names []string) string {
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return names[0]
}

func article(unit string) string { return page.A(unit) }

// protected is what a promise protects, with its article.
func protected(unit string, g privacy.Guarantees) string { return article(outputs.Protected(unit, g)) }

// ofSources says of which sources a sentence about the data holds.
func ofSources(g privacy.Guarantees) string {
	if len(g.None()) > 0 && !g.Nobody() {
		return " of a source that has a guarantee"
	}
	return ""
}

func capital(s string) string { return string(s[0]-'a'+'A') + s[1:] }

// enforced says which bounds Halftone keeps and which are the agencies' word.
func enforced(s privacy.Spec) string {
	kept := 0
	for _, src := range s.Sources {
		if src.Namespace != "" {
			kept++
		}
	}
	switch {
	case kept == 0:
		return "stated, not enforced"
	case kept < len(s.Sources):
		return fmt.Sprintf("enforced by person key in %d of %d sources, else stated", kept, len(s.Sources))
	}
	return "a period's enforced by person key, the periods stated"
}
