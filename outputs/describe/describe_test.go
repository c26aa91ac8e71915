package describe_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"pgregory.net/rapid"

	"halftone/outputs"
	"halftone/outputs/compose"
	"halftone/outputs/compose/composetest"
	"halftone/outputs/describe"
	"halftone/privacy"
)

func sample(t testing.TB, change func(*composetest.World)) (outputs.Version, outputs.Files) {
	t.Helper()
	w := composetest.New()
	if change != nil {
		change(w)
	}
	w.Release(t, "2018", 1, 1)
	w.Foreign(t)
	w.Release(t, "2019", 1, 2)
	w.Release(t, "2018", 2, 1)
	v := w.Version(t, "2026.11-1", 1)
	files, err := compose.Version(v)
	if err != nil {
		t.Fatal(err)
	}
	return v, files
}

func composed(t testing.TB, v outputs.Version) outputs.Files {
	t.Helper()
	files, err := compose.Version(v)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// folder writes the files to a temporary folder.
func folder(t *testing.T, files outputs.Files) string {
	t.Helper()
	dir := t.TempDir()
	for n, b := range files {
		p := filepath.Join(dir, n)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o700), os.WriteFile(p, b, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "ModuleNotFoundError") {
		t.Skipf("a Python module is not installed: %s", out)
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

func TestSHA256SumsTool(t *testing.T) {
	_, files := sample(t, nil)
	run(t, folder(t, files), "sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS")
}

func TestFrictionless(t *testing.T) {
	for _, licence := range []string{"CC-BY-4.0", "US-PD"} {
		_, files := sample(t, func(w *composetest.World) { w.About.Licence = licence })
		out := run(t, folder(t, files), "frictionless", "validate", "datapackage.json", "--json")
		var r struct {
			Valid bool
			Tasks []struct{ Name string }
		}
		if err := json.Unmarshal([]byte(out), &r); err != nil || !r.Valid || len(r.Tasks) != 15 {
			t.Errorf("%s: valid %v, %d resources, %v\n%s", licence, r.Valid, len(r.Tasks), err, out)
		}
	}
}

// snippet returns the first block of a language in README.md.
func snippet(t *testing.T, readme []byte, lang string) string {
	t.Helper()
	m := regexp.MustCompile("(?s)```" + lang + "\n(.*?)```").FindSubmatch(readme)
	if m == nil {
		t.Fatalf("no %s in the README", lang)
	}
	return string(m[1])
}

func TestReadmeRuns(t *testing.T) {
	v, files := sample(t, nil)
	dir := folder(t, files)
	tables, err := v.Tables()
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for i, tb := range tables {
		if tb.Name == v.About.Lead {
			sum = tables[i].Estimate[2] + tables[i].Estimate[3]
		}
	}
	t.Run("python", func(t *testing.T) {
		out := run(t, dir, "python3", "-W", "error::FutureWarning", "-c", snippet(t, files["README.md"], "python"))
		if want := "sum of 2 cells: " + trim(sum) + " ("; !strings.Contains(out, want) {
			t.Errorf("want %q in\n%s", want, out)
		}
		// The same from the library that makes claims: noise of two cells, b = 8.
		n, err := v.Releases[1].Release.Noise(v.About.Lead, 0)
		if err != nil {
			t.Fatal(err)
		}
		two := n.Plus(n)
		half := math.Log(20) / math.Sqrt2 * two.SD()
		if p := two.P(math.Ceil(half) + 1); p > 0.05 {
			t.Errorf("the interval misses %.4f", p)
		}
		if want := "(" + trim(math.Floor(max(0, sum-half))) + " to " + trim(math.Ceil(sum+half)) + ")"; !strings.Contains(out, want) {
			t.Errorf("want %q in\n%s", want, out)
		}
	})
	t.Run("sql", func(t *testing.T) {
		out := run(t, dir, "python3", "-c", "import duckdb, sys; print(duckdb.sql(sys.argv[1]).fetchall())", snippet(t, files["README.md"], "sql"))
		for _, tb := range tables {
			if tb.Name != v.About.Lead {
				continue
			}
			for i := range 2 { // 2018 and 2019, two regions each
				if want := trim(tb.Estimate[2+i] - tb.Estimate[i]); !strings.Contains(out, want+".0, ") {
					t.Errorf("want the change %s in %s", want, out)
				}
			}
		}
	})
	t.Run("r", func(t *testing.T) { run(t, dir, "Rscript", "-e", snippet(t, files["README.md"], "r")) })
}

func trim(x float64) string {
	b, err := json.Marshal(x)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func TestReadmeSays(t *testing.T) {
	_, files := sample(t, func(w *composetest.World) {
		w.About.Title, w.About.BaseURL = outputs.Text{"en": "A\n# heading of its own"}, "https://data.example.org"
	})
	readme := string(files["README.md"])
	for _, want := range []string{"# A # heading of its own\n", "**Values add up**", "data/by-region.csv", "right at most 96 % of the time",
		"https://data.example.org/datasets/test-offences/versions/2026.11-1/", "CC-BY-4.0", "Version 2026.11-1."} {
		if !strings.Contains(readme, want) {
			t.Errorf("README does not say %q", want)
		}
	}
	if strings.Contains(readme, "<no value>") || strings.Contains(readme, "\n# heading") {
		t.Error("README has a hole, or a heading that is the title's")
	}
}

func TestCitation(t *testing.T) {
	for licence, spdx := range map[string]bool{"CC-BY-4.0": true, "US-PD": false} {
		_, files := sample(t, func(w *composetest.World) { w.About.Licence, w.About.BaseURL = licence, "https://data.example.org/" })
		var c map[string]any
		if err := yaml.Unmarshal(files["CITATION.cff"], &c); err != nil {
			t.Fatal(err)
		}
		authors, ok := c["authors"].([]any)
		if !ok || len(authors) != 1 || authors[0].(map[string]any)["name"] != "Example Office" {
			t.Errorf("authors %v", c["authors"])
		}
		for k, want := range map[string]any{"cff-version": "1.2.0", "type": "dataset", "title": "Offences, \"recorded\"", "version": "2026.11-1",
			"date-released": "2026-11-23", "url": "https://data.example.org/datasets/test-offences/versions/2026.11-1/"} {
			if got := c[k]; got != want {
				t.Errorf("%s: %v (%T), want %v", k, got, got, want)
			}
		}
		if _, has := c["license"]; has != spdx || c["license-url"] == nil || c["message"] == nil {
			t.Errorf("%s: license %v, license-url %v", licence, c["license"], c["license-url"])
		}
		// Citation File Format 1.2.0 allows no other keys.
		known := []string{"cff-version", "message", "type", "title", "abstract", "authors", "version", "date-released", "license", "license-url", "url"}
		for k := range c {
			if !slices.Contains(known, k) {
				t.Errorf("key %s", k)
			}
		}
	}
}

func TestLicence(t *testing.T) {
	for licence, want := range map[string]string{"US-PD": "17 U.S.C. § 105", "CC-BY-3.0-IGO": "https://creativecommons.org/licenses/by/3.0/igo/",
		"Etalab-2.0": "https://spdx.org/licenses/Etalab-2.0.html"} {
		_, files := sample(t, func(w *composetest.World) { w.About.Licence = licence })
		if s := string(files["LICENSE.txt"]); !strings.Contains(s, want) || !strings.Contains(s, licence) {
			t.Errorf("%s: %s", licence, s)
		}
	}
}

func TestOdds(t *testing.T) {
	for _, tc := range []struct {
		cost    privacy.Cost
		percent string
		most    float64
	}{
		{privacy.Cost{NanoEpsilon: 1_000_000_000}, "74 %", 0.7311}, // e/(1+e) = 0.73105…, rounded up: an upper bound
		{privacy.Cost{NanoEpsilon: 100_000_000}, "53 %", 0.525},
		{privacy.Cost{NanoEpsilon: 1}, "51 %", 0.5001},
		{privacy.Cost{}, "50 %", 0.5},
		{privacy.Cost{NanoEpsilon: 10_000_000_000}, "100 %", 1},
		{privacy.Cost{NanoRho: 24_355_970}, "56 %", 0.5552}, // ½+√(0.02435597/8) = 0.55517…
		{privacy.Cost{NanoRho: 500_000_000}, "75 %", 0.75},
		{privacy.Cost{NanoRho: 8_000_000_000}, "100 %", 1},
	} {
		o := describe.NewOdds("event", false, outputs.Spent{Cost: tc.cost, Delta: 1e-6}, privacy.Guarantees{})
		if !strings.Contains(o.Sentence, "right at most "+tc.percent) || o.AtMost != tc.most {
			t.Errorf("%+v: %+v", tc.cost, o)
		}
	}
	if s := describe.NewOdds("case", true, outputs.Spent{}, privacy.Guarantees{}).Sentence; !strings.Contains(s, "a case is in the data of a period") {
		t.Error(s)
	}
}

// A person pays for the P dearest periods, or for one where P is unlimited.
func TestAccount(t *testing.T) {
	charge := func(period string, edition int, cost uint64, terms privacy.Terms) privacy.Entry {
		p, err := privacy.ParsePeriod(period)
		if err != nil {
			t.Fatal(err)
		}
		return privacy.Entry{Kind: privacy.EntryCharge, Dataset: "d", Series: 1, Period: &p, Edition: edition, Cost: cost, Terms: &terms}
	}
	seal := func(e privacy.Entry) privacy.Entry {
		e.Kind, e.Cost, e.Terms = privacy.EntrySeal, 0, nil
		return e
	}
	two, any := privacy.Terms{Periods: 2}, privacy.Terms{PerPeriod: true}
	for name, tc := range map[string]struct {
		entries []privacy.Entry
		want    uint64
		fails   bool
	}{
		"two of three": {[]privacy.Entry{charge("2018", 1, 5, two), charge("2019", 1, 3, two), charge("2020", 1, 4, two)}, 9, false},
		"editions add": {[]privacy.Entry{charge("2018", 1, 5, two), charge("2018", 2, 5, two), charge("2020", 1, 4, two)}, 14, false},
		"unlimited":    {[]privacy.Entry{charge("2018", 1, 5, any), charge("2019", 1, 3, any), charge("2019", 2, 3, any)}, 6, false},
		"sealed":       {[]privacy.Entry{charge("2018", 1, 5, two), seal(charge("2018", 1, 0, two))}, 5, false},
		"none":         {nil, 0, true},
		"twice":        {[]privacy.Entry{charge("2018", 1, 5, two), charge("2018", 1, 5, two)}, 0, true},
		"other terms":  {[]privacy.Entry{charge("2018", 1, 5, two), charge("2019", 1, 5, any)}, 0, true},
		"seal first":   {[]privacy.Entry{seal(charge("2018", 1, 5, two)), charge("2018", 1, 5, two)}, 0, true},
		"sealed twice": {[]privacy.Entry{charge("2018", 1, 5, two), seal(charge("2018", 1, 0, two)), seal(charge("2018", 1, 0, two))}, 0, true},
		"too large":    {[]privacy.Entry{charge("2018", 1, 1<<63, two), charge("2018", 2, 1<<63, two)}, 0, true},
	} {
		var links []privacy.Link
		prev := ""
		for i, e := range append(tc.entries, privacy.Entry{Kind: privacy.EntryCharge, Dataset: "other"}) {
			l, err := privacy.NewLink(int64(i)+1, prev, e)
			if err != nil {
				t.Fatal(err)
			}
			links, prev = append(links, l), l.Hash
		}
		a, err := describe.NewAccount("d", links)
		if (err != nil) != tc.fails || err == nil && a.Person != tc.want {
			t.Errorf("%s: %d, %v; want %d, failure %v", name, a.Person, err, tc.want, tc.fails)
		}
	}
}

// P unlimited is said on every page that has the promise.
func TestPersonPeriod(t *testing.T) {
	v, files := sample(t, func(w *composetest.World) {
		w.Spec.Sources[0].Periods, w.Spec.Budget.PerPeriod = 0, true
	})
	if v.Spent.NanoEpsilon != 4e9 {
		t.Errorf("spent %d, want what two editions of 2018 cost", v.Spent.NanoEpsilon)
	}
	for name, want := range map[string]string{"privacy-label.json": `"of": "one event and period, the dearest period so far"`,
		"README.md": "epsilon 4, delta 0, for one event and period, if it changes the counts of a period by at most 2, in any number of periods"} {
		if !strings.Contains(string(files[name]), want) {
			t.Errorf("%s does not say %q", name, want)
		}
	}
}

// What is published makes the version again, so that anyone can recompute it.
func TestPublicText(t *testing.T) {
	v, files := sample(t, nil)
	v.Releases[0].Note = outputs.Text{"en": "a note"}
	tables, err := v.Tables()
	if err != nil {
		t.Fatal(err)
	}
	b, err := describe.DataPackage(v, tables, files)
	if err != nil {
		t.Fatal(err)
	}
	got := outputs.Version{About: outputs.About{Dataset: v.About.Dataset, Series: 1, Licence: v.About.Licence},
		Releases: slices.Clone(v.Releases)}
	got.Releases[0].Note, got.Releases[1].Provisional = nil, false
	if err := describe.ReadPublicText(b, &got); err != nil {
		t.Fatal(err)
	}
	for i := range got.About.Codes {
		if got.About.Codes[i].Codes != nil {
			t.Error("codes stand in codes/, not here")
		}
		got.About.Codes[i].Codes = v.About.Codes[i].Codes
	}
	a, err := json.Marshal([]any{v.About, v.Breaks, v.Releases[0].Note, v.Releases[1].Provisional})
	if err != nil {
		t.Fatal(err)
	}
	c, err := json.Marshal([]any{got.About, got.Breaks, got.Releases[0].Note, got.Releases[1].Provisional})
	if err != nil {
		t.Fatal(err)
	}
	if string(a) != string(c) {
		t.Errorf("got\n%s\nwant\n%s", c, a)
	}
	got.Releases = got.Releases[:1]
	if describe.ReadPublicText(b, &got) == nil {
		t.Error("read for other releases")
	}
}

func TestSumsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		files := outputs.Files{}
		for range rapid.IntRange(1, 5).Draw(t, "files") {
			files[rapid.StringMatching(`[a-z]{1,3}(/[a-z .]{1,3}[a-z])?`).Draw(t, "name")] = []byte(rapid.String().Draw(t, "text"))
		}
		sums, err := describe.ReadSums(describe.Sums(files))
		if err != nil || len(sums) != len(files) {
			t.Fatalf("%v, %v", sums, err)
		}
		for n, b := range files {
			if sums[n] != describe.Sum(b) {
				t.Fatalf("%s", n)
			}
		}
	})
}

func FuzzReadSums(f *testing.F) {
	f.Add([]byte(describe.Sum(nil) + "  a\n"))
	f.Add([]byte("x  a\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		sums, err := describe.ReadSums(b)
		if err == nil && len(sums) != strings.Count(string(b), "\n") {
			t.Fatal("lines were lost")
		}
	})
}

func FuzzReadManifest(f *testing.F) {
	_, files := sample(f, nil)
	f.Add(files["manifest.json"])
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := describe.ReadManifest(b); err == nil && m.Format != describe.ManifestFormat {
			t.Fatal("another format")
		}
	})
}
