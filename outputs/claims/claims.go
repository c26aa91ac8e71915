// Package claims decides what may be said about a change between two periods
// of one version, and says it.
//
// It makes one kind of sentence, "recorded": who recorded more, fewer or about
// as many. A [Claim] is data; sentences are made from claims by whole-sentence
// templates ([Language]). Nothing here speaks of causes, of what will happen,
// of ranks, or of anything that was not recorded.
//
// # What is compared
//
// The headline tables ([Headline]), each cell of the newest period with the
// period before; with months and quarters also with the same period of the year
// before, and the last 12 months with the 12 before those. With years the lead
// table's second newest period is compared with the one before it as well, so
// that a headline can speak of two years. Which comparisons exist depends on
// periods and on tables, never on a number.
//
// # What has to hold
//
// All comparisons of a version are one family of m.
//
//  1. Noise. p is the exact chance that privacy noise alone makes so large a
//     difference. Holm over the family at 5 %: among versions of unchanged
//     counts at most 5 % say anything at all, whatever the dependence.
//  2. Material: the difference is larger than About.Material of the earlier
//     estimate.
//  3. Chance: the same p and Holm when the difference of two Poisson counts of
//     one constant rate is added to the noise (variance max(0, est₁+est₂)).
//
// All three: more or fewer. The first alone: about as many. None: no detectable
// change, with the smallest change that would have been seen four times in five;
// that is not the same as no change, and no sentence says so. A comparison
// across a break, a withdrawn period, a gap or an empty cell, or between different
// reporters, cannot be made; it stays in the family with p = 1. The newest period
// is the newest that is not withdrawn.
package claims

import "halftone/privacy"

// Alpha is the chance, over a whole version, that anything is claimed of counts
// that did not change.
const Alpha = 0.05

// A Kind says which two windows of time are compared.
type Kind string

// The kinds of comparison.
const (
	Previous     Kind = "previous"      // a period with the one before
	YearAgo      Kind = "year_ago"      // a month or quarter with the same one of the year before
	TwelveMonths Kind = "twelve_months" // the last 12 months with the 12 before
)

// A Verdict is what may be said.
type Verdict string

// The verdicts.
const (
	More        Verdict = "more"
	Fewer       Verdict = "fewer"
	AboutAsMany Verdict = "about_as_many" // differs by more than noise, but not materially or not by more than chance makes
	NotDetected Verdict = "not_detected"
	CannotSay   Verdict = "cannot_say"
)

// A Reason says why a verdict is about_as_many or cannot_say.
type Reason string

// The reasons.
const (
	NotMaterial     Reason = "not_material"    // smaller than About.Material of the earlier figure
	WithinChance    Reason = "within_chance"   // chance alone makes as much of a constant rate
	AcrossBreak     Reason = "break"           // the periods are not alike
	AcrossWithdrawn Reason = "withdrawn"       // a period of the comparison, or one between its windows, is withdrawn
	EmptyCell       Reason = "empty_cell"      // a period or cell of the comparison has no number
	OtherReporters  Reason = "other_reporters" // not the same sources reported in all periods, or one was missing
)

// A Window is a run of consecutive periods, both ends included.
type Window struct {
	First privacy.Period `json:"first"`
	Last  privacy.Period `json:"last"`
}

// A Claim is one comparison of one cell and what may be said of it. Figures are
// zero where the verdict is [CannotSay].
type Claim struct {
	Table string   `json:"table"`
	Codes []string `json:"codes"` // one per dimension that the table breaks down
	Kind  Kind     `json:"kind"`
	From  Window   `json:"from"` // the earlier window
	To    Window   `json:"to"`

	Before float64 `json:"before"` // sum of the earlier window's estimates
	After  float64 `json:"after"`
	Value  int64   `json:"after_value"` // the later window's figure for reading: the published value of one period, the sum of estimates of several
	ToLow  int64   `json:"after_low"`   // 95 % interval of the later window's recorded count, privacy noise only
	ToHigh int64   `json:"after_high"`  //
	D      float64 `json:"d"`           // After - Before
	Low    int64   `json:"d_low"`       // 95 % interval of the change in recorded counts, privacy noise only
	High   int64   `json:"d_high"`      //
	SD     float64 `json:"sd_d"`        // of D, privacy noise only

	P              float64 `json:"p"`               // noise alone
	Adjusted       float64 `json:"p_adjusted"`      // Holm over the family
	ChanceP        float64 `json:"chance_p"`        // noise and chance of a constant rate
	ChanceAdjusted float64 `json:"chance_adjusted"` //
	Visible        int64   `json:"visible"`         // smallest change that is detected four times in five, for the family's size
	Verdict        Verdict `json:"verdict"`
	Reason         Reason  `json:"reason,omitempty"`
}

// Detected reports whether c says anything about a change.
func (c Claim) Detected() bool {
	return c.Verdict == More || c.Verdict == Fewer || c.Verdict == AboutAsMany
}
