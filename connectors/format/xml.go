package format

import (
	"bufio"
	"encoding/xml"
	"errors"
	"io"

	"halftone/connectors"
)

// xmlReader gives the tokens of a part of a workbook, none of them longer than
// a limit. It looks at local names only and at no nesting: names in different
// name spaces mean the same in the two variants of the format.
type xmlReader struct {
	in    Input
	dec   *xml.Decoder
	r     io.Reader
	start int64 // of the current token
	given int64
	row   int64 // for errors
}

func newXMLReader(in Input, r io.Reader) *xmlReader {
	x := &xmlReader{in: in, r: r}
	x.dec = xml.NewDecoder(bufio.NewReaderSize(x, 64<<10))
	return x
}

// Read feeds the decoder, which holds a whole token before it hands it out.
func (x *xmlReader) Read(p []byte) (int, error) {
	if x.given-x.start > int64(x.in.Limits.RecordBytes())+64<<10 {
		return 0, errTooLong
	}
	n, err := x.r.Read(p)
	x.given += int64(n)
	return n, err
}

// next gives the next token, valid until the call after. At the end the error
// is io.EOF; any other has its place.
func (x *xmlReader) next() (xml.Token, error) {
	x.start = x.dec.InputOffset()
	tok, err := x.dec.RawToken()
	if err == nil || errors.Is(err, io.EOF) {
		return tok, err
	}
	var own *connectors.SourceError
	switch {
	case errors.As(err, &own), ended(err), errors.Is(err, errTooLarge):
		return nil, x.in.fault(x.row, err)
	case errors.Is(err, errTooLong):
		return nil, &connectors.SourceError{Reason: connectors.Limit, File: x.in.Name, Row: x.row, What: "a value is longer than the limit"}
	default: // its text quotes the file
		return nil, x.in.damagedBook(x.row)
	}
}

func (in Input) damagedBook(row int64) error {
	return in.malformed(row, "the workbook is damaged", "open it in a spreadsheet program and save it again")
}

// attribute gives the value of an attribute, or nothing.
func attribute(e xml.StartElement, local string) string {
	for _, a := range e.Attr {
		if a.Name.Local == local {
			return a.Value
		}
	}
	return ""
}

// truth reads an attribute that is 0, 1, false or true.
func truth(v string) bool { return v == "1" || v == "true" }
