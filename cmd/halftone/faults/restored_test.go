package faults_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// aged is a project with two versions, and copies of its state as it was after
// each entry of its ledger.
type aged struct {
	*project
	whole sight
	seen  int // entries that the newest version has seen
}

func newAged(t testing.TB) aged {
	p := ran2(t)
	s := p.whole(t)
	links, err := readLines(p.path("public/datasets/my-dataset/latest/ledger.jsonl"))
	if err != nil || len(s.links) != 10 || len(links) != 9 {
		t.Fatalf("%d entries, %d seen, %v", len(s.links), len(links), err)
	}
	return aged{p, s, len(links)}
}

// ran2 has released twice, two periods each time.
func ran2(t testing.TB) *project {
	p := starter(t)
	keygen(t, p)
	p.must(t, 0, "run", "--periods", "2024-Q1..2024-Q2")
	p.must(t, 0, "run")
	return p
}

// asAfter takes a copy of the project back to what its ledger was after k entries,
// as a backup of that moment has it: later entries and later sealed files are gone.
func (a aged) asAfter(t testing.TB, k int) *project {
	t.Helper()
	p := a.clone(t)
	db, err := sql.Open("sqlite", p.path(".halftone/ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	var trigger string
	err = db.QueryRow("SELECT sql FROM sqlite_schema WHERE name = 'no_delete'").Scan(&trigger)
	for _, q := range []string{"DROP TRIGGER no_delete", fmt.Sprint("DELETE FROM link WHERE seq > ", k), trigger} {
		if err == nil {
			_, err = db.Exec(q)
		}
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	p.seen.forget()
	b, err := add(a.whole.links[:k])
	if err != nil {
		t.Fatal(err)
	}
	for release := range a.whole.seals {
		if b.seals[release] == "" {
			if err := os.Remove(p.path(".halftone/sealed/" + release + ".json")); err != nil {
				t.Fatal(err)
			}
		}
	}
	return p
}

// Copies of the state of every age come back beside the newest public folder. One
// that is older than what was published is locked (5) and charges nothing. Two
// people take in what was published; then what had been drawn is there as it was,
// and is never drawn again.
func TestRestoredOfEachAge(t *testing.T) {
	a := newAged(t)
	for k := 0; k <= len(a.whole.links); k++ {
		for _, how := range []string{"backup", "copy", "ledger alone"} {
			t.Run(fmt.Sprint(how, " of ", k, " entries"), func(t *testing.T) {
				t.Parallel()
				old := a.asAfter(t, k)
				p := a.clone(t)
				locked := k < a.seen
				switch how {
				case "backup":
					if k == 0 {
						return // nothing to back up yet
					}
					p.restore(t, old, locked)
				case "copy": // of the whole folder
					replace(t, p.state(), old.state())
				case "ledger alone": // beside sealed files that are newer
					for _, suffix := range []string{"", "-wal", "-shm"} {
						_ = os.Remove(p.path(".halftone/ledger.db" + suffix))
						if b, err := os.ReadFile(old.path(".halftone/ledger.db" + suffix)); err == nil {
							put(t, p.path(".halftone/ledger.db"+suffix), string(b))
						}
					}
				}
				p.seen.forget()
				if locked {
					p.unlocks(t, k)
				}
				s := p.finished(t, 4)
				for release, digest := range a.whole.seals {
					if s.seals[release] != digest {
						t.Errorf("%s was drawn again", release)
					}
				}
			})
		}
	}
}

// restore makes a backup of an old state, at a time when nobody had seen more, and
// brings it back where the state is lost.
func (p *project) restore(t testing.TB, old *project, locked bool) {
	t.Helper()
	replace(t, old.public(), "")
	old.must(t, 0, "backup", "old.age", "--recipient", backupKey(old))
	b, err := os.ReadFile(old.path("old.age"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, p.path("old.age"), string(b))
	replace(t, p.state(), "")
	r := p.run(t, "restore", "old.age", "--identity", "key")
	if want := map[bool]int{true: 5, false: 0}[locked]; r.code != want || strings.Contains(r.out, "LOCKED") != locked {
		t.Fatal(r)
	}
}

// unlocks: a locked ledger stops every command that would charge or copy it, adds
// no entry, and is unlocked by two people.
func (p *project) unlocks(t testing.TB, k int) {
	t.Helper()
	for _, args := range [][]string{{"run"}, {"run", "--compose"}, {"backup", "x.age", "--recipient", backupKey(p)}, {"budget", "--verify"}} {
		p.must(t, 5, args...)
	}
	if s := p.look(t); len(s.links) != k {
		t.Fatalf("a locked ledger of %d entries has %d", k, len(s.links))
	}
	p.must(t, 0, unlock...)
	if s := p.look(t); s.unlocks != 1 {
		t.Fatalf("%d unlocks are recorded", s.unlocks)
	}
	if r := p.must(t, 3, unlock...); !strings.Contains(r.err, "not locked") {
		t.Fatal(r)
	}
}

// What was sealed and never published is lost with the state. A backup from before
// it, beside a public folder that has not seen it: it is given up where the ledger
// is locked, so that it is never drawn a second time. Its cost stays.
func TestRestoredBeforeUnpublished(t *testing.T) {
	needStrace(t)
	p := starter(t)
	p.must(t, 0, "run", "--periods", "2024-Q1")
	first := p.clone(t)
	p.must(t, 0, "run", "--periods", "2024-Q2") // the second version has seen more
	p = p.stopped(t, regexp.MustCompile(`/\.incoming-\d`), func(p *project) bool {
		s := p.whole(t)
		return len(s.seals) == 4 && s.unrecorded == 0 && len(s.newest["my-dataset"].Releases) == 2
	}, "run")
	replace(t, p.state(), first.state())
	p.seen.forget()
	p.must(t, 5, "run")
	if r := p.must(t, 0, unlock...); !strings.Contains(r.out, "2024-Q3.1") || !strings.Contains(r.out, "2024-Q4.1") {
		t.Error(r)
	}
	s := p.finished(t, 4)
	if len(s.burnt) != 2 || len(s.seals) != 2 || s.spent["my-dataset 2024-Q3"] == 0 {
		t.Errorf("%d burnt, %d sealed, spent %v", len(s.burnt), len(s.seals), s.spent)
	}
}
