package rules

import (
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/optimizer"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// Limits on one expression.
const (
	maxSource = 16 << 10
	maxNodes  = 2000
	maxMemory = 100_000 // elements that one run may make, in expr's count
)

// An expression is a compiled condition, or the list of window.each.
type expression struct {
	program *vm.Program
	demand  demand
	text    string     // macros and lists in full: what the expression means
	quick   *quick     // of a condition; nil: expr decides alone
	each    *quickEach // of a list; nil: expr makes it
	gates   []gate     // of a condition: one is open in every change of which it holds; nil: there are none
	fixed   trial      // of a condition: the part that a placement decides; nil: none does

	// What Explain and Unseen tell of it.
	attrs []attributeRead
	needs []Need
	parts int
	walks []string
}

// A compilation makes expressions of one file's texts.
type compilation struct {
	doc    *document
	file   *fileSpec
	config *conf.Config
	words  *vocabulary
	labels *labels
}

func newCompilation(f *fileSpec, words *vocabulary, l *labels) *compilation {
	c := conf.CreateNew()
	c.WithEnv(environment())
	c.MaxNodes = maxNodes
	for name := range c.Builtins {
		if predicates[name] == 0 {
			c.Disabled[name] = true
		}
	}
	for name := range c.Disabled {
		delete(c.Builtins, name)
	}
	for name, f := range functions() {
		typ := map[int]reflect.Type{1: oneToAny, 2: twoToAny}[f.args]
		if tests[name] != nil {
			typ = tests[name]
		}
		declare(c, name, typ)
		if f.call != nil {
			register(c, "$"+name, f.call, operator)
		}
	}
	registerOperators(c)
	return &compilation{doc: f.doc, file: f, config: c, words: words, labels: l}
}

// condition compiles text that is true or false.
func (c *compilation) condition(s scalar) *expression {
	return c.compile(s, mustBeTruth)
}

func mustBeTruth(t reflect.Type) string {
	if t == boolType {
		return ""
	}
	return "a condition is true or false; compare a value, as in after.active == true"
}

// numeric compiles text that may be a number.
func (c *compilation) numeric(s scalar) *expression {
	return c.compile(s, func(t reflect.Type) string {
		if t == nil || t.Kind() == reflect.Interface || t.Kind() == reflect.Int || t.Kind() == reflect.Int64 || t.Kind() == reflect.Float64 {
			return ""
		}
		return "sum adds up numbers, such as abs(delta(\"amount\"))"
	})
}

// elementsOf compiles text that is a list.
func (c *compilation) elementsOf(s scalar) *expression {
	return c.compile(s, func(t reflect.Type) string {
		if t != nil && t.Kind() == reflect.Slice {
			return ""
		}
		return "each is a list, such as changed or filter(changed, …)"
	})
}

// compile is nil when the text has a mistake, which the document then holds.
func (c *compilation) compile(s scalar, accept func(reflect.Type) string) *expression {
	before := len(c.doc.errs)
	tree := c.parse(s)
	if tree == nil || len(c.doc.errs) > before {
		return nil
	}
	return c.compileTree(s, tree, accept)
}

// compileTree compiles what was parsed of a text, or made in its place.
func (c *compilation) compileTree(s scalar, tree *parser.Tree, accept func(reflect.Type) string) *expression {
	before := len(c.doc.errs)
	x := &expander{c: c, at: s}
	x.expand(&tree.Node, nil, -1)
	if len(c.doc.errs) > before || x.broken {
		return nil
	}
	if x.nodes > maxNodes {
		c.doc.fail(s.at, "the expression has more than %d parts, macros counted in full", maxNodes)
		return nil
	}
	g := &guard{c: c, at: s, demand: newDemand(), lists: map[string]bool{}}
	g.walk(tree.Node, 0)
	if len(c.doc.errs) > before {
		return nil
	}
	typ, err := checker.Check(tree, c.config)
	if err != nil {
		c.report(s, err)
		return nil
	}
	if problem := accept(typ); problem != "" {
		c.doc.fail(s.locate(c.doc, 0), "%s", problem)
		return nil
	}
	e := &expression{demand: g.demand, text: tree.Node.String() + g.listText() + c.labels.text(g.demand.names)}
	e.attrs, e.needs = g.attrs, c.needs(tree.Node, nil)
	e.parts, e.walks = census(tree.Node)
	if typ == boolType {
		e.quick, e.gates, e.fixed = c.quicken(tree.Node), c.gates(tree.Node), c.fixed(tree.Node)
	} else {
		e.each = c.quickenEach(tree.Node)
	}
	safe := &safer{c: c, at: s}
	safe.node(&tree.Node, positive)
	if len(c.doc.errs) > before {
		return nil
	}
	if e.program, err = c.finish(tree); err != nil {
		c.report(s, err)
		return nil
	}
	return e
}

func (c *compilation) parse(s scalar) *parser.Tree {
	if strings.TrimSpace(s.text) == "" {
		c.doc.fail(s.at, "the expression is empty")
		return nil
	}
	if len(s.text) > maxSource {
		c.doc.fail(s.at, "the expression is longer than %d bytes", maxSource)
		return nil
	}
	tree, err := parser.ParseWithConfig(s.text, c.config)
	if err != nil {
		c.report(s, err)
		return nil
	}
	wrong := func(n ast.Node, message string) {
		c.doc.fail(s.locate(c.doc, n.Location().From), "%s", message)
	}
	undot(&tree.Node, wrong)
	desugar(&tree.Node, wrong)
	return tree
}

// finish compiles a tree whose operators are safe.
func (c *compilation) finish(tree *parser.Tree) (*vm.Program, error) {
	if _, err := checker.Check(tree, c.config); err != nil {
		return nil, err
	}
	if err := optimizer.Optimize(&tree.Node, c.config); err != nil {
		return nil, err
	}
	return compiler.Compile(tree, c.config)
}

// report puts one of expr's errors where the mistake stands in the file.
func (c *compilation) report(s scalar, err error) {
	var e *file.Error
	if !errors.As(err, &e) {
		message, _, _ := strings.Cut(err.Error(), "\n")
		c.doc.fail(s.locate(c.doc, 0), "%s", message)
		return
	}
	message := e.Message
	if name, ok := strings.CutPrefix(message, "unknown name "); ok {
		message += didYouMean(name, c.names())
	}
	at := s.locate(c.doc, e.From)
	if s.style == 0 && strings.Contains(message, "EOF") && commentFollows(c.doc, at) {
		message += "; in YAML a # after a space begins a comment: write the expression as a block, after a |"
	}
	c.doc.fail(at, "%s", message)
}

// commentFollows says that YAML took the rest of the line for a comment.
func commentFollows(d *document, at place) bool {
	if at.line > len(d.lines) {
		return false
	}
	line := []rune(d.lines[at.line-1])
	return strings.Contains(string(line[min(at.column-1, len(line)):]), "#")
}

// names lists all that a condition may say.
func (c *compilation) names() []string {
	var names []string
	for name := range environment() {
		names = append(names, name)
	}
	for name := range functions() {
		names = append(names, name)
	}
	for name := range c.file.macros {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
