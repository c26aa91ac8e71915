package faults_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The files of the ledger are cut short, or a byte of them is another, at many
// places, after the program was killed with its log not yet in the database.
//
// What is promised: the log's frames carry checksums, so that a torn end is no
// entry, and what opens is a beginning of the ledger, never something else. A
// commit was synced before anything rested on it; who loses one all the same (by a
// disk that lied, or by hand) is found out by what rested on it. A sealed file that
// the ledger does not know, or a published version that has seen more, locks it
// (5). A damaged file is refused in words (1). Nothing is charged in either case.
func TestTornLedger(t *testing.T) {
	for name, c := range map[string]struct {
		stop *regexp.Regexp // at which file; nil: not stopped, the log is in the database
		want []string
	}{
		"sealed":    {regexp.MustCompile(`/\.incoming-\d`), []string{"finished", "locked"}},
		"published": {regexp.MustCompile(`index\.html`), []string{"finished", "locked"}},
		"closed":    {nil, []string{"refused"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, hurt, file := starter(t), pages, ".halftone/ledger.db"
			if c.stop == nil {
				base.must(t, 0, "run")
			} else {
				needStrace(t)
				hurt, file = wounds, ".halftone/ledger.db-wal"
				base = base.stopped(t, c.stop, func(p *project) bool {
					info, err := os.Stat(p.path(file))
					return err == nil && info.Size() > 100_000 && len(p.look(t).seals) == 4
				}, "run")
			}
			whole := base.whole(t)
			b, err := os.ReadFile(base.path(file))
			if err != nil || len(b) < 10_000 || len(whole.seals) != 4 {
				t.Fatalf("%s of %d bytes, %d seals, %v", file, len(b), len(whole.seals), err)
			}
			ended := map[string]int{}
			for _, w := range hurt(len(b)) {
				tear(t, base, whole, w, ended)
			}
			t.Logf("%v", ended)
			for _, end := range c.want {
				if ended[end] == 0 {
					t.Errorf("never %s", end)
				}
			}
		})
	}
}

// pages are wounds of a database of n bytes.
func pages(n int) (out []wound) {
	rng := rand.New(rand.NewPCG(3, 4))
	for at := 0; at < n; at += 4096 / pick(1, 8) {
		out = append(out, wound{"ledger.db", at, true}, wound{"ledger.db", at + rng.IntN(4096/pick(1, 8)), true}, wound{"ledger.db", at, false})
		for range 3 {
			out = append(out, wound{"ledger.db", at + rng.IntN(4096/pick(1, 8)), false})
		}
	}
	return out
}

// A wound is what is done to a file: its length, or a byte of it that changes.
type wound struct {
	file string
	at   int
	cut  bool
}

// wounds are around the frames of a log of n bytes (32 of head; 24 and a page of
// 4096 each), between them, and in the database, which holds one page by then.
func wounds(n int) (out []wound) {
	const head, frame = 32, 24 + 4096
	rng := rand.New(rand.NewPCG(1, 2)) // the same places every time
	for i := 0; head+i*frame <= n; i += pick(2, 1) {
		start := head + i*frame
		for _, at := range []int{start, start - 1, start + 24 + rng.IntN(4096)} {
			if at < n {
				out = append(out, wound{"ledger.db-wal", at, true})
			}
		}
		if at := start + rng.IntN(frame); at < n {
			out = append(out, wound{"ledger.db-wal", at, false})
		}
	}
	for _, at := range []int{0, 1, 16, 18, 100, 512, 4095} {
		out = append(out, wound{"ledger.db", at, true}, wound{"ledger.db", at, false})
	}
	return append(out, wound{"ledger.db-wal", n - 1, false}, wound{"ledger.db-wal", 0, false}, wound{"ledger.db-wal", 12, false})
}

// tear does it to a copy, and holds what the program makes of it to the promise.
func tear(t *testing.T, base *project, whole sight, w wound, ended map[string]int) {
	p := base.clone(t)
	defer func() { _ = os.RemoveAll(p.dir) }()
	b, err := os.ReadFile(p.path(".halftone/" + w.file))
	if err != nil {
		t.Fatal(err)
	}
	if w.cut {
		b = b[:w.at]
	} else {
		b[w.at] ^= 0x55
	}
	put(t, p.path(".halftone/"+w.file), string(b))
	p.seen.forget()
	// 1. What SQLite itself reads is a beginning of the ledger, or nothing.
	links, torn := readChain(p.state())
	if torn == nil {
		torn = checkChain(links)
	}
	if torn == nil && !isPrefix(links, whole.links) {
		t.Fatalf("%+v: SQLite reads another ledger", w)
	}
	known := map[string]bool{}
	if b, err := add(links); err == nil {
		for k := range b.charges {
			known[k] = true
		}
	}
	// Every release has its sealed file, and one that is published a version.
	older := len(known) < len(whole.charges)
	if len(whole.latest) > 0 && len(links) < 8 {
		older = true
	}
	// 2. The program: goes on, says that it is locked, or that the file is damaged.
	r := p.run(t, "run")
	switch {
	case r.code == 0 && torn == nil && !older:
		p.finished(t, 4)
		ended["finished"]++
		return
	case r.code == 5 && torn == nil && older && strings.Contains(r.err, "locked"):
		ended["locked"]++
	case r.code == 1 && damaged.MatchString(r.err), r.code == 5 && torn != nil && strings.Contains(r.err, "the chain is broken"):
		ended["refused"]++
	default:
		t.Errorf("%+v, %d of %d entries readable (%v): %s", w, len(links), len(whole.links), torn, r)
	}
	// 3. Then nothing was added.
	if now, err := readChain(p.state()); err == nil && len(now) > len(links) {
		t.Errorf("%+v: %d entries, then %d", w, len(links), len(now))
	}
}

var damaged = regexp.MustCompile(`not a database|malformed|damaged|disk image|changed or added|are gone|this halftone knows|chain is broken`)

// A torn sealed file, one that vanished and one of another release are never
// published, and never drawn again: the run says where a right one is.
func TestTornSealedFile(t *testing.T) {
	base := starter(t)
	base.must(t, 0, "run", "--periods", "2024-Q1..2024-Q2")
	whole := base.whole(t)
	const file = ".halftone/sealed/my-dataset/1/2024-Q1.1.json"
	good, err := os.ReadFile(base.path(file))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{-1, 0, 1, len(good) / 2, len(good) - 1} {
		t.Run(fmt.Sprint(n, " bytes"), func(t *testing.T) {
			p := base.clone(t)
			if n < 0 {
				if err := os.Remove(p.path(file)); err != nil {
					t.Fatal(err)
				}
			} else {
				put(t, p.path(file), string(good[:n]))
			}
			r := p.run(t, "run")
			if r.code != 1 || !strings.Contains(r.err, "bring sealed/my-dataset/1/2024-Q1.1.json back from a backup or a published version") {
				t.Error(r)
			}
			// As it says.
			b, err := os.ReadFile(p.path("public/datasets/my-dataset/latest/sealed/2024-Q1.1.json"))
			if err != nil {
				t.Fatal(err)
			}
			put(t, p.path(file), string(b))
			if s := p.finished(t, 4); !isPrefix(whole.links, s.links) {
				t.Error("the ledger lost entries")
			}
		})
	}
}
