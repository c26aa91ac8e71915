// Package all lists the kinds of connectors that come with Halftone.
package all

import (
	"halftone/connectors"
	"halftone/connectors/file"
	"halftone/connectors/http"
)

// Kinds are the kinds by which `from` may name a source, in order of name. A
// caller that wants more or fewer makes its own list.
func Kinds() []connectors.Kind {
	return []connectors.Kind{
		file.Kind(),
		http.Kind(),
	}
}
