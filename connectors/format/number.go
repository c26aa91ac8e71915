package format

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Numbers and dates of spreadsheets, which store both as binary numbers and
// show them as a number format says.

// appendNumber writes the shortest decimal that gives f back, without an
// exponent unless it would be longer than anybody writes.
func appendNumber(to []byte, f float64) []byte {
	switch size := math.Abs(f); {
	case f == 0:
		return append(to, '0') // no minus zero
	case size < 1e-6 || size >= 1e21:
		return strconv.AppendFloat(to, f, 'e', -1, 64)
	default:
		return strconv.AppendFloat(to, f, 'f', -1, 64)
	}
}

// decimalText is appendNumber for a number in text, which stays as it is
// written where it is whole: identifiers may have more digits than a float64.
func decimalText(to, v []byte) []byte {
	whole := true
	for i, c := range v {
		whole = whole && (c >= '0' && c <= '9' || i == 0 && c == '-' && len(v) > 1)
	}
	if whole {
		return append(to, v...)
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return append(to, v...)
	}
	return appendNumber(to, f)
}

// A shape is what a number format makes of a number.
type shape uint8

const (
	plain shape = iota
	date        // a day, with the time of day if there is one
	clock       // a time of day only
)

// builtIn gives the shape of the formats that have a number and no code.
func builtIn(id int) shape {
	switch {
	case id >= 14 && id <= 17, id == 22, id >= 27 && id <= 31, id == 36, id >= 50 && id <= 54, id == 57, id == 58:
		return date
	case id >= 18 && id <= 21, id >= 32 && id <= 35, id == 45, id == 47, id == 55, id == 56:
		return clock
	}
	return plain
}

// shapeOf reads a number format such as `dd/mm/yyyy;@`. A duration ([h]:mm) is
// a plain number: it is no time of day.
func shapeOf(code string) shape {
	code, _, _ = strings.Cut(code, ";")
	code, ok := letters(code)
	if !ok || strings.Contains(code, "general") || strings.ContainsAny(code, "#?") {
		return plain
	}
	times := strings.IndexAny(code, "hs")
	if digit := strings.IndexByte(code, '0'); digit >= 0 && (times < 0 || digit < times) { // ss.000 is no number
		return plain
	}
	switch {
	case strings.ContainsAny(code, "yd"), times < 0 && strings.Contains(code, "m"): // m is minutes beside hours or seconds
		return date
	case times >= 0:
		return clock
	default:
		return plain
	}
}

// letters takes out of a number format what is shown as it is, colours and
// languages. false: it is a duration or cannot be read.
func letters(code string) (string, bool) {
	var out []byte
	code = strings.ToLower(code)
	for i := 0; i < len(code); i++ {
		var skip int
		switch code[i] {
		case '"':
			skip = strings.IndexByte(code[i+1:], '"') + 1
		case '[':
			skip = strings.IndexByte(code[i:], ']')
			if skip > 1 && strings.Trim(code[i+1:i+skip], "hms") == "" {
				return "", false
			}
		case '\\', '_', '*':
			skip = 1
		default:
			out = append(out, code[i])
			continue
		}
		if skip <= 0 {
			return "", false
		}
		i += skip
	}
	return string(out), true
}

// lastDay is 9999-12-31 in days from the start of 1900.
const lastDay = 2958465

// appendSerial writes the date or time that f days are, in ISO 8601, or the
// number where it is none. Spreadsheets count a 29 February 1900 that never was.
func appendSerial(to []byte, f float64, s shape, from1904 bool) []byte {
	day := math.Floor(f)
	seconds := int(math.Round((f - day) * 86400))
	if seconds == 86400 {
		day, seconds = day+1, 0
	}
	if s == plain || f < 0 || day > lastDay || s == date && day == 0 && !from1904 { // there is no day 0
		return appendNumber(to, f)
	}
	base := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	switch {
	case from1904:
		base = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	case day == 60 && s == date:
		return append(to, "1900-02-29"...)
	case day < 60:
		base = base.AddDate(0, 0, 1)
	}
	t := base.AddDate(0, 0, int(day)).Add(time.Duration(seconds) * time.Second)
	switch {
	case s == clock && day == 0:
		return t.AppendFormat(to, "15:04:05")
	case seconds == 0:
		return t.AppendFormat(to, "2006-01-02")
	default:
		return t.AppendFormat(to, "2006-01-02T15:04:05")
	}
}
