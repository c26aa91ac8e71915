package format

import (
	"bytes"
	"errors"
	"io"
)

var (
	errTooLong = errors.New("record over the limit")
	errQuote   = errors.New("a quote out of place")
	errOpen    = errors.New("quoted field not closed")
)

// scanner cuts delimited text into records by RFC 4180, strictly: a quoted
// field is quoted from end to end. As in encoding/csv, lines end in LF or CRLF
// and blank lines are no records; other than there, a line break inside quotes
// is kept as written. It hands out views of its buffer, which is why it is
// here: encoding/csv makes a string of every field, mapped or not, and cannot
// be bounded.
type scanner struct {
	r     io.Reader
	comma byte
	skip  bool // SkipInitialSpace
	max   int  // bytes of a record

	buf      []byte
	pos, end int // what is read and not yet handed out
	err      error
	line     int64 // of buf[pos], 1-based

	fields [][]byte // of the current record, valid until the next call
	spans  []span
}

// A span is a field of a record with quotes, relative to the record's start.
type span struct {
	from, to int
	escaped  bool // holds doubled quotes
}

func newScanner(r io.Reader, comma byte, skip bool, limit int) *scanner {
	return &scanner{r: r, comma: comma, skip: skip, max: limit, buf: make([]byte, min(limit, readBuffer)+16), line: 1}
}

// next reads a record into s.fields and gives the line on which it starts.
// At the end of the text the error is io.EOF; any error has its line.
func (s *scanner) next() (line int64, err error) {
	for {
		n, ok, err := s.lineEnd()
		if err != nil {
			return s.line, err
		}
		raw := s.buf[s.pos : s.pos+n]
		if bytes.IndexByte(raw, '"') >= 0 {
			return s.quoted()
		}
		line, s.pos = s.line, s.pos+n
		if ok {
			s.pos, s.line = s.pos+1, s.line+1
		}
		if n > 0 && raw[n-1] == '\r' {
			raw = raw[:n-1]
		}
		if len(raw) == 0 {
			if !ok {
				return line, io.EOF
			}
			continue
		}
		s.split(raw)
		return line, nil
	}
}

// lineEnd gives the length of the current line without its LF; ok says that
// there is one. It reads on only as long as the line has no quote.
func (s *scanner) lineEnd() (n int, ok bool, err error) {
	for {
		rest := s.buf[s.pos+n : s.end]
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			return n + i, true, nil
		}
		if bytes.IndexByte(rest, '"') >= 0 {
			return s.end - s.pos, false, nil
		}
		n = s.end - s.pos
		if err := s.fill(); errors.Is(err, io.EOF) {
			if n == 0 {
				return 0, false, io.EOF
			}
			return n, false, nil
		} else if err != nil {
			return 0, false, err
		}
	}
}

func (s *scanner) split(raw []byte) {
	s.fields = s.fields[:0]
	for {
		i := bytes.IndexByte(raw, s.comma)
		if i < 0 {
			s.fields = append(s.fields, s.field(raw))
			return
		}
		s.fields = append(s.fields, s.field(raw[:i]))
		raw = raw[i+1:]
	}
}

func (s *scanner) field(v []byte) []byte {
	if s.skip {
		return bytes.TrimLeft(v, " \t")
	}
	return v
}

// quoted reads a record that has quotes. i is relative to s.pos, since fill
// moves the buffer.
func (s *scanner) quoted() (line int64, err error) {
	s.spans = s.spans[:0]
	i, last := 0, false
	for !last {
		if i, err = s.skipSpace(i); err != nil {
			return s.line, err
		}
		var sp span
		if c, ok, err := s.at(i); err != nil {
			return s.line, err
		} else if ok && c == '"' {
			sp, i, err = s.quotedField(i + 1)
			if err != nil {
				return s.line, err
			}
		} else if sp, i, err = s.bareField(i); err != nil {
			return s.line, err
		}
		s.spans = append(s.spans, sp)
		if i, last, err = s.separator(i); err != nil {
			return s.line, err
		}
	}
	s.fields = s.fields[:0]
	raw := s.buf[s.pos : s.pos+i]
	line = s.line
	s.line += int64(bytes.Count(raw, []byte("\n")))
	s.pos += i
	for _, sp := range s.spans {
		v := raw[sp.from:sp.to]
		if sp.escaped {
			v = unescape(v)
		}
		s.fields = append(s.fields, v)
	}
	return line, nil
}

func (s *scanner) skipSpace(i int) (int, error) {
	for s.skip {
		c, ok, err := s.at(i)
		if err != nil {
			return i, err
		}
		if !ok || c != ' ' && c != '\t' || c == s.comma {
			break
		}
		i++
	}
	return i, nil
}

// quotedField reads from behind the opening quote to behind the closing one.
func (s *scanner) quotedField(i int) (span, int, error) {
	sp := span{from: i}
	for {
		j := bytes.IndexByte(s.buf[s.pos+i:s.end], '"')
		if j < 0 {
			i = s.end - s.pos
			if err := s.fill(); errors.Is(err, io.EOF) {
				return sp, i, errOpen
			} else if err != nil {
				return sp, i, err
			}
			continue
		}
		sp.to = i + j
		i = sp.to + 1
		c, ok, err := s.at(i)
		if err != nil {
			return sp, i, err
		}
		if !ok || c != '"' {
			return sp, i, nil
		}
		sp.escaped = true
		i++
	}
}

func (s *scanner) bareField(i int) (span, int, error) {
	sp := span{from: i}
	for {
		c, ok, err := s.at(i)
		switch {
		case err != nil:
			return sp, i, err
		case ok && c == '"':
			return sp, i, errQuote
		case !ok || c == s.comma || c == '\n':
			sp.to = i
			if i > sp.from && (!ok || c == '\n') && s.buf[s.pos+i-1] == '\r' {
				sp.to--
			}
			return sp, i, nil
		}
		i++
	}
}

// separator steps over the delimiter or the end of the line.
func (s *scanner) separator(i int) (next int, last bool, err error) {
	c, ok, err := s.at(i)
	if err == nil && ok && c == '\r' {
		i++
		if c, ok, err = s.at(i); err == nil && ok && c != '\n' {
			return i, true, errQuote
		}
	}
	switch {
	case err != nil || !ok:
		return i, true, err
	case c == s.comma:
		return i + 1, false, nil
	case c == '\n':
		return i + 1, true, nil
	default:
		return i, true, errQuote
	}
}

// at gives the byte at s.pos+i; ok is false at the end of the text.
func (s *scanner) at(i int) (c byte, ok bool, err error) {
	for s.pos+i >= s.end {
		if err := s.fill(); errors.Is(err, io.EOF) {
			return 0, false, nil
		} else if err != nil {
			return 0, false, err
		}
	}
	return s.buf[s.pos+i], true, nil
}

// fill reads more behind what is there.
func (s *scanner) fill() error {
	if s.err != nil {
		return s.err
	}
	if s.pos > 0 {
		s.end = copy(s.buf, s.buf[s.pos:s.end])
		s.pos = 0
	}
	if s.end > s.max {
		return errTooLong
	}
	if len(s.buf)-s.end < 16 {
		grown := make([]byte, min(2*len(s.buf), s.max+32))
		copy(grown, s.buf[:s.end])
		s.buf = grown
	}
	n, err := s.r.Read(s.buf[s.end:])
	s.end += n
	if err != nil && n > 0 {
		s.err, err = err, nil
	} else if err != nil {
		s.err = err
	}
	return err
}

// unescape halves doubled quotes in place.
func unescape(v []byte) []byte {
	w := 0
	for r := 0; r < len(v); r++ {
		v[w] = v[r]
		w++
		if v[r] == '"' {
			r++
		}
	}
	return v[:w]
}
