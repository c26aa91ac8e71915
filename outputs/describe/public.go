package describe

import (
	"encoding/json"
	"errors"
	"slices"

	"halftone/outputs"
	"halftone/privacy"
)

// publicText is the property `halftone` of datapackage.json: the public text
// that a version is composed from, as far as no other file has it. With the
// sealed files, the ledger, releases.csv and codes/ it makes the version again,
// so that a report can be checked by anyone.
type publicText struct {
	Title     outputs.Text     `json:"title"`
	Summary   outputs.Text     `json:"summary,omitempty"`
	Counts    outputs.Text     `json:"counts"`
	Contact   outputs.Text     `json:"contact,omitempty"`
	Unit      string           `json:"unit"`
	Measure   string           `json:"measure"`
	Every     string           `json:"every"`
	Lead      string           `json:"lead"`
	Material  float64          `json:"material"`
	BaseURL   string           `json:"base_url,omitempty"`
	Languages []string         `json:"languages"`
	Publisher publicPublisher  `json:"publisher"`
	Budget    publicBudget     `json:"budget"`
	Sources   []publicSource   `json:"sources"`
	Lists     []string         `json:"code_lists"` // dimensions that have one, in order
	Breaks    []publicBreak    `json:"breaks,omitempty"`
	Together  outputs.Together `json:"population,omitzero"`
	Releases  []publicRelease  `json:"releases"`
	Withdrawn []Withdrawn      `json:"withdrawn,omitempty"` // as in the manifest: the ledger says so
}

type publicPublisher struct {
	Name    string `json:"name"`
	Contact string `json:"contact"`
	URL     string `json:"url,omitempty"`
}

type publicBudget struct {
	Epsilon   float64 `json:"epsilon,omitempty"`
	Rho       float64 `json:"rho,omitempty"`
	Delta     float64 `json:"delta"`
	PerPeriod bool    `json:"per_period"`
}

type publicSource struct {
	Name        string `json:"name"`
	Agency      string `json:"agency"`
	Reporter    string `json:"reporter,omitempty"`
	StatedBy    string `json:"stated_by"`
	PerPeriod   int64  `json:"per_period"`
	Periods     int64  `json:"periods"`
	Sensitivity int64  `json:"sensitivity"`
	Bounded     bool   `json:"bounded,omitempty"`
}

type publicBreak struct {
	At   privacy.Period `json:"at"`
	Kind string         `json:"kind"`
	Note outputs.Text   `json:"note,omitempty"`
}

type publicRelease struct {
	Period      privacy.Period `json:"period"`
	Provisional bool           `json:"provisional"`
	Note        outputs.Text   `json:"note,omitempty"`
}

func newPublicText(v outputs.Version) (publicText, error) {
	a := v.About
	p := publicText{Title: a.Title, Summary: a.Summary, Counts: a.Counts, Contact: a.Contact, Unit: a.Unit, Measure: a.Measure,
		Every: a.Every, Lead: a.Lead, Material: a.Material, Together: v.Together, BaseURL: a.BaseURL, Languages: a.Languages,
		Publisher: publicPublisher{a.Publisher.Name, a.Publisher.Contact, a.Publisher.URL},
		Budget:    publicBudget{a.Budget.Epsilon, a.Budget.Rho, a.Budget.Delta, a.Budget.PerPeriod}}
	for _, s := range a.Sources {
		p.Sources = append(p.Sources, publicSource{s.Name, s.Agency, s.Reporter, s.StatedBy, s.PerPeriod, s.Periods, s.Sensitivity, s.Bounded})
	}
	for _, l := range a.Codes {
		p.Lists = append(p.Lists, l.Dimension)
	}
	for _, b := range v.Breaks {
		p.Breaks = append(p.Breaks, publicBreak{b.At, b.Kind, b.Note})
	}
	for _, e := range v.Releases {
		k, err := e.Release.Key()
		if err != nil {
			return p, err
		}
		p.Releases = append(p.Releases, publicRelease{k.Period, e.Provisional, e.Note})
	}
	var err error
	p.Withdrawn, err = NewWithdrawn(v)
	return p, err
}

// ReadPublicText fills from datapackage.json, which may come from anywhere, what
// a version is described with: About but for dataset, series, licence and the
// codes of its lists, the breaks, and what is said of each release that v has. It
// fails when the text does not fit the releases and the ledger of v.
func ReadPublicText(b []byte, v *outputs.Version) error {
	var pkg struct {
		Halftone *publicText `json:"halftone"`
	}
	if err := json.Unmarshal(b, &pkg); err != nil || pkg.Halftone == nil {
		return errors.New("datapackage.json is unreadable, or has no property halftone")
	}
	p := pkg.Halftone
	a := &v.About
	a.Title, a.Summary, a.Counts, a.Contact, a.Unit, a.Measure = p.Title, p.Summary, p.Counts, p.Contact, p.Unit, p.Measure
	a.Every, a.Lead, a.Material, a.BaseURL, a.Languages = p.Every, p.Lead, p.Material, p.BaseURL, p.Languages
	a.Publisher = outputs.Publisher{Name: p.Publisher.Name, Contact: p.Publisher.Contact, URL: p.Publisher.URL}
	a.Budget = outputs.Budget{Epsilon: p.Budget.Epsilon, Rho: p.Budget.Rho, Delta: p.Budget.Delta, PerPeriod: p.Budget.PerPeriod}
	a.Sources, a.Codes, v.Breaks, v.Together = nil, nil, nil, p.Together
	for _, s := range p.Sources {
		a.Sources = append(a.Sources, outputs.Source{Name: s.Name, Agency: s.Agency, Reporter: s.Reporter, StatedBy: s.StatedBy,
			PerPeriod: s.PerPeriod, Periods: s.Periods, Sensitivity: s.Sensitivity, Bounded: s.Bounded})
	}
	for _, d := range p.Lists {
		a.Codes = append(a.Codes, outputs.CodeList{Dimension: d})
	}
	for _, b := range p.Breaks {
		v.Breaks = append(v.Breaks, outputs.Break{At: b.At, Kind: b.Kind, Note: b.Note})
	}
	if len(p.Releases) != len(v.Releases) {
		return errors.New("datapackage.json describes other releases than the manifest has")
	}
	for i, r := range p.Releases {
		if k, err := v.Releases[i].Release.Key(); err != nil || k.Period != r.Period {
			return errors.New("datapackage.json describes other releases than the manifest has")
		}
		v.Releases[i].Provisional, v.Releases[i].Note = r.Provisional, r.Note
	}
	withdrawn, err := NewWithdrawn(*v)
	if err == nil && !slices.Equal(withdrawn, p.Withdrawn) {
		err = errors.New("datapackage.json says otherwise than the ledger what is withdrawn")
	}
	return err
}
