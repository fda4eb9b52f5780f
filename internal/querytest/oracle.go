package querytest

import (
	"cmp"
	"context"
	"slices"

	"recourse/audit"
	"recourse/query"
)

// Scan is the changes that match, newest first, found by holding the expression
// against each.
func Scan(changes []audit.Change, e query.Expr) []audit.Change {
	e, err := Names(changes).Bind(context.Background(), e)
	if err != nil {
		panic(err) // the corpus asks for nothing that there is not
	}
	e = query.Of(withoutRules(e.Root(), changes))
	var out []audit.Change
	for i := range changes {
		if e.Match(&changes[i]) {
			out = append(out, changes[i])
		}
	}
	slices.SortStableFunc(out, func(a, b audit.Change) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(b.Seq, a.Seq))
	})
	return out
}

// ValuesOf is what a facet means, worked out from the change alone.
func ValuesOf(c *audit.Change, f audit.Facet) []string {
	switch f {
	case audit.FacetUser:
		return []string{c.User}
	case audit.FacetOp:
		return []string{string(c.Op)}
	case audit.FacetTable:
		return []string{c.Key.Table.String()}
	case audit.FacetNode:
		return []string{c.Node}
	case audit.FacetAttribute:
		return c.Attributes()
	case audit.FacetRule:
		return RulesOf(c.Seq)
	}
	var marks []string
	for mark, on := range map[string]bool{audit.MarkLate: c.Late, audit.MarkLossy: c.Lossy, audit.MarkSynthetic: c.Synthetic} {
		if on {
			marks = append(marks, mark)
		}
	}
	return marks
}

// AsksForRules says that an expression has a test of rules or firsts in it, which
// no change can answer by itself.
func AsksForRules(n query.Node) bool {
	switch n := n.(type) {
	case query.And:
		return slices.ContainsFunc(n, AsksForRules)
	case query.Or:
		return slices.ContainsFunc(n, AsksForRules)
	case query.Not:
		return AsksForRules(n.Node)
	case query.First:
		return true
	case query.Field:
		return n.Name == query.FieldRule
	}
	return false
}

// withoutRules names the changes in place of the rules that have them as evidence,
// since no change knows these.
func withoutRules(n query.Node, changes []audit.Change) query.Node {
	list := func(nodes []query.Node) []query.Node {
		out := make([]query.Node, len(nodes))
		for i, n := range nodes {
			out[i] = withoutRules(n, changes)
		}
		return out
	}
	switch n := n.(type) {
	case query.And:
		return query.And(list(n))
	case query.Or:
		return query.Or(list(n))
	case query.Not:
		return query.Not{Node: withoutRules(n.Node, changes)}
	case query.First:
		return firsts(n, changes)
	case query.Field:
		if n.Name != query.FieldRule {
			return n
		}
		out := query.Or{query.Not{Node: query.All{}}}
		for i := range changes {
			if slices.ContainsFunc(RulesOf(changes[i].Seq), n.Pattern.Match) {
				out = append(out, query.Numbered{N: changes[i].Seq})
			}
		}
		return out
	}
	return n
}
