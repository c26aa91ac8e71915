package verify

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"halftone/outputs"
	"halftone/outputs/compose"
	"halftone/outputs/dataset"
	"halftone/outputs/describe"
	"halftone/privacy"
)

// checkNumbers recomputes all tables from the sealed files and compares every
// cell of every file.
func (c *checker) checkNumbers(ctx context.Context) (string, error) {
	if c.ledger == nil {
		return "", errEarlier("releases")
	}
	if err := c.rebuild(ctx); err != nil {
		return "", err
	}
	footer, err := compose.Footer(c.rebuilt)
	if err != nil {
		return "", err
	}
	rows := 0
	for i, s := range c.sheets {
		all := i == len(c.sheets)-1
		if !all {
			if err := c.compareCSV(s); err != nil {
				return "", err
			}
			rows += s.Rows
		}
		if err := c.compareParquet(s, footer); err != nil {
			return "", err
		}
	}
	c.equal = true
	return fmt.Sprintf("%d estimates, sds, intervals and values recomputed from the sealed files: equal", rows), nil
}

// rebuild makes the version again from what is published: the sealed files,
// the ledger, and the text of releases.csv and codes/.
func (c *checker) rebuild(ctx context.Context) error {
	v := outputs.Version{Name: c.manifest.Version, Sequence: c.manifest.Sequence, Ledger: c.ledger.Links, Head: c.manifest.Head,
		Spent: outputs.Spent{NanoEpsilon: c.ledger.Account.Person},
		About: outputs.About{Dataset: c.manifest.Dataset, Series: c.manifest.Series, Licence: c.manifest.Licence}}
	var err error
	if v.Releases, err = c.editions(ctx); err != nil {
		return err
	}
	dims, err := dataset.Dimensions(v)
	if err != nil {
		return err
	}
	if v.About.Languages, v.About.Codes, err = c.codes(dims); err != nil {
		return err
	}
	tables, err := v.Tables()
	if err != nil {
		return err
	}
	var listed []describe.ManifestTable
	for _, t := range tables {
		listed = append(listed, describe.ManifestTable{Name: t.Name, Rows: t.Rows()})
	}
	if !slices.Equal(listed, c.manifest.Tables) {
		return errors.New("manifest.json lists other tables than the sealed files have")
	}
	c.rebuilt, c.tables = v, tables
	for _, t := range tables {
		c.sheets = append(c.sheets, dataset.NewSheet(v.About, t))
	}
	c.sheets = append(c.sheets, dataset.NewAllSheet(v.About, dims, tables))
	return nil
}

// editions reads releases.csv and holds it against the ledger.
func (c *checker) editions(ctx context.Context) ([]outputs.Edition, error) {
	rows, err := readCSV(c.files[compose.ReleasesFile], compose.ReleasesFile)
	if err != nil {
		return nil, err
	}
	keys := c.keys()
	if len(rows) != len(keys)+1 || !slices.Equal(rows[0], dataset.ReleaseColumns) {
		return nil, fmt.Errorf("%s: not one line a release of the manifest, or other columns", compose.ReleasesFile)
	}
	var out []outputs.Edition
	for i, k := range keys {
		e, err := c.edition(ctx, k, rows[i+1])
		if err != nil {
			return nil, fmt.Errorf("%s line %d: %w", compose.ReleasesFile, i+2, err)
		}
		out = append(out, e)
	}
	return out, nil
}

func (c *checker) edition(ctx context.Context, k privacy.Key, row []string) (outputs.Edition, error) {
	r, err := privacy.OpenRelease(ctx, k, c.ledger)
	if err != nil {
		return outputs.Edition{}, err
	}
	charge, seal := c.ledger.Account.Charges[k], c.ledger.Account.Seals[k]
	day, err := time.Parse(time.DateOnly, seal.Day)
	if err != nil {
		return outputs.Edition{}, errors.New("the ledger's seal has no day")
	}
	e := outputs.Edition{Release: r, Released: day, Provisional: row[2] == "true", Reporting: charge.Reporting, Expected: charge.Expected}
	b, err := dataset.Releases(outputs.Version{Releases: []outputs.Edition{e}})
	if err != nil {
		return outputs.Edition{}, err
	}
	want, err := readCSV(b, compose.ReleasesFile)
	if err != nil {
		return outputs.Edition{}, err
	}
	for i, name := range dataset.ReleaseColumns {
		if name != "break" && name != "note" && row[i] != want[1][i] { // the two are the publisher's words
			return outputs.Edition{}, fmt.Errorf("%s differs from the ledger", name)
		}
	}
	return e, nil
}

// codes reads the code lists that are published. Dimensions without one show
// their codes as labels.
func (c *checker) codes(dims []string) (langs []string, lists []outputs.CodeList, err error) {
	for _, d := range dims {
		name := dataset.CodesPath(d)
		b, ok := c.files[name]
		if !ok {
			continue
		}
		rows, err := readCSV(b, name)
		if err != nil {
			return nil, nil, err
		}
		if len(rows) == 0 || len(rows[0]) < 4 || !slices.Equal(rows[0][:3], []string{"code", "parent", "level"}) {
			return nil, nil, fmt.Errorf("%s has other columns", name)
		}
		lang, ok := strings.CutPrefix(rows[0][3], "label_")
		if !ok || langs != nil && langs[0] != lang {
			return nil, nil, fmt.Errorf("%s has other languages", name)
		}
		langs = []string{lang}
		l := outputs.CodeList{Dimension: d}
		for _, r := range rows[1:] {
			l.Codes = append(l.Codes, outputs.Code{Code: r[0], Parent: r[1], Level: r[2], Label: outputs.Text{lang: r[3]}})
		}
		lists = append(lists, l)
	}
	return langs, lists, nil
}

func readCSV(b []byte, name string) ([][]string, error) {
	r := csv.NewReader(bytes.NewReader(b))
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s is unreadable", name)
	}
	return rows, nil
}

// compareCSV names the first line that is not as recomputed.
func (c *checker) compareCSV(s dataset.Sheet) error {
	want, err := s.CSV()
	if err != nil {
		return err
	}
	got := c.files[dataset.CSVPath(s.Name)]
	if bytes.Equal(got, want) {
		return nil
	}
	file := s.Name + ".csv"
	rows, err := readCSV(got, file)
	if err != nil {
		return err
	}
	for i, row := range rows {
		if i == 0 || i > s.Rows || len(row) != len(s.Columns) {
			continue
		}
		for j, col := range s.Columns {
			if row[j] != col.Cell(i-1) {
				return fmt.Errorf("%s line %d: %s differs from the sealed file", file, i+1, col.Name)
			}
		}
	}
	if len(rows) != s.Rows+1 {
		return fmt.Errorf("%s: %d lines, want %d", file, len(rows), s.Rows+1)
	}
	return fmt.Errorf("%s holds the right cells, but is not the file that they make", file)
}

// compareParquet wants the very bytes that the sealed files make, so that a
// hostile file is never parsed, and names the column of the first that differs.
func (c *checker) compareParquet(s dataset.Sheet, f dataset.Footer) error {
	want, err := s.Parquet(f)
	if err != nil {
		return err
	}
	got := c.files[dataset.ParquetPath(s.Name)]
	if bytes.Equal(got, want) {
		return nil
	}
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	return fmt.Errorf("%s.parquet: %s differs from the sealed files, byte %d", s.Name, dataset.Place(want, at), at)
}
