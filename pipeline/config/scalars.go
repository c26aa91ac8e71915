package config

import (
	"errors"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

var (
	wholePattern    = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,17})$`)
	decimalPattern  = regexp.MustCompile(`^[-+]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][-+]?[0-9]{1,2})?$`)
	percentPattern  = regexp.MustCompile(`^([0-9]{1,3}(\.[0-9]{1,9})?)%$`)
	durationPattern = regexp.MustCompile(`^(0|[1-9][0-9]{0,4}) (day|month|year)s?$`)
)

// parseWhole reads a whole number as JSON writes it.
func parseWhole(s string) (int64, bool) {
	if !wholePattern.MatchString(s) {
		return 0, false
	}
	v, err := strconv.ParseInt(s, 10, 64)
	return v, err == nil
}

// parseDecimal reads a decimal exactly. Lengths are bounded by the pattern, so
// an exponent cannot make it large.
func parseDecimal(s string) (*big.Rat, bool) {
	if !decimalPattern.MatchString(s) {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

// parsePercent reads "1%" as 0.01.
func parsePercent(s string) (float64, bool) {
	m := percentPattern.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	r, ok := new(big.Rat).SetString(m[1])
	if !ok || r.Cmp(big.NewRat(100, 1)) > 0 {
		return 0, false
	}
	share, _ := r.Quo(r, big.NewRat(100, 1)).Float64()
	return share, true
}

// most is how long a duration may be, in years.
const most = 100

var errDuration = errors.New(`not a duration (want "10 days", "1 month" or "2 years")`)

// parseDuration reads "10 days", "1 month" or "2 years".
func parseDuration(s string) (Duration, error) {
	m := durationPattern.FindStringSubmatch(s)
	if m == nil {
		return Duration{}, errDuration
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return Duration{}, errDuration
	}
	d, limit := Duration{}, most
	switch strings.TrimSuffix(m[2], "s") {
	case "day":
		d.Days, limit = n, most*366
	case "month":
		d.Months, limit = n, most*12
	case "year":
		d.Years = n
	}
	if n > limit {
		return Duration{}, errors.New("a duration longer than 100 years")
	}
	return d, nil
}

// nano returns floor(r·10⁹) for 0 < r ≤ 1000.
func nano(r *big.Rat) uint64 {
	scaled := new(big.Rat).Mul(r, big.NewRat(1_000_000_000, 1))
	return new(big.Int).Quo(scaled.Num(), scaled.Denom()).Uint64()
}
