package harpertest

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"recourse/audit"
)

// ErrNoTable says that the server has no such table.
var ErrNoTable = errors.New("no such table")

// An Entry is one stored line of the audit log, as Harper keeps it; what
// read_audit_log makes of it is another matter.
type Entry struct {
	LocalTime audit.Time // when it was stored; on RocksDB the version
	Version   audit.Time
	Table     audit.Table
	Type      string   // put, patch, delete, message, invalidate, reload
	ID        audit.ID // empty for a reload
	User      string   // empty: not named
	Operation audit.Op // insert, update or upsert by the operations API; else empty
	Prev      audit.Time
	Raw       audit.Value // a patch holds only what was sent
	Node      string      // the node that wrote it; empty: this one
	NodeID    int         // its number here; zero: this one
	EndTxn    bool        // RocksDB: the last of its transaction
}

// entry is an Entry in the store.
type entry struct {
	Entry
	seq     uint64
	keys    []string // Raw's attributes in Harper's order, when known
	wiped   bool
	flushed bool // RocksDB: in a closed file of the log
	file    int  // RocksDB: which file
	hidden  bool // the feed component cannot decode it

	droppedAs int // the number of its table, which was dropped; zero: it is there
}

// record is one key of a table: what it holds now and its part of the log.
type record struct {
	id        audit.ID
	parts     []audit.Value // of the key, by which records are in order
	exists    bool          // an entry in the primary store, be it a tombstone
	value     audit.Value   // nil: deleted
	version   audit.Time
	localTime audit.Time // zero: Harper lost the way to the log
	txn       *commit    // the transaction that wrote it last
	had       bool       // it existed before that transaction
	history   []*entry
}

func (r *record) live() bool { return r != nil && r.exists && r.value != nil }

// entryKey finds an entry as Harper does: LMDB by its time, RocksDB by the time
// and the record.
type entryKey struct {
	id audit.ID
	t  audit.Time
}

type table struct {
	audit.Table
	schema
	db      *database
	records map[audit.ID]*record
	log     []*entry // LMDB: by LocalTime. RocksDB: as appended
	byTime  map[entryKey]*entry
	sorted  bool // log ascends by time
}

type database struct {
	name    string
	tables  map[string]*table
	dropped []*entry // of tables that are gone, which only the feed component shows
	drops   int
}

// drop takes a table away. Its entries stay in the audit store, out of reach.
func (db *database) drop(name string) {
	t := db.tables[name]
	if t == nil {
		return
	}
	db.drops++
	for _, e := range t.log {
		e.droppedAs = db.drops
	}
	db.dropped = append(db.dropped, t.log...)
	delete(db.tables, name)
}

func (s *Server) table(t audit.Table) *table {
	db := s.dbs[t.Database]
	if db == nil {
		return nil
	}
	return db.tables[t.Name]
}

func (s *Server) addTable(t audit.Table, sc schema) *table {
	db := s.dbs[t.Database]
	if db == nil {
		db = &database{name: t.Database, tables: map[string]*table{}}
		s.dbs[t.Database] = db
	}
	db.drop(t.Name)
	tbl := &table{Table: t, schema: sc, db: db, records: map[audit.ID]*record{}, byTime: map[entryKey]*entry{}, sorted: true}
	db.tables[t.Name] = tbl
	return tbl
}

// rec is the record of that id, made when it is not there.
func (t *table) rec(id audit.ID) *record {
	r := t.records[id]
	if r == nil {
		r = &record{id: id, parts: partsOf(id.Value())}
		t.records[id] = r
	}
	return r
}

// appendEntry stores e and gives LMDB's a time of its own.
func (s *Server) appendEntry(t *table, e *entry) {
	s.seq++
	e.seq = s.seq
	if s.logFile > 0 {
		e.file = s.files[t.Database] / s.logFile
		s.files[t.Database]++
	}
	key := entryKey{t: e.LocalTime}
	if s.line == RocksDB {
		key.id = e.ID
	}
	if _, taken := t.byTime[key]; !taken {
		t.byTime[key] = e // of several in one transaction RocksDB finds the first
	}
	if e.ID != "" {
		r := t.rec(e.ID)
		r.history = append(r.history, e)
	}
	n := len(t.log)
	if n == 0 || t.log[n-1].LocalTime <= e.LocalTime {
		t.log = append(t.log, e)
		return
	}
	if s.line == RocksDB && (e.Node == "" || !t.sorted) {
		t.log, t.sorted = append(t.log, e), false
		return
	}
	// LMDB orders by time; RocksDB keeps a log for each node and merges them by
	// time when it reads.
	i := sort.Search(n, func(i int) bool { return t.log[i].LocalTime > e.LocalTime })
	t.log = slices.Insert(t.log, i, e)
}

// find is the entry that Harper's auditStore.get returns, or nil.
func (s *Server) find(t *table, id audit.ID, at audit.Time) *entry {
	key := entryKey{t: at}
	if s.line == RocksDB {
		if strings.HasPrefix(string(id), "[") {
			return nil // RocksTransactionLogStore compares ids with ===, arrays never match
		}
		key.id = id
	}
	if e := t.byTime[key]; e != nil && !e.wiped {
		return e
	}
	return nil
}

// wipe removes the entries that gone selects; records stay as they are.
func (t *table) wipe(gone func(*entry) bool) int {
	n, touched := 0, map[audit.ID]bool{}
	t.log = slices.DeleteFunc(t.log, func(e *entry) bool {
		if !gone(e) {
			return false
		}
		e.wiped, touched[e.ID] = true, true
		delete(t.byTime, entryKey{t: e.LocalTime})
		delete(t.byTime, entryKey{id: e.ID, t: e.LocalTime})
		n++
		return true
	})
	for id := range touched {
		r := t.records[id]
		if r == nil {
			continue // a reload is of no record
		}
		r.history = slices.DeleteFunc(r.history, func(e *entry) bool { return e.wiped })
	}
	return n
}

// window is the part of the log with from ≤ time < to, in the log's order.
func (t *table) window(from, to audit.Time) []*entry {
	if t.sorted {
		i := sort.Search(len(t.log), func(i int) bool { return t.log[i].LocalTime >= from })
		j := sort.Search(len(t.log), func(i int) bool { return t.log[i].LocalTime >= to })
		return t.log[i:max(i, j)]
	}
	var out []*entry
	for _, e := range t.log {
		if e.LocalTime >= from && e.LocalTime < to {
			out = append(out, e)
		}
	}
	return out
}

// retain applies LMDB's retention, which RocksDB knows only at a restart.
func (s *Server) retain() {
	if s.retention == 0 || s.line == RocksDB {
		return
	}
	now := s.now()
	if now-s.retained < 1000 {
		return // Harper looks every ten seconds
	}
	s.retained = now
	before := now - audit.Time(float64(s.retention)/1e6)
	for _, db := range s.dbs {
		for _, t := range db.tables {
			if len(t.log) > 0 && t.log[0].LocalTime < before {
				t.wipe(func(e *entry) bool { return e.LocalTime < before })
			}
		}
	}
}

// Evict removes a record without a word in the log, as the expiry of a table
// with a time to live does.
func (s *Server) Evict(name audit.Table, id audit.ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.table(name)
	if t == nil {
		return fmt.Errorf("evict %s: %w", name, ErrNoTable)
	}
	if r := t.records[id]; r != nil {
		r.exists, r.value, r.version, r.localTime = false, nil, 0, 0
	}
	return nil
}

// Wipe deletes a table's entries stored before the time, as
// delete_audit_logs_before does on LMDB but without leaving its traces, and
// says how many they were.
func (s *Server) Wipe(name audit.Table, before audit.Time) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.table(name)
	if t == nil {
		return 0, fmt.Errorf("wipe %s: %w", name, ErrNoTable)
	}
	return t.wipe(func(e *entry) bool { return e.LocalTime < before }), nil
}
