package normalize

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

// A RowKey stands for the texts that identify a row. It is made by a keyed hash,
// so that whoever has it cannot test a guess without the key.
type RowKey [16]byte

// Compare orders keys.
func (k RowKey) Compare(o RowKey) int { return slices.Compare(k[:], o[:]) }

// KeyedBy says how the bytes of a row's key are hashed. A mapping with
// [Mapping.Upsert] needs it; it goes before the first Page.
func (n *Normalizer) KeyedBy(hash func(text []byte) RowKey) {
	if n.versions != nil {
		n.versions.hash = hash
	}
}

// Came lists the keys of all rows that came, each once, in order: those of
// observations, and of rows that count nothing any more. It goes after Close.
func (n *Normalizer) Came() []RowKey {
	if n.versions == nil {
		return nil
	}
	return slices.SortedFunc(maps.Keys(n.versions.last), RowKey.Compare)
}

// Versions are the rows of a pull of which the last of each key counts. What
// becomes of a row is decided when it comes, and counts when no later one can
// take its place: a row that is filtered, deleted or in quarantine takes the
// place of an earlier one, too, and a wrong value that was corrected later stops
// nothing. Memory is about 100 bytes a row and 4 a dimension.
type versions struct {
	hash    func([]byte) RowKey
	columns []*exact
	names   []string // of the columns
	deleted predicate
	last    map[RowKey]uint32 // number of the last row of a key
	rows    []version
	held    *batch // of the rows that are to be counted; codes are verdicts
	fate    fate   // of the row at hand
	scratch []byte
}

// A version is one row.
type version struct {
	key RowKey
	at  spot
	fate
	held uint32 // its number in held, if it is to be counted
}

// A fate is the outcome of a row, or why it stops the source.
type fate struct {
	end ending
	why *why
}

// A why tells more of a row in quarantine, or of one that stops the source.
type why struct {
	reason, column string
	kind           problemKind
}

// An exact column of a key: identifiers differ by case.
type exact struct {
	col *column
	of  []string // by label
}

var _ decider = (*exact)(nil)

func (e *exact) decide(l label) { e.of = append(e.of, l.clean) }
func (e *exact) forget()        { e.of = e.of[:0] }

func (n *Normalizer) compileVersions(b *builder) error {
	if !n.m.Upsert {
		return nil
	}
	v := &versions{names: n.m.Key, last: map[RowKey]uint32{}, held: n.newBatch(0)}
	for _, name := range n.m.Key {
		e := &exact{col: b.byName[name]}
		e.col.deciders = append(e.col.deciders, e)
		v.columns = append(v.columns, e)
	}
	var err error
	if v.deleted, err = b.predicate("deleted", n.m.Deleted); err != nil {
		return err
	}
	n.rules.unused = b.unused
	n.versions = v
	return nil
}

var errNoHash = errors.New("normalize: rows have keys over all pulls, and nothing hashes them")

// version takes a row whose fate is final only at the end.
func (n *Normalizer) version(i int, at spot) {
	v := n.versions
	key, ok := v.key(i)
	if !ok {
		n.tally.quarantine("key: "+reasonBlank, v.names[0], n.place(at))
		return
	}
	v.fate = fate{}
	n.tally.fate = &v.fate
	held := len(v.held.value)
	if v.deleted != nil && v.deleted.holds(i) {
		n.tally.end(endDeleted)
	} else {
		n.decide(i, at, nil)
	}
	n.tally.fate = nil
	if before, there := v.last[key]; there {
		v.rows[before].fate = fate{end: endMerged}
	}
	v.last[key] = uint32(len(v.rows))
	v.rows = append(v.rows, version{key: key, at: at, fate: v.fate, held: uint32(held)})
}

// key hashes what identifies row i of the page; it is not ok when that is blank.
func (v *versions) key(i int) (RowKey, bool) {
	b, ok := v.scratch[:0], false
	for _, c := range v.columns {
		text := c.of[c.col.index[i]]
		ok = ok || text != ""
		b = binary.LittleEndian.AppendUint64(b, uint64(len(text)))
		b = append(b, text...)
	}
	v.scratch = b
	if !ok {
		return RowKey{}, false
	}
	return v.hash(b), true
}

// hold keeps what an observation is made of.
func (v *versions) hold(n *Normalizer, at spot, period uint32, value int64, s Status) {
	for d, is := range n.rules.verdicts {
		n.codes[d] = uint32(is)
	}
	v.held.add(period, n.codes, value, s, at)
}

// closeVersions ends every row, and lets the last of each key go on.
func (n *Normalizer) closeVersions(out *batch) {
	v := n.versions
	out.key = []RowKey{}
	for _, r := range v.rows {
		switch r.end {
		case endCounted:
			n.resumeVersion(r, out)
		case endStopped:
			n.tally.problem(r.why.kind, r.why.column, n.place(r.at), Place{})
		case endQuarantined:
			n.tally.quarantine(r.why.reason, r.why.column, n.place(r.at))
		default:
			n.tally.end(r.end)
		}
	}
}

func (n *Normalizer) resumeVersion(r version, out *batch) {
	held := n.versions.held
	for d, dim := range n.rules.dims {
		is := verdict(held.codes[d][r.held])
		n.codes[d], n.rules.verdicts[d] = dim.targets[is].leaf, is
	}
	if n.person != nil {
		n.who = held.who[r.held]
	}
	rows := len(out.value)
	n.settle(rowKey{}, r.at, held.period[r.held], held.value[r.held], held.status[r.held], out)
	if len(out.value) > rows { // else it is of another grain
		out.key = append(out.key, r.key)
	}
}

// upsert checks what goes with the last row of a key. What looks at several rows
// would see those of one pull only, so that its result depended on how pulls were cut.
func (c *checker) upsert(m Mapping) {
	if !m.Upsert {
		if m.Deleted != nil {
			c.problem(path("deleted"), "goes with `delivers: upsert`: without it no row takes away another")
		}
		return
	}
	at := path("delivers")
	if m.Key == nil {
		c.problem(at, "upsert needs `key`: the columns that identify a row over all pulls")
	}
	for _, p := range []struct {
		is  bool
		key string
	}{{m.Duplicates != "", "duplicates"}, {m.Keep != nil, "keep"}, {m.Totals.Use == totalsCheck || m.Totals.Use == totalsRest, "totals"},
		{m.Bounds.Ratio != 0, "bounds"}, {m.ByHand(), "corrections"}} {
		if p.is {
			c.problem(path(p.key), "does not go with `delivers: upsert`: it looks at other rows than the one, and a pull may bring any of them")
		}
	}
	u := m.Reshape.Unpivot
	if u == nil {
		return
	}
	for _, name := range u.made() {
		if name != u.Value && slices.Contains(m.Key, name) {
			return
		}
	}
	c.problem(path("key"), "with `unpivot` a row has several figures, and only the last would count: name a column that it makes, such as @column")
}
