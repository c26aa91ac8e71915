package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"halftone/outputs/publish"
	"halftone/pipeline/config"
	"halftone/pipeline/runs"
	"halftone/pipeline/staging"
	"halftone/privacy/ledger"
)

// What a dataset has cost so far.
type (
	Account       = ledger.Account
	PeriodAccount = ledger.PeriodAccount
)

// A session is a line with its stores open and the lock of its state folder held.
type session struct {
	l      Line
	led    *ledger.Ledger
	runs   *runs.Store
	st     *staging.Store
	pub    *publish.Folder
	unlock func()
	give   func() // lets go of the lease; nil: it has none
	right  bool   // the ledger knows all that was seen of it
}

// begin takes the lock, opens the stores, and holds the ledger against what has
// been published. The work is to go on with the context that it returns: see [Line.hold].
func (l Line) begin(ctx context.Context) (held context.Context, _ *session, err error) {
	if err := l.prepare(); err != nil {
		return nil, nil, err
	}
	s := &session{l: l}
	if s.unlock, err = runs.Lock(l.State); err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			s.end(ctx)
		}
	}()
	if s.led, err = l.openLedger(ctx); err != nil {
		return nil, nil, err
	}
	if held, s.give, err = l.hold(ctx, s.led); err != nil {
		return nil, nil, err
	}
	return held, s, s.open(ctx)
}

// open opens what else a session needs, and checks that the ledger is the right one.
func (s *session) open(ctx context.Context) (err error) {
	l := s.l
	if err := s.alone(ctx); err != nil {
		return err
	}
	if s.pub, err = publish.Open(l.Public); err != nil {
		return err
	}
	if err := s.witness(ctx); err != nil {
		return err
	}
	if s.runs, err = runs.Open(ctx, l.State, l.Clock.Now); err != nil {
		return err
	}
	if _, err := s.runs.Recover(ctx); err != nil {
		return err
	}
	if s.st, err = l.store(); err != nil {
		return err
	}
	return s.st.Sweep()
}

// alone refuses a ledger with charges of a dataset that the instance does not have:
// a new name would be a new budget for the same people, silently.
func (s *session) alone(ctx context.Context) error {
	names, err := s.led.Datasets(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		ours := name == s.l.Dataset.Name || slices.ContainsFunc(s.l.Others, func(d config.Dataset) bool { return d.Name == name })
		if !ours {
			return fmt.Errorf("%w: the ledger has charges of a dataset of another name, %s. A renamed dataset would get its whole budget again. "+
				"Put the name back; a new dataset needs a project of its own, or a place in instance.yaml beside the old one", ErrRefused, name)
		}
	}
	return nil
}

// witness locks the ledger if the public folder has seen more than it knows.
func (s *session) witness(ctx context.Context) error {
	heads, err := s.pub.Heads(ctx)
	if err != nil {
		return err
	}
	seen, err := s.l.witnesses(heads)
	if err != nil {
		return err
	}
	err = s.led.CheckWitness(ctx, seen)
	s.right = err == nil
	return err
}

func (s *session) account(ctx context.Context) (Account, error) {
	return s.led.Account(ctx, s.l.Dataset.Name)
}

// end closes what is open; the work is durable before.
func (s *session) end(ctx context.Context) {
	if s.runs != nil {
		_ = s.runs.Close()
	}
	if s.pub != nil {
		_ = s.pub.Close()
	}
	if s.give != nil {
		if s.right {
			_ = s.l.remember(context.WithoutCancel(ctx), s.led) // the next session tries again
		}
		s.give()
	}
	if s.led != nil {
		_ = s.led.Close()
	}
	s.unlock()
}

// Locked runs do with the lock of the state folder held, and nothing else open.
func (l Line) Locked(do func() error) error {
	if err := l.prepare(); err != nil {
		return err
	}
	unlock, err := runs.Lock(l.State)
	if err != nil {
		return err
	}
	defer unlock()
	return do()
}

func (s *session) start(ctx context.Context, kind runs.Kind, occurrence string) (int64, error) {
	r, err := s.runs.Start(ctx, s.l.Dataset.Name, kind, occurrence)
	return r.ID, err
}

// finish records how a run ended; the record never hides the run's own error.
func (s *session) finish(ctx context.Context, res RunResult, err error) error {
	err = fenced(ctx, err)
	state, outcome := runs.Done, res.State
	if res.State == StateWaiting {
		state = runs.Waiting
	}
	if err != nil {
		state, outcome = runs.Failed, Outcome(err)
		if outcome == outcomeRefused {
			state = runs.Waiting
		}
	}
	return errors.Join(err, s.runs.Finish(context.WithoutCancel(ctx), res.ID, state,
		runs.Result{Outcome: outcome, Version: res.Version.Name, Sequence: res.Version.Sequence}))
}
