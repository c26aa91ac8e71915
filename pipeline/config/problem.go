package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Problem is one thing that is wrong at one place. It holds nothing of a
// connector's settings but their key names: they may be secrets.
type Problem struct {
	File         string // as given to Load, or the path of a code table as written
	Line, Column int    // 1-based, in characters; 0: the file as a whole
	Message      string // what
	Excerpt      string // the source line and a caret below the column; may be empty
	Fix          string // what to do
}

// Error gives place, fault, excerpt and remedy, over several lines.
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": " + p.Message)
	if p.Excerpt != "" {
		b.WriteString("\n" + p.Excerpt)
	}
	if p.Fix != "" {
		b.WriteString("\n  What to do: " + p.Fix)
	}
	return b.String()
}

// A Warning is about something that is allowed and should be known.
type Warning struct{ Problem }

// Errors are all problems of a configuration, by place.
type Errors []Problem

// Error gives all problems, one after the other.
func (e Errors) Error() string {
	s := make([]string, len(e))
	for i, p := range e {
		s[i] = p.Error()
	}
	return strings.Join(s, "\n")
}

// Unwrap gives the problems one by one, for errors.As.
func (e Errors) Unwrap() []error {
	s := make([]error, len(e))
	for i, p := range e {
		s[i] = p
	}
	return s
}

var _ error = Errors(nil)

// sorted orders problems by place and drops repetitions: an alias shows the
// same node twice.
func sorted(ps []Problem) []Problem {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(ps)
}

// place is a position in a file, 1-based, in characters. The zero place is the
// file as a whole.
type place struct{ line, col int }

// source is the text of a file, for excerpts.
type source struct {
	file  string
	lines []string
	shown map[int]int // line → characters that may be shown; absent: all
}

func newSource(file, text string) *source {
	return &source{file: file, lines: strings.Split(text, "\n"), shown: map[int]int{}}
}

// show keeps an excerpt of a line to its first n characters.
func (s *source) show(line, n int) {
	if most, ok := s.shown[line]; !ok || n < most {
		s.shown[line] = n
	}
}

// errors orders problems, drops repetitions and adds what the lines of this
// file say.
func (s *source) errors(ps []Problem) Errors {
	ps = sorted(ps)
	for i, p := range ps {
		if p.File == s.file && p.Excerpt == "" {
			ps[i].Excerpt = s.excerpt(place{p.Line, p.Column})
		}
	}
	return ps
}

// widest is how much of a line an excerpt shows.
const widest = 100

// excerpt shows the line of at with a caret below the column, or nothing where
// the line may not be shown up to there.
func (s *source) excerpt(at place) string {
	if at.line < 1 || at.line > len(s.lines) || at.col < 1 {
		return ""
	}
	line := []rune(strings.Map(printable, s.lines[at.line-1]))
	if most, ok := s.shown[at.line]; ok && most < len(line) {
		if at.col > most {
			return ""
		}
		line = append(line[:most:most], '…')
	}
	caret := min(at.col-1, len(line))
	if from := caret - widest/2; len(line) > widest && from > 0 {
		line = append([]rune("…"), line[from:]...)
		caret += 1 - from
	}
	if len(line) > widest {
		line = append(line[:widest:widest], '…')
	}
	n := fmt.Sprintf("%5d", at.line)
	return fmt.Sprintf("%s | %s\n%s | %s^", n, string(line), strings.Repeat(" ", len(n)), strings.Repeat(" ", caret))
}

// printable keeps one character one column wide and off the terminal's control.
func printable(r rune) rune {
	switch {
	case r == '\t':
		return ' '
	case r < ' ' || r == 0x7f || r == utf8.RuneError || r >= 0x80 && r < 0xa0:
		return '?'
	}
	return r
}

// quoted shows a configured text in a message, short and on one line.
func quoted(s string) string {
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "…"
	}
	return `"` + strings.Map(printable, strings.ReplaceAll(s, "\n", " ")) + `"`
}

// list writes a, b or c.
func list(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
}
