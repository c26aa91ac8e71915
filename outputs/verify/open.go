package verify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"

	"halftone/outputs"
	"halftone/outputs/describe"
	"halftone/privacy"
)

// A Published version is one to read from, in a folder or behind a web server. What
// is read is held against its manifest; the rest is for [Folder] and [URL] to check.
type Published struct {
	Manifest describe.Manifest

	checker checker
	sums    map[string]string
	close   func() error
}

// Open finds a version by the name of a folder or an http or https address: a
// version, or a dataset, whose latest is taken. A nil client is the default one. The
// caller closes it.
func Open(ctx context.Context, where string, client *http.Client) (*Published, error) {
	if strings.HasPrefix(where, "http://") || strings.HasPrefix(where, "https://") {
		w, err := newWebsite(where, client)
		if err != nil {
			return nil, err
		}
		return open(ctx, w, func() error { return nil })
	}
	root, err := os.OpenRoot(where)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	p, err := open(ctx, folder{root.FS(), "."}, root.Close)
	if err != nil {
		_ = root.Close()
	}
	return p, err
}

func open(ctx context.Context, at place, end func() error) (*Published, error) {
	p := &Published{close: end, checker: checker{version: at, files: outputs.Files{}}}
	if err := p.checker.locate(ctx, at); err != nil {
		return nil, err
	}
	c := &p.checker
	if c.pointer != nil && c.pointer.Manifest != describe.Sum(c.files[describe.ManifestFile]) {
		return nil, errors.New("verify: latest.json is not of this manifest.json")
	}
	p.take(c.manifest)
	return p, nil
}

func (p *Published) take(m describe.Manifest) {
	p.Manifest, p.sums = m, map[string]string{}
	for _, f := range m.Files {
		p.sums[f.Path] = f.SHA256
	}
}

// Close ends the use of a folder, and of the versions that were found through it.
func (p *Published) Close() error { return p.close() }

// Read returns a file that the manifest lists: an [fs.ErrNotExist] where it lists
// none, an error where the file is not the one that it lists.
func (p *Published) Read(ctx context.Context, name string) ([]byte, error) {
	sum, ok := p.sums[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	b, err := p.checker.version.read(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	if describe.Sum(b) != sum {
		return nil, errors.New("the file is not the one that manifest.json lists: see halftone verify")
	}
	return b, nil
}

// With returns the newest version before p that has an edition of a period, as the
// ledger export of p lists them: an [fs.ErrNotExist] where there is none, or p was
// not found through its dataset.
func (p *Published) With(ctx context.Context, period privacy.Period, edition int) (*Published, error) {
	c := &p.checker
	if c.dataset == nil {
		return nil, fs.ErrNotExist
	}
	b, err := p.Read(ctx, ledgerFile)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ledgerFile, err)
	}
	links, err := describe.ReadLedger(b)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	for _, l := range slices.Backward(links) {
		if len(l.Entry) == 0 {
			continue
		}
		e, err := l.Decode()
		if err != nil {
			return nil, fmt.Errorf("verify: %w", err)
		}
		if e.Kind != privacy.EntryPublish || e.Dataset != p.Manifest.Dataset || e.Series != p.Manifest.Series || e.Version == p.Manifest.Version {
			continue
		}
		older := &Published{close: func() error { return nil }, checker: checker{version: c.dataset.below("versions/" + e.Version)}}
		b, err := older.checker.version.read(ctx, describe.ManifestFile)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("verify: %s: %w", e.Version, err)
		}
		if describe.Sum(b) != e.Manifest {
			return nil, fmt.Errorf("verify: versions/%s/manifest.json is not the one that the ledger recorded", e.Version)
		}
		m, err := describe.ReadManifest(b)
		if err != nil {
			return nil, fmt.Errorf("verify: versions/%s: %w", e.Version, err)
		}
		if slices.ContainsFunc(m.Releases, func(r describe.ManifestRelease) bool { return r.Period == period && r.Edition == edition }) {
			older.take(m)
			return older, nil
		}
	}
	return nil, fs.ErrNotExist
}
