package pipeline

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"halftone/pipeline/staging"
)

const upserting = `    key: [id]
    delivers: upsert
    deleted: {place: gone}
`

// changes are what a diff says of periods, in words.
func changes(d *staging.Diff) string {
	if d == nil {
		return "none"
	}
	var s []string
	for _, c := range d.Periods {
		s = append(s, c.Period+" "+c.Change)
	}
	return strings.Join(s, ", ")
}

// What a release counts of upsert is the last row of each key over all pulls; a key
// that moves leaves its old period, which is then late; older rows go.
func TestUpsertReleases(t *testing.T) {
	yaml := strings.Replace(loud, "    key: row\n", upserting, 1)
	l, clock := made(t, strings.Replace(yaml, "from: 2026-01,", "from: 2026-01, to: 2026-02,", 1), map[string]string{
		"data.csv": "id,month,place,cases\na,2026-01,N,50\nb,2026-01,N,7\nc,2026-01,S,9\nd,2026-02,N,1\n"})
	clock.set(t, "2026-02-15 12:00")
	if got := totals(t, l); got != "2026-01 66" {
		t.Fatalf("published %q", got)
	}
	// b moves, c is gone, d has another value, e is new; a is not sent.
	rewrite(t, l, "data.csv", "id,month,place,cases\nb,2026-02,S,7\nc,2026-01,gone,9\nd,2026-02,N,2\ne,2026-02,N,100\n")
	res, err := l.Pull(t.Context(), PullOptions{})
	if err != nil || changes(res[0].Diff) != "2026-01 changed, 2026-02 changed" {
		t.Fatal(changes(res[0].Diff), err)
	}
	clock.set(t, "2026-03-15 12:00")
	run, err := l.Run(t.Context(), RunOptions{})
	if err != nil || periods(run.Released) != "2026-02" || len(run.Late) != 1 || run.Late[0].String() != "2026-01" {
		t.Fatal(periods(run.Released), run.Late, err)
	}
	if got := totals(t, l); got != "2026-01 66, 2026-02 109" {
		t.Errorf("published %q", got)
	}
	if got := held(t, l); got != "2026-01 2026-02" {
		t.Errorf("held %q: what a newer pull has changed should be gone", got)
	}
	// A pull of the same, and one of nothing, change nothing.
	for _, text := range []string{"id,month,place,cases\ne,2026-02,N,100\n", "id,month,place,cases\n"} {
		rewrite(t, l, "data.csv", text)
		if res, err := l.Pull(t.Context(), PullOptions{}); err != nil || res[0].Batch != "" || res[0].Same == "" {
			t.Errorf("%q: %+v, %v", text, res[0], err)
		}
	}
}

// What a dry run says of a diff it keeps nothing of: not a row, not a key, no report.
func TestDryRunKeepsNothing(t *testing.T) {
	for _, yaml := range []string{base, strings.Replace(base, "    key: row\n", upserting, 1)} {
		l, _ := made(t, yaml, map[string]string{"data.csv": "id,month,place,cases\na,2026-01,N,50\n"})
		if _, err := l.Pull(t.Context(), PullOptions{}); err != nil {
			t.Fatal(err)
		}
		rewrite(t, l, "data.csv", "id,month,place,cases\na,2026-01,S,50\nb,2026-02,S,1\n")
		snapshot := func() (out []string) {
			err := filepath.WalkDir(l.State, func(path string, e os.DirEntry, err error) error {
				if err == nil && !e.IsDir() {
					b, _ := os.ReadFile(path)
					out = append(out, path+string(b))
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		before := snapshot()
		res, err := l.Pull(t.Context(), PullOptions{DryRun: true, Compare: true})
		if err != nil || changes(res[0].Diff) != "2026-01 changed, 2026-02 new" {
			t.Error(changes(res[0].Diff), err)
		}
		if !slices.Equal(before, snapshot()) {
			t.Error("a dry run leaves something behind")
		}
	}
}

// With append the set before is compared with the set after; nothing is ever gone.
func TestAppendDiff(t *testing.T) {
	l, _ := made(t, strings.Replace(base, "    key: row\n", "    key: row\n    delivers: append\n", 1), map[string]string{"data1.csv": twoMonths})
	for _, step := range []struct{ file, text, changes, codes string }{
		{"data1.csv", twoMonths, "none", ""},
		{"data2.csv", "month,place,cases\n2026-02,S,1\n2026-03,N,4\n", "2026-02 changed, 2026-03 new", ""},
		{"data3.csv", "month,place,cases\n2026-02,N,1\n", "2026-02 changed", ""},
	} {
		rewrite(t, l, step.file, step.text)
		res, err := l.Pull(t.Context(), PullOptions{})
		if err != nil || changes(res[0].Diff) != step.changes {
			t.Errorf("%s: %s, %v", step.file, changes(res[0].Diff), err)
		}
		if d := res[0].Diff; d != nil && d.Vocabulary != nil && len(d.Vocabulary.Codes["place"].Gone) > 0 {
			t.Errorf("%s: of a part something is said to be gone: %+v", step.file, d.Vocabulary)
		}
	}
}

// A source that checks is no source of a release: not expected, not reporting, and
// its rows, there or destroyed or missing, change neither what is due nor its counts.
func TestCheckCountsNothing(t *testing.T) {
	const other = `  other:
    agency: Other
    required: false
    use: check
    from: {file: {path: "other.csv"}}
    map: {unit: count, period: month, place: place, value: cases}
    key: row
tables:`
	l, clock := made(t, strings.Replace(loud, "tables:", other, 1), map[string]string{"data.csv": twoMonths, "other.csv": "month,place,cases\n2026-01,N,49\n2026-01,S,4\n2026-02,S,60\n"})
	res, err := l.Pull(t.Context(), PullOptions{Compare: true})
	if err != nil {
		t.Fatal(err)
	}
	c := res[1].Check
	if res[0].Check != nil || c == nil || len(c.Periods) != 2 || !slices.Equal(c.With, []string{"feed"}) || !slices.Equal(c.By, []string{"place"}) {
		t.Fatalf("compared: %+v", c)
	}
	p := c.Periods[0]
	if p.Here != 53 || p.Others != 50 || p.Equal != 0 || p.Differ != 1 || p.OnlyHere != 1 || p.OnlyOthers != 0 || len(p.Cells) != 2 || p.Cells[0].Codes[0] != "S" || p.Cells[0].Here != 4 {
		t.Errorf("2026-01: %+v", p)
	}
	if p := c.Periods[1]; p.Equal != 1 || len(p.Cells) != 0 {
		t.Errorf("2026-02: %+v", p)
	}
	clock.set(t, "2026-02-15 12:00")
	if got := totals(t, l); got != "2026-01 50" {
		t.Errorf("published %q", got)
	}
	clock.set(t, "2026-03-15 12:00")
	if err := os.Remove(filepath.Join(l.Data, "other.csv")); err != nil {
		t.Fatal(err)
	}
	if got := totals(t, l); got != "2026-01 50, 2026-02 60" {
		t.Errorf("published %q", got)
	}
	for _, name := range []string{"releases.csv", "manifest.json", filepath.Join("data", "total.csv")} {
		b, err := os.ReadFile(filepath.Join(l.Public, "datasets", "made-up", "latest", name))
		if err != nil || strings.Contains(string(b), "other") || strings.Contains(string(b), "partial") {
			t.Errorf("%s speaks of it: %v\n%s", name, err, b)
		}
	}
}
