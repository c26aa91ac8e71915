package verify_test

import (
	"crypto/rand"
	"maps"
	"slices"
	"strings"
	"testing"

	"aead.dev/minisign"

	"halftone/outputs"
	"halftone/outputs/compose"
	"halftone/outputs/compose/composetest"
	"halftone/outputs/describe"
	"halftone/outputs/verify"
)

// signedVersion is one version, its key, and the same content signed as another version.
func signedVersion(t *testing.T) (files, other outputs.Files, pub minisign.PublicKey, key minisign.PrivateKey) {
	t.Helper()
	pub, key, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w := composetest.New()
	w.Release(t, "2018", 1, 1)
	v := w.Version(t, "2026.11-1", 1)
	v.Key = pub.String()
	if files, err = compose.Version(v); err != nil {
		t.Fatal(err)
	}
	other = maps.Clone(files)
	describe.Sign(v, files, key)
	v.Name = "2026.11-2"
	describe.Sign(v, other, key)
	return files, other, pub, key
}

func TestSignature(t *testing.T) {
	files, other, pub, key := signedVersion(t)
	stranger, mine, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		change  func(outputs.Files)
		options []verify.Option
		want    string // in what failed; "": nothing did
	}{
		"as published":        {nil, nil, ""},
		"key given":           {nil, []verify.Option{verify.Key(pub)}, ""},
		"another key given":   {nil, []verify.Option{verify.Key(stranger)}, "signature: SHA256SUMS.minisig was made with another key"},
		"taken away":          {func(f outputs.Files) { delete(f, describe.SignatureFile) }, nil, "signature: manifest.json names a key"},
		"taken away, key":     {func(f outputs.Files) { delete(f, describe.SignatureFile) }, []verify.Option{verify.Key(pub)}, "signature: there is none"},
		"of another version":  {func(f outputs.Files) { f[describe.SignatureFile] = other[describe.SignatureFile] }, nil, "signature: SHA256SUMS.minisig is of another version"},
		"no signature at all": {func(f outputs.Files) { f[describe.SignatureFile] = []byte("x") }, nil, "signature: SHA256SUMS.minisig is unreadable"},
		"other sums":          {func(f outputs.Files) { f[describe.SumsFile] = append(slices.Clone(f[describe.SumsFile]), ' ') }, nil, "signature: SHA256SUMS.minisig does not fit SHA256SUMS"},
		// Signed again by somebody else, who names his key in the manifest: only the
		// publisher's key, known from elsewhere, tells.
		"signed by a stranger": {func(f outputs.Files) { resign(t, f, stranger, mine) }, []verify.Option{verify.Key(pub)}, "signature: SHA256SUMS.minisig was made with another key"},
		"a key that the manifest does not name": {func(f outputs.Files) {
			forge(t, f, func(m *describe.Manifest) { m.Key = stranger.String() })
			f[describe.SignatureFile] = minisign.SignWithComments(key, f[describe.SumsFile], "test-offences 2026.11-1", "")
		}, []verify.Option{verify.Key(pub)}, "manifest.json names another key"},
	} {
		t.Run(name, func(t *testing.T) {
			f := maps.Clone(files)
			if tc.change != nil {
				tc.change(f)
			}
			failed, details := failed(t, f, tc.options...)
			if tc.want == "" && len(failed) > 0 || !strings.Contains(details, tc.want) {
				t.Errorf("failed: %s, want %q", details, tc.want)
			}
		})
	}
}

// resign makes a version look as if another key had signed it.
func resign(t *testing.T, f outputs.Files, pub minisign.PublicKey, key minisign.PrivateKey) {
	t.Helper()
	delete(f, describe.SignatureFile)
	forge(t, f, func(m *describe.Manifest) { m.Key = pub.String() })
	f[describe.SignatureFile] = minisign.SignWithComments(key, f[describe.SumsFile], "test-offences 2026.11-1", "")
}

// Every byte of the signature file that is signed matters; the first line is a
// comment for people.
func TestAnyByteOfTheSignature(t *testing.T) {
	files, _, pub, _ := signedVersion(t)
	whole := files[describe.SignatureFile]
	if err := describe.CheckSignature(pub, files[describe.SumsFile], whole, "test-offences", "2026.11-1"); err != nil {
		t.Fatal(err)
	}
	from := slices.Index(whole, '\n') + 1
	for at := from; at < len(whole)-1; at++ {
		changed := slices.Clone(whole)
		changed[at] ^= 1
		if err := describe.CheckSignature(pub, files[describe.SumsFile], changed, "test-offences", "2026.11-1"); err == nil {
			t.Errorf("byte %d: not noticed", at)
		}
	}
}
