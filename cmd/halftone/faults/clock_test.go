package faults_test

import (
	"bufio"
	"context"
	"math"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const years = 24 * 365 * time.Hour

// The clock jumps ten years back and forward between runs. No period is charged
// twice, no budget comes back, and versions go by their sequence whatever month
// their names say.
func TestClockJumps(t *testing.T) {
	p := starter(t, "privacy: {budget: {person: {epsilon: 1}}}", "privacy: {budget: {person: {epsilon: 1}}, revisions: [12 months]}")
	then := time.Until(time.Date(2025, 2, 15, 12, 0, 0, 0, time.UTC))
	for i, step := range []struct {
		off      time.Duration
		args     []string
		charges  int // in all
		sequence int // of the latest version
	}{
		{then, []string{"run", "--periods", "2024-Q1"}, 1, 1},
		{then - 10*years, []string{"run"}, 1, 1}, // nothing is due
		{then - 10*years, []string{"run", "--compose"}, 1, 2},
		{then, []string{"run"}, 4, 3},
		{then + 10*years, []string{"run"}, 8, 4}, // the revisions
		{then, []string{"run"}, 8, 4},
		{then - 10*years, []string{"run", "--compose"}, 8, 5},
		{then + 10*years, []string{"run"}, 8, 5},
		{0, []string{"run"}, 8, 5},
	} {
		before := p.look(t)
		if r := p.at(t, step.off, step.args...); r.code != 0 {
			t.Fatal(r)
		}
		s := p.whole(t)
		if len(s.charges) != step.charges || s.newest["my-dataset"].Sequence != step.sequence || s.latest["my-dataset"] != s.newest["my-dataset"].Version {
			t.Errorf("step %d: %d charges, newest %+v, latest %v", i, len(s.charges), s.newest["my-dataset"], s.latest)
		}
		for period, n := range before.spent {
			if s.spent[period] < n {
				t.Errorf("step %d: %s had cost %d and costs %d", i, period, n, s.spent[period])
			}
		}
	}
	p.finished(t, 8)
}

// serve is at work while its clock jumps: an occurrence of the schedule fires
// once, also when the clock passes it again, and also after a restart.
func TestServeWhileTheClockJumps(t *testing.T) {
	p := starter(t)
	b, err := os.ReadFile(p.path("halftone.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, p.path("halftone.yaml"), string(b)+"\nschedule: {cron: \"0 6 1 * *\", timezone: Africa/Ndjamena}\n")
	noon := time.Until(time.Date(2025, 2, 15, 12, 0, 0, 0, time.UTC))
	const month = 31 * 24 * time.Hour
	type jump struct {
		off   time.Duration
		fires bool
	}
	for i, jumps := range [][]jump{ // one start each
		{{noon, false}, {noon + month, true}, {noon, false}, {noon + month, false}, {noon - 10*years, false}, {noon + month, false}},
		{{noon - 10*years, false}, {noon + month, false}, {noon + 10*years, true}, {noon, false}, {noon + 10*years, false}},
		{{noon, false}, {noon + 10*years, false}, {noon + 10*years + month, true}},
	} {
		p.setClock(t, jumps[0].off)
		d := p.serve(t)
		fires := 0
		for _, j := range jumps {
			p.setClock(t, j.off)
			d.ticks(t)
			if j.fires {
				fires++
			}
			if said := d.said(); count(said, " begins\n") != fires {
				t.Fatalf("start %d, the clock is off by %v: %d fires, want %d; said:\n%s", i, j.off, count(said, " begins\n"), fires, said)
			}
		}
		d.stop(t)
	}
	if s := p.finished(t, 4); s.newest["my-dataset"].Sequence != 1 {
		t.Errorf("%d versions", s.newest["my-dataset"].Sequence)
	}
}

// A daemon is a clocked `halftone serve`.
type daemon struct {
	cmd    *exec.Cmd
	mu     sync.Mutex
	more   *sync.Cond
	ticked int
	stderr strings.Builder
	read   sync.WaitGroup
}

func (p *project) serve(t testing.TB) *daemon {
	t.Helper()
	d := &daemon{cmd: command(context.Background(), built(t).clocked, p.dir, "serve", "--public", "127.0.0.1:0", "--operator", "127.0.0.1:0")}
	d.more = sync.NewCond(&d.mu)
	file := p.path("data/.clock")
	_ = os.Remove(file + ".ticks")
	if err := unix.Mkfifo(file+".ticks", 0o600); err != nil {
		t.Fatal(err)
	}
	fifo, err := os.OpenFile(file+".ticks", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	d.cmd.Env = append(os.Environ(), clockFile+"="+file)
	stderr, err := d.cmd.StderrPipe()
	if err == nil {
		err = d.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.cmd.Process.Kill() })
	d.read.Go(func() {
		for in := bufio.NewScanner(stderr); in.Scan(); {
			d.mu.Lock()
			d.stderr.WriteString(in.Text() + "\n")
			d.mu.Unlock()
		}
		_ = fifo.Close() // it has ended
	})
	d.read.Go(func() {
		for b := make([]byte, 1); ; {
			if _, err := fifo.Read(b); err != nil {
				d.mu.Lock()
				d.ticked = math.MaxInt // nobody waits any more
				d.more.Broadcast()
				d.mu.Unlock()
				return
			}
			d.mu.Lock()
			d.ticked++
			d.more.Broadcast()
			d.mu.Unlock()
		}
	})
	return d
}

// ticks returns when the daemon has looked at its clock three times from now on;
// the first of them may have begun before.
func (d *daemon) ticks(t testing.TB) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for until := d.ticked + 3; d.ticked < until; {
		d.more.Wait()
	}
	if d.ticked == math.MaxInt {
		t.Fatalf("serve has ended: %s", d.stderr.String())
	}
}

func (d *daemon) said() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stderr.String()
}

// stop asks the daemon to end, as a service manager does.
func (d *daemon) stop(t testing.TB) {
	t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	d.read.Wait() // before Wait, which closes the pipe
	if err := d.cmd.Wait(); err != nil {
		t.Fatalf("serve ended with %v: %s", err, d.said())
	}
}
