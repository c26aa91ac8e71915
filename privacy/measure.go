package privacy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"halftone/privacy/domain"
	"halftone/privacy/noise"
)

// SealedFormat is the format of a sealed file.
const SealedFormat = "halftone-sealed/1"

// sealedFile is what was measured, and no more. Tables, charts and reports are
// pure functions of it and of public text.
type sealedFile struct {
	Format     string      `json:"format"`
	Key        Key         `json:"key"`
	SpecDigest string      `json:"spec_digest"`
	Unit       string      `json:"unit"`
	Measure    string      `json:"measure"`
	PerPeriod  int64       `json:"M"`
	Periods    int64       `json:"P"` // 0: any number
	Dimensions []Dimension `json:"dimensions"`
	Tables     []Table     `json:"tables"`
	Plan       Plan        `json:"plan"`
	Noisy      [][]int64   `json:"noisy"` // one a measurement, row-major: exact integer plus integer noise
}

// An Input says which rows a release counts, without saying anything of them.
type Input struct {
	Digest    string   // HMAC, under a key that can be destroyed, of the rows
	Expected  []string // names of the sources that should have delivered
	Reporting []string // of those, the ones whose pull was complete
}

// Measure charges l, draws the noise of s's plan over c, and seals what it
// drew. The plan is computed here from the spec, so that nothing else can be
// drawn. If k is sealed already it returns that release and draws nothing.
//
// A crash after the charge loses nothing: no noised byte has left the process
// before the seal, so the next Measure of k, with the same spec and input, may
// draw again on the same charge.
//
// The caller guarantees that c was filled from the rows that in stands for, and
// that every check that may stop a release has ended.
func Measure(ctx context.Context, s Spec, c Cube, k Key, in Input, l Ledger) (Release, error) {
	// 1. Once.
	if r, err := OpenRelease(ctx, k, l); err == nil || !errors.Is(err, ErrNotReleased) {
		return r, err
	}
	// 2. Everything that can fail because of data, before the charge.
	p, err := NewPlan(s)
	if err != nil {
		return Release{}, err
	}
	noisy, err := count(s, c, k, p)
	if err != nil {
		return Release{}, fmt.Errorf("%s: %w", k, err)
	}
	bound := s.Bound()
	file := sealedFile{SealedFormat, k, s.Digest(), s.Unit, s.Measure, bound.PerPeriod, bound.Periods, s.Dimensions, s.Tables, p, noisy}
	if err := file.check(k); err != nil { // what could not be opened must not be charged
		return Release{}, fmt.Errorf("%s: %w", k, err)
	}
	// 3. Charge.
	if err := l.Reserve(ctx, Charge{k, p.NanoEpsilon, s.Terms(), s.Digest(), in.Digest, in.Expected, in.Reporting}); err != nil {
		return Release{}, fmt.Errorf("%s: %w", k, err)
	}
	// 4. Draw. The counts turn into noised numbers in place.
	for i := range p.Measurements {
		if err := s.draw(bound, p).Add(noisy[i]); err != nil {
			return Release{}, fmt.Errorf("%s: %w", k, err)
		}
	}
	// 5. Seal.
	b, err := json.Marshal(file)
	if err != nil {
		return Release{}, fmt.Errorf("%s: %w", k, err)
	}
	if err := l.Seal(ctx, k, b); err != nil {
		return Release{}, fmt.Errorf("%s: %w", k, err)
	}
	return OpenRelease(ctx, k, l)
}

func (s Spec) draw(b Bound, p Plan) noise.LaplaceDraw {
	return noise.LaplaceDraw{Tables: int64(len(p.Measurements)), PerTable: b.PerPeriod, NanoEpsilon: p.NanoEpsilon}
}

// count adds the cube up to every measured table and checks the range.
func count(s Spec, c Cube, k Key, p Plan) ([][]int64, error) {
	exact := c.exact()
	if exact == nil || len(exact.parts) == 0 || exact.digest != s.Digest() || exact.period != k.Period {
		return nil, errors.New("privacy: the cube is of another spec or period")
	}
	if k.Dataset != s.Dataset || k.Series != s.Series || k.Edition < 1 || k.Edition > s.Editions {
		return nil, errors.New("privacy: the spec has no such release")
	}
	if !exact.inRange() {
		return nil, errors.New("privacy: the counts add up to more than 2^40")
	}
	var tables [][]int64
	for _, m := range p.Measurements {
		t, err := exact.table(s.Dimensions, m.Levels)
		if err != nil {
			return nil, err
		}
		tables = append(tables, t)
	}
	return tables, nil
}

// OpenRelease reads the sealed file of k back from l. Whoever implements l
// guarantees that it is the one that was sealed.
func OpenRelease(ctx context.Context, k Key, l Ledger) (Release, error) {
	b, err := l.Sealed(ctx, k)
	if err != nil {
		return Release{}, err
	}
	var f sealedFile
	if err := json.Unmarshal(b, &f); err != nil {
		return Release{}, fmt.Errorf("%s: the sealed file is unreadable", k)
	}
	if err := f.check(k); err != nil {
		return Release{}, fmt.Errorf("%s: the sealed file is not valid: %w", k, err)
	}
	return Release{&releaseState{f, b}}, nil
}

// check holds a file that may come from anywhere against its own shape, so that
// nothing later can run out of bounds.
func (f sealedFile) check(k Key) error {
	if f.Format != SealedFormat || f.Key != k {
		return errors.New("another format or release")
	}
	s := Spec{Dataset: k.Dataset, Series: k.Series, Editions: max(1, k.Edition), Dimensions: f.Dimensions, Tables: f.Tables,
		Mechanism: f.Plan.Mechanism, Budget: Budget{NanoEpsilon: max(1, f.Plan.NanoEpsilon), PerPeriod: f.Periods == 0},
		Sources: []Source{{PerPeriod: f.PerPeriod, Periods: f.Periods, Sensitivity: 1}}}
	if err := s.Check(); err != nil {
		return err
	}
	if len(f.Noisy) != len(f.Plan.Measurements) || len(f.Noisy) != len(f.Tables) {
		return errors.New("not one list of numbers a measurement")
	}
	for i, m := range f.Plan.Measurements {
		cells, err := domain.Cells(f.Dimensions, f.Tables[i].Levels)
		if err != nil || m.Table != f.Tables[i].Name || len(f.Noisy[i]) != cells || !(m.B > 0) || m.B > 1<<30 {
			return fmt.Errorf("measurement %d does not fit its table", i)
		}
	}
	return nil
}
