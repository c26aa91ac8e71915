package outputs

import (
	"strings"
	"testing"
)

// What is enforced and what is stated is said of each source; nothing is claimed
// where nothing is kept.
func TestKeptInWords(t *testing.T) {
	clinic, legal, hotline := Source{Name: "clinic", PerPeriod: 2, Bounded: true}, Source{Name: "legal", PerPeriod: 3, Bounded: true}, Source{Name: "hotline", PerPeriod: 1}
	for name, c := range map[string]struct {
		sources []Source
		kept    bool
		has     []string
		not     []string
	}{
		"none":    {[]Source{hotline}, false, []string{"This is stated, not enforced."}, []string{"Halftone", "hotline"}},
		"nothing": {nil, false, []string{"This is stated, not enforced."}, nil},
		"some":    {[]Source{clinic, hotline}, true, []string{"2 of source clinic.", "enforced", "what other sources count", "that one person has one key", "are stated, not enforced"}, []string{"hotline"}},
		"all":     {[]Source{clinic, legal}, true, []string{"2 of source clinic, 3 of source legal.", "the number of periods, are stated, not enforced"}, []string{"other sources"}},
	} {
		got := KeptInWords("person", c.sources)
		if AnyKept(c.sources) != c.kept {
			t.Errorf("%s: AnyKept is %v", name, !c.kept)
		}
		for _, part := range c.has {
			if !strings.Contains(got, part) {
				t.Errorf("%s: %q lacks %q", name, got, part)
			}
		}
		for _, part := range c.not {
			if strings.Contains(got, part) {
				t.Errorf("%s: %q has %q", name, got, part)
			}
		}
	}
}
