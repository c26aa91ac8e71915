package claims_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"halftone/outputs"
	"halftone/outputs/claims"
	"halftone/outputs/claims/claimstest"
	"halftone/privacy"
)

func recorded(t testing.TB, v outputs.Version) []claims.Claim {
	t.Helper()
	c, err := claims.Recorded(v, claimstest.Tables(t, v))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestVerdicts(t *testing.T) {
	for name, tc := range map[string]struct {
		before, after int64
		want          claims.Verdict
		reason        claims.Reason
	}{
		"more":                     {100, 300, claims.More, ""},
		"fewer":                    {300, 100, claims.Fewer, ""},
		"from nothing":             {-4, 300, claims.More, ""},
		"within noise":             {1000, 1008, claims.NotDetected, ""},
		"the same":                 {1000, 1000, claims.NotDetected, ""},
		"beyond noise, 4 %":        {10000, 10400, claims.AboutAsMany, claims.NotMaterial},
		"beyond noise, down 5 %":   {10000, 9500, claims.AboutAsMany, claims.NotMaterial},
		"material, within chance":  {400, 440, claims.AboutAsMany, claims.WithinChance},
		"material, down by chance": {440, 400, claims.AboutAsMany, claims.WithinChance},
	} {
		t.Run(name, func(t *testing.T) {
			v := claimstest.Series(t, "2019", tc.before, tc.after)
			c := recorded(t, v)[0]
			if c.Verdict != tc.want || c.Reason != tc.reason {
				t.Fatalf("%s (%s), want %s (%s): p %.3g %.3g", c.Verdict, c.Reason, tc.want, tc.reason, c.Adjusted, c.ChanceAdjusted)
			}
			if c.D != float64(tc.after-tc.before) || float64(c.Low) >= c.D || float64(c.High) <= c.D {
				t.Errorf("difference %v [%d, %d]", c.D, c.Low, c.High)
			}
			tables := claimstest.Tables(t, v)
			if low, high := tables[0].Low[1], tables[0].High[1]; c.ToLow != low || c.ToHigh != high {
				t.Errorf("interval %d to %d, published %d to %d", c.ToLow, c.ToHigh, low, high)
			}
			// Two draws of rounded Laplace noise of b = 2: 2·8.04.
			if math.Abs(c.SD-math.Sqrt(16.2)) > 0.2 || c.Visible < 12 || c.Visible > 30 {
				t.Errorf("sd %.3f, visible %d", c.SD, c.Visible)
			}
		})
	}
}

func TestComparisons(t *testing.T) {
	months := make([]int64, 24)
	for i := range months {
		months[i] = 100
	}
	total := func(v outputs.Version, kinds ...claims.Kind) string {
		var got []string
		for _, c := range recorded(t, v) {
			if c.Table == "total" {
				got = append(got, string(c.Kind)+" "+c.From.First.String()+".."+c.From.Last.String()+" "+c.To.First.String()+".."+c.To.Last.String())
			}
		}
		return strings.Join(got, "; ")
	}
	for name, tc := range map[string]struct {
		v    outputs.Version
		want string
	}{
		"one year":    {claimstest.Series(t, "2019", 5), ""},
		"two years":   {claimstest.Series(t, "2019", 5, 6), "previous 2019..2019 2020..2020"},
		"three years": {claimstest.Series(t, "2019", 5, 6, 7), "previous 2020..2020 2021..2021; previous 2019..2019 2020..2020"},
		"12 months":   {claimstest.Series(t, "2025-01", months[:12]...), "previous 2025-11..2025-11 2025-12..2025-12"},
		"13 months": {claimstest.Series(t, "2025-01", months[:13]...), "previous 2025-12..2025-12 2026-01..2026-01; " +
			"year_ago 2025-01..2025-01 2026-01..2026-01"},
		"24 months": {claimstest.Series(t, "2025-01", months...), "previous 2026-11..2026-11 2026-12..2026-12; " +
			"year_ago 2025-12..2025-12 2026-12..2026-12; twelve_months 2025-01..2025-12 2026-01..2026-12"},
		"8 quarters": {claimstest.Series(t, "2025-Q1", months[:8]...), "previous 2026-Q3..2026-Q3 2026-Q4..2026-Q4; " +
			"year_ago 2025-Q4..2025-Q4 2026-Q4..2026-Q4; twelve_months 2025-Q1..2025-Q4 2026-Q1..2026-Q4"},
		"bands": {claimstest.Series(t, "2009-2013", 5, 6), "previous 2009-2013..2009-2013 2014-2018..2014-2018"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := total(tc.v); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
	stock := claimstest.Series(t, "2025-01", months...)
	stock.About.Measure = "stock"
	if got := total(stock); strings.Contains(got, "twelve") {
		t.Errorf("stocks were added up: %s", got)
	}
	// The four groups have no comparison of the period before the newest.
	if got := len(recorded(t, claimstest.Series(t, "2019", 5, 6, 7))); got != 2+4 {
		t.Errorf("a family of %d, want 6", got)
	}
}

func TestTwelveMonthsAddUp(t *testing.T) {
	months := make([]int64, 24)
	for i := range months {
		months[i] = 100
		if i >= 12 {
			months[i] = 160
		}
	}
	for _, c := range recorded(t, claimstest.Series(t, "2025-01", months...)) {
		if c.Table != "total" || c.Kind != claims.TwelveMonths {
			continue
		}
		if c.Before != 1200 || c.After != 1920 || c.Verdict != claims.More {
			t.Errorf("%+v", c)
		}
		if one := math.Sqrt(8.1); math.Abs(c.SD-one*math.Sqrt(24)) > 0.5 {
			t.Errorf("sd %.2f of 24 draws, want %.2f", c.SD, one*math.Sqrt(24))
		}
		return
	}
	t.Error("no such comparison")
}

func TestNothingIsSaidAcross(t *testing.T) {
	year := func(s string) privacy.Period { return claimstest.Period(t, s) }
	for name, tc := range map[string]struct {
		change func(*outputs.Version)
		want   claims.Reason
	}{
		"a break at the newest":   {func(v *outputs.Version) { v.Breaks = []outputs.Break{{At: year("2021")}} }, claims.AcrossBreak},
		"a break before":          {func(v *outputs.Version) { v.Breaks = []outputs.Break{{At: year("2020")}} }, ""},
		"a gap":                   {func(v *outputs.Version) { v.Releases = slices.Delete(v.Releases, 1, 2) }, claims.EmptyCell},
		"another source reports":  {func(v *outputs.Version) { both(&v.Releases[2]) }, claims.OtherReporters},
		"an expected one missing": {func(v *outputs.Version) { v.Releases[2].Expected = []string{"s", "s2"} }, claims.OtherReporters},
		"one missing in both": {func(v *outputs.Version) {
			v.Releases[1].Expected, v.Releases[2].Expected = []string{"s", "s2"}, []string{"s", "s2"}
		}, claims.OtherReporters},
		"both report in both": {func(v *outputs.Version) { both(&v.Releases[1]); both(&v.Releases[2]) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			v := claimstest.Series(t, "2019", 100, 200, 900)
			m := len(recorded(t, v))
			tc.change(&v)
			cs := recorded(t, v)
			if len(cs) != m {
				t.Errorf("the family has %d comparisons instead of %d: what cannot be said must stay in it", len(cs), m)
			}
			c := cs[0]
			if c.Reason != tc.want || (c.Verdict == claims.CannotSay) != (tc.want != "") {
				t.Errorf("%s (%s), want %q", c.Verdict, c.Reason, tc.want)
			}
			if tc.want != "" && (c.P != 1 || c.After != 0 || c.Visible != 0) {
				t.Errorf("figures of what cannot be said: %+v", c)
			}
		})
	}
}

func both(e *outputs.Edition) {
	e.Expected, e.Reporting = []string{"s", "s2"}, []string{"s2", "s"}
}

func TestEveryVerdictHasItsSentence(t *testing.T) {
	l := claims.English()
	v := claimstest.Series(t, "2019", 100, 200)
	tables := claimstest.Tables(t, v)
	window := func(s string) claims.Window { return claims.Window{claimstest.Period(t, s), claimstest.Period(t, s)} }
	for _, tc := range []struct {
		verdict claims.Verdict
		reason  claims.Reason
		d       float64
	}{{claims.More, "", 700}, {claims.Fewer, "", -700}, {claims.AboutAsMany, claims.NotMaterial, 20}, {claims.AboutAsMany, claims.NotMaterial, -20},
		{claims.AboutAsMany, claims.WithinChance, 20}, {claims.AboutAsMany, claims.WithinChance, -20}, {claims.NotDetected, "", 1},
		{claims.CannotSay, claims.AcrossBreak, 0}, {claims.CannotSay, claims.EmptyCell, 0}, {claims.CannotSay, claims.OtherReporters, 0}} {
		for _, before := range []float64{1, 1000} {
			for i, codes := range [][]string{nil, {"F"}} {
				for _, kind := range []claims.Kind{claims.Previous, claims.YearAgo, claims.TwelveMonths} {
					c := claims.Claim{Codes: codes, Kind: kind, From: window("2019-03"), To: window("2020-03"), Verdict: tc.verdict, Reason: tc.reason,
						Before: before, After: before + tc.d, D: tc.d, SD: 4, Visible: 23, ToLow: 1147, ToHigh: 2173}
					s := l.Sentence(v.About, tables[i], c).String()
					if bad := claimstest.Forbidden(s); bad != "" || !strings.HasSuffix(s, ".") || strings.ContainsAny(s, "{}") || strings.Contains(s, "+Inf") {
						t.Errorf("%s/%s: %q (%s)", tc.verdict, tc.reason, s, bad)
					}
					if i == 1 && !strings.HasPrefix(s, "Women: ") {
						t.Errorf("does not name its cell: %q", s)
					}
				}
			}
		}
	}
}

func TestSentences(t *testing.T) {
	l := claims.English()
	for want, totals := range map[string][]int64{
		"Agency A recorded 1,480 cases in 2019.":                                            {1480},
		"Agency A recorded more cases in 2020 than in 2019.":                                {100, 1480},
		"Agency A recorded fewer cases in 2020 than in 2019.":                               {1480, 100},
		"Agency A recorded about as many cases in 2020 as in 2019.":                         {10000, 10300},
		"No detectable change in the cases that Agency A recorded in 2020.":                 {1000, 1001},
		"Agency A recorded more cases in 2020 and about as many in 2021.":                   {1000, 10000, 10300},
		"Agency A recorded fewer cases in 2020 and more in 2021.":                           {1000, 100, 1000},
		"Agency A recorded more cases in 2020 and more again in 2021.":                      {100, 1000, 5000},
		"Agency A recorded more cases in 2020, and no detectable change from that in 2021.": {100, 1000, 1001},
		"No detectable change in the cases that Agency A recorded in 2021.":                 {1000, 1000, 1001},
		"Agency A recorded more cases in 2021 than in 2020.":                                {1000, 1000, 5000},

		"Agency A recorded 40 cases in 2020, 20 more than in 2019, which chance alone can make.":       {20, 40},
		"Agency A recorded 400 cases in 2020, 40 fewer than in 2019, which chance alone can make.":     {440, 400},
		"Agency A recorded more cases in 2020, and 440 in 2021: 40 more, which chance alone can make.": {100, 400, 440},
		"Agency A recorded fewer cases in 2020, and 40 in 2021: 20 more, which chance alone can make.": {1000, 20, 40},
		"Agency A recorded 400 cases in 2021, 40 fewer than in 2020, which chance alone can make.":     {400, 440, 400},
	} {
		v := claimstest.Series(t, "2019", totals...)
		tables := claimstest.Tables(t, v)
		if got := l.Headline(v, tables, recorded(t, v)); got != want {
			t.Errorf("%v: %s\nwant %s", totals, got, want)
		}
	}
	v := claimstest.Series(t, "2019", 1000, 1480)
	tables := claimstest.Tables(t, v)
	for i, want := range []string{"1,480 cases recorded in 2020 (1,474 to 1,486), 480 more than in 2019 (+48%).",
		"Women: 738 recorded in 2020 (734 to 746), 240 more than in 2019 (+48%)."} {
		if got := l.Sentence(v.About, tables[i], recorded(t, v)[i]).String(); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	below := claims.Claim{Verdict: claims.More, From: claims.Window{First: claimstest.Period(t, "2019"), Last: claimstest.Period(t, "2019")},
		To: claims.Window{First: claimstest.Period(t, "2020"), Last: claimstest.Period(t, "2020")}, Before: -4, After: 22, Value: 22, ToLow: 13, ToHigh: 31, D: 26, SD: 4}
	if got := l.Sentence(v.About, tables[0], below).String(); got != "22 cases recorded in 2020 (13 to 31), 22 more than in 2019." {
		t.Errorf("of an estimate below 0: %s", got)
	}
	if got := recorded(t, v)[4]; got.Verdict != claims.NotDetected || !strings.Contains(l.Sentence(v.About, tables[1], got).String(), "could have gone unseen") {
		t.Errorf("%+v", got)
	}
}

func TestWho(t *testing.T) {
	l := claims.English()
	a := outputs.About{Sources: []outputs.Source{{Name: "a", Agency: "Alpha"}, {Name: "b", Agency: "Beta"}, {Name: "c", Agency: "C1", Reporter: "Gamma"},
		{Name: "d", Agency: "C2", Reporter: "Gamma"}, {Name: "e"}}}
	for want, reporting := range map[string][]string{"Agencies": nil, "Alpha": {"a"}, "Alpha and Beta": {"b", "a"}, "Gamma": {"c", "d"}, "e": {"e"},
		"3 agencies": {"a", "b", "c", "d"}} {
		if got := l.Who(a, reporting); got != want {
			t.Errorf("%v: %s, want %s", reporting, got, want)
		}
	}
}

func TestNumbersAndPeriods(t *testing.T) {
	l := claims.English()
	for got, want := range map[string]string{l.Int(1234567): "1,234,567", l.Int(-1234): "−1,234", l.Int(0): "0", l.Range(0, 2173): "0 to 2,173",
		l.Percent(0.734): "73%", l.Period(claimstest.Period(t, "2026")): "2026", l.Period(claimstest.Period(t, "2026-Q3")): "Q3 2026",
		l.Period(claimstest.Period(t, "2026-11")): "November 2026", l.Period(claimstest.Period(t, "2014-2018")): "2014–2018", l.Period(privacy.Period{}): ""} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Every word of every template, and of a version with real noise.
func TestForbiddenWords(t *testing.T) {
	for _, bad := range []string{"rose because of the war", "it stayed stable", "no change", "the highest in years", "cases per displaced person", "trafficking rose"} {
		if claimstest.Forbidden(bad) == "" {
			t.Errorf("let through: %s", bad)
		}
	}
	v := claimstest.USOffences(t)
	tables := claimstest.Tables(t, v)
	l := claims.English()
	all := recorded(t, v)
	if n := 1 + 1 + 2 + 4 + 8 + 9; len(all) != n {
		t.Errorf("%d comparisons, want %d", len(all), n)
	}
	text := l.Headline(v, tables, all)
	for _, c := range all {
		i := slices.IndexFunc(tables, func(t outputs.Table) bool { return t.Name == c.Table })
		text += "\n" + l.Sentence(v.About, tables[i], c).String()
	}
	if bad := claimstest.Forbidden(text); bad != "" {
		t.Errorf("%q in\n%s", bad, text)
	}
	for _, want := range []string{"US police (FBI) recorded more offences in 2019", "South: 1,", "recorded in 2019 (", "more than in 2018 (+"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// The lead table is of the family whatever its size; other large tables are not.
func TestHeadlineTables(t *testing.T) {
	v := claimstest.USOffences(t)
	v.About.Lead = "by-division-form"
	var names []string
	for _, h := range claims.Headline(v.About, claimstest.Tables(t, v)) {
		names = append(names, h.Name)
	}
	if got, want := strings.Join(names, " "), "by-division-form national by-form by-region by-region-form by-division"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := claims.English().Headline(v, claimstest.Tables(t, v), recorded(t, v)); !strings.Contains(got, "of 18 groups") {
		t.Error(got)
	}
	v.About.Lead = ""
	if h := claims.Headline(v.About, claimstest.Tables(t, v)); h[0].Name != "national" {
		t.Errorf("leads with %s", h[0].Name)
	}
	if h := claims.Headline(v.About, nil); h != nil {
		t.Error(h)
	}
}
