package format

import "testing"

func TestShapeOf(t *testing.T) {
	for code, want := range map[string]shape{
		"General": plain, "0": plain, "#,##0.00": plain, `0"d"`: plain, "0%": plain, "@": plain, "": plain, "0.00E+00": plain, `"open`: plain, `\`: plain,
		`_-* #,##0\ "kr"_-`: plain, "[h]:mm": plain, "[Red]0": plain, "[<5]": plain, "[": plain, "?/?": plain,
		"dd/mm/yyyy;@": date, "[$-409]mmm\\ yyyy": date, "yyyy-mm-dd hh:mm:ss": date, "mmm-yy": date, `yyyy"年"m"月"`: date, "m/d": date, "mmmm": date,
		"h:mm AM/PM": clock, "hh:mm:ss": clock, "mm:ss.000": clock,
	} {
		if got := shapeOf(code); got != want {
			t.Errorf("%q is %d, want %d", code, got, want)
		}
	}
}

func TestSerial(t *testing.T) {
	for _, c := range []struct {
		f        float64
		shape    shape
		from1904 bool
		want     string
	}{
		{1, date, false, "1900-01-01"}, {59, date, false, "1900-02-28"}, {60, date, false, "1900-02-29"}, {61, date, false, "1900-03-01"},
		{45351, date, false, "2024-02-29"}, {45351.999999, date, false, "2024-03-01"}, {2958465, date, false, "9999-12-31"}, {2958466, date, false, "2958466"},
		{0, date, false, "0"}, {0.25, date, false, "0.25"}, {0.25, clock, false, "06:00:00"}, {1.25, clock, false, "1900-01-01T06:00:00"}, {-1, clock, false, "-1"},
		{0, date, true, "1904-01-01"}, {60, date, true, "1904-03-01"}, {1.5, plain, false, "1.5"}, {1e300, date, false, "1e+300"},
	} {
		if got := string(appendSerial(nil, c.f, c.shape, c.from1904)); got != c.want {
			t.Errorf("%v is %q, want %q", c, got, c.want)
		}
	}
}
