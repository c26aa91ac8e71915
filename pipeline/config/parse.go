package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Limits of a file. The parser recurses and takes time that is quadratic in
// nesting and in lines, so these are bounded before it sees the text.
const (
	maxBytes   = 256 << 10
	maxLines   = 10_000
	maxLine    = 8 << 10 // bytes; `- - - -` nests on one line
	maxNesting = 64      // of brackets
	maxNodes   = 200_000 // after aliases are followed
)

// parse reads one YAML document.
func parse(src *source, text string) (*node, []Problem) {
	if p := refuse(src, text); p != nil {
		return nil, []Problem{*p}
	}
	// The parser's own check of doubled keys stops at the first and does not
	// know merge keys.
	f, err := parser.ParseBytes([]byte(text), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, []Problem{syntaxProblem(src, err)}
	}
	r := &reader{src: src, anchors: map[string]*node{}}
	var root *node
	for _, d := range f.Docs {
		if _, directive := d.Body.(*ast.DirectiveNode); d.Body == nil || directive {
			continue
		}
		if root != nil {
			r.add(startOf(d.Body), "a second document in one file", "keep one dataset a file: take away the line ---")
			break
		}
		root = r.read(d.Body)
	}
	r.hide()
	if root == nil && len(r.problems) == 0 {
		r.problems = append(r.problems, Problem{File: src.file, Message: "the file is empty", Fix: "start from halftone init DIR"})
	}
	return root, r.problems
}

// refuse stops what would harm the parser.
func refuse(src *source, text string) *Problem {
	bad := func(line int, message, fix string) *Problem {
		p := Problem{File: src.file, Message: message, Fix: fix}
		if line > 0 {
			p.Line, p.Column = line, 1
		}
		return &p
	}
	if len(text) > maxBytes {
		return bad(0, fmt.Sprintf("the file is larger than %d bytes", maxBytes), "move long code tables into CSV files")
	}
	if len(src.lines) > maxLines {
		return bad(0, fmt.Sprintf("the file has more than %d lines", maxLines), "move long code tables into CSV files")
	}
	depth := 0
	for i, l := range src.lines {
		switch {
		case !utf8.ValidString(l):
			return bad(i+1, "not UTF-8", "save the file as UTF-8")
		case strings.ContainsRune(l, 0):
			return bad(i+1, "a NUL byte", "save the file as UTF-8 text")
		case len(l) > maxLine:
			return bad(i+1, fmt.Sprintf("a line longer than %d bytes", maxLine), "break the line; move long code tables into CSV files")
		}
		for _, c := range l {
			switch c {
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(0, depth-1)
			}
		}
		if depth > maxNesting {
			return bad(i+1, fmt.Sprintf("brackets nested deeper than %d", maxNesting), "close the brackets")
		}
	}
	return nil
}

// secretKey finds lines that may not be shown when their meaning is not known.
var secretKey = regexp.MustCompile(`(?i)token|password|passwd|secret|api_?key|auth|header|credential|cookie|url|store`)

// fromKey finds where settings of a connector begin; a period also has a from.
var fromKey = regexp.MustCompile(`(?:^|[\s{,])from:(?:\s*$|\s+[^\s0-9"'])`)

// hideByText does what reader.hide does where the file is no YAML: it goes by
// indentation and by names.
func hideByText(src *source) {
	inside := -1 // indentation of the from above
	for i, l := range src.lines {
		body := strings.TrimLeft(l, " \t")
		indent := len(l) - len(body)
		if inside >= 0 && (body == "" || indent > inside) || secretKey.MatchString(l) {
			src.show(i+1, 0)
			continue
		}
		inside = -1
		if at := fromKey.FindStringIndex(l); at != nil {
			inside = indent
			src.show(i+1, utf8.RuneCountInString(l[:at[0]])+len(" from:"))
		}
	}
}

func syntaxProblem(src *source, err error) Problem {
	p := Problem{File: src.file, Message: "not YAML", Fix: "check indentation, quotes and brackets on this line and the one above"}
	hideByText(src)
	var ye yaml.Error
	if !errors.As(err, &ye) {
		return p
	}
	p.Message = "not YAML: " + strings.Map(printable, strings.ReplaceAll(ye.GetMessage(), "\t", "tab"))
	if t := ye.GetToken(); t != nil && t.Position != nil {
		at := place{max(1, min(t.Position.Line, len(src.lines))), max(1, t.Position.Column)}
		p.Line, p.Column = at.line, at.col
	}
	if len(p.Message) > 200 {
		p.Message = "not YAML"
	}
	return p
}
