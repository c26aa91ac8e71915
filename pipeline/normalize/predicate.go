package normalize

import (
	"regexp"
	"slices"
)

// A predicate holds when all tests of any of its lists hold; one without lists
// always does.
type predicate [][]*test

// holds decides row i of the page.
func (p predicate) holds(i int) bool {
	for _, tests := range p {
		all := true
		for _, t := range tests {
			if !t.of[t.col.index[i]] {
				all = false
				break
			}
		}
		if all {
			return true
		}
	}
	return len(p) == 0
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

// predicate compiles ps. Literals of it that no label meets are reported under key.
func (b *builder) predicate(key string, ps []Predicate) (predicate, error) {
	var out predicate
	for _, p := range ps {
		var tests []*test
		for _, t := range p {
			made, err := newTest(t, b.column(t.Column))
			if err != nil {
				return nil, err
			}
			made.col.deciders = append(made.col.deciders, made)
			reportUnused(b, key+" "+t.Column, made.literals)
			tests = append(tests, made)
		}
		out = append(out, tests)
	}
	return out, nil
}
