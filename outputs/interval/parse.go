package interval

import (
	"math/big"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A node is a part of an expression: number, figure or operation.
type node interface{ place() int }

type number struct {
	at    int
	value *big.Rat
}

// A figure is a cell, or the sum of several, as it was named.
type figure struct {
	at     int
	name   string // of a table; "": period alone
	picks  []pick
	period string // as written; "": the newest
	when   int    // place of the period
}

// A pick names a code of a dimension: "*" all codes of the level.
type pick struct {
	at        int
	dimension string // "": not said
	code      string // or a label
	all       bool
}

type operation struct {
	at          int
	op          byte // + - * /, and s for share(a, b)
	left, right node
}

func (n number) place() int    { return n.at }
func (f figure) place() int    { return f.at }
func (o operation) place() int { return o.at }

// Parse reads a question:
//
//	sum    = term { ("+" | "-") term }
//	term   = factor { ("*" | "/") factor }
//	factor = ["-" | "+"] ( number | figure | "(" sum ")" | "share" "(" sum "," sum ")" )
//	figure = table [ "[" pick { "," pick } "]" ] [ "@" period ] | period
//	pick   = [ dimension "=" ] ( code | label | "*" )
//
// A table is named as in the version. In brackets stands one code or label for
// each dimension that it breaks down, the dimension's name where that is not
// clear; * is the sum over all codes of the level. Labels in quotes may have
// commas, equal signs and brackets. A period is one of the version's, with an
// edition behind a dot (2019.1); without one the newest is meant. A period alone
// is the total of the lead table. share(a, b) is a/b.
//
// Names may have hyphens, so a minus between names needs a space. A number with
// the look of a year is a period: 2000.000 is the number.
//
// The error is a [*Mistake].
func Parse(text string) (Expression, error) {
	p := parser{text: text}
	if len(text) > maxText {
		return Expression{}, mistake(text[:40]+"…", 0, "the expression is longer than %d characters", maxText)
	}
	if !utf8.ValidString(text) {
		return Expression{}, mistake(strings.ToValidUTF8(text, "?"), 0, "the expression is not UTF-8 text")
	}
	root, err := p.sum()
	if err != nil {
		return Expression{}, err
	}
	if p.skip(); p.at < len(text) {
		return Expression{}, p.unexpected("an operator: + - * /")
	}
	return Expression{text, root}, nil
}

type parser struct {
	text  string
	at    int // byte
	depth int
}

func (p *parser) skip() {
	for p.at < len(p.text) {
		r, n := utf8.DecodeRuneInString(p.text[p.at:])
		if !unicode.IsSpace(r) {
			return
		}
		p.at += n
	}
}

// signs that people paste instead of the plain ones.
var signs = map[rune]byte{'−': '-', '×': '*', '·': '*', '÷': '/', '∕': '/'}

// peek is the next sign, 0 at the end, and its length.
func (p *parser) peek() (byte, int) {
	p.skip()
	if p.at == len(p.text) {
		return 0, 0
	}
	r, n := utf8.DecodeRuneInString(p.text[p.at:])
	if s, ok := signs[r]; ok {
		return s, n
	}
	if r < utf8.RuneSelf {
		return byte(r), n
	}
	return 1, n // no sign of ours
}

// take takes a sign if it is next.
func (p *parser) take(sign byte) bool {
	s, n := p.peek()
	if s == sign {
		p.at += n
	}
	return s == sign
}

func (p *parser) want(sign byte) error {
	if p.take(sign) {
		return nil
	}
	return p.unexpected(string(sign))
}

func (p *parser) unexpected(want string) error {
	if p.skip(); p.at == len(p.text) {
		return mistake(p.text, p.at, "the expression ends here; want %s", want)
	}
	r, _ := utf8.DecodeRuneInString(p.text[p.at:])
	hint := ""
	if r == '@' {
		hint = ". A minus between names needs spaces"
	}
	return mistake(p.text, p.at, "%q is not expected here; want %s%s", string(r), want, hint)
}

func (p *parser) sum() (node, error) { return p.chain("+-", p.term) }

func (p *parser) term() (node, error) { return p.chain("*/", p.factor) }

// chain reads operands with operators of one strength between them.
func (p *parser) chain(ops string, operand func() (node, error)) (node, error) {
	left, err := operand()
	for err == nil {
		s, n := p.peek()
		if s == 0 || strings.IndexByte(ops, s) < 0 {
			return left, nil
		}
		at := p.at
		p.at += n
		var right node
		right, err = operand()
		left = operation{at, s, left, right}
	}
	return nil, err
}

func (p *parser) factor() (node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, mistake(p.text, p.at, "more than %d parentheses and signs within each other", maxDepth)
	}
	defer func() { p.depth-- }()
	s, n := p.peek()
	at := p.at
	switch s {
	case '-', '+':
		p.at += n
		f, err := p.factor()
		if err != nil || s == '+' {
			return f, err
		}
		return operation{at, '*', number{at, big.NewRat(-1, 1)}, f}, nil
	case '(':
		p.at += n
		f, err := p.sum()
		if err != nil {
			return nil, err
		}
		return f, p.want(')')
	}
	word := p.word()
	if word == "" {
		return nil, p.unexpected("a figure, a number or (")
	}
	next, _ := p.peek()
	switch {
	case word == "share" && next == '(':
		return p.share(at)
	case next != '[' && next != '@' && number1.MatchString(word) && !year.MatchString(word):
		v, _ := new(big.Rat).SetString(word)
		return number{at, v}, nil
	case next != '[' && next != '@' && manyDigits.MatchString(word) && !year.MatchString(word):
		return nil, mistake(p.text, at, "a number has at most 12 digits before the point and 6 after it")
	}
	return p.figure(at, word)
}

var (
	number1    = regexp.MustCompile(`^[0-9]{1,12}(\.[0-9]{1,6})?$`)
	manyDigits = regexp.MustCompile(`^[0-9]+(\.[0-9]*)?$`)
	year       = regexp.MustCompile(`^(19|20|21)[0-9]{2}(\.[0-9]{1,2})?$`)
)

// share is a/b with a and b in parentheses.
func (p *parser) share(at int) (node, error) {
	p.take('(')
	a, err := p.sum()
	if err != nil {
		return nil, err
	}
	if err := p.want(','); err != nil {
		return nil, err
	}
	b, err := p.sum()
	if err != nil {
		return nil, err
	}
	return operation{at, 's', a, b}, p.want(')')
}

func inWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) || r == '_' || r == '-' || r == '.'
}

// word is what may be a table, a period or a number; "" where none is next.
func (p *parser) word() string {
	p.skip()
	from := p.at
	for p.at < len(p.text) {
		r, n := utf8.DecodeRuneInString(p.text[p.at:])
		if !inWord(r) || p.at == from && (r == '-' || r == '.') {
			break
		}
		p.at += n
	}
	return p.text[from:p.at]
}

func (p *parser) figure(at int, name string) (node, error) {
	f := figure{at: at, name: name, when: at}
	if year.MatchString(name) || period.MatchString(name) {
		f.name, f.period = "", name
	}
	if s, _ := p.peek(); s == '[' {
		f.name, f.period = name, ""
		p.take('[')
		for {
			k, err := p.pick()
			if err != nil {
				return nil, err
			}
			f.picks = append(f.picks, k)
			if len(f.picks) > 64 {
				return nil, mistake(p.text, k.at, "more codes than a table has dimensions")
			}
			if p.take(',') {
				continue
			}
			if err := p.want(']'); err != nil {
				return nil, err
			}
			break
		}
	}
	if !p.take('@') {
		return f, nil
	}
	if f.name == "" {
		return nil, mistake(p.text, f.when, "%s is a period, and another one follows", f.period)
	}
	p.skip()
	f.when = p.at
	if f.period = begin.FindString(p.text[p.at:]); f.period != "" { // a minus may follow without a space
		p.at += len(f.period)
		if r, _ := utf8.DecodeRuneInString(p.text[p.at:]); inWord(r) && r != '-' {
			p.at, f.period = f.when, ""
		}
	}
	if f.period == "" {
		f.period = p.word()
	}
	if f.period == "" {
		return nil, p.unexpected("a period, such as 2019 or 2026-Q3")
	}
	return f, nil
}

// begin is a period at the beginning of a text.
var begin = regexp.MustCompile(`^[0-9]{4}(-(Q[1-4]|[0-9]{4}|[0-9]{2}))?(\.[0-9]{1,4})?`)

// period has the look of one: 2026-Q3, 2026-11 or 2014-2018, with an edition.
var period = regexp.MustCompile(`^[0-9]{4}-(Q[1-4]|[0-9]{2}|[0-9]{4})(\.[0-9]{1,4})?$`)

func (p *parser) pick() (pick, error) {
	p.skip()
	k := pick{at: p.at}
	text, quoted, err := p.text1("=,]")
	if err != nil {
		return k, err
	}
	if s, _ := p.peek(); s == '=' {
		p.take('=')
		p.skip()
		k.dimension, k.at = text, p.at
		if text, quoted, err = p.text1(",]"); err != nil {
			return k, err
		}
	}
	k.code, k.all = text, !quoted && text == "*"
	if text == "" {
		return k, p.unexpected("a code or a label")
	}
	return k, nil
}

// text1 is a text in quotes, or what stands before one of the ends.
func (p *parser) text1(ends string) (text string, quoted bool, err error) {
	from := p.at
	if p.at < len(p.text) && strings.IndexByte(`"'`, p.text[p.at]) >= 0 {
		quote := p.text[p.at]
		var b strings.Builder
		for p.at++; p.at < len(p.text); p.at++ {
			switch c := p.text[p.at]; {
			case c == quote && strings.HasPrefix(p.text[p.at+1:], string(quote)): // twice: itself
				b.WriteByte(c)
				p.at++
			case c == quote:
				p.at++
				return b.String(), true, nil
			default:
				b.WriteByte(c)
			}
		}
		return "", true, mistake(p.text, from, "the quote does not end")
	}
	n := strings.IndexAny(p.text[p.at:], ends)
	if n < 0 {
		return "", false, mistake(p.text, from, "the bracket does not end")
	}
	p.at += n
	return strings.TrimSpace(p.text[from:p.at]), false, nil
}
