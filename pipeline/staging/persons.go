package staging

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"

	"github.com/parquet-go/parquet-go"

	"halftone/privacy"
)

// Person keys of a dataset are hashed under a key of its namespace, which is made
// of the dataset's input key, and goes with it: the same person is the same in all
// batches and sources of the namespace, and in no other dataset. Which rows stay is
// decided under a second key. Neither is written anywhere.

// PersonKey is the key under which person keys of a namespace are hashed.
func (s *Store) PersonKey(namespace string) []byte { return s.derived("person", namespace) }

func (s *Store) rankKey(namespace string) []byte { return s.derived("rank", namespace) }

func (s *Store) derived(use, namespace string) []byte {
	m := hmac.New(sha256.New, s.input)
	fmt.Fprintf(m, "%s\x00%s", use, namespace)
	return m.Sum(nil)
}

// hashedUnder tells keys apart, without saying anything of them: rows that were
// hashed under another than today's would make two people of one.
func (s *Store) hashedUnder() string { return hex.EncodeToString(s.derived("hashed under", "")[:8]) }

// bucketRows is about how many rows of persons one worker holds in memory: 16
// bytes each, and 4 a dimension. The rows of one person are never split.
const bucketRows = 1 << 19

// personPage is the rows of a page where rows have persons: a bucket reads a part
// of each row group, and of the pages at its ends more than that.
const personPage = 1 << 12

// ErrKeyLost says that persons were hashed under a key that is no longer there.
var ErrKeyLost = errors.New("the key that person keys were hashed under is lost")

// A personRows is a row group whose rows are in the order of their persons.
type personRows struct {
	file  *parquet.File
	group parquet.RowGroup
	from  []int64 // row at which each bucket begins; at last the number of rows
}

// personBuckets are all rows of one namespace in a period, cut by the first bits
// of their persons, so that each bucket can be bounded by itself.
type personBuckets struct {
	groups []personRows
	bits   int
}

// buckets finds where each bucket begins. It reads nothing but persons.
func (s *Store) buckets(groups []personRows) (b personBuckets, err error) {
	b.groups = groups
	rows := int64(0)
	for _, g := range groups {
		rows += g.group.NumRows()
	}
	for rows>>b.bits > s.bucket && b.bits < 16 {
		b.bits++
	}
	for i := range b.groups {
		g := &b.groups[i]
		if g.from = []int64{0, g.group.NumRows()}; b.bits == 0 {
			continue
		}
		who, err := readPersons(g.file, g.group, whole(g.group))
		if err != nil {
			return b, err
		}
		g.from = g.from[:1]
		for k := 1; k <= 1<<b.bits; k++ {
			g.from = append(g.from, int64(sort.Search(len(who), func(i int) bool { return b.of(who[i]) >= k })))
		}
	}
	return b, nil
}

func (b personBuckets) count() int { return 1 << b.bits }

// of numbers the bucket of a person.
func (b personBuckets) of(p privacy.Pseudonym) int {
	return int(binary.BigEndian.Uint16(p[:]) >> (16 - b.bits))
}

// add bounds and counts bucket k.
func (b personBuckets) add(spec privacy.Spec, namespace string, key []byte, k int, c privacy.Cube) error {
	var who []privacy.Pseudonym
	codes := make([][]uint32, len(spec.Dimensions))
	for _, g := range b.groups {
		sp := span{g.from[k], g.from[k+1]}
		if sp.from == sp.to {
			continue
		}
		persons, counts, err := readCounting(g, sp)
		if err != nil {
			return err
		}
		for i, p := range persons {
			if counts[i] {
				who = append(who, p)
			}
		}
		for d, dim := range spec.Dimensions {
			col, err := column(g.file, g.group, "dim_"+dim.Name)
			if err != nil {
				return err
			}
			leaves, err := leafCodes(dim, col, sp)
			if err != nil {
				return err
			}
			for i, code := range leaves {
				if counts[i] {
					codes[d] = append(codes[d], code)
				}
			}
		}
	}
	return c.AddPersons(spec, namespace, key, who, codes)
}

// readCounting reads whose rows are, and which of them count: one that a
// correction made 0 does not.
func readCounting(g personRows, sp span) (who []privacy.Pseudonym, counts []bool, err error) {
	if who, err = readPersons(g.file, g.group, sp); err != nil {
		return nil, nil, err
	}
	col, err := column(g.file, g.group, "value")
	if err != nil {
		return nil, nil, err
	}
	n, err := readIntegers(col, sp)
	if err != nil {
		return nil, nil, err
	}
	counts = make([]bool, len(n))
	for i, v := range n {
		if v != 0 && v != 1 {
			return nil, nil, errors.New("a row of a person counts more than one")
		}
		counts[i] = v == 1
	}
	return who, counts, nil
}

func readPersons(f *parquet.File, rg parquet.RowGroup, sp span) ([]privacy.Pseudonym, error) {
	col, err := column(f, rg, personColumn)
	if err != nil {
		return nil, fmt.Errorf("%w: its rows were taken without person keys: pull the source again", ErrGone)
	}
	who := make([]privacy.Pseudonym, 0, sp.to-sp.from)
	err = eachPage(col, sp, func(pg parquet.Page) error {
		data := pg.Data()
		raw, size := data.FixedLenByteArray()
		if size != len(privacy.Pseudonym{}) {
			return errors.New("persons of a wrong length")
		}
		for ; len(raw) > 0; raw = raw[size:] {
			who = append(who, privacy.Pseudonym(raw[:size]))
		}
		return nil
	})
	if err == nil && !slices.IsSortedFunc(who, func(a, b privacy.Pseudonym) int { return bytes.Compare(a[:], b[:]) }) {
		err = errors.New("persons out of order")
	}
	return who, err
}

// An Excess is what is over the bound of persons in a period: exact, for the
// officer alone.
type Excess struct {
	Persons int64 `json:"persons"` // with more rows than are counted
	Rows    int64 `json:"rows"`    // that are not counted for it
	Most    int64 `json:"most"`    // rows of one person; very many are a sign that a text which stands for no key is taken for one
}

// Add adds what is over the bound in another period.
func (e *Excess) Add(o Excess) {
	e.Persons, e.Rows, e.Most = e.Persons+o.Persons, e.Rows+o.Rows, max(e.Most, o.Most)
}

// Excess finds what of some batches of a source is over the bound of a period.
// Other sources of the namespace may add to it: rows are bounded together.
func (s *Store) Excess(ctx context.Context, source string, p privacy.Period, batches []string, most int64) (e Excess, err error) {
	groups, release, err := s.personGroups(source, p, batches)
	defer release()
	if err != nil {
		return e, err
	}
	b, err := s.buckets(groups)
	for k := 0; err == nil && k < b.count(); k++ {
		if err = ctx.Err(); err == nil {
			err = b.excess(k, most, &e)
		}
	}
	if err != nil {
		return e, fmt.Errorf("staging: %s of %s: %w", p, source, err)
	}
	return e, nil
}

func (b personBuckets) excess(k int, most int64, e *Excess) error {
	rows := map[privacy.Pseudonym]int64{}
	for _, g := range b.groups {
		sp := span{g.from[k], g.from[k+1]}
		if sp.from == sp.to {
			continue
		}
		who, counts, err := readCounting(g, sp)
		if err != nil {
			return err
		}
		for i, p := range who {
			if counts[i] {
				rows[p]++
			}
		}
	}
	for n := range maps.Values(rows) {
		e.Most = max(e.Most, n)
		if n > most {
			e.Persons, e.Rows = e.Persons+1, e.Rows+n-most
		}
	}
	return nil
}

// personGroups opens the row groups of batches whose rows have persons. Those that
// were hashed under a key that is lost are refused.
func (s *Store) personGroups(source string, p privacy.Period, batches []string) (out []personRows, release func(), err error) {
	var open []rowsFile
	release = func() {
		for _, f := range open {
			f.close()
		}
	}
	described, err := s.Batches(source)
	if err != nil {
		return nil, release, err
	}
	for _, id := range batches {
		if i := slices.IndexFunc(described, func(b Batch) bool { return b.ID == id }); i >= 0 {
			if err := s.KnowsPersons(described[i : i+1]); err != nil {
				return nil, release, err
			}
		}
		f, err := s.openRows(source, p.String(), id)
		if err != nil {
			return nil, release, err
		}
		open = append(open, f)
		for _, rg := range f.RowGroups() {
			out = append(out, personRows{file: f.File, group: rg})
		}
	}
	return out, release, nil
}

// KnowsPersons fails where person keys of rows were hashed under another key than
// today's: nobody could be known again in rows beside them.
func (s *Store) KnowsPersons(batches []Batch) error {
	for _, b := range batches {
		if b.Persons != "" && b.Persons != s.hashedUnder() && b.Holds() {
			return fmt.Errorf("%w: batch %s of %s was hashed under it, and nobody in it could be known again in other rows. "+
				"Put the key of input digests back from a copy of the state folder. If it is gone for good, declare the source under another name and pull all of its files", ErrKeyLost, b.ID, b.Source)
		}
	}
	return nil
}

// personColumn is that of pseudonyms. No dimension has a name without dim_.
const personColumn = "person"

// inOrder puts the waiting rows into the order of their persons, those of one
// person as they came: so the rows of a bucket stand together in a row group.
func (pf *periodFile) inOrder() {
	order := make([]int, len(pf.who))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return bytes.Compare(pf.who[a][:], pf.who[b][:]) })
	pf.who, pf.value, pf.row, pf.status = permuted(pf.who, order), permuted(pf.value, order), permuted(pf.row, order), permuted(pf.status, order)
	if pf.set != nil {
		pf.keys = permuted(pf.keys, order)
	}
	for i := range pf.texts {
		pf.texts[i].index = permuted(pf.texts[i].index, order)
	}
}

// errSomeOwned is ours: a mapping has a person key or none.
var errSomeOwned = errors.New("staging: some rows have persons and some have none")

func hasPersons(f *parquet.File) bool {
	return slices.ContainsFunc(f.Schema().Columns(), func(p []string) bool { return p[0] == personColumn })
}

func permuted[T any](v []T, order []int) []T {
	out := make([]T, len(v))
	for i, from := range order {
		out[i] = v[from]
	}
	return out
}

// pseudonyms are the values of the column of persons.
func pseudonyms(vals []parquet.Value, who []privacy.Pseudonym, column int) {
	for i := range who {
		vals[i] = parquet.FixedLenByteArrayValue(who[i][:]).Level(0, 0, column)
	}
}
