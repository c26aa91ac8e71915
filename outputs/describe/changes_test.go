package describe_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"halftone/outputs"
	"halftone/outputs/compose/composetest"
	"halftone/outputs/describe"
	"halftone/privacy"
)

var update = flag.Bool("update", false, "write the golden files")

// eventful is a world in which everything has happened once.
func eventful(t testing.TB) (*composetest.World, outputs.Version, outputs.Files) {
	t.Helper()
	w := composetest.New()
	w.Spec.Mechanism, w.Spec.Budget.NanoRho = privacy.PlannerMechanism, 100e6
	w.Release(t, "2018", 1, 1)
	w.Foreign(t)
	w.Release(t, "2019", 1, 2)
	w.Release(t, "2018", 2, 1)
	one := w.Version(t, "2026.11-1", 1)
	w.Published(t, one, composed(t, one))
	w.Day = w.Day.AddDate(0, 0, 1)
	w.Spec.Sources[0].PerPeriod, w.Spec.Budget.NanoRho = 4, 900e6
	w.About.Sources[0].PerPeriod = 4
	w.Amend(t, 2, 4, "bound_corrected")
	w.Withdraw(t, "2018", 2, "data_protection")
	w.Revise(t, "2019", 2, "source_corrected")
	w.Approve(t, "2019", 2, "Ada", "Ben")
	w.Release(t, "2019", 2, 3)
	w.Burn(t, "2020", 1, 1000)
	w.Unlock(t)
	two := w.Version(t, "2026.11-2", 2)
	two.Breaks = append(two.Breaks, outputs.Break{At: period(t, "2020"), Kind: "codes_changed", Note: outputs.Text{"en": "a note of somebody"}})
	return w, two, composed(t, two)
}

func changes(t testing.TB, v outputs.Version, files outputs.Files) []byte {
	t.Helper()
	b, err := describe.Changes(v, files["manifest.json"])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestChanges(t *testing.T) {
	_, v, files := eventful(t)
	b := changes(t, v, files)
	if !bytes.Equal(b, changes(t, v, files)) {
		t.Error("other bytes for the same version")
	}
	if d := describe.Sum(files["manifest.json"]); !strings.Contains(string(b), d) {
		t.Error("the newest version's manifest is not named")
	}
	for _, free := range []string{"Ada", "disk", "somebody", `"other"`} {
		if strings.Contains(string(b), free) {
			t.Errorf("a free text of people or another dataset is repeated: %s", free)
		}
	}
	// Digests differ from run to run, since noise does: named in the order in which they come.
	names := map[string]string{}
	got := regexp.MustCompile(`[0-9a-f]{64}`).ReplaceAllStringFunc(string(b), func(d string) string {
		if names[d] == "" {
			names[d] = fmt.Sprint("digest ", len(names)+1)
		}
		return names[d]
	})
	const file = "testdata/changes.json"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || got != string(want) {
		t.Errorf("differs from %s (%v); look at it and run with -update\n%s", file, err, got)
	}
}

// Costs of all lines come to what the version says that was spent.
func TestChangesEndInWhatWasSpent(t *testing.T) {
	_, v, files := eventful(t)
	var page struct {
		Spent   privacy.Cost
		Changes []struct {
			Kind  string
			Spent *privacy.Cost
		}
	}
	if err := json.Unmarshal(changes(t, v, files), &page); err != nil {
		t.Fatal(err)
	}
	var last privacy.Cost
	for _, c := range page.Changes {
		if c.Spent != nil {
			if c.Spent.Nano() < last.Nano() {
				t.Errorf("%s: spent less than before", c.Kind)
			}
			last = *c.Spent
		}
	}
	if page.Spent != v.Spent.Cost || last != v.Spent.Cost {
		t.Errorf("%+v, in the last line %+v, want %+v", page.Spent, last, v.Spent.Cost)
	}
}

func TestChangesRefusesASpoiltLedger(t *testing.T) {
	_, v, files := eventful(t)
	v.Ledger = append([]privacy.Link{}, v.Ledger...)
	v.Ledger[3].Entry = []byte(`{"kind":"seal","more":1}`)
	if _, err := describe.Changes(v, files["manifest.json"]); err == nil {
		t.Error("written from an unreadable entry")
	}
	w := composetest.New()
	w.Release(t, "2018", 1, 1)
	w.Revise(t, "2018", 2, "Springfield had 3")
	if _, err := describe.Changes(w.Version(t, "2026.11-1", 1), files["manifest.json"]); err == nil {
		t.Error("a free reason is repeated")
	}
}

// A run that was killed leaves the list of the version before: its lines stand first
// in today's. Another list is no earlier one.
func TestEarlierChanges(t *testing.T) {
	now := []byte(`{"version": "2026.11-2", "sequence": 2, "changes": [{"kind": "release"}, {"kind": "version"}, {"kind": "release"}]}`)
	for old, want := range map[string]string{
		`{"version": "2026.11-1", "sequence": 1, "changes": [{"kind": "release"}, {"kind": "version"}]}`:                         "2026.11-1",
		`{"version": "2026.11-1", "sequence": 2, "changes": [{"kind": "release"}, {"kind": "version"}]}`:                         "",
		`{"version": "2026.11-1", "sequence": 1, "changes": [{"kind": "release"}, {"kind": "burnt"}]}`:                           "",
		`{"version": "2026.11-1", "sequence": 1, "changes": [{"kind": "release"}, {"kind": "version"}, {"kind": "x"}, {"a":1}]}`: "",
		`{"version": "2026.11-1"`: "",
	} {
		if got, ok := describe.EarlierChanges([]byte(old), now); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", old, got, ok)
		}
	}
}
