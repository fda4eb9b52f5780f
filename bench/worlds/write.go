package worlds

import (
	"recourse/audit"
)

// A patch is new values of some attributes.
type patch map[string]audit.Value

// A historyKey names the state of a record before its newest change.
type historyKey struct {
	table *table
	id    string
}

// insert adds a record, with some attributes as given, and returns its id.
func (w *world) insert(user string, t *table, p patch) string {
	id, row := w.record(t)
	for name, v := range p {
		row = row.With(name, v)
	}
	w.write(user, audit.OpInsert, t, id, row)
	return id
}

// update changes some attributes of a record; nothing happens if it is gone.
func (w *world) update(user string, t *table, id string, p patch) {
	row, there := t.rows[id]
	if !there {
		return
	}
	for name, v := range p {
		row = row.With(name, v)
	}
	if _, forged := p["__updatedtime__"]; !forged {
		row = row.With("__updatedtime__", w.fresh(kStamp))
	}
	w.write(user, audit.OpUpdate, t, id, row)
}

// remove deletes a record; nothing happens if it is gone.
func (w *world) remove(user string, t *table, id string) {
	if _, there := t.rows[id]; there {
		w.write(user, audit.OpDelete, t, id, nil)
	}
}

// write makes a change: row is the record as it becomes, nil for none.
func (w *world) write(user string, op audit.Op, t *table, id string, row audit.Value) {
	e := Event{Rows: int64(len(t.live)), Change: audit.Change{
		Node: w.nodes[0], User: user, Op: op, Reported: op, Key: t.key(id), Group: audit.Group{Size: 1},
		Before: w.before(t, id), After: audit.AbsentImage(audit.Logged, audit.Exact),
	}}
	if row == nil {
		t.remove(id)
	} else {
		e.Change.After = audit.PresentImage(row, audit.Logged, audit.Exact)
		t.add(id, row)
	}
	t.seen[id] = true
	if w.txn != nil {
		*w.txn = append(*w.txn, e)
		return
	}
	w.emit([]Event{e})
}

// before is what is known of the record now, and remembers it.
func (w *world) before(t *table, id string) audit.Image {
	row, there := t.rows[id]
	switch {
	case !there:
		return audit.AbsentImage(audit.Folded, audit.Exact)
	case w.Bare && !t.seen[id]:
		w.history[historyKey{t, id}] = row
		return audit.Image{}
	}
	w.history[historyKey{t, id}] = row
	return audit.PresentImage(row, audit.Folded, audit.Exact)
}

// together makes one transaction of what do writes.
func (w *world) together(do func()) {
	if w.txn != nil {
		do()
		return
	}
	var group []Event
	w.txn = &group
	do()
	w.txn = nil
	w.emit(group)
}

// emit gives out the changes of one group, with their time and the truth.
func (w *world) emit(group []Event) {
	t := w.now + audit.Time(w.steps)*1.75
	w.steps++
	for i, made := range group {
		if w.err != nil {
			return
		}
		w.seq++
		e := w.label
		e.Change, e.Rows = made.Change, made.Rows
		c := &e.Change
		c.Seq, c.Time, c.Observed = w.seq, t-w.late, t+500
		c.Late = w.late > 0
		c.Group = audit.Group{Size: len(group), Index: i}
		w.count(&e)
		w.err = w.yield(&e)
	}
}

// count keeps what is told of an incident.
func (w *world) count(e *Event) {
	if e.Incident == 0 || e.Prepares {
		return
	}
	in := w.found[e.Incident]
	if in.Changes == 0 {
		in.Begins, in.FirstSeq = e.Change.Time, e.Change.Seq
	}
	in.Changes++
	in.LastSeq = e.Change.Seq
}
