package normalize

import (
	"math"
	"slices"

	"halftone/privacy"
)

// keep checks the steps.
func (c *checker) keep(steps []Keep) {
	at := path("keep")
	for _, k := range steps {
		if k.OrderBy == "" || len(k.PartitionBy) == 0 {
			c.problem(at, "a step needs partition_by and order_by")
		}
		if k.Order != nil && (k.Desc || len(k.Order) == 0) {
			c.problem(at, "order is asc, desc or a list of labels")
		}
		c.column(path("keep", "order_by"), k.OrderBy)
		for i, name := range k.PartitionBy {
			c.column(path("keep", "partition_by"), name)
			if name == "" || slices.Contains(k.PartitionBy[:i], name) {
				c.problem(path("keep", "partition_by"), "a column stands twice or has no name")
			}
		}
	}
}

func (c *checker) corrections(m Mapping) {
	at := path("corrections")
	if len(m.Corrections) == 0 {
		return
	}
	key := m.CorrectionKey()
	if key == nil {
		c.problem(at, "every row is its own, so that nothing says which row a correction is about: name by `key` what identifies a row")
	}
	for _, name := range key {
		if slices.Contains(correctionColumns[:], name) {
			c.problem(at, "column %q of the key has the name of a column of corrections", name)
		}
	}
	for _, one := range m.Corrections {
		if len(one.Key) != len(key) || one.Value > maxCount || one.Value < -maxCount {
			c.problem(at, "line %d: has another key than rows have, or a value larger than any count", one.Line)
			continue
		}
		for i, name := range key {
			if m.Key == nil {
				c.correctedCode(m, one, name, one.Key[i])
			}
		}
	}
}

// correctedCode checks a text of a key of codes.
func (c *checker) correctedCode(m Mapping, one Correction, column, text string) {
	at := path("corrections")
	if column == periodColumn {
		if _, err := privacy.ParsePeriod(text); err != nil {
			c.problem(at, "line %d: its period is none: want 2026, 2026-Q3, 2026-11 or 2014-2018", one.Line)
		}
		return
	}
	for _, d := range m.Dimensions {
		if _, _, ok := d.List.Leaf(text); d.Name == column && !ok {
			c.problem(at, "line %d: column %s has no code of %s", one.Line, column, d.List.Name)
		}
	}
}

func (c *checker) bounds(b Bounds) {
	if b.Clip && b.Max == nil {
		c.problem(path("bounds", "over"), "clip reads a value over max as max, and there is no max")
	}
	if b.Ratio != 0 && !(b.Ratio > 1 && b.Ratio <= math.MaxInt32) { // NaN too
		c.problem(path("bounds", "ratio"), "must be above 1")
	}
}

func (c *checker) grains(m Mapping) {
	at := path("grain")
	if m.Grains == nil {
		if m.Totals.Use != "" {
			c.problem(path("totals"), "says what becomes of totals, and there is no grain to tell them by")
		}
		return
	}
	if len(m.Grains) == 0 || len(m.Grains) > maxGrains {
		c.problem(at, "want a list of dimensions, or a list of such lists")
		return
	}
	for _, g := range m.Grains {
		c.grain(m, g)
	}
	for k := range m.Grains[1:] {
		finer, coarser := m.levels(m.Grains[k]), m.levels(m.Grains[k+1])
		less := false
		for i := range finer {
			if coarser[i] > finer[i] {
				c.problem(at, "grain %d is finer than grain %d in %s: a chain goes from the finest to the coarsest", k+2, k+1, m.Dimensions[i].Name)
			}
			less = less || coarser[i] < finer[i]
		}
		if !less {
			c.problem(at, "grain %d has nothing that grain %d lacks: no total of the one has parts in the other", k+1, k+2)
		}
	}
	c.totals(m)
}

// grain checks one grain by itself.
func (c *checker) grain(m Mapping, g Grain) {
	at := path("grain")
	for i, l := range g {
		j := slices.IndexFunc(m.Dimensions, func(d Dimension) bool { return d.Name == l.Dimension })
		switch {
		case j < 0:
			c.problem(at, "no dimension %q", l.Dimension)
		case slices.ContainsFunc(g[:i], func(o Level) bool { return o.Dimension == l.Dimension }):
			c.problem(at, "dimension %s stands twice in one grain", l.Dimension)
		case m.Dimensions[j].level(l.Level) == leftOut:
			c.problem(at, "dimension %s has no level %q below its total; to have it at its total, leave it out", l.Dimension, l.Level)
		}
	}
	for _, d := range m.Dimensions {
		inside := slices.ContainsFunc(g, func(l Level) bool { return l.Dimension == d.Name })
		code, constant := d.constant()
		switch total := code == privacy.Total; {
		case constant && inside && total:
			c.problem(at, "dimension %s is always at its total, so that no row has this grain: map it, or leave it out", d.Name)
		case constant && !inside && !total && code != "":
			c.problem(at, "dimension %s is always %q, so that no row has a grain that leaves it out", d.Name, code)
		}
	}
}

func (c *checker) totals(m Mapping) {
	at, t := path("totals"), m.Totals
	switch chain := len(m.Grains) > 1; {
	case t.Use == "" && chain:
		c.problem(at, "is missing: say what becomes of the totals of a chain of grains: drop, check or rest")
	case !slices.Contains([]string{"", totalsDrop, totalsCheck, totalsRest}, t.Use):
		c.problem(at, "want drop, check or rest")
	case !chain && (t.Use == totalsCheck || t.Use == totalsRest):
		c.problem(at, "%s needs a chain of grains: of which rows the totals are", t.Use)
	}
	if t.MaxBelow != 0 && (t.Use != totalsRest || !(t.MaxBelow > 0 && t.MaxBelow <= 1)) {
		c.problem(under(at, "max_below"), "goes with rest, and is from 0%% to 100%%")
	}
}
