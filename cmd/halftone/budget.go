package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"halftone/outputs"
	"halftone/pipeline"
	"halftone/privacy"
)

func (a *app) budgetCommand() *cobra.Command {
	var check bool
	c := &cobra.Command{
		Use: "budget", Short: "say what has been spent and what is left", Args: none,
		Long: "Says what has been spent and what is left. With --verify it holds the ledger against its sealed files and the public\n" +
			"folder instead: exit code 5 when the ledger is locked or its chain is broken, 6 on a difference.",
		RunE: func(c *cobra.Command, _ []string) error {
			return a.each(func(l pipeline.Line) error {
				if check {
					return a.audit(c.Context(), l)
				}
				b, err := l.Budget(c.Context())
				if err != nil {
					return err
				}
				if a.json {
					return a.object(budgetJSON(b))
				}
				a.printBudget(l, b)
				return nil
			})
		},
	}
	c.Flags().BoolVar(&check, "verify", false, "check chain, seals, costs, caps and the public folder")
	return c
}

// audit prints what came of holding the ledger against files.
func (a *app) audit(ctx context.Context, l pipeline.Line) error {
	r, err := l.Audit(ctx)
	if err != nil {
		return err
	}
	if a.json {
		if err := a.object(r); err != nil {
			return err
		}
	} else {
		a.print("%s · the ledger, its sealed files and the public folder; no data were read\n", l.Dataset.Name)
		a.printChecks(r.Checks)
	}
	switch {
	case r.Locked:
		if !a.json {
			a.print("the ledger is locked: nothing is charged before the newest copy of the state folder is back\nNext: halftone restore FILE   from the newest backup\n")
		}
		return &exitError{5, nil}
	case !r.OK:
		if !a.json {
			a.print("not verified: somebody has to look at this before the next run\n")
		}
		return &exitError{6, nil}
	case !a.json:
		a.print("verified\nNext: halftone verify %s   checks the published files themselves\n", filepath.Join(l.Public, "datasets", l.Dataset.Name))
	}
	return nil
}

// restated says what an amended bound has done to earlier releases.
func restated(e privacy.Entry) string {
	if e.BoundNow == 0 {
		return ""
	}
	return fmt.Sprintf(": what was released before counts for a bound of %d, not %d", e.BoundNow, e.BoundWas)
}

type budgetObject struct {
	Unit    string         `json:"unit"`
	Head    string         `json:"head"`
	Periods []budgetPeriod `json:"periods"`
	// Sources for the people behind which nothing is promised.
	NoGuarantee []string `json:"no_guarantee,omitempty"`
}

type budgetPeriod struct {
	Period   string `json:"period"`
	Spent    uint64 `json:"spent"`
	Reserved uint64 `json:"reserved"`
	Burnt    uint64 `json:"burnt"`
	Left     uint64 `json:"left"`
	Editions int    `json:"editions"`
}

func budgetJSON(b pipeline.Budget) budgetObject {
	o := budgetObject{Unit: b.Terms.Unit, Head: b.Head, Periods: []budgetPeriod{}, NoGuarantee: b.Guarantees.None()}
	for _, p := range b.Account.Periods {
		o.Periods = append(o.Periods, budgetPeriod{p.Period.String(), p.Spent, p.Reserved, p.Burnt, p.Left, p.Editions})
	}
	return o
}

func (a *app) printBudget(l pipeline.Line, b pipeline.Budget) {
	d := l.Dataset
	unit, t := protected(d.Spec.Unit, b.Guarantees), b.Terms
	how := "pure epsilon"
	if t.Unit == privacy.RhoNano {
		how = "zCDP, epsilon at delta " + outputs.Plain(t.ShownDelta())
	}
	about, where := "one "+outputs.Protected(d.Spec.Unit, b.Guarantees), "in the data"
	if t.PerPeriod {
		about, where = about+" in one period", "in the data of a period"
	}
	where += ofSources(b.Guarantees)
	a.print("%s · what the published data could tell about %s · %s\n\n", d.Name, about, how)
	if len(b.Account.Periods) == 0 {
		a.printNoGuarantee("", b.Guarantees)
		a.print("Nothing has been charged. Budget: epsilon %s for %s.\nNext: halftone plan\n", a.epsilonOf(t, t.Budget), unit)
		return
	}
	amount := func(nano uint64) string {
		if nano == 0 {
			return "–"
		}
		return a.epsilonOf(t, nano)
	}
	g := grid{left: map[int]bool{6: true}}
	g.add("PERIOD", "SPENT", "RESERVED", "BURNT", "LEFT", "EDITIONS", "BY")
	ps := b.Account.Periods
	for i := 0; i < len(ps); {
		j := i + 1
		by := version(b, ps[i].Period)
		run := []privacy.Period{ps[i].Period}
		for j < len(ps) && alike(ps[i], ps[j]) && version(b, ps[j].Period) == by {
			run = append(run, ps[j].Period)
			j++
		}
		g.add(span(run), amount(ps[i].Spent), amount(ps[i].Reserved), amount(ps[i].Burnt), a.epsilonOf(t, ps[i].Left), strconv.Itoa(ps[i].Editions), by)
		i = j
	}
	g.write(a.out)
	if t.Periods > 0 {
		a.print("epsilon a period; %s is in at most %s (stated, not enforced; see contribution in halftone.yaml)\n\n", unit, plural(int(t.Periods), "period", "periods"))
	} else {
		a.print("epsilon a period; %s may be in any number of periods: the promise is about one period at a time\n\n", unit)
	}
	if b.Kept > 0 && slices.ContainsFunc(ps, func(p pipeline.PeriodAccount) bool { return p.Left > 0 }) {
		a.print("of what is left, %s a period at most is kept for planned revisions (privacy.revisions)\n", a.epsilonOf(t, b.Kept))
	}
	a.print("so far        epsilon %s of %s for %s%s\n", a.epsilonOf(t, b.Account.PersonCost), a.epsilonOf(t, t.Budget), unit, spentOn(t))
	if t.Unit == privacy.RhoNano {
		a.print("              nano-rho %s of %s, which add up exactly; their epsilons do not\n", group(b.Account.PersonCost), group(t.Budget))
	}
	a.print("plain words   Someone 50%% sure that %s is %s is right at most %d%% of the time after reading all of it.\n", unit, where, t.Cost(b.Account.PersonCost).Guess())
	a.printNoGuarantee("no guarantee  ", b.Guarantees)
	a.printTogether(b)
	for _, e := range b.Amended {
		a.print("amended       %s by %s (%s)%s\n", e.Day, strings.Join(e.By, ", "), e.Reason, restated(e))
	}
	for _, c := range b.Charges {
		if c.Withdrawn != "" {
			a.print("withdrawn     %s (%s); its cost stays\n", c.Key, c.Withdrawn)
		}
	}
	burnt := 0
	for _, c := range b.Charges {
		if c.Burnt {
			burnt++
		}
	}
	a.print("ledger        %s, %s, %d burnt · chain ok · head now %s; each version names the head that it was composed at\n", plural(len(b.Charges), "charge", "charges"), plural(b.Seals, "seal", "seals"), burnt, short(b.Head))
	a.print("Next: halftone verify %s   checks the published files against the ledger\n", filepath.Join(l.Public, "datasets", d.Name))
}

// printTogether says what the datasets of the population cost one person together.
func (a *app) printTogether(b pipeline.Budget) {
	p := b.Terms.Population
	if p.Name == "" {
		a.print("elsewhere     no population is declared: datasets that count the same people are not added up here\n")
		return
	}
	at, most := "", ""
	if !b.Together.Pure() {
		at = " (delta " + outputs.Plain(b.Together.Delta) + ")"
	}
	switch {
	case p.NanoEpsilon > 0:
		most = " of " + epsilon(p.NanoEpsilon)
	case p.NanoRho > 0:
		most = fmt.Sprintf(" of rho %s", epsilon(p.NanoRho))
	}
	a.print("population    %s: %s together cost one who is in all of them epsilon %s%s%s\n",
		p.Name, list(b.Together.Datasets), b.Together.EpsilonText(), most, at)
}

func version(b pipeline.Budget, p privacy.Period) string {
	for _, c := range b.Charges {
		if c.Key.Period == p && c.Version != "" {
			return c.Version
		}
	}
	return "–"
}

func alike(a, b pipeline.PeriodAccount) bool {
	return a.Spent == b.Spent && a.Reserved == b.Reserved && a.Burnt == b.Burnt && a.Left == b.Left && a.Editions == b.Editions
}
