package normalize

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"halftone/pipeline/codelist"
	"halftone/privacy"
)

// A from says where the text of a rule comes from.
type from struct {
	column, constant string
	columns          []string
	join             string
	codes            map[string]string
}

// source checks that one of column, columns and constant is given.
func (c *checker) source(at []string, f from) bool {
	c.column(at, f.column)
	for i, name := range f.columns {
		if c.column(at, name); name == "" || slices.Contains(f.columns[:i], name) {
			c.problem(under(at, "columns"), "a column stands twice or has no name")
		}
	}
	given := 0
	for _, is := range []bool{f.column != "", f.columns != nil, f.constant != ""} {
		if is {
			given++
		}
	}
	switch {
	case given != 1 || f.columns != nil && len(f.columns) == 0:
		c.problem(at, "is missing: want a column, several columns or a constant, one of them")
		return false
	case f.constant != "" && f.codes != nil:
		c.problem(at, "codes are for a column, not for a constant")
	case f.join != "" && f.columns == nil:
		c.problem(under(at, "join"), "goes with columns")
	}
	return true
}

// table checks that labels of a code table that are the same folded say the same.
func (c *checker) table(at []string, codes map[string]string, good func(code string) string) {
	seen := map[string]string{}
	for _, label := range slices.Sorted(maps.Keys(codes)) {
		if what := good(codes[label]); what != "" {
			c.problem(under(at, "codes", label), "%s", what)
		}
		f := codelist.Fold(label)
		if other, ok := seen[f]; ok && codes[other] != codes[label] {
			c.problem(under(at, "codes", label), "is the same label as %q with another code", other)
		}
		seen[f] = label
	}
}

func (c *checker) unit(u Unit) {
	at := path("map", "unit")
	if !c.source(at, from{column: u.Column, constant: u.Const, codes: u.Codes}) {
		return
	}
	if u.Column != "" && len(u.Codes) == 0 {
		c.problem(at, "a column needs codes: which of its labels are counts")
	}
	c.table(at, u.Codes, func(unit string) string {
		if unit == "" {
			return "names no unit: count, or what else it is"
		}
		return ""
	})
}

func (c *checker) period(p Period) {
	at := path("map", "period")
	if !c.source(at, from{p.Column, p.Const, p.Columns, p.Join, p.Codes}) {
		return
	}
	c.regex(at, p.Regex)
	if !slices.Contains([]string{"", yearOfStart, yearOfEnd}, p.YearOf) {
		c.problem(under(at, "year_of"), "want start or end")
	}
	r, err := newPeriodReader(p.Formats, p.YearOf)
	if err != nil {
		c.problem(under(at, "format"), "%v", err)
	} else if _, ok := r.parse(codelist.Clean(p.Const)); p.Const != "" && !ok {
		c.problem(at, "%q is no period of the format", p.Const)
	}
	if p.Const != "" && p.Regex != "" {
		c.problem(under(at, "regex"), "is for a column, not for a constant")
	}
	c.table(at, p.Codes, func(code string) string {
		if _, err := privacy.ParsePeriod(code); err != nil && code != exclude {
			return fmt.Sprintf("%q is %v", code, err)
		}
		return ""
	})
	if p.Blank != "" && p.Blank != exclude {
		c.problem(under(at, "blank"), "want exclude, or nothing")
	}
}

func (c *checker) dimension(d Dimension) {
	at := path("map", d.Name)
	if len(d.List.Levels) == 0 || d.Name == "" {
		c.problem(at, "the dimension has no name or no code list")
		return
	}
	for i, r := range d.Rules {
		here := at
		if len(d.Rules) > 1 {
			here = under(at, strconv.Itoa(i+1))
		}
		if i+1 < len(d.Rules) && len(r.When) == 0 {
			c.problem(here, "applies to every row, so that the rules below it never do: give it a when, or put it last")
		}
		c.rule(here, d, r)
	}
}

func (c *checker) rule(at []string, d Dimension, r Rule) {
	c.predicates(under(at, "when"), r.When)
	if !c.source(at, from{r.Column, r.Const, r.Columns, r.Join, r.Codes}) {
		return
	}
	c.regex(at, r.Regex)
	good := func(code string) string {
		if _, _, ok := d.List.Leaf(code); !ok && code != exclude {
			return fmt.Sprintf("%q is no code of %s, nor exclude", code, d.List.Name)
		}
		return ""
	}
	c.table(at, r.Codes, good)
	for _, one := range []struct{ key, code string }{{"const", r.Const}, {"blank", r.Blank}, {"else", r.Else}, {"unknown", r.Unknown}, {"many", r.Many}} {
		if one.code == "" {
			continue
		}
		if what := good(one.code); what != "" {
			c.problem(under(at, one.key), "%s", what)
		}
	}
	text := r.NoList || r.Regex+r.Blank+r.Else+r.Unknown+r.Split+r.Many+r.Has != ""
	switch {
	case r.Const != "" && text:
		c.problem(at, "a constant is a code, and needs nothing that is about a text")
	case r.Const == exclude && len(r.When) == 0:
		c.problem(at, "a constant is a code, not exclude, which would leave out every row")
	}
	if r.NoList && len(r.Codes) == 0 && r.Else == "" && r.Unknown == "" {
		c.problem(at, "list: false without codes leaves no label known")
	}
	c.answers(at, d, r)
}

// answers checks a rule about texts of several answers.
func (c *checker) answers(at []string, d Dimension, r Rule) {
	if r.Split == "" {
		if r.Many+r.Has != "" {
			c.problem(at, "many and has go with split: what stands between the answers")
		}
		return
	}
	if strings.TrimSpace(r.Split) == "" && r.Split != " " {
		c.problem(under(at, "split"), "runs of white space are one space when labels are compared: split by one space")
	}
	if r.Has == "" {
		return
	}
	if len(r.Codes) > 0 || r.NoList || r.Many+r.Else+r.Unknown != "" {
		c.problem(under(at, "has"), "decides yes or no for every answer: codes, list, many, else and unknown have nothing to add")
	}
	for _, code := range []string{hasYes, hasNo} {
		if _, ok := d.List.Resolve(code); !ok {
			c.problem(under(at, "has"), "the code list %s has no code or label %q", d.List.Name, code)
		}
	}
}
