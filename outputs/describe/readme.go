package describe

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"halftone/outputs"
	"halftone/outputs/dataset"
)

//go:embed README.md.tmpl
var readmeText string

var readmeTemplate = template.Must(template.New("README.md").Funcs(template.FuncMap{"line": oneLine}).Parse(readmeText))

// readmePage is what the README's template sees.
type readmePage struct {
	About     outputs.About
	Lang      string
	Version   outputs.Version
	Periods   string
	Tables    []readmeTable
	Example   readmeTable
	Label     Label
	Licence   terms
	Additive  bool
	URL       string
	Citation  string
	Composed  string
	Unit      string
	Languages []string
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
		Additive: m.Additive(), URL: versionURL(v), Composed: v.Composed.UTC().Format("2006-01-02"), Unit: m.Unit, Languages: langs}
	for _, t := range tables {
		rt := readmeTable{Name: t.Name, Title: tableTitle(t), Rows: t.Rows()}
		for _, d := range t.Dimensions {
			rt.Keys = append(rt.Keys, d.Name)
		}
		p.Tables = append(p.Tables, rt)
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
