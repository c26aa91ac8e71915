package ledger

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// patience is how long a transaction may take, with the time that it waits for
// others. A worker that waits longer for an answer gets an error instead.
const patience = time.Minute

// beginQuery begins a transaction. READ COMMITTED, whatever the server's default:
// what follows the lock must see what was committed while it was waited for. A worker
// that vanished in the middle does not keep the others out for ever.
const beginQuery = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL search_path = pg_catalog; SET LOCAL lock_timeout = '30s'; SET LOCAL idle_in_transaction_session_timeout = '30s'`

// A server is the connection to a Postgres database. It is for one goroutine at a
// time.
type server struct {
	config *pgx.ConnConfig
	conn   *pgx.Conn // nil or closed: there is none
}

func newServer(dsn string) (server, error) {
	c, err := pgx.ParseConfig(dsn)
	if err != nil { // its text would quote the DSN
		return server{}, errors.New("ledger: the Postgres store's connection string cannot be read: postgres://USER@HOST/DATABASE?sslmode=verify-full, or host=HOST user=USER dbname=DATABASE")
	}
	// Without statements that the server remembers: a pooler may not.
	c.DefaultQueryExecMode = pgx.QueryExecModeExec
	c.StatementCacheCapacity, c.DescriptionCacheCapacity = 0, 0
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 10 * time.Second
	}
	return server{config: c}, nil
}

// dial makes a connection and checks that the server keeps what it confirms.
func (s *server) dial(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, s.config)
	if err != nil {
		return s.fault(err)
	}
	s.conn = conn
	var is settings
	err = s.fault(conn.QueryRow(ctx, "SELECT "+settingsQuery).Scan(is.fields()...))
	if err == nil {
		err = s.durable(is)
	}
	if err != nil {
		return errors.Join(err, s.close())
	}
	return nil
}

// close ends the connection. What went wrong at that is nobody's loss.
func (s *server) close() error {
	if s.conn == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = s.conn.Close(ctx)
	return nil
}

// begin begins a transaction, on a new connection if the one before is gone: nothing
// of it was at work.
func (s *server) begin(ctx context.Context) (pgx.Tx, error) {
	options := pgx.TxOptions{BeginQuery: beginQuery}
	if s.conn != nil && !s.conn.IsClosed() {
		tx, err := s.conn.BeginTx(ctx, options) // closes the connection if it fails
		if err == nil || ctx.Err() != nil {
			return tx, s.fault(err)
		}
	}
	if err := s.dial(ctx); err != nil {
		return nil, err
	}
	tx, err := s.conn.BeginTx(ctx, options)
	if err != nil {
		return nil, s.fault(err)
	}
	if err := s.compare(ctx, tx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return tx, nil
}

// within runs do in a transaction, and commits it if do says so. The commit is not
// broken off with ctx: whoever stops a run wants to know what it has done.
func (s *server) within(ctx context.Context, do func(context.Context, pgx.Tx) (commit bool, err error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tx, err := s.begin(ctx)
	if err != nil {
		return err
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	defer func() { _ = tx.Rollback(late) }() // after Commit it does nothing
	commit, err := do(ctx, tx)
	if err != nil || !commit {
		return err
	}
	return s.committed(tx.Commit(late))
}

// committed says what a failed commit leaves.
func (s *server) committed(err error) error {
	var refused *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused) && !strings.HasPrefix(refused.Code, "57P"), errors.Is(err, pgx.ErrTxCommitRollback):
		return s.fault(err)
	}
	return s.failed("was lost while it committed: nobody knows yet whether the entry was recorded. " +
		"See that it runs, then run again: the ledger is read first, nothing is charged or drawn twice")
}

// look runs do in a transaction that changes nothing.
func (s *server) look(ctx context.Context, do func(context.Context, pgx.Tx) error) error {
	return s.within(ctx, func(ctx context.Context, tx pgx.Tx) (bool, error) { return false, do(ctx, tx) })
}

// settings are what a server's promise to keep a commit rests on.
type settings struct {
	version                                 int
	standby                                 bool
	fsync, commit, pages, retries, encoding string
	name                                    string // of the version
	now                                     time.Time
}

const settingsQuery = `current_setting('server_version_num')::integer, pg_is_in_recovery(), current_setting('fsync'), current_setting('synchronous_commit'),
current_setting('full_page_writes'), current_setting('data_sync_retry'), current_setting('server_encoding'), current_setting('server_version'), clock_timestamp()`

func (s *settings) fields() []any {
	return []any{&s.version, &s.standby, &s.fsync, &s.commit, &s.pages, &s.retries, &s.encoding, &s.name, &s.now}
}

// durable refuses a server that may lose a commit that it has confirmed.
func (s *server) durable(is settings) error {
	refuse := func(what, do string) error {
		return s.failed("%s, so a charge that it has confirmed can be lost: %s", what, do)
	}
	system := func(name, value string) string {
		return fmt.Sprintf("ALTER SYSTEM SET %s = %s, then restart it or SELECT pg_reload_conf()", name, value)
	}
	switch {
	case is.version < 140000:
		return s.failed("is version %s: 14 or later is needed", is.name)
	case is.standby:
		return refuse("is a standby", "name the primary in the connection string, or target_session_attrs=read-write with several hosts")
	case is.fsync != "on":
		return refuse("runs with fsync "+is.fsync, system("fsync", "on"))
	case is.commit != "on" && is.commit != "remote_apply":
		return refuse("runs with synchronous_commit "+is.commit, system("synchronous_commit", "on")+"; a role or database may have a value of its own")
	case is.pages != "on":
		return refuse("runs with full_page_writes "+is.pages, system("full_page_writes", "on"))
	case is.retries != "off":
		return refuse("runs with data_sync_retry "+is.retries, system("data_sync_retry", "off"))
	case is.encoding != "UTF8":
		return s.failed("keeps text as %s: make a database with ENCODING 'UTF8'", is.encoding)
	}
	return nil
}

// ErrPostgres is every failure of the Postgres store itself, as against what the
// ledger refuses. Its texts name the host at most.
var ErrPostgres = errors.New("ledger: the Postgres store")

// failed is a failure of the store.
func (s *server) failed(format string, args ...any) error {
	at := "at " + s.config.Host
	if s.config.Host == "" || strings.HasPrefix(s.config.Host, "/") {
		at = "on this machine"
	}
	return fmt.Errorf("%w %s "+format, append([]any{ErrPostgres, at}, args...)...)
}

// fault says what went wrong and what to do. The driver's own texts quote the user,
// the database, or what was sent, so that none of them goes through.
func (s *server) fault(err error) error {
	var refused *pgconn.PgError
	var cert *tls.CertificateVerificationError
	var name *net.DNSError
	var errno syscall.Errno
	const again = ": see that it runs and the network is up, then run again; what was committed is safe, and nothing else was recorded"
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return s.failed("%s (SQLSTATE %s)", refusal(refused.Code), refused.Code)
	case errors.Is(err, context.Canceled):
		return s.failed("%w", context.Canceled)
	case errors.Is(err, context.DeadlineExceeded):
		return s.failed("does not answer%s", again)
	case errors.As(err, &cert):
		return s.failed("has a certificate that is not trusted: name its authority, sslrootcert=FILE in the connection string")
	case errors.As(err, &name):
		return s.failed("cannot be found: its name has no address")
	case errors.As(err, &errno):
		return s.failed("cannot be reached (%w)%s", errno, again)
	}
	return s.failed("broke the connection or cannot be reached%s", again)
}

// refusal is what a server's error means for whoever runs halftone.
func refusal(code string) string {
	const rights = "does not let its user do that: it must own the schema halftone, or have the rights that docs/operations.md lists"
	if say, ok := map[string]string{
		"3D000": "has no such database: create it",
		"42501": rights,
		"25006": "is read-only: name the primary in the connection string",
		"53100": "has a full disk: make room, then run again",
		"53300": "has no connection left: raise max_connections, then run again",
		"55P03": "was kept busy by another worker for 30 seconds: run again",
		"57014": "has broken the statement off: run again",
		"P0001": "has refused an entry that does not follow from those before it: the ledger is append-only",
		"23505": "has refused a second charge, seal or version of one name",
	}[code]; ok {
		return say
	}
	switch code[:min(2, len(code))] {
	case "28":
		return "does not let its user in: look at user and password in the connection string, and at pg_hba.conf"
	case "57":
		return "is being stopped or started: run again when it runs"
	case "58", "XX":
		return "has a failing disk or damaged files: stop, look at its log, bring back the newest backup"
	}
	return "has refused a statement"
}

// A Probe is what was found of a Postgres store without changing anything.
type Probe struct {
	Version string    // of the server
	Exists  bool      // a ledger is in the database
	Now     time.Time // by the server's clock
}

// ProbePostgres connects to a Postgres store and checks that it may keep a ledger, as
// [OpenPostgres] does. It makes none.
func ProbePostgres(ctx context.Context, dsn string) (Probe, error) {
	s, err := newServer(dsn)
	if err != nil {
		return Probe{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := s.dial(ctx); err != nil {
		return Probe{}, errors.Join(err, s.close())
	}
	defer func() { _ = s.close() }() // nothing was written
	var p Probe
	err = s.conn.QueryRow(ctx, "SELECT current_setting('server_version'), to_regclass('halftone.link') IS NOT NULL, clock_timestamp()").Scan(&p.Version, &p.Exists, &p.Now)
	return p, s.fault(err)
}
