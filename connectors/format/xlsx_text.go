package format

import (
	"bytes"
	"encoding/xml"
	"strconv"
	"unicode/utf8"

	"halftone/connectors"
)

// A textTable holds the texts that cells share, one behind the other.
type textTable struct {
	buf  []byte
	ends []int
}

func (t *textTable) at(i int) ([]byte, bool) {
	if i < 0 || i >= len(t.ends) {
		return nil, false
	}
	from := 0
	if i > 0 {
		from = t.ends[i-1]
	}
	return t.buf[from:t.ends[i]], true
}

// close ends a text. The limit is on what the table takes in memory.
func (t *textTable) close(in Input) error {
	t.ends = append(t.ends, len(t.buf))
	if int64(len(t.buf))+8*int64(len(t.ends)) > in.Limits.Body {
		return &connectors.SourceError{Reason: connectors.Limit, File: in.Name, What: "the workbook has more text than the limit", Do: "ask for it as CSV, or split it"}
	}
	return nil
}

// A richText gathers the text of one string, which may come in runs of
// different looks. How it is to be pronounced (rPh) is no part of it.
type richText struct {
	text     []byte
	in       bool // a t
	phonetic int
}

func (r *richText) reset() { r.text, r.in, r.phonetic = r.text[:0], false, 0 }

func (r *richText) take(tok xml.Token) {
	switch e := tok.(type) {
	case xml.StartElement:
		switch {
		case e.Name.Local == "rPh":
			r.phonetic++
		case e.Name.Local == "t":
			r.in = r.phonetic == 0
		}
	case xml.EndElement:
		switch {
		case e.Name.Local == "rPh" && r.phonetic > 0:
			r.phonetic--
		case e.Name.Local == "t":
			r.in = false
		}
	case xml.CharData:
		if r.in {
			r.text = append(r.text, e...)
		}
	}
}

// sharedStrings reads the table of texts.
func (b *book) sharedStrings(part string) error {
	if len(b.strings.ends) > 0 {
		return nil
	}
	var rich richText
	return b.tokens(part, func(tok xml.Token) error {
		rich.take(tok)
		switch e := tok.(type) {
		case xml.StartElement:
			if e.Name.Local == "si" {
				rich.reset()
			}
		case xml.EndElement:
			if e.Name.Local == "si" {
				b.strings.buf = append(b.strings.buf, unescapeX(rich.text)...)
				if err := b.strings.close(b.in); err != nil {
					return err
				}
			}
		case xml.CharData:
			if len(rich.text) > b.in.Limits.RecordBytes() {
				return &connectors.SourceError{Reason: connectors.Limit, File: b.in.Name, What: "a value is longer than the limit"}
			}
		}
		return nil
	})
}

// unescapeX decodes _x000D_ and the like in place: how the format writes
// characters that XML cannot hold. Surrogates, which are none, stay as they are.
func unescapeX(v []byte) []byte {
	if !bytes.Contains(v, []byte("_x")) {
		return v
	}
	out := v[:0]
	for len(v) > 0 {
		if len(v) >= 7 && v[0] == '_' && v[1] == 'x' && v[6] == '_' {
			if r, err := strconv.ParseUint(string(v[2:6]), 16, 16); err == nil && utf8.ValidRune(rune(r)) {
				out, v = utf8.AppendRune(out, rune(r)), v[7:]
				continue
			}
		}
		out, v = append(out, v[0]), v[1:]
	}
	return out
}
