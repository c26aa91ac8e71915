package audit

import (
	"context"
	"errors"
	"fmt"

	"halftone/privacy"
	"halftone/privacy/ledger"
	"halftone/privacy/plan"
)

// Accounts charges random ledgers until they are full and tries everything that
// one person can be in. Where periods have one length: every set of releases of
// at most P periods, over all pulls, whatever its editions and series (with P
// unlimited, of one period). Where a year and its quarters are both charged: every
// choice of P months. The dearest must be what the ledger says (never more than
// it, where lengths are mixed) and within the budget; no period may cost more than
// ⌊budget/P⌋; and what would fit must not be refused.
func Accounts(ctx context.Context, pick Pick, ledgers int) (Finding, error) {
	var p property
	for range ledgers {
		a := &accountTrial{ledger: ledger.NewMem(day), mixed: pick(4) == 0}
		a.terms = privacy.Terms{Unit: privacy.RhoNano, Mechanism: plan.PlannerMechanism, Budget: uint64(5 + pick(60)),
			Delta: 1e-6, Periods: int64(pick(4))}
		a.terms.PerPeriod = a.terms.Periods == 0
		for range 12 {
			if err := a.charge(ctx, &p, pick); err != nil {
				return Finding{}, err
			}
		}
		if err := a.compare(ctx, &p); err != nil {
			return Finding{}, err
		}
	}
	return p.finding("accounts", fmt.Sprintf("%d random ledgers", ledgers)), nil
}

type accountTrial struct {
	ledger  *ledger.Ledger
	terms   privacy.Terms
	mixed   bool
	charges []privacy.Charge
}

func (a *accountTrial) charge(ctx context.Context, p *property, pick Pick) error {
	months := 12
	if a.mixed && pick(2) == 0 {
		months = 3
	}
	when, err := privacy.NewPeriod(2020+pick(4), 1+pick(12), months)
	if err != nil {
		return err
	}
	c := privacy.Charge{Key: privacy.Key{Dataset: "made-up", Series: 1 + pick(2), Period: when, Edition: 1 + pick(3)},
		Cost: uint64(1 + pick(9)), Terms: a.terms, SpecDigest: "s", InputDigest: "i"}
	spent := uint64(0)
	for _, old := range a.charges {
		if old.Key == c.Key {
			return nil
		}
		if old.Key.Period == when {
			spent += old.Cost
		}
	}
	err = a.ledger.Reserve(ctx, c)
	switch {
	case errors.Is(err, privacy.ErrBudget):
		p.check(a.mixed || spent+c.Cost > a.terms.Cap(), "refused: %d of %d are spent, %d asked", spent, a.terms.Cap(), c.Cost)
		return nil
	case err != nil:
		return err
	}
	p.check(a.terms.Periods < 2 || (spent+c.Cost)*uint64(a.terms.Periods) <= a.terms.Budget,
		"a period costs %d; %d of them pass the budget of %d", spent+c.Cost, a.terms.Periods, a.terms.Budget)
	a.charges = append(a.charges, c)
	if pick(2) == 0 { // sealed or not, a charge counts
		return a.ledger.Seal(ctx, c.Key, []byte("made up"))
	}
	return nil
}

func (a *accountTrial) compare(ctx context.Context, p *property) error {
	acc, err := a.ledger.Account(ctx, "made-up")
	if err != nil {
		return err
	}
	worst := a.dearestSet()
	if a.mixed {
		worst = a.dearestMonths(int(max(1, a.terms.Periods)), 0, map[int]bool{})
	}
	p.check(worst == acc.PersonCost || a.mixed && worst < acc.PersonCost, "P %d: a person can cost %d, the ledger says %d", a.terms.Periods, worst, acc.PersonCost)
	p.check(worst <= a.terms.Budget, "P %d: a person can cost %d of a budget of %d", a.terms.Periods, worst, a.terms.Budget)
	return nil
}

// dearestSet tries every set of releases that a person's rows can be in.
func (a *accountTrial) dearestSet() (worst uint64) {
	for set := range 1 << len(a.charges) {
		cost, in := uint64(0), map[privacy.Period]bool{}
		for i, c := range a.charges {
			if set>>i&1 == 1 {
				cost += c.Cost
				in[c.Key.Period] = true
			}
		}
		if int64(len(in)) <= max(1, a.terms.Periods) {
			worst = max(worst, cost)
		}
	}
	return worst
}

// dearestMonths tries every choice of left months from the quarter from on: a
// person who has an event in a month is in every release whose period covers it.
func (a *accountTrial) dearestMonths(left, from int, in map[int]bool) (worst uint64) {
	for i, c := range a.charges {
		if in[i] {
			worst += c.Cost
		}
	}
	if left == 0 {
		return worst
	}
	for q := from; q < 16; q++ {
		when, err := privacy.NewPeriod(2020+q/4, 1+q%4*3, 3)
		if err != nil {
			panic("audit: a quarter is a period")
		}
		more := map[int]bool{}
		for i, c := range a.charges {
			p := c.Key.Period
			more[i] = in[i] || !when.Before(p) && when.Start().Before(p.End())
		}
		worst = max(worst, a.dearestMonths(left-1, q+1, more))
	}
	return worst
}
