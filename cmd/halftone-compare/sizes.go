package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
)

// A size is a range of true counts.
type size struct {
	name     string
	from, to int64
}

var sizes = [...]size{{"0 or less", math.MinInt64, 0}, {"1 to 2", 1, 2}, {"3 to 9", 3, 9}, {"10 to 49", 10, 49}, {"50 and more", 50, math.MaxInt64}}

// sizeOf is the place in sizes of a true count.
func sizeOf(n int64) int {
	return slices.IndexFunc(sizes[:], func(s size) bool { return s.from <= n && n <= s.to })
}

// errs add up the errors of one way to make a number for reading, or of the estimate.
type errs struct{ n, sum, squares float64 }

func (e *errs) add(got float64, exact int64) {
	d := got - float64(exact)
	e.n, e.sum, e.squares = e.n+1, e.sum+d, e.squares+d*d
}

func (e errs) bias() float64 { return e.sum / e.n }
func (e errs) rmse() float64 { return math.Sqrt(e.squares / e.n) }

// A reading compares the numbers for reading with the estimates they are made of.
// Clamping is the usual way: max(0, round(estimate)), each cell by itself.
type reading struct{ estimate, value, clamped errs }

func (r *reading) add(estimate float64, value, exact int64) {
	r.estimate.add(estimate, exact)
	r.value.add(float64(value), exact)
	r.clamped.add(max(0, math.Round(estimate)), exact)
}

// readings are those of one mechanism.
type readings struct {
	tables []reading // by table
	sizes  [len(sizes)]reading
}

func (o *outcome) read(mechanism string, table int, estimate []float64, value, exact []int64) {
	r := o.readings[mechanism]
	for k, n := range exact {
		r.tables[table].add(estimate[k], value[k], n)
		r.sizes[sizeOf(n)].add(estimate[k], value[k], n)
	}
}

// value is the mean squared error of what is for reading, by table; nil where there
// is nothing for reading.
func (o outcome) value(mechanism string) (squares []float64) {
	if r := o.readings[mechanism]; r != nil {
		for _, t := range r.tables {
			squares = append(squares, t.value.squares/t.value.n)
		}
	}
	return squares
}

// excess is by how much the cells of a table add up to too much, in one release.
func (o outcome) excess(e errs) float64 { return e.sum / float64(o.releases) }

const readingFormat = "%-24s%7s  %9s%9s%9s  %9s%9s%9s\n"

// printReadings shows what the numbers for reading cost and gain.
func printReadings(w io.Writer, o outcome) {
	fmt.Fprintf(w, "For reading: value against clamping, which is max(0, round(estimate)) of each cell by itself.\n\n")
	fmt.Fprintf(w, "%-31s  %s  %s\n", "", over("planner", 27), over("Laplace", 27))
	fmt.Fprintf(w, readingFormat, "RMSE by table", "cells", "estimate", "value", "clamped", "estimate", "value", "clamped")
	for i, t := range o.tables {
		row := []any{t.Name, strconv.Itoa(o.cells[i])}
		for _, m := range readable {
			r := o.readings[m].tables[i]
			row = append(row, figure(r.estimate.rmse()), figure(r.value.rmse()), figure(r.clamped.rmse()))
		}
		fmt.Fprintf(w, readingFormat, row...)
	}
	o.printSizes(w, "RMSE by true count", errs.rmse, figure)
	o.printSizes(w, "bias by true count", errs.bias, signed)
	fmt.Fprintf(w, "\n%-33s", "cases too many, a table and release")
	for _, m := range readable {
		var worst [3]float64
		for i := range o.tables {
			r := o.readings[m].tables[i]
			for k, e := range []errs{r.estimate, r.value, r.clamped} {
				if x := o.excess(e); math.Abs(x) > math.Abs(worst[k]) {
					worst[k] = x
				}
			}
		}
		fmt.Fprintf(w, "  %9s%9s%9s", signed(worst[0]), signed(worst[1]), signed(worst[2]))
	}
	fmt.Fprint(w, "\n\n")
}

// printSizes prints one figure for each size of cell, over all cells of all tables.
func (o outcome) printSizes(w io.Writer, title string, of func(errs) float64, write func(float64) string) {
	fmt.Fprintf(w, "\n%-24s%7s\n", title, "cells")
	for i, s := range sizes {
		n := o.readings[planner].sizes[i].estimate.n / float64(o.releases)
		if n == 0 {
			continue
		}
		row := []any{s.name, strconv.FormatFloat(n, 'f', 0, 64)}
		for _, m := range readable {
			r := o.readings[m].sizes[i]
			row = append(row, write(of(r.estimate)), write(of(r.value)), write(of(r.clamped)))
		}
		fmt.Fprintf(w, readingFormat, row...)
	}
}

func signed(v float64) string { return fmt.Sprintf("%+.2f", v) }

// rows are the lines of the CSV; head is the columns before quantity, then scope and
// table.
func (r reading) rows(head []string, releases int) (out [][]string) {
	if r.estimate.n == 0 {
		return nil
	}
	last := len(head) - 2
	for _, q := range []struct {
		name string
		errs errs
	}{{"estimate", r.estimate}, {"value", r.value}, {"clamped", r.clamped}} {
		cells := strconv.FormatFloat(math.Round(q.errs.n/float64(releases)), 'f', 0, 64)
		row := append(slices.Clone(head[:last]), q.name, head[last], head[last+1], cells, strconv.Itoa(releases), "")
		out = append(out, append(row, strconv.FormatFloat(q.errs.rmse(), 'f', 6, 64), strconv.FormatFloat(q.errs.bias(), 'f', 6, 64)))
	}
	return out
}
