package normalize

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"halftone/pipeline/codelist"
	"halftone/privacy"
)

// A Correction is what a person has said of one row: another value, or that it
// is left out. It comes before bounds, which it need not keep.
type Correction struct {
	Key     []string `json:"key"` // texts of the columns of [Mapping.CorrectionKey], cleaned
	Value   int64    `json:"value"`
	Exclude bool     `json:"exclude,omitempty"`
	Line    int      `json:"-"` // of the file
}

// ByHand reports whether corrections made by hand are among the rules of m: the
// label of what is published must say so.
func (m Mapping) ByHand() bool { return len(m.Corrections) > 0 }

// periodColumn stands for the period among the columns of a key of codes.
const periodColumn = "period"

// CorrectionKey names the columns by which a correction says which row it is
// about: those of `key`, else period and the mapped dimensions, whose texts are
// then codes. It is nil where every row is its own: nothing tells rows apart.
func (m Mapping) CorrectionKey() []string {
	switch {
	case m.everyRow():
		return nil
	case m.Key != nil:
		return m.Key
	}
	key := []string{periodColumn}
	for _, d := range m.Dimensions {
		if len(d.Rules) > 0 {
			key = append(key, d.Name)
		}
	}
	return key
}

// Columns of a corrections file behind those of the key.
const (
	columnValue, columnReason, columnBy, columnOn = "value", "reason", "by", "on"
)

var correctionColumns = [...]string{columnValue, columnReason, columnBy, columnOn}

// A LineError says what is wrong with a line of a corrections file. It quotes
// no text of it.
type LineError struct {
	Line int
	What string
}

var _ error = (*LineError)(nil)

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.What) }

// ParseCorrections reads a corrections file: CSV in UTF-8 with the columns of
// key, then value (a whole number, or exclude), reason, by and on (2026-11-23).
// Errors are [*LineError], joined.
func ParseCorrections(raw []byte, key []string) ([]Correction, error) {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(raw) {
		return nil, &LineError{1, "not UTF-8: save the file as UTF-8"}
	}
	r := csv.NewReader(bytes.NewReader(raw))
	header, err := r.Read()
	if err != nil {
		return nil, &LineError{1, "no header: the columns are " + strings.Join(slices.Concat(key, correctionColumns[:]), ",")}
	}
	at, err := correctionHeader(header, key)
	if err != nil {
		return nil, err
	}
	var out []Correction
	var problems []error
	seen := map[string]int{}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, errors.Join(problems...)
		}
		if err != nil {
			line, what := codelist.LineOf(err)
			return nil, errors.Join(append(problems, &LineError{max(1, line), "not a line of CSV: " + what.Error()})...)
		}
		line, _ := r.FieldPos(0)
		c, what := correction(row, at, len(key))
		if what != "" {
			problems = append(problems, &LineError{line, what})
			continue
		}
		c.Line = line
		folded := codelist.Fold(strings.Join(c.Key, "\x1f"))
		if first, twice := seen[folded]; twice {
			problems = append(problems, &LineError{line, fmt.Sprintf("has the key of line %d", first)})
		}
		seen[folded] = line
		out = append(out, c)
	}
}

// correctionHeader finds the columns: those of the key, then the others.
func correctionHeader(header, key []string) ([]int, error) {
	want := slices.Concat(key, correctionColumns[:])
	clean := make([]string, len(header))
	for i, h := range header {
		clean[i] = codelist.Clean(h)
	}
	var at []int
	for _, name := range want {
		i := slices.Index(clean, codelist.Clean(name))
		if i < 0 || slices.Index(clean[i+1:], clean[i]) >= 0 {
			return nil, &LineError{1, "column " + name + " is missing or stands twice: the columns are " + strings.Join(want, ",")}
		}
		at = append(at, i)
	}
	if len(header) != len(want) {
		return nil, &LineError{1, "has other columns than " + strings.Join(want, ",")}
	}
	return at, nil
}

// correction reads a line; what says what is wrong with it.
func correction(row []string, at []int, keys int) (c Correction, what string) {
	for _, i := range at[:keys] {
		c.Key = append(c.Key, codelist.Clean(row[i]))
	}
	rest := at[keys:]
	value, reason, by, on := strings.TrimSpace(row[rest[0]]), row[rest[1]], row[rest[2]], strings.TrimSpace(row[rest[3]])
	_, err := time.Parse(time.DateOnly, on)
	switch {
	case codelist.Fold(value) == exclude:
		c.Exclude = true
	case len(value) > 14:
		return c, "value is no whole number of at most 2^40, nor exclude"
	default:
		var bad error
		if c.Value, bad = strconv.ParseInt(value, 10, 64); bad != nil || c.Value > maxCount || c.Value < -maxCount {
			return c, "value is no whole number of at most 2^40, nor exclude"
		}
	}
	switch {
	case codelist.Clean(reason) == "":
		return c, "has no reason"
	case codelist.Clean(by) == "":
		return c, "has no name in `by`"
	case err != nil:
		return c, "`on` is no date such as 2026-11-23"
	}
	return c, ""
}

// corrected are the corrections of a pull, by key.
type corrected struct {
	byKey  map[rowKey]*correctedRow
	spots  map[spot]bool // rows with another value: bounds are a person's word there
	single bool          // one row each: with `duplicates: sum` two would count twice
}

type correctedRow struct {
	Correction
	rows int
}

func (n *Normalizer) compileCorrections() error {
	if len(n.m.Corrections) == 0 {
		return nil
	}
	n.corrected = &corrected{byKey: map[rowKey]*correctedRow{}, spots: map[spot]bool{}, single: n.m.duplicates() == duplicatesSum}
	for _, c := range n.m.Corrections {
		key, err := n.correctionKey(c)
		if err != nil {
			return err
		}
		row := &correctedRow{Correction: c}
		if n.corrected.byKey[key] != nil {
			return &MappingError{path("corrections"), fmt.Sprintf("line %d has the key of line %d", c.Line, n.corrected.byKey[key].Line)}
		}
		n.corrected.byKey[key] = row
	}
	n.rules.unused = append(n.rules.unused, func() []string {
		var lines []int
		for _, c := range n.corrected.byKey {
			if c.rows == 0 {
				lines = append(lines, c.Line)
			}
		}
		slices.Sort(lines)
		var out []string
		for _, l := range lines {
			out = append(out, fmt.Sprintf("the key of a correction: line %d", l))
		}
		return out
	})
	return nil
}

// correctionKey packs the key of a correction as [keys.key] does that of a row.
func (n *Normalizer) correctionKey(c Correction) (rowKey, error) {
	if n.m.Key != nil {
		texts := make([]string, len(c.Key))
		for i, text := range c.Key {
			texts[i] = codelist.Fold(text)
		}
		return n.keys.ofTexts(texts), nil
	}
	period, err := privacy.ParsePeriod(c.Key[0])
	v := n.rules.periods.verdict(period, err == nil)
	if v < 0 {
		return rowKey{}, &MappingError{path("corrections"), fmt.Sprintf("line %d: its period is none of the dataset", c.Line)}
	}
	codes, mapped := make([]uint32, len(n.rules.dims)), 1
	for d, dim := range n.rules.dims {
		code := privacy.Total
		if len(n.m.Dimensions[d].Rules) > 0 {
			code, mapped = c.Key[mapped], mapped+1
		}
		at, ok := dim.place(code)
		if !ok {
			return rowKey{}, &MappingError{path("corrections"), fmt.Sprintf("line %d: column %s has no code at which rows of this source are", c.Line, dim.name)}
		}
		codes[d] = at
	}
	return n.keys.key(0, uint32(v), codes), nil
}

// correct looks whether a person has said something of a row. If so, v is its
// value or end its outcome.
func (n *Normalizer) correct(i int, at spot, period uint32) (v int64, end ending, ok bool) {
	c := n.corrected.byKey[n.keys.key(i, period, n.codes)]
	if c == nil {
		return 0, endCounted, false
	}
	c.rows++
	switch {
	case c.Exclude:
		return 0, endExcluded, true
	case c.rows > 1 && n.corrected.single:
		n.tally.problem(twiceCorrected, "", n.place(at), Place{})
	}
	n.corrected.spots[at] = true
	return c.Value, endCounted, true
}
