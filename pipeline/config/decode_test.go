package config

import (
	"strings"
	"testing"
)

type testSettings struct {
	URL     string            `yaml:"url" json:"url"`
	Format  string            `yaml:"format,omitempty" json:"format,omitempty"`
	Retries int               `yaml:"retries,omitempty" json:"retries,omitempty"`
	Headers map[string]string `yaml:"headers,omitempty" json:"headers,omitempty"`
	Paging  *struct {
		Size int `yaml:"size" json:"size"`
	} `yaml:"paging,omitempty" json:"paging,omitempty"`
	List []string `yaml:"list,omitempty" json:"list,omitempty"`
}

func TestDecode(t *testing.T) {
	const from = "{file: {path: data/HT_2013-2020.csv}}"
	for _, tt := range []struct {
		name, settings string
		want           string // of the error; "": none
		check          func(testSettings) bool
	}{
		{"all", "{url: 'https://a', format: csv, retries: 3, headers: {X-Key: 'env:K', 1: a}, paging: {size: 5}, list: [a, b]}", "",
			func(s testSettings) bool {
				return s.URL == "https://a" && s.Retries == 3 && s.Headers["X-Key"] == "env:K" && s.Headers["1"] == "a" && s.Paging.Size == 5 && len(s.List) == 2
			}},
		{"none", "{}", "", func(s testSettings) bool { return s.URL == "" }},
		{"block and text block", "\n      http:\n        url: >-\n          https://a\n        format: \"cs\\u0076\"", "", func(s testSettings) bool { return s.URL == "https://a" && s.Format == "csv" }},
		{"aliases", "{url: &u 'https://a', headers: &h {a: *u}, paging: {size: &n 5}, retries: *n}", "",
			func(s testSettings) bool {
				return s.Headers["a"] == "https://a" && s.Retries == 5 && s.Paging.Size == 5
			}},
		{"merge", "{url: x, headers: {a: '1', <<: {a: '2', b: '3'}}}", "", func(s testSettings) bool { return s.Headers["a"] == "1" && s.Headers["b"] == "3" }},
		{"unknown key", "{url: hunter2, formt: csv}", `halftone.yaml:18:33: unknown key "formt" in "http"; did you mean "format"?`, nil},
		{"unknown key below", "{url: hunter2, paging: {siez: 2}}", `18:42: unknown key "siez" in "paging"; did you mean "size"?`, nil},
		{"wrong type", "{url: x, retries: hunter2}", "18:36: settings of connector \"http\": a value is not of its type", nil},
		{"map for text", "{url: {a: hunter2}}", "not of its type", nil},
		{"too large", "{url: x, retries: 99999999999999999999999}", "not of its type", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			settings := tt.settings
			if !strings.HasPrefix(settings, "\n") {
				settings = "{http: " + settings + "}"
			}
			d, _, err := loadText(t, edit(t, base(t), from, settings), nil)
			if err != nil {
				t.Fatal(err)
			}
			var s testSettings
			err = d.Sources[0].Decode(&s)
			if tt.want == "" {
				if err != nil || !tt.check(s) {
					t.Errorf("%+v, %v", s, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("want %q, got %v", tt.want, err)
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "999999") {
				t.Error("a setting is shown")
			}
		})
	}
}
