package format

import (
	"context"
	"encoding/binary"
	"errors"
	"io"

	"halftone/connectors"
)

// decodeParquet reads a Parquet file, of which the chunks of the wanted columns
// and nothing else. Numbers and dates come out as text, dates in ISO 8601. Its
// rows are counted from 1. It is a reader of our own because those that exist
// trust the lengths that a file claims: here nothing is allocated before the
// bytes behind a claim were seen, and runs are expanded row by row.
func decodeParquet(ctx context.Context, in Input, at io.ReaderAt, size int64, page func(connectors.Page) bool) error {
	p := &parquet{in: in, ctx: ctx, at: at}
	if err := p.footer(size); err != nil {
		return err
	}
	h, err := p.choose()
	if err != nil {
		return err
	}
	if err := p.chunks(h.at); err != nil {
		return err
	}
	t := newTable(in, h.names, 1)
	defer t.release()
	row := int64(1)
	some := make([]bool, parquetBlock)
	for g, rows := range p.groups {
		other, first := (func(int64) bool)(nil), row
		columns := make([]*columnReader, len(h.at))
		for i, leaf := range h.at {
			columns[i] = &columnReader{p: p, leaf: p.leaves[leaf], chunk: p.found[g*len(p.leaves)+leaf], left: rows, name: configuredName(in, i)}
		}
		for rows > 0 {
			if t.full() {
				if err := ctx.Err(); err != nil {
					return err
				}
				if !page(t.page(connectors.Total{})) {
					return nil
				}
			}
			n := min(rows, parquetBlock, int64(pageRows-t.n))
			for i := range n {
				t.begin(row + i)
			}
			clear(some)
			for i, c := range columns {
				if err := c.read(t, i, row, int(n), some); err != nil {
					return err
				}
			}
			for k := range n {
				if some[k] {
					continue
				}
				if other == nil {
					if other, err = p.others(g, h.at); err != nil {
						return err
					}
				}
				if !other(row + k - first) {
					t.blank = append(t.blank, t.n-int(n-k))
				}
			}
			row, rows = row+n, rows-n
		}
		for _, c := range columns {
			if err := c.finish(); err != nil {
				return err
			}
		}
	}
	page(t.page(connectors.Total{}))
	return nil
}

// parquetBlock is how many rows of one column are read in a go.
const parquetBlock = 1 << 10

// configuredName is the name of column i for messages: those that matched come
// from the file.
func configuredName(in Input, i int) string {
	if i < len(in.Columns) {
		return in.Columns[i]
	}
	return ""
}

type parquet struct {
	in     Input
	ctx    context.Context // of the one read that it serves
	at     io.ReaderAt
	end    int64 // of the columns' bytes
	meta   []byte
	leaves []leaf
	groups []int64 // rows of each row group
	found  []chunk // of each row group and leaf
}

// A chunk is where the pages of a column stand in a row group.
type chunk struct {
	codec       int64
	from, to    int64
	elsewhere   bool // in another file, or encrypted
	description bool // it is described at all
}

func (p *parquet) damaged() error {
	return p.in.malformed(0, "the Parquet file is damaged or cut off", "pull again; if it stays so, have it written anew")
}

// readAt reads all of b.
func (p *parquet) readAt(b []byte, off int64) error {
	if err := p.ctx.Err(); err != nil {
		return err
	}
	if n, err := p.at.ReadAt(b, off); n < len(b) {
		if err == nil || errors.Is(err, io.EOF) {
			return p.in.changed()
		}
		return p.in.fault(0, err)
	}
	return nil
}

// footerBytes is the most that a file may say about itself: that of the widest
// files has a few megabytes.
const footerBytes = 32 << 20

// footer reads schema and row groups.
func (p *parquet) footer(size int64) error {
	var tail [8]byte
	if size < 12 {
		return p.damaged()
	}
	if err := p.readAt(tail[:], size-8); err != nil {
		return err
	}
	n := int64(binary.LittleEndian.Uint32(tail[:]))
	switch {
	case string(tail[4:]) == "PARE":
		return p.in.malformed(0, "the Parquet file is encrypted", "ask for one that is not; what keeps it secret is the way it is sent")
	case string(tail[4:]) != "PAR1" || n > size-12:
		return p.damaged()
	case n > min(footerBytes, p.in.Limits.Body):
		return &connectors.SourceError{Reason: connectors.Limit, File: p.in.Name, What: "the Parquet file says more about itself than the limit", Do: "write it with fewer columns or larger row groups"}
	}
	p.end, p.meta = size-8-n, make([]byte, n)
	if err := p.readAt(p.meta, p.end); err != nil {
		return err
	}
	return p.describe()
}

// describe reads what the footer says of columns and rows.
func (p *parquet) describe() error {
	t := &thrift{b: p.meta}
	var rows, sum int64
	var schema schemaReader
	encrypted := false
	t.fields(func(id int64, kind byte) bool {
		switch {
		case id == 2 && kind == thriftList:
			t.list(thriftStruct, func() { schema.element(t, p.in.Limits.Columns) })
		case id == 3:
			rows = t.int()
		case id == 8:
			encrypted = true
			return false
		default:
			return false
		}
		return true
	})
	if schema.wide {
		return &connectors.SourceError{Reason: connectors.Limit, File: p.in.Name, What: "there are more columns than the limit"}
	}
	if t.bad || encrypted || len(schema.open) > 0 || len(schema.leaves) == 0 {
		return p.damaged()
	}
	p.leaves = schema.leaves
	if p.groups = p.groupRows(); p.groups == nil {
		return p.damaged()
	}
	for _, n := range p.groups {
		if n < 0 {
			return p.damaged()
		}
		if sum += n; n > p.in.Limits.Rows || sum > p.in.Limits.Rows {
			return &connectors.SourceError{Reason: connectors.Limit, File: p.in.Name, What: "the file has more rows than the limit", Do: "split the source"}
		}
	}
	if sum != rows {
		return &connectors.SourceError{Reason: connectors.Short, File: p.in.Name, What: "the Parquet file has more or fewer rows than it says", Do: "have it written anew"}
	}
	return nil
}

// eachGroup walks the row groups.
func (p *parquet) eachGroup(group func(t *thrift)) bool {
	t := &thrift{b: p.meta}
	t.fields(func(id int64, kind byte) bool {
		if id != 4 || kind != thriftList {
			return false
		}
		t.list(thriftStruct, func() { group(t) })
		return true
	})
	return !t.bad
}

func (p *parquet) groupRows() []int64 {
	groups := []int64{}
	ok := p.eachGroup(func(t *thrift) {
		groups = append(groups, 0)
		t.fields(func(id int64, _ byte) bool {
			if id == 3 {
				groups[len(groups)-1] = t.int()
			}
			return id == 3
		})
	})
	if !ok {
		return nil
	}
	return groups
}

// choose finds the wanted columns among the leaves of the schema.
func (p *parquet) choose() (*head, error) {
	names := make([]string, len(p.leaves))
	for i, l := range p.leaves {
		names[i] = tidy(l.name)
	}
	h := &head{}
	if err := (&headSearch{in: p.in}).choose(h, names); err != nil {
		return nil, err
	}
	for i, leaf := range h.at {
		if what := p.leaves[leaf].unreadable(); what != "" {
			return nil, p.in.column(configuredName(p.in, i), what, "map a column of plain values")
		}
	}
	return h, nil
}

// chunks finds the bytes of the wanted leaves.
func (p *parquet) chunks(leaves []int) error {
	wanted := make([]bool, len(p.leaves))
	for _, l := range leaves {
		wanted[l] = true
	}
	if int64(len(p.groups))*int64(len(p.leaves)) > int64(len(p.meta)) { // each takes dozens of bytes
		return p.damaged()
	}
	p.found = make([]chunk, len(p.groups)*len(p.leaves))
	g := 0
	ok := p.eachGroup(func(t *thrift) {
		leaf := 0
		t.fields(func(id int64, kind byte) bool {
			if id != 1 || kind != thriftList {
				return false
			}
			t.list(thriftStruct, func() {
				if leaf < len(p.leaves) {
					p.found[g*len(p.leaves)+leaf] = readChunk(t)
				} else {
					t.skip(thriftStruct)
				}
				leaf++
			})
			return true
		})
		g++
	})
	for i, c := range p.found {
		switch {
		case !wanted[i%len(p.leaves)]:
		case !ok || !c.description || c.from < 4 || c.to < c.from || c.to > p.end:
			return p.damaged()
		case c.elsewhere:
			return p.in.malformed(0, "the Parquet file is encrypted or refers to other files", "have it written as one file")
		}
	}
	return nil
}

// readChunk reads where a column's pages stand.
func readChunk(t *thrift) chunk {
	var c chunk
	var size, data, dictionary int64
	t.fields(func(id int64, kind byte) bool {
		switch {
		case id == 1 || id == 8:
			c.elsewhere = true
			return false
		case id != 3 || kind != thriftStruct:
			return false
		}
		c.description = true
		t.fields(func(id int64, _ byte) bool {
			switch id {
			case 4:
				c.codec = t.int()
			case 7:
				size = t.int()
			case 9:
				data = t.int()
			case 11:
				dictionary = t.int()
			default:
				return false
			}
			return true
		})
		return true
	})
	if c.from = data; dictionary > 0 && dictionary < data {
		c.from = dictionary
	}
	if c.to = c.from + size; size < 0 || c.from < 0 || c.to < c.from {
		c.to = -1
	}
	return c
}
