package harpertest

import (
	"fmt"

	"recourse/audit"
)

// WriteUnaudited changes a record past the log, as drop_attribute, a base copy
// or a component that goes around it do: it is now this, at a new version, and
// nothing says so. A nil value removes it.
func (s *Server) WriteUnaudited(name audit.Table, id audit.ID, v audit.Value) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.table(name)
	if t == nil {
		return fmt.Errorf("write %s past the log: %w", name, ErrNoTable)
	}
	version := max(s.now(), after(s.lastVersion))
	s.lastVersion = version
	r := t.rec(id)
	r.exists, r.value, r.version, r.txn = v != nil, v, version, nil
	t.learnFrom(v)
	if s.line == RocksDB {
		r.localTime = version
	} else {
		r.localTime = 0 // LMDB loses the way to the record's log
	}
	return nil
}

// SetAudit switches a table's log on or off. What was logged stays.
func (s *Server) SetAudit(name audit.Table, on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.table(name)
	if t == nil {
		return fmt.Errorf("switch the log of %s: %w", name, ErrNoTable)
	}
	t.audited = on
	return nil
}

// Recreate drops a table and makes one of the same name and shape, which nothing
// in the log says: the old entries are out of reach.
func (s *Server) Recreate(name audit.Table) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.table(name)
	if t == nil {
		return fmt.Errorf("recreate %s: %w", name, ErrNoTable)
	}
	s.addTable(name, t.schema)
	return nil
}
