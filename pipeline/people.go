package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"halftone/outputs"
	"halftone/pipeline/runs"
	"halftone/privacy"
	"halftone/privacy/ledger"
)

// A Waiting release is due, and waits for people.
type Waiting struct {
	Key   privacy.Key
	Need  int // people in all
	Asked ledger.Asked
}

// Missing is how many people more must approve it.
func (w Waiting) Missing() int { return w.Need - len(w.Asked.Approved) }

// waiting says how many people must approve k, and who has. An edition that
// somebody has asked for always needs another person.
func (l Line) waiting(ctx context.Context, led *ledger.Ledger, k privacy.Key) (Waiting, error) {
	asked, err := led.Asked(ctx, k, l.Dataset.Spec.Digest())
	w := Waiting{Key: k, Need: l.Dataset.Approvals, Asked: asked}
	if asked.Reason != "" {
		w.Need = max(w.Need, 1)
	}
	return w, err
}

// approved parts the due releases into those that people have approved, or that
// need nobody, and those that wait.
func (l Line) approved(ctx context.Context, led *ledger.Ledger, due []privacy.Key) (ok []privacy.Key, waiting []Waiting, err error) {
	for _, k := range due {
		w, err := l.waiting(ctx, led, k)
		switch {
		case err != nil:
			return nil, nil, err
		case w.Missing() > 0:
			waiting = append(waiting, w)
		default:
			ok = append(ok, k)
		}
	}
	return ok, waiting, nil
}

// ours refuses a release of another dataset or period.
func (l Line) ours(k privacy.Key) error {
	if k.Dataset != l.Dataset.Name {
		return usage("%s is not of dataset %s", k, l.Dataset.Name)
	}
	if !l.Dataset.Calendar.Holds(k.Period) {
		return usage("%s is no period of this dataset", k.Period)
	}
	return nil
}

// with begins a session whose line has the mechanism that the first charge has fixed.
func (l Line) with(ctx context.Context, do func(*session) error) error {
	ctx, s, err := l.begin(ctx)
	if err != nil {
		return err
	}
	defer s.end(ctx)
	account, err := s.account(ctx)
	if err != nil {
		return err
	}
	s.l = l.settle(account)
	return fenced(ctx, do(s))
}

// Approve records that somebody approves a release of the configuration as it is.
// author is who made its last change, "" if that is not known: nobody approves his
// own change. Nothing is charged by it.
func (l Line) Approve(ctx context.Context, k privacy.Key, by, author string) (w Waiting, err error) {
	if err := l.ours(k); err != nil {
		return w, err
	}
	if k.Edition > l.Dataset.Spec.Editions {
		return w, usage("edition %d of %s is not planned (privacy.revisions)", k.Edition, k.Period)
	}
	err = l.with(ctx, func(s *session) error {
		if w, err = s.l.waiting(ctx, s.led, k); err != nil {
			return err
		}
		switch c, charged, err := s.led.Charge(ctx, k); {
		case err != nil:
			return err
		case charged:
			return fmt.Errorf("%w: %s is %s already, so there is nothing to approve", ErrRefused, k, c.State())
		case w.Need == 0:
			return fmt.Errorf("%w: %s needs no approval (`approvals` in halftone.yaml is 0, and nobody has asked for it before its day)", ErrRefused, k)
		case ledger.SamePerson(by, author):
			return fmt.Errorf("%w: %s made the last change of the configuration, and another person must approve what it does", ErrRefused, by)
		case ledger.SamePerson(by, w.Asked.By):
			return fmt.Errorf("%w: %s has asked for %s, and another person must approve it", ErrRefused, by, k)
		case slices.ContainsFunc(w.Asked.Approved, func(n string) bool { return ledger.SamePerson(n, by) }):
			return fmt.Errorf("%w: %s has approved %s already", ErrRefused, by, k)
		}
		if err := s.led.Approve(ctx, k, s.l.Dataset.Spec.Digest(), by); err != nil {
			return err
		}
		w, err = s.l.waiting(ctx, s.led, k)
		return err
	})
	return w, err
}

// Revise asks for the next edition of a period before its planned day, or in the
// place of one whose day was lost. It takes the budget that was kept for that
// edition. A run releases it once another person has approved it.
func (l Line) Revise(ctx context.Context, p privacy.Period, by, reason string) (w Waiting, err error) {
	if !slices.Contains(privacy.Reasons(privacy.EntryRevise), reason) {
		return w, reasonUsage(privacy.EntryRevise)
	}
	if err := l.ours(l.key(p, 1)); err != nil {
		return w, err
	}
	err = l.with(ctx, func(s *session) error {
		k, err := s.nextEdition(ctx, p)
		if err != nil {
			return err
		}
		if ok, _, err := s.affordable(ctx, []privacy.Key{k}); err != nil {
			return err
		} else if len(ok) == 0 {
			return fmt.Errorf("%w: %s has too little left for another edition; see halftone budget", privacy.ErrBudget, p)
		}
		if w, err = s.l.waiting(ctx, s.led, k); err != nil {
			return err
		}
		if w.Asked.Reason != "" {
			return fmt.Errorf("%w: %s was asked for already, by %s (%s)", ErrRefused, k, w.Asked.By, w.Asked.Reason)
		}
		if err := s.led.Revise(ctx, k, by, reason); err != nil {
			return err
		}
		w, err = s.l.waiting(ctx, s.led, k)
		return err
	})
	return w, err
}

// nextEdition is the first edition of a released period that is not charged.
func (s *session) nextEdition(ctx context.Context, p privacy.Period) (privacy.Key, error) {
	for e := 1; e <= s.l.Dataset.Spec.Editions; e++ {
		c, charged, err := s.led.Charge(ctx, s.l.key(p, e))
		switch {
		case err != nil:
			return privacy.Key{}, err
		case charged && c.State() == ledger.Reserved:
			return privacy.Key{}, fmt.Errorf("%w: %s is charged and not sealed: the next run finishes it", ErrRefused, c.Key)
		case !charged && e == 1:
			return privacy.Key{}, fmt.Errorf("%w: %s is not released, so there is nothing to revise", ErrRefused, p)
		case !charged:
			return s.l.key(p, e), nil
		}
	}
	return privacy.Key{}, fmt.Errorf("%w: no edition of %s is left, and no budget is kept for one. Budget is kept for the revisions that privacy.revisions plans, from a period's first release on",
		ErrRefused, p)
}

// reasonUsage lists the reasons of a kind of entry.
func reasonUsage(kind string) error {
	return usage("the reason is one of %s: it is published, and a free text could tell what somebody saw in the data", strings.Join(privacy.Reasons(kind), ", "))
}

// A Takedown says what came of a withdrawal.
type Takedown struct {
	Key     privacy.Key
	Taken   []string    // versions whose data files are gone
	Version VersionInfo // that shows the release's cells as withdrawn; zero: nothing else is left to show
}

// Withdraw takes a release from the public: a new version shows its cells as
// withdrawn, and the data files of the versions that hold it are deleted. What it
// has cost stays spent.
func (l Line) Withdraw(ctx context.Context, k privacy.Key, by, reason string) (t Takedown, err error) {
	if !slices.Contains(privacy.Reasons(privacy.EntryWithdraw), reason) {
		return t, reasonUsage(privacy.EntryWithdraw)
	}
	if k.Dataset != l.Dataset.Name {
		return t, usage("%s is not of dataset %s", k, l.Dataset.Name)
	}
	t.Key = k
	err = l.with(ctx, func(s *session) error {
		id, err := s.start(ctx, runs.KindRun, "")
		if err != nil {
			return err
		}
		res := RunResult{ID: id}
		err = s.withdraw(ctx, &t, &res, by, reason)
		return s.finish(ctx, res, err)
	})
	return t, err
}

func (s *session) withdraw(ctx context.Context, t *Takedown, res *RunResult, by, reason string) (err error) {
	switch c, ok, err := s.led.Charge(ctx, t.Key); {
	case err != nil:
		return err
	case !ok || c.Sealed == "":
		return fmt.Errorf("%w: %s of series %d is not released, so there is nothing to withdraw", ErrRefused, t.Key, t.Key.Series)
	case c.Withdrawn != "":
		_, err := s.pending(ctx)
		return errors.Join(err, fmt.Errorf("%w: %s is withdrawn already (%s)", ErrRefused, t.Key, c.Withdrawn))
	}
	if err := s.mend(ctx); err != nil { // a version that was put and not recorded is taken down, too
		return err
	}
	if err := s.led.Withdraw(ctx, t.Key, []string{by}, reason); err != nil {
		return err
	}
	err = s.publish(ctx, false, res)
	if res.State == StatePublished {
		t.Version = res.Version
	}
	taken, down := s.takeDown(ctx) // whatever kept a new version from being made
	t.Taken = taken
	return errors.Join(err, down)
}

// An Amended says what an amendment has changed.
type Amended struct {
	Was, Now           privacy.Terms
	BoundWas, BoundNow int64 // 0: the bound stays
	CostWas, CostNow   outputs.Spent
	Version            VersionInfo // with the promise as it is now
}

// Amend takes the configuration's budget, number of periods, bound and population
// cap into the ledger, where they promise less than those of the first charge: the
// budget up, or a bound that was found too low. Two people answer for it by name. A
// new version says so on every page.
func (l Line) Amend(ctx context.Context, by []string) (a Amended, err error) {
	if len(by) != 2 || by[0] == "" || by[1] == "" || ledger.SamePerson(by[0], by[1]) {
		return a, usage("an amendment needs two different people, named")
	}
	err = l.with(ctx, func(s *session) error {
		m, err := s.amendment(ctx, by)
		if err != nil {
			return err
		}
		before, err := s.account(ctx)
		if err != nil {
			return err
		}
		if err := s.led.Amend(ctx, m); err != nil {
			if errors.Is(err, privacy.ErrTerms) {
				return fmt.Errorf("%w: %s", err, ledger.Differ(before.Terms, m.Terms))
			}
			return err
		}
		after, err := s.account(ctx)
		if err != nil {
			return err
		}
		a = Amended{Was: before.Terms, Now: after.Terms, BoundWas: m.BoundWas, BoundNow: m.BoundNow,
			CostWas: outputs.NewSpent(before.Terms, before.PersonCost), CostNow: outputs.NewSpent(after.Terms, after.PersonCost)}
		id, err := s.start(ctx, runs.KindRun, "")
		if err != nil {
			return err
		}
		res := RunResult{ID: id}
		err = s.publish(ctx, true, &res)
		a.Version = res.Version
		return s.finish(ctx, res, err)
	})
	return a, err
}

// amendment is what differs between the configuration and the ledger.
func (s *session) amendment(ctx context.Context, by []string) (m ledger.Amendment, err error) {
	account, err := s.account(ctx)
	if err != nil {
		return m, err
	}
	charges, err := s.led.Charges(ctx, s.l.Dataset.Name)
	if err != nil {
		return m, err
	}
	if len(charges) == 0 {
		return m, fmt.Errorf("%w: nothing is charged yet, so there is nothing to amend: what halftone.yaml says holds from the first release on", ErrRefused)
	}
	for _, c := range charges {
		if c.State() == ledger.Reserved {
			return m, fmt.Errorf("%w: %s is charged and not sealed under the terms as they are: put halftone.yaml back, run, then change it", ErrRefused, c.Key)
		}
	}
	released, err := s.released(ctx)
	if err != nil {
		return m, err
	}
	spec := s.l.Dataset.Spec
	m = ledger.Amendment{Dataset: s.l.Dataset.Name, Terms: spec.Terms(), By: by, Reason: "budget_raised"}
	for _, r := range released { // the smallest: no release counts too little
		if m.BoundWas == 0 || r.bound < m.BoundWas {
			m.BoundWas = r.bound
		}
	}
	if m.BoundNow = spec.Bound().PerPeriod; m.BoundWas == 0 || m.BoundNow <= m.BoundWas {
		m.BoundWas, m.BoundNow = 0, 0
	}
	if m.BoundNow > 0 || m.Terms.Periods > account.Terms.Periods {
		m.Reason = "bound_corrected"
	}
	if m.BoundNow == 0 && m.Terms == account.Terms {
		if _, err := s.pending(ctx); err != nil { // one that was recorded and is on no page yet
			return m, err
		}
		return m, fmt.Errorf("%w: halftone.yaml promises what the ledger says, so there is nothing to amend: change it first", ErrRefused)
	}
	return m, nil
}

// GiveUp records that a charged release will never be drawn, such as one whose
// pinned rows are gone. Its charge stays.
func (l Line) GiveUp(ctx context.Context, k privacy.Key, by, reason string) error {
	if k.Dataset != l.Dataset.Name {
		return usage("%s is not of dataset %s", k, l.Dataset.Name)
	}
	return l.with(ctx, func(s *session) error {
		switch c, ok, err := s.led.Charge(ctx, k); {
		case err != nil:
			return err
		case !ok || c.State() != ledger.Reserved:
			return fmt.Errorf("%w: %s is not a release that is charged and not sealed: there is nothing to give up", ErrRefused, k)
		}
		return s.led.GiveUp(ctx, k, []string{by}, reason)
	})
}
