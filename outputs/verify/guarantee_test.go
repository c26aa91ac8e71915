package verify_test

import (
	"slices"
	"strings"
	"testing"

	"halftone/outputs"
	"halftone/outputs/compose"
	"halftone/outputs/compose/composetest"
	"halftone/outputs/describe"
	"halftone/outputs/verify"
	"halftone/privacy"
)

// unpromised is a version of two years with a source without a guarantee, whose
// police figures were corrected by hand.
func unpromised(t testing.TB) outputs.Files {
	t.Helper()
	w := composetest.New()
	w.AddSource("synthetic", "Office of Records")
	w.Spec.Sources[1].NoGuarantee, w.Spec.Sources[0].Corrected = true, true
	w.Release(t, "2018", 1, 1)
	w.Release(t, "2019", 1, 1)
	files, err := compose.Version(w.Version(t, "2026.11-1", 1))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestNoGuarantee(t *testing.T) {
	t.Parallel()
	r, err := verify.FS(t.Context(), unpromised(t), verify.By(tool))
	wantOK(t, "no guarantee", r, err)
	if s := r.Spent; !slices.Equal(s.NoGuarantee, []string{"synthetic"}) || s.Nobody {
		t.Errorf("%+v", s)
	}
	if d := check(r, "privacy").Detail; !strings.HasSuffix(d, "; no guarantee for the people behind synthetic") {
		t.Error(d)
	}
}

// A page or a file that promises to everyone is a difference, whoever wrote it.
func TestNoGuaranteeLies(t *testing.T) {
	t.Parallel()
	said := func(from, to string, names ...string) func(t *testing.T, f outputs.Files) {
		return func(t *testing.T, f outputs.Files) {
			for _, n := range names {
				if !strings.Contains(string(f[n]), from) {
					t.Fatalf("%s does not say %q", n, from)
				}
				f[n] = []byte(strings.ReplaceAll(string(f[n]), from, to))
			}
		}
	}
	charges := func(change func(e *privacy.Entry)) func(t *testing.T, f outputs.Files) {
		return func(t *testing.T, f outputs.Files) {
			relink(t, f, func(e *privacy.Entry) {
				if e.Kind == privacy.EntryCharge {
					change(e)
				}
			})
		}
	}
	const label, sentence = "privacy-label.json", "No guarantee is given for the people behind source synthetic"
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, f outputs.Files)
		check string
		want  string
	}{
		"a label without the sentence": {said(sentence, "A guarantee is given for the people behind source synthetic", label), "privacy", "privacy-label.json differs"},
		"a label without the source":   {said(`"synthetic"`, `"police"`, label), "privacy", label},
		"a source that says nothing of it": {said(",\n        \"guarantee\": \"none\"", "", label), "privacy",
			"source synthetic: its guarantee is not that of the ledger's charges"},
		"odds for all":         {said(" That is not said of the people behind synthetic.", "", label), "privacy", "privacy-label.json differs"},
		"line of the label":    {said("; no guarantee for the people behind synthetic", "", label), "privacy", "privacy-label.json differs"},
		"corrections unsaid":   {said("Corrections were made by hand", "Corrections were made", label), "privacy", "privacy-label.json differs"},
		"noise model":          {said(`"synthetic"`, `"police"`, "noise-model.json"), "privacy", "noise-model.json differs"},
		"footer of the tables": {said("; no guarantee for the people behind synthetic", "; a guarantee, for the people behind synthetic", "data/national.parquet"), "numbers", "national.parquet"},
		"data package":         {said("; no guarantee for the people behind synthetic", "", "datapackage.json"), "privacy", "datapackage.json: its guarantee is not that of the label"},
		"report":               {said(sentence, "Nothing", "report/index.html"), "privacy", "report/index.html does not say what the label says of synthetic"},
		"README":               {said(sentence, "Nothing", "README.md"), "privacy", "README.md does not say what the label says of synthetic"},
		"report of a person's corrections": {said("Corrections were made by hand", "Nothing was corrected", "report/index.html"), "privacy",
			"report/index.html does not say what the label says of police"},
		"charges that promise":     {charges(func(e *privacy.Entry) { e.NoGuarantee = nil }), "privacy", "differs"},
		"charges that correct not": {charges(func(e *privacy.Entry) { e.Corrected = nil }), "privacy", "differs"},
		"a promise taken back": {charges(func(e *privacy.Entry) {
			if e.Period.String() == "2018" {
				e.NoGuarantee = nil
			}
		}), "releases", "what was promised cannot be taken back"},
		"a promise made late": {charges(func(e *privacy.Entry) {
			if e.Period.String() == "2019" {
				e.NoGuarantee = nil
			}
		}), "releases", "which they do not keep"},
	} {
		t.Run(name, func(t *testing.T) {
			files := unpromised(t)
			tc.spoil(t, files)
			forge(t, files, func(m *describe.Manifest) {})
			if f, d := failed(t, files); !slices.Contains(f, tc.check) || !strings.Contains(d, tc.want) {
				t.Errorf("failed %v\n%swant %s: %q", f, d, tc.check, tc.want)
			}
		})
	}
}
