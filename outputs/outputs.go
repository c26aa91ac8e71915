// Package outputs turns sealed releases into what people read.
//
// It sees releases and public text, never a count. Everything it writes is a
// pure function of a [Version]: the same version gives the same bytes, so that
// anyone can recompute a published folder from its sealed files.
//
// The packages below it: dataset writes tables, describe the machine
// descriptions, claims what may be said, chart and report what people read,
// catalog the front page, publish puts a finished version into the public
// folder, verify recomputes one.
package outputs

import (
	"math"
	"strconv"
	"strings"
	"time"

	"halftone/privacy"
)

// A Text is one text in several languages, by BCP 47 tag.
type Text map[string]string

// In returns t in a language, else in English, else in any.
func (t Text) In(lang string) string {
	for _, l := range []string{lang, "en"} {
		if s, ok := t[l]; ok {
			return s
		}
	}
	first := "" // a map has no order: the least tag, so that bytes do not change
	for l := range t {
		if first == "" || l < first {
			first = l
		}
	}
	return t[first]
}

// About is the public description of a dataset: text that people have written
// or chosen, never anything that was counted. The pipeline fills it from
// halftone.yaml and the code lists.
type About struct {
	Dataset   string
	Series    int
	Title     Text
	Summary   Text
	Counts    Text   // what is counted, in the plural: "offences"; never "victims of trafficking"
	Unit      string // what the promise protects: person, case or event
	Measure   string // flow or stock
	Licence   string // SPDX, or US-PD, OGL-UK-3.0
	Publisher Publisher
	Languages []string // of labels; the first is the one in the tables
	Every     string   // length of a period: year, quarter, month, or "band"
	Sources   []Source
	Codes     []CodeList // in the order of the spec's dimensions
	Lead      string     // the table that the report leads with
	Material  float64    // least share of change that is called a change: 0.05
	Contact   Text       // where help is found; may be empty
	Budget    Budget
	BaseURL   string // of the public folder, when it is known; may be empty
}

// A Publisher answers for a dataset.
type Publisher struct{ Name, Contact, URL string }

// A Source is an agency as the reader sees it.
type Source struct {
	Name, Agency string
	Reporter     string // group of sources; may be empty
	StatedBy     string // who stated the contribution bound
	PerPeriod    int64  // m as stated
	Periods      int64  // p as stated; 0: any number
	Sensitivity  int64  // L of the source's figures
	Bounded      bool   // m is kept by us: of one person's records of a period no more are counted
}

// A CodeList is the public form of a dimension's code list.
type CodeList struct {
	Dimension string
	Codes     []Code // in code-list order, all levels, the root first
}

// A Code is one line of a code list.
type Code struct {
	Code, Parent, Level string
	Label               Text
}

// Label returns the label of a code in a language, else the code itself.
func (a About) Label(dimension, code, lang string) string {
	for _, l := range a.Codes {
		if l.Dimension != dimension {
			continue
		}
		for _, c := range l.Codes {
			if c.Code == code && len(c.Label) > 0 {
				return c.Label.In(lang)
			}
		}
	}
	return code
}

// A Budget is the declared budget in words that people know.
type Budget struct {
	Epsilon   float64 // 0: declared in ρ
	Delta     float64
	Rho       float64 // 0: declared in ε
	PerPeriod bool    // of a person and period instead of a person
}

// A Break says that periods before and from At on are not alike.
type Break struct {
	At   privacy.Period
	Kind string // source_joined, source_left, codes_changed, tables_changed, bound_changed, definition_changed
	Note Text
}

// A Version is one immutable publication of a dataset: for each period the
// newest edition. It has no numbers of its own. Which periods are withdrawn, and
// how the promise was amended, follows from Ledger: [Version.Slots], [Version.Bound].
type Version struct {
	Name     string    // 2026.11-1
	Sequence int       // 1, 2, 3 …: the order of versions
	Composed time.Time // UTC, whole days: the clock time of a run is nobody's business
	About    About
	Releases []Edition // by period; none of a period whose newest edition is withdrawn
	Breaks   []Break
	Ledger   []privacy.Link // of this dataset, as the ledger stood when the version was composed
	Head     string         // the hash of the last link
	Spent    Spent
	Together Together // with the datasets that may count the same people; zero: none is declared
	Tool     string   // name and version of the program
	Key      string   // public key of who signs it; "": it is not signed
}

// Together is what the datasets of a population have cost one person when the
// version was composed. The entries of the others are in their own versions.
type Together struct {
	Population string   `json:"name"`
	Datasets   []string `json:"datasets"`
	Spent
}

// Spent is what the ledger says that the releases so far may tell about one
// person (or person-period).
type Spent struct {
	privacy.Cost
	Delta float64 `json:"delta"` // at which its ε is shown; 0 with a pure ε
}

// NewSpent is so many nano in the unit of terms.
func NewSpent(t privacy.Terms, nano uint64) Spent { return Spent{t.Cost(nano), t.ShownDelta()} }

// Plain writes a number as people write it: 0.5, 1e-6.
func Plain(f float64) string {
	return strings.Replace(strconv.FormatFloat(f, 'g', -1, 64), "e-0", "e-", 1)
}

// EpsilonText is ε at s's δ, rounded up to four decimals.
func (s Spent) EpsilonText() string {
	return strconv.FormatFloat(math.Ceil(1e4*s.Epsilon(s.Delta)-1e-3)/1e4, 'f', -1, 64)
}

// An Edition is a release with what is publicly known of it.
type Edition struct {
	Release     privacy.Release
	Released    time.Time // day of its seal
	Provisional bool      // a later edition is planned
	Reporting   []string  // names of the sources that delivered
	Expected    []string  // names of the sources that should have
	Note        Text
}
