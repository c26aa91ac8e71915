package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// Code lists and tables that the examples of the page name.
var exampleFiles = map[string]string{
	"codes/sex.csv":    "code,label_en\nF,Female\nM,Male\n",
	"codes/yesno.csv":  "code,label_en\nyes,Yes\nno,No\n",
	"codes/forms.csv":  "code\nlabour\nsexual\n",
	"codes/places.csv": "code,label_en\nN,North\nS,South\n",
	"corrections.csv":  "period,place,sex,form,armed,value,reason,by,on\n2024,N,F,labour,yes,3,typed twice,A. Person,2026-01-15\n",
	"maps/forms.csv":   "label,code,decided_by,decided_on,note\nDebt bondage,labour,A. Person,2026-01-15,\n",
}

// exampleText is a dataset of which one line of the source, or of its map, is
// the example.
func exampleText(t *testing.T, example string) string {
	t.Helper()
	source := map[string]string{"agency": "Agency", "from": "{file: {path: a.csv}}", "contribution": "{per_period: 1, periods: 1, stated_by: A. Person}"}
	mapping := map[string]string{"unit": "count", "period": "Year", "value": "Cases", "place": "Place", "sex": "Sex", "form": "Form", "armed": `{column: Means, split: ";", has: Knife}`}
	name, value, ok := strings.Cut(example, ": ")
	if !ok {
		t.Fatalf("%s is no line of YAML", example)
	}
	for k, v := range exampleNeeds[name] {
		source[k] = v
	}
	if _, ok := mapping[name]; ok {
		mapping[name] = value
	} else {
		source[name] = value
	}
	if name == "person" {
		mapping["value"] = "1"
	}
	text := `halftone: 1
dataset: example
title: Example
counts: cases
unit: case
licence: US-PD
publisher: {name: Example, contact: a@example.org}
period: {every: year, from: 2013}
dimensions: {place: codes/places.csv, sex: codes/sex.csv, form: codes/forms.csv, armed: codes/yesno.csv}
tables: {total: {}, by-all: {place: place, sex: sex, form: form, armed: armed}}
privacy: {budget: {person: {epsilon: 1, delta: 1e-6}}}
sources:
  agency:
`
	others := ""
	if name == "use" { // beside one that counts
		others = "  other: {agency: Other, from: {file: {path: b.csv}}, map: {unit: count, period: Year, value: Cases, place: Place, sex: Sex, form: Form, armed: Armed}, contribution: {per_period: 1, periods: 1, stated_by: B. Person}}\n"
		delete(source, "contribution")
	}
	for _, k := range slices.Sorted(maps.Keys(source)) {
		text += fmt.Sprintf("    %s: %s\n", k, source[k])
	}
	text += "    map:\n"
	for _, k := range slices.Sorted(maps.Keys(mapping)) {
		text += fmt.Sprintf("      %s: %s\n", k, mapping[k])
	}
	return text + others
}

// Keys that an example's key goes with.
var exampleNeeds = map[string]map[string]string{"delivers": {"key": "[Case]"}, "deleted": {"delivers": "upsert", "key": "[Case]"}}

// TestExamples: every key of the mapping language has an example, which holds
// the key, loads, and is one by the schema.
func TestExamples(t *testing.T) {
	seen := 0
	walkForms(wholeFile(kinds), "", func(path string, _ *form, k *key) {
		if k == nil || k.later {
			return
		}
		if k.example == "" {
			if rest, ok := strings.CutPrefix(path, ".sources.*"); ok && (strings.HasPrefix(rest, ".map") || strings.HasPrefix(rest, ".where")) {
				t.Errorf("%s.%s has no example", path, k.name)
			}
			return
		}
		seen++
		t.Run(strings.TrimPrefix(path+"."+k.name, "."), func(t *testing.T) {
			text := exampleText(t, k.example)
			var v any
			if err := yaml.Unmarshal([]byte(k.example), &v); err != nil || !holds(v, k.name) {
				t.Errorf("%s does not hold %s (%v)", k.example, k.name, err)
			}
			_, _, err := loadText(t, text, exampleFiles)
			if err != nil {
				t.Errorf("%v\n%s", err, text)
			}
			valid(t, text, true)
		})
	})
	if seen < 40 {
		t.Errorf("only %d examples", seen)
	}
}

// holds reports whether a key stands anywhere in v.
func holds(v any, key string) bool {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if k == key || holds(x, key) {
				return true
			}
		}
	case []any:
		for _, x := range v {
			if holds(x, key) {
				return true
			}
		}
	}
	return false
}
