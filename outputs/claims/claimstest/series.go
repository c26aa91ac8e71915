package claimstest

import (
	"testing"

	"halftone/outputs"
	"halftone/privacy"
)

// Series is a version of a total and four groups over the periods from first on,
// with estimates given exactly: totals[i], the first group half of it, the last -3, and all groups together the total. The
// noise has b = 2: two tables, ε = 1.
func Series(t testing.TB, first string, totals ...int64) outputs.Version {
	t.Helper()
	s := privacy.Spec{Dataset: "d", Series: 1, Measure: "flow", Unit: "case", Every: "month", Editions: 1, Mechanism: "laplace",
		Dimensions: []privacy.Dimension{{Name: "sex", Levels: []privacy.Level{{Name: "all", Codes: []string{"_T"}},
			{Name: "sex", Codes: []string{"F", "M", "X", "_U"}, Parent: []uint32{0, 0, 0, 0}}}}},
		Tables:  []privacy.Table{{Name: "total", Levels: []int{0}}, {Name: "by-sex", Levels: []int{1}}},
		Sources: []privacy.Source{{Name: "s", PerPeriod: 1, Periods: 1, Sensitivity: 1}}, Budget: privacy.Budget{NanoEpsilon: 1e9}}
	en := func(s string) outputs.Text { return outputs.Text{"en": s} }
	v := outputs.Version{Name: "v", About: outputs.About{Dataset: "d", Title: en("Cases"), Counts: en("cases"), Measure: "flow",
		Lead: "total", Material: 0.05, Sources: []outputs.Source{{Name: "s", Agency: "Agency A"}, {Name: "s2", Agency: "Agency B"}},
		Codes: []outputs.CodeList{{Dimension: "sex", Codes: []outputs.Code{{Code: "F", Label: en("Women")}, {Code: "M", Label: en("Men")}}}}}}
	p := Period(t, first)
	for _, n := range totals {
		r := Exact(t, Measure(t, s, p, [][]uint32{{0}}, []int64{n}), [][]int64{{n}, {n / 2, n - n/2 + 3, 0, -3}})
		v.Releases = append(v.Releases, outputs.Edition{Release: r, Reporting: []string{"s"}, Expected: []string{"s"}})
		p = p.Next()
	}
	return v
}
