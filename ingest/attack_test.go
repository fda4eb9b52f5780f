package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/harper"
	"recourse/store"
)

// A fake is a server of which a test decides what a window shows.
type fake struct {
	clock  audit.Time
	tables []harper.TableInfo
	log    func(harper.AuditQuery) iter.Seq2[harper.AuditRow, error]
	reads  int
}

func (f *fake) AuditLog(_ context.Context, q harper.AuditQuery) iter.Seq2[harper.AuditRow, error] {
	f.reads++
	return f.log(q)
}

func (f *fake) RecordHistory(context.Context, audit.Table, []audit.ID) (map[audit.ID][]harper.AuditRow, error) {
	return nil, errors.New("no history")
}

func (f *fake) DescribeAll(context.Context) ([]harper.TableInfo, error) { return f.tables, nil }

func (f *fake) ServerTime(context.Context) (audit.Time, time.Duration, error) {
	return f.clock, time.Millisecond, nil
}

func newFake() *fake {
	return &fake{clock: 1.8e12, tables: []harper.TableInfo{{Table: dogs, PrimaryKey: "id", Audit: true}}}
}

func (f *fake) tailer(db *store.DB) *ingest.Tailer {
	return ingest.NewTailer(ingest.Options{Server: f, Store: db, Node: "n1", System: []string{}})
}

// unreadable is a log of entries one millisecond apart of which every step-th
// cannot be read, until the clock.
func unreadable(f *fake, n, step int) {
	start := f.clock - 1e6
	f.log = func(q harper.AuditQuery) iter.Seq2[harper.AuditRow, error] {
		return func(yield func(harper.AuditRow, error) bool) {
			for i := max(0, int(q.From-start)); i < n; i++ {
				at := start + audit.Time(i)
				if at < q.From {
					continue
				}
				if q.To != 0 && at >= q.To {
					return
				}
				if i%step == 0 {
					yield(harper.AuditRow{}, &harper.TruncatedError{Message: "TypeError: no", Server: true})
					return
				}
				if !yield(harper.AuditRow{Operation: "insert", Time: at, Size: 1, ID: audit.ID(fmt.Sprint(i)), Record: audit.Object(nil)}, nil) {
					return
				}
			}
		}
	}
}

// TestTailGetsThroughManyUnreadable: however many entries an attacker makes
// unreadable, polling again and again reads the rest in the end.
func TestTailGetsThroughManyUnreadable(t *testing.T) {
	db, f := openStore(t), newFake()
	unreadable(f, 4000, 2)
	tl := f.tailer(db)
	var err error
	for range 20 {
		if _, err = tl.Once(t.Context()); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatalf("after 20 polls: %v", err)
	}
	if gaps := unreadableGaps(t, db); len(gaps) != 2000 || db.Last() != 2000 {
		t.Errorf("%d gaps and %d changes, want 2000 and 2000", len(gaps), db.Last())
	}
}

// TestTailServerFailsEverywhere: an error that has nothing to do with an entry
// is an error, and neither thousands of requests nor gaps.
func TestTailServerFailsEverywhere(t *testing.T) {
	db, f := openStore(t), newFake()
	f.log = func(harper.AuditQuery) iter.Seq2[harper.AuditRow, error] {
		return func(yield func(harper.AuditRow, error) bool) {
			yield(harper.AuditRow{}, &harper.TruncatedError{Message: "Error: database is closed", Server: true})
		}
	}
	if _, err := f.tailer(db).Once(t.Context()); err == nil {
		t.Error("no error")
	}
	if f.reads > 10 {
		t.Errorf("%d requests were made", f.reads)
	}
	if gaps := unreadableGaps(t, db); len(gaps) > 0 {
		t.Errorf("%d gaps were made of it", len(gaps))
	}
}

// TestTailFutureEntryDoesNotEndRead: an entry dated into the future is no sign
// that a slow read has reached the log's end.
func TestTailFutureEntryDoesNotEndRead(t *testing.T) {
	db, f := openStore(t), newFake()
	now := f.clock.Go()
	f.log = func(q harper.AuditQuery) iter.Seq2[harper.AuditRow, error] {
		return func(yield func(harper.AuditRow, error) bool) {
			for i := range 10 {
				now = now.Add(5 * time.Second)
				at := f.clock - 1e6 + audit.Time(i)
				if i == 1 {
					at = f.clock + 1e8
				}
				if at >= q.From && (q.To == 0 || at < q.To) && !yield(harper.AuditRow{Operation: "insert", Time: at, Size: 1, ID: audit.ID(fmt.Sprint(i)), Record: audit.Object(nil)}, nil) {
					return
				}
			}
		}
	}
	tl := ingest.NewTailer(ingest.Options{Server: f, Store: db, Node: "n1", System: []string{}, Now: func() time.Time { return now }})
	for range 2 {
		once(t, tl)
	}
	if db.Last() != 10 {
		t.Errorf("%d changes stored, want 10", db.Last())
	}
}

// TestTailClockSetBack: changes made after the server's clock was set back, and
// before the next poll, are read.
func TestTailClockSetBack(t *testing.T) {
	db, f := openStore(t), newFake()
	var log []audit.Time
	f.log = func(q harper.AuditQuery) iter.Seq2[harper.AuditRow, error] {
		return func(yield func(harper.AuditRow, error) bool) {
			for i, at := range log {
				if at >= q.From && (q.To == 0 || at < q.To) && !yield(harper.AuditRow{Operation: "insert", Time: at, Size: 1, ID: audit.ID(fmt.Sprint(i)), Record: audit.Object(nil)}, nil) {
					return
				}
			}
		}
	}
	log = append(log, f.clock-1)
	once(t, f.tailer(db))
	log = append(log, f.clock-3600_000)
	f.clock -= 3000_000 // ten minutes later, by a clock that was an hour ahead
	once(t, f.tailer(db))
	if db.Last() != 2 {
		t.Errorf("%d changes stored, want 2", db.Last())
	}
}
