package ingest_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/harper"
	"recourse/internal/harpertest"
	"recourse/store"
)

// restClient speaks to both of the server's interfaces.
func restClient(t *testing.T, srv *harpertest.Server) *harper.Client {
	t.Helper()
	c, err := harper.New(harper.Options{Target: srv.OpsURL(), REST: srv.RESTURL(), Username: "admin", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// follow runs a tailer with what o adds until done says that enough is stored.
func follow(t *testing.T, srv *harpertest.Server, db *store.DB, o ingest.Options, write func(), done func() bool) {
	t.Helper()
	c := restClient(t, srv)
	o.Server, o.Store, o.Node, o.System = c, db, "n1", []string{}
	o.Interval, o.Discover = 5*time.Millisecond, 20*time.Millisecond
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	ended := make(chan error, 1)
	tl := ingest.NewTailer(o)
	go func() { ended <- tl.Run(ctx) }()
	write()
	for !done() && ctx.Err() == nil {
		time.Sleep(5 * time.Millisecond)
	}
	if ctx.Err() != nil {
		t.Errorf("waited in vain; %d changes stored, %+v", db.Last(), tl.Stats())
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Run ended with %v", err)
	}
}

// patchHeavy makes a history whose patches Harper shows wrongly, or not at all,
// when it is read late.
func patchHeavy(t *testing.T, srv *harpertest.Server) {
	for i := range 5 {
		id := fmt.Sprint(100 + i)
		put(t, srv, dogs, id, map[string]any{"id": 100 + i, "n": 10, "name": "first"})
		patch(t, srv, dogs, id, map[string]any{"n": map[string]any{"__op__": "add", "value": 3}})
		patch(t, srv, dogs, id, map[string]any{"owner": "ann"})
		put(t, srv, dogs, id, map[string]any{"id": 100 + i, "name": "second"})
		patch(t, srv, dogs, id, map[string]any{"name": "third"})
	}
	poison(t, srv, "7")
}

// wantHistory is what patchHeavy makes of each record.
var wantHistory = []string{
	`"n":10,"name":"first"`, `"n":13,"name":"first"`, `"n":13,"name":"first","owner":"ann"`, `"name":"second"`, `"name":"third"`,
}

func checkHistories(t *testing.T, db *store.DB, wantHistory []string, sent bool) {
	t.Helper()
	byID := map[audit.ID][]audit.Change{}
	for _, c := range changesOf(t, db) {
		byID[c.Key.ID] = append(byID[c.Key.ID], c)
	}
	for i := range 5 {
		id := idOf(t, fmt.Sprint(100+i))
		if len(byID[id]) != len(wantHistory) {
			t.Fatalf("%s has %d changes, want %d", id, len(byID[id]), len(wantHistory))
		}
		for n, c := range byID[id] {
			body := c.After.Body.With("id", nil).With("__createdtime__", nil).With("__updatedtime__", nil).JSON()
			if body != "{"+wantHistory[n]+"}" || c.After.Trust != audit.Exact {
				t.Errorf("change %d of %s: %s (%s), want exactly %s", n, id, body, c.After.Trust, wantHistory[n])
			}
			if sent && c.Op == audit.OpPatch && c.Sent == nil {
				t.Errorf("change %d of %s: what the patch sent is not known", n, id)
			}
		}
	}
}

// TestFeedComponent: through the feed component every patch is known exactly,
// however late it is read, increments and what was sent included; no entry is
// unreadable, and the re-scans through read_audit_log, which meet those that
// are, find nothing that is hidden.
func TestFeedComponent(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		srv.InstallFeed()
		db := openStore(t)
		patchHeavy(t, srv)
		time.Sleep(3 * time.Millisecond) // Harper's own time is told in whole milliseconds
		want := len(srv.Entries("kennel"))
		follow(t, srv, db, ingest.Options{Feed: restClient(t, srv)}, func() {}, func() bool {
			_, read, err := db.Cursor(t.Context(), "n1", dogs)
			return err == nil && read && int(db.Last()) >= want
		})
		checkHistories(t, db, wantHistory, true)
		if got := int(db.Last()); got != want {
			t.Errorf("%d changes stored, the log has %d", got, want)
		}
		once(t, tailer(t, srv, db)) // as a re-scan does
		if gaps := unreadableGaps(t, db); len(gaps) > 0 {
			t.Errorf("gaps that hide something: %+v", gaps)
		}
		if got := int(db.Last()); got != want {
			t.Errorf("after polls: %d changes stored, the log has %d", got, want)
		}
		for _, c := range changesOf(t, db) {
			if d, err := db.Divergences(t.Context(), c.Seq); err != nil || len(d) > 0 && c.After.Trust < audit.Exact {
				t.Errorf("change %d: %s, %d divergences, %v", c.Seq, c.After.Trust, len(d), err)
			}
		}
	})
}

// TestFeedComponentNotThere: where no component answers the logs are polled.
func TestFeedComponentNotThere(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		db := openStore(t)
		put(t, srv, dogs, "1", map[string]any{"id": 1})
		follow(t, srv, db, ingest.Options{Feed: restClient(t, srv)}, func() {
			put(t, srv, cats, "1", map[string]any{"id": 1})
		}, func() bool { return db.Last() >= 2 })
	})
}

// TestEvents: what a table told when it was written takes the place of an image
// that Harper computes wrongly afterwards.
func TestEvents(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		db := openStore(t)
		want := 0
		put(t, srv, cats, "1", map[string]any{"id": 1})
		follow(t, srv, db, ingest.Options{Events: restClient(t, srv), Interval: time.Hour}, func() {
			for range 10_000 {
				if db.Last() > 0 && srv.Listeners(dogs) > 0 {
					break
				}
				time.Sleep(time.Millisecond)
			}
			for i := range 5 {
				id := fmt.Sprint(100 + i)
				put(t, srv, dogs, id, map[string]any{"id": 100 + i, "name": "first"})
				patch(t, srv, dogs, id, map[string]any{"owner": "ann"})
				put(t, srv, dogs, id, map[string]any{"id": 100 + i, "name": "second", "owner": "bob"})
			}
			want = len(srv.Entries("kennel"))
		}, func() bool {
			// A poll may be faster than the event; the next one then has both.
			return want > 0 && int(db.Last()) >= want && !slices.ContainsFunc(changesOf(t, db), func(c audit.Change) bool { return c.After.Trust < audit.Exact })
		})
		checkHistories(t, db, []string{`"name":"first"`, `"name":"first","owner":"ann"`, `"name":"second","owner":"bob"`}, false)
	})
}
