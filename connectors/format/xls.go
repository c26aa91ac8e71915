package format

import (
	"context"
	"encoding/binary"
	"io"
	"slices"

	"github.com/richardlehane/mscfb"

	"halftone/connectors"
)

// decodeXLS reads one sheet of a workbook of Excel 97 to 2003 ([MS-XLS],
// BIFF8), as decodeXLSX does. The workbook's stream, at most 65,536 rows a
// sheet, is held in memory within Limits.Body.
func decodeXLS(ctx context.Context, in Input, at io.ReaderAt, size int64, page func(connectors.Page) bool) error {
	b, err := in.openXLS(ctx, at, size)
	if err != nil {
		return err
	}
	i, err := in.pickSheet(b.tables())
	if err != nil {
		return err
	}
	rows, err := b.rows(i)
	if err != nil {
		return err
	}
	return in.decodeRows(ctx, rows, nil, page)
}

// openXLS reads everything of a workbook but its rows.
func (in Input) openXLS(ctx context.Context, at io.ReaderAt, size int64) (*xlsBook, error) {
	stream, err := in.workbookStream(ctx, at, size)
	if err != nil {
		return nil, err
	}
	b := &xlsBook{in: in, stream: stream}
	return b, b.globals()
}

func (b *xlsBook) tables() []bookSheet {
	sheets := make([]bookSheet, len(b.sheets))
	for i, s := range b.sheets {
		sheets[i] = s.bookSheet
	}
	return sheets
}

func (b *xlsBook) rows(sheet int) (*xlsRows, error) {
	r := biff{in: b.in, b: b.stream, pos: b.sheets[sheet].offset}
	if err := r.begin(); err != nil {
		return nil, err
	}
	return &xlsRows{in: b.in, book: b, r: r, start: r, row: -1}, nil
}

// workbookStream takes the workbook out of the compound file around it.
func (in Input) workbookStream(ctx context.Context, at io.ReaderAt, size int64) (stream []byte, err error) {
	defer func() {
		if recover() != nil { // the file system in the file is hostile: nothing was kept
			stream, err = nil, in.damagedBook(0)
		}
	}()
	files, err := mscfb.New(&budgetReaderAt{ctx: ctx, r: at, left: 16*size + 1<<20})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, in.damagedBook(0)
	}
	names := make([]string, len(files.File))
	for i, f := range files.File {
		names[i] = f.Name
	}
	i := slices.Index(names, "Workbook")
	switch {
	case slices.Contains(names, "EncryptedPackage"):
		return nil, in.protected()
	case i < 0 && slices.Contains(names, "Book"):
		return nil, in.oldBook()
	case i < 0:
		return nil, in.malformed(0, "this is a document of another program and not a workbook", "ask for a workbook or CSV")
	case files.File[i].Size > min(size, in.Limits.Body):
		return nil, &connectors.SourceError{Reason: connectors.Limit, File: in.Name, What: "the workbook is larger than the limit on what is held in memory", Do: "save it as xlsx or CSV"}
	}
	stream, err = io.ReadAll(io.LimitReader(files.File[i], files.File[i].Size))
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil || int64(len(stream)) < files.File[i].Size:
		return nil, in.damagedBook(0)
	}
	return stream, nil
}

func (in Input) protected() error {
	return in.malformed(0, "it is protected by a password", "ask for one that is not; what keeps it secret is the way it is sent")
}

func (in Input) oldBook() error {
	return in.malformed(0, "this is a workbook of a program before Excel 97", "save it as xlsx or CSV")
}

// Records of BIFF8 that are read.
const (
	recEOF      = 0x000a
	recFormula  = 0x0006
	recDateMode = 0x0022
	recFilePass = 0x002f
	recContinue = 0x003c
	recSheet    = 0x0085
	recMulRK    = 0x00bd
	recMulBlank = 0x00be
	recRString  = 0x00d6
	recXF       = 0x00e0
	recMerged   = 0x00e5
	recSST      = 0x00fc
	recLabelSST = 0x00fd
	recBlank    = 0x0201
	recNumber   = 0x0203
	recLabel    = 0x0204
	recBoolErr  = 0x0205
	recString   = 0x0207
	recRK       = 0x027e
	recFormat   = 0x041e
	recBOF      = 0x0809
)

// biff gives the records of a stream.
type biff struct {
	in  Input
	b   []byte
	pos int
	row int64 // for errors
}

// next gives a record, which is a view of the stream.
func (r *biff) next() (id uint16, data []byte, err error) {
	if len(r.b)-r.pos < 4 {
		return 0, nil, r.in.damagedBook(r.row)
	}
	id, n := binary.LittleEndian.Uint16(r.b[r.pos:]), int(binary.LittleEndian.Uint16(r.b[r.pos+2:]))
	if len(r.b)-r.pos-4 < n {
		return 0, nil, r.in.damagedBook(r.row)
	}
	data = r.b[r.pos+4 : r.pos+4+n]
	r.pos += 4 + n
	return id, data, nil
}

// begin steps over the record that opens a part of the stream.
func (r *biff) begin() error {
	id, data, err := r.next()
	switch {
	case err != nil:
		return err
	case id != recBOF || len(data) < 4:
		if id&0xff == 0x09 { // of BIFF2 to BIFF4
			return r.in.oldBook()
		}
		return r.in.damagedBook(0)
	case binary.LittleEndian.Uint16(data) != 0x0600:
		return r.in.oldBook()
	}
	return nil
}

// texts gives the data of a record and of those that continue it.
func (r *biff) texts(data []byte) *pieces {
	p := &pieces{parts: [][]byte{data}}
	for len(r.b)-r.pos >= 4 && binary.LittleEndian.Uint16(r.b[r.pos:]) == recContinue {
		_, more, err := r.next()
		if err != nil {
			break // the next call says so
		}
		p.parts = append(p.parts, more)
	}
	return p
}

// An xlsBook is what stands above the sheets.
type xlsBook struct {
	in       Input
	stream   []byte
	sheets   []xlsSheet
	strings  textTable
	shapes   []shape // of the cell styles
	from1904 bool
}

type xlsSheet struct {
	bookSheet
	offset int
}

// globals reads the first part of the stream.
func (b *xlsBook) globals() error {
	r := biff{in: b.in, b: b.stream}
	if err := r.begin(); err != nil {
		return err
	}
	codes := map[uint16]shape{}
	for {
		id, data, err := r.next()
		if err != nil {
			return err
		}
		switch id {
		case recEOF:
			return nil
		case recFilePass:
			return b.in.protected()
		case recDateMode:
			b.from1904 = len(data) > 0 && data[0] == 1
		case recFormat:
			if p := (&pieces{parts: [][]byte{data}}); len(data) > 2 {
				code, _ := p.skip(2).text(nil)
				codes[binary.LittleEndian.Uint16(data)] = shapeOf(string(code))
			}
		case recXF:
			if len(data) >= 4 {
				code := binary.LittleEndian.Uint16(data[2:])
				s, own := codes[code]
				if !own {
					s = builtIn(int(code))
				}
				b.shapes = append(b.shapes, s)
			}
		case recSheet:
			if err := b.sheet(data); err != nil {
				return err
			}
		case recSST:
			if err := b.sharedStrings(r.texts(data)); err != nil {
				return err
			}
		}
	}
}

// sheet takes name and place of a sheet.
func (b *xlsBook) sheet(data []byte) error {
	if len(data) < 8 {
		return b.in.damagedBook(0)
	}
	offset := binary.LittleEndian.Uint32(data)
	if int64(offset) >= int64(len(b.stream)) {
		return b.in.damagedBook(0)
	}
	s := xlsSheet{offset: int(offset)}
	s.hidden = data[4]&3 != 0
	p := &pieces{parts: [][]byte{data[8:]}}
	name, _ := p.chars(nil, int(data[6]), data[7]&1 != 0)
	s.name = string(name)
	if data[5] == 0 { // cells, and no diagram or macro
		s.part = "cells"
	}
	b.sheets = append(b.sheets, s)
	return nil
}

// sharedStrings reads the table of texts.
func (b *xlsBook) sharedStrings(p *pieces) error {
	if len(b.strings.ends) > 0 {
		return b.in.damagedBook(0)
	}
	p.skip(4)
	n, ok := p.uint(4)
	if !ok {
		return b.in.damagedBook(0)
	}
	for range n {
		if b.strings.buf, ok = p.text(b.strings.buf); !ok {
			return b.in.damagedBook(0)
		}
		if err := b.strings.close(b.in); err != nil {
			return err
		}
	}
	return nil
}
