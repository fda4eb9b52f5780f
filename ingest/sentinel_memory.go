package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"recourse/audit"
)

// sentinelNote is the name of a node's memory among the notes.
func sentinelNote(node string) string { return "sentinel/" + node }

// memory is what a sentinel knew at its last look, as a note in JSON. Times are
// the server's.
type memory struct {
	Seq    audit.Seq               `json:"seq"` // the stored changes up to it were taken in
	Config configMemory            `json:"config"`
	Tables map[string]*tableMemory `json:"tables"` // by name, see tableName
	Sizes  map[string]sizeMemory   `json:"sizes"`  // by database
	Jobs   map[string]*jobMemory   `json:"jobs"`   // by id
	Turn   int                     `json:"turn"`   // of the tables, whose records are sampled next
}

type configMemory struct {
	Seen      audit.Time    `json:"seen"`
	AuditLog  *bool         `json:"audit_log,omitempty"`
	Retention time.Duration `json:"retention,omitempty"`
	Engine    string        `json:"engine,omitempty"`
}

// sizeMemory is the size of a database's log.
type sizeMemory struct {
	Seen  audit.Time `json:"seen"`
	Bytes int64      `json:"bytes"`
}

// tableMemory is a table as it was when it was seen last.
type tableMemory struct {
	Table      audit.Table `json:"table"`
	First      audit.Time  `json:"first"` // when it was seen first; 0: only its changes are known so far
	Seen       audit.Time  `json:"seen"`
	Audited    audit.Time  `json:"audited,omitempty"` // when it was last seen with a log; 0: never
	Off        audit.Time  `json:"off,omitempty"`     // since when it may have had none; 0: it has one
	Sourced    bool        `json:"sourced,omitempty"`
	Expires    bool        `json:"expires,omitempty"`
	Primary    string      `json:"primary,omitempty"`
	Attributes []string    `json:"attributes,omitempty"`
	Read       audit.Time  `json:"read,omitempty"` // the tail's cursor then
	Writes     int64       `json:"writes"`         // changes stored since then
	Count      counting    `json:"count"`
	Marks      []mark      `json:"marks,omitempty"`  // changes known to be in the log: the first of each hour, by time
	Newest     []mark      `json:"newest,omitempty"` // and the last few, in the order of the store
	Page       audit.ID    `json:"page,omitempty"`   // the sample goes on behind this key
	Found      []finding   `json:"found,omitempty"`  // writes that the log does not have
	Pending    []part      `json:"pending,omitempty"`
	Burst      *burst      `json:"burst,omitempty"`

	before audit.Time // the tail's cursor at the look before this round's; 0: it was not seen then or now
}

// A mark is a change that is known to have been in the log.
type mark struct {
	Time audit.Time `json:"t"`
	ID   audit.ID   `json:"id"`
}

// A finding is a record's version that the log does not have.
type finding struct {
	ID      audit.ID   `json:"id"`
	Version audit.Time `json:"v"`
}

// Bounds of what is remembered of a table.
const (
	newestMarks  = 4
	mostFindings = 200
	mostPending  = 1000
)

// recall reads the memory. One that cannot be read begins anew, which takes in
// all stored changes again.
func (s *Sentinel) recall(ctx context.Context) (*memory, error) {
	m := &memory{}
	note, found, err := s.o.Store.Note(ctx, sentinelNote(s.o.Node))
	if err != nil {
		return nil, err
	}
	if found {
		if err := json.Unmarshal(note, m); err != nil {
			s.o.Log.Error("what was noted of the log's state cannot be read; what happened to it since the last look is not found", "node", s.o.Node, "err", err)
			m = &memory{}
		}
	}
	if m.Tables == nil {
		m.Tables = map[string]*tableMemory{}
	}
	if m.Sizes == nil {
		m.Sizes = map[string]sizeMemory{}
	}
	if m.Jobs == nil {
		m.Jobs = map[string]*jobMemory{}
	}
	return m, nil
}

func (m *memory) save(ctx context.Context, notes Notes, node string) error {
	note, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("note the log's state on %q: %w", node, err)
	}
	return notes.SetNote(ctx, sentinelNote(node), note)
}

// tableName is a table as a key of the memory; no database's name has a dot.
func tableName(t audit.Table) string { return t.Database + "." + t.Name }

func (m *memory) table(t audit.Table) *tableMemory {
	tm := m.Tables[tableName(t)]
	if tm == nil {
		tm = &tableMemory{Table: t}
		m.Tables[tableName(t)] = tm
	}
	return tm
}

// sorted are the tables by name, so that a round is the same however often it is
// made.
func (m *memory) sorted() []*tableMemory {
	return slices.SortedFunc(maps.Values(m.Tables), func(a, b *tableMemory) int {
		return strings.Compare(tableName(a.Table), tableName(b.Table))
	})
}

// keepsLog is how long Harper keeps its log: what it says, or its default.
func (m *memory) keepsLog() audit.Time {
	if m.Config.Retention > 0 {
		return ms(m.Config.Retention)
	}
	return 72 * hour
}

// forget drops what is too old to matter.
func (m *memory) forget(now audit.Time) {
	old := now - m.keepsLog()
	for _, tm := range m.Tables {
		tm.Marks = slices.DeleteFunc(tm.Marks, func(k mark) bool { return k.Time < old })
		tm.Newest = slices.DeleteFunc(tm.Newest, func(k mark) bool { return k.Time < old })
		tm.Found = slices.DeleteFunc(tm.Found, func(f finding) bool { return f.Version < old })
		tm.Count.forget(min(old, now-72*hour))
		if tm.Burst != nil && tm.Burst.End < now-2*burstLimit {
			tm.Burst = nil
		}
		if tm.Seen == 0 && tm.Burst == nil && len(tm.Marks)+len(tm.Pending) == 0 {
			delete(m.Tables, tableName(tm.Table)) // only its old changes are known
		}
	}
	for id, j := range m.Jobs {
		if max(j.Start, j.End, j.Seen) < now-48*hour {
			delete(m.Jobs, id)
		}
	}
}

// remember takes in a change that is in the log.
func (tm *tableMemory) remember(k mark) {
	tm.Newest = append(tm.Newest, k)
	if n := len(tm.Newest); n > newestMarks {
		tm.Newest = slices.Delete(tm.Newest, 0, n-newestMarks)
	}
	i, _ := slices.BinarySearchFunc(tm.Marks, wholeHour(k.Time), func(e mark, h audit.Time) int {
		switch at := wholeHour(e.Time); {
		case at < h:
			return -1
		case at > h:
			return 1
		}
		return 0
	})
	if i < len(tm.Marks) && wholeHour(tm.Marks[i].Time) == wholeHour(k.Time) {
		return
	}
	tm.Marks = slices.Insert(tm.Marks, i, k)
}
