package describe

import (
	"testing"

	"pgregory.net/rapid"

	"halftone/privacy"
)

// The short way to a person's cost is the long one, also where periods overlap and
// sums overflow.
func TestPerson(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SampledFrom([][]string{{"2018", "2019", "2020", "2021"}, {"2018-Q1", "2018-Q2", "2019-Q1"}, {"2018-01", "2018", "2018-Q1"},
			{"2014-2018", "2016-2020", "2021-2025"}}).Draw(t, "names")
		a := Account{Terms: privacy.Terms{Periods: rapid.Int64Range(0, 5).Draw(t, "P")}}
		for _, n := range rapid.Permutation(names).Draw(t, "order") {
			p, err := privacy.ParsePeriod(n)
			if err != nil {
				t.Fatal(err)
			}
			a.Periods = append(a.Periods, PeriodCost{Period: p, Nano: rapid.OneOf(rapid.Uint64Max(100), rapid.Uint64Min(1<<63)).Draw(t, "cost")})
		}
		a.Periods = a.Periods[:rapid.IntRange(0, len(a.Periods)).Draw(t, "n")]
		if got, want := a.person(), privacy.Person(a.costs(), a.Terms.Periods); got != want {
			t.Fatalf("%d, want %d", got, want)
		}
	})
}
