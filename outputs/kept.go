package outputs

import (
	"fmt"
	"slices"
	"strings"
)

// AnyKept reports whether the bound a period of any source is kept by us.
func AnyKept(sources []Source) bool {
	return slices.ContainsFunc(sources, func(s Source) bool { return s.Bounded })
}

// KeptInWords says which bounds are kept by us and which are the agencies' word.
func KeptInWords(unit string, sources []Source) string {
	var kept []string
	for _, s := range sources {
		if s.Bounded {
			kept = append(kept, fmt.Sprintf("%d of source %s", s.PerPeriod, s.Name))
		}
	}
	switch {
	case kept == nil:
		return "This is stated, not enforced."
	case len(kept) < len(sources):
		return fmt.Sprintf("Halftone counts at most so many records of one key in a period: %s. That is enforced; "+
			"that one %s has one key, what other sources count, and the number of periods are stated, not enforced.", strings.Join(kept, ", "), unit)
	}
	return fmt.Sprintf("Halftone counts at most so many records of one key in a period: %s. That is enforced; "+
		"that one %s has one key, and the number of periods, are stated, not enforced.", strings.Join(kept, ", "), unit)
}
