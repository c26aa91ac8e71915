package verify_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
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
	"halftone/privacy"
)

const tool = "halftone test"

// version is a version with a revised period and another dataset's entry in the ledger.
func version(t testing.TB) outputs.Files {
	t.Helper()
	w := composetest.New()
	w.Release(t, "2018", 1, 1)
	w.Foreign(t)
	w.Release(t, "2019", 1, 2)
	w.Release(t, "2018", 2, 1)
	files, err := compose.Version(w.Version(t, "2026.11-1", 1))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// published is a public folder with two versions of one dataset.
func published(t testing.TB) (root string) {
	t.Helper()
	root = t.TempDir()
	f, err := publish.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	w := composetest.New()
	for i, name := range []string{"2026.11-1", "2026.11-2"} {
		w.Release(t, []string{"2018", "2019"}[i], 1, 3)
		v := w.Version(t, name, i+1)
		files, err := compose.Version(v)
		if err != nil {
			t.Fatal(err)
		}
		w.Published(t, v, files)
		if err := errors.Join(f.Put(t.Context(), "test-offences", name, files), f.Point(t.Context(), "test-offences", name)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func wantOK(t *testing.T, what string, r verify.Report, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	var names []string
	for _, c := range r.Checks {
		names = append(names, c.Name)
		if !c.OK {
			t.Errorf("%s: FAIL %s  %s", what, c.Name, c.Detail)
		}
	}
	names = slices.DeleteFunc(names, func(n string) bool { return n == "changes" }) // of datasets only
	if want := []string{"signature", "files", "releases", "ledger", "privacy", "numbers", "sums", "formats"}; !slices.Equal(names, want) || !r.OK {
		t.Errorf("%s: checks %v, ok %v, want %v", what, names, r.OK, want)
	}
}

func TestVerifies(t *testing.T) {
	root := published(t)
	dataset := filepath.Join(root, "datasets/test-offences")
	for what, dir := range map[string]string{"dataset": dataset, "latest": dataset + "/latest", "version": dataset + "/versions/2026.11-1"} {
		for _, o := range [][]verify.Option{nil, {verify.By(tool)}} {
			r, err := verify.Folder(t.Context(), dir, o...)
			wantOK(t, what, r, err)
			if what == "dataset" && (r.Version != "2026.11-2" || !strings.Contains(r.Checks[3].Detail, "1 earlier version in the ledger, 1 of them here")) {
				t.Errorf("%+v", r)
			}
			if s := r.Spent; s.NanoEpsilon == 0 || s.Unit != "event" || s.Epsilon != float64(s.NanoEpsilon)/1e9 || s.Delta != 0 || s.M != 2 || s.P != 2 || !slices.Equal(s.Sources, []string{"police"}) {
				t.Errorf("%s: spent %+v", what, s)
			}
		}
	}
	server := httptest.NewServer(http.FileServer(http.Dir(root)))
	defer server.Close()
	for _, at := range []string{"/datasets/test-offences/", "/datasets/test-offences", "/datasets/test-offences/versions/2026.11-1/"} {
		r, err := verify.URL(t.Context(), server.URL+at, nil, verify.By(tool))
		wantOK(t, at, r, err)
	}
	r, err := verify.FS(t.Context(), version(t))
	wantOK(t, "in memory", r, err)
}

func TestNothingHere(t *testing.T) {
	if _, err := verify.Folder(t.Context(), t.TempDir()); !errors.Is(err, verify.ErrNotPublished) {
		t.Errorf("empty folder: %v", err)
	}
	if _, err := verify.Folder(t.Context(), "/nonexistent"); err == nil {
		t.Error("no folder")
	}
	for _, u := range []string{"ftp://x/", "http://", "x", "http://u:p@localhost/"} {
		if _, err := verify.URL(t.Context(), u, nil); err == nil {
			t.Errorf("%s: accepted", u)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://other.invalid"+r.URL.Path, http.StatusFound)
	}))
	defer server.Close()
	if _, err := verify.URL(t.Context(), server.URL, nil); err == nil || !strings.Contains(err.Error(), "another host") {
		t.Errorf("redirect to another host: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := verify.FS(ctx, version(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}

// failed returns the checks that fail, and a text of all details.
func failed(t *testing.T, files outputs.Files, options ...verify.Option) (names []string, details string) {
	t.Helper()
	r, err := verify.FS(t.Context(), files, options...)
	if err != nil {
		return []string{"error"}, err.Error()
	}
	for _, c := range r.Checks {
		if !c.OK {
			names, details = append(names, c.Name), details+c.Name+": "+c.Detail+"\n"
		}
	}
	if (len(names) == 0) != r.OK {
		t.Errorf("ok is %v with failures %v", r.OK, names)
	}
	return names, details
}

// forge makes manifest and sums fit what an attacker has changed.
func forge(t testing.TB, files outputs.Files, change func(*describe.Manifest)) {
	t.Helper()
	m, err := describe.ReadManifest(files[describe.ManifestFile])
	if err != nil {
		t.Fatal(err)
	}
	m.Files = nil
	for _, n := range files.Names() {
		if n != describe.ManifestFile && n != describe.SumsFile {
			m.Files = append(m.Files, describe.ManifestFileSum{Path: n, Bytes: int64(len(files[n])), SHA256: describe.Sum(files[n])})
		}
	}
	for i := range m.Releases {
		m.Releases[i].Sealed = describe.Sum(files[m.Releases[i].File])
	}
	if change != nil {
		change(&m)
	}
	if files[describe.ManifestFile], err = m.JSON(); err != nil {
		t.Fatal(err)
	}
	files[describe.SumsFile] = describe.Sums(files)
}

// One byte changed in any file is noticed: always, and with manifest and sums
// made to fit. By the program that composed it, in every file; by another one,
// in every file that has numbers.
func TestAnyByte(t *testing.T) {
	whole := version(t)
	flipped := func(name string, at int) outputs.Files {
		files := maps.Clone(whole)
		files[name] = slices.Clone(whole[name])
		files[name][at] ^= 1
		return files
	}
	for _, name := range whole.Names() {
		n := len(whole[name])
		if f, _ := failed(t, flipped(name, n/2)); len(f) == 0 {
			t.Errorf("%s: not noticed", name)
		}
		if name == describe.ManifestFile || name == describe.SumsFile {
			continue
		}
		for _, at := range []int{n / 5, n - 3} {
			files := flipped(name, at)
			forge(t, files, nil)
			if f, _ := failed(t, files, verify.By(tool)); len(f) == 0 {
				t.Errorf("%s byte %d: not noticed when manifest and sums fit", name, at)
			}
			if f, _ := failed(t, files); len(f) == 0 && !words(name) {
				t.Errorf("%s byte %d: not noticed by another program when manifest and sums fit", name, at)
			}
		}
	}
}

// words reports whether some bytes of a file are words, which another program
// cannot know.
func words(name string) bool {
	return slices.Contains([]string{"README.md", "LICENSE.txt", "CITATION.cff", "datapackage.json", "report/index.html", "claims.json"}, name) ||
		strings.HasPrefix(name, "codes/")
}

// Every byte of a Parquet file counts, the footer's too.
func TestEveryParquetByte(t *testing.T) {
	whole := version(t)
	name := "data/national.parquet"
	for at := 0; at < len(whole[name]); at += 173 {
		files := maps.Clone(whole)
		files[name] = slices.Clone(whole[name])
		files[name][at] ^= 0x10
		forge(t, files, nil)
		if f, d := failed(t, files); !slices.Contains(f, "numbers") || !strings.Contains(d, "national.parquet") {
			t.Errorf("byte %d: %v %s", at, f, d)
		}
	}
}

func replace(t *testing.T, files outputs.Files, name, old, with string) {
	t.Helper()
	s := string(files[name])
	if strings.Count(s, old) == 0 {
		t.Fatalf("%s has no %q", name, old)
	}
	files[name] = []byte(strings.Replace(s, old, with, 1))
}

// line changes one field of a line of a CSV.
func line(t *testing.T, files outputs.Files, name string, n, field int, with string) {
	t.Helper()
	lines := strings.Split(string(files[name]), "\n")
	fields := strings.Split(lines[n-1], ",")
	if fields[len(fields)-field] == with {
		with += "1"
	}
	fields[len(fields)-field] = with
	lines[n-1] = strings.Join(fields, ",")
	files[name] = []byte(strings.Join(lines, "\n"))
}

func TestWhereItDiffers(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, f outputs.Files)
		check string
		want  string
	}{
		"value": {func(t *testing.T, f outputs.Files) { line(t, f, "data/by-region-form.csv", 7, 7, "123") },
			"numbers", "by-region-form.csv line 7: value differs from the sealed file"},
		"sd": {func(t *testing.T, f outputs.Files) { line(t, f, "data/by-state.csv", 3, 3, "0.001") },
			"numbers", "by-state.csv line 3: sd differs from the sealed file"},
		"lines missing": {func(_ *testing.T, f outputs.Files) {
			s := strings.TrimSuffix(string(f["data/national.csv"]), "\n")
			f["data/national.csv"] = []byte(s[:strings.LastIndex(s, "\n")+1])
		}, "numbers", "national.csv: 2 lines, want 3"},
		"label": {func(t *testing.T, f outputs.Files) { replace(t, f, "data/by-region.csv", "North", "Nord") },
			"numbers", "by-region.csv line 2: place_label differs"},
		"line ends": {func(_ *testing.T, f outputs.Files) {
			f["data/by-state.csv"] = []byte(strings.ReplaceAll(string(f["data/by-state.csv"]), "\n", "\r\n"))
		}, "numbers", "by-state.csv holds the right cells"},
		"released": {func(t *testing.T, f outputs.Files) { replace(t, f, "releases.csv", "2026-11-23", "2026-11-24") },
			"numbers", "releases.csv line 2"},
		"price in words": {func(t *testing.T, f outputs.Files) {
			replace(t, f, "privacy-label.json", `"epsilon": 3,`, `"epsilon": 2,`)
		}, "privacy", "privacy-label.json differs"},
		"noise model": {func(t *testing.T, f outputs.Files) { replace(t, f, "noise-model.json", `"b": 8`, `"b": 4`) },
			"privacy", "noise-model.json differs"},
		"additive": {func(t *testing.T, f outputs.Files) {
			replace(t, f, "manifest.json", `"additive": true`, `"additive": false`)
		},
			"sums", "whether values add up"},
		"report table": {func(_ *testing.T, f outputs.Files) {
			s := string(f["report/index.html"])
			at := strings.Index(s, `<table id=`)
			f["report/index.html"] = []byte(s[:at] + strings.Replace(s[at:], `<td class="right">`, `<td class="right">9`, 1))
		}, "formats", "report/index.html: data table"},
		"claims": {func(t *testing.T, f outputs.Files) { replace(t, f, "claims.json", `"verdict": "`, `"verdict": "not_`) },
			"formats", "claims.json line "},
		"a period of claims": {func(t *testing.T, f outputs.Files) { replace(t, f, "claims.json", `"last": "2019"`, `"last": "2018"`) },
			"formats", "claims.json line "},
		"more in claims": {func(t *testing.T, f outputs.Files) { replace(t, f, "claims.json", `"alpha"`, `"x": 1, "alpha"`) },
			"formats", "claims.json is unreadable"},
		"claims with a key in another case": {func(t *testing.T, f outputs.Files) {
			replace(t, f, "claims.json", `"verdict": "cannot_say"`, `"verdict": "more", "Verdict": "cannot_say"`)
		}, "formats", "claims.json is not written as it must be"},
		"claims with more behind": {func(_ *testing.T, f outputs.Files) {
			f["claims.json"] = append(slices.Clone(f["claims.json"]), "{}"...)
		},
			"formats", "claims.json is not written as it must be"},
		"a noise model with a key in another case": {func(t *testing.T, f outputs.Files) {
			replace(t, f, "noise-model.json", `"b": 8`, `"b": 4, "B": 8`)
		}, "privacy", "noise-model.json is not written as it must be"},
		"head": {func(t *testing.T, f outputs.Files) {
			forge(t, f, func(m *describe.Manifest) { m.Head = strings.Repeat("0", 64) })
		}, "ledger", "head"},
		"extra sealed": {func(_ *testing.T, f outputs.Files) { f["sealed/2001.1.json"] = f["sealed/2018.2.json"] },
			"releases", "sealed/2001.1.json"},
		"sealed files swapped": {func(_ *testing.T, f outputs.Files) {
			f["sealed/2018.2.json"], f["sealed/2019.1.json"] = f["sealed/2019.1.json"], f["sealed/2018.2.json"]
		}, "releases", "do not agree"},
		"other tables": {func(t *testing.T, f outputs.Files) {
			forge(t, f, func(m *describe.Manifest) { m.Tables = m.Tables[1:] })
		}, "numbers", "other tables"},
	} {
		t.Run(name, func(t *testing.T) {
			files := version(t)
			tc.spoil(t, files)
			forge(t, files, nil)
			if tc.check == "ledger" || name == "other tables" {
				tc.spoil(t, files) // forge has not touched what it changes
			}
			if f, d := failed(t, files); !slices.Contains(f, tc.check) || !strings.Contains(d, tc.want) {
				t.Errorf("failed %v, want %s\n%swant %q", f, tc.check, d, tc.want)
			}
		})
	}
}

// relink writes the ledger export again after a change of its entries, as an
// operator who lies would.
func relink(t *testing.T, files outputs.Files, change func(e *privacy.Entry)) {
	t.Helper()
	var links []privacy.Link
	prev := ""
	for raw := range strings.Lines(string(files["ledger.jsonl"])) {
		var l privacy.Link
		if err := json.Unmarshal([]byte(raw), &l); err != nil {
			t.Fatal(err)
		}
		var e privacy.Entry
		if l.Entry != nil {
			var err error
			if e, err = l.Decode(); err != nil {
				t.Fatal(err)
			}
			if e.Kind == privacy.EntrySeal {
				e.Sealed = describe.Sum(files[describe.SealedFile(e.Key())])
			}
			change(&e)
		}
		n, err := privacy.NewLink(l.Seq, prev, e)
		if err != nil {
			t.Fatal(err)
		}
		if l.Entry == nil {
			n.Entry = nil
		}
		links, prev = append(links, n), n.Hash
	}
	b, err := describe.Ledger(links)
	if err != nil {
		t.Fatal(err)
	}
	files["ledger.jsonl"] = b
	forge(t, files, func(m *describe.Manifest) { m.Head = prev })
}

// Prices are recomputed: an operator who rewrites the whole ledger is caught too.
func TestLyingOperator(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, f outputs.Files)
		want  string
	}{
		"charged less than drawn": {func(t *testing.T, f outputs.Files) {
			relink(t, f, func(e *privacy.Entry) { e.Cost /= 2 })
			forge(t, f, func(m *describe.Manifest) {
				for i := range m.Releases {
					m.Releases[i].NanoEpsilon /= 2
				}
			})
		}, "the sealed file and the ledger's charge do not agree"},
		"less noise than charged": {func(t *testing.T, f outputs.Files) {
			replace(t, f, "sealed/2019.1.json", `"b":8.`, `"b":7.`)
			relink(t, f, func(*privacy.Entry) {})
		}, "not what the charge pays for"},
		"over the budget": {func(t *testing.T, f outputs.Files) {
			relink(t, f, func(e *privacy.Entry) {
				if e.Terms != nil {
					e.Terms.Budget = 3e9 // 2018 costs 2, 2019 costs 1
				}
			})
		}, "of period 2018 cost more"},
		"other bound": {func(t *testing.T, f outputs.Files) {
			relink(t, f, func(e *privacy.Entry) {
				if e.Terms != nil {
					e.Terms.Periods = 1
				}
			})
		}, "terms of the ledger do not agree"},
		"other spec": {func(t *testing.T, f outputs.Files) {
			relink(t, f, func(e *privacy.Entry) {
				if e.Kind == privacy.EntryCharge {
					e.SpecDigest = strings.Repeat("0", 64)
				}
			})
		}, "charge do not agree"},
	} {
		files := version(t)
		tc.spoil(t, files)
		if f, d := failed(t, files); !slices.Contains(f, "privacy") || !strings.Contains(d, tc.want) {
			t.Errorf("%s: failed %v\n%swant %q", name, f, d, tc.want)
		}
	}
	honest := version(t)
	relink(t, honest, func(*privacy.Entry) {})
	if f, d := failed(t, honest); slices.Contains(f, "privacy") || slices.Contains(f, "numbers") {
		t.Errorf("relinking alone fails: %s", d) // so that the cases above fail for their reason
	}
}

func TestLedgerIsReadOnly(t *testing.T) {
	files := version(t)
	l, err := verify.OpenLedger(files, "test-offences")
	if err != nil {
		t.Fatal(err)
	}
	for k := range l.Account.Seals {
		r, err := privacy.OpenRelease(t.Context(), k, l)
		if superseded := k.Edition == 1 && k.Period.String() == "2018"; superseded != (err != nil) {
			t.Errorf("%s: %v", k, err)
		} else if err == nil && string(r.File()) != string(files[describe.SealedFile(k)]) {
			t.Errorf("%s: other bytes", k)
		}
		if err := l.Reserve(t.Context(), privacy.Charge{Key: k}); !errors.Is(err, verify.ErrReadOnly) {
			t.Errorf("reserve: %v", err)
		}
		if err := l.Seal(t.Context(), k, nil); !errors.Is(err, verify.ErrReadOnly) {
			t.Errorf("seal: %v", err)
		}
	}
	for name := range files {
		if strings.HasPrefix(name, "sealed/") {
			files[name] = append(slices.Clone(files[name]), ' ')
		}
	}
	for k := range l.Account.Seals {
		if _, err := l.Sealed(t.Context(), k); err == nil {
			t.Errorf("%s: opened with other bytes than were sealed", k)
		}
	}
	if _, err := l.Sealed(t.Context(), privacy.Key{Dataset: "test-offences"}); !errors.Is(err, privacy.ErrNotReleased) {
		t.Errorf("unknown key: %v", err)
	}
}
