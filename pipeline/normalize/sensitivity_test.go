package normalize

import (
	"fmt"
	"strconv"
	"testing"
)

// A world is the counts behind a source with the chain [a, b] ⊂ [a] ⊂ []: what
// is in the part (a1, b1), in the part (a1, b2), in a1 but no part, in the part
// (a2, b1), and in no part at all. A person may be in any one of them.
type world [5]int64

// figures are the true counts of a world, by row: two codes of the chain's two
// dimensions.
func (w world) figures(grains int) map[string]int64 {
	f := map[string]int64{"a1,b1": w[0], "a1,b2": w[1], "a2,b1": w[3]}
	if grains > 1 {
		f["a1,_T"], f["a2,_T"] = w[0]+w[1]+w[2], w[3]
	}
	if grains > 2 {
		f["_T,_T"] = w[0] + w[1] + w[2] + w[3] + w[4]
	}
	return f
}

// chain is a mapping of two dimensions with the finest of the three grains.
func chain(t testing.TB, grains int) Mapping {
	m := simple(t)
	m.KeyRow = false
	m.Dimensions = []Dimension{
		{Name: "a", Rules: []Rule{{Column: "a"}}, List: mustList(t, "a.csv", "code\na1\na2\n")},
		{Name: "b", Rules: []Rule{{Column: "b"}}, List: mustList(t, "b.csv", "code\nb1\nb2\n")},
	}
	all := []Grain{{{"a", ""}, {"b", ""}}, {{"a", ""}}, {}}
	m.Grains = all[:grains]
	if grains > 1 {
		m.Totals = Totals{Use: "rest", MaxBelow: 1}
	}
	return m
}

// leaves normalizes a world as a source would show it; rows in which as gives no
// figure are not there.
func leaves(t testing.TB, m Mapping, w world, as func(row string, y int64) (int64, bool)) map[string]int64 {
	t.Helper()
	var rows [][]string
	for _, codes := range []string{"a1,b1", "a1,b2", "a2,b1", "a1,_T", "a2,_T", "_T,_T"} {
		y, ok := w.figures(len(m.Grains))[codes]
		if !ok {
			continue
		}
		if v, shown := as(codes, y); shown {
			rows = append(rows, []string{"2016", codes[:2], codes[3:], strconv.FormatInt(v, 10)})
		}
	}
	got, _, err := runRows(New(m, since(t, "2012"), "year", nil), m, []string{"year", "a", "b", "n"}, rows, 10)
	if err != nil {
		t.Fatal(err)
	}
	_, cells := sumOf(got)
	return cells
}

// l1 is the distance of two worlds' leaves.
func l1(a, b map[string]int64) (d int64) {
	for k, v := range a {
		d += max(v-b[k], b[k]-v)
	}
	for k, v := range b {
		if _, ok := a[k]; !ok {
			d += max(v, -v)
		}
	}
	return d
}

// worst enumerates all worlds of counts up to most in the classes 0, 2 and 4 (and
// what is fixed in the others), each with and without one person of every class.
func worst(t testing.TB, m Mapping, most int64, as func(string, int64) (int64, bool)) (d int64) {
	seen := map[world]map[string]int64{}
	of := func(w world) map[string]int64 {
		if seen[w] == nil {
			seen[w] = leaves(t, m, w, as)
		}
		return seen[w]
	}
	for a := range most + 1 {
		for b := range most + 1 {
			for c := range most + 1 {
				w := world{a, 0, b, 1, c}
				for class := range w {
					with := w
					with[class]++
					d = max(d, l1(of(w), of(with)))
				}
			}
		}
	}
	return d
}

// TestSensitivityOfRests enumerates small worlds through the normalizer itself: no
// person moves all leaf cells of a period together by more than the declared L,
// and where it is known how much less it is, that is met exactly.
func TestSensitivityOfRests(t *testing.T) {
	below := func(limit, v int64, zeros bool) func(string, int64) (int64, bool) {
		return func(_ string, y int64) (int64, bool) {
			switch {
			case y == 0 && zeros:
				return 0, true
			case y == 0:
				return 0, false
			case y < limit:
				return v, true
			}
			return y, true
		}
	}
	base := func(b int64) func(string, int64) (int64, bool) {
		return func(_ string, y int64) (int64, bool) { return (y + b/2) / b * b, true }
	}
	exact := func(_ string, y int64) (int64, bool) { return y, true }
	noTotal := func(row string, y int64) (int64, bool) { return y, row != "a1,_T" }
	for _, c := range []struct {
		name string
		as   func(string, int64) (int64, bool)
		rowL int64
		most int64
		met  [3]int64 // by how many grains there are
	}{
		{"exact", exact, 1, 3, [3]int64{1, 1, 1}},
		{"exact, a total without a row", noTotal, 1, 3, [3]int64{1, 1, 1}},
		{"less than 2 as 1, zeros shown", below(2, 1, true), 1, 3, [3]int64{1, 1, 1}},
		{"less than 3 as 1", below(3, 1, true), 2, 3, [3]int64{2, 3, 4}},
		{"less than 4 as 2", below(4, 2, true), 2, 3, [3]int64{2, 4, 6}},
		{"less than 5 as 2", below(5, 2, true), 3, 4, [3]int64{3, 5, 7}},
		{"less than 5 as 2, zeros hidden as rows that are not there", below(5, 2, false), 3, 4, [3]int64{3, 5, 7}},
		{"less than 5 as 4", below(5, 4, true), 4, 4, [3]int64{4, 8, 9}},
		{"rounded to 5", base(5), 5, 6, [3]int64{5, 10, 15}},
		{"rounded to 2", base(2), 2, 3, [3]int64{2, 4, 6}},
	} {
		for grains := 1; grains <= 3; grains++ {
			t.Run(fmt.Sprintf("%s, %d grains", c.name, grains), func(t *testing.T) {
				m := chain(t, grains)
				bound, got := m.withRest(c.rowL), worst(t, m, c.most, c.as)
				if got > bound {
					t.Errorf("a person moves leaf cells by %d, more than %d", got, bound)
				}
				if got != c.met[grains-1] {
					t.Errorf("the most is %d, want %d (of the bound %d)", got, c.met[grains-1], bound)
				}
			})
		}
	}
}

// TestSensitivityOfFiguresThatStandStill: clipping makes a total stand still while
// its part moves, although a figure moves by one at most.
func TestSensitivityOfFiguresThatStandStill(t *testing.T) {
	for grains := 1; grains <= 3; grains++ {
		m := chain(t, grains)
		m.Bounds = Bounds{Max: ptr(2), Clip: true}
		bound, got := m.withRest(1), worst(t, m, 4, func(_ string, y int64) (int64, bool) { return y, true })
		if want := int64(min(grains, 2)); got != want || got > bound {
			t.Errorf("%d grains: a person moves leaf cells by %d, want %d of at most %d", grains, got, want, bound)
		}
	}
}

func TestSensitivityDeclared(t *testing.T) {
	rest := Totals{Use: "rest"}
	two := []Grain{{{"place", ""}, {"sex", ""}}, {{"place", ""}}}
	for name, c := range map[string]struct {
		set        func(*Mapping)
		rowL, want int64
	}{
		"no grain":             {func(*Mapping) {}, 3, 3},
		"one grain":            {func(m *Mapping) { m.Grains = two[:1] }, 3, 3},
		"drop":                 {func(m *Mapping) { m.Grains, m.Totals.Use = two, "drop" }, 3, 3},
		"check":                {func(m *Mapping) { m.Grains, m.Totals.Use = two, "check" }, 3, 3},
		"rest":                 {func(m *Mapping) { m.Grains, m.Totals = two, rest }, 3, 6},
		"rest, exact":          {func(m *Mapping) { m.Grains, m.Totals = two, rest }, 1, 1},
		"rest of three":        {func(m *Mapping) { m.Grains, m.Totals = append(two[:2:2], Grain{}), rest }, 3, 9},
		"rest and clip":        {func(m *Mapping) { m.Grains, m.Totals, m.Bounds = two, rest, Bounds{Max: ptr(9), Clip: true} }, 1, 2},
		"rest and max":         {func(m *Mapping) { m.Grains, m.Totals, m.Duplicates = two, rest, "max" }, 1, 2},
		"rest and corrections": {func(m *Mapping) { m.Grains, m.Totals, m.Corrections = two, rest, []Correction{{}} }, 1, 2},
		"clip alone":           {func(m *Mapping) { m.Bounds = Bounds{Max: ptr(9), Clip: true} }, 1, 1},
	} {
		m := simple(t)
		if c.set(&m); m.withRest(c.rowL) != c.want {
			t.Errorf("%s: got %d, want %d", name, m.withRest(c.rowL), c.want)
		}
	}
}
