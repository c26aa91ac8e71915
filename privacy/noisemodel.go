package privacy

import (
	"errors"
	"slices"
)

// A NoiseModel says how every number of a version was made, so that anyone can
// compute the interval of any sum, difference or ratio: noise is independent
// over periods and editions, with Laplace also over cells and tables. It is
// noise-model.json; [ReadNoiseModel] reads one.
type NoiseModel struct {
	Version    string           `json:"version"`
	SpecDigest string           `json:"spec_digest"` // of the newest release
	Unit       string           `json:"unit"`
	PerPeriod  int64            `json:"M"`
	Periods    int64            `json:"P"` // 0: any number
	Mechanism  string           `json:"mechanism"`
	Dimensions []ModelDimension `json:"dimensions"`
	Tables     []ModelTable     `json:"tables"`
	Releases   []ModelRelease   `json:"releases"`
	// What the releases cost a person so far, in the unit of the mechanism.
	PersonEpsilon uint64 `json:"person_epsilon_nano,omitempty"`
	PersonRho     uint64 `json:"person_rho_nano,omitempty"`
	// Sources for the people behind which M, P and the cost say nothing; of the
	// ledger, so that the caller of [NewNoiseModel] fills it.
	NoGuarantee []string `json:"no_guarantee,omitempty"`
}

// A ModelDimension has one list of codes and of parents a level, coarsest
// first. A parent is an index into the level above; the root has none.
type ModelDimension struct {
	Name    string     `json:"name"`
	Levels  []string   `json:"levels"`
	Codes   [][]string `json:"codes"`
	Parents [][]uint32 `json:"parents"`
}

// A ModelTable names the level of each dimension by number, 0 the root.
type ModelTable struct {
	Name     string `json:"name"`
	Levels   []int  `json:"levels"`
	Additive bool   `json:"additive"`
}

// A ModelRelease is one charge.
type ModelRelease struct {
	Period       Period       `json:"period"`
	Edition      int          `json:"edition"`
	NanoEpsilon  uint64       `json:"epsilon_nano,omitempty"`
	NanoRho      uint64       `json:"rho_nano,omitempty"`
	Measurements []ModelScale `json:"measurements"`
	// What the release has of its own, where codes, tables or M have changed since;
	// all three or none.
	PerPeriod  int64            `json:"M,omitzero"`
	Dimensions []ModelDimension `json:"dimensions,omitzero"`
	Tables     []ModelTable     `json:"tables,omitzero"`
}

// own reports whether r has a shape of its own.
func (r ModelRelease) own() bool { return r.PerPeriod != 0 || r.Dimensions != nil || r.Tables != nil }

// A ModelScale is the noise of one measurement: with Laplace the scale of a
// table's cells, with the planner the budget of a tuple of levels, from which the
// noise of each block follows (10-privacy, Mechanism 1).
type ModelScale struct {
	Table   string  `json:"table,omitempty"`
	B       float64 `json:"b,omitempty"`
	Levels  []int   `json:"levels,omitempty"`
	NanoRho uint64  `json:"rho_nano,omitempty"`
}

// NewNoiseModel describes the releases of a version, newest last. Dimensions, M
// and tables are those of the newest; a release of another shape has its own.
// person is what the ledger says that a person has been charged.
func NewNoiseModel(version string, releases []Release, person uint64) (NoiseModel, error) {
	if len(releases) == 0 {
		return NoiseModel{}, errors.New("privacy: a noise model needs releases")
	}
	last, err := releases[len(releases)-1].Model()
	if err != nil {
		return NoiseModel{}, err
	}
	m := NoiseModel{Version: version, SpecDigest: last.SpecDigest, Unit: last.Unit, Mechanism: last.Plan.Mechanism,
		PerPeriod: last.Bound.PerPeriod, Periods: last.Bound.Periods, Dimensions: modelDimensions(last), Tables: modelTables(last)}
	if last.Plan.NanoRho > 0 {
		m.PersonRho = person
	} else {
		m.PersonEpsilon = person
	}
	for _, r := range releases {
		k, err := r.Key()
		if err != nil {
			return NoiseModel{}, err
		}
		own, err := r.Model()
		if err != nil {
			return NoiseModel{}, err
		}
		mr := ModelRelease{Period: k.Period, Edition: k.Edition, NanoEpsilon: own.Plan.NanoEpsilon, NanoRho: own.Plan.NanoRho}
		for _, me := range own.Plan.Measurements {
			scale := ModelScale{Table: me.Table, B: me.B, NanoRho: me.NanoRho}
			if me.NanoRho > 0 {
				scale.Levels = me.Levels
			}
			mr.Measurements = append(mr.Measurements, scale)
		}
		if !own.sameShape(last) {
			mr.PerPeriod, mr.Dimensions, mr.Tables = own.Bound.PerPeriod, modelDimensions(own), modelTables(own)
		}
		m.Releases = append(m.Releases, mr)
	}
	return m, nil
}

// sameShape reports whether two releases have the same dimensions, tables and M.
func (m Model) sameShape(o Model) bool {
	sameLevel := func(a, b Level) bool {
		return a.Name == b.Name && slices.Equal(a.Codes, b.Codes) && slices.Equal(a.Parent, b.Parent)
	}
	sameDimension := func(a, b Dimension) bool {
		return a.Name == b.Name && slices.EqualFunc(a.Levels, b.Levels, sameLevel)
	}
	sameTable := func(a, b Table) bool { return a.Name == b.Name && slices.Equal(a.Levels, b.Levels) }
	return m.Bound.PerPeriod == o.Bound.PerPeriod && slices.EqualFunc(m.Dimensions, o.Dimensions, sameDimension) &&
		slices.EqualFunc(m.Tables, o.Tables, sameTable)
}

func modelDimensions(m Model) []ModelDimension {
	out := []ModelDimension{}
	for _, d := range m.Dimensions {
		md := ModelDimension{Name: d.Name}
		for _, l := range d.Levels {
			md.Levels, md.Codes = append(md.Levels, l.Name), append(md.Codes, l.Codes)
			md.Parents = append(md.Parents, append([]uint32{}, l.Parent...))
		}
		out = append(out, md)
	}
	return out
}

func modelTables(m Model) (out []ModelTable) {
	for _, t := range m.Tables {
		out = append(out, ModelTable{t.Name, t.Levels, m.Additive()})
	}
	return out
}
