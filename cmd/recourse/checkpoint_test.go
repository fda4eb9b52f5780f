package main

import (
	"path/filepath"
	"testing"

	"recourse/audit"
	"recourse/internal/harper"
	"recourse/store"
)

// A checkpoint is what was found in the store and in the log up to the last kill.
type checkpoint struct {
	*site
	head   audit.Seq
	stored map[string]bool
	logged map[audit.Table]map[string]audit.Time // what the log shows and was not yet in the store
	from   audit.Time                            // where to read the log on
}

func newCheckpoint(s *site) *checkpoint {
	return &checkpoint{site: s, stored: map[string]bool{}, logged: map[audit.Table]map[string]audit.Time{}, from: s.start - 1000}
}

// check opens the store and holds it against the log.
func (k *checkpoint) check(t *testing.T) {
	t.Helper()
	free, err := untilExec() // the next to open the store is another process
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := free(); err != nil {
			t.Error(err)
		}
	}()
	db, err := store.Open(filepath.Join(k.data, "store"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	v, err := db.Verify(t.Context(), func(problem string) { t.Error(problem) })
	if err != nil || v.Problems != 0 || db.Last() < k.head {
		t.Fatalf("%d problems, %d changes where there were %d: %v", v.Problems, db.Last(), k.head, err)
	}
	for c, err := range db.Follow(t.Context(), k.head) {
		if err != nil {
			t.Fatal(err)
		}
		k.head = c.Seq
		if !k.wrote(c.Key) {
			continue
		}
		name := changeName(c.Key, c.Time, c.Op.Kind())
		if k.stored[name] {
			t.Errorf("stored twice: %s", name)
		}
		k.stored[name] = true
	}
	k.readLog(t)
	k.compare(t, db)
}

// readLog reads what the log has that it did not have at the last kill.
func (k *checkpoint) readLog(t *testing.T) {
	t.Helper()
	now, _, err := k.client.ServerTime(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range k.tables() {
		if k.logged[table] == nil {
			k.logged[table] = map[string]audit.Time{}
		}
		for row, err := range k.client.AuditLog(t.Context(), harper.AuditQuery{Table: table, From: k.from, To: now}) {
			if err != nil {
				t.Fatalf("read the log: %v", err)
			}
			if key := (audit.Key{Table: table, ID: row.ID}); k.wrote(key) {
				k.logged[table][changeName(key, row.Time, row.Operation.Kind())] = row.Time
			}
		}
	}
	k.from = now - settled
}

// settled is how long, in milliseconds, a change may take until it stands in the
// log for good: its time is that of its begin, and the log's that of its commit.
const settled = 2000

// compare makes sure that all is stored that the cursors and the spans say was
// read, and that nothing is said not to be readable.
func (k *checkpoint) compare(t *testing.T, db *store.DB) {
	t.Helper()
	cursors, err := db.Cursors(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	spans, err := db.Spans(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cursors {
		spans = append(spans, audit.Span{Table: c.Table, To: c.Time})
	}
	for table, logged := range k.logged {
		for name, at := range logged {
			if k.stored[name] {
				delete(logged, name)
				continue
			}
			for _, s := range spans {
				if s.Table == table && s.From <= at && at < s.To-settled {
					t.Errorf("%s was read from %s to %s, but is not stored: %s", table, s.From, s.To, name)
				}
			}
		}
	}
	gaps, err := db.Gaps(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range gaps {
		if g.Healed == 0 && g.Kind != audit.GapBefore && (g.Table == k.table || g.Table == k.restTable && !k.shared) {
			t.Errorf("a gap in %s (%s): %s", g.Table, g.Kind, g.Reason)
		}
	}
}
