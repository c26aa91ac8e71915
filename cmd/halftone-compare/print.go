package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

var mechanisms = []string{planner, laplace, gaussian, fitted}

// A line is one line of what is printed and written.
type line struct {
	scope, table string
	cells        int
	of           func(squares []float64) float64 // RMSE
}

// lines are those of the tables, then the two sums.
func (o outcome) lines() []line {
	var out []line
	all := 0
	for i, t := range o.tables {
		out = append(out, line{"table", t.Name, o.cells[i], func(sq []float64) float64 { return math.Sqrt(sq[i]) }})
		all += o.cells[i]
	}
	return append(out, line{"cells", "", all, o.overCells}, line{"tables", "", all, o.overTables})
}

// best is the mechanism with the least exact error in a line.
func (o outcome) best(l line) string {
	best := mechanisms[0]
	for _, m := range mechanisms[1:] {
		if l.of(o.exact[m]) < l.of(o.exact[best]) {
			best = m
		}
	}
	return best
}

const rowFormat = "%-24s%7s  %9s%8s%8s  %9s%8s%8s  %9s%8s  %9s%8s\n"

// printOutcome prints one comparison for people.
func printOutcome(w io.Writer, o outcome) {
	fmt.Fprintf(w, "%s\n%s\n", o.title, o.about)
	fmt.Fprintf(w, "RMSE of a cell: exact, and of %d releases (%d years, %d times each); * is the least in its line.\n\n",
		o.releases, len(o.truth.years), o.releases/len(o.truth.years))
	fmt.Fprintf(w, "%-31s  %s  %s  %s  %s\n", "", over("planner", 25), over("Laplace", 25), over("Gaussian", 17), over("least squares", 17))
	fmt.Fprintf(w, rowFormat, "table", "cells", "exact", "seen", "value", "exact", "seen", "value", "exact", "seen", "exact", "seen")
	for _, l := range o.lines() {
		name := l.table
		switch l.scope {
		case "cells":
			fmt.Fprintln(w)
			name = "all cells alike"
		case "tables":
			name = "all tables alike"
		}
		row := []any{name, strconv.Itoa(l.cells)}
		for _, m := range mechanisms {
			mark := ""
			if m == o.best(l) {
				mark = "*"
			}
			row = append(row, mark+figure(l.of(o.exact[m])), figure(l.of(o.estimate[m])))
			if v := o.value(m); v != nil {
				row = append(row, figure(l.of(v)))
			}
		}
		fmt.Fprintf(w, rowFormat, row...)
	}
	for _, text := range o.verdict() {
		fmt.Fprintln(w, text)
	}
	fmt.Fprintln(w)
	printReadings(w, o)
}

func figure(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }

// over is a heading over a group of columns.
func over(text string, width int) string {
	free := max(0, width-len(text)-2)
	return strings.Repeat("-", free/2) + " " + text + " " + strings.Repeat("-", free-free/2)
}

// verdict says in words what the exact figures say.
func (o outcome) verdict() []string {
	lines := o.lines()
	tables, sums := lines[:len(o.tables)], lines[len(o.tables):]
	out := []string{""}
	for _, against := range []string{fitted, laplace, gaussian} {
		wins, low, high := 0, math.Inf(1), math.Inf(-1)
		for _, l := range tables {
			p := change(l.of(o.exact[planner]), l.of(o.exact[against]))
			low, high = min(low, p), max(high, p)
			if p < 0 {
				wins++
			}
		}
		out = append(out, fmt.Sprintf("The planner against %s: less error in %d of %d tables (%s to %s);\n  %s over all cells, %s over all tables alike.",
			words[against], wins, len(tables), percent(low), percent(high),
			percent(change(sums[0].of(o.exact[planner]), sums[0].of(o.exact[against]))), percent(change(sums[1].of(o.exact[planner]), sums[1].of(o.exact[against])))))
	}
	return append(out, fmt.Sprintf("Least error over all cells: %s; over all tables alike: %s.", words[o.best(sums[0])], words[o.best(sums[1])]))
}

var words = map[string]string{planner: "the planner", laplace: "Laplace", gaussian: "Gaussian noise alone", fitted: "Gaussian noise with least squares"}

// change is a part: -0.1 is a tenth less than b.
func change(a, b float64) float64 { return a/b - 1 }

func percent(p float64) string {
	return fmt.Sprintf("%+.1f %%", 100*p)
}

// printNotes says under all tables how to read them.
func printNotes(w io.Writer, all []outcome) {
	fmt.Fprint(w, `How to read this
exact     Root of the mean variance of a table's cells. It does not depend on the counts.
seen      Root of the mean squared error of the simulated releases. `+seenNote(all)+`
value     RMSE of the whole, non-negative number that is published for reading; it stands beside the unbiased
          estimate. It depends on the counts, is biased where they are small, and has no exact figure.
clamped   The usual number for reading: the estimate, rounded and cut at 0. Its tables do not add up, and add up to
          too much; "cases too many" is the mean of the table that is farthest off.
Gaussian  Discrete Gaussian noise on every table, rho split equally. Least squares then finds the tables nearest to
          the noisy ones that add up. With a split of rho tuned for it, least squares is as good as the planner on
          flat dimensions and a little better on trees, over all tables alike; the tuned split is not computed here.

Which is better depends on the tables and the budget. Laplace pays for every table in full: it is at its best with
few tables and a small delta, and loses as tables become many. Its estimates, and those of Gaussian noise alone,
do not add up over tables; those of the planner and of least squares do. Where least squares has less error, that
is its advantage; the planner's is that the error of every cell, and of every sum and difference, is a formula
that anyone can evaluate. Least squares has one for flat dimensions. For products of trees it has none: its exact
figures for the demonstration come from a system of equations with an unknown for each leaf cell, whose cost rises
with the cube of their number.
`)
}

// seenNote says how far simulated figures may be off.
func seenNote(all []outcome) string {
	if len(all) == 0 {
		return ""
	}
	r := all[0].releases
	return fmt.Sprintf("With %d of them that of a single cell\n          is off by about %.0f %% (Laplace: %.0f %%) by chance, that of a large table by less.",
		r, 100*math.Sqrt(2.0/float64(r))/2, 100*math.Sqrt(5.0/float64(r))/2)
}

// columns of the CSV, stable: see the package comment.
var columns = []string{"comparison", "epsilon", "delta", "rho", "mechanism", "quantity", "scope", "table", "cells", "releases", "rmse_exact", "rmse_simulated", "bias_simulated"}

// encodeCSV is the figures for machines.
func encodeCSV(all []outcome) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{columns}
	six := func(v float64) string { return strconv.FormatFloat(v, 'f', 6, 64) }
	nano := func(v uint64) string { return fmt.Sprintf("%d.%09d", v/1e9, v%1e9) }
	for _, o := range all {
		for _, m := range mechanisms {
			head := []string{o.name, nano(o.budget.NanoEpsilon), strconv.FormatFloat(o.budget.Delta, 'g', -1, 64), nano(o.budget.NanoRho), m}
			for _, l := range o.lines() {
				tail := []string{l.scope, l.table, strconv.Itoa(l.cells), strconv.Itoa(o.releases)}
				add := func(quantity, exact string, simulated []float64) {
					row := append([]string{}, head...)
					row = append(append(row, quantity), tail...)
					rows = append(rows, append(row, exact, six(l.of(simulated)), ""))
				}
				add("estimate", six(l.of(o.exact[m])), o.estimate[m])
				if v := o.value(m); v != nil {
					add("value", "", v)
				}
			}
			if r := o.readings[m]; r != nil {
				for i, s := range sizes {
					rows = append(rows, r.sizes[i].rows(append(head, "size", s.name), o.releases)...)
				}
			}
		}
	}
	if err := w.WriteAll(rows); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
