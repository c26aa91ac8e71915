package normalize

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"halftone/pipeline/codelist"
)

// Reasons of quarantine.
const (
	reasonUnknownLabel = "unknown label"
	reasonBlank        = "blank"
	reasonSeveral      = "several answers"
	reasonNoRule       = "no rule applies"
	reasonBad          = "bad"
	reasonCoarse       = "coarse"
	reasonUndeclared   = "undeclared"
	reasonZero         = "structural zero"
)

// A verdict is what a rule decided of a label: a number of the rule's own from
// 0, or one of these.
type verdict int32

const (
	isUnknownLabel verdict = -1 - iota
	isBlankText
	isSeveral
	isNoRule
	isBad
	isCoarse
	isUndeclared
	isExcluded
	isOtherUnit
	isNotFinest
)

// reasons of the verdicts that quarantine a row.
var reasons = map[verdict]string{
	isUnknownLabel: reasonUnknownLabel, isBlankText: reasonBlank, isSeveral: reasonSeveral, isNoRule: reasonNoRule,
	isBad: reasonBad, isCoarse: reasonCoarse, isUndeclared: reasonUndeclared,
}

// A rule is one way to a target of the map. Of a constant, always is the verdict
// of every row and col is nil.
type rule struct {
	target  string
	col     *column
	always  verdict
	of      []verdict // by label
	decider func(label) verdict

	// Where unknown labels are watched: what they are, by label.
	texts    map[uint32][]UnknownLabel
	describe func(label) []UnknownLabel
}

var _ decider = (*rule)(nil)

func (r *rule) decide(l label) {
	v := r.decider(l)
	if v == isUnknownLabel && r.describe != nil {
		r.texts[uint32(len(r.of))] = r.describe(l)
	}
	r.of = append(r.of, v)
}

func (r *rule) forget() {
	r.of = r.of[:0]
	clear(r.texts)
}

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

// An extract takes the text that is meant out of a label. The zero extract
// takes all of it.
type extract struct{ re *regexp.Regexp }

func newExtract(re string) (extract, error) {
	if re == "" {
		return extract{}, nil
	}
	made, err := regexp.Compile(re)
	return extract{made}, err
}

// from gives the text of l. It is not ok when the expression does not match;
// the label is then as it was.
func (e extract) from(l label) (text label, ok bool) {
	if e.re == nil {
		return l, true
	}
	m := e.re.FindStringSubmatch(l.clean)
	if m == nil {
		return l, false
	}
	return newLabel(codelist.Clean(m[1])), true
}

func newUnit(u Unit) (*rule, literals[verdict]) {
	r, ls := &rule{target: "unit"}, newLiterals[verdict]()
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
