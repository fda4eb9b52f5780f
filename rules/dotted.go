package rules

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/types"
)

// dotted is the names with a dot that conditions know, with the name that each
// has in the environment. What stands before the dot is not always a name of its
// own, nor an object: table is a text, and table.labels what rule files say of it.
func dotted() map[string]string {
	return map[string]string{
		"table.labels": "table.labels",
		"actor.kind":   "actor.kind",
		"txn.size":     "txn_size",
		"txn.i":        "txn.i",
		"txn.id":       "txn.id",
	}
}

// moreNames is the part of the environment that is not the change's own record.
func moreNames() types.Map {
	return types.Map{
		"table.labels": types.TypeOf([]string{}), "canary": types.Bool, "actor.kind": types.String,
		"txn.i": types.Int, "txn.id": types.String, "seq": types.Int, "seen": types.Any, "dow": types.Int,
		"synthetic": types.Bool,
	}
}

// roots are what stands before the dots.
func roots() []string {
	var out []string
	for name := range dotted() {
		root, _, _ := strings.Cut(name, ".")
		out = append(out, root)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// undot makes names of the accesses that stand for names with a dot. What it
// does not know is given to wrong.
func undot(n *ast.Node, wrong func(at ast.Node, message string)) {
	ast.Walk(n, visitor(func(n *ast.Node) {
		m, ok := (*n).(*ast.MemberNode)
		if !ok || m.Method {
			return
		}
		root, isName := m.Node.(*ast.IdentifierNode)
		part, named := m.Property.(*ast.StringNode)
		if !isName || !named || !slices.Contains(roots(), root.Value) {
			return
		}
		full := root.Value + "." + part.Value
		name, known := dotted()[full]
		if !known {
			var names []string
			for name := range dotted() {
				names = append(names, name)
			}
			slices.Sort(names)
			wrong(root, "there is no "+full+didYouMean(full, names))
			return
		}
		id := &ast.IdentifierNode{Value: name}
		id.SetLocation(root.Location())
		*n = id
	}))
}

// further is a change's value of one of moreNames.
func (v *view) further(name string) (any, bool) {
	c := v.c
	switch name {
	case "table.labels":
		return v.labels.table(c.Key.Table).labels, true
	case "canary":
		return v.labels.table(c.Key.Table).canaries[c.Key.ID], true
	case "actor.kind":
		return v.labels.actor(c.User), true
	case "txn.i":
		return c.Group.Index, true
	case "txn.id":
		return c.Time.String(), true
	case "seq":
		return int(c.Seq), true
	case "seen":
		if c.Observed == 0 {
			return nil, true
		}
		return float64(c.Observed), true
	case "dow":
		return (int(c.Time.Go().Weekday())+6)%7 + 1, true
	case "synthetic":
		return c.Synthetic, true
	}
	return nil, false
}
