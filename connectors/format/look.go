package format

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/encoding/charmap"
)

// A Look is what an item says of itself before anything of it is declared: what
// a person needs who is about to write `read`. It holds cells of all columns, so
// it is for the eyes of whoever may see the item and is not kept.
type Look struct {
	Format           string
	Encoding         string   // that has to be declared; empty: none
	Delimiter        string   // of delimited text
	SkipInitialSpace bool     // of delimited text: quotes stand behind white space
	Sheets           []string // of a workbook: the tables that can be seen
	Sheet            string   // the one that Rows are of
	Rows             []LookRow
}

// A LookRow is a row as it stands in the item. Cells that are merged into one to
// the left, or above, are in Covered.
type LookRow struct {
	Row     int64
	Cells   []string
	Covered []bool // nil: none
}

// LookAt looks at an item's first rows, at most so many. in.Layout may say
// format, encoding, delimiter and sheet; what it does not say is found out. JSON
// and Parquet have no rows to look at. The caller guarantees that in.Open gives
// a file or bytes in memory.
func LookAt(ctx context.Context, in Input, rows int) (Look, error) {
	f, at, size, err := in.sniff()
	switch {
	case err != nil:
		return Look{}, err
	case f == nil:
		return in.lookAtText(ctx, rows)
	case f.Name == "xlsx":
		return in.lookAtXLSX(ctx, at, size, rows)
	case f.Name == "xls":
		return in.lookAtXLS(ctx, at, size, rows)
	}
	return Look{Format: f.Name}, nil
}

// encoding finds what has to be declared so that all of the text can be read.
func (in Input) encoding(ctx context.Context) (string, error) {
	raw, err := in.reader(ctx)
	if err != nil {
		return "", err
	}
	text, _, err := in.text(raw)
	if err != nil {
		return "", err
	}
	_, err = io.CopyBuffer(io.Discard, onlyReader{text}, make([]byte, readBuffer))
	if !errors.Is(err, errBadByte) || in.Layout.Encoding != "" {
		return in.Layout.Encoding, in.orFault(err)
	}
	// Windows-1252 leaves five bytes out: what holds one of them is something else.
	if raw, err = in.reader(ctx); err != nil {
		return "", err
	}
	br := bufio.NewReaderSize(charmap.Windows1252.NewDecoder().Reader(raw), readBuffer)
	for {
		switch r, _, err := br.ReadRune(); {
		case errors.Is(err, io.EOF):
			return "windows-1252", nil
		case err != nil:
			return "", in.fault(0, err)
		case r == '\uFFFD', r == 0:
			return "", in.malformed(0, "it is neither UTF-8 nor Windows-1252", "ask which encoding it has, and save it as UTF-8")
		}
	}
}

func (in Input) orFault(err error) error {
	if err == nil {
		return nil
	}
	return in.fault(0, err)
}

func (in Input) lookAtText(ctx context.Context, rows int) (Look, error) {
	encoding, err := in.encoding(ctx)
	if err != nil {
		return Look{}, err
	}
	l := Look{Encoding: encoding}
	in.Layout.Encoding = encoding
	raw, err := in.reader(ctx)
	if err != nil {
		return l, err
	}
	text, f, err := in.text(raw)
	if err != nil {
		return l, err
	}
	if l.Format = f.Name; f.Name == "json" || f.Name == "jsonl" {
		return l, nil
	}
	head, err := io.ReadAll(io.LimitReader(text, lookBytes))
	if err != nil {
		return l, in.fault(0, err)
	}
	if len(head) == lookBytes { // the last line is not whole
		head = head[:bytes.LastIndexByte(head, '\n')+1]
	}
	l.SkipInitialSpace = in.Layout.SkipInitialSpace || spaced.Match(head)
	in.Layout.SkipInitialSpace = l.SkipInitialSpace
	l.Delimiter, l.Rows, err = in.cut(head, f, rows)
	if len(l.Rows) > 0 && l.Format == "csv" && isSDMX(l.Rows[0].Cells) {
		l.Format = "sdmx-csv"
	}
	return l, err
}

// lookBytes is how much of a text is looked at.
const lookBytes = 1 << 20

// spaced finds a quote that stands behind a delimiter and white space.
var spaced = regexp.MustCompile(`(?m)^(?:"[^"\n]*"|[^",;\t\n]*)[,;\t|] +"`)

// cut tries delimiters, and takes the one by which most rows have most fields.
func (in Input) cut(head []byte, f Format, most int) (string, []LookRow, error) {
	usual := ","
	if f.Name == "tsv" {
		usual = "\t"
	}
	try := []string{usual, ";", "\t", "|", ","}
	if in.Layout.Delimiter != "" {
		try = []string{in.Layout.Delimiter}
	}
	var best []LookRow
	var with string
	var why error
	score := 0
	for _, d := range try {
		comma, err := delimiter(d, ',')
		if err != nil {
			return "", nil, err
		}
		rows, err := looked(in.lines(bytes.NewReader(head), comma), most)
		if err != nil {
			if why == nil {
				why = err
			}
			continue
		}
		if s := regular(rows); s > score {
			best, with, score = rows, d, s
		}
	}
	if known := slices.Contains(f.Extensions, strings.ToLower(path.Ext(in.Name))); best != nil && !known && score < leastRegular {
		return "", nil, in.malformed(0, "it does not look like a table", "see what it is; a text without a header is none")
	}
	if best == nil {
		if why == nil {
			why = in.malformed(0, "no header row", "the file is empty")
		}
		return "", nil, why
	}
	return with, best, nil
}

// leastRegular is half of all rows with the same number of fields, two or more.
const leastRegular = 500 * 100

// regular is larger where more rows have the most usual number of fields, and
// where that is larger. One field a row is the least.
func regular(rows []LookRow) (score int) {
	widths := map[int]int{}
	for _, r := range rows {
		widths[len(r.Cells)]++
	}
	score = 1
	for width, n := range widths {
		if width > 1 {
			score = max(score, 1000*n/len(rows)*100+min(width, 99))
		}
	}
	return score
}

func isSDMX(cells []string) bool {
	ids := map[string]bool{}
	for _, c := range cells {
		ids[componentID(c)] = true
	}
	return ids["OBS_VALUE"] && (ids["TIME_PERIOD"] || ids["STRUCTURE"] || ids["DATAFLOW"])
}

func (in Input) lookAtXLSX(ctx context.Context, at io.ReaderAt, size int64, most int) (Look, error) {
	b, err := in.openXLSX(ctx, at, size)
	if err != nil {
		return Look{}, err
	}
	l := Look{Format: "xlsx", Sheets: visible(b.sheets)}
	i, err := in.anySheet(&l, b.sheets)
	if err != nil {
		return l, err
	}
	rows := &xlsxRows{in: in, book: b, part: b.sheets[i].part}
	defer rows.close()
	l.Rows, err = in.lookAtSheet(rows, most)
	return l, err
}

func (in Input) lookAtXLS(ctx context.Context, at io.ReaderAt, size int64, most int) (Look, error) {
	b, err := in.openXLS(ctx, at, size)
	if err != nil {
		return Look{}, err
	}
	l := Look{Format: "xls", Sheets: visible(b.tables())}
	i, err := in.anySheet(&l, b.tables())
	if err != nil {
		return l, err
	}
	rows, err := b.rows(i)
	if err != nil {
		return l, err
	}
	l.Rows, err = in.lookAtSheet(rows, most)
	return l, err
}

func visible(sheets []bookSheet) (names []string) {
	for _, s := range sheets {
		if !s.hidden && s.part != "" {
			names = append(names, s.name)
		}
	}
	return names
}

// anySheet picks a sheet: of several that can be seen, the first.
func (in Input) anySheet(l *Look, sheets []bookSheet) (int, error) {
	if in.Layout.Sheet == "" && in.Layout.SheetNumber == 0 && len(l.Sheets) > 1 {
		in.Layout.SheetNumber = 1
	}
	i, err := in.pickSheet(sheets)
	if err == nil {
		l.Sheet = sheets[i].name
	}
	return i, err
}

func (in Input) lookAtSheet(rows sheetReader, most int) ([]LookRow, error) {
	out, err := looked(rows, most)
	if err != nil {
		return nil, err
	}
	merged, err := rows.merged()
	if err != nil {
		return nil, err
	}
	for i := range out {
		cover(&out[i], merged)
	}
	return out, nil
}

// cover marks the cells that a merged one reaches over.
func cover(r *LookRow, merged []area) {
	for _, a := range merged {
		if a.top > r.Row || a.bottom < r.Row || a.right >= 1<<12 {
			continue
		}
		for len(r.Covered) <= a.right {
			r.Covered = append(r.Covered, false)
		}
		for c := a.left; c <= a.right; c++ {
			if c > a.left || r.Row > a.top {
				r.Covered[c] = true
			}
		}
	}
}

// looked reads the first rows.
func looked(src rowReader, most int) ([]LookRow, error) {
	var out []LookRow
	for len(out) < most {
		cells, row, err := src.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		r := LookRow{Row: row, Cells: make([]string, len(cells))}
		for i, c := range cells {
			r.Cells[i] = string(c)
		}
		out = append(out, r)
	}
	return out, nil
}
