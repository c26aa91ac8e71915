package verify

import (
	"context"
	"errors"
	"fmt"

	"halftone/outputs"
	"halftone/outputs/claims"
	"halftone/outputs/compose"
	"halftone/outputs/dataset"
)

// checkFormats compares the files with each other, not with the sealed files:
// CSV with Parquet, with all-tables, and with what the report shows.
func (c *checker) checkFormats(context.Context) (string, error) {
	if !c.equal { // only files that are as recomputed are safe to parse
		return "", errEarlier("numbers")
	}
	if err := c.compareFiles(); err != nil {
		return "", err
	}
	if c.tool == c.manifest.Tool && c.tool != "" {
		again, err := makeAgain(c.rebuilt, compose.Version)
		if err != nil {
			return "", err
		}
		for _, n := range again.Names() {
			if err := sameLines(n, c.files[n], again[n]); err != nil {
				return "", err
			}
		}
		return "CSV, Parquet and the report hold the same numbers; all files are composed again: equal", nil
	}
	again, err := makeAgain(c.rebuilt, func(v outputs.Version) (outputs.Files, error) { return compose.Said(v, c.tables) })
	if err != nil {
		return "", err
	}
	said, err := c.checkClaims(again[claims.File])
	if err != nil {
		return "", err
	}
	n, err := sameTables(c.files[compose.ReportFile], again[compose.ReportFile])
	if err != nil {
		return "", fmt.Errorf("%s: %w", compose.ReportFile, err)
	}
	return fmt.Sprintf("CSV, Parquet%s and %s of the report hold the same numbers; sentences, charts, README and the text of datapackage.json are of another build and not checked", said, plural(n, "table")), nil
}

// checkClaims compares the claims of another build, but for the words of its sentences.
func (c *checker) checkClaims(want []byte) (said string, err error) {
	got := c.files[claims.File]
	if got == nil {
		return "", nil // of a build that did not write them
	}
	if got, err = claims.WithoutWords(got); err != nil {
		return "", err
	}
	if want, err = claims.WithoutWords(want); err != nil {
		return "", err
	}
	return ", claims.json", sameLines(claims.File, got, want)
}

// makeAgain makes files of a version whose text may come from anywhere.
func makeAgain[T any](v outputs.Version, makes func(outputs.Version) (T, error)) (files T, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the public text of datapackage.json makes no report")
		}
	}()
	return makes(v)
}

// compareFiles reads CSV and Parquet back.
func (c *checker) compareFiles() error {
	all := c.sheets[len(c.sheets)-1]
	allRead, _, err := dataset.ReadParquet(c.files[dataset.ParquetPath(all.Name)], all)
	if err != nil {
		return err
	}
	from := 0
	for _, s := range c.sheets[:len(c.sheets)-1] {
		rows, err := readCSV(c.files[dataset.CSVPath(s.Name)], s.Name+".csv")
		if err != nil {
			return err
		}
		if len(rows) != s.Rows+1 {
			return fmt.Errorf("%s.csv: %d lines, want %d", s.Name, len(rows), s.Rows+1)
		}
		one, _, err := dataset.ReadParquet(c.files[dataset.ParquetPath(s.Name)], s)
		if err != nil {
			return err
		}
		if err := sameCells(s.Name+".parquet", rows, one, 0); err != nil {
			return err
		}
		if err := sameCells(all.Name+".parquet", rows, allRead, from); err != nil {
			return err
		}
		from += s.Rows
	}
	return nil
}

// sameCells compares the lines of a CSV with rows of a sheet, by column name.
func sameCells(file string, rows [][]string, s dataset.Sheet, from int) error {
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	for _, col := range s.Columns {
		j, ok := at[col.Name]
		if !ok {
			continue // of all-tables: a dimension that the table does not break down
		}
		for i, row := range rows[1:] {
			if col.Cell(from+i) != row[j] {
				return fmt.Errorf("%s row %d: %s differs from the CSV", file, from+i+1, col.Name)
			}
		}
	}
	return nil
}
