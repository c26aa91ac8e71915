package faults_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
)

// scenes are the commands that write, each in a project where it has work.
func scenes() []*scene {
	released := func(t testing.TB, p *project, _ sight) { p.finished(t, 4) }
	arg := func(args ...string) func(*project) []string { return func(*project) []string { return args } }
	return []*scene{
		{name: "run", weight: 9, total: 4, set: func(t testing.TB) *project { return starter(t) }, args: arg("run"), finish: released},
		{name: "run of a revision", weight: 4, total: 8, set: revised, args: arg("run"),
			finish: func(t testing.TB, p *project, _ sight) { p.finished(t, 8) }},
		{name: "run of two datasets", weight: 3, total: 8, set: instance, args: arg("run"),
			finish: func(t testing.TB, p *project, _ sight) { p.finished(t, 8) }},
		{name: "run --compose", weight: 2, set: ran, args: arg("run", "--compose"),
			finish: func(t testing.TB, p *project, s sight) {
				p.must(t, 0, "run", "--compose")
				if now := p.finished(t, 4); len(now.versions["my-dataset"]) <= len(s.versions["my-dataset"]) {
					t.Fatal("no version was added")
				}
			}},
		{name: "keys rotate", weight: 2, set: signed, args: arg("keys", "rotate"), finish: rotated,
			look: func(t testing.TB, p *project) { p.must(t, 0, "keys", "show") }},
		{name: "backup", weight: 2, set: ran, args: func(p *project) []string { return []string{"backup", "a.age", "--recipient", backupKey(p)} },
			ends: []int{3}, finish: backedUp},
		{name: "restore", weight: 2, set: lost, args: arg("restore", "b.age", "--identity", "key"), ends: []int{3}, finish: restored},
		{name: "withdraw", weight: 3, set: ran, args: arg(withdraw...), ends: []int{3}, finish: func(t testing.TB, p *project, _ sight) {
			if r := p.run(t, withdraw...); r.code != 0 && !strings.Contains(r.err, "withdrawn already") {
				t.Fatal(r)
			}
			s := p.finished(t, 4)
			if len(s.hidden) != 1 || len(s.down) > 0 {
				t.Fatalf("%d releases are withdrawn, and can still be read in %v", len(s.hidden), s.down)
			}
		}},
		{name: "unlock", weight: 2, set: behind, args: arg(unlock...), ends: []int{3},
			finish: func(t testing.TB, p *project, _ sight) {
				if r := p.run(t, unlock...); r.code != 0 && !strings.Contains(r.err, "not locked") {
					t.Fatal(r)
				}
				if s := p.finished(t, 5); len(s.burnt) != 1 || s.unlocks == 0 {
					t.Fatalf("%d burnt, %d unlocks", len(s.burnt), s.unlocks)
				}
			}},
	}
}

var withdraw = []string{"withdraw", "my-dataset@2024-Q2.1", "--reason", "mapping_error", "--by", "A. Person"}

var unlock = []string{"unlock", "--from", "public", "--by", "A. Person", "--by", "B. Person", "--reason", "restored"}

// ran is a project that has released and published everything.
func ran(t testing.TB) *project {
	p := starter(t)
	p.must(t, 0, "run")
	keygen(t, p)
	return p
}

// revised is a project whose first editions were released in early 2025, and whose
// second editions are due since.
func revised(t testing.TB) *project {
	p := starter(t, "privacy: {budget: {person: {epsilon: 1}}}", "privacy: {budget: {person: {epsilon: 1}}, revisions: [12 months]}")
	then := time.Date(2025, 2, 15, 12, 0, 0, 0, time.UTC)
	if r := p.at(t, time.Until(then), "run"); r.code != 0 || !strings.Contains(r.out, "4 charged") {
		t.Fatal(r)
	}
	return p
}

func signed(t testing.TB) *project {
	p := ran(t)
	p.must(t, 0, "keys", "init")
	p.must(t, 0, "run", "--compose")
	return p
}

// rotated rotates once more; the next version is signed with the newest key.
func rotated(t testing.TB, p *project, _ sight) {
	p.must(t, 0, "keys", "rotate")
	p.must(t, 0, "run", "--compose")
	p.finished(t, 4)
	b, err := os.ReadFile(p.path(".halftone/keys/signing.pub"))
	if err != nil {
		t.Fatal(err)
	}
	keys := strings.Fields(string(b))
	p.must(t, 0, "verify", p.dataset("my-dataset"), "--key", keys[len(keys)-1])
}

// keygen makes the key that backups are encrypted to.
func keygen(t testing.TB, p *project) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	put(t, p.path("key"), id.String()+"\n")
}

// backupKey is the public part.
func backupKey(p *project) string {
	b, err := os.ReadFile(p.path("key"))
	if err != nil {
		return ""
	}
	id, err := age.ParseX25519Identity(strings.TrimSpace(string(b)))
	if err != nil {
		return ""
	}
	return id.Recipient().String()
}

// backedUp: a backup that is there under its name can be restored, whatever was
// killed, and the next one can be made.
func backedUp(t testing.TB, p *project, s sight) {
	files := []string{"c.age"}
	p.must(t, 0, "backup", "c.age", "--recipient", backupKey(p))
	if _, err := os.Stat(p.path("a.age")); err == nil {
		files = append(files, "a.age")
	}
	for _, f := range files {
		c := p.clone(t)
		replace(t, c.state(), "")
		c.must(t, 0, "restore", f, "--identity", "key")
		if now := c.finished(t, 4); len(now.links) != len(s.links) {
			t.Fatalf("%s: %d entries, of %d", f, len(now.links), len(s.links))
		}
		if err := os.RemoveAll(c.dir); err != nil {
			t.Fatal(err)
		}
	}
	p.finished(t, 4)
}

// lost is a project whose state is gone, and that has a backup of it.
func lost(t testing.TB) *project {
	p := signed(t)
	p.must(t, 0, "backup", "b.age", "--recipient", backupKey(p))
	p.look(t)
	replace(t, p.state(), "")
	p.seen.chain = nil // until it is restored
	return p
}

// restored: half a restore is never mistaken for a state, and restoring again is
// refused or finishes.
func restored(t testing.TB, p *project, _ sight) {
	c := p.clone(t)
	if r := c.run(t, "run"); r.code != 0 && r.code != 5 {
		t.Fatal(r)
	}
	c.look(t)
	if err := os.RemoveAll(c.dir); err != nil {
		t.Fatal(err)
	}
	if r := p.run(t, "restore", "b.age", "--identity", "key"); r.code != 0 {
		if r.code != 3 || !strings.Contains(r.err, "move the folder away first") {
			t.Fatal(r)
		}
		replace(t, p.state(), "")
		p.seen.chain = nil
		p.must(t, 0, "restore", "b.age", "--identity", "key")
	}
	if s := p.finished(t, 4); len(s.links) < 10 {
		t.Fatalf("%d entries were restored", len(s.links))
	}
}

// behind is a project whose state folder is an older copy, from before the last
// two periods were released, and where one more period has become due.
func behind(t testing.TB) *project {
	p := starter(t)
	p.must(t, 0, "run", "--periods", "2024-Q1..2024-Q2")
	old := p.clone(t)
	p.must(t, 0, "run")
	p.look(t)
	p.edit(t, "halftone.yaml", "to: 2024-Q4", "to: 2025-Q1")
	replace(t, p.state(), old.state())
	p.seen.forget()
	p.must(t, 5, "run")
	return p
}
