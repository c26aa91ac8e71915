package format

import (
	"errors"
	"strings"
)

// A step of a path goes to a key of an object, or with an empty key to each
// element of an array.
type step string

const each step = ""

// parsePath reads `data.rows[]`. The empty path of records is the top-level
// array; the empty path of a total is none, and it has no [].
func parsePath(s string, records bool) ([]step, error) {
	if s == "" {
		if records {
			return []step{each}, nil
		}
		return nil, nil
	}
	var steps []step
	for part := range strings.SplitSeq(s, ".") {
		key := strings.TrimRight(part, "[]")
		arrays := part[len(key):]
		switch {
		case key == "" && (len(steps) > 0 || arrays == ""):
			return nil, errors.New("the path has an empty part")
		case strings.ContainsAny(key, "[]{}"):
			return nil, errors.New("the path has a part that is not understood")
		case arrays != strings.Repeat("[]", len(arrays)/2):
			return nil, errors.New("the path has brackets that do not match")
		}
		if key != "" {
			steps = append(steps, step(key))
		}
		for range len(arrays) / 2 {
			steps = append(steps, each)
		}
	}
	if records && steps[len(steps)-1] != each {
		return nil, errors.New("the path of the records ends with []")
	}
	if !records {
		for _, st := range steps {
			if st == each {
				return nil, errors.New("the path of a total goes through objects only")
			}
		}
	}
	return steps, nil
}

// after gives the rest of path behind st, or nothing if path does not begin
// with st. An empty, non-nil rest says: this is it.
func after(path []step, st step) []step {
	if len(path) == 0 || path[0] != st {
		return nil
	}
	return path[1:]
}
