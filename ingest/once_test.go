package ingest_test

import (
	"testing"

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
