package domain

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Period is a month, a quarter, a year, or a band of whole years. The zero
// Period is invalid. Periods of the same length compare with ==.
type Period struct{ start, months int } // start counts months from January of year 0

var errPeriod = errors.New("not a period (want 2026, 2026-Q3, 2026-11 or 2014-2018)")

// NewPeriod returns the period of the given number of months (1, 3, or a
// multiple of 12) that contains a month; month is 1 to 12.
func NewPeriod(year, month, months int) (Period, error) {
	if year < 0 || year > 9999 || month < 1 || month > 12 || months != 1 && months != 3 && months != 12 {
		return Period{}, errPeriod
	}
	m := year*12 + month - 1
	return Period{m - m%months, months}, nil
}

// ParsePeriod reads 2026, 2026-Q3, 2026-11 or the band 2014-2018.
func ParsePeriod(s string) (Period, error) {
	y, rest, cut := strings.Cut(s, "-")
	year, ok := digits(y, 4)
	if !ok {
		return Period{}, errPeriod
	}
	if !cut {
		return Period{year * 12, 12}, nil
	}
	if q, isQ := strings.CutPrefix(rest, "Q"); isQ {
		if n, ok := digits(q, 1); ok && n >= 1 && n <= 4 {
			return Period{year*12 + (n-1)*3, 3}, nil
		}
		return Period{}, errPeriod
	}
	if m, ok := digits(rest, 2); ok && m >= 1 && m <= 12 {
		return Period{year*12 + m - 1, 1}, nil
	}
	if last, ok := digits(rest, 4); ok && last > year {
		return Period{year * 12, (last - year + 1) * 12}, nil
	}
	return Period{}, errPeriod
}

// digits reads exactly n decimal digits; Atoi alone would take a sign.
func digits(s string, n int) (int, bool) {
	if len(s) != n {
		return 0, false
	}
	v, err := strconv.ParseUint(s, 10, 32)
	return int(v), err == nil
}

// MarshalText writes the SDMX form.
func (p Period) MarshalText() ([]byte, error) {
	if p.months == 0 {
		return nil, errPeriod
	}
	return []byte(p.String()), nil
}

// UnmarshalText reads the SDMX form.
func (p *Period) UnmarshalText(b []byte) (err error) {
	*p, err = ParsePeriod(string(b))
	return err
}

// String returns the SDMX form of p.
func (p Period) String() string {
	switch y, m := p.start/12, p.start%12; p.months {
	case 0:
		return "(no period)"
	case 1:
		return fmt.Sprintf("%04d-%02d", y, m+1)
	case 3:
		return fmt.Sprintf("%04d-Q%d", y, m/3+1)
	case 12:
		return fmt.Sprintf("%04d", y)
	default:
		return fmt.Sprintf("%04d-%04d", y, y+p.months/12-1)
	}
}

// Months is the length of p: 1, 3, or a multiple of 12.
func (p Period) Months() int { return p.months }

// Start returns the first instant of p in UTC.
func (p Period) Start() time.Time {
	return time.Date(p.start/12, time.Month(p.start%12+1), 1, 0, 0, 0, 0, time.UTC)
}

// End returns the first instant after p in UTC.
func (p Period) End() time.Time { return Period{p.start + p.months, 1}.Start() }

// Next returns the period after p, of the same length.
func (p Period) Next() Period { return Period{p.start + p.months, p.months} }

// YearBefore returns the period of the same length that starts one year earlier.
func (p Period) YearBefore() Period { return Period{p.start - 12, p.months} }

// Before reports whether p starts before q.
func (p Period) Before(q Period) bool { return p.start < q.start }
