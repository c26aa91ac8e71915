package pipeline

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"halftone/pipeline/config"
	"halftone/pipeline/staging"
	"halftone/privacy"
	"halftone/privacy/ledger/durable"
)

// A Retention says which rows were destroyed, and how long the others are kept.
// It holds no count of rows.
type Retention struct {
	Sources []SourceRetention // that have rows, or had
	// InputKey says that nothing is left and nothing can come any more, so that the
	// key of input digests was destroyed, too.
	InputKey bool
}

// A SourceRetention is what became of the rows of one source.
type SourceRetention struct {
	Name       string
	Destroyed  []privacy.Period // their time was over
	Superseded []privacy.Period // older rows of them: a newer pull has brought them again
	Keys       int              // of batches of which nothing is left
	Kept       []KeptRows
}

// KeptRows are the rows of one period that a source has.
type KeptRows struct {
	Period  privacy.Period
	Until   time.Time // not destroyed before
	Waits   int       // for this planned edition; 0: for none
	Charged bool      // a release that counts them is charged and not sealed
}

// Destroyed reports whether any rows were, those that a newer pull has brought
// again aside.
func (r Retention) Destroyed() bool {
	return r.InputKey || slices.ContainsFunc(r.Sources, func(s SourceRetention) bool { return len(s.Destroyed) > 0 })
}

// Retention destroys the rows that no release can need any more, with their keys,
// or with dry set only says which.
func (l Line) Retention(ctx context.Context, dry bool) (Retention, error) {
	if _, err := os.Stat(l.State); errors.Is(err, fs.ErrNotExist) {
		return Retention{}, nil
	}
	ctx, s, err := l.begin(ctx)
	if err != nil {
		return Retention{}, err
	}
	defer s.end(ctx)
	account, err := s.account(ctx)
	if err != nil {
		return Retention{}, err
	}
	if err := l.TermsHold(account); err != nil {
		return Retention{}, err
	}
	return s.retain(ctx, dry)
}

// retire is the pass at the end of a run, whatever became of it: a source that
// stops every run must not keep rows for ever. It returns the run's own error, too.
func (s *session) retire(ctx context.Context, failed error) (Retention, error) {
	if ctx.Err() != nil || durable.Lost(failed) {
		return Retention{}, failed
	}
	r, err := s.retain(ctx, false)
	if failed != nil {
		err = errors.Join(failed, err)
	}
	return r, err
}

// retain is one pass over all sources.
func (s *session) retain(ctx context.Context, dry bool) (out Retention, err error) {
	if !dry {
		if err := s.l.forgetSuggestions(); err != nil {
			return out, err
		}
	}
	lk, err := s.l.look(ctx, s.led)
	if err != nil {
		return out, err
	}
	k := s.l.keeping(lk)
	sources, err := s.staged()
	if err != nil {
		return out, err
	}
	left := false
	for _, src := range sources {
		batches, err := s.st.Batches(src.Name)
		if err != nil {
			return out, err
		}
		losses, err := k.losses(src, batches)
		if err != nil {
			return out, err
		}
		r, err := s.lose(ctx, src, batches, losses, dry)
		if err != nil {
			return out, err
		}
		if r.Kept, err = k.kept(src, batches, losses); err != nil {
			return out, err
		}
		out.Sources, left = append(out.Sources, r), left || len(r.Kept) > 0
	}
	if left || !k.ended() {
		return out, nil
	}
	if out.InputKey, err = s.st.Keyed(); err != nil || !out.InputKey || dry {
		return out, err
	}
	return out, s.st.DestroyInput()
}

// staged are the declared sources, then those that have rows and were taken out:
// no release will count them, so that they go after the usual time.
func (s *session) staged() ([]config.Source, error) {
	out := slices.Clone(s.l.Dataset.Sources)
	names, err := s.st.Sources()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !slices.ContainsFunc(out, func(s config.Source) bool { return s.Name == name }) {
			out = append(out, config.Source{Name: name, Keep: config.UsualKeep()})
		}
	}
	return out, nil
}

// lose does away with rows, and first with what would be compared with them.
func (s *session) lose(ctx context.Context, src config.Source, batches []staging.Batch, losses []staging.Loss, dry bool) (SourceRetention, error) {
	r := SourceRetention{Name: src.Name}
	var todo []staging.Loss
	for _, l := range losses {
		b := batches[slices.IndexFunc(batches, func(b staging.Batch) bool { return b.ID == l.Batch })]
		over, err := withRows(b, l.Over)
		if err != nil {
			return r, err
		}
		superseded, err := withRows(b, l.Superseded)
		if err != nil {
			return r, err
		}
		r.Destroyed, r.Superseded = append(r.Destroyed, over...), append(r.Superseded, superseded...)
		opens, err := s.st.Opens(l.Batch)
		if err != nil {
			return r, err
		}
		if opens && !b.After(l).Holds() {
			r.Keys++
		}
		if opens || len(l.Over)+len(l.Superseded) > 0 { // else it was done long ago
			todo = append(todo, l)
		}
	}
	r.Destroyed, r.Superseded = inOrder(r.Destroyed), inOrder(r.Superseded)
	if dry {
		return r, nil
	}
	if err := s.unpin(ctx, r.Destroyed); err != nil {
		return r, err
	}
	for _, l := range todo {
		if err := s.st.Destroy(l); err != nil {
			return r, err
		}
	}
	return r, nil
}

// withRows are those of some periods of which a batch has rows.
func withRows(b staging.Batch, periods []string) (out []privacy.Period, err error) {
	for _, text := range periods {
		p, err := privacy.ParsePeriod(text)
		if err != nil {
			return nil, err
		}
		if b.Periods[text].Rows > 0 {
			out = append(out, p)
		}
	}
	return out, nil
}

// unpin forgets which rows the releases of some periods count. None of them is
// still to be drawn: their rows would be kept.
func (s *session) unpin(ctx context.Context, periods []privacy.Period) error {
	charges, err := s.led.Charges(ctx, s.l.Dataset.Name)
	if err != nil {
		return err
	}
	for _, c := range charges {
		if slices.Contains(periods, c.Key.Period) {
			if err := s.st.Unpin(c.Key); err != nil {
				return err
			}
		}
	}
	return nil
}

// present leaves out releases of which rows were destroyed: a planned edition that
// was added later, or a new series. What is left of the rows is not all of them,
// and none is not zero.
func (s *session) present(due []privacy.Key) (ok, not []privacy.Key, err error) {
	for _, k := range due {
		gone := false
		for _, src := range s.l.Dataset.Sources {
			if src.Check {
				continue
			}
			batches, err := s.st.Batches(src.Name)
			if err != nil {
				return nil, nil, err
			}
			_, err = staging.Select(src.Delivers, batches, k.Period)
			gone = gone || errors.Is(err, staging.ErrDestroyed) // any other error is said by the release
		}
		if gone {
			not = append(not, k)
		} else {
			ok = append(ok, k)
		}
	}
	return ok, not, nil
}

// inOrder sorts periods, each once.
func inOrder(ps []privacy.Period) []privacy.Period {
	slices.SortFunc(ps, func(a, b privacy.Period) int {
		return cmp.Or(a.Start().Compare(b.Start()), cmp.Compare(a.Months(), b.Months()))
	})
	return slices.Compact(ps)
}
