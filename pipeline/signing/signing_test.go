package signing

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aead.dev/minisign"
)

func TestLifeOfAKey(t *testing.T) {
	state := t.TempDir()
	if _, ok, err := Load(state); ok || err != nil {
		t.Fatalf("a key before the first: %v, %v", ok, err)
	}
	if _, err := Rotate(state); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("rotate without a key: %v", err)
	}
	first, err := Init(state)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Init(state); !errors.Is(err, ErrExists) {
		t.Errorf("init again: %v", err)
	}
	old, ok, err := Load(state)
	if !ok || err != nil || !first.Equal(old.Public()) {
		t.Fatalf("load: %v, %v", ok, err)
	}
	second, err := Rotate(state)
	if err != nil || second.Equal(first) {
		t.Fatalf("rotate: %v", err)
	}
	now, _, err := Load(state)
	if err != nil || !second.Equal(now.Public()) || minisign.Verify(second, []byte("x"), minisign.Sign(old, []byte("x"))) {
		t.Errorf("the old key is still in use, %v", err)
	}
	keys, err := Public(state)
	if err != nil || strings.Join(keys, " ") != first.String()+" "+second.String() {
		t.Errorf("%v, %v", keys, err)
	}
	err = filepath.WalkDir(state, func(path string, d fs.DirEntry, err error) error {
		if info, _ := d.Info(); path != state && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: mode %v", path, info.Mode())
		}
		if strings.Contains(path, ".new-") {
			t.Errorf("left behind: %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRefusedKeys(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"others can read": func(path string) error { return os.Chmod(path, 0o640) },
		"not a minisign":  func(path string) error { return os.WriteFile(path, []byte("x"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			state := t.TempDir()
			if _, err := Init(state); err != nil {
				t.Fatal(err)
			}
			if err := spoil(filepath.Join(state, "keys", "signing")); err != nil {
				t.Fatal(err)
			}
			if _, ok, err := Load(state); ok || err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%v, %v", ok, err)
			}
		})
	}
}
