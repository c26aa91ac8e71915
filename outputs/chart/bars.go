package chart

import (
	"fmt"
	"math"
)

// A Bar is one count with its interval.
type Bar struct {
	Label string
	Point
}

// Bars are horizontal bars from zero, one below the other, each with its 95 %
// interval: for a single period.
type Bars struct {
	Head
	Bars   []Bar
	Number func(int64) string
}

// SVG draws the chart; its height follows from the bars, s.H is not looked at.
func (c Bars) SVG(s Size) (string, error) {
	top, texts := 0.0, []string(nil)
	for _, b := range c.Bars {
		if err := b.check(); err != nil {
			return "", err
		}
		if !b.Empty {
			top, texts = max(top, b.High), append(texts, c.Number(int64(math.Round(b.Y))))
		}
	}
	if len(c.Bars) == 0 {
		return "", fmt.Errorf("chart: no bars")
	}
	const row = 40
	s.H = row*float64(len(c.Bars)) + 8
	var out canvas
	c.open(&out, s, "bars")
	end := s.W - widest(texts) - 12
	scale := end / max(1, top)
	for i, b := range c.Bars {
		y := row * float64(i)
		out.text(0, y+14, "start", "label", b.Label)
		if b.Empty {
			continue
		}
		out.WriteString(`<g class="s1">`)
		out.rect(0, y+20, scale*b.Y, 12, "bar")
		out.line(scale*b.Low, y+26, scale*b.High, y+26, "whisker")
		out.WriteString("</g>")
		out.text(scale*b.High+6, y+31, "start", "value", c.Number(int64(math.Round(b.Y))))
	}
	out.line(0.5, 18, 0.5, s.H-4, "base")
	out.WriteString("</svg>")
	return out.String(), nil
}

// Interval draws one count and its interval on a scale from 0 to top, for the
// row of a table that has the numbers in words: it is hidden from readers of
// screens.
func Interval(p Point, top float64, s Size) (string, error) {
	if err := p.check(); err != nil || p.Empty || p.High > top {
		return "", errPoint
	}
	var out canvas
	out.writef(`<svg class="chart interval" viewBox="0 0 %s %s" aria-hidden="true" xmlns="http://www.w3.org/2000/svg"><g class="s1">`, num(s.W), num(s.H))
	scale := (s.W - 2) / max(1, top)
	out.rect(0, s.H/2-4, scale*p.Y, 8, "bar")
	out.line(scale*p.Low, s.H/2, scale*p.High, s.H/2, "whisker")
	out.WriteString("</g></svg>")
	return out.String(), nil
}

// Spark draws one line with its band and nothing else.
func Spark(h Head, points []Point, breaks []int, s Size) (string, error) {
	c := Lines{Head: h, Periods: make([]string, len(points)), Series: []Series{{Points: points}}, Breaks: breaks}
	if err := c.check(); err != nil {
		return "", err
	}
	var out canvas
	c.open(&out, s, "spark")
	f := frame{left: -6, right: s.W + 6, top: 8, bottom: s.H - 4, max: max(1, Highest(c.Series)), n: len(points)}
	out.line(0, f.bottom, s.W, f.bottom, "base")
	out.WriteString(`<g class="s1">`)
	c.band(&out, f, c.Series[0])
	c.stroke(&out, f, 0, c.Series[0], false)
	out.WriteString("</g></svg>")
	return out.String(), nil
}

// Dots draws one dot a cell, in the order given, filled or hollow: how many of
// a table's cells say something, at a glance.
func Dots(h Head, filled []bool, s Size) (string, error) {
	if len(filled) == 0 {
		return "", fmt.Errorf("chart: no dots")
	}
	const step = 13.0
	columns := max(1, int(s.W/step))
	rows := (len(filled) + columns - 1) / columns
	s.H = step * float64(rows)
	var out canvas
	h.open(&out, s, "dots")
	out.WriteString(`<g class="s1">`)
	for i, full := range filled {
		class := "hollow"
		if full {
			class = "mark"
		}
		out.writef(`<circle cx="%s" cy="%s" r="4" class="%s"/>`, num(step*(float64(i%columns)+.5)), num(step*(float64(i/columns)+.5)), class)
	}
	out.WriteString("</g></svg>")
	return out.String(), nil
}
