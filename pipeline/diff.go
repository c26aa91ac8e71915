package pipeline

import (
	"errors"
	"maps"
	"slices"
	"time"

	"halftone/pipeline/normalize"
	"halftone/pipeline/staging"
	"halftone/privacy"
)

// replaces reports whether a pull stands for all that the source has to say: then
// it must not shrink. So it is with the first pull of upsert under a changed mapping,
// since what was staged under the other cannot be merged with it.
func (t *taking) replaces() bool {
	if t.source.Delivers == "upsert" {
		return len(t.before) > 0 && len(t.merged()) == 0
	}
	return t.source.Delivers != "append"
}

// merged are the newest batches of one making with today's, with whose rows those
// of upsert are merged.
func (t *taking) merged() []staging.Batch {
	i := len(t.before)
	for i > 0 && t.before[i-1].Made.Source == t.made.Source {
		i--
	}
	return t.before[i:]
}

// follow closes what was staged and says what it changes. Of a batch that is there
// already it says what that changed.
func (t *taking) follow(now time.Time, r normalize.Report, same string) (string, *staging.Diff, error) {
	if same != "" {
		d, err := t.changedBy(same)
		return same, d, err
	}
	if t.source.Delivers == "upsert" {
		if err := t.w.Upsert(t.merged(), t.sets, t.n.Came()); err != nil {
			return "", nil, &stagingError{err}
		}
	} else {
		t.w.From(r.Periods)
	}
	if err := t.w.Seal(); err != nil {
		return "", nil, &stagingError{err}
	}
	n := len(t.before)
	if n == 0 {
		return "", nil, nil
	}
	if t.source.Delivers == "upsert" && !t.replaces() && len(t.w.Held()) == 0 {
		d, err := t.changedBy(t.before[n-1].ID)
		return t.before[n-1].ID, d, err
	}
	d := &staging.Diff{Since: t.before[n-1].Pulled, At: now.UTC(), Periods: []staging.PeriodChange{}}
	if err := t.periods(d); err != nil {
		return "", nil, &stagingError{err}
	}
	return "", d, t.vocabulary(d, r)
}

// changedBy is what the pull changed that made a batch.
func (t *taking) changedBy(batch string) (*staging.Diff, error) {
	_, d, of, ok, err := t.store.Taken(t.source.Name)
	if err != nil {
		return nil, &stagingError{err}
	}
	if !ok || of != batch {
		return nil, nil
	}
	return d, nil
}

// periods finds the periods that the new batch changes.
func (t *taking) periods(d *staging.Diff) error {
	held := t.w.Held()
	after := append(slices.Clone(t.before), staging.Batch{ID: t.w.ID(), Source: t.source.Name, Made: t.made, Items: t.items, Periods: held})
	old := t.newest()
	var all []privacy.Period
	for text := range maps.Keys(old) {
		if p, err := privacy.ParsePeriod(text); err == nil {
			all = append(all, p)
		}
	}
	for text := range maps.Keys(held) {
		if p, err := privacy.ParsePeriod(text); err == nil {
			all = append(all, p)
		}
	}
	for _, p := range inOrder(all) {
		was, err := staging.Select(t.source.Delivers, t.before, p)
		if errors.Is(err, staging.ErrDestroyed) || errors.Is(err, staging.ErrGone) {
			continue // nothing can be compared
		}
		if err != nil {
			return err
		}
		is, err := staging.Select(t.source.Delivers, after, p)
		if _, there := held[p.String()]; !there && t.replaces() {
			is, err = nil, nil
		}
		if errors.Is(err, staging.ErrDestroyed) || errors.Is(err, staging.ErrGone) {
			continue
		}
		if err != nil {
			return err
		}
		c, changed, err := t.change(p, after, was, is)
		if err != nil {
			return err
		}
		if changed {
			d.Periods = append(d.Periods, c)
		}
	}
	return nil
}

// change compares the rows of a period in some batches with those in others.
func (t *taking) change(p privacy.Period, all []staging.Batch, was, is []string) (c staging.PeriodChange, changed bool, err error) {
	c = staging.PeriodChange{Period: p.String(), Change: staging.PeriodChanged}
	var digests [2][]string
	count := func(side int, ids []string) (rows int64) {
		for _, b := range all {
			if h := b.Periods[p.String()]; slices.Contains(ids, b.ID) {
				digests[side] = append(digests[side], h.Digest)
				rows += max(h.Rows, h.From)
			}
		}
		return rows
	}
	c.Before, c.Now = count(0, was), count(1, is)
	switch {
	case slices.Equal(digests[0], digests[1]):
		return c, false, nil
	case len(was) == 0:
		c.Change = staging.PeriodNew
	case len(is) == 0:
		c.Change = staging.PeriodVanished
	}
	before, now := staging.Cells{}, staging.Cells{}
	if err := t.store.Cells(t.source.Name, p, was, t.dims, nil, before); err != nil {
		return c, false, err
	}
	if err := t.store.Cells(t.source.Name, p, is, t.dims, nil, now); err != nil {
		return c, false, err
	}
	c.Cells, c.Shown, c.Suppressed = now.Compare(before)
	// Rows that only stand elsewhere in the file change nothing.
	return c, c.Cells+c.Shown+c.Suppressed > 0 || c.Before != c.Now || c.Change != staging.PeriodChanged, nil
}

// vocabulary finds what came and went of codes, units and texts of the mapping.
func (t *taking) vocabulary(d *staging.Diff, now normalize.Report) error {
	was, _, of, ok, err := t.store.Taken(t.source.Name)
	if err != nil {
		return &stagingError{err}
	}
	if !ok {
		return nil
	}
	d.Before = was.Outcomes
	if was.Codes == nil {
		return nil
	}
	v := &staging.Vocabulary{Codes: map[string]staging.Change{}}
	for dim, codes := range now.Codes {
		if c := t.between(was.Codes[dim], codes); !c.IsZero() {
			v.Codes[dim] = c
		}
	}
	v.Units = t.between(slices.Sorted(maps.Keys(was.Units)), slices.Sorted(maps.Keys(now.Units)))
	if i := slices.IndexFunc(t.before, func(b staging.Batch) bool { return b.ID == of }); i >= 0 && t.before[i].Made == t.made {
		v.Texts = t.between(now.Unused, was.Unused)
	}
	d.Vocabulary = v
	return nil
}

// between lists what the second has alone, and the first. Of a pull that brings
// only a part nothing is said to be gone.
func (t *taking) between(was, is []string) (c staging.Change) {
	for _, x := range is {
		if !slices.Contains(was, x) {
			c.New = append(c.New, x)
		}
	}
	if t.source.Delivers != "whole" {
		return c
	}
	for _, x := range was {
		if !slices.Contains(is, x) {
			c.Gone = append(c.Gone, x)
		}
	}
	return c
}
