package chart

import (
	"fmt"
	"math"
)

// A Coverage strip says which source reported in which period.
type Coverage struct {
	Head
	Periods []string
	Rows    []CoverageRow
	Breaks  []int // i: a break between period i-1 and period i
}

// A CoverageRow is one source.
type CoverageRow struct {
	Label string
	Cells []Report // one a period
}

// A Report is what is known of a source and period.
type Report int

// The states: not asked for is left blank, reported is filled, missing is an
// empty box with a stroke through it, withdrawn a dotted one.
const (
	NotExpected Report = iota
	Reported
	Missing
	Withdrawn
)

// SVG draws the strip; its height follows from the rows, s.H is not looked at.
func (c Coverage) SVG(s Size) (string, error) {
	n := len(c.Periods)
	if n == 0 || len(c.Rows) == 0 {
		return "", fmt.Errorf("chart: a coverage strip of %d rows and %d periods", len(c.Rows), n)
	}
	const row, box = 38, 14
	s.H = row*float64(len(c.Rows)) + 24
	var out canvas
	c.open(&out, s, "coverage")
	w := s.W / float64(n)
	gap := min(3, w/5)
	for r, line := range c.Rows {
		if len(line.Cells) != n {
			return "", fmt.Errorf("chart: %d cells for %d periods", len(line.Cells), n)
		}
		y := row * float64(r)
		out.text(0, y+14, "start", "label", line.Label)
		for i, cell := range line.Cells {
			x := w * float64(i)
			switch cell {
			case Reported:
				out.rect(x, y+20, w-gap, box, "reported")
			case Withdrawn:
				out.writef(`<rect x="%s" y="%s" width="%s" height="%s" class="missing" stroke-dasharray="1.5 2.5"/>`, num(x+0.75), num(y+20.75), num(w-gap-1.5), num(box-1.5))
			case Missing:
				out.rect(x+0.75, y+20.75, w-gap-1.5, box-1.5, "missing")
				out.line(x+0.75, y+20+box-0.75, x+w-gap-0.75, y+20.75, "missing")
			}
		}
	}
	step := int(math.Ceil((widest(c.Periods) + 10) * float64(n) / s.W))
	for i, p := range c.Periods {
		if (n-1-i)%step == 0 {
			x, anchor := w*float64(i)+(w-gap)/2, "middle"
			if x+width(p)/2 > s.W {
				x, anchor = s.W, "end"
			}
			out.text(x, s.H-6, anchor, "tick", p)
		}
	}
	for _, b := range c.Breaks {
		if b > 0 && b < n {
			x := w*float64(b) - gap/2
			out.line(x, 18, x, s.H-18, "break")
		}
	}
	out.WriteString("</svg>")
	return out.String(), nil
}
