package normalize

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"hash"
	"slices"

	"halftone/privacy"
)

// personTarget names the key of the mapping, and reasonNoKey why a row of nobody
// is quarantined.
const (
	personTarget = "person"
	reasonNoKey  = "no key"
)

// given reports whether rows have a person key.
func (p Person) given() bool { return p.Namespace != "" || p.Column != "" || p.Columns != nil }

// columns are those that the key is made of.
func (p Person) columns() []string {
	if p.Columns != nil {
		return p.Columns
	}
	return []string{p.Column}
}

// Persons gives the key under which person keys are hashed: of the dataset and
// namespace, secret, at least 32 bytes. It comes before the first page of a source
// whose mapping has a person.
func (n *Normalizer) Persons(key []byte) { n.hashKey = key }

// A personRule turns person keys into pseudonyms as they come. Nothing behind it
// sees a key. Case and white space around and in a key make no difference, as with
// labels: people type keys, too.
type personRule struct {
	col     *column
	extract extract
	mac     hash.Hash // nil until there is a row
	key     *[]byte
	of      []privacy.Pseudonym // by label
	blank   []bool
}

var _ decider = (*personRule)(nil)

func (r *personRule) forget() { r.of, r.blank = r.of[:0], r.blank[:0] }

func (r *personRule) decide(l label) {
	text, ok := r.extract.from(l)
	if !ok || text.folded == "" || l.blank {
		r.of, r.blank = append(r.of, privacy.Pseudonym{}), append(r.blank, true)
		return
	}
	if r.mac == nil {
		r.mac = hmac.New(sha256.New, *r.key)
	}
	r.mac.Reset()
	r.mac.Write([]byte(text.folded))
	r.of, r.blank = append(r.of, privacy.Pseudonym(r.mac.Sum(nil)[:len(privacy.Pseudonym{})])), append(r.blank, false)
}

// belongs finds whose row i of the page is. One that is nobody's is quarantined.
func (n *Normalizer) belongs(i int, at spot) bool {
	p := n.person
	label := p.col.index[i]
	blank := p.blank[label]
	if j := p.col.joint; j != nil { // without one of its parts a key is not one person's
		for _, part := range j.parts {
			blank = blank || part.texts[part.col.index[i]] == ""
		}
	}
	if blank {
		n.tally.quarantine(personTarget+": "+reasonNoKey, p.col.name, n.place(at))
		return false
	}
	n.who = p.of[label]
	return true
}

func (n *Normalizer) compilePerson(b *builder) error {
	m := n.m.Person
	if !m.given() {
		return nil
	}
	extract, err := newExtract(m.Regex)
	if err != nil {
		return err
	}
	n.person = &personRule{col: b.source(m.Column, m.Columns, m.Join), extract: extract, key: &n.hashKey}
	n.person.col.deciders = append(n.person.col.deciders, n.person)
	return nil
}

// errNoHashKey is ours: person keys would be hashed under none.
var errNoHashKey = errors.New("normalize: no key to hash person keys with")

func (n *Normalizer) hashes() bool { return n.person == nil || len(n.hashKey) >= sha256.Size }

// person checks the key, and that whatever looks at several rows together looks at
// those of one person: only then one person changes no more than what is theirs.
func (c *checker) person(m Mapping) {
	p, at := m.Person, path(personTarget)
	if !p.given() {
		return
	}
	switch {
	case (p.Column == "") == (len(p.Columns) == 0):
		c.problem(at, "want a column, or several")
	case p.Namespace == "":
		c.problem(at, "has no namespace")
	}
	for i, name := range p.columns() {
		c.column(at, name)
		if slices.Contains(p.Columns[:min(i, len(p.Columns))], name) || name == "" && p.Columns != nil {
			c.problem(at, "a column stands twice or has no name")
		}
		if m.given(name) {
			c.problem(at, "column %q is the same for many rows: it is no key of a person", name)
		}
	}
	c.regex(at, p.Regex)
	if m.Value.Column != "" || m.Value.Const != 1 {
		c.problem(path("map", "value"), "with `person` each row is one record of one person: value: 1")
	}
	if m.duplicates() != duplicatesError {
		if m.duplicates() != duplicatesSame {
			c.problem(path("duplicates"), "with `person` a row counts one: want error or same")
		}
		c.ofOne(path("key"), m.Key, p)
	}
	if m.Upsert { // a row takes the place of another
		c.ofOne(path("key"), m.Key, p)
	}
	for _, k := range m.Keep {
		c.ofOne(path("keep", "partition_by"), k.PartitionBy, p)
	}
	if m.Totals.Use == totalsRest {
		c.problem(path("totals"), "records have no totals: `rest` does not go with `person`")
	}
	for _, one := range m.Corrections {
		if !one.Exclude && one.Value != 0 && one.Value != 1 {
			c.problem(path("corrections"), "line %d: with `person` a row counts one: want 0, 1 or exclude", one.Line)
		}
	}
}

// ofOne refuses to choose among the rows of several people.
func (c *checker) ofOne(at []string, columns []string, p Person) {
	if slices.ContainsFunc(p.columns(), func(name string) bool { return !slices.Contains(columns, name) }) {
		c.problem(at, "must name the columns of `person`, too: else rows of one person decide about those of another")
	}
}
