package normalize

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"regexp"
	"strings"
)

// A keeper holds the rows of a pull until it is known which come first. Memory
// is about 60 bytes a row, 4 a dimension and 8 a step, and 60 a partition; rows
// that another row of the first step has come before are not held.
type keeper struct {
	steps []*keepStep
	keys  []rowKey // of the held rows, where rows have keys
	rows  *batch   // codes are verdicts
}

// A keepStep is a [Keep] and what it needs of the held rows.
type keepStep struct {
	is        Keep
	partition []*folded
	order     *order
	groups    map[rowKey]uint32
	best      []uint32 // of each group: the rank that comes first so far
	group     []uint32 // of each held row
	rank      []uint32 // of each held row: a number of order.texts
	scratch   []byte
}

func (n *Normalizer) compileKeep(byName map[string]*column) {
	if len(n.m.Keep) == 0 {
		return
	}
	n.keep = &keeper{rows: n.newBatch(0)}
	for _, k := range n.m.Keep {
		s := &keepStep{is: k, groups: map[rowKey]uint32{}, order: newOrder(k)}
		for _, name := range k.PartitionBy {
			f := &folded{col: byName[name]}
			f.col.deciders = append(f.col.deciders, f)
			s.partition = append(s.partition, f)
		}
		s.order.col = byName[k.OrderBy]
		s.order.col.deciders = append(s.order.col.deciders, s.order)
		n.rules.unused = append(n.rules.unused, func() []string { return unused("keep "+k.OrderBy, s.order.literals) })
		n.keep.steps = append(n.keep.steps, s)
	}
}

// hold takes a row. It is not kept when a row of its first partition is known to
// come before it.
func (n *Normalizer) hold(i int, at spot, period uint32, v int64, status Status) {
	k := n.keep
	for _, s := range k.steps { // of every row, whichever others came before it
		if !s.order.see(i) {
			n.tally.problem(unordered, s.is.OrderBy, n.place(at), Place{})
			return
		}
	}
	for j, s := range k.steps {
		rank := s.order.of[s.order.col.index[i]]
		group := s.groupOf(i, period, rank)
		if j == 0 {
			if s.order.before(s.best[group], rank) {
				n.tally.ended[endNotKept]++
				return
			}
			s.best[group] = rank
		}
		s.group, s.rank = append(s.group, group), append(s.rank, rank)
	}
	for d, v := range n.rules.verdicts {
		n.codes[d] = uint32(v)
	}
	k.rows.add(period, n.codes, v, status, at)
	if n.keys != nil && n.keys.columns != nil {
		k.keys = append(k.keys, n.keys.key(i, period, n.codes))
	}
}

// groupOf numbers the partition of row i of the page within its period.
func (s *keepStep) groupOf(i int, period, rank uint32) uint32 {
	b := binary.LittleEndian.AppendUint32(s.scratch[:0], period)
	for _, c := range s.partition {
		b = appendText(b, c.of[c.col.index[i]])
	}
	s.scratch = b
	h := sha256.Sum256(b)
	key := rowKey(h[:16])
	g, ok := s.groups[key]
	if !ok {
		g = uint32(len(s.best))
		s.groups[key], s.best = g, append(s.best, rank)
	}
	return g
}

// closeKeep lets the rows that are kept go on, in the order in which they came.
func (n *Normalizer) closeKeep(out *batch) {
	k := n.keep
	gone := make([]bool, len(k.rows.value))
	for _, s := range k.steps {
		if s.order.numbers && s.order.dates {
			n.tally.problem(mixedOrder, s.is.OrderBy, Place{}, Place{})
			return
		}
		const none = ^uint32(0)
		best := make([]uint32, len(s.best))
		for g := range best {
			best[g] = none
		}
		for i, g := range s.group {
			if !gone[i] && (best[g] == none || s.order.before(s.rank[i], best[g])) {
				best[g] = s.rank[i]
			}
		}
		for i, g := range s.group {
			gone[i] = gone[i] || s.order.before(best[g], s.rank[i])
		}
	}
	for i := range gone {
		if gone[i] {
			n.tally.ended[endNotKept]++
			continue
		}
		n.resume(i, out)
	}
}

// resume takes a kept row through the rest of the order of operations.
func (n *Normalizer) resume(i int, out *batch) {
	r := n.keep.rows
	for d, dim := range n.rules.dims {
		v := verdict(r.codes[d][i])
		n.codes[d], n.rules.verdicts[d] = dim.targets[v].leaf, v
	}
	if n.person != nil {
		n.who = r.who[i]
	}
	var key rowKey
	switch {
	case n.keep.keys != nil:
		key = n.keep.keys[i]
	case n.keys != nil:
		key = n.keys.key(0, r.period[i], n.codes)
	}
	n.settle(key, spot{r.file[i], r.row[i]}, r.period[i], r.value[i], r.status[i], out)
}

// An order ranks the labels of a column. Numbers and dates have an order of
// their own, other labels only the one that is declared.
type order struct {
	is       Keep
	col      *column
	literals literals[uint32]
	of       []uint32          // by label: a rank, or noOrder
	texts    []string          // of a rank, in a form that sorts; of a declared order, none
	ranks    map[string]uint32 // of such a form
	numbers  bool              // rows have numbers
	dates    bool              // rows have dates
}

var _ decider = (*order)(nil)

// Ranks that are no number of a text.
const (
	noOrder   = ^uint32(0)
	lastOrder = noOrder - 1 // blank, or not among the declared labels
)

func newOrder(k Keep) *order {
	o := &order{is: k, literals: newLiterals[uint32](), ranks: map[string]uint32{}}
	for i, text := range k.Order {
		o.literals.add(text, uint32(i))
	}
	return o
}

func (o *order) forget() { o.of = o.of[:0] }

func (o *order) decide(l label) {
	if o.is.Order != nil {
		rank, ok := o.literals.find(l)
		if !ok {
			rank = lastOrder
		}
		o.of = append(o.of, rank)
		return
	}
	o.of = append(o.of, o.rank(l))
}

// rank numbers a label that has an order of its own.
func (o *order) rank(l label) uint32 {
	if l.blank {
		return lastOrder
	}
	text, ok := sortable(l.clean)
	if !ok {
		return noOrder
	}
	rank, ok := o.ranks[text]
	if !ok {
		rank = uint32(len(o.texts))
		o.ranks[text], o.texts = rank, append(o.texts, text)
	}
	return rank
}

// before reports whether rank a comes before b.
func (o *order) before(a, b uint32) bool {
	switch {
	case o.is.Order != nil:
		return a < b
	case a == lastOrder || b == lastOrder:
		return a != lastOrder
	case a == b:
		return false
	}
	return (o.texts[a] < o.texts[b]) != o.is.Desc
}

// see takes note of the label of row i of the page. It is not ok when that has
// no order.
func (o *order) see(i int) bool {
	rank := o.of[o.col.index[i]]
	if rank < uint32(len(o.texts)) {
		number := o.texts[rank][0] == 'n'
		o.numbers, o.dates = o.numbers || number, o.dates || !number
	}
	return rank != noOrder
}

var (
	plainNumber = regexp.MustCompile(`^0*([0-9]{1,40})(?:\.([0-9]{0,40}?)0*)?$`)
	isoDate     = regexp.MustCompile(`^[0-9]{4}-(?:[0-9]{2}|[Qq][1-4])(?:-[0-9]{2}(?:[Tt ][0-9:.,]+(?:[Zz]|[+-][0-9:]+)?)?)?$`)
)

// sortable gives the form of a number or date in which texts sort as they do.
func sortable(s string) (string, bool) {
	if m := plainNumber.FindStringSubmatch(s); m != nil {
		return fmt.Sprintf("n%02d%s.%s", len(m[1]), m[1], m[2]), true
	}
	if isoDate.MatchString(s) {
		return "d" + strings.ToUpper(s), true
	}
	return "", false
}
