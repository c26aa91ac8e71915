package verify

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// A pageTable is a data table of a report: the text of its cells, row by row.
type pageTable struct {
	id   string
	rows [][]string
}

// sameTables compares the data tables of two reports and returns their number.
func sameTables(got, want []byte) (int, error) {
	a, err := pageTables(got)
	if err != nil {
		return 0, err
	}
	b, err := pageTables(want)
	if err != nil {
		return 0, err
	}
	if len(b) == 0 {
		return 0, errors.New("no data table")
	}
	for _, w := range b {
		i := slices.IndexFunc(a, func(t pageTable) bool { return t.id == w.id })
		if i < 0 {
			return 0, fmt.Errorf("the data table %s is missing", w.id)
		}
		g := a[i]
		for r := range w.rows {
			if r >= len(g.rows) || !slices.Equal(g.rows[r], w.rows[r]) {
				return 0, fmt.Errorf("data table %s row %d differs from the files", w.id, r+1)
			}
		}
		if len(g.rows) != len(w.rows) {
			return 0, fmt.Errorf("data table %s has other rows than the files", w.id)
		}
	}
	if len(a) != len(b) {
		return 0, errors.New("it has another number of data tables")
	}
	return len(b), nil
}

// notMarkup is what a page holds that is no markup and may have a < in it.
var notMarkup = regexp.MustCompile(`(?is)<style\b.*?</style>|<script\b.*?</script>`)

// pageTables reads the tables that have an id, which the report gives to the
// data table of a chart. The page may come from anywhere.
func pageTables(page []byte) ([]pageTable, error) {
	dec := xml.NewDecoder(bytes.NewReader(notMarkup.ReplaceAll(page, nil)))
	dec.Strict, dec.AutoClose, dec.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var tables []pageTable
	var in *pageTable // the table that is open
	var cell *strings.Builder
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return tables, nil
		}
		if err != nil {
			return nil, errors.New("not readable as a page")
		}
		switch t := token.(type) {
		case xml.StartElement:
			switch {
			case t.Name.Local == "table":
				in = nil
				for _, a := range t.Attr {
					if a.Name.Local == "id" {
						tables = append(tables, pageTable{id: a.Value})
						in = &tables[len(tables)-1]
					}
				}
			case in != nil && t.Name.Local == "tr":
				in.rows = append(in.rows, nil)
			case in != nil && len(in.rows) > 0 && (t.Name.Local == "td" || t.Name.Local == "th"):
				cell = &strings.Builder{}
			}
		case xml.EndElement:
			switch {
			case t.Name.Local == "table":
				in, cell = nil, nil
			case cell != nil && in != nil && (t.Name.Local == "td" || t.Name.Local == "th"):
				last := len(in.rows) - 1
				in.rows[last], cell = append(in.rows[last], strings.Join(strings.Fields(cell.String()), " ")), nil
			}
		case xml.CharData:
			if cell != nil {
				cell.Write(t)
			}
		}
	}
}
