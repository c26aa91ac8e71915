package normalize

import (
	"math/big"
	"strings"
	"testing"
)

func TestParseValue(t *testing.T) {
	for text, want := range map[string]struct {
		v int64
		r reading
	}{
		"0": {0, whole}, "303": {303, whole}, "303.0": {303, whole}, "303.": {303, whole}, "1e+05": {100000, whole}, "1E5": {100000, whole},
		"1.5e1": {15, whole}, "120e-1": {12, whole}, "-3": {-3, whole}, "+3": {3, whole}, " 7\u00a0": {7, whole}, "007": {7, whole},
		"-0": {0, whole}, "0e99999999999": {0, whole}, "0.000": {0, whole}, "1099511627776": {1 << 40, whole}, "-1099511627776": {-1 << 40, whole},
		"1099511627777": {0, huge}, "9223372036854775808": {0, huge}, "1e13": {0, huge}, "1e999999999999": {0, huge}, "-1e30": {0, huge},
		"0.001": {0, fraction}, "1.5": {0, fraction}, "1e-1": {0, fraction}, "15e-1": {0, fraction}, "-.5": {0, fraction}, "1e-99999999999": {0, fraction},
		"1099511627776.5": {0, fraction}, "": {0, blank}, " \t": {0, blank}, "\u2003": {0, blank},
		"<5": {0, notNumber}, "NaN": {0, notNumber}, "inf": {0, notNumber}, "1,282": {0, notNumber}, "1 282": {0, notNumber}, "0x10": {0, notNumber},
		"1_000": {0, notNumber}, ".": {0, notNumber}, "-": {0, notNumber}, "e5": {0, notNumber}, "1e": {0, notNumber}, "1e5e5": {0, notNumber},
		"1.2.3": {0, notNumber}, "--1": {0, notNumber}, "٣": {0, notNumber}, "5*": {0, notNumber}, "1e1.0": {0, notNumber}, "=1": {0, notNumber},
	} {
		if v, r := parseValue(text, numberForm{decimal: '.'}); v != want.v || r != want.r {
			t.Errorf("%q is %d (%d), want %d (%d)", text, v, r, want.v, want.r)
		}
	}
}

func TestParseGroups(t *testing.T) {
	for _, c := range []struct {
		text  string
		group rune
		v     int64
		r     reading
	}{
		{"1,282", ',', 1282, whole}, {"61,102,019", ',', 61102019, whole}, {"1,50,000", ',', 150000, whole}, {"1,282.0", ',', 1282, whole},
		{"-1,282", ',', -1282, whole}, {"282", ',', 282, whole}, {"1,282.5", ',', 0, fraction},
		{"1,5", ',', 0, notNumber}, {"1,2825", ',', 0, notNumber}, {",282", ',', 0, notNumber}, {"1,,282", ',', 0, notNumber},
		{"1282,000", ',', 0, notNumber}, {"1,2,000", ',', 0, notNumber}, {"1,282,", ',', 0, notNumber}, {"1.000,5", ',', 0, notNumber},
		{"1.282", '.', 1282, whole}, {"1.28", '.', 0, notNumber}, {"303.0", '.', 0, notNumber},
		{"1 282", ' ', 1282, whole}, {"1\u00a0282", ' ', 1282, whole}, {"1\u202f282\u202f000", ' ', 1282000, whole},
		{"1'282", '\'', 1282, whole}, {"1’282", '’', 1282, whole}, {"1 282", ',', 0, notNumber},
	} {
		if v, r := parseValue(c.text, Value{GroupChar: string(c.group)}.form()); v != c.v || r != c.r {
			t.Errorf("%q grouped by %q is %d (%d), want %d (%d)", c.text, c.group, v, r, c.v, c.r)
		}
	}
}

func TestParseDecimals(t *testing.T) {
	for _, c := range []struct {
		text, group, decimal string
		v                    int64
		r                    reading
	}{
		{"303,0", "", ",", 303, whole}, {"303,", "", ",", 303, whole}, {"1,5", "", ",", 0, fraction}, {"1.5", "", ",", 0, notNumber}, {"1e1", "", ",", 10, whole},
		{"1.282,00", ".", ",", 1282, whole}, {"1.282", ".", ",", 1282, whole}, {"1.28", ".", ",", 0, notNumber}, {"1 282,0", " ", ",", 1282, whole}, {"1,282.0", ",", ".", 1282, whole},
		{"3٫0", "", "٫", 3, whole}, {"3·5", "", "·", 0, fraction},
	} {
		form := Value{GroupChar: c.group, DecimalChar: c.decimal}.form()
		if v, r := parseValue(c.text, form); v != c.v || r != c.r {
			t.Errorf("%q with %q and %q is %d (%d), want %d (%d)", c.text, c.group, c.decimal, v, r, c.v, c.r)
		}
	}
}

// oracleValue reads a number by exact fractions.
func oracleValue(s string) (int64, reading) {
	if s = strings.TrimSpace(s); s == "" {
		return 0, blank
	}
	if strings.Trim(s, "0123456789.eE+-") != "" { // no hexadecimal, underscores, fractions or Inf
		return 0, notNumber
	}
	q, ok := new(big.Rat).SetString(s)
	switch {
	case !ok:
		return 0, notNumber
	case !q.IsInt():
		return 0, fraction
	case q.Num().CmpAbs(big.NewInt(maxCount)) > 0:
		return 0, huge
	}
	return q.Num().Int64(), whole
}

func FuzzParseValue(f *testing.F) {
	for _, s := range []string{"", "0", "303.0", "1e+05", "-.5", "1e-3", "1099511627777", "1,282", "5.", "00e0", "1e13", "٣"} {
		f.Add(s, ",", ".")
		f.Add(s, "", ",")
	}
	f.Fuzz(func(t *testing.T, s, g, d string) {
		form := Value{GroupChar: string([]rune(g + "\x00")[0]), DecimalChar: string([]rune(d + ".")[0])}.form()
		v, r := parseValue(s, form)
		if v > maxCount || v < -maxCount || r != whole && v != 0 {
			t.Fatalf("%q is %d (%d)", s, v, r)
		}
		// The oracle knows no groups, and takes its time over large exponents.
		if _, exp, ok := strings.Cut(strings.ToLower(s), "e"); ok && len(strings.TrimLeft(exp, "+-0")) > 3 {
			return
		}
		v, r = parseValue(s, numberForm{decimal: '.'})
		if want, is := oracleValue(s); v != want || r != is {
			t.Fatalf("%q is %d (%d), want %d (%d)", s, v, r, want, is)
		}
		// Another decimal character reads what a point would be in its place.
		if form.decimal == ',' && !strings.Contains(s, ".") {
			v, r = parseValue(s, Value{DecimalChar: ","}.form())
			if want, is := oracleValue(strings.ReplaceAll(s, ",", ".")); v != want || r != is {
				t.Fatalf("%q with a comma is %d (%d), want %d (%d)", s, v, r, want, is)
			}
		}
	})
}
