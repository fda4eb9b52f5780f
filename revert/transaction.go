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
	open    map[transaction]*part // of who keeps no records: those that are not selected whole
	records []participant
	partial int // transactions of which a part is selected
}

// A participant is a record that transactions of several records changed.
type participant struct {
	key      audit.Key
	action   int // in the plan's actions, before they are sorted; -1: none
	blocked  bool
	evidence []Evidence
	parts    []*part
	settled  []Class // what was said of its action
}

// note remembers the record's part in transactions.
func (t *transactions) note(p *planner, rec *Record, sides []side, o outcome) {
	if p.spool != nil {
		t.pass(rec, sides)
		return
	}
	m := participant{key: rec.Key, action: -1, blocked: len(o.conflicts) > 0 || o.stays != ""}
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

// pass remembers of transactions of several records which are not selected whole so far.
func (t *transactions) pass(rec *Record, sides []side) {
	for i := range rec.Changes {
		c := &rec.Changes[i]
		if sides[i] != hostile || c.Group.Size < 2 {
			continue
		}
		key := transaction{c.Cluster, c.Key.Table, c.Time, c.User}
		at := t.open[key]
		if at == nil {
			at = new(part)
			t.open = put(t.open, key, at)
		}
		if at.hostile, at.size = at.hostile+1, max(at.size, c.Group.Size); at.hostile >= at.size {
			delete(t.open, key)
		}
	}
}

// decide does what the policy or a person says of transactions, when all records
// are known. It may be called again when more actions are held back; blocks says of
// one that a part of it is.
func (t *transactions) decide(p *planner, gone map[int]bool, blocks func(int) bool) error {
	t.partial = 0
	for _, at := range t.parts {
		if at.hostile < at.size {
			t.partial++
		}
	}
	for i := range t.records {
		m := &t.records[i]
		if m.action >= 0 && (gone[m.action] || blocks(m.action)) {
			m.blocked = true
		}
		for _, at := range m.parts {
			if at.hostile < at.size {
				why := fmt.Sprintf("%d of the %d changes of a transaction are selected", at.hostile, at.size)
				if err := t.settle(p, m, ClassPartialTransaction, why, gone); err != nil {
					return err
				}
				break
			}
		}
	}
	if p.req.Policy.Strict == StrictTransaction {
		return t.allOrNone(p, gone)
	}
	return nil
}

// settle does with a record's action what is said of the class, once.
func (t *transactions) settle(p *planner, m *participant, class Class, why string, gone map[int]bool) error {
	if m.action < 0 || gone[m.action] || slices.Contains(m.settled, class) {
		return nil
	}
	m.settled = append(m.settled, class)
	err := p.surround(m.action, class, why, m.evidence, gone)
	m.blocked = m.blocked || gone[m.action]
	return err
}

// allOrNone finds the records that transactions join, one with the next, and
// writes none of them where one is not written.
func (t *transactions) allOrNone(p *planner, gone map[int]bool) error {
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
			why := "of the same transaction " + first.String() + " is not written"
			if err := t.settle(p, &t.records[i], ClassTransaction, why, gone); err != nil {
				return err
			}
		}
	}
	return nil
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
