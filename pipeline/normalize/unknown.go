package normalize

import (
	"cmp"
	"slices"

	"halftone/pipeline/codelist"
)

// An UnknownLabel is a text of the source for which a dimension's rule has no
// code. It is agency text: for the officer's terminal and for no log or error.
type UnknownLabel struct {
	Dimension string
	Column    string // of the rule, as configured; of the first, where several rules meet the label
	Label     string // as the rule's codes must name it: after `regex`, one answer of `split`
	Rows      int64  // that have it
	// NoMatch says that the rule's `regex` does not match: codes cannot help.
	NoMatch bool
}

// maxUnknown is how many distinct labels of a dimension are kept: a column that
// has more holds no classification.
const maxUnknown = 10000

// unknowns counts the labels that dimensions do not know. Labels that fold to one
// are one: codes do not tell them apart.
type unknowns struct {
	at   map[[2]string]*UnknownLabel // by dimension and folded label
	of   map[string]int              // distinct labels of a dimension
	more map[string]bool             // dimensions that have more
}

// WatchUnknown has the labels that no dimension's rule knows counted, for
// [Normalizer.UnknownLabels]. To be called before the first Page.
func (n *Normalizer) WatchUnknown() {
	n.unknown = &unknowns{map[[2]string]*UnknownLabel{}, map[string]int{}, map[string]bool{}}
	for _, d := range n.rules.dims {
		for _, c := range d.choices {
			c.texts = map[uint32][]UnknownLabel{}
			c.describe = func(l label) []UnknownLabel { return d.describe(c, l) }
		}
	}
}

// UnknownLabels gives what was watched: of rows that pass `where` and are counts,
// whatever else of them is wrong, the most frequent label of a dimension first. more
// names the dimensions that have more than 10,000 of them.
func (n *Normalizer) UnknownLabels() (labels []UnknownLabel, more []string) {
	if n.unknown == nil {
		return nil, nil
	}
	for _, l := range n.unknown.at {
		labels = append(labels, *l)
	}
	order := map[string]int{}
	for i, d := range n.rules.dims {
		if order[d.name] = i; n.unknown.more[d.name] {
			more = append(more, d.name)
		}
	}
	slices.SortFunc(labels, func(a, b UnknownLabel) int {
		return cmp.Or(cmp.Compare(order[a.Dimension], order[b.Dimension]), cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Label, b.Label))
	})
	return labels, more
}

// row counts the unknown labels of row i of the page.
func (u *unknowns) row(dims []*dimension, i int) {
	for _, d := range dims {
		r := d.only
		if r == nil {
			r = d.chosen(i)
		}
		if r.col == nil || r.at(i) != isUnknownLabel {
			continue
		}
		for _, l := range r.texts[r.col.index[i]] {
			key := [2]string{d.name, codelist.Fold(l.Label)}
			if u.at[key] == nil {
				if u.of[d.name] == maxUnknown {
					u.more[d.name] = true
					continue
				}
				u.of[d.name]++
				u.at[key] = &l
			}
			u.at[key].Rows++
		}
	}
}

// describe says which texts of a label the rule does not know.
func (d *dimension) describe(c *choice, l label) []UnknownLabel {
	text, matches := c.extract.from(l)
	made := func(text string) UnknownLabel {
		return UnknownLabel{Dimension: d.name, Column: c.column(), Label: text, NoMatch: !matches}
	}
	if c.is.Split == "" || !matches {
		return []UnknownLabel{made(text.clean)}
	}
	var out []UnknownLabel
	seen := map[string]bool{}
	for _, a := range c.answers(text) {
		if _, listed := d.listed(c, a); !listed && !c.literals.has(a) && !seen[a.folded] {
			seen[a.folded] = true
			out = append(out, made(codelist.Clean(a.clean)))
		}
	}
	return out
}
