package config

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

type nodeKind uint8

const (
	nullNode nodeKind = iota
	stringNode
	numberNode
	boolNode
	mapNode
	listNode
)

// A node is a piece of YAML with aliases and merge keys followed.
type node struct {
	at     place
	kind   nodeKind
	text   string // of a scalar: as written, without quotes
	quoted bool
	broken bool   // a problem was reported, nothing else is known
	pairs  []pair // of a map, in order, no key twice
	items  []*node
	size   int      // nodes below and including this one
	scalar ast.Node // of a scalar, for connectors' settings
}

type pair struct {
	key   string
	at    place
	value *node
	raw   ast.MapKeyNode
}

func (n *node) isScalar() bool { return n.kind != mapNode && n.kind != listNode }

// reader turns the parser's tree into nodes.
type reader struct {
	src      *source
	anchors  map[string]*node
	problems []Problem
	nodes    int
	depth    int
	full     bool
	from     []place // where settings of connectors begin
	keys     []place // of all keys outside of these

	inSources, inFrom bool
}

func (r *reader) add(at place, message, fix string) {
	r.problems = append(r.problems, Problem{File: r.src.file, Line: at.line, Column: at.col, Message: message, Fix: fix})
}

func startOf(n ast.Node) place {
	switch m := n.(type) {
	case *ast.MappingNode: // its token is the first colon, or the brace
		if !m.IsFlowStyle && len(m.Values) > 0 {
			return startOf(m.Values[0])
		}
	case *ast.MappingValueNode:
		return startOf(m.Key)
	}
	return tokenPlace(n.GetToken())
}

func tokenPlace(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{max(1, t.Position.Line), max(1, t.Position.Column)}
}

// count adds nodes and reports whether there is room for them.
func (r *reader) count(at place, n int) bool {
	r.nodes += n
	if r.nodes > maxNodes && !r.full {
		r.full = true
		r.add(at, fmt.Sprintf("more than %d values once aliases are followed", maxNodes), "move long code tables into CSV files")
	}
	return !r.full
}

// read converts n.
func (r *reader) read(n ast.Node) *node {
	if n == nil {
		return &node{kind: nullNode, at: place{1, 1}, size: 1}
	}
	at := startOf(n)
	r.depth++
	defer func() { r.depth-- }()
	if r.depth > 4*maxNesting {
		r.add(at, "nested too deeply", "flatten it")
		return broken(at)
	}
	if !r.count(at, 1) {
		return broken(at)
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return r.mapping(at, n.Values)
	case *ast.MappingValueNode:
		return r.mapping(at, []*ast.MappingValueNode{n})
	case *ast.SequenceNode:
		out := &node{kind: listNode, at: at, size: 1}
		for _, v := range n.Values {
			item := r.read(v)
			out.items, out.size = append(out.items, item), out.size+item.size
		}
		return out
	case *ast.AnchorNode:
		v := r.read(n.Value)
		if n.Name != nil { // known only from here on, so nothing can hold itself
			r.anchors[n.Name.GetToken().Value] = v
		}
		return v
	case *ast.AliasNode:
		return r.alias(at, n)
	}
	return r.scalar(at, n)
}

func (r *reader) alias(at place, n *ast.AliasNode) *node {
	name := ""
	if n.Value != nil && n.Value.GetToken() != nil {
		name = n.Value.GetToken().Value
	}
	v, ok := r.anchors[name]
	if !ok {
		r.add(at, "no anchor "+quoted(name)+" above this alias", "define it with &"+name+", or put the text in quotes")
		return broken(at)
	}
	if !r.count(at, v.size) {
		return broken(at)
	}
	return v
}

func (r *reader) scalar(at place, n ast.Node) *node {
	out := &node{at: at, size: 1, scalar: n}
	t := n.GetToken()
	if t == nil {
		return out
	}
	out.text = t.Value
	switch n := n.(type) {
	case *ast.NullNode:
	case *ast.StringNode:
		out.kind, out.text = stringNode, n.Value
		out.quoted = t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType
	case *ast.LiteralNode:
		out.kind, out.quoted = stringNode, true
		if n.Value != nil {
			out.text = n.Value.Value
		}
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		out.kind = numberNode
	case *ast.BoolNode:
		out.kind = boolNode
	case *ast.TagNode:
		r.add(at, "YAML tags are not read", "take away the word that starts with !")
		return broken(at)
	default:
		r.add(at, "not a value", "write a text, a number, a list or a map")
		return broken(at)
	}
	return out
}

func broken(at place) *node { return &node{at: at, broken: true, size: 1} }

func (r *reader) mapping(at place, values []*ast.MappingValueNode) *node {
	out := &node{kind: mapNode, at: at, size: 1}
	seen := map[string]place{}
	var merged []*node
	for _, v := range values {
		if v.Key == nil {
			continue
		}
		if v.Key.IsMergeKey() {
			merged = append(merged, r.merge(v)...)
			continue
		}
		key, ok := r.key(v.Key)
		keyAt := startOf(v.Key)
		value := r.value(key, keyAt, v.Value)
		first, twice := seen[key]
		switch {
		case !ok:
		case twice:
			r.add(keyAt, fmt.Sprintf("key %s stands twice; first in line %d", quoted(key), first.line), "keep one of them")
		default:
			seen[key] = keyAt
			out.pairs = append(out.pairs, pair{key, keyAt, value, v.Key})
			out.size += value.size
		}
	}
	for _, m := range merged { // keys of its own win, then the first map named
		for _, p := range m.pairs {
			if _, own := seen[p.key]; !own {
				seen[p.key] = p.at
				out.pairs = append(out.pairs, p)
				out.size += p.value.size
			}
		}
	}
	return out
}

// value reads what stands under a key and notes where settings of connectors are,
// and that of the store: they may hold secrets that should not stand there.
func (r *reader) value(key string, at place, n ast.Node) *node {
	if r.inFrom {
		return r.read(n)
	}
	r.keys = append(r.keys, at)
	if r.depth == 1 {
		r.inSources = key == "sources"
	}
	store := key == "store" && r.depth == 1 // a connection string with its password
	if (key != "from" || !r.inSources) && !store {
		return r.read(n)
	}
	r.inFrom = true
	defer func() { r.inFrom = false }()
	r.from = append(r.from, place{at.line, at.col + len(key+":")})
	return r.read(n)
}

// hide keeps lines with such settings out of excerpts: from a `from` or `store` to
// the next key after it.
func (r *reader) hide() {
	lines := r.src.lines
	for _, start := range r.from {
		end := place{len(lines) + 1, 1}
		for _, k := range r.keys {
			if k.after(start) && end.after(k) {
				end = k
			}
		}
		r.src.show(start.line, start.col)
		for l := start.line + 1; l < end.line; l++ {
			r.src.show(l, 0)
		}
		if end.line <= len(lines) && end.line > start.line {
			before := []rune(lines[end.line-1])
			if strings.Trim(string(before[:min(end.col-1, len(before))]), " \t-?[]{},") != "" {
				r.src.show(end.line, 0)
			}
		}
	}
}

func (p place) after(q place) bool { return p.line > q.line || p.line == q.line && p.col > q.col }

// merge returns the maps that a << key names.
func (r *reader) merge(v *ast.MappingValueNode) []*node {
	n := r.read(v.Value)
	if n.broken {
		return nil
	}
	maps := []*node{n}
	if n.kind == listNode {
		maps = n.items
	}
	for _, m := range maps {
		if m.kind != mapNode {
			r.add(startOf(v.Key), "<< takes maps only", "name an anchor of a map: <<: *name")
			return nil
		}
	}
	return maps
}

func (r *reader) key(k ast.MapKeyNode) (string, bool) {
	var n ast.Node = k
	if m, ok := n.(*ast.MappingKeyNode); ok {
		n = m.Value
	}
	switch s := n.(type) {
	case *ast.StringNode:
		return s.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	r.add(startOf(k), "a key must be a plain text", "write the key without anchors, aliases, lists or maps")
	return "", false
}
