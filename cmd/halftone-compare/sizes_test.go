package main

import (
	"math"
	"strings"
	"testing"
)

// By hand: true counts -1, 0, 0, 3, 60 with their estimates and values.
func TestReadings(t *testing.T) {
	o := outcome{cells: []int{5}, releases: 2, readings: map[string]*readings{planner: {tables: make([]reading, 1)}, laplace: {tables: make([]reading, 1)}}}
	o.read(planner, 0, []float64{-1.4, 2.6, -0.6, 5, 58.2}, []int64{0, 1, 0, 4, 59}, []int64{-1, 0, 0, 3, 60})
	r := o.readings[planner]
	for _, c := range []struct {
		what      string
		got, want float64
	}{
		{"bias of values of 0 or less", r.sizes[0].value.bias(), 2.0 / 3},
		{"RMSE of clamping at 0 or less", r.sizes[0].clamped.rmse(), math.Sqrt(10.0 / 3)},
		{"bias of clamping at 3 to 9", r.sizes[2].clamped.bias(), 2},
		{"bias of the estimate at 50 and more", r.sizes[4].estimate.bias(), -1.8},
		{"RMSE of values of the table", r.tables[0].value.rmse(), math.Sqrt((1.0 + 1 + 0 + 1 + 1) / 5)},
		{"cases too many by value", o.excess(r.tables[0].value), 1.0},
		{"cases too many by clamping", o.excess(r.tables[0].clamped), (1.0 + 3 + 0 + 2 - 2) / 2},
	} {
		if math.Abs(c.got-c.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", c.what, c.got, c.want)
		}
	}
	if r.sizes[1].estimate.n != 0 || r.sizes[3].estimate.n != 0 {
		t.Error("a count is in the wrong range")
	}
}

// Clamping makes cases out of noise where counts are small; values, which add up to
// the total, do not.
func TestClampingInventsCases(t *testing.T) {
	all, err := comparisons(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	o, err := all[0].run(t.Context(), 1, someDay)
	if err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	printReadings(&page, o)
	// 102 cells of states and forms, the mean of 8 years: by value it is the error of the
	// total, sd 13/√8 at most; by clamping 230 and 290 with an sd of about 10·√102/√8. Both
	// limits are more than 5 sd away: false alarms below 10⁻⁶.
	last := len(o.tables) - 1
	for _, m := range readable {
		r := o.readings[m]
		value, clamped := o.excess(r.tables[last].value), o.excess(r.tables[last].clamped)
		if clamped < 100 || math.Abs(value) > 60 {
			t.Errorf("%s: clamping makes %.0f cases too many, value %.0f\n%s", m, clamped, value, page.String())
		}
	}
}
