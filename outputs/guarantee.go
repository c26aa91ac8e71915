package outputs

import (
	"fmt"
	"slices"

	"halftone/privacy"
)

// Guarantees says for the people behind which sources the promise of v is made, as
// all charges of its dataset say: also those whose releases v does not show.
func (v Version) Guarantees() (privacy.Guarantees, error) {
	var g privacy.Guarantees
	entries, err := v.entries()
	if err != nil {
		return g, err
	}
	for _, e := range entries {
		if e.Kind != privacy.EntryCharge {
			continue
		}
		if err := g.Take(e.Expected, e.NoGuarantee); err != nil {
			return g, fmt.Errorf("outputs: %w", err)
		}
	}
	return g, nil
}

// Corrected names, in order, the sources for which people had corrections made by
// hand when releases that v shows were charged.
func (v Version) Corrected() ([]string, error) {
	entries, err := v.entries()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range v.Releases {
		k, err := e.Release.Key()
		if err != nil {
			return nil, fmt.Errorf("outputs: %w", err)
		}
		for _, c := range entries {
			if c.Kind == privacy.EntryCharge && c.Key() == k {
				out = append(out, c.Corrected...)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// Entry is what the promise protects where no source has a guarantee.
const Entry = "entry of the delivered files"

// Protected is what the promise protects, for sentences: the unit of the dataset, or
// where no source has a guarantee an entry of the files, of which alone it holds.
func Protected(unit string, g privacy.Guarantees) string {
	if g.Nobody() {
		return Entry
	}
	return unit
}

// NoGuaranteeInWords says for whom no promise is made; "" where it is made for all.
func NoGuaranteeInWords(g privacy.Guarantees) string {
	names := g.None()
	if len(names) == 0 {
		return ""
	}
	s := "No guarantee is given for the people behind source " + names[0] + ": its rows depend on each other, so that nothing bounds what one of them changes. " +
		"Noise is added to its figures and paid for as for any other, but those people have only what the agency did before it delivered its file."
	if len(names) > 1 {
		s = "No guarantee is given for the people behind the sources " + list(names) + ": rows of such a source depend on each other, so that nothing bounds what one of them changes. " +
			"Noise is added to their figures and paid for as for any other, but those people have only what the agencies did before they delivered their files."
	}
	if g.Nobody() {
		s += " There is no other source: whatever is promised here is about an entry of the delivered files, and about no person."
	}
	return s
}

// CorrectedInWords says whose figures people have corrected; "" where nobody has.
func CorrectedInWords(sources []string) string {
	switch len(sources) {
	case 0:
		return ""
	case 1:
		return "Corrections were made by hand: for a stated reason, people gave rows of source " + sources[0] + " another value or left them out before they were counted."
	}
	return "Corrections were made by hand: for a stated reason, people gave rows of the sources " + list(sources) + " another value or left them out before they were counted."
}
