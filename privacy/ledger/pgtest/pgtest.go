// Package pgtest runs a Postgres server for the tests of one package: a cluster of
// its own in a temporary folder, reached by a socket there and from nowhere else.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// User is the server's superuser. It needs no password.
const User = "halftone"

// A Server is one cluster. It ends with the process that started it.
type Server struct {
	Dir  string // socket, log, and data/
	bin  string
	run  func(name string, args ...string) *exec.Cmd
	hold io.Closer // the watcher's standard input: closed, also by a crash, it stops the server

	mu   sync.Mutex
	free []string // databases that nobody uses
	made int
}

var (
	one   sync.Once
	whole *Server
	why   error
)

// Shared is the one server of a test binary, skipping the test where there is none
// to be had. It lives until the process ends.
func Shared(t testing.TB) *Server {
	t.Helper()
	one.Do(func() { whole, why = start() })
	if errors.Is(why, errNone) {
		t.Skip(why)
	}
	if why != nil {
		t.Fatal(why)
	}
	return whole
}

// New is a server that a test may stop, or set up badly. It ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s, err := start()
	if errors.Is(err, errNone) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.hold.Close() })
	return s
}

var errNone = errors.New("no Postgres on this machine: apt-get install postgresql")

// programs is the folder of the newest server's programs.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if at, err := exec.LookPath("initdb"); err == nil {
		found = append([]string{at}, found...)
	}
	version := func(path string) int { n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))); return n }
	slices.SortStableFunc(found, func(x, y string) int { return version(x) - version(y) })
	if len(found) == 0 {
		return "", errNone
	}
	at, err := filepath.EvalSymlinks(found[len(found)-1])
	return filepath.Dir(at), err
}

func start() (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "halftone-pg-") // a socket's path must be short
	if err != nil {
		return nil, err
	}
	s := &Server{Dir: dir, bin: bin}
	if s.run, err = asServer(dir); err != nil {
		return nil, err
	}
	if out, err := s.run(filepath.Join(bin, "initdb"), "-D", s.data(), "-A", "trust", "-U", User, "--no-sync", "-E", "UTF8", "--locale=C").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	if err := s.Start(); err != nil {
		return nil, err
	}
	// Whatever becomes of this process, its end closes the pipe.
	watch := s.run("sh", "-c", `read _; "$0" -D "$1" -m immediate stop; rm -rf "$2"`, filepath.Join(bin, "pg_ctl"), s.data(), dir)
	watch.SysProcAttr.Setpgid = true
	if s.hold, err = watch.StdinPipe(); err != nil {
		return nil, err
	}
	return s, watch.Start()
}

func (s *Server) data() string { return filepath.Join(s.Dir, "data") }

// asServer runs programs as whoever may run a server: not as root.
func asServer(dir string) (func(string, ...string) *exec.Cmd, error) {
	attr := syscall.SysProcAttr{}
	if os.Geteuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			return nil, errNone
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		if err := os.Chown(dir, int(uid), int(gid)); err != nil {
			return nil, err
		}
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return func(name string, args ...string) *exec.Cmd {
		c := exec.Command(name, args...)
		own := attr
		c.SysProcAttr, c.Dir, c.Env = &own, dir, []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
		return c
	}, nil
}

// Start starts the server, with settings such as "fsync=off", and waits until it can
// be used.
func (s *Server) Start(settings ...string) error {
	options := "-k " + s.Dir + " -c listen_addresses= -c max_connections=60"
	for _, o := range settings {
		options += " -c " + o
	}
	if out, err := s.run(filepath.Join(s.bin, "pg_ctl"), "-D", s.data(), "-w", "-l", filepath.Join(s.Dir, "log"), "-o", options, "start").CombinedOutput(); err != nil {
		return fmt.Errorf("pg_ctl start: %w: %s", err, out)
	}
	return nil
}

// Stop stops the server: "fast", or "immediate", which is as if its power went.
func (s *Server) Stop(mode string) error {
	if out, err := s.run(filepath.Join(s.bin, "pg_ctl"), "-D", s.data(), "-w", "-m", mode, "stop").CombinedOutput(); err != nil {
		return fmt.Errorf("pg_ctl stop: %w: %s", err, out)
	}
	return nil
}

// Socket is the path of the server's socket.
func (s *Server) Socket() string { return filepath.Join(s.Dir, ".s.PGSQL.5432") }

// DSN is the connection string of a database.
func (s *Server) DSN(database string) string {
	return "host=" + s.Dir + " user=" + User + " dbname=" + database + " sslmode=disable"
}

// Database gives a test an empty database by its name, and takes it back, whatever
// was made of it, when the test has ended.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.free) == 0 {
		s.made++
		name := fmt.Sprintf("test%d", s.made)
		s.Exec(t, "postgres", "CREATE DATABASE "+name+" TEMPLATE template0")
		s.free = append(s.free, name)
	}
	name := s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	t.Cleanup(func() {
		if s.Try(name, "DROP SCHEMA IF EXISTS halftone CASCADE", "ALTER DATABASE "+name+" RESET ALL") != nil {
			return // such as one that is renamed
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.free = append(s.free, name)
	})
	return name
}

// Exec runs statements in a database as any other program would.
func (s *Server) Exec(t testing.TB, database string, statements ...string) {
	t.Helper()
	if err := s.Try(database, statements...); err != nil {
		t.Fatal(err)
	}
}

// Try is Exec for statements that may fail.
func (s *Server) Try(database string, statements ...string) error {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, s.DSN(database))
	if err != nil {
		return err
	}
	for _, q := range statements {
		if _, err = c.Exec(ctx, q); err != nil {
			err = fmt.Errorf("%s: %w", q, err)
			break
		}
	}
	return errors.Join(err, c.Close(ctx))
}
