package normalize

import (
	"fmt"

	"halftone/privacy"
)

// rules are the targets of the map but the value.
type rules struct {
	unit, period *rule
	periods      *periods
	dims         []*dimension
	verdicts     []verdict         // of the row at hand, one a dimension
	dicts        [][]string        // leaf codes of each dimension, in code-list order
	units        *units            // nil: one for all rows
	unused       []func() []string // literals that no label met
}

// A builder makes the columns that rules read, each once.
type builder struct {
	columns []*column // that pages have
	byName  map[string]*column
	joined  []*column // made of them
	byParts map[string]*column
	unused  []func() []string
	claims  map[*column][]claim
}

func newBuilder(names []string) *builder {
	b := &builder{byName: map[string]*column{}, byParts: map[string]*column{}, claims: map[*column][]claim{}}
	for _, name := range names {
		b.byName[name] = newColumn(name)
		b.columns = append(b.columns, b.byName[name])
	}
	return b
}

// column gives a column of the page; nil for no name.
func (b *builder) column(name string) *column { return b.byName[name] }

// source gives the column of a rule, or several joined; nil for a constant.
func (b *builder) source(one string, columns []string, join string) *column {
	switch len(columns) {
	case 0:
		return b.column(one)
	case 1:
		return b.column(columns[0])
	}
	key := fmt.Sprintf("%q %q", columns, join)
	c := b.byParts[key]
	if c == nil {
		var parts []*column
		for _, name := range columns {
			parts = append(parts, b.column(name))
		}
		c = newJoined(parts, join)
		b.byParts[key], b.joined = c, append(b.joined, c)
	}
	return c
}

// reportUnused has the literals that no label met reported under a key.
func reportUnused[T any](b *builder, key string, ls literals[T]) {
	b.unused = append(b.unused, func() []string { return unused(key, ls) })
}

// claim says that the codes of a target know labels of a column.
func (b *builder) claim(c *column, target string, knows func(label) bool) {
	if c != nil {
		b.claims[c] = append(b.claims[c], claim{target, knows})
	}
}

func (n *Normalizer) compile(declared func(privacy.Period) bool, every string, bands []privacy.Period) error {
	c, err := newCalendar(declared, every, bands)
	if err != nil {
		return err
	}
	used := n.m.used()
	n.reshape = newReshaper(n.m, used)
	b := newBuilder(used)
	if n.where, err = b.predicate("where", n.m.Where); err != nil {
		return err
	}
	if err := n.rules.compile(n.m, c, b); err != nil {
		return err
	}
	if n.value, err = b.value(n.m.Value, n.m.Bounds); err != nil {
		return err
	}
	n.codes = make([]uint32, len(n.rules.dims))
	n.zeros = newZeros(n.m, n.rules.dicts)
	if err := n.compilePerson(b); err != nil {
		return err
	}
	n.compileKeys(b.byName)
	n.columns, n.joined, n.rules.unused = b.columns, b.joined, b.unused
	n.rules.units = newUnits(n.m.Unit, b)
	for _, c := range n.columns {
		c.given = n.m.given(c.name)
	}
	n.compileKeep(b.byName)
	n.compileGrains()
	if err := n.compileVersions(b); err != nil {
		return err
	}
	n.compileRatio()
	return n.compileCorrections()
}

func (rs *rules) compile(m Mapping, c calendar, b *builder) error {
	// 1. Unit and period.
	unit, units := newUnit(m.Unit)
	unit.bind(b.column(m.Unit.Column))
	rs.periods = &periods{calendar: c, number: map[privacy.Period]verdict{}}
	period, codes, err := newPeriod(m.Period, rs.periods)
	if err != nil {
		return err
	}
	period.bind(b.source(m.Period.Column, m.Period.Columns, m.Period.Join))
	rs.unit, rs.period = unit, period
	reportUnused(b, "map.unit", units)
	reportUnused(b, "map.period", codes)
	b.claim(unit.col, unit.target, units.has)
	extract, err := newExtract(m.Period.Regex)
	if err != nil {
		return err
	}
	b.claim(period.col, period.target, func(l label) bool {
		text, matches := extract.from(l)
		return matches && codes.has(text)
	})
	// 2. Dimensions.
	for _, d := range m.Dimensions {
		made, leaves, err := newDimension(d, m.Unknowns(d.Name))
		if err != nil {
			return err
		}
		if m.Grains != nil {
			made.graded = newCodes(d.List)
		}
		for _, r := range d.rules() {
			if err := made.compile(r, b); err != nil {
				return err
			}
		}
		rs.dims, rs.dicts = append(rs.dims, made), append(rs.dicts, leaves)
	}
	rs.verdicts = make([]verdict, len(rs.dims))
	// 3. What targets know of each other's columns.
	for _, d := range rs.dims {
		for _, c := range d.choices {
			for _, o := range b.claims[c.col] {
				if o.target != d.name {
					c.others = append(c.others, o)
				}
			}
		}
	}
	return nil
}

// compile adds a rule and binds it to its column.
func (d *dimension) compile(r Rule, b *builder) error {
	key := "map." + d.name
	when, err := b.predicate(key+" when", r.When)
	if err != nil {
		return err
	}
	c, err := d.add(r, when)
	if err != nil {
		return err
	}
	c.bind(b.source(r.Column, r.Columns, r.Join))
	reportUnused(b, key, c.literals)
	b.claim(c.col, d.name, func(l label) bool { return d.knows(c, l) })
	return nil
}

// bind has a rule decide the labels of a column; nil for a constant.
func (r *rule) bind(c *column) {
	if r.col = c; c != nil {
		c.deciders = append(c.deciders, r)
	}
}

func (n *Normalizer) compileKeys(byName map[string]*column) {
	if n.m.everyRow() || n.m.Upsert {
		return
	}
	var columns []*folded
	for _, name := range n.m.Key {
		f := &folded{col: byName[name]}
		f.col.deciders = append(f.col.deciders, f)
		columns = append(columns, f)
	}
	var leaves []int
	for d, dict := range n.rules.dicts {
		size := len(dict)
		if g := n.rules.dims[d].graded; g != nil {
			size = len(g.codes)
		}
		leaves = append(leaves, size)
	}
	n.keys = newKeys(n.m.duplicates(), columns, leaves)
	if n.keys.mode != duplicatesError {
		n.held = n.newBatch(0)
	}
}
