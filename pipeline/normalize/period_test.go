package normalize

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"halftone/privacy"
)

func TestParsePeriod(t *testing.T) {
	for _, c := range []struct{ format, text, want string }{
		{"", "2016", "2016"}, {"", "2016.0", "2016"}, {"", "2016-Q3", "2016-Q3"}, {"", "2016-q3", "2016-Q3"}, {"", "2016-11", "2016-11"},
		{"", "2016-11-30", "2016-11"}, {"", "2017-10-23T13:37:28.417-04:00", "2017-10"}, {"", "2017-10-23 13:37", "2017-10"}, {"", "2014-2018", "2014-2018"},
		{"", "2016/17", ""}, {"", "201611", ""}, {"", "2016-13", ""}, {"", "2016-11-31", ""}, {"", "2016.5", ""}, {"", "16", ""}, {"", "20166", ""},
		{"", "2018-2014", ""}, {"", "2016-Q5", ""}, {"", "", ""}, {"", "2016-11-30x", ""}, {"", "2016-11-30 noon", ""}, {"", "NA", ""},
		{"yyyy", "2016", "2016"}, {"yyyy", "2016.00", "2016"}, {"yyyy", "2016-11", ""}, {"yyyy", "2014-2018", ""}, {"yyyy", "2016.", ""},
		{"yyyyMM", "201611", "2016-11"}, {"yyyyMM", "201611.0", "2016-11"}, {"yyyyMM", "20161", ""}, {"yyyyMM", "201600", ""},
		{"yyyyMMdd", "20160229", "2016-02"}, {"yyyyMMdd", "20150229", ""},
		{"yyyy-MM", "2016-11", "2016-11"}, {"yyyy-MM", "2016-1", "2016-01"}, {"yyyy-MM", "2016-011", ""}, {"yyyy-MM", "2016", ""}, {"yyyy-MM", "2016-11 12:00", ""},
		{"yyyy-MM-dd", "2016-11-30", "2016-11"}, {"yyyy-MM-dd", "2016-11-30T00:00:00Z", "2016-11"}, {"yyyy-MM-dd", "30-11-2016", ""},
		{"dd/MM/yyyy", "30/11/2016", "2016-11"}, {"dd/MM/yyyy", "1/2/2016", "2016-02"}, {"dd/MM/yyyy", "11/30/2016", ""}, {"dd/MM/yyyy", "30/11/2016 12:00:00 AM", "2016-11"},
		{"MM/dd/yyyy", "11/30/2016", "2016-11"}, {"d.M.yyyy", "3.4.2016", "2016-04"},
		{"yyyy'Q'Q", "2016Q3", "2016-Q3"}, {"yyyy'Q'Q", "2016Q0", ""}, {"yyyy'Q'Q", "2016Q5", ""}, {"'T'Q yyyy", "T3 2016", "2016-Q3"},
		{"MMM-yyyy", "Nov-2016", "2016-11"}, {"MMM-yyyy", "NOV-2016", "2016-11"}, {"MMM-yyyy", "Sept-2016", "2016-09"}, {"MMM-yyyy", "November-2016", ""},
		{"MMM-yyyy", "Nop-2016", ""}, {"MMMM yyyy", "November 2016", "2016-11"}, {"MMMM yyyy", "Nov 2016", ""}, {"MMM-yyyy", "Mai-2016", ""},
		{"''yyyy", "'2016", "2016"},
	} {
		t.Run(c.format+" "+c.text, func(t *testing.T) {
			var formats []string
			if c.format != "" {
				formats = []string{c.format}
			}
			r, err := newPeriodReader(formats, "")
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if p, ok := r.parse(c.text); ok {
				got = p.String()
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestTwoYears(t *testing.T) {
	for _, c := range []struct{ format, yearOf, text, want string }{
		{"yyyy/yy", "start", "2016/17", "2016"}, {"yyyy/yy", "end", "2016/17", "2017"}, {"yyyy/yy", "start", "1999/00", "1999"}, {"yyyy/yy", "end", "1999/00", "2000"},
		{"yyyy/yy", "start", "2016/18", ""}, {"yyyy/yy", "start", "2016/16", ""}, {"yyyy/yy", "start", "2016/2017", ""}, {"yyyy/yy", "start", "2016/7", ""}, {"yyyy/yy", "start", "2016", ""},
		{"yyyy-yyyy", "end", "2016-2017", "2017"}, {"yyyy-yyyy", "end", "2014-2018", ""}, {"'FY'yyyy/yy", "end", "FY2016/17", "2017"}, {"yyyy/yy", "start", "2016/17x", ""},
	} {
		t.Run(c.format+" "+c.text+" "+c.yearOf, func(t *testing.T) {
			r, err := newPeriodReader([]string{c.format}, c.yearOf)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if p, ok := r.parse(c.text); ok {
				got = p.String()
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestFormatRefuses(t *testing.T) {
	for _, f := range []string{"", "MM", "yyyyy", "yyy", "yy", "yyyyyyyy", "yyyy-MM-MM", "yyyy-dd", "yyyy-MM-Q", "yyyy QQ", "YYYY", "yyyy-mm-dd", "yyyy'Q", "yyyyMMMMM", "week yyyy", "yyyy/yyyyy", "yyyy/y", "yyyy/yy-MM", "yy/yyyy", "yyyy/yy/yy"} {
		if _, err := compile(f); err == nil {
			t.Errorf("%q is taken for a format", f)
		}
	}
}

func TestCalendar(t *testing.T) {
	bands := []privacy.Period{mustPeriod(t, "2005-2013"), mustPeriod(t, "2014-2018"), mustPeriod(t, "2019")}
	for _, c := range []struct{ every, in, want string }{
		{"month", "2016-11", "2016-11"}, {"month", "2016-Q3", "coarse"}, {"month", "2016", "coarse"}, {"month", "2011-12", "undeclared"},
		{"quarter", "2016-11", "2016-Q4"}, {"quarter", "2016-Q3", "2016-Q3"}, {"quarter", "2016", "coarse"},
		{"year", "2016-11", "2016"}, {"year", "2016", "2016"}, {"year", "2014-2018", "coarse"}, {"year", "2011", "undeclared"}, {"year", "2011-12", "undeclared"},
		{"band", "2014-2018", "2014-2018"}, {"band", "2016", "2014-2018"}, {"band", "2018-12", "2014-2018"}, {"band", "2019", "2019"}, {"band", "2019-Q1", "2019"},
		{"band", "2018-2019", "coarse"}, {"band", "2005-2018", "coarse"}, {"band", "2018-2030", "coarse"}, {"band", "2020", "undeclared"}, {"band", "2004", "undeclared"},
	} {
		declared := since(t, "2012")
		if c.every == "band" {
			declared = func(p privacy.Period) bool { return p == bands[0] || p == bands[1] || p == bands[2] }
		}
		cal, err := newCalendar(declared, c.every, bands)
		if err != nil {
			t.Fatal(err)
		}
		p, reason := cal.place(mustPeriod(t, c.in))
		got := p.String()
		if reason != "" {
			got = reason
		}
		if got != c.want {
			t.Errorf("%s in a dataset of every %s: got %s, want %s", c.in, c.every, got, c.want)
		}
	}
	if _, err := newCalendar(since(t, "2012"), "week", nil); err == nil {
		t.Error("weeks are taken for periods")
	}
}

// FuzzPeriod: what is read lies where the time package puts it.
func FuzzPeriod(f *testing.F) {
	for _, s := range []string{"2016", "2016.0", "2016-11", "2016-11-30", "2016-11-30T01:02:03Z", "2016-Q3", "2014-2018", "30/11/2016", "201611", "Nov-2016", "2016/17", "1999/00"} {
		f.Add(s)
	}
	forms := map[string]string{"yyyy-MM-dd": time.DateOnly, "dd/MM/yyyy": "02/01/2006", "yyyyMMdd": "20060102", "yyyyMM": "200601", "yyyy": "2006", "MMMM yyyy": "January 2006"}
	f.Fuzz(func(t *testing.T, s string) {
		own, err := newPeriodReader(nil, "")
		if err != nil {
			t.Fatal(err)
		}
		if p, ok := own.parse(s); ok {
			if again, ok := own.parse(p.String()); !ok || again != p {
				t.Fatalf("%q is %s, which is not itself", s, p)
			}
		}
		for format, layout := range forms {
			r, err := newPeriodReader([]string{format}, "")
			if err != nil {
				t.Fatal(err)
			}
			p, ok := r.parse(s)
			want, err := time.Parse(layout, s)
			switch {
			case err == nil && !ok:
				t.Fatalf("%q is no %s", s, format)
			case err == nil && (p.Start().After(want) || !want.Before(p.End())):
				t.Fatalf("%q as %s is %s", s, format, p)
			case ok && !strings.ContainsAny(s, "0123456789"):
				t.Fatalf("%q as %s is %s", s, format, p)
			}
		}
		twoYears(t, s)
	})
}

// twoYears: a text of two years is one year for `start` and the next for `end`.
func twoYears(t *testing.T, s string) {
	t.Helper()
	var got [2]privacy.Period
	var is [2]bool
	for i, yearOf := range []string{"start", "end"} {
		r, err := newPeriodReader([]string{"yyyy/yy", "yyyy/yyyy"}, yearOf)
		if err != nil {
			t.Fatal(err)
		}
		got[i], is[i] = r.parse(s)
	}
	var a, b int
	n, _ := fmt.Sscanf(s, "%4d/%d", &a, &b)
	two := n == 2 && len(s) >= 7 && (s == fmt.Sprintf("%04d/%02d", a, (a+1)%100) || s == fmt.Sprintf("%04d/%04d", a, a+1))
	start, err := privacy.NewPeriod(a, 1, 12)
	if is[0] != (two && err == nil) {
		t.Fatalf("%q is two years: %v, want %v", s, is[0], two && err == nil)
	}
	if is[0] && (got[0] != start || is[1] && got[1].Start() != start.End()) {
		t.Fatalf("%q is %s or %s", s, got[0], got[1])
	}
}
