package codelist

import (
	"bytes"
	"embed"
	"slices"
)

// The files are shipped/NAME.csv; shipped/README.md says where their facts are
// from, and under which licences.
//
//go:embed shipped/*/*.csv
var shipped embed.FS

// A Shipped is a code list that comes with the program.
type Shipped struct {
	Name  string // by which a configuration names it
	About string // what it lists, and after whom, in a few words
}

// AllShipped lists the code lists that come with the program, in the order in
// which people look for them.
func AllShipped() []Shipped {
	return []Shipped{
		{"iso/countries", "countries by ISO 3166-1 alpha-3, in the regions of UN M49"},
		{"halftone/sex", "sex, by SDMX"},
		{"halftone/under18", "under 18, 18 and over"},
		{"ctdc/age", "the age bands of CTDC, in under 18 and 18 and over"},
		{"htcds/exploitation", "forms of exploitation, by IOM HTCDS 2.0"},
		{"htcds/sexual-exploitation", "kinds of sexual exploitation, by IOM HTCDS 2.0"},
		{"htcds/means-of-control", "means of control, by IOM HTCDS 2.0"},
		{"htcds/recruitment", "methods of recruitment, by IOM HTCDS 2.0"},
		{"htcds/trafficking-status", "possible, actual and no victims of trafficking, by IOM HTCDS 2.0"},
		{"htcds/trafficker-relation", "relation to the trafficker, by IOM HTCDS 2.0"},
		{"htcds/referral-reason", "reasons of referral, by IOM HTCDS 2.0"},
		{"htcds/vulnerability", "vulnerabilities, by IOM HTCDS 2.0, which has withdrawn the list"},
		{"ctdc/recruiter", "relation to the recruiter, by CTDC"},
		{"halftone/displacement", "displacement status: IDP, refugee, returnee …, by Primero"},
		{"halftone/displacement-stage", "stage of displacement at the time of the incident, by GBVIMS"},
		{"halftone/support", "services of support, by Primero"},
		{"halftone/referral", "outcomes of a referral, by GBVIMS"},
		{"halftone/perpetrator", "relation to the perpetrator, by GBVIMS, with aid workers, peacekeepers and armed groups"},
		{"halftone/armed-actor", "kinds of armed forces and groups, by Primero"},
		{"halftone/reporter", "kinds of organisations that report, by IOM HTCDS 2.0"},
		{"halftone/vulnerability-level", "levels of vulnerability, by IOM"},
		{"halftone/crisis-phase", "before, during and after a crisis"},
		{"halftone/crisis-type", "kinds of crises, by GLIDE, with armed conflict and unrest"},
	}
}

// ShippedNames are the names of the code lists that come with the program.
func ShippedNames() []string {
	var names []string
	for _, s := range AllShipped() {
		names = append(names, s.Name)
	}
	return names
}

// ShippedCSV gives the file of a shipped list, byte for byte; ok is false when
// there is none of that name.
func ShippedCSV(name string) (text []byte, ok bool) {
	if !slices.Contains(ShippedNames(), name) {
		return nil, false
	}
	text, err := shipped.ReadFile("shipped/" + name + ".csv")
	return text, err == nil
}

// ReadShipped reads a shipped list as [Read] reads any other; ok is false when
// there is none of that name.
func ReadShipped(name string) (l List, ok bool, err error) {
	text, ok := ShippedCSV(name)
	if !ok {
		return List{}, false, nil
	}
	l, err = Read(name, bytes.NewReader(text))
	return l, true, err
}
