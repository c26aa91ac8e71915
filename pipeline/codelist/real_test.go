package codelist

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLists reads every list that lies beside the checkout.
func TestLists(t *testing.T) {
	var files []string
	for _, pattern := range []string{"mapping/*/codes/*.csv", "codes/*.csv"} {
		found, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		t.Skip("no code lists beside the checkout (../shared)")
	}
	for _, file := range files {
		if strings.Contains(file, "crosswalk") { // a table between two lists, no list
			continue
		}
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		l, err := Read(file, f)
		f.Close()
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := l.Domain("d", Unknowns{All: true}); err != nil {
			t.Error(err)
		}
	}
}
