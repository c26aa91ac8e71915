package config

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Reference gives a page in Markdown on every key of halftone.yaml and instance.yaml
// that is implemented, made from the same declaration as the checks.
func Reference(kinds ...string) string {
	r := &page{done: map[string]bool{}}
	r.line("# halftone.yaml")
	r.line("")
	r.line("One file describes one dataset. Maps hold named things; a plain text stands where one column or one language is meant;")
	r.line("durations are in words (\"10 days\", \"1 month\", \"2 years\"); paths are relative to the file. An unknown key is an error.")
	r.line("Anchors and merge keys are allowed. `halftone validate` checks a file, `halftone schema` gives its JSON Schema for editors.")
	r.line("")
	r.line("**P** marks what the promise rests on: it is fixed before a pull, and its digest is pinned by every charge.")
	r.section("", wholeFile(kinds))
	r.line("")
	r.line("# instance.yaml")
	r.line("")
	r.line("Only for several datasets on one state folder, one ledger and one public folder: it stands above their folders. Every key has a default,")
	r.line("paths are relative to the file, and an unknown key is an error.")
	r.instance = true
	r.section("", wholeInstance())
	return r.String()
}

type page struct {
	strings.Builder
	done     map[string]bool // sections: a form that stands twice is described once
	instance bool            // the second file
}

func (r *page) line(s string) { r.WriteString(s + "\n") }

// section writes the table of one object, then the sections below it.
func (r *page) section(path string, f *form) {
	title := path
	switch {
	case path == "" && r.instance:
		title = "Keys of instance.yaml"
	case path == "":
		title = "Keys"
	}
	if r.done[title] {
		return
	}
	r.done[title] = true
	r.line("")
	r.line("## " + title)
	r.line("")
	if len(f.oneOf) > 0 {
		r.line("Exactly one of " + list(ticked(f.oneOf), "and") + ".")
		r.line("")
	}
	examples, more := slices.ContainsFunc(f.keys, func(k key) bool { return k.example != "" }), ""
	if examples {
		more = " |"
		r.line("| key | value | default | meaning | example |")
		r.line("|---|---|---|---|---|")
	} else {
		r.line("| key | value | default | meaning |")
		r.line("|---|---|---|---|")
	}
	for _, k := range f.keys {
		if !k.later {
			r.line(k.row(examples))
		}
	}
	if f.each != nil {
		r.line(fmt.Sprintf("| *any %s* | %s | | |%s", f.eachOf, cell(f.each.value()), more))
	}
	for _, k := range f.keys {
		if !k.later {
			r.below(join(path, k.name), k.form)
		}
	}
	if f.each != nil {
		r.below(join(path, "*"+f.eachOf+"*"), f.each)
	}
}

// below finds the objects inside a value.
func (r *page) below(path string, f *form) {
	switch f.kind {
	case anObject:
		r.section(path, f)
	case aMap:
		r.below(join(path, "*name*"), f.each)
	case aList:
		r.below(path, f.each)
	case aUnion:
		for _, a := range f.alts {
			r.below(path, a)
		}
	}
}

func (k key) row(examples bool) string {
	name, def := "`"+k.name+"`", k.absent
	if k.private {
		name += " **P**"
	}
	switch {
	case k.unless[0] != "":
		def = fmt.Sprintf("required, unless `%s: %s`", k.unless[0], k.unless[1])
	case k.must:
		def = "required"
	case k.def != nil:
		if b, err := json.Marshal(k.def); err == nil {
			def = "`" + strings.Trim(string(b), `"`) + "`"
		}
	case def == "":
		def = "none"
	}
	row := fmt.Sprintf("| %s | %s | %s | %s |", name, cell(k.form.value()), cell(def), cell(k.doc))
	switch {
	case k.example != "":
		row += " `" + cell(k.example) + "` |"
	case examples:
		row += " |"
	}
	return row
}

// value says what a value may be.
func (f *form) value() string {
	switch {
	case len(f.enum) > 0:
		return strings.Join(ticked(f.enum), ", ")
	case f.kind == aUnion || f.kind != anInteger || f.max == 0:
		return f.words
	}
	return fmt.Sprintf("%s from %d to %d", f.words, f.min, f.max)
}

func ticked(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = "`" + w + "`"
	}
	return out
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// cell keeps a text in one cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
