package codelist

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Remarks are what is allowed in a code list and probably not meant, a sentence
// each. They name codes and columns only.
func (l List) Remarks() []string {
	var out []string
	langs := l.Languages()
	known := slices.Clone(columns[:])
	for _, lang := range slices.Concat(langs, []string{"en", "fr", "es", "pt", "ar"}) {
		known = append(known, labelPrefix+lang)
	}
	for _, c := range l.Unread {
		guess := ""
		if n := Nearest(strings.ToLower(c), known); n != "" {
			guess = fmt.Sprintf("; did you mean %s?", n)
		}
		out = append(out, fmt.Sprintf("column %q is not looked at%s", c, guess))
	}
	if l.derived && len(l.Levels) > 2 {
		out = append(out, fmt.Sprintf("no column level: tables call the levels %s", strings.Join(l.Levels[1:], ", ")))
	}
	missing := map[string][]string{}
	for _, e := range l.Entries[1:] { // the root has words of its own
		for _, lang := range langs {
			if e.Label[lang] == "" {
				missing[lang] = append(missing[lang], e.Code)
			}
		}
	}
	for _, lang := range slices.Sorted(maps.Keys(missing)) {
		codes := missing[lang]
		if len(codes) == len(l.Entries)-1 {
			out = append(out, "no code has a label: published tables show the codes")
			continue
		}
		out = append(out, fmt.Sprintf("%d of %d codes have no label in %s, the first is %s: another language or the code stands in", len(codes), len(l.Entries)-1, lang, codes[0]))
	}
	return out
}
