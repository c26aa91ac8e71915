package normalize

import (
	"cmp"
	"fmt"
	"slices"
)

// An ending is an Outcome by number, or endStopped.
type ending uint8

const (
	endCounted ending = iota
	endTotal
	endOther
	endNotKept
	endMerged
	endNoValue
	endNotACount
	endFiltered
	endExcluded
	endDeleted
	endQuarantined
	endings
	endStopped // the source stops: no outcome
)

var outcomes = [endings]Outcome{
	endCounted: Counted, endTotal: TotalRow, endOther: OtherBreakdown, endNotKept: NotKept, endMerged: MergedDuplicate, endNoValue: NoValue, endNotACount: NotACount,
	endFiltered: Filtered, endExcluded: Excluded, endDeleted: Deleted, endQuarantined: Quarantined,
}

// A problemKind is a way for rows to stop a source; of is the dimension, if it
// is one of a dimension's.
type problemKind struct {
	words words
	of    string
}

// words say what is wrong, after the number of rows.
type words struct{ one, many, do string }

var (
	noProblem = problemKind{}
	fractions = problemKind{words: words{
		one: "value has a fraction: this is no count", many: "values have fractions: these are not counts",
		do: "choose the rows that hold counts by `where` or `map.unit`"}}
	blankValues = problemKind{words: words{
		one: "value is blank, and the mapping does not say what that means", many: "values are blank, and the mapping does not say what that means",
		do: "say it: `map.value.blank`: missing, not_collected, zero or exclude"}}
	otherTexts = problemKind{words: words{
		one: "value is neither a number nor declared", many: "values are neither numbers nor declared",
		do: "choose the rows that hold counts by `where`, or say what the text means by `map.value.status`, `group_char` or `decimal_char`"}}
	statusNumbers = problemKind{words: words{
		one:  "number has a declared status that would drop or change it for its value",
		many: "numbers have a declared status that would drop or change them for their values",
		do:   "narrow `map.value.status`: a number may be suppressed only below its limit, zero only if it is 0, and missing only if it lies outside `bounds`"}}
	hugeValues = problemKind{words: words{
		one: "value is larger than any count (2^40)", many: "values are larger than any count (2^40)"}}
	hugeSums = problemKind{words: words{
		one: "row makes a sum of duplicates larger than any count (2^40)", many: "rows make sums of duplicates larger than any count (2^40)"}}
	outOfBounds = problemKind{words: words{
		one: "value lies outside `bounds`", many: "values lie outside `bounds`",
		do: "have the source corrected, or set `bounds` (min is 0 unless given), or say by `corrections` what a person has found"}}
	overRatio = problemKind{words: words{
		one: "cell is more than `bounds.ratio` times what it was the period before", many: "cells are more than `bounds.ratio` times what they were the period before",
		do: "have the source corrected, or say by `corrections` what a person has found"}}
	twiceCorrected = problemKind{words: words{
		one: "row more has the key of a correction, and the value would count twice", many: "rows more have the keys of corrections, and the values would count twice",
		do: "correct by exclude, or name by `key` what tells the rows apart"}}
	unordered = problemKind{words: words{
		one: "label is neither a number nor a date such as 2026-11-23, so that it has no order", many: "labels are neither numbers nor dates such as 2026-11-23, so that they have no order",
		do: "list the labels by `keep.order`, the first to keep first"}}
	mixedOrder = problemKind{words: words{
		one: "column has numbers beside dates: which come first is not said", many: "columns have numbers beside dates: which come first is not said",
		do: "list the labels by `keep.order`, the first to keep first"}}
	overParts = problemKind{words: words{
		one: "grain of totals is exceeded by its parts by more than `totals.max_below`: parts overlap", many: "grains of totals are exceeded by their parts by more than `totals.max_below`: parts overlap",
		do: "take these totals out of `grain`, and say by contribution.per_period in how many parts a person is; or raise max_below, if the source itself adds up so badly"}}
	hugeParts = problemKind{words: words{
		one: "row makes a total or its parts larger than any count (2^40)", many: "rows make totals or their parts larger than any count (2^40)"}}
	duplicate = problemKind{words: words{
		one: "row has the key of another row", many: "rows have the key of another row",
		do: "name what identifies a row by `key`, or say how they go together by `duplicates`"}}
	unequal = problemKind{words: words{
		one: "row has the key of another row and another value", many: "rows have the key of another row and another value"}}
	otherCodes = problemKind{words: words{
		one: "row has the key of another row, but not its codes or period", many: "rows have the key of another row, but not its codes or period",
		do: "name all that identifies a row by `key`"}}
	notFinest = words{
		one: "row has a code that is not at the finest level", many: "rows have a code that is not at the finest level",
		do: "say by `grain` which rows are totals of others; or name the label in `codes`, or set `unknown: true` for the dimension, if these are not"}
	overlap = words{
		one: "total stands beside its parts, which would count people twice", many: "totals stand beside their parts, which would count people twice",
		do: "say by `grain` and `totals` which rows are totals and what becomes of them, or leave them out by `where` or exclude"}
)

// problemKey tells problems apart.
type problemKey struct {
	kind   problemKind
	column string
}

// A tally counts what becomes of rows.
type tally struct {
	report   Report
	ended    [endings]int64
	periods  []int64 // observations, by number of period
	problems map[problemKey]*counted
	order    []problemKey // as they came
	reasons  map[[2]string]*ReasonCount
	fate     *fate // where the outcome of the row at hand goes while a later row may take its place; nil: it is counted
}

type counted struct {
	rows          int64
	first, second Place
}

func newTally() tally {
	return tally{problems: map[problemKey]*counted{}, reasons: map[[2]string]*ReasonCount{}}
}

// count counts an observation of a period.
func (t *tally) count(period uint32) {
	for int(period) >= len(t.periods) {
		t.periods = append(t.periods, 0)
	}
	t.periods[period]++
}

// end counts a row that ends without more to say.
func (t *tally) end(e ending) {
	if t.fate != nil {
		t.fate.end = e
		return
	}
	t.ended[e]++
}

func (t *tally) problem(kind problemKind, column string, first, second Place) {
	if t.fate != nil {
		*t.fate = fate{end: endStopped, why: &why{kind: kind, column: column}}
		return
	}
	key := problemKey{kind, column}
	c := t.problems[key]
	if c == nil {
		c = &counted{first: first, second: second}
		t.problems[key], t.order = c, append(t.order, key)
	}
	c.rows++
}

func (t *tally) stopped() bool { return len(t.order) > 0 }

func (t *tally) quarantine(reason, column string, at Place) {
	if t.fate != nil {
		*t.fate = fate{end: endQuarantined, why: &why{reason: reason, column: column}}
		return
	}
	t.ended[endQuarantined]++
	key := [2]string{reason, column}
	r := t.reasons[key]
	if r == nil {
		r = &ReasonCount{Reason: reason, Column: column, First: at}
		t.reasons[key] = r
	}
	r.Rows++
	if len(t.report.Quarantine) < MaxRejected {
		t.report.Quarantine = append(t.report.Quarantine, Rejected{File: at.File, Row: at.Row, Column: column, Reason: reason})
	}
}

func (t *tally) sourceError(m Mapping) *SourceError {
	e := &SourceError{Source: m.Source}
	for _, key := range t.order {
		c, w := t.problems[key], key.kind.words
		what := w.many
		if c.rows == 1 {
			what = w.one
		}
		what = fmt.Sprintf("%d %s", c.rows, what)
		if key.kind.of != "" {
			what = key.kind.of + ": " + what
		}
		e.Problems = append(e.Problems, Problem{Column: key.column, What: what, First: c.first, Second: c.second, Do: w.do})
	}
	return e
}

// report puts the tally into words. The error is set when too many rows went
// to quarantine.
func (n *Normalizer) report() (Report, *QuarantineError) {
	t := &n.tally
	r := t.report
	r.Source, r.Outcomes = n.m.Source, map[Outcome]int64{}
	for end, rows := range t.ended {
		if rows > 0 {
			r.Outcomes[outcomes[end]] = rows
		}
	}
	r.Reasons, r.Periods, r.Unknown = map[string]int64{}, map[string]int64{}, map[string]int64{}
	q := &QuarantineError{Source: n.m.Source, Rows: t.ended[endQuarantined], Of: r.Read - t.ended[endFiltered], Limit: n.m.Quarantine}
	for _, c := range t.reasons {
		r.Reasons[c.Reason] += c.Rows
		q.Reasons = append(q.Reasons, *c)
	}
	slices.SortFunc(q.Reasons, func(a, b ReasonCount) int {
		return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Reason, b.Reason))
	})
	for i, rows := range t.periods {
		r.Periods[n.rules.periods.list[i].String()] = rows
	}
	for _, d := range n.rules.dims {
		for _, target := range d.targets {
			if target.unknown {
				r.Unknown[d.name] += target.rows
			}
		}
	}
	r.Units, r.Codes = n.rules.units.report(), n.rules.codes()
	if n.grades != nil && n.grades.chain != nil {
		r.Totals = &n.grades.finished
	}
	for _, f := range n.rules.unused {
		r.Unused = append(r.Unused, f()...)
	}
	if float64(q.Rows) <= n.m.Quarantine*float64(q.Of) {
		return r, nil
	}
	return r, q
}
