package format

import (
	"encoding/binary"
	"io"
	"math"
	"slices"
	"strconv"

	"halftone/connectors"
)

// xlsRows are the rows of one sheet that have cells.
type xlsRows struct {
	in    Input
	book  *xlsBook
	r     biff
	start biff // r as it was at the first record of the sheet

	row   int64  // current, from 0; -1: none yet
	done  bool   // at the end of the sheet
	want  []bool // by column; nil: all
	cells []span // in text
	text  []byte
	views [][]byte

	formula int // column of a formula whose text comes next; -1: none
	have    int // cells of the current row with text: 2 stands for more
}

var _ sheetReader = (*xlsRows)(nil)

func (s *xlsRows) following() int64 { return s.row + 2 }

func (s *xlsRows) keep(fields []int) {
	s.want = make([]bool, 1<<8)
	for _, i := range fields {
		if i >= 0 && i < len(s.want) {
			s.want[i] = true
		}
	}
}

// next gathers the cells of a row.
func (s *xlsRows) next() ([][]byte, int64, error) {
	started := false
	s.cells, s.text, s.formula, s.have = s.cells[:0], s.text[:0], -1, 0
	for !s.done {
		before := s.r.pos
		id, data, err := s.r.next()
		if err != nil {
			return nil, s.row + 1, err
		}
		row, isCell := rowOf(id, data)
		switch {
		case isCell && started && row != s.row:
			s.r.pos = before
			return s.end(), s.row + 1, nil
		case isCell && row < s.row || isCell && !started && row == s.row:
			return nil, s.row + 1, s.in.malformed(s.row+1, "the workbook's rows are out of order", "open it in a spreadsheet program and save it again")
		case isCell:
			started, s.row, s.r.row = true, row, row+1
		}
		if err := s.record(id, data); err != nil {
			return nil, s.row + 1, err
		}
		if len(s.text) > s.in.Limits.RecordBytes() {
			return nil, s.row + 1, &connectors.SourceError{Reason: connectors.Limit, File: s.in.Name, Row: s.row + 1, What: "the row is longer than the limit"}
		}
	}
	if started {
		return s.end(), s.row + 1, nil
	}
	return nil, s.row + 1, io.EOF
}

func (s *xlsRows) end() [][]byte {
	s.views = s.views[:0]
	for _, c := range s.cells {
		s.views = append(s.views, s.text[c.from:c.to])
	}
	return s.views
}

// rowOf gives the row of a record that is a cell or several.
func rowOf(id uint16, data []byte) (int64, bool) {
	switch id {
	case recFormula, recMulRK, recMulBlank, recRString, recLabelSST, recBlank, recNumber, recLabel, recBoolErr, recRK:
		if len(data) >= 6 {
			return int64(binary.LittleEndian.Uint16(data)), true
		}
	}
	return 0, false
}

// record takes one record of the sheet.
func (s *xlsRows) record(id uint16, data []byte) error {
	at := func(i int) int { return int(binary.LittleEndian.Uint16(data[i:])) }
	short := func(n int) bool { return len(data) < n }
	switch id {
	case recEOF:
		s.done = true
	case recBOF: // of a diagram on the sheet
		return s.skipPart()
	case recLabelSST:
		if short(10) {
			return s.in.damagedBook(s.row + 1)
		}
		text, ok := s.book.strings.at(int(binary.LittleEndian.Uint32(data[6:])))
		if !ok {
			return s.in.damagedBook(s.row + 1)
		}
		return s.cell(at(2), func(to []byte) []byte { return append(to, text...) })
	case recLabel, recRString:
		if short(9) {
			return s.in.damagedBook(s.row + 1)
		}
		return s.string(at(2), s.r.texts(data).skip(6))
	case recString:
		if column := s.formula; column >= 0 {
			s.formula = -1
			return s.string(column, s.r.texts(data))
		}
	case recNumber:
		if short(14) {
			return s.in.damagedBook(s.row + 1)
		}
		return s.number(at(2), at(4), math.Float64frombits(binary.LittleEndian.Uint64(data[6:])))
	case recRK:
		if short(10) {
			return s.in.damagedBook(s.row + 1)
		}
		return s.number(at(2), at(4), rk(binary.LittleEndian.Uint32(data[6:])))
	case recMulRK:
		if short(6) {
			return s.in.damagedBook(s.row + 1)
		}
		for i, column := 4, at(2); len(data)-i >= 8; i, column = i+6, column+1 {
			if err := s.number(column, at(i), rk(binary.LittleEndian.Uint32(data[i+2:]))); err != nil {
				return err
			}
		}
	case recBoolErr:
		if short(8) {
			return s.in.damagedBook(s.row + 1)
		}
		return s.truthOrFault(at(2), data[6], data[7] != 0)
	case recFormula:
		if short(14) {
			return s.in.damagedBook(s.row + 1)
		}
		return s.result(at(2), at(4), data[6:14])
	}
	return nil
}

// result takes the last result of a formula, which is a number unless its last
// bytes say otherwise.
func (s *xlsRows) result(column, style int, v []byte) error {
	if binary.LittleEndian.Uint16(v[6:]) != 0xffff {
		return s.number(column, style, math.Float64frombits(binary.LittleEndian.Uint64(v)))
	}
	switch v[0] {
	case 0:
		s.formula = column
	case 1, 2:
		return s.truthOrFault(column, v[2], v[0] == 2)
	}
	return nil
}

// rk unpacks a number that was made short.
func rk(v uint32) float64 {
	f := math.Float64frombits(uint64(v&^3) << 32)
	if v&2 != 0 {
		f = float64(int32(v) >> 2)
	}
	if v&1 != 0 {
		f /= 100
	}
	return f
}

func (s *xlsRows) number(column, style int, f float64) error {
	return s.cell(column, func(to []byte) []byte {
		if style < len(s.book.shapes) && s.book.shapes[style] != plain {
			return appendSerial(to, f, s.book.shapes[style], s.book.from1904)
		}
		return appendNumber(to, f)
	})
}

func (s *xlsRows) truthOrFault(column int, v byte, fault bool) error {
	return s.cell(column, func(to []byte) []byte {
		if !fault {
			return strconv.AppendBool(to, v != 0)
		}
		codes := []byte{0x00, 0x07, 0x0f, 0x17, 0x1d, 0x24, 0x2a}
		texts := []string{"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A"}
		if i := slices.Index(codes, v); i >= 0 {
			return append(to, texts[i]...)
		}
		return append(to, "#ERROR!"...)
	})
}

func (s *xlsRows) string(column int, p *pieces) error {
	ok := true
	err := s.cell(column, func(to []byte) []byte {
		to, ok = p.text(to)
		return to
	})
	if err == nil && !ok && s.wanted(column) {
		return s.in.damagedBook(s.row + 1)
	}
	return err
}

// wanted reports whether a column is kept, or may be.
func (s *xlsRows) wanted(column int) bool {
	return s.want == nil || column < len(s.want) && s.want[column]
}

func (s *xlsRows) texts() int { return s.have }

// cell puts a text into the row, if its column is kept. Of others it only looks
// whether there is any.
func (s *xlsRows) cell(column int, text func([]byte) []byte) error {
	from := len(s.text)
	if !s.wanted(column) {
		if s.have < 2 {
			s.text = text(s.text)
			if hasText(s.text[from:]) {
				s.have++
			}
			s.text = s.text[:from]
		}
		return nil
	}
	if column >= s.in.Limits.Columns || column >= 1<<8 {
		return &connectors.SourceError{Reason: connectors.Limit, File: s.in.Name, Row: s.row + 1, What: "there are more columns than the limit"}
	}
	for len(s.cells) <= column {
		s.cells = append(s.cells, span{})
	}
	s.text = text(s.text)
	if s.have < 2 && hasText(s.text[from:]) {
		s.have++
	}
	s.cells[column] = span{from: from, to: len(s.text)}
	return nil
}

// skipPart steps over a part within the sheet, and the parts in it.
func (s *xlsRows) skipPart() error {
	for depth := 1; depth > 0; {
		id, _, err := s.r.next()
		if err != nil {
			return err
		}
		switch id {
		case recBOF:
			depth++
		case recEOF:
			depth--
		}
	}
	return nil
}

// merged finds the merged cells, which stand behind the rows.
func (s *xlsRows) merged() ([]area, error) {
	look := xlsRows{in: s.in, r: s.start}
	var areas []area
	for {
		id, data, err := look.r.next()
		if err != nil {
			return nil, err
		}
		switch id {
		case recEOF:
			return areas, nil
		case recBOF:
			if err := look.skipPart(); err != nil {
				return nil, err
			}
		case recMerged:
			for i := 2; len(data)-i >= 8; i += 8 {
				at := func(k int) int { return int(binary.LittleEndian.Uint16(data[i+2*k:])) }
				a := area{top: int64(at(0)) + 1, bottom: int64(at(1)) + 1, left: at(2), right: at(3)}
				if a.right < a.left || a.bottom < a.top {
					return nil, s.in.damagedBook(0)
				}
				areas = append(areas, a)
			}
		}
	}
}
