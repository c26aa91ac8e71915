package faults_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A sync fails, at one after the other: the program stops, syncs that file no more
// and, when it is the ledger's, nothing of the ledger; it says to look at the
// disk, and the next run finishes.
//
// Two kinds of sync are SQLite's own, and it tells nobody that they failed: of the
// folder of a file that it has just made, and of the database when its log is
// copied into it at closing. Everything was in the synced log before.
func TestFailedSync(t *testing.T) {
	needStrace(t)
	base := starter(t)
	_, lines := base.clone(t).traced(t, nil, "run")
	syncs := len(slices.DeleteFunc(lines, func(l syscallLine) bool { return l.name != "fsync" && l.name != "fdatasync" }))
	if syncs < 50 {
		t.Fatalf("%d syncs in a run", syncs)
	}
	type injection struct {
		path string // "": of any
		nth  int
	}
	var all []injection
	for n := 1; n <= 16; n++ {
		all = append(all, injection{".halftone/ledger.db", n})
	}
	for n := 1; n <= syncs*2/3; n += pick(5, 1) { // a thread seldom makes more of them
		all = append(all, injection{"", n})
	}
	for _, path := range []string{"sealed/my-dataset/1", "sealed/my-dataset", "sealed", "runs.db", "keys/batch/my-dataset", "staging/my-dataset", "staging/my-dataset/our-cases", "staging/my-dataset/.pins"} {
		for n := 1; n <= pick(2, 10); n++ {
			all = append(all, injection{".halftone/" + path, n})
		}
	}
	for _, path := range []string{"datasets/my-dataset/versions", "datasets/my-dataset", "datasets/my-dataset/.incoming-latest.json", "datasets", ".incoming-index.html", ""} {
		all = append(all, injection{"public/" + path, 1})
	}
	hit := make(chan string, len(all))
	t.Run("sync", func(t *testing.T) {
		for w := range 2 {
			t.Run(fmt.Sprint(w), func(t *testing.T) {
				t.Parallel()
				for i := w; i < len(all); i += 2 {
					failSync(t, base, all[i].path, all[i].nth, hit)
				}
			})
		}
	})
	close(hit)
	paths, ledger := map[string]bool{}, 0
	n := 0
	for path := range hit {
		n++
		paths[path] = true
		if strings.Contains(path, "ledger.db") {
			ledger++
		}
	}
	t.Logf("%d of %d injections hit: %d different files and folders, %d times the ledger", n, len(all), len(paths), ledger)
	if n < len(all)/3 || ledger < 5 || len(paths) < 12 {
		t.Error("the test tests less than it says")
	}
}

var (
	ofLedger = regexp.MustCompile(`/ledger\.db|/\.halftone/sealed`)
	ofSQLite = regexp.MustCompile(`/(ledger|runs)\.db`)
)

func failSync(t *testing.T, base *project, path string, nth int, hit chan<- string) {
	p := base.clone(t)
	defer func() { _ = os.RemoveAll(p.dir) }()
	strace := []string{"-e", fmt.Sprintf("inject=fsync,fdatasync:error=EIO:when=%d", nth)}
	if path != "" {
		for _, suffix := range []string{"", "-wal", "-journal"} { // else the log would not hold what follows
			strace = append(strace, "-P", p.path(path+suffix))
		}
	}
	r, lines := p.traced(t, strace, "run")
	first := slices.IndexFunc(lines, func(l syscallLine) bool { return l.failed })
	if first < 0 { // the call was made by another thread than in the undisturbed run
		if r.code != 0 {
			t.Fatal(r)
		}
		return
	}
	failed, later := lines[first], lines[first+1:]
	untold := failed.path == p.state() || ofSQLite.MatchString(failed.path) &&
		!slices.ContainsFunc(later, func(l syscallLine) bool { return l.changes() && !ofSQLite.MatchString(l.path) })
	switch {
	case r.code == 0 && untold:
	case r.code != 1 || !strings.Contains(r.err, "look at the disk"):
		t.Errorf("%s: %s", failed.text, r)
	default:
		for _, l := range goesOn(failed, later) {
			t.Errorf("after %sthe program goes on: %s", failed.text, l.text)
		}
	}
	p.whole(t)
	p.finished(t, 4)
	hit <- strings.TrimPrefix(failed.path, p.dir)
}

// goesOn are syncs that must not follow: of the same file, and of the ledger after
// one of the ledger. A new database that SQLite makes empty again is none, and
// neither is the record of how the run ended, in runs.db, which may be lost. `when`
// counts in each thread, so that a later call may have been made to fail, too.
func goesOn(failed syscallLine, later []syscallLine) (out []syscallLine) {
	emptied := false
	for _, l := range later {
		emptied = emptied || l.name == "ftruncate" && l.path == failed.path && strings.Contains(l.text, ", 0)")
		again := l.path == failed.path && strings.Contains(filepath.Base(l.path), ".") && filepath.Base(l.path) != ".halftone" && !strings.Contains(l.path, "/runs.db") || ofLedger.MatchString(failed.path) && ofLedger.MatchString(l.path)
		if (l.name == "fsync" || l.name == "fdatasync") && !l.failed && again && !emptied {
			out = append(out, l)
		}
	}
	return out
}
