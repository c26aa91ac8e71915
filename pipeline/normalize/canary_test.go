package normalize

import (
	"fmt"
	"strings"
	"testing"
)

const canary = "ZXQcanary77"

// FuzzCanary: whatever stands in the data, and wherever, no error repeats it.
func FuzzCanary(f *testing.F) {
	f.Add("2016", "TD", "F", "1", "", uint8(0))
	f.Add("", "", "", "", "", uint8(1))
	f.Add("2016", "_T", "F", "1.5", "a", uint8(2))
	f.Add("2016-03", "AFR", "M", "99999999999999999999", "a", uint8(3))
	f.Add("2016", "TD", "F", "-7", "a", uint8(4))
	f.Add("2016", "TD", "F", "<5", "x", uint8(5))
	f.Add("2016", "TD", "F", "9", "a", uint8(6))
	f.Add("2016", "TD", "F", "1,5", "a", uint8(10))
	f.Add("2016", "TD", "F", "1", "a", uint8(15))
	f.Add("2016/17", "TD;NE", "F", "1", "", uint8(20))
	f.Add("2016", "Female", "F", "1", "", uint8(25))
	f.Fuzz(func(t *testing.T, year, place, sex, n, id string, mode uint8) {
		m := simple(t)
		m.KeyRow, m.Quarantine = false, 0
		m.Dimensions[0].Rules[0].Codes = map[string]string{"All": "_T", "Europe": "EUR"}
		switch mode / 5 % 6 {
		case 1:
			m.Value.Status = []StatusRule{{Text: "<5", Is: "suppressed", Below: 5, As: 2}, {Matches: "^9", Is: "missing"}, {When: isIn("id", "x"), Is: "missing"}}
		case 2:
			m.Value = Value{Column: "n", Regex: `^(\d+)`, DecimalChar: ",", Scale: 1000}
		case 3:
			m.Dimensions[0].Rules = []Rule{{When: isIn("id", "a"), Columns: []string{"place", "sex"}, Join: "|", Regex: "^(.*)F$"}, {When: isIn("sex", "F"), Column: "place"}}
		case 4:
			m.Dimensions[0].Rules[0] = Rule{Column: "place", Split: ";"}
			m.Period = Period{Columns: []string{"year", "id"}, Join: "-", Formats: []string{"yyyy/yy"}, YearOf: "end"}
		case 5:
			m.Dimensions[1].Rules[0] = Rule{Column: "place", Else: "F"}
		}
		switch mode % 5 {
		case 0:
			m.KeyRow = true
		case 1:
			m.Key = []string{"id"}
		case 2:
			m.Duplicates = duplicatesSame
		case 3:
			m.Key, m.Duplicates = []string{"id"}, duplicatesSum
		}
		header := []string{"year", "place", "sex", "n", "id"}
		row := []string{year, place, sex, n, id}
		rows := [][]string{row, row, {"2017", "all", "F", "3", "x"}, {"2017", "TD", "F", "4", "x"}}
		for i := range row {
			// The canary alone, before and behind what fuzzing found.
			for _, text := range []string{canary, canary + row[i], row[i] + canary, row[i] + " " + canary} {
				planted := append([]string{}, row...)
				planted[i] = text
				rows = append(rows, planted)
			}
		}
		_, _, err := runRows(New(m, since(t, "2012"), "year", nil), m, header, rows, 7)
		if err == nil {
			t.Fatal("the table is taken")
		}
		for _, verb := range []string{"%v", "%+v", "%#v"} {
			if s := fmt.Sprintf(verb, err); strings.Contains(strings.ToLower(s), strings.ToLower(canary)) {
				t.Fatalf("an error repeats the data: %s", s)
			}
		}
		if _, r, err := quarantined(t, m, header, rows[4:]); err != nil || len(r) > 0 && strings.Contains(strings.ToLower(fmt.Sprint(r)), strings.ToLower(canary)) {
			t.Fatalf("a quarantine entry repeats the data: %v %v", r, err)
		}
	})
}

// quarantined gives the entries of the rows whose value can be taken.
func quarantined(t testing.TB, m Mapping, header []string, rows [][]string) ([]observed, []Rejected, error) {
	m.Quarantine, m.KeyRow, m.Key, m.Duplicates = 1, true, nil, ""
	var good [][]string
	for _, r := range rows {
		good = append(good, append(append([]string{}, r[:3]...), "1", r[4]))
	}
	m.Dimensions[0].Unknown, m.Dimensions[1].Unknown = true, true
	got, r, err := runRows(New(m, since(t, "2012"), "year", nil), m, header, good, 3)
	return got, r.Quarantine, err
}
