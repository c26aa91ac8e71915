package normalize

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// TestUnknownLabels: which labels have no code, and of how many rows, whatever
// the size of pages and however often columns forget their labels.
func TestUnknownLabels(t *testing.T) {
	const header = "year,place,sex,n,units\n"
	for name, c := range map[string]struct {
		set  func(*Mapping)
		rows string
		want string
	}{
		"all known": {nil, "2016,TD,F,3,\n2016,Tchad,M,3,\n", ""},
		"the most frequent first, folded, of every dimension of a row": {nil,
			"2016,Mars,x,3,\n2016,MARS ,F,3,\n2016, mars,y,3,\n2016,Venus,y,3,\n2016,TD,y,3,\n2016,,F,3,\n",
			"place Mars 3|place Venus 1|sex y 3|sex x 1"},
		"rows that are wrong otherwise, too": {nil, "x,Mars,F,3,\n2016,Mars,F,1.5,\n2016,Mars,F,-7,\n", "place Mars 3"},
		"not those that where or unit leave out": {func(m *Mapping) {
			m.Where = []Predicate{{{Column: "sex", NotIn: []string{"Total"}}}}
			m.Unit = Unit{Column: "units", Codes: map[string]string{"a": "count", "b": "rate"}}
		}, "2016,Mars,Total,3,a\n2016,Venus,F,3,b\n2016,Pluto,F,3,a\n", "place Pluto 1"},
		"codes, else and unknown leave none": {func(m *Mapping) {
			m.Dimensions[0].Rules[0].Codes = map[string]string{"mars": "NE"}
			m.Dimensions[1].Rules[0] = Rule{Column: "place", Codes: map[string]string{"Women": "F"}, Else: "_T"}
		}, "2016,Mars,,3,\n2016,Women,,3,\n2016,Moon,,3,\n", "place Moon 1|place Women 1|sex Moon 1"},
		"without the list": {func(m *Mapping) {
			m.Dimensions[1].Rules[0] = Rule{Column: "sex", NoList: true, Codes: map[string]string{"1": "F"}}
		},
			"2016,TD,1,3,\n2016,TD,F,3,\n", "sex F 1"},
		"what the regex takes": {func(m *Mapping) { m.Dimensions[0].Rules[0].Regex = `^(.*?)\*$` },
			"2016,Mars*,F,3,\n2016,TD*,F,3,\n2016,Venus,F,3,\n", "place Mars 1|place Venus 1 no match"},
		"answers": {func(m *Mapping) { m.Dimensions[1].Rules[0] = Rule{Column: "sex", Split: ";", Many: "_U"} },
			"2016,TD,F;x,3,\n2016,TD,x; y ;X,3,\n2016,TD,F;M,3,\n", "sex x 2|sex y 1"},
		"several columns": {func(m *Mapping) {
			m.Dimensions[1].Rules[0] = Rule{Columns: []string{"sex", "units"}, Join: "|", Codes: map[string]string{"F|a": "F"}}
		}, "2016,TD,F,3,a\n2016,TD,F,3,b\n2016,TD,F,3,b\n", "sex F|b 2"},
		"the rule that holds": {func(m *Mapping) {
			m.Dimensions[0].Rules = []Rule{{When: []Predicate{{{Column: "units", In: []string{"x"}}}}, Const: "TD"}, {Column: "place"}}
		}, "2016,Mars,F,3,x\n2016,Venus,F,3,\n", "place Venus 1"},
	} {
		t.Run(name, func(t *testing.T) {
			h, rows := readCSV(t, header+c.rows)
			for _, size := range []int{1, 2, 1000} {
				for _, limit := range []int{maxLabels, 0} {
					m := simple(t)
					if c.set != nil {
						c.set(&m)
					}
					n := New(m, since(t, "2012"), "year", nil)
					n.WatchUnknown()
					for _, col := range n.columns {
						col.limit = limit
					}
					_, _, _ = runRows(n, m, h, rows, size) // what else is wrong is not asked for
					got, more := n.UnknownLabels()
					var words []string
					for _, l := range got {
						s := fmt.Sprintf("%s %s %d", l.Dimension, l.Label, l.Rows)
						if l.NoMatch {
							s += " no match"
						}
						words = append(words, s)
					}
					if s := strings.Join(words, "|"); s != c.want || more != nil {
						t.Fatalf("pages of %d, labels kept %d:\n got %s %v\nwant %s", size, limit, s, more, c.want)
					}
				}
			}
		})
	}
}

// Watching changes nothing of what comes out.
func TestWatchingChangesNothing(t *testing.T) {
	h, rows := readCSV(t, "year,place,sex,n\n2016,TD,F,3\n2016,Mars,F,3\n2017,NE,x,3\n2017,NE,M,4\n")
	m := simple(t)
	watched := New(m, since(t, "2012"), "year", nil)
	watched.WatchUnknown()
	got, report, err := runRows(watched, m, h, rows, 2)
	want, plain, perr := runRows(New(m, since(t, "2012"), "year", nil), m, h, rows, 2)
	if err != nil || perr != nil || !reflect.DeepEqual(got, want) || !reflect.DeepEqual(report, plain) {
		t.Errorf("%v %v\n%+v\n%+v", err, perr, got, want)
	}
	if labels, _ := New(m, since(t, "2012"), "year", nil).UnknownLabels(); labels != nil {
		t.Error("labels are kept that nobody asked for")
	}
}

// Of a column without a classification not every label is kept.
func TestUnknownLabelsHaveALimit(t *testing.T) {
	var b strings.Builder
	b.WriteString("year,place,sex,n\n")
	for i := range maxUnknown + 5 {
		fmt.Fprintf(&b, "2016,p%d,F,1\n2016,p1,F,1\n", i)
	}
	h, rows := readCSV(t, b.String())
	m := simple(t)
	n := New(m, since(t, "2012"), "year", nil)
	n.WatchUnknown()
	if _, _, err := runRows(n, m, h, rows, 1000); err != nil {
		t.Fatal(err)
	}
	labels, more := n.UnknownLabels()
	if len(labels) != maxUnknown || !reflect.DeepEqual(more, []string{"place"}) || labels[0].Label != "p1" || labels[0].Rows != maxUnknown+6 {
		t.Errorf("%d labels, more of %v, first of %d rows", len(labels), more, labels[0].Rows)
	}
}
