package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"halftone/outputs/describe"
)

// ErrWithdrawn says that a version was taken down: it has no data any more.
var ErrWithdrawn = errors.New("publish: this version was withdrawn, and its data files are gone")

// Withdraw takes the data files of a published version away, with note as its
// WITHDRAWN.json ([describe.NewWithdrawnNote]); what [describe.Kept] lists stays.
// It reports whether there was anything to do. The note is durable before the first
// file goes, so that nobody takes half a version for a whole one; after a crash at
// any step doing it again finishes. A later note replaces an earlier one.
//
// The caller has moved the pointer to a version that is to be used, if there is one.
func (f *Folder) Withdraw(ctx context.Context, dataset, version string, note []byte) (done bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	done, err = f.withdraw(ctx, dataset, version, note)
	if err != nil {
		return done, fmt.Errorf("publish: withdraw %s %s: %w", dataset, version, err)
	}
	return done, nil
}

func (f *Folder) withdraw(ctx context.Context, dataset, version string, note []byte) (done bool, err error) {
	// 1. The version is there, and the note is of it.
	if !datasetName.MatchString(dataset) || !versionName.MatchString(version) {
		return false, errors.New("the dataset or version has a name that cannot be a folder")
	}
	dir := VersionPath(dataset, version)
	for _, at := range []string{"datasets", path.Join("datasets", dataset), path.Dir(dir), dir} {
		if info, err := f.root.Lstat(at); err != nil {
			return false, err
		} else if !info.IsDir() {
			return false, fmt.Errorf("%s is not a folder", at)
		}
	}
	if _, err := f.witness(dataset, version); err != nil {
		return false, err
	}
	manifest, err := f.root.ReadFile(path.Join(dir, describe.ManifestFile))
	if err != nil {
		return false, err
	}
	if _, err := describe.ReadWithdrawn(note, manifest); err != nil {
		return false, err
	}
	// 2. Say it, and make that durable.
	name := path.Join(dir, describe.WithdrawnFile)
	if now, err := f.root.ReadFile(name); err != nil || !bytes.Equal(now, note) {
		if err := f.replace(name, note); err != nil {
			return false, err
		}
		done = true
	} else if err := f.syncFolder(dir); err != nil { // a crash may have fallen before this
		return false, err
	}
	// 3. Take the files away, then the folders that are empty.
	gone, err := f.empty(ctx, dir)
	return done || gone, err
}

// empty removes everything from a version's folder but the files that stay.
func (f *Folder) empty(ctx context.Context, dir string) (done bool, err error) {
	var files, folders []string
	err = fs.WalkDir(f.root.FS(), dir, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || p == dir:
			return err
		case d.IsDir():
			folders = append(folders, p)
		case path.Dir(p) != dir || !slices.Contains(describe.Kept(), d.Name()):
			files = append(files, p)
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	slices.Reverse(folders) // the deepest first
	for _, name := range append(files, folders...) {
		if err := ctx.Err(); err != nil {
			return done, err
		}
		if err := f.at("remove " + name); err != nil {
			return done, err
		}
		if err := f.root.Remove(name); err != nil {
			return done, err
		}
		done = true
	}
	return done, f.syncFolder(dir) // that the folders are gone says that the files are
}

// Withdrawn returns the WITHDRAWN.json of a published version; the error wraps
// [fs.ErrNotExist] when it was not taken down.
func (f *Folder) Withdrawn(dataset, version string) (describe.WithdrawnNote, error) {
	n, err := f.withdrawn(dataset, version)
	if err != nil {
		return n, fmt.Errorf("publish: %w", err)
	}
	return n, nil
}

func (f *Folder) withdrawn(dataset, version string) (describe.WithdrawnNote, error) {
	if !datasetName.MatchString(dataset) || !versionName.MatchString(version) {
		return describe.WithdrawnNote{}, fmt.Errorf("%q and %q cannot be a dataset and a version", dataset, version)
	}
	dir := VersionPath(dataset, version)
	b, err := f.root.ReadFile(path.Join(dir, describe.WithdrawnFile))
	if err != nil {
		return describe.WithdrawnNote{}, err
	}
	manifest, err := f.root.ReadFile(path.Join(dir, describe.ManifestFile))
	if err != nil {
		return describe.WithdrawnNote{}, err
	}
	return describe.ReadWithdrawn(b, manifest)
}

// isWithdrawn reports whether a version has a WITHDRAWN.json, readable or not.
func (f *Folder) isWithdrawn(dir string) bool {
	_, err := f.root.Lstat(path.Join(dir, describe.WithdrawnFile))
	return err == nil
}

// PutDataset replaces a file of a dataset's folder, such as changes.json, in one
// step. The same bytes change nothing.
func (f *Folder) PutDataset(ctx context.Context, dataset, name string, b []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.putDataset(ctx, dataset, name, b); err != nil {
		return fmt.Errorf("publish %s: %w", dataset, err)
	}
	return nil
}

func (f *Folder) putDataset(ctx context.Context, dataset, name string, b []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !datasetName.MatchString(dataset) || !fileName.MatchString(name) || slices.Contains([]string{"versions", "latest", PointerFile}, name) {
		return fmt.Errorf("%q and %q cannot be a dataset and a file of its folder", dataset, name)
	}
	home := path.Join("datasets", dataset)
	if err := f.makeFolders("datasets", home); err != nil {
		return err
	}
	at := path.Join(home, name)
	if info, err := f.root.Lstat(at); err == nil && info.Mode().IsRegular() {
		if now, err := f.root.ReadFile(at); err == nil && bytes.Equal(now, b) {
			return nil
		}
	}
	return f.replace(at, b)
}
