package normalize

import (
	"regexp"

	"halftone/pipeline/codelist"
)

// value gives the count of a row and its status, or what else becomes of it.
func (o *oracle) value(row map[string]string) (v int64, status string, other Outcome, stops bool) {
	rule := o.m.Value
	text, matches, blank := textOf(row, rule.Column, nil, "", rule.Regex)
	number, is := oracleValue(text)
	if !matches && !blank {
		number, is = 0, notNumber
	}
	scale := max(rule.Scale, 1)
	for _, s := range rule.Status {
		dropped := s.Is == "missing" || s.Is == "not_collected"
		switch {
		case s.When != nil && !o.any(s.When, row):
			continue
		case s.Matches != "" && !regexp.MustCompile(s.Matches).MatchString(text):
			continue
		case s.Text != "" && codelist.Fold(s.Text) != codelist.Fold(text):
			continue
		}
		switch {
		case is == fraction && (s.When == nil || !dropped):
			return 0, "", "", true
		case is != whole:
		case s.Is == "suppressed" && (number < 0 || number >= s.Below), s.Is == "zero" && number != 0, dropped && s.When == nil && number > 0:
			return 0, "", "", true
		}
		switch s.Is {
		case "suppressed":
			return s.As * scale, "suppressed", "", false
		case "zero":
			return 0, "zero", "", false
		case "rounded", "noised":
			if is == whole {
				return number * scale, s.Is, "", number < 0
			}
		default:
			return 0, "", NoValue, false
		}
		break
	}
	if blank {
		switch rule.Blank {
		case "missing":
			return 0, "", NoValue, false
		case "exclude":
			return 0, "", Excluded, false
		}
		return 0, "zero", "", false
	}
	return number * scale, "exact", "", is != whole || number < 0
}

// worse of two statuses: that of which less is known; a zero among counts is one.
func worse(a, b Status) Status {
	for _, s := range []Status{Suppressed, Rounded, Noised} {
		if a == s || b == s {
			return s
		}
	}
	if a == Zero && b == Zero {
		return Zero
	}
	return Exact
}
