package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"halftone/privacy"
)

// What people ask of a ledger and answer for by name. A ledger cannot know who
// somebody is; it sees to it that two names are two.

// asked is what people have asked and approved for a release that is not charged.
type asked struct {
	by, reason string // who wants the edition before its day; "": nobody
	approved   []approval
}

type approval struct{ by, spec string }

// folded is a name as it is compared.
func folded(name string) string { return strings.ToLower(strings.Join(strings.Fields(name), " ")) }

// SamePerson reports whether two names are the same but for case and spaces; nobody
// is the same as nobody.
func SamePerson(a, b string) bool { return folded(a) != "" && folded(a) == folded(b) }

// distinct returns names without those that stand twice or are empty.
func distinct(names []string) (out []string) {
	for _, n := range names {
		n = strings.Join(strings.Fields(n), " ")
		if n != "" && !slices.ContainsFunc(out, func(o string) bool { return SamePerson(o, n) }) {
			out = append(out, n)
		}
	}
	return out
}

// approvers are the people who have approved a charge as it is, without the one who
// asked for it; an error if there are too few. An edition that somebody has asked
// for is never charged on that person's word alone.
func (b *book) approvers(c privacy.Charge) ([]string, error) {
	need := c.Approvals
	a := b.asked[c.Key]
	if a == nil {
		a = &asked{}
	}
	if a.reason != "" {
		need = max(need, 1)
	}
	if need == 0 {
		return nil, nil
	}
	by := a.approvers(c.SpecDigest)
	if len(by) < need {
		return nil, fmt.Errorf("%w: %s is approved by %d of %d people; nothing was charged: halftone approve %s", privacy.ErrApproval, c.Key, len(by), need, c.Key)
	}
	return by, nil
}

// approvers are those who have approved a release of one spec.
func (a *asked) approvers(spec string) []string {
	var names []string
	for _, p := range a.approved {
		if p.spec == spec && !SamePerson(p.by, a.by) {
			names = append(names, p.by)
		}
	}
	return distinct(names)
}

// entry is an entry about a release.
func entry(kind string, k privacy.Key, reason string, by ...string) *privacy.Entry {
	p := k.Period
	return &privacy.Entry{Kind: kind, Dataset: k.Dataset, Series: k.Series, Period: &p, Edition: k.Edition, By: by, Reason: reason}
}

// closed fails when a reason is not in the list of a kind of entry.
func closed(kind, reason string) error {
	if list := privacy.Reasons(kind); !slices.Contains(list, reason) {
		return fmt.Errorf("ledger: a reason is one of %s: a free text would be published", strings.Join(list, ", "))
	}
	return nil
}

// revise returns the entry that asks for the edition k before its planned day, nil
// if it is asked for already.
func (b *book) revise(k privacy.Key, by, reason string) (*privacy.Entry, error) {
	if err := closed(privacy.EntryRevise, reason); err != nil {
		return nil, err
	}
	before := k
	before.Edition--
	c := b.charged(before)
	switch {
	case folded(by) == "":
		return nil, errors.New("ledger: somebody must answer for a revision by name")
	case c == nil || c.Sealed == "" && !c.Burnt:
		return nil, fmt.Errorf("ledger: %s cannot be asked for: the edition before it is not released", k)
	case b.charged(k) != nil:
		return nil, fmt.Errorf("ledger: %s is charged already", k)
	case b.asked[k] != nil && b.asked[k].reason != "":
		return nil, nil
	}
	return entry(privacy.EntryRevise, k, reason, by), nil
}

// approve returns the entry with which somebody approves the release k of a spec,
// nil if that person has approved it.
func (b *book) approve(k privacy.Key, spec, by string) (*privacy.Entry, error) {
	switch {
	case folded(by) == "" || spec == "":
		return nil, errors.New("ledger: an approval needs a name, and the digest of what is approved")
	case b.charged(k) != nil:
		return nil, fmt.Errorf("ledger: %s is charged already", k)
	}
	if a := b.asked[k]; a != nil {
		if SamePerson(a.by, by) {
			return nil, fmt.Errorf("ledger: %s has asked for %s, and another person must approve it", by, k)
		}
		if slices.ContainsFunc(a.approved, func(p approval) bool { return p.spec == spec && SamePerson(p.by, by) }) {
			return nil, nil
		}
	}
	e := entry(privacy.EntryApprove, k, "", by)
	e.SpecDigest = spec
	return e, nil
}

// withdraw returns the entry that takes a sealed release from the public, nil if it
// is taken already. Its charge stays.
func (b *book) withdraw(k privacy.Key, by []string, reason string) (*privacy.Entry, error) {
	if err := closed(privacy.EntryWithdraw, reason); err != nil {
		return nil, err
	}
	c := b.charged(k)
	switch {
	case len(distinct(by)) == 0:
		return nil, errors.New("ledger: somebody must answer for a withdrawal by name")
	case c == nil || c.Sealed == "":
		return nil, fmt.Errorf("ledger: %s cannot be withdrawn: %w", k, privacy.ErrNotReleased)
	case c.Withdrawn != "":
		return nil, nil
	}
	return entry(privacy.EntryWithdraw, k, reason, by...), nil
}

// An Amendment changes a dataset's terms, and says for how much more the releases so
// far count, if a person was found to change a period's counts by more than was
// stated: their noise protects such a person less than was said.
type Amendment struct {
	Dataset            string
	Terms              privacy.Terms
	BoundWas, BoundNow int64 // 0: the bound stays
	By                 []string
	Reason             string
}

// amend returns the entry of an amendment.
func (b *book) amend(m Amendment) (*privacy.Entry, error) {
	if err := closed(privacy.EntryAmend, m.Reason); err != nil {
		return nil, err
	}
	a := b.accounts[m.Dataset]
	bound := m.BoundWas != 0 || m.BoundNow != 0
	switch {
	case len(distinct(m.By)) < 2:
		return nil, errors.New("ledger: two different people must answer for an amendment by name")
	case a == nil:
		return nil, fmt.Errorf("ledger: nothing of %s is charged, so there is nothing to amend: change halftone.yaml", m.Dataset)
	case bound && (m.BoundWas < 1 || m.BoundNow <= m.BoundWas):
		return nil, errors.New("ledger: a bound is amended to a larger one")
	case !bound && a.terms == m.Terms:
		return nil, errors.New("ledger: nothing differs from the terms as they are, so there is nothing to amend")
	}
	if what := unamendable(a.terms, m.Terms); what != "" {
		return nil, fmt.Errorf("%w: %s cannot be amended: a promise that was made is not made smaller", privacy.ErrTerms, what)
	}
	terms := m.Terms
	return &privacy.Entry{Kind: privacy.EntryAmend, Dataset: m.Dataset, Terms: &terms, BoundWas: m.BoundWas, BoundNow: m.BoundNow, By: m.By, Reason: m.Reason}, nil
}

// unamendable names what of two terms may not become the other: "" if all may.
func unamendable(old, new privacy.Terms) string {
	p, q := old.Population, new.Population
	switch {
	case old.Unit != new.Unit || old.Mechanism != new.Mechanism:
		return "the mechanism"
	case old.Delta != new.Delta:
		return "delta"
	case old.PerPeriod != new.PerPeriod || new.Periods < old.Periods:
		return "the number of periods"
	case new.Budget < old.Budget:
		return "the budget, but to more,"
	case p.Name != "" && (p.Name != q.Name || p.Delta != q.Delta || lower(p.NanoEpsilon, q.NanoEpsilon) || lower(p.NanoRho, q.NanoRho)):
		return "the population, but to a larger cap,"
	}
	return ""
}

// lower reports whether a cap becomes smaller; 0 is none.
func lower(old, new uint64) bool { return new != 0 && (old == 0 || new < old) }

// takePeople takes in an entry that people have made.
func (b *book) takePeople(e privacy.Entry) error {
	k := e.Key()
	if e.Kind != privacy.EntryAmend {
		if err := checkKey(k); err != nil {
			return err
		}
		if len(e.By) == 0 {
			return errors.New("an entry that nobody answers for")
		}
	}
	switch e.Kind {
	case privacy.EntryRevise:
		again, err := b.revise(k, e.By[0], e.Reason)
		if err != nil || again == nil {
			return cmpErr(err, "a revision asked for twice")
		}
		// Who has approved the planned edition has not approved one out of turn.
		*b.ask(k) = asked{by: e.By[0], reason: e.Reason}
	case privacy.EntryApprove:
		again, err := b.approve(k, e.SpecDigest, e.By[0])
		if err != nil || again == nil {
			return cmpErr(err, "an approval that stands twice")
		}
		b.ask(k).approved = append(b.ask(k).approved, approval{e.By[0], e.SpecDigest})
	case privacy.EntryWithdraw:
		again, err := b.withdraw(k, e.By, e.Reason)
		if err != nil || again == nil {
			return cmpErr(err, "a withdrawal that stands twice")
		}
		b.charged(k).Withdrawn = e.Reason
	case privacy.EntryAmend:
		return b.takeAmend(e)
	}
	return nil
}

func (b *book) takeAmend(e privacy.Entry) error {
	if e.Terms == nil {
		return errors.New("an amendment without terms")
	}
	m := Amendment{e.Dataset, *e.Terms, e.BoundWas, e.BoundNow, e.By, e.Reason}
	if _, err := b.amend(m); err != nil {
		return err
	}
	a := b.accounts[e.Dataset]
	a.terms, a.months = m.Terms, map[int]uint64{}
	for _, c := range a.charges {
		if m.BoundNow > 0 {
			c.Counts, c.Bound = a.terms.Restate(c.Counts, m.BoundWas, m.BoundNow), max(c.Bound, m.BoundNow)
		}
		a.spread(c)
	}
	return nil
}

func (b *book) ask(k privacy.Key) *asked {
	if b.asked[k] == nil {
		b.asked[k] = &asked{}
	}
	return b.asked[k]
}

// Revise records that somebody asks for an edition before its planned day, or for
// one whose day was lost, for a reason of the closed list. Before it is charged
// another person must approve it.
func (l *Ledger) Revise(ctx context.Context, k privacy.Key, by, reason string) error {
	return l.about(ctx, k, func() (*privacy.Entry, error) { return l.book.revise(k, by, reason) })
}

// Approve records that somebody approves a release of the spec with a digest: of
// another spec it approves nothing.
func (l *Ledger) Approve(ctx context.Context, k privacy.Key, spec, by string) error {
	return l.about(ctx, k, func() (*privacy.Entry, error) { return l.book.approve(k, spec, by) })
}

// Withdraw records that a release is shown no more, for a reason of the closed list.
// What it has cost stays spent.
func (l *Ledger) Withdraw(ctx context.Context, k privacy.Key, by []string, reason string) error {
	return l.about(ctx, k, func() (*privacy.Entry, error) { return l.book.withdraw(k, by, reason) })
}

// Amend records that people change the terms of a dataset: its budget up, the
// periods of a person up, its population's cap up, or the bound of a person up, for
// which every release so far then counts more.
func (l *Ledger) Amend(ctx context.Context, m Amendment) error {
	return l.write(ctx, func() (*privacy.Entry, error) { return l.book.amend(m) })
}

func (l *Ledger) about(ctx context.Context, k privacy.Key, decide func() (*privacy.Entry, error)) error {
	if err := checkKey(k); err != nil {
		return err
	}
	return l.write(ctx, decide)
}

// Asked is what people have said about a release that is not charged.
type Asked struct {
	By, Reason string   // who asks for the edition before its day, and why; "": nobody does
	Approved   []string // by whom, of the spec that was asked about
}

// Asked returns what people have said about a release of a spec.
func (l *Ledger) Asked(ctx context.Context, k privacy.Key, spec string) (out Asked, err error) {
	err = l.read(ctx, func() error {
		if a := l.book.asked[k]; a != nil {
			out = Asked{a.by, a.reason, a.approvers(spec)}
		}
		return nil
	})
	return out, err
}

// Requests are the editions of a dataset that somebody has asked for and that are
// not charged, by period.
func (l *Ledger) Requests(ctx context.Context, dataset string) (out []privacy.Key, err error) {
	err = l.read(ctx, func() error {
		for k, a := range l.book.asked {
			if k.Dataset == dataset && a.reason != "" && l.book.charged(k) == nil {
				out = append(out, k)
			}
		}
		slices.SortFunc(out, compare)
		return nil
	})
	return out, err
}
