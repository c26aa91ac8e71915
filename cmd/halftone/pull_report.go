package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"halftone/pipeline"
	"halftone/pipeline/normalize"
	"halftone/pipeline/staging"
)

// sortedReasons are reasons of quarantine, the most rows first.
func sortedReasons(rows map[string]int64) []string {
	return slices.SortedFunc(maps.Keys(rows), func(a, b string) int {
		return cmp.Or(cmp.Compare(rows[b], rows[a]), cmp.Compare(a, b))
	})
}

// printDiff says what changed since the pull before.
func (a *app) printDiff(r pipeline.SourceResult) {
	if r.Diff == nil {
		return
	}
	a.print("  %s\n", diffHead(r))
	g := grid{left: map[int]bool{1: true, 2: true}}
	for _, c := range r.Diff.Periods {
		g.add("    "+c.Period, c.Change, periodWords(c))
	}
	g.write(a.out)
	for _, line := range vocabularyWords(r.Diff.Vocabulary) {
		a.print("    %s\n", line)
	}
}

// diffHead names the two pulls that are compared.
func diffHead(r pipeline.SourceResult) string {
	d, same := r.Diff, "no period changed"
	if len(d.Periods) > 0 {
		same = plural(len(d.Periods), "period", "periods") + " changed"
	}
	if r.Same != "" {
		return fmt.Sprintf("nothing new; the pull of %s against that of %s: %s", stamp(d.At), stamp(d.Since), same)
	}
	return fmt.Sprintf("since the pull of %s: %s", stamp(d.Since), same)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") + " UTC" }

// periodWords say how a period changed.
func periodWords(c staging.PeriodChange) string {
	switch c.Change {
	case staging.PeriodNew:
		return plural(int(c.Now), "row", "rows")
	case staging.PeriodVanished:
		return "had " + plural(int(c.Before), "row", "rows")
	}
	parts := []string{plural(int(c.Now), "row", "rows") + " (" + group(c.Before) + " before)", plural(c.Cells, "cell", "cells") + " with another figure"}
	if c.Shown > 0 {
		parts = append(parts, group(c.Shown)+" no longer suppressed")
	}
	if c.Suppressed > 0 {
		parts = append(parts, group(c.Suppressed)+" suppressed now")
	}
	return strings.Join(parts, ", ")
}

// vocabularyWords say what came and went of codes, units and texts.
func vocabularyWords(v *staging.Vocabulary) (out []string) {
	if v == nil {
		return nil
	}
	add := func(came, went string, c staging.Change) {
		if len(c.New) > 0 {
			out = append(out, came+" "+few(c.New))
		}
		if len(c.Gone) > 0 {
			out = append(out, went+" "+few(c.Gone))
		}
	}
	for _, dim := range slices.Sorted(maps.Keys(v.Codes)) {
		add(dim+": codes that were not there before:", dim+": codes that are gone:", v.Codes[dim])
	}
	add("units that were not there before:", "units that are gone:", v.Units)
	add("the mapping's texts that rows have now:", "the mapping's texts that no row has any more:", v.Texts)
	return out
}

// few lists the first of many.
func few(words []string) string {
	const most = 12
	if len(words) <= most {
		return strings.Join(words, ", ")
	}
	return fmt.Sprintf("%s and %s more", strings.Join(words[:most], ", "), group(len(words)-most))
}

// mostCells are shown of a period on a terminal.
const mostCells = 5

// printComparison says how a source that only checks goes with the others.
func (a *app) printComparison(c *pipeline.Comparison) {
	if c == nil {
		return
	}
	a.print("  %s\n", comparisonHead(c))
	if len(c.Periods) > 0 {
		g := grid{}
		g.add("    PERIOD", "HERE", "OTHERS", "EQUAL", "DIFFER", "SUPPRESSED", "ONLY HERE", "ONLY OTHERS")
		for _, p := range c.Periods {
			g.add("    "+p.Period, group(p.Here), group(p.Others), group(p.Equal), group(p.Differ), group(p.Suppressed), group(p.OnlyHere), group(p.OnlyOthers))
		}
		g.write(a.out)
	}
	for _, p := range c.Periods {
		if len(p.Cells) == 0 || len(c.By) == 0 {
			continue
		}
		shown := p.Cells[:min(mostCells, len(p.Cells))]
		a.print("    %s, the largest differences:\n", p.Period)
		g := grid{}
		for _, cell := range shown {
			g.add("      "+strings.Join(cell.Codes, " "), group(cell.Here)+" here", group(cell.Others)+" others")
		}
		g.write(a.out)
	}
	if len(c.Gone) > 0 {
		a.print("    not compared, because rows were destroyed (keep_rows): %s\n", few(c.Gone))
	}
}

func comparisonHead(c *pipeline.Comparison) string {
	by := "in total"
	if len(c.By) > 0 {
		by = "by " + strings.Join(c.By, ", ")
	}
	s := fmt.Sprintf("it counts nothing; compared with %s %s, cell by cell:", strings.Join(c.With, ", "), by)
	if len(c.Periods) == 0 {
		s += " it has no rows"
	}
	return s
}

// An outcomeRow is one outcome of a pull and of the one before.
type outcomeRow struct {
	Words, Now, Before string
	Reasons            []outcomeRow
}

// outcomeRows are all outcomes that either pull has, with their reasons.
func outcomeRows(r pipeline.SourceResult) (rows []outcomeRow) {
	var before map[normalize.Outcome]int64
	if r.Diff != nil && r.Same == "" {
		before = r.Diff.Before
	}
	for _, o := range outcomes {
		now, was := r.Report.Outcomes[o.o], before[o.o]
		if now == 0 && was == 0 {
			continue
		}
		row := outcomeRow{Words: o.words, Now: group(now), Before: "–"}
		if before != nil {
			row.Before = group(was)
		}
		if o.o == normalize.Quarantined {
			for _, reason := range sortedReasons(r.Report.Reasons) {
				row.Reasons = append(row.Reasons, outcomeRow{Words: reason, Now: group(r.Report.Reasons[reason]), Before: ""})
			}
		}
		rows = append(rows, row)
	}
	return rows
}
