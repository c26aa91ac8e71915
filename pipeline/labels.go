package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"halftone/pipeline/config"
	"halftone/pipeline/normalize"
)

// UnknownLabels reads a source and gives the labels for which its mapping has no
// code, as [normalize.Normalizer.UnknownLabels] does. It keeps nothing: no row is
// staged. What else is wrong with the rows does not stop it. The labels are
// agency text, for the officer's terminal alone.
func (l Line) UnknownLabels(ctx context.Context, source string) (labels []normalize.UnknownLabel, more []string, err error) {
	i := slices.IndexFunc(l.Dataset.Sources, func(s config.Source) bool { return s.Name == source })
	if i < 0 {
		return nil, nil, usage("there is no source %q in halftone.yaml", source)
	}
	s := l.Dataset.Sources[i]
	src, err := l.open(ctx, s)
	if err != nil {
		return nil, nil, fmt.Errorf("source %s: %w", s.Name, err)
	}
	m := s.Mapping
	m.Bounds.Ratio = 0 // no values are compared here
	n := normalize.New(m, l.Dataset.Calendar.Holds, l.Dataset.Spec.Every, l.Dataset.Calendar.Bands)
	n.WatchUnknown()
	nowhere := func(normalize.Observations) error { return nil }
	l.say(Event{Step: "pull", Source: s.Name, Total: 1})
	for page, err := range src.Read(ctx, "") {
		if err == nil {
			err = n.Page(page, nowhere)
			page.Records.Release()
		}
		if err != nil {
			return nil, nil, stopped(SourceResult{Name: s.Name}, err)
		}
	}
	labels, more = n.UnknownLabels()
	return labels, more, nil
}

// MapsFolder makes and names the folder of suggestions, in the state folder: what
// is in it is agency text. Each dataset of an instance has its own.
func (l Line) MapsFolder() (string, error) {
	if err := makeState(l.State); err != nil {
		return "", fmt.Errorf("state folder: %w", err)
	}
	if err := CheckState(l.State, l.Public); err != nil {
		return "", err
	}
	dir := l.maps()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("state folder: %w", err)
	}
	return dir, nil
}

func (l Line) maps() string {
	if len(l.Others) > 0 {
		return filepath.Join(l.State, "maps", l.Dataset.Name)
	}
	return filepath.Join(l.State, "maps")
}

// suggestionDays is how long suggestions lie that nobody has touched: they hold
// labels of rows, and how many rows have them.
const suggestionDays = 30

// forgetSuggestions removes suggestions, and what a crash has left of them, that
// were written so long ago.
func (l Line) forgetSuggestions() error {
	entries, err := os.ReadDir(l.maps())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		info, ierr := e.Info()
		if ierr != nil || !info.Mode().IsRegular() || !info.ModTime().AddDate(0, 0, suggestionDays).Before(l.Clock.Now()) {
			continue
		}
		err = errors.Join(err, os.Remove(filepath.Join(l.maps(), e.Name())))
	}
	if err != nil {
		return fmt.Errorf("suggestions: %w", err)
	}
	return nil
}
