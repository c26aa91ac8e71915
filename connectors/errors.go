package connectors

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unicode"
)

// Reason is the kind of a source failure, for programs.
type Reason string

// The reasons for which a source stops.
const (
	NotFound  Reason = "not_found" // no such file, host, rows path
	Column    Reason = "column"    // a mapped column is missing or there twice
	Malformed Reason = "malformed" // not what the format asks for, bad byte
	Short     Reason = "short"     // fewer or more rows than the source's own total, truncated
	Limit     Reason = "limit"     // over a limit
	Network   Reason = "network"   // could not be reached, or broke off
	Status    Reason = "status"    // answered, but not with data
	Refused   Reason = "refused"   // we refuse: host, address, redirect, certificate
	Unsecured Reason = "secret"    // a secret reference does not resolve
	Changed   Reason = "changed"   // changed while it was read
	Contract  Reason = "contract"  // the connector broke its own contract
)

// A SourceError says why a source was not taken: exit code 4. It holds no data
// value, no label, no secret, no query and no column name that did not come
// from the configuration. Whoever makes one guarantees that of every field.
type SourceError struct {
	Reason Reason
	File   string // as Origin.File; empty: the source as a whole
	Row    int64  // as Origin.Row; 0: the item as a whole
	Column string // from the configuration only
	What   string // what is wrong
	Do     string // what the data officer can do
	// Err is for errors.Is and its text is not printed: foreign errors quote
	// URLs and fields. Wrap keeps only what is safe.
	Err error
}

var _ error = (*SourceError)(nil)

// Error gives place, fault and remedy in one line.
func (e *SourceError) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(strings.Map(printable, e.File))
		if e.Row > 0 {
			fmt.Fprintf(&b, ", row %d", e.Row)
		}
		if e.Column != "" {
			fmt.Fprintf(&b, ", column %q", e.Column)
		}
		b.WriteString(": ")
	} else if e.Column != "" {
		fmt.Fprintf(&b, "column %q: ", e.Column)
	}
	b.WriteString(e.What)
	if e.Do != "" {
		b.WriteString("; " + e.Do)
	}
	return b.String()
}

// printable keeps a file's name from forging lines of a log or a terminal.
func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return '?'
}

// Unwrap gives the cause.
func (e *SourceError) Unwrap() error { return e.Err }

// Wrap makes e's cause the well-known error that err is, if any, and drops
// err's text: it may quote a path, a URL or a field.
func (e *SourceError) Wrap(err error) *SourceError {
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, fs.ErrNotExist, fs.ErrPermission} {
		if errors.Is(err, known) {
			e.Err = known
			return e
		}
	}
	return e
}

// A SettingError says that the configuration of a source cannot work: exit
// code 2. Key is the key below `from`, `read` or the source.
type SettingError struct {
	Key  string
	What string
	Do   string
}

var _ error = (*SettingError)(nil)

// Error gives key, fault and remedy in one line.
func (e *SettingError) Error() string {
	s := e.Key + ": " + e.What
	if e.Do != "" {
		s += "; " + e.Do
	}
	return s
}
