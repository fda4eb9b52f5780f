package query

import "strings"

// words reads words, a phrase in quotes, or a regular expression.
func (p *parser) words(carries bool) (Node, error) {
	start := p.pos
	switch p.peek() {
	case '/':
		pattern, err := p.regexp()
		return Grep{carries, pattern}, err
	case '"':
		text, err := p.quoted()
		if err != nil {
			return nil, err
		}
		return p.phrase(start, carries, Tokens(text))
	case '~':
		return nil, p.fail(start, "write the word before it, as in payment~", "no word stands before ~")
	}
	source, err := p.bare()
	if err != nil {
		return nil, err
	}
	if word, most, ok := cutFuzzy(source); ok {
		return p.fuzzy(start, carries, word, most)
	}
	tokens := wildTokens(source)
	if !carries && strings.Trim(source, "*") == "" && source != "" {
		return All{}, nil
	}
	return p.phrase(start, carries, tokens)
}

func (p *parser) phrase(start int, carries bool, tokens []string) (Node, error) {
	if len(tokens) == 0 {
		return nil, p.fail(start, "words are letters and digits; a /regular expression/ finds anything", "no word to search for")
	}
	if p.peek() == '"' {
		return nil, p.fail(p.pos, "put a space between", "a quote follows without a space")
	}
	return Words{Carries: carries, Tokens: tokens}, nil
}

// cutFuzzy takes ~, ~1 and the like off the end of a text without quotes, where
// no backslash stands before it.
func cutFuzzy(source string) (word, most string, ok bool) {
	word = strings.TrimRight(source, "0123456789")
	most = source[len(word):]
	word, ok = strings.CutSuffix(word, "~")
	slashes := len(word) - len(strings.TrimRight(word, `\`))
	return word, most, ok && slashes%2 == 0
}

// fuzzy makes a word of which some characters may differ.
func (p *parser) fuzzy(start int, carries bool, word, most string) (Node, error) {
	tokens := wildTokens(word)
	n := 1
	switch most {
	case "", "1":
	case "2":
		n = maxFuzzy
	default:
		return nil, p.fail(start, "write ~ for one character that may differ, ~2 for two", "~%s: only 1 or 2 characters may differ", most)
	}
	if len(tokens) != 1 || isWild(tokens[0]) {
		return nil, p.fail(start, "use wildcards, such as pa?ment*, or a ~ after each word", "~ stands after a single word without wildcards")
	}
	if p.peek() == '"' {
		return nil, p.fail(p.pos, "put a space between", "a quote follows without a space")
	}
	return Words{Carries: carries, Tokens: tokens, Fuzzy: n}, nil
}

// wildTokens are the words of a text without quotes, with wildcards in them.
func wildTokens(source string) []string {
	var tokens []string
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			tokens = append(tokens, b.String())
			b.Reset()
		}
	}
	escaped := false
	for _, r := range source {
		switch {
		case isWord(r):
			b.WriteRune(foldRune(r))
			escaped = false
		case !escaped && r == '*' && strings.HasSuffix(b.String(), "*"):
		case !escaped && (r == '*' || r == '?'):
			b.WriteRune(r)
		case !escaped && r == '\\':
			escaped = true
		default:
			flush()
			escaped = false
		}
	}
	flush()
	return tokens
}
