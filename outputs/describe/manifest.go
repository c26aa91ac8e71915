package describe

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"halftone/outputs"
	"halftone/privacy"
)

// Names of the files that hold a version together.
const (
	ManifestFile = "manifest.json"
	SumsFile     = "SHA256SUMS"
)

// ManifestFormat is the format of manifest.json.
const ManifestFormat = "halftone-manifest/1"

// A Manifest says what is in a version. Its SHA-256 goes into the ledger when
// the version is published.
type Manifest struct {
	Format      string            `json:"format"`
	Dataset     string            `json:"dataset"`
	Series      int               `json:"series"`
	Version     string            `json:"version"`
	Sequence    int               `json:"sequence"` // the order of versions
	Composed    string            `json:"composed"` // UTC day
	Tool        string            `json:"tool"`
	Key         string            `json:"key,omitempty"` // minisign public key that the version is signed with
	Licence     string            `json:"licence"`
	Head        string            `json:"ledger_head"`
	Entries     int               `json:"ledger_entries"`
	SpecDigests []string          `json:"spec_digests"` // of the releases, each once, in order
	Additive    bool              `json:"additive"`     // values add up over tables and levels
	Tables      []ManifestTable   `json:"tables"`
	Releases    []ManifestRelease `json:"releases"`
	Withdrawn   []Withdrawn       `json:"withdrawn,omitempty"` // periods that are shown without numbers
	Files       []ManifestFileSum `json:"files"`               // all but this one, SHA256SUMS and its signature
}

// A ManifestTable is one table over all periods.
type ManifestTable struct {
	Name string `json:"name"`
	Rows int    `json:"rows"`
}

// A ManifestRelease is one sealed release of the version.
type ManifestRelease struct {
	privacy.Key
	File   string `json:"file"`
	Sealed string `json:"sealed_sha256"`
	privacy.Cost
	SpecDigest string `json:"spec_digest"`
}

// A Withdrawn is a release that is shown no more.
type Withdrawn struct {
	privacy.Key
	Sealed string `json:"sealed_sha256"`
	Day    string `json:"withdrawn"` // UTC
	Reason string `json:"reason"`    // of the closed list
}

// NewWithdrawn lists what v shows without numbers, by period.
func NewWithdrawn(v outputs.Version) ([]Withdrawn, error) {
	ws, err := v.Withdrawn()
	if err != nil {
		return nil, err
	}
	var out []Withdrawn
	for _, w := range ws {
		out = append(out, Withdrawn{w.Key, w.Sealed, w.Day.Format(time.DateOnly), w.Reason})
	}
	return out, nil
}

// A ManifestFileSum is one file with its size and SHA-256.
type ManifestFileSum struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// SealedFile is the path of a release's sealed file in a version.
func SealedFile(k privacy.Key) string { return fmt.Sprintf("sealed/%s.%d.json", k.Period, k.Edition) }

// NewManifest describes v, its tables, and all its other files.
func NewManifest(v outputs.Version, tables []outputs.Table, files outputs.Files) (Manifest, error) {
	last, err := newest(v)
	if err != nil {
		return Manifest{}, err
	}
	m := Manifest{Format: ManifestFormat, Dataset: v.About.Dataset, Series: v.About.Series, Version: v.Name, Sequence: v.Sequence,
		Composed: v.Composed.UTC().Format("2006-01-02"), Tool: v.Tool, Key: v.Key, Licence: v.About.Licence,
		Head: v.Head, Entries: len(v.Ledger), Additive: last.Additive()}
	for _, t := range tables {
		m.Tables = append(m.Tables, ManifestTable{t.Name, t.Rows()})
	}
	for _, e := range v.Releases {
		k, err := e.Release.Key()
		if err != nil {
			return Manifest{}, fmt.Errorf("describe: manifest: %w", err)
		}
		mod, err := e.Release.Model()
		if err != nil {
			return Manifest{}, fmt.Errorf("describe: manifest: %w", err)
		}
		m.Releases = append(m.Releases, ManifestRelease{k, SealedFile(k), Sum(e.Release.File()), mod.Cost(), mod.SpecDigest})
		if !slices.Contains(m.SpecDigests, mod.SpecDigest) {
			m.SpecDigests = append(m.SpecDigests, mod.SpecDigest)
		}
	}
	if m.Withdrawn, err = NewWithdrawn(v); err != nil {
		return Manifest{}, fmt.Errorf("describe: manifest: %w", err)
	}
	for _, name := range files.Names() {
		if name != ManifestFile && name != SumsFile {
			m.Files = append(m.Files, ManifestFileSum{name, int64(len(files[name])), Sum(files[name])})
		}
	}
	return m, nil
}

// JSON writes m.
func (m Manifest) JSON() ([]byte, error) { return encode(m) }

// ReadManifest reads manifest.json, which may come from anywhere.
func ReadManifest(b []byte) (Manifest, error) {
	var m Manifest
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return Manifest{}, errors.New("manifest.json is unreadable")
	}
	if m.Format != ManifestFormat {
		return Manifest{}, fmt.Errorf("manifest.json is not of the format %s", ManifestFormat)
	}
	return m, nil
}

// Sums writes SHA256SUMS over all files but itself, as `sha256sum -c` reads it.
func Sums(files outputs.Files) []byte {
	var b strings.Builder
	for _, name := range files.Names() {
		if name != SumsFile {
			fmt.Fprintf(&b, "%s  %s\n", Sum(files[name]), name)
		}
	}
	return []byte(b.String())
}

// ReadSums reads SHA256SUMS, which may come from anywhere: digest by file name.
func ReadSums(b []byte) (map[string]string, error) {
	sums := map[string]string{}
	text, ok := strings.CutSuffix(string(b), "\n")
	if !ok {
		return nil, errors.New("SHA256SUMS does not end with a line end")
	}
	for i, line := range strings.Split(text, "\n") {
		digest, name, ok := strings.Cut(line, "  ")
		raw, err := hex.DecodeString(digest)
		if !ok || err != nil || len(raw) != sha256.Size || name == "" || strings.ToLower(digest) != digest {
			return nil, fmt.Errorf("SHA256SUMS line %d is not a digest and a name", i+1)
		}
		if _, twice := sums[name]; twice {
			return nil, fmt.Errorf("SHA256SUMS line %d names a file twice", i+1)
		}
		sums[name] = digest
	}
	return sums, nil
}

// Sum is the SHA-256 of b as hexadecimal text.
func Sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
