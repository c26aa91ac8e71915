package privacy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"halftone/privacy/domain"
	"halftone/privacy/noise"
	"halftone/privacy/plan"
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
	Zeros      []Zero      `json:"structural_zeros,omitempty"`
	Plan       Plan        `json:"plan"`
	Noisy      [][]int64   `json:"noisy"` // one a measurement, row-major: exact integer plus integer noise
}

// An Input says which rows a release counts, without saying anything of them.
type Input struct {
	Digest    string   // HMAC, under a key that can be destroyed, of the rows
	Expected  []string // names of the sources that should have delivered
	Reporting []string // of those, the ones whose pull was complete
	Approvals int      // people who must have approved the release before it is charged
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
	p, err := NewPlan(s, k.Edition)
	if err != nil {
		return Release{}, err
	}
	bound := s.Bound()
	noisy, err := count(s, c, k, p)
	if err != nil {
		return Release{}, fmt.Errorf("%s: %w", k, err)
	}
	file := sealedFile{SealedFormat, k, s.Digest(), s.Unit, s.Measure, bound.PerPeriod, bound.Periods, s.Dimensions, s.Tables, s.Zeros, p, noisy}
	model, err := file.check(k) // what could not be opened must not be charged
	if err != nil {
		return Release{}, fmt.Errorf("%s: %w", k, err)
	}
	// 3. Charge.
	if err := l.Reserve(ctx, Charge{k, p.Cost(), s.Terms(), s.Digest(), in.Digest, in.Expected, in.Reporting, s.NoGuarantee(), s.Corrected(), in.Approvals}); err != nil {
		return Release{}, fmt.Errorf("%s: %w", k, err)
	}
	// 4. Draw. The counts turn into noised numbers in place.
	if err := draw(p, model, bound, noisy); err != nil {
		return Release{}, fmt.Errorf("%s: %w", k, err)
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

// draw adds the noise of p to what was counted. It fails for parameters only,
// and Open has refused those.
func draw(p Plan, m *plan.Model, b Bound, noisy [][]int64) error {
	if p.Mechanism == plan.LaplaceMechanism {
		d := noise.LaplaceDraw{Tables: int64(len(p.Measurements)), PerTable: b.PerPeriod, NanoEpsilon: p.NanoEpsilon}
		for _, t := range noisy {
			if err := d.Add(t); err != nil {
				return err
			}
		}
		return nil
	}
	return drawGaussian(m, noisy)
}

// drawGaussian draws in pieces of cells that have one variance, on as many
// goroutines as there are processors, each with its own randomness.
func drawGaussian(m *plan.Model, noisy [][]int64) error {
	type piece struct {
		noise noise.Gaussian
		cells []int64
	}
	pieces := make(chan piece, 64)
	errs := make([]error, runtime.GOMAXPROCS(0))
	var workers sync.WaitGroup
	for i := range errs {
		workers.Go(func() {
			r := noise.NewSource()
			defer r.Close()
			for p := range pieces {
				errs[i] = errors.Join(errs[i], p.noise.Add(p.cells, r))
			}
		})
	}
	for k, t := range noisy {
		m.Geometry().Residual(k, t)
		m.Scales().Runs(k, func(lo, hi int, g noise.Gaussian) {
			for cells := range slices.Chunk(t[lo:hi], 1<<12) {
				pieces <- piece{g, cells}
			}
		})
	}
	close(pieces)
	workers.Wait()
	return errors.Join(errs...)
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
	if exact.inside(s) {
		return nil, errors.New("privacy: somebody was counted where the spec says that nobody can be")
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
	m, err := f.check(k)
	if err != nil {
		return Release{}, fmt.Errorf("%s: the sealed file is not valid: %w", k, err)
	}
	return Release{&releaseState{file: f, raw: b, model: m}}, nil
}

// check holds a file that may come from anywhere against its own shape, so that
// nothing later can run out of bounds.
func (f sealedFile) check(k Key) (*plan.Model, error) {
	if f.Format != SealedFormat || f.Key != k {
		return nil, errors.New("another format or release")
	}
	s := Spec{Dataset: k.Dataset, Series: k.Series, Editions: max(1, k.Edition), Dimensions: f.Dimensions, Tables: f.Tables, Zeros: f.Zeros,
		Mechanism: f.Plan.Mechanism, Budget: Budget{NanoEpsilon: 1, NanoRho: 1, PerPeriod: f.Periods == 0},
		Sources: []Source{{PerPeriod: f.PerPeriod, Periods: f.Periods, Sensitivity: 1}}}
	if err := s.Check(); err != nil {
		return nil, err
	}
	if len(f.Noisy) != len(f.Plan.Measurements) || f.Plan.Cost() == 0 || f.Plan.NanoEpsilon > 0 && f.Plan.NanoRho > 0 {
		return nil, errors.New("not one list of numbers a measurement, or no cost")
	}
	for i, m := range f.Plan.Measurements {
		if len(m.Levels) != len(f.Dimensions) {
			return nil, fmt.Errorf("measurement %d does not fit the dimensions", i)
		}
		for d, l := range m.Levels {
			if l < 0 || l >= len(f.Dimensions[d].Levels) {
				return nil, fmt.Errorf("measurement %d does not fit the dimensions", i)
			}
		}
		cells, err := domain.Cells(f.Dimensions, m.Levels)
		if err != nil || len(f.Noisy[i]) != cells {
			return nil, fmt.Errorf("measurement %d does not have its cells", i)
		}
	}
	return f.Plan.Open(f.Dimensions, f.Tables, f.PerPeriod)
}
