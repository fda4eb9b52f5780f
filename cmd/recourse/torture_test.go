package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
	"recourse/internal/harpertest"
	"recourse/store"
)

// TestTorture kills watch again and again with SIGKILL, at moments drawn by
// chance, while a server is written to without a pause. After each kill the
// store is whole, and holds all that its cursors and spans say was read; at the
// end nothing is lost, and nothing stored twice. Then it is told to end, in the
// middle of the work, and ends within five seconds.
func TestTorture(t *testing.T) {
	kills := func(n int) int {
		if testing.Short() {
			return n / 5
		}
		return n
	}
	for _, x := range []struct {
		line  harpertest.Line
		feed  string
		kills int
	}{
		{harpertest.LMDB, "", 25}, {harpertest.RocksDB, "", 25},
		{harpertest.LMDB, "component", 5}, {harpertest.RocksDB, "component", 5}, {harpertest.RocksDB, "events", 5},
	} {
		t.Run(fmt.Sprint(x.line, x.feed), func(t *testing.T) {
			t.Parallel()
			r := builtin(t, x.line, x.feed)
			torture(t, r, kills(x.kills), 20*time.Millisecond)
		})
	}
	t.Run("live", func(t *testing.T) { torture(t, live(t), 50, 0) })
}

func torture(t *testing.T, r rig, kills int, pause time.Duration) {
	s := newSite(t, r)
	w := startWriting(t, s, pause)
	dice := rand.New(rand.NewPCG(uint64(kills), uint64(len(r.feed))))
	k := &checkpoint{site: s, stored: map[string]bool{}, logged: map[audit.Table]map[string]audit.Time{}, from: s.start - 1000}
	for n := range kills {
		watch := startWatch(t, s)
		if n%3 > 0 { // else in the middle of beginning, perhaps
			watch.awaitStored(t)
		}
		time.Sleep(time.Duration(dice.Int64N(int64(500 * time.Millisecond))))
		watch.kill(t)
		k.check(t)
		if n%10 == 9 {
			s.verify(t)
		}
		if t.Failed() {
			t.Fatalf("after %d kills", n+1)
		}
	}
	w.pause.Store(0)
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		watch := startWatch(t, s)
		watch.awaitStored(t)
		watch.end(t, signal)
		k.check(t)
	}
	made := w.end(t)
	s.once(t)
	s.verify(t)
	compareWithLog(t, s, made)
	t.Logf("%d kills", kills)
	s.drop(t)
}

func (w *watching) awaitStored(t *testing.T) {
	t.Helper()
	select {
	case <-w.stored:
	case <-w.read:
		t.Fatalf("watch has ended: %v\n%s", w.cmd.Wait(), w.said())
	case <-time.After(time.Minute):
		t.Fatalf("watch has stored nothing in a minute\n%s", w.said())
	}
}

// end tells watch to end, and gives it the five seconds.
func (w *watching) end(t *testing.T, signal os.Signal) {
	t.Helper()
	began := time.Now()
	if err := w.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	<-w.read
	if err := w.cmd.Wait(); err != nil {
		t.Errorf("on %v: %v\n%s", signal, err, w.said())
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("on %v watch took %v to end", signal, took)
	}
}

// verify has the program itself check the store.
func (s *site) verify(t *testing.T) {
	t.Helper()
	if out, err := command(s.rig, s.data, "verify").CombinedOutput(); err != nil {
		t.Errorf("verify: %v\n%s", err, out)
	}
}

// A checkpoint is what was found in the store and in the log up to the last kill.
type checkpoint struct {
	*site
	head   audit.Seq
	stored map[string]bool
	logged map[audit.Table]map[string]audit.Time // what the log shows and was not yet in the store
	from   audit.Time                            // where to read the log on
}

func (k *checkpoint) check(t *testing.T) {
	t.Helper()
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
		if g.Healed == 0 && g.Kind != audit.GapBefore && (g.Table == k.table || g.Table == k.restTable) {
			t.Errorf("a gap in %s (%s): %s", g.Table, g.Kind, g.Reason)
		}
	}
}
