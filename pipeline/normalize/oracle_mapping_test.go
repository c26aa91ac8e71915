package normalize

import (
	"errors"
	"math/rand"
	"reflect"
	"sort"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// anyMapping draws a mapping of the columns year, place, sex, n, units and id. A
// usual one is declared so that most tables do not stop.
func anyMapping(t *rapid.T, m Mapping, usual bool) Mapping {
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	m.Dimensions[0].Rules = anyRules(t, "place")
	m.Dimensions[0].Unknown = usual || rapid.Bool().Draw(t, "unknown: true")
	m.Dimensions[1].Rules = [][]Rule{nil, {{Const: "M"}}, {{Column: "sex"}}, {{Column: "sex", Blank: "_T"}}, {{Column: "sex", Unknown: "_U"}},
		{{Column: "place", Codes: map[string]string{"Girls": "F"}, Else: "_T", Unknown: "_U"}},
		{{When: isIn("units", "n", "x"), Column: "sex"}, {When: isIn("sex", ""), Const: "exclude"}, {Column: "sex", Split: ";"}},
	}[rapid.IntRange(0, 6).Draw(t, "sex")]
	m.Dimensions[1].Unknown = usual || rapid.Bool().Draw(t, "sex unknown: true")
	m.Dimensions[2].Rules = [][]Rule{nil, {{Const: "yes"}}, {{Column: "place", Split: ";", Has: "girls", Blank: "no"}}}[rapid.IntRange(0, 2).Draw(t, "girls")]
	m.Period = []Period{{Column: "year"}, {Column: "year"}, {Column: "year", Regex: `^(\d{4})`}, {Columns: []string{"year", "units"}, Join: "-", Regex: `^(.*)-[^-]*$`}}[rapid.IntRange(0, 3).Draw(t, "period")]
	if rapid.Bool().Draw(t, "unit") {
		m.Unit = Unit{Column: "units", Codes: map[string]string{"n": "count", "%": "percent", "": pick("no unit", "count", "none")}}
	}
	if rapid.Bool().Draw(t, "where") {
		m.Where = []Predicate{{{Column: "units", NotIn: []string{"%", " x"}}, {Column: "id", In: []string{"A", "b"}}}, {{Column: "place", Matches: "^[A-S]"}, {Column: "sex", NotMatches: "^$"}}}
	}
	m.Value = anyValue(t, usual)
	if m.KeyRow = usual && rapid.Bool().Draw(t, "key: row"); m.KeyRow {
		return m
	}
	same := pick("same", "", "same")
	if usual {
		same = "sum"
	}
	switch pick("key", "row", "codes", "columns") {
	case "row":
		m.KeyRow = true
	case "codes":
		m.Duplicates = pick("duplicates", same, "sum", "max")
	case "columns":
		m.Key, m.Duplicates = []string{"year", "units", "place", "sex", "id"}, pick("duplicates", same, "sum", "max")
	}
	return m
}

// anyRules draws the rules of the place: one or two.
func anyRules(t *rapid.T, name string) []Rule {
	pick := func(of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	code := func() string { return pick("", "", "TD", "_U", "_T", "AFR", "AFR/_U", "exclude", "ATA", "TD/_U") }
	last := Rule{Column: "place", Blank: code(), Unknown: code(), Else: code(), NoList: rapid.Bool().Draw(t, "no list")}
	last.Codes = map[string]string{"Sahel": pick("AFR", "AFR/_U", "TD"), "all": pick("_T", "_U", "exclude"), "chad ": "NE"}
	switch pick("plain", "plain", "joined", "split", "regex") {
	case "joined":
		last.Column, last.Columns, last.Join = "", []string{"place", "units", "sex"}[:rapid.IntRange(2, 3).Draw(t, "columns")], pick("", "|")
		last.Codes = map[string]string{"chad|n": "TD", "TD|": "NE", "|": pick("_U", "ATA"), "TD|n|F": "FR", "tdn": "TD"}
	case "split":
		last.Split, last.Many = ";", code()
	case "regex":
		last.Regex = pick(`^(.*?)\*?$`, `^(\S+)$`, `^.(.*)$`)
	}
	if pick("one", "two") == "one" {
		return []Rule{last}
	}
	first := Rule{When: []Predicate{{{Column: "units", In: []string{"N"}}, {Column: "sex", NotIn: []string{"", "x"}}}, {{Column: "id", Matches: "^[ac]$"}}}, Column: "place", Unknown: code()}
	if pick("column", "const") == "const" {
		first = Rule{When: first.When, Const: pick("TD", "_U", "exclude")}
	}
	if pick("always", "some") == "some" {
		last.When = []Predicate{{{Column: "id", NotIn: []string{"c"}}}}
	}
	return []Rule{first, last}
}

func anyValue(t *rapid.T, usual bool) Value {
	v := Value{Column: "n", Blank: rapid.SampledFrom([]string{"missing", "exclude", "zero"}).Draw(t, "value"), Scale: rapid.SampledFrom([]int64{0, 1, 3}).Draw(t, "scale")}
	all := []StatusRule{
		{Text: "<5", Is: "suppressed", Below: 5, As: 2}, {Text: "-", Is: "zero"}, {Text: "na", Is: "missing"}, {Text: "5", Is: "rounded", Base: 5}, {Text: "0", Is: "not_collected"},
		{Matches: "^<", Is: "suppressed", Below: 9, As: 4}, {Matches: "^[12]$", Is: "suppressed", Below: 3, As: 0},
		{When: []Predicate{{{Column: "id", In: []string{"c"}}, {Column: "sex", In: []string{"F"}}}}, Is: "noised"}, {When: isIn("units", "N", "x"), Is: "missing"},
		// These stop most sources.
		{Matches: `^\d`, Is: "missing"}, {Matches: `\*`, Is: "zero"}, {When: isIn("sex", "m"), Is: "zero"}, {When: isIn("units", "x"), Is: "suppressed", Below: 5, As: 3},
	}
	some := all
	if usual {
		some = all[:9]
	}
	for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(some)-1), 0, 4).Draw(t, "status") {
		v.Status = append(v.Status, some[i])
	}
	if usual {
		v.Regex = `^([^*]*)\*?$`
		v.Status = append(v.Status, all[0], all[1], all[2], all[5])
		return v
	}
	if rapid.Bool().Draw(t, "value regex") {
		v.Regex = `^([^*]*)\*?$`
	}
	return v
}

// Texts of the oracle's tables, by column. Those at the end are rarer, so that
// not every table stops.
var (
	oracleHeader = []string{"year", "place", "sex", "n", "units", "id"}
	oracleTexts  = [][]string{
		{"2016", "2016", "2017", "2016-03", " 2017.0", "", "x", "1999", "2014-2018", "2016-13"},
		{"TD", "chad", "NE", "Niger", "FR", "ATA", "Antarctica", "Sahel", "ALL", "", " ", "TD;tchad", "NE; FR;", "girls", "Mars", "Niger*", "TD/_U", ";", "TD;Mars", "Africa", "_T"},
		{"F", "female", "M", "", "M;F", "x", "\u00a0"},
		{"1", "2", "3", "0", "5.0", "1e1", "", "", "4", "<5", "5", "-", "NA", "12*", "<9 ", "0.5", "-1", "x"},
		{"n", "N ", "%", "", "x"},
		{"a", "A", "b", "c", ""},
	}
)

// oracleRows draws a table. Its texts come from a seed: drawn one by one they
// would mostly be the first of each list.
func oracleRows(t *rapid.T, usual bool) [][]string {
	r := rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed")))
	rows := make([][]string, rapid.IntRange(0, 60).Draw(t, "rows"))
	for i := range rows {
		for c, of := range oracleTexts {
			n := len(of)
			if usual && c < 4 {
				n = []int{5, 17, 5, 15}[c]
			}
			rows[i] = append(rows[i], of[r.Intn(n)])
		}
	}
	return rows
}

func runOracle(m Mapping, rows [][]string) *oracle {
	o := &oracle{m: m, outcomes: map[Outcome]int64{}, reasons: map[string]int64{}, keys: map[string]int{}, totals: map[string]bool{}, parts: map[string]bool{}}
	for i, r := range rows {
		row, all := map[string]string{}, ""
		for c, name := range oracleHeader {
			row[name] = r[c]
		}
		for _, c := range m.Columns() {
			all += strings.TrimSpace(row[c])
		}
		if all != "" {
			o.row(int64(i+2), row)
		}
	}
	return o
}

// TestOracle: on random tables and mappings the normalizer does what the
// oracle does, whatever the size of pages.
func TestOracle(t *testing.T) {
	base, declared := simple(t), since(t, "2012")
	base.Dimensions = append(base.Dimensions, Dimension{Name: "girls", List: mustList(t, "yesno.csv", yesNoCSV)})
	stopped, taken, observations := 0, 0, 0 // of all tables
	rapid.Check(t, func(t *rapid.T) {
		m := base
		m.Dimensions = append([]Dimension{}, base.Dimensions...)
		usual := rapid.IntRange(0, 3).Draw(t, "usual") > 0
		m = anyMapping(t, m, usual)
		if err := m.Check(); err != nil {
			t.Fatal(err)
		}
		for range 8 {
			rows := oracleRows(t, usual)
			o := runOracle(m, rows)
			got, r, err := runRows(New(m, declared, "year", nil), m, oracleHeader, rows, rapid.IntRange(1, 70).Draw(t, "page"))
			if o.stops || o.overlaps() {
				var e *SourceError
				if !errors.As(err, &e) {
					t.Fatalf("got %v, want a SourceError", err)
				}
				stopped++
				continue
			}
			taken, observations = taken+1, observations+len(o.rows)
			o.agrees(t, got, r, err, len(rows))
		}
	})
	t.Logf("%d stopped, %d taken, with %d observations", stopped, taken, observations)
	if stopped == 0 || observations == 0 {
		t.Errorf("%d stopped, %d taken, %d observations: the tables test one side only", stopped, taken, observations)
	}
}

func (o *oracle) agrees(t *rapid.T, got []observed, r Report, err error, rows int) {
	if err != nil {
		t.Fatalf("%v", err)
	}
	if len(got)+len(o.rows) > 0 && !reflect.DeepEqual(got, o.rows) {
		t.Fatalf("got %v, want %v", got, o.rows)
	}
	if !reflect.DeepEqual(r.Outcomes, o.outcomes) || !reflect.DeepEqual(r.Reasons, o.reasons) {
		t.Fatalf("got %v %v, want %v %v", r.Outcomes, r.Reasons, o.outcomes, o.reasons)
	}
	var sum int64
	for _, n := range r.Outcomes {
		sum += n
	}
	if sum != r.Read || r.Read+r.Blank != int64(rows) {
		t.Fatalf("%d rows: %d read, %d blank, %d outcomes", rows, r.Read, r.Blank, sum)
	}
	if !sort.SliceIsSorted(got, func(i, j int) bool { return got[i].place.Row < got[j].place.Row }) {
		t.Fatal("not in row order")
	}
}
