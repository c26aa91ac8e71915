package chart_test

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"halftone/outputs/chart"
)

var update = flag.Bool("update", false, "write the golden files")

func number(n int64) string { return strconv.FormatInt(n, 10) }

func points(ys ...float64) (out []chart.Point) {
	for _, y := range ys {
		if y < 0 {
			out = append(out, chart.Point{Empty: true})
			continue
		}
		out = append(out, chart.Point{Y: y, Low: max(0, y-24), High: y + 24, Faint: y < 22})
	}
	return out
}

func years(n int) (out []string) {
	for i := range n {
		out = append(out, strconv.Itoa(2013+i))
	}
	return out
}

func two() chart.Lines {
	return chart.Lines{Head: chart.Head{ID: "two", Title: `Cases by "form" & <place>`, Desc: "Two lines."}, Periods: years(6), Number: number, Break: "break",
		Breaks: []int{2}, Series: []chart.Series{{"Sex <acts>", points(20, 300, 500, -1, 620, 700)}, {"Servitude", points(5, 40, 60, 80, 100, 690)}}}
}

func TestGolden(t *testing.T) {
	one := chart.Lines{Head: chart.Head{ID: "one", Title: "Cases", Desc: "One line."}, Periods: years(8), Number: number,
		Series: []chart.Series{{"All", points(20, 468, 832, 1280, 1298, 1457, 2084, 2160)}}}
	bars := chart.Bars{Head: chart.Head{ID: "bars", Title: "Cases", Desc: "Bars."}, Number: number,
		Bars: []chart.Bar{{"South", points(1262)[0]}, {"West", points(462)[0]}, {"Nowhere", points(-1)[0]}}}
	coverage := chart.Coverage{Head: chart.Head{ID: "cov", Title: "Who reported when", Desc: "Two sources."}, Periods: years(4), Breaks: []int{1},
		Rows: []chart.CoverageRow{{"Agency A", []chart.Report{chart.Reported, chart.Reported, chart.Missing, chart.Reported}},
			{"Agency B", []chart.Report{chart.NotExpected, chart.Reported, chart.Reported, chart.Reported}}}}
	withdrawn := coverage
	withdrawn.Rows = []chart.CoverageRow{{"Agency A", []chart.Report{chart.Reported, chart.Withdrawn, chart.Missing, chart.Withdrawn}}}
	for name, draw := range map[string]func() (string, error){
		"withdrawn":  func() (string, error) { return withdrawn.SVG(chart.Wide) },
		"one-wide":   func() (string, error) { return one.SVG(chart.Wide) },
		"one-narrow": func() (string, error) { return one.SVG(chart.Narrow) },
		"one-panel":  func() (string, error) { return one.SVG(chart.Panel) },
		"two-wide":   func() (string, error) { return two().SVG(chart.Wide) },
		"two-narrow": func() (string, error) { return two().SVG(chart.Narrow) },
		"bars":       func() (string, error) { return bars.SVG(chart.Wide) },
		"coverage":   func() (string, error) { return coverage.SVG(chart.Wide) },
		"interval":   func() (string, error) { return chart.Interval(points(50)[0], 200, chart.Size{W: 100, H: 16}) },
		"spark": func() (string, error) {
			return chart.Spark(chart.Head{ID: "s", Title: "S", Desc: "D"}, points(1, 50, -1, 70), nil, chart.Size{Name: "s", W: 100, H: 30})
		},
		"dots": func() (string, error) {
			return chart.Dots(chart.Head{ID: "d", Title: "T", Desc: "D"}, []bool{true, false, true}, chart.Size{Name: "w", W: 30})
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := draw()
			if err != nil {
				t.Fatal(err)
			}
			wellFormed(t, got)
			file := filepath.Join("testdata", name+".svg")
			if *update {
				if err := os.WriteFile(file, []byte(got+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got+"\n" != string(want) {
				t.Errorf("differs from %s; look at it and run with -update\n%s", file, got)
			}
		})
	}
}

func wellFormed(t interface {
	Helper()
	Fatalf(string, ...any)
}, svg string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, svg)
		}
		if e, ok := tok.(xml.StartElement); ok {
			for _, a := range e.Attr {
				if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") || strings.Contains(a.Value, "e+") {
					t.Fatalf("%s=%q", a.Name.Local, a.Value)
				}
			}
		}
	}
}

func TestRefused(t *testing.T) {
	bad := func(p chart.Point) chart.Lines {
		c := two()
		c.Series[0].Points[0] = p
		return c
	}
	five, short, none := two(), two(), two()
	for len(five.Series) <= chart.MaxLines {
		five.Series = append(five.Series, five.Series[0])
	}
	short.Series[1].Points = short.Series[1].Points[:3]
	none.Series = nil
	for name, c := range map[string]chart.Lines{
		"five lines": five, "a point short": short, "no line": none, "negative": bad(chart.Point{Y: -1, Low: -2}),
		"outside its interval": bad(chart.Point{Y: 5, Low: 6, High: 7}), "not a number": bad(chart.Point{Y: math.NaN()}),
		"infinite": bad(chart.Point{Y: 1, High: math.Inf(1)}),
	} {
		if _, err := c.SVG(chart.Wide); err == nil {
			t.Errorf("%s: drawn", name)
		}
	}
	if _, err := (chart.Bars{}).SVG(chart.Wide); err == nil {
		t.Error("no bars: drawn")
	}
	if _, err := (chart.Coverage{Periods: years(2), Rows: []chart.CoverageRow{{"A", nil}}}).SVG(chart.Wide); err == nil {
		t.Error("a row without cells: drawn")
	}
	if _, err := chart.Interval(points(50)[0], 60, chart.Wide); err == nil {
		t.Error("an interval beyond its scale: drawn")
	}
	if _, err := chart.Dots(chart.Head{}, nil, chart.Wide); err == nil {
		t.Error("no dots: drawn")
	}
}

// A line stops at a gap and at a break; a lone point has its interval as a bar.
func TestGapsAndBreaks(t *testing.T) {
	svg, err := two().SVG(chart.Wide)
	if err != nil {
		t.Fatal(err)
	}
	// First line: 0-1 | break | 2 alone | gap | 4-5; second: 0-1 | break | 2-5.
	if got := strings.Count(svg, `class="line"`); got != 4 {
		t.Errorf("%d stretches of line, want 4", got)
	}
	if rects := strings.Count(svg, `class="band"`); rects != 5 {
		t.Errorf("%d bands, want 5", rects)
	}
	if !strings.Contains(svg, `class="break"`) || !strings.Contains(svg, ">break<") {
		t.Error("the break is not drawn")
	}
	whole := two()
	whole.Breaks = nil
	svg, _ = whole.SVG(chart.Wide)
	if got := strings.Count(svg, `class="line"`); got != 3 {
		t.Errorf("%d stretches of line without the break, want 3", got)
	}
}

func TestTicks(t *testing.T) {
	for _, tc := range []struct {
		top  float64
		n    int
		want []float64
	}{{0, 5, []float64{0, 1}}, {1, 5, []float64{0, 1}}, {5, 5, []float64{0, 1, 2, 3, 4, 5}}, {6, 5, []float64{0, 2, 4, 6}},
		{2184, 5, []float64{0, 500, 1000, 1500, 2000, 2500}}, {2184, 3, []float64{0, 1000, 2000, 3000}}, {26, 5, []float64{0, 10, 20, 30}}} {
		got := chart.Ticks(tc.top, tc.n)
		same := len(got) == len(tc.want)
		for i := range got {
			same = same && got[i] == tc.want[i]
		}
		if !same {
			t.Errorf("Ticks(%v, %d) = %v, want %v", tc.top, tc.n, got, tc.want)
		}
	}
}

// Whatever the numbers, a drawing is well-formed, the same twice, and its axis
// holds every interval.
func TestAnyLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "periods")
		c := chart.Lines{Head: chart.Head{ID: "x", Title: "T", Desc: "D"}, Periods: years(n), Number: number, Break: "break"}
		for range rapid.IntRange(1, chart.MaxLines).Draw(t, "lines") {
			s := chart.Series{Label: rapid.StringMatching(`[A-Za-z<&" ]{0,30}`).Draw(t, "label")}
			for range n {
				y := math.Round(rapid.Float64Range(0, 1e9).Draw(t, "y"))
				half := math.Round(rapid.Float64Range(0, 1e6).Draw(t, "half"))
				s.Points = append(s.Points, chart.Point{Y: y, Low: max(0, y-half), High: y + half, Empty: rapid.Bool().Draw(t, "empty")})
			}
			c.Series = append(c.Series, s)
		}
		if rapid.Bool().Draw(t, "break") {
			c.Breaks = []int{rapid.IntRange(0, n).Draw(t, "at")}
		}
		ticks := chart.Ticks(chart.Highest(c.Series), 5)
		if len(ticks) > 6 || ticks[len(ticks)-1] < chart.Highest(c.Series) {
			t.Fatalf("ticks %v for %v", ticks, chart.Highest(c.Series))
		}
		for _, s := range []chart.Size{chart.Wide, chart.Narrow, chart.Panel} {
			a, err := c.SVG(s)
			if err != nil {
				t.Fatal(err)
			}
			wellFormed(t, a)
			if b, _ := c.SVG(s); a != b {
				t.Fatal("other bytes the second time")
			}
		}
	})
}
