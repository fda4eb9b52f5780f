package rules

import "recourse/audit"

// hearsay is what an entry has beside that is an alert of another rule.
type hearsay struct {
	alert, rule string
	on          audit.Evidence
}

// tell keeps what an entry has that is an alert.
func (h *held) tell(t hearsay) uint32 {
	if last := len(h.untold) - 1; last >= 0 {
		i := h.untold[last]
		h.untold = h.untold[:last]
		h.told[i-1] = t
		return i
	}
	h.told = append(h.told, t)
	return uint32(len(h.told))
}

// alertOf is the alert of another rule that an entry is, or "".
func (h *held) alertOf(e *entry) string {
	if !e.told {
		return ""
	}
	return h.told[e.key-1].alert
}

// ruleOf is the rule whose alert an entry is, or "".
func (h *held) ruleOf(e *entry) string {
	if !e.told {
		return ""
	}
	return h.told[e.key-1].rule
}

// evidence is the change that an entry is, or that its alert began with. What is
// written as in like shares its memory.
func (h *held) evidence(e *entry, like audit.Evidence) audit.Evidence {
	if e.told {
		return h.told[e.key-1].on
	}
	db, table, id := h.pool.keyAt(e.key)
	out := audit.Evidence{Seq: e.seq, Database: like.Database, Table: like.Table, Key: audit.ID(id), Time: e.time}
	if string(db) != out.Database {
		out.Database = string(db)
	}
	if string(table) != out.Table {
		out.Table = string(table)
	}
	return out
}

// forget lets go what an entry has outside of itself.
func (h *held) forget(e *entry) {
	if e.counted != 0 {
		h.pool.drop(e.counted)
	}
	if !e.told {
		h.pool.drop(e.key)
		return
	}
	h.told[e.key-1] = hearsay{}
	h.untold = append(h.untold, e.key)
}

// open gives a group a window of its own.
func (h *held) open(g *group) {
	if g.window != h.none {
		return
	}
	if last := len(h.windows) - 1; last >= 0 {
		g.window, h.windows = h.windows[last], h.windows[:last]
		return
	}
	w := &window{}
	w.entries = w.entry[:0]
	g.window = w
}

// empty takes a group's window away.
func (h *held) empty(g *group) {
	w := g.window
	if w == h.none {
		return
	}
	g.window = h.none
	const spare = 1024
	if len(h.windows) == spare {
		return
	}
	*w = window{}
	w.entries = w.entry[:0]
	h.windows = append(h.windows, w)
}
