package faults_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A scene is a command that is killed, in a project where it has something to do.
type scene struct {
	name   string
	weight int                                     // of the cases' share
	total  int                                     // releases in the end, of a command that releases; 0: of another
	set    func(t testing.TB) *project             // makes the project, once
	args   func(p *project) []string               // of the command
	ends   []int                                   // exit codes of the command when it is not killed; nil: 0
	look   func(t testing.TB, p *project)          // after each kill, besides what is checked always; may be nil
	finish func(t testing.TB, p *project, s sight) // the commands of a person afterwards
	// Of a call that nobody disturbs.
	base  *project
	trace []syscallLine
	took  time.Duration
}

// Where a kill of a releasing command landed.
const (
	beforeCharge = "before the first charge"
	unsealed     = "between charge and seal"
	between      = "between two releases"
	unpublished  = "between seal and publish"
	unrecorded   = "put, not recorded"
	unpointed    = "recorded, not yet the latest"
	afterwards   = "after publish"
)

// aims are the changes, and files that they are made to, between the steps. A kill
// at a system call aims at them in turn, so that every step is hit often.
var aims = []struct {
	class string
	at    *regexp.Regexp
}{
	{"an entry of the ledger", regexp.MustCompile(`^fsync .*/ledger\.db-wal$`)},
	{beforeCharge, regexp.MustCompile(`/staging/|/keys/`)},
	{unsealed, regexp.MustCompile(`/\.halftone/sealed/`)},
	{between, regexp.MustCompile(`/\.pins/`)},
	{unpublished, regexp.MustCompile(`/\.incoming-\d`)},
	{unrecorded, regexp.MustCompile(`/versions$`)},
	{unpointed, regexp.MustCompile(`latest`)},
	{afterwards, regexp.MustCompile(`index\.html|runs\.db`)},
}

// TestKills kills the program at every step of everything that it writes: by a
// system call that it is about to make, and by a clock. After each kill all must
// hold; several kills follow one another; then a person's next commands finish.
func TestKills(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("seed %d: repeat with -faults.seed=%d", *seed, *seed)
	if why := noStrace(); why != "" {
		t.Logf("kills at system calls are skipped: %s", why)
	}
	all := scenes()
	for _, s := range all {
		s.prepare(t)
	}
	// Every scene in its share, in the order of the seed.
	var order []*scene
	for _, s := range all {
		order = append(order, slices.Repeat([]*scene{s}, s.weight)...)
	}
	rng := rand.New(rand.NewPCG(*seed, 0))
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	ta := &tally{scenes: map[string]int{}, classes: map[string]int{}, ways: map[string]int{}, began: time.Now()}
	t.Run("cases", func(t *testing.T) {
		for w := range max(2, runtime.NumCPU()) {
			t.Run(fmt.Sprint(w), func(t *testing.T) {
				t.Parallel()
				for {
					n := ta.next()
					if n < 0 {
						return
					}
					order[n%len(order)].play(t, rand.New(rand.NewPCG(*seed, uint64(n)+1)), n, ta)
				}
			})
		}
	})
	ta.report(t)
	if missing := ta.missing(); len(missing) > 0 {
		t.Errorf("no kill landed %s: the test tests less than it says", strings.Join(missing, ", nor "))
	}
	for _, s := range all {
		if ta.scenes[s.name] == 0 {
			t.Errorf("%s was never killed", s.name)
		}
	}
}

// prepare makes the project and lets the command run undisturbed on copies.
func (s *scene) prepare(t *testing.T) {
	s.base = s.set(t)
	s.base.look(t)
	p := s.base.clone(t)
	s.took = p.must(t, 0, s.args(p)...).took
	if noStrace() == "" {
		p := s.base.clone(t)
		r, lines := p.traced(t, nil, s.args(p)...)
		if s.trace = changes(lines); r.code != 0 || len(s.trace) < 5 {
			t.Fatalf("%s: %d changes in the trace: %s", s.name, len(s.trace), r)
		}
	}
}

// play is one case: some kills of the command, one after the other, then the end.
func (s *scene) play(t *testing.T, rng *rand.Rand, n int, ta *tally) {
	p := s.base.clone(t)
	defer func() {
		if t.Failed() {
			t.Logf("case %d, %s, seed %d", n, s.name, *seed)
		}
		_ = os.RemoveAll(p.dir) // thousands of them would fill the disk
	}()
	before, landed := p.look(t), 0
	for more := true; more; more = rng.IntN(5) < 3 {
		r, way := s.kill(t, rng, p, n+landed)
		if !r.killed {
			if !slices.Contains(append(s.ends, 0), r.code) {
				t.Fatal(r)
			}
			break
		}
		landed++
		now := p.whole(t)
		ta.add(s, s.class(before, now), way)
		if s.look != nil {
			s.look(t, p)
		}
	}
	s.finish(t, p, before)
}

// kill calls the command and kills it, at a system call twice out of three times.
func (s *scene) kill(t *testing.T, rng *rand.Rand, p *project, turn int) (r result, way string) {
	if len(s.trace) > 0 && rng.IntN(3) > 0 {
		at := regexp.MustCompile("")
		if s.total > 0 {
			at = aims[turn%len(aims)].at
		}
		n := 0
		for _, l := range s.trace {
			if at.MatchString(l.what()) {
				n++
			}
		}
		if n > 0 {
			return p.killedAt(t, at, 1+rng.IntN(n), s.args(p)...), "at a system call"
		}
	}
	after := time.Duration(rng.Float64() * 1.2 * float64(s.took))
	return call(t, max(after, time.Microsecond), command(context.Background(), built(t).program, p.dir, s.args(p)...), s.args(p)), "after a while"
}

// class says where a kill landed, from what is there afterwards.
func (s *scene) class(before, now sight) string {
	switch {
	case s.total == 0:
		return ""
	case now.reserved() > 0:
		return unsealed
	case len(now.charges) == len(before.charges):
		return beforeCharge
	case len(now.charges) < s.total:
		return between
	}
	for name := range now.cap {
		switch {
		case !now.holdsAll(name) && now.unrecorded > before.unrecorded:
			return unrecorded
		case !now.holdsAll(name):
			return unpublished
		case now.latest[name] != now.newest[name].Version:
			return unpointed
		}
	}
	return afterwards
}

// holdsAll reports whether the newest recorded version holds the newest sealed
// edition of every period.
func (b books) holdsAll(dataset string) bool {
	newest := map[string]string{}
	for _, k := range slices.Sorted(maps.Keys(b.seals)) { // editions are below 10
		if of, release, _ := strings.Cut(k, "/"); of == dataset {
			_, release, _ = strings.Cut(release, "/")
			newest[release[:strings.LastIndexByte(release, '.')]] = release
		}
	}
	for _, r := range newest {
		if !slices.Contains(b.newest[dataset].Releases, r) {
			return false
		}
	}
	return true
}

// A tally counts kills.
type tally struct {
	mu                    sync.Mutex
	cases, kills          int
	scenes, classes, ways map[string]int
	began                 time.Time
}

// next is the number of the next case, -1 at the end: when there were enough
// kills, and one of each class. Without that it goes on to three times as many.
func (ta *tally) next() int {
	ta.mu.Lock()
	defer ta.mu.Unlock()
	if ta.kills >= *kills && (len(ta.lacking()) == 0 || ta.kills >= 3**kills) {
		return -1
	}
	ta.cases++
	return ta.cases - 1
}

func (ta *tally) add(s *scene, class, way string) {
	ta.mu.Lock()
	defer ta.mu.Unlock()
	ta.kills++
	ta.scenes[s.name]++
	ta.ways[way]++
	if class != "" {
		ta.classes[class]++
	}
	if ta.kills%500 == 0 {
		fmt.Printf("%6d kills in %4d cases, %s\n", ta.kills, ta.cases, time.Since(ta.began).Round(time.Second))
	}
}

// lacking are the classes that must have happened and have not.
func (ta *tally) lacking() (out []string) {
	for _, c := range []string{beforeCharge, unsealed, between, unpublished, afterwards} {
		if ta.classes[c] == 0 {
			out = append(out, c)
		}
	}
	return out
}

func (ta *tally) missing() []string {
	ta.mu.Lock()
	defer ta.mu.Unlock()
	return ta.lacking()
}

func (ta *tally) report(t *testing.T) {
	ta.mu.Lock()
	defer ta.mu.Unlock()
	var b strings.Builder
	for _, part := range []struct {
		name string
		n    map[string]int
	}{{"where it landed (commands that release)", ta.classes}, {"what was killed", ta.scenes}, {"how", ta.ways}} {
		fmt.Fprintf(&b, "\n%s\n", part.name)
		for _, k := range slices.Sorted(maps.Keys(part.n)) {
			fmt.Fprintf(&b, "  %6d  %s\n", part.n[k], k)
		}
	}
	t.Logf("%d kills in %d cases, %s%s", ta.kills, ta.cases, time.Since(ta.began).Round(time.Second), b.String())
}
