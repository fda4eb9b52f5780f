package rules

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"
)

// A scalar is a text in a rule file, with what is needed to say where in the
// file any of its characters stands.
type scalar struct {
	text   string
	at     place // of its first character, or of its | or >
	style  byte  // ' or " for quoted, | for a block, 0 for plain
	exists bool
}

func scalarOf(n ast.Node) (scalar, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		s := scalar{text: n.Value, at: start(n), exists: true}
		if o := strings.TrimLeft(n.GetToken().Origin, " \t\r\n"); o != "" && (o[0] == '\'' || o[0] == '"') {
			s.style = o[0]
		}
		return s, true
	case *ast.LiteralNode:
		return scalar{text: n.Value.Value, at: start(n), style: '|', exists: true}, true
	}
	return scalar{}, false
}

// locate is where the scalar's character of that number stands in the file.
//
// YAML folds and indents, so a character's place is found by counting: the
// characters that are no white space stand in the file in the same order and
// number as in the text. White space is put right after what it follows.
func (s scalar) locate(d *document, offset int) place {
	before := 0 // characters in front that are no white space
	space := 0  // white space between the last of them and the offset
	onSpace := true
	for i, r := range []rune(s.text) {
		if i == offset {
			onSpace = unicode.IsSpace(r)
			break
		}
		if unicode.IsSpace(r) {
			space++
		} else {
			before, space = before+1, 0
		}
	}
	places := s.places(d, before+1)
	switch {
	case !onSpace && before < len(places):
		return places[before]
	case before == 0 || len(places) == 0:
		return s.at
	}
	p := places[min(before, len(places))-1]
	return place{p.line, p.column + 1 + space}
}

// places lists where the first n characters stand that are no white space.
func (s scalar) places(d *document, n int) []place {
	line, column := s.at.line, s.at.column
	switch s.style {
	case '|':
		line, column = line+1, 1
	case '\'', '"':
		column++
	}
	var out []place
	for ; line <= len(d.lines) && len(out) < n; line, column = line+1, 1 {
		runes := []rune(d.lines[line-1])
		for i := column - 1; i < len(runes) && len(out) < n; i++ {
			r, width := runes[i], 1
			if s.style == '\'' && r == '\'' || s.style == '"' && r == '\\' {
				r, width = unescape(runes[i:])
			}
			if !unicode.IsSpace(r) {
				out = append(out, place{line, i + 1})
			}
			i += width - 1
		}
	}
	return out
}

// unescape is the character that an escape stands for and the escape's length.
func unescape(s []rune) (rune, int) {
	if s[0] == '\'' {
		return '\'', 2
	}
	if len(s) < 2 {
		return ' ', 1 // the line goes on in the next
	}
	digits := map[rune]int{'x': 2, 'u': 4, 'U': 8}[s[1]]
	if digits > 0 && len(s) >= 2+digits {
		if n, err := strconv.ParseUint(string(s[2:2+digits]), 16, 32); err == nil {
			return rune(n), 2 + digits
		}
	}
	if strings.ContainsRune("tnrvfNLP_ ", s[1]) {
		return ' ', 2
	}
	return s[1], 2
}
