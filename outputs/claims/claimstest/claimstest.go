// Package claimstest makes versions for the tests of what is made of them:
// through real releases with real noise, or with estimates given exactly.
package claimstest

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"testing"
	"time"

	"halftone/outputs"
	"halftone/privacy"
)

// A Ledger in memory keeps charges and sealed files. It enforces no budget.
type Ledger map[privacy.Key][]byte

var _ privacy.Ledger = Ledger(nil)

// Reserve implements [privacy.Ledger].
func (l Ledger) Reserve(context.Context, privacy.Charge) error { return nil }

// Seal implements [privacy.Ledger].
func (l Ledger) Seal(_ context.Context, k privacy.Key, b []byte) error {
	if _, ok := l[k]; ok {
		return errors.New("sealed before")
	}
	l[k] = b
	return nil
}

// Sealed implements [privacy.Ledger].
func (l Ledger) Sealed(_ context.Context, k privacy.Key) ([]byte, error) {
	if b, ok := l[k]; ok {
		return b, nil
	}
	return nil, privacy.ErrNotReleased
}

// Measure makes a release of s for one period: codes are leaf codes, a list a
// dimension, n the counts.
func Measure(t testing.TB, s privacy.Spec, p privacy.Period, codes [][]uint32, n []int64) privacy.Release {
	t.Helper()
	c, err := privacy.NewCube(s, p)
	if err == nil {
		err = c.Add(codes, n)
	}
	if err != nil {
		t.Fatal(err)
	}
	k := privacy.Key{Dataset: s.Dataset, Series: s.Series, Period: p, Edition: 1}
	r, err := privacy.Measure(t.Context(), s, c, k, privacy.Input{Digest: "test"}, Ledger{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Exact returns a release like r with estimates as given: numbers of each
// table, in the order of r's tables.
func Exact(t testing.TB, r privacy.Release, noisy [][]int64) privacy.Release {
	t.Helper()
	var file map[string]json.RawMessage
	k, err := r.Key()
	if err == nil {
		err = json.Unmarshal(r.File(), &file)
	}
	if err != nil || file["noisy"] == nil {
		t.Fatal("the sealed file has another shape", err)
	}
	if file["noisy"], err = json.Marshal(noisy); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	out, err := privacy.OpenRelease(t.Context(), k, Ledger{k: b})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Edition wraps a release that all sources of a reported to.
func Edition(a outputs.About, r privacy.Release, released time.Time) outputs.Edition {
	e := outputs.Edition{Release: r, Released: released}
	for _, s := range a.Sources {
		e.Expected, e.Reporting = append(e.Expected, s.Name), append(e.Reporting, s.Name)
	}
	return e
}

// Tables returns v's tables.
func Tables(t testing.TB, v outputs.Version) []outputs.Table {
	t.Helper()
	tables, err := v.Tables()
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

// Period parses a period.
func Period(t testing.TB, s string) privacy.Period {
	t.Helper()
	p, err := privacy.ParsePeriod(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Forbidden returns the first word of text that no sentence may hold: causes,
// forecasts, ranks, rates, and words for "nothing changed".
func Forbidden(text string) string { return forbidden.FindString(text) }

var forbidden = regexp.MustCompile(`(?i)\b(because of|due to|led to|linked to|caused?|causes|driven by|thanks to|result of|resulted|` +
	`stable|unchanged|steady|stayed the same|no change\b|did not change|` +
	`will (rise|fall|increase|decrease|continue)|forecasts?|predict\w*|expected to|trend towards|` +
	`rank\w*|top \d+|highest|lowest|worst|best|hotspots?|per (displaced|capita|inhabitant|100,000)\w*|` +
	`victims? of trafficking|trafficking (rose|fell|increased|decreased|grew)|prevalence|epidemic|surge[ds]?|soar\w*|plummet\w*)\b`)
