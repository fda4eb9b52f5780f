package ingest_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/harpertest"
)

// TestSentinelOnIncident: on a captured attack, read when it was over, the
// sentinel names who deleted the log, and whose the loads without a user are;
// whether a table's log can be read does not matter for that.
func TestSentinelOnIncident(t *testing.T) {
	for _, line := range []harpertest.Line{harpertest.LMDB, harpertest.RocksDB} {
		t.Run(line.String(), func(t *testing.T) {
			s := &scene{t: t, now: audit.TimeOf(time.Now()), raised: map[string]int{}}
			srv := harpertest.New(harpertest.Options{Line: line, Clock: s.clock})
			t.Cleanup(srv.Close)
			if err := srv.LoadIncident(os.DirFS(incidents + "/" + line.String())); err != nil {
				t.Fatal(err)
			}
			s.srv, s.db = srv, &notebook{DB: openStore(t)}
			s.server = &edited{Client: clientOf(t, srv)}
			s.restart()
			if _, err := s.tail.Once(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.check()
			s.restart()
			s.check()
			all, err := s.db.Alerts(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			all = slices.DeleteFunc(all, func(a audit.Alert) bool { return a.Rule == string(ingest.LogUnreadable) }) // which the tail tells
			var told []string
			for _, a := range all {
				told = append(told, a.Rule+" "+a.Group["user"]+": "+a.Title)
				if !strings.HasPrefix(a.Rule, "log-") {
					t.Errorf("alert of %s", a.Rule)
				}
				if a.Rule == string(ingest.LogAnonymous) && a.Group["user"] == "" || a.Rule == string(ingest.LogPurged) && a.State != audit.AlertOpen {
					t.Errorf("alert %+v", a)
				}
			}
			if len(all) != 3 {
				t.Errorf("%d alerts, want 3; there are\n%s", len(all), strings.Join(told, "\n"))
			}
			for _, want := range []string{
				"log-purged opsadmin: opsadmin had the audit log of shop.reviews before ",
				"log-anonymous chen: 20 changes of shop.products without a user: chen did them by the job ",
				"log-anonymous opsadmin: 25 changes of shop.products without a user: opsadmin did them by the job ",
			} {
				if n := countPrefix(told, want); n != 1 {
					t.Errorf("%d alerts begin with %q, want 1; there are\n%s", n, want, strings.Join(told, "\n"))
				}
			}
		})
	}
}

func countPrefix(list []string, prefix string) int {
	n := 0
	for _, s := range list {
		if strings.HasPrefix(s, prefix) {
			n++
		}
	}
	return n
}
