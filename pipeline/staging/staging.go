// Package staging keeps observations as encrypted Parquet, one file a batch and
// period, and counts them into cubes. Beside connectors and normalize it is the
// only place where exact rows exist, and the only one that opens them.
//
// A batch is all that one pull of one source returned. It is written once, and
// exists from the moment its description is in place; what a crash left without
// one, [Store.Sweep] removes. Every batch has an age key of its own:
// to destroy the key is to destroy the rows, wherever copies of the files are.
// [Store.Destroy] does so when they are no longer needed, and leaves of the
// description what says which files were taken, and no count.
//
//	<state>/staging/<dataset>/<source>/<period>/<batch>.parquet.age
//	<state>/staging/<dataset>/<source>/<batch>.json    what the batch holds
//	<state>/staging/<dataset>/.pins/<release>.json     what a charged release counts
//	<state>/keys/batch/<dataset>/<batch>.key           age identity
//	<state>/keys/input/<dataset>.key                   HMAC key of input digests, and of person keys
package staging

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"halftone/pipeline/normalize"
	"halftone/privacy"
	"halftone/privacy/ledger/durable"
)

// A Store holds the staged rows of one dataset. One process at a time writes to
// it; whoever opens it holds the lock of the state folder.
type Store struct {
	state   string
	dataset string
	input   []byte // HMAC key
	bucket  int64  // rows of persons that are held at once
	group   int    // rows of a row group
}

// A Batch describes what one pull of one source brought.
type Batch struct {
	ID      string          `json:"id"`
	Source  string          `json:"source"`
	Pulled  time.Time       `json:"pulled"`
	Made    Making          `json:"made"`
	Items   []Item          `json:"items"`             // files or replies that were taken
	Periods map[string]Held `json:"periods"`           // by SDMX period
	Persons string          `json:"persons,omitempty"` // tells under which key persons were hashed; "": rows have none
	// Accepted says who let a batch pass that had shrunk, and why.
	Accepted *Acceptance `json:"accepted,omitempty"`
}

// A Making is what made observations of bytes, by digests: Source is the one that
// the spec pins (reading, delivery, mapping), Rest code lists and calendar.
type Making struct {
	Source string `json:"source"`
	Rest   string `json:"rest"`
}

// An Item is one file or reply, by the SHA-256 of its bytes under the store's
// key: a plain hash of a small file can be searched.
type Item struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
}

// Held says what a batch holds of a period.
type Held struct {
	Rows   int64  `json:"rows"`
	From   int64  `json:"from,omitempty"` // rows of the source that they come from, where that is another number
	Digest string `json:"digest"`         // HMAC of the plain Parquet file
	Gone   bool   `json:"gone,omitempty"` // there were rows, and they were destroyed
}

// An Acceptance is recorded where a person let a batch pass.
type Acceptance struct {
	By     string `json:"by"`
	Reason string `json:"reason"`
}

// Open opens, and makes where there is none, the store of a dataset below the
// state folder.
func Open(state, dataset string) (*Store, error) {
	s := &Store{state: state, dataset: dataset, bucket: bucketRows, group: rowGroup}
	for _, dir := range []string{state, filepath.Join(state, "staging"), s.dir(), filepath.Join(s.dir(), pins), filepath.Join(s.dir(), reports),
		filepath.Join(state, "keys"), filepath.Join(state, "keys", "batch"), s.keyDir(), filepath.Join(state, "keys", "input")} {
		if err := durable.Folder(dir); err != nil { // never through a link: it could lead into the public folder
			return nil, fmt.Errorf("staging: %w", err)
		}
	}
	var err error
	if s.input, err = loadKey(s.inputKey()); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Store) dir() string    { return filepath.Join(s.state, "staging", s.dataset) }
func (s *Store) keyDir() string { return filepath.Join(s.state, "keys", "batch", s.dataset) }

func (s *Store) inputKey() string { return filepath.Join(s.state, "keys", "input", s.dataset+".key") }

func (s *Store) batchKey(batch string) string { return filepath.Join(s.keyDir(), batch+".key") }

func (s *Store) info(source, batch string) string {
	return filepath.Join(s.dir(), source, batch+".json")
}

func (s *Store) file(source, period, batch string) string {
	return filepath.Join(s.dir(), source, period, batch+suffix)
}

const (
	suffix  = ".parquet.age"
	pins    = ".pins" // no source has a dot in its name
	reports = ".reports"
)

// loadKey reads a key of 32 bytes, or makes one.
func loadKey(name string) ([]byte, error) {
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		b = make([]byte, 32)
		_, _ = rand.Read(b) // never fails
		err = writeFile(name, b)
	}
	if err != nil {
		return nil, fmt.Errorf("staging: key: %w", err)
	}
	if len(b) != 32 {
		return nil, errors.New("staging: a key file has a wrong length")
	}
	return b, nil
}

// writeFile writes a small file so that after a crash it is there whole or not at all.
func writeFile(name string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(name))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Batches returns the batches of a source, oldest first.
func (s *Store) Batches(source string) ([]Batch, error) {
	names, err := filepath.Glob(filepath.Join(s.dir(), source, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("staging: %w", err)
	}
	slices.Sort(names) // batch names begin with their time
	var out []Batch
	for _, n := range names {
		b, err := os.ReadFile(n)
		if errors.Is(err, fs.ErrNotExist) {
			continue // destroyed while somebody looks who holds no lock
		}
		if err != nil {
			return nil, fmt.Errorf("staging: %w", err)
		}
		var batch Batch
		if err := json.Unmarshal(b, &batch); err != nil {
			return nil, fmt.Errorf("staging: description of batch %s is unreadable", strings.TrimSuffix(filepath.Base(n), ".json"))
		}
		out = append(out, batch)
	}
	return out, nil
}

// Sweep removes what an interrupted pull left: files and keys of batches that have
// no description; and ends what an interrupted [Store.Destroy] began. The caller guarantees that nobody is writing a batch.
func (s *Store) Sweep() error {
	keep := map[string]bool{}
	sources, err := s.Sources()
	if err != nil {
		return err
	}
	for _, src := range sources {
		batches, err := s.Batches(src)
		if err != nil {
			return err
		}
		if err := s.finish(src, batches); err != nil {
			return err
		}
		for _, b := range batches {
			keep[b.ID] = true
		}
	}
	var errs []error
	drop := func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name := e.Name()
		batch, isRows := strings.CutSuffix(name, suffix)
		key, isKey := strings.CutSuffix(name, ".key")
		if strings.HasPrefix(name, ".new-") || isRows && !keep[batch] || isKey && !keep[key] {
			errs = append(errs, os.Remove(path))
		}
		return nil
	}
	errs = append(errs, filepath.WalkDir(s.dir(), drop), filepath.WalkDir(s.keyDir(), drop))
	unfinished, err := filepath.Glob(filepath.Join(s.state, "keys", "input", ".new-*"))
	errs = append(errs, err)
	for _, name := range unfinished {
		errs = append(errs, os.Remove(name))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("staging: sweep: %w", err)
	}
	return nil
}

// Uses names the batches whose rows of one period count, by source.
type Uses map[string][]string

// Select picks, of a source's batches (oldest first), those that count for a
// period: the newest that holds it (`whole`; `upsert`, whose batches hold all rows of
// the periods that they change), or all (`append`). Of `append` a
// batch whose files were all taken again later, under a changed mapping, no longer
// counts; one of which only some were is an error, since rows would count twice.
// Where rows that would count were destroyed the error is ErrDestroyed: what is
// left of them must not be taken for all.
func Select(delivers string, batches []Batch, p privacy.Period) ([]string, error) {
	var ids []string
	later := map[string]bool{} // digests of items
	for _, b := range slices.Backward(batches) {
		again := 0
		for _, i := range b.Items {
			if later[i.Digest] {
				again++
			}
		}
		for _, i := range b.Items {
			later[i.Digest] = true
		}
		held, ok := b.Periods[p.String()]
		if !ok || delivers == "append" && again == len(b.Items) && again > 0 {
			continue
		}
		if delivers == "append" && again > 0 {
			return nil, fmt.Errorf("%w: since the mapping was changed only some of the files of batch %s of %s were taken again; bring the others back for a pull", ErrGone, b.ID, b.Source)
		}
		if held.Gone {
			return nil, fmt.Errorf("%s of %s: %w", p, b.Source, ErrDestroyed)
		}
		if held.Rows > 0 { // none: the period has vanished with somebody's consent
			ids = append(ids, b.ID)
		}
		if delivers != "append" {
			break
		}
	}
	slices.Reverse(ids)
	return ids, nil
}

// A kept report is of the pull that made a batch, or found that it holds the same;
// "": of one that stopped.
type kept struct {
	normalize.Report
	Batch string `json:"batch,omitempty"`
	Diff  *Diff  `json:"diff,omitempty"`  // of the pull that made the batch
	Taken *kept  `json:"taken,omitempty"` // of a pull that stopped: the newest report of one that was taken
}

// KeepReport keeps the newest report of a source, also of a pull that stopped,
// so that a person can look at its quarantine. It goes with the rows of the batch.
// d says what the batch changed; nil where nobody knows, or the pull stopped.
func (s *Store) KeepReport(source, batch string, r normalize.Report, d *Diff) error {
	k := kept{Report: r, Batch: batch, Diff: d}
	if batch == "" {
		last, ok, err := s.kept(source)
		if err != nil {
			return err
		}
		if k.Taken = last.Taken; ok && last.Batch != "" {
			k.Taken = &last
		}
	}
	return s.keep(source, k)
}

func (s *Store) keep(source string, k kept) error {
	b, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("staging: %w", err)
	}
	if err := writeFile(filepath.Join(s.dir(), reports, source+".json"), b); err != nil {
		return fmt.Errorf("staging: report: %w", err)
	}
	return nil
}

// Report returns what KeepReport kept, or false where there is none.
func (s *Store) Report(source string) (normalize.Report, bool, error) {
	r, ok, err := s.kept(source)
	return r.Report, ok, err
}

// Taken returns the newest report of a pull that was taken, with what its batch
// changed and its name, or false where there is none.
func (s *Store) Taken(source string) (r normalize.Report, d *Diff, batch string, ok bool, err error) {
	k, ok, err := s.kept(source)
	if err != nil || !ok {
		return r, nil, "", false, err
	}
	if k.Batch == "" {
		if k.Taken == nil {
			return r, nil, "", false, nil
		}
		k = *k.Taken
	}
	return k.Report, k.Diff, k.Batch, true, nil
}

func (s *Store) kept(source string) (r kept, ok bool, err error) {
	b, err := os.ReadFile(filepath.Join(s.dir(), reports, source+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return r, false, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		return r, false, fmt.Errorf("staging: the report of %s is unreadable", source)
	}
	return r, true, nil
}
