package format

import "encoding/binary"

// thrift reads values of Thrift's compact protocol, in which Parquet describes
// itself. It believes no length before it has seen that so many bytes are
// there, and allocates nothing. After a failure it reads zeros.
type thrift struct {
	b     []byte
	bad   bool
	depth int
}

// Kinds of values that are told apart; the others are only stepped over.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12

	thriftDepth = 24 // far more than Parquet nests
)

func (t *thrift) byte() byte {
	if len(t.b) == 0 {
		t.bad = true
		return 0
	}
	c := t.b[0]
	t.b = t.b[1:]
	return c
}

func (t *thrift) uvarint() uint64 {
	v, n := binary.Uvarint(t.b)
	if n <= 0 {
		t.bad, t.b = true, nil
		return 0
	}
	t.b = t.b[n:]
	return v
}

// int reads a whole number of 16, 32 or 64 bits.
func (t *thrift) int() int64 {
	v := t.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

func (t *thrift) take(n uint64) []byte {
	if n > uint64(len(t.b)) {
		t.bad, t.b = true, nil
		return nil
	}
	v := t.b[:n]
	t.b = t.b[n:]
	return v
}

// binary reads bytes or text, as a view.
func (t *thrift) binary() []byte { return t.take(t.uvarint()) }

// fields calls field for each field of a struct. A field that is not taken is
// stepped over.
func (t *thrift) fields(field func(id int64, kind byte) (taken bool)) {
	if t.depth++; t.depth > thriftDepth {
		t.bad, t.b = true, nil
	}
	defer func() { t.depth-- }()
	id := int64(0)
	for !t.bad {
		head := t.byte()
		if head == 0 {
			return
		}
		if delta := int64(head >> 4); delta > 0 {
			id += delta
		} else {
			id = t.int()
		}
		if kind := head & 15; !t.bad && !field(id, kind) {
			t.skip(kind)
		}
	}
}

// list calls element for each element of a list of the kind that is wanted.
func (t *thrift) list(want byte, element func()) {
	head := t.byte()
	n, kind := uint64(head>>4), head&15
	if n == 15 {
		n = t.uvarint()
	}
	if n > uint64(len(t.b)) || n > 0 && kind != want { // an element has at least a byte
		t.bad, t.b = true, nil
	}
	for i := uint64(0); i < n && !t.bad; i++ {
		element()
	}
}

// skip steps over a value.
func (t *thrift) skip(kind byte) {
	switch kind {
	case thriftTrue, thriftFalse:
	case thriftByte:
		t.byte()
	case thriftDouble:
		t.take(8)
	case thriftBinary:
		t.binary()
	case thriftList, thriftSet:
		if len(t.b) > 0 {
			of := t.b[0] & 15
			t.list(of, func() { t.skipElement(of) })
		} else {
			t.bad = true
		}
	case thriftMap:
		t.skipMap()
	case thriftStruct:
		t.fields(func(int64, byte) bool { return false })
	default:
		t.int()
	}
}

// skipElement is skip where a truth value takes a byte.
func (t *thrift) skipElement(kind byte) {
	if kind == thriftTrue || kind == thriftFalse {
		t.byte()
		return
	}
	if t.depth++; t.depth > thriftDepth {
		t.bad, t.b = true, nil
	}
	t.skip(kind)
	t.depth--
}

func (t *thrift) skipMap() {
	n := t.uvarint()
	if n == 0 {
		return
	}
	kinds := t.byte()
	if n > uint64(len(t.b)) {
		t.bad, t.b = true, nil
	}
	for i := uint64(0); i < n && !t.bad; i++ {
		t.skipElement(kinds >> 4)
		t.skipElement(kinds & 15)
	}
}
