package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"halftone/pipeline/runs"
)

// program starts the program in a process of its own: the test binary, which
// TestMain turns into halftone by its name.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Args = append([]string{"halftone"}, args...)
	return cmd
}

func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	out, err := program(t, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("halftone %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// killAfter starts the program and kills it, as kill -9 does, when it has said
// the given number of lines on standard error. It reports whether the program
// was killed before its end.
func killAfter(t *testing.T, lines int, args ...string) bool {
	t.Helper()
	return killCommand(t, program(t, args...), lines)
}

func killCommand(t *testing.T, cmd *exec.Cmd, lines int) bool {
	t.Helper()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(stderr)
	for n := 0; n < lines && in.Scan(); n++ {
	}
	_ = cmd.Process.Kill()
	_, _ = io.Copy(io.Discard, stderr)
	err = cmd.Wait()
	return err != nil && strings.Contains(err.Error(), "killed")
}

// checkCharges holds the ledger to one charge a period, and the published
// version to the ledger.
func checkCharges(t *testing.T, dir string) {
	t.Helper()
	var b budgetObject
	if err := json.Unmarshal([]byte(mustRun(t, "-C", dir, "budget", "--json")), &b); err != nil {
		t.Fatal(err)
	}
	if len(b.Periods) != 4 {
		t.Errorf("%d periods charged, want 4", len(b.Periods))
	}
	for _, p := range b.Periods {
		if p.Editions != 1 || p.Spent != 1e9 || p.Reserved != 0 || p.Left != 0 {
			t.Errorf("%s: %+v", p.Period, p)
		}
	}
	if out := mustRun(t, "verify", filepath.Join(dir, "public", "datasets", "my-dataset")); !strings.Contains(out, "\nverified") {
		t.Error(out)
	}
}

const scheduled = "\nschedule: {cron: \"0 6 * * *\", timezone: Africa/Ndjamena}\n"

// A schedule whose fire falls into an outage runs at the next start; killed in
// the middle of that run and started again it goes on, without a second charge.
func TestServeSurvivesKill(t *testing.T) {
	for _, lines := range []int{2, 7} {
		t.Run(fmt.Sprintf("after %d lines", lines), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "p")
			mustRun(t, "init", dir)
			f, err := os.OpenFile(filepath.Join(dir, "halftone.yaml"), os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteString(scheduled); err != nil || f.Close() != nil {
				t.Fatal(err)
			}
			handled(t, dir, "my-dataset", time.Now().Add(-72*time.Hour))
			serve := []string{"-C", dir, "--debug", "serve", "--public", "127.0.0.1:0", "--operator", "127.0.0.1:0"}
			if !killAfter(t, lines, serve...) {
				t.Fatal("not killed")
			}
			cmd := program(t, serve...)
			stdout, _ := cmd.StdoutPipe()
			stderr, _ := cmd.StderrPipe()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			addr := addresses(t, stdout)
			wait(t, stderr, "published|nothing is due")
			checkSite(t, addr["public folder"], addr["operator"])
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, stderr)
			if err := cmd.Wait(); err != nil {
				t.Errorf("serve ended with %v", err)
			}
			checkCharges(t, dir)
			if out := mustRun(t, "-C", dir, "status", "--runs"); !strings.Contains(out, "interrupted") || !strings.Contains(out, "attempt 2") {
				t.Error(out)
			}
		})
	}
}

// handled records, as an earlier day of serve would have, that the schedule of a
// dataset was handled up to a time.
func handled(t *testing.T, dir, dataset string, at time.Time) {
	t.Helper()
	state := filepath.Join(dir, ".halftone")
	if err := os.MkdirAll(state, 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := runs.Open(t.Context(), state, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Advance(t.Context(), dataset, at.Format("2006-01-02")+"T06:00"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

var listening = regexp.MustCompile(`^(public folder|operator) +(http://\S+)$`)

func addresses(t *testing.T, stdout io.Reader) map[string]string {
	t.Helper()
	addr := map[string]string{}
	in := bufio.NewScanner(stdout)
	for len(addr) < 2 && in.Scan() {
		if m := listening.FindStringSubmatch(in.Text()); m != nil {
			addr[m[1]] = m[2]
		}
	}
	if len(addr) < 2 {
		t.Fatal("serve did not say where it listens")
	}
	return addr
}

// wait reads lines until all of them together hold the pattern, and returns them.
func wait(t *testing.T, stderr io.Reader, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	var seen []string
	for in := bufio.NewScanner(stderr); in.Scan(); {
		seen = append(seen, in.Text())
		if all := strings.Join(seen, "\n"); re.MatchString(all) {
			return all
		}
	}
	t.Fatalf("no line %q among:\n%s", pattern, strings.Join(seen, "\n"))
	return ""
}

// checkSite looks at both listeners as a browser and a notebook would.
func checkSite(t *testing.T, public, operator string) {
	t.Helper()
	ask := func(method, url string, header ...string) (*http.Response, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		if err != nil || res.Body.Close() != nil {
			t.Fatal(err)
		}
		return res, string(b)
	}
	if res, body := ask("GET", operator+"healthz"); res.StatusCode != 200 || body != "ok\n" {
		t.Errorf("healthz: %s %q", res.Status, body)
	}
	if res, _ := ask("GET", public+"healthz"); res.StatusCode != 404 {
		t.Errorf("healthz is on the public listener: %s", res.Status)
	}
	if res, body := ask("GET", public); res.StatusCode != 200 || !strings.Contains(body, "Cases identified by our network") {
		t.Errorf("catalog: %s", res.Status)
	}
	csv := public + "datasets/my-dataset/latest/data/total.csv"
	res, body := ask("HEAD", csv)
	if res.StatusCode != 200 || body != "" || res.ContentLength < 100 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/csv") {
		t.Errorf("HEAD: %s, %d bytes, %s", res.Status, res.ContentLength, res.Header.Get("Content-Type"))
	}
	if res, body := ask("GET", csv, "Range", "bytes=0-5"); res.StatusCode != 206 || body != "period" {
		t.Errorf("range: %s %q", res.Status, body)
	}
	if res, _ := ask("POST", csv); res.StatusCode != 405 {
		t.Errorf("POST: %s", res.Status)
	}
	for _, path := range []string{"../.halftone/ledger.db", "datasets/my-dataset/.incoming-x/", "%2e%2e/halftone.yaml"} {
		if res, _ := ask("GET", public+path); res.StatusCode == 200 {
			t.Errorf("%s is served", path)
		}
	}
}
