package config

import (
	"iter"
	"math/big"
)

// A cursor is a checked value and its form: it reads what is there and gives
// the declared default where nothing fit is.
type cursor struct {
	c  *checker
	n  *node // nil: absent, or marked as not fit
	f  *form
	at place // of the value; of the nearest map around it where it is absent
	k  key   // that it stands under
}

func (c *checker) root(n *node, f *form) cursor { return cursor{c: c, n: n, f: f, at: n.at} }

// get goes to a key of an object. The name must be in the language: a test
// walks all of them.
func (v cursor) get(name string) cursor {
	f := v.shape()
	k, known := f.find(name)
	if !known {
		k = key{name: name, form: f.each}
	}
	return v.to(name, k)
}

func (v cursor) to(name string, k key) cursor {
	out := cursor{c: v.c, f: k.form, at: v.at, k: k}
	if v.n == nil || v.n.kind != mapNode {
		return out
	}
	if p := v.n.pair(name); p != nil && p.value.kind != nullNode {
		out.at = p.value.at
		if !v.c.bad[p.value] || !p.value.isScalar() {
			out.n = p.value
		}
	}
	return out
}

// shape is the form that the value is read by, never nil.
func (v cursor) shape() *form {
	switch {
	case v.f == nil:
		return &form{}
	case v.n != nil:
		if g := v.f.choose(v.n); g != nil {
			return g
		}
	}
	return v.f
}

func (v cursor) given() bool { return v.n != nil }

// fits reports whether the value is there and nothing in it is wrong.
func (v cursor) fits() bool  { return v.n != nil && !v.c.bad[v.n] }
func (v cursor) isMap() bool { return v.n != nil && v.n.kind == mapNode }
func (v cursor) isList() bool {
	return v.n != nil && v.n.kind == listNode
}

// each walks the free keys of a map in order.
func (v cursor) each() iter.Seq2[pair, cursor] {
	return func(yield func(pair, cursor) bool) {
		if !v.isMap() {
			return
		}
		f := v.shape()
		for _, p := range v.n.pairs {
			if _, declared := f.find(p.key); declared || p.value.kind == nullNode || f.each == nil {
				continue
			}
			if !yield(p, v.to(p.key, key{name: p.key, form: f.each})) {
				return
			}
		}
	}
}

// items walks a list; a single value is a list of one.
func (v cursor) items() iter.Seq[cursor] {
	return func(yield func(cursor) bool) {
		if v.n == nil {
			return
		}
		f, nodes := v.shape(), []*node{v.n}
		if v.n.kind == listNode {
			f, nodes = f.each, v.n.items
		}
		if f == nil { // no list here: reported
			return
		}
		for _, n := range nodes {
			if v.c.bad[n] && n.isScalar() {
				continue
			}
			if !yield(cursor{c: v.c, n: n, f: f, at: n.at}) {
				return
			}
		}
	}
}

// text returns a scalar as written.
func (v cursor) text() string {
	if v.n != nil && v.n.isScalar() {
		return v.n.text
	}
	s, _ := v.k.def.(string)
	return s
}

func (v cursor) texts() []string {
	var out []string
	for i := range v.items() {
		out = append(out, i.text())
	}
	if out == nil {
		def, _ := v.k.def.([]any)
		for _, d := range def {
			if s, ok := d.(string); ok {
				out = append(out, s)
			}
		}
	}
	return out
}

func (v cursor) whole() int64 {
	if v.n != nil {
		n, _ := parseWhole(v.n.text)
		return n
	}
	n, _ := v.k.def.(int)
	return int64(n)
}

func (v cursor) truth() bool {
	if v.n != nil {
		return v.n.text == "true" || v.n.text == "True" || v.n.text == "TRUE"
	}
	b, _ := v.k.def.(bool)
	return b
}

// decimal is never nil.
func (v cursor) decimal() *big.Rat {
	if v.n != nil {
		if r, ok := parseDecimal(v.n.text); ok {
			return r
		}
	}
	return new(big.Rat)
}

func (v cursor) percent() float64 {
	p, _ := parsePercent(v.text())
	return p
}

// share reads a percentage or a number from 0 to 1.
func (v cursor) share() float64 {
	if v.n != nil && v.n.kind == numberNode {
		f, _ := v.decimal().Float64()
		return f
	}
	return v.percent()
}

func (v cursor) duration() Duration {
	d, _ := parseDuration(v.text()) // checked, or the language's own
	return d
}

// add reports a problem at the value.
func (v cursor) add(message, fix string) { v.c.add(v.at, message, fix) }
