package codelist

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// A Suggestion is a code that a label may mean. It is a guess, and a person decides
// on each: of 53 labels of countries that real files have and the shipped list has
// not, 38 got a code, each the right one; but so did 32 of 2,357 names of
// provinces, where none is right.
type Suggestion struct {
	Code string
	Text string // of the list, that the label is like
	How  string // "folding", "word order" or "N letters"
	// Score is 1 where only case, accents, punctuation or word order differ, else
	// the share of letters that are the same.
	Score float64
}

// fewest is how many letters a text must have to be matched by anything but
// itself: N/A is not Namibia, B & H not Bahrain.
const fewest = 4

// A Suggester proposes codes of a list.
type Suggester struct {
	loose, words map[string]string // text without what is folded → code; "" where two codes have it
	shown        map[string]string // the same → text of the list
	texts        []string          // keys of loose, sorted
}

// Suggester prepares to propose codes of l.
func (l List) Suggester() *Suggester {
	s := &Suggester{loose: map[string]string{}, words: map[string]string{}, shown: map[string]string{}}
	put := func(m map[string]string, key, code, text string) {
		if other, there := m[key]; there && other != code {
			code = ""
		}
		m[key], s.shown[key] = code, text
	}
	for _, e := range l.Entries[1:] {
		if isUnknown(e.Code) {
			continue
		}
		for _, text := range e.texts() {
			if loose := loosen(text); letters(loose) >= fewest {
				put(s.loose, loose, e.Code, text)
				put(s.words, inOrder(loose), e.Code, text)
			}
		}
	}
	s.texts = slices.Sorted(maps.Keys(s.loose))
	return s
}

// Suggest proposes a code for a label that the list does not know. It is not ok
// where nothing is like it, or two codes are as like it.
//
// First by folding, with accents and punctuation left out; then by words in any
// order, without articles and "of"; then by edit distance: of one letter in 6,
// at least one, and at most three. Labels and texts of fewer than four letters,
// which codes of two and three letters are, are never matched.
func (s *Suggester) Suggest(label string) (Suggestion, bool) {
	loose := loosen(label)
	if letters(loose) < fewest {
		return Suggestion{}, false
	}
	if code, there := s.loose[loose]; there {
		return Suggestion{code, s.shown[loose], "folding", 1}, code != ""
	}
	if key := inOrder(loose); letters(key) >= fewest {
		if code, there := s.words[key]; there {
			return Suggestion{code, s.shown[key], "word order", 1}, code != ""
		}
	}
	return s.near(loose)
}

// near proposes by edit distance.
func (s *Suggester) near(loose string) (Suggestion, bool) {
	n := len([]rune(loose))
	least := min(3, max(1, n/6)) + 1 // more than may be wrong
	var best Suggestion
	several := false // other codes are as near
	for _, text := range s.texts {
		m := len([]rune(text))
		if max(n, m)-min(n, m) > least {
			continue
		}
		code, d := s.loose[text], Distance(loose, text)
		switch {
		case d < least:
			least, several = d, code == ""
			best = Suggestion{code, s.shown[text], lettersOff(d), 1 - float64(d)/float64(max(n, m))}
		case d == least && best.Code != "" && code != best.Code:
			several = true
		}
	}
	return best, best.Code != "" && !several
}

func lettersOff(letters int) string {
	if letters == 1 {
		return "1 letter"
	}
	return fmt.Sprintf("%d letters", letters)
}

// loosen folds a text and leaves accents and punctuation out: its words, with one
// space between.
func loosen(text string) string {
	return strings.Join(strings.FieldsFunc(strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r), r == '\'', r == '’', r == '.': // Côte d'Ivoire, U.S.A.
			return -1
		case unicode.IsLetter(r), unicode.IsDigit(r), unicode.Is(unicode.M, r), r == unicode.ReplacementChar: // a letter that was lost
			return r
		}
		return ' '
	}, norm.NFD.String(Fold(text))), unicode.IsSpace), " ")
}

// small are words that names have and lack.
var small = map[string]bool{"the": true, "of": true, "and": true, "de": true, "la": true, "le": true, "les": true, "du": true, "des": true, "et": true, "el": true, "los": true, "las": true, "del": true, "y": true}

// short are words that names shorten.
var short = map[string]string{"rep": "republic", "dem": "democratic", "fed": "federated", "st": "saint", "is": "islands"}

// inOrder sorts the words of a loosened text, without small ones.
func inOrder(loose string) string {
	words := slices.DeleteFunc(strings.Fields(loose), func(w string) bool { return small[w] })
	for i, w := range words {
		if long := short[w]; long != "" {
			words[i] = long
		}
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// letters counts what is no space.
func letters(loose string) int { return len([]rune(strings.ReplaceAll(loose, " ", ""))) }
