package claimstest

import (
	"slices"
	"testing"

	"halftone/outputs"
	"halftone/privacy"
)

// Withdraw makes v a version whose ledger has sealed its releases and withdrawn
// those of some periods, for a reason. The chain's charges are left out.
func Withdraw(t testing.TB, v outputs.Version, reason string, periods ...string) outputs.Version {
	t.Helper()
	v.Releases = slices.Clone(v.Releases)
	var entries []privacy.Entry
	add := func(kind string, k privacy.Key, reason string) {
		p := k.Period
		entries = append(entries, privacy.Entry{Day: "2026-11-24", Kind: kind, Dataset: k.Dataset, Series: k.Series, Period: &p, Edition: k.Edition, Reason: reason})
	}
	for i := range v.Releases {
		k, err := v.Releases[i].Release.Key()
		if err != nil {
			t.Fatal(err)
		}
		v.About.Dataset, v.About.Series = k.Dataset, k.Series
		add(privacy.EntrySeal, k, "")
		entries[len(entries)-1].Sealed = "digest"
		if slices.Contains(periods, k.Period.String()) {
			add(privacy.EntryWithdraw, k, reason)
		}
	}
	v.Releases = slices.DeleteFunc(v.Releases, func(e outputs.Edition) bool {
		k, err := e.Release.Key()
		return err == nil && slices.Contains(periods, k.Period.String())
	})
	v.Ledger = nil
	prev := ""
	for i, e := range entries {
		l, err := privacy.NewLink(int64(i)+1, prev, e)
		if err != nil {
			t.Fatal(err)
		}
		v.Ledger, prev = append(v.Ledger, l), l.Hash
	}
	return v
}
