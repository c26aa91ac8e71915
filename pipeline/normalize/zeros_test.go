package normalize

import (
	"fmt"
	"strings"
	"testing"
)

// Structural zeros of rows with a grain are looked at where the row is counted, and a
// rest never lands in one.
func TestStructuralZerosWithGrains(t *testing.T) {
	const rows = "2016,TD,Total,10\n2016,TD,F,6\n2016,TD,M,2\n2016,NE,Total,7\n2016,ATA,F,3\n2016,ATA,M,8\n2016,NE,M,4\n"
	for name, c := range map[string]struct {
		use   string
		zeros []StructuralZero
		want  string
	}{
		"none":             {totalsRest, nil, "TD,F 6; TD,M 2; ATA,F 3; ATA,M 8; NE,M 4; TD,_U 2; NE,_U 3 | counted 5"},
		"a sex":            {totalsRest, []StructuralZero{{"sex": {"M"}}}, "TD,F 6; ATA,F 3; TD,_U 4; NE,_U 7 | counted 2, quarantined 3"},
		"a country":        {totalsRest, []StructuralZero{{"place": {"TD"}}}, "ATA,F 3; ATA,M 8; NE,M 4; NE,_U 3 | counted 3, quarantined 3"},
		"another":          {totalsRest, []StructuralZero{{"place": {"ATA"}}}, "TD,F 6; TD,M 2; NE,M 4; TD,_U 2; NE,_U 3 | counted 3, quarantined 2"},
		"a region's men":   {totalsRest, []StructuralZero{{"place": {"AFR"}, "sex": {"M"}}}, "TD,F 6; ATA,F 3; ATA,M 8; TD,_U 4; NE,_U 7 | counted 3, quarantined 2"},
		"of totals unused": {totalsDrop, []StructuralZero{{"place": {"TD"}}}, "ATA,F 3; ATA,M 8; NE,M 4 | counted 3, quarantined 2"},
		"what rest fills":  {totalsRest, []StructuralZero{{"sex": {"M", "_U"}}}, "names _U, which is where `totals: rest` puts"},
	} {
		t.Run(name, func(t *testing.T) {
			h, lines := readCSV(t, "year,place,sex,n,day,kind\n"+pad(rows, 6))
			for _, size := range []int{1, 1000} {
				m := glotip(t)
				m.Zeros, m.Totals.Use, m.Quarantine = c.zeros, c.use, 1
				if c.use == totalsDrop {
					m.Totals.MaxBelow = 0
				}
				got, r, err := runRows(New(m, since(t, "2012"), "year", nil), m, h, lines, size)
				var words []string
				for _, o := range got {
					words = append(words, o.codes+fmt.Sprint(" ", o.value))
				}
				outcomes, _, _ := strings.Cut(outcomesOf(r), ", row ")
				said := strings.Join(words, "; ") + " | " + outcomes
				if err != nil {
					said = err.Error()
				}
				if !strings.Contains(said, c.want) {
					t.Errorf("pages of %d: got %s\nwant %s", size, said, c.want)
				}
			}
		})
	}
}
