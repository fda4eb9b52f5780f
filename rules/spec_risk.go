package rules

import (
	"math"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// readRisk reads an alert's risk, a number or a score and whom it is put on; or
// what makes the rule one of the alerts of others.
func readRisk(d *document, n ast.Node, s *spec) {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		for _, p := range d.pairs(n, "risk") {
			if key, _ := keyOf(p); key == "score" || key == "on" {
				readScore(d, n, s)
				return
			}
		}
		readComposite(d, n, s)
	default:
		s.rule.Risk = d.integer(n, "risk", 0, 100)
	}
}

func readComposite(d *document, n ast.Node, s *spec) {
	r := &s.rule
	if s.form.given != "" {
		d.fail(start(n), "a rule has one form; it has %s already", s.form.given)
	}
	s.form.given = "risk"
	of := &Composite{HalfLife: 24 * time.Hour, DistinctRules: 1}
	r.Composite = of
	d.fields(n, "risk", []field{
		{"entity", true, func(what string, n ast.Node) {
			of.Entity = choice(d, n, what, fieldNames...)
			r.Window.By = []string{of.Entity}
		}},
		{"gte", true, func(what string, n ast.Node) { of.Gte = d.number(n, what, 0, 1e6) }},
		{"within", true, func(what string, n ast.Node) { r.Window.Size = d.duration(n, what, time.Minute) }},
		{"half_life", false, func(what string, n ast.Node) { of.HalfLife = d.duration(n, what, time.Minute) }},
		{"distinct_rules", false, func(what string, n ast.Node) { of.DistinctRules = d.integer(n, what, 1, 100) }},
		{"multipliers", false, func(what string, n ast.Node) { of.Multipliers = readMultipliers(d, n) }},
	})
	r.Risk = int(min(100, math.Ceil(of.Gte)))
}

func readMultipliers(d *document, n ast.Node) map[string]float64 {
	out := map[string]float64{}
	for _, p := range d.pairs(n, "multipliers") {
		label, _ := keyOf(p)
		if !partName.MatchString(label) {
			d.fail(start(p.Key), "%q is no name for a label", label)
		}
		out[label] = d.number(p.Value, "multiplier of "+label, 0, 100)
	}
	return out
}
