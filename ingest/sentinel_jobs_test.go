package ingest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/harpertest"
)

// purge deletes the log of the dogs as a super user can.
func (s *scene) purge(before audit.Time) {
	s.t.Helper()
	s.call(map[string]any{
		"operation": "delete_audit_logs_before", "database": "kennel", "table": "dogs", "timestamp": float64(before),
	})
}

// TestSentinelPurgeJob: a job that deletes the log names who, what and until
// when; nothing else that it causes is another alert.
func TestSentinelPurgeJob(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		s.put(dogs, ids(1, 20)...)
		s.round()
		s.srv.Restart() // else RocksDB has nothing that it can delete
		s.pass(time.Minute)
		s.purge(s.srv.Now())
		s.round()
		s.round()
		a := s.one(ingest.LogPurged, "admin", "kennel.dogs", "before 2026-")
		if a.Severity != "critical" || a.Group["user"] != "admin" || a.Group["table"] != "kennel.dogs" || a.FirstSeq == 0 || len(a.Changes) != 3 {
			s.t.Errorf("alert %+v", a)
		}
		if s.srv.Line() == harpertest.RocksDB {
			s.one(ingest.LogPurged, "20 entries of all tables of the database")
		}
	})
}

// TestSentinelPurgeInVain: RocksDB deletes nothing of a log that it has not
// flushed, and says so.
func TestSentinelPurgeInVain(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		if s.srv.Line() == harpertest.LMDB {
			s.t.Skip("LMDB deletes every entry, and does not say how many")
		}
		s.put(dogs, ids(1, 20)...)
		s.round()
		s.purge(s.srv.Now())
		s.round()
		if a := s.one(ingest.LogPurged, "nothing was deleted"); a.Severity != "high" {
			s.t.Errorf("severity %s", a.Severity)
		}
	})
}

// TestSentinelPolledJobs: where no log tells of jobs, their list does.
func TestSentinelPolledJobs(t *testing.T) {
	onLines(t, harpertest.Options{NoSystemAudit: true}, func(s *scene) {
		s.put(dogs, ids(1, 20)...)
		s.round()
		s.srv.Restart()
		s.purge(s.srv.Now())
		s.round()
		s.restart()
		s.round()
		// The tail has an alert of its own on what it cannot find any more.
		told := 0
		for _, a := range s.alerts(ingest.LogPurged) {
			if a.Group["user"] == "admin" && strings.Contains(a.Title, "admin had the audit log") {
				told++
			}
		}
		if told != 1 {
			s.t.Errorf("%d alerts on the job of admin, want one", told)
		}
	})
}

// TestSentinelShrunkenLog: on RocksDB a log that became smaller was deleted from,
// even if no job tells so.
func TestSentinelShrunkenLog(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		s.put(dogs, ids(1, 20)...)
		s.put(cats, "1")
		s.round()
		s.put(dogs, ids(30, 2)...)
		if _, err := s.srv.Wipe(dogs, s.srv.Now()); err != nil {
			s.t.Fatal(err)
		}
		s.round()
		a := s.one(ingest.LogPurged, "the log of kennel became smaller", "kennel.dogs")
		if a.Unknown || a.Group["database"] != "kennel" {
			s.t.Errorf("alert %+v", a)
		}
		if gaps := s.gaps(audit.GapPurged, dogs); len(gaps) != 1 || gaps[0].To < a.FirstTime {
			s.t.Errorf("gaps %+v, want one for what had not been read", gaps)
		}
	})
}

// TestSentinelExpiredLog: what is deleted past the retention is no purge.
func TestSentinelExpiredLog(t *testing.T) {
	onLines(t, harpertest.Options{Retention: 72 * time.Hour, LogFile: 10}, func(s *scene) {
		s.put(dogs, ids(1, 20)...)
		s.round()
		for range 4 {
			s.pass(24 * time.Hour)
			s.put(dogs, "7")
			s.round()
		}
		s.srv.Restart()
		s.round()
		if n := len(s.srv.Entries("kennel")); n >= 24 {
			s.t.Fatalf("%d entries are left: nothing expired", n)
		}
		s.silent()
	})
}

func (s *scene) load(table string, from, n int) {
	s.t.Helper()
	data := "id,n"
	for i := range n {
		data += fmt.Sprintf("\n%d,%d", from+i, i)
	}
	s.call(map[string]any{"operation": "csv_data_load", "database": "kennel", "table": table, "action": "insert", "data": data})
}

// TestSentinelAnonymousLoad: changes without a user that a job made are one
// alert, which names the job's user.
func TestSentinelAnonymousLoad(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		s.round()
		s.load("dogs", 1, 250)
		s.put(dogs, "1000")
		s.round()
		s.restart()
		s.round()
		a := s.one(ingest.LogAnonymous, "250 changes of kennel.dogs", "admin did them", "csv_data_load")
		if a.Severity != "low" || a.Group["user"] != "admin" || a.Count != 250 || a.Suppressed != 50 || a.Unknown {
			s.t.Errorf("alert %+v", a)
		}
	})
}

// TestSentinelAnonymousLoadWithoutLog: the list of jobs tells no table, so whose
// the changes are is inferred.
func TestSentinelAnonymousLoadWithoutLog(t *testing.T) {
	onLines(t, harpertest.Options{NoSystemAudit: true}, func(s *scene) {
		s.round()
		s.load("dogs", 1, 5)
		s.round()
		s.round()
		if a := s.one(ingest.LogAnonymous, "5 changes of kennel.dogs", "admin may have done them"); !a.Unknown {
			s.t.Errorf("alert %+v", a)
		}
	})
}

// TestSentinelNobody: changes of which nobody knows whose they are, one alert
// until there is a pause.
func TestSentinelNobody(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		s.round()
		s.call(map[string]any{"operation": "csv_data_load", "database": "kennel", "table": "cats", "action": "insert", "data": "id\n1"})
		nobody := func(from, n int) {
			for i := range n {
				v, _ := audit.Of(map[string]any{"id": from + i})
				if err := s.srv.Put("", dogs, idOf(s.t, fmt.Sprint(from+i)), v); err != nil {
					s.t.Fatal(err)
				}
			}
		}
		nobody(1, 40)
		s.round()
		nobody(100, 10)
		s.round()
		s.round()
		list := s.alerts(ingest.LogAnonymous)
		if len(list) != 2 || list[0].Count+list[1].Count != 51 {
			s.t.Fatalf("alerts %+v, want the load and one of 50", list)
		}
		for _, a := range list {
			if own := a.Group["table"] == dogs.String(); own != (a.Group["user"] == "") || own != (a.Count == 50) || own != strings.Contains(a.Title, "nobody knows") {
				s.t.Errorf("alert %+v: only the changes of the dogs are nobody's", a)
			}
		}
		s.pass(time.Hour)
		nobody(200, 3)
		s.round()
		s.round()
		if list := s.alerts(ingest.LogAnonymous); len(list) != 3 {
			s.t.Errorf("%d alerts, want a third one after the pause", len(list))
		}
	})
}

// TestSentinelCache: what a caching table's source answered is written by
// nobody, as it should be.
func TestSentinelCache(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		s.server.describe = sourced
		for i := range 20 {
			v, _ := audit.Of(map[string]any{"id": i})
			if err := s.srv.Fill(dogs, idOf(s.t, fmt.Sprint(i)), v); err != nil {
				s.t.Fatal(err)
			}
		}
		s.round()
		s.round()
		s.silent()
	})
}

// TestSentinelForbidden: a user who may ask little finds less, and it is no
// error.
func TestSentinelForbidden(t *testing.T) {
	onLines(t, harpertest.Options{NoSystemAudit: true}, func(s *scene) {
		s.srv.SetFault(func(q harpertest.Request) harpertest.Fault {
			switch q.Operation {
			case "get_configuration", "search_jobs_by_start_date", "list_users", "list_roles", "search_by_conditions":
				return harpertest.Fault{Status: 403, Body: "not allowed"}
			}
			return harpertest.Fault{}
		})
		s.put(dogs, ids(1, 20)...)
		s.round()
		s.load("dogs", 100, 5)
		s.round()
		s.round()
		s.one(ingest.LogAnonymous, "nobody knows")
	})
}

// TestSentinelLosesNothing: a round whose findings could not be stored is made
// again, and finds them again.
func TestSentinelLosesNothing(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		s.put(dogs, ids(1, 20)...)
		s.round()
		s.load("dogs", 100, 5)
		s.pass(30 * time.Second)
		s.read()
		s.db.full = errors.New("no space")
		if err := s.sentinel.Check(s.t.Context()); !errors.Is(err, s.db.full) {
			s.t.Errorf("error %v, want that of the store", err)
		}
		s.db.full = nil
		s.round()
		s.one(ingest.LogAnonymous, "5 changes")
	})
}
