package rules

import (
	"time"

	"github.com/goccy/go-yaml/ast"
)

func readAbsence(d *document, n ast.Node, s *spec) {
	r := &s.rule
	r.Absence = &Absence{}
	var after, expect inputSpec
	d.fields(n, "absence", []field{
		{"by", false, func(what string, n ast.Node) { r.Window.By = readBy(d, n, what) }},
		{"within", true, func(what string, n ast.Node) { r.Window.Size = d.duration(n, what, time.Second) }},
		{"after", true, func(what string, n ast.Node) { after = readInput(d, n, what, false) }},
		{"expect", true, func(what string, n ast.Node) { expect = readInput(d, n, what, true) }},
	})
	r.Absence.After, r.Absence.Expect = after.ref.text, expect.ref.text
	s.form.inputs = []inputSpec{after, expect}
}
