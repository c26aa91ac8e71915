package normalize

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"halftone/privacy"
)

// A pattern is a Unicode date pattern of whole fields, such as dd/MM/yyyy.
type pattern struct {
	fields []field
	days   bool // it has days: a time behind the date is not looked at
	number bool // digits only: 2016.0 is 2016
	two    bool // it has two years that follow each other: 2016/17
	end    bool // of which the second is meant
}

// A field is one letter run of a pattern, or a literal.
type field struct {
	letter  byte   // y, M, d or Q, or secondYear; 0 for a literal
	width   int    // letters
	literal string // in lower case
	alone   bool   // no digits of another field touch it: 1/2/2026 is as good as 01/02/2026
}

// secondYear is the letter of the second of two years.
const secondYear = 'z'

// digits reports whether f is a number.
func (f field) digits() bool { return f.letter != 0 && (f.letter != 'M' || f.width < 3) }

var errPattern = errors.New("not a format: known are yyyy, yyyyMM, yyyy-MM, yyyy-MM-dd, dd/MM/yyyy, yyyy'Q'Q, MMM-yyyy, yyyy/yy and others of the letters y M d Q")

// compile reads a pattern.
func compile(s string) (pattern, error) {
	var p pattern
	widths := map[byte]int{}
	for rest := s; rest != ""; {
		f, n, err := nextField(rest)
		if err != nil {
			return pattern{}, err
		}
		rest = rest[n:]
		if f.letter == 'y' && widths['y'] > 0 {
			f.letter = secondYear
		}
		if f.letter != 0 {
			if widths[f.letter] > 0 {
				return pattern{}, errPattern
			}
			widths[f.letter] = f.width
		}
		p.fields = append(p.fields, f)
	}
	y, z, m, d, q := widths['y'], widths[secondYear], widths['M'], widths['d'], widths['Q']
	if y != 4 || m > 4 || d > 2 || q > 1 || m > 0 && q > 0 || d > 0 && m == 0 || z > 0 && (z != 2 && z != 4 || m+d+q > 0) {
		return pattern{}, errPattern
	}
	p.days, p.number, p.two = d > 0, true, z > 0
	for i := range p.fields {
		digits := func(j int) bool { return j >= 0 && j < len(p.fields) && p.fields[j].digits() }
		p.fields[i].alone = !digits(i-1) && !digits(i+1)
		p.number = p.number && digits(i)
	}
	return p, nil
}

// nextField reads a field off the front of s and tells how long it is.
func nextField(s string) (field, int, error) {
	c := s[0]
	switch {
	case c == '\'':
		end := strings.IndexByte(s[1:], '\'')
		if end < 0 {
			return field{}, 0, errPattern
		}
		if end == 0 {
			return field{literal: "'"}, 2, nil
		}
		return field{literal: strings.ToLower(s[1 : end+1])}, end + 2, nil
	case c == 'y' || c == 'M' || c == 'd' || c == 'Q':
		n := len(s) - len(strings.TrimLeft(s, string(c)))
		return field{letter: c, width: n}, n, nil
	case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
		return field{}, 0, errPattern
	}
	return field{literal: s[:1]}, 1, nil
}

var timeOfDay = regexp.MustCompile(`^[t ]\d{1,2}(:\d{2}){0,2}([.,]\d+)?( ?[ap]m)?( ?(z|utc|gmt|[+-]\d{2}(:?\d{2})?))?$`)

var zeroFraction = regexp.MustCompile(`^\.0+$`)

// parse reads a text without white space at its ends.
func (p pattern) parse(s string) (privacy.Period, bool) {
	s = strings.ToLower(s)
	got := map[byte]int{}
	for _, f := range p.fields {
		v, n := f.take(s)
		if n == 0 {
			return privacy.Period{}, false
		}
		if s = s[n:]; f.letter != 0 {
			got[f.letter] = v
		}
	}
	if s != "" && !(p.days && timeOfDay.MatchString(s)) && !(p.number && zeroFraction.MatchString(s)) {
		return privacy.Period{}, false
	}
	if p.two {
		next := got['y'] + 1
		if z := got[secondYear]; z != next && z != next%100 {
			return privacy.Period{}, false
		}
		if p.end {
			got['y'] = next
		}
	}
	return period(got['y'], got['Q'], got['M'], got['d'])
}

// period puts together what a pattern found; 0 is nothing.
func period(year, quarter, month, day int) (privacy.Period, bool) {
	length := 12
	switch {
	case quarter > 0:
		length, month = 3, quarter*3-2
	case month > 0:
		length = 1
	default:
		month = 1
	}
	if day > 0 && time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Day() != day {
		return privacy.Period{}, false
	}
	q, err := privacy.NewPeriod(year, month, length)
	return q, err == nil
}

// take reads f off the front of s: its value, and how long it is, 0 for no match.
func (f field) take(s string) (value, n int) {
	switch {
	case f.letter == 0:
		if !strings.HasPrefix(s, f.literal) {
			return 0, 0
		}
		return 0, len(f.literal)
	case f.letter == 'M' && f.width > 2:
		return monthName(s, f.width)
	}
	most, least := 2, 2
	switch {
	case f.letter == 'y' || f.letter == secondYear:
		most, least = f.width, f.width
	case f.letter == 'Q':
		most, least = 1, 1
	case f.width == 1 || f.alone:
		least = 1
	}
	for n < len(s) && n < most && '0' <= s[n] && s[n] <= '9' {
		value, n = value*10+int(s[n]-'0'), n+1
	}
	if n < least || value == 0 && f.letter != 'y' && f.letter != secondYear || f.letter == 'Q' && value > 4 {
		return 0, 0
	}
	return value, n
}

// monthName reads an English name: MMM is Jan, or Sept; MMMM is January.
func monthName(s string, width int) (month, n int) {
	for m := time.January; m <= time.December; m++ {
		name := strings.ToLower(m.String())
		switch {
		case width == 4 && strings.HasPrefix(s, name):
			return int(m), len(name)
		case width == 3 && m == time.September && strings.HasPrefix(s, "sept"):
			return int(m), 4
		case width == 3 && strings.HasPrefix(s, name[:3]):
			return int(m), 3
		}
	}
	return 0, 0
}

// ownForms are the forms that a text has by itself, read where no format is
// declared. Bands (2014-2018) come on top.
var ownForms = []string{"yyyy", "yyyy-'Q'Q", "yyyy-MM", "yyyy-MM-dd"}

// A periodReader reads period texts of the declared formats.
type periodReader struct {
	patterns []pattern
	own      bool // no format is declared: bands too
}

// Which of two years a text means.
const (
	yearOfStart = "start"
	yearOfEnd   = "end"
)

// newPeriodReader compiles formats. yearOf is start or end where one of them has
// two years, else empty.
func newPeriodReader(formats []string, yearOf string) (periodReader, error) {
	r := periodReader{own: len(formats) == 0}
	if r.own {
		formats = ownForms
	}
	two := false
	for _, f := range formats {
		p, err := compile(f)
		if err != nil {
			return r, fmt.Errorf("%s: %w", f, err)
		}
		if p.two && yearOf == "" {
			return r, fmt.Errorf("%s: has two years: say by `year_of` which is meant, start or end", f)
		}
		two, p.end = two || p.two, yearOf == yearOfEnd
		r.patterns = append(r.patterns, p)
	}
	if yearOf != "" && !two {
		return r, errors.New("`year_of` goes with a format of two years: yyyy/yy")
	}
	return r, nil
}

func (r periodReader) parse(s string) (privacy.Period, bool) {
	for _, p := range r.patterns {
		if q, ok := p.parse(s); ok {
			return q, true
		}
	}
	if r.own && len(s) == len("2014-2018") {
		q, err := privacy.ParsePeriod(s)
		return q, err == nil
	}
	return privacy.Period{}, false
}

// A calendar says into which period of the dataset a period of the data falls.
type calendar struct {
	declared func(privacy.Period) bool
	months   int              // length of a period; 0 with bands
	bands    []privacy.Period //
}

func newCalendar(declared func(privacy.Period) bool, every string, bands []privacy.Period) (calendar, error) {
	lengths := map[string]int{"month": 1, "quarter": 3, "year": 12, "band": 0}
	n, ok := lengths[every]
	if !ok || declared == nil {
		return calendar{}, fmt.Errorf("normalize: no period length %q: want month, quarter, year or band", every)
	}
	return calendar{declared, n, bands}, nil
}

// place cuts p to the dataset's periods. The reason is empty, "coarse" or
// "undeclared".
func (c calendar) place(p privacy.Period) (q privacy.Period, reason string) {
	if c.months == 0 {
		return c.band(p)
	}
	if p.Months() > c.months {
		return q, reasonCoarse
	}
	start := p.Start()
	q, err := privacy.NewPeriod(start.Year(), int(start.Month()), c.months)
	if err != nil || !c.declared(q) {
		return q, reasonUndeclared
	}
	return q, ""
}

func (c calendar) band(p privacy.Period) (privacy.Period, string) {
	for _, b := range c.bands {
		overlap := b.Start().Before(p.End()) && p.Start().Before(b.End())
		switch {
		case !overlap:
		case p.Start().Before(b.Start()) || b.End().Before(p.End()):
			return b, reasonCoarse
		case c.declared(b):
			return b, ""
		}
	}
	return p, reasonUndeclared
}
