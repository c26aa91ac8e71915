package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"halftone/outputs"
	"halftone/privacy"
)

// breaks finds where two neighbouring periods are not alike, from what their
// releases and charges say of themselves.
func breaks(editions []outputs.Edition) ([]outputs.Break, error) {
	var out []outputs.Break
	for i := 1; i < len(editions); i++ {
		before, err := editions[i-1].Release.Model()
		if err != nil {
			return nil, err
		}
		m, err := editions[i].Release.Model()
		if err != nil {
			return nil, err
		}
		k, err := editions[i].Release.Key()
		if err != nil {
			return nil, err
		}
		for _, kind := range differences(editions[i-1], editions[i], before, m) {
			out = append(out, outputs.Break{At: k.Period, Kind: kind})
		}
	}
	return out, nil
}

func differences(a, b outputs.Edition, before, m privacy.Model) (kinds []string) {
	lacks := func(x, y []string) bool {
		return slices.ContainsFunc(x, func(name string) bool { return !slices.Contains(y, name) })
	}
	if lacks(b.Expected, a.Expected) {
		kinds = append(kinds, "source_joined")
	}
	if lacks(a.Expected, b.Expected) {
		kinds = append(kinds, "source_left")
	}
	if fmt.Sprint(before.Dimensions) != fmt.Sprint(m.Dimensions) { // shapes only: small
		kinds = append(kinds, "codes_changed")
	}
	if fmt.Sprint(before.Tables) != fmt.Sprint(m.Tables) {
		kinds = append(kinds, "tables_changed")
	}
	if before.Bound != m.Bound {
		kinds = append(kinds, "bound_changed")
	}
	return kinds
}

// sameMeaning refuses a configuration under which a cell no longer means what it
// meant in the series' last release: such a change starts a new series.
func sameMeaning(last privacy.Model, s privacy.Spec) error {
	refuse := func(what string) error {
		return fmt.Errorf("%w: %s since the last release, so cells no longer mean the same. Nothing was charged. "+
			"Put it back, or raise `series` by one: the old series stays as it is published", ErrRefused, what)
	}
	if last.Measure != s.Measure {
		return refuse("`measure` has changed")
	}
	for _, old := range last.Dimensions {
		i := slices.IndexFunc(s.Dimensions, func(d privacy.Dimension) bool { return d.Name == old.Name })
		if i < 0 {
			return refuse(fmt.Sprintf("dimension %s was removed", old.Name))
		}
		if what := moved(old, s.Dimensions[i]); what != "" {
			return refuse(fmt.Sprintf("in dimension %s %s", old.Name, what))
		}
	}
	if zeros(last.Dimensions, last.Zeros) != zeros(s.Dimensions, s.Zeros) {
		return refuse("`structural_zeros` have changed")
	}
	return nil
}

// zeros names structural zeros whatever dimensions there are beside.
func zeros(dims []privacy.Dimension, zs []privacy.Zero) string {
	var out []string
	for _, z := range zs {
		var named []string
		for d, l := range z.Levels {
			if l > 0 {
				named = append(named, dims[d].Name+"="+z.Codes[d])
			}
		}
		slices.Sort(named)
		out = append(out, strings.Join(named, " "))
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), "\n")
}

// samePromise refuses a unit or a bound for which older releases, of any series,
// would be worth less than what is said of them.
func samePromise(r earlier, s privacy.Spec) error {
	old := r.model
	if old.Unit != s.Unit {
		return fmt.Errorf("%w: what is protected (`unit`) was one %s and is now one %s: releases were made for the former, in whatever series. Nothing was charged. "+
			"Put it back, or begin a dataset of its own", ErrRefused, old.Unit, s.Unit)
	}
	if now := s.Bound().PerPeriod; now > r.bound {
		return fmt.Errorf("%w: one %s may now change the counts of a period by %d, and releases were made for %d: for them the promise would be "+
			"weaker than what is published. Nothing was charged. Keep contribution and overlap as they were; if they were wrong, "+
			"two people can say so, and the releases then count for more: halftone ledger amend", ErrRefused, s.Unit, now, r.bound)
	}
	return nil
}

// sameShape reports whether a release has the tables and codes of a spec.
func sameShape(m privacy.Model, s privacy.Spec) bool {
	return fmt.Sprint(m.Dimensions, m.Tables) == fmt.Sprint(s.Dimensions, s.Tables)
}

// moved says what of a dimension's old tree is not in the new one.
func moved(old, now privacy.Dimension) string {
	if len(old.Levels) != len(now.Levels) {
		return "levels were added or removed"
	}
	for l := range old.Levels {
		if old.Levels[l].Name != now.Levels[l].Name {
			return fmt.Sprintf("level %s was renamed", old.Levels[l].Name)
		}
		for i, code := range old.Levels[l].Codes {
			j := slices.Index(now.Levels[l].Codes, code)
			if j < 0 {
				return fmt.Sprintf("code %s was removed", code)
			}
			if l > 0 && old.Levels[l-1].Codes[old.Levels[l].Parent[i]] != now.Levels[l-1].Codes[now.Levels[l].Parent[j]] {
				return fmt.Sprintf("code %s was moved below another parent", code)
			}
		}
	}
	return ""
}
