package privacy

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func at(name string, levels ...int) Table { return Table{Name: name, Levels: levels} }

// flat has n dimensions of size codes below a root.
func flat(n, size int, tables ...Table) Spec {
	s := Spec{Dataset: "t", Series: 1, Unit: "event", Measure: "flow", Every: "year", Tables: tables,
		Sources: []Source{{Name: "a", PerPeriod: 1, Periods: 1, Sensitivity: 1}},
		Budget:  Budget{NanoEpsilon: 1e9, Delta: 1e-6}, Editions: 1, Mechanism: "laplace"}
	for d := range n {
		lv := Level{Name: "leaf"}
		for i := range size {
			lv.Codes, lv.Parent = append(lv.Codes, fmt.Sprint(i)), append(lv.Parent, 0)
		}
		s.Dimensions = append(s.Dimensions, Dimension{Name: fmt.Sprint("d", d), Levels: []Level{{Name: "all", Codes: []string{Total}}, lv}})
	}
	return s
}

// tree has one dimension of three levels with groups of 1, 2 and 5, and one flat one of 3.
func tree() Spec {
	s := flat(1, 3)
	place := Dimension{Name: "place", Levels: []Level{
		{Name: "all", Codes: []string{Total}},
		{Name: "region", Codes: []string{"a", "b", "c"}, Parent: []uint32{0, 0, 0}},
		{Name: "district", Codes: []string{"a1", "b1", "b2", "c1", "c2", "c3", "c4", "c5"}, Parent: []uint32{0, 1, 1, 2, 2, 2, 2, 2}},
	}}
	s.Dimensions = []Dimension{place, s.Dimensions[0]}
	s.Tables = []Table{at("total", 0, 0), at("region", 1, 0), at("district-sex", 2, 1), at("sex", 0, 1)}
	return s
}

func year(t testing.TB, y int) Period {
	t.Helper()
	p, err := NewPeriod(y, 1, 12)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Any sharding and any order of the rows, merged, gives the same cube, and every
// table is what a plain group-by gives.
func TestCubeIsLinear(t *testing.T) {
	s := tree()
	rapid.Check(t, func(t *rapid.T) {
		p := Period{}
		_ = p.UnmarshalText([]byte("2026"))
		n := rapid.IntRange(0, 300).Draw(t, "rows")
		codes := [][]uint32{make([]uint32, n), make([]uint32, n)}
		val := make([]int64, n)
		shards := rapid.IntRange(1, 5).Draw(t, "shards")
		var cubes []Cube
		for range shards {
			c, err := NewCube(s, p)
			if err != nil {
				t.Fatal(err)
			}
			cubes = append(cubes, c)
		}
		whole, _ := NewCube(s, p)
		want := map[string]int64{}
		for i := range n {
			codes[0][i], codes[1][i] = rapid.Uint32Range(0, 7).Draw(t, "place"), rapid.Uint32Range(0, 2).Draw(t, "sex")
			val[i] = rapid.Int64Range(-5, 1000).Draw(t, "n")
			region := s.Dimensions[0].Levels[2].Parent[codes[0][i]]
			want[fmt.Sprint("region ", region)] += val[i]
			want[fmt.Sprint("cell ", codes[0][i], codes[1][i])] += val[i]
			want["total"] += val[i]
			sh := rapid.IntRange(0, shards-1).Draw(t, "shard")
			if err := cubes[sh].Add([][]uint32{codes[0][i : i+1], codes[1][i : i+1]}, val[i:i+1]); err != nil {
				t.Fatal(err)
			}
		}
		if err := whole.Add(codes, val); err != nil {
			t.Fatal(err)
		}
		for _, c := range cubes[1:] {
			if err := cubes[0].Merge(c); err != nil {
				t.Fatal(err)
			}
		}
		for _, tb := range s.Tables {
			a, err := whole.exact().table(s.Dimensions, tb.Levels)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := cubes[0].exact().table(s.Dimensions, tb.Levels)
			if !slices.Equal(a, b) {
				t.Fatalf("%s differs between shardings", tb.Name)
			}
			for i, v := range a {
				key := map[string]string{"total": "total", "region": fmt.Sprint("region ", i),
					"district-sex": fmt.Sprint("cell ", i/3, i%3)}[tb.Name]
				if key != "" && v != want[key] {
					t.Fatalf("%s cell %d: %d, want %d", tb.Name, i, v, want[key])
				}
			}
		}
	})
}

// Twelve dimensions of ten codes with all tables of two: 66 parts, not 10^12 cells.
func TestManyDimensionsUseMaximalTables(t *testing.T) {
	var tables []Table
	for a := range 12 {
		for b := range a {
			levels := make([]int, 12)
			levels[a], levels[b] = 1, 1
			tables = append(tables, at(fmt.Sprint(a, "-", b), levels...))
		}
	}
	s := flat(12, 10, append(tables, at("total", make([]int, 12)...))...)
	c, err := NewCube(s, year(t, 2026))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.exact().parts) != 66 {
		t.Fatalf("%d parts, want 66", len(c.exact().parts))
	}
	codes := make([][]uint32, 12)
	for d := range codes {
		codes[d] = []uint32{uint32(d % 10)}
	}
	if err := c.Add(codes, []int64{7}); err != nil {
		t.Fatal(err)
	}
	for _, tb := range s.Tables {
		got, err := c.exact().table(s.Dimensions, tb.Levels)
		if err != nil {
			t.Fatal(err)
		}
		sum := int64(0)
		for _, v := range got {
			sum += v
		}
		if sum != 7 {
			t.Fatalf("%s: sum %d", tb.Name, sum)
		}
	}
}

func TestCubeRefuses(t *testing.T) {
	s := tree()
	c, _ := NewCube(s, year(t, 2026))
	for name, err := range map[string]error{
		"zero cube":         Cube{}.Add([][]uint32{{0}, {0}}, []int64{1}),
		"one dimension":     c.Add([][]uint32{{0}}, []int64{1}),
		"code outside":      c.Add([][]uint32{{8}, {0}}, []int64{1}),
		"ragged":            c.Add([][]uint32{{1, 2}, {0}}, []int64{1, 2}),
		"merge with itself": c.Merge(c),
		"merge with zero":   c.Merge(Cube{}),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := c.Add([][]uint32{{0, 0}, {0, 0}}, []int64{1 << 62, 1 << 62}); err == nil {
		t.Error("overflow accepted")
	}
	other := tree()
	other.Series = 2
	d, _ := NewCube(other, year(t, 2026))
	e, _ := NewCube(s, year(t, 2026))
	if e.Merge(d) == nil {
		t.Error("cubes of different specs merge")
	}
	f, _ := NewCube(s, year(t, 2025))
	if e.Merge(f) == nil {
		t.Error("cubes of different periods merge")
	}
}

// Nothing that prints, logs or encodes gets a count out of a cube, also when it
// sits in another value.
func TestCubeIsUnprintable(t *testing.T) {
	const canary = 981273645981 // 39 bits: no address or length has these digits by chance
	s := tree()
	c, _ := NewCube(s, year(t, 2026))
	if err := c.Add([][]uint32{{1}, {1}}, []int64{canary}); err != nil {
		t.Fatal(err)
	}
	type holder struct {
		C       Cube
		private Cube
	}
	h := holder{c, c}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q"} {
		fmt.Fprintf(&out, verb+verb+verb+verb, c, &c, h, &h)
		fmt.Fprintf(&out, verb, []Cube{c})
		fmt.Fprintf(&out, verb, map[string]Cube{"a": c})
	}
	log := slog.New(slog.NewTextHandler(&out, nil))
	log.Info("x", "cube", c, "holder", h)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "cube", c, "holder", h)
	if strings.Contains(out.String(), fmt.Sprint(int64(canary))) || strings.Contains(out.String(), fmt.Sprintf("%x", int64(canary))) {
		t.Error("a count was printed")
	}
	if _, err := json.Marshal(c); !errors.Is(err, ErrExact) {
		t.Error("JSON: ", err)
	}
	if _, err := json.Marshal(h); err == nil {
		t.Error("JSON of a struct that holds a cube")
	}
	if err := gob.NewEncoder(&out).Encode(c); err == nil {
		t.Error("gob")
	}
}
