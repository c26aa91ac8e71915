package normalize

import (
	"crypto/sha256"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// upserting is simple with a key over all pulls.
func upserting(t testing.TB) Mapping {
	m := simple(t)
	m.KeyRow, m.Upsert, m.Key = false, true, []string{"units"}
	m.Deleted = []Predicate{{{Column: "sex", In: []string{"gone"}}}}
	m.Where = []Predicate{{{Column: "sex", NotIn: []string{"no"}}}}
	m.Bounds.Max = ptr(100)
	return m
}

func plainHash(b []byte) RowKey {
	h := sha256.Sum256(b)
	return RowKey(h[:16])
}

// TestVersions: of the rows of a key the last decides, whatever it says; what an
// earlier one said neither counts nor stops anything.
func TestVersions(t *testing.T) {
	const header = "year,place,sex,n,units\n"
	for name, c := range map[string]struct {
		rows     string
		want     []string
		outcomes string
		stops    string
		keys     int
	}{
		"the last counts":                         {"2016,TD,F,3,a\n2016,TD,F,4,b\n2017,NE,M,5,a\n", []string{"2016 TD,F 4", "2017 NE,M 5"}, "counted 2, merged_duplicate 1", "", 2},
		"keys differ by case, not by white space": {"2016,TD,F,3,a\n2016,TD,F,4,A\n2016,TD,F,5, a \n", []string{"2016 TD,F 4", "2016 TD,F 5"}, "counted 2, merged_duplicate 1", "", 2},
		"deleted":      {"2016,TD,F,3,a\n2016,TD,gone,x,a\n", nil, "deleted 1, merged_duplicate 1", "", 1},
		"back again":   {"2016,TD,gone,3,a\n2016,TD,F,3,a\n", []string{"2016 TD,F 3"}, "counted 1, merged_duplicate 1", "", 1},
		"filtered now": {"2016,TD,F,3,a\n2016,TD,no,3,a\n", nil, "merged_duplicate 1, filtered 1", "", 1},
		"a label that nobody knows": {"2016,TD,F,3,a\n2016,Mars,F,3,a\n", nil,
			"merged_duplicate 1, quarantined 1, row 3 place: unknown label (place)", "", 1},
		"no longer unknown":          {"2016,Mars,F,3,a\n2016,TD,F,3,a\n", []string{"2016 TD,F 3"}, "counted 1, merged_duplicate 1", "", 1},
		"a wrong value put right":    {"2016,TD,F,1.5,a\n2016,TD,F,1000,a\n2016,TD,F,3,a\n", []string{"2016 TD,F 3"}, "counted 1, merged_duplicate 2", "", 1},
		"a wrong value":              {"2016,TD,F,3,a\n2016,TD,F,1000,a\n", nil, "", "row 3", 0},
		"a wrong value that is gone": {"2016,TD,F,1000,a\n2016,TD,gone,1000,a\n", nil, "deleted 1, merged_duplicate 1", "", 1},
		"no key":                     {"2016,TD,F,3,\n2016,TD,gone,3,\n", nil, "quarantined 2, row 2 key: blank (units), row 3 key: blank (units)", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			h, rows := readCSV(t, header+c.rows)
			for _, size := range []int{1, 2, 1000} {
				m := upserting(t)
				n := New(m, since(t, "2012"), "year", nil)
				n.KeyedBy(plainHash)
				got, r, err := runRows(n, m, h, rows, size)
				if c.stops != "" {
					if err == nil || !strings.Contains(err.Error(), c.stops) {
						t.Fatalf("error %v, want %s", err, c.stops)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				var words []string
				for _, o := range got {
					words = append(words, o.String())
				}
				if !reflect.DeepEqual(words, c.want) || outcomesOf(r) != c.outcomes {
					t.Errorf("pages of %d: got %q, %s, want %q, %s", size, words, outcomesOf(r), c.want, c.outcomes)
				}
				if came := n.Came(); len(came) != c.keys || !slices.IsSortedFunc(came, RowKey.Compare) {
					t.Errorf("%d keys came, want %d, in order", len(came), c.keys)
				}
				checkSums(t, r, len(rows), got)
			}
		})
	}
}

// Whatever comes, what is emitted are the last rows of their keys, and each has the
// key of its texts.
func TestVersionsLast(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := upserting(t)
		m.Bounds.Max = nil
		header := []string{"year", "place", "sex", "n", "units"}
		rows := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) []string {
			return []string{rapid.SampledFrom([]string{"2016", "2017", "2007"}).Draw(r, "year"), rapid.SampledFrom([]string{"TD", "NE", "Mars"}).Draw(r, "place"),
				rapid.SampledFrom([]string{"F", "M", "no", "gone", "x"}).Draw(r, "sex"), strconv.Itoa(rapid.IntRange(0, 9).Draw(r, "n")), rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "key")}
		}), 0, 12).Draw(r, "rows")
		n := New(m, since(t, "2012"), "year", nil)
		n.KeyedBy(plainHash)
		keys := map[string]RowKey{}
		got := []string{}
		emit := func(o Observations) error {
			if len(o.Key) != o.Rows() {
				return fmt.Errorf("%d keys of %d rows", len(o.Key), o.Rows())
			}
			for i := range o.Value {
				text := fmt.Sprintln(o.Periods[o.Period[i]], o.Dims[0].Dict[o.Dims[0].Index[i]], o.Dims[1].Dict[o.Dims[1].Index[i]], o.Value[i], o.Row[i])
				got = append(got, text)
				keys[text] = o.Key[i]
			}
			return nil
		}
		if len(rows) > 0 {
			if err := n.Page(page("in.csv", 2, m.Columns(), header, rows), emit); err != nil {
				r.Fatal(err)
			}
		}
		if _, err := n.Close(emit); err != nil {
			r.Fatal(err)
		}
		want := []string{}
		for i, row := range rows {
			later := slices.ContainsFunc(rows[i+1:], func(o []string) bool { return o[4] == row[4] })
			if later || row[0] == "2007" || row[1] == "Mars" || row[2] != "F" && row[2] != "M" {
				continue
			}
			text := fmt.Sprintln(row[0], row[1], row[2], row[3], i+2)
			want = append(want, text)
			if keys[text] != plainHash(append([]byte{1, 0, 0, 0, 0, 0, 0, 0}, row[4]...)) {
				r.Errorf("%s has the key of another row", text)
			}
		}
		if !slices.Equal(got, want) {
			r.Fatalf("got %q, want %q", got, want)
		}
	})
}

// Without a hash nothing is read: a plain key must not be staged by mistake.
func TestVersionsNeedHash(t *testing.T) {
	m := upserting(t)
	h, rows := readCSV(t, "year,place,sex,n,units\n2016,TD,F,3,a\n")
	if _, _, err := runRows(New(m, since(t, "2012"), "year", nil), m, h, rows, 10); err == nil {
		t.Error("rows are read without a hash")
	}
}

// Units are counted by the mapping's words, codes listed by dimension.
func TestVocabulary(t *testing.T) {
	m := simple(t)
	m.Unit = Unit{Column: "units", Codes: map[string]string{"Number": "count", "n": "count", "%": "percent", "per head": "rate"}}
	h, rows := readCSV(t, "year,place,sex,n,units\n2016,TD,F,3,number\n2016,NE,F,3,N\n2016,TD,F,0.3,%\n2016,TD,F,3,secret\n")
	_, r, err := runRows(New(m, since(t, "2012"), "year", nil), m, h, rows, 2)
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]int64{"count": 2, "percent": 1}; !reflect.DeepEqual(r.Units, want) {
		t.Errorf("units %v, want %v", r.Units, want)
	}
	if want := map[string][]string{"place": {"NE", "TD"}, "sex": {"F"}}; !reflect.DeepEqual(r.Codes, want) {
		t.Errorf("codes %v, want %v", r.Codes, want)
	}
}
