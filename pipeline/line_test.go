package pipeline

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"halftone/connectors/all"
	"halftone/pipeline/config"
	"halftone/pipeline/runs"
	"halftone/privacy"
)

// A testClock stands still until it is set.
type testClock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *testClock) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func (c *testClock) set(t *testing.T, s string) {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	c.t = at
	c.mu.Unlock()
}

const base = `halftone: 1
dataset: made-up
title: Cases
counts: cases
unit: case
licence: CC-BY-4.0
publisher: {name: Office, contact: data@example.org}
period: {every: month, from: 2026-01, wait: 10 days}
dimensions: {place: places.csv}
sources:
  feed:
    agency: Office
    from: {file: {path: "data*.csv"}}
    map: {unit: count, period: month, place: place, value: cases}
    key: row
    contribution: {per_period: 1, periods: 1, stated_by: "A. Person, 2026-01-15"}
tables:
  total: {}
  by-place: {place: place}
privacy: {budget: {person: {epsilon: 1}}}
`

// made makes a project and its line. files are written beside halftone.yaml.
func made(t *testing.T, yaml string, files map[string]string) (Line, *testClock) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("halftone.yaml", yaml)
	write("places.csv", "code,parent,level,label_en\nN,,place,North\nS,,place,South\n")
	for name, text := range files {
		write(name, text)
	}
	clock := &testClock{}
	clock.set(t, "2026-03-15 12:00")
	return reload(t, Line{Data: dir, State: filepath.Join(dir, ".halftone"), Public: filepath.Join(dir, "public"),
		Kinds: all.Kinds(), Clock: clock, By: "tester", Workers: 2, Tool: "halftone test"}), clock
}

func reload(t *testing.T, l Line) Line {
	t.Helper()
	d, _, err := config.Load(l.Data, "halftone.yaml", []string{"file"})
	if err != nil {
		t.Fatal(err)
	}
	l.Dataset = d
	return l
}

// periods are those of releases, with the edition behind it if it is not the first.
func periods(rs []Released) string {
	var s []string
	for _, r := range rs {
		p := r.Key.Period.String()
		if r.Key.Edition > 1 {
			p += "." + strconv.Itoa(r.Key.Edition)
		}
		s = append(s, p)
	}
	return strings.Join(s, " ")
}

// A period is due ten days after its end, is released once, and one version
// holds all periods so far.
func TestDueRule(t *testing.T) {
	l, clock := made(t, base, map[string]string{"data.csv": "month,place,cases\n2026-01,N,50\n2026-02,S,60\n2026-03,N,70\n"})
	for _, step := range []struct{ at, released, version string }{
		{"2026-02-10 23:59", "", ""},
		{"2026-02-11 00:00", "2026-01", "2026.02-1"},
		{"2026-02-11 00:01", "", "2026.02-1"},
		// A missed fire needs no catch-up: all that is due is taken, also a month
		// of which the source has no row.
		{"2026-05-20 06:00", "2026-02 2026-03 2026-04", "2026.05-1"},
		// A clock that is set back gives nothing back.
		{"2026-02-20 06:00", "", "2026.05-1"},
	} {
		clock.set(t, step.at)
		res, err := l.Run(t.Context(), RunOptions{})
		if err != nil {
			t.Fatalf("%s: %v", step.at, err)
		}
		if empty := fmt.Sprint(res.Empty); strings.Contains(step.released, "2026-04") != (empty == "[2026-04]") {
			t.Errorf("%s: without rows %s", step.at, empty)
		}
		if periods(res.Released) != step.released || res.Version.Name != step.version {
			t.Errorf("%s: released %q in %q, want %q in %q", step.at, periods(res.Released), res.Version.Name, step.released, step.version)
		}
	}
	// What the officer is told: April had no row; later rows of it change nothing.
	if err := os.WriteFile(filepath.Join(l.Data, "data.csv"), []byte("month,place,cases\n2026-01,N,50\n2026-02,S,60\n2026-03,N,70\n2026-04,N,7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	res, err := l.Run(t.Context(), RunOptions{})
	if err != nil || len(res.Released) > 0 || fmt.Sprint(res.Late) != "[2026-04]" {
		t.Errorf("released %q, late %v, %v", periods(res.Released), res.Late, err)
	}
	b, err := l.Budget(t.Context())
	if err != nil || len(b.Charges) != 4 || len(b.Versions) != 2 {
		t.Errorf("%d charges, %d versions, %v", len(b.Charges), len(b.Versions), err)
	}
}

// The published numbers against the known truth, read back from the CSV: the
// rms of (estimate - truth)/sd over 40,960 cells is 1 with an sd of 0.0055
// (kurtosis 6), so 0.97 to 1.03 is 5.4 sd: a false alarm in 10 million runs.
// Coverage is 0.95 or more with an sd of 0.0011; 0.944 is 5 sd below.
func TestPublishedNumbersAreWithinTheirNoise(t *testing.T) {
	for mechanism, budget := range map[string]string{privacy.LaplaceMechanism: "{epsilon: 1}", privacy.PlannerMechanism: "{epsilon: 1, delta: 1e-6}"} {
		t.Run(mechanism, func(t *testing.T) {
			t.Parallel()
			publishedNumbers(t, fmt.Sprintf("privacy: {budget: {person: %s}, mechanism: %s}\n", budget, mechanism))
		})
	}
}

func publishedNumbers(t *testing.T, budget string) {
	const side, years = 64, 10
	codes := "code,parent,level,label_en\n"
	for i := range side {
		codes += fmt.Sprintf("c%d,,leaf,Code %d\n", i, i)
	}
	var data strings.Builder
	data.WriteString("year,a,b,n\n")
	truth := map[string]float64{}
	for y := range years {
		for a := range side {
			for b := range side {
				n := (a*b + 17*y) % 400
				truth[fmt.Sprintf("%d c%d c%d", 2010+y, a, b)] = float64(n)
				fmt.Fprintf(&data, "%d,c%d,c%d,%d\n", 2010+y, a, b, n)
			}
		}
	}
	yaml := strings.NewReplacer("{every: month, from: 2026-01, wait: 10 days}", "{every: year, from: 2010, to: 2019}",
		"dimensions: {place: places.csv}", "dimensions: {a: codes.csv, b: codes.csv}",
		"period: month, place: place, value: cases", "period: year, a: a, b: b, value: n",
		"by-place: {place: place}", "by-a-b: {a: leaf, b: leaf}",
		"privacy: {budget: {person: {epsilon: 1}}}\n", budget).Replace(base)
	l, _ := made(t, yaml, map[string]string{"data.csv": data.String(), "codes.csv": codes})
	if _, err := l.Run(t.Context(), RunOptions{}); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(l.Public, "datasets", "made-up", "latest", "data", "by-a-b.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(rows[0], ","), "period,period_start,a,a_label,b,b_label,value,ci_low,ci_high,estimate,sd,status,edition"; got != want {
		t.Fatalf("columns %s", got)
	}
	var sq, in float64
	for _, r := range rows[1:] {
		n := truth[r[0]+" "+r[2]+" "+r[4]]
		num := func(i int) float64 {
			v, err := strconv.ParseFloat(r[i], 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		z := (num(9) - n) / num(10)
		sq += z * z
		if num(7) <= n && n <= num(8) {
			in++
		}
	}
	cells := float64(len(rows) - 1)
	if cells != side*side*years {
		t.Fatalf("%.0f cells", cells)
	}
	rms, cover := math.Sqrt(sq/cells), in/cells
	t.Logf("rms %.4f, coverage %.4f over %.0f cells", rms, cover, cells)
	if rms < 0.97 || rms > 1.03 {
		t.Errorf("rms of (estimate - truth)/sd is %.4f", rms)
	}
	if cover < 0.944 {
		t.Errorf("95 %% intervals cover %.4f", cover)
	}
}

// `append`: batches add up, a file whose bytes were taken before adds nothing.
func TestAppend(t *testing.T) {
	yaml := strings.Replace(base, "    key: row\n", "    key: row\n    delivers: append\n", 1)
	l, _ := made(t, yaml, map[string]string{"data1.csv": "month,place,cases\n2026-01,N,50\n2026-01,S,1\n"})
	pull := func() SourceResult {
		t.Helper()
		r, err := l.Pull(t.Context(), PullOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return r[0]
	}
	if r := pull(); r.Batch == "" || r.Report.Read != 2 {
		t.Errorf("first: %+v", r)
	}
	if r := pull(); r.Batch != "" || r.Same == "" || r.Known != 1 {
		t.Errorf("the same file again: %+v", r)
	}
	if err := os.WriteFile(filepath.Join(l.Data, "data2.csv"), []byte("month,place,cases\n2026-01,N,7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := pull(); r.Batch == "" || r.Report.Read != 1 || r.Known != 1 {
		t.Errorf("one more file: %+v", r)
	}
	st, err := l.store()
	if err != nil {
		t.Fatal(err)
	}
	b, err := st.Batches("feed")
	if err != nil || len(b) != 2 {
		t.Errorf("%d batches, %v", len(b), err)
	}
}

// A new synonym frees rows from quarantine although the file has not changed.
func TestNewSynonymIsANewBatch(t *testing.T) {
	yaml := strings.Replace(base, "    key: row\n", "    key: row\n    quarantine: 50%\n", 1)
	l, _ := made(t, yaml, map[string]string{"data.csv": "month,place,cases\n2026-01,N,50\n2026-01,Nord,1\n"})
	if r, err := l.Pull(t.Context(), PullOptions{}); err != nil || len(r[0].Report.Quarantine) != 1 {
		t.Fatal(r, err)
	}
	if err := os.WriteFile(filepath.Join(l.Data, "places.csv"), []byte("code,parent,level,label_en,synonyms\nN,,place,North,Nord\nS,,place,South,\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := reload(t, l).Pull(t.Context(), PullOptions{}); err != nil || r[0].Batch == "" || len(r[0].Report.Quarantine) != 0 {
		t.Errorf("%+v, %v", r[0], err)
	}
}

// A source that is not required: released without it, and said.
func TestMissingSourceIsPartial(t *testing.T) {
	yaml := strings.Replace(base, "tables:", `  other:
    agency: Other
    required: false
    from: {file: {path: "other.csv"}}
    map: {unit: count, period: month, place: place, value: cases}
    key: row
    contribution: {per_period: 1, periods: 1, stated_by: "A. Person, 2026-01-15"}
tables:`, 1)
	l, _ := made(t, yaml, map[string]string{"data.csv": "month,place,cases\n2026-01,N,50\n2026-02,S,60\n"})
	res, err := l.Run(t.Context(), RunOptions{})
	if err != nil || res.Pulled[1].Missing == nil {
		t.Fatal(res, err)
	}
	b, err := os.ReadFile(filepath.Join(l.Public, "datasets", "made-up", "latest", "releases.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), ",feed,feed;other,") {
		t.Errorf("releases.csv does not say 1 of 2 sources:\n%s", b)
	}
	b, _ = os.ReadFile(filepath.Join(l.Public, "datasets", "made-up", "latest", "data", "total.csv"))
	if strings.Count(string(b), ",partial,") != 2 {
		t.Errorf("not marked partial:\n%s", b)
	}
}

// Two processes never run one line at a time.
func TestBusy(t *testing.T) {
	l, _ := made(t, base, map[string]string{"data.csv": "month,place,cases\n2026-01,N,50\n"})
	err := l.Locked(func() error {
		_, err := l.Run(t.Context(), RunOptions{})
		return err
	})
	if !errors.Is(err, runs.ErrBusy) || ExitCode(err) != 3 {
		t.Error(err, ExitCode(err))
	}
}

// The daemon fires once an occurrence; what it missed it takes in one run.
func TestDaemon(t *testing.T) {
	yaml := base + "schedule: {cron: \"0 6 12 * *\", timezone: Africa/Ndjamena}\n"
	l, clock := made(t, yaml, map[string]string{"data.csv": "month,place,cases\n2026-01,N,50\n2026-02,S,60\n"})
	var said []string
	d, err := NewDaemon(l, func(f string, a ...any) { said = append(said, fmt.Sprintf(f, a...)) })
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		at      string
		charges int
	}{
		{"2026-02-11 12:00", 0}, // the first start: nothing was missed
		{"2026-02-12 04:59", 0}, // 05:59 in Ndjamena
		{"2026-02-12 05:00", 1},
		{"2026-02-12 05:01", 1},
		{"2026-02-12 04:00", 1}, // the clock was set back
		{"2026-05-01 00:00", 3}, // two fires were missed: one run takes both periods
		{"2026-05-01 00:01", 3},
	} {
		clock.set(t, step.at)
		if err := d.Tick(t.Context()); err != nil {
			t.Fatalf("%s: %v", step.at, err)
		}
		b, err := l.Budget(t.Context())
		if err != nil || len(b.Charges) != step.charges {
			t.Errorf("%s: %d charges, want %d; %v; said %v", step.at, len(b.Charges), step.charges, err, said)
		}
	}
	rs, err := runs.Open(t.Context(), l.State, clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer rs.Close()
	skips, err := rs.Skips(t.Context(), "made-up")
	if err != nil || len(skips) != 1 || skips[0].Occurrence != "2026-03-12T06:00" {
		t.Errorf("skips %v, %v", skips, err)
	}
	all, err := rs.List(t.Context(), "made-up", 10)
	if err != nil || len(all) != 2 {
		t.Errorf("runs %v, %v", all, err)
	}
}

// A schedule that says skip does not make up for an outage, and says so.
func TestDaemonSkips(t *testing.T) {
	yaml := base + "schedule: {cron: \"0 6 12 * *\", timezone: UTC, missed: skip}\n"
	l, clock := made(t, yaml, map[string]string{"data.csv": "month,place,cases\n2026-01,N,50\n"})
	d, err := NewDaemon(l, func(string, ...any) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{"2026-02-11 12:00", "2026-02-12 09:00"} {
		clock.set(t, at)
		if err := d.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := l.Budget(t.Context()); err != nil || len(b.Charges) != 0 {
		t.Error(b, err)
	}
	clock.set(t, "2026-03-12 06:05") // a few minutes late is on time
	if err := d.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b, err := l.Budget(t.Context()); err != nil || len(b.Charges) != 2 {
		t.Error(b, err)
	}
}

// What was charged and not sealed is drawn on the rows that were pinned, not on
// what a later pull brought.
func TestResumeCountsThePinnedRows(t *testing.T) {
	l, _ := made(t, base, map[string]string{"data.csv": "month,place,cases\n2026-01,N,50\n2026-02,S,60\n"})
	// A run that ends between charge and seal, as a power cut would end it.
	if _, err := l.Pull(t.Context(), PullOptions{}); err != nil {
		t.Fatal(err)
	}
	_, s, err := l.begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, _ := privacy.ParsePeriod("2026-01")
	batches, _ := s.st.Batches("feed")
	uses := map[string][]string{"feed": {batches[0].ID}}
	digest, err := s.st.InputDigest(p, uses)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.st.Pin(l.key(p, 1), uses); err != nil {
		t.Fatal(err)
	}
	spec := l.Dataset.Spec
	if err := s.led.Reserve(t.Context(), privacy.Charge{Key: l.key(p, 1), Cost: 1e9, Terms: spec.Terms(), SpecDigest: spec.Digest(), InputDigest: digest,
		Expected: []string{"feed"}, Reporting: []string{"feed"}}); err != nil {
		t.Fatal(err)
	}
	s.end(t.Context())
	// The agency sends other numbers meanwhile.
	if err := os.WriteFile(filepath.Join(l.Data, "data.csv"), []byte("month,place,cases\n2026-01,N,51\n2026-01,N,5000\n2026-02,S,60\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	st, err := l.Status(t.Context())
	if err != nil || len(st.Reserved) != 1 {
		t.Fatal(st, err)
	}
	res, err := l.Run(t.Context(), RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if periods(res.Resumed) != "2026-01" || periods(res.Released) != "2026-02" {
		t.Errorf("resumed %q, released %q", periods(res.Resumed), periods(res.Released))
	}
	b, err := l.Budget(t.Context())
	if err != nil || len(b.Charges) != 2 || b.Charges[0].InputDigest != digest {
		t.Errorf("%+v, %v", b.Charges, err)
	}
	// And with the configuration changed in between it is refused, not drawn on something else.
	if got := ExitCode(fmt.Errorf("x: %w", privacy.ErrPinned)); got != 3 {
		t.Error(got)
	}
}

// counts runs a line with next to no noise and returns the totals by period.
func totals(t *testing.T, l Line) string {
	t.Helper()
	if _, err := l.Run(t.Context(), RunOptions{}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(l.Public, "datasets", "made-up", "latest", "data", "total.csv"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(b)) {
		if f := strings.Split(line, ","); f[0] != "period" {
			out = append(out, f[0]+" "+f[2])
		}
	}
	return strings.Join(out, ", ")
}

// loud has so much budget that the published values are the counts (b below
// 1/400: a draw is not 0 once in 10^80).
var loud = strings.Replace(base, "epsilon: 1}", "epsilon: 900}", 1)

func rewrite(t *testing.T, l Line, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(l.Data, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const twoMonths = "month,place,cases\n2026-01,N,50\n2026-02,S,60\n"

// Files are told apart by name and bytes: equal bytes of two offices count twice
// with `whole`, of one file under two names once with `append`.
func TestFilesOfEqualBytes(t *testing.T) {
	l, _ := made(t, loud, map[string]string{"data1.csv": twoMonths})
	if _, err := l.Pull(t.Context(), PullOptions{}); err != nil {
		t.Fatal(err)
	}
	rewrite(t, l, "data2.csv", twoMonths)
	if got := totals(t, l); got != "2026-01 100, 2026-02 120" {
		t.Errorf("whole: %s", got)
	}
	l, _ = made(t, strings.Replace(loud, "    key: row\n", "    key: row\n    delivers: append\n", 1),
		map[string]string{"data1.csv": twoMonths, "data1 (copy).csv": twoMonths})
	rewrite(t, l, "data1 (copy).csv", twoMonths)
	if got := totals(t, l); got != "2026-01 50, 2026-02 60" {
		t.Errorf("append: %s", got)
	}
}

// What was read under other settings is read again or refused, never counted twice.
func TestChangedSettingsReadAgain(t *testing.T) {
	l, _ := made(t, loud, map[string]string{"data.csv": twoMonths})
	pull := func() {
		t.Helper()
		if _, err := l.Pull(t.Context(), PullOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	pull()
	rewrite(t, l, "data.csv", strings.Replace(twoMonths, "50", "51", 1))
	pull()
	rewrite(t, l, "halftone.yaml", strings.Replace(loud, "    key: row\n", "    key: row\n    delivers: append\n", 1))
	l = reload(t, l)
	if _, err := l.Run(t.Context(), RunOptions{}); !errors.Is(err, ErrRefused) {
		t.Errorf("whole batches under append: %v", err)
	}
	if b, err := l.Budget(t.Context()); err != nil || len(b.Charges) > 0 {
		t.Error(b.Charges, err)
	}
	// The calendar decides which rows are mapped.
	yaml := strings.Replace(strings.Replace(loud, "wait: 10 days}", "to: 2026-01, wait: 10 days}", 1), "    key: row\n", "    key: row\n    quarantine: 90%\n", 1)
	l, _ = made(t, yaml, map[string]string{"data.csv": twoMonths})
	if got := totals(t, l); got != "2026-01 50" {
		t.Error(got)
	}
	rewrite(t, l, "halftone.yaml", strings.Replace(yaml, "to: 2026-01", "to: 2026-02", 1))
	if got := totals(t, reload(t, l)); got != "2026-01 50, 2026-02 60" {
		t.Errorf("after period.to moved on: %s", got)
	}
}

// A source that is not required and stops because of its rows stops the run: one
// row must not show in who reported.
func TestRowsNeverDecideWhoReported(t *testing.T) {
	yaml := strings.Replace(base, "    key: row\n", "    key: row\n    required: false\n", 1)
	l, _ := made(t, yaml, map[string]string{"data.csv": twoMonths + "2026-02,S,-1\n"})
	_, err := l.Run(t.Context(), RunOptions{})
	if ExitCode(err) != 4 {
		t.Errorf("exit %d: %v", ExitCode(err), err)
	}
}

// What vanished with somebody's consent no longer counts, and a clock that was
// set back does not make an old batch the newest.
func TestAcceptedAndBackdated(t *testing.T) {
	l, clock := made(t, loud, map[string]string{"data.csv": twoMonths})
	if _, err := l.Pull(t.Context(), PullOptions{}); err != nil {
		t.Fatal(err)
	}
	clock.set(t, "2026-03-14 12:00")
	rewrite(t, l, "data.csv", "month,place,cases\n2026-01,N,70\n")
	if _, err := l.Pull(t.Context(), PullOptions{}); err == nil || !strings.Contains(err.Error(), "2026-02 has vanished") {
		t.Fatal(err)
	}
	if _, err := l.Pull(t.Context(), PullOptions{Sources: []string{"feed"}, Accept: "withdrawn by the agency"}); err != nil {
		t.Fatal(err)
	}
	if got := totals(t, l); got != "2026-01 70, 2026-02 0" {
		t.Errorf("%s", got)
	}
}
