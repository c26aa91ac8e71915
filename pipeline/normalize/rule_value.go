package normalize

import (
	"regexp"
	"unicode/utf8"

	"halftone/pipeline/codelist"
)

// A valueRule reads counts. Where only numbers are declared it reads them row by
// row, else every distinct text once.
type valueRule struct {
	col      *column // nil: a constant
	always   int64
	form     numberForm
	extract  extract
	scale    int64
	bounds   Bounds
	statuses []*statusRule // nil: see declared
	declared bool          // texts are decided once each
	whens    []int         // statuses that depend on the row
	blank    figure
	of       []valueText // by label
	problem  problemKind // of the row at hand, if it stops the source
}

var _ decider = (*valueRule)(nil)

// A figure is what a row's value comes to: a count and its status, or the
// outcome of a row without one; with endStopped, problem says why.
type figure struct {
	v       int64
	status  Status
	end     ending
	problem problemKind
}

// A valueText is a distinct text of the value.
type valueText struct {
	v       int64 // of a whole number, scaled
	reading reading
	first   uint32 // the first status that its text has; len(statuses): none
	figure  figure // with that
}

// A statusRule is a compiled StatusRule.
type statusRule struct {
	is       StatusRule
	literals literals[bool]
	re       *regexp.Regexp
	when     predicate
}

// value compiles the rule of the value.
func (b *builder) value(v Value, bounds Bounds) (*valueRule, error) {
	r := &valueRule{
		col: b.column(v.Column), always: v.Const, form: v.form(), scale: v.factor(), bounds: bounds,
		declared: v.Regex != "" || len(v.Status) > 0, blank: v.blank(),
	}
	var err error
	if r.extract, err = newExtract(v.Regex); err != nil {
		return r, err
	}
	for i, s := range v.Status {
		made := &statusRule{is: s, literals: newLiterals[bool]()}
		switch {
		case s.When != nil:
			made.when, err = b.predicate("map.value when", s.When)
			r.whens = append(r.whens, i)
		case s.Matches != "":
			made.re, err = regexp.Compile(s.Matches)
		default:
			made.literals.add(s.Text, true)
			reportUnused(b, "map.value", made.literals)
		}
		if err != nil {
			return r, err
		}
		r.statuses = append(r.statuses, made)
	}
	if r.declared {
		r.col.deciders = append(r.col.deciders, r)
	}
	return r, nil
}

func (v Value) form() numberForm {
	f := numberForm{decimal: '.'}
	if v.GroupChar != "" {
		f.group, _ = utf8.DecodeRuneInString(v.GroupChar)
	}
	switch {
	case v.DecimalChar != "":
		f.decimal, _ = utf8.DecodeRuneInString(v.DecimalChar)
	case f.group == '.':
		f.decimal = 0
	}
	return f
}

// blank says what an empty text comes to.
func (v Value) blank() figure {
	switch v.Blank {
	case zero:
		return figure{status: Zero}
	case suppressed:
		return figure{v: v.BlankAs * v.factor(), status: Suppressed}
	case missing, notCollected:
		return figure{end: endNoValue}
	case exclude:
		return figure{end: endExcluded}
	}
	return figure{end: endStopped, problem: blankValues}
}

// at reads the value of row i of the page. end is endCounted, or the outcome of
// a row without a count; if it is endStopped, r.problem says why.
func (r *valueRule) at(i int) (v int64, s Status, end ending) {
	if r.col == nil {
		return r.always, Exact, endCounted
	}
	var f figure
	if r.declared {
		f = r.decided(i)
	} else {
		v, reading := parseValue(r.col.text.Value(i), r.form)
		if reading == whole && r.scale == 1 {
			return v, Exact, endCounted
		}
		f = r.plain(r.scaled(v, reading))
	}
	r.problem = f.problem
	return f.v, f.status, f.end
}

// decided gives the figure of row i, whose text is decided but for statuses of
// the row.
func (r *valueRule) decided(i int) figure {
	text := &r.of[r.col.index[i]]
	for _, k := range r.whens {
		if uint32(k) >= text.first {
			break
		}
		if r.statuses[k].when.holds(i) {
			return r.apply(r.statuses[k], *text)
		}
	}
	return text.figure
}

func (r *valueRule) decide(l label) {
	text := valueText{first: uint32(len(r.statuses))}
	l, matches := r.extract.from(l)
	if text.v, text.reading = parseValue(l.clean, r.form); !matches && text.reading != blank {
		text.v, text.reading = 0, notNumber
	}
	text.v, text.reading = r.scaled(text.v, text.reading)
	for i := len(r.statuses) - 1; i >= 0; i-- { // all are asked: which literals came is reported
		s := r.statuses[i]
		_, hit := s.literals.find(l)
		if hit || s.re != nil && s.re.MatchString(l.clean) {
			text.first = uint32(i)
		}
	}
	if int(text.first) < len(r.statuses) {
		text.figure = r.apply(r.statuses[text.first], text)
	} else {
		text.figure = r.plain(text.v, text.reading)
	}
	r.of = append(r.of, text)
}

func (r *valueRule) forget() { r.of = r.of[:0] }

func (r *valueRule) scaled(v int64, of reading) (int64, reading) {
	if of != whole {
		return 0, of
	}
	if v > maxCount/r.scale || v < -maxCount/r.scale {
		return 0, huge
	}
	return v * r.scale, whole
}

// plain gives the figure of a text without a status.
func (r *valueRule) plain(v int64, of reading) figure {
	switch of {
	case whole:
		return figure{v: v}
	case blank:
		return r.blank
	case fraction:
		return figure{end: endStopped, problem: fractions}
	case huge:
		return figure{end: endStopped, problem: hugeValues}
	}
	return figure{end: endStopped, problem: otherTexts}
}

// apply gives the figure of a text, or of a row with that text, that a status
// takes. A status may not take a number for something else than it is: which
// rows count must not depend on their counts. See numberMay.
func (r *valueRule) apply(s *statusRule, text valueText) figure {
	if text.reading == fraction && (s.when == nil || !s.is.without()) {
		return figure{end: endStopped, problem: fractions}
	}
	if text.reading == whole && !s.is.numberMay(text.v, r.scale, r.bounds) {
		return figure{end: endStopped, problem: statusNumbers}
	}
	switch s.is.Is {
	case suppressed:
		return figure{v: s.is.As * r.scale, status: Suppressed}
	case zero:
		return figure{status: Zero}
	case missing, notCollected:
		return figure{end: endNoValue}
	}
	f := r.plain(text.v, text.reading)
	if text.reading == whole {
		if f.status = Rounded; s.is.Is == noised {
			f.status = Noised
		}
	}
	return f
}

// without reports whether the rows have no value.
func (s StatusRule) without() bool { return s.Is == missing || s.Is == notCollected }

// numberMay reports whether a number, scaled, may have the status: a suppressed
// one lies below the limit, a zero is 0, and one that is dropped for its text
// was never a count, as -99 for unknown. A row may be dropped for what stands in
// other columns.
func (s StatusRule) numberMay(v, scale int64, b Bounds) bool {
	switch s.Is {
	case suppressed:
		return v >= 0 && v/scale < s.Below
	case zero:
		return v == 0
	case missing, notCollected:
		return s.When != nil || v == 0 || !b.hold(v)
	}
	return true
}

func (r *valueRule) name() string {
	if r.col == nil {
		return ""
	}
	return r.col.name
}

// number reads a declared text.
func (v Value) number(text string) (int64, reading) {
	n, of := parseValue(codelist.Clean(text), v.form())
	if of == whole && n <= maxCount/v.factor() && n >= -maxCount/v.factor() {
		n *= v.factor()
	}
	return n, of
}
