package staging

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/parquet-go/parquet-go"

	"halftone/pipeline/normalize"
	"halftone/privacy"
)

// RowKeys gives the hash of what identifies rows over all pulls: an HMAC under the
// store's key, cut to 16 bytes. The texts themselves are kept nowhere. It is for
// one goroutine.
func (s *Store) RowKeys() func(text []byte) normalize.RowKey {
	m, sum := hmac.New(sha256.New, s.input), make([]byte, 0, sha256.Size)
	return func(text []byte) normalize.RowKey {
		m.Reset()
		m.Write([]byte("row\x00"))
		m.Write(text)
		sum = m.Sum(sum[:0])
		return normalize.RowKey(sum[:len(normalize.RowKey{})])
	}
}

// Upsert writes what follows of the rows of a pull of which the last of each key
// counts: of every period that they change, the whole set of its rows, in the
// order of their keys. That set, and its digest, are the same however the rows
// were cut into pulls. came are the keys of all rows that came, in order; those
// without an observation count no more. before are the batches so far, oldest first.
//
// Memory is that of the observations; what was staged before streams past.
func (w *Writer) Upsert(before []Batch, observations []normalize.Observations, came []normalize.RowKey) error {
	w.keyed = true
	news := w.byPeriod(observations)
	olds, err := newestOf(before)
	if err != nil {
		return err
	}
	for p := range news {
		if _, ok := olds[p]; !ok {
			olds[p] = oldSet{}
		}
	}
	for p, old := range olds {
		if w.skip(p) || old.held.Gone { // what is left of destroyed rows must not be taken for all
			continue
		}
		if err := w.upsertPeriod(p, old, observations, news[p], came); err != nil {
			return fmt.Errorf("staging: %s: %w", p, err)
		}
	}
	return nil
}

// An oldSet is what the newest batch that holds a period holds of it.
type oldSet struct {
	batch string // "": nothing is there
	held  Held
}

func newestOf(before []Batch) (map[privacy.Period]oldSet, error) {
	olds := map[privacy.Period]oldSet{}
	for _, b := range before {
		for text, held := range b.Periods {
			p, err := privacy.ParsePeriod(text)
			if err != nil {
				return nil, err
			}
			if olds[p] = (oldSet{b.ID, held}); held.Rows == 0 {
				olds[p] = oldSet{held: Held{Gone: held.Gone}}
			}
		}
	}
	return olds, nil
}

// A rowAt names one row of the observations.
type rowAt struct{ chunk, row int32 }

// byPeriod sorts rows by period and key.
func (w *Writer) byPeriod(observations []normalize.Observations) map[privacy.Period][]rowAt {
	out := map[privacy.Period][]rowAt{}
	for c, o := range observations {
		for i, n := range o.Period {
			if p := o.Periods[n]; !w.skip(p) {
				out[p] = append(out[p], rowAt{int32(c), int32(i)})
			}
		}
	}
	for _, rows := range out {
		slices.SortFunc(rows, func(a, b rowAt) int {
			return observations[a.chunk].Key[a.row].Compare(observations[b.chunk].Key[b.row])
		})
	}
	return out
}

// upsertPeriod merges the old rows of a period whose keys did not come with the
// new ones. What is as it was is not written again.
func (w *Writer) upsertPeriod(p privacy.Period, old oldSet, observations []normalize.Observations, rows []rowAt, came []normalize.RowKey) error {
	stays, err := w.s.keyedRows(w.source, p.String(), old.batch, w.dims)
	if err != nil {
		return err
	}
	defer stays.close()
	if len(rows) == 0 {
		if touched, err := stays.touched(came); err != nil || !touched {
			return err
		}
		stays.rewind()
	}
	w.owned = stays.owned() || len(rows) > 0 && observations[rows[0].chunk].Person != nil
	pf, err := w.periodFile(p)
	if err != nil {
		return err
	}
	put := func(o normalize.Observations, i int) error { return pf.put(w.dims, o, i) }
	for old, err := range stays.without(came) {
		if err != nil {
			return err
		}
		key := old.o.Key[old.i]
		for len(rows) > 0 && observations[rows[0].chunk].Key[rows[0].row].Compare(key) < 0 {
			if err := put(observations[rows[0].chunk], int(rows[0].row)); err != nil {
				return err
			}
			rows = rows[1:]
		}
		if err := put(old.o, old.i); err != nil {
			return err
		}
	}
	for _, r := range rows {
		if err := put(observations[r.chunk], int(r.row)); err != nil {
			return err
		}
	}
	return w.settle(p, pf, old.held)
}

// settle closes the file of a period and takes it away where nothing has changed,
// or nothing is left.
func (w *Writer) settle(p privacy.Period, pf *periodFile, old Held) error {
	held, err := w.seal(p, pf)
	if err != nil {
		return err
	}
	switch {
	case held.Rows == 0:
		w.Drop(p.String())
	case held.Digest != old.Digest:
		if w.ready == nil {
			w.ready = map[string]Held{}
		}
		w.ready[p.String()] = held
		return nil
	}
	delete(w.open, p)
	return os.Remove(pf.path)
}

// put adds one row, and to the digest of the set.
func (pf *periodFile) put(dims []string, o normalize.Observations, i int) error {
	if pf.owned != (o.Person != nil) {
		return errSomeOwned
	}
	b := append(pf.scratch[:0], o.Key[i][:]...)
	for d, c := range o.Dims {
		code := c.Dict[c.Index[i]]
		b = append(binary.LittleEndian.AppendUint64(b, uint64(len(code))), code...)
		pf.texts[d].put(code)
	}
	b = append(binary.LittleEndian.AppendUint64(b, uint64(o.Value[i])), byte(o.Status[i]))
	if pf.owned {
		b, pf.who = append(b, o.Person[i][:]...), append(pf.who, o.Person[i])
	}
	pf.scratch = b
	pf.set.Write(b)
	pf.texts[len(dims)].put(o.Files[o.File[i]])
	pf.value, pf.row, pf.status, pf.keys = append(pf.value, o.Value[i]), append(pf.row, o.Row[i]), append(pf.status, o.Status[i]), append(pf.keys, o.Key[i])
	if len(pf.value) == pf.group {
		return pf.flush(dims)
	}
	return nil
}

// put adds one text.
func (t *texts) put(text string) {
	k, ok := t.at[text]
	if !ok {
		if t.at == nil {
			t.at = map[string]uint32{}
		}
		k = uint32(len(t.dict))
		t.at[text], t.dict = k, append(t.dict, text)
	}
	t.index = append(t.index, k)
}

// keyedRows are the rows of one file in the order of their keys, a row group at a
// time. The zero value has none.
type keyedRows struct {
	file   rowsFile
	groups []parquet.RowGroup
	dims   []string
	next   int
}

// A keyedRow is one of them.
type keyedRow struct {
	o normalize.Observations
	i int
}

func (s *Store) keyedRows(source, period, batch string, dims []string) (*keyedRows, error) {
	if batch == "" {
		return &keyedRows{}, nil
	}
	f, err := s.openRows(source, period, batch)
	if err != nil {
		return nil, err
	}
	return &keyedRows{file: f, groups: f.RowGroups(), dims: dims}, nil
}

func (k *keyedRows) close() {
	if k.file.close != nil {
		k.file.close()
	}
}

func (k *keyedRows) rewind() { k.next = 0 }

// owned reports whether the rows have persons.
func (k *keyedRows) owned() bool { return k.file.File != nil && hasPersons(k.file.File) }

// touched reports whether any row has one of the keys, which are in order.
func (k *keyedRows) touched(came []normalize.RowKey) (bool, error) {
	for _, rg := range k.groups {
		keys, err := readKeys(k.file.File, rg)
		if err != nil {
			return false, err
		}
		slices.SortFunc(keys, normalize.RowKey.Compare) // rows of persons stand in another order
		for _, key := range keys {
			for len(came) > 0 && came[0].Compare(key) < 0 {
				came = came[1:]
			}
			if len(came) > 0 && came[0] == key {
				return true, nil
			}
		}
	}
	return false, nil
}

// without are the rows that have none of the keys, which are in order.
func (k *keyedRows) without(came []normalize.RowKey) func(func(keyedRow, error) bool) {
	return func(yield func(keyedRow, error) bool) {
		for ; k.next < len(k.groups); k.next++ {
			o, err := readKeyed(k.file.File, k.groups[k.next], k.dims)
			if err != nil {
				yield(keyedRow{}, err)
				return
			}
			for i, key := range o.Key {
				for len(came) > 0 && came[0].Compare(key) < 0 {
					came = came[1:]
				}
				if len(came) > 0 && came[0] == key {
					continue
				}
				if !yield(keyedRow{o, i}, nil) {
					return
				}
			}
		}
	}
}

// readKeyed reads all of a row group, in the order of its keys: rows of persons
// stand in that of persons within a row group, of which each has its part of the keys.
func readKeyed(f *parquet.File, rg parquet.RowGroup, dims []string) (o normalize.Observations, err error) {
	if err := readRows(f, rg, dims, &o); err != nil {
		return o, err
	}
	if o.Key, err = readKeys(f, rg); err != nil {
		return o, err
	}
	if o.Status, err = readStatuses(f, rg); err != nil {
		return o, err
	}
	col, err := column(f, rg, "row")
	if err != nil {
		return o, err
	}
	if o.Row, err = readIntegers(col, whole(rg)); err != nil {
		return o, err
	}
	if col, err = column(f, rg, "file"); err != nil {
		return o, err
	}
	files, err := readTexts("file", col, whole(rg))
	if o.Files, o.File = files.Dict, files.Index; err != nil || !hasPersons(f) {
		return o, err
	}
	if o.Person, err = readPersons(f, rg, whole(rg)); err != nil {
		return o, err
	}
	byKey(&o)
	return o, nil
}

// byKey puts rows into the order of their keys.
func byKey(o *normalize.Observations) {
	order := make([]int, o.Rows())
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return o.Key[a].Compare(o.Key[b]) })
	o.Key, o.Person, o.Value, o.Status = permuted(o.Key, order), permuted(o.Person, order), permuted(o.Value, order), permuted(o.Status, order)
	o.File, o.Row = permuted(o.File, order), permuted(o.Row, order)
	for d := range o.Dims {
		o.Dims[d].Index = permuted(o.Dims[d].Index, order)
	}
}

func readKeys(f *parquet.File, rg parquet.RowGroup) ([]normalize.RowKey, error) {
	col, err := column(f, rg, "key")
	if err != nil {
		return nil, err
	}
	keys := make([]normalize.RowKey, 0, rg.NumRows())
	err = eachPage(col, whole(rg), func(pg parquet.Page) error {
		data := pg.Data()
		raw, size := data.FixedLenByteArray()
		if size != len(normalize.RowKey{}) {
			return fmt.Errorf("keys of %d bytes", size)
		}
		for ; len(raw) >= size; raw = raw[size:] {
			keys = append(keys, normalize.RowKey(raw[:size]))
		}
		return nil
	})
	return keys, err
}

func readStatuses(f *parquet.File, rg parquet.RowGroup) ([]normalize.Status, error) {
	col, err := column(f, rg, "status")
	if err != nil {
		return nil, err
	}
	words, err := readTexts("status", col, whole(rg))
	if err != nil {
		return nil, err
	}
	of := make([]normalize.Status, len(words.Dict))
	for i, word := range words.Dict {
		var ok bool
		if of[i], ok = normalize.ParseStatus(word); !ok {
			return nil, errors.New("an unknown status")
		}
	}
	out := make([]normalize.Status, len(words.Index))
	for i, k := range words.Index {
		out[i] = of[k]
	}
	return out, nil
}
