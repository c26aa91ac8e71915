package normalize

import (
	"errors"
	"reflect"
	"regexp"
	"sort"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"halftone/pipeline/codelist"
)

// The oracle normalizes one row at a time, as a reader of the mapping language
// would by hand, for datasets of whole years with the lists places and sex. It
// shares nothing with the package but Fold, codes and the number reader, which
// have oracles of their own.
type oracle struct {
	m        Mapping
	outcomes map[Outcome]int64
	reasons  map[string]int64
	rows     []observed
	stops    bool
	keys     map[string]int
	totals   map[string]bool // "dimension total"
	parts    map[string]bool // "dimension code"
}

var oracleTree = map[string]string{"AFR": "_T", "EUR": "_T", "ATA": "_T", "TD": "AFR", "NE": "AFR", "FR": "EUR", "F": "_T", "M": "_T"}

func (o *oracle) holds(p Predicate, row map[string]string) bool {
	for _, t := range p {
		is := false
		for _, l := range append(append([]string{}, t.In...), t.NotIn...) {
			is = is || codelist.Fold(l) == codelist.Fold(row[t.Column])
		}
		if t.Matches != "" {
			is = regexp.MustCompile(t.Matches).MatchString(strings.TrimSpace(row[t.Column]))
		}
		if is == (t.NotIn != nil) {
			return false
		}
	}
	return true
}

func lookup(codes map[string]string, text string) (string, bool) {
	for l, c := range codes {
		if codelist.Fold(l) == codelist.Fold(text) {
			return c, true
		}
	}
	return "", false
}

// code gives the leaf of a row's dimension, or what else becomes of the row.
func (o *oracle) code(d Dimension, row map[string]string) (leaf, reason string) {
	code := "_T"
	if len(d.Rules) > 0 {
		r := d.Rules[0]
		text, ok := row[r.Column], false
		switch {
		case r.Const != "":
			code, ok = r.Const, true
		default:
			code, ok = lookup(r.Codes, text)
		}
		if !ok && strings.TrimSpace(text) == "" {
			if code = r.Blank; code == "" {
				return "", "blank"
			}
			ok = true
		}
		if !ok && !r.NoList {
			code, ok = d.List.Resolve(codelist.Fold(text))
		}
		if !ok {
			if code = r.Unknown; code == "" {
				return "", "unknown label"
			}
		}
	}
	if code == "exclude" {
		return "", "exclude"
	}
	leaf = code
	if inside, ok := map[string]string{"_T": "_U", "AFR": "AFR/_U", "EUR": "EUR/_U"}[code]; ok {
		if leaf = inside; !o.m.Unknowns(d.Name).Has(code) {
			return "", "stop"
		}
	}
	return leaf, map[bool]string{true: "total " + code}[leaf != code]
}

func (o *oracle) row(at int64, row map[string]string) {
	end := func(e Outcome) { o.outcomes[e]++ }
	reject := func(reason string) { o.outcomes[Quarantined]++; o.reasons[reason]++ }
	if len(o.m.Where) > 0 {
		any := false
		for _, p := range o.m.Where {
			any = any || o.holds(p, row)
		}
		if !any {
			end(Filtered)
			return
		}
	}
	if o.m.Unit.Column != "" {
		unit, ok := lookup(o.m.Unit.Codes, row[o.m.Unit.Column])
		switch {
		case !ok:
			reject("unit: unknown label")
			return
		case unit != "count":
			end(NotACount)
			return
		}
	}
	year, ok := o.year(row["year"])
	if !ok {
		reject("period: " + year)
		return
	}
	var codes, marks []string
	for _, d := range o.m.Dimensions {
		leaf, reason := o.code(d, row)
		switch {
		case reason == "exclude":
			end(Excluded)
			return
		case reason == "stop":
			o.stops = true
			return
		case leaf == "":
			reject(d.Name + ": " + reason)
			return
		}
		codes, marks = append(codes, leaf), append(marks, reason)
	}
	v, r := parseValue(row["n"], 0)
	switch {
	case r == blank && o.m.Value.Blank == "missing":
		end(NoValue)
		return
	case r == blank && o.m.Value.Blank == "exclude":
		end(Excluded)
		return
	case r == blank && o.m.Value.Blank == "zero":
		v = 0
	case r != whole || v < 0:
		o.stops = true
		return
	}
	o.take(at, year, codes, marks, v, row)
}

func (o *oracle) year(text string) (string, bool) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "blank", false
	case regexp.MustCompile(`^\d{4}-\d{4}$`).MatchString(text):
		return "coarse", false
	case !regexp.MustCompile(`^\d{4}(\.0+)?(-(0[1-9]|1[0-2]))?$`).MatchString(text):
		return "bad", false
	case text[:4] < "2012":
		return "undeclared", false
	}
	return text[:4], true
}

func (o *oracle) take(at int64, year string, codes, marks []string, v int64, row map[string]string) {
	for d, mark := range marks {
		name := o.m.Dimensions[d].Name
		if t, ok := strings.CutPrefix(mark, "total "); ok {
			o.totals[name+" "+t] = true
			o.parts[name+" <"+t] = true
		} else {
			o.parts[name+" "+codes[d]] = true
		}
	}
	this := observed{year, strings.Join(codes, ","), v, Place{"in.csv", at}}
	if !o.m.KeyRow {
		key := year + " " + this.codes
		if o.m.Key != nil {
			key = ""
			for _, k := range o.m.Key {
				key += codelist.Fold(row[k]) + "\x00"
			}
		}
		if i, ok := o.keys[key]; ok {
			first := &o.rows[i]
			switch {
			case first.period != year || first.codes != this.codes:
				o.stops = true
			case o.m.Duplicates == "sum":
				first.value += v
			case o.m.Duplicates == "max":
				first.value = max(first.value, v)
			case o.m.Duplicates != "same" || first.value != v:
				o.stops = true
			}
			o.outcomes[MergedDuplicate]++
			return
		}
		o.keys[key] = len(o.rows)
	}
	o.rows = append(o.rows, this)
	o.outcomes[Counted]++
}

// overlaps: some total stands beside a code below it.
func (o *oracle) overlaps() bool {
	for _, d := range o.m.Dimensions {
		for total := range o.totals {
			t, ok := strings.CutPrefix(total, d.Name+" ")
			if !ok || d.Unknown {
				continue
			}
			for part := range o.parts {
				p, ok := strings.CutPrefix(part, d.Name+" ")
				if !ok {
					continue
				}
				bare := strings.HasPrefix(p, "<")
				p = strings.TrimPrefix(p, "<")
				if bare && p == t {
					continue
				}
				for p != "" {
					if p == t {
						return true
					}
					switch up, ok := oracleTree[p]; {
					case ok:
						p = up
					case p == "_U":
						p = "_T"
					case strings.HasSuffix(p, "/_U"):
						p = strings.TrimSuffix(p, "/_U")
					default:
						p = ""
					}
				}
			}
		}
	}
	return false
}

// anyMapping draws a mapping of the columns year, place, sex, n, units and id.
func anyMapping(t *rapid.T, m Mapping) Mapping {
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	placeCode := func(name string) string {
		return pick(name, "", "", "TD", "_U", "_T", "AFR", "AFR/_U", "exclude", "ATA")
	}
	place := Rule{Column: "place", Blank: placeCode("blank"), Unknown: placeCode("unknown"), NoList: rapid.Bool().Draw(t, "no list")}
	place.Codes = map[string]string{"Sahel": pick("sahel", "AFR", "AFR/_U", "TD"), "all": pick("all", "_T", "_U", "exclude"), "chad ": "NE"}
	m.Dimensions[0].Rules = []Rule{place}
	m.Dimensions[0].Unknown = rapid.Bool().Draw(t, "unknown: true")
	m.Dimensions[1].Rules = [][]Rule{nil, {{Const: "M"}}, {{Column: "sex"}}, {{Column: "sex", Blank: "_T"}}, {{Column: "sex", Unknown: "_U"}}}[rapid.IntRange(0, 4).Draw(t, "sex")]
	if rapid.Bool().Draw(t, "unit") {
		m.Unit = Unit{Column: "units", Codes: map[string]string{"n": "count", "%": "percent", "": pick("no unit", "count", "none")}}
	}
	if rapid.Bool().Draw(t, "where") {
		m.Where = []Predicate{{{Column: "units", NotIn: []string{"%", " x"}}, {Column: "id", In: []string{"A", "b"}}}, {{Column: "place", Matches: "^[A-S]"}}}
	}
	m.Value.Blank = pick("value", "missing", "exclude", "zero")
	m.KeyRow = false
	switch pick("key", "row", "codes", "columns") {
	case "row":
		m.KeyRow = true
	case "codes":
		m.Duplicates = pick("duplicates", "", "sum", "sum", "max", "same")
	case "columns":
		m.Key, m.Duplicates = []string{"year", "place", "sex", "id"}, pick("duplicates", "sum", "max", "same")
	}
	return m
}

// TestOracle: on random tables and mappings the normalizer does what the
// oracle does, whatever the size of pages.
func TestOracle(t *testing.T) {
	base, declared := simple(t), since(t, "2012")
	header := []string{"year", "place", "sex", "n", "units", "id"}
	texts := [][]string{
		{"2016", "2016", "2017", "2016-03", " 2017.0", "", "x", "1999", "2014-2018", "2016-13"},
		{"TD", "chad", "NE", "Niger", "FR", "ATA", "Antarctica", "Sahel", "ALL", "", " ", "Mars", "Africa", "_T"},
		{"F", "female", "M", "", "x", "\u00a0"},
		{"1", "2", "3", "0", "5.0", "1e1", "", "", "4", "0.5", "-1", "x"},
		{"n", "N ", "%", "", "x"},
		{"a", "A", "b", "c", ""},
	}
	stopped, taken := 0, 0 // of all tables
	rapid.Check(t, func(t *rapid.T) {
		m := base
		m.Dimensions = append([]Dimension{}, base.Dimensions...)
		m = anyMapping(t, m)
		if err := m.Check(); err != nil {
			t.Fatal(err)
		}
		// The texts at the end of each list are rarer, so that not every table stops.
		usual := rapid.Bool().Draw(t, "usual")
		rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) []string {
			row := make([]string, len(header))
			for c, of := range texts {
				n := len(of)
				if usual && c < 4 {
					n = []int{8, 12, 5, 9}[c]
				}
				row[c] = of[rapid.IntRange(0, n-1).Draw(t, header[c])]
			}
			return row
		}), 0, 25).Draw(t, "rows")

		o := oracle{m: m, outcomes: map[Outcome]int64{}, reasons: map[string]int64{}, keys: map[string]int{}, totals: map[string]bool{}, parts: map[string]bool{}}
		for i, r := range rows {
			row, all := map[string]string{}, ""
			for c, name := range header {
				row[name] = r[c]
			}
			for _, c := range m.Columns() {
				all += strings.TrimSpace(row[c])
			}
			if all != "" {
				o.row(int64(i+2), row)
			}
		}
		size := rapid.IntRange(1, 30).Draw(t, "page")
		got, r, err := runRows(New(m, declared, "year", nil), m, header, rows, size)
		if o.stops || o.overlaps() {
			var e *SourceError
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want a SourceError", err)
			}
			stopped++
			return
		}
		taken++
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
		if sum != r.Read || r.Read+r.Blank != int64(len(rows)) {
			t.Fatalf("%d rows: %d read, %d blank, %d outcomes", len(rows), r.Read, r.Blank, sum)
		}
		if !sort.SliceIsSorted(got, func(i, j int) bool { return got[i].place.Row < got[j].place.Row }) {
			t.Fatal("not in row order")
		}
	})
	if stopped == 0 || taken == 0 {
		t.Errorf("%d stopped, %d taken: the tables test one side only", stopped, taken)
	}
}
