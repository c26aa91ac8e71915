package staging

import (
	"fmt"

	"github.com/parquet-go/parquet-go"

	"halftone/pipeline/normalize"
	"halftone/privacy"
)

// Rows gives the codes and values of the rows that some batches of a source hold
// of a period; where they came from is left out. Memory is that of the period's
// rows. The error is ErrGone when a batch's key is destroyed.
func (s *Store) Rows(source string, p privacy.Period, batches, dims []string) ([]normalize.Observations, error) {
	var out []normalize.Observations
	for _, b := range batches {
		f, err := s.openRows(source, p.String(), b)
		if err != nil {
			return nil, err
		}
		for _, rg := range f.RowGroups() {
			o := normalize.Observations{Periods: []privacy.Period{p}, Period: make([]uint32, rg.NumRows())}
			if err = readRows(f.File, rg, dims, &o); err != nil {
				break
			}
			out = append(out, o)
		}
		f.close()
		if err != nil {
			return nil, fmt.Errorf("staging: batch %s of %s: %w", b, source, err)
		}
	}
	return out, nil
}

func readRows(f *parquet.File, rg parquet.RowGroup, dims []string, o *normalize.Observations) error {
	for _, name := range dims {
		col, err := column(f, rg, "dim_"+name)
		if err != nil {
			return err
		}
		c, err := readTexts(name, col, whole(rg))
		if err != nil {
			return err
		}
		o.Dims = append(o.Dims, c)
	}
	col, err := column(f, rg, "value")
	if err != nil {
		return err
	}
	o.Value, err = readIntegers(col, whole(rg))
	return err
}

// readTexts reads a dictionary coded column of a row group.
func readTexts(name string, col parquet.ColumnChunk, rows span) (normalize.Column, error) {
	var c normalize.Column
	err := eachPage(col, rows, func(pg parquet.Page) error {
		dict := pg.Dictionary()
		if dict == nil {
			return fmt.Errorf("column %s is not dictionary coded", name)
		}
		if c.Dict == nil { // one a row group
			for i := range dict.Len() {
				c.Dict = append(c.Dict, string(dict.Index(int32(i)).ByteArray()))
			}
		}
		data := pg.Data()
		for _, k := range data.Int32() {
			c.Index = append(c.Index, uint32(k))
		}
		return nil
	})
	return c, err
}
