package pipeline

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"halftone/connectors"
	"halftone/pipeline/config"
	"halftone/pipeline/normalize"
	"halftone/pipeline/staging"
)

// PullOptions are those of one pull.
type PullOptions struct {
	Sources []string // names; none: all
	DryRun  bool     // normalize and report, keep nothing
	Accept  string   // reason for which a batch may have shrunk, in the words of By
}

// A SourceResult says what a pull of one source brought. It is for the officer:
// its figures are exact and of no public place.
type SourceResult struct {
	Name   string
	Report normalize.Report
	Batch  string // "" when nothing new was taken
	Same   string // batch that already holds the same bytes; "" when something new was taken
	Known  int    // items that were taken before (append)
	// Missing says why a source that is not required is released without; nil
	// when its pull was complete.
	Missing error
}

// Pull pulls and normalizes sources and stages what they brought. It stops at
// the first source that stops; what earlier ones brought is kept.
//
// The caller guarantees that no other process uses the state folder: see
// [Line.Locked].
func (l Line) Pull(ctx context.Context, opt PullOptions) ([]SourceResult, error) {
	for _, name := range opt.Sources {
		if !slices.ContainsFunc(l.Dataset.Sources, func(s config.Source) bool { return s.Name == name }) {
			return nil, usage("there is no source %q in halftone.yaml", name)
		}
	}
	st, err := l.store()
	if err != nil {
		return nil, err
	}
	var out []SourceResult
	for _, s := range l.Dataset.Sources {
		if len(opt.Sources) > 0 && !slices.Contains(opt.Sources, s.Name) {
			continue
		}
		l.say(Event{Step: "pull", Source: s.Name, Done: len(out), Total: len(l.Dataset.Sources)})
		r, err := l.pull(ctx, st, s, opt)
		var stop *SourceStopped
		if !s.Required && errors.As(err, &stop) {
			r.Missing, err = err, nil
		}
		out = append(out, r)
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// ErrUsage says that the command line does not fit the configuration (exit 2).
var ErrUsage = errors.New("usage")

// A usageError prints what is wrong and no more.
type usageError string

func usage(format string, args ...any) error { return usageError(fmt.Sprintf(format, args...)) }

func (e usageError) Error() string { return string(e) }

// Is makes errors.Is(err, ErrUsage) hold.
func (usageError) Is(target error) bool { return target == ErrUsage }

func (l Line) pull(ctx context.Context, st *staging.Store, s config.Source, opt PullOptions) (SourceResult, error) {
	src, err := l.open(ctx, s)
	if err != nil {
		return SourceResult{Name: s.Name}, fmt.Errorf("source %s: %w", s.Name, err)
	}
	// 1. What was taken before.
	before, err := st.Batches(s.Name)
	if err != nil {
		return SourceResult{Name: s.Name}, err
	}
	var dims []string
	for _, d := range l.Dataset.Spec.Dimensions {
		dims = append(dims, d.Name)
	}
	now := l.Clock.Now()
	w, err := st.Create(s.Name, batchID(now), dims)
	if err != nil {
		return SourceResult{Name: s.Name}, err
	}
	defer func() { _ = w.Abort() }() // after Commit it does nothing
	// 2. Read, normalize, stage.
	t := taking{source: s, store: st, w: w, before: before,
		lists: l.listDigest(),
		n:     normalize.New(s.Mapping, l.Dataset.Calendar.Holds, l.Dataset.Spec.Every, l.Dataset.Calendar.Bands)}
	report, err := t.all(ctx, src)
	r := SourceResult{Name: s.Name, Report: report, Known: t.known}
	if err == nil {
		err = l.complete(s, t, report, opt)
	}
	if !opt.DryRun {
		var limit *normalize.QuarantineError
		if kept := report; err != nil && !errors.As(err, &limit) {
			kept.Source, kept.Stopped = s.Name, err.Error()
			_ = st.KeepReport(s.Name, kept) // the source's own fault is what must be said
		} else if keep := st.KeepReport(s.Name, report); err == nil {
			err = keep
		}
	}
	if err != nil {
		return r, stopped(r, err)
	}
	// 3. Nothing new?
	if same := t.same(); same != "" {
		r.Same = same
		return r, nil
	}
	if opt.DryRun {
		return r, nil
	}
	// 4. The batch exists from here on.
	b := staging.Batch{Pulled: now.UTC(), Mapping: s.Mapping.Digest(), Lists: t.lists, Items: t.items, Report: &report}
	if opt.Accept != "" {
		b.Accepted = &staging.Acceptance{By: l.By, Reason: opt.Accept}
	}
	if b, err = w.Commit(b); err != nil {
		return r, err
	}
	r.Batch = b.ID
	return r, nil
}

// stopped tells a source's own faults, which nobody here can mend, from ours.
func stopped(r SourceResult, err error) error {
	var set *connectors.SettingError
	if errors.Is(err, context.Canceled) || errors.As(err, &set) {
		return fmt.Errorf("source %s: %w", r.Name, err)
	}
	return &SourceStopped{r.Name, err, r}
}

// batchID sorts by time; the rest keeps two pulls of one second apart.
func batchID(now time.Time) string {
	var b [3]byte
	_, _ = rand.Read(b[:]) // never fails
	return now.UTC().Format("20060102T150405.000Z") + "-" + hex.EncodeToString(b[:])
}

// A taking is one pull of one source while it goes on.
type taking struct {
	source config.Source
	store  *staging.Store
	w      *staging.Writer
	n      *normalize.Normalizer
	before []staging.Batch
	lists  string
	items  []staging.Item // taken now
	known  int            // items of append that were taken before
	rows   map[string]int64
}

func (t *taking) all(ctx context.Context, src connectors.Source) (normalize.Report, error) {
	t.rows = map[string]int64{}
	emit := func(o normalize.Observations) error {
		for _, p := range o.Period {
			t.rows[o.Periods[p].String()]++
		}
		return t.w.Add(o)
	}
	skipped := map[string]bool{}
	for page, err := range src.Read(ctx, "") {
		if err != nil {
			r, _ := t.n.Close(emit)
			return r, err
		}
		digest := t.store.ItemDigest(page.Item.Digest)
		switch {
		case t.source.Delivers == "append" && t.takenBefore(digest):
			if !skipped[digest] {
				skipped[digest], t.known = true, t.known+1
			}
		default:
			if !slices.ContainsFunc(t.items, func(i staging.Item) bool { return i.Digest == digest }) {
				t.items = append(t.items, staging.Item{Name: page.Item.Name, Digest: digest})
			}
			err = t.n.Page(page, emit)
		}
		page.Records.Release()
		if err != nil {
			r, _ := t.n.Close(emit)
			return r, err
		}
	}
	return t.n.Close(emit)
}

func (t *taking) takenBefore(digest string) bool {
	for _, b := range t.before {
		if slices.ContainsFunc(b.Items, func(i staging.Item) bool { return i.Digest == digest }) {
			return true
		}
	}
	return false
}

// same returns the batch that already holds what was read: the newest one, of
// the same bytes under the same mapping and code lists (a new synonym may free
// rows from quarantine), or any when nothing new was appended.
func (t *taking) same() string {
	if len(t.before) == 0 {
		return ""
	}
	last := t.before[len(t.before)-1]
	if t.source.Delivers == "append" && len(t.items) == 0 && t.known > 0 {
		return last.ID
	}
	sorted := func(items []staging.Item) []staging.Item {
		items = slices.Clone(items)
		sort.Slice(items, func(i, j int) bool { return items[i].Digest < items[j].Digest })
		return items
	}
	if last.Mapping == t.source.Mapping.Digest() && last.Lists == t.lists && slices.Equal(sorted(last.Items), sorted(t.items)) {
		return last.ID
	}
	return ""
}

// complete stops a source that sent less than before, or nothing at all: by
// mistake that is common, by intent a person says so.
func (l Line) complete(s config.Source, t taking, r normalize.Report, opt PullOptions) error {
	if opt.Accept != "" || t.known > 0 {
		return nil
	}
	remedy := fmt.Sprintf("if that is right: halftone pull %s --accept \"REASON\"", s.Name)
	if r.Read == 0 {
		return fmt.Errorf("the source has no rows at all; %s", remedy)
	}
	if s.Delivers == "append" || len(t.before) == 0 {
		return nil
	}
	last := t.before[len(t.before)-1]
	for p, held := range last.Periods {
		switch now := t.rows[p]; {
		case now == 0:
			return fmt.Errorf("%s has vanished from the source since batch %s; %s", p, last.ID, remedy)
		case now < held.Rows:
			return fmt.Errorf("%s has fewer rows than in batch %s; %s", p, last.ID, remedy)
		}
	}
	return nil
}

// listDigest stands for the code lists with their labels and synonyms.
func (l Line) listDigest() string {
	h := sha256.New()
	for _, c := range l.Dataset.Lists {
		fmt.Fprintln(h, c.Digest)
	}
	return hex.EncodeToString(h.Sum(nil))
}
