package rules

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"recourse/audit"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

// A Condition is what a rule's where says, by itself: it tells of one change
// whether it holds. It may be used by several at once.
type Condition struct {
	expression *expression
	words      *vocabulary
	needs      []Need
	free       sync.Pool // of *trier
}

// A Need is a field that has one of some values in every change of which a
// condition holds.
type Need struct {
	Field  string // user, op, kind, node, db, table, or attr: an attribute that changed
	Values []string
}

// A trier is what it takes to try a condition on a change.
type trier struct {
	facts *facts
	view  *view
	vm    vm.VM
}

// ParseCondition compiles a condition that stands in no file. Mistakes are
// LintErrors, in a file of the name given.
func ParseCondition(name, source string) (*Condition, error) {
	d := newDocument(File{Name: name, Data: []byte(source)})
	words := &vocabulary{}
	c := newCompilation(&fileSpec{doc: d, lists: map[string]*namedList{}, macros: map[string]*macro{}}, words, &labels{})
	text := scalar{text: source, at: place{1, 1}, exists: true}
	e := c.condition(text)
	if len(d.errs) > 0 {
		return nil, d.sorted()
	}
	out := &Condition{expression: e, words: words, needs: e.needs}
	return out, nil
}

// Needs are what can be told of all changes of which the condition holds, from
// the comparisons that it joins by and.
func (c *Condition) Needs() []Need { return slices.Clone(c.needs) }

// Holds tries the condition on a change. What turns on a value that is missing
// does not hold. The error says that the change is too large for it.
func (c *Condition) Holds(change *audit.Change) (bool, error) {
	t, _ := c.free.Get().(*trier)
	if t == nil {
		none := newLabeller(nil)
		t = &trier{view: newView(none), facts: newFacts(c.words, none)}
		t.vm.MemoryBudget = maxMemory
	}
	defer c.free.Put(t)
	if q := c.expression.quick; q != nil {
		t.facts.load(change)
		if v := q.decide(t.facts); v != ask {
			return v == yes, nil
		}
	}
	t.view.load(change)
	t.view.provide(&c.expression.demand)
	t.view.run.steps = 0
	out, err := t.vm.Run(c.expression.program, t.view.env)
	switch {
	case errors.Is(err, errUndecided):
		return false, nil
	case err != nil:
		message := err.Error()
		if at, ok := errors.AsType[*file.Error](err); ok {
			message = at.Message
		}
		return false, fmt.Errorf("evaluate condition: %s", printable(message))
	}
	holds, _ := out.(bool)
	return holds, nil
}

// needs adds what a condition needs that is true only if all of its parts are.
func (c *compilation) needs(n ast.Node, needs []Need) []Need {
	b, ok := n.(*ast.BinaryNode)
	if !ok {
		return needs
	}
	switch b.Operator {
	case "and", "&&":
		return c.needs(b.Right, c.needs(b.Left, needs))
	case "==":
		if field, ok := needed(b.Left); ok {
			return addNeed(needs, field, []ast.Node{b.Right})
		}
		if field, ok := needed(b.Right); ok {
			return addNeed(needs, field, []ast.Node{b.Left})
		}
	case "in":
		if field, ok := needed(b.Left); ok {
			switch list := b.Right.(type) {
			case *ast.ArrayNode:
				return addNeed(needs, field, list.Nodes)
			case *ast.CallNode:
				return c.addListed(needs, field, list)
			case *ast.ConstantNode:
				return addConstants(needs, field, list.Value)
			}
		}
		if names, ok := b.Right.(*ast.IdentifierNode); ok && slices.Contains([]string{"changed", "added", "removed", "written"}, names.Value) {
			return addNeed(needs, "attr", []ast.Node{b.Left})
		}
	}
	return needs
}

func needed(n ast.Node) (string, bool) {
	id, ok := n.(*ast.IdentifierNode)
	if !ok {
		return "", false
	}
	return id.Value, slices.Contains([]string{"user", "op", "kind", "node", "db", "table"}, id.Value)
}

func addNeed(needs []Need, field string, values []ast.Node) []Need {
	need := Need{Field: field}
	for _, v := range values {
		s, ok := v.(*ast.StringNode)
		if !ok {
			return needs
		}
		need.Values = append(need.Values, s.Value)
	}
	return append(needs, need)
}

// addListed adds that a field is one of a list of the file.
func (c *compilation) addListed(needs []Need, field string, call *ast.CallNode) []Need {
	callee, ok := call.Callee.(*ast.IdentifierNode)
	if !ok || callee.Value != "list" || len(call.Arguments) != 1 {
		return needs
	}
	name, ok := call.Arguments[0].(*ast.StringNode)
	if !ok || c.file.lists[name.Value] == nil {
		return needs
	}
	return addConstants(needs, field, c.file.lists[name.Value].items)
}

// addConstants adds that a field is one of some texts, if they are nothing else.
func addConstants(needs []Need, field string, constants any) []Need {
	items, ok := elements(constants)
	need := Need{Field: field}
	for _, x := range items {
		s, text := x.(string)
		if ok = ok && text; !ok {
			return needs
		}
		need.Values = append(need.Values, s)
	}
	if !ok || len(items) == 0 {
		return needs
	}
	return append(needs, need)
}
