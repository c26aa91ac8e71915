package verify_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"halftone/outputs/compose"
	"halftone/outputs/compose/composetest"
	"halftone/outputs/interval"
	"halftone/outputs/publish"
	"halftone/outputs/verify"
	"halftone/privacy"
)

// revised is a dataset whose second version has the second edition of 2018.
func revised(t *testing.T) (dir string) {
	t.Helper()
	root := t.TempDir()
	f, err := publish.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	w := composetest.New()
	for i, name := range []string{"2026.11-1", "2026.11-2"} {
		w.Release(t, "2018", i+1, 3)
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
	return filepath.Join(root, "datasets/test-offences")
}

// A dataset or a version, in a folder or behind a web server, is opened, and asked
// about an edition that only an earlier version has.
func TestOpen(t *testing.T) {
	dir := revised(t)
	site := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(site.Close)
	p, err := privacy.ParsePeriod("2018")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		where   string
		earlier bool
	}{
		"dataset":             {dir, true},
		"version":             {filepath.Join(dir, "versions/2026.11-2"), false},
		"address":             {site.URL + "/", true},
		"address of versions": {site.URL + "/versions/2026.11-2/", false},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := verify.Open(t.Context(), tc.where, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = v.Close() }()
			if v.Manifest.Version != "2026.11-2" {
				t.Errorf("opened %s", v.Manifest.Version)
			}
			q, err := interval.Open(t.Context(), v)
			if err != nil {
				t.Fatal(err)
			}
			asks := 0
			q.Earlier = func(_ context.Context, p privacy.Period, edition int) (*interval.Version, error) {
				asks++
				older, err := v.With(t.Context(), p, edition)
				if err != nil {
					return nil, err
				}
				return interval.Open(t.Context(), older)
			}
			e, err := interval.Parse("national@2018.2 - national@2018.1")
			if err != nil {
				t.Fatal(err)
			}
			a, err := q.Ask(t.Context(), e)
			if tc.earlier && (err != nil || a.High-a.Low < 10 || a.Terms[1].Edition != 1) {
				t.Errorf("%+v, %v", a, err)
			}
			if !tc.earlier && (err == nil || !strings.Contains(err.Error(), "give the folder or address of the dataset")) {
				t.Errorf("a version alone: %v", err)
			}
			if _, err := v.With(t.Context(), p, 3); !errors.Is(err, fs.ErrNotExist) || asks != 1 {
				t.Errorf("an edition that nobody has: %v, asked %d times", err, asks)
			}
			if _, err := v.Read(t.Context(), "no such file"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a file that is not listed: %v", err)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	if _, err := verify.Open(t.Context(), t.TempDir(), nil); !errors.Is(err, verify.ErrNotPublished) {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := verify.Open(t.Context(), "/no/such/folder", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	for name, want := range map[string]string{
		"versions/2026.11-2/data/national.csv": "the file is not the one that manifest.json lists",
		"versions/2026.11-1/manifest.json":     "is not the one that the ledger recorded",
		"versions/2026.11-2/manifest.json":     "latest.json is not of this manifest.json",
	} {
		dir := revised(t)
		file := filepath.Join(dir, name)
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(b, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
		v, err := verify.Open(t.Context(), dir, nil)
		if err == nil {
			_, err = v.Read(t.Context(), "data/national.csv")
			p, _ := privacy.ParsePeriod("2018")
			_, earlier := v.With(t.Context(), p, 1)
			err = errors.Join(err, earlier, v.Close())
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s changed: %v, want %q", name, err, want)
		}
	}
}
