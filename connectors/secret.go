package connectors

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// IsSecretReference tells a reference from a text.
func IsSecretReference(s string) bool {
	for _, scheme := range []string{"env:", "file:", "credential:"} {
		if strings.HasPrefix(s, scheme) {
			return true
		}
	}
	return false
}

const secretBytes = 64 << 10

// Secrets resolves env:NAME and credential:NAME (systemd) through lookup,
// which is os.LookupEnv or its twin in tests, and file:PATH below dir or
// absolute. A file that others may read is refused. One trailing line break is
// not part of a secret; an empty one is an error. Errors name neither value
// nor path.
func Secrets(dir string, lookup func(string) (string, bool)) Secret {
	return func(_ context.Context, reference string) (string, error) {
		scheme, name, _ := strings.Cut(reference, ":")
		switch scheme {
		case "env":
			v, _ := lookup(name)
			return nonEmpty(v)
		case "file":
			if !filepath.IsAbs(name) {
				name = filepath.Join(dir, name)
			}
			return secretFile(name)
		case "credential":
			folder, ok := lookup("CREDENTIALS_DIRECTORY")
			if !ok || name != filepath.Base(name) {
				return "", errors.New("systemd gives no such credential")
			}
			return secretFile(filepath.Join(folder, name))
		}
		return "", errors.New("a secret is given as env:NAME, file:PATH or credential:NAME")
	}
}

func secretFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", errors.New("the secret's file cannot be opened")
	}
	defer f.Close()
	st, err := f.Stat()
	switch {
	case err != nil || !st.Mode().IsRegular():
		return "", errors.New("the secret's file is not a regular file")
	case st.Mode().Perm()&0o077 != 0:
		return "", errors.New("others may read the secret's file: chmod 600 it")
	case st.Size() > secretBytes:
		return "", errors.New("the secret's file is too large for a secret")
	}
	b, err := io.ReadAll(io.LimitReader(f, secretBytes))
	if err != nil {
		return "", errors.New("the secret's file cannot be read")
	}
	return nonEmpty(string(b))
}

func nonEmpty(v string) (string, error) {
	v = strings.TrimSuffix(strings.TrimSuffix(v, "\n"), "\r")
	if v == "" {
		return "", errors.New("the secret is not set or empty")
	}
	return v, nil
}
