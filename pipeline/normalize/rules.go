package normalize

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"halftone/pipeline/codelist"
	"halftone/privacy"
)

// Reasons of quarantine.
const (
	reasonUnknownLabel = "unknown label"
	reasonBlank        = "blank"
	reasonBad          = "bad"
	reasonCoarse       = "coarse"
	reasonUndeclared   = "undeclared"
)

// A verdict is what a rule decided of a label: a number of the rule's own from
// 0, or one of these.
type verdict int32

const (
	isUnknownLabel verdict = -1 - iota
	isBlankText
	isBad
	isCoarse
	isUndeclared
	isExcluded
	isOtherUnit
	isNotFinest
)

// reasons of the verdicts that quarantine a row.
var reasons = map[verdict]string{
	isUnknownLabel: reasonUnknownLabel, isBlankText: reasonBlank,
	isBad: reasonBad, isCoarse: reasonCoarse, isUndeclared: reasonUndeclared,
}

// A rule is one target of the map. Of a constant, always is the verdict of
// every row and col is nil.
type rule struct {
	target  string
	col     *column
	always  verdict
	of      []verdict // by label
	decider func(label) verdict
}

var _ decider = (*rule)(nil)

func (r *rule) decide(l label) { r.of = append(r.of, r.decider(l)) }
func (r *rule) forget()        { r.of = r.of[:0] }

// at gives the verdict of row i of the page.
func (r *rule) at(i int) verdict {
	if r.col == nil {
		return r.always
	}
	return r.of[r.col.index[i]]
}

// column names the rule's column; empty for a constant.
func (r *rule) column() string {
	if r.col == nil {
		return ""
	}
	return r.col.name
}

// A test of a predicate.
type test struct {
	col      *column
	literals literals[bool]
	re       *regexp.Regexp
	want     bool   // hit or match as it should be
	of       []bool // by label
}

var _ decider = (*test)(nil)

func (t *test) decide(l label) {
	var hit bool
	if t.re != nil {
		hit = t.re.MatchString(l.clean)
	} else {
		_, hit = t.literals.find(l)
	}
	t.of = append(t.of, hit == t.want)
}

func (t *test) forget() { t.of = t.of[:0] }

func newTest(t Test, col *column) (*test, error) {
	made := &test{col: col, literals: newLiterals[bool](), want: t.NotIn == nil && t.NotMatches == ""}
	for _, text := range append(slices.Clone(t.In), t.NotIn...) {
		made.literals.add(text, true)
	}
	if re := t.Matches + t.NotMatches; re != "" {
		var err error
		if made.re, err = regexp.Compile(re); err != nil {
			return nil, err
		}
	}
	return made, nil
}

func newUnit(u Unit) (rule, literals[verdict]) {
	r, ls := rule{target: "unit"}, newLiterals[verdict]()
	is := func(unit string) verdict {
		if unit == count {
			return 0
		}
		return isOtherUnit
	}
	r.always = is(u.Const)
	for _, text := range slices.Sorted(maps.Keys(u.Codes)) {
		ls.add(text, is(u.Codes[text]))
	}
	r.decider = func(l label) verdict {
		if v, ok := ls.find(l); ok {
			return v
		}
		return isUnknownLabel
	}
	return r, ls
}

// Periods are the dataset's periods that labels led to, in order of appearance.
type periods struct {
	calendar calendar
	list     []privacy.Period
	number   map[privacy.Period]verdict
}

func (p *periods) verdict(q privacy.Period, ok bool) verdict {
	if !ok {
		return isBad
	}
	q, reason := p.calendar.place(q)
	switch reason {
	case reasonCoarse:
		return isCoarse
	case reasonUndeclared:
		return isUndeclared
	}
	n, ok := p.number[q]
	if !ok {
		n = verdict(len(p.list))
		p.list, p.number[q] = append(p.list, q), n
	}
	return n
}

func newPeriod(m Period, ps *periods) (rule, literals[string], error) {
	r, ls := rule{target: "period"}, newLiterals[string]()
	reader, err := newPeriodReader(m.Formats)
	if err != nil {
		return r, nil, err
	}
	for _, text := range slices.Sorted(maps.Keys(m.Codes)) {
		ls.add(text, m.Codes[text])
	}
	r.decider = func(l label) verdict {
		code, ok := ls.find(l)
		switch {
		case ok && code == exclude, !ok && l.clean == "" && m.Blank == exclude:
			return isExcluded
		case ok:
			p, err := privacy.ParsePeriod(code)
			return ps.verdict(p, err == nil)
		case l.clean == "":
			return isBlankText
		}
		return ps.verdict(reader.parse(l.clean))
	}
	if m.Column == "" {
		r.always = r.decider(label{clean: codelist.Clean(m.Const)})
	}
	return r, ls, nil
}

// A target is a code at which rows of a source are counted.
type target struct {
	code    string // as a rule or the list names it
	leaf    uint32 // place among the dimension's leaves
	bare    bool   // it stands for codes below it: a total, unless nothing else is said
	unknown bool   // only the rule's `unknown` took the label
	rows    int64
	first   spot
}

// A dimension is a rule whose verdicts are targets.
type dimension struct {
	rule
	list     codelist.List
	allowed  codelist.Unknowns
	leaves   map[string]uint32
	targets  []target
	number   map[target]verdict // of a target without rows
	literals literals[string]
	mixed    bool // totals beside parts are said to be fine: `unknown: true`
}

func newDimension(d Dimension, allowed codelist.Unknowns) (*dimension, []string, error) {
	shape, err := d.List.Domain(d.Name, allowed)
	if err != nil {
		return nil, nil, err
	}
	codes := shape.Leaf().Codes
	made := &dimension{
		rule: rule{target: d.Name}, list: d.List, allowed: allowed,
		leaves: make(map[string]uint32, len(codes)), number: map[target]verdict{},
		literals: newLiterals[string](), mixed: d.Unknown,
	}
	for i, c := range codes {
		made.leaves[c] = uint32(i)
	}
	r := Rule{Const: privacy.Total}
	if len(d.Rules) > 0 {
		r = d.Rules[0]
	}
	for _, text := range slices.Sorted(maps.Keys(r.Codes)) {
		made.literals.add(text, r.Codes[text])
	}
	made.decider = func(l label) verdict { return made.find(r, l) }
	if r.Column == "" {
		made.always = made.verdict(r.Const, false)
	}
	return made, codes, nil
}

// find decides a label: the rule's codes, blank, the list, then unknown.
func (d *dimension) find(r Rule, l label) verdict {
	if code, ok := d.literals.find(l); ok {
		return d.verdict(code, false)
	}
	if l.clean == "" {
		if r.Blank == "" {
			return isBlankText
		}
		return d.verdict(r.Blank, false)
	}
	if !r.NoList {
		if code, ok := d.listed(l); ok {
			return d.verdict(code, false)
		}
	}
	if r.Unknown == "" {
		return isUnknownLabel
	}
	return d.verdict(r.Unknown, true)
}

// listed looks a label up in the code list. A code _U or X/_U is only there
// where the dimension has it.
func (d *dimension) listed(l label) (code string, ok bool) {
	if code, ok = d.list.Resolve(l.folded); ok {
		return code, true
	}
	leaf, parent, ok := d.list.Leaf(l.clean)
	return leaf, ok && parent != "" && d.allowed.Has(parent)
}

// verdict numbers a code as a target.
func (d *dimension) verdict(code string, unknown bool) verdict {
	if code == exclude {
		return isExcluded
	}
	leaf, parent, ok := d.list.Leaf(code)
	at, there := d.leaves[leaf]
	bare := leaf != code
	if !ok || !there || bare && !d.allowed.Has(parent) { // a code above the finest that no rule names
		return isNotFinest
	}
	t := target{code: code, leaf: at, bare: bare, unknown: unknown}
	n, ok := d.number[t]
	if !ok {
		n = verdict(len(d.targets))
		d.targets, d.number[t] = append(d.targets, t), n
	}
	return n
}

// count counts a row at a target.
func (d *dimension) count(v verdict, at spot) {
	t := &d.targets[v]
	if t.rows == 0 {
		t.first = at
	}
	t.rows++
}

// overlap finds a target that is a total of another: rows of both would count
// people twice.
func (d *dimension) overlap() (total, part *target) {
	if d.mixed {
		return nil, nil
	}
	for i := range d.targets {
		t := &d.targets[i]
		if !t.bare || t.rows == 0 {
			continue
		}
		for j := range d.targets {
			p := &d.targets[j]
			if p.rows > 0 && p.code != t.code && slices.Contains(d.list.Path(p.code), t.code) {
				return t, p
			}
		}
	}
	return nil, nil
}

// unused lists the literals that no label met, sorted.
func unused[T any](key string, ls literals[T]) []string {
	var out []string
	for _, f := range slices.Sorted(maps.Keys(ls)) {
		if !ls[f].met {
			out = append(out, fmt.Sprintf("%s: %q", key, ls[f].text))
		}
	}
	return out
}
