package domain

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// shape is two trees of up to three levels with named codes.
func shape(t *rapid.T) []Dimension {
	dims := make([]Dimension, 2)
	for d := range dims {
		dims[d] = Dimension{Name: string(rune('x' + d)), Levels: []Level{{Name: "all", Codes: []string{Total}}}}
		for range rapid.IntRange(1, 2).Draw(t, "levels") {
			up := dims[d].Leaf()
			lv := Level{Name: string(rune('0' + len(dims[d].Levels)))}
			for p, code := range up.Codes {
				for i := range rapid.IntRange(1, 3).Draw(t, "children") {
					lv.Codes, lv.Parent = append(lv.Codes, code+string(rune('a'+i))), append(lv.Parent, uint32(p))
				}
			}
			dims[d].Levels = append(dims[d].Levels, lv)
		}
	}
	return dims
}

// A cell is within a zero where the names of its codes begin with those of the zero's:
// the code of a child here is its parent's and a letter.
func TestWithin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dims := shape(t)
		any := func(d int) (int, string) {
			l := rapid.IntRange(0, len(dims[d].Levels)-1).Draw(t, "level")
			return l, rapid.SampledFrom(dims[d].Levels[l].Codes).Draw(t, "code")
		}
		var zeros []Zero
		for range rapid.IntRange(0, 3).Draw(t, "zeros") {
			z := Zero{make([]int, 2), make([]string, 2)}
			for d := range dims {
				z.Levels[d], z.Codes[d] = any(d)
			}
			zeros = append(zeros, z)
		}
		levels := make([]int, 2)
		for d := range dims {
			levels[d], _ = any(d)
		}
		got := Within(dims, zeros, levels)
		i := 0
		for _, a := range dims[0].Levels[levels[0]].Codes {
			for _, b := range dims[1].Levels[levels[1]].Codes {
				want := slices.ContainsFunc(zeros, func(z Zero) bool { return prefix(a, z.Codes[0]) && prefix(b, z.Codes[1]) })
				if want != (got != nil && got[i]) {
					t.Fatalf("cell %s, %s of %v: within is %v", a, b, zeros, !want)
				}
				i++
			}
		}
	})
}

func prefix(s, of string) bool { return len(s) >= len(of) && s[:len(of)] == of }

func TestZeroCheck(t *testing.T) {
	dims := []Dimension{
		{Name: "place", Levels: []Level{{Name: "all", Codes: []string{Total}}, {Name: "region", Codes: []string{"N", "S"}, Parent: []uint32{0, 0}}}},
		{Name: "sex", Levels: []Level{{Name: "all", Codes: []string{Total}}, {Name: "sex", Codes: []string{"F", "M"}, Parent: []uint32{0, 0}}}},
	}
	if err := (Zero{[]int{0, 1}, []string{Total, "M"}}).Check(dims); err != nil {
		t.Error(err)
	}
	for name, z := range map[string]Zero{
		"none":            {},
		"one dimension":   {[]int{1}, []string{"N"}},
		"no such level":   {[]int{2, 0}, []string{"N", Total}},
		"below no level":  {[]int{-1, 0}, []string{"N", Total}},
		"no such code":    {[]int{1, 0}, []string{"E", Total}},
		"another level's": {[]int{0, 1}, []string{"N", "M"}},
		"everything":      {[]int{0, 0}, []string{Total, Total}},
	} {
		if z.Check(dims) == nil {
			t.Error(name, "taken")
		}
	}
}
