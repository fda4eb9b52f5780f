package rules

import (
	"fmt"
	"strconv"

	"github.com/goccy/go-yaml/ast"
)

// number reads a number above low and up to high.
func (d *document) number(n ast.Node, what string, low, high float64) float64 {
	v := high
	switch n := n.(type) {
	case *ast.IntegerNode:
		v, _ = strconv.ParseFloat(fmt.Sprint(n.Value), 64)
	case *ast.FloatNode:
		v = n.Value
	default:
		d.want(n, what, "a number")
		return high
	}
	if !(v > low && v <= high) {
		d.fail(start(n), "%s is %s; want more than %g and up to %g", what, n.GetToken().Value, low, high)
		return high
	}
	return v
}
