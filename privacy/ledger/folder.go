package ledger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"halftone/privacy"
	"halftone/privacy/ledger/durable"
)

// A folder holds sealed files as <dataset>/<series>/<period>.<edition>.json.
type folder struct {
	root string
	sync func(*os.File) error // (*os.File).Sync; tests make it fail
}

// sealedName is the path of a sealed file below the state folder.
func sealedName(k privacy.Key) string {
	return path.Join("sealed", k.Dataset, strconv.Itoa(k.Series), k.Period.String()+"."+strconv.Itoa(k.Edition)+".json")
}

func (f folder) path(k privacy.Key) string {
	return filepath.Join(filepath.Dir(f.root), filepath.FromSlash(sealedName(k)))
}

// keyOf is the release of a path below the root, false for other files.
func keyOf(dataset, series, name string) (k privacy.Key, ok bool) {
	period, edition, cut := strings.Cut(strings.TrimSuffix(name, ".json"), ".")
	p, perr := privacy.ParsePeriod(period)
	s, serr := strconv.Atoi(series)
	e, eerr := strconv.Atoi(edition)
	k = privacy.Key{Dataset: dataset, Series: s, Period: p, Edition: e}
	return k, cut && errors.Join(perr, serr, eerr) == nil && path.Join("sealed", dataset, series, name) == sealedName(k)
}

// list returns the releases that have a file, whether recorded or not.
func (f folder) list() ([]privacy.Key, error) {
	names, err := filepath.Glob(filepath.Join(f.root, "*", "*", "*.json"))
	if err != nil {
		return nil, err
	}
	var keys []privacy.Key
	for _, n := range names {
		series, name := filepath.Split(n)
		dataset, s := filepath.Split(filepath.Clean(series))
		if k, ok := keyOf(filepath.Base(dataset), s, name); ok {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// stage writes and syncs a temporary file beside the final place.
func (f folder) stage(k privacy.Key, file []byte) (place func() error, drop func(), err error) {
	final := f.path(k)
	dir := filepath.Dir(final)
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := durable.Folder(d); err != nil {
			return nil, nil, fmt.Errorf("ledger: %w", err)
		}
	}
	t, err := os.CreateTemp(dir, "."+filepath.Base(final)+".*.tmp") // mode 0600
	if err != nil {
		return nil, nil, fmt.Errorf("ledger: %w", err)
	}
	drop = func() { _ = os.Remove(t.Name()) } // gone if it was placed
	_, err = t.Write(file)
	if err == nil {
		err = f.flush(t)
	}
	if err := errors.Join(err, t.Close()); err != nil {
		drop()
		return nil, nil, fmt.Errorf("ledger: %w", err)
	}
	return func() error { return f.place(t.Name(), final) }, drop, nil
}

// place renames over what a crash has left; the caller's transaction guarantees
// that no entry knows it. Temporary files of crashed draws go, too.
func (f folder) place(temp, final string) error {
	if err := os.Rename(temp, final); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(final), "."+filepath.Base(final)+".*.tmp"))
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	for _, n := range left {
		if err := os.Remove(n); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("ledger: %w", err)
		}
	}
	dir, err := os.Open(filepath.Dir(final))
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if err := errors.Join(f.flush(dir), dir.Close()); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

func (f folder) flush(file *os.File) error {
	if err := f.sync(file); err != nil {
		return &durable.SyncError{Err: err}
	}
	return nil
}

func (f folder) read(k privacy.Key) ([]byte, error) {
	file, err := os.OpenFile(f.path(k), os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		return nil, at.Err // where the state folder lies is nobody's business
	}
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(file)
	return b, errors.Join(err, file.Close())
}
