// Package normalize turns an agency's columns into codes and counts.
//
// A [Mapping] is one source entry of halftone.yaml. It decides every distinct
// label once: cost grows with distinct labels, not rows. Nothing is guessed:
// every row ends in exactly one [Outcome], and what cannot be read as declared
// stops the source, because to drop a row for its value would depend on the
// count behind it.
//
// What it holds is exact and sensitive. Messages name files, rows and configured
// columns, never a label or a value.
package normalize

import "halftone/pipeline/codelist"

// A Mapping says how one source's rows become observations.
type Mapping struct {
	Source     string      // name, for messages
	Where      []Predicate // any of them; none: every row passes
	Unit       Unit
	Period     Period
	Value      Value
	Dimensions []Dimension // one a dimension of the dataset, in its order
	Key        []string    // columns that identify a row; nil: the mapped codes and the period
	KeyRow     bool        // `key: row`: every row is its own
	Duplicates string      // error, sum, max or same
	Bounds     Bounds
	Quarantine float64 // most share of the rows that pass where: 0.01
}

// A Predicate holds when all of its tests hold.
type Predicate []Test

// A Test is about the text of one column. Exactly one of the fields below
// Column is set. Literals are compared folded (NFC, trim, runs of white space, case).
type Test struct {
	Column     string
	In         []string
	NotIn      []string
	Matches    string // regular expression
	NotMatches string
}

// A Unit says which rows hold counts: a constant for all rows, or labels of a column.
type Unit struct {
	Const  string            // count, or another unit; "" when Column is set
	Column string            //
	Codes  map[string]string // label → unit
}

// A Period says how a row's period is read.
type Period struct {
	Column  string
	Const   string
	Formats []string // Unicode patterns; none: yyyy, yyyy-'Q'Q, yyyy-MM or yyyy-MM-dd by the text's own form
	Codes   map[string]string
	Blank   string // "" or exclude
}

// A Value says how a row's count is read.
type Value struct {
	Column    string
	Const     int64  // when Column is ""
	GroupChar string // "," in 1,282
	Blank     string // "", exclude, missing or zero; "" stops the source
}

// A Dimension says how a row's code is found. An unmapped dimension (zero Rules)
// is at its total.
type Dimension struct {
	Name    string
	Rules   []Rule // the first applies; this language has one
	Unknown bool   // unknown: true of the dimension in the configuration
	List    codelist.List
}

// A Rule turns a text into a code.
type Rule struct {
	Column  string
	Const   string            // a code, when Column is ""
	Codes   map[string]string // label → code, before the code list
	NoList  bool              // `list: false`: the code list's own codes, labels and synonyms do not count
	Blank   string            // code of an empty text; "" quarantines it
	Unknown string            // code of an unknown label; "" quarantines it
}

// Bounds are those outside which a source stops.
type Bounds struct{ Min, Max *int64 } // Min is 0 by default
