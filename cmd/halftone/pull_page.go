package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"halftone/outputs/report/page"
	"halftone/pipeline"
	"halftone/pipeline/config"
)

//go:embed pull_page.html
var pullPageText string

var pullPageTemplate = template.Must(template.New("pull").Funcs(template.FuncMap{"css": page.CSS, "n": group[int], "big": group[int64], "join": strings.Join}).Parse(pullPageText))

// A reportPage collects the source reports of one pull, of all datasets, into one
// page. Nil writes nothing.
type reportPage struct {
	file string
	sets []reportSet
}

// A reportSet is what the page shows of a dataset.
type reportSet struct {
	Name, Title string
	Sources     []reportSource
}

// A reportSource is what the page shows of a source.
type reportSource struct {
	ID, Name, Agency    string
	Delivers, Limit     string
	State, Stopped      string
	Read, Mapped, Blank string
	Checks              bool
	Outcomes            []outcomeRow
	HasBefore           bool
	Notes               []string
	DiffHead            string
	Changes             []reportChange
	Vocabulary          []string
	Periods             []reportPeriod
	CheckHead           string
	Check               *pipeline.Comparison
}

type reportChange struct{ Period, Change, Words string }

type reportPeriod struct{ Period, Rows string }

func newReportPage(file string) *reportPage {
	if file == "" {
		return nil
	}
	return &reportPage{file: file}
}

// check refuses, before anything is pulled, a place where the page may not be written.
func (p *reportPage) check(l pipeline.Line) error {
	if p == nil {
		return nil
	}
	if err := l.Private(p.file); err != nil {
		return usage("--report: %w", err)
	}
	old, err := os.ReadFile(p.file)
	switch {
	case err == nil && !bytes.HasPrefix(old, []byte("<!doctype html>")):
		return usage("--report %s: the file is there and is not a page", p.file)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return usage("--report: %w", err)
	}
	return nil
}

// add takes what a pull of a dataset brought; stop is why it stopped, or nil.
func (p *reportPage) add(l pipeline.Line, res []pipeline.SourceResult, dry bool, stop *pipeline.SourceStopped) {
	if p == nil {
		return
	}
	set := reportSet{Name: l.Dataset.Name, Title: l.Dataset.About.Title.In("en")}
	for _, r := range res {
		s := newReportSource(l, r, dry)
		if stop != nil && stop.Source == r.Name {
			s.State, s.Stopped = "stopped", stop.Error()
		}
		set.Sources = append(set.Sources, s)
	}
	p.sets = append(p.sets, set)
}

func newReportSource(l pipeline.Line, r pipeline.SourceResult, dry bool) reportSource {
	i := slices.IndexFunc(l.Dataset.Sources, func(s config.Source) bool { return s.Name == r.Name })
	src := l.Dataset.Sources[i]
	s := reportSource{ID: l.Dataset.Name + "-" + r.Name, Name: r.Name, Agency: src.Agency, Delivers: src.Delivers, Limit: percent(src.Mapping.Quarantine),
		State: pullState(r, dry), Read: group(r.Report.Read), Mapped: group(mapped(r.Report)), Blank: group(r.Report.Blank), Checks: src.Check,
		Outcomes: outcomeRows(r), HasBefore: r.Diff != nil && r.Diff.Before != nil && r.Same == "", Notes: pullNotes(l, r), Check: r.Check}
	if r.Missing != nil {
		s.Stopped = r.Missing.Error()
	}
	if r.Diff != nil {
		s.DiffHead = capital(diffHead(r))
		for _, c := range r.Diff.Periods {
			s.Changes = append(s.Changes, reportChange{c.Period, c.Change, periodWords(c)})
		}
		s.Vocabulary = vocabularyWords(r.Diff.Vocabulary)
	}
	for _, period := range slices.Sorted(maps.Keys(r.Report.Periods)) {
		s.Periods = append(s.Periods, reportPeriod{period, group(r.Report.Periods[period])})
	}
	if r.Check != nil {
		s.CheckHead = capital(strings.TrimSuffix(comparisonHead(r.Check), ":"))
	}
	return s
}

// pullState says in words what became of a pull.
func pullState(r pipeline.SourceResult, dry bool) string {
	switch {
	case r.Missing != nil:
		return "not complete"
	case r.Same != "":
		return "complete, nothing new"
	case dry:
		return "complete; nothing was kept (--dry-run)"
	case r.Batch == "" && len(r.Over) > 0:
		return "complete, nothing to keep"
	case r.Batch == "":
		return "not taken"
	}
	return "complete"
}

// pullNotes are what else the officer should know.
func pullNotes(l pipeline.Line, r pipeline.SourceResult) (out []string) {
	if len(r.Over) > 0 {
		out = append(out, "rows of "+span(r.Over)+" were not kept: keep_rows is over")
	}
	if t := r.Report.Totals; t != nil {
		out = append(out, totalsWords(t))
		if len(t.Places) > 0 {
			out = append(out, "the first that differs: "+t.Places[0].String())
		}
	}
	out = append(out, excessWords(l, r.Name, r.Excess)...)
	if n := corrections(l, r.Name); n > 0 {
		out = append(out, plural(n, "correction", "corrections")+" by hand in use")
	}
	for _, dim := range slices.Sorted(maps.Keys(r.Report.Unknown)) {
		if n := r.Report.Unknown[dim]; n > 0 {
			out = append(out, fmt.Sprintf("%s: %s with a label that only `unknown` took", dim, plural(int(n), "row", "rows")))
		}
	}
	for _, u := range r.Report.Unused {
		out = append(out, "no row has "+u)
	}
	if r.Known > 0 {
		out = append(out, plural(r.Known, "file or page", "files or pages")+" taken before added nothing")
	}
	return out
}

// write makes the page, which nobody but its owner can read.
func (p *reportPage) write(now time.Time) error {
	if p == nil || len(p.sets) == 0 {
		return nil
	}
	var b bytes.Buffer
	view := struct {
		Made string
		Sets []reportSet
	}{stamp(now), p.sets}
	if err := pullPageTemplate.Execute(&b, view); err != nil {
		return fmt.Errorf("source report: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(p.file), ".new-*") // 0600, whatever the mode of a page that was there
	if err != nil {
		return usage("--report: %w", err)
	}
	_, err = f.Write(b.Bytes())
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), p.file)
	}
	if err != nil {
		return usage("--report: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
