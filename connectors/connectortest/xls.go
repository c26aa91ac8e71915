package connectortest

import (
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf16"
)

// BIFF builds a stream of BIFF8 records.
type BIFF struct{ Stream []byte }

// Record appends a record.
func (b *BIFF) Record(id uint16, data ...[]byte) {
	n := 0
	for _, d := range data {
		n += len(d)
	}
	b.Stream = append(append(b.Stream, U16(id)...), U16(uint16(n))...)
	for _, d := range data {
		b.Stream = append(b.Stream, d...)
	}
}

// Begin opens a part of the stream: 5 is the workbook, 16 a sheet.
func (b *BIFF) Begin(kind uint16) {
	b.Record(0x0809, U16(0x0600), U16(kind), make([]byte, 12))
}

// Label is a cell of text.
func (b *BIFF) Label(row, column int, text string) {
	b.Record(0x0204, U16(uint16(row)), U16(uint16(column)), U16(0), Wide(text))
}

// Number is a cell of a number, in a style.
func (b *BIFF) Number(row, column, style int, f float64) {
	b.Record(0x0203, U16(uint16(row)), U16(uint16(column)), U16(uint16(style)), U64(math.Float64bits(f)))
}

// U16 is v, little endian.
func U16(v uint16) []byte { return binary.LittleEndian.AppendUint16(nil, v) }

// U32 is v, little endian.
func U32(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }

// U64 is v, little endian.
func U64(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }

// Wide is a text of two bytes a character, with its length.
func Wide(text string) []byte {
	units := utf16.Encode([]rune(text))
	b := append(U16(uint16(len(units))), 1)
	for _, u := range units {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// A Sheet of a workbook is its name, whether it is hidden, and its records.
type Sheet struct {
	Name   string
	Hidden bool
	Fill   func(*BIFF)
}

// Sheets makes the stream of a workbook. globals adds records above the sheets.
func Sheets(globals func(*BIFF), sheets ...Sheet) []byte {
	parts := make([][]byte, len(sheets))
	for i, s := range sheets {
		var b BIFF
		b.Begin(16)
		s.Fill(&b)
		b.Record(0x000a)
		parts[i] = b.Stream
	}
	top := func(offsets []int) []byte {
		var b BIFF
		b.Begin(5)
		for i, s := range sheets {
			state := []byte{0, 0}
			if s.Hidden {
				state[0] = 1
			}
			b.Record(0x0085, U32(uint32(offsets[i])), state, append([]byte{byte(len(s.Name)), 0}, s.Name...))
		}
		if globals != nil {
			globals(&b)
		}
		b.Record(0x000a)
		return b.Stream
	}
	offsets := make([]int, len(sheets))
	at := len(top(offsets))
	for i, p := range parts {
		offsets[i] = at
		at += len(p)
	}
	stream := top(offsets)
	for _, p := range parts {
		stream = append(stream, p...)
	}
	return stream
}

// CompoundFile puts a stream into the file system that such workbooks have
// around them: sectors of allocation, one of the directory, those of the stream.
func CompoundFile(name string, stream []byte) []byte {
	const size, free, end, table = 512, 0xffffffff, 0xfffffffe, 0xfffffffd
	for len(stream) < 4096 || len(stream)%size != 0 {
		stream = append(stream, 0)
	}
	n := len(stream) / size
	tables := 1
	for tables*size/4 < tables+1+n {
		tables++
	}
	head := append([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), make([]byte, 16)...)
	head = append(head, 0x3e, 0, 3, 0, 0xfe, 0xff, 9, 0, 6, 0, 0, 0, 0, 0, 0, 0)
	for _, v := range []uint32{0, uint32(tables), uint32(tables), 0, 4096, end, 0, end, 0} {
		head = append(head, U32(v)...)
	}
	for i := range 109 {
		v := uint32(free)
		if i < tables {
			v = uint32(i)
		}
		head = append(head, U32(v)...)
	}
	var links []byte
	for i := range tables * size / 4 {
		v := uint32(free)
		switch {
		case i < tables:
			v = table
		case i == tables, i == tables+n:
			v = end
		case i < tables+n:
			v = uint32(i + 1)
		}
		links = append(links, U32(v)...)
	}
	file := append(append(head, links...), entry("Root Entry", 5, 1, end, 0)...)
	file = append(file, entry(name, 2, free, uint32(tables+1), uint32(len(stream)))...)
	file = append(file, entry("", 0, free, 0, 0)...)
	file = append(file, entry("", 0, free, 0, 0)...)
	return append(file, stream...)
}

// entry is an entry of the directory.
func entry(name string, kind byte, child, start, size uint32) []byte {
	b := make([]byte, 128)
	for i, u := range utf16.Encode([]rune(name)) {
		binary.LittleEndian.PutUint16(b[2*i:], u)
	}
	if name != "" {
		binary.LittleEndian.PutUint16(b[64:], uint16(2*len(name)+2))
	}
	b[66], b[67] = kind, 1
	copy(b[68:], append(append(U32(0xffffffff), U32(0xffffffff)...), U32(child)...))
	copy(b[116:], append(U32(start), U32(size)...))
	return b
}

// XLS writes t as a workbook of Excel 97. The rows are at most 65,535.
func (t Table) XLS() []byte { return t.xls(nil) }

// BrokenXLS is XLS with a last row that refers to a text that is not there.
func (t Table) BrokenXLS() []byte {
	return t.xls(func(b *BIFF) { b.Record(0x00fd, U16(uint16(len(t.Rows)+1)), U16(0), U16(0), U32(7)) })
}

func (t Table) xls(more func(*BIFF)) []byte {
	return CompoundFile("Workbook", Sheets(nil, Sheet{Name: "Data", Fill: func(b *BIFF) {
		for i, row := range append([][]string{t.Columns}, t.Rows...) {
			for k, cell := range row {
				if f, err := strconv.ParseFloat(cell, 64); err == nil {
					b.Number(i, k, 0, f)
				} else {
					b.Label(i, k, cell)
				}
			}
		}
		if more != nil {
			more(b)
		}
	}}))
}
