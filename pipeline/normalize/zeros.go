package normalize

import (
	"maps"
	"slices"
	"strings"

	"halftone/pipeline/codelist"
	"halftone/privacy"
)

// A StructuralZero is where nobody can be, by definition: in one of the codes of each
// dimension that it names, or in what lies in them. A row there is quarantined,
// whatever its count is.
type StructuralZero map[string][]string

// holds reports whether a leaf lies in one of codes.
func holds(l codelist.List, codes []string, leaf string) bool {
	return slices.ContainsFunc(l.Path(leaf), func(c string) bool { return slices.Contains(codes, c) })
}

// zeros are the structural zeros, by the numbers of leaf codes.
type zeros [][][]bool // a zero, a dimension (nil: not named), a leaf code

func newZeros(m Mapping, leaves [][]string) (out zeros) {
	for _, z := range m.Zeros {
		inside := make([][]bool, len(leaves))
		for d, dim := range m.Dimensions {
			codes, named := z[dim.Name]
			if !named {
				continue
			}
			for _, leaf := range leaves[d] {
				inside[d] = append(inside[d], holds(dim.List, codes, leaf))
			}
		}
		out = append(out, inside)
	}
	return out
}

// hold reports whether a row with these leaf codes is in a structural zero. A rest
// is where its total is, or at a child _U of it: as no zero may name those
// ([checker.zeros]), none holds a rest whose total it does not hold.
func (zs zeros) hold(codes []uint32) bool {
	return slices.ContainsFunc(zs, func(z [][]bool) bool {
		for d, inside := range z {
			if inside != nil && (codes[d] == noLeaf || !inside[codes[d]]) {
				return false
			}
		}
		return true
	})
}

func (c *checker) zeros(m Mapping) {
	at := path("structural_zeros")
	for _, z := range m.Zeros {
		if len(z) == 0 {
			c.problem(at, "one names no dimension, so that nobody could be anywhere")
		}
		for _, name := range slices.Sorted(maps.Keys(z)) {
			i := slices.IndexFunc(m.Dimensions, func(d Dimension) bool { return d.Name == name })
			if i < 0 {
				c.problem(at, "no dimension %q", name)
				continue
			}
			for _, code := range z[name] {
				if m.Dimensions[i].List.Path(code) == nil || code == privacy.Total {
					c.problem(at, "%q is no code of %s below its root", code, m.Dimensions[i].List.Name)
				}
				if m.Totals.Use == totalsRest && (code == privacy.Unknown || strings.HasSuffix(code, "/"+privacy.Unknown)) {
					c.problem(at, "names %s, which is where `totals: rest` puts what is left of a total", code)
				}
			}
		}
	}
}
