package harpertest

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"recourse/audit"
)

// loadSystem puts the incident's users, roles and jobs in place of the server's
// own in the system tables, as they were read; who can log in stays as it is.
func (s *Server) loadSystem(fsys fs.FS) error {
	files, err := fs.Glob(fsys, "final/system.*.json")
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range files {
		_, tableName, _ := strings.Cut(strings.TrimSuffix(path.Base(name), ".json"), ".")
		t := s.table(audit.Table{Database: "system", Name: tableName})
		data, err := fs.ReadFile(fsys, name)
		if err != nil || t == nil {
			return errors.Join(err, fmt.Errorf("%s: no such system table here", name))
		}
		v, err := audit.FromJSON(data)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		t.wipe(func(*entry) bool { return true })
		clear(t.records)
		for g := range v.Get("response").Elems() {
			if err := s.loadGroup(t, g); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

// loadGroup stores a group of an answer as puts of what it shows.
func (s *Server) loadGroup(t *table, g audit.Value) error {
	ids := g.Get(s.idsField())
	f, _ := g.Get("timestamp").Float64()
	at := audit.Time(f)
	records := slices.Collect(g.Get("records").Elems())
	i := 0
	for key := range ids.Elems() {
		id, err := audit.IDOf(key)
		if err != nil || i >= len(records) {
			return errors.Join(err, fmt.Errorf("group of %v is not whole", at))
		}
		e := &entry{Entry: Entry{LocalTime: at, Version: at, Table: t.Table, Type: "put", ID: id, User: g.Get("user_name").Text(), Operation: audit.Op(g.Get("operation").Text()), Raw: records[i]}}
		for s.line == LMDB && t.db.taken(e.LocalTime) {
			e.LocalTime = after(e.LocalTime)
		}
		r := t.rec(id)
		e.Prev = r.localTime
		s.appendEntry(t, e)
		r.exists, r.value, r.version, r.localTime = true, records[i], at, e.LocalTime
		s.raiseFloor(e.LocalTime)
		i++
	}
	return nil
}
