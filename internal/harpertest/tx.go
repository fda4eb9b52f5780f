package harpertest

import (
	"fmt"

	"recourse/audit"
)

// A Tx collects the writes of one transaction of a component within Harper.
type Tx struct {
	s       *Server
	user    string
	version audit.Time // zero: not yet taken
	writes  []*write
}

// Transact runs f and commits its writes as the user; an empty name is code
// without a context, which leaves none. An error of f aborts, and nothing is
// logged.
func (s *Server) Transact(user string, f func(*Tx) error) error { return s.TransactAt(0, user, f) }

// TransactAt is [Server.Transact] with a version given, in the past or in the
// future, as an import with original times or replication has it.
func (s *Server) TransactAt(version audit.Time, user string, f func(*Tx) error) error {
	tx := &Tx{s: s, user: user, version: version}
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// Commit writes what was collected so far. On LMDB a second commit keeps the
// version of the first.
func (tx *Tx) Commit() error {
	writes := tx.writes
	tx.writes = nil
	if len(writes) == 0 {
		return nil
	}
	tx.s.mu.Lock()
	defer tx.s.mu.Unlock()
	c := &commit{user: tx.user, version: tx.version, writes: writes}
	if err := tx.s.commit(c); err != nil {
		return err
	}
	if tx.s.line == LMDB {
		tx.version = c.version
	}
	return nil
}

func (tx *Tx) add(kind string, t audit.Table, id audit.ID, v audit.Value) {
	tx.writes = append(tx.writes, &write{name: t, kind: kind, id: id, value: v})
}

// Put replaces a record.
func (tx *Tx) Put(t audit.Table, id audit.ID, v audit.Value) { tx.add("put", t, id, v) }

// Patch merges v's attributes into a record, {"__op__":"add","value":n} adding
// to a number. Without attributes it does nothing.
func (tx *Tx) Patch(t audit.Table, id audit.ID, v audit.Value) { tx.add("patch", t, id, v) }

// Delete deletes a record, which need not exist.
func (tx *Tx) Delete(t audit.Table, id audit.ID) { tx.add("delete", t, id, nil) }

// Publish sends a message to a record's subscribers; the record stays.
func (tx *Tx) Publish(t audit.Table, id audit.ID, v audit.Value) { tx.add("message", t, id, v) }

// Invalidate reduces a record to its indexed attributes.
func (tx *Tx) Invalidate(t audit.Table, id audit.ID) { tx.add("invalidate", t, id, nil) }

// Put writes one record as a transaction of its own.
func (s *Server) Put(user string, t audit.Table, id audit.ID, v audit.Value) error {
	return s.Transact(user, func(tx *Tx) error { tx.Put(t, id, v); return nil })
}

// Patch patches one record as a transaction of its own.
func (s *Server) Patch(user string, t audit.Table, id audit.ID, v audit.Value) error {
	return s.Transact(user, func(tx *Tx) error { tx.Patch(t, id, v); return nil })
}

// Delete deletes one record as a transaction of its own.
func (s *Server) Delete(user string, t audit.Table, id audit.ID) error {
	return s.Transact(user, func(tx *Tx) error { tx.Delete(t, id); return nil })
}

// Fill puts what a caching table's source answered into a record. It is logged
// without a user; on LMDB a record that was invalidated is refilled in place,
// and the invalidate shows the new content.
func (s *Server) Fill(name audit.Table, id audit.ID, v audit.Value) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.table(name)
	if t == nil {
		return fmt.Errorf("fill %s: %w", name, ErrNoTable)
	}
	if r := t.records[id]; s.line == LMDB && r != nil && r.exists {
		r.value = v
		return nil
	}
	return s.commit(&commit{writes: []*write{{name: name, kind: "put", id: id, value: v}}})
}
