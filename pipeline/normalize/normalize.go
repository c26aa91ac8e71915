package normalize

import (
	"fmt"
	"slices"

	"halftone/connectors"
	"halftone/privacy"
)

// A Normalizer turns the pages of one pull of one source into observations.
// It is for one goroutine and one pull.
type Normalizer struct {
	m         Mapping
	err       error     // why it cannot go on
	reshape   *reshaper // nil: rows are taken as they come
	columns   []*column
	joined    []*column // of those
	where     predicate
	rules     rules
	value     *valueRule
	person    *personRule // nil: no person key
	hashKey   []byte      // of persons
	who       privacy.Pseudonym
	keys      *keys  // nil: every row is its own
	held      *batch // rows that wait for those with the same key; nil: none do
	keep      *keeper
	versions  *versions // nil: it is not of the last row of a key
	grades    *grading  // nil: no grain
	past      *history  // nil: no ratio
	zeros     zeros
	corrected *corrected
	unknown   *unknowns // nil: nobody asks for labels
	files     []string
	codes     []uint32 // of the row at hand
	tally     tally
}

// New makes a Normalizer. declared says which periods the dataset has, at its
// own length; every is that length (month, quarter, year or band) and bands the
// whole list where it is band. What is wrong with m is the error of the first
// Page: see [Mapping.Check] to know it before.
func New(m Mapping, declared func(privacy.Period) bool, every string, bands []privacy.Period) *Normalizer {
	n := &Normalizer{m: m, tally: newTally()}
	if n.err = m.Check(); n.err == nil {
		n.err = n.compile(declared, every, bands)
	}
	return n
}

// Page takes the rows of one page and gives the observations that are ready to
// emit, in row order whatever the size of pages. It does not release the page.
// What was emitted counts only if Close succeeds: a source is taken whole or
// not at all. Errors are a [*SourceError], a [*MappingError], or emit's own;
// after one no further page is taken.
func (n *Normalizer) Page(p connectors.Page, emit func(Observations) error) error {
	if n.err == nil {
		n.err = n.page(p, emit)
	}
	return n.err
}

func (n *Normalizer) page(p connectors.Page, emit func(Observations) error) error {
	if n.versions != nil && n.versions.hash == nil {
		return errNoHash
	}
	if p.Records == nil || p.Records.NumRows() == 0 {
		return nil
	}
	if !n.hashes() {
		return errNoHashKey
	}
	if n.reshape != nil {
		blank, rows := n.reshape.blank, n.reshape.rows
		out, err := n.reshape.page(p)
		n.tally.report.Blank += n.reshape.blank - blank
		if n.m.Reshape.Unpivot != nil {
			n.tally.report.Rows += n.reshape.rows - rows
		}
		if err != nil {
			return &SourceError{n.m.Source, []Problem{{What: err.Error(), First: Place{p.Origin.File, p.Origin.Row}, Do: "name the columns as the source does"}}}
		}
		defer out.Records.Release()
		p = out
	}
	for _, c := range n.columns {
		if !c.bind(p) {
			return &SourceError{n.m.Source, []Problem{{
				Column: c.name, What: "the page lacks a column of text", First: Place{p.Origin.File, p.Origin.Row},
				Do: "name the column as the source does",
			}}}
		}
		c.label()
	}
	for _, c := range n.joined {
		c.labelJoined()
	}
	rows := int(p.Records.NumRows())
	out := n.held
	if out == nil {
		out = n.newBatch(rows)
	}
	file := n.file(p.Origin.File)
	blank := p.Blank
	for i := range rows {
		if len(blank) > 0 && blank[0] == i {
			if blank = blank[1:]; n.blank(i) {
				n.tally.report.Blank++
				continue
			}
		}
		n.row(i, spot{file, p.Row(i)}, out)
	}
	if n.held != nil || n.versions != nil {
		return nil
	}
	if n.past != nil {
		n.past.take(out, n.byHand())
	}
	return n.emit(out, emit)
}

func (n *Normalizer) file(name string) uint32 {
	for i, f := range n.files {
		if f == name {
			return uint32(i)
		}
	}
	n.files = append(n.files, name)
	return uint32(len(n.files) - 1)
}

// row takes one row through the order of operations to its one outcome. What
// the language will have beside it goes where it is named.
func (n *Normalizer) row(i int, at spot, out *batch) {
	// 1. It is none of the blank ones. (fill_down and unpivot come here.)
	n.tally.report.Read++
	if n.versions != nil {
		n.version(i, at)
		return
	}
	n.decide(i, at, out)
}

// decide takes a row that is not blank on, from `where`.
func (n *Normalizer) decide(i int, at spot, out *batch) {
	// 2. where
	if !n.where.holds(i) {
		n.tally.end(endFiltered)
		return
	}
	// 3. map
	n.rules.units.count(i)
	period, ok := n.labels(i, at)
	if !ok {
		return
	}
	v, status, end, word := int64(0), Exact, endCounted, false
	if n.corrected != nil { // a person's word comes before what the source says, and before bounds
		v, end, word = n.correct(i, at, period)
	}
	if !word {
		v, status, end = n.value.at(i)
	}
	if end == endStopped {
		n.tally.problem(n.value.problem, n.value.name(), n.place(at), Place{})
		return
	}
	if end != endCounted {
		n.tally.end(end)
		return
	}
	if n.grades == nil && n.zeros.hold(n.codes) { // after corrections, so that a person can leave it out
		n.nobody(at)
		return
	}
	// A row that counts belongs to somebody.
	if n.person != nil && !n.belongs(i, at) {
		return
	}
	// 4. bounds
	if !word && !n.m.Bounds.hold(v) {
		if !n.m.Bounds.clips(v) {
			n.tally.problem(outOfBounds, n.value.name(), n.place(at), Place{})
			return
		}
		v = *n.m.Bounds.Max
	}
	// 5. keep
	switch {
	case n.versions != nil:
		n.versions.hold(n, at, period, v, status)
		return
	case n.keep != nil:
		n.hold(i, at, period, v, status)
		return
	}
	// 6. key, 7. grain and totals
	var key rowKey
	if n.keys != nil {
		key = n.keys.key(i, period, n.codes)
	}
	n.settle(key, at, period, v, status, out)
}

// settle takes a row that is kept, whose codes and verdicts are in n, through
// key and grain.
func (n *Normalizer) settle(key rowKey, at spot, period uint32, v int64, s Status, out *batch) {
	switch {
	case n.keys != nil && !n.isFirst(key, at, period, v, s):
		n.tally.ended[endMerged]++
	case n.grades == nil:
		out.add(period, n.codes, v, s, at)
		n.tally.count(period)
		n.tally.ended[endCounted]++
	case n.held != nil: // its grain is decided when no row can be merged with it any more
		out.add(period, n.codes, v, s, at)
	default:
		n.grade(period, n.codes, v, s, at, out)
	}
	for d, dim := range n.rules.dims {
		dim.count(n.rules.verdicts[d], at)
	}
}

// blank reports whether a row that is blank in the source has no text in any column
// that is read either: it has where the objects around a JSON record say something.
// What is given to every row (@file, a cell above the table) is no text of it.
func (n *Normalizer) blank(i int) bool {
	return !slices.ContainsFunc(n.columns, func(c *column) bool { return !c.given && !c.blank(i) })
}

// labels decides unit, period and dimensions of a row: its period, and its
// codes in n.codes. If it is not ok the row's outcome is decided.
func (n *Normalizer) labels(i int, at spot) (period uint32, ok bool) {
	if v := n.rules.unit.at(i); v < 0 {
		n.end(n.rules.unit, v, at)
		return 0, false
	}
	if n.unknown != nil {
		n.unknown.row(n.rules.dims, i)
	}
	p := n.rules.period.at(i)
	if p < 0 {
		n.end(n.rules.period, p, at)
		return 0, false
	}
	for d, dim := range n.rules.dims {
		rule := dim.only
		if rule == nil {
			rule = dim.chosen(i)
		}
		v := rule.at(i)
		if v < 0 {
			n.end(rule, v, at)
			return 0, false
		}
		n.codes[d], n.rules.verdicts[d] = dim.targets[v].leaf, v
	}
	return uint32(p), true
}

// nobody ends a row that is in a structural zero.
func (n *Normalizer) nobody(at spot) { n.tally.quarantine("codes: "+reasonZero, "", n.place(at)) }

// end gives a row the outcome of a verdict that is no number.
func (n *Normalizer) end(r *rule, v verdict, at spot) {
	switch v {
	case isOtherUnit:
		n.tally.end(endNotACount)
	case isExcluded:
		n.tally.end(endExcluded)
	case isNotFinest:
		n.tally.problem(problemKind{notFinest, r.target}, r.column(), n.place(at), Place{})
	default:
		n.tally.quarantine(r.target+": "+reasons[v], r.column(), n.place(at))
	}
}

// isFirst reports whether no row before had the key of a row. If one had, the
// row is merged with it or stops the source.
func (n *Normalizer) isFirst(key rowKey, at spot, period uint32, v int64, s Status) bool {
	j, before := n.keys.first(key, at)
	if !before {
		return true
	}
	kind := duplicate
	if n.held != nil {
		if n.held.same(j, period, n.codes) {
			n.held.status[j] = n.keys.mergeStatus(n.held.value[j], n.held.status[j], v, s)
			n.held.value[j], kind = n.keys.merge(n.held.value[j], v)
		} else {
			kind = otherCodes
		}
	}
	if kind != noProblem {
		n.tally.problem(kind, "", n.place(n.keys.places[j]), n.place(at))
	}
	return false
}

func (n *Normalizer) place(at spot) Place { return Place{n.files[at.file], at.row} }

// emitRows is how many held rows go out at once.
const emitRows = 1 << 16

func (n *Normalizer) emit(b *batch, emit func(Observations) error) error {
	if n.tally.stopped() { // nothing of the source will be taken
		return nil
	}
	for from := 0; from < len(b.value); from += emitRows {
		to := min(from+emitRows, len(b.value))
		if err := emit(b.observations(from, to, n.rules.periods.list, n.rules.dicts, n.files)); err != nil {
			return fmt.Errorf("source %s: %w", n.m.Source, err)
		}
	}
	return nil
}

// Close ends the pull: it emits the rows that waited for others, and what is left
// of totals, and says what became of every row. Errors are as those of Page, and
// a [*QuarantineError], with which the report is complete; with others there is
// none.
func (n *Normalizer) Close(emit func(Observations) error) (Report, error) {
	if n.err != nil {
		return Report{}, n.err
	}
	out, err := n.finish()
	if err != nil {
		n.err = fmt.Errorf("source %s: %w", n.m.Source, err)
		return Report{}, n.err
	}
	if n.tally.stopped() {
		n.err = n.tally.sourceError(n.m)
		return Report{}, n.err
	}
	r, q := n.report()
	if q != nil {
		n.err = q
		return r, q
	}
	if n.err = n.emit(out, emit); n.err != nil {
		return Report{}, n.err
	}
	return r, nil
}

// finish takes what had to wait for the last row through the rest of the order
// of operations, and gives what is still to be emitted.
func (n *Normalizer) finish() (*batch, error) {
	out := n.held
	if out == nil {
		out = n.newBatch(0)
	}
	switch {
	case n.versions != nil:
		n.closeVersions(out)
	case n.keep != nil:
		n.closeKeep(out)
	}
	for _, d := range n.rules.dims {
		if total, part := d.overlap(); total != nil {
			n.tally.problem(problemKind{overlap, d.name}, d.column(), n.place(total.first), n.place(part.first))
		}
	}
	if n.grades != nil {
		if n.held != nil {
			out = n.gradeHeld(n.held)
		}
		n.closeTotals(out)
	}
	if n.past == nil || n.tally.stopped() {
		return out, nil
	}
	n.past.take(out, n.byHand())
	return out, n.closeRatio()
}

// byHand are the rows whose value a person has given.
func (n *Normalizer) byHand() map[spot]bool {
	if n.corrected == nil {
		return nil
	}
	return n.corrected.spots
}
