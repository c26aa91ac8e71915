package staging

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"halftone/pipeline/normalize"
)

// pullPersons takes records as one pull of upsert: row of each key, none: deleted.
func pullPersons(t testing.TB, st *Store, source, id string, rows map[int]personRow, came []int) Batch {
	t.Helper()
	before, err := st.Batches(source)
	if err != nil {
		t.Fatal(err)
	}
	w, err := st.Create(source, id, []string{"place", "sex"})
	if err != nil {
		t.Fatal(err)
	}
	hash := st.RowKeys()
	key := func(n int) normalize.RowKey { return hash(binary.BigEndian.AppendUint64(nil, uint64(n))) }
	var sent []personRow
	var keys, all []normalize.RowKey
	for _, n := range came {
		all = append(all, key(n))
		if r, ok := rows[n]; ok {
			sent, keys = append(sent, r), append(keys, key(n))
		}
	}
	slices.SortFunc(all, normalize.RowKey.Compare)
	var chunks []normalize.Observations
	if len(sent) > 0 {
		o := observed(t, sent)
		o.Key = keys
		chunks = append(chunks, o)
	}
	if err := w.Upsert(before, chunks, all); err != nil {
		t.Fatal(err)
	}
	b, err := w.Commit(Batch{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// However records are cut into pulls, the same rows are staged, each with its own
// person, under the same digest; they count as in one call.
func TestPersonsUpsert(t *testing.T) {
	st, err := Open(private(t), "d")
	if err != nil {
		t.Fatal(err)
	}
	st.group, st.bucket = 7, 10 // several row groups and buckets
	p := period(t, "2024")
	for try := range 12 { // few: each pull is synced to the disk
		a, b := fmt.Sprint("a", try), fmt.Sprint("b", try)
		s := records(t, 1+rand.Int64N(3))
		s.Sources[0].Name, s.Sources[1].Name = a, b
		now, ever := map[int]personRow{}, map[int]bool{}
		var last Batch
		for n := range 1 + rand.IntN(3) {
			came := rand.Perm(40)[:rand.IntN(30)]
			for _, k := range came {
				if ever[k] = true; rand.IntN(5) == 0 {
					delete(now, k)
					continue
				}
				now[k] = personRow{uint16(k % 9), rand.Uint32N(5), rand.Uint32N(2), rand.Int64N(2)}
			}
			if got := pullPersons(t, st, a, fmt.Sprintf("%s.%d", a, n), now, came); len(got.Periods) > 0 {
				last = got
			}
		}
		whole := pullPersons(t, st, b, b+".0", now, slices.Sorted(maps.Keys(ever)))
		held := last.Periods["2024"]
		if held.Rows != int64(len(now)) || held.Rows != whole.Periods["2024"].Rows || held.Digest != whole.Periods["2024"].Digest {
			t.Fatalf("in pieces %+v, at once %+v, of %d", held, whole.Periods["2024"], len(now))
		}
		if held.Rows == 0 {
			continue
		}
		if last.Persons != st.hashedUnder() || whole.Persons != st.hashedUnder() {
			t.Fatal("a batch does not say under which key persons were hashed")
		}
		want := inOneCall(t, st, s, slices.Collect(maps.Values(now)))
		for _, uses := range []Uses{{a: {last.ID}}, {b: {whole.ID}}} {
			c, err := st.Cube(t.Context(), s, p, uses, 2)
			if err != nil {
				t.Fatal(err)
			}
			if got := counts(t, s, c, p); !slices.Equal(got, want) {
				t.Fatalf("%v, and in one call %v", got, want)
			}
		}
	}
}

// Rows without persons are not merged with rows that have some.
func TestPersonsUpsertMixed(t *testing.T) {
	st, err := Open(private(t), "d")
	if err != nil {
		t.Fatal(err)
	}
	pullPersons(t, st, "a", "b1", map[int]personRow{1: {1, 0, 0, 1}}, []int{1})
	before, err := st.Batches("a")
	if err != nil {
		t.Fatal(err)
	}
	w, err := st.Create("a", "b2", []string{"place", "sex"})
	if err != nil {
		t.Fatal(err)
	}
	o := observed(t, []personRow{{2, 0, 0, 1}})
	o.Person, o.Key = nil, []normalize.RowKey{{1}}
	if err := w.Upsert(before, []normalize.Observations{o}, o.Key); err == nil {
		t.Error("accepted")
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
}
