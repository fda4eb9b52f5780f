package ingest_test

import (
	"context"
	"errors"
	"iter"
	"sync"
	"testing"
	"time"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/harper"
	"recourse/internal/harpertest"
)

// TestFeedFoldsOverPolls: a patch that the feed tells is known exactly when what
// it is applied to was stored by an earlier reading, and is not in the feed again.
func TestFeedFoldsOverPolls(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		srv.InstallFeed()
		db := openStore(t)
		put(t, srv, dogs, "1", map[string]any{"id": 1, "n": 10, "name": "first"})
		o := ingest.Options{Feed: restClient(t, srv), Overlap: time.Millisecond}
		follow(t, srv, db, o, func() {
			for _, fields := range []map[string]any{{"n": map[string]any{"__op__": "add", "value": 3}}, {"name": "second"}} {
				awaitCursor(t, db, dogs, newestOf(srv))
				patch(t, srv, dogs, "1", fields)
			}
		}, func() bool { return db.Last() == 3 })
		for i, c := range changesOf(t, db) {
			if c.After.State != audit.Present || c.After.Trust != audit.Exact {
				t.Errorf("change %d: %s, %s: %s", i, c.After.State, c.After.Trust, c.After.Body.JSON())
			}
		}
	})
}

func newestOf(srv *harpertest.Server) audit.Time {
	entries := srv.Entries("kennel")
	return entries[len(entries)-1].LocalTime
}

// awaitCursor waits until a table was read some way past a time.
func awaitCursor(t *testing.T, db cursors, table audit.Table, past audit.Time) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if c, _, err := db.Cursor(t.Context(), "n1", table); err == nil && c.Time > past+5 {
			return
		}
	}
	t.Fatalf("%s was not read past %s", table, past)
}

type cursors interface {
	Cursor(context.Context, string, audit.Table) (audit.Cursor, bool, error)
}

// A feed is one of which a test decides what it tells.
type feed struct {
	tell func(harper.FeedQuery) iter.Seq2[harper.FeedEntry, error]
	mu   sync.Mutex
	from []audit.Time // of each request
}

func (f *feed) Feed(_ context.Context, q harper.FeedQuery) iter.Seq2[harper.FeedEntry, error] {
	f.mu.Lock()
	f.from = append(f.from, q.From)
	f.mu.Unlock()
	return f.tell(q)
}

func (f *feed) requests() []audit.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]audit.Time(nil), f.from...)
}

// TestFeedFails: whatever is wrong with the feed, the logs are polled in its
// place.
func TestFeedFails(t *testing.T) {
	for _, failure := range []error{
		&harper.Error{Op: "read the feed", Status: 403, Message: "The feed is for super_users"},
		&harper.Error{Op: "read the feed", Status: 500, Message: "boom"},
		&harper.TruncatedError{What: "read the feed", Message: "it broke off"},
		errors.New("reach http://127.0.0.1:1: connection refused"),
	} {
		t.Run(failure.Error(), func(t *testing.T) {
			eachLine(t, func(t *testing.T, srv *harpertest.Server) {
				f := &feed{tell: func(harper.FeedQuery) iter.Seq2[harper.FeedEntry, error] {
					return func(yield func(harper.FeedEntry, error) bool) { yield(harper.FeedEntry{}, failure) }
				}}
				db := openStore(t)
				put(t, srv, dogs, "1", map[string]any{"id": 1})
				follow(t, srv, db, ingest.Options{Feed: f}, func() {
					put(t, srv, cats, "1", map[string]any{"id": 1})
				}, func() bool { return db.Last() >= 2 })
				if n := len(f.requests()); n == 0 || n > 3 {
					t.Errorf("the feed was asked %d times", n)
				}
			})
		})
	}
}

// TestFeedSilent: a feed that neither tells nor ends holds the reading up for so
// long only.
func TestFeedSilent(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		db := openStore(t)
		put(t, srv, dogs, "1", map[string]any{"id": 1})
		follow(t, srv, db, ingest.Options{Feed: mute{}, Silence: 10 * time.Millisecond}, func() {}, func() bool { return db.Last() >= 1 })
	})
}

// A mute feed ends when nobody waits for it any more.
type mute struct{}

func (mute) Feed(ctx context.Context, _ harper.FeedQuery) iter.Seq2[harper.FeedEntry, error] {
	return func(yield func(harper.FeedEntry, error) bool) {
		<-ctx.Done()
		yield(harper.FeedEntry{}, ctx.Err())
	}
}

// TestFeedOnce: Once reads from the feed too, and from the log where it fails.
func TestFeedOnce(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		srv.InstallFeed()
		db := openStore(t)
		patchHeavy(t, srv)
		o := ingest.Options{Server: restClient(t, srv), Feed: restClient(t, srv), Store: db, Node: "n1", System: []string{}}
		got := once(t, ingest.NewTailer(o))
		if want := len(srv.Entries("kennel")); got.New != want || got.Gaps != 0 {
			t.Errorf("%+v, want %d new changes and no gap", got, want)
		}
		checkHistories(t, db, wantHistory, true)
		o.Feed = &feed{tell: func(harper.FeedQuery) iter.Seq2[harper.FeedEntry, error] {
			return func(yield func(harper.FeedEntry, error) bool) {
				yield(harper.FeedEntry{}, errors.New("connection refused"))
			}
		}}
		put(t, srv, cats, "9", map[string]any{"id": 9})
		if got := once(t, ingest.NewTailer(o)); got.New != 1 {
			t.Errorf("without a feed: %+v, want one new change", got)
		}
	})
}

// TestFeedNewTable: a table that is made does not have the others' log read from
// its begin again.
func TestFeedNewTable(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		srv.InstallFeed()
		c := restClient(t, srv)
		f := &feed{tell: func(q harper.FeedQuery) iter.Seq2[harper.FeedEntry, error] { return c.Feed(t.Context(), q) }}
		db := openStore(t)
		put(t, srv, dogs, "1", map[string]any{"id": 1})
		o := ingest.Options{Server: c, Feed: f, Store: db, Node: "n1", System: []string{}}
		tl := ingest.NewTailer(o)
		once(t, tl)
		birds := audit.Table{Database: "kennel", Name: "birds"}
		srv.CreateTable(birds, harpertest.Schema{})
		put(t, srv, birds, "1", map[string]any{"id": 1})
		put(t, srv, dogs, "2", map[string]any{"id": 2})
		before := len(f.requests())
		if got := once(t, tl); got.New != 2 {
			t.Errorf("%+v, want two new changes", got)
		}
		asked := f.requests()[before:]
		if len(asked) != 2 || asked[0] == 0 || asked[1] != 0 {
			t.Errorf("asked from %v, want the known tables' cursor, and 0 for the new one alone", asked)
		}
	})
}

// TestFeedDoubts: after an entry of which not even the key can be told, what
// patches lead to is not exact, until the record is written whole.
func TestFeedDoubts(t *testing.T) {
	f := newFake()
	f.log = func(harper.AuditQuery) iter.Seq2[harper.AuditRow, error] {
		return func(func(harper.AuditRow, error) bool) {}
	}
	at := f.clock - 1000
	entry := func(kind, value string) harper.FeedEntry {
		at++
		v, err := audit.FromJSON([]byte(value))
		if err != nil {
			t.Fatal(err)
		}
		return harper.FeedEntry{LocalTime: at, Version: at, Type: kind, Table: dogs, ID: idOf(t, "1"), Value: v}
	}
	lost := harper.FeedEntry{LocalTime: at + 2.5, Type: "unreadable", Table: audit.Table{Database: "kennel"}, Err: "damaged"}
	entries := []harper.FeedEntry{
		entry("put", `{"id":1,"n":1}`), entry("patch", `{"n":2}`), lost, entry("patch", `{"n":3}`),
		entry("put", `{"id":1,"n":4}`), entry("patch", `{"n":5}`),
	}
	db := openStore(t)
	tl := ingest.NewTailer(ingest.Options{Server: f, Store: db, Node: "n1", System: []string{}, Feed: &feed{
		tell: func(harper.FeedQuery) iter.Seq2[harper.FeedEntry, error] {
			return func(yield func(harper.FeedEntry, error) bool) {
				for _, e := range entries {
					if !yield(e, nil) {
						return
					}
				}
			}
		}}})
	once(t, tl)
	want := "exact exact provisional exact exact"
	got := ""
	for i, c := range changesOf(t, db) {
		if i > 0 {
			got += " "
		}
		got += c.After.Trust.String()
	}
	if got != want {
		t.Errorf("trust %q, want %q", got, want)
	}
	if gaps := unreadableGaps(t, db); len(gaps) != 1 {
		t.Errorf("%d gaps, want the damaged entry", len(gaps))
	}
}

// TestFeedDatedBack: a patch that is dated back is applied to what was before it
// by its time, and what follows is not sure, since Harper may have merged the two.
func TestFeedDatedBack(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		srv.InstallFeed()
		db := openStore(t)
		put(t, srv, dogs, "1", map[string]any{"id": 1, "a": 1})
		old := newestOf(srv) + 1
		time.Sleep(5 * time.Millisecond)
		patch(t, srv, dogs, "1", map[string]any{"a": 2})
		if err := srv.TransactAt(old, "eve", func(tx *harpertest.Tx) error {
			tx.Patch(dogs, idOf(t, "1"), audit.Object(map[string]audit.Value{"b": audit.Int(1)}))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		patch(t, srv, dogs, "1", map[string]any{"c": 1})
		once(t, ingest.NewTailer(ingest.Options{
			Server: restClient(t, srv), Feed: restClient(t, srv), Store: db, Node: "n1", System: []string{},
		}))
		for _, c := range changesOf(t, db) {
			body := c.After.Body
			switch {
			case c.Time == old && (!body.Get("a").Equal(audit.Int(1)) || body.Get("b") == nil):
				t.Errorf("the patch that is dated back leads to %s", body.JSON())
			case c.Sent.Get("c") != nil && c.After.Trust > audit.Provisional:
				t.Errorf("the patch after it is %s: %s", c.After.Trust, body.JSON())
			}
		}
	})
}
