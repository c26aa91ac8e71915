package staging

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"filippo.io/age"
	"github.com/parquet-go/parquet-go"

	"halftone/pipeline/normalize"
	"halftone/privacy"
	"halftone/privacy/ledger/durable"
)

// rowGroup is the most rows that are held in memory for a period and written as
// one row group: what one worker counts at a time.
const rowGroup = 1 << 18

// A Writer writes one batch. Nothing of it exists for anyone else before Commit.
type Writer struct {
	s      *Store
	source string
	id     string
	dims   []string
	key    *age.X25519Identity
	open   map[privacy.Period]*periodFile
	from   map[string]int64 // rows of the source, by period; see From
	skip   func(privacy.Period) bool
	owned  bool // rows have persons

	keyed   bool            // rows have keys: see [Writer.Upsert]
	ready   map[string]Held // by period: files that Upsert has closed
	dropped []string
	sealed  map[string]Held // by period, once [Writer.Seal] has closed all files
}

// Create starts a batch of a source. The id must sort by time.
func (s *Store) Create(source, id string, dims []string) (*Writer, error) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("staging: %w", err)
	}
	if err := durable.Folder(filepath.Join(s.dir(), source)); err != nil {
		return nil, fmt.Errorf("staging: %w", err)
	}
	if err := writeFile(s.batchKey(id), []byte(key.String()+"\n")); err != nil {
		return nil, fmt.Errorf("staging: batch key: %w", err)
	}
	return &Writer{s: s, source: source, id: id, dims: dims, key: key, open: map[privacy.Period]*periodFile{},
		skip: func(privacy.Period) bool { return false }}, nil
}

// ID names the batch.
func (w *Writer) ID() string { return w.id }

// Skip leaves out the rows of some periods: they are not written at all.
func (w *Writer) Skip(skip func(privacy.Period) bool) { w.skip = skip }

// A periodFile is the growing file of one period. The rows of the next row group
// wait in columns.
type periodFile struct {
	path   string
	f      *os.File
	plain  hash.Hash
	sealed io.WriteCloser
	w      *parquet.GenericWriter[any]
	schema *parquet.Schema
	rows   int64
	owned  bool // rows have persons
	group  int  // rows of a row group

	texts      []texts // the dimensions, then the file
	value, row []int64
	status     []normalize.Status
	who        []privacy.Pseudonym

	keys []normalize.RowKey // with keys
	set  hash.Hash          // with keys: of the rows in the order of their keys, wherever they came from

	scratch []byte
}

// texts is dictionary coded text that grows.
type texts struct {
	dict  []string
	at    map[string]uint32
	index []uint32
}

func (t *texts) take(dict []string, index []uint32, rows []int) {
	if t.at == nil {
		t.at = map[string]uint32{}
	}
	place := make([]uint32, len(dict))
	for i, text := range dict {
		k, ok := t.at[text]
		if !ok {
			k = uint32(len(t.dict))
			t.at[text], t.dict = k, append(t.dict, text)
		}
		place[i] = k
	}
	for _, r := range rows {
		t.index = append(t.index, place[index[r]])
	}
}

func (t *texts) values(vals []parquet.Value, column int) {
	dict := make([]parquet.Value, len(t.dict))
	for i, text := range t.dict {
		dict[i] = parquet.ByteArrayValue([]byte(text)).Level(0, 0, column)
	}
	for i, k := range t.index {
		vals[i] = dict[k]
	}
}

// Add appends observations; their dimensions are those of Create, in order.
func (w *Writer) Add(o normalize.Observations) error {
	if len(o.Dims) != len(w.dims) || len(o.Status) != o.Rows() {
		return errors.New("staging: wrong number of dimensions or statuses")
	}
	if w.owned = o.Person != nil; w.owned && len(o.Person) != o.Rows() {
		return errors.New("staging: wrong number of persons")
	}
	byPeriod := make([][]int, len(o.Periods))
	for i, p := range o.Period {
		byPeriod[p] = append(byPeriod[p], i)
	}
	for p, rows := range byPeriod {
		if len(rows) == 0 || w.skip(o.Periods[p]) {
			continue
		}
		pf, err := w.periodFile(o.Periods[p])
		if err != nil {
			return err
		}
		if pf.owned != w.owned {
			return errSomeOwned
		}
		if err := pf.add(w.dims, o, rows); err != nil {
			return fmt.Errorf("staging: %w", err)
		}
	}
	return nil
}

func (w *Writer) periodFile(p privacy.Period) (*periodFile, error) {
	if pf := w.open[p]; pf != nil {
		return pf, nil
	}
	path := w.s.file(w.source, p.String(), w.id)
	if err := durable.Folder(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("staging: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("staging: %w", err)
	}
	sealed, err := age.Encrypt(f, w.key.Recipient())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("staging: %w", err), f.Close())
	}
	pf := &periodFile{path: path, f: f, sealed: sealed, plain: hmac.New(sha256.New, w.s.input),
		schema: schema(w.dims, w.keyed, w.owned), owned: w.owned, group: w.s.group}
	if w.keyed {
		pf.set = hmac.New(sha256.New, w.s.input)
	}
	options := []parquet.WriterOption{pf.schema, parquet.Compression(&parquet.Zstd)}
	if pf.owned {
		options = append(options, parquet.PageBufferSize(1)) // a page a write
	}
	pf.w = parquet.NewGenericWriter[any](io.MultiWriter(sealed, pf.plain), options...)
	pf.texts = make([]texts, len(w.dims)+1)
	w.open[p] = pf
	return pf, nil
}

// schema has a dictionary-coded column a dimension, so that a cube is built from
// integers. A cube takes nothing else but the value: batches of before there was a
// status count as they did.
func schema(dims []string, keyed, owned bool) *parquet.Schema {
	text := func() parquet.Node { return parquet.Encoded(parquet.String(), &parquet.RLEDictionary) }
	g := parquet.Group{"value": parquet.Int(64), "status": text(), "file": text(), "row": parquet.Int(64)}
	for _, d := range dims {
		g["dim_"+d] = text()
	}
	if keyed {
		g["key"] = parquet.Leaf(parquet.FixedLenByteArrayType(len(normalize.RowKey{})))
	}
	if owned {
		g[personColumn] = parquet.Leaf(parquet.FixedLenByteArrayType(len(privacy.Pseudonym{})))
	}
	return parquet.NewSchema("observation", g)
}

func (pf *periodFile) add(dims []string, o normalize.Observations, rows []int) error {
	for len(rows) > 0 {
		n := min(len(rows), pf.group-len(pf.value))
		pf.take(o, rows[:n])
		rows = rows[n:]
		if len(pf.value) == pf.group {
			if err := pf.flush(dims); err != nil {
				return err
			}
		}
	}
	return nil
}

// take copies rows behind the waiting ones.
func (pf *periodFile) take(o normalize.Observations, rows []int) {
	for d, c := range o.Dims {
		pf.texts[d].take(c.Dict, c.Index, rows)
	}
	pf.texts[len(o.Dims)].take(o.Files, o.File, rows)
	for _, r := range rows {
		pf.value, pf.row = append(pf.value, o.Value[r]), append(pf.row, o.Row[r])
		pf.status = append(pf.status, o.Status[r])
		if pf.owned {
			pf.who = append(pf.who, o.Person[r])
		}
	}
}

// flush writes the waiting rows as one row group, column by column.
func (pf *periodFile) flush(dims []string) error {
	n := len(pf.value)
	if n == 0 {
		return nil
	}
	if pf.owned {
		pf.inOrder()
	}
	cols := pf.w.ColumnWriters()
	vals := make([]parquet.Value, n)
	for ci, path := range pf.schema.Columns() {
		switch name := path[0]; name {
		case "value":
			integers(vals, pf.value, ci)
		case "row":
			integers(vals, pf.row, ci)
		case "status":
			words(vals, pf.status, ci)
		case "key":
			for i := range pf.keys {
				vals[i] = parquet.FixedLenByteArrayValue(pf.keys[i][:]).Level(0, 0, ci)
			}
		case personColumn:
			pseudonyms(vals, pf.who, ci)
		case "file":
			pf.texts[len(dims)].values(vals, ci)
		default:
			pf.texts[slices.Index(dims, name[len("dim_"):])].values(vals, ci)
		}
		if err := pf.pages(cols[ci], vals); err != nil {
			return err
		}
		if err := cols[ci].Close(); err != nil {
			return err
		}
	}
	if err := pf.w.Flush(); err != nil {
		return err
	}
	pf.rows += int64(n)
	pf.texts, pf.value, pf.row, pf.status = make([]texts, len(dims)+1), pf.value[:0], pf.row[:0], pf.status[:0]
	pf.keys, pf.who = pf.keys[:0], pf.who[:0]
	return nil
}

// pages writes a column: as one page, or where rows have persons as several.
func (pf *periodFile) pages(to *parquet.ColumnWriter, vals []parquet.Value) error {
	size := len(vals)
	if pf.owned {
		size = personPage
	}
	for part := range slices.Chunk(vals, size) {
		if _, err := to.WriteRowValues(part); err != nil {
			return err
		}
	}
	return nil
}

func integers(vals []parquet.Value, v []int64, column int) {
	for i, x := range v {
		vals[i] = parquet.Int64Value(x).Level(0, 0, column)
	}
}

// words writes statuses as the words of the mapping language.
func words(vals []parquet.Value, statuses []normalize.Status, column int) {
	var dict [256]parquet.Value // by status
	for i, s := range statuses {
		if dict[s].IsNull() {
			dict[s] = parquet.ByteArrayValue([]byte(s.String())).Level(0, 0, column)
		}
		vals[i] = dict[s]
	}
}

// Commit makes the batch exist. b's ID, Source and Periods are filled in.
func (w *Writer) Commit(b Batch) (Batch, error) {
	b.ID, b.Source, b.Periods = w.id, w.source, map[string]Held{}
	if err := w.Seal(); err != nil {
		return Batch{}, errors.Join(err, w.Abort())
	}
	for _, pf := range w.open {
		if pf.owned {
			b.Persons = w.s.hashedUnder()
		}
	}
	maps.Copy(b.Periods, w.sealed)
	for _, p := range w.dropped {
		b.Periods[p] = Held{}
	}
	err := w.s.describe(b)
	if _, there := os.Lstat(w.s.info(w.source, w.id)); err != nil && there == nil {
		// It has its name, and the sync of the folder failed: nobody knows whether the
		// disk has it. Without its rows and key nothing would count any more.
		w.open = nil
		return Batch{}, fmt.Errorf("staging: %w", err)
	}
	if err != nil {
		return Batch{}, errors.Join(fmt.Errorf("staging: %w", err), w.Abort())
	}
	w.open = nil
	return b, nil
}

// Seal closes all files, so that [Store.Cells] can read what they hold before the
// batch exists. Nothing can be added any more.
func (w *Writer) Seal() error {
	if w.sealed != nil {
		return nil
	}
	w.sealed = map[string]Held{}
	for p, pf := range w.open {
		held, closed := w.ready[p.String()]
		if !closed {
			var err error
			if held, err = w.seal(p, pf); err != nil {
				return err
			}
		}
		w.sealed[p.String()] = held
	}
	return nil
}

// seal closes one file.
func (w *Writer) seal(p privacy.Period, pf *periodFile) (Held, error) {
	err := pf.flush(w.dims)
	if err = errors.Join(err, pf.w.Close(), pf.sealed.Close(), pf.f.Sync(), pf.f.Close(), syncDir(filepath.Dir(pf.path))); err != nil {
		return Held{}, fmt.Errorf("staging: %w", err)
	}
	sum := pf.plain
	if pf.set != nil {
		sum = pf.set
	}
	held := Held{Rows: pf.rows, Digest: hex.EncodeToString(sum.Sum(nil))}
	if n := w.from[p.String()]; n != held.Rows {
		held.From = n
	}
	return held, nil
}

// Held says what a sealed batch holds, by SDMX period.
func (w *Writer) Held() map[string]Held {
	out := map[string]Held{}
	maps.Copy(out, w.sealed)
	for _, p := range w.dropped {
		out[p] = Held{}
	}
	return out
}

// From says how many rows of the source each period comes from. It is not the rows
// held: a total whose parts are all of it leaves none, and is no row less.
func (w *Writer) From(rows map[string]int64) { w.from = rows }

// Drop says that the batch holds a period with no rows: what earlier batches hold
// of it no longer counts.
func (w *Writer) Drop(period string) { w.dropped = append(w.dropped, period) }

// Abort removes what was written. After Commit it does nothing.
func (w *Writer) Abort() error {
	if w.open == nil {
		return nil
	}
	errs := []error{os.Remove(w.s.batchKey(w.id))}
	for _, pf := range w.open {
		_ = pf.f.Close() // may be closed already
		errs = append(errs, os.Remove(pf.path))
	}
	w.open = nil
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("staging: %w", err)
	}
	return nil
}

// ItemDigest keys a plain SHA-256 with the store's key.
func (s *Store) ItemDigest(sha string) string {
	m := hmac.New(sha256.New, s.input)
	m.Write([]byte("item\x00" + sha))
	return hex.EncodeToString(m.Sum(nil))
}
