package format

import (
	"unicode/utf16"
	"unicode/utf8"
)

// pieces are the data of a record and of its continuations, read in a row. A
// read that goes beyond their end fails, and so do all after it.
type pieces struct {
	parts [][]byte
	short bool
}

// some gives the rest of the first piece that has one.
func (p *pieces) some() []byte {
	for len(p.parts) > 0 && len(p.parts[0]) == 0 {
		p.parts = p.parts[1:]
	}
	if len(p.parts) == 0 {
		p.short = true
		return nil
	}
	return p.parts[0]
}

func (p *pieces) skip(n int) *pieces {
	for n > 0 && !p.short {
		k := min(n, len(p.some()))
		if !p.short {
			p.parts[0], n = p.parts[0][k:], n-k
		}
	}
	return p
}

// uint reads a number of n bytes, little endian.
func (p *pieces) uint(n int) (v uint32, ok bool) {
	for i := range n {
		b := p.some()
		if p.short {
			return 0, false
		}
		v |= uint32(b[0]) << (8 * i)
		p.parts[0] = b[1:]
	}
	return v, true
}

// text appends a string with its own length, as UTF-8.
func (p *pieces) text(to []byte) ([]byte, bool) {
	count, _ := p.uint(2)
	flags, ok := p.uint(1)
	if !ok {
		return to, false
	}
	var runs, extra uint32
	if flags&8 != 0 {
		runs, _ = p.uint(2)
	}
	if flags&4 != 0 {
		extra, _ = p.uint(4)
	}
	to, ok = p.chars(to, int(count), flags&1 != 0)
	p.skip(4 * int(runs)).skip(int(extra))
	return to, ok && !p.short
}

// chars appends n characters of one byte (the first 256 of Unicode) or two
// (UTF-16). Each continuation says anew which of the two it has.
func (p *pieces) chars(to []byte, n int, wide bool) ([]byte, bool) {
	var high rune
	for n > 0 {
		if len(p.parts) > 0 && len(p.parts[0]) == 0 {
			flags, ok := p.uint(1)
			if !ok {
				return to, false
			}
			wide = flags&1 != 0
		}
		size := 1
		if wide {
			size = 2
		}
		u, ok := p.uint(size)
		if !ok {
			return to, false
		}
		n--
		r := rune(u)
		switch {
		case high != 0:
			if full := utf16.DecodeRune(high, r); full != utf8.RuneError {
				to, high = utf8.AppendRune(to, full), 0
				continue
			}
			to, high = utf8.AppendRune(to, utf8.RuneError), 0
			fallthrough
		default:
			if r >= 0xd800 && r < 0xdc00 {
				high = r
				continue
			}
			to = utf8.AppendRune(to, r) // half of a pair comes out as U+FFFD
		}
	}
	if high != 0 {
		to = utf8.AppendRune(to, utf8.RuneError)
	}
	return to, true
}
