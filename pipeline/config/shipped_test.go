package config

import (
	"strings"
	"testing"

	"halftone/pipeline/codelist"
)

// withList is a dataset whose one dimension has a code list and a table by a level.
func withList(list, level string) string {
	return `halftone: 1
dataset: example
title: Example
counts: cases
unit: case
licence: US-PD
publisher: {name: Example, contact: a@example.org}
period: {every: year, from: 2013}
dimensions: {d: ` + list + `}
tables: {total: {}, by-d: {d: ` + level + `}}
privacy: {budget: {person: {epsilon: 1, delta: 1e-6}}}
sources:
  agency:
    agency: Agency
    from: {file: {path: a.csv}}
    map: {unit: count, period: Year, d: D, value: Cases}
    contribution: {per_period: 1, periods: 1, stated_by: A. Person}
`
}

// Every shipped list can be named by a configuration, which then has its digest.
func TestShippedLists(t *testing.T) {
	for _, name := range codelist.ShippedNames() {
		want, _, err := codelist.ReadShipped(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{name, "{codes: " + name + "}", "{codes: " + name + ", unknown: true}"} {
			text := withList(form, want.Levels[len(want.Levels)-1])
			d, _, err := loadText(t, text, nil)
			if err != nil {
				t.Errorf("%s: %v", form, err)
				continue
			}
			if l := d.Lists[0]; l.Digest != want.Digest || l.Name != name {
				t.Errorf("%s: list %s, digest %s", form, l.Name, l.Digest)
			}
			valid(t, text, true)
		}
	}
}

func TestShippedNames(t *testing.T) {
	const own = "code,level\nA,letter\nB,letter\n"
	mine := map[string]string{"halftone/sex": own, "./halftone/sex": own, "halftone/sex.csv": own}
	for name, tt := range map[string]struct{ list, level, first, message string }{
		"shipped":                      {"halftone/sex", "sex", "F", ""},
		"shipped, by the dimension":    {"halftone/under18", "d", "Y0T17", ""},
		"a path is a file":             {"./halftone/sex", "letter", "A", ""},
		"a file with an ending":        {"halftone/sex.csv", "letter", "A", ""},
		"one letter wrong":             {"halftone/sx", "sex", "", `did you mean "halftone/sex"?`},
		"without the first part":       {"countries", "country", "", `did you mean "iso/countries"?`},
		"case counts":                  {"ISO/Countries", "country", "", `did you mean "iso/countries"?`},
		"nothing like it":              {"zebra", "sex", "", `no shipped code list and no file "zebra"`},
		"a file that is not there":     {"codes/none.csv", "sex", "", `there is no code list "codes/none.csv"`},
		"a level that is not":          {"ctdc/age", "bnad", "", `did you mean "band"?`},
		"the dimension is not a level": {"ctdc/age", "d", "", `dimension "d" has no level "d"`},
	} {
		t.Run(name, func(t *testing.T) {
			d, _, err := loadText(t, withList(tt.list, tt.level), mine)
			if tt.message != "" {
				if err == nil || !strings.Contains(err.Error(), tt.message) {
					t.Errorf("got %v, want %s", err, tt.message)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := d.Spec.Dimensions[0].Levels[1].Codes[0]; got != tt.first {
				t.Errorf("the first code is %s, want %s", got, tt.first)
			}
		})
	}
}
