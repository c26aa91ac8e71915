package config

import "slices"

// The language of halftone.yaml is declared once, as a tree of forms (see
// language.go). Strict checking, defaults, the JSON Schema and the reference
// page all come from it.

type formKind uint8

const (
	aText     formKind = iota // a text
	aLabel                    // a text, number or truth value, taken as it is written
	anInteger                 //
	aBoolean                  //
	aDecimal                  // a number without exponent's surprises: read exactly
	aPercent                  // "1%"
	aDuration                 // "10 days"
	anObject                  // known keys
	aMap                      // keys of the user's own
	aList                     //
	aUnion                    // the first form that has the value's shape
	settings                  // of a connector: decoded by it
)

// A form says what a value may be.
type form struct {
	kind  formKind
	words string // what is wanted, in words: "a text"
	enum  []string

	pattern  string // of a text, or of the keys of a map
	min, max int64  // of an integer; of the entries of a list or map; max 0: none
	limits   map[string]any

	keys   []key // of an object
	oneOf  []string
	each   *form  // of a map or list; of the free keys of an object
	eachOf string // what a free key is: "dimension"
	alts   []*form
}

// A key is one key of an object.
type key struct {
	name     string
	doc      string
	form     *form
	must     bool
	unless   [2]string // a key beside it and its value with which it need not stand, although must
	def      any       // what absence means, as a JSON value; nil: see absent
	absent   string    // what absence means, in words
	example  string    // a line of YAML: an entry of `map`, or of a source
	private  bool      // PRIVACY: in the spec digest, fixed before a pull
	nullable bool      // an explicit null means absence
	later    bool      // known to the design, not implemented yet
}

func (f *form) find(name string) (key, bool) {
	i := slices.IndexFunc(f.keys, func(k key) bool { return k.name == name })
	if i < 0 {
		return key{}, false
	}
	return f.keys[i], true
}

// names returns the implemented keys.
func (f *form) names() []string {
	var s []string
	for _, k := range f.keys {
		if !k.later {
			s = append(s, k.name)
		}
	}
	return s
}

// choose returns the form that n is to be read by.
func (f *form) choose(n *node) *form {
	if f.kind != aUnion {
		return f
	}
	for _, a := range f.alts {
		if a.fits(n) {
			return a
		}
	}
	return nil
}

// fits reports whether n has the shape of f, whatever is in it.
func (f *form) fits(n *node) bool {
	switch f.kind {
	case anObject, aMap, settings:
		return n.kind == mapNode
	case aList:
		return n.kind == listNode
	case anInteger, aDecimal:
		return n.kind == numberNode
	case aUnion:
		return f.choose(n) != nil
	}
	return n.isScalar() && n.kind != nullNode
}

func text(words string) *form  { return &form{kind: aText, words: words, pattern: `\S`} }
func label(words string) *form { return &form{kind: aLabel, words: words} }
func truth() *form             { return &form{kind: aBoolean, words: "true or false"} }
func duration() *form {
	return &form{kind: aDuration, words: `a duration in words, such as "10 days", "1 month" or "2 years"`}
}
func percent() *form {
	return &form{kind: aPercent, words: `a percentage from 0% to 100%, such as "1%"`}
}

// share is a part of a whole, in either notation.
func share() *form {
	return anyOf(`a percentage such as "1%" or a share such as 0.01`, decimal("a number from 0 to 1", map[string]any{"minimum": 0, "maximum": 1}), percent())
}

func whole(min, max int64) *form {
	return &form{kind: anInteger, words: "a whole number", min: min, max: max}
}

func decimal(words string, limits map[string]any) *form {
	return &form{kind: aDecimal, words: words, limits: limits}
}

func matching(pattern, words string) *form { return &form{kind: aText, words: words, pattern: pattern} }

// shown is text that reaches cells of published tables, where a spreadsheet
// would run some of it.
func shown(words string) *form {
	return matching(`^\s*[^=+\-@\s\x00-\x1f\x7f][^\x00-\x09\x0b-\x1f\x7f]*$`, words+" that does not start with = + - @ and has no control characters")
}

func oneWord(values ...string) *form { return &form{kind: aText, enum: values} }

func object(keys ...key) *form { return &form{kind: anObject, words: "a map", keys: keys} }

// exactly demands one of some keys.
func (f *form) exactly(names ...string) *form {
	f.oneOf = names
	return f
}

func mapOf(words, pattern string, each *form) *form {
	return &form{kind: aMap, words: words, pattern: pattern, each: each}
}

func listOf(words string, each *form) *form { return &form{kind: aList, words: words, each: each} }

// some demands at least one entry.
func (f *form) some() *form {
	f.min = 1
	return f
}

func anyOf(words string, alts ...*form) *form { return &form{kind: aUnion, words: words, alts: alts} }

func opt(name, doc string, f *form) key { return key{name: name, doc: doc, form: f} }
func must(name, doc string, f *form) key {
	return key{name: name, doc: doc, form: f, must: true}
}

// later lists keys that the design knows and this version refuses.
func later(names ...string) []key {
	var ks []key
	for _, n := range names {
		ks = append(ks, key{name: n, later: true})
	}
	return ks
}

// but says with which value of which key beside it it need not stand.
func (k key) but(name, value string) key { k.unless = [2]string{name, value}; return k }

// spared reports whether k need not stand in n.
func (k key) spared(n *node) bool {
	if k.unless[0] == "" {
		return false
	}
	p := n.pair(k.unless[0])
	return p != nil && p.value.isScalar() && p.value.text == k.unless[1]
}

func (k key) or(def any) key        { k.def = def; return k }
func (k key) none(means string) key { k.absent = means; return k }
func (k key) fixed() key            { k.private = true; return k }
func (k key) orNull() key           { k.nullable = true; return k }

// like gives an example: a line of YAML that holds the key, an entry of `map` or
// of a source.
func (k key) like(line string) key { k.example = line; return k }
func keys(ks ...any) (out []key) {
	for _, k := range ks {
		switch k := k.(type) {
		case key:
			out = append(out, k)
		case []key:
			out = append(out, k...)
		}
	}
	return out
}
