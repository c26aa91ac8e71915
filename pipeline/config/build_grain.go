package config

import (
	"errors"
	"fmt"
	"strings"

	"halftone/pipeline/normalize"
)

// batchRules reads the rules of a source that look at several of its rows.
func (b *builder) batchRules(s cursor, m *normalize.Mapping) {
	for k := range s.get("keep").items() {
		step := normalize.Keep{PartitionBy: k.get("partition_by").texts(), OrderBy: k.get("order_by").text()}
		if order := k.get("order"); order.isList() {
			step.Order = order.texts()
		} else {
			step.Desc = order.text() == "desc"
		}
		m.Keep = append(m.Keep, step)
	}
	m.Grains = b.grains(s.get("grain"))
	if t := s.get("totals"); t.isMap() {
		m.Totals = normalize.Totals{Use: t.get("use").text(), MaxBelow: t.get("max_below").share()}
	} else if m.Totals.Use = t.text(); m.Totals.Use == "rest" {
		m.Totals.MaxBelow = defaultBelow
	}
	m.Corrections = b.corrections(s.get("corrections"), *m)
}

// defaultBelow is what max_below is by default.
const defaultBelow = 0.01

// grains reads one grain, or a chain: a list of dimensions, or of such lists.
func (b *builder) grains(v cursor) []normalize.Grain {
	if !v.given() {
		return nil
	}
	one, chain := normalize.Grain{}, []normalize.Grain{}
	for item := range v.items() {
		if !item.isList() {
			one = append(one, b.grainLevel(item))
			continue
		}
		g := normalize.Grain{}
		for d := range item.items() {
			g = append(g, b.grainLevel(d))
		}
		chain = append(chain, g)
	}
	switch {
	case len(chain) > 0 && len(one) > 0:
		v.add("dimensions stand beside lists of dimensions", "write one list of dimensions, or a list of such lists, the finest first")
	case len(chain) == 0:
		chain = append(chain, one)
	}
	return chain
}

// grainLevel reads a dimension, or dimension.level.
func (b *builder) grainLevel(v cursor) normalize.Level {
	name, level, named := strings.Cut(v.text(), ".")
	out := normalize.Level{Dimension: name, Level: level}
	var names []string
	for _, d := range b.dims {
		names = append(names, d.name)
		if d.name != name {
			continue
		}
		if !d.sound || !named {
			return out
		}
		below := d.list.Levels[1:]
		for _, l := range below {
			if l == level {
				return out
			}
		}
		v.add(fmt.Sprintf("dimension %s has no level %s below its total%s", quoted(name), quoted(level), meant(level, below)), "its levels are "+list(below, "and")+"; leave the dimension out for rows of its total")
		return out
	}
	fix := "add it to dimensions, or take it out"
	if len(names) > 0 {
		fix = "the dimensions are " + list(names, "and")
	}
	v.add(fmt.Sprintf("grain: no dimension %s%s", quoted(name), meant(name, names)), fix)
	return out
}

// corrections reads the file of what people have found. It holds counts: no
// message quotes anything of it.
func (b *builder) corrections(v cursor, m normalize.Mapping) []normalize.Correction {
	if !v.given() || !v.fits() {
		return nil
	}
	key := m.CorrectionKey()
	if key == nil {
		v.add("every row is its own, so that nothing says which row a correction is about", "name by `key` the columns that identify a row")
		return nil
	}
	raw, err := b.open(v.text())
	if err != nil {
		b.unreadable(v, "corrections file", err)
		return nil
	}
	out, err := normalize.ParseCorrections(raw, key)
	b.lineProblems(v.text(), err)
	if err == nil && len(out) == 0 {
		v.add(quoted(v.text())+" has no corrections", "take `corrections` out while there are none: what is published says that there are")
	}
	return out
}

// lineProblems takes apart what is wrong with lines of a file.
func (b *builder) lineProblems(file string, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			b.lineProblems(file, e)
		}
		return
	}
	var e *normalize.LineError
	if errors.As(err, &e) {
		b.problems = append(b.problems, Problem{File: file, Line: e.Line, Column: 1, Message: e.What, Fix: "correct the corrections file"})
	}
}
