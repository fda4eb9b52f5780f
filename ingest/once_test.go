package ingest_test

import (
	"testing"
	"time"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/harpertest"
)

// TestOnceThroughFeed: a single reading uses the feed component too, and the
// audit log where there is none.
func TestOnceThroughFeed(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		patchHeavy(t, srv)
		for _, installed := range []bool{false, true} {
			if installed {
				srv.InstallFeed()
			}
			db := openStore(t)
			c := restClient(t, srv)
			tl := ingest.NewTailer(ingest.Options{Server: c, Feed: c, Store: db, Node: "n1", System: []string{}})
			got := once(t, tl)
			if installed {
				checkHistories(t, db, wantHistory, true)
				if want := len(srv.Entries("kennel")); got.New != want {
					t.Errorf("%d changes were new, the raw log has %d", got.New, want)
				}
			} else if got.New == 0 {
				t.Error("nothing was read without the component")
			}
		}
	})
}

// TestFirstReadingInterrupted: a first reading that began at the log's begin,
// was interrupted and goes on soon after, has missed nothing.
func TestFirstReadingInterrupted(t *testing.T) {
	eachLine(t, func(t *testing.T, srv *harpertest.Server) {
		put(t, srv, dogs, "1", map[string]any{"id": 1})
		for _, since := range []time.Duration{time.Minute, 100 * time.Hour} {
			db := openStore(t)
			now := audit.TimeOf(time.Now())
			cursor := audit.Cursor{
				Node: "n1", Table: dogs, Time: now - 10*24*3600e3,
				Reread: map[string]audit.Time{"1h0m0s": now - audit.Time(since.Milliseconds())},
			}
			if _, err := db.Append(t.Context(), audit.Batch{Cursors: []audit.Cursor{cursor}}); err != nil {
				t.Fatal(err)
			}
			once(t, tailer(t, srv, db))
			gaps, err := db.Gaps(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			outages := 0
			for _, g := range gaps {
				if g.Kind == audit.GapOutage && g.Table == dogs {
					outages++
				}
			}
			if want := map[bool]int{true: 1}[since > 72*time.Hour]; outages != want {
				t.Errorf("read last %v ago: %d outages, want %d", since, outages, want)
			}
		}
	})
}
