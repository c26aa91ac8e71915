package format

import (
	"encoding/binary"
	"math/bits"
)

// values gives the values of a page one by one, as bytes in the order of the
// file or, from a dictionary, as text. A view is valid until the next call.
// false: there is none any more, or what is there is damaged.
type values interface {
	next() ([]byte, bool)
}

// Encodings.
const (
	encPlain      = 0
	encPlainDict  = 2
	encRLE        = 3
	encDelta      = 5
	encDeltaBytes = 6
	encDeltaArray = 7
	encDictionary = 8
	encSplit      = 9
)

// width of a physical type in bytes; 0: it differs.
func (l leaf) width() int {
	switch l.physical {
	case pqInt32, pqFloat:
		return 4
	case pqInt64, pqDouble:
		return 8
	case pqInt96:
		return 12
	case pqFixed:
		return int(l.length)
	}
	return 0
}

// values opens what a page holds; nil: not in this way, or damaged.
func (l leaf) values(encoding int64, b []byte, dictionary *textTable) values {
	switch {
	case encoding == encPlain && l.physical == pqBoolean:
		return &plainBits{b: b}
	case encoding == encPlain && l.physical == pqBytes:
		return &plainBytes{b: b}
	case encoding == encPlain:
		return &plainFixed{b: b, width: l.width()}
	case (encoding == encDictionary || encoding == encPlainDict) && dictionary != nil && len(b) > 0 && b[0] <= 32:
		return &indexed{hybrid: hybrid{b: b[1:], width: uint(b[0])}, dictionary: dictionary}
	case encoding == encRLE && l.physical == pqBoolean && len(b) >= 4:
		if n := binary.LittleEndian.Uint32(b); uint64(n) <= uint64(len(b)-4) {
			return &rleBits{hybrid: hybrid{b: b[4 : 4+n], width: 1}}
		}
	case encoding == encSplit && l.width() > 0 && l.physical != pqInt96 && len(b)%l.width() == 0:
		return &split{b: b, width: l.width(), out: make([]byte, l.width())}
	default:
		return l.deltas(encoding, b)
	}
	return nil
}

// deltas is values for the encodings that tell differences.
func (l leaf) deltas(encoding int64, b []byte) values {
	switch {
	case encoding == encDelta && (l.physical == pqInt32 || l.physical == pqInt64):
		if d, ok := newDelta(b); ok {
			return &deltaInts{d: d, width: l.width()}
		}
	case encoding == encDeltaBytes && l.physical == pqBytes:
		if d, rest, ok := skipDelta(b); ok {
			return &deltaBytes{lengths: d, b: rest}
		}
	case encoding == encDeltaArray && (l.physical == pqBytes || l.physical == pqFixed):
		if prefixes, rest, ok := skipDelta(b); ok {
			if d, rest, ok := skipDelta(rest); ok {
				return &deltaArrays{prefixes: prefixes, suffixes: deltaBytes{lengths: d, b: rest}, fixed: l.width()}
			}
		}
	}
	return nil
}

type plainFixed struct {
	b     []byte
	width int
}

func (p *plainFixed) next() ([]byte, bool) {
	if len(p.b) < p.width {
		return nil, false
	}
	v := p.b[:p.width]
	p.b = p.b[p.width:]
	return v, true
}

type plainBytes struct{ b []byte }

func (p *plainBytes) next() ([]byte, bool) {
	if len(p.b) < 4 {
		return nil, false
	}
	n := binary.LittleEndian.Uint32(p.b)
	if uint64(n) > uint64(len(p.b)-4) {
		return nil, false
	}
	v := p.b[4 : 4+n]
	p.b = p.b[4+n:]
	return v, true
}

type plainBits struct {
	b   []byte
	bit uint
	out [1]byte
}

func (p *plainBits) next() ([]byte, bool) {
	if len(p.b) == 0 {
		return nil, false
	}
	p.out[0] = p.b[0] >> p.bit & 1
	if p.bit++; p.bit == 8 {
		p.b, p.bit = p.b[1:], 0
	}
	return p.out[:], true
}

// hybrid reads numbers that stand in runs or packed in bits, one by one, so
// that the length of a run costs nothing.
type hybrid struct {
	b     []byte
	width uint
	run   uint64 // left of a run
	value uint32
	packs uint64 // left of the packed numbers
	bit   uint   // in b
}

func (h *hybrid) next() (uint32, bool) {
	for h.run == 0 && h.packs == 0 {
		head, n := binary.Uvarint(h.b)
		if n <= 0 {
			return 0, false
		}
		h.b, h.bit = h.b[n:], 0
		switch packed := head&1 != 0; {
		case head>>1 > 1<<40:
			return 0, false
		case packed && h.width == 0:
			h.run, h.value = head>>1*8, 0
			continue
		case packed:
			h.packs = head >> 1 * 8
			continue
		}
		size := int(h.width+7) / 8
		if len(h.b) < size {
			return 0, false
		}
		h.run, h.value = head>>1, 0
		for i := range size {
			h.value |= uint32(h.b[i]) << (8 * i)
		}
		h.b = h.b[size:]
	}
	if h.run > 0 {
		h.run--
		return h.value, true
	}
	return h.unpack()
}

// unpack gives the next of the packed numbers. Eight of them end on a byte.
func (h *hybrid) unpack() (uint32, bool) {
	last := (h.bit + h.width + 7) / 8
	if uint(len(h.b)) < last {
		return 0, false
	}
	var word uint64
	for i := range last {
		word |= uint64(h.b[i]) << (8 * i)
	}
	v := uint32(word >> h.bit & (1<<h.width - 1))
	h.bit += h.width
	h.b, h.bit = h.b[h.bit/8:], h.bit%8
	h.packs--
	return v, true
}

type indexed struct {
	hybrid
	dictionary *textTable
}

func (x *indexed) next() ([]byte, bool) {
	i, ok := x.hybrid.next()
	if !ok {
		return nil, false
	}
	return x.dictionary.at(int(i))
}

type rleBits struct {
	hybrid
	out [1]byte
}

func (r *rleBits) next() ([]byte, bool) {
	v, ok := r.hybrid.next()
	r.out[0] = byte(v & 1)
	return r.out[:], ok
}

// delta reads numbers that are told by their differences.
type delta struct {
	b       []byte
	block   uint64 // numbers in a block
	minis   uint64 // parts of a block
	left    uint64 // numbers to come
	value   int64
	begun   bool
	least   int64  // of the block's differences
	widths  []byte // of the parts to come
	width   uint
	inMini  uint64 // numbers left in the part
	bit     uint
	outside bool // what was read does not fit together
}

func newDelta(b []byte) (delta, bool) {
	t := thrift{b: b}
	d := delta{block: t.uvarint(), minis: t.uvarint(), left: t.uvarint(), value: t.int()}
	d.b = t.b
	ok := !t.bad && d.block > 0 && d.block <= 1<<20 && d.minis > 0 && d.block%d.minis == 0 && d.block/d.minis%8 == 0
	return d, ok
}

func (d *delta) next() (int64, bool) {
	if d.left == 0 || d.outside {
		return 0, false
	}
	d.left--
	if !d.begun {
		d.begun = true
		return d.value, true
	}
	for d.inMini == 0 {
		if !d.mini() {
			d.outside = true
			return 0, false
		}
	}
	diff, ok := d.unpack()
	if !ok {
		d.outside = true
		return 0, false
	}
	d.inMini--
	d.value += d.least + int64(diff)
	return d.value, true
}

// mini opens the next part of a block, and the next block where there is none.
func (d *delta) mini() bool {
	if len(d.widths) == 0 {
		t := thrift{b: d.b}
		d.least = t.int()
		d.widths = t.take(d.minis)
		d.b = t.b
		if t.bad {
			return false
		}
	}
	d.width, d.widths, d.inMini, d.bit = uint(d.widths[0]), d.widths[1:], d.block/d.minis, 0
	return d.width <= 64
}

func (d *delta) unpack() (uint64, bool) {
	last := (d.bit + d.width + 7) / 8
	if uint(len(d.b)) < last {
		return 0, false
	}
	var low, high uint64
	for i := range last {
		if i < 8 {
			low |= uint64(d.b[i]) << (8 * i)
		} else {
			high = uint64(d.b[i])
		}
	}
	v := low >> d.bit
	if d.bit > 0 {
		v |= high << (64 - d.bit)
	}
	if d.width < 64 {
		v &= 1<<d.width - 1
	}
	d.bit += d.width
	d.b, d.bit = d.b[d.bit/8:], d.bit%8
	return v, true
}

// rest steps over what fills the last part, and gives what follows.
func (d *delta) rest() ([]byte, bool) {
	if d.inMini > 0 {
		high, n := bits.Mul64(d.inMini, uint64(d.width))
		n += uint64(d.bit)
		if n = (n + 7) / 8; high != 0 || n > uint64(len(d.b)) {
			return nil, n <= uint64(len(d.b))+7 && high == 0 // some programs leave the filling out
		}
		d.b = d.b[n:]
	}
	return d.b, true
}

// skipDelta opens numbers and gives what stands behind them.
func skipDelta(b []byte) (delta, []byte, bool) {
	first, ok := newDelta(b)
	if !ok {
		return delta{}, nil, false
	}
	look := first
	for look.left > 0 {
		if look.inMini > 0 && look.width == 0 { // a run of equal differences is stepped over at once
			n := min(look.inMini, look.left)
			look.inMini, look.left = look.inMini-n, look.left-n
			continue
		}
		if _, ok := look.next(); !ok {
			return delta{}, nil, false
		}
	}
	rest, ok := look.rest()
	return first, rest, ok
}

type deltaInts struct {
	d     delta
	width int
	out   [8]byte
}

func (d *deltaInts) next() ([]byte, bool) {
	v, ok := d.d.next()
	binary.LittleEndian.PutUint64(d.out[:], uint64(v))
	return d.out[:d.width], ok
}

type deltaBytes struct {
	lengths delta
	b       []byte
}

func (d *deltaBytes) next() ([]byte, bool) {
	n, ok := d.lengths.next()
	if !ok || n < 0 || n > int64(len(d.b)) {
		return nil, false
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v, true
}

type deltaArrays struct {
	prefixes delta
	suffixes deltaBytes
	value    []byte
	fixed    int
}

// mostText is far above the limit on a value.
const mostText = 64 << 20

func (d *deltaArrays) next() ([]byte, bool) {
	n, ok := d.prefixes.next()
	suffix, more := d.suffixes.next()
	if !ok || !more || n < 0 || n > int64(len(d.value)) || n+int64(len(suffix)) > mostText {
		return nil, false
	}
	d.value = append(d.value[:n], suffix...)
	return d.value, d.fixed == 0 || len(d.value) == d.fixed
}

type split struct {
	b     []byte
	width int
	i     int
	out   []byte
}

func (s *split) next() ([]byte, bool) {
	n := len(s.b) / s.width
	if s.i == n {
		return nil, false
	}
	for k := range s.width {
		s.out[k] = s.b[k*n+s.i]
	}
	s.i++
	return s.out, true
}
