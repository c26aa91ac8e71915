package compose_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"halftone/outputs"
	"halftone/outputs/compose"
	"halftone/outputs/compose/composetest"
	"halftone/outputs/describe"
	"halftone/privacy"
)

func sample(t testing.TB) outputs.Version {
	w := composetest.New()
	w.Release(t, "2018", 1, 1)
	w.Foreign(t)
	w.Release(t, "2019", 1, 2)
	w.Release(t, "2018", 2, 1)
	return w.Version(t, "2026.11-1", 1)
}

func TestSameVersionSameBytes(t *testing.T) {
	v := sample(t)
	a, err := compose.Version(v)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		b, err := compose.Version(v)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a.Names(), b.Names()) {
			t.Fatalf("files %v, then %v", a.Names(), b.Names())
		}
		for n := range a {
			if !bytes.Equal(a[n], b[n]) {
				t.Errorf("%s: other bytes for the same version", n)
			}
		}
	}
	want := []string{"CITATION.cff", "LICENSE.txt", "README.md", "SHA256SUMS", "claims.json", "codes/form.csv", "codes/place.csv",
		"data/all-tables.parquet", "data/by-region-form.csv", "data/by-region-form.parquet", "data/by-region.csv", "data/by-region.parquet",
		"data/by-state.csv", "data/by-state.parquet", "data/national.csv", "data/national.parquet", "datapackage.json", "ledger.jsonl",
		"manifest.json", "noise-model.json", "noise_model.py", "privacy-label.json", "releases.csv", "report/index.html", "sealed/2018.2.json", "sealed/2019.1.json"}
	if !slices.Equal(a.Names(), want) {
		t.Errorf("files %v, want %v", a.Names(), want)
	}
}

func TestRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(*outputs.Version)
		want  string
	}{
		"chain":         {func(v *outputs.Version) { v.Ledger[1].Digest = strings.Repeat("0", 64) }, "chain"},
		"head":          {func(v *outputs.Version) { v.Head = v.Ledger[0].Hash }, "head"},
		"spent":         {func(v *outputs.Version) { v.Spent.NanoEpsilon++ }, "spent"},
		"no charge":     {func(v *outputs.Version) { v.Ledger, v.Head = v.Ledger[:2], v.Ledger[1].Hash; v.Spent.NanoEpsilon = 1e9 }, "not sealed"},
		"order":         {func(v *outputs.Version) { slices.Reverse(v.Releases) }, "order"},
		"no releases":   {func(v *outputs.Version) { v.Releases = nil }, "not released"},
		"zero release":  {func(v *outputs.Version) { v.Releases[0].Release = privacy.Release{} }, "not released"},
		"version name":  {func(v *outputs.Version) { v.Name = "../x" }, "name"},
		"dataset name":  {func(v *outputs.Version) { v.About.Dataset = "a/b" }, "name"},
		"formula label": {func(v *outputs.Version) { v.About.Codes[0].Codes[1].Label = outputs.Text{"en": "=1+1"} }, "spreadsheet"},
		"control label": {func(v *outputs.Version) { v.About.Codes[0].Codes[1].Label = outputs.Text{"fr": "a\r\nb"} }, "control"},
		"day":           {func(v *outputs.Version) { v.Releases[1].Released = v.Composed.AddDate(0, 0, 1) }, "day"},
		"sources":       {func(v *outputs.Version) { v.Releases[1].Reporting = nil }, "sources"},
		"dimension":     {func(v *outputs.Version) { v.About.Codes[0].Dimension = "../place" }, "file name"},
	} {
		v := sample(t)
		tc.spoil(&v)
		files, err := compose.Version(v)
		if err == nil || files != nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, tc.want)
		}
	}
}

func TestManifestAndSums(t *testing.T) {
	files, err := compose.Version(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	m, err := describe.ReadManifest(files[describe.ManifestFile])
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Files) != len(files)-2 || len(m.Releases) != 2 || m.Entries != 7 || !m.Additive || len(m.SpecDigests) != 1 {
		t.Errorf("manifest %+v", m)
	}
	for _, f := range m.Files {
		if describe.Sum(files[f.Path]) != f.SHA256 || int64(len(files[f.Path])) != f.Bytes {
			t.Errorf("%s: not as in the manifest", f.Path)
		}
	}
	sums, err := describe.ReadSums(files[describe.SumsFile])
	if err != nil {
		t.Fatal(err)
	}
	for n, b := range files {
		if n != describe.SumsFile && sums[n] != describe.Sum(b) {
			t.Errorf("%s: not as in SHA256SUMS", n)
		}
	}
	if len(sums) != len(files)-1 {
		t.Errorf("%d sums of %d files", len(sums), len(files))
	}
}
