package codelist

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

const (
	maxCode  = 64  // bytes; codes are names in files, tables and ledgers
	maxLabel = 500 // bytes
)

// Exclude is the word by which a mapping leaves a row out; no code may be that.
const Exclude = "exclude"

var validity = regexp.MustCompile(`^(\d{4}(-\d{2}(-\d{2})?)?)?$`)

// codes checks each entry by itself.
func (rd *reader) codes() {
	first := map[string]int{}
	for i, e := range rd.list.Entries {
		line := rd.lines[i]
		if j, twice := first[e.Code]; twice {
			rd.problem(line, "code %s stands twice, first in line %d", e.Code, rd.lines[j])
		}
		first[e.Code] = i
		if what := badCode(e); what != "" {
			rd.problem(line, "code %q %s", e.Code, what)
		}
		if !validity.MatchString(e.ValidFrom) || !validity.MatchString(e.ValidTo) {
			rd.problem(line, "code %s: valid_from and valid_to are dates: 2024, 2024-07 or 2024-07-31", e.Code)
		}
		for _, label := range e.Label {
			if len(label) > maxLabel || strings.ContainsFunc(label, unprintable) {
				rd.problem(line, "code %s: a label has more than %d bytes, or characters that cannot be printed", e.Code, maxLabel)
				break
			}
		}
	}
}

// badCode says why a code may not be one.
func badCode(e Entry) string {
	switch c := e.Code; {
	case c == "":
		return "is empty"
	case len(c) > maxCode:
		return "has more than 64 bytes"
	case strings.ContainsFunc(c, unprintable):
		return "has characters that cannot be printed"
	case Fold(c) == Exclude:
		return "is the word by which a mapping leaves rows out"
	case isUnknown(c) && e.Parent != parentOfUnknown(c):
		return "is that of \"not said where\": its parent must be " + parentOfUnknown(c)
	case e.Parent == c:
		return "is its own parent"
	}
	return ""
}

// unprintable holds for control, format, private and unassigned characters.
func unprintable(r rune) bool { return r != ' ' && !unicode.IsGraphic(r) }

// parents checks that the entries are a tree under the root.
func (rd *reader) parents() {
	at := map[string]int{}
	for i, e := range rd.list.Entries {
		at[e.Code] = i
	}
	for i, e := range rd.list.Entries[1:] {
		switch _, ok := at[e.Parent]; {
		case !ok:
			rd.problem(rd.lines[i+1], "code %s: its parent %s is no code of the list", e.Code, e.Parent)
		case isUnknown(e.Parent):
			rd.problem(rd.lines[i+1], "code %s: nothing lies below %s, which means \"not said where\"", e.Code, e.Parent)
		}
	}
	if len(rd.problems) > 0 {
		return
	}
	// Every entry must reach the root; sound[i] says that entry i does.
	sound := make([]bool, len(rd.list.Entries))
	sound[0] = true
	for i := range rd.list.Entries {
		var path []int
		onPath := map[int]bool{}
		for j := i; !sound[j]; j = at[rd.list.Entries[j].Parent] {
			if onPath[j] {
				rd.problem(rd.lines[i], "code %s lies in itself: its parents go in a circle", rd.list.Entries[i].Code)
				return
			}
			onPath[j], path = true, append(path, j)
		}
		for _, j := range path {
			sound[j] = true
		}
	}
}

// levels names a level for every entry and puts the names in order.
func (rd *reader) levels() {
	l := &rd.list
	named, unnamed := 0, 0
	for _, e := range l.Entries[1:] {
		if e.Level == "" {
			unnamed++
		} else {
			named++
		}
	}
	if l.Entries[0].Level == "" {
		l.Entries[0].Level = rootLevel
	}
	if named == 0 {
		rd.countLevels()
		return
	}
	for i, e := range l.Entries {
		switch {
		case e.Level == "":
			rd.problem(rd.lines[i], "code %s has no level; other lines have", e.Code)
		case i > 0 && e.Level == l.Entries[0].Level:
			rd.problem(rd.lines[i], "code %s has the level %s of the root", e.Code, e.Level)
		case strings.ContainsFunc(e.Level, unprintable), strings.ContainsRune("=+-@", rune(e.Level[0])):
			rd.problem(rd.lines[i], "code %s: %q cannot be the name of a level", e.Code, e.Level)
		}
	}
	if unnamed == 0 && len(rd.problems) == 0 {
		rd.orderLevels()
	}
}

// countLevels names the levels of a file that does not.
func (rd *reader) countLevels() {
	l := &rd.list
	l.derived, l.Levels = true, []string{l.Entries[0].Level}
	at := map[string]int{}
	for i, e := range l.Entries {
		at[e.Code] = i
	}
	depths := make([]int, len(l.Entries))
	var depth func(i int) int
	depth = func(i int) int {
		if i > 0 && depths[i] == 0 {
			depths[i] = 1 + depth(at[l.Entries[i].Parent])
		}
		return depths[i]
	}
	for i := range l.Entries[1:] {
		d := depth(i + 1)
		for len(l.Levels) <= d {
			l.Levels = append(l.Levels, levelName(len(l.Levels)))
		}
		l.Entries[i+1].Level = levelName(d)
	}
}

func levelName(depth int) string { return "level " + strconv.Itoa(depth) }

// orderLevels puts the level names in the one order in which every code is at
// a finer level than its parent, and fails when there is none or several.
func (rd *reader) orderLevels() {
	l := &rd.list
	var names []string                    // in order of first appearance
	line := map[string]int{}              // first line of a level
	above := map[string]map[string]bool{} // level → levels of the parents of its codes
	of := map[string]string{}             // code → level
	for i, e := range l.Entries {
		if above[e.Level] == nil {
			names, line[e.Level], above[e.Level] = append(names, e.Level), rd.lines[i], map[string]bool{}
		}
		of[e.Code] = e.Level
	}
	for i, e := range l.Entries[1:] {
		if of[e.Parent] == e.Level {
			rd.problem(rd.lines[i+1], "code %s has the level %s, as its parent has", e.Code, e.Level)
			return
		}
		above[e.Level][of[e.Parent]] = true
	}
	for len(names) > 0 {
		next := slices.DeleteFunc(slices.Clone(names), func(n string) bool {
			return slices.ContainsFunc(names, func(m string) bool { return above[n][m] })
		})
		switch len(next) {
		case 0:
			rd.problem(0, "its levels have no order: one stands above and below another")
			return
		case 1:
			l.Levels = append(l.Levels, next[0])
			names = slices.DeleteFunc(names, func(n string) bool { return n == next[0] })
		default:
			rd.problem(line[next[1]], "level %s stands beside level %s: neither lies in the other", next[1], next[0])
			return
		}
	}
}

// labels checks that no text stands for two codes.
func (rd *reader) labels() {
	owner := map[string]int{}
	for i, e := range rd.list.Entries {
		for _, s := range e.texts() {
			f := Fold(s)
			if j, ok := owner[f]; ok && j != i {
				rd.problem(rd.lines[i], "%q stands for code %s and for code %s (line %d); one text may mean one code only",
					s, e.Code, rd.list.Entries[j].Code, rd.lines[j])
			}
			owner[f] = i
		}
	}
}
