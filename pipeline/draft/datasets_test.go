package draft_test

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"halftone/connectors"
	"halftone/connectors/format"
	"halftone/pipeline/config"
	"halftone/pipeline/draft"
)

const shared = "../../../shared/"

// TestDatasets drafts the file of every dataset that shows the mapping language,
// and compares what its `read` makes of the file with what the dataset's own does:
// the same rows of the same texts, in all columns that the dataset maps.
func TestDatasets(t *testing.T) {
	dirs, err := filepath.Glob(shared + "mapping/*/halftone.yaml")
	if err != nil || len(dirs) == 0 {
		t.Skipf("the real inputs are not beside the checkout (%smapping)", shared)
	}
	done := map[string]bool{} // four datasets read one large file, and in one way
	for _, file := range dirs {
		dir := filepath.Dir(file)
		name := filepath.Base(dir)
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			to := t.TempDir()
			if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(to, "halftone.yaml"), []byte(strings.Replace(string(text), "    guarantee: none\n", "", 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			d, _, err := config.Load(to, "halftone.yaml", []string{"file"})
			if err != nil {
				t.Fatal(err)
			}
			s := d.Sources[0]
			paths, err := filepath.Glob(shared + "data/" + regexp.MustCompile(`path: ([^,}]+)`).FindStringSubmatch(string(text))[1])
			if err != nil || len(paths) == 0 {
				t.Fatalf("no file: %v", err)
			}
			if !small(paths[0]) {
				t.Skip("a large file: -draft.large reads it")
			}
			got, err := drafted(t.Context(), paths[0])
			if err != nil {
				t.Fatal(err)
			}
			if way := fmt.Sprintf("%s %+v", paths[0], s.Layout); !done[way] || s.Mapping.Reshape.Unpivot != nil {
				done[way] = true
				if problem := differs(t, paths[0], s, got); problem != "" {
					t.Error(problem)
				}
			}
			if s.Mapping.Reshape.Unpivot == nil {
				return
			}
			if out := missing(t, paths[0], s, got); len(out) > 0 {
				t.Errorf("unpivot leaves out %q", out)
			}
		})
	}
	if len(dirs) != 44 {
		t.Errorf("%d datasets", len(dirs))
	}
}

var large = flag.Bool("draft.large", false, "draft large files, too")

// small reports whether a file is one that every run of the tests reads.
func small(path string) bool {
	st, err := os.Stat(path)
	return err == nil && (*large || st.Size() < 256<<10)
}

var drafts = map[string]draft.Draft{}

// drafted drafts a file once for all tests.
func drafted(ctx context.Context, path string) (draft.Draft, error) {
	if d, ok := drafts[path]; ok {
		return d, nil
	}
	d, err := draft.Of(ctx, path, path)
	if err == nil {
		drafts[path] = d
	}
	return d, err
}

func input(t *testing.T, path string, l connectors.Layout) format.Input {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return format.Input{Name: filepath.Base(path), Layout: l, Limits: connectors.DefaultLimits(), Alloc: memory.DefaultAllocator, Open: func() (io.Reader, error) {
		_, err := f.Seek(0, io.SeekStart)
		return f, err
	}}
}

// missing gives the columns that the dataset's unpivot takes and the draft's does not propose.
func missing(t *testing.T, path string, s config.Source, got draft.Draft) (out []string) {
	t.Helper()
	u := s.Mapping.Reshape.Unpivot
	labels := u.Labels
	if len(labels) == 0 {
		names, err := format.Names(t.Context(), input(t, path, s.Layout))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			if s.Match.MatchString(n) && regexp.MustCompile(`\A(?:`+u.Match+`)\z`).MatchString(n) {
				labels = append(labels, n)
			}
		}
	}
	for _, l := range labels {
		if !slices.Contains(got.Unpivot, l) {
			out = append(out, l)
		}
	}
	return out
}

// differs reads the file both ways.
func differs(t *testing.T, path string, s config.Source, got draft.Draft) string {
	t.Helper()
	columns := slices.Clone(s.Columns)
	key := regexp.MustCompile(`\{(\w+)\}`) // the column that keys become has a name of anyone's choice
	own, ours := key.FindString(s.Layout.Rows), key.FindString(got.Layout.Rows)
	if own != "" && ours != "" {
		got.Layout.Rows = strings.Replace(got.Layout.Rows, ours, own, 1)
	}
	if u := s.Mapping.Reshape.Unpivot; u != nil {
		columns = append(columns, u.Labels...)
		slices.Sort(columns)
		columns = slices.Compact(columns)
	}
	columns = slices.DeleteFunc(columns, func(c string) bool { return c == "" || c[0] == '@' })
	if reflect.DeepEqual(s.Layout, got.Layout) && len(s.Mapping.Reshape.FillDown) == 0 {
		return ""
	}
	want, err := content(t, path, s.Layout, columns, s.Match)
	if err != nil {
		t.Fatal(err)
	}
	have, err := content(t, path, got.Layout, columns, s.Match)
	switch {
	case err != nil:
		return err.Error()
	case have != want:
		return "other rows or texts"
	}
	for _, c := range s.Mapping.Reshape.FillDown {
		if !strings.Contains(got.Text, "fill_down: ["+c+"]") {
			return "fill_down is not proposed"
		}
	}
	return ""
}

// content is a digest of all texts of some columns.
func content(t *testing.T, path string, l connectors.Layout, columns []string, match *regexp.Regexp) (string, error) {
	t.Helper()
	in := input(t, path, l)
	in.Columns = columns
	if match != nil {
		in.Match = regexp.MustCompile(`\A(?:` + match.String() + `)\z`)
	}
	h := sha256.New()
	for p, err := range format.Pages(t.Context(), in) {
		if err != nil {
			return "", err
		}
		for r := range int(p.Records.NumRows()) {
			for c := range int(p.Records.NumCols()) {
				fmt.Fprintf(h, "%q ", p.Records.Column(c).(*array.String).Value(r))
			}
		}
		p.Records.Release()
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}
