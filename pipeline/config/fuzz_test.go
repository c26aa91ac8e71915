package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Any text gives a checked dataset or placed problems, and never panics.
func FuzzLoad(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*/halftone.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range seeds {
		b, err := os.ReadFile(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
		for _, cut := range []int{3, 5, 7} {
			f.Add(string(b[:len(b)*cut/8]))
		}
	}
	for _, s := range []string{
		"a: &a [*a]\n", "\r0", "<<: [*x]\n", "? a\n: b\n", "a: |\n  x\n y", "{a: {b: c, d}}", "- - - a", "sources: {a: {from: {file: {}}}}", "sources: {a: {map: [1]}}",
		"tables: {a: {b: c}}\ndimensions: {b: {codes: codes/forms.csv}}\n", "privacy: {budget: {person: {epsilon: 1e99}}}", "schedule: {cron: 'TZ= * * * * *'}",
		"period: {every: [2014-2018, x]}", "sources: {a: {where: [{}], key: [], map: {unit: {codes: []}, value: {}, period: {const: 1}}}}\n", "publish: [x]\nreport: []\nlanguages: [1]\n", laughs(),
	} {
		f.Add(s)
	}
	open := func(path string) ([]byte, error) {
		if !filepath.IsLocal(path) || !strings.HasPrefix(path, "codes/") {
			return nil, fs.ErrNotExist
		}
		return os.ReadFile(filepath.Join("testdata/min", path))
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, _, err := load("", "halftone.yaml", text, kinds, open)
		if err == nil {
			if err := d.Spec.Check(); err != nil {
				t.Error(err)
			}
			for _, s := range d.Sources {
				var into testSettings
				_ = s.Decode(&into) // must not panic
				if s.Kind == "" || len(s.Columns) == 0 {
					t.Errorf("source %+v", s)
				}
			}
			d.Calendar.DueAt(d.Calendar.From)
			return
		}
		var es Errors
		if !errors.As(err, &es) || len(es) == 0 {
			t.Fatal(err)
		}
		lines := strings.Count(text, "\n") + strings.Count(text, "\r") + 1
		for _, p := range es {
			if p.Message == "" || p.File == "halftone.yaml" && (p.Line < 0 || p.Line > lines || p.Line > 0 && p.Column < 1) {
				t.Errorf("problem %+v", p)
			}
		}
	})
}

func FuzzCodeTable(f *testing.F) {
	f.Add("label,code\na,b\n")
	f.Add("label,code,decided_by,decided_on,note\n\"a\nb\",c,,,\n")
	f.Add("\xef\xbb\xbflabel,code\n\"")
	f.Fuzz(func(t *testing.T, text string) {
		rows, problems := parseTable("t.csv", []byte(text))
		for _, p := range problems {
			if p.Message == "" {
				t.Errorf("%+v", p)
			}
		}
		for _, r := range rows {
			if r.at.line < 1 || r.at.col < 1 {
				t.Errorf("%+v", r.at)
			}
		}
	})
}
