package codelist

import (
	"encoding/csv"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"halftone/privacy"
)

func TestShippedFilesAreNamed(t *testing.T) {
	var files []string
	err := fs.WalkDir(shipped, "shipped", func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files = append(files, strings.TrimSuffix(strings.TrimPrefix(path, "shipped/"), ".csv"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	names := ShippedNames()
	slices.Sort(names)
	slices.Sort(files)
	if !slices.Equal(names, files) {
		t.Errorf("named %q, there are %q", names, files)
	}
	page, err := os.ReadFile("shipped/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if !strings.Contains(string(page), "`"+n+"`") {
			t.Errorf("shipped/README.md does not say where %s is from", n)
		}
	}
}

// Every shipped list passes what a list of a user must, and more: each line has
// labels in three languages, a source and a status.
func TestShipped(t *testing.T) {
	for _, s := range AllShipped() {
		t.Run(s.Name, func(t *testing.T) {
			l, ok, err := ReadShipped(s.Name)
			if !ok || err != nil {
				t.Fatal(ok, err)
			}
			for _, u := range []Unknowns{{}, {All: true}} {
				if _, err := l.Domain("d", u); err != nil {
					t.Error(err)
				}
			}
			if got := l.Languages(); !slices.Equal(got, []string{"en", "es", "fr"}) {
				t.Errorf("languages %v", got)
			}
			for _, e := range l.Entries[1:] {
				if len(e.Label) != 3 || e.Source == "" || e.Status != "standard" && e.Status != "ours" {
					t.Errorf("%s: %+v", e.Code, e)
				}
				if e.Code == privacy.Unknown || Fold(e.Code) == "_u" || e.Level == rootLevel {
					t.Errorf("%s: not said is _U, which no list needs", e.Code)
				}
			}
			for _, r := range l.Remarks() {
				if r != `column "m49" is not looked at` {
					t.Error(r)
				}
			}
			if l.derived {
				t.Error("it names no levels")
			}
		})
	}
	if _, ok, _ := ReadShipped("shipped/iso/countries"); ok {
		t.Error("a path is no name")
	}
}

// Levels as configurations name them.
func TestShippedLevels(t *testing.T) {
	for name, want := range map[string]string{
		"iso/countries": "all region subregion country", "halftone/sex": "all sex", "halftone/under18": "all broad", "ctdc/age": "all broad band",
		"htcds/exploitation": "all form", "halftone/displacement": "all status", "ctdc/recruiter": "all group relation",
	} {
		l, _, err := ReadShipped(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(l.Levels, " "); got != want {
			t.Errorf("%s: levels %s, want %s", name, got, want)
		}
	}
}

// What labels in three languages stand for, and what must stand for nothing,
// because two countries or a country and a region have that name.
func TestShippedCountries(t *testing.T) {
	l, _, err := ReadShipped("iso/countries")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"TCD": "TCD", "td": "TCD", "Tchad": "TCD", "Chad": "TCD", "Afrique": "AFR", "América Central": "AME-CENTRAL", "Eastern Africa": "AFR-EAST",
		"Côte d'Ivoire": "CIV", "Côte d’Ivoire": "CIV", "Ivory Coast": "CIV", "Viet Nam": "VNM", "Vietnam": "VNM", "Congo": "COG", "RDC": "COD",
		"Democratic Republic of the Congo": "COD", "Iran, Islamic Republic of": "IRN", "Türkiye": "TUR", "Turkey": "TUR", "Níger": "NER", "NIGERIA": "NGA",
		"Kosovo": "XKX", "Taiwan": "TWN", "Guinée": "GIN", "Guinea Ecuatorial": "GNQ", "Estados Unidos": "USA", "UK": "GBR",
		"Micronesia": "", "Korea": "", "Saint Martin": "", "Virgin Islands": "", "CAR": "", "RU": "RUS", "America": "", "004": "", "4": "", "": "", "N/A": "", "ATA": "",
	} {
		if got, _ := l.Resolve(Fold(text)); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	for code, want := range map[string]string{"TCD": "TCD AFR-MIDDLE AFR _T", "MEX": "MEX AME-CENTRAL AME _T", "CYP": "CYP ASI-WEST ASI _T"} {
		if got := strings.Join(l.Path(code), " "); got != want {
			t.Errorf("%s lies in %s, want %s", code, got, want)
		}
	}
	count := map[string]int{}
	for _, e := range l.Entries {
		count[e.Level]++
	}
	// M49 has 248 countries and areas with Antarctica, which is left out; ISO 3166-1
	// has Taiwan besides, and Kosovo is of neither.
	if want := map[string]int{"all": 1, "region": 5, "subregion": 22, "country": 249}; !maps.Equal(count, want) {
		t.Errorf("%v, want %v", count, want)
	}
}

// No text of two or three letters that is not a code itself stands for a country
// whose code it is not: RU is the Russian Federation, not the Reino Unido.
func TestShippedShortTexts(t *testing.T) {
	text, _ := ShippedCSV("iso/countries")
	rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]string{"DRC": "COD", "RDC": "COD", "UAE": "ARE", "UK": "GBR", "oPt": "PSE"}
	for _, r := range rows[1:] {
		for i, s := range strings.Split(r[6], "|") {
			alpha2 := i == 0 && r[2] == "country"
			if s != "" && len(s) <= 3 && !alpha2 && allowed[s] != r[0] {
				t.Errorf("%s: %s", r[0], s)
			}
			if alpha2 && (len(s) != 2 || s != strings.ToUpper(s)) {
				t.Errorf("%s: the first synonym is not its alpha-2 code, but %q", r[0], s)
			}
		}
	}
}
