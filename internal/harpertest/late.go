package harpertest

import "slices"

import "recourse/audit"

// applyLate is a write with a version older than the record's. It loses without
// a trace to a newer put or delete; what newer patches leave of it is applied
// (Table.ts, _writeUpdate).
func (s *Server) applyLate(c *commit, w *write, r *record) {
	if w.kind == "delete" || w.kind == "invalidate" || !w.t.audited {
		return
	}
	if w.kind == "patch" && w.value.Len() == 0 {
		return
	}
	raw := s.stamp(c, w, r.value, w.kind == "patch")
	rest, newer := objectOf(raw).fields, 0
	for _, e := range slices.Backward(r.history) {

		if e.Version < c.version {
			break
		}
		if e.Type != "patch" || e.Version == c.version {
			return
		}
		newer++
	}
	if newer == 0 {
		return
	}
	for _, e := range r.history[len(r.history)-newer:] {
		rebuildBefore(rest, e.Raw, w.kind != "patch")
	}
	if len(rest) == 0 {
		if s.line == RocksDB {
			s.appendLate(c, w, r, raw)
		}
		return
	}
	fields := objectOf(r.value).fields
	for k, v := range rest {
		if isOp(v) {
			applyPatch(fields, audit.Object(map[string]audit.Value{k: v}))
			continue
		}
		fields[k] = v
	}
	e := s.appendLate(c, w, r, raw)
	r.value, r.localTime = s.stored(audit.Object(fields)), e.LocalTime
	if s.line == RocksDB {
		r.localTime = r.version // one clock, which does not go back
	} else {
		r.version = c.version
	}
}

func (s *Server) appendLate(c *commit, w *write, r *record, raw audit.Value) *entry {
	kind := w.kind
	if kind == "merge" {
		kind = "put"
	}
	e := &entry{Entry: Entry{LocalTime: c.version, Version: c.version, Table: w.t.Table, Type: kind, ID: w.id, User: c.user, Operation: c.originOf(kind), Prev: r.version, Raw: raw}}
	if s.line == LMDB {
		e.LocalTime, e.Prev = s.nextLocal(c, w.t), r.localTime
	}
	s.add(c, w.t, e)
	return e
}

// rebuildBefore takes from an older update what a newer patch overwrites
// (resources/crdt.ts rebuildUpdateBefore).
func rebuildBefore(update map[string]audit.Value, newer audit.Value, full bool) {
	for k, v := range update {
		n := newer.Get(k)
		switch {
		case n == nil:
		case isOp(n):
			if !isOp(v) && numeric(v) {
				update[k] = addNumbers(v, delta(n), 1)
			}
		case full:
			update[k] = n
		default:
			delete(update, k)
		}
	}
}
