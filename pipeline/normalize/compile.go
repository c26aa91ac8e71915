package normalize

import (
	"unicode/utf8"

	"halftone/privacy"
)

// rules are the targets of the map but the value.
type rules struct {
	unit, period rule
	periods      *periods
	dims         []*dimension
	verdicts     []verdict         // of the row at hand, one a dimension
	dicts        [][]string        // leaf codes of each dimension, in code-list order
	unused       []func() []string // literals that no label met
}

func (n *Normalizer) compile(declared func(privacy.Period) bool, every string, bands []privacy.Period) error {
	c, err := newCalendar(declared, every, bands)
	if err != nil {
		return err
	}
	byName := map[string]*column{}
	for _, name := range n.m.Columns() {
		byName[name] = newColumn(name)
		n.columns = append(n.columns, byName[name])
	}
	for _, p := range n.m.Where {
		var tests []*test
		for _, t := range p {
			made, err := newTest(t, byName[t.Column])
			if err != nil {
				return err
			}
			made.col.deciders = append(made.col.deciders, made)
			n.rules.unused = append(n.rules.unused, func() []string { return unused("where "+t.Column, made.literals) })
			tests = append(tests, made)
		}
		n.where = append(n.where, tests)
	}
	if err := n.rules.compile(n.m, c, byName); err != nil {
		return err
	}
	n.value = newValue(n.m.Value, byName[n.m.Value.Column])
	n.codes = make([]uint32, len(n.rules.dims))
	n.compileKeys(byName)
	return nil
}

func (rs *rules) compile(m Mapping, c calendar, byName map[string]*column) error {
	unit, units := newUnit(m.Unit)
	rs.periods = &periods{calendar: c, number: map[privacy.Period]verdict{}}
	period, codes, err := newPeriod(m.Period, rs.periods)
	if err != nil {
		return err
	}
	rs.unit, rs.period = unit, period
	rs.unit.bind(byName[m.Unit.Column])
	rs.period.bind(byName[m.Period.Column])
	rs.unused = append(rs.unused,
		func() []string { return unused("map.unit", units) }, func() []string { return unused("map.period", codes) })
	for _, d := range m.Dimensions {
		made, leaves, err := newDimension(d, m.Unknowns(d.Name))
		if err != nil {
			return err
		}
		if len(d.Rules) > 0 {
			made.bind(byName[d.Rules[0].Column])
		}
		rs.dims, rs.dicts = append(rs.dims, made), append(rs.dicts, leaves)
		rs.unused = append(rs.unused, func() []string { return unused("map."+d.Name, made.literals) })
	}
	rs.verdicts = make([]verdict, len(rs.dims))
	return nil
}

// bind has a rule decide the labels of a column; nil for a constant.
func (r *rule) bind(c *column) {
	if r.col = c; c != nil {
		c.deciders = append(c.deciders, r)
	}
}

func (n *Normalizer) compileKeys(byName map[string]*column) {
	if n.m.everyRow() {
		return
	}
	var columns []*folded
	for _, name := range n.m.Key {
		f := &folded{col: byName[name]}
		f.col.deciders = append(f.col.deciders, f)
		columns = append(columns, f)
	}
	var leaves []int
	for _, d := range n.rules.dicts {
		leaves = append(leaves, len(d))
	}
	n.keys = newKeys(n.m.duplicates(), columns, leaves)
	if n.keys.mode != duplicatesError {
		n.held = newBatch(len(leaves), 0)
	}
}

// A valueRule reads counts.
type valueRule struct {
	col     *column // nil: a constant
	always  int64
	group   rune   // 0: none
	blank   ending // of a blank
	problem problemKind
}

func newValue(v Value, col *column) valueRule {
	r := valueRule{col: col, always: v.Const}
	if v.GroupChar != "" {
		r.group, _ = utf8.DecodeRuneInString(v.GroupChar)
	}
	switch v.Blank {
	case zero:
		r.blank = endCounted
	case missing, notCollected:
		r.blank = endNoValue
	case exclude:
		r.blank = endExcluded
	default:
		r.blank = endStopped
	}
	return r
}

// at reads the count of row i of the page. end is endCounted, or the outcome of
// a row without a count; if it is endStopped, r.problem says why.
func (r *valueRule) at(i int) (v int64, end ending) {
	if r.col == nil {
		return r.always, endCounted
	}
	v, reading := parseValue(r.col.text.Value(i), r.group)
	switch reading {
	case whole:
		return v, endCounted
	case blank:
		r.problem = blankValues
		return 0, r.blank
	case fraction:
		r.problem = fractions
	case huge:
		r.problem = hugeValues
	default:
		r.problem = otherTexts
	}
	return 0, endStopped
}

func (r *valueRule) name() string {
	if r.col == nil {
		return ""
	}
	return r.col.name
}
