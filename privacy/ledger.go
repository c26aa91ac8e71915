package privacy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
)

// Kinds of failure that a program acts on; a ledger wraps them.
var (
	// ErrNotReleased says that a key has no sealed file, or a zero [Release].
	ErrNotReleased = errors.New("privacy: not released")
	// ErrBudget says that a charge would pass the budget.
	ErrBudget = errors.New("privacy: the budget has no room for this release")
	// ErrPinned says that a known key was asked for with another spec, input or cost.
	ErrPinned = errors.New("privacy: this release is pinned to another spec or input")
	// ErrTerms says that a dataset's budget, mechanism or bound is not the one of its first charge.
	ErrTerms = errors.New("privacy: the terms differ from those of the dataset's first charge")
	// ErrBurnt says that a charged release was given up: it is never drawn.
	ErrBurnt = errors.New("privacy: this release was given up")
	// ErrApproval says that people have not approved a release yet.
	ErrApproval = errors.New("privacy: this release waits for approval")
	// ErrLocked says that the ledger may not be used until people have looked at it.
	ErrLocked = errors.New("privacy: the ledger is locked")
)

// A Key names one release for ever: one charge, one draw, one sealed file.
type Key struct {
	Dataset string `json:"dataset"`
	Series  int    `json:"series"`
	Period  Period `json:"period"`
	Edition int    `json:"edition"` // 1 is the first
}

// String returns dataset@period.edition.
func (k Key) String() string { return fmt.Sprintf("%s@%s.%d", k.Dataset, k.Period, k.Edition) }

// Terms are what a dataset's account is kept in. The first charge fixes them.
type Terms struct {
	Unit      string  `json:"unit"` // of every cost: epsilon_nano or rho_nano, by the mechanism
	Mechanism string  `json:"mechanism"`
	Budget    uint64  `json:"budget"` // of a person, or of a person-period
	Delta     float64 `json:"delta"`
	PerPeriod bool    `json:"per_period"`
	Periods   int64   `json:"periods"` // P; 0: any number
	// Population is shared with other datasets of the ledger; zero: none.
	Population Population `json:"population,omitzero"`
}

// Cap is what the releases of one period, all series and editions, may cost
// together: ⌊budget/P⌋. With it the P dearest periods never cost a person more
// than the budget, however many periods there are.
func (t Terms) Cap() uint64 {
	if t.Periods > 1 {
		return t.Budget / uint64(t.Periods)
	}
	return t.Budget
}

// Terms are those of s.
func (s Spec) Terms() Terms {
	return Terms{Unit: unitOf(s.Mechanism), Mechanism: s.Mechanism, Budget: s.Budget.in(s.Mechanism), Delta: s.Budget.Delta,
		PerPeriod: s.Budget.PerPeriod, Periods: s.Bound().Periods, Population: s.Population}
}

// A Charge is what a ledger makes durable before any noise is drawn. The
// digests are pinned by it and are no part of its identity: a second charge of
// the same Key is the same charge, or an error if anything differs.
type Charge struct {
	Key         Key
	Cost        uint64 // in Terms.Unit
	Terms       Terms
	SpecDigest  string
	InputDigest string   // HMAC under a destroyable key of the rows that are counted
	Expected    []string // names of the sources that should have delivered, from configuration and calendars
	Reporting   []string // of those, the ones whose pull was complete; never from rows
	NoGuarantee []string // of those, the ones for which no promise is made: see [Guarantees]
	Corrected   []string // of those, the ones for which people had corrections made by hand
	Approvals   int      // people who must have approved it; 0: none
}

// Same reports whether two charges are alike in all that is pinned: who must
// approve is asked once, when the charge is made.
func (c Charge) Same(o Charge) bool {
	return c.Key == o.Key && c.Cost == o.Cost && c.Terms == o.Terms && c.SpecDigest == o.SpecDigest &&
		c.InputDigest == o.InputDigest && slices.Equal(c.Expected, o.Expected) && slices.Equal(c.Reporting, o.Reporting) &&
		slices.Equal(c.NoGuarantee, o.NoGuarantee) && slices.Equal(c.Corrected, o.Corrected)
}

// A Ledger keeps charges and sealed releases. Both are durable on return.
type Ledger interface {
	// Reserve charges c once. Reserving a key again with everything alike
	// succeeds without a new charge, so that a run that crashed before sealing
	// goes on. Else it fails with ErrPinned, ErrTerms, ErrBudget or ErrLocked.
	Reserve(ctx context.Context, c Charge) error
	// Seal stores the only sealed file that k will ever have. It fails when k
	// is not reserved, or is sealed with other bytes.
	Seal(ctx context.Context, k Key, file []byte) error
	// Sealed returns the file, checked against its recorded digest, or ErrNotReleased.
	Sealed(ctx context.Context, k Key) ([]byte, error)
}

// Kinds of ledger entries.
const (
	EntryCharge  = "charge"
	EntrySeal    = "seal"
	EntryPublish = "publish"
	EntryBurn    = "burn"   // a release that will never be drawn; its charge stays
	EntryUnlock  = "unlock" // two people have looked at a locked ledger

	EntryRevise   = "revise"   // a person asks for an edition before its planned day
	EntryApprove  = "approve"  // a person approves a release of one spec
	EntryWithdraw = "withdraw" // a release is shown no more; its charge stays
	EntryAmend    = "amend"    // people change the terms: more budget, or a larger bound than was stated
)

// Reasons is the closed list of what may be given as the reason of an entry of a
// kind, nil where any text may. Reasons are public: a free text would tell what
// somebody saw in the data.
func Reasons(kind string) []string {
	switch kind {
	case EntryRevise:
		return []string{"source_corrected", "mapping_error", "software_error"}
	case EntryWithdraw:
		return []string{"source_corrected", "mapping_error", "software_error", "permission_withdrawn", "data_protection"}
	case EntryAmend:
		return []string{"budget_raised", "bound_corrected"}
	}
	return nil
}

// An Entry is one fact that a ledger has recorded. Entries are public: each
// version carries those of its dataset.
type Entry struct {
	Day         string   `json:"day"` // UTC; no clock time, which would show how long a measurement took
	Kind        string   `json:"kind"`
	Dataset     string   `json:"dataset"`
	Series      int      `json:"series,omitempty"`
	Period      *Period  `json:"period,omitempty"`
	Edition     int      `json:"edition,omitempty"`
	Cost        uint64   `json:"cost,omitempty"` // of a charge, in Terms.Unit
	Terms       *Terms   `json:"terms,omitempty"`
	SpecDigest  string   `json:"spec_digest,omitempty"`
	InputDigest string   `json:"input_digest,omitempty"`
	Expected    []string `json:"sources_expected,omitempty"`
	Reporting   []string `json:"sources_reporting,omitempty"`
	NoGuarantee []string `json:"no_guarantee,omitempty"`      // of a charge: sources for which no promise is made
	Corrected   []string `json:"corrected_by_hand,omitempty"` // of a charge: sources with corrections made by hand
	Sealed      string   `json:"sealed_sha256,omitempty"`     // of a seal
	Version     string   `json:"version,omitempty"`           // of a publish
	Sequence    int      `json:"sequence,omitempty"`
	Manifest    string   `json:"manifest_sha256,omitempty"`
	Releases    []string `json:"releases,omitempty"`  // of a publish, as period.edition; all are of Series
	BoundWas    int64    `json:"bound_was,omitempty"` // of an amendment: what one person was taken to change a period's counts by
	BoundNow    int64    `json:"bound_now,omitempty"` // and what it is found to be
	By          []string `json:"by,omitempty"`        // people who answer for an entry, or have approved a charge
	Reason      string   `json:"reason,omitempty"`
}

// Key is the release that a charge or a seal is about.
func (e Entry) Key() Key {
	k := Key{Dataset: e.Dataset, Series: e.Series, Edition: e.Edition}
	if e.Period != nil {
		k.Period = *e.Period
	}
	return k
}

// A Link is one line of ledger.jsonl. Digest is the SHA-256 of the bytes of
// Entry as they stand; Hash is the SHA-256 of the hash before it and Digest,
// both as hexadecimal text. An export for one dataset leaves the Entry of other
// datasets out: the chain can still be checked.
type Link struct {
	Seq    int64           `json:"seq"` // 1, 2, 3 …
	Entry  json.RawMessage `json:"entry,omitempty"`
	Digest string          `json:"digest"`
	Hash   string          `json:"hash"`
}

// NewLink appends e to the chain that ends with the hash prev, "" at the start.
func NewLink(seq int64, prev string, e Entry) (Link, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return Link{}, fmt.Errorf("privacy: ledger entry: %w", err)
	}
	digest := sum(b)
	return Link{seq, b, digest, sum([]byte(prev + digest))}, nil
}

// Decode returns the entry of l.
func (l Link) Decode() (Entry, error) {
	var e Entry
	dec := json.NewDecoder(bytes.NewReader(l.Entry))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil {
		return Entry{}, fmt.Errorf("privacy: ledger entry %d is unreadable", l.Seq)
	}
	return e, nil
}

// Entries gives the entries of links that have theirs; an error comes last.
func Entries(links []Link) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for _, l := range links {
			if l.Entry == nil {
				continue // another dataset's
			}
			if e, err := l.Decode(); !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// CheckChain checks that links are a whole chain from its first entry on, and
// returns the head: the last hash, "" for no links.
func CheckChain(links []Link) (head string, err error) {
	for i, l := range links {
		if l.Seq != int64(i)+1 || l.Entry != nil && sum(l.Entry) != l.Digest || sum([]byte(head+l.Digest)) != l.Hash {
			return "", fmt.Errorf("privacy: the ledger's chain is broken at entry %d", i+1)
		}
		head = l.Hash
	}
	return head, nil
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
