package normalize

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"unicode/utf8"

	"halftone/pipeline/codelist"
	"halftone/privacy"
)

// Check reports all that can be found wrong with m without data. Errors are
// [*MappingError], joined.
func (m Mapping) Check() error {
	c := &checker{counts: m.Value.Column}
	c.where(m.Where)
	c.unit(m.Unit)
	c.period(m.Period)
	c.value(m.Value, m.Bounds)
	names := map[string]bool{}
	for _, d := range m.Dimensions {
		if names[d.Name] {
			c.problem(path("map", d.Name), "the dimension stands twice")
		}
		names[d.Name] = true
		c.dimension(d)
	}
	c.key(m)
	if !(m.Quarantine >= 0 && m.Quarantine <= 1) { // NaN too
		c.problem(path("quarantine"), "must be from 0%% to 100%%")
	}
	return errors.Join(c.problems...)
}

type checker struct {
	problems []error
	counts   string // the column of the value, "" for a constant
}

func path(keys ...string) []string { return keys }

func (c *checker) problem(at []string, format string, args ...any) {
	c.problems = append(c.problems, &MappingError{at, fmt.Sprintf(format, args...)})
}

// column refuses the columns that only later parts of the language give.
func (c *checker) column(at []string, name string) {
	if name == "@file" || name == "@column" {
		c.problem(at, "%s is not built yet", name)
	}
	// A rule that drops or places a row for its count lets one person move a cell
	// by the whole count: no bound on what a person changes would hold.
	if name != "" && name == c.counts && !slices.Equal(at, path("map", "value")) {
		c.problem(at, "column %q is the value: no rule may look at it, because one more person would then move a cell by a whole count", name)
	}
}

func (c *checker) where(ps []Predicate) {
	at := path("where")
	for _, p := range ps {
		if len(p) == 0 {
			c.problem(at, "a predicate without a test holds for every row: leave it out")
		}
		for _, t := range p {
			c.column(at, t.Column)
			at := append(at, t.Column)
			set := 0
			for _, is := range []bool{t.In != nil, t.NotIn != nil, t.Matches != "", t.NotMatches != ""} {
				if is {
					set++
				}
			}
			if t.Column == "" || set != 1 {
				c.problem(at, "want a column and one of: a text, a list of texts, not, matches, not_matches")
			}
			if _, err := regexp.Compile(t.Matches + t.NotMatches); err != nil {
				c.problem(at, "%v", err)
			}
		}
	}
}

// source checks that one of column and constant is given.
func (c *checker) source(at []string, column, constant string, codes map[string]string) bool {
	c.column(at, column)
	switch {
	case (column == "") == (constant == ""):
		c.problem(at, "is missing: want a column or a constant, one of them")
		return false
	case column == "" && codes != nil:
		c.problem(at, "codes are for a column, not for a constant")
	}
	return true
}

// table checks that labels of a code table that are the same folded say the same.
func (c *checker) table(at []string, codes map[string]string, good func(code string) string) {
	seen := map[string]string{}
	for _, label := range slices.Sorted(maps.Keys(codes)) {
		if what := good(codes[label]); what != "" {
			c.problem(append(slices.Clone(at), "codes", label), "%s", what)
		}
		f := codelist.Fold(label)
		if other, ok := seen[f]; ok && codes[other] != codes[label] {
			c.problem(append(slices.Clone(at), "codes", label), "is the same label as %q with another code", other)
		}
		seen[f] = label
	}
}

func (c *checker) unit(u Unit) {
	at := path("map", "unit")
	if !c.source(at, u.Column, u.Const, u.Codes) {
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
	if !c.source(at, p.Column, p.Const, p.Codes) {
		return
	}
	r, err := newPeriodReader(p.Formats)
	if err != nil {
		c.problem(append(at, "format"), "%v", err)
	} else if _, ok := r.parse(codelist.Clean(p.Const)); p.Const != "" && !ok {
		c.problem(at, "%q is no period of the format", p.Const)
	}
	c.table(at, p.Codes, func(code string) string {
		if _, err := privacy.ParsePeriod(code); err != nil && code != exclude {
			return fmt.Sprintf("%q is %v", code, err)
		}
		return ""
	})
	if p.Blank != "" && p.Blank != exclude {
		c.problem(append(at, "blank"), "want exclude, or nothing")
	}
}

func (c *checker) value(v Value, b Bounds) {
	at := path("map", "value")
	c.column(at, v.Column)
	switch {
	case v.Column != "" && v.Const != 0:
		c.problem(at, "want a column or a constant, not both")
	case v.Column == "" && v.Const == 0:
		c.problem(at, "is missing: want a column, or a number for all rows")
	case v.Column == "" && (v.GroupChar != "" || v.Blank != ""):
		c.problem(at, "group_char and blank are for a column, not for a constant")
	case v.Column == "" && (!b.hold(v.Const) || v.Const > maxCount || v.Const < -maxCount):
		c.problem(at, "the constant lies outside the bounds")
	}
	if v.GroupChar != "" {
		r, n := utf8.DecodeRuneInString(v.GroupChar)
		if n != len(v.GroupChar) || r == utf8.RuneError || '0' <= r && r <= '9' || slices.Contains([]rune("+-eE"), r) {
			c.problem(append(at, "group_char"), "want one character that stands between groups of digits, as , in 1,282")
		}
	}
	if !slices.Contains([]string{"", exclude, missing, notCollected, zero}, v.Blank) {
		c.problem(append(at, "blank"), "want exclude, missing, not_collected or zero")
	}
	if b.Max != nil && *b.Max < b.min() {
		c.problem(path("bounds"), "max is below min (min is 0 unless given)")
	}
}

func (c *checker) dimension(d Dimension) {
	at := path("map", d.Name)
	if len(d.List.Levels) == 0 || d.Name == "" {
		c.problem(at, "the dimension has no name or no code list")
		return
	}
	if len(d.Rules) > 1 {
		c.problem(at, "a list of rules is not built yet: want one rule")
	}
	for _, r := range d.Rules {
		if !c.source(at, r.Column, r.Const, r.Codes) {
			continue
		}
		good := func(code string) string {
			if _, _, ok := d.List.Leaf(code); !ok && code != exclude {
				return fmt.Sprintf("%q is no code of %s, nor exclude", code, d.List.Name)
			}
			return ""
		}
		c.table(at, r.Codes, good)
		for _, one := range []struct{ key, code string }{{"const", r.Const}, {"blank", r.Blank}, {"unknown", r.Unknown}} {
			if one.code == "" {
				continue
			}
			if what := good(one.code); what != "" {
				c.problem(append(at, one.key), "%s", what)
			}
		}
		if r.Const != "" && (r.NoList || r.Blank != "" || r.Unknown != "" || r.Const == exclude) {
			c.problem(at, "a constant is a code, and needs no list, blank or unknown")
		}
		if r.NoList && len(r.Codes) == 0 {
			c.problem(at, "list: false without codes leaves no label known")
		}
	}
}

func (c *checker) key(m Mapping) {
	at := path("key")
	if m.KeyRow && m.Key != nil {
		c.problem(at, "want row or columns, not both")
	}
	if m.Key != nil && len(m.Key) == 0 {
		c.problem(at, "names no column")
	}
	for i, k := range m.Key {
		c.column(at, k)
		if k == "" || slices.Contains(m.Key[:i], k) {
			c.problem(at, "a column stands twice or has no name")
		}
	}
	all := []string{duplicatesError, duplicatesSum, duplicatesMax, duplicatesSame}
	switch d := m.duplicates(); {
	case !slices.Contains(all, d):
		c.problem(path("duplicates"), "want error, sum, max or same")
	case m.KeyRow && d != duplicatesError:
		c.problem(path("duplicates"), "with `key: row` no row is a duplicate")
	}
}
