package normalize

import (
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"

	"halftone/connectors"
	"halftone/pipeline/codelist"
)

// Above either of these a column's labels are forgotten before the next page
// and decided anew: it then costs time, not memory. What was decided is the
// same again, so the outcome is too.
const (
	maxLabels     = 1 << 20
	maxLabelBytes = 64 << 20
)

// A label is a distinct text of a column, or of several joined.
type label struct {
	clean, folded string
	blank         bool // no text in any of the columns
}

func newLabel(clean string) label { return label{clean, codelist.Fold(clean), clean == ""} }

// A decider decides labels. It keeps what it decided by the order in which
// labels came: the n-th label after a forget has number n.
type decider interface {
	decide(label)
	forget()
}

// A column is read from every page, or joined of such. index[i] is the label of
// row i of the page at hand; a column that nobody decides labels of has no index.
type column struct {
	name     string
	given    bool   // by the reader: @file, @column
	joint    *joint // nil: it is read
	deciders []decider
	numbers  map[string]uint32
	bytes    int // of the texts in numbers
	limit    int // most labels that are kept from page to page
	isBlank  []bool
	forgets  int // how often it forgot its labels
	index    []uint32
	text     *array.String
}

func newColumn(name string) *column {
	return &column{name: name, numbers: map[string]uint32{}, limit: maxLabels}
}

// bind finds the column in a page.
func (c *column) bind(p connectors.Page) bool {
	at := p.Records.Schema().FieldIndices(c.name)
	if len(at) != 1 {
		return false
	}
	var ok bool
	c.text, ok = p.Records.Column(at[0]).(*array.String)
	return ok
}

// label numbers the labels of the page and has the new ones decided.
func (c *column) label() {
	if len(c.deciders) == 0 {
		return
	}
	if len(c.numbers) > c.limit || c.bytes > maxLabelBytes {
		c.forget()
	}
	n := c.text.Len()
	c.sized(n)
	last, number := "", uint32(0)
	for i := range n {
		s := c.text.Value(i)
		if s != last || i == 0 {
			var ok bool
			if number, ok = c.numbers[s]; !ok {
				number = c.add(strings.Clone(s)) // the page's memory is not ours to keep
			}
			last = s
		}
		c.index[i] = number
	}
}

// sized makes room for the labels of n rows.
func (c *column) sized(n int) {
	if cap(c.index) < n {
		c.index = make([]uint32, n)
	}
	c.index = c.index[:n]
}

func (c *column) add(s string) uint32 {
	number := uint32(len(c.isBlank))
	c.decide(newLabel(codelist.Clean(s)))
	c.numbers[s], c.bytes = number, c.bytes+len(s)
	return number
}

func (c *column) decide(l label) {
	for _, d := range c.deciders {
		d.decide(l)
	}
	c.isBlank = append(c.isBlank, l.blank)
}

func (c *column) forget() {
	c.numbers, c.isBlank, c.bytes = map[string]uint32{}, c.isBlank[:0], 0
	if c.forgets++; c.joint != nil {
		c.joint.forget()
	}
	for _, d := range c.deciders {
		d.forget()
	}
}

// blank reports whether the column has no text in row i of the page.
func (c *column) blank(i int) bool {
	if len(c.deciders) == 0 {
		return strings.TrimSpace(c.text.Value(i)) == ""
	}
	return c.isBlank[c.index[i]]
}

// Literals are folded texts of a mapping that remember whether a label met them.
type literals[T any] map[string]*literal[T]

type literal[T any] struct {
	text string // as configured
	is   T
	met  bool
}

func newLiterals[T any]() literals[T] { return literals[T]{} }

func (ls literals[T]) add(text string, is T) {
	ls[codelist.Fold(text)] = &literal[T]{text: text, is: is}
}

// has looks a label up.
func (ls literals[T]) has(l label) bool { return ls[l.folded] != nil }

// find looks a label up and remembers that it came.
func (ls literals[T]) find(l label) (is T, ok bool) {
	hit, ok := ls[l.folded]
	if !ok {
		return is, false
	}
	hit.met = true
	return hit.is, true
}
