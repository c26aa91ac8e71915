package verify

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"halftone/outputs"
	"halftone/outputs/describe"
	"halftone/privacy"
)

// takenDown reports whether the version has a WITHDRAWN.json. A server that does
// not let one be read says nothing about it: then files are missing.
func (c *checker) takenDown(ctx context.Context) bool {
	b, err := c.version.read(ctx, describe.WithdrawnFile)
	if err == nil {
		c.files[describe.WithdrawnFile] = b
	}
	return err == nil
}

// checkRemains holds what a version that was taken down still has against
// SHA256SUMS, and demands that the rest is gone.
func (c *checker) checkRemains(ctx context.Context) (string, error) {
	sums, err := c.readSums(ctx)
	if err != nil {
		return "", err
	}
	gone, err := c.readRemains(ctx, sums)
	if err != nil {
		return "", err
	}
	if len(c.manifest.Files) != len(sums)-1 {
		return "", errors.New("manifest.json and SHA256SUMS do not list the same files")
	}
	for _, f := range c.manifest.Files {
		if sums[f.Path] != f.SHA256 {
			return "", fmt.Errorf("%s: manifest.json and SHA256SUMS do not agree", f.Path)
		}
	}
	if err := c.checkPointer(); err != nil {
		return "", err
	}
	names, err := c.version.list(ctx)
	if err != nil && !errors.Is(err, errNoList) {
		return "", err
	}
	for _, n := range names {
		if !slices.Contains(describe.Kept(), n) {
			return "", fmt.Errorf("%s is still there, and the version was taken down", n)
		}
	}
	return fmt.Sprintf("the %d that remain match SHA256SUMS; %d were taken away", len(sums)-gone, gone), nil
}

// readRemains returns how many of the files that SHA256SUMS lists are gone. It goes
// on after a difference, so that the ledger can be checked all the same.
func (c *checker) readRemains(ctx context.Context, sums map[string]string) (gone int, first error) {
	if len(sums) > maxFiles || sums[describe.ManifestFile] == "" {
		return 0, errors.New("SHA256SUMS does not list manifest.json, or too many files")
	}
	for _, n := range slices.Sorted(maps.Keys(sums)) {
		b, err := c.version.read(ctx, n)
		kept := slices.Contains(describe.Kept(), n)
		if err == nil && kept {
			c.files[n] = b
		}
		switch {
		case errors.Is(err, fs.ErrNotExist) && n != describe.ManifestFile:
			gone, err = gone+1, nil
		case err != nil:
			err = fmt.Errorf("%s: %w", n, err)
		case !kept:
			err = fmt.Errorf("%s is still there, and the version was taken down", n)
		case describe.Sum(b) != sums[n]:
			err = fmt.Errorf("%s does not match SHA256SUMS", n)
		}
		first = cmp.Or(first, err)
	}
	return gone, first
}

// checkRemainingLedger holds the ledger export against the manifest.
func (c *checker) checkRemainingLedger(ctx context.Context) (string, error) {
	export, err := c.read(ctx, ledgerFile)
	if errors.Is(err, fs.ErrNotExist) {
		return "there is none any more", nil
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", ledgerFile, err)
	}
	if c.ledger, err = newLedger(export, c.manifest.Dataset, c.read); err != nil {
		return "", err
	}
	links := c.ledger.Links
	if links[len(links)-1].Hash != c.manifest.Head || len(links) != c.manifest.Entries {
		return "", errors.New("the head of ledger.jsonl is not the one in manifest.json")
	}
	return fmt.Sprintf("%s entries, chain ok, head %.8s is in the manifest", grouped(len(links)), c.manifest.Head), nil
}

// sayWithdrawn always fails: there are no figures to be verified.
func (c *checker) sayWithdrawn(context.Context) (string, error) {
	n, err := describe.ReadWithdrawn(c.files[describe.WithdrawnFile], c.files[describe.ManifestFile])
	if err != nil {
		return "", err
	}
	c.report.Withdrawn = &n
	var what []string
	for _, r := range n.Releases {
		what = append(what, fmt.Sprintf("%s.%d: %s", r.Period, r.Edition, outputs.ReasonInWords(r.Reason)))
	}
	use := "no version is to be used instead"
	if n.Use != "" {
		use = "use version " + n.Use
	}
	return "", fmt.Errorf("this version was taken down on %s (%s). Its figures are not here and are not to be used; %s", n.Day, strings.Join(what, "; "), use)
}

// checkTakenDown demands of an earlier version in the dataset's folder that it is
// taken down if it shows what the ledger says is withdrawn, and only then.
func (c *checker) checkTakenDown(ctx context.Context, m describe.Manifest, manifest []byte) error {
	at := c.dataset.below("versions/" + m.Version)
	note, err := at.read(ctx, describe.WithdrawnFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		if _, ok := at.(folder); ok {
			return fmt.Errorf("versions/%s/%s: %w", m.Version, describe.WithdrawnFile, err)
		}
	}
	down := err == nil
	withdrawn := c.withdrawnOf(m)
	switch {
	case down && len(withdrawn) == 0:
		return fmt.Errorf("versions/%s has a %s, and the ledger has withdrawn nothing that it shows", m.Version, describe.WithdrawnFile)
	case down:
		if _, err := describe.ReadWithdrawn(note, manifest); err != nil {
			return fmt.Errorf("versions/%s: %w", m.Version, err)
		}
	case len(withdrawn) > 0:
		return fmt.Errorf("versions/%s still shows %s, which is withdrawn: it is to be taken down", m.Version, withdrawn[0].Key)
	}
	for _, r := range withdrawn {
		if _, err := at.read(ctx, r.File); err == nil {
			return fmt.Errorf("versions/%s/%s is of a release that is withdrawn", m.Version, r.File)
		}
	}
	return nil
}

// withdrawnOf are the releases of a version that the ledger has withdrawn since.
func (c *checker) withdrawnOf(m describe.Manifest) (out []describe.ManifestRelease) {
	for _, l := range c.ledger.Links {
		e, err := l.Decode()
		if err != nil || e.Kind != privacy.EntryWithdraw {
			continue // another dataset's, or not a withdrawal
		}
		for _, r := range m.Releases {
			if r.Key == e.Key() {
				out = append(out, r)
			}
		}
	}
	return out
}

// checkChanges holds the dataset's changes.json against what its latest version gives.
func (c *checker) checkChanges(ctx context.Context) (string, error) {
	got, err := c.dataset.read(ctx, describe.ChangesFile)
	if errors.Is(err, fs.ErrNotExist) {
		return "none: this dataset has no list of changes", nil
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", describe.ChangesFile, err)
	}
	if c.tables == nil {
		return "", errEarlier("numbers")
	}
	want, err := describe.Changes(c.rebuilt, c.files[describe.ManifestFile])
	if err != nil {
		return "", err
	}
	if err := sameLines(describe.ChangesFile, got, want); err != nil {
		if version, ok := describe.EarlierChanges(got, want); ok {
			return fmt.Sprintf("%s ends with %s, as that version gives it: the next run brings it up to date", describe.ChangesFile, version), nil
		}
		return "", err
	}
	return fmt.Sprintf("%s lists what the ledger and the breaks give: %s", describe.ChangesFile, plural(bytes.Count(got, []byte("\n")), "line")), nil
}

// goneFor reports whether a version was taken down for a release that the ledger has
// withdrawn. Its record may be lost with an older ledger, or it was never recorded: no
// figure of it is left to ask about.
func (c *checker) goneFor(ctx context.Context, m describe.Manifest, manifest []byte) bool {
	b, err := c.dataset.read(ctx, "versions/"+m.Version+"/"+describe.WithdrawnFile)
	if err != nil || len(c.withdrawnOf(m)) == 0 {
		return false
	}
	_, err = describe.ReadWithdrawn(b, manifest)
	return err == nil
}
