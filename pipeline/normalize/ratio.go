package normalize

import "halftone/privacy"

// A history holds the cells of a pull, to compare them with those of the period
// before. Memory is that of the distinct cells: about 90 bytes for each.
type history struct {
	most   float64
	keys   *keys // packs period and leaves
	at     map[rowKey]int
	cells  []pastCell
	codes  []uint32 // of the cells, one after the other
	before func(privacy.Period) ([]Observations, error)
}

type pastCell struct {
	period uint32
	sum    int64
	byHand bool // a correction is in it: a person has looked
	first  spot
}

// Before lets `bounds.ratio` see what earlier pulls brought of a period that
// this one does not hold. Without it only periods of one pull are compared. To
// be called before the first Page; it is called from Close.
func (n *Normalizer) Before(held func(privacy.Period) ([]Observations, error)) {
	if n.past != nil {
		n.past.before = held
	}
}

func (n *Normalizer) compileRatio() {
	if n.m.Bounds.Ratio == 0 {
		return
	}
	var sizes []int
	for _, d := range n.rules.dicts {
		sizes = append(sizes, len(d))
	}
	n.past = &history{most: n.m.Bounds.Ratio, keys: newKeys("", nil, sizes), at: map[rowKey]int{}}
}

// take adds what goes out to its cells.
func (h *history) take(b *batch, byHand map[spot]bool) {
	codes := make([]uint32, len(b.codes))
	for i, v := range b.value {
		for d := range codes {
			codes[d] = b.codes[d][i]
		}
		key := h.keys.key(0, b.period[i], codes)
		j, ok := h.at[key]
		if !ok {
			j = len(h.cells)
			h.at[key] = j
			h.cells = append(h.cells, pastCell{period: b.period[i], first: spot{b.file[i], b.row[i]}})
			h.codes = append(h.codes, codes...)
		}
		c := &h.cells[j]
		c.sum += v // at most 2^41 a row: no overflow below 2^22 rows a cell at that size
		c.byHand = c.byHand || byHand[spot{b.file[i], b.row[i]}]
	}
}

// closeRatio stops the source where a cell is more than so many times what it
// was the period before. A cell that was not there says nothing; one that was 0
// or less counts as 1.
func (n *Normalizer) closeRatio() error {
	h := n.past
	last := map[uint32]func(codes []uint32) (int64, bool){}
	for i, c := range h.cells {
		find, ok := last[c.period]
		if !ok {
			var err error
			if find, err = n.lastPeriod(c.period); err != nil {
				return err
			}
			last[c.period] = find
		}
		codes := h.codes[i*len(n.codes) : (i+1)*len(n.codes)]
		was, ok := find(codes)
		if ok && !c.byHand && float64(c.sum) > h.most*float64(max(was, 1)) {
			n.tally.problem(overRatio, n.value.name(), n.place(c.first), Place{})
		}
	}
	return nil
}

// lastPeriod finds the cells of the period before one.
func (n *Normalizer) lastPeriod(period uint32) (func([]uint32) (int64, bool), error) {
	h, none := n.past, func([]uint32) (int64, bool) { return 0, false }
	p, ok := n.rules.periods.calendar.before(n.rules.periods.list[period])
	if !ok {
		return none, nil
	}
	if v, known := n.rules.periods.number[p]; known {
		for _, c := range h.cells {
			if c.period == uint32(v) {
				return func(codes []uint32) (int64, bool) {
					j, ok := h.at[h.keys.key(0, uint32(v), codes)]
					if !ok {
						return 0, false
					}
					return h.cells[j].sum, true
				}, nil
			}
		}
	}
	if h.before == nil {
		return none, nil
	}
	held, err := h.before(p)
	if err != nil {
		return nil, err
	}
	return n.staged(held), nil
}

// staged finds cells among observations of one period. Codes that are no longer
// in the list are of no cell.
func (n *Normalizer) staged(held []Observations) func([]uint32) (int64, bool) {
	h, sums := n.past, map[rowKey]int64{}
	codes := make([]uint32, len(n.codes))
	for _, o := range held {
	rows:
		for i, v := range o.Value {
			for d, c := range o.Dims {
				leaf, ok := n.rules.dims[d].leaves[c.Dict[c.Index[i]]]
				if !ok {
					continue rows
				}
				codes[d] = leaf
			}
			sums[h.keys.key(0, 0, codes)] += v
		}
	}
	return func(codes []uint32) (int64, bool) {
		v, ok := sums[h.keys.key(0, 0, codes)]
		return v, ok
	}
}

// before gives the period before p, if the dataset has one.
func (c calendar) before(p privacy.Period) (q privacy.Period, ok bool) {
	if c.months == 0 {
		for i, b := range c.bands {
			if b == p && i > 0 {
				return c.bands[i-1], true
			}
		}
		return q, false
	}
	start := p.Start().AddDate(0, -c.months, 0)
	q, err := privacy.NewPeriod(start.Year(), int(start.Month()), c.months)
	return q, err == nil && c.declared(q)
}
