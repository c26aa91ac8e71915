package main

import (
	"flag"
	"os"
	"strings"
	"testing"

	"halftone/pipeline/codelist"
	"halftone/pipeline/config"
)

var update = flag.Bool("update", false, "write the generated pages")

// docs/configuration.md is made from the declaration that halftone.yaml is
// checked by, so that it cannot say something else.
func TestConfigurationPage(t *testing.T) {
	const page = "../../docs/configuration.md"
	want := config.Reference((&app{}).kindNames()...)
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/configuration.md is not what the code says: go test ./cmd/halftone -run ConfigurationPage -update")
	}
}

// docs/sources.md names every code list that comes with the program.
func TestShippedListsPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/sources.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range codelist.ShippedNames() {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/sources.md does not name %s", name)
		}
	}
}
