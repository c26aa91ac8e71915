package runs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The test binary is started again as another process with this set.
const childDir = "HALFTONE_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(child(dir))
	}
	os.Exit(m.Run())
}

// child locks the folder, starts a run and is killed.
func child(dir string) int {
	_, err := Lock(dir)
	if errors.Is(err, ErrBusy) {
		return 3
	}
	if err != nil {
		return 1
	}
	s, err := Open(context.Background(), dir, clock)
	if err != nil {
		return 1
	}
	if _, err := s.Start(context.Background(), "d", KindRun, "2026-11-23T06:00"); err != nil {
		return 1
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	return 1
}

func again(t *testing.T, dir string) error {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe)
	c.Env = append(os.Environ(), childDir+"="+dir)
	return c.Run()
}

func clock() time.Time { return time.Date(2026, 11, 23, 9, 20, 1, 5, time.FixedZone("", 3600)) }

func opened(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), dir, clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func start(t *testing.T, s *Store, dataset string, kind Kind, occurrence string) Run {
	t.Helper()
	r, err := s.Start(t.Context(), dataset, kind, occurrence)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func finish(t *testing.T, s *Store, r Run, state State, res Result) {
	t.Helper()
	if err := s.Finish(t.Context(), r.ID, state, res); err != nil {
		t.Fatal(err)
	}
}

func TestRuns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := opened(t, dir)
	a := start(t, s, "d", KindPull, "")
	if _, err := s.Start(t.Context(), "d", KindRun, ""); !errors.Is(err, ErrBusy) {
		t.Errorf("overlap: %v", err)
	}
	b := start(t, s, "e", KindRun, "") // another dataset
	finish(t, s, a, Done, Result{Outcome: "complete"})
	finish(t, s, b, Waiting, Result{Outcome: "budget"})
	c := start(t, s, "d", KindRun, "")
	finish(t, s, c, Done, Result{"published", "2026.11-1", 1})
	if err := errors.Join(s.Close()); err != nil {
		t.Fatal(err)
	}
	s = opened(t, dir)
	got, err := s.List(t.Context(), "d", 10)
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	at := time.Date(2026, 11, 23, 8, 20, 1, 0, time.UTC)
	want := Run{3, "d", KindRun, ByHand, "", 1, Done, Result{"published", "2026.11-1", 1}, at, at}
	if got[0] != want || got[1].ID != 1 || got[1].Kind != KindPull {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	if all, err := s.List(t.Context(), "", 2); err != nil || len(all) != 2 || all[0].ID != 3 || all[1].Dataset != "e" {
		t.Errorf("%+v, %v", all, err)
	}
	for name, err := range map[string]error{
		"finished twice":   s.Finish(t.Context(), 3, Failed, Result{}),
		"unknown":          s.Finish(t.Context(), 9, Failed, Result{}),
		"ends as started":  s.Finish(t.Context(), 3, Started, Result{}),
		"ends interrupted": s.Finish(t.Context(), 3, Interrupted, Result{}),
		"no dataset":       fails(s.Start(t.Context(), "", KindRun, "")),
		"no kind":          fails(s.Start(t.Context(), "d", "", "")),
		"no occurrence":    fails(s.Start(t.Context(), "d", KindRun, "tomorrow")),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func fails(_ Run, err error) error { return err }

// An occurrence is done once, and is tried again until it is.
func TestOccurrence(t *testing.T) {
	s := opened(t, filepath.Join(t.TempDir(), "state"))
	const o = "2026-11-23T06:00"
	for i, end := range []State{Failed, Waiting, Interrupted, Done} {
		r := start(t, s, "d", KindRun, o)
		if r.Attempt != i+1 || r.Trigger != BySchedule {
			t.Errorf("%+v, want attempt %d", r, i+1)
		}
		if end != Interrupted {
			finish(t, s, r, end, Result{})
		} else if dead, err := s.Recover(t.Context()); err != nil || len(dead) != 1 || dead[0].ID != r.ID || dead[0].State != Interrupted {
			t.Errorf("recovered %+v, %v", dead, err)
		}
	}
	if _, err := s.Start(t.Context(), "d", KindRun, o); !errors.Is(err, ErrDone) {
		t.Errorf("done twice: %v", err)
	}
	// Another kind, occurrence or dataset is another.
	for _, r := range []Run{start(t, s, "e", KindRun, o), start(t, s, "d", KindPull, o)} {
		if r.Attempt != 1 {
			t.Errorf("%+v", r)
		}
	}
	if dead, err := s.Recover(t.Context()); err != nil || len(dead) != 2 {
		t.Errorf("%+v, %v", dead, err)
	}
	if dead, err := s.Recover(t.Context()); err != nil || len(dead) != 0 {
		t.Errorf("recovered twice: %+v, %v", dead, err)
	}
}

// kill -9 in the middle of a scheduled run: the lock is free, the run is marked,
// and its occurrence is tried again.
func TestKilled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if s, ok := errors.AsType[*exec.ExitError](again(t, dir)); !ok || s.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the child was not killed: %v", s)
	}
	unlock, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	s := opened(t, dir)
	if _, err := s.Start(t.Context(), "d", KindRun, "2026-11-23T06:00"); !errors.Is(err, ErrBusy) {
		t.Errorf("before recovery: %v", err)
	}
	if dead, err := s.Recover(t.Context()); err != nil || len(dead) != 1 {
		t.Fatalf("%+v, %v", dead, err)
	}
	if r := start(t, s, "d", KindRun, "2026-11-23T06:00"); r.Attempt != 2 || r.ID != 2 {
		t.Errorf("%+v", r)
	}
}

func TestLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	unlock, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); !errors.Is(err, ErrBusy) {
		t.Errorf("second lock: %v", err)
	}
	if s, ok := errors.AsType[*exec.ExitError](again(t, dir)); !ok || s.ExitCode() != 3 {
		t.Errorf("another process: %v", s)
	}
	unlock()
	unlock()
	second, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	unlock() // of the first: must not free the second
	if _, err := Lock(dir); !errors.Is(err, ErrBusy) {
		t.Errorf("the first unlock freed the second lock: %v", err)
	}
	second()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); err == nil || errors.Is(err, ErrBusy) {
		t.Errorf("open folder: %v", err)
	}
}

func TestCursor(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := opened(t, dir)
	at := func(want string) {
		t.Helper()
		if o, err := s.Cursor(t.Context(), "d"); err != nil || o != want {
			t.Errorf("cursor %q, %v, want %q", o, err, want)
		}
	}
	at("")
	for range 2 {
		if err := s.Advance(t.Context(), "d", "2026-11-23T06:00", Skip{"2026-11-21T06:00", "missed"}, Skip{"2026-11-22T06:00", "overlap"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = opened(t, dir)
	at("2026-11-23T06:00")
	for name, err := range map[string]error{
		"back":           s.Advance(t.Context(), "d", "2026-11-22T06:00"),
		"no occurrence":  s.Advance(t.Context(), "d", "2026-11-24"),
		"no dataset":     s.Advance(t.Context(), "", "2026-11-24T06:00"),
		"skip after":     s.Advance(t.Context(), "d", "2026-11-24T06:00", Skip{"2026-11-25T06:00", "missed"}),
		"skip no reason": s.Advance(t.Context(), "d", "2026-11-24T06:00", Skip{"2026-11-23T07:00", ""}),
		"skip no time":   s.Advance(t.Context(), "d", "2026-11-24T06:00", Skip{"", "missed"}),
	} {
		if err == nil || (name == "back") != errors.Is(err, ErrDone) {
			t.Errorf("%s: %v", name, err)
		}
	}
	at("2026-11-23T06:00")
	if k, err := s.Skips(t.Context(), "d"); err != nil || !slices.Equal(k, []Skip{{"2026-11-21T06:00", "missed"}, {"2026-11-22T06:00", "overlap"}}) {
		t.Errorf("skips %v, %v", k, err)
	}
	if k, err := s.Skips(t.Context(), "e"); err != nil || k != nil {
		t.Errorf("skips of another: %v, %v", k, err)
	}
}

// Whatever is published, lost or deleted: no name and no sequence comes twice,
// as long as the floors say what was seen in public.
func TestTakeVersion(t *testing.T) {
	test := t
	rapid.Check(t, func(t *rapid.T) {
		dir := filepath.Join(test.TempDir(), "state")
		s, err := Open(context.Background(), dir, clock)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		names, last, public := map[string]bool{}, 0, map[string]Floor{} // as the public folder knows it, a month
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			if rapid.IntRange(0, 4).Draw(t, "deleted") == 0 {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				// Names that were never shown may come again, once nobody remembers them.
				for _, n := range []string{"", "-wal", "-shm"} {
					_ = os.Remove(filepath.Join(dir, "runs.db"+n))
				}
				if s, err = Open(context.Background(), dir, clock); err != nil {
					t.Fatal(err)
				}
				names, last = map[string]bool{}, 0
				for m, f := range public {
					last = max(last, f.Sequence)
					for n := range f.Number {
						names[fmt.Sprintf("%s-%d", m, n+1)] = true
					}
				}
			}
			month := rapid.SampledFrom([]string{"2026.11", "2026.12"}).Draw(t, "month")
			floor := Floor{Number: public[month].Number}
			for _, f := range public {
				floor.Sequence = max(floor.Sequence, f.Sequence)
			}
			name, sequence, err := s.TakeVersion(context.Background(), "d", month, floor)
			if err != nil {
				t.Fatal(err)
			}
			if names[name] || sequence <= last || !strings.HasPrefix(name, month+"-") {
				t.Fatalf("%s, sequence %d after %d: taken before", name, sequence, last)
			}
			names[name], last = true, sequence
			if rapid.Bool().Draw(t, "published") {
				var n int
				if _, err := fmt.Sscanf(name, month+"-%d", &n); err != nil {
					t.Fatal(err)
				}
				public[month] = Floor{n, sequence}
			}
		}
	})
	s := opened(t, filepath.Join(t.TempDir(), "state"))
	for _, want := range []struct {
		dataset, month string
		floor          Floor
		name           string
		sequence       int
	}{
		{"d", "2026.11", Floor{}, "2026.11-1", 1}, {"d", "2026.11", Floor{}, "2026.11-2", 2}, {"d", "2026.12", Floor{}, "2026.12-1", 3},
		{"d", "2026.12", Floor{4, 9}, "2026.12-5", 10}, {"d", "2026.11", Floor{1, 1}, "2026.11-3", 11}, {"e", "2026.11", Floor{}, "2026.11-1", 1},
	} {
		if n, q, err := s.TakeVersion(t.Context(), want.dataset, want.month, want.floor); err != nil || n != want.name || q != want.sequence {
			t.Errorf("%s %d %v, want %+v", n, q, err, want)
		}
	}
	for _, m := range []string{"", "2026-11", "2026.13", "2026.1", "x"} {
		if n, _, err := s.TakeVersion(t.Context(), "d", m, Floor{}); err == nil {
			t.Errorf("month %q: %s", m, n)
		}
	}
}

// Two handles at once: nothing comes twice, nothing overlaps.
func TestRace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	var mu sync.Mutex
	names, started := map[string]int{}, 0
	var all sync.WaitGroup
	for range 2 {
		s := opened(t, dir)
		all.Go(func() {
			for range 10 {
				n, _, err := s.TakeVersion(context.Background(), "d", "2026.11", Floor{})
				_, serr := s.Start(context.Background(), "d", KindRun, "2026-11-23T06:00")
				if err != nil || serr != nil && !errors.Is(serr, ErrBusy) {
					t.Error(err, serr)
				}
				mu.Lock()
				names[n]++
				if serr == nil {
					started++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(names) != 20 || started != 1 {
		t.Errorf("%d names, %d runs at work", len(names), started)
	}
}

// A damaged file says that it may be deleted, and after that all begins anew.
func TestDamaged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	start(t, opened(t, dir), "d", KindRun, "")
	path := filepath.Join(dir, "runs.db")
	for _, n := range []string{"-wal", "-shm"} {
		_ = os.Remove(path + n)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("x", 5000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, clock); err == nil || !strings.Contains(err.Error(), "may be deleted") {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if r := start(t, opened(t, dir), "d", KindRun, ""); r.ID != 1 {
		t.Errorf("%+v", r)
	}
}
