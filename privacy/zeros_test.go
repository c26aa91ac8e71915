package privacy

import (
	"slices"
	"strings"
	"testing"
)

// Structural zeros have the value and the interval 0, keep their estimates, and the
// rest still adds up; the sealed file says where they are.
func TestStructuralZeros(t *testing.T) {
	for _, mechanism := range []string{PlannerMechanism, LaplaceMechanism} {
		s := tree()
		s.Mechanism, s.Budget = mechanism, Budget{NanoEpsilon: 1e8, NanoRho: 5_000_000, Delta: 1e-6} // an sd of hundreds
		s.Zeros = []Zero{{Levels: []int{1, 1}, Codes: []string{"c", "2"}}, {Levels: []int{1, 0}, Codes: []string{"b", Total}}}
		l, k := newTestLedger(), Key{"t", 1, year(t, 2026), 1}
		r, err := Measure(t.Context(), s, filled(t, s, k.Period, [][]uint32{{0, 3}, {0, 1}}, []int64{300, 200}), k, Input{}, l)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(r.File()), `"structural_zeros":[{"levels":[1,1],"codes":["c","2"]}`) {
			t.Error("the sealed file does not say where structural zeros are")
		}
		cells := map[string]Cells{}
		for _, table := range s.Tables {
			if cells[table.Name], err = r.Cells(table.Name); err != nil {
				t.Fatal(err)
			}
		}
		fine, sexes, sum, kept := cells["district-sex"], [3]int64{}, int64(0), 0
		for i, v := range fine.Value { // 8 districts: a1, b1, b2, c1 … c5; 3 sexes
			place, sex := i/3, i%3
			zero := place == 1 || place == 2 || place >= 3 && sex == 2
			if fine.Zero[i] != zero || zero && (v != 0 || fine.Low[i] != 0 || fine.High[i] != 0) {
				t.Errorf("%s: cell %d: %d in [%d, %d], structural zero %v", mechanism, i, v, fine.Low[i], fine.High[i], zero)
			}
			if zero && fine.Estimate[i] != 0 {
				kept++
			}
			sexes[sex], sum = sexes[sex]+v, sum+v
		}
		if kept < 5 { // of 11; with Laplace one in 80 is 0 by chance, seven or more once in 10¹⁰ runs
			t.Errorf("%s: %d structural zeros kept their estimate", mechanism, kept)
		}
		if [3]int64(cells["sex"].Value) != sexes || cells["total"].Value[0] != sum || cells["sex"].Zero != nil && cells["sex"].Zero[2] {
			t.Errorf("%s: %v and %v do not add up to %v", mechanism, fine.Value, cells["sex"].Value, sum)
		}
		if z := cells["region"].Zero; z[0] || !z[1] || z[2] {
			t.Errorf("%s: regions %v", mechanism, z)
		}
	}
	s := tree()
	s.Zeros = []Zero{{Levels: []int{1, 1}, Codes: []string{"c", "2"}}}
	k, l := Key{"t", 1, year(t, 2026), 1}, newTestLedger()
	if _, err := Measure(t.Context(), s, filled(t, s, k.Period, [][]uint32{{7}, {2}}, []int64{1}), k, Input{}, l); err == nil || len(l.charges) != 0 {
		t.Errorf("somebody in a structural zero was charged for: %v", err)
	}
	s.Zeros = slices.Repeat(s.Zeros, MaxZeros+1)
	if s.Check() == nil {
		t.Error("any number of structural zeros was taken")
	}
	s.Zeros = []Zero{{Levels: []int{1, 1}, Codes: []string{"c", "9"}}}
	if _, err := NewCube(s, year(t, 2026)); err == nil {
		t.Error("a structural zero of a code that is not there was taken")
	}
}
