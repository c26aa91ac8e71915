package pipeline

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"halftone/privacy"
	"halftone/privacy/ledger"
)

// A Forecast says what a release would cost and how accurate it would be. It is
// made from the configuration and the ledger: no data, no network.
type Forecast struct {
	Spec   privacy.Spec // with the mechanism that a release would use
	Plan   privacy.Plan // of a first edition
	Shares []uint64     // what each planned edition of a period may cost
	Due    []privacy.Key
	NoRoom []privacy.Key  // of these, the ones whose period has too little left: a run refuses them
	Next   privacy.Period // the next to become due; zero: none
	Tables []TableForecast
	Gains  []Gain       // what dropping one table, or all at a dimension's finest level, would give; the largest first
	Other  *Alternative // the mechanism not used, where the budget has a unit for it
	Seen   privacy.Key  // the newest release, whose noised figures Large is counted in
	Rules  []Rule       // of sources whose figures are not as they counted them
	// Guarantees says for the people behind which sources a release is promised.
	Guarantees privacy.Guarantees
}

// A TableForecast is about one table of one release.
type TableForecast struct {
	Name  string
	Cells int
	privacy.Accuracy
	KnownTo int64   // a count above this is known within ±20 %, in every cell
	Share   float64 // of the budget; of all tables 1
	Large   int     // cells of the newest release whose value is above KnownTo; -1: nothing is released
}

// A Gain says what dropping tables would give the table that gains most.
type Gain struct {
	Without []string
	Table   string
	Now     float64 // ± at 95 % of a cell, from the variance averaged over the table's cells
	Then    float64
}

// An Alternative is the mechanism that was not chosen.
type Alternative struct {
	Mechanism   string
	Tables      []privacy.Accuracy
	Mean, Other float64 // √ of the mean variance over tables: of the mechanism used, of this one
}

// A Rule is a source whose own rules (suppression, rounding) make a figure move
// by more than a person does.
type Rule struct {
	Source string
	L      int64
	Factor float64 // the noise of every table is larger by this than it would be with exact figures
}

// Forecast plans one release of the dataset.
func (l Line) Forecast(ctx context.Context) (Forecast, error) {
	// 1. The ledger may have fixed the mechanism.
	lk, err := l.lookAtLedger(ctx)
	if err != nil {
		return Forecast{}, err
	}
	if err := l.TermsHold(lk.account); err != nil {
		return Forecast{}, err
	}
	l = l.settle(lk.account)
	spec := l.Dataset.Spec
	// 2. What it costs, and what the tables get for it.
	p, err := privacy.NewPlan(spec, 1)
	if err != nil {
		return Forecast{}, err
	}
	f := Forecast{Spec: spec, Plan: p, Shares: spec.Shares(), Rules: rules(spec), Guarantees: l.guarantees(lk.account)}
	if err := f.tables(spec, lk.newest); err != nil {
		return Forecast{}, err
	}
	if f.Seen, err = lk.newest.Key(); err != nil && !errors.Is(err, privacy.ErrNotReleased) {
		return Forecast{}, err
	}
	if f.Other, err = alternative(spec); err != nil {
		return Forecast{}, err
	}
	// 3. What is due.
	f.Due = lk.due(l)
	for _, k := range f.Due {
		if p, charged := lk.account.Of(k.Period); charged && p.Left < f.Shares[k.Edition-1] {
			f.NoRoom = append(f.NoRoom, k)
		}
	}
	f.Next, _ = l.Dataset.Calendar.Next(l.Clock.Now())
	return f, nil
}

func (f *Forecast) tables(spec privacy.Spec, newest privacy.Release) error {
	accuracy, err := accuracies(spec)
	if err != nil {
		return err
	}
	division, err := spec.Division()
	if err != nil {
		return err
	}
	for i, t := range spec.Tables {
		tf := TableForecast{Name: t.Name, Cells: cells(spec, t), Accuracy: accuracy[i], KnownTo: 5 * accuracy[i].HalfWidth, Share: division.Share[i], Large: -1}
		if c, err := newest.Cells(t.Name); err == nil { // an error: nothing is released, or not this table
			tf.Large = 0
			for _, v := range c.Value {
				if v > tf.KnownTo {
					tf.Large++
				}
			}
		}
		f.Tables = append(f.Tables, tf)
	}
	if spec.Targets == nil { // else the targets say what each table gets
		f.Gains, err = gains(spec, division.Mean)
	}
	return err
}

func cells(spec privacy.Spec, t privacy.Table) int {
	return privacy.Model{Dimensions: spec.Dimensions}.Cells(t)
}

// accuracies are those of each table when all of its cells are compared.
func accuracies(spec privacy.Spec) ([]privacy.Accuracy, error) {
	return spec.Accuracy(func(i int) int { return cells(spec, spec.Tables[i]) })
}

// gains tries to do without each table, and without all tables at the finest
// level of each dimension. mean are the variances as they are.
func gains(spec privacy.Spec, mean []float64) ([]Gain, error) {
	var sets [][]bool
	for i := range spec.Tables {
		set := make([]bool, len(spec.Tables))
		set[i] = true
		sets = append(sets, set)
	}
	for d := range spec.Dimensions {
		finest := 0
		for _, t := range spec.Tables {
			finest = max(finest, t.Levels[d])
		}
		set := make([]bool, len(spec.Tables))
		for i, t := range spec.Tables {
			set[i] = finest > 0 && t.Levels[d] == finest
		}
		sets = append(sets, set)
	}
	var out []Gain
	for _, set := range sets {
		if !slices.Contains(set, true) || !slices.Contains(set, false) {
			continue
		}
		g, err := without(spec, set, mean)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(out, func(o Gain) bool { return slices.Equal(o.Without, g.Without) }) {
			out = append(out, g)
		}
	}
	slices.SortStableFunc(out, func(x, y Gain) int { return cmp.Compare(x.Then/x.Now, y.Then/y.Now) })
	return out, nil
}

// without is what the table that gains most has when a set of tables is dropped.
func without(spec privacy.Spec, set []bool, mean []float64) (Gain, error) {
	var g Gain
	var left []privacy.Table
	var now []float64
	for i, t := range spec.Tables {
		if set[i] {
			g.Without = append(g.Without, t.Name)
			continue
		}
		left, now = append(left, t), append(now, mean[i])
	}
	spec.Tables = left
	d, err := spec.Division()
	if err != nil {
		return g, err
	}
	best := 0
	for i := range now {
		if d.Mean[i]/now[i] < d.Mean[best]/now[best] {
			best = i
		}
	}
	g.Table, g.Now, g.Then = left[best].Name, privacy.HalfInSD(spec.Mechanism)*math.Sqrt(now[best]), privacy.HalfInSD(spec.Mechanism)*math.Sqrt(d.Mean[best])
	return g, nil
}

// alternative is the mechanism that spec does not use, nil where its budget or its
// tables do not allow it.
func alternative(spec privacy.Spec) (*Alternative, error) {
	c, err := privacy.Choose(spec)
	if err != nil {
		return nil, err
	}
	if c.Laplace == 0 || c.Planner == 0 {
		return nil, nil
	}
	n := float64(len(spec.Tables))
	mean := map[string]float64{privacy.LaplaceMechanism: math.Sqrt(c.Laplace / n), privacy.PlannerMechanism: math.Sqrt(c.Planner / n)}
	o := Alternative{Mechanism: privacy.LaplaceMechanism, Mean: mean[spec.Mechanism]}
	if spec.Mechanism == o.Mechanism {
		o.Mechanism = privacy.PlannerMechanism
	}
	o.Other, spec.Mechanism = mean[o.Mechanism], o.Mechanism
	o.Tables, err = accuracies(spec)
	return &o, err
}

// rules are the sources that make the noise larger than exact figures would.
func rules(spec privacy.Spec) []Rule {
	var out []Rule
	for i, s := range spec.Sources {
		if s.Sensitivity == 1 {
			continue
		}
		exact := spec
		exact.Sources = slices.Clone(spec.Sources)
		exact.Sources[i].Sensitivity = 1
		out = append(out, Rule{s.Name, s.Sensitivity, float64(spec.Bound().PerPeriod) / float64(exact.Bound().PerPeriod)})
	}
	return out
}

// A look is the ledger as it stands. To look changes nothing and needs no lock.
// Where there is no ledger yet, nothing is charged.
type look struct {
	account  Account
	charges  []ledger.Charged
	versions []ledger.Version
	links    []privacy.Link
	sealed   map[privacy.Key]time.Time // day of every seal
	asked    []privacy.Key             // editions that somebody wants before their day
	waiting  []Waiting                 // of those that are due
	newest   privacy.Release           // of the series; zero: none
	members  []ledger.Member           // of the population, this dataset among them once it has a charge
}

// due are the releases that a run would make now.
func (lk look) due(l Line) []privacy.Key {
	return due(l, l.Clock.Now(), lk.charges, lk.sealed, lk.asked)
}

func (l Line) lookAtLedger(ctx context.Context) (look, error) {
	var lk look
	if err := l.oneLedger(); err != nil {
		return lk, err
	}
	if has, err := l.hasLedger(ctx); err != nil || !has {
		return lk, err
	}
	if err := l.checkState(); err != nil {
		return lk, err
	}
	led, err := l.openLedger(ctx)
	if err != nil {
		return lk, err
	}
	defer func() { _ = led.Close() }() // nothing was written
	return l.look(ctx, led)
}

// look looks at a ledger that is open.
func (l Line) look(ctx context.Context, led *ledger.Ledger) (lk look, err error) {
	name := l.Dataset.Name
	var errs [4]error
	lk.account, errs[0] = led.Account(ctx, name)
	lk.charges, errs[1] = led.Charges(ctx, name)
	lk.versions, errs[2] = led.Versions(ctx, name)
	lk.links, errs[3] = led.Links(ctx, name)
	if lk.sealed, err = sealDays(lk.links); err != nil {
		return lk, err
	}
	if lk.members, err = led.Population(ctx, l.Dataset.Spec.Population.Name); err != nil {
		return lk, err
	}
	for _, c := range slices.Backward(lk.charges) { // by period and edition
		if c.Key.Series == l.Dataset.Spec.Series && c.Sealed != "" {
			lk.newest, _ = privacy.OpenRelease(ctx, c.Key, led) // a lost sealed file stops a run, not a look
			break
		}
	}
	if lk.asked, err = led.Requests(ctx, name); err != nil {
		return lk, err
	}
	settled := l.settle(lk.account)
	_, lk.waiting, err = settled.approved(ctx, led, lk.due(settled))
	return lk, errors.Join(append(errs[:], err)...)
}
