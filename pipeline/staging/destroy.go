package staging

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"halftone/privacy"
)

// ErrDestroyed says that rows which would count were destroyed, because the time
// of keeping them was over.
var ErrDestroyed = errors.New("the rows were destroyed (keep_rows)")

// A Loss names rows of one batch that are to be destroyed, by SDMX period.
type Loss struct {
	Source, Batch string
	// Over: the time of keeping them is over. The batch keeps a mark, so that
	// nobody takes them for rows that never were.
	Over []string
	// Superseded: a newer batch holds the period, so that they no longer count.
	Superseded []string
}

// Holds reports whether rows of any period are there.
func (b Batch) Holds() bool {
	for _, h := range b.Periods {
		if h.Rows > 0 {
			return true
		}
	}
	return false
}

// After returns the description of b as [Store.Destroy] leaves it.
func (b Batch) After(l Loss) Batch {
	left := b
	left.Periods = map[string]Held{}
	for p, h := range b.Periods {
		switch {
		case slices.Contains(l.Over, p):
			left.Periods[p] = Held{Gone: true}
		case !slices.Contains(l.Superseded, p):
			left.Periods[p] = h
		}
	}
	return left
}

// Destroy destroys rows for good. The key goes first when nothing else is left of
// the batch: without it the files are noise, and so are copies of them elsewhere.
// Then the files go, then what says how many rows there were. After a crash at any
// step the same call, or [Store.Sweep] once the key is gone, does the rest.
//
// The caller guarantees that no release which is charged and not sealed counts
// the rows.
func (s *Store) Destroy(l Loss) error {
	steps, err := s.destruction(l)
	if err != nil {
		return err
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("staging: destroying rows of %s: %w", l.Source, unplaced(err))
		}
	}
	return nil
}

// destruction are the steps of Destroy. Each may be done again.
func (s *Store) destruction(l Loss) (steps []func() error, err error) {
	batches, err := s.Batches(l.Source)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(batches, func(b Batch) bool { return b.ID == l.Batch })
	if i < 0 {
		return nil, fmt.Errorf("staging: there is no batch %s of %s", l.Batch, l.Source)
	}
	left := batches[i].After(l)
	// 1. The key.
	if !left.Holds() {
		steps = append(steps, func() error { return wipe(s.batchKey(l.Batch)) })
	}
	// 2. The rows.
	periods := slices.Concat(l.Over, l.Superseded)
	slices.Sort(periods)
	for _, p := range periods {
		steps = append(steps, func() error { return s.removeRows(l.Source, p, l.Batch) })
	}
	// 3. What was said of them.
	steps = append(steps, func() error { return s.reduceReport(l, left.Holds()) })
	if len(left.Periods) == 0 && i < len(batches)-1 {
		if left.Items = nil; left.Accepted == nil {
			return append(steps, func() error { return remove(s.info(l.Source, l.Batch)) }), nil
		}
	}
	return append(steps, func() error { return s.describe(left) }), nil
}

// removeRows removes a file, and its folder when that was the last.
func (s *Store) removeRows(source, period, batch string) error {
	name := s.file(source, period, batch)
	if err := remove(name); err != nil {
		return err
	}
	dir := filepath.Dir(name)
	if rest, err := os.ReadDir(dir); errors.Is(err, fs.ErrNotExist) || err == nil && len(rest) > 0 {
		return nil
	}
	return remove(dir)
}

// reduceReport takes out of the newest report what it says of rows that go, if it
// is of the batch; with nothing left of that it goes, too.
func (s *Store) reduceReport(l Loss, left bool) error {
	r, ok, err := s.kept(l.Source)
	if err != nil || !ok {
		return err
	}
	periods := slices.Concat(l.Over, l.Superseded)
	switch {
	case r.Batch == l.Batch && !left:
		return s.DropReport(l.Source)
	case r.Batch == l.Batch:
		return s.keep(l.Source, r.without(periods))
	case r.Taken == nil || r.Taken.Batch != l.Batch:
		return nil
	case !left:
		r.Taken = nil
	default:
		taken := r.Taken.without(periods)
		r.Taken = &taken
	}
	return s.keep(l.Source, r)
}

// without is k without what it says of rows of some periods.
func (k kept) without(periods []string) kept {
	k.Report = k.Report.Without(periods...)
	if k.Diff != nil {
		d := k.Diff.without(periods)
		k.Diff = &d
	}
	return k
}

// DropReport removes what KeepReport kept.
func (s *Store) DropReport(source string) error {
	return remove(filepath.Join(s.dir(), reports, source+".json"))
}

// describe writes the description of a batch.
func (s *Store) describe(b Batch) error {
	text, err := json.Marshal(b)
	if err != nil {
		return err
	}
	return writeFile(s.info(b.Source, b.ID), text)
}

// Opens reports whether the key of a batch is there.
func (s *Store) Opens(batch string) (bool, error) {
	key, err := os.ReadFile(s.batchKey(batch))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("staging: batch key: %w", unplaced(err))
	}
	return len(bytes.Trim(key, "\x00")) > 0, nil // overwritten, and not removed yet
}

// finish does the rest for batches whose key is gone: their rows are.
func (s *Store) finish(source string, batches []Batch) error {
	for _, b := range batches {
		opens, err := s.Opens(b.ID)
		if err != nil {
			return err
		}
		if opens || !b.Holds() {
			continue
		}
		l := Loss{Source: source, Batch: b.ID}
		for p, h := range b.Periods {
			if h.Rows > 0 {
				l.Over = append(l.Over, p)
			}
		}
		if err := s.Destroy(l); err != nil {
			return err
		}
	}
	return nil
}

// Sources names those that have batches, whether or not they are still declared.
func (s *Store) Sources() ([]string, error) {
	entries, err := os.ReadDir(s.dir())
	if err != nil {
		return nil, fmt.Errorf("staging: %w", unplaced(err))
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Unpin forgets which rows a release counts. With it goes the only use of its
// input digest: to see whether they have changed since.
func (s *Store) Unpin(k privacy.Key) error {
	if err := remove(s.pin(k)); err != nil {
		return fmt.Errorf("staging: pin: %w", unplaced(err))
	}
	return nil
}

// Keyed reports whether anything is kept that the input key was used for: digests
// of files that were taken, or pins of releases whose digests stand in the ledger.
func (s *Store) Keyed() (bool, error) {
	sources, err := s.Sources()
	if err != nil {
		return false, err
	}
	for _, src := range sources {
		batches, err := s.Batches(src)
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(batches, func(b Batch) bool { return len(b.Items) > 0 }) {
			return true, nil
		}
	}
	pinned, err := os.ReadDir(filepath.Join(s.dir(), pins))
	if err != nil {
		return false, fmt.Errorf("staging: %w", unplaced(err))
	}
	return len(pinned) > 0, nil
}

// DestroyInput destroys the key of input and item digests, so that nobody can test
// a guess against those that stand in the ledger, then what was made under it.
// The next [Open] makes another.
//
// The caller guarantees that no rows are left and none will be needed.
func (s *Store) DestroyInput() error {
	err := wipe(s.inputKey())
	sources, listed := s.Sources()
	err = errors.Join(err, listed)
	for _, src := range sources {
		batches, read := s.Batches(src)
		err = errors.Join(err, read)
		for _, b := range batches {
			if len(b.Items) > 0 {
				b.Items = nil
				err = errors.Join(err, s.describe(b))
			}
		}
	}
	for _, dir := range []string{reports, pins} { // pins last: they say that this is not done
		dir = filepath.Join(s.dir(), dir)
		entries, read := os.ReadDir(dir)
		err = errors.Join(err, read)
		for _, e := range entries {
			err = errors.Join(err, remove(filepath.Join(dir, e.Name())))
		}
	}
	if err != nil {
		return fmt.Errorf("staging: input key: %w", unplaced(err))
	}
	return nil
}

// wipe destroys a key file: overwritten, so that on a file system that writes in
// place not even the disk has it, then removed.
func wipe(name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return syncDir(filepath.Dir(name))
	}
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err == nil {
		_, err = f.Write(make([]byte, st.Size()))
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return remove(name)
}

// remove removes a file or an empty folder, if it is there, so that a crash does
// not bring it back.
func remove(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := syncDir(filepath.Dir(name))
	if errors.Is(err, fs.ErrNotExist) { // the folder is gone, too
		return nil
	}
	return err
}

// unplaced drops the path from an error: nothing says what is in the state folder.
func unplaced(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
