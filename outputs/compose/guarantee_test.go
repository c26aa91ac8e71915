package compose_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"halftone/outputs"
	"halftone/outputs/catalog"
	"halftone/outputs/compose"
	"halftone/outputs/compose/composetest"
)

var update = flag.Bool("update", false, "write golden files anew")

// unpromised is a version of two years. Synthetic is a source without a guarantee,
// beside police or, where alone is set, by itself; police was corrected by hand in
// the second year.
func unpromised(t testing.TB, alone bool) (outputs.Version, outputs.Files) {
	t.Helper()
	w := composetest.New()
	w.AddSource("synthetic", "Office of Records")
	w.Spec.Sources[1].NoGuarantee = true
	if alone {
		w.Spec.Sources, w.About.Sources = w.Spec.Sources[1:], w.About.Sources[1:]
	}
	w.Release(t, "2018", 1, 1)
	w.Spec.Sources[0].Corrected = !alone
	w.Release(t, "2019", 1, 2)
	v := w.Version(t, "2026.11-1", 1)
	files, err := compose.Version(v)
	if err != nil {
		t.Fatal(err)
	}
	return v, files
}

const (
	forWhom = "No guarantee is given for the people behind source synthetic: its rows depend on each other, so that nothing bounds what one of them changes. " +
		"Noise is added to its figures and paid for as for any other, but those people have only what the agency did before it delivered its file."
	byHand = "Corrections were made by hand: for a stated reason, people gave rows of source police another value or left them out before they were counted."
)

// Wherever a version says what it promises, it says for whom it does not, and that
// people have corrected figures.
func TestSaysWhoHasNoGuarantee(t *testing.T) {
	v, files := unpromised(t, false)
	index, err := catalog.Index([]outputs.Version{v})
	if err != nil {
		t.Fatal(err)
	}
	files["index.html"] = index
	line := "in at most 2 periods; no guarantee for the people behind synthetic"
	for file, wants := range map[string][]string{
		"README.md": {"which does not limit what can be learnt about everyone", "**" + forWhom + "**\n\n## Files", line, byHand, "not said of the people behind synthetic", "- The people behind synthetic: no guarantee is given for them."},
		"report/index.html": {"<p><b>" + forWhom + "</b></p></div>", "<b>Not for everyone.</b> " + forWhom, "Added noise protects each event counted by sources that have a guarantee: someone",
			"In the sources that have a guarantee, the data of any one event", "Office of Records, source synthetic, no guarantee", "Police, source police, corrected by hand", byHand},
		"index.html":              {"<p><b>" + forWhom + "</b></p>"},
		"datapackage.json":        {line},
		"noise-model.json":        {"\"no_guarantee\": [\n    \"synthetic\"\n  ]"},
		"data/national.parquet":   {line},
		"data/all-tables.parquet": {line},
		"ledger.jsonl":            {`"no_guarantee":["synthetic"]`, `"corrected_by_hand":["police"]`},
	} {
		for _, want := range wants {
			if !strings.Contains(string(files[file]), want) {
				t.Errorf("%s does not say %q", file, want)
			}
		}
	}
	golden(t, "testdata/label-guarantee.golden", files["privacy-label.json"])
}

// Where no source has a guarantee, nothing is said to protect a person or event.
func TestSaysThatNobodyHasAGuarantee(t *testing.T) {
	v, files := unpromised(t, true)
	index, err := catalog.Index([]outputs.Version{v})
	if err != nil {
		t.Fatal(err)
	}
	files["index.html"] = index
	none := forWhom + " There is no other source: whatever is promised here is about an entry of the delivered files, and about no person."
	for file, wants := range map[string][]string{
		"README.md":             {none, "for one entry of the delivered files over all releases so far"},
		"report/index.html":     {none, "Added noise protects each entry of the delivered files counted: someone 50% sure that an entry of the delivered files is in the data", "<dt>Protected unit</dt><dd>entry of the delivered files</dd>"},
		"index.html":            {none, "of one entry of the delivered files so far"},
		"data/national.parquet": {"for one entry of the delivered files over all releases so far"},
	} {
		for _, want := range wants {
			if !strings.Contains(string(files[file]), want) {
				t.Errorf("%s does not say %q", file, want)
			}
		}
		for _, promise := range []string{"one event", "an event is in the data", "each event counted", "a single event", "can learn about one of them"} {
			if strings.Contains(string(files[file]), promise) {
				t.Errorf("%s promises something to %q", file, promise)
			}
		}
	}
	golden(t, "testdata/label-nobody.golden", files["privacy-label.json"])
}

// Nothing is said where there is nothing to say.
func TestSaysNothingOfGuarantees(t *testing.T) {
	_, files := withdrawn(t)
	for _, n := range files.Names() {
		for _, word := range []string{"o guarantee", "no_guarantee", "by hand", "by_hand"} {
			if strings.Contains(string(files[n]), word) {
				t.Errorf("%s says %q", n, word)
			}
		}
	}
}

// What was promised cannot be taken back, nor given to whom it was not.
func TestGuaranteeStays(t *testing.T) {
	for _, first := range []bool{true, false} {
		w := composetest.New()
		w.Spec.Sources[0].NoGuarantee = first
		w.Release(t, "2018", 1, 1)
		shown := w.Version(t, "2026.11-1", 1)
		w.Spec.Sources[0].NoGuarantee = !first
		w.Release(t, "2019", 1, 1)
		shown.Ledger, shown.Head = w.Links, w.Links[len(w.Links)-1].Hash
		if _, err := compose.Version(shown); err == nil || !strings.Contains(err.Error(), "source police had ") {
			t.Errorf("no guarantee first %v: %v", first, err)
		}
	}
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s: got\n%s", file, got)
	}
}
