package normalize

import (
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Limits of what a status may declare. They keep L in an int64; what privacy
// takes is less.
const (
	maxBelow = 10_000
	maxBase  = 1_000_000
	maxScale = 1_000_000
)

func (c *checker) value(v Value, b Bounds) {
	at := path("map", "value")
	c.column(at, v.Column)
	switch {
	case v.Column != "" && v.Const != 0:
		c.problem(at, "want a column or a constant, not both")
	case v.Column == "" && v.Const == 0:
		c.problem(at, "is missing: want a column, or a number for all rows")
	case v.Column == "" && (v.Regex+v.GroupChar+v.DecimalChar+v.Blank != "" || v.Scale != 0 || v.Status != nil):
		c.problem(at, "group_char, blank and status are for a column, as are regex, decimal_char and scale: not for a constant")
	case v.Column == "" && (!b.hold(v.Const) || v.Const > maxCount || v.Const < -maxCount):
		c.problem(at, "the constant lies outside the bounds")
	}
	if b.Max != nil && *b.Max < b.min() {
		c.problem(path("bounds"), "max is below min (min is 0 unless given)")
	}
	c.numbers(at, v)
	for i, s := range v.Status {
		c.status(under(at, "status", strconv.Itoa(i+1)), v, s, b)
	}
	if !slices.Contains([]string{"", exclude, missing, notCollected, zero, suppressed}, v.Blank) {
		c.problem(under(at, "blank"), "want exclude, missing, not_collected, zero or suppressed")
	}
	if v.Blank == suppressed {
		c.suppressed(under(at, "blank"), v.BlankBelow, v.BlankAs)
	}
}

// numbers checks how numbers are written.
func (c *checker) numbers(at []string, v Value) {
	c.regex(at, v.Regex)
	for _, one := range []struct{ key, char string }{{"group_char", v.GroupChar}, {"decimal_char", v.DecimalChar}} {
		r, n := utf8.DecodeRuneInString(one.char)
		if one.char != "" && (n != len(one.char) || r == utf8.RuneError || '0' <= r && r <= '9' || slices.Contains([]rune("+-eE"), r)) {
			c.problem(under(at, one.key), "want one character that is no digit, sign or e: , in 1,282")
		}
	}
	if f := v.form(); f.group != 0 && f.group == f.decimal {
		c.problem(under(at, "decimal_char"), "the same character cannot stand between groups and before fractions")
	}
	if v.Scale < 0 || v.Scale > maxScale {
		c.problem(under(at, "scale"), "want a whole number from 1 to %d", maxScale)
	}
}

func (c *checker) status(at []string, v Value, s StatusRule, b Bounds) {
	given := 0
	for _, is := range []bool{s.Text != "", s.Matches != "", s.When != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		c.problem(at, "want one of text, matches and when; an empty text is `blank`")
	}
	if _, err := regexp.Compile(s.Matches); err != nil {
		c.problem(under(at, "matches"), "%v", err)
	}
	c.predicates(under(at, "when"), s.When)
	switch s.Is {
	case suppressed:
		c.suppressed(at, s.Below, s.As)
	case rounded:
		if s.Base < 2 || s.Base > maxBase {
			c.problem(under(at, "base"), "want what figures are rounded to, from 2 to %d", maxBase)
		}
	case noised, zero, missing, notCollected:
	default:
		c.problem(under(at, "is"), "want suppressed, rounded, noised, zero, missing or not_collected")
		return
	}
	if s.Is != suppressed && (s.Below != 0 || s.As != 0) || s.Is != rounded && s.Base != 0 {
		c.problem(at, "below and as go with suppressed, base with rounded")
	}
	if n, of := v.number(s.Text); s.Text != "" && of == whole && !s.numberMay(n, v.factor(), b) {
		c.problem(under(at, "text"), "is a number that could be a count: to drop or change it for its value would let one more person move a cell by more than is declared; "+
			"a number may be suppressed below its limit, zero if it is 0, and missing if it lies outside `bounds`")
	} else if s.Text != "" && of == fraction {
		c.problem(under(at, "text"), "is a fraction, which stops the source: choose the rows that hold counts by `where` or `map.unit`")
	}
}

func (c *checker) suppressed(at []string, below, as int64) {
	if below < 2 || below > maxBelow {
		c.problem(under(at, "below"), "want the number that suppressed counts are less than, from 2 to %d", maxBelow)
	}
	if as < 0 || as >= below {
		c.problem(under(at, "as"), "want the value to use, from 0 to less than below")
	}
}
