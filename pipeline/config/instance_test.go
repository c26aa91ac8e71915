package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"halftone/privacy"
)

// folder makes an instance of the least dataset as a and as b. files are written
// beside and below; an empty text takes a file away.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS("testdata/min")); err != nil {
			t.Fatal(err)
		}
	}
	all := map[string]string{
		"a/halftone.yaml": edit(t, base(t), "dataset: us-offences", "dataset: zebra"),
		"b/halftone.yaml": edit(t, base(t), "dataset: us-offences", "dataset: antelope"),
	}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		file := filepath.Join(dir, name)
		if text == "" {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func names(in Instance) (out []string) {
	for _, d := range in.Datasets {
		out = append(out, d.Name)
	}
	return out
}

func TestLoadInstance(t *testing.T) {
	counted := edit(t, base(t), "dataset: us-offences", "dataset: zebra\npopulation: region")
	for _, tt := range []struct {
		name, text string
		files      map[string]string
		check      func(Instance) bool
	}{
		{"comments only", "# all as by default\n\n", nil, func(in Instance) bool {
			return in.State == ".halftone" && in.Store == "sqlite" && in.Public == "public" && in.BaseURL == "" && slices.Equal(names(in), []string{"antelope", "zebra"})
		}},
		{"every key", "state: ../s\nstore: env:HALFTONE_PG\npublic: /srv/p\nbase_url: https://data.example.org\ndatasets: [a/*.yaml, '*/halftone.yaml']\n", nil, func(in Instance) bool {
			d := in.Datasets[0]
			return in.State == "../s" && in.Store == "env:HALFTONE_PG" && in.Public == "/srv/p" && d.Public == "/srv/p" && d.About.BaseURL == "https://data.example.org" &&
				in.BaseURL == d.About.BaseURL && len(in.Datasets) == 2 && d.Dir == filepath.Join(in.Dir, "b")
		}},
		{"one of them", "datasets: [b/halftone.yaml]\n", map[string]string{"a/halftone.yaml": "tabels: {}"}, func(in Instance) bool { return slices.Equal(names(in), []string{"antelope"}) }},
		{"beside it", "datasets: [halftone.yaml]\n", map[string]string{"halftone.yaml": strings.ReplaceAll(base(t), "codes/", "a/codes/")}, func(in Instance) bool {
			return slices.Equal(names(in), []string{"us-offences"}) && in.Datasets[0].Dir == in.Dir
		}},
		{"epsilon", "populations: {region: {total: {epsilon: 2.5}}}\n", map[string]string{"a/halftone.yaml": counted}, func(in Instance) bool {
			return in.Datasets[1].Spec.Population == privacy.Population{Name: "region", Cost: privacy.Cost{NanoEpsilon: 2_500_000_000}} && in.Datasets[0].Spec.Population == privacy.Population{}
		}},
		{"epsilon and delta", "populations: {region: {total: {epsilon: 1, delta: 1e-6}}}\n", map[string]string{"a/halftone.yaml": counted}, func(in Instance) bool {
			return in.Datasets[1].Spec.Population == privacy.Population{Name: "region", Cost: privacy.Cost{NanoEpsilon: 1_000_000_000, NanoRho: 24_355_970}, Delta: 1e-6}
		}},
		{"rho", "populations: {region: {total: {rho: 0.05}}}\n", map[string]string{"a/halftone.yaml": counted}, func(in Instance) bool {
			return in.Datasets[1].Spec.Population == privacy.Population{Name: "region", Cost: privacy.Cost{NanoRho: 50_000_000}}
		}},
		{"no cap", "populations: {elsewhere: {total: {rho: 0.05}}}\n", map[string]string{"a/halftone.yaml": counted}, func(in Instance) bool {
			return in.Datasets[1].Spec.Population == privacy.Population{Name: "region"}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{InstanceFile: tt.text}
			for name, text := range tt.files {
				files[name] = text
			}
			in, _, err := LoadInstance(folder(t, files), kinds)
			if err != nil {
				t.Fatal(err)
			}
			if !tt.check(in) {
				t.Errorf("%v %+v", names(in), in)
			}
		})
	}
}

func TestNoInstance(t *testing.T) {
	if _, _, err := LoadInstance(t.TempDir(), kinds); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// A warning says which dataset it is about, and in which file.
func TestInstanceWarnings(t *testing.T) {
	text := edit(t, base(t), "dataset: us-offences", "dataset: zebra", "{place: region, form: form}", "{place: region}")
	_, got, err := LoadInstance(folder(t, map[string]string{InstanceFile: "{}", "a/halftone.yaml": text}), kinds)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || len(got["zebra"]) != 1 || !strings.HasPrefix(got["zebra"][0].Error(), "a/halftone.yaml:") {
		t.Error(got)
	}
}

// Each golden file is what a person reads after one mistake.
func TestInstanceProblems(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		files      map[string]string
	}{
		{"unknown-key", "dataset: [a/halftone.yaml]\n", nil},
		{"later", "listen: {operator: 127.0.0.1:8480}\npeople: {a.person: {roles: [operator]}}\noidc: {}\nsmtp: {}\n", nil},
		{"types", "state: [x]\nbase_url: data.example.org\ndatasets: []\n", nil},
		{"store", "store: \"postgres://halftone:hunter2@db.example.org/halftone\"\n", nil},
		{"store-below", "store:\n  dsn: host=db password=hunter2\n", nil},
		{"store-syntax", "store: postgres://halftone:hunter2@db\nstate: [\n", nil},
		{"no-file", "datasets:\n  - \"*/halftone.yaml\"\n  - gone/halftone.yaml\n  - ../halftone.yaml\n", nil},
		{"no-dataset", "# nothing yet\n", map[string]string{"a/halftone.yaml": "", "b/halftone.yaml": ""}},
		{"other-name", "datasets: ['*/*.yaml', 'a/codes/*']\n", map[string]string{"b/second.yaml": "halftone: 1\n"}},
		{"populations", "populations:\n  Region: {total: {epsilon: 1}}\n  both: {total: {epsilon: 1, rho: 1}}\n  none: {}\n  zero: {total: {epsilon: 0}}\n  delta: {total: {epsilon: 1, delta: 1}}\n  pure: {total: {rho: 0.1, delta: 1e-6}}\n", nil},
		{"syntax", "datasets: [\n", nil},
		{"name-twice", "{}\n", map[string]string{"b/halftone.yaml": edit(t, base(t), "dataset: us-offences", "dataset: zebra")}},
		{"own-folder", "public: www\n", map[string]string{"a/halftone.yaml": edit(t, base(t), "dataset: us-offences", "dataset: zebra\npublish: [{folder: mine}]")}},
		{"below", "state: []\n", map[string]string{
			"a/halftone.yaml": edit(t, base(t), "dataset: us-offences", "dataset: zebra", "tables:", "tabels:"),
			"b/halftone.yaml": edit(t, base(t), "dataset: us-offences", "dataset: antelope", "codes/us-places.csv ", "codes/gone.csv "),
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{InstanceFile: tt.text}
			for name, text := range tt.files {
				files[name] = text
			}
			in, _, err := LoadInstance(folder(t, files), kinds)
			var es Errors
			if !errors.As(err, &es) || in.Datasets != nil {
				t.Fatalf("no Errors: %v, %d datasets", err, len(in.Datasets))
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a secret is shown: %v", err)
			}
			for _, p := range es {
				if p.Message == "" || p.File == "" || filepath.IsAbs(p.File) {
					t.Errorf("bad problem %+v", p)
				}
			}
			golden(t, "testdata/instance/"+tt.name+".golden", err.Error()+"\n")
		})
	}
}
