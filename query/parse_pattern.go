package query

import (
	"strings"
)

// pattern reads text, text with wildcards, or a regular expression; bare says
// that it may have been meant as another type than text.
func (p *parser) pattern() (pattern Pattern, bare bool, err error) {
	start := p.pos
	switch p.peek() {
	case '"':
		text, err := p.lone(p.quoted())
		return Exactly(text), false, err
	case '/':
		pattern, err := p.regexp()
		return pattern, false, err
	case '~':
		pattern, err := p.alike()
		return pattern, false, err
	}
	if pattern, set, err := p.patternSet(); set || err != nil {
		return pattern, false, err
	}
	if p.peek() == '[' {
		return pattern, false, p.fail(start, `put it in quotes if it is text`, "a range or an array is not possible here")
	}
	source, err := p.bare()
	if err != nil {
		return pattern, false, err
	}
	text, escaped, wild := unescape(source)
	if wild {
		return globPattern(canonicalGlob(source)), false, nil
	}
	return Exactly(text), !escaped, nil
}

// alike reads a text of which one character may differ, ~, or two, ~~.
func (p *parser) alike() (Pattern, error) {
	start := p.pos
	for p.take("~") {
	}
	most := p.pos - start
	text, err := p.text()
	switch {
	case err != nil:
		return Pattern{}, err
	case most > maxFuzzy:
		return Pattern{}, p.fail(start, "write ~ for one character that may differ, ~~ for two", "%d characters that may differ; at most %d may", most, maxFuzzy)
	case text == "" || text[0] == '~':
		return Pattern{}, p.fail(start, "write the text after it, as in user:~mallory", "no text stands after ~")
	}
	return Pattern{kind: alike, text: strings.Repeat("~", most) + fold(text)}, nil
}

// canonicalGlob has backslashes where they are needed and nowhere else.
func canonicalGlob(source string) string {
	var b strings.Builder
	escaped := false
	for _, r := range source {
		switch {
		case escaped:
			b.WriteString(globEscape(string(r)))
			escaped = false
		case r == '\\':
			escaped = true
		case r == '*' && strings.HasSuffix(b.String(), "*") && !strings.HasSuffix(b.String(), `\*`):
		case r == '*', r == '?':
			b.WriteRune(r)
		default:
			b.WriteString(globEscape(string(r)))
		}
	}
	return b.String()
}
