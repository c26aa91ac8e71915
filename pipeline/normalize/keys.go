package normalize

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// A rowKey tells rows apart: the codes and the period packed into 128 bits, or
// half a SHA-256 of what identifies the row. The texts themselves are not kept.
type rowKey [16]byte

// keys finds rows with the same key.
type keys struct {
	mode    string    // error, sum, max or same
	columns []*folded // texts that identify a row; nil: codes and period
	widths  []int     // bits of a code of each dimension; nil: they do not fit
	scratch []byte
	seen    map[rowKey]int // key → number of the first row
	places  []spot         // of the first rows
}

// A spot is a Place by number of file.
type spot struct {
	file uint32
	row  int64
}

// periodBits leaves room for more periods than there are months in 9999 years.
const periodBits = 17

func newKeys(mode string, columns []*folded, leaves []int) *keys {
	k := &keys{mode: mode, columns: columns, seen: map[rowKey]int{}}
	sum := periodBits
	for _, n := range leaves {
		w := bits.Len(uint(n))
		k.widths, sum = append(k.widths, w), sum+w
	}
	if sum > 128 {
		k.widths = nil
	}
	return k
}

// key gives the key of row i of the page, whose period and codes are known.
func (k *keys) key(i int, period uint32, codes []uint32) (r rowKey) {
	if k.columns == nil && (k.widths != nil || len(codes) == 0) {
		hi, lo := uint64(0), uint64(period)
		for d, c := range codes {
			w := k.widths[d]
			hi, lo = hi<<w|lo>>(64-w), lo<<w|uint64(c)
		}
		binary.LittleEndian.PutUint64(r[:8], hi)
		binary.LittleEndian.PutUint64(r[8:], lo)
		return r
	}
	b := k.scratch[:0]
	if k.columns == nil {
		b = binary.LittleEndian.AppendUint32(b, period)
		for _, c := range codes {
			b = binary.LittleEndian.AppendUint32(b, c)
		}
	}
	for _, c := range k.columns {
		b = appendText(b, c.of[c.col.index[i]])
	}
	k.scratch = b
	h := sha256.Sum256(b)
	copy(r[:], h[:])
	return r
}

// ofTexts gives the key of a row of which the columns have these folded texts.
func (k *keys) ofTexts(texts []string) rowKey {
	var b []byte
	for _, text := range texts {
		b = appendText(b, text)
	}
	h := sha256.Sum256(b)
	return rowKey(h[:16])
}

// appendText adds a text so that no two lists of texts give the same bytes.
func appendText(b []byte, text string) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(len(text)))
	return append(b, text...)
}

// first gives the number of the first row with this key, and whether it was
// there before. Numbers go up by one from 0.
func (k *keys) first(key rowKey, at spot) (number int, before bool) {
	if number, before = k.seen[key]; !before {
		number = len(k.places)
		k.seen[key], k.places = number, append(k.places, at)
	}
	return number, before
}

// merge puts a value to that of the first row with its key. problem is empty,
// or why that cannot be done.
func (k *keys) merge(have, v int64) (sum int64, problem problemKind) {
	switch k.mode {
	case duplicatesSum:
		if sum = have + v; sum > maxCount || sum < -maxCount { // both are within: no overflow
			return 0, hugeSums
		}
		return sum, noProblem
	case duplicatesMax:
		return max(have, v), noProblem
	}
	if have != v {
		return 0, unequal
	}
	return have, noProblem
}

// mergeStatus gives the status of what merge makes of two values.
func (k *keys) mergeStatus(have int64, s Status, v int64, t Status) Status {
	switch {
	case k.mode == duplicatesMax && have > v:
		return s
	case k.mode == duplicatesMax && v > have:
		return t
	}
	return s.with(t)
}

// A folded column of a key.
type folded struct {
	col *column
	of  []string // by label
}

var _ decider = (*folded)(nil)

func (f *folded) decide(l label) { f.of = append(f.of, l.folded) }
func (f *folded) forget()        { f.of = f.of[:0] }
