package codelist

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Clean returns s in Unicode normal form C, without white space at its ends
// and with one space for every run of it inside.
func Clean(s string) string {
	if isClean(s) {
		return s
	}
	return strings.Join(strings.Fields(norm.NFC.String(s)), " ")
}

// isClean reports whether s is ASCII that Clean leaves as it is.
func isClean(s string) bool {
	space := true // before the first character a space is one too many
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ' && space, c < ' ', c >= utf8.RuneSelf:
			return false
		default:
			space = c == ' '
		}
	}
	return s == "" || !space
}

// Fold returns the form in which labels are compared: cleaned as by [Clean]
// and case folded. Accents and punctuation count. Folding twice changes nothing.
func Fold(s string) string {
	s = Clean(s)
	if isLower(s) {
		return s
	}
	// Folding may leave a text that is not in normal form, and normalizing one
	// that folds further: a few characters need a second turn.
	for range 8 {
		t := strings.Join(strings.FieldsFunc(norm.NFC.String(cases.Fold().String(norm.NFD.String(s))), unicode.IsSpace), " ")
		if t == s {
			break
		}
		s = t
	}
	return s
}

// isLower reports whether s is ASCII without capital letters.
func isLower(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}
