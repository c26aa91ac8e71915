package privacy

import "errors"

// A NoiseModel says how every number of a version was made, so that anyone can
// compute the interval of any sum, difference or ratio: noise is independent
// over cells, tables, periods and editions (Laplace). It is noise-model.json.
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
}

// A ModelScale is the noise of one measurement: with Laplace the scale of a
// table's cells, with the planner the budget of a tuple of levels, from which the
// noise of each block follows (10-privacy, Mechanism 1).
type ModelScale struct {
	Table   string  `json:"table,omitempty"`
	B       float64 `json:"b,omitempty"`
	Levels  []int   `json:"levels,omitempty"`
	NanoRho uint64  `json:"rho_nano,omitempty"`
}

// NewNoiseModel describes the releases of a version, newest last. Dimensions
// and tables are those of the newest; person is what the ledger says that a
// person has been charged.
func NewNoiseModel(version string, releases []Release, person uint64) (NoiseModel, error) {
	if len(releases) == 0 {
		return NoiseModel{}, errors.New("privacy: a noise model needs releases")
	}
	var m NoiseModel
	for _, r := range releases {
		k, err := r.Key()
		if err != nil {
			return NoiseModel{}, err
		}
		mr := ModelRelease{Period: k.Period, Edition: k.Edition, NanoEpsilon: r.noised.file.Plan.NanoEpsilon,
			NanoRho: r.noised.file.Plan.NanoRho}
		for _, me := range r.noised.file.Plan.Measurements {
			scale := ModelScale{Table: me.Table, B: me.B, NanoRho: me.NanoRho}
			if me.NanoRho > 0 {
				scale.Levels = me.Levels
			}
			mr.Measurements = append(mr.Measurements, scale)
		}
		m.Releases = append(m.Releases, mr)
	}
	last, err := releases[len(releases)-1].Model()
	if err != nil {
		return NoiseModel{}, err
	}
	m.Version, m.SpecDigest, m.Unit, m.Mechanism = version, last.SpecDigest, last.Unit, last.Plan.Mechanism
	if last.Plan.NanoRho > 0 {
		m.PersonRho = person
	} else {
		m.PersonEpsilon = person
	}
	m.PerPeriod, m.Periods = last.Bound.PerPeriod, last.Bound.Periods
	for _, d := range last.Dimensions {
		md := ModelDimension{Name: d.Name}
		for _, l := range d.Levels {
			md.Levels, md.Codes = append(md.Levels, l.Name), append(md.Codes, l.Codes)
			md.Parents = append(md.Parents, append([]uint32{}, l.Parent...))
		}
		m.Dimensions = append(m.Dimensions, md)
	}
	for _, t := range last.Tables {
		m.Tables = append(m.Tables, ModelTable{t.Name, t.Levels, last.Additive()})
	}
	return m, nil
}
