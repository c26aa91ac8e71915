// Package interval answers what a reader of a published version may ask next: how
// well is a sum, a difference, a ratio or a share of its figures known?
//
// A question is a text, such as `by-region[South] - by-region[Northeast]` or
// `2020/2019` ([Parse] has the grammar). The figures are the estimates in the
// version's files, and the noise in them follows from noise-model.json: with the
// planner the noise of two cells of one period is correlated, and the covariances
// are exact. Everything here is made of noised numbers and public text.
//
// The interval of a sum or difference is the estimate ± 1.96 sd (with Laplace
// ± 2.118 sd), rounded outward to what the sum can be, and cut at 0 where it adds
// only. That of a ratio is Fieller's (1954): all θ for which num − θ·den is within
// the same distance of 0, plus what rounding outward would add. It holds the true
// ratio 95 times in 100 whatever the true ratio is, and there is none where the
// denominator's own interval reaches 0. Intervals cover the noise that was added
// for privacy, and nothing else.
package interval

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of a question, so that one from anywhere is answered soon.
const (
	maxText  = 4096 // bytes
	maxDepth = 64   // of parentheses and signs
	maxCells = 3000 // figures; time goes with the square
)

// A Mistake is an error in a question, with its place.
type Mistake struct {
	Question string
	At       int // the character at which it is, from 1
	Text     string
}

// Error has the question with a mark below the place on lines of their own.
func (m *Mistake) Error() string {
	line, mark := []rune(m.Question), strings.Builder{}
	for i := 0; i < m.At-1 && i < len(line); i++ {
		mark.WriteByte(' ')
	}
	return fmt.Sprintf("character %d: %s\n  %s\n  %s^", m.At, m.Text, m.Question, mark.String())
}

// An Expression is a question that is well formed. What it names has not been
// looked up.
type Expression struct {
	text string
	root node
}

// String is the question as it was asked.
func (e Expression) String() string { return e.text }

// mistake places an error at byte at of the question.
func mistake(text string, at int, format string, args ...any) error {
	return &Mistake{text, utf8.RuneCountInString(text[:min(at, len(text))]) + 1, fmt.Sprintf(format, args...)}
}
