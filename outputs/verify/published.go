package verify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"halftone/outputs"
	"halftone/outputs/claims"
	"halftone/outputs/describe"
	"halftone/privacy"
)

// checkSignature holds SHA256SUMS against its signature.
func (c *checker) checkSignature(ctx context.Context) (string, error) {
	sums, err := c.version.read(ctx, describe.SumsFile)
	if err != nil {
		return "", fmt.Errorf("SHA256SUMS: %w", err)
	}
	signature, err := c.version.read(ctx, describe.SignatureFile)
	switch none := errors.Is(err, fs.ErrNotExist); {
	case none && c.key != nil:
		return "", errors.New("there is none, and a key was given")
	case none && c.manifest.Key != "":
		return "", fmt.Errorf("manifest.json names a key, and there is no %s", describe.SignatureFile)
	case none:
		return "none: nothing here says who published this", nil
	case err != nil:
		return "", fmt.Errorf("%s: %w", describe.SignatureFile, err)
	}
	key, from := c.key, "as given"
	if key == nil {
		k, err := describe.ReadKey(c.manifest.Key)
		if err != nil {
			return "", fmt.Errorf("manifest.json: the key is %w", err)
		}
		key, from = &k, "the one in manifest.json: warning, that shows who signed only if you know the key from elsewhere (--key)"
	}
	if err := describe.CheckSignature(*key, sums, signature, c.manifest.Dataset, c.manifest.Version); err != nil {
		return "", err
	}
	if key.String() != c.manifest.Key {
		return "", errors.New("the signature is good, but manifest.json names another key")
	}
	return fmt.Sprintf("minisign key %s, %s", key, from), nil
}

// readSums reads SHA256SUMS: digest by file name.
func (c *checker) readSums(ctx context.Context) (map[string]string, error) {
	b, err := c.version.read(ctx, describe.SumsFile)
	if err != nil {
		return nil, fmt.Errorf("SHA256SUMS: %w", err)
	}
	c.files[describe.SumsFile] = b
	return describe.ReadSums(b)
}

// checkFiles reads every file and holds it against SHA256SUMS, and SHA256SUMS
// against the manifest and the folder.
func (c *checker) checkFiles(ctx context.Context) (string, error) {
	sums, err := c.readSums(ctx)
	if err != nil {
		return "", err
	}
	if err := c.readAll(ctx, sums); err != nil {
		return "", err
	}
	if err := c.sameAsManifest(sums); err != nil {
		return "", err
	}
	names, err := c.version.list(ctx)
	if err != nil && !errors.Is(err, errNoList) {
		return "", err
	}
	for _, n := range names {
		if _, ok := sums[n]; !ok && n != describe.SumsFile && n != describe.SignatureFile {
			return "", fmt.Errorf("%s is not in SHA256SUMS", n)
		}
	}
	if err := c.checkPointer(); err != nil {
		return "", err
	}
	detail := fmt.Sprintf("%d of %d match SHA256SUMS", len(sums), len(sums))
	if errors.Is(err, errNoList) {
		detail += "; this place does not say whether there are more"
	}
	return detail, nil
}

func (c *checker) checkPointer() error {
	if c.pointer != nil && (c.pointer.Dataset != c.manifest.Dataset || c.pointer.Version != c.manifest.Version ||
		c.pointer.Sequence != c.manifest.Sequence || c.pointer.Manifest != describe.Sum(c.files[describe.ManifestFile])) {
		return errors.New("latest.json is not of this manifest.json")
	}
	return nil
}

// readAll reads what SHA256SUMS lists, and goes on after a difference so that
// later checks have the other files.
func (c *checker) readAll(ctx context.Context, sums map[string]string) error {
	if len(sums) > maxFiles {
		return errors.New("SHA256SUMS lists too many files")
	}
	names := make([]string, 0, len(sums))
	for n := range sums {
		names = append(names, n)
	}
	slices.Sort(names)
	var first error
	total := 0
	for _, n := range names {
		b, err := c.version.read(ctx, n)
		if err == nil && total > maxTotal-len(b) {
			return errors.New("the version is larger than 4 GiB")
		}
		total += len(b)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = fmt.Errorf("%s is missing", n)
		case err != nil:
			err = fmt.Errorf("%s: %w", n, err)
		case describe.Sum(b) != sums[n]:
			err = fmt.Errorf("%s does not match SHA256SUMS", n)
		}
		if b != nil {
			c.files[n] = b
		}
		if first == nil {
			first = err
		}
	}
	return first
}

func (c *checker) sameAsManifest(sums map[string]string) error {
	if _, ok := sums[describe.ManifestFile]; !ok {
		return errors.New("manifest.json is not in SHA256SUMS")
	}
	if _, ok := sums[describe.SumsFile]; ok {
		return errors.New("SHA256SUMS lists itself")
	}
	for _, f := range c.manifest.Files {
		if sums[f.Path] != f.SHA256 || int64(len(c.files[f.Path])) != f.Bytes {
			return fmt.Errorf("%s: manifest.json and SHA256SUMS do not agree", f.Path)
		}
	}
	if len(c.manifest.Files) != len(sums)-1 {
		return errors.New("manifest.json and SHA256SUMS do not list the same files")
	}
	return nil
}

// read returns a file that checkFiles has read.
func (c *checker) read(_ context.Context, name string) ([]byte, error) {
	b, ok := c.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return b, nil
}

// checkReleases opens every sealed file of the version through the ledger.
func (c *checker) checkReleases(ctx context.Context) (string, error) {
	export, err := c.read(ctx, ledgerFile)
	if err != nil {
		return "", fmt.Errorf("%s: %w", ledgerFile, err)
	}
	if c.ledger, err = newLedger(export, c.manifest.Dataset, c.read); err != nil {
		return "", err
	}
	if len(c.manifest.Releases) == 0 {
		return "", errors.New("manifest.json lists no release")
	}
	shown := outputs.Version{Name: c.manifest.Version, Ledger: c.ledger.Links, About: outputs.About{Dataset: c.manifest.Dataset, Series: c.manifest.Series}}
	for i, r := range c.manifest.Releases {
		if r.File != describe.SealedFile(r.Key) || r.Sealed != c.ledger.Account.Seals[r.Key].Sealed {
			return "", fmt.Errorf("%s: manifest.json and ledger.jsonl do not agree", r.Key)
		}
		if r.Key.Dataset != c.manifest.Dataset || r.Key.Series != c.manifest.Series ||
			i > 0 && !c.manifest.Releases[i-1].Period.Before(r.Period) {
			return "", fmt.Errorf("%s is of another dataset or series, or not in the order of periods", r.Key)
		}
		opened, err := privacy.OpenRelease(ctx, r.Key, c.ledger)
		if err != nil {
			return "", err
		}
		shown.Releases = append(shown.Releases, outputs.Edition{Release: opened})
	}
	withdrawn, err := c.checkWithdrawn(shown)
	if err != nil {
		return "", err
	}
	c.shown = shown
	detail := plural(len(c.manifest.Releases), "sealed file") + " match the ledger export"
	if n := len(withdrawn); n > 0 {
		detail += fmt.Sprintf("; %s withdrawn, without numbers and without a sealed file", plural(n, "period"))
	}
	return detail, nil
}

// checkWithdrawn holds what is withdrawn by the ledger against the manifest and the
// sealed files that are there.
func (c *checker) checkWithdrawn(shown outputs.Version) ([]describe.Withdrawn, error) {
	withdrawn, err := describe.NewWithdrawn(shown)
	if err != nil {
		return nil, err
	}
	for name := range c.files {
		if !strings.HasPrefix(name, "sealed/") {
			continue
		}
		if slices.ContainsFunc(withdrawn, func(w describe.Withdrawn) bool { return describe.SealedFile(w.Key) == name }) {
			return nil, fmt.Errorf("%s is of a release that is withdrawn", name)
		}
		if !slices.ContainsFunc(c.manifest.Releases, func(r describe.ManifestRelease) bool { return r.File == name }) {
			return nil, fmt.Errorf("%s belongs to no release of the manifest", name)
		}
	}
	if !slices.Equal(withdrawn, c.manifest.Withdrawn) {
		return nil, errors.New("manifest.json says otherwise than ledger.jsonl what is withdrawn")
	}
	return withdrawn, nil
}

// checkLedger holds the head against the manifest, and against the manifests of
// the versions before it where there are any.
func (c *checker) checkLedger(ctx context.Context) (string, error) {
	if c.ledger == nil {
		return "", errEarlier("releases")
	}
	links := c.ledger.Links
	head := links[len(links)-1].Hash
	if head != c.manifest.Head || len(links) != c.manifest.Entries {
		return "", errors.New("the head of ledger.jsonl is not the one in manifest.json")
	}
	before, err := c.publications()
	if err != nil {
		return "", err
	}
	earlier, seen := "first version", 0
	for _, e := range before {
		found, err := c.checkEarlier(ctx, e)
		if err != nil {
			return "", err
		}
		seen += found
	}
	if len(before) > 0 {
		earlier = plural(len(before), "earlier version") + " in the ledger"
		if c.dataset != nil {
			earlier += fmt.Sprintf(", %d of them here and in this chain", seen)
		}
	}
	if err := c.checkUnknownVersions(ctx, before); err != nil {
		return "", err
	}
	if err := c.wholeEditions(); err != nil {
		return "", err
	}
	others := ""
	n := 0
	for _, l := range links {
		if len(l.Entry) == 0 {
			n++
		}
	}
	if n > 0 {
		others = fmt.Sprintf("; %d of them are of other datasets and left out here", n)
	}
	return fmt.Sprintf("%s entries, chain ok, head %.8s is in the manifest%s; %s", grouped(len(links)), head, others, earlier), nil
}

// wholeEditions demands the charges of all earlier editions of what is published:
// an export that leaves one out would make the spent budget look smaller.
func (c *checker) wholeEditions() error {
	for _, k := range c.keys() {
		for e := 1; e < k.Edition; e++ {
			before := k
			before.Edition = e
			if _, ok := c.ledger.Account.Charges[before]; !ok {
				return fmt.Errorf("ledger.jsonl has no charge of %s, and a later edition is published", before)
			}
		}
	}
	return nil
}

// sameEntries demands that an earlier export of this dataset's entries is in this one.
func (c *checker) sameEntries(ctx context.Context, version string) error {
	name := "versions/" + version + "/" + ledgerFile
	b, err := c.dataset.read(ctx, name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	links, err := describe.ReadLedger(b)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for i, l := range links {
		if i >= len(c.ledger.Links) || c.ledger.Links[i].Hash != l.Hash || len(l.Entry) > 0 && len(c.ledger.Links[i].Entry) == 0 {
			return fmt.Errorf("entry %d of %s is not in this version's ledger.jsonl", i+1, name)
		}
	}
	return nil
}

// publications are the versions that the ledger recorded before this one.
func (c *checker) publications() ([]privacy.Entry, error) {
	var out []privacy.Entry
	for e, err := range privacy.Entries(c.ledger.Links) {
		if err != nil {
			return nil, err
		}
		if e.Kind != privacy.EntryPublish || e.Dataset != c.manifest.Dataset {
			continue
		}
		if e.Sequence >= c.manifest.Sequence || e.Version == c.manifest.Version {
			return nil, fmt.Errorf("the ledger recorded version %s before this one, which has no higher sequence", e.Version)
		}
		out = append(out, e)
	}
	return out, nil
}

// checkEarlier returns 1 where the version of a publication is here and its
// manifest is the recorded one with a head of this chain, 0 where it is not here.
func (c *checker) checkEarlier(ctx context.Context, e privacy.Entry) (int, error) {
	name := "versions/" + e.Version + "/" + describe.ManifestFile
	if c.dataset == nil {
		return 0, nil
	}
	b, err := c.dataset.read(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	if describe.Sum(b) != e.Manifest {
		return 0, fmt.Errorf("%s is not the manifest that the ledger recorded", name)
	}
	m, err := describe.ReadManifest(b)
	if err != nil {
		return 0, fmt.Errorf("versions/%s: %w", e.Version, err)
	}
	if err := c.inChain(m); err != nil {
		return 0, err
	}
	if err := c.checkTakenDown(ctx, m, b); err != nil {
		return 0, err
	}
	return 1, c.sameEntries(ctx, e.Version)
}

func (c *checker) inChain(m describe.Manifest) error {
	if links := c.ledger.Links; m.Entries < 1 || m.Entries > len(links) || links[m.Entries-1].Hash != m.Head {
		return fmt.Errorf("the ledger head of version %s is not in this version's chain", m.Version)
	}
	return nil
}

// checkUnknownVersions looks for versions in the dataset's folder that the ledger
// does not know. One of them may be newer than the latest: a run that was cut
// off before it moved the pointer.
func (c *checker) checkUnknownVersions(ctx context.Context, before []privacy.Entry) error {
	f, ok := c.dataset.(folder)
	if !ok {
		return nil
	}
	entries, err := fs.ReadDir(f.fsys, f.below("versions").(folder).dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		known := e.Name() == c.manifest.Version || e.Name()[0] == '.' ||
			slices.ContainsFunc(before, func(p privacy.Entry) bool { return p.Version == e.Name() })
		if known {
			continue
		}
		b, err := c.dataset.read(ctx, "versions/"+e.Name()+"/"+describe.ManifestFile)
		if err != nil {
			return fmt.Errorf("versions/%s is not in the ledger and has no manifest.json", e.Name())
		}
		m, err := describe.ReadManifest(b)
		if err != nil {
			return fmt.Errorf("versions/%s: %w", e.Name(), err)
		}
		if m.Sequence <= c.manifest.Sequence && !c.goneFor(ctx, m, b) {
			return fmt.Errorf("the ledger has no record of version %s", e.Name())
		}
	}
	return nil
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(n) + " " + noun + "s"
}

// grouped is a number as the report writes it: 1,560.
func grouped(n int) string { return claims.English().Int(int64(n)) }
