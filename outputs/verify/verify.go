// Package verify recomputes a published version from what is published.
//
// It needs no data and no secret, and for a folder no network. Everything it
// reads may come from anywhere: a spoilt file is a failed check, never a panic.
package verify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"

	"aead.dev/minisign"

	"halftone/outputs"
	"halftone/outputs/compose"
	"halftone/outputs/dataset"
	"halftone/outputs/describe"
	"halftone/outputs/publish"
	"halftone/privacy"
)

// Names of files that are read by name.
const ledgerFile = compose.LedgerFile

// ErrNotPublished says that a place has neither a version nor a dataset.
var ErrNotPublished = errors.New("verify: no manifest.json and no latest.json here: want the folder of a version or of a dataset")

// A Check is one line of the report.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"` // what was found, or the file and line of the first difference
}

// A Report says what was checked. OK says that every check is.
type Report struct {
	OK      bool    `json:"ok"`
	Dataset string  `json:"dataset"`
	Version string  `json:"version"`
	Checks  []Check `json:"checks"`
	Spent   Spent   `json:"spent"`
	// Withdrawn is the note of a version that was taken down: there is nothing left
	// to recompute, and it is never OK.
	Withdrawn *describe.WithdrawnNote `json:"withdrawn,omitempty"`
}

// Spent is what the ledger export says that all releases so far cost.
type Spent struct {
	privacy.Cost
	Epsilon   float64  `json:"epsilon"` // at Delta
	Delta     float64  `json:"delta"`   // 0 with a pure ε
	Unit      string   `json:"unit"`
	PerPeriod bool     `json:"per_period"` // of a unit and period instead of a unit
	M         int64    `json:"M"`
	P         int64    `json:"P"`       // 0: any number
	Sources   []string `json:"sources"` // that stated M and P, which cannot be checked here
	// NoGuarantee are sources for the people behind which nothing is promised; all of
	// them where Nobody is set.
	NoGuarantee []string `json:"no_guarantee,omitempty"`
	Nobody      bool     `json:"nobody,omitempty"`
}

// An Option changes how a place is verified.
type Option func(*checker)

// By says which program verifies. A version that the same program has composed
// must be byte for byte what it composes again; of one by another program, whose
// pages may have looked otherwise, the numbers are compared.
func By(tool string) Option { return func(c *checker) { c.tool = tool } }

// Key is the minisign public key that the version must be signed with. Without it
// the one that the manifest names is used, which shows that nothing was changed
// since somebody signed it, and not who did.
func Key(key minisign.PublicKey) Option { return func(c *checker) { c.key = &key } }

// Folder verifies a folder on disk: a version, or a dataset's latest one.
func Folder(ctx context.Context, dir string, options ...Option) (Report, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Report{}, fmt.Errorf("verify: %w", err)
	}
	defer func() { _ = root.Close() }()
	return verify(ctx, folder{root.FS(), "."}, options)
}

// FS verifies a folder of any kind.
func FS(ctx context.Context, fsys fs.FS, options ...Option) (Report, error) {
	return verify(ctx, folder{fsys, "."}, options)
}

// URL verifies what a web server serves below an address: a version, or a
// dataset's latest one. A web server does not list its files, so that a file too
// many is not noticed. A nil client is the default one.
func URL(ctx context.Context, address string, client *http.Client, options ...Option) (Report, error) {
	w, err := newWebsite(address, client)
	if err != nil {
		return Report{}, err
	}
	return verify(ctx, w, options)
}

// A checker holds what earlier checks have read and made.
type checker struct {
	tool     string              // the program that verifies; empty: not said
	key      *minisign.PublicKey // that the version must be signed with; nil: not said
	version  place
	dataset  place            // nil where only a version was given
	pointer  *publish.Pointer // of the dataset
	manifest describe.Manifest
	files    outputs.Files // as read
	ledger   *Ledger
	shown    outputs.Version // releases and ledger, without text
	rebuilt  outputs.Version
	tables   []outputs.Table
	sheets   []dataset.Sheet // recomputed, all-tables last
	equal    bool            // CSV and Parquet are as recomputed
	report   Report
}

// verify starts again where a version has come out while the one before it was being
// checked: what is around that version is of the new one, or taken down.
func verify(ctx context.Context, p place, options []Option) (Report, error) {
	for again := 0; ; again++ {
		r, pointer, err := verifyOnce(ctx, p, options)
		if err != nil || r.OK || again == maxAgain || !moved(ctx, p, pointer) {
			return r, err
		}
	}
}

// moved reports whether latest.json names another version by now. One that cannot be
// read names none.
func moved(ctx context.Context, p place, before *publish.Pointer) bool {
	b, err := p.read(ctx, publish.PointerFile)
	if err != nil || before == nil {
		return false
	}
	now, err := publish.ReadPointer(b)
	return err == nil && now != *before
}

// maxAgain is how often: a run makes few versions, and a server may say anything.
const maxAgain = 3

// verifyOnce returns the pointer that led to the version, too, if one did.
func verifyOnce(ctx context.Context, p place, options []Option) (Report, *publish.Pointer, error) {
	c := checker{version: p, files: outputs.Files{}}
	for _, o := range options {
		o(&c)
	}
	if err := c.locate(ctx, p); err != nil {
		return Report{}, nil, err
	}
	c.report.Dataset, c.report.Version = c.manifest.Dataset, c.manifest.Version
	for _, step := range c.steps(ctx) {
		detail, err := step.run(ctx)
		if ctx.Err() != nil {
			return Report{}, nil, fmt.Errorf("verify: %w", ctx.Err())
		}
		if err != nil {
			detail = err.Error()
		}
		c.report.Checks = append(c.report.Checks, Check{step.name, err == nil, detail})
	}
	c.report.OK = true
	for _, k := range c.report.Checks {
		c.report.OK = c.report.OK && k.OK
	}
	return c.report, c.pointer, nil
}

// A step is one check.
type step struct {
	name string
	run  func(context.Context) (string, error)
}

func (c *checker) steps(ctx context.Context) []step {
	if c.takenDown(ctx) {
		return []step{{"signature", c.checkSignature}, {"files", c.checkRemains}, {"ledger", c.checkRemainingLedger}, {"withdrawn", c.sayWithdrawn}}
	}
	steps := []step{
		{"signature", c.checkSignature},
		{"files", c.checkFiles},
		{"releases", c.checkReleases},
		{"ledger", c.checkLedger},
		{"privacy", c.checkPrivacy},
		{"numbers", c.checkNumbers},
		{"sums", c.checkSums},
		{"formats", c.checkFormats},
	}
	if c.dataset != nil {
		steps = append(steps, step{"changes", c.checkChanges})
	}
	return steps
}

// locate finds the version: here, or where latest.json points to.
func (c *checker) locate(ctx context.Context, p place) error {
	b, err := p.read(ctx, describe.ManifestFile)
	if errors.Is(err, fs.ErrNotExist) {
		pb, perr := p.read(ctx, publish.PointerFile)
		if errors.Is(perr, fs.ErrNotExist) {
			return ErrNotPublished
		}
		if perr != nil {
			return fmt.Errorf("verify: %w", perr)
		}
		to, perr := publish.ReadPointer(pb)
		if perr != nil {
			return fmt.Errorf("verify: %w", perr)
		}
		c.dataset, c.pointer, c.version = p, &to, p.below("versions/"+to.Version)
		b, err = c.version.read(ctx, describe.ManifestFile)
	}
	if err != nil {
		return fmt.Errorf("verify: manifest.json: %w", err)
	}
	if c.manifest, err = describe.ReadManifest(b); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	c.files[describe.ManifestFile] = b
	return nil
}

// errEarlier stands where a check rests on one that has failed.
func errEarlier(name string) error { return fmt.Errorf("not checked, because %s is not ok", name) }

// keys are the releases of the manifest.
func (c *checker) keys() []privacy.Key {
	keys := make([]privacy.Key, len(c.manifest.Releases))
	for i, r := range c.manifest.Releases {
		keys[i] = r.Key
	}
	return keys
}
