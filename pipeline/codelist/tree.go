package codelist

import (
	"maps"
	"slices"
	"strings"

	"halftone/privacy"
)

// A tree is what is looked up of a list: it only repeats its entries.
type tree struct {
	at       map[string]int // code → entry
	texts    map[string]int // folded code, label or synonym → entry
	children [][]int        // of each entry, in file order
	levels   []int          // depth of each entry's level
}

// index returns the tree of l. A list that was not made by Read has none kept
// and gets it anew: slow, never wrong.
func (l List) index() *tree {
	if l.tree != nil {
		return l.tree
	}
	return newTree(l)
}

func newTree(l List) *tree {
	t := &tree{
		at: make(map[string]int, len(l.Entries)), texts: make(map[string]int, 2*len(l.Entries)),
		children: make([][]int, len(l.Entries)), levels: make([]int, len(l.Entries)),
	}
	depth := make(map[string]int, len(l.Levels))
	for i, name := range l.Levels {
		depth[name] = i
	}
	for i, e := range l.Entries {
		t.at[e.Code], t.levels[i] = i, depth[e.Level]
		for _, s := range e.texts() {
			t.texts[Fold(s)] = i
		}
	}
	for i, e := range l.Entries {
		if p, ok := t.at[e.Parent]; ok && e.Code != privacy.Total {
			t.children[p] = append(t.children[p], i)
		}
	}
	return t
}

// texts are all that stands for e in data.
func (e Entry) texts() []string {
	s := make([]string, 0, 1+len(e.Label)+len(e.Synonyms))
	s = append(s, e.Code)
	for _, lang := range slices.Sorted(maps.Keys(e.Label)) {
		s = append(s, e.Label[lang])
	}
	return append(s, e.Synonyms...)
}

const underUnknown = "/" + privacy.Unknown

// isUnknown reports whether code is _U or X/_U.
func isUnknown(code string) bool {
	return code == privacy.Unknown || strings.HasSuffix(code, underUnknown)
}

// unknownOf names the child _U of a code.
func unknownOf(parent string) string {
	if parent == privacy.Total {
		return privacy.Unknown
	}
	return parent + underUnknown
}

// parentOfUnknown undoes unknownOf.
func parentOfUnknown(code string) string {
	if code == privacy.Unknown {
		return privacy.Total
	}
	return strings.TrimSuffix(code, underUnknown)
}
