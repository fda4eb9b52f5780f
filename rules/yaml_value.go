package rules

import (
	"fmt"

	"recourse/audit"

	"github.com/goccy/go-yaml/ast"
)

// value reads a YAML value as a record's.
func (d *document) value(n ast.Node, what string) audit.Value {
	switch n := n.(type) {
	case *ast.NullNode:
		return audit.Null()
	case *ast.BoolNode:
		return audit.Bool(n.Value)
	case *ast.IntegerNode:
		if v, err := audit.FromJSON(fmt.Append(nil, n.Value)); err == nil {
			return v
		}
	case *ast.FloatNode:
		return audit.Float(n.Value)
	case *ast.StringNode, *ast.LiteralNode:
		s, _ := scalarOf(n)
		return audit.Text(s.text)
	case *ast.SequenceNode:
		elems := make([]audit.Value, len(n.Values))
		for i, v := range n.Values {
			elems[i] = d.value(v, what)
		}
		return audit.Array(elems...)
	case *ast.MappingNode, *ast.MappingValueNode:
		fields := map[string]audit.Value{}
		for _, p := range d.pairs(n, what) {
			key, _ := keyOf(p)
			fields[key] = d.value(p.Value, what)
		}
		return audit.Object(fields)
	}
	d.want(n, what, "a value as in JSON")
	return audit.Null()
}
