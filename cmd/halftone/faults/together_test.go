package faults_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Six runs of one project begin at the same moment, while others look at it and
// copy it. One does the work, the others say that it is at work (3), and whoever
// only looks is never in the way.
func TestSixAtOnce(t *testing.T) {
	for _, c := range []struct {
		name   string
		from   func(t testing.TB) *project
		ends   int
		rounds int
	}{
		{"one dataset", func(t testing.TB) *project { return starter(t) }, 4, pick(8, 200)},
		{"a revision", revised, 8, pick(3, 100)},
		{"two datasets", instance, 8, pick(4, 100)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			base := c.from(t)
			keygen(t, base)
			worked, waited := 0, 0
			for range c.rounds {
				p := base.clone(t)
				w, b := p.sixAtOnce(t)
				worked, waited = worked+w, waited+b
				p.finished(t, c.ends)
				if err := os.RemoveAll(p.dir); err != nil {
					t.Fatal(err)
				}
			}
			t.Logf("of %d runs %d had something to do or found nothing due, %d found another at work", 6*c.rounds, worked, waited)
			if waited == 0 || worked == 0 { // in a round a check of the ledger may have kept all six waiting
				t.Error("they were not at work at the same time")
			}
		})
	}
}

func (p *project) sixAtOnce(t testing.TB) (worked, waited int) {
	t.Helper()
	var commands [][]string
	for range 6 {
		commands = append(commands, []string{"run"})
	}
	commands = append(commands, []string{"status"}, []string{"budget"}, []string{"plan"}, []string{"budget", "--verify"},
		[]string{"backup", "a.age", "--recipient", backupKey(p)})
	for name := range p.look(t).latest {
		commands = append(commands, []string{"verify", p.dataset(name)})
	}
	results := make([]result, len(commands))
	var all sync.WaitGroup
	for i, args := range commands {
		all.Go(func() { results[i] = p.run(t, args...) })
	}
	all.Wait()
	for i, r := range results {
		ok := []int{0}
		switch commands[i][0] {
		case "run":
			ok = []int{0, 3}
		case "budget", "backup": // --verify waits for a run; there may be no ledger yet
			ok = []int{0, 3}
		}
		if !slices.Contains(ok, r.code) || r.code == 3 && !busy(r) {
			t.Errorf("among others: %s", r)
		}
		switch {
		case i < 6 && r.code == 0:
			worked++
		case i < 6:
			waited++
		}
	}
	return worked, waited
}

// busy reports whether a refusal is that of somebody who has to wait.
func busy(r result) bool {
	return strings.Contains(r.err, "wait until it has ended") || strings.Contains(r.err, "there is no ledger yet")
}

// Two machines whose state folders were one: each goes on from its own copy, and
// both publish into the same folder. The one that comes second is locked, since
// the folder has seen what it does not know, and nobody sees two draws.
func TestForkedState(t *testing.T) {
	p := starter(t)
	p.must(t, 0, "run", "--periods", "2024-Q1..2024-Q2")
	other := p.clone(t)
	p.must(t, 0, "run")
	s := p.whole(t)
	replace(t, other.public(), p.public())
	r := other.must(t, 5, "run")
	if !strings.Contains(r.err, "ledger is older than what has been published") {
		t.Error(r)
	}
	other.seen.forget()
	if now := other.whole(t); len(now.links) != 5 {
		t.Error(fmt.Sprint(len(now.links), " entries"))
	}
	other.must(t, 0, unlock...)
	if now := other.finished(t, 4); now.seals["my-dataset/1/2024-Q4.1"] != s.seals["my-dataset/1/2024-Q4.1"] {
		t.Error("two draws")
	}
}
