package format

import "slices"

// Blank rows are looked for in row groups of at most so many rows, and so many cells:
// larger ones have none. A file can claim rows of nothing with few bytes, and what is
// kept of each is a bit.
const (
	blankRows  = 1 << 22
	blankCells = 1 << 27
)

// others tells which rows of a group, from 0, have text in a column that is not kept.
// It is asked only where a row has none in those that are. Each of the others is
// read once, one after the other, and nothing of it is kept but a bit a row. A
// column that cannot be read, a list among them, is taken to have text: nobody
// mapped it, and it stops nothing.
func (p *parquet) others(g int, kept []int) (has func(row int64) bool, err error) {
	all := func(int64) bool { return true }
	rows := p.groups[g]
	if rows > blankRows || rows*int64(len(p.leaves)) > blankCells {
		return all, nil
	}
	texts := make([]uint64, (rows+63)/64)
	for i, l := range p.leaves {
		if slices.Contains(kept, i) {
			continue
		}
		chunk := p.found[g*len(p.leaves)+i]
		if l.unreadable() != "" || !chunk.description || chunk.elsewhere || chunk.from < 4 || chunk.to < chunk.from || chunk.to > p.end {
			return all, nil
		}
		if err := p.ctx.Err(); err != nil {
			return nil, err
		}
		c := &columnReader{p: p, leaf: l, chunk: chunk, left: rows}
		for row := range rows {
			v, err := c.next()
			if err != nil {
				return all, p.ctx.Err()
			}
			if hasText(v) {
				texts[row/64] |= 1 << (row % 64)
			}
		}
	}
	return func(row int64) bool { return texts[row/64]>>(row%64)&1 == 1 }, nil
}
