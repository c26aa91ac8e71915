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
	Given      []string    // columns whose text stands outside of the rows: it makes no blank row one with text
	Reshape    Reshape     // of the rows, before anything else
	Where      []Predicate // any of them; none: every row passes
	Unit       Unit
	Period     Period
	Value      Value
	Dimensions []Dimension // one a dimension of the dataset, in its order
	Key        []string    // columns that identify a row; nil: the mapped codes and the period
	KeyRow     bool        // `key: row`: every row is its own; so it is where neither Key nor Duplicates is given and Value is a constant
	Duplicates string      // error, sum, max or same; "" is error
	Upsert     bool        // of the rows with one Key, over all pulls, the last counts
	Deleted    []Predicate // with Upsert: any of them says that the row's key is no more
	Bounds     Bounds
	Quarantine float64 // most share of the rows that pass where: 0.01

	Corrections []Correction     // made by hand: see [Mapping.ByHand]
	Keep        []Keep           // steps, one after the other
	Grains      []Grain          // finest first; those behind the first are totals. nil: no `grain`
	Totals      Totals           // what becomes of them
	Zeros       []StructuralZero // of the dataset
	Person      Person           // whose row each is; zero: nothing says it
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

// A Person says by which key the rows of one person are known. Rows without one
// are quarantined.
type Person struct {
	Column    string   `json:"column,omitempty"`
	Columns   []string `json:"columns,omitempty"` // several instead of Column, joined by Join; a blank one makes the key blank
	Join      string   `json:"join,omitempty"`
	Regex     string   `json:"regex,omitempty"`     // group 1 of it is the key; no match is no key
	Namespace string   `json:"namespace,omitempty"` // what keys are shared in: those of one name mean the same persons in all sources of the dataset
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
	Columns []string          `json:"columns,omitempty"` // several instead of Column, joined by Join
	Join    string            `json:"join,omitempty"`
	Const   string            `json:"const,omitempty"`
	Regex   string            `json:"regex,omitempty"`   // group 1 of it is the text; no match is a bad period
	Formats []string          `json:"format,omitempty"`  // Unicode patterns, first hit; none: yyyy, yyyy-'Q'Q, yyyy-MM, yyyy-MM-dd or a band yyyy-yyyy by the text's own form
	Codes   map[string]string `json:"codes,omitempty"`   // label → period (2026, 2026-Q3, 2026-11, 2014-2018) or exclude, before the formats
	Blank   string            `json:"blank,omitempty"`   // "" quarantines it, or exclude
	YearOf  string            `json:"year_of,omitempty"` // start or end: which year a format of two years (yyyy/yy) means
}

// A Value says how a row's count is read.
type Value struct {
	Column      string       `json:"column,omitempty"`
	Const       int64        `json:"const,omitempty"`        // when Column is ""
	Regex       string       `json:"regex,omitempty"`        // group 1 of it is the text; of a text without a match only a declared status is known
	GroupChar   string       `json:"group_char,omitempty"`   // "," in 1,282
	DecimalChar string       `json:"decimal_char,omitempty"` // "" is a point, or none where the point is the group character
	Scale       int64        `json:"scale,omitempty"`        // each whole number stands for so many; 0 is 1
	Status      []StatusRule `json:"status,omitempty"`       // the first that holds; then Blank, then the number
	Blank       string       `json:"blank,omitempty"`        // "", exclude, missing, not_collected, zero or suppressed; "" stops the source
	BlankBelow  int64        `json:"blank_below,omitempty"`  // of a suppressed blank, as StatusRule.Below
	BlankAs     int64        `json:"blank_as,omitempty"`     // of a suppressed blank, as StatusRule.As
}

// A StatusRule says what a text of the value, or a row, means. Exactly one of
// Text, Matches and When is set. Below, As and Base are in the file's own
// figures, before Scale.
type StatusRule struct {
	Text    string      `json:"text,omitempty"`    // compared folded
	Matches string      `json:"matches,omitempty"` // regular expression
	When    []Predicate `json:"when,omitempty"`    // any of them
	Is      string      `json:"is"`                // suppressed, rounded, noised, zero, missing or not_collected
	Below   int64       `json:"below,omitempty"`   // suppressed: the count is less than this
	As      int64       `json:"as,omitempty"`      // suppressed: the value used, 0 to Below-1
	Base    int64       `json:"base,omitempty"`    // rounded: to multiples of this
}

// A Dimension says how a row's code is found. An unmapped dimension (zero Rules)
// is at its total.
type Dimension struct {
	Name    string
	Rules   []Rule // the first whose When holds applies
	Unknown bool   // unknown: true of the dimension in the configuration
	List    codelist.List
}

// A Rule turns a text into a code.
type Rule struct {
	When    []Predicate       `json:"when,omitempty"` // any of them; none: every row
	Column  string            `json:"column,omitempty"`
	Columns []string          `json:"columns,omitempty"` // several instead of Column, joined by Join
	Join    string            `json:"join,omitempty"`
	Regex   string            `json:"regex,omitempty"`   // group 1 of it is the text; no match is an unknown label
	Const   string            `json:"const,omitempty"`   // a code, when there is no column
	Codes   map[string]string `json:"codes,omitempty"`   // label → code, before the code list
	NoList  bool              `json:"no_list,omitempty"` // `list: false`: the code list's own codes, labels and synonyms do not count
	Blank   string            `json:"blank,omitempty"`   // code of an empty text; "" quarantines it
	Else    string            `json:"else,omitempty"`    // code of a label that a rule of another target knows, on the same column
	Unknown string            `json:"unknown,omitempty"` // code of any other label; "" quarantines it
	Split   string            `json:"split,omitempty"`   // between several answers of one text
	Many    string            `json:"many,omitempty"`    // code of all mixtures of answers; "" quarantines them
	Has     string            `json:"has,omitempty"`     // yes where this is among the answers, else no
}

// Bounds are those outside which a source stops.
type Bounds struct {
	Min, Max *int64  // Min is 0 by default
	Ratio    float64 // most that a cell may be of its last period's (of 1, where that was 0); 0: no limit
	Clip     bool    // a value above Max is read as Max
}

// A Keep is a step that leaves, of the rows of a period with the same texts in
// PartitionBy, those that come first by OrderBy; rows that tie all stay.
type Keep struct {
	PartitionBy []string `json:"partition_by"`
	OrderBy     string   `json:"order_by"`
	Desc        bool     `json:"desc,omitempty"`
	Order       []string `json:"order,omitempty"` // labels, first to last, others behind them; nil: ascending, or Desc
}

// A Grain is what one kind of row breaks down: its dimensions at their levels,
// all others at _T. An empty Grain is one total a period.
type Grain []Level

// A Level is a dimension at a level of its code list; "" is the finest.
type Level struct {
	Dimension string `json:"dimension"`
	Level     string `json:"level,omitempty"`
}

// Totals say what becomes of the rows of all grains but the first.
type Totals struct {
	Use      string  `json:"use,omitempty"`       // drop, check or rest; "" without a chain
	MaxBelow float64 `json:"max_below,omitempty"` // rest: most share of the unsuppressed totals of a grain by which parts may exceed them: 0.01
}
