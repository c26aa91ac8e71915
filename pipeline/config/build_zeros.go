package config

import (
	"fmt"
	"slices"

	"halftone/pipeline/codelist"
	"halftone/pipeline/normalize"
	"halftone/privacy"
)

// structuralZeros reads where nobody can be, by the codes of lists.
func (b *builder) structuralZeros(v cursor) {
	var names []string
	for _, d := range b.dims {
		names = append(names, d.name)
	}
	for z := range v.items() {
		zero, before := normalize.StructuralZero{}, len(b.problems)
		for p, codes := range z.each() {
			i := slices.Index(names, p.key)
			if i < 0 {
				b.add(p.at, "no dimension "+quoted(p.key)+meant(p.key, names), "name one of "+list(names, "or"))
				continue
			}
			for c := range codes.items() {
				message, _ := b.dims[i].check(c.text())
				if message == "" && b.dims[i].sound && (c.text() == codelist.Exclude || c.text() == privacy.Total) {
					message = quoted(c.text()) + " says nothing here"
				}
				if message != "" {
					c.add(message, fmt.Sprintf("name a code of %s below the total", b.dims[i].list.Name))
				}
				zero[p.key] = append(zero[p.key], c.text())
			}
		}
		if len(b.problems) == before { // of a wrong one its sources would complain, too
			b.zeros = append(b.zeros, zero)
		}
	}
	b.zerosAt = v
}

// specZeros are the same for the promise: one code a dimension, by level.
func (b *builder) specZeros() {
	if len(b.problems) > 0 {
		return
	}
	s := &b.out.Spec
	for _, z := range b.zeros {
		all := []privacy.Zero{{Levels: make([]int, len(s.Dimensions)), Codes: slices.Repeat([]string{privacy.Total}, len(s.Dimensions))}}
		for d, dim := range s.Dimensions {
			codes, named := z[dim.Name]
			if !named {
				all = at(all, d, 0, dim.Levels[0].Codes[0])
				continue
			}
			var next []privacy.Zero
			for _, code := range codes {
				level := slices.IndexFunc(dim.Levels, func(l privacy.Level) bool { return slices.Contains(l.Codes, code) })
				if level < 0 { // a child _U that no rule can reach
					b.zerosAt.add(fmt.Sprintf("nothing can be counted at code %s of %s", quoted(code), quoted(dim.Name)), "take it out")
					return
				}
				next = append(next, at(all, d, level, code)...)
			}
			if all = next; len(s.Zeros)+len(all) > privacy.MaxZeros {
				b.zerosAt.add(fmt.Sprintf("more than %d combinations of codes", privacy.MaxZeros), "name codes that lie higher")
				return
			}
		}
		s.Zeros = append(s.Zeros, all...)
	}
	b.unseenZeros()
}

// at are the zeros with a code of one dimension.
func at(zeros []privacy.Zero, d, level int, code string) (out []privacy.Zero) {
	for _, z := range zeros {
		n := privacy.Zero{Levels: slices.Clone(z.Levels), Codes: slices.Clone(z.Codes)}
		n.Levels[d], n.Codes[d] = level, code
		out = append(out, n)
	}
	return out
}

// unseenZeros warns of zeros that no table shows: they change no cell's status.
func (b *builder) unseenZeros() {
	s := b.out.Spec
	for _, z := range s.Zeros {
		shown := slices.ContainsFunc(s.Tables, func(t privacy.Table) bool {
			for d, l := range z.Levels {
				if l > t.Levels[d] {
					return false
				}
			}
			return true
		})
		if !shown {
			b.warn(b.zerosAt.at, "no table breaks down all that a structural zero names, so that no cell is one", "add such a table, or take the structural zero out")
			return
		}
	}
}
