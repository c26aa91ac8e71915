package config

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"halftone/privacy"
)

// privacy reads the budget. A person's budget needs a bound on the periods that
// a person is in; without one, the person and period is what is protected.
func (b *builder) privacy(root cursor) {
	v := root.get("privacy")
	s := &b.out.Spec
	budget := v.get("budget")
	of := budget.get("person")
	if s.Budget.PerPeriod = budget.get("person_period").given(); s.Budget.PerPeriod {
		of = budget.get("person_period")
	}
	if p := root.get("population"); p.given() && s.Budget.PerPeriod {
		p.add("a population adds up what one person costs, and this budget is of a person and period", "take population out: such budgets have no sum over a person")
	}
	if of.given() {
		b.amount(of)
		b.unit(root, budget)
	}
	b.revisions(v)
	b.targets(v.get("targets"), root.get("tables"))
	b.mechanism(v, of)
	if len(b.problems) > 0 {
		return
	}
	for e := range s.Editions {
		if _, err := privacy.NewPlan(*s, e+1); err != nil {
			at := v
			switch {
			case e > 0 && v.get("first_share").given():
				at = v.get("first_share")
			case v.get("targets").given():
				at = v.get("targets")
			}
			at.add(fmt.Sprintf("edition %d: %v", e+1, err), "a larger budget, fewer tables or editions, or wider targets")
			return
		}
	}
}

// targets are the ± that tables must be known to.
func (b *builder) targets(v, tables cursor) {
	s := &b.out.Spec
	var names []string
	for p := range tables.each() {
		names = append(names, p.key)
	}
	for p, t := range v.each() {
		if !slices.Contains(names, p.key) {
			b.add(p.at, "no table "+quoted(p.key)+meant(p.key, names), "name one of "+list(names, "or"))
			continue
		}
		f, err := strconv.ParseFloat(strings.TrimLeft(t.text(), "±+-/ "), 64)
		if err != nil || f == 0 {
			t.add("a target must be above 0", "the half width of a 95 % interval, in what is counted: ±20")
		}
		if i := slices.IndexFunc(s.Tables, func(t privacy.Table) bool { return t.Name == p.key }); i >= 0 { // else it has a problem of its own
			if s.Targets == nil {
				s.Targets = make([]float64, len(s.Tables))
			}
			s.Targets[i] = f
		}
	}
}

// amount reads {epsilon}, {epsilon, delta} or {rho}.
func (b *builder) amount(of cursor) {
	s, about := &b.out.Spec.Budget, &b.out.About.Budget
	about.PerPeriod = s.PerPeriod
	rho, delta := of.get("rho"), of.get("delta")
	if rho.given() {
		if delta.given() {
			delta.add("delta goes with epsilon: a budget in rho needs none", "take delta out; pages show epsilon at delta 1e-6")
		}
		s.NanoRho = b.nano(rho, "rho")
		about.Rho = float64(s.NanoRho) / 1e9
		return
	}
	s.NanoEpsilon, s.Delta = b.nano(of.get("epsilon"), "epsilon"), b.delta(delta)
	about.Epsilon, about.Delta = float64(s.NanoEpsilon)/1e9, s.Delta
	if s.Delta > 0 {
		s.NanoRho = privacy.NanoRho(about.Epsilon, s.Delta)
	}
}

// mechanism resolves auto, and refuses a mechanism that the budget has no unit for.
func (b *builder) mechanism(v, of cursor) {
	s, m := &b.out.Spec, v.get("mechanism")
	s.Mechanism = m.text()
	b.out.Auto = s.Mechanism == "auto"
	switch {
	case !of.given() || len(b.problems) > 0:
	case s.Mechanism == privacy.LaplaceMechanism && s.Targets != nil:
		m.add("targets divide the budget among measurements, which the Laplace mechanism does not have", "take targets out, or take mechanism: planner")
	case s.Mechanism == privacy.LaplaceMechanism && s.Budget.NanoEpsilon == 0:
		m.add("the Laplace mechanism is paid in pure epsilon, and the budget is in rho", "declare the budget as {epsilon}, or take mechanism: planner")
	case s.Mechanism == privacy.PlannerMechanism && s.Budget.NanoRho == 0 && s.Budget.Delta > 0:
		of.add("this budget is too small: in rho it rounds to nothing", "a larger epsilon or delta")
	case s.Mechanism == privacy.PlannerMechanism && s.Budget.NanoRho == 0:
		m.add("the planner's noise is Gaussian, which needs a delta", "declare the budget as {epsilon, delta} or {rho}, or take mechanism: laplace")
	case b.out.Auto && s.Targets != nil:
		s.Mechanism = privacy.PlannerMechanism
		if s.Budget.NanoRho == 0 {
			v.get("targets").add("targets go with the planner, whose noise is Gaussian and needs a delta", "declare the budget as {epsilon, delta} or {rho}")
		}
	case b.out.Auto:
		c, err := privacy.Choose(*s)
		if err != nil {
			v.add(err.Error(), "")
			return
		}
		b.out.Choice, s.Mechanism = c, c.Mechanism
	}
}

// revisions reads the planned editions, which share a period's budget.
func (b *builder) revisions(v cursor) {
	s, c := &b.out.Spec, &b.out.Calendar
	last := c.Wait
	for r := range v.get("revisions").items() {
		d := r.duration()
		if !d.After(someDay).After(last.After(someDay)) {
			r.add(fmt.Sprintf("a revision %s after a period's end does not come after the edition before it (%s)", d, last),
				"list revisions in order, the first one later than period.wait")
		}
		c.Revisions, last = append(c.Revisions, d), d
	}
	s.Editions = 1 + len(c.Revisions)
	first := v.get("first_share")
	if !first.given() {
		return
	}
	s.FirstShare = uint64(math.Round(first.percent() * 1e9))
	switch {
	case s.Editions == 1:
		first.add("first_share divides a period's budget among planned revisions, and none is planned", "add privacy.revisions, or take first_share out")
	case s.FirstShare == 0 || s.FirstShare >= 1e9:
		first.add("first_share must be above 0% and below 100%: every planned edition needs a part", "60% is usual")
	}
}

// unit checks that what the budget protects goes with what sources say.
func (b *builder) unit(root, budget cursor) {
	unlimited := false
	for p, src := range root.get("sources").each() {
		periods := src.get("contribution").get("periods")
		if periods.text() == "unlimited" {
			unlimited = true
			if !b.out.Spec.Budget.PerPeriod {
				periods.add(fmt.Sprintf("source %s says that a person may be in any number of periods, so no budget of a person can be kept", quoted(p.key)),
					"declare privacy.budget.person_period instead of person; every page then says that the promise is for a person and period")
			}
		} else if periods.given() && b.out.Spec.Measure == "stock" {
			periods.add(`a stock counts the same person in every period, so "periods" must be "unlimited"`, "write periods: unlimited, with privacy.budget.person_period; or measure: flow if the counts are events of a period")
		}
	}
	if len(b.out.Spec.Sources) > 0 && b.out.Spec.Budget.PerPeriod && !unlimited {
		budget.add("person_period is for sources that say periods: unlimited, and no source does", "declare privacy.budget.person: it promises more and costs the same")
	}
}

// nano is spent in whole billionths: what does not fit is not spent.
func (b *builder) nano(v cursor, name string) uint64 {
	if !v.given() {
		return 0
	}
	e := v.decimal()
	if n := new(big.Rat).SetFrac64(1, 1_000_000_000); e.Cmp(n) < 0 || e.Cmp(big.NewRat(1000, 1)) > 0 {
		usual := map[string]string{"epsilon": "1 is usual", "rho": "0.02 is about epsilon 1 at delta 1e-6"}
		v.add(name+" must be from 1e-9 to 1000", usual[name]+"; less protects more and is less accurate")
		return 0
	}
	return nano(e)
}

func (b *builder) delta(v cursor) float64 {
	d := v.decimal()
	if d.Sign() < 0 || d.Cmp(big.NewRat(1, 1)) >= 0 {
		v.add("delta must be from 0 to below 1", "1e-6 is usual")
		return 0
	}
	f, _ := d.Float64()
	if f > 1e-3 {
		b.warn(v.at, "a large delta: the promise of epsilon may fail with a chance of "+v.text(), "1e-6 is usual; it should be far below one in the number of people")
	}
	return f
}

// someDay is any instant: whether a cron expression fires at all does not
// depend on it, for every five years hold a 29 February.
var someDay = time.Date(2023, time.March, 1, 0, 0, 0, 0, time.UTC)

func (b *builder) schedule(v cursor) {
	if !v.given() {
		return
	}
	s := Schedule{Cron: v.get("cron").text(), Timezone: v.get("timezone").text(), Missed: v.get("missed").text()}
	b.cron(v.get("cron"), s.Cron)
	// The empty name and Local would be the machine's own zone.
	if _, err := time.LoadLocation(s.Timezone); err != nil || s.Timezone == "Local" || s.Timezone == "" {
		v.get("timezone").add("no time zone "+quoted(s.Timezone), "use an IANA name such as Europe/Geneva or UTC")
	}
	b.out.Schedule = &s
}

func (b *builder) cron(v cursor, spec string) {
	if !v.given() {
		return
	}
	fix := `five fields: minute, hour, day of month, month, day of week: "0 6 22 * *" is 06:00 on the 22nd`
	switch {
	case strings.Contains(spec, "TZ="): // the parser panics on some of these
		v.add("a time zone inside the cron fields", "put it in schedule.timezone")
		return
	case strings.HasPrefix(strings.TrimSpace(spec), "@every"):
		v.add("@every counts from the start of the program, not by the calendar", fix)
		return
	}
	s, err := cron.ParseStandard(spec)
	if err != nil {
		v.add("not a cron expression: "+strings.Map(printable, err.Error()), fix)
		return
	}
	if s.Next(someDay).IsZero() {
		v.add("this cron expression does not fire within five years", "its day does not exist in its month")
	}
}

func (b *builder) publish(v cursor) {
	b.out.Public = "public"
	n := 0
	for p := range v.items() {
		f := p.get("folder")
		if !f.given() {
			continue
		}
		if n++; n > 1 {
			f.add("a second folder in \"publish\" is not implemented yet", "keep one folder")
			continue
		}
		b.out.Public, b.out.places.folder = f.text(), Problem{File: b.src.file, Line: f.at.line, Column: f.at.col}
	}
}

// calendar reads period: into periods that all have the declared length.
func (b *builder) calendar(v cursor) {
	c := &b.out.Calendar
	c.Wait = v.get("wait").duration()
	every := v.get("every")
	if every.isList() {
		b.bands(v, every)
	} else if c.Every = every.text(); c.Every != "" {
		months := map[string]int{"month": 1, "quarter": 3, "year": 12}[c.Every]
		if from := v.get("from"); from.given() {
			c.From = b.bound(from, months, false)
		} else if v.fits() {
			v.add(`"from" is missing in "period"`, "add the first period: from: 2024, 2024-Q1 or 2024-01")
		}
		if to := v.get("to"); to.given() {
			c.To = b.bound(to, months, true)
			if none := (privacy.Period{}); c.From != none && c.To != none && c.To.Before(c.From) {
				to.add("the last period is before the first", "exchange from and to")
			}
		}
	}
	b.out.About.Every = c.Every
}

// bound reads the first or last period. A finer one is taken where it begins
// (ends, as the last) one of the declared length: 2016-01 is 2016-Q1 as the first.
func (b *builder) bound(v cursor, months int, last bool) privacy.Period {
	p, err := privacy.ParsePeriod(v.text())
	if err != nil {
		v.add(quoted(v.text())+": "+err.Error(), "")
		return p
	}
	if p.Months() == months {
		return p
	}
	day := p.Start()
	if last {
		day = p.End().AddDate(0, 0, -1)
	}
	whole, err := privacy.NewPeriod(day.Year(), int(day.Month()), months)
	if err == nil && p.Months() < months && (!last && whole.Start().Equal(p.Start()) || last && whole.End().Equal(p.End())) {
		return whole
	}
	fix := ""
	if err == nil {
		fix = "write " + whole.String()
	}
	v.add(fmt.Sprintf("%s is not a %s, which \"every\" declares", quoted(v.text()), b.out.Calendar.Every), fix)
	return privacy.Period{}
}

func (b *builder) bands(period, every cursor) {
	c := &b.out.Calendar
	c.Every = "band"
	var before privacy.Period
	for i := range every.items() {
		p, err := privacy.ParsePeriod(i.text())
		switch {
		case err != nil:
			i.add(quoted(i.text())+": "+err.Error(), "")
			continue
		case p.Months()%12 != 0:
			i.add(quoted(i.text())+" is not a band of whole years", "write 2019 or 2014-2018")
			continue
		case len(c.Bands) > 0 && p.Start().Before(before.End()):
			i.add(fmt.Sprintf("band %s is not after %s", p, before), "list bands in order, without overlap")
		}
		c.Bands, before = append(c.Bands, p), p
	}
	if from := period.get("from"); from.given() {
		from.add(`"from" does not go with bands: the first band is the first period`, "take it out")
	}
	if to := period.get("to"); to.given() {
		p, err := privacy.ParsePeriod(to.text())
		found := false
		for _, band := range c.Bands {
			found = found || band == p
		}
		if err != nil || !found {
			to.add(quoted(to.text())+" is not one of the bands", "")
		}
		c.To = p
	}
}
