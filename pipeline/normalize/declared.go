package normalize

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"halftone/pipeline/codelist"
	"halftone/privacy"
)

// Words of the mapping language that stand where a code, a period or a status may.
const (
	exclude      = codelist.Exclude
	missing      = "missing"
	notCollected = "not_collected"
	zero         = "zero"
	suppressed   = "suppressed"
	rounded      = "rounded"
	noised       = "noised"
	count        = "count" // the unit
)

// How rows with one key go together.
const (
	duplicatesError = "error"
	duplicatesSum   = "sum"
	duplicatesMax   = "max"
	duplicatesSame  = "same"
)

// Columns lists every column of the source that m reads, each once: what a connector
// may decode, besides those that [Mapping.Match] matches.
func (m Mapping) Columns() []string { return m.Reshape.source(m.used()) }

// Match matches the names of the columns that `unpivot` makes rows of, whole; nil:
// there is no pattern.
func (m Mapping) Match() *regexp.Regexp {
	if _, what := m.Reshape.check(); what != "" {
		return nil // Check says so
	}
	return m.Reshape.Unpivot.pattern()
}

// given reports whether the text of a column stands outside of the rows.
func (m Mapping) given(column string) bool {
	return strings.HasPrefix(column, "@") || slices.Contains(m.Given, column)
}

// used lists every column that the rules of m are about, each once.
func (m Mapping) used() []string {
	var cols []string
	add := func(names ...string) {
		for _, name := range names {
			if name != "" && !slices.Contains(cols, name) {
				cols = append(cols, name)
			}
		}
	}
	tests := func(ps []Predicate) {
		for _, p := range ps {
			for _, t := range p {
				add(t.Column)
			}
		}
	}
	tests(m.Where)
	tests(m.Deleted)
	add(m.Unit.Column)
	add(m.Period.Column)
	add(m.Period.Columns...)
	for _, d := range m.Dimensions {
		for _, r := range d.Rules {
			tests(r.When)
			add(r.Column)
			add(r.Columns...)
		}
	}
	add(m.Person.Column)
	add(m.Person.Columns...)
	add(m.Value.Column)
	for _, s := range m.Value.Status {
		tests(s.When)
	}
	add(m.Key...)
	for _, k := range m.Keep {
		add(k.PartitionBy...)
		add(k.OrderBy)
	}
	return cols
}

// everyRow reports whether every row is its own.
func (m Mapping) everyRow() bool {
	return m.KeyRow || m.Value.Column == "" && m.Key == nil && m.Duplicates == ""
}

// Unknowns says which codes of a dimension need a child _U for the rows of m:
// all with `unknown: true`, else those at which a rule puts a row by declaration
// (the code _U, X/_U, _T, or one with codes below it), and the root where the
// dimension is not mapped. With grains those of which rows are counted decide:
// the root where one leaves the dimension out, the codes of its level where it
// stops above the leaves, and of the codes that rules name only _U and X/_U.
// Not because a label came: a dimension's cells are fixed before data are read.
func (m Mapping) Unknowns(dimension string) codelist.Unknowns {
	u := codelist.Unknowns{Parents: map[string]bool{}}
	for _, d := range m.Dimensions {
		if d.Name != dimension {
			continue
		}
		u.All = u.All || d.Unknown
		if m.Grains != nil {
			m.grainUnknowns(d, u.Parents)
			continue
		}
		if len(d.Rules) == 0 {
			u.Parents[privacy.Total] = true
		}
		for _, r := range d.Rules {
			for _, code := range r.declared() {
				if _, parent, ok := d.List.Leaf(code); ok && parent != "" {
					u.Parents[parent] = true
				}
			}
		}
	}
	return u
}

// declared lists the codes that r names; "" and exclude may be among them.
func (r Rule) declared() []string {
	codes := []string{r.Const, r.Blank, r.Else, r.Unknown, r.Many}
	for _, code := range r.Codes {
		codes = append(codes, code)
	}
	return codes
}

// Digest is the SHA-256 of all in m that decides how rows become counts, code
// tables included, in canonical form: JSON with fields in the order below, maps
// by key. The source's name, its quarantine limit and the code lists are not in
// it (a code list has its own). Of corrections only that there are some: the
// digest is public, and a value that a person gives is a count.
func (m Mapping) Digest() string {
	type dimension struct {
		Name    string `json:"name"`
		Rules   []Rule `json:"rules,omitempty"`
		Unknown bool   `json:"unknown,omitempty"`
	}
	c := struct {
		Reshape    Reshape     `json:"reshape,omitzero"`
		Where      []Predicate `json:"where,omitempty"`
		Unit       Unit        `json:"unit"`
		Period     Period      `json:"period"`
		Value      Value       `json:"value"`
		Dimensions []dimension `json:"dimensions"`
		Key        []string    `json:"key,omitempty"`
		KeyRow     bool        `json:"key_row,omitempty"`
		Duplicates string      `json:"duplicates"`
		Min        int64       `json:"min"`
		Max        *int64      `json:"max,omitempty"`

		Ratio  float64          `json:"ratio,omitempty"`
		Clip   bool             `json:"clip,omitempty"`
		ByHand bool             `json:"corrections,omitempty"`
		Keep   []Keep           `json:"keep,omitempty"`
		Grains []Grain          `json:"grains,omitempty"`
		Totals Totals           `json:"totals,omitzero"`
		Zeros  []StructuralZero `json:"structural_zeros,omitempty"`

		Upsert  bool        `json:"upsert,omitempty"`
		Deleted []Predicate `json:"deleted,omitempty"`
		Person  Person      `json:"person,omitzero"`
	}{
		Reshape: m.Reshape, Where: m.Where, Unit: m.Unit, Period: m.Period, Value: m.Value,
		Key: m.Key, KeyRow: m.everyRow(), Duplicates: m.duplicates(), Min: m.Bounds.min(), Max: m.Bounds.Max,
		Ratio: m.Bounds.Ratio, Clip: m.Bounds.Clip, ByHand: m.ByHand(), Keep: m.Keep, Totals: m.Totals, Zeros: m.Zeros,
		Upsert: m.Upsert, Deleted: m.Deleted, Person: m.Person,
	}
	for _, g := range m.Grains {
		c.Grains = append(c.Grains, m.named(g))
	}
	for _, d := range m.Dimensions {
		c.Dimensions = append(c.Dimensions, dimension{d.Name, d.Rules, d.Unknown})
	}
	b, err := json.Marshal(c)
	if err != nil { // texts, integers and maps of texts always marshal
		return "invalid"
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

func (m Mapping) duplicates() string {
	if m.Duplicates == "" {
		return duplicatesError
	}
	return m.Duplicates
}

func (b Bounds) min() int64 {
	if b.Min == nil {
		return 0
	}
	return *b.Min
}

// hold reports whether v lies within, as it stands in the source.
func (b Bounds) hold(v int64) bool { return v >= b.min() && (b.Max == nil || v <= *b.Max) }

// clips reports whether v is read as Max instead.
func (b Bounds) clips(v int64) bool { return b.Clip && b.Max != nil && v > *b.Max }
