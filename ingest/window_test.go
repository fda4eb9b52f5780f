package ingest_test

import (
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/harper"
)

// entriesOf is a log with an entry at each time.
func entriesOf(times []audit.Time, before func(harper.AuditQuery) error) func(harper.AuditQuery) iter.Seq2[harper.AuditRow, error] {
	return func(q harper.AuditQuery) iter.Seq2[harper.AuditRow, error] {
		return func(yield func(harper.AuditRow, error) bool) {
			if err := before(q); err != nil {
				yield(harper.AuditRow{}, err)
				return
			}
			for i, at := range times {
				if at >= q.From && (q.To == 0 || at < q.To) && !yield(harper.AuditRow{
					Operation: "insert", Time: at, Size: 1, IDsField: true, ID: audit.ID(fmt.Sprint(i)), Record: audit.Object(nil),
				}, nil) {
					return
				}
			}
		}
	}
}

// TestTailNarrowsWindows: where Harper fails at the size of what it is asked
// for, less is asked for at once, and everything is read in the end.
func TestTailNarrowsWindows(t *testing.T) {
	for name, failure := range map[string]error{
		"timeout": harper.ErrTimeout, "busy": &harper.Error{Status: 503}, "failure": &harper.Error{Status: 500},
	} {
		t.Run(name, func(t *testing.T) {
			db, f := openStore(t), newFake()
			var times []audit.Time
			for i := range 300 {
				times = append(times, f.clock-audit.Time(i)*600_000-1) // two days, ten minutes apart
			}
			slices.Reverse(times)
			widest := audit.Time(0)
			f.log = entriesOf(times, func(q harper.AuditQuery) error {
				n := 0
				for _, at := range times {
					if at >= q.From && (q.To == 0 || at < q.To) {
						n++
					}
				}
				if n > 20 {
					return failure
				}
				widest = max(widest, q.To-q.From)
				return nil
			})
			got := once(t, f.tailer(db))
			if got.New != len(times) || int(db.Last()) != len(times) {
				t.Errorf("%+v, want %d new", got, len(times))
			}
			if gaps := unreadableGaps(t, db); len(gaps) > 0 {
				t.Errorf("gaps %+v", gaps)
			}
			spans, err := db.Spans(t.Context())
			if err != nil || len(spans) != 1 || spans[0].From > times[0] || spans[0].To != f.clock {
				t.Errorf("spans %+v, %v: want one from the oldest entry to now", spans, err)
			}
		})
	}
}

// TestTailGivesUpWhatHarperCannotAnswer: one transaction that Harper never gets
// through is a gap, is not asked for again, and hides nothing else.
func TestTailGivesUpWhatHarperCannotAnswer(t *testing.T) {
	db, f := openStore(t), newFake()
	bulk := f.clock - 4e7
	times := []audit.Time{f.clock - 5e7, f.clock - 3e7, f.clock - 1000}
	asked := 0
	f.log = entriesOf(times, func(q harper.AuditQuery) error {
		if q.From <= bulk && (q.To == 0 || bulk < q.To) {
			asked++
			return harper.ErrTimeout
		}
		return nil
	})
	tl := f.tailer(db)
	if got := once(t, tl); got.New != len(times) {
		t.Errorf("%+v, want %d new", got, len(times))
	}
	gaps := unreadableGaps(t, db)
	if len(gaps) != 1 || gaps[0].From > bulk || gaps[0].To <= bulk || gaps[0].To-gaps[0].From > 2 {
		t.Fatalf("gaps %+v, want one of a millisecond around %v", gaps, bulk)
	}
	if asked > 16 {
		t.Errorf("%d requests met it", asked)
	}
	slow, err := db.SlowWindows(t.Context())
	if err != nil || len(slow) != 1 || slow[0].Entries != 0 {
		t.Errorf("slow windows %+v, %v", slow, err)
	}
	asked = 0
	for _, tl := range []*ingest.Tailer{tl, f.tailer(db)} { // also after a restart
		f.clock += 25 * 3600_000 // every re-scan is due
		times = append(times, f.clock-1000)
		f.log = entriesOf(times, func(q harper.AuditQuery) error {
			if q.From <= bulk && (q.To == 0 || bulk < q.To) {
				asked++
				return harper.ErrTimeout
			}
			return nil
		})
		once(t, tl)
	}
	if asked > 0 {
		t.Errorf("it was asked for %d times again", asked)
	}
}

// TestTailLeavesSlowGroupsOut: a group that took Harper long to read is read
// once, and left out when the log is read again.
func TestTailLeavesSlowGroupsOut(t *testing.T) {
	db, f := openStore(t), newFake()
	bulk := f.clock - 30_000
	times := []audit.Time{f.clock - 40_000, bulk, f.clock - 20_000}
	now := f.clock.Go()
	reads := 0
	f.log = func(q harper.AuditQuery) iter.Seq2[harper.AuditRow, error] {
		return func(yield func(harper.AuditRow, error) bool) {
			for row, err := range entriesOf(times, func(harper.AuditQuery) error { return nil })(q) {
				if row.Time == bulk {
					now = now.Add(time.Minute)
					reads++
				}
				if !yield(row, err) {
					return
				}
			}
		}
	}
	tl := ingest.NewTailer(ingest.Options{Server: f, Store: db, Node: "n1", System: []string{}, Now: func() time.Time { return now }})
	once(t, tl)
	slow, err := db.SlowWindows(t.Context())
	if err != nil || len(slow) != 1 || slow[0].From != bulk || slow[0].Entries != 1 || slow[0].Took < 59_000 {
		t.Fatalf("slow windows %+v, %v", slow, err)
	}
	f.clock += 61_000
	now = now.Add(time.Second)
	once(t, tl)
	if db.Last() != 3 || reads != 1 {
		t.Errorf("%d changes stored, the slow group was read %d times; want 3 and once", db.Last(), reads)
	}
}

// TestTailOutageAlert: a horizon that overtakes the cursor leaves a gap and an
// alert, in one commit with the cursor.
func TestTailOutageAlert(t *testing.T) {
	db, f := openStore(t), newFake()
	f.log = entriesOf([]audit.Time{f.clock - 1000}, func(harper.AuditQuery) error { return nil })
	once(t, f.tailer(db))
	f.clock += 5 * 24 * 3600_000
	once(t, f.tailer(db))
	alerts, err := db.Alerts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(alerts, func(a audit.Alert) bool { return a.Rule == string(ingest.LogOutage) }) {
		t.Errorf("alerts %+v, want one of %s", alerts, ingest.LogOutage)
	}
	gaps, _ := db.Gaps(t.Context())
	spans, _ := db.Spans(t.Context())
	lost := audit.CoverageOf(dogs, spans, gaps, f.clock-4*24*3600_000-3600_000, f.clock-3*24*3600_000-60_000)
	if len(lost) != 1 || lost[0].Cover != audit.CoverGap {
		t.Errorf("what was not read for too long is %+v, want a gap", lost)
	}
}
