package main

import (
	"flag"
	"os"
	"testing"

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
