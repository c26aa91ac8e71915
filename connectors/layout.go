package connectors

// Layout is how a table stands in the bytes of an item: the keys of `read`
// that a decoder needs. The zero Layout leaves everything to the content.
//
// Names of columns are compared after NFC, without white space at their ends
// and with one space for every run of it inside.
type Layout struct {
	Format           string            // csv, tsv, xlsx, xls, json, jsonl, parquet, sdmx-csv; empty: by content and extension
	Encoding         string            // utf-8, utf-16, windows-1252; empty: byte-order mark, else utf-8
	Delimiter        string            // one character; empty: that of the format
	SkipInitialSpace bool              // white space after a delimiter is not part of the field
	Sheet            string            // name of the sheet; empty: SheetNumber
	SheetNumber      int               // the visible sheets are counted from 1; 0: the only visible one
	Cells            map[string]string // column → the address, such as A3, of a cell above the rows whose text each row gets
	Header           Header
	HXL              string   // the row of HXL tags below the header: "drop", "names"; empty: there is none
	Rows             string   // JSON path of the records: `result[]`, `data.{month}`; empty: the top-level array, or each line
	Outer            []string // JSON: scalars of the objects around a record that are columns, too
	Names            string   // JSON path of the columns' names, for records that are arrays: `headers[].name`
	Total            string   // JSON path of the source's own count of rows: `meta.count`; empty: none
}

// A Header says where the header of a table stands and how its labels name the
// columns.
type Header struct {
	Row   int      // it starts on this row, as Origin.Row counts; 0: see Find
	Find  []string // it starts on the first of HeaderRows rows with all these labels; empty: on the first row that is not blank
	Rows  int      // so many rows are stacked; 0 is 1
	Join  string   // stands between the labels of stacked rows; empty is " / "
	Fill  bool     // a blank cell takes the label to its left, in all stacked rows but the last
	Blank []string // labels that mean that a header's cell is blank
	Label string   // regular expression whose group 1 is the name, for a header like `ID: label`
}

// HeaderRows are searched for a header that is told by its labels.
const HeaderRows = 50

// With adds what the settings of a connector say to what `read` says. Saying
// the same twice is fine, contradicting is a *SettingError.
func (l Layout) With(format, rows, total string) (Layout, error) {
	for _, s := range []struct {
		key  string
		into *string
		from string
	}{{"format", &l.Format, format}, {"rows", &l.Rows, rows}, {"total", &l.Total, total}} {
		switch {
		case s.from == "":
		case *s.into == "" || *s.into == s.from:
			*s.into = s.from
		default:
			return l, &SettingError{Key: s.key, What: "`from` and `read` say different things", Do: "keep one of them"}
		}
	}
	return l, nil
}
