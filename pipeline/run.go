package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"halftone/pipeline/runs"
	"halftone/pipeline/staging"
	"halftone/privacy"
	"halftone/privacy/ledger"
)

// RunOptions are those of one run.
type RunOptions struct {
	From, To   privacy.Period // only due periods in this range; zero: no bound
	Compose    bool           // make a version even if nothing is new: labels or texts changed
	Occurrence string         // of a scheduled fire; "": by hand
}

// States of a finished run, as they stand in JSON.
const (
	StatePublished  = "published"
	StateNothingDue = "nothing_due"
	StateWaiting    = "waiting" // nothing was released: people have not approved what is due
)

// A RunResult says what a run did.
type RunResult struct {
	ID       int64
	State    string
	Pulled   []SourceResult
	Released []Released // charged by this run
	Resumed  []Released // charged by an earlier one, sealed by this
	Periods  []privacy.Period
	Empty    []privacy.Period // released by this run although no source had a row of them: zeros plus noise
	Late     []privacy.Period // released before; the rows have changed since, which changes nothing
	Spec     privacy.Spec     // with the mechanism that was used
	Revision *Revision        // the next planned one; nil: none
	Waiting  []Waiting        // due, and not approved by enough people
	NoRoom   []privacy.Key    // due, and left out: their periods have too little left
	Gone     []privacy.Key    // due, and left out: rows of their periods were destroyed
	Version  VersionInfo      // published by this run, else the latest
	Account  Account

	Retention Retention // what was destroyed at its end
}

// A Released is one release that this run has sealed.
type Released struct {
	Key  privacy.Key
	Cost uint64
}

// Run pulls, releases every due period that is not released, oldest first and
// one charge each, and publishes one version of all releases. What an earlier
// run left unfinished comes first: a charged release is drawn on the rows that
// were pinned with its charge, a sealed one is published.
func (l Line) Run(ctx context.Context, opt RunOptions) (res RunResult, err error) {
	for _, p := range []privacy.Period{opt.From, opt.To} {
		if p != (privacy.Period{}) && !l.Dataset.Calendar.Holds(p) {
			return RunResult{}, usage("%s is no period of this dataset", p)
		}
	}
	ctx, s, err := l.begin(ctx)
	if err != nil {
		return RunResult{}, err
	}
	defer s.end(ctx)
	if res.ID, err = s.start(ctx, runs.KindRun, opt.Occurrence); err != nil {
		return res, err
	}
	defer func() { err = s.finish(ctx, res, err) }()

	// 0. What people have decided, and whether a run may begin.
	decided, err := s.ready(ctx)
	if err != nil {
		return res, err
	}
	l, res.Spec = s.l, s.l.Dataset.Spec
	defer func() { res.Retention, err = s.retire(ctx, err) }()
	// 1. What an earlier run has charged and not sealed.
	if res.Resumed, err = s.resume(ctx); err != nil {
		return res, err
	}
	// 2. Pull. From here to the charge everything looks at exact data.
	if res.Pulled, err = l.Pull(ctx, PullOptions{}); err != nil {
		return res, err
	}
	// 3. Release what is due.
	if err := s.releaseDue(ctx, opt, &res); err != nil {
		return res, err
	}
	// 4. Compose and publish.
	if err := s.publish(ctx, opt.Compose, &res); err != nil {
		return res, err
	}
	if res.State == StateNothingDue && decided.State == StatePublished {
		res.State, res.Version = decided.State, decided.Version
	}
	if res.State == StateNothingDue && len(res.Waiting) > 0 {
		res.State = StateWaiting
	}
	days, err := s.sealDays(ctx)
	if err != nil {
		return res, err
	}
	if res.Account, err = s.account(ctx); err != nil {
		return res, err
	}
	res.Revision = nextRevision(l, l.Clock.Now(), days, res.Account)
	return res, nil
}

// ready finishes what people have decided, holds the configuration against the terms
// that the first charge has fixed, whether or not anything is due, and makes sure that
// what is released can be published.
func (s *session) ready(ctx context.Context) (decided RunResult, err error) {
	if decided, err = s.pending(ctx); err != nil {
		return decided, err
	}
	account, err := s.account(ctx)
	if err != nil {
		return decided, err
	}
	if err := s.l.TermsHold(account); err != nil {
		return decided, err
	}
	s.l = s.l.settle(account)
	if err := s.pub.Writable(s.l.Dataset.Name); err != nil {
		return decided, fmt.Errorf("nothing was charged: %w", err)
	}
	return decided, nil
}

// releaseDue releases what is due, approved, and has its rows and its budget.
func (s *session) releaseDue(ctx context.Context, opt RunOptions, res *RunResult) error {
	due, err := s.due(ctx, opt)
	if err != nil {
		return err
	}
	if due, res.Gone, err = s.present(due); err != nil {
		return err
	}
	if due, res.Waiting, err = s.l.approved(ctx, s.led, due); err != nil {
		return err
	}
	if err := s.sameMeaning(ctx, due); err != nil {
		return err
	}
	if due, res.NoRoom, err = s.affordable(ctx, due); err != nil {
		return err
	}
	for i, k := range due {
		s.l.say(Event{Step: "release", Period: k.Period.String(), Done: i, Total: len(due)})
		r, err := s.release(ctx, k, res.Pulled)
		if err != nil {
			return err
		}
		res.Released = append(res.Released, r)
	}
	if len(due) > 0 {
		s.l.say(Event{Step: "release", Done: len(due), Total: len(due)})
	}
	res.Empty, res.Late, err = s.surprises(ctx, due)
	return err
}

// due are the releases to make now.
func (s *session) due(ctx context.Context, opt RunOptions) ([]privacy.Key, error) {
	charges, err := s.led.Charges(ctx, s.l.Dataset.Name)
	if err != nil {
		return nil, err
	}
	days, err := s.sealDays(ctx)
	if err != nil {
		return nil, err
	}
	none := privacy.Period{}
	asked, err := s.led.Requests(ctx, s.l.Dataset.Name)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(due(s.l, s.l.Clock.Now(), charges, days, asked), func(k privacy.Key) bool {
		return opt.From != none && k.Period.Before(opt.From) || opt.To != none && opt.To.Before(k.Period)
	}), nil
}

// affordable leaves out releases whose period has too little left, such as a
// revision that was planned after the first edition had taken all: one of them must
// not keep the others from their turn. It fails when a first edition is among them
// and nothing else is due.
func (s *session) affordable(ctx context.Context, due []privacy.Key) (ok, not []privacy.Key, err error) {
	spec := s.l.Dataset.Spec
	for _, k := range due {
		p, err := privacy.NewPlan(spec, k.Edition)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", k, err)
		}
		left, err := s.led.Left(ctx, k.Dataset, spec.Terms(), k.Period)
		if err != nil {
			return nil, nil, err
		}
		if p.Cost() > left {
			not = append(not, k)
		} else {
			ok = append(ok, k)
		}
	}
	first := slices.IndexFunc(not, func(k privacy.Key) bool { return k.Edition == 1 })
	if len(ok) == 0 && first >= 0 { // a revision left out is no news at every run
		return nil, not, fmt.Errorf("%w: the budget of %s and its period is spent (all series and editions of a period share it); nothing was charged, see halftone budget",
			privacy.ErrBudget, not[first])
	}
	return ok, not, nil
}

// An earlier release, and how it was made.
type earlier struct {
	key   privacy.Key
	model privacy.Model
	bound int64 // that its cost counts for: the model's, or a larger one that it was amended to
}

// released are the sealed releases of the dataset, by period, series and edition.
func (s *session) released(ctx context.Context) ([]earlier, error) {
	charges, err := s.led.Charges(ctx, s.l.Dataset.Name)
	if err != nil {
		return nil, err
	}
	var out []earlier
	for _, c := range charges {
		if c.Sealed == "" {
			continue
		}
		r, err := privacy.OpenRelease(ctx, c.Key, s.led)
		if err != nil {
			if gone, perr := past(ctx, s.led, c.Key, err); perr != nil || !gone {
				return nil, errors.Join(err, perr)
			}
			continue
		}
		m, err := r.Model()
		if err != nil {
			return nil, err
		}
		out = append(out, earlier{c.Key, m, max(m.Bound.PerPeriod, c.Bound)})
	}
	return out, nil
}

// sameMeaning holds the configuration against every release of the series.
func (s *session) sameMeaning(ctx context.Context, due []privacy.Key) error {
	if len(due) == 0 {
		return nil
	}
	released, err := s.released(ctx)
	if err != nil {
		return err
	}
	if err := s.samePromise(released, due[0].Period); err != nil {
		return err
	}
	for i, r := range released {
		k, m := r.key, r.model
		revised := i+1 < len(released) && released[i+1].key.Period == k.Period && released[i+1].key.Series == k.Series
		if k.Series != s.l.Dataset.Spec.Series || revised {
			continue
		}
		if err := sameMeaning(m, s.l.Dataset.Spec); err != nil {
			return err
		}
		// A version has the tables and codes of its newest period.
		if due[len(due)-1].Period.Before(k.Period) && !sameShape(m, s.l.Dataset.Spec) {
			return fmt.Errorf("%w: %s is due and older than %s, which was released with other tables or codes. Nothing was charged. "+
				"Put tables and code lists back, release %s, then change them", ErrRefused, due[0].Period, k.Period, due[0].Period)
		}
	}
	return nil
}

// samePromise holds the configuration against every release of the dataset, those
// of other series too: their costs add up to one person's.
func (s *session) samePromise(released []earlier, due privacy.Period) error {
	for _, r := range released {
		if err := samePromise(r, s.l.Dataset.Spec); err != nil {
			return err
		}
		if s.l.Dataset.Calendar.Every != "band" && r.key.Series == s.l.Dataset.Spec.Series && r.key.Period.Months() != due.Months() {
			return fmt.Errorf("%w: the length of periods has changed since %s was released, so cells no longer mean the same. Nothing was charged. "+
				"Put it back, or raise `series` by one", ErrRefused, r.key.Period)
		}
	}
	return nil
}

// surprises are what the officer should know and nobody else: periods of which
// no source has a row, and released ones whose rows have changed since.
func (s *session) surprises(ctx context.Context, due []privacy.Key) (empty, late []privacy.Period, err error) {
	charges, err := s.led.Charges(ctx, s.l.Dataset.Name)
	if err != nil {
		return nil, nil, err
	}
	for i, c := range charges {
		revised := i+1 < len(charges) && charges[i+1].Key.Period == c.Key.Period && charges[i+1].Key.Series == c.Key.Series
		if c.Key.Series != s.l.Dataset.Spec.Series || revised || c.Burnt {
			continue
		}
		if _, err := s.st.Pinned(c.Key); errors.Is(err, staging.ErrGone) {
			continue // a restored backup: the key of the charge's digest is gone, nothing can be compared
		}
		uses := staging.Uses{}
		held, gone := false, false
		for _, src := range s.l.Dataset.Sources {
			batches, err := s.st.Batches(src.Name)
			if err != nil {
				return nil, nil, err
			}
			if slices.Contains(c.Reporting, src.Name) {
				if uses[src.Name], err = staging.Select(src.Delivers, batches, c.Key.Period); errors.Is(err, staging.ErrDestroyed) {
					gone = true
				} else if err != nil {
					return nil, nil, err
				}
				held = held || len(uses[src.Name]) > 0
			}
		}
		if gone {
			continue // nothing can be compared
		}
		digest, err := s.st.InputDigest(c.Key.Period, uses)
		switch {
		case err != nil:
			return nil, nil, err
		case slices.Contains(due, c.Key):
			if !held {
				empty = append(empty, c.Key.Period)
			}
		case digest != c.InputDigest:
			late = append(late, c.Key.Period)
		}
	}
	return empty, late, nil
}

// release counts the newest rows of a period, charges, draws and seals.
func (s *session) release(ctx context.Context, k privacy.Key, pulled []SourceResult) (Released, error) {
	uses := staging.Uses{} // a source that is no key of it did not report
	for i, src := range s.l.Dataset.Sources {
		if src.Check || pulled[i].Missing != nil {
			continue
		}
		batches, err := s.st.Batches(src.Name)
		if err != nil {
			return Released{}, err
		}
		if uses[src.Name], err = staging.Select(src.Delivers, batches, k.Period); err != nil {
			return Released{}, err
		}
		if err := s.fresh(k, src.Name, batches, uses[src.Name]); err != nil {
			return Released{}, err
		}
	}
	return s.measure(ctx, k, uses)
}

// fresh refuses rows that were mapped under another mapping than today's: the
// spec that the charge pins would say something else than what was counted.
func (s *session) fresh(k privacy.Key, source string, batches []staging.Batch, ids []string) error {
	now := s.l.making(source).Source
	for _, b := range batches {
		if slices.Contains(ids, b.ID) && b.Made.Source != now {
			return fmt.Errorf("%w: %s would count rows of source %s that were taken before its `read`, `delivers` or `map` was changed (batch %s), "+
				"and the source does not send them today. Nothing was charged. Put the source back as it was, or bring the rows back and run again",
				ErrRefused, k, source, b.ID)
		}
	}
	return nil
}

// resume finishes releases that were charged and not sealed, on their pinned rows.
func (s *session) resume(ctx context.Context) ([]Released, error) {
	charges, err := s.led.Charges(ctx, s.l.Dataset.Name)
	if err != nil {
		return nil, err
	}
	var out []Released
	for _, c := range charges {
		if c.State() != ledger.Reserved {
			continue
		}
		if c.Key.Series != s.l.Dataset.Spec.Series {
			return out, fmt.Errorf("%w: %s is charged and not sealed, and `series` has changed since; put halftone.yaml back as it was, run, then change it", privacy.ErrPinned, c.Key)
		}
		if c.SpecDigest != s.l.Dataset.Spec.Digest() {
			return out, fmt.Errorf("%w: %s is charged and not sealed, and the configuration has changed since; put halftone.yaml and its code lists back as they were, run, then change them",
				privacy.ErrPinned, c.Key)
		}
		uses, err := s.st.Pinned(c.Key)
		if err != nil {
			return out, fmt.Errorf("%s is charged and not sealed: %w. %sIf its rows are gone for good: halftone ledger burn %s", c.Key, err, s.l.elsewhere(), c.Key)
		}
		r, err := s.measure(ctx, c.Key, uses)
		if err != nil {
			return out, err
		}
		out = append(out, r)
	}
	return out, nil
}

func (s *session) measure(ctx context.Context, k privacy.Key, uses staging.Uses) (Released, error) {
	// 1. Count: the last look at exact data.
	cube, err := s.st.Cube(ctx, s.l.Dataset.Spec, k.Period, uses, s.l.Workers)
	if err != nil {
		return Released{}, err
	}
	in := privacy.Input{Approvals: s.l.Dataset.Approvals}
	if in.Digest, err = s.st.InputDigest(k.Period, uses); err != nil {
		return Released{}, err
	}
	for _, src := range s.l.Dataset.Sources {
		if src.Check {
			continue
		}
		in.Expected = append(in.Expected, src.Name)
		if _, ok := uses[src.Name]; ok {
			in.Reporting = append(in.Reporting, src.Name)
		}
	}
	// 2. Pin, charge, draw, seal.
	if err := s.st.Pin(k, uses); err != nil {
		return Released{}, err
	}
	r, err := privacy.Measure(ctx, s.l.Dataset.Spec, cube, k, in, s.led)
	if err != nil {
		return Released{}, explain(err)
	}
	m, err := r.Model()
	if err != nil {
		return Released{}, err
	}
	return Released{k, m.Plan.Cost()}, nil
}

// explain adds what to do to what the ledger refuses.
func explain(err error) error {
	switch {
	case errors.Is(err, privacy.ErrTerms):
		return fmt.Errorf("%w. Nothing was charged. Put privacy, contribution and overlap in halftone.yaml back as they were; more budget, or a bound that was found too low, is for two people: halftone ledger amend. What more budget would buy: halftone plan --explore", err)
	}
	return err
}

// TermsHold refuses a configuration whose budget, mechanism or number of periods
// is not what the dataset's first charge has fixed.
func (l Line) TermsHold(a Account) error {
	if l.Dataset.Auto && len(a.Periods) > 0 && a.Terms.Mechanism == privacy.LaplaceMechanism && l.Dataset.Spec.Targets != nil {
		return fmt.Errorf("%w: targets go with the planner, and the first charge has fixed the Laplace mechanism. Nothing was charged. Take privacy.targets out", ErrRefused)
	}
	if err := l.guaranteesHold(a); err != nil {
		return err
	}
	if len(a.Periods) == 0 || a.Terms == l.settle(a).Dataset.Spec.Terms() {
		return nil
	}
	return explain(fmt.Errorf("%s: %w: %s", l.Dataset.Name, privacy.ErrTerms, ledger.Differ(a.Terms, l.settle(a).Dataset.Spec.Terms())))
}
