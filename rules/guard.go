package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"recourse/audit"

	"github.com/expr-lang/expr/ast"
)

// predicates is expr's functions that go through a list, with what a
// comparison within them means for the whole: any and all keep the direction,
// none turns it around. In the others an element without the value is not
// taken.
var predicates = map[string]polarity{
	"any": positive, "all": positive, "none": negative,
	"one": positive, "filter": positive, "count": positive, "find": positive, "map": positive,
}

// A guard refuses what makes a condition slow, unpredictable or never true,
// and notes what the condition reads.
type guard struct {
	c      *compilation
	at     scalar
	demand demand
	lists  map[string]bool
	attrs  []attributeRead
}

func (g *guard) fail(n ast.Node, format string, args ...any) {
	g.c.doc.fail(g.at.locate(g.c.doc, n.Location().From), format, args...)
}

// walk looks at a node and its parts; depth is how many lists are being gone
// through around it.
func (g *guard) walk(n ast.Node, depth int) {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		g.identifier(n)
	case *ast.UnaryNode:
		g.walk(n.Node, depth)
	case *ast.BinaryNode:
		g.binary(n, depth)
	case *ast.ChainNode:
		g.walk(n.Node, depth)
	case *ast.MemberNode:
		g.member(n, depth)
	case *ast.CallNode:
		g.call(n, depth)
	case *ast.BuiltinNode:
		g.builtin(n, depth)
	case *ast.PredicateNode:
		g.walk(n.Node, depth+1)
	case *ast.ConditionalNode:
		g.walk(n.Cond, depth)
		g.walk(n.Exp1, depth)
		g.walk(n.Exp2, depth)
	case *ast.VariableDeclaratorNode:
		if reserved(n.Name) || g.c.file.macros[n.Name] != nil {
			g.fail(n, "let %s: the name is taken", n.Name)
		}
		g.walk(n.Value, depth)
		g.walk(n.Expr, depth)
	case *ast.ArrayNode:
		for _, e := range n.Nodes {
			g.walk(e, depth)
		}
	case *ast.SliceNode, *ast.MapNode, *ast.SequenceNode, *ast.BytesNode:
		g.fail(n, "conditions have no slices, maps, bytes or sequences")
	}
}

func (g *guard) identifier(n *ast.IdentifierNode) {
	switch {
	case strings.HasPrefix(n.Value, "$"):
		g.fail(n, "unknown name %s", n.Value)
	case n.Value == "before":
		g.demand.beforeAll = true
	case n.Value == "after":
		g.demand.afterAll = true
	}
	if _, known := environment()[n.Value]; known {
		g.demand.variable(n.Value)
		return
	}
	if _, known := functions()[n.Value]; known || predicates[n.Value] != 0 {
		g.fail(n, "%s is a function: write what it takes in parentheses after it", n.Value)
	}
}

// member notes which attribute is read, so that the others stay encoded.
func (g *guard) member(n *ast.MemberNode, depth int) {
	name, named := n.Property.(*ast.StringNode)
	if n.Method {
		g.fail(n, "values have no methods")
		return
	}
	record, ok := n.Node.(*ast.IdentifierNode)
	if ok && named && (record.Value == "before" || record.Value == "after") {
		g.demand.variable(record.Value)
		if record.Value == "before" {
			g.demand.beforeAttrs[name.Value] = true
		} else {
			g.demand.afterAttrs[name.Value] = true
		}
		g.reads(name)
		return
	}
	g.walk(n.Node, depth)
	g.walk(n.Property, depth)
}

func (g *guard) call(n *ast.CallNode, depth int) {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		g.fail(n, "only functions can be called")
		return
	}
	f, known := functions()[callee.Value]
	if !known {
		what := "unknown function " + callee.Value
		switch callee.Value {
		case "now", "date", "duration", "timezone":
			what += "; a condition has no clock: use ts, hour and weekday of the change"
		default:
			what += didYouMean(callee.Value, append(slices.Collect(maps.Keys(functions())), slices.Collect(maps.Keys(predicates))...))
		}
		g.fail(n, "%s", what)
		return
	}
	g.demand.add(f.reads)
	if f.reads.index && len(n.Arguments) == 1 {
		g.reads(n.Arguments[0])
	}
	if callee.Value == "list" {
		g.list(n)
		return
	}
	if callee.Value == "glob" && len(n.Arguments) == 2 {
		if name, l := g.listed(n.Arguments[1]); l != nil && l.kind == numberList {
			g.fail(n, "list %s is of numbers, which are no patterns", name)
		}
	}
	for _, a := range n.Arguments {
		g.walk(a, depth)
	}
}

func (g *guard) list(n *ast.CallNode) {
	name, ok := (*ast.StringNode)(nil), len(n.Arguments) == 1
	if ok {
		name, ok = n.Arguments[0].(*ast.StringNode)
	}
	if !ok {
		g.fail(n, `list takes the name of a list, as in list("money")`)
		return
	}
	if g.c.file.lists[name.Value] == nil {
		g.fail(name, "no list is called %s%s", name.Value, didYouMean(name.Value, slices.Collect(maps.Keys(g.c.file.lists))))
		return
	}
	g.lists[name.Value] = true
}

func (g *guard) builtin(n *ast.BuiltinNode, depth int) {
	if predicates[n.Name] == 0 {
		g.fail(n, "unknown function %s", n.Name)
		return
	}
	// expr cannot be stopped, and two lists of a hostile record, one within the
	// other, are the square of its size.
	if depth > 0 {
		g.fail(n, "%s stands within another function that goes through a list", n.Name)
		return
	}
	for _, a := range n.Arguments {
		g.walk(a, depth)
	}
}

func (g *guard) binary(n *ast.BinaryNode, depth int) {
	g.walk(n.Left, depth)
	g.walk(n.Right, depth)
	switch n.Operator {
	case "..":
		const longest = 1000
		from, ok := n.Left.(*ast.IntegerNode)
		to, also := n.Right.(*ast.IntegerNode)
		if !ok || !also || to.Value-from.Value > longest || from.Value > to.Value || from.Value < -longest || to.Value > 1e6 {
			g.fail(n, "a range has two constant ends, at most %d apart", longest)
		}
	case "matches":
		p, ok := n.Right.(*ast.StringNode)
		if !ok {
			g.fail(n.Right, "matches takes a constant pattern")
			return
		}
		if _, err := compilePattern(p.Value); err != nil {
			g.fail(p, "%v", err)
		}
	case "==", "!=", "in", "not in":
		g.named(n)
		if n.Operator == "in" || n.Operator == "not in" {
			g.among(n)
		}
		g.word(n.Left, n.Right)
		g.word(n.Right, n.Left)
	}
}

// word refuses to compare a name that knows only some words with another.
func (g *guard) word(name, with ast.Node) {
	if call, ok := name.(*ast.CallNode); ok {
		if callee, ok := call.Callee.(*ast.IdentifierNode); ok && callee.Value == "format" {
			g.oneOf("format", formatNames(), with)
		}
		return
	}
	id, ok := name.(*ast.IdentifierNode)
	if !ok {
		return
	}
	var known []string
	switch id.Value {
	case "op", "op_reported":
		known = slices.DeleteFunc(slices.Clone(opNames), func(s string) bool { return s == string(audit.KindWrite) })
	case "kind":
		known = []string{string(audit.KindWrite), string(audit.KindDelete), string(audit.KindMessage)}
	case "before_state", "after_state":
		known = []string{audit.Unknown.String(), audit.Absent.String(), audit.Present.String()}
	case "weekday":
		known = weekdays()
	case "actor.kind":
		known = []string{actorHuman, actorService, actorUnknown, actorNone}
	default:
		return
	}
	g.oneOf(id.Value, known, with)
}

// oneOf refuses to compare what is one of some words with another.
func (g *guard) oneOf(name string, known []string, with ast.Node) {
	candidates := []ast.Node{with}
	if a, ok := with.(*ast.ArrayNode); ok {
		candidates = a.Nodes
	}
	for _, n := range candidates {
		if s, ok := n.(*ast.StringNode); ok && !slices.Contains(known, s.Value) {
			g.fail(s, "%s is never %q%s", name, s.Value, didYouMean(s.Value, known))
		}
	}
}

// listText is the lists that the expression uses, in full.
func (g *guard) listText() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(g.lists)) {
		fmt.Fprintf(&b, "\nlist %s: %q", name, g.c.file.lists[name].items)
	}
	return b.String()
}
