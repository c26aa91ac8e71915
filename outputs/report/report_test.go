package report_test

import (
	"os"
	"testing"

	"halftone/outputs/claims/claimstest"
	"halftone/outputs/report"
)

func TestShow(t *testing.T) {
	b, err := report.Write(claimstest.USOffences(t))
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile("/tmp/shots/report.html", b, 0o644)
	t.Log(len(b))
}
