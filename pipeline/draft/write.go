package draft

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// todo is what a draft leaves to a person.
const todo = "TODO"

// A page is the text that is being written.
type page struct{ b strings.Builder }

// line writes a line, and a comment that says what was seen.
func (p *page) line(text, seen string) {
	if seen = strings.Map(oneLine, seen); seen != "" {
		text += strings.Repeat(" ", max(1, 34-len(text))) + "# " + seen
	}
	p.b.WriteString(text + "\n")
}

func (d *drafter) write() Draft {
	p := &page{}
	p.line("# A draft for "+strings.Map(oneLine, d.in.Name)+". Nothing in it is decided: every TODO is for a person, and what was read off the file", "")
	p.line("# (read, columns, formats) is to be checked. halftone validate names what is open. Lines that are not needed may go.", "")
	if d.broken != nil {
		p.line("# The file could not be read to its end: "+strings.Map(oneLine, d.broken.Error()), "")
	}
	p.line("halftone: 1", "")
	p.line("dataset: TODO", "the account in the ledger: a-z 0-9 -, never changed, never used again")
	p.line("title: TODO", "")
	p.line("counts: TODO", "the word for what is counted: cases, offences; never \"victims of trafficking\" alone")
	p.line("unit: TODO", "what the promise protects: person, case or event")
	p.line("measure: TODO", "flow: events of a period; stock: who is there at its end")
	p.line("licence: TODO", "of what is published: CC-BY-4.0, US-PD, …")
	p.line("publisher: {name: TODO, contact: TODO}", "")
	p.line("period:", "")
	p.line("  every: TODO", "month, quarter, year or a list of bands"+d.lengths())
	p.line("  from: TODO", "the first period")
	d.writeDimensions(p)
	p.line("sources:", "")
	p.line("  "+sourceName(d.in.Name)+":", "a name of yours: a-z 0-9 -")
	p.line("    agency: TODO", "who reports, as printed")
	p.line("    from: {file: {path: "+quote(escaped(d.as))+"}}", "")
	d.writeRead(p)
	d.writeMap(p)
	p.line("    contribution: {per_period: TODO, periods: TODO, stated_by: TODO}", "asked of the agency: the most that one person changes a period, and in how many periods they are")
	p.line("tables:", "")
	p.line("  total: {}", "add the breakdowns to publish: by-sex: {sex: level}")
	p.line("privacy: {budget: {person: {epsilon: TODO}}}", "of one person over everything that is ever released; person_period where periods are unlimited")
	text := p.b.String()
	return Draft{Text: text, Open: open(text), Labels: d.labels(), Layout: d.in.Layout, Unpivot: d.unpivot}
}

var (
	aTodo = regexp.MustCompile(`: TODO *([,}]|$)`)
	// quotes are texts in quotes, which are no decisions whatever they say.
	quotes = regexp.MustCompile(`'(?:[^']|'')*'|"(?:[^"\\]|\\.)*"`)
)

// open counts the TODOs that are no part of a comment or of a text.
func open(text string) (n int) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(quotes.ReplaceAllString(strings.TrimSuffix(line, "\n"), "''"), " # ")
		if !strings.HasPrefix(line, "#") {
			n += len(aTodo.FindAllString(strings.TrimRight(line, " "), -1))
		}
	}
	return n
}

// lengths says how long the periods look that the file has.
func (d *drafter) lengths() string {
	var words []string
	for _, c := range d.period {
		for _, f := range c.periods() {
			i := slices.IndexFunc(periodFormats, func(p periodFormat) bool { return p.format == f })
			if w := periodFormats[i].words; !slices.Contains(words, w) {
				words = append(words, w)
			}
		}
	}
	if len(words) == 0 {
		return ""
	}
	return "; the file has " + strings.Join(words, ", ")
}

// names of dimensions, by column.
func (d *drafter) dimensionNames() []string {
	taken := map[string]bool{}
	for _, r := range []string{"period", "period_start", "value", "ci_low", "ci_high", "estimate", "sd", "status", "edition", "table", "unit", "dataset", "series"} {
		taken[r] = true
	}
	var names []string
	for _, c := range d.classNames() {
		n := slug(c, "_")
		if n == "" || n[0] >= '0' && n[0] <= '9' {
			n = "d_" + n
		}
		for taken[n] || taken[strings.TrimSuffix(n, "_label")] && strings.HasSuffix(n, "_label") || taken[n+"_label"] {
			n += "_2"
		}
		taken[n] = true
		names = append(names, n)
	}
	return names
}

// classNames are the columns that look like classifications, and the names of
// columns where these were made into one.
func (d *drafter) classNames() (names []string) {
	for _, c := range d.classes {
		names = append(names, c.name)
	}
	if d.found.stacked && len(d.unpivot) > 0 {
		return append(names, upper, lower)
	}
	if len(d.unpivot) > 0 {
		names = append(names, group)
	}
	return names
}

// Columns that a draft makes.
const (
	group = "group" // unpivot: the name of the column
	upper = "upper" // the parts of the names of stacked headers
	lower = "lower"
	cell  = "cell"
	title = "title" // a cell above the table
)

func (d *drafter) writeDimensions(p *page) {
	names := d.dimensionNames()
	if len(names) == 0 {
		p.line("dimensions: {}", "no column has few labels")
		return
	}
	p.line("dimensions:", "path of a code list each, chosen from a published classification; take out what is none, here and in map")
	for i, column := range d.classNames() {
		p.line("  "+names[i]+": TODO", "column "+shown(column))
	}
}

func (d *drafter) writeRead(p *page) {
	l, h := d.in.Layout, d.in.Layout.Header
	var keys [][2]string
	add := func(key, text, seen string) { keys = append(keys, [2]string{key + ": " + text, seen}) }
	if l.Format != "" {
		add("format", l.Format, "ids of components are in the header")
	}
	if l.Encoding != "" {
		add("encoding", l.Encoding, "it is not UTF-8: see that accented letters come out right")
	}
	if l.Delimiter != "" {
		add("delimiter", quote(l.Delimiter), "")
	}
	if l.SkipInitialSpace {
		add("skip_initial_space", "true", "")
	}
	if l.Sheet != "" {
		add("sheet", quote(l.Sheet), "the first of "+strings.Join(d.look.Sheets, ", "))
	}
	if at := l.Cells[title]; at != "" {
		add("cells", "{"+title+": "+at+"}", "a year stands there, above the table")
	}
	if len(h.Find) > 0 {
		text := "find: " + list(h.Find)
		if h.Rows > 1 {
			text += fmt.Sprintf(", rows: %d", h.Rows)
		}
		if h.Fill {
			text += ", fill: true"
		}
		if len(h.Blank) > 0 {
			text += ", blank: " + list(h.Blank)
		}
		add("header", "{"+text+"}", "")
	}
	if l.HXL != "" {
		add("hxl", l.HXL, "or drop: then the labels above are the names")
	}
	if l.Rows != "" {
		add("rows", quote(l.Rows), "")
	}
	if l.Names != "" {
		add("columns", quote(l.Names), "")
	}
	if c := d.continued(); c != "" {
		add("fill_down", "["+quote(c)+"]", "blanks stand below its labels: do they repeat the cell above?")
	}
	switch {
	case len(d.unpivot) == 0:
	case d.found.stacked:
		add("unpivot", "{columns: '(?P<"+upper+">.+) / (?P<"+lower+">.+)', value: "+cell+"}", "one row of each column with a name of two parts")
	default:
		add("unpivot", todo, "{columns: "+list(d.unpivot)+", into: "+group+", value: "+cell+"}, of those that are counts of groups; else take it out")
	}
	if len(keys) == 0 {
		return
	}
	p.line("    read:", "")
	for _, k := range keys {
		p.line("      "+k[0], k[1])
	}
}

// continued gives the first column if its blanks seem to repeat the cell above:
// in sheets laid out for people.
func (d *drafter) continued() string {
	if len(d.look.Sheets) == 0 || len(d.stats) < 3 {
		return ""
	}
	c := d.stats[0]
	if c.numbers() == 0 && 2*c.blanks >= c.filled() {
		return c.name
	}
	return ""
}

// labels gives what stands in the columns that a person decides about.
func (d *drafter) labels() (out []Labels) {
	for _, c := range append(d.classes[:len(d.classes):len(d.classes)], d.units) {
		if c != nil {
			out = append(out, Labels{Column: c.name, Some: c.labels[:min(len(c.labels), mostShown)], More: len(c.labels) > mostShown})
		}
	}
	return out
}
