package normalize

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"halftone/pipeline/codelist"
	"halftone/privacy"
)

// glotip is a mapping with totals beside parts, of which small ones read `<5`.
func glotip(t testing.TB) Mapping {
	m := simple(t)
	m.KeyRow = false
	m.Value.Status = []StatusRule{{Text: "<5", Is: "suppressed", Below: 5, As: 2}}
	m.Dimensions[0].Rules[0].Codes = map[string]string{"Total": "_T"}
	m.Dimensions[1].Rules[0].Codes = map[string]string{"Total": "_T"}
	m.Grains = []Grain{{{"place", ""}, {"sex", ""}}, {{"place", ""}}}
	m.Totals = Totals{Use: "rest", MaxBelow: 0.01}
	return m
}

// TestBatchRules: small tables, and what must come of them with rules that look
// at several rows.
func TestBatchRules(t *testing.T) {
	const header = "year,place,sex,n,day,kind\n"
	keep := func(by, order string, list ...string) func(*Mapping) {
		return func(m *Mapping) {
			m.Keep = append(m.Keep, Keep{PartitionBy: []string{"place"}, OrderBy: by, Desc: order == "desc", Order: list})
		}
	}
	for name, c := range map[string]struct {
		set      []func(*Mapping)
		rows     string
		want     []string
		outcomes string
	}{
		"rest": {nil, "2016,TD,Total,10\n2016,TD,F,6\n2016,TD,M,<5\n2016,NE,Total,7\n2016,ATA,F,3\n2016,Total,Total,99\n2016,Africa,F,1\n",
			[]string{"2016 TD,F 6", "2016 TD,M 2", "2016 ATA,F 3", "2016 TD,_U 2", "2016 NE,_U 7"},
			"counted 3, total 2, other_breakdown 2"},
		"a rest may be negative, and nothing is put where it is none": {[]func(*Mapping){func(m *Mapping) { m.Totals.MaxBelow = 1 }},
			"2016,TD,F,6\n2016,TD,M,<5\n2016,TD,Total,7\n2016,NE,F,1\n2016,NE,Total,1\n", []string{"2016 TD,F 6", "2016 TD,M 2", "2016 NE,F 1", "2016 TD,_U -1"}, "counted 3, total 2"},
		"the share is of all totals": {nil, "2016,TD,Total,100\n2016,TD,F,104\n2016,NE,Total,900\n", []string{"2016 TD,F 104", "2016 TD,_U -4", "2016 NE,_U 900"}, "counted 1, total 2"},
		"periods apart":              {nil, "2016,TD,Total,10\n2017,TD,F,6\n", []string{"2017 TD,F 6", "2016 TD,_U 10"}, "counted 1, total 1"},
		"drop":                       {[]func(*Mapping){func(m *Mapping) { m.Totals = Totals{Use: "drop"} }}, "2016,TD,Total,10\n2016,TD,F,6\n", []string{"2016 TD,F 6"}, "counted 1, total 1"},
		"_U is no total": {[]func(*Mapping){func(m *Mapping) { m.Dimensions[1].Rules[0].Codes["?"] = "_U" }}, "2016,TD,Total,10\n2016,TD,?,4\n",
			[]string{"2016 TD,_U 4", "2016 TD,_U 6"}, "counted 1, total 1"},
		"duplicates before grain": {[]func(*Mapping){func(m *Mapping) { m.Duplicates = "sum" }}, "2016,TD,Total,10\n2016,TD,F,1\n2016,TD,Total,5\n2016,TD,F,2\n2016,Total,F,3\n2016,Total,F,3\n",
			[]string{"2016 TD,F 3", "2016 TD,_U 12"}, "counted 1, total 1, other_breakdown 1, merged_duplicate 3"},
		"coarser data enter at X/_U": {[]func(*Mapping){func(m *Mapping) { m.Grains, m.Totals = []Grain{{{"place", "region"}, {"sex", ""}}}, Totals{} }},
			"2016,Africa,F,3\n2016,TD,F,9\n2016,ATA,F,1\n2016,Total,F,9\n", []string{"2016 AFR/_U,F 3", "2016 ATA,F 1"}, "counted 2, other_breakdown 2"},
		"one total": {[]func(*Mapping){func(m *Mapping) { m.Grains, m.Totals = []Grain{{}}, Totals{} }}, "2016,Total,Total,9\n2016,Total,F,3\n", []string{"2016 _U,_U 9"}, "counted 1, other_breakdown 1"},
		"keep the last, ties stay": {[]func(*Mapping){keep("day", "desc")},
			"2016,TD,F,1,9\n2016,TD,M,2,10\n2017,TD,F,4,1\n2016,TD,F,3,010.0\n2016,NE,F,5,\n", []string{"2016 TD,M 2", "2017 TD,F 4", "2016 TD,F 3", "2016 NE,F 5"}, "counted 4, not_kept 1"},
		"keep the first date": {[]func(*Mapping){keep("day", "asc")},
			"2016,TD,F,1,2016-03-01\n2016,TD,M,2,2016-02\n2016,TD,F,4,\n2016,TD,F,3,2016-02-01T00:00:00Z\n", []string{"2016 TD,M 2"}, "counted 1, not_kept 3"},
		"keep by steps": {[]func(*Mapping){keep("day", "desc"), keep("kind", "", "BA", "SA")},
			"2016,TD,F,1,9,BA\n2016,TD,M,2,10,sa\n2016,TD,F,3,10,x\n2016,NE,F,4,1,x\n", []string{"2016 TD,M 2", "2016 NE,F 4"}, "counted 2, not_kept 2"},
		"rows that are not kept are no duplicates, nor totals": {[]func(*Mapping){keep("day", "desc"), func(m *Mapping) { m.Grains, m.Totals = nil, Totals{} }},
			"2016,TD,F,1,9\n2016,TD,F,2,10\n2016,Total,F,8,9\n", []string{"2016 TD,F 2", "2016 _U,F 8"}, ""},
		"clip": {[]func(*Mapping){func(m *Mapping) { m.Bounds = Bounds{Max: ptr(5), Clip: true} }}, "2016,TD,F,9\n2016,TD,M,5\n", []string{"2016 TD,F 5", "2016 TD,M 5"}, "counted 2"},
		"corrections": {[]func(*Mapping){func(m *Mapping) {
			m.Bounds = Bounds{Max: ptr(5)}
			m.Corrections = []Correction{{Key: []string{"2016", "TD", "F"}, Value: 9}, {Key: []string{"2016", "NE", "_T"}, Exclude: true}, {Key: []string{"2017", "NE", "_T"}, Exclude: true}}
		}}, "2016,Chad,Female,61102019\n2016,NE,Total,x\n2016,NE,F,1\n", []string{"2016 TD,F 9", "2016 NE,F 1"}, "counted 2, excluded 1"},
		"corrections by columns": {[]func(*Mapping){func(m *Mapping) {
			m.Key, m.Grains, m.Totals = []string{"kind", "year"}, nil, Totals{}
			m.Corrections = []Correction{{Key: []string{"A", "2016"}, Value: -1}}
		}}, "2016,TD,F,7,,a\n2017,TD,F,7,,a\n", []string{"2016 TD,F -1", "2017 TD,F 7"}, "counted 2"},
		"ratio": {[]func(*Mapping){func(m *Mapping) { m.Bounds.Ratio = 2 }},
			"2016,TD,F,4\n2017,TD,F,8\n2018,TD,F,3\n2017,NE,F,900\n2015,FR,F,1\n2017,FR,F,9\n2016,ATA,F,0\n2017,ATA,F,2\n", nil, "counted 8"},
		"ratio, a person has looked": {[]func(*Mapping){func(m *Mapping) {
			m.Bounds.Ratio = 2
			m.Corrections = []Correction{{Key: []string{"2017", "TD", "F"}, Value: 90}}
		}}, "2016,TD,F,4\n2017,TD,F,80\n", []string{"2016 TD,F 4", "2017 TD,F 90"}, "counted 2"},
	} {
		t.Run(name, func(t *testing.T) {
			h, rows := readCSV(t, header+pad(c.rows, 6))
			for _, size := range []int{1, 2, 1000} {
				m := glotip(t)
				for _, set := range c.set {
					set(&m)
				}
				got, r, err := runRows(New(m, since(t, "2012"), "year", nil), m, h, rows, size)
				if name == "rows that are not kept are no duplicates, nor totals" { // the one that is left is a total beside parts
					var e *SourceError
					if !errors.As(err, &e) || !strings.Contains(err.Error(), "total stands beside its parts") || strings.Contains(err.Error(), "key of another") {
						t.Fatalf("got %v", err)
					}
					continue
				}
				if err != nil {
					t.Fatalf("pages of %d: %v", size, err)
				}
				var words []string
				for _, o := range got {
					words = append(words, fmt.Sprintf("%s %s %d", o.period, o.codes, o.value))
				}
				if c.want != nil && !reflect.DeepEqual(words, c.want) {
					t.Errorf("pages of %d: got %q, want %q", size, words, c.want)
				}
				if s := allOutcomes(r); s != c.outcomes {
					t.Errorf("pages of %d: got %s, want %s", size, s, c.outcomes)
				}
			}
		})
	}
}

// pad gives every line as many fields.
func pad(text string, fields int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		b.WriteString(line + strings.Repeat(",", fields-1-strings.Count(line, ",")) + "\n")
	}
	return b.String()
}

func allOutcomes(r Report) string {
	var s []string
	for _, o := range []Outcome{Counted, TotalRow, OtherBreakdown, NotKept, MergedDuplicate, NoValue, NotACount, Filtered, Excluded, Quarantined} {
		if n := r.Outcomes[o]; n > 0 {
			s = append(s, strings.ReplaceAll(outcomesOf(Report{Outcomes: map[Outcome]int64{Counted: n}}), "counted", string(o)))
		}
	}
	return strings.Join(s, ", ")
}

// TestBatchStops: what stops a source although each row may be right.
func TestBatchStops(t *testing.T) {
	const header = "year,place,sex,n,day,kind\n"
	day := func(m *Mapping) { m.Keep = []Keep{{PartitionBy: []string{"place"}, OrderBy: "day", Desc: true}} }
	for name, c := range map[string]struct {
		set  func(*Mapping)
		rows string
		want string
	}{
		"parts overlap": {nil, "2016,TD,Total,100\n2016,TD,F,52\n2016,TD,M,50\n",
			"1 grain of totals is exceeded by its parts by more than `totals.max_below`: parts overlap, column n, first at in.csv row 2"},
		"parts without totals do not make up for it": {nil, "2016,TD,Total,100\n2016,TD,F,52\n2016,TD,M,50\n2016,NE,F,5000\n", "parts overlap"},
		"the share is of totals":                     {func(m *Mapping) { m.Totals.MaxBelow = 0.039 }, "2016,TD,Total,100\n2016,TD,F,52\n2016,TD,M,52\n", "parts overlap"},
		"a total that is 0":                          {nil, "2016,TD,Total,0\n2016,TD,F,1\n", "parts overlap"},
		"a duplicate total":                          {nil, "2016,TD,Total,10\n2016,TD,Total,10\n", "1 row has the key of another row"},
		"a huge total":                               {func(m *Mapping) { m.KeyRow = true }, "2016,TD,Total,1099511627776\n2016,TD,Total,1\n", "1 row makes a total or its parts larger than any count"},
		"huge parts":                                 {func(m *Mapping) { m.KeyRow = true }, "2016,TD,F,1099511627776\n2016,TD,M,1\n", "1 row makes a total or its parts larger than any count"},
		"unordered":                                  {day, "2016,TD,F,1,31/12/2016\n2016,TD,M,1,30/12/2016\n", "2 labels are neither numbers nor dates such as 2026-11-23, so that they have no order, column day, first at in.csv row 2"},
		"mixed":                                      {day, "2016,TD,F,1,2016-12-31\n2016,NE,M,1,7\n", "1 column has numbers beside dates: which come first is not said, column day"},
		"corrected twice": {func(m *Mapping) {
			m.Duplicates, m.Corrections = "sum", []Correction{{Key: []string{"2016", "TD", "F"}, Value: 9}}
		}, "2016,TD,F,1\n2016,TD,F,1\n", "1 row more has the key of a correction"},
		"over max, with clip under min": {func(m *Mapping) { m.Bounds = Bounds{Max: ptr(5), Clip: true} }, "2016,TD,F,-1\n", "1 value lies outside `bounds`"},
		"ratio":                         {func(m *Mapping) { m.Bounds.Ratio = 2 }, "2017,TD,F,9\n2016,TD,F,4\n", "1 cell is more than `bounds.ratio` times what it was the period before, column n, first at in.csv row 2"},
		"ratio from 0":                  {func(m *Mapping) { m.Bounds.Ratio = 2 }, "2017,TD,F,3\n2016,TD,F,0\n", "1 cell is more than"},
		"ratio of a rest":               {func(m *Mapping) { m.Bounds.Ratio = 2 }, "2017,TD,Total,9\n2016,TD,Total,4\n", "1 cell is more than"},
	} {
		t.Run(name, func(t *testing.T) {
			h, rows := readCSV(t, header+pad(c.rows, 6))
			for _, size := range []int{1, 1000} {
				m := glotip(t)
				if c.set != nil {
					c.set(&m)
				}
				_, _, err := runRows(New(m, since(t, "2012"), "year", nil), m, h, rows, size)
				var e *SourceError
				if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("pages of %d: got %v, want %s", size, err, c.want)
				}
			}
		})
	}
}

// TestCheckTotals: check uses nothing of totals and says how many differ, where
// figures can be compared.
func TestCheckTotals(t *testing.T) {
	m := glotip(t)
	m.Totals = Totals{Use: "check"}
	h, rows := readCSV(t, "year,place,sex,n\n2016,TD,Total,10\n2016,TD,F,6\n2016,TD,M,3\n2016,NE,Total,7\n2016,FR,F,<5\n2016,FR,Total,2\n2016,ATA,F,2\n2016,ATA,Total,2\n2017,ATA,F,2\n2017,ATA,Total,1\n")
	got, r, err := runRows(New(m, since(t, "2012"), "year", nil), m, h, rows, 3)
	want := &TotalsReport{Equal: 1, Differ: 2, Below: 1, Suppressed: 1, Alone: 1, Places: []Place{{"in.csv", 2}, {"in.csv", 11}}}
	if err != nil || len(got) != 5 || !reflect.DeepEqual(r.Totals, want) {
		t.Errorf("%v: %d observations, %+v", err, len(got), r.Totals)
	}
	if r.Periods["2016"] != 4 || r.Periods["2017"] != 1 {
		t.Errorf("got %v", r.Periods)
	}
}

// TestRatioOfEarlierPulls: a period that is not in the pull is looked for among
// what is held.
func TestRatioOfEarlierPulls(t *testing.T) {
	m := glotip(t)
	m.Bounds.Ratio = 2
	h, rows := readCSV(t, "year,place,sex,n\n2017,TD,F,9\n2017,NE,F,9\n")
	for value, stops := range map[int64]bool{2: false, 1: true} {
		n := New(m, since(t, "2012"), "year", nil)
		n.Before(func(p privacy.Period) ([]Observations, error) {
			if p.String() != "2016" {
				t.Errorf("asked for %s", p)
			}
			o := Observations{
				Periods: []privacy.Period{p}, Period: []uint32{0, 0, 0}, Value: []int64{value, 3, 1}, Status: make([]Status, 3),
				Dims: []Column{{[]string{"TD", "gone"}, []uint32{0, 0, 1}}, {[]string{"F"}, []uint32{0, 0, 0}}},
			}
			return []Observations{o}, nil
		})
		if _, _, err := runRows(n, m, h, rows, 3); (err != nil) != stops {
			t.Errorf("%d and 3 before: %v", value, err)
		}
	}
	n := New(m, since(t, "2012"), "year", nil)
	gone := errors.New("gone")
	n.Before(func(privacy.Period) ([]Observations, error) { return nil, gone })
	if _, _, err := runRows(n, m, h, rows, 3); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
}

func TestUnusedOfBatchRules(t *testing.T) {
	m := glotip(t)
	m.Keep = []Keep{{PartitionBy: []string{"place"}, OrderBy: "sex", Order: []string{"F", "Total", "Other"}}}
	m.Corrections = []Correction{{Key: []string{"2016", "TD", "M"}, Value: 3, Line: 7}}
	h, rows := readCSV(t, "year,place,sex,n\n2016,TD,F,1\n")
	_, r, err := runRows(New(m, since(t, "2012"), "year", nil), m, h, rows, 3)
	if s := strings.Join(r.Unused, "|"); err != nil || !strings.Contains(s, `keep sex: "Other"`) || !strings.Contains(s, "the key of a correction: line 7") {
		t.Errorf("%v: %s", err, s)
	}
}

func TestCheckBatchRules(t *testing.T) {
	country, sex := Level{"place", "country"}, Level{"sex", ""}
	corrected := func(key ...string) func(*Mapping) {
		return func(m *Mapping) { m.Corrections = []Correction{{Key: key, Line: 4}} }
	}
	for name, c := range map[string]struct {
		set  func(*Mapping)
		want string
	}{
		"fine":                 {func(*Mapping) {}, ""},
		"a level of the list":  {func(m *Mapping) { m.Grains[0] = Grain{country, sex} }, ""},
		"drop without a chain": {func(m *Mapping) { m.Grains, m.Totals = m.Grains[:1], Totals{Use: "drop"} }, ""},
		"no dimension":         {func(m *Mapping) { m.Grains[0] = append(m.Grains[0], Level{"age", ""}) }, `grain: no dimension "age"`},
		"no level":             {func(m *Mapping) { m.Grains[0][0].Level = "county" }, `grain: dimension place has no level "county" below its total`},
		"the root's level":     {func(m *Mapping) { m.Grains[0][0].Level = "all" }, `grain: dimension place has no level "all"`},
		"twice":                {func(m *Mapping) { m.Grains[0] = append(m.Grains[0], country) }, "dimension place stands twice in one grain"},
		"coarsest first":       {func(m *Mapping) { m.Grains[0], m.Grains[1] = m.Grains[1], m.Grains[0] }, "grain 2 is finer than grain 1 in sex"},
		"the same twice":       {func(m *Mapping) { m.Grains[1] = m.Grains[0] }, "grain 1 has nothing that grain 2 lacks"},
		"totals unsaid":        {func(m *Mapping) { m.Totals = Totals{} }, "totals: is missing"},
		"totals without grain": {func(m *Mapping) { m.Grains = nil }, "totals: says what becomes of totals, and there is no grain"},
		"rest of one grain":    {func(m *Mapping) { m.Grains = m.Grains[:1] }, "totals: rest needs a chain of grains"},
		"totals":               {func(m *Mapping) { m.Totals.Use = "keep" }, "totals: want drop, check or rest"},
		"max_below":            {func(m *Mapping) { m.Totals.MaxBelow = 2 }, "totals.max_below: goes with rest"},
		"max_below and drop":   {func(m *Mapping) { m.Totals.Use = "drop" }, "totals.max_below: goes with rest"},
		"not mapped":           {func(m *Mapping) { m.Dimensions[1].Rules = nil }, "dimension sex is always at its total, so that no row has this grain"},
		"constant left out":    {func(m *Mapping) { m.Dimensions[1].Rules = []Rule{{Const: "F"}} }, `dimension sex is always "F", so that no row has a grain that leaves it out`},
		"no order":             {func(m *Mapping) { m.Keep = []Keep{{PartitionBy: []string{"a"}}} }, "keep: a step needs partition_by and order_by"},
		"two orders":           {func(m *Mapping) { m.Keep = []Keep{{[]string{"a"}, "b", true, []string{"x"}}} }, "keep: order is asc, desc or a list"},
		"keep by the value":    {func(m *Mapping) { m.Keep = []Keep{{[]string{"a"}, "n", true, nil}} }, `keep.order_by: column "n" is the value`},
		"parts by the value":   {func(m *Mapping) { m.Keep = []Keep{{[]string{"n"}, "b", true, nil}} }, `keep.partition_by: column "n" is the value`},
		"partition twice":      {func(m *Mapping) { m.Keep = []Keep{{[]string{"a", "a"}, "b", true, nil}} }, "keep.partition_by: a column stands twice"},
		"clip without max":     {func(m *Mapping) { m.Bounds.Clip = true }, "bounds.over: clip reads a value over max"},
		"ratio":                {func(m *Mapping) { m.Bounds.Ratio = 1 }, "bounds.ratio: must be above 1"},
		"corrections of rows":  {func(m *Mapping) { m.KeyRow = true; corrected("2016", "TD", "F")(m) }, "corrections: every row is its own"},
		"a key of two":         {corrected("2016", "TD"), "corrections: line 4: has another key"},
		"no code":              {corrected("2016", "XX", "F"), "corrections: line 4: column place has no code of places.csv"},
		"no period":            {corrected("16/17", "TD", "F"), "corrections: line 4: its period is none"},
		"key called value":     {func(m *Mapping) { m.Key = []string{"value"}; corrected("a")(m) }, `corrections: column "value" of the key has the name`},
	} {
		t.Run(name, func(t *testing.T) {
			m := glotip(t)
			m.Grains = []Grain{{{"place", ""}, {"sex", ""}}, {{"place", ""}}}
			c.set(&m)
			err := m.Check()
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	m := glotip(t)
	m.Corrections = []Correction{{Key: []string{"1999", "TD", "F"}, Line: 4}}
	var e *MappingError
	if err := New(m, since(t, "2012"), "year", nil).err; !errors.As(err, &e) || !strings.Contains(err.Error(), "line 4: its period is none of the dataset") {
		t.Errorf("got %v", err)
	}
}

func TestGrainUnknowns(t *testing.T) {
	rest := Totals{Use: "rest"}
	for name, c := range map[string]struct {
		grains     []Grain
		totals     Totals
		codes      map[string]string
		place, sex []string
	}{
		"leaves":             {[]Grain{{{"place", ""}, {"sex", ""}}}, Totals{}, nil, nil, nil},
		"left out":           {[]Grain{{{"place", ""}}}, Totals{}, nil, nil, []string{"_T"}},
		"none":               {[]Grain{{}}, Totals{}, nil, []string{"_T"}, []string{"_T"}},
		"above the leaves":   {[]Grain{{{"place", "region"}, {"sex", ""}}}, Totals{}, nil, []string{"AFR", "EUR"}, nil},
		"a chain with rest":  {[]Grain{{{"place", ""}, {"sex", ""}}, {{"place", "region"}}}, rest, nil, []string{"AFR", "EUR"}, []string{"_T"}},
		"a chain, dropped":   {[]Grain{{{"place", ""}, {"sex", ""}}, {{"place", "region"}}}, Totals{Use: "drop"}, nil, nil, nil},
		"named _T":           {[]Grain{{{"place", ""}, {"sex", ""}}}, Totals{}, map[string]string{"a": "_T", "b": "AFR"}, nil, nil},
		"named X/_U":         {[]Grain{{{"place", ""}, {"sex", ""}}}, Totals{}, map[string]string{"a": "AFR/_U"}, []string{"AFR"}, nil},
		"named _U":           {[]Grain{{{"place", ""}, {"sex", ""}}}, Totals{}, map[string]string{"a": "_U"}, []string{"_T"}, nil},
		"X/_U left out":      {[]Grain{{{"sex", ""}}}, Totals{}, map[string]string{"a": "AFR/_U"}, []string{"_T"}, nil},
		"X/_U is no region":  {[]Grain{{{"place", "region"}, {"sex", ""}}}, Totals{}, map[string]string{"a": "AFR/_U"}, []string{"AFR", "EUR"}, nil},
		"_U is of any level": {[]Grain{{{"place", "region"}, {"sex", ""}}}, Totals{}, map[string]string{"a": "_U"}, []string{"AFR", "EUR", "_T"}, nil},
	} {
		m := simple(t)
		m.Dimensions[0].Rules[0].Codes = c.codes
		m.Grains, m.Totals = c.grains, c.totals
		for dimension, want := range map[string][]string{"place": c.place, "sex": c.sex} {
			parents := map[string]bool{}
			for _, p := range want {
				parents[p] = true
			}
			if u := m.Unknowns(dimension); !reflect.DeepEqual(u, codelist.Unknowns{Parents: parents}) {
				t.Errorf("%s: %s has %v, want %v", name, dimension, u.Parents, want)
			}
		}
	}
}

// TestDigestOfBatchRules: each of them makes another mapping; the name of a level
// does not, where it is the finest.
func TestDigestOfBatchRules(t *testing.T) {
	seen := map[string]string{}
	for name, set := range map[string]func(*Mapping){
		"none":        func(*Mapping) {},
		"no totals":   func(m *Mapping) { m.Grains = m.Grains[:1]; m.Totals = Totals{} },
		"no grain":    func(m *Mapping) { m.Grains = nil; m.Totals = Totals{} },
		"one total":   func(m *Mapping) { m.Grains = []Grain{{}}; m.Totals = Totals{} },
		"level":       func(m *Mapping) { m.Grains[0][0].Level = "region" },
		"drop":        func(m *Mapping) { m.Totals.Use = "drop" },
		"max_below":   func(m *Mapping) { m.Totals.MaxBelow = 0.5 },
		"clip":        func(m *Mapping) { m.Bounds.Clip = true },
		"ratio":       func(m *Mapping) { m.Bounds.Ratio = 3 },
		"corrections": func(m *Mapping) { m.Corrections = []Correction{{Key: []string{"2016", "TD", "F"}, Value: 3}} },
		"keep":        func(m *Mapping) { m.Keep = []Keep{{[]string{"a"}, "b", false, nil}} },
		"zeros":       func(m *Mapping) { m.Zeros = []StructuralZero{{"sex": {"M"}}} },
		"keep desc":   func(m *Mapping) { m.Keep = []Keep{{[]string{"a"}, "b", true, nil}} },
	} {
		m := glotip(t)
		set(&m)
		if other, ok := seen[m.Digest()]; ok {
			t.Errorf("%s has the digest of %s", name, other)
		}
		seen[m.Digest()] = name
	}
	m := glotip(t)
	m.Grains[0] = Grain{{"sex", "level 1"}, {"place", "country"}}
	if seen[m.Digest()] != "none" {
		t.Error("the order of dimensions in a grain, or the name of the finest level, changes the digest")
	}
}
