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

// amended is a version of two years, whose bound was found to be 4 and not 2 before
// the second was released; its budget was raised too.
func amended(t testing.TB, mechanism string, budget uint64) outputs.Files {
	t.Helper()
	w := composetest.New()
	w.Spec.Mechanism, w.Spec.Budget.NanoRho, w.Spec.Budget.NanoEpsilon = mechanism, 100e6, 4e9
	w.Release(t, "2018", 1, 1)
	w.Day = w.Day.AddDate(0, 0, 1)
	w.Spec.Sources[0].PerPeriod, w.About.Sources[0].PerPeriod = 4, 4
	w.Spec.Budget.NanoRho *= budget
	w.Spec.Budget.NanoEpsilon *= budget
	w.Amend(t, 2, 4, "bound_corrected")
	w.Release(t, "2019", 1, 1)
	files, err := compose.Version(w.Version(t, "2026.11-2", 2))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Costs are checked as they were charged, and what was spent as it was restated.
func TestAmended(t *testing.T) {
	t.Parallel()
	for _, mechanism := range []string{privacy.LaplaceMechanism, privacy.PlannerMechanism} {
		r, err := verify.FS(t.Context(), amended(t, mechanism, 10), verify.By(tool))
		wantOK(t, mechanism, r, err)
		// Half a year's share was charged for 2: 1 or 0.025; for 4 it counts twice or four
		// times that. Then ten times as much.
		want := map[string]privacy.Cost{privacy.LaplaceMechanism: {NanoEpsilon: 2e9 + 10e9}, privacy.PlannerMechanism: {NanoRho: 100e6 + 250e6}}[mechanism]
		if s := r.Spent; s.Cost != want || s.M != 4 || s.P != 2 {
			t.Errorf("%s: spent %+v, want %+v", mechanism, s, want)
		}
		if d := check(r, "privacy").Detail; !strings.HasSuffix(d, "; within the budget") {
			t.Errorf("%s: %s", mechanism, d)
		}
	}
}

// A promise that was restated beyond the budget is said, and is no difference: each
// charge was within it when it was made.
func TestRestatedBeyondTheBudget(t *testing.T) {
	t.Parallel()
	w := composetest.New()
	w.Spec.Mechanism, w.Spec.Budget.NanoRho = privacy.PlannerMechanism, 100e6
	w.Release(t, "2018", 1, 1)
	w.Release(t, "2019", 1, 1)
	w.Release(t, "2018", 2, 1)
	w.Spec.Sources[0].PerPeriod, w.About.Sources[0].PerPeriod = 4, 4
	w.Amend(t, 2, 4, "bound_corrected")
	files, err := compose.Version(w.Version(t, "2026.11-2", 2))
	if err != nil {
		t.Fatal(err)
	}
	r, err := verify.FS(t.Context(), files, verify.By(tool))
	wantOK(t, "restated", r, err)
	if d := check(r, "privacy").Detail; !strings.Contains(d, "more than it since the promise was restated") || r.Spent.NanoRho != 300e6 {
		t.Errorf("%s, %+v", d, r.Spent)
	}
}

// A release that was made for fewer periods than the terms now have is as it was charged.
func TestAmendedPeriods(t *testing.T) {
	t.Parallel()
	w := composetest.New()
	w.Release(t, "2018", 1, 1)
	w.Spec.Sources[0].Periods, w.About.Sources[0].Periods, w.Spec.Budget.NanoEpsilon = 3, 3, 40e9
	w.Amend(t, 0, 0, "bound_corrected")
	w.Release(t, "2019", 1, 1)
	files, err := compose.Version(w.Version(t, "2026.11-2", 2))
	if err != nil {
		t.Fatal(err)
	}
	r, err := verify.FS(t.Context(), files, verify.By(tool))
	wantOK(t, "periods", r, err)
	if r.Spent.P != 3 || r.Spent.M != 2 {
		t.Errorf("%+v", r.Spent)
	}
	relink(t, files, func(e *privacy.Entry) { // as if the first had been charged on the new terms
		if e.Kind == privacy.EntryCharge && e.Period.String() == "2018" {
			e.Terms.Periods, e.Terms.Budget = 3, 40e9
		}
	})
	if f, d := failed(t, files); !slices.Contains(f, "privacy") || !strings.Contains(d, "terms of the ledger do not agree") {
		t.Errorf("failed %v\n%s", f, d)
	}
}

func TestAmendedLies(t *testing.T) {
	t.Parallel()
	amendment := func(change func(e *privacy.Entry)) func(t *testing.T, f outputs.Files) {
		return func(t *testing.T, f outputs.Files) {
			relink(t, f, func(e *privacy.Entry) {
				if e.Kind == privacy.EntryAmend {
					change(e)
				}
			})
		}
	}
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, f outputs.Files)
		check string
		want  string
	}{
		"for more than the release was made for": {amendment(func(e *privacy.Entry) { e.BoundWas = 3 }), "privacy", "was made for a bound of 2, and an amendment says 3"},
		"for less":                               {amendment(func(e *privacy.Entry) { e.BoundNow = 3 }), "privacy", "differs"},
		"a smaller budget":                       {amendment(func(e *privacy.Entry) { e.Terms.Budget = 1 }), "releases", "smaller than it was made"},
		"never made": {amendment(func(e *privacy.Entry) {
			*e = privacy.Entry{Day: e.Day, Kind: privacy.EntryUnlock, By: e.By}
		}), "releases", "other terms than the first, as amended"},
		"for a reason of one's own": {amendment(func(e *privacy.Entry) { e.Reason = "see Springfield" }), "releases", "no reason that there is"},
		"M in the label":            {func(t *testing.T, f outputs.Files) { replace(t, f, "privacy-label.json", `"M": 4`, `"M": 2`) }, "privacy", "privacy-label.json"},
		"said less": {func(t *testing.T, f outputs.Files) {
			replace(t, f, "privacy-label.json", "count four times", "count twice")
		}, "privacy", "privacy-label.json differs"},
		"guarantee of the tables": {func(t *testing.T, f outputs.Files) {
			name := "data/national.parquet"
			f[name] = []byte(strings.Replace(string(f[name]), "by at most 4", "by at most 2", 1))
		}, "numbers", "national.parquet: the footer differs"},
	} {
		t.Run(name, func(t *testing.T) {
			files := amended(t, privacy.PlannerMechanism, 10)
			tc.spoil(t, files)
			forge(t, files, func(m *describe.Manifest) {})
			if f, d := failed(t, files); !slices.Contains(f, tc.check) || !strings.Contains(d, tc.want) {
				t.Errorf("failed %v\n%swant %s: %q", f, d, tc.check, tc.want)
			}
		})
	}
}
