package ingest_test

import (
	"context"
	"testing"
	"time"

	"recourse/audit"
)

// TestReconcileGetsThroughManyUnreadable: reading the log for the first time by a
// reconciliation gets through a log of which much cannot be read, and counts each
// change once.
func TestReconcileGetsThroughManyUnreadable(t *testing.T) {
	db, f := openStore(t), newFake()
	unreadable(f, 4000, 2)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	got, err := f.tailer(db).Reconcile(ctx, nil, 0)
	if err != nil || len(got) != 1 || got[0].Err != nil {
		t.Fatalf("%+v, %v", got, err)
	}
	if r := got[0]; r.Logged != 2000 || r.Unreadable != 2000 || r.Healed != 2000 {
		t.Errorf("%d logged, %d unreadable, %d healed; want 2000 of each", r.Logged, r.Unreadable, r.Healed)
	}
}

// TestRescanGetsThroughManyUnreadable: entries that were read and cannot be any
// more hold no re-scan up for ever.
func TestRescanGetsThroughManyUnreadable(t *testing.T) {
	db, f := openStore(t), newFake()
	unreadable(f, 4000, 4001) // the first entry alone
	tl := f.tailer(db)
	once(t, tl)
	unreadable(f, 4000, 2)
	f.clock += 20 * 60_000
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	if _, err := tl.Once(ctx); err != nil {
		t.Fatal(err)
	}
	if gaps := unreadableGaps(t, db); len(gaps) != 1 {
		t.Errorf("%d gaps hide something, want the one entry that was never read", len(gaps))
	}
}

// TestClockThatRanAhead: what was read while the server's clock ran ahead does not
// count as read once the clock is right again and comes to those times.
func TestClockThatRanAhead(t *testing.T) {
	db, f := openStore(t), newFake()
	unreadable(f, 10, 11)
	right := f.clock
	once(t, f.tailer(db))
	f.clock = right + 300_000
	once(t, f.tailer(db))
	f.clock = right + 1000
	once(t, f.tailer(db))
	spans, err := db.Spans(t.Context())
	if err != nil || len(spans) == 0 {
		t.Fatalf("%v, %v", spans, err)
	}
	for _, s := range audit.CoverageOf(dogs, spans, nil, right+2000, right+200_000) {
		if s.Cover == audit.Covered {
			t.Errorf("said to be read: %s to %s, with the clock at %s", s.From.ISO(), s.To.ISO(), f.clock.ISO())
		}
	}
}
