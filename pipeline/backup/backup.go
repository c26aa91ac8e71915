// Package backup writes and reads copies of what an instance must not lose: the
// ledger, the sealed files and the signing key, as one tar file under age.
//
// The first file of the tar is manifest.json; it lists the others by path, size
// and SHA-256, in their order. Nothing but what it lists is taken, and nothing
// that has no place in a backup is listed: no rows, and no key that opens rows,
// because a destroyed key must not come back.
package backup

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"filippo.io/age"
)

// Format is the format of manifest.json.
const Format = "halftone-backup/1"

// Paths of files below the state folder, with slashes. Sealed files are the rest.
const (
	LedgerFile  = "ledger.db"
	SigningFile = "keys/signing"
	PublicFile  = "keys/signing.pub"
)

const manifestFile = "manifest.json"

// What a caller acts on.
var (
	// ErrKey says that the backup is encrypted to another key or passphrase.
	ErrKey = errors.New("backup: this key or passphrase does not open it")
	// ErrDamaged says that the file is no backup, is not whole, or was changed.
	ErrDamaged = errors.New("backup: the file is not a backup, is not whole, or was changed")
)

// A Manifest says what is in a backup.
type Manifest struct {
	Format  string    `json:"format"`
	Made    time.Time `json:"made"` // UTC
	Tool    string    `json:"tool"`
	Head    string    `json:"ledger_head"`
	Entries int       `json:"ledger_entries"`
	Files   []File    `json:"files"` // LedgerFile is among them
}

// A File is one file of a backup.
type File struct {
	Path   string `json:"path"` // below the state folder
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// NewFile describes content that is to be at path.
func NewFile(path string, content []byte) File {
	h := sha256.Sum256(content)
	return File{path, int64(len(content)), hex.EncodeToString(h[:])}
}

// Sealed is the number of sealed files.
func (m Manifest) Sealed() (n int) {
	for _, f := range m.Files {
		if sealedFile.MatchString(f.Path) {
			n++
		}
	}
	return n
}

// Signing reports whether the key that versions are signed with is in it.
func (m Manifest) Signing() bool {
	for _, f := range m.Files {
		if f.Path == SigningFile {
			return true
		}
	}
	return false
}

var sealedFile = regexp.MustCompile(`^sealed/[a-z0-9][a-z0-9-]{0,63}/[0-9]{1,9}/[0-9][0-9A-Z-]{0,15}\.[0-9]{1,9}\.json$`)

// check is what a manifest must be, whoever wrote it.
func (m Manifest) check() error {
	if m.Format != Format {
		return fmt.Errorf("backup: format %.40q, this halftone knows %s only: use the halftone that wrote it", m.Format, Format)
	}
	seen := map[string]bool{}
	for _, f := range m.Files {
		switch {
		case seen[f.Path]:
			return fmt.Errorf("%w: it lists a file twice", ErrDamaged)
		case f.Path != LedgerFile && f.Path != SigningFile && f.Path != PublicFile && !sealedFile.MatchString(f.Path):
			return fmt.Errorf("%w: it lists a file that has no place in a backup", ErrDamaged)
		}
		seen[f.Path] = true
	}
	if !seen[LedgerFile] {
		return fmt.Errorf("%w: it has no ledger", ErrDamaged)
	}
	return nil
}

// Write writes a backup of the files that m lists to w, encrypted to the given
// recipients. read returns the content of each, which must be what m says of it.
func Write(w io.Writer, m Manifest, read func(File) ([]byte, error), to ...age.Recipient) error {
	m.Format = Format
	if err := m.check(); err != nil {
		return err
	}
	enc, err := age.Encrypt(w, to...)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	if err := writeTar(enc, m, read); err != nil {
		return err
	}
	if err := enc.Close(); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

func writeTar(w io.Writer, m Manifest, read func(File) ([]byte, error)) error {
	list, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	t := tar.NewWriter(w)
	put := func(path string, content []byte) error {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: path, Mode: 0o600, Size: int64(len(content)), ModTime: m.Made, Format: tar.FormatPAX}
		if err := t.WriteHeader(h); err != nil {
			return fmt.Errorf("backup: %s: %w", path, err)
		}
		if _, err := t.Write(content); err != nil {
			return fmt.Errorf("backup: %s: %w", path, err)
		}
		return nil
	}
	if err := put(manifestFile, append(list, '\n')); err != nil {
		return err
	}
	for _, f := range m.Files {
		b, err := read(f)
		if err != nil {
			return err
		}
		if NewFile(f.Path, b) != f {
			return fmt.Errorf("backup: %s has changed while it was copied", f.Path)
		}
		if err := put(f.Path, b); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

// A Reader reads a backup once, from front to end.
type Reader struct {
	Manifest Manifest
	plain    io.Reader
	tar      *tar.Reader
}

// Open decrypts a backup and reads its manifest. It fails with [ErrKey] or
// [ErrDamaged].
func Open(r io.Reader, with ...age.Identity) (*Reader, error) {
	plain, err := age.Decrypt(r, with...)
	var other *age.NoIdentityMatchError
	if errors.As(err, &other) {
		return nil, ErrKey
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return open(plain)
}

func open(plain io.Reader) (*Reader, error) {
	t := tar.NewReader(plain)
	b, err := next(t, manifestFile)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	rd := &Reader{plain: plain, tar: t}
	if err := dec.Decode(&rd.Manifest); err != nil { // unknown keys: the format says whether they matter
		return nil, fmt.Errorf("%w: manifest.json is unreadable", ErrDamaged)
	}
	return rd, rd.Manifest.check()
}

// next returns the content of the next file, which must have that path.
func next(t *tar.Reader, path string) ([]byte, error) {
	h, err := t.Next()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if h.Typeflag != tar.TypeReg || h.Name != path {
		return nil, fmt.Errorf("%w: a file is not the one that was to come", ErrDamaged)
	}
	b, err := io.ReadAll(t)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return b, nil
}

// Files gives the files to put, each checked against the manifest, in its order.
// Only when Files has returned nil was the backup whole.
func (r *Reader) Files(put func(File, []byte) error) error {
	for _, f := range r.Manifest.Files {
		b, err := next(r.tar, f.Path)
		if err != nil {
			return err
		}
		if NewFile(f.Path, b) != f {
			return fmt.Errorf("%w: %s is not what the manifest says", ErrDamaged, f.Path)
		}
		if err := put(f, b); err != nil {
			return err
		}
	}
	if _, err := r.tar.Next(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: it goes on after its last file", ErrDamaged)
	}
	if _, err := io.Copy(io.Discard, r.plain); err != nil { // age checks the end when it is read
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}
