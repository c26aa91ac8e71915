package pipeline

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Labels are read without anything being kept, and what is wrong with a source or
// a name is said as a pull says it.
func TestUnknownLabels(t *testing.T) {
	l, _ := made(t, base, map[string]string{"data.csv": "month,place,cases\n2026-01,N,50\n2026-02,Mars,60\n2026-02,MARS,1.5\n"})
	labels, more, err := l.UnknownLabels(t.Context(), "feed")
	if err != nil || len(labels) != 1 || labels[0].Label != "Mars" || labels[0].Rows != 2 || labels[0].Column != "place" || more != nil {
		t.Errorf("%v %v %v", labels, more, err)
	}
	if _, err := os.Stat(l.State); !os.IsNotExist(err) {
		t.Error("something was kept")
	}
	if _, _, err := l.UnknownLabels(t.Context(), "none"); !errors.Is(err, ErrUsage) {
		t.Errorf("no source: %v", err)
	}
	if err := os.WriteFile(filepath.Join(l.Data, "data.csv"), []byte("month,town,cases\n2026-01,N,50\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stop *SourceStopped
	if _, _, err := l.UnknownLabels(t.Context(), "feed"); !errors.As(err, &stop) {
		t.Errorf("a column that is not there: %v", err)
	}
}

// Suggestions hold agency text: others cannot read them, each dataset of an
// instance has its own, and they go when nobody has touched them for 30 days.
func TestSuggestionsGo(t *testing.T) {
	first, second, clock := pair(t, "")
	var files []string
	for _, l := range []Line{first, second} {
		dir, err := l.MapsFolder()
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("others can look into %s: %v %v", dir, info.Mode(), err)
		}
		file := filepath.Join(dir, "feed-place.suggested.csv")
		if err := os.WriteFile(file, []byte("label\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, time.Time{}, clock.Now()); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	if files[0] == files[1] {
		t.Fatal("two datasets have one file")
	}
	there := func(i int) bool { _, err := os.Stat(files[i]); return err == nil }
	for _, step := range []struct {
		at         string
		dry, after bool
	}{{"2026-04-14 12:00", false, true}, {"2026-04-14 12:01", true, true}, {"2026-04-14 12:01", false, false}, {"2026-04-15 12:01", false, false}} {
		clock.set(t, step.at)
		if _, err := first.Retention(t.Context(), step.dry); err != nil {
			t.Fatal(err)
		}
		if there(0) != step.after || !there(1) {
			t.Errorf("%s, dry %v: the file is there: %v, that of the other dataset: %v", step.at, step.dry, there(0), there(1))
		}
	}
}
