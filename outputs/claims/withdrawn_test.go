package claims_test

import (
	"strings"
	"testing"

	"halftone/outputs"
	"halftone/outputs/claims"
	"halftone/outputs/claims/claimstest"
)

// gone makes v a version in whose ledger the releases of some periods are withdrawn.
func gone(t testing.TB, v outputs.Version, periods ...string) outputs.Version {
	t.Helper()
	return claimstest.Withdraw(t, v, "mapping_error", periods...)
}

func tablesAndClaims(t testing.TB, v outputs.Version) ([]outputs.Table, []claims.Claim) {
	t.Helper()
	tables := claimstest.Tables(t, v)
	cs, err := claims.Recorded(v, tables)
	if err != nil {
		t.Fatal(err)
	}
	return tables, cs
}

// No comparison needs or spans a withdrawn period, and the others are as if it had
// no release.
func TestNothingAcrossAWithdrawnPeriod(t *testing.T) {
	totals := make([]int64, 30)
	for i := range totals {
		totals[i] = 400 + 300*int64(i%2)
	}
	for name, periods := range map[string][]string{"middle": {"2025-11"}, "newest": {"2026-11"}, "year ago": {"2025-10"}, "two": {"2026-11", "2026-10"}} {
		v := gone(t, claimstest.Series(t, "2024-06", totals...), periods...)
		_, cs := tablesAndClaims(t, v)
		said := 0
		for _, c := range cs {
			across := false
			for _, g := range periods {
				p := claimstest.Period(t, g)
				across = across || !p.Before(c.From.First) && !c.To.Last.Before(p)
			}
			if across != (c.Reason == claims.AcrossWithdrawn) || across && (c.Verdict != claims.CannotSay || c.After != 0 || c.Value != 0) {
				t.Errorf("%s: %s %s to %s: %s %s", name, c.Kind, c.From.First, c.To.Last, c.Verdict, c.Reason)
			}
			if !across && c.Verdict != claims.CannotSay {
				said++
			}
			last := v.Releases[len(v.Releases)-1]
			if k, err := last.Release.Key(); err != nil || c.To.Last != k.Period {
				t.Errorf("%s: a comparison of %s, and %s is the newest shown", name, c.To.Last, k.Period)
			}
		}
		if said == 0 {
			t.Errorf("%s: nothing is said at all", name)
		}
	}
}

// The headline speaks of the newest period that is shown, and says that newer ones
// are withdrawn.
func TestHeadlineOfWithdrawn(t *testing.T) {
	series := func() outputs.Version { return claimstest.Series(t, "2018", 400, 900, 1500, 2100) }
	for name, tc := range map[string]struct {
		gone []string
		lead string
		want string
	}{
		"none":    {nil, "", "Agency A recorded more cases in 2020 and more again in 2021."},
		"newest":  {[]string{"2021"}, "", "Agency A recorded more cases in 2019 and more again in 2020. 2021 is withdrawn."},
		"two":     {[]string{"2021", "2020"}, "", "Agency A recorded more cases in 2019 than in 2018. The 2 periods after it are withdrawn."},
		"before":  {[]string{"2020"}, "", "Agency A recorded 2,100 cases in 2021."},
		"first":   {[]string{"2018"}, "", "Agency A recorded more cases in 2020 and more again in 2021."},
		"cells":   {[]string{"2020"}, "by-sex", "Cases"},
		"cells 2": {[]string{"2021", "2019"}, "by-sex", "Cases. 2021 is withdrawn."},
	} {
		v := gone(t, series(), tc.gone...)
		v.About.Title, v.About.Lead = outputs.Text{"en": "Cases"}, tc.lead
		tables, cs := tablesAndClaims(t, v)
		if got := claims.English().Headline(v, tables, cs); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestWithdrawnSentences(t *testing.T) {
	v := gone(t, claimstest.Series(t, "2018", 400, 900, 1500), "2019")
	tables, cs := tablesAndClaims(t, v)
	l, said := claims.English(), 0
	for _, c := range cs {
		for _, tb := range tables {
			if tb.Name != c.Table {
				continue
			}
			said++
			if s := l.Sentence(v.About, tb, c).String(); !strings.Contains(s, "a period that it needs or spans was withdrawn") &&
				!strings.Contains(s, "A period that it needs or spans was withdrawn") || strings.Contains(s, "{") {
				t.Error(s)
			}
		}
	}
	if said == 0 {
		t.Error("no sentence")
	}
}
