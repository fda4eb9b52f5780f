package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// writeYAML writes the document that writeJSON would, in YAML's block style.
// It goes by JSON's text, so that numbers keep their digits and names their
// order. All text is in double quotes, since without them YAML takes some words
// for something else.
func writeYAML(w io.Writer, x any) error {
	data, err := marshal(x)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	y := yamlWriter{d: d}
	if err := y.value("", "\n"); err != nil {
		return err
	}
	_, err = io.WriteString(w, strings.TrimPrefix(y.b.String(), "\n"))
	return err
}

type yamlWriter struct {
	d *json.Decoder
	b strings.Builder
}

// value writes the next value; sep stands before one that needs a line break,
// which is one with contents, and otherwise a space does.
func (y *yamlWriter) value(indent, sep string) error {
	tok, err := y.d.Token()
	if err != nil {
		return err
	}
	switch tok := tok.(type) {
	case json.Delim:
		if !y.d.More() {
			y.b.WriteString(map[json.Delim]string{'[': " []\n", '{': " {}\n"}[tok])
		} else if err := y.items(tok, indent, sep); err != nil {
			return err
		}
		_, err := y.d.Token()
		return err
	case string:
		y.b.WriteString(" " + quoteYAML(tok) + "\n")
	case json.Number:
		n := tok.String()
		if mantissa, exp, ok := strings.Cut(n, "e"); ok && !strings.Contains(mantissa, ".") {
			n = mantissa + ".0e" + exp // without a point YAML 1.1 has it for text
		}
		y.b.WriteString(" " + n + "\n")
	case nil:
		y.b.WriteString(" null\n")
	default:
		fmt.Fprintf(&y.b, " %v\n", tok)
	}
	return nil
}

func (y *yamlWriter) items(open json.Delim, indent, sep string) error {
	for first := true; y.d.More(); first = false {
		if first {
			y.b.WriteString(sep)
		}
		if !first || strings.HasSuffix(sep, "\n") {
			y.b.WriteString(indent)
		}
		if open == '[' {
			y.b.WriteString("-")
			if err := y.value(indent+"  ", " "); err != nil {
				return err
			}
			continue
		}
		name, err := y.d.Token()
		if err != nil {
			return err
		}
		y.b.WriteString(nameYAML(fmt.Sprint(name)) + ":")
		if err := y.value(indent+"  ", "\n"); err != nil {
			return err
		}
	}
	return nil
}

// nameYAML is an object's name: our own stand without quotes.
func nameYAML(s string) string {
	plain := s != "" && !strings.ContainsFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && r != '_' })
	switch s {
	case "null", "true", "false", "yes", "no", "on", "off", "y", "n":
		plain = false
	}
	if plain {
		return s
	}
	return quoteYAML(s)
}

func quoteYAML(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r > 0xffff && hidden(r):
			fmt.Fprintf(&b, `\U%08x`, r)
		case hidden(r) || r == utf8.RuneError:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
