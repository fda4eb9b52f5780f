package rules

import (
	"maps"
	"slices"
	"strings"

	"recourse/audit"

	"github.com/expr-lang/expr/ast"
)

// A Catalogue is the attributes that were seen in the records of each table.
type Catalogue map[audit.Table][]string

// An attributeRead is where a condition names an attribute.
type attributeRead struct {
	name  string
	place *LintError
}

// reads notes the attribute that a call of old, new, delta, ratio or growth, or a
// test such as "email" in changed, names.
func (g *guard) reads(name ast.Node) {
	if s, ok := name.(*ast.StringNode); ok {
		g.attrs = append(g.attrs, attributeRead{s.Value, g.c.doc.here(g.at.locate(g.c.doc, s.Location().From))})
	}
}

// attributesOfChange are the lists that hold names of attributes.
var attributesOfChange = []string{"changed", "added", "removed", "written"}

// named notes the name in "email" in changed.
func (g *guard) named(n *ast.BinaryNode) {
	if id, ok := n.Right.(*ast.IdentifierNode); ok && slices.Contains(attributesOfChange, id.Value) {
		g.reads(n.Left)
	}
}

// expressions are all that a rule has, without those of its exceptions.
func (r *Rule) expressions() []*expression {
	var out []*expression
	for _, x := range append(r.formExpressions(), r.where, r.each) {
		if x != nil {
			out = append(out, x)
		}
	}
	return out
}

// Unseen is what rules look for that was never seen: tables without wildcards
// that the catalogue does not have, and attributes that none of the tables has
// which the rule looks at. Of tables of the system database and of rules that look
// at none of the catalogue's tables it says nothing more.
func (s *Set) Unseen(seen Catalogue) LintErrors {
	if len(seen) == 0 {
		return nil // nothing was seen of anything
	}
	var out LintErrors
	var names []string
	for t := range seen {
		names = append(names, t.String())
	}
	slices.Sort(names)
	for _, r := range s.rules {
		for _, p := range r.match.tables {
			if !strings.ContainsAny(p, "*?") && !slices.Contains(names, p) && !strings.HasPrefix(p, "system.") {
				out = append(out, r.stands.saying("rule %s: no change of table %s was seen%s", r.ID, p, didYouMean(p, names)))
			}
		}
		known := map[string]bool{}
		for t, attributes := range seen {
			if r.looksAt(t) {
				for _, a := range attributes {
					known[a] = true
				}
			}
		}
		if len(known) > 0 {
			out = append(out, r.unseen(known)...)
		}
	}
	return out
}

// looksAt says that some change of the table concerns the rule.
func (r *Rule) looksAt(t audit.Table) bool {
	if r.Composite != nil || !r.match.table(t) {
		return false
	}
	return r.inputs == nil || slices.ContainsFunc(r.inputs, func(in input) bool { return in.ref == "" && in.match.table(t) })
}

func (r *Rule) unseen(known map[string]bool) LintErrors {
	var out LintErrors
	told := map[string]bool{}
	names := slices.Sorted(maps.Keys(known))
	for _, x := range r.expressions() {
		for _, a := range x.attrs {
			if !known[a.name] && !told[a.name] && !bookkeeping(a.name) {
				told[a.name] = true
				out = append(out, a.place.saying("rule %s: attribute %s was never seen in the tables that it looks at%s", r.ID, a.name, didYouMean(a.name, names)))
			}
		}
	}
	return out
}
