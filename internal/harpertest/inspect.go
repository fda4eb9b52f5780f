package harpertest

import (
	"slices"

	"recourse/audit"
)

// Records are a table's living records; nil when there is no such table.
func (s *Server) Records(name audit.Table) map[audit.ID]audit.Value {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := s.table(name)
	if t == nil {
		return nil
	}
	out := map[audit.ID]audit.Value{}
	for id, r := range t.records {
		if r.live() {
			out[id] = r.value
		}
	}
	return out
}

// Count is the number of living records, zero when there is no such table.
func (s *Server) Count(name audit.Table) int { return len(s.Records(name)) }

// Entries is the raw log of a database, in the order in which it is stored.
func (s *Server) Entries(db string) []Entry {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d := s.dbs[db]
	if d == nil {
		return nil
	}
	all := s.entriesOf(d)
	out := make([]Entry, len(all))
	for i, e := range all {
		out[i] = e.Entry
	}
	return out
}

// entriesOf is a database's log in its order; the lock is held.
func (s *Server) entriesOf(d *database) []*entry {
	var all []*entry
	for _, t := range d.tables {
		all = append(all, t.log...)
	}
	return s.inOrder(all)
}

// inOrder sorts entries as their database keeps them.
func (s *Server) inOrder(all []*entry) []*entry {
	slices.SortFunc(all, func(a, b *entry) int {
		if s.line == LMDB && a.LocalTime != b.LocalTime {
			if a.LocalTime < b.LocalTime {
				return -1
			}
			return 1
		}
		return int(int64(a.seq) - int64(b.seq))
	})
	return all
}

// Listeners is how many streams of a table's events are open.
func (s *Server) Listeners(name audit.Table) int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := 0
	for sub := range s.subs {
		if sub.t == s.table(name) {
			n++
		}
	}
	return n
}
