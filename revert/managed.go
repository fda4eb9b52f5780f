package revert

import (
	"bytes"
	"slices"

	"recourse/audit"
)

// managed finds the attributes that the server assigns: each time one gets a new
// value it is the time of the very transaction, which no client can know
// beforehand. A table with a schema names them as it likes (@updatedTime,
// @createdTime).
type managed struct {
	seen   map[audit.Table]*tallies
	moment audit.Value         // the time of the change that is looked at, as a number
	turns  map[audit.Table]int // how often it turned out that another set of a table's attributes is assigned
	turned bool                // ... by the record that is looked at
}

// tallies are those of a table's attributes.
type tallies struct {
	byName map[string]*tally
	first  []*tally // of the attributes in the order in which a record had them
}

// at is the tally of an attribute that stands at a place of its record, where it most
// likely stands in all: then no name is looked up.
func (t *tallies) at(place int, name []byte) *tally {
	if place < len(t.first) && t.first[place].name == string(name) {
		return t.first[place]
	}
	c := t.of(name)
	if place == len(t.first) {
		t.first = append(t.first, c)
	}
	return c
}

func (t *tallies) of(name []byte) *tally {
	c := t.byName[string(name)]
	if c == nil {
		c = &tally{name: string(name)}
		t.byName[c.name] = c
	}
	return c
}

// A tally counts new values of one attribute.
type tally struct {
	name   string
	exact  int // equal to the transaction's time, bit for bit
	dates  int // dates within a millisecond of it
	others int
}

// A date has the millisecond only, and an application may well stamp its own;
// so many without an exception are no coincidence.
const enoughDates = 3

func (m *managed) learn(r Record) {
	var last audit.Value // nil: the image before is not known
	names := m.table(r.Key.Table)
	for i := range r.Changes {
		c := &r.Changes[i]
		if c.Op.Kind() == audit.KindMessage {
			continue
		}
		if c.After.State != audit.Present || c.After.Trust <= audit.Provisional {
			last = nil
			continue
		}
		body := c.After.Body
		m.moment = audit.AppendFloat(m.moment[:0], float64(c.Time))
		if last == nil {
			place := 0
			for name, v := range body.RawFields() {
				if c.Op == audit.OpInsert || m.stamps(v, c.Time) { // seen for the first time, it may be old
					m.count(names.at(place, name), v, c.Time)
				}
				place++
			}
		} else {
			for p := range audit.Differing(last, body) {
				if p.New != nil {
					m.count(names.of(p.Name), p.New, c.Time)
				}
			}
		}
		last = body
	}
	if m.turned {
		m.turns, m.turned = put(m.turns, r.Key.Table, m.turns[r.Key.Table]+1), false
	}
}

// count counts a new value.
func (m *managed) count(t *tally, v audit.Value, at audit.Time) {
	if t.others > 0 {
		return // it is not assigned, whatever comes
	}
	was := t.assigned()
	switch {
	case bytes.Equal(v, m.moment):
		t.exact++
	case m.stamps(v, at):
		t.dates++
	default:
		t.others++
	}
	if t.assigned() != was {
		m.turned = true
	}
}

// assigned says that the server assigns the attribute, as far as is known.
func (t *tally) assigned() bool { return t.others == 0 && (t.exact > 0 || t.dates >= enoughDates) }

// stamps is the function of that name, of the change that is looked at.
func (m *managed) stamps(v audit.Value, at audit.Time) bool {
	if bytes.Equal(v, m.moment) {
		return true
	}
	return v.Kind() == audit.KindDate && audit.Stamps(v, at)
}

func (m *managed) table(table audit.Table) *tallies {
	t := m.seen[table]
	if t == nil {
		t = &tallies{byName: map[string]*tally{}}
		m.seen = put(m.seen, table, t)
	}
	return t
}

// names is what a plan must not write, by table: named by the policy or by the
// schema, known from Harper, or found.
func (m *managed) names(p *Policy, s *Schema) func(audit.Table) map[string]bool {
	memo := map[audit.Table]map[string]bool{}
	return func(t audit.Table) map[string]bool {
		if names, ok := memo[t]; ok {
			return names
		}
		names := map[string]bool{audit.UpdatedTime: true, audit.CreatedTime: true}
		for _, n := range p.Managed[t.String()] {
			names[n] = true
		}
		for _, n := range s.of(t).assigned() {
			names[n] = true
		}
		if all := m.seen[t]; all != nil {
			for n, c := range all.byName {
				if c.assigned() {
					names[n] = true
				}
			}
		}
		memo[t] = names
		return names
	}
}

// sortedNames lists what a plan does not write of one table, for its
// header.
func sortedNames(names map[string]bool) []string {
	out := make([]string, 0, len(names))
	for n := range names {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}
