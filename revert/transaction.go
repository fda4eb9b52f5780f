package revert

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"recourse/audit"
)

// A transaction is named by what its changes share. Harper's log has one a table.
type transaction struct {
	cluster string
	table   audit.Table
	time    audit.Time
	user    string
}

// part is how much of a transaction is hostile, and in which records.
type part struct {
	hostile, size int
	records       []int // of transactions.records
}

// transactions keeps which records belong together: those of a transaction of
// several, as far as they are selected.
type transactions struct {
	parts   map[transaction]*part
	records []member
	partial int // transactions of which a part is selected
}

// A member is a record that transactions of several records changed.
type member struct {
	key      audit.Key
	action   int // in the plan's actions, before they are sorted; -1: none
	blocked  bool
	evidence []Evidence
	parts    []*part
}

// note remembers the record's part in transactions.
func (t *transactions) note(p *planner, rec Record, sides []side, o outcome) {
	m := member{key: rec.Key, action: -1, blocked: len(o.conflicts) > 0 || o.stays != ""}
	if o.action != nil {
		m.action = len(p.plan.Actions) - 1
	}
	strict := p.req.Policy.Strict == StrictTransaction
	for i := range rec.Changes {
		c := &rec.Changes[i]
		// A transaction of one record joins it to no other.
		if sides[i] != hostile || c.Group.Size == 1 || c.Group.Size == 0 && !strict {
			continue
		}
		key := transaction{c.Cluster, c.Key.Table, c.Time, c.User}
		at := t.parts[key]
		if at == nil {
			at = new(part)
			t.parts = put(t.parts, key, at)
		}
		at.hostile, at.size = at.hostile+1, max(at.size, c.Group.Size)
		if n := len(at.records); n == 0 || at.records[n-1] != len(t.records) {
			at.records = append(at.records, len(t.records))
			m.parts = append(m.parts, at)
		}
		m.evidence = append(m.evidence, Evidence{ID: c.Identify(), Time: c.Time, User: c.User, Op: c.Op})
	}
	if len(m.parts) > 0 {
		t.records = append(t.records, m)
	}
}

// decide does what the policy says of transactions, when all records are known.
func (t *transactions) decide(p *planner) {
	gone := map[int]bool{}
	for _, at := range t.parts {
		if at.hostile < at.size {
			t.partial++
		}
	}
	for i := range t.records {
		m := &t.records[i]
		for _, at := range m.parts {
			if at.hostile < at.size {
				why := fmt.Sprintf("%d of the %d changes of a transaction are selected", at.hostile, at.size)
				t.settle(p, m, ClassPartialTransaction, why, gone)
				break
			}
		}
	}
	if p.req.Policy.Strict == StrictTransaction {
		t.allOrNone(p, gone)
	}
	kept := p.plan.Actions[:0]
	for i := range p.plan.Actions {
		if !gone[i] {
			kept = append(kept, p.plan.Actions[i])
		}
	}
	p.plan.Actions = kept
}

// settle does with a record's action what the policy says of the class.
func (t *transactions) settle(p *planner, m *member, class Class, why string, gone map[int]bool) {
	if m.action < 0 {
		return
	}
	a := &p.plan.Actions[m.action]
	choice := p.req.Policy.choice(class)
	if choice == ChoiceApply {
		a.Notes = put(a.Notes, class, why)
		return
	}
	gone[m.action], m.action, m.blocked = true, -1, true
	held := *a
	if choice != ChoiceConflict {
		k := Kept{Kind: "kept", K: Target(m.key), Class: class, Kept: held.Kept, Blind: held.Blind, Changes: held.Changes}
		if choice == ChoiceSkip {
			k.Changes = []audit.ChangeID{}
		}
		p.plan.Kept = append(p.plan.Kept, k)
		return
	}
	options := class.options()
	slices.SortFunc(m.evidence, compareEvidence)
	p.plan.Conflicts = append(p.plan.Conflicts, Conflict{Kind: "conflict", K: Target(m.key), Class: class, Record: true, Why: why,
		Attrs: maps.Clone(held.Attrs), Options: options, Default: options[0], Evidence: m.evidence, Withheld: &held,
		Blind: held.Blind, Changes: held.Changes})
}

// allOrNone finds the records that transactions join, one with the next, and
// writes none of them where one is not written.
func (t *transactions) allOrNone(p *planner, gone map[int]bool) {
	root := make([]int, len(t.records))
	for i := range root {
		root[i] = i
	}
	find := func(i int) int {
		for root[i] != i {
			root[i] = root[root[i]]
			i = root[i]
		}
		return i
	}
	for _, at := range t.wholes() {
		for _, r := range at[1:] {
			root[find(r)] = find(at[0])
		}
	}
	blocked := map[int]audit.Key{} // by root: the first record that is not written
	for i := range t.records {
		if m := &t.records[i]; m.blocked {
			r := find(i)
			if first, ok := blocked[r]; !ok || compareKeys(m.key, first) < 0 {
				blocked[r] = m.key
			}
		}
	}
	for i := range t.records {
		if first, ok := blocked[find(i)]; ok {
			t.settle(p, &t.records[i], ClassTransaction, "of the same transaction "+first.String()+" is not written", gone)
		}
	}
}

// wholes are the records of each transaction, over all its tables.
func (t *transactions) wholes() [][]int {
	type moment struct {
		cluster string
		time    audit.Time
		user    string
	}
	all := map[moment][]int{}
	for k, at := range t.parts {
		m := moment{k.cluster, k.time, k.user}
		all[m] = append(all[m], at.records...)
	}
	return slices.SortedFunc(maps.Values(all), func(a, b []int) int { return cmp.Compare(a[0], b[0]) })
}
