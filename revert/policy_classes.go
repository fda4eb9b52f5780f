package revert

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"
)

// classesText is what a policy file says of classes: a how, or a mapping of
// do and reason.
type classesText map[Class]Decision

// UnmarshalYAML reads the decisions, each at the place where it stands.
func (c *classesText) UnmarshalYAML(n ast.Node) error {
	pairs, err := pairsOf(n, "classes")
	if err != nil {
		return err
	}
	for _, p := range pairs {
		class := Class(p.Key.GetToken().Value)
		if len(class.handlings()) == 0 {
			return wrong(p.Key, fmt.Sprintf("%q is no class that a policy decides", class))
		}
		d, err := decisionOf(p.Value)
		if err != nil {
			return err
		}
		if err := d.check(class); err != nil {
			return wrong(p.Value, err.Error())
		}
		*c = put(*c, class, d)
	}
	return nil
}

func decisionOf(n ast.Node) (d Decision, err error) {
	if s, ok := n.(*ast.StringNode); ok {
		return Decision{Do: Handling(s.Value)}, nil
	}
	pairs, err := pairsOf(n, "a decision")
	if err != nil {
		return d, err
	}
	for _, p := range pairs {
		word, err := wordOf(p.Value, "text")
		if err != nil {
			return d, err
		}
		switch key := p.Key.GetToken().Value; key {
		case "do":
			d.Do = Handling(word)
		case "reason":
			d.Reason = word
		default:
			return d, wrong(p.Key, fmt.Sprintf("a decision has no %q: want do and reason", key))
		}
	}
	return d, nil
}

func pairsOf(n ast.Node, what string) ([]*ast.MappingValueNode, error) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, nil
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, nil
	}
	return nil, wrong(n, what+" is no mapping")
}
