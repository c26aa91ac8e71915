package compose_test

import (
	"encoding/json"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"

	"halftone/outputs/claims"
	"halftone/outputs/compose"
)

var tag = regexp.MustCompile(`<[^>]*>`)

// What the report says of a change is what claims.json says, word for word, and the
// claims are all that were compared.
func TestReportSaysTheClaims(t *testing.T) {
	v := sample(t)
	files, err := compose.Version(v)
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Headline map[string]string
		Claims   []struct {
			Table    string
			Codes    map[string]string
			Verdict  string
			Reason   string
			Figures  map[string]json.Number
			Sentence map[string]string
		}
	}
	if err := json.Unmarshal(files[claims.File], &f); err != nil {
		t.Fatal(err)
	}
	tables, err := v.Tables()
	if err != nil {
		t.Fatal(err)
	}
	all, err := claims.Recorded(v, tables)
	if err != nil || len(all) != len(f.Claims) || len(all) == 0 {
		t.Fatalf("%d comparisons, %d in the file, %v", len(all), len(f.Claims), err)
	}
	page := html.UnescapeString(tag.ReplaceAllString(string(files[compose.ReportFile]), ""))
	if !strings.Contains(page, f.Headline["en"]) {
		t.Errorf("the report has another headline than %q", f.Headline["en"])
	}
	detected := []string{string(claims.More), string(claims.Fewer), string(claims.AboutAsMany)}
	said := 0
	for i, c := range f.Claims {
		if strings.Contains(page, c.Sentence["en"]) {
			said++
		} else if slices.Contains(detected, c.Verdict) {
			t.Errorf("the report does not say: %s", c.Sentence["en"])
		}
		if (c.Figures == nil) != (c.Verdict == string(claims.CannotSay)) || c.Verdict != string(all[i].Verdict) || len(c.Codes) != len(all[i].Codes) {
			t.Errorf("claim %d: %+v", i, c)
		}
	}
	if said == 0 {
		t.Error("no sentence of claims.json is in the report")
	}
}
