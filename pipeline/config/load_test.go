package config

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"halftone/connectors"
	"halftone/outputs"
	"halftone/privacy"
)

var update = flag.Bool("update", false, "write golden files anew")

var kinds = []string{"file", "http"}

func base(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("testdata/min/halftone.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// files gives a configuration its code lists; name → text are more files.
func files(more map[string]string) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		if s, ok := more[path]; ok {
			return []byte(s), nil
		}
		return os.ReadFile(filepath.Join("testdata/min", path))
	}
}

func loadText(t testing.TB, text string, more map[string]string) (Dataset, []Warning, error) {
	t.Helper()
	return load("testdata/min", "halftone.yaml", text, kinds, files(more))
}

// edit replaces old by new, which must stand there once.
func edit(t testing.TB, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if strings.Count(text, pairs[i]) != 1 {
			t.Fatalf("%q stands %d times", pairs[i], strings.Count(text, pairs[i]))
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}

func TestLoadLeast(t *testing.T) {
	d, warnings, err := Load("testdata/min", "halftone.yaml", kinds)
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) > 0 {
		t.Errorf("warnings %v", warnings)
	}
	s := d.Spec
	if s.Dataset != "us-offences" || s.Series != 1 || s.Measure != "flow" || s.Unit != "event" || s.Every != "year" || s.Editions != 1 || s.Mechanism != "laplace" || !d.Auto {
		t.Errorf("spec %+v", s)
	}
	if s.Budget != (privacy.Budget{NanoEpsilon: 1_000_000_000, NanoRho: 24_355_970, Delta: 1e-6}) {
		t.Errorf("budget %+v", s.Budget)
	}
	if b := s.Bound(); b != (privacy.Bound{PerPeriod: 1, Periods: 1}) {
		t.Errorf("bound %+v", b)
	}
	var levels []string
	for _, l := range s.Dimensions[0].Levels {
		levels = append(levels, l.Name)
	}
	if !slices.Equal(levels, []string{"nation", "region", "division", "state"}) {
		t.Errorf("levels %v", levels)
	}
	if s.Tables[0].Name != "national" || !slices.Equal(s.Tables[0].Levels, []int{0, 0}) || !slices.Equal(s.Tables[1].Levels, []int{1, 1}) {
		t.Errorf("tables %+v", s.Tables)
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	if got := d.Calendar; got.Wait != (Duration{Months: 1}) || got.From.String() != "2013" || got.To.String() != "2020" {
		t.Errorf("calendar %+v", got)
	}
	src := d.Sources[0]
	if src.Kind != "file" || src.Delivers != "whole" || !src.Required || !src.Mapping.KeyRow || src.Mapping.Quarantine != 0.01 ||
		!slices.Equal(src.Columns, []string{"ACTUAL_COUNT", "DATA_YEAR", "OFFENSE_SUBCAT_ID", "STATE_ABBR"}) {
		t.Errorf("source %+v", src)
	}
	if *src.Mapping.Bounds.Min != -20 || *src.Mapping.Bounds.Max != 5000 {
		t.Errorf("bounds %v", src.Mapping.Bounds)
	}
	var settings struct {
		Path string `json:"path" yaml:"path"`
	}
	if err := src.Decode(&settings); err != nil || settings.Path != "data/HT_2013-2020.csv" {
		t.Errorf("settings %+v, %v", settings, err)
	}
	if d.Public != "public" || d.Schedule != nil || d.Dir != "testdata/min" {
		t.Errorf("public %q, schedule %v, dir %q", d.Public, d.Schedule, d.Dir)
	}
}

// How long rows are kept is the officer's to say: what is unusual is said, and
// nothing of the promise depends on it.
func TestKeepRows(t *testing.T) {
	least, _, err := loadText(t, base(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	for keep, warned := range map[string]string{"0 days": "destroyed by the run", "1 day": "", "1 year": "", "13 months": "kept for 13 months", "400 days": "kept for 400 days"} {
		d, warnings, err := loadText(t, edit(t, base(t), "    key: row  ", "    keep_rows: "+keep+"\n    key: row  "), nil)
		if err != nil {
			t.Fatal(err)
		}
		if said := fmt.Sprint(warnings); (len(warnings) > 0) != (warned != "") || !strings.Contains(said, warned) {
			t.Errorf("%s: %s", keep, said)
		}
		if d.Spec.Digest() != least.Spec.Digest() {
			t.Errorf("%s: the spec's digest has changed", keep)
		}
	}
}

func TestLoadAbout(t *testing.T) {
	text := edit(t, base(t),
		"title: Human trafficking offences known to US police", "title: {fr: Infractions, en: Offences}\nlanguages: [fr, en]\nsummary: {en: Offences by state.}\nseries: 3",
		"contact: data@example.org}", "contact: data@example.org, url: https://example.org}\nreport: {lead: by-region-form, material: 2.5%, contact: 'Help: 116-006'}",
		"    agency: Federal", "    reporter: police\n    agency: Federal")
	d, _, err := loadText(t, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	a := d.About
	if a.Title.In("fr") != "Infractions" || a.Title.In("en") != "Offences" || a.Summary.In("fr") != "Offences by state." || a.Counts["fr"] != "offences" {
		t.Errorf("texts %v %v %v", a.Title, a.Summary, a.Counts)
	}
	if a.Dataset != "us-offences" || a.Series != 3 || a.Unit != "event" || a.Measure != "flow" || a.Licence != "US-PD" || a.Every != "year" ||
		a.Lead != "by-region-form" || a.Material != 0.025 || a.Contact.In("fr") != "Help: 116-006" || !slices.Equal(a.Languages, []string{"fr", "en"}) {
		t.Errorf("about %+v", a)
	}
	if a.Publisher != (outputs.Publisher{Name: "Example Office", Contact: "data@example.org", URL: "https://example.org"}) {
		t.Errorf("publisher %+v", a.Publisher)
	}
	if a.Budget != (outputs.Budget{Epsilon: 1, Delta: 1e-6}) {
		t.Errorf("budget %+v", a.Budget)
	}
	want := outputs.Source{Name: "fbi-ucr", Agency: "Federal Bureau of Investigation", Reporter: "police", StatedBy: "operator's assumption: an offence is counted once, in one year", PerPeriod: 1, Periods: 1, Sensitivity: 1}
	if len(a.Sources) != 1 || a.Sources[0] != want {
		t.Errorf("sources %+v", a.Sources)
	}
	if len(a.Codes) != 2 || a.Codes[0].Dimension != "place" || a.Codes[0].Codes[0].Code != "_T" || a.Label("place", "ME", "en") != "Maine" {
		t.Errorf("codes %+v", a.Codes)
	}
}

func TestLoadValues(t *testing.T) {
	type check func(Dataset) bool
	for _, tt := range []struct {
		name  string
		pairs []string
		more  map[string]string
		check check
	}{
		{"person_period", []string{"periods: 1, stated", "periods: unlimited, stated", "{person: {epsilon: 1, delta: 1e-6}}", "{person_period: {epsilon: 0.25}}", "unit: event", "unit: event\nmeasure: stock"}, nil,
			func(d Dataset) bool {
				return d.Spec.Budget == privacy.Budget{NanoEpsilon: 250_000_000, PerPeriod: true} && d.Spec.Bound().Periods == 0 && d.Spec.Measure == "stock" && d.About.Budget.PerPeriod
			}},
		{"epsilon is floored", []string{"epsilon: 1,", "epsilon: 0.1234567899,"}, nil, func(d Dataset) bool { return d.Spec.Budget.NanoEpsilon == 123_456_789 }},
		{"epsilon of most", []string{"epsilon: 1,", "epsilon: 1e3,"}, nil, func(d Dataset) bool { return d.Spec.Budget.NanoEpsilon == 1_000_000_000_000 }},
		{"bands", []string{"every: year, from: 2013, to: 2020", "every: [2005-2013, 2014-2018, '2019'], to: 2014-2018, wait: 2 years"}, nil,
			func(d Dataset) bool {
				return d.Calendar.Every == "band" && len(d.Calendar.Bands) == 3 && d.Calendar.To.String() == "2014-2018" && d.Spec.Every == "band" && d.About.Every == "band" && d.Calendar.Wait.Years == 2
			}},
		{"a finer bound", []string{"every: year, from: 2013, to: 2020", "every: quarter, from: 2013-04, to: 2020-12"}, nil,
			func(d Dataset) bool {
				return d.Calendar.From.String() == "2013-Q2" && d.Calendar.To.String() == "2020-Q4"
			}},
		{"null is none", []string{"to: 2020", "to: null"}, nil, func(d Dataset) bool { return d.Calendar.To == privacy.Period{} }},
		{"schedule", []string{"halftone: 1\n", "halftone: 1\nschedule: {cron: '0 6 22 * *', timezone: Africa/Ndjamena, missed: skip}\n"}, nil,
			func(d Dataset) bool { return *d.Schedule == Schedule{"0 6 22 * *", "Africa/Ndjamena", "skip"} }},
		{"schedule's defaults", []string{"halftone: 1\n", "halftone: 1\nschedule: {cron: '@daily'}\n"}, nil,
			func(d Dataset) bool { return *d.Schedule == Schedule{"@daily", "UTC", "run"} }},
		{"29 February fires", []string{"halftone: 1\n", "halftone: 1\nschedule: {cron: '0 0 29 2 *'}\n"}, nil, func(d Dataset) bool { return d.Schedule != nil }},
		{"publish", []string{"halftone: 1\n", "halftone: 1\npublish: [{folder: ../www}]\n"}, nil, func(d Dataset) bool { return d.Public == "../www" }},
		{"mechanism", []string{"privacy: {", "privacy: {mechanism: laplace, "}, nil, func(d Dataset) bool { return !d.Auto && d.Spec.Mechanism == "laplace" }},
		{"unknown: true", []string{"form: codes/forms.csv", "form: {codes: codes/forms.csv, unknown: true}"}, nil,
			func(d Dataset) bool {
				return slices.Contains(d.Spec.Dimensions[1].Leaf().Codes, "_U") && d.About.Label("form", "_U", "en") != "_U"
			}},
		{"a list without levels", []string{"form: codes/forms.csv", "form: codes/plain.csv"}, map[string]string{"codes/plain.csv": "code\nsexual\nlabour\n"},
			func(d Dataset) bool {
				return d.Lists[1].Levels[1] == "form" && d.Spec.Dimensions[1].Levels[1].Name == "form" && d.About.Codes[1].Codes[1].Level == "form"
			}},
		{"a rule names the unknown child", []string{"place: STATE_ABBR", "place: {column: STATE_ABBR, codes: {XX: NE/_U}}"}, nil,
			func(d Dataset) bool {
				leaf := d.Spec.Dimensions[0].Leaf().Codes
				return slices.Contains(leaf, "NE/_U") && !slices.Contains(leaf, "MW/_U")
			}},
		{"rule", []string{"form: OFFENSE_SUBCAT_ID", "form: {column: K, codes: [{81: sexual}, maps/form.csv], list: false, blank: exclude, unknown: _U}"},
			map[string]string{"maps/form.csv": "label,code,decided_by,decided_on,note\n81,labour,A,2026-01-01,\n82,labour,A,2026-01-01,\n"},
			func(d Dataset) bool {
				r := d.Sources[0].Mapping.Dimensions[1].Rules[0]
				return r.Column == "K" && r.Codes["81"] == "sexual" && r.Codes["82"] == "labour" && r.NoList && r.Blank == "exclude" && r.Unknown == "_U"
			}},
		{"where", []string{"    key: row", "    where: [{A: 1, B: {not: ['', x], matches: '^a'}}, {C: [y, z]}]\n    key: row"}, nil,
			func(d Dataset) bool {
				w := d.Sources[0].Mapping.Where
				return len(w) == 2 && len(w[0]) == 3 && w[0][0].In[0] == "1" && w[0][1].NotIn[1] == "x" && w[0][2].Matches == "^a" && len(w[1][0].In) == 2 && slices.Contains(d.Sources[0].Columns, "C")
			}},
		{"value, period, unit", []string{"unit: count, period: DATA_YEAR", "unit: {column: U, codes: {Number: count}}, period: {column: P, format: [yyyyMM, yyyy], codes: {last year: 2019}, blank: exclude}", "value: ACTUAL_COUNT", "value: {column: V, group_char: ',', blank: zero}"}, nil,
			func(d Dataset) bool {
				m := d.Sources[0].Mapping
				return m.Unit.Column == "U" && m.Unit.Codes["Number"] == "count" && m.Period.Codes["last year"] == "2019" && len(m.Period.Formats) == 2 && m.Value.GroupChar == "," && m.Value.Blank == "zero"
			}},
		{"rules", []string{"place: STATE_ABBR", `place: [{when: {A: [b, c]}, const: _T}, {when: [{A: d}, {B: {not: ""}}], columns: [C, D]}, STATE_ABBR]`,
			"form: OFFENSE_SUBCAT_ID", `form: {columns: [E, F], join: "", regex: '^(\d+)', codes: {1: labour}, else: _T, unknown: _U, split: " ", many: sexual}`}, nil,
			func(d Dataset) bool {
				place, form := d.Sources[0].Mapping.Dimensions[0].Rules, d.Sources[0].Mapping.Dimensions[1].Rules[0]
				return len(place) == 3 && place[0].When[0][0].In[1] == "c" && len(place[1].When) == 2 && place[1].Join == "|" && place[2].Column == "STATE_ABBR" &&
					slices.Equal(form.Columns, []string{"E", "F"}) && form.Join == "" && form.Regex == `^(\d+)` && form.Else == "_T" && form.Split == " " && form.Many == "sexual" &&
					slices.Equal(d.Sources[0].Columns, []string{"A", "ACTUAL_COUNT", "B", "C", "D", "DATA_YEAR", "E", "F", "STATE_ABBR"}) && d.Spec.Sources[0].Sensitivity == 1
			}},
		{"period", []string{"period: DATA_YEAR", `period: {columns: [A, B], join: "/", regex: '(.*)', format: [yyyy/yy], year_of: end}`}, nil,
			func(d Dataset) bool {
				p := d.Sources[0].Mapping.Period
				return slices.Equal(p.Columns, []string{"A", "B"}) && p.Join == "/" && p.Regex == "(.*)" && p.YearOf == "end"
			}},
		{"statuses and L", []string{"value: ACTUAL_COUNT", `value: {column: V, regex: '^(.*?)\*?$', decimal_char: ",", scale: 10, blank: {is: suppressed, below: 4}, status: [{text: 5, is: rounded, base: 5}, {matches: '^<', is: suppressed, below: 7, as: 1}, {when: {A: x}, is: missing}]}`}, nil,
			func(d Dataset) bool {
				v := d.Sources[0].Mapping.Value
				return v.Regex == `^(.*?)\*?$` && v.DecimalChar == "," && v.Scale == 10 && v.Blank == "suppressed" && v.BlankBelow == 4 && v.BlankAs == 2 &&
					v.Status[0].Text == "5" && v.Status[0].Base == 5 && v.Status[1].As == 1 && v.Status[2].When[0][0].Column == "A" &&
					d.Spec.Sources[0].Sensitivity == v.Sensitivity() && v.Sensitivity() == 90 && d.About.Sources[0].Sensitivity == 90 && d.Spec.Bound().PerPeriod == 90
			}},
		{"suppressed below 5", []string{"value: ACTUAL_COUNT", `value: {column: V, status: [{text: "<5", is: suppressed, below: 5}]}`}, nil,
			func(d Dataset) bool {
				return d.Sources[0].Mapping.Value.Status[0].As == 2 && d.Spec.Sources[0].Sensitivity == 3 && d.About.Sources[0].Sensitivity == 3
			}},
		{"a scale of one is none", []string{"value: ACTUAL_COUNT", `value: {column: V, scale: 1, blank: missing}`}, nil,
			func(d Dataset) bool {
				return d.Sources[0].Mapping.Value.Scale == 0 && d.Sources[0].Mapping.Value.Blank == "missing"
			}},
		{"constants", []string{"period: DATA_YEAR", "period: {const: 2017}", "value: ACTUAL_COUNT", "value: 1"}, nil,
			func(d Dataset) bool { m := d.Sources[0].Mapping; return m.Period.Const == "2017" && m.Value.Const == 1 }},
		{"key columns", []string{"key: row  ", "key: [A, B]  "}, nil, func(d Dataset) bool {
			m := d.Sources[0].Mapping
			return !m.KeyRow && slices.Equal(m.Key, []string{"A", "B"})
		}},
		{"read, all of it", []string{"    key: row", `    read:
      format: xlsx
      sheet: "2016"
      header: {find: [State, 2016], rows: 2, join: "|", fill: true, blank: [NA], label: '^(.)'}
      cells: {title: A3, day: b1}
      hxl: names
      outer: [period]
      columns: headers[].name
    key: row`}, nil,
			func(d Dataset) bool {
				return reflect.DeepEqual(d.Sources[0].Layout, connectors.Layout{Format: "xlsx", Sheet: "2016",
					Header: connectors.Header{Find: []string{"State", "2016"}, Rows: 2, Join: "|", Fill: true, Blank: []string{"NA"}, Label: "^(.)"},
					Cells:  map[string]string{"title": "A3", "day": "b1"}, HXL: "names", Outer: []string{"period"}, Names: "headers[].name"})
			}},
		{"sheet by number", []string{"    key: row", "    read: {sheet: 2}\n    key: row"}, nil,
			func(d Dataset) bool {
				return d.Sources[0].Layout.SheetNumber == 2 && d.Sources[0].Layout.Sheet == ""
			}},
		{"read", []string{"    key: row", "    read: {format: json, rows: 'a[]', header: 3, encoding: utf-16, delimiter: ';', skip_initial_space: true}\n    key: row"}, nil,
			func(d Dataset) bool {
				l := d.Sources[0].Layout
				return l.Format == "json" && l.Rows == "a[]" && l.Header.Row == 3 && l.Encoding == "utf-16" && l.Delimiter == ";" && l.SkipInitialSpace
			}},
		{"targets", []string{"{person: {epsilon: 1, delta: 1e-6}}", "{person: {epsilon: 1, delta: 1e-6}}, targets: {by-region-form: '+-18.5'}"}, nil,
			func(d Dataset) bool {
				p, err := privacy.NewPlan(d.Spec, 1)
				a, err2 := d.Spec.Accuracy(func(int) int { return 1 })
				return err == nil && err2 == nil && slices.Equal(d.Spec.Targets, []float64{0, 18.5}) && d.Spec.Mechanism == "planner" &&
					p.Cost() > 0 && p.Cost() < d.Spec.Budget.NanoRho && math.Abs(1.96*a[1].SD-18.5) < 0.01 && a[0].SD > a[1].SD
			}},
		{"revisions", []string{"{person: {epsilon: 1, delta: 1e-6}}", "{person: {epsilon: 1, delta: 1e-6}}, mechanism: planner, revisions: [6 months, 2 years], first_share: 60%"}, nil,
			func(d Dataset) bool {
				return d.Spec.Editions == 3 && slices.Equal(d.Spec.Shares(), []uint64{14_613_582, 4_871_194, 4_871_194}) && len(d.Calendar.Revisions) == 2
			}},
		{"rho", []string{"{epsilon: 1, delta: 1e-6}", "{rho: 0.05}"}, nil,
			func(d Dataset) bool {
				return d.Spec.Budget.NanoRho == 50_000_000 && d.Spec.Mechanism == "planner" && d.About.Budget.Rho == 0.05 && d.Spec.Terms().ShownDelta() == 1e-6
			}},
		{"anchors", []string{"place: codes/us-places.csv", "place: &p {codes: codes/us-places.csv}", "form: codes/forms.csv", "form: {<<: *p, codes: codes/forms.csv}"}, nil,
			func(d Dataset) bool {
				return d.Lists[1].Name == "codes/forms.csv" && d.Lists[0].Name == "codes/us-places.csv"
			}},
		{"hosts, append, not required", []string{"    key: row", "    hosts: [a.example.org, '10.0.0.1:80']\n    delivers: append\n    required: false\n    quarantine: 0.5%\n    key: row"}, nil,
			func(d Dataset) bool {
				s := d.Sources[0]
				return len(s.Hosts) == 2 && s.Delivers == "append" && !s.Required && s.Mapping.Quarantine == 0.005
			}},
		{"keep_rows", []string{"    key: row", "    keep_rows: 6 months\n    key: row"}, nil, func(d Dataset) bool { return d.Sources[0].Keep == Duration{Months: 6} }},
		{"keep_rows by default", nil, nil, func(d Dataset) bool { return d.Sources[0].Keep == Duration{Days: 30} }},
		{"byte-order mark and CRLF", []string{"halftone: 1\n", "halftone: 1\r\n"}, nil, func(d Dataset) bool { return d.Name == "us-offences" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := edit(t, base(t), tt.pairs...)
			if strings.Contains(tt.name, "byte-order") {
				text = "\ufeff" + text
			}
			d, _, err := loadText(t, text, tt.more)
			if err != nil {
				t.Fatal(err)
			}
			if !tt.check(d) {
				t.Errorf("%+v\n%+v", d.Spec, d.Sources)
			}
			valid(t, text, true)
		})
	}
}

// The sample of every key gives nothing but what is not implemented yet.
func TestLoadFull(t *testing.T) {
	const full = "../../../shared/design/halftone-full.yaml"
	b, err := os.ReadFile(full)
	if err != nil {
		t.Skip(err)
	}
	// A comma ends a plain text inside { }.
	text := strings.Replace(string(b), "fr: Cas de traite identifiés, bassin du lac Tchad", "fr: Cas de traite identifiés dans le bassin du lac Tchad", 1)
	_, _, err = load("", "halftone.yaml", text, kinds, func(path string) ([]byte, error) {
		switch path {
		case "codes/lac-places.csv":
			return []byte("code,parent,level\nTD,,region\n"), nil
		case "maps/iom-age.csv":
			return []byte("label,code\nadult,_U\n"), nil
		}
		return nil, fs.ErrNotExist
	})
	var es Errors
	if !errors.As(err, &es) {
		t.Fatal(err)
	}
	for _, p := range es {
		if !strings.HasSuffix(p.Message, "not implemented yet") {
			t.Error(p)
		}
	}
	if len(es) > 9 { // fewer are good news
		t.Errorf("%d keys of it are not implemented", len(es))
	}
}

func TestLoadMapping(t *testing.T) {
	const dir = "../../../shared/mapping"
	// Those of the mapping language's datasets that use implemented keys only.
	whole := []string{
		"armenia", "cantabria", "croatia", "ctdc-vp", "dhis2-analytics", "dhis2-values-csv", "dhis2-values-spaces", "dtm-admin0",
		"dtm-admin1", "dtm-admin2", "fbi-agencies", "fbi-arrests-2014-xlsx", "fbi-offences-2014-csv", "fbi-offences-2014-xlsx", "fbi-offences-2015-xls",
		"fbi-offences-2016-csv", "fbi-participation-2014", "glotip-citizenship", "glotip-form-sex-age", "glotip-sex-age", "glotip-totals", "hno-sahel",
		"kazakhstan", "kobo-records", "malta-age", "malta-citizenship", "malta-form", "malta-sex", "missing-migrants",
		"moldova", "montenegro", "primero-report", "republika-srpska", "rwanda", "sdmx-labels", "uk-ons",
		"unhcr-applications", "unhcr-decisions", "unhcr-demographics", "unhcr-solutions", "unhcr-totals", "unicef-rates", "unsd-long",
		"unsd-xlsx",
	}
	all, err := filepath.Glob(dir + "/*/halftone.yaml")
	if err != nil || len(all) == 0 {
		t.Skip("no datasets", err)
	}
	for _, file := range all {
		name := filepath.Base(filepath.Dir(file))
		t.Run(name, func(t *testing.T) {
			_, _, err := Load(filepath.Dir(file), "halftone.yaml", kinds)
			if slices.Contains(whole, name) {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var es Errors
			if !errors.As(err, &es) {
				t.Fatalf("loads: put it in the list (%v)", err)
			}
			for _, p := range es {
				if !strings.HasSuffix(p.Message, "not implemented yet") {
					t.Error(p)
				}
			}
		})
	}
}

func TestLoadExample(t *testing.T) {
	const dir = "../../examples/us-offences"
	if _, err := os.Stat(dir + "/halftone.yaml"); err != nil {
		t.Skip(err)
	}
	if _, _, err := Load(dir, "halftone.yaml", kinds); err != nil {
		t.Error(err)
	}
	b, err := os.ReadFile(dir + "/halftone.yaml")
	if err != nil {
		t.Fatal(err)
	}
	valid(t, string(b), true)
}

func TestLoadNoFile(t *testing.T) {
	_, _, err := Load(t.TempDir(), "halftone.yaml", kinds)
	var es Errors
	if !errors.As(err, &es) || !strings.Contains(err.Error(), "halftone init") {
		t.Error(err)
	}
	var p Problem
	if !errors.As(err, &p) || p.File != "halftone.yaml" {
		t.Error(p)
	}
}

// What decides how rows become counts is in the spec's digest; where they come
// from, when and for whom is not.
func TestSpecDigest(t *testing.T) {
	d, _, err := loadText(t, base(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	first := d.Spec.Digest()
	for _, tt := range []struct {
		name    string
		pairs   []string
		changes bool
	}{
		{"path", []string{"data/HT_2013-2020.csv", "elsewhere.csv"}, false},
		{"connector", []string{"{file: {path: data/HT_2013-2020.csv}}", "{http: {url: 'https://a.example/b.csv'}}"}, false},
		{"title", []string{"title: Human", "title: All human"}, false},
		{"to", []string{"to: 2020", "to: 2021"}, false},
		{"wait", []string{"to: 2020", "to: 2020, wait: 3 months"}, false},
		{"delivers as by default", []string{"    key: row", "    delivers: whole\n    key: row"}, false},
		{"header as by default", []string{"    key: row", "    read: {header: 1}\n    key: row"}, false},
		{"quarantine", []string{"    key: row", "    quarantine: 2%\n    key: row"}, false},
		{"delivers", []string{"    key: row", "    delivers: append\n    key: row"}, true},
		{"read", []string{"    key: row", "    read: {header: 2}\n    key: row"}, true},
		{"read with defaults", []string{"    key: row", "    read: {header: {rows: 1, join: ' / ', fill: false}}\n    key: row"}, false},
		{"header by labels", []string{"    key: row", "    read: {header: {find: [A]}}\n    key: row"}, true},
		{"header of two rows", []string{"    key: row", "    read: {header: {rows: 2}}\n    key: row"}, true},
		{"sheet", []string{"    key: row", "    read: {sheet: 2}\n    key: row"}, true},
		{"cells", []string{"    key: row", "    read: {cells: {title: A3}}\n    key: row"}, true},
		{"hxl", []string{"    key: row", "    read: {hxl: drop}\n    key: row"}, true},
		{"outer", []string{"    key: row", "    read: {outer: [period]}\n    key: row"}, true},
		{"columns", []string{"    key: row", "    read: {columns: 'h[].n'}\n    key: row"}, true},
		{"read in settings", []string{"{path: data/HT_2013-2020.csv}", "{path: data/HT_2013-2020.csv, rows: 'x[]'}"}, true},
		{"where", []string{"    key: row", "    where: {A: x}\n    key: row"}, true},
		{"key", []string{"key: row  ", "key: [A]  "}, true},
		{"bounds", []string{"max: 5000", "max: 5001"}, true},
		{"map", []string{"value: ACTUAL_COUNT", "value: OTHER"}, true},
		{"codes", []string{"place: STATE_ABBR", "place: {column: STATE_ABBR, codes: {X: ME}}"}, true},
		{"per_period", []string{"per_period: 1", "per_period: 2"}, true},
		{"periods", []string{"periods: 1, stated", "periods: 2, stated"}, true},
		{"epsilon", []string{"epsilon: 1,", "epsilon: 2,"}, true},
		{"table", []string{"  national: {}", "  national: {}\n  by-form: {form: form}"}, true},
		{"series", []string{"halftone: 1\n", "halftone: 1\nseries: 2\n"}, true},
		{"measure and unit", []string{"unit: event ", "unit: case "}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, _, err := loadText(t, edit(t, base(t), tt.pairs...), nil)
			if err != nil {
				t.Fatal(err)
			}
			if (d.Spec.Digest() != first) != tt.changes {
				b, _ := json.Marshal(d.Spec)
				t.Errorf("changes the digest: %v\n%s", !tt.changes, b)
			}
		})
	}
}

// A source that checks counts nothing: it is not in the spec, gives no cells and
// no bound, and needs no contribution. To add or take it changes no digest.
func TestCheckSource(t *testing.T) {
	alone := base(t)
	const other = "  other: {agency: Other Office, from: {file: {path: other.csv}}, use: check, key: row, map: {unit: count, period: Y, place: {column: P, blank: _U}, value: N}}\n"
	beside := edit(t, alone, "\ntables:", "\n"+other+"tables:")
	want, _, err := loadText(t, alone, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, warnings, err := loadText(t, beside, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Spec.Digest() != want.Spec.Digest() || len(got.Spec.Sources) != 1 || len(got.About.Sources) != 1 || len(warnings) > 0 {
		t.Errorf("the source is in the spec or in public texts: %v, warnings %v", got.Spec.Sources, warnings)
	}
	if len(got.Sources) != 2 || !got.Sources[1].Check || got.Sources[1].Digest == "" || got.Sources[0].Digest != got.Spec.Sources[0].Mapping {
		t.Errorf("sources are %+v", got.Sources)
	}
	// The same source counting changes all that.
	counting, _, err := loadText(t, strings.Replace(beside, "use: check", "use: count, contribution: {per_period: 1, periods: 1, stated_by: B. Person}", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	if counting.Spec.Digest() == want.Spec.Digest() || len(counting.Spec.Sources) != 2 {
		t.Error("a source that counts is not in the spec")
	}
	// A contribution that says nothing is pointed out.
	if _, warnings, err := loadText(t, strings.Replace(beside, "use: check", "use: check, contribution: {per_period: 1, periods: 1, stated_by: B. Person}", 1), nil); err != nil || len(warnings) != 1 {
		t.Errorf("warnings %v, error %v", warnings, err)
	}
}
