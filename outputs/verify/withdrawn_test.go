package verify_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"halftone/outputs"
	"halftone/outputs/compose"
	"halftone/outputs/compose/composetest"
	"halftone/outputs/describe"
	"halftone/outputs/publish"
	"halftone/outputs/verify"
	"halftone/privacy"
)

// gone is a version of three years of which the middle one is withdrawn.
func gone(t testing.TB) (*composetest.World, outputs.Files) {
	t.Helper()
	w := composetest.New()
	w.Spec.Sources[0].Periods, w.Spec.Budget.NanoEpsilon, w.About.Lead = 3, 30e9, "national"
	w.About.Sources[0].Periods = 3
	for i, p := range []string{"2018", "2019", "2020"} {
		w.Release(t, p, 1, int64(i)+1)
	}
	w.Day = w.Day.AddDate(0, 0, 1)
	w.Withdraw(t, "2019", 1, "mapping_error")
	files, err := compose.Version(w.Version(t, "2026.11-1", 1))
	if err != nil {
		t.Fatal(err)
	}
	return w, files
}

// A version with a withdrawn period is made again from what is published alone, and
// any change of it is found.
func TestWithdrawnPeriod(t *testing.T) {
	t.Parallel()
	w, whole := gone(t)
	for _, o := range [][]verify.Option{nil, {verify.By(tool)}} {
		r, err := verify.FS(t.Context(), whole, o...)
		wantOK(t, "withdrawn period", r, err)
		if !strings.Contains(r.Checks[2].Detail, "1 period withdrawn, without numbers and without a sealed file") || r.Withdrawn != nil {
			t.Errorf("%+v", r)
		}
	}
	sealed, err := w.Sealed(t.Context(), privacy.Key{Dataset: "test-offences", Series: 1, Period: period(t, "2019"), Edition: 1})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		spoil func(f outputs.Files)
		check string
		want  string
	}{
		"numbers": {func(f outputs.Files) {
			replace(t, f, "data/national.csv", "2019,2019-01-01,,,,,,withdrawn,1", "2019,2019-01-01,2500,2490,2510,2500.000,4.000,withdrawn,1")
		}, "numbers", "national.csv line 3: value differs"},
		"status": {func(f outputs.Files) {
			replace(t, f, "data/by-region.csv", "withdrawn", "not_released")
		}, "numbers", "by-region.csv line 4: status differs"},
		"line gone": {func(f outputs.Files) {
			replace(t, f, "data/national.csv", "2019,2019-01-01,,,,,,withdrawn,1\n", "")
		}, "numbers", "national.csv"},
		"a digit of another year": {func(f outputs.Files) { line(t, f, "data/national.csv", 4, 7, "12") }, "numbers", "national.csv line 4: value differs"},
		"list of releases":        {func(f outputs.Files) { replace(t, f, "releases.csv", "an error in the mapping", "nothing much") }, "numbers", "releases.csv line 3"},
		"sealed file still there": {func(f outputs.Files) { f["sealed/2019.1.json"] = sealed }, "releases", "sealed/2019.1.json is of a release that is withdrawn"},
		"shown in the report": {func(f outputs.Files) {
			s := string(f["report/index.html"])
			at := strings.Index(s, `<table id=`)
			f["report/index.html"] = []byte(s[:at] + strings.Replace(s[at:], `withdrawn</span>`, `2,500</span>`, 1))
		}, "formats", "data table"},
		"label": {func(f outputs.Files) {
			replace(t, f, "privacy-label.json", `"reason": "mapping_error"`, `"reason": "data_protection"`)
		}, "privacy", "privacy-label.json differs"},
		"text": {func(f outputs.Files) {
			replace(t, f, "datapackage.json", `"reason": "mapping_error"`, `"reason": "data_protection"`)
		}, "numbers", "datapackage.json says otherwise than the ledger"},
	} {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(whole)
			tc.spoil(files)
			forge(t, files, nil)
			if f, d := failed(t, files); !slices.Contains(f, tc.check) || !strings.Contains(d, tc.want) {
				t.Errorf("failed %v\n%swant %s: %q", f, d, tc.check, tc.want)
			}
		})
	}
	t.Run("manifest", func(t *testing.T) {
		files := maps.Clone(whole)
		forge(t, files, func(m *describe.Manifest) { m.Withdrawn = nil })
		if f, d := failed(t, files); !slices.Contains(f, "releases") || !strings.Contains(d, "otherwise than ledger.jsonl what is withdrawn") {
			t.Errorf("failed %v\n%s", f, d)
		}
	})
	t.Run("the withdrawal hidden", func(t *testing.T) {
		files := maps.Clone(whole)
		relink(t, files, func(e *privacy.Entry) {
			if e.Kind == privacy.EntryWithdraw {
				e.Kind, e.SpecDigest = privacy.EntryApprove, "s"
			}
		})
		if f, _ := failed(t, files); len(f) == 0 {
			t.Error("not noticed")
		}
	})
	t.Run("a byte anywhere", func(t *testing.T) {
		for _, name := range []string{"README.md", "data/all-tables.parquet", "datapackage.json", "manifest.json", "privacy-label.json", "releases.csv", "report/index.html"} {
			files := maps.Clone(whole)
			files[name] = slices.Clone(whole[name])
			files[name][len(files[name])/2] ^= 1
			if name != describe.ManifestFile && name != describe.SumsFile {
				forge(t, files, nil)
			}
			if f, _ := failed(t, files, verify.By(tool)); len(f) == 0 {
				t.Errorf("%s: not noticed", name)
			}
		}
	})
}

func period(t testing.TB, s string) privacy.Period {
	t.Helper()
	p, err := privacy.ParsePeriod(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// taken is a public folder of three versions. 2019 was withdrawn before the last;
// those before it are taken down, but for those that are kept.
func taken(t testing.TB, kept ...string) (root string) {
	t.Helper()
	root = t.TempDir()
	f, err := publish.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	w := composetest.New()
	w.Spec.Sources[0].Periods, w.Spec.Budget.NanoEpsilon = 3, 30e9
	w.About.Sources[0].Periods = 3
	w.Release(t, "2018", 1, 1)
	var last outputs.Version
	var files outputs.Files
	all := map[string]outputs.Files{}
	for i, name := range []string{"2026.11-1", "2026.11-2", "2026.11-3"} {
		switch i {
		case 1:
			w.Release(t, "2019", 1, 2)
		case 2:
			w.Withdraw(t, "2019", 1, "mapping_error")
		}
		last = w.Version(t, name, i+1)
		if files, err = compose.Version(last); err != nil {
			t.Fatal(err)
		}
		all[name] = files
		changes, err := describe.Changes(last, files[describe.ManifestFile])
		if err != nil {
			t.Fatal(err)
		}
		w.Published(t, last, files)
		if err := errors.Join(f.Put(t.Context(), "test-offences", name, files), f.Point(t.Context(), "test-offences", name),
			f.PutDataset(t.Context(), "test-offences", describe.ChangesFile, changes)); err != nil {
			t.Fatal(err)
		}
	}
	if slices.Contains(kept, "2026.11-2") {
		return root
	}
	note, err := describe.NewWithdrawnNote(all["2026.11-2"][describe.ManifestFile], w.Links, "2026.11-3")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Withdraw(t.Context(), "test-offences", "2026.11-2", note); err != nil {
		t.Fatal(err)
	}
	return root
}

// copied is a copy of a folder that a test may spoil.
func copied(t testing.TB, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

func check(r verify.Report, name string) verify.Check {
	if i := slices.IndexFunc(r.Checks, func(c verify.Check) bool { return c.Name == name }); i >= 0 {
		return r.Checks[i]
	}
	return verify.Check{}
}

// A dataset whose older version was taken down verifies, on disk and over HTTP.
func TestDatasetWithWithdrawal(t *testing.T) {
	t.Parallel()
	root := taken(t)
	dir := filepath.Join(root, "datasets/test-offences")
	server := httptest.NewServer(http.FileServer(http.Dir(root)))
	defer server.Close()
	for _, at := range []string{dir, server.URL + "/datasets/test-offences"} {
		var r verify.Report
		var err error
		if strings.HasPrefix(at, "http") {
			r, err = verify.URL(t.Context(), at, nil, verify.By(tool))
		} else {
			r, err = verify.Folder(t.Context(), at, verify.By(tool))
		}
		wantOK(t, at, r, err)
		if d := check(r, "ledger").Detail; !strings.Contains(d, "2 earlier versions in the ledger, 2 of them here") {
			t.Error(d)
		}
		if d := check(r, "changes").Detail; !strings.Contains(d, "changes.json lists what") {
			t.Error(d)
		}
	}
}

func TestDatasetWithWithdrawalSpoilt(t *testing.T) {
	t.Parallel()
	second, whole := "/versions/2026.11-2/", filepath.Join(taken(t), "datasets/test-offences")
	for name, tc := range map[string]struct {
		spoil func(d string) error
		check string
		want  string
	}{
		"changes edited": {func(d string) error {
			return edit(d+"/changes.json", `"reason": "mapping_error"`, `"reason": "data_protection"`)
		}, "changes", "changes.json line "},
		"changes of before": {func(d string) error {
			return edit(d+"/changes.json", `"version": "2026.11-3"`, `"version": "2026.11-2"`)
		}, "changes", "changes.json line "},
		"note gone":   {func(d string) error { return os.Remove(d + second + "WITHDRAWN.json") }, "ledger", "2026.11-2 still shows test-offences@2019.1, which is withdrawn"},
		"note edited": {func(d string) error { return edit(d+second+"WITHDRAWN.json", "2026.11-2", "2026.11-1") }, "ledger", "WITHDRAWN.json is of another version"},
		"sealed file back": {func(d string) error {
			return errors.Join(os.Mkdir(d+second+"sealed", 0o700), os.WriteFile(d+second+"sealed/2019.1.json", []byte("{}"), 0o600))
		}, "ledger", "versions/2026.11-2/sealed/2019.1.json is of a release that is withdrawn"},
		"a note too many": {func(d string) error { return os.WriteFile(d+"/versions/2026.11-1/WITHDRAWN.json", []byte("{}"), 0o600) }, "ledger", "the ledger has withdrawn nothing that it shows"},
		"ledger gone":     {func(d string) error { return os.Remove(d + second + "ledger.jsonl") }, "ledger", "ledger.jsonl"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := copied(t, whole)
			if err := tc.spoil(dir); err != nil {
				t.Fatal(err)
			}
			r, err := verify.Folder(t.Context(), dir, verify.By(tool))
			if err != nil {
				t.Fatal(err)
			}
			if c := check(r, tc.check); r.OK || c.OK || !strings.Contains(c.Detail, tc.want) {
				t.Errorf("%+v, want FAIL %s with %q", r.Checks, tc.check, tc.want)
			}
		})
	}
	r, err := verify.Folder(t.Context(), filepath.Join(taken(t, "2026.11-2"), "datasets/test-offences"))
	if c := check(r, "ledger"); err != nil || c.OK || !strings.Contains(c.Detail, "it is to be taken down") {
		t.Errorf("a version that was forgotten: %+v, %v", c, err)
	}
}

// moving is a dataset's folder that is read while a run publishes: latest.json is
// first what it was a version before, for as many reads as before says.
type moving struct {
	fs.FS
	before int
	old    []byte
}

func (m *moving) Open(name string) (fs.File, error) {
	if name != publish.PointerFile || m.before == 0 {
		return m.FS.Open(name)
	}
	m.before--
	return fstest.MapFS{name: {Data: m.old}}.Open(name)
}

// Whoever verifies while a version comes out is told of that version, and not that
// the one before it is spoilt.
func TestVersionComesOutMeanwhile(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(taken(t), "datasets/test-offences")
	for version, check := range map[string]string{"2026.11-1": "changes", "2026.11-2": "withdrawn"} {
		manifest, err := os.ReadFile(filepath.Join(dir, "versions", version, describe.ManifestFile))
		if err != nil {
			t.Fatal(err)
		}
		old, err := json.Marshal(publish.Pointer{Dataset: "test-offences", Version: version, Sequence: int(version[8] - '0'),
			Path: "versions/" + version + "/", Manifest: describe.Sum(manifest)})
		if err != nil {
			t.Fatal(err)
		}
		r, err := verify.FS(t.Context(), &moving{os.DirFS(dir), 1, old}, verify.By(tool))
		wantOK(t, version, r, err)
		if r.Version != "2026.11-3" {
			t.Errorf("told of %s", r.Version)
		}
		// A pointer that stays is that of a spoilt folder.
		r, err = verify.FS(t.Context(), &moving{os.DirFS(dir), 99, old}, verify.By(tool))
		if err != nil || r.OK || r.Version != version || !slices.ContainsFunc(r.Checks, func(c verify.Check) bool { return c.Name == check && !c.OK }) {
			t.Errorf("%s: %+v, %v", version, r, err)
		}
	}
}

// A version that was taken down is never verified, whatever is left of it, and says
// why and what to use.
func TestTakenDownVersion(t *testing.T) {
	t.Parallel()
	whole := filepath.Join(taken(t), "datasets/test-offences/versions/2026.11-2")
	for name, tc := range map[string]struct {
		spoil func(d string) error
		fails []string
		want  string
	}{
		"as it is":      {func(string) error { return nil }, []string{"withdrawn"}, "this version was taken down on 2026-11-23 (2019.1: an error in the mapping). Its figures are not here and are not to be used; use version 2026.11-3"},
		"ledger edited": {func(d string) error { return edit(d+"/ledger.jsonl", "police", "polite") }, []string{"files", "ledger", "withdrawn"}, "ledger.jsonl does not match SHA256SUMS"},
		"sums edited":   {func(d string) error { return edit(d+"/SHA256SUMS", "  README.md", "  README.txt") }, []string{"files", "withdrawn"}, "do not agree"},
		"a table back": {func(d string) error {
			return errors.Join(os.Mkdir(d+"/data", 0o700), os.WriteFile(d+"/data/national.csv", nil, 0o600))
		}, []string{"files", "withdrawn"}, "data/national.csv is still there"},
		"something else": {func(d string) error { return os.WriteFile(d+"/x.txt", nil, 0o600) }, []string{"files", "withdrawn"}, "x.txt is still there"},
		"note spoilt":    {func(d string) error { return os.WriteFile(d+"/WITHDRAWN.json", []byte("{}"), 0o600) }, []string{"withdrawn"}, "WITHDRAWN.json is unreadable"},
		"no ledger":      {func(d string) error { return os.Remove(d + "/ledger.jsonl") }, []string{"withdrawn"}, "taken down"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := copied(t, whole)
			if err := tc.spoil(dir); err != nil {
				t.Fatal(err)
			}
			r, err := verify.Folder(t.Context(), dir, verify.By(tool))
			if err != nil {
				t.Fatal(err)
			}
			var fails []string
			details := ""
			for _, c := range r.Checks {
				if !c.OK {
					fails = append(fails, c.Name)
				}
				details += c.Detail + "\n"
			}
			if r.OK || !slices.Equal(fails, tc.fails) || !strings.Contains(details, tc.want) {
				t.Errorf("failed %v, want %v and %q\n%s", fails, tc.fails, tc.want, details)
			}
			if readable := name != "note spoilt"; readable != (r.Withdrawn != nil) || r.Spent.Nano() != 0 {
				t.Errorf("withdrawn %+v, spent %+v", r.Withdrawn, r.Spent)
			}
		})
	}
	// A whole version with a note beside it is not verified either.
	_, files := gone(t)
	files[describe.WithdrawnFile] = []byte(`{"format":"halftone-withdrawn/1"}`)
	if f, _ := failed(t, files); !slices.Contains(f, "withdrawn") || !slices.Contains(f, "files") {
		t.Errorf("failed %v", f)
	}
}
