package draft

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"halftone/connectors"
	"halftone/connectors/format"
)

// A table is what was found out about where the table stands.
type table struct {
	names   []string // of its columns
	labels  []string // that tell its header
	stacked bool
	title   string // address of a cell above the table in which a year stands
	tags    bool
}

var (
	numeral = regexp.MustCompile(`^[-+]?(\d+|\d{1,3}([ ,.'’\x{a0}\x{202f}]\d{3})+)([.,]\d+)?([eE][-+]?\d{1,2})?%?$`)
	year    = regexp.MustCompile(`^(19|20)\d\d$`)
	aYear   = regexp.MustCompile(`(?:^|\D)(19|20)\d\d(?:\D|$)`)
	// made are names that programs give to columns that have none.
	made = regexp.MustCompile(`^(\.{2,3}\d+|Unnamed: \d+|V\d+|_\d+)$`)
)

// kinds of a header's cell.
const (
	isBlank = iota
	isText
	isNumber
)

func kindOf(cell string) int {
	cell = strings.TrimSpace(cell)
	switch {
	case cell == "", cell == "NA", made.MatchString(cell):
		return isBlank
	case numeral.MatchString(cell) && !year.MatchString(cell):
		return isNumber
	}
	return isText
}

// unnumbered blanks the first column where it only numbers the rows, as exports
// of statistics programs have it.
func unnumbered(rows []format.LookRow) {
	last := 0
	for _, r := range rows[min(1, len(rows)):] {
		n, err := strconv.Atoi(strings.TrimSpace(append(r.Cells, "")[0]))
		if err != nil || last > 0 && n != last+1 || n > 1 && last == 0 {
			return
		}
		last = n
	}
	for _, r := range rows {
		if last > 2 && len(r.Cells) > 0 {
			r.Cells[0] = ""
		}
	}
}

// count gives how many cells are texts, numbers and covered by a merged one.
func count(r format.LookRow) (texts, numbers, covered int) {
	for i, c := range r.Cells {
		switch k := kindOf(c); {
		case k == isText:
			texts++
		case k == isNumber:
			numbers++
		case i < len(r.Covered) && r.Covered[i]:
			covered++
		}
	}
	return texts, numbers, covered
}

// header finds the header row, and says it where it is not the first.
func (d *drafter) header() error {
	rows := d.look.Rows
	unnumbered(rows)
	widest := 0
	for _, r := range rows {
		t, n, c := count(r)
		widest = max(widest, t+n+c)
	}
	at := -1
	for i, r := range rows[:min(len(rows), connectors.HeaderRows)] {
		t, n, c := count(r)
		if filled := t + n + c; t > 0 && 5*filled >= 2*widest && filled >= min(2, widest) && 4*n <= filled {
			at = i
			break
		}
	}
	if at < 0 {
		return &connectors.SourceError{Reason: connectors.Malformed, File: d.in.Name, What: "no row looks like a header: names of the columns, and few numbers", Do: "have a header put above the rows; what has none would be read with its first row as names"}
	}
	d.found.labels = labelsOf(rows[at])
	h := &d.in.Layout.Header
	below := at + 1
	if d.stacks(at) {
		d.found.stacked = true
		h.Rows, below = 2, at+2
		d.fill(rows[at], rows[at+1])
	}
	if tagged(rows, below) {
		d.found.tags = true
		d.in.Layout.HXL = "names"
	}
	if d.above(at) || h.Rows > 1 || d.notes(at) {
		h.Find = d.found.labels
	}
	d.titled(rows[:at])
	return nil
}

// labelsOf gives the first texts of a header, by which it can be found.
func labelsOf(r format.LookRow) (labels []string) {
	for _, c := range r.Cells {
		if c = strings.Join(strings.Fields(c), " "); kindOf(c) == isText && len(labels) < 3 {
			labels = append(labels, c)
		}
	}
	return labels
}

// above reports whether something stands above the header.
func (d *drafter) above(at int) bool {
	for _, r := range d.look.Rows[:at] {
		if t, n, _ := count(r); t+n > 0 || d.look.Delimiter != "" {
			return true
		}
	}
	return false
}

// notes reports whether rows of one field stand below the header of a text.
func (d *drafter) notes(at int) bool {
	for _, r := range d.look.Rows[at+1:] {
		if d.look.Delimiter != "" && len(r.Cells) == 1 && len(d.look.Rows[at].Cells) > 1 {
			return true
		}
	}
	return false
}

// stacks reports whether the row below a header is of the header, too: it names
// columns that the header leaves blank, and numbers begin below it.
func (d *drafter) stacks(at int) bool {
	rows := d.look.Rows
	if at+2 >= len(rows) || rows[at+1].Row != rows[at].Row+1 {
		return false
	}
	names := 0
	for i, c := range rows[at+1].Cells {
		k := kindOf(c)
		if k == isNumber || k == isText && year.MatchString(strings.TrimSpace(c)) {
			return false
		}
		if k == isText && (i >= len(rows[at].Cells) || kindOf(rows[at].Cells[i]) == isBlank) && (i >= len(rows[at].Cells) || i > 0) {
			names++
		}
	}
	_, numbers, _ := count(rows[at+2])
	return names > 0 && numbers > 0 && !strings.HasPrefix(strings.Join(rows[at+1].Cells, ""), "#")
}

// fill says what a table without merged cells needs so that each column has its name.
func (d *drafter) fill(top, under format.LookRow) {
	h := &d.in.Layout.Header
	for i, c := range top.Cells {
		covered := i < len(top.Covered) && top.Covered[i]
		if i > 0 && kindOf(c) == isBlank && !covered && i < len(under.Cells) && kindOf(under.Cells[i]) == isText {
			h.Fill = true
		}
	}
	for _, c := range append(top.Cells[:len(top.Cells):len(top.Cells)], under.Cells...) {
		if strings.TrimSpace(c) == "NA" {
			h.Blank = []string{"NA"}
		}
	}
}

func tagged(rows []format.LookRow, at int) bool {
	if at >= len(rows) {
		return false
	}
	n := 0
	for _, c := range rows[at].Cells {
		switch c = strings.TrimSpace(c); {
		case c == "":
		case strings.HasPrefix(c, "#") && len(c) > 1:
			n++
		default:
			return false
		}
	}
	return n > 0
}

// titled finds a year above the table.
func (d *drafter) titled(above []format.LookRow) {
	for _, r := range above {
		for i, c := range r.Cells {
			if i < 26 && aYear.MatchString(c) {
				d.found.title = fmt.Sprintf("%c%d", 'A'+i, r.Row)
			}
		}
	}
}
