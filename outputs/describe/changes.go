package describe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"halftone/outputs"
	"halftone/privacy"
)

// ChangesFile is the name of a dataset's list of changes.
const ChangesFile = "changes.json"

// ChangesFormat is the format of changes.json.
const ChangesFormat = "halftone-changes/1"

// changesPage is changes.json: all that ever changed in a dataset.
type changesPage struct {
	Format   string   `json:"format"`
	Dataset  string   `json:"dataset"`
	Version  string   `json:"version"` // the newest
	Sequence int      `json:"sequence"`
	Head     string   `json:"ledger_head"`
	Spent    Amount   `json:"spent"`
	Changes  []change `json:"changes"` // oldest first
}

// Kinds of changes.
const (
	changeRelease    = "release"    // the first edition of a period was drawn
	changeRevision   = "revision"   // a later one
	changeBurnt      = "burnt"      // a release was given up; its price stays
	changeWithdrawal = "withdrawal" // a release is shown no more
	changeAmendment  = "amendment"  // people restated the promise
	changeBreak      = "break"      // from this period on figures are not like those before
	changeVersion    = "version"    // a version was published
	changeUnlock     = "unlock"     // people looked at a locked ledger
)

// A change is one line. Reasons come from closed lists; free texts of the ledger
// are not repeated.
type change struct {
	Day      string          `json:"day"` // UTC
	Kind     string          `json:"kind"`
	Series   int             `json:"series,omitempty"`
	Period   *privacy.Period `json:"period,omitempty"`
	Edition  int             `json:"edition,omitempty"`
	Reason   string          `json:"reason,omitempty"`
	Approved int             `json:"approved_by,omitempty"` // people
	Cost     *Amount         `json:"cost,omitempty"`        // as charged
	Spent    *Amount         `json:"spent,omitempty"`       // by one unit, with everything before
	Sealed   *digests        `json:"sealed_sha256,omitempty"`
	Promise  *promises       `json:"promise,omitempty"`
	Version  string          `json:"version,omitempty"`
	Sequence int             `json:"sequence,omitempty"`
	Releases []string        `json:"releases,omitempty"` // period.edition
	Manifest *digests        `json:"manifest_sha256,omitempty"`
}

// digests are those of what stood before and of what takes its place; null: nothing.
type digests struct {
	Old *string `json:"old"`
	New *string `json:"new"`
}

func newDigests(old, now string) *digests {
	d := &digests{}
	if old != "" {
		d.Old = &old
	}
	if now != "" {
		d.New = &now
	}
	return d
}

// promises are what an amendment changed.
type promises struct {
	Was promise `json:"was"`
	Now promise `json:"now"`
}

type promise struct {
	M      int64  `json:"M,omitempty"` // 0: it stays
	P      int64  `json:"P"`           // 0: any number
	Budget Amount `json:"budget"`
}

// Changes writes changes.json of a dataset whose newest version is v; manifest are
// the bytes of v's manifest.json. It is a pure function of what v publishes.
func Changes(v outputs.Version, manifest []byte) ([]byte, error) {
	h := history{v: v, account: newAccount(), asked: map[privacy.Key]string{}, sealed: map[privacy.Key]string{}, drawn: map[privacy.Key]string{}}
	for _, l := range v.Ledger {
		if len(l.Entry) == 0 {
			continue // another dataset's
		}
		e, err := l.Decode()
		if err == nil && (e.Dataset == v.About.Dataset || e.Kind == privacy.EntryUnlock) {
			err = h.take(e)
		}
		if err != nil {
			return nil, fmt.Errorf("describe: changes: entry %d: %w", l.Seq, err)
		}
	}
	day := v.Composed.UTC().Format(time.DateOnly)
	h.breaks(day, nil)
	var shown []string
	for _, e := range v.Releases {
		k, err := e.Release.Key()
		if err != nil {
			return nil, fmt.Errorf("describe: changes: %w", err)
		}
		shown = append(shown, k.Period.String()+"."+strconv.Itoa(k.Edition))
	}
	h.version(privacy.Entry{Day: day, Series: v.About.Series, Version: v.Name, Sequence: v.Sequence, Manifest: Sum(manifest), Releases: shown})
	return encode(changesPage{ChangesFormat, v.About.Dataset, v.Name, v.Sequence, v.Head, h.spent(), h.out})
}

// history reads the ledger's entries one by one.
type history struct {
	v       outputs.Version
	account Account
	asked   map[privacy.Key]string // why an edition was asked for
	sealed  map[privacy.Key]string // digests
	drawn   map[privacy.Key]string // digest of what was sealed last of a series and period; the edition is 0
	told    []outputs.Break
	last    string // manifest digest of the newest version
	out     []change
}

// spent is what one unit has spent up to here.
func (h *history) spent() Amount { return amount(h.account.Terms, h.account.person()) }

func (h *history) take(e privacy.Entry) error {
	was, k := h.account.Terms, e.Key()
	if e.Dataset == h.v.About.Dataset {
		if err := h.account.add(e); err != nil {
			return err
		}
	}
	if closed := privacy.Reasons(e.Kind); closed != nil && !slices.Contains(closed, e.Reason) {
		return errors.New("a reason that there is not")
	}
	c := change{Day: e.Day, Series: e.Series, Period: e.Period, Edition: e.Edition}
	switch e.Kind {
	case privacy.EntryRevise:
		h.asked[k] = e.Reason
	case privacy.EntrySeal:
		h.seal(c, k, e)
	case privacy.EntryBurn:
		c.Kind = changeBurnt
		h.priced(c, k)
	case privacy.EntryWithdraw:
		c.Kind, c.Reason, c.Sealed = changeWithdrawal, e.Reason, newDigests(h.sealed[k], "")
		h.out = append(h.out, c)
	case privacy.EntryAmend:
		now, spent := h.account.Terms, h.spent()
		c.Kind, c.Reason, c.Spent = changeAmendment, e.Reason, &spent
		c.Promise = &promises{promise{e.BoundWas, was.Periods, amount(was, was.Budget)}, promise{e.BoundNow, now.Periods, amount(now, now.Budget)}}
		h.out = append(h.out, c)
	case privacy.EntryPublish:
		h.version(e)
	case privacy.EntryUnlock:
		h.out = append(h.out, change{Day: e.Day, Kind: changeUnlock})
	}
	return nil
}

func (h *history) seal(c change, k privacy.Key, e privacy.Entry) {
	slot := k
	slot.Edition = 0
	old := h.drawn[slot]
	h.sealed[k], h.drawn[slot] = e.Sealed, e.Sealed
	c.Kind, c.Sealed = changeRelease, newDigests(old, e.Sealed)
	if k.Edition > 1 {
		c.Kind, c.Reason = changeRevision, "planned"
		if r := h.asked[k]; r != "" {
			c.Reason = r
		}
	}
	if k.Series == h.v.About.Series {
		h.breaks(e.Day, &k.Period)
	}
	h.priced(c, k)
}

// priced adds a change with what it cost and what that comes to.
func (h *history) priced(c change, k privacy.Key) {
	charge, spent := h.account.Charges[k], h.spent()
	cost := amount(h.account.Terms, charge.Cost)
	c.Cost, c.Spent = &cost, &spent
	if c.Kind != changeBurnt { // those who gave it up have approved nothing
		c.Approved = len(charge.By)
	}
	h.out = append(h.out, c)
}

// breaks adds the breaks that a release of a period is the first to be behind; nil:
// all that are left.
func (h *history) breaks(day string, at *privacy.Period) {
	for _, b := range h.v.Breaks {
		if at != nil && at.Before(b.At) || slices.ContainsFunc(h.told, func(o outputs.Break) bool { return o.At == b.At && o.Kind == b.Kind }) {
			continue
		}
		p := b.At
		h.told = append(h.told, b)
		h.out = append(h.out, change{Day: day, Kind: changeBreak, Series: h.v.About.Series, Period: &p, Reason: b.Kind})
	}
}

func (h *history) version(e privacy.Entry) {
	h.out = append(h.out, change{Day: e.Day, Kind: changeVersion, Series: e.Series, Version: e.Version, Sequence: e.Sequence,
		Releases: e.Releases, Manifest: newDigests(h.last, e.Manifest)})
	h.last = e.Manifest
}

// EarlierChanges reports whether old is the changes.json of a version before the one
// that now is of, and names it: a run that was killed may have left it. All that it
// says must stand in now, too, and first.
func EarlierChanges(old, now []byte) (version string, ok bool) {
	var a, b struct {
		Version  string            `json:"version"`
		Sequence int               `json:"sequence"`
		Changes  []json.RawMessage `json:"changes"`
	}
	if json.Unmarshal(old, &a) != nil || json.Unmarshal(now, &b) != nil || a.Sequence >= b.Sequence || len(a.Changes) > len(b.Changes) {
		return "", false
	}
	for i, c := range a.Changes {
		if !bytes.Equal(c, b.Changes[i]) {
			return "", false
		}
	}
	return a.Version, true
}
