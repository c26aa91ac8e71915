package main

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"halftone/outputs"
	"halftone/pipeline"
	"halftone/privacy"
)

func (a *app) runCommand() *cobra.Command {
	var periods string
	var opt pipeline.RunOptions
	c := &cobra.Command{
		Use: "run", Short: "release every due period and publish a version", Args: none,
		Long: "Pulls every source, releases every due period that is not released (one charge each), composes one version of all\n" +
			"releases and publishes it. When nothing is due it says so, charges nothing and changes nothing.",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := parsePeriods(periods, &opt); err != nil {
				return err
			}
			return a.each(func(l pipeline.Line) error {
				p := a.progress()
				l.Watch = p.event
				began := a.clock.Now().UTC()
				res, err := l.Run(c.Context(), opt)
				p.done()
				if !a.json && res.ID > 0 {
					a.print("%s · %s UTC · run %d\n", l.Dataset.Name, began.Format("2006-01-02 15:04"), res.ID)
				}
				if err != nil {
					if !a.json {
						a.printReleased(res)
						a.printDestroyed(res.Retention)
					}
					return a.stopped(l, err, false)
				}
				if a.json {
					err = a.object(runJSON(res))
				} else {
					a.printRun(l, res)
				}
				if err == nil && res.State == pipeline.StateWaiting {
					return &exitError{3, nil}
				}
				return err
			})
		},
	}
	c.Flags().StringVar(&periods, "periods", "", "release only due periods from A to B: 2013..2015, or one period")
	c.Flags().BoolVar(&opt.Compose, "compose", false, "compose a new version even if nothing is due: labels or texts have changed; charges nothing for it")
	return c
}

func parsePeriods(s string, opt *pipeline.RunOptions) (err error) {
	if s == "" {
		return nil
	}
	from, to, cut := strings.Cut(s, "..")
	if !cut {
		to = from
	}
	if opt.From, err = privacy.ParsePeriod(from); err == nil {
		opt.To, err = privacy.ParsePeriod(to)
	}
	if err != nil {
		return usage("--periods %s: %w", s, err)
	}
	return nil
}

type runObject struct {
	State    string       `json:"state"`
	Version  string       `json:"version"`
	Releases []runRelease `json:"releases"`
}

type runRelease struct {
	Period  string `json:"period"`
	Edition int    `json:"edition"`
	Charged uint64 `json:"charged_nano"`
}

// runJSON lists what this run has sealed. What an earlier run had charged is
// listed with 0: this run charged nothing for it.
func runJSON(res pipeline.RunResult) runObject {
	o := runObject{State: res.State, Version: res.Version.Name, Releases: []runRelease{}}
	for _, r := range res.Resumed {
		o.Releases = append(o.Releases, runRelease{r.Key.Period.String(), r.Key.Edition, 0})
	}
	for _, r := range res.Released {
		o.Releases = append(o.Releases, runRelease{r.Key.Period.String(), r.Key.Edition, r.Cost})
	}
	return o
}

func keys(rs []pipeline.Released) (ks []privacy.Key) {
	for _, r := range rs {
		ks = append(ks, r.Key)
	}
	return ks
}

func (a *app) printReleased(res pipeline.RunResult) {
	if n := len(res.Resumed); n > 0 {
		a.print("resume    %-16s %d sealed that an earlier run had charged\n", spanKeys(keys(res.Resumed)), n)
	}
	if n := len(res.Released); n > 0 {
		a.print("release   %-16s %d charged, %d sealed\n", spanKeys(keys(res.Released)), n, n)
	}
}

func (a *app) printRun(l pipeline.Line, res pipeline.RunResult) {
	for _, r := range res.Pulled {
		a.printPull(l, r, false)
	}
	if len(res.Empty) > 0 {
		a.note("note: no source had a row of %s: released as zeros plus noise. If a source has ended, set period.to; if it is late, a longer period.wait.", span(res.Empty))
	}
	if len(res.NoRoom) > 0 {
		a.note("note: %s was left out: its period has too little budget left. See: halftone budget; to end this, take the revision out of privacy.revisions.", spanKeys(res.NoRoom))
	}
	if len(res.Gone) > 0 {
		a.note("note: %s was left out: rows of its period were destroyed (keep_rows), and what is left of them is not all. The source must send them again (delivers: whole); to end this, take the edition out of privacy.revisions.", spanKeys(res.Gone))
	}
	if len(res.Late) > 0 {
		a.note("note: rows of %s have changed since their release. What is published stays as it is%s.", span(res.Late), untilRevised(l))
	}
	a.printReleased(res)
	a.printWaiting(res.Waiting)
	switch res.State {
	case pipeline.StateWaiting:
		a.printDestroyed(res.Retention)
		a.print("Nothing charged, nothing published.\nNext: halftone approve %s\n", res.Waiting[0].Key)
		return
	case pipeline.StateNothingDue:
		a.printDestroyed(res.Retention)
		a.printNothingDue(l, res)
		return
	}
	if len(res.Released) > 0 {
		a.print("noise     %s%s\n", mechanismName[res.Spec.Mechanism], chosen(l, res))
	}
	v := res.Version
	a.print("compose   %-16s %s, %s, %s\n", v.Name, plural(v.Periods, "period", "periods"), plural(v.Tables, "table", "tables"), plural(v.Cells, "cell", "cells"))
	a.print("publish   %-16s %s\n", "folder "+l.Dataset.Public, plural(v.Files, "file", "files"))
	a.printDestroyed(res.Retention)
	a.print("\n")
	a.print("version   %s\n", filepath.Join(l.Public, filepath.FromSlash(v.Path)))
	a.print("report    %s\n", filepath.Join(l.Public, "datasets", l.Dataset.Name, "latest", "report", "index.html"))
	terms := res.Account.Terms
	a.print("spent     epsilon %s of %s for %s%s · ledger head %s\n", a.epsilonOf(terms, res.Account.PersonCost), a.epsilonOf(terms, terms.Budget), protected(l.Dataset.Spec.Unit, res.Account.Guarantees),
		spentOn(terms), short(v.Head))
	a.printNoGuarantee("          ", res.Account.Guarantees)
	if len(res.Waiting) > 0 {
		a.printRevision(res.Revision)
		a.print("Next: halftone approve %s\n", res.Waiting[0].Key)
		return
	}
	a.printWhatNext(l, res.Revision)
}

// chosen says why auto has taken the mechanism.
func chosen(l pipeline.Line, res pipeline.RunResult) string {
	c := l.Dataset.Choice
	n := float64(len(res.Spec.Tables))
	switch {
	case !l.Dataset.Auto:
		return ""
	case c.Mechanism != res.Spec.Mechanism || c.Laplace == 0 || c.Planner == 0:
		return " (auto: " + map[bool]string{true: "fixed by the first charge", false: "the only one for this budget"}[len(res.Released) < len(res.Periods)] + ")"
	case c.Mechanism == privacy.PlannerMechanism:
		return fmt.Sprintf(" (auto: sd of a cell over tables %.1f, with Laplace %.1f)", math.Sqrt(c.Planner/n), math.Sqrt(c.Laplace/n))
	}
	return fmt.Sprintf(" (auto: sd of a cell over tables %.1f, with the planner %.1f)", math.Sqrt(c.Laplace/n), math.Sqrt(c.Planner/n))
}

func spentOn(t privacy.Terms) string {
	s := ""
	if t.PerPeriod {
		s = " in one period"
	}
	if t.Delta > 0 && t.Unit == privacy.EpsilonNano {
		s += " (pure epsilon; the declared delta " + outputs.Plain(t.Delta) + " is not needed)"
	}
	return s + atDelta(t)
}

func untilRevised(l pipeline.Line) string {
	if len(l.Dataset.Calendar.Revisions) == 0 {
		return ""
	}
	return ", until the revision that is planned (privacy.revisions), if there is one to come"
}

func (a *app) printNothingDue(l pipeline.Line, res pipeline.RunResult) {
	if len(res.Periods) == 0 {
		a.print("Nothing is due and nothing has been released yet.\n")
	} else {
		verb := "are"
		if len(res.Periods) == 1 {
			verb = "is"
		}
		a.print("Nothing is due: %s %s released in %s", span(res.Periods), verb, res.Version.Name)
		if to := l.Dataset.Calendar.To; to.Months() > 0 {
			a.print("; %s is the last declared (period.to)", to)
		}
		a.print(".\n")
	}
	a.print("Nothing charged, nothing published.\n")
	if p, ok := l.Dataset.Calendar.Next(a.clock.Now()); ok {
		a.print("Next: %s is due on %s\n", p, l.Dataset.Calendar.DueAt(p).Format("2006-01-02"))
	}
	a.printRevision(res.Revision)
}

func (a *app) printWhatNext(l pipeline.Line, r *pipeline.Revision) {
	a.printRevision(r)
	p, ok := l.Dataset.Calendar.Next(a.clock.Now())
	switch {
	case ok:
		a.print("Next: %s is due on %s\n", p, l.Dataset.Calendar.DueAt(p).Format("2006-01-02"))
	case r != nil:
		a.print("No further period: %s is the last declared (period.to).\n", l.Dataset.Calendar.To)
	default:
		a.print("No further period: %s is the last declared (period.to). Nothing more to do.\n", l.Dataset.Calendar.To)
	}
}

func (a *app) printRevision(r *pipeline.Revision) {
	if r != nil {
		a.print("Planned: edition %d of %s is due on %s; %s\n", r.Key.Edition, r.Key.Period, r.At.Format("2006-01-02"), kept(r))
	}
}

func kept(r *pipeline.Revision) string {
	if r.Kept {
		return "budget is kept for it"
	}
	return "its period has too little budget left, so that it will not be made"
}
