package domain

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestPeriod(t *testing.T) {
	for s, want := range map[string]struct {
		months     int
		start, end string
	}{
		"2026":      {12, "2026-01-01", "2027-01-01"},
		"2026-Q3":   {3, "2026-07-01", "2026-10-01"},
		"2026-12":   {1, "2026-12-01", "2027-01-01"},
		"2014-2018": {60, "2014-01-01", "2019-01-01"},
	} {
		p, err := ParsePeriod(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if p.String() != s || p.Months() != want.months || p.Start().Format(time.DateOnly) != want.start || p.End().Format(time.DateOnly) != want.end {
			t.Errorf("%s: %v, %d months, %s to %s", s, p, p.Months(), p.Start(), p.End())
		}
	}
	for _, s := range []string{"", "26", "2026-", "2026-13", "2026-00", "2026-Q0", "2026-Q5", "2026-Q", "2026-1", "2018-2014", "2018-2018", "-026", "+026", "2026-+1", "２０２６", "2026-01-01"} {
		if p, err := ParsePeriod(s); err == nil {
			t.Errorf("%q read as %v", s, p)
		}
	}
}

// Text and value are one-to-one, and periods of one length tile the time.
func TestPeriodLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, err := NewPeriod(rapid.IntRange(1, 9990).Draw(t, "year"), rapid.IntRange(1, 12).Draw(t, "month"), rapid.SampledFrom([]int{1, 3, 12}).Draw(t, "months"))
		if err != nil {
			t.Fatal(err)
		}
		q, err := ParsePeriod(p.String())
		if err != nil || q != p {
			t.Fatalf("%v read back as %v, %v", p, q, err)
		}
		if n := p.Next(); !p.Before(n) || !p.End().Equal(n.Start()) {
			t.Fatalf("%v does not touch %v", p, n)
		}
		if y := p.YearBefore(); !y.Start().AddDate(1, 0, 0).Equal(p.Start()) {
			t.Fatalf("%v a year before %v", y, p)
		}
	})
}

func TestDimensionCheck(t *testing.T) {
	root := Level{Name: "all", Codes: []string{Total}}
	for name, levels := range map[string][]Level{
		"none":           nil,
		"two roots":      {{Name: "all", Codes: []string{"a", "b"}}},
		"parents short":  {root, {Name: "x", Codes: []string{"a", "b"}, Parent: []uint32{0}}},
		"parent outside": {root, {Name: "x", Codes: []string{"a"}, Parent: []uint32{1}}},
		"childless":      {root, {Name: "x", Codes: []string{"a", "b"}, Parent: []uint32{0, 0}}, {Name: "y", Codes: []string{"c"}, Parent: []uint32{0}}},
		"twice":          {root, {Name: "x", Codes: []string{"a", "a"}, Parent: []uint32{0, 0}}},
	} {
		if (Dimension{Name: "d", Levels: levels}).Check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
