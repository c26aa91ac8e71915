package normalize

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"

	"halftone/connectors"
)

// rowsOf writes a page as its header and rows, with the row numbers in front.
func rowsOf(t *testing.T, p connectors.Page) []string {
	t.Helper()
	in, err := textColumns(p)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range p.Records.Schema().Fields() {
		names = append(names, f.Name)
	}
	out := []string{strings.Join(names, " ")}
	for i := range int(p.Records.NumRows()) {
		out = append(out, fmt.Sprint(p.Row(i), " ", strings.Join(slices.Collect(func(yield func(string) bool) {
			for _, c := range in {
				if !yield(c.Value(i)) {
					return
				}
			}
		}), "|")))
	}
	return out
}

// A row that says something only where nothing is read is a row all the same.
func TestReshapeKeepsRowsThatAreNotBlank(t *testing.T) {
	header := []string{"state", "n", "note"}
	p := page("f", 10, []string{"state", "n"}, header, [][]string{{"A", "1", ""}, {"", "", "x"}, {"", " ", ""}, {"", "", "y"}})
	defer p.Records.Release()
	m := Mapping{Reshape: Reshape{FillDown: []string{"state"}}}
	s := newReshaper(m, []string{"state", "n"})
	out, err := s.page(p)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Records.Release()
	if got, want := rowsOf(t, out), []string{"state n", "10 A|1", "11 A|", "13 A|"}; !slices.Equal(got, want) || s.blank != 1 || out.Blank != nil {
		t.Errorf("got %q with %d blank and %v, want %q", got, s.blank, out.Blank, want)
	}
}

func TestReshape(t *testing.T) {
	header := []string{"state", "Female_0", "Male_0", "Female_60", "note"}
	rows := [][]string{{"A", "1", "2", "", "x"}, {" ", "", "", "", ""}, {"", "3", "4", "5", ""}, {"B", "6", "", "7", "y"}}
	for name, c := range map[string]struct {
		r      Reshape
		wanted []string // by the mapping
		want   []string
	}{
		"fill down": {
			Reshape{FillDown: []string{"state"}}, []string{"state", "Male_0"},
			[]string{"state Male_0", "10 A|2", "12 A|4", "13 B|"},
		},
		"by labels": {
			Reshape{Unpivot: &Unpivot{Labels: []string{"Male_0", "Female_60"}, Into: "who", Value: "n"}}, []string{"state", "who", "n"},
			[]string{"state @column n who", "10 A|Male_0|2|Male_0", "10 A|Female_60||Female_60", "12 |Male_0|4|Male_0", "12 |Female_60|5|Female_60", "13 B|Male_0||Male_0", "13 B|Female_60|7|Female_60"},
		},
		"by groups, filled": {
			Reshape{FillDown: []string{"state"}, Unpivot: &Unpivot{Match: `(?P<sex>Female|Male)_(?P<age>\d+)`, Value: "n"}}, []string{"state", "sex", "age", "n", "@file"},
			[]string{
				"state @column n sex age @file", "10 A|Female_0|1|Female|0|f", "10 A|Male_0|2|Male|0|f", "10 A|Female_60||Female|60|f",
				"12 A|Female_0|3|Female|0|f", "12 A|Male_0|4|Male|0|f", "12 A|Female_60|5|Female|60|f",
				"13 B|Female_0|6|Female|0|f", "13 B|Male_0||Male|0|f", "13 B|Female_60|7|Female|60|f",
			},
		},
		"a group in two branches": {
			Reshape{Unpivot: &Unpivot{Match: `(?P<sex>Female)_0|(?P<sex>Male)_0`, Value: "n"}}, []string{"sex", "n"},
			[]string{"@column n sex", "10 Female_0|1|Female", "10 Male_0|2|Male", "12 Female_0|3|Female", "12 Male_0|4|Male", "13 Female_0|6|Female", "13 Male_0||Male"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if key, what := c.r.check(); what != "" {
				t.Fatal(key, what)
			}
			in := c.r.source(c.wanted)
			if re := c.r.Unpivot.pattern(); re != nil { // as a connector gives what Env.Match adds
				for _, n := range header {
					if re.MatchString(n) && !slices.Contains(in, n) {
						in = append(in, n)
					}
				}
			}
			for _, size := range []int{1, 2, 4} { // whatever the pages
				s := newReshaper(Mapping{Reshape: c.r}, c.wanted)
				got := c.want[:1:1]
				for from := 0; from < len(rows); from += size {
					p, err := s.page(page("f", int64(10+from), in, header, rows[from:min(len(rows), from+size)]))
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, rowsOf(t, p)[1:]...)
					if h := rowsOf(t, p)[0]; h != c.want[0] {
						t.Errorf("header %q, want %q", h, c.want[0])
					}
					p.Records.Release()
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("pages of %d:\n%s\nwant\n%s", size, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
				}
				if s.rows != 3 || s.blank != 1 {
					t.Errorf("%d rows, %d blank", s.rows, s.blank)
				}
			}
		})
	}
}

// A file begins anew: what stands above its first row is in another file.
func TestFillDownEndsWithTheFile(t *testing.T) {
	s := newReshaper(Mapping{Reshape: Reshape{FillDown: []string{"a"}}}, []string{"a", "b"})
	for _, c := range []struct {
		file string
		row  []string
		want string
	}{{"f", []string{"x", "1"}, "x"}, {"f", []string{"", "2"}, "x"}, {"g", []string{"", "3"}, ""}} {
		p, err := s.page(page(c.file, 1, []string{"a", "b"}, []string{"a", "b"}, [][]string{c.row}))
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Records.Column(0).(*array.String).Value(0); got != c.want {
			t.Errorf("%s %v: %q, want %q", c.file, c.row, got, c.want)
		}
	}
}

func TestReshapeRefuses(t *testing.T) {
	for name, u := range map[string]Unpivot{
		"nothing to match":   {Into: "a", Value: "n"},
		"both":               {Match: "x", Labels: []string{"x"}, Into: "a", Value: "n"},
		"no value":           {Labels: []string{"x"}, Into: "a"},
		"no place for names": {Match: "x.*", Value: "n"},
		"one name for two":   {Labels: []string{"x"}, Into: "n", Value: "n"},
		"no expression":      {Match: "(", Into: "a", Value: "n"},
	} {
		if _, what := (Reshape{Unpivot: &u}).check(); what == "" {
			t.Errorf("%s: taken", name)
		}
	}
	s := newReshaper(Mapping{Reshape: Reshape{Unpivot: &Unpivot{Match: "z.*", Into: "a", Value: "n"}}}, []string{"a", "n"})
	if _, err := s.page(page("f", 1, []string{"b"}, []string{"b"}, [][]string{{"1"}})); !errors.Is(err, errNoCells) {
		t.Error(err)
	}
}
