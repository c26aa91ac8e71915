package privacy

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"slices"
)

// A Pseudonym stands for a person: 16 bytes of a keyed hash of a person's key. It means
// nothing without the hash key, which is destroyed with the staged rows, and is
// of no public place.
type Pseudonym [16]byte

// AddPersons adds one to the cell of every row, but of each person at most m
// rows, the PerPeriod of the sources of the namespace: those of least
// HMAC-SHA-256(key, person, period, cell, copy), where copy numbers the rows that
// a person has in one cell. Which rows stay depends on this person's rows and the
// key only: not on their order, on the shard, or on anybody else. So with and
// without one person the cube differs by at most m, in L1 (PROOF.md). codes are
// leaf codes by dimension, as in [Cube.Add]; on an error the cube is spoilt.
//
// The caller guarantees that all rows of a person in the period are in one call,
// over all sources of the namespace; that key is secret, the same for the
// namespace in all calls and editions, and not the one that made the pseudonyms.
func (c Cube) AddPersons(s Spec, namespace string, key []byte, who []Pseudonym, codes [][]uint32) error {
	st := c.exact()
	if st == nil || st.digest != s.Digest() || len(codes) != len(s.Dimensions) {
		return errors.New("privacy: rows and cube are of different specs, or there is no cube")
	}
	m, ok := s.enforced(namespace)
	if !ok || len(key) < sha256.Size {
		return errors.New("privacy: no source has this namespace, or the key is too short")
	}
	for d := range codes {
		if len(codes[d]) != len(who) {
			return errors.New("privacy: columns of different length")
		}
	}
	r := ranking{who: who, codes: codes, mac: hmac.New(sha256.New, key), period: st.period.String()}
	for _, d := range s.Dimensions {
		r.leaves = append(r.leaves, d.Leaf().Codes)
	}
	kept, err := r.keep(m)
	if err != nil {
		return err
	}
	out, ones := make([][]uint32, len(codes)), make([]int64, len(kept))
	for d := range codes {
		out[d] = make([]uint32, len(kept))
		for i, row := range kept {
			out[d][i] = codes[d][row]
		}
	}
	for i := range ones {
		ones[i] = 1
	}
	return c.Add(out, ones)
}

// enforced is the m of a namespace, whose sources all have the same.
func (s Spec) enforced(namespace string) (m int64, ok bool) {
	for _, src := range s.Sources {
		if namespace != "" && src.Namespace == namespace {
			return src.PerPeriod, true
		}
	}
	return 0, false
}

// checkNamespaces: rows that are bounded are records, of which each is one person
// once; and there is one bound for all rows of a person. Of those all have the
// promise or none: without the rows that have it, as many of the others would be
// counted in their place, and a person would change twice the bound.
func (s Spec) checkNamespaces() error {
	for _, src := range s.Sources {
		if src.Namespace == "" {
			continue
		}
		for _, o := range s.Sources {
			if o.Namespace == src.Namespace && o.NoGuarantee != src.NoGuarantee {
				return fmt.Errorf("privacy: source %s: of one namespace are sources with a guarantee and without one", src.Name)
			}
		}
		if m, _ := s.enforced(src.Namespace); src.Sensitivity != 1 || m != src.PerPeriod {
			return fmt.Errorf("privacy: source %s: rows of persons count one each, and are bounded alike in all sources of a namespace", src.Name)
		}
	}
	return nil
}

// A ranking chooses which rows of each person stay.
type ranking struct {
	who    []Pseudonym
	codes  [][]uint32
	leaves [][]string // leaf codes by dimension
	mac    hash.Hash
	period string
	text   []byte
}

// keep gives the numbers of the rows that stay: at most m a person.
func (r *ranking) keep(m int64) ([]int, error) {
	order := make([]int, len(r.who))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return bytes.Compare(r.who[a][:], r.who[b][:]) })
	kept := order[:0]
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && r.who[order[to]] == r.who[order[from]] {
			to++
		}
		rows := order[from:to]
		if int64(len(rows)) > m {
			var err error
			if rows, err = r.least(rows, m); err != nil {
				return nil, err
			}
		}
		kept = append(kept, rows...) // never past what was read
		from = to
	}
	return kept, nil
}

// least gives, of a person's rows, the m of least rank. It sorts rows.
func (r *ranking) least(rows []int, m int64) ([]int, error) {
	slices.SortFunc(rows, r.byCell)
	type ranked struct {
		rank [sha256.Size]byte
		row  int
	}
	all := make([]ranked, len(rows))
	var copies uint64
	for i, row := range rows {
		if copies++; i == 0 || r.byCell(rows[i-1], row) != 0 {
			copies = 0
		}
		rank, err := r.rank(row, copies)
		if err != nil {
			return nil, err
		}
		all[i] = ranked{rank, row}
	}
	slices.SortStableFunc(all, func(a, b ranked) int { return bytes.Compare(a.rank[:], b.rank[:]) })
	for i := range m {
		rows[i] = all[i].row
	}
	return rows[:m], nil
}

func (r *ranking) byCell(a, b int) int {
	for _, column := range r.codes {
		if c := cmp.Compare(column[a], column[b]); c != 0 {
			return c
		}
	}
	return 0
}

// rank hashes what tells a row of a person from the others. Codes go in as text,
// so that a code that is added to a list changes no rank.
func (r *ranking) rank(row int, copies uint64) (rank [sha256.Size]byte, err error) {
	b := append(r.text[:0], r.who[row][:]...)
	add := func(text string) {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(text)))
		b = append(b, text...)
	}
	add(r.period)
	for d, column := range r.codes {
		if int(column[row]) >= len(r.leaves[d]) {
			return rank, fmt.Errorf("privacy: a code is outside dimension %d", d)
		}
		add(r.leaves[d][column[row]])
	}
	b = binary.LittleEndian.AppendUint64(b, copies)
	r.text = b
	r.mac.Reset()
	r.mac.Write(b)
	r.mac.Sum(rank[:0])
	return rank, nil
}
