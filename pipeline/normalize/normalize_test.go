package normalize

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"

	"halftone/connectors"
	"halftone/privacy"
)

func ptr(v int64) *int64 { return &v }

// outcomesOf writes a report's outcomes and reasons in a line.
func outcomesOf(r Report) string {
	var s []string
	for _, o := range []Outcome{Counted, Deleted, MergedDuplicate, NoValue, NotACount, Filtered, Excluded, Quarantined} {
		if r.Outcomes[o] > 0 {
			s = append(s, fmt.Sprintf("%s %d", o, r.Outcomes[o]))
		}
	}
	for _, q := range r.Quarantine {
		s = append(s, fmt.Sprintf("row %d %s (%s)", q.Row, q.Reason, q.Column))
	}
	return strings.Join(s, ", ")
}

// TestOutcomes: small tables, the observations and outcomes that must come out.
func TestOutcomes(t *testing.T) {
	const header = "year,place,sex,n,units\n"
	for name, c := range map[string]struct {
		set      func(*Mapping)
		rows     string
		want     []string
		outcomes string
	}{
		"plain": {nil, "2016,TD,F,3,\n2016,Niger,male,0,\n2017.0, tchad ,FEMALE,2.0,\n2017,ATA,F,1,\n",
			[]string{"2016 TD,F 3", "2016 NE,M 0", "2017 TD,F 2", "2017 ATA,F 1"}, "counted 4"},
		"blank rows are none": {nil, ",,,,\n2016,TD,F,3,\n ,\u00a0,,,\t\n", []string{"2016 TD,F 3"}, "counted 1"},
		"a row with text only where nothing is read is one": {nil, ",,,,\n2016,TD,F,3,\n ,\u00a0,,,x\n", []string{"2016 TD,F 3"},
			"counted 1, quarantined 1, row 4 period: blank (year)"},
		"such a row may count": {func(m *Mapping) {
			m.Period, m.Value = Period{Const: "2016"}, Value{Const: 1}
			m.Dimensions[0].Rules[0].Blank, m.Dimensions[1].Rules[0].Blank = "_U", "_U"
		}, ",,,,\n2016,TD,F,3,\n,,,,x\n", []string{"2016 TD,F 1", "2016 _U,_U 1"}, "counted 2"},
		"unknown label and blank": {nil, "2016,Mars,F,3,\n2016,,F,3,\n2016,TD,x,3,\n,TD,F,3,\nMMXVI,TD,F,3,\n2010,TD,F,3,\n2016-2018,TD,F,3,\n2016,TD,F,3,\n",
			[]string{"2016 TD,F 3"},
			"counted 1, quarantined 7, row 2 place: unknown label (place), row 3 place: blank (place), row 4 sex: unknown label (sex), " +
				"row 5 period: blank (year), row 6 period: bad (year), row 7 period: undeclared (year), row 8 period: coarse (year)"},
		"one reason a row, in the order of the map": {nil, "x,Mars,y,z,\n", nil, "quarantined 1, row 2 period: bad (year)"},
		"cut": {nil, "2016-03,TD,F,3,\n2016-03-31,TD,F,4,\n2016-Q4,TD,F,5,\n", []string{"2016 TD,F 3", "2016 TD,F 4", "2016 TD,F 5"}, "counted 3"},
		"where": {func(m *Mapping) {
			m.Where = []Predicate{{{Column: "units", In: []string{"cases", " Persons "}}, {Column: "sex", NotIn: []string{"Total", ""}}}, {{Column: "place", Matches: "^A"}}}
		},
			"2016,TD,F,3,CASES\n2016,TD,Total,3,cases\n2016,TD,,3,cases\n2016,TD,M,2,persons\n2016,ATA,F,1,x\n2016,FR,F,1.5,rate\n",
			[]string{"2016 TD,F 3", "2016 TD,M 2", "2016 ATA,F 1"}, "counted 3, filtered 3"},
		"where not matches": {func(m *Mapping) { m.Where = []Predicate{{{Column: "place", NotMatches: `\*$`}}} },
			"2016,TD*,F,3,\n2016,TD,F,3,\n", []string{"2016 TD,F 3"}, "counted 1, filtered 1"},
		"structural zeros": {func(m *Mapping) {
			m.Dimensions[0].Rules[0].Blank, m.Zeros = "AFR/_U", []StructuralZero{{"place": {"AFR"}, "sex": {"M"}}, {"place": {"FR", "ATA"}}}
		},
			"2016,TD,F,3,\n2016,TD,M,0,\n2016,,M,4,\n2016,FR,F,5,\n2016,ATA,M,6,\n2016,,F,7,\n", []string{"2016 TD,F 3", "2016 AFR/_U,F 7"},
			"counted 2, quarantined 4, row 3 codes: structural zero (), row 4 codes: structural zero (), row 5 codes: structural zero (), row 6 codes: structural zero ()"},
		"unit": {func(m *Mapping) {
			m.Unit = Unit{Column: "units", Codes: map[string]string{"Number": "count", "%": "percent", "": "none"}}
		},
			"2016,TD,F,3,number\n2016,TD,F,0.3,%\n2016,TD,F,x,\n2016,TD,F,3,per head\n",
			[]string{"2016 TD,F 3"}, "counted 1, not_a_count 2, quarantined 1, row 5 unit: unknown label (units)"},
		"unit of all": {func(m *Mapping) { m.Unit = Unit{Const: "per_100000"} }, "2016,TD,F,0.3,\n2016,TD,x,y,\n", nil, "not_a_count 2"},
		"codes come before the list": {func(m *Mapping) {
			m.Dimensions[0].Rules[0].Codes = map[string]string{"CHAD": "NE", "n/a": "exclude", "Sahel": "AFR/_U", "": "_U"}
			m.Dimensions[1].Rules[0] = Rule{Column: "sex", Codes: map[string]string{"1": "F", "2": "M"}, NoList: true, Blank: "exclude"}
		},
			"2016,Chad,1,3,\n2016,N/A,1,3,\n2016,sahel,2,4,\n2016,,1,5,\n2016,FR,F,5,\n2016,FR,,5,\n2016,afr/_u,1,5,\n2016,AFR/_U,1,6,\n",
			[]string{"2016 NE,F 3", "2016 AFR/_U,M 4", "2016 _U,F 5", "2016 AFR/_U,F 6"},
			"counted 4, excluded 2, quarantined 2, row 6 sex: unknown label (sex), row 8 place: unknown label (place)"},
		"unknown and blank": {func(m *Mapping) { m.Dimensions[0].Rules[0] = Rule{Column: "place", Blank: "_U", Unknown: "_U"} },
			"2016,Mars,F,3,\n2016,,F,4,\n2016,_U,F,5,\n", []string{"2016 _U,F 3", "2016 _U,F 4", "2016 _U,F 5"}, "counted 3"},
		"_U that nothing declares": {nil, "2016,_U,F,3,\n2016,AFR/_U,F,3,\n", nil,
			"quarantined 2, row 2 place: unknown label (place), row 3 place: unknown label (place)"},
		"not mapped": {func(m *Mapping) { m.Dimensions[0].Rules, m.Dimensions[1].Rules[0] = nil, Rule{Const: "M"} },
			"2016,Mars,x,3,\n", []string{"2016 _U,M 3"}, "counted 1"},
		"all at one total": {func(m *Mapping) { m.Dimensions[1].Rules[0].Blank = "_T" },
			"2016,TD,,3,\n2016,NE,,3,\n", []string{"2016 TD,_U 3", "2016 NE,_U 3"}, "counted 2"},
		"unknown: true": {func(m *Mapping) { m.Dimensions[0].Unknown = true },
			"2016,Africa,F,3,\n2016,TD,F,3,\n2016,_T,F,3,\n2016,_U,F,3,\n2016,EUR/_U,F,1,\n",
			[]string{"2016 AFR/_U,F 3", "2016 TD,F 3", "2016 _U,F 3", "2016 _U,F 3", "2016 EUR/_U,F 1"}, "counted 5"},
		"period codes": {func(m *Mapping) {
			m.Period = Period{Column: "year", Formats: []string{"dd/MM/yyyy", "yyyy"}, Codes: map[string]string{"2016/17": "2016", "Total": "exclude"}, Blank: "exclude"}
		}, "2016/17,TD,F,3,\ntotal,TD,F,3,\n,TD,F,3,\n31/12/2018,TD,F,4,\n2019,TD,F,5,\n2019-01,TD,F,6,\n",
			[]string{"2016 TD,F 3", "2018 TD,F 4", "2019 TD,F 5"}, "counted 3, excluded 2, quarantined 1, row 7 period: bad (year)"},
		"period of all": {func(m *Mapping) { m.Period = Period{Const: "2017"} }, "x,TD,F,3,\n", []string{"2017 TD,F 3"}, "counted 1"},
		"undeclared period of all": {func(m *Mapping) { m.Period = Period{Const: "2007"} }, "x,TD,F,3,\n", nil,
			"quarantined 1, row 2 period: undeclared ()"},
		"value of all": {func(m *Mapping) { m.Value, m.KeyRow = Value{Const: 1}, false }, "2016,TD,F,x,\n2016,TD,F,y,\n",
			[]string{"2016 TD,F 1", "2016 TD,F 1"}, "counted 2"},
		"value blank missing": {func(m *Mapping) { m.Value.Blank = "missing" }, "2016,TD,F,,\n2016,TD,F,1,\n", []string{"2016 TD,F 1"}, "counted 1, no_value 1"},
		"value blank exclude": {func(m *Mapping) { m.Value.Blank = "exclude" }, "2016,TD,F,,\n", nil, "excluded 1"},
		"value blank zero":    {func(m *Mapping) { m.Value.Blank = "zero" }, "2016,TD,F, ,\n", []string{"2016 TD,F 0 zero"}, "counted 1"},
		"groups":              {func(m *Mapping) { m.Value.GroupChar = "," }, "2016,TD,F,\"1,282\",\n", []string{"2016 TD,F 1282"}, "counted 1"},
		"bounds": {func(m *Mapping) { m.Bounds = Bounds{Min: ptr(-20), Max: ptr(5000)} }, "2016,TD,F,-20,\n2016,TD,F,5000,\n",
			[]string{"2016 TD,F -20", "2016 TD,F 5000"}, "counted 2"},
		"sum": {func(m *Mapping) { m.KeyRow, m.Duplicates = false, "sum" },
			"2016,TD,F,3,\n2016,NE,F,1,\n2016,chad,f,4,\n2017,TD,F,5,\n2016,Mars,F,3,\n",
			[]string{"2016 TD,F 7", "2016 NE,F 1", "2017 TD,F 5"}, "counted 3, merged_duplicate 1, quarantined 1, row 6 place: unknown label (place)"},
		"max":  {func(m *Mapping) { m.KeyRow, m.Duplicates = false, "max" }, "2016,TD,F,3,\n2016,TD,F,9,\n2016,TD,F,4,\n", []string{"2016 TD,F 9"}, "counted 1, merged_duplicate 2"},
		"same": {func(m *Mapping) { m.KeyRow, m.Duplicates = false, "same" }, "2016,TD,F,3,\n2016,TD,F,3.0,\n", []string{"2016 TD,F 3"}, "counted 1, merged_duplicate 1"},
		"key of columns": {func(m *Mapping) { m.KeyRow, m.Key = false, []string{"units", "sex"} },
			"2016,TD,F,3,a\n2016,TD,F,3,b\n2016,TD,M,3,a\n", []string{"2016 TD,F 3", "2016 TD,F 3", "2016 TD,M 3"}, "counted 3"},
		"key of columns, merged": {func(m *Mapping) { m.KeyRow, m.Key, m.Duplicates = false, []string{"units"}, "max" },
			"2016,TD,F,3,a\n2016,TD,F,3,b\n2016,TD,F,5, A\n", []string{"2016 TD,F 5", "2016 TD,F 3"}, "counted 2, merged_duplicate 1"},
		"rows without a value have no key": {func(m *Mapping) { m.KeyRow, m.Value.Blank = false, "missing" },
			"2016,TD,F,,\n2016,TD,F,3,\n2016,TD,F,,\n", []string{"2016 TD,F 3"}, "counted 1, no_value 2"},
	} {
		t.Run(name, func(t *testing.T) {
			h, rows := readCSV(t, header+c.rows)
			for _, size := range []int{1, 2, 1000} {
				m := simple(t)
				if c.set != nil {
					c.set(&m)
				}
				got, r, err := runRows(New(m, since(t, "2012"), "year", nil), m, h, rows, size)
				if err != nil {
					t.Fatal(err)
				}
				var words []string
				for _, o := range got {
					words = append(words, o.String())
				}
				if !reflect.DeepEqual(words, c.want) {
					t.Errorf("pages of %d: got %q, want %q", size, words, c.want)
				}
				if o := outcomesOf(r); o != c.outcomes {
					t.Errorf("pages of %d: got %s, want %s", size, o, c.outcomes)
				}
				checkSums(t, r, len(rows), got)
			}
		})
	}
}

// checkSums: every row has one outcome, and the report agrees with itself.
func checkSums(t testing.TB, r Report, rows int, got []observed) {
	t.Helper()
	var sum, reasons, periods int64
	for _, n := range r.Outcomes {
		sum += n
	}
	for _, n := range r.Reasons {
		reasons += n
	}
	for _, n := range r.Periods {
		periods += n
	}
	if sum != r.Read || r.Read+r.Blank != int64(rows) {
		t.Errorf("%d rows: %d read, %d blank, %d outcomes", rows, r.Read, r.Blank, sum)
	}
	if reasons != r.Outcomes[Quarantined] || int64(len(r.Quarantine)) != reasons {
		t.Errorf("%d quarantined, %d reasons, %d listed", r.Outcomes[Quarantined], reasons, len(r.Quarantine))
	}
	if periods != r.Outcomes[Counted] || int64(len(got)) != periods {
		t.Errorf("%d counted, %d in periods, %d observations", r.Outcomes[Counted], periods, len(got))
	}
}

// TestStops: what stops a source, with the words and places.
func TestStops(t *testing.T) {
	const header = "year,place,sex,n,units\n"
	for name, c := range map[string]struct {
		set  func(*Mapping)
		rows string
		want []string
	}{
		"fractions": {nil, "2016,TD,F,3,\n2016,TD,F,1.5,\n2016,TD,M,0.25,\n",
			[]string{"2 values have fractions: these are not counts, column n, first at in.csv row 3"}},
		"a fraction": {nil, "2016,TD,F,1.5,\n", []string{"1 value has a fraction: this is no count"}},
		"texts": {nil, "2016,TD,F,<5,\n2016,TD,F,n/a,\n2016,TD,F,1.5,\n",
			[]string{"2 values are neither numbers nor declared, column n, first at in.csv row 2", "1 value has a fraction"}},
		"blank value":   {nil, "2016,TD,F,,\n", []string{"1 value is blank, and the mapping does not say what that means", "map.value.blank"}},
		"huge":          {nil, "2016,TD,F,61102019000000,\n", []string{"1 value is larger than any count"}},
		"negative":      {nil, "2016,TD,F,-1,\n", []string{"1 value lies outside `bounds`, column n, first at in.csv row 2"}},
		"out of bounds": {func(m *Mapping) { m.Bounds.Max = ptr(10) }, "2016,TD,F,11,\n2016,TD,F,12,\n", []string{"2 values lie outside `bounds`"}},
		"not finest": {nil, "2016,TD,F,3,\n2016,Africa,F,3,\n2016,_T,F,3,\n",
			[]string{"place: 2 rows have a code that is not at the finest level, column place, first at in.csv row 3", "unknown: true"}},
		"totals beside parts": {func(m *Mapping) { m.Dimensions[0].Rules[0].Codes = map[string]string{"All": "_T"} }, "2016,TD,F,3,\n2016,all,F,3,\n",
			[]string{"place: 1 total stands beside its parts", "first at in.csv row 3 and in.csv row 2"}},
		"region beside its country": {func(m *Mapping) { m.Dimensions[0].Rules[0].Codes = map[string]string{"Africa": "AFR"} }, "2016,FR,F,3,\n2016,Africa,F,3,\n2016,NE,F,3,\n",
			[]string{"place: 1 total stands beside its parts", "first at in.csv row 3 and in.csv row 4"}},
		"duplicate": {func(m *Mapping) { m.KeyRow = false }, "2016,TD,F,3,\n2017,TD,F,3,\n2016,Chad,Female,4,\n",
			[]string{"1 row has the key of another row, first at in.csv row 2 and in.csv row 4"}},
		"duplicate key column": {func(m *Mapping) { m.KeyRow, m.Key = false, []string{"units"} }, "2016,TD,F,3,a\n2017,NE,F,3,A \n",
			[]string{"1 row has the key of another row, first at in.csv row 2 and in.csv row 3"}},
		"not the same": {func(m *Mapping) { m.KeyRow, m.Duplicates = false, "same" }, "2016,TD,F,3,\n2016,TD,F,4,\n",
			[]string{"1 row has the key of another row and another value, first at in.csv row 2 and in.csv row 3"}},
		"other codes": {func(m *Mapping) { m.KeyRow, m.Key, m.Duplicates = false, []string{"units"}, "sum" }, "2016,TD,F,3,a\n2016,TD,M,4,a\n",
			[]string{"1 row has the key of another row, but not its codes or period"}},
		"huge sum": {func(m *Mapping) { m.KeyRow, m.Duplicates = false, "sum" }, "2016,TD,F,1099511627776,\n2016,TD,F,1,\n",
			[]string{"1 row makes a sum of duplicates larger than any count"}},
	} {
		t.Run(name, func(t *testing.T) {
			h, rows := readCSV(t, header+c.rows)
			for _, size := range []int{1, 1000} {
				m := simple(t)
				if c.set != nil {
					c.set(&m)
				}
				_, _, err := runRows(New(m, since(t, "2012"), "year", nil), m, h, rows, size)
				var e *SourceError
				if !errors.As(err, &e) || e.Source != "agency" {
					t.Fatalf("pages of %d: got %v, want a SourceError", size, err)
				}
				for _, want := range c.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("pages of %d: got %v, want %s", size, err, want)
					}
				}
			}
		})
	}
}

// TestGivenUnknown: a line _U in the code list is a code that data may name,
// and takes no total that no rule names.
func TestGivenUnknown(t *testing.T) {
	m := simple(t)
	m.Dimensions[1].List = mustList(t, "sex.csv", "code,label_en\n_T,Total\nF,Female\nM,Male\n_U,Not known\n")
	h, rows := readCSV(t, "year,place,sex,n\n2016,TD,not known,3\n")
	got, _, err := runRows(New(m, since(t, "2012"), "year", nil), m, h, rows, 9)
	if err != nil || len(got) != 1 || got[0].codes != "TD,_U" {
		t.Errorf("got %v, %v", got, err)
	}
	rows[0][2] = "Total"
	_, _, err = runRows(New(m, since(t, "2012"), "year", nil), m, h, rows, 9)
	if err == nil || !strings.Contains(err.Error(), "sex: 1 row has a code that is not at the finest level") {
		t.Errorf("got %v", err)
	}
}

// TestNoOverlap: rows at X/_U, and totals of other places, are no totals of parts.
func TestNoOverlap(t *testing.T) {
	h, rows := readCSV(t, "year,place,sex,n\n2016,Europe,F,3\n2016,TD,F,3\n2016,Sahel,F,3\n2016,ATA,F,1\n")
	m := simple(t)
	m.Dimensions[0].Rules[0].Codes = map[string]string{"Europe": "EUR", "Sahel": "AFR/_U"}
	if _, r, err := runRows(New(m, since(t, "2012"), "year", nil), m, h, rows, 9); err != nil || r.Outcomes[Counted] != 4 {
		t.Errorf("got %v, %v", r.Outcomes, err)
	}
}

func TestQuarantineLimit(t *testing.T) {
	h, rows := readCSV(t, "year,place,sex,n\n"+strings.Repeat("2016,TD,F,1\n", 97)+"2016,Mars,F,1\n2016,Mars,F,1\nx,TD,F,1\n1999,TD,skip,1\n")
	for _, c := range []struct {
		limit float64
		stops bool
	}{{0.03, false}, {0.029, true}, {0, true}, {1, false}} {
		m := simple(t)
		m.Quarantine, m.Where = c.limit, []Predicate{{{Column: "sex", NotIn: []string{"skip"}}}}
		_, r, err := runRows(New(m, since(t, "2012"), "year", nil), m, h, rows, 10)
		var e *QuarantineError
		if errors.As(err, &e) != c.stops {
			t.Fatalf("limit %v: got %v", c.limit, err)
		}
		if r.Outcomes[Quarantined] != 3 || r.Outcomes[Filtered] != 1 {
			t.Errorf("limit %v: the report is %v", c.limit, r.Outcomes)
		}
		if !c.stops {
			continue
		}
		if e.Rows != 3 || e.Of != 100 || e.Reasons[0] != (ReasonCount{"place: unknown label", "place", 2, Place{"in.csv", 99}}) {
			t.Errorf("got %+v", e)
		}
		if want := "agency: 3 of 100 rows not mapped (3%, limit "; !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s…", err, want)
		}
	}
}

func TestReportUnused(t *testing.T) {
	h, rows := readCSV(t, "year,place,sex,n\n2016,Chad,F,1\n2016,Mars,F,2\n2016,,F,2\n")
	m := simple(t)
	m.Where = []Predicate{{{Column: "sex", In: []string{"F", "Femme"}}}}
	m.Period.Codes = map[string]string{"2016/17": "2016"}
	m.Dimensions[0].Rules[0] = Rule{Column: "place", Codes: map[string]string{"Chad": "TD", "Tschad": "TD", "niger": "NE"}, Unknown: "_U", Blank: "_U"}
	_, r, err := runRows(New(m, since(t, "2012"), "year", nil), m, h, rows, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`where sex: "Femme"`, `map.period: "2016/17"`, `map.place: "niger"`, `map.place: "Tschad"`}
	if !reflect.DeepEqual(r.Unused, want) {
		t.Errorf("got %q, want %q", r.Unused, want)
	}
	if r.Unknown["place"] != 1 {
		t.Errorf("unknown labels %v, want 1 of place", r.Unknown)
	}
}

func TestBands(t *testing.T) {
	bands := []privacy.Period{mustPeriod(t, "2014-2018"), mustPeriod(t, "2019")}
	h, rows := readCSV(t, "year,place,sex,n\n2014-2018,TD,F,1\n2015,TD,F,2\n2019,TD,F,3\n2013,TD,F,4\n2014-2019,TD,F,5\n")
	m := simple(t)
	declared := func(p privacy.Period) bool { return p == bands[0] || p == bands[1] }
	got, r, err := runRows(New(m, declared, "band", bands), m, h, rows, 9)
	if err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprint(got[0], got[1], got[2]); len(got) != 3 || !strings.Contains(s, "2014-2018 TD,F 2") || !strings.Contains(s, "2019 TD,F 3") {
		t.Errorf("got %v", got)
	}
	if r.Reasons["period: undeclared"] != 1 || r.Reasons["period: coarse"] != 1 {
		t.Errorf("reasons %v", r.Reasons)
	}
}

// TestForget: forgetting labels between pages changes nothing.
func TestForget(t *testing.T) {
	h, rows := readCSV(t, "year,place,sex,n\n2016,Chad,F,1\n2017,Mars,F,2\n2016,TD,M,<5\n2018,NE,F,2\n2016,Chad,Male,2\n2016,NE,F,<5\n2016,Chad,F,7\n")
	for name, set := range map[string]func(*Mapping){
		"row":     func(m *Mapping) { m.KeyRow = true },
		"columns": func(m *Mapping) { m.Key = []string{"year", "place", "sex"}; m.Duplicates = "sum" },
		"joined": func(m *Mapping) {
			m.KeyRow = true
			m.Dimensions[0].Rules = []Rule{{When: isIn("sex", "F"), Columns: []string{"place", "sex", "year"}, Join: " ", Codes: map[string]string{"Chad F 2016": "TD", "NE F 2018": "NE", "NE F 2016": "FR"}}, {Column: "place"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := simple(t)
			m.KeyRow, m.Value.Status = false, []StatusRule{{Text: "<5", Is: "suppressed", Below: 5, As: 2}}
			set(&m)
			got, r, err := runRows(New(m, since(t, "2012"), "year", nil), m, h, rows, 5)
			if err != nil {
				t.Fatal(err)
			}
			for _, which := range []string{"all", "one", "joined"} {
				few := New(m, since(t, "2012"), "year", nil)
				for i, c := range few.columns {
					if which == "all" || which == "one" && i == 1 {
						c.limit = 0
					}
				}
				for _, c := range few.joined {
					if which != "one" {
						c.limit = 0
					}
				}
				again, r2, err := runRows(few, m, h, rows, 1)
				if err != nil || !reflect.DeepEqual(got, again) || !reflect.DeepEqual(r, r2) {
					t.Errorf("%s: got %v %v %v, want %v %v", which, again, r2, err, got, r)
				}
			}
		})
	}
}

func TestPageErrors(t *testing.T) {
	m := simple(t)
	h, rows := readCSV(t, "year,place,sex,n\n2016,Chad,F,1\n")
	n := New(m, since(t, "2012"), "year", nil)
	var e *SourceError
	if err := n.Page(page("in.csv", 2, []string{"year", "sex", "n"}, h, rows), collect(new([]observed))); !errors.As(err, &e) || e.Problems[0].Column != "place" {
		t.Errorf("a page without a column: %v", err)
	}
	if _, err := n.Close(collect(new([]observed))); !errors.As(err, &e) {
		t.Errorf("after an error Close gives %v", err)
	}
	n = New(m, since(t, "2012"), "year", nil)
	full := errors.New("disk full")
	if err := n.Page(page("in.csv", 2, m.Columns(), h, rows), func(Observations) error { return full }); !errors.Is(err, full) {
		t.Errorf("got %v, want the error of emit", err)
	}
	n = New(m, since(t, "2012"), "year", nil)
	if err := n.Page(connectors.Page{}, nil); err != nil {
		t.Errorf("a page without records: %v", err)
	}
	if r, err := n.Close(nil); err != nil || r.Read != 0 {
		t.Errorf("a pull without rows: %+v, %v", r, err)
	}
	n = New(Mapping{}, since(t, "2012"), "year", nil)
	var me *MappingError
	if err := n.Page(connectors.Page{}, nil); !errors.As(err, &me) {
		t.Errorf("an empty mapping: %v", err)
	}
	if err := New(m, since(t, "2012"), "week", nil).Page(connectors.Page{}, nil); err == nil {
		t.Error("weeks are taken for periods")
	}
}

// TestStoppedEmitsNothing: after a reason to stop no observation goes out.
func TestStoppedEmitsNothing(t *testing.T) {
	m := simple(t)
	h, rows := readCSV(t, "year,place,sex,n\n2016,Chad,F,1\n2016,Chad,F,0.5\n2016,Chad,F,1\n")
	n := New(m, since(t, "2012"), "year", nil)
	for i, want := range []int{1, 0, 0} {
		var got []observed
		if err := n.Page(page("in.csv", int64(i+2), m.Columns(), h, rows[i:i+1]), collect(&got)); err != nil {
			t.Fatal(err)
		}
		if len(got) != want {
			t.Errorf("page %d: %d observations, want %d", i, len(got), want)
		}
	}
}

// TestPageMemory: a page may be written over once it is taken.
func TestPageMemory(t *testing.T) {
	m := simple(t)
	h, rows := readCSV(t, "year,place,sex,n\n2016,TD,F,1\n2016,NE,F,2\n")
	n := New(m, since(t, "2012"), "year", nil)
	var got []observed
	for i := range rows {
		p := page("in.csv", int64(i+2), m.Columns(), h, rows[i:i+1])
		if err := n.Page(p, collect(&got)); err != nil {
			t.Fatal(err)
		}
		copy(p.Records.Column(1).(*array.String).ValueBytes(), "XX")
		for text := range n.columns[1].numbers {
			if text == "XX" {
				t.Fatal("a label lies in the memory of a page")
			}
		}
	}
	if _, err := n.Close(nil); err != nil || got[0].codes != "TD,F" || got[1].codes != "NE,F" {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestRows: a page's own row numbers are those of the messages.
func TestRows(t *testing.T) {
	m := simple(t)
	h, rows := readCSV(t, "year,place,sex,n\n2016,Chad,F,1\n2016,Mars,F,1\n")
	p := page("a.json", 0, m.Columns(), h, rows)
	p.Rows = []int64{5, 17}
	n := New(m, since(t, "2012"), "year", nil)
	var got []observed
	if err := n.Page(p, collect(&got)); err != nil {
		t.Fatal(err)
	}
	r, err := n.Close(collect(&got))
	if err != nil || got[0].place != (Place{"a.json", 5}) || r.Quarantine[0].Row != 17 {
		t.Errorf("got %v, %v, %v", got, r.Quarantine, err)
	}
}
