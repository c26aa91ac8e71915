package pipeline

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"halftone/pipeline/backup"
	"halftone/pipeline/runs"
	"halftone/privacy"
	"halftone/privacy/ledger"
)

func ageKey(t *testing.T) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// elsewhere is the same project with another state folder, which is not there yet.
func elsewhere(t *testing.T, l Line) Line {
	l.Dataset.Dir = t.TempDir() // else the ledger beside halftone.yaml is in the way
	l.State = filepath.Join(l.Dataset.Dir, "state")
	return l
}

func backupCharge(p privacy.Period, dataset string, cost uint64) privacy.Charge {
	return privacy.Charge{Key: privacy.Key{Dataset: dataset, Series: 1, Period: p, Edition: 1}, Cost: cost, SpecDigest: "s", InputDigest: "i",
		Terms: privacy.Terms{Unit: privacy.EpsilonNano, Mechanism: "laplace", Budget: 1e9, Periods: 1}}
}

// Backups that are taken while another writer charges and seals are each of one
// moment: they restore, and hold a file for every seal that they know.
func TestBackupWhileAnotherWrites(t *testing.T) {
	l, clock := made(t, base, nil)
	if err := os.Mkdir(l.State, 0o700); err != nil {
		t.Fatal(err)
	}
	w, err := ledger.Open(t.Context(), l.State, clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Take(t.Context(), "test", time.Minute, true); err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	const backups, each = 3, 12
	turns, done := make(chan struct{}, backups), make(chan error, 1)
	go func() {
		p, err := privacy.ParsePeriod("2026-01")
		for range turns {
			for i := 0; i < each && err == nil; i++ {
				c := backupCharge(p, "made-up", 1)
				err = errors.Join(w.Reserve(t.Context(), c), w.Seal(t.Context(), c.Key, []byte(c.Key.String())))
				p = p.Next()
			}
		}
		done <- err
	}()
	id, last := ageKey(t), 0
	for i := range backups {
		turns <- struct{}{} // it writes while the backup is made
		file := filepath.Join(t.TempDir(), fmt.Sprint(i))
		m, err := l.Backup(t.Context(), file, id.Recipient())
		if err != nil {
			t.Fatal(err)
		}
		r, err := elsewhere(t, l).Restore(t.Context(), file, id)
		if err != nil {
			t.Fatal(err)
		}
		if r.Head != m.Head || r.Entries < last || r.Entries/2 != r.Sealed() {
			t.Errorf("backup %d: %d entries, %d sealed files, %d entries before", i, r.Entries, r.Sealed(), last)
		}
		last = r.Entries
	}
	close(turns)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	m, err := l.Backup(t.Context(), filepath.Join(t.TempDir(), "last"), id.Recipient())
	if err != nil || m.Entries != 2*backups*each || m.Sealed() != backups*each {
		t.Errorf("in the end %d entries, %d sealed files, %v", m.Entries, m.Sealed(), err)
	}
}

// A backup cannot be whole without a sealed file; it fails and leaves nothing.
func TestBackupFails(t *testing.T) {
	l, clock := made(t, base, nil)
	if err := os.Mkdir(l.State, 0o700); err != nil {
		t.Fatal(err)
	}
	w, err := ledger.Open(t.Context(), l.State, clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Take(t.Context(), "test", time.Minute, true); err != nil {
		t.Fatal(err)
	}
	p, _ := privacy.ParsePeriod("2026-01")
	c := backupCharge(p, "made-up", 1)
	if err := errors.Join(w.Reserve(t.Context(), c), w.Seal(t.Context(), c.Key, []byte("x")), w.Close()); err != nil {
		t.Fatal(err)
	}
	id, dir := ageKey(t), t.TempDir()
	// What a killed backup left does not stop the next, another at work does.
	left := filepath.Join(l.State, "tmp", "backup", "ledger.db")
	if err := errors.Join(os.MkdirAll(filepath.Dir(left), 0o700), os.WriteFile(left, []byte("half"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Backup(t.Context(), filepath.Join(dir, "a"), id.Recipient()); err != nil {
		t.Fatal(err)
	}
	_, release, err := workspace(l.State)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Backup(t.Context(), filepath.Join(dir, "b"), id.Recipient()); !errors.Is(err, runs.ErrBusy) {
		t.Errorf("two at once: %v", err)
	}
	release()
	if err := os.Remove(filepath.Join(l.State, filepath.FromSlash(ledger.SealedName(c.Key)))); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Backup(t.Context(), filepath.Join(dir, "b"), id.Recipient()); err == nil || !strings.Contains(err.Error(), "bring") {
		t.Errorf("without a sealed file: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// Backups that anyone with the public key could make: whole, and not sound.
func TestRestoreRefusesUnsound(t *testing.T) {
	p, _ := privacy.ParsePeriod("2026-01")
	for name, tc := range map[string]struct {
		make   func(*backup.Manifest, map[string][]byte)
		accept bool
	}{
		"control": {func(*backup.Manifest, map[string][]byte) {}, true},
		"another head": {func(m *backup.Manifest, _ map[string][]byte) {
			m.Head = strings.Repeat("0", 64)
		}, false},
		"another length": {func(m *backup.Manifest, _ map[string][]byte) { m.Entries++ }, false},
		"a sealed file that was never charged": {func(_ *backup.Manifest, files map[string][]byte) {
			files["sealed/made-up/1/2026-05.1.json"] = []byte("x")
		}, false},
		"a sealed file without its seal": {func(_ *backup.Manifest, files map[string][]byte) {
			files["sealed/made-up/1/2026-02.1.json"] = []byte("x")
		}, false},
		"a sealed file with other bytes": {func(_ *backup.Manifest, files map[string][]byte) {
			files["sealed/made-up/1/2026-01.1.json"] = []byte("other")
		}, false},
		"a seal without its file": {func(_ *backup.Manifest, files map[string][]byte) {
			delete(files, "sealed/made-up/1/2026-01.1.json")
		}, false},
		"a ledger that is none": {func(_ *backup.Manifest, files map[string][]byte) {
			files[backup.LedgerFile] = []byte("no database")
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			l, clock := made(t, base, nil)
			dir := filepath.Join(t.TempDir(), "made")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			led, err := ledger.Open(t.Context(), dir, clock.Now)
			if err != nil {
				t.Fatal(err)
			}
			if err := led.Take(t.Context(), "test", time.Minute, true); err != nil {
				t.Fatal(err)
			}
			c := backupCharge(p, "made-up", 1)
			if err := errors.Join(led.Reserve(t.Context(), c), led.Seal(t.Context(), c.Key, []byte("x")),
				led.Reserve(t.Context(), backupCharge(p.Next(), "made-up", 1))); err != nil {
				t.Fatal(err)
			}
			m := backup.Manifest{Made: clock.Now(), Tool: "test", Entries: 3}
			if m.Head, err = led.Head(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := led.Close(); err != nil {
				t.Fatal(err)
			}
			db, err := os.ReadFile(filepath.Join(dir, "ledger.db"))
			if err != nil {
				t.Fatal(err)
			}
			files := map[string][]byte{backup.LedgerFile: db, ledger.SealedName(c.Key): []byte("x")}
			tc.make(&m, files)
			for name, b := range files {
				m.Files = append(m.Files, backup.NewFile(name, b))
			}
			id, file := ageKey(t), filepath.Join(t.TempDir(), "b.age")
			if err := create(file, func(f *os.File) error {
				return backup.Write(f, m, func(f backup.File) ([]byte, error) { return files[f.Path], nil }, id.Recipient())
			}); err != nil {
				t.Fatal(err)
			}
			l = elsewhere(t, l)
			_, err = l.Restore(t.Context(), file, id)
			if (err == nil) != tc.accept {
				t.Errorf("restored: %v", err)
			}
			_, err = os.Stat(filepath.Join(l.State, "ledger.db"))
			if (err == nil) != tc.accept {
				t.Errorf("ledger in place: %v", err)
			}
			if _, err := os.Stat(filepath.Join(l.State, restoring)); err == nil {
				t.Error("left behind what was unpacked")
			}
		})
	}
}

// A restore that was killed after the sealed files came locks a new ledger, and
// one that was killed before leaves nothing in the way.
func TestRestoreKilled(t *testing.T) {
	l, clock := made(t, base, nil)
	sealed := filepath.Join(l.State, "sealed", "made-up", "1", "2026-01.1.json")
	if err := errors.Join(os.MkdirAll(filepath.Dir(sealed), 0o700), os.WriteFile(sealed, []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	led, err := ledger.Open(t.Context(), l.State, clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := led.Take(t.Context(), "test", time.Minute, true); err != nil {
		t.Fatal(err)
	}
	defer led.Close()
	p, _ := privacy.ParsePeriod("2026-02")
	if err := led.Reserve(t.Context(), backupCharge(p, "made-up", 1)); !errors.Is(err, privacy.ErrLocked) {
		t.Errorf("charged: %v", err)
	}
	l = elsewhere(t, l)
	if err := os.MkdirAll(filepath.Join(l.State, restoring, "sealed"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := l.vacant(); err != nil {
		t.Error(err)
	}
}

// A charge that is less than its noise costs does not pass, however whole chain
// and seals are.
func TestAuditFindsCheapCharge(t *testing.T) {
	l, clock := made(t, base, map[string]string{"data.csv": "month,place,cases\n2026-01,N,40\n2026-02,S,30\n"})
	if _, err := l.Run(t.Context(), RunOptions{}); err != nil {
		t.Fatal(err)
	}
	if a, err := l.Audit(t.Context()); err != nil || !a.OK || len(a.Checks) != 5 {
		t.Fatalf("the control: %+v, %v", a, err)
	}
	lk, err := l.lookAtLedger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cheap := elsewhere(t, l)
	cheap.Public = filepath.Join(t.TempDir(), "public")
	if err := os.Mkdir(cheap.State, 0o700); err != nil {
		t.Fatal(err)
	}
	led, err := ledger.Open(t.Context(), cheap.State, clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := led.Take(t.Context(), "test", time.Minute, true); err != nil {
		t.Fatal(err)
	}
	c := lk.charges[0].Charge
	c.Cost /= 2
	b, err := os.ReadFile(filepath.Join(l.State, filepath.FromSlash(ledger.SealedName(c.Key))))
	if err := errors.Join(err, led.Reserve(t.Context(), c), led.Seal(t.Context(), c.Key, b), led.Close()); err != nil {
		t.Fatal(err)
	}
	a, err := cheap.Audit(t.Context())
	if err != nil || a.OK || a.Locked {
		t.Fatalf("%+v, %v", a, err)
	}
	for _, check := range a.Checks {
		if check.OK == (check.Name == "costs") {
			t.Errorf("%+v", check)
		}
	}
}
