package verify_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"halftone/outputs"
	"halftone/outputs/compose"
	"halftone/outputs/compose/composetest"
	"halftone/outputs/describe"
	"halftone/outputs/publish"
	"halftone/outputs/verify"
)

func TestDatasetFolder(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(dir string) error
		check string
		want  string
	}{
		"extra file":  {func(d string) error { return os.WriteFile(d+"/versions/2026.11-2/data/x.csv", nil, 0o600) }, "files", "data/x.csv is not in SHA256SUMS"},
		"extra link":  {func(d string) error { return os.Symlink("manifest.json", d+"/versions/2026.11-2/x") }, "files", "x is not in SHA256SUMS"},
		"file gone":   {func(d string) error { return os.Remove(d + "/versions/2026.11-2/README.md") }, "files", "README.md is missing"},
		"other point": {func(d string) error { return edit(d+"/latest.json", `"sequence": 2`, `"sequence": 3`) }, "files", "latest.json"},
		"earlier manifest": {func(d string) error {
			return edit(d+"/versions/2026.11-1/manifest.json", "halftone test", "halftone best")
		},
			"ledger", "versions/2026.11-1/manifest.json is not the manifest that the ledger recorded"},
		"unknown version": {func(d string) error {
			return errors.Join(os.CopyFS(d+"/versions/2026.10-1", os.DirFS(d+"/versions/2026.11-1")),
				edit(d+"/versions/2026.10-1/manifest.json", `"version": "2026.11-1"`, `"version": "2026.10-1"`))
		}, "ledger", "no record of version 2026.10-1"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(published(t), "datasets/test-offences")
			if err := tc.spoil(dir); err != nil {
				t.Fatal(err)
			}
			r, err := verify.Folder(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(r.Checks, func(c verify.Check) bool { return c.Name == tc.check })
			if r.OK || r.Checks[i].OK || !strings.Contains(r.Checks[i].Detail, tc.want) {
				t.Errorf("%+v, want FAIL %s with %q", r.Checks, tc.check, tc.want)
			}
		})
	}
}

func edit(name, old, with string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if !strings.Contains(string(b), old) {
		return errors.New("nothing to edit")
	}
	return os.WriteFile(name, []byte(strings.Replace(string(b), old, with, 1)), 0o600)
}

// An earlier version that is not here any more is said, not failed; a version
// above the latest one is a run that was cut off.
func TestOtherVersionsHere(t *testing.T) {
	dir := filepath.Join(published(t), "datasets/test-offences")
	if err := os.RemoveAll(dir + "/versions/2026.11-1"); err != nil {
		t.Fatal(err)
	}
	r, err := verify.Folder(t.Context(), dir)
	wantOK(t, "without the first", r, err)
	if !strings.Contains(r.Checks[3].Detail, "0 of them here") {
		t.Errorf("%s", r.Checks[3].Detail)
	}
}

// The ledger of the newer version must continue the one of the older, and no
// version is older than what its own ledger has recorded.
func TestForkedLedger(t *testing.T) {
	for name, tc := range map[string]struct {
		head     string // of the first version's manifest
		sequence int    // of the second
		want     string
	}{
		"honest":   {"", 2, ""},
		"fork":     {strings.Repeat("0", 64), 2, "head of version 2026.11-1 is not in this version's chain"},
		"sequence": {"", 1, "no higher sequence"},
	} {
		w, dir := composetest.New(), t.TempDir()
		var all []outputs.Files
		for i, v := range []string{"2026.11-1", "2026.11-2"} {
			w.Release(t, []string{"2018", "2019"}[i], 1, 3)
			made := w.Version(t, v, []int{1, tc.sequence}[i])
			files, err := compose.Version(made)
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 && tc.head != "" {
				forge(t, files, func(m *describe.Manifest) { m.Head = tc.head })
			}
			w.Published(t, made, files)
			all = append(all, files)
			for n, b := range files {
				at := filepath.Join(dir, "versions", v, n)
				if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, b, 0o600)); err != nil {
					t.Fatal(err)
				}
			}
		}
		pointer, err := json.Marshal(publish.Pointer{Dataset: "test-offences", Version: "2026.11-2", Sequence: tc.sequence,
			Path: "versions/2026.11-2/", Manifest: describe.Sum(all[1][describe.ManifestFile])})
		if err := errors.Join(err, os.WriteFile(filepath.Join(dir, "latest.json"), pointer, 0o600)); err != nil {
			t.Fatal(err)
		}
		r, err := verify.Folder(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		if c := r.Checks[3]; c.OK != (tc.want == "") || !strings.Contains(c.Detail, tc.want) {
			t.Errorf("%s: %+v", name, c)
		}
	}
}
