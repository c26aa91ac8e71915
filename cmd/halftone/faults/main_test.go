// Package faults_test does to the program what machines do: it is killed at every
// step, its disk fills up, fails or is taken away, its files are torn, its clock
// jumps, old copies of its state come back, and several of it run at once.
//
// It builds the program once and drives it from outside, as a person does. What
// came of it is judged by code of its own, which shares none with the program: it
// reads the ledger with the SQLite driver and the public folder as files.
//
// What holds after every fault: no release is charged twice or costs more than
// its period may; a sealed file that was recorded or published has the same bytes
// for ever, so that no second draw is ever seen; a published version never
// changes and is whole; no entry of the ledger is lost; and the next run either
// finishes or says what a person must do.
package faults_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	kills = flag.Int("faults.kills", 200, "how often the program is killed")
	seed  = flag.Uint64("faults.seed", 0, "of the kills' schedule; 0: another one each time")
	long  = flag.Bool("faults.long", false, "every step of every fault, not a sample")
)

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if made != "" {
		if err := os.RemoveAll(made); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// pick is short in the short form, all in the long one.
func pick(short, all int) int {
	if *long {
		return all
	}
	return short
}

// Programs are the paths of the program as it is built for users, and of one with
// a clock that a test can set.
type programs struct{ program, clocked string }

// builds makes both programs, once. It uses the settings of the environment, so
// that a build before it has filled the cache.
var builds = sync.OnceValues(func() (b programs, err error) {
	dir, err := os.MkdirTemp("", "halftone-faults-")
	if err != nil {
		return b, err
	}
	made = dir
	b = programs{filepath.Join(dir, "halftone"), filepath.Join(dir, "clocked")}
	overlay, err := otherClock(dir)
	if err != nil {
		return b, err
	}
	for _, args := range [][]string{{"-o", b.program}, {"-o", b.clocked, "-overlay", overlay}} {
		cmd := exec.Command("go", append(append([]string{"build"}, args...), "halftone/cmd/halftone")...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return b, fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
		}
	}
	return b, watch()
})

// made is where they are, until the end of the tests.
var made string

// watch lists the folders of the program's packages: go test keeps a result until
// something changes that the test has opened, and does not see what it has built.
func watch() error {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if .Module}}{{if .Module.Main}}{{.Dir}}{{end}}{{end}}", "halftone/cmd/halftone").Output()
	if err != nil {
		return err
	}
	for dir := range strings.Lines(string(out)) {
		if _, err := os.ReadDir(strings.TrimSpace(dir)); err != nil {
			return err
		}
	}
	return nil
}

func built(t testing.TB) programs {
	t.Helper()
	b, err := builds()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// clockFile names the file that a clocked program's clock is set by; see clock.
const clockFile = "HALFTONE_FAULTS_CLOCK"

// A clock that is off by the duration in the file that the environment names, read
// at every look at it. A sleep lasts a hundredth of a second, and is counted by a
// byte in a second file: a test waits for ticks and never for time.
const clock = `package main

import (
	"context"
	"os"
	"strings"
	"time"
)

type otherClock struct{}

func (otherClock) Now() time.Time {
	b, err := os.ReadFile(os.Getenv("` + clockFile + `"))
	if err != nil {
		panic(err)
	}
	d, err := time.ParseDuration(strings.TrimSpace(string(b)))
	if err != nil {
		panic(err)
	}
	return time.Now().Add(d)
}

func (otherClock) Sleep(ctx context.Context, _ time.Duration) error {
	f, err := os.OpenFile(os.Getenv("` + clockFile + `")+".ticks", os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write([]byte{'.'}); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(10 * time.Millisecond):
		return nil
	}
}
`

// otherClock writes an overlay under which main passes another clock in, and
// nothing else is different.
func otherClock(dir string) (overlay string, err error) {
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", "halftone/cmd/halftone").Output()
	if err != nil {
		return "", err
	}
	src := strings.TrimSpace(string(out))
	b, err := os.ReadFile(filepath.Join(src, "main.go"))
	if err != nil {
		return "", err
	}
	const wall = "connectors.WallClock{}"
	if strings.Count(string(b), wall) != 1 {
		return "", errors.New("main.go does not pass the wall clock in where this looks for it")
	}
	main := strings.Replace(string(b), wall, "otherClock{}", 1)
	main = strings.Replace(main, "\t\"halftone/connectors\"\n", "", 1)
	replace := map[string]string{}
	for name, text := range map[string]string{"main.go": main, "otherclock.go": clock} {
		at := filepath.Join(dir, name)
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(src, name)] = at
	}
	if b, err = json.Marshal(map[string]any{"Replace": replace}); err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, b, 0o600)
}

// A result is what became of one call of the program.
type result struct {
	args     []string
	code     int  // exit code
	killed   bool // by SIGKILL
	out, err string
	took     time.Duration
}

func (r result) String() string {
	return fmt.Sprintf("halftone %s: exit %d, killed %v\n%s%s", strings.Join(r.args, " "), r.code, r.killed, r.out, r.err)
}

// patience is how long one call may take before it counts as hung.
const patience = 2 * time.Minute

// call runs a command to its end. A positive after kills it, as kill -9 does, so
// long after its start.
func call(t testing.TB, after time.Duration, cmd *exec.Cmd, args []string) result {
	t.Helper()
	var out, err strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &err
	hung := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer hung.Stop()
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if after > 0 {
		kill := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()
	}
	werr := cmd.Wait()
	r := result{args: args, out: out.String(), err: err.String(), took: time.Since(began)}
	if r.took >= patience {
		t.Fatalf("hung: %s", r)
	}
	var exit *exec.ExitError
	switch {
	case errors.As(werr, &exit):
		s := exit.Sys().(syscall.WaitStatus)
		r.killed, r.code = s.Signaled() && s.Signal() == syscall.SIGKILL, exit.ExitCode()
	case werr != nil:
		t.Fatal(werr)
	}
	return r
}

func command(ctx context.Context, name, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	return cmd
}
