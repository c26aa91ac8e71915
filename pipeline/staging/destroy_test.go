package staging

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"halftone/pipeline/normalize"
	"halftone/privacy"
)

// a batch with rows of 2024 and 2025, and its report.
func staged(t *testing.T, st *Store, source, id string) {
	t.Helper()
	w, err := st.Create(source, id, []string{"place", "sex"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add(rows(t, 100)); err != nil {
		t.Fatal(err)
	}
	b, err := w.Commit(Batch{Items: []Item{{Name: "a.csv", Digest: st.ItemDigest("x")}}})
	if err != nil {
		t.Fatal(err)
	}
	r := normalize.Report{Source: source, Read: 103, Outcomes: map[normalize.Outcome]int64{normalize.Counted: 100, normalize.Quarantined: 2, normalize.Filtered: 1},
		Periods: map[string]int64{}, Unknown: map[string]int64{"sex": 7}}
	for p, h := range b.Periods {
		r.Periods[p] = h.Rows
	}
	if err := st.KeepReport(source, id, r, nil); err != nil {
		t.Fatal(err)
	}
}

// files are all below the state folder, by their names in it.
func files(t *testing.T, state string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(state, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(state, path)
		out[rel], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// opened counts the staged files, wherever they were copied, that a key which is
// still in the state folder opens.
func opened(t *testing.T, state string, copies map[string][]byte) (n int) {
	t.Helper()
	var ids []age.Identity
	for name, b := range files(t, state) {
		if id, err := age.ParseX25519Identity(strings.TrimSpace(string(b))); strings.HasPrefix(name, "keys/") && err == nil {
			ids = append(ids, id)
		}
	}
	for name, b := range copies {
		if !strings.HasSuffix(name, suffix) || len(ids) == 0 {
			continue
		}
		if _, err := age.Decrypt(bytes.NewReader(b), ids...); err == nil {
			n++
		}
	}
	return n
}

func (b Batch) short() string {
	var s []string
	for _, p := range slices.Sorted(maps.Keys(b.Periods)) {
		word := "rows"
		if h := b.Periods[p]; h.Gone && h.Rows == 0 && h.Digest == "" {
			word = "gone"
		} else if h.Gone {
			word = "both"
		}
		s = append(s, p+" "+word)
	}
	return strings.Join(s, ", ")
}

// One period goes, then the other; what is said of rows goes with them.
func TestDestroy(t *testing.T) {
	state := private(t)
	st, _ := Open(state, "d")
	staged(t, st, "a", "b1")
	copies := files(t, state)
	before, _, err := st.Report("a")
	if err != nil {
		t.Fatal(err)
	}

	if err := st.Destroy(Loss{Source: "a", Batch: "b1", Over: []string{"2024"}}); err != nil {
		t.Fatal(err)
	}
	bs, _ := st.Batches("a")
	r, ok, err := st.Report("a")
	if len(bs) != 1 || bs[0].short() != "2024 gone, 2025 rows" || !bs[0].Holds() || err != nil || !ok {
		t.Fatal(bs, r, ok, err)
	}
	want := before.Periods["2025"]
	if r.Read != want+2 || r.Outcomes[normalize.Counted] != want || len(r.Outcomes) != 2 || len(r.Periods) != 1 || r.Unknown != nil {
		t.Errorf("the report still tells of 2024: %+v", r)
	}
	if _, err := st.Cube(t.Context(), spec(t), period(t, "2025"), Uses{"a": {"b1"}}, 1); err != nil {
		t.Error(err)
	}
	if _, err := st.Cube(t.Context(), spec(t), period(t, "2024"), Uses{"a": {"b1"}}, 1); !errors.Is(err, ErrGone) {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(st.dir(), "a", "2024")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the folder is still there")
	}
	if n := opened(t, state, copies); n != 2 { // the key is of the batch: so it is said in the documents
		t.Errorf("%d copies can be opened", n)
	}

	if err := st.Destroy(Loss{Source: "a", Batch: "b1", Over: []string{"2025"}}); err != nil {
		t.Fatal(err)
	}
	bs, _ = st.Batches("a")
	if _, ok, err := st.Report("a"); len(bs) != 1 || bs[0].short() != "2024 gone, 2025 gone" || bs[0].Holds() || ok || err != nil {
		t.Error(bs, ok, err)
	}
	if n := opened(t, state, copies); n != 0 || len(files(t, state)) != 2 { // description and input key
		t.Errorf("%d copies can be opened; %v", n, slices.Sorted(maps.Keys(files(t, state))))
	}
	for name, b := range files(t, state) {
		if strings.HasSuffix(name, ".json") && regexp.MustCompile(`"rows":[^0]|"digest":"[^"]+"[^}]*"gone"`).Match(b) {
			t.Errorf("%s tells of rows: %s", name, b)
		}
	}
	if _, err := Select("whole", bs, period(t, "2024")); !errors.Is(err, ErrDestroyed) {
		t.Errorf("destroyed rows are taken for rows that never were: %v", err)
	}
}

// What a newer batch holds is forgotten, and a batch of which nothing is left, but
// for who let it pass.
func TestDestroySuperseded(t *testing.T) {
	for _, accepted := range []*Acceptance{nil, {By: "A. Person", Reason: "agreed"}} {
		state := private(t)
		st, _ := Open(state, "d")
		staged(t, st, "a", "b1")
		bs, _ := st.Batches("a")
		bs[0].Accepted = accepted
		if err := st.describe(bs[0]); err != nil {
			t.Fatal(err)
		}
		staged(t, st, "a", "b2")
		if err := st.Destroy(Loss{Source: "a", Batch: "b1", Superseded: []string{"2024", "2025"}}); err != nil {
			t.Fatal(err)
		}
		bs, _ = st.Batches("a")
		if accepted != nil {
			if len(bs) != 2 || *bs[0].Accepted != *accepted || len(bs[0].Items)+len(bs[0].Periods) > 0 {
				t.Errorf("%+v", bs)
			}
			bs = bs[1:]
		}
		if len(bs) != 1 || bs[0].ID != "b2" || bs[0].short() != "2024 rows, 2025 rows" {
			t.Errorf("%+v", bs)
		}
		if ids, err := Select("whole", bs, period(t, "2024")); err != nil || fmt.Sprint(ids) != "[b2]" {
			t.Error(ids, err)
		}
		if r, ok, _ := st.Report("a"); !ok || r.Read != 103 {
			t.Error("the report of the newest batch has changed")
		}
	}
}

// A crash after any step: what is left is ended by the same call, and once the key
// is gone by the next start, whatever else was decided since.
func TestCrashWhileDestroying(t *testing.T) {
	for _, what := range []struct {
		name string
		loss Loss
	}{
		{"all", Loss{Source: "a", Batch: "b1", Over: []string{"2024", "2025"}}},
		{"one period", Loss{Source: "a", Batch: "b1", Over: []string{"2024"}}},
		{"superseded", Loss{Source: "a", Batch: "b1", Superseded: []string{"2024", "2025"}}},
	} {
		all := what.name != "one period"
		for crash := 0; ; crash++ {
			state := private(t)
			st, _ := Open(state, "d")
			staged(t, st, "a", "b1")
			staged(t, st, "a", "b2")
			copies := files(t, state)
			maps.DeleteFunc(copies, func(name string, _ []byte) bool { return !strings.Contains(name, "b1") })
			steps, err := st.destruction(what.loss)
			if err != nil {
				t.Fatal(err)
			}
			if crash > len(steps) {
				break
			}
			for _, step := range steps[:crash] {
				if err := step(); err != nil {
					t.Fatal(err)
				}
			}
			if n := opened(t, state, copies); crash > 0 && all && n != 0 {
				t.Errorf("%s, %d steps: the key did not go first", what.name, crash)
			}
			st, err = Open(state, "d")
			if err != nil {
				t.Fatal(err)
			}
			if err := st.Sweep(); err != nil {
				t.Fatal(err)
			}
			bs, _ := st.Batches("a")
			if all && crash > 0 && bs[0].ID == "b1" && bs[0].Holds() {
				t.Errorf("%s, %d steps: rows without a key are still described", what.name, crash)
			}
			if bs[0].ID == "b1" { // else nothing is left to be done
				if err := st.Destroy(what.loss); err != nil {
					t.Errorf("%s, %d steps: %v", what.name, crash, err)
				}
			}
			want := map[string]string{"all": "2024 gone, 2025 gone", "one period": "2024 gone, 2025 rows"}[what.name]
			if bs, _ = st.Batches("a"); len(bs) == 2 && want == "" || len(bs) == 2 && bs[0].short() != want || len(bs) == 1 && want != "" {
				t.Errorf("%s, %d steps: %v", what.name, crash, bs)
			}
			left := 0
			for name := range files(t, state) {
				if strings.HasSuffix(name, suffix) || strings.HasSuffix(name, ".key") {
					left++
				}
			}
			if want := map[bool]int{true: 2 + 2, false: 2 + 1 + 3}[all]; left != want { // two keys and two files are of others
				t.Errorf("%s, %d steps: %d files and keys", what.name, crash, left)
			}
		}
	}
}

// A key that was overwritten and is still there opens nothing, and is taken for gone.
func TestCrashWhileWiping(t *testing.T) {
	state := private(t)
	st, _ := Open(state, "d")
	staged(t, st, "a", "b1")
	name := st.batchKey("b1")
	key, _ := os.ReadFile(name)
	if err := os.WriteFile(name, make([]byte, len(key)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := st.Sweep(); err != nil {
		t.Fatal(err)
	}
	bs, _ := st.Batches("a")
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) || len(bs) != 1 || bs[0].short() != "2024 gone, 2025 gone" {
		t.Error(bs, err)
	}
}

// The key is overwritten in place: another name of the same bytes shows it.
func TestKeysAreOverwritten(t *testing.T) {
	state := private(t)
	st, _ := Open(state, "d")
	staged(t, st, "a", "b1")
	for _, key := range []string{st.batchKey("b1"), st.inputKey()} {
		other := filepath.Join(state, "other name")
		if err := os.Link(key, other); err != nil {
			t.Fatal(err)
		}
		size, _ := os.Stat(other)
		if err := wipe(key); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(other); err != nil || len(b) == 0 || int64(len(b)) != size.Size() || len(bytes.Trim(b, "\x00")) > 0 {
			t.Errorf("%s: %q, %v", filepath.Base(key), b, err)
		}
		if _, err := os.Stat(key); !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		if err := errors.Join(wipe(key), os.Remove(other)); err != nil { // again, after a crash
			t.Error(err)
		}
	}
}

// With the input key goes all that was made under it, but for the marks and who
// accepted what; a new key makes other digests.
func TestDestroyInput(t *testing.T) {
	state := private(t)
	st, _ := Open(state, "d")
	if keyed, err := st.Keyed(); keyed || err != nil {
		t.Error(keyed, err)
	}
	staged(t, st, "a", "b1")
	digest := st.ItemDigest("x")
	k := privacy.Key{Dataset: "d", Series: 1, Period: period(t, "2024"), Edition: 1}
	if err := errors.Join(st.Pin(k, Uses{"a": {"b1"}}), st.Destroy(Loss{Source: "a", Batch: "b1", Over: []string{"2024", "2025"}})); err != nil {
		t.Fatal(err)
	}
	if keyed, err := st.Keyed(); !keyed || err != nil {
		t.Error(keyed, err)
	}
	if err := st.DestroyInput(); err != nil {
		t.Fatal(err)
	}
	st, _ = Open(state, "d")
	bs, _ := st.Batches("a")
	if _, err := st.Pinned(k); !errors.Is(err, ErrGone) || len(bs) != 1 || len(bs[0].Items) > 0 || bs[0].short() != "2024 gone, 2025 gone" {
		t.Error(bs, err)
	}
	if keyed, err := st.Keyed(); keyed || err != nil || st.ItemDigest("x") == digest {
		t.Error(keyed, err)
	}
	if err := errors.Join(st.Unpin(k), st.DropReport("a")); err != nil { // twice is no error
		t.Error(err)
	}
}

// Rows that are not to be kept are never written.
func TestSkip(t *testing.T) {
	st, _ := Open(private(t), "d")
	w, err := st.Create("a", "b1", []string{"place", "sex"})
	if err != nil {
		t.Fatal(err)
	}
	w.Skip(func(p privacy.Period) bool { return p.String() == "2024" })
	if err := w.Add(rows(t, 100)); err != nil {
		t.Fatal(err)
	}
	b, err := w.Commit(Batch{})
	if err != nil || b.short() != "2025 rows" {
		t.Error(b, err)
	}
	if _, err := os.Stat(st.file("a", "2024", "b1")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
