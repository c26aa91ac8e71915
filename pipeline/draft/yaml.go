package draft

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode"
)

// plain are texts that YAML takes as they are, in braces too.
var plain = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_./()+-]*( [A-Za-z0-9_./()+-]+)*$`)

// special are plain texts that YAML or we take for something else.
var special = regexp.MustCompile(`(?i)^(true|false|null|yes|no|on|off|y|n|todo|nan|inf)$`)

// quote writes a text as YAML.
func quote(s string) string {
	if plain.MatchString(s) && !special.MatchString(s) {
		return s
	}
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Sprintf("%q", s)
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

func list(texts []string) string {
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = quote(t)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// shown is the name of a column in a comment.
func shown(name string) string {
	if name == group || name == upper || name == lower {
		return name + ", which unpivot makes of the names of columns"
	}
	return `"` + strings.Map(oneLine, name) + `"`
}

func oneLine(r rune) rune {
	if !unicode.IsPrint(r) {
		return ' '
	}
	return r
}

var notInName = regexp.MustCompile(`[^a-z0-9]+`)

// slug makes a name of a text.
func slug(s, with string) string {
	return strings.Trim(notInName.ReplaceAllString(strings.ToLower(s), with), with)
}

func sourceName(file string) string {
	n := slug(strings.TrimSuffix(file, path.Ext(file)), "-")
	if n == "" {
		return "source"
	}
	return strings.Trim(n[:min(len(n), 40)], "-")
}

// escaped keeps characters of a file's name from being read as a pattern.
func escaped(path string) string {
	return strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(path)
}
