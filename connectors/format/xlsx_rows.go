package format

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strconv"

	"halftone/connectors"
)

// xlsxRows are the rows of one sheet that are in the file. What the sheet says
// of its own extent (dimension) is often wrong and not looked at.
type xlsxRows struct {
	in   Input
	book *book
	part string
	file io.ReadCloser
	x    *xmlReader

	row   int64
	want  []bool // by column, once they are known; nil: all
	cells []span // of the current row, in text
	text  []byte
	views [][]byte
	cell  xlsxCell
	have  int // cells of the current row with text: 2 stands for more
}

var _ sheetReader = (*xlsxRows)(nil)

// An xlsxCell is the cell that is being read.
type xlsxCell struct {
	open    bool
	column  int
	kind    string // of the value, as the attribute t has it
	style   int
	formula bool
	value   bool // v is open
	has     bool // there is a v
	number  []byte
	rich    richText
	over    bool // more text than is looked at, in a cell that is not wanted
}

// lastRow is the last that a sheet can have.
const lastRow = 1 << 20

func (s *xlsxRows) following() int64 { return s.row + 1 }

func (s *xlsxRows) keep(fields []int) {
	s.want = make([]bool, 0, len(fields))
	for _, i := range fields {
		for i >= len(s.want) {
			s.want = append(s.want, false)
		}
		if i >= 0 {
			s.want[i] = true
		}
	}
}

func (s *xlsxRows) open() (io.ReadCloser, error) {
	f := s.book.parts[partName(s.part)]
	if f == nil {
		return nil, s.in.damagedBook(0)
	}
	return s.book.archive.Open(f)
}

func (s *xlsxRows) close() {
	if s.file != nil {
		_ = s.file.Close() // it was read to its end, or nobody wants the rest
	}
}

// next reads up to the end of a row.
func (s *xlsxRows) next() ([][]byte, int64, error) {
	if s.x == nil {
		f, err := s.open()
		if err != nil {
			return nil, 0, err
		}
		s.file, s.x = f, newXMLReader(s.in, f)
	}
	for {
		tok, err := s.x.next()
		if errors.Is(err, io.EOF) {
			return nil, s.row, io.EOF
		}
		if err != nil {
			return nil, s.row, err
		}
		if s.cell.open {
			if err := s.inCell(tok); err != nil {
				return nil, s.row, err
			}
			continue
		}
		switch e := tok.(type) {
		case xml.StartElement:
			switch e.Name.Local {
			case "row":
				err = s.begin(e)
			case "c":
				err = s.beginCell(e)
			}
		case xml.EndElement:
			if e.Name.Local == "row" {
				return s.end(), s.row, nil
			}
		}
		if err != nil {
			return nil, s.row, err
		}
	}
}

func (s *xlsxRows) begin(e xml.StartElement) error {
	row := s.row + 1
	if r := attribute(e, "r"); r != "" {
		n, err := strconv.ParseInt(r, 10, 64)
		if err != nil || n < row || n > lastRow {
			return s.in.damagedBook(s.row)
		}
		row = n
	}
	s.row, s.x.row = row, row
	s.cells, s.text, s.have = s.cells[:0], s.text[:0], 0
	s.cell.column = -1
	return nil
}

// end gives the cells of the row, by column.
func (s *xlsxRows) end() [][]byte {
	s.views = s.views[:0]
	for _, c := range s.cells {
		s.views = append(s.views, s.text[c.from:c.to])
	}
	return s.views
}

func (s *xlsxRows) beginCell(e xml.StartElement) error {
	c := &s.cell
	column := c.column + 1
	c.kind, c.style, c.formula, c.value, c.has, c.over = "", 0, false, false, false, false
	for _, a := range e.Attr {
		switch a.Name.Local {
		case "r":
			at, _, ok := address(a.Value)
			if !ok || at < column {
				return s.in.damagedBook(s.row)
			}
			column = at
		case "t":
			c.kind = a.Value
		case "s":
			c.style, _ = strconv.Atoi(a.Value) // one that is wrong is no style
		}
	}
	c.open, c.column, c.number = true, column, c.number[:0]
	c.rich.reset()
	return nil
}

// wanted reports whether the cell's column is kept, or may be.
func (s *xlsxRows) wanted() bool {
	return s.want == nil || s.cell.column < len(s.want) && s.want[s.cell.column]
}

// inCell takes what stands in a cell.
func (s *xlsxRows) inCell(tok xml.Token) error {
	c := &s.cell
	switch e := tok.(type) {
	case xml.StartElement:
		switch e.Name.Local {
		case "v":
			c.value, c.has = true, true
		case "f":
			c.formula = true
		}
	case xml.EndElement:
		switch e.Name.Local {
		case "v":
			c.value = false
		case "c":
			c.open = false
			if !s.wanted() {
				s.glance()
				return nil
			}
			return s.endCell()
		}
	case xml.CharData:
		if c.value && (s.wanted() || s.have < 2) {
			c.number = append(c.number, e...)
		}
	}
	if c.kind == "inlineStr" && (s.wanted() || s.have < 2) {
		c.rich.take(tok)
	}
	if !s.wanted() {
		s.shorten()
	}
	if len(c.number)+len(c.rich.text)+len(s.text) > s.in.Limits.RecordBytes() {
		return &connectors.SourceError{Reason: connectors.Limit, File: s.in.Name, Row: s.row, What: "the row is longer than the limit"}
	}
	return nil
}

func (s *xlsxRows) texts() int { return s.have }

// glanced is how much of a cell that is not wanted is looked at.
const glanced = 256

// shorten drops what is more than has to be looked at of a cell that is not wanted.
func (s *xlsxRows) shorten() {
	c := &s.cell
	for _, text := range []*[]byte{&c.number, &c.rich.text} {
		if len(*text) > glanced {
			c.over = c.over || hasText((*text)[glanced:])
			*text = (*text)[:glanced]
		}
	}
}

// glance looks whether a cell that is not wanted has text, and keeps none of it. What
// is wrong with it is nobody's business: it then has text.
func (s *xlsxRows) glance() {
	if s.have >= 2 {
		return
	}
	from := len(s.text)
	err := s.decode()
	if s.cell.over || err != nil || hasText(s.text[from:]) {
		s.have++
	}
	s.text = s.text[:from]
}

// endCell puts the text of the cell into the row.
func (s *xlsxRows) endCell() error {
	c := &s.cell
	from := len(s.text)
	if c.formula && !c.has && s.want != nil {
		return s.in.malformed(s.row, "a formula has no result", "open the workbook in a spreadsheet program and save it again")
	}
	if err := s.decode(); err != nil {
		return err
	}
	if from == len(s.text) {
		return nil // a cell that has only a look
	}
	if s.have < 2 && hasText(s.text[from:]) {
		s.have++
	}
	if c.column >= s.in.Limits.Columns {
		return &connectors.SourceError{Reason: connectors.Limit, File: s.in.Name, Row: s.row, What: "there are more columns than the limit"}
	}
	for len(s.cells) < c.column {
		s.cells = append(s.cells, span{})
	}
	s.cells = append(s.cells, span{from: from, to: len(s.text)})
	return nil
}

// decode appends the text of the cell.
func (s *xlsxRows) decode() error {
	c := &s.cell
	switch {
	case c.kind == "inlineStr":
		s.text = append(s.text, unescapeX(c.rich.text)...)
	case len(c.number) == 0:
	case c.kind == "s":
		i, err := strconv.Atoi(string(bytes.TrimSpace(c.number)))
		text, ok := s.book.strings.at(i)
		if err != nil || !ok {
			return s.in.damagedBook(s.row)
		}
		s.text = append(s.text, text...)
	case c.kind == "str":
		s.text = append(s.text, unescapeX(c.number)...)
	case c.kind == "b":
		s.text = strconv.AppendBool(s.text, truth(string(bytes.TrimSpace(c.number))))
	case c.kind == "e" || c.kind == "d":
		s.text = append(s.text, c.number...)
	default:
		s.appendNumber(bytes.TrimSpace(c.number))
	}
	return nil
}

func (s *xlsxRows) appendNumber(v []byte) {
	c := &s.cell
	if c.style > 0 && c.style < len(s.book.shapes) && s.book.shapes[c.style] != plain {
		if f, err := strconv.ParseFloat(string(v), 64); err == nil {
			s.text = appendSerial(s.text, f, s.book.shapes[c.style], s.book.from1904)
			return
		}
	}
	s.text = decimalText(s.text, v)
}

// merged finds the merged cells, which stand behind the rows: it looks for the
// end of the rows byte by byte, since reading them all a second time would
// double what the sheet costs.
func (s *xlsxRows) merged() ([]area, error) {
	f, err := s.open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	br := bufio.NewReaderSize(f, 64<<10)
	const end = "sheetData>"
	for found := false; !found; {
		line, err := br.ReadSlice('>')
		switch {
		case errors.Is(err, io.EOF):
			return nil, nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return nil, s.in.fault(0, err)
		}
		i := bytes.LastIndexByte(line, '<')
		found = i >= 0 && i+1 < len(line) && line[i+1] == '/' && bytes.HasSuffix(line, []byte(end))
	}
	x := newXMLReader(s.in, br)
	var areas []area
	for {
		tok, err := x.next()
		if errors.Is(err, io.EOF) {
			return areas, nil
		}
		if err != nil {
			return nil, err
		}
		if e, ok := tok.(xml.StartElement); ok && e.Name.Local == "mergeCell" {
			a, err := areaOf(attribute(e, "ref"))
			if err != nil || len(areas) == lastRow {
				return nil, s.in.damagedBook(0)
			}
			areas = append(areas, a)
		}
	}
}
