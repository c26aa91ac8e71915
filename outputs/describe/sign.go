package describe

import (
	"bytes"
	"errors"

	"aead.dev/minisign"

	"halftone/outputs"
)

// SignatureFile is a minisign signature of SHA256SUMS, and so of everything in a
// version. It is the one file that SHA256SUMS does not list.
const SignatureFile = "SHA256SUMS.minisig"

// Sign adds the signature of a version to its files. The signed comment names the
// version, so that a signature cannot stand beside another one. Signatures are
// deterministic: the same version and key give the same bytes.
func Sign(v outputs.Version, files outputs.Files, key minisign.PrivateKey) {
	files[SignatureFile] = minisign.SignWithComments(key, files[SumsFile], signedComment(v.About.Dataset, v.Name), "minisign signature of SHA256SUMS")
}

func signedComment(dataset, version string) string { return dataset + " " + version }

// ReadKey reads a public key as minisign prints it: 56 letters, or its two-line file.
func ReadKey(text string) (minisign.PublicKey, error) {
	var k minisign.PublicKey
	if err := k.UnmarshalText([]byte(text)); err != nil {
		return k, errors.New("not a minisign public key (RW…, 56 letters)")
	}
	return k, nil
}

// CheckSignature holds a signature against SHA256SUMS, a key, and the version that
// it must be of.
func CheckSignature(key minisign.PublicKey, sums, signature []byte, dataset, version string) error {
	var s minisign.Signature
	if err := s.UnmarshalText(signature); err != nil {
		return errors.New(SignatureFile + " is unreadable")
	}
	// Base64 has several spellings of one signature; this one is ours.
	if text, err := s.MarshalText(); err != nil || !bytes.Equal(bytes.TrimRight(text, "\n"), bytes.TrimRight(signature, "\n")) {
		return errors.New(SignatureFile + " is not written as minisign writes it")
	}
	switch {
	case s.KeyID != key.ID():
		return errors.New(SignatureFile + " was made with another key")
	case !minisign.Verify(key, sums, signature):
		return errors.New(SignatureFile + " does not fit SHA256SUMS")
	case s.TrustedComment != signedComment(dataset, version):
		return errors.New(SignatureFile + " is of another version")
	}
	return nil
}
