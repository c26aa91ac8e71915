package normalize

import (
	"maps"
	"slices"

	"halftone/pipeline/codelist"
)

// Units count rows by the unit that a column names.
type units struct {
	col   *column
	codes map[string]string // folded label → unit
	of    []int             // by label: number of a unit, -1 for a label that is none
	names []string
	rows  []int64
}

var _ decider = (*units)(nil)

func newUnits(u Unit, b *builder) *units {
	if u.Column == "" {
		return nil
	}
	made := &units{col: b.column(u.Column), codes: map[string]string{}}
	for text, unit := range u.Codes {
		made.codes[codelist.Fold(text)] = unit
	}
	made.names = slices.Compact(slices.Sorted(maps.Values(u.Codes)))
	made.rows = make([]int64, len(made.names))
	made.col.deciders = append(made.col.deciders, made)
	return made
}

func (u *units) decide(l label) {
	n := -1
	if unit, ok := u.codes[l.folded]; ok {
		n = slices.Index(u.names, unit)
	}
	u.of = append(u.of, n)
}

func (u *units) forget() { u.of = u.of[:0] }

// count counts row i of the page.
func (u *units) count(i int) {
	if u == nil {
		return
	}
	if n := u.of[u.col.index[i]]; n >= 0 {
		u.rows[n]++
	}
}

func (u *units) report() map[string]int64 {
	if u == nil {
		return nil
	}
	out := map[string]int64{}
	for i, name := range u.names {
		if u.rows[i] > 0 {
			out[name] = u.rows[i]
		}
	}
	return out
}

// codes are those of observations, by dimension.
func (rs *rules) codes() map[string][]string {
	out := map[string][]string{}
	for _, d := range rs.dims {
		var codes []string
		for _, t := range d.targets {
			if t.rows > 0 {
				codes = append(codes, t.code)
			}
		}
		slices.Sort(codes)
		out[d.name] = slices.Compact(codes)
	}
	return out
}
