package normalize

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"halftone/pipeline/codelist"
)

// beside reads a file that lies beside the checkout, or skips the test.
func beside(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", filepath.FromSlash(name)))
	if err != nil {
		t.Skipf("the real inputs are not beside the checkout (../shared/%s)", name)
	}
	return string(b)
}

func listBeside(t *testing.T, name string) codelist.List {
	t.Helper()
	return mustList(t, name, beside(t, name))
}

func sumOf(got []observed) (sum int64, cells map[string]int64) {
	cells = map[string]int64{}
	for _, o := range got {
		sum += o.value
		cells[o.period+" "+o.codes] += o.value
	}
	return sum, cells
}

// TestOffences takes the FBI's file of offences by agency, whose totals were
// counted by other means.
func TestOffences(t *testing.T) {
	h, rows := readCSV(t, beside(t, "data/fbi_ucr/HT_2013-2020.csv"))
	m := Mapping{
		Source: "fbi", Unit: Unit{Const: "count"}, Period: Period{Column: "DATA_YEAR"}, Value: Value{Column: "ACTUAL_COUNT"},
		Dimensions: []Dimension{
			{Name: "place", Rules: []Rule{{Column: "STATE_ABBR", Codes: map[string]string{"NB": "NE"}}}, List: listBeside(t, "mapping/fbi-agencies/codes/us-places.csv")},
			{Name: "exploitation", Rules: []Rule{{Column: "OFFENSE_SUBCAT_ID", Codes: map[string]string{"81": "sexual", "82": "forced_labour"}}},
				List: listBeside(t, "mapping/fbi-agencies/codes/exploitation.csv")},
		},
		KeyRow: true, Bounds: Bounds{Min: ptr(-20), Max: ptr(5000)},
	}
	var first []observed
	for _, size := range []int{4417, 1000, 37} {
		got, r, err := runRows(New(m, since(t, "2013"), "year", nil), m, h, rows, size)
		if err != nil {
			t.Fatal(err)
		}
		sum, cells := sumOf(got)
		if r.Read != 4417 || r.Outcomes[Counted] != 4417 || r.Outcomes[Quarantined] != 0 || sum != 9599 || len(cells) != 385 {
			t.Errorf("pages of %d: %d read, %v, sum right: %v, %d cells", size, r.Read, r.Outcomes, sum == 9599, len(cells))
		}
		if first == nil {
			first = got
		}
		for i := range got {
			if got[i] != first[i] {
				t.Fatalf("pages of %d: observation %d differs", size, i)
			}
		}
	}
	// Several rows an agency and year: without a key they are duplicates.
	m.KeyRow = false
	if _, _, err := runRows(New(m, since(t, "2013"), "year", nil), m, h, rows, 1000); err == nil || !strings.Contains(err.Error(), "key of another row") {
		t.Errorf("got %v", err)
	}
	m.Duplicates = "sum"
	got, r, err := runRows(New(m, since(t, "2013"), "year", nil), m, h, rows, 1000)
	if sum, _ := sumOf(got); err != nil || sum != 9599 || r.Outcomes[Counted] != 385 || r.Outcomes[MergedDuplicate] != 4417-385 {
		t.Errorf("summed: %v, %v", r.Outcomes, err)
	}
}

// TestPublishers takes other files whose figures are known.
func TestPublishers(t *testing.T) {
	for name, c := range map[string]struct {
		file, every, from string
		m                 Mapping
		read              int64
		counted           int64
		sum               int64
		stops             string
	}{
		"dhis2": {
			file: "data/dhis2/dataValueSetB.csv", every: "month", from: "2012-01", read: 12, counted: 12, sum: 120078,
			m: Mapping{Period: Period{Column: "period", Formats: []string{"yyyyMM"}}, Value: Value{Column: "value"}, Dimensions: []Dimension{
				{Name: "element", Rules: []Rule{{Column: "dataelement"}}, List: listBeside(t, "mapping/dhis2-values-csv/codes/element.csv")},
				{Name: "orgunit", Rules: []Rule{{Column: "orgunit"}}, List: listBeside(t, "mapping/dhis2-values-csv/codes/orgunit.csv")}}},
		},
		"kazakhstan": {
			file: "data/sdg1622/kazakhstan.csv", every: "year", from: "2009", stops: "12 values have fractions: these are not counts",
			m: Mapping{Unit: Unit{Column: "UNIT_MEASURE", Codes: map[string]string{"PERSONS": "count"}}, Period: Period{Column: "Year"}, Value: Value{Column: "Value"}},
		},
		"moldova": {
			file: "data/sdg1622/moldova.csv", every: "year", from: "2009", read: 325,
			m: Mapping{Unit: Unit{Const: "per_100000"}, Period: Period{Column: "Year"}, Value: Value{Column: "Value", Blank: "missing"}},
		},
		"rwanda, fiscal year by codes": {
			file: "data/sdg1622/rwanda_fiscal.csv", every: "year", from: "2009", read: 1, counted: 1, sum: 42,
			m: Mapping{Period: Period{Column: "Year", Codes: map[string]string{"2016/17": "2016"}}, Value: Value{Column: "Value"}},
		},
		"unhcr applications": { // without `status`: the figures are rounded, which changes the noise, not the sum
			file: "data/unhcr/HDX_AsylumApplications.csv", every: "year", from: "1950", read: 300, counted: 300, sum: 313636,
			m: Mapping{Period: Period{Column: "Year"}, Value: Value{Column: "Applications"},
				Where: []Predicate{{{Column: "Year", NotMatches: "^#"}}},
				Key:   []string{"Year", "ISO3CoO", "ISO3CoA", "ProcedureType", "ApplicationType", "ApplicationAveragePersonsPerCase"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, rows := readCSV(t, strings.TrimPrefix(beside(t, c.file), "\ufeff"))
			m := c.m
			if m.Unit.Const == "" && m.Unit.Column == "" {
				m.Unit.Const = "count"
			}
			got, r, err := runRows(New(m, since(t, c.from), c.every, nil), m, h, rows, 50)
			if c.stops != "" {
				if err == nil || !strings.Contains(err.Error(), c.stops) {
					t.Errorf("got %v, want %s", err, c.stops)
				}
				return
			}
			sum, _ := sumOf(got)
			if err != nil || r.Read-r.Outcomes[Filtered] != c.read || r.Outcomes[Counted] != c.counted || sum != c.sum {
				t.Errorf("%v: %d read, %v, sum right: %v", err, r.Read, r.Outcomes, sum == c.sum)
			}
		})
	}
}

// TestRecords takes a reply of records, each of which counts one.
func TestRecords(t *testing.T) {
	var reply struct{ Results []map[string]any }
	if err := json.Unmarshal([]byte(beside(t, "data/api_samples/kobo_v2_assets_data.json")), &reply); err != nil {
		t.Fatal(err)
	}
	m := Mapping{
		Source: "kobo", Unit: Unit{Const: "count"}, Period: Period{Column: "today", Formats: []string{"yyyy-MM-dd"}}, Value: Value{Const: 1},
		Dimensions: []Dimension{{Name: "element", Rules: []Rule{{Column: "pet_yesno", Codes: map[string]string{"0": "exclude", "1": "_U"}}},
			List: listBeside(t, "mapping/kobo-records/codes/element.csv")}},
	}
	var rows [][]string
	for _, record := range reply.Results {
		var row []string
		for _, c := range m.Columns() {
			text, _ := record[c].(string)
			row = append(row, text)
		}
		rows = append(rows, row)
	}
	got, r, err := runRows(New(m, since(t, "2012-01"), "month", nil), m, m.Columns(), rows, 2)
	if sum, cells := sumOf(got); err != nil || r.Read != 5 || r.Outcomes[Counted] != 3 || r.Outcomes[Excluded] != 2 || sum != 3 || len(cells) != 1 {
		t.Errorf("%v: %d read, %v", err, r.Read, r.Outcomes)
	}
}
