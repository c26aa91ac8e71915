package config

import "halftone/pipeline/codelist"

// meant adds a guess to a message.
func meant(name string, known []string) string {
	if n := codelist.Nearest(name, known); n != "" {
		return "; did you mean " + quoted(n) + "?"
	}
	return ""
}
