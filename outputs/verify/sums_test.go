package verify

import (
	"strings"
	"testing"

	"halftone/outputs"
	"halftone/outputs/compose/composetest"
	"halftone/outputs/describe"
	"halftone/privacy"
)

// addUpSample is a place tree (2 regions, 3 states) by form, over two periods,
// with values that add up.
func addUpSample(t *testing.T) (privacy.Model, []outputs.Table) {
	root := privacy.Level{Name: "all", Codes: []string{"_T"}}
	m := privacy.Model{Dimensions: []privacy.Dimension{
		{Name: "place", Levels: []privacy.Level{root, {Name: "region", Codes: []string{"N", "S"}, Parent: []uint32{0, 0}},
			{Name: "state", Codes: []string{"NA", "SA", "SB"}, Parent: []uint32{0, 1, 1}}}},
		{Name: "form", Levels: []privacy.Level{root, {Name: "form", Codes: []string{"x", "y"}, Parent: []uint32{0, 0}}}}}}
	first, err := privacy.ParsePeriod("2018")
	if err != nil {
		t.Fatal(err)
	}
	var tables []outputs.Table
	for _, tb := range []struct {
		name   string
		levels []int
		value  []int64
	}{
		{"national", []int{0, 0}, []int64{21, 210}},
		{"form", []int{0, 1}, []int64{9, 12, 90, 120}},
		{"region", []int{1, 0}, []int64{3, 18, 30, 180}},
		{"state-form", []int{2, 1}, []int64{1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60}},
	} {
		o := outputs.Table{Name: tb.name, Levels: tb.levels, Value: tb.value}
		for i := range tb.value {
			p := first
			if i >= len(tb.value)/2 {
				p = first.Next()
			}
			o.Period, o.Status = append(o.Period, p), append(o.Status, outputs.OK)
		}
		tables = append(tables, o)
	}
	return m, tables
}

func TestAddUp(t *testing.T) {
	m, tables := addUpSample(t)
	if err := addUp(m, tables); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		table, row int
		want       string
	}{
		"total":  {0, 1, "national.csv line 3: value is not the sum of"},
		"region": {2, 2, "line "},
		"leaf":   {3, 11, "value is not the sum of state-form"},
	} {
		_, broken := addUpSample(t)
		broken[tc.table].Value[tc.row]++
		if err := addUp(m, broken); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
		broken[tc.table].Status[tc.row] = outputs.NotReleased // an empty cell has no value to add
		if tc.table == 0 {
			if err := addUp(m, broken); err != nil {
				t.Errorf("%s, empty: %v", name, err)
			}
		}
	}
}

func TestPageTables(t *testing.T) {
	page := `<!doctype html><html><head><meta charset="utf-8"><style>a>b{x:"<"}</style></head><body><p hidden>a<br>b &ndash; c
<table><tr><td>no id</td></tr></table><table id="t"><caption>c</caption><thead><tr><th>Period</th><th class="right">North &amp; <b>co</b></th></tr></thead>
<tbody><tr><th scope="row">2018</th><td>1,262 <span class="ci">1 to
 2</span></td></tr></tbody></table></body></html>`
	got, err := pageTables([]byte(page))
	if err != nil || len(got) != 1 || got[0].id != "t" {
		t.Fatalf("%+v, %v", got, err)
	}
	want := [][]string{{"Period", "North & co"}, {"2018", "1,262 1 to 2"}}
	for i, r := range want {
		if strings.Join(got[0].rows[i], "|") != strings.Join(r, "|") {
			t.Errorf("row %d: %q, want %q", i, got[0].rows[i], r)
		}
	}
	for name, other := range map[string]string{
		"value":         strings.Replace(page, "1,262", "1,263", 1),
		"row missing":   strings.Replace(page, `<tr><th scope="row">2018</th>`, `<th>2018</th>`, 1),
		"table missing": strings.Replace(page, `id="t"`, "", 1),
		"table more":    strings.Replace(page, "<table>", `<table id="u">`, 1),
	} {
		if _, err := sameTables([]byte(other), []byte(page)); err == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
	if n, err := sameTables([]byte(strings.ReplaceAll(page, "<b>co</b>", "<i>co</i>")), []byte(page)); n != 1 || err != nil {
		t.Errorf("other markup: %d, %v", n, err)
	}
}

// A few small files cannot stand for tables that fill the memory.
func TestCheckSize(t *testing.T) {
	w := composetest.New()
	w.Release(t, "2018", 1, 1)
	w.Release(t, "2019", 1, 1)
	v := w.Version(t, "2026.11-1", 1)
	cells := 2 * (1 + 2 + 4 + 3) // two periods of four tables
	if err := checkSize(v, cells); err != nil {
		t.Error(err)
	}
	if err := checkSize(v, cells-1); err == nil {
		t.Error("accepted a cell more than may be")
	}
}

func FuzzPageTables(f *testing.F) {
	f.Add([]byte(`<table id="t"><tr><td>1</td></tr></table>`))
	f.Add([]byte(`<table id=t><td><tr></td><table><th></table></tr>`))
	f.Fuzz(func(t *testing.T, b []byte) { _, _ = pageTables(b) })
}

func FuzzReadLinks(f *testing.F) {
	f.Add([]byte(`{"seq":1,"entry":{"day":"2026-11-23","kind":"seal","dataset":"d"},"digest":"x","hash":"y"}` + "\n"))
	f.Add([]byte("{\"seq\":1}\n{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		links, err := describe.ReadLedger(b)
		if err != nil {
			return
		}
		for _, l := range links {
			_, _ = l.Decode()
		}
		_, _ = privacy.CheckChain(links)
	})
}
