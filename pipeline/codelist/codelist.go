// Package codelist reads versioned code lists: codes, parents, levels, labels,
// synonyms.
package codelist

import "halftone/outputs"

// An Entry is one line of a code list.
type Entry struct {
	Code, Parent, Level string
	Label               outputs.Text
	Synonyms            []string
	ValidFrom, ValidTo  string
}

// A List is the code list of one dimension.
type List struct {
	Name    string   // path or shipped name, for messages
	Digest  string   // SHA-256 of the file
	Levels  []string // names, the root's first
	Entries []Entry  // the root first, then in file order
}
