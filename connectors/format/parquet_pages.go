package format

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math/bits"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"halftone/connectors"
)

// A columnReader gives the values of one column of one row group.
type columnReader struct {
	p     *parquet
	leaf  leaf
	chunk chunk // from moves on
	left  int64 // values that were not in a page yet
	name  string

	raw, data  []byte // of the current page
	dictionary *textTable
	inPage     int64
	levels     *hybrid // nil: all values are there
	values     values
	texts      bool // values are texts already
	scratch    []byte
}

// read puts n values, the first of which is in the row, into column i, and notes in
// some which of these rows have text.
func (c *columnReader) read(t *table, i int, row int64, n int, some []bool) error {
	for k := range int64(n) {
		v, err := c.next()
		if err != nil {
			return err
		}
		if len(v) > c.p.in.Limits.Field {
			return c.p.in.tooLong(row+k, c.name)
		}
		some[k] = some[k] || hasText(v)
		t.value(i, v)
	}
	return nil
}

// next gives the next value, of this page or of one that follows.
func (c *columnReader) next() ([]byte, error) {
	for c.inPage == 0 {
		if err := c.nextPage(); err != nil {
			return nil, err
		}
	}
	c.inPage--
	return c.value()
}

// value gives the next value as text; null is empty text.
func (c *columnReader) value() ([]byte, error) {
	if c.levels != nil {
		level, ok := c.levels.next()
		if !ok || level > uint32(c.leaf.levels) {
			return nil, c.p.damaged()
		}
		if level < uint32(c.leaf.levels) {
			return nil, nil
		}
	}
	v, ok := c.values.next()
	if !ok {
		return nil, c.p.damaged()
	}
	if c.texts || c.leaf.physical == pqBytes && c.leaf.logical.kind != aDecimal {
		return v, nil
	}
	if c.leaf.logical.kind == aDecimal && len(v) > 64 { // 150 digits and more
		return nil, c.p.damaged()
	}
	c.scratch = c.leaf.appendText(c.scratch[:0], v)
	return c.scratch, nil
}

// finish checks that nothing is left.
func (c *columnReader) finish() error {
	if c.inPage != 0 || c.left != 0 {
		return c.p.damaged()
	}
	return nil
}

// A pageHeader is what stands before the bytes of a page.
type pageHeader struct {
	kind, unpacked, packed, crc  int64
	count, encoding, levelCoding int64
	levelBytes, repeatBytes      int64 // of the second kind of data pages
	plain, checked               bool
}

// Kinds of pages.
const (
	pageData       = 0
	pageIndex      = 1
	pageDictionary = 2
	pageDataV2     = 3
)

// nextPage reads a page of data, and a dictionary that stands before it.
func (c *columnReader) nextPage() error {
	for {
		h, err := c.header()
		if err != nil {
			return err
		}
		if err := c.load(h); err != nil {
			return err
		}
		switch h.kind {
		case pageIndex:
		case pageDictionary:
			if err := c.readDictionary(h); err != nil {
				return err
			}
		case pageData, pageDataV2:
			if h.count < 0 || h.count > c.left {
				return c.p.damaged()
			}
			c.left, c.inPage = c.left-h.count, h.count
			return c.open(h)
		default:
			return c.p.damaged()
		}
	}
}

// header reads the header at c.chunk.from.
func (c *columnReader) header() (pageHeader, error) {
	for size := int64(1 << 10); ; size *= 16 { // statistics may be long
		n := min(size, c.chunk.to-c.chunk.from)
		if n <= 0 {
			return pageHeader{}, c.p.damaged()
		}
		c.raw = grow(c.raw, n)
		if err := c.p.readAt(c.raw, c.chunk.from); err != nil {
			return pageHeader{}, err
		}
		t := &thrift{b: c.raw}
		h := readPageHeader(t)
		switch {
		case !t.bad:
			c.chunk.from += n - int64(len(t.b))
			return h, nil
		case n < size || size >= 1<<22:
			return pageHeader{}, c.p.damaged()
		}
	}
}

func readPageHeader(t *thrift) pageHeader {
	h := pageHeader{kind: -1, encoding: -1, levelCoding: encRLE}
	t.fields(func(id int64, kind byte) bool {
		switch {
		case id == 1:
			h.kind = t.int()
		case id == 2:
			h.unpacked = t.int()
		case id == 3:
			h.packed = t.int()
		case id == 4:
			h.crc, h.checked = t.int(), true
		case kind == thriftStruct && (id == 5 || id == 7 || id == 8):
			t.fields(func(field int64, kind byte) bool {
				switch {
				case field == 1:
					h.count = t.int()
				case id != 8 && field == 2, id == 8 && field == 4:
					h.encoding = t.int()
				case id == 5 && field == 3:
					h.levelCoding = t.int()
				case id == 8 && field == 5:
					h.levelBytes = t.int()
				case id == 8 && field == 6:
					h.repeatBytes = t.int()
				case id == 8 && field == 7:
					h.plain = kind == thriftFalse
					return false
				default:
					return false
				}
				return true
			})
		default:
			return false
		}
		return true
	})
	return h
}

// grow gives n bytes, of b where it has room.
func grow(b []byte, n int64) []byte {
	if int64(cap(b)) < n {
		return make([]byte, n)
	}
	return b[:n]
}

// load reads and unpacks the bytes of a page into c.data.
func (c *columnReader) load(h pageHeader) error {
	limits := c.p.in.Limits
	switch {
	case h.packed < 0 || h.unpacked < 0 || h.packed > c.chunk.to-c.chunk.from:
		return c.p.damaged()
	case h.packed > limits.Body || h.unpacked > limits.Body || h.unpacked > max(1<<20, limits.Ratio*h.packed):
		return &connectors.SourceError{Reason: connectors.Limit, File: c.p.in.Name, What: "a page of the Parquet file unpacks to more than the limit", Do: "have it written with smaller pages"}
	}
	c.raw = grow(c.raw, h.packed)
	if err := c.p.readAt(c.raw, c.chunk.from); err != nil {
		return err
	}
	c.chunk.from += h.packed
	if h.checked && uint32(h.crc) != crc32.ChecksumIEEE(c.raw) {
		return c.p.damaged()
	}
	levels := int64(0) // the levels of the second kind of data pages are not packed
	if h.kind == pageDataV2 {
		if h.levelBytes < 0 || h.repeatBytes < 0 || h.levelBytes > h.packed || h.repeatBytes > h.packed-h.levelBytes || h.levelBytes+h.repeatBytes > h.unpacked {
			return c.p.damaged()
		}
		levels = h.levelBytes + h.repeatBytes
	}
	if c.chunk.codec == 0 || h.plain {
		if h.unpacked != h.packed {
			return c.p.damaged()
		}
		c.data = append(c.data[:0], c.raw...)
		return nil
	}
	c.data = grow(c.data, h.unpacked)
	copy(c.data, c.raw[:levels])
	n, known := unpack(c.chunk.codec, c.data[levels:], c.raw[levels:])
	switch {
	case !known:
		return c.p.in.malformed(0, "the Parquet file is packed in a way that cannot be read", "have it written with Snappy, Zstandard or gzip")
	case int64(n) != h.unpacked-levels:
		return c.p.damaged()
	}
	return nil
}

// unpack fills to, and gives how many bytes there were, or another number.
func unpack(codec int64, to, from []byte) (n int, known bool) {
	if len(to) == 0 {
		return 0, true
	}
	switch codec {
	case 1:
		if n, err := snappy.DecodedLen(from); err != nil || n != len(to) {
			return -1, true
		}
		out, err := snappy.Decode(to, from)
		if err != nil {
			return -1, true
		}
		return len(out), true
	case 2:
		r, err := gzip.NewReader(bytes.NewReader(from))
		if err != nil {
			return -1, true
		}
		return fill(to, r), true
	case 4:
		return fill(to, brotli.NewReader(bytes.NewReader(from))), true
	case 6:
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(max(len(to), 1<<10))))
		if err != nil {
			return -1, true
		}
		defer d.Close()
		out, err := d.DecodeAll(from, to[:0])
		if err != nil || len(out) > len(to) {
			return -1, true
		}
		return copy(to, out), true
	case 7:
		n, err := lz4.UncompressBlock(from, to)
		if err != nil {
			return -1, true
		}
		return n, true
	}
	return 0, false
}

// fill reads to its end what has to have the length of to.
func fill(to []byte, r io.Reader) int {
	n, err := io.ReadFull(r, to)
	if err != nil {
		return -1
	}
	if extra, _ := io.ReadFull(r, make([]byte, 1)); extra > 0 {
		return -1
	}
	return n
}

// open prepares levels and values of a page of data.
func (c *columnReader) open(h pageHeader) error {
	b := c.data
	c.levels = nil
	if h.kind == pageDataV2 {
		b = b[h.repeatBytes:]
		if c.leaf.levels > 0 {
			c.levels = &hybrid{b: b[:h.levelBytes], width: uint(bits.Len(uint(c.leaf.levels)))}
		}
		b = b[h.levelBytes:]
	} else if c.leaf.levels > 0 {
		if len(b) < 4 || h.levelCoding != encRLE {
			return c.p.damaged()
		}
		n := binary.LittleEndian.Uint32(b)
		if uint64(n) > uint64(len(b)-4) {
			return c.p.damaged()
		}
		c.levels = &hybrid{b: b[4 : 4+n], width: uint(bits.Len(uint(c.leaf.levels)))}
		b = b[4+n:]
	}
	c.texts = h.encoding == encDictionary || h.encoding == encPlainDict
	if c.values = c.leaf.values(h.encoding, b, c.dictionary); c.values == nil {
		if len(b) == 0 { // of nulls only
			c.values = &plainBytes{}
			return nil
		}
		return c.p.damaged()
	}
	return nil
}

// readDictionary makes texts of the values of a dictionary.
func (c *columnReader) readDictionary(h pageHeader) error {
	if c.dictionary != nil || c.leaf.physical == pqBoolean || h.encoding != encPlain && h.encoding != encPlainDict {
		return c.p.damaged()
	}
	c.dictionary = &textTable{}
	all := c.leaf.values(encPlain, c.data, nil)
	for range h.count {
		v, ok := all.next()
		if !ok || c.leaf.logical.kind == aDecimal && len(v) > 64 {
			return c.p.damaged()
		}
		c.dictionary.buf = c.leaf.appendText(c.dictionary.buf, v)
		if err := c.dictionary.close(c.p.in); err != nil {
			return err
		}
	}
	return nil
}
