package normalize

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxCount bounds a count and every sum of counts that this package makes:
// privacy takes no more in a whole cube.
const maxCount = 1 << 40

// A reading is what a text is as a number.
type reading uint8

const (
	whole    reading = iota // a whole number
	blank                   // no text
	fraction                // a number, not whole
	huge                    // a whole number beyond ±2^40
	notNumber
)

// A numberForm says how numbers are written. group, if it is not 0, may stand
// between groups of digits (1,282); a white space as group stands for any.
// decimal stands before fractions; 0: nothing does.
type numberForm struct{ group, decimal rune }

// parseValue reads a decimal number, with or without exponent: "303", "303.0"
// and "1e+05" are whole.
func parseValue(s string, form numberForm) (int64, reading) {
	if n := len(s); 0 < n && n <= 12 { // fits: 10^12 < 2^40
		var v int64
		i := 0
		for ; i < n && '0' <= s[i] && s[i] <= '9'; i++ {
			v = v*10 + int64(s[i]-'0')
		}
		if i == n {
			return v, whole
		}
	}
	if s = strings.TrimSpace(s); s == "" {
		return 0, blank
	}
	negative := s[0] == '-'
	if negative || s[0] == '+' {
		s = s[1:]
	}
	d, ok := scan(s, form)
	if !ok {
		return 0, notNumber
	}
	v, r := d.value()
	if negative {
		v = -v
	}
	return v, r
}

// A decimal is digits with a point after the first `point` of them, which may
// lie before or behind them all.
type decimal struct {
	digits string
	point  int
}

// maxExponent is beyond any number that is not huge or a fraction, and keeps
// point far from overflow.
const maxExponent = 1 << 30

func scan(s string, form numberForm) (decimal, bool) {
	end := strings.IndexAny(s, "eE")
	exp := 0
	if end >= 0 {
		var ok bool
		if exp, ok = exponent(s[end+1:]); !ok {
			return decimal{}, false
		}
		s = s[:end]
	}
	before, after := s, ""
	if form.decimal != 0 {
		before, after, _ = strings.Cut(s, string(form.decimal))
	}
	if before, ok := ungroup(before, form.group); ok && allDigits(before) && allDigits(after) && len(before)+len(after) > 0 {
		return decimal{before + after, len(before) + exp}, true
	}
	return decimal{}, false
}

func exponent(s string) (int, bool) {
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	if s == "" || !allDigits(s) {
		return 0, false
	}
	v := 0
	for i := range len(s) {
		v = min(v*10+int(s[i]-'0'), maxExponent)
	}
	if negative {
		v = -v
	}
	return v, true
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// ungroup takes the group characters out of an integer. They must stand where
// people put them: three digits in the last group, two or three in those
// before (1,50,000), else "1,5" would be read as 15.
func ungroup(s string, group rune) (string, bool) {
	isGroup := func(r rune) bool { return r == group || unicode.IsSpace(group) && unicode.IsSpace(r) }
	if group == 0 || !strings.ContainsFunc(s, isGroup) {
		return s, true
	}
	var b strings.Builder
	for n := 0; ; n++ {
		i := strings.IndexFunc(s, isGroup)
		last := i < 0
		if last {
			i = len(s)
		}
		if last && i != 3 || !last && (i > 3 || i < 1 || n > 0 && i < 2) {
			return "", false
		}
		b.WriteString(s[:i])
		if last {
			return b.String(), true
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		s = s[i+size:]
	}
}

func (d decimal) value() (int64, reading) {
	trimmed := strings.TrimLeft(d.digits, "0")
	d.point -= len(d.digits) - len(trimmed)
	d.digits = strings.TrimRight(trimmed, "0")
	switch {
	case d.digits == "":
		return 0, whole
	case d.point < len(d.digits):
		return 0, fraction
	case d.point > 13: // at least 10^13 > 2^40
		return 0, huge
	}
	var v int64
	for i := range d.point {
		v *= 10
		if i < len(d.digits) {
			v += int64(d.digits[i] - '0')
		}
	}
	if v > maxCount {
		return 0, huge
	}
	return v, whole
}
