package pipeline

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"halftone/privacy"
)

const planned = `privacy: {budget: {person: {epsilon: 1, delta: 1e-6}}, mechanism: planner, revisions: [2 months, 6 months], first_share: 60%}
`

// Revisions come on their declared days, count the rows that there are then, and
// never cost more than was kept for them. A day that had passed when the edition
// before it was sealed is lost.
func TestRevisions(t *testing.T) {
	l, clock := made(t, strings.Replace(base, "privacy: {budget: {person: {epsilon: 1}}}\n", planned, 1),
		map[string]string{"data.csv": "month,place,cases\n2026-01,N,500\n2026-02,S,600\n2026-03,N,700\n"})
	for _, step := range []struct{ at, released, provisional string }{
		{"2026-02-11 00:00", "2026-01", "true"},
		{"2026-03-31 23:59", "2026-02", "true true"},
		{"2026-04-01 00:00", "2026-01.2", "true true"},
		{"2026-04-15 00:00", "2026-03", "true true true"},
		// Both of 2026-02's days have passed when the line runs again: its second
		// edition is made, and the third, whose day is the same run's, is lost.
		{"2026-09-01 00:00", "2026-01.3 2026-02.2 2026-03.2 2026-04 2026-05 2026-06 2026-07", "false false true true true true true"},
		{"2026-09-02 00:00", "", "false false true true true true true"},
		{"2026-10-02 00:00", "2026-03.3 2026-07.2", ""},
	} {
		clock.set(t, step.at)
		res, err := l.Run(t.Context(), RunOptions{})
		if err != nil {
			t.Fatal(step.at, err)
		}
		if got := periods(res.Released); !strings.HasPrefix(got, step.released) || step.provisional != "" && got != step.released {
			t.Errorf("%s: released %q, want %q", step.at, got, step.released)
		}
		if step.at == "2026-03-31 23:59" && (res.Revision == nil || res.Revision.Key.String() != "made-up@2026-01.2" || res.Revision.At.Format("2006-01-02") != "2026-04-01") {
			t.Errorf("next revision %+v", res.Revision)
		}
		for _, p := range res.Account.Periods {
			if p.Spent > l.Dataset.Spec.Terms().Cap() {
				t.Errorf("%s: %s cost %d", step.at, p.Period, p.Spent)
			}
		}
		if got := strings.Join(provisional(t, l), " "); step.provisional != "" && got != step.provisional {
			t.Errorf("%s: provisional %s, want %s", step.at, got, step.provisional)
		}
	}
	want := l.Dataset.Spec.Shares()
	if cap := l.Dataset.Spec.Terms().Cap(); want[0] != cap*6/10 || want[1] != (cap-want[0])/2 || len(want) != 3 {
		t.Errorf("shares %v of %d", want, cap)
	}
}

// provisional is a column of releases.csv of the newest version.
func provisional(t *testing.T, l Line) (out []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(l.Public, "datasets", "made-up", "latest", "releases.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n")[1:] {
		out = append(out, strings.Split(line, ",")[2])
	}
	return out
}

// `auto` is resolved at the first charge. Later tables that the other mechanism
// would be better for do not change it.
func TestAutoIsResolvedOnce(t *testing.T) {
	auto := strings.Replace(base, "{epsilon: 1}", "{epsilon: 1, delta: 1e-6}", 1)
	l, clock := made(t, auto, map[string]string{"data.csv": "month,place,cases\n2026-01,N,500\n2026-02,S,600\n"})
	if m := l.Dataset.Spec.Mechanism; m != privacy.LaplaceMechanism {
		t.Fatalf("two tables: auto takes %s", m)
	}
	clock.set(t, "2026-02-11 00:00")
	if _, err := l.Run(t.Context(), RunOptions{}); err != nil {
		t.Fatal(err)
	}
	more := auto
	for _, d := range []string{"a", "b", "c"} {
		more = strings.Replace(more, "dimensions: {", "dimensions: {"+d+": places.csv, ", 1)
		more = strings.Replace(more, "place: place, value", d+": {const: N}, place: place, value", 1)
		more = strings.Replace(more, "tables:\n", "tables:\n  by-"+d+": {"+d+": place}\n  by-place-"+d+": {place: place, "+d+": place}\n", 1)
	}
	if err := os.WriteFile(filepath.Join(l.Data, "halftone.yaml"), []byte(more), 0o600); err != nil {
		t.Fatal(err)
	}
	l = reload(t, l)
	if m := l.Dataset.Spec.Mechanism; m != privacy.PlannerMechanism {
		t.Fatalf("eight tables: auto takes %s", m)
	}
	clock.set(t, "2026-03-11 00:00")
	f, err := l.Forecast(t.Context())
	if err != nil || f.Plan.Mechanism != privacy.LaplaceMechanism || f.Other == nil || f.Other.Mechanism != privacy.PlannerMechanism {
		t.Fatalf("forecast %+v, %v", f.Plan.Mechanism, err)
	}
	res, err := l.Run(t.Context(), RunOptions{})
	if err != nil || periods(res.Released) != "2026-02" || res.Spec.Mechanism != privacy.LaplaceMechanism {
		t.Errorf("released %q with %s, %v", periods(res.Released), res.Spec.Mechanism, err)
	}
}

// A suppression rule at the source costs accuracy, and plan says how much.
func TestRules(t *testing.T) {
	s := privacy.Spec{Overlap: 1, Sources: []privacy.Source{{Name: "a", PerPeriod: 1, Sensitivity: 3}, {Name: "b", PerPeriod: 1, Sensitivity: 1}}}
	if got := rules(s); len(got) != 1 || got[0] != (Rule{"a", 3, 3}) {
		t.Errorf("%+v", got)
	}
	s.Overlap = 2 // 3+1 against 1+1
	if got := rules(s); len(got) != 1 || got[0] != (Rule{"a", 3, 2}) {
		t.Errorf("%+v", got)
	}
	if s.Sources[0].Sensitivity != 3 {
		t.Error("the spec was changed")
	}
}

// change edits the configuration of a project that has releases.
func change(t *testing.T, l Line, pairs ...string) Line {
	t.Helper()
	file := filepath.Join(l.Data, "halftone.yaml")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for i := 0; i < len(pairs); i += 2 {
		if strings.Count(text, pairs[i]) != 1 {
			t.Fatalf("%q stands %d times", pairs[i], strings.Count(text, pairs[i]))
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return reload(t, l)
}

// A new series is no new promise: costs of all series add up to one person's, so
// neither the unit nor a larger M may come with it.
func TestSeriesKeepsThePromise(t *testing.T) {
	l, clock := made(t, strings.Replace(base, "privacy: {budget: {person: {epsilon: 1}}}\n", planned, 1),
		map[string]string{"data.csv": "month,place,cases\n2026-01,N,500\n2026-02,S,600\n"})
	clock.set(t, "2026-02-11 00:00")
	if _, err := l.Run(t.Context(), RunOptions{}); err != nil {
		t.Fatal(err)
	}
	clock.set(t, "2026-03-11 00:00")
	for what, pairs := range map[string][]string{
		"unit":          {"unit: case", "unit: person", "counts: cases\n", "counts: cases\nseries: 2\n"},
		"contributions": {"per_period: 1", "per_period: 3", "counts: cases\n", "counts: cases\nseries: 2\n"},
	} {
		t.Run(what, func(t *testing.T) {
			back := make([]string, len(pairs))
			for i := 0; i < len(pairs); i += 2 {
				back[i], back[i+1] = pairs[i+1], pairs[i]
			}
			defer change(t, l, back...)
			res, err := change(t, l, pairs...).Run(t.Context(), RunOptions{})
			if ExitCode(err) != 3 || len(res.Released) > 0 {
				t.Errorf("released %q, %v", periods(res.Released), err)
			}
		})
	}
}

// Periods of another length, in a new series, add up with the old ones a month, in
// the ledger and in what is published.
func TestSeriesOfAnotherLength(t *testing.T) {
	yaml := strings.Replace(base, "privacy: {budget: {person: {epsilon: 1}}}\n", planned, 1)
	l, clock := made(t, strings.Replace(yaml, "first_share: 60%", "first_share: 30%", 1),
		map[string]string{"data.csv": "month,place,cases\n2026-01,N,500\n2026-02,S,600\n2026-03,S,600\n"})
	clock.set(t, "2026-02-11 00:00")
	if _, err := l.Run(t.Context(), RunOptions{}); err != nil {
		t.Fatal(err)
	}
	clock.set(t, "2026-04-20 00:00")
	l = change(t, l, "every: month, from: 2026-01", "every: quarter, from: 2026-Q1")
	if err := os.WriteFile(filepath.Join(l.Data, "data.csv"), []byte("month,place,cases\n2026-Q1,N,500\n2026-Q1,S,1200\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Locked(func() error {
		_, err := l.Pull(t.Context(), PullOptions{Sources: []string{"feed"}, Accept: "quarters now"})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if res, err := l.Run(t.Context(), RunOptions{}); ExitCode(err) != 3 || len(res.Released) > 0 {
		t.Errorf("quarters in a series of months: released %q, %v", periods(res.Released), err)
	}
	l = change(t, l, "counts: cases\n", "counts: cases\nseries: 2\n")
	res, err := l.Run(t.Context(), RunOptions{})
	if err != nil || res.State != StatePublished {
		t.Fatal(res.State, err)
	}
	if want := 2 * l.Dataset.Spec.Shares()[0]; res.Account.PersonCost != want {
		t.Errorf("a person costs %d, want %d: one month is in both", res.Account.PersonCost, want)
	}
}

// A revision that is planned when its period has nothing left is left out, and keeps
// no later period from its turn.
func TestRevisionWithoutRoom(t *testing.T) {
	l, clock := made(t, strings.Replace(base, "{epsilon: 1}}}", "{epsilon: 1, delta: 1e-6}}, mechanism: planner}", 1),
		map[string]string{"data.csv": "month,place,cases\n2026-01,N,500\n2026-02,S,600\n2026-03,S,600\n"})
	clock.set(t, "2026-02-11 00:00")
	if _, err := l.Run(t.Context(), RunOptions{}); err != nil {
		t.Fatal(err)
	}
	l = change(t, l, "mechanism: planner}", "mechanism: planner, revisions: [40 days]}")
	clock.set(t, "2026-03-20 00:00")
	res, err := l.Run(t.Context(), RunOptions{})
	if err != nil || periods(res.Released) != "2026-02" || len(res.NoRoom) != 1 || res.NoRoom[0].String() != "made-up@2026-01.2" {
		t.Errorf("released %q, no room for %v, %v", periods(res.Released), res.NoRoom, err)
	}
	res, err = l.Run(t.Context(), RunOptions{})
	if err != nil || res.State != StateNothingDue || len(res.NoRoom) != 1 {
		t.Errorf("nothing but a revision without room is due: %s, %v", res.State, err)
	}
}
