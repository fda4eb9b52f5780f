package rules

import (
	"fmt"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// mostSteps is how many steps a sequence may have.
const mostSteps = 8

func readSequence(d *document, n ast.Node, s *spec) {
	r := &s.rule
	r.Sequence = &Sequence{}
	d.fields(n, "sequence", []field{
		{"by", true, func(what string, n ast.Node) { r.Window.By = readBy(d, n, what) }},
		{"within", true, func(what string, n ast.Node) { r.Window.Size = d.duration(n, what, time.Second) }},
		{"steps", true, func(what string, n ast.Node) {
			d.list(n, what, func(v ast.Node) {
				in := readInput(d, v, fmt.Sprintf("step %d", len(s.form.inputs)+1), false)
				s.form.inputs = append(s.form.inputs, in)
				r.Sequence.Steps = append(r.Sequence.Steps, in.ref.text)
			})
			if k := len(s.form.inputs); k < 2 || k > mostSteps {
				d.fail(start(n), "a sequence has %d steps; want 2 to %d", k, mostSteps)
			}
		}},
		{"not", false, func(what string, n ast.Node) { r.Sequence.Not = true }},
	})
	if !r.Sequence.Not {
		return
	}
	for _, p := range d.pairs(n, "sequence") {
		if key, _ := keyOf(p); key == "not" { // after the steps, wherever it stands
			s.form.inputs = append(s.form.inputs, readInput(d, p.Value, "not", true))
		}
	}
}
