package ingest_test

import (
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/harper"
	"recourse/internal/harpertest"
)

// TestTailNamelessEntryStaysAGap: an entry whose key cannot be read is no better
// known when the log is read again.
func TestTailNamelessEntryStaysAGap(t *testing.T) {
	db, f := openStore(t), newFake()
	at := f.clock - 1000
	f.log = func(q harper.AuditQuery) iter.Seq2[harper.AuditRow, error] {
		return func(yield func(harper.AuditRow, error) bool) {
			if q.From <= at && (q.To == 0 || at < q.To) {
				yield(harper.AuditRow{Operation: "insert", Time: at, Size: 1, Err: errors.New("no key")}, nil)
			}
		}
	}
	tl := ingest.NewTailer(ingest.Options{Server: f, Store: db, Node: "n1", System: []string{}, Now: func() time.Time { return f.clock.Go() }})
	for range 3 {
		once(t, tl)
		f.clock += 25 * 3600 * 1000
	}
	if gaps := unreadableGaps(t, db); len(gaps) != 1 || gaps[0].From != at {
		t.Errorf("the gaps are %+v, want one at %s", gaps, at)
	}
}

// TestTailServerHangs: that a server answers nothing for a while leaves no gap.
func TestTailServerHangs(t *testing.T) {
	db, f := openStore(t), newFake()
	hangs := true
	f.log = func(q harper.AuditQuery) iter.Seq2[harper.AuditRow, error] {
		return func(yield func(harper.AuditRow, error) bool) {
			at := f.clock - 100*3600*1000
			switch {
			case hangs:
				yield(harper.AuditRow{}, fmt.Errorf("read: %w", harper.ErrTimeout))
			case q.From <= at && (q.To == 0 || at < q.To):
				yield(harper.AuditRow{Operation: "insert", Time: at, Size: 1, ID: "1", Record: audit.Object(nil)}, nil)
			}
		}
	}
	tl := f.tailer(db)
	for range 3 {
		if _, err := tl.Once(t.Context()); !errors.Is(err, harper.ErrTimeout) {
			t.Fatalf("Once ended with %v", err)
		}
	}
	hangs = false
	if got := once(t, tl); got.New != 1 {
		t.Errorf("%+v, want 1 new", got)
	}
	if gaps := unreadableGaps(t, db); len(gaps) > 0 {
		t.Errorf("gaps %+v", gaps)
	}
}

// TestTailGapOutlivesItsEntry: that an entry which could not be read is deleted
// from the log makes it no better known.
func TestTailGapOutlivesItsEntry(t *testing.T) {
	for _, line := range []harpertest.Line{harpertest.LMDB, harpertest.RocksDB} {
		now := audit.Time(1.8e12)
		srv := harpertest.New(harpertest.Options{Line: line, Clock: func() audit.Time { now += 0.01; return now }})
		t.Cleanup(srv.Close)
		srv.CreateTable(dogs, harpertest.Schema{})
		poison(t, srv, "7")
		db := openStore(t)
		tl := ingest.NewTailer(ingest.Options{
			Server: clientOf(t, srv), Store: db, Node: "n1", System: []string{}, Now: func() time.Time { return now.Go() },
		})
		once(t, tl)
		if _, err := srv.Wipe(dogs, srv.Now()); err != nil {
			t.Fatal(err)
		}
		now += 25 * 3600 * 1000
		once(t, tl)
		if gaps := unreadableGaps(t, db); len(gaps) == 0 {
			t.Errorf("%s: the gap is gone", line)
		}
	}
}

// TestTailFirstReadingInterrupted: a first reading that a crash interrupts leaves
// no outage, and says where the log began.
func TestTailFirstReadingInterrupted(t *testing.T) {
	db, f := openStore(t), newFake()
	calls := 0
	f.log = func(q harper.AuditQuery) iter.Seq2[harper.AuditRow, error] {
		return func(yield func(harper.AuditRow, error) bool) {
			at := f.clock - 3600*1000
			if calls++; calls == 3 {
				yield(harper.AuditRow{}, harper.ErrUnreachable)
			} else if q.From <= at && (q.To == 0 || at < q.To) {
				yield(harper.AuditRow{Operation: "insert", Time: at, Size: 1, ID: "1", Record: audit.Object(nil)}, nil)
			}
		}
	}
	if _, err := f.tailer(db).Once(t.Context()); err == nil {
		t.Fatal("no error")
	}
	once(t, f.tailer(db))
	gaps, err := db.Gaps(t.Context())
	if err != nil || len(gaps) != 1 || gaps[0].Kind != audit.GapBefore || gaps[0].To != f.clock-3600*1000 {
		t.Errorf("the gaps are %+v (%v), want what was before the log began", gaps, err)
	}
}
