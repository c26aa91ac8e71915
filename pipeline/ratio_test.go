package pipeline

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRatioLooksAtEarlierPulls: a source that sends one month a file is compared
// with the month before, which an earlier pull brought.
func TestRatioLooksAtEarlierPulls(t *testing.T) {
	yaml := strings.Replace(base, "    key: row\n", "    key: row\n    delivers: append\n    bounds: {ratio: 2}\n", 1)
	l, _ := made(t, yaml, map[string]string{"data1.csv": "month,place,cases\n2026-01,N,1\n2026-01,N,3\n2026-01,S,90\n"})
	if _, err := l.Pull(t.Context(), PullOptions{}); err != nil {
		t.Fatal(err)
	}
	send := func(n string) error {
		if err := os.WriteFile(filepath.Join(l.Data, "data2.csv"), []byte("month,place,cases\n2026-02,N,"+n+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := l.Pull(t.Context(), PullOptions{})
		return err
	}
	var stop *SourceStopped
	if err := send("9"); !errors.As(err, &stop) || !strings.Contains(err.Error(), "bounds.ratio") || !strings.Contains(err.Error(), "data2.csv row 2") {
		t.Errorf("got %v", err)
	}
	if err := send("8"); err != nil {
		t.Error(err)
	}
}
