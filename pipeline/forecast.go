package pipeline

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"halftone/privacy"
	"halftone/privacy/ledger"
)

// A Forecast says what a release would cost and how accurate it would be. It is
// made from the configuration and the ledger: no data, no network.
type Forecast struct {
	Plan   privacy.Plan
	Digest string           // of the spec
	Bound  privacy.Bound    // M and P
	Due    []privacy.Period // due and not released
	Next   privacy.Period   // the next to become due; zero: none
	Tables []TableForecast
}

// A TableForecast is about the worst cell of one table of one release.
type TableForecast struct {
	Name  string
	Cells int
	privacy.Accuracy
	KnownTo int64 // a count above this is known within ±20 %
	Without int64 // ± of every other table if this one were dropped; 0: it is the only one
}

// Forecast plans one release of the dataset.
func (l Line) Forecast(ctx context.Context) (Forecast, error) {
	spec := l.Dataset.Spec
	p, err := privacy.NewPlan(spec)
	if err != nil {
		return Forecast{}, err
	}
	f := Forecast{Plan: p, Digest: spec.Digest(), Bound: spec.Bound()}
	shape := privacy.Model{Dimensions: spec.Dimensions, Tables: spec.Tables}
	cells := func(i int) int { return shape.Cells(spec.Tables[i]) }
	accuracy, err := spec.Accuracy(cells)
	if err != nil {
		return Forecast{}, err
	}
	for i, t := range spec.Tables {
		tf := TableForecast{Name: t.Name, Cells: cells(i), Accuracy: accuracy[i], KnownTo: 5 * accuracy[i].HalfWidth}
		if tf.Without, err = without(spec, i); err != nil {
			return Forecast{}, err
		}
		f.Tables = append(f.Tables, tf)
	}
	led, err := l.lookAtLedger(ctx)
	if err != nil {
		return Forecast{}, err
	}
	if err := l.TermsHold(led.account); err != nil {
		return Forecast{}, err
	}
	for _, due := range l.Dataset.Calendar.Due(l.Clock.Now()) {
		if led.states[l.key(due)] == ledger.Planned {
			f.Due = append(f.Due, due)
		}
	}
	f.Next, _ = l.Dataset.Calendar.Next(l.Clock.Now())
	return f, nil
}

// without is the half width of the tables that are left when one is dropped.
func without(spec privacy.Spec, drop int) (int64, error) {
	if len(spec.Tables) == 1 {
		return 0, nil
	}
	left := append(append([]privacy.Table{}, spec.Tables[:drop]...), spec.Tables[drop+1:]...)
	spec.Tables = left
	a, err := spec.Accuracy(func(int) int { return 1 })
	if err != nil {
		return 0, err
	}
	return a[0].HalfWidth, nil
}

// A look is the ledger as it stands. To look changes nothing and needs no lock.
// Where there is no ledger yet, nothing is charged.
type look struct {
	account  Account
	states   map[privacy.Key]ledger.State // of every period that is due or charged
	charges  []ledger.Charged
	versions []ledger.Version
	links    []privacy.Link
}

func (l Line) lookAtLedger(ctx context.Context) (look, error) {
	lk := look{states: map[privacy.Key]ledger.State{}}
	for _, p := range l.Dataset.Calendar.Due(l.Clock.Now()) {
		lk.states[l.key(p)] = ledger.Planned
	}
	if _, err := os.Stat(filepath.Join(l.State, "ledger.db")); errors.Is(err, fs.ErrNotExist) {
		return lk, nil
	}
	if err := CheckState(l.State, l.Public); err != nil {
		return lk, err
	}
	led, err := ledger.Open(ctx, l.State, l.Clock.Now)
	if err != nil {
		return lk, err
	}
	defer func() { _ = led.Close() }() // nothing was written
	name := l.Dataset.Name
	var errs [4]error
	lk.account, errs[0] = led.Account(ctx, name)
	lk.charges, errs[1] = led.Charges(ctx, name)
	lk.versions, errs[2] = led.Versions(ctx, name)
	lk.links, errs[3] = led.Links(ctx, name)
	for _, c := range lk.charges {
		lk.states[c.Key] = c.State()
	}
	return lk, errors.Join(errs[:]...)
}
