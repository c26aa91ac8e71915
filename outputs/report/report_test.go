package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"halftone/outputs"
	"halftone/outputs/claims"
	"halftone/outputs/claims/claimstest"
	"halftone/outputs/report"
)

// written is the report of a version.
func written(v outputs.Version) ([]byte, error) {
	tables, err := v.Tables()
	if err != nil {
		return nil, err
	}
	all, err := claims.Recorded(v, tables)
	if err != nil {
		return nil, err
	}
	return report.Write(v, tables, all)
}

func write(t testing.TB, v outputs.Version) string {
	t.Helper()
	b, err := written(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// monthly is a version of 30 months and two sources, one of which joins and
// then misses a month; a break, a month without release, and 51 groups' worth of
// trouble: labels that would be markup.
func monthly(t testing.TB) outputs.Version {
	totals := make([]int64, 30)
	for i := range totals {
		totals[i] = 400 + 20*int64(i%7)
	}
	v := claimstest.Series(t, "2024-06", totals...)
	v.About.Every, v.About.Unit = "month", "case"
	v.About.Sources = []outputs.Source{{Name: "s", Agency: "Agency A", PerPeriod: 1, StatedBy: "its data officer"},
		{Name: "s2", Agency: "<b>Agency & B</b>", PerPeriod: 2, StatedBy: "assumption"}}
	v.About.Codes[0].Codes[0].Label = outputs.Text{"en": `<script>alert("x")</script>`}
	for i := range v.Releases {
		if i >= 12 {
			v.Releases[i].Expected, v.Releases[i].Reporting = []string{"s", "s2"}, []string{"s", "s2"}
		}
	}
	v.Releases[20].Reporting = []string{"s"}
	v.Breaks = []outputs.Break{{At: claimstest.Period(t, "2025-06"), Kind: "source_joined", Note: outputs.Text{"en": "Agency B joined."}}}
	v.Releases = slices.Delete(v.Releases, 24, 25)
	return v
}

func versions(t testing.TB) map[string]outputs.Version {
	wide := claimstest.USOffences(t)
	wide.About.Lead = "by-state"
	empty := claimstest.Series(t, "2020", 5)
	empty.About = outputs.About{Dataset: "bare"}
	unlimited := claimstest.USOffences(t)
	unlimited.About.Sources = append(unlimited.About.Sources, outputs.Source{Name: "other", Agency: "Another agency", Periods: 0})
	unlimited.Releases = unlimited.Releases[6:]
	return map[string]outputs.Version{"years": claimstest.USOffences(t), "months": monthly(t), "one year": claimstest.Series(t, "2020", 1480),
		"lead of 51": wide, "bare": empty, "two years": unlimited}
}

// Every report is well-formed, asks nobody for anything, runs no script, has its
// headings in order, ids once, a target for every link within, headers with
// scope and a caption in every table, and a name for every image.
func TestPageIsSound(t *testing.T) {
	for name, v := range versions(t) {
		t.Run(name, func(t *testing.T) {
			p := read(t, write(t, v))
			for i := 1; i < len(p.headings); i++ {
				if p.headings[i] > p.headings[i-1]+1 {
					t.Errorf("heading h%d after h%d", p.headings[i], p.headings[i-1])
				}
			}
			if len(p.headings) == 0 || p.headings[0] != 1 || slices.Contains(p.headings[1:], 1) {
				t.Errorf("headings %v: want one h1, first", p.headings)
			}
			for id, n := range p.ids {
				if n > 1 {
					t.Errorf("id %s stands %d times", id, n)
				}
			}
			for _, href := range p.links {
				if id, ok := strings.CutPrefix(href, "#"); ok && p.ids[id] == 0 {
					t.Errorf("link to nowhere: %s", href)
				} else if !ok && !strings.HasPrefix(href, "../") && href != v.About.Publisher.URL {
					t.Errorf("a link out of the version: %s", href)
				}
			}
			for _, id := range p.labels {
				if p.ids[id] == 0 {
					t.Errorf("named by nothing: %s", id)
				}
			}
			if p.tables == 0 || p.captions != p.tables || p.headless > 0 {
				t.Errorf("%d tables, %d captions, %d headers without scope", p.tables, p.captions, p.headless)
			}
			if p.images == 0 || p.unnamed > 0 {
				t.Errorf("%d images, %d without name", p.images, p.unnamed)
			}
			for _, bad := range p.bad {
				t.Errorf("not allowed: %s", bad)
			}
		})
	}
}

// a page as a test sees it.
type pageFacts struct {
	headings                   []int
	ids                        map[string]int
	links, labels, bad         []string
	tables, captions, headless int
	images, unnamed            int
}

// read walks a page as XML: the reports are written to be well-formed but for
// void elements.
func read(t testing.TB, html string) pageFacts {
	t.Helper()
	p := pageFacts{ids: map[string]int{}}
	html = regexp.MustCompile(`<(meta|link|br)\b([^>]*)>`).ReplaceAllString(html, "<$1$2/>")
	d := xml.NewDecoder(strings.NewReader(html))
	d.Entity = xml.HTMLEntity
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return p
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		if e, ok := tok.(xml.StartElement); ok {
			p.element(e)
		}
	}
}

func (p *pageFacts) element(e xml.StartElement) {
	at := map[string]string{}
	for _, a := range e.Attr {
		at[a.Name.Local] = a.Value
	}
	if id := at["id"]; id != "" {
		p.ids[id]++
	}
	if s := at["aria-labelledby"]; s != "" {
		p.labels = append(p.labels, strings.Fields(s)...)
	}
	switch e.Name.Local {
	case "h1", "h2", "h3", "h4":
		p.headings = append(p.headings, int(e.Name.Local[1]-'0'))
	case "a":
		p.links = append(p.links, at["href"])
	case "table":
		p.tables++
	case "caption":
		p.captions++
	case "th":
		if at["scope"] == "" {
			p.headless++
		}
	case "svg":
		p.images++
		if at["aria-hidden"] != "true" && (at["role"] != "img" || at["aria-labelledby"] == "") {
			p.unnamed++
		}
	case "script", "img", "iframe", "object", "embed", "form", "video", "audio", "source", "base":
		p.bad = append(p.bad, "<"+e.Name.Local+">")
	case "link":
		if at["href"] != "data:," {
			p.bad = append(p.bad, "link to "+at["href"])
		}
	}
	for k, v := range at {
		if k == "src" || k == "srcset" || strings.HasPrefix(k, "on") {
			p.bad = append(p.bad, k+"="+v)
		}
	}
}

func TestNothingIsFetched(t *testing.T) {
	html := write(t, claimstest.USOffences(t))
	for _, bad := range []string{"@import", "url(", "<script", "javascript:", "@font-face"} {
		if strings.Contains(html, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
}

// The same version gives the same bytes.
func TestDeterministic(t *testing.T) {
	for name, v := range versions(t) {
		a, err := written(v)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if b, err := written(v); err != nil || !bytes.Equal(a, b) {
				t.Errorf("%s: other bytes, %v", name, err)
			}
		}
	}
}

// The data table of a chart has the numbers of the published table.
func TestDataTablesHoldThePublishedNumbers(t *testing.T) {
	v := claimstest.USOffences(t)
	html := write(t, v)
	text := strings.NewReplacer(",", "", "\n", "").Replace(html)
	for _, tb := range claimstest.Tables(t, v)[:5] {
		id := tb.Name
		if id == "national" {
			id = "lead"
		}
		_, body, ok := strings.Cut(text, `<table id="d-`+id+`">`)
		if !ok {
			t.Fatalf("no data table %s", id)
		}
		body, _, _ = strings.Cut(body, "</table>")
		cells := regexp.MustCompile(`<td[^>]*>(\d+) <span class="ci">(\d+) to (\d+)</span></td>`).FindAllStringSubmatch(body, -1)
		if len(cells) != tb.Rows() {
			t.Fatalf("%s: %d cells of %d", tb.Name, len(cells), tb.Rows())
		}
		for i, c := range cells {
			if got, want := strings.Join(c[1:], " "), fmt.Sprint(tb.Value[i], tb.Low[i], tb.High[i]); got != want {
				t.Errorf("%s row %d: %s, published %s", tb.Name, i, got, want)
			}
		}
	}
}

func TestWhatIsSaid(t *testing.T) {
	years := visible(write(t, claimstest.USOffences(t)))
	months := visible(write(t, monthly(t)))
	one := visible(write(t, claimstest.Series(t, "2020", 1480)))
	two := versions(t)["two years"]
	for name, tc := range map[string]struct {
		page string
		want []string
	}{
		"years": {years, []string{"US police (FBI) recorded more offences in 2019", "Yearly, 2013–2020", "1 source", "version 2026.11-1",
			"Recorded is not occurring.", "50% sure that an event is in the data is right at most 74% of the time",
			"South: 1,", "by at most a factor of 2.72 (ε = 1, δ = 0)", "is counted in at most 1 period.", "stated, not enforced",
			"This report makes 25 comparisons", "Not detected does not mean that nothing changed", "cells are larger than their noise (each is known to within ± 24)",
			"By state and form (by-state-form)", "Example Office (2026). Human trafficking offences known to US police, version 2026.11-1.",
			"https://data.example.org/datasets/us-offences/versions/2026.11-1/", "a change can differ by a few from the difference of two figures", "ε 1, δ 1e-6, spent as pure ε",
			"No break and no gap"}},
		"months": {months, []string{"Monthly, June 2024 – November 2026", "2 sources", "June 2025: Agency B joined.", "June 2026: Not released.",
			"What could not be compared", "No comparison of the 12 months to November 2026 with the 12 months to November 2025: a break in the series lies between them"}},
		"one year":  {one, []string{"Agency A recorded 1,480 cases in 2020.", "1,480 cases recorded in 2020 (1,474 to 1,486)."}},
		"two years": {visible(write(t, two)), []string{"any number"}},
	} {
		for _, want := range tc.want {
			if !strings.Contains(tc.page, want) {
				t.Errorf("%s: the page does not say %q", name, want)
			}
		}
		if bad := claimstest.Forbidden(tc.page); bad != "" {
			t.Errorf("%s: the page says %q", name, bad)
		}
	}
	if strings.Contains(months, "Agency A recorded more") || strings.Contains(months, "Agency A recorded fewer") {
		t.Error("a headline was made across different reporters")
	}
}

// visible is the text of a page without tags and style.
func visible(html string) string {
	html = regexp.MustCompile(`(?s)<style>.*?</style>`).ReplaceAllString(html, "")
	html = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(html, "")
	html = strings.NewReplacer("&#39;", "'", "&amp;", "&", "&#43;", "+").Replace(html)
	return strings.Join(strings.Fields(html), " ")
}

// Text of others is escaped wherever it stands.
func TestTextIsEscaped(t *testing.T) {
	html := write(t, monthly(t))
	for _, bad := range []string{"<script", "<b>Agency"} {
		if strings.Contains(html, bad) {
			t.Errorf("unescaped: %s", bad)
		}
	}
	if !strings.Contains(html, "&lt;script&gt;") || !strings.Contains(html, "Agency &amp; B") {
		t.Error("the labels are not there at all")
	}
	v := claimstest.USOffences(t)
	v.About.Publisher.URL = "javascript:alert(1)"
	if html := write(t, v); strings.Contains(html, `href="javascript:`) {
		t.Error("a link runs a script")
	}
}

// Large tables show only cells that are larger than their noise, in the order of
// the code list: no ranking.
func TestLargeTablesAreNoRanking(t *testing.T) {
	v := claimstest.USOffences(t)
	html := write(t, v)
	_, part, _ := strings.Cut(html, `id="t-by-state"`)
	part, _, _ = strings.Cut(part, "</section>")
	rows := regexp.MustCompile(`<th scope="row">([^<]*)</th>`).FindAllStringSubmatch(part, -1)
	var got, want []string
	for _, r := range rows {
		got = append(got, r[1])
	}
	for _, tb := range claimstest.Tables(t, v) {
		if tb.Name != "by-state" {
			continue
		}
		for i := len(tb.Period) - 51; i < len(tb.Period); i++ {
			if tb.Status[i] == outputs.OK {
				want = append(want, v.About.Label("place", tb.Codes[0][i], "en"))
			}
		}
	}
	if !slices.Equal(got, want) || len(got) == 0 {
		t.Errorf("shown %v\nwant  %v", got, want)
	}
}

func TestWriteRefusesNothing(t *testing.T) {
	if _, err := written(outputs.Version{}); err == nil {
		t.Error("wrote a report of no release")
	}
	v := claimstest.Series(t, "2020", 5)
	v.Releases = append(v.Releases, outputs.Edition{Released: time.Time{}})
	if _, err := written(v); err == nil {
		t.Error("wrote a report of a zero release")
	}
}
