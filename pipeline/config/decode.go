package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
	"github.com/invopop/jsonschema"
)

// decoder returns the strict decoder of a connector's settings. Its errors are
// Errors and quote no value of the settings.
func decoder(src *source, p pair) func(into any) error {
	return func(into any) error {
		var problems []Problem
		s := (&jsonschema.Reflector{DoNotReference: true, Anonymous: true}).Reflect(into)
		unknownSettings(src, p.value, s, p.key, &problems)
		if len(problems) > 0 {
			return Errors(sorted(problems))
		}
		err := yaml.NodeToValue(p.value.tree(), into, yaml.Strict())
		if err == nil {
			return nil
		}
		at := p.at
		var ye yaml.Error
		if errors.As(err, &ye) && ye.GetToken() != nil {
			at = tokenPlace(ye.GetToken())
		}
		return Errors{{File: src.file, Line: at.line, Column: at.col, Message: fmt.Sprintf("settings of connector %s: a value is not of its type", quoted(p.key)),
			Fix: "write texts in quotes and numbers without"}}
	}
}

// unknownSettings looks for keys that the settings do not have.
func unknownSettings(src *source, n *node, s *jsonschema.Schema, name string, problems *[]Problem) {
	if s == nil {
		return
	}
	for _, item := range n.items {
		unknownSettings(src, item, s.Items, name, problems)
	}
	if s.Properties == nil || s.Properties.Len() == 0 && s.AdditionalProperties != nil && s.AdditionalProperties != jsonschema.FalseSchema {
		for _, p := range n.pairs {
			unknownSettings(src, p.value, s.AdditionalProperties, p.key, problems)
		}
		return
	}
	var known []string
	for e := s.Properties.Oldest(); e != nil; e = e.Next() {
		known = append(known, e.Key)
	}
	for _, p := range n.pairs {
		if below, ok := s.Properties.Get(p.key); ok {
			unknownSettings(src, p.value, below, p.key, problems)
			continue
		}
		*problems = append(*problems, Problem{File: src.file, Line: p.at.line, Column: p.at.col,
			Message: fmt.Sprintf("unknown key %s in %s%s", quoted(p.key), quoted(name), meant(p.key, known)), Fix: "its keys are " + strings.Join(known, ", ")})
	}
}

// tree gives n as the YAML library's tree, with aliases and merge keys
// followed and the original positions.
func (n *node) tree() ast.Node {
	at := &token.Position{Line: n.at.line, Column: n.at.col}
	switch n.kind {
	case mapNode:
		m := ast.Mapping(token.New("{", "{", at), true)
		for _, p := range n.pairs {
			m.Values = append(m.Values, ast.MappingValue(token.New(":", ":", &token.Position{Line: p.at.line, Column: p.at.col}), p.raw, p.value.tree()))
		}
		return m
	case listNode:
		l := ast.Sequence(token.New("[", "[", at), true)
		for _, i := range n.items {
			l.Values = append(l.Values, i.tree())
		}
		return l
	}
	if n.scalar == nil {
		return ast.Null(token.New("null", "null", at))
	}
	return n.scalar
}
