package ingest_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/harpertest"
)

func (s *scene) unaudited(table audit.Table, id string, fields map[string]any) {
	s.t.Helper()
	v, err := audit.Of(fields)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.srv.WriteUnaudited(table, idOf(s.t, id), v); err != nil {
		s.t.Fatal(err)
	}
}

// TestSentinelUnauditedWrite: records whose version the log does not have.
func TestSentinelUnauditedWrite(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		s.put(dogs, ids(1, 60)...)
		s.put(cats, ids(1, 60)...)
		s.round()
		s.unaudited(dogs, "7", map[string]any{"id": 7, "n": 666})
		s.unaudited(dogs, "9000", map[string]any{"id": 9000, "n": 666}) // of which the log knows nothing at all
		for range 8 {
			s.round() // the sample comes round to every record
		}
		a := s.one(ingest.LogUnauditedWrite, "2 records of kennel.dogs", "without an entry in the log")
		slices.SortFunc(a.Changes, func(x, y audit.Evidence) int { return cmp.Compare(x.Time, y.Time) })
		if a.Count != 2 || a.Changes[0].Key != "7" || a.Changes[0].Time == 0 || a.Changes[1].Key != "9000" {
			s.t.Errorf("evidence %+v", a.Changes)
		}
		raised := s.raised[string(ingest.LogUnauditedWrite)]
		s.restart()
		for range 8 {
			s.round()
		}
		if again := s.raised[string(ingest.LogUnauditedWrite)]; again != raised {
			s.t.Errorf("raised %d times, then %d: the same records were told anew", raised, again)
		}
	})
}

// TestSentinelSampleSilent: records older than what was read, records written a
// moment ago, messages, and what lies in a gap are no unaudited writes.
func TestSentinelSampleSilent(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		s.unaudited(dogs, "1", map[string]any{"id": 1})
		old := s.srv.Now()
		s.put(dogs, ids(10, 20)...)
		s.pass(time.Minute)
		blind := s.srv.Now()
		s.unaudited(dogs, "2", map[string]any{"id": 2})
		_, err := s.db.Append(s.t.Context(), audit.Batch{Gaps: []audit.Gap{
			{Node: "n1", Table: dogs, From: 1, To: old, Kind: audit.GapBefore, Reason: "before the log"},
			{Node: "n1", Table: dogs, From: blind, To: s.srv.Now(), Kind: audit.GapUnreadable, Reason: "unreadable"},
		}})
		if err != nil {
			s.t.Fatal(err)
		}
		s.pass(time.Minute)
		s.round()
		for i := range 8 {
			msg, _ := audit.Of(map[string]any{"hello": i})
			err := s.srv.Transact("ann", func(tx *harpertest.Tx) error {
				tx.Publish(dogs, idOf(s.t, "10"), msg)
				return nil
			})
			if err != nil {
				s.t.Fatal(err)
			}
			s.put(dogs, fmt.Sprint(100+i))
			s.pass(30 * time.Second)
			s.read()
			s.put(dogs, fmt.Sprint(200+i)) // not read yet
			s.check()
		}
		for _, a := range s.alerts(ingest.LogUnauditedWrite) {
			s.t.Errorf("%s: %+v", a.Title, a.Changes)
		}
	})
}

// TestSentinelSampleAhead: what is younger than the overlap may not have been
// read yet, and what the log has is not unaudited, even if nobody stored it.
func TestSentinelSampleAhead(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		sentinel := ingest.NewSentinel(ingest.SentinelOptions{Server: s.server, Store: s.db, Node: "n1", Overlap: 2 * time.Minute})
		check := func() {
			s.t.Helper()
			if err := sentinel.Check(s.t.Context()); err != nil {
				s.t.Fatal(err)
			}
		}
		s.put(dogs, ids(1, 5)...)
		s.pass(time.Minute)
		s.put(dogs, "6")
		s.unaudited(dogs, "7", map[string]any{"id": 7})
		s.pass(time.Minute)
		if err := s.skip(dogs, 2*time.Minute-time.Second); err != nil {
			s.t.Fatal(err)
		}
		check()
		s.silent()
		if err := s.skip(dogs, 0); err != nil {
			s.t.Fatal(err)
		}
		check()
		s.silent()
		s.pass(10 * time.Minute)
		if err := s.skip(dogs, 0); err != nil {
			s.t.Fatal(err)
		}
		check()
		if a := s.one(ingest.LogUnauditedWrite, "1 record"); a.Changes[0].Key != "7" {
			s.t.Errorf("evidence %+v, want the record that the log does not have", a.Changes)
		}
	})
}

// TestSentinelReload: records that came from another node without a log.
func TestSentinelReload(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		at := s.srv.Now()
		c := audit.Change{Node: "n1", Time: at, Op: audit.OpReload, Reported: audit.OpReload, Key: audit.Key{Table: dogs, ID: "1"}}
		c.ID = c.Identify()
		if _, err := s.db.Append(s.t.Context(), audit.Batch{Changes: []audit.Change{c}}); err != nil {
			s.t.Fatal(err)
		}
		s.round()
		a := s.one(ingest.LogReload, "kennel.dogs was reloaded")
		if got := ingest.ReloadAlarm("n1", dogs, at, "").Alert(); got.ID != a.ID {
			s.t.Errorf("id %s, by the tail's own alarm %s: want one alert", a.ID, got.ID)
		}
	})
}

// TestSentinelBaseCopy: a node that got its records from another one has them
// without a log. That is one alert a table, and not one for each record.
func TestSentinelBaseCopy(t *testing.T) {
	onLines(t, harpertest.Options{}, func(s *scene) {
		other := harpertest.New(harpertest.Options{Line: s.srv.Line(), Clock: s.clock, Node: "n2"})
		s.t.Cleanup(other.Close)
		other.CreateTable(dogs, harpertest.Schema{})
		for i := range 10 {
			put(s.t, other, dogs, fmt.Sprint(1+i), map[string]any{"id": 1 + i})
		}
		s.pass(time.Minute)
		s.put(cats, "1")
		s.round()
		s.put(dogs, "100")
		s.round()
		harpertest.Replicate(other, s.srv).BaseCopy()
		for range 6 {
			s.round()
		}
		s.one(ingest.LogReload, "kennel.dogs was reloaded")
	})
}
