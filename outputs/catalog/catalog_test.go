package catalog_test

import (
	"os"
	"testing"

	"halftone/outputs"
	"halftone/outputs/catalog"
	"halftone/outputs/claims/claimstest"
)

func TestShow(t *testing.T) {
	v := claimstest.USOffences(t)
	w := claimstest.USOffences(t)
	w.About.Dataset, w.About.Title = "another", outputs.Text{"en": "Another dataset with a <b>title</b>"}
	b, err := catalog.Index([]outputs.Version{v, w})
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile("/tmp/shots/catalog.html", b, 0o644)
}
