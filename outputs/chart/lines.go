package chart

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// A Series is one line.
type Series struct {
	Label  string
	Points []Point // one a period
}

// Lines are up to [MaxLines] lines over periods, each with its 95 % band.
type Lines struct {
	Head
	Periods []string // names at the axis, short
	Series  []Series
	Breaks  []int   // i: no line from period i-1 to period i
	Top     float64 // the axis reaches at least to here; charts on one scale share it
	Break   string  // the word at a break
	Number  func(int64) string
}

func (c Lines) check() error {
	if len(c.Series) == 0 || len(c.Series) > MaxLines || len(c.Periods) == 0 {
		return fmt.Errorf("chart: %d lines over %d periods; want 1 to %d lines over a period at least", len(c.Series), len(c.Periods), MaxLines)
	}
	for _, s := range c.Series {
		if len(s.Points) != len(c.Periods) {
			return fmt.Errorf("chart: %d points for %d periods", len(s.Points), len(c.Periods))
		}
		for _, p := range s.Points {
			if err := p.check(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Highest is the upper end of the highest interval.
func Highest(series []Series) (top float64) {
	for _, s := range series {
		for _, p := range s.Points {
			if !p.Empty {
				top = max(top, p.High)
			}
		}
	}
	return top
}

// A frame places periods and counts on a drawing.
type frame struct {
	left, right, top, bottom float64
	max                      float64
	n                        int
}

func (f frame) x(i int) float64 {
	const pad = 14
	if f.n == 1 {
		return (f.left + f.right) / 2
	}
	return f.left + pad + (f.right-f.left-2*pad)*float64(i)/float64(f.n-1)
}

func (f frame) y(v float64) float64 { return f.bottom - (f.bottom-f.top)*v/f.max }

// SVG draws the chart.
func (c Lines) SVG(s Size) (string, error) {
	if err := c.check(); err != nil {
		return "", err
	}
	var out canvas
	c.open(&out, s, "lines")
	steps := 5
	if s.H < 200 {
		steps = 3
	}
	ticks := Ticks(max(c.Top, Highest(c.Series)), steps)
	f := frame{left: 8, right: s.W - 6, top: 22, bottom: s.H - 26, max: ticks[len(ticks)-1], n: len(c.Periods)}
	for _, t := range ticks {
		f.left = max(f.left, width(c.Number(int64(t)))+8)
	}
	beside := c.legend(&out, &f, s)
	c.axes(&out, f, ticks)
	for i, line := range c.Series {
		out.writef(`<g class="s%d">`, i+1)
		c.band(&out, f, line)
		out.WriteString("</g>")
	}
	for i, line := range c.Series {
		out.writef(`<g class="s%d">`, i+1)
		c.stroke(&out, f, i, line, (f.right-f.left)/float64(f.n) >= 14)
		out.WriteString("</g>")
	}
	if beside {
		c.labels(&out, f)
	}
	if len(c.Series) == 1 {
		c.values(&out, f, s)
	}
	out.WriteString("</svg>")
	return out.String(), nil
}

// legend makes room for the names of the lines: beside the last points where
// they fit, else above the chart. One line needs no name beside its title.
func (c Lines) legend(out *canvas, f *frame, s Size) (beside bool) {
	if len(c.Series) == 1 {
		return false
	}
	var names []string
	for _, l := range c.Series {
		names = append(names, l.Label)
	}
	if w := widest(names) + 14; w < s.W*0.3 {
		f.right -= w
		return true
	}
	for i, name := range names {
		y := 14 + 18*float64(i)
		out.writef(`<g class="s%d">`, i+1)
		out.marker(i, 10, y-4, "mark")
		out.WriteString("</g>")
		out.text(22, y, "start", "label", name)
	}
	f.top += 18 * float64(len(names))
	return false
}

func (c Lines) axes(out *canvas, f frame, ticks []float64) {
	for _, t := range ticks {
		class := "grid"
		if t == 0 {
			class = "base"
		}
		out.line(f.left, f.y(t), f.right, f.y(t), class)
		out.text(f.left-6, f.y(t)+4, "end", "tick", c.Number(int64(t)))
	}
	step := int(math.Ceil((widest(c.Periods) + 10) * float64(f.n) / (f.right - f.left)))
	for i, p := range c.Periods {
		if (f.n-1-i)%step == 0 { // the newest always has its name
			x, anchor := f.x(i), "middle"
			if half := width(p) / 2; x+half > f.right+6 {
				x, anchor = f.right+6, "end"
			}
			out.text(x, f.bottom+18, anchor, "tick", p)
		}
	}
	for _, b := range c.Breaks {
		if b > 0 && b < f.n {
			x := (f.x(b-1) + f.x(b)) / 2
			out.line(x, f.top-8, x, f.bottom, "break")
			out.text(x, f.top-11, "middle", "tick", c.Break)
		}
	}
}

// runs are the stretches of a line without a gap or a break: first, last.
func (c Lines) runs(l Series) (out [][2]int) {
	for i, p := range l.Points {
		switch {
		case p.Empty:
		case i > 0 && !l.Points[i-1].Empty && !slices.Contains(c.Breaks, i):
			out[len(out)-1][1] = i
		default:
			out = append(out, [2]int{i, i})
		}
	}
	return out
}

func (c Lines) band(out *canvas, f frame, l Series) {
	for _, r := range c.runs(l) {
		if r[0] == r[1] { // a lone point: its interval as a bar
			p := l.Points[r[0]]
			out.rect(f.x(r[0])-4, f.y(p.High), 8, f.y(p.Low)-f.y(p.High), "band")
			continue
		}
		out.WriteString(`<path d="`)
		for i, cmd := r[0], "M"; i <= r[1]; i, cmd = i+1, "L" {
			out.writef("%s%s %s", cmd, num(f.x(i)), num(f.y(l.Points[i].High)))
		}
		for i := r[1]; i >= r[0]; i-- {
			out.writef("L%s %s", num(f.x(i)), num(f.y(l.Points[i].Low)))
		}
		out.WriteString(`Z" class="band"/>`)
	}
}

// stroke draws the line and its markers, or its last marker only.
func (c Lines) stroke(out *canvas, f frame, k int, l Series, markers bool) {
	last := -1
	for _, r := range c.runs(l) {
		last = r[1]
		if r[0] == r[1] {
			continue
		}
		out.WriteString(`<path d="`)
		for i, cmd := r[0], "M"; i <= r[1]; i, cmd = i+1, "L" {
			out.writef("%s%s %s", cmd, num(f.x(i)), num(f.y(l.Points[i].Y)))
		}
		out.WriteString(`" class="line"/>`)
	}
	for i, p := range l.Points {
		if p.Empty || !markers && i != last {
			continue
		}
		class := "mark"
		if p.Faint {
			class = "mark faint"
		}
		out.marker(k, f.x(i), f.y(p.Y), class)
	}
}

// labels names the lines beside their last points, moved apart where they would
// overlap.
func (c Lines) labels(out *canvas, f frame) {
	type label struct {
		i int
		y float64
	}
	var ls []label
	for i, s := range c.Series {
		for k := f.n - 1; k >= 0; k-- {
			if !s.Points[k].Empty {
				ls = append(ls, label{i, f.y(s.Points[k].Y)})
				break
			}
		}
	}
	slices.SortStableFunc(ls, func(a, b label) int { return cmp.Compare(a.y, b.y) })
	const gap = 17
	for i := 1; i < len(ls); i++ {
		ls[i].y = max(ls[i].y, ls[i-1].y+gap)
	}
	if n := len(ls); n > 0 {
		ls[n-1].y = min(ls[n-1].y, f.bottom-2)
		for i := n - 2; i >= 0; i-- {
			ls[i].y = min(ls[i].y, ls[i+1].y-gap)
		}
	}
	for _, l := range ls {
		out.writef(`<g class="s%d">`, l.i+1)
		out.text(f.right+2, l.y+4, "start", "label own", c.Series[l.i].Label)
		out.WriteString("</g>")
	}
}

// values writes the numbers of a single line above its points where there is
// room, else that of the newest.
func (c Lines) values(out *canvas, f frame, s Size) {
	points := c.Series[0].Points
	var texts []string
	last := -1
	for i, p := range points {
		texts = append(texts, c.Number(int64(math.Round(p.Y))))
		if !p.Empty {
			last = i
		}
	}
	room := s.H >= 200 && widest(texts)+8 < (f.right-f.left-28)/float64(max(1, f.n-1))
	for i, p := range points {
		if p.Empty || !room && i != last {
			continue
		}
		class := "value"
		if i == last {
			class = "value newest"
		}
		x, anchor := f.x(i), "middle"
		if half := width(texts[i]) / 2; x+half > f.right+6 {
			x, anchor = f.right+6, "end"
		}
		if i+1 < f.n && f.y(p.Y)-f.y(points[i+1].Y) > (f.x(i+1)-f.x(i))/2 {
			x -= 12 // out of the way of a steep line
		}
		out.text(x, f.y(p.High)-9, anchor, class, texts[i])
	}
}
