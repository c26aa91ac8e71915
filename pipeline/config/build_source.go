package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"halftone/outputs"
	"halftone/pipeline/codelist"
	"halftone/pipeline/normalize"
	"halftone/privacy"
)

func (b *builder) sources(v cursor) {
	for p, s := range v.each() {
		if !s.isMap() {
			continue
		}
		src := Source{Name: p.key, Agency: s.get("agency").text(), Delivers: s.get("delivers").text(), Check: s.get("use").text() == "check", Required: s.get("required").truth(), Hosts: s.get("hosts").texts(),
			Keep: b.keep(s.get("keep_rows"))}
		b.from(s.get("from"), &src)
		src.Layout = layout(s.get("read"))
		before := len(b.problems)
		b.unpromised = s.get("guarantee").given()
		src.Mapping = b.mapping(p.key, s)
		src.Tables = b.reviewed(s.get("map"))
		b.knownDimensions(s.get("map"))
		l := int64(1)
		if len(b.problems) == before && s.fits() && b.sound() {
			if err := src.Mapping.Check(); err == nil {
				l = src.Mapping.Sensitivity()
			} else {
				b.mappingProblems(s, err)
			}
		}
		src.Columns, src.Match = columns(src.Mapping), src.Mapping.Match()
		if len(src.Columns) == 0 && len(b.problems) == before && s.fits() {
			s.get("map").add("no column is mapped, so nothing would be read", "name the columns that hold the period, the codes or the count")
		}
		src.Digest = digest(src, s.get("from"))
		b.out.Sources = append(b.out.Sources, src)
		b.contribution(s, src, l)
	}
	if len(b.out.Spec.Sources) == 0 && len(b.out.Sources) > 0 {
		v.add("no source counts: all say `use: check`", "take it out of at least one")
	}
	b.nobody(v)
}

// nobody says so where the promise is made to no person. It may be meant: what is
// published then counts files that their agency has made safe.
func (b *builder) nobody(v cursor) {
	var at place
	for _, s := range v.each() {
		if s.get("use").text() == "check" {
			continue
		}
		if !s.get("guarantee").given() {
			return
		}
		at = s.get("guarantee").at
	}
	if len(b.out.Spec.Sources) > 0 {
		b.warn(at, "no source has a guarantee, so that the promise is about entries of the delivered files and about no person", "every page says so; take `guarantee` out where figures do not depend on each other")
	}
}

// reviewed lists the code tables that a map names, by dimension.
func (b *builder) reviewed(v cursor) map[string][]string {
	tables := map[string][]string{}
	for p, rules := range v.each() {
		for r := range rules.items() {
			if !r.isMap() {
				continue
			}
			for part := range r.get("codes").items() {
				if path := part.text(); !part.isMap() && !slices.Contains(tables[p.key], path) {
					tables[p.key] = append(tables[p.key], path)
				}
			}
		}
	}
	return tables
}

// keep reads how long rows are kept. What is long or nothing at all is the
// officer's to decide, and said.
func (b *builder) keep(v cursor) Duration {
	d := v.duration()
	switch {
	case d == Duration{}:
		b.warn(v.at, "keep_rows: a period's rows are destroyed by the run that makes its last planned edition", DefaultKeep+" leave time to look into a release; a correction made later has to bring the rows again")
	case d.After(someDay).After(someDay.AddDate(1, 0, 0)):
		b.warn(v.at, fmt.Sprintf("keep_rows: exact rows are kept for %s after the last edition that counts them", d), DefaultKeep+" is the default; planned revisions have their rows anyway")
	}
	return d
}

// sound reports whether all code lists could be read.
func (b *builder) sound() bool {
	return !slices.ContainsFunc(b.dims, func(d dimension) bool { return !d.sound })
}

// contribution puts a source into the promise and on the pages. sensitivity is L
// of its figures, by the rules of its mapping.
func (b *builder) contribution(s cursor, src Source, sensitivity int64) {
	c := s.get("contribution")
	if src.Check { // M and P are those of what counts
		if c.given() {
			b.warn(c.at, "contribution: a source that only checks counts nobody, so that this is not used", "take it out, or `use: check`")
		}
		return
	}
	spec := privacy.Source{
		Name: src.Name, PerPeriod: c.get("per_period").whole(), Sensitivity: sensitivity,
		Mapping: src.Digest, NoGuarantee: b.unpromised, Corrected: src.Mapping.ByHand(), Namespace: src.Mapping.Person.Namespace,
	}
	b.together(c.get("per_period"), spec)
	if periods := c.get("periods"); periods.text() != "unlimited" {
		spec.Periods = periods.whole()
	}
	b.out.Spec.Sources = append(b.out.Spec.Sources, spec)
	b.out.About.Sources = append(b.out.About.Sources, outputs.Source{
		Name: src.Name, Agency: src.Agency, Reporter: s.get("reporter").text(), StatedBy: c.get("stated_by").text(),
		PerPeriod: spec.PerPeriod, Periods: spec.Periods, Sensitivity: spec.Sensitivity, Bounded: spec.Namespace != "",
	})
}

// together refuses two bounds, and two promises, for the rows of one person.
func (b *builder) together(v cursor, spec privacy.Source) {
	for _, o := range b.out.Spec.Sources {
		if spec.Namespace != "" && o.Namespace == spec.Namespace && o.NoGuarantee != spec.NoGuarantee {
			v.add(fmt.Sprintf("source %s has the same person.namespace, and only one of the two has guarantee: none: the rows of a person are bounded together, and rows without the promise would make room for others", quoted(o.Name)),
				"take namespace out of the one without a guarantee")
			return
		}
		if spec.Namespace != "" && o.Namespace == spec.Namespace && o.PerPeriod != spec.PerPeriod {
			v.add(fmt.Sprintf("source %s has the same person.namespace and another per_period: the rows of a person are bounded together", quoted(o.Name)),
				"say the same in both, or take namespace out where the same key does not mean the same person")
			return
		}
	}
}

// person reads the key of persons. Without a namespace it is of the source alone,
// by a name that no namespace has.
func (b *builder) person(name string, v cursor) normalize.Person {
	if !v.given() {
		return normalize.Person{}
	}
	p := normalize.Person{Namespace: "/" + name}
	if !v.isMap() {
		p.Column = v.text()
		return p
	}
	p.Column, p.Regex = v.get("column").text(), v.get("regex").text()
	p.Columns, p.Join = b.joined(v)
	b.group(v.get("regex"))
	if n := v.get("namespace"); n.given() {
		p.Namespace = n.text()
	}
	return p
}

// from finds the connector.
func (b *builder) from(v cursor, src *Source) {
	if !v.isMap() {
		return
	}
	for _, p := range v.n.pairs {
		if len(b.kinds) == 0 || slices.Contains(b.kinds, p.key) {
			src.Kind = p.key
			src.Decode = decoder(b.src, p)
		}
	}
}

// settings returns what stands under a connector's name.
func (v cursor) settings(kind string) *node {
	if !v.isMap() {
		return nil
	}
	if p := v.n.pair(kind); p != nil {
		return p.value
	}
	return nil
}

// mappingProblems takes apart what normalize says of a mapping and finds the
// keys that it names.
func (b *builder) mappingProblems(s cursor, err error) {
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			b.mappingProblems(s, e)
		}
		return
	}
	at, message := s.at, err.Error()
	var m *normalize.MappingError
	if errors.As(err, &m) {
		at, message = s.n.nearestTo(m.Path), quoted(strings.Join(m.Path, "."))+": "+m.What
	}
	b.add(at, message, "")
}

// nearestTo finds the deepest value on a path of keys, and of numbers of entries,
// from 1, of lists.
func (n *node) nearestTo(path []string) place {
	for _, k := range path {
		if i, err := strconv.Atoi(k); err == nil && 0 < i && i <= len(n.items) {
			n = n.items[i-1]
			continue
		}
		p := n.pair(k)
		if p == nil {
			break
		}
		n = p.value
	}
	return n.at
}

// knownDimensions checks the free keys of map.
func (b *builder) knownDimensions(v cursor) {
	var names []string
	for _, d := range b.dims {
		names = append(names, d.name)
	}
	for p := range v.each() {
		if slices.Contains(names, p.key) {
			continue
		}
		fix := "add it to dimensions, or take it out"
		if len(names) > 0 {
			fix = "the dimensions are " + list(names, "and") + "; map also has unit, period and value"
		}
		b.meant[codelist.Nearest(p.key, names)] = true
		b.add(p.at, fmt.Sprintf("no dimension %s%s", quoted(p.key), meant(p.key, append(names, "unit", "period", "value"))), fix)
	}
}

// given are the columns that `read` takes from cells outside of the rows.
func given(v cursor) (names []string) {
	for p := range v.get("cells").each() {
		names = append(names, p.key)
	}
	return names
}

// reshape reads what of `read` is about rows.
func reshape(v cursor) normalize.Reshape {
	r := normalize.Reshape{FillDown: v.get("fill_down").texts()}
	if u := v.get("unpivot"); u.given() {
		r.Unpivot = &normalize.Unpivot{Into: u.get("into").text(), Value: u.get("value").text()}
		if c := u.get("columns"); c.isList() {
			r.Unpivot.Labels = c.texts()
		} else {
			r.Unpivot.Match = c.text()
		}
	}
	return r
}

// mapping reads the rules of one source.
func (b *builder) mapping(name string, s cursor) normalize.Mapping {
	v := s.get("map")
	m := normalize.Mapping{
		Source: name, Given: given(s.get("read")), Reshape: reshape(s.get("read")), Where: b.where(s.get("where")), Unit: b.mapUnit(v.get("unit")), Period: b.mapPeriod(v.get("period")), Value: b.mapValue(v.get("value")),
		Upsert: s.get("delivers").text() == "upsert", Deleted: b.where(s.get("deleted")), Zeros: b.zeros,
		Duplicates: s.get("duplicates").text(), Bounds: b.bounds(s.get("bounds")), Quarantine: s.get("quarantine").percent(),
	}
	key := s.get("key")
	if m.KeyRow = key.given() && !key.isList() && key.text() == "row"; !m.KeyRow {
		m.Key = key.texts()
	}
	for _, d := range b.dims {
		dim := normalize.Dimension{Name: d.name, Unknown: d.unknown, List: d.list}
		if rule := v.get(d.name); rule.given() {
			dim.Rules = b.rules(rule, d)
		}
		m.Dimensions = append(m.Dimensions, dim)
	}
	m.Person = b.person(name, s.get("person"))
	b.batchRules(s, &m)
	return m
}

func (b *builder) bounds(v cursor) normalize.Bounds {
	var out normalize.Bounds
	least := v.get("min").whole()
	if v.get("min").given() {
		out.Min = &least
	}
	if v.get("max").given() {
		most := v.get("max").whole()
		if out.Max = &most; most < least {
			v.get("max").add("max is below min", "min is 0 unless given")
		}
	}
	if v.get("ratio").given() {
		out.Ratio, _ = v.get("ratio").decimal().Float64()
	}
	out.Clip = v.get("over").text() == "clip"
	return out
}
