package ingest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/harper"
	"recourse/internal/harpertest"
	"recourse/store"
)

var (
	dogs = audit.Table{Database: "kennel", Name: "dogs"}
	cats = audit.Table{Database: "kennel", Name: "cats"}
)

func eachLine(t *testing.T, test func(t *testing.T, srv *harpertest.Server)) {
	for _, line := range []harpertest.Line{harpertest.LMDB, harpertest.RocksDB} {
		t.Run(line.String(), func(t *testing.T) {
			srv := harpertest.New(harpertest.Options{Line: line})
			t.Cleanup(func() { srv.Close() })
			for _, table := range []audit.Table{dogs, cats} {
				srv.CreateTable(table, harpertest.Schema{Exported: true})
			}
			test(t, srv)
		})
	}
}

func clientOf(t *testing.T, srv *harpertest.Server) *harper.Client {
	t.Helper()
	c, err := harper.New(harper.Options{Target: srv.OpsURL(), Username: "admin", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func tailer(t *testing.T, srv *harpertest.Server, db *store.DB) *ingest.Tailer {
	return ingest.NewTailer(ingest.Options{Server: clientOf(t, srv), Store: db, Node: "n1", System: []string{}})
}

func once(t *testing.T, tl *ingest.Tailer) audit.Appended {
	t.Helper()
	got, err := tl.Once(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func put(t *testing.T, srv *harpertest.Server, table audit.Table, id string, fields map[string]any) {
	t.Helper()
	write(t, srv.Put, table, id, fields)
}

func patch(t *testing.T, srv *harpertest.Server, table audit.Table, id string, fields map[string]any) {
	t.Helper()
	write(t, srv.Patch, table, id, fields)
}

func write(t *testing.T, how func(string, audit.Table, audit.ID, audit.Value) error, table audit.Table, id string, fields map[string]any) {
	t.Helper()
	v, err := audit.Of(fields)
	if err != nil {
		t.Fatal(err)
	}
	if err := how("ann", table, idOf(t, id), v); err != nil {
		t.Fatal(err)
	}
}

func idOf(t *testing.T, id string) audit.ID {
	t.Helper()
	got, err := audit.ParseID(id)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func changesOf(t *testing.T, db *store.DB) []audit.Change {
	t.Helper()
	var all []audit.Change
	for c, err := range db.Follow(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// TestTailStoresEachChangeOnce: polls overlap, and what they read again is known.
func TestTailStoresEachChangeOnce(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		db := openStore(t)
		put(t, srv, dogs, "1", map[string]any{"id": 1, "name": "rex"})
		put(t, srv, dogs, `"1"`, map[string]any{"id": "1", "name": "not rex"})
		if got := once(t, tailer(t, srv, db)); got.New != 2 {
			t.Fatalf("first poll: %+v, want 2 new", got)
		}
		patch(t, srv, dogs, "1", map[string]any{"name": "max"})
		put(t, srv, cats, "1", map[string]any{"id": 1, "name": "tom"})
		if got := once(t, tailer(t, srv, db)); got.New != 2 || got.Known != 2 {
			t.Fatalf("second poll, by a new tailer: %+v, want 2 new and 2 known", got)
		}
		if got := once(t, tailer(t, srv, db)); got.New != 0 || got.Divergences != 0 {
			t.Fatalf("third poll: %+v, want nothing new", got)
		}
		for _, c := range changesOf(t, db) {
			if c.User != "ann" || c.Lossy {
				t.Errorf("%s: user %q, lossy %v", c.Key, c.User, c.Lossy)
			}
			if c.Op == audit.OpPatch && (c.After.Trust != audit.Prompt || c.Before.Body.Get("name").Text() != "rex") {
				t.Errorf("the patch: trust %s, before %s", c.After.Trust, c.Before.Body.JSON())
			}
		}
	})
}

// TestTailKeepsFirstImage: Harper shows another image of a patch once the record
// has changed again; the one that was read first stands.
func TestTailKeepsFirstImage(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		db := openStore(t)
		put(t, srv, dogs, "1", map[string]any{"id": 1, "name": "first", "stock": 10})
		patch(t, srv, dogs, "1", map[string]any{"stock": 11})
		once(t, tailer(t, srv, db))
		put(t, srv, dogs, "1", map[string]any{"id": 1, "name": "second", "other": true})
		once(t, tailer(t, srv, db))
		changes := changesOf(t, db)
		if len(changes) != 3 {
			t.Fatalf("%d changes stored, want 3", len(changes))
		}
		if after := changes[1].After; after.Body.Get("name").Text() != "first" || after.Trust != audit.Prompt {
			t.Errorf("the patch's image is now %s (%s), want the one read first", after.Body.JSON(), after.Trust)
		}
	})
}

// TestTailMarksProvisional: a patch that is read when the record has changed
// again may show a wrong image, and is marked.
func TestTailMarksProvisional(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		db := openStore(t)
		put(t, srv, dogs, "1", map[string]any{"id": 1, "name": "first", "stock": 10})
		patch(t, srv, dogs, "1", map[string]any{"stock": 11})
		put(t, srv, dogs, "1", map[string]any{"id": 1, "name": "second"})
		once(t, tailer(t, srv, db))
		if got := changesOf(t, db)[1].After; got.Trust != audit.Provisional {
			t.Errorf("the patch's image is %s, want provisional", got.Trust)
		}
	})
}

// unreadableGaps are the stored gaps in which Harper hides something.
func unreadableGaps(t *testing.T, db *store.DB) []audit.Gap {
	t.Helper()
	gaps, err := db.Gaps(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(gaps, func(g audit.Gap) bool { return g.Kind != audit.GapUnreadable || g.Healed != 0 })
}

// poison makes an entry that the server of either line cannot read.
func poison(t *testing.T, srv *harpertest.Server, id string) {
	t.Helper()
	put(t, srv, dogs, id, map[string]any{"id": 7, "a": 1})
	patch(t, srv, dogs, id, map[string]any{"a": 2})
	if srv.Line() == harpertest.RocksDB {
		put(t, srv, dogs, id, map[string]any{"id": 7, "a": 3})
		patch(t, srv, dogs, id, map[string]any{"a": 4})
		return
	}
	patch(t, srv, dogs, id, map[string]any{"b": 3})
	if err := srv.Delete("ann", dogs, idOf(t, id)); err != nil {
		t.Fatal(err)
	}
}

// TestTailReadsAroundUnreadable: entries that the server cannot read become
// gaps; everything around them is stored; and later polls do not search for
// them again.
func TestTailReadsAroundUnreadable(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		db := openStore(t)
		for i := range 40 {
			put(t, srv, dogs, fmt.Sprint(100+i), map[string]any{"id": 100 + i})
			if i%20 == 10 {
				poison(t, srv, fmt.Sprint(7+i))
			}
		}
		var requests atomic.Int64
		srv.SetFault(func(harpertest.Request) harpertest.Fault { requests.Add(1); return harpertest.Fault{} })
		tl := tailer(t, srv, db)
		once(t, tl)
		first := requests.Swap(0)
		whole := 0
		for _, e := range changesOf(t, db) {
			if e.Time > 0 {
				whole++
			}
		}
		gaps := unreadableGaps(t, db)
		if len(gaps) == 0 || whole+len(gaps) != 48 {
			t.Fatalf("%d changes stored and %d gaps, of 48 entries", whole, len(gaps))
		}
		for _, g := range gaps {
			if g.To-g.From > 0.001 || g.Reason == "" {
				t.Errorf("gap %+v: want it narrow, with the server's reason", g)
			}
		}
		put(t, srv, dogs, "999", map[string]any{"id": 999})
		if got := once(t, tl); got.New != 1 || got.Gaps != 0 {
			t.Errorf("the next poll: %+v, want 1 new and no gap", got)
		}
		if again := requests.Load(); again > first/4 {
			t.Errorf("the next poll took %d requests, the first %d", again, first)
		}
	})
}

// TestTailBrokenConnection: an answer that a broken connection cuts off is an
// error, not a gap, and moves no cursor.
func TestTailBrokenConnection(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		db := openStore(t)
		for i := range 50 {
			put(t, srv, dogs, fmt.Sprint(i), map[string]any{"id": i, "text": "some text that takes room"})
		}
		srv.SetFault(func(r harpertest.Request) harpertest.Fault {
			if r.Operation == "read_audit_log" {
				return harpertest.Fault{Cut: true, CutAt: 1500}
			}
			return harpertest.Fault{}
		})
		if _, err := tailer(t, srv, db).Once(t.Context()); err == nil {
			t.Fatal("no error")
		}
		if gaps := unreadableGaps(t, db); len(gaps) > 0 {
			t.Errorf("gaps were made of a broken connection: %+v", gaps)
		}
		if n := db.Last(); n > 0 {
			t.Errorf("%d changes stored of an answer that broke off", n)
		}
		srv.SetFault(nil)
		if got := once(t, tailer(t, srv, db)); got.New != 50 {
			t.Errorf("afterwards: %+v, want 50 new", got)
		}
	})
}

// TestTailUnderFaults: whatever order of faults and writes, what is stored in
// the end is the log.
func TestTailUnderFaults(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		for seed := range uint64(6) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			db := openStore(t)
			faulty := true
			srv.SetFault(func(r harpertest.Request) harpertest.Fault {
				if !faulty || r.Operation != "read_audit_log" {
					return harpertest.Fault{}
				}
				switch rnd.IntN(4) {
				case 0:
					return harpertest.Fault{Status: 503}
				case 1:
					return harpertest.Fault{Cut: true, CutAt: rnd.IntN(4000)}
				}
				return harpertest.Fault{}
			})
			tl := tailer(t, srv, db)
			for i := range 60 {
				table := []audit.Table{dogs, cats}[rnd.IntN(2)]
				put(t, srv, table, fmt.Sprint(rnd.IntN(20)), map[string]any{"id": i, "n": i})
				switch rnd.IntN(8) {
				case 0:
					_, _ = tl.Once(t.Context()) // faults are what this is about
				case 1:
					tl = tailer(t, srv, db) // a restart
				}
			}
			faulty = false
			once(t, tl)
			if got, want := int(db.Last()), len(srv.Entries("kennel")); got != want {
				t.Errorf("seed %d: %d changes stored, the log has %d", seed, got, want)
			}
			if gaps := unreadableGaps(t, db); len(gaps) > 0 {
				t.Errorf("seed %d: gaps %+v", seed, gaps)
			}
		}
	})
}

// TestTailOutage: a cursor older than Harper's retention leaves a gap.
func TestTailOutage(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		db := openStore(t)
		old := srv.Now() - audit.Time((96 * time.Hour).Milliseconds())
		_, err := db.Append(t.Context(), audit.Batch{Cursors: []audit.Cursor{{Node: "n1", Table: dogs, Time: old}}})
		if err != nil {
			t.Fatal(err)
		}
		once(t, tailer(t, srv, db))
		gaps, _ := db.Gaps(t.Context())
		gaps = slices.DeleteFunc(gaps, func(g audit.Gap) bool { return g.Kind != audit.GapOutage })
		if len(gaps) != 1 {
			t.Fatalf("%+v, want one outage", gaps)
		}
		if gaps[0].From != old || gaps[0].Table != dogs {
			t.Errorf("gap %+v, want it to begin at the cursor %s", gaps[0], old)
		}
	})
}

// TestTailRedactsSecrets: the system tables are tailed, their secrets are not.
func TestTailRedactsSecrets(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		db := openStore(t)
		c := clientOf(t, srv)
		_, err := c.Call(t.Context(), map[string]any{
			"operation": "add_user", "username": "eve", "password": "hunter2", "role": "super_user", "active": true,
		})
		if err != nil {
			t.Fatal(err)
		}
		tl := ingest.NewTailer(ingest.Options{Server: c, Store: db, Node: "n1"})
		once(t, tl)
		if _, err := c.Call(t.Context(), map[string]any{"operation": "alter_user", "username": "eve", "password": "hunter3"}); err != nil {
			t.Fatal(err)
		}
		once(t, tl)
		seen := map[string]bool{}
		for _, c := range changesOf(t, db) {
			if c.Key.Table.Name == "hdb_user" && c.Key.ID == `"eve"` {
				p := c.After.Body.Get("password").Text()
				seen[p] = true
				if len(p) > len("[redacted 12345678]") || !strings.HasPrefix(p, "[redacted") {
					t.Errorf("stored password: %q", p)
				}
			}
		}
		if len(seen) != 2 {
			t.Errorf("the new user and the change of password are not told apart: %v", seen)
		}
	})
}

// TestRunSeesNewTables: a table made while the tailer runs is tailed too, and a
// stop is no error.
func TestRunSeesNewTables(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		db := openStore(t)
		stored := make(chan audit.Table, 100)
		tl := ingest.NewTailer(ingest.Options{
			Server: clientOf(t, srv), Store: db, Node: "n1", System: []string{},
			Interval: 5 * time.Millisecond, Discover: 10 * time.Millisecond,
			Stored: func(_ context.Context, table audit.Table, _ audit.Appended) { stored <- table },
		})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- tl.Run(ctx) }()
		put(t, srv, dogs, "1", map[string]any{"id": 1})
		if got := <-stored; got != dogs {
			t.Errorf("stored %s first", got)
		}
		late := audit.Table{Database: "late", Name: "comers"}
		srv.CreateTable(late, harpertest.Schema{})
		put(t, srv, late, "1", map[string]any{"id": 1})
		if got := <-stored; got != late {
			t.Errorf("stored %s second", got)
		}
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run ended with %v", err)
		}
	})
}
