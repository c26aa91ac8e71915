package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"

	"halftone/outputs/describe"
	"halftone/privacy"
)

// PointerFile is the name of the pointer to a dataset's newest version.
const PointerFile = "latest.json"

// Point makes a published version the latest one: first the symbolic link
// `latest`, then latest.json. It never goes back to a version of a lower
// sequence, and pointing to the version that is the latest changes nothing.
func (f *Folder) Point(ctx context.Context, dataset, version string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.point(ctx, dataset, version); err != nil {
		return fmt.Errorf("publish %s: latest %s: %w", dataset, version, err)
	}
	return nil
}

func (f *Folder) point(ctx context.Context, dataset, version string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !datasetName.MatchString(dataset) || !versionName.MatchString(version) {
		return errors.New("the dataset or version has a name that cannot be a folder")
	}
	w, err := f.witness(dataset, version)
	if err != nil {
		return err
	}
	old, err := f.latest(dataset)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && old.Sequence > w.Sequence {
		return fmt.Errorf("version %s is newer", old.Version)
	}
	if f.isWithdrawn(VersionPath(dataset, version)) && old.Version != version {
		return ErrWithdrawn
	}
	if err := f.link(path.Join("datasets", dataset, "latest"), path.Join("versions", version)); err != nil {
		return err
	}
	b, err := json.MarshalIndent(Pointer{dataset, version, w.Sequence, "versions/" + version + "/", w.Manifest}, "", "  ")
	if err != nil {
		return err
	}
	b = append(b, '\n')
	name := path.Join("datasets", dataset, PointerFile)
	if now, err := f.root.ReadFile(name); err == nil && string(now) == string(b) {
		return nil
	}
	return f.replace(name, b)
}

// link swaps a relative symbolic link in one step.
func (f *Folder) link(name, target string) error {
	info, err := f.root.Lstat(name)
	switch {
	case err == nil && info.Mode()&fs.ModeSymlink == 0:
		return fmt.Errorf("%s is not a symbolic link", name)
	case err == nil:
		if now, err := f.root.Readlink(name); err == nil && now == target {
			return nil
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	temp := path.Join(path.Dir(name), incoming+path.Base(name))
	if err := f.root.RemoveAll(temp); err != nil {
		return err
	}
	if err := f.at("link " + name); err != nil {
		return err
	}
	if err := f.root.Symlink(target, temp); err != nil {
		return err
	}
	if err := f.at("rename " + name); err != nil {
		return err
	}
	if err := f.root.Rename(temp, name); err != nil {
		return err
	}
	return f.syncFolder(path.Dir(name))
}

// A Witness is what a published manifest says of the ledger.
type Witness struct {
	Dataset  string
	Version  string
	Sequence int
	Head     string // of the ledger, when the version was composed
	Entries  int    // that the ledger had then
	Manifest string // SHA-256 of manifest.json
	Path     string // of manifest.json, below the public folder
	Composed string // UTC day
	Releases []privacy.Key
	// Withdrawn are the releases for which the version was taken down; nil: it was not.
	Withdrawn []describe.Withdrawn
}

// Heads returns what all published manifests witness, by dataset and sequence.
// A manifest that cannot be read is an error: a spoilt witness must be looked at.
func (f *Folder) Heads(ctx context.Context) ([]Witness, error) {
	var out []Witness
	datasets, err := f.folders("datasets", datasetName)
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	for _, d := range datasets {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("publish: %w", err)
		}
		ws, err := f.witnesses(d)
		if err != nil {
			return nil, fmt.Errorf("publish: %w", err)
		}
		out = append(out, ws...)
	}
	return out, nil
}

// Latest returns the pointer of a dataset; the error wraps [fs.ErrNotExist]
// when nothing has been published.
func (f *Folder) Latest(dataset string) (Pointer, error) {
	p, err := f.latest(dataset)
	if err != nil {
		return p, fmt.Errorf("publish: latest of %s: %w", dataset, err)
	}
	return p, nil
}

func (f *Folder) latest(dataset string) (Pointer, error) {
	if !datasetName.MatchString(dataset) {
		return Pointer{}, errors.New("the dataset has a name that cannot be a folder")
	}
	b, err := f.root.ReadFile(path.Join("datasets", dataset, PointerFile))
	if err != nil {
		return Pointer{}, err
	}
	p, err := ReadPointer(b)
	if err == nil && p.Dataset != dataset {
		err = errors.New("latest.json is of another dataset")
	}
	return p, err
}

// Versions returns the names of a dataset's published versions, by sequence.
func (f *Folder) Versions(dataset string) ([]string, error) {
	if !datasetName.MatchString(dataset) {
		return nil, fmt.Errorf("publish: %q cannot be a dataset's folder", dataset)
	}
	ws, err := f.witnesses(dataset)
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	var names []string
	for _, w := range ws {
		names = append(names, w.Version)
	}
	return names, nil
}

func (f *Folder) witnesses(dataset string) ([]Witness, error) {
	versions, err := f.folders(path.Join("datasets", dataset, "versions"), versionName)
	if err != nil {
		return nil, err
	}
	var out []Witness
	for _, v := range versions {
		w, err := f.witness(dataset, v)
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b Witness) int { return a.Sequence - b.Sequence })
	return out, nil
}

func (f *Folder) witness(dataset, version string) (Witness, error) {
	name := path.Join(VersionPath(dataset, version), describe.ManifestFile)
	b, err := f.root.ReadFile(name)
	if err != nil {
		return Witness{}, err
	}
	m, err := describe.ReadManifest(b)
	if err != nil {
		return Witness{}, fmt.Errorf("%s: %w", name, err)
	}
	if m.Dataset != dataset || m.Version != version {
		return Witness{}, fmt.Errorf("%s is of another dataset or version", name)
	}
	w := Witness{Dataset: dataset, Version: version, Sequence: m.Sequence, Head: m.Head, Entries: m.Entries, Manifest: describe.Sum(b), Path: name, Composed: m.Composed}
	for _, r := range m.Releases {
		w.Releases = append(w.Releases, r.Key)
	}
	note, err := f.withdrawn(dataset, version)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Witness{}, err
	}
	w.Withdrawn = note.Releases
	return w, nil
}

// folders lists the folders of that kind of name in a folder, none if it is not
// there. What has such a name and is no folder is an error, other names are
// nobody's business.
func (f *Folder) folders(name string, kind *regexp.Regexp) ([]string, error) {
	entries, err := fs.ReadDir(f.root.FS(), name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if !kind.MatchString(e.Name()) {
			continue
		}
		if !e.IsDir() {
			return nil, fmt.Errorf("%s is not a folder", path.Join(name, e.Name()))
		}
		out = append(out, e.Name())
	}
	return out, nil
}

// ReadFile returns one file of a published version. Of one that was taken down it
// has those of [describe.Kept] only: for others the error is [ErrWithdrawn].
func (f *Folder) ReadFile(dataset, version, name string) ([]byte, error) {
	if !datasetName.MatchString(dataset) || !versionName.MatchString(version) {
		return nil, fmt.Errorf("publish: %q and %q cannot be a dataset and a version", dataset, version)
	}
	dir := VersionPath(dataset, version)
	if !slices.Contains(describe.Kept(), name) && f.isWithdrawn(dir) {
		return nil, fmt.Errorf("%s %s: %s: %w", dataset, version, name, ErrWithdrawn)
	}
	b, err := f.root.ReadFile(path.Join(dir, name))
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	return b, nil
}
