package config

import (
	"fmt"
	"regexp"

	"halftone/pipeline/codelist"
	"halftone/pipeline/normalize"
	"halftone/privacy"
)

// where reads a predicate or a list of them.
func (b *builder) where(v cursor) []normalize.Predicate {
	var out []normalize.Predicate
	for p := range v.items() {
		var tests normalize.Predicate
		for column, t := range p.each() {
			tests = append(tests, b.tests(column.key, t)...)
		}
		out = append(out, tests)
	}
	return out
}

// tests of one column: all must hold.
func (b *builder) tests(column string, v cursor) []normalize.Test {
	if !v.isMap() {
		return []normalize.Test{{Column: column, In: v.texts()}}
	}
	var out []normalize.Test
	if not := v.get("not"); not.given() {
		out = append(out, normalize.Test{Column: column, NotIn: not.texts()})
	}
	if m := v.get("matches"); m.given() {
		b.regex(m)
		out = append(out, normalize.Test{Column: column, Matches: m.text()})
	}
	if m := v.get("not_matches"); m.given() {
		b.regex(m)
		out = append(out, normalize.Test{Column: column, NotMatches: m.text()})
	}
	return out
}

func (b *builder) regex(v cursor) {
	if _, err := regexp.Compile(v.text()); err != nil {
		v.add("not a regular expression: "+err.Error(), "the syntax is RE2's; in YAML put it in single quotes")
	}
}

func (b *builder) mapUnit(v cursor) normalize.Unit {
	u := normalize.Unit{}
	counts := false
	if v.isMap() {
		u.Column = v.get("column").text()
		u.Codes = b.codes(v.get("codes"), func(unit string) (string, string) {
			counts = counts || unit == countUnit
			return "", ""
		})
	} else {
		u.Const = v.text()
		counts = u.Const == countUnit
	}
	if v.given() && !counts && v.fits() {
		b.warn(v.at, `no row has the unit "count", so no row of this source is counted`, "say unit: count, if the values are counts")
	}
	return u
}

// countUnit is the unit whose rows are counted.
const countUnit = "count"

func (b *builder) mapPeriod(v cursor) normalize.Period {
	if !v.isMap() {
		return normalize.Period{Column: v.text()}
	}
	p := normalize.Period{
		Column: v.get("column").text(), Const: v.get("const").text(), Formats: v.get("format").texts(), Blank: v.get("blank").text(),
		Regex: v.get("regex").text(), YearOf: v.get("year_of").text(),
	}
	p.Columns, p.Join = b.joined(v)
	b.group(v.get("regex"))
	if c := v.get("const"); c.given() {
		if _, err := privacy.ParsePeriod(c.text()); err != nil {
			c.add(quoted(c.text())+": "+err.Error(), "")
		}
		b.unused(v, "format", "codes", "blank", "regex", "year_of")
	}
	p.Codes = b.codes(v.get("codes"), func(period string) (string, string) {
		if _, err := privacy.ParsePeriod(period); err != nil && period != codelist.Exclude {
			return quoted(period) + ": " + err.Error(), ""
		}
		return "", ""
	})
	return p
}

func (b *builder) mapValue(v cursor) normalize.Value {
	switch {
	case v.isMap():
	case v.given() && v.n.kind == numberNode:
		return normalize.Value{Const: v.whole()}
	default:
		return normalize.Value{Column: v.text()}
	}
	out := normalize.Value{
		Column: v.get("column").text(), Regex: v.get("regex").text(), GroupChar: v.get("group_char").text(), DecimalChar: v.get("decimal_char").text(),
	}
	b.group(v.get("regex"))
	if scale := v.get("scale").whole(); scale > 1 {
		out.Scale = scale
	}
	for s := range v.get("status").items() {
		out.Status = append(out.Status, b.status(s))
	}
	if blank := v.get("blank"); blank.isMap() {
		out.Blank = blank.get("is").text()
		out.BlankBelow, out.BlankAs = suppression(blank)
	} else {
		out.Blank = blank.text()
	}
	return out
}

func (b *builder) status(v cursor) normalize.StatusRule {
	s := normalize.StatusRule{Text: v.get("text").text(), Matches: v.get("matches").text(), When: b.where(v.get("when")), Is: v.get("is").text(), Base: v.get("base").whole()}
	if s.Matches != "" {
		b.regex(v.get("matches"))
	}
	if s.Below, s.As = suppression(v); s.Is == "noised" && !b.unpromised {
		b.warn(v.at, `"noised" is taken for noise that each figure has by itself`,
			"where figures depend on each other (controlled rounding, swapping, noise that is made to add up) no bound on what one person changes exists: say guarantee: none for such a source")
	}
	return s
}

// suppression reads {below, as}; half of below stands for what is suppressed.
func suppression(v cursor) (below, as int64) {
	if below = v.get("below").whole(); v.get("as").given() {
		return below, v.get("as").whole()
	}
	return below, below / 2
}

// joined reads {columns, join}.
func (b *builder) joined(v cursor) (columns []string, join string) {
	if !v.get("columns").given() {
		if j := v.get("join"); j.given() {
			j.add(`"join" goes with "columns"`, "take it out, or name several columns")
		}
		return nil, ""
	}
	return v.get("columns").texts(), v.get("join").text()
}

// group checks an expression of which group 1 is kept.
func (b *builder) group(v cursor) {
	if !v.given() {
		return
	}
	re, err := regexp.Compile(v.text())
	switch {
	case err != nil:
		b.regex(v)
	case re.NumSubexp() < 1:
		v.add("this regular expression has no group", "put ( ) around the part of the text that is meant")
	}
}

// rules reads one rule or a list of them.
func (b *builder) rules(v cursor, d dimension) []normalize.Rule {
	var out []normalize.Rule
	for r := range v.items() {
		out = append(out, b.rule(r, d))
	}
	return out
}

func (b *builder) rule(v cursor, d dimension) normalize.Rule {
	if !v.isMap() {
		return normalize.Rule{Column: v.text()}
	}
	r := normalize.Rule{
		When: b.where(v.get("when")), Column: v.get("column").text(), Const: v.get("const").text(), Regex: v.get("regex").text(),
		NoList: !v.get("list").truth(), Blank: v.get("blank").text(), Else: v.get("else").text(), Unknown: v.get("unknown").text(),
		Split: v.get("split").text(), Many: v.get("many").text(), Has: v.get("has").text(),
	}
	r.Columns, r.Join = b.joined(v)
	b.group(v.get("regex"))
	check := func(code string) (string, string) { return d.check(code) }
	r.Codes = b.codes(v.get("codes"), check)
	for _, k := range []string{"const", "blank", "else", "unknown", "many"} {
		c := v.get(k)
		if !c.given() {
			continue
		}
		if message, fix := check(c.text()); message != "" {
			c.add(message, fix)
		} else if k == "const" && c.text() == codelist.Exclude && r.When == nil {
			c.add(`"const: exclude" would leave out every row`, "give the rule a when, or take the source out")
		}
	}
	if v.get("const").given() {
		b.unused(v, "codes", "list", "blank", "else", "unknown", "regex", "split", "many", "has")
	}
	if r.NoList && r.Else+r.Unknown == "" && v.get("list").given() && !v.get("codes").given() && !v.get("const").given() && v.fits() {
		v.get("list").add(`with "list: false" and no "codes" no label has a code`, "add codes, or take list out")
	}
	return r
}

// unused refuses keys that a constant makes meaningless.
func (b *builder) unused(v cursor, names ...string) {
	for _, name := range names {
		if p := v.n.pair(name); p != nil {
			b.add(p.at, fmt.Sprintf("%s does nothing beside \"const\"", quoted(name)), "take it out, or name a column")
		}
	}
}

// check says what is wrong with a code of the dimension's list, and what to do.
func (d dimension) check(code string) (message, fix string) {
	if code == codelist.Exclude || !d.sound {
		return "", ""
	}
	if _, _, ok := d.list.Leaf(code); ok {
		return "", ""
	}
	var known []string
	for _, e := range d.list.Entries {
		known = append(known, e.Code)
	}
	return fmt.Sprintf("code %s is not in the code list of %s%s", quoted(code), quoted(d.name), meant(code, known)),
		fmt.Sprintf("use a code of %s, _T, _U, X/_U for a code X that has others below it, or exclude", d.list.Name)
}
