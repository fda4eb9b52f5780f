package query

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"recourse/audit"
)

// The limits of a query, so that a hostile one costs little.
const (
	// MaxLength is how many bytes a query may have.
	MaxLength  = 1 << 16
	maxDepth   = 100
	maxRegexps = 100
)

// Parse reads a query. Times that are relative in it are taken from now. The
// error is a *SyntaxError.
func Parse(s string, now time.Time) (Expr, error) {
	p := &parser{s: s, now: now}
	n, err := p.filter()
	if err != nil {
		return Expr{}, err
	}
	if p.peek() == '|' {
		return Expr{}, p.fail(p.pos, "recourse search takes pipes; put text that has a | in quotes", "a pipe, which is not taken here")
	}
	return Expr{n}, nil
}

// parseFilter reads the filter of a query that was saved, perhaps with pipes. These
// are left out, but for where, without which the filter finds more than was meant.
func parseFilter(s string, now time.Time) (Expr, error) {
	p := &parser{s: s, now: now}
	n, err := p.filter()
	if err != nil {
		return Expr{}, err
	}
	if at := p.pos; p.take("|") {
		if p.space(); strings.EqualFold(p.word(), "where") {
			return Expr{}, p.fail(at, "save what stands before it, and write the | where again", "| where is no part of a filter")
		}
	}
	return Expr{n}, nil
}

// filter reads a filter, to the end or to the first pipe.
func (p *parser) filter() (Node, error) {
	switch {
	case len(p.s) > MaxLength:
		return nil, p.fail(0, "", "longer than %d bytes", MaxLength)
	case !utf8.ValidString(p.s):
		p.s = strings.ToValidUTF8(p.s, "\uFFFD")
		return nil, p.fail(0, "", "not UTF-8")
	}
	p.space()
	if p.eof() {
		return nil, p.fail(0, "* asks for everything", "nothing is asked for")
	}
	n, err := p.or()
	if err == nil && !p.eof() && p.peek() != '|' {
		err = p.fail(p.pos, "", "a parenthesis that was not opened")
	}
	return n, err
}

// enter goes one level down; the depth is that of parentheses and negations.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return p.fail(p.pos, "", "nested deeper than %d", maxDepth)
	}
	return nil
}

func (p *parser) or() (Node, error) {
	var nodes []Node
	for {
		n, err := p.and()
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
		if !p.keyword("or") {
			return or(nodes...), nil
		}
	}
}

func (p *parser) and() (Node, error) {
	var nodes []Node
	for {
		n, err := p.not()
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
		p.space()
		if p.keyword("and") {
			continue
		}
		if p.eof() || p.peek() == ')' || p.peek() == '|' || p.atKeyword("or") {
			return and(nodes...), nil
		}
	}
}

func (p *parser) not() (Node, error) {
	p.space()
	start := p.pos
	minus := p.take("-")
	if !minus && !p.keyword("not") {
		return p.primary()
	}
	if minus && p.atEnd() && p.peek() != '(' {
		return nil, p.fail(start, "put it in quotes, or before a word that must not be there", "a minus sign alone")
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	n, err := p.not()
	if err != nil {
		return nil, err
	}
	return not(n), nil
}

func (p *parser) primary() (Node, error) {
	start := p.pos
	for _, word := range []string{"and", "or"} {
		if p.atKeyword(word) {
			return nil, p.fail(start, "put the word in quotes to search for it", "%q with nothing before it", word)
		}
	}
	switch r := p.peek(); {
	case p.eof():
		return nil, p.fail(start, "", "something is missing at the end")
	case r == '|':
		return nil, p.fail(start, "* asks for everything; put text that has a | in quotes", "nothing stands before the |")
	case r == ')':
		return nil, p.fail(start, "", "nothing stands before the parenthesis")
	case r == '!':
		return nil, p.fail(start, "write -TERM, or not TERM; put it in quotes if it is text", "an exclamation mark before a term")
	case strings.HasPrefix(p.rest(), "&&"):
		return nil, p.fail(start, "terms that stand together must all hold; write and, or nothing", "&& means nothing")
	case r == '(':
		return p.group()
	case r == '"', r == '/':
		return p.words(false)
	case r == '@':
		p.pos++
		return p.at(start)
	}
	name, n, err := p.fieldName()
	if err != nil {
		return nil, err
	}
	if n > 0 {
		p.pos += n
		return p.field(start, name)
	}
	return p.words(false)
}

func (p *parser) group() (Node, error) {
	start := p.pos
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	p.pos++
	n, err := p.or()
	if err != nil {
		return nil, err
	}
	if !p.take(")") {
		return nil, p.fail(start, "", "a parenthesis is not closed")
	}
	return n, nil
}

// fieldName looks for a field and what follows it, and tells how much of the
// query the name takes; 0 if the next term is no field.
func (p *parser) fieldName() (string, int, error) {
	rest := p.rest()
	n := 0
	for i, r := range rest {
		if !unicode.IsLetter(r) && r != '_' && (i == 0 || !unicode.IsDigit(r) && r != '.') {
			break
		}
		n = i + utf8.RuneLen(r)
	}
	full, after := rest[:n], rest[n:]
	name, _, dotted := strings.Cut(full, ".")
	name = strings.ToLower(name)
	if older, ok := olderNames[name]; ok && !dotted {
		name = older
	}
	if dotted && slices.Contains(imageNames, name) {
		return name, len(name), nil
	}
	known := !dotted && slices.Contains(fieldNames, name)
	if known && strings.HasPrefix(after, "!=") {
		return "", 0, p.fail(p.pos+n, "write -"+name+":VALUE, or put it in quotes to search for the text", "an unequals sign after a field")
	}
	if n == 0 || after == "" || !strings.ContainsRune(":<>=", rune(after[0])) {
		return "", 0, nil
	}
	switch {
	case known && after[0] != '=':
		return name, n, nil
	case known:
		return "", 0, p.fail(p.pos+n, "write "+name+":VALUE, or put it in quotes to search for the text", "an equals sign after a field")
	case after[0] == '=':
		return "", 0, nil
	}
	return "", 0, p.unknown(full, dotted)
}

// imageNames are what stands before the path of an attribute.
var imageNames = []string{"before", "after", "delta", "ratio"}

func (p *parser) unknown(full string, dotted bool) error {
	hint := "put it in quotes to search for the text"
	name, _, _ := strings.Cut(strings.ToLower(full), ".")
	bare := strings.ToLower(full)
	switch like := suggest(bare, fieldNames); {
	case absentNames[name] != "":
		hint = absentNames[name]
	case slices.Contains(imageNames, bare):
		hint = "write " + bare + ".ATTRIBUTE>100"
	case slices.Contains(p.known, full):
		hint = "it is an attribute: write after." + full + " or before." + full
	case dotted:
		hint = "attributes are after." + full + " or before." + full + "; " + hint
	case like != "":
		hint = "did you mean " + like + "? " + hint
	default:
		if like := suggest(full, p.known); like != "" {
			hint = "did you mean after." + like + "? " + hint
		}
	}
	return p.fail(p.pos, hint, "no field is named %q", full)
}

var states = map[string]audit.State{
	"unknown": audit.Unknown,
	"absent":  audit.Absent,
	"present": audit.Present,
}
