package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// What is planted. Every text begins alike, so that one look finds them all; the
// beginning is so long that no key or digest holds it by chance.
const (
	leakMark       = "zqxleak"
	leakUnmapped   = "Zqxleakunmapped"   // of a quarantined row
	leakPerson     = "Zqxleakname Jane"  // in a column that nobody maps
	leakNotes      = "zqxleaknotes"      // the name of that column
	leakCredential = "Zqxleaksecret+77=" // sent to the web source
	leakFolder     = "zqxleakagency"     // folder of the agencies' files
	leakQuery      = "zqxleakquery"      // in the URL of the web source
)

// Labels of the data that the configuration has to name. Only the officer's source
// report may say one: that no row has it.
const (
	leakCodeMark  = "zqxcode"
	leakRareLabel = "Zqxcoderare"   // of one row; a synonym in the code list
	leakInline    = "Zqxcodeinline" // under `codes` in halftone.yaml
	leakTabled    = "Zqxcodetabled" // in a label table
)

// Exact counts of rows, for the planner; for Laplace without their last four
// digits. Every cell is a sum of two rows or of none, and far from every row,
// beyond any noise here: that a row's count stands in what is published is never
// chance. Both periods add up to nearly the same, since a report takes its time
// over changes that are large against the noise.
const (
	leakFirst   = 98765432109
	leakSecond  = 12345678901
	leakThird   = 10203040506 // by the web source, with the first
	leakFifth   = 23232323232 // by the web source, with the second
	leakFourth  = 45678901234 // of the other period
	leakSixth   = 63289571381 // by the web source, with the fourth
	leakSeventh = 19191919191
	leakEighth  = 16386082942 // by the web source, with the seventh
	leakHidden  = 32109876543 // of the quarantined row
)

// leakCanaries are what a world looks for.
type leakCanaries struct {
	scale int64 // the counts are divided by it
	rows  []leakForm
	// Exact cells and totals. Nothing says one, but for chance: a published figure
	// is a sum plus noise, which may be 0. So published figures are held against
	// them for the planner only, whose noise has a standard deviation above 5·10^7
	// here: 300 figures, of which a hundred are near a sum, hit one less than once
	// in 10^6 runs. For Laplace [leakComplementary] sees that there is noise at all.
	sums []leakForm
}

func newLeakCanaries(mechanism string) leakCanaries {
	c := leakCanaries{scale: 1}
	if mechanism == "laplace" {
		c.scale = 10_000
	}
	n := c.count
	c.rows = append(leakTextForms(), c.forms(n(leakFirst), n(leakSecond), n(leakThird), n(leakFourth), n(leakFifth), n(leakSixth), n(leakSeventh), n(leakEighth), n(leakHidden))...)
	north, south := n(leakFirst)+n(leakThird), n(leakSecond)+n(leakFifth)
	later, laterSouth := n(leakFourth)+n(leakSixth), n(leakSeventh)+n(leakEighth)
	c.sums = c.forms(north, south, north+south, later, laterSouth, later+laterSouth, later+n(leakHidden), later+laterSouth+n(leakHidden))
	return c
}

func (c leakCanaries) count(n int64) int64 { return n / c.scale }

// A leakForm is one way in which something planted may stand in bytes.
type leakForm struct {
	of    string
	bytes []byte
	alone bool // no letter or digit of a longer number or digest stands beside it
}

func leakTextForms() []leakForm {
	forms := []leakForm{{"a planted text", []byte(leakMark), false}, {"a label", []byte(leakCodeMark), false}}
	for _, text := range []string{leakRareLabel, leakUnmapped, leakPerson, leakCredential} {
		forms = append(forms, leakForm{text + " in hexadecimal", []byte(hex.EncodeToString([]byte(text))), false})
		for lead := range 3 { // base64 depends on where a text begins
			b := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(" ", lead) + text))
			forms = append(forms, leakForm{text + " in base64", bytes.ToLower([]byte(b[4 : len(b)-4])), false})
		}
		var wide []byte
		for _, c := range strings.ToLower(text) {
			wide = append(wide, byte(c), 0)
		}
		forms = append(forms, leakForm{text + " in UTF-16", wide, false})
	}
	return forms
}

// forms are how people, JSON, SQLite and Parquet write numbers. Those of few
// bytes are left out for small numbers, which random bytes would hold by chance.
func (c leakCanaries) forms(exact ...int64) (forms []leakForm) {
	for _, n := range exact {
		plain := strconv.FormatInt(n, 10)
		add := func(how string, b []byte, alone bool) {
			forms = append(forms, leakForm{"exact count " + plain + " " + how, leakLower(b), alone})
		}
		add("in digits", []byte(plain), true)
		for _, sep := range []string{",", ".", " ", "'", "_", "\u00a0", "\u202f", "\u2009", "&#8239;", "&nbsp;"} {
			g := len(plain)
			add("grouped", []byte(plain[:g-6]+sep+plain[g-6:g-3]+sep+plain[g-3:]), false)
			if g > 9 {
				add("grouped", []byte(plain[:g-9]+sep+plain[g-9:g-6]+sep+plain[g-6:g-3]+sep+plain[g-3:]), false)
			}
		}
		add("with an exponent", []byte(strconv.FormatFloat(float64(n), 'e', -1, 64)), true)
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			add("as an integer", order.AppendUint64(nil, uint64(n)), false)
			add("as a float", order.AppendUint64(nil, math.Float64bits(float64(n))), false)
		}
		if c.scale == 1 {
			add("in hexadecimal", []byte(strconv.FormatInt(n, 16)), true)
			add("as an integer of SQLite", binary.BigEndian.AppendUint64(nil, uint64(n))[2:], false)
			add("as a varint", binary.AppendUvarint(nil, uint64(n)), false)
			add("as a zigzag varint", binary.AppendVarint(nil, n), false)
		}
	}
	return forms
}

// in names what planted things stand in b, whatever their case; with sums also
// exact sums.
func (c leakCanaries) in(b []byte, sums bool) (found []string) {
	low := leakLower(b)
	look := func(forms []leakForm) {
		for _, f := range forms {
			if f.stands(low) {
				found = append(found, f.of)
			}
		}
	}
	if look(c.rows); sums {
		look(c.sums)
	}
	return found
}

func (f leakForm) stands(low []byte) bool {
	for at := 0; ; at++ {
		i := bytes.Index(low[at:], f.bytes)
		if i < 0 {
			return false
		}
		at += i
		end := at + len(f.bytes)
		if !f.alone || (at == 0 || !leakDigit(low[at-1]) && low[at-1] != '.') && (end == len(low) || !leakDigit(low[end])) {
			return true
		}
	}
}

// leakDigit: hexadecimal, of lower case.
func leakDigit(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' }

// leakLower lowers ASCII letters and leaves every other byte: the bytes are no text.
func leakLower(b []byte) []byte {
	out := bytes.Clone(b)
	for i, c := range out {
		if 'A' <= c && c <= 'Z' {
			out[i] = c + 'a' - 'A'
		}
	}
	return out
}

// noLeak looks into what has no published figure in it.
func (w *leakWorld) noLeak(t *testing.T, where string, b []byte) {
	t.Helper()
	for _, l := range w.canaries.in(b, true) {
		t.Errorf("%s, %s: %s", w.mechanism, where, l)
	}
}

// leakFiles reads all regular files below a folder, by their paths in it.
func leakFiles(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a server that is at work removes files meanwhile
		}
		if err != nil || !e.Type().IsRegular() { // links lead to what is read anyway
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		files[rel] = b
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// noLeakFiles looks into names and bytes of files, and into the columns, the
// dictionaries and the footer of Parquet files, whose pages are compressed. noised
// says whether a file has published figures, for which the mechanism decides.
func (w *leakWorld) noLeakFiles(t *testing.T, where string, files map[string][]byte, noised func(name string) bool) {
	t.Helper()
	for name, b := range files {
		w.noLeak(t, where+": the name "+name, []byte(name))
		scan := func(where string, b []byte) {
			for _, l := range w.canaries.in(b, w.mechanism == "planner" || !noised(name)) {
				t.Errorf("%s, %s: %s: %s", w.mechanism, where, name, l)
			}
		}
		scan(where, b)
		if bytes.HasPrefix(b, []byte("PAR1")) {
			for _, c := range readLeakColumns(t, name, b) {
				for _, v := range slices.Concat(c.rows, c.dictionary) {
					scan(where+", column "+c.name, leakPlain(v))
				}
			}
		}
	}
}

// leakPlain is how a value of Parquet is scanned.
func leakPlain(v parquet.Value) []byte {
	return append([]byte(v.String()+"\n"), v.Bytes()...)
}

// A leakColumn is all that a Parquet file says of one column of a row group.
type leakColumn struct {
	name       string
	rows       []parquet.Value
	dictionary []parquet.Value // of every page, in turn
	chunk      leakChunk
	low, high  [][]byte // of the column index
	nullCounts []int64
}

// leakChunk is what the footer says of the chunk.
type leakChunk struct {
	min, max, minValue, maxValue []byte
	nulls, distinct              int64
	bloom                        bool
	pairs                        int
}

func readLeakColumns(t *testing.T, name string, b []byte) (out []leakColumn) {
	t.Helper()
	f := openLeakParquet(t, name, b)
	indexes := f.ColumnIndexes()
	for g, group := range f.RowGroups() {
		chunks := group.ColumnChunks()
		for i, chunk := range chunks {
			meta := f.Metadata().RowGroups[g].Columns[i].MetaData
			c := leakColumn{name: meta.PathInSchema[0]}
			s := meta.Statistics
			c.chunk = leakChunk{s.Min, s.Max, s.MinValue, s.MaxValue, s.NullCount, s.DistinctCount, meta.BloomFilterOffset != 0, len(meta.KeyValueMetadata)}
			if at := g*len(chunks) + i; at < len(indexes) {
				for p := range indexes[at].MinValues {
					c.low = append(c.low, indexes[at].MinValues[p])
					c.high = append(c.high, indexes[at].MaxValues[p])
				}
				c.nullCounts = indexes[at].NullCounts
			}
			readLeakPages(t, name, chunk, &c)
			out = append(out, c)
		}
	}
	return out
}

func readLeakPages(t *testing.T, name string, chunk parquet.ColumnChunk, c *leakColumn) {
	t.Helper()
	pages := chunk.Pages()
	defer pages.Close()
	for {
		p, err := pages.ReadPage()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatalf("%s column %s: %v", name, c.name, err)
		}
		vals := make([]parquet.Value, p.NumValues())
		if _, err := p.Values().ReadValues(vals); err != nil && err != io.EOF {
			t.Fatalf("%s column %s: %v", name, c.name, err)
		}
		for _, v := range vals {
			c.rows = append(c.rows, v.Clone())
		}
		if d := p.Dictionary(); d != nil {
			for i := range d.Len() {
				c.dictionary = append(c.dictionary, d.Index(int32(i)).Clone())
			}
		}
	}
}

// strayDictionary names the entries of a column's dictionary that none of its rows has.
func strayDictionary(c leakColumn) (stray []string) {
	used := map[string]bool{}
	for _, v := range c.rows {
		used[string(v.Bytes())] = true
	}
	for _, v := range c.dictionary {
		if !used[string(v.Bytes())] {
			stray = append(stray, v.String())
		}
	}
	return stray
}

// strayStatistics says what the footer and the index of a column state that its
// published rows do not.
func strayStatistics(c leakColumn) (stray []string) {
	plain := map[string]bool{}
	var nulls int64
	for _, v := range c.rows {
		if v.IsNull() {
			nulls++
			continue
		}
		plain[string(v.Bytes())] = true
	}
	s := c.chunk
	bounds := slices.Concat([][]byte{s.min, s.max, s.minValue, s.maxValue}, c.low, c.high)
	for _, b := range bounds {
		if len(b) > 0 && !plain[string(b)] && !leakPrefix(plain, b) {
			stray = append(stray, "a bound that no row has: "+strconv.Quote(string(b)))
		}
	}
	var indexed int64
	for _, n := range c.nullCounts {
		indexed += n
	}
	if s.nulls != nulls || len(c.nullCounts) > 0 && indexed != nulls {
		stray = append(stray, "another number of empty cells")
	}
	if s.distinct != 0 && s.distinct != int64(len(plain)) {
		stray = append(stray, "another number of distinct values")
	}
	if s.bloom || s.pairs > 0 {
		stray = append(stray, "a filter or pairs of its own")
	}
	return stray
}

// leakPrefix: an index may cut a long text and, as an upper bound, raise its last byte.
func leakPrefix(plain map[string]bool, b []byte) bool {
	if len(b) < 16 { // nothing shorter is cut
		return false
	}
	raised := slices.Clone(b)
	raised[len(raised)-1]--
	for p := range plain {
		if strings.HasPrefix(p, string(b)) || strings.HasPrefix(p, string(raised)) {
			return true
		}
	}
	return false
}

func openLeakParquet(t *testing.T, name string, b []byte) *parquet.File {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return f
}
