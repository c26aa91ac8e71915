package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"halftone/pipeline/normalize"
)

// TestLoadBatchRules: what looks at several rows of a source reaches the mapping,
// the cells and the promise.
func TestLoadBatchRules(t *testing.T) {
	const row = "    key: row  "
	form := normalize.Level{Dimension: "form"}
	for _, tt := range []struct {
		name  string
		pairs []string
		more  map[string]string
		check func(d Dataset, m normalize.Mapping) bool
	}{
		{"one grain", []string{row, "    grain: [place.region, form]\n" + row}, nil, func(d Dataset, m normalize.Mapping) bool {
			leaf := d.Spec.Dimensions[0].Leaf().Codes
			return reflect.DeepEqual(m.Grains, []normalize.Grain{{{Dimension: "place", Level: "region"}, form}}) && m.Totals == normalize.Totals{} &&
				slices.Contains(leaf, "MW/_U") && !slices.Contains(leaf, "_U")
		}},
		{"no dimension", []string{row, "    grain: []\n" + row}, nil, func(d Dataset, m normalize.Mapping) bool {
			return len(m.Grains) == 1 && len(m.Grains[0]) == 0 && slices.Contains(d.Spec.Dimensions[1].Leaf().Codes, "_U")
		}},
		{"a chain", []string{row, "    grain: [[place, form], [place], []]\n    totals: rest\n" + row}, nil, func(d Dataset, m normalize.Mapping) bool {
			return len(m.Grains) == 3 && m.Totals == normalize.Totals{Use: "rest", MaxBelow: 0.01} && slices.Contains(d.Spec.Dimensions[0].Leaf().Codes, "_U") &&
				d.Spec.Sources[0].Sensitivity == 1
		}},
		{"a chain whose totals are dropped needs no _U", []string{row, "    grain: [[place, form], [place], []]\n    totals: drop\n" + row}, nil, func(d Dataset, m normalize.Mapping) bool {
			return m.Totals.Use == "drop" && !slices.Contains(d.Spec.Dimensions[0].Leaf().Codes, "_U")
		}},
		{"max_below", []string{row, "    grain: [[place, form], [place]]\n    totals: {use: rest, max_below: 5%}\n" + row}, nil, func(_ Dataset, m normalize.Mapping) bool { return m.Totals.MaxBelow == 0.05 }},
		{"max_below as a share", []string{row, "    grain: [[place, form], [place]]\n    totals: {use: rest, max_below: 0.15}\n" + row}, nil, func(_ Dataset, m normalize.Mapping) bool { return m.Totals.MaxBelow == 0.15 }},
		{"max_below by default", []string{row, "    grain: [[place, form], [place]]\n    totals: {use: rest}\n" + row}, nil, func(_ Dataset, m normalize.Mapping) bool { return m.Totals.MaxBelow == 0.01 }},
		{"L of rests", []string{row, "    grain: [[place, form], [place]]\n    totals: rest\n" + row, "value: ACTUAL_COUNT", `value: {column: V, status: [{text: "<5", is: suppressed, below: 5, as: 2}]}`}, nil, func(d Dataset, _ normalize.Mapping) bool {
			return d.Spec.Sources[0].Sensitivity == 6 && d.About.Sources[0].Sensitivity == 6
		}},
		{"L of rests and clip", []string{row, "    grain: [[place, form], [place]]\n    totals: rest\n" + row, "bounds: {min: -20, max: 5000}", "bounds: {min: -20, max: 5000, over: clip}"}, nil, func(d Dataset, m normalize.Mapping) bool {
			return m.Bounds.Clip && d.Spec.Sources[0].Sensitivity == 2
		}},
		{"bounds", []string{"bounds: {min: -20, max: 5000}", "bounds: {ratio: 2.5}"}, nil, func(_ Dataset, m normalize.Mapping) bool {
			return m.Bounds == normalize.Bounds{Ratio: 2.5}
		}},
		{"keep", []string{row, "    keep: [{partition_by: [A, B], order_by: C, order: desc}, {partition_by: [A], order_by: D, order: [x, 7]}, {partition_by: [A], order_by: E, order: asc}]\n" + row}, nil, func(d Dataset, m normalize.Mapping) bool {
			return reflect.DeepEqual(m.Keep, []normalize.Keep{{PartitionBy: []string{"A", "B"}, OrderBy: "C", Desc: true}, {PartitionBy: []string{"A"}, OrderBy: "D", Order: []string{"x", "7"}}, {PartitionBy: []string{"A"}, OrderBy: "E"}}) &&
				slices.Contains(d.Sources[0].Columns, "B") && slices.Contains(d.Sources[0].Columns, "E")
		}},
		{"corrections", []string{row, "    key: [ORI, DATA_YEAR]\n    corrections: fixes.csv #"}, map[string]string{"fixes.csv": "DATA_YEAR,ORI,value,reason,by,on\n2016,AL001,3,typed twice,A. Person,2026-01-31\n"}, func(d Dataset, m normalize.Mapping) bool {
			return slices.Equal(d.Spec.Corrected(), []string{"fbi-ucr"}) && reflect.DeepEqual(m.Corrections, []normalize.Correction{{Key: []string{"AL001", "2016"}, Value: 3, Line: 2}})
		}},
		{"a guarantee of none", []string{row, "    guarantee: none\n" + row}, nil, func(d Dataset, _ normalize.Mapping) bool {
			return slices.Equal(d.Spec.NoGuarantee(), []string{"fbi-ucr"}) && d.Spec.Corrected() == nil
		}},
		{"corrections by codes", []string{row, "    duplicates: sum\n    corrections: fixes.csv #"}, map[string]string{"fixes.csv": "period,place,form,value,reason,by,on\n2016,ME,sexual,exclude,not theirs,A. Person,2026-01-31\n"}, func(d Dataset, m normalize.Mapping) bool {
			return slices.Equal(d.Spec.Corrected(), []string{"fbi-ucr"}) && reflect.DeepEqual(m.Corrections, []normalize.Correction{{Key: []string{"2016", "ME", "sexual"}, Exclude: true, Line: 2}})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := edit(t, base(t), tt.pairs...)
			d, _, err := loadText(t, text, tt.more)
			if err != nil {
				t.Fatal(err)
			}
			if m := d.Sources[0].Mapping; !tt.check(d, m) {
				t.Errorf("%+v %+v %+v\n%+v\n%+v", m.Grains, m.Totals, m.Keep, m.Corrections, d.Spec)
			}
			valid(t, text, true)
		})
	}
}

// TestCorrectionsAreNotInTheDigest: a digest is public, and a value that a person
// gives is a count.
func TestCorrectionsAreNotInTheDigest(t *testing.T) {
	digest := func(value string) string {
		text := edit(t, base(t), "    key: row  ", "    duplicates: sum\n    corrections: fixes.csv #")
		d, _, err := loadText(t, text, map[string]string{"fixes.csv": "period,place,form,value,reason,by,on\n2016,ME,sexual," + value + ",r,A. Person,2026-01-31\n"})
		if err != nil {
			t.Fatal(err)
		}
		return d.Spec.Sources[0].Mapping
	}
	d, _, err := loadText(t, edit(t, base(t), "    key: row  ", "    duplicates: sum #"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if digest("3") != digest("4") || digest("3") == d.Spec.Sources[0].Mapping {
		t.Error("the digest tells corrections apart, or does not say that there are some")
	}
	if strings.Contains(digest("3"), "3,") {
		t.Error("the digest is no digest")
	}
}
