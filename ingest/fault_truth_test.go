package ingest

import (
	"fmt"
	"slices"

	"recourse/audit"
	"recourse/internal/harpertest"
)

// A fact is what entries of the log have in common that tell of one record,
// transaction and kind: nearly always one entry.
type fact struct {
	table   audit.Table
	id      audit.ID
	version audit.Time
	kind    audit.Kind
}

func (e fact) String() string {
	return fmt.Sprintf("%s of %s/%s at %s", e.kind, e.table.Name, e.id, e.version)
}

// A logged is an entry that was in a node's log at some time, be it gone now.
type logged struct {
	harpertest.Entry
	fact   fact
	behind bool // when it was committed, its time had been read past for long
	prompt bool // it was committed at its time
	// traceless says that it was deleted from the log, and that nobody could notice.
	traceless bool
}

// at is where the entry stands, by the clock of the log's ranges.
func (l *logged) at(line harpertest.Line) audit.Time {
	if line == harpertest.RocksDB {
		return l.Version
	}
	return l.LocalTime
}

// A truth is what one node's log has held, and what its records were. It looks
// at the server after every step of a schedule.
type truth struct {
	seen    map[string]bool
	entries []*logged
	count   map[fact]int
	newest  map[audit.Key]*logged
	// images are what a record was at any time when the fact was its newest write.
	images map[fact]map[string]bool
}

func newTruth() *truth {
	return &truth{seen: map[string]bool{}, count: map[fact]int{}, newest: map[audit.Key]*logged{}, images: map[fact]map[string]bool{}}
}

func factOf(e *harpertest.Entry) fact {
	kind := audit.KindWrite
	switch e.Type {
	case "delete":
		kind = audit.KindDelete
	case "message":
		kind = audit.KindMessage
	}
	return fact{e.Table, e.ID, e.Version, kind}
}

// look takes note of what is new. mark says of a new entry how it came.
func (tr *truth) look(srv *harpertest.Server, tables []audit.Table, mark func(*logged)) {
	nth := map[string]int{}
	for _, e := range srv.Entries(tables[0].Database) {
		name := fmt.Sprint(e.Table.Name, e.ID, e.LocalTime, e.Version, e.Type, e.User)
		nth[name]++
		name = fmt.Sprint(name, "#", nth[name])
		if tr.seen[name] {
			continue
		}
		tr.seen[name] = true
		l := &logged{Entry: e, fact: factOf(&e)}
		mark(l)
		tr.entries = append(tr.entries, l)
		if e.Type == "reload" {
			continue
		}
		tr.count[l.fact]++
		key := audit.Key{Table: e.Table, ID: e.ID}
		if old := tr.newest[key]; l.fact.kind != audit.KindMessage && (old == nil || e.Version >= old.Version) {
			tr.newest[key] = l
		}
	}
	for _, t := range tables {
		records := srv.Records(t)
		for key, l := range tr.newest {
			if key.Table != t {
				continue
			}
			if tr.images[l.fact] == nil {
				tr.images[l.fact] = map[string]bool{}
			}
			tr.images[l.fact][records[key.ID].JSON()] = true
		}
	}
}

// guessed forgets an entry of the same record and time that is stored as
// something else.
func (tr *truth) guessed(f fact, stored map[fact][]audit.Change) {
	for i, l := range tr.entries {
		if l.fact.table == f.table && l.fact.id == f.id && l.fact.version == f.version && len(stored[l.fact]) < tr.count[l.fact] {
			tr.entries = slices.Delete(tr.entries, i, i+1)
			tr.count[l.fact]--
			return
		}
	}
}

// right says that an image is what the record was after an entry of the fact:
// for one that Harper keeps whole, that; for a patch, what the record was while
// the patch was its newest write.
func (tr *truth) right(e fact, image audit.Image) bool {
	if e.kind == audit.KindDelete {
		return image.State == audit.Absent
	}
	if tr.images[e][image.Body.JSON()] {
		return true
	}
	for _, l := range tr.entries {
		if l.fact == e && (l.Type == "put" || l.Type == "message") && l.Raw.Equal(image.Body) {
			return true
		}
	}
	return false
}
