package rules

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"

	"recourse/audit"

	expr "github.com/expr-lang/expr/ast"
	"github.com/goccy/go-yaml/ast"
)

// A itemType says what the items of a list are, and so what it is for.
type itemType string

const (
	textList    itemType = "text"
	numberList  itemType = "number"
	patternList itemType = "pattern" // for glob, not for in
)

// Limits on a list that stands in a file of its own.
const (
	maxListFile  = 4 << 20
	maxListItems = 100_000
)

func (f *fileSpec) readLists(what string, n ast.Node) {
	d := f.doc
	for _, p := range d.pairs(n, what) {
		name, _ := keyOf(p)
		if !partName.MatchString(name) {
			d.fail(start(p.Key), "%q is no name for a list", name)
			continue
		}
		f.lists[name] = f.readList(name, p)
	}
}

func (f *fileSpec) readList(name string, p *ast.MappingValueNode) *namedList {
	d, l := f.doc, &namedList{}
	var items, file ast.Node
	d.fields(p.Value, "list "+name, []field{
		{"type", false, func(what string, n ast.Node) { l.kind = choice(d, n, what, textList, numberList, patternList) }},
		{"items", false, func(_ string, n ast.Node) { items = n }},
		{"file", false, func(_ string, n ast.Node) { file = n }},
	})
	switch {
	case items != nil && file != nil:
		d.fail(start(p.Key), "list %s has both items and a file", name)
	case items != nil:
		d.list(items, "items", func(v ast.Node) { f.readItem(name, l, v) })
	case file != nil:
		f.readListFile(name, l, file)
	default:
		d.fail(start(p.Key), "list %s lacks items or a file", name)
	}
	return l
}

func (f *fileSpec) readItem(name string, l *namedList, v ast.Node) {
	item := fromValue(f.doc.value(v, "an item of list "+name))
	_, text := item.(string)
	_, number := numberOf(item)
	want := map[itemType]string{"": "text or a number", textList: "text", numberList: "a number", patternList: "a pattern"}[l.kind]
	if !text && !number || l.kind == numberList && text || (l.kind == textList || l.kind == patternList) && number {
		f.doc.want(v, "an item of list "+name, want)
		return
	}
	l.add(item)
}

// readListFile reads a list with an item on each line. Empty lines and those that
// begin with # are none.
func (f *fileSpec) readListFile(name string, l *namedList, n ast.Node) {
	d := f.doc
	s := d.text(n, "file of list "+name)
	if !s.exists {
		return
	}
	data, err := f.beside(s.text)
	if err != nil {
		d.fail(s.at, "list %s: %v", name, err)
		return
	}
	if l.kind == "" {
		l.kind = textList
	}
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		var item any = line
		if l.kind == numberList {
			v, err := audit.FromJSON([]byte(line))
			if item = fromValue(v); err != nil || v.Kind() != audit.KindInt && v.Kind() != audit.KindFloat {
				d.fail(s.at, "list %s: %s:%d: %q is no number", name, s.text, i+1, shorten(line))
				return
			}
		}
		if l.add(item); len(l.items) > maxListItems {
			d.fail(s.at, "list %s: %s has more than %d items", name, s.text, maxListItems)
			return
		}
	}
}

// beside reads a file that lies in the rule file's folder or below it.
func (f *fileSpec) beside(name string) ([]byte, error) {
	if !fs.ValidPath(name) || name == "." {
		return nil, fmt.Errorf("%q is no path of a file below the rule file's folder", name)
	}
	if f.open == nil {
		return nil, fmt.Errorf("read %s: this rule file has no folder", name)
	}
	data, err := f.open(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("read %s: there is no such file beside the rule file", name)
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", name, err)
	case len(data) > maxListFile:
		return nil, fmt.Errorf("%s is larger than %d bytes", name, maxListFile)
	case !utf8.Valid(data):
		return nil, fmt.Errorf("%s is no text in UTF-8", name)
	}
	return data, nil
}

// opener reads the files beside a rule file.
func opener(fsys fs.FS, file string) func(string) ([]byte, error) {
	return func(name string) (data []byte, err error) {
		at, err := fsys.Open(path.Join(path.Dir(file), name))
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, at.Close()) }()
		return readMost(at, maxListFile+1)
	}
}

// shorten is text for an error, which quotes no more than it must.
func shorten(s string) string {
	const most = 40
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

// listed is the list that list("name") means, or nil.
func (g *guard) listed(n expr.Node) (string, *namedList) {
	call, ok := n.(*expr.CallNode)
	if !ok || len(call.Arguments) != 1 {
		return "", nil
	}
	callee, ok := call.Callee.(*expr.IdentifierNode)
	name, also := call.Arguments[0].(*expr.StringNode)
	if !ok || !also || callee.Value != "list" {
		return "", nil
	}
	return name.Value, g.c.file.lists[name.Value]
}

// among refuses to look for what a list of its type cannot hold.
func (g *guard) among(n *expr.BinaryNode) {
	name, l := g.listed(n.Right)
	if l == nil {
		return
	}
	if l.kind == patternList {
		g.fail(n, "list %s is of patterns: write glob(…, list(%q))", name, name)
	}
	id, ok := n.Left.(*expr.IdentifierNode)
	if ok && l.kind == numberList && textOfChange(id.Value) != nil {
		g.fail(n, "list %s is of numbers, and %s is text", name, id.Value)
	}
}
