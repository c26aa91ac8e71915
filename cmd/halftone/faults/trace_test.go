package faults_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// needStrace skips a test where strace is missing or may not trace.
func needStrace(t testing.TB) {
	t.Helper()
	if why := noStrace(); why != "" {
		t.Skip("skipped: " + why)
	}
}

// noStrace says why system calls cannot be traced here, "" if they can.
var noStrace = sync.OnceValue(func() string {
	path, err := exec.LookPath("strace")
	if err != nil {
		return "strace is not installed (apt-get install strace)"
	}
	if out, err := exec.Command(path, "-f", "--seccomp-bpf", "-e", "trace=fsync", "-e", "inject=fsync:error=EIO", "true").CombinedOutput(); err != nil {
		return fmt.Sprintf("strace cannot trace here: %v: %s", err, out)
	}
	return ""
})

// durably are the system calls that change what is on a disk; not every machine
// has those with a question mark.
const durably = "write,pwrite64,fsync,fdatasync,ftruncate,?rename,?renameat,renameat2,?link,linkat,?unlink,unlinkat,?mkdir,mkdirat,?symlink,symlinkat,openat"

// A syscallLine is one line of a trace.
type syscallLine struct {
	thread int
	name   string // fsync
	path   string // of the descriptor or the first name, "" if none was found
	text   string
	failed bool // injected
}

var (
	resumedLine = regexp.MustCompile(`^(\d+) +<\.\.\. [a-z0-9_]+ resumed>(.*)`)

	traceLine = regexp.MustCompile(`^(\d+) +([a-z0-9_]+)\((.*)$`)
	tracePath = regexp.MustCompile(`^(?:\d+|AT_FDCWD)<([^>]*)>(?:, "([^"]*)")?|^"([^"]*)"`)
)

// traced calls the program under strace with more of strace's options, and returns
// what it wrote down.
func (p *project) traced(t testing.TB, strace []string, args ...string) (result, []syscallLine) {
	t.Helper()
	f, err := os.CreateTemp("", "halftone-faults-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	all := append([]string{"-f", "--seccomp-bpf", "-y", "-s", "0", "-o", f.Name(), "-e", "trace=" + durably}, strace...)
	r := call(t, 0, command(context.Background(), "strace", p.dir, append(append(all, built(t).program), args...)...), args)
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return r, parseTrace(string(b))
}

// parseTrace joins a call that was written down in two parts, because another thread
// came between: how it ended stands in the second.
func parseTrace(text string) (out []syscallLine) {
	unfinished := map[int]int{} // by thread, the place in out
	for line := range strings.Lines(text) {
		if m := resumedLine.FindStringSubmatch(line); m != nil {
			thread, _ := strconv.Atoi(m[1])
			if at, ok := unfinished[thread]; ok {
				out[at].text = strings.TrimSuffix(out[at].text, "\n") + strings.Join(strings.Fields(m[2]), " ")
				out[at].failed = out[at].failed || strings.Contains(m[2], "(INJECTED)")
				delete(unfinished, thread)
			}
			continue
		}
		if l, ok := parseLine(line); ok {
			if strings.Contains(line, "<unfinished ...>") {
				unfinished[l.thread] = len(out)
			}
			out = append(out, l)
		}
	}
	return out
}

func parseLine(line string) (l syscallLine, ok bool) {
	m := traceLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
	if m == nil {
		return l, false
	}
	l = syscallLine{name: m[2], text: line, failed: strings.Contains(line, "(INJECTED)")}
	l.thread, _ = strconv.Atoi(m[1])
	if at := tracePath.FindStringSubmatch(m[3]); at != nil {
		switch {
		case at[3] != "":
			l.path = at[3]
		case at[2] != "" && !filepath.IsAbs(at[2]):
			l.path = filepath.Join(at[1], at[2])
		case at[2] != "":
			l.path = at[2]
		default:
			l.path = at[1]
		}
	}
	return l, true
}

// what is the name of the call and the path that it is about, as fsync /a/b.
func (l syscallLine) what() string { return l.name + " " + l.path }

// killedAt kills the program, as kill -9 does, when it has made the nth change of
// such a call and path. Every change is followed by a short pause, so that the
// signal comes before the next one.
func (p *project) killedAt(t testing.TB, at *regexp.Regexp, nth int, args ...string) result {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	all := append([]string{"-f", "--seccomp-bpf", "-y", "-s", "0", "-o", "/dev/fd/3", "-e", "trace=" + durably,
		"-e", "inject=" + strings.TrimSuffix(durably, ",openat") + ":delay_exit=300", built(t).program}, args...)
	cmd := command(context.Background(), "strace", p.dir, all...)
	cmd.ExtraFiles = []*os.File{w}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for in := bufio.NewScanner(r); in.Scan(); {
			l, ok := parseLine(in.Text())
			if !ok || !l.changes() || !at.MatchString(l.what()) {
				continue
			}
			if nth--; nth == 0 {
				_ = unix.Kill(l.thread, unix.SIGKILL) // all threads of its process
			}
		}
	}()
	out := call(t, 0, cmd, args)
	_ = w.Close() // strace's end of it is closed, too
	<-done
	_ = r.Close()
	return out
}

// stopped copies a project, and kills a command in the copy when it makes the first
// such change. On a busy machine the signal may come late: it tries again until what
// is left is as it should be.
func (p *project) stopped(t testing.TB, at *regexp.Regexp, ok func(*project) bool, args ...string) *project {
	t.Helper()
	for range 20 {
		c := p.clone(t)
		if r := c.killedAt(t, at, 1, args...); r.killed && ok(c) {
			return c
		}
	}
	t.Fatal("the signal always came late")
	return nil
}

// changes are the calls of a trace that change the project.
func changes(lines []syscallLine) []syscallLine {
	return slices.DeleteFunc(slices.Clone(lines), func(l syscallLine) bool { return !l.changes() })
}

// changes reports whether a call changes the project: not those that only open a
// file, write to a terminal, or fill SQLite's shared memory.
func (l syscallLine) changes() bool {
	opens := l.name == "openat" && !strings.Contains(l.text, "O_CREAT")
	pipe := strings.HasPrefix(l.path, "pipe:") || strings.HasPrefix(l.path, "anon_inode:") ||
		strings.HasPrefix(l.path, "/dev/") && !strings.HasPrefix(l.path, "/dev/shm/")
	return !opens && !pipe && l.path != "" && !strings.HasSuffix(l.path, "-shm")
}
