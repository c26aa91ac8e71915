package ledger

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"halftone/privacy"
)

var interleaveLong = flag.Bool("interleave.long", false, "walk all schedules of two runs with three crashes, and many more of them on disk")

// The walk goes through the states of model/release.pml, backups apart, with the
// real ledger: two runs take the steps of privacy.Measure and of publishing in
// every order, and die between any two of them.

// A world is what a schedule happens to: what survives a crash, and the public,
// which nobody can make forget.
type world struct {
	open     func() (*Ledger, error) // as a process does that starts
	memory   *memory                 // nil on disk
	chain    *Ledger                 // the judge's own handle
	shown    map[privacy.Key]string
	heads    []Witness
	put      map[int]bool // sequences of versions that are there
	sequence int          // taken, as from runs.db
	latest   int          // the pointer
	sealed   map[privacy.Key]string
	draws    int
	dying    bool // the next transaction ends with the process, after all but its commit
}

// A worker is one run. All that it has dies with it, but its task.
type worker struct {
	keys []privacy.Key // to release, in this order
	led  *Ledger
	step string
	at   int
	// A version that is composed.
	version  map[privacy.Key]string
	head     string
	sequence int
}

var errDied = errors.New("the process died")

// mortal is a store whose process may die within a transaction.
type mortal struct {
	store
	dying *bool
}

func (m mortal) transact(ctx context.Context, epoch int64, b *book, decide func() (*privacy.Entry, error)) error {
	return m.store.transact(ctx, epoch, b, func() (*privacy.Entry, error) {
		e, err := decide()
		if err == nil && *m.dying {
			return nil, errDied
		}
		return e, err
	})
}

// handle is a process's view of the store. It holds no lease: the promises of this
// walk do not rest on there being one worker only.
func handle(s store, dying *bool) *Ledger {
	l := newLedger(mortal{s, dying}, clock)
	l.epoch = anyEpoch
	return l
}

func inMemory(testing.TB) *world {
	w := &world{memory: &memory{files: map[privacy.Key][]byte{}, now: clock}}
	w.open = func() (*Ledger, error) { return handle(w.memory, &w.dying), nil }
	return w
}

// fork returns a world in memory, with its workers, as it stands: what happens to
// the one is nothing to the other.
func fork(t testing.TB, s *world, ws [2]*worker) (*world, [2]*worker) {
	f := inMemory(t)
	f.memory.chain, f.memory.files = slices.Clone(s.memory.chain), maps.Clone(s.memory.files)
	f.shown, f.put, f.sealed = maps.Clone(s.shown), maps.Clone(s.put), maps.Clone(s.sealed)
	f.heads, f.sequence, f.latest, f.draws = slices.Clone(s.heads), s.sequence, s.latest, s.draws
	view := func(of *Ledger) *Ledger {
		c := handle(f.memory, &f.dying)
		c.book = copyOf(of.book)
		return c
	}
	f.chain = view(s.chain)
	for i, w := range ws {
		w := *w
		if w.led != nil {
			w.led = view(w.led)
		}
		ws[i] = &w
	}
	return f, ws
}

func copyOf(b *book) *book {
	out := *b
	out.hashes, out.accounts = maps.Clone(b.hashes), map[string]*account{}
	for name, a := range b.accounts {
		a := *a
		a.charges, a.months, a.versions = maps.Clone(a.charges), maps.Clone(a.months), slices.Clone(a.versions)
		for k, c := range a.charges {
			c := *c
			a.charges[k] = &c
		}
		out.accounts[name] = &a
	}
	return &out
}

func onDisk(t testing.TB) *world {
	w, dir := &world{}, filepath.Join(t.TempDir(), "state")
	w.open = func() (*Ledger, error) {
		l, err := Open(context.Background(), dir, clock)
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { _ = l.Close() })
		l.store, l.epoch = mortal{l.store, &w.dying}, anyEpoch
		return l, nil
	}
	return w
}

// A move is one worker's next step, its death before it, or its death within it
// when all is done but the commit.
type move struct {
	who int
	how string // step, die, tear
}

// do takes w's next step. A refusal that the other worker explains ends the run,
// as it does in the pipeline; every other one is an error.
func (w *worker) do(ctx context.Context, s *world) (err error) {
	switch w.step {
	case "reserve":
		if w.led == nil {
			if w.led, err = s.open(); err != nil {
				return err
			}
			if err = w.led.CheckWitness(ctx, s.heads); err != nil {
				return err
			}
		}
		return w.reserve(ctx)
	case "draw and seal": // nobody can see a draw: its own step would be one of the worker's memory
		k := w.keys[w.at]
		s.draws++
		draw := fmt.Sprintf("draw %d", s.draws)
		err := w.led.Seal(ctx, k, []byte(draw))
		if b, e := w.led.Sealed(ctx, k); err != nil && e == nil && string(b) != draw {
			w.step = "done" // another was first
			return nil
		}
		w.released()
		return err
	case "compose":
		return w.compose(ctx, s)
	case "put":
		w.step = "record"
		return s.show(ctx, w)
	case "record":
		w.step = "point"
		err := w.led.Publish(ctx, "d", fmt.Sprintf("2026.11-%d", w.sequence), w.sequence, sha([]byte(fmt.Sprint(w.sequence))), w.held()...)
		vs, e := w.led.Versions(ctx, "d")
		if err != nil && e == nil && len(vs) > 0 && vs[len(vs)-1].Sequence > w.sequence {
			w.step = "done" // a newer one was first
			return nil
		}
		return err
	case "point":
		w.step = "done"
		s.latest = max(s.latest, w.sequence)
	}
	return nil
}

func (w *worker) reserve(ctx context.Context) error {
	k := w.keys[w.at]
	if _, err := w.led.Sealed(ctx, k); !errors.Is(err, privacy.ErrNotReleased) {
		w.released()
		return err
	}
	w.step = "draw and seal"
	err := w.led.Reserve(ctx, charge(k, 300)) // of the 500 of the period
	if errors.Is(err, privacy.ErrBudget) {
		w.released()
		return nil
	}
	return err
}

// released goes on with the next key.
func (w *worker) released() {
	w.step = "reserve"
	if w.at++; w.at == len(w.keys) {
		w.step = "compose"
	}
}

func (w *worker) held() []privacy.Key {
	return slices.SortedFunc(maps.Keys(w.version), compare)
}

// compose makes a version of all that is sealed, if the newest does not hold it.
func (w *worker) compose(ctx context.Context, s *world) error {
	charges, err := w.led.Charges(ctx, "d")
	if err != nil {
		return err
	}
	w.version = map[privacy.Key]string{}
	for _, c := range charges {
		if c.Sealed == "" {
			continue
		}
		b, err := w.led.Sealed(ctx, c.Key)
		if err != nil {
			return err
		}
		w.version[c.Key] = string(b)
	}
	vs, err := w.led.Versions(ctx, "d")
	if err != nil {
		return err
	}
	if len(vs) > 0 && len(vs[len(vs)-1].Releases) == len(w.version) || len(w.version) == 0 {
		if len(vs) > 0 {
			s.latest = max(s.latest, vs[len(vs)-1].Sequence) // mend
		}
		w.step = "done"
		return nil
	}
	s.sequence++
	w.sequence, w.step = s.sequence, "put"
	w.head, err = w.led.Head(ctx)
	return err
}

// show makes a version visible. What is shown for the first time must have been
// charged before, and what was shown before must be the same.
func (s *world) show(ctx context.Context, w *worker) error {
	for _, k := range w.held() {
		if _, ok, err := s.chain.Charge(ctx, k); err != nil || !ok {
			return fmt.Errorf("invariant 2: %s is shown and not charged: %v", k, err)
		}
		if old, ok := s.shown[k]; ok && old != w.version[k] {
			return fmt.Errorf("invariant 3: a second draw of %s is shown", k)
		}
		s.shown[k] = w.version[k]
	}
	s.put[w.sequence] = true
	s.heads = append(s.heads, Witness{Where: fmt.Sprint(w.sequence), Head: w.head})
	return nil
}

// check holds the invariants of a state, each from the entries alone, and against
// what was true before.
func (s *world) check(ctx context.Context) error {
	links, err := s.chain.Links(ctx, "d")
	if err != nil {
		return err
	}
	again, times, cost := newBook(), map[string]int{}, uint64(0)
	for _, l := range links {
		e, err := l.Decode()
		if err != nil {
			return err
		}
		if err := again.apply(l); err != nil {
			return fmt.Errorf("invariant 4: %w", err)
		}
		if e.Kind == privacy.EntryPublish {
			if !s.put[e.Sequence] {
				return fmt.Errorf("version %s is recorded and not there", e.Version)
			}
			continue
		}
		cost += e.Cost
		if id := e.Kind + " " + e.Key().String(); times[id] > 0 {
			return fmt.Errorf("invariant 3: a second %s", id)
		} else {
			times[id]++
		}
	}
	if cost > 500 {
		return fmt.Errorf("invariant 1: %d of 500 are charged", cost)
	}
	return errors.Join(s.checkBook(ctx, again), s.checkSealed(ctx, again))
}

// checkBook compares a book that was kept with one that was replayed.
func (s *world) checkBook(ctx context.Context, again *book) error {
	say := func(b *book) string {
		a := b.accounts["d"]
		if a == nil {
			return b.head
		}
		return fmt.Sprintf("%d %s %+v %+v %+v", b.n, b.head, a.public("d"), a.sorted(), a.versions)
	}
	if _, err := s.chain.Head(ctx); err != nil { // catches up
		return err
	}
	if kept, replayed := say(s.chain.book), say(again); kept != replayed {
		return fmt.Errorf("invariant 4: the book is\n%s\nreplayed\n%s", kept, replayed)
	}
	if a := again.accounts["d"]; s.latest > 0 && !slices.ContainsFunc(a.versions, func(v Version) bool { return v.Sequence == s.latest }) {
		return fmt.Errorf("the pointer names version %d, which is not recorded", s.latest)
	}
	return nil
}

func (s *world) checkSealed(ctx context.Context, again *book) error {
	for _, c := range again.accounts["d"].sorted() {
		b, err := s.chain.Sealed(ctx, c.Key)
		switch old, ok := s.sealed[c.Key]; {
		case c.Sealed == "" && errors.Is(err, privacy.ErrNotReleased) && !ok:
			if _, err := again.publish(Version{"2026.11-99", 99, sha(nil), []privacy.Key{c.Key}}); !errors.Is(err, privacy.ErrNotReleased) {
				return fmt.Errorf("invariant 2: %s is not sealed and could be published: %v", c.Key, err)
			}
		case err != nil:
			return fmt.Errorf("invariant 3: %s cannot be opened: %w", c.Key, err)
		case ok && old != string(b):
			return fmt.Errorf("invariant 3: the sealed bytes of %s were %q, are %q", c.Key, old, b)
		default:
			s.sealed[c.Key] = string(b)
		}
	}
	return nil
}

// A walk goes through all schedules of two workers.
type walk struct {
	world   func(testing.TB) *world
	tasks   [2][]privacy.Key
	crashes int
	known   map[string]float64 // by state and crashes left: how many schedules go on from it
	ends    [][]move           // one schedule to every end
}

// begin is a world in which nothing has happened.
func (k *walk) begin(t testing.TB) (s *world, ws [2]*worker) {
	s = k.world(t)
	s.shown, s.sealed, s.put = map[privacy.Key]string{}, map[privacy.Key]string{}, map[int]bool{}
	for i, keys := range k.tasks {
		ws[i] = &worker{keys: keys, step: "reserve"}
	}
	var err error
	if s.chain, err = s.open(); err != nil {
		t.Fatal(err)
	}
	return s, ws
}

// move makes one move, and looks whether sealed bytes have changed.
func (s *world) move(ctx context.Context, ws *[2]*worker, m move) error {
	w := ws[m.who]
	if m.how != "die" {
		s.dying = m.how == "tear"
		err := w.do(ctx, s)
		s.dying = false
		if err != nil && !(m.how == "tear" && errors.Is(err, errDied)) {
			return err
		}
	}
	if m.how != "step" {
		ws[m.who] = &worker{keys: w.keys, step: "reserve"}
	}
	if _, err := s.chain.Head(ctx); err != nil { // catches up
		return err
	}
	return s.checkSealed(ctx, s.chain.book)
}

// state names a state by all that anything later can depend on. Draws are named
// by their number, which the order of events decides.
func state(s *world, ws [2]*worker) string {
	var b bytes.Buffer
	fmt.Fprint(&b, s.chain.book.head, s.sealed, s.shown, s.heads, s.sequence, s.latest, s.draws)
	for _, w := range ws {
		fmt.Fprint(&b, "|", w.step, w.at, w.led == nil, w.version, w.head, w.sequence)
		if w.led != nil {
			fmt.Fprint(&b, w.led.book.n)
		}
	}
	return b.String()
}

// from walks on from a state, and returns how many schedules go on from it.
func (k *walk) from(t testing.TB, s *world, ws [2]*worker, schedule []move, crashes int) float64 {
	name := fmt.Sprintf("%s|%d", state(s, ws), crashes)
	if n, ok := k.known[name]; ok {
		return n
	}
	if err := s.check(t.Context()); err != nil {
		t.Fatalf("%v: %v", schedule, err)
	}
	n := 0.0
	on := func(m move, left int) {
		then := append(slices.Clone(schedule), m)
		s, ws := fork(t, s, ws)
		if err := s.move(t.Context(), &ws, m); err != nil {
			t.Fatalf("%v: %v", then, err)
		}
		n += k.from(t, s, ws, then, left)
	}
	for i, w := range ws {
		if w.step == "done" {
			continue
		}
		on(move{i, "step"}, crashes)
		if crashes > 0 && w.led != nil {
			on(move{i, "die"}, crashes-1)
			if w.step == "draw and seal" {
				on(move{i, "tear"}, crashes-1)
			}
		}
	}
	if n == 0 {
		n = 1
		k.ends = append(k.ends, schedule)
		k.finish(t, s, schedule)
	}
	k.known[name] = n
	return n
}

// finish runs once more after the end: what was charged is then sealed and shown.
func (k *walk) finish(t testing.TB, s *world, schedule []move) {
	s, _ = fork(t, s, [2]*worker{{}, {}})
	last := &worker{keys: slices.Concat(k.tasks[0], k.tasks[1]), step: "reserve"}
	for last.step != "done" {
		if err := last.do(t.Context(), s); err != nil {
			t.Fatalf("%v, then a last run: %v", schedule, err)
		}
	}
	charges, err := s.chain.Charges(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range charges {
		if c.State() != Published || s.shown[c.Key] == "" {
			t.Fatalf("%v: after a last run %s is %s", schedule, c.Key, c.State())
		}
	}
	if err := s.check(t.Context()); err != nil {
		t.Fatalf("%v, then a last run: %v", schedule, err)
	}
}

// Invariants 1 to 4 over every order of the steps of two runs and of their deaths.
func TestInterleaved(t *testing.T) {
	crashes, disk := 1, 4
	if *interleaveLong {
		crashes, disk = 3, 400
	}
	one, two := key("2026", 1), key("2026", 2) // together they pass the budget
	for _, c := range []struct {
		name  string
		tasks [2][]privacy.Key
	}{
		{"one key", [2][]privacy.Key{{one}, {one}}},
		{"two keys", [2][]privacy.Key{{one}, {two}}},
		{"both keys", [2][]privacy.Key{{one, two}, {two, one}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := &walk{world: inMemory, tasks: c.tasks, crashes: crashes, known: map[string]float64{}}
			s, ws := k.begin(t)
			n := k.from(t, s, ws, nil, crashes)
			t.Logf("%.0f schedules with at most %d crashes, %d states, %d ends", n, crashes, len(k.known), len(k.ends))
			k.onDisk(t, disk)
		})
	}
}

// onDisk takes some of the schedules again with SQLite, which has to end with the
// same entries, byte for byte.
func (k *walk) onDisk(t *testing.T, n int) {
	n = min(n, len(k.ends))
	for i := range n {
		schedule := k.ends[i*len(k.ends)/n]
		var heads []string
		for _, where := range []func(testing.TB) *world{inMemory, onDisk} {
			d := *k
			d.world = where
			s, ws := d.begin(t)
			for _, m := range schedule {
				if err := s.move(t.Context(), &ws, m); err != nil {
					t.Fatalf("on disk, %v: %v", schedule, err)
				}
			}
			if err := s.check(t.Context()); err != nil {
				t.Fatalf("on disk, %v: %v", schedule, err)
			}
			heads = append(heads, s.chain.book.head)
		}
		if heads[0] != heads[1] {
			t.Fatalf("%v ends with another chain on disk", schedule)
		}
	}
	t.Logf("%d of them on disk, too", n)
}
