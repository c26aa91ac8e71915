package compose_test

import (
	"errors"
	"strings"
	"testing"

	"halftone/outputs"
	"halftone/outputs/compose"
	"halftone/outputs/compose/composetest"
	"halftone/outputs/describe"
	"halftone/privacy"
)

// withdrawn is a version of four years of which some are withdrawn.
func withdrawn(t testing.TB, gone ...string) (outputs.Version, outputs.Files) {
	t.Helper()
	w := composetest.New()
	w.Spec.Sources[0].Periods, w.Spec.Budget.NanoEpsilon, w.About.Lead = 4, 40e9, "national"
	for i, p := range []string{"2018", "2019", "2020", "2021"} {
		w.Release(t, p, 1, int64(i)+1)
	}
	w.Day = w.Day.AddDate(0, 0, 1)
	for _, g := range gone {
		w.Withdraw(t, g, 1, "mapping_error")
	}
	v := w.Version(t, "2026.11-2", 2)
	v.Breaks = nil
	files, err := compose.Version(v)
	if err != nil {
		t.Fatal(err)
	}
	return v, files
}

// Every file says that a period is withdrawn, and none has its numbers.
func TestWithdrawnVersion(t *testing.T) {
	v, files := withdrawn(t, "2019")
	for name, want := range map[string]string{
		"data/national.csv":  "\n2019,2019-01-01,,,,,,withdrawn,1\n",
		"data/by-region.csv": "\n2019,2019-01-01,N,North,,,,,,withdrawn,1\n",
		"releases.csv":       "\n2019,1,,2026-11-23,,5,,,,withdrawn on 2026-11-24: an error in the mapping\n",
		"README.md":          "**2019 was withdrawn on 2026-11-24: an error in the mapping. Its figures are not to be used.**",
		"report/index.html":  "2019 was withdrawn on 2026-11-24: an error in the mapping. Its figures are not to be used.",
		"datapackage.json":   `"withdrawn": "2026-11-24"`,
		"privacy-label.json": `"withdrawn": "2026-11-24"`,
		"manifest.json":      `"withdrawn": "2026-11-24"`,
	} {
		if !strings.Contains(string(files[name]), want) {
			t.Errorf("%s does not say %q", name, want)
		}
	}
	if _, ok := files["sealed/2019.1.json"]; ok || len(v.Releases) != 3 {
		t.Error("the sealed file of a withdrawn release is published")
	}
	if strings.Contains(string(files["noise-model.json"]), `"2019"`) {
		t.Error("the noise model has a withdrawn release")
	}
	m, err := describe.ReadManifest(files["manifest.json"])
	if err != nil || len(m.Releases) != 3 || len(m.Withdrawn) != 1 || m.Withdrawn[0].Period.String() != "2019" || m.Withdrawn[0].Reason != "mapping_error" || m.Tables[0].Rows != 4 {
		t.Errorf("manifest %+v, %v", m, err)
	}
	if v.Spent.NanoEpsilon != 20e9 { // four years of 5: the charge stays
		t.Errorf("spent %d", v.Spent.NanoEpsilon)
	}
	if !strings.Contains(string(files["privacy-label.json"]), `"epsilon_nano": 20000000000`) {
		t.Error("the label does not count what the withdrawn release has cost")
	}
}

func TestNothingWithdrawnSaysNothing(t *testing.T) {
	_, files := withdrawn(t)
	for _, n := range files.Names() {
		switch n {
		case "README.md", "datapackage.json": // the list of statuses
		default:
			if strings.Contains(string(files[n]), "withdrawn") {
				t.Errorf("%s speaks of what is withdrawn", n)
			}
		}
	}
}

func TestAllWithdrawn(t *testing.T) {
	w := composetest.New()
	w.Release(t, "2018", 1, 1)
	w.Withdraw(t, "2018", 1, "data_protection")
	if files, err := compose.Version(w.Version(t, "2026.11-2", 2)); !errors.Is(err, compose.ErrAllWithdrawn) || files != nil {
		t.Errorf("%v", err)
	}
	if files, err := compose.Version(outputs.Version{}); err == nil || files != nil || errors.Is(err, compose.ErrAllWithdrawn) {
		t.Errorf("a version of nothing: %v", err)
	}
}

func TestWithdrawnRefusals(t *testing.T) {
	w := composetest.New()
	w.Release(t, "2018", 1, 1)
	w.Release(t, "2019", 1, 1)
	w.Withdraw(t, "2018", 1, "data_protection")
	v := w.Version(t, "2026.11-2", 2)
	v.Ledger, v.Head = v.Ledger[:4], v.Ledger[3].Hash
	if _, err := compose.Version(v); err != nil {
		t.Fatalf("before the withdrawal: %v", err)
	}
	old := composetest.New()
	old.Release(t, "2018", 1, 1)
	shown := old.Version(t, "2026.11-1", 1)
	old.Withdraw(t, "2018", 1, "data_protection")
	shown.Ledger, shown.Head = old.Links, old.Links[len(old.Links)-1].Hash
	if _, err := compose.Version(shown); err == nil || !strings.Contains(err.Error(), "is withdrawn and cannot be shown") {
		t.Errorf("a withdrawn release is shown: %v", err)
	}
}

// What people amend is said on every page that has the promise.
func TestAmendedVersion(t *testing.T) {
	w := composetest.New()
	w.Spec.Mechanism, w.Spec.Budget.NanoRho = privacy.PlannerMechanism, 100e6
	w.Release(t, "2018", 1, 1)
	before := w.Version(t, "2026.11-1", 1)
	w.Day = w.Day.AddDate(0, 0, 1)
	w.Spec.Sources[0].PerPeriod, w.Spec.Sources[0].Periods, w.Spec.Budget.NanoRho = 4, 3, 900e6
	w.About.Sources[0].PerPeriod, w.About.Sources[0].Periods = 4, 3
	w.Amend(t, 2, 4, "bound_corrected")
	if got := w.Version(t, "2026.11-2", 2).Spent.NanoRho; got != 4*before.Spent.NanoRho {
		t.Errorf("spent %d, want four times %d", got, before.Spent.NanoRho)
	}
	for _, name := range []string{"the old release alone", "a new one, too"} {
		if name == "a new one, too" {
			w.Approve(t, "2019", 1, "Ada", "Ben")
			w.Release(t, "2019", 1, 1)
		}
		files, err := compose.Version(w.Version(t, "2026.11-2", 2))
		if err != nil {
			t.Fatal(err)
		}
		words := "On 2026-11-24 it was found that one event may change a period&#39;s counts by 4, not 2: releases charged until then count four times what was charged."
		guarantee := "if it changes the counts of a period by at most 4, in at most 3 periods; restated on 2026-11-24"
		for file, wants := range map[string][]string{
			"README.md":             {guarantee, strings.ReplaceAll(words, "&#39;", "'"), "changes the counts of a period by at most 4 in all"},
			"privacy-label.json":    {guarantee, strings.ReplaceAll(words, "&#39;", "'"), `"M": 4`, `"P": 3`, `"M_was": 2`},
			"datapackage.json":      {guarantee},
			"data/national.parquet": {guarantee},
			"report/index.html":     {words, "counts of a period by at most 4 and is counted in at most 3 periods", "4 a period (M), 3 periods (P)"},
		} {
			for _, want := range wants {
				if !strings.Contains(string(files[file]), want) {
					t.Errorf("%s: %s does not say %q", name, file, want)
				}
			}
		}
		label := string(files["privacy-label.json"])
		if new := name == "a new one, too"; new != strings.Contains(label, `"approved_by": 2`) || strings.Contains(label, "Ada") {
			t.Errorf("%s: the label says otherwise how many approved", name)
		}
		if !strings.Contains(label, `"counts": {`) {
			t.Errorf("%s: the label does not say what the first release counts", name)
		}
	}
}
