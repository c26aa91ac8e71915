package pipeline

import (
	"cmp"
	"errors"
	"slices"

	"halftone/pipeline/config"
	"halftone/pipeline/normalize"
	"halftone/pipeline/staging"
	"halftone/privacy"
)

// A Comparison holds a source of `use: check` against those that count. Its figures
// are exact: they are for the officer, are kept nowhere, and decide nothing.
type Comparison struct {
	With    []string           `json:"with"` // the sources that count
	By      []string           `json:"by"`   // dimensions, as place.region, of the cells: the coarsest that any source is at
	Periods []PeriodComparison `json:"periods"`
	Gone    []string           `json:"gone"` // periods of which rows were destroyed: not compared
}

// A PeriodComparison is that of one period of which the source has rows. Cells are
// those that either side has.
type PeriodComparison struct {
	Period     string           `json:"period"`
	Here       int64            `json:"here"`       // sum of the source's figures
	Others     int64            `json:"others"`     // sum of the others'
	Equal      int              `json:"equal"`      // cells
	Differ     int              `json:"differ"`     // cells with other figures on both sides
	Suppressed int              `json:"suppressed"` // cells that differ, and are suppressed on a side: nothing can be said
	OnlyHere   int              `json:"only_here"`  // cells that only the source has, with a figure that is not 0
	OnlyOthers int              `json:"only_others"`
	Cells      []CellComparison `json:"cells"` // that are not equal, the largest difference first, the first MostDiffering
}

// A CellComparison is one cell that is not equal.
type CellComparison struct {
	Codes  []string `json:"codes"` // of the dimensions of By
	Here   int64    `json:"here"`
	Others int64    `json:"others"`
}

// MostDiffering is how many cells of a period a comparison lists.
const MostDiffering = 100

// compareAll compares each source of a pull that only checks.
func (l Line) compareAll(st *staging.Store, res []SourceResult) error {
	for i, r := range res {
		n := slices.IndexFunc(l.Dataset.Sources, func(s config.Source) bool { return s.Name == r.Name })
		if !l.Dataset.Sources[n].Check {
			continue
		}
		c, err := l.compare(st, l.Dataset.Sources[n])
		if err != nil {
			return &stagingError{err}
		}
		res[i].Check = &c
	}
	return nil
}

// compare works on what is staged now. The cells are those of the coarsest level
// of each dimension that any of the sources is at, by declaration.
func (l Line) compare(st *staging.Store, check config.Source) (Comparison, error) {
	c := Comparison{With: []string{}, By: []string{}, Periods: []PeriodComparison{}, Gone: []string{}}
	at := check.Mapping.Levels()
	for _, s := range l.Dataset.Sources {
		if s.Check {
			continue
		}
		c.With = append(c.With, s.Name)
		for d, level := range s.Mapping.Levels() {
			at[d] = min(at[d], level)
		}
	}
	k := comparing{l: l, st: st, check: check}
	for d, list := range l.Dataset.Lists {
		k.dims = append(k.dims, l.Dataset.Spec.Dimensions[d].Name)
		k.levels = append(k.levels, normalize.RollUp(list, at[d]))
		if at[d] == 0 {
			continue
		}
		k.shown = append(k.shown, d)
		by := k.dims[d]
		if at[d] < len(list.Levels)-1 {
			by += "." + list.Levels[at[d]]
		}
		c.By = append(c.By, by)
	}
	batches, err := st.Batches(check.Name)
	if err != nil {
		return c, err
	}
	var periods []privacy.Period
	for _, b := range batches {
		for text := range b.Periods {
			if p, err := privacy.ParsePeriod(text); err == nil {
				periods = append(periods, p)
			}
		}
	}
	for _, p := range inOrder(periods) {
		r, err := k.period(p)
		switch {
		case errors.Is(err, staging.ErrDestroyed), errors.Is(err, staging.ErrGone):
			c.Gone = append(c.Gone, p.String())
		case err != nil:
			return c, err
		case r != nil:
			c.Periods = append(c.Periods, *r)
		}
	}
	return c, nil
}

// comparing is one comparison while it goes on.
type comparing struct {
	l      Line
	st     *staging.Store
	check  config.Source
	dims   []string
	levels []staging.Level
	shown  []int // dimensions that are not at their totals
}

// period is nil where the source has no rows of it.
func (k *comparing) period(p privacy.Period) (*PeriodComparison, error) {
	here, others := staging.Cells{}, staging.Cells{}
	has, err := k.add(k.check, p, here)
	if err != nil || !has {
		return nil, err
	}
	for _, s := range k.l.Dataset.Sources {
		if !s.Check {
			if _, err := k.add(s, p, others); err != nil {
				return nil, err
			}
		}
	}
	r := &PeriodComparison{Period: p.String(), Cells: []CellComparison{}}
	for key, a := range here {
		b := others[key]
		r.Here += a.Value
		if b == nil {
			k.differ(r, key, a, &staging.Cell{}, &r.OnlyHere)
			continue
		}
		k.differ(r, key, a, b, &r.Differ)
	}
	for key, b := range others {
		r.Others += b.Value
		if here[key] == nil {
			k.differ(r, key, &staging.Cell{}, b, &r.OnlyOthers)
		}
	}
	slices.SortFunc(r.Cells, func(a, b CellComparison) int {
		return cmp.Or(cmp.Compare(distance(b), distance(a)), slices.Compare(a.Codes, b.Codes))
	})
	r.Cells = r.Cells[:min(len(r.Cells), MostDiffering)]
	return r, nil
}

// differ counts a cell: equal, or in one of the ways in which it is not. A cell of
// 0 is as one that is not there.
func (k *comparing) differ(r *PeriodComparison, key string, here, others *staging.Cell, how *int) {
	if here.Value == others.Value {
		r.Equal++
		return
	}
	if here.Suppressed || others.Suppressed {
		how = &r.Suppressed
	}
	*how++
	c := CellComparison{Codes: []string{}, Here: here.Value, Others: others.Value}
	for codes, d := staging.Codes(key), 0; d < len(k.shown); d++ {
		c.Codes = append(c.Codes, codes[k.shown[d]])
	}
	r.Cells = append(r.Cells, c)
}

func distance(c CellComparison) int64 { return max(c.Here-c.Others, c.Others-c.Here) }

func (k *comparing) add(s config.Source, p privacy.Period, into staging.Cells) (bool, error) {
	batches, err := k.st.Batches(s.Name)
	if err != nil {
		return false, err
	}
	ids, err := staging.Select(s.Delivers, batches, p)
	if err != nil {
		return false, err
	}
	return len(ids) > 0, k.st.Cells(s.Name, p, ids, k.dims, k.levels, into)
}
