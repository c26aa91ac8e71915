package normalize

import (
	"testing"

	"pgregory.net/rapid"
)

// TestSensitivity: L by the table of the mapping language.
func TestSensitivity(t *testing.T) {
	under := func(below, as int64) StatusRule {
		return StatusRule{Text: "<", Is: "suppressed", Below: below, As: as}
	}
	base := func(b int64) StatusRule { return StatusRule{Text: "r", Is: "rounded", Base: b} }
	for name, c := range map[string]struct {
		v    Value
		want int64
	}{
		"exact":                         {Value{Column: "n"}, 1},
		"each row one":                  {Value{Const: 1}, 1},
		"each row three":                {Value{Const: 3}, 3},
		"noised":                        {Value{Column: "n", Status: []StatusRule{{Text: "x", Is: "noised"}}}, 1},
		"no value":                      {Value{Column: "n", Blank: "missing", Status: []StatusRule{{Text: "-", Is: "zero"}, {Text: "x", Is: "not_collected"}}}, 1},
		"<5 as 2":                       {Value{Column: "n", Status: []StatusRule{under(5, 2)}}, 3},
		"<5 as 4":                       {Value{Column: "n", Status: []StatusRule{under(5, 4)}}, 4},
		"<5 as 0":                       {Value{Column: "n", Status: []StatusRule{under(5, 0)}}, 5},
		"<2 as 1":                       {Value{Column: "n", Status: []StatusRule{under(2, 1)}}, 1},
		"<10 as 5, of a blank":          {Value{Column: "n", Blank: "suppressed", BlankBelow: 10, BlankAs: 5}, 5},
		"rounded to 5":                  {Value{Column: "n", Status: []StatusRule{base(5)}}, 5},
		"rounded to 5 or 10":            {Value{Column: "n", Status: []StatusRule{base(5), base(10)}}, 10},
		"rounded to 3 or 5":             {Value{Column: "n", Status: []StatusRule{base(3), base(5)}}, 7},
		"<5 as 2, the rest to 10":       {Value{Column: "n", Status: []StatusRule{under(5, 2), base(10)}}, 10},
		"<12 as 0, the rest to 10":      {Value{Column: "n", Status: []StatusRule{under(12, 0), base(10)}}, 20},
		"<5 as 2 or <10 as 4":           {Value{Column: "n", Status: []StatusRule{under(5, 2), under(10, 4)}}, 6},
		"<5 as 2 in thousands":          {Value{Column: "n", Scale: 1000, Status: []StatusRule{under(5, 2)}}, 3000},
		"exact in dozens":               {Value{Column: "n", Scale: 12}, 12},
		"a blank that is <10 beside <5": {Value{Column: "n", Blank: "suppressed", BlankBelow: 10, BlankAs: 5, Status: []StatusRule{under(5, 2)}}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			m := simple(t)
			if m.Value = c.v; m.Sensitivity() != c.want {
				t.Errorf("L is %d, want %d", m.Sensitivity(), c.want)
			}
			if name != "no value" && name != "noised" { // they would stop at the same text
				if err := m.Check(); err != nil {
					t.Error(err)
				}
			}
			// What comes does not matter: L is the same before and after rows.
			if m.Sensitivity() != c.v.Sensitivity() {
				t.Error("L changes")
			}
		})
	}
}

// TestSensitivityBounds: whichever of the declared statuses makes each figure, one
// more person moves none by more than L. Figures are made here as an agency makes
// them, count by count.
func TestSensitivityBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := Value{Column: "n", Scale: rapid.SampledFrom([]int64{0, 1, 7}).Draw(t, "scale")}
		for range rapid.IntRange(0, 2).Draw(t, "suppressions") {
			below := rapid.Int64Range(2, 15).Draw(t, "below")
			v.Status = append(v.Status, StatusRule{Is: "suppressed", Below: below, As: rapid.Int64Range(0, below-1).Draw(t, "as")})
		}
		for range rapid.IntRange(0, 2).Draw(t, "roundings") {
			v.Status = append(v.Status, StatusRule{Is: "rounded", Base: rapid.Int64Range(2, 12).Draw(t, "base")})
		}
		l, k := v.Sensitivity(), max(v.Scale, 1)
		made := func(y int64) []int64 {
			out := []int64{y * k}
			for _, s := range v.Status {
				switch {
				case s.Is == "suppressed" && y < s.Below:
					out = append(out, s.As*k)
				case s.Is == "rounded":
					for r := int64(0); r <= y+s.Base; r += s.Base { // up or down
						if r-y < s.Base && y-r < s.Base {
							out = append(out, r*k)
						}
					}
				}
			}
			return out
		}
		var most int64
		for y := range int64(300) {
			for _, a := range made(y) {
				for _, b := range made(y + 1) {
					most = max(most, a-b, b-a)
				}
			}
		}
		if most > l {
			t.Fatalf("one more moves a figure by %d, and L is %d", most, l)
		}
		if len(v.Status) <= 1 && most != l {
			t.Fatalf("L is %d, and one more moves no figure by more than %d", l, most)
		}
	})
}

func TestStatusWords(t *testing.T) {
	for s := range statuses {
		if got, ok := ParseStatus(s.String()); !ok || got != s {
			t.Errorf("%s is %s", s, got)
		}
	}
	if _, ok := ParseStatus("missing"); ok || statuses.String() != "unknown" {
		t.Error("a row without a value has no status")
	}
}
