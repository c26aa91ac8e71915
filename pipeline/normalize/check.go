package normalize

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// Check reports all that can be found wrong with m without data. Errors are
// [*MappingError], joined.
func (m Mapping) Check() error {
	c := &checker{counts: m.Value.Column}
	if key, what := m.Reshape.check(); what != "" {
		c.problem(path("read", "unpivot", key), "%s", what)
	}
	c.predicates(path("where"), m.Where)
	c.predicates(path("deleted"), m.Deleted)
	c.unit(m.Unit)
	c.period(m.Period)
	c.value(m.Value, m.Bounds)
	names := map[string]bool{}
	for _, d := range m.Dimensions {
		if names[d.Name] {
			c.problem(path("map", d.Name), "the dimension stands twice")
		}
		names[d.Name] = true
		c.dimension(d)
	}
	c.key(m)
	c.upsert(m)
	c.bounds(m.Bounds)
	c.corrections(m)
	c.keep(m.Keep)
	c.grains(m)
	c.zeros(m)
	c.person(m)
	if !(m.Quarantine >= 0 && m.Quarantine <= 1) { // NaN too
		c.problem(path("quarantine"), "must be from 0%% to 100%%")
	}
	return errors.Join(c.problems...)
}

type checker struct {
	problems []error
	counts   string // the column of the value, "" for a constant
}

func path(keys ...string) []string { return keys }

// under names a key below a path.
func under(at []string, keys ...string) []string { return append(slices.Clone(at), keys...) }

func (c *checker) problem(at []string, format string, args ...any) {
	c.problems = append(c.problems, &MappingError{at, fmt.Sprintf(format, args...)})
}

// column refuses to let a rule look at the value.
func (c *checker) column(at []string, name string) {
	// A rule that drops or places a row for its count lets one person move a cell
	// by the whole count: no bound on what a person changes would hold.
	if name != "" && name == c.counts && !slices.Equal(at, path("map", "value")) {
		c.problem(at, "column %q is the value: no rule may look at it, because one more person would then move a cell by a whole count", name)
	}
}

func (c *checker) predicates(at []string, ps []Predicate) {
	for _, p := range ps {
		if len(p) == 0 {
			c.problem(at, "a predicate without a test holds for every row: leave it out")
		}
		for _, t := range p {
			at := under(at, t.Column)
			c.column(at, t.Column)
			set := 0
			for _, is := range []bool{t.In != nil, t.NotIn != nil, t.Matches != "", t.NotMatches != ""} {
				if is {
					set++
				}
			}
			if t.Column == "" || set != 1 {
				c.problem(at, "want a column and one of: a text, a list of texts, not, matches, not_matches")
			}
			if _, err := regexp.Compile(t.Matches + t.NotMatches); err != nil {
				c.problem(at, "%v", err)
			}
		}
	}
}

// regex checks an expression of which group 1 is kept.
func (c *checker) regex(at []string, re string) {
	if re == "" {
		return
	}
	switch made, err := regexp.Compile(re); {
	case err != nil:
		c.problem(under(at, "regex"), "%v", err)
	case made.NumSubexp() < 1:
		c.problem(under(at, "regex"), "has no group: what is inside ( ) is kept")
	}
}

func (c *checker) key(m Mapping) {
	at := path("key")
	if m.KeyRow && m.Key != nil {
		c.problem(at, "want row or columns, not both")
	}
	if m.Key != nil && len(m.Key) == 0 {
		c.problem(at, "names no column")
	}
	for i, k := range m.Key {
		c.column(at, k)
		if k == "" || slices.Contains(m.Key[:i], k) {
			c.problem(at, "a column stands twice or has no name")
		}
	}
	all := []string{duplicatesError, duplicatesSum, duplicatesMax, duplicatesSame}
	switch d := m.duplicates(); {
	case !slices.Contains(all, d):
		c.problem(path("duplicates"), "want error, sum, max or same")
	case m.KeyRow && d != duplicatesError:
		c.problem(path("duplicates"), "with `key: row` no row is a duplicate")
	}
}
