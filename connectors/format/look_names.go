package format

import (
	"bufio"
	"context"
	"io"
)

// Names gives the names of an item's columns under its layout, as `map` uses
// them: blank where a column has none, twice where it stands twice. It gives none
// of JSON, whose records each have their own. The caller guarantees that in.Open
// gives a file or bytes in memory.
func Names(ctx context.Context, in Input) ([]string, error) {
	f, at, size, err := in.sniff()
	switch {
	case err != nil:
		return nil, err
	case f == nil:
		return in.namesOfText(ctx)
	case f.Name == "parquet":
		return in.namesOfParquet(ctx, at, size)
	}
	var rows sheetReader
	if f.Name == "xlsx" {
		b, err := in.openXLSX(ctx, at, size)
		if err != nil {
			return nil, err
		}
		i, err := in.pickSheet(b.sheets)
		if err != nil {
			return nil, err
		}
		sheet := &xlsxRows{in: in, book: b, part: b.sheets[i].part}
		defer sheet.close()
		rows = sheet
	} else {
		b, err := in.openXLS(ctx, at, size)
		if err != nil {
			return nil, err
		}
		i, err := in.pickSheet(b.tables())
		if err != nil {
			return nil, err
		}
		if rows, err = b.rows(i); err != nil {
			return nil, err
		}
	}
	return in.headOf(rows).names(nil)
}

// sniff opens a file and tells its format, if it is no text.
func (in Input) sniff() (*Format, io.ReaderAt, int64, error) {
	raw, err := in.Open()
	if err != nil {
		return nil, nil, 0, in.fault(0, err)
	}
	at, ok := raw.(seekable)
	if !ok {
		return nil, nil, 0, in.malformed(0, "it can only be looked at as a file", "save it first")
	}
	size, err := at.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, nil, 0, in.fault(0, err)
	}
	head := make([]byte, min(size, 16))
	if _, err := at.ReadAt(head, 0); err != nil {
		return nil, nil, 0, in.fault(0, err)
	}
	f, err := in.binary(head)
	return f, at, size, err
}

func (in Input) namesOfText(ctx context.Context) ([]string, error) {
	raw, err := in.reader(ctx)
	if err != nil {
		return nil, err
	}
	text, f, err := in.text(raw)
	if err != nil {
		return nil, err
	}
	usual := byte(',')
	var label func(string) string
	switch f.Name {
	case "json", "jsonl":
		return nil, nil
	case "tsv":
		usual = '\t'
	case "sdmx-csv":
		br := bufio.NewReaderSize(text, readBuffer)
		head, err := br.Peek(readBuffer / 2)
		if len(head) == 0 && err != nil {
			return nil, in.fault(0, err)
		}
		text, usual = br, sdmxDelimiter(head)
		if in.Layout.Header.Label == "" {
			label = componentID
		}
	}
	comma, err := delimiter(in.Layout.Delimiter, usual)
	if err != nil {
		return nil, err
	}
	return in.headOf(in.lines(text, comma)).names(label)
}

func (in Input) namesOfParquet(ctx context.Context, at io.ReaderAt, size int64) ([]string, error) {
	p := &parquet{in: in, ctx: ctx, at: at}
	if err := p.footer(size); err != nil {
		return nil, err
	}
	var names []string
	for _, l := range p.leaves {
		if l.unreadable() == "" {
			names = append(names, tidy(l.name))
		}
	}
	return names, nil
}
