package normalize

import (
	"strings"

	"halftone/pipeline/codelist"
)

// answers splits a text of several answers; blank ones are none.
func (c *choice) answers(l label) []label {
	var out []label
	for s := range strings.SplitSeq(l.clean, c.is.Split) {
		if s = codelist.Clean(s); s != "" {
			out = append(out, newLabel(s))
		}
	}
	return out
}

// Texts of the codes that a rule with `has` leads to, as a code list of yes and
// no has them.
const hasYes, hasNo = "yes", "no"

// has says whether one answer is among all.
func (d *dimension) has(c *choice, answers []label) verdict {
	text, want := hasNo, codelist.Fold(c.is.Has)
	for _, a := range answers {
		if a.folded == want {
			text = hasYes
		}
	}
	code, _ := d.list.Resolve(text)
	return d.verdict(code, false)
}

// several decides answers together: a person who gave two is in neither cell,
// but in that of mixtures. It is not ok when an answer is not known.
func (d *dimension) several(c *choice, answers []label) (v verdict, ok bool) {
	codes := map[string]bool{} // leaves: two words for one are one answer
	var code string
	unknown := false
	for _, a := range answers {
		known, ok := c.literals.find(a)
		if !ok {
			known, ok = d.listed(c, a)
		}
		if !ok {
			if known, unknown = c.is.Unknown, true; known == "" {
				return 0, false
			}
		}
		leaf := known
		if known != exclude {
			leaf, _, _ = d.list.Leaf(known)
		}
		codes[leaf], code = true, known
	}
	switch {
	case len(codes) == 1:
		return d.verdict(code, unknown), true
	case c.is.Many == "":
		return isSeveral, true
	}
	return d.verdict(c.is.Many, false), true
}

// A claim is what the rule of a target knows of a column.
type claim struct {
	target string
	knows  func(label) bool
}

// elsewhere reports whether another target knows the label.
func (c *choice) elsewhere(l label) bool {
	for _, o := range c.others {
		if o.knows(l) {
			return true
		}
	}
	return false
}

// knows reports whether the rule gives the label a code of its own, by its codes
// or the code list.
func (d *dimension) knows(c *choice, l label) bool {
	text, matches := c.extract.from(l)
	switch {
	case !matches || c.is.Has != "":
		return false
	case c.literals.has(text):
		return true
	case c.is.Split == "":
		_, ok := d.listed(c, text)
		return ok
	}
	for _, a := range c.answers(text) {
		if _, ok := d.listed(c, a); ok || c.literals.has(a) {
			return true
		}
	}
	return false
}
