package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"halftone/privacy"
	"halftone/privacy/ledger"
)

// rows are leaf codes a dimension, and counts.
type rows struct {
	codes [][]uint32
	n     []int64
}

// rowsOf are one row a leaf cell.
func (w *world) rowsOf(y []int64) rows {
	r := rows{codes: make([][]uint32, len(w.dims)), n: y}
	for _, cell := range w.cells(w.leaves()) {
		for d, j := range cell {
			r.codes[d] = append(r.codes[d], uint32(j))
		}
	}
	return r
}

func period() privacy.Period {
	p, err := privacy.NewPeriod(2026, 1, 12)
	if err != nil {
		panic("audit: 2026 is a year")
	}
	return p
}

// day is the clock of ledgers in memory.
func day() time.Time { return period().Start() }

func key(s privacy.Spec) privacy.Key {
	return privacy.Key{Dataset: s.Dataset, Series: s.Series, Period: period(), Edition: 1}
}

// release goes the whole way, as a run does: cube, charge, noise, seal, and the
// sealed file read back by [privacy.OpenRelease], which ends Measure.
func release(ctx context.Context, s privacy.Spec, r rows) (privacy.Release, error) {
	c, err := privacy.NewCube(s, period())
	if err != nil {
		return privacy.Release{}, err
	}
	if err := c.Add(r.codes, r.n); err != nil {
		return privacy.Release{}, err
	}
	return measured(ctx, s, c)
}

func measured(ctx context.Context, s privacy.Spec, c privacy.Cube) (privacy.Release, error) {
	return privacy.Measure(ctx, s, c, key(s), privacy.Input{Digest: "made-up"}, ledger.NewMem(day))
}

// sealedNumbers are those of the sealed file, a list a measurement.
func sealedNumbers(r privacy.Release) ([][]int64, error) {
	var f struct{ Noisy [][]int64 }
	if err := json.Unmarshal(r.File(), &f); err != nil {
		return nil, fmt.Errorf("audit: a sealed file: %w", err)
	}
	if len(f.Noisy) == 0 {
		return nil, errors.New("audit: a sealed file without numbers")
	}
	return f.Noisy, nil
}
