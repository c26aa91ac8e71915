package describe

import (
	"fmt"
	"strings"

	"halftone/outputs"
	"halftone/outputs/dataset"
)

// Profiles of Frictionless Data Package 2.
const (
	packageProfile = "https://datapackage.org/profiles/2.0/datapackage.json"
	schemaProfile  = "https://datapackage.org/profiles/2.0/tableschema.json"
)

type dataPackage struct {
	Schema       string        `json:"$schema"`
	Name         string        `json:"name"`
	Title        string        `json:"title"`
	Description  string        `json:"description,omitempty"`
	Homepage     string        `json:"homepage,omitempty"`
	Version      string        `json:"version"`
	Created      string        `json:"created"`
	Licenses     []licence     `json:"licenses"`
	Contributors []contributor `json:"contributors"`
	Sources      []source      `json:"sources"`
	Resources    []resource    `json:"resources"`
	Privacy      privacyNote   `json:"privacy"`
	Halftone     publicText    `json:"halftone"`
}

type licence struct {
	Name  string `json:"name,omitempty"`
	Path  string `json:"path"`
	Title string `json:"title"`
}

type contributor struct {
	Title string   `json:"title"`
	Email string   `json:"email,omitempty"`
	Path  string   `json:"path,omitempty"`
	Roles []string `json:"roles"`
}

type source struct {
	Title string `json:"title"`
}

type privacyNote struct {
	Guarantee string `json:"guarantee"`
	Additive  bool   `json:"additive"`
	Label     string `json:"label"`
	Model     string `json:"noise_model"`
}

type resource struct {
	Name        string       `json:"name"`
	Path        string       `json:"path"`
	Type        string       `json:"type,omitempty"`
	Title       string       `json:"title"`
	Description string       `json:"description,omitempty"`
	Format      string       `json:"format"`
	Mediatype   string       `json:"mediatype"`
	Encoding    string       `json:"encoding,omitempty"`
	Bytes       int          `json:"bytes,omitempty"`
	Hash        string       `json:"hash"`
	Schema      *tableSchema `json:"schema,omitempty"`
}

type tableSchema struct {
	Schema        string       `json:"$schema"`
	Fields        []field      `json:"fields"`
	MissingValues []missing    `json:"missingValues,omitempty"`
	PrimaryKey    []string     `json:"primaryKey,omitempty"`
	ForeignKeys   []foreignKey `json:"foreignKeys,omitempty"`
}

type missing struct {
	Value string `json:"value"`
	Label string `json:"label"`
}

type foreignKey struct {
	Fields    []string  `json:"fields"`
	Reference reference `json:"reference"`
}

type reference struct {
	Resource string   `json:"resource"`
	Fields   []string `json:"fields"`
}

type field struct {
	Name        string       `json:"name"`
	Type        string       `json:"type"`
	Title       string       `json:"title"`
	Description string       `json:"description,omitempty"`
	Constraints *constraints `json:"constraints,omitempty"`
	Categories  []category   `json:"categories,omitempty"`
}

type constraints struct {
	Required bool `json:"required,omitempty"`
	Unique   bool `json:"unique,omitempty"`
	Minimum  *int `json:"minimum,omitempty"`
}

type category struct {
	Value string `json:"value"`
	Label string `json:"label"`
}

// mostCategories is the longest code list that is repeated in each schema;
// longer ones are found through the foreign key.
const mostCategories = 500

// DataPackage writes datapackage.json for the data files among files.
func DataPackage(v outputs.Version, tables []outputs.Table, files outputs.Files) ([]byte, error) {
	m, err := newest(v)
	if err != nil {
		return nil, err
	}
	guarantee, err := Guarantee(v)
	if err != nil {
		return nil, err
	}
	text, err := newPublicText(v)
	if err != nil {
		return nil, fmt.Errorf("describe: data package: %w", err)
	}
	a, lang := v.About, dataset.Languages(v.About)[0]
	lic := licenceOf(a.Licence)
	p := dataPackage{Schema: packageProfile, Name: a.Dataset, Title: a.Title.In(lang), Description: a.Summary.In(lang), Homepage: web(a.Publisher.URL),
		Version: v.Name, Created: v.Composed.UTC().Format("2006-01-02T15:04:05Z"),
		Licenses:     []licence{{lic.Package, lic.Path, lic.Title}},
		Contributors: []contributor{{Title: a.Publisher.Name, Email: email(a.Publisher.Contact), Path: web(a.Publisher.URL), Roles: []string{"publisher", "contact"}}},
		Sources:      []source{}, Privacy: privacyNote{guarantee, m.Additive(), "privacy-label.json", "noise-model.json"}, Halftone: text}
	for _, s := range a.Sources {
		p.Sources = append(p.Sources, source{s.Agency})
	}
	schemas := schemaMaker{v}
	for _, t := range tables {
		p.Resources = append(p.Resources,
			fileResource(files, t.Name, dataset.CSVPath(t.Name), tableTitle(t), schemas.table(t)),
			fileResource(files, t.Name+".parquet", dataset.ParquetPath(t.Name), tableTitle(t)+", as Parquet", nil))
	}
	p.Resources = append(p.Resources,
		fileResource(files, dataset.AllName+".parquet", dataset.ParquetPath(dataset.AllName), "All tables in one, as Parquet; _T where a table does not break a dimension down", nil),
		fileResource(files, "releases", "releases.csv", "The release of each period", schemas.releases()))
	for _, l := range a.Codes {
		p.Resources = append(p.Resources, fileResource(files, "codes-"+l.Dimension, dataset.CodesPath(l.Dimension), "Codes of "+l.Dimension, schemas.codes()))
	}
	p.Resources = append(p.Resources,
		fileResource(files, "noise-model", "noise-model.json", "How the noise of every number was made", nil),
		fileResource(files, "claims", "claims.json", "What may be said of every change, and why not of others", nil),
		fileResource(files, "privacy-label", "privacy-label.json", "What is promised, what it cost, what it does not cover", nil))
	return encode(p)
}

var mediatypes = map[string]string{"csv": "text/csv", "json": "application/json", "parquet": "application/vnd.apache.parquet"}

func fileResource(files outputs.Files, name, path, title string, schema *tableSchema) resource {
	b := files[path]
	format := path[strings.LastIndexByte(path, '.')+1:]
	r := resource{Name: name, Path: path, Title: title, Format: format, Mediatype: mediatypes[format],
		Hash: "sha256:" + Sum(b), Schema: schema}
	if schema != nil {
		r.Type = "table"
	}
	if format != "parquet" { // the reference implementation cannot count a Parquet file's bytes, and calls it invalid
		r.Bytes, r.Encoding = len(b), "utf-8"
	}
	return r
}

func tableTitle(t outputs.Table) string {
	if len(t.Dimensions) == 0 {
		return "By period"
	}
	var by []string
	for _, d := range t.Dimensions {
		by = append(by, d.Name+" ("+d.Level+")")
	}
	return "By period, " + strings.Join(by, ", ")
}

// A schemaMaker describes columns in the words of one version.
type schemaMaker struct{ v outputs.Version }

func (s schemaMaker) table(t outputs.Table) *tableSchema {
	a, zero := s.v.About, 0
	counts := a.Counts.In("en")
	out := &tableSchema{Schema: schemaProfile, PrimaryKey: []string{"period"},
		MissingValues: []missing{{"", "no number: see status"}},
		Fields: []field{
			{Name: "period", Type: "string", Title: "Period", Description: "SDMX form: 2026, 2026-Q3, 2026-11, or the band 2014-2018.", Constraints: &constraints{Required: true}},
			{Name: "period_start", Type: "date", Title: "First day of the period", Constraints: &constraints{Required: true}},
		}}
	for _, d := range t.Dimensions {
		out.PrimaryKey = append(out.PrimaryKey, d.Name)
		f := field{Name: d.Name, Type: "string", Title: d.Name, Description: "Code at the level " + d.Level + "; the list is in " + dataset.CodesPath(d.Name) + ".",
			Constraints: &constraints{Required: true}}
		for _, l := range a.Codes {
			if l.Dimension == d.Name {
				f.Categories = categories(a, l)
				out.ForeignKeys = append(out.ForeignKeys, foreignKey{[]string{d.Name}, reference{"codes-" + d.Name, []string{"code"}}})
			}
		}
		out.Fields = append(out.Fields, f, field{Name: d.Name + "_label", Type: "string", Title: d.Name + ", label"})
	}
	positive := &constraints{Minimum: &zero}
	out.Fields = append(out.Fields,
		field{Name: "value", Type: "integer", Title: "Recorded " + counts + ", for reading", Constraints: positive,
			Description: "A whole number near the estimate, never below 0. " + additiveWords(t.Additive)},
		field{Name: "ci_low", Type: "integer", Title: "Lower end of the 95 % interval", Description: intervalWords, Constraints: positive},
		field{Name: "ci_high", Type: "integer", Title: "Upper end of the 95 % interval", Description: intervalWords, Constraints: positive},
		field{Name: "estimate", Type: "number", Title: "Estimate, for calculating", Description: "Unbiased; can be negative. Use it for sums, differences and trends."},
		field{Name: "sd", Type: "number", Title: "Standard deviation of the estimate", Description: "Of the added noise only."},
		field{Name: "status", Type: "string", Title: "How the cell may be read", Categories: statusCategories, Constraints: &constraints{Required: true}},
		field{Name: "edition", Type: "integer", Title: "Edition of the release", Description: "1 is the first; 2 and up are revisions.", Constraints: &constraints{Required: true}})
	return out
}

const intervalWords = "The interval is of the recorded count, and covers the added noise only: not under-reporting, duplicates or suppression at source."

func additiveWords(additive bool) string {
	if additive {
		return "Values add up over tables and levels: parts are exactly their total."
	}
	return "Values do not add up over tables and levels: each cell has its own noise. Take a total from the table that has it."
}

var statusCategories = []category{
	{string(outputs.Withdrawn), "withdrawn: no numbers"},
	{string(outputs.NotReleased), "the table or code is newer than the period's release: no numbers"},
	{string(outputs.NotCollected), "not collected: no numbers"},
	{string(outputs.StructuralZero), "zero by definition"},
	{string(outputs.Partial), "a source that was expected did not report"},
	{string(outputs.NoiseDominated), "the noise is larger than the number"},
	{string(outputs.OK), "ok"},
}

func categories(a outputs.About, l outputs.CodeList) []category {
	if len(l.Codes) > mostCategories {
		return nil
	}
	var out []category
	for _, c := range l.Codes {
		out = append(out, category{c.Code, a.Label(l.Dimension, c.Code, dataset.Languages(a)[0])})
	}
	return out
}

func (s schemaMaker) codes() *tableSchema {
	out := &tableSchema{Schema: schemaProfile, PrimaryKey: []string{"code"}, Fields: []field{
		{Name: "code", Type: "string", Title: "Code", Constraints: &constraints{Required: true, Unique: true}},
		{Name: "parent", Type: "string", Title: "Code of the parent", Description: "Empty for the total."},
		{Name: "level", Type: "string", Title: "Level", Constraints: &constraints{Required: true}},
	}}
	for _, lang := range dataset.Languages(s.v.About) {
		out.Fields = append(out.Fields, field{Name: "label_" + lang, Type: "string", Title: "Label (" + lang + ")", Description: "Empty where it has not been translated."})
	}
	return out
}

var releaseFields = map[string]field{
	"period":            {Type: "string", Title: "Period", Constraints: &constraints{Required: true, Unique: true}},
	"edition":           {Type: "integer", Title: "Edition", Description: "1 is the first; 2 and up are revisions."},
	"provisional":       {Type: "boolean", Title: "A revision is planned"},
	"released":          {Type: "date", Title: "Day of the release (UTC)"},
	"rho":               {Type: "number", Title: "Price in zCDP", Description: "Empty for releases that are paid in pure epsilon."},
	"epsilon":           {Type: "number", Title: "Price in pure epsilon", Description: "Empty for releases that are paid in zCDP."},
	"sources_reporting": {Type: "string", Title: "Sources that reported", Description: "Names, with ; between them."},
	"sources_expected":  {Type: "string", Title: "Sources that should have reported", Description: "Names, with ; between them."},
	"break":             {Type: "string", Title: "Break", Description: "Periods before and from this one on are not alike; kinds, with ; between them."},
	"note":              {Type: "string", Title: "Note"},
}

func (s schemaMaker) releases() *tableSchema {
	out := &tableSchema{Schema: schemaProfile, PrimaryKey: []string{"period"}}
	for _, name := range dataset.ReleaseColumns {
		f := releaseFields[name]
		f.Name = name
		out.Fields = append(out.Fields, f)
	}
	return out
}

// email returns a contact that is an address, else nothing.
func email(contact string) string {
	if strings.Count(contact, "@") == 1 && !strings.ContainsAny(contact, " /:") {
		return contact
	}
	return ""
}

// periodRange is the first and last period of v in words.
func periodRange(v outputs.Version) (string, error) {
	var first, last string
	for i, e := range v.Releases {
		k, err := e.Release.Key()
		if err != nil {
			return "", fmt.Errorf("describe: %w", err)
		}
		if last = k.Period.String(); i == 0 {
			first = last
		}
	}
	if first == last {
		return first, nil
	}
	return first + " to " + last, nil
}
