package normalize

import (
	"maps"
	"slices"

	"halftone/pipeline/codelist"
	"halftone/privacy"
)

// Periods are the dataset's periods that labels led to, in order of appearance.
type periods struct {
	calendar calendar
	list     []privacy.Period
	number   map[privacy.Period]verdict
}

func (p *periods) verdict(q privacy.Period, ok bool) verdict {
	if !ok {
		return isBad
	}
	q, reason := p.calendar.place(q)
	switch reason {
	case reasonCoarse:
		return isCoarse
	case reasonUndeclared:
		return isUndeclared
	}
	n, ok := p.number[q]
	if !ok {
		n = verdict(len(p.list))
		p.list, p.number[q] = append(p.list, q), n
	}
	return n
}

func newPeriod(m Period, ps *periods) (*rule, literals[string], error) {
	r, ls := &rule{target: "period"}, newLiterals[string]()
	reader, err := newPeriodReader(m.Formats, m.YearOf)
	if err != nil {
		return r, nil, err
	}
	extract, err := newExtract(m.Regex)
	if err != nil {
		return r, nil, err
	}
	for _, text := range slices.Sorted(maps.Keys(m.Codes)) {
		ls.add(text, m.Codes[text])
	}
	r.decider = func(l label) verdict {
		l, matches := extract.from(l)
		code, ok := "", false
		if matches {
			code, ok = ls.find(l)
		}
		switch {
		case ok && code == exclude, !ok && l.blank && m.Blank == exclude:
			return isExcluded
		case ok:
			p, err := privacy.ParsePeriod(code)
			return ps.verdict(p, err == nil)
		case l.blank:
			return isBlankText
		case !matches:
			return isBad
		}
		return ps.verdict(reader.parse(l.clean))
	}
	if m.Column == "" && m.Columns == nil {
		r.always = r.decider(newLabel(codelist.Clean(m.Const)))
	}
	return r, ls, nil
}
