package normalize

import (
	"errors"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// anyBatchMapping draws what this half of the language may say.
func anyBatchMapping(t *rapid.T, m Mapping) Mapping {
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	m.Dimensions = append([]Dimension{}, m.Dimensions...)
	m.Dimensions[0].Rules = []Rule{{Column: "place", Codes: map[string]string{"all": "_T", "?": "_U", "north": "AFR/_U"}}}
	m.Dimensions[1].Rules = []Rule{{Column: "sex", Codes: map[string]string{"all": "_T", "?": "_U"}}}
	country, region, sex := Level{"place", ""}, Level{"place", "region"}, Level{"sex", ""}
	grains := [][]Grain{
		{{country, sex}}, {{region, sex}}, {{country}}, {{}}, {{sex}},
		{{country, sex}, {country}}, {{country, sex}, {sex}}, {{country, sex}, {region, sex}}, {{country, sex}, {region}},
		{{country, sex}, {country}, {region}}, {{country, sex}, {region, sex}, {region}, {}}, {{region, sex}, {}}, {{country}, {region}, {}},
	}
	m.Grains = rapid.SampledFrom(grains).Draw(t, "grain")
	if len(m.Grains) > 1 {
		m.Totals.Use = pick("totals", "drop", "check", "rest", "rest")
	}
	if m.Totals.Use == "rest" {
		m.Totals.MaxBelow = rapid.SampledFrom([]float64{0, 0.2, 1, 1}).Draw(t, "max below")
	}
	m.KeyRow = false
	switch pick("key", "row", "codes", "id") {
	case "row":
		m.KeyRow = true
	case "codes":
		m.Duplicates = pick("duplicates", "", "sum", "sum", "max", "same")
	case "id":
		m.Key, m.Duplicates = []string{"year", "place", "sex", "id"}, pick("duplicates", "sum", "max", "same")
	}
	day, kind := Keep{PartitionBy: []string{"id"}, OrderBy: "day", Desc: rapid.Bool().Draw(t, "desc")}, Keep{PartitionBy: []string{"id"}, OrderBy: "kind", Order: []string{"BA", "SA"}}
	m.Keep = rapid.SampledFrom([][]Keep{nil, {day}, {kind}, {day, kind}, {kind, day}}).Draw(t, "keep")
	if rapid.Bool().Draw(t, "max") {
		m.Bounds = Bounds{Max: ptr(7), Clip: rapid.Bool().Draw(t, "clip")}
	}
	if m.Key == nil && !m.KeyRow && rapid.Bool().Draw(t, "corrections") {
		m.Corrections = []Correction{{Key: []string{"2016", "TD", "F"}, Value: 9, Line: 2}, {Key: []string{"2017", "AFR", "_T"}, Exclude: rapid.Bool().Draw(t, "exclude"), Line: 3}}
	}
	return m
}

var batchHeader = []string{"year", "place", "sex", "n", "day", "kind", "id"}

// anyBatchRows draws rows; each text is a code in other words.
func anyBatchRows(t *rapid.T) [][]string {
	all := [][]string{
		{"2016", "2017"},
		{"TD", "NE", "FR", "ATA", "AFR", "EUR", "all", "?", "north"},
		{"F", "M", "all", "all", "?"},
		{"0", "1", "2", "3", "5", "8", "<5", ""},
		{"9", "10", "11", ""},
		{"SA", "BA", "other"},
		{"x", "y"},
	}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) []string {
		row := make([]string, len(all))
		for c, of := range all {
			row[c] = rapid.SampledFrom(of).Draw(t, batchHeader[c])
		}
		return row
	}), 0, 24).Draw(t, "rows")
}

func newSlow(m Mapping, rows [][]string) *slow {
	s := &slow{m: m, out: map[string]int64{}, ends: map[Outcome]int64{}}
	code := map[string]string{"all": "_T", "?": "_U", "north": "AFR/_U"}
	for i, r := range rows {
		is := func(text string) string {
			if c, ok := code[text]; ok {
				return c
			}
			return text
		}
		row := slowRow{line: i, year: r[0], place: is(r[1]), sex: is(r[2]), n: r[3], day: r[4], kind: r[5], id: r[6]}
		s.rows = append(s.rows, row)
	}
	return s
}

// keyed gives rows the key that the mapping has: for one of columns, in words.
func (s *slow) keyed() {
	if s.m.Key == nil {
		return
	}
	for i := range s.rows {
		r := &s.rows[i]
		r.id = strings.Join([]string{r.year, r.place, r.sex, r.id}, " ")
	}
}

// TestBatchOracle: on random tables and mappings the normalizer does what the
// slow interpreter does, whatever the order of rows and the size of pages.
func TestBatchOracle(t *testing.T) {
	base, declared := simple(t), since(t, "2012")
	base.Value = Value{Column: "n", Blank: "missing", Status: []StatusRule{{Text: "<5", Is: "suppressed", Below: 5, As: 2}}}
	stopped, taken, rests := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		m := anyBatchMapping(t, base)
		if err := m.Check(); err != nil {
			t.Fatal(err)
		}
		rows := anyBatchRows(t)
		s := newSlow(m, rows)
		s.values()
		s.keep()
		s.keyed()
		s.merge()
		want := s.totals(s.grade())
		got, r, err := runRows(New(m, declared, "year", nil), m, batchHeader, rows, rapid.IntRange(1, 30).Draw(t, "page"))
		shuffled := rapid.Permutation(rows).Draw(t, "order")
		again, r2, err2 := runRows(New(m, declared, "year", nil), m, batchHeader, shuffled, rapid.IntRange(1, 30).Draw(t, "page"))
		var e *SourceError
		if s.stops {
			if stopped++; !errors.As(err, &e) || !errors.As(err2, &e) {
				t.Fatalf("got %v and %v, want a SourceError", err, err2)
			}
			return
		}
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		if taken++; m.Totals.Use == "rest" {
			rests++
		}
		_, cells := sumOf(got)
		if !reflect.DeepEqual(cells, s.out) {
			t.Fatalf("got %v, want %v", cells, s.out)
		}
		if !reflect.DeepEqual(r.Outcomes, s.ends) || r.Read != int64(len(rows)) {
			t.Fatalf("got %v of %d, want %v", r.Outcomes, r.Read, s.ends)
		}
		if want != nil {
			r.Totals.Places, want.Places = nil, nil
		}
		if !reflect.DeepEqual(r.Totals, want) {
			t.Fatalf("got %+v, want %+v", r.Totals, want)
		}
		if !slices.Equal(texts(got), texts(again)) || !reflect.DeepEqual(r.Outcomes, r2.Outcomes) {
			t.Fatalf("another order of rows gives %v %v, not %v %v", texts(again), r2.Outcomes, texts(got), r.Outcomes)
		}
	})
	if stopped == 0 || taken == 0 || rests == 0 {
		t.Errorf("%d stopped, %d taken, %d with rests: the tables test one side only", stopped, taken, rests)
	}
}

// texts are observations without their places, sorted.
func texts(got []observed) (all []string) {
	for _, o := range got {
		all = append(all, o.String())
	}
	sort.Strings(all)
	return all
}

// TestTotalsAreKept: with rest, what the cube holds below every total is that
// total, and below every total without one the sum of its parts.
func TestTotalsAreKept(t *testing.T) {
	base, declared := simple(t), since(t, "2012")
	rapid.Check(t, func(t *rapid.T) {
		m := anyBatchMapping(t, base)
		m.KeyRow, m.Key, m.Duplicates, m.Keep, m.Corrections, m.Bounds = false, nil, "sum", nil, nil, Bounds{}
		if len(m.Grains) < 2 {
			return
		}
		m.Totals = Totals{Use: "rest", MaxBelow: 1}
		rows := anyBatchRows(t)
		for _, r := range rows {
			r[3] = strings.NewReplacer("<5", "4").Replace(r[3])
			if r[3] == "" {
				r[3] = "6"
			}
		}
		got, _, err := runRows(New(m, declared, "year", nil), m, batchHeader, rows, 5)
		var e *SourceError
		if errors.As(err, &e) { // parts exceed totals by more than all of them
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		s := newSlow(m, rows)
		s.values()
		s.merge()
		for i, k := range s.grade() {
			r, sum := s.rows[i], int64(0)
			if k < 1 || strings.HasSuffix(r.place, "_U") || strings.HasSuffix(r.sex, "_U") { // there lie rests of other totals too
				continue
			}
			p, x := slowLevels(m.Grains[k])
			for _, o := range got {
				place, sex, _ := strings.Cut(o.codes, ",")
				// What is at the _U of a code that rows of this grain have lies in it.
				if in := place == slowLeaf(r.place) || slowAt(place, p) == r.place; !in || o.period != r.year {
					continue
				}
				if sex == slowLeaf(r.sex) || slowAt(sex, x) == r.sex {
					sum += o.value
				}
			}
			if sum != r.v {
				t.Fatalf("below %s %s %s are %d of %d", r.year, r.place, r.sex, sum, r.v)
			}
		}
	})
}
