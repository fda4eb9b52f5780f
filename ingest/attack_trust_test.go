package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/harper"
	"recourse/internal/harpertest"
)

func record(fields ...any) audit.Value {
	m := map[string]audit.Value{}
	for i := 0; i < len(fields); i += 2 {
		m[fields[i].(string)], _ = audit.Of(fields[i+1])
	}
	return audit.Object(m)
}

// TestTailBackdatedPatchIsNotPrompt: the image of a patch that is dated before
// another change of its record holds what came after it.
func TestTailBackdatedPatchIsNotPrompt(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		for _, twice := range []bool{false, true} {
			db := openStore(t)
			id := idOf(t, fmt.Sprintf(`"x%v"`, twice))
			put(t, srv, dogs, string(id), map[string]any{"a": 1, "b": 1})
			back := srv.Now()
			put(t, srv, dogs, "5", map[string]any{"a": 1})
			patch(t, srv, dogs, string(id), map[string]any{"b": 2})
			if twice {
				once(t, tailer(t, srv, db))
			}
			err := srv.TransactAt(back, "eve", func(tx *harpertest.Tx) error {
				tx.Patch(dogs, id, audit.Object(map[string]audit.Value{"a": audit.Int(5)}))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			once(t, tailer(t, srv, db))
			seen := false
			for _, c := range changesOf(t, db) {
				if c.Key.ID == id && c.Time == back {
					seen = true
					if c.After.Trust > audit.Provisional && c.After.Body.Get("b").JSON() != "1" {
						t.Errorf("the image %s is called %s", c.After.Body.JSON(), c.After.Trust)
					}
				}
			}
			if !seen {
				t.Error("the backdated change is not stored")
			}
		}
	})
}

// TestTailGapMayHideLaterChange: an image that was computed from a change that
// a gap hides is not called prompt.
func TestTailGapMayHideLaterChange(t *testing.T) {
	srv := harpertest.New(harpertest.Options{Line: harpertest.RocksDB})
	t.Cleanup(srv.Close)
	srv.CreateTable(dogs, harpertest.Schema{})
	put(t, srv, dogs, `"y"`, map[string]any{"a": 1, "b": 1})
	put(t, srv, dogs, `"x"`, map[string]any{"a": 1})
	patch(t, srv, dogs, `"y"`, map[string]any{"a": 2})
	err := srv.Transact("eve", func(tx *harpertest.Tx) error {
		tx.Patch(dogs, `"x"`, record("a", 2))
		tx.Patch(dogs, `"y"`, record("c", 666))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	put(t, srv, dogs, `"x"`, map[string]any{"a": 3})
	patch(t, srv, dogs, `"x"`, map[string]any{"a": 4})
	db := openStore(t)
	once(t, tailer(t, srv, db))
	if gaps := unreadableGaps(t, db); len(gaps) != 1 {
		t.Fatalf("%+v, want one gap", gaps)
	}
	for _, c := range changesOf(t, db) {
		if c.Key.ID == `"y"` && c.Op == audit.OpPatch && c.After.Body.Get("c") != nil && c.After.Trust > audit.Provisional {
			t.Errorf("the image %s, which holds a later change, is called %s", c.After.Body.JSON(), c.After.Trust)
		}
	}
}

// TestTailNoPhantomDelete: a patch whose image is gone when it is read again,
// and whose record's history cannot be read, does not become a delete.
func TestTailNoPhantomDelete(t *testing.T) {
	srv := harpertest.New(harpertest.Options{Line: harpertest.LMDB})
	t.Cleanup(srv.Close)
	srv.CreateTable(dogs, harpertest.Schema{})
	db := openStore(t)
	tl := tailer(t, srv, db)
	put(t, srv, dogs, `"b"`, map[string]any{"a": 1})
	patch(t, srv, dogs, `"b"`, map[string]any{"a": 2})
	once(t, tl)
	err := srv.Transact("ann", func(tx *harpertest.Tx) error {
		tx.Put(dogs, `"a"`, record("n", 1))
		tx.Patch(dogs, `"b"`, record("c", 3))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	once(t, tl)
	if err := srv.Delete("ann", dogs, `"b"`); err != nil {
		t.Fatal(err)
	}
	once(t, tl)
	once(t, tailer(t, srv, db))
	deletes := 0
	for _, c := range changesOf(t, db) {
		if c.Op == audit.OpDelete {
			deletes++
		}
	}
	if deletes != 1 || db.Last() != 5 {
		t.Errorf("%d deletes among %d changes, want 1 among 5", deletes, db.Last())
	}

	late := openStore(t)
	once(t, tailer(t, srv, late))
	for _, c := range changesOf(t, late) {
		if c.Op == audit.OpDelete && c.Note != "" && c.After.Trust > audit.Provisional {
			t.Errorf("a delete that is only inferred is called %s", c.After.Trust)
		}
	}
}

// TestTailHistoryFailsOnce: when the record's history, which would settle what
// a change was, cannot be had for the moment, nothing is guessed.
func TestTailHistoryFailsOnce(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		put(t, srv, dogs, "2", map[string]any{"n": 1})
		err := srv.Transact("ann", func(tx *harpertest.Tx) error {
			tx.Put(dogs, "1", record("n", 1))
			tx.Patch(dogs, "2", record("c", 3))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := srv.Delete("ann", dogs, "2"); err != nil {
			t.Fatal(err)
		}
		db := openStore(t)
		srv.SetFault(func(r harpertest.Request) harpertest.Fault {
			if r.Body.Get("search_type").Text() == "hash_value" {
				return harpertest.Fault{Cut: true, CutAt: 0}
			}
			return harpertest.Fault{}
		})
		_, _ = tailer(t, srv, db).Once(t.Context())
		srv.SetFault(nil)
		once(t, tailer(t, srv, db))
		if got, want := int(db.Last()), len(srv.Entries("kennel")); got != want {
			t.Errorf("%d changes stored, the log has %d", got, want)
		}
	})
}

// TestTailWriteBesideMessage: what a transaction writes after it published a
// message is a write.
func TestTailWriteBesideMessage(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		err := srv.Transact("ann", func(tx *harpertest.Tx) error {
			tx.Publish(dogs, `"news"`, record("text", "hello"))
			tx.Put(dogs, `"r"`, record("n", 1))
			tx.Delete(dogs, `"gone"`)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		db := openStore(t)
		once(t, tailer(t, srv, db))
		got := map[audit.ID]audit.Kind{}
		for _, c := range changesOf(t, db) {
			got[c.Key.ID] = c.Op.Kind()
		}
		want := map[audit.ID]audit.Kind{`"news"`: audit.KindMessage, `"r"`: audit.KindWrite, `"gone"`: audit.KindDelete}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("stored %v, want %v", got, want)
		}
	})
}

// TestTailWhatOnlyJSONShows: an entry that Harper cannot write as CBOR is read
// as JSON.
func TestTailWhatOnlyJSONShows(t *testing.T) {
	db, f := openStore(t), newFake()
	f.log = func(q harper.AuditQuery) iter.Seq2[harper.AuditRow, error] {
		return func(yield func(harper.AuditRow, error) bool) {
			for i := range 100 {
				at := f.clock - 1000 + audit.Time(i)
				switch {
				case at < q.From || q.To != 0 && at >= q.To:
				case i == 37 && !q.JSON:
					yield(harper.AuditRow{}, &harper.TruncatedError{Message: "the body breaks off"})
					return
				case !yield(harper.AuditRow{Operation: "insert", Time: at, Size: 1, ID: audit.ID(fmt.Sprint(i)), Record: audit.Object(nil), Lossy: q.JSON}, nil):
					return
				}
			}
		}
	}
	once(t, f.tailer(db))
	lossy := 0
	for _, c := range changesOf(t, db) {
		if c.Lossy {
			lossy++
		}
	}
	if gaps := unreadableGaps(t, db); db.Last() != 100 || lossy != 1 || len(gaps) > 0 {
		t.Errorf("%d changes stored, %d of them lossy, %d gaps; want 100, 1, 0", db.Last(), lossy, len(gaps))
	}
}

// TestTailEndlessAnswer: a server that never stops is an error, with bounded
// memory and requests.
func TestTailEndlessAnswer(t *testing.T) {
	db, f := openStore(t), newFake()
	big := record("text", string(make([]byte, 1<<20)))
	f.log = func(q harper.AuditQuery) iter.Seq2[harper.AuditRow, error] {
		return func(yield func(harper.AuditRow, error) bool) {
			for yield(harper.AuditRow{Operation: "insert", Time: f.clock, Size: 1, ID: "1", Record: big}, nil) {
			}
		}
	}
	tl := ingest.NewTailer(ingest.Options{Server: f, Store: db, Node: "n1", System: []string{}, MaxAnswer: 16 << 20})
	if _, err := tl.Once(t.Context()); err == nil || f.reads > 200 {
		t.Errorf("%d requests, error %v", f.reads, err)
	}
}

// TestRunRefused: that the user may not read the log ends Run at once.
func TestRunRefused(t *testing.T) {
	for _, err := range []error{harper.ErrForbidden, harper.ErrUnauthorized} {
		db, f := openStore(t), newFake()
		f.log = func(harper.AuditQuery) iter.Seq2[harper.AuditRow, error] {
			return func(yield func(harper.AuditRow, error) bool) { yield(harper.AuditRow{}, err) }
		}
		ctx, stop := context.WithTimeout(t.Context(), 2e9)
		defer stop()
		if got := f.tailer(db).Run(ctx); !errors.Is(got, err) {
			t.Errorf("Run ended with %v, want %v", got, err)
		}
	}
}
