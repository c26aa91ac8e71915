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
	for _, good := range []string{"_T", "_U", "AFR", "AFR/_U", "TD", "TD/_U", "exclude"} {
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
		"code":            {codes("x", "XX"), `map.place.codes.x: "XX" is no code of places.csv`},
		"unknown of none": {codes("x", "XX/_U"), `"XX/_U" is no code`},
		"label as code":   {codes("x", "Chad"), `"Chad" is no code`},
		"empty code":      {codes("x", ""), `map.place.codes.x: "" is no code`},
		"same label": {func(m *Mapping) { m.Dimensions[0].Rules[0].Codes = map[string]string{"Aged": "TD", "AGED ": "NE"} },
			"is the same label as"},
		"blank":            {func(m *Mapping) { m.Dimensions[0].Rules[0].Blank = "XX" }, "map.place.blank: "},
		"unknown":          {func(m *Mapping) { m.Dimensions[0].Rules[0].Unknown = "XX" }, "map.place.unknown: "},
		"const":            {func(m *Mapping) { m.Dimensions[0].Rules[0] = Rule{Const: "XX"} }, "map.place.const: "},
		"const exclude":    {func(m *Mapping) { m.Dimensions[0].Rules[0] = Rule{Const: "exclude"} }, "map.place: a constant"},
		"const and blank":  {func(m *Mapping) { m.Dimensions[0].Rules[0] = Rule{Const: "TD", Blank: "TD"} }, "map.place: a constant"},
		"const and column": {func(m *Mapping) { m.Dimensions[0].Rules[0].Const = "TD" }, "map.place: is missing: want a column, several columns or a constant"},
		"const and codes":  {func(m *Mapping) { m.Dimensions[0].Rules[0] = Rule{Const: "TD", Codes: map[string]string{"a": "TD"}} }, "codes are for a column"},
		"nothing known":    {func(m *Mapping) { m.Dimensions[0].Rules[0].NoList = true }, "leaves no label known"},
		"two rules":        {func(m *Mapping) { m.Dimensions[0].Rules = []Rule{{Column: "a"}, {Column: "b"}} }, "map.place.1: applies to every row"},
		"empty rules":      {func(m *Mapping) { m.Dimensions[0].Rules = make([]Rule, 1) }, "map.place: is missing"},
		"rule's when": {func(m *Mapping) {
			m.Dimensions[0].Rules = []Rule{{When: []Predicate{{{Column: "a"}}}, Column: "place"}}
		}, "map.place.when.a: want a column and one of"},
		"value in a when":    {func(m *Mapping) { m.Dimensions[0].Rules = []Rule{{When: isIn("n", "1"), Column: "place"}} }, `map.place.when.n: column "n" is the value`},
		"value in columns":   {func(m *Mapping) { m.Dimensions[0].Rules = []Rule{{Columns: []string{"place", "n"}, Join: "|"}} }, `map.place: column "n" is the value`},
		"value in status":    {func(m *Mapping) { m.Value.Status = []StatusRule{{When: isIn("n", "1"), Is: "missing"}} }, `map.value.status.1.when.n: column "n" is the value`},
		"column and columns": {func(m *Mapping) { m.Dimensions[0].Rules[0].Columns = []string{"a", "b"} }, "map.place: is missing: want a column"},
		"columns of none":    {func(m *Mapping) { m.Dimensions[0].Rules[0] = Rule{Columns: []string{}} }, "map.place: is missing: want a column"},
		"columns twice":      {func(m *Mapping) { m.Dimensions[0].Rules[0] = Rule{Columns: []string{"a", "a"}} }, "map.place.columns: a column stands twice"},
		"join alone":         {func(m *Mapping) { m.Dimensions[0].Rules[0].Join = "|" }, "map.place.join: goes with columns"},
		"regex":              {func(m *Mapping) { m.Dimensions[0].Rules[0].Regex = "(" }, "map.place.regex: error parsing regexp"},
		"regex of no group":  {func(m *Mapping) { m.Dimensions[0].Rules[0].Regex = "^a" }, "map.place.regex: has no group"},
		"else":               {func(m *Mapping) { m.Dimensions[0].Rules[0].Else = "XX" }, "map.place.else: "},
		"many":               {func(m *Mapping) { m.Dimensions[0].Rules[0].Split, m.Dimensions[0].Rules[0].Many = ";", "XX" }, "map.place.many: "},
		"many alone":         {func(m *Mapping) { m.Dimensions[0].Rules[0].Many = "_U" }, "map.place: many and has go with split"},
		"has alone":          {func(m *Mapping) { m.Dimensions[0].Rules[0].Has = "x" }, "map.place: many and has go with split"},
		"has of no yes":      {func(m *Mapping) { m.Dimensions[0].Rules[0].Split, m.Dimensions[0].Rules[0].Has = ";", "x" }, `map.place.has: the code list places.csv has no code or label "yes"`},
		"has and unknown":    {func(m *Mapping) { m.Dimensions[0].Rules[0] = Rule{Column: "a", Split: ";", Has: "x", Unknown: "_U"} }, "map.place.has: decides yes or no"},
		"split by tabs":      {func(m *Mapping) { m.Dimensions[0].Rules[0].Split = "\t" }, "map.place.split: runs of white space"},
		"const and when":     {func(m *Mapping) { m.Dimensions[0].Rules = []Rule{{When: isIn("a", "b"), Const: "TD", Regex: "(x)"}} }, "map.place: a constant is a code, and needs nothing"},
		"second rule's code": {func(m *Mapping) {
			m.Dimensions[0].Rules = []Rule{{When: isIn("a", "b"), Const: "TD"}, {Column: "a", Blank: "XX"}}
		}, "map.place.2.blank: "},
		"year_of":            {func(m *Mapping) { m.Period.YearOf = "both" }, "map.period.year_of: want start or end"},
		"year_of alone":      {func(m *Mapping) { m.Period.YearOf = "end" }, "map.period.format: `year_of` goes with a format of two years"},
		"period regex":       {func(m *Mapping) { m.Period.Regex = "x" }, "map.period.regex: has no group"},
		"period const regex": {func(m *Mapping) { m.Period = Period{Const: "2016", Regex: "(x)"} }, "map.period.regex: is for a column"},
		"value regex":        {func(m *Mapping) { m.Value.Regex = "x" }, "map.value.regex: has no group"},
		"decimal":            {func(m *Mapping) { m.Value.DecimalChar = "5" }, "map.value.decimal_char: want one character"},
		"decimal and group":  {func(m *Mapping) { m.Value.DecimalChar, m.Value.GroupChar = ",", "," }, "map.value.decimal_char: the same character"},
		"scale":              {func(m *Mapping) { m.Value.Scale = -1 }, "map.value.scale: want a whole number"},
		"status of nothing":  {func(m *Mapping) { m.Value.Status = []StatusRule{{Is: "zero"}} }, "map.value.status.1: want one of text, matches and when"},
		"status of two":      {func(m *Mapping) { m.Value.Status = []StatusRule{{Is: "zero", Text: "-", Matches: "-"}} }, "map.value.status.1: want one of"},
		"status word":        {func(m *Mapping) { m.Value.Status = []StatusRule{{Text: "-", Is: "nil"}} }, "map.value.status.1.is: want suppressed"},
		"status matches":     {func(m *Mapping) { m.Value.Status = []StatusRule{{Matches: "(", Is: "zero"}} }, "map.value.status.1.matches: error parsing regexp"},
		"status when":        {func(m *Mapping) { m.Value.Status = []StatusRule{{When: []Predicate{{}}, Is: "zero"}} }, "map.value.status.1.when: a predicate without a test"},
		"no below":           {func(m *Mapping) { m.Value.Status = []StatusRule{{Text: "x", Is: "suppressed"}} }, "map.value.status.1.below: want"},
		"as":                 {func(m *Mapping) { m.Value.Status = []StatusRule{{Text: "x", Is: "suppressed", Below: 5, As: 5}} }, "map.value.status.1.as: want"},
		"no base":            {func(m *Mapping) { m.Value.Status = []StatusRule{{Text: "x", Is: "rounded"}} }, "map.value.status.1.base: want"},
		"base of another":    {func(m *Mapping) { m.Value.Status = []StatusRule{{Text: "x", Is: "zero", Base: 5}} }, "map.value.status.1: below and as go with suppressed"},
		"below of another":   {func(m *Mapping) { m.Value.Status = []StatusRule{{Text: "x", Is: "rounded", Base: 5, Below: 5}} }, "map.value.status.1: below and as go with suppressed"},
		"a count is missing": {func(m *Mapping) { m.Value.Status = []StatusRule{{Text: "17", Is: "missing"}} }, "map.value.status.1.text: is a number that could be a count"},
		"a count is zero":    {func(m *Mapping) { m.Value.Status = []StatusRule{{Text: "1", Is: "zero"}} }, "map.value.status.1.text: is a number"},
		"over the limit":     {func(m *Mapping) { m.Value.Status = []StatusRule{{Text: "5", Is: "suppressed", Below: 5}} }, "map.value.status.1.text: is a number"},
		"within bounds":      {func(m *Mapping) { m.Value.Status, m.Bounds.Min = []StatusRule{{Text: "-9", Is: "missing"}}, ptr(-20) }, "map.value.status.1.text: is a number"},
		"a fraction":         {func(m *Mapping) { m.Value.Status = []StatusRule{{Text: "0.5", Is: "zero"}} }, "map.value.status.1.text: is a fraction"},
		"blank rounded":      {func(m *Mapping) { m.Value.Blank = "rounded" }, "map.value.blank: want exclude, missing, not_collected, zero or suppressed"},
		"blank suppressed":   {func(m *Mapping) { m.Value.Blank = "suppressed" }, "map.value.blank.below: want"},
		"const and status":   {func(m *Mapping) { m.Value = Value{Const: 1, Status: []StatusRule{{Text: "x", Is: "zero"}}} }, "map.value: group_char, blank and status are for a column"},
		"no list":            {func(m *Mapping) { m.Dimensions[0].List = codelist.List{} }, "no code list"},
		"dimension twice":    {func(m *Mapping) { m.Dimensions[1].Name = "place" }, "map.place: the dimension stands twice"},
		"no unit":            {func(m *Mapping) { m.Unit = Unit{} }, "map.unit: is missing"},
		"unit without codes": {func(m *Mapping) { m.Unit = Unit{Column: "units"} }, "map.unit: a column needs codes"},
		"unit unnamed":       {func(m *Mapping) { m.Unit = Unit{Column: "units", Codes: map[string]string{"a": ""}} }, "map.unit.codes.a: names no unit"},
		"no period":          {func(m *Mapping) { m.Period = Period{} }, "map.period: is missing"},
		"format":             {func(m *Mapping) { m.Period.Formats = []string{"YYYY"} }, "map.period.format: YYYY: not a format"},
		"fiscal years":       {func(m *Mapping) { m.Period.Formats = []string{"yyyy/yy"} }, "map.period.format: yyyy/yy: has two years"},
		"period const":       {func(m *Mapping) { m.Period = Period{Const: "last year"} }, "is no period of the format"},
		"period codes":       {func(m *Mapping) { m.Period.Codes = map[string]string{"a": "2016/17"} }, `map.period.codes.a: "2016/17" is not a period`},
		"period blank":       {func(m *Mapping) { m.Period.Blank = "2016" }, "map.period.blank: want exclude"},
		"no value":           {func(m *Mapping) { m.Value = Value{} }, "map.value: is missing"},
		"two values":         {func(m *Mapping) { m.Value.Const = 1 }, "map.value: want a column or a constant"},
		"value const":        {func(m *Mapping) { m.Value = Value{Const: -1} }, "map.value: the constant lies outside the bounds"},
		"value const blank":  {func(m *Mapping) { m.Value = Value{Const: 1, Blank: "zero"} }, "map.value: group_char, blank and status are for a column"},
		"group":              {func(m *Mapping) { m.Value.GroupChar = ", " }, "map.value.group_char: want one character"},
		"group digit":        {func(m *Mapping) { m.Value.GroupChar = "0" }, "map.value.group_char: want one character"},
		"value blank":        {func(m *Mapping) { m.Value.Blank = "unknown" }, "map.value.blank: want exclude"},
		"where":              {func(m *Mapping) { m.Where = []Predicate{{{Column: "a"}}} }, "where.a: want a column and one of"},
		"where both":         {func(m *Mapping) { m.Where = []Predicate{{{Column: "a", In: []string{"x"}, Matches: "x"}}} }, "where.a: want a column and one of"},
		"where expression":   {func(m *Mapping) { m.Where = []Predicate{{{Column: "a", Matches: "("}}} }, "where.a: error parsing regexp"},
		"where nothing":      {func(m *Mapping) { m.Where = []Predicate{{}} }, "where: a predicate without a test"},
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
	m.Dimensions[0].Rules = []Rule{{When: isIn("level", "x"), Const: "TD"}, {Column: "place"}, {Columns: []string{"a", "place", "b"}}}
	m.Dimensions[1].Rules[0] = Rule{Const: "F"}
	m.Value.Status = []StatusRule{{When: isIn("flag", "x"), Is: "missing"}}
	if want := []string{"kind", "year", "units", "level", "place", "a", "b", "n", "flag", "id"}; !reflect.DeepEqual(m.Columns(), want) {
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

// TestDigestStays: a mapping of the first version has the digest that charges were
// pinned by.
func TestDigestStays(t *testing.T) {
	m := simple(t)
	m.Where = []Predicate{{{Column: "kind", In: []string{"x"}}, {Column: "year", NotIn: []string{""}}}, {{Column: "a", Matches: "^b"}}}
	m.Unit = Unit{Column: "units", Codes: map[string]string{"n": "count", "%": "percent"}}
	m.Period = Period{Column: "year", Formats: []string{"yyyy"}, Codes: map[string]string{"last": "2019"}, Blank: "exclude"}
	m.Value = Value{Column: "n", GroupChar: ",", Blank: "missing"}
	m.Dimensions[0].Rules[0] = Rule{Column: "place", Codes: map[string]string{"a": "TD", "b": "AFR/_U"}, NoList: true, Blank: "_U", Unknown: "exclude"}
	m.Dimensions[1].Rules[0] = Rule{Const: "F"}
	m.Bounds.Max = ptr(9)
	m.KeyRow, m.Duplicates, m.Key = false, "sum", []string{"id"}
	if got := m.Digest(); got != "8db59fe6adea85eca0d42e0bfd062ad2067d057a00516e735c5d9b0f681f57b3" {
		t.Errorf("the digest is %s", got)
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
		"columns": func(m *Mapping) {
			m.Dimensions[0].Rules[0].Column, m.Dimensions[0].Rules[0].Columns = "", []string{"a", "b"}
		},
		"join": func(m *Mapping) {
			m.Dimensions[0].Rules[0].Column, m.Dimensions[0].Rules[0].Columns, m.Dimensions[0].Rules[0].Join = "", []string{"a", "b"}, "|"
		},
		"when":          func(m *Mapping) { m.Dimensions[0].Rules[0].When = isIn("a", "b") },
		"second rule":   func(m *Mapping) { m.Dimensions[0].Rules = append(m.Dimensions[0].Rules, Rule{Const: "TD"}) },
		"regex":         func(m *Mapping) { m.Dimensions[0].Rules[0].Regex = "(a)" },
		"else":          func(m *Mapping) { m.Dimensions[0].Rules[0].Else = "TD" },
		"split":         func(m *Mapping) { m.Dimensions[0].Rules[0].Split = ";" },
		"many":          func(m *Mapping) { m.Dimensions[0].Rules[0].Many = "TD" },
		"has":           func(m *Mapping) { m.Dimensions[0].Rules[0].Has = "TD" },
		"year_of":       func(m *Mapping) { m.Period.YearOf = "end" },
		"period regex":  func(m *Mapping) { m.Period.Regex = "(a)" },
		"period join":   func(m *Mapping) { m.Period.Columns, m.Period.Join = []string{"a"}, "-" },
		"period cols":   func(m *Mapping) { m.Period.Columns = []string{"a"} },
		"decimal":       func(m *Mapping) { m.Value.DecimalChar = "," },
		"scale":         func(m *Mapping) { m.Value.Scale = 2 },
		"value regex":   func(m *Mapping) { m.Value.Regex = "(a)" },
		"blank below":   func(m *Mapping) { m.Value.BlankBelow = 5 },
		"blank as":      func(m *Mapping) { m.Value.BlankAs = 5 },
		"status":        func(m *Mapping) { m.Value.Status = []StatusRule{{Text: "a", Is: "suppressed", Below: 5, As: 2}} },
		"status as":     func(m *Mapping) { m.Value.Status = []StatusRule{{Text: "a", Is: "suppressed", Below: 5, As: 3}} },
		"status below":  func(m *Mapping) { m.Value.Status = []StatusRule{{Text: "a", Is: "suppressed", Below: 6, As: 2}} },
		"status base":   func(m *Mapping) { m.Value.Status = []StatusRule{{Text: "a", Is: "rounded", Base: 5}} },
		"status match":  func(m *Mapping) { m.Value.Status = []StatusRule{{Matches: "a", Is: "rounded", Base: 5}} },
		"status when":   func(m *Mapping) { m.Value.Status = []StatusRule{{When: isIn("a", "b"), Is: "rounded", Base: 5}} },
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
