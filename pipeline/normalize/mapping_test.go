package normalize

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"halftone/pipeline/codelist"
)

func TestCheck(t *testing.T) {
	if err := simple(t).Check(); err != nil {
		t.Fatal(err)
	}
	codes := func(label, code string) func(*Mapping) {
		return func(m *Mapping) { m.Dimensions[0].Rules[0].Codes = map[string]string{label: code} }
	}
	for _, good := range []string{"_T", "_U", "AFR", "AFR/_U", "TD", "exclude"} {
		m := simple(t)
		codes("x", good)(&m)
		if err := m.Check(); err != nil {
			t.Errorf("code %s: %v", good, err)
		}
	}
	for name, c := range map[string]struct {
		set  func(*Mapping)
		want string
	}{
		"code":              {codes("x", "XX"), `map.place.codes.x: "XX" is no code of places.csv`},
		"unknown of a leaf": {codes("x", "TD/_U"), `"TD/_U" is no code`},
		"label as code":     {codes("x", "Chad"), `"Chad" is no code`},
		"empty code":        {codes("x", ""), `map.place.codes.x: "" is no code`},
		"same label": {func(m *Mapping) { m.Dimensions[0].Rules[0].Codes = map[string]string{"Aged": "TD", "AGED ": "NE"} },
			"is the same label as"},
		"blank":              {func(m *Mapping) { m.Dimensions[0].Rules[0].Blank = "XX" }, "map.place.blank: "},
		"unknown":            {func(m *Mapping) { m.Dimensions[0].Rules[0].Unknown = "XX" }, "map.place.unknown: "},
		"const":              {func(m *Mapping) { m.Dimensions[0].Rules[0] = Rule{Const: "XX"} }, "map.place.const: "},
		"const exclude":      {func(m *Mapping) { m.Dimensions[0].Rules[0] = Rule{Const: "exclude"} }, "map.place: a constant"},
		"const and blank":    {func(m *Mapping) { m.Dimensions[0].Rules[0] = Rule{Const: "TD", Blank: "TD"} }, "map.place: a constant"},
		"const and column":   {func(m *Mapping) { m.Dimensions[0].Rules[0].Const = "TD" }, "map.place: is missing: want a column or a constant"},
		"const and codes":    {func(m *Mapping) { m.Dimensions[0].Rules[0] = Rule{Const: "TD", Codes: map[string]string{"a": "TD"}} }, "codes are for a column"},
		"nothing known":      {func(m *Mapping) { m.Dimensions[0].Rules[0].NoList = true }, "leaves no label known"},
		"two rules":          {func(m *Mapping) { m.Dimensions[0].Rules = make([]Rule, 2) }, "map.place: a list of rules is not built yet"},
		"no list":            {func(m *Mapping) { m.Dimensions[0].List = codelist.List{} }, "no code list"},
		"dimension twice":    {func(m *Mapping) { m.Dimensions[1].Name = "place" }, "map.place: the dimension stands twice"},
		"no unit":            {func(m *Mapping) { m.Unit = Unit{} }, "map.unit: is missing"},
		"unit without codes": {func(m *Mapping) { m.Unit = Unit{Column: "units"} }, "map.unit: a column needs codes"},
		"unit unnamed":       {func(m *Mapping) { m.Unit = Unit{Column: "units", Codes: map[string]string{"a": ""}} }, "map.unit.codes.a: names no unit"},
		"no period":          {func(m *Mapping) { m.Period = Period{} }, "map.period: is missing"},
		"format":             {func(m *Mapping) { m.Period.Formats = []string{"YYYY"} }, "map.period.format: YYYY: not a format"},
		"fiscal years":       {func(m *Mapping) { m.Period.Formats = []string{"yyyy/yy"} }, "map.period.format: yyyy/yy: "},
		"period const":       {func(m *Mapping) { m.Period = Period{Const: "last year"} }, "is no period of the format"},
		"period codes":       {func(m *Mapping) { m.Period.Codes = map[string]string{"a": "2016/17"} }, `map.period.codes.a: "2016/17" is not a period`},
		"period blank":       {func(m *Mapping) { m.Period.Blank = "2016" }, "map.period.blank: want exclude"},
		"no value":           {func(m *Mapping) { m.Value = Value{} }, "map.value: is missing"},
		"two values":         {func(m *Mapping) { m.Value.Const = 1 }, "map.value: want a column or a constant"},
		"value const":        {func(m *Mapping) { m.Value = Value{Const: -1} }, "map.value: the constant lies outside the bounds"},
		"value const blank":  {func(m *Mapping) { m.Value = Value{Const: 1, Blank: "zero"} }, "map.value: group_char and blank"},
		"group":              {func(m *Mapping) { m.Value.GroupChar = ", " }, "map.value.group_char: want one character"},
		"group digit":        {func(m *Mapping) { m.Value.GroupChar = "0" }, "map.value.group_char: want one character"},
		"value blank":        {func(m *Mapping) { m.Value.Blank = "unknown" }, "map.value.blank: want exclude"},
		"where":              {func(m *Mapping) { m.Where = []Predicate{{{Column: "a"}}} }, "where.a: want a column and one of"},
		"where both":         {func(m *Mapping) { m.Where = []Predicate{{{Column: "a", In: []string{"x"}, Matches: "x"}}} }, "where.a: want a column and one of"},
		"where expression":   {func(m *Mapping) { m.Where = []Predicate{{{Column: "a", Matches: "("}}} }, "where.a: error parsing regexp"},
		"where nothing":      {func(m *Mapping) { m.Where = []Predicate{{}} }, "where: a predicate without a test"},
		"later columns":      {func(m *Mapping) { m.Period.Column = "@file" }, "map.period: @file is not built yet"},
		"key and row":        {func(m *Mapping) { m.Key = []string{"a"} }, "key: want row or columns"},
		"empty key":          {func(m *Mapping) { m.KeyRow, m.Key = false, []string{} }, "key: names no column"},
		"key twice":          {func(m *Mapping) { m.KeyRow, m.Key = false, []string{"a", "a"} }, "key: a column stands twice"},
		"duplicates":         {func(m *Mapping) { m.KeyRow, m.Duplicates = false, "last" }, "duplicates: want error, sum, max or same"},
		"duplicates of rows": {func(m *Mapping) { m.Duplicates = "sum" }, "duplicates: with `key: row` no row is a duplicate"},
		"bounds":             {func(m *Mapping) { m.Bounds.Max = ptr(-1) }, "bounds: max is below min"},
		"quarantine":         {func(m *Mapping) { m.Quarantine = math.NaN() }, "quarantine: must be from 0% to 100%"},
	} {
		t.Run(name, func(t *testing.T) {
			m := simple(t)
			c.set(&m)
			err := m.Check()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			// Nothing may slip through to the data.
			if err := New(m, since(t, "2012"), "year", nil).page(page("f", 1, nil, nil, nil), nil); err == nil && m.Check() == nil {
				t.Error("the mapping is taken")
			}
		})
	}
}

func TestColumns(t *testing.T) {
	m := simple(t)
	m.Where = []Predicate{{{Column: "kind", In: []string{"x"}}, {Column: "year", NotIn: []string{""}}}}
	m.Unit = Unit{Column: "units", Codes: map[string]string{"n": "count"}}
	m.KeyRow, m.Key = false, []string{"id", "year"}
	m.Dimensions[1].Rules[0] = Rule{Const: "F"}
	if want := []string{"kind", "year", "units", "place", "n", "id"}; !reflect.DeepEqual(m.Columns(), want) {
		t.Errorf("got %v, want %v", m.Columns(), want)
	}
}

func TestMappingUnknowns(t *testing.T) {
	for name, c := range map[string]struct {
		rules   []Rule
		unknown bool
		want    []string
	}{
		"nothing named":  {[]Rule{{Column: "a", Codes: map[string]string{"x": "TD", "y": "exclude", "z": "ATA"}, Blank: "FR"}}, false, nil},
		"not mapped":     {nil, false, []string{"_T"}},
		"_T":             {[]Rule{{Column: "a", Codes: map[string]string{"x": "_T"}}}, false, []string{"_T"}},
		"_U blank":       {[]Rule{{Column: "a", Blank: "_U"}}, false, []string{"_T"}},
		"X/_U":           {[]Rule{{Column: "a", Unknown: "AFR/_U"}}, false, []string{"AFR"}},
		"X":              {[]Rule{{Column: "a", Codes: map[string]string{"x": "AFR", "y": "_U"}}}, false, []string{"AFR", "_T"}},
		"const X":        {[]Rule{{Const: "EUR"}}, false, []string{"EUR"}},
		"unknown: true":  {[]Rule{{Column: "a"}}, true, []string{"AFR", "EUR", "_T", "TD"}},
		"const, a leaf":  {[]Rule{{Const: "ATA"}}, false, nil},
		"unknown code":   {[]Rule{{Column: "a", Blank: "XX"}}, false, nil},
		"unknown: blank": {[]Rule{{Column: "a", Blank: "exclude", Unknown: "exclude"}}, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			m := simple(t)
			m.Dimensions[0].Rules, m.Dimensions[0].Unknown = c.rules, c.unknown
			u := m.Unknowns("place")
			want := map[string]bool{}
			for _, p := range c.want {
				want[p] = true
			}
			for _, p := range []string{"_T", "AFR", "EUR", "TD"} {
				if u.Has(p) != want[p] {
					t.Errorf("%s has a child _U: %v, want %v", p, u.Has(p), want[p])
				}
			}
		})
	}
	if m := simple(t); m.Unknowns("age").Has("_T") {
		t.Error("a dimension that the dataset does not have needs nothing")
	}
}

func TestDigest(t *testing.T) {
	base := simple(t)
	base.Dimensions[0].Rules[0].Codes = map[string]string{"a": "TD", "b": "NE"}
	if first, again := base.Digest(), base.Digest(); len(first) != 64 || first != again {
		t.Fatal("the digest is not one")
	}
	same := map[string]func(*Mapping){
		"name":       func(m *Mapping) { m.Source = "x" },
		"quarantine": func(m *Mapping) { m.Quarantine = 0.5 },
		"min":        func(m *Mapping) { m.Bounds.Min = ptr(0) },
		"duplicates": func(m *Mapping) { m.Duplicates = "error" },
	}
	other := map[string]func(*Mapping){
		"where":         func(m *Mapping) { m.Where = []Predicate{{{Column: "a", In: []string{"x"}}}} },
		"where not":     func(m *Mapping) { m.Where = []Predicate{{{Column: "a", NotIn: []string{"x"}}}} },
		"unit":          func(m *Mapping) { m.Unit.Const = "agencies" },
		"period":        func(m *Mapping) { m.Period.Formats = []string{"yyyy"} },
		"value":         func(m *Mapping) { m.Value.Blank = "zero" },
		"code":          func(m *Mapping) { m.Dimensions[0].Rules[0].Codes = map[string]string{"a": "TD", "b": "FR"} },
		"label":         func(m *Mapping) { m.Dimensions[0].Rules[0].Codes = map[string]string{"a": "TD", "c": "NE"} },
		"list: false":   func(m *Mapping) { m.Dimensions[0].Rules[0].NoList = true },
		"unknown: true": func(m *Mapping) { m.Dimensions[0].Unknown = true },
		"key":           func(m *Mapping) { m.KeyRow = false },
		"key columns":   func(m *Mapping) { m.KeyRow, m.Key = false, []string{"a"} },
		"sum":           func(m *Mapping) { m.Duplicates = "sum" },
		"max":           func(m *Mapping) { m.Bounds.Max = ptr(10) },
		"bound":         func(m *Mapping) { m.Bounds.Min = ptr(-10) },
	}
	seen := map[string]string{base.Digest(): "the mapping"}
	for name, change := range other {
		m := simple(t)
		m.Dimensions[0].Rules[0].Codes = map[string]string{"a": "TD", "b": "NE"}
		change(&m)
		if was, ok := seen[m.Digest()]; ok {
			t.Errorf("%s has the digest of %s", name, was)
		}
		seen[m.Digest()] = name
	}
	for name, change := range same {
		m := simple(t)
		m.Dimensions[0].Rules[0].Codes = map[string]string{"b": "NE", "a": "TD"}
		change(&m)
		if m.Digest() != base.Digest() {
			t.Errorf("%s changes the digest", name)
		}
	}
}
