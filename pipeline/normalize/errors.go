package normalize

import (
	"fmt"
	"strings"
)

// A Place is where a row stands: never what stands there.
type Place struct {
	File string `json:"file"`
	Row  int64  `json:"row"`
}

func (p Place) String() string { return fmt.Sprintf("%s row %d", p.File, p.Row) }

// A Problem is one reason to stop a source.
type Problem struct {
	Column string // as configured; empty for a constant or the whole row
	What   string // "3 values have fractions: these are not counts"
	First  Place
	Second Place  // of the other row, where two do not go together
	Do     string // what a person can do; may be empty
}

// A SourceError says that a source cannot be taken as its mapping declares:
// nothing of it is. Programs exit with 4.
type SourceError struct {
	Source   string
	Problems []Problem
}

var _ error = (*SourceError)(nil)

// Error gives a line a problem.
func (e *SourceError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "source %s stopped", e.Source)
	for _, p := range e.Problems {
		fmt.Fprintf(&b, "\n  %s", p.What)
		if p.Column != "" {
			fmt.Fprintf(&b, ", column %s", p.Column)
		}
		if p.First != (Place{}) {
			fmt.Fprintf(&b, ", first at %s", p.First)
		}
		if p.Second != (Place{}) {
			fmt.Fprintf(&b, " and %s", p.Second)
		}
		if p.Do != "" {
			fmt.Fprintf(&b, "\n    %s", p.Do)
		}
	}
	return b.String()
}

// A ReasonCount says how many rows went to quarantine for one reason.
type ReasonCount struct {
	Reason string // "place: unknown label"
	Column string // as configured; empty for a constant
	Rows   int64
	First  Place
}

// A QuarantineError says that more rows of a source went to quarantine than it
// may have: nothing of it is taken. Programs exit with 4. The report that comes
// with it is complete.
type QuarantineError struct {
	Source  string
	Rows    int64         // in quarantine
	Of      int64         // rows that passed `where`
	Limit   float64       // share of Of
	Reasons []ReasonCount // most rows first
}

var _ error = (*QuarantineError)(nil)

// Error gives a line a reason.
func (e *QuarantineError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d of %d rows not mapped (%s, limit %s)",
		e.Source, e.Rows, e.Of, percent(float64(e.Rows)/float64(e.Of)), percent(e.Limit))
	for _, r := range e.Reasons {
		fmt.Fprintf(&b, "\n  %d  %s", r.Rows, r.Reason)
		if r.Column != "" {
			fmt.Fprintf(&b, "  column %s", r.Column)
		}
		fmt.Fprintf(&b, "  first at %s", r.First)
	}
	return b.String()
}

func percent(share float64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", 100*share), ".0") + "%"
}

// A MappingError says what is wrong with a mapping before any data are read.
// Programs exit with 2.
type MappingError struct {
	Path []string // keys below the source: map, place, codes
	What string
}

var _ error = (*MappingError)(nil)

func (e *MappingError) Error() string { return strings.Join(e.Path, ".") + ": " + e.What }
