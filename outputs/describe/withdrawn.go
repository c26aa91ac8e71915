package describe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"halftone/privacy"
)

// WithdrawnFile stands in a version that shows a withdrawn release and was taken
// down for it.
const WithdrawnFile = "WITHDRAWN.json"

// WithdrawnFormat is the format of WITHDRAWN.json.
const WithdrawnFormat = "halftone-withdrawn/1"

// ledgerFile is kept in a version that was taken down: it has no figure, and the
// public catalog witnesses the ledger with it.
const ledgerFile = "ledger.jsonl"

var versionName = regexp.MustCompile(`^[0-9]{4}\.[0-9]{2}-[1-9][0-9]*$`)

// Kept are the files that stay in a version that was taken down, as far as it has
// them: they say what it was and who answers for it, and have no figure.
func Kept() []string {
	return []string{ManifestFile, SumsFile, SignatureFile, WithdrawnFile, ledgerFile}
}

// A WithdrawnNote is WITHDRAWN.json: which version was taken down, and why. The
// names of those who answer for it stand in the ledger.
type WithdrawnNote struct {
	Format   string      `json:"format"`
	Dataset  string      `json:"dataset"`
	Version  string      `json:"version"`
	Sequence int         `json:"sequence"`
	Manifest string      `json:"manifest_sha256"`
	Day      string      `json:"day"`           // UTC; of the first of the withdrawals
	Releases []Withdrawn `json:"releases"`      // of the version that are withdrawn
	Use      string      `json:"use,omitempty"` // newest version to use instead; "": there is none
}

// NewWithdrawnNote says why a published version is to be taken down. manifest are
// the bytes of its manifest.json, links the ledger as it stands now, use the newest
// version that shows none of what is withdrawn, "" if there is none. It fails when
// nothing that the version shows is withdrawn.
func NewWithdrawnNote(manifest []byte, links []privacy.Link, use string) ([]byte, error) {
	n, err := newWithdrawnNote(manifest, links)
	if err != nil {
		return nil, fmt.Errorf("describe: %w", err)
	}
	n.Use = use
	return encode(n)
}

func newWithdrawnNote(manifest []byte, links []privacy.Link) (WithdrawnNote, error) {
	m, err := ReadManifest(manifest)
	if err != nil {
		return WithdrawnNote{}, err
	}
	n := WithdrawnNote{Format: WithdrawnFormat, Dataset: m.Dataset, Version: m.Version, Sequence: m.Sequence, Manifest: Sum(manifest)}
	for e, err := range privacy.Entries(links) {
		if err != nil {
			return WithdrawnNote{}, err
		}
		if e.Kind != privacy.EntryWithdraw || e.Dataset != m.Dataset {
			continue
		}
		for _, r := range m.Releases {
			if r.Key == e.Key() {
				n.Releases = append(n.Releases, Withdrawn{r.Key, r.Sealed, e.Day, e.Reason})
			}
		}
	}
	if len(n.Releases) == 0 {
		return WithdrawnNote{}, fmt.Errorf("nothing that version %s of %s shows is withdrawn", m.Version, m.Dataset)
	}
	n.Day = n.Releases[0].Day
	return n, nil
}

// ReadWithdrawn reads WITHDRAWN.json, which may come from anywhere, of the version
// with a manifest.
func ReadWithdrawn(b, manifest []byte) (WithdrawnNote, error) {
	var n WithdrawnNote
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&n); err != nil || n.Format != WithdrawnFormat || len(n.Releases) == 0 {
		return WithdrawnNote{}, fmt.Errorf("%s is unreadable, or not of the format %s", WithdrawnFile, WithdrawnFormat)
	}
	m, err := ReadManifest(manifest)
	if err != nil {
		return WithdrawnNote{}, err
	}
	if n.Dataset != m.Dataset || n.Version != m.Version || n.Sequence != m.Sequence || n.Manifest != Sum(manifest) {
		return WithdrawnNote{}, fmt.Errorf("%s is of another version", WithdrawnFile)
	}
	if n.Use != "" && !versionName.MatchString(n.Use) {
		return WithdrawnNote{}, fmt.Errorf("%s names no version to use", WithdrawnFile)
	}
	for _, r := range n.Releases {
		if _, err := time.Parse(time.DateOnly, r.Day); err != nil || !slices.Contains(privacy.Reasons(privacy.EntryWithdraw), r.Reason) ||
			!slices.ContainsFunc(m.Releases, func(o ManifestRelease) bool { return o.Key == r.Key && o.Sealed == r.Sealed }) {
			return WithdrawnNote{}, errors.New(WithdrawnFile + " has a release that the version does not show, or no day or reason")
		}
	}
	return n, nil
}
