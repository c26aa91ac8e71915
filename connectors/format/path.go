package format

import (
	"errors"
	"slices"
	"strings"
)

// A step of a path goes to a key of an object, to each element of an array, or
// to the value of each key of an object.
type step struct {
	over stepOver
	name string // of the key, or of the column that the keys become
}

type stepOver uint8

const (
	aKey stepOver = iota
	eachElement
	eachKey
)

type pathKind uint8

const (
	pathOfRows pathKind = iota
	pathOfNames
	pathOfTotal
)

// parsePath reads `data.rows[]` or `data.{month}`. The empty path of records is
// the top-level array; the other empty paths are none.
func parsePath(s string, k pathKind) ([]step, error) {
	if s == "" {
		if k == pathOfRows {
			return []step{{over: eachElement}}, nil
		}
		return nil, nil
	}
	var steps []step
	for part := range strings.SplitSeq(s, ".") {
		key := strings.TrimRight(part, "[]")
		arrays := part[len(key):]
		inner, keys := strings.CutPrefix(key, "{")
		if keys {
			inner, keys = strings.CutSuffix(inner, "}")
		}
		switch {
		case key == "" && (len(steps) > 0 || arrays == ""), keys && inner == "":
			return nil, errors.New("the path has an empty part")
		case strings.ContainsAny(key, "[]") || strings.ContainsAny(inner, "{}") && key != "":
			return nil, errors.New("the path has a part that is not understood")
		case arrays != strings.Repeat("[]", len(arrays)/2):
			return nil, errors.New("the path has brackets that do not match")
		case keys:
			steps = append(steps, step{eachKey, inner})
		case key != "":
			steps = append(steps, step{aKey, key})
		}
		for range len(arrays) / 2 {
			steps = append(steps, step{over: eachElement})
		}
	}
	has := func(o stepOver) bool { return slices.ContainsFunc(steps, func(st step) bool { return st.over == o }) }
	switch {
	case k == pathOfRows && steps[len(steps)-1].over == aKey:
		return nil, errors.New("the path of the records ends with [] or {name}")
	case k == pathOfTotal && (has(eachElement) || has(eachKey)):
		return nil, errors.New("the path of a total goes through objects only")
	case k == pathOfNames && (!has(eachElement) || has(eachKey)):
		return nil, errors.New("the path of the names goes through one array or more")
	}
	return steps, nil
}

// A trail is what is left of the paths at some value: each is nil when the
// value is not on it, and empty when this is its end.
type trail struct{ rows, names, total []step }

func (t trail) off() bool { return t.rows == nil && t.names == nil && t.total == nil }

// key goes to the value of a key. bound is the column that the key becomes.
func (t trail) key(key string) (next trail, bound string) {
	into := func(path []step) []step {
		if len(path) > 0 && path[0].over == aKey && path[0].name == key {
			return path[1:]
		}
		return nil
	}
	next = trail{into(t.rows), into(t.names), into(t.total)}
	// Beside the keys that become a column there may be one that another path takes.
	if len(t.rows) > 0 && t.rows[0].over == eachKey && next.off() {
		next.rows, bound = t.rows[1:], t.rows[0].name
	}
	return next, bound
}

// element goes to an element of an array.
func (t trail) element() trail {
	into := func(path []step) []step {
		if len(path) > 0 && path[0].over == eachElement {
			return path[1:]
		}
		return nil
	}
	return trail{into(t.rows), into(t.names), into(t.total)}
}
