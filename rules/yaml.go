package rules

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"recourse/audit"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Limits on rule files, so that a hostile one cannot exhaust the reader.
const (
	maxFileSize = 1 << 18
	maxOpenings = 10_000
)

// parse reads the file's YAML. It returns nil when there is nothing to go on
// with; the document says why.
func (d *document) parse(data []byte) (root ast.Node) {
	if len(data) > maxFileSize {
		d.fail(place{1, 1}, "the file is larger than %d bytes", maxFileSize)
		return nil
	}
	if openings(data) > maxOpenings {
		d.fail(place{1, 1}, "the file has more than %d opening brackets", maxOpenings)
		return nil
	}
	// The parser is not ours and has panicked on odd input before.
	defer func() {
		if r := recover(); r != nil {
			d.fail(place{1, 1}, "no YAML: the parser gave up")
			root = nil
		}
	}()
	file, err := parser.ParseBytes([]byte(strings.Join(d.lines, "\n")), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		at, message := place{1, 1}, err.Error()
		if e, ok := errors.AsType[yaml.Error](err); ok {
			message = e.GetMessage()
			if t := e.GetToken(); t != nil && t.Position != nil {
				at = place{t.Position.Line, t.Position.Column}
			}
		}
		if at.line <= len(d.lines) && strings.HasPrefix(strings.TrimLeft(d.lines[max(at.line, 1)-1], " "), "\t") {
			message = "a line begins with a tab; YAML is indented with spaces"
		}
		d.fail(at, "no YAML: %s", message)
		return nil
	}
	var bodies []ast.Node
	for _, doc := range file.Docs {
		if doc != nil && doc.Body != nil {
			bodies = append(bodies, doc.Body)
		}
	}
	switch len(bodies) {
	case 0:
		d.fail(place{1, 1}, "the file is empty")
		return nil
	case 1:
		return bodies[0]
	}
	d.fail(start(bodies[1]), "a rule file holds one YAML document")
	return nil
}

// openings counts brackets. The parser takes quadratic time for those that
// nest, so a file may not have more than any real one needs.
func openings(data []byte) int {
	return bytes.Count(data, []byte("[")) + bytes.Count(data, []byte("{"))
}

// start is where a node begins.
func start(n ast.Node) place {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return start(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return start(n.Key)
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return place{max(t.Position.Line, 1), max(t.Position.Column, 1)}
	}
	return place{1, 1}
}

func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "a boolean"
	case *ast.NullNode:
		return "nothing"
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode, *ast.TagNode:
		return "an anchor, alias or tag, which rule files do not have"
	}
	return n.Type().String()
}

func (d *document) want(n ast.Node, what, kind string) {
	d.fail(start(n), "%s is %s; want %s", what, kindOf(n), kind)
}

// pairs lists a mapping's entries; a key that comes twice is an error.
func (d *document) pairs(n ast.Node, what string) []*ast.MappingValueNode {
	var all []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		all = n.Values
	case *ast.MappingValueNode:
		all = []*ast.MappingValueNode{n}
	default:
		d.want(n, what, "a mapping")
		return nil
	}
	first := map[string]place{}
	var out []*ast.MappingValueNode
	for _, p := range all {
		key, ok := keyOf(p)
		if !ok {
			d.fail(start(p.Key), "a key of %s is %s; want text", what, kindOf(p.Key))
			continue
		}
		if at, twice := first[key]; twice {
			d.fail(start(p.Key), "%s is already given in line %d", key, at.line)
			continue
		}
		first[key] = start(p.Key)
		out = append(out, p)
	}
	return out
}

func keyOf(p *ast.MappingValueNode) (string, bool) {
	switch k := p.Key.(type) {
	case *ast.StringNode:
		return k.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		return k.GetToken().Value, true
	}
	return "", false
}

// A field is one key that a mapping may have.
type field struct {
	key      string
	required bool
	read     func(what string, n ast.Node)
}

// fields reads a mapping strictly: unknown keys and missing ones are errors.
func (d *document) fields(n ast.Node, what string, fields []field) {
	if d.reads != nil {
		d.reads(what, fields)
	}
	failed := len(d.errs)
	pairs := d.pairs(n, what)
	if pairs == nil && len(d.errs) > failed {
		return
	}
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = f.key
	}
	given := map[string]bool{}
	for _, p := range pairs {
		key, _ := keyOf(p)
		i := slices.Index(known, key)
		if i < 0 {
			d.fail(start(p.Key), "%s has no key %s%s", what, key, didYouMean(key, known))
			continue
		}
		given[key] = true
		fields[i].read(key, p.Value)
	}
	for _, f := range fields {
		if f.required && !given[f.key] {
			d.fail(start(n), "%s lacks %s", what, f.key)
		}
	}
}

func (d *document) list(n ast.Node, what string, each func(ast.Node)) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.want(n, what, "a list")
		return
	}
	for _, v := range seq.Values {
		each(v)
	}
}

func (d *document) text(n ast.Node, what string) scalar {
	s, ok := scalarOf(n)
	if !ok {
		d.want(n, what, "text")
	}
	return s
}

func (d *document) texts(n ast.Node, what string) []scalar {
	var out []scalar
	d.list(n, what, func(v ast.Node) {
		if s := d.text(v, what); s.exists {
			out = append(out, s)
		}
	})
	return out
}

func (d *document) integer(n ast.Node, what string, low, high int) int {
	i, ok := n.(*ast.IntegerNode)
	if !ok {
		d.want(n, what, "a whole number")
		return low
	}
	v, err := audit.FromJSON(fmt.Append(nil, i.Value))
	if err != nil || v.Kind() != audit.KindInt || !v.Big().IsInt64() ||
		v.Big().Int64() < int64(low) || v.Big().Int64() > int64(high) {
		d.fail(start(n), "%s is %s; want %d to %d", what, i.GetToken().Value, low, high)
		return low
	}
	return int(v.Big().Int64())
}

func (d *document) boolean(n ast.Node, what string) bool {
	b, ok := n.(*ast.BoolNode)
	if !ok {
		d.want(n, what, "true or false")
		return false
	}
	return b.Value
}

// duration reads 90s, 5m, 12h, 3d.
func (d *document) duration(n ast.Node, what string, low time.Duration) time.Duration {
	return d.durationUpTo(n, what, low, 31*24*time.Hour)
}

func (d *document) durationUpTo(n ast.Node, what string, low, longest time.Duration) time.Duration {
	s, _ := scalarOf(n)
	if i, ok := n.(*ast.IntegerNode); ok && i.GetToken().Value == "0" {
		s.text = "0s"
	}
	got, err := parseDuration(s.text)
	if err != nil {
		d.fail(start(n), "%s is %s; want a duration such as 30s, 5m, 12h, 3d", what, printable(n.GetToken().Value))
		return low
	}
	if got < low || got > longest {
		d.fail(start(n), "%s is %s; want %s to %s", what, s.text, low, shortDuration(longest))
		return low
	}
	return got
}

func parseDuration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		got, err := time.ParseDuration(days + "h")
		if err != nil || got > 1e4*time.Hour {
			return 0, fmt.Errorf("parse duration %q", s)
		}
		return 24 * got, nil
	}
	return time.ParseDuration(s)
}

// choice reads one of a few words.
func choice[T ~string](d *document, n ast.Node, what string, known ...T) T {
	s := d.text(n, what)
	if !s.exists || slices.Contains(known, T(s.text)) {
		return T(s.text)
	}
	words := make([]string, len(known))
	for i, k := range known {
		words[i] = string(k)
	}
	d.fail(s.at, "%s is %q; want %s%s", what, s.text, strings.Join(words, ", "), didYouMean(s.text, words))
	return known[0]
}
