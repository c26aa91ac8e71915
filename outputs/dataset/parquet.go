package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// Footer is all that a Parquet file says about itself besides its columns. It
// is an allow-list: nothing of the machine or the run is in it.
type Footer struct{ Dataset, Version, Guarantee, Licence string }

// The writer's name in a file. It changes when the bytes for a sheet change.
const createdBy, createdVersion = "halftone", "1"

const rowsPerGroup = 1 << 20

func (f Footer) pairs() [][2]string {
	return [][2]string{{"dataset", f.Dataset}, {"guarantee", f.Guarantee}, {"licence", f.Licence}, {"version", f.Version}}
}

// A group is a parquet group whose fields keep their order; parquet.Group
// alone sorts them by name.
type group struct {
	parquet.Group
	order []string
}

// Fields implements [parquet.Node].
func (g group) Fields() []parquet.Field {
	f := slices.Clone(g.Group.Fields())
	slices.SortFunc(f, func(a, b parquet.Field) int {
		return slices.Index(g.order, a.Name()) - slices.Index(g.order, b.Name())
	})
	return f
}

func (s Sheet) schema() *parquet.Schema {
	g := group{Group: parquet.Group{}}
	for _, c := range s.Columns {
		var n parquet.Node
		switch c.Kind {
		case Integer:
			n = parquet.Leaf(parquet.Int64Type)
		case Number:
			n = parquet.Leaf(parquet.DoubleType)
		case Text:
			n = parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
		}
		if c.Null != nil {
			n = parquet.Optional(n)
		}
		g.Group[c.Name], g.order = n, append(g.order, c.Name)
	}
	return parquet.NewSchema("table", g)
}

// Parquet writes s: zstd, int64, double, and strings in dictionaries that are
// built from s alone.
func (s Sheet) Parquet(f Footer) ([]byte, error) {
	options := []parquet.WriterOption{s.schema(), parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault, Concurrency: 1}),
		parquet.CreatedBy(createdBy, createdVersion, ""), parquet.MaxRowsPerRowGroup(rowsPerGroup)}
	for _, p := range f.pairs() {
		options = append(options, parquet.KeyValueMetadata(p[0], p[1]))
	}
	var b bytes.Buffer
	w := parquet.NewGenericWriter[any](&b, options...)
	rows := make([]parquet.Row, 0, 1024)
	for r := range s.Rows {
		row := make(parquet.Row, len(s.Columns))
		for i, c := range s.Columns {
			row[i] = c.parquet(r).Level(0, c.definition(r), i)
		}
		if rows = append(rows, row); len(rows) == cap(rows) || r == s.Rows-1 {
			if _, err := w.WriteRows(rows); err != nil {
				return nil, fmt.Errorf("dataset: %s.parquet: %w", s.Name, err)
			}
			rows = rows[:0]
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("dataset: %s.parquet: %w", s.Name, err)
	}
	return b.Bytes(), nil
}

func (c Column) definition(row int) int {
	if c.Null != nil && !c.Null[row] {
		return 1
	}
	return 0
}

func (c Column) parquet(row int) parquet.Value {
	switch {
	case c.Null != nil && c.Null[row]:
		return parquet.NullValue()
	case c.Kind == Integer:
		return parquet.Int64Value(c.Int[row])
	case c.Kind == Number:
		return parquet.DoubleValue(c.Float[row])
	}
	return parquet.ByteArrayValue([]byte(c.Text[row]))
}

// ReadParquet reads the cells of a file with the columns of shape, and its
// footer. It fails on a file of another shape, and when the footer has anything
// that is not on the allow-list.
//
// The caller guarantees that b was written by [Sheet.Parquet]: a hostile file
// can make the reader allocate without bounds, so a file from elsewhere is
// compared by its bytes before it is read.
func ReadParquet(b []byte, shape Sheet) (s Sheet, f Footer, err error) {
	file, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return s, f, fmt.Errorf("dataset: %s.parquet: %w", shape.Name, err)
	}
	if f, err = readFooter(file, shape); err != nil {
		return s, f, fmt.Errorf("dataset: %s.parquet: %w", shape.Name, err)
	}
	s = Sheet{Name: shape.Name, Columns: make([]Column, len(shape.Columns))}
	for i, c := range shape.Columns {
		s.Columns[i] = Column{Name: c.Name, Kind: c.Kind}
	}
	r := parquet.NewGenericReader[any](file)
	defer func() { _ = r.Close() }()
	rows := make([]parquet.Row, 256)
	for {
		n, err := r.ReadRows(rows)
		for _, row := range rows[:n] {
			if err := s.addRow(row, shape); err != nil {
				return s, f, fmt.Errorf("dataset: %s.parquet: %w", shape.Name, err)
			}
		}
		if errors.Is(err, io.EOF) {
			return s, f, nil
		}
		if err != nil {
			return s, f, fmt.Errorf("dataset: %s.parquet: %w", shape.Name, err)
		}
	}
}

// Place says in words what stands at a byte of a file that [Sheet.Parquet] wrote.
func Place(b []byte, offset int) string {
	file, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return "the file"
	}
	for _, g := range file.Metadata().RowGroups {
		for _, c := range g.Columns {
			start := c.MetaData.DataPageOffset
			if d := c.MetaData.DictionaryPageOffset; d > 0 && d < start {
				start = d
			}
			if at := int64(offset); at >= start && at < start+c.MetaData.TotalCompressedSize {
				return "column " + c.MetaData.PathInSchema[0]
			}
		}
	}
	return "the footer"
}

func readFooter(file *parquet.File, shape Sheet) (Footer, error) {
	var f Footer
	into := map[string]*string{"dataset": &f.Dataset, "guarantee": &f.Guarantee, "licence": &f.Licence, "version": &f.Version}
	m := file.Metadata()
	if m.NumRows != int64(shape.Rows) {
		return f, fmt.Errorf("%d rows, not %d", m.NumRows, shape.Rows)
	}
	if len(m.KeyValueMetadata) != len(into) {
		return f, errors.New("the footer says more, or less, than it may")
	}
	for _, kv := range m.KeyValueMetadata {
		to, ok := into[kv.Key]
		if !ok {
			return f, errors.New("the footer has a key that it may not have")
		}
		*to = kv.Value
	}
	if want := shape.schema(); !parquet.EqualNodes(file.Schema(), want) || !slices.EqualFunc(file.Schema().Columns(), want.Columns(), slices.Equal) {
		return f, errors.New("other columns")
	}
	if want := fmt.Sprintf("%s version %s(build )", createdBy, createdVersion); m.CreatedBy != want {
		return f, errors.New("written by another program")
	}
	return f, nil
}

func (s *Sheet) addRow(row parquet.Row, shape Sheet) error {
	if len(row) != len(s.Columns) {
		return errors.New("a row with other columns")
	}
	for i, v := range row {
		c := &s.Columns[i]
		if shape.Columns[i].Null != nil {
			c.Null = append(c.Null, v.IsNull())
		} else if v.IsNull() {
			return fmt.Errorf("column %s has an empty cell", c.Name)
		}
		switch c.Kind {
		case Integer:
			n := int64(0)
			if !v.IsNull() {
				n = v.Int64()
			}
			c.Int = append(c.Int, n)
		case Number:
			x := 0.0
			if !v.IsNull() {
				x = v.Double()
			}
			c.Float = append(c.Float, x)
		case Text:
			c.Text = append(c.Text, string(v.ByteArray()))
		}
	}
	s.Rows++
	return nil
}
