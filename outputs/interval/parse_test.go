package interval

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// shape writes a tree with all its parentheses.
func shape(n node) string {
	switch n := n.(type) {
	case number:
		return n.value.RatString()
	case figure:
		s := n.name
		for i, k := range n.picks {
			s += []string{"[", ","}[min(i, 1)]
			if k.dimension != "" {
				s += k.dimension + "="
			}
			if k.all {
				s += "*"
			} else {
				s += "<" + k.code + ">"
			}
		}
		if len(n.picks) > 0 {
			s += "]"
		}
		if n.period != "" {
			s += "@" + n.period
		}
		return s
	}
	o := n.(operation)
	return "(" + shape(o.left) + string(o.op) + shape(o.right) + ")"
}

func TestParse(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"by-region[South] - by-region[Northeast]", "(by-region[<South>]-by-region[<Northeast>])"},
		{"2020/2019", "(@2020/@2019)"},
		{"2020 - 2019 + 2018", "((@2020-@2019)+@2018)"},
		{"2026-Q3 / 2025-Q3", "(@2026-Q3/@2025-Q3)"},
		{"2014-2018.2", "@2014-2018.2"},
		{"2019.1", "@2019.1"},
		{"2000.000 * a", "(2000*a)"},
		{"0.5*a-b", "(1/2*a-b)"},
		{"0.5*a -b", "((1/2*a)-b)"},
		{"a+b*c", "(a+(b*c))"},
		{"(a+b)*3/4", "(((a+b)*3)/4)"},
		{"-a - -2*b", "((-1*a)-((-1*2)*b))"},
		{"+a", "a"},
		{"by-region-form[place=S,form=SEX]@2019.1", "by-region-form[place=<S>,form=<SEX>]@2019.1"},
		{"by-region-form [ place = S , form = * ] @ 2019", "by-region-form[place=<S>,form=*]@2019"},
		{"t[\"South, the \"\"deep\"\" one\", 'a=b]']", "t[<South, the \"deep\" one>,<a=b]>]"},
		{"t['*']", "t[<*>]"},
		{"t[*]", "t[*]"},
		{"share(a, b)", "(asb)"},
		{"share + share[x]", "(share+share[<x>])"},
		{"n@2020-n@2019", "(n@2020-n@2019)"},
		{"n@2020-2019", "n@2020-2019"},
		{"a − b × 2 ÷ 3", "(a-((b*2)/3))"},
		{"2019[x]", "2019[<x>]"},
		{"\u00a0a\t+\nb ", "(a+b)"},
		{"Größe[Süd]", "Größe[<Süd>]"},
	} {
		e, err := Parse(tc.text)
		if err != nil {
			t.Errorf("%q: %v", tc.text, err)
		} else if got := shape(e.root); got != tc.want || e.String() != tc.text {
			t.Errorf("%q is %s, want %s", tc.text, got, tc.want)
		}
	}
}

func TestParseMistakes(t *testing.T) {
	for _, tc := range []struct {
		text string
		at   int
		want string
	}{
		{"", 1, "the expression ends here"},
		{"a +", 4, "the expression ends here"},
		{"a b", 3, `"b" is not expected here; want an operator`},
		{"é[x] ? 1", 6, `"?" is not expected`},
		{"(a", 3, "want )"},
		{"a)", 2, `")" is not expected`},
		{"a[x", 3, "the bracket does not end"},
		{"a[]", 3, "want a code or a label"},
		{"a[x=]", 5, "want a code or a label"},
		{"a[x,]", 5, "want a code or a label"},
		{"a['x]", 3, "the quote does not end"},
		{"a['x' y]", 7, "want ]"},
		{"a@", 3, "want a period"},
		{"2019@2020", 1, "2019 is a period, and another one follows"},
		{"share(a)", 8, "want ,"},
		{"share(a, b", 11, "want )"},
		{"1234567890123 * a", 1, "at most 12 digits"},
		{"0.1234567 * a", 1, "at most 12 digits"},
		{"n@2020-n@x@y", 11, "A minus between names needs spaces"},
		{strings.Repeat("(", 70) + "a", 65, "within each other"},
		{strings.Repeat("a+", 3000) + "a", 1, "longer than"},
		{"a\xff", 1, "not UTF-8"},
	} {
		_, err := Parse(tc.text)
		var m *Mistake
		if !errors.As(err, &m) || m.At != tc.at || !strings.Contains(m.Text, tc.want) {
			t.Errorf("%.20q: %v, want character %d: %s", tc.text, err, tc.at, tc.want)
		}
	}
}

func TestMistakeShowsThePlace(t *testing.T) {
	_, err := Parse("é[x] ? 1")
	if want := "é[x] ? 1\n       ^"; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%v, want the mark below the place:\n  %s", err, want)
	}
}

// Whatever the text: a tree, or a mistake at a character that there is.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"by-region[South] - by-region[Northeast]", "2020/2019", "share(a[x=y,'z']@2019.1, 2*b)", "-(-1)", "a['", "((((", "0.5*−a[*]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		var m *Mistake
		switch {
		case err == nil && e.root == nil:
			t.Error("no tree")
		case err == nil:
			_ = shape(e.root)
		case !errors.As(err, &m):
			t.Errorf("%v is not a mistake", err)
		case m.At < 1 || m.At > utf8.RuneCountInString(m.Question)+1:
			t.Errorf("a mistake at character %d of %q", m.At, m.Question)
		}
	})
}
