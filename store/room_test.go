package store

import (
	"context"
	"errors"
	"strings"
	"testing"

	"recourse/audit"
)

// TestDiskFull: without room nothing is written and everything is still read;
// with room again it goes on.
func TestDiskFull(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	free, asked := int64(100<<20), 0
	o := Options{Memory: 1, NoSync: true, Free: func(where string) (int64, error) {
		if asked++; where != dir {
			t.Errorf("asked for %s", where)
		}
		return free, nil
	}}
	db, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	appendAll(t, db, made("1", 1, audit.OpUpsert, object(1)))
	small, large := made("2", 1, audit.OpUpsert, object(1)), made("3", 1, audit.OpUpsert, noise(40<<20))
	if err := db.CheckRoom(); err != nil {
		t.Error(err)
	}
	refused := func(err error) {
		t.Helper()
		if !errors.Is(err, ErrDiskFull) || !strings.Contains(hintOf(err), "MiB are free") || !strings.Contains(hintOf(err), "nothing was lost") {
			t.Errorf("got %v, hint %q", err, hintOf(err))
		}
	}
	_, err = db.Append(ctx, audit.Batch{Changes: []audit.Change{large}, Spans: []audit.Span{{Node: "n", Table: shop, To: 1}}})
	refused(err)
	free = 60 << 20
	db.room.stale()
	refused(db.CheckRoom())
	for range 2 {
		_, err = db.Append(ctx, audit.Batch{Changes: []audit.Change{small}, Cursors: []audit.Cursor{{Table: shop}}})
		refused(err)
		refused(db.SetProgress(ctx, "index", 1))
		refused(db.AddReceipt(ctx, audit.Receipt{Plan: "p"}))
	}
	if c := mustGet(t, db, 1); c.Time != 1 || db.Last() != 1 {
		t.Errorf("read %+v of %d", c, db.Last())
	}
	if v := mustBeWhole(t, db); v.Spans != 0 || v.Cursors != 0 || v.Receipts != 0 {
		t.Errorf("something was written: %+v", v)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if db, err = Open(dir, o); err != nil { // to be read
		t.Fatal(err)
	}
	free = 1 << 30
	appendAll(t, db, small, large)
	if db.Last() != 3 {
		t.Errorf("%d changes with room again", db.Last())
	}
	before := asked
	for i := range 40 {
		appendAll(t, db, made("4", audit.Time(i), audit.OpUpsert, object(i)))
	}
	if asked > before+20 { // once in half a second
		t.Errorf("asked %d times for 40 small batches", asked-before)
	}
	appendAll(t, db, made("5", 1, audit.OpUpsert, noise(17<<20)))
	free = 1 << 20
	_, err = db.Append(ctx, audit.Batch{Changes: []audit.Change{made("6", 1, audit.OpUpsert, object(1))}})
	refused(err)
	mustBeWhole(t, db)
}

// TestRoomOptions: a store is not begun without room; the least room can be
// chosen, and not asked for; the system can be asked, and may not know.
func TestRoomOptions(t *testing.T) {
	little := func(string) (int64, error) { return 10 << 20, nil }
	unknown := errors.New("no such device")
	for name, x := range map[string]struct {
		o    Options
		want error
	}{
		"too little":         {Options{Free: little}, ErrDiskFull},
		"enough":             {Options{Free: little, MinFree: 9 << 20}, nil},
		"not asked":          {Options{Free: little, MinFree: -1}, nil},
		"the system's":       {Options{MinFree: 1}, nil},
		"more than there is": {Options{MinFree: 1 << 60}, ErrDiskFull},
		"not known":          {Options{Free: func(string) (int64, error) { return 0, errors.ErrUnsupported }}, nil},
		"an error":           {Options{Free: func(string) (int64, error) { return 0, unknown }}, unknown},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			x.o.Memory, x.o.NoSync = 1, true
			db, err := Open(dir, x.o)
			if !errors.Is(err, x.want) || (err == nil) != (x.want == nil) {
				t.Fatalf("got %v, want %v", err, x.want)
			}
			if err != nil { // and it can be begun later
				db = openAt(t, dir)
			}
			appendAll(t, db, made("1", 1, audit.OpUpsert, object(1)))
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}
