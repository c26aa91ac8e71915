// Package examples holds ready projects that `halftone init` copies.
package examples

import "embed"

// FS has one folder a project.
//
//go:embed starter us-offences
var FS embed.FS
