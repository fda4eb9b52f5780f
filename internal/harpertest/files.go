package harpertest

import (
	"time"

	"recourse/audit"
)

// Restart ends all streams of events and forgets how far the versions had come,
// so that they follow the clock again, be it set back. RocksDB flushes its log
// to closed files, the only ones that can be deleted, and deletes those past the
// retention.
func (s *Server) Restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sub := range s.subs {
		sub.end()
	}
	s.lastVersion = 0
	if s.line == LMDB {
		return
	}
	for _, db := range s.dbs {
		for _, t := range db.tables {
			for _, e := range t.log {
				e.flushed = true
			}
		}
		if s.retention > 0 {
			s.purge(db, s.now()-audit.Time(float64(s.retention)/1e6))
		}
	}
}

// SetRetention changes how long the log is kept. Zero is for ever, which the
// configuration does not tell.
func (s *Server) SetRetention(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retention, s.retained = d, 0
}

// purge deletes those flushed files of a database's log whose last write is
// before the time, whole, and says how many entries and files they were. A file
// behind which another was begun is flushed.
func (s *Server) purge(db *database, before audit.Time) (entries, files int) {
	current := 0
	if s.logFile > 0 {
		current = s.files[db.name] / s.logFile
	}
	flushed := func(e *entry) bool { return e.flushed || e.file < current }
	kept, gone := map[int]bool{}, map[int]bool{}
	for _, t := range db.tables {
		for _, e := range t.log {
			if flushed(e) && e.Version >= before {
				kept[e.file] = true
			}
		}
	}
	for _, t := range db.tables {
		entries += t.wipe(func(e *entry) bool {
			if !flushed(e) || kept[e.file] {
				return false
			}
			gone[e.file] = true
			return true
		})
	}
	return entries, len(gone)
}
