package codelist

import (
	"fmt"
	"maps"
	"slices"

	"halftone/outputs"
	"halftone/privacy"
)

// A place is a code at one level of a domain: an entry, or the child _U (entry
// -1) of one.
type place struct {
	code  string
	entry int
}

// Domain gives the shape that privacy needs: levels from the root to the
// finest, codes in file order under each parent, the child _U last. A code
// without codes below it is its own only child at the next level, and one that
// hangs more than a level below its parent stands for itself in between. The
// codes named in unknown must be codes of the list.
func (l List) Domain(dimension string, unknown Unknowns) (privacy.Dimension, error) {
	l = l.For(dimension)
	t, d := l.index(), privacy.Dimension{Name: dimension}
	for p := range unknown.Parents {
		if _, ok := t.at[p]; !ok {
			return d, fmt.Errorf("code list %s: no code %s to have a child _U", l.Name, p)
		}
	}
	above := []place{{privacy.Total, 0}}
	d.Levels = []privacy.Level{{Name: l.Levels[0], Codes: []string{privacy.Total}}}
	for depth := 1; depth < len(l.Levels); depth++ {
		lv := privacy.Level{Name: l.Levels[depth]}
		var here []place
		for i, p := range above {
			for _, c := range l.below(t, p, depth, unknown) {
				here = append(here, c)
				lv.Codes, lv.Parent = append(lv.Codes, c.code), append(lv.Parent, uint32(i))
			}
		}
		d.Levels, above = append(d.Levels, lv), here
	}
	if err := d.Check(); err != nil {
		return d, fmt.Errorf("code list %s: %w", l.Name, err)
	}
	return d, nil
}

// below gives the children of p at a depth.
func (l List) below(t *tree, p place, depth int, unknown Unknowns) []place {
	if p.entry < 0 || t.levels[p.entry] >= depth || len(t.children[p.entry]) == 0 {
		return []place{p}
	}
	kids := make([]place, 0, len(t.children[p.entry])+1)
	for _, c := range t.children[p.entry] {
		kids = append(kids, place{l.Entries[c].Code, c})
	}
	if l.adds(t, p.entry, unknown) {
		kids = append(kids, place{unknownOf(p.code), -1})
	}
	return kids
}

// adds reports whether entry i has a child _U that is no line of the file.
func (l List) adds(t *tree, i int, unknown Unknowns) bool {
	code := l.Entries[i].Code
	_, given := t.at[unknownOf(code)]
	return len(t.children[i]) > 0 && unknown.Has(code) && !given
}

// Public gives the text that outputs needs, for every code that [List.Domain]
// has with the same unknown, in the order of the file, the root first. An
// added _U follows all that lies in its parent. A code without any label is
// its own label.
func (l List) Public(unknown Unknowns) []outputs.Code {
	t, langs := l.index(), l.Languages()
	after := map[int][]int{} // entry → parents whose _U follows it, the innermost first
	for i := len(l.Entries) - 1; i >= 0; i-- {
		if l.adds(t, i, unknown) {
			last := t.last(i)
			after[last] = append(after[last], i)
		}
	}
	var codes []outputs.Code
	for i, e := range l.Entries {
		label := maps.Clone(e.Label)
		switch {
		case len(label) > 0:
		case i == 0:
			label = inLanguages(totalWord, langs)
		default:
			label = outputs.Text{"en": e.Code}
		}
		codes = append(codes, outputs.Code{Code: e.Code, Parent: e.Parent, Level: e.Level, Label: label})
		for _, p := range l.innermost(t, after[i]) {
			codes = append(codes, l.unknownCode(t, p, langs))
		}
	}
	return codes
}

// innermost sorts parents by depth, the deepest first.
func (l List) innermost(t *tree, parents []int) []int {
	slices.SortStableFunc(parents, func(a, b int) int { return t.levels[b] - t.levels[a] })
	return parents
}

// last gives the entry furthest down in the file that lies in entry i.
func (t *tree) last(i int) int {
	last := i
	for _, c := range t.children[i] {
		last = max(last, t.last(c))
	}
	return last
}

func (l List) unknownCode(t *tree, parent int, langs []string) outputs.Code {
	e := l.Entries[parent]
	return outputs.Code{
		Code: unknownOf(e.Code), Parent: e.Code, Level: l.Levels[t.levels[parent]+1], Label: unknownLabel(e, langs),
	}
}

// Languages lists the languages of the labels, sorted; English if there are none.
func (l List) Languages() []string {
	seen := map[string]bool{}
	for _, e := range l.Entries {
		for lang := range e.Label {
			seen[lang] = true
		}
	}
	if len(seen) == 0 {
		return []string{"en"}
	}
	return slices.Sorted(maps.Keys(seen))
}

// Words for codes that no file labels.
var (
	totalWord   = outputs.Text{"en": "Total", "fr": "Total", "es": "Total"}
	unknownWord = outputs.Text{"en": "Unknown", "fr": "Inconnu", "es": "Desconocido"}
	unspecified = outputs.Text{"en": "not further specified", "fr": "sans autre précision", "es": "sin más especificación"}
)

// inLanguages keeps the languages that are wanted and there; English stands in
// for a missing one.
func inLanguages(t outputs.Text, langs []string) outputs.Text {
	some := outputs.Text{}
	for _, lang := range langs {
		if s, ok := t[lang]; ok {
			some[lang] = s
		} else {
			some["en"] = t["en"]
		}
	}
	return some
}

func unknownLabel(parent Entry, langs []string) outputs.Text {
	if parent.Code == privacy.Total {
		return inLanguages(unknownWord, langs)
	}
	label := inLanguages(unspecified, langs)
	for lang, words := range label {
		of := parent.Label.In(lang)
		if of == "" {
			of = parent.Code
		}
		label[lang] = of + ", " + words
	}
	return label
}
