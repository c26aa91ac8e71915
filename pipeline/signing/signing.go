// Package signing keeps the key that an instance signs its versions with: one
// minisign key in the state folder, beside the ledger, readable by its owner only.
//
// Whoever has the key can publish in the instance's name, and nothing else: it
// opens no rows. A lost key is replaced by a new one; versions that were signed
// with the old one keep their signature.
package signing

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"aead.dev/minisign"

	"halftone/privacy/ledger/durable"
)

// ErrExists says that there is a key already.
var ErrExists = errors.New("signing: there is a key already")

func folder(state string) string { return filepath.Join(state, "keys") }
func secret(state string) string { return filepath.Join(folder(state), "signing") }

// public lists all keys that the instance has had, the newest last, one a line.
func public(state string) string { return filepath.Join(folder(state), "signing.pub") }

// Init makes the first key. It fails with [ErrExists] if there is one.
func Init(state string) (minisign.PublicKey, error) {
	if _, err := os.Lstat(secret(state)); err == nil {
		return minisign.PublicKey{}, ErrExists
	} else if !errors.Is(err, fs.ErrNotExist) {
		return minisign.PublicKey{}, fmt.Errorf("signing: %w", err)
	}
	return renew(state)
}

// Rotate replaces the key by a new one; the secret part of the old one is gone
// then. It fails with [fs.ErrNotExist] if there is none.
func Rotate(state string) (minisign.PublicKey, error) {
	if _, ok, err := Load(state); err != nil || !ok {
		return minisign.PublicKey{}, errors.Join(err, fs.ErrNotExist)
	}
	return renew(state)
}

// renew lists the new public key before it is used, so that no version is ever
// signed with a key that nobody finds.
func renew(state string) (minisign.PublicKey, error) {
	pub, key, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		return pub, fmt.Errorf("signing: %w", err)
	}
	text, err := key.MarshalText()
	if err != nil {
		return pub, fmt.Errorf("signing: %w", err)
	}
	if err := durable.Folder(folder(state)); err != nil {
		return pub, err
	}
	if err := sweep(folder(state)); err != nil {
		return pub, err
	}
	old, err := os.ReadFile(public(state))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return pub, fmt.Errorf("signing: %w", err)
	}
	if err := write(public(state), string(old)+pub.String()+"\n"); err != nil {
		return pub, err
	}
	return pub, write(secret(state), string(text))
}

// sweep removes what a killed call left. The caller keeps others away.
func sweep(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, ".new-*"))
	if err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	for _, name := range left {
		if err := os.Remove(name); err != nil {
			return fmt.Errorf("signing: %w", err)
		}
	}
	return nil
}

// write replaces a file with mode 0600, durably.
func write(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // where the rename did not come
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	return durable.SyncFolder(filepath.Dir(path))
}

// Load reads the key; false if the instance has none. It refuses one that others
// can read.
func Load(state string) (minisign.PrivateKey, bool, error) {
	var key minisign.PrivateKey
	info, err := os.Lstat(secret(state))
	if errors.Is(err, fs.ErrNotExist) {
		return key, false, nil
	}
	if err != nil {
		return key, false, fmt.Errorf("signing: %w", err)
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return key, false, errors.New("signing: others can read the signing key (keys/signing in the state folder): chmod 600 it, or make a new one: halftone keys rotate")
	}
	b, err := os.ReadFile(secret(state))
	if err != nil {
		return key, false, fmt.Errorf("signing: %w", err)
	}
	if err := key.UnmarshalText(b); err != nil {
		return key, false, errors.New("signing: keys/signing in the state folder is not a minisign key: bring it back from a backup, or take it away and make a new one: halftone keys init")
	}
	return key, true, nil
}

// Public lists the keys that the instance has had, the one in use last.
func Public(state string) ([]string, error) {
	b, err := os.ReadFile(public(state))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return strings.Fields(string(b)), err
}
