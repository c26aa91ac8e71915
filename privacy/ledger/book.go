package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"halftone/privacy"
)

// A book is what follows from the links of a chain. It decides what may be
// appended, and replaying a chain asks it the same questions again.
type book struct {
	n        int64  // links
	head     string // hash of the last
	hashes   map[string]bool
	accounts map[string]*account // by dataset
	unlocks  int                 // recorded
	asked    map[privacy.Key]*asked
}

// An account is what a book knows of one dataset.
type account struct {
	terms    privacy.Terms
	charges  map[privacy.Key]*Charged
	months   map[int]uint64 // what the charges that cover a month count together; months since year 0
	promised privacy.Guarantees
	versions []Version
}

func newBook() *book {
	return &book{hashes: map[string]bool{}, accounts: map[string]*account{}, asked: map[privacy.Key]*asked{}}
}

// charged is the charge of k, nil if there is none.
func (b *book) charged(k privacy.Key) *Charged {
	if a := b.accounts[k.Dataset]; a != nil {
		return a.charges[k]
	}
	return nil
}

// past reports whether nobody will ask for the sealed file of k any more: it is
// withdrawn, or a later edition of its period is sealed.
func (b *book) past(k privacy.Key) bool {
	a := b.accounts[k.Dataset]
	if a == nil {
		return false
	}
	for o, c := range a.charges {
		if o == k && c.Withdrawn != "" || o.Series == k.Series && o.Period == k.Period && o.Edition > k.Edition && c.Sealed != "" {
			return true
		}
	}
	return false
}

// reserve returns the entry that charges c, nil if it is charged already. Every
// period stays within Terms.Cap, and with it the dearest P of them within the
// budget; both are asked, so that neither rests on the other.
func (b *book) reserve(c privacy.Charge) (*privacy.Entry, error) {
	e, err := b.admit(c)
	if err != nil || e == nil {
		return nil, err
	}
	if a := b.accounts[c.Key.Dataset]; a.personCost(c) > c.Terms.Budget {
		return nil, fmt.Errorf("%w: with it the releases would cost one person %d %s, more than the budget of %d; nothing was charged, see halftone budget",
			privacy.ErrBudget, a.personCost(c), c.Terms.Unit, c.Terms.Budget)
	}
	return e, b.populationHolds(c)
}

// populationHolds refuses a charge with which the datasets of a population would
// together cost one person more than its cap.
func (b *book) populationHolds(c privacy.Charge) error {
	p := c.Terms.Population
	if p.Name == "" {
		return nil
	}
	costs := []privacy.Cost{c.Terms.Cost(b.accounts[c.Key.Dataset].personCost(c))}
	for _, m := range b.population(p.Name) {
		switch {
		case m.Dataset == c.Key.Dataset:
			continue
		case m.Terms.Population != p:
			return fmt.Errorf("%w: dataset %s has another cap of population %s; nothing was charged: take the change back", privacy.ErrTerms, m.Dataset, p.Name)
		}
		costs = append(costs, m.Cost())
	}
	if !p.Within(privacy.Together(costs...)) {
		return fmt.Errorf("%w: with it the datasets of population %s would cost one person more than their cap; nothing was charged, see halftone budget",
			privacy.ErrBudget, p.Name)
	}
	return nil
}

// population lists the datasets of a population by name.
func (b *book) population(name string) []Member {
	var out []Member
	for dataset, a := range b.accounts {
		if a.terms.Population.Name == name && name != "" {
			out = append(out, Member{dataset, a.terms, a.personCost()})
		}
	}
	slices.SortFunc(out, func(x, y Member) int { return strings.Compare(x.Dataset, y.Dataset) })
	return out
}

// admit is reserve without the sum over periods, which a replay need not repeat.
func (b *book) admit(c privacy.Charge) (*privacy.Entry, error) {
	a := b.accounts[c.Key.Dataset]
	if a != nil && a.terms != c.Terms {
		return nil, fmt.Errorf("%w: %s; nothing was charged: take the change back", privacy.ErrTerms, Differ(a.terms, c.Terms))
	}
	if old := b.charged(c.Key); old != nil {
		if old.Burnt {
			return nil, fmt.Errorf("%w: %s will never be drawn, and its charge stays", privacy.ErrBurnt, c.Key)
		}
		if old.Charge.Same(c) {
			return nil, nil
		}
		return nil, fmt.Errorf("%w: the %s is not that of its charge; a charged release cannot be changed: put back what was charged",
			privacy.ErrPinned, pinned(old.Charge, c))
	}
	if err := a.guarantees().Check(c.Expected, c.NoGuarantee); err != nil {
		return nil, fmt.Errorf("%w; nothing was charged: put `guarantee` back as it was", err)
	}
	if c.Cost > a.left(c.Terms, c.Key.Period) {
		return nil, a.noRoom(c)
	}
	by, err := b.approvers(c)
	if err != nil {
		return nil, err
	}
	terms, p := c.Terms, c.Key.Period
	return &privacy.Entry{Kind: privacy.EntryCharge, Dataset: c.Key.Dataset, Series: c.Key.Series, Period: &p, Edition: c.Key.Edition,
		Cost: c.Cost, Terms: &terms, SpecDigest: c.SpecDigest, InputDigest: c.InputDigest,
		Expected: c.Expected, Reporting: c.Reporting, NoGuarantee: c.NoGuarantee, Corrected: c.Corrected, By: by}, nil
}

func (a *account) noRoom(c privacy.Charge) error {
	return fmt.Errorf("%w: it costs %d %s, and of the %d of its period %d are left; nothing was charged, see halftone budget",
		privacy.ErrBudget, c.Cost, c.Terms.Unit, c.Terms.Cap(), a.left(c.Terms, c.Key.Period))
}

// amount is a budget as people write it.
func amount(t privacy.Terms) string {
	return strconv.FormatFloat(float64(t.Budget)/1e9, 'g', -1, 64) + map[string]string{privacy.EpsilonNano: " (epsilon)", privacy.RhoNano: " (rho)"}[t.Unit]
}

// Differ names the terms that are not the same.
func Differ(old, new privacy.Terms) string {
	var d []string
	for _, f := range []struct {
		name     string
		old, new any
	}{
		{"unit", old.Unit, new.Unit}, {"mechanism", old.Mechanism, new.Mechanism}, {"budget", amount(old), amount(new)},
		{"delta", old.Delta, new.Delta}, {"population", old.Population, new.Population}, {"budget a person-period", old.PerPeriod, new.PerPeriod}, {"periods of a person", old.Periods, new.Periods},
	} {
		if f.old != f.new {
			d = append(d, fmt.Sprintf("%s was %v, is now %v", f.name, f.old, f.new))
		}
	}
	return strings.Join(d, "; ")
}

func pinned(old, new privacy.Charge) string {
	switch {
	case old.SpecDigest != new.SpecDigest:
		return "specification"
	case old.InputDigest != new.InputDigest:
		return "input"
	case old.Cost != new.Cost:
		return "cost"
	case !slices.Equal(old.NoGuarantee, new.NoGuarantee):
		return "list of sources without a guarantee"
	default:
		return "list of sources"
	}
}

// seal returns the entry that records the sealed file of k by its digest, nil if
// it is recorded already.
func (b *book) seal(k privacy.Key, digest string) (*privacy.Entry, error) {
	c := b.charged(k)
	switch {
	case c == nil:
		return nil, fmt.Errorf("ledger: %s is not charged, so nothing can be sealed for it", k)
	case c.Burnt:
		return nil, fmt.Errorf("%w: %s cannot be sealed", privacy.ErrBurnt, k)
	case c.Sealed == digest:
		return nil, nil
	case c.Sealed != "":
		return nil, fmt.Errorf("ledger: %s is sealed with other bytes: a release is drawn once, open the sealed one", k)
	}
	p := k.Period
	return &privacy.Entry{Kind: privacy.EntrySeal, Dataset: k.Dataset, Series: k.Series, Period: &p, Edition: k.Edition, Sealed: digest}, nil
}

// burn returns the entry that gives up a release which is charged and not sealed,
// nil if it is given up already. One that is not charged is charged with c's cost,
// as far as its period has room, and given up at once: whoever lost a ledger does
// not know whether it had been drawn.
func (b *book) burn(c privacy.Charge, by []string, reason string) (*privacy.Entry, error) {
	p := c.Key.Period
	e := &privacy.Entry{Kind: privacy.EntryBurn, Dataset: c.Key.Dataset, Series: c.Key.Series, Period: &p, Edition: c.Key.Edition, By: by, Reason: reason}
	old := b.charged(c.Key)
	switch {
	case old != nil && old.Sealed != "":
		return nil, fmt.Errorf("ledger: %s is sealed: what was drawn cannot be given up", c.Key)
	case old != nil && old.Burnt:
		return nil, nil
	case old != nil:
		return e, nil
	}
	a := b.accounts[c.Key.Dataset]
	if a != nil && a.terms != c.Terms {
		return nil, fmt.Errorf("%w: %s; nothing was charged: take the change back", privacy.ErrTerms, Differ(a.terms, c.Terms))
	}
	if e.Cost = min(c.Cost, a.left(c.Terms, p)); e.Cost == 0 {
		return nil, nil // the period has nothing left that a release could cost
	}
	terms := c.Terms
	e.Terms, e.SpecDigest = &terms, c.SpecDigest
	return e, nil
}

// publish returns the entry that records v, nil if it is recorded already.
func (b *book) publish(v Version) (*privacy.Entry, error) {
	dataset := v.Releases[0].Dataset
	e := &privacy.Entry{Kind: privacy.EntryPublish, Dataset: dataset, Series: v.Releases[0].Series, Version: v.Name, Sequence: v.Sequence, Manifest: v.Manifest}
	for _, k := range v.Releases {
		c := b.charged(k)
		if c == nil || c.Sealed == "" {
			return nil, fmt.Errorf("ledger: version %s cannot be published: %s is not sealed: %w", v.Name, k, privacy.ErrNotReleased)
		}
		if c.Withdrawn != "" {
			return nil, fmt.Errorf("ledger: version %s cannot be published: %s is withdrawn", v.Name, k)
		}
		e.Releases = append(e.Releases, k.Period.String()+"."+strconv.Itoa(k.Edition))
	}
	last := 0
	for _, old := range b.accounts[dataset].versions {
		if old.Name == v.Name {
			if old.Sequence == v.Sequence && old.Manifest == v.Manifest && slices.Equal(old.Releases, v.Releases) {
				return nil, nil
			}
			return nil, fmt.Errorf("ledger: version %s of %s is published with another manifest: a version never changes, publish a new one", v.Name, dataset)
		}
		last = max(last, old.Sequence)
	}
	if v.Sequence <= last {
		return nil, fmt.Errorf("ledger: version %s of %s has sequence %d, but %d is published: take a new version", v.Name, dataset, v.Sequence, last)
	}
	return e, nil
}

// apply takes the next link of the chain in. It fails when the link does not
// continue the chain, or when its entry could not have been appended.
func (b *book) apply(l privacy.Link) error {
	if l.Seq != b.n+1 || sha(l.Entry) != l.Digest || sha([]byte(b.head+l.Digest)) != l.Hash {
		return fmt.Errorf("%w: the chain is broken at entry %d: the ledger was changed by hand or by a failing disk. Nothing will be charged; bring it back from a backup", privacy.ErrLocked, b.n+1)
	}
	e, err := l.Decode()
	if err != nil {
		return fmt.Errorf("%w: %w: was it written by a newer halftone?", privacy.ErrLocked, err)
	}
	if err := b.take(e); err != nil {
		return fmt.Errorf("%w: entry %d does not follow from those before it: %w", privacy.ErrLocked, l.Seq, err)
	}
	b.n, b.head = l.Seq, l.Hash
	b.hashes[l.Hash] = true
	return nil
}

func (b *book) take(e privacy.Entry) error {
	switch e.Kind {
	case privacy.EntryCharge:
		return b.takeCharge(e)
	case privacy.EntrySeal:
		if again, err := b.seal(e.Key(), e.Sealed); err != nil || again == nil || e.Sealed == "" {
			return cmpErr(err, "a second seal")
		}
		b.charged(e.Key()).Sealed = e.Sealed
		return nil
	case privacy.EntryBurn:
		return b.takeBurn(e)
	case privacy.EntryUnlock:
		if len(e.By) < 2 {
			return errors.New("an unlock by fewer than two people")
		}
		b.unlocks++
		return nil
	case privacy.EntryRevise, privacy.EntryApprove, privacy.EntryWithdraw, privacy.EntryAmend:
		return b.takePeople(e)
	case privacy.EntryPublish:
		v, err := versionOf(e)
		if err != nil {
			return err
		}
		if again, err := b.publish(v); err != nil || again == nil {
			return cmpErr(err, "a version that stands twice")
		}
		a := b.accounts[e.Dataset]
		a.versions = append(a.versions, v)
		for _, k := range v.Releases {
			if c := a.charges[k]; c.Version == "" {
				c.Version = v.Name
			}
		}
		return nil
	default:
		return errors.New("its kind is unknown: was it written by a newer halftone?")
	}
}

func (b *book) takeCharge(e privacy.Entry) error {
	if e.Terms == nil {
		return errors.New("a charge without terms")
	}
	c := privacy.Charge{Key: e.Key(), Cost: e.Cost, Terms: *e.Terms, SpecDigest: e.SpecDigest, InputDigest: e.InputDigest,
		Expected: e.Expected, Reporting: e.Reporting, NoGuarantee: e.NoGuarantee, Corrected: e.Corrected, Approvals: len(e.By)}
	if err := checkCharge(c); err != nil {
		return err
	}
	if again, err := b.admit(c); err != nil || again == nil || !slices.Equal(again.By, e.By) {
		return cmpErr(err, "a second charge, or one that others have approved")
	}
	b.add(c)
	return b.accounts[e.Dataset].promised.Take(c.Expected, c.NoGuarantee)
}

func (b *book) takeBurn(e privacy.Entry) error {
	c := privacy.Charge{Key: e.Key(), Cost: e.Cost, SpecDigest: e.SpecDigest, InputDigest: "none"}
	if e.Terms != nil {
		c.Terms = *e.Terms
	}
	if err := checkKey(c.Key); err != nil {
		return err
	}
	if again, err := b.burn(c, e.By, e.Reason); err != nil || again == nil || again.Cost != e.Cost {
		return cmpErr(err, "a second burn, or another cost")
	}
	if old := b.charged(c.Key); old != nil {
		old.Burnt = true
		return nil
	}
	if err := checkCharge(c); err != nil {
		return err
	}
	b.add(c).Burnt = true
	return nil
}

// add takes a charge that was admitted into its account.
func (b *book) add(c privacy.Charge) *Charged {
	a := b.accounts[c.Key.Dataset]
	if a == nil {
		a = &account{terms: c.Terms, charges: map[privacy.Key]*Charged{}, months: map[int]uint64{}}
		b.accounts[c.Key.Dataset] = a
	}
	out := &Charged{Charge: c, Counts: c.Cost}
	a.charges[c.Key] = out
	a.spread(out)
	return out
}

// cmpErr is err, or one that says what if there is none.
func cmpErr(err error, what string) error {
	if err != nil {
		return err
	}
	return errors.New(what)
}

var datasetName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// checkKey reports why k names no release. A dataset's name becomes a folder's.
func checkKey(k privacy.Key) error {
	if !datasetName.MatchString(k.Dataset) || k.Series < 1 || k.Edition < 1 || k.Period.Months() == 0 {
		return errors.New("ledger: not the key of a release (a dataset's name of a-z 0-9 -, series and edition from 1, a period)")
	}
	return nil
}

func checkCharge(c privacy.Charge) error {
	if err := checkKey(c.Key); err != nil {
		return err
	}
	t := c.Terms
	switch {
	case c.Cost == 0 || c.SpecDigest == "" || c.InputDigest == "":
		return fmt.Errorf("ledger: %s: a charge needs a cost and the digests of specification and input", c.Key)
	case t.Unit == "" || t.Mechanism == "" || t.Budget == 0 || math.IsNaN(t.Delta) || t.Delta < 0 || t.Delta >= 1:
		return fmt.Errorf("ledger: %s: terms need a unit, a mechanism, a budget, and a delta from 0 to below 1", c.Key)
	case t.Periods < 0 || t.PerPeriod != (t.Periods == 0):
		return fmt.Errorf("ledger: %s: a budget a person-period goes with an unlimited number of periods, and only with it", c.Key)
	}
	return nil
}

func sha(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
