package normalize

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"halftone/privacy"
)

var personKey = bytes.Repeat([]byte{9}, 32)

// records is simple with a record a row, each of the person of column id.
func records(t testing.TB) Mapping {
	m := simple(t)
	m.Value, m.KeyRow = Value{Const: 1}, false
	m.Person = Person{Column: "id", Namespace: "n"}
	return m
}

// A found is a row that is counted: of which row of the file, and whose.
type found struct {
	row int64
	who privacy.Pseudonym
}

func persons(t testing.TB, m Mapping, rows string, size int) ([]found, Report, error) {
	t.Helper()
	header, all := readCSV(t, "year,place,sex,id,mission\n"+rows)
	n := New(m, since(t, "2012"), "year", nil)
	n.Persons(personKey)
	var got []found
	emit := func(o Observations) error {
		if len(o.Person) != o.Rows() {
			return fmt.Errorf("%d persons of %d rows", len(o.Person), o.Rows())
		}
		for i, who := range o.Person {
			got = append(got, found{o.Row[i], who})
		}
		return nil
	}
	for from := 0; from < len(all); from += size {
		if err := n.Page(page("in.csv", int64(from+2), m.Columns(), header, all[from:min(from+size, len(all))]), emit); err != nil {
			return nil, Report{}, err
		}
	}
	r, err := n.Close(emit)
	return got, r, err
}

// hashed is the oracle: HMAC-SHA-256 of the folded key, cut to 16 bytes.
func hashed(text string) privacy.Pseudonym {
	mac := hmac.New(sha256.New, personKey)
	mac.Write([]byte(text))
	return privacy.Pseudonym(mac.Sum(nil)[:16])
}

// TestPerson: whose each row is, in pages of any size, and what becomes of rows
// that are nobody's.
func TestPerson(t *testing.T) {
	for name, c := range map[string]struct {
		set      func(*Mapping)
		rows     string
		want     []string // keys as hashed, by row that is counted
		outcomes string
	}{
		"a column":             {nil, "2016,TD,F,A-1,\n2016,NE,M,B-2,\n2017,TD,F,A-1,\n", []string{"2 a-1", "3 b-2", "4 a-1"}, "counted 3"},
		"white space and case": {nil, "2016,TD,F, A  1,\n2016,NE,M,a 1 ,\n2016,NE,M,a1,\n", []string{"2 a 1", "3 a 1", "4 a1"}, "counted 3"},
		"no key": {nil, "2016,TD,F,,x\n2016,NE,M, ,x\n2016,TD,F,b,x\n", []string{"4 b"},
			"counted 1, quarantined 2, row 2 person: no key (id), row 3 person: no key (id)"},
		"no key after the rest of the map": {nil, "2016,Mars,F,,x\n2011,TD,F,,\n2016,TD,F,,\n", nil,
			"quarantined 3, row 2 place: unknown label (place), row 3 period: undeclared (year), row 4 person: no key (id)"},
		"what is filtered or excluded needs none": {func(m *Mapping) {
			m.Where = []Predicate{{{Column: "sex", NotIn: []string{"M"}}}}
			m.Dimensions[0].Rules[0].Codes = map[string]string{"none": "exclude"}
		}, "2016,TD,M,,\n2016,none,F,,\n2016,TD,F,b,\n", []string{"4 b"}, "counted 1, filtered 1, excluded 1"},
		"regex": {func(m *Mapping) { m.Person.Regex = `^ID(\d+)` }, "2016,TD,F,ID7 ,\n2016,TD,F,N/A,\n2016,TD,F,id7,\n2016,TD,F,ID7/b,\n", []string{"2 7", "5 7"},
			"counted 2, quarantined 2, row 3 person: no key (id), row 4 person: no key (id)"},
		"regex of nothing": {func(m *Mapping) { m.Person.Regex = `^ID(\d*)` }, "2016,TD,F,ID,\n", nil, "quarantined 1, row 2 person: no key (id)"},
		"columns": {func(m *Mapping) { m.Person = Person{Columns: []string{"mission", "id"}, Join: "/", Namespace: "n"} },
			"2016,TD,F,1,K\n2016,TD,F,1,L\n2016,TD,F,1,\n2016,TD,F,,K\n2016,TD,F,1,k\n", []string{"2 k/1", "3 l/1", "6 k/1"},
			"counted 3, quarantined 2, row 4 person: no key (mission, id), row 5 person: no key (mission, id)"},
		"the column of a dimension, too": {func(m *Mapping) { m.Person.Column = "place" }, "2016,TD,F,,\n2016,Chad,F,,\n", []string{"2 td", "3 chad"}, "counted 2"},
		"duplicates of a person": {func(m *Mapping) { m.Key, m.Duplicates = []string{"id", "mission"}, duplicatesSame },
			"2016,TD,F,a,x\n2016,TD,F,a,x\n2016,TD,F,a,y\n2016,TD,F,b,x\n", []string{"2 a", "4 a", "5 b"}, "counted 3, merged_duplicate 1"},
		"the newest of a person": {func(m *Mapping) { m.Keep = []Keep{{PartitionBy: []string{"id"}, OrderBy: "mission", Desc: true}} },
			"2016,TD,F,a,1\n2016,NE,F,a,2\n2016,TD,F,b,1\n", []string{"3 a", "4 b"}, "counted 2"},
		"of a grain": {func(m *Mapping) {
			m.Grains = []Grain{{{Dimension: "place"}, {Dimension: "sex"}}}
			m.Key, m.Duplicates = []string{"id", "mission"}, duplicatesSame
		}, "2016,AFR,F,a,1\n2016,NE,F,b,2\n2016,TD,F,c,1\n2016,TD,F,c,1\n", []string{"3 b", "4 c"}, "counted 2, merged_duplicate 1"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{1, 2, 1000} {
				m := records(t)
				if c.set != nil {
					c.set(&m)
				}
				if err := m.Check(); err != nil {
					t.Fatal(err)
				}
				got, r, err := persons(t, m, c.rows, size)
				if err != nil {
					t.Fatal(err)
				}
				if o := outcomesOf(r); o != c.outcomes {
					t.Errorf("pages of %d: got %s, want %s", size, o, c.outcomes)
				}
				var want []found
				for _, w := range c.want {
					var row int64
					if _, err := fmt.Sscan(w, &row); err != nil {
						t.Fatal(err)
					}
					_, key, _ := strings.Cut(w, " ")
					want = append(want, found{row, hashed(key)})
				}
				if !slices.Equal(got, want) {
					t.Errorf("pages of %d: got %x, want %x", size, got, want)
				}
			}
		})
	}
}

// A column that forgets its labels hashes the same again.
func TestPersonIsForgotten(t *testing.T) {
	m := records(t)
	m.Person = Person{Columns: []string{"mission", "id"}, Join: "|", Namespace: "n"}
	var rows strings.Builder
	for i := range 60 {
		fmt.Fprintf(&rows, "2016,TD,F,%d,%d\n", i%7, i%5)
	}
	header, all := readCSV(t, "year,place,sex,id,mission\n"+rows.String())
	n := New(m, since(t, "2012"), "year", nil)
	n.Persons(personKey)
	for _, c := range slices.Concat(n.columns, n.joined) {
		c.limit = 3
	}
	seen := 0
	emit := func(o Observations) error {
		for i, who := range o.Person {
			if k := int(o.Row[i]) - 2; who != hashed(fmt.Sprintf("%d|%d", k%5, k%7)) {
				t.Errorf("row %d is another person's", o.Row[i])
			}
			seen++
		}
		return nil
	}
	for i := range all {
		if err := n.Page(page("in.csv", int64(i+2), m.Columns(), header, all[i:i+1]), emit); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := n.Close(emit); err != nil || seen != 60 {
		t.Errorf("%d rows, %v", seen, err)
	}
}

// Without a key to hash them with, no person key is taken; without a person, rows
// have none.
func TestPersonNeedsAKey(t *testing.T) {
	m := records(t)
	header, all := readCSV(t, "year,place,sex,id\n2016,TD,F,a\n")
	for _, key := range [][]byte{nil, personKey[:31]} {
		n := New(m, since(t, "2012"), "year", nil)
		n.Persons(key)
		if err := n.Page(page("in.csv", 2, m.Columns(), header, all), nil); !errors.Is(err, errNoHashKey) {
			t.Errorf("a key of %d bytes: %v", len(key), err)
		}
	}
	m.Person = Person{}
	n := New(m, since(t, "2012"), "year", nil)
	err := n.Page(page("in.csv", 2, m.Columns(), header, all), func(o Observations) error {
		if o.Person != nil {
			t.Error("a row without a person has one")
		}
		return nil
	})
	if err != nil || slices.Contains(m.Columns(), "id") {
		t.Error(err)
	}
}

// TestPersonCheck: what would let the rows of one person decide about another's,
// or make a row more than one, is refused.
func TestPersonCheck(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*Mapping)
		want string
	}{
		"two":           {func(m *Mapping) { m.Person.Columns = []string{"a", "b"} }, "person: want a column, or several"},
		"none":          {func(m *Mapping) { m.Person.Column = "" }, "person: want a column, or several"},
		"twice":         {func(m *Mapping) { m.Person = Person{Columns: []string{"id", "id"}, Namespace: "n"} }, "person: a column stands twice"},
		"no namespace":  {func(m *Mapping) { m.Person.Namespace = "" }, "person: has no namespace"},
		"regex":         {func(m *Mapping) { m.Person.Regex = "x" }, "person.regex: has no group"},
		"the file":      {func(m *Mapping) { m.Person.Column = "@file" }, "is no key of a person"},
		"a cell":        {func(m *Mapping) { m.Given = []string{"id"} }, "is no key of a person"},
		"a count":       {func(m *Mapping) { m.Value = Value{Column: "n"} }, "map.value: with `person`"},
		"two a row":     {func(m *Mapping) { m.Value.Const = 2 }, "map.value: with `person`"},
		"sum":           {func(m *Mapping) { m.Key, m.Duplicates = []string{"id"}, duplicatesSum }, "duplicates: with `person`"},
		"max":           {func(m *Mapping) { m.Key, m.Duplicates = []string{"id"}, duplicatesMax }, "duplicates: with `person`"},
		"key of others": {func(m *Mapping) { m.Key, m.Duplicates = []string{"mission"}, duplicatesSame }, "key: must name the columns"},
		"key of codes":  {func(m *Mapping) { m.Duplicates = duplicatesSame }, "key: must name the columns"},
		"a part of the person": {func(m *Mapping) {
			m.Person, m.Key, m.Duplicates = Person{Columns: []string{"id", "mission"}, Namespace: "n"}, []string{"id"}, duplicatesSame
		}, "key: must name the columns"},
		"keep of others": {func(m *Mapping) { m.Keep = []Keep{{PartitionBy: []string{"place"}, OrderBy: "mission"}} }, "keep.partition_by: must name the columns"},
		"rest": {func(m *Mapping) {
			m.Grains = []Grain{{{Dimension: "place"}}, {}}
			m.Totals = Totals{Use: totalsRest, MaxBelow: 0.01}
		}, "totals: records have no totals"},
		"a correction": {func(m *Mapping) {
			m.Key = []string{"id"}
			m.Corrections = []Correction{{Key: []string{"a"}, Value: 2, Line: 2}}
		}, "corrections: line 2: with `person`"},
	} {
		m := records(t)
		c.set(&m)
		if err := m.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	m := records(t)
	m.Key = []string{"id"}
	m.Corrections = []Correction{{Key: []string{"a"}, Exclude: true, Line: 2}, {Key: []string{"b"}, Value: 0, Line: 3}, {Key: []string{"c"}, Value: 1, Line: 4}}
	if err := m.Check(); err != nil {
		t.Error(err)
	}
	// A row that a correction leaves out needs no key.
	m.Key, m.Corrections = []string{"mission"}, []Correction{{Key: []string{"b"}, Exclude: true, Line: 2}}
	got, r, err := persons(t, m, "2016,TD,F,a,a\n2016,TD,F,,b\n", 2)
	if err != nil || len(got) != 1 || outcomesOf(r) != "counted 1, excluded 1" {
		t.Errorf("%d rows, %s, %v", len(got), outcomesOf(r), err)
	}
}

// The key of persons is part of the mapping's digest; a mapping without one has
// the digest that it had.
func TestPersonDigest(t *testing.T) {
	m := records(t)
	seen := map[string]bool{}
	for _, p := range []Person{{}, {Column: "id", Namespace: "n"}, {Column: "id", Namespace: "o"}, {Column: "no", Namespace: "n"}, {Column: "id", Namespace: "n", Regex: "(.*)"},
		{Columns: []string{"a", "b"}, Join: "|", Namespace: "n"}, {Columns: []string{"a", "b"}, Join: "/", Namespace: "n"}} {
		m.Person = p
		if seen[m.Digest()] {
			t.Errorf("%+v: the digest of another", p)
		}
		seen[m.Digest()] = true
	}
}

// Of the rows of a key the last says whose the row is; a row that is nobody's takes
// the place of an earlier one, as whatever a row says.
func TestPersonOfVersions(t *testing.T) {
	m := records(t)
	m.Upsert, m.Key = true, []string{"id", "mission"}
	for _, c := range []struct {
		rows, outcomes string
		want           []found
	}{
		{"2016,TD,F,a,1\n2016,TD,F,b,1\n2016,NE,F,a,1\n2016,TD,F,a,2\n", "counted 3, merged_duplicate 1", []found{{3, hashed("b")}, {4, hashed("a")}, {5, hashed("a")}}},
		{"2016,TD,F,a,1\n2016,TD,F, A,1\n", "counted 2", []found{{2, hashed("a")}, {3, hashed("a")}}},
		{"2016,TD,F,,1\n2016,TD,F,a,1\n", "counted 1, quarantined 1, row 2 person: no key (id)", []found{{3, hashed("a")}}},
	} {
		h, rows := readCSV(t, "year,place,sex,id,mission\n"+c.rows)
		for _, size := range []int{1, 1000} {
			n := New(m, since(t, "2012"), "year", nil)
			n.Persons(personKey)
			n.KeyedBy(plainHash)
			var got []found
			emit := func(o Observations) error {
				for i, who := range o.Person {
					got = append(got, found{o.Row[i], who})
				}
				if len(o.Person) != o.Rows() || len(o.Key) != o.Rows() {
					t.Errorf("%d persons, %d keys of %d rows", len(o.Person), len(o.Key), o.Rows())
				}
				return nil
			}
			for from := 0; from < len(rows); from += size {
				if err := n.Page(page("in.csv", int64(from+2), m.Columns(), h, rows[from:min(from+size, len(rows))]), emit); err != nil {
					t.Fatal(err)
				}
			}
			r, err := n.Close(emit)
			if err != nil || !slices.Equal(got, c.want) || outcomesOf(r) != c.outcomes {
				t.Errorf("%q in pages of %d: %x, %s, %v", c.rows, size, got, outcomesOf(r), err)
			}
		}
	}
	m.Key = []string{"mission"}
	if err := m.Check(); err == nil || !strings.Contains(err.Error(), "key: must name the columns") {
		t.Errorf("a row may take the place of another person's: %v", err)
	}
}
