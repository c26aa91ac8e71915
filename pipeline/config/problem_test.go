package config

import (
	"errors"
	"strings"
	"testing"

	"halftone/pipeline/codelist"
)

// Each golden file is what a person reads after one mistake.
func TestProblems(t *testing.T) {
	const row = "    key: row  "
	for _, tt := range []struct {
		name  string
		pairs []string
		more  map[string]string
	}{
		{"unknown-key", []string{"tables:", "tabels:"}, nil},
		{"unknown-key-in-source", []string{"    contribution:", "    contributoin:"}, nil},
		{"unknown-key-far", []string{"    key: row  ", "    zebra: 1\n    key: row  "}, nil},
		{"later-key", []string{row, "    calendar: {}\n" + row}, nil},
		{"guarantee", []string{row, "    guarantee: full\n" + row}, nil},
		{"grain", []string{row, "    grain: [[palce.state, form.regoin], form]\n    totals: {use: drop, max_below: 2}\n" + row}, nil},
		{"grain-order", []string{row, "    grain: [[place], [place, form]]\n" + row}, nil},
		{"grain-levels", []string{row, "    grain: [place.stat, place.nation]\n    totals: rest\n" + row}, nil},
		{"keep", []string{row, "    keep: [{partition_by: [ACTUAL_COUNT], order_by: A, order: newest}, {order_by: A, order: []}]\n" + row}, nil},
		{"keep-value", []string{row, "    keep: [{partition_by: [A], order_by: ACTUAL_COUNT, order: desc}]\n" + row}, nil},
		{"corrections", []string{row, "    corrections: fixes.csv\n    key: [A]\n" + strings.Replace(row, "key: row", "quarantine: 2%", 1)}, map[string]string{"fixes.csv": "A,value,reason,by,on\nsecret,1.5,typing,B,2026-01-01\nsecret,3,typing,,2026-01-01\n"}},
		{"corrections-of-rows", []string{row, "    corrections: fixes.csv\n" + row}, nil},
		{"person", []string{row, "    person: {column: A, columns: [B], regex: 'x', namespace: IOM}\n" + row}, nil},
		{"person-records", []string{row, "    person: {columns: [B, C], namespace: iom}\n    duplicates: sum\n    keep: [{partition_by: [A, B], order_by: A, order: desc}]\n"}, nil},
		{"bounds", []string{"bounds: {min: -20, max: 5000}", "bounds: {ratio: 1, over: cut}"}, nil},
		{"bounds-clip", []string{"bounds: {min: -20, max: 5000}", "bounds: {over: clip}"}, nil},
		{"upsert", []string{row, "    delivers: upsert\n    duplicates: sum\n    grain: [[place, form], [place]]\n    totals: rest\n" + row}, nil},
		{"upsert-unpivot", []string{row, "    delivers: upsert\n    key: [Case]\n    read: {unpivot: {columns: [F, M], into: Sex, value: N}} #"}, nil},
		{"deleted", []string{row, "    deleted: {ACTUAL_COUNT: \"0\"}\n" + row}, nil},
		{"delivers", []string{row, "    delivers: upsret\n" + row}, nil},
		{"check-alone", []string{row, "    use: check\n" + row}, nil},
		{"later-connector", []string{"{file: {path: data/HT_2013-2020.csv}}", "{kobo: {token: hunter2}}"}, nil},
		{"unknown-connector", []string{"{file: {path: data/HT_2013-2020.csv}}", "{fiel: {path: hunter2}}"}, nil},
		{"later-shapes", []string{"place: STATE_ABBR", "place: [{when: {A: b}, column: C}]", row, "    confidential: A\n" + row, "form: codes/forms.csv", "form: halftone/forms"}, nil},
		{"read", []string{row, "    read: {format: docx, sheet: 0, header: {fnid: [A], rows: 99}, cells: {title: 3A}, hxl: skip, outer: []}\n" + row}, nil},
		{"structural-zeros", []string{"\nsources:", "\nstructural_zeros: [{palce: MT}, {form: [sexaul, _T]}, {place: exclude}]\nsources:"}, nil},
		{"structural-zeros-unknown", []string{"\nsources:", "\nstructural_zeros: [{form: _U}]\nsources:"}, nil},
		{"syntax", []string{"tables:", "tables: ]"}, nil},
		{"syntax-period", []string{"to: 2020}", "to: 2020]"}, nil},
		{"syntax-tab", []string{"tables:\n", "tables:\n\tx: 1\n"}, nil},
		{"twice", []string{"    agency: Federal Bureau of Investigation", "    agency: FBI\n    agency: Federal"}, nil},
		{"level", []string{"{place: region, form: form}", "{place: regoin, from: form}"}, nil},
		{"same-tables", []string{"  national: {}", "  national: {}\n  total: {place: nation}\n  all-tables: {place: state}"}, nil},
		{"dimension-names", []string{"form: codes/forms.csv", "form: codes/forms.csv\n  form_label: codes/forms.csv\n  edition: codes/forms.csv", "form: OFFENSE_SUBCAT_ID", "form: OFFENSE_SUBCAT_ID, form_label: A, edition: B"}, nil},
		{"map-dimension", []string{"place: STATE_ABBR, form: OFFENSE_SUBCAT_ID", "palce: STATE_ABBR, form: OFFENSE_SUBCAT_ID"}, nil},
		{"code", []string{"place: STATE_ABBR", "place: {column: STATE_ABBR, codes: {Nebraska (NB): NBB, Other: ME/_U}, blank: XX, unknown: _U}"}, nil},
		{"code-table", []string{"form: OFFENSE_SUBCAT_ID", "form: {column: A, codes: maps/form.csv}"}, map[string]string{"maps/form.csv": "label,code,decided_by\nsecret label,sexaul,A\nSecret  Label,labour,B\n"}},
		{"code-table-columns", []string{"form: OFFENSE_SUBCAT_ID", "form: {column: A, codes: [maps/form.csv, maps/none.csv, maps/torn.csv]}"}, map[string]string{"maps/form.csv": "label,rows,code,how,score,accept\nx,1,labour,fold,1,\n", "maps/torn.csv": "label,code\n\"x,labour\n"}},
		{"code-list-missing", []string{"codes/us-places.csv ", "codes/places.csv "}, nil},
		{"code-list-bad", []string{"codes/us-places.csv ", "codes/bad.csv "}, map[string]string{"codes/bad.csv": "code,parent,level\nA,,region\nB,C,state\nA,,region\n"}},
		{"period-length", []string{"from: 2013, to: 2020", "from: 2013-02, to: 2012"}, nil},
		{"period-longer", []string{"from: 2013, to: 2020", "from: 2013-2014, to: 2019-2020"}, nil},
		{"period-order", []string{"from: 2013, to: 2020", "from: 2013, to: 2012"}, nil},
		{"period-bands", []string{"every: year, from: 2013, to: 2020", "every: [2014-2018, 2018, 2013-05, soon], from: 2014, to: 2013"}, nil},
		{"period-missing", []string{"every: year, from: 2013, to: 2020", "every: year"}, nil},
		{"unlimited", []string{"periods: 1, stated", "periods: unlimited, stated"}, nil},
		{"stock", []string{"unit: event ", "measure: stock\nunit: event "}, nil},
		{"person-period", []string{"{person: {epsilon", "{person_period: {epsilon"}, nil},
		{"budget", []string{"epsilon: 1, delta: 1e-6", "epsilon: -1, delta: 1"}, nil},
		{"budget-rho", []string{"{person: {epsilon: 1, delta: 1e-6}}", "{person: {rho: 0.5, delta: 1e-6}}, mechanism: laplace"}, nil},
		{"budget-laplace", []string{"{person: {epsilon: 1, delta: 1e-6}}", "{person: {rho: 0.5}}, mechanism: laplace"}, nil},
		{"budget-planner", []string{"{person: {epsilon: 1, delta: 1e-6}}", "{person: {epsilon: 1}}, mechanism: planner"}, nil},
		{"revisions", []string{"{person: {epsilon: 1, delta: 1e-6}}", "{person: {epsilon: 1, delta: 1e-6}}, revisions: [10 days, 1 year, 6 months], first_share: 0%"}, nil},
		{"keep-rows", []string{row, "    keep_rows: a while\n" + row}, nil},
		{"targets", []string{"{person: {epsilon: 1, delta: 1e-6}}", "{person: {epsilon: 1, delta: 1e-6}}, mechanism: laplace, targets: {national: ±0, by-regoin: ±20}"}, nil},
		{"targets-laplace", []string{"{person: {epsilon: 1, delta: 1e-6}}", "{person: {epsilon: 1, delta: 1e-6}}, mechanism: laplace, targets: {national: ±20}"}, nil},
		{"targets-pure", []string{"{person: {epsilon: 1, delta: 1e-6}}", "{person: {epsilon: 1}}, targets: {national: ±20}"}, nil},
		{"targets-dear", []string{"{person: {epsilon: 1, delta: 1e-6}}", "{person: {epsilon: 1, delta: 1e-6}}, targets: {national: ±2}"}, nil},
		{"first-share", []string{"{person: {epsilon: 1, delta: 1e-6}}", "{person: {epsilon: 1, delta: 1e-6}}, first_share: 60%"}, nil},
		{"cron", []string{"tables:", "schedule: {cron: 'CRON_TZ=', timezone: Local}\ntables:"}, nil},
		{"cron-never", []string{"tables:", "schedule: {cron: '0 0 30 2 *', timezone: Chad}\ntables:"}, nil},
		{"cron-fields", []string{"tables:", "schedule: {cron: '99 * * *'}\ntables:"}, nil},
		{"report", []string{"tables:", "report: {lead: by-regoin-form}\ntables:"}, nil},
		{"formula", []string{"title: Human trafficking offences known to US police", `title: "=HYPERLINK(1)"`, "agency: Federal Bureau of Investigation", "agency: '@Federal'"}, nil},
		{"languages", []string{"title: Human trafficking offences known to US police", "title: {es: Delitos, PT-br: Crimes}\nlanguages: [fr, FR, fr]"}, nil},
		{"comma-in-braces", []string{"title: Human trafficking offences known to US police", "title: {en: Offences, known to police}"}, nil},
		{"where", []string{row, "    where: {A: {matches: '('}, B: {is: x}, C: []}\n" + row}, nil},
		{"value", []string{"value: ACTUAL_COUNT", "value: {column: V, status: [], group_char: ',,'}"}, nil},
		{"rules", []string{"place: STATE_ABBR", "place: [{column: A}, {when: {ACTUAL_COUNT: 0}, columns: [B, B], codes: {x: MEE}}, {const: ME, split: ';'}]"}, nil},
		{"rules-order", []string{"place: STATE_ABBR", "place: [{column: A}, {when: {B: {matches: '('}}, regex: '^x', column: B, unknwon: _U}]"}, nil},
		{"rules-of-all", []string{"place: STATE_ABBR", "place: [{column: A, blank: _U}, {column: B}]"}, nil},
		{"rule-of-value", []string{"place: STATE_ABBR", "place: {when: {ACTUAL_COUNT: {not: 0}}, column: A}"}, nil},
		{"rule-keys", []string{"place: STATE_ABBR", "place: {column: A, many: _U, join: '-', else: MEE, regex: '^x'}", "period: DATA_YEAR", "period: {column: Y, format: yyyy/yy}"}, nil},
		{"has", []string{"place: STATE_ABBR", "place: {column: A, split: ';', has: x}"}, nil},
		{"year-of", []string{"period: DATA_YEAR", "period: {column: Y, format: yyyy/yy}"}, nil},
		{"status", []string{"value: ACTUAL_COUNT", "value: {column: V, status: [{text: x, is: surpressed}, {text: y, matches: z, is: zero}, {is: zero}, {text: a, is: suppressed, below: 1}]}"}, nil},
		{"status-numbers", []string{"value: ACTUAL_COUNT", "value: {column: V, status: [{text: '-99', is: missing}, {text: 17, is: missing}, {text: 5, is: suppressed, below: 5}, {text: r, is: rounded}, {text: n, is: zero, base: 5}]}"}, nil},
		{"const", []string{"place: STATE_ABBR", "place: {const: exclude, blank: _T, codes: {x: ME}}", "period: DATA_YEAR", "period: {const: someday}"}, nil},
		{"bounds-and-overlap", []string{"bounds: {min: -20, max: 5000}", "bounds: {max: -1}", "tables:", "overlap: 2\ntables:"}, nil},
		{"unmapped", []string{"place: STATE_ABBR, ", ""}, nil},
		{"many", []string{"unit: event ", "unit: victim ", "licence: US-PD", "licence: public domain", "dataset: us-offences", "dataset: US Offences", "to: 2020", "to: 2020, wait: a month"}, nil},
		{"types", []string{"dataset: us-offences", "dataset: [x]", "per_period: 1", "per_period: '1'", "contact: data@example.org", "contact: 12", "tables:", "publish: public\ntables:"}, nil},
		{"null", []string{"dataset: us-offences", "dataset:", "  national: {}", "  national:"}, nil},
		{"normalize", []string{"period: DATA_YEAR", "period: {column: A, format: hh:mm}", "    key: row  ", "    key: [A, A]  "}, nil},
		{"alias", []string{"dataset: us-offences", "dataset: *name"}, nil},
		{"undecided", []string{"title: Human trafficking offences known to US police", `title: "TODO"`, "unit: event ", "unit: TODO ", "form: codes/forms.csv", "form: TODO", "form: OFFENSE_SUBCAT_ID", "form: {column: A, codes: {x: TODO}, blank: TODO}",
			"    key: row  ", "    grain: [[place, TODO], TODO]\n    where: {A: TODO}\n    key: row  ", "place: codes/us-places.csv ", "place: codes/none.csv "}, nil},
		{"later-places", []string{"tables:", "publish: [{folder: a}, {ckan: {}}, {folder: b}]\ntables:"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := loadText(t, edit(t, base(t), tt.pairs...), tt.more)
			var es Errors
			if !errors.As(err, &es) {
				t.Fatalf("no Errors: %v", err)
			}
			for _, p := range es {
				if p.Message == "" || p.File == "" {
					t.Errorf("empty problem %+v", p)
				}
			}
			if s := err.Error(); strings.Contains(s, "hunter2") || strings.Contains(strings.ToLower(s), "secret label") {
				t.Error("a setting or a label of a code table is shown")
			}
			golden(t, "testdata/errors/"+tt.name+".golden", err.Error()+"\n")
		})
	}
}

func TestNoYAML(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "empty"},
		{"comment only", "# x\n", "empty"},
		{"a list", "- a\n", "must be a map"},
		{"a text", "a\n", "must be a map"},
		{"two documents", "a: 1\n---\nb: 2\n", "second document"},
		{"not UTF-8", "a: \xff\n", "not UTF-8"},
		{"NUL", "a: \x00\n", "NUL"},
		{"long line", "a: " + strings.Repeat("x", maxLine) + "\n", "longer than"},
		{"brackets", "a: " + strings.Repeat("[", 100), "nested deeper"},
		{"dashes", strings.Repeat("- ", 1000) + "x", "nested too deeply"},
		{"large", strings.Repeat("# "+strings.Repeat("x", 100)+"\n", maxBytes/100), "larger than"},
		{"lines", strings.Repeat("#\n", maxLines), "more than 10000 lines"},
		{"laughs", laughs(), "aliases are followed"},
		{"itself", "a: &a {b: *a}\n", "no anchor"},
		{"tag", "a: !!binary x\n", "tags"},
		{"merge of a text", "a: &a x\nb: {<<: *a}\n", "maps only"},
		{"key is a list", "? [a]\n: b\n", "key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := loadText(t, tt.text, nil)
			var es Errors
			if !errors.As(err, &es) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("want %q in: %v", tt.want, err)
			}
		})
	}
}

// Noise that depends on other figures has no bound; whoever declares noise is told.
func TestNoisedWarns(t *testing.T) {
	_, warnings, err := loadText(t, edit(t, base(t), "value: ACTUAL_COUNT", "value: {column: V, status: [{when: {A: x}, is: noised}]}"), nil)
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0].Message, `"noised" is taken for noise that each figure has by itself`) || warnings[0].Line != 19 {
		t.Errorf("%v %v", warnings, err)
	}
}

// Whoever has said that no bound exists is not told so, but that nobody is promised
// anything where there is no other source.
func TestNoGuaranteeWarns(t *testing.T) {
	_, warnings, err := loadText(t, edit(t, base(t), "value: ACTUAL_COUNT", "value: {column: V, status: [{when: {A: x}, is: noised}]}", "    key: row  ", "    guarantee: none\n    key: row  "), nil)
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0].Message, "no source has a guarantee") {
		t.Errorf("%v %v", warnings, err)
	}
}

// Line breaks of other systems count as such.
func TestLineBreaks(t *testing.T) {
	for _, nl := range []string{"\n", "\r\n", "\r"} {
		_, _, err := loadText(t, "halftone: 1"+nl+"tabels: {}"+nl, nil)
		if err == nil || !strings.Contains(err.Error(), "halftone.yaml:2:1: unknown key \"tabels\"; did you mean \"tables\"?\n    2 | tabels: {}\n") {
			t.Errorf("%q: %v", nl, err)
		}
	}
}

// laughs is the billion laughs: nine lists of nine aliases each.
func laughs() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := '1'; i <= '9'; i++ {
		above := string(i - 1)
		b.WriteString("a" + string(i) + ": &a" + string(i) + " [" + strings.TrimSuffix(strings.Repeat("*a"+above+", ", 9), ", ") + "]\n")
	}
	return b.String()
}

// No excerpt shows what stands below `from`, wherever the problem is.
func TestSettingsAreNotShown(t *testing.T) {
	const from = "{file: {path: data/HT_2013-2020.csv}}"
	for name, pairs := range map[string][]string{
		"unknown kind":           {from, "{htpt: {url: hunter2}}"},
		"two kinds":              {from, "{http: {url: hunter2}, file: {path: hunter2}}"},
		"text":                   {from, "hunter2"},
		"settings as text":       {from, "{http: hunter2}"},
		"twice":                  {from, "\n      http:\n        url: hunter2\n        url: hunter2"},
		"tag":                    {from, "{http: {url: !x hunter2}}"},
		"alias":                  {from, "{http: {url: hunter2, x: *nope}}"},
		"many lines":             {from, "\n      http: {url: 'hunter2\n        hunter2',\n        url: hunter2}", "    key: row  ", "    kee: row  "},
		"next on the line":       {from, "{http: {url: 'hunter2\n        hunter2'}}\n    kee: x"},
		"one line":               {"    from: " + from, "    <<: {from: {http: {url: hunter2}}, kee: x}"},
		"whole source in a line": {"tables:", "  b: {agency: A, from: {http: {url: hunter2}}, kee: x}\ntables:"},
		"source in two lines":    {"tables:", "  b: {agency: A, from: {http: {url: 'x\n      hunter2'}}, kee: x}\ntables:"},
		"twice from":             {"    from: " + from, "    from: {file: {path: x}}\n    from: {http: {url: hunter2, url: hunter2}}"},
		"syntax":                 {from, "{http: {url: hunter2}"},
		"syntax on it":           {from, "\n      http:\n        x: {a: hunter2, b: ]}"},
		"syntax on a line of it": {from, "{http: {x: hunter2}} y"},
		"syntax by name":         {"tables:", "  b: {agency: A, token: hunter2, b: ]}\ntables:"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := loadText(t, edit(t, base(t), pairs...), nil)
			if err == nil {
				t.Fatal("it loads")
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Error(err)
			}
		})
	}
}

func TestExcerpt(t *testing.T) {
	long := strings.Repeat("é", 200)
	s := newSource("f", "a: b\n\tc: d\n"+long+"\x1b\n")
	for _, tt := range []struct {
		name string
		at   place
		want string
	}{
		{"first", place{1, 4}, "    1 | a: b\n      |    ^"},
		{"tab", place{2, 2}, "    2 |  c: d\n      |  ^"},
		{"past the end", place{1, 99}, "    1 | a: b\n      |     ^"},
		{"no such line", place{9, 1}, ""},
		{"no column", place{1, 0}, ""},
		{"long", place{3, 150}, "    3 | …" + strings.Repeat("é", 99) + "…\n      | " + strings.Repeat(" ", 51) + "^"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := s.excerpt(tt.at); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
	s.show(1, 2)
	if got := s.excerpt(place{1, 1}); got != "    1 | a:…\n      | ^" {
		t.Errorf("got\n%s", got)
	}
	if got := s.excerpt(place{1, 4}); got != "" {
		t.Errorf("got\n%s", got)
	}
}

func TestNearest(t *testing.T) {
	known := []string{"tables", "title", "unit", "from"}
	for word, want := range map[string]string{"tabels": "tables", "tilte": "title", "form": "from", "x": "", "": "", "zebra": "", "units": "unit"} {
		if got := codelist.Nearest(word, known); got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
}

func TestScalars(t *testing.T) {
	for s, want := range map[string]Duration{"10 days": {Days: 10}, "1 month": {Months: 1}, "2 years": {Years: 2}, "0 days": {}, "1 days": {Days: 1}, "1200 months": {Months: 1200}} {
		if got, err := parseDuration(s); err != nil || got != want {
			t.Errorf("%q: %v %v", s, got, err)
		}
	}
	for _, s := range []string{"", "1", "month", "-1 month", "1.5 months", "01 month", "1 week", "1  month", "101 years", "1201 months", "99999 days", "1 month ", "month 1"} {
		if got, err := parseDuration(s); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
	for s, want := range map[string]float64{"1%": 0.01, "0%": 0, "100%": 1, "2.5%": 0.025} {
		if got, ok := parsePercent(s); !ok || got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
	for _, s := range []string{"", "1", "%", "-1%", "101%", "100.1%", "1 %", "1e1%"} {
		if got, ok := parsePercent(s); ok {
			t.Errorf("%q is %v", s, got)
		}
	}
	for s, want := range map[string]uint64{"1": 1e9, "0.1": 1e8, "1e-9": 1, "1.9999999999": 1999999999, "1e3": 1e12, "1E+2": 1e11, ".5": 5e8, "2.": 2e9} {
		if got, ok := parseDecimal(s); !ok || nano(got) != want {
			t.Errorf("%q: %v", s, got)
		}
	}
	for _, s := range []string{"", "1/3", "0x10", "1_000", "1e999", "1e1000000000", "inf", ".nan", "1,5", " 1", "e3"} {
		if got, ok := parseDecimal(s); ok {
			t.Errorf("%q is %v", s, got)
		}
	}
}
