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
	KeyRow     bool        // `key: row`: every row is its own; so it is where neither Key nor Duplicates is given and Value is a constant
	Duplicates string      // error, sum, max or same; "" is error
	Bounds     Bounds
	Quarantine float64 // most share of the rows that pass where: 0.01
}

// A Predicate holds when all of its tests hold.
type Predicate []Test

// A Test is about the text of one column. Exactly one of the fields below
// Column is set. Literals are compared folded (NFC, trim, runs of white space, case).
type Test struct {
	Column     string   `json:"column"`
	In         []string `json:"in,omitempty"`
	NotIn      []string `json:"not,omitempty"`
	Matches    string   `json:"matches,omitempty"` // regular expression, against the text without outer white space, in its own case
	NotMatches string   `json:"not_matches,omitempty"`
}

// A Unit says which rows hold counts: a constant for all rows, or labels of a column.
type Unit struct {
	Const  string            `json:"const,omitempty"`  // count, or another unit; "" when Column is set
	Column string            `json:"column,omitempty"` //
	Codes  map[string]string `json:"codes,omitempty"`  // label → unit
}

// A Period says how a row's period is read.
type Period struct {
	Column  string            `json:"column,omitempty"`
	Const   string            `json:"const,omitempty"`
	Formats []string          `json:"format,omitempty"` // Unicode patterns, first hit; none: yyyy, yyyy-'Q'Q, yyyy-MM, yyyy-MM-dd or a band yyyy-yyyy by the text's own form
	Codes   map[string]string `json:"codes,omitempty"`  // label → period (2026, 2026-Q3, 2026-11, 2014-2018) or exclude, before the formats
	Blank   string            `json:"blank,omitempty"`  // "" quarantines it, or exclude
}

// A Value says how a row's count is read.
type Value struct {
	Column    string `json:"column,omitempty"`
	Const     int64  `json:"const,omitempty"`      // when Column is ""
	GroupChar string `json:"group_char,omitempty"` // "," in 1,282
	Blank     string `json:"blank,omitempty"`      // "", exclude, missing, not_collected or zero; "" stops the source
}

// A Dimension says how a row's code is found. An unmapped dimension (zero Rules)
// is at its total.
type Dimension struct {
	Name    string
	Rules   []Rule // the first applies; more than one is not built yet
	Unknown bool   // unknown: true of the dimension in the configuration
	List    codelist.List
}

// A Rule turns a text into a code.
type Rule struct {
	Column  string            `json:"column,omitempty"`
	Const   string            `json:"const,omitempty"`   // a code, when Column is ""
	Codes   map[string]string `json:"codes,omitempty"`   // label → code, before the code list
	NoList  bool              `json:"no_list,omitempty"` // `list: false`: the code list's own codes, labels and synonyms do not count
	Blank   string            `json:"blank,omitempty"`   // code of an empty text; "" quarantines it
	Unknown string            `json:"unknown,omitempty"` // code of an unknown label; "" quarantines it
}

// Bounds are those outside which a source stops.
type Bounds struct{ Min, Max *int64 } // Min is 0 by default
