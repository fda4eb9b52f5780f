package rules

import (
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
)

// An expander puts macros in place as parsed trees, so that a macro means the
// same wherever it stands.
type expander struct {
	c      *compilation
	at     scalar
	nodes  int
	broken bool // a macro has a mistake, which is reported where it is defined
}

// expand replaces macros in n. A mistake is put at the character from of the
// text being compiled; -1 is where the macro's name stands.
func (x *expander) expand(n *ast.Node, within []string, from int) {
	ast.Walk(n, visitor(func(n *ast.Node) {
		if x.nodes++; x.nodes > maxNodes || x.broken {
			return
		}
		id, ok := (*n).(*ast.IdentifierNode)
		if !ok {
			return
		}
		m, ok := x.c.file.macros[id.Value]
		if !ok {
			return
		}
		at := from
		if at < 0 {
			at = id.Location().From
		}
		if i := slices.Index(within, id.Value); i >= 0 {
			x.broken = true
			x.c.doc.fail(x.at.locate(x.c.doc, at), "macro %s contains itself: %s",
				id.Value, strings.Join(append(slices.Clone(within[i:]), id.Value), " → "))
			return
		}
		if m.bad {
			x.broken = true
			return
		}
		tree, err := parser.ParseWithConfig(m.text.text, x.c.config)
		if err != nil {
			x.broken = true // reported where the macro is defined
			return
		}
		wrong := func(ast.Node, string) { x.broken = true }
		undot(&tree.Node, wrong)
		desugar(&tree.Node, wrong)
		x.expand(&tree.Node, append(slices.Clone(within), id.Value), at)
		where := id.Location()
		ast.Walk(&tree.Node, visitor(func(n *ast.Node) { (*n).SetLocation(where) }))
		*n = tree.Node
	}))
}

// A visitor is a function as an ast.Visitor.
type visitor func(*ast.Node)

// Visit calls the function.
func (v visitor) Visit(n *ast.Node) { v(n) }

// checkMacros compiles every macro by itself, so that a mistake is reported
// where it was made and not wherever the macro is used.
func (c *compilation) checkMacros() {
	names := make([]string, 0, len(c.file.macros))
	for name := range c.file.macros {
		names = append(names, name)
	}
	slices.Sort(names)
	bad := map[string]bool{}
	for _, name := range names {
		before := len(c.doc.errs)
		if c.compile(c.file.macros[name].text, func(reflect.Type) string { return "" }) == nil || len(c.doc.errs) > before {
			bad[name] = true
		}
	}
	for name := range bad {
		c.file.macros[name].bad = true
	}
}
