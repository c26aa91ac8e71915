// Package compose makes the whole folder of a version, as files in memory.
//
// It is a pure function: the same version gives the same bytes.
package compose

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"halftone/outputs"
	"halftone/outputs/claims"
	"halftone/outputs/dataset"
	"halftone/outputs/describe"
	"halftone/outputs/report"
	"halftone/privacy"
)

// Paths in a version that other packages need.
const (
	ReportFile       = "report/index.html"
	LedgerFile       = "ledger.jsonl"
	NoiseModelFile   = "noise-model.json"
	NoiseReaderFile  = "noise_model.py"
	PrivacyLabelFile = "privacy-label.json"
	ReleasesFile     = "releases.csv"
	ReadmeFile       = "README.md"
	DataPackageFile  = "datapackage.json"
)

// ErrAllWithdrawn says that every release of a version's series is withdrawn: there
// is nothing that a version could show, and what was published is to be taken down.
var ErrAllWithdrawn = errors.New("every release of the series is withdrawn: no version can be composed, take the published ones down")

// Version returns the files of v. The SHA-256 of manifest.json is what the
// ledger records when the version is published.
//
// It fails when v contradicts itself: a chain that does not end in v.Head, a
// release without charge or seal, a price that is not the ledger's, a release that
// is withdrawn, a name that is no file name, a label that a spreadsheet would run.
func Version(v outputs.Version) (outputs.Files, error) {
	if err := check(v); err != nil {
		return nil, fmt.Errorf("compose %s %s: %w", v.About.Dataset, v.Name, err)
	}
	files := outputs.Files{}
	if err := fill(files, v); err != nil {
		return nil, fmt.Errorf("compose %s %s: %w", v.About.Dataset, v.Name, err)
	}
	return files, nil
}

// fill makes the files in the order in which they build on each other.
func fill(files outputs.Files, v outputs.Version) error {
	// 1. Numbers.
	tables, err := v.Tables()
	if err != nil {
		return err
	}
	if err := data(files, v, tables); err != nil {
		return err
	}
	// 2. What they are made from, and what people read.
	for _, e := range v.Releases {
		k, err := e.Release.Key()
		if err != nil {
			return err
		}
		files[describe.SealedFile(k)] = e.Release.File()
	}
	label, err := describe.NewLabel(v)
	if err != nil {
		return err
	}
	for name, write := range map[string]func() ([]byte, error){
		LedgerFile:       func() ([]byte, error) { return describe.Ledger(v.Ledger) },
		NoiseModelFile:   func() ([]byte, error) { return describe.NoiseModel(v) },
		NoiseReaderFile:  func() ([]byte, error) { return describe.NoiseReader(), nil },
		PrivacyLabelFile: label.JSON,
		ReadmeFile:       func() ([]byte, error) { return describe.Readme(v, tables) },
		"LICENSE.txt":    func() ([]byte, error) { return describe.Licence(v) },
		"CITATION.cff":   func() ([]byte, error) { return describe.Citation(v) },
	} {
		if files[name], err = write(); err != nil {
			return err
		}
	}
	said, err := Said(v, tables)
	if err != nil {
		return err
	}
	maps.Copy(files, said)
	// 3. What describes and binds them.
	if files[DataPackageFile], err = describe.DataPackage(v, tables, files); err != nil {
		return err
	}
	m, err := describe.NewManifest(v, tables, files)
	if err != nil {
		return err
	}
	if files[describe.ManifestFile], err = m.JSON(); err != nil {
		return err
	}
	files[describe.SumsFile] = describe.Sums(files)
	return nil
}

// Said are the files that say what has changed: the report, and its claims as data.
// tables are those of v.
func Said(v outputs.Version, tables []outputs.Table) (outputs.Files, error) {
	all, err := claims.Recorded(v, tables)
	if err != nil {
		return nil, err
	}
	files := outputs.Files{}
	if files[claims.File], err = claims.Write(v, tables, all); err != nil {
		return nil, err
	}
	files[ReportFile], err = report.Write(v, tables, all)
	return files, err
}

func data(files outputs.Files, v outputs.Version, tables []outputs.Table) error {
	footer, err := Footer(v)
	if err != nil {
		return err
	}
	dims, err := dataset.Dimensions(v)
	if err != nil {
		return err
	}
	for _, t := range tables {
		s := dataset.NewSheet(v.About, t)
		if files[dataset.CSVPath(t.Name)], err = s.CSV(); err != nil {
			return err
		}
		if files[dataset.ParquetPath(t.Name)], err = s.Parquet(footer); err != nil {
			return err
		}
	}
	if files[dataset.ParquetPath(dataset.AllName)], err = dataset.NewAllSheet(v.About, dims, tables).Parquet(footer); err != nil {
		return err
	}
	if files[ReleasesFile], err = dataset.Releases(v); err != nil {
		return err
	}
	for _, l := range v.About.Codes {
		if files[dataset.CodesPath(l.Dimension)], err = dataset.Codes(v.About, l); err != nil {
			return err
		}
	}
	return nil
}

// Footer is what the Parquet files of v say about themselves.
func Footer(v outputs.Version) (dataset.Footer, error) {
	g, err := describe.Guarantee(v)
	if err != nil {
		return dataset.Footer{}, err
	}
	return dataset.Footer{Dataset: v.About.Dataset, Version: v.Name, Guarantee: g, Licence: v.About.Licence}, nil
}

var (
	fileName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	versionName = regexp.MustCompile(`^[0-9]{4}\.[0-9]{2}-[1-9][0-9]*$`)
)

// check holds v against itself.
func check(v outputs.Version) error {
	if !fileName.MatchString(v.About.Dataset) || !versionName.MatchString(v.Name) || v.Sequence < 1 || v.Composed.IsZero() {
		return errors.New("a version needs a dataset, a name like 2026.11-1, a sequence from 1 on and a day")
	}
	head, err := privacy.CheckChain(v.Ledger)
	if err != nil {
		return err
	}
	if _, err := v.Slots(); err != nil {
		return err
	}
	if len(v.Releases) == 0 {
		return nothing(v)
	}
	if head != v.Head || head == "" {
		return errors.New("the ledger's chain does not end in the version's head")
	}
	acc, err := describe.NewAccount(v.About.Dataset, v.Ledger)
	if err != nil {
		return err
	}
	if acc.Spent() != v.Spent {
		return errors.New("what was spent is not what the ledger's charges add up to")
	}
	var before privacy.Period
	for i, e := range v.Releases {
		k, err := e.Release.Key()
		if err != nil {
			return err
		}
		if k.Dataset != v.About.Dataset || i > 0 && !before.Before(k.Period) {
			return fmt.Errorf("release %s is of another dataset, or not in the order of periods", k)
		}
		charge, seal := acc.Charges[k], acc.Seals[k]
		if seal.Sealed != describe.Sum(e.Release.File()) {
			return fmt.Errorf("release %s is not sealed in the ledger as it stands", k)
		}
		if e.Released.UTC().Format(time.DateOnly) != seal.Day || !slices.Equal(e.Expected, charge.Expected) || !slices.Equal(e.Reporting, charge.Reporting) {
			return fmt.Errorf("release %s: its day or its sources are not those of the ledger", k)
		}
		before = k.Period
	}
	return checkNames(v)
}

// nothing says why v has no release.
func nothing(v outputs.Version) error {
	if ws, err := v.Withdrawn(); err != nil || len(ws) > 0 {
		return cmp.Or(err, ErrAllWithdrawn)
	}
	return privacy.ErrNotReleased
}

func checkNames(v outputs.Version) error {
	m, err := v.Releases[len(v.Releases)-1].Release.Model()
	if err != nil {
		return err
	}
	for _, t := range m.Tables {
		if !fileName.MatchString(t.Name) || t.Name == dataset.AllName {
			return fmt.Errorf("table %q cannot be a file name", t.Name)
		}
	}
	for _, l := range v.About.Codes {
		if !fileName.MatchString(l.Dimension) {
			return fmt.Errorf("dimension %q cannot be a file name", l.Dimension)
		}
		for _, c := range l.Codes {
			texts := []string{c.Code}
			for _, t := range c.Label {
				texts = append(texts, t)
			}
			for _, t := range texts {
				if t != "" && strings.ContainsRune("=+-@", rune(t[0])) || strings.ContainsFunc(t, unicode.IsControl) {
					return fmt.Errorf("code list of %s: a spreadsheet would run the code or label of %q, or it has a line end or another control character", l.Dimension, c.Code)
				}
			}
		}
	}
	return nil
}
