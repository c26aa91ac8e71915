// Package codelist reads versioned code lists: codes, parents, levels, labels,
// synonyms.
//
// A list is chosen without looking at the data and fixes which cells exist. It
// gives privacy its codes and parents ([List.Domain]) and outputs its labels
// ([List.Public]), so that labels never enter the one and counts never the
// other. Everything in it is public.
package codelist

import (
	"slices"

	"halftone/outputs"
	"halftone/privacy"
)

// An Entry is one line of a code list.
type Entry struct {
	Code, Parent, Level string // Parent is _T at the top and empty for the root
	Label               outputs.Text
	Synonyms            []string
	ValidFrom, ValidTo  string // as written: yyyy, yyyy-MM or yyyy-MM-dd

	// For people, not for the line: where the code is from, whether it is that
	// source's own (standard) or was invented (ours), and what else is to be known.
	Source, Status, Note string
}

// A List is the code list of one dimension. Only [Read] makes one that is
// known to be sound.
type List struct {
	Name    string   // path or shipped name, for messages
	Digest  string   // SHA-256 of the file
	Levels  []string // names, the root's first
	Entries []Entry  // the root first, then in file order
	Unread  []string // columns of the file that mean nothing here

	derived bool // the file names no levels
	tree    *tree
}

// rootLevel names the root's level where the file does not.
const rootLevel = "all"

// For returns l with its level named after the dimension, if the file names no
// levels and has one below the root: a plain list of sexes gives dimension
// "sex" the level "sex".
func (l List) For(dimension string) List {
	if !l.derived || len(l.Levels) != 2 || l.Levels[1] == dimension {
		return l
	}
	l.Levels = []string{l.Levels[0], dimension}
	l.Entries = slices.Clone(l.Entries)
	for i := range l.Entries {
		if l.Entries[i].Code != privacy.Total {
			l.Entries[i].Level = dimension
		}
	}
	return l
}

// Code returns the entry of a code. A child _U that no line of the file gives
// has no entry: see [List.Leaf].
func (l List) Code(code string) (Entry, bool) {
	i, ok := l.index().at[code]
	if !ok {
		return Entry{}, false
	}
	return l.Entries[i], true
}

// IsLeaf reports whether a code of the list has no codes below it.
func (l List) IsLeaf(code string) bool {
	t := l.index()
	i, ok := t.at[code]
	return ok && len(t.children[i]) == 0
}

// Leaf returns the finest code at which a row of the given code is counted: a
// leaf at itself, X that has codes below it at X/_U, _T at _U. Where that is a
// child _U, parent is the code whose child it is, else it is empty. Written
// codes _U and X/_U are taken too; of an X without codes below it, X/_U says no
// less than X and is X. It is not ok when the list has no such code.
func (l List) Leaf(code string) (leaf, parent string, ok bool) {
	t := l.index()
	if i, ok := t.at[code]; ok {
		switch {
		case len(t.children[i]) > 0:
			return unknownOf(code), code, true
		case isUnknown(code):
			return code, l.Entries[i].Parent, true
		}
		return code, "", true
	}
	if !isUnknown(code) {
		return "", "", false
	}
	parent = parentOfUnknown(code)
	i, ok := t.at[parent]
	switch {
	case !ok || isUnknown(parent):
		return "", "", false
	case len(t.children[i]) == 0:
		return parent, "", true
	}
	return code, parent, true
}

// Path returns a code of the list, or a child _U of one, and all that it lies
// in, the finest first and _T last; nil when the list has no such code.
func (l List) Path(code string) []string {
	t := l.index()
	if _, ok := t.at[code]; !ok {
		if _, _, ok := l.Leaf(code); !ok {
			return nil
		}
	}
	path := []string{code}
	for code != privacy.Total {
		if i, ok := t.at[code]; ok {
			code = l.Entries[i].Parent
		} else {
			code = parentOfUnknown(code)
		}
		path = append(path, code)
	}
	return path
}

// Resolve finds the code whose own text, label in any language or synonym is
// the folded text (see [Fold]). The labels that this package makes up for an
// implied root or an implied _U are not among them.
func (l List) Resolve(folded string) (code string, ok bool) {
	i, ok := l.index().texts[folded]
	if !ok {
		return "", false
	}
	return l.Entries[i].Code, true
}

// Unknowns says which codes have a child _U: those below which the
// configuration can put a row without saying where. The zero value is none.
type Unknowns struct {
	All     bool            // every code that has codes below it
	Parents map[string]bool // codes; _T for the plain _U below the root
}

// Has reports whether a code has a child _U.
func (u Unknowns) Has(parent string) bool { return u.All || u.Parents[parent] }

// And returns the codes that have a child _U by u or by v.
func (u Unknowns) And(v Unknowns) Unknowns {
	w := Unknowns{All: u.All || v.All, Parents: map[string]bool{}}
	for _, m := range []map[string]bool{u.Parents, v.Parents} {
		for p, ok := range m {
			if ok {
				w.Parents[p] = true
			}
		}
	}
	return w
}
