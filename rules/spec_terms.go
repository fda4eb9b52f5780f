package rules

import (
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"
)

func readNewTerms(d *document, n ast.Node, s *spec) {
	r := &s.rule
	r.NewTerms = &NewTerms{}
	per := place{}
	d.fields(n, "new_terms", []field{
		{"fields", true, func(what string, n ast.Node) {
			if r.Window.By = readBy(d, n, what); len(r.Window.By) == 0 {
				d.fail(start(n), "fields is empty; there is nothing that could be new")
			}
		}},
		{"each", false, func(what string, n ast.Node) { s.each = d.text(n, what) }},
		{"seen_within", true, func(what string, n ast.Node) {
			r.Window.Size = d.durationUpTo(n, what, time.Minute, longestWindow)
		}},
		{"learn", false, func(what string, n ast.Node) {
			r.NewTerms.Learn = d.durationUpTo(n, what, 0, longestWindow)
		}},
		{"per", false, func(what string, n ast.Node) { per, r.NewTerms.Per = start(n), readBy(d, n, what) }},
	})
	if p := r.NewTerms.Per; p != nil {
		outside := slices.ContainsFunc(p, func(name string) bool { return !slices.Contains(r.Window.By, name) })
		if len(p) == 0 || outside || len(p) >= len(r.Window.By) && !s.each.exists {
			d.fail(per, "per names some of fields, and not all of them")
		}
	}
	if r.NewTerms.Learn > r.Window.Size {
		d.fail(start(n), "learn is longer than seen_within, so what was learned is forgotten again")
	}
}
