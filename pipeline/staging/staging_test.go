package staging

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"halftone/pipeline/normalize"
	"halftone/privacy"
)

func spec(t testing.TB) privacy.Spec {
	t.Helper()
	s := privacy.Spec{Dataset: "d", Series: 1, Measure: "flow", Unit: "event", Every: "year", Editions: 1, Mechanism: "laplace",
		Tables:  []privacy.Table{{Name: "cells", Levels: []int{1, 1}}},
		Sources: []privacy.Source{{Name: "a", PerPeriod: 1, Periods: 1, Sensitivity: 1}},
		// So much budget that the noise is 0 and the counts can be seen.
		Budget: privacy.Budget{NanoEpsilon: 500e9}}
	for _, d := range []string{"place", "sex"} {
		lv := privacy.Level{Name: d}
		for i := range 5 {
			lv.Codes, lv.Parent = append(lv.Codes, fmt.Sprint(d, i)), append(lv.Parent, 0)
		}
		s.Dimensions = append(s.Dimensions, privacy.Dimension{Name: d, Levels: []privacy.Level{{Name: "all", Codes: []string{"_T"}}, lv}})
	}
	return s
}

func period(t testing.TB, text string) privacy.Period {
	t.Helper()
	p, err := privacy.ParsePeriod(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// rows makes n observations over two periods whose dictionaries are in no order.
func rows(t testing.TB, n int) normalize.Observations {
	t.Helper()
	o := normalize.Observations{Periods: []privacy.Period{period(t, "2025"), period(t, "2024")}, Files: []string{"secret-name.csv"}}
	o.Dims = []normalize.Column{{Dict: []string{"place3", "place0", "place4"}}, {Dict: []string{"sex1", "sex0"}}}
	for i := range n {
		o.Period = append(o.Period, uint32(rand.IntN(2)))
		o.Dims[0].Index = append(o.Dims[0].Index, uint32(rand.IntN(3)))
		o.Dims[1].Index = append(o.Dims[1].Index, uint32(rand.IntN(2)))
		o.Value, o.Row, o.File = append(o.Value, int64(rand.IntN(9))-1), append(o.Row, int64(i)), append(o.File, 0)
		o.Status = append(o.Status, normalize.Status(rand.IntN(5)))
	}
	return o
}

type memory struct{ sealed []byte }

func (m *memory) Reserve(context.Context, privacy.Charge) error { return nil }
func (m *memory) Seal(_ context.Context, _ privacy.Key, b []byte) error {
	m.sealed = b
	return nil
}
func (m *memory) Sealed(context.Context, privacy.Key) ([]byte, error) {
	if m.sealed == nil {
		return nil, privacy.ErrNotReleased
	}
	return m.sealed, nil
}

// counts reads a cube the only way there is: by a release with hardly any noise
// (b = 1/500: a draw is not 0 once in 10^108).
func counts(t testing.TB, s privacy.Spec, c privacy.Cube, p privacy.Period) []float64 {
	t.Helper()
	r, err := privacy.Measure(t.Context(), s, c, privacy.Key{Dataset: "d", Series: 1, Period: p, Edition: 1}, privacy.Input{}, &memory{})
	if err != nil {
		t.Fatal(err)
	}
	cells, err := r.Cells("cells")
	if err != nil {
		t.Fatal(err)
	}
	return cells.Estimate
}

// What is staged in several pieces, batches and row groups is what comes out, on
// any number of workers.
func TestStageAndCount(t *testing.T) {
	st, err := Open(private(t), "d")
	if err != nil {
		t.Fatal(err)
	}
	s := spec(t)
	want := map[string][]float64{"2024": make([]float64, 25), "2025": make([]float64, 25)}
	uses := Uses{}
	for _, id := range []string{"b1", "b2"} {
		w, err := st.Create("a", id, []string{"place", "sex"})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			o := rows(t, rowGroup/2) // row groups are cut across pieces
			if err := w.Add(o); err != nil {
				t.Fatal(err)
			}
			for i, v := range o.Value {
				place := map[string]int{"place0": 0, "place3": 3, "place4": 4}[o.Dims[0].Dict[o.Dims[0].Index[i]]]
				sex := map[string]int{"sex0": 0, "sex1": 1}[o.Dims[1].Dict[o.Dims[1].Index[i]]]
				want[o.Periods[o.Period[i]].String()][place*5+sex] += float64(v)
			}
		}
		if _, err := w.Commit(Batch{}); err != nil {
			t.Fatal(err)
		}
		uses["a"] = append(uses["a"], id)
	}
	for text, cells := range want {
		p := period(t, text)
		for _, workers := range []int{1, 2, 7} {
			c, err := st.Cube(t.Context(), s, p, uses, workers)
			if err != nil {
				t.Fatal(err)
			}
			if got := counts(t, s, c, p); fmt.Sprint(got) != fmt.Sprint(cells) {
				t.Errorf("%s on %d workers: the counts differ", text, workers)
			}
		}
	}
	empty, err := st.Cube(t.Context(), s, period(t, "2030"), Uses{}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if got := counts(t, s, empty, period(t, "2030")); fmt.Sprint(got) != fmt.Sprint(make([]float64, 25)) {
		t.Error("a period without rows is not zeros")
	}
}

// No text of a row and no plain Parquet is on disk, and everything is private.
func TestStagedFilesAreEncryptedAndPrivate(t *testing.T) {
	state := private(t)
	st, err := Open(state, "d")
	if err != nil {
		t.Fatal(err)
	}
	w, err := st.Create("a", "b1", []string{"place", "sex"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add(rows(t, 100)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(Batch{}); err != nil {
		t.Fatal(err)
	}
	files := 0
	err = filepath.WalkDir(state, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == state {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		if e.IsDir() {
			return nil
		}
		files++
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, secret := range []string{"place3", "sex1", "secret-name", "PAR1"} {
			if bytes.Contains(b, []byte(secret)) {
				t.Errorf("%s holds %s", filepath.Base(path), secret)
			}
		}
		return nil
	})
	if err != nil || files != 5 { // two periods, description, two keys
		t.Error(err, files)
	}
}

// A pull that never committed leaves nothing after a sweep; one that was
// aborted leaves nothing at once; a committed one stays.
func TestUnfinishedBatchesAreSwept(t *testing.T) {
	state := private(t)
	st, _ := Open(state, "d")
	for _, id := range []string{"b1", "b2", "b3"} {
		w, err := st.Create("a", id, []string{"place", "sex"})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Add(rows(t, 10)); err != nil {
			t.Fatal(err)
		}
		switch id {
		case "b1":
			if _, err := w.Commit(Batch{}); err != nil {
				t.Fatal(err)
			}
		case "b2":
			if err := w.Abort(); err != nil {
				t.Fatal(err)
			}
		}
	}
	left := func() (n int) {
		_ = filepath.WalkDir(state, func(_ string, e fs.DirEntry, _ error) error {
			if !e.IsDir() {
				n++
			}
			return nil
		})
		return n
	}
	if n := left(); n != 1+4+3 { // input key; b1: two files, description, key; b3: two unfinished files and a key
		t.Errorf("%d files before the sweep", n)
	}
	if err := st.Sweep(); err != nil {
		t.Fatal(err)
	}
	if n := left(); n != 1+4 {
		t.Errorf("%d files after the sweep", n)
	}
	bs, err := st.Batches("a")
	if err != nil || len(bs) != 1 || bs[0].ID != "b1" {
		t.Error(bs, err)
	}
}

// A flipped bit in a staged file, or a destroyed key, stops the count.
func TestDamageIsNoticed(t *testing.T) {
	state := private(t)
	st, _ := Open(state, "d")
	w, _ := st.Create("a", "b1", []string{"place", "sex"})
	if err := w.Add(rows(t, 1000)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(Batch{}); err != nil {
		t.Fatal(err)
	}
	name := st.file("a", "2024", "b1")
	whole, _ := os.ReadFile(name)
	for _, at := range []int{10, len(whole) / 2, len(whole) - 5} {
		b := bytes.Clone(whole)
		b[at] ^= 1
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := st.Cube(t.Context(), spec(t), period(t, "2024"), Uses{"a": {"b1"}}, 1); err == nil {
			t.Errorf("byte %d flipped, and nothing noticed", at)
		}
	}
	if err := os.Remove(filepath.Join(st.keyDir(), "b1.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Cube(t.Context(), spec(t), period(t, "2024"), Uses{"a": {"b1"}}, 1); !errors.Is(err, ErrGone) {
		t.Error(err)
	}
}

func TestSelect(t *testing.T) {
	held := func(id string, items string, periods ...string) Batch {
		b := Batch{ID: id, Periods: map[string]Held{}}
		for _, p := range periods {
			p, gone := strings.CutSuffix(p, "!")
			rows := int64(1)
			if gone {
				rows = 0
			}
			b.Periods[p] = Held{Rows: rows}
		}
		for _, i := range items {
			b.Items = append(b.Items, Item{Digest: string(i)})
		}
		return b
	}
	batches := []Batch{held("1", "a", "2024"), held("2", "b", "2024", "2025"), held("3", "c", "2025")}
	again := append(slices.Clone(batches), held("4", "abc", "2024", "2025")) // all files under a new mapping
	for _, tc := range []struct {
		delivers, period, want string
		batches                []Batch
	}{
		{"whole", "2024", "[2]", batches}, {"whole", "2025", "[3]", batches}, {"whole", "2026", "[]", batches},
		{"append", "2024", "[1 2]", batches}, {"append", "2025", "[2 3]", batches},
		{"append", "2024", "[4]", again}, {"append", "2025", "[4]", again},
		{"whole", "2024", "[]", append(slices.Clone(batches), held("4", "d", "2024!", "2025"))},
	} {
		got, err := Select(tc.delivers, tc.batches, period(t, tc.period))
		if err != nil || fmt.Sprint(got) != tc.want {
			t.Errorf("%s %s of %d: %s, %v, want %s", tc.delivers, tc.period, len(tc.batches), got, err, tc.want)
		}
	}
	partly := []Batch{held("1", "ab", "2024"), held("2", "b", "2024")}
	if got, err := Select("append", partly, period(t, "2024")); !errors.Is(err, ErrGone) {
		t.Errorf("rows would count twice: %s, %v", got, err)
	}
}

// The digest stands for the rows: same rows, same digest; other rows, another.
func TestInputDigest(t *testing.T) {
	st, _ := Open(private(t), "d")
	o := rows(t, 50)
	stage := func(id string, o normalize.Observations) string {
		w, _ := st.Create("a", id, []string{"place", "sex"})
		if err := w.Add(o); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Commit(Batch{}); err != nil {
			t.Fatal(err)
		}
		d, err := st.InputDigest(period(t, "2024"), Uses{"a": {id}})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	a, b := stage("b1", o), stage("b2", o)
	o.Value[0]++
	o.Period[0] = 1 // 2024
	if c := stage("b3", o); a != b || c == a {
		t.Error("digests do not follow the rows")
	}
	k := privacy.Key{Dataset: "d", Series: 1, Period: period(t, "2024"), Edition: 1}
	if _, err := st.Pinned(k); !errors.Is(err, ErrGone) {
		t.Error(err)
	}
	if err := st.Pin(k, Uses{"a": {"b1", "b2"}}); err != nil {
		t.Fatal(err)
	}
	if u, err := st.Pinned(k); err != nil || fmt.Sprint(u) != "map[a:[b1 b2]]" {
		t.Error(u, err)
	}
}

// private is a folder as the state folder must be.
func private(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}
