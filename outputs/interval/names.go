package interval

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// lookUp returns the codes of a level that a text may mean: the code itself, else
// those that are the same but for case, else those with such a label.
func (v *Version) lookUp(d, level int, text string) []string {
	codes := v.model.Dimensions[d].Codes[level]
	if slices.Contains(codes, text) {
		return []string{text}
	}
	var byCode, byLabel []string
	want := fold(text)
	for _, c := range codes {
		if fold(c) == want {
			byCode = append(byCode, c)
		}
		if slices.ContainsFunc(v.labels[d][c], func(l string) bool { return fold(l) == want }) {
			byLabel = append(byLabel, c)
		}
	}
	if len(byCode) > 0 {
		return byCode
	}
	return byLabel
}

// fold is the form in which codes and labels are compared: white space and case do
// not count, accents do.
func fold(s string) string {
	return strings.Join(strings.Fields(norm.NFC.String(cases.Fold().String(norm.NFD.String(s)))), " ")
}

func list(names []string) string {
	if n := len(names); n > 12 {
		names = append(slices.Clone(names[:11]), fmt.Sprintf("%d others", n-11))
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

// meant adds a guess to a message.
func meant(name string, known []string) string {
	best, at, want := "", max(1, len([]rune(name))/3)+1, []rune(fold(name))
	for _, k := range known {
		if d := distance(want, []rune(fold(k))); d < at {
			best, at = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// distance counts the insertions, deletions and substitutions that turn s into t
// (Levenshtein).
func distance(s, t []rune) int {
	if len(s) > 64 || len(t) > 64 {
		return 64
	}
	row := make([]int, len(t)+1)
	for j := range row {
		row[j] = j
	}
	for i, a := range s {
		corner := row[0]
		row[0] = i + 1
		for j, b := range t {
			cost := corner
			if a != b {
				cost++
			}
			corner = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(t)]
}
