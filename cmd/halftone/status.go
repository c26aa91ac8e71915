package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"halftone/pipeline"
)

func (a *app) statusCommand() *cobra.Command {
	var withRuns bool
	c := &cobra.Command{
		Use: "status", Short: "say where the dataset stands", Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			ls, whole, err := a.lines()
			if err != nil {
				return err
			}
			if whole && !a.json {
				return a.instanceStatus(c.Context(), ls, withRuns)
			}
			return a.each(func(l pipeline.Line) error {
				s, err := l.Status(c.Context())
				if err != nil {
					return err
				}
				if a.json {
					err = a.object(statusJSON(l, s))
				} else {
					a.printStatus(l.Dataset.Name, []stand{{l, s}}, withRuns)
				}
				if err == nil && s.Locked != nil {
					return s.Locked
				}
				return err
			})
		},
	}
	c.Flags().BoolVar(&withRuns, "runs", false, "list the newest runs")
	return c
}

// state says in one word or two what the dataset waits for.
func state(s pipeline.Status) string {
	switch {
	case s.Locked != nil:
		return "ledger locked"
	case len(s.Reserved) > 0:
		return "a run was interrupted"
	case len(s.Waiting) > 0 && len(s.Waiting) == len(s.Due):
		return "waiting for approval"
	case len(s.Due) > 0:
		return "due"
	default:
		return "ok"
	}
}

func statusJSON(l pipeline.Line, s pipeline.Status) map[string]any {
	o := map[string]any{"dataset": l.Dataset.Name, "head": s.Head, "witnesses": s.Witnesses, "state": state(s), "store": l.StoreName(), "version": s.Latest.Name}
	texts := func(n int, at func(int) string) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = at(i)
		}
		return out
	}
	o["released"] = texts(len(s.Released), func(i int) string { return s.Released[i].String() })
	o["due"] = texts(len(s.Due), func(i int) string { return s.Due[i].String() })
	o["reserved"] = texts(len(s.Reserved), func(i int) string { return s.Reserved[i].String() })
	if s.Next.Months() > 0 {
		o["next"] = map[string]string{"period": s.Next.String(), "due": s.NextDue.Format(time.DateOnly)}
	}
	if s.NextRun != nil {
		o["next_run"] = map[string]string{"local": s.NextRun.Local, "utc": s.NextRun.At.UTC().Format(time.RFC3339)}
	}
	return o
}

// A stand is where one dataset stands.
type stand struct {
	l pipeline.Line
	s pipeline.Status
}

// instanceStatus shows all datasets of an instance in one table.
func (a *app) instanceStatus(ctx context.Context, ls []pipeline.Line, withRuns bool) error {
	var all []stand
	failed := a.all(ls, func(l pipeline.Line) error {
		s, err := l.Status(ctx)
		if err != nil {
			return err
		}
		all = append(all, stand{l, s})
		if len(all) > 1 {
			return nil // the ledger is one: it is said once
		}
		return s.Locked
	})
	if len(all) == 0 {
		return failed
	}
	dir, err := filepath.Abs(a.dir)
	if err != nil {
		return err
	}
	a.printStatus("INSTANCE "+dir, all, withRuns)
	return failed
}

func (a *app) printStatus(of string, all []stand, withRuns bool) {
	// 1. The ledger, which all share.
	s := all[0].s
	ledger := "nothing charged yet"
	if s.Head != "" {
		ledger = fmt.Sprintf("ledger ok, head %s, witnessed by %s", short(s.Head), plural(s.Witnesses, "version", "versions"))
	}
	if s.Locked != nil {
		ledger = "ledger locked"
	}
	a.print("%s · %s · store %s · %s UTC\n\n", of, ledger, all[0].l.StoreName(), a.clock.Now().UTC().Format("2006-01-02 15:04"))
	// 2. A row a dataset.
	g := grid{left: map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true, 6: true}}
	g.add("DATASET", "LATEST", "PUBLISHED", "NEXT PERIOD", "DUE", "NEXT RUN", "STATE")
	for _, d := range all {
		g.add(d.row()...)
	}
	g.write(a.out)
	// 3. What there is to say of each, and what to do.
	waits, asks := false, ""
	for _, d := range all {
		a.print("\n")
		if len(all) > 1 {
			a.print("%s\n", d.l.Dataset.Name)
		}
		a.printDetails(d.s, withRuns)
		waits = waits || len(d.s.Reserved) > 0 || len(d.s.Due) > len(d.s.Waiting)
		if len(d.s.Waiting) > 0 && asks == "" {
			asks = d.s.Waiting[0].Key.String()
		}
	}
	if len(all) > 1 {
		a.print("\n")
	}
	switch {
	case s.Locked != nil:
		a.print("Next: bring back the newest copy of the state folder; if it is lost: halftone unlock --help. Nothing is charged before\n")
	case asks != "" && !waits:
		a.print("Next: halftone approve %s\n", asks)
	case waits:
		a.print("Next: halftone run\n")
	default:
		a.print("Nothing to do now.\n")
	}
}

func (d stand) row() []string {
	s := d.s
	dash := func(s string, ok bool) string {
		if ok {
			return s
		}
		return "–"
	}
	next := "by hand"
	if s.NextRun != nil {
		next = s.NextRun.At.Format("2006-01-02 15:04") + " " + d.l.Dataset.Schedule.Timezone
	}
	return []string{d.l.Dataset.Name, dash(s.Latest.Name, s.Latest.Name != ""), dash(s.Published.Format(time.DateOnly), !s.Published.IsZero()),
		dash(s.Next.String(), s.Next.Months() > 0), dash(s.NextDue.Format(time.DateOnly), s.Next.Months() > 0), next, state(s)}
}

func (a *app) printDetails(s pipeline.Status, withRuns bool) {
	a.print("  periods    %s released · due now: %s\n", span(s.Released), spanKeys(s.Due))
	if r := s.Revision; r != nil {
		a.print("  revision   edition %d of %s is due on %s; %s\n", r.Key.Edition, r.Key.Period, r.At.Format(time.DateOnly), kept(r))
	}
	for _, k := range s.Reserved {
		a.print("             %s is charged and not sealed: the next run goes on with it, without a new charge\n", k)
	}
	for _, k := range s.Withdrawn {
		a.print("             %s is withdrawn\n", k)
	}
	for _, w := range s.Waiting {
		a.print("             %s waits for %s%s\n", w.Key, plural(w.Missing(), "more approval", "more approvals"), said(w))
	}
	for i, src := range s.Sources {
		head := "sources"
		if i > 0 {
			head = ""
		}
		if src.Pulled.IsZero() {
			a.print("  %-9s  %-14s never pulled\n", head, src.Name)
			continue
		}
		a.print("  %-9s  %-14s pulled %s UTC   %s quarantined\n", head, src.Name, src.Pulled.UTC().Format("2006-01-02 15:04"), percent(src.Rejected))
	}
	if withRuns {
		a.printRuns(s)
	}
}

func (a *app) printRuns(s pipeline.Status) {
	g := grid{left: map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true}}
	g.add("RUN", "STARTED (UTC)", "BY", "STATE", "OUTCOME", "VERSION")
	for _, r := range s.Runs {
		by := string(r.Trigger)
		if r.Occurrence != "" {
			by = fmt.Sprintf("schedule %s, attempt %d", r.Occurrence, r.Attempt)
		}
		g.add(fmt.Sprint(r.ID), r.Started.UTC().Format("2006-01-02 15:04"), by, string(r.State), r.Result.Outcome, r.Result.Version)
	}
	a.print("\n")
	g.write(a.out)
}

// percent writes a share with at most one digit.
func percent(share float64) string {
	s := fmt.Sprintf("%.1f", 100*share)
	if s[len(s)-2:] == ".0" {
		s = s[:len(s)-2]
	}
	return s + "%"
}
