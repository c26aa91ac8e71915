package verify

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
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
	return fmt.Sprintf("%s estimates, sds, intervals and values recomputed from the sealed files: equal", grouped(rows)), nil
}

// rebuild makes the version again from what is published: the sealed files,
// the ledger, the public text of datapackage.json, and the labels of codes/.
func (c *checker) rebuild(ctx context.Context) error {
	v := outputs.Version{Name: c.manifest.Version, Sequence: c.manifest.Sequence, Ledger: c.ledger.Links, Head: c.manifest.Head,
		Spent: c.ledger.Account.Spent(), Tool: c.manifest.Tool, Key: c.manifest.Key,
		About: outputs.About{Dataset: c.manifest.Dataset, Series: c.manifest.Series, Licence: c.manifest.Licence}}
	var err error
	if v.Composed, err = time.Parse(time.DateOnly, c.manifest.Composed); err != nil {
		return errors.New("manifest.json has no day of composing")
	}
	if v.Releases, err = c.editions(ctx); err != nil {
		return err
	}
	if err := describe.ReadPublicText(c.files[compose.DataPackageFile], &v); err != nil {
		return err
	}
	for i := range v.About.Codes {
		if err := c.readCodes(v.About, &v.About.Codes[i]); err != nil {
			return err
		}
	}
	if err := checkSize(v, maxRows); err != nil {
		return err
	}
	if err := c.checkReleaseList(v); err != nil {
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
	dims, err := dataset.Dimensions(v)
	if err != nil {
		return err
	}
	c.rebuilt, c.tables = v, tables
	for _, t := range tables {
		c.sheets = append(c.sheets, dataset.NewSheet(v.About, t))
	}
	c.sheets = append(c.sheets, dataset.NewAllSheet(v.About, dims, tables))
	return nil
}

// maxRows is the most cells over all tables and periods, so that a few small
// files cannot stand for a table that fills the memory.
const maxRows = 1 << 24

func checkSize(v outputs.Version, most int) error {
	m, err := v.Releases[len(v.Releases)-1].Release.Model()
	if err != nil {
		return err
	}
	rows := 0
	slots, err := v.Slots()
	if err != nil {
		return err
	}
	for _, t := range m.Tables {
		if rows += m.Cells(t) * len(slots); rows > most {
			return fmt.Errorf("the tables have more than %d cells", most)
		}
	}
	return nil
}

// editions opens the releases; day and sources are the ledger's.
func (c *checker) editions(ctx context.Context) ([]outputs.Edition, error) {
	var out []outputs.Edition
	for _, k := range c.keys() {
		r, err := privacy.OpenRelease(ctx, k, c.ledger)
		if err != nil {
			return nil, err
		}
		charge, seal := c.ledger.Account.Charges[k], c.ledger.Account.Seals[k]
		day, err := time.Parse(time.DateOnly, seal.Day)
		if err != nil {
			return nil, errors.New("the ledger's seal has no day")
		}
		out = append(out, outputs.Edition{Release: r, Released: day, Reporting: charge.Reporting, Expected: charge.Expected})
	}
	return out, nil
}

// checkReleaseList compares releases.csv, line by line.
func (c *checker) checkReleaseList(v outputs.Version) error {
	want, err := dataset.Releases(v)
	if err != nil {
		return err
	}
	return sameLines(compose.ReleasesFile, c.files[compose.ReleasesFile], want)
}

// sameLines names the first line that is not as wanted.
func sameLines(name string, got, want []byte) error {
	if bytes.Equal(got, want) {
		return nil
	}
	g, w := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	line := 0
	for line < min(len(g), len(w)) && bytes.Equal(g[line], w[line]) {
		line++
	}
	return fmt.Errorf("%s line %d: differs from what the sealed files, the ledger and the public text make", name, line+1)
}

// readCodes reads the labels of a code list. The column of a language without a
// translation is empty.
func (c *checker) readCodes(a outputs.About, l *outputs.CodeList) error {
	name := dataset.CodesPath(l.Dimension)
	rows, err := readCSV(c.files[name], name)
	if err != nil {
		return err
	}
	langs := dataset.Languages(a)
	if len(rows) == 0 || len(rows[0]) != 3+len(langs) {
		return fmt.Errorf("%s has other columns", name)
	}
	for _, r := range rows[1:] {
		code := outputs.Code{Code: r[0], Parent: r[1], Level: r[2], Label: outputs.Text{}}
		for i, lang := range langs {
			if r[3+i] != "" {
				code.Label[lang] = r[3+i]
			}
		}
		l.Codes = append(l.Codes, code)
	}
	return nil
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
