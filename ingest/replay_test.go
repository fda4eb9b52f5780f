package ingest

import (
	"context"
	"slices"
	"testing"
	"time"

	"recourse/audit"
	"recourse/internal/harpertest"
	"recourse/store"
)

// tailer is a tailer of the replayed server.
func (r *replay) tailer(t *testing.T, db *store.DB) *Tailer {
	t.Helper()
	return NewTailer(Options{
		Server: &wire{srv: r.srv, tables: r.tables}, Store: db, Node: "n1", System: []string{},
		Now: func() time.Time { return r.now.Go() },
	})
}

// TestReplayTail: at each moment at which the log was polled, the replayed server
// shows what the real one did; and a tailer that polls then has in the end stored
// the whole incident, each change once, and trusts no image that is wrong.
func TestReplayTail(t *testing.T) {
	for _, line := range []harpertest.Line{harpertest.LMDB, harpertest.RocksDB} {
		t.Run(line.String(), func(t *testing.T) {
			t.Parallel()
			r, db := newReplay(t, line), simStore(t, nil)
			defer db.Close()
			tl, ctx := r.tailer(t, db), context.Background()
			if err := tl.load(ctx); err != nil {
				t.Fatal(err)
			}
			polls := captured(t, line)
			if len(polls) != 147 {
				t.Errorf("%d polls, want 147", len(polls))
			}
			for _, p := range polls {
				r.until(t, p.at)
				r.shows(t, p)
				server, err := tl.serverTime(ctx)
				if err != nil {
					t.Fatal(err)
				}
				tb := tl.table(target{table: p.table, primary: "id"})
				if _, err := tl.poll(ctx, tb, server); err != nil {
					t.Fatal(err)
				}
				if tb.rescanDue(server, tl.tiers()) {
					if _, err := tl.rescan(ctx, tb, server); err != nil {
						t.Fatal(err)
					}
				}
			}
			r.compare(t, db)
		})
	}
}

// compare holds what is stored against the raw log.
func (r *replay) compare(t *testing.T, db *store.DB) {
	t.Helper()
	total, doubled, patches := 0, 0, map[audit.Trust][2]int{} // of which so many are wrong
	seen := map[fact]int{}
	for c, err := range db.Follow(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		total++
		f := fact{c.Key.Table, c.Key.ID, c.Time, c.Op.Kind()}
		nth := seen[f]
		if seen[f]++; nth >= len(r.entries[f]) {
			doubled++
			t.Errorf("%s: stored and not in the raw log", f)
			continue
		}
		e, image := r.entries[f][nth], r.images[f][nth]
		if c.User != e.User {
			t.Errorf("%s: by %q, want %q", f, c.User, e.User)
		}
		right := c.After.State == audit.Present && c.After.Body.Equal(image) || c.After.State == audit.Absent && image == nil
		if !right && c.After.Trust > audit.Provisional {
			t.Errorf("%s (%s): the %s image is %s, want %s", f, e.Type, c.After.Trust, c.After.Body.JSON(), image.JSON())
		}
		if e.Type == "patch" {
			n := patches[c.After.Trust]
			if n[0]++; !right {
				n[1]++
			}
			patches[c.After.Trust] = n
		}
	}
	if total != incidentLength || doubled > 0 {
		t.Errorf("%d changes stored, %d of them doubled, want %d", total, doubled, incidentLength)
	}
	if n := patches[audit.Prompt]; n[0]*5 < (n[0]+patches[audit.Provisional][0])*4 {
		t.Errorf("only %d patch images are prompt", n[0])
	}
	for trust, n := range patches {
		t.Logf("%d patch images are %s, %d of them wrong", n[0], trust, n[1])
	}
	t.Logf("%d of %d changes, %d doubled", total, incidentLength, doubled)
}

// hiddenLate is how many entries no reading can show when all is over.
var hiddenLate = map[harpertest.Line]map[string]int{
	harpertest.LMDB:    {"shop.orders": 10, "shop.sessions": 32},
	harpertest.RocksDB: {"shop.products": 10, "shop.sessions": 32},
}

// TestReplayLate: whoever reads the log first when all is over finds everything
// that can still be read, and exactly where the rest was.
func TestReplayLate(t *testing.T) {
	for _, line := range []harpertest.Line{harpertest.LMDB, harpertest.RocksDB} {
		t.Run(line.String(), func(t *testing.T) {
			t.Parallel()
			r, db := newReplay(t, line), simStore(t, nil)
			defer db.Close()
			r.until(t, 1795472700000)
			tl := r.tailer(t, db)
			if _, err := tl.Once(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.late(t, db, tl.o.Server.(*wire))
		})
	}
}

func (r *replay) late(t *testing.T, db *store.DB, w *wire) {
	t.Helper()
	stored := map[fact]int{}
	for c, err := range db.Follow(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		stored[fact{c.Key.Table, c.Key.ID, c.Time, c.Op.Kind()}]++
	}
	spans, err := db.Spans(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gaps, err := db.Gaps(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v := &verdict{spans: spans, gaps: gaps}
	hidden, gone, total := map[string]int{}, 0, 0
	at := map[audit.Table][]audit.Time{}
	for f, entries := range r.entries {
		for n, e := range entries {
			l := &logged{Entry: e, fact: f}
			if n < stored[f] {
				total++
				continue
			}
			switch {
			case w.shows(l):
				t.Errorf("%s (%s): it is shown at %s, and not stored", f, e.Type, e.LocalTime)
			case v.claimed("n1", e.Table, e.LocalTime):
				t.Errorf("%s (%s): not stored, and %s is said to be read", f, e.Type, e.LocalTime)
			}
			if e.Table == reviews {
				gone++
				continue
			}
			hidden[e.Table.String()]++
			at[e.Table] = append(at[e.Table], e.LocalTime)
		}
	}
	unreadable := 0
	for _, g := range gaps {
		if g.Kind != audit.GapUnreadable {
			continue
		}
		unreadable++
		if g.To-g.From > narrowest || !slices.ContainsFunc(at[g.Table], func(e audit.Time) bool { return g.From <= e && e < g.To }) {
			t.Errorf("a gap where no entry is hidden: %+v", g)
		}
	}
	t.Logf("%d changes stored, %v entries unreadable in %d gaps, %d deleted before the first reading; %d requests", total, hidden, unreadable, gone, w.sent)
	for table, n := range hiddenLate[r.srv.Line()] {
		if hidden[table] != n {
			t.Errorf("%d entries of %s are hidden, want %d", hidden[table], table, n)
		}
	}
}
