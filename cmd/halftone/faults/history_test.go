package faults_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A history is everything that was ever seen of a project: what the world has
// seen it cannot be made to forget, and what was recorded must stay.
type history struct {
	mu       sync.Mutex
	shown    map[string]string // SHA-256 of published sealed files by release
	recorded map[string]string // SHA-256 in the ledger by release
	versions map[string]string // digest of published version folders by path
	chain    []link            // the longest
}

func newHistory() *history {
	return &history{shown: map[string]string{}, recorded: map[string]string{}, versions: map[string]string{}}
}

func (h *history) clone() *history {
	h.mu.Lock()
	defer h.mu.Unlock()
	return &history{shown: maps.Clone(h.shown), recorded: maps.Clone(h.recorded), versions: maps.Clone(h.versions), chain: h.chain}
}

// forget is for a state folder that was replaced by an older one: its ledger and
// its draws are gone. What was published is not.
func (h *history) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.recorded, h.chain = map[string]string{}, nil
}

// once fails when a name has had another digest before.
func once(m map[string]string, name, digest string) error {
	if old, ok := m[name]; ok && old != digest {
		return fmt.Errorf("%s has other bytes than before", name)
	}
	m[name] = digest
	return nil
}

// A sight is what stands in the state and public folder at one moment.
type sight struct {
	books
	links      []link
	unrecorded int               // version folders that the ledger does not name
	latest     map[string]string // version that latest.json names, by dataset
	drawn      int               // sealed files under their final names that no entry knows
	down       map[string]bool   // datasets of which a withdrawn release is still readable, or is the latest
}

// look reads everything, and fails on what must never be.
func (p *project) look(t testing.TB) sight {
	t.Helper()
	s, err := p.sight()
	if err != nil {
		t.Fatalf("%s: %v", p.dir, err)
	}
	return s
}

func (p *project) sight() (s sight, err error) {
	p.seen.mu.Lock()
	defer p.seen.mu.Unlock()
	// 1. The ledger, which never loses an entry.
	if s.links, err = readChain(p.state()); err != nil {
		return s, err
	}
	if s.books, err = add(s.links); err != nil {
		return s, err
	}
	if !isPrefix(p.seen.chain, s.links) {
		return s, fmt.Errorf("the ledger had %d entries and has %d: it lost some, or has others", len(p.seen.chain), len(s.links))
	}
	p.seen.chain = s.links
	// 2. Sealed files: there, as recorded, and for ever the same.
	for k, digest := range s.seals {
		if err := once(p.seen.recorded, k, digest); err != nil {
			return s, fmt.Errorf("ledger: %w", err)
		}
		if was := p.seen.shown[k]; was != "" && was != digest {
			return s, fmt.Errorf("a second draw of %s: published with other bytes", k)
		}
		b, err := os.ReadFile(filepath.Join(p.state(), "sealed", k+".json"))
		if err != nil {
			return s, err
		}
		if sum(b) != digest {
			return s, fmt.Errorf("the sealed file of %s is not what was recorded", k)
		}
	}
	files, _ := filepath.Glob(filepath.Join(p.state(), "sealed", "*", "*", "*.json"))
	for _, f := range files {
		k := strings.TrimSuffix(strings.TrimPrefix(f, filepath.Join(p.state(), "sealed")+"/"), ".json")
		if s.seals[k] == "" {
			s.drawn++
		}
	}
	// 3. What the public sees.
	s.latest, s.down = map[string]string{}, map[string]bool{}
	for _, name := range p.names() {
		if err := p.lookPublic(name, &s); err != nil {
			return s, fmt.Errorf("public %s: %w", name, err)
		}
	}
	return s, nil
}

// manifest is what this test needs of manifest.json.
type manifest struct {
	Head     string `json:"ledger_head"`
	Entries  int    `json:"ledger_entries"`
	Sequence int
	Releases []manifestRelease
}

type manifestRelease struct {
	Dataset         string
	Series, Edition int
	Period          string
	File            string
}

func (r manifestRelease) entry() entry {
	return entry{Dataset: r.Dataset, Series: r.Series, Period: r.Period, Edition: r.Edition}
}

// lookPublic checks every version of a dataset, and where its pointers lead.
func (p *project) lookPublic(name string, s *sight) error {
	dir := p.path("public/datasets/" + name)
	versions, err := filepath.Glob(filepath.Join(dir, "versions", "*"))
	if err != nil {
		return err
	}
	for _, v := range versions {
		if err := p.lookVersion(name, v, s); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(v), err)
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "latest.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var at struct{ Version string }
	if err := errors.Join(err, json.Unmarshal(b, &at)); err != nil {
		return err
	}
	s.latest[name] = at.Version
	for _, to := range []string{"versions/" + at.Version, "latest"} {
		if _, err := os.Stat(filepath.Join(dir, to, "manifest.json")); err != nil {
			return err
		}
	}
	return nil
}

func (p *project) lookVersion(dataset, dir string, s *sight) error {
	name := dataset + "/" + filepath.Base(dir)
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	var m manifest
	if err := errors.Join(err, json.Unmarshal(text, &m)); err != nil {
		return err
	}
	switch recorded := s.versions[dataset][filepath.Base(dir)]; recorded {
	case "":
		s.unrecorded++
	case sum(text):
	default:
		return errors.New("not the manifest that was recorded")
	}
	if slices.ContainsFunc(m.Releases, func(r manifestRelease) bool { return s.hidden[r.entry().key()] }) {
		return lookDown(dir, s, dataset)
	}
	digest, err := treeSum(dir)
	if err != nil {
		return err
	}
	if err := once(p.seen.versions, name, digest); err != nil {
		return err
	}
	for _, r := range m.Releases {
		b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(r.File)))
		if err != nil {
			return err
		}
		k := r.entry().key()
		if err := once(p.seen.shown, k, sum(b)); err != nil {
			return fmt.Errorf("a second draw was published: %w", err)
		}
		if sealed := s.seals[k]; sealed != "" && sealed != sum(b) {
			return fmt.Errorf("%s is published with other bytes than were sealed", k)
		}
	}
	// Every byte has an earlier entry: the chain of the version is whole, ends with
	// the head that it names, and is the beginning of the ledger or goes on after it.
	links, err := readLines(filepath.Join(dir, "ledger.jsonl"))
	if err != nil {
		return err
	}
	if len(links) != m.Entries || len(links) == 0 || links[len(links)-1].Hash != m.Head {
		return errors.New("ledger.jsonl does not end with the head of the manifest")
	}
	if !isPrefix(links, s.links) && !isPrefix(s.links, links) {
		return errors.New("ledger.jsonl is of another ledger")
	}
	return lookSums(dir)
}

// lookDown looks at a version that shows a withdrawn release: what goes from it goes
// whole, and says so first.
func lookDown(dir string, s *sight, dataset string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	note, gone := false, true
	for _, e := range entries {
		switch e.Name() {
		case "manifest.json", "SHA256SUMS", "SHA256SUMS.minisig", "ledger.jsonl":
		case "WITHDRAWN.json":
			note = true
		default:
			gone = false
		}
	}
	if gone && !note {
		return errors.New("data files are gone, and nothing says why")
	}
	if !gone {
		s.down[dataset] = true
	}
	return nil
}

// lookSums recomputes SHA256SUMS, which must name every other file.
func lookSums(dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	if err != nil {
		return err
	}
	listed := map[string]bool{"SHA256SUMS": true, "SHA256SUMS.minisig": true}
	for line := range strings.Lines(string(b)) {
		digest, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		if sum(b) != digest {
			return fmt.Errorf("%s is not what SHA256SUMS says", name)
		}
		listed[name] = true
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if name := strings.TrimPrefix(path, dir+"/"); err == nil && !d.IsDir() && !listed[name] {
			return fmt.Errorf("%s is not in SHA256SUMS", name)
		}
		return err
	})
}

// whole is a look, and `halftone verify` of what is published.
func (p *project) whole(t testing.TB) sight {
	t.Helper()
	s := p.look(t)
	for name := range s.latest {
		if s.down[name] {
			continue // killed in the middle: the next command goes on with it
		}
		p.must(t, 0, "verify", p.dataset(name))
	}
	return s
}

// finished runs the project to its end and checks that nothing is missing, twice
// or left behind: charges is how many releases there are in the end.
func (p *project) finished(t testing.TB, charges int) sight {
	t.Helper()
	p.must(t, 0, "run")
	if r := p.must(t, 0, "run"); count(r.out, "Nothing is due") != len(p.datasets) {
		t.Fatalf("the run after the last one did something: %s", r)
	}
	s := p.whole(t)
	if len(s.charges) != charges || len(s.seals)+len(s.burnt) != charges {
		t.Fatalf("%s: %d charges, %d seals, %d burnt, want %d charges", p.dir, len(s.charges), len(s.seals), len(s.burnt), charges)
	}
	if s.drawn > 0 || s.unrecorded > 0 {
		t.Fatalf("%d sealed files and %d versions that no entry knows", s.drawn, s.unrecorded)
	}
	if left := p.leftBehind(t); len(left) > 0 {
		t.Fatalf("left behind: %v", left)
	}
	if len(s.latest) != len(p.datasets) {
		t.Fatalf("published: %v", s.latest)
	}
	for name, at := range s.latest {
		if at != s.newest[name].Version {
			t.Fatalf("latest of %s is %s, the newest is %s", name, at, s.newest[name].Version)
		}
	}
	index, err := os.ReadFile(p.path("public/index.html"))
	if err != nil {
		t.Fatal(err)
	}
	for name, at := range s.latest {
		if !strings.Contains(string(index), "datasets/"+name+"/latest") || !strings.Contains(string(index), at) {
			t.Fatalf("the front page does not show %s of %s", at, name)
		}
	}
	p.must(t, 0, "budget", "--verify") // for each dataset
	return s
}
