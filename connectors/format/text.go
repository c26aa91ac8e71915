package format

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

var (
	errBadByte = errors.New("not UTF-8")
	errNUL     = errors.New("NUL byte")
)

// textReader passes strict UTF-8 without NUL through and stops right before
// the first other byte, so that whoever counts rows knows where it is. Callers
// read with at least 8 bytes of room.
type textReader struct {
	r     io.Reader
	tail  [utf8.UTFMax]byte // a rune that began at the end of the last read
	ntail int
	err   error
}

func (t *textReader) Read(p []byte) (int, error) {
	if t.err != nil {
		return 0, t.err
	}
	if len(p) < 2*utf8.UTFMax {
		return 0, io.ErrShortBuffer
	}
	for {
		n := copy(p, t.tail[:t.ntail])
		m, err := t.r.Read(p[n:])
		n, t.ntail = n+m, 0
		good, bad := clean(p[:n], err != nil)
		if bad != nil {
			t.err = bad
		} else {
			t.ntail = copy(t.tail[:], p[good:n])
			t.err = err
		}
		if good > 0 || t.err != nil {
			return good, t.errAfter(good)
		}
	}
}

// errAfter holds an error back until the bytes before it are taken.
func (t *textReader) errAfter(n int) error {
	if n > 0 {
		return nil
	}
	return t.err
}

// clean gives the length of the good part. Without bad, what follows is the
// beginning of a rune, which at the end of the text is bad.
func clean(p []byte, end bool) (good int, bad error) {
	if i := bytes.IndexByte(p, 0); i >= 0 {
		if good, bad = clean(p[:i], true); bad == nil {
			bad = errNUL
		}
		return good, bad
	}
	if utf8.Valid(p) {
		return len(p), nil
	}
	for good < len(p) {
		r, size := utf8.DecodeRune(p[good:])
		if r == utf8.RuneError && size <= 1 {
			break
		}
		good += size
	}
	if !end && !utf8.FullRune(p[good:]) {
		return good, nil
	}
	return good, errBadByte
}
