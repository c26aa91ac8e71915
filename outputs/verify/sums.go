package verify

import (
	"context"
	"errors"
	"fmt"

	"halftone/outputs"
	"halftone/privacy"
)

// checkSums checks that values add up over tables and levels, where the version
// says that they do.
func (c *checker) checkSums(context.Context) (string, error) {
	if c.tables == nil {
		return "", errEarlier("numbers")
	}
	m, err := c.rebuilt.Releases[len(c.rebuilt.Releases)-1].Release.Model()
	if err != nil {
		return "", err
	}
	if c.manifest.Additive != m.Additive() {
		return "", errors.New("manifest.json says otherwise than the sealed files whether values add up")
	}
	if !m.Additive() {
		return "values are not additive in this version", nil
	}
	values := 0
	for _, t := range c.tables {
		values += t.Rows()
	}
	if err := addUp(m, c.tables); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s values add up over %s", grouped(values), plural(len(c.tables), "table")), nil
}

// addUp compares every table with the sums of every table that is nowhere
// coarser, in periods where no cell of either is empty.
func addUp(m privacy.Model, tables []outputs.Table) error {
	for _, coarse := range tables {
		for _, fine := range tables {
			if coarse.Name == fine.Name || !below(coarse.Levels, fine.Levels) {
				continue
			}
			if err := compareSums(m, coarse, fine); err != nil {
				return err
			}
		}
	}
	return nil
}

func below(a, b []int) bool {
	for d := range a {
		if a[d] > b[d] {
			return false
		}
	}
	return true
}

func compareSums(m privacy.Model, coarse, fine outputs.Table) error {
	nc, nf := m.Cells(privacy.Table{Levels: coarse.Levels}), m.Cells(privacy.Table{Levels: fine.Levels})
	up := ancestors(m, coarse.Levels, fine.Levels, nf)
	for start := 0; start*nc < coarse.Rows() && start*nf < fine.Rows(); start++ {
		sums, empty := make([]int64, nc), make([]bool, nc)
		for i := range nf {
			row := start*nf + i
			sums[up[i]] += fine.Value[row]
			empty[up[i]] = empty[up[i]] || fine.Status[row].Empty()
		}
		for i := range nc {
			row := start*nc + i
			if !empty[i] && !coarse.Status[row].Empty() && sums[i] != coarse.Value[row] {
				return fmt.Errorf("%s.csv line %d: value is not the sum of %s", coarse.Name, row+2, fine.Name)
			}
		}
	}
	return nil
}

// ancestors is the cell of the coarse table that each cell of the fine one
// belongs to, both row-major.
func ancestors(m privacy.Model, coarse, fine []int, cells int) []int {
	up := make([]int, cells)
	for i := range up {
		rest, stride := i, 1
		for d := len(fine) - 1; d >= 0; d-- {
			dim := m.Dimensions[d]
			n := len(dim.Levels[fine[d]].Codes)
			code := rest % n
			rest /= n
			for l := fine[d]; l > coarse[d]; l-- {
				code = int(dim.Levels[l].Parent[code])
			}
			up[i] += code * stride
			stride *= len(dim.Levels[coarse[d]].Codes)
		}
	}
	return up
}
