package config

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// compiled is the JSON Schema, ready to check by.
var compiled = sync.OnceValues(func() (*jsonschema.Schema, error) {
	s, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema(kinds...)))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("halftone.json", s); err != nil {
		return nil, err
	}
	return c.Compile("halftone.json")
})

// valid holds a text against the JSON Schema.
func valid(t testing.TB, text string, want bool) {
	t.Helper()
	schema, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	b, err := yaml.YAMLToJSON([]byte(strings.TrimPrefix(text, "\ufeff")))
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(v); (err == nil) != want {
		t.Errorf("the schema says %v", err)
	}
}

func TestSchemaTakesTheLeast(t *testing.T) { valid(t, base(t), true) }

func TestSchemaTakesMapping(t *testing.T) {
	for _, name := range []string{"cantabria", "fbi-agencies", "kobo-records", "rwanda", "unhcr-applications", "unsd-xlsx"} {
		b, err := os.ReadFile("../../../shared/mapping/" + name + "/halftone.yaml")
		if err != nil {
			t.Skip(err)
		}
		valid(t, string(b), true)
	}
}

// What has the wrong shape is refused by the schema and by Load.
func TestSchemaRefuses(t *testing.T) {
	for name, pairs := range map[string][]string{
		"unknown key":             {"tables:", "tabels: {}\ntables:"},
		"later key":               {"tables:", "notify: {}\ntables:"},
		"later key of a source":   {"    key: row", "    calendar: {}\n    key: row"},
		"delivers":                {"    key: row", "    delivers: news\n    key: row"},
		"no contribution":         {"    contribution:", "    x-contribution:"},
		"later connector":         {"{file: {path: data/HT_2013-2020.csv}}", "{kobo: {}}"},
		"two connectors":          {"{file: {path: data/HT_2013-2020.csv}}", "{file: {}, http: {}}"},
		"missing title":           {"title: Human trafficking offences known to US police\n", ""},
		"missing stated_by":       {`, stated_by: "operator's assumption: an offence is counted once, in one year"`, ""},
		"format":                  {"halftone: 1\n", "halftone: 2\n"},
		"enum":                    {"unit: event ", "unit: victim "},
		"name":                    {"dataset: us-offences", "dataset: US"},
		"formula":                 {"title: Human", "title: =Human"},
		"list for map":            {"  national: {}", "  national: []"},
		"no rules":                {"place: STATE_ABBR", "place: []"},
		"rules in rules":          {"place: STATE_ABBR", "place: [[{column: A}]]"},
		"column and columns":      {"place: STATE_ABBR", "place: {column: A, columns: [B, C]}"},
		"status":                  {"value: ACTUAL_COUNT", "value: {column: V, status: [{text: x, matches: y, is: zero}]}"},
		"status of nothing":       {"value: ACTUAL_COUNT", "value: {column: V, status: [{is: zero}]}"},
		"status unknown":          {"value: ACTUAL_COUNT", "value: {column: V, status: [{text: x, is: nothing}]}"},
		"scale":                   {"value: ACTUAL_COUNT", "value: {column: V, scale: 1.5}"},
		"column and const":        {"place: STATE_ABBR", "place: {column: A, const: ME}"},
		"both budgets":            {"budget: {person", "budget: {person_period: {epsilon: 1}, person"},
		"no budget":               {"{budget: {person: {epsilon: 1, delta: 1e-6}}}", "{budget: {}}"},
		"epsilon 0":               {"epsilon: 1,", "epsilon: 0,"},
		"epsilon in words":        {"epsilon: 1,", "epsilon: much,"},
		"rho and epsilon":         {"{epsilon: 1, delta: 1e-6}", "{epsilon: 1, rho: 1}"},
		"rho 0":                   {"{epsilon: 1, delta: 1e-6}", "{rho: 0}"},
		"neither rho nor epsilon": {"{epsilon: 1, delta: 1e-6}", "{delta: 1e-6}"},
		"percent as number":       {"    key: row", "    quarantine: 0.01\n    key: row"},
		"percent of more":         {"    key: row", "    quarantine: 101%\n    key: row"},
		"duration":                {"to: 2020", "to: 2020, wait: 30"},
		"negative wait":           {"to: 2020", "to: 2020, wait: -1 month"},
		"null":                    {"dataset: us-offences", "dataset:"},
		"number for text":         {"agency: Federal Bureau of Investigation", "agency: 12"},
		"fraction":                {"per_period: 1", "per_period: 1.5"},
		"contribution of 0":       {"per_period: 1", "per_period: 0"},
		"empty where":             {"    key: row", "    where: {}\n    key: row"},
		"no sources":              {"tables:", "x: 1\ntables:"},
		"second document's keys":  {"privacy: {", "privacy: {targets: {}, "},
		"dimension's name":        {"  form: codes/forms.csv", "  Form: codes/forms.csv"},
		"language":                {"tables:", "languages: [english!]\ntables:"},
	} {
		t.Run(name, func(t *testing.T) {
			text := edit(t, base(t), pairs...)
			if _, _, err := loadText(t, text, nil); err == nil {
				t.Error("it loads")
			}
			valid(t, text, false)
		})
	}
}

// The schema is closed and says what each key means.
func TestSchemaIsClosed(t *testing.T) {
	var walk func(path string, v any)
	walk = func(path string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			if l, ok := v.([]any); ok {
				for _, x := range l {
					walk(path, x)
				}
			}
			return
		}
		if p, ok := m["properties"].(map[string]any); ok {
			if m["additionalProperties"] == nil || m["additionalProperties"] == true {
				t.Errorf("%s is open", path)
			}
			for k, x := range p {
				if d, _ := x.(map[string]any)["description"].(string); d == "" {
					t.Errorf("%s.%s has no description", path, k)
				}
			}
		}
		for k, x := range m {
			if _, is := x.(map[string]any); is && k == "if" && m["else"] != nil && m["then"] == nil && path == ".properties.sources.additionalProperties" {
				continue // it only looks: all keys stand beside it
			}
			walk(path+"."+k, x)
		}
	}
	var v any
	if err := json.Unmarshal(Schema(kinds...), &v); err != nil {
		t.Fatal(err)
	}
	walk("", v)
	if !bytes.Equal(Schema(kinds...), Schema(kinds...)) {
		t.Error("the schema changes from call to call")
	}
}

// walkForms visits all forms of the language.
func walkForms(f *form, path string, visit func(path string, f *form, k *key)) {
	if f == nil {
		return
	}
	visit(path, f, nil)
	for i := range f.keys {
		visit(path, f, &f.keys[i])
		walkForms(f.keys[i].form, path+"."+f.keys[i].name, visit)
	}
	walkForms(f.each, path+".*", visit)
	for _, a := range f.alts {
		walkForms(a, path, visit)
	}
}

// Patterns compile, keys stand once, defaults fit their own form.
func TestLanguageIsSound(t *testing.T) {
	walkForms(wholeFile(kinds), "", func(path string, f *form, k *key) {
		if k == nil {
			if _, err := regexp.Compile(f.pattern); err != nil {
				t.Error(path, err)
			}
			seen := map[string]bool{}
			for _, k := range f.keys {
				if seen[k.name] {
					t.Errorf("%s.%s stands twice", path, k.name)
				}
				seen[k.name] = true
			}
			return
		}
		if k.later {
			return
		}
		if k.doc == "" || k.form == nil || k.must && k.def != nil {
			t.Errorf("%s.%s: no doc or form, or a default although required", path, k.name)
		}
		if k.def == nil {
			return
		}
		b, err := json.Marshal(k.def)
		if err != nil {
			t.Fatal(err)
		}
		src := newSource("default", string(b))
		n, problems := parse(src, string(b))
		c := newChecker(src)
		if len(problems) > 0 || !c.check(n, k.form, k.name) {
			t.Errorf("%s.%s: default %s does not fit: %v %v", path, k.name, b, problems, c.problems)
		}
	})
}

func TestReference(t *testing.T) {
	page := Reference(kinds...)
	walkForms(wholeFile(kinds), "", func(path string, f *form, k *key) {
		if k == nil {
			return
		}
		row := "| `" + k.name + "`"
		if !k.later && (!strings.Contains(page, row) || !strings.Contains(page, cell(k.doc)) || !strings.Contains(page, cell(k.example))) {
			t.Errorf("%s.%s is not on the page", path, k.name)
		}
	})
	for _, later := range []string{"calendar", "notify", "kobo"} {
		if strings.Contains(page, "| `"+later+"`") {
			t.Errorf("%s is on the page and is not implemented", later)
		}
	}
	golden(t, "testdata/reference.golden", page)
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s", file, got)
	}
}
