// Package chart draws small charts as SVG: lines with bands, bars with
// intervals, sparklines and coverage strips.
//
// A chart is a pure function of its numbers: the same chart gives the same
// bytes. It has no script and no style of its own; pages include [Style] once.
// Colours are CSS variables, safe for the colour-blind (after Okabe and Ito) and
// doubled by the shape of markers, with a light and a dark set. Every chart is
// an image with a title and a description; whoever places one puts the data
// table beside it. Axes of counts start at zero.
//
// Text does not shrink below reading size when a chart is drawn about as wide as
// it is shown, so pages draw a chart once wide and once narrow and show one.
package chart

import (
	_ "embed"
	"errors"
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

// Style is the CSS of all charts and of the colours.
//
//go:embed chart.css
var Style string

// MaxLines is the most lines that one chart may have: more are not told apart.
const MaxLines = 4

// A Size is one drawing of a chart, in CSS pixels. Name makes the ids of the
// drawing unique among others of the same chart.
type Size struct {
	Name string
	W, H float64
}

// The sizes that pages use: beside text, on a phone, one of many, one of three
// abreast.
var (
	Wide   = Size{"w", 680, 380}
	Narrow = Size{"n", 350, 270}
	Panel  = Size{"p", 280, 150}
	Third  = Size{"p", 340, 175}
)

// A Head names a chart for those who cannot see it.
type Head struct {
	ID    string // unique on the page; letters, digits, hyphens
	Title string
	Desc  string // what the chart shows, in words
}

func (h Head) open(c *canvas, s Size, class string) {
	id := h.ID + "-" + s.Name
	c.writef(`<svg class="chart %s" viewBox="0 0 %s %s" role="img" aria-labelledby="%s-t %s-d" xmlns="http://www.w3.org/2000/svg">`,
		class, num(s.W), num(s.H), esc(id), esc(id))
	c.writef(`<title id="%s-t">%s</title><desc id="%s-d">%s</desc>`, esc(id), esc(h.Title), esc(id), esc(h.Desc))
}

// A Point is one period of a line.
type Point struct {
	Y, Low, High float64 // 0 <= Low <= Y <= High
	Empty        bool    // no number: the line has a gap
	Faint        bool    // smaller than its noise: a hollow marker
}

var errPoint = errors.New("chart: a point is no finite number from 0 on, or lies outside its interval")

func (p Point) check() error {
	if p.Empty {
		return nil
	}
	if !(0 <= p.Low && p.Low <= p.Y && p.Y <= p.High) || math.IsInf(p.High, 0) {
		return errPoint
	}
	return nil
}

// Ticks returns the round numbers of an axis from 0 to at least top, in steps
// of 1, 2 or 5 times a power of ten, at most n steps.
func Ticks(top float64, n int) []float64 {
	top = max(1, top)
	step := 1.0
	for i := 0; top/step > float64(n); i++ {
		step *= []float64{2, 2.5, 2}[i%3] // 1 2 5 10 20 50 …
	}
	ticks := []float64{0}
	for t := step; ticks[len(ticks)-1] < top; t += step {
		ticks = append(ticks, t)
	}
	return ticks
}

// A canvas collects SVG text.
type canvas struct{ strings.Builder }

func (c *canvas) writef(format string, a ...any) { fmt.Fprintf(c, format, a...) }

// text writes one line of text; anchor is start, middle or end.
func (c *canvas) text(x, y float64, anchor, class, s string) {
	c.writef(`<text x="%s" y="%s" text-anchor="%s" class="%s">%s</text>`, num(x), num(y), anchor, class, esc(s))
}

func (c *canvas) line(x1, y1, x2, y2 float64, class string) {
	c.writef(`<line x1="%s" y1="%s" x2="%s" y2="%s" class="%s"/>`, num(x1), num(y1), num(x2), num(y2), class)
}

func (c *canvas) rect(x, y, w, h float64, class string) {
	c.writef(`<rect x="%s" y="%s" width="%s" height="%s" class="%s"/>`, num(x), num(y), num(w), num(h), class)
}

// marker draws the shape of the i-th line.
func (c *canvas) marker(i int, x, y float64, class string) {
	const r = 3.6
	switch i {
	case 0:
		c.writef(`<circle cx="%s" cy="%s" r="%s" class="%s"/>`, num(x), num(y), num(r), class)
	case 1:
		c.rect(x-r, y-r, 2*r, 2*r, class)
	case 2:
		c.writef(`<path d="M%s %sL%s %sL%s %sZ" class="%s"/>`, num(x), num(y-r-1), num(x+r+1), num(y+r), num(x-r-1), num(y+r), class)
	default:
		c.writef(`<path d="M%s %sL%s %sL%s %sL%s %sZ" class="%s"/>`, num(x), num(y-r-1), num(x+r+1), num(y), num(x), num(y+r+1),
			num(x-r-1), num(y), class)
	}
}

// num writes a coordinate with at most two decimals, the same on every machine.
func num(x float64) string {
	s := strconv.FormatFloat(math.Round(x*100)/100, 'f', -1, 64)
	if s == "-0" {
		return "0"
	}
	return s
}

func esc(s string) string { return html.EscapeString(s) }

// width is about how wide a text of 13 px is drawn.
func width(s string) float64 { return 7 * float64(len([]rune(s))) }

func widest(texts []string) (w float64) {
	for _, s := range texts {
		w = max(w, width(s))
	}
	return w
}
