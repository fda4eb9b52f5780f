package ingest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/harper"
	"recourse/internal/harpertest"
)

func ids(from, n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprint(from+i))
	}
	return list
}

// TestSentinelSilent: what people do every day is no attack.
func TestSentinelSilent(t *testing.T) {
	onLines(t, harpertest.Options{Retention: 72 * time.Hour}, func(s *scene) {
		s.put(dogs, ids(1, 30)...)
		s.round()
		for i := range 6 {
			s.put(dogs, ids(100+10*i, 10)...)
			patch(s.t, s.srv, dogs, fmt.Sprint(1+i), map[string]any{"n": i, fmt.Sprint("new", i): true})
			if err := s.srv.Delete("ann", dogs, idOf(s.t, fmt.Sprint(20+i))); err != nil {
				s.t.Fatal(err)
			}
			s.srv.CreateTable(audit.Table{Database: "kennel", Name: fmt.Sprint("more", i)}, harpertest.Schema{})
			s.round()
			if i == 3 {
				s.restart()
			}
		}
		s.silent()
		if d, ok := s.sentinel.Retention(); !ok || d != 72*time.Hour {
			s.t.Errorf("retention %s, %v; want the server's 72h", d, ok)
		}
	})
}

// TestSentinelAuditOff: a table whose log is switched off has an alert and a gap
// that grows, until it is switched on again; one that never had a log has a gap.
func TestSentinelAuditOff(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		off := audit.Table{Database: "kennel", Name: "never"}
		s.srv.CreateTable(off, harpertest.Schema{NoAudit: true})
		s.round()
		begin := s.srv.Now()
		if err := s.srv.SetAudit(dogs, false); err != nil {
			s.t.Fatal(err)
		}
		s.round()
		s.restart()
		s.round()
		a := s.one(ingest.LogAuditOff, "kennel.dogs")
		if a.Severity != "critical" || a.Group["node"] != "n1" || a.Group["table"] != "kennel.dogs" || a.FirstTime > begin || a.LastTime < begin {
			s.t.Errorf("alert %+v", a)
		}
		if s.raised[string(ingest.LogAuditOff)] != 1 {
			s.t.Errorf("raised %v, want once", s.raised)
		}
		if err := s.srv.SetAudit(dogs, true); err != nil {
			s.t.Fatal(err)
		}
		s.round()
		on := s.srv.Now()
		s.round()
		gaps := s.gaps(audit.GapUnaudited, dogs)
		if len(gaps) != 1 || gaps[0].From > begin || gaps[0].To < a.LastTime || gaps[0].To > on {
			s.t.Errorf("gaps %+v, want one from before %s to before %s", gaps, begin, on)
		}
		if gaps := s.gaps(audit.GapUnaudited, off); len(gaps) != 1 {
			s.t.Errorf("gaps of the table that never had a log: %+v", gaps)
		}
	})
}

// TestSentinelConfiguration: the whole log switched off, and kept shorter.
func TestSentinelConfiguration(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		on, keep := true, 72*time.Hour
		s.server.configure = func(c *harper.Config) {
			is := on
			c.AuditLog, c.AuditRetention = &is, keep
		}
		s.round()
		keep = 96 * time.Hour
		s.round()
		s.silent()
		keep = 2 * time.Hour
		s.round()
		s.one(ingest.LogRetentionShortened, "2h", "4d")
		if d, _ := s.sentinel.Retention(); d != keep {
			s.t.Errorf("retention %s, want %s", d, keep)
		}
		on = false
		s.round()
		s.restart()
		s.round()
		if got := s.alerts(ingest.LogAuditOff); len(got) != 1 || s.raised[string(ingest.LogAuditOff)] != 1 {
			s.t.Errorf("alerts %+v, want one for the switch in the configuration", got)
		}
	})
}

// TestSentinelDroppedTable: a table that is gone leaves an alert, and a gap for
// what nobody can read any more.
func TestSentinelDroppedTable(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		s.put(dogs, ids(1, 5)...)
		s.round()
		s.put(dogs, "6")
		s.call(map[string]any{"operation": "drop_table", "database": "kennel", "table": "dogs"})
		s.round()
		s.round()
		s.one(ingest.LogTableDropped, "kennel.dogs", "about 5")
		if gaps := s.gaps(audit.GapPurged, dogs); len(gaps) != 1 {
			s.t.Errorf("gaps %+v, want one", gaps)
		}
	})
}

// TestSentinelHiddenTable: that a user may not see a table any more does not
// mean that it was dropped.
func TestSentinelHiddenTable(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		s.round()
		s.srv.SetFault(func(q harpertest.Request) harpertest.Fault {
			if q.Operation == "describe_all" {
				return harpertest.Fault{Status: 403, Body: "not allowed"}
			}
			return harpertest.Fault{}
		})
		s.pass(30 * time.Second)
		if err := s.sentinel.Check(s.t.Context()); err == nil {
			s.t.Error("a list of tables that is refused is no error")
		}
		s.silent()
	})
}

// TestSentinelRecreatedTable: dropped and made again between two looks.
func TestSentinelRecreatedTable(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		s.put(dogs, ids(1, 30)...)
		s.round()
		s.call(map[string]any{"operation": "drop_table", "database": "kennel", "table": "dogs"})
		s.call(map[string]any{"operation": "create_table", "database": "kennel", "table": "dogs", "primary_key": "id"})
		s.put(dogs, "77")
		s.round()
		s.round()
		s.one(ingest.LogTableRecreated, "kennel.dogs", "about 30")
	})
}

// TestSentinelRecreatedWithSchema: the same with a table that a schema declares,
// whose attributes are all there again.
func TestSentinelRecreatedWithSchema(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		s.srv.CreateTable(dogs, harpertest.Schema{Exported: true, Attributes: []harpertest.Attribute{{Name: "id"}, {Name: "n"}}})
		s.put(dogs, ids(1, 30)...)
		s.round()
		if err := s.srv.Recreate(dogs); err != nil {
			s.t.Fatal(err)
		}
		s.round()
		s.one(ingest.LogTableRecreated, "kennel.dogs", "about 30")
	})
}

// TestSentinelDroppedAttribute: it changes every record without an entry.
func TestSentinelDroppedAttribute(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		put(s.t, s.srv, dogs, "1", map[string]any{"id": 1, "name": "rex", "age": 3, "a": 1, "b": 2, "c": 3})
		s.round()
		s.call(map[string]any{"operation": "drop_attribute", "database": "kennel", "table": "dogs", "attribute": "age"})
		s.round()
		s.round()
		if a := s.one(ingest.LogAttributeDropped, "age", "kennel.dogs"); a.Unknown {
			s.t.Error("the log still has what it had: nothing of it is inferred")
		}
	})
}

// TestSentinelVanishedRecords: fewer records than the log's deletes explain.
func TestSentinelVanishedRecords(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		s.put(dogs, ids(1, 60)...)
		s.round()
		for i := range 30 { // these are logged
			if err := s.srv.Delete("ann", dogs, idOf(s.t, fmt.Sprint(1+i))); err != nil {
				s.t.Fatal(err)
			}
		}
		s.round()
		s.round()
		s.round()
		s.silent()
		for i := range 10 {
			if err := s.srv.WriteUnaudited(dogs, idOf(s.t, fmt.Sprint(31+i)), nil); err != nil {
				s.t.Fatal(err)
			}
		}
		s.round()
		s.round()
		s.round()
		s.round()
		a := s.one(ingest.LogRecordsVanished, "about 20 records", "at least 30", "30 deleted")
		if a.Count != 10 {
			s.t.Errorf("count %d, want 10", a.Count)
		}
	})
}

// TestSentinelVanishedAmongNew: records that vanish are missed too when as many
// new ones come.
func TestSentinelVanishedAmongNew(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		s.put(dogs, ids(1, 60)...)
		s.round()
		var records []any
		for i := range 20 {
			records = append(records, map[string]any{"id": 100 + i})
		}
		s.call(map[string]any{"operation": "insert", "database": "kennel", "table": "dogs", "records": records})
		for i := range 15 {
			if err := s.srv.WriteUnaudited(dogs, idOf(s.t, fmt.Sprint(1+i)), nil); err != nil {
				s.t.Fatal(err)
			}
		}
		for range 4 {
			s.round()
		}
		if a := s.one(ingest.LogRecordsVanished, "about 65 records", "at least 80", "20 inserted"); a.Count != 15 {
			s.t.Errorf("count %d, want 15", a.Count)
		}
	})
}

// TestSentinelGuessedCount: a number that Harper only guesses is worth its
// limits.
func TestSentinelGuessedCount(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		n, limits := int64(100_000), [2]int64{80_000, 120_000}
		s.server.describe = func(i *harper.TableInfo) {
			if i.Table == dogs {
				i.RecordCount, i.CountRange = n, limits
			}
		}
		s.put(dogs, "1")
		s.round()
		n, limits = 10_000, [2]int64{9_000, 11_000} // once only
		s.round()
		n, limits = 85_000, [2]int64{70_000, 100_000}
		for range 4 {
			s.round()
		}
		s.silent()
		n, limits = 40_000, [2]int64{35_000, 45_000}
		for range 4 {
			s.round()
		}
		s.one(ingest.LogRecordsVanished, "about 40000", "at least 80000")
	})
}

// TestSentinelDamagedNote: a memory that cannot be read begins anew, and does not
// tell again what is stored.
func TestSentinelDamagedNote(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		s.round()
		s.load("dogs", 1, 5)
		s.round()
		if err := s.db.SetNote(s.t.Context(), "sentinel/n1", []byte(`{"seq":`)); err != nil {
			s.t.Fatal(err)
		}
		s.restart()
		s.round()
		s.round()
		if a := s.one(ingest.LogAnonymous, "5 changes"); a.Count != 5 {
			s.t.Errorf("count %d", a.Count)
		}
	})
}

// TestSentinelRun: rounds go on until the context ends, whatever fails.
func TestSentinelRun(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		ctx, stop := context.WithCancel(s.t.Context())
		rounds := 0
		s.srv.SetFault(func(q harpertest.Request) harpertest.Fault {
			if q.Operation != "describe_all" {
				return harpertest.Fault{}
			}
			if rounds++; rounds == 3 {
				stop()
			}
			return harpertest.Fault{Status: 500, Body: "out of order"}
		})
		sentinel := ingest.NewSentinel(ingest.SentinelOptions{Server: s.server, Store: s.db, Node: "n1", Interval: time.Millisecond})
		if err := sentinel.Run(ctx); err != nil || rounds < 3 {
			s.t.Errorf("Run ended with %v after %d rounds", err, rounds)
		}
	})
}
