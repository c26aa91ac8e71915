package staging

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"filippo.io/age"
	"github.com/parquet-go/parquet-go"

	"halftone/privacy"
)

// ErrGone says that rows which a release counts are no longer there.
var ErrGone = errors.New("staging: the rows are gone")

// Cube counts the rows of one period on the given number of workers. The result
// does not depend on how rows are split.
//
// The caller guarantees that uses names each row once: see [Select].
func (s *Store) Cube(ctx context.Context, spec privacy.Spec, p privacy.Period, uses Uses, workers int) (privacy.Cube, error) {
	jobs, release, err := s.jobs(spec, p, uses)
	defer release()
	if err != nil {
		return privacy.Cube{}, err
	}
	total, err := privacy.NewCube(spec, p)
	if err != nil {
		return privacy.Cube{}, err
	}
	next := make(chan job, len(jobs))
	for _, j := range jobs {
		next <- j
	}
	close(next)
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	for range max(1, min(workers, len(jobs))) {
		wg.Go(func() {
			shard, err := privacy.NewCube(spec, p)
			for j := range next {
				if err = errors.Join(err, ctx.Err()); err != nil {
					break
				}
				err = j(shard)
			}
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				err = total.Merge(shard)
			}
			errs = append(errs, err)
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return privacy.Cube{}, fmt.Errorf("staging: %s: %w", p, err)
	}
	return total, nil
}

// A job adds a part of the rows to a cube: a row group, or a bucket of persons.
type job func(privacy.Cube) error

// jobs are all that count rows of a period. release closes what they read.
func (s *Store) jobs(spec privacy.Spec, p privacy.Period, uses Uses) (jobs []job, release func(), err error) {
	var open []func()
	release = func() {
		for _, done := range open {
			done()
		}
	}
	persons := map[string][]personRows{} // by namespace
	for _, source := range slices.Sorted(maps.Keys(uses)) {
		i := slices.IndexFunc(spec.Sources, func(src privacy.Source) bool { return src.Name == source })
		if i >= 0 && spec.Sources[i].Namespace != "" {
			groups, done, err := s.personGroups(source, p, uses[source])
			if open = append(open, done); err != nil {
				return nil, release, err
			}
			namespace := spec.Sources[i].Namespace
			persons[namespace] = append(persons[namespace], groups...)
			continue
		}
		for _, b := range uses[source] {
			f, err := s.openRows(source, p.String(), b)
			if err != nil {
				return nil, release, err
			}
			open = append(open, f.close)
			for _, rg := range f.RowGroups() {
				jobs = append(jobs, func(c privacy.Cube) error { return addRowGroup(spec, c, f.File, rg) })
			}
		}
	}
	for namespace, groups := range persons {
		b, err := s.buckets(groups)
		if err != nil {
			return nil, release, fmt.Errorf("staging: %s: %w", p, err)
		}
		key := s.rankKey(namespace)
		for k := range b.count() {
			jobs = append(jobs, func(c privacy.Cube) error { return b.add(spec, namespace, key, k, c) })
		}
	}
	return jobs, release, nil
}

type rowsFile struct {
	*parquet.File
	close func()
}

func (s *Store) openRows(source, period, batch string) (rowsFile, error) {
	key, err := os.ReadFile(s.batchKey(batch))
	if errors.Is(err, fs.ErrNotExist) {
		return rowsFile{}, fmt.Errorf("%w: batch %s of %s", ErrGone, batch, source)
	}
	if err != nil {
		return rowsFile{}, fmt.Errorf("staging: %w", err)
	}
	id, err := age.ParseX25519Identity(strings.TrimSpace(string(key)))
	if err != nil {
		return rowsFile{}, errors.New("staging: a batch key is unreadable") // the library's message quotes it
	}
	f, err := os.Open(s.file(source, period, batch))
	if errors.Is(err, fs.ErrNotExist) {
		return rowsFile{}, fmt.Errorf("%w: batch %s of %s", ErrGone, batch, source)
	}
	if err != nil {
		return rowsFile{}, fmt.Errorf("staging: %w", err)
	}
	pf, err := decrypt(f, id)
	if err != nil {
		return rowsFile{}, errors.Join(fmt.Errorf("staging: batch %s of %s is damaged: %w", batch, source, err), f.Close())
	}
	return rowsFile{pf, func() { _ = f.Close() }}, nil
}

func decrypt(f *os.File, id age.Identity) (*parquet.File, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	plain, size, err := age.DecryptReaderAt(f, st.Size(), id)
	if err != nil {
		return nil, err
	}
	return parquet.OpenFile(plain, size)
}

// addRowGroup walks the column chunks in step. Codes are looked up once per
// dictionary entry; rows are integers throughout.
func addRowGroup(spec privacy.Spec, c privacy.Cube, f *parquet.File, rg parquet.RowGroup) error {
	codes := make([][]uint32, len(spec.Dimensions))
	for d, dim := range spec.Dimensions {
		col, err := column(f, rg, "dim_"+dim.Name)
		if err != nil {
			return err
		}
		if codes[d], err = leafCodes(dim, col, whole(rg)); err != nil {
			return err
		}
	}
	col, err := column(f, rg, "value")
	if err != nil {
		return err
	}
	n, err := readIntegers(col, whole(rg))
	if err != nil {
		return err
	}
	return c.Add(codes, n)
}

// column finds a column chunk of a row group by name.
func column(f *parquet.File, rg parquet.RowGroup, name string) (parquet.ColumnChunk, error) {
	i := slices.IndexFunc(f.Schema().Columns(), func(p []string) bool { return p[0] == name })
	if i < 0 {
		return nil, fmt.Errorf("no column %s", name)
	}
	return rg.ColumnChunks()[i], nil
}

func readIntegers(col parquet.ColumnChunk, rows span) ([]int64, error) {
	n := make([]int64, 0, rows.to-rows.from)
	err := eachPage(col, rows, func(pg parquet.Page) error {
		data := pg.Data()
		n = append(n, data.Int64()...)
		return nil
	})
	return n, err
}

func leafCodes(dim privacy.Dimension, col parquet.ColumnChunk, rows span) ([]uint32, error) {
	leaf := dim.Leaf().Codes
	where := make(map[string]uint32, len(leaf))
	for i, code := range leaf {
		where[code] = uint32(i)
	}
	out := make([]uint32, 0, rows.to-rows.from)
	err := eachPage(col, rows, func(pg parquet.Page) error {
		dict := pg.Dictionary()
		if dict == nil {
			return fmt.Errorf("column %s is not dictionary coded", dim.Name)
		}
		to := make([]uint32, dict.Len())
		for i := range to {
			code, ok := where[string(dict.Index(int32(i)).ByteArray())]
			if !ok {
				return fmt.Errorf("a staged code of dimension %s is no longer in its code list: pull the source again", dim.Name)
			}
			to[i] = code
		}
		data := pg.Data()
		for _, k := range data.Int32() {
			out = append(out, to[k])
		}
		return nil
	})
	return out, err
}

// A span is rows of a row group.
type span struct{ from, to int64 }

func whole(rg parquet.RowGroup) span { return span{0, rg.NumRows()} }

func eachPage(c parquet.ColumnChunk, rows span, do func(parquet.Page) error) error {
	pages := c.Pages()
	defer func() { _ = pages.Close() }()
	if rows.from > 0 {
		if err := pages.SeekToRow(rows.from); err != nil {
			return err
		}
	}
	for left := rows.to - rows.from; left > 0; {
		p, err := pages.ReadPage()
		if err != nil {
			return noEOF(err)
		}
		part := p
		if p.NumRows() > left {
			part = p.Slice(0, left)
		}
		left -= part.NumRows()
		err = do(part)
		if part != p {
			parquet.Release(part)
		}
		parquet.Release(p)
		if err != nil {
			return err
		}
	}
	return nil
}

// noEOF: a column chunk with fewer rows than its row group is damaged.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// InputDigest stands for the rows that a release counts: an HMAC, under a key
// that is destroyed with them, over the digests of the files by source. The same
// rows from the same files give the same digest, whichever batch brought them.
func (s *Store) InputDigest(p privacy.Period, uses Uses) (string, error) {
	m := hmac.New(sha256.New, s.input)
	fmt.Fprintf(m, "input\x00%s\x00", p)
	for _, source := range slices.Sorted(maps.Keys(uses)) {
		batches, err := s.Batches(source)
		if err != nil {
			return "", err
		}
		for _, id := range uses[source] {
			i := slices.IndexFunc(batches, func(b Batch) bool { return b.ID == id })
			if i < 0 {
				return "", fmt.Errorf("%w: batch %s of %s", ErrGone, id, source)
			}
			fmt.Fprintf(m, "%s\x00%s\x00", source, batches[i].Periods[p.String()].Digest)
		}
	}
	return hex.EncodeToString(m.Sum(nil)), nil
}

// Pin records, before the charge, which rows a release counts: a run that
// crashes between charge and seal must count the same rows again, not what a
// later pull brought.
func (s *Store) Pin(k privacy.Key, uses Uses) error {
	b, err := json.Marshal(uses)
	if err != nil {
		return fmt.Errorf("staging: %w", err)
	}
	if err := writeFile(s.pin(k), b); err != nil {
		return fmt.Errorf("staging: pin: %w", err)
	}
	return nil
}

// Pinned returns what [Store.Pin] recorded, or ErrGone.
func (s *Store) Pinned(k privacy.Key) (Uses, error) {
	b, err := os.ReadFile(s.pin(k))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: nothing says which rows %s counts", ErrGone, k)
	}
	if err != nil {
		return nil, fmt.Errorf("staging: %w", err)
	}
	var u Uses
	if err := json.Unmarshal(b, &u); err != nil {
		return nil, fmt.Errorf("staging: the pin of %s is unreadable", k)
	}
	return u, nil
}

func (s *Store) pin(k privacy.Key) string {
	return filepath.Join(s.dir(), pins, fmt.Sprintf("%d.%s.%d.json", k.Series, k.Period, k.Edition))
}
