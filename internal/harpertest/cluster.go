package harpertest

import (
	"fmt"
	"slices"
	"sync"

	"recourse/audit"
)

// A Link carries what is written on one server to another. What arrives keeps
// its version and its user and loses its operation: an insert or update of the
// operations API is an upsert or patch there. What itself came from elsewhere is
// not passed on, nor are the system's tables.
type Link struct {
	from, to *Server
	number   int // of the sender, to the receiver

	delivering sync.Mutex
	mu         sync.Mutex
	paused     bool
	waiting    []sent
	last       audit.Time // the version of what arrived last
}

// sent is a transaction under way.
type sent struct {
	user    string
	version audit.Time
	writes  []*write
}

// Replicate links two servers in one direction; two of them make a cluster.
// Tables that the receiver does not have are made there when something comes
// for them.
func Replicate(from, to *Server) *Link {
	l := &Link{from: from, to: to}
	to.mu.Lock()
	l.number = len(to.incoming) + 1
	to.incoming = append(slices.Clip(to.incoming), l)
	to.knowNode(from.node)
	to.mu.Unlock()
	from.mu.Lock()
	from.links = append(slices.Clip(from.links), l)
	from.knowNode(to.node)
	from.mu.Unlock()
	return l
}

// Cluster links every server with every other.
func Cluster(servers ...*Server) []*Link {
	var links []*Link
	for _, from := range servers {
		for _, to := range servers {
			if from != to {
				links = append(links, Replicate(from, to))
			}
		}
	}
	return links
}

func (s *Server) knowNode(name string) {
	id := textID(name)
	if !s.table(nodeTable).records[id].live() {
		s.systemWrite("hdb_nodes", audit.OpInsert, id, audit.Object(map[string]audit.Value{
			"name": audit.Text(name), "url": audit.Text("wss://" + name + ":9933"),
		}))
	}
}

var nodeTable = audit.Table{Database: "system", Name: "hdb_nodes"}

// Pause cuts the link; what is written meanwhile waits.
func (l *Link) Pause() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.paused = true
}

// Resume lets what has waited through, late.
func (l *Link) Resume() {
	l.mu.Lock()
	l.paused = false
	l.mu.Unlock()
	l.from.deliver()
}

func (l *Link) connected() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.paused && !l.from.down.Load() && !l.to.down.Load()
}

// send hands a commit to the links; the lock is held.
func (s *Server) send(c *commit) {
	if c.from != nil || len(s.links) == 0 {
		return
	}
	var writes []*write
	for _, e := range c.logged {
		if e.Table.Database != "system" {
			writes = append(writes, &write{name: e.Table, kind: e.Type, id: e.ID, value: e.Raw, gone: goneOf(e)})
		}
	}
	if writes == nil {
		return
	}
	for _, l := range s.links {
		l.mu.Lock()
		l.waiting = append(l.waiting, sent{c.user, c.version, writes})
		l.mu.Unlock()
	}
}

// goneOf are the attributes that a patch made undefined.
func goneOf(e *entry) []string {
	var gone []string
	for _, name := range e.keys {
		if e.Raw.Get(name) == nil {
			gone = append(gone, name)
		}
	}
	return gone
}

// deliver carries what waits at the links to the other servers. Of two that
// deliver at once one does it all.
func (s *Server) deliver() {
	s.mu.RLock()
	links := s.links
	s.mu.RUnlock()
	for _, l := range links {
		for l.hasWaiting() && l.delivering.TryLock() {
			l.carry()
			l.delivering.Unlock()
		}
	}
}

func (l *Link) hasWaiting() bool {
	if !l.connected() {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting) > 0
}

func (l *Link) carry() {
	l.mu.Lock()
	waiting := l.waiting
	l.waiting = nil
	l.mu.Unlock()
	for _, tx := range waiting {
		for _, w := range tx.writes {
			l.makeTable(w.name)
		}
		l.to.mu.Lock()
		var own []*write // a write is settled by whoever applies it
		for _, w := range tx.writes {
			clone := *w
			own = append(own, &clone)
		}
		err := l.to.commit(&commit{user: tx.user, version: tx.version, writes: own, from: l})
		l.to.mu.Unlock()
		if err != nil {
			panic(fmt.Sprintf("harpertest: replicate: %v", err)) // unreachable: what was written once can be written again
		}
		l.mu.Lock()
		l.last = tx.version
		l.mu.Unlock()
	}
}

// makeTable makes a table as the sender has it.
func (l *Link) makeTable(name audit.Table) {
	l.from.mu.RLock()
	t := l.from.table(name)
	var sc schema
	if t != nil {
		sc = t.schema
	}
	l.from.mu.RUnlock()
	l.to.mu.Lock()
	defer l.to.mu.Unlock()
	if l.to.table(name) == nil && t != nil {
		sc.attrs = slices.Clone(sc.attrs)
		l.to.addTable(name, sc)
	}
}

// BaseCopy gives the receiver all records that the sender has, as a node that
// joins gets them, or one that was away for too long: none of them is in its
// log, which says nothing but that each table was loaded anew.
func (l *Link) BaseCopy() {
	l.from.mu.RLock()
	type copied struct {
		name    audit.Table
		records []record
	}
	var all []copied
	for _, db := range l.from.dbs {
		for _, t := range db.sortedTables() {
			if db.name == "system" {
				continue
			}
			c := copied{name: t.Table}
			for _, r := range t.living() {
				c.records = append(c.records, record{id: r.id, value: r.value, version: r.version})
			}
			all = append(all, c)
		}
	}
	l.from.mu.RUnlock()
	for _, c := range all {
		l.makeTable(c.name)
		l.to.mu.Lock()
		l.to.load(l, c.name, c.records)
		l.to.mu.Unlock()
	}
}

// load stores records without a log and writes that it did; the lock is held.
func (s *Server) load(l *Link, name audit.Table, records []record) {
	t := s.table(name)
	for _, o := range records {
		r := t.rec(o.id)
		if r.exists && r.version >= o.version {
			continue
		}
		r.exists, r.value, r.version, r.localTime = true, o.value, o.version, o.version
		t.learnFrom(o.value)
	}
	c := &commit{version: max(s.now(), after(s.lastVersion)), from: l}
	s.lastVersion = c.version
	e := &entry{Entry: Entry{LocalTime: c.version, Version: c.version, Table: name, Type: "reload", EndTxn: s.line == RocksDB}}
	if s.line == LMDB {
		e.LocalTime = s.nextLocal(c, t)
	}
	s.add(c, t, e)
}
