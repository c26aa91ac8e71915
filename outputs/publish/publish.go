// Package publish puts finished versions where the public finds them.
//
// A version is visible whole or not at all, is never overwritten, and the
// pointer to the newest moves last. After a crash at any step readers see the
// old version or the new one, and doing it again finishes the work.
package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"halftone/outputs"
	"halftone/outputs/describe"
)

// ErrDiffers says that a version is there already with other bytes.
var ErrDiffers = errors.New("publish: this version is published with other bytes; versions are never overwritten")

// A Folder is a public folder on a file system, for any web server.
//
// One process may publish into it at a time: the caller holds the ledger's lease.
type Folder struct {
	root *os.Root
	name string
	mu   sync.Mutex
	step func(what string) error // a test's crash; nil otherwise
}

// Open opens a public folder and makes it if it is not there, readable by all.
func Open(root string) (*Folder, error) {
	if err := makeRoot(root); err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	if err := r.Chmod(".", 0o755); err != nil { // whatever the umask
		return nil, errors.Join(fmt.Errorf("publish: %w", err), r.Close())
	}
	return &Folder{root: r, name: root}, nil
}

// makeRoot makes the public folder where it is not there, so that its name is durable.
func makeRoot(root string) error {
	if _, err := os.Stat(root); err == nil {
		return nil
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	above, err := os.Open(filepath.Dir(root))
	if err != nil {
		return err
	}
	return errors.Join(above.Sync(), above.Close())
}

// Close ends the use of f.
func (f *Folder) Close() error { return f.root.Close() }

var (
	datasetName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)
	versionName = regexp.MustCompile(`^[0-9]{4}\.[0-9]{2}-[1-9][0-9]*$`)
	fileName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
)

const incoming = ".incoming-"

// VersionPath is where a version stands below the public folder.
func VersionPath(dataset, version string) string {
	return path.Join("datasets", dataset, "versions", version)
}

// Put makes the files of one version visible, whole or not at all, and returns
// when they are durable. A version that is there with the same bytes is left
// alone; with other bytes the error is [ErrDiffers], and one that was taken down
// stays so: [ErrWithdrawn].
func (f *Folder) Put(ctx context.Context, dataset, version string, files outputs.Files) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.put(ctx, dataset, version, files); err != nil {
		return fmt.Errorf("publish %s %s: %w", dataset, version, err)
	}
	return nil
}

func (f *Folder) put(ctx context.Context, dataset, version string, files outputs.Files) error {
	// 1. Names.
	if err := checkNames(dataset, version, files); err != nil {
		return err
	}
	home := path.Join("datasets", dataset)
	if err := f.makeFolders("datasets", home, path.Join(home, "versions")); err != nil {
		return err
	}
	// 2. What a killed run left behind, and what is published already.
	if err := f.sweep(home); err != nil {
		return err
	}
	final := VersionPath(dataset, version)
	switch info, err := f.root.Lstat(final); {
	case err == nil && info.IsDir() && f.isWithdrawn(final):
		return ErrWithdrawn
	case err == nil && info.IsDir():
		return f.same(final, files)
	case err == nil:
		return fmt.Errorf("%s is not a folder", final)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	// 3. Write everything beside it, on the same file system, and sync.
	temp := path.Join(home, incoming+version)
	if err := f.write(ctx, temp, files); err != nil {
		return err
	}
	// 4. Make it visible, and that durable.
	if err := f.at("rename " + final); err != nil {
		return err
	}
	if err := f.root.Rename(temp, final); err != nil {
		return err
	}
	return f.syncFolder(path.Dir(final))
}

func checkNames(dataset, version string, files outputs.Files) error {
	if !datasetName.MatchString(dataset) || !versionName.MatchString(version) {
		return errors.New("the dataset or version has a name that cannot be a folder")
	}
	if len(files) == 0 || files[describe.ManifestFile] == nil {
		return errors.New("a version needs a manifest.json")
	}
	m, err := describe.ReadManifest(files[describe.ManifestFile])
	if err != nil {
		return err
	}
	if m.Dataset != dataset || m.Version != version {
		return errors.New("manifest.json is of another dataset or version")
	}
	for name := range files {
		for part := range strings.SplitSeq(name, "/") {
			if !fileName.MatchString(part) {
				return fmt.Errorf("%q cannot be the name of a published file", name)
			}
		}
	}
	return nil
}

// makeFolders makes folders, parents first, and refuses anything else in their place.
func (f *Folder) makeFolders(names ...string) error {
	for _, name := range names {
		info, err := f.root.Lstat(name)
		switch {
		case err == nil && !info.IsDir():
			return fmt.Errorf("%s is not a folder", name)
		case err == nil:
			continue
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
		if err := f.root.Mkdir(name, 0o755); err != nil {
			return err
		}
		if err := f.root.Chmod(name, 0o755); err != nil { // whatever the umask
			return err
		}
		if err := f.syncFolder(path.Dir(name)); err != nil {
			return err
		}
	}
	return nil
}

// Sweep removes what killed runs left of a dataset, and of the front page. The
// caller guarantees that nobody is publishing.
func (f *Folder) Sweep(dataset string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !datasetName.MatchString(dataset) {
		return fmt.Errorf("publish: %q cannot be a dataset's folder", dataset)
	}
	if err := errors.Join(f.sweep(path.Join("datasets", dataset)), f.sweep(".")); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

// sweep removes what killed runs left in a folder, which may be absent.
func (f *Folder) sweep(home string) error {
	entries, err := fs.ReadDir(f.root.FS(), home)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), incoming) {
			if err := f.root.RemoveAll(path.Join(home, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *Folder) write(ctx context.Context, dir string, files outputs.Files) error {
	folders := map[string]bool{dir: true}
	order := []string{dir}
	for _, name := range files.Names() {
		parts := strings.Split(name, "/")
		for i := range parts[:len(parts)-1] {
			d := path.Join(dir, path.Join(parts[:i+1]...))
			if !folders[d] {
				folders[d], order = true, append(order, d)
			}
		}
	}
	if err := f.makeFolders(order...); err != nil {
		return err
	}
	for _, name := range files.Names() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f.writeFile(path.Join(dir, name), files[name]); err != nil {
			return err
		}
	}
	for _, d := range order {
		if err := f.syncFolder(d); err != nil {
			return err
		}
	}
	return nil
}

// writeFile writes a new file durably, readable by all.
func (f *Folder) writeFile(name string, b []byte) error {
	if err := f.at("write " + name); err != nil {
		return err
	}
	w, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	if err == nil {
		err = w.Chmod(0o644)
	}
	if err == nil {
		err = w.Sync()
	}
	return errors.Join(err, w.Close())
}

func (f *Folder) syncFolder(name string) error {
	if err := f.at("sync " + name); err != nil {
		return err
	}
	d, err := f.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (f *Folder) at(what string) error {
	if f.step == nil {
		return nil
	}
	return f.step(what)
}

// same compares a published version with files.
func (f *Folder) same(dir string, files outputs.Files) error {
	seen := 0
	err := fs.WalkDir(f.root.FS(), dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		want, ok := files[strings.TrimPrefix(p, dir+"/")]
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !ok || !info.Mode().IsRegular() || info.Size() != int64(len(want)) {
			return ErrDiffers
		}
		b, err := f.root.ReadFile(p)
		if err != nil {
			return err
		}
		if !bytes.Equal(b, want) {
			return ErrDiffers
		}
		seen++
		return nil
	})
	if err == nil && seen != len(files) {
		return ErrDiffers
	}
	return err
}

// PutIndex replaces a file of the public folder itself, such as index.html. One
// that is there with the same bytes is left alone.
func (f *Folder) PutIndex(ctx context.Context, name string, b []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if !fileName.MatchString(name) || name == "datasets" {
		return fmt.Errorf("publish: %q cannot be a file of the public folder", name)
	}
	if now, err := f.root.ReadFile(name); err == nil && bytes.Equal(now, b) {
		return nil
	}
	if err := f.replace(name, b); err != nil {
		return fmt.Errorf("publish %s: %w", name, err)
	}
	return nil
}

// replace swaps a file's content in one step.
func (f *Folder) replace(name string, b []byte) error {
	if info, err := f.root.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", name)
	}
	temp := path.Join(path.Dir(name), incoming+path.Base(name))
	if err := f.root.RemoveAll(temp); err != nil {
		return err
	}
	if err := f.writeFile(temp, b); err != nil {
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

// A Pointer is latest.json.
type Pointer struct {
	Dataset  string `json:"dataset"`
	Version  string `json:"version"`
	Sequence int    `json:"sequence"`
	Path     string `json:"path"` // from latest.json
	Manifest string `json:"manifest_sha256"`
}

// ReadPointer reads latest.json, which may come from anywhere.
func ReadPointer(b []byte) (Pointer, error) {
	var p Pointer
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil || !datasetName.MatchString(p.Dataset) || !versionName.MatchString(p.Version) ||
		p.Path != "versions/"+p.Version+"/" {
		return Pointer{}, errors.New("latest.json is unreadable")
	}
	return p, nil
}

// Writable fails if a version of the dataset could not be put: a run must know that
// before it charges for one. It asks the system and writes nothing.
func (f *Folder) Writable(dataset string) error {
	home := path.Join("datasets", dataset)
	for _, dir := range []string{path.Join(home, "versions"), home, "datasets", "."} {
		if _, err := f.root.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := unix.Access(filepath.Join(f.name, filepath.FromSlash(dir)), unix.W_OK|unix.X_OK); err != nil {
			return fmt.Errorf("publish: nothing can be written into the public folder's %s: %w", dir, err)
		}
	}
	return nil
}
