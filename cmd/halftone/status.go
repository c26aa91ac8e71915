package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"halftone/pipeline"
)

func (a *app) statusCommand() *cobra.Command {
	var withRuns bool
	c := &cobra.Command{
		Use: "status", Short: "say where the dataset stands", Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.each(func(l pipeline.Line) error {
				s, err := l.Status(c.Context())
				if err != nil {
					return err
				}
				if a.json {
					err = a.object(statusJSON(l, s))
				} else {
					a.printStatus(l, s, withRuns)
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
	case len(s.Due) > 0:
		return "due"
	default:
		return "ok"
	}
}

func statusJSON(l pipeline.Line, s pipeline.Status) map[string]any {
	o := map[string]any{"dataset": l.Dataset.Name, "head": s.Head, "witnesses": s.Witnesses, "state": state(s), "version": s.Latest.Name}
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

func (a *app) printStatus(l pipeline.Line, s pipeline.Status, withRuns bool) {
	ledger := "nothing charged yet"
	if s.Head != "" {
		ledger = fmt.Sprintf("ledger ok, head %s, witnessed by %s", short(s.Head), plural(s.Witnesses, "version", "versions"))
	}
	if s.Locked != nil {
		ledger = "ledger locked"
	}
	a.print("%s · %s · store sqlite · %s UTC\n\n", l.Dataset.Name, ledger, a.clock.Now().UTC().Format("2006-01-02 15:04"))
	dash := func(s string, ok bool) string {
		if ok {
			return s
		}
		return "–"
	}
	next := "by hand"
	if s.NextRun != nil {
		next = s.NextRun.At.Format("2006-01-02 15:04") + " " + l.Dataset.Schedule.Timezone
	}
	g := grid{left: map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true, 6: true}}
	g.add("DATASET", "LATEST", "PUBLISHED", "NEXT PERIOD", "DUE", "NEXT RUN", "STATE")
	g.add(l.Dataset.Name, dash(s.Latest.Name, s.Latest.Name != ""), dash(s.Published.Format(time.DateOnly), !s.Published.IsZero()),
		dash(s.Next.String(), s.Next.Months() > 0), dash(s.NextDue.Format(time.DateOnly), s.Next.Months() > 0), next, state(s))
	g.write(a.out)
	a.print("\n  periods    %s released · due now: %s\n", span(s.Released), spanKeys(s.Due))
	if r := s.Revision; r != nil {
		a.print("  revision   edition %d of %s is due on %s; budget is kept for it\n", r.Key.Edition, r.Key.Period, r.At.Format(time.DateOnly))
	}
	for _, k := range s.Reserved {
		a.print("             %s is charged and not sealed: the next run goes on with it, without a new charge\n", k)
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
	switch {
	case s.Locked != nil:
		a.print("Next: bring back the newest copy of the state folder; if it is lost: halftone unlock --help. Nothing is charged before\n")
	case len(s.Reserved) > 0, len(s.Due) > 0:
		a.print("Next: halftone run\n")
	default:
		a.print("Nothing to do now.\n")
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
