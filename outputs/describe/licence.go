package describe

import (
	"encoding/json"
	"fmt"
	"strings"

	"halftone/outputs"
	"halftone/outputs/dataset"
)

// A terms is what a licence identifier stands for.
type terms struct {
	Title   string
	Path    string // URL of the text
	Package string // an Open Definition or SPDX identifier; empty where there is none
	SPDX    bool   // on the SPDX list, which Citation File Format takes
}

// usPublicDomain is the identifier of works of the US government. It is on no list.
const usPublicDomain = "US-PD"

var known = map[string]string{
	"CC0-1.0":          "Creative Commons Zero 1.0 Universal|https://creativecommons.org/publicdomain/zero/1.0/",
	"CC-BY-4.0":        "Creative Commons Attribution 4.0 International|https://creativecommons.org/licenses/by/4.0/",
	"CC-BY-SA-4.0":     "Creative Commons Attribution Share Alike 4.0 International|https://creativecommons.org/licenses/by-sa/4.0/",
	"CC-BY-NC-4.0":     "Creative Commons Attribution Non Commercial 4.0 International|https://creativecommons.org/licenses/by-nc/4.0/",
	"CC-BY-NC-SA-4.0":  "Creative Commons Attribution Non Commercial Share Alike 4.0 International|https://creativecommons.org/licenses/by-nc-sa/4.0/",
	"CC-BY-3.0-IGO":    "Creative Commons Attribution 3.0 IGO|https://creativecommons.org/licenses/by/3.0/igo/",
	"CC-BY-NC-3.0-IGO": "Creative Commons Attribution Non Commercial 3.0 IGO|https://creativecommons.org/licenses/by-nc/3.0/igo/",
	"ODbL-1.0":         "Open Data Commons Open Database License 1.0|https://opendatacommons.org/licenses/odbl/1-0/",
	"ODC-By-1.0":       "Open Data Commons Attribution License 1.0|https://opendatacommons.org/licenses/by/1-0/",
	"PDDL-1.0":         "Open Data Commons Public Domain Dedication and License 1.0|https://opendatacommons.org/licenses/pddl/1-0/",
	"OGL-UK-3.0":       "Open Government Licence v3.0|https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/",
}

func licenceOf(id string) terms {
	if id == usPublicDomain {
		return terms{"Public domain in the United States: a work of its government (17 U.S.C. § 105)", "https://www.usa.gov/government-copyright", "", false}
	}
	if s, ok := known[id]; ok {
		title, url, _ := strings.Cut(s, "|")
		return terms{title, url, id, true}
	}
	return terms{id, "https://spdx.org/licenses/" + id + ".html", id, true}
}

// Licence writes LICENSE.txt: what the licence is and where its text stands.
func Licence(v outputs.Version) ([]byte, error) {
	a, lang := v.About, dataset.Languages(v.About)[0]
	t := licenceOf(a.Licence)
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nversion %s, published by %s\n\n", a.Title.In(lang), v.Name, a.Publisher.Name)
	if a.Licence == usPublicDomain {
		fmt.Fprintf(&b, "US-PD: %s.\n\nThe counts come from works of the United States government, which have no copyright there\n"+
			"(17 U.S.C. § 105). In other countries their status can differ. The publisher claims no\n"+
			"right in the noise that was added. Please name the source and this version.\n\n%s\n", t.Title, t.Path)
	} else {
		fmt.Fprintf(&b, "These data are under %s (SPDX identifier: %s).\n\nThe text of the licence: %s\n", t.Title, a.Licence, t.Path)
	}
	for i, s := range a.Sources {
		if i == 0 {
			b.WriteString("\nSources:\n")
		}
		fmt.Fprintf(&b, "- %s\n", s.Agency)
	}
	return []byte(b.String()), nil
}

// Citation writes CITATION.cff (Citation File Format 1.2.0). Every text is a
// JSON string, which is a YAML string too.
func Citation(v outputs.Version) ([]byte, error) {
	a, lang := v.About, dataset.Languages(v.About)[0]
	t := licenceOf(a.Licence)
	var b strings.Builder
	b.WriteString("cff-version: 1.2.0\ntype: dataset\n")
	line := func(indent, key, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%s%s: %s\n", indent, key, quoted(text))
		}
	}
	line("", "message", "If you use these data, please cite them with their version.")
	line("", "title", a.Title.In(lang))
	line("", "abstract", a.Summary.In(lang))
	b.WriteString("authors:\n")
	line("  - ", "name", a.Publisher.Name)
	line("    ", "email", email(a.Publisher.Contact))
	line("    ", "website", web(a.Publisher.URL))
	line("", "version", v.Name)
	line("", "date-released", v.Composed.UTC().Format("2006-01-02"))
	if t.SPDX {
		line("", "license", a.Licence)
	}
	line("", "license-url", t.Path)
	line("", "url", web(versionURL(v)))
	return []byte(b.String()), nil
}

func web(url string) string {
	if strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://") {
		return url
	}
	return ""
}

// versionURL is where v stands, if the public folder's address is known.
func versionURL(v outputs.Version) string {
	if v.About.BaseURL == "" {
		return ""
	}
	return strings.TrimSuffix(v.About.BaseURL, "/") + "/datasets/" + v.About.Dataset + "/versions/" + v.Name + "/"
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil { // a string always encodes
		return `""`
	}
	return string(b)
}
