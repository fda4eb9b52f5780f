package ingest_test

import (
	"errors"
	"fmt"
	"net/http"
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

func baseliner(t *testing.T, srv *harpertest.Server, db *store.DB) ingest.Baseliner {
	return ingest.Baseliner{Server: clientOf(t, srv), Store: db, Node: "n1"}
}

func take(t *testing.T, b ingest.Baseliner, tables ...audit.Table) []ingest.Taken {
	t.Helper()
	taken, err := b.Take(t.Context(), tables)
	if err != nil {
		t.Fatal(err)
	}
	return taken
}

// baseOf is what the store has of a record in one baseline.
func baseOf(t *testing.T, db *store.DB, table audit.Table, id, baseline string) (audit.BaseRecord, bool) {
	t.Helper()
	records, err := db.BaseRecords(t.Context(), audit.Key{Table: table, ID: idOf(t, id)})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if r.Baseline == baseline {
			return r, true
		}
	}
	return audit.BaseRecord{}, false
}

// TestBaselineHoldsEachRecord: every record is stored as it is, with the version
// of its last write and between two moments of the server's clock, whatever its
// key.
func TestBaselineHoldsEachRecord(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		db := openStore(t)
		keys := []string{"1", `"1"`, "-7", "2.5", `"a b/c"`, `"zebra"`, `["a",1]`}
		for i := range 200 {
			keys = append(keys, fmt.Sprint(1000+i))
		}
		for i, k := range keys {
			put(t, srv, dogs, k, map[string]any{"name": k, "n": i, "none": nil})
		}
		patch(t, srv, dogs, "1", map[string]any{"n": 99})
		before := srv.Now()
		taken := take(t, baseliner(t, srv, db))
		after := srv.Now()
		if len(taken) != 2 {
			t.Fatalf("%d baselines, want one of each audited table", len(taken))
		}
		whole := taken[1]
		if whole.Table != dogs || whole.Err != nil || whole.Records != len(keys) || whole.Source != audit.FromSearch || whole.Lossy {
			t.Errorf("%+v, want %d records of %s", whole, len(keys), dogs)
		}
		if whole.Begun < before-1 || whole.Ended < whole.Begun || whole.Ended > after+1 {
			t.Errorf("begun %v, ended %v, and it was taken between %v and %v", whole.Begun, whole.Ended, before, after)
		}
		if cat := taken[0]; cat.Table != cats || cat.Records != 0 || cat.Ended == 0 {
			t.Errorf("%+v, want a complete baseline of no record", cat)
		}
		live := srv.Records(dogs)
		version := map[audit.ID]audit.Time{}
		for _, e := range srv.Entries(dogs.Database) {
			version[e.ID] = e.Version
		}
		for _, k := range keys {
			r, ok := baseOf(t, db, dogs, k, whole.ID)
			if id := idOf(t, k); !ok || !r.Body.Equal(live[id]) || r.Version != version[id] {
				t.Errorf("%s: %v, version %v of %s; want version %v of %s", k, ok, r.Version, r.Body.JSON(), version[id], live[id].JSON())
			}
			if r.Seen < whole.Begun || r.Until < r.Seen || r.Until > whole.Ended || r.Lossy {
				t.Errorf("%s: seen %v until %v, baseline from %v to %v", k, r.Seen, r.Until, whole.Begun, whole.Ended)
			}
		}
	})
}

// TestBaselineOfNamedTables: what nobody audits, and what holds secrets, is taken
// when it is named, and only then; the secrets are not.
func TestBaselineOfNamedTables(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		db := openStore(t)
		quiet := audit.Table{Database: "kennel", Name: "quiet"}
		users := audit.Table{Database: "system", Name: "hdb_user"}
		srv.CreateTable(quiet, harpertest.Schema{NoAudit: true})
		put(t, srv, quiet, "1", map[string]any{"n": 1})
		for _, b := range take(t, baseliner(t, srv, db)) {
			if b.Table == quiet || b.Table == users {
				t.Errorf("%s was taken, and nobody named it", b.Table)
			}
		}
		if _, err := clientOf(t, srv).Call(t.Context(), map[string]any{"operation": "add_user", "username": "bob", "password": "s3cret-of-bob", "role": "super_user", "active": true}); err != nil {
			t.Fatal(err)
		}
		taken := take(t, baseliner(t, srv, db), quiet, users)
		if len(taken) != 2 || taken[0].Records != 1 || taken[0].Ended == 0 || len(taken[0].Notes) != 1 || !strings.Contains(taken[0].Notes[0], "keeps no log") {
			t.Errorf("%+v, want one record of %s and a word on its log", taken, quiet)
		}
		bob, ok := baseOf(t, db, users, "bob", taken[1].ID)
		if pw := bob.Body.Get("password").Text(); !ok || !strings.HasPrefix(pw, "[redacted") {
			t.Errorf("bob's record: found %v, password %q", ok, pw)
		}
		if len(taken[1].Notes) != 1 {
			t.Errorf("notes %q, want one on the secrets", taken[1].Notes)
		}
	})
}

// TestBaselineBreaksOff: what was read of a table stays, counts as incomplete,
// does not stop the other tables, and is taken anew by the next run.
func TestBaselineBreaksOff(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		db := openStore(t)
		for i := range 120 {
			put(t, srv, cats, fmt.Sprint(i+1), map[string]any{"n": i})
		}
		put(t, srv, dogs, "1", map[string]any{"n": 1})
		var burning atomic.Bool
		srv.SetFault(func(r harpertest.Request) (f harpertest.Fault) {
			if r.Operation == "search_by_conditions" && r.Table == cats && burning.Load() {
				f.Status, f.Body = http.StatusInternalServerError, "the disk is on fire"
			}
			return f
		})
		b := baseliner(t, srv, db)
		b.Progress = func(b audit.Baseline) { burning.Store(b.Table == cats && b.Records > 0) }
		taken := take(t, b)
		cat, dog := taken[0], taken[1]
		if cat.Err == nil || !strings.Contains(cat.Err.Error(), "disk is on fire") || cat.Ended != 0 || cat.Records != 50 {
			t.Errorf("%+v, want 50 records, no end, and the error", cat)
		}
		if dog.Err != nil || dog.Ended == 0 || dog.Records != 1 {
			t.Errorf("%+v, want the other table complete", dog)
		}
		stored, err := db.Baselines(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range stored {
			if want := map[audit.Table]audit.Baseline{cats: cat.Baseline, dogs: dog.Baseline}[b.Table]; b != want {
				t.Errorf("stored %+v, want %+v", b, want)
			}
		}
		srv.SetFault(nil)
		again, err := baseliner(t, srv, db).TakeMissing(t.Context())
		if err != nil || len(again) != 1 || again[0].Table != cats || again[0].Records != 120 || again[0].Ended == 0 || again[0].ID == cat.ID {
			t.Errorf("%+v, %v; want the table that was not complete, under a new name", again, err)
		}
		if again, err := baseliner(t, srv, db).TakeMissing(t.Context()); err != nil || len(again) != 0 {
			t.Errorf("%+v, %v; want none: each table has one", again, err)
		}
	})
}

// TestBaselineStops: where nothing can go on, no further table is tried.
func TestBaselineStops(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		db := openStore(t)
		b := baseliner(t, srv, db)
		srv.SetFault(func(r harpertest.Request) (f harpertest.Fault) {
			if r.Operation == "search_by_conditions" {
				f.Status = http.StatusUnauthorized
			}
			return f
		})
		if taken, err := b.Take(t.Context(), nil); !errors.Is(err, harper.ErrUnauthorized) || len(taken) != 1 {
			t.Errorf("%d taken, %v; want the first, and no more", len(taken), err)
		}
		srv.SetFault(nil)
		missing := audit.Table{Database: "kennel", Name: "nobody"}
		taken := take(t, b, missing, dogs)
		if !errors.Is(taken[0].Err, harper.ErrNotFound) || taken[0].ID != "" || taken[1].Ended == 0 {
			t.Errorf("%+v, want no baseline of a table that is not there, and the other", taken)
		}
		srv.Close()
		if _, err := b.Take(t.Context(), []audit.Table{cats, dogs}); !errors.Is(err, harper.ErrUnreachable) {
			t.Errorf("%v, want that Harper cannot be reached", err)
		}
	})
}

// TestBaselineFromEvents: the burst with which a table's events begin is a whole
// baseline, whatever is written meanwhile, and what is written meanwhile does
// not take the place of what was there before.
func TestBaselineFromEvents(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		db := openStore(t)
		for i := range 700 {
			put(t, srv, dogs, fmt.Sprint(i+1), map[string]any{"n": i})
		}
		put(t, srv, dogs, "zebra", map[string]any{"n": -1})
		was := srv.Records(dogs)
		client, err := harper.New(harper.Options{Target: srv.OpsURL(), REST: srv.RESTURL(), Username: "admin", Password: "secret"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		b := baseliner(t, srv, db)
		b.Server, b.Source = client, audit.FromEvents
		wrote := false
		b.Progress = func(got audit.Baseline) {
			if got.Records > 0 && !wrote { // by then all of the burst is sent
				wrote = true
				patch(t, srv, dogs, "3", map[string]any{"n": "news"})
				put(t, srv, dogs, "5000", map[string]any{"n": "new"})
			}
		}
		whole := take(t, b, dogs)[0]
		if whole.Err != nil || whole.Ended == 0 || whole.Records < 701 || whole.Records > 702 || whole.Source != audit.FromEvents || !whole.Lossy {
			t.Fatalf("%+v, want 701 records, or 702 with the one that was made meanwhile", whole)
		}
		for id, body := range was {
			r, ok := baseOf(t, db, dogs, string(id), whole.ID)
			if !ok || !r.Body.Equal(body) || r.Seen < whole.Begun || r.Until > whole.Ended {
				t.Errorf("%s: %v %s, want %s", id, ok, r.Body.JSON(), body.JSON())
			}
		}
		cat := take(t, b, cats)[0]
		if cat.Err != nil || cat.Records != 0 || cat.Ended == 0 {
			t.Errorf("%+v, want a complete baseline of no record", cat)
		}
		hidden := audit.Table{Database: "kennel", Name: "hidden"}
		srv.CreateTable(hidden, harpertest.Schema{})
		if h := take(t, b, hidden)[0]; !errors.Is(h.Err, harper.ErrNotExported) || h.Ended != 0 {
			t.Errorf("%+v, want that the table has no events", h)
		}
	})
}

// TestAbsenceFromBaseline: a record that is not in a whole table was not there;
// that it is not in an export says nothing.
func TestAbsenceFromBaseline(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		for source, want := range map[audit.BaselineSource]audit.State{audit.FromSearch: audit.Absent, audit.FromFile: audit.Unknown} {
			db := openStore(t)
			id := string(source)
			put(t, srv, dogs, "1", map[string]any{"n": 1})
			time.Sleep(3 * time.Millisecond) // as below
			from := srv.Now()
			if source == audit.FromFile {
				f := ingest.BaselineFile{Store: db, Table: dogs, At: from}
				if _, err := f.Take(t.Context(), exported(t, "dogs.json", `[{"id":1,"n":1}]`)); err != nil {
					t.Fatal(err)
				}
			} else {
				take(t, baseliner(t, srv, db), dogs)
			}
			time.Sleep(3 * time.Millisecond) // Harper's own time is told in whole milliseconds
			put(t, srv, dogs, id, map[string]any{"n": 2})
			covered := audit.Span{Node: "n1", Table: dogs, From: from - 1000, To: srv.Now() + 1000}
			if _, err := db.Append(t.Context(), audit.Batch{Spans: []audit.Span{covered}}); err != nil {
				t.Fatal(err)
			}
			once(t, tailer(t, srv, db))
			for _, c := range changesOf(t, db) {
				if c.Key.ID == idOf(t, id) && c.Before.State != want {
					t.Errorf("%s: before it was made the record is %s (%s), want %s", source, c.Before.State, c.Before.Source, want)
				}
			}
		}
	})
}
