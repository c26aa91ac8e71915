package normalize

import (
	"reflect"
	"regexp"
	"strings"

	"halftone/pipeline/codelist"
)

// The oracle normalizes one row at a time, as a reader of the mapping language
// would by hand, for datasets of whole years with the lists places, sex
// and yes or no. It
// shares nothing with the package but Fold and codes, which have oracles of their
// own; numbers it reads by exact fractions.
type oracle struct {
	m        Mapping
	outcomes map[Outcome]int64
	reasons  map[string]int64
	rows     []observed
	stops    bool
	keys     map[string]int
	totals   map[string]bool // "dimension total"
	parts    map[string]bool // "dimension code"
}

var oracleTree = map[string]string{"AFR": "_T", "EUR": "_T", "ATA": "_T", "TD": "AFR", "NE": "AFR", "FR": "EUR", "F": "_T", "M": "_T", "yes": "_T", "no": "_T"}

func (o *oracle) holds(p Predicate, row map[string]string) bool {
	for _, t := range p {
		is := false
		for _, l := range append(append([]string{}, t.In...), t.NotIn...) {
			is = is || codelist.Fold(l) == codelist.Fold(row[t.Column])
		}
		if re := t.Matches + t.NotMatches; re != "" {
			is = regexp.MustCompile(re).MatchString(strings.Join(strings.Fields(row[t.Column]), " "))
		}
		if is == (t.NotIn != nil || t.NotMatches != "") {
			return false
		}
	}
	return true
}

func (o *oracle) any(ps []Predicate, row map[string]string) bool {
	for _, p := range ps {
		if o.holds(p, row) {
			return true
		}
	}
	return len(ps) == 0
}

func lookup(codes map[string]string, text string) (string, bool) {
	for l, c := range codes {
		if codelist.Fold(l) == codelist.Fold(text) {
			return c, true
		}
	}
	return "", false
}

// textOf gives the text that a rule is about. matches says whether its expression
// does, and blank whether there is none.
func textOf(row map[string]string, column string, columns []string, join, regex string) (text string, matches, blank bool) {
	if text = row[column]; columns != nil {
		var parts []string
		for _, c := range columns {
			parts = append(parts, strings.Join(strings.Fields(row[c]), " "))
		}
		text = strings.Join(parts, join)
		if strings.Join(parts, "") == "" {
			blank = true
		}
	}
	text = strings.Join(strings.Fields(text), " ")
	blank = blank || text == ""
	if regex == "" {
		return text, true, blank
	}
	m := regexp.MustCompile(regex).FindStringSubmatch(text)
	if m == nil {
		return text, false, blank
	}
	text = strings.TrimSpace(m[1])
	return text, true, text == ""
}

// own finds a text by a rule's codes and its list.
func own(d Dimension, r Rule, text string) (string, bool) {
	if code, ok := lookup(r.Codes, text); ok || r.NoList {
		return code, ok
	}
	if d.Name == "place" && text == "TD/_U" { // nothing lies below TD
		return text, true
	}
	return d.List.Resolve(codelist.Fold(text))
}

func answersOf(r Rule, text string) (out []string) {
	for _, a := range strings.Split(text, r.Split) {
		if a = strings.TrimSpace(a); a != "" {
			out = append(out, a)
		}
	}
	return out
}

// claimed: a rule of another dimension on the same column knows the label.
func (o *oracle) claimed(d Dimension, r Rule, row map[string]string) bool {
	for _, other := range o.m.Dimensions {
		for _, s := range other.Rules {
			if other.Name == d.Name || s.Column != r.Column || !reflect.DeepEqual(s.Columns, r.Columns) || s.Join != r.Join || s.Has != "" {
				continue
			}
			text, matches, _ := textOf(row, s.Column, s.Columns, s.Join, s.Regex)
			texts := []string{text}
			if s.Split != "" {
				_, whole := lookup(s.Codes, text)
				if texts = answersOf(s, text); whole {
					return matches
				}
			}
			for _, one := range texts {
				if _, ok := own(other, s, one); ok && matches {
					return true
				}
			}
		}
	}
	return false
}

// ruled gives the code of a row by a rule: "" with a reason if it has none.
func (o *oracle) ruled(d Dimension, r Rule, row map[string]string) (code, reason string) {
	if r.Const != "" {
		return r.Const, ""
	}
	text, matches, blank := textOf(row, r.Column, r.Columns, r.Join, r.Regex)
	if code, ok := lookup(r.Codes, text); ok && matches {
		return code, ""
	}
	if r.Split != "" && matches && len(answersOf(r, text)) == 0 {
		blank = true
	}
	if blank && r.Blank != "" {
		return r.Blank, ""
	}
	known := false
	switch {
	case blank || !matches:
	case r.Has != "":
		for _, a := range answersOf(r, text) {
			known = known || codelist.Fold(a) == codelist.Fold(r.Has)
		}
		return map[bool]string{true: "yes", false: "no"}[known], ""
	case r.Split != "":
		var all []string
		var last string
		known = true
		for _, a := range answersOf(r, text) {
			c, ok := own(d, r, a)
			if !ok {
				if c = r.Unknown; c == "" {
					known = false
				}
			}
			last = c
			if into, ok := inside[c]; ok {
				c = into
			} else if c == "TD/_U" {
				c = "TD"
			}
			if all = append(all, c); all[0] != c {
				code = "mixed"
			}
		}
		switch {
		case known && code == "":
			return last, ""
		case known && r.Many == "":
			return "", "several answers"
		case known:
			return r.Many, ""
		}
	default:
		if code, known = own(d, r, text); known {
			return code, ""
		}
	}
	switch {
	case r.Else != "" && o.claimed(d, r, row):
		return r.Else, ""
	case blank:
		return "", "blank"
	case r.Unknown == "":
		return "", "unknown label"
	}
	return r.Unknown, ""
}

// inside is where a row of a code that has others below it is counted.
var inside = map[string]string{"_T": "_U", "AFR": "AFR/_U", "EUR": "EUR/_U"}

// code gives the leaf of a row's dimension, or what else becomes of the row.
func (o *oracle) code(d Dimension, row map[string]string) (leaf, reason string) {
	code, reason := "_T", ""
	if len(d.Rules) > 0 {
		reason = "no rule applies"
		for _, r := range d.Rules {
			if o.any(r.When, row) {
				code, reason = o.ruled(d, r, row)
				break
			}
		}
	}
	switch {
	case reason != "":
		return "", reason
	case code == "exclude":
		return "", "exclude"
	case code == "TD/_U":
		return "TD", ""
	}
	leaf = code
	if into, ok := inside[code]; ok {
		if leaf = into; !o.m.Unknowns(d.Name).Has(code) {
			return "", "stop"
		}
	}
	return leaf, map[bool]string{true: "total " + code}[leaf != code]
}

func (o *oracle) row(at int64, row map[string]string) {
	end := func(e Outcome) { o.outcomes[e]++ }
	reject := func(reason string) { o.outcomes[Quarantined]++; o.reasons[reason]++ }
	if !o.any(o.m.Where, row) {
		end(Filtered)
		return
	}
	if o.m.Unit.Column != "" {
		unit, ok := lookup(o.m.Unit.Codes, row[o.m.Unit.Column])
		switch {
		case !ok:
			reject("unit: unknown label")
			return
		case unit != "count":
			end(NotACount)
			return
		}
	}
	year, ok := o.year(row)
	if !ok {
		reject("period: " + year)
		return
	}
	var codes, marks []string
	for _, d := range o.m.Dimensions {
		leaf, reason := o.code(d, row)
		switch {
		case reason == "exclude":
			end(Excluded)
			return
		case reason == "stop":
			o.stops = true
			return
		case leaf == "":
			reject(d.Name + ": " + reason)
			return
		}
		codes, marks = append(codes, leaf), append(marks, reason)
	}
	v, status, other, stops := o.value(row)
	switch {
	case stops:
		o.stops = true
		return
	case other != "":
		end(other)
		return
	}
	o.take(at, year, codes, marks, v, status, row)
}

func (o *oracle) year(row map[string]string) (string, bool) {
	p := o.m.Period
	text, matches, blank := textOf(row, p.Column, p.Columns, p.Join, p.Regex)
	switch {
	case blank:
		return "blank", false
	case !matches:
		return "bad", false
	case regexp.MustCompile(`^\d{4}-\d{4}$`).MatchString(text):
		return "coarse", false
	case !regexp.MustCompile(`^\d{4}(\.0+)?(-(0[1-9]|1[0-2]))?$`).MatchString(text):
		return "bad", false
	case text[:4] < "2012":
		return "undeclared", false
	}
	return text[:4], true
}

func (o *oracle) take(at int64, year string, codes, marks []string, v int64, status string, row map[string]string) {
	for d, mark := range marks {
		name := o.m.Dimensions[d].Name
		if t, ok := strings.CutPrefix(mark, "total "); ok {
			o.totals[name+" "+t] = true
			o.parts[name+" <"+t] = true
		} else {
			o.parts[name+" "+codes[d]] = true
		}
	}
	this := observed{year, strings.Join(codes, ","), v, Place{"in.csv", at}, Exact}
	for s := range statuses {
		if s.String() == status {
			this.status = s
		}
	}
	if !o.m.KeyRow {
		key := year + " " + this.codes
		if o.m.Key != nil {
			key = ""
			for _, k := range o.m.Key {
				key += codelist.Fold(row[k]) + "\x00"
			}
		}
		if i, ok := o.keys[key]; ok {
			first := &o.rows[i]
			switch {
			case first.period != year || first.codes != this.codes:
				o.stops = true
			case o.m.Duplicates == "max" && first.value != v:
				if v > first.value {
					first.value, first.status = v, this.status
				}
				o.outcomes[MergedDuplicate]++
				return
			case o.m.Duplicates == "sum":
				first.value += v
			case o.m.Duplicates != "max" && (o.m.Duplicates != "same" || first.value != v):
				o.stops = true
			}
			first.status = worse(first.status, this.status)
			o.outcomes[MergedDuplicate]++
			return
		}
		o.keys[key] = len(o.rows)
	}
	o.rows = append(o.rows, this)
	o.outcomes[Counted]++
}

// overlaps: some total stands beside a code below it.
func (o *oracle) overlaps() bool {
	for _, d := range o.m.Dimensions {
		for total := range o.totals {
			t, ok := strings.CutPrefix(total, d.Name+" ")
			if !ok || d.Unknown {
				continue
			}
			for part := range o.parts {
				p, ok := strings.CutPrefix(part, d.Name+" ")
				if !ok {
					continue
				}
				bare := strings.HasPrefix(p, "<")
				p = strings.TrimPrefix(p, "<")
				if bare && p == t {
					continue
				}
				for p != "" {
					if p == t {
						return true
					}
					switch up, ok := oracleTree[p]; {
					case ok:
						p = up
					case p == "_U":
						p = "_T"
					case strings.HasSuffix(p, "/_U"):
						p = strings.TrimSuffix(p, "/_U")
					default:
						p = ""
					}
				}
			}
		}
	}
	return false
}
