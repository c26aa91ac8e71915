package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"halftone/privacy"
)

// The test binary is started again as another process with these set.
const (
	childDo  = "HALFTONE_TEST_CHILD"
	childDir = "HALFTONE_TEST_DIR"
)

func TestMain(m *testing.M) {
	switch do, n, _ := strings.Cut(os.Getenv(childDo), " "); do {
	case "":
		os.Exit(m.Run())
	case "race":
		os.Exit(race(os.Getenv(childDir)))
	case "die":
		at, _ := strconv.Atoi(n)
		os.Exit(die(os.Getenv(childDir), at))
	}
}

func child(t *testing.T, do, dir string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe)
	c.Env = append(os.Environ(), childDo+"="+do, childDir+"="+dir)
	c.Stderr = os.Stderr
	return c
}

func clock() time.Time { return time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC) }

func opened(t *testing.T, dir string) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), dir, clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return Unfenced(l)
}

func key(period string, edition int) privacy.Key {
	p, err := privacy.ParsePeriod(period)
	if err != nil {
		panic(err)
	}
	return privacy.Key{Dataset: "d", Series: 1, Period: p, Edition: edition}
}

func charge(k privacy.Key, cost uint64) privacy.Charge {
	return privacy.Charge{Key: k, Cost: cost, SpecDigest: "spec", InputDigest: "input",
		Terms: privacy.Terms{Unit: privacy.EpsilonNano, Mechanism: "laplace", Budget: 1000, Delta: 1e-6, Periods: 2}}
}

// release charges and seals one release with a file of its name.
func release(t *testing.T, l *Ledger, k privacy.Key) {
	t.Helper()
	if err := errors.Join(l.Reserve(t.Context(), charge(k, 100)), l.Seal(t.Context(), k, []byte(k.String()))); err != nil {
		t.Fatal(err)
	}
}

// race charges as much as it can, and prints how many charges were its own:
// nobody else asks for its editions.
func race(dir string) int {
	ctx := context.Background()
	l, err := Open(ctx, dir, clock)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	Unfenced(l)
	own := 0
	for i := range 40 {
		k := key([]string{"2025", "2026"}[i%2], os.Getpid()*100+i)
		switch err := l.Reserve(ctx, charge(k, 10)); {
		case err == nil:
			own++
			if err := l.Seal(ctx, k, []byte(k.String())); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		case !errors.Is(err, privacy.ErrBudget):
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	fmt.Println(own)
	if err := l.Close(); err != nil {
		return 1
	}
	return 0
}

// Invariant 1: four processes, 160 reservations, room for 100.
func TestInvariant1FourProcesses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state") // made by whoever comes first
	var all []*exec.Cmd
	var out [4]strings.Builder
	for i := range out {
		c := child(t, "race", dir)
		c.Stdout = &out[i]
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	own := 0
	for i, c := range all {
		if err := c.Wait(); err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(strings.TrimSpace(out[i].String()))
		if err != nil {
			t.Fatal(err)
		}
		own += n
	}
	l := opened(t, dir)
	a, err := l.Account(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	if own != 100 || len(a.Periods) != 2 || a.Periods[0].Spent != 500 || a.Periods[1].Spent != 500 || a.PersonCost != 1000 {
		t.Errorf("%d charges succeeded, account %+v", own, a)
	}
	for k := range l.book.accounts["d"].charges {
		if b, err := l.Sealed(t.Context(), k); err != nil || string(b) != k.String() {
			t.Errorf("%s: %q, %v", k, b, err)
		}
	}
}

// die charges and seals one release, and kills itself at a step: 0 after the
// charge, 2n-1 before the nth sync of the sealed file and its folder, 2n after it.
func die(dir string, at int) int {
	ctx, k := context.Background(), key("2026", 1)
	l, err := Open(ctx, dir, clock)
	if err != nil {
		return 1
	}
	kill := func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) }
	Unfenced(l)
	n := 0
	disk(l).sealed.sync = func(f *os.File) error {
		if n++; at == 2*n-1 {
			kill()
		}
		err := f.Sync()
		if at == 2*n {
			kill()
		}
		return err
	}
	if err := l.Reserve(ctx, charge(k, 500)); err != nil {
		return 1
	}
	if at == 0 {
		kill()
	}
	if err := l.Seal(ctx, k, []byte(fmt.Sprint("draw ", at))); err != nil {
		return 1
	}
	kill()
	return 1
}

// Invariants 2 and 3: kill -9 at every step. The next process finds one charge,
// and either the sealed file or none, and draws again on the same charge.
func TestInvariant3KilledAtEveryStep(t *testing.T) {
	k := key("2026", 1)
	for at := range 6 { // 5: never within Seal, so after it
		t.Run(strconv.Itoa(at), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state")
			err := child(t, "die "+strconv.Itoa(at), dir).Run()
			if s, ok := errors.AsType[*exec.ExitError](err); !ok || s.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("the child was not killed: %v", err)
			}
			l := opened(t, dir)
			if err := l.Reserve(t.Context(), charge(k, 500)); err != nil {
				t.Fatal(err)
			}
			b, err := l.Sealed(t.Context(), k)
			want := "draw 5"
			if at < 5 {
				if !errors.Is(err, privacy.ErrNotReleased) {
					t.Fatalf("%q, %v", b, err)
				}
				want = "drawn again"
				if err := l.Seal(t.Context(), k, []byte(want)); err != nil {
					t.Fatal(err)
				}
			}
			if b, err := l.Sealed(t.Context(), k); err != nil || string(b) != want {
				t.Fatalf("%q, %v", b, err)
			}
			links, err := l.Links(t.Context(), "d")
			if err != nil || len(links) != 2 {
				t.Fatalf("%d entries, want one charge and one seal; %v", len(links), err)
			}
			names, err := os.ReadDir(filepath.Dir(disk(l).sealed.path(k)))
			if err != nil || len(names) != 1 {
				t.Fatalf("files left: %v, %v", names, err)
			}
		})
	}
}

// A torn file that a crash left, under its own name or a temporary one, is never
// read and is replaced.
func TestTornFileIsReplaced(t *testing.T) {
	l, k := opened(t, filepath.Join(t.TempDir(), "state")), key("2026", 1)
	if err := l.Reserve(t.Context(), charge(k, 500)); err != nil {
		t.Fatal(err)
	}
	final := disk(l).sealed.path(k)
	if err := os.MkdirAll(filepath.Dir(final), 0o700); err != nil {
		t.Fatal(err)
	}
	temp := filepath.Join(filepath.Dir(final), ".2026.1.json.123.tmp")
	for _, n := range []string{final, temp} {
		if err := os.WriteFile(n, []byte("hal"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Sealed(t.Context(), k); !errors.Is(err, privacy.ErrNotReleased) {
		t.Fatal(err)
	}
	if err := l.Seal(t.Context(), k, []byte("whole")); err != nil {
		t.Fatal(err)
	}
	if b, err := l.Sealed(t.Context(), k); err != nil || string(b) != "whole" {
		t.Fatalf("%q, %v", b, err)
	}
	if _, err := os.Stat(temp); !errors.Is(err, os.ErrNotExist) {
		t.Error("the temporary file is still there")
	}
}

// Invariant 10: after a failed sync nothing more is done with this handle, and
// the sync is not tried again.
func TestInvariant10SyncFails(t *testing.T) {
	for _, at := range []int{1, 2} {
		dir, k := filepath.Join(t.TempDir(), "state"), key("2026", 1)
		l := opened(t, dir)
		if err := l.Reserve(t.Context(), charge(k, 500)); err != nil {
			t.Fatal(err)
		}
		n := 0
		disk(l).sealed.sync = func(f *os.File) error {
			if n++; n == at {
				return syscall.EIO
			}
			return f.Sync()
		}
		for name, err := range map[string]error{
			"seal":    l.Seal(t.Context(), k, []byte("x")),
			"again":   l.Seal(t.Context(), k, []byte("x")),
			"reserve": l.Reserve(t.Context(), charge(key("2027", 1), 1)),
			"close":   l.Close(),
		} {
			if !errors.Is(err, syscall.EIO) {
				t.Errorf("sync %d, %s: %v", at, name, err)
			}
		}
		if _, err := l.Sealed(t.Context(), k); !errors.Is(err, syscall.EIO) || n != at {
			t.Errorf("sync %d: read %v; %d syncs", at, err, n)
		}
		// What is on the disk is read again by the next process.
		next := opened(t, dir)
		if _, err := next.Sealed(t.Context(), k); !errors.Is(err, privacy.ErrNotReleased) {
			t.Errorf("sync %d: %v", at, err)
		}
		if err := errors.Join(next.Reserve(t.Context(), charge(k, 500)), next.Seal(t.Context(), k, []byte("y"))); err != nil {
			t.Errorf("sync %d: %v", at, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		make func(dir string) error
		want string
	}{
		"folder open to others": {func(d string) error { return errors.Join(os.Mkdir(d, 0o700), os.Chmod(d, 0o750)) }, "chmod 700"},
		"symbolic link": {func(d string) error {
			return errors.Join(os.Mkdir(d+"x", 0o700), os.Symlink(d+"x", d))
		}, "symbolic link"},
		"file": {func(d string) error { return os.WriteFile(d, nil, 0o600) }, "is a file"},
		"database open to others": {func(d string) error {
			f := filepath.Join(d, "ledger.db")
			return errors.Join(os.Mkdir(d, 0o700), os.WriteFile(f, nil, 0o600), os.Chmod(f, 0o640))
		}, "chmod 600"},
		"linked database": {func(d string) error {
			return errors.Join(os.Mkdir(d, 0o700), os.WriteFile(d+"x", nil, 0o600), os.Symlink(d+"x", filepath.Join(d, "ledger.db")))
		}, "no regular file"},
		"sealed open to others": {func(d string) error {
			s := filepath.Join(d, "sealed")
			return errors.Join(os.Mkdir(d, 0o700), os.Mkdir(s, 0o700), os.Chmod(s, 0o701))
		}, "chmod 700"},
		"no parent": {func(string) error { return nil }, "no such file"},
		"not a database": {func(d string) error {
			return errors.Join(os.Mkdir(d, 0o700), os.WriteFile(filepath.Join(d, "ledger.db"), []byte(strings.Repeat("x", 5000)), 0o600))
		}, "not a database"},
	} {
		dir := filepath.Join(t.TempDir(), "state")
		if name == "no parent" {
			dir = filepath.Join(dir, "x")
		}
		if err := c.make(dir); err != nil {
			t.Fatal(err)
		}
		if l, err := Open(t.Context(), dir, clock); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v %v", name, l, err)
		}
	}
}

func TestModes(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	dir := filepath.Join(t.TempDir(), "state")
	release(t, opened(t, dir), key("2026", 1))
	seen := 0
	if err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		want := os.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if seen++; fi.Mode().Perm() != want {
			t.Errorf("%s has mode %04o", path, fi.Mode().Perm())
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if seen != 8 { // folder, db, wal, shm, sealed, d, 1, file
		t.Errorf("%d files and folders", seen)
	}
}
