package claimstest

import (
	_ "embed"
	"encoding/csv"
	"strconv"
	"strings"
	"testing"
	"time"

	"halftone/outputs"
	"halftone/privacy"
)

// Offences of human trafficking known to US police by year, state and form:
// sums of the FBI's public table HT_2013-2020 (US public domain).
//
//go:embed us-offences.csv
var offencesCSV string

//go:embed us-places.csv
var placesCSV string

// USOffences is a version of eight yearly releases of real noise, ε = 1 an
// event, of eight tables: nation, region, division and state, each with and
// without the form of exploitation.
func USOffences(t testing.TB) outputs.Version {
	t.Helper()
	places, place := places(t)
	s := privacy.Spec{Dataset: "us-offences", Series: 1, Measure: "flow", Unit: "event", Every: "year", Editions: 1,
		Dimensions: []privacy.Dimension{place, {Name: "form", Levels: []privacy.Level{{Name: "all", Codes: []string{"_T"}},
			{Name: "form", Codes: []string{"81", "82"}, Parent: []uint32{0, 0}}}}},
		Sources: []privacy.Source{{Name: "fbi-ucr", PerPeriod: 1, Periods: 1, Sensitivity: 1}},
		Budget:  privacy.Budget{NanoEpsilon: 1e9, Delta: 1e-6}, Mechanism: "laplace"}
	for i, name := range []string{"national", "by-region", "by-division", "by-state"} {
		s.Tables = append(s.Tables, privacy.Table{Name: name, Levels: []int{i, 0}},
			privacy.Table{Name: strings.Replace(name+"-form", "national-form", "by-form", 1), Levels: []int{i, 1}})
	}
	v := outputs.Version{Name: "2026.11-1", Sequence: 1, Composed: day(2026, 11, 23), About: about(places),
		Spent: outputs.Spent{Cost: privacy.Cost{NanoEpsilon: 1e9}}, Head: strings.Repeat("9b41e07c", 8), Tool: "halftone 0.1"}
	rows := read(t, offencesCSV)
	for year := 2013; year <= 2020; year++ {
		codes, n := [][]uint32{nil, nil}, []int64(nil)
		for _, r := range rows {
			if r[0] != strconv.Itoa(year) {
				continue
			}
			for i, c := range place.Leaf().Codes {
				if c == r[1] {
					codes[0] = append(codes[0], uint32(i))
				}
			}
			codes[1] = append(codes[1], map[string]uint32{"81": 0, "82": 1}[r[2]])
			x, err := strconv.ParseInt(r[3], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			n = append(n, x)
		}
		r := Measure(t, s, Period(t, strconv.Itoa(year)), codes, n)
		v.Releases = append(v.Releases, Edition(v.About, r, v.Composed))
	}
	return v
}

func about(places outputs.CodeList) outputs.About {
	en := func(s string) outputs.Text { return outputs.Text{"en": s} }
	return outputs.About{Dataset: "us-offences", Series: 1, Title: en("Human trafficking offences known to US police"),
		Summary: en("Offences of human trafficking that police in the United States recorded and reported to the FBI, by year, place and form of exploitation."),
		Counts:  en("offences"), Unit: "event", Measure: "flow", Licence: "US-PD",
		Publisher: outputs.Publisher{Name: "Example Office", Contact: "data@example.org", URL: "https://data.example.org"},
		Languages: []string{"en"}, Every: "year", Lead: "national", Material: 0.05,
		Sources: []outputs.Source{{Name: "fbi-ucr", Agency: "US police (FBI)", PerPeriod: 1, Periods: 1, Sensitivity: 1,
			StatedBy: "operator's assumption: an offence is counted once, in one year"}},
		Codes: []outputs.CodeList{places, {Dimension: "form", Codes: []outputs.Code{{Code: "_T", Level: "all", Label: en("All forms")},
			{Code: "81", Parent: "_T", Level: "form", Label: en("Commercial sex acts")},
			{Code: "82", Parent: "_T", Level: "form", Label: en("Involuntary servitude")}}}},
		Budget: outputs.Budget{Epsilon: 1, Delta: 1e-6}, BaseURL: "https://data.example.org"}
}

func places(t testing.TB) (outputs.CodeList, privacy.Dimension) {
	list := outputs.CodeList{Dimension: "place"}
	dim := privacy.Dimension{Name: "place"}
	for _, r := range read(t, placesCSV) {
		list.Codes = append(list.Codes, outputs.Code{Code: r[0], Parent: r[1], Level: r[2], Label: outputs.Text{"en": r[3]}})
		if n := len(dim.Levels); n == 0 || dim.Levels[n-1].Name != r[2] {
			dim.Levels = append(dim.Levels, privacy.Level{Name: r[2]})
		}
		lv := &dim.Levels[len(dim.Levels)-1]
		lv.Codes = append(lv.Codes, r[0])
		if n := len(dim.Levels); n > 1 {
			for i, c := range dim.Levels[n-2].Codes {
				if c == r[1] {
					lv.Parent = append(lv.Parent, uint32(i))
				}
			}
		}
	}
	return list, dim
}

func read(t testing.TB, s string) [][]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(s)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
