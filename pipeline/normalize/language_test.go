package normalize

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

const yesNoCSV = "code,label_en\nyes,Yes\nno,No\n"

// languageCase is a small table under a mapping, and what must come out.
type languageCase struct {
	set      func(*Mapping)
	rows     string // year,place,sex,n,units
	want     []string
	outcomes string
}

func (c languageCase) run(t *testing.T) {
	t.Helper()
	h, rows := readCSV(t, "year,place,sex,n,units\n"+c.rows)
	for _, size := range []int{1, 2, 1000} {
		m := simple(t)
		c.set(&m)
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
}

func isIn(column string, texts ...string) []Predicate {
	return []Predicate{{{Column: column, In: texts}}}
}

// TestRules: every key of a rule of a dimension.
func TestRules(t *testing.T) {
	place := func(rules ...Rule) func(*Mapping) {
		return func(m *Mapping) { m.Dimensions[0].Rules = rules }
	}
	for name, c := range map[string]languageCase{
		"when, the first that holds": {place(
			Rule{When: isIn("units", "all"), Const: "_T"},
			Rule{When: isIn("units", "by place", "all"), Column: "place"}),
			"2016,TD,F,1,ALL\n2016,x,F,2, all\n2016,x,F,3,by place\n2016,x,F,4,by sex\n",
			[]string{"2016 _U,F 1", "2016 _U,F 2"},
			"counted 2, quarantined 2, row 4 place: unknown label (place), row 5 place: no rule applies ()"},
		"when of one rule": {place(Rule{When: isIn("units", "a"), Column: "place"}),
			"2016,TD,F,1,a\n2016,TD,F,2,b\n", []string{"2016 TD,F 1"}, "counted 1, quarantined 1, row 3 place: no rule applies ()"},
		"const exclude": {place(Rule{When: isIn("units", "test"), Const: "exclude"}, Rule{Column: "place"}),
			"2016,TD,F,1,test\n2016,TD,F,2,\n", []string{"2016 TD,F 2"}, "counted 1, excluded 1"},
		"columns": {place(Rule{Columns: []string{"place", "units"}, Join: "|", NoList: true, Codes: map[string]string{"a|": "TD", "|b": "NE", "A|B": "FR", "|": "ATA"}}),
			"2016,A,F,1,\n2016, ,F,2, b\n2016,a,F,3,b\n2016,,F,4,\n2016,b,F,5,a\n",
			[]string{"2016 TD,F 1", "2016 NE,F 2", "2016 FR,F 3", "2016 ATA,F 4"}, "counted 4, quarantined 1, row 6 place: unknown label (place, units)"},
		"columns, blank": {place(Rule{Columns: []string{"place", "units", "sex"}, Join: "", Blank: "_U"}),
			"2016,T,,1,D\n2016,,,2,\n", nil, "quarantined 2, row 2 sex: blank (sex), row 3 sex: blank (sex)"},
		"columns of which all are blank": {func(m *Mapping) {
			m.Dimensions[0].Rules = []Rule{{Columns: []string{"place", "units"}, Join: "-", Blank: "_U"}}
		}, "2016,,F,1,\n2016,AFR,F,1,U\n", []string{"2016 _U,F 1"}, "counted 1, quarantined 1, row 3 place: unknown label (place, units)"},
		"three columns": {place(Rule{Columns: []string{"place", "units", "sex"}, Join: "/", Codes: map[string]string{"a/b/F": "TD", "a/b/M": "NE", "b/a/F": "FR"}}),
			"2016,a,F,1,b\n2016,a,M,2,b\n2016,b,F,3,a\n2016,a,F,4,b\n",
			[]string{"2016 TD,F 1", "2016 NE,M 2", "2016 FR,F 3", "2016 TD,F 4"}, "counted 4"},
		"regex": {place(Rule{Column: "place", Regex: `^(.*?)\s*\*?$`}),
			"2016,Chad*,F,1,\n2016,niger  *,F,2,\n2016,TD,F,3,\n", []string{"2016 TD,F 1", "2016 NE,F 2", "2016 TD,F 3"}, "counted 3"},
		"regex without a match": {place(Rule{Column: "place", Regex: `^\d+ (\w+)$`, Blank: "_U"}),
			"2016,12 Chad,F,1,\n2016,Chad,F,2,\n2016,,F,3,\n", []string{"2016 TD,F 1", "2016 _U,F 3"}, "counted 2, quarantined 1, row 3 place: unknown label (place)"},
		"regex, empty group": {place(Rule{Column: "place", Regex: `^(.*?)!?$`, Blank: "ATA", Unknown: "_U"}),
			"2016,!,F,1,\n2016,x!,F,2,\n", []string{"2016 ATA,F 1", "2016 _U,F 2"}, "counted 2"},
		"else": {func(m *Mapping) {
			m.Dimensions[0].Unknown, m.Dimensions[1].Unknown = true, true
			m.Dimensions[0].Rules = []Rule{{Column: "units", Codes: map[string]string{"In Africa": "AFR/_U"}, Else: "_T", Blank: "_T"}}
			m.Dimensions[1].Rules = []Rule{{Column: "units", Codes: map[string]string{"Girls": "F"}, Else: "_T"}}
		}, "2016,,,1,in africa\n2016,,,2,Girls\n2016,,,3,Male\n2016,,,4,Chad\n2016,,,5,other\n2016,,,6,\n",
			[]string{"2016 AFR/_U,_U 1", "2016 _U,F 2", "2016 _U,M 3", "2016 TD,_U 4"},
			"counted 4, quarantined 2, row 6 place: unknown label (units), row 7 sex: blank (units)"},
		"else, of answers": {func(m *Mapping) {
			m.Dimensions[0].Rules = []Rule{{Column: "units", Else: "TD"}}
			m.Dimensions[1].Rules = []Rule{{Column: "units", Split: ";", Blank: "F", Many: "M", Unknown: "F"}}
			m.Dimensions = append(m.Dimensions, Dimension{Name: "girls", List: mustList(t, "yesno.csv", yesNoCSV), Rules: []Rule{{Column: "units", Split: ";", Has: "Female"}}})
		}, "2016,,,1,Female;Male\n2016,,,2,Niger\n2016,,,3,yes\n2016,,,4,x\n", []string{"2016 TD,M,yes 1", "2016 NE,F,no 2"},
			"counted 2, quarantined 2, row 4 place: unknown label (units), row 5 place: unknown label (units)"},
		"else without list": {func(m *Mapping) {
			m.Dimensions[0].Rules = []Rule{{Column: "units", Else: "_T", Unknown: "_U"}}
			m.Dimensions[1].Rules = []Rule{{Column: "units", Codes: map[string]string{"Girls": "F"}, NoList: true, Else: "_T"}}
		}, "2016,,,1,Girls\n2016,,,2,Female\n", []string{"2016 _U,F 1"}, "counted 1, quarantined 1, row 3 sex: unknown label (units)"},
		"else, the label of the period": {func(m *Mapping) {
			m.Period = Period{Column: "year", Regex: `^x?(.*)$`, Codes: map[string]string{"ago": "2013"}}
			m.Dimensions[0].Rules = []Rule{{Column: "year", Else: "TD"}}
		}, "xAgo,,F,1,\n2016,,F,2,\n", []string{"2013 TD,F 1"}, "counted 1, quarantined 1, row 3 place: unknown label (year)"},
		"split": {place(Rule{Column: "place", Split: ";"}),
			"2016,Chad,F,1,\n2016,Chad; TD ;,F,2,\n2016,Chad;NE,F,3,\n2016,Chad;x,F,4,\n2016,;,F,5,\n2016,Chad;Chad;Niger,F,6,\n",
			[]string{"2016 TD,F 1", "2016 TD,F 2"},
			"counted 2, quarantined 4, row 4 place: several answers (place), row 5 place: unknown label (place), row 6 place: blank (place), row 7 place: several answers (place)"},
		"split, many": {place(Rule{Column: "place", Split: " ", Many: "_U", Blank: "exclude", Unknown: "ATA", Codes: map[string]string{"n": "NE", "TD FR": "FR", "none": "exclude"}}),
			"2016,TD NE,F,1,\n2016,n NE,F,2,\n2016,td  fr,F,3,\n2016,,F,4,\n2016,x y,F,5,\n2016,none,F,6,\n2016,none TD,F,7,\n",
			[]string{"2016 _U,F 1", "2016 NE,F 2", "2016 FR,F 3", "2016 ATA,F 5", "2016 _U,F 7"}, "counted 5, excluded 2"},
		"split, has": {func(m *Mapping) {
			m.Dimensions[0].List = mustList(t, "yesno.csv", yesNoCSV)
			m.Dimensions[0].Rules = []Rule{{Column: "units", Split: ";", Has: "Female", Blank: "_U"}}
		}, "2016,,F,1,male;FEMALE \n2016,,F,2,Male\n2016,,F,3,\n2016,,F,4,x\n2016,,F,5,Females\n",
			[]string{"2016 yes,F 1", "2016 no,F 2", "2016 _U,F 3", "2016 no,F 4", "2016 no,F 5"}, "counted 5"},
		"X/_U of X without parts": {place(Rule{Column: "place", Codes: map[string]string{"somewhere in Chad": "TD/_U"}}),
			"2016,Somewhere in Chad,F,1,\n2016,TD,F,2,\n2016,NE/_U,F,3,\n", []string{"2016 TD,F 1", "2016 TD,F 2", "2016 NE,F 3"}, "counted 3"},
	} {
		t.Run(name, c.run)
	}
}

// TestPeriodRules: what a period's rule may say beside formats.
func TestPeriodRules(t *testing.T) {
	period := func(p Period) func(*Mapping) { return func(m *Mapping) { m.Period = p } }
	for name, c := range map[string]languageCase{
		"regex that takes no other text": {period(Period{Column: "year", Regex: `^FY (\d{4})$`}), "FY 2016,TD,F,1,\n2016,TD,F,2,\n",
			[]string{"2016 TD,F 1"}, "counted 1, quarantined 1, row 3 period: bad (year)"},
		"regex": {period(Period{Column: "units", Regex: `(\d{4})$`}), "x,TD,F,1,Table 3: 2016\nx,TD,F,2,2016 table\nx,TD,F,3,\n",
			[]string{"2016 TD,F 1"}, "counted 1, quarantined 2, row 3 period: bad (units), row 4 period: blank (units)"},
		"columns": {period(Period{Columns: []string{"year", "units"}, Join: "-", Formats: []string{"yyyy-MM"}, Blank: "exclude"}),
			"2016,TD,F,1,3\n2016,TD,F,2,13\n,TD,F,3,\n2016,TD,F,4,\n", []string{"2016 TD,F 1"}, "counted 1, excluded 1, quarantined 2, row 3 period: bad (year, units), row 5 period: bad (year, units)"},
		"columns without join": {period(Period{Columns: []string{"year", "units"}, Formats: []string{"yyyyMM"}}), "2016,TD,F,1,03\n", []string{"2016 TD,F 1"}, "counted 1"},
		"year_of start":        {period(Period{Column: "year", Formats: []string{"yyyy/yy", "yyyy"}, YearOf: "start"}), "2016/17,TD,F,1,\n2018,TD,F,2,\n2016/18,TD,F,3,\n", []string{"2016 TD,F 1", "2018 TD,F 2"}, "counted 2, quarantined 1, row 4 period: bad (year)"},
		"year_of end":          {period(Period{Column: "year", Formats: []string{"yyyy/yy"}, YearOf: "end"}), "2016/17,TD,F,1,\n", []string{"2017 TD,F 1"}, "counted 1"},
	} {
		t.Run(name, c.run)
	}
}

// TestValueRules: what a value's rule may say.
func TestValueRules(t *testing.T) {
	value := func(v Value) func(*Mapping) {
		v.Column = "n"
		return func(m *Mapping) { m.Value = v }
	}
	small := StatusRule{Text: "<5", Is: "suppressed", Below: 5, As: 2}
	for name, c := range map[string]languageCase{
		"suppressed": {value(Value{GroupChar: ",", Status: []StatusRule{small}}), "2016,TD,F,\"1,282\",\n2016,TD,F, <5,\n2016,TD,F,0,\n",
			[]string{"2016 TD,F 1282", "2016 TD,F 2 suppressed", "2016 TD,F 0"}, "counted 3"},
		"matches, first hit": {value(Value{Status: []StatusRule{{Matches: `^<[5-9]$`, Is: "suppressed", Below: 9, As: 7}, {Matches: `^<`, Is: "suppressed", Below: 5, As: 2}}}),
			"2016,TD,F,<9,\n2016,TD,F,<5,\n2016,TD,F,<3,\n", []string{"2016 TD,F 7 suppressed", "2016 TD,F 7 suppressed", "2016 TD,F 2 suppressed"}, "counted 3"},
		"rounded, noised, zero, no value": {value(Value{Status: []StatusRule{{Text: "5", Is: "rounded", Base: 5}, {Text: "-", Is: "zero"}, {Text: "NA", Is: "not_collected"}, {Text: "..", Is: "missing"},
			{When: isIn("units", "dp"), Is: "noised"}}}),
			"2016,TD,F,5,\n2016,TD,F,5.0,\n2016,TD,F,-,\n2016,TD,F,na,\n2016,TD,F,..,dp\n2016,TD,F,7,DP\n2016,TD,F,5,dp\n",
			[]string{"2016 TD,F 5 rounded", "2016 TD,F 5", "2016 TD,F 0 zero", "2016 TD,F 7 noised", "2016 TD,F 5 rounded"}, "counted 5, no_value 2"},
		"when, before a text": {value(Value{Status: []StatusRule{{When: isIn("units", "s"), Is: "suppressed", Below: 5, As: 1}, small, {When: isIn("units", "m"), Is: "missing"}}}),
			"2016,TD,F,<5,s\n2016,TD,F,<5,m\n2016,TD,F,7,m\n2016,TD,F,,s\n2016,TD,F,3,\n2016,TD,F,x,m\n",
			[]string{"2016 TD,F 1 suppressed", "2016 TD,F 2 suppressed", "2016 TD,F 1 suppressed", "2016 TD,F 3"}, "counted 4, no_value 2"},
		"numbers that were never counts": {value(Value{Status: []StatusRule{{Text: "-99", Is: "missing"}, {Text: "0", Is: "missing"}, {Matches: `^[34]$`, Is: "suppressed", Below: 5, As: 2}, {Matches: "^0+$", Is: "zero"}}}),
			"2016,TD,F,-99,\n2016,TD,F,0,\n2016,TD,F,4,\n2016,TD,F,00,\n", []string{"2016 TD,F 2 suppressed", "2016 TD,F 0 zero"}, "counted 2, no_value 2"},
		"blank suppressed": {value(Value{Blank: "suppressed", BlankBelow: 10, BlankAs: 5, Scale: 10}), "2016,TD,F,,\n2016,TD,F,3,\n", []string{"2016 TD,F 50 suppressed", "2016 TD,F 30"}, "counted 2"},
		"blank zero":       {value(Value{Blank: "zero", Status: []StatusRule{small}}), "2016,TD,F,,\n", []string{"2016 TD,F 0 zero"}, "counted 1"},
		"regex": {value(Value{Regex: `^(\d+)\*?$`, Status: []StatusRule{small, {Text: "n/a", Is: "missing"}}, Blank: "missing"}),
			"2016,TD,F,12*,\n2016,TD,F,<5,\n2016,TD,F,N/A,\n2016,TD,F,,\n", []string{"2016 TD,F 12", "2016 TD,F 2 suppressed"}, "counted 2, no_value 2"},
		"decimal_char": {value(Value{DecimalChar: ",", GroupChar: "."}), "2016,TD,F,\"1.282,0\",\n2016,TD,F,\"7,\",\n2016,TD,F,1e2,\n",
			[]string{"2016 TD,F 1282", "2016 TD,F 7", "2016 TD,F 100"}, "counted 3"},
		"scale": {value(Value{Scale: 1000, Status: []StatusRule{small}}), "2016,TD,F,12,\n2016,TD,F,<5,\n2016,TD,F,0,\n",
			[]string{"2016 TD,F 12000", "2016 TD,F 2000 suppressed", "2016 TD,F 0"}, "counted 3"},
		"duplicates keep the status of which less is known": {func(m *Mapping) {
			m.Value, m.KeyRow, m.Duplicates = Value{Column: "n", Status: []StatusRule{small, {Text: "-", Is: "zero"}, {Text: "5", Is: "rounded", Base: 5}}}, false, "sum"
		}, "2016,TD,F,3,\n2016,TD,F,<5,\n2016,NE,F,-,\n2016,NE,F,-,\n2016,FR,F,-,\n2016,FR,F,3,\n2016,ATA,F,5,\n2016,ATA,F,<5,\n",
			[]string{"2016 TD,F 5 suppressed", "2016 NE,F 0 zero", "2016 FR,F 3", "2016 ATA,F 7 suppressed"}, "counted 4, merged_duplicate 4"},
		"the largest of duplicates has its own status": {func(m *Mapping) {
			m.Value, m.KeyRow, m.Duplicates = Value{Column: "n", Status: []StatusRule{small}}, false, "max"
		}, "2016,TD,F,3,\n2016,TD,F,<5,\n2016,NE,F,<5,\n2016,NE,F,9,\n2016,FR,F,<5,\n2016,FR,F,2,\n",
			[]string{"2016 TD,F 3", "2016 NE,F 9", "2016 FR,F 2 suppressed"}, "counted 3, merged_duplicate 3"},
	} {
		t.Run(name, c.run)
	}
}

// TestValueStops: what a declared value stops at.
func TestValueStops(t *testing.T) {
	for name, c := range map[string]struct {
		v    Value
		rows string
		want string
	}{
		"text not declared":       {Value{Status: []StatusRule{{Text: "<5", Is: "suppressed", Below: 5}}}, "2016,TD,F,<6,\n", "1 value is neither a number nor declared"},
		"fraction":                {Value{Status: []StatusRule{{Text: "<5", Is: "suppressed", Below: 5}}}, "2016,TD,F,1.5,\n", "1 value has a fraction"},
		"fraction with a status":  {Value{Status: []StatusRule{{Matches: `\.`, Is: "missing"}}}, "2016,TD,F,1.5,\n", "1 value has a fraction"},
		"fraction in the file's":  {Value{DecimalChar: ","}, "2016,TD,F,\"1,5\",\n", "1 value has a fraction"},
		"point is no decimal":     {Value{DecimalChar: ","}, "2016,TD,F,1.5,\n", "neither a number nor declared"},
		"fraction before a scale": {Value{Scale: 1000}, "2016,TD,F,1.5,\n", "1 value has a fraction"},
		"huge by a scale":         {Value{Scale: 1000}, "2016,TD,F,1099511628,\n", "1 value is larger than any count"},
		"regex without a match":   {Value{Regex: `^(\d+)\*$`}, "2016,TD,F,12,\n", "neither a number nor declared"},
		"blank":                   {Value{Status: []StatusRule{{Text: "x", Is: "missing"}}}, "2016,TD,F,,\n", "1 value is blank"},
		"rounded blank":           {Value{Status: []StatusRule{{When: isIn("units", "r"), Is: "rounded", Base: 5}}}, "2016,TD,F,,r\n", "1 value is blank"},
		"number dropped":          {Value{Status: []StatusRule{{Matches: "^9", Is: "missing"}}}, "2016,TD,F,99,\n2016,TD,F,9,\n", "2 numbers have a declared status that would drop or change them"},
		"number made zero":        {Value{Status: []StatusRule{{When: isIn("units", "z"), Is: "zero"}}}, "2016,TD,F,4,z\n", "1 number has a declared status that would drop or change it"},
		"number over the limit":   {Value{Status: []StatusRule{{When: isIn("units", "s"), Is: "suppressed", Below: 5, As: 2}}}, "2016,TD,F,4,s\n2016,TD,F,5,s\n", "1 number has a declared status"},
		"out of bounds":           {Value{Scale: 10, Status: []StatusRule{{Text: "<5", Is: "suppressed", Below: 5, As: 2}}}, "2016,TD,F,<5,\n2016,TD,F,11,\n", "1 value lies outside `bounds`"},
	} {
		t.Run(name, func(t *testing.T) {
			h, rows := readCSV(t, "year,place,sex,n,units\n"+c.rows)
			m := simple(t)
			m.Value, m.Bounds.Max = c.v, ptr(1<<40)
			m.Value.Column = "n"
			if name == "out of bounds" {
				m.Bounds.Max = ptr(100)
			}
			_, _, err := runRows(New(m, since(t, "2012"), "year", nil), m, h, rows, 9)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// TestGivenColumns: what is known of a row besides its cells (@file, @column) is read like a
// column, and makes no blank row one with text.
func TestGivenColumns(t *testing.T) {
	m := simple(t)
	m.Period = Period{Column: "@file", Codes: map[string]string{"in.csv": "2016"}}
	h, rows := readCSV(t, "place,sex,n\nTD,F,3\nNE,F,4\n,,\n")
	got, r, err := runRows(New(m, since(t, "2012"), "year", nil), m, h, rows, 9)
	if err != nil || len(got) != 2 || got[0].period != "2016" || got[1].period != "2016" || r.Blank != 1 || r.Read != 2 {
		t.Errorf("got %v, %+v, %v", got, r, err)
	}
}

// TestUnusedOfLanguage: literals of all parts of the language that no row met.
func TestUnusedOfLanguage(t *testing.T) {
	m := simple(t)
	m.Dimensions[0].Rules = []Rule{{When: isIn("units", "a", "b"), Column: "place", Split: ";", Codes: map[string]string{"x": "TD", "y": "NE"}}, {Const: "TD"}}
	m.Value.Status = []StatusRule{{Text: "<5", Is: "suppressed", Below: 5}, {Text: "<9", Is: "suppressed", Below: 9}, {When: isIn("sex", "?"), Is: "missing"}}
	h, rows := readCSV(t, "year,place,sex,n,units\n2016,x;x,F,<5,a\n2016,,F,1,c\n")
	_, r, err := runRows(New(m, since(t, "2012"), "year", nil), m, h, rows, 1)
	want := []string{`map.place when units: "b"`, `map.place: "y"`, `map.value: "<9"`, `map.value when sex: "?"`}
	if err != nil || !slices.Equal(r.Unused, want) {
		t.Errorf("got %q, %v, want %q", r.Unused, err, want)
	}
}

// TestUnknownIsCounted: rows of which only `unknown` took a label, in answers too.
func TestUnknownIsCounted(t *testing.T) {
	m := simple(t)
	m.Dimensions[0].Rules = []Rule{{Column: "place", Split: ";", Many: "ATA", Unknown: "_U"}}
	h, rows := readCSV(t, "year,place,sex,n\n2016,Mars,F,1\n2016,Mars;Mars,F,1\n2016,Mars;TD,F,1\n2016,TD,F,1\n")
	_, r, err := runRows(New(m, since(t, "2012"), "year", nil), m, h, rows, 1)
	if err != nil || r.Unknown["place"] != 2 {
		t.Errorf("got %v, %v, want 2 of place", r.Unknown, err)
	}
}
