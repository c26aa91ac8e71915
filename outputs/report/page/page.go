// Package page is the look that the pages of a public folder share. Pages are
// self-contained: the style is put into each.
package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"

	"halftone/outputs/chart"
)

//go:embed page.css
var style string

// CSS is the style of every page, charts included.
func CSS() template.CSS { return template.CSS(style + chart.Style) }

// Tone is a strip of dots that grow smaller to the right, as in a printed
// picture. It is an ornament.
func Tone() template.HTML {
	const columns, rows, step = 64, 3, 11.0
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="tone" viewBox="0 0 %d %d" aria-hidden="true" xmlns="http://www.w3.org/2000/svg">`, columns*int(step), rows*int(step)/2+6)
	for c := range columns {
		fade := 1 - float64(c)/columns
		for r := c % 2; r < rows; r += 2 {
			fmt.Fprintf(&b, `<circle cx="%.0f" cy="%.1f" r="%.2f"/>`, step*(float64(c)+.5), 5+step*float64(r)/2, .35+3.9*fade*fade)
		}
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// A writes a unit with its article: a person, an event.
func A(unit string) string {
	if unit != "" && strings.Contains("aeiou", unit[:1]) {
		return "an " + unit
	}
	return "a " + unit
}

// Factor is e^ε, rounded up to two decimals, or to a whole number where it is large.
func Factor(epsilon float64) string {
	f := math.Exp(epsilon)
	if f >= 1000 {
		return strconv.FormatFloat(math.Ceil(f), 'g', 4, 64)
	}
	return strconv.FormatFloat(math.Ceil(100*f-1e-6)/100, 'f', 2, 64)
}

// Join puts parts behind an address.
func Join(base string, parts ...string) string {
	return strings.TrimRight(base, "/") + "/" + strings.Join(parts, "/")
}
