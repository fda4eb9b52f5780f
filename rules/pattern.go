package rules

import (
	"bytes"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// A pattern is a regular expression of a rule; Go's run in linear time.
type pattern struct {
	re *regexp.Regexp
	// needs is some texts, in small letters, of which one is in whatever matches, as
	// far as that is ASCII. Empty: not known.
	needs []string
	// pairs says of two bytes, less what tells capitals from small letters, whether
	// one of needs may begin with them.
	pairs [32]uint32
}

const longestPattern = 1000

func compilePattern(s string) (*pattern, error) {
	if len(s) > longestPattern {
		return nil, fmt.Errorf("the pattern is longer than %d characters", longestPattern)
	}
	re, err := regexp.Compile(s)
	if err != nil {
		return nil, fmt.Errorf("the pattern is wrong: %w", err)
	}
	p := &pattern{re: re}
	if parsed, err := syntax.Parse(s, syntax.Perl); err == nil {
		p.needs = needsOf(parsed)
	}
	for _, n := range p.needs {
		p.pairs[n[0]&31] |= 1 << (n[1] & 31)
	}
	return p, nil
}

// match is what re.Match says. Most texts hold nothing of what is needed, which
// is seen much sooner.
func (p *pattern) match(text []byte) bool {
	return p.mayMatch(text) && p.re.Match(text)
}

func (p *pattern) mayMatch(text []byte) bool {
	if len(p.needs) == 0 {
		return true
	}
	for i, c := range text {
		if c >= utf8.RuneSelf {
			return true // a letter may be one of ASCII in another form
		}
		if i+1 < len(text) && p.pairs[c&31]&(1<<(text[i+1]&31)) != 0 && p.begins(text[i:]) {
			return true
		}
	}
	return false
}

// begins says whether a text begins with what is needed, in letters of any size.
func (p *pattern) begins(text []byte) bool {
	for _, n := range p.needs {
		if len(n) <= len(text) && bytes.EqualFold(text[:len(n)], []byte(n)) {
			return true
		}
	}
	return false
}

// needsOf is the needs of a pattern or of a part of one.
func needsOf(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		const short = 3 // what is shorter is found everywhere
		s := strings.ToLower(string(re.Rune))
		if len(s) < short || strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) {
			return nil
		}
		return []string{s}
	case syntax.OpCapture, syntax.OpPlus:
		return needsOf(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return needsOf(re.Sub[0])
		}
	case syntax.OpConcat:
		var best []string
		for _, sub := range re.Sub {
			if n := needsOf(sub); len(n) > 0 && (best == nil || shortest(n) > shortest(best)) {
				best = n
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			n := needsOf(sub)
			if n == nil {
				return nil
			}
			all = append(all, n...)
		}
		return all
	}
	return nil
}

func shortest(texts []string) int {
	n := len(texts[0])
	for _, t := range texts {
		n = min(n, len(t))
	}
	return n
}
