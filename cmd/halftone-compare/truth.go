package main

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"halftone/connectors"
	"halftone/connectors/file"
	"halftone/examples"
	"halftone/pipeline/config"
	"halftone/pipeline/normalize"
	"halftone/privacy"
)

// A truth is a dataset whose exact counts are public.
type truth struct {
	spec  privacy.Spec // a comparison sets mechanism and budget
	years []year
}

// A year is the exact counts of the leaf cells, row-major.
type year struct {
	period privacy.Period
	leaf   []int64
}

// demonstration reads examples/us-offences by the project's own connector and mapping.
func demonstration(ctx context.Context) (truth, error) {
	dir, err := os.MkdirTemp("", "halftone-compare-")
	if err != nil {
		return truth{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	project, err := fs.Sub(examples.FS, "us-offences")
	if err != nil {
		return truth{}, err
	}
	dir = filepath.Join(dir, "us-offences")
	if err := os.CopyFS(dir, project); err != nil {
		return truth{}, err
	}
	kind := file.Kind()
	d, _, err := config.Load(dir, "halftone.yaml", []string{kind.Name})
	if err != nil {
		return truth{}, err
	}
	t := truth{spec: d.Spec}
	at := newLeafIndex(d.Spec.Dimensions)
	for p := d.Calendar.From; !d.Calendar.To.Before(p); p = p.Next() {
		t.years = append(t.years, year{p, make([]int64, at.cells)})
	}
	for _, s := range d.Sources {
		if err := t.read(ctx, d, s, kind, at); err != nil {
			return truth{}, fmt.Errorf("source %s: %w", s.Name, err)
		}
	}
	return t, nil
}

// read adds the rows of one source.
func (t truth) read(ctx context.Context, d config.Dataset, s config.Source, kind connectors.Kind, at leafIndex) error {
	env := connectors.Env{Dir: d.Dir, Columns: s.Columns, Hosts: s.Hosts, Layout: s.Layout}
	src, err := kind.Open(ctx, env, s.Decode)
	if err != nil {
		return err
	}
	n := normalize.New(s.Mapping, d.Calendar.Holds, d.Spec.Every, d.Calendar.Bands)
	add := func(o normalize.Observations) error { return t.add(o, at) }
	for page, err := range src.Read(ctx, "") {
		if err != nil {
			return err
		}
		err = n.Page(page, add)
		page.Records.Release()
		if err != nil {
			return err
		}
	}
	_, err = n.Close(add)
	return err
}

func (t truth) add(o normalize.Observations, at leafIndex) error {
	for i := range o.Rows() {
		p := o.Periods[o.Period[i]]
		y := slices.IndexFunc(t.years, func(y year) bool { return y.period == p })
		cell := 0
		for d, c := range o.Dims {
			code, ok := at.code[d][c.Dict[c.Index[i]]]
			if !ok || y < 0 {
				return fmt.Errorf("%s, row %d: a code or period that the dataset does not have", o.Files[o.File[i]], o.Row[i])
			}
			cell += code * at.stride[d]
		}
		t.years[y].leaf[cell] += o.Value[i]
	}
	return nil
}

// A leafIndex finds leaf cells in row-major order.
type leafIndex struct {
	code   []map[string]int
	stride []int
	cells  int
}

func newLeafIndex(dims []privacy.Dimension) leafIndex {
	x := leafIndex{code: make([]map[string]int, len(dims)), stride: make([]int, len(dims)), cells: 1}
	for d, dim := range slices.Backward(dims) {
		x.stride[d] = x.cells
		x.code[d] = map[string]int{}
		for i, c := range dim.Leaf().Codes {
			x.code[d][c] = i
		}
		x.cells *= len(dim.Leaf().Codes)
	}
	return x
}

// cube fills a cube of s with the counts of y.
func (y year) cube(s privacy.Spec) (privacy.Cube, error) {
	c, err := privacy.NewCube(s, y.period)
	if err != nil {
		return privacy.Cube{}, err
	}
	at := newLeafIndex(s.Dimensions)
	codes := make([][]uint32, len(s.Dimensions))
	for d, dim := range s.Dimensions {
		codes[d] = make([]uint32, at.cells)
		for i := range codes[d] {
			codes[d][i] = uint32(i / at.stride[d] % len(dim.Leaf().Codes))
		}
	}
	return c, c.Add(codes, y.leaf)
}

// The made-up cube: cases a year, and years as in the demonstration.
const (
	cubeCases = 2000
	cubeYears = 8
)

// madeUp is the reference cube of the privacy design: geo 48 × type 6 × sex 3 ×
// age 4, all tables of up to three dimensions. Cases fall into codes of very
// different size, so that most leaf cells are empty. Only errors of `value`
// depend on the counts.
func madeUp(seed uint64) (truth, error) {
	t := truth{spec: cubeSpec()}
	random := rand.New(rand.NewPCG(seed, 0))
	at := newLeafIndex(t.spec.Dimensions)
	cumulative := make([][]float64, len(t.spec.Dimensions))
	for d, dim := range t.spec.Dimensions {
		sum := 0.0
		for range dim.Leaf().Codes {
			e := random.ExpFloat64()
			sum += e * e
			cumulative[d] = append(cumulative[d], sum)
		}
	}
	for i := range cubeYears {
		p, err := privacy.NewPeriod(2013+i, 1, 12)
		if err != nil {
			return truth{}, err
		}
		y := year{p, make([]int64, at.cells)}
		for range cubeCases {
			cell := 0
			for d, c := range cumulative {
				code, _ := slices.BinarySearch(c, random.Float64()*c[len(c)-1])
				cell += code * at.stride[d]
			}
			y.leaf[cell]++
		}
		t.years = append(t.years, y)
	}
	return t, nil
}

func cubeSpec() privacy.Spec {
	s := privacy.Spec{Dataset: "cube", Series: 1, Measure: "flow", Unit: "person", Every: "year", Editions: 1,
		Sources: []privacy.Source{{Name: "made-up", PerPeriod: 1, Periods: 1, Sensitivity: 1}}}
	dims := []struct {
		name string
		size int
	}{{"geo", 48}, {"type", 6}, {"sex", 3}, {"age", 4}}
	for _, d := range dims {
		leaf := privacy.Level{Name: d.name, Parent: make([]uint32, d.size)}
		for i := range d.size {
			leaf.Codes = append(leaf.Codes, fmt.Sprint(d.name, i+1))
		}
		root := privacy.Level{Name: "all", Codes: []string{privacy.Total}}
		s.Dimensions = append(s.Dimensions, privacy.Dimension{Name: d.name, Levels: []privacy.Level{root, leaf}})
	}
	for mask := range 1<<len(dims) - 1 { // all but the table of four dimensions
		t := privacy.Table{Levels: make([]int, len(dims))}
		for d, dim := range dims {
			if mask>>d&1 == 1 {
				t.Levels[d] = 1
				if t.Name != "" {
					t.Name += "-"
				}
				t.Name += dim.name
			}
		}
		if t.Name == "" {
			t.Name = "total"
		}
		s.Tables = append(s.Tables, t)
	}
	slices.SortStableFunc(s.Tables, func(a, b privacy.Table) int { return dimensionsOf(a) - dimensionsOf(b) })
	return s
}

func dimensionsOf(t privacy.Table) (n int) {
	for _, l := range t.Levels {
		n += l
	}
	return n
}
