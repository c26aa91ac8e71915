package staging

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"halftone/pipeline/normalize"
	"halftone/privacy"
)

// records is spec with two sources whose persons are of one namespace, and a third
// whose figures are added as they are.
func records(t testing.TB, m int64) privacy.Spec {
	s := spec(t)
	s.Overlap = 1 // M is m, up to 6, and P is 1: b is at most 0.012, and a draw is not 0 once in 10^18
	s.Sources = nil
	for _, name := range []string{"a", "b", "figures"} {
		src := privacy.Source{Name: name, PerPeriod: m, Periods: 1, Sensitivity: 1, Namespace: "n"}
		if name == "figures" {
			src.Namespace = ""
		}
		s.Sources = append(s.Sources, src)
	}
	return s
}

// A personRow is a row of a person, of whom nothing but a number is known.
type personRow struct {
	who        uint16
	place, sex uint32
	value      int64
}

// pseudonym spreads persons over buckets as a hash does.
func (r personRow) pseudonym() (p privacy.Pseudonym) {
	p[0], p[1], p[15] = byte(r.who*37), byte(r.who>>3), byte(r.who)
	return p
}

func observed(t testing.TB, rows []personRow) normalize.Observations {
	o := normalize.Observations{Periods: []privacy.Period{period(t, "2024")}, Files: []string{"a.csv"}, Person: []privacy.Pseudonym{}}
	o.Dims = []normalize.Column{{Dict: []string{"place4", "place3", "place2", "place1", "place0"}}, {Dict: []string{"sex1", "sex0"}}}
	for i, r := range rows {
		o.Period, o.Person = append(o.Period, 0), append(o.Person, r.pseudonym())
		o.Dims[0].Index, o.Dims[1].Index = append(o.Dims[0].Index, 4-r.place), append(o.Dims[1].Index, 1-r.sex)
		o.Value, o.Row, o.File = append(o.Value, r.value), append(o.Row, int64(i)), append(o.File, 0)
		o.Status = append(o.Status, normalize.Exact)
	}
	return o
}

// stage writes one batch.
func stage(t testing.TB, st *Store, source, id string, pieces ...normalize.Observations) {
	t.Helper()
	w, err := st.Create(source, id, []string{"place", "sex"})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range pieces {
		if err := w.Add(o); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Commit(Batch{}); err != nil {
		t.Fatal(err)
	}
}

// inOneCall is what the rows count when no bucket, batch, source or worker cuts them.
func inOneCall(t testing.TB, st *Store, s privacy.Spec, rows []personRow) []float64 {
	t.Helper()
	c, err := privacy.NewCube(s, period(t, "2024"))
	if err != nil {
		t.Fatal(err)
	}
	var who []privacy.Pseudonym
	codes := make([][]uint32, 2)
	for _, r := range rows {
		if r.value == 1 {
			who, codes[0], codes[1] = append(who, r.pseudonym()), append(codes[0], r.place), append(codes[1], r.sex)
		}
	}
	if err := c.AddPersons(s, "n", st.rankKey("n"), who, codes); err != nil {
		t.Fatal(err)
	}
	return counts(t, s, c, period(t, "2024"))
}

// However rows are dealt to sources, batches, row groups, buckets and workers, the
// cube is the one of all rows in one call, and of nobody more than m count.
func TestPersonsInBuckets(t *testing.T) {
	st, err := Open(private(t), "d")
	if err != nil {
		t.Fatal(err)
	}
	st.group = 50
	staged, source := map[string][]personRow{}, map[string]string{}
	for k := range 5 {
		id := fmt.Sprint("batch", k)
		var rows []personRow
		for range 1 + rand.IntN(150) {
			rows = append(rows, personRow{uint16(rand.IntN(60)), rand.Uint32N(5), rand.Uint32N(2), int64(min(1, rand.IntN(5)))})
		}
		source[id], staged[id] = []string{"a", "b"}[k%2], rows
		cut := rand.IntN(len(rows))
		stage(t, st, source[id], id, observed(t, rows[:cut]), observed(t, rows[cut:]))
	}
	p := period(t, "2024")
	rapid.Check(t, func(rt *rapid.T) {
		m := rapid.Int64Range(1, 6).Draw(rt, "m")
		s, uses, rows := records(t, m), Uses{}, []personRow(nil)
		for _, id := range rapid.Permutation(slices.Sorted(maps.Keys(staged))).Draw(rt, "order")[:rapid.IntRange(0, 5).Draw(rt, "batches")] {
			uses[source[id]], rows = append(uses[source[id]], id), append(rows, staged[id]...)
		}
		st.bucket = rapid.Int64Range(20, 800).Draw(rt, "bucket")
		c, err := st.Cube(t.Context(), s, p, uses, rapid.IntRange(1, 3).Draw(rt, "workers"))
		if err != nil {
			rt.Fatal(err)
		}
		got, want := counts(t, s, c, p), inOneCall(t, st, s, rows)
		if !slices.Equal(got, want) {
			rt.Fatalf("%v, and in one call %v", got, want)
		}
		byPerson := map[uint16]int64{}
		for _, r := range rows {
			byPerson[r.who] += r.value
		}
		sum := 0.0
		for _, k := range byPerson {
			sum += float64(min(k, m))
		}
		for _, v := range got {
			sum -= v
		}
		if sum != 0 {
			rt.Fatalf("%v rows too few are counted", sum)
		}
		excess(t, rt, st, m, uses["a"], staged)
	})
}

// excess holds what is over the bound against a map.
func excess(t *testing.T, rt *rapid.T, st *Store, m int64, batches []string, staged map[string][]personRow) {
	got, err := st.Excess(t.Context(), "a", period(t, "2024"), batches, m)
	if err != nil {
		rt.Fatal(err)
	}
	var want Excess
	rows := map[uint16]int64{}
	for _, id := range batches {
		for _, r := range staged[id] {
			rows[r.who] += r.value
		}
	}
	for _, n := range rows {
		if want.Most = max(want.Most, n); n > m {
			want.Persons, want.Rows = want.Persons+1, want.Rows+n-m
		}
	}
	if got != want {
		rt.Fatalf("excess %+v, want %+v", got, want)
	}
}

// Row groups and their pages are cut by buckets, too, where there are many rows;
// figures beside them are added whole.
func TestPersonsInManyPages(t *testing.T) {
	st, err := Open(private(t), "d")
	if err != nil {
		t.Fatal(err)
	}
	st.group = 3 * personPage
	s := records(t, 2)
	var all []personRow
	uses := Uses{"figures": {"f"}}
	for _, id := range []string{"b1", "b2"} {
		var rows []personRow
		for range 16_000 {
			rows = append(rows, personRow{uint16(rand.IntN(1 << 16)), rand.Uint32N(5), rand.Uint32N(2), 1})
		}
		stage(t, st, "a", id, observed(t, rows), observed(t, rows[:8_000]))
		all = append(append(all, rows...), rows[:8_000]...)
		uses["a"] = append(uses["a"], id)
	}
	figure := observed(t, []personRow{{0, 1, 1, 7}})
	figure.Person = nil
	stage(t, st, "figures", "f", figure)
	want := inOneCall(t, st, s, all)
	want[1*5+1] += 7
	for _, bucket := range []int64{bucketRows, 1 << 13, 1 << 11} {
		st.bucket = bucket
		c, err := st.Cube(t.Context(), s, period(t, "2024"), uses, 2)
		if err != nil {
			t.Fatal(err)
		}
		if got := counts(t, s, c, period(t, "2024")); !slices.Equal(got, want) {
			t.Errorf("buckets of %d rows: %v, want %v", bucket, got, want)
		}
	}
}

// The keys of persons are one in all batches and sources of a namespace, and in no
// other namespace, dataset or use.
func TestPersonKeys(t *testing.T) {
	dir := private(t)
	open := func(dataset string) *Store {
		st, err := Open(dir, dataset)
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	d, again, e := open("d"), open("d"), open("e")
	if !bytes.Equal(d.PersonKey("n"), again.PersonKey("n")) {
		t.Error("the key of a namespace changes")
	}
	keys := [][]byte{d.PersonKey("n"), d.PersonKey("o"), d.PersonKey("/n"), d.rankKey("n"), e.PersonKey("n"), d.input}
	for i, k := range keys {
		if len(k) != 32 {
			t.Errorf("key %d has %d bytes", i, len(k))
		}
		for j := range i {
			if bytes.Equal(k, keys[j]) {
				t.Errorf("keys %d and %d are one", i, j)
			}
		}
	}
	err := filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		if bytes.Contains(b, d.PersonKey("n")) || bytes.Contains(b, d.rankKey("n")) {
			t.Errorf("a derived key is in %s", name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Rows that were hashed under a lost key would make two people of one: they are
// refused, and no word of it quotes anything. So are rows that are not what the
// bound is for.
func TestPersonsRefused(t *testing.T) {
	dir := private(t)
	s := records(t, 1)
	st, err := Open(dir, "d")
	if err != nil {
		t.Fatal(err)
	}
	rows := []personRow{{1, 0, 0, 1}, {2, 1, 1, 1}}
	plain, twice := observed(t, rows), observed(t, []personRow{{1, 0, 0, 2}})
	plain.Person = nil
	stage(t, st, "a", "plain", plain)
	stage(t, st, "a", "twice", twice)
	stage(t, st, "a", "good", observed(t, rows))
	count := func(st *Store, id string) error {
		_, err := st.Cube(t.Context(), s, period(t, "2024"), Uses{"a": {id}}, 1)
		return err
	}
	if err := count(st, "good"); err != nil {
		t.Fatal(err)
	}
	if err := count(st, "plain"); !errors.Is(err, ErrGone) {
		t.Errorf("rows without persons: %v", err)
	}
	if err := count(st, "twice"); err == nil {
		t.Error("a row that counts two is taken")
	}
	w, err := st.Create("a", "mixed", []string{"place", "sex"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add(observed(t, rows)); err != nil {
		t.Fatal(err)
	}
	if w.Add(plain) == nil {
		t.Error("rows with and without persons are in one file")
	}
	short := observed(t, rows)
	short.Person = short.Person[:1]
	if w.Add(short) == nil {
		t.Error("a row has no person")
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(st.inputKey()); err != nil {
		t.Fatal(err)
	}
	if st, err = Open(dir, "d"); err != nil {
		t.Fatal(err)
	}
	if err = count(st, "good"); !errors.Is(err, ErrKeyLost) || strings.Contains(err.Error(), dir) {
		t.Errorf("rows under a lost key: %v", err)
	}
	if _, err = st.Excess(t.Context(), "a", period(t, "2024"), []string{"good"}, 1); !errors.Is(err, ErrKeyLost) {
		t.Errorf("excess under a lost key: %v", err)
	}
}

// The same rows give the same digest whichever batch brings them; nothing but the
// encrypted file has a pseudonym.
func TestPersonsStaged(t *testing.T) {
	dir := private(t)
	st, err := Open(dir, "d")
	if err != nil {
		t.Fatal(err)
	}
	var rows []personRow
	for i := range 500 {
		rows = append(rows, personRow{uint16(i * 7 % 100), uint32(i % 5), uint32(i % 2), 1})
	}
	stage(t, st, "a", "b1", observed(t, rows))
	stage(t, st, "a", "b2", observed(t, rows))
	p := period(t, "2024")
	one, err := st.InputDigest(p, Uses{"a": {"b1"}})
	two, err2 := st.InputDigest(p, Uses{"a": {"b2"}})
	if err != nil || err2 != nil || one != two {
		t.Errorf("the same rows have two digests (%v, %v)", err, err2)
	}
	err = filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		for _, r := range rows {
			if who := r.pseudonym(); bytes.Contains(b, who[:]) || bytes.Contains(b, fmt.Appendf(nil, "%x", who)) {
				t.Fatalf("a pseudonym is in %s", e.Name())
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
