package describe_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"halftone/outputs/compose/composetest"
	"halftone/outputs/describe"
	"halftone/privacy"
	"halftone/privacy/ledger"
)

func period(t testing.TB, s string) privacy.Period {
	t.Helper()
	p, err := privacy.ParsePeriod(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Whatever people and runs do to a ledger, its export adds up to the account that
// the ledger itself keeps.
func TestAccountIsTheLedgers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		l := ledger.NewMem(func() time.Time { return time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC) })
		unit := rapid.SampledFrom([]string{privacy.RhoNano, privacy.EpsilonNano}).Draw(t, "unit")
		terms := privacy.Terms{Unit: unit, Mechanism: "m", Budget: rapid.Uint64Range(10, 200).Draw(t, "budget"), Periods: rapid.Int64Range(1, 3).Draw(t, "P")}
		bound := int64(1)
		names := []string{"2017-01", "2017-Q1", "2017", "2018", "2019", "2017-2018"}
		did := 0
		for range rapid.IntRange(1, 14).Draw(t, "steps") {
			p, err := privacy.ParsePeriod(rapid.SampledFrom(names).Draw(t, "period"))
			if err != nil {
				t.Fatal(err)
			}
			k := privacy.Key{Dataset: "d", Series: 1, Period: p, Edition: rapid.IntRange(1, 2).Draw(t, "edition")}
			var done error
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0, 1:
				c := privacy.Charge{Key: k, Cost: rapid.Uint64Range(1, 40).Draw(t, "cost"), Terms: terms, SpecDigest: "s", InputDigest: "i"}
				if done = l.Reserve(ctx, c); done == nil {
					done = l.Seal(ctx, k, []byte(k.String()))
				}
			case 2:
				done = l.Withdraw(ctx, k, []string{"Ada"}, "mapping_error")
			case 3:
				done = l.GiveUp(ctx, k, []string{"Ada"}, "lost")
			case 4:
				now := bound + rapid.Int64Range(1, 3).Draw(t, "more")
				if done = l.Amend(ctx, ledger.Amendment{Dataset: "d", Terms: terms, BoundWas: bound, BoundNow: now, By: []string{"Ada", "Ben"}, Reason: "bound_corrected"}); done == nil {
					bound = now
				}
			case 5:
				more := terms
				more.Budget += rapid.Uint64Range(1, 50).Draw(t, "raise")
				more.Periods += rapid.Int64Range(0, 1).Draw(t, "periods")
				if done = l.Amend(ctx, ledger.Amendment{Dataset: "d", Terms: more, By: []string{"Ada", "Ben"}, Reason: "budget_raised"}); done == nil {
					terms = more
				}
			}
			if done == nil {
				did++
			}
		}
		links, err := l.Links(ctx, "d")
		if err != nil {
			t.Fatal(err)
		}
		want, err := l.Account(ctx, "d")
		if err != nil {
			t.Fatal(err)
		}
		got, err := describe.NewAccount("d", links)
		if want.Terms == (privacy.Terms{}) { // nothing was charged
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if got.Person != want.PersonCost || got.Terms != want.Terms || len(got.Over) > 0 || len(got.Periods) != len(want.Periods) {
			t.Fatalf("after %d entries: person %d, terms %+v, over %v; the ledger has %d, %+v", did, got.Person, got.Terms, got.Over, want.PersonCost, want.Terms)
		}
		for _, w := range want.Periods {
			for _, g := range got.Periods {
				if g.Period == w.Period && (g.Nano != w.Spent+w.Reserved+w.Burnt || g.Editions != w.Editions) {
					t.Fatalf("period %s: %+v; the ledger has %+v", g.Period, g, w)
				}
			}
		}
	})
}

func TestAccountOfAmendments(t *testing.T) {
	rho := privacy.Terms{Unit: privacy.RhoNano, Mechanism: "m", Budget: 100, Periods: 2}
	entry := func(kind string, year string, edition int, cost uint64, terms privacy.Terms) privacy.Entry {
		e := privacy.Entry{Kind: kind, Dataset: "d", Cost: cost, Terms: &terms}
		if year != "" {
			p := period(t, year)
			e.Series, e.Period, e.Edition = 1, &p, edition
		}
		return e
	}
	amend := func(was, now int64, terms privacy.Terms, reason string) privacy.Entry {
		e := entry(privacy.EntryAmend, "", 0, 0, terms)
		e.BoundWas, e.BoundNow, e.Reason = was, now, reason
		return e
	}
	more, less, other := rho, rho, rho
	more.Budget, more.Periods = 200, 3
	less.Budget = 50
	other.Unit = privacy.EpsilonNano
	charge := func(year string, edition int, cost uint64, terms privacy.Terms) privacy.Entry {
		return entry(privacy.EntryCharge, year, edition, cost, terms)
	}
	for name, tc := range map[string]struct {
		entries []privacy.Entry
		want    uint64
		over    int
		fails   string
	}{
		"restated":          {[]privacy.Entry{charge("2018", 1, 10, rho), amend(2, 4, rho, "bound_corrected")}, 40, 0, ""},
		"not what is later": {[]privacy.Entry{charge("2018", 1, 10, rho), amend(2, 4, rho, "bound_corrected"), charge("2018", 2, 7, rho)}, 47, 0, ""},
		"more periods":      {[]privacy.Entry{charge("2018", 1, 10, rho), charge("2019", 1, 9, rho), charge("2020", 1, 8, rho), amend(0, 0, more, "budget_raised")}, 27, 0, ""},
		"a burn, too":       {[]privacy.Entry{charge("2018", 1, 10, rho), entry(privacy.EntryBurn, "2019", 1, 5, rho), amend(1, 2, rho, "bound_corrected")}, 60, 0, ""},
		"more than the cap": {[]privacy.Entry{charge("2018", 1, 50, rho), amend(1, 2, rho, "bound_corrected")}, 200, 0, ""},
		"and then charged":  {[]privacy.Entry{charge("2018", 1, 50, rho), amend(1, 2, rho, "bound_corrected"), charge("2018", 2, 1, rho)}, 201, 1, ""},
		"over the cap":      {[]privacy.Entry{charge("2018", 1, 51, rho)}, 51, 1, ""},
		"over, overlapping": {[]privacy.Entry{charge("2018", 1, 30, rho), charge("2018-Q1", 1, 30, rho)}, 90, 1, ""},
		"beside each other": {[]privacy.Entry{charge("2018", 1, 30, rho), charge("2019-Q1", 1, 30, rho)}, 60, 0, ""},
		"too large":         {[]privacy.Entry{charge("2018", 1, 1<<63, rho), amend(1, 1<<31, rho, "bound_corrected")}, 1<<64 - 1, 1, ""},
		"old terms":         {[]privacy.Entry{charge("2018", 1, 10, rho), amend(0, 0, more, "budget_raised"), charge("2019", 1, 10, rho)}, 0, 0, "other terms"},
		"nothing yet":       {[]privacy.Entry{amend(0, 0, more, "budget_raised")}, 0, 0, "nothing to amend"},
		"no reason":         {[]privacy.Entry{charge("2018", 1, 10, rho), amend(0, 0, more, "because")}, 0, 0, "no reason"},
		"smaller bound":     {[]privacy.Entry{charge("2018", 1, 10, rho), amend(4, 2, rho, "bound_corrected")}, 0, 0, "not larger"},
		"smaller budget":    {[]privacy.Entry{charge("2018", 1, 10, rho), amend(0, 0, less, "budget_raised")}, 0, 0, "smaller"},
		"another unit":      {[]privacy.Entry{charge("2018", 1, 10, rho), amend(0, 0, other, "budget_raised")}, 0, 0, "smaller"},
	} {
		var links []privacy.Link
		prev := ""
		for i, e := range tc.entries {
			l, err := privacy.NewLink(int64(i)+1, prev, e)
			if err != nil {
				t.Fatal(err)
			}
			links, prev = append(links, l), l.Hash
		}
		a, err := describe.NewAccount("d", links)
		switch {
		case tc.fails != "":
			if err == nil || !strings.Contains(err.Error(), tc.fails) {
				t.Errorf("%s: %v, want %q", name, err, tc.fails)
			}
		case err != nil || a.Person != tc.want || len(a.Over) != tc.over:
			t.Errorf("%s: %d, over %v, %v; want %d and %d", name, a.Person, a.Over, err, tc.want, tc.over)
		}
	}
}

func TestWithdrawnNote(t *testing.T) {
	w := composetest.New()
	w.Release(t, "2018", 1, 1)
	w.Release(t, "2019", 1, 1)
	old := w.Version(t, "2026.11-1", 1)
	files := composed(t, old)
	w.Published(t, old, files)
	manifest := files["manifest.json"]
	if _, err := describe.NewWithdrawnNote(manifest, w.Links, ""); err == nil {
		t.Error("a note of a version of which nothing is withdrawn")
	}
	w.Day = w.Day.AddDate(0, 0, 1)
	w.Withdraw(t, "2019", 1, "mapping_error")
	note, err := describe.NewWithdrawnNote(manifest, w.Links, "2026.11-2")
	if err != nil {
		t.Fatal(err)
	}
	n, err := describe.ReadWithdrawn(note, manifest)
	if err != nil || n.Version != "2026.11-1" || n.Sequence != 1 || n.Day != "2026-11-24" || n.Use != "2026.11-2" || len(n.Releases) != 1 ||
		n.Releases[0].Period.String() != "2019" || n.Releases[0].Reason != "mapping_error" || n.Releases[0].Sealed != describe.Sum(files["sealed/2019.1.json"]) {
		t.Errorf("%+v, %v", n, err)
	}
	if strings.Contains(string(note), "Ada") {
		t.Error("the note names people; the ledger does")
	}
	w.Withdraw(t, "2018", 1, "data_protection")
	two, err := describe.NewWithdrawnNote(manifest, w.Links, "")
	if n, rerr := describe.ReadWithdrawn(two, manifest); errors.Join(err, rerr) != nil || len(n.Releases) != 2 || n.Use != "" {
		t.Errorf("%+v, %v, %v", n, err, rerr)
	}
	for name, spoilt := range map[string]string{
		"another version":  strings.Replace(string(note), "2026.11-1", "2026.11-3", 1),
		"a path":           strings.Replace(string(note), `"2026.11-2"`, `"../../x"`, 1),
		"another release":  strings.Replace(string(note), `"2019"`, `"2017"`, 1),
		"a free reason":    strings.Replace(string(note), "mapping_error", "what I saw", 1),
		"no day":           strings.Replace(string(note), `"withdrawn": "2026-11-24"`, `"withdrawn": "x"`, 1),
		"another seal":     strings.Replace(string(note), n.Releases[0].Sealed, strings.Repeat("0", 64), 1),
		"more":             strings.Replace(string(note), `"day"`, `"more": 1, "day"`, 1),
		"another manifest": strings.Replace(string(note), describe.Sum(manifest), strings.Repeat("0", 64), 1),
		"nothing":          "",
	} {
		if spoilt == string(note) {
			t.Fatalf("%s: nothing to spoil", name)
		}
		if _, err := describe.ReadWithdrawn([]byte(spoilt), manifest); err == nil {
			t.Errorf("%s: read", name)
		}
	}
}

func FuzzReadWithdrawn(f *testing.F) {
	w := composetest.New()
	w.Release(f, "2018", 1, 1)
	manifest := composed(f, w.Version(f, "2026.11-1", 1))["manifest.json"]
	w.Withdraw(f, "2018", 1, "mapping_error")
	note, err := describe.NewWithdrawnNote(manifest, w.Links, "")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(note)
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := describe.ReadWithdrawn(b, manifest); err == nil && (n.Manifest != describe.Sum(manifest) || len(n.Releases) == 0) {
			t.Fatal("read the note of another version")
		}
	})
}

// In any table the empty cells of a withdrawn period are read as such.
func TestWithdrawnReadsBack(t *testing.T) {
	t.Parallel()
	w := composetest.New()
	w.Spec.Sources[0].Periods, w.Spec.Budget.NanoEpsilon = 4, 40e9
	for i, p := range []string{"2018", "2019", "2020", "2021"} {
		w.Release(t, p, 1, int64(i)+1)
	}
	w.Withdraw(t, "2019", 1, "mapping_error")
	w.Withdraw(t, "2021", 1, "mapping_error")
	files := composed(t, w.Version(t, "2026.11-1", 1))
	dir := folder(t, files)
	out := run(t, dir, "python3", "-c", `
import duckdb, glob
for name in sorted(glob.glob("data/*.csv") + glob.glob("data/*.parquet")):
    print(name, duckdb.sql("select status = 'withdrawn', count(*), count(value) + count(ci_low) + count(ci_high) + count(estimate) + count(sd) from '%s' group by 1 order by 1" % name).fetchall(),
          [p for p, in duckdb.sql("select distinct period::varchar from '%s' where status = 'withdrawn' order by 1" % name).fetchall()])
`)
	for name, cells := range map[string]int{"data/national.csv": 1, "data/national.parquet": 1, "data/by-region.csv": 2, "data/by-region.parquet": 2,
		"data/by-region-form.csv": 4, "data/by-region-form.parquet": 4, "data/by-state.csv": 3, "data/by-state.parquet": 3, "data/all-tables.parquet": 10} {
		want := fmt.Sprintf("%s [(False, %d, %d), (True, %d, 0)] ['2019', '2021']\n", name, 2*cells, 10*cells, 2*cells)
		if !strings.Contains(out, want) {
			t.Errorf("want %s in\n%s", want, out)
		}
	}
	for lang, cmd := range map[string][]string{"python": {"python3", "-W", "error::FutureWarning", "-c"}, "r": {"Rscript", "-e"}} {
		t.Run(lang, func(t *testing.T) {
			out := run(t, dir, cmd[0], append(cmd[1:], snippet(t, files["README.md"], lang))...)
			if lang == "python" && (!strings.Contains(out, "2020") || strings.Contains(out, "2021") || !strings.Contains(out, "sum of 2 cells")) {
				t.Errorf("not the newest that is shown:\n%s", out)
			}
		})
	}
	t.Run("sql", func(t *testing.T) { // 2018, 2020 have nothing shown beside them: no change is computed across a withdrawn year
		sql := snippet(t, files["README.md"], "sql")
		if !strings.Contains(sql, "now.period = '2020' AND before.period = '2020'") {
			t.Error(sql)
		}
		run(t, dir, "python3", "-c", "import duckdb, sys; print(duckdb.sql(sys.argv[1]).fetchall())", sql)
	})
}
