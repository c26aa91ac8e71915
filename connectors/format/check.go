package format

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"halftone/connectors"
)

// Check refuses a layout that no item can have. Connectors call it when they
// open, so that a mistake costs no pull. The error is a *connectors.SettingError.
func Check(l connectors.Layout) error {
	bad := func(key, what, do string) error {
		return &connectors.SettingError{Key: key, What: what, Do: do}
	}
	if i := slices.IndexFunc(All(), func(f Format) bool { return f.Name == l.Format }); l.Format != "" && i < 0 {
		return bad("format", "this format cannot be read", "use "+names())
	}
	if !slices.Contains([]string{"", "utf-8", "utf-16", "windows-1252"}, l.Encoding) {
		return bad("encoding", "this encoding cannot be read", "use utf-8, utf-16 or windows-1252")
	}
	if _, err := delimiter(l.Delimiter, ','); err != nil {
		return bad("delimiter", err.Error(), `give one of , ; | or "\t"`)
	}
	if l.SheetNumber < 0 || l.SheetNumber > 0 && l.Sheet != "" {
		return bad("sheet", "a sheet is told by its name or by its number from 1", "keep one of them")
	}
	for _, at := range l.Cells {
		if _, _, ok := address(at); !ok {
			return bad("cells", "this is no address of a cell", "write column and row as a spreadsheet does: A3")
		}
	}
	if !slices.Contains([]string{"", "drop", "names"}, l.HXL) {
		return bad("hxl", "this is no way to read a row of tags", "use drop or names")
	}
	if err := checkHeader(l.Header); err != nil {
		return err
	}
	if _, err := parsePath(l.Rows, pathOfRows); err != nil {
		return bad("rows", err.Error(), "write names joined by dots, [] after each array: data.rows[]")
	}
	if _, err := parsePath(l.Names, pathOfNames); err != nil {
		return bad("columns", err.Error(), "write where the names stand: headers[].name")
	}
	if _, err := parsePath(l.Total, pathOfTotal); err != nil {
		return bad("total", err.Error(), "write names joined by dots: meta.count")
	}
	return nil
}

func checkHeader(h connectors.Header) error {
	bad := func(what, do string) error {
		return &connectors.SettingError{Key: "header", What: what, Do: do}
	}
	switch {
	case h.Row < 0:
		return bad("a header row is counted from 1", "")
	case h.Row > 0 && len(h.Find) > 0:
		return bad("a header is told by its row or by its labels", "keep one of them")
	case slices.ContainsFunc(h.Find, func(l string) bool { return tidy(l) == "" }):
		return bad("a label of `find` is blank", "name labels that stand in the header")
	case h.Rows < 0 || h.Rows > connectors.HeaderRows:
		return bad("`rows` is a number of rows that is not possible", "count the rows of the header")
	}
	if re, err := regexp.Compile(h.Label); err != nil || h.Label != "" && re.NumSubexp() < 1 {
		return bad("`label` is not a regular expression with a group", "write the part to keep in parentheses: ^([^:]+)")
	}
	return nil
}

// misplaced refuses keys of `read` that say nothing of the format that the item
// turned out to have: to pass over them would read another table than was meant.
func (in Input) misplaced(f Format) error {
	l := in.Layout
	book, json := f.Name == "xlsx" || f.Name == "xls", f.Name == "json" || f.Name == "jsonl"
	table := !json && f.Name != "parquet"
	for _, k := range []struct {
		key         string
		said, means bool
	}{
		{"sheet", l.Sheet != "" || l.SheetNumber > 0, book},
		{"cells", len(l.Cells) > 0, table},
		{"hxl", l.HXL != "", table},
		{"header: {find: …}", len(l.Header.Find) > 0, table},
		{"outer", len(l.Outer) > 0, json},
		{"columns", l.Names != "", json},
	} {
		if k.said && !k.means {
			return in.malformed(0, fmt.Sprintf("this is %s, of which `%s` says nothing", f.Name, k.key), "take it out, or see what the file is")
		}
	}
	return nil
}

// names lists the formats for a message.
func names() string {
	var all []string
	for _, f := range All() {
		all = append(all, f.Name)
	}
	return strings.Join(all[:len(all)-1], ", ") + " or " + all[len(all)-1]
}

// address reads A3 as column 0 of row 3.
func address(s string) (column int, row int64, ok bool) {
	n := 0
	for n < len(s) && (s[n]|0x20) >= 'a' && (s[n]|0x20) <= 'z' {
		if column = column*26 + int(s[n]|0x20-'a') + 1; column > 1<<20 {
			return 0, 0, false
		}
		n++
	}
	if n == 0 || n == len(s) || s[n] == '0' {
		return 0, 0, false
	}
	for _, c := range []byte(s[n:]) {
		if c < '0' || c > '9' || row > 1<<31 {
			return 0, 0, false
		}
		row = row*10 + int64(c-'0')
	}
	return column - 1, row, true
}

// addresses gives the places of the wanted cells outside the table.
func (in Input) addresses() map[string]area {
	out := map[string]area{}
	for name, at := range in.Layout.Cells {
		column, row, ok := address(at)
		if ok && slices.Contains(in.Columns, name) {
			out[name] = area{top: row, bottom: row, left: column, right: column}
		}
	}
	return out
}

// areaOf reads A1:C2, or A1 for one cell.
func areaOf(s string) (area, error) {
	from, to, two := strings.Cut(s, ":")
	if !two {
		to = from
	}
	var a area
	var one, other bool
	a.left, a.top, one = address(from)
	a.right, a.bottom, other = address(to)
	if !one || !other || a.right < a.left || a.bottom < a.top {
		return area{}, errors.New("no area of cells")
	}
	return a, nil
}
