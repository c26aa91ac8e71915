package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"halftone/pipeline/runs"
)

// served takes a project through a kill in the middle of its first run, the
// server that goes on with it, every page of both listeners, and a crash of the
// server that makes it print the stacks of all its goroutines.
func (w *leakWorld) served(t *testing.T) {
	t.Helper()
	w.site.set(w.canaries.web(), nil)
	w.kill(t, "run killed", "release 2023", "--debug", "run")
	w.look(t, "killed")
	w.handle(t)
	cmd := program(t, "-C", w.dir, "--data", w.data, "--debug", "serve", "--public", "127.0.0.1:0", "--operator", "127.0.0.1:0")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var out, log bytes.Buffer
	addr := addresses(t, io.TeeReader(stdout, &out))
	in := io.TeeReader(stderr, &log)
	wait(t, in, "published [0-9]|nothing is due") // a kill that came late leaves nothing to do
	w.look(t, "serving")
	w.browse(t, addr["public folder"], addr["operator"])
	if err := cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, in)
	_, _ = io.Copy(&out, stdout)
	_ = cmd.Wait()
	if !strings.Contains(log.String(), "goroutine ") {
		t.Fatalf("the server did not crash as told:\n%s", log.String())
	}
	w.said["serve"] = slices.Concat(out.Bytes(), log.Bytes())
	w.look(t, "published")
}

// kill ends a run, as kill -9 does, when it has said something on standard error.
func (w *leakWorld) kill(t *testing.T, name, when string, args ...string) {
	t.Helper()
	cmd := program(t, append([]string{"-C", w.dir, "--data", w.data}, args...)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	in := bufio.NewScanner(io.TeeReader(stderr, &log))
	for in.Scan() && !strings.Contains(in.Text(), when) {
	}
	_ = cmd.Process.Kill()
	_, _ = io.Copy(&log, stderr)
	_ = cmd.Wait()
	if !strings.Contains(log.String(), when) {
		t.Fatalf("%s: it never said %q:\n%s", name, when, log.String())
	}
	w.said[name] = log.Bytes()
}

// handle records that the schedule was handled days ago, so that a server finds
// an occurrence that it missed.
func (w *leakWorld) handle(t *testing.T) {
	t.Helper()
	s, err := runs.Open(t.Context(), w.state(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Advance(t.Context(), "leak-check", time.Now().AddDate(0, 0, -3).Format("2006-01-02")+"T06:00"), s.Close()); err != nil {
		t.Fatal(err)
	}
}

// leakUnknown are pages that nobody should have, on either listener.
var leakUnknown = []string{
	"metrics", "debug/pprof/", "debug/pprof/heap", "debug/pprof/goroutine?debug=2", "debug/vars", "healthz/", "console", "runs", "status", "api/",
	"../.halftone/ledger.db", "%2e%2e/.halftone/runs.db", ".halftone/ledger.db", "halftone.yaml", "datasets/leak-check/.incoming/", "../agency/register.csv",
}

// browse asks both listeners for all that is public, for folders, and for what
// should not be there.
func (w *leakWorld) browse(t *testing.T, public, operator string) {
	t.Helper()
	paths := slices.Concat([]string{"", "datasets/", "datasets/leak-check/", "datasets/leak-check/latest/", "healthz"}, leakUnknown)
	folders := map[string]bool{}
	for name := range leakFiles(t, w.public()) {
		paths = append(paths, name)
		folders[filepath.Dir(name)+"/"] = true
	}
	paths = append(paths, slices.Collect(maps.Keys(folders))...)
	for listener, base := range map[string]string{"public": public, "operator": operator} {
		for _, p := range paths {
			for _, method := range []string{"GET", "HEAD", "POST"} {
				if method != "GET" && p != "" && p != "metrics" {
					continue
				}
				w.ask(t, listener+" "+method+" "+p, method, base+p)
			}
		}
	}
}

func (w *leakWorld) ask(t *testing.T, name, method, url string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(req) // a redirect is an answer, too
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := errors.Join(res.Header.Write(&b), copyBody(&b, res.Body)); err != nil {
		t.Fatal(err)
	}
	w.answers[name], w.codes[name] = b.Bytes(), res.StatusCode
}

func copyBody(w io.Writer, body io.ReadCloser) error {
	_, err := io.Copy(w, body)
	return errors.Join(err, body.Close())
}

// leftovers are files that a crash or a temporary folder may leave, anywhere
// around a project but in its state and its public folder.
func (w *leakWorld) leftovers(t *testing.T) (out []string) {
	t.Helper()
	for name := range leakFiles(t, filepath.Dir(w.dir)) {
		inside, ok := strings.CutPrefix(name, "project"+string(os.PathSeparator))
		if _, ours := leakProject[inside]; ok && (ours || inside == "halftone.yaml" || strings.HasPrefix(inside, ".halftone/") || strings.HasPrefix(inside, "public/")) {
			continue
		}
		if name == filepath.Join(leakFolder, "register.csv") {
			continue
		}
		out = append(out, name)
	}
	return out
}
