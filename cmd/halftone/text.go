package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"halftone/outputs"
	"halftone/privacy"
)

// group writes 4417 as 4,417.
func group[T int | int64 | uint64](n T) string {
	s := strconv.FormatInt(int64(n), 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return group(n) + " " + many
}

// span writes periods as a range where they follow each other: 2013 … 2020.
func span(periods []privacy.Period) string {
	var parts []string
	for i := 0; i < len(periods); {
		j := i
		for j+1 < len(periods) && periods[j].Next() == periods[j+1] {
			j++
		}
		switch j - i {
		case 0:
			parts = append(parts, periods[i].String())
		case 1:
			parts = append(parts, periods[i].String(), periods[j].String())
		default:
			parts = append(parts, periods[i].String()+" … "+periods[j].String())
		}
		i = j + 1
	}
	if len(parts) == 0 {
		return "–"
	}
	return strings.Join(parts, ", ")
}

// short is a digest as people compare it.
func short(digest string) string {
	if len(digest) > 8 {
		return digest[:8]
	}
	return digest
}

// epsilon writes nano-ε with the digits that it has, two at least.
func epsilon(nano uint64) string {
	s := fmt.Sprintf("%d.%09d", nano/1e9, nano%1e9)
	for strings.HasSuffix(s, "0") && len(s)-strings.IndexByte(s, '.') > 3 {
		s = s[:len(s)-1]
	}
	return s
}

// epsilonOf writes a cost as epsilon at the δ of its terms: with Laplace the
// digits that it has, with zCDP four, rounded up; two at least.
func (a *app) epsilonOf(t privacy.Terms, nano uint64) string {
	if t.Unit == privacy.EpsilonNano {
		return epsilon(nano)
	}
	return roundedUp(t.Cost(nano).Epsilon(t.ShownDelta()))
}

// roundedUp writes an epsilon with four digits, rounded up; two at least.
func roundedUp(e float64) string { return epsilon(uint64(math.Ceil(1e4*e-1e-3)) * 1e5) }

// atDelta says at which delta an epsilon is meant, nothing with a pure one.
func atDelta(t privacy.Terms) string {
	if t.Unit == privacy.EpsilonNano {
		return ""
	}
	return " (delta " + outputs.Plain(t.ShownDelta()) + ")"
}

// spanKeys writes releases: the periods of first editions, then revisions by name.
func spanKeys(keys []privacy.Key) string {
	var first []privacy.Period
	var rest []string
	for _, k := range keys {
		if k.Edition == 1 {
			first = append(first, k.Period)
		} else {
			rest = append(rest, fmt.Sprintf("%s (edition %d)", k.Period, k.Edition))
		}
	}
	switch {
	case len(rest) == 0:
		return span(first)
	case len(first) == 0:
		return strings.Join(rest, ", ")
	}
	return span(first) + ", " + strings.Join(rest, ", ")
}

// A grid is a plain table: the first column to the left, the others to the
// right unless a column is named left.
type grid struct {
	rows [][]string
	left map[int]bool
}

func (g *grid) add(cells ...string) { g.rows = append(g.rows, cells) }

func (g *grid) write(w io.Writer) {
	var width []int
	for _, r := range g.rows {
		for i, c := range r {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	for _, r := range g.rows {
		var b strings.Builder
		for i, c := range r {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(c))
			if i > 0 {
				b.WriteString("   ")
			}
			if i == 0 || g.left[i] {
				b.WriteString(c + pad)
			} else {
				b.WriteString(pad + c)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}
