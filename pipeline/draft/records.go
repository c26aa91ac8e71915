package draft

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"halftone/connectors"
)

// A shape is what a JSON value is made of. Of an array, and of an object, at most
// sampled members are kept.
type shape struct {
	kind    byte // { [ or s
	keys    []string
	members []*shape
	texts   []string // of the members of an array that are texts
}

const (
	sampled = 2000
	deepest = 64
)

// records finds where the records of a JSON document are.
func (d *drafter) records() error {
	root, err := d.document()
	if err != nil {
		return d.notJSON(err)
	}
	best := candidate{}
	best.search(root, "")
	if best.of == nil {
		return &connectors.SourceError{Reason: connectors.NotFound, File: d.in.Name, What: "there are no records in it: no array of objects", Do: "see what the reply is"}
	}
	l := &d.in.Layout
	if best.path != "[]" {
		l.Rows = best.path
	}
	if best.key != "" {
		d.found.names = append(d.found.names, best.key)
	}
	if first := best.of.members[0]; first.kind == '[' {
		path, names := namesIn(root, len(first.members))
		l.Names, d.found.names = path, append(d.found.names, names...)
	}
	d.found.names = append(d.found.names, best.of.plainKeys()...)
	return nil
}

// document reads what the bytes are made of.
func (d *drafter) document() (*shape, error) {
	raw, err := d.in.Open()
	if err != nil {
		return nil, err
	}
	br := bufio.NewReader(io.LimitReader(raw, d.in.Limits.Body))
	if mark, err := br.Peek(3); err == nil && string(mark) == "\ufeff" {
		_, _ = br.Discard(3) // Peek has seen them
	}
	dec := json.NewDecoder(br)
	dec.UseNumber()
	if d.look.Format != "jsonl" {
		return shapeOf(dec, 0)
	}
	root := &shape{kind: '['}
	for dec.More() && len(root.members) < sampled {
		s, err := shapeOf(dec, 1)
		if err != nil {
			return nil, err
		}
		root.members = append(root.members, s)
	}
	return root, nil
}

// plainKeys gives the keys of records that hold plain values in all of them.
func (s *shape) plainKeys() (keys []string) {
	seen, nested := map[string]bool{}, map[string]bool{}
	for _, m := range s.members {
		for i, k := range m.keys {
			if m.members[i].kind != 's' {
				nested[k] = true
			} else if !seen[k] {
				seen[k] = true
				keys = append(keys, k)
			}
		}
	}
	return slices.DeleteFunc(keys, func(k string) bool { return nested[k] })
}

func (d *drafter) notJSON(err error) error {
	var s *json.SyntaxError
	if errors.As(err, &s) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errDeep) {
		return &connectors.SourceError{Reason: connectors.Malformed, File: d.in.Name, What: "it is not valid JSON, or nested too deeply", Do: "pull it again"}
	}
	return fmt.Errorf("draft: %w", err)
}

var errDeep = errors.New("nested too deeply")

func shapeOf(dec *json.Decoder, depth int) (*shape, error) {
	if depth > deepest {
		return nil, errDeep
	}
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	open, ok := tok.(json.Delim)
	if !ok {
		s := &shape{kind: 's'}
		if text, isText := tok.(string); isText {
			s.texts = []string{text}
		}
		return s, nil
	}
	s := &shape{kind: byte(open)}
	for dec.More() {
		key := ""
		if open == '{' {
			k, err := dec.Token()
			if err != nil {
				return nil, err
			}
			key, _ = k.(string)
		}
		m, err := shapeOf(dec, depth+1)
		if err != nil {
			return nil, err
		}
		if len(s.members) < sampled {
			s.members = append(s.members, m)
			if open == '{' {
				s.keys = append(s.keys, key)
			}
		}
	}
	_, err = dec.Token() // the closing one
	return s, err
}

// A candidate is where records may be.
type candidate struct {
	of   *shape
	path string
	key  string // the column that keys become
	n    int
}

// search goes through a document and keeps the place with most records.
func (c *candidate) search(s *shape, path string) {
	join := func(key string) string { return strings.TrimPrefix(path+"."+key, ".") }
	objects, arrays := 0, 0
	for _, m := range s.members {
		switch m.kind {
		case '{':
			objects++
		case '[':
			arrays++
		}
	}
	all := len(s.members)
	switch {
	case s.kind == '[' && all > 0 && (objects == all || arrays == all):
		c.keep(s, path+"[]", "", all)
	case s.kind == '{' && objects == all && all > 0 && datedKeys(s.keys):
		c.keep(s, join("{period}"), "period", all)
	}
	for i, m := range s.members {
		switch {
		case s.kind == '{' && plainKey(s.keys[i]):
			c.search(m, join(s.keys[i]))
		case s.kind == '[' && m.kind == '{' && i == 0: // as its others
			c.search(m, path+"[]")
		}
	}
}

func (c *candidate) keep(s *shape, path, key string, n int) {
	if n > c.n || n == c.n && key != "" {
		*c = candidate{s, path, key, n}
	}
}

// plainKey reports whether a key can stand in a path.
func plainKey(k string) bool { return k != "" && !strings.ContainsAny(k, ".[]{}") }

var datedKey = regexp.MustCompile(`(?i)^((19|20)\d\d([-/]?(Q?\d{1,2}))?|` + months + `[- ](19|20)\d\d)$`)

// datedKeys reports whether all keys look like periods.
func datedKeys(keys []string) bool {
	for _, k := range keys {
		if !datedKey.MatchString(k) {
			return false
		}
	}
	return len(keys) > 0
}

// namesIn finds an array of n objects that each have a name: the names of columns.
func namesIn(root *shape, n int) (path string, names []string) {
	for i, key := range root.keys {
		a := root.members[i]
		if a.kind != '[' || len(a.members) != n || !plainKey(key) {
			continue
		}
		for _, field := range []string{"name", "id", "column"} {
			names = nil
			for _, m := range a.members {
				for j, k := range m.keys {
					if k == field && len(m.members[j].texts) == 1 {
						names = append(names, m.members[j].texts[0])
					}
				}
			}
			if len(names) == n {
				return key + "[]." + field, names
			}
		}
	}
	return "", nil
}
