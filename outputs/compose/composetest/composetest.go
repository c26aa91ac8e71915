// Package composetest makes small versions for tests, through the real
// [privacy.Measure] and a ledger in memory.
package composetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"halftone/outputs"
	"halftone/outputs/describe"
	"halftone/privacy"
)

// A World is one dataset with its ledger.
type World struct {
	Spec   privacy.Spec
	About  outputs.About
	Links  []privacy.Link
	Day    time.Time // of what comes next
	sealed map[privacy.Key][]byte
	costs  map[privacy.Key]privacy.Charge
	done   []outputs.Edition
	by     map[privacy.Key][]string // who has approved
}

// New returns a dataset of 2 dimensions and 4 tables with nothing released.
func New() *World {
	root := privacy.Level{Name: "all", Codes: []string{privacy.Total}}
	w := &World{Day: day, sealed: map[privacy.Key][]byte{}, costs: map[privacy.Key]privacy.Charge{}, by: map[privacy.Key][]string{}}
	w.Spec = privacy.Spec{Dataset: "test-offences", Series: 1, Measure: "flow", Unit: "event", Every: "year",
		Dimensions: []privacy.Dimension{
			{Name: "place", Levels: []privacy.Level{root,
				{Name: "region", Codes: []string{"N", "S"}, Parent: []uint32{0, 0}},
				{Name: "state", Codes: []string{"NA", "NB", "SA"}, Parent: []uint32{0, 0, 1}}}},
			{Name: "form", Levels: []privacy.Level{root, {Name: "form", Codes: []string{"sex", "labour"}, Parent: []uint32{0, 0}}}},
		},
		Tables: []privacy.Table{{Name: "national", Levels: []int{0, 0}}, {Name: "by-region", Levels: []int{1, 0}},
			{Name: "by-region-form", Levels: []int{1, 1}}, {Name: "by-state", Levels: []int{2, 0}}},
		Sources:  []privacy.Source{{Name: "police", PerPeriod: 2, Periods: 2, Sensitivity: 1}},
		Budget:   privacy.Budget{NanoEpsilon: 4e9, Delta: 1e-6},
		Editions: 2, Mechanism: "laplace"}
	text := func(en, fr string) outputs.Text { return outputs.Text{"en": en, "fr": fr} }
	w.About = outputs.About{Dataset: "test-offences", Series: 1, Title: text("Offences, \"recorded\"", "Infractions"),
		Summary: outputs.Text{"en": "What police recorded."}, Counts: text("offences", "infractions"), Unit: "event", Measure: "flow",
		Licence: "CC-BY-4.0", Publisher: outputs.Publisher{Name: "Example Office", Contact: "data@example.org", URL: "https://example.org/"},
		Languages: []string{"en", "fr"}, Every: "year", Lead: "by-region", Material: 0.05,
		Sources: []outputs.Source{{Name: "police", Agency: "Police", StatedBy: "the operator", PerPeriod: 2, Periods: 2, Sensitivity: 1}},
		Budget:  outputs.Budget{Epsilon: 4, Delta: 1e-6},
		Codes: []outputs.CodeList{
			{Dimension: "place", Codes: []outputs.Code{{Code: "_T", Level: "all", Label: text("Country", "Pays")},
				{Code: "N", Parent: "_T", Level: "region", Label: text("North", "Nord")}, {Code: "S", Parent: "_T", Level: "region", Label: text("South, the \"deep\" one", "Sud")},
				{Code: "NA", Parent: "N", Level: "state", Label: text("North A", "Nord A")}, {Code: "NB", Parent: "N", Level: "state"},
				{Code: "SA", Parent: "S", Level: "state", Label: outputs.Text{"en": "South A"}}}},
			{Dimension: "form", Codes: []outputs.Code{{Code: "_T", Level: "all", Label: text("All forms", "Toutes formes")},
				{Code: "sex", Parent: "_T", Level: "form", Label: text("Sexual exploitation", "Exploitation sexuelle")},
				{Code: "labour", Parent: "_T", Level: "form", Label: text("Forced labour", "Travail forcé")}}},
		}}
	return w
}

// Release measures one period with made-up counts and keeps it for the next version.
func (w *World) Release(t testing.TB, period string, edition int, scale int64) {
	t.Helper()
	k := w.key(t, period, edition)
	p := k.Period
	c, err := privacy.NewCube(w.Spec, p)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Add([][]uint32{{0, 1, 2, 2}, {0, 1, 0, 1}}, []int64{50 * scale, 3, 1200 * scale, 7}); err != nil {
		t.Fatal(err)
	}
	r, err := privacy.Measure(t.Context(), w.Spec, c, k,
		privacy.Input{Digest: "input", Expected: w.sources(), Reporting: w.sources()}, w)
	if err != nil {
		t.Fatal(err)
	}
	e := outputs.Edition{Release: r, Released: w.Day, Provisional: edition < w.Spec.Editions,
		Reporting: w.sources(), Expected: w.sources()}
	for i, old := range w.done {
		if ok, err := old.Release.Key(); err == nil && ok.Period == p {
			w.done[i] = e
			return
		}
	}
	w.done = append(w.done, e)
}

var day = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

// sources are all of the spec's.
func (w *World) sources() (names []string) {
	for _, s := range w.Spec.Sources {
		names = append(names, s.Name)
	}
	return names
}

// AddSource adds a source of the same bound, of whose people each is in one source.
func (w *World) AddSource(name, agency string) {
	w.Spec.Sources = append(w.Spec.Sources, privacy.Source{Name: name, PerPeriod: 2, Periods: 2, Sensitivity: 1})
	w.Spec.Overlap = 1
	w.About.Sources = append(w.About.Sources, outputs.Source{Name: name, Agency: agency, StatedBy: "its codebook", PerPeriod: 2, Periods: 2, Sensitivity: 1})
}

// Version composes what has been released so far.
func (w *World) Version(t testing.TB, name string, sequence int) outputs.Version {
	t.Helper()
	acc, err := describe.NewAccount(w.Spec.Dataset, w.Links)
	if err != nil {
		t.Fatal(err)
	}
	v := outputs.Version{Name: name, Sequence: sequence, Composed: w.Day, About: w.About, Ledger: append([]privacy.Link{}, w.Links...),
		Releases: append([]outputs.Edition{}, w.done...), Head: w.Links[len(w.Links)-1].Hash, Tool: "halftone test", Spent: acc.Spent()}
	if len(v.Releases) == 0 {
		return v
	}
	slices.SortStableFunc(v.Releases, func(a, b outputs.Edition) int {
		x, xerr := a.Release.Key()
		y, yerr := b.Release.Key()
		if err := errors.Join(xerr, yerr); err != nil {
			t.Fatal(err)
		}
		return x.Period.Start().Compare(y.Period.Start())
	})
	last, err := v.Releases[len(v.Releases)-1].Release.Key()
	if err != nil {
		t.Fatal(err)
	}
	v.Breaks = []outputs.Break{{At: last.Period, Kind: "source_joined", Note: outputs.Text{"en": "An agency joined."}}}
	return v
}

// Published records a version in the ledger.
func (w *World) Published(t testing.TB, v outputs.Version, files outputs.Files) {
	t.Helper()
	var releases []string
	for _, e := range v.Releases {
		k, err := e.Release.Key()
		if err != nil {
			t.Fatal(err)
		}
		releases = append(releases, fmt.Sprintf("%s.%d", k.Period, k.Edition))
	}
	w.link(t, privacy.Entry{Kind: privacy.EntryPublish, Dataset: w.Spec.Dataset, Series: w.Spec.Series,
		Version: v.Name, Sequence: v.Sequence, Manifest: describe.Sum(files[describe.ManifestFile]), Releases: releases})
}

// Withdraw withdraws a release. Versions from now on do not show its period, if it
// is the newest edition.
func (w *World) Withdraw(t testing.TB, period string, edition int, reason string) {
	t.Helper()
	k := w.key(t, period, edition)
	w.about(t, privacy.EntryWithdraw, k, privacy.Entry{Reason: reason, By: []string{"Ada", "Ben"}})
	w.done = slices.DeleteFunc(w.done, func(e outputs.Edition) bool {
		o, err := e.Release.Key()
		return err == nil && o == k
	})
}

// Revise asks for an edition before its day.
func (w *World) Revise(t testing.TB, period string, edition int, reason string) {
	t.Helper()
	w.about(t, privacy.EntryRevise, w.key(t, period, edition), privacy.Entry{Reason: reason, By: []string{"Ada"}})
}

// Approve approves a release, as each of the names.
func (w *World) Approve(t testing.TB, period string, edition int, names ...string) {
	t.Helper()
	k := w.key(t, period, edition)
	for _, n := range names {
		w.about(t, privacy.EntryApprove, k, privacy.Entry{SpecDigest: w.Spec.Digest(), By: []string{n}})
	}
	w.by[k] = append(w.by[k], names...)
}

// Amend changes the bound from was to now, both 0 if it stays, and the terms to
// those that the spec now has.
func (w *World) Amend(t testing.TB, was, now int64, reason string) {
	t.Helper()
	terms := w.Spec.Terms()
	w.link(t, privacy.Entry{Kind: privacy.EntryAmend, Dataset: w.Spec.Dataset, Terms: &terms, BoundWas: was, BoundNow: now,
		By: []string{"Ada", "Ben"}, Reason: reason})
}

// Burn gives a release up that is not charged, at a cost.
func (w *World) Burn(t testing.TB, period string, edition int, cost uint64) {
	t.Helper()
	terms := w.Spec.Terms()
	w.about(t, privacy.EntryBurn, w.key(t, period, edition), privacy.Entry{Terms: &terms, Cost: cost, SpecDigest: w.Spec.Digest(),
		By: []string{"Ada", "Ben"}, Reason: "the disk of Ada failed"})
}

// Unlock records that people have looked at a locked ledger.
func (w *World) Unlock(t testing.TB) {
	t.Helper()
	w.link(t, privacy.Entry{Kind: privacy.EntryUnlock, By: []string{"Ada", "Ben"}, Reason: "the disk of Ada failed"})
}

// about records an entry about a release.
func (w *World) about(t testing.TB, kind string, k privacy.Key, e privacy.Entry) {
	t.Helper()
	e.Kind, e.Dataset, e.Series, e.Period, e.Edition = kind, k.Dataset, k.Series, &k.Period, k.Edition
	w.link(t, e)
}

func (w *World) key(t testing.TB, period string, edition int) privacy.Key {
	t.Helper()
	p, err := privacy.ParsePeriod(period)
	if err != nil {
		t.Fatal(err)
	}
	return privacy.Key{Dataset: w.Spec.Dataset, Series: w.Spec.Series, Period: p, Edition: edition}
}

// Foreign adds an entry of another dataset, as an export leaves it out.
func (w *World) Foreign(t testing.TB) {
	t.Helper()
	w.link(t, privacy.Entry{Kind: privacy.EntryPublish, Dataset: "other"})
	w.Links[len(w.Links)-1].Entry = nil
}

func (w *World) link(t testing.TB, e privacy.Entry) {
	t.Helper()
	if err := w.append(e); err != nil {
		t.Fatal(err)
	}
}

func (w *World) append(e privacy.Entry) error {
	e.Day = w.Day.Format(time.DateOnly)
	prev := ""
	if len(w.Links) > 0 {
		prev = w.Links[len(w.Links)-1].Hash
	}
	l, err := privacy.NewLink(int64(len(w.Links))+1, prev, e)
	if err != nil {
		return fmt.Errorf("composetest: %w", err)
	}
	w.Links = append(w.Links, l)
	return nil
}

var _ privacy.Ledger = (*World)(nil)

// Reserve implements [privacy.Ledger].
func (w *World) Reserve(_ context.Context, c privacy.Charge) error {
	if _, ok := w.costs[c.Key]; ok {
		return privacy.ErrPinned
	}
	w.costs[c.Key] = c
	k := c.Key
	return w.append(privacy.Entry{Kind: privacy.EntryCharge, Dataset: k.Dataset, Series: k.Series, Period: &k.Period, Edition: k.Edition,
		Cost: c.Cost, Terms: &c.Terms, SpecDigest: c.SpecDigest, InputDigest: c.InputDigest,
		Expected: c.Expected, Reporting: c.Reporting, NoGuarantee: c.NoGuarantee, Corrected: c.Corrected, By: w.by[k]})
}

// Seal implements [privacy.Ledger].
func (w *World) Seal(_ context.Context, k privacy.Key, file []byte) error {
	if _, ok := w.costs[k]; !ok || w.sealed[k] != nil {
		return errors.New("composetest: not reserved, or sealed before")
	}
	w.sealed[k] = file
	return w.append(privacy.Entry{Kind: privacy.EntrySeal, Dataset: k.Dataset, Series: k.Series, Period: &k.Period, Edition: k.Edition,
		Sealed: describe.Sum(file)})
}

// Sealed implements [privacy.Ledger].
func (w *World) Sealed(_ context.Context, k privacy.Key) ([]byte, error) {
	if b := w.sealed[k]; b != nil {
		return b, nil
	}
	return nil, privacy.ErrNotReleased
}
