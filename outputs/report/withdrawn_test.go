package report_test

import (
	"regexp"
	"strings"
	"testing"

	"halftone/outputs"
	"halftone/outputs/claims/claimstest"
)

// A report never shows a figure of a withdrawn period, says that it is withdrawn on
// the first screen, in the tables and in the list of releases, and leads with the
// newest period that is shown.
func TestWithdrawnPeriods(t *testing.T) {
	t.Parallel()
	us := func() outputs.Version { return claimstest.USOffences(t) }
	wide := us()
	wide.About.Lead = "by-state"
	months := monthly(t)
	for name, tc := range map[string]struct {
		v    outputs.Version
		gone []string
		want []string
		not  []string
	}{
		"middle": {us(), []string{"2017"}, []string{"2017 was withdrawn on 2026-11-24: an error in the mapping. Its figures are not to be used.",
			"US police (FBI) recorded more offences in 2019", "Dotted box: withdrawn.", "2017–withdrawn", "2017: Withdrawn on 2026-11-24: an error in the mapping.", "7 shown and 1 withdrawn"}, nil},
		"newest": {us(), []string{"2020"}, []string{"2020 is withdrawn. · ", "offences recorded in 2019 (", "cells, 2019", "2020–withdrawn"},
			[]string{"recorded in 2020", "cells, 2020", " in 2020 ("}},
		"newest, wide": {wide, []string{"2020", "2019"}, []string{"2019 and 2020 were withdrawn", "cells, 2018"}, []string{"cells, 2020", "recorded in 2019"}},
		"one left":     {claimstest.Series(t, "2020", 400, 900), []string{"2021"}, []string{"Agency A recorded 400 cases in 2020. 2021 is withdrawn.", "400 cases recorded in 2020 (394 to 406)."}, []string{"900"}},
		"first":        {us(), []string{"2013"}, []string{"2013 was withdrawn", "2013–withdrawn"}, nil},
		"months":       {months, []string{"2026-11", "2025-12"}, []string{"December 2025 and November 2026 were withdrawn", "November 2026 is withdrawn."}, []string{"recorded in November 2026"}},
	} {
		t.Run(name, func(t *testing.T) {
			html := write(t, claimstest.Withdraw(t, tc.v, "mapping_error", tc.gone...))
			read(t, html) // is well-formed
			text := visible(html)
			for _, want := range tc.want {
				if !strings.Contains(text, want) {
					t.Errorf("the page does not say %q", want)
				}
			}
			for _, not := range tc.not {
				if strings.Contains(text, not) {
					t.Errorf("the page says %q", not)
				}
			}
			if bad := claimstest.Forbidden(text); bad != "" {
				t.Errorf("the page says %q", bad)
			}
		})
	}
}

// A withdrawn period has one dotted box a source, and no point in any chart.
func TestWithdrawnIsAGap(t *testing.T) {
	points := regexp.MustCompile(`class="mark( faint)?"`)
	whole := claimstest.Series(t, "2018", 400, 900, 1500, 2100)
	all := len(points.FindAllString(write(t, whole), -1))
	html := write(t, claimstest.Withdraw(t, whole, "mapping_error", "2019"))
	if n := len(points.FindAllString(html, -1)); n == 0 || n*4 != all*3 {
		t.Errorf("%d points of %d, want those of 3 years of 4", n, all)
	}
	if n := strings.Count(html, "stroke-dasharray="); n != 2*len(whole.About.Sources) { // drawn wide and narrow
		t.Errorf("%d dotted boxes", n)
	}
	if strings.Contains(write(t, whole), "stroke-dasharray=") {
		t.Error("a dotted box where nothing is withdrawn")
	}
}
