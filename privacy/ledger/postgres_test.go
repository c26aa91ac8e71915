package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"halftone/privacy"
	"halftone/privacy/ledger"
	"halftone/privacy/ledger/ledgertest"
	"halftone/privacy/ledger/pgtest"
)

// dsn names an empty database of its own.
func dsn(t testing.TB) string {
	t.Helper()
	s := pgtest.Shared(t)
	return s.DSN(s.Database(t))
}

// openPostgres opens a ledger that needs no lease.
func openPostgres(t testing.TB, dsn string) *ledger.Ledger {
	t.Helper()
	return ledger.Unfenced(replica(t, dsn, today))
}

func replica(t testing.TB, dsn string, now func() time.Time) *ledger.Ledger {
	t.Helper()
	l, err := ledger.OpenPostgres(context.Background(), dsn, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// With two handles, as two replicas have them.
func TestPostgres(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) ledgertest.Ledger {
		at := dsn(t)
		return twin{openPostgres(t, at), openPostgres(t, at)}
	})
}

// Clocks of workers may differ by years: a lease runs by the server's.
func TestPostgresLeases(t *testing.T) {
	ledgertest.Leases(t, func(t *testing.T) ledgertest.Store {
		s := pgtest.Shared(t)
		name := s.Database(t)
		years := 0
		return ledgertest.Store{
			Open: func(t *testing.T) ledgertest.Ledger {
				years += 7
				ahead := today().AddDate(years*(1-years%2*2), 0, 0)
				return replica(t, s.DSN(name), func() time.Time { return ahead })
			},
			Expire: func(t *testing.T) {
				s.Exec(t, name, "UPDATE halftone.lease SET until = until - interval '61 minutes'")
			},
		}
	})
}

// Invariants 1 and 3 without leases: eight replicas, each with a connection of its
// own, want the same keys and more than there is room for.
func TestPostgresRace(t *testing.T) {
	s := pgtest.Shared(t)
	name := s.Database(t)
	// What else a server may have been set to.
	s.Exec(t, "postgres", "ALTER DATABASE "+name+" SET default_transaction_isolation = 'serializable'", "ALTER DATABASE "+name+" SET default_transaction_read_only = on")
	const workers, each = 8, 12
	var wg sync.WaitGroup
	var mu sync.Mutex
	charged, sealed := map[privacy.Key]int{}, map[privacy.Key]int{}
	for w := range workers {
		wg.Go(func() {
			// Also the first start is a race: who makes the schema?
			l, err := ledger.OpenPostgres(t.Context(), s.DSN(name), today)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = l.Close() }()
			ledger.Unfenced(l)
			for i := range each {
				k := ledgertest.Key("d", []string{"2025", "2026"}[i%2], i+1)
				c := ledgertest.Charge(k, 90) // of the 500 of the period: five of six fit
				err := l.Reserve(t.Context(), c)
				if errors.Is(err, privacy.ErrBudget) {
					continue
				}
				if err != nil {
					t.Errorf("%s: %v", k, err)
					return
				}
				err = l.Seal(t.Context(), k, fmt.Append(nil, "draw of ", w))
				b, e := l.Sealed(t.Context(), k)
				if e != nil || (err == nil) != (string(b) == fmt.Sprint("draw of ", w)) {
					t.Errorf("%s: sealed %v, opened %q, %v", k, err, b, e)
				}
				mu.Lock()
				charged[k]++
				if err == nil {
					sealed[k]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	l := openPostgres(t, s.DSN(name))
	charges, err := l.Charges(t.Context(), "d")
	if err != nil || len(charges) != 10 || len(charged) != 10 {
		t.Fatalf("%d charges, %d keys, %v", len(charges), len(charged), err)
	}
	for _, c := range charges {
		if charged[c.Key] != workers || sealed[c.Key] != 1 {
			t.Errorf("%s: %d workers had it charged, %d sealed", c.Key, charged[c.Key], sealed[c.Key])
		}
	}
	a, err := l.Account(t.Context(), "d")
	if err != nil || a.PersonCost != 900 {
		t.Errorf("a person costs %d, %v", a.PersonCost, err)
	}
	links, err := l.Links(t.Context(), "d")
	if err != nil || len(links) != 20 {
		t.Errorf("%d entries, %v", len(links), err)
	}
}

// Two holders in turn, while one charges, seals and publishes all the time: whoever
// has lost the lease is fenced at whatever it comes to next.
func TestPostgresRaceForLease(t *testing.T) {
	at := dsn(t)
	var wg sync.WaitGroup
	fenced, held := make([]int, 3), make([]int, 3)
	for w := range 3 {
		l := replica(t, at, today)
		wg.Go(func() {
			for i := range 30 {
				if err := l.Take(t.Context(), fmt.Sprint("worker ", w), time.Hour, i%3 == 0); errors.Is(err, ledger.ErrHeld) {
					held[w]++
				} else if err != nil {
					t.Error(err)
				}
				k := ledgertest.Key("d", "2026", i+1)
				err := l.Reserve(t.Context(), ledgertest.Charge(k, 5))
				if err == nil {
					err = l.Seal(t.Context(), k, fmt.Append(nil, w, i))
				}
				if errors.Is(err, ledger.ErrFenced) {
					fenced[w]++
				}
			}
		})
	}
	wg.Wait()
	l := openPostgres(t, at)
	if n := len(ledgertestKinds(t, l)); n == 0 {
		t.Error("nobody wrote anything")
	}
	if fenced[0]+fenced[1]+fenced[2] == 0 || held[0]+held[1]+held[2] == 0 {
		t.Errorf("fenced %v, held %v: the test tests nothing", fenced, held)
	}
}

// ledgertestKinds are the entries of d by kind and key, which stand once.
func ledgertestKinds(t *testing.T, l *ledger.Ledger) map[string]bool {
	t.Helper()
	links, err := l.Links(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, link := range links {
		e, err := link.Decode()
		if err != nil {
			t.Fatal(err)
		}
		id := e.Kind + " " + e.Key().String()
		if seen[id] {
			t.Errorf("a second %s", id)
		}
		seen[id] = true
	}
	return seen
}

// A lease ends by the server's clock: what this machine's says is nothing to it.
func TestPostgresLeaseByServerClock(t *testing.T) {
	s := pgtest.Shared(t)
	name := s.Database(t)
	l := replica(t, s.DSN(name), func() time.Time { return today().AddDate(-30, 0, 0) })
	if err := l.Take(t.Context(), "a", time.Hour, false); err != nil {
		t.Fatal(err)
	}
	c, err := pgx.Connect(t.Context(), s.DSN(name))
	if err != nil {
		t.Fatal(err)
	}
	var left time.Duration
	if err := errors.Join(c.QueryRow(t.Context(), "SELECT until - clock_timestamp() FROM halftone.lease").Scan(&left), c.Close(t.Context())); err != nil || left < 55*time.Minute || left > time.Hour {
		t.Errorf("%s left, %v", left, err)
	}
}

// A server that may lose what it has confirmed is refused, with what to do about it.
func TestPostgresDurability(t *testing.T) {
	s := pgtest.New(t)
	for _, c := range []struct{ setting, says, do string }{
		{"fsync=off", "runs with fsync off", "ALTER SYSTEM SET fsync = on"},
		{"full_page_writes=off", "runs with full_page_writes off", "ALTER SYSTEM SET full_page_writes = on"},
		{"data_sync_retry=on", "runs with data_sync_retry on", "ALTER SYSTEM SET data_sync_retry = off"},
		{"synchronous_commit=off", "runs with synchronous_commit off", "ALTER SYSTEM SET synchronous_commit = on"},
		{"synchronous_commit=local", "runs with synchronous_commit local", "a role or database may have a value of its own"},
		{"synchronous_commit=remote_apply", "", ""},
	} {
		if err := errors.Join(s.Stop("fast"), s.Start(c.setting)); err != nil {
			t.Fatal(err)
		}
		l, err := ledger.OpenPostgres(t.Context(), s.DSN("postgres"), today)
		if c.says == "" {
			if err != nil {
				t.Fatalf("%s: %v", c.setting, err)
			}
			// Changed while it is open: noticed by the next transaction.
			s.Exec(t, "postgres", "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
			for err = nil; err == nil && t.Context().Err() == nil; { // until the server has read it
				err = ledger.Unfenced(l).Approve(t.Context(), ledgertest.Key("d", "2026", 1), fmt.Sprint(time.Now().UnixNano()), "A")
			}
			if !errors.Is(err, ledger.ErrPostgres) || !strings.Contains(err.Error(), "fsync off") {
				t.Errorf("switched off while open: %v", err)
			}
			_ = l.Close()
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), c.do) {
			t.Errorf("%s: %v", c.setting, err)
		}
	}
}

// What a database must be, and who the user.
func TestPostgresRefuses(t *testing.T) {
	s := pgtest.Shared(t)
	const latin = "latin"
	other := s.Database(t)
	s.Exec(t, "postgres", "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'", "CREATE ROLE poor LOGIN PASSWORD 'canary-secret'")
	for name, c := range map[string]struct{ dsn, want string }{
		"encoding":     {s.DSN(latin), "keeps text as LATIN1"},
		"no database":  {s.DSN("nowhere"), "has no such database"},
		"no rights":    {strings.Replace(s.DSN(other), "user=halftone", "user=poor password=canary-secret", 1), "docs/operations.md"},
		"no server":    {"host=127.0.0.1 port=1 user=canary-user password=canary-secret dbname=canary-db", "at 127.0.0.1 cannot be reached (connection refused)"},
		"no socket":    {"host=/nowhere user=canary-user password=canary-secret dbname=canary-db", "on this machine cannot be reached"},
		"no user":      {strings.Replace(s.DSN(other), "user=halftone", "user=canary-user password=canary-secret", 1), "does not let its user in"},
		"no DSN":       {"postgres://canary-user:canary-secret@h:x/canary-db", "cannot be read"},
		"no such host": {"host=canary.invalid user=canary-user password=canary-secret dbname=canary-db", "cannot be "},
	} {
		l, err := ledger.OpenPostgres(t.Context(), c.dsn, today)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v %v", name, l, err)
			continue
		}
		if text := strings.ReplaceAll(fmt.Sprintf("%v %+v %#v", err, err, err), "canary.invalid", "host"); strings.Contains(text, "canary") || strings.Contains(text, "poor") {
			t.Errorf("%s: more than the host is in %s", name, text)
		}
		if _, err := ledger.ProbePostgres(t.Context(), c.dsn); (err == nil) != (name == "no rights") {
			t.Errorf("%s: probe: %v", name, err)
		}
	}
}

// The least that a user needs who is not the owner of the schema.
func TestPostgresRights(t *testing.T) {
	s := pgtest.Shared(t)
	name := s.Database(t)
	k := ledgertest.Key("d", "2026", 1)
	_ = openPostgres(t, s.DSN(name)).Close()
	s.Exec(t, name, "CREATE ROLE worker LOGIN", "GRANT USAGE ON SCHEMA halftone TO worker", "GRANT SELECT ON halftone.store TO worker",
		"GRANT SELECT, INSERT ON halftone.link TO worker", "GRANT SELECT, INSERT, UPDATE ON halftone.sealed TO worker", "GRANT SELECT, UPDATE ON halftone.lease TO worker")
	l := replica(t, strings.Replace(s.DSN(name), "user=halftone", "user=worker", 1), today)
	for _, err := range []error{l.Take(t.Context(), "a", time.Minute, false), l.Reserve(t.Context(), ledgertest.Charge(k, 1)), l.Seal(t.Context(), k, []byte("x")), l.Give(t.Context())} {
		if err != nil {
			t.Error(err)
		}
	}
}

func TestProbePostgres(t *testing.T) {
	at := dsn(t)
	for _, want := range []bool{false, true} {
		p, err := ledger.ProbePostgres(t.Context(), at)
		if err != nil || p.Exists != want || p.Version == "" || time.Since(p.Now).Abs() > time.Minute {
			t.Errorf("%+v, %v", p, err)
		}
		_ = openPostgres(t, at)
	}
}
