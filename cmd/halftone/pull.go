package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"halftone/pipeline"
	"halftone/pipeline/config"
	"halftone/pipeline/normalize"
	"halftone/pipeline/staging"
	"halftone/privacy"
)

func (a *app) pullCommand() *cobra.Command {
	opt, file := pipeline.PullOptions{Compare: true, Excess: true}, ""
	c := &cobra.Command{
		Use: "pull [SOURCE…]", Short: "pull and normalize sources; print the source report",
		Long: "Pulls sources, normalizes their rows and stages them, encrypted. Charges and publishes nothing.\n" +
			"The source report says what became of every row, what changed since the last pull, and how a source that only checks\n" +
			"(use: check) compares with the others. Its figures are exact: it is for the data officer, and is not passed on.",
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("accept") && (opt.Accept == "" || len(args) != 1) {
				return usage("--accept needs a reason and one source: halftone pull SOURCE --accept \"REASON\"")
			}
			opt.Sources = args
			page := newReportPage(file)
			pull := func(l pipeline.Line) error { return a.pull(c.Context(), l, opt, page) }
			if len(args) == 0 {
				return errors.Join(a.each(pull), page.write(a.clock.Now()))
			}
			l, err := a.line() // a name of a source is one of a dataset
			if err != nil {
				return err
			}
			return errors.Join(pull(l), page.write(a.clock.Now()))
		},
	}
	c.Flags().BoolVar(&opt.DryRun, "dry-run", false, "normalize and report, keep nothing")
	c.Flags().StringVar(&opt.Accept, "accept", "", "take a source that has shrunk; the reason is recorded with your name")
	c.Flags().StringVar(&file, "report", "", "also write the source report as a page that only you can read")
	return c
}

func (a *app) pull(ctx context.Context, l pipeline.Line, opt pipeline.PullOptions, page *reportPage) error {
	if err := page.check(l); err != nil {
		return err
	}
	p := a.progress()
	l.Watch = p.event
	var res []pipeline.SourceResult
	err := l.Locked(func() (err error) {
		res, err = l.Pull(ctx, opt)
		return err
	})
	p.done()
	var stop *pipeline.SourceStopped
	if err != nil && !errors.As(err, &stop) {
		return err
	}
	page.add(l, res, opt.DryRun, stop)
	if a.json {
		if jerr := a.object(pullJSON(res)); jerr != nil {
			return jerr
		}
		return err
	}
	a.heading()
	for _, r := range res {
		a.printPull(l, r, true)
	}
	switch {
	case err != nil:
		return a.stopped(l, err, opt.DryRun)
	case opt.DryRun:
		a.print("Nothing was kept (--dry-run).\n")
	default:
		a.print("Next: halftone plan, halftone run\n")
	}
	return nil
}

type pullObject struct {
	Sources []pullSource `json:"sources"`
}

type pullSource struct {
	Name        string                      `json:"name"`
	Read        int64                       `json:"read"`
	Mapped      int64                       `json:"mapped"` // counted + total
	Quarantined int64                       `json:"quarantined"`
	Reasons     map[string]int64            `json:"reasons"`
	Outcomes    map[normalize.Outcome]int64 `json:"outcomes"`
	Totals      *normalize.TotalsReport     `json:"totals,omitempty"` // with `totals: check` or `rest`
	Periods     map[string]int64            `json:"periods"`          // rows that count
	Diff        *staging.Diff               `json:"diff,omitempty"`   // since the pull before; of a pull that brought nothing new, of the one that did
	Check       *pipeline.Comparison        `json:"check,omitempty"`  // with `use: check`
	Excess      *staging.Excess             `json:"excess,omitempty"` // with `person`
}

func pullJSON(res []pipeline.SourceResult) pullObject {
	o := pullObject{Sources: []pullSource{}}
	for _, r := range res {
		s := pullSource{r.Name, r.Report.Read, mapped(r.Report), r.Report.Outcomes[normalize.Quarantined], r.Report.Reasons, r.Report.Outcomes, r.Report.Totals,
			r.Report.Periods, r.Diff, r.Check, r.Excess}
		if s.Reasons == nil {
			s.Reasons = map[string]int64{}
		}
		if s.Periods == nil {
			s.Periods = map[string]int64{}
		}
		if s.Outcomes == nil {
			s.Outcomes = map[normalize.Outcome]int64{}
		}
		o.Sources = append(o.Sources, s)
	}
	return o
}

func mapped(r normalize.Report) int64 {
	return r.Outcomes[normalize.Counted] + r.Outcomes[normalize.TotalRow]
}

// outcomes in the order of the report, with the words of the mapping language.
var outcomes = []struct {
	o     normalize.Outcome
	words string
}{
	{normalize.Counted, "counted"}, {normalize.TotalRow, "total"}, {normalize.OtherBreakdown, "other breakdown"}, {normalize.NotKept, "not kept"},
	{normalize.MergedDuplicate, "merged duplicate"}, {normalize.NoValue, "no value"}, {normalize.NotACount, "not a count"},
	{normalize.Filtered, "filtered"}, {normalize.Excluded, "excluded"}, {normalize.Deleted, "deleted"}, {normalize.Quarantined, "quarantined"},
}

// printPull prints the line of a source, and with all its outcomes, the report.
func (a *app) printPull(l pipeline.Line, r pipeline.SourceResult, all bool) {
	switch {
	case r.Missing != nil && checks(l, r.Name):
		a.print("pull      %-16s not complete: it counts nothing, and checks nothing today\n", r.Name)
		return
	case r.Missing != nil:
		a.print("pull      %-16s not complete: released without it, marked partial\n", r.Name)
		return
	case r.Same != "" && !all:
		a.print("pull      %-16s %s rows, as pulled before\n", r.Name, group(r.Report.Read))
		return
	}
	end := "complete"
	if r.Batch == "" && r.Same == "" {
		end = "not taken"
	}
	switch {
	case r.Same != "":
		end = "complete, nothing new"
	case r.Batch == "" && len(r.Over) > 0:
		end = "complete, nothing to keep"
	}
	a.print("pull      %-16s %s rows   %s mapped   %s quarantined (limit %s)   %s\n", r.Name, group(r.Report.Read), group(mapped(r.Report)),
		group(r.Report.Outcomes[normalize.Quarantined]), percent(limit(l, r.Name)), end)
	if !all {
		return
	}
	for _, o := range outcomes {
		if n := r.Report.Outcomes[o.o]; n > 0 {
			a.print("  %12s  %s\n", group(n), o.words)
		}
	}
	for _, reason := range sortedReasons(r.Report.Reasons) {
		a.print("  %12s    %s\n", group(r.Report.Reasons[reason]), reason)
	}
	for _, note := range pullNotes(l, r) {
		a.print("  %s\n", note)
	}
	a.printDiff(r)
	if checks(l, r.Name) && r.Check == nil {
		a.print("  it only checks, and was not compared: nothing was taken\n")
	}
	a.printComparison(r.Check)
}

// checks reports whether a source counts nothing.
func checks(l pipeline.Line, source string) bool {
	return slices.ContainsFunc(l.Dataset.Sources, func(s config.Source) bool { return s.Name == source && s.Check })
}

// totalsWords say how totals go with their parts.
func totalsWords(t *normalize.TotalsReport) string {
	return fmt.Sprintf("totals: %s as their parts, %s other than their parts (%s less), %s not comparable (suppressed), %s without parts",
		group(t.Equal), group(t.Differ), group(t.Below), group(t.Suppressed), group(t.Alone))
}

// excessWords say what of records with a person key is not counted.
func excessWords(l pipeline.Line, source string, e *staging.Excess) (out []string) {
	if e == nil {
		return nil
	}
	m, shared := int64(0), false
	for _, s := range l.Dataset.Spec.Sources {
		if s.Name == source {
			m = s.PerPeriod
			shared = slices.ContainsFunc(l.Dataset.Spec.Sources, func(o privacy.Source) bool { return o.Name != s.Name && o.Namespace == s.Namespace })
		}
	}
	out = append(out, fmt.Sprintf("at most %s of one key a period: %s of %s are not counted (most of one key: %s)",
		plural(int(m), "row", "rows"), plural(int(e.Rows), "row", "rows"), plural(int(e.Persons), "key", "keys"), group(e.Most)))
	if shared {
		out = append(out, "keys are shared with other sources, whose rows count together with these: more may be left out")
	}
	return out
}

func corrections(l pipeline.Line, source string) int {
	for _, s := range l.Dataset.Sources {
		if s.Name == source {
			return len(s.Mapping.Corrections)
		}
	}
	return 0
}

func limit(l pipeline.Line, source string) float64 {
	for _, s := range l.Dataset.Sources {
		if s.Name == source {
			return s.Mapping.Quarantine
		}
	}
	return 0
}

// stopped says why a source stopped the run, and what a person can do.
func (a *app) stopped(l pipeline.Line, err error, dry bool) error {
	var stop *pipeline.SourceStopped
	if !errors.As(err, &stop) {
		return err
	}
	a.note("halftone: %s stopped before any charge", l.Dataset.Name)
	a.note("  %v", stop)
	var q *normalize.QuarantineError
	if errors.As(err, &q) {
		do := "halftone quarantine " + stop.Source + "   shows which rows, and why"
		if dry {
			do = "halftone pull " + stop.Source + "   without --dry-run, then halftone quarantine " + stop.Source + ", which shows which rows, and why"
		}
		if unknownLabels(l, stop.Result.Report) {
			a.note("  What to do: halftone map suggest %s   shows the unknown labels on this terminal and proposes codes", stop.Source)
			a.note("              %s", do)
		} else {
			a.note("  What to do: %s", do)
		}
		if stop.Result.Report.Reasons["period: undeclared"] > 0 {
			a.note("              period: undeclared is a period before period.from or after period.to: move them, or leave such rows out with `where`")
		}
		a.note("              halftone run                   when the mapping or the file is corrected")
	}
	return &exitError{4, nil}
}

// unknownLabels reports whether rows are in quarantine for a label that a code
// would help.
func unknownLabels(l pipeline.Line, r normalize.Report) bool {
	return slices.ContainsFunc(l.Dataset.Spec.Dimensions, func(d privacy.Dimension) bool { return r.Reasons[d.Name+": unknown label"] > 0 })
}

func (a *app) quarantineCommand() *cobra.Command {
	var most int
	c := &cobra.Command{
		Use: "quarantine SOURCE", Short: "show which rows of a source were not mapped, and why", Args: one("one source"),
		Long: "Lists file, row, column and reason of the rows that the newest pull of a source could not map. It never shows a label or a value.",
		RunE: func(_ *cobra.Command, args []string) error {
			l, err := a.line()
			if err != nil {
				return err
			}
			return a.quarantine(l, args[0], most)
		},
	}
	c.Flags().IntVar(&most, "most", 50, "rows to show")
	return c
}

func (a *app) quarantine(l pipeline.Line, source string, most int) error {
	r, pulled, err := l.Quarantine(source)
	if errors.Is(err, pipeline.ErrUsage) {
		return usage("there is no source %q in halftone.yaml; there are: %s", source, sourceNames(l.Dataset))
	}
	if err != nil {
		return err
	}
	if a.json {
		if r.Quarantine == nil {
			r.Quarantine = []normalize.Rejected{}
		}
		return a.object(map[string]any{"source": source, "quarantined": r.Outcomes[normalize.Quarantined], "rows": r.Quarantine})
	}
	if !pulled {
		a.print("There is no report of %s: it has not been pulled yet, or its rows were destroyed (keep_rows).\nNext: halftone pull %s\n", source, source)
		return nil
	}
	if r.Stopped != "" {
		a.print("%s · the newest pull stopped before any row was judged:\n  %s\nNext: correct that, then halftone pull %s\n", source, r.Stopped, source)
		return nil
	}
	n := r.Outcomes[normalize.Quarantined]
	a.print("%s · %s of %s rows of the newest pull in quarantine\n", source, group(n), group(r.Read))
	if n == 0 {
		a.print("Next: halftone run\n")
		return nil
	}
	g := grid{left: map[int]bool{0: true, 2: true, 3: true}}
	g.add("FILE", "ROW", "COLUMN", "REASON")
	for _, q := range r.Quarantine[:min(most, len(r.Quarantine))] {
		g.add(q.File, group(q.Row), q.Column, q.Reason)
	}
	g.write(a.out)
	if rest := n - int64(min(most, len(r.Quarantine))); rest > 0 {
		a.print("and %s more: --most N shows more of them\n", group(rest))
	}
	if unknownLabels(l, r) {
		a.print("Next: halftone map suggest %s shows the unknown labels and proposes codes; or ask the agency; then halftone run\n", source)
		return nil
	}
	a.print("Next: open the file at these rows; correct the mapping, or ask the agency; then halftone run\n")
	return nil
}

func sourceNames(d config.Dataset) string {
	s := ""
	for i, src := range d.Sources {
		if i > 0 {
			s += ", "
		}
		s += src.Name
	}
	return s
}
