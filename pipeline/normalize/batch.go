package normalize

import "halftone/privacy"

// A batch is observations in the making.
type batch struct {
	period []uint32
	codes  [][]uint32
	value  []int64
	status []Status
	file   []uint32
	row    []int64
	key    []RowKey            // nil: none are kept
	who    []privacy.Pseudonym // nil: rows have no person
	person *privacy.Pseudonym  // of the row that is added
}

// newBatch makes a batch for rows of the normalizer.
func (n *Normalizer) newBatch(rows int) *batch {
	b := newBatch(len(n.rules.dims), rows)
	if n.person != nil {
		b.person, b.who = &n.who, make([]privacy.Pseudonym, 0, rows)
	}
	return b
}

func newBatch(dims, rows int) *batch {
	b := &batch{
		period: make([]uint32, 0, rows), codes: make([][]uint32, dims), value: make([]int64, 0, rows),
		status: make([]Status, 0, rows), file: make([]uint32, 0, rows), row: make([]int64, 0, rows),
	}
	for d := range b.codes {
		b.codes[d] = make([]uint32, 0, rows)
	}
	return b
}

func (b *batch) add(period uint32, codes []uint32, v int64, s Status, at spot) {
	b.period, b.value, b.status = append(b.period, period), append(b.value, v), append(b.status, s)
	for d, c := range codes {
		b.codes[d] = append(b.codes[d], c)
	}
	b.file, b.row = append(b.file, at.file), append(b.row, at.row)
	if b.person != nil {
		b.who = append(b.who, *b.person)
	}
}

// same reports whether row i has the given period and codes.
func (b *batch) same(i int, period uint32, codes []uint32) bool {
	if b.period[i] != period {
		return false
	}
	for d, c := range codes {
		if b.codes[d][i] != c {
			return false
		}
	}
	return true
}

// observations gives rows from up to to, with the dictionaries as they are.
func (b *batch) observations(from, to int, periods []privacy.Period, dicts [][]string, files []string) Observations {
	o := Observations{
		Periods: periods[:len(periods):len(periods)], Period: b.period[from:to],
		Value: b.value[from:to], Status: b.status[from:to], Files: files[:len(files):len(files)], File: b.file[from:to], Row: b.row[from:to],
	}
	if b.key != nil {
		o.Key = b.key[from:to]
	}
	if b.person != nil {
		o.Person = b.who[from:to]
	}
	for d, c := range b.codes {
		o.Dims = append(o.Dims, Column{Dict: dicts[d], Index: c[from:to]})
	}
	return o
}
