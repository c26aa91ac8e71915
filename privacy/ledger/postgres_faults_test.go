package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"halftone/privacy"
	"halftone/privacy/ledger"
	"halftone/privacy/ledger/ledgertest"
	"halftone/privacy/ledger/pgtest"
)

// work is what one release does to a ledger, a step at a time, as often as it takes.
func work(ctx context.Context, l *ledger.Ledger, k privacy.Key, draw string) error {
	if _, err := l.Sealed(ctx, k); errors.Is(err, privacy.ErrNotReleased) {
		if err := l.Reserve(ctx, ledgertest.Charge(k, 500)); err != nil {
			return err
		}
		if err := l.Seal(ctx, k, []byte(draw)); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	return l.Publish(ctx, "d", "2026.11-1", 1, ledgertest.Manifest, k)
}

// once checks that a release was charged, sealed and published once, and returns
// which draw it holds.
func once(t *testing.T, l *ledger.Ledger, k privacy.Key) string {
	t.Helper()
	seen := ledgertestKinds(t, l)
	if len(seen) != 3 {
		t.Errorf("entries %v", seen)
	}
	b, err := l.Sealed(t.Context(), k)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// The connection breaks before or after every message of a release: what was
// confirmed is there, what was not is done again, nothing is charged or drawn twice.
// The handle that saw the break goes on, and so does another worker.
func TestPostgresBreaks(t *testing.T) {
	s := pgtest.Shared(t)
	proxy := s.Proxy(t)
	k := ledgertest.Key("d", "2026", 1)
	unknown, recorded := 0, 0
	for _, answerLost := range []bool{false, true} {
		for n := 0; ; n++ {
			name := s.Database(t)
			l := replica(t, proxy.DSN(name), today)
			ledger.Unfenced(l)
			proxy.BreakAt(n, answerLost)
			err := work(t.Context(), l, k, "first draw")
			seen := proxy.Heal()
			if err == nil {
				if seen > n {
					t.Errorf("message %d of %d was broken off, and nobody noticed", n, seen)
				}
				if n < 15 {
					t.Errorf("only %d messages: the test tests nothing", n)
				}
				once(t, l, k)
				break
			}
			where := fmt.Sprintf("message %d, answer lost %v", n, answerLost)
			if !errors.Is(err, ledger.ErrPostgres) || !strings.Contains(err.Error(), "run again") || strings.Contains(err.Error(), pgtest.User) || strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v", where, err)
			}
			before := openPostgres(t, s.DSN(name))
			links, e := before.Links(t.Context(), "d")
			if e != nil {
				t.Fatal(where, e)
			}
			if strings.Contains(err.Error(), "nobody knows yet whether") {
				unknown++
				if answerLost {
					recorded++
				}
			}
			// A run that goes on with the same handle, or a new one with another draw.
			if n%2 == 0 {
				err = work(t.Context(), l, k, "second draw")
			} else {
				err = work(t.Context(), before, k, "second draw")
			}
			if err != nil {
				t.Fatalf("%s: the next run: %v", where, err)
			}
			draw := once(t, l, k)
			if sealed := len(links) >= 2; sealed != (draw == "first draw") {
				t.Errorf("%s: %d entries were there, the release holds the %s", where, len(links), draw)
			}
			if err := errors.Join(before.Close(), l.Close()); err != nil {
				t.Error(err)
			}
		}
	}
	if unknown != 6 || recorded != 3 { // three commits, in both ways
		t.Errorf("%d commits of unknown outcome, %d of them recorded", unknown, recorded)
	}
}

// The server's power goes between and within transactions.
func TestPostgresServerDies(t *testing.T) {
	s := pgtest.New(t)
	k := ledgertest.Key("d", "2026", 1)
	l := ledger.Unfenced(replica(t, s.DSN("postgres"), today))
	power := func() {
		t.Helper()
		if err := errors.Join(s.Stop("immediate"), s.Start()); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Reserve(t.Context(), ledgertest.Charge(k, 500)); err != nil {
		t.Fatal(err)
	}
	if err := s.Stop("immediate"); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"seal": l.Seal(t.Context(), k, []byte("x")), "head": func() error { _, err := l.Head(t.Context()); return err }(),
		"renew": l.Renew(t.Context(), time.Minute),
	} {
		if !errors.Is(err, ledger.ErrPostgres) || !strings.Contains(err.Error(), "run again") {
			t.Errorf("%s while the server is down: %v", name, err)
		}
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	// It is back between two transactions: the handle finds it by itself.
	if err := l.Seal(t.Context(), k, []byte("x")); err != nil {
		t.Fatal(err)
	}
	power()
	if err := work(t.Context(), l, k, "another draw"); err != nil {
		t.Fatal(err)
	}
	power()
	if draw := once(t, openPostgres(t, s.DSN("postgres")), k); draw != "x" {
		t.Errorf("draw %q", draw)
	}
	// In the middle of one: the backend goes after the charge was decided.
	c, err := pgx.Connect(t.Context(), s.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	kill := func() time.Time { // asked for the day, after the decision and before the insert
		if _, err := c.Exec(context.Background(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"); err != nil {
			t.Error(err)
		}
		return today()
	}
	dying := ledger.Unfenced(replica(t, s.DSN("postgres"), kill))
	k2 := ledgertest.Key("d", "2025", 1)
	if err := dying.Reserve(t.Context(), ledgertest.Charge(k2, 100)); !errors.Is(err, ledger.ErrPostgres) {
		t.Errorf("the backend was killed: %v", err)
	}
	if _, ok, err := dying.Charge(t.Context(), k2); ok || err != nil {
		t.Errorf("charged %v, %v", ok, err)
	}
	if err := l.Reserve(t.Context(), ledgertest.Charge(k2, 100)); err != nil {
		t.Error(err)
	}
}

// A run that was stopped while it waits writes nothing, and neither does one whose
// transaction another one holds up.
func TestPostgresWaits(t *testing.T) {
	at := dsn(t)
	k := ledgertest.Key("d", "2026", 1)
	l := openPostgres(t, at)
	c, err := pgx.Connect(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	tx, err := c.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "SELECT FROM halftone.lease FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := l.Reserve(short, ledgertest.Charge(k, 1)); err == nil {
		t.Error("charged while another had the ledger")
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := l.Reserve(stopped, ledgertest.Charge(k, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("charged by a run that was stopped: %v", err)
	}
	if h, err := l.Head(t.Context()); err != nil || h != "" { // reading waits for nobody
		t.Errorf("head %q, %v", h, err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.Reserve(t.Context(), ledgertest.Charge(k, 1)); err != nil {
		t.Error(err)
	}
}

// two makes a closed ledger with two releases, one published.
func two(t *testing.T) (s *pgtest.Server, name string) {
	t.Helper()
	s = pgtest.Shared(t)
	name = s.Database(t)
	l := openPostgres(t, s.DSN(name))
	for _, p := range []string{"2025", "2026"} {
		k := ledgertest.Key("d", p, 1)
		if err := errors.Join(l.Reserve(t.Context(), ledgertest.Charge(k, 100)), l.Seal(t.Context(), k, []byte(k.String()))); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(l.Publish(t.Context(), "d", "2026.11-1", 1, ledgertest.Manifest, ledgertest.Key("d", "2025", 1)), l.Close()); err != nil {
		t.Fatal(err)
	}
	return s, name
}

// Invariant 4: Postgres itself refuses to change, take away or put between, whoever
// asks for it.
func TestPostgresAppendOnly(t *testing.T) {
	s, name := two(t)
	// The link after the last, as a program would make it that knows how.
	next := func(entry string) string {
		return "INSERT INTO halftone.link SELECT 6, e, d, encode(sha256(convert_to(hash || d, 'UTF8')), 'hex') FROM (SELECT e, encode(sha256(convert_to(e, 'UTF8')), 'hex') d, hash FROM (SELECT " +
			entry + " e, (SELECT hash FROM halftone.link WHERE seq = 5) hash) a) b"
	}
	copyOf := func(seq int) string {
		return next(fmt.Sprintf("(SELECT entry FROM halftone.link WHERE seq = %d)", seq))
	}
	for q, allowed := range map[string]bool{
		"UPDATE halftone.link SET entry = '{}'":                                                                                    false,
		"UPDATE halftone.link SET seq = 9 WHERE seq = 5":                                                                           false,
		"DELETE FROM halftone.link WHERE seq = 5":                                                                                  false,
		"TRUNCATE halftone.link":                                                                                                   false,
		"SET session_replication_role = replica; DELETE FROM halftone.link WHERE seq = 5":                                          false,
		"INSERT INTO halftone.link SELECT 7, entry, digest, hash || 'x' FROM halftone.link WHERE seq = 5":                          false,
		"INSERT INTO halftone.link SELECT 6, entry, digest, hash || 'x' FROM halftone.link WHERE seq = 5":                          false,
		"INSERT INTO halftone.link SELECT seq, '{}', digest, hash FROM halftone.link ON CONFLICT (seq) DO UPDATE SET entry = '{}'": false,
		copyOf(1): false, copyOf(2): false, copyOf(5): false, // a second charge, seal, version
		next("'no json'"): false,
		next(`'{"kind":"seal","dataset":"d","series":1,"period":"2027","edition":1,"sealed_sha256":"x"}'`): false, // no file of it
		"UPDATE halftone.sealed SET file = 'x'":                           false,
		"UPDATE halftone.sealed SET dataset = 'e'":                        false,
		"DELETE FROM halftone.sealed":                                     false,
		"TRUNCATE halftone.sealed":                                        false,
		"TRUNCATE halftone.link, halftone.sealed, halftone.lease CASCADE": false,
		"UPDATE halftone.lease SET epoch = -1":                            false,
		"DELETE FROM halftone.lease":                                      false,
		"TRUNCATE halftone.lease":                                         false,
		"INSERT INTO halftone.lease VALUES (2, 9, '', 'epoch')":           false,
		// What the rules are not against, so that the list shows something.
		"INSERT INTO halftone.sealed VALUES ('d', 1, '2027', 1, 'x'); UPDATE halftone.sealed SET file = 'y' WHERE period = '2027'": true,
		next(`'{"kind":"charge","dataset":"d","series":1,"period":"2027","edition":1}'`):                                           true,
		"UPDATE halftone.lease SET epoch = epoch + 1":                                                                              true,
	} {
		// Taken back, and no error from that shows that it was allowed.
		if err := s.Try(name, "BEGIN", q, "ROLLBACK"); (err == nil) != allowed {
			t.Errorf("%s: %v", q, err)
		}
	}
	if h, err := openPostgres(t, s.DSN(name)).Head(t.Context()); err != nil || h == "" {
		t.Errorf("head %q, %v", h, err)
	}
}

func TestPostgresChangedSchema(t *testing.T) {
	for name, q := range map[string]string{
		"trigger gone":        "DROP TRIGGER append_only ON halftone.link",
		"trigger off":         "ALTER TABLE halftone.link DISABLE TRIGGER follow",
		"trigger for some":    "ALTER TABLE halftone.lease ENABLE TRIGGER rise",
		"trigger changed":     "DROP TRIGGER keep ON halftone.sealed; CREATE TRIGGER keep BEFORE UPDATE ON halftone.sealed FOR EACH ROW WHEN (false) EXECUTE FUNCTION halftone.keep(); ALTER TABLE halftone.sealed ENABLE ALWAYS TRIGGER keep",
		"trigger added":       "CREATE TRIGGER x BEFORE INSERT ON halftone.link FOR EACH ROW EXECUTE FUNCTION halftone.keep()",
		"function changed":    "CREATE OR REPLACE FUNCTION halftone.refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS 'BEGIN RETURN NULL; END'",
		"function added":      "CREATE FUNCTION halftone.x() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
		"index gone":          "DROP INDEX halftone.once",
		"index of another":    "DROP INDEX halftone.version; CREATE UNIQUE INDEX version ON halftone.link (digest)",
		"index not unique":    "DROP INDEX halftone.version; CREATE INDEX version ON halftone.link (((entry::jsonb ->> 'dataset')), ((entry::jsonb ->> 'version'))) WHERE (entry::jsonb ->> 'kind') = 'publish'",
		"constraint gone":     "ALTER TABLE halftone.link DROP CONSTRAINT link_hash_key",
		"table added":         "CREATE TABLE halftone.x (y integer)",
		"table gone":          "DROP TABLE halftone.lease",
		"column added":        "ALTER TABLE halftone.link ADD COLUMN x text",
		"column of a kind":    "ALTER TABLE halftone.lease ALTER COLUMN holder DROP NOT NULL",
		"lost after a crash":  "ALTER TABLE halftone.link SET UNLOGGED",
		"rule":                "CREATE RULE x AS ON INSERT TO halftone.link DO ALSO NOTHING",
		"rows hidden":         "ALTER TABLE halftone.link ENABLE ROW LEVEL SECURITY",
		"policy":              "CREATE POLICY x ON halftone.link USING (false)",
		"child":               "CREATE TABLE x () INHERITS (halftone.link)",
		"newer":               "UPDATE halftone.store SET version = 2",
		"no version":          "DELETE FROM halftone.store",
		"no table of version": "DROP TABLE halftone.store",
	} {
		t.Run(name, func(t *testing.T) {
			s := pgtest.Shared(t)
			db := s.Database(t)
			at := s.DSN(db)
			l := openPostgres(t, at)
			s.Exec(t, db, q)
			if _, err := ledger.OpenPostgres(t.Context(), at, today); !errors.Is(err, ledger.ErrPostgres) {
				t.Errorf("opened: %v", err)
			}
			// A handle that has to connect again looks, too.
			s.Exec(t, "postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+db+"'")
			if err := l.Reserve(t.Context(), ledgertest.Charge(ledgertest.Key("d", "2027", 1), 1)); !errors.Is(err, ledger.ErrPostgres) {
				t.Errorf("charged: %v", err)
			}
			s.Exec(t, db, "DROP TABLE IF EXISTS x")
		})
	}
}

// change does what the triggers refuse, and puts them back.
func change(t *testing.T, s *pgtest.Server, name, q string) {
	t.Helper()
	s.Exec(t, name, "BEGIN; ALTER TABLE halftone.link DISABLE TRIGGER ALL; ALTER TABLE halftone.sealed DISABLE TRIGGER ALL; "+q+
		"; ALTER TABLE halftone.link ENABLE ALWAYS TRIGGER follow; ALTER TABLE halftone.link ENABLE ALWAYS TRIGGER append_only;"+
		"ALTER TABLE halftone.sealed ENABLE ALWAYS TRIGGER keep; ALTER TABLE halftone.sealed ENABLE ALWAYS TRIGGER append_only; COMMIT")
}

// Invariants 4 and 8: whatever was changed under the rules is noticed before
// anything is charged.
func TestPostgresTampered(t *testing.T) {
	third := ledgertest.Charge(ledgertest.Key("d", "2027", 1), 1)
	for name, c := range map[string]struct{ q, want string }{
		"entry":       {"UPDATE halftone.link SET entry = replace(entry, '\"cost\":100', '\"cost\":101') WHERE seq = 1", "chain is broken at entry 1"},
		"hash":        {"UPDATE halftone.link SET hash = 'x' WHERE seq = 2", "chain is broken at entry 2"},
		"row gone":    {"DELETE FROM halftone.link WHERE seq = 3", "chain is broken at entry 3"},
		"older chain": {"DELETE FROM halftone.link WHERE seq > 2", "sealed/d/1/2026.1.json is there, but its release was never charged"},
		"a file more": {"INSERT INTO halftone.sealed VALUES ('d', 1, '2027', 1, 'x')", "was never charged"},
	} {
		t.Run(name, func(t *testing.T) {
			s, db := two(t)
			change(t, s, db, c.q)
			l, err := ledger.OpenPostgres(t.Context(), s.DSN(db), today)
			if err == nil {
				err = ledger.Unfenced(l).Reserve(t.Context(), third)
				_ = l.Close()
			}
			if !errors.Is(err, privacy.ErrLocked) || !strings.Contains(err.Error(), c.want) {
				t.Error(err)
			}
		})
	}
	for name, q := range map[string]string{"shorter": "DELETE FROM halftone.link WHERE seq = 5", "empty": "DELETE FROM halftone.link", "another end": "UPDATE halftone.link SET hash = 'x' WHERE seq = 5"} {
		t.Run("open, "+name, func(t *testing.T) {
			s, db := two(t)
			l := openPostgres(t, s.DSN(db))
			change(t, s, db, q)
			if err := l.Reserve(t.Context(), third); !errors.Is(err, privacy.ErrLocked) || !strings.Contains(err.Error(), "was replaced while it was open") {
				t.Error(err)
			}
		})
	}
	for name, q := range map[string]string{"gone": "DELETE FROM halftone.sealed WHERE period = '2026'", "changed": "UPDATE halftone.sealed SET file = 'x'"} {
		t.Run("sealed file "+name, func(t *testing.T) {
			s, db := two(t)
			l := openPostgres(t, s.DSN(db))
			change(t, s, db, q)
			if _, err := l.Sealed(t.Context(), ledgertest.Key("d", "2026", 1)); err == nil || errors.Is(err, privacy.ErrNotReleased) || !strings.Contains(err.Error(), "bring sealed/d/1/2026.1.json back") {
				t.Error(err)
			}
		})
	}
}

// A backup of one store is the ledger of another, byte for byte.
func TestPostgresSnapshotAndRestore(t *testing.T) {
	s, db := two(t)
	from := openPostgres(t, s.DSN(db))
	dir := state(t)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := from.Snapshot(t.Context(), filepath.Join(dir, "ledger.db")); err != nil {
		t.Fatal(err)
	}
	links, err := from.Chain(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sealed := map[privacy.Key][]byte{}
	for _, p := range []string{"2025", "2026"} {
		k := ledgertest.Key("d", p, 1)
		if sealed[k], err = from.Sealed(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	at := dsn(t)
	to := replica(t, at, today)
	if err := to.Restore(t.Context(), links, sealed); !errors.Is(err, ledger.ErrFenced) {
		t.Errorf("restored without a lease: %v", err)
	}
	ledger.Unfenced(to)
	if err := to.Restore(t.Context(), links, nil); err == nil {
		t.Error("restored without its sealed files")
	}
	if h, err := to.Head(t.Context()); err != nil || h != "" {
		t.Fatalf("head %q, %v", h, err)
	}
	if err := to.Restore(t.Context(), links, sealed); err != nil {
		t.Fatal(err)
	}
	if err := to.Restore(t.Context(), links, sealed); err == nil || !strings.Contains(err.Error(), "has 5 entries already") {
		t.Errorf("restored over another: %v", err)
	}
	for i, l := range []*ledger.Ledger{to, openPostgres(t, at), open(t, dir)} {
		got, err := l.Chain(t.Context())
		if err != nil || !reflect.DeepEqual(got, links) {
			t.Errorf("another chain, %v", err)
		}
		for k, want := range sealed {
			if i == 2 {
				break // a snapshot is the links alone
			}
			if b, err := l.Sealed(t.Context(), k); err != nil || string(b) != string(want) {
				t.Errorf("%s: %q, %v", k, b, err)
			}
		}
	}
	if err := to.Reserve(t.Context(), ledgertest.Charge(ledgertest.Key("d", "2027", 1), 1)); err != nil {
		t.Error(err)
	}
}
