package describe

import (
	_ "embed"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"halftone/outputs"
	"halftone/outputs/dataset"
	"halftone/privacy"
)

//go:embed README.md.tmpl
var readmeText string

//go:embed noise_model.py
var noiseReader string

var readmeTemplate = template.Must(template.New("README.md").Funcs(template.FuncMap{"line": oneLine}).Parse(readmeText))

// readmePage is what the README's template sees.
type readmePage struct {
	About        outputs.About
	Lang         string
	Version      outputs.Version
	Periods      string
	Tables       []readmeTable
	Example      readmeTable
	Label        Label
	Licence      terms
	Additive     bool
	EstimatesAdd bool
	Half         string // of a 95 % interval, in sd
	Last, Before string // periods
	Rows         int    // of releases.csv
	Withdrawn    []string
	URL          string
	Citation     string
	Composed     string
	Unit         string
	Languages    []string
}

type readmeTable struct {
	Name, Title string
	Rows        int
	Keys        []string // columns of codes
}

// Readme writes README.md, for a person who has just downloaded the version.
// Its Python and SQL run as they stand in the version's folder.
func Readme(v outputs.Version, tables []outputs.Table) ([]byte, error) {
	label, err := NewLabel(v)
	if err != nil {
		return nil, err
	}
	m, err := newest(v)
	if err != nil {
		return nil, err
	}
	periods, err := periodRange(v)
	if err != nil {
		return nil, err
	}
	langs := dataset.Languages(v.About)
	p := readmePage{About: v.About, Lang: langs[0], Version: v, Periods: periods, Label: label, Licence: licenceOf(v.About.Licence),
		Additive: m.Additive(), EstimatesAdd: m.EstimatesAdd, Half: strconv.FormatFloat(math.Round(1e4*privacy.HalfInSD(m.Plan.Mechanism))/1e4, 'f', -1, 64), URL: versionURL(v), Composed: v.Composed.UTC().Format("2006-01-02"), Unit: m.Unit, Languages: langs}
	for _, t := range tables {
		rt := readmeTable{Name: t.Name, Title: tableTitle(t), Rows: t.Rows()}
		for _, d := range t.Dimensions {
			rt.Keys = append(rt.Keys, d.Name)
		}
		p.Tables = append(p.Tables, rt)
	}
	if p.Last, p.Before, err = lastTwo(v); err != nil {
		return nil, err
	}
	if err := p.withdrawn(v); err != nil {
		return nil, err
	}
	p.Example = example(p.Tables, v.About.Lead)
	p.Citation = fmt.Sprintf("%s (%d). %s. Version %s.", oneLine(v.About.Publisher.Name), v.Composed.UTC().Year(), oneLine(v.About.Title.In(langs[0])), v.Name)
	if p.URL != "" {
		p.Citation += " " + p.URL
	}
	var b strings.Builder
	if err := readmeTemplate.Execute(&b, p); err != nil {
		return nil, fmt.Errorf("describe: README: %w", err)
	}
	return []byte(b.String()), nil
}

// withdrawn says what is shown no more.
func (p *readmePage) withdrawn(v outputs.Version) error {
	ws, err := v.Withdrawn()
	if err != nil {
		return fmt.Errorf("describe: README: %w", err)
	}
	p.Rows, p.Withdrawn = len(v.Releases)+len(ws), outputs.WithdrawnInWords(ws, privacy.Period.String)
	return nil
}

// lastTwo are the newest period and the one before it, twice the same if there is
// one only. Where periods are withdrawn they are the newest two with none between.
func lastTwo(v outputs.Version) (last, before string, err error) {
	slots, err := v.Slots()
	if err != nil {
		return "", "", fmt.Errorf("describe: README: %w", err)
	}
	for i := len(slots) - 1; i >= 0; i-- {
		if slots[i].Withdrawn != nil {
			continue
		}
		if i > 0 && slots[i-1].Withdrawn == nil {
			return slots[i].Period.String(), slots[i-1].Period.String(), nil
		}
		if last == "" {
			last = slots[i].Period.String()
		}
	}
	return last, last, nil
}

// NoiseReader is noise_model.py.
func NoiseReader() []byte { return []byte(noiseReader) }

// example is the lead table if it has cells to add up, else the first that has.
func example(tables []readmeTable, lead string) readmeTable {
	for _, name := range []string{lead, ""} {
		if i := slices.IndexFunc(tables, func(t readmeTable) bool { return len(t.Keys) > 0 && (name == "" || t.Name == name) }); i >= 0 {
			return tables[i]
		}
	}
	return tables[0]
}

// oneLine keeps a text from starting a heading or a block of its own.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
