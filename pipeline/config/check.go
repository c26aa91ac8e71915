package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"halftone/pipeline/codelist"
)

// checker holds a tree of nodes against a tree of forms and reports all that
// does not fit. Nodes that do not fit are marked, so that what is built from
// the rest can be cross-checked without saying the same twice.
type checker struct {
	src      *source
	problems []Problem
	bad      map[*node]bool
	patterns map[string]*regexp.Regexp
	open     bool // something is still to be decided
}

func newChecker(src *source) *checker {
	return &checker{src: src, bad: map[*node]bool{}, patterns: map[string]*regexp.Regexp{}}
}

func (c *checker) add(at place, message, fix string) {
	c.problems = append(c.problems, Problem{File: c.src.file, Line: at.line, Column: at.col, Message: message, Fix: fix})
}

// wrong reports that a value does not fit.
func (c *checker) wrong(n *node, message, fix string) bool {
	c.add(n.at, message, fix)
	c.bad[n] = true
	return false
}

func (c *checker) matches(pattern, s string) bool {
	re := c.patterns[pattern]
	if re == nil {
		re = regexp.MustCompile(pattern) // of the language: a test compiles all of them
		c.patterns[pattern] = re
	}
	return re.MatchString(s)
}

// check reports whether n fits f; name is the key that n stands under.
func (c *checker) check(n *node, f *form, name string) bool {
	if n.broken {
		c.bad[n] = true
		return false
	}
	if n.undecided() {
		return c.decide(n, quoted(name), "it is "+f.wanted())
	}
	if f.kind == aUnion {
		g := f.choose(n)
		if g == nil {
			return c.wrong(n, fmt.Sprintf("%s must be %s", quoted(name), f.words), "")
		}
		f = g
	}
	switch f.kind {
	case anObject:
		return c.object(n, f, name)
	case aMap:
		return c.freeMap(n, f, name)
	case aList:
		return c.list(n, f, name)
	case settings:
		if n.kind != mapNode {
			return c.wrong(n, fmt.Sprintf("%s must be %s", quoted(name), f.words), "write {} where it needs no settings")
		}
		return true
	}
	return c.scalar(n, f, name)
}

func (c *checker) object(n *node, f *form, name string) bool {
	if n.kind != mapNode {
		return c.wrong(n, fmt.Sprintf("%s must be %s", quoted(name), f.words), "")
	}
	ok := true
	guessed := map[string]bool{}
	chosen := 0
	for _, p := range n.pairs {
		k, known := f.find(p.key)
		switch {
		case known && k.later:
			ok = false
			c.add(p.at, strings.TrimLeft(f.eachOf+" "+quoted(p.key), " ")+" is not implemented yet", "take it out; it is refused, because to ignore it would change what is published")
		case !known && f.each != nil:
			ok = c.entry(p, f.each) && ok
		case !known:
			ok = false
			c.unknown(p, f, name)
			guessed[codelist.Nearest(p.key, f.names())] = true
		case k.nullable && p.value.kind == nullNode:
		case p.value.undecided():
			what := quoted(p.key)
			if name != c.src.file {
				what += " of " + quoted(name)
			}
			ok = c.decide(p.value, what, k.doc)
		default:
			ok = c.entry(p, k.form) && ok
		}
		if slices.Contains(f.oneOf, p.key) {
			chosen++
		}
	}
	ok = c.present(n, f, name, guessed) && ok
	if len(f.oneOf) > 0 && chosen != 1 && (ok || chosen > 1) {
		ok = false
		c.add(n.at, fmt.Sprintf("%s must have exactly one of %s", quoted(name), list(f.oneOf, "and")), "")
	}
	if int64(len(n.pairs)) < f.min {
		ok = false
		c.add(n.at, quoted(name)+" is empty", "")
	}
	if !ok {
		c.bad[n] = true
	}
	return ok
}

// present demands the keys that an object must have. Of those that a misspelt one was
// meant for nothing is said.
func (c *checker) present(n *node, f *form, name string, guessed map[string]bool) bool {
	ok := true
	for _, k := range f.keys {
		if k.must && !guessed[k.name] && n.pair(k.name) == nil && !k.spared(n) {
			ok = false
			c.add(n.at, fmt.Sprintf("%s is missing in %s", quoted(k.name), quoted(name)), fmt.Sprintf("add %s (%s)", quoted(k.name), strings.TrimSuffix(k.doc, ".")))
		}
	}
	return ok
}

// undecided reports whether a draft leaves the value to a person: TODO without
// quotes. In quotes it is a text like any other.
func (n *node) undecided() bool { return n.kind == stringNode && !n.quoted && n.text == "TODO" }

// decide reports what is still to be decided. meaning is what a key is for.
func (c *checker) decide(n *node, what, meaning string) bool {
	c.open = true
	return c.wrong(n, "still to be decided: "+what, meaning)
}

// entry checks the value of one key.
func (c *checker) entry(p pair, f *form) bool {
	if p.value.kind == nullNode && !p.value.broken {
		fix := "give a value or take the key out"
		if f.kind == aMap && f.min == 0 {
			fix = "write {}"
		}
		return c.wrong(p.value, quoted(p.key)+" has no value", fix)
	}
	return c.check(p.value, f, p.key)
}

func (c *checker) unknown(p pair, f *form, name string) {
	what := "key"
	if f.eachOf != "" {
		what = f.eachOf
	}
	known := f.names()
	if near := codelist.Nearest(p.key, known); near != "" {
		c.add(p.at, fmt.Sprintf("unknown %s %s; did you mean %s?", what, quoted(p.key), quoted(near)), "")
		return
	}
	fix := quoted(name) + " may have " + strings.Join(known, ", ")
	if len(known) == 0 {
		fix = ""
	}
	c.add(p.at, fmt.Sprintf("unknown %s %s", what, quoted(p.key)), fix)
}

func (c *checker) freeMap(n *node, f *form, name string) bool {
	if n.kind != mapNode {
		return c.wrong(n, fmt.Sprintf("%s must be %s", quoted(name), f.words), "")
	}
	ok := true
	if int64(len(n.pairs)) < f.min {
		ok = c.wrong(n, quoted(name)+" is empty", "add at least one entry")
	}
	for _, p := range n.pairs {
		if f.pattern != "" && !c.matches(f.pattern, p.key) {
			ok = false
			fix := nameRule[f.pattern]
			if p.value.kind == nullNode { // {en: One, two}
				fix += "; a comma inside { } ends a text that is not in quotes"
			}
			c.add(p.at, fmt.Sprintf("%s may not be a name in %s", quoted(p.key), quoted(name)), fix)
			continue
		}
		ok = c.entry(p, f.each) && ok
	}
	if !ok {
		c.bad[n] = true
	}
	return ok
}

// nameRule says what a name of the user's own may be.
var nameRule = map[string]string{
	namePattern:      "use a-z 0-9 -, at most 64, starting with a letter or digit",
	tablePattern:     "use a-z 0-9 - _, at most 64, starting with a letter or digit: it becomes a file name",
	dimensionPattern: "use a-z 0-9 _, at most 64, starting with a letter: it becomes a column name",
	languagePattern:  "use language tags such as en or pt-BR",
}

func (c *checker) list(n *node, f *form, name string) bool {
	if n.kind != listNode {
		return c.wrong(n, fmt.Sprintf("%s must be %s", quoted(name), f.words), "write it as [ … ]")
	}
	ok := true
	if int64(len(n.items)) < f.min {
		ok = c.wrong(n, quoted(name)+" is empty", "add at least one entry")
	}
	for _, item := range n.items {
		if item.kind == nullNode && !item.broken {
			ok = c.wrong(item, "an entry of "+quoted(name)+" has no value", "give a value or take the entry out")
			continue
		}
		ok = c.check(item, f.each, name) && ok
	}
	if !ok {
		c.bad[n] = true
	}
	return ok
}

func (c *checker) scalar(n *node, f *form, name string) bool {
	want := func(fix string) bool {
		return c.wrong(n, fmt.Sprintf("%s must be %s", quoted(name), f.wanted()), fix)
	}
	if !n.isScalar() || n.kind == nullNode {
		return want("")
	}
	switch f.kind {
	case aText:
		return c.text(n, f, name)
	case aLabel:
		return true
	case anInteger:
		v, ok := parseWhole(n.text)
		switch {
		case !ok || n.kind != numberNode:
			if _, number := parseWhole(n.text); number {
				return want("take away the quotes")
			}
			return want("")
		case len(f.enum) > 0 && !slices.Contains(f.enum, n.text):
			return want("this version reads format " + list(f.enum, "or"))
		case v < f.min || f.max > 0 && v > f.max:
			return c.wrong(n, fmt.Sprintf("%s is out of range", quoted(name)), fmt.Sprintf("it may be from %d to %d", f.min, f.max))
		}
	case aBoolean:
		if n.kind != boolNode {
			return want("")
		}
	case aDecimal:
		if _, ok := parseDecimal(n.text); !ok || n.quoted {
			return want("")
		}
	case aPercent:
		if _, ok := parsePercent(n.text); !ok {
			return want("")
		}
	case aDuration:
		if _, err := parseDuration(n.text); err != nil {
			return c.wrong(n, quoted(name)+": "+err.Error(), "")
		}
	}
	return true
}

// text checks a text that is not taken as it is written: a number where a text
// is meant is more often a slip than a name.
func (c *checker) text(n *node, f *form, name string) bool {
	if len(f.enum) > 0 {
		if slices.Contains(f.enum, n.text) && n.kind == stringNode {
			return true
		}
		return c.wrong(n, fmt.Sprintf("%s is %s and must be %s%s", quoted(name), quoted(n.text), list(f.enum, "or"), meant(n.text, f.enum)), "")
	}
	if n.kind != stringNode {
		return c.wrong(n, fmt.Sprintf("%s must be %s", quoted(name), f.wanted()), "put it in quotes if the text is meant")
	}
	if f.pattern != "" && !c.matches(f.pattern, n.text) {
		return c.wrong(n, fmt.Sprintf("%s must be %s", quoted(name), f.wanted()), "")
	}
	return true
}

// wanted says in words what f takes.
func (f *form) wanted() string {
	if f.words == "" {
		return list(f.enum, "or")
	}
	return f.words
}

// pair returns the pair of a key, or nil.
func (n *node) pair(key string) *pair {
	for i := range n.pairs {
		if n.pairs[i].key == key {
			return &n.pairs[i]
		}
	}
	return nil
}
