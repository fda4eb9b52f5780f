package rules

import (
	"slices"

	"recourse/audit"

	"github.com/goccy/go-yaml/ast"
)

// Labels are what the rule files say of tables and users, for conditions. Those
// of all files that are compiled together count for all of their rules.
type labels struct {
	tables []tableLabel
	actors []actorLabel
}

// A tableLabel says what tables are.
type tableLabel struct {
	match    []string // patterns of database.table
	labels   []string
	canaries map[audit.ID]bool // records that nobody has any business with
}

// An actorLabel says what users are.
type actorLabel struct {
	match []string // patterns of user names
	kind  string
}

// The kinds of actor. A user that no rule file speaks of is unknown; a change
// that names no user has none.
const (
	actorHuman   = "human"
	actorService = "service"
	actorUnknown = "unknown"
	actorNone    = "none"
)

func (l *labels) with(more labels) *labels {
	return &labels{tables: append(slices.Clone(l.tables), more.tables...), actors: append(slices.Clone(l.actors), more.actors...)}
}

// readLabels are the keys that say what tables and users are.
func (d *document) readLabels(to *labels) []field {
	return []field{
		{"tables", false, func(what string, n ast.Node) {
			d.list(n, what, func(v ast.Node) { to.tables = append(to.tables, readTableLabel(d, v)) })
		}},
		{"actors", false, func(what string, n ast.Node) {
			d.list(n, what, func(v ast.Node) { to.actors = append(to.actors, readActorLabel(d, v)) })
		}},
	}
}

func readTableLabel(d *document, n ast.Node) tableLabel {
	var t tableLabel
	failed := len(d.errs)
	d.fields(n, "a table's labels", []field{
		{"match", true, func(what string, n ast.Node) { t.match = d.patterns(n, what) }},
		{"labels", false, func(what string, n ast.Node) {
			for _, s := range d.texts(n, what) {
				if !partName.MatchString(s.text) {
					d.fail(s.at, "%q is no name for a label", s.text)
				}
				t.labels = append(t.labels, s.text)
			}
		}},
		{"canary_ids", false, func(what string, n ast.Node) {
			t.canaries = map[audit.ID]bool{}
			d.list(n, what, func(v ast.Node) {
				id, err := audit.IDOf(d.value(v, what))
				if err != nil {
					d.want(v, "an id of canary_ids", "a record's key")
				}
				t.canaries[id] = true
			})
		}},
	})
	if len(d.errs) == failed && len(t.labels) == 0 && len(t.canaries) == 0 {
		d.fail(start(n), "a table's labels lack labels and canary_ids; give one of them")
	}
	return t
}

func readActorLabel(d *document, n ast.Node) actorLabel {
	var a actorLabel
	d.fields(n, "an actor", []field{
		{"match", true, func(what string, n ast.Node) { a.match = d.patterns(n, what) }},
		{"kind", true, func(what string, n ast.Node) { a.kind = choice(d, n, what, actorHuman, actorService) }},
	})
	return a
}

// patterns reads one pattern or a list of them.
func (d *document) patterns(n ast.Node, what string) []string {
	var found []scalar
	if s, one := scalarOf(n); one {
		found = []scalar{s}
	} else {
		found = d.texts(n, what)
	}
	out := []string{}
	for _, s := range found {
		if s.text == "" {
			d.fail(s.at, "%s has an empty pattern", what)
		}
		out = append(out, s.text)
	}
	return out
}
