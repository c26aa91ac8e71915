package draft

import (
	"fmt"
	"slices"
	"strings"
)

// writeMap writes `where`, `map`, `grain` and `totals`.
func (d *drafter) writeMap(p *page) {
	for _, c := range d.stats {
		if c.alone {
			p.line("    where: {"+quote(c.name)+": {not_matches: TODO}}", "rows with text in this column alone, such as footnotes: a regular expression of them")
			break
		}
	}
	p.line("    map:", "columns that are not named here are never read")
	p.line("      unit: TODO", d.unitSeen())
	d.writePeriod(p)
	d.writeValue(p)
	names := d.dimensionNames()
	totals := false
	for i, column := range d.classNames() {
		c := d.by(column)
		keys, seen := "column: "+quote(column), ""
		switch {
		case c == nil: // made by unpivot
			keys, seen = keys+", codes: TODO", "{name of a column: code}"
			totals = true
		case c.totals:
			keys, seen = keys+", codes: TODO", "a label says all: {that label: _T}, if it is the total"
			totals = true
		}
		if c != nil && c.blanks > 0 && c.name != d.continued() {
			keys, seen = keys+", blank: TODO", strings.TrimPrefix(seen+"; an empty cell: _T all, _U unknown, or exclude", "; ")
		}
		p.line("      "+names[i]+": {"+keys+"}", seen)
	}
	if totals {
		p.line("    grain: TODO", "rows that may be totals of others were seen: which dimensions the counted rows break down, such as [[place, sex], [place]]")
		p.line("    totals: TODO", "drop, check or rest: what becomes of the totals (take it out if grain is one list)")
	}
}

func (d *drafter) unitSeen() string {
	seen := "count, if the figures are counts"
	if d.units != nil {
		seen = fmt.Sprintf("column %s looks like units: {column: %s, codes: {label: count}}", shown(d.units.name), quote(d.units.name))
	}
	for _, c := range d.values {
		if c.fractions > 0 && (d.value == nil || d.value == c) {
			return seen + "; fractions were seen in " + shown(c.name) + ": rates are no counts"
		}
	}
	return seen
}

func (d *drafter) writePeriod(p *page) {
	switch {
	case len(d.period) == 1:
		p.line("      period: "+d.period[0].periodRule(), "")
	case len(d.period) > 1:
		var each []string
		for _, c := range d.period {
			each = append(each, c.periodRule())
		}
		p.line("      period: TODO", "one of "+strings.Join(each, " or "))
	case len(d.in.Layout.Cells) > 0:
		p.line(`      period: {column: `+title+`, regex: '((?:19|20)\d\d)\D*$'}`, "the year above the table")
	default:
		p.line("      period: TODO", "no column looks like a period: {column: …, format: …}, or {const: 2024}")
	}
}

// periodRule is the rule that reads a column's periods.
func (c *column) periodRule() string {
	var formats []string
	more := ""
	for _, f := range c.periods() {
		switch f {
		case "bands", "quarters": // as SDMX has them: without a format
			return "{column: " + quote(c.name) + "}"
		case "slashes":
			switch {
			case c.late == c.early:
				f = todo // dd/MM/yyyy or MM/dd/yyyy: nothing tells
			case c.late:
				f = "dd/MM/yyyy"
			default:
				f = "MM/dd/yyyy"
			}
		case "yyyy/yy":
			more = ", year_of: TODO"
		}
		if f != todo {
			f = pattern(f)
		}
		formats = append(formats, f)
	}
	text := formats[0]
	if len(formats) > 1 {
		text = "[" + strings.Join(formats, ", ") + "]"
	}
	return "{column: " + quote(c.name) + ", format: " + text + more + "}"
}

// pattern writes a format, whose quotes are its own.
func pattern(f string) string {
	if strings.Contains(f, "'") {
		return `"` + f + `"`
	}
	return quote(f)
}

func (d *drafter) writeValue(p *page) {
	switch {
	case d.value != nil:
		d.valueRule(p, d.value.name, []*column{d.value})
	case d.found.stacked && len(d.unpivot) > 0:
		d.valueRule(p, cell, d.values)
	case len(d.unpivot) > 0:
		d.valueRule(p, "", d.values)
	default:
		p.line("      value: TODO", "no column looks like counts: 1 counts each row once")
	}
}

// valueRule writes the rule of the value, with what stands in it beside numbers.
func (d *drafter) valueRule(p *page, name string, of []*column) {
	keys, seen := []string{"column: " + quote(name)}, ""
	if name == "" {
		keys[0], seen = "column: TODO", cell+" with unpivot, else one of "+strings.Join(d.unpivot, ", ")
	}
	var marks []string
	blank, grouped, comma, noted := false, "", false, false
	for _, c := range of {
		blank, noted = blank || c.blanks > 0, noted || c.noted
		for _, m := range c.marks {
			if !slices.ContainsFunc(marks, func(o string) bool { return strings.EqualFold(o, m) }) {
				marks = append(marks, m)
			}
		}
		for _, t := range c.labels {
			if g := groups.FindStringSubmatch(t); g != nil && grouped == "" {
				grouped = string([]rune(g[1])[:1])
			}
			comma = comma || c.fractions > 0 && strings.Contains(t, ",") && fraction.MatchString(t)
		}
		if c.negative > 0 {
			seen = strings.TrimPrefix(seen+"; negative numbers were seen: bounds: {min: …}", "; ")
		}
	}
	if noted {
		keys = append(keys, `regex: '^(.*?)\s*[*†‡]*$'`)
	}
	if grouped != "" {
		keys = append(keys, "group_char: "+quote(grouped))
	}
	if comma {
		keys = append(keys, `decimal_char: ","`)
	}
	if blank {
		keys = append(keys, "blank: TODO")
		seen = strings.TrimPrefix(seen+"; an empty cell: missing, not_collected, zero, exclude", "; ")
	}
	if len(marks) == 0 {
		p.line("      value: {"+strings.Join(keys, ", ")+"}", seen)
		return
	}
	p.line("      value:", "")
	for i, k := range keys {
		if i < len(keys)-1 {
			p.line("        "+k, "")
		} else {
			p.line("        "+k, seen)
		}
	}
	p.line("        status:", "each text that is no number: suppressed with below and as, zero, missing, not_collected")
	for _, m := range marks {
		p.line("          - {text: "+quote(m)+", is: TODO}", "")
	}
}
