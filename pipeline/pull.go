package pipeline

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"halftone/connectors"
	"halftone/pipeline/config"
	"halftone/pipeline/normalize"
	"halftone/pipeline/staging"
	"halftone/privacy"
)

// PullOptions are those of one pull.
type PullOptions struct {
	Sources []string // names; none: all
	DryRun  bool     // normalize and report, keep nothing
	Accept  string   // reason for which a batch may have shrunk, in the words of By
	Compare bool     // sources of `use: check` with the others; it reads their rows again
	Excess  bool     // also find what is over the bound of persons
}

// A SourceResult says what a pull of one source brought. It is for the officer:
// its figures are exact and of no public place.
type SourceResult struct {
	Name   string
	Report normalize.Report
	Batch  string // "" when nothing new was taken
	Same   string // batch that already holds the same bytes; "" when something new was taken
	Known  int    // items that were taken before (append)
	// Over are periods of which rows came whose time of keeping is over: they were
	// counted long ago, or can no longer be, and are not staged again.
	Over []privacy.Period
	// Excess is what is over the bound of persons, of the rows that count now; nil
	// where the source has no person key, nothing was kept, or nobody asked.
	Excess *staging.Excess
	// Missing says why a source that is not required is released without; nil
	// when its pull was complete.
	Missing error
	// Diff says what the pull changed or, where it brought nothing new, what the one
	// did that made the batch; nil: of a first pull, or of one whose rows stopped.
	Diff *staging.Diff
	// Check is set where the source only checks, and was compared.
	Check *Comparison
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
	lk, err := l.lookAtLedger(ctx)
	if err != nil {
		return nil, err
	}
	k := l.keeping(lk)
	var out []SourceResult
	for _, s := range l.Dataset.Sources {
		if len(opt.Sources) > 0 && !slices.Contains(opt.Sources, s.Name) {
			continue
		}
		l.say(Event{Step: "pull", Source: s.Name, Done: len(out), Total: len(l.Dataset.Sources)})
		over := func(p privacy.Period) bool { return k.over(p, s.Keep) }
		r, err := l.pull(ctx, st, s, over, opt)
		var stop *SourceStopped
		var notReceived *connectors.SourceError
		if !s.Required && errors.As(err, &stop) && errors.As(err, &notReceived) {
			// Only what was not received is missing. What stopped because of its rows
			// stops the run: else one row would show in what is published.
			r.Missing, err = err, nil
		}
		out = append(out, r)
		if err != nil {
			return out, err
		}
	}
	if opt.Compare && !opt.DryRun {
		return out, l.compareAll(st, out)
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

func (l Line) pull(ctx context.Context, st *staging.Store, s config.Source, over func(privacy.Period) bool, opt PullOptions) (SourceResult, error) {
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
	w, err := st.Create(s.Name, batchID(now, before), dims)
	if err != nil {
		return SourceResult{Name: s.Name}, err
	}
	defer func() { _ = w.Abort() }() // after Commit it does nothing
	// 2. Read, normalize, stage.
	made, err := l.makingOf(st, s)
	if err != nil {
		return SourceResult{Name: s.Name}, err
	}
	w.Skip(over)
	t := taking{source: s, store: st, w: w, before: before, over: over, made: made, dims: dims,
		n: normalize.New(s.Mapping, l.Dataset.Calendar.Holds, l.Dataset.Spec.Every, l.Dataset.Calendar.Bands)}
	t.n.Before(t.held)
	t.n.KeyedBy(st.RowKeys())
	if err := t.persons(); err != nil {
		return SourceResult{Name: s.Name}, stopped(SourceResult{Name: s.Name}, err)
	}
	report, err := t.all(ctx, src)
	r := SourceResult{Name: s.Name, Report: report, Known: t.known, Over: t.skipped()}
	same := t.same()
	if err == nil {
		same, r.Diff, err = t.follow(now, report, same)
	}
	if err == nil {
		err = l.complete(s, t, report, opt)
	}
	if !opt.DryRun {
		if kept := t.keepReport(report, same, r.Diff, err); err == nil && kept != nil {
			err = &stagingError{kept}
		}
	}
	if err != nil {
		return r, stopped(r, err)
	}
	// 3. Nothing new, or nothing to keep?
	if same != "" {
		r.Same = same
		return r, l.excess(ctx, st, s, opt, &r)
	}
	if opt.DryRun || t.nothing() && opt.Accept == "" {
		return r, nil
	}
	// 4. The batch exists from here on.
	b := staging.Batch{Pulled: now.UTC(), Made: t.made, Items: t.items}
	if opt.Accept != "" {
		b.Accepted = &staging.Acceptance{By: l.By, Reason: opt.Accept}
	}
	if opt.Accept != "" && t.replaces() {
		// What has vanished with somebody's consent is gone: the older rows no longer count.
		for p, held := range t.newest() {
			if held.Rows > 0 && t.rows[p] == 0 {
				w.Drop(p)
			}
		}
	}
	if b, err = w.Commit(b); err != nil {
		return r, err
	}
	r.Batch = b.ID
	return r, l.excess(ctx, st, s, opt, &r)
}

// excess finds how many rows of a source will not be counted because a person has
// more than the bound, of all periods of which the newest batch has rows.
func (l Line) excess(ctx context.Context, st *staging.Store, s config.Source, opt PullOptions, r *SourceResult) error {
	i := slices.IndexFunc(l.Dataset.Spec.Sources, func(o privacy.Source) bool { return o.Name == s.Name && o.Namespace != "" })
	if i < 0 || !opt.Excess {
		return nil
	}
	batches, err := st.Batches(s.Name)
	if err != nil || len(batches) == 0 {
		return err
	}
	var all staging.Excess
	for text, held := range batches[len(batches)-1].Periods {
		if held.Rows == 0 {
			continue
		}
		p, err := privacy.ParsePeriod(text)
		if err != nil {
			return err
		}
		ids, err := staging.Select(s.Delivers, batches, p)
		if err != nil {
			continue // what counts of the period is said by the release
		}
		e, err := st.Excess(ctx, s.Name, p, ids, l.Dataset.Spec.Sources[i].PerPeriod)
		if errors.Is(err, staging.ErrGone) || errors.Is(err, staging.ErrKeyLost) {
			continue // as well
		}
		if err != nil {
			return err
		}
		all.Add(e)
	}
	r.Excess = &all
	return nil
}

// stopped tells a source's own faults, which nobody here can mend, from ours.
func stopped(r SourceResult, err error) error {
	var set *connectors.SettingError
	var own *stagingError
	if errors.Is(err, context.Canceled) || errors.As(err, &set) || errors.As(err, &own) {
		return fmt.Errorf("source %s: %w", r.Name, err)
	}
	return &SourceStopped{r.Name, err, r}
}

// A stagingError is a fault of our own disk while rows are written, such as a full one.
type stagingError struct{ error }

func (e *stagingError) Unwrap() error { return e.error }

// batchID sorts by time, and after every batch before it also when the clock was
// set back; the rest keeps two pulls of one moment apart.
func batchID(now time.Time, before []staging.Batch) string {
	if n := len(before); n > 0 {
		stamp, _, _ := strings.Cut(before[n-1].ID, "-")
		if last, err := time.Parse(batchTime, stamp); err == nil && !now.After(last) {
			now = last.Add(time.Millisecond)
		}
	}
	var b [3]byte
	_, _ = rand.Read(b[:]) // never fails
	return now.UTC().Format(batchTime) + "-" + hex.EncodeToString(b[:])
}

const batchTime = "20060102T150405.000Z"

// A taking is one pull of one source while it goes on.
type taking struct {
	source config.Source
	store  *staging.Store
	w      *staging.Writer
	n      *normalize.Normalizer
	before []staging.Batch
	made   staging.Making
	items  []staging.Item // taken now
	known  int            // items of append that were taken before
	dims   []string
	rows   map[string]int64
	sets   []normalize.Observations  // of upsert: they are staged when all are there
	over   func(privacy.Period) bool // rows of the period are not kept any more
	left   map[privacy.Period]bool   // periods whose rows were left out for that
}

// persons says under which key person keys are hashed. Rows are not put beside
// others that were hashed under another.
func (t *taking) persons() error {
	of := t.source.Mapping.Person.Namespace
	if of == "" {
		return nil
	}
	t.n.Persons(t.store.PersonKey(of))
	switch t.source.Delivers {
	case "append":
		return t.store.KnowsPersons(t.before)
	case "upsert":
		return t.store.KnowsPersons(t.merged())
	}
	return nil
}

func (t *taking) all(ctx context.Context, src connectors.Source) (normalize.Report, error) {
	t.rows, t.left = map[string]int64{}, map[privacy.Period]bool{}
	emit := func(o normalize.Observations) error {
		t.count(o)
		if t.source.Delivers == "upsert" {
			t.sets = append(t.sets, o)
			return nil
		}
		if err := t.w.Add(o); err != nil {
			return &stagingError{err}
		}
		return nil
	}
	skipped := map[string]bool{}
	for page, err := range src.Read(ctx, "") {
		if err != nil {
			r, _ := t.n.Close(emit)
			return r, err
		}
		digest := t.store.ItemDigest(page.Item.Digest)
		switch {
		case t.source.Delivers == "append" && t.takenBefore(page.Item.Name, digest):
			if !skipped[page.Item.Name+digest] {
				skipped[page.Item.Name+digest], t.known = true, t.known+1
			}
		default:
			if item := (staging.Item{Name: page.Item.Name, Digest: digest}); !slices.Contains(t.items, item) {
				t.items = append(t.items, item)
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

// count counts the rows that are staged, by period.
func (t *taking) count(o normalize.Observations) {
	rows := make([]int64, len(o.Periods))
	for _, p := range o.Period {
		rows[p]++
	}
	for i, p := range o.Periods {
		switch {
		case rows[i] == 0:
		case t.over(p):
			t.left[p] = true
		default:
			t.rows[p.String()] += rows[i]
		}
	}
}

// skipped are the periods whose rows were left out, in order.
func (t *taking) skipped() []privacy.Period { return inOrder(slices.Collect(maps.Keys(t.left))) }

// nothing reports whether all rows that came were left out.
func (t *taking) nothing() bool {
	return len(t.rows) == 0 && len(t.left) > 0 && len(t.w.Held()) == 0
}

// keepReport keeps what the report says of rows that are kept; stop is why the
// source stopped, nil if it did not.
func (t *taking) keepReport(r normalize.Report, same string, d *staging.Diff, stop error) error {
	var limit *normalize.QuarantineError
	var batch string
	switch {
	case stop != nil && !errors.As(stop, &limit):
		r.Source, r.Stopped, d = t.source.Name, stop.Error(), nil // the source's own fault is what must be said
	case stop != nil:
		d = nil
	case t.nothing():
		return t.store.DropReport(t.source.Name)
	case same != "":
		batch = same
	default:
		batch = t.w.ID()
	}
	if len(t.left) > 0 {
		var over []string
		for p := range t.left {
			over = append(over, p.String())
		}
		r = r.Without(over...)
	}
	return t.store.KeepReport(t.source.Name, batch, r, d)
}

// takenBefore reports whether a file's bytes were taken under today's mapping: by
// an earlier batch, or under another name in this pull.
func (t *taking) takenBefore(name, digest string) bool {
	if slices.ContainsFunc(t.items, func(i staging.Item) bool { return i.Digest == digest && i.Name != name }) {
		return true
	}
	for _, b := range t.before {
		if b.Made == t.made && slices.ContainsFunc(b.Items, func(i staging.Item) bool { return i.Digest == digest }) {
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
	for p := range t.rows {
		if last.Periods[p].Gone { // needed again: a planned edition was added, or the clock set right
			return ""
		}
	}
	if t.source.Delivers == "append" && len(t.items) == 0 && t.known > 0 {
		return last.ID
	}
	sorted := func(items []staging.Item) []staging.Item {
		items = slices.Clone(items)
		sort.Slice(items, func(i, j int) bool { return items[i].Name+items[i].Digest < items[j].Name+items[j].Digest })
		return items
	}
	if last.Made == t.made && slices.Equal(sorted(last.Items), sorted(t.items)) {
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
	news := s.Delivers == "upsert" && len(t.before) > 0 // there may be none
	if r.Read == 0 && (!news || t.replaces()) {
		return fmt.Errorf("the source has no rows at all; %s", remedy)
	}
	if !t.replaces() || len(t.before) == 0 {
		return nil
	}
	var vanished, fewer []string
	for p, held := range t.newest() {
		was := held.Rows
		if held.From > 0 {
			was = held.From
		}
		switch now := r.Periods[p]; {
		case now == 0 && was > 0:
			vanished = append(vanished, p)
		case now < was:
			fewer = append(fewer, p)
		}
	}
	slices.Sort(vanished)
	slices.Sort(fewer)
	switch {
	case len(vanished) > 0:
		return fmt.Errorf("%s has vanished from the source since the last pull; %s", strings.Join(vanished, ", "), remedy)
	case len(fewer) > 0:
		return fmt.Errorf("%s has fewer rows than at the last pull; %s", strings.Join(fewer, ", "), remedy)
	}
	return nil
}

// newest is what the newest batch that holds a period holds of it, of the periods
// whose rows are still kept.
func (t *taking) newest() map[string]staging.Held {
	held := map[string]staging.Held{}
	for _, b := range t.before {
		maps.Copy(held, b.Periods)
	}
	maps.DeleteFunc(held, func(text string, _ staging.Held) bool {
		p, err := privacy.ParsePeriod(text)
		return err == nil && t.over(p)
	})
	return held
}

// held gives what earlier batches hold of a period; nothing where that is gone.
func (t *taking) held(p privacy.Period) ([]normalize.Observations, error) {
	ids, err := staging.Select(t.source.Delivers, t.before, p)
	if err != nil {
		return nil, err
	}
	rows, err := t.store.Rows(t.source.Name, p, ids, t.dims)
	if errors.Is(err, staging.ErrGone) {
		return nil, nil
	}
	return rows, err
}

// makingOf is the making of a source with what no public digest may hold: the
// corrections, whose values are counts, under the store's key.
func (l Line) makingOf(st *staging.Store, s config.Source) (staging.Making, error) {
	m := l.making(s.Name)
	if !s.Mapping.ByHand() {
		return m, nil
	}
	text, err := json.Marshal(s.Mapping.Corrections)
	if err != nil {
		return m, fmt.Errorf("source %s: corrections: %w", s.Name, err)
	}
	m.Rest = st.ItemDigest(m.Rest + " " + string(text))
	return m, nil
}

// making is the digest of everything but the bytes that decides what observations
// a pull of a source gives.
func (l Line) making(source string) staging.Making {
	h := sha256.New()
	for _, c := range l.Dataset.Lists {
		fmt.Fprintln(h, c.Digest) // labels and synonyms, which the spec does not pin
	}
	c := l.Dataset.Calendar
	fmt.Fprintln(h, l.Dataset.Spec.Every, c.From, c.To, c.Bands)
	m := staging.Making{Rest: hex.EncodeToString(h.Sum(nil))}
	for _, s := range l.Dataset.Sources {
		if s.Name == source {
			m.Source = s.Digest
		}
	}
	return m
}
