package rules

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"recourse/audit"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	yaml "github.com/goccy/go-yaml/ast"
)

var exceptionID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$`)

// exceptionTest compares one field with the value of one cell. Of a field that is
// a list every element has to fit, and there has to be one.
func (c *compilation) exceptionTest(s *exceptionSpec, i int, cell yaml.Node) ast.Node {
	value := c.exceptionValue(s, i, cell)
	one := c.exceptionField(s, i)
	if one == nil || value == nil {
		return &ast.BoolNode{}
	}
	if !manyValued(one) {
		return compared(s.x.Comps[i], one, value)
	}
	element := compared(s.x.Comps[i], &ast.PointerNode{}, value)
	some := &ast.BinaryNode{Operator: ">", Left: &ast.CallNode{Callee: &ast.IdentifierNode{Value: "len"},
		Arguments: []ast.Node{c.exceptionField(s, i)}}, Right: &ast.IntegerNode{}}
	return joined("and", some, &ast.BuiltinNode{Name: "all", Arguments: []ast.Node{one, &ast.PredicateNode{Node: element}}})
}

// exceptionField is a field as the condition has it: a name, or an attribute. It
// is made anew each time, as compiling alters it.
func (c *compilation) exceptionField(s *exceptionSpec, i int) ast.Node {
	f := s.field[i]
	tree, err := parser.ParseWithConfig(f.text, c.config)
	if err == nil {
		undot(&tree.Node, func(_ ast.Node, message string) { err = errors.New(message) })
	}
	if err != nil || !isPath(tree.Node) {
		c.doc.fail(f.at, "%q is no field; want a name such as user or table, or an attribute such as after.status", shorten(f.text))
		return nil
	}
	id, plain := tree.Node.(*ast.IdentifierNode)
	if _, known := environment()[f.text]; plain && !known {
		if _, known := environment()[id.Value]; !known {
			c.doc.fail(f.at, "there is no field %s%s", f.text, didYouMean(f.text, c.names()))
			return nil
		}
	}
	return tree.Node
}

// isPath says that an expression names something and calculates nothing.
func isPath(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return true
	case *ast.ChainNode:
		return isPath(n.Node)
	case *ast.MemberNode:
		_, named := n.Property.(*ast.StringNode)
		return named && !n.Method && isPath(n.Node)
	}
	return false
}

func manyValued(n ast.Node) bool {
	id, ok := n.(*ast.IdentifierNode)
	return ok && (lists[id.Value] != nil || id.Value == "table.labels")
}

// exceptionValue is what a field is compared with: a constant, a list of them for
// in and glob, or a named list.
func (c *compilation) exceptionValue(s *exceptionSpec, i int, cell yaml.Node) ast.Node {
	comp := s.x.Comps[i]
	many := comp == compIn || comp == compGlob
	switch n := cell.(type) {
	case *yaml.MappingNode, *yaml.MappingValueNode:
		if !many {
			break
		}
		var name scalar
		c.doc.fields(n, "a value", []field{{"list", true, func(what string, n yaml.Node) { name = c.doc.text(n, what) }}})
		if !name.exists {
			return nil
		}
		call := &ast.CallNode{Callee: &ast.IdentifierNode{Value: "list"}, Arguments: []ast.Node{&ast.StringNode{Value: name.text}}}
		if c.file.lists[name.text] == nil {
			c.doc.fail(name.at, "no list is called %s", name.text)
			return nil
		}
		return call
	case *yaml.SequenceNode:
		if !many {
			break
		}
		out := &ast.ArrayNode{}
		for _, v := range n.Values {
			x := c.exceptionConstant(v)
			if x == nil {
				return nil
			}
			out.Nodes = append(out.Nodes, x)
		}
		return out
	}
	x := c.exceptionConstant(cell)
	if x != nil && comp == compIn {
		return &ast.ArrayNode{Nodes: []ast.Node{x}}
	}
	return x
}

func (c *compilation) exceptionConstant(n yaml.Node) ast.Node {
	switch x := fromValue(c.doc.value(n, "a value of an exception")).(type) {
	case nil:
		return &ast.NilNode{}
	case bool:
		return &ast.BoolNode{Value: x}
	case int64:
		return &ast.IntegerNode{Value: int(x)}
	case float64:
		return &ast.FloatNode{Value: x}
	case string:
		return &ast.StringNode{Value: x}
	}
	c.doc.want(n, "a value of an exception", "text, a number, a boolean or nothing")
	return nil
}

// compared is a field and a value with what compares them between.
func compared(comp string, field, value ast.Node) ast.Node {
	if comp == compGlob {
		return &ast.CallNode{Callee: &ast.IdentifierNode{Value: "glob"}, Arguments: []ast.Node{field, value}}
	}
	op := map[string]string{compEq: "==", compIn: "in", compStarts: "startsWith", compEnds: "endsWith", compContains: "contains",
		compLess: "<", compMost: "<=", compMore: ">", compAtLeast: ">="}[comp]
	return &ast.BinaryNode{Operator: op, Left: field, Right: value}
}

// excepted is the exception of a rule that holds of a change which the rule's
// condition holds of, or nil. One that cannot be decided does not hold.
func (e *Engine) excepted(r *ruleState, c *audit.Change) *Exception {
	for _, x := range r.Exceptions {
		if x.Expired(c.Time.Go()) {
			continue
		}
		if q := x.holds.quick; q != nil && !e.opts.slow {
			switch q.decide(e.facts) {
			case yes:
				return x
			case no:
				continue
			}
		}
		if out, ok := e.evaluate(r, x.holds, c); ok && out == true {
			return x
		}
	}
	return nil
}

// except counts what an exception held of.
func (s *RuleStats) except(x *Exception) {
	s.Excepted++
	if s.Exceptions == nil {
		s.Exceptions = map[string]uint64{}
	}
	s.Exceptions[x.ID]++
}

// A homeless reference is one to rules that may not be in the set.
type homeless struct {
	place   *LintError
	id      string
	pattern string
}

// attach gives a rule an exception.
func (c *compilation) attach(r *Rule, s *exceptionSpec) {
	if slices.ContainsFunc(r.Exceptions, func(x *Exception) bool { return x.ID == s.x.ID }) {
		c.doc.fail(s.at, "rule %s has an exception %s already", r.ID, s.x.ID)
		return
	}
	if r.Composite != nil {
		c.doc.fail(s.at, "rule %s looks at alerts, and exceptions are of changes; give the rules whose alerts it adds up the exception", r.ID)
		return
	}
	if s.compiled == nil {
		s.compiled = c.exception(s)
	}
	if s.compiled != nil {
		r.Exceptions = append(r.Exceptions, s.compiled)
	}
}

// except gives the rules of all files the exceptions that a file has for them.
func (s *Set) except(c *compilation) {
	for _, x := range c.file.exceptions {
		if x.compiled = c.exception(x); x.compiled == nil {
			continue // its mistake is told once, and not for each rule
		}
		for _, p := range x.rules {
			met := false
			for _, r := range s.rules {
				if !glob(p, r.ID) || r.Composite != nil && p != r.ID {
					continue
				}
				if met = true; !slices.Contains(r.Exceptions, x.compiled) {
					c.attach(r, x)
				}
			}
			if !met && !strings.ContainsAny(p, "*?") {
				s.homeless = append(s.homeless, homeless{x.x.place, x.x.ID, p})
			}
		}
	}
}
