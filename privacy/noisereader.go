package privacy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"halftone/privacy/noise"
	"halftone/privacy/plan"
)

// ReadNoiseModel reads a noise-model.json that may come from anywhere. It is
// strict: unknown fields, an unknown mechanism, measurements that do not fit the
// tables and numbers out of range are errors.
func ReadNoiseModel(r io.Reader) (NoiseModel, error) {
	var m NoiseModel
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return NoiseModel{}, fmt.Errorf("privacy: the noise model is unreadable: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return NoiseModel{}, errors.New("privacy: something follows the noise model")
	}
	if _, err := m.Open(); err != nil {
		return NoiseModel{}, err
	}
	return m, nil
}

// A NoiseCell names one published number.
type NoiseCell struct {
	Table   string
	Period  Period
	Edition int
	Codes   []string // one a dimension that the release has; Total where the table does not break it down
}

// A NoiseTerm is a cell's estimate times a weight.
type NoiseTerm struct {
	Cell   NoiseCell
	Weight float64
}

// A Spread says how far noise alone moves a number.
type Spread struct {
	SD float64
	// HalfWidth of the 95 % interval is 1.96 SD, with Laplace (ln 20/√2) SD: what a
	// single cell's tails need; a sum of several needs less, down to 1.96 SD. Of
	// sums and differences the interval is to be rounded outward, like a cell's.
	HalfWidth float64
}

// A NoiseReader answers questions about the noise of a version from its noise
// model alone: privacy noise, no other error.
type NoiseReader struct {
	half     float64 // HalfWidth of SD 1
	releases map[releaseName]*releaseNoise
}

// A noiseShape is what the releases of one shape have in common.
type noiseShape struct {
	m      int64 // M
	dims   []Dimension
	tables []Table
	code   [][]map[string]int // dimension, level: code → node
}

type releaseName struct {
	period  Period
	edition int
}

// releaseNoise is the noise of one release. Releases are independent.
type releaseNoise struct {
	shape   *noiseShape
	laplace map[string]float64 // table → variance of a cell
	scales  *plan.Scales       // planner
	fitted  map[string]fitted  // planner: by table
}

// A fitted table is one with its levels brought to those that the measurements
// of a release have. Only levels in which every code is an only child are without.
type fitted struct {
	place  int // among the geometry's tables
	levels []int
}

// Open checks m and prepares it for questions.
func (m NoiseModel) Open() (*NoiseReader, error) {
	r, err := m.open()
	if err != nil {
		return nil, fmt.Errorf("privacy: the noise model is not valid: %w", err)
	}
	return r, nil
}

func (m NoiseModel) open() (*NoiseReader, error) {
	r := &NoiseReader{releases: map[releaseName]*releaseNoise{}, half: HalfInSD(m.Mechanism)}
	newest, err := m.shape()
	if err != nil {
		return nil, err
	}
	if len(m.Releases) == 0 {
		return nil, errors.New("it has no releases")
	}
	if m.PersonEpsilon > 0 && m.Mechanism != plan.LaplaceMechanism || m.PersonRho > 0 && m.Mechanism != plan.PlannerMechanism {
		return nil, errors.New("a person's cost is not in the unit of the mechanism")
	}
	opened := map[string]*releaseNoise{} // most releases have one plan
	for i, mr := range m.Releases {
		name := releaseName{mr.Period, mr.Edition}
		if mr.Period == (Period{}) || mr.Edition < 1 || r.releases[name] != nil {
			return nil, fmt.Errorf("release %d has no period and edition of its own", i)
		}
		alike := mr
		alike.Period, alike.Edition = Period{}, 0
		key := fmt.Sprint(alike)
		if opened[key] == nil {
			shape := newest
			if mr.own() {
				shape, err = m.as(mr).shape()
			}
			if err == nil && m.Mechanism == plan.LaplaceMechanism {
				opened[key], err = openLaplace(mr, shape)
			} else if err == nil {
				opened[key], err = openPlanner(mr, shape)
			}
			if err != nil {
				return nil, fmt.Errorf("release %s.%d: %w", mr.Period, mr.Edition, err)
			}
		}
		own := *opened[key] // releases are told apart by address
		r.releases[name] = &own
	}
	return r, nil
}

// as is m with the shape that a release has of its own.
func (m NoiseModel) as(r ModelRelease) NoiseModel {
	m.PerPeriod, m.Dimensions, m.Tables = r.PerPeriod, r.Dimensions, r.Tables
	return m
}

// shape checks dimensions, tables, mechanism and bound as those of a spec.
func (m NoiseModel) shape() (*noiseShape, error) {
	r := &noiseShape{m: m.PerPeriod}
	names := map[string]bool{}
	for _, d := range m.Dimensions {
		if names[d.Name] {
			return nil, fmt.Errorf("dimension %s stands twice", d.Name)
		}
		names[d.Name] = true
		if len(d.Codes) != len(d.Levels) || len(d.Parents) != len(d.Levels) {
			return nil, fmt.Errorf("dimension %s does not have codes and parents for each level", d.Name)
		}
		dim, code := Dimension{Name: d.Name}, make([]map[string]int, len(d.Levels))
		for l, name := range d.Levels {
			level := Level{Name: name, Codes: d.Codes[l], Parent: d.Parents[l]}
			if len(level.Parent) == 0 {
				level.Parent = nil // the root's
			}
			code[l] = map[string]int{}
			for i, c := range level.Codes {
				code[l][c] = i
			}
			dim.Levels = append(dim.Levels, level)
		}
		r.dims, r.code = append(r.dims, dim), append(r.code, code)
	}
	for _, t := range m.Tables {
		r.tables = append(r.tables, Table{Name: t.Name, Levels: t.Levels})
	}
	s := Spec{Dataset: "noise model", Series: 1, Editions: 1, Dimensions: r.dims, Tables: r.tables, Mechanism: m.Mechanism,
		Budget:  Budget{NanoEpsilon: 1, NanoRho: 1, PerPeriod: m.Periods == 0},
		Sources: []Source{{PerPeriod: m.PerPeriod, Periods: m.Periods, Sensitivity: 1}}}
	return r, s.Check()
}

// Scales outside of these are never drawn (see [noise.LaplaceDraw]).
const (
	minScale = 1.0 / (1 << 10)
	maxScale = 1 << 30
)

func openLaplace(mr ModelRelease, s *noiseShape) (*releaseNoise, error) {
	n := &releaseNoise{shape: s, laplace: map[string]float64{}}
	if mr.NanoEpsilon == 0 || mr.NanoRho > 0 {
		return nil, errors.New("its cost is not in epsilon")
	}
	for i, me := range mr.Measurements {
		if _, twice := n.laplace[me.Table]; twice || me.Table == "" || me.Levels != nil || me.NanoRho > 0 {
			return nil, fmt.Errorf("measurement %d is not that of one table", i)
		}
		if !(me.B >= minScale && me.B <= maxScale) {
			return nil, fmt.Errorf("measurement %d: scale b out of range (2^-10 to 2^30)", i)
		}
		n.laplace[me.Table] = noise.Laplace{B: me.B}.Variance()
	}
	return n, nil
}

func openPlanner(mr ModelRelease, r *noiseShape) (*releaseNoise, error) {
	p := plan.Plan{Mechanism: plan.PlannerMechanism, NanoRho: mr.NanoRho}
	if mr.NanoRho == 0 || mr.NanoEpsilon > 0 {
		return nil, errors.New("its cost is not in rho")
	}
	left, used := mr.NanoRho, make([]map[int]bool, len(r.dims))
	for i, me := range mr.Measurements {
		if me.Table != "" || me.B != 0 || len(me.Levels) != len(r.dims) {
			return nil, fmt.Errorf("measurement %d does not have one level a dimension", i)
		}
		if me.NanoRho == 0 || me.NanoRho > left {
			return nil, fmt.Errorf("measurement %d: the parts of the budget must be positive and add up to at most the whole", i)
		}
		left -= me.NanoRho
		for d, l := range me.Levels {
			if l < 0 || l >= len(r.dims[d].Levels) {
				return nil, fmt.Errorf("measurement %d: dimension %s has no level %d", i, r.dims[d].Name, l)
			}
			if used[d] == nil {
				used[d] = map[int]bool{0: true}
			}
			used[d][l] = true
		}
		p.Measurements = append(p.Measurements, plan.Measurement{Levels: me.Levels, NanoRho: me.NanoRho})
	}
	if len(p.Measurements) == 0 {
		return nil, errors.New("it has no measurements")
	}
	measured := newLevels(used, p.Measurements)
	n := &releaseNoise{shape: r, fitted: map[string]fitted{}}
	var made []Table // those that are published of the release, then what it was measured for
	for _, t := range r.tables {
		if levels, ok := measured.fit(r.dims, t.Levels); ok {
			n.fitted[t.Name] = fitted{len(made), levels}
			made = append(made, Table{Name: t.Name, Levels: levels})
		}
	}
	for _, levels := range measured.cover() {
		made = append(made, Table{Levels: levels})
	}
	model, err := p.Open(r.dims, made, r.m)
	if err != nil {
		return nil, err
	}
	n.scales = model.Scales()
	return n, nil
}

// measuredLevels are the tuples that a release measured. They are those below
// its tables, so that tables can be told from them.
type measuredLevels struct {
	used   [][]int // dimension: levels, coarsest first
	tuples map[string][]int
}

func newLevels(used []map[int]bool, ms []plan.Measurement) measuredLevels {
	m := measuredLevels{tuples: map[string][]int{}}
	for _, u := range used {
		m.used = append(m.used, slices.Sorted(maps.Keys(u)))
	}
	for _, me := range ms {
		m.tuples[fmt.Sprint(me.Levels)] = me.Levels
	}
	return m
}

// fit takes the levels of a table to those that were used, or reports that the
// release has no such table. A level that is left out leaves nothing to measure:
// each of its codes is an only child, and has its parent's number.
func (m measuredLevels) fit(dims []Dimension, levels []int) ([]int, bool) {
	out := make([]int, len(levels))
	for d, l := range levels {
		i, found := slices.BinarySearch(m.used[d], l)
		if !found {
			i-- // the root is always there
		}
		out[d] = m.used[d][i]
		if len(dims[d].Levels[out[d]].Codes) != len(dims[d].Levels[l].Codes) {
			return nil, false
		}
	}
	_, ok := m.tuples[fmt.Sprint(out)]
	return out, ok
}

// cover are tables from which the same measurements follow as from the release's
// own: the tuples that none is finer than, and each level that was used.
func (m measuredLevels) cover() (out [][]int) {
	for _, a := range m.tuples {
		top := true
		for d, l := range a {
			finer := slices.Clone(a)
			if i, _ := slices.BinarySearch(m.used[d], l); i+1 < len(m.used[d]) {
				finer[d] = m.used[d][i+1]
				_, has := m.tuples[fmt.Sprint(finer)]
				top = top && !has
			}
		}
		if top {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, slices.Compare[[]int])
	for d, levels := range m.used {
		for _, l := range levels {
			one := make([]int, len(m.used))
			one[d] = l
			out = append(out, one)
		}
	}
	return out
}

// found is a cell with its place.
type found struct {
	release *releaseNoise
	table   string
	fitted  fitted
	node    []int // one a dimension, of the fitted levels
}

func (r *NoiseReader) find(c NoiseCell) (found, error) {
	n := r.releases[releaseName{c.Period, c.Edition}]
	if n == nil {
		return found{}, fmt.Errorf("privacy: the noise model has no release %s.%d", c.Period, c.Edition)
	}
	s := n.shape
	i := slices.IndexFunc(s.tables, func(t Table) bool { return t.Name == c.Table })
	if i < 0 || len(c.Codes) != len(s.dims) {
		return found{}, fmt.Errorf("privacy: the noise model has no table %q with %d dimensions", c.Table, len(c.Codes))
	}
	var ok bool
	t := s.tables[i]
	f := found{n, c.Table, fitted{levels: t.Levels}, make([]int, len(s.dims))}
	if n.laplace != nil {
		_, ok = n.laplace[c.Table]
	} else {
		f.fitted, ok = n.fitted[c.Table]
	}
	if !ok {
		return found{}, fmt.Errorf("privacy: release %s.%d has no table %q", c.Period, c.Edition, c.Table)
	}
	for d, l := range t.Levels {
		node, ok := s.code[d][l][c.Codes[d]]
		if !ok {
			return found{}, fmt.Errorf("privacy: table %q has no code %q of %s", c.Table, c.Codes[d], s.dims[d].Name)
		}
		for ; l > f.fitted.levels[d]; l-- {
			node = int(s.dims[d].Levels[l].Parent[node])
		}
		f.node[d] = node
	}
	return f, nil
}

func (a found) same(b found) bool {
	return a.release == b.release && a.table == b.table && slices.Equal(a.node, b.node)
}

func (a found) covariance(b found) float64 {
	switch {
	case a.release != b.release:
		return 0
	case a.release.scales != nil:
		return a.release.scales.Covariance(a.fitted.place, a.node, b.fitted.place, b.node)
	case a.same(b):
		return a.release.laplace[a.table]
	}
	return 0
}

// Variance of the noise in the estimate of c.
func (r *NoiseReader) Variance(c NoiseCell) (float64, error) { return r.Covariance(c, c) }

// Covariance of the noise in two estimates: 0 for cells of different periods or
// editions, and with Laplace for any two cells.
func (r *NoiseReader) Covariance(a, b NoiseCell) (float64, error) {
	x, err := r.find(a)
	if err != nil {
		return 0, err
	}
	y, err := r.find(b)
	if err != nil {
		return 0, err
	}
	return x.covariance(y), nil
}

// Sum is the noise in Σ weight·estimate: sums, differences, means. The terms may
// be of several tables, periods and editions; it takes the square of their number
// in time with the planner.
func (r *NoiseReader) Sum(terms ...NoiseTerm) (Spread, error) {
	var cells []found
	var weight []float64
	at := map[string]int{}
	for _, t := range terms {
		f, err := r.find(t.Cell)
		if err != nil {
			return Spread{}, err
		}
		key := fmt.Sprint(t.Cell.Period, t.Cell.Edition, f.node, f.table)
		i, again := at[key]
		if !again {
			i, at[key] = len(cells), len(cells)
			cells, weight = append(cells, f), append(weight, 0)
		}
		weight[i] += t.Weight
	}
	v := 0.0
	for i, a := range cells {
		v += weight[i] * weight[i] * a.covariance(a)
		if a.release.scales == nil {
			continue
		}
		for j, b := range cells[:i] {
			v += 2 * weight[i] * weight[j] * a.covariance(b)
		}
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return Spread{}, errors.New("privacy: the weights are too large, or no numbers")
	}
	sd := math.Sqrt(max(0, v)) // a sum that cancels may round to below 0
	return Spread{sd, r.half * sd}, nil
}

// Ratio is the noise in x/y of two sums, to first order (delta method): that of
// (num − (x/y)·den)/y. The caller gives the sums of estimates, x of num and y of
// den. It is good where y is many times its own noise, and means nothing where it
// is not.
func (r *NoiseReader) Ratio(num, den []NoiseTerm, x, y float64) (Spread, error) {
	if y == 0 || math.IsNaN(x/y) || math.IsInf(x/y, 0) {
		return Spread{}, errors.New("privacy: a ratio needs a denominator other than 0")
	}
	var terms []NoiseTerm
	for _, t := range num {
		terms = append(terms, NoiseTerm{t.Cell, t.Weight / y})
	}
	for _, t := range den {
		terms = append(terms, NoiseTerm{t.Cell, -t.Weight * (x / y / y)})
	}
	return r.Sum(terms...)
}
