package normalize

import "math/bits"

// totals are the rows of one grain that are totals, by cell, beside what their
// parts come to. Memory is that of the distinct cells: about 120 bytes and 4 a
// dimension for each, whatever the number of rows.
type totals struct {
	keys  *keys // packs period and codes
	at    map[rowKey]int
	cells []totalCell
	codes []uint32 // of the cells, one after the other
	dims  int
}

// A totalCell is a cell of a grain: its period, what totals and what parts say.
type totalCell struct {
	period       uint32
	total, parts int64
	hasTotal     bool
	hasParts     bool
	status       Status // of the totals
	partStatus   Status
	first        spot // of a total, else of a part
}

func newTotals(sizes []int) *totals {
	return &totals{keys: newKeys("", nil, sizes), at: map[rowKey]int{}, dims: len(sizes)}
}

func (t *totals) cell(period uint32, codes []uint32, at spot) *totalCell {
	key := t.keys.key(0, period, codes)
	i, ok := t.at[key]
	if !ok {
		i = len(t.cells)
		t.at[key] = i
		t.cells = append(t.cells, totalCell{period: period, first: at})
		t.codes = append(t.codes, codes...)
	}
	return &t.cells[i]
}

func (t *totals) codesOf(i int) []uint32 { return t.codes[i*t.dims : (i+1)*t.dims] }

// value is what a cell comes to: its total, or what its parts do.
func (c *totalCell) value() (v int64, s Status) {
	if c.hasTotal {
		return c.total, c.status
	}
	return c.parts, c.partStatus
}

// within adds, and says whether the sum is one that a count may be.
func within(a, b int64) (sum int64, ok bool) {
	sum = a + b // both are within: no overflow
	return sum, -maxCount <= sum && sum <= maxCount
}

// part adds what has been found at a grain to the cell of the next that it lies in.
func (n *Normalizer) part(grain int, period uint32, codes []uint32, v int64, s Status, at spot) {
	g := n.grades
	for d, c := range codes {
		g.codes[d] = g.dims[d].up[grain+1][c]
	}
	c := g.chain[grain].cell(period, g.codes, at)
	sum, ok := within(c.parts, v)
	if !ok {
		n.tally.problem(hugeParts, n.value.name(), n.place(at), Place{})
		return
	}
	c.parts, c.hasParts, c.partStatus = sum, true, c.partStatus.with(s)
}

// total takes a row that is a total of the first grain of fits.
func (n *Normalizer) total(fits uint64, period uint32, codes []uint32, v int64, s Status, at spot) {
	c := n.grades.chain[bits.TrailingZeros64(fits)-1].cell(period, codes, at)
	sum, ok := within(c.total, v)
	if !ok {
		n.tally.problem(hugeParts, n.value.name(), n.place(at), Place{})
		return
	}
	if !c.hasTotal {
		c.first = at
	}
	c.total, c.hasTotal, c.status = sum, true, c.status.with(s)
}

// closeTotals compares totals with their parts, from the finest grain up, and
// with `rest` puts what is left of each total into out: nothing where the parts
// are all of it, but also a 0 that has no parts, which says that there is one.
func (n *Normalizer) closeTotals(out *batch) {
	g := n.grades
	for k, t := range g.chain {
		var below, all int64 // by which parts exceed unsuppressed totals; all of these
		var first spot
		for i := range t.cells {
			c, codes := &t.cells[i], t.codesOf(i)
			v, status := c.value()
			if c.hasTotal {
				if over := c.parts - c.total; c.status != Suppressed && c.hasParts && over > 0 {
					if below == 0 {
						first = c.first
					}
					below += over
				}
				if c.status != Suppressed {
					all += max(0, c.total)
				}
				n.compare(c)
				if rest := c.total - c.parts; (rest != 0 || !c.hasParts) && g.totals.Use == totalsRest {
					n.add(c.period, codes, rest, c.status.with(c.partStatus), c.first, out)
				}
			}
			if k+1 < len(g.chain) {
				n.part(k+1, c.period, codes, v, status, c.first)
			}
		}
		if g.totals.Use == totalsRest && float64(below) > g.totals.MaxBelow*float64(all) {
			n.tally.problem(overParts, n.value.name(), n.place(first), Place{})
		}
	}
}

// maxPlaces is how many totals that differ from their parts a report lists.
const maxPlaces = 20

// compare reports a total. Where a figure is suppressed nothing can be said.
func (n *Normalizer) compare(c *totalCell) {
	r := &n.grades.finished
	switch {
	case !c.hasParts:
		r.Alone++
	case c.status == Suppressed || c.partStatus == Suppressed:
		r.Suppressed++
	case c.parts == c.total:
		r.Equal++
	default:
		r.Differ++
		if c.parts > c.total {
			r.Below++
		}
		if len(r.Places) < maxPlaces {
			r.Places = append(r.Places, n.place(c.first))
		}
	}
}
