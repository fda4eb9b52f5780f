package rules

import (
	"fmt"
	"maps"
	"slices"

	"recourse/audit"
)

// A labeller knows what the rule files say of the tables and users of changes,
// and remembers what it found. It is for one goroutine.
type labeller struct {
	of     *labels
	tables map[audit.Table]*labelled
	users  map[string]string
}

// A labelled is what is said of one table.
type labelled struct {
	labels   []string // sorted, each once
	canaries map[audit.ID]bool
}

// mostRemembered bounds what a hostile choice of names can make us remember.
const mostRemembered = 10_000

func newLabeller(of *labels) *labeller {
	if of == nil {
		of = &labels{}
	}
	return &labeller{of: of, tables: map[audit.Table]*labelled{}, users: map[string]string{}}
}

func (l *labeller) table(t audit.Table) *labelled {
	if found := l.tables[t]; found != nil {
		return found
	}
	found, name := &labelled{labels: []string{}, canaries: map[audit.ID]bool{}}, t.String()
	for i := range l.of.tables {
		if said := &l.of.tables[i]; anyGlob(said.match, name) {
			found.labels = append(found.labels, said.labels...)
			maps.Copy(found.canaries, said.canaries)
		}
	}
	slices.Sort(found.labels)
	found.labels = slices.Compact(found.labels)
	if len(l.tables) >= mostRemembered {
		clear(l.tables)
	}
	l.tables[t] = found
	return found
}

// actor is the kind of a user: what the first that fits says.
func (l *labeller) actor(user string) string {
	if user == "" {
		return actorNone
	}
	if kind, known := l.users[user]; known {
		return kind
	}
	kind := actorUnknown
	for i := range l.of.actors {
		if anyGlob(l.of.actors[i].match, user) {
			kind = l.of.actors[i].kind
			break
		}
	}
	if len(l.users) >= mostRemembered {
		clear(l.users)
	}
	l.users[user] = kind
	return kind
}

// text is what of the labels decides a condition that reads the names, for its
// rule's hash.
func (l *labels) text(reads map[string]bool) string {
	out := ""
	if reads["table.labels"] || reads["canary"] {
		for _, t := range l.tables {
			out += fmt.Sprintf("\ntables %q: %q %q", t.match, t.labels, slices.Sorted(maps.Keys(t.canaries)))
		}
	}
	if reads["actor.kind"] {
		for _, a := range l.actors {
			out += fmt.Sprintf("\nactors %q: %q", a.match, a.kind)
		}
	}
	return out
}

// Labelled are the patterns of the tables that the rule files give a label, as
// DATABASE.TABLE with wildcards; none if no table has it.
func (s *Set) Labelled(label string) []string {
	var all []string
	for _, t := range s.tables {
		if slices.Contains(t.labels, label) {
			all = append(all, t.match...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
