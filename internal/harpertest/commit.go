package harpertest

import (
	"fmt"
	"maps"

	"recourse/audit"
)

// A write is one record's part of a commit.
type write struct {
	name  audit.Table
	kind  string // put, patch, delete, message, invalidate, or merge
	id    audit.ID
	value audit.Value
	gone  []string // attributes that a patch makes undefined
	t     *table
}

// A commit is a transaction being written. A merge is an update or upsert of
// the operations API: LMDB stores the whole record that results, RocksDB what
// was sent.
type commit struct {
	user    string
	origin  audit.Op
	version audit.Time // given, or taken by commit
	writes  []*write
	stored  audit.Time // localTime of the last entry
	logged  []*entry
	from    *Link // it was written on another node; nil: on this one
}

// commit checks all writes and then stores them; the lock is held.
func (s *Server) commit(c *commit) error {
	s.retain()
	planned := map[*table]map[audit.ID]bool{}
	for _, w := range c.writes {
		if w.t = s.table(w.name); w.t == nil {
			return fmt.Errorf("write to %s: %w", w.name, ErrNoTable)
		}
		if planned[w.t] == nil {
			planned[w.t] = map[audit.ID]bool{}
		}
		exists, known := planned[w.t][w.id]
		if !known {
			exists = w.t.records[w.id].live()
		}
		if err := s.check(c, w, exists); err != nil {
			return err
		}
		planned[w.t][w.id] = exists && w.kind != "delete" || w.kind == "put" || w.kind == "patch"
	}
	if c.version == 0 {
		c.version = max(s.now(), after(s.lastVersion))
		s.lastVersion = c.version
	}
	for _, w := range c.writes {
		s.apply(c, w)
	}
	if len(c.logged) > 0 {
		c.logged[len(c.logged)-1].EndTxn = s.line == RocksDB
		s.send(c)
	}
	return nil
}

// check validates a write and settles what a merge is stored as.
func (s *Server) check(c *commit, w *write, exists bool) error {
	if c.from != nil {
		return nil // it was checked where it was written
	}
	if w.kind == "merge" {
		switch {
		case !exists:
			w.kind = "put"
		case s.line == RocksDB:
			w.kind = "patch"
		}
	}
	if w.kind == "delete" || w.kind == "invalidate" {
		return nil
	}
	if w.kind == "patch" {
		for _, v := range w.value.Fields() {
			if isOp(v) && delta(v) == nil {
				return &opError{status: 500, class: "Error", msg: "Invalid CRDT operation " + jsText(v.Get("__op__"))}
			}
		}
	}
	v, err := w.t.validate(w.value, w.kind == "patch")
	if err != nil {
		return err
	}
	w.value = v
	return nil
}

// apply stores one write, unless a newer version is there already.
func (s *Server) apply(c *commit, w *write) {
	t, r := w.t, w.t.rec(w.id)
	if r.txn != c {
		r.txn, r.had = c, r.exists
		if r.exists && c.version <= r.version && w.kind != "message" {
			r.txn = nil
			s.applyLate(c, w, r)
			return
		}
	}
	old := r.value
	value, raw := s.outcome(c, w, old)
	if raw == nil && w.kind == "patch" {
		return // nothing to change
	}
	version := c.version
	if w.kind == "message" && s.line == LMDB && r.exists {
		version = r.version // LMDB stamps a message with the record's version
	}
	value, raw = s.stored(value), s.stored(raw)
	t.learnFrom(value)
	if w.kind == "patch" && raw.Len() == 0 {
		// An empty patch of a record that is not there is logged and does nothing,
		// except to the chain of a tombstone.
		if at := s.log(c, w, r, version, raw); r.exists {
			r.version, r.localTime = version, at
		}
		return
	}
	s.store(c, w, r, version, value, raw)
}

func (t *table) learnFrom(v audit.Value) {
	if !t.defined && v.Kind() == audit.KindObject {
		t.learn(v.Names())
	}
}

// outcome is what the record becomes and what the log stores of it.
func (s *Server) outcome(c *commit, w *write, old audit.Value) (value, raw audit.Value) {
	t := w.t
	switch w.kind {
	case "delete":
		return nil, nil
	case "message":
		return old, w.value
	case "invalidate":
		if c.from != nil {
			return w.value, w.value
		}
		part := map[string]audit.Value{}
		for _, a := range t.attrs {
			if a.Indexed {
				part[a.Name] = old.Get(a.Name)
			}
		}
		return audit.Object(part), audit.Object(part)
	case "patch":
		if w.value.Len() == 0 && old != nil {
			return nil, nil
		}
		raw = s.stamp(c, w, old, true)
		fields := objectOf(old).fields
		applyPatch(fields, raw)
		for _, name := range w.gone {
			delete(fields, name)
		}
		return audit.Object(fields), raw
	case "merge":
		fields := objectOf(old).fields
		for _, name := range w.gone {
			delete(fields, name)
		}
		maps.Insert(fields, w.value.Fields())
		w.value = audit.Object(fields)
	}
	raw = s.stamp(c, w, old, false)
	return raw, raw
}

// stamp sets what Harper assigns: the times and the primary key.
func (s *Server) stamp(c *commit, w *write, old audit.Value, patch bool) audit.Value {
	if c.from != nil {
		return w.value
	}
	t, fields := w.t, objectOf(w.value).fields
	now := audit.Float(float64(c.version))
	if t.updated != "" {
		fields[t.updated] = now
	}
	if t.created != "" && (!patch || s.line != LMDB) {
		switch {
		case old == nil:
			fields[t.created] = now
		case !patch || fields[t.created] != nil:
			fields[t.created] = old.Get(t.created)
		}
	}
	_, sent := fields[t.pk]
	if !patch || sent && s.line == RocksDB {
		fields[t.pk] = w.id.Value()
	}
	return audit.Object(fields)
}

// store writes the record and, in an audited table, the entry.
func (s *Server) store(c *commit, w *write, r *record, version audit.Time, value, raw audit.Value) {
	local := s.log(c, w, r, version, raw)
	r.exists, r.value, r.version, r.localTime = true, value, version, local
	s.tell(w, r, local, raw)
}

// log writes the entry, if there is to be one, and returns its time.
func (s *Server) log(c *commit, w *write, r *record, version audit.Time, raw audit.Value) audit.Time {
	t := w.t
	local, prev := version, r.version
	if s.line == LMDB {
		local, prev = s.nextLocal(c, t), r.localTime
		if !r.had {
			prev = 0
		}
	} else if r.txn == c && len(r.history) > 0 && r.history[len(r.history)-1].Version == version {
		prev = r.history[len(r.history)-1].Prev // the transaction's own entry is not seen
	}
	if !t.audited && w.kind != "message" {
		if s.line == LMDB {
			return 0
		}
		return local
	}
	kind := w.kind
	if kind == "merge" {
		kind = "put"
	}
	e := &entry{Entry: Entry{
		LocalTime: local, Version: version, Table: t.Table, Type: kind, ID: w.id, User: c.user,
		Operation: c.originOf(kind), Prev: prev, Raw: raw,
	}, keys: w.keys(raw)}
	s.add(c, t, e)
	return local
}

// add stores an entry of a commit.
func (s *Server) add(c *commit, t *table, e *entry) {
	if c.from != nil {
		e.Node, e.NodeID = c.from.from.node, c.from.number
	}
	s.appendEntry(t, e)
	c.logged = append(c.logged, e)
}

// keys are the names of a patch that makes attributes undefined: its value
// alone would not tell.
func (w *write) keys(raw audit.Value) []string {
	if w.gone == nil {
		return nil
	}
	return append(raw.Names(), w.gone...)
}

func (c *commit) originOf(kind string) audit.Op {
	if kind == "put" || kind == "patch" {
		return c.origin
	}
	return ""
}

// steppedBack is how far, in milliseconds, the clock has to be behind the last
// version to have been set back. Versions then stay where they were, and the
// times of commits follow the clock.
const steppedBack = 1000

// nextLocal is LMDB's own time of an entry: the clock's, later than the version
// by the delay, and unlike every other in the database.
func (s *Server) nextLocal(c *commit, t *table) audit.Time {
	at := s.now()
	if s.lastVersion-at < steppedBack {
		at = max(at, min(s.lastVersion, c.version)+audit.Time(float64(s.delay)/1e6))
	}
	if at <= c.stored {
		at = after(c.stored)
	}
	for t.db.taken(at) {
		at = after(at)
	}
	c.stored = at
	if s.steady {
		s.raiseFloor(at) // nobody looks at the clock before the write is over
	}
	return at
}

func (db *database) taken(at audit.Time) bool {
	for _, t := range db.tables {
		if t.byTime[entryKey{t: at}] != nil {
			return true
		}
	}
	return false
}
