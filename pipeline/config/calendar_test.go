package config

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"halftone/privacy"
)

func period(t interface{ Fatal(...any) }, s string) privacy.Period {
	p, err := privacy.ParsePeriod(s)
	if err != nil {
		t.Fatal(s, err)
	}
	return p
}

func instant(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestCalendarDue(t *testing.T) {
	years := Calendar{Every: "year", From: period(t, "2013"), To: period(t, "2015"), Wait: Duration{Months: 1}}
	months := Calendar{Every: "month", From: period(t, "2023-12"), Wait: Duration{Days: 20}}
	quarters := Calendar{Every: "quarter", From: period(t, "2024-Q1"), Wait: Duration{}}
	bands := Calendar{Every: "band", Bands: []privacy.Period{period(t, "2005-2013"), period(t, "2014-2018"), period(t, "2021")}, Wait: Duration{Years: 1}}
	short := bands
	short.To = period(t, "2014-2018")
	for _, tt := range []struct {
		name string
		c    Calendar
		now  string
		due  []string
		next string // "": none
	}{
		{"before the first", years, "2013-06-01T00:00:00Z", nil, "2013"},
		{"one instant early", years, "2014-01-31T23:59:59Z", nil, "2013"},
		{"on the instant", years, "2014-02-01T00:00:00Z", []string{"2013"}, "2014"},
		{"another zone", years, "2014-02-01T01:00:00+01:00", []string{"2013"}, "2014"},
		{"after the last", years, "2030-01-01T00:00:00Z", []string{"2013", "2014", "2015"}, ""},
		{"leap day counts", months, "2024-03-20T23:59:59Z", []string{"2023-12", "2024-01"}, "2024-02"},
		{"leap day passed", months, "2024-03-21T00:00:00Z", []string{"2023-12", "2024-01", "2024-02"}, "2024-03"},
		{"no wait", quarters, "2024-07-01T00:00:00Z", []string{"2024-Q1", "2024-Q2"}, "2024-Q3"},
		{"bands", bands, "2020-01-01T00:00:00Z", []string{"2005-2013", "2014-2018"}, "2021"},
		{"last band", bands, "2023-01-01T00:00:00Z", []string{"2005-2013", "2014-2018", "2021"}, ""},
		{"bands with an end", short, "2040-01-01T00:00:00Z", []string{"2005-2013", "2014-2018"}, ""},
		{"nothing declared", Calendar{Every: "band"}, "2040-01-01T00:00:00Z", nil, ""},
		{"zero", Calendar{}, "2040-01-01T00:00:00Z", nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := instant(t, tt.now)
			var due []string
			for _, p := range tt.c.Due(now) {
				due = append(due, p.String())
			}
			if !slices.Equal(due, tt.due) {
				t.Errorf("due %v, want %v", due, tt.due)
			}
			next, ok := tt.c.Next(now)
			if ok != (tt.next != "") || ok && next.String() != tt.next {
				t.Errorf("next %v %v, want %q", next, ok, tt.next)
			}
		})
	}
}

func TestCalendarLast(t *testing.T) {
	c := Calendar{Every: "year", From: period(t, "2013"), To: period(t, "2015")}
	if c.Last(period(t, "2014")) || !c.Last(period(t, "2015")) {
		t.Error("2015 is the last, 2014 is not")
	}
}

// Due periods follow each other without a gap, and Next is the one after them.
func TestCalendarOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		every := rapid.SampledFrom([]string{"month", "quarter", "year"}).Draw(t, "every")
		months := map[string]int{"month": 1, "quarter": 3, "year": 12}[every]
		from, err := privacy.NewPeriod(rapid.IntRange(1990, 2030).Draw(t, "year"), rapid.IntRange(1, 12).Draw(t, "month"), months)
		if err != nil {
			t.Fatal(err)
		}
		c := Calendar{Every: every, From: from, Wait: Duration{Days: rapid.IntRange(0, 400).Draw(t, "days")}}
		now := time.Unix(rapid.Int64Range(600_000_000, 2_000_000_000).Draw(t, "now"), 0).UTC()
		want := from
		for _, p := range c.Due(now) {
			if p != want || c.DueAt(p).After(now) {
				t.Fatalf("%v is due, want %v", p, want)
			}
			want = want.Next()
		}
		if next, ok := c.Next(now); !ok || next != want || !c.DueAt(next).After(now) {
			t.Fatalf("next is %v, want %v", next, want)
		}
	})
}
