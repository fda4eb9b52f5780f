package ingest

import (
	"maps"

	"recourse/audit"
)

// occurrences count how often a record came up in one transaction, over the
// answers of one scan: windows that tile a transaction have to count like one
// answer, and a window that is read again must not count twice.
//
// Only the last of many are remembered: the parts of a transaction lie close
// together in the log. A group is never forgotten before it ends.
type occurrences struct {
	young, old map[occurrence]uint32
	shared     bool // young is also held by a mark
}

// An occurrence is what two or more entries of one record in one transaction
// share: the begin of the ID that the first of them has. A transaction can have a
// million entries, so it is kept short.
type occurrence [12]byte

// generation is how many occurrences are remembered at least.
const generation = 100_000

// own makes young a map of its own, and a new one if it is full and may be
// replaced.
func (o *occurrences) own(whole bool) {
	if whole && len(o.young) >= generation {
		o.old, o.young, o.shared = o.young, nil, false
	}
	if o.shared {
		o.young, o.shared = maps.Clone(o.young), false
	}
	if o.young == nil {
		o.young = map[occurrence]uint32{}
	}
}

// number gives a change its Nth and its ID: by how many entries of its record,
// transaction and kind came before it.
func (o *occurrences) number(c *audit.Change) {
	o.own(c.Group.Index == 0)
	c.Nth = 0
	c.ID = c.Identify()
	key := occurrence(c.ID[:12])
	n := o.count(key)
	o.young[key] = n + 1
	if n > 0 {
		c.Nth = int(n)
		c.ID = c.Identify()
	}
}

func (o *occurrences) count(key occurrence) uint32 {
	if n, found := o.young[key]; found {
		return n
	}
	return o.old[key]
}

// met says that an entry that was told to be that change came before.
func (o *occurrences) met(id audit.ChangeID) bool { return o.count(occurrence(id[16:28])) > 0 }

// meet notes that an entry is that change.
func (o *occurrences) meet(id audit.ChangeID) {
	o.own(true)
	o.young[occurrence(id[16:28])] = 1
}

// mark is what is counted now; assigning it back forgets what was counted since.
func (o *occurrences) mark() occurrences {
	o.shared = true
	return *o
}
