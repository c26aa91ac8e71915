package normalize

import (
	"strings"

	"halftone/pipeline/codelist"
)

// A joint makes one column of several: its labels are the combinations of
// theirs that came, so that each is decided once. pairs[k] numbers what part
// k+1 stands beside, by the number of what the parts before it are together.
type joint struct {
	parts []*part
	join  string
	pairs []map[uint64]uint32
}

// A part keeps the texts of a column that a joint reads.
type part struct {
	col     *column
	texts   []string // by label
	forgets int      // of the column when the joint was last numbered
}

var _ decider = (*part)(nil)

func (p *part) decide(l label) { p.texts = append(p.texts, l.clean) }
func (p *part) forget()        { p.texts = p.texts[:0] }

func newJoined(columns []*column, join string) *column {
	j := &joint{join: join, pairs: make([]map[uint64]uint32, len(columns)-1)}
	var names []string
	for _, c := range columns {
		p := &part{col: c}
		c.deciders, j.parts, names = append(c.deciders, p), append(j.parts, p), append(names, c.name)
	}
	c := newColumn(strings.Join(names, ", "))
	c.joint = j
	c.forget()
	return c
}

// stale reports whether the numbers of a part no longer mean what they did.
func (j *joint) stale() bool {
	stale := false
	for _, p := range j.parts {
		stale = stale || p.forgets != p.col.forgets
		p.forgets = p.col.forgets
	}
	return stale
}

func (j *joint) forget() {
	for k := range j.pairs {
		j.pairs[k] = map[uint64]uint32{}
	}
}

// labelJoined numbers the combinations of the page, whose parts are numbered.
func (c *column) labelJoined() {
	j := c.joint
	if j.stale() || len(c.isBlank) > c.limit || c.bytes > maxLabelBytes {
		c.forget()
	}
	n := len(j.parts[0].col.index)
	c.sized(n)
	copy(c.index, j.parts[0].col.index)
	for k, p := range j.parts[1:] {
		pairs, last := j.pairs[k], k+2 == len(j.parts)
		for i, right := range p.col.index {
			pair := uint64(c.index[i])<<32 | uint64(right)
			number, ok := pairs[pair]
			if !ok {
				number = uint32(len(pairs))
				pairs[pair] = number
				if last {
					c.combine(i)
				}
			}
			c.index[i] = number
		}
	}
}

// combine has the new combination of row i decided.
func (c *column) combine(i int) {
	texts, blank := make([]string, len(c.joint.parts)), true
	for k, p := range c.joint.parts {
		texts[k] = p.texts[p.col.index[i]]
		blank = blank && texts[k] == ""
	}
	clean := codelist.Clean(strings.Join(texts, c.joint.join))
	c.decide(label{clean, codelist.Fold(clean), blank})
	c.bytes += len(clean)
}
