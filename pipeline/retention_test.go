package pipeline

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"modernc.org/sqlite"

	"halftone/pipeline/runs"
	"halftone/pipeline/staging"
	"halftone/privacy"
	"halftone/privacy/ledger"
)

// held lists the staged rows by what is there: period, with the number of files.
func held(t *testing.T, l Line) string {
	t.Helper()
	count := map[string]int{}
	var order []string
	err := filepath.WalkDir(filepath.Join(l.State, "staging"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".age") {
			return err
		}
		p := filepath.Base(filepath.Dir(path))
		if count[p]++; count[p] == 1 {
			order = append(order, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range order {
		if n := count[p]; n > 1 {
			order[i] = fmt.Sprintf("%s×%d", p, n)
		}
	}
	return strings.Join(order, " ")
}

func names(t *testing.T, l Line, pattern string) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(l.State, filepath.FromSlash(pattern)))
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

func destroyed(r Retention) string {
	var s []string
	for _, src := range r.Sources {
		for _, p := range src.Destroyed {
			s = append(s, p.String())
		}
		for _, p := range src.Superseded {
			s = append(s, "old "+p.String())
		}
	}
	return strings.Join(s, " ")
}

func keptRows(r Retention) string {
	var s []string
	for _, src := range r.Sources {
		for _, k := range src.Kept {
			s = append(s, fmt.Sprintf("%s until %s waits %d", k.Period, k.Until.Format("2006-01-02"), k.Waits))
		}
	}
	return strings.Join(s, ", ")
}

const (
	oneRevision   = "privacy: {budget: {person: {epsilon: 1, delta: 1e-6}}, mechanism: planner, revisions: [2 months]}\n"
	threeMonths   = "month,place,cases\n2026-01,N,500\n2026-02,S,600\n2026-03,N,700\n"
	changedMonths = "month,place,cases\n2026-01,N,501\n2026-02,S,600\n2026-03,N,700\n"
)

func withRevision(yaml string) string {
	return strings.Replace(yaml, "privacy: {budget: {person: {epsilon: 1}}}\n", oneRevision, 1)
}

// The life of rows: kept while an edition may come and thirty days longer, gone on
// the day, and not taken in again from a source that still sends them.
func TestLifeOfRows(t *testing.T) {
	l, clock := made(t, strings.Replace(withRevision(base), "from: 2026-01,", "from: 2026-01, to: 2026-03,", 1), map[string]string{"data.csv": threeMonths})
	for _, step := range []struct{ at, released, destroyed, held, data, late string }{
		{"2026-02-11 00:00", "2026-01", "", "2026-01 2026-02 2026-03", "", "[]"},
		{"2026-03-11 00:00", "2026-02", "", "2026-01 2026-02 2026-03", "", "[]"},
		// A newer pull has all of it: the older one goes at once.
		{"2026-03-20 00:00", "", "old 2026-01 old 2026-02 old 2026-03", "2026-01 2026-02 2026-03", changedMonths, "[2026-01]"},
		{"2026-04-20 00:00", "2026-01.2 2026-03", "", "2026-01 2026-02 2026-03", "", "[]"},
		// Edition 2 was due on 1 April and sealed on 20 April.
		{"2026-05-19 23:59", "2026-02.2", "", "2026-01 2026-02 2026-03", "", "[]"},
		{"2026-05-20 00:00", "", "2026-01", "2026-02 2026-03", "", "[]"},
		// 2026-01 is still in the file, and is not written again.
		{"2026-06-01 00:00", "2026-03.2", "old 2026-02 old 2026-03", "2026-02 2026-03", changedMonths + "2026-02,N,1\n", "[2026-02]"},
		{"2026-06-18 00:00", "", "2026-02", "2026-03", "", "[2026-02]"},
		{"2026-06-30 23:59", "", "", "2026-03", "", "[]"},
		{"2026-07-01 00:00", "", "2026-03", "", "", "[]"},
		{"2026-07-02 00:00", "", "", "", "", "[]"},
		{"2026-07-03 00:00", "", "", "", threeMonths, "[]"}, // a changed file brings nothing that is needed
		{"2027-01-01 00:00", "", "", "", "month,place,cases\n2026-03,N,1\n", "[]"},
	} {
		clock.set(t, step.at)
		if step.data != "" {
			rewrite(t, l, "data.csv", step.data)
		}
		dry, err := l.Retention(t.Context(), true) // changes nothing
		if err != nil || destroyed(dry) != "" && step.released+step.data == "" && destroyed(dry) != step.destroyed {
			t.Errorf("%s: to destroy %q, %v", step.at, destroyed(dry), err)
		}
		res, err := l.Run(t.Context(), RunOptions{})
		if err != nil {
			t.Fatal(step.at, err)
		}
		if periods(res.Released) != step.released || destroyed(res.Retention) != step.destroyed || held(t, l) != step.held {
			t.Errorf("%s: released %q, destroyed %q, held %q", step.at, periods(res.Released), destroyed(res.Retention), held(t, l))
		}
		if got := fmt.Sprint(res.Late); got != step.late {
			t.Errorf("%s: late %s", step.at, got)
		}
		if end := step.at >= "2026-07-01"; end != (names(t, l, "keys/batch/*/*.key") == 0) || res.Retention.InputKey != (step.at == "2026-07-01 00:00") {
			t.Errorf("%s: %d keys, input key %v", step.at, names(t, l, "keys/batch/*/*.key"), res.Retention.InputKey)
		}
	}
	if n := names(t, l, "staging/*/.pins/*") + names(t, l, "staging/*/.reports/*"); n > 0 {
		t.Errorf("%d pins and reports are left", n)
	}
	b, err := l.Budget(t.Context())
	if err != nil || len(b.Charges) != 6 {
		t.Error(len(b.Charges), err)
	}
}

// What the command says of rows that stay.
func TestKeptRows(t *testing.T) {
	l, clock := made(t, withRevision(base), map[string]string{"data.csv": threeMonths})
	if r, err := l.Retention(t.Context(), false); err != nil || len(r.Sources) > 0 {
		t.Errorf("without a state folder: %+v, %v", r, err)
	}
	if _, err := os.Stat(l.State); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a state folder was made")
	}
	clock.set(t, "2026-03-15 00:00")
	if _, err := l.Run(t.Context(), RunOptions{To: period(t, "2026-01")}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ at, kept string }{
		{"2026-03-15 00:00", "2026-01 until 2026-05-01 waits 2, 2026-02 until 2026-05-31 waits 1, 2026-03 until 2026-07-01 waits 1"},
		// However long nobody runs it.
		{"2029-01-01 00:00", "2026-01 until 2029-01-31 waits 2, 2026-02 until 2029-01-31 waits 1, 2026-03 until 2029-01-31 waits 1"},
	} {
		clock.set(t, step.at)
		if r, err := l.Retention(t.Context(), false); err != nil || keptRows(r) != step.kept || held(t, l) != "2026-01 2026-02 2026-03" || r.Destroyed() {
			t.Errorf("%s: %s, %v", step.at, keptRows(r), err)
		}
	}
	if _, err := l.Run(t.Context(), RunOptions{}); err != nil { // too late for a second edition of what has its first today
		t.Fatal(err)
	}
	r, err := l.Retention(t.Context(), false)
	if want := "2026-01 until 2029-01-31 waits 0, 2026-02 until 2029-01-31 waits 0, 2026-03 until 2029-01-31 waits 0"; err != nil || keptRows(r) != want {
		t.Errorf("%s, %v", keptRows(r), err)
	}
}

func period(t *testing.T, text string) privacy.Period {
	t.Helper()
	p, err := privacy.ParsePeriod(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// keepable is an append source whose rows go at once.
var keepable = strings.Replace(base, "    key: row\n", "    key: row\n    delivers: append\n    keep_rows: 0 days\n", 1)

// `append`: the key of a file with several periods stays until the last of them is
// over; the file is not taken again when some of its rows are gone.
func TestAppendedRows(t *testing.T) {
	l, clock := made(t, keepable, map[string]string{"data1.csv": threeMonths})
	for _, step := range []struct {
		at, destroyed, held string
		keys                int
	}{
		{"2026-02-12 00:00", "2026-01", "2026-02 2026-03", 1},
		{"2026-02-13 00:00", "", "2026-02 2026-03", 1},
		{"2026-03-12 00:00", "2026-02", "2026-03", 1},
		{"2026-04-12 00:00", "2026-03", "", 0},
		{"2026-04-13 00:00", "", "", 0},
	} {
		clock.set(t, step.at)
		res, err := l.Run(t.Context(), RunOptions{})
		if err != nil {
			t.Fatal(step.at, err)
		}
		if destroyed(res.Retention) != step.destroyed || held(t, l) != step.held || names(t, l, "keys/batch/*/*.key") != step.keys || res.Retention.InputKey || len(res.Late) > 0 {
			t.Errorf("%s: destroyed %q, held %q, %d keys, late %v", step.at, destroyed(res.Retention), held(t, l), names(t, l, "keys/batch/*/*.key"), res.Late)
		}
		if n := names(t, l, "staging/*/.pins/*"); n > 0 {
			t.Errorf("%s: %d pins of releases whose rows are gone", step.at, n)
		}
	}
	// Another file with late rows of what is over brings those of April only.
	rewrite(t, l, "data2.csv", "month,place,cases\n2026-01,N,9\n2026-04,N,800\n")
	res, err := l.Run(t.Context(), RunOptions{})
	if err != nil || fmt.Sprint(res.Pulled[0].Over) != "[2026-01]" || held(t, l) != "2026-04" || res.Pulled[0].Known != 1 {
		t.Errorf("%+v, held %q, %v", res.Pulled, held(t, l), err)
	}
	st, _ := l.store()
	if r, ok, err := st.Report("feed"); err != nil || !ok || r.Read != 1 || len(r.Periods) != 1 {
		t.Errorf("the kept report tells of rows that were not kept: %+v", r)
	}
}

// A planned edition that is added when rows are gone: of a source that sends them
// again it is made, of one that does not it is left out, and nothing else waits for it.
func TestEditionOfDestroyedRows(t *testing.T) {
	for delivers, want := range map[string]struct{ released, gone string }{
		"whole":  {"2026-01.2 2026-02", ""},
		"append": {"2026-02", "[made-up@2026-01.2]"},
		"upsert": {"2026-02", "[made-up@2026-01.2]"},
		"check":  {"2026-01.2 2026-02", ""}, // beside it, and its rows, which do not come again, count nothing
	} {
		keepable := keepable
		switch delivers {
		case "upsert":
			keepable = strings.Replace(keepable, "key: row", "key: [month, place]", 1)
		case "check":
			keepable = strings.Replace(keepable, "tables:", `  other:
    agency: Other
    use: check
    "delivers": append
    keep_rows: 0 days
    from: {file: {path: "data*.csv"}}
    map: {unit: count, period: month, place: place, value: cases}
    key: row
tables:`, 1)
			delivers = "whole"
		}
		yaml := strings.NewReplacer("delivers: append", "delivers: "+delivers, "{epsilon: 1}}}", "{epsilon: 1, delta: 1e-6}}, mechanism: planner, targets: {total: ±200}}").Replace(keepable)
		l, clock := made(t, yaml, map[string]string{"data.csv": threeMonths})
		clock.set(t, "2026-02-11 00:00")
		if res, err := l.Run(t.Context(), RunOptions{}); err != nil || !strings.HasPrefix(destroyed(res.Retention), "2026-01") {
			t.Fatal(destroyed(res.Retention), err)
		}
		l = change(t, l, "targets: {total: ±200}", "targets: {total: ±200}, revisions: [40 days]")
		clock.set(t, "2026-03-13 00:00")
		res, err := l.Run(t.Context(), RunOptions{})
		gone := ""
		if res.Gone != nil {
			gone = fmt.Sprint(res.Gone)
		}
		if err != nil || periods(res.Released) != want.released || gone != want.gone || len(res.Late) > 0 {
			t.Errorf("%s: released %q, left out %s, late %v, %v", delivers, periods(res.Released), gone, res.Late, err)
		}
	}
}

// Rows that a charged release counts stay, whatever came after them, until it is
// sealed on them.
func TestChargedRowsStay(t *testing.T) {
	l, clock := made(t, strings.Replace(loud, "    key: row\n", "    key: row\n    keep_rows: 0 days\n", 1), map[string]string{"data.csv": threeMonths})
	if _, err := l.Pull(t.Context(), PullOptions{}); err != nil {
		t.Fatal(err)
	}
	_, s, err := l.begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, batches := period(t, "2026-01"), func() []staging.Batch { b, _ := s.st.Batches("feed"); return b }()
	uses := staging.Uses{"feed": {batches[0].ID}}
	digest, err := s.st.InputDigest(p, uses)
	if err != nil {
		t.Fatal(err)
	}
	spec := l.Dataset.Spec
	if err := errors.Join(s.st.Pin(l.key(p, 1), uses), s.led.Reserve(t.Context(), privacy.Charge{Key: l.key(p, 1), Cost: spec.Shares()[0], Terms: spec.Terms(),
		SpecDigest: spec.Digest(), InputDigest: digest, Expected: []string{"feed"}, Reporting: []string{"feed"}})); err != nil {
		t.Fatal(err)
	}
	s.end(t.Context())
	rewrite(t, l, "data.csv", changedMonths)
	if _, err := l.Pull(t.Context(), PullOptions{}); err != nil {
		t.Fatal(err)
	}
	clock.set(t, "2028-01-01 00:00")
	r, err := l.Retention(t.Context(), false)
	if err != nil || destroyed(r) != "old 2026-02 old 2026-03" || held(t, l) != "2026-01×2 2026-02 2026-03" || !r.Sources[0].Kept[0].Charged {
		t.Errorf("destroyed %q, held %q, %v", destroyed(r), held(t, l), err)
	}
	other := change(t, l, "from: 2026-01", "from: 2026-03") // not even if the calendar has lost the period
	if r, err := other.Retention(t.Context(), false); err != nil || destroyed(r) != "2026-02" || held(t, l) != "2026-01×2 2026-03" {
		t.Errorf("destroyed %q, held %q, %v", destroyed(r), held(t, l), err)
	}
	l = change(t, l, "from: 2026-03", "from: 2026-01")
	clock.set(t, "2026-03-15 12:00")
	if got := totals(t, l); got != "2026-01 500, 2026-02 600" {
		t.Errorf("not drawn on the pinned rows: %s", got)
	}
	if got := held(t, l); got != "2026-03" {
		t.Errorf("held after the seal: %q", got)
	}
}

// A run that a source stops destroys all the same, and keeps the report of what
// stopped it.
func TestStoppedRunDestroys(t *testing.T) {
	l, clock := made(t, base, map[string]string{"data.csv": "month,place,cases\n2026-01,N,50\n"})
	clock.set(t, "2026-02-11 00:00")
	if _, err := l.Run(t.Context(), RunOptions{}); err != nil {
		t.Fatal(err)
	}
	clock.set(t, "2026-03-14 00:00")
	rewrite(t, l, "data.csv", "month,place,cases\n2026-01,N,50\n2026-02,X,60\n")
	res, err := l.Run(t.Context(), RunOptions{})
	if ExitCode(err) != 4 || destroyed(res.Retention) != "2026-01" || held(t, l) != "" {
		t.Errorf("destroyed %q, held %q, %v", destroyed(res.Retention), held(t, l), err)
	}
	if r, ok, err := l.Quarantine("feed"); err != nil || !ok || len(r.Quarantine) != 1 || r.Periods["2026-01"] != 0 {
		t.Errorf("%+v, %v, %v", r, ok, err)
	}
	// And what the source sends no longer is no alarm once its time is over.
	rewrite(t, l, "data.csv", "month,place,cases\n2026-02,N,60\n")
	if res, err = l.Run(t.Context(), RunOptions{}); err != nil || periods(res.Released) != "2026-02" {
		t.Error(periods(res.Released), err)
	}
	clock.set(t, "2026-04-20 00:00") // over, and not destroyed yet
	rewrite(t, l, "data.csv", "month,place,cases\n2026-03,N,70\n")
	if res, err = l.Run(t.Context(), RunOptions{}); err != nil || periods(res.Released) != "2026-03" || destroyed(res.Retention) != "2026-02" {
		t.Error(periods(res.Released), destroyed(res.Retention), err)
	}
}

// A changed `delivers`, pulled by nobody yet, makes no older batch superfluous.
func TestChangedDeliveryDestroysNothing(t *testing.T) {
	yaml := strings.Replace(base, "    key: row\n", "    key: row\n    delivers: append\n", 1)
	l, clock := made(t, yaml, map[string]string{"data1.csv": twoMonths})
	clock.set(t, "2026-01-15 00:00")
	for i := range 2 {
		if _, err := l.Run(t.Context(), RunOptions{}); err != nil {
			t.Fatal(err)
		}
		rewrite(t, l, fmt.Sprintf("data%d.csv", i+2), "month,place,cases\n2026-01,N,7\n")
	}
	l = change(t, l, "delivers: append", "delivers: whole")
	if r, err := l.Retention(t.Context(), false); err != nil || destroyed(r) != "" || held(t, l) != "2026-01×2 2026-02" {
		t.Errorf("destroyed %q, held %q, %v", destroyed(r), held(t, l), err)
	}
	if res, err := l.Run(t.Context(), RunOptions{}); err != nil || destroyed(res.Retention) != "old 2026-01 old 2026-02" || held(t, l) != "2026-01 2026-02" {
		t.Errorf("destroyed %q, held %q, %v", destroyed(res.Retention), held(t, l), err)
	}
}

// A source that was taken out leaves no rows for ever, and another series keeps
// those that it still needs.
func TestRowsOfWhatIsGone(t *testing.T) {
	two := strings.Replace(base, "tables:", `  other:
    agency: Other
    from: {file: {path: "other.csv"}}
    map: {unit: count, period: month, place: place, value: cases}
    key: row
    keep_rows: 2 years
    contribution: {per_period: 1, periods: 1, stated_by: "A. Person, 2026-01-15"}
overlap: 1
tables:`, 1)
	l, clock := made(t, strings.Replace(two, "epsilon: 1}", "epsilon: 1, delta: 1e-6}", 1), map[string]string{"data.csv": twoMonths, "other.csv": twoMonths})
	clock.set(t, "2026-02-11 00:00")
	if _, err := l.Run(t.Context(), RunOptions{}); err != nil {
		t.Fatal(err)
	}
	clock.set(t, "2026-03-20 00:00")
	res, err := l.Run(t.Context(), RunOptions{})
	if err != nil || held(t, l) != "2026-02 2026-01 2026-02" && held(t, l) != "2026-02×2 2026-01" || len(res.Late) > 0 {
		t.Errorf("held %q, late %v, %v", held(t, l), res.Late, err)
	}
	if _, err := l.Run(t.Context(), RunOptions{}); err != nil { // one source's rows of 2026-01 are gone, the other's not
		t.Error(err)
	}
	b, _ := os.ReadFile(filepath.Join(l.Data, "halftone.yaml"))
	text := string(b)
	i, j := strings.Index(text, "  other:"), strings.Index(text, "overlap:")
	rewrite(t, l, "halftone.yaml", text[:i]+text[j:])
	if res, err = reload(t, l).Run(t.Context(), RunOptions{}); err != nil || destroyed(res.Retention) != "2026-01" || held(t, l) != "2026-02×2" {
		t.Errorf("destroyed %q, held %q, %v", destroyed(res.Retention), held(t, l), err)
	}
}

// Both stores overwrite what they delete.
func TestStoresDeleteSecurely(t *testing.T) {
	var mu sync.Mutex
	asked := map[string]string{}
	sqlite.RegisterConnectionHook(func(c sqlite.ExecQuerierContext, dsn string) error { // it stays: later tests go through it
		rows, err := c.QueryContext(context.Background(), "PRAGMA secure_delete", nil)
		if err != nil {
			return err
		}
		v := make([]driver.Value, 1)
		err = errors.Join(rows.Next(v), rows.Close())
		name, _, _ := strings.Cut(strings.TrimPrefix(dsn, "file:"), "?")
		mu.Lock()
		asked[filepath.Base(name)] = fmt.Sprint(v[0])
		mu.Unlock()
		return err
	})
	l, clock := made(t, base, nil)
	if err := l.prepare(); err != nil {
		t.Fatal(err)
	}
	led, err := ledger.Open(t.Context(), l.State, clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := runs.Open(t.Context(), l.State, clock.Now)
	if err := errors.Join(err, led.Close(), rs.Close()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if asked["ledger.db"] != "1" || asked["runs.db"] != "1" {
		t.Errorf("secure_delete: %v", asked)
	}
}

// A revision that its period cannot pay for keeps no rows for ever, and neither
// does a period that the calendar no longer has; but a planned day is waited for.
func TestRowsNobodyWaitsFor(t *testing.T) {
	l, clock := made(t, strings.Replace(base, "{epsilon: 1}}}", "{epsilon: 1, delta: 1e-6}}, mechanism: planner}", 1), map[string]string{"data.csv": threeMonths})
	clock.set(t, "2026-02-11 00:00")
	if _, err := l.Run(t.Context(), RunOptions{}); err != nil {
		t.Fatal(err)
	}
	l = change(t, l, "mechanism: planner}", "mechanism: planner, revisions: [40 days]}")
	for _, step := range []struct{ at, kept string }{{"2026-03-12 23:59", "2026-01 until 2026-04-12 waits 2"}, {"2026-03-13 00:00", "2026-01 until 2026-04-12 waits 0"}} {
		clock.set(t, step.at)
		if r, err := l.Retention(t.Context(), true); err != nil || !strings.HasPrefix(keptRows(r), step.kept) {
			t.Errorf("%s: %s, %v", step.at, keptRows(r), err)
		}
	}
	clock.set(t, "2026-04-12 00:00")
	res, err := l.Run(t.Context(), RunOptions{})
	if err != nil || len(res.NoRoom) != 1 || destroyed(res.Retention) != "2026-01" || held(t, l) != "2026-02 2026-03" {
		t.Errorf("no room for %v, destroyed %q, held %q, %v", res.NoRoom, destroyed(res.Retention), held(t, l), err)
	}
	l = change(t, l, "from: 2026-01", "from: 2026-03")
	for _, step := range []struct{ at, destroyed string }{{"2026-05-11 23:59", ""}, {"2026-05-12 00:00", "2026-02"}} { // sealed on 12 April; the second edition was planned for 10 April
		clock.set(t, step.at)
		if r, err := l.Retention(t.Context(), true); err != nil || destroyed(r) != step.destroyed {
			t.Errorf("%s: %q, %v", step.at, destroyed(r), err)
		}
	}
	// Of what was never released, either.
	l, clock = made(t, base, map[string]string{"data.csv": threeMonths})
	if _, err := l.Pull(t.Context(), PullOptions{}); err != nil {
		t.Fatal(err)
	}
	l = change(t, l, "from: 2026-01", "from: 2026-03")
	clock.set(t, "2026-05-01 00:00") // 2026-01 was due on 11 February, 2026-02 on 11 March
	if r, err := l.Retention(t.Context(), false); err != nil || destroyed(r) != "2026-01 2026-02" || held(t, l) != "2026-03" {
		t.Errorf("destroyed %q, held %q, %v", destroyed(r), held(t, l), err)
	}
}

// A key that is lost is as good as destroyed: what was released stays, and what
// would count the rows is left out.
func TestRowsOfALostKey(t *testing.T) {
	l, clock := made(t, strings.Replace(base, "    key: row\n", "    key: row\n    delivers: append\n", 1), map[string]string{"data1.csv": twoMonths})
	clock.set(t, "2026-02-11 00:00")
	if _, err := l.Run(t.Context(), RunOptions{}); err != nil {
		t.Fatal(err)
	}
	keys, _ := filepath.Glob(filepath.Join(l.State, "keys", "batch", "made-up", "*.key"))
	if len(keys) != 1 {
		t.Fatal(keys)
	}
	if err := os.Remove(keys[0]); err != nil {
		t.Fatal(err)
	}
	clock.set(t, "2026-03-11 00:00")
	rewrite(t, l, "data2.csv", "month,place,cases\n2026-03,N,7\n")
	res, err := l.Run(t.Context(), RunOptions{})
	if err != nil || len(res.Released) > 0 || fmt.Sprint(res.Gone) != "[made-up@2026-02.1]" || len(res.Late) > 0 || held(t, l) != "2026-03" {
		t.Errorf("released %q, left out %v, late %v, held %q, %v", periods(res.Released), res.Gone, res.Late, held(t, l), err)
	}
	clock.set(t, "2026-04-11 00:00") // nothing waits for it
	if res, err = l.Run(t.Context(), RunOptions{}); err != nil || periods(res.Released) != "2026-03" {
		t.Errorf("released %q, %v", periods(res.Released), err)
	}
}
