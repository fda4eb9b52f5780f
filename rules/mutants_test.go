package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
)

// A mutant is a rule with one mistake in it, which one of its tests should find.
type mutant struct {
	rule, what string
	apply      func(*spec)
}

// mutantsOf are the mistakes that a rule may have: in its conditions, its window,
// what it matches, its form.
func mutantsOf(s *spec) []mutant {
	var out []mutant
	add := func(what string, apply func(*spec)) { out = append(out, mutant{s.rule.ID, what, apply}) }
	mutateConditions(s, add)
	mutateMatch("", &s.rule.match, add, func(s *spec) *match { return &s.rule.match })
	for i := range s.form.inputs {
		mutateMatch(fmt.Sprintf("step %d ", i+1), &s.form.inputs[i].match, add, func(s *spec) *match { return &s.form.inputs[i].match })
	}
	mutateWindow(s, add)
	mutateForm(s, add)
	return out
}

// mutateConditions changes where, each, and the conditions of steps. What each
// says again of where is changed in both.
func mutateConditions(s *spec, add func(string, func(*spec))) {
	shared := ""
	if s.each.exists {
		shared = predicateOf(s.where.text, s.each.text)
	}
	for _, m := range mutationsOf(s.where.text, shared) {
		add("where: "+m.what, func(s *spec) { s.where.text = m.text })
	}
	for _, m := range mutationsOf(s.each.text, shared) {
		add("each: "+m.what, func(s *spec) { s.each.text = m.text })
	}
	if shared != "" {
		where, each := printed(s.where.text), printed(s.each.text)
		for _, m := range mutationsOf(shared, "") {
			add("where and each: "+m.what, func(s *spec) {
				s.where.text, s.each.text = strings.ReplaceAll(where, shared, m.text), strings.ReplaceAll(each, shared, m.text)
			})
		}
	}
	for i := range s.form.inputs {
		for _, m := range mutationsOf(s.form.inputs[i].where.text, "") {
			add(fmt.Sprintf("step %d: %s", i+1, m.what), func(s *spec) { s.form.inputs[i].where.text = m.text })
		}
	}
}

// predicateOf is what any(changed, …) of where asks and each asks as well; empty
// if there is none.
func predicateOf(where, each string) string {
	found, again := "", printed(each)
	visit(where, func(n *ast.Node) {
		b, ok := (*n).(*ast.BuiltinNode)
		if ok && b.Name == "any" && len(b.Arguments) == 2 {
			if p, ok := b.Arguments[1].(*ast.PredicateNode); ok && strings.Contains(again, p.Node.String()) {
				found = p.Node.String()
			}
		}
	})
	return found
}

func printed(text string) string {
	tree, err := parser.Parse(text)
	if err != nil {
		return ""
	}
	return tree.Node.String()
}

// visit shows the nodes of a condition in their order.
func visit(text string, see func(*ast.Node)) ast.Node {
	tree, err := parser.Parse(text)
	if err != nil {
		return nil
	}
	ast.Walk(&tree.Node, visitor(see))
	return tree.Node
}

// A mutation is a condition with one mistake.
type mutation struct{ what, text string }

// mutationsOf are the mistakes of a condition; but none within the part that is
// given.
func mutationsOf(text, without string) []mutation {
	if text == "" {
		return nil
	}
	var out []mutation
	was := printed(text)
	nodes := 0
	visit(text, func(*ast.Node) { nodes++ })
	for i := range nodes {
		for k := 0; ; k++ {
			n, what := -1, ""
			mutated := visit(text, func(node *ast.Node) {
				if n++; n == i {
					what = replace(node, k)
				}
			})
			if what == "" {
				break
			}
			now := mutated.String()
			if now != was && (without == "" || strings.Contains(now, without)) &&
				!slices.ContainsFunc(out, func(m mutation) bool { return m.text == now }) {
				out = append(out, mutation{what, now})
			}
		}
	}
	return out
}

var flips = map[string][]string{
	">=": {">", "<"}, ">": {">=", "<="}, "<=": {"<", ">"}, "<": {"<=", ">="}, "==": {"!="}, "!=": {"=="}, "in": {"not in"},
	"and": {"or"}, "or": {"and"},
}

// replace puts the kth mistake in place of a node; it is empty if there are fewer.
func replace(node *ast.Node, k int) string {
	switch n := (*node).(type) {
	case *ast.BinaryNode:
		return replaceBinary(node, n, k)
	case *ast.UnaryNode:
		if k == 0 && n.Operator == "not" {
			was := n.String()
			*node = n.Node
			return was + " → " + n.Node.String()
		}
	case *ast.BuiltinNode:
		if k == 0 && n.Name == "any" {
			n.Name = "all"
			return "any → all of " + n.Arguments[0].String()
		}
	case *ast.IntegerNode:
		if k < 2 {
			was := n.Value
			n.Value += []int{1, -1}[k]
			return fmt.Sprintf("%d → %d", was, n.Value)
		}
	case *ast.FloatNode:
		if k < 2 {
			was := n.Value
			n.Value *= []float64{1.1, 0.9}[k]
			return fmt.Sprintf("%g → %g", was, n.Value)
		}
	}
	return ""
}

func replaceBinary(node *ast.Node, n *ast.BinaryNode, k int) string {
	was := n.String()
	other := flips[n.Operator]
	switch {
	case k < len(other):
		if n.Operator = other[k]; n.Operator == "not in" {
			n.Operator = "in"
			*node = &ast.UnaryNode{Operator: "not", Node: n}
		}
		return was + " → " + other[k]
	case (n.Operator == "and" || n.Operator == "or") && k-len(other) < 2:
		kept := []ast.Node{n.Left, n.Right}[k-len(other)]
		*node = kept
		return was + " → " + kept.String()
	case (n.Operator == "contains" || n.Operator == "matches") && k == 0:
		*node = &ast.UnaryNode{Operator: "not", Node: n}
		return was + " → not"
	}
	return ""
}

func mutateMatch(of string, m *match, add func(string, func(*spec)), in func(*spec) *match) {
	for _, list := range []struct {
		name string
		at   func(*match) *[]string
	}{
		{"ops", func(m *match) *[]string { return &m.ops }}, {"tables", func(m *match) *[]string { return &m.tables }},
		{"not_tables", func(m *match) *[]string { return &m.notTables }}, {"users", func(m *match) *[]string { return &m.users }},
		{"not_users", func(m *match) *[]string { return &m.notUsers }},
	} {
		items := *list.at(m)
		if items != nil && list.name != "not_tables" && list.name != "not_users" {
			add(of+"match without "+list.name, func(s *spec) { *list.at(in(s)) = nil })
		}
		for i, item := range items {
			if len(items) == 1 && list.name != "not_tables" && list.name != "not_users" {
				continue
			}
			add(fmt.Sprintf("%s%s without %s", of, list.name, item), func(s *spec) {
				*list.at(in(s)) = slices.Delete(slices.Clone(items), i, i+1)
			})
		}
	}
}

func mutateWindow(s *spec, add func(string, func(*spec))) {
	w := s.rule.Window
	if s.form.given == "window" {
		if w.Count > 0 {
			add(fmt.Sprintf("count %d → %d", w.Count, w.Count+1), func(s *spec) { s.rule.Window.Count++ })
		}
		if w.Count > 1 {
			add(fmt.Sprintf("count %d → %d", w.Count, w.Count-1), func(s *spec) { s.rule.Window.Count-- })
		}
		if w.Distinct != "" {
			add("without distinct", func(s *spec) { s.rule.Window.Distinct = "" })
		}
	}
	if s.form.given != "" && (w.Count > 1 || s.form.given != "window") {
		add("half the time", func(s *spec) { s.rule.Window.Size = w.Size / 2 })
		add("twice the time", func(s *spec) { s.rule.Window.Size = w.Size * 2 })
	}
	for i, name := range w.By {
		if s.form.given == "new_terms" || s.form.given == "window" && w.Count > 1 {
			add("by without "+name, func(s *spec) { s.rule.Window.By = slices.Delete(slices.Clone(w.By), i, i+1) })
		}
	}
}

func mutateForm(s *spec, add func(string, func(*spec))) {
	r := &s.rule
	if f := r.Window.Fraction; f != nil {
		for _, by := range []int{1, -1} {
			add(fmt.Sprintf("floor %+d", by), func(s *spec) { s.rule.Window.Fraction = &Fraction{f.Gte, f.Floor + by} })
			add(fmt.Sprintf("share %+d %%", by), func(s *spec) { s.rule.Window.Fraction = &Fraction{f.Gte + float64(by)/100, f.Floor} })
		}
	}
	if b := r.Baseline; b != nil && b.Cold > 0 {
		for _, by := range []int{1, -1} {
			add(fmt.Sprintf("cold %+d", by), func(s *spec) { c := *b; c.Cold += by; s.rule.Baseline = &c })
		}
	}
	if r.Window.Spike {
		add("no baseline", func(s *spec) { s.rule.Window.Spike, s.rule.Baseline = false, nil })
	}
	if t := r.NewTerms; t != nil && t.Learn > 0 {
		add("nothing is learned", func(s *spec) { s.rule.NewTerms = &NewTerms{0, t.Per} })
		add("an hour more is learned", func(s *spec) { s.rule.NewTerms = &NewTerms{t.Learn + 2*time.Hour, t.Per} })
		if t.Per != nil {
			add("without per", func(s *spec) { s.rule.NewTerms = &NewTerms{t.Learn, nil} })
		}
	}
	if c := r.Composite; c != nil {
		add("one rule more", func(s *spec) { d := *c; d.DistinctRules++; s.rule.Composite = &d })
		add("one rule less", func(s *spec) { d := *c; d.DistinctRules--; s.rule.Composite = &d })
		add("a tenth more risk", func(s *spec) { d := *c; d.Gte *= 1.1; s.rule.Composite = &d })
		add("a tenth less risk", func(s *spec) { d := *c; d.Gte *= 0.9; s.rule.Composite = &d })
	}
	if n := len(s.form.inputs); s.form.given == "sequence" && n > 2 {
		add("a step less", func(s *spec) {
			s.form.inputs = s.form.inputs[:n-1]
			s.rule.Sequence = &Sequence{Steps: s.rule.Sequence.Steps[:n-1]}
		})
	}
	if s.form.given == "sequence" && !slices.Equal(r.Sequence.Steps, reversed(r.Sequence.Steps)) {
		add("the steps the other way round", func(s *spec) {
			slices.Reverse(s.form.inputs)
			s.rule.Sequence = &Sequence{Steps: reversed(s.rule.Sequence.Steps)}
		})
	}
}

func reversed(s []string) []string {
	out := slices.Clone(s)
	slices.Reverse(out)
	return out
}
