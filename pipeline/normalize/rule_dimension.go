package normalize

import (
	"maps"
	"slices"

	"halftone/pipeline/codelist"
	"halftone/privacy"
)

// A target is a code at which rows of a source are counted.
type target struct {
	code    string // as a rule or the list names it
	leaf    uint32 // place among the dimension's leaves; with a grain, among all its codes
	bare    bool   // it stands for codes below it: a total, unless nothing else is said
	unknown bool   // only the rule's `unknown` took the label
	rows    int64
	first   spot
}

// A dimension has rules whose verdicts are its targets.
type dimension struct {
	name    string
	list    codelist.List
	allowed codelist.Unknowns
	leaves  map[string]uint32
	choices []*choice
	only    *rule // where there is one rule, for all rows
	none    rule  // of the rows to which no rule applies
	targets []target
	number  map[target]verdict // of a target without rows
	mixed   bool               // totals beside parts are said to be fine: `unknown: true`
	graded  *codes             // a grain tells totals from parts; nil: none does
}

// A choice is a rule and the rows to which it applies.
type choice struct {
	rule
	when     predicate
	is       Rule
	extract  extract
	literals literals[string]
	others   []claim // what other targets know of the same column, for `else`
}

func newDimension(d Dimension, allowed codelist.Unknowns) (*dimension, []string, error) {
	shape, err := d.List.Domain(d.Name, allowed)
	if err != nil {
		return nil, nil, err
	}
	codes := shape.Leaf().Codes
	made := &dimension{
		name: d.Name, list: d.List, allowed: allowed, none: rule{target: d.Name, always: isNoRule},
		leaves: make(map[string]uint32, len(codes)), number: map[target]verdict{}, mixed: d.Unknown,
	}
	for i, c := range codes {
		made.leaves[c] = uint32(i)
	}
	return made, codes, nil
}

// add puts a rule behind the others.
func (d *dimension) add(r Rule, when predicate) (*choice, error) {
	c := &choice{rule: rule{target: d.name}, when: when, is: r, literals: newLiterals[string]()}
	var err error
	if c.extract, err = newExtract(r.Regex); err != nil {
		return nil, err
	}
	for _, text := range slices.Sorted(maps.Keys(r.Codes)) {
		c.literals.add(text, r.Codes[text])
	}
	c.decider = func(l label) verdict { return d.find(c, l) }
	if r.Const != "" {
		c.always = d.verdict(r.Const, false)
	}
	d.choices, d.only = append(d.choices, c), nil
	if len(d.choices) == 1 && when == nil {
		d.only = &c.rule
	}
	return c, nil
}

// chosen gives the rule of row i of the page.
func (d *dimension) chosen(i int) *rule {
	for _, c := range d.choices {
		if c.when == nil || c.when.holds(i) {
			return &c.rule
		}
	}
	return &d.none
}

// find decides a label: the rule's codes, blank, the list, what other targets
// know, then unknown.
func (d *dimension) find(c *choice, l label) verdict {
	text, matches := c.extract.from(l)
	var answers []label
	if c.is.Split != "" && matches {
		answers = c.answers(text)
		text.blank = text.blank || len(answers) == 0
	}
	if code, ok := c.literals.find(text); ok && matches {
		return d.verdict(code, false)
	}
	switch {
	case text.blank && c.is.Blank != "":
		return d.verdict(c.is.Blank, false)
	case text.blank || !matches:
	case c.is.Has != "":
		return d.has(c, answers)
	case c.is.Split != "":
		if v, ok := d.several(c, answers); ok {
			return v
		}
	default:
		if code, ok := d.listed(c, text); ok {
			return d.verdict(code, false)
		}
	}
	switch {
	case c.is.Else != "" && c.elsewhere(l):
		return d.verdict(c.is.Else, false)
	case text.blank:
		return isBlankText
	case c.is.Unknown == "":
		return isUnknownLabel
	}
	return d.verdict(c.is.Unknown, true)
}

// listed looks a text up in the code list. A code _U or X/_U is only there
// where the dimension has it.
func (d *dimension) listed(c *choice, l label) (code string, ok bool) {
	if c.is.NoList {
		return "", false
	}
	if code, ok = d.list.Resolve(l.folded); ok {
		return code, true
	}
	leaf, parent, ok := d.list.Leaf(l.clean)
	return leaf, ok && (parent == "" || d.allowed.Has(parent))
}

// verdict numbers a code as a target.
func (d *dimension) verdict(code string, unknown bool) verdict {
	if code == exclude {
		return isExcluded
	}
	at, ok := d.place(code)
	if !ok { // a code above the finest that no rule names
		return isNotFinest
	}
	leaf, parent, _ := d.list.Leaf(code)
	bare := parent != "" && leaf != code && d.graded == nil
	t := target{code: code, leaf: at, bare: bare, unknown: unknown}
	n, ok := d.number[t]
	if !ok {
		n = verdict(len(d.targets))
		d.targets, d.number[t] = append(d.targets, t), n
	}
	return n
}

// place finds where rows of a code are: among the leaves, or with a grain among
// all codes.
func (d *dimension) place(code string) (uint32, bool) {
	leaf, parent, ok := d.list.Leaf(code)
	if d.graded != nil {
		if at, known := d.graded.number[code]; known {
			return at, true
		}
		return d.graded.number[leaf], ok // X/_U of a leaf X
	}
	at, there := d.leaves[leaf]
	bare := parent != "" && leaf != code
	return at, ok && there && (!bare || d.allowed.Has(parent))
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

// rules of a dimension that has none: it is at its total.
func (d Dimension) rules() []Rule {
	if len(d.Rules) == 0 {
		return []Rule{{Const: privacy.Total}}
	}
	return d.Rules
}

// column names the column of the first rule.
func (d *dimension) column() string { return d.choices[0].column() }
