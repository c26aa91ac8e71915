package outputs_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"halftone/outputs"
	"halftone/outputs/compose/composetest"
	"halftone/privacy"
)

// years is a world of four released years, wide enough for more.
func years(t testing.TB) *composetest.World {
	t.Helper()
	w := composetest.New()
	w.Spec.Sources[0].Periods, w.Spec.Budget.NanoEpsilon = 4, 40e9
	for i, p := range []string{"2018", "2019", "2020", "2021"} {
		w.Release(t, p, 1, int64(i)+1)
	}
	w.Day = w.Day.AddDate(0, 0, 1)
	return w
}

func slots(t *testing.T, v outputs.Version) string {
	t.Helper()
	ss, err := v.Slots()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range ss {
		mark := ""
		if s.Withdrawn != nil {
			mark = "-" + s.Withdrawn.Key.String()[len("test-offences@2018"):]
		} else if k, err := v.Releases[s.Release].Release.Key(); err != nil || k.Period != s.Period {
			t.Errorf("slot %s has the release %s, %v", s.Period, k, err)
		}
		out = append(out, s.Period.String()+mark)
	}
	return strings.Join(out, " ")
}

// Which periods are shown without numbers.
func TestWithdrawn(t *testing.T) {
	for name, tc := range map[string]struct {
		make func(w *composetest.World)
		want string
	}{
		"none":   {func(*composetest.World) {}, "2018 2019 2020 2021"},
		"middle": {func(w *composetest.World) { w.Withdraw(t, "2019", 1, "mapping_error") }, "2018 2019-.1 2020 2021"},
		"ends": {func(w *composetest.World) {
			w.Withdraw(t, "2021", 1, "mapping_error")
			w.Withdraw(t, "2018", 1, "data_protection")
		}, "2018-.1 2019 2020 2021-.1"},
		"an older edition": {func(w *composetest.World) {
			w.Release(t, "2019", 2, 1)
			w.Withdraw(t, "2019", 1, "mapping_error")
		}, "2018 2019 2020 2021"},
		"the newest edition": {func(w *composetest.World) {
			w.Release(t, "2019", 2, 1)
			w.Withdraw(t, "2019", 2, "mapping_error")
		}, "2018 2019-.2 2020 2021"},
		"released again": {func(w *composetest.World) {
			w.Withdraw(t, "2019", 1, "source_corrected")
			w.Release(t, "2019", 2, 1)
		}, "2018 2019 2020 2021"},
		"another dataset's": {func(w *composetest.World) {
			w.Withdraw(t, "2019", 1, "source_corrected")
			w.Links[len(w.Links)-1].Entry = nil
			w.Release(t, "2019", 2, 1)
		}, "2018 2019 2020 2021"},
	} {
		w := years(t)
		tc.make(w)
		if got := slots(t, w.Version(t, "2026.11-1", 1)); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

func TestWithdrawnRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(w *composetest.World) outputs.Version
		want  string
	}{
		"shown all the same": {func(w *composetest.World) outputs.Version {
			v := w.Version(t, "2026.11-1", 1)
			w.Withdraw(t, "2019", 1, "mapping_error")
			v.Ledger = w.Links
			return v
		}, "is withdrawn and cannot be shown"},
		"an older one put back": {func(w *composetest.World) outputs.Version {
			old := w.Version(t, "2026.11-1", 1)
			w.Release(t, "2019", 2, 1)
			w.Withdraw(t, "2019", 2, "mapping_error")
			old.Ledger = w.Links
			return old
		}, "cannot take its place"},
		"a reason of one's own": {func(w *composetest.World) outputs.Version {
			w.Withdraw(t, "2019", 1, "the count of Springfield was 3")
			return w.Version(t, "2026.11-1", 1)
		}, "no reason that there is"},
		"never sealed": {func(w *composetest.World) outputs.Version {
			w.Withdraw(t, "2023", 1, "mapping_error")
			return w.Version(t, "2026.11-1", 1)
		}, "nothing to withdraw"},
	} {
		if _, err := tc.spoil(years(t)).Slots(); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

// A withdrawn period has all its rows, in their place, and not one number.
func TestWithdrawnRows(t *testing.T) {
	w := years(t)
	full, err := w.Version(t, "2026.11-1", 1).Tables()
	if err != nil {
		t.Fatal(err)
	}
	w.Withdraw(t, "2019", 1, "mapping_error")
	tables, err := w.Version(t, "2026.11-2", 2).Tables()
	if err != nil {
		t.Fatal(err)
	}
	for i, tb := range tables {
		f := full[i]
		if !slices.Equal(tb.Period, f.Period) || !slices.Equal(tb.Edition, f.Edition) || !slices.EqualFunc(tb.Codes, f.Codes, slices.Equal) {
			t.Errorf("%s: other rows than before", tb.Name)
		}
		for r := range tb.Period {
			gone := tb.Period[r].String() == "2019"
			if gone != (tb.Status[r] == outputs.Withdrawn) {
				t.Errorf("%s row %d: %s", tb.Name, r, tb.Status[r])
			}
			if gone && (tb.Cell[r] != -1 || tb.Value[r] != 0 || tb.Low[r] != 0 || tb.High[r] != 0 || tb.Estimate[r] != 0 || tb.SD[r] != 0) {
				t.Errorf("%s row %d has numbers", tb.Name, r)
			}
			if !gone && (tb.Value[r] != f.Value[r] || tb.Estimate[r] != f.Estimate[r]) {
				t.Errorf("%s row %d: other numbers than before", tb.Name, r)
			}
		}
	}
}

func TestNewest(t *testing.T) {
	w := years(t)
	for _, gone := range []string{"", "2021", "2020"} {
		if gone != "" {
			w.Withdraw(t, gone, 1, "mapping_error")
		}
		tables, err := w.Version(t, "2026.11-1", 1).Tables()
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"": "2021", "2021": "2020", "2020": "2019"}[gone]
		for _, tb := range tables {
			from, end := tb.Newest()
			if tb.Period[from].String() != want || tb.Period[end-1].String() != want || end-from != tb.Rows()/4 {
				t.Errorf("%s without %q: rows %d to %d, of %s", tb.Name, gone, from, end, tb.Period[from])
			}
		}
	}
	if from, end := (outputs.Table{}).Newest(); from != 0 || end != 0 {
		t.Error("an empty table has a newest row")
	}
}

func TestWithdrawnInWords(t *testing.T) {
	w := years(t)
	w.Withdraw(t, "2018", 1, "data_protection")
	w.Withdraw(t, "2019", 1, "data_protection")
	w.Withdraw(t, "2020", 1, "data_protection")
	w.Day = w.Day.AddDate(0, 1, 0)
	w.Release(t, "2022", 1, 1)
	w.Withdraw(t, "2021", 1, "software_error")
	ws, err := w.Version(t, "2026.12-1", 2).Withdrawn()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"2018, 2019 and 2020 were withdrawn on 2026-11-24: data protection. Their figures are not to be used.",
		"2021 was withdrawn on 2026-12-24: an error in the software. Its figures are not to be used."}
	if got := outputs.WithdrawnInWords(ws, privacy.Period.String); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if ws[0].Released != time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC) || ws[0].Cost.NanoEpsilon != 5e9 || len(ws[0].Sealed) != 64 {
		t.Errorf("%+v", ws[0])
	}
}

// Every reason of a closed list has words, and no other has.
func TestReasonsHaveWords(t *testing.T) {
	for _, kind := range []string{privacy.EntryWithdraw, privacy.EntryAmend, privacy.EntryRevise} {
		for _, r := range privacy.Reasons(kind) {
			if outputs.ReasonInWords(r) == "" {
				t.Errorf("%s: no words", r)
			}
		}
	}
	if outputs.ReasonInWords("x") != "" {
		t.Error("words for a reason that there is not")
	}
}

func TestBound(t *testing.T) {
	type amend struct{ was, now int64 }
	for name, tc := range map[string]struct {
		first, later int64   // M of the releases before and after the amendments; 0: none after
		amends       []amend // in order, before the later release
		p            int64   // 0: it stays
		want         int64
		fails        bool
	}{
		"none":                      {2, 0, nil, 0, 2, false},
		"found to be 4":             {2, 0, []amend{{2, 4}}, 0, 4, false},
		"and released for 4":        {2, 4, []amend{{2, 4}}, 0, 4, false},
		"and released for 6":        {2, 6, []amend{{2, 4}}, 0, 6, false},
		"released for less since":   {2, 3, []amend{{2, 4}}, 0, 3, false},
		"made for more than stated": {5, 0, []amend{{2, 4}}, 0, 5, false},
		"twice":                     {2, 0, []amend{{2, 4}, {4, 6}}, 0, 6, false},
		"made for less":             {2, 0, []amend{{3, 4}}, 0, 0, true},
		"twice, with a gap":         {2, 0, []amend{{2, 4}, {5, 6}}, 0, 0, true},
		"periods only":              {2, 0, []amend{{0, 0}}, 5, 2, false},
	} {
		w := composetest.New()
		w.Spec.Budget.NanoEpsilon, w.Spec.Sources[0].PerPeriod = 100e9, tc.first
		w.Release(t, "2018", 1, 1)
		wantP := int64(2)
		if tc.p > 0 {
			w.Spec.Sources[0].Periods, wantP = tc.p, tc.p
		}
		for _, a := range tc.amends {
			w.Amend(t, a.was, a.now, "bound_corrected")
		}
		if tc.later > 0 {
			w.Spec.Sources[0].PerPeriod = tc.later
			w.Release(t, "2019", 1, 1)
		}
		b, err := w.Version(t, "2026.11-1", 1).Bound()
		if (err != nil) != tc.fails || err == nil && b != (privacy.Bound{PerPeriod: tc.want, Periods: wantP}) {
			t.Errorf("%s: %+v, %v; want %d", name, b, err, tc.want)
		}
	}
}

func TestAmendmentInWords(t *testing.T) {
	rho := privacy.Terms{Unit: privacy.RhoNano, Budget: 100e6, Periods: 2}
	eps := privacy.Terms{Unit: privacy.EpsilonNano, Budget: 1e9, Periods: 2}
	more := eps
	more.Budget, more.Periods = 2e9, 3
	shared := eps
	shared.Population.Name = "region"
	day := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	for want, a := range map[string]outputs.Amendment{
		"On 2026-11-24 it was found that one person may change a period's counts by 4, not 2: releases charged until then count four times what was charged.": {Was: rho, Now: rho, BoundWas: 2, BoundNow: 4},
		"On 2026-11-24 it was found that one person may change a period's counts by 4, not 2: releases charged until then count twice what was charged.":      {Was: eps, Now: eps, BoundWas: 2, BoundNow: 4},
		"On 2026-11-24 it was found that one person may change a period's counts by 4, not 3: releases charged until then count 1.78 times what was charged.": {Was: rho, Now: rho, BoundWas: 3, BoundNow: 4},
		"On 2026-11-24 it was found that one person may change a period's counts by 10, not 1: releases charged until then count 10 times what was charged.":  {Was: eps, Now: eps, BoundWas: 1, BoundNow: 10},
		"On 2026-11-24 it was found that one person may be in 3 periods, not 2. On 2026-11-24 the budget of one person was raised from epsilon 1 to 2.":       {Was: eps, Now: more},
		"On 2026-11-24 the population region, with which costs add up, was declared or its cap was raised.":                                                   {Was: eps, Now: shared},
	} {
		a.Day = day
		if got := a.InWords("person"); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
