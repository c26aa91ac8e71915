package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"halftone/privacy/ledger"
	"halftone/privacy/ledger/pgtest"
)

// replicas are several state folders with one ledger in Postgres and one public folder.
type replicas struct {
	s        *pgtest.Server
	database string
	public   string
	dirs     []string // of instance.yaml
}

func newReplicas(t *testing.T, n int) replicas {
	t.Helper()
	s := pgtest.Shared(t)
	r := replicas{s: s, database: s.Database(t), public: filepath.Join(t.TempDir(), "public")}
	project := filepath.Join(t.TempDir(), "cases")
	mustRun(t, "init", project)
	for range n {
		dir := t.TempDir()
		if err := os.CopyFS(filepath.Join(dir, "cases"), os.DirFS(project)); err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("store: env:HALFTONE_TEST_STORE\npublic: %s\n", r.public)
		if err := os.WriteFile(filepath.Join(dir, "instance.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r.dirs = append(r.dirs, dir)
	}
	return r
}

// run is a command of replica i, not started.
func (r replicas) run(t *testing.T, i int, args ...string) *exec.Cmd {
	t.Helper()
	cmd := program(t, append([]string{"-C", filepath.Join(r.dirs[i], "cases")}, args...)...)
	cmd.Env = append(os.Environ(), "HALFTONE_TEST_STORE="+r.s.DSN(r.database))
	return cmd
}

// exits runs a command to its end, and checks its exit code and that it tells no
// connection string.
func (r replicas) exits(t *testing.T, code, i int, args ...string) string {
	t.Helper()
	out, err := r.run(t, i, args...).CombinedOutput()
	if got := exitCode(err); got != code {
		t.Fatalf("halftone %v exits with %d, want %d: %v\n%s", args, got, code, err, out)
	}
	if bytes.Contains(out, []byte(r.s.Dir)) || bytes.Contains(out, []byte(r.database)) {
		t.Errorf("halftone %v tells the connection string:\n%s", args, out)
	}
	return string(out)
}

func exitCode(err error) int {
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.ExitCode()
	}
	if err != nil {
		return -2
	}
	return 0
}

// expire lets the lease run out, by the server's clock.
func (r replicas) expire(t *testing.T) {
	t.Helper()
	r.s.Exec(t, r.database, "UPDATE halftone.lease SET until = until - interval '1 hour'")
}

// charged checks that each of the four periods is charged once, and that what is
// published is what the ledger says. burnt of them were given up.
func (r replicas) charged(t *testing.T, burnt int) {
	t.Helper()
	var b budgetObject
	if err := json.Unmarshal([]byte(r.exits(t, 0, 0, "budget", "--json")), &b); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range b.Periods {
		if p.Burnt > 0 {
			n++
		}
		if p.Editions != 1 || p.Spent+p.Burnt != 1e9 || p.Reserved != 0 || p.Left != 0 {
			t.Errorf("%s: %+v", p.Period, p)
		}
	}
	if len(b.Periods) != 4 || n != burnt {
		t.Errorf("%d periods charged, %d burnt", len(b.Periods), n)
	}
	r.exits(t, 0, 1, "budget", "--verify")
	if out := mustRun(t, "verify", filepath.Join(r.public, "datasets", "my-dataset")); !strings.Contains(out, "\nverified") {
		t.Error(out)
	}
}

var rounds = flag.Int("replicas.rounds", 2, "how often two replicas race")

var held = regexp.MustCompile(`another worker holds the lease: .+, process \d+, until 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\. Nothing was done here`)

// Two processes start at once: one releases and publishes, the other is told who is at
// work, or comes later and finds nothing due.
func TestTwoReplicas(t *testing.T) {
	for range *rounds {
		r := newReplicas(t, 2)
		var cmds []*exec.Cmd
		var outs [2]bytes.Buffer
		for i := range r.dirs {
			c := r.run(t, i, "run")
			c.Stdout, c.Stderr = &outs[i], &outs[i]
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			cmds = append(cmds, c)
		}
		published := 0
		for i, c := range cmds {
			out := func() string { return outs[i].String() }
			switch code := exitCode(c.Wait()); {
			case code == 0 && strings.Contains(out(), "4 charged, 4 sealed"):
				published++
			case code == 0 && strings.Contains(out(), "Nothing is due"):
			case code == 3 && held.MatchString(out()):
			default:
				t.Errorf("exit %d:\n%s", code, out())
			}
		}
		if published != 1 {
			t.Errorf("%d replicas have published", published)
		}
		r.charged(t, 0)
	}
}

// What else there is to ask of a replica.
func TestReplicaCommands(t *testing.T) {
	r := newReplicas(t, 2)
	r.exits(t, 0, 0, "run")
	for args, want := range map[string]string{
		"run":             `Nothing is due`,
		"status":          `ledger ok.* · store postgres · `,
		"doctor":          `ok +store +Postgres \d+.*, no standby; the ledger opens, its chain is whole`,
		"ledger export -": `"kind":"publish"`,
		"plan":            `my-dataset`,
	} {
		if out := r.exits(t, 0, 1, strings.Fields(args)...); !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%s:\n%s", args, out)
		}
	}
}

// A replica is killed at any of its steps: the other waits for its lease to run out,
// and finishes.
func TestKilledReplicaIsGoneOnWith(t *testing.T) {
	killed := 0
	for _, lines := range []int{2, 7} { // in the middle of the releases, and before the version
		r := newReplicas(t, 2)
		if killCommand(t, r.run(t, 0, "--debug", "run"), lines) {
			killed++
			if out := r.exits(t, 3, 1, "run"); !held.MatchString(out) {
				t.Error(out)
			}
		}
		r.expire(t)
		out, err := r.run(t, 1, "run").CombinedOutput()
		if exitCode(err) == 1 && strings.Contains(string(out), "is charged and not sealed") { // killed between the two
			r.exits(t, 0, 0, "run")
		} else if err != nil {
			t.Errorf("after %d lines: %v\n%s", lines, err, out)
		}
		r.exits(t, 0, 1, "run")
		r.charged(t, 0)
	}
	if killed == 0 {
		t.Errorf("only %d of 2 runs were killed before their end: the test tests nothing", killed)
	}
}

// A replica is killed when it has charged and cannot have sealed. The other says what
// a person must do; either is done.
func TestReplicaKilledBeforeTheSeal(t *testing.T) {
	for name, finish := range map[string]func(t *testing.T, r replicas){
		"the killed one finishes": func(t *testing.T, r replicas) {
			if out := r.exits(t, 0, 0, "run"); !regexp.MustCompile(`resume +2024-Q1 +1 sealed`).MatchString(out) {
				t.Error(out)
			}
			r.charged(t, 0)
		},
		"its rows are gone": func(t *testing.T, r replicas) {
			r.exits(t, 0, 1, "ledger", "burn", "my-dataset@2024-Q1.1", "--by", "A. Person", "--reason", "the machine is lost")
			if out := r.exits(t, 0, 1, "run"); !strings.Contains(out, "3 charged, 3 sealed") {
				t.Error(out)
			}
			r.charged(t, 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplicas(t, 2)
			led, err := ledger.OpenPostgres(t.Context(), r.s.DSN(r.database), time.Now)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = led.Close() }()
			// Nobody gets a sealed file in.
			c, err := pgx.Connect(t.Context(), r.s.DSN(r.database))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close(context.Background()) }()
			tx, err := c.Begin(t.Context())
			if err == nil {
				_, err = tx.Exec(t.Context(), "LOCK TABLE halftone.sealed IN SHARE MODE")
			}
			if err != nil {
				t.Fatal(err)
			}
			cmd := r.run(t, 0, "run")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for head := ""; head == "" && t.Context().Err() == nil; { // until it has charged
				if head, err = led.Head(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			if err := tx.Rollback(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.exits(t, 3, 1, "run")
			r.expire(t)
			out := r.exits(t, 1, 1, "run")
			for _, want := range []string{"my-dataset@2024-Q1.1 is charged and not sealed", "halftone run there, where its rows are, finishes it", "halftone ledger burn my-dataset@2024-Q1.1"} {
				if !strings.Contains(out, want) {
					t.Errorf("%q is not in:\n%s", want, out)
				}
			}
			finish(t, r)
		})
	}
}
