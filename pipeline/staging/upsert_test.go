package staging

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"halftone/pipeline/normalize"
	"halftone/privacy"
)

// A sent row is one version of a key: in a period with a value, or nowhere.
type sent struct {
	id     int
	period int // 0: it counts nothing any more
	place  int
	value  int64
	status normalize.Status
}

var sentPeriods = []string{"", "2023", "2024", "2025"}

// pullOf takes rows as one pull, as normalize gives them: of each key the last.
func pullOf(t testing.TB, st *Store, source, id string, rows []sent) Batch {
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
	last := map[int]sent{}
	for _, r := range rows {
		last[r.id] = r
	}
	var came []normalize.RowKey
	var chunks []normalize.Observations
	o := normalize.Observations{Files: []string{id}, Dims: make([]normalize.Column, 2)}
	for _, p := range sentPeriods[1:] {
		o.Periods = append(o.Periods, period(t, p))
	}
	for i := range 5 { // another order in every pull
		o.Dims[0].Dict = append(o.Dims[0].Dict, fmt.Sprint("place", (i+len(rows))%5))
	}
	o.Dims[1].Dict = []string{"sex0"}
	empty := o
	o.Dims = slices.Clone(empty.Dims)
	for n, r := range rows {
		if last[r.id] != r {
			continue
		}
		delete(last, r.id)
		key := hash(binary.BigEndian.AppendUint64(nil, uint64(r.id)))
		came = append(came, key)
		if r.period == 0 {
			continue
		}
		o.Period = append(o.Period, uint32(r.period-1))
		o.Dims[0].Index = append(o.Dims[0].Index, uint32((r.place-len(rows)%5+5)%5))
		o.Dims[1].Index = append(o.Dims[1].Index, 0)
		o.Value, o.Status, o.Key = append(o.Value, r.value), append(o.Status, r.status), append(o.Key, key)
		o.File, o.Row = append(o.File, 0), append(o.Row, int64(n))
		if len(o.Value) == max(3, len(rows)/7) { // rows come in pieces
			chunks, o = append(chunks, o), empty
			o.Dims = slices.Clone(empty.Dims)
		}
	}
	slices.SortFunc(came, normalize.RowKey.Compare)
	if err := w.Upsert(before, append(chunks, o), came); err != nil {
		t.Fatal(err)
	}
	b, err := w.Commit(Batch{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// setOf is what counts of a period, in words, and its digest.
func setOf(t testing.TB, st *Store, source, text string) (rows []string, digest string) {
	t.Helper()
	batches, err := st.Batches(source)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := Select("upsert", batches, period(t, text))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range ids {
		f, err := st.openRows(source, text, b)
		if err != nil {
			t.Fatal(err)
		}
		defer f.close()
		for _, rg := range f.RowGroups() {
			o, err := readKeyed(f.File, rg, []string{"place", "sex"})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.IsSortedFunc(o.Key, normalize.RowKey.Compare) {
				t.Error("rows are not in the order of their keys")
			}
			for i, v := range o.Value {
				rows = append(rows, fmt.Sprint(o.Dims[0].Dict[o.Dims[0].Index[i]], " ", v, " ", o.Status[i]))
			}
		}
	}
	slices.Sort(rows)
	if digest, err = st.InputDigest(period(t, text), Uses{"the source": nil}); err != nil {
		t.Fatal(err)
	}
	if len(ids) > 0 {
		digest = batches[slices.IndexFunc(batches, func(b Batch) bool { return b.ID == ids[0] })].Periods[text].Digest
	}
	return rows, digest
}

// However rows are cut into pulls, the same set comes out, with the same digest:
// of every key the last row, and nothing of one that ends nowhere.
func TestUpsertCuts(t *testing.T) {
	st, err := Open(private(t), "d")
	if err != nil {
		t.Fatal(err)
	}
	try := 0
	rapid.Check(t, func(r *rapid.T) {
		try++
		one, several := fmt.Sprint("once", try), fmt.Sprint("cut", try)
		rows := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) sent {
			return sent{rapid.IntRange(0, 7).Draw(r, "id"), rapid.IntRange(0, 3).Draw(r, "period"), rapid.IntRange(0, 4).Draw(r, "place"),
				rapid.Int64Range(-1, 3).Draw(r, "value"), normalize.Status(rapid.IntRange(0, 4).Draw(r, "status"))}
		}), 0, 24).Draw(r, "rows")
		pullOf(t, st, one, one, rows)
		cut, n := 0, 0
		for cut < len(rows) {
			next := min(len(rows), cut+rapid.IntRange(5, 24).Draw(r, "cut")) // few pulls: each is synced to the disk
			pullOf(t, st, several, fmt.Sprintf("%s.%02d", several, n), rows[cut:next])
			cut, n = next, n+1
		}
		want := map[string][]string{}
		last := map[int]sent{}
		for _, row := range rows {
			last[row.id] = row
		}
		for _, row := range last {
			want[sentPeriods[row.period]] = append(want[sentPeriods[row.period]], fmt.Sprint("place", row.place, " ", row.value, " ", row.status))
		}
		for _, p := range sentPeriods[1:] {
			slices.Sort(want[p])
			once, digest := setOf(t, st, one, p)
			pieces, other := setOf(t, st, several, p)
			if !slices.Equal(once, want[p]) || !slices.Equal(pieces, want[p]) {
				r.Fatalf("%s: at once %q, in pieces %q, want %q", p, once, pieces, want[p])
			}
			if digest != other {
				r.Fatalf("%s: the digest depends on how rows were cut", p)
			}
		}
	})
}

// What a pull sends again as it was is not written again, and a period that
// nothing is left of holds none.
func TestUpsertChanges(t *testing.T) {
	st, err := Open(private(t), "d")
	if err != nil {
		t.Fatal(err)
	}
	pullOf(t, st, "s", "b1", []sent{{1, 1, 0, 5, 0}, {2, 2, 0, 6, 0}, {3, 2, 1, 7, 0}})
	if b := pullOf(t, st, "s", "b2", []sent{{2, 2, 0, 6, 0}, {9, 0, 0, 0, 0}}); len(b.Periods) != 0 {
		t.Errorf("the same again gives %v", b.Periods)
	}
	b := pullOf(t, st, "s", "b3", []sent{{1, 2, 0, 5, 0}})
	if len(b.Periods) != 2 || b.Periods["2023"] != (Held{}) || b.Periods["2024"].Rows != 3 {
		t.Errorf("a key that moved gives %+v", b.Periods)
	}
	if left, _ := filepath.Glob(filepath.Join(st.dir(), "s", "2023", "b3*")); len(left) > 0 {
		t.Errorf("files of nothing: %v", left)
	}
	// A period whose rows were destroyed stays so: what comes later is not all of it.
	if err := st.Destroy(Loss{Source: "s", Batch: "b3", Over: []string{"2024"}}); err != nil {
		t.Fatal(err)
	}
	if b := pullOf(t, st, "s", "b4", []sent{{7, 2, 0, 5, 0}}); len(b.Periods) != 0 {
		t.Errorf("a destroyed period is held again: %v", b.Periods)
	}
	// Skipped periods are not written, and their keys leave where they were.
	pullOf(t, st, "s", "b5", []sent{{8, 3, 0, 5, 0}})
	batches, err := st.Batches("s")
	if err != nil {
		t.Fatal(err)
	}
	w, err := st.Create("s", "b6", []string{"place", "sex"})
	if err != nil {
		t.Fatal(err)
	}
	w.Skip(func(p privacy.Period) bool { return p.String() == "2023" })
	key := st.RowKeys()(binary.BigEndian.AppendUint64(nil, 8))
	o := normalize.Observations{Periods: []privacy.Period{period(t, "2023")}, Period: []uint32{0}, Value: []int64{1}, Status: []normalize.Status{0},
		Dims:  []normalize.Column{{Dict: []string{"place0"}, Index: []uint32{0}}, {Dict: []string{"sex0"}, Index: []uint32{0}}},
		Files: []string{"f"}, File: []uint32{0}, Row: []int64{1}, Key: []normalize.RowKey{key}}
	if err := w.Upsert(batches, []normalize.Observations{o}, []normalize.RowKey{key}); err != nil {
		t.Fatal(err)
	}
	last, err := w.Commit(Batch{})
	if err != nil {
		t.Fatal(err)
	}
	if len(last.Periods) != 1 || last.Periods["2025"] != (Held{}) {
		t.Errorf("a key that moved to a period that is not kept leaves %+v", last.Periods)
	}
}

// Several row groups are merged in order, and the hash of a key needs the store's key.
func TestUpsertRowGroups(t *testing.T) {
	st, err := Open(private(t), "d")
	if err != nil {
		t.Fatal(err)
	}
	const n = rowGroup + 1000
	rows := make([]sent, n)
	for i := range rows {
		rows[i] = sent{i, 1, i % 5, 1, 0}
	}
	pullOf(t, st, "s", "b1", rows)
	pullOf(t, st, "s", "b2", []sent{{0, 0, 0, 0, 0}, {n / 2, 1, 0, 10, 0}, {n, 1, 0, 100, 0}})
	cells := Cells{}
	if err := st.Cells("s", period(t, "2023"), []string{"b2"}, []string{"place", "sex"}, nil, cells); err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for _, c := range cells {
		sum += c.Value
	}
	if want := int64(n - 2 + 110); sum != want || len(cells) != 5 {
		t.Errorf("%d in %d cells, want %d in 5", sum, len(cells), want)
	}
	other, err := Open(private(t), "d")
	if err != nil {
		t.Fatal(err)
	}
	k, again := st.RowKeys(), st.RowKeys()
	if k([]byte("a")) == other.RowKeys()([]byte("a")) || k([]byte("a")) == k([]byte("b")) || k([]byte("a")) != again([]byte("a")) {
		t.Error("the hash of a key is not that of a keyed hash")
	}
}

// A report that stopped keeps the one of the last pull that was taken; with the
// rows of a batch goes what any of them says of it.
func TestTakenReport(t *testing.T) {
	state := private(t)
	st, err := Open(state, "d")
	if err != nil {
		t.Fatal(err)
	}
	staged(t, st, "a", "b1")
	d := &Diff{Periods: []PeriodChange{{Period: "2024", Change: PeriodNew, Now: 71}, {Period: "2025", Change: PeriodNew}},
		Vocabulary: &Vocabulary{Units: Change{New: []string{"rate"}}}, Before: map[normalize.Outcome]int64{normalize.Counted: 72}}
	r, _, _, _, err := st.Taken("a")
	if err != nil {
		t.Fatal(err)
	}
	if err := st.KeepReport("a", "b1", r, d); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := st.KeepReport("a", "", normalize.Report{Source: "a", Stopped: "why"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if got, _, err := st.Report("a"); err != nil || got.Stopped != "why" {
		t.Errorf("the newest report is %+v, %v", got, err)
	}
	taken, of, batch, ok, err := st.Taken("a")
	if err != nil || !ok || batch != "b1" || taken.Read != 103 || of == nil || len(of.Periods) != 2 {
		t.Errorf("the one that was taken is %+v, %+v of %q, %v", taken, of, batch, err)
	}
	if err := st.Destroy(Loss{Source: "a", Batch: "b1", Over: []string{"2024"}}); err != nil {
		t.Fatal(err)
	}
	_, of, _, _, err = st.Taken("a")
	if err != nil || len(of.Periods) != 1 || of.Periods[0].Period != "2025" || of.Vocabulary != nil || of.Before != nil {
		t.Errorf("after destruction %+v, %v", of, err)
	}
	if err := st.Destroy(Loss{Source: "a", Batch: "b1", Over: []string{"2025"}}); err != nil {
		t.Fatal(err)
	}
	if _, _, _, ok, err := st.Taken("a"); ok || err != nil {
		t.Errorf("it is still there: %v", err)
	}
	b, err := os.ReadFile(filepath.Join(state, "staging", "d", reports, "a.json"))
	if err != nil || bytes.Contains(b, []byte("2025")) || !strings.Contains(string(b), "why") {
		t.Errorf("%s, %v", b, err)
	}
}

// Cells are compared by figure and by what is suppressed.
func TestCellsCompare(t *testing.T) {
	before := Cells{"a": {5, true}, "b": {5, false}, "c": {5, false}, "d": {1, false}}
	now := Cells{"a": {5, false}, "b": {6, true}, "c": {5, false}, "e": {1, false}}
	if changed, shown, suppressed := now.Compare(before); changed != 3 || shown != 1 || suppressed != 1 {
		t.Errorf("%d changed, %d shown, %d suppressed", changed, shown, suppressed)
	}
}
