package harpertest

import (
	"errors"
	"slices"
	"strings"

	"recourse/audit"
)

// A group is what read_audit_log joins of adjacent entries with one version.
type group struct {
	op      audit.Op
	user    string
	version audit.Time
	ids     []any
	records []any
}

func (s *Server) idsField() string {
	if s.line == RocksDB {
		return "ids"
	}
	return "hash_values"
}

func (s *Server) groupObject(g *group) obj {
	return obj{{"operation", g.op}, {"user_name", maybe(g.user)}, {"timestamp", g.version}, {s.idsField(), g.ids}, {"records", g.records}}
}

// shownID is null for an entry that is about no record.
func shownID(id audit.ID) any {
	if id == "" {
		return nil
	}
	return id
}

func shownOp(op audit.Op, kind string) audit.Op {
	if op == "" {
		op = audit.Op(kind)
	}
	if op == "put" {
		op = audit.OpUpsert
	}
	return op
}

// groups reads a table's log as groupRecordsInHistory does (ResourceBridge.ts):
// an entry that cannot be read ends the answer and takes the group collected
// before it along.
func (s *Server) groups(t *table, entries []*entry, limit float64, yield func(*group) bool) error {
	var g *group
	count := 0.0
	for _, e := range entries {
		v, err := s.image(t, e)
		if err != nil {
			return err
		}
		if g != nil && g.version == e.Version {
			g.ids, g.records = append(g.ids, shownID(e.ID)), append(g.records, v)
			continue
		}
		if g != nil {
			if !yield(g) {
				return nil
			}
			if count++; limit != 0 && limit <= count {
				return nil
			}
		}
		g = &group{op: shownOp(e.Operation, e.Type), user: e.User, version: e.Version, ids: []any{shownID(e.ID)}, records: []any{v}}
	}
	if g != nil {
		yield(g)
	}
	return nil
}

// readByTime is the whole answer of a scan: the groups, and the error that ends
// them if one does.
func (s *Server) readByTime(t *table, values audit.Value, limit float64) ([]scanned, error) {
	entries, err := s.selectEntries(t, values)
	if err != nil {
		return nil, err
	}
	patches := patchesAt(entries)
	var out []scanned
	err = s.groups(t, entries, limit, func(g *group) bool {
		out = append(out, scanned{s.groupObject(g), patches[g.version]})
		return true
	})
	return out, err
}

// scanned is a group of a scan, and how many patches it is made of.
type scanned struct {
	obj     obj
	patches int
}

// readByUser is {user: groups}; an unreadable entry of anybody fails it.
func (s *Server) readByUser(t *table, names audit.Value) (obj, error) {
	wanted := map[string]bool{}
	for e := range names.Elems() {
		wanted[e.Text()] = e.Kind() == audit.KindText
	}
	var out obj
	at := map[string]int{}
	err := s.groups(t, t.log, 0, func(g *group) bool {
		if g.user == "" || !wanted[g.user] {
			return true
		}
		i, known := at[g.user]
		if !known {
			i = len(out)
			at[g.user], out = i, append(out, field{g.user, []any{}})
		}
		out[i].val = append(out[i].val.([]any), s.groupObject(g))
		return true
	})
	return out, err
}

// readByID is {id: groups of one}. Ids that print alike fall together: the last
// one wins.
func (s *Server) readByID(t *table, ids audit.Value) (obj, error) {
	out := obj{}
	at := map[string]int{}
	for v := range ids.Elems() {
		if v.Kind() == audit.KindNull {
			return nil, &jsError{"Error", "An id is required"}
		}
		var history []any
		if id, err := audit.IDOf(v); err == nil {
			if history, err = s.historyOf(t, id); err != nil {
				return nil, err
			}
		}
		if history == nil {
			history = []any{}
		}
		name := jsKey(v)
		i, known := at[name]
		if !known {
			i = len(out)
			at[name], out = i, append(out, field{name, nil})
		}
		out[i].val = history
	}
	return out, nil
}

// jsKey is String(v), which is what an object's key becomes.
func jsKey(v audit.Value) string {
	switch v.Kind() {
	case audit.KindArray:
		var out strings.Builder
		i := 0
		for e := range v.Elems() {
			if i > 0 {
				out.WriteString(",")
			}
			if i++; e.Kind() != audit.KindNull {
				out.WriteString(jsKey(e))
			}
		}
		return out.String()
	case audit.KindObject:
		return "[object Object]"
	}
	return jsText(v)
}

var errNoLocalTime = &jsError{"Error", "The entry does not have a local audit time"}

func (s *Server) historyOf(t *table, id audit.ID) ([]any, error) {
	r := t.records[id]
	if r == nil || !r.exists {
		return nil, nil
	}
	if r.localTime == 0 {
		return nil, errNoLocalTime
	}
	var found []*entry
	if s.line == RocksDB {
		found = rocksHistory(r)
	} else {
		for at := r.localTime; at > 0; {
			e := s.find(t, id, at)
			if e == nil {
				break
			}
			found = append([]*entry{e}, found...)
			at = e.Prev
		}
	}
	var out []any
	for _, e := range found {
		v, err := s.image(t, e)
		if err != nil {
			return nil, err
		}
		op := shownOp("", e.Type)
		if s.line == RocksDB {
			op = shownOp(e.Operation, e.Type)
		}
		out = append(out, obj{
			{"operation", op}, {"timestamp", e.Version}, {"user_name", maybe(e.User)},
			{s.idsField(), []any{id}}, {"records", []any{v}},
		})
	}
	return out, nil
}

// rocksHistory walks windows of 100 ms back from the record's version, as
// Table.getHistoryOfRecord of 5.1; what no window meets is not found.
func rocksHistory(r *record) []*entry {
	var windows [][]*entry
	for next := r.localTime; next > 0; {
		start, older := next-100, audit.Time(0)
		var found []*entry
		for _, e := range r.history {
			if e.Version < start || e.Version >= next+0.001 {
				continue
			}
			found = append(found, e)
			if e.Prev > older && e.Prev < start {
				older = e.Prev
			}
		}
		windows = append(windows, found)
		next = older
	}
	var out []*entry
	for _, window := range slices.Backward(windows) {
		out = append(out, window...)
	}
	return out
}

// thrown is the text that a scan ends with, class included.
func thrown(err error) string {
	if js, ok := errors.AsType[*jsError](err); ok {
		return js.Error()
	}
	return "Error: " + err.Error()
}
