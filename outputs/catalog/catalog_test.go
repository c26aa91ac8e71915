package catalog_test

import (
	"bytes"
	"strings"
	"testing"

	"halftone/outputs"
	"halftone/outputs/catalog"
	"halftone/outputs/claims/claimstest"
)

func TestIndex(t *testing.T) {
	us, b := claimstest.USOffences(t), claimstest.Series(t, "2024-06", 400, 1480)
	b.Name, b.About.Title = "2026.11-2", outputs.Text{"en": "Cases <b>of & by</b> a service"}
	first, err := catalog.Index([]outputs.Version{us, b})
	if err != nil {
		t.Fatal(err)
	}
	second, err := catalog.Index([]outputs.Version{b, us})
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("other bytes in another order: %v", err)
	}
	html := string(first)
	for _, want := range []string{
		`href="datasets/us-offences/latest/report/index.html"`, `href="datasets/us-offences/latest/data/national.csv"`,
		"Human trafficking offences known to US police", "offences recorded in 2020 (2,", "2013 – 2020", "2026.11-1, 2026-11-23", "US-PD",
		"ε 1 of one event so far", `<span class="figure">1,480</span>`, "cases recorded in July 2024 (1,474 to 1,486)", "2 datasets",
		"Cases &lt;b&gt;of &amp; by&lt;/b&gt; a service", `role="img"`, `lang="en"`,
	} {
		if !strings.Contains(html, want) {
			t.Errorf("no %s", want)
		}
	}
	for _, bad := range []string{"<script", "<b>of", "url(", "@import", "http://fonts", `src="`} {
		if strings.Contains(html, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	if strings.Count(html, `<li class="card">`) != 2 {
		t.Error("not one card a dataset")
	}
	if bad := claimstest.Forbidden(html); bad != "" {
		t.Errorf("the page says %q", bad)
	}
}

func TestIndexOfNothing(t *testing.T) {
	b, err := catalog.Index(nil)
	if err != nil || !strings.Contains(string(b), "Nothing has been published here yet.") {
		t.Errorf("%v\n%s", err, b)
	}
}

func TestIndexRefuses(t *testing.T) {
	v := claimstest.Series(t, "2020", 5)
	if _, err := catalog.Index([]outputs.Version{v, v}); err == nil {
		t.Error("two versions of one dataset: written")
	}
	if _, err := catalog.Index([]outputs.Version{{}}); err == nil {
		t.Error("a version of no release: written")
	}
}

// A table of several cells has no single figure: the card does without.
func TestLeadOfSeveralCells(t *testing.T) {
	v := claimstest.Series(t, "2020", 5, 6)
	v.About.Lead = "by-sex"
	b, err := catalog.Index([]outputs.Version{v})
	if err != nil || strings.Contains(string(b), `class="figure"`) || !strings.Contains(string(b), "data/by-sex.csv") {
		t.Errorf("%v\n%s", err, b)
	}
}

// A card never has a figure of a withdrawn period, and says what is withdrawn.
func TestWithdrawn(t *testing.T) {
	for name, tc := range map[string]struct {
		gone []string
		want []string
		not  string
	}{
		"newest": {[]string{"2021"}, []string{`<span class="figure">1,500</span>`, "cases recorded in 2020", "2018 – 2020", "2021 was withdrawn on 2026-11-24: data protection."}, "2,100"},
		"middle": {[]string{"2019"}, []string{`<span class="figure">2,100</span>`, "2018 – 2021", "2019 was withdrawn"}, ""},
		"none":   {nil, []string{`<span class="figure">2,100</span>`}, "withdrawn"},
	} {
		v := claimstest.Withdraw(t, claimstest.Series(t, "2018", 400, 900, 1500, 2100), "data_protection", tc.gone...)
		b, err := catalog.Index([]outputs.Version{v})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range tc.want {
			if !strings.Contains(string(b), want) {
				t.Errorf("%s: no %s", name, want)
			}
		}
		if tc.not != "" && strings.Contains(string(b), tc.not) {
			t.Errorf("%s: the page has %s", name, tc.not)
		}
	}
}
