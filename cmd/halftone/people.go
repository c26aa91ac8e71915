package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"halftone/pipeline"
	"halftone/privacy"
)

// What people ask for and answer for by name.

// release reads dataset@period.edition.
func release(text string, series int) (k privacy.Key, err error) {
	bad := usage("%q is no release: write dataset@period.edition, such as us-offences@2019.1", text)
	dataset, rest, ok := strings.Cut(text, "@")
	i := strings.LastIndexByte(rest, '.')
	if !ok || dataset == "" || i < 0 {
		return k, bad
	}
	k = privacy.Key{Dataset: dataset, Series: series}
	if k.Period, err = privacy.ParsePeriod(rest[:i]); err != nil {
		return k, bad
	}
	if k.Edition, err = strconv.Atoi(rest[i+1:]); err != nil || k.Edition < 1 {
		return k, bad
	}
	return k, nil
}

// lineOf is the line of a dataset: that of the folder, or one of the instance's.
func (a *app) lineOf(dataset string) (pipeline.Line, error) {
	ls, _, err := a.lines()
	if err != nil {
		return pipeline.Line{}, err
	}
	var names []string
	for _, l := range ls {
		if l.Dataset.Name == dataset {
			return l, nil
		}
		names = append(names, l.Dataset.Name)
	}
	return pipeline.Line{}, usage("there is no dataset %q here, but %s", dataset, strings.Join(names, ", "))
}

// ofRelease opens the line of a release of its current series, or of an older one.
func (a *app) ofRelease(text string, series int) (l pipeline.Line, k privacy.Key, err error) {
	if k, err = release(text, max(series, 1)); err != nil {
		return l, k, err
	}
	if l, err = a.lineOf(k.Dataset); err != nil {
		return l, k, err
	}
	if series == 0 {
		k.Series = l.Dataset.Spec.Series
	}
	return l, k, nil
}

func (a *app) byFlag(c *cobra.Command, by *string) {
	c.Flags().StringVar(by, "by", "", "name of the person who answers for it; it is public")
}

// named refuses what nobody answers for. The name of an account is no person's, and
// would be public for ever.
func named(by string) error {
	if len(by) > 200 || strings.ContainsFunc(by, unicode.IsControl) {
		return usage("--by is a person's name, on one line")
	}
	if strings.TrimSpace(by) == "" {
		return usage("say who answers for it: --by 'A. Person'. The name goes into the ledger, and is public")
	}
	return nil
}

func (a *app) approveCommand() *cobra.Command {
	var by string
	c := &cobra.Command{
		Use: "approve RELEASE", Short: "approve a release before it is charged", Args: one("one release: dataset@period.edition"),
		Long: "Records that a person approves a release of what the configuration counts, maps, publishes and spends (all that is marked P in\n" +
			"docs/configuration.md; not titles, paths, schedules); when that changes before it is charged,\n" +
			"it must be approved again. Who made the last change cannot approve it, as far as git tells who that was; nor can who has\n" +
			"asked for a revision. The next run releases what enough people have approved.",
		RunE: func(c *cobra.Command, args []string) error {
			if err := named(by); err != nil {
				return err
			}
			l, k, err := a.ofRelease(args[0], 0)
			if err != nil {
				return err
			}
			author, err := lastAuthor(c.Context(), l.Dataset.Dir)
			if err != nil {
				return err
			}
			if author == "" {
				a.note("note: the project is not in git, so that nobody can tell who made its last change.")
			}
			w, err := l.Approve(c.Context(), k, by, author)
			if err != nil {
				return err
			}
			if a.json {
				return a.object(map[string]any{"release": k.String(), "approved": w.Asked.Approved, "needed": w.Need})
			}
			a.print("approved  %s by %s · %d of %d\n", k, by, len(w.Asked.Approved), w.Need)
			if n := w.Missing(); n > 0 {
				a.print("Next: halftone approve %s   by %s\n", k, plural(n, "more person", "more people"))
			} else {
				a.print("Next: halftone run\n")
			}
			return nil
		},
	}
	a.byFlag(c, &by)
	return c
}

// lastAuthor is who made the last change of a project, "" if it is not in git. A
// change that is not committed has no author yet.
func lastAuthor(ctx context.Context, dir string) (string, error) {
	git := func(args ...string) (string, error) {
		out, err := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...).Output()
		return strings.TrimSpace(string(out)), err
	}
	is := func(args ...string) bool { _, err := git(args...); return err == nil }
	// No git, no repository, or one that does not keep this project.
	if !is("rev-parse", "--is-inside-work-tree") || is("check-ignore", "-q", "halftone.yaml") {
		return "", nil
	}
	changed, err := git("status", "--porcelain", "--", ".")
	if err != nil {
		return "", fmt.Errorf("git cannot tell whether the project is committed: %w", err)
	}
	if changed != "" {
		return "", fmt.Errorf("%w: the project has changes that are not committed, so that nobody could see later what was approved: commit them first", pipeline.ErrRefused)
	}
	author, err := git("log", "-1", "--format=%an", "--", ".")
	if err != nil {
		return "", fmt.Errorf("git cannot tell who made the last change: %w", err)
	}
	return author, nil
}

func (a *app) reviseCommand() *cobra.Command {
	var by, reason string
	c := &cobra.Command{
		Use: "revise PERIOD", Short: "ask for the next edition of a period before its planned day", Args: one("one period"),
		Long: "Asks for the next edition of a released period before the day that privacy.revisions plans for it, or after that day was\n" +
			"lost. It takes the budget that was kept for that edition. Another person must approve it; the next run then releases it.\n" +
			"An edition because counts looked wrong tells that they did: say why from the closed list.",
		RunE: func(c *cobra.Command, args []string) error {
			if err := named(by); err != nil {
				return err
			}
			l, err := a.line()
			if err != nil {
				return err
			}
			p, err := privacy.ParsePeriod(args[0])
			if err != nil {
				return usage("%w", err)
			}
			w, err := l.Revise(c.Context(), p, by, reason)
			if err != nil {
				return err
			}
			if a.json {
				return a.object(map[string]any{"release": w.Key.String(), "reason": reason, "by": by, "needed": w.Need})
			}
			a.print("revise    %s asked for by %s (%s)\n", w.Key, by, reason)
			a.print("Next: halftone approve %s   by %s other than %s\n", w.Key, plural(w.Missing(), "person", "people"), by)
			return nil
		},
	}
	a.byFlag(c, &by)
	c.Flags().StringVar(&reason, "reason", "", "why: "+strings.Join(privacy.Reasons(privacy.EntryRevise), ", "))
	return c
}

func (a *app) withdrawCommand() *cobra.Command {
	var by, reason string
	var series int
	c := &cobra.Command{
		Use: "withdraw RELEASE", Short: "take a release from the public; what it has cost stays spent", Args: one("one release: dataset@period.edition"),
		Long: "Publishes a new version that shows the release's cells as withdrawn and empty, and deletes the data files of every version\n" +
			"that holds it. Their manifests, sums and a WITHDRAWN.json stay, so that nobody can say that they never were. What others\n" +
			"have copied cannot be called back, and the release's charge stays spent.",
		RunE: func(c *cobra.Command, args []string) error {
			if err := named(by); err != nil {
				return err
			}
			l, k, err := a.ofRelease(args[0], series)
			if err != nil {
				return err
			}
			t, err := l.Withdraw(c.Context(), k, by, reason)
			if err != nil {
				return err
			}
			if a.json {
				taken := append([]string{}, t.Taken...)
				return a.object(map[string]any{"release": k.String(), "taken_down": taken, "version": t.Version.Name})
			}
			a.print("withdrawn %s by %s (%s); its charge stays\n", k, by, reason)
			if len(t.Taken) > 0 {
				a.print("deleted   the data files of %s\n", strings.Join(t.Taken, ", "))
			}
			if t.Version.Name != "" {
				a.print("version   %s shows its cells as withdrawn\n", t.Version.Name)
			}
			a.print("Next: tell those who may have copied it, and see halftone status\n")
			return nil
		},
	}
	a.byFlag(c, &by)
	c.Flags().StringVar(&reason, "reason", "", "why: "+strings.Join(privacy.Reasons(privacy.EntryWithdraw), ", "))
	c.Flags().IntVar(&series, "series", 0, "series of the release (default: the current one)")
	return c
}

func (a *app) amendCommand() *cobra.Command {
	var by []string
	c := &cobra.Command{
		Use: "amend", Short: "take a larger budget, or a bound that was found too low, into the ledger", Args: none,
		Long: "Change halftone.yaml first: a larger privacy.budget, a larger contribution or overlap, a larger cap of the population.\n" +
			"amend records the difference, and publishes a version that says so on every page. Where a bound was too low, every release\n" +
			"so far counts for more than was charged; the account then says what it truly comes to. Two people answer for it by name.",
		RunE: func(c *cobra.Command, _ []string) error {
			if len(by) < 2 {
				return usage("an amendment needs two different names: --by NAME --by NAME")
			}
			l, err := a.line()
			if err != nil {
				return err
			}
			if _, err := lastAuthor(c.Context(), l.Dataset.Dir); err != nil { // what two people answer for must be committed
				return err
			}
			m, err := l.Amend(c.Context(), by)
			if err != nil {
				return err
			}
			if a.json {
				return a.object(map[string]any{"budget_was": m.Was.Budget, "budget_now": m.Now.Budget, "unit": m.Now.Unit,
					"bound_was": m.BoundWas, "bound_now": m.BoundNow, "spent_was": m.CostWas.Nano(), "spent_now": m.CostNow.Nano(), "version": m.Version.Name})
			}
			a.printAmended(l, m)
			return nil
		},
	}
	c.Flags().StringArrayVar(&by, "by", nil, "a person who answers for it; give it twice")
	return c
}

func (a *app) printAmended(l pipeline.Line, m pipeline.Amended) {
	if m.Was.Budget != m.Now.Budget {
		a.print("budget    epsilon %s, was %s\n", a.epsilonOf(m.Now, m.Now.Budget), a.epsilonOf(m.Was, m.Was.Budget))
	}
	if m.Was.Periods != m.Now.Periods {
		a.print("periods   one %s is in at most %d, not %d\n", l.Dataset.Spec.Unit, m.Now.Periods, m.Was.Periods)
	}
	if m.BoundNow > 0 {
		a.print("bound     one %s changes the counts of a period by at most %d, not %d\n", l.Dataset.Spec.Unit, m.BoundNow, m.BoundWas)
	}
	if m.Was.Population != m.Now.Population {
		a.print("population %s: its cap is what instance.yaml says\n", m.Now.Population.Name)
	}
	a.print("spent     epsilon %s of %s\n", m.CostNow.EpsilonText(), a.epsilonOf(m.Now, m.Now.Budget))
	if m.CostNow.Nano() != m.CostWas.Nano() {
		a.print("          releases so far were said to cost %s; they protect less than was promised, and every page now says so\n", m.CostWas.EpsilonText())
	}
	if m.CostNow.Nano() > m.Now.Budget {
		a.print("          more than the budget: nothing more is released, unless two people amend the budget, too\n")
	}
	if m.Version.Name != "" {
		a.print("version   %s\n", m.Version.Name)
	}
	a.print("Next: halftone budget\n")
}

func (a *app) burnCommand() *cobra.Command {
	var by, reason string
	c := &cobra.Command{
		Use: "burn RELEASE", Short: "give up a release that is charged and cannot be finished", Args: one("one release: dataset@period.edition"),
		Long: "For a release that was charged and never sealed, and whose rows are gone for good: it is never drawn, and its charge stays\n" +
			"spent. First try to bring the staging folder back: then the next run finishes the release without a new charge.",
		RunE: func(c *cobra.Command, args []string) error {
			if err := named(by); err != nil {
				return err
			}
			if reason == "" {
				return usage("burn needs --reason, for the ledger: it is public")
			}
			l, k, err := a.ofRelease(args[0], 0)
			if err != nil {
				return err
			}
			if err := l.GiveUp(c.Context(), k, by, reason); err != nil {
				return err
			}
			if a.json {
				return a.object(map[string]any{"burnt": k.String()})
			}
			a.print("burnt     %s: never released now, the cost stays\nNext: halftone run\n", k)
			return nil
		},
	}
	a.byFlag(c, &by)
	c.Flags().StringVar(&reason, "reason", "", "why, for the ledger: it is public")
	return c
}

// printWaiting says which releases wait for whom.
func (a *app) printWaiting(ws []pipeline.Waiting) {
	for _, w := range ws {
		a.print("waiting   %s: %s must approve it%s\n", w.Key, plural(w.Missing(), "more person", "more people"), said(w))
	}
}

// said is what people have said of a release so far.
func said(w pipeline.Waiting) string {
	var parts []string
	if w.Asked.Reason != "" {
		parts = append(parts, fmt.Sprintf("asked for by %s, %s", w.Asked.By, w.Asked.Reason))
	}
	if len(w.Asked.Approved) > 0 {
		parts = append(parts, "approved by "+strings.Join(w.Asked.Approved, ", "))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, "; ") + ")"
}
