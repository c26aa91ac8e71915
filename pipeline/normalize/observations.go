package normalize

import (
	"slices"

	"halftone/privacy"
)

// Observations are normalized rows, in columns. Codes are leaf codes as text
// behind a dictionary: a code list may grow between a pull and a cube, and a
// cube is built from the dictionary. A dictionary may have entries that no row
// uses. The receiver may keep the value and must not change it: dictionaries are
// shared from page to page.
type Observations struct {
	Periods []privacy.Period // dictionary
	Period  []uint32
	Dims    []Column            // one a dimension of the dataset
	Person  []privacy.Pseudonym // whose row it is; nil: the source has no person key
	Value   []int64
	Status  []Status // how each value came to be
	Files   []string // dictionary of origins
	File    []uint32
	Row     []int64  // row in the file
	Key     []RowKey // what identifies each row, with [Mapping.Upsert]; else nil
}

// A Column is dictionary coded text.
type Column struct {
	Dict  []string
	Index []uint32
}

// Rows is the number of observations.
func (o Observations) Rows() int { return len(o.Value) }

// An Outcome is where a row ends. Every row read has exactly one.
type Outcome string

// The outcomes, by their keys in JSON.
const (
	Counted         Outcome = "counted"
	TotalRow        Outcome = "total"
	OtherBreakdown  Outcome = "other_breakdown"
	NotKept         Outcome = "not_kept"
	MergedDuplicate Outcome = "merged_duplicate"
	NoValue         Outcome = "no_value"
	NotACount       Outcome = "not_a_count"
	Filtered        Outcome = "filtered"
	Excluded        Outcome = "excluded"
	Deleted         Outcome = "deleted" // it says that its key is no more
	Quarantined     Outcome = "quarantined"
)

// A Rejected row goes to quarantine: a place and a reason, never a value.
type Rejected struct {
	File   string `json:"file"`
	Row    int64  `json:"row"`
	Column string `json:"column"` // as configured; "" for a constant
	Reason string `json:"reason"` // "place: unknown label"
}

// MaxRejected is how many quarantined rows a report lists one by one. All are
// counted.
const MaxRejected = 100_000

// A TotalsReport says how totals go with the sums of their parts, by cell of
// each grain that is a total.
type TotalsReport struct {
	Equal      int64   `json:"equal"`
	Differ     int64   `json:"differ"`
	Below      int64   `json:"below"`      // of these, totals less than their parts
	Suppressed int64   `json:"suppressed"` // they or a part of theirs: nothing can be said
	Alone      int64   `json:"alone"`      // without any part
	Places     []Place `json:"places"`     // of totals that differ, the first 20
}

// A Report says what became of every row of a pull.
type Report struct {
	Source     string            `json:"source"`
	Stopped    string            `json:"stopped,omitempty"` // why the whole source stopped, but for its quarantine limit
	Read       int64             `json:"read"`              // rows, without the blank ones; after unpivot its cells
	Rows       int64             `json:"rows,omitempty"`    // with unpivot: rows before it, without the blank ones
	Blank      int64             `json:"blank"`             // rows with no text in any cell of the source: no rows to us
	Outcomes   map[Outcome]int64 `json:"outcomes"`          // adds up to Read
	Reasons    map[string]int64  `json:"reasons"`           // of the quarantined rows
	Quarantine []Rejected        `json:"quarantine"`        // in row order, the first MaxRejected
	Periods    map[string]int64  `json:"periods"`           // rows a period that the cube rests on: counted, and with `rest` totals
	Unknown    map[string]int64  `json:"unknown_labels"`    // observations a dimension whose label only the rule's `unknown` took
	Unused     []string          `json:"unused"`            // literals of the mapping that no row had, with their keys
	Totals     *TotalsReport     `json:"totals,omitempty"`  // nil without `totals: check` or `rest`

	Units map[string]int64    `json:"units,omitempty"` // rows that pass `where` by unit of the mapping, where a column says it
	Codes map[string][]string `json:"codes,omitempty"` // codes that observations have, by dimension, sorted
}

// Without is the report without what it says of rows of some periods, by SDMX
// name. Sums that cannot be told apart by period go whole.
func (r Report) Without(periods ...string) Report {
	left := r
	left.Units, left.Codes = nil, nil
	left.Blank, left.Unknown, left.Periods, left.Outcomes = 0, nil, map[string]int64{}, map[Outcome]int64{}
	if q := r.Outcomes[Quarantined]; q > 0 {
		left.Outcomes[Quarantined] = q // of rows whose period nobody knows
	}
	for p, rows := range r.Periods {
		if !slices.Contains(periods, p) {
			left.Periods[p] = rows
			left.Outcomes[Counted] += rows
		}
	}
	left.Read = left.Outcomes[Counted] + left.Outcomes[Quarantined]
	return left
}
