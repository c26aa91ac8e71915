package pipeline

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"halftone/connectors"
	"halftone/privacy"
	"halftone/privacy/ledger"
	"halftone/privacy/ledger/pgtest"
)

// A database is the shared ledger of a test.
type database struct {
	s    *pgtest.Server
	name string
}

func newDatabase(t *testing.T) database {
	t.Helper()
	s := pgtest.Shared(t)
	return database{s, s.Database(t)}
}

// of gives a line the ledger.
func (d database) of(l Line) Line {
	l.Store = "env:HALFTONE_PG"
	l.Secret = connectors.Secrets(l.Data, func(name string) (string, bool) { return d.s.DSN(d.name), name == "HALFTONE_PG" })
	return l
}

// expire lets whoever holds the lease be late.
func (d database) expire(t *testing.T) {
	t.Helper()
	d.s.Exec(t, d.name, "UPDATE halftone.lease SET until = until - interval '1 hour'")
}

// open is another worker's ledger.
func (d database) open(t *testing.T) *ledger.Ledger {
	t.Helper()
	l, err := ledger.OpenPostgres(t.Context(), d.s.DSN(d.name), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// A patient clock stands still; who sleeps waits until wake is called or the sleep is
// of no use any more.
type patientClock struct {
	*testClock
	ticks chan struct{}
	held  *atomic.Value // context of who sleeps
}

func (c patientClock) Sleep(ctx context.Context, _ time.Duration) error {
	c.held.Store(&ctx)
	select {
	case <-c.ticks:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// replicas are two lines with a state folder each, one ledger and one public folder.
func replicas(t *testing.T, d database) (a, b Line, clock patientClock) {
	t.Helper()
	a, stands := made(t, base, map[string]string{"data.csv": twoMonths})
	b, _ = made(t, base, map[string]string{"data.csv": twoMonths})
	clock = patientClock{stands, make(chan struct{}), &atomic.Value{}}
	a.Clock, b.Clock, b.Public = clock, clock, a.Public
	a.Holder, b.Holder = "replica a", "replica b"
	return d.of(a), d.of(b), clock
}

func mustRunLine(t *testing.T, l Line) RunResult {
	t.Helper()
	res, err := l.Run(t.Context(), RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// Replicas take turns: what one has released the other finds released.
func TestReplicas(t *testing.T) {
	d := newDatabase(t)
	a, b, clock := replicas(t, d)
	if s, err := b.Status(t.Context()); err != nil || s.Head != "" || len(s.Due) != 2 {
		t.Errorf("%+v, %v", s, err)
	}
	if p, err := b.ProbeStore(t.Context()); err != nil || p.Exists {
		t.Errorf("looking has made a ledger: %+v, %v", p, err)
	}
	if _, err := os.Stat(b.State); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("looking has made a state folder: %v", err)
	}
	if res := mustRunLine(t, a); periods(res.Released) != "2026-01 2026-02" || res.Version.Name != "2026.03-1" {
		t.Errorf("released %q, %s", periods(res.Released), res.Version.Name)
	}
	if res := mustRunLine(t, b); res.State != StateNothingDue || res.Version.Name != "2026.03-1" {
		t.Errorf("%s, %s", res.State, res.Version.Name)
	}
	clock.set(t, "2026-04-15 12:00")
	if res := mustRunLine(t, b); periods(res.Released) != "2026-03" || res.Version.Name != "2026.04-1" {
		t.Errorf("released %q, %s", periods(res.Released), res.Version.Name)
	}
	if res := mustRunLine(t, a); res.State != StateNothingDue {
		t.Errorf("%s", res.State)
	}
	for _, l := range []Line{a, b} {
		s, err := l.Status(t.Context())
		if err != nil || len(s.Released) != 3 || s.Witnesses != 2 || s.Locked != nil || l.StoreName() != "postgres" {
			t.Errorf("%+v, %v", s, err)
		}
		audit, err := l.Audit(t.Context())
		if err != nil || !audit.OK {
			t.Errorf("%+v, %v", audit, err)
		}
		bud, err := l.Budget(t.Context())
		if err != nil || len(bud.Charges) != 3 || bud.Account.PersonCost != 1e9 {
			t.Errorf("%+v, %v", bud.Account, err)
		}
		if x, err := l.Export(t.Context(), true); err != nil || bytes.Count(x, []byte("\n")) != bud.Links {
			t.Errorf("%d bytes, %v", len(x), err)
		}
		if err := l.CheckLedger(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(l.State, "ledger.db")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("ledger.db is there: %v", err)
		}
	}
}

// While one replica works, the other is told who does, and until when.
func TestReplicaIsHeld(t *testing.T) {
	d := newDatabase(t)
	a, b, _ := replicas(t, d)
	var errs []error
	a.Watch = func(e Event) {
		if e.Step == "pull" {
			_, err := b.Run(t.Context(), RunOptions{})
			_, audit := b.Audit(t.Context())
			_, unlock := b.Unlock(t.Context(), []string{"A", "B"}, "lost")
			errs = append(errs, err, audit, unlock)
		}
	}
	mustRunLine(t, a)
	if len(errs) != 3 {
		t.Fatalf("%d errors", len(errs))
	}
	for _, err := range errs {
		if !errors.Is(err, ledger.ErrHeld) || ExitCode(err) != 3 || !strings.Contains(err.Error(), "replica a, until 20") {
			t.Errorf("exit %d: %v", ExitCode(err), err)
		}
	}
	mustRunLine(t, b) // a has let go
}

// A replica that was late is stopped at once, or at the latest before it charges, and
// before it puts anything into the public folder. The other finishes.
func TestReplicaIsFenced(t *testing.T) {
	for _, c := range []struct {
		at    Event
		woken bool // it learns from its renewal
		total int  // charges it has made by then
	}{
		{Event{Step: "pull", Source: "feed"}, true, 0},
		{Event{Step: "pull", Source: "feed"}, false, 0},
		{Event{Step: "release", Done: 1}, false, 1},
		{Event{Step: "publish"}, false, 2},
	} {
		t.Run(c.at.Step, func(t *testing.T) {
			d := newDatabase(t)
			a, b, clock := replicas(t, d)
			other := d.open(t)
			once := sync.OnceFunc(func() {
				d.expire(t)
				if err := other.Take(t.Context(), "replica b", time.Minute, false); err != nil {
					t.Error(err)
				}
				if c.woken {
					clock.ticks <- struct{}{}
					select {
					case <-(*clock.held.Load().(*context.Context)).Done(): // at once
					case <-time.After(20 * time.Second):
						t.Error("the run goes on")
					}
				}
			})
			a.Watch = func(e Event) {
				if e.Step == c.at.Step && e.Done == c.at.Done && e.Period != "2026-01" {
					once()
				}
			}
			_, err := a.Run(t.Context(), RunOptions{})
			if !errors.Is(err, ledger.ErrFenced) || ExitCode(err) != 3 || !strings.Contains(err.Error(), "replica b") || !strings.Contains(err.Error(), "halftone status") {
				t.Errorf("exit %d: %v", ExitCode(err), err)
			}
			charges, err := other.Charges(t.Context(), "made-up")
			if err != nil || len(charges) != c.total {
				t.Errorf("%d charges, %v", len(charges), err)
			}
			if left, err := filepath.Glob(filepath.Join(a.Public, "datasets", "*", "versions", "*")); len(left) > 0 || err != nil {
				t.Errorf("published: %v, %v", left, err)
			}
			runs, err := a.Status(t.Context())
			if err != nil || len(runs.Runs) != 1 || runs.Runs[0].Result.Outcome != "refused" {
				t.Errorf("%+v, %v", runs.Runs, err)
			}
			if n := runs.Sources[0].Batches; (n == 0) != c.woken {
				t.Errorf("%d batches were taken", n)
			}
			if err := other.Give(t.Context()); err != nil {
				t.Error(err)
			}
			res := mustRunLine(t, b)
			if got := len(res.Released) + c.total; got != 2 || res.State != StatePublished {
				t.Errorf("%d released, %s", got, res.State)
			}
		})
	}
}

// The lease is renewed while a run goes on, and let go at its end.
func TestLeaseIsRenewed(t *testing.T) {
	d := newDatabase(t)
	a, b, clock := replicas(t, d)
	a.Watch = func(e Event) {
		if e.Step != "compose" {
			return
		}
		d.expire(t) // it is late, and nobody has noticed yet
		clock.ticks <- struct{}{}
		clock.ticks <- struct{}{} // taken when the first renewal is done
		if _, err := b.Run(t.Context(), RunOptions{}); !errors.Is(err, ledger.ErrHeld) {
			t.Errorf("after it was renewed: %v", err)
		}
	}
	mustRunLine(t, a)
	a.Watch = nil
	if err := d.open(t).Take(t.Context(), "x", time.Hour, false); err != nil {
		t.Error(err)
	}
	if _, err := a.Run(t.Context(), RunOptions{}); !errors.Is(err, ledger.ErrHeld) {
		t.Errorf("%v", err)
	}
}

// What one replica has charged and not sealed only the one with its rows can finish,
// and the other says so.
func TestReplicaWithoutTheRows(t *testing.T) {
	d := newDatabase(t)
	a, b, _ := replicas(t, d)
	p, err := privacy.ParsePeriod("2026-01")
	if err != nil {
		t.Fatal(err)
	}
	k := a.key(p, 1)
	a.Watch = func(e Event) { // its connections go once it has charged
		if e.Step == "release" && e.Period == "2026-01" {
			d.s.Exec(t, d.name, `CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END'`,
				`CREATE TRIGGER die BEFORE INSERT ON halftone.sealed FOR EACH ROW EXECUTE FUNCTION die()`)
		}
	}
	_, err = a.Run(t.Context(), RunOptions{})
	if !errors.Is(err, ledger.ErrPostgres) || ExitCode(err) != 1 || !strings.Contains(err.Error(), "run again") || strings.Contains(err.Error(), pgtest.User) {
		t.Errorf("exit %d: %v", ExitCode(err), err)
	}
	a.Watch = nil
	d.s.Exec(t, d.name, "DROP FUNCTION die CASCADE")
	d.expire(t)
	_, err = b.Run(t.Context(), RunOptions{})
	if err == nil || !strings.Contains(err.Error(), k.String()+" is charged and not sealed") || !strings.Contains(err.Error(), "halftone run there") || !strings.Contains(err.Error(), "halftone ledger burn "+k.String()) {
		t.Errorf("%v", err)
	}
	if s, err := b.Status(t.Context()); err != nil || len(s.Reserved) != 1 {
		t.Errorf("%+v, %v", s.Reserved, err)
	}
	if res := mustRunLine(t, a); periods(res.Resumed) != "2026-01" || periods(res.Released) != "2026-02" {
		t.Errorf("resumed %q, released %q", periods(res.Resumed), periods(res.Released))
	}
	mustRunLine(t, b)
	// And given up by hand where the rows are gone.
	if err := b.GiveUp(t.Context(), k, "A. Person", "rows are gone"); ExitCode(err) != 3 {
		t.Errorf("a sealed one: %v", err)
	}
}

// A backup goes from either store into an empty one of either kind.
func TestBackupBetweenStores(t *testing.T) {
	id := ageKey(t)
	d := newDatabase(t)
	l, _ := made(t, base, map[string]string{"data.csv": twoMonths})
	mustRunLine(t, l)
	saved := func(l Line) string {
		t.Helper()
		file := filepath.Join(t.TempDir(), "b.age")
		if m, err := l.Backup(t.Context(), file, id.Recipient()); err != nil || m.Sealed() != 2 || m.Entries != 5 {
			t.Fatal(m, err)
		}
		return file
	}
	file := saved(l)
	// 1. From the state folder into Postgres. Beside ledger.db there is no other ledger.
	pg := d.of(l)
	for name, err := range map[string]error{
		"run":     func() error { _, err := pg.Run(t.Context(), RunOptions{}); return err }(),
		"restore": func() error { _, err := pg.Restore(t.Context(), file, id); return err }(),
	} {
		if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "whole budget again") {
			t.Errorf("%s beside ledger.db: %v", name, err)
		}
	}
	old := t.TempDir()
	for _, name := range []string{"ledger.db", "sealed"} {
		if err := os.Rename(filepath.Join(l.State, name), filepath.Join(old, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pg.Run(t.Context(), RunOptions{}); !errors.Is(err, privacy.ErrLocked) {
		t.Errorf("an empty store, and a public folder with versions: %v", err)
	}
	r, err := pg.Restore(t.Context(), file, id)
	if err != nil || r.Locked != nil || r.Witnesses != 1 || r.Seen != 4 {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := pg.Restore(t.Context(), file, id); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "has a ledger already") {
		t.Errorf("restored over another: %v", err)
	}
	if res := mustRunLine(t, pg); res.State != StateNothingDue || len(res.Late) > 0 {
		t.Errorf("%s, late %v", res.State, res.Late)
	}
	if audit, err := pg.Audit(t.Context()); err != nil || !audit.OK {
		t.Errorf("%+v, %v", audit, err)
	}
	// 2. And back: this state folder goes with Postgres now, another will do.
	if _, err := l.Run(t.Context(), RunOptions{}); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "goes with a ledger in Postgres") {
		t.Errorf("sqlite once more: %v", err)
	}
	if _, err := l.Status(t.Context()); !errors.Is(err, ErrRefused) {
		t.Errorf("status: %v", err)
	}
	back := elsewhere(t, l)
	if r, err := back.Restore(t.Context(), saved(pg), id); err != nil || r.Locked != nil || r.Entries != 5 {
		t.Fatalf("%+v, %v", r, err)
	}
	if res := mustRunLine(t, back); res.State != StateNothingDue {
		t.Errorf("%s", res.State)
	}
}

// A database that was restored from before, or another one, does not know what this
// replica has seen, whether or not it was published.
func TestReplicaRemembers(t *testing.T) {
	d, older := newDatabase(t), newDatabase(t)
	a, b, _ := replicas(t, d)
	a.Dataset.Schedule, b.Dataset.Schedule = nil, nil
	mustRunLine(t, a)
	if err := os.Rename(a.Public, a.Public+"-gone"); err != nil { // nobody else has seen it
		t.Fatal(err)
	}
	wrong := older.of(a)
	_, err := wrong.Run(t.Context(), RunOptions{})
	if !errors.Is(err, privacy.ErrLocked) || ExitCode(err) != 5 || !strings.Contains(err.Error(), "ledger.seen in the state folder") {
		t.Errorf("another database: %v", err)
	}
	if s, err := wrong.Status(t.Context()); err != nil || !errors.Is(s.Locked, privacy.ErrLocked) {
		t.Errorf("status: %v, %v", s.Locked, err)
	}
	// What it does not know it does not forget.
	if _, err := wrong.Run(t.Context(), RunOptions{}); !errors.Is(err, privacy.ErrLocked) {
		t.Errorf("the second time: %v", err)
	}
	if err := os.Remove(filepath.Join(a.State, memoryFile)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(a.Public); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(a.Public+"-gone", a.Public); err != nil {
		t.Fatal(err)
	}
	if _, err := wrong.Run(t.Context(), RunOptions{}); !errors.Is(err, privacy.ErrLocked) || !strings.Contains(err.Error(), "manifest.json") {
		t.Errorf("with the public folder: %v", err)
	}
	// Two people take in what was published: the same chain once more.
	mustRunLine(t, d.of(a)) // remembers again
	u, err := wrong.Unlock(t.Context(), []string{"A", "B"}, "the database is lost")
	if err != nil || u.Replayed != 4 || len(u.Burnt) != 0 {
		t.Fatalf("%+v, %v", u, err)
	}
	if res := mustRunLine(t, wrong); res.State != StateNothingDue {
		t.Errorf("%s", res.State)
	}
	if audit, err := wrong.Audit(t.Context()); err != nil || !audit.OK {
		t.Errorf("%+v, %v", audit, err)
	}
}

// Without its connection string, or without its server, nothing is done, and no
// error tells a secret.
func TestStoreErrors(t *testing.T) {
	d := newDatabase(t)
	a, _, _ := replicas(t, d)
	unset, down := a, a
	unset.Secret = connectors.Secrets(a.Data, func(string) (string, bool) { return "", false })
	down.Secret = connectors.Secrets(a.Data, func(string) (string, bool) {
		return "postgres://canary-user:canary-secret@127.0.0.1:1/canary-db", true
	})
	for _, c := range []struct {
		name string
		l    Line
		exit int
		want string
	}{{"not set", unset, 2, "store env:HALFTONE_PG in instance.yaml"}, {"down", down, 1, "cannot be reached"}} {
		for what, do := range map[string]func() error{
			"run":    func() error { _, err := c.l.Run(t.Context(), RunOptions{}); return err },
			"status": func() error { _, err := c.l.Status(t.Context()); return err },
			"budget": func() error { _, err := c.l.Budget(t.Context()); return err },
			"audit":  func() error { _, err := c.l.Audit(t.Context()); return err },
			"plan":   func() error { _, err := c.l.Forecast(t.Context()); return err },
			"export": func() error { _, err := c.l.Export(t.Context(), true); return err },
			"backup": func() error { _, err := c.l.Backup(t.Context(), filepath.Join(t.TempDir(), "x")); return err },
			"unlock": func() error { _, err := c.l.Unlock(t.Context(), []string{"A", "B"}, "x"); return err },
			"check":  func() error { return c.l.CheckLedger(t.Context()) },
			"give up": func() error {
				return c.l.GiveUp(t.Context(), backupCharge(privacy.Period{}, "made-up", 1).Key, "A", "x")
			},
		} {
			if err := do(); err == nil || ExitCode(err) != c.exit || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") {
				t.Errorf("%s, %s: exit %d: %v", c.name, what, ExitCode(err), err)
			}
		}
	}
}

// The schedule waits for another replica and for a server that is down.
func TestDaemonWaitsForReplica(t *testing.T) {
	d := newDatabase(t)
	a, b, clock := replicas(t, d)
	text := base + "schedule: {cron: \"0 6 * * *\", timezone: UTC}\n"
	if err := os.WriteFile(filepath.Join(a.Data, "halftone.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	a = reload(t, a)
	var said []string
	daemon, err := NewDaemon(a, func(f string, _ ...any) { said = append(said, f) })
	if err != nil {
		t.Fatal(err)
	}
	tick := func(want string) {
		t.Helper()
		said = nil
		if err := daemon.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		if all := strings.Join(said, "\n"); !strings.Contains(all, want) {
			t.Errorf("said %q, want %q", all, want)
		}
	}
	tick("") // the first start ever
	clock.set(t, "2026-03-16 06:01")
	other := d.open(t)
	if err := other.Take(t.Context(), b.Holder, time.Hour, false); err != nil {
		t.Fatal(err)
	}
	tick("waits for it")
	if err := other.Give(t.Context()); err != nil {
		t.Fatal(err)
	}
	daemon.line.Secret = connectors.Secrets(a.Data, func(string) (string, bool) { return "host=127.0.0.1 port=1 user=x", true })
	tick("waits: %v")
	daemon.line = a
	tick("published")
	tick("")
}
