package config

import (
	"fmt"
	"maps"
	"slices"

	"golang.org/x/text/language"

	"halftone/outputs"
	"halftone/pipeline/codelist"
	"halftone/pipeline/normalize"
	"halftone/privacy"
)

// builder makes a Dataset of checked values and cross-checks them. It goes on
// after a problem, so that all are reported; what it made counts only when
// there was none.
type builder struct {
	*checker
	open     func(path string) ([]byte, error)
	kinds    []string
	tables   map[string]table // code tables read so far, by path
	out      Dataset
	warnings []Warning
	dims     []dimension
	zeros    []normalize.StructuralZero
	zerosAt  cursor
	meant    map[string]bool // dimensions that a misspelt key of a map means

	unpromised bool // the source at hand has guarantee: none
}

// A dimension is one of the dataset, before its domain is known.
type dimension struct {
	name    string
	at      place // of the name
	list    codelist.List
	sound   bool // the list could be read
	unknown bool // unknown: true
}

func (b *builder) warn(at place, message, fix string) {
	b.warnings = append(b.warnings, Warning{Problem{File: b.src.file, Line: at.line, Column: at.col, Message: message, Fix: fix}})
}

// build numbers its steps: each needs what stands above it.
func (b *builder) build(root cursor) {
	d := &b.out
	name := root.get("dataset")
	d.Name, d.places.name = name.text(), Problem{File: b.src.file, Line: name.at.line, Column: name.at.col}
	// 1. Public text.
	b.about(root)
	// 2. Periods, then the code lists: what cells there can be.
	b.calendar(root.get("period"))
	b.dimensions(root.get("dimensions"))
	b.structuralZeros(root.get("structural_zeros"))
	// 3. Sources, whose rules say which codes have an unknown child.
	d.Spec = privacy.Spec{
		Dataset: d.Name, Series: int(root.get("series").whole()), Measure: root.get("measure").text(), Unit: root.get("unit").text(),
		Every: d.Calendar.Every, Editions: 1, Overlap: int(root.get("overlap").whole()), Population: privacy.Population{Name: root.get("population").text()},
	}
	b.sources(root.get("sources"))
	b.overlap(root)
	// 4. Domain and tables.
	b.domain()
	b.specTables(root.get("tables"), root.get("report").get("lead"))
	b.specZeros()
	// 5. Budget and the promise.
	b.privacy(root)
	// 6. When, where and by whom.
	d.Approvals = int(root.get("approvals").whole())
	b.schedule(root.get("schedule"))
	b.publish(root.get("publish"))
	if len(b.problems) == 0 {
		if err := d.Spec.Check(); err != nil {
			b.add(place{1, 1}, err.Error(), "")
		}
	}
}

func (b *builder) about(root cursor) {
	a := &b.out.About
	a.Dataset, a.Series = root.get("dataset").text(), int(root.get("series").whole())
	a.Languages = b.languages(root.get("languages"))
	first := "en"
	if len(a.Languages) > 0 {
		first = a.Languages[0]
	}
	a.Title = b.texts(root.get("title"), first)
	a.Summary = b.texts(root.get("summary"), first)
	a.Counts = b.texts(root.get("counts"), first)
	a.Unit, a.Measure = root.get("unit").text(), root.get("measure").text()
	a.Licence = root.get("licence").text()
	p := root.get("publisher")
	a.Publisher = outputs.Publisher{Name: p.get("name").text(), Contact: p.get("contact").text(), URL: p.get("url").text()}
	r := root.get("report")
	a.Material = r.get("material").percent()
	a.Contact = b.texts(r.get("contact"), first)
}

func (b *builder) languages(v cursor) []string {
	seen := map[string]bool{}
	for l := range v.items() {
		tag := b.tag(l.at, l.text())
		if seen[tag] {
			l.add("language "+quoted(tag)+" stands twice", "keep one of them")
		}
		seen[tag] = true
	}
	return v.texts()
}

// tag checks a language tag and gives its usual form.
func (b *builder) tag(at place, s string) string {
	t, err := language.Parse(s)
	switch {
	case err != nil:
		b.add(at, "no language "+quoted(s), "use a BCP 47 tag such as en, fr or pt-BR")
	case t.String() != s:
		b.add(at, fmt.Sprintf("language %s is written %s", quoted(s), quoted(t.String())), "")
	}
	return s
}

// texts reads a text in one language, the first, or in several; these must
// have the first or English, which stands in for a missing one.
func (b *builder) texts(v cursor, first string) outputs.Text {
	if !v.given() {
		return nil
	}
	if !v.isMap() {
		return outputs.Text{first: v.text()}
	}
	t := outputs.Text{}
	for p, s := range v.each() {
		b.tag(p.at, p.key)
		t[p.key] = s.text()
	}
	if t[first] == "" && t["en"] == "" && v.fits() {
		v.add(fmt.Sprintf("%s has no text in %s, the first language", quoted(v.k.name), quoted(first)), "add "+first+", or en")
	}
	return t
}

// reserved are names that stand for something else in tables, in `map` or in
// code tables.
var reserved = [...]string{"period", "period_start", "value", "ci_low", "ci_high", "estimate", "sd", "status", "edition", "table", "unit", "dataset", "series"}

func (b *builder) dimensions(v cursor) {
	names := map[string]place{}
	for p, d := range v.each() {
		if slices.Contains(reserved[:], p.key) {
			b.add(p.at, fmt.Sprintf("a dimension may not be called %s: published tables have a column of that name", quoted(p.key)), "choose another name")
		}
		names[p.key] = p.at
		dim := dimension{name: p.key, at: p.at, unknown: d.isMap() && d.get("unknown").truth()}
		path := d
		if d.isMap() {
			path = d.get("codes")
		}
		if path.given() {
			dim.list, dim.sound = b.codeList(path)
			dim.list = dim.list.For(dim.name)
		}
		b.dims = append(b.dims, dim)
	}
	for name, at := range names {
		if _, clash := names[name+"_label"]; clash {
			b.add(at, fmt.Sprintf("dimensions %s and %s: published tables would have a column twice", quoted(name), quoted(name+"_label")), "rename one of them")
		}
	}
}

// domain fixes the cells: code lists with the unknown children that rules can reach.
func (b *builder) domain() {
	for i, d := range b.dims {
		if !d.sound {
			continue
		}
		unknown := codelist.Unknowns{All: d.unknown}
		mapped := false
		for _, s := range b.out.Sources {
			if s.Check { // what counts nothing makes no cells
				continue
			}
			unknown = unknown.And(s.Mapping.Unknowns(d.name))
			mapped = mapped || len(s.Mapping.Dimensions[i].Rules) > 0
		}
		if !mapped && len(b.out.Spec.Sources) > 0 && !b.meant[d.name] {
			b.add(d.at, fmt.Sprintf("no source maps dimension %s", quoted(d.name)), "map a column to it, or take it out")
		}
		dim, err := d.list.Domain(d.name, unknown)
		if err != nil {
			b.add(d.at, err.Error(), "")
			continue
		}
		b.out.Lists = append(b.out.Lists, d.list)
		b.out.Spec.Dimensions = append(b.out.Spec.Dimensions, dim)
		b.out.About.Codes = append(b.out.About.Codes, outputs.CodeList{Dimension: d.name, Codes: d.list.Public(unknown)})
	}
}

// specTables needs the domain of every dimension; without it a level cannot be told.
func (b *builder) specTables(v, lead cursor) {
	known := map[string]privacy.Dimension{}
	var names []string
	for _, d := range b.dims {
		names = append(names, d.name)
	}
	for _, d := range b.out.Spec.Dimensions {
		known[d.Name] = d
	}
	used := map[string]bool{}
	same := map[string]string{}
	var tables []string
	for p, t := range v.each() {
		tables = append(tables, p.key)
		if p.key == "all-tables" {
			b.add(p.at, `a table may not be called "all-tables": a version has a file of that name`, "choose another name")
		}
		levels, told := map[string]int{}, true
		for q, l := range t.each() {
			used[q.key] = true
			if !slices.Contains(names, q.key) {
				told = false
				b.add(q.at, fmt.Sprintf("table %s: no dimension %s%s", quoted(p.key), quoted(q.key), meant(q.key, names)), "")
			} else if d, ok := known[q.key]; ok && l.given() {
				levels[q.key] = b.level(l, d, p.key)
				told = told && levels[q.key] >= 0
			}
		}
		table := privacy.Table{Name: p.key, Levels: make([]int, len(b.dims))}
		for i, d := range names {
			table.Levels[i] = levels[d]
		}
		shape := fmt.Sprint(table.Levels)
		if told = told && len(known) == len(b.dims) && t.fits(); !told {
			continue
		}
		if other, twice := same[shape]; twice {
			b.add(p.at, fmt.Sprintf("tables %s and %s have the same levels: their noise would cost twice", quoted(other), quoted(p.key)), "keep one of them")
		}
		same[shape] = p.key
		b.out.Spec.Tables = append(b.out.Spec.Tables, table)
	}
	for _, d := range b.dims {
		if !used[d.name] && len(tables) > 0 {
			b.warn(d.at, fmt.Sprintf("no table breaks down dimension %s, so nothing of it is published", quoted(d.name)), "add a table, or take the dimension out")
		}
	}
	b.lead(lead, tables)
}

func (b *builder) lead(v cursor, tables []string) {
	a := &b.out.About
	if a.Lead = v.text(); a.Lead != "" && !slices.Contains(tables, a.Lead) {
		v.add("no table "+quoted(a.Lead)+meant(a.Lead, tables), "name one of "+list(tables, "or"))
	}
	if a.Lead == "" && len(tables) > 0 {
		a.Lead = tables[0]
	}
}

// level returns the index of a level, or -1. Where a list has one level below its
// total, the dimension's own name means it, too: {age: age} and {age: broad}.
func (b *builder) level(v cursor, d privacy.Dimension, table string) int {
	var names []string
	for i, l := range d.Levels {
		if l.Name == v.text() {
			return i
		}
		names = append(names, l.Name)
	}
	if len(names) == 2 && v.text() == d.Name {
		return 1
	}
	v.add(fmt.Sprintf("table %s: dimension %s has no level %s%s", quoted(table), quoted(d.Name), quoted(v.text()), meant(v.text(), names)), "its levels are "+list(names, "and"))
	return -1
}

// overlap is at most the number of sources.
func (b *builder) overlap(root cursor) {
	v := root.get("overlap")
	if n := len(b.out.Spec.Sources); v.given() && n > 0 && v.whole() > int64(n) {
		v.add(fmt.Sprintf("overlap is more than the %d sources that count", n), "take it out: all is the default")
	}
}

// columns lists what a mapping reads, sorted, each once.
func columns(m normalize.Mapping) []string {
	set := map[string]bool{}
	for _, c := range m.Columns() {
		set[c] = true
	}
	return slices.Sorted(maps.Keys(set))
}
