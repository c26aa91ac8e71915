package privacy

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// records is tree with two sources of one namespace, and m as the bound.
func records(m int64) Spec {
	s := tree()
	s.Sources = []Source{{Name: "a", PerPeriod: m, Periods: 1, Sensitivity: 1, Namespace: "n"},
		{Name: "b", PerPeriod: m, Periods: 1, Sensitivity: 1, Namespace: "n"}}
	return s
}

// A record is a row of a person.
type record struct {
	who        byte
	place, sex uint32
}

func (r record) pseudonym() Pseudonym { return Pseudonym{0: r.who << 4, 15: r.who} } // some share their first bits

func drawRecords(t *rapid.T, persons byte) []record {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) record {
		return record{rapid.ByteRange(0, persons-1).Draw(t, "who"), rapid.Uint32Range(0, 7).Draw(t, "place"), rapid.Uint32Range(0, 2).Draw(t, "sex")}
	}), 0, 120).Draw(t, "records")
}

var hashKey = bytes.Repeat([]byte{7}, 32)

// A fataler is a test of either kind.
type fataler interface{ Fatal(...any) }

func of2026(t fataler) (p Period) {
	if err := p.UnmarshalText([]byte("2026")); err != nil {
		t.Fatal(err)
	}
	return p
}

// cubeOf counts records, the persons of each shard in a call of their own.
func cubeOf(t fataler, s Spec, rows []record, shards int, shard func(byte) int) Cube {
	total, err := NewCube(s, of2026(t))
	if err != nil {
		t.Fatal(err)
	}
	for k := range shards {
		c, err := NewCube(s, of2026(t))
		if err != nil {
			t.Fatal(err)
		}
		var who []Pseudonym
		codes := make([][]uint32, 2)
		for _, r := range rows {
			if shard(r.who) == k {
				who, codes[0], codes[1] = append(who, r.pseudonym()), append(codes[0], r.place), append(codes[1], r.sex)
			}
		}
		if err := c.AddPersons(s, "n", hashKey, who, codes); err != nil {
			t.Fatal(err)
		}
		if err := total.Merge(c); err != nil {
			t.Fatal(err)
		}
	}
	return total
}

func cells(t fataler, s Spec, c Cube) []int64 {
	n, err := c.exact().table(s.Dimensions, []int{2, 1})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func together(byte) int { return 0 }

// The oracle says it another way: a map of people, to each the texts of what is
// hashed, of which the first m in the order of their hashes count.
func oracle(s Spec, rows []record, m int) []int64 {
	hashed := map[byte]map[string]record{}
	copies := map[record]uint64{}
	for _, r := range rows {
		text := new(strings.Builder)
		who := r.pseudonym()
		text.Write(who[:])
		for _, part := range []string{"2026", s.Dimensions[0].Levels[2].Codes[r.place], s.Dimensions[1].Levels[1].Codes[r.sex]} {
			_ = binary.Write(text, binary.LittleEndian, int32(len(part)))
			text.WriteString(part)
		}
		_ = binary.Write(text, binary.LittleEndian, copies[r])
		copies[r]++
		mac := hmac.New(sha256.New, hashKey)
		mac.Write([]byte(text.String()))
		if hashed[r.who] == nil {
			hashed[r.who] = map[string]record{}
		}
		hashed[r.who][fmt.Sprintf("%x", mac.Sum(nil))] = r
	}
	out := make([]int64, 8*3)
	for _, of := range hashed {
		var ranks []string
		for rank := range of {
			ranks = append(ranks, rank)
		}
		sort.Strings(ranks)
		for _, rank := range ranks[:min(m, len(ranks))] {
			out[of[rank].place*3+of[rank].sex]++
		}
	}
	return out
}

// Whatever the order and however people are dealt to shards, the same rows count,
// and they are those of the oracle.
func TestPersonsAreBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.IntRange(1, 5).Draw(t, "m")
		s, rows := records(int64(m)), drawRecords(t, 9)
		want := oracle(s, rows, m)
		if got := cells(t, s, cubeOf(t, s, rows, 1, together)); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		shards := rapid.IntRange(1, 5).Draw(t, "shards")
		dealt := rapid.SliceOfN(rapid.IntRange(0, shards-1), 9, 9).Draw(t, "dealt")
		rows = rapid.Permutation(rows).Draw(t, "order")
		if got := cells(t, s, cubeOf(t, s, rows, shards, func(who byte) int { return dealt[who] })); !slices.Equal(got, want) {
			t.Fatalf("dealt to %d shards in another order: %v, want %v", shards, got, want)
		}
	})
}

// With and without all rows of one person, and with other rows of theirs, the cubes
// differ by at most the M that noise is made for, and nobody else's rows are among
// the difference: without, no cell is larger.
func TestNeighboursDifferByTheBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.Int64Range(1, 4).Draw(t, "m")
		s, rows := records(m), drawRecords(t, 6)
		if M := s.Bound().PerPeriod; M != m {
			t.Fatalf("M is %d, want %d: both sources are bounded together", M, m)
		}
		one := rapid.ByteRange(0, 5).Draw(t, "one")
		var others []record
		n := int64(0)
		for _, r := range rows {
			if r.who != one {
				others = append(others, r)
			} else {
				n++
			}
		}
		with, without := cells(t, s, cubeOf(t, s, rows, 1, together)), cells(t, s, cubeOf(t, s, others, 1, together))
		moved := int64(0)
		for i := range with {
			if with[i] < without[i] {
				t.Fatalf("cell %d is larger without the person", i)
			}
			moved += with[i] - without[i]
		}
		if moved != min(n, m) {
			t.Fatalf("%d rows of one person move the cube by %d, bound %d", n, moved, m)
		}
	})
}

// A person who does not pass the bound is counted whole, which needs no ranks; one
// who does is counted in a cell as often as it has rows there: over 2,000 fixed
// keys, so that there is no chance in it, a cell of 3 of 4 rows has between 72 and
// 78 % (three standard deviations).
func TestRankIsFair(t *testing.T) {
	s := records(1)
	who := []Pseudonym{{1}, {1}, {1}, {1}}
	codes := [][]uint32{{0, 0, 7, 0}, {0, 0, 2, 0}}
	first := 0
	for i := range 2000 {
		key := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(i)))
		c, err := NewCube(s, of2026(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddPersons(s, "n", key[:], who, codes); err != nil {
			t.Fatal(err)
		}
		first += int(cells(t, s, c)[0])
	}
	if first < 1440 || first > 1560 {
		t.Errorf("a cell of 3 of 4 rows is counted in %d of 2000", first)
	}
}

// Another period is another choice: else the one row that is counted would be the
// same, wherever a person is seen.
func TestRankIsOfThePeriod(t *testing.T) {
	s := records(1)
	var who []Pseudonym
	codes := make([][]uint32, 2)
	for i := range 200 {
		for place := range uint32(8) {
			who, codes[0], codes[1] = append(who, Pseudonym{byte(i), 1}), append(codes[0], place), append(codes[1], 0)
		}
	}
	var of [][]int64
	for _, y := range []int{2025, 2026} {
		c, err := NewCube(s, year(t, y))
		if err == nil {
			err = c.AddPersons(s, "n", hashKey, who, codes)
		}
		if err != nil {
			t.Fatal(err)
		}
		of = append(of, cells(t, s, c))
	}
	if slices.Equal(of[0], of[1]) {
		t.Error("two periods count the same rows of everybody")
	}
}

func TestAddPersonsRefuses(t *testing.T) {
	s := records(1)
	add := func(s Spec, namespace string, key []byte, who int, places, sexes []uint32) error {
		c, err := NewCube(records(1), year(t, 2026))
		if err != nil {
			t.Fatal(err)
		}
		return c.AddPersons(s, namespace, key, make([]Pseudonym, who), [][]uint32{places, sexes})
	}
	for name, err := range map[string]error{
		"zero cube":          Cube{}.AddPersons(s, "n", hashKey, nil, [][]uint32{nil, nil}),
		"another spec":       add(records(2), "n", hashKey, 0, nil, nil),
		"no namespace":       add(s, "", hashKey, 0, nil, nil),
		"another namespace":  add(s, "o", hashKey, 0, nil, nil),
		"short key":          add(s, "n", hashKey[:16], 0, nil, nil),
		"ragged":             add(s, "n", hashKey, 2, []uint32{1}, []uint32{1, 1}),
		"code outside":       add(s, "n", hashKey, 1, []uint32{8}, []uint32{0}),
		"code outside, many": add(s, "n", hashKey, 2, []uint32{8, 0}, []uint32{0, 0}),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := add(s, "n", hashKey, 0, nil, nil); err != nil {
		t.Errorf("no rows: %v", err)
	}
}

// Sources of one namespace are one for M, and each by itself for P.
func TestBoundOfNamespaces(t *testing.T) {
	source := func(m, p int64, namespace string) Source {
		return Source{Name: fmt.Sprint(m, p, namespace), PerPeriod: m, Periods: p, Sensitivity: 1, Namespace: namespace}
	}
	for _, tt := range []struct {
		name    string
		sources []Source
		overlap int
		want    Bound
	}{
		{"stated", []Source{source(2, 1, ""), source(2, 3, "")}, 0, Bound{4, 4}},
		{"one namespace", []Source{source(2, 1, "n"), source(2, 3, "n")}, 0, Bound{2, 4}},
		{"two", []Source{source(2, 1, "n"), source(2, 3, "o")}, 0, Bound{4, 4}},
		{"beside a stated one", []Source{source(2, 1, "n"), source(2, 3, "n"), source(5, 1, "")}, 0, Bound{7, 5}},
		{"overlap", []Source{source(2, 1, "n"), source(2, 3, "n"), source(5, 1, ""), source(1, 1, "")}, 2, Bound{7, 4}},
		{"overlap over all", []Source{source(2, 1, "n"), source(2, 3, "n")}, 2, Bound{2, 4}},
	} {
		s := tree()
		s.Sources, s.Overlap = tt.sources, tt.overlap
		if err := s.Check(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if got := s.Bound(); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
	for name, spoil := range map[string]func(*Spec){
		"two bounds":  func(s *Spec) { s.Sources[1].PerPeriod = 3 },
		"sensitivity": func(s *Spec) { s.Sources[1].Sensitivity = 2 },
		"a promise":   func(s *Spec) { s.Sources[1].NoGuarantee = true },
	} {
		s := records(2)
		if spoil(&s); s.Check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// BenchmarkAddPersons counts 2^19 rows, as many as a bucket has, of people who all
// pass the bound: the dearest there is.
func BenchmarkAddPersons(b *testing.B) {
	s := records(2)
	n := 1 << 19
	who, codes := make([]Pseudonym, n), [][]uint32{make([]uint32, n), make([]uint32, n)}
	for i := range who {
		h := sha256.Sum256(binary.LittleEndian.AppendUint32(nil, uint32(i/3)))
		who[i], codes[0][i], codes[1][i] = Pseudonym(h[:16]), uint32(i%8), uint32(i%3)
	}
	for b.Loop() {
		c, err := NewCube(s, year(b, 2026))
		if err == nil {
			err = c.AddPersons(s, "n", hashKey, who, codes)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
