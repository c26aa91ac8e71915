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
	Person     uint64           `json:"person_epsilon_nano"` // what the releases cost a person so far
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
	NanoEpsilon  uint64       `json:"epsilon_nano"`
	Measurements []ModelScale `json:"measurements"`
}

// A ModelScale is the scale of the rounded Laplace noise of a table's cells.
type ModelScale struct {
	Table string  `json:"table"`
	B     float64 `json:"b"`
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
		mr := ModelRelease{Period: k.Period, Edition: k.Edition, NanoEpsilon: r.noised.file.Plan.NanoEpsilon}
		for _, me := range r.noised.file.Plan.Measurements {
			mr.Measurements = append(mr.Measurements, ModelScale{me.Table, me.B})
		}
		m.Releases = append(m.Releases, mr)
	}
	last, err := releases[len(releases)-1].Model()
	if err != nil {
		return NoiseModel{}, err
	}
	m.Version, m.SpecDigest, m.Unit, m.Mechanism, m.Person = version, last.SpecDigest, last.Unit, last.Plan.Mechanism, person
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
